/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * waiting.c - waiting without taking a core: pollers, and those at the other side of a slot.
 *
 * Sleeping
 *
 * Who is to be woken by another thread sleeps until then: on a slot, in a futex; a poller that has
 * no links but local ones, on its eventfd. Packets wake nobody: the drivers of links between
 * processes have no receive interrupts. So a poller with links takes naps, which grow while nothing
 * comes, and looks at its rings in between; what comes during a nap waits for up to SLEEP_MOST_US.
 */
#include "threads/waiting.h"

#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_pause.h>

#include "fastpath/handoff.h"
#include "fastpath/slow.h"

#define SPINS          2000 /* looks at a slot before going to sleep: some 20 us */
#define TURNS          1000 /* empty turns of a poller before it naps */
#define YIELD_TURNS    32   /* empty turns of a poller that waits for results: some 1 us */
#define SLEEP_LEAST_US 50
#define SLEEP_MOST_US  4000
#define SLEEP_ALONE_US 10000 /* without links: it is woken for everything that is not a timer */

/* ---- slots ---- */

void fly_wait_for_slot(struct fly_waiting *waiting, struct fly_slot *s,
		       enum fly_slot_state while_state, enum fly_wait wait, bool shared)
{
	const struct timespec most = {.tv_nsec = FLY_WAIT_MS * 1000000L};

	if (wait == FLY_WAIT_YIELD) {
		sched_yield();
		return;
	}
	if (wait != FLY_WAIT_SLEEP || waiting->empty++ < SPINS) {
		rte_pause();
		return;
	}
	if (!fly_slot_go_asleep(s, FLY_ASLEEP_FUTEX, while_state))
		return;
	syscall(SYS_futex, &s->state, shared ? FUTEX_WAIT : FUTEX_WAIT_PRIVATE, while_state, &most,
		NULL, 0);
	atomic_store_explicit(&s->asleep, FLY_AWAKE, memory_order_relaxed);
}

void fly_wait_wake_slot(struct fly_slot *s, bool shared)
{
	syscall(SYS_futex, &s->state, shared ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void fly_slow_wake_handoff(struct fly_handoff *handoff)
{
	/* A hint: whoever sleeps on the futex has said so before it looked at the state. */
	if (atomic_load_explicit(&handoff->slot.asleep, memory_order_relaxed) == FLY_ASLEEP_EVENT)
		eventfd_write(handoff->event_fd, 1);
	else
		fly_wait_wake_slot(&handoff->slot, false);
}

/* ---- pollers ---- */

void fly_slow_wake_poller(int wake_fd)
{
	if (wake_fd >= 0)
		eventfd_write(wake_fd, 1);
}

/* Until somebody rings, or for so long. */
static void sleep_for(struct fly_poller *p, uint64_t us)
{
	struct pollfd wake = {.fd = p->handoffs.wake_fd, .events = POLLIN};
	const struct timespec most = {.tv_nsec = (long)us * 1000};
	eventfd_t count;

	if (!fly_handoff_prepare_sleep(&p->handoffs))
		return;
	/* Who raises it writes to wake_fd afterwards: it is seen here, or there. */
	if (fly_slow_local_prepare_sleep(p)) {
		if (!atomic_load_explicit(&p->attention, memory_order_seq_cst) &&
		    ppoll(&wake, 1, &most, NULL) > 0)
			eventfd_read(p->handoffs.wake_fd, &count);
		fly_slow_local_end_sleep(p);
	}
	fly_handoff_end_sleep(&p->handoffs);
}

/* Calls of ours that are not answered yet. */
static uint64_t n_out(const struct fly_poller *p)
{
	return fly_stats_get(&p->stats, FLY_COUNT_calls_started) -
	       fly_stats_get(&p->stats, FLY_COUNT_calls_returned) -
	       fly_stats_get(&p->stats, FLY_COUNT_calls_failed);
}

/*
 * Yielding
 *
 * Letting every other thread of the core have its turn takes longer than most round trips. So while
 * calls are out a poller looks for their results for about as long, before it yields; else at once.
 */
void fly_wait_after_turn(struct fly_waiting *waiting, struct fly_poller *p, enum fly_wait wait,
			 unsigned received)
{
	uint64_t us = SLEEP_ALONE_US;

	if (likely(wait <= FLY_WAIT_SPIN))
		return;
	if (received) {
		waiting->empty = 0;
		return;
	}
	waiting->empty++;
	if (wait == FLY_WAIT_YIELD) {
		if (n_out(p) == 0 || waiting->empty % YIELD_TURNS == 0)
			sched_yield();
		return;
	}
	if (waiting->empty < TURNS)
		return;
	if (p->n_links) /* the longer it has been quiet, the longer the next one */
		us = RTE_MIN((uint64_t)SLEEP_LEAST_US + (waiting->empty - TURNS),
			     (uint64_t)SLEEP_MOST_US);
	sleep_for(p, us);
	p->clock.turns = 0; /* the time now, not that of some turns ago */
}
