/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * call.pml - one caller, one server, and a network that does what it likes: at most once?
 *
 * The rules of docs/protocol.md by which a call runs, is answered, refused, probed for, forgotten
 * and given up, while packets are lost, doubled, reordered and late, and both ends may stand still
 * or start again. What is checked, and what is left out, is in docs/reliability.md, "The model".
 * tests/model/check says which sizes (-D) are searched, and with which rules broken, to see that
 * the search finds it.
 *
 * One process; each turn of the loop in world() is one step, atomic.
 */

/* ---- rules that can be broken, one at a time ---- */
#define EARLIER_CALL_RUNS             1
#define COPY_RUNS                     2
#define RESULT_OF_ANOTHER_CALL_TAKEN  3
#define RESULT_NOT_RETAINED           4
#define RESULT_GIVEN_WHILE_WAITED_FOR 5
#define RECORD_KEPT_TOO_SHORTLY       6
#define RECORD_EVICTED                7
#define RECORDS_AGE_IN_ABSENCE        8
#define AGE_NOT_STAMPED               9
#define AGE_NOT_LOOKED_AT             10
#define REFUSALS_NOT_REMEMBERED       11
#define REFUSALS_KEPT_TOO_SHORTLY     12
#define REFUSALS_AGE_IN_ABSENCE       13
#define REFUSAL_NOT_RECORDED          14
#define REFUSAL_DOES_NOT_TOUCH        15
#define BUSY_BELIEVED_IN_DOUBT        16
#define GIVEN_UP_IS_NOT_EXECUTED      17
#define PROBE_WITHOUT_RECORD_DROPPED  18
#define STALE_EXPORT_ACCEPTED         19
#define UPTIME_NOT_LOOKED_AT          20
#define BROKEN(rule) (broken == rule)
byte broken; /* 0: none */

/* ---- sizes; all times in ticks ---- */
#ifndef LIFE
#define LIFE 1 /* L: a packet may arrive so many ticks after it was sent, not later */
#endif
#ifndef KEEP
#define KEEP (2 * LIFE) /* K: a record is kept so long after its newest call was accepted */
#endif
#ifndef SEQS
#define SEQS 2 /* calls of an activity, one after the other */
#endif
#ifndef ACTS
#define ACTS 1 /* activities: a caller takes the next one if the server still works, or stops */
#endif
#ifndef STARTS
#define STARTS 1 /* of the server */
#endif
/* What may happen, beyond loss, doubling, reordering and delay: */
#ifndef REFUSALS
#define REFUSALS 0 /* no room: for a record, or for a result */
#endif
#ifndef CALLER_STARTS
#define CALLER_STARTS 0 /* the caller starts again */
#endif
#ifndef CANCELS
#define CANCELS 0 /* a call that is given up is cancelled */
#endif
#ifndef PRESSURE
#define PRESSURE 0 /* the server asks whether a result may go */
#endif
#ifndef ABSENCE
#define ABSENCE 0 /* either end stands still while packets wait for it */
#endif

#define CALLS (ACTS * SEQS)  /* call c is number c % SEQS of activity c / SEQS */
#define FRESH (KEEP - LIFE)  /* a call this old, or older, opens no record */
#define AGES  (FRESH + 1)    /* callers and servers count up to FRESH */
/* How long records are kept, and refusals without a record remembered. */
#define KEPT       (KEEP - BROKEN(RECORD_KEPT_TOO_SHORTLY))
#define REMEMBERED (BROKEN(REFUSALS_KEPT_TOO_SHORTLY) -> 2 * LIFE : KEEP)

/*
 * The network: for each different packet, in how many ticks it may still arrive, this one
 * included; 0: there is none. Delivering one leaves it there, so it may arrive again, before or
 * after any other; one that is not delivered while it lives was lost. So nothing bounds the
 * number of copies, and of two copies only the later one matters.
 */
#define CALL(c, age)  ((c) * AGES + (age))
#define PROBE(c)      (CALLS * AGES + (c))
#define CANCEL(c)     (CALLS * (AGES + 1) + (c))
#define HAVE_IT(c)    (CALLS * (AGES + 2) + (c)) /* acknowledgement of a result */
#define TO_CALLER     (CALLS * (AGES + 3))
#define RESULT(c)     (TO_CALLER + (c))
#define WORKING(c)    (TO_CALLER + CALLS + (c))     /* acknowledgement of a call */
#define ASK(c)        (TO_CALLER + CALLS * 2 + (c)) /* probe about a result */
#define BUSY(c)       (TO_CALLER + CALLS * 3 + (c))
#define FORGOTTEN(c)  (TO_CALLER + CALLS * 4 + (c))
#if STARTS > 1
#define UPTIMES AGES
#else
#define UPTIMES 0 /* nothing can be stale */
#endif
#define STALE(c, up)  (TO_CALLER + CALLS * 5 + (c) * UPTIMES + (up))
#define STALE_UP(p)   (((p) - STALE(0, 0)) % AGES)
#define PACKETS       (TO_CALLER + CALLS * (5 + UPTIMES))
byte life[PACKETS];

