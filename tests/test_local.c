/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_local.c - calls over the local link between runtimes of one process: binding and refusals,
 * places of arguments and results, ends of calls, and what a client can do to its memory. The
 * server has a thread of its own, which a test can hold.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "base/system_clock.h"
#include "local/server.h"
#include "local/caller.h"
#include "probe_service.h"
#include "local/map.h"
#include "local/clerk.h"
#include "runtime/runtime.h"

#define EAL "--no-huge -m 256"

static char name[32];
static char server_spec[64];
static char client_spec[64];
static struct fly_export_options options;

struct server {
	pthread_t thread;
	pthread_barrier_t up;
	struct fly_runtime *r;
	_Atomic bool hold; /* the server's thread must not turn */
	_Atomic bool held;
	_Atomic bool quit;
	_Atomic(int (*)(void)) todo; /* by its thread, once */
	int missing;
	struct probe_service service;
};

static struct server server;
static struct fly_runtime *client;
static struct fly_binding *binding;

static struct fly_runtime *start(const char *link)
{
	const char *const links[] = {link, NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 1023,
				      .eal = EAL};
	struct fly_runtime *r = NULL;

	cr_assert(fly_start(&o, &r) == 0, "%s", fly_error());
	return r;
}

static void *serve(void *context)
{
	struct server *s = context;

	s->r = start(server_spec);
	cr_assert(Probe_export_with(s->r, &probe_procedures, &s->service, &options) == 0, "%s",
		  fly_error());
	pthread_barrier_wait(&s->up);
	while (!atomic_load(&s->quit)) {
		atomic_store(&s->held, atomic_load(&s->hold));
		if (!atomic_load(&s->held))
			fly_turn(s->r);
		if (atomic_load(&s->todo)) {
			cr_expect(atomic_load(&s->todo)() == 0, "%s", fly_error());
			atomic_store(&s->todo, NULL);
		}
	}
	s->missing = fly_stop(s->r);
	return NULL;
}

static void start_server(void)
{
	memset(&server, 0, sizeof server);
	pthread_barrier_init(&server.up, NULL, 2);
	cr_assert(pthread_create(&server.thread, NULL, serve, &server) == 0);
	pthread_barrier_wait(&server.up);
}

static void stop_server(void)
{
	atomic_store(&server.quit, true);
	pthread_join(server.thread, NULL);
	cr_expect(server.missing == 0);
}

static void hold(bool still)
{
	atomic_store(&server.hold, still);
	while (atomic_load(&server.held) != still)
		;
}

static uint64_t counter(enum fly_counter which)
{
	return fly_stats_get(&server.r->poller.stats, which);
}

/* The other side counts in its own time. */
static bool comes_to(enum fly_counter which, uint64_t value)
{
	for (unsigned i = 0; i < 1000 * patience(5) && counter(which) != value; i++)
		usleep(1000);
	return counter(which) == value;
}

static void begin(void)
{
	options = (struct fly_export_options){.size = sizeof options};
	snprintf(name, sizeof name, "test-%d", (int)getpid());
	snprintf(server_spec, sizeof server_spec, "local:%s,server", name);
	snprintf(client_spec, sizeof client_spec, "local:%s", name);
}

static void join(void)
{
	start_server();
	client = start(client_spec);
	cr_assert(Probe_import(client, NULL, &binding) == 0, "%s", fly_error());
}

static void end(void)
{
	if (client)
		cr_expect(fly_stop(client) == 0);
	cr_expect(counter(FLY_COUNT_slots_missed) == 0);
	stop_server();
}

TestSuite(local, .timeout = HANG);

static struct fly_local *raw(void)
{
	return fly_local_of(binding);
}

/* ---- calls ---- */

Case(local, transporter__every_place_of_arguments_and_results)
{
	uint8_t data[1440];
	uint8_t back[1440];
	uint64_t sum = 0;
	uint32_t result = 0;
	bool not = true;

	join();
	for (uint32_t i = 1; i <= 50; i++) {
		cr_assert(Probe_Null(binding) == 0);
		cr_assert(Probe_Add(binding, i, 40, &sum) == 0 && sum == i + 40);
		cr_assert(Probe_Fill(binding, i, data) == 0);
		cr_assert(probe_is(data, 1440, probe_sum(i)));
		probe_fill(data, 1400, i);
		cr_assert(Probe_Sum(binding, i, data, &result) == 0 && result == probe_sum(i));
		probe_fill(data, 500, i);
		cr_assert(Probe_Mirror(binding, i, data, back) == 0);
		for (unsigned k = 0; k < 500; k++)
			cr_assert(back[k] == data[499 - k]);
		cr_assert(Probe_Not(binding, true, &not ) == 0 && !not );
	}
	cr_expect(server.service.wrong == 0);
	cr_expect(counter(FLY_COUNT_calls_served) == 300);
}

