/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handoff.pml - a poller and others hand slots to each other: is each one looked at?
 *
 * The rules of src/fastpath/slot.h, with the bells of src/fastpath/handoff.h (in one process) and
 * of the local link (between two), on a machine whose stores wait in buffers: each processor's are
 * made in order, but any time later, and only it sees them until then. A fence, an exchange, a
 * compare-and-swap and a system call wait until its buffer is empty. That is x86; what else other
 * machines do to loads is not in here. What is checked, and what is left out, is in
 * docs/reliability.md, "Handoff". tests/model/check says which sizes (-D) are searched, and with
 * which rules broken, to see that the search finds it.
 *
 * A side that looks again and again waits here until there is something to see: a look that sees
 * nothing changes nothing. So a handoff that nobody will ever look at is a state in which nothing
 * can happen any more.
 */

/* ---- rules that can be broken, one at a time ---- */
#define TO_POLLER_STAYS_IN_BUFFER    1 /* D1 */
#define POLLED_READ_FIRST            2 /* D2 before D1 */
#define UNPOLLED_STAYS_IN_BUFFER     3 /* D3 */
#define UNPOLLED_WITHOUT_LOOKING     4 /* no D4 */
#define FROM_POLLER_STAYS_IN_BUFFER  5 /* D5 */
#define ASLEEP_READ_FIRST            6 /* D6 before D5 */
#define ASLEEP_STAYS_IN_BUFFER       7 /* D7 */
#define ASLEEP_WITHOUT_LOOKING       8 /* no D8 */
#define ASLEEP_AFTER_LOOKING         9 /* D8 before D7 */
#define CLAIMED_WITHOUT_COMPARING    10
#define WITHDRAWN_WITHOUT_COMPARING  11
#define WITHDRAWN_WHILE_RUNNING      12
#define ARGUMENTS_AFTER_STATE        13
#define RESULTS_AFTER_STATE          14
#define NOT_RUNG                     15
#define RUNG_BEFORE_HANDED           16
#define BIT_CLEARED_AFTER_LOOK       17
#define BIT_CLEARED_BY_A_STORE       18
#define BIT_SET_BY_A_STORE           19
#define BITS_TAKEN_FORGOTTEN         20
#define RUNG_CLEARED_AFTER_LOOK      21
#define NEXT_READ_LATE               22
#define PUSHED_WITHOUT_COMPARING     23
#define NAP_STAYS_IN_BUFFER          24
#define NAP_WITHOUT_LOOKING          25
#define NAP_WHILE_POLLING            26
#define NAP_READ_BEFORE_RINGING      27
#define CLAIMED_BY_EXCHANGE          28 /* C1; it may write over a newer number */
#define OLDER_CLAIMED                29 /* C1 whatever number there is */
#define NO_RULE                      99
#define BROKEN(rule) (broken == rule)
byte broken; /* 0: none */

/* ---- sizes ---- */
#ifndef SLOTS
#define SLOTS 1
#endif
#ifndef CALLS
#define CALLS 2 /* of each caller; with WORKERS, of the poller */
#endif
#ifndef LESS
#define LESS 0 /* the first caller makes one call, and does not take it back */
#endif
/* What may happen, beyond calls and results. */
#ifndef WORKERS
#define WORKERS 0 /* the other sides do not call the poller: it calls them */
#endif
#ifndef BITS
#define BITS 0 /* the bell is a word of bits, else a list */
#endif
#ifndef SLEEPS
#define SLEEPS 0 /* the other side sleeps */
#endif
#ifndef WITHDRAWS
#define WITHDRAWS 0 /* calls are taken back */
#endif
#ifndef NAPS
#define NAPS 0 /* the poller sleeps */
#endif

/* ---- memory, and in front of it the buffers ---- */
#define STATE(s)   ((s) * 7)
#define POLLED(s)  ((s) * 7 + 1)
#define ASLEEP(s)  ((s) * 7 + 2)
#define BYTES(s)   ((s) * 7 + 3) /* of what the slot holds: the number of a call, or of its results */
#define RUNG(s)    ((s) * 7 + 4) /* a list: the slot is in it */
#define NEXT(s)    ((s) * 7 + 5)
#define CLAIMED(s) ((s) * 7 + 6)
#define BELL       (SLOTS * 7)     /* bits; or the first of the list, plus 1 */
#define NAPPING    (SLOTS * 7 + 1) /* the poller sleeps: whoever rings is to wake it */
byte memory[SLOTS * 7 + 2];

