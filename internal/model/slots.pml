/*
 * The slot words of a queue, as docs/layout.md describes them: participants that
 * claim, publish, take, acknowledge and give back, that are killed between any two
 * accesses to shared memory, and that recover what dead ones held, also in the middle
 * of another one's recovery. README.md says what is explored and what is not.
 *
 * A participant is a machine of steps, each an option of one loop. A step is a
 * d_step and makes ONE access to shared memory, which its comment names behind an
 * arrow. The rest of it works on local variables, which go back to 0 as soon as they
 * mean nothing, and on ghosts, which only the checks know.
 */

#ifndef SLOTS
#define SLOTS 4          /* a power of two */
#endif
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef CONSUMERS
#define CONSUMERS 1
#endif
#ifndef MANYP
#define MANYP 1          /* 0: a queue for a single producer */
#endif
#ifndef MANYC
#define MANYC 1          /* 0: a queue for a single consumer */
#endif
#ifndef RECORDS
#define RECORDS 1        /* that each producer sends */
#endif
#ifndef KMIN
#define KMIN 1           /* slots of a record: any number from KMIN to KMAX */
#endif
#ifndef KMAX
#define KMAX 2
#endif
#ifndef BATCH
#define BATCH 1          /* records in a claim and in a take: 1, or 1 and 2 */
#endif
#ifndef SPAN
#define SPAN (SLOTS / 2) /* slots in a claim and in a take */
#endif
#ifndef START
#define START SLOTS      /* the position at which the ring begins */
#endif
#ifndef DEATHS
#define DEATHS 0         /* participants killed; they start again, or don't */
#endif
#ifndef RELEASES
#define RELEASES 0       /* leases given back */
#endif
#ifndef ABORTS
#define ABORTS 0         /* claims given back */
#endif
#ifndef LEAVES
#define LEAVES 0         /* consumers that close, with leases open or not */
#endif

#define SEATS (PRODUCERS + CONSUMERS)
#define TOTAL (PRODUCERS * RECORDS)

/* ==== shared memory ==== */

#define FREE 0
#define CLAIMED 1
#define FULL 2
#define READING 3
#define READING_ACKED 4
#define ORPHAN 5
#define ORPHAN_ACKED 6
#define SKIP 7

#define W(st, k, seat, p) ((st) + ((k) << 3) + ((seat) << 6) + (L(p) << 9))
#define ST(w) ((w) & 7)
#define K(w) (((w) >> 3) & 7)
#define SEAT(w) (((w) >> 6) & 7)
#define LAP(w) ((w) >> 9)
#define OWNED(w) (ST(w) == CLAIMED || ST(w) == READING || ST(w) == READING_ACKED)
#define I(p) ((p) % SLOTS)
#define L(p) ((p) / SLOTS)
#define AT(w, i) (LAP(w) * SLOTS + (i))   /* the position of a word found at index i */

short word[SLOTS];
byte line[SLOTS];  /* payload and length: record + 1, and 16 * k in its first slot */
byte tail = START, head = START;
#if !MANYC
byte handout = START;
#endif
byte news;         /* orphans, the count: here a bit for each consumer that missed a change */
bool dirty[SEATS];

byte lock[SEATS];  /* the kernel's: the participant that has the seat's lock, 0 for none */

#define RAISE news = (1 << CONSUMERS) - 1
#define CAS(at, old, new) if :: at == (old) -> at = (new); yes = true :: else -> yes = false fi
#define HELP(at, old, new) if :: at == (old) -> at = (new) :: else fi
#define LIFT(at, new) if :: at < (new) -> at = (new) :: else fi

/* Where consumers are many head is a hint that may stay behind, and so is tail if producers
   are many as well: a claim or take moves it or not. The participant remembers in cur where
   its own ended, and begins there, or at the hint if that is later. (A choice is two options of
   the loop: within a d_step spin would take the first.) */

/* ==== ghosts ==== */

hidden byte y, z, yes; /* for use within a step */

byte deaths = DEATHS, releases = RELEASES, aborts = ABORTS, leaves = LEAVES;
bool gone[SEATS];  /* died and stays away */

byte sent[PRODUCERS];  /* records whose send returned */
byte fate[TOTAL];      /* of each record: */
#define UNSEEN 0
#define TAKEN 1
#define DELIVERED 2
#define ACKED 3

#define ID(x) (((x) & 15) - 1)
#define LEN(x) ((x) >> 4)

/* A change of the word at index i robs no living owner. */
#define FAIR(i) assert(!OWNED(word[i]) || lock[SEAT(word[i])] == me || lock[SEAT(word[i])] == 0)

/* Payload that no consumer may read any more is wiped: one that reads it all the same finds
   0, and a producer that claims slots that a consumer may still read finds them not 0. */
inline wipe(at, n) {
	z = at;
	do :: z < (at) + (n) -> line[z] = 0; z++ :: else -> break od
}

/* The record at index i is taken for the first time: whole, and in its turn. */
inline handed(i) {
	y = ID(line[i]);
	assert(line[i] != 0 && y % RECORDS < sent[y / RECORDS]);
	assert(fate[y] == UNSEEN);
	assert(y % RECORDS == 0 || fate[y - 1] != UNSEEN);
	fate[y] = TAKEN
}

/* Record x is delivered: the first time, or flagged. */
inline delivered(x, flagged) {
	assert(fate[ID(x)] == TAKEN || fate[ID(x)] == DELIVERED && (flagged));
	fate[ID(x)] = DELIVERED
}

/* The record at index i is acknowledged, once. */
inline acknowledged(i) {
	assert(fate[ID(line[i])] == DELIVERED);
	fate[ID(line[i])] = ACKED;
	y = LEN(line[i]);
	wipe(i, y)
}

/* ==== where a participant is ==== */