/* ---- the server ---- */
#define NONE    0
#define KNOWN   1 /* opened by a part of a call that is not whole yet */
#define RUNNING 2
#define DONE    3
#define REFUSED 4 /* the newest call was refused or cancelled: it never runs */
typedef record {
	byte state;
	byte newest;  /* call, plus 1; KNOWN: the one before that which opened it */
	byte whose;   /* RUNNING, DONE: plus 1, the call whose procedure, whose result it is */
	bit given;    /* DONE: the result is gone */
	byte touched; /* ticks ago, up to KEPT */
};
record rec[ACTS];
byte refused[CALLS]; /* without a record: ticks ago, plus 1; 0: not, or not remembered any more */
byte start;          /* of the server: which one; its export identifier */
byte up;             /* ticks since then, up to FRESH */

/* ---- the caller ---- */
#define IDLE     0
#define WAITING  1 /* sends its call again */
#define PROBING  2 /* the server has said that it works on it */
#define FINISHED 3
byte phase;
byte now;           /* the call that is under way, or the next one */
byte age;           /* ticks since its first transmission, up to FRESH */
bit in_doubt;       /* the call before ended MAYBE */
byte export[CALLS]; /* which start of the server a call is for */

/* ---- what is true, and what was said about it ---- */
#define OK           1
#define NOT_EXECUTED 2
#define MAYBE        3
bit ran[CALLS];
byte said[CALLS];

#define ACT(c) ((c) / SEQS)

/* ---- what the search has come across: told when it ends; in C, and no part of a state ---- */
#define SEEN(X) \
	X(ok) X(ok_again) X(working) X(dropped_running) X(late_copy) X(forgotten) X(forgotten_probe) \
	X(record_ended) X(gave_up) X(refused_record) X(refused_result) X(refused_again) \
	X(not_executed) X(busy_in_doubt) X(cancelled) X(given) X(stale_not) X(stale_maybe) \
	X(stale_probe) X(calm)
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

inline send(packet)
{
	life[packet] = LIFE + 1
}

/* ---- the caller ---- */

inline forget_packets_to_caller(c)
{
	/* The caller would drop them all: so they need not be told apart. */
	if
	:: BROKEN(RESULT_OF_ANOTHER_CALL_TAKEN)
	:: else -> life[RESULT(c)] = 0
	fi;
	life[WORKING(c)] = 0;
	life[BUSY(c)] = 0;
	life[FORGOTTEN(c)] = 0;
	for (j : STALE(c, 0) .. STALE(c, UPTIMES) - 1) {
		life[j] = 0
	}
	j = 0
}

/* The call ends, and its caller is told what became of it. */
inline end_call(what)
{
	d_step {
		said[now] = what;
		MUST(what != OK || ran[now], ok_is_executed);
		MUST(what != NOT_EXECUTED || !ran[now], not_executed_is_true);
		forget_packets_to_caller(now);
		age = 0;
		in_doubt = (what == MAYBE);
		/* A server that works on it takes no other call of its activity. */
		now = (what == MAYBE && phase == PROBING -> (ACT(now) + 1) * SEQS : now + 1);
		phase = (now == CALLS -> FINISHED : IDLE)
	}
}

inline start_call()
{
	if
	:: true -> export[now] = start /* as the binder says now */
	:: start > 0 -> export[now] = start - 1 /* as it said before the server started again */
	fi;
	phase = WAITING;
	send(CALL(now, 0))
}

inline send_again()
{
	send(CALL(now, (BROKEN(AGE_NOT_STAMPED) -> 0 : age)))
}

inline give_up()
{
	SEE(gave_up);
	if
	:: CANCELS -> send(CANCEL(now))
	:: true
	fi;
	end_call((BROKEN(GIVEN_UP_IS_NOT_EXECUTED) -> NOT_EXECUTED : MAYBE))
}

