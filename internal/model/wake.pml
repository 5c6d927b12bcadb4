/*
 * Waking in a queue with subscriptions: a record is for all that sleep, so its publisher wakes
 * all (internal/park, WakeAll), and a sleeper that was woken wakes no other. The publishers'
 * store buffers are modelled (x86-TSO), as in park.pml.
 *
 * With ROOM it is the other way round: each subscription stores its cursor, looks whether the
 * producer sleeps, and wakes it if by all cursors there is room.
 *
 * A step is a d_step and makes ONE access to shared memory, or one system call that is atomic
 * in the kernel; its comment names it behind an arrow. Receiving a record is one step.
 */

#ifndef ROOM
#define ROOM 0
#endif
#ifndef WRITERS
#define WRITERS 2      /* publishers; with ROOM, subscriptions */
#endif
#ifndef SLEEPERS
#define SLEEPERS 2     /* subscriptions; with ROOM, producers */
#endif
#ifndef RECORDS
#define RECORDS 1      /* that each publisher sends, or each subscription acknowledges */
#endif
#ifndef LOCKED
#define LOCKED 1       /* 1: claims by CAS, which empties the store buffer; 0: a single producer */
#endif
#ifndef DEATHS
#define DEATHS 0       /* of writers and sleepers */
#endif
#ifndef HEARTBEAT
#define HEARTBEAT 0    /* 1: a sleep ends by itself when there is something to find */
#endif

#define TOTAL (WRITERS * RECORDS)

/* ==== shared memory ==== */

byte slot[TOTAL + 1];  /* by position: 0 free, 1 claimed, 2 full, 3 skip; the last one stays free */
byte owner[TOTAL + 1];
byte tail;             /* the next claim */
byte cursor[WRITERS];  /* ROOM: records that the subscription acknowledged */
byte futex;            /* bit 0: a sleeper may be asleep; the rest counts */

/* A writer's store buffer: of slots first .. first + held - 1, or of its cursor. */
byte first[WRITERS], held[WRITERS];

/* ==== the kernel ==== */

bool asleep[SLEEPERS];

/* ==== ghosts ==== */

hidden byte z, yes, b;
byte deaths = DEATHS;
bool dead[WRITERS], gone[SLEEPERS];
byte next[SLEEPERS];   /* its next position; with ROOM, records that it found room for */

#define ARMED (futex & 1)
#define CAS(at, old, new) if :: at == (old) -> at = (new); yes = true :: else -> yes = false fi
#define DRAINED(p) (held[p] == 0)
#if ROOM
#define DRAIN(p) cursor[p]++; held[p]--
#define C(p) (p < WRITERS -> cursor[p % WRITERS] : 255)
/* room for its next record: all have acknowledged the one that lies there. A dead one's cursor
   is cleared by whoever notices: room. */
#define MOVED(p) (p >= WRITERS || cursor[p % WRITERS] > next[me] || dead[p % WRITERS] && cleared[p % WRITERS])
bool cleared[WRITERS];
#define READY (next[me] < RECORDS && MOVED(0) && MOVED(1) && MOVED(2))
#define HELD_UP(p) (p < WRITERS && dead[p % WRITERS] && !cleared[p % WRITERS] && held[p % WRITERS] == 0)
#define LOST (HELD_UP(0) || HELD_UP(1) || HELD_UP(2))
#else
#define DRAIN(p) slot[first[p]] = 2; first[p]++; held[p]--; if :: held[p] == 0 -> first[p] = 0 :: else fi
#define READY (slot[next[me]] >= 2)
#define LOST (slot[next[me]] == 1 && dead[owner[next[me]]] && held[owner[next[me]]] == 0)
#endif

mtype = { CLAIM, STORE, LOOK, FENCE, ALL, A_LOAD, A_CAS, A_ALL, A_ONE,
	TRY, P_LOAD, P_CAS, P_BARRIER, AGAIN, SLEEP, ASLEEP, RECOVER, END };

