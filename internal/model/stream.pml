/*
 * Streams: producers attach, begin, send, mark the end or not, and leave; consumers that
 * ask for ends are told each end that is for them, after all that was sent before it was
 * handed out. Any of them may die between any two steps. ring/stream.go, ring/ends.go and
 * ring/end_told.go have it in code, internal/attach/stream.go what the kernel is asked.
 *
 * A step is a d_step and makes ONE access to shared memory, or one system call that
 * is atomic in the kernel; its comment names it behind an arrow. Sending, taking at head and
 * acknowledging are one step each here: slots.pml has them in full.
 */

#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef CONSUMERS
#define CONSUMERS 2
#endif
#ifndef RECORDS
#define RECORDS 1      /* that each producer sends */
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef BATCH
#define BATCH 1        /* most records that one take has */
#endif
#ifndef GIVEUP
#define GIVEUP 0       /* 1: a producer may leave without having finished its work */
#endif

#ifndef SENT
#define SENT 0         /* 1: consumers that were attached, after one stream came to its end;
                          2: the first of them has taken all, and is dead */
#endif

#define TOTAL (PRODUCERS * RECORDS)
#define ENDS (PRODUCERS + 1)
#define NOBODY 255

/* ==== shared memory ==== */

byte epoch, left, finished, ends, told, met;
byte mark[ENDS + 1], how[ENDS + 1], atEpoch[ENDS + 1], atLeft[ENDS + 1]; /* the log; no end is forgotten */
bool hint[CONSUMERS];  /* orphans: it is only compared with the value last seen */
byte head, tail;

#define FREE 0
#define FULL 1
#define READING 2
#define ORPHAN 3
#define DONE 4
byte slot[TOTAL + 1];  /* by position */
byte owner[TOTAL + 1]; /* of READING */
byte first[TOTAL + 1]; /* of the take that it is part of */

byte awaits[CONSUMERS], inherits[CONSUMERS]; /* 0, or 1 + the number, the position */
bool dirty[CONSUMERS];

#define BY_MARK 1
#define ALL_LEFT 2
#define CUT 3

/* ==== the kernel: locks end with their holder ==== */

byte streamLock = NOBODY; /* PRODUCERS + i: consumer i */
byte role;                /* producers that have it */
byte seatLock[CONSUMERS]; /* 1 + who has it, 0 for none: its consumer or a recoverer */
bool recovering[CONSUMERS];

/* ==== what is only checked with ==== */

byte deaths;
byte begun, cut;          /* of the open stream: producers, and those that died, or gave up */
byte mask[ENDS + 1];      /* who awaited an end when it came, bit by bit */
byte handed[TOTAL + 1];   /* 1 + who was handed it last, 0 while that one is dead */
byte from[CONSUMERS];     /* the first end that is its own; 0 before it listens */
byte last[CONSUMERS];     /* the last end that it was told, or passed */
byte heard[ENDS + 1];     /* how many were told an end */
bool dead[CONSUMERS];
bool late[CONSUMERS];     /* a participant died after this one looked for dead ones */
bool news[CONSUMERS];     /* something happened that a waiting consumer may go on with */

inline raise() { for (n_ : 0 .. CONSUMERS - 1) { hint[n_] = true } n_ = 0 }
inline changed() { for (n_ : 0 .. CONSUMERS - 1) { news[n_] = true } n_ = 0 }

/* What may be told next: NOBODY if nothing; see lookAtEnds and forMe. */
inline look()
{
	limit = NOBODY;
	do
	:: ends < next -> break
	:: else ->
		if
		:: next >= own -> limit = mark[next]; break
		:: next < own && told < next && head <= mark[next] &&
		   (how[next] == BY_MARK || (next == ends && epoch == atEpoch[ends])) -> limit = mark[next]; break
		:: else ->
			if :: how[next] == CUT && mark[next] > head -> sawCut = true :: else fi;
			next++
		fi
	od
}

/* Whatever is done in steps of one access is done with STEP: it happens, or its participant
   dies before it. */
#define STEP(what) if :: d_step { what; skip } :: deaths < DEATHS -> goto DIE fi

/* ==== producers ==== */