mtype = {
	BEGIN, END, GONE,
	A_LOCK, A_DIRTY, A_TAKE, A_RECOVER,                    /* attach */
	N_HEAD, N_TAIL, N_WORD, N_AGAIN, N_STORE,              /* NewProducer */
	H_HEAD, H_HANDOUT,                                     /* NewConsumer */
	X_CLEAN, X_UNLOCK,                                     /* detach */
	Z_LOCK, Z_DIRTY, Z_CLEAN, Z_UNLOCK,                    /* recover */
	V_WORD, V_TAIL, V_SKIP, V_HEAD, V_ORPHAN, V_HINT,      /* reclaim */
	SEND, C_TAIL, C_WORD, C_STALE, C_HELP, C_RECHECK, C_CAS, C_ADVANCE, /* claim */
	R_WORD, R_HEAD,                                        /* room */
	Y_HEAD, Y_WALK, Y_HELP, Y_INNER, Y_CAS, Y_FIRST,               /* recycle */
	W_LINE, W_INNER, W_REST, W_FIRST, W_SKIP, W_TAIL,      /* write, publish */
	RECEIVE, S_HEAD, S_TAKEN, S_WORD, S_CAS, S_WALK,                /* inherit */
	T_HEAD, T_WORD, T_HELP, T_GATHER, T_CAS, T_ADVANCE, /* take */
	D_LINE, D_MORE,                                        /* deliver */
	SETTLE, F_INNER, F_FIRST, E_ORPHAN, E_HINT,            /* acknowledge, give back */
	O_HANDOUT, O_HEAD,                                     /* the single consumer */
	P_WAIT, T_WAIT
};

#define FORGET t = 0; n = 0; got = 0; i = 0; s = 0; k1 = 0; k2 = 0; x = 0; w = 0; f = 0; v = 0; SEEN

/* A seat that looks like a dead one's, to a participant that waits or has just attached. */
#define DEAD(s) (s < SEATS && dirty[s % SEATS] && lock[s % SEATS] == 0)
#define LOOKS(s) ((pc == P_WAIT || pc == T_WAIT || pc == A_RECOVER) && DEAD(s))

/* of a producer that wants k1 slots, and k2 more for a second record, and has seen
   that it can have got slots at t */
#define LEFT (SLOTS - I(t))
#define FILLER (LEFT < k1)
#define WANT (LEFT < k1 + k2 -> LEFT : k1 + k2)
#define NEED (LEFT < k1 -> LEFT : k1)
#define Q (t + got)                   /* the slot it looks at */
#define P (Q - SLOTS)                 /* the same, a lap before */
#define BOTH (k2 > 0 && k1 + k2 <= n) /* the claim of n slots holds both records */
#define USED (BOTH -> k1 + k2 : k1)
#if MANYP
#define ROOM n = got; got = 0; w = 0; pc = C_CAS
#define NO_ROOM pc = C_RECHECK
#define START_OVER t = 0; n = 0; got = 0; w = 0; f = 0; s = 0; v = 0; pc = C_TAIL
#define SENT FORGET; pc = SEND
#else
#define ROOM n = got; got = 0; w = 0; pc = (FILLER -> W_SKIP : W_LINE)
#define NO_ROOM pc = P_WAIT
#define START_OVER FORGET; pc = SEND
#ifdef BUG_TAIL_BEFORE_WORD
#define SENT ownTail = t + n; FORGET; pc = SEND
#else
#define SENT pc = W_TAIL
#endif
#endif
#define HEAD_ROOM \
	if \
	:: t + WANT >= headSeen && t + WANT <= headSeen + SLOTS -> got = WANT; ROOM \
	:: else -> pc = R_HEAD \
	fi

/* The order in which words become visible, or change lap: inner words, then the
   first. A seeded bug turns it round. */
#ifdef BUG_PUBLISH_FIRST_WORD_FIRST
#define WRITTEN pc = W_FIRST
#define AFTER_W_FIRST if :: BOTH -> pc = W_INNER :: else -> SENT fi
#define AFTER_W_INNER SENT
#elif defined BUG_TAIL_BEFORE_WORD
#define WRITTEN pc = W_TAIL
#define AFTER_W_FIRST SENT
#else
#define WRITTEN if :: BOTH -> pc = W_INNER :: else -> if :: n > k1 -> pc = W_REST :: else -> pc = W_FIRST fi fi
#define AFTER_W_FIRST SENT
#define AFTER_W_INNER pc = (n > k1 + k2 -> W_REST : W_FIRST)
#endif
#ifdef BUG_RECYCLE_FIRST_WORD_FIRST
#define RECYCLE s = 0; v = 0; i = K(w) - 1; pc = Y_FIRST
#define AFTER_Y_INNER RECYCLED
#define AFTER_Y_FIRST if :: i > 0 -> pc = Y_INNER :: else -> RECYCLED fi
#else
#define RECYCLE s = 0; v = 0; i = K(w) - 1; pc = (i > 0 -> Y_INNER : Y_FIRST)
#define AFTER_Y_INNER pc = Y_FIRST
#define AFTER_Y_FIRST RECYCLED
#endif
#define RECYCLED w = 0; i = 0; if :: MANYP && got == 0 -> t = 0; pc = C_TAIL :: else -> pc = R_WORD fi
#ifdef BUG_FREE_FIRST_WORD_FIRST
#define FREE_TAKE i = n - 1; pc = F_FIRST
#define AFTER_F_INNER TAKE_DONE
#define AFTER_F_FIRST if :: i > 0 -> pc = F_INNER :: else -> TAKE_DONE fi
#else
#ifdef BUG_FREE_UPWARDS
#define FREE_TAKE i = 1; pc = (n > 1 -> F_INNER : F_FIRST)
#else
#define FREE_TAKE i = n - 1; pc = (n > 1 -> F_INNER : F_FIRST)
#endif
#define AFTER_F_INNER pc = F_FIRST
#define AFTER_F_FIRST TAKE_DONE
#endif

/* of a consumer that took n slots at t, of which its first record has k1; again: they
   were an orphan; acked: their first record is acknowledged; open: bit i is an open
   lease of the record at t + i; back: one was given back */
#define ME (1 << (me - 1 - PRODUCERS))
#define MINE W((acked -> READING_ACKED : READING), n, seat, t)
#define SETTLED if :: back -> GIVE_BACK_TAKE :: else -> FREE_TAKE fi
#ifdef BUG_HINT_BEFORE_ORPHAN
#define GIVE_BACK_TAKE pc = E_HINT
#define AFTER_E_HINT pc = E_ORPHAN
#define AFTER_E_ORPHAN DONE
#else
#define GIVE_BACK_TAKE pc = E_ORPHAN
#define AFTER_E_ORPHAN pc = E_HINT
#define AFTER_E_HINT DONE
#endif
#define TAKE_DONE DONE
#define DONE FORGET; again = false; acked = false; back = false; pc = RECEIVE

