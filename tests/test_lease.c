/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_lease.c - a poller whose own thread yields or sleeps, and which threads that wait turn
 * meanwhile: a client's, which calls a server on a thread of its own, over vhost.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <rte_lcore.h>

#include "fastpath/stats.h"
#include "threads/lease.h"
#include "threads/request.h"
#include "runtime/runtime.h"
#include "vhost_server.h"

TestSuite(lease, .timeout = HANG);

static unsigned core_of_poller;

/* The client's poller is on this core, and whoever is started from now on. */
static void start(enum fly_wait wait)
{
	char cores[16];
	cpu_set_t one;

	core_of_poller = (unsigned)sched_getcpu();
	snprintf(cores, sizeof cores, "%u", core_of_poller);
	start_with(&(const struct fly_options){.wait = wait, .pollers = 1, .cores = cores});
	CPU_ZERO(&one);
	CPU_SET(core_of_poller, &one);
	cr_assert(sched_setaffinity(0, sizeof one, &one) == 0);
}

static uint64_t n_lent(void)
{
	return fly_stats_get(&self->group.pollers[0]->stats, FLY_COUNT_turns_lent);
}

/* Whether the poller's thread runs is up to the system. Now and then it does not. */
static void expect_lent(struct fly_binding *mine)
{
	const uint64_t before = n_lent();

	for (unsigned i = 0; n_lent() < before + 20; i++)
		call_most(mine, 1 + i % 1000);
}

static void be_slow(void *context)
{
	(void)context;
	while (!fly_cancelled())
		;
}

static void call_until_lent(struct caller *c, struct fly_binding *mine)
{
	call_some(c, mine);
	expect_lent(mine);
}

Case(lease, fly_lease_take__of_a_thread_that_sleeps)
{
	start(FLY_WAIT_SLEEP);
	expect_lent(own);
}

Case(lease, fly_lease_take__of_a_thread_that_yields)
{
	start(FLY_WAIT_YIELD);
	expect_lent(own);
}

/* A poller on another core runs while it yields. */
Case(lease, fly_lease_take__not_of_another_core)
{
	cpu_set_t others;

	start(FLY_WAIT_YIELD);
	CPU_ZERO(&others);
	for (unsigned i = 0; i < CPU_SETSIZE; i++) {
		if (i != core_of_poller)
			CPU_SET(i, &others);
	}
	if (sched_setaffinity(0, sizeof others, &others) != 0)
		cr_skip("there is one core");
	const uint64_t before = n_lent();

	for (unsigned i = 0; i < 100; i++)
		call_most(own, 1 + i);
	cr_expect(n_lent() == before);
}

Case(lease, fly_lease_turn_for__several_threads_that_yield)
{
	start(FLY_WAIT_YIELD);
	on_threads(8, call_until_lent);
}

Case(lease, fly_lease_turn_for__several_threads_that_sleep)
{
	start(FLY_WAIT_SLEEP);
	on_threads(4, call_until_lent);
}

/* Its procedures run on the thread that was started for them. */
Case(lease, fly_lease_forbid__a_poller_that_serves)
{
	struct probe_service ours = {0};
	uint64_t before;

	start(FLY_WAIT_SLEEP);
	expect_lent(own);
	cr_assert(Probe_export(self, &probe_procedures, &ours) == 0, "%s", fly_error());
	before = n_lent();
	for (unsigned i = 0; i < 100; i++)
		call_most(own, 1 + i);
	cr_expect(n_lent() == before);
}

/* ---- what a thread that has taken the poller leaves behind ---- */

static void take_events(struct fly_binding *mine, int fd)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	struct fly_call *call;
	uint64_t n;

	cr_assert(Probe_Null_start(mine, &call) == 0);
	cr_assert(poll(&readable, 1, 1000 * (int)patience(10)) == 1, "nobody was told");
	cr_assert(read(fd, &n, sizeof n) == sizeof n);
	cr_expect(fly_next_ready(mine) == call && Probe_Null_finish(call) == 0);
}

