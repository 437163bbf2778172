/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_threads_caller.c - threads that call through a poller of another thread: the test's own
 * thread turns the poller, others call, and a server runs on a thread of its own, over vhost.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "case.h"
#include "fastpath/clock.h"
#include "probe_calls.h"
#include "probe_service.h"
#include "threads/caller.h"
#include "threads/request.h"
#include "runtime/runtime.h"

#define EAL "--no-huge -m 256"

static char directory[] = "/tmp/firefly-attached-XXXXXX";
static struct fly_runtime *self;
static struct fly_binding *own;

static struct {
	pthread_t thread;
	pthread_barrier_t up;
	struct fly_runtime *r;
	int missing;
} server;

static struct probe_service service;

static void begin(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	setenv("RUNTIME_DIRECTORY", directory, 1);
}

static uint64_t missed;
static uint64_t failed;

static void note(void *context, const char *name, const char *about, uint64_t value)
{
	(void)context;
	(void)about;
	if (strcmp(name, "slots_missed") == 0)
		missed = value;
	if (strcmp(name, "calls_failed") == 0)
		failed = value;
}

static void end(void)
{
	char command[128];

	fly_counters(self, note, NULL);
	cr_expect(missed == 0, "somebody was not seen");
	cr_expect(LIST_EMPTY(&self->group.owned.all));
	cr_expect(fly_stop(self) == 0, "packets are missing");
	fly_quit(server.r);
	pthread_join(server.thread, NULL);
	cr_expect(server.missing == 0, "packets of the server are missing");
	cr_expect(service.wrong == 0);
	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_expect(system(command) == 0);
}

TestSuite(threads_caller, .timeout = HANG);

static int start_runtime(const char *role, const char *keys, enum fly_wait wait,
			 struct fly_runtime **r)
{
	char spec[128];
	const char *const links[] = {spec, NULL};
	const struct fly_options options = {
		.size = sizeof options,
		.links = links,
		.packets = 4095,
		.calls = 128,
		.eal = EAL,
		.wait = wait,
	};

	snprintf(spec, sizeof spec, "vhost:%s/v,%s%s", directory, role, keys);
	return fly_start(&options, r);
}

static const char *link_keys;

static void *serve_vhost(void *context)
{
	(void)context;
	if (start_runtime("server", link_keys, FLY_WAIT_YIELD, &server.r) ||
	    Probe_export(server.r, &probe_procedures, &service))
		abort();
	pthread_barrier_wait(&server.up);
	fly_serve(server.r);
	server.missing = fly_stop(server.r);
	return NULL;
}

static void start(const char *keys, enum fly_wait wait)
{
	link_keys = keys;
	pthread_barrier_init(&server.up, NULL, 2);
	pthread_create(&server.thread, NULL, serve_vhost, NULL);
	pthread_barrier_wait(&server.up);
	cr_assert(start_runtime("wait=3", keys, wait, &self) == 0, "%s", fly_error());
	cr_assert(Probe_import(self, NULL, &own) == 0, "%s", fly_error());
}

#define WIDE   ""
#define NARROW ",mtu=300"

/* Run a function on some threads, each with its own binding, while this one turns the poller. */
struct caller {
	pthread_t thread;
	unsigned number;
	void (*run)(struct caller *c, struct fly_binding *mine);
};

static _Atomic unsigned n_running;

static void *call(void *argument)
{
	struct caller *c = argument;
	struct fly_binding *mine;

	cr_assert(fly_attach(own, &mine) == 0, "%s", fly_error());
	c->run(c, mine);
	fly_unbind(mine);
	if (atomic_fetch_sub(&n_running, 1) == 1)
		fly_quit(self);
	return NULL;
}

static void serve(unsigned n, void (*run)(struct caller *c, struct fly_binding *mine))
{
	struct caller callers[16];

	n_running = n;
	for (unsigned i = 0; i < n; i++) {
		callers[i] = (struct caller){.number = i, .run = run};
		cr_assert(pthread_create(&callers[i].thread, NULL, call, &callers[i]) == 0);
	}
	fly_serve(self);
	for (unsigned i = 0; i < n; i++)
		pthread_join(callers[i].thread, NULL);
}

/* ---- every way in which arguments and results lie ---- */

