/*
 * One goroutine that sleeps for several queues, as internal/park.Several does it and package
 * selector uses it, among sleepers that wait for one queue or for other sets. As in park.pml
 * the publishers' store buffers are modelled (x86-TSO).
 *
 * A step is a d_step and makes ONE access to shared memory, or one system call that is atomic
 * in the kernel; its comment names it behind an arrow. futex_waitv is not atomic: it enters
 * the lists of the words one after the other, comparing each, and leaves them one after the
 * other; a waker that finds the thread in a list counts it as woken, though it may have been
 * woken through another list already. Taking a record is one step, and so is its publication:
 * slots.pml has both in full. Sleeper s waits for the queues of MASK0 .. MASK2: bit q for
 * queue q.
 */

#ifndef SLEEPERS
#define SLEEPERS 2
#endif
#ifndef MASK0
#define MASK0 3
#endif
#ifndef MASK1
#define MASK1 2
#endif
#ifndef MASK2
#define MASK2 1
#endif
#ifndef PUBLISHERS
#define PUBLISHERS 2   /* publisher p sends to queue p % 2 */
#endif
#ifndef RECORDS
#define RECORDS 1      /* that each publisher sends */
#endif
#ifndef STAYERS
#define STAYERS 0      /* sleepers that take a record and are busy with it for ever */
#endif
#ifndef CANCELS
#define CANCELS 0      /* sleepers whose context ends */
#endif
#ifndef DEATHS
#define DEATHS 0       /* sleepers that are killed */
#endif
#ifndef HEARTBEAT
#define HEARTBEAT 0    /* 1: a sleep ends by itself when there is something to find */
#endif
#ifndef IDLE
#define IDLE 0         /* sleeps that end by themselves for nothing */
#endif

/* ==== shared memory ==== */

byte records[2];          /* records in a queue that every processor sees */
byte futex[2];         /* bit 0: a sleeper may be asleep; the rest counts */
byte held[PUBLISHERS]; /* records in a publisher's store buffer */

/* ==== the kernel ==== */

byte lists[SLEEPERS];  /* the queues in whose lists the sleeper stands */
bool woken[SLEEPERS];

/* ==== ghosts ==== */

hidden byte yes;
hidden byte z;
byte stayers = STAYERS, cancels = CANCELS, deaths = DEATHS, idle = IDLE;
byte waiting[SLEEPERS]; /* the queues that it waits for; 0 when it is dead, gone or busy for ever */

#define ARMED(q) (futex[q] & 1)
#define CAS(at, old, new) if :: at == (old) -> at = (new); yes = true :: else -> yes = false fi
#define DRAINED (held[me] == 0)
#define LISTED(s, q) (s < SLEEPERS && (lists[s % SLEEPERS] >> q) & 1)
#define NOBODY(q) (!LISTED(0, q) && !LISTED(1, q) && !LISTED(2, q))
#define DRAIN(p) held[p]--; records[p % 2]++

mtype = { SEND, LOOK, W_ONE, W_LOAD, W_CAS, W_ALL,
	TRY, P_LOAD, P_CAS, P_BARRIER, AGAIN, ENTER, ASLEEP, LEAVE, FOUND, ON_ARMED, ON_READY, END };

/* ==== WakeOne on queue q; `then` is where it goes on ==== */

#define WAKEN(s, q) \
	:: d_step { pc == W_ONE && FLUSHED && LISTED(s, q) -> \
		lists[s % SLEEPERS] = lists[s % SLEEPERS] & ~(1 << q); woken[s % SLEEPERS] = true; pc = then; then = 0 }
#ifdef BUG_NO_LAST_WAKE
#define LAST_WAKE pc = then; then = 0
#else
#define LAST_WAKE pc = W_ALL
#endif
#define WAKING(q) \
	WAKEN(0, q)                       /* -> FUTEX_WAKE 1: any of them */ \
	WAKEN(1, q) \
	WAKEN(2, q) \
	:: d_step { pc == W_ONE && FLUSHED && NOBODY(q) -> pc = W_LOAD } /* -> FUTEX_WAKE 1: none */ \
	:: d_step { pc == W_LOAD ->        /* -> load the futex word */ \
		if :: ARMED(q) -> w = futex[q]; pc = W_CAS :: else -> pc = then; then = 0 fi } \
	:: d_step { pc == W_CAS ->         /* -> CAS the futex word */ \
		CAS(futex[q], w, w - 1 + 2); \
		w = 0; \
		if :: yes -> LAST_WAKE :: else -> pc = then; then = 0 fi } \
	:: d_step { pc == W_ALL ->         /* -> FUTEX_WAKE all */ \
		z = 0; \
		do \
		:: z < SLEEPERS -> \
			if :: (lists[z] >> q) & 1 -> lists[z] = lists[z] & ~(1 << q); woken[z] = true :: else fi; \
			z++ \
		:: else -> break \
		od; \
		pc = then; then = 0 }

