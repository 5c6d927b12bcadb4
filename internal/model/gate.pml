/*
 * The gate of a queue with subscriptions whose producers wait, with store buffers (x86-TSO):
 * what each.pml takes for granted, that a store is seen at once, is what the two fences are for.
 * One producer, records of one slot; subscriptions join, receive, acknowledge and leave.
 *
 * A step is a d_step and makes ONE access to shared memory; its comment names it behind an
 * arrow. A plain store goes into the buffer of its processor, which empties it in order,
 * whenever it likes. Locked instructions, fences and system calls wait until it is empty.
 * P0 to P6 and J3 to J8 are the steps of the producer's scan and of a join.
 */

#ifndef SUBSCRIBERS
#define SUBSCRIBERS 1
#endif
#ifndef RECORDS
#define RECORDS 4
#endif
#ifndef JOINS
#define JOINS 1        /* how often each subscriber joins */
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef TWO
#define TWO 1          /* 1: the producer publishes the gate in head, and reads the cursors again */
#endif
#ifndef OLDEST
#define OLDEST TWO     /* 1: a subscriber may begin at the oldest record, which needs two scans */
#endif
#ifndef KEEP
#define KEEP 0
#endif

#define LAST (SLOTS + RECORDS)

/* ==== shared memory, as all processors see it ==== */

byte tail = SLOTS, head = SLOTS; /* positions begin at a lap, so that none is negative */
byte word[SLOTS];      /* the position of the record that is in the slot */
byte cursor[SUBSCRIBERS]; /* 0: free. Joining and active hold the producer up alike. */

/* ==== store buffers ==== */

mtype = { WORD, TAIL, HEAD };
chan stores = [6] of { mtype, byte };           /* the producer's */
chan cursors[SUBSCRIBERS] = [4] of { byte };    /* a subscriber stores its cursor, and nothing else */

/* ==== what is only checked with ==== */

byte promised[SUBSCRIBERS]; /* all from here on has to stay, for as long as this is not 0 */
bool over;

#define AT(p) ((p) % SLOTS)
#define STORE(what, v) nfull(stores) -> stores!what(v)
#define DRAINED empty(stores)

/* The processor that the producer runs on. */
proctype memory()
{
	byte i, v;
	mtype m;
end:	do
	:: d_step { stores?[WORD, v] -> stores?m(v);       /* -> a word arrives in memory */
		i = 0;
		do
		:: i < SUBSCRIBERS -> assert(promised[i] == 0 || v < promised[i] + SLOTS); i++
		:: else -> break
		od;
		i = 0; word[AT(v)] = v; v = 0; m = 0 }
	:: d_step { stores?[TAIL, v] -> stores?m(v); tail = v; v = 0; m = 0 } /* -> tail arrives */
	:: d_step { stores?[HEAD, v] -> stores?m(v); head = v; v = 0; m = 0 } /* -> head arrives */
	od
}

proctype producer()
{
	byte t = SLOTS, seen, g, g2, i;

	seen = 0;                                          /* P0: no room is known */
NEXT:	do
	:: t < LAST && t + 1 <= seen + SLOTS ->            /* P1, P6 */
		d_step { STORE(WORD, t) };                 /* -> payload and word, into the buffer */
		d_step { STORE(TAIL, t + 1); t++ }         /* -> tail, into the buffer */
	:: t < LAST && t + 1 > seen + SLOTS -> goto SCAN
	:: d_step { t == LAST && DRAINED -> over = true }; goto END
	od;

#define PASS(g) \
	i = 0; \
	do \
	:: i < SUBSCRIBERS -> \
		d_step { if :: cursor[i] != 0 && cursor[i] < g -> g = cursor[i] :: else fi; i++ } /* -> a cursor */ \
	:: else -> break \
	od; \
	i = 0
SCAN:
	g = t - (KEEP > 1 -> KEEP - 1 : 0);                /* P2 */
#if TWO
	PASS(g);
	/* P3 */
#ifdef BUG_NO_FENCE2
	d_step { nfull(stores) -> if :: head < g -> stores!HEAD(g) :: else fi }; /* -> head, into the buffer */
#else
	d_step { DRAINED -> if :: head < g -> head = g :: else fi }; /* -> head, by CAS */
#endif
#endif
#if !defined BUG_NO_FENCE && !defined BUG_NO_FENCE2
	d_step { DRAINED -> skip };                        /* P4 -> full fence */
#endif
	g2 = g;
	PASS(g2);                                          /* P5 */
	i = 0;
	d_step { if :: g2 > seen -> seen = g2 :: else fi; g = 0; g2 = 0 };
	goto NEXT;
END:	skip
}

#define PUT(c) nfull(cursors[me]) -> cursors[me]!c
#define EMPTIED empty(cursors[me])

/* The processor that the subscriber runs on; it goes on when that is dead. */
proctype buffer(byte me)
{
	byte c;
end:	do
	:: d_step { cursors[me]?c -> cursor[me] = c; c = 0 } /* -> a cursor arrives in memory */
	od
}

proctype subscriber(byte me)
{
	byte r, start, next, joins;
	bool oldest;

JOIN:
	if
	:: joins == JOINS -> goto END
	:: else -> joins++
	fi;
	if                                                 /* J3 */
	:: d_step { r = tail }                             /* -> tail */
#if OLDEST
	:: d_step { r = head; oldest = true }              /* -> head */
#endif
	fi;
	d_step { PUT(r) };                                 /* J4 -> the cursor, into the buffer */
#ifndef BUG_NO_JOIN_FENCE
	d_step { EMPTIED -> skip };                        /* J5 -> full fence */
#endif
	if                                                 /* J6 */
	:: !oldest -> d_step { start = tail; promised[me] = start; assert(word[AT(start)] <= start) } /* -> tail */
	/* each slot begins a record here: no walk */
	:: oldest -> d_step { start = head; promised[me] = start; assert(word[AT(start)] <= start) } /* -> head */
	fi;
	d_step { PUT(start); next = start; start = 0; r = 0; oldest = false }; /* J8 -> the cursor, into the buffer */
	do
	:: d_step { word[AT(next)] > next -> assert(word[AT(next)] <= next) } /* it was lapped */
	:: d_step { word[AT(next)] == next ->              /* -> the word, payload */
		next++; promised[me] = next }
	   d_step { PUT(next) }                            /* -> the cursor: acknowledged */
	:: joins < JOINS -> break
	:: d_step { over && word[AT(next)] != next -> skip }; break
	od;
	skip;
	d_step { PUT(0); promised[me] = 0; next = 0 };     /* leave -> the cursor, into the buffer */
	d_step { EMPTIED -> skip };                        /* -> lock: a system call */
	goto JOIN;
END:	skip
}

init {
	byte i;
	atomic {
		run producer(); run memory();
		do :: i < SUBSCRIBERS -> run buffer(i); run subscriber(i); i++ :: else -> break od;
		i = 0
	}
}