static void call_all(struct fly_binding *mine, uint32_t number)
{
	uint8_t data[500];
	uint8_t back[500];

	call_most(mine, number);
	probe_fill(data, 500, number);
	cr_expect(Probe_Mirror(mine, number, data, back) == 0);
	for (unsigned i = 0; i < 500; i++)
		cr_assert(back[499 - i] == data[i]);
}

static void call_a_few_of_all(struct caller *c, struct fly_binding *mine)
{
	for (unsigned i = 0; i < 10; i++)
		call_all(mine, 1 + c->number * 10 + i);
}

static void call_some_of_all(struct caller *c, struct fly_binding *mine)
{
	for (unsigned i = 0; i < 200; i++)
		call_all(mine, 1 + c->number * 200 + i);
}

Case(threads_caller, transporter__every_procedure)
{
	start(WIDE, FLY_WAIT_SPIN);
	serve(1, call_a_few_of_all);
	cr_expect(service.executions == 10 * 8);
}

Case(threads_caller, transporter__of_several_packets)
{
	start(NARROW, FLY_WAIT_YIELD);
	serve(1, call_some_of_all);
	cr_expect(service.executions == 200 * 8);
}

Case(threads_caller, transporter__several_threads_that_yield)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(8, call_some_of_all);
	cr_expect(service.executions == 8 * 200 * 8);
}

Case(threads_caller, transporter__several_threads_that_sleep)
{
	start(NARROW, FLY_WAIT_SLEEP);
	serve(4, call_a_few_of_all);
	cr_expect(service.executions == 4 * 10 * 8);
}

/* ---- coming and going ---- */

static void come_and_go(struct caller *c, struct fly_binding *mine)
{
	(void)mine;
	for (unsigned i = 0; i < 50; i++) {
		struct fly_binding *another;

		cr_assert(fly_attach(own, &another) == 0, "%s", fly_error());
		call_all(another, 1 + c->number * 50 + i);
		fly_unbind(another);
	}
}

Case(threads_caller, fly_attach__threads_come_and_go)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(4, come_and_go);
	cr_expect(self->poller.handoffs.n_polled == 0 && self->poller.n_sources == 0);
}

Case(threads_caller, fly_attach__not_on_the_thread_that_turns_the_poller)
{
	struct fly_binding *mine;

	start(WIDE, FLY_WAIT_SPIN);
	cr_expect(fly_attach(own, &mine) == -FLY_ECONFLICT);
	cr_expect(strstr(fly_error(), "turns the poller itself") != NULL, "%s", fly_error());
	cr_expect(fly_event_fd(own) == -FLY_EINVAL);
}

/* ---- more than one at a time ---- */

#define WINDOW 40

static void call_at_once(struct caller *c, struct fly_binding *mine)
{
	struct fly_call *calls[WINDOW];

	for (unsigned round = 0; round < 20; round++) {
		const uint32_t first = 1 + (c->number * 20 + round) * WINDOW;
		uint8_t data[1440];

		for (unsigned i = 0; i < WINDOW; i++)
			cr_assert(Probe_Fill_start(mine, first + i, &calls[i]) == 0);
		for (unsigned i = WINDOW; i-- > 0;)
			cr_assert(Probe_Fill_finish(calls[i], data) == 0 &&
				  probe_is(data, 1440, probe_sum(first + i)));
	}
}

Case(threads_caller, starter__many_at_a_time)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(2, call_at_once);
	cr_expect(service.executions == 2 * 20 * WINDOW);
}

static _Atomic bool is_held;

static void hold(void *context)
{
	(void)context;
	is_held = true;
	while (is_held)
		;
}

static void start_too_many(struct caller *c, struct fly_binding *mine)
{
	struct fly_call *calls[256];
	unsigned n = 0;
	unsigned refused = 0;

	(void)c;
	service.during = hold;
	while (n < 256 && Probe_Null_start(mine, &calls[n]) == 0)
		n++;
	cr_assert(n == 256);
	while (!is_held)
		;
	service.during = NULL;
	while (!fly_ready(calls[255]))
		; /* refused: the server is still busy with the first call */
	is_held = false;
	for (unsigned i = 0; i < n; i++) {
		const int status = Probe_Null_finish(calls[i]);

		refused += status == -FLY_ECALLS;
		cr_expect(status == 0 || status == -FLY_ECALLS);
	}
	cr_expect(refused > 0 && service.executions == n - refused);
}

