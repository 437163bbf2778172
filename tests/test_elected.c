/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_elected.c - a poller that has no thread: whoever waits turns it. A shared runtime calls a
 * server on a thread of its own, over vhost; and an election by itself, among bare threads.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_lcore.h>

#include "ended_turner.h"
#include "fastpath/clock.h"
#include "threads/caller.h"
#include "threads/elected.h"
#include "threads/request.h"
#include "runtime/runtime.h"
#include "vhost_server.h"

TestSuite(elected, .timeout = HANG);

static void start(enum fly_wait wait)
{
	start_with(&(const struct fly_options){.wait = wait, .shared = true});
}

/* ---- calls ---- */

static void expect_each_once(unsigned executions)
{
	cr_expect(service.executions == executions, "%u", service.executions);
	cr_expect(fly_elected_turner(self->poller.election) == 0, "somebody has kept the turn");
}

Case(elected, fly_elected_wait__alone)
{
	start(FLY_WAIT_SPIN);
	for (unsigned i = 0; i < 100; i++)
		call_most(own, 1 + i);
	expect_each_once(700);
}

Case(elected, fly_elected_wait__several_threads_that_yield)
{
	start(FLY_WAIT_YIELD);
	on_threads(8, call_some);
	expect_each_once(8 * 700);
}

Case(elected, fly_elected_wait__several_threads_that_sleep)
{
	start(FLY_WAIT_SLEEP);
	on_threads(4, call_some);
	expect_each_once(4 * 700);
}

Case(elected, fly_elected_wait__one_turns_and_others_spin)
{
	start(FLY_WAIT_SPIN);
	on_threads(2, call_some);
	expect_each_once(2 * 700);
}

#define WINDOW 16

static void call_at_once(struct caller *c, struct fly_binding *mine)
{
	struct fly_call *calls[WINDOW];

	for (unsigned round = 0; round < 50; round++) {
		const uint32_t first = 1 + (c->number * 50 + round) * WINDOW;
		uint8_t data[1440];

		for (unsigned i = 0; i < WINDOW; i++)
			cr_assert(Probe_Fill_start(mine, first + i, &calls[i]) == 0);
		for (unsigned i = WINDOW; i-- > 0;)
			cr_assert(Probe_Fill_finish(calls[i], data) == 0 &&
				  probe_is(data, 1440, probe_sum(first + i)));
	}
}

Case(elected, fly_elected_wait__many_calls_of_each)
{
	start(FLY_WAIT_YIELD);
	on_threads(8, call_at_once);
	expect_each_once(8 * 50 * WINDOW);
	cr_expect(probe_most_runs(&service) == 1, "a call ran twice");
}

/* ---- who looks turns the poller ---- */

Case(elected, fly_elected_turn__by_who_only_looks)
{
	struct fly_call *calls[2];

	start(FLY_WAIT_SPIN);
	cr_assert(Probe_Null_start(own, &calls[0]) == 0);
	while (!fly_ready(calls[0]))
		;
	cr_assert(Probe_Null_start(own, &calls[1]) == 0);
	cr_expect(fly_next_ready(own) == calls[0]);
	while (fly_next_ready(own) != calls[1])
		;
	cr_expect(Probe_Null_finish(calls[0]) == 0 && Probe_Null_finish(calls[1]) == 0);
	cr_assert(Probe_Null_start(own, &calls[0]) == 0);
	for (unsigned received = 0; !received;)
		received = fly_turn(self);
	cr_expect(Probe_Null_finish(calls[0]) == 0);
	expect_each_once(3);
}

