/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_worker_threads.c - exports with worker threads: a runtime that calls itself, whose
 * procedures run on workers. test_worker.c tests the poller's side, without threads.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include <numa.h>

#include "case.h"
#include "fastpath/clock.h"
#include "threads/worker.h"
#include "probe_service.h"
#include "runtime/runtime.h"

#define EAL     "--no-huge -m 256"
#define SELF    "vdev:net_ring_a,ip=10.9.8.7,peer=10.9.8.7"
#define WORKERS 3
#define QUEUE   4

static char directory[] = "/tmp/firefly-workers-XXXXXX";
static struct fly_runtime *self;
static struct fly_binding *own;
static struct probe_service service;
static struct fly_export_options options;

static void start_self(void)
{
	const char *const links[] = {SELF, NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 2047,
				      .calls = 64,
				      .call_timeout_ms = 2000,
				      .eal = EAL};

	cr_assert(fly_start(&o, &self) == 0, "%s", fly_error());
}

static void begin(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	setenv("RUNTIME_DIRECTORY", directory, 1); /* DPDK would leave files there */
	start_self();
	options = (struct fly_export_options){.size = sizeof options,
					      .workers = WORKERS,
					      .queue = QUEUE,
					      .wait = FLY_WAIT_SLEEP};
}

static void end(void)
{
	char command[128];

	cr_expect(fly_stop(self) == 0);
	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_expect(system(command) == 0);
}

TestSuite(worker_threads, .timeout = HANG);

static uint64_t count(enum fly_counter which)
{
	return fly_stats_get(&self->poller.stats, which);
}

static void export_self(void)
{
	cr_assert(Probe_export_with(self, &probe_procedures, &service, &options) == 0, "%s",
		  fly_error());
	cr_assert(Probe_import(self, NULL, &own) == 0, "%s", fly_error());
}

/* ---- waiting ---- */

static bool sleeps(const struct fly_worker *w)
{
	return atomic_load(&w->handoff.slot.asleep) == FLY_ASLEEP_FUTEX;
}

/* Idle workers that yield take no turns of a core that the poller yields there. */
Case(worker_threads, wait_for_order__sleeps_on_the_core_of_its_poller)
{
	const struct fly_worker_pool *pool;
	char core[16];
	cpu_set_t one;
	uint64_t sum;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	snprintf(core, sizeof core, "%d", sched_getcpu());
	cr_assert(sched_setaffinity(0, sizeof one, &one) == 0);
	options.wait = FLY_WAIT_YIELD;
	options.worker_cores = core;
	export_self();
	pool = LIST_FIRST(&self->poller.pools);
	for (unsigned i = 0; i < 1000; i++) {
		sched_yield();
		for (unsigned w = 0; w < WORKERS; w++)
			cr_assert(!sleeps(&pool->workers[w]),
				  "the poller spins, for all they know");
	}
	fly_set_wait(own, FLY_WAIT_YIELD);
	for (unsigned i = 0; i < 20; i++)
		cr_expect(Probe_Add(own, i, 1, &sum) == 0 && sum == i + 1);
	cr_expect(atomic_load(&self->poller.handoffs.core) == atoi(core));
	for (unsigned w = 0; w < WORKERS; w++)
		while (!sleeps(&pool->workers[w])) /* or the time limit of the test */
			sched_yield();
	cr_expect(Probe_Add(own, 20, 1, &sum) == 0 && sum == 21, "and is woken");
	cr_expect(count(FLY_COUNT_calls_on_workers) == 21);
}

/* ---- options ---- */

static void expect_refused(const char *why)
{
	cr_expect(Probe_export_with(self, &probe_procedures, &service, &options) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), why), "'%s' in: %s", why, fly_error());
}

Case(worker_threads, fly_export_with__refuses_what_it_cannot_do)
{
	char beyond[16];

	options.workers = 257;
	expect_refused("256 workers");
	options.workers = 1;
	options.queue = 70000;
	expect_refused("can wait");
	options.queue = 0;
	options.wait = (enum fly_wait)9;
	expect_refused("way 9");
	options.wait = FLY_WAIT_SLEEP;
	options.worker_cores = "one";
	expect_refused("one");
	options.worker_cores = "";
	expect_refused("a list is wanted");
	snprintf(beyond, sizeof beyond, "0,%d", numa_num_configured_cpus());
	options.worker_cores = beyond;
	expect_refused("there is no core");
	options.worker_cores = "0";
	options.workers = 0;
	expect_refused("no workers");
	options.size = 0;
	expect_refused("set .size = sizeof(struct fly_export_options)");
	options.size = sizeof options;
	cr_expect(LIST_EMPTY(&self->poller.pools) && self->poller.n_sources == 0);
	options.workers = 1;
	export_self();
	cr_expect(Probe_export_with(self, &probe_procedures, &service, &options) == -FLY_EINUSE);
	cr_expect(self->poller.n_sources == 1);
}