Case(threads_caller, starter__more_than_the_poller_has_entries_for)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(1, start_too_many);
}

/* ---- an event loop ---- */

static void wait_for_events(struct caller *c, struct fly_binding *mine)
{
	const int fd = fly_event_fd(mine);
	struct fly_call *calls[8];
	unsigned finished = 0;

	(void)c;
	cr_assert(fd >= 0 && fly_event_fd(mine) == fd);
	for (unsigned i = 0; i < 8; i++)
		cr_assert(Probe_Null_start(mine, &calls[i]) == 0);
	while (finished < 8) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		uint64_t count;

		cr_assert(poll(&readable, 1, 1000 * (int)patience(5)) == 1, "nobody was told");
		cr_assert(read(fd, &count, sizeof count) == sizeof count);
		for (unsigned i = 0; i < 8; i++) {
			if (!calls[i] || !fly_ready(calls[i]))
				continue;
			cr_expect(Probe_Null_finish(calls[i]) == 0);
			calls[i] = NULL;
			finished++;
		}
	}
	cr_expect(Probe_Null(mine) == 0);
}

Case(threads_caller, fly_event_fd__is_readable_when_calls_have_ended)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(2, wait_for_events);
	cr_expect(service.executions == 2 * 9);
}

/* With a descriptor, and without: then it asks all the time. Calls of several packets, too. */
static void loop_over_events(struct fly_binding *mine, int fd)
{
	struct fly_call *calls[8] = {NULL};
	unsigned seen[8] = {0};
	unsigned finished = 0;
	uint8_t data[1440];

	for (uintptr_t i = 0; i < 8; i++) {
		cr_assert(Probe_Fill_start(mine, (uint32_t)i, &calls[i]) == 0);
		fly_set_cookie(calls[i], (void *)i);
	}
	while (finished < 8) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		struct fly_call *call;
		uint64_t count;

		if (fd >= 0) {
			cr_assert(poll(&readable, 1, 1000 * (int)patience(5)) == 1, "not told");
			cr_assert(read(fd, &count, sizeof count) == sizeof count);
		}
		while ((call = fly_next_ready(mine)) != NULL) {
			const uintptr_t i = (uintptr_t)fly_cookie(call);

			cr_assert(i < 8 && call == calls[i] && fly_ready(call));
			cr_assert(seen[i]++ == 0, "once");
			cr_expect(Probe_Fill_finish(call, data) == 0 &&
				  probe_is(data, 1440, probe_sum((uint32_t)i)));
			finished++;
		}
	}
	cr_expect(fly_next_ready(mine) == NULL);
}

static void take_what_is_ready(struct caller *c, struct fly_binding *mine)
{
	struct fly_call *before;
	int fd = -1;

	/* Under way, or ended, before anybody asks. */
	cr_assert(Probe_Null_start(mine, &before) == 0);
	if (c->number % 2)
		while (!fly_ready(before))
			usleep(100);
	while (fly_next_ready(mine) != before)
		usleep(100);
	cr_expect(fly_next_ready(mine) == NULL);
	for (unsigned round = 0; round < 50; round++) {
		if (round == 25)
			fd = fly_event_fd(mine);
		if (fd >= 0 && round == 25) {
			uint64_t count;

			(void)!read(fd, &count, sizeof count);
		}
		loop_over_events(mine, fd);
		cr_expect(Probe_Null(mine) == 0);
	}
	cr_expect(Probe_Null_finish(before) == 0);
}

Case(threads_caller, fly_next_ready__each_ended_call_once)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(4, take_what_is_ready);
}

/* ---- calls that end otherwise ---- */

static void be_slow(void *context)
{
	(void)context;
	while (!fly_cancelled())
		;
}

/* Wait as an event loop does. Return: false: nobody was told that the call has ended. */
static bool is_told(struct fly_binding *mine, struct fly_call *call)
{
	struct pollfd readable = {.fd = fly_event_fd(mine), .events = POLLIN};
	uint64_t count;

	while (poll(&readable, 1, 1000 * (int)patience(5)) == 1) {
		cr_assert(read(readable.fd, &count, sizeof count) == sizeof count);
		if (fly_ready(call))
			return true;
	}
	return false;
}

