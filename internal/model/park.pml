/*
 * Sleeping and waking, as internal/park does it and package consumer uses it: a consumer
 * that finds nothing to take sleeps on a futex; a publisher looks whether one sleeps,
 * by a plain load. The publishers' store buffers are modelled (x86-TSO): a record may
 * become visible long after its publisher has looked at the futex word.
 *
 * A step is a d_step and makes ONE access to shared memory, or one system call that
 * is atomic in the kernel; its comment names it behind an arrow. Taking a record is
 * one step here: slots.pml has it in full.
 */

#ifndef PUBLISHERS
#define PUBLISHERS 2
#endif
#ifndef SLEEPERS
#define SLEEPERS 2
#endif
#ifndef RECORDS
#define RECORDS 2      /* that each publisher sends */
#endif
#ifndef MANYP
#define MANYP 1        /* 0: a single publisher, which claims nothing, so nothing drains its buffer */
#endif
#ifndef FENCES
#define FENCES 0       /* publishers that are not registered and fence by themselves */
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef CANCELS
#define CANCELS 0      /* sleepers whose context ends */
#endif
#ifndef STAYERS
#define STAYERS 0      /* sleepers that take a record and are busy with it for ever */
#endif
#ifndef HEARTBEAT
#define HEARTBEAT 0    /* 1: a sleep ends by itself when there is something to find */
#endif
#ifndef IDLE
#define IDLE 0         /* sleeps that end by themselves for nothing */
#endif

#define TOTAL (PUBLISHERS * RECORDS)

/* ==== shared memory ==== */

#define FREE 0
#define CLAIMED 1
#define FULL 2
#define SKIP 3
byte slot[TOTAL + 1];  /* by position; the last one stays free */
byte owner[TOTAL + 1]; /* the publisher that claimed it */
byte head, tail;
byte futex;            /* bit 0: a sleeper may be asleep; the rest counts */

/* A publisher's store buffer: its own stores of Full to slots first .. first + held - 1,
   which no other processor sees yet. Locked instructions and system calls wait until
   it is empty; the processor empties it whenever it likes, also when the process is dead. */
byte first[PUBLISHERS], held[PUBLISHERS];

/* ==== the kernel ==== */

bool asleep[SLEEPERS];

/* ==== ghosts ==== */

hidden byte z, yes;
byte deaths = DEATHS, cancels = CANCELS, stayers = STAYERS, idle = IDLE;
bool dead[PUBLISHERS];
byte present = SLEEPERS; /* sleepers that are neither dead nor gone nor busy for ever */

#define ARMED (futex & 1)
#define CAS(at, old, new) if :: at == (old) -> at = (new); yes = true :: else -> yes = false fi
#define READY (slot[head] == FULL || slot[head] == SKIP)
/* the claim at head is a dead one's; its lock is free only when its stores have arrived */
#define LOST (slot[head] == CLAIMED && dead[owner[head]] && held[owner[head]] == 0)

inline drain(p) {
	assert(slot[first[p]] == (MANYP -> CLAIMED : FREE));
	slot[first[p]] = FULL; first[p]++; held[p]--;
	if :: held[p] == 0 -> first[p] = 0 :: else fi
}

mtype = {
	CLAIM, STORE, FENCE, LOOK,                 /* publish, notify */
	W_ONE, W_LOAD, W_CAS, W_ALL,               /* WakeOne */
	A_LOAD, A_CAS,                             /* WakeAll */
	TRY, P_LOAD, P_CAS, P_BARRIER, AGAIN, SLEEP, ASLEEP, RECOVER, /* wait */
	ON_ARMED, ON_READY,                        /* passOn */
	END
};

/* ==== WakeOne, which all use; `then` is where they go on ==== */

#define WOKEN(s) \
	:: d_step { pc == W_ONE && DRAINED && s < SLEEPERS && asleep[s % SLEEPERS] -> \
		asleep[s % SLEEPERS] = false; pc = then; then = 0 }