/* ---- where procedures run ---- */

static pthread_t ran_on;
static cpu_set_t ran_among;

static void note_thread(void *context)
{
	(void)context;
	ran_on = pthread_self();
	pthread_getaffinity_np(ran_on, sizeof ran_among, &ran_among);
}

Case(worker_threads, fly_export_with__procedures_run_on_workers)
{
	uint64_t sum;

	service.during = note_thread;
	export_self();
	for (unsigned i = 0; i < 100; i++)
		cr_assert(Probe_Null(own) == 0);
	cr_expect(!pthread_equal(ran_on, pthread_self()));
	cr_expect(Probe_Add(own, 1, 2, &sum) == 0 && sum == 3);
	cr_expect(count(FLY_COUNT_calls_on_workers) == 101 && service.executions == 101);
	cr_expect(count(FLY_COUNT_slots_missed) == 0);
}

Case(worker_threads, fly_export_with__on_the_cores_that_were_named)
{
	service.during = note_thread;
	options.worker_cores = "0";
	export_self();
	cr_assert(Probe_Null(own) == 0);
	cr_expect(CPU_COUNT(&ran_among) == 1 && CPU_ISSET(0, &ran_among));
}

Case(worker_threads, fly_export_with__without_workers_the_poller_runs_all)
{
	service.during = note_thread;
	options.workers = 0;
	export_self();
	cr_assert(Probe_Null(own) == 0);
	cr_expect(pthread_equal(ran_on, pthread_self()) && count(FLY_COUNT_calls_on_workers) == 0);
}

/* Several calls at a time: all workers and the queue are full. */
static void call_many(enum fly_wait wait)
{
	struct fly_call *calls[WORKERS + QUEUE];
	uint64_t sum;

	options.wait = wait;
	export_self();
	for (unsigned i = 0; i < 300; i++) {
		for (unsigned k = 0; k < WORKERS + QUEUE; k++)
			cr_assert(Probe_Add_start(own, i, k, &calls[k]) == 0);
		for (unsigned k = 0; k < WORKERS + QUEUE; k++) {
			cr_assert(Probe_Add_finish(calls[k], &sum) == 0);
			cr_assert(sum == i + k);
		}
	}
	cr_expect(count(FLY_COUNT_calls_on_workers) == 300 * (WORKERS + QUEUE));
	cr_expect(count(FLY_COUNT_reject_busy) == 0 && count(FLY_COUNT_slots_missed) == 0);
}

Case(worker_threads, fly_export_with__workers_that_sleep)
{
	call_many(FLY_WAIT_SLEEP);
}

Case(worker_threads, fly_export_with__workers_that_yield)
{
	call_many(FLY_WAIT_YIELD);
}

/* ---- workers that take long ---- */

static _Atomic unsigned inside; /* procedures running now */
static _Atomic bool may_end;

static void wait_inside(void *context)
{
	(void)context;
	atomic_fetch_add(&inside, 1);
	while (!atomic_load(&may_end))
		sched_yield();
	atomic_fetch_sub(&inside, 1);
}

static void until_inside(unsigned n)
{
	while (atomic_load(&inside) != n)
		fly_turn(self);
}

Case(worker_threads, fly_export_with__a_worker_that_blocks_hurts_nobody)
{
	struct fly_call *blocked;
	uint64_t sum;

	service.during = wait_inside;
	export_self();
	cr_assert(Probe_Null_start(own, &blocked) == 0);
	until_inside(1);
	/* Longer than the poller polls an unused slot. */
	for (unsigned i = 0; i < 3 * FLY_HANDOFF_PATIENCE; i++)
		fly_turn(self);
	cr_expect(self->poller.handoffs.n_polled == 0);
	for (unsigned i = 0; i < 100; i++)
		cr_assert(Probe_Add(own, i, 1, &sum) == 0 && sum == i + 1);
	cr_expect(!fly_ready(blocked));
	atomic_store(&may_end, true);
	cr_expect(Probe_Null_finish(blocked) == 0);
	cr_expect(count(FLY_COUNT_slots_missed) == 0);
}