static void end_by_deadline(struct caller *c, struct fly_binding *mine)
{
	struct fly_call *call;
	int status;

	(void)c;
	cr_assert(fly_event_fd(mine) >= 0);
	service.during = be_slow;
	fly_set_deadline(mine, 20000);
	cr_assert(Probe_Null_start(mine, &call) == 0);
	cr_expect(is_told(mine, call));
	status = Probe_Null_finish(call);
	cr_expect(status == -FLY_EDEADLINE || status == 0, "%s", fly_status_name(status));
	service.during = NULL;
}

Case(threads_caller, fly_event_fd__is_readable_when_a_deadline_has_passed)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(1, end_by_deadline);
}

static void set_a_deadline(struct caller *c, struct fly_binding *mine)
{
	uint8_t data[1440];
	uint32_t total;
	uint64_t sum;
	int status;

	(void)c;
	service.during = be_slow;
	cr_expect(fly_set_deadline(mine, 20000) == 0);
	status = Probe_Null(mine);
	cr_expect(status == -FLY_EDEADLINE || status == 0, "%s", fly_status_name(status));
	service.during = NULL;
	cr_expect(fly_set_deadline(mine, 1000000 * patience(5)) == 0);
	cr_expect(Probe_Add(mine, 1, 2, &sum) == 0 && sum == 3);
	probe_fill(data, 1400, 7);
	cr_expect(Probe_Sum(mine, 7, data, &total) == 0 && total == probe_sum(7));
	cr_expect(fly_set_deadline(mine, 0) == 0);
	cr_expect(Probe_Sum(mine, 7, data, &total) == 0 && total == probe_sum(7));
}

Case(threads_caller, fly_set_deadline__travels_with_the_call)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(1, set_a_deadline);
}

/* Arguments of several packets: the call begins at the poller, before they are marshalled. */
static void set_a_deadline_for_long_arguments(struct caller *c, struct fly_binding *mine)
{
	uint8_t data[1440];
	uint32_t total = 0;
	struct fly_call *call;

	(void)c;
	probe_fill(data, 1400, 7);
	for (unsigned i = 0; i < 2; i++) {
		const uint32_t us = i == 0 ? 60000000 : 0;

		cr_expect(fly_set_deadline(mine, us) == 0);
		cr_assert(Probe_Sum_start(mine, 7, data, &call) == 0);
		/* The poller has set it, before it started the call for us. */
		cr_expect(((struct fly_attached_call *)(void *)call)->import->deadline_us == us);
		cr_expect(Probe_Sum_finish(call, &total) == 0 && total == probe_sum(7));
	}
}

Case(threads_caller, fly_slow_attached_start__with_the_deadline_of_the_binding)
{
	start(NARROW, FLY_WAIT_YIELD);
	serve(1, set_a_deadline_for_long_arguments);
}

/* As the stubs of long arrays do; those of Probe are short. */
static void lend_both_ways(struct fly_binding *mine, uint32_t number)
{
	uint8_t *array =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct fly_loans loans;
	struct fly_call *call;

	cr_assert(array != MAP_FAILED);
	probe_fill(array, 1400, number);
	fly_loans_init(&loans);
	loans.arguments[loans.n_arguments++] = (struct fly_loan){array, 4, 1400};
	cr_assert(fly_loans_start(&loans, mine, Probe_Sum_NUMBER, 1404, &call) == 0);
	cr_assert(loans.is_read);
	fly_put_u32(call->payload, number);
	cr_assert(mine->transporter(call) == 0);
	fly_loans_end(&loans, mine);
	cr_expect(call->length == 4 && fly_get_u32(call->payload) == probe_sum(number));
	mine->ender(call);

	memset(array, 0, 1440);
	fly_loans_init(&loans);
	loans.results[loans.n_results++] = (struct fly_loan){array, 0, 1440};
	cr_assert(fly_loans_start(&loans, mine, Probe_Fill_NUMBER, 4, &call) == 0);
	fly_put_u32(call->payload, number);
	cr_assert(mine->transporter(call) == 0);
	fly_loans_end(&loans, mine);
	cr_expect(call->length == 1440 && loans.is_stored);
	cr_expect(probe_is(array, 1440, probe_sum(number)));
	mine->ender(call);
	/* The poller has let go of it. */
	cr_assert(munmap(array, 4096) == 0);
}

