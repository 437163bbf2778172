/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * waiting.c - waiting without taking a core: pollers, and threads at the other side of a slot.
 *
 * Sleeping
 *
 * A thread that another thread will wake sleeps until then: on a slot, in a futex; a poller on its
 * eventfd, and on descriptors of its links that become readable when a packet comes. The far end
 * makes them readable only while it is asked to (arm_links()): it costs it a system call a packet.
 * A packet that came before the far end saw that is found by the turn between asking and sleeping.
 *
 * Not all drivers can wake. A poller that has a link of another driver, or one that has to do
 * something later without being woken, sleeps for a limited time, which grows while nothing comes,
 * and polls in between. A packet over a link that does not wake may wait for SLEEP_MOST_US.
 */
#include "threads/waiting.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_atomic.h>
#include <rte_pause.h>

#include "base/yield.h"
#include "fastpath/handoff.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "threads/lease.h"

#define SPINS          2000 /* polls of a slot before going to sleep: some 20 us */
#define TURNS          1000 /* empty turns of a poller before it sleeps */
#define TURNS_LENT     32   /* of one that is turned by who calls, while it sleeps */
#define YIELD_TURNS    32   /* empty turns of a poller that waits for results: some 1 us */
#define SLEEP_LEAST_US 50
#define SLEEP_MOST_US  4000
#define SLEEP_ALONE_US 10000 /* it is woken for all but timers */

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

/*
 * arm_links() - ask the drivers of all links to wake us.
 * @woken: set to false if a packet may come, or has to go, without that.
 * Return: the descriptors stored.
 */
static unsigned arm_links(struct fly_poller *p, struct pollfd *bells, bool *woken)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < p->n_links; i++) {
		struct fly_link *link = p->links[i];
		int fds[FLY_LINK_BELLS];
		const int n_fds = link->arm ? link->arm(link, fds) : -1;

		for (int k = 0; k < n_fds; k++)
			bells[n++] = (struct pollfd){.fd = fds[k], .events = POLLIN};
		/* Pollers that share a port wake each other by a hint only. */
		*woken &= n_fds >= 0 && link->n_queued == 0 && !link->shared;
	}
	/* Store, then load: the far end sees that it has to wake us, or we see its packet. */
	if (n)
		rte_smp_mb();
	return n;
}

static void disarm_links(struct fly_poller *p)
{
	for (uint32_t i = 0; i < p->n_links; i++) {
		if (p->links[i]->disarm)
			p->links[i]->disarm(p->links[i]);
	}
}

/* Our calls without a result yet. */
static uint64_t n_out(const struct fly_poller *p)
{
	return fly_stats_get(&p->stats, FLY_COUNT_calls_started) -
	       fly_stats_get(&p->stats, FLY_COUNT_calls_returned) -
	       fly_stats_get(&p->stats, FLY_COUNT_calls_failed);
}

/* Say which core the poller lets others have. Relaxed: a hint. Its line is written seldom. */
static void yield(struct fly_poller *p, struct fly_lease *lease)
{
	const int core = sched_getcpu();

	if (unlikely(atomic_load_explicit(&p->handoffs.core, memory_order_relaxed) != core))
		atomic_store_explicit(&p->handoffs.core, core, memory_order_relaxed);
	if (lease)
		fly_lease_yield(lease);
	else
		fly_yield();
}

bool fly_wait_shares_core(const struct fly_poller *p)
{
	return atomic_load_explicit(&p->handoffs.core, memory_order_relaxed) == sched_getcpu();
}

/* Sleep until a thread rings, one of @n bells rings, or for @us. @fds: room for one, then bells. */
static void sleep_for(struct fly_poller *p, struct fly_lease *lease, struct pollfd *fds, unsigned n,
		      uint64_t us)
{
	const struct timespec most = {.tv_nsec = (long)us * 1000};
	eventfd_t count;
	int ready = 0;

	fds[0] = (struct pollfd){.fd = p->handoffs.wake_fd, .events = POLLIN};
	if (!fly_handoff_prepare_sleep(&p->handoffs))
		return;
	/* A thread that sets `attention` then writes to wake_fd: the poller sees either. */
	if (fly_slow_local_prepare_sleep(p)) {
		if (!atomic_load_explicit(&p->attention, memory_order_seq_cst))
			ready = lease ? fly_lease_sleep(lease, fds, n + 1, &most)
				      : ppoll(fds, n + 1, &most, NULL);
		if (ready > 0 && fds[0].revents)
			eventfd_read(p->handoffs.wake_fd, &count);
		if (ready > (fds[0].revents != 0))
			fly_stats_add(&p->stats, FLY_COUNT_sleeps_ended, 1);
		fly_slow_local_end_sleep(p);
	}
	fly_handoff_end_sleep(&p->handoffs);
}

