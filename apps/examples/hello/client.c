/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client.c - calls the interface in hello.fly: start, import, call, stop.
 *
 *     ./client vhost:/tmp/hello.sock Ada Grace
 */
#include <firefly/firefly.h>
#include <inttypes.h>
#include <stdio.h>

#include "hello.h" /* written by fireflyc */

/* One call. Return: its status. */
static int greet(struct fly_binding *hello, const char *who)
{
	struct Hello_Greet_raised raised;
	char greeting[64 + 1];
	uint64_t greeted;
	int status;

	/* Looks like a procedure, is two packets. If the status is not 0, nothing was assigned. */
	status = Hello_Greet(hello, who, greeting, &greeted, &raised);
	if (status == 0) {
		printf("%s (%" PRIu64 " so far)\n", greeting, greeted);
		return 0;
	}
	fprintf(stderr, "client: '%s': %s\n", who, fly_strerror(status));
	if (status == -FLY_EEXCEPTION) /* it has but one */
		fprintf(stderr, "client: %s\n", raised.as.Refused.why);

	/* What happened at the server? Only one of the answers makes a second call harmless. */
	switch (fly_outcome(status)) {
	case FLY_NOT_EXECUTED:
		fprintf(stderr, "client: it did not run; calling again would be safe\n");
		break;
	case FLY_MAYBE_EXECUTED:
		fprintf(stderr, "client: it may have run, at most once\n");
		break;
	case FLY_EXECUTED:
		fprintf(stderr, "client: it ran, and gave no results\n");
		break;
	}
	return status;
}

int main(int argc, char **argv)
{
	const char *links[] = {argc > 1 ? argv[1] : "vhost:/tmp/hello.sock", NULL};
	const struct fly_options options = {.size = sizeof options, .links = links};
	struct fly_runtime *runtime;
	struct fly_binding *hello;
	int failed = 0;
	int status;

	/* Waits until the server's end of the link is up, 5 seconds unless the link says wait=. */
	status = fly_start(&options, &runtime);
	if (status) {
		fprintf(stderr, "client: %s\n", fly_error());
		return 1;
	}
	/* NULL: whoever is at the far end of the link. It must export Hello, in this version. */
	status = Hello_import(runtime, NULL, &hello);
	if (status) {
		fprintf(stderr, "client: %s\n", fly_error());
		fly_stop(runtime);
		return 1;
	}
	for (int i = 2; i < argc; i++)
		failed |= greet(hello, argv[i]) != 0;

	fly_unbind(hello);
	fly_stop(runtime);
	return failed;
}