static void wait_for_events(struct caller *c, struct fly_binding *mine)
{
	const int fd = fly_event_fd(mine);
	unsigned finished = 0;

	(void)c;
	cr_assert(fd >= 0, "%s", fly_error());
	for (unsigned i = 0; i < 8; i++) {
		struct fly_call *call;

		cr_assert(Probe_Null_start(mine, &call) == 0);
	}
	while (finished < 8) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		struct fly_call *call;
		uint64_t n;

		cr_assert(poll(&readable, 1, 1000 * (int)patience(10)) == 1, "nobody was told");
		cr_assert(read(fd, &n, sizeof n) == sizeof n);
		while ((call = fly_next_ready(mine)) != NULL) {
			cr_expect(Probe_Null_finish(call) == 0);
			finished++;
		}
	}
	cr_expect(Probe_Null(mine) == 0);
}

/* Nobody waits for a result: another thread turns the poller. */
Case(elected, fly_event_fd__is_readable_when_calls_have_ended)
{
	start(FLY_WAIT_YIELD);
	on_threads(3, wait_for_events);
	cr_expect(service.executions == 3 * 9);
	cr_expect(Probe_Null(own) == 0, "one that waits as before");
}

/* ---- calls that end otherwise ---- */

static _Atomic bool is_held;

static void hold(void *context)
{
	(void)context;
	is_held = true;
	while (is_held)
		;
}

static void be_slow(void *context)
{
	(void)context;
	while (!fly_cancelled())
		;
}

static void set_a_deadline(struct caller *c, struct fly_binding *mine)
{
	int status;

	(void)c;
	cr_expect(fly_set_deadline(mine, 20000) == 0);
	status = Probe_Null(
		mine); /* the procedure ends when its deadline has passed, never before */
	/* The result may still be in time; on a busy machine the call may not even begin. */
	cr_expect(status == -FLY_EDEADLINE || status == -FLY_EWITHDRAWN || status == 0, "%s",
		  fly_status_name(status));
	cr_expect(fly_set_deadline(mine, 0) == 0);
}

Case(elected, fly_set_deadline__nobody_else_turns_the_poller)
{
	start(FLY_WAIT_YIELD);
	service.during = be_slow;
	on_threads(2, set_a_deadline);
	service.during = NULL;
	cr_expect(Probe_Null(own) == 0);
}

static int hold_poller(struct fly_poller *p, void *context)
{
	(void)p;
	hold(context);
	return 0;
}

static void *hold_it(void *context)
{
	fly_request(&self->poller, hold_poller, context);
	return NULL;
}

/* Another thread has the turn, and takes no call: what was handed over is taken back. */
Case(elected, fly_cancel__what_has_not_begun_never_does)
{
	struct fly_call *calls[2];
	pthread_t holder;

	start(FLY_WAIT_YIELD);
	for (unsigned i = 0; i < 2; i++)
		cr_assert(Probe_Null_start(own, &calls[i]) == 0);
	for (unsigned i = 0; i < 2; i++)
		cr_assert(Probe_Null_finish(calls[i]) == 0);
	pthread_create(&holder, NULL, hold_it, NULL);
	while (!is_held)
		;
	cr_expect(fly_elected_turner(self->poller.election) != 0 &&
		  !fly_elected_is_here(self->poller.election));
	for (unsigned i = 0; i < 2; i++)
		cr_assert(Probe_Null_start(own, &calls[i]) == 0);
	cr_expect(fly_cancel(calls[1]) == 0 && fly_ready(calls[1]));
	is_held = false;
	cr_expect(Probe_Null_finish(calls[1]) == -FLY_EWITHDRAWN);
	cr_expect(Probe_Null_finish(calls[0]) == 0);
	pthread_join(holder, NULL);
	expect_each_once(3);
}

/* The call runs at the server: cancelling asks the poller, which this thread turns itself. */
Case(elected, fly_cancel__of_a_call_that_runs)
{
	struct fly_call *call;

	start(FLY_WAIT_SLEEP);
	service.during = hold;
	cr_assert(Probe_Null_start(own, &call) == 0);
	while (!is_held)
		fly_turn(self);
	cr_expect(fly_cancel(call) == 0);
	cr_expect(Probe_Null_finish(call) == -FLY_ECANCELLED);
	service.during = NULL;
	is_held = false;
	cr_expect(Probe_Null(own) == 0);
}