/* ---- on workers ---- */

static void join_workers(void)
{
	options.workers = 2;
	options.wait = FLY_WAIT_SLEEP;
	join();
}

Case(local, fly_local_work_begin__every_place_of_arguments_and_results)
{
	uint8_t data[1440];
	uint8_t back[1440];
	uint64_t sum = 0;
	uint32_t result = 0;

	join_workers();
	for (uint32_t i = 1; i <= 20; i++) {
		cr_assert(Probe_Null(binding) == 0);
		cr_assert(Probe_Add(binding, i, 40, &sum) == 0 && sum == i + 40);
		cr_assert(Probe_Fill(binding, i, data) == 0);
		cr_assert(probe_is(data, 1440, probe_sum(i)));
		probe_fill(data, 1400, i);
		cr_assert(Probe_Sum(binding, i, data, &result) == 0 && result == probe_sum(i));
		probe_fill(data, 500, i);
		cr_assert(Probe_Mirror(binding, i, data, back) == 0);
		for (unsigned k = 0; k < 500; k++)
			cr_assert(back[k] == data[499 - k]);
		cr_expect(Probe_Raise(binding, i, data) == -FLY_ERAISED);
		cr_expect(fly_raised()->number != 0);
	}
	cr_expect(server.service.wrong == 0);
	cr_expect(counter(FLY_COUNT_calls_on_workers) == 120);
}

static _Atomic bool is_on_worker;

static void stay_until_cancelled(void *context)
{
	(void)context;
	atomic_store(&is_on_worker, true);
	while (!fly_cancelled())
		sched_yield();
	atomic_store(&is_on_worker, false);
}

static struct fly_call *start_on_worker(void)
{
	struct fly_call *call;

	join_workers();
	server.service.during = stay_until_cancelled;
	cr_assert(Probe_Null_start(binding, &call) == 0);
	while (!atomic_load(&is_on_worker))
		sched_yield();
	return call;
}

static _Atomic int import_status;

static void import_and_keep(void *context)
{
	struct fly_binding *kept;

	(void)context;
	atomic_store(&import_status, Probe_import(server.r, client_spec, &kept));
}

Case(local, fly_local_work_begin__ends_its_bindings_when_it_ends)
{
	atomic_store(&import_status, 1);
	join_workers();
	server.service.during = import_and_keep;
	cr_expect(Probe_Null(binding) == 0);
	cr_expect(atomic_load(&import_status) == 0);
	/* end() stops the server, which needs no request to another thread. */
}

Case(local, fly_local_work_begin__is_told_that_a_call_was_cancelled)
{
	struct fly_call *call = start_on_worker();
	uint64_t sum;

	cr_expect(fly_cancel(call) == 0 && Probe_Null_finish(call) == -FLY_ECANCELLED);
	cr_expect(comes_to(FLY_COUNT_calls_on_workers, 1) && !atomic_load(&is_on_worker));
	cr_expect(Probe_Add(binding, 1, 2, &sum) == 0 && sum == 3);
}

Case(local, fly_local_work_begin__is_told_that_its_client_has_gone)
{
	start_on_worker();
	cr_expect(fly_stop(client) == 0);
	client = NULL;
	cr_expect(comes_to(FLY_COUNT_calls_on_workers, 1) && !atomic_load(&is_on_worker));
	cr_expect(comes_to(FLY_COUNT_local_ended, 1));
}

