/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * waiting.c - waiting without taking a core: pollers, and threads at the other side of a slot.
 *
 * Sleeping
 *
 * A thread that another thread will wake sleeps until then: on a slot, in a futex; a poller with
 * local links only, on its eventfd. Packets wake nobody: the drivers of links between processes
 * have no receive interrupts. A poller with links sleeps for a limited time, which grows while no
 * packet comes, and polls its rings in between. A packet may wait for SLEEP_MOST_US.
 */
#include "threads/waiting.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_pause.h>

#include "base/yield.h"
#include "fastpath/handoff.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"

#define SPINS          2000 /* polls of a slot before going to sleep: some 20 us */
#define TURNS          1000 /* empty turns of a poller before it sleeps */
#define YIELD_TURNS    32   /* empty turns of a poller that waits for results: some 1 us */
#define SLEEP_LEAST_US 50
#define SLEEP_MOST_US  4000
#define SLEEP_ALONE_US 10000 /* without links: a thread wakes it for all but timers */

/* ---- slots ---- */

void fly_wait_asleep_for_slot(struct fly_slot *s, uint32_t word, bool shared)
{
	const struct timespec most = {.tv_nsec = FLY_WAIT_MS * 1000000L};

	if (!fly_slot_go_asleep(s, FLY_ASLEEP_FUTEX, word))
		return;
	syscall(SYS_futex, &s->state, shared ? FUTEX_WAIT : FUTEX_WAIT_PRIVATE, word, &most, NULL,
		0);
	atomic_store_explicit(&s->asleep, FLY_AWAKE, memory_order_relaxed);
}

void fly_wait_for_slot(struct fly_waiting *waiting, struct fly_slot *s, uint32_t word,
		       enum fly_wait wait, bool shared)
{
	if (wait == FLY_WAIT_YIELD) {
		fly_yield();
		return;
	}
	if (wait != FLY_WAIT_SLEEP || waiting->empty++ < SPINS) {
		rte_pause();
		return;
	}
	fly_wait_asleep_for_slot(s, word, shared);
}

void fly_wait_wake_slot(struct fly_slot *s, bool shared)
{
	syscall(SYS_futex, &s->state, shared ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void fly_slow_wake_handoff(struct fly_handoff *handoff)
{
	fly_wait_wake_slot(&handoff->slot, false);
}

/* ---- pollers ---- */

void fly_slow_wake_poller(int wake_fd)
{
	if (wake_fd >= 0)
		eventfd_write(wake_fd, 1);
}

/* Sleep until a thread rings, or for @us. */
static void sleep_for(struct fly_poller *p, uint64_t us)
{
	struct pollfd wake = {.fd = p->handoffs.wake_fd, .events = POLLIN};
	const struct timespec most = {.tv_nsec = (long)us * 1000};
	eventfd_t count;

	if (!fly_handoff_prepare_sleep(&p->handoffs))
		return;
	/* A thread that sets `attention` then writes to wake_fd: the poller sees either. */
	if (fly_slow_local_prepare_sleep(p)) {
		if (!atomic_load_explicit(&p->attention, memory_order_seq_cst) &&
		    ppoll(&wake, 1, &most, NULL) > 0)
			eventfd_read(p->handoffs.wake_fd, &count);
		fly_slow_local_end_sleep(p);
	}
	fly_handoff_end_sleep(&p->handoffs);
}

/* Our calls without a result yet. */
static uint64_t n_out(const struct fly_poller *p)
{
	return fly_stats_get(&p->stats, FLY_COUNT_calls_started) -
	       fly_stats_get(&p->stats, FLY_COUNT_calls_returned) -
	       fly_stats_get(&p->stats, FLY_COUNT_calls_failed);
}

/* Say which core the poller lets others have. Relaxed: a hint. Its line is written seldom. */
static void yield(struct fly_poller *p)
{
	const int core = sched_getcpu();

	if (unlikely(atomic_load_explicit(&p->handoffs.core, memory_order_relaxed) != core))
		atomic_store_explicit(&p->handoffs.core, core, memory_order_relaxed);
	fly_yield();
}

bool fly_wait_shares_core(const struct fly_poller *p)
{
	return atomic_load_explicit(&p->handoffs.core, memory_order_relaxed) == sched_getcpu();
}

/*
 * Letting every other thread of the core run takes longer than most round trips. While calls are
 * out, a poller polls for their results for YIELD_TURNS turns before it yields; else it yields now.
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
			yield(p);
		return;
	}
	if (waiting->empty < TURNS)
		return;
	if (p->n_links) /* the longer nothing came, the longer the sleep */
		us = RTE_MIN((uint64_t)SLEEP_LEAST_US + (waiting->empty - TURNS),
			     (uint64_t)SLEEP_MOST_US);
	sleep_for(p, us);
	p->clock.turns = 0; /* read the clock in the next turn */
}