#define WAKING \
	WOKEN(0)                          /* -> FUTEX_WAKE 1: any of them */ \
	WOKEN(1) \
	WOKEN(2) \
	:: d_step { pc == W_ONE && DRAINED && NOBODY -> pc = W_LOAD } /* -> FUTEX_WAKE 1: none */ \
	:: d_step { pc == W_LOAD ->        /* -> load the futex word */ \
		if :: ARMED -> w = futex; pc = W_CAS :: else -> pc = then; then = 0 fi } \
	:: d_step { pc == W_CAS ->         /* -> CAS the futex word */ \
		CAS(futex, w, w - 1 + 2); \
		w = 0; \
		if :: yes -> LAST_WAKE :: else -> pc = then; then = 0 fi } \
	:: d_step { pc == W_ALL ->         /* -> FUTEX_WAKE all */ \
		z = 0; \
		do :: z < SLEEPERS -> asleep[z] = false; z++ :: else -> break od; \
		pc = then; then = 0 }
#ifdef BUG_NO_LAST_WAKE
#define LAST_WAKE pc = then; then = 0
#else
#define LAST_WAKE pc = W_ALL
#endif
#if SLEEPERS == 1
#define NOBODY !asleep[0]
#elif SLEEPERS == 2
#define NOBODY (!asleep[0] && !asleep[1])
#else
#define NOBODY (!asleep[0] && !asleep[1] && !asleep[2])
#endif

proctype Publisher(byte me) {
	mtype pc = CLAIM, then;
	byte n, at, w;
#define DRAINED (held[me] == 0)

end:	do
	:: d_step { held[me] > 0 -> drain(me) }            /* -> the oldest store in the buffer */
	:: d_step { deaths > 0 && !dead[me] && pc != END -> deaths--; dead[me] = true; n = 0; at = 0; w = 0; then = 0; pc = END }

	:: d_step { pc == CLAIM && n == RECORDS -> n = 0; pc = END }
#if MANYP
	:: d_step { pc == CLAIM && n < RECORDS && DRAINED -> /* -> CAS, claims the next slot */
		n++; at = tail; tail++; slot[at] = CLAIMED; owner[at] = me; pc = STORE }
#else
	:: d_step { pc == CLAIM && n < RECORDS ->          /* no access */
		n++; at = tail; tail++; pc = STORE }
#endif
	:: d_step { pc == STORE ->                         /* -> store into the buffer */
		if :: held[me] == 0 -> first[me] = at :: else fi;
		held[me]++; at = 0;
		pc = (me < FENCES -> FENCE : LOOK) }
	:: d_step { pc == FENCE && DRAINED -> pc = LOOK }  /* -> fence */
	/* notify */
	:: d_step { pc == LOOK ->                          /* -> load the futex word */
		if :: ARMED -> then = CLAIM; pc = W_ONE :: else -> pc = CLAIM fi }
	WAKING
	od
}

#undef DRAINED
#define DRAINED true /* a consumer changes shared memory by locked instructions only */

#ifdef BUG_NO_CHAIN
#define ON_TAKEN(next) pc = next
#else
#define ON_TAKEN(next) then = next; pc = ON_ARMED
#endif
#ifdef BUG_NO_SECOND_LOOK
#define LOOK_AGAIN SLEEP
#else
#define LOOK_AGAIN AGAIN
#endif
#ifdef BUG_NO_MEMBARRIER
#define PREPARED pc = LOOK_AGAIN
#else
#define PREPARED pc = P_BARRIER
#endif
#ifdef BUG_NO_PASS_ON
#define ON_CANCELLED GONE
#else
#define ON_CANCELLED present--; leaving = true; then = END; pc = ON_ARMED
#endif
#define GONE if :: !leaving -> present-- :: else fi; w = 0; b = 0; then = 0; pc = END