Case(local, transporter__errors_of_procedures_and_of_arguments)
{
	struct fly_call *call;
	uint8_t data[1000];

	join();
	cr_expect(Probe_Raise(binding, 3, data) == -FLY_ERAISED);
	cr_expect(fly_raised()->number != 0);
	cr_assert(binding->starter(binding, Probe_Not_NUMBER, 1, &call) == 0);
	call->payload[0] = 7;
	cr_expect(binding->transporter(call) == -FLY_EMALFORMED);
	cr_assert(binding->starter(binding, 999, 0, &call) == 0);
	cr_expect(binding->transporter(call) == -FLY_ENOPROC);
	cr_assert(binding->starter(binding, Probe_Null_NUMBER, 20000, &call) == 0);
	cr_expect(binding->transporter(call) == -FLY_EMALFORMED,
		  "longer than any of its arguments");
	cr_expect(Probe_Null(binding) == 0);
	cr_expect(raw()->n_idle == raw()->memory.slots, "no slot is lost");
}

Case(local, starter__as_many_as_there_are_slots)
{
	struct fly_call *calls[FLY_ASTACK_SLOTS];
	struct fly_call *more;
	uint64_t sum = 0;

	options.a_stacks = 5;
	join();
	hold(true);
	for (unsigned i = 0; i < 5; i++)
		cr_assert(Probe_Add_start(binding, i, 1, &calls[i]) == 0);
	cr_expect(Probe_Null_start(binding, &more) == -FLY_ECALLS);
	cr_expect(strstr(fly_strerror(-FLY_ECALLS), "a_stacks") != NULL);
	cr_expect(!fly_ready(calls[0]));
	hold(false);
	for (unsigned i = 5; i-- > 0;)
		cr_expect(Probe_Add_finish(calls[i], &sum) == 0 && sum == i + 1);
	cr_expect(Probe_Null(binding) == 0);
}

Case(local, fly_cancel__what_has_not_begun_is_taken_back)
{
	struct fly_call *call;

	join();
	hold(true);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	cr_expect(fly_cancel(call) == 0);
	cr_expect(fly_cancel(call) == -FLY_EINVAL);
	cr_expect(Probe_Null_finish(call) == -FLY_EWITHDRAWN);
	fly_set_deadline(binding, 2000);
	cr_expect(Probe_Null(binding) == -FLY_EWITHDRAWN);
	fly_set_deadline(binding, 0);
	hold(false);
	cr_expect(Probe_Null(binding) == 0);
	cr_expect(server.service.executions == 1, "the others did not run");
	cr_expect(raw()->n_idle == raw()->memory.slots);
}

static _Atomic int stage;
static _Atomic uint64_t remaining;
static _Atomic bool has_learned; /* the caller's call has ended */

static void until_cancelled(void *context)
{
	(void)context;
	atomic_store(&remaining, fly_remaining());
	atomic_store(&stage, 1);
	while (!fly_cancelled())
		;
	while (!atomic_load(&has_learned)) /* no result has come: the call ends by itself */
		;
	atomic_store(&has_learned, false);
	atomic_store(&stage, 2);
}

Case(local, fly_local_give_up__a_procedure_learns_that_its_caller_has_gone)
{
	struct fly_call *call;
	int status;

	join();
	server.service.during = until_cancelled;
	atomic_store(&stage, 0);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	while (atomic_load(&stage) != 1)
		;
	cr_expect(atomic_load(&remaining) == UINT64_MAX);
	cr_expect(fly_cancel(call) == 0);
	cr_expect(Probe_Null_finish(call) == -FLY_ECANCELLED);
	atomic_store(&has_learned, true);
	while (atomic_load(&stage) != 2)
		;
	atomic_store(&stage, 0);
	fly_set_deadline(binding, 200000);
	status = Probe_Null(binding);
	atomic_store(&has_learned, true);
	cr_expect(status == -FLY_EDEADLINE, "%d", status);
	cr_expect(atomic_load(&remaining) <= 200000 && atomic_load(&remaining) > 0);
	fly_set_deadline(binding, 0);
	while (atomic_load(&stage) != 2)
		;
	server.service.during = NULL;
	for (unsigned i = 0; i < 100; i++)
		cr_expect(Probe_Null(binding) == 0);
	cr_expect(raw()->n_lost <= 2);
}

static bool becomes_ready(struct fly_call *call)
{
	for (unsigned i = 0; i < 1000 * patience(5) && !fly_ready(call); i++)
		usleep(1000);
	return fly_ready(call);
}