static void lend(struct caller *c, struct fly_binding *mine)
{
	uint8_t data[1440];

	for (uint32_t i = 0; i < 100; i++) {
		lend_both_ways(mine, 1 + c->number * 100 + i);
		/* A call that lends nothing, through the same entry. */
		cr_expect(Probe_Fill(mine, i, data) == 0 && probe_is(data, 1440, probe_sum(i)));
	}
}

Case(threads_caller, fly_attached_loans__are_read_and_stored_by_the_poller)
{
	start(NARROW, FLY_WAIT_YIELD);
	serve(2, lend);
}

static void call_too_deep(struct caller *c, struct fly_binding *mine)
{
	struct fly_call *calls[2];

	(void)c;
	fly_poller_is_deepest = true; /* as on a poller where so many procedures wait already */
	cr_expect(Probe_Null_start(mine, &calls[0]) == -FLY_ECONFLICT);
	fly_poller_is_deepest = false;
	cr_expect(Probe_Null_start(mine, &calls[0]) == 0);
	fly_poller_is_deepest = true;
	cr_expect(Probe_Null_start(mine, &calls[1]) == -FLY_ECONFLICT, "nor with another slot");
	fly_poller_is_deepest = false;
	cr_expect(Probe_Null_finish(calls[0]) == 0);
	cr_expect(service.executions == 1);
}

Case(threads_caller, starter__so_deep_and_no_deeper)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(1, call_too_deep);
}

static int hold_poller(struct fly_poller *p, void *context)
{
	(void)p;
	hold(context);
	return 0;
}

static void *hold_it(void *context)
{
	(void)context;
	fly_request(&self->poller, hold_poller, NULL);
	return NULL;
}

static void *hold_it_within(void *context)
{
	fly_request_within(&self->poller, hold_poller, context);
	return NULL;
}

static void *release_later(void *context)
{
	usleep(100000); /* what is requested of the poller meanwhile comes before any slot */
	is_held = false;
	return context;
}

/* The poller is held for longer than the deadline: the call is not sent. */
static void wait_for_the_poller(struct caller *c, struct fly_binding *mine)
{
	const unsigned before = service.executions;
	struct fly_call *call;
	pthread_t holder;
	pthread_t releaser;

	(void)c;
	cr_expect(fly_set_deadline(mine, 50000) == 0);
	pthread_create(&holder, NULL, hold_it_within, NULL);
	while (!is_held)
		;
	cr_assert(Probe_Null_start(mine, &call) == 0);
	pthread_create(&releaser, NULL, release_later, NULL);
	cr_expect(Probe_Null_finish(call) == -FLY_EWITHDRAWN);
	cr_expect(fly_set_deadline(mine, 0) == 0);
	cr_expect(Probe_Null(mine) == 0 && service.executions == before + 1);
	pthread_join(holder, NULL);
	pthread_join(releaser, NULL);
}

/* The same for a plain call of a binding that reconnects. */
static void wait_for_the_poller_reconnecting(struct caller *c, struct fly_binding *mine)
{
	const unsigned before = service.executions;
	pthread_t holder;
	pthread_t releaser;

	(void)c;
	cr_expect(fly_set_reconnect(mine, true) == 0);
	cr_expect(fly_set_deadline(mine, 50000) == 0);
	pthread_create(&holder, NULL, hold_it_within, NULL);
	while (!is_held)
		;
	pthread_create(&releaser, NULL, release_later, NULL);
	cr_expect(Probe_Null(mine) == -FLY_EWITHDRAWN);
	cr_expect(fly_set_deadline(mine, 0) == 0);
	cr_expect(Probe_Null(mine) == 0 && service.executions == before + 1);
	pthread_join(holder, NULL);
	pthread_join(releaser, NULL);
}

Case(threads_caller, fly_set_deadline__begins_when_a_call_that_reconnects_is_started)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(1, wait_for_the_poller_reconnecting);
}

Case(threads_caller, fly_set_deadline__begins_when_the_call_is_started)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(1, wait_for_the_poller);
}