proctype Publisher(byte me) {
	mtype pc = SEND, then;
	byte n, w;
	byte q = me % 2;
#define FLUSHED DRAINED

end:	do
	:: d_step { held[me] > 0 -> DRAIN(me) }            /* -> the oldest store in the buffer */
	:: d_step { pc == SEND && n == RECORDS -> n = 0; pc = END }
	:: d_step { pc == SEND && n < RECORDS -> n++; held[me]++; pc = LOOK } /* -> store into the buffer */
	:: d_step { pc == LOOK ->                          /* -> load the futex word */
		if :: ARMED(q) -> then = SEND; pc = W_ONE :: else -> pc = SEND fi }
	WAKING(q)
	od
}

#undef FLUSHED
#define FLUSHED true /* a consumer changes shared memory by locked instructions only */

#ifdef BUG_NO_SECOND_LOOK
#define LOOK_AGAIN q = 0; pc = ENTER
#else
#define LOOK_AGAIN q = 0; pc = AGAIN
#endif
#ifdef BUG_NO_MEMBARRIER
#define PREPARED LOOK_AGAIN
#else
#define PREPARED q = 0; b = 0; pc = P_BARRIER
#endif
#ifdef BUG_BARRIER_EARLY
#define BARRED (q == 0 || b == 2)
#else
#define BARRED true
#endif
/* after a sleep it looks at all; then it wakes others for what it does not turn to */
#ifdef BUG_KEEPS_WAKE_UPS
#define OTHERS false
#else
#define OTHERS slept
#endif

#define MINE(q) ((mask >> q) & 1)
#define CLEAR w = 0; b = 0; t[0] = 0; t[1] = 0; q = 0; q1 = 0; then = 0
#define GONE waiting[me] = 0; lists[me] = 0; woken[me] = false; slept = false; on = 0; leaving = false; CLEAR; pc = END

/* It turns to queue q and takes its record, if there is one. */
#define TAKES(q) CLEAR; records[q]--; on = q + 1; pc = ON_ARMED
#define STAYS stayers--; leaving = true; waiting[me] = 0
#define LOOKS (pc == TRY || pc == AGAIN || pc == FOUND)

