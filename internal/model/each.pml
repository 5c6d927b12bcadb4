/*
 * Subscriptions to a queue whose producers wait: each subscription gets every record from
 * where it joined. Producers scan the cursors for the gate; subscriptions join, receive,
 * acknowledge, leave, and come back if they are durable; what a dead one holds is
 * reclaimed. Any participant may die between any two steps.
 *
 * A step is a d_step and makes ONE access to shared memory, or one system call that is
 * atomic in the kernel; its comment names it behind an arrow. Memory is sequentially
 * consistent here: gate.pml has the store buffers of the two fences.
 */

#ifndef MANYP
#define MANYP 0        /* 1: producers share the role, and claim by compare-and-swap */
#endif
#ifndef PRODUCERS
#define PRODUCERS 1    /* at once if MANYP, else one after the other */
#endif
#ifndef SUBSCRIBERS
#define SUBSCRIBERS 1  /* processes that subscribe, at once */
#endif
#ifndef JOINS
#define JOINS 1        /* how often each of them joins */
#endif
#ifndef RECORDS
#define RECORDS 3      /* that each producer sends */
#endif
#ifndef KMAX
#define KMAX 1         /* most slots of a record */
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef ENTRIES
#define ENTRIES SUBSCRIBERS
#endif
#ifndef OLDEST
#define OLDEST 0       /* 1: a subscriber may begin at the oldest record */
#endif
#ifndef KEEP
#define KEEP 0
#endif
#ifndef DURABLE
#define DURABLE 0      /* 1: a subscription may be durable */
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef TWO
#define TWO 1          /* 0: the cursors are read once, which is enough if nobody begins at the oldest record */
#endif
#ifndef LEAST
#define LEAST RECORDS  /* records that producer 0 sends, if it is to be less */
#endif

#ifndef SETTLED
#define SETTLED 0      /* 1: the second subscriber is subscribed from the start */
#endif

#define MOST (PRODUCERS * (RECORDS * KMAX + KMAX) + DEATHS * KMAX + SLOTS) /* positions */
#define NOBODY 255

/* ==== shared memory ==== */

/* Positions begin at SLOTS, so that what is before the first lap is not negative. */
byte tail = SLOTS, head = SLOTS;

mtype = { FREE, CLAIMED, FULL, SKIP };
mtype state[SLOTS] = FREE;
byte pos[SLOTS];       /* the position that the word names; its lap */
byte span[SLOTS];
byte owner[SLOTS];     /* of CLAIMED */
byte payload[SLOTS];   /* the position that it was written for */

#define FREEE 0
#define JOINING 1
#define ACTIVE 2
byte cstate[ENTRIES];  /* the cursor word is both: */
byte cursor[ENTRIES];
bool durable[ENTRIES];
byte handout[ENTRIES];

/* ==== the kernel: locks end with their holder ==== */

byte lock[ENTRIES] = NOBODY;
byte role = NOBODY;    /* of the single producer */

/* ==== what is only checked with ==== */

byte deaths;
byte running = PRODUCERS;
byte joiners = SUBSCRIBERS;
byte size[MOST];       /* by position: of the record or filler that begins there */
byte promised[ENTRIES];/* all from here on has to stay, for as long as this is not 0 */
byte acked[ENTRIES];   /* of a durable one: the furthest place that was acknowledged */
bool dead[PRODUCERS];
bool durably[ENTRIES]; /* the promise survives its holder */

/* A slot is about to be written for position p: what was there must be nobody's. */
inline overwrite(p)
{
	for (n_ : 0 .. ENTRIES - 1) { assert(promised[n_] == 0 || p < promised[n_] + SLOTS) }
	n_ = 0
}

#define STEP(what) if :: d_step { what; skip } :: deaths < DEATHS -> goto DIE fi

#define AT(p) ((p) % SLOTS)
#define EXACT(p) (pos[AT(p)] == (p))

