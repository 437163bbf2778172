/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - serves Trial until SIGTERM: what the other side of a trial talks to.
 *
 * server LINK [WORKERS [POLLERS [daemon]]]. It says "up" when it serves, and "stopped 0" at its
 * end. With a link to another server, BACKEND in the environment, it first waits in a call of that
 * one, and unbinds it if a client says so. With SECOND in the environment, a second link to serve,
 * it says once a second what it uses: for scripts/soak. With MOVES in the environment it goes to
 * another directory when it has started.
 */
#include <firefly/firefly.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trial.h"

#define SAID_MS 1000 /* so long a sleep is said when it begins */

static struct fly_runtime *runtime;
static struct fly_binding *backend;

static int ping(void *context, uint32_t n, uint32_t *result)
{
	(void)context;
	*result = n + 1;
	return 0;
}

static int nap(void *context, uint32_t ms, uint32_t *result)
{
	(void)context;
	if (ms >= SAID_MS)
		fprintf(stderr, "sleeping\n");
	usleep(ms * 1000); /* and does not ask whether anybody waits */
	*result = ms;
	return 0;
}

static int carry(void *context, const uint8_t *data, uint32_t data_count, uint32_t wanted,
		 uint8_t *back, uint32_t *back_count)
{
	(void)context;
	memset(back, data_count ? data[0] : 0, wanted);
	*back_count = wanted;
	return 0;
}

static int increase(void *context, uint8_t block[16])
{
	(void)context;
	for (int i = 0; i < 16; i++)
		block[i]++;
	return 0;
}

static int perform(void *context, enum Trial_Deed deed)
{
	(void)context;
	switch (deed) {
	case Trial_Deed_LEAVE_CHILD:
		return system("sleep 0.2 &") ? 1 : 0;
	case Trial_Deed_HANG:
		for (;;)
			pause();
	case Trial_Deed_UNBIND:
		fly_unbind(backend);
		break;
	case Trial_Deed_LEAVE_SLEEPER:
		return system("sleep 300 & echo child $! >&2") ? 1 : 0;
	}
	return 0;
}

static const struct Trial_procedures procedures = {
	.Ping = ping,
	.Sleep = nap,
	.Carry = carry,
	.Increase = increase,
	.Do = perform,
};

static volatile sig_atomic_t has_quit;

static void on_signal(int number)
{
	(void)number;
	has_quit = 1;
	fly_quit(runtime);
}

static void say_counter(void *context, const char *name, const char *about, uint64_t value)
{
	static const char *const wanted[] = {"calls_served", "conversations_opened",
					     "conversations_ended", "local_bound", "local_ended"};

	(void)context;
	(void)about;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (!strcmp(name, wanted[i]))
			fprintf(stderr, " %s %llu", name, (unsigned long long)value);
}

/* "used NAME VALUE...": packets and counters. */
static void say_used(void)
{
	struct fly_packet_census census = {.size = sizeof census};

	if (fly_packets(runtime, &census))
		return;
	fprintf(stderr, "used free %u retained %u queued %u", census.free, census.retained,
		census.queued);
	fly_counters(runtime, say_counter, NULL);
	fputc('\n', stderr);
}

static void notice(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "notice: %s\n", line);
}

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, fly_error());
	return 1;
}

/* Wait in a call of another server; meanwhile this thread's poller serves. */
static void wait_in_backend(void)
{
	uint32_t slept;
	int status = Trial_Sleep(backend, 2000, &slept);

	fprintf(stderr, "backend: %s\n", status ? fly_status_name(status) : "returned");
}

int main(int argc, char **argv)
{
	const char *links[] = {argv[1], getenv("SECOND"), NULL};
	const char *first_backend[] = {getenv("BACKEND"), argv[1], NULL};
	struct fly_options options = {.size = sizeof options, .links = links, .notice = notice};
	struct fly_export_options export = {.size = sizeof export};
	int status;

	if (argc < 2)
		return 2;
	if (first_backend[0])
		options.links = first_backend;
	export.workers = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	options.pollers = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
	options.wait = FLY_WAIT_SLEEP;
	if (fly_start(&options, &runtime))
		return fail("start");
	signal(SIGTERM, on_signal);
	if (Trial_export_with(runtime, &procedures, NULL, &export))
		return fail("export");
	if (first_backend[0] && Trial_import(runtime, NULL, &backend))
		return fail("import");
	if ((argc > 4 && daemon(1, 1)) || (getenv("MOVES") && chdir("/")))
		return 2;
	fprintf(stderr, "up\n");
	if (backend)
		wait_in_backend();
	while (links[1] && !has_quit) {
		sleep(1);
		say_used();
	}
	status = fly_serve(runtime);
	if (status)
		return fail("serve");
	status = fly_stop(runtime);
	fprintf(stderr, "stopped %d%s%s\n", status, status ? ": " : "", status ? fly_error() : "");
	return status != 0;
}
