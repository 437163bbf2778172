/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_elected_procedures.c - procedures that run in the turn of a shared runtime, and wait for
 * something else than that runtime: whatever they wait for may lead back to it.
 *
 * The runtime is called over a local link. This thread serves it, so all its procedures run here.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "case.h"
#include "ended_turner.h"
#include "fastpath/clock.h"
#include "probe_service.h"
#include "runtime/runtime.h"
#include "threads/elected.h"
#include "threads/request.h"

#define EAL "--no-huge -m 256"

static char directory[] = "/tmp/firefly-elected-p-XXXXXX";
static char self_name[48]; /* of local links, as this process has alone */
static char others_name[48];
static struct fly_runtime *self;            /* shared */
static struct fly_runtime *others;          /* with a poller of its own; NULL */
static struct probe_service service;        /* of self */
static struct probe_service others_service; /* of others, or of its peer */

static void begin(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	setenv("RUNTIME_DIRECTORY", directory, 1);
	snprintf(self_name, sizeof self_name, "local:elected-p-%d", (int)getpid());
	snprintf(others_name, sizeof others_name, "local:elected-po-%d", (int)getpid());
}

static void stop(struct fly_runtime **r)
{
	if (*r)
		cr_expect(fly_stop(*r) == 0, "%s", fly_error());
	*r = NULL;
}

static void end(void)
{
	char command[128];

	stop(&self);
	stop(&others);
	cr_expect(service.wrong == 0 && others_service.wrong == 0);
	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_expect(system(command) == 0);
}

TestSuite(elected_procedures, .timeout = HANG);

/* @shared: turned by who waits; else @pollers of its own, or none: by this thread. */
static struct fly_runtime *start(const char *link, bool shared, unsigned pollers)
{
	const char *const links[] = {link, NULL};
	const struct fly_options options = {
		.size = sizeof options,
		.links = links,
		.packets = 4095,
		.calls = 512,
		.eal = EAL,
		.wait = FLY_WAIT_YIELD,
		.pollers = pollers,
		.shared = shared,
	};
	struct fly_runtime *r;

	cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
	return r;
}

static struct fly_runtime *start_local(const char *name, bool shared, unsigned pollers)
{
	char link[64];

	snprintf(link, sizeof link, "%s,server", name);
	return start(link, shared, pollers);
}

static void start_self(void)
{
	self = start_local(self_name, true, 0);
	cr_assert(Probe_export(self, &probe_procedures, &service) == 0, "%s", fly_error());
}

static void start_others(unsigned workers)
{
	const struct fly_export_options options = {.size = sizeof options,
						   .workers = workers,
						   .a_stacks = 64,
						   .wait = FLY_WAIT_SLEEP};

	others = start_local(others_name, false, 1);
	cr_assert(Probe_export_with(others, &probe_procedures, &others_service, &options) == 0,
		  "%s", fly_error());
}

/* ---- a peer of `others` over vhost, on a thread of its own ---- */

static struct {
	pthread_t thread;
	pthread_barrier_t up;
	struct fly_runtime *r;
} peer;

static void *serve_vhost(void *context)
{
	char link[64];

	snprintf(link, sizeof link, "vhost:%s/v,server", directory);
	peer.r = start(link, false, 0);
	cr_assert(Probe_export(peer.r, &probe_procedures, &others_service) == 0);
	pthread_barrier_wait(&peer.up);
	fly_serve(peer.r);
	cr_expect(fly_stop(peer.r) == 0, "%s", fly_error());
	return context;
}

static void start_peer(void)
{
	char link[64];

	pthread_barrier_init(&peer.up, NULL, 2);
	pthread_create(&peer.thread, NULL, serve_vhost, NULL);
	pthread_barrier_wait(&peer.up);
	snprintf(link, sizeof link, "vhost:%s/v,wait=20", directory);
	others = start(link, false, 1);
}

static void stop_peer(void)
{
	stop(&others);
	fly_quit(peer.r);
	pthread_join(peer.thread, NULL);
}

/* ---- running something in a procedure of a runtime that this thread serves ---- */

static void *call_once(void *context)
{
	struct fly_runtime *r = context;
	struct fly_binding *b;

	cr_assert(Probe_import(others, self_name, &b) == 0, "%s", fly_error());
	cr_expect(Probe_Null(b) == 0);
	fly_unbind(b);
	fly_quit(r);
	return NULL;
}

static void in_procedure_of(struct fly_runtime *r, void (*function)(void *context), void *context)
{
	pthread_t thread;

	service.during = function;
	service.during_context = context;
	pthread_create(&thread, NULL, call_once, r);
	cr_expect(fly_serve(r) == 0, "%s", fly_error());
	pthread_join(thread, NULL);
	service.during = NULL;
}