Case(worker_threads, fly_export_with__too_many_calls_are_refused)
{
	struct fly_call *calls[WORKERS + QUEUE + 3];
	const unsigned n = WORKERS + QUEUE + 3;
	unsigned refused = 0;

	service.during = wait_inside;
	export_self();
	for (unsigned i = 0; i < n; i++)
		cr_assert(Probe_Null_start(own, &calls[i]) == 0);
	until_inside(WORKERS);
	while (count(FLY_COUNT_reject_busy) < 3)
		fly_turn(self);
	atomic_store(&may_end, true);
	for (unsigned i = 0; i < n; i++) {
		const int status = Probe_Null_finish(calls[i]);

		cr_expect(status == 0 || status == -FLY_EBUSY);
		refused += status == -FLY_EBUSY;
	}
	cr_expect(refused == 3 && service.executions == WORKERS + QUEUE);
	cr_expect(fly_outcome(-FLY_EBUSY) == FLY_NOT_EXECUTED);
}

static _Atomic uint64_t left_first;
static _Atomic uint64_t left_last;

static void wait_until_cancelled(void *context)
{
	(void)context;
	atomic_store(&left_first, fly_remaining());
	atomic_fetch_add(&inside, 1);
	while (!fly_cancelled())
		sched_yield();
	atomic_store(&left_last, fly_remaining());
	atomic_fetch_sub(&inside, 1);
}

Case(worker_threads, fly_cancelled__the_caller_has_cancelled)
{
	struct fly_call *call;
	uint64_t sum;

	service.during = wait_until_cancelled;
	export_self();
	cr_assert(Probe_Null_start(own, &call) == 0);
	until_inside(1);
	cr_expect(fly_cancel(call) == 0 && Probe_Null_finish(call) == -FLY_ECANCELLED);
	until_inside(0);
	cr_expect(atomic_load(&left_first) == UINT64_MAX && atomic_load(&left_last) == UINT64_MAX);
	cr_expect(Probe_Add(own, 1, 2, &sum) == 0 && sum == 3);
	cr_expect(!fly_cancelled() && fly_remaining() == UINT64_MAX, "not on this thread");
}

Case(worker_threads, fly_remaining__counts_down_on_a_worker)
{
	const uint64_t began_tsc = fly_clock_now_tsc();
	uint32_t ms = 10;
	int status;

	service.during = wait_until_cancelled;
	export_self();
	do { /* repeated, because on a busy machine the call is late or does not run */
		ms *= 2;
		fly_set_deadline(own, 1000 * ms);
		status = Probe_Null(own);
		cr_expect(status == -FLY_EDEADLINE || status == 0, "%s", fly_status_name(status));
		until_inside(0);
	} while (atomic_load(&left_first) == 0 && ms < 1000 * patience(5));
	cr_expect(atomic_load(&left_first) <= 1000 * ms && atomic_load(&left_first) > 0);
	cr_expect(atomic_load(&left_last) == 0);
	cr_expect(fly_clock_now_tsc() - began_tsc >= ms * fly_clock_tsc_per_ms());
}

/* fly_stop() waits for the procedure, and tells it. */
Case(worker_threads, fly_stop__waits_for_procedures_that_run)
{
	struct fly_call *call;

	service.during = wait_until_cancelled;
	export_self();
	cr_assert(Probe_Null_start(own, &call) == 0);
	until_inside(1);
	/* end() stops the runtime */
}

static _Atomic int status_inside;

static void stop_inside(void *context)
{
	(void)context;
	atomic_store(&status_inside, fly_stop(self));
}

Case(worker_threads, fly_stop__not_by_a_worker)
{
	service.during = stop_inside;
	export_self();
	cr_expect(Probe_Null(own) == 0 && atomic_load(&status_inside) == -FLY_ECONFLICT);
}

/* ---- calls from workers ---- */

static _Thread_local struct fly_binding *back; /* one per worker, made once */

