/*
 * Marks: a single producer sends records, some with a mark, and may die before any access to
 * shared memory; its successor has to learn the mark of the last marked record that was
 * published. A viewer asks for it meanwhile. ring/mark.go and ring/producer_mark.go have it in
 * code.
 *
 * A step is a d_step and makes ONE access to shared memory; its comment names it behind an
 * arrow. Records take one slot; positions do not wrap, and a word is the position that it speaks
 * of and whether a record is there. What is on a disk is not modelled.
 */

#ifndef RECORDS
#define RECORDS 4      /* that are sent in all */
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef MANYC
#define MANYC 0        /* 1: consumers free by the words */
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef LAG
#define LAG 1          /* records that tail may lag behind */
#endif
#ifndef VIEWS
#define VIEWS 0        /* times that a viewer asks */
#endif

#define TRIES (RECORDS + DEATHS)
#define TORN 255

/* ==== shared memory ==== */

byte head, tail, epoch;
byte spot[SLOTS], filled[SLOTS]; /* a word: of position spot[i], and FULL or READING if filled[i] */

typedef entry {
	byte at;           /* 1 + position; 0: none */
	byte low, high     /* of the mark */
}
entry e[2];

/* ==== what is only checked with ==== */

byte deaths;
byte truth;            /* mark of the last marked record that was published; 0: none */
bool published[TRIES + 1]; /* by mark */

init {
	byte i;
	d_step { for (i : 0 .. SLOTS - 1) { spot[i] = i } i = 0 }
	atomic {
		run producer();
		run consumer();
		if :: VIEWS > 0 -> run viewer() :: else fi
	}
}

#define STEP(what) if :: d_step { what; skip } :: deaths < DEATHS -> goto DIE fi
#define W(p) ((p) % SLOTS)

#ifdef BUG_ONE_ENTRY
#define OTHER(i) 0
#else
#define OTHER(i) (1 - (i))
#endif

#ifdef BUG_ENTRY_AFTER_WORD
#define EARLY
#define LATE ENTRY
#else
#define EARLY ENTRY
#define LATE
#endif

#define ENTRY \
	STEP(e[next].low = mark);                            /* -> entry, mark */     \
	STEP(e[next].high = mark);                           /* -> entry, mark */     \
	STEP(e[next].at = t + 1);                            /* -> entry, position */ \
	next = OTHER(next);

proctype producer()
{
	byte t, h, n, mark, made, next, last, lastAt, i;
	bool marked;

BEGIN:
	n = 0; mark = 0; next = 0; last = 0; lastAt = 0; marked = false;
	/* ring.walk */
	STEP(h = head);                                      /* -> head */
	STEP(t = (h > tail -> h : tail));                    /* -> tail */
#ifndef BUG_NO_WALK
	do
	:: d_step {                                          /* -> word */
		spot[W(t)] > t -> n = 1 }
		STEP(t = head);                              /* -> head */
	:: d_step { spot[W(t)] == t && filled[W(t)] -> t++ }     /* -> word */
	:: spot[W(t)] < t || (spot[W(t)] == t && !filled[W(t)]) -> break /* -> word */
	od;
#endif
	STEP(tail = t);                                      /* -> tail */
	/* resumeMarks: nobody else writes the entries */
	i = 0;
	do
	:: i == 2 -> break
	:: i < 2 && e[i].at == 0 -> i++
	:: i < 2 && e[i].at == t + 1 ->
#ifndef BUG_NOT_CLEARED
		STEP(e[i].at = 0);                           /* -> entry, position */
#endif
		i++
	:: i < 2 && e[i].at != 0 && e[i].at <= t ->
		if
		:: e[i].at > lastAt ->
			lastAt = e[i].at; last = (e[i].low == e[i].high -> e[i].low : TORN);
#ifdef BUG_NEWER_OVERWRITTEN
			next = i
#else
			next = OTHER(i)
#endif
		:: else
		fi;
		i++
	:: else -> assert(false)                             /* damage */
	od;
	assert(last == truth);
	STEP(epoch++);                                       /* -> epoch */

	n = 0;
	do
	:: t == RECORDS -> goto DONE
	:: t < RECORDS ->
		/* room */
		if
		:: MANYC && spot[W(t)] == t && !filled[W(t)]     /* -> word */
		:: !MANYC && t - head < SLOTS                /* -> head */
		:: deaths < DEATHS -> goto DIE
		fi;
		if
		:: marked = true; made++; mark = made; EARLY
		:: marked = false
		fi;
		STEP(spot[W(t)] = t; filled[W(t)] = 1;           /* -> word */
		     truth = (marked -> mark : truth);
		     published[mark] = (marked || published[mark]));
		if :: marked -> LATE skip :: else fi;
		t++; n++;
		if
		:: STEP(tail = t); n = 0                     /* -> tail */
		:: n <= LAG && t < RECORDS                   /* of a batch: later */
		fi
	od;

DIE:	skip;
	d_step { deaths++; marked = false; i = 0 }
	goto BEGIN;
DONE:
	skip
}

