/*
 * Which subscription wakes a producer that waits for room (Ring.RoomWorthWaking, RoomAtRest). The
 * ring is full of RECORDS records. A producer holds out for a QUARTER of it, for one sleep.
 * A subscription is handed all records and acknowledges as many as it likes. With each one that it
 * acknowledges it wakes the producer if a quarter is free by all cursors; when it has nothing more to
 * receive, for any room, but leaves that to the slowest subscription if that one has more to
 * receive. Stores are buffered, in any order, which allows for more than x86-TSO does.
 *
 * A step is a d_step and makes ONE access to shared memory, or one system call that is atomic in
 * the kernel. The cursors are read in one step: they only grow.
 */

#ifndef SUBSCRIBERS
#define SUBSCRIBERS 2
#endif
#ifndef RECORDS
#define RECORDS 3
#endif
#ifndef QUARTER
#define QUARTER 2
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef HEARTBEAT
#define HEARTBEAT 0
#endif

/* ==== shared memory: as others see it ==== */

byte cursor[SUBSCRIBERS], handout[SUBSCRIBERS];
bool ended[SUBSCRIBERS];                        /* it left, or was cleared: producers wait for it no longer */
byte futex;                                     /* bit 0: the producer may be asleep; the rest counts */
byte acked[SUBSCRIBERS], handed[SUBSCRIBERS];   /* as their holders have stored them, perhaps not visible yet */
bool asleep;

/* ==== ghosts ==== */

byte deaths = DEATHS;
bool dead[SUBSCRIBERS];
bool sent, looked;
hidden byte z, least, who;

#define FLUSHED (cursor[me] == acked[me] && handout[me] == handed[me])

/* by: the one that reads, which sees its own stores; SUBSCRIBERS for the producer */
#define SEEN(of, visible) (z == by -> of[z] : visible[z])
inline slowest(by) {
	z = 0; least = 255; who = 255;
	do
	:: z < SUBSCRIBERS ->
		if
		:: !ended[z] && SEEN(acked, cursor) < least -> least = SEEN(acked, cursor); who = z
		:: else
		fi;
		z++
	:: else -> break
	od
}

mtype = { RECEIVE, LOOK, FENCE, ALL, REST, R_FENCE, R_ALL, CLEAR, WAKE, FUTEX, LEAVE,
	TRY, P_LOAD, P_BARRIER, AGAIN, SLEEP, ASLEEP, RECOVER, END };

proctype Subscription(byte me) {
	mtype pc = RECEIVE, then;

end:	do
	:: d_step { cursor[me] < acked[me] -> cursor[me] = acked[me] }       /* -> out of the store buffer */
	:: d_step { handout[me] < handed[me] -> handout[me] = handed[me] }   /* -> the same */
	:: d_step { deaths > 0 && pc != END -> deaths--; dead[me] = true; then = 0; pc = END }
	:: d_step { pc == RECEIVE && handed[me] < RECORDS -> handed[me]++ }  /* -> handout, into the buffer */
	:: d_step { pc == RECEIVE && acked[me] < handed[me] -> acked[me]++; pc = LOOK } /* -> cursor, the same */
	:: d_step { pc == RECEIVE && handed[me] == RECORDS -> pc = REST }    /* nothing more; it may hold leases */
	:: d_step { pc == RECEIVE -> pc = LEAVE }                            /* or it leaves */
	:: d_step { pc == LOOK ->                                            /* -> load the futex word */
		if :: futex & 1 -> pc = FENCE :: else -> pc = RECEIVE fi }
#ifdef BUG_NO_FENCE
	:: d_step { pc == FENCE -> pc = ALL }
#else
	:: d_step { pc == FENCE && FLUSHED -> pc = ALL }                     /* -> fence */
#endif
	:: d_step { pc == ALL ->                                             /* -> all cursors */
		slowest(me);
		if :: least >= QUARTER -> then = RECEIVE; pc = WAKE :: else -> pc = RECEIVE fi }
	:: d_step { pc == REST ->                                            /* -> load the futex word */
		if :: futex & 1 -> pc = R_FENCE :: else -> pc = END fi }
#ifdef BUG_NO_REST_FENCE
	:: d_step { pc == R_FENCE -> pc = R_ALL }
#else
	:: d_step { pc == R_FENCE && FLUSHED -> pc = R_ALL }                 /* -> fence */
#endif
	:: d_step { pc == R_ALL ->                                           /* -> all cursors, and the slowest's handout */
		slowest(me);
		then = END;
		if
		:: least == 0 -> then = 0; pc = END                          /* still full */
		:: least >= QUARTER -> pc = WAKE
#ifdef BUG_LEFT_TO_NOBODY
		:: least > 0 && least < QUARTER && who == me -> pc = WAKE
		:: least > 0 && least < QUARTER && who != me -> then = 0; pc = END
#elif defined BUG_CURSOR_ONLY
		:: least > 0 && least < QUARTER && least == RECORDS -> pc = WAKE
		:: least > 0 && least < QUARTER && least < RECORDS -> then = 0; pc = END
#else
		:: least > 0 && least < QUARTER && (who == me -> handed[who] : handout[who]) == RECORDS -> pc = WAKE
		:: least > 0 && least < QUARTER && (who == me -> handed[who] : handout[who]) < RECORDS -> then = 0; pc = END
#endif
		fi }
	:: d_step { pc == LEAVE && FLUSHED -> ended[me] = true; then = END; pc = WAKE } /* -> cursor, with a fence */
	:: d_step { pc == WAKE && FLUSHED ->                                 /* -> CAS the futex word, and count up */
		if :: futex & 1 -> futex = futex + 1 :: else fi; pc = FUTEX }
	:: d_step { pc == FUTEX -> asleep = false; pc = then; then = 0 }     /* -> FUTEX_WAKE */
	od
}