proctype Sleeper(byte me; byte mask) {
	mtype pc = TRY, then;
	byte w, b, q, q1, on; /* on: 1 + the queue that it turned to, 0 for none */
	byte t[2];            /* tickets */
	bool slept, leaving;

end:	do
	:: d_step { deaths > 0 && pc != END -> deaths--; GONE }

	/* look at all queues; which of several is a matter of turns */
	:: d_step { LOOKS && MINE(0) && records[0] > 0 -> TAKES(0) } /* -> CAS, takes the record */
	:: d_step { LOOKS && MINE(1) && records[1] > 0 -> TAKES(1) } /* -> CAS, takes the record */
	:: d_step { LOOKS && MINE(0) && records[0] > 0 && stayers > 0 -> STAYS; TAKES(0) } /* -> the same */
	:: d_step { LOOKS && MINE(1) && records[1] > 0 && stayers > 0 -> STAYS; TAKES(1) } /* -> the same */
	:: d_step { LOOKS && q < 2 && !(MINE(q) && records[q] > 0) -> q++ } /* -> load the word at head: nothing */
	:: d_step { (pc == TRY || pc == FOUND) && q == 2 -> CLEAR; pc = P_LOAD }
	:: d_step { pc == AGAIN && q == 2 -> q = 0; pc = ENTER }

	/* Prepare: all words, then one barrier */
	:: d_step { pc == P_LOAD && q < 2 && !MINE(q) -> q++ }
	:: d_step { pc == P_LOAD && q < 2 && MINE(q) && BARRED -> /* -> load the futex word */
		w = futex[q];
		if :: w & 1 -> t[q] = w; w = 0; q++ :: else -> pc = P_CAS fi }
	:: d_step { pc == P_CAS ->                         /* -> CAS the futex word */
		CAS(futex[q], w, w + 1);
		if :: yes -> t[q] = w + 1; q++ :: else fi;
		w = 0; pc = P_LOAD }
#ifdef BUG_BARRIER_EARLY
	/* the barrier comes after the first word, not after the last */
	:: d_step { pc == P_LOAD && q == 1 && b == 0 -> do :: held[0] > 0 -> DRAIN(0) :: else -> break od; b = 1 }
	:: d_step { pc == P_LOAD && q == 1 && b == 1 -> do :: held[1] > 0 -> DRAIN(1) :: else -> break od; b = 2 }
	:: d_step { pc == P_LOAD && q == 2 && b == 2 -> b = 0; LOOK_AGAIN }
#else
	:: d_step { pc == P_LOAD && q == 2 -> PREPARED }
#endif
	:: d_step { pc == P_BARRIER ->                     /* -> membarrier reaches one publisher */
		do :: held[b] > 0 -> DRAIN(b) :: else -> break od;
		b++;
		if :: b == PUBLISHERS -> b = 0; LOOK_AGAIN :: else fi }

	/* futex_waitv: enters one list after the other, unless a word has changed */
	:: d_step { pc == ENTER && q < 2 && !MINE(q) -> q++ }
	:: d_step { pc == ENTER && q < 2 && MINE(q) ->     /* -> compare, and enter the list */
		if
		:: futex[q] == t[q] -> lists[me] = lists[me] | (1 << q); q++
		:: else -> q = 0; pc = LEAVE
		fi }
	:: d_step { pc == ENTER && q == 2 -> q = 0; pc = ASLEEP }
	:: d_step { pc == ASLEEP && woken[me] -> pc = LEAVE }
#if HEARTBEAT && !defined BUG_NO_HEARTBEAT
	:: d_step { pc == ASLEEP && !woken[me] && (MINE(0) && records[0] > 0 || MINE(1) && records[1] > 0) -> pc = LEAVE }
#endif
	:: d_step { pc == ASLEEP && !woken[me] && idle > 0 -> idle--; pc = LEAVE }
	:: d_step { pc == ASLEEP && cancels > 0 -> cancels--; leaving = true; pc = LEAVE }
	:: d_step { pc == LEAVE && q < 2 ->                /* -> leave a list */
		lists[me] = lists[me] & ~(1 << q); q++ }
	:: d_step { pc == LEAVE && q == 2 -> woken[me] = false; slept = true; q = 0;
		if
		:: leaving -> CLEAR; on = 0; pc = ON_ARMED
#ifdef BUG_DISARMS
		/* the flags of its words are lowered: nobody needs to wake it any more */
		:: !leaving -> futex[0] = futex[0] & (MINE(0) -> 254 : 255); futex[1] = futex[1] & (MINE(1) -> 254 : 255); CLEAR; pc = FOUND
#else
		:: !leaving -> CLEAR; pc = FOUND
#endif
		fi }

	/* passOn: for each queue. For the one that it took from that is what its take does. */
	:: d_step { pc == ON_ARMED && q1 == 2 ->
		CLEAR; on = 0; slept = false;
		if :: leaving -> GONE :: else -> pc = TRY fi }
	:: d_step { pc == ON_ARMED && q1 < 2 ->            /* -> load the futex word */
		if
		:: MINE(q1) && ARMED(q1) && (on == q1 + 1 || OTHERS) -> pc = ON_READY
		:: else -> q1++
		fi }
	:: d_step { pc == ON_READY ->                      /* -> load the word at head */
		if :: records[q1] > 0 -> then = ON_ARMED; q = q1; q1++; pc = W_ONE :: else -> q1++; pc = ON_ARMED fi }
	WAKING(q)
	od
}

/* ==== when no participant can do anything any more, no sleeper is left over a record ==== */

#define LEFT(s, q) (s < SLEEPERS && records[q] > 0 && (waiting[s % SLEEPERS] >> q) & 1)

active proctype End() {
	byte p;
	atomic {
		do :: p < PUBLISHERS -> run Publisher(p); p++ :: else -> break od;
		p = 0;
		waiting[0] = MASK0; run Sleeper(0, MASK0);
		if :: SLEEPERS > 1 -> waiting[1 % SLEEPERS] = MASK1; run Sleeper(1, MASK1) :: else fi;
		if :: SLEEPERS > 2 -> waiting[2 % SLEEPERS] = MASK2; run Sleeper(2, MASK2) :: else fi
	}
	timeout -> assert(!LEFT(0, 0) && !LEFT(0, 1) && !LEFT(1, 0) && !LEFT(1, 1) && !LEFT(2, 0) && !LEFT(2, 1))
}
