/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_workers.c - exports with threads of their own: a runtime that calls itself, whose procedures
 * run on workers. What becomes of a call at the poller is in test_worker.c, without threads.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include <numa.h>

#include "case.h"
#include "fastpath/clock.h"
#include "fastpath/worker.h"
#include "probe_service.h"
#include "slowpath/runtime.h"

#define EAL     "--no-huge -m 256"
#define SELF    "vdev:net_ring_a,ip=10.9.8.7,peer=10.9.8.7"
#define WORKERS 3
#define QUEUE   4

static char directory[] = "/tmp/firefly-workers-XXXXXX";
static struct fly_runtime *self;
static struct fly_binding *own;
static struct probe_service service;
static struct fly_export_options options;

static void begin(void)
{
	const char *const links[] = {SELF, NULL};
	const struct fly_options o = {
		.links = links, .packets = 2047, .calls = 64, .call_timeout_ms = 2000, .eal = EAL};

	cr_assert(mkdtemp(directory) != NULL);
	setenv("RUNTIME_DIRECTORY", directory, 1); /* where DPDK would leave files */
	cr_assert(fly_start(&o, &self) == 0, "%s", fly_error());
	options = (struct fly_export_options){.workers = WORKERS,
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

TestSuite(workers, .timeout = 60);

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

/* ---- options ---- */

static void expect_refused(const char *why)
{
	cr_expect(Probe_export_with(self, &probe_procedures, &service, &options) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), why), "'%s' in: %s", why, fly_error());
}

Case(workers, fly_export_with__refuses_what_it_cannot_do)
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
	cr_expect(LIST_EMPTY(&self->poller.pools) && self->poller.n_doors == 0);
	options.workers = 1;
	export_self();
	cr_expect(Probe_export_with(self, &probe_procedures, &service, &options) == -FLY_EINUSE);
	cr_expect(self->poller.n_doors == 1);
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

Case(workers, fly_export_with__procedures_run_on_workers)
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

Case(workers, fly_export_with__on_the_cores_that_were_named)
{
	service.during = note_thread;
	options.worker_cores = "0";
	export_self();
	cr_assert(Probe_Null(own) == 0);
	cr_expect(CPU_COUNT(&ran_among) == 1 && CPU_ISSET(0, &ran_among));
}

Case(workers, fly_export_with__without_workers_the_poller_runs_all)
{
	service.during = note_thread;
	options.workers = 0;
	export_self();
	cr_assert(Probe_Null(own) == 0);
	cr_expect(pthread_equal(ran_on, pthread_self()) && count(FLY_COUNT_calls_on_workers) == 0);
}

/* Several calls at a time, as many as run and wait. */
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

Case(workers, fly_export_with__workers_that_sleep)
{
	call_many(FLY_WAIT_SLEEP);
}

Case(workers, fly_export_with__workers_that_yield)
{
	call_many(FLY_WAIT_YIELD);
}