/* The end of the stream is noted by who holds the lock of streams. */
#define NOTE(me)                                                                        \
	STEP(was = ends; e = epoch);                       /* -> ends, epoch (nobody else moves them) */ \
	if                                                                              \
	:: e == atEpoch[was] -> skip                                                    \
	:: else ->                                                                      \
		STEP(mark[was + 1] = tail;                     /* -> the log, mark */    \
		     how[was + 1] = (left - atLeft[was] != e - atEpoch[was] -> CUT : (finished == e -> BY_MARK : ALL_LEFT))); \
		NOTE_EARLY                                                               \
		STEP(atEpoch[was + 1] = e; atLeft[was + 1] = left); /* -> the log */    \
		STEP(n = 0; b = 0; do                             /* -> seats, locks */  \
			:: n < CONSUMERS -> b = (b || (dirty[n] && seatLock[n] == n + 1 && awaits[n] != 0 && awaits[n] - 1 <= was + 1)); n++ \
			:: else -> break od; n = 0);                                     \
		if :: b -> STEP(met = (met < was + 1 -> was + 1 : met)) /* -> met */ :: else fi; \
		NOTE_LATE                                                                \
	fi

#define COMES ends = was + 1; assert(role == ALONE); \
	assert(begun > 0 && (how[was + 1] == CUT) == (cut > 0)); begun = 0; cut = 0;        \
	for (n : 0 .. CONSUMERS - 1) { if :: from[n] != 0 && !dead[n] -> mask[was + 1] = mask[was + 1] | (1 << n) :: else fi } n = 0; changed()

#ifdef BUG_END_BEFORE_ENTRY
#define NOTE_EARLY STEP(COMES);
#define NOTE_LATE
#else
#define NOTE_EARLY
#define NOTE_LATE STEP(COMES);                              /* -> ends: this is the end */
#endif

proctype producer(byte me)
{
	byte was, e, n, b, sent, n_;
	bool have, began, gone;

#define ALONE have
	/* attach */
	STEP(streamLock == NOBODY -> streamLock = me);      /* -> lock of streams */
	STEP(role++; have = true);                          /* -> role */
	if
	:: role == 1 ->                                     /* asked through its own description */
		NOTE(me);
#ifndef BUG_NO_WARNING
		STEP(raise(); changed());                   /* -> orphans */
#endif
	:: else
	fi;
	STEP(streamLock = NOBODY; changed());               /* -> lock of streams */
	/* all that may refuse comes here */
	STEP(epoch++; began = true; begun++; changed());             /* -> epoch */
	do
	:: sent < RECORDS -> STEP(slot[tail] = FULL; tail++; sent++; changed()) /* -> a record */
	:: else -> break
	od;
	if
	:: STEP(e = epoch);                                 /* -> epoch */
	   STEP(finished = e)                               /* -> finished */
	:: skip
	fi;
	/* leave */
#ifdef BUG_LEAVE_WITHOUT_LOCK
	skip;
#else
	STEP(streamLock == NOBODY -> streamLock = me);      /* -> lock of streams */
#endif
	if
	:: STEP(left++; began = false)                      /* -> left */
	:: GIVEUP -> skip
	fi;
	STEP(role--; have = false; cut = cut + began; began = false; changed()); /* -> role */
	if
	:: role == 0 -> NOTE(me)
	:: else
	fi;
	STEP(if :: streamLock == me -> streamLock = NOBODY :: else fi; changed()); /* -> lock of streams */
	goto END;
DIE:	skip;
	d_step {
		deaths++;
		if :: streamLock == me -> streamLock = NOBODY :: else fi;
		if :: have -> role-- :: else fi;
		cut = cut + began;
		changed();
		skip
	}
END:	skip
}
#undef ALONE

/* ==== consumers ==== */

#define MINE(p) (slot[p] == READING && owner[p] == me)

/* A record at p is handed to me. */
inline hand(p)
{
	assert(handed[p] == 0 || slot[p] != DONE);
	handed[p] = me + 1;
	/* All ends that are its own and lie at or before the record were told. */
	for (n : 1 .. ENDS) {
		if :: n <= ends && n >= own && mark[n] <= p -> assert(last[me] >= n) :: else fi
	}
	n = 0
}