/* Is all that will have to be done something that is going to come? */
static bool has_no_timers(const struct fly_poller *p)
{
	return n_out(p) == 0 && p->bulk.n == 0;
}

void fly_wait_end_sleep(struct fly_poller *p)
{
	disarm_links(p);
	fly_slow_local_end_sleep(p);
	fly_handoff_end_sleep(&p->handoffs);
}

static bool are_same(const struct pollfd *a, const struct pollfd *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (a[i].fd != b[i].fd)
			return false;
	}
	return true;
}

bool fly_wait_prepare_sleep(struct fly_poller *p, const struct pollfd *bells, unsigned n)
{
	struct pollfd armed[FLY_LINKS * FLY_LINK_BELLS];
	bool woken = true;

	if (arm_links(p, armed, &woken) != n || !are_same(armed, bells, n) || !woken)
		return false;
	if (n && fly_poller_turn(p, fly_poller_time(p)))
		return false;
	return has_no_timers(p) && fly_handoff_prepare_sleep(&p->handoffs) &&
	       fly_slow_local_prepare_sleep(p);
}

/*
 * sleep_once() - sleep, and poll the links before it.
 * @woken: whatever is waited for wakes this poller, unless it comes over a link that does not.
 * Return: has something come, before the sleep, or, for who has turned a lent poller, meanwhile?
 */
static bool sleep_once(struct fly_poller *p, const struct fly_waiting *waiting, bool woken)
{
	struct pollfd fds[1 + FLY_LINKS * FLY_LINK_BELLS];
	/* The longer nothing came, the longer the sleep. */
	const uint64_t more = waiting->empty > TURNS ? waiting->empty - TURNS : 0;
	uint64_t us = RTE_MIN(SLEEP_LEAST_US + more, (uint64_t)SLEEP_MOST_US);
	const bool had_timers = !has_no_timers(p);
	unsigned received = 0;
	unsigned n;

	woken &= !had_timers;
	n = arm_links(p, fds + 1, &woken);
	if (woken || p->n_links == 0)
		us = SLEEP_ALONE_US;
	if (n)
		received = fly_poller_turn(p, fly_poller_time(p));
	if (received == 0)
		sleep_for(p, waiting->lease, fds, n, us);
	disarm_links(p);
	p->clock.turns = 0; /* read the clock in the next turn */
	return received != 0 || (!had_timers && !has_no_timers(p));
}

/* Who calls a poller that sleeps has to wake it, unless it is lent: then that one turns it. */
static uint32_t turns_awake(const struct fly_poller *p, const struct fly_waiting *waiting)
{
	return waiting->lease && fly_lease_is_open(waiting->lease) && has_no_timers(p) ? TURNS_LENT
										       : TURNS;
}

/*
 * Letting every other thread of the core run takes longer than most round trips. While calls are
 * out, a poller polls for their results for YIELD_TURNS turns before it yields; else it yields now.
 */
static void after_turn(struct fly_waiting *waiting, struct fly_poller *p, enum fly_wait wait,
		       unsigned received, bool woken)
{
	if (received) {
		waiting->empty = 0;
		return;
	}
	waiting->empty++;
	if (wait == FLY_WAIT_YIELD) {
		if (n_out(p) == 0 || waiting->empty % YIELD_TURNS == 0)
			yield(p, waiting->lease);
		return;
	}
	if (waiting->empty >= turns_awake(p, waiting) && sleep_once(p, waiting, woken))
		waiting->empty = 0;
}

void fly_wait_after_turn(struct fly_waiting *waiting, struct fly_poller *p, enum fly_wait wait,
			 unsigned received)
{
	if (likely(wait <= FLY_WAIT_SPIN))
		return;
	after_turn(waiting, p, wait, received, true);
}

void fly_wait_unwoken(struct fly_waiting *waiting, struct fly_poller *p)
{
	after_turn(waiting, p, FLY_WAIT_SLEEP, 0, false);
}