Case(local, set_deadline__a_call_that_has_one_keeps_it)
{
	struct fly_call *call;

	join();
	server.service.during = until_cancelled;
	atomic_store(&stage, 0);
	fly_set_deadline(binding, 20000);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	fly_set_deadline(binding, 0);
	while (atomic_load(&stage) != 1)
		;
	cr_expect(becomes_ready(call), "its time is over");
	atomic_store(&has_learned, true);
	cr_expect(Probe_Null_finish(call) == -FLY_EDEADLINE);
	while (atomic_load(&stage) != 2)
		;
	server.service.during = NULL;
	cr_expect(Probe_Null(binding) == 0);
	cr_expect(!atomic_load(&raw()->is_checked), "the plain Starter is enough");
}

Case(local, set_deadline__a_call_that_has_none_gets_none)
{
	struct fly_call *call;
	int status;

	options.a_stacks = 1;
	join();
	fly_set_deadline(binding, 20000);
	status = Probe_Null(binding); /* late, if this machine is busy */
	cr_expect(status == 0 || status == -FLY_EWITHDRAWN || status == -FLY_EDEADLINE);
	fly_set_deadline(binding, 0);
	hold(true);
	while (Probe_Null_start(binding, &call) == -FLY_ECALLS) /* the late one */
		;
	usleep(30000);
	fly_set_deadline(binding, 10000000);
	for (unsigned i = 0; i < 100; i++)
		cr_assert(!fly_ready(call), "the deadline of the call before");
	hold(false);
	cr_expect(Probe_Null_finish(call) == 0);
}

Case(local, fly_local_far_take__no_longer_than_the_deadline)
{
	const uint64_t began_ms = fly_system_clock_ms();
	struct fly_call *call;
	_Atomic uint8_t *far;

	options.a_stacks = 1;
	join();
	far = &fly_astack_head(&raw()->memory)->far[0];
	atomic_store(far, FLY_FAR_TAKEN); /* a server that does not give it back */
	raw()->timeout_ms = 1000 * patience(20);
	fly_set_deadline(binding, 20000);
	cr_expect(binding->starter(binding, Probe_Null_NUMBER, 20000, &call) == -FLY_EWITHDRAWN);
	cr_expect(fly_system_clock_ms() - began_ms < 1000 * patience(10));
	cr_expect(raw()->n_idle == 1);
	atomic_store(far, FLY_FAR_FREE);
	fly_set_deadline(binding, 0);
	cr_expect(Probe_Null(binding) == 0);
}

Case(local, find_lost__a_slot_that_was_lost_once_is_as_good_as_any)
{
	struct fly_call *call;
	int status;

	options.a_stacks = 1;
	join();
	server.service.during = until_cancelled;
	atomic_store(&stage, 0);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	while (atomic_load(&stage) != 1)
		;
	cr_expect(fly_cancel(call) == 0);
	cr_expect(Probe_Null_finish(call) == -FLY_ECANCELLED);
	cr_expect(Probe_Null(binding) == -FLY_ECALLS, "it runs yet");
	atomic_store(&has_learned, true);
	while (atomic_load(&stage) != 2)
		;
	server.service.during = NULL;
	while ((status = Probe_Null(binding)) == -FLY_ECALLS)
		sched_yield();
	cr_expect(status == 0);
	hold(true);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	cr_expect(fly_cancel(call) == 0);
	cr_expect(Probe_Null_finish(call) == -FLY_EWITHDRAWN);
	hold(false);
	cr_expect(Probe_Null(binding) == 0, "nobody has the slot");
}

Case(local, starter__so_deep_and_no_deeper)
{
	join();
	fly_poller_is_deepest = true; /* as if so many procedures were nested */
	cr_expect(Probe_Null(binding) == -FLY_ECONFLICT);
	fly_poller_is_deepest = false;
	cr_expect(Probe_Null(binding) == 0 && server.service.executions == 1);
	cr_expect(raw()->n_idle == raw()->memory.slots);
}