/* Call back to the caller: here the runtime itself, through the thread that turns it. */
static void call_back(void *context)
{
	uint64_t sum = 0;
	int status = 0;

	(void)context;
	if (!back)
		status = fly_attach(own, &back);
	if (!status)
		status = Probe_Add(back, 40, 2, &sum);
	atomic_store(&status_inside, status ? status : sum == 42 ? 0 : 1);
}

Case(worker_threads, fly_attach__a_worker_calls_back_to_its_caller)
{
	struct fly_call *calls[2];

	service.during = call_back;
	export_self();
	for (unsigned i = 0; i < 50; i++) {
		cr_assert(Probe_Null(own) == 0);
		cr_expect(atomic_load(&status_inside) == 0, "%s",
			  fly_status_name(atomic_load(&status_inside)));
	}
	for (unsigned i = 0; i < 2; i++)
		cr_assert(Probe_Null_start(own, &calls[i]) == 0);
	for (unsigned i = 0; i < 2; i++)
		cr_expect(Probe_Null_finish(calls[i]) == 0);
	cr_expect(atomic_load(&status_inside) == 0);
	/* end() finds that the workers have ended their bindings */
}

/* ---- with pollers ---- */

static void serve_with(unsigned pollers)
{
	const char *const links[] = {SELF, NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 2047,
				      .calls = 64,
				      .call_timeout_ms = 2000,
				      .eal = EAL,
				      .pollers = pollers,
				      .wait = FLY_WAIT_YIELD};
	uint64_t sum;

	cr_assert(fly_stop(self) == 0);
	cr_assert(fly_start(&o, &self) == 0, "%s", fly_error());
	service.during = call_back;
	options.worker_cores = "0";
	export_self();
	for (unsigned i = 0; i < 100; i++) {
		cr_assert(Probe_Add(own, i, 1, &sum) == 0 && sum == i + 1);
		cr_assert(Probe_Null(own) == 0);
		cr_expect(atomic_load(&status_inside) == 0, "%s",
			  fly_status_name(atomic_load(&status_inside)));
	}
	fly_unbind(own);
}

/* ---- bindings of other runtimes ---- */

static struct fly_runtime *other;
static _Atomic int imported = 1;

/* As a middle tier does that keeps what it has bound. */
static void bind_to_the_other(void *unused)
{
	struct fly_binding *kept;
	uint64_t sum = 0;

	(void)unused;
	imported = Probe_import(other, NULL, &kept);
	if (imported == 0)
		imported = Probe_Add(kept, 1, 2, &sum);
}

/* @pollers: 0: the thread that stops the one runtime turns the other, too. */
static void keep_bindings(unsigned pollers)
{
	const char *const links[] = {"vdev:net_ring_b,ip=10.9.8.6,peer=10.9.8.6", NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 2047,
				      .eal = EAL,
				      .pollers = pollers,
				      .wait = FLY_WAIT_YIELD};
	static struct probe_service far_service;
	struct fly_call *call;

	cr_assert(fly_start(&o, &other) == 0, "%s", fly_error());
	cr_assert(Probe_export(other, &probe_procedures, &far_service) == 0);
	service.during = bind_to_the_other;
	export_self();
	cr_assert(Probe_Null_start(own, &call) == 0);
	while (!fly_ready(call)) {
		fly_turn(self);
		fly_turn(other);
	}
	cr_expect(Probe_Null_finish(call) == 0);
	cr_expect(imported == 0, "%s", fly_status_name(imported));
	cr_expect(!LIST_EMPTY(&other->group.owned.all));
	cr_expect(fly_stop(self) == 0, "%s", fly_error());
	cr_expect(LIST_EMPTY(&other->group.owned.all), "they ended with the workers");
	cr_expect(fly_stop(other) == 0, "%s", fly_error());
	start_self();
}

Case(worker_threads, keep_bindings__of_a_runtime_with_pollers)
{
	keep_bindings(1);
}

Case(worker_threads, keep_bindings__of_an_inline_runtime)
{
	keep_bindings(0);
}

Case(worker_threads, fly_export_with__at_a_runtime_that_polls_by_itself)
{
	serve_with(1);
	cr_expect(self->group.pollers[0]->n_sources > WORKERS);
}

Case(worker_threads, fly_export_with__shared_out_among_two_pollers)
{
	unsigned n = 0;

	serve_with(2);
	for (unsigned i = 0; i < 2; i++)
		n += LIST_FIRST(&self->group.pollers[i]->pools)->n;
	cr_expect(n == WORKERS);
}
