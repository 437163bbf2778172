/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * links.c - a server with several pollers goes and comes back, again and again, while threads call
 * it through a client with several pollers. Each poller of both gives up its link of the port, and
 * gets it back; in between, the control thread closes and opens the port.
 */
#include <pthread.h>
#include <unistd.h>

#include <firefly/firefly.h>

#include "probe.h"
#include "probe_service.h"
#include "threads.h"

#define CALLERS 3
#define POLLERS 2

static struct fly_runtime *client;
static _Atomic bool is_over;
static _Atomic uint64_t returned;
static _Atomic uint64_t failed;

static bool is_about_peer(int status)
{
	return status == -FLY_EPEER || status == -FLY_ESTALE_MAYBE || status == -FLY_ELINK ||
	       status == -FLY_ESTALE || status == -FLY_ENOEXPORT;
}

/* Runs on any poller; counts nothing. */
static int add(void *context, uint64_t a, uint64_t b, uint64_t *sum)
{
	(void)context;
	*sum = a + b;
	return 0;
}

static struct fly_runtime *start_server(void)
{
	static struct Probe_procedures procedures; /* the same at each start */
	struct fly_runtime *server = threads_start("vhost:%s/v,server", POLLERS, FLY_WAIT_YIELD);

	procedures = probe_procedures;
	procedures.Add = add;
	threads_must(Probe_export(server, &procedures, NULL) == 0, "export: %s", fly_error());
	return server;
}

/* Call until the test is over; import again whenever the server has gone. */
static void *call(void *unused)
{
	struct fly_binding *binding = NULL;
	uint32_t number = 0;

	(void)unused;
	while (!is_over) {
		uint64_t sum = 0;
		int status;

		if (!binding && Probe_import(client, NULL, &binding)) {
			usleep(1000);
			continue;
		}
		status = Probe_Add(binding, ++number, 1, &sum);
		if (status == 0) {
			threads_check(sum == number + 1, "%lu", (unsigned long)sum);
			returned++;
			continue;
		}
		threads_check(is_about_peer(status), "%s", fly_strerror(status));
		failed++;
		fly_unbind(binding);
		binding = NULL;
	}
	if (binding)
		fly_unbind(binding);
	return NULL;
}

/* Wait until the callers have made some calls. */
static void wait_for_calls(void)
{
	const uint64_t before = returned;

	while (returned < before + 50)
		usleep(1000);
}

int main(int argc, char **argv)
{
	pthread_t callers[CALLERS];
	struct fly_runtime *server;
	unsigned rounds;

	threads_begin("links", argc, argv, 110);
	rounds = threads_many(10);
	server = start_server();
	client = threads_start("vhost:%s/v,wait=5", POLLERS, FLY_WAIT_YIELD);
	for (unsigned i = 0; i < CALLERS; i++)
		pthread_create(&callers[i], NULL, call, NULL);
	for (unsigned i = 0; i < rounds; i++) {
		wait_for_calls();
		threads_stop(server);
		server = start_server();
	}
	wait_for_calls();
	is_over = true;
	for (unsigned i = 0; i < CALLERS; i++)
		pthread_join(callers[i], NULL);
	threads_check(threads_counter(client, "links_returned") == (uint64_t)rounds * POLLERS,
		      "links_returned: %lu",
		      (unsigned long)threads_counter(client, "links_returned"));
	threads_stop(client);
	threads_stop(server);
	return threads_end("%u servers, %lu calls returned, %lu did not", rounds + 1,
			   (unsigned long)returned, (unsigned long)failed);
}
