/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_request.c - requests of other threads to a poller: a runtime with a poller thread, which a
 * request can hold.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "base/error.h"
#include "fastpath/slow.h"
#include "probe_service.h"
#include "runtime/runtime.h"
#include "threads/request.h"

#define EAL "--no-huge -m 256"

static struct fly_runtime *runtime;
static struct fly_poller *poller;
static _Atomic bool release;
static _Atomic unsigned holding;

static void begin(void)
{
	char link[64];
	const char *const links[] = {link, NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 1023,
				      .pollers = 1,
				      .wait = FLY_WAIT_SLEEP,
				      .eal = EAL};

	snprintf(link, sizeof link, "local:test-request-%d,server", (int)getpid());
	cr_assert(fly_start(&o, &runtime) == 0, "%s", fly_error());
	poller = runtime->group.pollers[0];
	atomic_store(&release, false);
}

static void end(void)
{
	atomic_store(&release, true);
	if (runtime)
		cr_expect(fly_stop(runtime) == 0, "%s", fly_error());
}

TestSuite(request, .timeout = HANG);

/* ---- a thread that ends without stopping its inline runtime ---- */

static struct fly_runtime *left;
static struct fly_binding *of_left;
static struct fly_binding *attached;
static struct probe_service left_service;
static _Atomic bool has_left;
static _Atomic bool may_leave;

static void *leave(void *unused)
{
	static const char *const links[] = {"vdev:net_ring_left,ip=10.9.8.7,peer=10.9.8.7", NULL};
	const struct fly_options o = {.size = sizeof o,
				      .links = links,
				      .packets = 2047,
				      .eal = EAL};

	(void)unused;
	cr_assert(fly_start(&o, &left) == 0, "%s", fly_error());
	cr_assert(Probe_export(left, &probe_procedures, &left_service) == 0);
	cr_assert(Probe_import(left, NULL, &of_left) == 0, "%s", fly_error());
	atomic_store(&has_left, true);
	while (!atomic_load(&may_leave))
		fly_turn(left);
	return NULL;
}

Test(request, wait_for__a_poller_whose_thread_has_ended)
{
	struct fly_binding *second = NULL;
	uint8_t data[1440];
	pthread_t thread;
	uint32_t total;

	cr_assert(pthread_create(&thread, NULL, leave, NULL) == 0);
	while (!atomic_load(&has_left))
		usleep(1000);
	cr_assert(fly_attach(of_left, &attached) == 0, "%s", fly_error());
	probe_fill(data, 1400, 7);
	cr_expect(Probe_Sum(attached, 7, data, &total) == 0);
	atomic_store(&may_leave, true);
	pthread_join(thread, NULL);
	cr_expect(fly_attach(of_left, &second) == -FLY_ESTOPPED && !second);
	cr_expect(strstr(fly_error(), "has ended") != NULL, "%s", fly_error());
	cr_expect(fly_rebind(attached) == -FLY_ESTOPPED);
	cr_expect(strstr(fly_error(), "has ended") != NULL, "%s", fly_error());
	cr_expect(fly_unbind(attached) == 0);
	cr_expect(fly_stop(left) == 0, "%s", fly_error());
}

/* One that notes what became of it. */
struct noted {
	struct fly_request request;
	_Atomic unsigned runs;
	_Atomic unsigned ends;
	int result;
};

static int run(struct fly_poller *p, void *argument)
{
	struct noted *n = argument;

	cr_expect(p == poller && fly_poller_is_here(p));
	return (int)atomic_fetch_add(&n->runs, 1) + 7;
}

/* Keeps the poller, without turning it. */
static int hold(struct fly_poller *p, void *argument)
{
	atomic_fetch_add(&holding, 1);
	while (!atomic_load(&release))
		usleep(1000);
	atomic_fetch_sub(&holding, 1);
	return run(p, argument);
}

static void done(struct fly_request *request, int result)
{
	struct noted *n = request->argument;

	n->result = result;
	atomic_fetch_add(&n->ends, 1);
}

static void post(struct noted *n, int (*function)(struct fly_poller *p, void *argument),
		 enum fly_request_when when)
{
	*n = (struct noted){.request = {.function = function, .done = done, .argument = n}};
	fly_request_post(poller, &n->request, when);
}

static void wait_for(_Atomic unsigned *what, unsigned value)
{
	for (unsigned i = 0; i < 1000 * patience(10) && atomic_load(what) != value; i++)
		usleep(1000);
	cr_assert(atomic_load(what) == value);
}

Case(request, fly_request_post__runs_once_on_the_poller_and_tells_the_result)
{
	struct noted n[2];

	post(&n[0], run, FLY_REQUEST_WITHIN);
	post(&n[1], run, FLY_REQUEST_BETWEEN);
	wait_for(&n[0].ends, 1);
	wait_for(&n[1].ends, 1);
	cr_expect(n[0].result == 7 && n[1].result == 7);
	cr_expect(atomic_load(&n[0].runs) == 1 && atomic_load(&n[1].runs) == 1);
	cr_expect(!fly_request_withdraw(poller, &n[0].request), "it is done");
}