/* As a call that leads back: is the poller turned while its procedure waits? */
static struct fly_poller *watched;
static _Atomic bool was_turned;

static void wait_for_a_turn(void *context)
{
	const volatile uint64_t *now_tsc = &watched->now_tsc;
	const uint64_t end_tsc = fly_clock_now_tsc() + patience(2) * fly_clock_hz();
	const uint64_t before_tsc = *now_tsc;

	(void)context;
	while (!was_turned && fly_clock_now_tsc() < end_tsc)
		was_turned = *now_tsc != before_tsc;
}

static struct fly_binding *kept; /* of this thread */

static void call_kept(void *context)
{
	*(int *)context = Probe_Null(kept);
}

/* ---- over bindings of attached callers ---- */

static void call_an_attached_binding(enum fly_wait wait)
{
	int called = 1;

	start_peer();
	start_self();
	cr_assert(Probe_import(others, NULL, &kept) == 0, "%s", fly_error());
	cr_expect(fly_set_wait(kept, wait) == 0);
	watched = &self->poller;
	others_service.during = wait_for_a_turn;
	in_procedure_of(self, call_kept, &called);
	cr_expect(called == 0, "%s", fly_status_name(called));
	cr_expect(was_turned, "a call that leads back would wait for its time-out");
	cr_expect(fly_unbind(kept) == 0);
	stop_peer();
}

Case(elected_procedures, fly_slow_attached_wait__turns_it_while_it_spins)
{
	call_an_attached_binding(FLY_WAIT_SPIN);
}

Case(elected_procedures, fly_slow_attached_wait__turns_it_while_it_sleeps)
{
	call_an_attached_binding(FLY_WAIT_SLEEP);
}

/* An inline runtime that was started after the binding was made is this thread's as well. */
Case(elected_procedures, fly_slow_attached_wait__turns_an_inline_runtime_that_is_newer)
{
	int called = 1;

	start_peer();
	cr_assert(Probe_import(others, NULL, &kept) == 0, "%s", fly_error());
	cr_expect(fly_set_wait(kept, FLY_WAIT_SPIN) == 0);
	self = start_local(self_name, false, 0);
	cr_assert(Probe_export(self, &probe_procedures, &service) == 0, "%s", fly_error());
	watched = &self->poller;
	others_service.during = wait_for_a_turn;
	in_procedure_of(self, call_kept, &called);
	cr_expect(called == 0 && was_turned);
	stop(&self);
	others_service.during = NULL;
	cr_expect(Probe_Null(kept) == 0, "and turns none that was stopped");
	cr_expect(fly_unbind(kept) == 0);
	stop_peer();
}

/* ---- over local links ---- */

/* To and fro: a procedure here calls a worker there, which calls back. Workers do not nest. */
static unsigned depth;
static unsigned n_refused;
static unsigned n_failed;

static void go_there(void *context)
{
	int status;

	(void)context;
	depth++;
	status = Probe_Null(kept);
	n_refused += status == -FLY_ECONFLICT;
	n_failed += status != 0 && status != -FLY_ECONFLICT;
}

static void come_back(void *context)
{
	struct fly_binding *b;
	int status;

	(void)context;
	status = Probe_import(others, self_name, &b);
	if (status == 0) {
		status = Probe_Null(b);
		fly_unbind(b);
	}
	n_failed += status != 0;
}

Case(elected_procedures, fly_local_start__so_deep_and_no_deeper)
{
	start_self();
	start_others(FLY_NESTED_MAX + 4);
	cr_assert(Probe_import(self, others_name, &kept) == 0, "%s", fly_error());
	others_service.during = come_back;
	in_procedure_of(self, go_there, NULL);
	cr_expect(n_refused == 1, "%u", n_refused);
	cr_expect(n_failed == 0, "%u", n_failed);
	cr_expect(depth == FLY_NESTED_MAX + 1, "%u", depth);
	cr_expect(self->poller.nested == 0 && !fly_poller_is_deepest);
	others_service.during = NULL;
	cr_expect(Probe_Null(kept) == 0, "and all is as before");
	cr_expect(fly_unbind(kept) == 0);
}

/* The thread waits in this binding below: to free it would take its memory away. */
static int unbound;

static void end_kept(void *context)
{
	(void)context;
	unbound = fly_unbind(kept);
}

static void call_and_be_called(void *context)
{
	service.during = end_kept;
	call_kept(context);
}

