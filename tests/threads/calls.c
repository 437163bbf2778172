/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * calls.c - calls NAME: a server and a client in one process, and threads that call from one to the
 * other in one of the ways below. Threads come and go, make one call at a time or sixteen, cancel,
 * set deadlines, wait in different ways, and unbind with calls in flight.
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "tally.h"
#include "threads.h"

#define THREADS     8
#define MAY(status) (1ull << FLY_##status)

static const struct way {
	const char *name;
	const char *server; /* links */
	const char *client;
	unsigned server_pollers;
	unsigned client_pollers; /* 0: the main thread turns its poller */
	enum fly_wait wait;      /* of the runtimes */
	unsigned threads;
	unsigned rounds; /* of each thread: bindings, */
	unsigned calls;  /* and calls of each */
	unsigned workers;
	unsigned queue;
	unsigned cancels; /* percent of the calls */
	unsigned deadlines;
	unsigned pages;
	unsigned longs;
	unsigned blocks;
	uint32_t block_us;
	bool shutdown_client; /* in the middle of the run */
	bool shutdown_server;
	uint64_t expected; /* statuses besides FLY_OK */
} ways[] = {
	{
		.name = "attached",
		.server = "vhost:%s/v,server",
		.client = "vhost:%s/v,wait=5",
		.server_pollers = 1,
		.wait = FLY_WAIT_YIELD,
		.threads = 4,
		.rounds = 10,
		.calls = 400,
		.cancels = 5,
		.deadlines = 10,
		.pages = 20,
		.longs = 2,
		/*
		 * The server refuses copies of a call that arrive after its deadline, and on a busy
		 * machine a copy may arrive first. A refusal after a call in doubt says maybe.
		 */
		.expected = MAY(EWITHDRAWN) | MAY(ECANCELLED) | MAY(EDEADLINE) | MAY(EBUSY) |
			    MAY(EFORGOTTEN),
	},
	{
		.name = "pollers",
		.server = "vhost:%s/v,server",
		.client = "vhost:%s/v,wait=5",
		.server_pollers = 2,
		.client_pollers = 2,
		.wait = FLY_WAIT_YIELD,
		.threads = 4,
		.rounds = 10,
		.calls = 400,
		.cancels = 5,
		.pages = 20,
		.longs = 2,
		.expected = MAY(EWITHDRAWN) | MAY(ECANCELLED) | MAY(EDEADLINE),
	},
	{
		/* the turn of the client goes from thread to thread */
		.name = "elected",
		.server = "vhost:%s/v,server",
		.client = "vhost:%s/v,wait=5",
		.server_pollers = 1,
		.client_pollers = THREADS_SHARED,
		.wait = FLY_WAIT_YIELD,
		.threads = 4,
		.rounds = 10,
		.calls = 400,
		.cancels = 5,
		.deadlines = 10,
		.pages = 20,
		.longs = 2,
		/* As of `attached`. */
		.expected = MAY(EWITHDRAWN) | MAY(ECANCELLED) | MAY(EDEADLINE) | MAY(EBUSY) |
			    MAY(EFORGOTTEN),
	},
	{
		.name = "asleep",
		.server = "vhost:%s/v,server",
		.client = "vhost:%s/v,wait=5",
		.server_pollers = 1,
		.client_pollers = 1,
		.wait = FLY_WAIT_SLEEP,
		.threads = 4,
		.rounds = 5,
		.calls = 100,
		.cancels = 5,
		.pages = 20,
		.longs = 2,
		.expected = MAY(EWITHDRAWN) | MAY(ECANCELLED) | MAY(EDEADLINE),
	},
	{
		.name = "workers",
		.server = "vhost:%s/v,server",
		.client = "vhost:%s/v,wait=5",
		.server_pollers = 1,
		.client_pollers = 1,
		.wait = FLY_WAIT_YIELD,
		.threads = 4,
		.rounds = 5,
		.calls = 200,
		.workers = 3,
		.queue = 8,
		.cancels = 10,
		.deadlines = 10,
		.pages = 20,
		.longs = 5,
		.blocks = 20,
		.block_us = 2000,
		/* A refusal after a call in doubt says maybe. */
		.expected = MAY(EWITHDRAWN) | MAY(ECANCELLED) | MAY(EDEADLINE) | MAY(EBUSY) |
			    MAY(EFORGOTTEN),
	},
	{
		.name = "many_workers",
		.server = "vhost:%s/v,server",
		.client = "vhost:%s/v,wait=5",
		.server_pollers = 2,
		.client_pollers = 1,
		.wait = FLY_WAIT_SLEEP,
		.threads = 4,
		.rounds = 3,
		.calls = 100,
		.workers = 6,
		.queue = 64,
		.cancels = 5,
		.pages = 20,
		.longs = 5,
		.blocks = 20,
		.block_us = 2000,
		/* A refusal after a call in doubt says maybe. */
		.expected = MAY(EWITHDRAWN) | MAY(ECANCELLED) | MAY(EDEADLINE) | MAY(EBUSY) |
			    MAY(EFORGOTTEN),
	},
	{
		.name = "local",
		.server = "local:%s/l,server",
		.client = "local:%s/l",
		.server_pollers = 1,
		.client_pollers = 0,
		.wait = FLY_WAIT_YIELD,
		.threads = 4,
		.rounds = 10,
		.calls = 400,
		.cancels = 5,
		.deadlines = 10,
		.pages = 20,
		.longs = 2,
		.expected = MAY(EWITHDRAWN) | MAY(ECANCELLED) | MAY(EDEADLINE) | MAY(ECALLS),
	},
	{
		.name = "local_workers",
		.server = "local:%s/l,server",
		.client = "local:%s/l",
		.server_pollers = 1,
		.client_pollers = 0,
		.wait = FLY_WAIT_SLEEP,
		.threads = 4,
		.rounds = 5,
		.calls = 100,
		.workers = 3,
		.queue = 8,
		.cancels = 5,
		.deadlines = 10,
		.pages = 20,
		.longs = 2,
		.blocks = 20,
		.block_us = 2000,
		.expected = MAY(EWITHDRAWN) | MAY(ECANCELLED) | MAY(EDEADLINE) | MAY(ECALLS) |
			    MAY(EBUSY),
	},
	{
		.name = "client_ends",
		.server = "vhost:%s/v,server",
		.client = "vhost:%s/v,wait=5",
		.server_pollers = 1,
		.client_pollers = 1,
		.wait = FLY_WAIT_YIELD,
		.threads = 4,
		.rounds = 1000,
		.calls = 400,
		.pages = 20,
		.longs = 2,
		.shutdown_client = true,
		.expected = MAY(ESTOPPED) | MAY(ESHUT),
	},
	{
		.name = "server_ends",
		.server = "vhost:%s/v,server",
		.client = "vhost:%s/v,wait=5",
		.server_pollers = 1,
		.client_pollers = 1,
		.wait = FLY_WAIT_YIELD,
		.threads = 4,
		.rounds = 1000,
		.calls = 400,
		.workers = 2,
		.queue = 8,
		.pages = 20,
		.longs = 2,
		.blocks = 5,
		.block_us = 2000,
		.shutdown_server = true,
		.expected = MAY(EBUSY) | MAY(ESTALE) | MAY(ESTALE_MAYBE) | MAY(ENOEXPORT) |
			    MAY(EPEER) | MAY(EFORGOTTEN) | MAY(ESTOPPED) | MAY(ESHUT),
	},
};