Case(local, fly_set_wait__by_yielding_by_sleeping_by_an_event)
{
	struct fly_call *call;
	struct pollfd p = {.events = POLLIN};
	uint64_t sum = 0;

	join();
	for (enum fly_wait wait = FLY_WAIT_SPIN; wait <= FLY_WAIT_SLEEP; wait++) {
		cr_expect(fly_set_wait(binding, wait) == 0);
		for (unsigned i = 0; i < 200; i++)
			cr_assert(Probe_Add(binding, i, wait, &sum) == 0 && sum == i + wait);
	}
	p.fd = fly_event_fd(binding);
	cr_assert(p.fd >= 0);
	cr_expect(poll(&p, 1, 0) == 0);
	cr_assert(Probe_Add_start(binding, 2, 3, &call) == 0);
	cr_expect(poll(&p, 1, 1000 * (int)patience(5)) == 1);
	cr_expect(fly_ready(call) && Probe_Add_finish(call, &sum) == 0 && sum == 5);
}

Case(local, fly_next_ready__each_ended_call_once)
{
	struct fly_call *calls[16];
	unsigned seen[16] = {0};
	struct fly_call *call;
	uint64_t sum = 0;

	join();
	cr_expect(fly_next_ready(binding) == NULL);
	for (unsigned round = 1; round <= 3; round++) {
		unsigned finished = 0;

		for (unsigned i = 0; i < 16; i++) {
			cr_assert(Probe_Add_start(binding, i, round, &calls[i]) == 0);
			cr_expect(fly_cookie(calls[i]) == NULL);
			fly_set_cookie(calls[i], &seen[i]);
		}
		cr_expect(Probe_Add_finish(calls[5], &sum) == 0, "it is not returned");
		while (finished < 15) {
			if (!(call = fly_next_ready(binding)))
				continue;
			unsigned *at = fly_cookie(call);

			cr_assert(at >= seen && at < seen + 16 && call == calls[at - seen]);
			++*at;
			finished++;
			if (round != 2) /* else later */
				cr_expect(Probe_Add_finish(call, &sum) == 0 &&
					  sum == (uint64_t)(at - seen) + round);
		}
		cr_expect(fly_next_ready(binding) == NULL);
		for (unsigned i = 0; i < 16 && round == 2; i++) {
			if (i != 5)
				cr_expect(Probe_Add_finish(calls[i], &sum) == 0);
		}
	}
	for (unsigned i = 0; i < 16; i++)
		cr_expect(seen[i] == (i == 5 ? 0 : 3));
	hold(true);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	cr_expect(fly_next_ready(binding) == NULL && fly_cancel(call) == 0);
	cr_expect(fly_next_ready(binding) == call && fly_next_ready(binding) == NULL);
	cr_expect(Probe_Null_finish(call) == -FLY_EWITHDRAWN);
	hold(false);
}

static void *call_on_thread(void *context)
{
	struct fly_binding *mine;
	unsigned long failed = 0;

	if (fly_attach(context, &mine))
		return (void *)1;
	for (unsigned i = 0; i < 500; i++)
		failed += Probe_Null(mine) != 0;
	fly_unbind(mine);
	return (void *)failed;
}

Case(local, fly_attach__another_binding_for_another_thread)
{
	pthread_t threads[3];
	void *failed;

	join();
	for (unsigned i = 0; i < 3; i++)
		cr_assert(pthread_create(&threads[i], NULL, call_on_thread, binding) == 0);
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(threads[i], &failed);
		cr_expect(failed == NULL);
	}
	cr_expect(server.service.executions == 1500);
	cr_expect(comes_to(FLY_COUNT_local_ended, 3));
}

/* ---- who is let in ---- */

static bool refuse_all(void *context, const struct fly_caller *caller)
{
	(void)context;
	return caller->size != sizeof *caller || caller->uid != getuid() || caller->pid != getpid();
}

/* fly_import() of an interface without stubs. */
static int import_by_name(struct fly_runtime *from, const char *wanted, uint32_t version,
			  const char *peer, struct fly_binding **to)
{
	const struct fly_interface interface = {FLY_STUB_VERSION, wanted, version, 0, NULL};

	return fly_import(from, &interface, peer, to);
}

