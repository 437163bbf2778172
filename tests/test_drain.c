/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_drain.c - how a server ends whose procedures run on workers: fly_drain(), fly_stop(), and
 * results that are lost on the way. The server is inline: the test's thread turns it. All that the
 * client does is on a thread of its own, so that it goes on while the test is in fly_drain().
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "local/server.h"
#include "probe_service.h"
#include "runtime/runtime.h"
#include "threads/caller.h"

#define EAL "--no-huge -m 256"

static char directory[] = "/tmp/firefly-drain-XXXXXX";
static char server_link[96];
static char client_link[96];
static struct fly_runtime *server;
static struct fly_runtime *client;
static struct probe_service service;
static const struct fly_export_options options = {.size = sizeof options,
						  .workers = 1,
						  .queue = 4,
						  .wait = FLY_WAIT_YIELD};

static void begin(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	setenv("RUNTIME_DIRECTORY", directory, 1); /* DPDK would leave files there */
	snprintf(server_link, sizeof server_link, "vhost:%s/v,server", directory);
	snprintf(client_link, sizeof client_link, "vhost:%s/v", directory);
}

static void end(void)
{
	char command[128];

	if (server)
		cr_expect(fly_stop(server) == 0, "%s", fly_error());
	cr_expect(fly_stop(client) == 0, "%s", fly_error());
	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_expect(system(command) == 0);
}

TestSuite(drain, .timeout = HANG);

/* ---- the procedure --------------------------------------------------------------------------- */

static _Atomic unsigned inside;
static _Atomic bool may_end;

static void stay_inside(void *context)
{
	(void)context;
	atomic_fetch_add(&inside, 1);
	while (!atomic_load(&may_end))
		sched_yield();
}

/* ---- the client, on a thread of its own ------------------------------------------------------ */

static pthread_t thread;
static _Atomic bool are_out; /* the calls have been started, and the first one runs */
static struct fly_binding *binding;
static struct fly_call *calls[2];
static unsigned n_calls;
static int statuses[2];
static int new_status;
static int import_status;
static int rebind_status;

static uint64_t at_client(enum fly_counter which)
{
	return fly_stats_get(&client->group.pollers[0]->stats, which);
}

/* The binder tells when the export has been withdrawn. */
static void until_withdrawn(void)
{
	struct fly_binding *other;

	while ((import_status = Probe_import(client, NULL, &other)) == 0)
		fly_unbind(other);
}

/* The call has been probed since, and its server has answered: by what it knows of the call. */
static void until_probed(unsigned times)
{
	const uint64_t before = at_client(FLY_COUNT_probes_sent);
	const uint64_t end_s = (uint64_t)time(NULL) + patience(10);

	while (at_client(FLY_COUNT_probes_sent) < before + times &&
	       !fly_slot_is(&((struct fly_attached_call *)(void *)calls[0])->handoff.slot,
			    FLY_SLOT_RESULT) &&
	       (uint64_t)time(NULL) < end_s)
		usleep(1000);
}

static void start_calls(void)
{
	if (Probe_import(client, NULL, &binding))
		return;
	for (unsigned i = 0; i < n_calls; i++)
		statuses[i] = Probe_Null_start(binding, &calls[i]);
	while (atomic_load(&inside) == 0)
		sched_yield();
	atomic_store(&are_out, true);
}

static _Atomic bool may_unbind;

static void finish_calls_but_keep(void)
{
	for (unsigned i = 0; i < n_calls; i++)
		statuses[i] = Probe_Null_finish(calls[i]);
}

static void finish_calls(void)
{
	finish_calls_but_keep();
	fly_unbind(binding);
}

/* Start a runtime on each side, and wait until @n calls of the client run or wait at the server. */
static void call_from(void *(*client_thread)(void *), unsigned n)
{
	const char *const at_server[] = {server_link, NULL};
	const char *const at_client_side[] = {client_link, NULL};
	const struct fly_options serves = {.size = sizeof serves,
					   .links = at_server,
					   .packets = 2047,
					   .eal = EAL};
	const struct fly_options client_options = {.size = sizeof client_options,
						   .links = at_client_side,
						   .packets = 2047,
						   .calls = 64,
						   .eal = EAL,
						   .pollers = 1,
						   .wait = FLY_WAIT_YIELD};

	n_calls = n;
	if (!service.during)
		service.during = stay_inside;
	cr_assert(fly_start(&serves, &server) == 0, "%s", fly_error());
	cr_assert(Probe_export_with(server, &probe_procedures, &service, &options) == 0);
	cr_assert(fly_start(&client_options, &client) == 0, "%s", fly_error());
	cr_assert(pthread_create(&thread, NULL, client_thread, NULL) == 0);
	while (!atomic_load(&are_out) ||
	       server->poller.n_on_workers + fly_local_works(&server->poller) < n)
		fly_turn(server);
}