/* Nobody waits: threads and packets wake the poller's thread, as if it had not been lent. */
Case(lease, fly_lease_give__its_thread_is_woken_as_before)
{
	struct fly_binding *other;
	int fd;

	start(FLY_WAIT_SLEEP);
	cr_assert(fly_attach(own, &other) == 0, "%s", fly_error());
	fd = fly_event_fd(other);
	cr_assert(fd >= 0, "%s", fly_error());
	for (unsigned i = 0; i < 10; i++) {
		expect_lent(own);
		take_events(other, fd);
	}
	cr_expect(fly_unbind(other) == 0);
}

/* Its thread sleeps on, and who has a call for it has to know that. */
Case(lease, fly_lease_give__its_thread_is_to_be_woken)
{
	struct fly_lease *lease;
	unsigned n_asleep = 0;

	start(FLY_WAIT_SLEEP);
	lease = self->group.pollers[0]->lease;
	for (unsigned i = 0; i < 200; i++) {
		const _Atomic uint32_t *asleep = &lease->election->poller->handoffs.asleep;

		while (!fly_lease_take(lease))
			sched_yield();
		cr_expect(atomic_load(asleep) == 0);
		fly_lease_give(lease);
		n_asleep += atomic_load(asleep);
	}
	cr_expect(n_asleep > 100, "%u", n_asleep); /* now and then it wakes by itself */
}

/* Calls that are out have timers, which only a thread that is awake looks at. */
Case(lease, fly_lease_give__a_deadline_passes_though_nobody_waits)
{
	struct fly_call *call;
	bool is_ready;

	start(FLY_WAIT_SLEEP);
	expect_lent(own);
	service.during = be_slow;
	cr_expect(fly_set_deadline(own, 20000) == 0);
	cr_assert(Probe_Null_start(own, &call) == 0);
	while (is_ready = fly_ready(call), !is_ready)
		usleep(1000);
	service.during = NULL;
	cr_expect(Probe_Null_finish(call) != -FLY_EPEER);
	cr_expect(fly_set_deadline(own, 0) == 0);
	expect_lent(own);
}

static void set_a_deadline(struct caller *c, struct fly_binding *mine)
{
	int status;

	(void)c;
	cr_expect(fly_set_deadline(mine, 20000) == 0);
	status = Probe_Null(mine); /* the procedure ends when its deadline has passed */
	/* The result may still be in time; on a busy machine the call may not even begin. */
	cr_expect(status == -FLY_EDEADLINE || status == -FLY_EWITHDRAWN || status == 0, "%s",
		  fly_status_name(status));
	cr_expect(fly_set_deadline(mine, 0) == 0);
}

Case(lease, fly_set_deadline__of_a_thread_that_has_the_poller)
{
	start(FLY_WAIT_SLEEP);
	expect_lent(own);
	service.during = be_slow;
	on_threads(2, set_a_deadline);
	service.during = NULL;
	expect_lent(own);
}

/* ---- a thread that ends ---- */

static void *take_and_end(void *lease)
{
	while (!fly_lease_take(lease))
		sched_yield();
	return NULL;
}

static void expect_taken_over(enum fly_wait wait)
{
	pthread_t taker;

	start(wait);
	expect_lent(own);
	pthread_create(&taker, NULL, take_and_end, self->group.pollers[0]->lease);
	pthread_join(taker, NULL);
	expect_lent(own);
}

Case(lease, fly_election_close__of_a_thread_that_has_ended_while_its_poller_slept)
{
	expect_taken_over(FLY_WAIT_SLEEP);
}

Case(lease, fly_election_close__of_a_thread_that_has_ended_while_its_poller_yielded)
{
	expect_taken_over(FLY_WAIT_YIELD);
}

/* ---- requests ---- */

static uint64_t ran_on;

static int note_thread(struct fly_poller *p, void *argument)
{
	cr_expect(fly_poller_is_here(p));
	ran_on = fly_thread_number();
	*(unsigned *)argument = rte_lcore_id();
	return 0;
}

