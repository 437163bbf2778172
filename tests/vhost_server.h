/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost_server.h - a server of probe.fly on a thread of its own, over vhost, for tests of the
 * threads of its client: `self` is the client's runtime, `own` its first binding.
 */
#ifndef VHOST_SERVER_H
#define VHOST_SERVER_H

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include <firefly/runtime.h>

#include "case.h"
#include "probe_calls.h"
#include "probe_service.h"

#define EAL "--no-huge -m 256"

static char directory[] = "/tmp/firefly-threads-XXXXXX";
static struct fly_runtime *self;
static struct fly_binding *own;

static struct {
	pthread_t thread;
	pthread_barrier_t up;
	struct fly_runtime *r;
	int status;
} server;

static struct probe_service service;

static void begin(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	setenv("RUNTIME_DIRECTORY", directory, 1);
}

static uint64_t missed;

static void note(void *context, const char *name, const char *about, uint64_t value)
{
	(void)context;
	(void)about;
	if (strcmp(name, "slots_missed") == 0)
		missed = value;
}

static void stop_all(void)
{
	if (self) {
		fly_counters(self, note, NULL);
		cr_expect(missed == 0, "somebody was not seen");
		cr_expect(fly_stop(self) == 0, "%s", fly_error());
	}
	fly_quit(server.r);
	pthread_join(server.thread, NULL);
	cr_expect(server.status == 0, "packets of the server are missing");
	cr_expect(service.wrong == 0);
}

static void end(void)
{
	char command[128];

	if (server.r)
		stop_all();
	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_expect(system(command) == 0);
}

/* @how: `wait`, `pollers`, `cores` and `shared` of the runtime. */
static int start_runtime(const char *role, const struct fly_options *how, struct fly_runtime **r)
{
	char spec[128];
	const char *const links[] = {spec, NULL};
	const struct fly_options options = {
		.size = sizeof options,
		.links = links,
		.packets = 4095,
		.calls = 512,
		.eal = EAL,
		.wait = how->wait,
		.pollers = how->pollers,
		.cores = how->cores,
		.shared = how->shared,
	};

	snprintf(spec, sizeof spec, "vhost:%s/v,%s", directory, role);
	return fly_start(&options, r);
}

static void *serve_vhost(void *context)
{
	const struct fly_options how = {.wait = FLY_WAIT_YIELD};

	(void)context;
	if (start_runtime("server", &how, &server.r) ||
	    Probe_export(server.r, &probe_procedures, &service))
		abort();
	pthread_barrier_wait(&server.up);
	fly_serve(server.r);
	server.status = fly_stop(server.r);
	return NULL;
}

static void start_with(const struct fly_options *how)
{
	pthread_barrier_init(&server.up, NULL, 2);
	pthread_create(&server.thread, NULL, serve_vhost, NULL);
	pthread_barrier_wait(&server.up);
	cr_assert(start_runtime("wait=20", how, &self) == 0, "%s", fly_error());
	cr_assert(Probe_import(self, NULL, &own) == 0, "%s", fly_error());
}

/* Run a function on some threads, each with its own binding. This one only waits for them. */
struct caller {
	pthread_t thread;
	unsigned number;
	void (*run)(struct caller *c, struct fly_binding *mine);
};

static void *call(void *argument)
{
	struct caller *c = argument;
	struct fly_binding *mine;

	cr_assert(fly_attach(own, &mine) == 0, "%s", fly_error());
	c->run(c, mine);
	cr_expect(fly_unbind(mine) == 0, "%s", fly_error());
	return NULL;
}

static void on_threads(unsigned n, void (*run)(struct caller *c, struct fly_binding *mine))
{
	struct caller callers[16];

	for (unsigned i = 0; i < n; i++) {
		callers[i] = (struct caller){.number = i, .run = run};
		cr_assert(pthread_create(&callers[i].thread, NULL, call, &callers[i]) == 0);
	}
	for (unsigned i = 0; i < n; i++)
		pthread_join(callers[i].thread, NULL);
}

/* ---- calls ---- */

static void call_some(struct caller *c, struct fly_binding *mine)
{
	for (unsigned i = 0; i < 100; i++)
		call_most(mine, 1 + c->number * 100 + i);
}

#endif