Case(local, fly_local_import__refusals_say_why)
{
	const uid_t nobody[] = {12345};

	options.uids = nobody;
	options.n_uids = 1;
	start_server();
	client = start(client_spec);
	cr_expect(Probe_import(client, NULL, &binding) == -FLY_EPERM);
	cr_expect(strstr(fly_error(), "access denied") != NULL, "%s", fly_error());
	cr_expect(import_by_name(client, "Nix", 1, NULL, &binding) == -FLY_ENOEXPORT);
	cr_expect(import_by_name(client, "Probe", 99, NULL, &binding) == -FLY_EVERSION);
	cr_expect(import_by_name(client, "Binder", 1, NULL, &binding) == -FLY_ENOEXPORT);
	cr_expect(import_by_name(client, "Probe", 3, "local:nobody-at-all,wait=0", &binding) ==
		  -FLY_EPEER);
	cr_expect(server.service.executions == 0);
	for (unsigned i = 0; i < 1000 * patience(5) && fly_clerk_refused(server.r->clerk) != 4; i++)
		usleep(1000);
	cr_expect(fly_clerk_refused(server.r->clerk) == 4);
}

Case(local, fly_local_import__a_rule_of_the_program)
{
	options.allow = refuse_all;
	start_server();
	client = start(client_spec);
	cr_expect(Probe_import(client, NULL, &binding) == -FLY_EPERM);
}

Case(local, fly_local_import__as_many_as_the_link_says)
{
	struct fly_binding *second;
	struct fly_binding *third;

	strcat(server_spec, ",clients=2");
	join();
	cr_assert(Probe_import(client, NULL, &second) == 0);
	cr_expect(Probe_import(client, NULL, &third) == -FLY_EBUSY, "%s", fly_error());
	fly_unbind(second);
	cr_expect(comes_to(FLY_COUNT_local_ended, 1));
	cr_expect(Probe_import(client, NULL, &third) == 0, "%s", fly_error());
}

Case(local, fly_local_import__a_server_without_descriptors_lets_in_later)
{
	struct sockaddr_un address;
	const socklen_t length = fly_astack_address(name, &address);
	struct rlimit few;
	int taken[256];
	int n = 0;
	int early;

	join();
	cr_assert(getrlimit(RLIMIT_NOFILE, &few) == 0);
	few.rlim_cur = 256;
	cr_assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
	early = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	while (n < 256 && (taken[n] = dup(0)) >= 0)
		n++;
	cr_assert(early >= 0 && n > 0 && n < 256);
	cr_assert(connect(early, (struct sockaddr *)&address, length) == 0);
	usleep(50000); /* the clerk finds no descriptor left */
	while (n-- > 0)
		close(taken[n]);
	cr_expect(Probe_import(client, NULL, &binding) == 0, "%s", fly_error());
	cr_expect(Probe_Null(binding) == 0);
	close(early);
}

Case(local, fly_local_import__the_server_must_be_of_that_user)
{
	char peer[96];

	start_server();
	client = start(client_spec);
	snprintf(peer, sizeof peer, "%s,uid=%u", client_spec, (unsigned)getuid() + 1);
	cr_expect(Probe_import(client, peer, &binding) == -FLY_EPERM);
	snprintf(peer, sizeof peer, "%s,uid=%u", client_spec, (unsigned)getuid());
	cr_expect(Probe_import(client, peer, &binding) == 0, "%s", fly_error());
}

static void import_from_itself(void *context)
{
	struct fly_binding *none;

	(void)context;
	atomic_store(&import_status, Probe_import(server.r, client_spec, &none));
}

Case(local, fly_local_import__a_poller_cannot_bind_to_itself)
{
	atomic_store(&import_status, 1);
	join();
	server.service.during = import_from_itself;
	cr_expect(Probe_Null(binding) == 0);
	cr_expect(atomic_load(&import_status) == -FLY_ECONFLICT);
}

/* ---- a server that ends ---- */

Case(local, fly_rebind__calls_end_with_their_outcome_and_rebind_finds_the_next_server)
{
	struct fly_call *call;

	join();
	cr_expect(Probe_Null(binding) == 0);
	hold(true);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	atomic_store(&server.hold, false);
	atomic_store(&server.quit, true);
	pthread_join(server.thread, NULL);
	/* The call ran in one of the last turns, was refused, or was never seen. */
	switch (Probe_Null_finish(call)) {
	case 0:
		cr_expect(server.service.executions == 2);
		break;
	case -FLY_ELINK:
	case -FLY_ESTALE:
		cr_expect(server.service.executions == 1);
		break;
	default:
		cr_expect(false, "no such end");
	}
	cr_expect(Probe_Null(binding) == -FLY_ELINK);
	cr_expect(fly_rebind(binding) == -FLY_EPEER);
	start_server();
	cr_assert(fly_rebind(binding) == 0, "%s", fly_error());
	cr_expect(Probe_Null(binding) == 0 && server.service.executions == 1);
}