proctype Sleeper(byte me) {
	mtype pc = TRY, then;
	byte w, b;
	bool leaving;

end:	do
	:: d_step { deaths > 0 && pc != END -> deaths--; asleep[me] = false; GONE }

	/* TryLease; after it, leased: passOn */
	:: d_step { (pc == TRY || pc == AGAIN) && slot[head] == FULL -> /* -> CAS, takes the record */
		head++; w = 0; ON_TAKEN(TRY) }
	:: d_step { (pc == TRY || pc == AGAIN) && slot[head] == FULL && stayers > 0 -> /* -> the same */
		stayers--; present--; leaving = true;
		head++; w = 0; ON_TAKEN(END) }
	:: d_step { (pc == TRY || pc == AGAIN) && slot[head] == SKIP -> head++ } /* -> CAS head */
	:: d_step { pc == TRY && !READY -> pc = P_LOAD }   /* -> load the word at head: nothing */

	/* Prepare */
	:: d_step { pc == P_LOAD ->                        /* -> load the futex word */
		w = futex;
		if :: w & 1 -> PREPARED :: else -> pc = P_CAS fi }
	:: d_step { pc == P_CAS ->                         /* -> CAS the futex word */
		CAS(futex, w, w + 1);
		if :: yes -> w++; PREPARED :: else -> w = 0; pc = P_LOAD fi }
	:: d_step { pc == P_BARRIER ->                     /* -> membarrier reaches one registered publisher */
		if
		:: b >= FENCES -> do :: held[b] > 0 -> drain(b) :: else -> break od
		:: else
		fi;
		b++;
		if :: b == PUBLISHERS -> b = 0; pc = LOOK_AGAIN :: else fi }
	:: d_step { pc == AGAIN && !READY -> pc = SLEEP }  /* -> load the word at head: nothing */

	/* Sleep */
	:: d_step { pc == SLEEP ->                         /* -> FUTEX_WAIT: compares and sleeps */
		if :: futex == w -> asleep[me] = true; pc = ASLEEP :: else -> pc = P_LOAD fi;
		w = 0 }
	:: d_step { pc == ASLEEP && !asleep[me] -> pc = P_LOAD } /* woken */
#if HEARTBEAT && !defined BUG_NO_HEARTBEAT
	:: d_step { pc == ASLEEP && asleep[me] && (READY || LOST) -> asleep[me] = false; pc = RECOVER }
#endif
	:: d_step { pc == ASLEEP && asleep[me] && idle > 0 -> idle--; asleep[me] = false; pc = RECOVER }
	/* the context has ended: before the sleep, in it, or together with a wake-up */
	:: d_step { (pc == SLEEP || pc == ASLEEP) && cancels > 0 ->
		cancels--; asleep[me] = false; w = 0; ON_CANCELLED }

	/* Look: Recover, which wakes all if it found something; dead publishers' claims are skipped */
	:: d_step { pc == RECOVER ->                       /* -> CAS the word of a dead one's claim */
		if
		:: LOST -> slot[head] = SKIP; then = P_LOAD; pc = A_LOAD
		:: else -> pc = P_LOAD
		fi }
	:: d_step { pc == A_LOAD ->                        /* -> load the futex word */
		if :: ARMED -> w = futex; pc = A_CAS :: else -> pc = W_ALL fi }
	:: d_step { pc == A_CAS -> CAS(futex, w, w - 1 + 2); w = 0; pc = W_ALL } /* -> CAS the futex word */

	/* passOn */
	:: d_step { pc == ON_ARMED ->                      /* -> load the futex word */
		if :: ARMED -> pc = ON_READY :: else -> pc = then; then = 0 fi }
	:: d_step { pc == ON_READY ->                      /* -> load the word at head */
		if :: READY -> pc = W_ONE :: else -> pc = then; then = 0 fi }
	WAKING
	od
}

/* ==== when no participant can do anything any more, no sleeper is left over a record ==== */

active proctype End() {
	byte p;
	atomic {
		do :: p < PUBLISHERS -> run Publisher(p); p++ :: else -> break od;
		p = 0;
		do :: p < SLEEPERS -> run Sleeper(p); p++ :: else -> break od;
		p = 0
	}
	timeout -> assert(present == 0 || !READY && !LOST && slot[head] == FREE)
}