/* of a single consumer: the end of its first settled spans; the position of span j */
#define FROM(j) (j == 0 -> freed : ends[j - 1])

#if MANYP && MANYC
#define JOIN A_RECOVER
#else
#define JOIN (producer -> N_HEAD : (MANYC -> A_RECOVER : H_HEAD))
#endif

proctype Participant(byte me; bool producer) {
	mtype pc = (producer -> SEND : RECEIVE);
	mtype after;              /* what a reclaim is part of */
	byte seat = me - 1;
	byte t, n, got, i, s, k1, k2, x;
	short w, f, v;
#if MANYC
	bool rescan, acked, back;
	byte cursor, last, open;
	byte cur;                 /* where its last claim or take ended, or where it saw that of others end */
#else
	byte seen;                /* oneConsumer's seen, next and head */
	byte next = (producer -> 0 : START), freed = (producer -> 0 : START);
	byte spans, ends[3];      /* what lies between freed and next, and whether it */
	byte how[3];              /* is 1 open, 2 settled, 3 given back */
#endif
#if !(MANYP && MANYC)
	byte ownTail = (producer && !MANYP -> START : 0); /* Producer's tail and headSeen */
	byte headSeen = (producer && !MANYC -> START : 0);
#endif
	bool again, bad;
#ifdef BLIND
	bool unseen; /* the claim under way has not read its first word */
#define UNSEEN_YET unseen
#define SEEN unseen = false
#else
#define UNSEEN_YET false
#define SEEN skip
#endif

end:	do

	/* ==== death: the kernel drops the locks; then it starts again, or never ==== */

	:: d_step { deaths > 0 && pc != BEGIN && pc != END && pc != GONE ->
		deaths--;
		z = 0;
		do :: z < SEATS -> if :: lock[z] == me -> lock[z] = 0 :: else fi; z++ :: else -> break od;
		FORGET; seat = 0; after = 0; again = false; bad = false;
#if MANYC
		rescan = false; acked = false; back = false; cursor = 0; last = 0; open = 0; cur = 0;
#else
		seen = 0; next = 0; freed = 0; spans = 0;
		ends[0] = 0; ends[1] = 0; ends[2] = 0; how[0] = 0; how[1] = 0; how[2] = 0;
#endif
#if !(MANYP && MANYC)
		ownTail = 0; headSeen = 0;
#endif
		pc = BEGIN }
	:: d_step { pc == BEGIN -> gone[me - 1] = true; pc = GONE }

	/* ==== seat.Take, Seat.Take ==== */

	:: d_step { pc == BEGIN || pc == A_LOCK ->         /* -> try the seat's lock */
		if
		:: lock[i] == 0 -> lock[i] = me; seat = i; i = 0; pc = A_DIRTY
		:: else -> i = (i + 1) % SEATS; pc = A_LOCK
		fi }
	:: d_step { pc == A_DIRTY ->                       /* -> load the entry's state */
		if
		:: dirty[seat] -> s = seat; after = A_TAKE; pc = V_WORD
		:: else -> pc = A_TAKE
		fi }
	:: d_step { pc == A_TAKE ->                        /* -> store the entry's state */
		dirty[seat] = true; after = 0; s = 0;
#if MANYC
		rescan = !producer;
#endif
		pc = JOIN }
	:: d_step { pc == A_RECOVER -> pc = (producer -> SEND : RECEIVE) } /* found no dead one */

	/* ==== attach.Participant.Detach ==== */

	:: d_step { pc == X_CLEAN -> dirty[seat] = false; s = 0; after = 0; pc = X_UNLOCK } /* -> store the entry's state */
	:: d_step { pc == X_UNLOCK -> lock[seat] = 0; seat = 0; pc = (producer -> END : BEGIN) } /* -> drop the lock */

	/* ==== attach.Participant.Recover ==== */

	/* a question to the kernel that was answered so; what counts is asked again */
	:: d_step { LOOKS(0) -> FORGET; s = 0; pc = Z_LOCK }
	:: d_step { LOOKS(1) -> FORGET; s = 1; pc = Z_LOCK }
	:: d_step { LOOKS(2) -> FORGET; s = 2; pc = Z_LOCK }
	:: d_step { LOOKS(3) -> FORGET; s = 3; pc = Z_LOCK }
	:: d_step { pc == Z_LOCK ->                        /* -> try the seat's lock */
#ifdef BUG_LOCK_ASKED
		yes = lock[s] == 0;
#else
		CAS(lock[s], 0, me);
#endif
		if :: yes -> pc = Z_DIRTY :: else -> s = 0; pc = (producer -> SEND : RECEIVE) fi }
	:: d_step { pc == Z_DIRTY ->                       /* -> load the entry's state */
		if :: dirty[s] -> after = Z_CLEAN; pc = V_WORD :: else -> pc = Z_UNLOCK fi;
#ifdef BUG_CLEAN_BEFORE_RECLAIM
		dirty[s] = false;
#endif
		}
#ifdef BUG_UNLOCK_BEFORE_CLEAN
	:: d_step { pc == Z_CLEAN -> after = 0; pc = Z_UNLOCK }
	:: d_step { pc == Z_UNLOCK && lock[s] == me -> lock[s] = 0 }
	:: d_step { pc == Z_UNLOCK && lock[s] != me -> dirty[s] = false; s = 0; pc = (producer -> SEND : RECEIVE) }
#else
	:: d_step { pc == Z_CLEAN ->                       /* -> store the entry's state */
		dirty[s] = false; after = 0; pc = Z_UNLOCK }
	:: d_step { pc == Z_UNLOCK ->                      /* -> drop the seat's lock */
		HELP(lock[s], me, 0);
		s = 0; pc = (producer -> SEND : RECEIVE) }
#endif

	/* ==== Ring.Sweep, of seat s ==== */

	:: d_step { pc == V_WORD ->                        /* -> load a word */
		w = word[i];
		if
		:: ST(w) == CLAIMED && SEAT(w) == s -> pc = V_TAIL
		:: (ST(w) == READING || ST(w) == READING_ACKED) && SEAT(w) == s -> pc = V_HEAD
		:: else -> w = 0; i++; pc = (i < SLOTS -> V_WORD : V_HINT)
		fi }
	:: d_step { pc == V_TAIL ->                        /* -> CAS tail */
#if !defined BUG_NO_TAIL_HELP && !defined BUG_NO_TAIL_HELP_IN_RECOVERY
		HELP(tail, AT(w, i), AT(w, i) + K(w));
#endif
		pc = V_SKIP }
	:: d_step { pc == V_SKIP ->                        /* -> CAS the word */
		if
		:: word[i] == w -> FAIR(i); word[i] = W(SKIP, K(w), 0, AT(w, i)); wipe(i, K(w))
		:: else
		fi;
		w = 0; i++; pc = (i < SLOTS -> V_WORD : V_HINT) }
	:: d_step { pc == V_HEAD ->                        /* -> CAS head */
#ifndef BUG_NO_HEAD_HELP_IN_RECOVERY
		HELP(head, AT(w, i), AT(w, i) + K(w));
#endif
		pc = V_ORPHAN }
	:: d_step { pc == V_ORPHAN ->                      /* -> CAS the word */
		if
		:: word[i] == w -> FAIR(i); word[i] = W((ST(w) == READING -> ORPHAN : ORPHAN_ACKED), K(w), 0, AT(w, i))
		:: else
		fi;
		w = 0; i++; pc = (i < SLOTS -> V_WORD : V_HINT) }
	:: d_step { pc == V_HINT ->                        /* -> add 1 to orphans */
#ifndef BUG_NO_HINT
		RAISE;
#endif
		i = 0; pc = after }

	/* ==== Producer.Send, SendBatch, Reserve: one record, or two ==== */

#if MANYP
#if MANYC
#define FROM_TAIL pc = C_TAIL
#else
#define FROM_TAIL t = tail; pc = C_WORD
#endif
#define CHOOSE(a, b) \
	:: d_step { pc == SEND && sent[me - 1] + ((b) > 0) < RECORDS && (a) >= KMIN && (a) <= KMAX && \
			((b) == 0 || BATCH > 1 && (b) >= KMIN && (b) <= KMAX && (a) + (b) <= SPAN) -> \
		k1 = a; k2 = b; FROM_TAIL }
	CHOOSE(1, 0)                                       /* -> load tail */
	CHOOSE(2, 0)                                       /* -> load tail */
	CHOOSE(3, 0)                                       /* -> load tail */
	CHOOSE(1, 1)                                       /* -> load tail */
	CHOOSE(1, 2)                                       /* -> load tail */
	CHOOSE(2, 1)                                       /* -> load tail */
	CHOOSE(2, 2)                                       /* -> load tail */
	CHOOSE(1, 3)                                       /* -> load tail */
	CHOOSE(3, 1)                                       /* -> load tail */
#else
#if MANYC
#define LOOK_FOR_ROOM pc = R_WORD
#else
#define LOOK_FOR_ROOM HEAD_ROOM
#endif
#define CHOOSE(a) \
	:: d_step { pc == SEND && sent[me - 1] < RECORDS && (a) >= KMIN && (a) <= KMAX -> \
		k1 = a; t = ownTail; LOOK_FOR_ROOM }
	CHOOSE(1)                                          /* no access */
	CHOOSE(2)                                          /* no access */
	CHOOSE(3)                                          /* no access */
#endif
	:: d_step { pc == SEND && sent[me - 1] == RECORDS -> /* Close: no access */
#if !(MANYP && MANYC)
		ownTail = 0; headSeen = 0;
#endif
#if MANYC
		cur = 0;
#endif
		pc = X_CLEAN }

	/* full: the caller waits until that may have changed, and tries again */
	:: d_step { pc == P_WAIT && (
#if MANYC
			word[I(Q)] != w || s > 0 && word[I(s)] != v || ST(w) == SKIP && LAP(w) == L(P) && head > P
#else
			head != headSeen
#endif
#if MANYP
			|| tail > t || f != 0 && word[I(t)] != f
#endif
			) -> START_OVER }

#if MANYP
	/* ==== Producer.claimShared ==== */

#if MANYC
	:: d_step { pc == C_TAIL && cur > 0 -> t = cur; pc = C_WORD } /* no access */
	:: d_step { pc == C_TAIL && tail >= cur -> t = tail; pc = C_WORD } /* -> load tail */
#else
	:: d_step { pc == C_TAIL -> t = tail; pc = C_WORD } /* -> load tail */
#endif
#if defined BLIND && MANYC
	/* Producer.claimRun: the first word is taken to be free, and the others are read before the CAS tells */
	:: d_step { pc == C_WORD && k1 == 1 ->             /* no access */
		unseen = true; f = W(FREE, 0, 0, t); got = 1;
#ifdef BUG_BLIND_TO_ALL
		got = WANT;
#endif
		if :: got == WANT -> ROOM :: else -> pc = R_WORD fi }
#endif
	:: d_step { pc == C_WORD ->                        /* -> load word[t] */
		w = word[I(t)]; SEEN;
		if
#ifdef BUG_NO_TAIL_HELP
		:: LAP(w) == L(t) && ST(w) != FREE -> pc = P_WAIT
#endif
		:: LAP(w) == L(t) && ST(w) != FREE -> pc = C_HELP
#if MANYC
		:: LAP(w) > L(t) -> cur = t + 1; START_OVER /* claimed, taken and freed since */
#else
		:: LAP(w) > L(t) -> w = 0; pc = C_STALE
#endif
#if MANYC
		:: LAP(w) < L(t) -> pc = (ST(w) == SKIP && LAP(w) == L(P) -> Y_HEAD : P_WAIT)
#ifdef BUG_INNER_UNREAD
		:: else -> f = w; got = WANT; ROOM
#else
		:: else -> f = w; w = 0; got = 1; if :: got == WANT -> ROOM :: else -> pc = R_WORD fi
#endif
#else
		:: else -> f = w; w = 0; HEAD_ROOM
#endif
		fi }
#if MANYC
#ifdef BUG_WALK_BY_GUESS
	:: d_step { pc == C_HELP -> cur = t + 1; START_OVER }
#else
	:: d_step { pc == C_HELP -> cur = t + K(w); START_OVER } /* no access */
#endif
#else
	:: d_step { pc == C_STALE ->                       /* -> load tail */
		assert(tail != t); /* or it is ErrDamaged */
		t = tail; pc = C_WORD }
	:: d_step { pc == C_HELP ->                        /* -> CAS tail */
		HELP(tail, t, t + K(w)); START_OVER }
#endif
	:: d_step { pc == C_RECHECK ->                     /* -> load word[t] */
#ifdef BUG_NO_RECHECK
		yes = true;
#else
		yes = word[I(t)] == f;
#endif
		assert(!(yes && bad)); /* or it is ErrDamaged */
		bad = false;
		if :: yes -> pc = P_WAIT :: else -> START_OVER fi }
	:: d_step { pc == C_CAS ->                         /* -> CAS word[t] */
		CAS(word[I(t)], f, (FILLER -> W(SKIP, n, 0, t) : W(CLAIMED, n, seat, t)));
		f = 0; SEEN;
		if
		:: yes ->
			z = 0;
			do :: z < n -> assert(line[I(t) + z] == 0); z++ :: else -> break od;
#ifdef BUG_TAIL_LATE
			pc = (FILLER -> C_ADVANCE : W_LINE)
#else
			pc = C_ADVANCE
#endif
		:: else -> START_OVER
		fi }
#ifdef BUG_TAIL_LATE
#define ADVANCED if :: FILLER -> START_OVER :: else -> SENT fi
#else
#define ADVANCED if :: FILLER -> START_OVER :: else -> pc = W_LINE fi
#endif
#if MANYC
	:: d_step { pc == C_ADVANCE -> cur = t + n; LIFT(tail, t + n); ADVANCED } /* -> CAS tail */
	:: d_step { pc == C_ADVANCE -> cur = t + n; ADVANCED } /* no access */
#else
	:: d_step { pc == C_ADVANCE -> HELP(tail, t, t + n); ADVANCED } /* -> CAS tail */
#endif
#endif

#if MANYC
	/* ==== Producer.freeByWords ==== */

	:: d_step { pc == R_WORD ->                        /* -> load word[q] */
		w = word[I(Q)];
		if
		:: w == W(FREE, 0, 0, Q) -> w = 0; got++; if :: got == WANT -> ROOM :: else fi
		:: ST(w) == SKIP && LAP(w) == L(P) && !UNSEEN_YET -> pc = Y_HEAD
		:: else -> if :: got >= NEED -> ROOM :: else -> NO_ROOM fi
		fi }

	/* ==== Ring.recycle: w, at q, is a Skip of the lap before ==== */

	:: d_step { pc == Y_HEAD ->                        /* -> load head */
		if
		:: head > P -> RECYCLE
		:: else -> s = head; pc = Y_WALK
		fi }
	/* Region.Untaken */
	:: d_step { pc == Y_WALK ->                        /* -> load word[s] */
		v = word[I(s)];
		if
		:: LAP(v) > L(s) -> s++; v = 0; if :: s > P -> pc = Y_HELP :: else fi
		:: LAP(v) == L(s) && ST(v) > FULL -> s = s + K(v); v = 0; if :: s > P -> pc = Y_HELP :: else fi
		:: else -> if :: got == 0 -> pc = P_WAIT :: else -> if :: got >= NEED -> s = 0; v = 0; ROOM :: else -> NO_ROOM fi fi
		fi }
	:: d_step { pc == Y_HELP -> LIFT(head, s); RECYCLE } /* -> CAS head */
	:: d_step { pc == Y_INNER ->                       /* -> load an inner word */
		v = word[I(Q) + i];
		if
		:: LAP(v) == LAP(w) -> pc = Y_CAS
		:: else -> v = 0; i--; if :: i > 0 -> pc = Y_INNER :: else -> AFTER_Y_INNER fi
		fi }
	:: d_step { pc == Y_CAS ->                         /* -> CAS the inner word */
		HELP(word[I(Q) + i], v, W(FREE, 0, 0, Q));
		v = 0; i--; if :: i > 0 -> pc = Y_INNER :: else -> AFTER_Y_INNER fi }
	:: d_step { pc == Y_FIRST -> HELP(word[I(Q)], w, W(FREE, 0, 0, Q)); AFTER_Y_FIRST } /* -> CAS word[q] */
#else
	/* ==== Producer.freeByHead, which needs no access if the head it saw last is enough ==== */

	:: d_step { pc == R_HEAD ->                        /* -> load head */
		if
		:: head > t || t - head > SLOTS -> bad = true; NO_ROOM
		:: else ->
			headSeen = head;
			got = SLOTS - (t - head);
			got = (got < WANT -> got : WANT);
			if :: got >= NEED && got > 0 -> ROOM :: else -> got = 0; NO_ROOM fi
		fi }
#endif

	/* ==== Producer.write, publish, sendBatchShared ==== */

	:: d_step { pc == W_LINE ->                        /* -> store a slot's payload, and length */
		x = me * RECORDS - RECORDS + sent[me - 1] + 1;
		line[I(t) + i] = (i == 0 -> x + 16 * k1 : (i < k1 -> x : (i == k1 -> x + 1 + 16 * k2 : x + 1)));
		x = 0; i++;
		if :: i < USED -> pc = W_LINE :: else -> i = 0; WRITTEN fi }
#if MANYP
	:: d_step { pc == W_INNER ->                       /* -> store the second record's word */
		FAIR(I(t) + k1);
		word[I(t) + k1] = W(FULL, k2, 0, t); AFTER_W_INNER }
	:: d_step { pc == W_REST ->                        /* -> store a Skip over what is left */
		FAIR(I(t) + USED);
		word[I(t) + USED] = W(SKIP, n - USED, 0, t); pc = W_FIRST }
	/* Abort */
	:: d_step { pc == W_LINE && aborts > 0 ->          /* -> store word[t] */
		assert(word[I(t)] == W(CLAIMED, n, seat, t));
		aborts--; wipe(I(t), n);
		word[I(t)] = W(SKIP, n, 0, t); SENT }
#endif
	:: d_step { pc == W_FIRST ->                       /* -> store word[t] */
#if MANYP
		assert(word[I(t)] == W(CLAIMED, n, seat, t));
#endif
		word[I(t)] = W(FULL, k1, 0, t);
		sent[me - 1] = sent[me - 1] + (BOTH -> 2 : 1);
#ifdef BUG_TAIL_LATE
		pc = C_ADVANCE
#else
		AFTER_W_FIRST
#endif
		}

#if !MANYP
	/* ==== Producer.claimSingle: a filler; publish: tail after the word ==== */

	:: d_step { pc == W_SKIP -> wipe(I(t), n); word[I(t)] = W(SKIP, n, 0, t); SENT } /* -> store word[t] */
#ifdef BUG_TAIL_BEFORE_WORD
	:: d_step { pc == W_TAIL -> tail = t + n; pc = W_FIRST }
#else
	:: d_step { pc == W_TAIL ->                        /* -> store tail */
		ownTail = t + n; tail = ownTail; FORGET; pc = SEND }
#endif

	/* ==== Producer.resume ==== */

	:: d_step { pc == N_HEAD -> headSeen = head; pc = N_TAIL } /* -> load head */
	:: d_step { pc == N_TAIL ->                        /* -> load tail */
		t = (headSeen > tail -> headSeen : tail);
		pc = N_WORD }
	:: d_step { pc == N_WORD ->                        /* -> load word[t] */
		w = word[I(t)];
		if
#if MANYC
		:: LAP(w) > L(t) -> assert(ST(w) == FREE); /* or it is ErrDamaged */ t = t + 1
#else
		:: LAP(w) > L(t) -> pc = N_AGAIN
#endif
#ifdef BUG_NO_WALK
		:: LAP(w) <= L(t) -> pc = N_STORE
#endif
		:: LAP(w) < L(t) || ST(w) == FREE -> pc = N_STORE
		:: else -> t = t + K(w)
		fi;
		w = 0 }
	:: d_step { pc == N_AGAIN ->                       /* -> load head */
		assert(head > t); /* or it is ErrDamaged */
		headSeen = head; t = head; pc = N_WORD }
	:: d_step { pc == N_STORE ->                       /* -> store tail */
		tail = t; ownTail = t; t = 0;
#if MANYC
		headSeen = 0;
#endif
		pc = A_RECOVER }
#elif !MANYC
	:: d_step { pc == N_HEAD -> headSeen = head; pc = A_RECOVER } /* -> load head; NewProducer */
#endif

#if MANYC
	/* ==== sharedConsumer.lease: backlog ==== */

	:: d_step { pc == RECEIVE ->                       /* -> load orphans */
		if
		:: news & ME -> news = news & (255 - ME); rescan = true; pc = S_HEAD
		:: else -> pc = (!rescan -> T_HEAD : (cursor == last -> S_HEAD : S_WORD))
		fi }

	/* empty: the caller waits until that may have changed, and tries again */
	:: d_step { pc == T_WAIT && (head > t || word[I(t)] != w || news & ME) -> t = 0; w = 0; pc = RECEIVE }

	/* ==== Consumer.inherit, nextOrphan ==== */

#define NEXT_ORPHAN cursor++; if :: cursor == last -> rescan = false; cursor = 0; last = 0; pc = T_HEAD :: else -> pc = S_WORD fi
#ifdef BUG_SCAN_TO_HINT
	:: d_step { pc == S_HEAD -> last = head; cursor = head - SLOTS; pc = S_WORD }
#else
	:: d_step { pc == S_HEAD -> last = head; pc = S_TAKEN } /* -> load head */
#endif
	/* Ring.nextTake */
	:: d_step { pc == S_TAKEN ->                       /* -> load word[last] */
		w = word[I(last)];
		if
		:: LAP(w) > L(last) -> last++
		:: LAP(w) == L(last) && ST(w) > FULL -> last = last + K(w)
		:: else -> cursor = last - SLOTS; pc = S_WORD
		fi;
		w = 0 }
	:: d_step { pc == S_WORD ->                        /* -> load a word */
		w = word[I(cursor)];
		if
		:: (ST(w) == ORPHAN || ST(w) == ORPHAN_ACKED) && LAP(w) == L(cursor) -> pc = S_CAS
		:: else -> w = 0; NEXT_ORPHAN
		fi }
	:: d_step { pc == S_CAS ->                         /* -> CAS the word */
		acked = ST(w) == ORPHAN_ACKED;
		CAS(word[I(cursor)], w, W((acked -> READING_ACKED : READING), K(w), seat, cursor));
		if
		:: yes ->
			t = cursor; n = K(w); again = true; cursor++;
			if
			:: !acked -> pc = D_LINE
			:: n > 1 -> i = 1; pc = S_WALK
			:: else -> FREE_TAKE
			fi
		:: else -> acked = false; NEXT_ORPHAN
		fi;
		w = 0 }

	/* ==== sharedConsumer.inheritTake: which records of the orphan are open ==== */

#define LEASED i = 0; if :: open == 0 -> SETTLED :: else -> pc = SETTLE fi
	:: d_step { pc == S_WALK ->                        /* -> load an inner word */
		w = word[I(t) + i];
		if
		:: ST(w) == FULL && LAP(w) == L(t) -> pc = D_LINE
		:: else -> i++; if :: i == n -> LEASED :: else fi
		fi;
		w = 0 }

	/* ==== Consumer.take ==== */

	:: d_step { pc == T_HEAD && cur > 0 -> t = cur; pc = T_WORD } /* no access */
	:: d_step { pc == T_HEAD && head >= cur -> t = head; pc = T_WORD } /* -> load head */
	:: d_step { pc == T_WORD ->                        /* -> load word[h] */
		w = word[I(t)];
		if
		:: LAP(w) > L(t) -> cur = t + 1; t = 0; w = 0; pc = T_HEAD /* taken and freed since */
		:: LAP(w) < L(t) || ST(w) == FREE || ST(w) == CLAIMED -> pc = T_WAIT
		:: else ->
			if
			:: ST(w) != FULL -> pc = T_HELP
			:: else ->
				n = K(w); k1 = n;
				pc = (BATCH > 1 && I(t + n) != 0 && n < SPAN -> T_GATHER : T_CAS)
			fi
		fi }
	:: d_step { pc == T_HELP -> cur = t + K(w); t = 0; w = 0; pc = T_HEAD } /* no access */
	/* gather */
	:: d_step { pc == T_GATHER ->                      /* -> load the word after the first record's */
		v = word[I(t) + n];
		if :: ST(v) == FULL && LAP(v) == L(t) && n + K(v) <= SPAN -> n = n + K(v) :: else fi;
		v = 0; pc = T_CAS }
	:: d_step { pc == T_CAS || pc == T_GATHER ->       /* -> CAS word[h] */
		CAS(word[I(t)], w, W(READING, n, seat, t));
		w = 0;
		if
		:: yes ->
			handed(I(t));
			if :: n > k1 -> handed(I(t) + k1) :: else fi;
			pc = T_ADVANCE
		:: else -> t = 0; n = 0; k1 = 0; pc = T_HEAD
		fi }
	:: d_step { pc == T_ADVANCE -> cur = t + n; LIFT(head, t + n); pc = D_LINE } /* -> CAS head */
	:: d_step { pc == T_ADVANCE -> cur = t + n; pc = D_LINE } /* no access */

	/* ==== the caller reads the record at t + i ==== */

#define DELIVERED_ONE \
	delivered(x, again); \
	open = open | (1 << i); i = i + (again -> 1 : LEN(x)); x = 0; got = 0; \
	if :: i == n -> LEASED :: else -> pc = (again -> S_WALK : D_LINE) fi

	/* ==== sharedConsumer.ack, release, in any order ==== */

#define ACK(o) \
	:: d_step { pc == SETTLE && open & (1 << o) -> \
		assert(word[I(t)] == MINE); \
		if \
		:: o > 0 -> word[I(t) + o] = W(SKIP, LEN(line[I(t) + o]), 0, t); acknowledged(I(t) + o) \
		:: o == 0 && n == 1 && !again -> \
			word[I(t)] = W(FREE, 0, 0, t + SLOTS); acknowledged(I(t)) \
		:: else -> \
			ACK_FIRST; acknowledged(I(t)) \
		fi; \
		open = open - (1 << o); \
		if :: open == 0 -> if :: n == 1 && !again -> TAKE_DONE :: else -> SETTLED fi :: else fi }
#ifdef BUG_NO_READING_ACKED
#define ACK_FIRST skip
#else
#define ACK_FIRST acked = true; word[I(t)] = MINE
#endif
	ACK(0)                                             /* -> store the first word */
	ACK(1)                                             /* -> store an inner word */
	ACK(2)                                             /* -> store an inner word */
	ACK(3)                                             /* -> store an inner word */
#define GIVE_BACK(o) \
	:: d_step { pc == SETTLE && releases > 0 && open & (1 << o) -> \
		releases--; open = open - (1 << o); back = true; \
		if :: open == 0 -> SETTLED :: else fi }
	GIVE_BACK(0)                                       /* no access */
	GIVE_BACK(1)                                       /* no access */
	GIVE_BACK(2)                                       /* no access */
	GIVE_BACK(3)                                       /* no access */
	/* settleBatch */
	:: d_step { pc == E_ORPHAN ->                      /* -> store the first word */
		assert(word[I(t)] == MINE);
		word[I(t)] = W((acked -> ORPHAN_ACKED : ORPHAN), n, 0, t);
		AFTER_E_ORPHAN }
	:: d_step { pc == E_HINT -> RAISE; AFTER_E_HINT }  /* -> add 1 to orphans */
	/* freeTake */
	:: d_step { pc == F_INNER ->                       /* -> store an inner word */
		FAIR(I(t) + i);
		word[I(t) + i] = W(FREE, 0, 0, t + SLOTS);
#ifdef BUG_FREE_UPWARDS
		i++; if :: i < n -> pc = F_INNER :: else -> AFTER_F_INNER fi }
#else
		i--; if :: i > 0 -> pc = F_INNER :: else -> AFTER_F_INNER fi }