proctype consumer()
{
	byte p;
	do
	:: p == RECORDS -> break
	:: p < RECORDS && spot[W(p)] == p && filled[W(p)] ->     /* -> word */
		d_step { head = p + 1 }                      /* -> head */
		if
		:: MANYC -> d_step { spot[W(p)] = p + SLOTS; filled[W(p)] = 0 } /* -> word */
		:: else
		fi;
		p++
	od
}

/* Ring.Mark */

/* (a mark of 0 is that of no record) */
#define READ(i, x) \
	d_step { x.at = e[i].at }                            /* -> entry, position */ \
	d_step { x.low = e[i].low }                          /* -> entry, mark */     \
	d_step { x.high = e[i].high }                        /* -> entry, mark */

#define PUBLISHED(x, yes) \
	d_step { yes = spot[W(x.at - 1)] > x.at - 1 || (spot[W(x.at - 1)] == x.at - 1 && filled[W(x.at - 1)]) } /* -> word */ \
	if :: yes :: else -> d_step { yes = tail > x.at - 1 }    /* -> tail */ fi

proctype viewer()
{
	entry a, b, c;
	byte views, before, was;
	bool yes;
	do
	:: views == VIEWS -> break
	:: views < VIEWS ->
		before = truth;
AGAIN:		skip;
		d_step { was = epoch }                       /* -> epoch */
		READ(0, a);
		READ(1, b);
#ifndef BUG_TWO_MOMENTS
		d_step { yes = e[1].at == b.at }             /* -> entry, position */
		if :: yes :: else -> goto AGAIN fi;
		d_step { yes = e[0].at == a.at }             /* -> entry, position */
		if :: yes :: else -> goto AGAIN fi;
#endif
		d_step {
			if
			:: b.at > a.at ->
				c.at = a.at; c.low = a.low; c.high = a.high;
				a.at = b.at; a.low = b.low; a.high = b.high;
				b.at = c.at; b.low = c.low; b.high = c.high
			:: else
			fi;
			c.at = 0; c.low = 0; c.high = 0; yes = false
		}
		if :: a.at != 0 -> PUBLISHED(a, yes) :: else fi;
		if
		:: yes
		:: !yes && b.at != 0 ->
			PUBLISHED(b, yes);
			if :: yes :: else -> goto AGAIN fi;
			d_step { a.low = b.low; a.high = b.high }
		:: !yes && b.at == 0 -> d_step { a.at = 0; a.low = 0; a.high = 0 } /* none */
		fi;
#ifndef BUG_EPOCH_UNASKED
		d_step { yes = epoch == was }                /* -> epoch */
		if :: yes :: else -> goto AGAIN fi;
#endif
		d_step { assert(a.low == a.high && a.low >= before && a.low <= truth && (a.low == 0 || published[a.low])) }
		d_step { views++; a.at = 0; a.low = 0; a.high = 0; b.at = 0; b.low = 0; b.high = 0; yes = false; before = 0; was = 0 }
	od
}