Case(elected_procedures, fly_unbind__not_a_local_binding_that_waits)
{
	int called = 1;

	start_self();
	start_others(2);
	cr_assert(Probe_import(self, others_name, &kept) == 0, "%s", fly_error());
	others_service.during = come_back;
	in_procedure_of(self, call_and_be_called, &called);
	cr_expect(unbound == -FLY_ECONFLICT, "%s", fly_status_name(unbound));
	cr_expect(called == 0 && n_failed == 0);
	cr_expect(fly_unbind(kept) == 0, "%s", fly_error());
}

static void bind_to_self(void *context)
{
	struct fly_binding *b;

	*(int *)context = Probe_import(self, self_name, &b);
}

Case(elected_procedures, fly_import__not_in_a_procedure_of_the_same_runtime)
{
	int status = 1;

	start_self();
	start_others(0);
	in_procedure_of(self, bind_to_self, &status);
	cr_expect(status == -FLY_ECONFLICT, "%s", fly_status_name(status));
}

static struct fly_runtime *third;

static void stop_third(void *context)
{
	*(int *)context = fly_stop(third);
}

/* Its workers would never be told, and the wait for them never end. */
Case(elected_procedures, fly_stop__not_of_a_runtime_with_threads_in_a_procedure_of_another)
{
	const struct fly_export_options options = {.size = sizeof options, .workers = 1};
	char name[64];
	int status = 1;

	start_self();
	start_others(0);
	snprintf(name, sizeof name, "%s-third", others_name);
	third = start_local(name, false, 1);
	cr_assert(Probe_export_with(third, &probe_procedures, &others_service, &options) == 0);
	in_procedure_of(self, stop_third, &status);
	cr_expect(status == -FLY_ECONFLICT, "%s", fly_status_name(status));
	cr_expect(strstr(fly_error(), "procedure") != NULL, "%s", fly_error());
	stop(&third);
}

/* The thread's number of DPDK is that of the poller whose turn it has: to give it back is no good.
 */
Case(elected_procedures, fly_stop__not_of_an_inline_runtime_in_a_procedure_of_a_shared_one)
{
	int status = 1;

	start_peer();
	start_self();
	third = start_local(others_name, false, 0);
	in_procedure_of(self, stop_third, &status);
	cr_expect(status == -FLY_ECONFLICT, "%s", fly_status_name(status));
	stop(&third);
	stop_peer();
}

/* ---- while a binding is bound again ---- */

static void *watch(void *context)
{
	wait_for_a_turn(context);
	return NULL;
}

static void call_and_be_watched(void *context)
{
	pthread_t thread;

	pthread_create(&thread, NULL, watch, NULL);
	call_kept(context);
	pthread_join(thread, NULL);
}

Case(elected_procedures, fly_reconnect__turns_it_between_two_tries)
{
	struct fly_runtime *gone;
	char name[64];
	int called = 0;

	start_self();
	start_others(0);
	snprintf(name, sizeof name, "%s-gone", others_name);
	gone = start_local(name, false, 1);
	cr_assert(Probe_export(gone, &probe_procedures, &others_service) == 0);
	cr_assert(Probe_import(self, name, &kept) == 0, "%s", fly_error());
	cr_expect(fly_set_reconnect(kept, true) == 0);
	cr_expect(fly_set_deadline(kept, 1000000) == 0);
	stop(&gone);
	watched = &self->poller;
	in_procedure_of(self, call_and_be_watched, &called);
	cr_expect(fly_outcome(called) == FLY_NOT_EXECUTED, "%s", fly_status_name(called));
	cr_expect(was_turned, "whoever starts the server again may wait for this runtime");
	cr_expect(fly_unbind(kept) == 0);
}

/* ---- the turn of a thread that has ended ---- */

static int do_nothing(struct fly_poller *p, void *done)
{
	(void)p;
	*(bool *)done = true;
	return 0;
}

Case(elected_procedures, fly_request_within__by_a_thread_that_turns_another_poller)
{
	struct fly_runtime *own;
	bool is_done = false;

	start_self();
	own = start_local(others_name, false, 0);
	cr_assert(fly_poller_mine() == &own->poller);
	end_a_thread_with_the_turn(self);
	alarm(patience(20)); /* a wait that does not end fails soon */
	cr_expect(fly_request_within(&self->poller, do_nothing, &is_done) == 0);
	cr_expect(is_done);
	alarm(0);
	stop(&own);
}

Case(elected_procedures, fly_elected_turn__frees_the_turn_of_an_ended_thread)
{
	const uint64_t end_tsc = fly_clock_now_tsc() + patience(10) * fly_clock_hz();

	start_self();
	end_a_thread_with_the_turn(self);
	while (fly_elected_turner(self->poller.election) && fly_clock_now_tsc() < end_tsc)
		fly_turn(self);
	cr_expect(fly_elected_turner(self->poller.election) == 0, "who looks waits for ever");
}