#endif
	:: d_step { pc == F_FIRST ->                       /* -> store the first word */
		assert(word[I(t)] == MINE);
		word[I(t)] = W(FREE, 0, 0, t + SLOTS); AFTER_F_FIRST }
	/* Close, with leases open (sharedConsumer.close) and without */
	:: d_step { pc == SETTLE && leaves > 0 ->          /* no access */
		leaves--;
		FORGET; again = false; acked = false; back = false; open = 0; rescan = false; cursor = 0; last = 0; cur = 0;
		s = seat; after = X_CLEAN; pc = V_WORD }
	:: d_step { pc == RECEIVE && leaves > 0 ->         /* no access */
		leaves--; rescan = false; cursor = 0; last = 0; cur = 0; pc = X_CLEAN }

#else
	/* ==== the single consumer: resume ==== */

	:: d_step { pc == H_HEAD -> next = head; freed = head; pc = H_HANDOUT } /* -> load head */
	:: d_step { pc == H_HANDOUT ->                     /* -> load handout */
		seen = (handout > next -> handout : 0); pc = A_RECOVER }

	/* ==== singleConsumer.lease ==== */

#define OPENS ((how[0] == 1) + (how[1] == 1) + (how[2] == 1))
#define PUSH(h) next = next + K(w); ends[spans] = next; how[spans] = h; spans++; if :: next >= seen -> seen = 0 :: else fi
#define HAND_OUT \
	if :: fate[ID(line[I(t)])] == UNSEEN -> handed(I(t)) :: else fi; \
	n = K(w); k1 = n; PUSH(1); w = 0; pc = D_LINE
	:: d_step { pc == RECEIVE && how[0] != 3 && how[1] != 3 && how[2] != 3 && spans < 3 && OPENS < BATCH ->
		w = word[I(next)];                         /* -> load word[next] */
		assert(LAP(w) <= L(next)); /* or it is ErrDamaged */
		t = next; again = seen > t;
		if
		:: LAP(w) == L(t) && ST(w) == FULL ->
			assert(t + K(w) <= freed + SLOTS); /* or it is ErrDamaged */
#ifdef BUG_HANDOUT_LATE
			HAND_OUT
#else
			if :: t + K(w) > seen -> pc = O_HANDOUT :: else -> HAND_OUT fi
#endif
		:: LAP(w) == L(t) && ST(w) == SKIP ->
			PUSH(2);
			t = 0; w = 0; again = false;
			pc = (spans == 1 -> O_HEAD : RECEIVE)
		:: else ->
			again = false;
			if :: spans == 0 -> pc = T_WAIT :: else -> t = 0; w = 0 fi
		fi }
