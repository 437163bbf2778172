/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_silence.c - local calls to a server that says nothing: its process is stopped, or its poller
 * does not turn.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apart.h"
#include "case.h"
#include "local/caller.h"
#include "probe_service.h"

static struct apart server;
static struct fly_runtime *client;
static struct fly_binding *binding;
static unsigned timeout_ms;

static void begin(void)
{
	timeout_ms = 400 * patience(1);
	apart_init(&server, "silence");
}

/* After one call. */
static void join(void)
{
	const char *const links[] = {server.link, NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 1023,
				      .call_timeout_ms = timeout_ms,
				      .eal = APART_EAL};

	apart_fork(&server, 1);
	apart_start(&server);
	cr_assert(fly_start(&o, &client) == 0, "%s", fly_error());
	cr_assert(Probe_import(client, NULL, &binding) == 0, "%s", fly_error());
	cr_assert(Probe_Null(binding) == 0);
}

static void end(void)
{
	cr_expect(!client || fly_stop(client) == 0);
	apart_end(&server);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

TestSuite(silence, .timeout = HANG);

Case(silence, fly_local_listen__a_stopped_server_has_not_begun_the_call)
{
	uint64_t began;

	join();
	apart_stop(&server);
	for (enum fly_wait wait = FLY_WAIT_SPIN; wait <= FLY_WAIT_SLEEP; wait++) {
		fly_set_wait(binding, wait);
		began = now_ms();
		cr_expect(Probe_Null(binding) == -FLY_EWITHDRAWN);
		cr_expect(now_ms() - began >= timeout_ms - 1);
	}
	apart_continue(&server);
	cr_expect(Probe_Null(binding) == 0);
	cr_expect(atomic_load(&server.page->executions) == 2, "the others did not run");
	cr_expect(fly_local_of(binding)->n_idle == server.a_stacks);
}

Case(silence, fly_local_listen__a_call_that_a_stopped_server_runs_ends_as_maybe)
{
	struct fly_call *call;
	int status;

	server.a_stacks = 1;
	join();
	atomic_store(&server.page->stay, true);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	apart_wait_for(&server, 2);
	apart_stop(&server);
	cr_expect(Probe_Null_finish(call) == -FLY_EPEER);
	cr_expect(Probe_Null(binding) == -FLY_ECALLS, "the server has the slot yet");
	atomic_store(&server.page->stay, false);
	apart_continue(&server);
	while ((status = Probe_Null(binding)) == -FLY_ECALLS)
		usleep(1000);
	cr_expect(status == 0);
	cr_expect(atomic_load(&server.page->executions) == 3);
}

Case(silence, fly_local_listen__a_long_procedure_is_no_silence)
{
	struct fly_call *call;

	join();
	atomic_store(&server.page->stay, true);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	apart_wait_for(&server, 2);
	for (const uint64_t began = now_ms(); now_ms() - began < 3 * timeout_ms;) {
		cr_assert(!fly_ready(call));
		usleep(1000);
	}
	atomic_store(&server.page->stay, false);
	cr_expect(Probe_Null_finish(call) == 0);
}

/* The clerk is heard, but the poller is what must take the call. */
Case(silence, fly_local_listen__a_poller_that_does_not_turn_has_not_begun_the_call)
{
	struct fly_call *call;
	uint64_t began;

	join();
	apart_hold(&server);
	began = now_ms();
	cr_assert(Probe_Null_start(binding, &call) == 0);
	while (!fly_ready(call))
		usleep(100);
	cr_expect(now_ms() - began >= timeout_ms - 1);
	cr_expect(Probe_Null_finish(call) == -FLY_EWITHDRAWN);
	apart_release(&server);
	cr_expect(Probe_Null(binding) == 0 && atomic_load(&server.page->executions) == 2);
}

/* Stopped together, suspended, or only busy: however long, that is one silent quarter. */
Case(silence, fly_local_listen__a_client_that_was_away_gives_the_server_time)
{
	struct fly_call *call;

	join();
	apart_hold(&server);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	for (unsigned i = 0; i < 40; i++)
		fly_ready(call);
	usleep(2 * timeout_ms * 1000);
	for (unsigned i = 0; i < 40; i++)
		cr_expect(!fly_ready(call));
	apart_release(&server);
	cr_expect(Probe_Null_finish(call) == 0);
}

Case(silence, fly_local_listen__a_call_has_all_of_its_time)
{
	struct fly_call *first;
	struct fly_call *second;
	uint64_t began;

	join();
	apart_stop(&server);
	cr_assert(Probe_Null_start(binding, &first) == 0);
	for (began = now_ms(); now_ms() - began < timeout_ms * 3 / 4;)
		fly_ready(first);
	began = now_ms();
	cr_assert(Probe_Null_start(binding, &second) == 0);
	cr_expect(Probe_Null_finish(second) == -FLY_EWITHDRAWN);
	cr_expect(now_ms() - began >= timeout_ms - 1, "silence before it began is not its own");
	cr_expect(Probe_Null_finish(first) == -FLY_EWITHDRAWN);
}

Case(silence, fly_local_silence_init__importing_takes_no_longer)
{
	struct fly_binding *another;
	uint64_t began;

	join();
	apart_stop(&server);
	began = now_ms();
	cr_expect(Probe_import(client, NULL, &another) == -FLY_EPEER);
	cr_expect(strstr(fly_error(), "has not answered for") != NULL, "%s", fly_error());
	cr_expect(now_ms() - began >= timeout_ms && now_ms() - began < 1000 * patience(5));
	cr_expect(fly_rebind(binding) == -FLY_EPEER);
	cr_expect(strstr(fly_error(), "has not answered for") != NULL, "%s", fly_error());
	apart_continue(&server);
	cr_expect(Probe_Null(binding) == 0, "as before");
}

/* It was stopped while its clerk gave the memory back to the system. */
Case(silence, fly_local_far_take__a_stopped_server_has_it)
{
	struct fly_call *call;
	uint64_t began;

	join();
	apart_stop(&server);
	for (unsigned i = 0; i < server.a_stacks; i++)
		atomic_store(&fly_astack_head(&fly_local_of(binding)->memory)->far[i],
			     FLY_FAR_TAKEN);
	began = now_ms();
	cr_expect(binding->starter(binding, 0, 20000, &call) == -FLY_EWITHDRAWN);
	cr_expect(now_ms() - began >= timeout_ms - 1);
	cr_expect(fly_local_of(binding)->n_idle == server.a_stacks);
	for (unsigned i = 0; i < server.a_stacks; i++)
		atomic_store(&fly_astack_head(&fly_local_of(binding)->memory)->far[i],
			     FLY_FAR_FREE);
	apart_continue(&server);
	cr_assert(binding->starter(binding, 0, 20000, &call) == 0);
	cr_expect(binding->transporter(call) == -FLY_EMALFORMED, "longer than any of Null");
}