/* A packet for the caller, about call c; @waits: for that one. */
inline receive(packet, c, waits)
{
	if
	:: packet < WORKING(0) -> /* RESULT */
		if
		:: waits || (phase != FINISHED && BROKEN(RESULT_OF_ANOTHER_CALL_TAKEN)) ->
			MUST(c == now, own_result);
			if
			:: age > 0 -> SEE(ok_again)
			:: else -> SEE(ok)
			fi;
			end_call(OK)
		:: else
		fi
	:: packet >= WORKING(0) && packet < ASK(0) ->
		if
		:: waits ->
			SEE(working);
			phase = PROBING
		:: else
		fi
	:: packet >= ASK(0) && packet < BUSY(0) ->
		if
		:: !waits || BROKEN(RESULT_GIVEN_WHILE_WAITED_FOR) -> send(HAVE_IT(c))
		:: else
		fi
	:: packet >= BUSY(0) && packet < FORGOTTEN(0) ->
		if
		:: waits && (!in_doubt || BROKEN(BUSY_BELIEVED_IN_DOUBT)) ->
			SEE(not_executed);
			end_call(NOT_EXECUTED)
		:: waits && !(!in_doubt || BROKEN(BUSY_BELIEVED_IN_DOUBT)) ->
			/*
			 * The call before may still come. It would open a record, beside which
			 * nobody remembers that this one was refused.
			 */
			SEE(busy_in_doubt);
			end_call(MAYBE)
		:: else
		fi
	:: packet >= FORGOTTEN(0) && packet < STALE(0, 0) ->
		if
		:: waits -> end_call(MAYBE)
		:: else
		fi
	:: packet >= STALE(0, 0) ->
		if
		:: waits && (STALE_UP(packet) > age || BROKEN(UPTIME_NOT_LOOKED_AT)) ->
			SEE(stale_not);
			end_call(NOT_EXECUTED)
		:: waits && !(STALE_UP(packet) > age || BROKEN(UPTIME_NOT_LOOKED_AT)) ->
			SEE(stale_maybe);
			end_call(MAYBE)
		:: else
		fi
	fi
}

/* ---- the server ---- */

inline execute(c)
{
	MUST(!ran[c], at_most_once);
	MUST(said[c] != NOT_EXECUTED, not_executed_stays_true);
	ran[c] = 1;
	rec[ACT(c)].state = RUNNING;
	rec[ACT(c)].newest = c + 1;
	rec[ACT(c)].whose = c + 1;
	rec[ACT(c)].given = 0;
	rec[ACT(c)].touched = 0
}

inline refuse_and_record(c)
{
	if
	:: BROKEN(REFUSAL_NOT_RECORDED)
	:: else ->
		rec[ACT(c)].state = REFUSED;
		rec[ACT(c)].newest = c + 1;
		rec[ACT(c)].whose = 0;
		rec[ACT(c)].given = 0;
		if
		:: BROKEN(REFUSAL_DOES_NOT_TOUCH)
		:: else -> rec[ACT(c)].touched = 0
		fi
	fi;
	send(BUSY(c))
}

inline refuse_without_record(c)
{
	if
	:: BROKEN(REFUSALS_NOT_REMEMBERED)
	:: else -> refused[c] = 1
	fi;
	send(BUSY(c))
}

/* The result of the record's newest call, if it is still there. */
inline send_result(c)
{
	if
	:: rec[ACT(c)].given
	:: else ->
		MUST(rec[ACT(c)].whose == c + 1, own_result);
		send(RESULT(c))
	fi
}

/* A call of an activity that has no record. */
inline serve_first(c, old)
{
	if
	:: old >= FRESH && !BROKEN(AGE_NOT_LOOKED_AT) ->
		SEE(forgotten);
		send(FORGOTTEN(c))
	:: else ->
		if
		:: refused[c] ->
			SEE(refused_again);
			refuse_without_record(c)
		:: !refused[c] && REFUSALS -> /* no record is free */
			SEE(refused_record);
			refuse_without_record(c)
		:: !refused[c] && REFUSALS -> /* one part of several came */
			rec[ACT(c)].state = KNOWN;
			rec[ACT(c)].newest = c
		:: !refused[c] -> execute(c)
		fi
	fi
}