#define ROOM 3 /* stores that a buffer holds */
byte n_stores[SLOTS + 1];            /* of the poller, 0, and of slot s's other side, s + 1 */
byte where[(SLOTS + 1) * ROOM];
byte what[(SLOTS + 1) * ROOM];
bool woken[SLOTS + 1]; /* by way of the system */

#define STORED(p, i, a) (n_stores[p] > i && where[(p) * ROOM + i] == (a))
#define LOAD(p, a)                                          \
	(STORED(p, 2, a) -> what[(p) * ROOM + 2] :          \
	(STORED(p, 1, a) -> what[(p) * ROOM + 1] :          \
	(STORED(p, 0, a) -> what[(p) * ROOM] : memory[a])))

inline buffer(p, a, x)
{
	where[(p) * ROOM + n_stores[p]] = a;
	what[(p) * ROOM + n_stores[p]] = x;
	n_stores[p]++
}

inline store(p, a, x)
{
	d_step { n_stores[p] < ROOM -> buffer(p, a, x) }
}

/* Leaves in `was` what there was; with the rule broken, it stays in the buffer. */
inline exchange(rule, p, a, x)
{
	if
	:: d_step { !BROKEN(rule) && !n_stores[p] -> was = memory[a]; memory[a] = x }
	:: d_step { BROKEN(rule) && n_stores[p] < ROOM -> was = LOAD(p, a); buffer(p, a, x) }
	fi
}

/* Leaves in `was` whether it did. */
inline compare_and_swap(p, a, expected, x)
{
	d_step {
		!n_stores[p] ->
		was = (memory[a] == expected);
		memory[a] = (was -> x : memory[a])
	}
}

#define DRAIN(p)                                                         \
	d_step {                                                         \
		n_stores[p] ->                                           \
		memory[where[(p) * ROOM]] = what[(p) * ROOM];            \
		n_stores[p]--;                                           \
		where[(p) * ROOM] = where[(p) * ROOM + 1];               \
		what[(p) * ROOM] = what[(p) * ROOM + 1];                 \
		where[(p) * ROOM + 1] = where[(p) * ROOM + 2];           \
		what[(p) * ROOM + 1] = what[(p) * ROOM + 2];             \
		where[(p) * ROOM + 2] = 0;                               \
		what[(p) * ROOM + 2] = 0                                 \
	}

/* ---- slots: the state word, and `claimed` ---- */
#define FREE   0
#define CALL   1
#define RESULT 2
#define WORD(seq, state) ((seq) * 4 + (state))
#define SEQ(word)        ((word) / 4)
#define SAYS(word, state) ((word) % 4 == (state))
#define WITHDRAWN_SEQ(seq) ((seq) * 2)
#define CLAIMED_SEQ(seq)   ((seq) * 2 + 1)

/* ---- what is true ---- */
#define NUMBER(s, c) ((s) * CALLS + (c) + 1)
#define RESULTS      64 /* of call c: c + RESULTS */
byte under_way[SLOTS]; /* the number of the call that the slot was handed over with; 0: none */
bool ran[SLOTS * CALLS + 1];
bool taken_back[SLOTS * CALLS + 1]; /* it is said not to have run */
byte to_do;                         /* sides that have not ended their last call */

/* ---- what the search has come across: told when it ends; in C, and no part of a state ---- */
#define SEEN(X) \
	X(ok) X(rang) X(handed_while_polled) X(unpolled) X(not_unpolled) X(slept) X(not_slept) \
	X(woken) X(withdrawn) X(not_withdrawn) X(not_claimed) X(rung_already) X(two_rung) \
	X(napped) X(not_napped)
#define SEE(what) c_code { see(SEEN_##what); }
#define AS_NUMBER(name) SEEN_##name,
#define AS_TEXT(name) #name,