Case(local, fly_set_reconnect__the_next_call_finds_the_next_server)
{
	uint64_t sum;

	join();
	cr_expect(fly_set_reconnect(binding, true) == 0);
	cr_expect(Probe_Add(binding, 1, 2, &sum) == 0 && sum == 3);
	for (unsigned round = 0; round < 2; round++) {
		stop_server();
		usleep(2000); /* the socket is looked at once a millisecond */
		fly_set_deadline(binding, 20000);
		cr_expect(Probe_Null(binding) == -FLY_ETIMEOUT, "nobody is there");
		cr_expect(fly_outcome(-FLY_ETIMEOUT) == FLY_NOT_EXECUTED);
		fly_set_deadline(binding, 0);
		start_server();
		cr_expect(Probe_Add(binding, 3, 4, &sum) == 0 && sum == 7);
		cr_expect(server.service.executions == 1);
	}
	fly_set_reconnect(binding, false);
	stop_server();
	cr_expect(Probe_Null(binding) == -FLY_ELINK && Probe_Null(binding) == -FLY_ELINK);
	start_server();
}

static int withdraw(void)
{
	return fly_drain(server.r, 0);
}

static int export_again(void)
{
	return Probe_export(server.r, &probe_procedures, &server.service);
}

static void have_done(int (*todo)(void))
{
	atomic_store(&server.todo, todo);
	while (atomic_load(&server.todo))
		sched_yield();
}

Case(local, fly_set_reconnect__the_next_call_finds_what_is_exported_again)
{
	uint64_t sum;

	join();
	cr_expect(fly_set_reconnect(binding, true) == 0);
	cr_expect(Probe_Null(binding) == 0);
	have_done(withdraw);
	cr_expect(Probe_Null(binding) == -FLY_ESTALE);
	fly_set_deadline(binding, 20000);
	cr_expect(Probe_Null(binding) == -FLY_ENOEXPORT, "nothing is exported");
	fly_set_deadline(binding, 0);
	have_done(export_again);
	cr_expect(Probe_Add(binding, 3, 4, &sum) == 0 && sum == 7);
}

/* ---- a client that does what it likes ---- */

Case(local, serve__impossible_headers_are_refused)
{
	struct fly_slot *slot;

	join();
	cr_assert(Probe_Null(binding) == 0);
	slot = raw()->calls[1].slot;
	for (unsigned kind = 0; kind < 256; kind++) {
		static const uint32_t lengths[] = {0, 41, 8193, 67108865, UINT32_MAX};

		for (unsigned k = 0; k < 5; k++) {
			slot->kind = (uint8_t)kind;
			slot->length = lengths[k];
			slot->procedure = Probe_Null_NUMBER;
			atomic_store(&slot->state, fly_slot_next(slot, FLY_SLOT_CALL));
			atomic_fetch_or(&fly_astack_head(&raw()->memory)->bell, 2);
			while (!fly_slot_is(slot, FLY_SLOT_RESULT))
				;
			cr_assert((slot->status == 0) == (kind < 3 && k == 0), "%u %u %d", kind, k,
				  slot->status);
		}
	}
	cr_expect(counter(FLY_COUNT_drop_local_header) > 1000);
	cr_expect(Probe_Null(binding) == 0);
}

static void call_again(void *context)
{
	struct fly_slot *slot = context;

	/* From within the procedure: its own slot has another call. */
	atomic_store(&slot->state, fly_slot_next(slot, FLY_SLOT_CALL));
	fly_turn(server.r);
}

Case(local, look_again__a_slot_that_calls_while_its_call_runs_ends_the_binding)
{
	struct fly_binding *other;

	join();
	cr_assert(Probe_import(client, NULL, &other) == 0);
	cr_assert(Probe_Null(binding) == 0);
	hold(true);
	server.service.during_context = raw()->calls[0].slot;
	server.service.during = call_again;
	hold(false);
	Probe_Null(binding);
	server.service.during = NULL;
	cr_expect(comes_to(FLY_COUNT_local_revoked, 1));
	cr_expect(comes_to(FLY_COUNT_local_ended, 1));
	cr_expect(server.service.executions == 2, "%u", server.service.executions);
	cr_expect(Probe_Null(binding) == -FLY_ELINK);
	cr_expect(Probe_Null(other) == 0);
}