/* ==== WakeAll; `then` is where it goes on ==== */

#ifdef BUG_WAKE_FIRST
#define WAKE A_ALL
#define CLEARED pc = then; then = 0
#define WOKE pc = A_LOAD
#else
#define WAKE A_LOAD
#define CLEARED pc = WOKEN
#define WOKE pc = then; then = 0
#endif
#ifdef BUG_WAKE_ONE
#define WOKEN A_ONE
#else
#define WOKEN A_ALL
#endif
#define ONE(s) \
	:: d_step { pc == A_ONE && FLUSHED && s < SLEEPERS && asleep[s % SLEEPERS] -> \
		asleep[s % SLEEPERS] = false; WOKE }   /* -> FUTEX_WAKE 1: any of them */
#define NOBODY (!(asleep[0] || SLEEPERS > 1 && asleep[1 % SLEEPERS] || SLEEPERS > 2 && asleep[2 % SLEEPERS]))
#define WAKING \
	:: d_step { pc == A_LOAD ->        /* -> load the futex word */ \
		if :: ARMED -> w = futex; pc = A_CAS :: else -> CLEARED fi } \
	:: d_step { pc == A_CAS && FLUSHED -> /* -> CAS the futex word */ \
		CAS(futex, w, w - 1 + 2); w = 0; CLEARED } \
	:: d_step { pc == A_ALL && FLUSHED -> /* -> FUTEX_WAKE all */ \
		z = 0; \
		do :: z < SLEEPERS -> asleep[z] = false; z++ :: else -> break od; \
		WOKE } \
	ONE(0) ONE(1) ONE(2) \
	:: d_step { pc == A_ONE && FLUSHED && NOBODY -> WOKE } /* -> FUTEX_WAKE 1: none */

/* A publisher; with ROOM, a subscription that acknowledges. */
proctype Writer(byte me) {
	mtype pc = CLAIM, then;
	byte n, at, w;
#define FLUSHED DRAINED(me)

end:	do
	:: d_step { held[me] > 0 -> DRAIN(me) }            /* -> the oldest store in the buffer */
	:: d_step { deaths > 0 && pc != END -> deaths--; dead[me] = true; n = 0; at = 0; w = 0; then = 0; pc = END }
	:: d_step { pc == CLAIM && n == RECORDS -> n = 0; pc = END }
#if ROOM
	:: d_step { pc == CLAIM && n < RECORDS -> n++; pc = STORE }
	:: d_step { pc == STORE -> held[me]++; pc = LOOK } /* -> cursor, into the buffer */
#else
	:: d_step { pc == CLAIM && n < RECORDS && (!LOCKED || FLUSHED) -> /* -> CAS, claims the next slot */
		n++; at = tail; tail++; owner[at] = me;
		if :: LOCKED -> slot[at] = 1 :: else fi;
		pc = STORE }
	:: d_step { pc == STORE ->                         /* -> the word, into the buffer */
		if :: held[me] == 0 -> first[me] = at :: else fi;
		held[me]++; at = 0; pc = LOOK }
#endif
	:: d_step { pc == LOOK ->                          /* -> load the futex word */
		if :: ARMED -> then = CLAIM; pc = (ROOM -> FENCE : WAKE) :: else -> pc = CLAIM fi }
#if ROOM
#ifdef BUG_NO_FENCE
#define FENCED true
#else
#define FENCED FLUSHED
#endif
	:: d_step { pc == FENCE && FENCED -> pc = ALL }    /* -> fence */
	/* its own cursor as it stored it, the others' as they are in memory. That they are read
	   in one step is no matter: cursors only grow. */
	:: d_step { pc == ALL ->                           /* -> the cursors */
		yes = true; z = 0;
		do
		:: z < WRITERS ->
			if
			:: (z == me -> cursor[z] + held[z] : cursor[z]) < n && !cleared[z] -> yes = false
			:: else
			fi;
			z++
		:: else -> break
		od;
		if :: yes -> pc = WAKE :: else -> then = 0; pc = CLAIM fi }
#endif
	WAKING
	od
}