static void start_just_so_long(struct caller *c, struct fly_binding *mine)
{
	(void)c;
	for (uint32_t bytes = FLY_SLOT_BYTES - 1; bytes <= FLY_SLOT_BYTES + 1; bytes++) {
		const struct fly_attached_call *made;
		struct fly_call *call;

		cr_assert(mine->starter(mine, 0, bytes, &call) == 0);
		made = (const struct fly_attached_call *)(const void *)call;
		cr_expect((call->payload == made->line) == (bytes <= FLY_SLOT_BYTES), "%u bytes",
			  bytes);
		mine->ender(call);
	}
	cr_expect(Probe_Null(mine) == 0);
}

Case(threads_caller, starter__what_fits_into_the_slot_is_there)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(1, start_just_so_long);
}

/* As if the link took shorter packets since. */
static void rebind_narrower(struct caller *c, struct fly_binding *mine)
{
	const struct fly_attached *a = (const struct fly_attached *)(const void *)mine;
	struct fly_link *link = self->poller.links[0];
	const uint16_t most = link->payload_own;

	(void)c;
	cr_assert(a->argument_max == most && fly_link_payload(link) == most);
	link->payload_own = 500;
	cr_expect(fly_rebind(mine) == 0, "%s", fly_error());
	cr_expect(a->argument_max == 500, "%u", a->argument_max);
	link->payload_own = most;
	cr_expect(fly_rebind(mine) == 0, "%s", fly_error());
	cr_expect(a->argument_max == most && Probe_Null(mine) == 0);
}

Case(threads_caller, fly_rebind__the_link_takes_less)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(1, rebind_narrower);
}

/* As if a rebinding had taken twice the deadline, for the first of two calls. */
static void call_after_a_rebinding(struct caller *c, struct fly_binding *mine)
{
	struct fly_attached *a = (struct fly_attached *)(void *)mine;

	(void)c;
	cr_expect(fly_set_deadline(mine, 1000000 * patience(5)) == 0);
	a->lost_tsc = fly_clock_now_tsc() - 2000 * patience(5) * self->poller.tsc_per_ms;
	cr_expect(Probe_Null(mine) < 0, "its time is over");
	cr_expect(Probe_Null(mine) == 0, "the second has all of its time");
	cr_expect(fly_set_deadline(mine, 0) == 0);
}

Case(threads_caller, begin_time__a_rebinding_is_part_of_one_call)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(1, call_after_a_rebinding);
}

/* A call is handed over without a deadline. Then one is set, before the poller has seen the call.
 */
static void set_behind_call(struct caller *c, struct fly_binding *mine)
{
	uint8_t data[1440];
	uint32_t total = 0;
	struct fly_call *call;
	pthread_t holder;
	pthread_t releaser;

	(void)c;
	probe_fill(data, 1400, 7);
	pthread_create(&holder, NULL, hold_it_within, NULL);
	while (!is_held)
		;
	cr_assert(Probe_Sum_start(mine, 7, data, &call) == 0);
	pthread_create(&releaser, NULL, release_later, NULL);
	cr_expect(fly_set_deadline(mine, 1000000 * patience(5)) == 0);
	cr_expect(Probe_Sum_finish(call, &total) == 0 && total == probe_sum(7));
	/* Those that follow have it, and have none when it is taken back. */
	cr_expect(Probe_Sum(mine, 7, data, &total) == 0 && total == probe_sum(7));
	cr_expect(fly_set_deadline(mine, 0) == 0);
	cr_expect(Probe_Sum(mine, 7, data, &total) == 0 && total == probe_sum(7));
	pthread_join(holder, NULL);
	pthread_join(releaser, NULL);
}

Case(threads_caller, fly_set_deadline__behind_a_call_is_for_those_that_follow)
{
	start(WIDE, FLY_WAIT_YIELD);
	serve(1, set_behind_call);
}

Case(threads_caller, fly_set_deadline__behind_a_call_that_fills_its_packet)
{
	start(",mtu=1464", FLY_WAIT_YIELD);
	serve(1, set_behind_call);
}