Case(local, answer_bell__bells_for_nothing)
{
	join();
	for (unsigned i = 0; i < 1000; i++) {
		atomic_store(&fly_astack_head(&raw()->memory)->bell, UINT64_MAX);
		cr_assert(Probe_Null(binding) == 0);
	}
	cr_expect(server.service.executions == 1000);
}

Case(local, fly_astack_make__holes_are_zeros_and_nobody_shrinks)
{
	struct fly_astack_memory m;
	int fds[FLY_ASTACK_FDS];

	join();
	cr_assert(fly_astack_make(&m, 16, false, fds) == 0);
	for (unsigned i = 0; i < FLY_ASTACK_FDS; i++) {
		cr_expect(ftruncate(fds[i], 0) != 0, "sealed");
		cr_expect(ftruncate(fds[i], 1L << 40) != 0, "sealed");
		close(fds[i]);
	}
	fly_astack_unmap(&m);
	for (unsigned i = 0; i < 100; i++) {
		cr_assert(Probe_Null(binding) == 0);
		madvise(raw()->memory.near, raw()->memory.near_bytes, MADV_REMOVE);
		madvise(raw()->memory.far, raw()->memory.far_bytes, MADV_REMOVE);
	}
	cr_expect(Probe_Null(binding) == 0);
	cr_expect(counter(FLY_COUNT_local_faults) == 0);
}

/* A SIGBUS sent by a process goes to the earlier handler; a later fault is still handled. */
Case(local, fly_astack_map__signals_that_were_sent_are_ignored_where_they_were_before)
{
	struct sigaction ours;
	struct sigaction now;

	signal(SIGBUS, SIG_IGN);
	join();
	sigaction(SIGBUS, NULL, &ours);
	raise(SIGBUS);
	sigaction(SIGBUS, NULL, &now);
	cr_expect(now.sa_sigaction == ours.sa_sigaction && ours.sa_handler != SIG_IGN);
	cr_expect(Probe_Null(binding) == 0);
}

Case(local, fly_astack_map__signals_that_were_sent_end_who_does_not_handle_them)
{
	int status = 0;
	pid_t child;

	signal(SIGBUS, SIG_DFL);
	join();
	child = fork();
	if (child == 0) {
		raise(SIGBUS);
		_exit(0);
	}
	cr_assert(child > 0 && waitpid(child, &status, 0) == child);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

/* A hugepage is punched away, and others take all free ones: touching the hole is a SIGBUS. */
Case(local, fly_astack_has_fault__a_hole_in_a_hugepage_ends_the_binding)
{
	struct fly_binding *other;
	char plain[96];
	size_t taken = 0;
	uint8_t *all;

	strcat(server_spec, ",huge");
	join();
	if (raw()->memory.near_bytes % (2UL << 20) != 0)
		cr_skip("no hugepage");
	snprintf(plain, sizeof plain, "%s", client_spec);
	cr_assert(Probe_Null(binding) == 0);
	all = mmap(NULL, 4UL << 30, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
	cr_assert(all != MAP_FAILED);
	while (taken < 4UL << 30 && madvise(all + taken, 2UL << 20, MADV_POPULATE_WRITE) == 0)
		taken += 2UL << 20;
	cr_assert(Probe_import(client, plain, &other) == 0, "%s", fly_error());
	cr_assert(raw() && fly_local_of(other)->memory.near_bytes % (2UL << 20) != 0,
		  "no hugepage is left for this one");
	hold(true);
	cr_assert(madvise(raw()->memory.near, 2UL << 20, MADV_REMOVE) == 0);
	while (madvise(all + taken, 2UL << 20, MADV_POPULATE_WRITE) == 0)
		taken += 2UL << 20; /* the page that was given back */
	hold(false);
	cr_expect(comes_to(FLY_COUNT_local_faults, 1));
	cr_expect(comes_to(FLY_COUNT_local_ended, 1));
	cr_expect(Probe_Null(other) == 0);
	cr_expect(Probe_Null(binding) < 0);
	munmap(all, 4UL << 30);
}