c_decl {
	\#include <stdio.h>
	\#include <stdlib.h>

	enum { SEEN(AS_NUMBER) N_SEEN };
	static const char *const seen_names[] = { SEEN(AS_TEXT) };
	static unsigned seen;

	static void see(unsigned what)
	{
		seen |= 1u << what;
	}

	static void tell(void)
	{
		for (int i = 0; i < N_SEEN; i++)
			if (seen >> i & 1)
				printf("seen: %s\n", seen_names[i]);
	}

	/* The rule to break: its number in the variable BREAK of the environment. */
	static int rule_to_break(void)
	{
		const char *rule = getenv("BREAK");

		atexit(tell);
		return rule ? atoi(rule) : 0;
	}
};

#define MUST(condition, what)                                              \
	if                                                                 \
	:: condition                                                       \
	:: else -> c_code { puts("violated: " #what); }; assert(false)     \
	fi

/* ---- the bell ---- */

inline wake_poller(p)
{
	if
	:: d_step { NAPS && seen_napping && !n_stores[p] -> woken[0] = true }
	:: else
	fi
}

inline ring(p, s)
{
	seen_napping = LOAD(p, NAPPING);
	SEE(rang);
	if
	:: BITS && !BROKEN(BIT_SET_BY_A_STORE) ->
		d_step { !n_stores[p] -> memory[BELL] = memory[BELL] | (1 << (s)) }
	:: BITS && BROKEN(BIT_SET_BY_A_STORE) ->
		was = LOAD(p, BELL);
		store(p, BELL, was | (1 << (s)))
	:: !BITS ->
		exchange(NO_RULE, p, RUNG(s), 1);
		if
		:: was -> SEE(rung_already)
		:: else ->
			do
			:: first = LOAD(p, BELL);
				store(p, NEXT(s), first);
				if
				:: BROKEN(PUSHED_WITHOUT_COMPARING) ->
					store(p, BELL, (s) + 1);
					break
				:: else ->
					compare_and_swap(p, BELL, first, (s) + 1);
					if
					:: was -> break
					:: else
					fi
				fi
			od;
			if
			:: first -> SEE(two_rung)
			:: else
			fi;
			first = 0
		fi
	fi;
	if
	:: NAPS && !BROKEN(NAP_READ_BEFORE_RINGING) -> seen_napping = LOAD(p, NAPPING)
	:: else
	fi;
	wake_poller(p);
	seen_napping = 0;
	was = 0
}

/* ---- the other side ---- */

/* fly_slot_to_poller(), and the bell. */
inline to_poller(p, s, word)
{
	if
	:: BROKEN(RUNG_BEFORE_HANDED) && !LOAD(p, POLLED(s)) -> ring(p, s)
	:: else
	fi;
	seen_polled = LOAD(p, POLLED(s));
	exchange(TO_POLLER_STAYS_IN_BUFFER, p, STATE(s), word);
	was = 0;
	if
	:: !BROKEN(POLLED_READ_FIRST) -> seen_polled = LOAD(p, POLLED(s))
	:: else
	fi;
	if
	:: seen_polled -> SEE(handed_while_polled)
	:: !seen_polled && !BROKEN(NOT_RUNG) && !BROKEN(RUNG_BEFORE_HANDED) -> ring(p, s)
	:: else
	fi;
	seen_polled = 0
}

/* fly_slot_go_asleep(), and the sleep. @seen: the state word. */
inline sleep(p, s, seen)
{
	if
	:: BROKEN(ASLEEP_AFTER_LOOKING) ->
		was = (LOAD(p, STATE(s)) == seen) + 10;
		if
		:: was == 11 -> exchange(NO_RULE, p, ASLEEP(s), 1); was = 1
		:: else -> was = 0
		fi
	:: else ->
		exchange(ASLEEP_STAYS_IN_BUFFER, p, ASLEEP(s), 1);
		was = (LOAD(p, STATE(s)) == seen || BROKEN(ASLEEP_WITHOUT_LOOKING))
	fi;
	if
	:: was ->
		SEE(slept);
		/* A call of the system: the buffer is empty, but for a rule that is broken. */
		d_step { woken[p] && (!n_stores[p] || BROKEN(ASLEEP_STAYS_IN_BUFFER)) -> woken[p] = false };
		SEE(woken)
	:: else -> SEE(not_slept)
	fi;
	store(p, ASLEEP(s), 0);
	was = 0
}

/* The call's procedure; whoever answers has claimed it. */
inline execute(p, s)
{
	d_step {
		MUST(LOAD(p, BYTES(s)) == under_way[s], own_arguments);
		MUST(!taken_back[under_way[s]], withdrawn_never_runs);
		MUST(!ran[under_way[s]], at_most_once);
		ran[under_way[s]] = true
	}
}

/* fly_slot_claim(): leaves in `was` whether it is ours. */
inline claim(p, s, word)
{
	if
	:: BROKEN(CLAIMED_WITHOUT_COMPARING) ->
		store(p, CLAIMED(s), CLAIMED_SEQ(SEQ(word)));
		was = true
	:: BROKEN(CLAIMED_BY_EXCHANGE) ->
		exchange(NO_RULE, p, CLAIMED(s), CLAIMED_SEQ(SEQ(word)));
		was = (was / 2 < SEQ(word))
	:: else ->
		was = LOAD(p, CLAIMED(s));
		if
		:: was / 2 < SEQ(word) || BROKEN(OLDER_CLAIMED) ->
			compare_and_swap(p, CLAIMED(s), was, CLAIMED_SEQ(SEQ(word)))
		:: else -> was = false
		fi
	fi
}

/* fly_slot_withdraw(): leaves in `was` whether it was. */
inline withdraw(p, s, seq)
{
	if
	:: BROKEN(WITHDRAWN_WITHOUT_COMPARING) ->
		store(p, CLAIMED(s), WITHDRAWN_SEQ(seq));
		was = true
	:: BROKEN(WITHDRAWN_WHILE_RUNNING) ->
		exchange(NO_RULE, p, CLAIMED(s), WITHDRAWN_SEQ(seq));
		was = SAYS(LOAD(p, STATE(s)), CALL)
	:: else ->
		was = LOAD(p, CLAIMED(s));
		if
		:: was != CLAIMED_SEQ(seq) ->
			compare_and_swap(p, CLAIMED(s), was, WITHDRAWN_SEQ(seq))
		:: else -> was = false
		fi
	fi;
	if
	:: was -> store(p, STATE(s), WORD(seq, FREE))
	:: else
	fi;
	if
	:: was ->
		SEE(withdrawn);
		d_step {
			MUST(!ran[under_way[s]], claimed_is_not_taken_back);
			taken_back[under_way[s]] = true
		}
	:: else -> SEE(not_withdrawn)
	fi
}

inline take_result(p, s)
{
	SEE(ok);
	d_step {
		MUST(ran[under_way[s]], ok_is_executed);
		MUST(LOAD(p, BYTES(s)) == under_way[s] + RESULTS, own_result)
	}
}

#define SEES(s, state) SAYS(LOAD(s + 1, STATE(s)), state)

proctype caller(byte s)
{
	byte c, was, first, asked;
	bool seen_polled, seen_napping;

	do
	:: c == CALLS -> break
	:: LESS && !s && c == 1 -> break
	:: c < CALLS && !(LESS && !s && c == 1) ->
		under_way[s] = NUMBER(s, c);
		if
		:: WITHDRAWS && !(LESS && !s)
		:: asked = 1 /* it will not */
		fi;
		if
		:: BROKEN(ARGUMENTS_AFTER_STATE)
		:: else -> store(s + 1, BYTES(s), under_way[s])
		fi;
		to_poller(s + 1, s, WORD(c + 1, CALL));
		if
		:: BROKEN(ARGUMENTS_AFTER_STATE) -> store(s + 1, BYTES(s), under_way[s])
		:: else
		fi;
		do
		:: atomic { SEES(s, RESULT) ->
			take_result(s + 1, s) };
			break
		:: atomic { WITHDRAWS && !asked && SEES(s, CALL) ->
			asked = 1 };
			withdraw(s + 1, s, c + 1);
			if
			:: was -> was = 0; break
			:: else
			fi
		:: SLEEPS && SEES(s, CALL) -> sleep(s + 1, s, WORD(c + 1, CALL))
		od;
		asked = 0;
		c++
	od;
	to_do--
}

proctype worker(byte s)
{
	byte was, first, word;
	bool seen_polled, seen_napping;

	do
	:: atomic { SEES(s, CALL) -> word = LOAD(s + 1, STATE(s)) };
		claim(s + 1, s, word);
		if
		:: was ->
			was = 0;
			execute(s + 1, s);
			if
			:: BROKEN(RESULTS_AFTER_STATE) ->
				to_poller(s + 1, s, WORD(SEQ(word), RESULT));
				store(s + 1, BYTES(s), under_way[s] + RESULTS)
			:: else ->
				store(s + 1, BYTES(s), under_way[s] + RESULTS);
				to_poller(s + 1, s, WORD(SEQ(word), RESULT))
			fi
		:: else -> SEE(not_claimed)
		fi
	:: atomic { SLEEPS && !SEES(s, CALL) -> word = LOAD(s + 1, STATE(s)) };
		sleep(s + 1, s, word)
	od
}

/* ---- the poller ---- */
#define WANTED         (WORKERS -> RESULT : CALL)
#define POLLS(s)       LOAD(0, POLLED(s))
#define FINDS(s)       (SAYS(LOAD(0, STATE(s)), WANTED) && LOAD(0, STATE(s)) != acted[s])

/* fly_slot_from_poller(), and the wake. */
inline from_poller(s, word)
{
	seen_asleep = LOAD(0, ASLEEP(s));
	exchange(FROM_POLLER_STAYS_IN_BUFFER, 0, STATE(s), word);
	if
	:: BROKEN(ASLEEP_READ_FIRST)
	:: else -> seen_asleep = LOAD(0, ASLEEP(s))
	fi;
	was = 0;
	if
	:: d_step { seen_asleep && (!n_stores[0] || BROKEN(FROM_POLLER_STAYS_IN_BUFFER)) ->
		woken[s + 1] = true; seen_asleep = 0 }
	:: !seen_asleep
	fi
}

/* The poller has seen what it wanted: `word`. */
inline handle(s)
{
	acted[s] = word;
	if
	:: !WORKERS ->
		claim(0, s, word);
		if
		:: was ->
			was = 0;
			execute(0, s);
			if
			:: BROKEN(RESULTS_AFTER_STATE) ->
				from_poller(s, WORD(SEQ(word), RESULT));
				store(0, BYTES(s), under_way[s] + RESULTS)
			:: else ->
				store(0, BYTES(s), under_way[s] + RESULTS);
				from_poller(s, WORD(SEQ(word), RESULT))
			fi
		:: else -> SEE(not_claimed)
		fi
	:: WORKERS ->
		take_result(0, s);
		called[s] = false
	fi;
	word = 0
}

inline stop_polling(s)
{
	exchange(UNPOLLED_STAYS_IN_BUFFER, 0, POLLED(s), 0);
	was = 0;
	if
	:: FINDS(s) && !BROKEN(UNPOLLED_WITHOUT_LOOKING) ->
		SEE(not_unpolled);
		store(0, POLLED(s), 1)
	:: else -> SEE(unpolled)
	fi
}

/* Somebody has rung for it. */
inline visit(s)
{
	store(0, POLLED(s), 1);
	if
	:: atomic { FINDS(s) -> word = LOAD(0, STATE(s)) }; handle(s)
	:: else
	fi
}

/* Looked at while its bell still rings: nothing that was found, nothing to poll. */
inline look_first(s)
{
	if
	:: atomic { FINDS(s) -> word = LOAD(0, STATE(s)) }; store(0, POLLED(s), 1); handle(s)
	:: else
	fi
}

/* The first of the list that was taken. */
inline visit_first()
{
	s = list - 1;
	if
	:: BROKEN(RUNG_CLEARED_AFTER_LOOK) ->
		list = LOAD(0, NEXT(s));
		look_first(s);
		store(0, RUNG(s), 0)
	:: BROKEN(NEXT_READ_LATE) ->
		store(0, RUNG(s), 0);
		visit(s);
		list = LOAD(0, NEXT(s))
	:: else ->
		list = LOAD(0, NEXT(s));
		store(0, RUNG(s), 0); /* R2; there it is an exchange, here a store does */
		visit(s)
	fi
}

inline take_bits()
{
	if
	:: BROKEN(BIT_CLEARED_AFTER_LOOK) ->
		s = (LOAD(0, BELL) & 1 -> 0 : 1);
		look_first(s);
		d_step { !n_stores[0] -> memory[BELL] = memory[BELL] & ~(1 << s) }
	:: BROKEN(BIT_CLEARED_BY_A_STORE) ->
		was = LOAD(0, BELL);
		store(0, BELL, 0);
		bits = bits | was
	:: BROKEN(BITS_TAKEN_FORGOTTEN) ->
		exchange(NO_RULE, 0, BELL, 0);
		bits = was
	:: else ->
		exchange(NO_RULE, 0, BELL, 0);
		bits = bits | was
	fi;
	was = 0
}

inline nap()
{
	exchange(NAP_STAYS_IN_BUFFER, 0, NAPPING, 1);
	was = 0;
	if
	:: !LOAD(0, BELL) || BROKEN(NAP_WITHOUT_LOOKING) ->
		SEE(napped);
		d_step { woken[0] && (!n_stores[0] || BROKEN(NAP_STAYS_IN_BUFFER)) -> woken[0] = false }
	:: else -> SEE(not_napped)
	fi;
	store(0, NAPPING, 0)
}

/* To a worker that has none. */
inline give(s)
{
	given++;
	called[s] = true;
	if
	:: WITHDRAWS -> asked[s] = false
	:: asked[s] = true /* it will not */
	fi;
	under_way[s] = given;
	word = WORD(SEQ(LOAD(0, STATE(s))) + 1, CALL);
	if
	:: BROKEN(ARGUMENTS_AFTER_STATE) ->
		from_poller(s, word);
		store(0, BYTES(s), under_way[s])
	:: else ->
		store(0, BYTES(s), under_way[s]);
		from_poller(s, word)
	fi;
	word = 0
}

inline take_back(s)
{
	asked[s] = true;
	word = SEQ(LOAD(0, STATE(s)));
	withdraw(0, s, word);
	word = 0;
	called[s] = !was;
	was = 0
}

proctype poller()
{
	byte s, was, bits, list, given, word;
	byte acted[SLOTS];
	bool seen_asleep;
	bool called[SLOTS], asked[SLOTS];

	do
	:: atomic { POLLS(0) && FINDS(0) -> s = 0; word = LOAD(0, STATE(s)) }; handle(s)
	:: atomic { SLOTS > 1 && POLLS(SLOTS - 1) && FINDS(SLOTS - 1) ->
		s = SLOTS - 1; word = LOAD(0, STATE(s)) }; handle(s)
	:: atomic { POLLS(0) -> s = 0 }; stop_polling(s)
	:: atomic { SLOTS > 1 && POLLS(SLOTS - 1) -> s = SLOTS - 1 }; stop_polling(s)
	:: BITS && LOAD(0, BELL) -> take_bits()
	:: atomic { bits & 1 -> s = 0; bits = bits & ~1 }; visit(s)
	:: atomic { bits & 2 -> s = 1; bits = bits & ~2 }; visit(s)
	:: !BITS && !list && LOAD(0, BELL) -> exchange(NO_RULE, 0, BELL, 0); list = was; was = 0
	:: list -> visit_first()
	:: NAPS && !bits && !list && (!WORKERS || (given == CALLS && (called[0] || called[SLOTS - 1]))) &&
		((!POLLS(0) && !POLLS(SLOTS - 1)) || BROKEN(NAP_WHILE_POLLING)) ->
		nap()
	:: atomic { WORKERS && given < CALLS && !called[0] -> s = 0 }; give(s)
	:: atomic { WORKERS && given < CALLS && !called[SLOTS - 1] -> s = SLOTS - 1 }; give(s)
	:: atomic { WITHDRAWS && WORKERS && called[0] && !asked[0] -> s = 0 }; take_back(s)
	:: atomic { WORKERS && given == CALLS && !called[0] && !called[SLOTS - 1] && to_do -> to_do = 0 }
	od
}

init {
	atomic {
		c_code { now.broken = rule_to_break(); };
		to_do = (WORKERS -> 1 : SLOTS);
		run poller();
		if
		:: WORKERS -> run worker(0)
		:: else -> run caller(0)
		fi;
		if
		:: SLOTS > 1 && WORKERS -> run worker(SLOTS - 1)
		:: SLOTS > 1 && !WORKERS -> run caller(SLOTS - 1)
		:: else
		fi
	};
	do
	:: DRAIN(0)
	:: DRAIN(1)
	:: SLOTS > 1 && n_stores[SLOTS] -> DRAIN(SLOTS)
	:: timeout -> break /* nothing can happen any more */
	od;
	MUST(!to_do, none_is_lost)
}