/* ---- serving ---- */

/* A procedure at the server, which calls back the shared runtime: on whose thread does it run? */
static struct probe_service ours;
static uint64_t ran_on;
static struct fly_binding *inside; /* the binding in which that thread waits */
static int unbound;
static int nested;

static void ask(void *context)
{
	(void)context;
	ran_on = fly_thread_number();
	unbound = fly_unbind(inside);
	nested = Probe_Null(inside);
	cr_expect(fly_stop(self) == -FLY_ECONFLICT);
}

static void *call_back(void *context)
{
	struct fly_binding *back;

	if (Probe_import(server.r, NULL, &back))
		abort();
	*(int *)context = Probe_Null(back);
	fly_unbind(back);
	return NULL;
}

static void be_called_back(void *context)
{
	service.during = NULL;
	call_back(context);
}

Case(elected, fly_elected_wait__a_procedure_runs_on_the_thread_that_waits)
{
	int called_back = 1;

	start(FLY_WAIT_YIELD);
	cr_assert(Probe_export(self, &probe_procedures, &ours) == 0, "%s", fly_error());
	ours.during = ask;
	inside = own;
	service.during = be_called_back;
	service.during_context = &called_back;
	cr_expect(Probe_Null(own) == 0);
	cr_expect(called_back == 0, "%s", fly_status_name(called_back));
	cr_expect(ran_on == fly_thread_number());
	cr_expect(unbound == -FLY_ECONFLICT, "the wait in it is not over");
	cr_expect(nested == 0, "%s", fly_status_name(nested));
	expect_each_once(2);
}

static void *serve_self(void *context)
{
	*(int *)context = fly_serve(self);
	return NULL;
}

Case(elected, fly_elected_serve__until_told_to_quit)
{
	pthread_t thread;
	int served = 1;

	start(FLY_WAIT_YIELD);
	pthread_create(&thread, NULL, serve_self, &served);
	on_threads(2, call_some);
	while (fly_elected_turner(self->poller.election) == 0)
		; /* it serves, though nobody calls */
	fly_quit(self);
	pthread_join(thread, NULL);
	cr_expect(served == 0);
	expect_each_once(2 * 700);
}

/* A procedure of ours that serves, until another thread's call has come back. */
static void serve_within(void *context)
{
	*(int *)context = fly_serve(self);
}

static void call_and_quit(struct caller *c, struct fly_binding *mine)
{
	(void)c;
	is_held = true;
	while (is_held)
		;
	cr_expect(Probe_Null(mine) == 0);
	fly_quit(self);
}

static void let_go_and_serve(void *context)
{
	is_held = false;
	serve_within(context);
}

static void *call_and_quit_on_a_thread(void *context)
{
	on_threads(1, call_and_quit);
	return context;
}

Case(elected, fly_elected_serve__in_a_procedure_turns_the_poller)
{
	pthread_t thread;
	int served = 1;
	int called_back = 1;

	start(FLY_WAIT_YIELD);
	cr_assert(Probe_export(self, &probe_procedures, &ours) == 0, "%s", fly_error());
	pthread_create(&thread, NULL, call_and_quit_on_a_thread, NULL);
	while (!is_held)
		;
	ours.during = let_go_and_serve;
	ours.during_context = &served;
	service.during = be_called_back;
	service.during_context = &called_back;
	cr_expect(Probe_Null(own) == 0);
	pthread_join(thread, NULL);
	cr_expect(called_back == 0 && served == 0);
	expect_each_once(2);
}

/* As deep as procedures may wait: the next call would wait for its own poller for ever. */
static void ask_deepest(void *context)
{
	const bool before = fly_poller_is_deepest;

	fly_poller_is_deepest = true;
	*(int *)context = Probe_Null(own);
	fly_poller_is_deepest = before;
}