/* The least place that a subscription holds, and whether k slots fit before it: where a
   producer sleeps. */
inline least(m)
{
	m = tail;
	for (n_ : 0 .. ENTRIES - 1) { if :: cstate[n_] != FREEE && cursor[n_] < m -> m = cursor[n_] :: else fi }
	n_ = 0
}

byte room;             /* only for the guard below; set by whoever moves a cursor or the tail */
inline moved() { least(room) }

/* ==== producers ==== */

#define HELD(n) (joiners == 0 && cstate[n] == ACTIVE && durable[n] && cursor[n] == room)
#define LAG(n) (KEEP > (n) -> KEEP - (n) : 0)

proctype producer(byte me)
{
	byte t, k, i, n_, sent, lag, g, g2, seen, wpos, wspan;
	mtype w;
	bool filler, fresh;

#if !MANYP
	STEP(role == NOBODY -> role = me);                 /* -> role */
#endif
	/* No room is known: seen is a lap before any position that it may claim. */
	seen = 0;
	fresh = true;
	STEP(t = tail);                                    /* -> tail */
#if !MANYP
	do
	:: STEP(k = (EXACT(t) && state[AT(t)] != FREE -> span[AT(t)] : 0)); /* -> the word */
	   if :: k > 0 -> t = t + k :: else -> break fi
	od;
	STEP(tail = t; moved());                           /* -> tail */
#endif
#ifdef BUG_GATE_IS_T
	seen = t;
#else
#ifdef BUG_FRESH_FROM_HEAD
	STEP(seen = head);                                 /* -> head */
#else
	seen = t - SLOTS;
#endif
#endif

NEXT:
	if
	:: sent == (me == 0 -> LEAST : RECORDS) -> goto LEAVE
	:: else
	fi;
	k = 1;
	if :: KMAX > 1 -> k = KMAX :: skip fi;
AGAIN:
	filler = false;
#if MANYP
	STEP(t = tail);                                    /* -> tail */
	STEP(w = state[AT(t)]; wpos = pos[AT(t)]; wspan = span[AT(t)]); /* -> the word */
	if
	:: wpos == t && w != FREE ->
		STEP(if :: tail == t -> tail = t + wspan; moved() :: else fi); /* -> tail: helped */
		goto AGAIN
	:: wpos > t -> goto AGAIN
	:: else
	fi;
#endif
	if
	:: AT(t) + k > SLOTS -> filler = true; i = SLOTS - AT(t)
	:: else -> i = k
	fi;
	/* i slots at t */
	if
	:: t + i <= seen + SLOTS -> goto CLAIM
	:: else
	fi;
	/* scan */
	lag = LAG(i);
	g = 0;
#if TWO
	do                                                 /* P2 */
	:: g < ENTRIES ->
		STEP(if :: cstate[g] != FREEE && cursor[g] < t && t - cursor[g] > lag -> lag = t - cursor[g] :: else fi); /* -> a cursor */
		g++
	:: else -> break
	od;
#endif
	g = t - lag;
#if TWO
	STEP(if :: head < g -> head = g :: else fi);       /* P3 -> head, by CAS, upwards */
#endif
	g2 = g;
#ifdef BUG_NO_CLAMP
	g2 = NOBODY;
#endif
#ifndef BUG_ONE_SCAN
	/* P4: full fence */
	lag = 0;
	do                                                 /* P5 */
	:: lag < ENTRIES ->
		STEP(if :: cstate[lag] != FREEE && cursor[lag] < g2 -> g2 = cursor[lag] :: else fi); /* -> a cursor */
		lag++
	:: else -> break
	od;
#endif
#ifdef BUG_NO_CLAMP
	/* the least of the cursors, and t only if there are none */
	if :: g2 == NOBODY -> g2 = t :: else fi;
#endif
	if :: g2 > seen -> seen = g2 :: else fi;
	lag = 0; g = 0; g2 = 0;
ROOM:
	if
	:: t + i <= seen + SLOTS -> goto CLAIM
	:: else
	fi;
#if MANYP
	/* too little room is believed only if the word is what it was */
	STEP(filler = (pos[AT(t)] == wpos && state[AT(t)] == w)); /* -> the word */
	if :: !filler -> goto AGAIN :: else fi;
#endif
	/* asleep until something moved */
	if
	:: d_step { (room + SLOTS >= t + i + LAG(i)) || tail != t -> skip }
	:: deaths < DEATHS -> goto DIE
	:: HELD(0) || HELD(ENTRIES - 1) -> goto LEAVE      /* for good, by one that nobody takes over */
	fi;
	goto AGAIN;

CLAIM:
#if MANYP
#ifndef BUG_OVER_CLAIMED
	g = 0;
	do
	:: g < i ->
		STEP(g2 = (state[AT(t + g)] == CLAIMED -> 1 : 0)); /* -> a word */
		if
		:: g2 == 1 -> /* full, until its owner is done */
			if
			:: d_step { state[AT(t + g)] != CLAIMED || tail != t -> skip }
			:: deaths < DEATHS -> goto DIE
			fi;
			g = 0; g2 = 0;
			goto AGAIN
		:: else -> g++
		fi
	:: else -> break
	od;
	g = 0; g2 = 0;
#endif
	STEP(if
	     :: state[AT(t)] == w && pos[AT(t)] == wpos && span[AT(t)] == wspan -> /* -> the word, by CAS */
		overwrite(t + i - 1);
		size[t] = i;
		pos[AT(t)] = t; span[AT(t)] = i;
		state[AT(t)] = (filler -> SKIP : CLAIMED); owner[AT(t)] = me;
		g = 1;
		moved()
	     :: else -> g = 0
	     fi);
	if :: g == 0 -> goto AGAIN :: else fi;
	g = 0;
	STEP(if :: tail == t -> tail = t + i; moved() :: else fi); /* -> tail, by CAS */
	if :: filler -> goto AGAIN :: else fi;
	do
	:: g < i -> STEP(overwrite(t + g); payload[AT(t + g)] = t); g++ /* -> payload */
	:: else -> break
	od;
	g = 0;
	STEP(state[AT(t)] = FULL; pos[AT(t)] = t; span[AT(t)] = i); /* -> the word */
	sent++;
	goto NEXT;
#else
	if
	:: filler ->
		STEP(overwrite(t + i - 1); size[t] = i; state[AT(t)] = SKIP; pos[AT(t)] = t; span[AT(t)] = i); /* -> the word */
	:: else ->
		g = 0;
		do
		:: g < i -> STEP(overwrite(t + g); payload[AT(t + g)] = t); g++ /* -> payload */
		:: else -> break
		od;
		g = 0;
		STEP(size[t] = i; state[AT(t)] = FULL; pos[AT(t)] = t; span[AT(t)] = i); /* -> the word */
		sent++
	fi;
	t = t + i;
	STEP(tail = t; moved());                           /* -> tail */
	if :: filler -> goto AGAIN :: else goto NEXT fi;
#endif

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
	d_step { running--; moved(); skip }
}