#ifdef BUG_HANDOUT_LATE
	:: d_step { pc == O_HANDOUT -> handout = next; pc = RECEIVE } /* -> store handout */
#else
	:: d_step { pc == O_HANDOUT -> handout = t + K(w); HAND_OUT } /* -> store handout */
#endif

	/* empty: the caller waits until that may have changed, and tries again */
	:: d_step { pc == T_WAIT && word[I(t)] != w -> t = 0; w = 0; pc = RECEIVE }

	/* ==== the caller reads the record at t; leaseReturned, settle, Close ==== */

#ifdef BUG_HANDOUT_LATE
#define READ pc = (next > handout -> O_HANDOUT : RECEIVE)
#else
#define READ pc = RECEIVE
#endif
#define DELIVERED_ONE delivered(x, again); FORGET; again = false; READ
#define SPAN_STEPS(j) \
	:: d_step { pc == RECEIVE && how[j] == 3 && (j == 0 || how[0] != 3) && (j != 2 || how[1] != 3) -> \
		t = FROM(j); n = ends[j] - t; k1 = n; again = true; how[j] = 1; pc = D_LINE } \
	:: d_step { pc == RECEIVE && how[j] == 1 -> how[j] = 2; pc = (j == 0 -> O_HEAD : RECEIVE) } \
	:: d_step { pc == RECEIVE && how[j] == 1 && releases > 0 -> releases--; how[j] = 3 }
	SPAN_STEPS(0)                                      /* no access */
	SPAN_STEPS(1)                                      /* no access */
	SPAN_STEPS(2)                                      /* no access */
	:: d_step { pc == RECEIVE && leaves > 0 ->         /* no access */
		leaves--;
		seen = 0; next = 0; freed = 0; spans = 0;
		ends[0] = 0; ends[1] = 0; ends[2] = 0; how[0] = 0; how[1] = 0; how[2] = 0;
		pc = X_CLEAN }

	/* ==== Consumer.moveHead ==== */

	:: d_step { pc == O_HEAD ->                        /* -> store head */
		x = freed;
		do
		:: how[0] == 2 ->
			freed = ends[0]; spans--;
			ends[0] = ends[1]; ends[1] = ends[2]; ends[2] = 0;
			how[0] = how[1]; how[1] = how[2]; how[2] = 0
		:: else -> break
		od;
		/* acknowledged is what head has passed */
		do
		:: x < freed -> if :: LEN(line[I(x)]) > 0 -> acknowledged(I(x)) :: else fi; x++
		:: else -> break
		od;
		x = 0;
		head = freed; pc = RECEIVE }
