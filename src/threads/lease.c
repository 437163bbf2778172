/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lease.c - a poller that has a thread of its own, turned by a thread that waits for a result.
 *
 * Owns struct fly_lease. Who has the turn is decided by an election (elected.c): the poller's
 * thread has it all the time but while it yields or sleeps in its outermost loop.
 *
 * Asleep
 *
 * Before its thread sleeps, a poller has asked to be woken: by threads that ring, and by the links
 * (waiting.c). Who takes the poller then takes this back, as the thread would when it wakes: so
 * neither its own call nor a packet wakes anybody. Before it gives the poller it asks again. If
 * that is not what the thread sleeps for any more, or if something has to be done later, it wakes
 * the thread.
 *
 * The poller's thread may wake in between, and want its turn. It says so (`is_wanted`), and has it
 * soon: the other one only finishes the turn that it is in.
 */
#include "threads/lease.h"

#include <stdlib.h>
#include <string.h>

#include <rte_lcore.h>

#include "base/yield.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "threads/request.h"
#include "threads/waiting.h"

/* Before a thread that sleeps gives the poller: as its own thread would. */
#define EMPTY_TURNS 1000

struct fly_lease *fly_lease_new(struct fly_poller *p, enum fly_wait wait)
{
	struct fly_lease *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->election = fly_election_new(p, LCORE_ID_ANY);
	l->sleeps = wait == FLY_WAIT_SLEEP;
	if (l->election)
		return l;
	free(l);
	return NULL;
}

void fly_lease_free(struct fly_lease *l)
{
	if (!l)
		return;
	fly_election_free(l->election);
	free(l);
}

/* ---- the poller's thread --------------------------------------------------------------------- */

void fly_lease_begin(struct fly_lease *l)
{
	fly_election_set_lcore(l->election, rte_lcore_id());
}

/* A thread that has taken the poller sees that it is wanted after its turn, and wakes us. */
static void take_back(struct fly_lease *l)
{
	/* A hint. */
	atomic_store_explicit(&l->is_wanted, true, memory_order_relaxed);
	fly_election_close(l->election);
	atomic_store_explicit(&l->is_wanted, false, memory_order_relaxed);
}

void fly_lease_yield(struct fly_lease *l)
{
	fly_election_open(l->election);
	fly_yield();
	take_back(l);
}

int fly_lease_sleep(struct fly_lease *l, struct pollfd *fds, unsigned n,
		    const struct timespec *most)
{
	int ready;

	l->bells = fds + 1;
	l->n_bells = n - 1;
	l->is_asleep = true;
	fly_election_open(l->election);
	ready = ppoll(fds, n, most, NULL);
	take_back(l);
	l->is_asleep = false;
	return ready;
}

void fly_lease_forbid(struct fly_lease *l)
{
	/* Relaxed: who takes the turn after us sees it. Others may look too early, for nothing. */
	atomic_store_explicit(&l->is_over, true, memory_order_relaxed);
}

bool fly_lease_is_open(const struct fly_lease *l)
{
	return !atomic_load_explicit(&l->is_over, memory_order_relaxed);
}

/* ---- threads that wait ----------------------------------------------------------------------- */

bool fly_lease_take(struct fly_lease *l)
{
	struct fly_poller *p = l->election->poller;

	/* A thread that turns pollers keeps turning them: request.c has why. */
	if (!fly_lease_is_open(l) || fly_poller_has_ours(fly_poller_mine()) ||
	    (!l->sleeps && !fly_wait_shares_core(p)) || !fly_elected_take(l->election))
		return false;
	if (!fly_lease_is_open(l)) {
		fly_elected_give(l->election);
		return false;
	}
	if (l->is_asleep)
		fly_wait_end_sleep(p);
	fly_stats_add(&p->stats, FLY_COUNT_turns_lent, 1);
	return true;
}

void fly_lease_give(struct fly_lease *l)
{
	struct fly_poller *p = l->election->poller;
	const bool must_wake = l->is_asleep && (!fly_lease_is_open(l) ||
						!fly_wait_prepare_sleep(p, l->bells, l->n_bells));

	fly_elected_give(l->election);
	if (must_wake)
		fly_slow_wake_poller(p->handoffs.wake_fd);
}

/* Do others have to run: the poller's thread, or those whose results have come? */
static bool is_enough(const struct fly_lease *l, enum fly_wait wait, unsigned turns, unsigned empty,
		      uint64_t returned)
{
	if (atomic_load_explicit(&l->is_wanted, memory_order_relaxed) || !fly_lease_is_open(l))
		return true;
	if (wait == FLY_WAIT_SLEEP)
		return empty >= EMPTY_TURNS;
	return wait == FLY_WAIT_YIELD && fly_elected_is_enough(l->election, turns, returned);
}

void fly_lease_turn_for(struct fly_lease *l, struct fly_slot *s, enum fly_wait wait)
{
	struct fly_poller *p = l->election->poller;
	const uint64_t returned = fly_stats_get(&p->stats, FLY_COUNT_calls_returned);
	unsigned empty = 0;
	bool has_result;
	bool is_last;

	fly_poller_handoffs_first(p);
	for (unsigned turns = 1;; turns++) {
		const unsigned received = fly_poller_turn(p, fly_poller_time(p));

		empty = received ? 0 : empty + 1;
		has_result = fly_slot_is(s, FLY_SLOT_RESULT);
		if (has_result || is_enough(l, wait, turns, empty, returned))
			break;
	}
	is_last = !has_result || l->election->streak >= FLY_ELECTED_STREAK;
	if (is_last)
		fly_elected_end_streak(l->election);
	fly_lease_give(l);
	/* One that sleeps is going to, unless it has its result. */
	if (is_last && (wait == FLY_WAIT_YIELD || (wait == FLY_WAIT_SLEEP && has_result)))
		fly_yield();
}