/* Each packet cache belongs to a number of DPDK's: that of the poller's thread. */
Case(lease, fly_request__is_done_here_if_the_poller_is_free)
{
	struct fly_poller *p;
	unsigned lcore = 0;
	bool was_here = false;

	start(FLY_WAIT_SLEEP);
	p = self->group.pollers[0];
	cr_expect(fly_poller_thread(p) != fly_thread_number());
	while (!was_here) {
		cr_expect(fly_request(p, note_thread, &lcore) == 0);
		was_here = ran_on == fly_thread_number();
		cr_expect(was_here || ran_on == fly_poller_thread(p));
		cr_expect(lcore == p->lease->election->lcore && lcore != rte_lcore_id());
		usleep(1000);
	}
	cr_expect(!fly_poller_is_here(p));
}

/* ---- a thread that turns a poller of its own as well ---- */

/* The answer comes from this thread's own runtime. */
Case(lease, fly_request__of_a_thread_that_serves_as_well)
{
	const struct fly_options serving = {.wait = FLY_WAIT_YIELD};
	const struct fly_options calling = {.wait = FLY_WAIT_SLEEP, .pollers = 1};
	struct fly_runtime *here;

	cr_assert(start_runtime("server", &serving, &here) == 0, "%s", fly_error());
	cr_assert(Probe_export(here, &probe_procedures, &service) == 0, "%s", fly_error());
	cr_assert(start_runtime("wait=20", &calling, &self) == 0, "%s", fly_error());
	for (unsigned i = 0; i < 20; i++) {
		cr_assert(Probe_import(self, NULL, &own) == 0, "%s", fly_error());
		call_most(own, 1 + i);
		cr_expect(fly_unbind(own) == 0);
	}
	cr_expect(fly_stop(self) == 0, "%s", fly_error());
	cr_expect(fly_stop(here) == 0, "%s", fly_error());
}

/* ---- requests that turn the poller ---- */

static uint64_t served_by;

static void note_server(void *context)
{
	(void)context;
	served_by = fly_thread_number();
}

static _Atomic bool is_over;

/* Takes the poller, most likely, and turns it for as long as somebody may answer. */
static void *import_in_vain(void *from)
{
	struct fly_lease *lease = self->group.pollers[0]->lease;
	struct fly_binding *none;

	while (!fly_lease_take(lease))
		sched_yield();
	fly_lease_give(lease); /* its thread sleeps */
	cr_expect(Probe_import(from, "169.254.70.77", &none) == -FLY_EPEER);
	is_over = true;
	return NULL;
}

/* Return: a thread that has the poller. */
static pthread_t import_with_poller(void)
{
	for (;;) {
		const uint64_t before = n_lent();
		pthread_t thread;

		is_over = false;
		cr_assert(pthread_create(&thread, NULL, import_in_vain, self) == 0);
		while (n_lent() < before + 2 && !is_over)
			usleep(1000);
		if (!is_over)
			return thread;
		pthread_join(thread, NULL); /* the poller's thread has done it */
	}
}

/* An export waits until the poller's own thread can serve it. */
Case(lease, fly_request__of_another_thread_comes_later)
{
	const struct fly_options inline_one = {.wait = FLY_WAIT_YIELD};
	const struct fly_options serving = {.wait = FLY_WAIT_SLEEP, .pollers = 1};
	struct fly_runtime *here;
	pthread_t importing;

	cr_assert(start_runtime("server", &inline_one, &here) == 0, "%s", fly_error());
	cr_assert(start_runtime("wait=20", &serving, &self) == 0, "%s", fly_error());
	service.during = note_server;
	importing = import_with_poller();
	cr_assert(Probe_export(self, &probe_procedures, &service) == 0, "%s", fly_error());
	cr_assert(Probe_import(here, NULL, &own) == 0, "%s", fly_error());
	cr_expect(Probe_Null(own) == 0);
	cr_expect(served_by == fly_poller_thread(self->group.pollers[0]));
	pthread_join(importing, NULL);
	cr_expect(fly_stop(self) == 0, "%s", fly_error());
	cr_expect(fly_stop(here) == 0, "%s", fly_error());
}
