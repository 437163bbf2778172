/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_waiting.c - how a poller and a thread wait. Whether a wait has slept is read from the
 * kernel's count of the voluntary switches of this thread, not from a clock.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "sim.h"
#include "threads/waiting.h"

#define TURNS  1000 /* of waiting.c: empty turns of a poller before it sleeps */
#define SPINS  2000 /* of waiting.c: polls of a slot before its thread sleeps */
#define YIELDS 512  /* of waiting.c: yields between two sleeps */

static struct sim *s;
static struct fly_poller *p;
static struct fly_waiting waiting;
static struct fly_slot slot;

static void begin(void)
{
	sim_eal();
	s = sim_new();
	p = sim_poller(sim_add(s, NULL));
	p->handoffs.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

static void end(void)
{
	close(p->handoffs.wake_fd);
	p->handoffs.wake_fd = -1;
	cr_expect(p->handoffs.asleep == 0);
	cr_expect(sim_end(s) == 0);
}

TestSuite(waiting, .timeout = HANG);

/* A sleep whose time is over before the thread has gone to sleep is not counted. */
static long n_sleeps(void)
{
	struct rusage usage;

	cr_assert(getrusage(RUSAGE_THREAD, &usage) == 0);
	return usage.ru_nvcsw;
}

static void turns(unsigned n, enum fly_wait wait)
{
	for (unsigned i = 0; i < n; i++)
		fly_wait_after_turn(&waiting, p, wait, 0);
}

/* ---- pollers ---- */

Case(waiting, fly_wait_after_turn__sleeps_after_many_empty_turns)
{
	long before = n_sleeps();

	turns(TURNS - 1, FLY_WAIT_SLEEP);
	cr_expect(n_sleeps() == before);
	turns(5, FLY_WAIT_SLEEP);
	cr_expect(n_sleeps() > before);
	before = n_sleeps();
	turns(5, FLY_WAIT_SPIN);
	turns(5, FLY_WAIT_DEFAULT);
	cr_expect(n_sleeps() == before);
}

/* A thread that only yields falls behind those that spin, for seconds (waiting.c). */
Case(waiting, fly_wait_after_turn__sleeps_now_and_then_though_it_yields)
{
	const long before = n_sleeps();

	turns(10 * YIELDS, FLY_WAIT_YIELD);
	cr_expect(n_sleeps() - before >= 5); /* of 10 */
}

Case(waiting, fly_wait_after_turn__begins_anew_when_something_came)
{
	long before;

	turns(TURNS + 1, FLY_WAIT_SLEEP);
	fly_wait_after_turn(&waiting, p, FLY_WAIT_SLEEP, 1);
	cr_expect(waiting.empty == 0);
	before = n_sleeps();
	turns(TURNS - 1, FLY_WAIT_SLEEP);
	cr_expect(n_sleeps() == before);
}

/* The thread that sets `attention` writes to wake_fd afterwards, or has read it already. */
Case(waiting, fly_wait_after_turn__does_not_sleep_while_a_request_waits)
{
	long before;

	turns(TURNS, FLY_WAIT_SLEEP);
	p->attention = 1;
	before = n_sleeps();
	turns(20, FLY_WAIT_SLEEP);
	cr_expect(n_sleeps() < before + 10);
	p->attention = 0;
	before = n_sleeps();
	turns(20, FLY_WAIT_SLEEP);
	cr_expect(n_sleeps() >= before + 10);
}

Case(waiting, fly_wait_after_turn__takes_what_woke_it)
{
	eventfd_t count;

	turns(TURNS, FLY_WAIT_SLEEP);
	fly_slow_wake_poller(p->handoffs.wake_fd);
	turns(1, FLY_WAIT_SLEEP);
	cr_expect(eventfd_read(p->handoffs.wake_fd, &count) != 0, "or it would not sleep again");
	fly_slow_wake_poller(-1);
}

Case(waiting, fly_wait_after_turn__reads_the_clock_after_a_sleep)
{
	p->clock.turns = 7;
	turns(TURNS - 1, FLY_WAIT_SLEEP);
	cr_expect(p->clock.turns == 7);
	turns(1, FLY_WAIT_SLEEP);
	cr_expect(p->clock.turns == 0);
}

/* ---- links ---- */

static struct fly_link *link_0;
static int bell;       /* what the driver makes readable */
static unsigned armed; /* times that it was asked to */
static bool is_armed;
static bool comes_first; /* a packet is there when the driver is asked */
static bool answers = true;
static uint64_t n_looks; /* polls while it was asked */

static int arm(struct fly_link *link, int *fds)
{
	(void)link;
	armed++;
	is_armed = answers;
	fds[0] = bell;
	return answers ? 1 : -1;
}

static void disarm(struct fly_link *link)
{
	(void)link;
	is_armed = false;
}

/* The far end is a driver that has one packet, if that. */
static uint16_t receive(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	(void)n;
	n_looks += is_armed;
	if (!is_armed || !comes_first)
		return 0;
	comes_first = false;
	packets[0] = fly_packet_get(link->cache, 60);
	return packets[0] ? 1 : 0;
}

/* Give the poller a link that wakes it. */
static void link_up(void)
{
	bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	link_0 = &sim_join_open(s, s->nodes[0])->link;
	link_0->rx_burst = receive;
	link_0->arm = arm;
	link_0->disarm = disarm;
	cr_assert(bell >= 0 && p->n_links == 1);
}

static uint64_t ended(void)
{
	return fly_stats_get(&p->stats, FLY_COUNT_sleeps_ended);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

Case(waiting, arm_links__only_before_a_sleep_and_never_after_it)
{
	link_up();
	turns(5 * TURNS, FLY_WAIT_SPIN);
	turns(TURNS - 1, FLY_WAIT_SLEEP);
	cr_expect(armed == 0);
	turns(3, FLY_WAIT_SLEEP);
	cr_expect(armed == 3 && !is_armed && n_looks >= 3, "looked at once more each time");
}

Case(waiting, sleep_once__takes_a_packet_that_came_before_the_driver_was_asked)
{
	long before;

	link_up();
	turns(TURNS - 1, FLY_WAIT_SLEEP);
	comes_first = true;
	before = n_sleeps();
	turns(1, FLY_WAIT_SLEEP);
	cr_expect(n_sleeps() == before && !is_armed && waiting.empty == 0);
	cr_expect(fly_stats_get(&p->stats, FLY_COUNT_rx_packets) == 1);
	cr_expect(ended() == 0);
}

static void *ring_soon(void *unused)
{
	(void)unused;
	usleep(1000);
	eventfd_write(bell, 1);
	return NULL;
}

Case(waiting, sleep_once__a_packet_ends_it)
{
	pthread_t thread;
	eventfd_t count;

	link_up();
	turns(TURNS - 1, FLY_WAIT_SLEEP);
	for (unsigned i = 0; i < 1000 * patience(1) && ended() == 0; i++) {
		pthread_create(&thread, NULL, ring_soon, NULL);
		turns(1, FLY_WAIT_SLEEP);
		pthread_join(thread, NULL);
		eventfd_read(bell, &count);
	}
	cr_expect(ended() == 1 && !is_armed);
}

Case(waiting, sleep_once__as_long_as_without_links_if_all_wake)
{
	uint64_t us;

	link_up();
	turns(TURNS - 1, FLY_WAIT_SLEEP);
	us = now_us();
	turns(10, FLY_WAIT_SLEEP);
	cr_expect(now_us() - us >= 10 * 9900, "%lu", now_us() - us);
}

/* By the count of sleeps: a sleep that may be long is not shorter on a busy machine. */
Case(waiting, sleep_once__naps_if_something_does_not_wake)
{
	unsigned n = 0;
	uint64_t us;

	link_up();
	answers = false;
	turns(TURNS - 1, FLY_WAIT_SLEEP);
	for (unsigned i = 0; i < 100 * patience(1) && n < 5; i++) {
		us = now_us();
		turns(1, FLY_WAIT_SLEEP);
		n += now_us() - us < 5000; /* not 10 ms */
	}
	cr_expect(n == 5 && n_looks == 0 && armed >= 5);
	answers = true;
	for (unsigned i = 0; i < 100 * patience(1) && n < 10; i++) {
		us = now_us();
		fly_wait_unwoken(&waiting, p);
		n += now_us() - us < 5000;
	}
	cr_expect(n == 10);
}

/* ---- slots ---- */

static void polls(unsigned n, enum fly_wait wait)
{
	for (unsigned i = 0; i < n; i++)
		fly_wait_for_slot(&waiting, &slot, FLY_SLOT_CALL, wait, false);
}

Case(waiting, fly_wait_for_slot__sleeps_after_many_polls)
{
	long before = n_sleeps();

	atomic_store(&slot.state, FLY_SLOT_CALL);
	polls(SPINS, FLY_WAIT_SLEEP);
	cr_expect(n_sleeps() == before);
	polls(5, FLY_WAIT_SLEEP);
	cr_expect(n_sleeps() > before && slot.asleep == FLY_AWAKE);
	before = n_sleeps();
	polls(5, FLY_WAIT_SPIN);
	cr_expect(n_sleeps() == before);
}

Case(waiting, fly_wait_for_slot__sleeps_now_and_then_though_it_yields)
{
	const long before = n_sleeps();

	polls(10 * YIELDS, FLY_WAIT_YIELD);
	cr_expect(n_sleeps() - before >= 5); /* of 10 */
}

Case(waiting, fly_wait_for_slot__not_if_it_was_handed_over_meanwhile)
{
	long before;

	atomic_store(&slot.state, FLY_SLOT_CALL);
	polls(SPINS, FLY_WAIT_SLEEP);
	atomic_store(&slot.state, FLY_SLOT_RESULT);
	before = n_sleeps();
	polls(20, FLY_WAIT_SLEEP);
	cr_expect(n_sleeps() == before && slot.asleep == FLY_AWAKE);
}

static struct fly_handoff handoff;

static void *hand_back(void *unused)
{
	(void)unused;
	while (atomic_load(&handoff.slot.asleep) != FLY_ASLEEP_FUTEX)
		;
	if (fly_slot_from_poller(&handoff.slot, FLY_SLOT_RESULT))
		fly_slow_wake_handoff(&handoff);
	return NULL;
}

Case(waiting, fly_slow_wake_handoff__wakes_who_sleeps_on_the_slot)
{
	pthread_t thread;

	atomic_store(&handoff.slot.state, FLY_SLOT_CALL);
	pthread_create(&thread, NULL, hand_back, NULL);
	while (!fly_slot_is(&handoff.slot, FLY_SLOT_RESULT))
		fly_wait_for_slot(&waiting, &handoff.slot, FLY_SLOT_CALL, FLY_WAIT_SLEEP, false);
	pthread_join(thread, NULL);
	cr_expect(handoff.slot.asleep == FLY_AWAKE);
}