proctype consumer(byte me)
{
	byte own, next, limit = NOBODY, h, k, p, n, n_, was, e, b, heir = NOBODY, o, hm;
	bool sawCut, got, mine, rescan = true;

#define ALONE 0
#if SENT
	own = 1;
	next = 1;
	goto TOP;
#endif
	/* attach, and note an end that nobody has noted */
	STEP(seatLock[me] = me + 1; dirty[me] = true);      /* -> seat */
	if
	:: STEP(role == 0 && streamLock == NOBODY && epoch != atEpoch[ends] -> streamLock = PRODUCERS + me); /* -> locks */
	   NOTE(me);
	   STEP(streamLock = NOBODY; changed())             /* -> lock of streams */
	:: STEP(role > 0 || streamLock != NOBODY || epoch == atEpoch[ends] -> skip)
	fi;
	STEP(own = ends + 1);                               /* -> ends */
	STEP(hm = met);                                     /* -> met */
	STEP(next = (told < own - 1 -> told + 1 : own));    /* -> told */
	STEP(if :: met < own - 1 -> hm = met; met = own - 1 :: else -> hm = (met > hm -> met : hm) fi); /* -> met */
	STEP(from[me] = own;
	     last[me] = own - 1;
	     awaits[me] = 1 + (hm < own - 1 -> (hm + 1 > next -> hm + 1 : next) : own)); /* -> awaits */

TOP:
	if
	:: /* inherited, to be handed out */
	   heir != NOBODY && (limit == NOBODY || heir < limit) ->
		STEP(hand(heir); h = heir; got = (got || limit != NOBODY);
		     heir = (heir + 1 < tail && MINE(heir + 1) && handed[heir + 1] == 0 && first[heir + 1] == first[heir] -> heir + 1 : NOBODY);
		     inherits[me] = (heir == NOBODY -> 0 : heir + 1); changed()); /* -> inherits */
		STEP(slot[h] = DONE; changed())             /* -> acknowledged */
	:: else ->
		/* orphans, if the hint says so */
		STEP(o = (hint[me] || rescan);               /* -> orphans */
		     if :: heir == NOBODY -> hint[me] = false; rescan = false :: else -> o = false fi);
		if
		:: o ->
			STEP(look());                       /* -> ends and the log */
			p = 0;
			do
			:: p < tail && slot[p] == ORPHAN && (limit == NOBODY || p < limit) ->
#ifndef BUG_INHERITS_LATE
				STEP(inherits[me] = p + 1); /* -> inherits */
#endif
				STEP(o = hint[me]; hint[me] = false; rescan = (rescan || o)); /* -> orphans: asked after the word */
				if :: o -> STEP(look()) /* -> ends */ :: else fi;
				STEP(if
				     :: slot[p] == ORPHAN && (limit == NOBODY || p < limit) -> /* -> the word */
					heir = p;
					n = p;
					do
					:: n < tail && slot[n] == ORPHAN && first[n] == first[p] -> slot[n] = READING; owner[n] = me; n++
					:: else -> break
					od;
					n = 0
				     :: else
				     fi);
				if :: heir != NOBODY -> break :: else -> p++ fi
			:: p < tail && !(slot[p] == ORPHAN && (limit == NOBODY || p < limit)) -> p++
			:: p >= tail -> STEP(if :: inherits[me] != 0 -> inherits[me] = 0; changed() :: else fi); break /* -> inherits */
			od;
			p = 0
		:: else ->
			/* at head */
			STEP(h = head; k = (h < TOTAL && slot[h] == FULL -> 1 : 0);
			     k = (k == 1 && BATCH > 1 && h + 1 < TOTAL && slot[h + 1] == FULL -> 2 : k)); /* -> head, the word */
			if
			:: k > 0 ->
#ifndef BUG_TAKE_UNASKED
				STEP(o = hint[me]; hint[me] = false; rescan = (rescan || o)); /* -> orphans: asked after the word */
				if :: o -> STEP(look()) /* -> ends */ :: else fi;
#endif
				if
				:: limit != NOBODY && h >= limit -> k = 0
				:: limit != NOBODY && h < limit && h + k > limit -> k = limit - h
				:: else
				fi
			:: else
			fi;
			if
			:: k > 0 ->
				STEP(if
				     :: head == h && slot[h] == FULL -> /* -> the word; head */
					for (n : h .. h + k - 1) { slot[n] = READING; owner[n] = me; first[n] = h }
					n = 0;
					head = h + k;
					got = (got || limit != NOBODY);
					p = h;
					do :: p < h + k -> hand(p); p++ :: else -> break od;
					p = 0
				     :: else -> k = 0
				     fi; changed());
				do
				:: k > 0 -> k--; STEP(slot[h] = DONE; changed()); h++ /* -> acknowledged */
				:: else -> break
				od
			:: else -> goto NOTHING
			fi
		fi
	fi;
	n = 0; p = 0;
	goto AGAIN;

NOTHING:
	/* look for the end */
	if
	:: STEP(role == 0 && streamLock == NOBODY && epoch != atEpoch[ends] -> streamLock = PRODUCERS + me); /* -> locks */
	   NOTE(me);
	   STEP(streamLock = NOBODY; changed())             /* -> lock of streams */
	:: STEP(role > 0 || streamLock != NOBODY || epoch == atEpoch[ends] -> skip)
	fi;
	STEP(look());                                       /* -> ends and the log */
	/* recover the dead */
	STEP(late[me] = false);
	p = 0;
	do
	:: p < CONSUMERS ->
		if
		:: STEP(p != me && dirty[p] && seatLock[p] == 0 -> recovering[me] = true); /* -> its lock, lock of recovery */
			STEP(b = (seatLock[p] == 0); if :: b -> seatLock[p] = me + 1 :: else fi); /* -> its lock */
			if :: !b -> goto NEXT :: else fi;
			STEP(for (n : 0 .. TOTAL - 1) {      /* -> its words */
				if :: slot[n] == READING && owner[n] == p -> slot[n] = ORPHAN :: else fi
			     } n = 0);
			STEP(raise());                      /* -> orphans */
			STEP(dirty[p] = false);             /* -> its entry */
			STEP(seatLock[p] = 0; changed())    /* -> its lock */
		:: STEP(p == me || !dirty[p] || seatLock[p] != 0 -> skip)
		fi;
NEXT:		p++
	:: else -> break
	od;
	p = 0;
	b = 0;
	if :: recovering[me] -> STEP(recovering[me] = false; changed()) :: else fi; /* -> lock of recovery */
	if :: limit == NOBODY -> goto WAIT :: else fi;
	STEP(b = 0;                                         /* -> lock of recovery */
	     for (n : 0 .. CONSUMERS - 1) { b = (b || (n != me && recovering[n])) } n = 0);
#ifndef BUG_RECOVERER_UNASKED
	if :: b -> goto WAIT :: else fi;
#endif
	/* all handed out? */
	STEP(o = (hint[me] || rescan));                     /* -> orphans */
	if :: o -> goto AGAIN :: else fi;
	if :: heir != NOBODY && heir < limit -> goto AGAIN :: else fi;
	STEP(b = (head >= limit || slot[head] == FREE));    /* -> head, the word */
	if :: !b -> goto AGAIN :: else fi;
	p = 0;
	do
	:: p < CONSUMERS ->
#ifdef BUG_INHERITED_UNASKED
		skip;
#else
		STEP(b = (p != me && inherits[p] != 0 && inherits[p] - 1 < limit && dirty[p])); /* -> its inherits */
		if :: b -> p = 0; goto WAIT :: else fi;
#endif
		p++
	:: else -> break
	od;
	p = 0;
	STEP(b = hint[me]);                                 /* -> orphans */
	if :: b -> goto AGAIN :: else fi;
	/* is it for me? */
	mine = next >= own;
	if
	:: !mine ->
		b = !(next > hm || got);
		STEP(for (n : 0 .. CONSUMERS - 1) {          /* -> awaits, locks */
#ifndef BUG_OTHERS_UNASKED
			b = (b || (n != me && dirty[n] && seatLock[n] == n + 1 && awaits[n] != 0 && awaits[n] - 1 <= next))
#else
			skip
#endif
		     } n = 0);
		if
		:: b ->
			STEP(b = (ends != next || (head < TOTAL && head >= limit && slot[head] == FULL))); /* -> ends, the word */
			if
			:: b -> next++; limit = NOBODY; rescan = true; goto AGAIN
			:: else -> goto WAIT
			fi
		:: else
		fi
	:: else
	fi;
#ifdef BUG_TAKE_WITHOUT_CAS
	STEP(b = (told < next));                            /* -> told */
	if :: !mine && !b -> limit = NOBODY; goto AGAIN :: else fi;
	STEP(told = (told < next -> next : told);           /* -> told */
#else
	STEP(if                                             /* -> told: a CAS */
	     :: told < next -> told = next; b = true
	     :: else -> b = mine
	     fi;
	     if
	     :: b ->
#endif
		e = (sawCut -> CUT : how[next]);
		assert(next > last[me] || next < own);
		assert(mine || heard[next] == 0);           /* nobody was told what is not its own, twice */
		heard[next]++;
		p = 0;                                      /* nor what is somebody's who lives and was not told */
		do
		:: p < CONSUMERS -> assert(mine || p == me || dead[p] || !(mask[next] >> p & 1) || last[p] >= next); p++
		:: else -> break
		od;
		p = 0;
		do                                          /* nothing is with nobody, but what was in the hands of one who died since */
		:: p < mark[next] ->
			assert(slot[p] != FULL && (slot[p] != ORPHAN || late[me]));
			assert(slot[p] != READING || late[me] || (!dead[owner[p]] && handed[p] == owner[p] + 1));
			p++
		:: else -> break
		od;
		p = 0;
		last[me] = (last[me] > next -> last[me] : next);
		next++; limit = NOBODY; rescan = true; sawCut = false; got = false
#ifndef BUG_TAKE_WITHOUT_CAS
	     :: else -> limit = NOBODY
	     fi
#endif
	);
	STEP(awaits[me] = 1 + (next > own -> next : own); changed()); /* -> awaits */
AGAIN:	b = 0; e = 0; o = 0; was = 0; mine = false; h = 0; k = 0;
	goto LOOP;
WAIT:	b = 0; e = 0; o = 0; was = 0; mine = false; h = 0; k = 0;
endWait:
	if
	:: d_step { news[me] -> news[me] = false }
	:: deaths < DEATHS -> goto DIE
	fi;
LOOP:	goto TOP;
DIE:	skip;
	d_step {
		deaths++;
		dead[me] = true;
		n = 0;
		do
		:: n < CONSUMERS -> if :: seatLock[n] == me + 1 -> seatLock[n] = 0 :: else fi; late[n] = true; n++
		:: else -> break
		od;
		n = 0;
		do
		:: n < TOTAL -> if :: MINE(n) -> handed[n] = 0 :: else fi; n++
		:: else -> break
		od;
		recovering[me] = false;
		if :: streamLock == PRODUCERS + me -> streamLock = NOBODY :: else fi;
		changed();
		skip
	}
}

/* When nobody can go on: whoever lives was told all that is its own, and has had all records. */
proctype monitor()
{
	byte i, n;
	bool lives;
	timeout ->
	d_step {
		for (i : 0 .. CONSUMERS - 1) {
			lives = lives || (from[i] != 0 && !dead[i]);
			if
			:: from[i] != 0 && !dead[i] -> assert(last[i] >= ends || ends < from[i])
			:: else
			fi
		}
		for (n : 0 .. TOTAL - 1) { assert(!lives || slot[n] == DONE || slot[n] == FREE) }
		assert(epoch == atEpoch[ends] || !lives)
	}
}

init {
	byte i;
	atomic {
#if SENT
		epoch = 1; left = 1; ends = 1; met = 1; mark[1] = TOTAL; how[1] = ALL_LEFT; atEpoch[1] = 1; atLeft[1] = 1;
		tail = TOTAL;
		for (i : 0 .. TOTAL - 1) { slot[i] = FULL }
		for (i : 0 .. CONSUMERS - 1) { dirty[i] = true; seatLock[i] = i + 1; from[i] = 1; awaits[i] = 2 }
#endif
#if SENT == 2
		head = TOTAL;
		seatLock[0] = 0; dead[0] = true;
		for (i : 0 .. TOTAL - 1) { slot[i] = READING }
#endif
#if SENT
#else
		for (i : 0 .. PRODUCERS - 1) { run producer(i) }
#endif
		for (i : 0 .. CONSUMERS - 1) { if :: !dead[i] -> run consumer(i) :: else fi }
		run monitor()
	}
}