proctype Producer() {
	mtype pc = TRY;
	byte w, i;
	bool held;                                      /* it holds out no longer: it has slept, up to a heartbeat */

end:	do
	:: d_step { pc == TRY ->                        /* -> all cursors */
		slowest(SUBSCRIBERS);
		if :: least > 0 -> sent = true; pc = END :: else -> pc = P_LOAD fi }
	:: d_step { pc == P_LOAD ->                     /* -> CAS the futex word */
		futex = futex | 1; w = futex; pc = P_BARRIER }
	:: d_step { pc == P_BARRIER ->                  /* -> membarrier reaches one subscription */
#ifndef BUG_NO_MEMBARRIER
		cursor[i] = acked[i]; handout[i] = handed[i];
#endif
		i++;
		if :: i == SUBSCRIBERS -> i = 0; pc = AGAIN :: else fi }
	:: d_step { pc == AGAIN ->                      /* -> all cursors */
		slowest(SUBSCRIBERS);
		if
		:: least >= QUARTER || held && least > 0 -> sent = true; w = 0; pc = END
		:: else -> pc = SLEEP
		fi }
	:: d_step { pc == SLEEP ->                      /* -> FUTEX_WAIT: compares and sleeps */
		if :: futex == w -> asleep = true; pc = ASLEEP :: else -> held = true; pc = P_LOAD fi;
		w = 0 }
	:: d_step { pc == ASLEEP && !asleep -> held = true; pc = P_LOAD }
#ifndef BUG_HOLDS_ON
	:: d_step { pc == ASLEEP && asleep && !held -> asleep = false } /* the heartbeat: it takes any room from here on */
#endif
#if HEARTBEAT
	:: d_step { pc == ASLEEP && asleep && deaths < DEATHS && !looked -> asleep = false; pc = RECOVER } /* the heartbeat after a death */
	:: d_step { pc == RECOVER ->                    /* -> the cursors of dead ones */
		z = 0;
		do
		:: z < SUBSCRIBERS -> if :: dead[z] -> ended[z] = true :: else fi; z++
		:: else -> break
		od;
		looked = deaths == 0;
		pc = P_LOAD }
#endif
	od
}

/* ==== when nobody can do anything any more, the producer is not left over room ==== */

active proctype End() {
	byte p;
	atomic {
		run Producer();
		do :: p < SUBSCRIBERS -> run Subscription(p); p++ :: else -> break od;
		p = 0
	}
	timeout -> d_step { slowest(SUBSCRIBERS); assert(sent || least == 0) }
}
