/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_event.c - the descriptor that a local binding gives to an event loop: it is readable however
 * a call ends, also if nothing comes from the server.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "count_descriptors.h"
#include "apart.h"
#include "case.h"
#include "local/caller.h"
#include "probe_service.h"

static struct apart server;
static struct fly_runtime *client;
static struct fly_binding *binding;
static unsigned timeout_ms;
static unsigned lives;
static unsigned pollers;
static int fd;

static void begin(void)
{
	timeout_ms = 400 * patience(1);
	apart_init(&server, "event");
	server.a_stacks = 16;
	lives = 1;
	pollers = 0;
}

static void join(void)
{
	const char *const links[] = {server.link, NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 1023,
				      .pollers = pollers,
				      .call_timeout_ms = timeout_ms,
				      .eal = APART_EAL};

	apart_fork(&server, lives);
	apart_start(&server);
	cr_assert(fly_start(&o, &client) == 0, "%s", fly_error());
	cr_assert(Probe_import(client, NULL, &binding) == 0, "%s", fly_error());
	fd = fly_event_fd(binding);
	cr_assert(fd >= 0, "%s", fly_error());
	cr_assert(fly_event_fd(binding) == fd);
}

static void end(void)
{
	cr_expect(!client || fly_stop(client) == 0);
	apart_end(&server);
}

/* Is it readable, within so many ms? Then the eight bytes are read, as a program does. */
static bool is_told(unsigned ms)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	uint64_t n;

	if (poll(&readable, 1, (int)ms) != 1)
		return false;
	cr_expect(read(fd, &n, sizeof n) == sizeof n);
	return true;
}

/* Wait as an event loop does. Return: false: the call did not end in time. */
static bool is_ready_at_last(struct fly_call *call)
{
	while (is_told(1000 * patience(10))) {
		if (fly_ready(call))
			return true;
	}
	return false;
}

/* An event that is late, of a call that was seen before it came, wakes the loop once. */
static bool is_quiet_at_last(void)
{
	for (unsigned i = 0; i < 20; i++) {
		if (!is_told(100))
			return true;
	}
	return false;
}

TestSuite(event, .timeout = HANG);

Case(event, fly_local_event_look__results_in_any_order)
{
	struct fly_call *calls[16];
	unsigned left = 16;
	uint64_t sum;

	join();
	for (unsigned rounds = 0; rounds < 50; rounds++, left = 16) {
		for (unsigned i = 0; i < 16; i++)
			cr_assert(Probe_Add_start(binding, i, rounds, &calls[i]) == 0);
		while (left > 0) {
			cr_assert(is_told(1000 * patience(10)));
			for (unsigned k = 0; k < 16; k++) {
				const unsigned i = rounds % 2 ? k : 15 - k;

				if (!calls[i] || !fly_ready(calls[i]))
					continue;
				cr_expect(Probe_Add_finish(calls[i], &sum) == 0);
				cr_expect(sum == i + rounds);
				calls[i] = NULL;
				left--;
			}
		}
	}
	cr_expect(is_quiet_at_last());
}

Case(event, fly_local_event_look__one_call_after_the_other_and_others_between)
{
	struct fly_call *call;
	uint64_t sum;

	join();
	for (unsigned i = 0; i < 200; i++) {
		cr_assert(Probe_Add_start(binding, i, 1, &call) == 0);
		cr_assert(is_ready_at_last(call));
		cr_assert(Probe_Add_finish(call, &sum) == 0 && sum == i + 1);
		if (i % 3 == 0)
			cr_assert(Probe_Null(binding) == 0); /* waits without the descriptor */
	}
	cr_expect(is_quiet_at_last());
}