#undef FLUSHED
#define FLUSHED true /* a sleeper changes shared memory by locked instructions only, as far as it is modelled */

#ifdef BUG_NO_SECOND_LOOK
#define LOOK_AGAIN SLEEP
#else
#define LOOK_AGAIN AGAIN
#endif
#ifdef BUG_NO_MEMBARRIER
#define PREPARED LOOK_AGAIN
#else
#define PREPARED P_BARRIER
#endif

/* A subscription that waits for records; with ROOM, a producer that waits for room. */
proctype Sleeper(byte me) {
	mtype pc = TRY, then;
	byte w, i;

end:	do
	:: d_step { !ROOM && deaths > 0 && pc != END -> deaths--; asleep[me] = false; gone[me] = true; w = 0; i = 0; then = 0; pc = END }
	:: d_step { (pc == TRY || pc == AGAIN) && READY -> w = 0; next[me]++; pc = TRY } /* -> the word, or the cursors */
	:: d_step { pc == TRY && !READY -> pc = P_LOAD }   /* -> the same: nothing */

	/* Prepare */
	:: d_step { pc == P_LOAD ->                        /* -> load the futex word */
		w = futex;
		if :: w & 1 -> pc = PREPARED :: else -> pc = P_CAS fi }
	:: d_step { pc == P_CAS ->                         /* -> CAS the futex word */
		CAS(futex, w, w + 1);
		if :: yes -> w++; pc = PREPARED :: else -> w = 0; pc = P_LOAD fi }
	:: d_step { pc == P_BARRIER ->                     /* -> membarrier reaches one writer */
		do :: held[i] > 0 -> DRAIN(i) :: else -> break od;
		i++;
		if :: i == WRITERS -> i = 0; pc = LOOK_AGAIN :: else fi }
	:: d_step { pc == AGAIN && !READY -> pc = SLEEP }  /* -> the word, or the cursors: nothing */

	/* Sleep */
	:: d_step { pc == SLEEP ->                         /* -> FUTEX_WAIT: compares and sleeps */
		if :: futex == w -> asleep[me] = true; pc = ASLEEP :: else -> pc = P_LOAD fi;
		w = 0 }
	:: d_step { pc == ASLEEP && !asleep[me] -> pc = TRY } /* woken */
#if HEARTBEAT && !defined BUG_NO_HEARTBEAT
	:: d_step { pc == ASLEEP && asleep[me] && (READY || LOST) -> asleep[me] = false; pc = RECOVER }
#endif
	/* Recover: of a dead publisher's claim, or a dead subscription's cursor; it wakes all */
	:: d_step { pc == RECOVER ->                       /* -> CAS the word; the cursor */
#if ROOM
		z = 0; yes = false;
		do
		:: z < WRITERS -> if :: HELD_UP(z) -> cleared[z] = true; yes = true :: else fi; z++
		:: else -> break
		od;
		if :: yes -> then = TRY; pc = WAKE :: else -> pc = TRY fi }
#else
		if
		:: LOST -> slot[next[me]] = 3; then = TRY; pc = WAKE
		:: else -> pc = TRY
		fi }
#endif
	WAKING
	od
}

/* ==== when nobody can do anything any more, no living sleeper is left over what it waits for ==== */

#undef READY
#undef LOST
#if ROOM
#define LEFT(s) (s < SLEEPERS && next[s % SLEEPERS] < RECORDS)
#else
#define LEFT(s) (s < SLEEPERS && !gone[s % SLEEPERS] && slot[next[s % SLEEPERS]] != 0)
#endif

active proctype End() {
	byte p;
	atomic {
		do :: p < WRITERS -> run Writer(p); p++ :: else -> break od;
		p = 0;
		do :: p < SLEEPERS -> run Sleeper(p); p++ :: else -> break od;
		p = 0
	}
	timeout -> assert(!LEFT(0) && !LEFT(1) && !LEFT(2))
}
