/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_park_nested.c - procedures that call other runtimes while they run, also their own caller:
 * two runtimes over vhost, each on a thread of its own that turns its poller.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include "case.h"
#include "probe_service.h"
#include "runtime/runtime.h"

static char directory[] = "/tmp/firefly-nested-XXXXXX";

/* One of the two. */
static struct side {
	struct fly_runtime *r;
	struct fly_binding *other; /* bound to the other side's Probe */
	struct probe_service service;
	int missing;
} near, far;

static pthread_t thread;
static pthread_barrier_t up;

static int start(struct side *side, const char *role)
{
	char spec[96];
	const char *const links[] = {spec, NULL};
	const struct fly_options options = {
		.size = sizeof options,
		.links = links,
		.packets = 4095,
		.calls = 64,
		.eal = "--no-huge -m 256",
		.call_timeout_ms = 20000,
	};

	snprintf(spec, sizeof spec, "vhost:%s/v,%s", directory, role);
	if (fly_start(&options, &side->r))
		return -1;
	return Probe_export(side->r, &probe_procedures, &side->service);
}

static void *serve(void *context)
{
	(void)context;
	if (start(&far, "server"))
		abort();
	pthread_barrier_wait(&up);
	fly_serve(far.r);
	far.missing = fly_stop(far.r);
	return NULL;
}

static void begin(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	setenv("RUNTIME_DIRECTORY", directory, 1);
	pthread_barrier_init(&up, NULL, 2);
	pthread_create(&thread, NULL, serve, NULL);
	pthread_barrier_wait(&up);
	cr_assert(start(&near, "wait=3") == 0, "%s", fly_error());
	cr_assert(Probe_import(near.r, NULL, &near.other) == 0, "%s", fly_error());
}

static void end(void)
{
	char command[96];

	fly_quit(far.r);
	pthread_join(thread, NULL);
	cr_expect(fly_stop(near.r) == 0 && far.missing == 0, "packets are missing");
	cr_expect(near.service.wrong == 0 && far.service.wrong == 0);
	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_expect(system(command) == 0);
}

TestSuite(park_nested, .timeout = HANG);

static int status_inside;
static uint64_t sum_inside;

/* On the far side: in a procedure that the near side called. */
static void call_back(void *context)
{
	(void)context;
	status_inside = Probe_import(far.r, NULL, &far.other);
	if (status_inside == 0)
		status_inside = Probe_Add(far.other, 20, 22, &sum_inside);
}

Case(park_nested, fly_slow_turn_parking__a_procedure_calls_its_caller)
{
	far.service.during = call_back;
	cr_expect(Probe_Null(near.other) == 0);
	cr_expect(status_inside == 0 && sum_inside == 42, "%s", fly_status_name(status_inside));
	far.service.during = NULL;
	cr_expect(Probe_Null(near.other) == 0, "and all is as before");
	cr_expect(far.service.executions == 2 && near.service.executions == 1);
}

/* To and fro, each call nested in the one before, up to the limit. */
static unsigned depth;
static unsigned n_refused;
static unsigned n_failed;

static void go_deeper(void *context)
{
	struct side *side = context;
	int status;

	depth++;
	status = Probe_Null(side->other);
	n_refused += status == -FLY_ECONFLICT;
	n_failed += status != 0 && status != -FLY_ECONFLICT;
}

Case(park_nested, fly_slow_start__so_deep_and_no_deeper)
{
	far.service.during = call_back;
	cr_assert(Probe_Null(near.other) == 0 && status_inside == 0);
	near.service.executions = far.service.executions = 0;
	near.service.during = far.service.during = go_deeper;
	near.service.during_context = &near;
	far.service.during_context = &far;
	cr_expect(Probe_Null(near.other) == 0);
	cr_expect(n_refused == 1 && n_failed == 0);
	cr_expect(depth >= 2 * FLY_NESTED_MAX && depth <= 2 * FLY_NESTED_MAX + 2, "%u", depth);
	cr_expect(near.service.executions + far.service.executions == depth);
	near.service.during = far.service.during = NULL;
	cr_expect(Probe_Null(near.other) == 0);
}

/* On the far side: calls the near side while the near side calls this one. */
static void call_many(void *context)
{
	uint64_t sum;

	(void)context;
	for (unsigned i = 1; i < 200 && status_inside == 0; i++)
		status_inside = Probe_Add(far.other, i, i, &sum);
}

Case(park_nested, fly_slow_turn_parking__others_are_served_meanwhile)
{
	struct fly_call *calls[8];
	uint64_t sum;

	far.service.during = call_back;
	cr_assert(Probe_Null(near.other) == 0 && status_inside == 0);
	far.service.during = call_many;
	cr_assert(Probe_Null_start(near.other, &calls[0]) == 0);
	for (unsigned i = 1; i < 8; i++)
		cr_assert(Probe_Add_start(near.other, 1000 + i, 1, &calls[i]) == 0);
	for (unsigned i = 8; i-- > 1;)
		cr_expect(Probe_Add_finish(calls[i], &sum) == 0 && sum == 1001 + i);
	cr_expect(Probe_Null_finish(calls[0]) == 0);
	cr_expect(status_inside == 0 && near.service.executions == 200);
}