Case(event, fly_next_ready__with_deadlines_and_results)
{
	struct fly_call *call;
	unsigned ended = 0;
	uint64_t sum;

	join();
	for (unsigned rounds = 0; rounds < 20; rounds++, ended = 0) {
		for (unsigned i = 0; i < 8; i++)
			cr_assert(Probe_Add_start(binding, i, rounds, &call) == 0);
		while (ended < 8) {
			cr_assert(is_told(1000 * patience(10)));
			for (; (call = fly_next_ready(binding)) != NULL; ended++)
				cr_expect(Probe_Add_finish(call, &sum) == 0);
		}
	}
	apart_hold(&server);
	fly_set_deadline(binding, 20000);
	for (unsigned i = 0; i < 8; i++)
		cr_assert(Probe_Add_start(binding, i, 0, &call) == 0);
	for (ended = 0; ended < 8;) {
		cr_assert(is_told(1000 * patience(10)));
		for (; (call = fly_next_ready(binding)) != NULL; ended++)
			cr_expect(Probe_Add_finish(call, &sum) == -FLY_EWITHDRAWN);
	}
}

Case(event, fly_local_event_started__the_deadline_is_kept)
{
	struct fly_call *call;
	struct fly_call *other;
	struct timespec began;
	struct timespec ended;

	join();
	atomic_store(&server.page->stay, true);
	fly_set_deadline(binding, 3600000000);
	cr_assert(Probe_Null_start(binding, &other) == 0);
	clock_gettime(CLOCK_MONOTONIC, &began);
	fly_set_deadline(binding, 50000);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	cr_expect(is_ready_at_last(call));
	cr_expect(Probe_Null_finish(call) == -FLY_EWITHDRAWN, "the other one runs");
	clock_gettime(CLOCK_MONOTONIC, &ended);
	cr_expect((ended.tv_sec - began.tv_sec) * 1000 +
			  (ended.tv_nsec - began.tv_nsec) / 1000000 >=
		  49);
	cr_expect(!fly_ready(other));
	atomic_store(&server.page->stay, false);
	cr_expect(is_ready_at_last(other));
	cr_expect(Probe_Null_finish(other) == 0);
}

Case(event, find_due__a_later_deadline_of_any_call)
{
	struct fly_call *calls[16];

	timeout_ms = 3600000; /* nothing else sets the timer */
	join();
	apart_hold(&server);
	for (unsigned i = 0; i < 16; i++) {
		fly_set_deadline(binding, i < 15 ? 50000 : 200000);
		cr_assert(Probe_Null_start(binding, &calls[i]) == 0);
	}
	for (unsigned i = 0; i < 16; i++) {
		cr_expect(fly_ready(calls[i]) || is_ready_at_last(calls[i]), "call %u", i);
		cr_expect(Probe_Null_finish(calls[i]) == -FLY_EWITHDRAWN);
	}
	apart_release(&server);
}

Case(event, fly_local_event_started__the_deadline_of_a_running_call_is_kept)
{
	struct fly_call *call;

	join();
	atomic_store(&server.page->stay, true);
	fly_set_deadline(binding, 50000);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	cr_expect(is_ready_at_last(call));
	cr_expect(Probe_Null_finish(call) == -FLY_EDEADLINE ||
		  atomic_load(&server.page->executions) == 0);
	atomic_store(&server.page->stay, false);
}

Case(event, fly_local_event_tell__a_call_that_is_cancelled)
{
	struct fly_call *call;
	uint64_t sum;

	join();
	apart_hold(&server);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	cr_expect(!is_told(0) || !fly_ready(call));
	cr_expect(fly_cancel(call) == 0);
	cr_expect(is_ready_at_last(call));
	cr_expect(Probe_Null_finish(call) == -FLY_EWITHDRAWN);
	apart_release(&server);
	cr_assert(Probe_Add_start(binding, 1, 2, &call) == 0);
	cr_expect(is_ready_at_last(call) && Probe_Add_finish(call, &sum) == 0 && sum == 3);
}