static const struct way *way;
static struct tally *tally;
static struct fly_runtime *client;
static struct fly_binding *own;
static _Atomic unsigned n_running;
static _Atomic unsigned n_bindings;
static _Atomic bool is_over; /* calls may fail from now on, and threads are to end */

/* Make a binding for this thread, in one of two ways. NULL: no more bindings. */
static struct fly_binding *bind(uint64_t *random)
{
	struct fly_binding *binding;
	int status;

	if (way->client_pollers == 0 || threads_random(random, 2))
		status = fly_attach(own, &binding);
	else
		status = Tally_import(client, NULL, &binding);
	if (status) {
		threads_check(atomic_load(&is_over), "binding: %s", fly_error());
		return NULL;
	}
	atomic_fetch_add(&n_bindings, 1);
	return binding;
}

static void *run(void *argument)
{
	struct tally_caller c = {
		.tally = tally,
		.random = threads_random_init((unsigned)(uintptr_t)argument),
		.cancels = way->cancels,
		.pages = way->pages,
		.longs = way->longs,
		.blocks = way->blocks,
		.block_us = way->block_us,
		.stop = &is_over,
	};
	const unsigned rounds = threads_many(way->rounds);

	for (unsigned i = 0; i < rounds && !c.gave_up && !atomic_load(&is_over); i++) {
		c.binding = bind(&c.random);
		if (!c.binding)
			break;
		/* Do not spin: two cores may be all there are. */
		fly_set_wait(c.binding,
			     (enum fly_wait)(FLY_WAIT_YIELD + threads_random(&c.random, 2)));
		if (threads_random(&c.random, 100) < way->deadlines)
			fly_set_deadline(c.binding, 1 + threads_random(&c.random, 20000));
		if (threads_random(&c.random, 3) == 0)
			tally_call_as_ready(&c, way->calls, threads_random(&c.random, 2) ? 16 : 1);
		else
			tally_call(&c, way->calls, threads_random(&c.random, 2) ? 16 : 1,
				   threads_random(&c.random, 4) == 0);
		fly_unbind(c.binding);
	}
	if (atomic_fetch_sub(&n_running, 1) == 1 && way->client_pollers == 0)
		fly_quit(client);
	return NULL;
}

static bool choose(int argc, char **argv)
{
	for (unsigned i = 0; argc > 1 && i < sizeof ways / sizeof *ways; i++) {
		if (strcmp(ways[i].name, argv[1]) == 0)
			way = &ways[i];
	}
	return way != NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	struct fly_runtime *server;
	char line[512];

	threads_must(choose(argc, argv), "in which way?");
	threads_begin(way->name, argc - 1, argv + 1, 300);
	tally = tally_open(NULL, 1 << 26);
	server = threads_start(way->server, way->server_pollers, way->wait);
	threads_must(Tally_export_with(server, &tally_procedures, tally,
				       &(const struct fly_export_options){
					       .size = sizeof(struct fly_export_options),
					       .workers = way->workers,
					       .queue = way->queue,
					       .wait = way->wait,
				       }) == 0,
		     "export: %s", fly_error());
	client = threads_start(way->client, way->client_pollers, way->wait);
	threads_must(Tally_import(client, NULL, &own) == 0, "import: %s", fly_error());

	atomic_store(&n_running, way->threads);
	for (unsigned i = 0; i < way->threads; i++)
		pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i);
	if (way->client_pollers == 0)
		fly_serve(client);
	if (way->shutdown_client || way->shutdown_server) {
		usleep(threads_many(1000) * 1000);
		atomic_store(&is_over, true);
		fly_shutdown(way->shutdown_client ? client : server);
	}
	for (unsigned i = 0; i < way->threads; i++)
		pthread_join(threads[i], NULL);
	fly_unbind(own);
	threads_stop(client);
	threads_stop(server);
	tally_verify(tally, MAY(OK) | way->expected);
	tally_print(tally, line, sizeof line);
	return threads_end("%s; %u bindings", line, atomic_load(&n_bindings));
}