/* ---- fly_stop() ------------------------------------------------------------------------------ */

static unsigned probes = 2;

/* The procedure ends after its caller has asked some times, while the server is in fly_stop(). */
static void *end_it_while_stopping(void *unused)
{
	(void)unused;
	start_calls();
	while (!server->poller.is_shut)
		usleep(1000);
	until_probed(probes);
	atomic_store(&may_end, true);
	finish_calls();
	return NULL;
}

Case(drain, fly_stop__results_of_workers_are_sent_before_the_end)
{
	call_from(end_it_while_stopping, 1);
	cr_expect(fly_stop(server) == 0, "%s", fly_error());
	server = NULL;
	pthread_join(thread, NULL);
	cr_expect(statuses[0] == 0, "%s", fly_status_name(statuses[0]));
	cr_expect(service.executions == 1);
}

/* ---- a result that is lost ------------------------------------------------------------------- */

static uint16_t (*driver_tx)(struct fly_link *link, struct rte_mbuf **packets, uint16_t n);
static _Atomic unsigned to_lose;

/* Lose so many packets with results. */
static uint16_t lossy_tx(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *frame = fly_packet_frame(packets[i]);

		if (packets[i]->data_len >= FLY_PAYLOAD &&
		    (frame[FLY_RPC] & 0xf) == FLY_PACKET_RESULT && atomic_load(&to_lose)) {
			atomic_fetch_sub(&to_lose, 1);
			rte_pktmbuf_free(packets[i]);
		} else if (driver_tx(link, &packets[i], 1) == 0) {
			return i;
		}
	}
	return n;
}

static void lose_results(unsigned n)
{
	struct fly_link *link = &server->ports.at[0]->link;

	driver_tx = link->tx_burst;
	atomic_store(&to_lose, n);
	link->tx_burst = lossy_tx;
}

/* The caller asks after twice as long each time: after so many times it does not for seconds. */
Case(drain, fly_stop__a_lost_result_is_sent_again)
{
	probes = 11;
	call_from(end_it_while_stopping, 1);
	lose_results(2);
	cr_expect(fly_stop(server) == 0, "%s", fly_error());
	server = NULL;
	pthread_join(thread, NULL);
	cr_expect(atomic_load(&to_lose) == 0);
	cr_expect(statuses[0] == 0, "%s", fly_status_name(statuses[0]));
	cr_expect(service.executions == 1);
}

/* ---- fly_drain() ----------------------------------------------------------------------------- */

static void *call_anew_while_draining(void *unused)
{
	(void)unused;
	start_calls();
	until_withdrawn();
	new_status = Probe_Null(binding);
	until_probed(2);
	atomic_store(&may_end, true);
	for (unsigned i = 0; i < n_calls; i++)
		statuses[i] = Probe_Null_finish(calls[i]);
	rebind_status = fly_rebind(binding);
	fly_unbind(binding);
	return NULL;
}

Case(drain, fly_drain__no_new_calls_and_the_rest_ends)
{
	call_from(call_anew_while_draining, 2);
	cr_expect(fly_drain(server, 0) == 0, "%s", fly_error());
	cr_expect(server->poller.n_on_workers == 0 && service.executions == 2);
	while (pthread_tryjoin_np(thread, NULL) != 0)
		fly_turn(server);
	cr_expect(statuses[0] == 0, "it ran: %s", fly_status_name(statuses[0]));
	cr_expect(statuses[1] == 0, "it waited: %s", fly_status_name(statuses[1]));
	cr_expect(new_status == -FLY_ESTALE, "%s", fly_status_name(new_status));
	cr_expect(fly_outcome(new_status) == FLY_NOT_EXECUTED);
	cr_expect(import_status == -FLY_ENOEXPORT && rebind_status == -FLY_ENOEXPORT);
	cr_expect(service.executions == 2);
	cr_expect(fly_drain(server, 0) == 0, "there is nothing left to do");
	cr_expect(Probe_export_with(server, &probe_procedures, &service, &options) == 0,
		  "the runtime still runs");
}