Case(elected, fly_attached_start__not_deeper_than_procedures_may_wait)
{
	int deepest = 1;
	int called_back = 1;

	start(FLY_WAIT_YIELD);
	cr_assert(Probe_export(self, &probe_procedures, &ours) == 0, "%s", fly_error());
	ours.during = ask_deepest;
	ours.during_context = &deepest;
	service.during = be_called_back;
	service.during_context = &called_back;
	cr_expect(Probe_Null(own) == 0);
	cr_expect(called_back == 0);
	cr_expect(deepest == -FLY_ECONFLICT, "%s", fly_status_name(deepest));
	expect_each_once(1);
}

static void want_events(struct caller *c, struct fly_binding *mine)
{
	(void)c;
	cr_assert(fly_event_fd(mine) >= 0, "%s", fly_error());
}

static struct fly_binding *kept;
static char local_name[48]; /* as this process has alone */

static void keep_a_binding(void *context)
{
	*(uint64_t *)context = fly_thread_number();
	cr_expect(Probe_import(self, local_name, &kept) == 0, "%s", fly_error());
}

static struct probe_service others;

static struct fly_runtime *start_local(void)
{
	char spec[64];
	const char *const links[] = {spec, NULL};
	struct fly_options options = {.size = sizeof options,
				      .links = links,
				      .pollers = 1,
				      .wait = FLY_WAIT_YIELD};
	struct fly_runtime *r;

	snprintf(local_name, sizeof local_name, "local:elected-%d", (int)getpid());
	snprintf(spec, sizeof spec, "%s,server", local_name);
	cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
	cr_assert(Probe_export(r, &probe_procedures, &others) == 0, "%s", fly_error());
	return r;
}

/* They are of a thread that ends at the stop only: the program cannot have them ended before. */
Case(elected, fly_stop__ends_bindings_of_procedures_on_the_thread_for_events)
{
	struct fly_runtime *r;
	uint64_t on = 0;
	int called_back = 1;

	start(FLY_WAIT_YIELD);
	r = start_local();
	cr_assert(Probe_export(self, &probe_procedures, &ours) == 0, "%s", fly_error());
	on_threads(1, want_events);
	while (fly_elected_turner(self->poller.election) == 0)
		;
	ours.during = keep_a_binding;
	ours.during_context = &on;
	service.during = be_called_back;
	service.during_context = &called_back;
	cr_expect(Probe_Null(own) == 0);
	cr_expect(called_back == 0 && kept);
	cr_expect(on != 0 && on != fly_thread_number());
	cr_expect(fly_stop(self) == 0, "%s", fly_error());
	self = NULL;
	cr_expect(fly_stop(r) == 0, "%s", fly_error());
}

static bool was_turned;

/* As a call that leads back: is the poller turned while its procedure waits? */
static void wait_for_a_turn(void *context)
{
	const uint64_t end_tsc = fly_clock_now_tsc() + patience(2) * fly_clock_hz();
	const uint64_t before_tsc = *(volatile uint64_t *)&self->poller.now_tsc;

	(void)context;
	while (!was_turned && fly_clock_now_tsc() < end_tsc)
		was_turned = *(volatile uint64_t *)&self->poller.now_tsc != before_tsc;
}

static void call_locally(void *context)
{
	*(int *)context = Probe_Null(kept);
}

Case(elected, fly_elected_here__is_turned_while_its_procedure_waits_for_a_local_call)
{
	struct fly_runtime *r;
	int called = 1;
	int called_back = 1;

	start(FLY_WAIT_YIELD);
	r = start_local();
	cr_assert(Probe_export(self, &probe_procedures, &ours) == 0, "%s", fly_error());
	cr_assert(Probe_import(self, local_name, &kept) == 0, "%s", fly_error());
	others.during = wait_for_a_turn;
	ours.during = call_locally;
	ours.during_context = &called;
	service.during = be_called_back;
	service.during_context = &called_back;
	cr_expect(Probe_Null(own) == 0);
	cr_expect(called_back == 0 && called == 0);
	cr_expect(was_turned, "a call that leads back would wait for ever");
	cr_expect(fly_unbind(kept) == 0);
	cr_expect(fly_stop(r) == 0, "%s", fly_error());
}