/* ==== subscribers ==== */

proctype subscriber(byte me)
{
	byte e, r, h, T, next, start, k, joins, n_, flagged;
	bool keeps, ok;

	if
	:: SETTLED && me == 101 -> e = 1; next = SLOTS; joins = JOINS; goto RECEIVE
	:: else
	fi;
JOIN:
	if
	:: joins == JOINS -> goto END
	:: else -> joins++
	fi;
	e = 0;
	do
	:: e < ENTRIES ->
		STEP(ok = (lock[e] == NOBODY); if :: ok -> lock[e] = me :: else fi); /* -> lock */
		if
		:: ok ->
			STEP(r = cstate[e]; next = cursor[e]);      /* -> the cursor */
			STEP(ok = durable[e]; start = handout[e]);  /* -> durable, handout */
			if
			:: r == ACTIVE && ok -> goto TAKEOVER
			:: else -> break
			fi
		:: else -> e++
		fi
	:: else -> /* none is to be had */
		if
		:: d_step { (lock[0] == NOBODY || lock[ENTRIES - 1] == NOBODY) -> skip }
		:: d_step { running == 0 -> skip }
		fi;
		joins--;
		if :: running == 0 -> goto END :: else -> goto JOIN fi
	od;
	ok = false;
	keeps = false;
	if :: DURABLE -> keeps = true :: skip fi;
	if
	:: OLDEST -> ok = true; STEP(r = head)              /* -> head */
	:: STEP(r = tail)                                   /* -> tail */
	fi;
#ifdef BUG_JOINING_IS_ACTIVE
#define COMING ACTIVE
#else
#define COMING JOINING
#endif
#ifdef BUG_DURABLE_EARLY
	STEP(durable[e] = keeps; handout[e] = r);           /* -> durable, handout */
#endif
	STEP(cstate[e] = COMING; cursor[e] = r; moved());   /* -> the cursor */
	/* full fence */
	if
	:: !ok ->
		STEP(start = tail)                          /* -> tail */
#ifdef BUG_ONE_LOOK
		start = r;
#endif
	:: else ->
		STEP(h = head);                             /* -> head */
		STEP(T = tail);                             /* -> tail */
#ifndef BUG_NO_WALK
		do
		:: h < T ->
			STEP(k = (EXACT(h) && state[AT(h)] != FREE -> 1 : 0)); /* -> a word */
			if :: k == 1 -> break :: else -> h++ fi
		:: else -> break
		od;
#endif
		start = h;
		h = 0; T = 0; k = 0
	fi;
#ifndef BUG_DURABLE_EARLY
	STEP(durable[e] = keeps);                           /* -> durable */
#ifndef BUG_HANDOUT_NOT_RESET
	STEP(handout[e] = start);                           /* -> handout */
#endif
#endif
	STEP(cstate[e] = ACTIVE; cursor[e] = start;         /* -> the cursor */
	     promised[e] = start; durably[e] = keeps; acked[e] = start; moved();
	     /* what it is promised is still there */
	     if
	     :: pos[AT(start)] > start && start < tail -> assert(false)
	     :: else
	     fi;
	     /* and it begins where a record does */
	     assert(start >= tail || size[start] > 0));
	next = start;
	STEP(start = handout[e]);                           /* -> handout */
	/* a new one has nothing that was handed out before */
	assert(start == next);
	start = next;
	goto RECEIVE;

TAKEOVER:
	keeps = true;
	assert(next >= acked[e] || !durably[e]);
	/* between next and start it may have been seen */
	ok = false;

RECEIVE:
	r = 0;
	do
	:: /* a record, or none */
		STEP(k = (EXACT(next) && (state[AT(next)] == FULL || state[AT(next)] == SKIP) -> span[AT(next)] : 0); /* -> the word */
		     ok = (state[AT(next)] == SKIP);
		     assert(pos[AT(next)] <= next)); /* it was not lapped */
		if
		:: k > 0 ->
			if
			:: ok -> next = next + k
			:: else ->
				STEP(if :: handout[e] < next + k -> handout[e] = next + k :: else fi); /* -> handout */
				STEP(assert(payload[AT(next)] == next && payload[AT(next + k - 1)] == next)); /* -> payload */
				next = next + k
			fi;
			STEP(cursor[e] = next; promised[e] = next; acked[e] = next; moved()) /* -> the cursor */
		:: else ->
			if
			:: d_step { EXACT(next) && state[AT(next)] != CLAIMED -> skip } /* asleep until there is one */
			:: d_step { running == 0 && !(EXACT(next) && state[AT(next)] != FREE) -> skip }
			   break
			:: joins < JOINS -> break
			:: deaths < DEATHS -> goto DIE
			fi
		fi
	:: joins < JOINS -> break
	od;
	if
	:: keeps -> /* only unlocks */
		STEP(lock[e] = NOBODY; moved())
	:: else ->
#ifdef BUG_UNLOCK_FIRST
		STEP(promised[e] = 0; durably[e] = false; lock[e] = NOBODY; moved());
		STEP(cstate[e] = FREEE; cursor[e] = 0; moved());
#else
		STEP(promised[e] = 0; durably[e] = false; cstate[e] = FREEE; cursor[e] = 0; moved()); /* -> the cursor */
		STEP(lock[e] = NOBODY; moved());            /* -> lock */
#endif
	fi;
	next = 0; start = 0; k = 0; e = 0;
	goto JOIN;
DIE:	skip;
	d_step {
		deaths++;
		if
		:: e < ENTRIES && lock[e] == me ->
			lock[e] = NOBODY;
			if :: !(durably[e] && cstate[e] == ACTIVE) -> promised[e] = 0; durably[e] = false :: else fi
		:: else
		fi;
		skip
	}
END:	skip;
	d_step { joiners--; moved(); skip }
}