/* One of an activity that has a record, and does not run. */
inline serve_known(c)
{
	if
	:: c + 1 > rec[ACT(c)].newest && REFUSALS -> /* there is no room for its result */
		SEE(refused_result);
		refuse_and_record(c)
	:: c + 1 > rec[ACT(c)].newest -> execute(c)
	:: c + 1 == rec[ACT(c)].newest ->
		if
		:: rec[ACT(c)].state == DONE && BROKEN(COPY_RUNS) -> execute(c)
		:: rec[ACT(c)].state == DONE && !BROKEN(COPY_RUNS) -> send_result(c)
		:: rec[ACT(c)].state == REFUSED -> send(BUSY(c))
		:: else
		fi
	:: c + 1 < rec[ACT(c)].newest ->
		SEE(late_copy);
		if
		:: BROKEN(EARLIER_CALL_RUNS) -> execute(c)
		:: else
		fi
	fi
}

inline refuse_stale(c)
{
	if
	:: STARTS > 1 -> send(STALE(c, up))
	:: else
	fi
}

inline serve_call(c, old)
{
	if
	:: export[c] != start && !BROKEN(STALE_EXPORT_ACCEPTED) -> refuse_stale(c)
	:: else ->
		if
		:: rec[ACT(c)].state == NONE -> serve_first(c, old)
		:: rec[ACT(c)].state == RUNNING && rec[ACT(c)].newest == c + 1 -> send(WORKING(c))
		:: rec[ACT(c)].state == RUNNING && rec[ACT(c)].newest != c + 1 ->
			SEE(dropped_running)
		:: else -> serve_known(c)
		fi
	fi
}

inline serve_probe(c)
{
	if
	:: export[c] != start ->
		SEE(stale_probe);
		refuse_stale(c)
	:: export[c] == start && rec[ACT(c)].newest < c + 1 -> /* no record has 0 there */
		SEE(forgotten_probe);
		if
		:: BROKEN(PROBE_WITHOUT_RECORD_DROPPED)
		:: else -> send(FORGOTTEN(c))
		fi
	:: export[c] == start && rec[ACT(c)].newest == c + 1 ->
		if
		:: rec[ACT(c)].state == RUNNING -> send(WORKING(c))
		:: rec[ACT(c)].state == DONE -> send_result(c)
		:: rec[ACT(c)].state == REFUSED -> send(BUSY(c))
		:: else
		fi
	:: else
	fi
}

inline serve_cancel(c)
{
	if
	:: export[c] != start || rec[ACT(c)].state == NONE || rec[ACT(c)].newest >= c + 1
	:: rec[ACT(c)].state == RUNNING && rec[ACT(c)].newest < c + 1
	:: else ->
		SEE(cancelled);
		rec[ACT(c)].state = REFUSED;
		rec[ACT(c)].newest = c + 1;
		rec[ACT(c)].whose = 0;
		rec[ACT(c)].given = 0
	fi
}

inline serve_have_it(c)
{
	if
	:: export[c] == start && rec[ACT(c)].state == DONE && rec[ACT(c)].newest == c + 1 ->
		SEE(given);
		rec[ACT(c)].given = 1
	:: else
	fi
}

inline finish_procedure(a)
{
	rec[a].state = DONE;
	rec[a].given = BROKEN(RESULT_NOT_RETAINED);
	send(RESULT(rec[a].whose - 1))
}

#define IS_OVER(a) (rec[a].touched == KEPT || BROKEN(RECORD_EVICTED))
#define CAN_END(a) (rec[a].state != NONE && rec[a].state != RUNNING && IS_OVER(a))

inline end_record(a)
{
	SEE(record_ended);
	rec[a].state = NONE;
	rec[a].newest = 0;
	rec[a].whose = 0;
	rec[a].given = 0;
	rec[a].touched = 0
}

/* ---- the network, and time ---- */

inline deliver(packet)
{
	if
	:: packet < PROBE(0) -> serve_call(packet / AGES, packet % AGES)
	:: packet >= PROBE(0) && packet < CANCEL(0) -> serve_probe(packet - PROBE(0))
	:: packet >= CANCEL(0) && packet < HAVE_IT(0) -> serve_cancel(packet - CANCEL(0))
	:: packet >= HAVE_IT(0) && packet < TO_CALLER -> serve_have_it(packet - HAVE_IT(0))
	:: packet >= TO_CALLER && packet < STALE(0, 0) ->
		to = (packet - TO_CALLER) % CALLS;
		receive(packet, to, (to == now && (phase == WAITING || phase == PROBING)))
	:: STARTS > 1 && packet >= STALE(0, 0) ->
		to = (packet - STALE(0, 0)) / AGES;
		receive(packet, to, (to == now && (phase == WAITING || phase == PROBING)))
	fi;
	to = 0
}

/*
 * A tick. What waits for an end that stands still does not grow older meanwhile, nor does what a
 * server remembers: copies may have waited for it all the time.
 */