/* ---- a thread that ends with the turn ---- */

Case(elected, fly_elected_wait__frees_the_turn_of_an_ended_thread_while_it_yields)
{
	start(FLY_WAIT_YIELD);
	end_a_thread_with_the_turn(self);
	cr_expect(Probe_Null(own) == 0);
	expect_each_once(1);
}

Case(elected, fly_elected_wait__frees_the_turn_of_an_ended_thread_while_it_spins)
{
	start(FLY_WAIT_SPIN);
	end_a_thread_with_the_turn(self);
	cr_expect(Probe_Null(own) == 0);
	expect_each_once(1);
}

static void *is_turner_here(void *context)
{
	*(bool *)context = fly_thread_is_here(fly_poller_thread(&self->poller));
	return NULL;
}

/* A thread that has no number is not the one that has the turn. */
Case(elected, fly_poller_thread__is_no_thread_while_the_turn_is_free)
{
	pthread_t thread;
	bool is_here = false;

	start(FLY_WAIT_YIELD);
	pthread_create(&thread, NULL, is_turner_here, &is_here);
	pthread_join(thread, NULL);
	cr_expect(!is_here);
}

/* ---- packets ---- */

static unsigned lcore_within;

static int note_lcore(struct fly_poller *p, void *context)
{
	(void)p;
	(void)context;
	lcore_within = rte_lcore_id();
	return 0;
}

/* One number of DPDK's, for whoever has the turn: the packets in its cache stay with the poller. */
Case(elected, fly_elected_take__lends_the_number_of_the_poller)
{
	start(FLY_WAIT_YIELD);
	cr_expect(rte_lcore_id() == LCORE_ID_ANY);
	cr_expect(fly_request(&self->poller, note_lcore, NULL) == 0);
	cr_expect(lcore_within != LCORE_ID_ANY && lcore_within == self->lcore);
	cr_expect(rte_lcore_id() == LCORE_ID_ANY);
}

/* ---- options ---- */

Case(elected, fly_start__shared_without_pollers_only)
{
	static const char *const links[] = {"local:nobody", NULL};
	struct fly_options options = {.size = sizeof options,
				      .links = links,
				      .pollers = 1,
				      .shared = true};
	struct fly_runtime *r;

	cr_expect(fly_start(&options, &r) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "shared") != NULL, "%s", fly_error());
}

static void have_a_binding(struct caller *c, struct fly_binding *mine)
{
	(void)c;
	is_held = true;
	while (is_held)
		;
	cr_expect(Probe_Null(mine) == -FLY_ESHUT);
}

static void *stop_too_early(void *context)
{
	while (!is_held)
		;
	cr_expect(fly_stop(self) == -FLY_ECONFLICT);
	cr_expect(fly_shutdown(self) == 0);
	is_held = false;
	return context;
}

Case(elected, fly_stop__not_before_other_threads_have_ended_their_bindings)
{
	pthread_t thread;

	start(FLY_WAIT_SLEEP);
	pthread_create(&thread, NULL, stop_too_early, NULL);
	on_threads(1, have_a_binding);
	pthread_join(thread, NULL);
}

/* ---- an election by itself ---- */

static struct fly_poller bare;
static struct fly_election *election;

static void make_bare(void)
{
	election = fly_election_new(&bare, LCORE_ID_ANY);
	cr_assert(election != NULL);
}

static void *try(void *context)
{
	*(bool *)context = fly_elected_take(election);
	if (*(bool *)context)
		fly_elected_give(election);
	return NULL;
}