Case(request, fly_request_withdraw__what_the_poller_has_not_begun_does_not_run)
{
	struct noted holder;
	struct noted waiting[3];

	post(&holder, hold, FLY_REQUEST_BETWEEN);
	wait_for(&holding, 1);
	post(&waiting[0], run, FLY_REQUEST_BETWEEN);
	post(&waiting[1], run, FLY_REQUEST_WITHIN);
	post(&waiting[2], run, FLY_REQUEST_BETWEEN);
	cr_expect(fly_request_withdraw(poller, &waiting[0].request));
	cr_expect(!fly_request_withdraw(poller, &waiting[0].request), "only once");
	cr_expect(fly_request_withdraw(poller, &waiting[1].request));
	cr_expect(!fly_request_withdraw(poller, &holder.request), "it runs");
	cr_expect(atomic_load(&holder.ends) == 0);
	atomic_store(&release, true);
	wait_for(&waiting[2].ends, 1);
	wait_for(&holder.ends, 1);
	cr_expect(atomic_load(&waiting[0].runs) + atomic_load(&waiting[1].runs) == 0);
	cr_expect(atomic_load(&waiting[0].ends) + atomic_load(&waiting[1].ends) == 0);
}

/* Turns the poller until all of these are done, as an import does. */
static int turn_until_done(struct fly_poller *p, void *argument)
{
	struct noted *n = argument;

	for (unsigned i = 0; i < 1000 * patience(10) && atomic_load(&n[1].ends) == 0; i++) {
		fly_poller_turn(p, fly_poller_time(p));
		usleep(1000);
	}
	return atomic_load(&n[2].ends) == 0 ? fly_fail(FLY_EBUSY, "one at a time") : 0;
}

static void *request_run(void *argument)
{
	struct noted *n = argument;

	n->result = fly_request(poller, run, n);
	atomic_fetch_add(&n->ends, 1);
	return NULL;
}

static void *request_turning(void *argument)
{
	struct noted *n = argument;

	n->result = fly_request(poller, turn_until_done, n);
	cr_expect(strcmp(fly_error(), "one at a time") == 0, "%s", fly_error());
	return NULL;
}

/* n[0] turns the poller until n[1], which was posted, is done; n[2] must wait for n[0]. */
Case(request, fly_requests_serve__what_was_posted_does_not_wait_for_one_that_turns_the_poller)
{
	struct noted n[3] = {0};
	struct noted holder;
	pthread_t threads[2];

	post(&holder, hold, FLY_REQUEST_BETWEEN);
	wait_for(&holding, 1);
	cr_assert(pthread_create(&threads[0], NULL, request_turning, n) == 0);
	usleep(20000); /* n[0] is in front of n[2] then; if not, the test sees less */
	cr_assert(pthread_create(&threads[1], NULL, request_run, &n[2]) == 0);
	atomic_store(&release, true);
	wait_for(&holder.ends, 1);
	post(&n[1], run, FLY_REQUEST_BETWEEN);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	cr_expect(n[0].result == -FLY_EBUSY, "%d", n[0].result);
	cr_expect(n[1].result == 7 && n[2].result == 7);
}

Case(request, fly_requests_close__ends_what_was_posted_and_what_comes_later)
{
	struct noted holder;
	struct noted n[3];

	post(&holder, hold, FLY_REQUEST_BETWEEN);
	wait_for(&holding, 1);
	post(&n[0], run, FLY_REQUEST_BETWEEN);
	post(&n[1], run, FLY_REQUEST_WITHIN);
	fly_requests_close(poller);
	post(&n[2], run, FLY_REQUEST_BETWEEN);
	for (unsigned i = 0; i < 3; i++) {
		cr_expect(n[i].result == -FLY_ESTOPPED && atomic_load(&n[i].ends) == 1);
		cr_expect(atomic_load(&n[i].runs) == 0);
	}
	fly_requests_open(poller);
	atomic_store(&release, true);
	wait_for(&holder.ends, 1);
	post(&n[0], run, FLY_REQUEST_BETWEEN);
	wait_for(&n[0].ends, 1);
	cr_expect(n[0].result == 7);
}

/* On the poller's thread. */
static int post_and_look(struct fly_poller *p, void *argument)
{
	struct noted *n = argument;

	fly_request_post(p, &n[0].request, FLY_REQUEST_WITHIN);
	fly_request_post(p, &n[1].request, FLY_REQUEST_BETWEEN);
	fly_slow_requests(p); /* as within a turn */
	n[0].result = (int)atomic_load(&n[0].runs);
	n[1].result = (int)atomic_load(&n[1].runs);
	return 0;
}

static void note_end(struct fly_request *request, int result)
{
	struct noted *n = request->argument;

	(void)result;
	atomic_fetch_add(&n->ends, 1);
}

Case(request, fly_slow_requests__only_what_may_be_done_within_a_turn)
{
	struct noted n[2] = {0};

	for (unsigned i = 0; i < 2; i++)
		n[i].request =
			(struct fly_request){.function = run, .done = note_end, .argument = &n[i]};
	cr_expect(fly_request(poller, post_and_look, n) == 0);
	cr_expect(n[0].result == 1 && n[1].result == 0);
	for (unsigned i = 0; i < 1000 * patience(10) && atomic_load(&n[1].ends) == 0; i++)
		usleep(1000);
	cr_expect(atomic_load(&n[1].runs) == 1 && atomic_load(&n[0].runs) == 1);
}