inline tick(caller_away, server_away)
{
	d_step {
		for (j : 0 .. PACKETS - 1) {
			if
			:: life[j] && !(j < TO_CALLER -> server_away : caller_away) ->
				life[j]--
			:: else
			fi
		}
		for (j : 0 .. ACTS - 1) {
			if
			:: (server_away) && !BROKEN(RECORDS_AGE_IN_ABSENCE)
			:: rec[j].state == NONE || rec[j].touched == KEPT
			:: else -> rec[j].touched++
			fi
		}
		for (j : 0 .. CALLS - 1) {
			if
			:: (server_away) && !BROKEN(REFUSALS_AGE_IN_ABSENCE)
			:: refused[j] == 0
			:: else -> refused[j] = (refused[j] > REMEMBERED -> 0 : refused[j] + 1)
			fi
		}
		j = 0;
		up = (up < FRESH -> up + 1 : up);
		if
		:: phase == WAITING || phase == PROBING ->
			age = (age < FRESH -> age + 1 : age)
		:: else
		fi
	}
}

inline restart_server()
{
	d_step {
		start++;
		up = 0;
		for (j : 0 .. ACTS - 1) {
			rec[j].state = NONE;
			rec[j].newest = 0;
			rec[j].whose = 0;
			rec[j].given = 0;
			rec[j].touched = 0
		}
		for (j : 0 .. CALLS - 1) {
			refused[j] = 0
		}
		j = 0
	}
}

inline restart_caller()
{
	d_step {
		if
		:: phase == WAITING || phase == PROBING ->
			forget_packets_to_caller(now)
		:: else
		fi;
		age = 0;
		in_doubt = 0;
		now = (ACT(now) + 1) * SEQS;
		phase = IDLE
	}
}

/*
 * The dead ends: from here on nothing is lost, doubled or late, nobody stands still or starts
 * again, and nobody gives up. Then the call that is under way ends with the answer to the next
 * packet or the one after it, whatever was before.
 */
inline calm_down()
{
	SEE(calm);
	d_step {
		for (j : 0 .. PACKETS - 1) {
			life[j] = 0
		}
		j = 0
	}
	do
	:: phase == IDLE || phase == FINISHED -> break
	:: (phase == WAITING || phase == PROBING) && rec[ACT(now)].state == RUNNING ->
		finish_procedure(ACT(now))
	:: (phase == WAITING || phase == PROBING) && rec[ACT(now)].state != RUNNING ->
		do
		:: i < PACKETS && !life[i] -> i++
		:: else -> break
		od;
		if
		:: i < PACKETS ->
			life[i] = 0;
			deliver(i)
		:: else ->
			MUST(j < 2, no_dead_end);
			j++;
			if
			:: phase == WAITING -> send_again()
			:: phase == PROBING -> send(PROBE(now))
			fi
		fi;
		i = 0
	od;
	j = 0
}

active proctype world()
{
	byte i, j, to; /* 0 between steps */

	c_code { now.broken = rule_to_break(); };
	do
	/* The caller. */
	:: atomic { phase == IDLE -> start_call() }
	:: atomic { phase == WAITING -> send_again() }
	:: atomic { phase == PROBING -> send(PROBE(now)) }
	:: atomic { phase == WAITING || phase == PROBING -> give_up() }
	:: atomic {
		CALLER_STARTS && phase != FINISHED && ACT(now) + 1 < ACTS -> restart_caller()
	   }
	/* The server. */
	:: atomic { rec[0].state == RUNNING -> finish_procedure(0) }
	:: atomic { ACTS > 1 && rec[ACTS - 1].state == RUNNING -> finish_procedure(ACTS - 1) }
	:: atomic { CAN_END(0) -> end_record(0) }
	:: atomic { ACTS > 1 && CAN_END(ACTS - 1) -> end_record(ACTS - 1) }
	:: atomic {
		PRESSURE && rec[0].state == DONE && !rec[0].given -> send(ASK(rec[0].newest - 1))
	   }
	:: atomic { start + 1 < STARTS -> restart_server() }
	/* The network: some packet, or none. */
	:: atomic {
		do
		:: i < PACKETS && life[i] -> deliver(i); break
		:: i < PACKETS -> i++
		:: i == PACKETS -> break
		od;
		i = 0
	   }
	/* Time. */
	:: atomic { tick(false, false) }
	:: atomic { ABSENCE -> tick(true, false) }
	:: atomic { ABSENCE -> tick(false, true) }
	:: atomic { phase == WAITING || phase == PROBING -> calm_down(); break }
	od
}
