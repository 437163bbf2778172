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
 * it lies in the result packet: no copy is made. That also means that both pointers are gone when
 * the procedure returns. A peer's mistakes do not come this far: `name` has at most 32 bytes, and a
 * NUL behind them.
 */
static int greet(void *context, const char *name, char greeting[64 + 1], uint64_t *result,
		 struct Hello_Greet_raised *raised)
{
	uint64_t *greeted = context;

	if (name[0] == '\0') {
		strcpy(raised->as.Refused.why, "nobody has no name");
		return Hello_Refused_NUMBER;
	}
	snprintf(greeting, 64 + 1, "Hello, %s!", name);
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
	const struct fly_options options = {
		.size = sizeof options,
		.links = links,
		.notice = notice,
	};
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