Case(event, fly_local_event_look__a_stopped_server)
{
	struct fly_call *call;

	join();
	apart_stop(&server);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	cr_expect(is_ready_at_last(call));
	cr_expect(Probe_Null_finish(call) == -FLY_EWITHDRAWN);
	cr_expect(is_quiet_at_last(), "no timer while nothing is under way");
	apart_continue(&server);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	cr_expect(is_ready_at_last(call) && Probe_Null_finish(call) == 0);
}

Case(event, fly_local_event_look__a_server_that_dies)
{
	struct fly_call *call;

	join();
	atomic_store(&server.page->stay, true);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	apart_wait_for(&server, 1);
	apart_kill(&server);
	cr_expect(is_ready_at_last(call));
	cr_expect(Probe_Null_finish(call) == -FLY_EPEER);
	cr_expect(is_quiet_at_last(), "the connection stays readable, the descriptor does not");
	cr_expect(Probe_Null_start(binding, &call) == -FLY_ELINK);
}

Case(event, fly_local_event_moved__the_descriptor_stays_that_of_the_binding)
{
	struct fly_call *call;
	uint64_t sum;

	lives = 6;
	join();
	cr_assert(Probe_Null(binding) == 0);
	for (unsigned i = 0; i < 5; i++) {
		apart_kill(&server);
		cr_expect(Probe_Null(binding) < 0);
		apart_start(&server);
		cr_assert(fly_rebind(binding) == 0, "%s", fly_error());
		cr_expect(fly_event_fd(binding) == fd);
		cr_assert(Probe_Add_start(binding, i, 2, &call) == 0);
		cr_expect(is_ready_at_last(call) && Probe_Add_finish(call, &sum) == 0 &&
			  sum == i + 2);
	}
	cr_expect(is_quiet_at_last());
}

/* Nothing of the old connection is left: its server sees that its client has gone. */
Case(event, fly_local_event_moved__the_old_connection_ends)
{
	struct fly_binding *more[3];

	join();
	for (unsigned i = 0; i < 100; i++)
		cr_assert(fly_rebind(binding) == 0, "%s", fly_error()); /* 64 clients at a time */
	for (unsigned i = 0; i < 100; i++) {
		cr_assert(Probe_import(client, NULL, &more[0]) == 0, "%s", fly_error());
		cr_assert(fly_event_fd(more[0]) >= 0, "%s", fly_error());
		fly_unbind(more[0]);
	}
	cr_expect(Probe_Null(binding) == 0);
}

static void *shut_down(void *context)
{
	usleep(50000);
	fly_shutdown(context);
	return NULL;
}

Case(event, fly_local_event_tell__the_runtime_is_shut_down_by_another_thread)
{
	struct fly_call *call;
	pthread_t thread;

	pollers = 1; /* this thread turns none */
	join();
	apart_hold(&server);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	cr_assert(pthread_create(&thread, NULL, shut_down, client) == 0);
	cr_expect(is_ready_at_last(call));
	cr_expect(Probe_Null_finish(call) == -FLY_ESHUT);
	pthread_join(thread, NULL);
}

Case(event, fly_local_event_open__no_descriptor_is_left)
{
	struct rlimit limit;
	struct fly_binding *second;
	unsigned before;

	join();
	cr_assert(Probe_import(client, NULL, &second) == 0);
	before = count_descriptors();
	for (unsigned free_fds = 0; free_fds < 2; free_fds++) {
		const int lowest = dup(0);

		close(lowest);
		getrlimit(RLIMIT_NOFILE, &limit);
		const rlim_t was = limit.rlim_cur;

		limit.rlim_cur = (rlim_t)lowest + free_fds;
		setrlimit(RLIMIT_NOFILE, &limit);
		cr_expect(fly_event_fd(second) == -FLY_ESYSTEM);
		cr_expect(strstr(fly_error(), "ulimit -n") != NULL, "%s", fly_error());
		limit.rlim_cur = was;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	cr_expect(count_descriptors() == before);
	cr_expect(fly_event_fd(second) >= 0 && Probe_Null(second) == 0);
}