#endif

	:: d_step { pc == D_LINE ->                        /* -> load a slot's payload, and length */
		x = line[I(t) + i];
		assert(LEN(x) > 0 && i + LEN(x) <= n);
		assert(again || i > 0 || LEN(x) == k1);
		got = 1;
		if :: LEN(x) > 1 -> pc = D_MORE :: else -> DELIVERED_ONE fi }
	:: d_step { pc == D_MORE ->                        /* -> load a slot's payload */
		assert(line[I(t) + i + got] == (x & 15));
		got++;
		if :: got < LEN(x) -> pc = D_MORE :: else -> DELIVERED_ONE fi }
	od
}

/* ==== when no participant can do anything any more, everything is in order ==== */

active proctype End() {
	byte p, q;
	atomic {
		p = 0;
		do
		:: p < SLOTS -> word[p] = W(FREE, 0, 0, START + (p < I(START) -> SLOTS : 0)); p++
		:: else -> break
		od;
		p = 1;
		do
		:: p <= SEATS -> lock[p - 1] = p; dirty[p - 1] = true; run Participant(p, p <= PRODUCERS); p++
		:: else -> break
		od;
		p = 0
	}
	timeout ->
	d_step {
		/* unless all consumers died for good, all records that were sent are acknowledged */
		yes = false;
		p = PRODUCERS;
		do :: p < SEATS -> yes = yes || !gone[p]; p++ :: else -> break od;
		if
		:: yes ->
			p = 0;
			do
			:: p < PRODUCERS ->
				assert(sent[p] == RECORDS || gone[p]);
				q = 0;
				do :: q < sent[p] -> assert(fate[p * RECORDS + q] == ACKED); q++ :: else -> break od;
				p++
			:: else -> break
			od;
			/* the ring is empty */
			p = (tail > head -> tail : head);
			do
			:: LAP(word[I(p)]) == L(p) && ST(word[I(p)]) != FREE -> p = p + K(word[I(p)])
			:: MANYC && LAP(word[I(p)]) > L(p) -> p++
			:: else -> break
			od;
			q = head;
			do
			:: LAP(word[I(q)]) == L(q) && ST(word[I(q)]) != FREE -> q = q + K(word[I(q)])
			:: MANYC && LAP(word[I(q)]) > L(q) -> q++
			:: else -> break
			od;
			assert(p == q);
			/* and a lap of room is free */
#if MANYC
			do
			:: q < p + SLOTS ->
				if
				:: word[I(q)] == W(FREE, 0, 0, q) -> q++
				:: else ->
					assert(ST(word[I(q)]) == SKIP && LAP(word[I(q)]) == L(q) - 1 && K(word[I(q)]) > 0);
					q = q + K(word[I(q)])
				fi
			:: else -> break
			od;
#else
			assert(head == p);
#endif
			/* and no seat is lost */
			assert(!DEAD(0) && !DEAD(1) && !DEAD(2) && !DEAD(3))
		:: else
		fi
	}
}