/* The poller is busy and claims nothing: calls handed over stay in their slots. */
static void cancel_some(struct caller *c, struct fly_binding *mine)
{
	struct fly_call *calls[2];
	pthread_t holder;

	(void)c;
	for (unsigned i = 0; i < 2; i++) /* each in a slot of its own */
		cr_assert(Probe_Null_start(mine, &calls[i]) == 0);
	for (unsigned i = 0; i < 2; i++)
		cr_assert(Probe_Null_finish(calls[i]) == 0);
	cr_assert(fly_event_fd(mine) >= 0);
	pthread_create(&holder, NULL, hold_it, NULL);
	while (!is_held)
		;
	for (unsigned i = 0; i < 2; i++)
		cr_assert(Probe_Null_start(mine, &calls[i]) == 0);
	cr_expect(fly_cancel(calls[1]) == 0 && fly_ready(calls[1]));
	cr_expect(is_told(mine, calls[1]), "though no poller has seen it");
	cr_expect(fly_cancel(calls[1]) == -FLY_EINVAL);
	is_held = false;
	cr_expect(Probe_Null_finish(calls[1]) == -FLY_EWITHDRAWN);
	cr_expect(Probe_Null_finish(calls[0]) == 0);
	cr_expect(Probe_Null(mine) == 0, "the slot is as good as before");
	cr_expect(service.executions == 2 + 1 + 1);
	pthread_join(holder, NULL);
}

Case(threads_caller, fly_cancel__what_has_not_begun_never_does)
{
	cr_expect(fly_outcome(-FLY_EWITHDRAWN) == FLY_NOT_EXECUTED);
	start(WIDE, FLY_WAIT_YIELD);
	serve(1, cancel_some);
}

/* The poller serves the request that comes next before it looks at any slot. */
static void *release_for_a_request(void *context)
{
	while (!atomic_load(&self->poller.attention))
		usleep(100);
	is_held = false;
	return context;
}

/* As often as there are entries for calls: each comes back. */
static void cancel_long_arguments(struct caller *c, struct fly_binding *mine)
{
	uint8_t data[1440];
	uint32_t total = 0;

	(void)c;
	probe_fill(data, 1400, 7);
	for (unsigned i = 0; i < 130; i++) {
		struct fly_call *call;
		pthread_t holder;
		pthread_t releaser;

		cr_assert(mine->starter(mine, Probe_Sum_NUMBER, 1404, &call) == 0, "call %u", i);
		memset(call->payload, 0, 1404);
		pthread_create(&holder, NULL, hold_it_within, NULL);
		while (!is_held)
			;
		mine->send(call); /* the poller has the call, and does not see that */
		pthread_create(&releaser, NULL, release_for_a_request, NULL);
		cr_expect(fly_cancel(call) == 0);
		cr_expect(mine->wait(call) == -FLY_EWITHDRAWN);
		pthread_join(holder, NULL);
		pthread_join(releaser, NULL);
	}
	cr_expect(service.executions == 0);
	cr_expect(Probe_Sum(mine, 7, data, &total) == 0 && total == probe_sum(7));
}

Case(threads_caller, fly_cancel__of_long_arguments_that_were_not_sent)
{
	start(NARROW, FLY_WAIT_YIELD);
	serve(1, cancel_long_arguments);
	cr_expect(service.executions == 1);
}

static _Atomic int step;

static void wait_for_the_end(struct caller *c, struct fly_binding *mine)
{
	struct fly_binding *another;

	(void)c;
	cr_expect(Probe_Null(mine) == 0);
	step = 1;
	fly_quit(self);
	while (step == 1)
		;
	cr_expect(Probe_Null(mine) == -FLY_ESHUT);
	cr_expect(fly_attach(own, &another) == -FLY_ESTOPPED, "nobody new, either");
}

Case(threads_caller, fly_stop__not_before_other_threads_have_ended_their_bindings)
{
	struct caller c = {.run = wait_for_the_end};

	start(WIDE, FLY_WAIT_YIELD);
	n_running = 1;
	cr_assert(pthread_create(&c.thread, NULL, call, &c) == 0);
	fly_serve(self);
	cr_expect(step == 1 && fly_stop(self) == -FLY_ECONFLICT);
	cr_expect(strstr(fly_error(), "other threads still have 1 binding") != NULL, "%s",
		  fly_error());
	fly_shutdown(self);
	step = 2;
	fly_serve(self);
	pthread_join(c.thread, NULL);
}
