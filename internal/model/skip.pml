/*
 * Subscriptions to a queue whose producers wait for nobody: a reader copies, and asks
 * afterwards whether what it copied was still whole. Nothing that a reader does is seen by
 * anybody, so there are no cursors here. Producers may die between any two steps.
 *
 * A step is a d_step and makes ONE access to shared memory; its comment names it behind an
 * arrow. A record of k slots is written, and copied, slot by slot.
 */

#ifndef MANYP
#define MANYP 0        /* 1: producers share the role, and claim by compare-and-swap */
#endif
#ifndef PRODUCERS
#define PRODUCERS 2    /* at once if MANYP, else one after the other */
#endif
#ifndef RECORDS
#define RECORDS 4      /* that each of them sends if MANYP, else all of them: a successor sends what is left */
#endif
#ifndef KMAX
#define KMAX 1
#endif
#ifndef ABORTS
#define ABORTS 0       /* reservations that are written to, and given up */
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef DEATHS
#define DEATHS 0
#endif

#define MOST (PRODUCERS * (RECORDS * KMAX + KMAX) + (DEATHS + 1) * KMAX + 2 * SLOTS)
#define NOBODY 255

/* ==== shared memory ==== */

byte tail = SLOTS, intent = SLOTS; /* positions begin at a lap, so that none is negative */

mtype = { FREE, CLAIMED, FULL, SKIP };
mtype state[SLOTS] = FREE;
byte pos[SLOTS];       /* of the word; its lap */
byte span[SLOTS];
byte owner[SLOTS];
byte payload[SLOTS];   /* whose it is: see mark */

byte role = NOBODY;

/* ==== what is only checked with ==== */

byte deaths, aborts;
#if MANYP
#define SENT sent
#else
byte all;              /* records that were published */
#define SENT all
#endif
byte running = PRODUCERS;
/* A payload is known by its position and by the try: a producer that gave a record up, or
   died in it, leaves payload of the same position as its successor's, but of an earlier try. */
#define TRIES (DEATHS + ABORTS + 1)
#define MARK(p) ((p) * TRIES + deaths + aborts)
byte is[MOST];         /* by position: the mark of the record that was published there; the reader clears what it is past */
byte size[MOST];       /* by position: of what begins there; the same */
byte past;             /* positions before it are cleared */
bool dead[PRODUCERS];

#define STEP(what) if :: d_step { what; skip } :: deaths < DEATHS -> goto DIE fi
#define AT(p) ((p) % SLOTS)
#define EXACT(p) (pos[AT(p)] == (p) && state[AT(p)] != FREE)

#define WRITE                                                          \
	g = 0;                                                         \
	do                                                             \
	:: g < i -> STEP(payload[AT(t + g)] = mine); g++ /* -> payload */ \
	:: else -> break                                               \
	od;                                                            \
	g = 0;

proctype producer(byte me)
{
	byte t, k, i, g, sent, limit, mine, wpos, wspan;
	mtype w;
	bool filler;

#if !MANYP
	STEP(role == NOBODY -> role = me);                 /* -> role */
	STEP(t = tail);                                    /* -> tail */
	do
	:: STEP(k = (EXACT(t) -> span[AT(t)] : 0));        /* -> the word */
	   if :: k > 0 -> t = t + k :: else -> break fi
	od;
	STEP(tail = t);                                    /* -> tail */
#ifdef BUG_INTENT_BACK
	limit = t; /* what the dead one announced is not read */
#else
	STEP(limit = intent);                              /* -> intent */
#endif
#endif
NEXT:
	if :: SENT == RECORDS -> goto LEAVE :: else fi;
	k = 1;
	if :: KMAX > 1 -> k = KMAX :: skip fi;
AGAIN:
	filler = false;
#if MANYP
	STEP(t = tail);                                    /* -> tail */
	STEP(w = state[AT(t)]; wpos = pos[AT(t)]; wspan = span[AT(t)]); /* -> the word */
	if
	:: wpos == t && w != FREE ->
		STEP(if :: tail == t -> tail = t + wspan :: else fi); /* -> tail: helped */
		goto AGAIN
	:: wpos > t -> goto AGAIN
	:: else
	fi;
#endif
	if
	:: AT(t) + k > SLOTS -> filler = true; i = SLOTS - AT(t)
	:: else -> i = k
	fi;
#if MANYP
#ifndef BUG_OVER_CLAIMED
	g = 0;
	do
	:: g < i ->
		STEP(wspan = (state[AT(t + g)] == CLAIMED -> 1 : 0)); /* -> a word */
		if
		:: wspan == 1 ->
			if
			:: d_step { state[AT(t + g)] != CLAIMED || tail != t -> skip }
			:: deaths < DEATHS -> goto DIE
			fi;
			g = 0;
			goto AGAIN
		:: else -> g++
		fi
	:: else -> break
	od;
	g = 0;
#endif
#ifdef BUG_NO_BARRIER
	d_step { mine = MARK(t) };
	if :: !filler -> WRITE :: else fi;
#endif
	STEP(if
	     :: pos[AT(t)] == wpos && state[AT(t)] == w && tail <= t -> /* -> the word, by CAS */
		if :: t >= past -> size[t] = i :: else fi;
		pos[AT(t)] = t; span[AT(t)] = i; owner[AT(t)] = me;
		state[AT(t)] = (filler -> SKIP : CLAIMED);
		g = 1
	     :: else -> g = 0
	     fi);
	if :: g == 0 -> goto AGAIN :: else fi;
	g = 0;
#else
	if
	#ifdef BUG_NO_INTENT_FOR_FILLER
	:: !filler && t + i > limit ->
#else
	:: t + i > limit ->
#endif
#ifdef BUG_NO_BARRIER
		if
		:: !filler -> d_step { mine = MARK(t) }; WRITE /* the plain stores may overtake intent's */
		:: else
		fi;
#endif
		STEP(intent = t + i);                      /* -> intent */
		limit = t + i
	:: else
	fi;
#endif
#if MANYP
	STEP(if :: tail == t -> tail = t + i :: else fi);  /* -> tail, by CAS */
	if :: filler -> goto AGAIN :: else fi;
#endif
	if
	:: !filler ->
		d_step { mine = MARK(t) };
		WRITE
	:: else
	fi;
#if !MANYP
	if
	:: d_step { !filler && aborts < ABORTS -> aborts++ } /* given up, with payload written */
#ifdef BUG_ABORT_BACK
	   STEP(intent = t);                               /* -> intent */
	   limit = t;
#endif
	   goto NEXT
	:: true
	fi;
#endif
	STEP(if :: !filler && t >= past -> is[t] = mine :: else fi;
	     if :: t >= past -> size[t] = i :: else fi;
	     if :: !filler -> SENT++ :: else fi;
	     state[AT(t)] = (filler -> SKIP : FULL); pos[AT(t)] = t; span[AT(t)] = i); /* -> the word */
#if !MANYP
	t = t + i;
	STEP(tail = t);                                    /* -> tail */
#endif
	if :: filler -> goto AGAIN :: else goto NEXT fi;
LEAVE:
#if !MANYP
	STEP(role = NOBODY);                               /* -> role */
#endif
	goto END;
DIE:	skip;
	d_step {
		deaths++;
		dead[me] = true;
		if :: role == me -> role = NOBODY :: else fi;
		skip
	}
END:	skip;
	d_step { running--; t = 0; k = 0; i = 0; g = 0; sent = 0; limit = 0; mine = 0; wpos = 0; wspan = 0; w = 0; filler = false }
}

