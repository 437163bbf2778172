/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - exports the interface in hello.fly: start, export, serve, stop.
 *
 *     ./server vhost:/tmp/hello.sock,server
 */
#include <firefly/firefly.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "hello.h" /* written by fireflyc */

static struct fly_runtime *runtime;

/* fly_quit() may be called from a signal handler and makes fly_serve() return. */
static void on_signal(int number)
{
	(void)number;
	fly_quit(runtime);
}

/*
 * The procedure. `name` is read where it lies in the call packet, and `greeting` is written where
 * it lies in the result packet: no copy is made. That also means that
 *   - both pointers are gone when the procedure returns;
 *   - whatever a peer sent is in `name`, so its end is not to be trusted (hence "%.32s");
 *   - `greeting` must be filled to its end, or old bytes of the packet are sent.
 * A return value other than 0 sends no results: the call ends with FLY_ERAISED.
 */
static int greet(void *context, const uint8_t name[32], uint8_t greeting[64], uint64_t *result)
{
	uint64_t *greeted = context;

	if (name[0] == '\0')
		return 1;
	memset(greeting, 0, 64);
	snprintf((char *)greeting, 64, "Hello, %.32s!", (const char *)name);
	*result = ++*greeted; /* no lock: all procedures run on the thread in fly_serve() */
	return 0;
}

static const struct Hello_procedures procedures = {.Greet = greet};

static void notice(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "server: %s\n", line);
}

int main(int argc, char **argv)
{
	const char *links[] = {argc == 2 ? argv[1] : "vhost:/tmp/hello.sock,server", NULL};
	const struct fly_options options = {.links = links, .notice = notice};
	uint64_t greeted = 0;
	int status;

	/* A runtime is a set of links, their packets, and a loop that this thread will run. */
	status = fly_start(&options, &runtime);
	if (status) {
		fprintf(stderr, "server: %s\n", fly_error()); /* a sentence: what, and what to do */
		return 1;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);

	status = Hello_export(runtime, &procedures, &greeted);
	if (status)
		fprintf(stderr, "server: %s\n", fly_error());
	else
		status = fly_serve(runtime); /* polls: its core is busy until fly_quit() */

	printf("server: greeted %" PRIu64 "\n", greeted);
	fly_stop(runtime);
	return status ? 1 : 0;
}