static void *finish_late(void *unused)
{
	(void)unused;
	start_calls();
	finish_calls();
	return NULL;
}

Case(drain, fly_drain__takes_no_longer_than_it_may)
{
	call_from(finish_late, 2);
	cr_expect(fly_drain(server, 20) == -FLY_ETIMEOUT);
	cr_expect(strstr(fly_error(), "2 call(s) still run or wait after 20 ms") != NULL, "%s",
		  fly_error());
	fly_quit(server);
	cr_expect(fly_drain(server, 0) == -FLY_ETIMEOUT, "fly_quit() ends it");
	atomic_store(&may_end, true);
	cr_expect(fly_drain(server, 1000 * patience(10)) == 0, "%s", fly_error());
	pthread_join(thread, NULL);
	cr_expect(statuses[0] == 0 && statuses[1] == 0);
}

static int status_inside;

static void drain_inside(void *context)
{
	(void)context;
	status_inside = fly_drain(server, 0);
	stay_inside(NULL);
}

Case(drain, fly_drain__not_from_within_a_procedure_nor_of_nothing)
{
	service.during = drain_inside;
	call_from(finish_late, 1);
	cr_expect(fly_drain(NULL, 0) == -FLY_EINVAL);
	atomic_store(&may_end, true);
	cr_expect(fly_drain(server, 0) == 0);
	pthread_join(thread, NULL);
	cr_expect(status_inside == -FLY_ECONFLICT && statuses[0] == 0);
}

/* ---- results of before ----------------------------------------------------------------------- */

static _Atomic bool has_result;

static void *get_a_long_result(void *unused)
{
	uint8_t data[1440];

	(void)unused;
	start_calls();
	finish_calls_but_keep();
	statuses[1] = Probe_Fill(binding, 7, data);
	atomic_store(&has_result, true);
	while (!atomic_load(&may_unbind))
		usleep(1000);
	fly_unbind(binding);
	return NULL;
}

/* Its caller has it, and says so with its next call: it is not asked. */
Case(drain, is_awaited__not_what_was_there_before)
{
	atomic_store(&may_end, true);
	call_from(get_a_long_result, 1);
	while (!atomic_load(&has_result))
		fly_turn(server);
	for (const uint64_t end_ms = server->poller.now_ms + 5; server->poller.now_ms < end_ms;)
		fly_turn(server);
	cr_assert(server->poller.conversations.n_retained == 1);
	cr_expect(fly_drain(server, 0) == 0, "%s", fly_error());
	cr_expect(fly_stats_get(&server->poller.stats, FLY_COUNT_probes_sent) == 0);
	atomic_store(&may_unbind, true);
	pthread_join(thread, NULL);
	cr_expect(statuses[0] == 0 && statuses[1] == 0);
}

/* ---- over a local link ----------------------------------------------------------------------- */

static void go_local(void)
{
	snprintf(server_link, sizeof server_link, "local:fly-drain-%d,server", (int)getpid());
	snprintf(client_link, sizeof client_link, "local:fly-drain-%d", (int)getpid());
}

static void *call_anew_locally(void *unused)
{
	(void)unused;
	start_calls();
	until_withdrawn();
	new_status = Probe_Null(binding);
	atomic_store(&may_end, true);
	finish_calls();
	return NULL;
}

Case(drain, fly_drain__over_a_local_link)
{
	go_local();
	call_from(call_anew_locally, 2);
	cr_expect(fly_drain(server, 0) == 0, "%s", fly_error());
	cr_expect(fly_stop(server) == 0, "%s", fly_error());
	server = NULL;
	pthread_join(thread, NULL);
	cr_expect(statuses[0] == 0, "it ran: %s", fly_status_name(statuses[0]));
	cr_expect(statuses[1] == 0, "it waited: %s", fly_status_name(statuses[1]));
	cr_expect(new_status == -FLY_ESTALE, "%s", fly_status_name(new_status));
	cr_expect(import_status == -FLY_ENOEXPORT, "%s", fly_status_name(import_status));
	cr_expect(service.executions == 2);
}