#if MANYP
#define LIMIT tail
#else
#define LIMIT intent
#endif

/* What the reader is past is not asked for any more. */
#define FORGET do :: past < p -> is[past] = 0; size[past] = 0; past++ :: else -> break od; skip

active proctype reader()
{
	byte p, q, k, g, L, T;
	bool bad;

	/* join */
	if
	:: d_step { p = tail };                            /* -> tail */
	:: d_step { L = LIMIT }; d_step { T = tail };      /* -> intent, tail */
	   q = (L > 2 * SLOTS -> L - SLOTS : SLOTS);
	   goto WALK
	fi;
READ:	skip;
	if
	:: d_step { EXACT(p) && state[AT(p)] == SKIP -> p = p + span[AT(p)]; FORGET } /* -> the word */
	:: d_step { EXACT(p) && state[AT(p)] == FULL -> k = span[AT(p)] }     /* -> the word */
	   g = 0;
	   bad = 0;
	   do
	   :: g < k -> d_step { bad = (bad || payload[AT(p + g)] != is[p]) }; g++ /* -> payload: copied */
	   :: else -> break
	   od;
	   g = 0;
#ifdef BUG_NO_LOADLOAD
	   skip
#else
#ifdef BUG_SEQLOCK
	   d_step { L = (EXACT(p) && state[AT(p)] == FULL -> p : p + SLOTS + 1) }; /* -> the word */
#else
	   d_step { L = LIMIT };                           /* -> intent */
#endif
#endif
	   if
	   :: L > p + SLOTS -> goto LOST
	   :: else -> d_step { assert(!bad); p = p + k; FORGET }
	   fi
	:: d_step { pos[AT(p)] > p && state[AT(p)] != FREE -> skip }           /* -> the word: newer */
	   goto LOST
	:: d_step { running == 0 && pos[AT(p)] <= p && !(EXACT(p) && state[AT(p)] != CLAIMED) -> skip }
	   goto OVER
	fi;
	k = 0; bad = 0; L = 0;
#ifdef BUG_NO_LOADLOAD
	d_step { L = LIMIT };                              /* -> intent: before the copy */
#endif
	goto READ;
LOST:	skip;
	d_step { L = LIMIT };                              /* -> intent */
	d_step { T = tail };                               /* -> tail */
	q = (L > p + 1 + SLOTS -> L - SLOTS : p + 1);
#ifdef BUG_JUMP_ANYWHERE
	goto LANDED;
#endif
WALK:	skip;
	do
	:: q < T ->
		d_step { k = (EXACT(q) -> 1 : 0) };        /* -> a word */
		if :: k == 1 -> break :: else -> q++ fi
	:: else -> break
	od;
LANDED:	skip;
	d_step { assert(q >= tail || size[q] > 0); p = q; q = 0; k = 0; L = 0; T = 0; bad = 0; FORGET };
	goto READ;
OVER:	skip
}

/* The claim of a dead producer; slots.pml has this in full. */
#define ABANDONED(n) (n < SLOTS && state[n] == CLAIMED && dead[owner[n]])
active proctype janitor()
{
	do
	:: running == 0 && !ABANDONED(0) && !ABANDONED(1) && !ABANDONED(2) && !ABANDONED(3) -> break
	:: d_step { ABANDONED(0) -> state[0] = SKIP }
	:: d_step { ABANDONED(1) -> state[1] = SKIP }
	:: d_step { ABANDONED(2) -> state[2 % SLOTS] = SKIP }
	:: d_step { ABANDONED(3) -> state[3 % SLOTS] = SKIP }
	od
}

init {
	byte i;
	atomic {
		i = 0;
		do :: i < PRODUCERS -> run producer(i); i++ :: else -> break od
	}
}