static bool can_another_take(void)
{
	pthread_t thread;
	bool has = false;

	pthread_create(&thread, NULL, try, &has);
	pthread_join(thread, NULL);
	return has;
}

Case(elected, fly_elected_take__one_thread_at_a_time)
{
	make_bare();
	cr_expect(fly_elected_is_here(election) && !can_another_take(), "ours from the beginning");
	fly_election_open(election);
	cr_expect(!fly_elected_is_here(election) && can_another_take());
	cr_expect(fly_elected_here() == NULL);
	cr_assert(fly_elected_take(election));
	cr_expect(fly_elected_here() == &bare);
	cr_expect(!fly_elected_take(election), "no more than once");
	cr_expect(!can_another_take());
	fly_elected_give(election);
	cr_expect(fly_elected_here() == NULL && can_another_take());
	fly_election_close(election);
	cr_expect(!can_another_take(), "for good");
	fly_election_free(election);
}

static _Atomic bool is_about_to_sleep;

static void *sleep_until_free(void *context)
{
	struct fly_sleeper sleeper = {0};

	while (!fly_elected_take(election)) {
		fly_elected_prepare(&sleeper);
		is_about_to_sleep = true;
		fly_elected_sleep(election, &sleeper);
		++*(unsigned *)context;
	}
	fly_elected_give(election);
	return NULL;
}

Case(elected, fly_elected_give__wakes_who_sleeps)
{
	pthread_t thread;
	unsigned naps = 0;

	make_bare();
	pthread_create(&thread, NULL, sleep_until_free, &naps);
	while (!atomic_load(&election->n_asleep))
		;
	fly_election_open(election);
	cr_expect(election->n_asleep == 0, "it was woken, and not by its clock");
	pthread_join(thread, NULL);
	cr_expect(naps >= 1);
	cr_expect(election->n_asleep == 0 && TAILQ_EMPTY(&election->sleepers));
	fly_election_free(election);
}

/* As a thread that sleeps, and does not run yet. */
static void list(struct fly_sleeper *sleeper)
{
	sleeper->is_listed = true;
	TAILQ_INSERT_TAIL(&election->sleepers, sleeper, next);
	election->n_asleep++;
}

/* Who was woken by its result takes no turn: the turn would be free, and all others asleep. */
Case(elected, fly_elected_give__wakes_one_that_still_sleeps)
{
	struct fly_sleeper has_result = {.woken = 1};
	struct fly_sleeper has_none = {0};

	make_bare();
	list(&has_result);
	list(&has_none);
	fly_election_open(election);
	cr_expect(has_none.woken == 1, "nobody turns the poller for it");
	fly_election_free(election);
}

/* A thread waits in a binding, and runs a procedure in its turn of another runtime's poller. */
Case(elected, fly_unbind__not_in_a_turn_of_another_poller)
{
	struct fly_call *call;

	start(FLY_WAIT_YIELD);
	make_bare();
	fly_election_open(election);
	cr_assert(fly_elected_take(election));
	cr_assert(Probe_Null_start(own, &call) == 0);
	bare.turning = true;
	cr_expect(fly_unbind(own) == -FLY_ECONFLICT);
	bare.turning = false;
	fly_elected_give(election);
	cr_expect(Probe_Null_finish(call) == 0);
	fly_election_free(election);
}

static void *end_with_the_turn(void *context)
{
	cr_assert(fly_elected_take(election));
	bare.turning = true;
	return context;
}

Case(elected, fly_elected_sleep__frees_the_turn_of_a_thread_that_has_ended)
{
	pthread_t thread;

	make_bare();
	fly_election_open(election);
	pthread_create(&thread, NULL, end_with_the_turn, NULL);
	pthread_join(thread, NULL);
	cr_expect(!fly_elected_take(election));
	fly_election_close(election);
	cr_expect(fly_elected_is_here(election) && !bare.turning);
	fly_election_free(election);
}