/* ==== recovery: by any process that waits; here it is one of its own ==== */

#define JANITOR 254

/* Nothing goes on in a state that nobody can leave, so the janitor has no steps of its own. */
#define RECLAIMABLE(n) (n < ENTRIES && cstate[n] != FREEE && !(cstate[n] == ACTIVE && durable[n]) && lock[n] == NOBODY)
#define ABANDONED(n) (n < SLOTS && state[n] == CLAIMED && dead[owner[n]])

proctype janitor()
{
	byte e, c, n_;
	bool d;
	do
	:: running == 0 && joiners == 0 -> break
	/* the claim of a dead producer; slots.pml has this in full */
	:: d_step { ABANDONED(0) -> state[0] = SKIP }
	:: d_step { ABANDONED(1) -> state[1] = SKIP }
	:: d_step { ABANDONED(2) -> state[2 % SLOTS] = SKIP }
	:: d_step { ABANDONED(3) -> state[3 % SLOTS] = SKIP }
#ifndef BUG_NO_RECLAIM
	:: if
	   :: d_step { RECLAIMABLE(0) -> e = 0 }          /* -> the cursor, durable, lock: asked */
	   :: d_step { RECLAIMABLE(1) -> e = 1 }
	   fi;
#ifdef BUG_ASKED_ONLY
	   d = true;
#else
	   d_step { d = (lock[e] == NOBODY); if :: d -> lock[e] = JANITOR :: else fi }; /* -> lock */
#endif
	   if
	   :: d ->
#ifndef BUG_NO_LOOK
		d_step { c = cstate[e] };                  /* -> the cursor */
		d_step { d = (c != FREEE && !(c == ACTIVE && durable[e])) }; /* -> durable */
#endif
		if
		:: d -> d_step { cstate[e] = FREEE; cursor[e] = 0; moved(); assert(promised[e] == 0) } /* -> the cursor */
		:: else
		fi;
		d_step { if :: lock[e] == JANITOR -> lock[e] = NOBODY :: else fi } /* -> lock */
	   :: else
	   fi;
	   d = false; c = 0; e = 0
#endif
	od
}

init {
	byte i;
	atomic {
		room = tail;
		if
		:: SETTLED -> lock[1 % ENTRIES] = 101; cstate[1 % ENTRIES] = ACTIVE;
			cursor[1 % ENTRIES] = SLOTS; promised[1 % ENTRIES] = SLOTS
		:: else
		fi;
		i = 0;
		do :: i < PRODUCERS -> run producer(i); i++ :: else -> break od;
		i = 0;
		do :: i < SUBSCRIBERS -> run subscriber(100 + i); i++ :: else -> break od;
		run janitor()
	}
}
