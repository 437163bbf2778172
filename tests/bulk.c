/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk.c - bulk serve LINK, bulk call LINK BYTES CALLS: calls of many packets between processes.
 *
 * By the public headers, with stubs made by hand: Echo gives back the bytes that it gets, each one
 * more. The caller looks at each byte. Both end with what is missing from their pools.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <firefly/firefly.h>
#include <firefly/stub.h>

static struct fly_runtime *runtime;
static unsigned long served_calls;

static int echo(struct fly_served *served)
{
	const uint8_t *in = served->arguments;
	uint8_t *out = served->results;

	served_calls++;
	for (uint32_t i = 0; i < served->argument_bytes; i++)
		out[i] = (uint8_t)(in[i] + 1);
	served->result_bytes = served->argument_bytes;
	return 0;
}

static const struct fly_procedure procedures[] = {
	{"Echo", echo, FLY_MESSAGE_MAX, FLY_MESSAGE_MAX, 0, FLY_RESULTS_SECOND, 0},
};
static const struct fly_interface interface = {"Bulk", 1, 1, procedures};

static void on_signal(int number)
{
	(void)number;
	fly_quit(runtime);
}

static void print(void *context, const char *name, const char *about, uint64_t value)
{
	(void)context;
	if (value)
		printf("%s %llu  %s\n", name, (unsigned long long)value, about);
}

static void start(const char *link)
{
	const char *links[] = {link, NULL};
	const struct fly_options options = {.links = links};

	if (fly_start(&options, &runtime))
		errx(1, "%s", fly_error());
}

static int stop(void)
{
	struct fly_packet_census census;
	int missing;

	fly_counters(runtime, print, NULL);
	fly_packets(runtime, &census);
	missing = fly_stop(runtime);
	printf("packets: %u of %u back in the pool\n", census.total - (unsigned)missing,
	       census.total);
	return missing != 0;
}

static int serve(const char *link)
{
	start(link);
	if (fly_export(runtime, &interface, procedures, NULL))
		errx(1, "%s", fly_error());
	signal(SIGINT, on_signal);
	printf("up\n");
	fflush(stdout);
	fly_serve(runtime);
	printf("served %lu\n", served_calls);
	return stop();
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static uint8_t byte_of(uint32_t i, unsigned long call)
{
	return (uint8_t)(i * 7 + i / 251 + call);
}

static int call_many(const char *link, uint32_t bytes, unsigned long calls)
{
	struct fly_binding *binding;
	unsigned long wrong = 0;
	double under_way = 0;

	start(link);
	if (fly_import(runtime, "Bulk", 1, NULL, &binding))
		errx(1, "%s", fly_error());
	printf("calling\n");
	fflush(stdout);
	for (unsigned long n = 0; n < calls; n++) {
		struct fly_call *call;
		int status = binding->starter(binding, 0, bytes, &call);
		double begun;

		if (status == 0) {
			for (uint32_t i = 0; i < bytes; i++)
				call->payload[i] = byte_of(i, n);
			begun = now();
			status = binding->transporter(call);
			under_way += now() - begun;
		}
		if (status) {
			printf("call %lu: %s\n", n, fly_strerror(status));
			stop();
			return 1;
		}
		wrong += call->length != bytes;
		for (uint32_t i = 0; i < call->length; i++)
			wrong += call->payload[i] != (uint8_t)(byte_of(i, n) + 1);
		binding->ender(call);
	}
	printf("calls %lu, wrong %lu; %.0f MB/s each way\n", calls, wrong,
	       2e-6 * bytes * (double)calls / under_way);
	return stop() || wrong;
}

int main(int argc, char **argv)
{
	if (argc == 3 && argv[1][0] == 's')
		return serve(argv[2]);
	if (argc == 5 && argv[1][0] == 'c')
		return call_many(argv[2], (uint32_t)strtoul(argv[3], NULL, 0),
				 strtoul(argv[4], NULL, 0));
	errx(2, "bulk serve LINK, or bulk call LINK BYTES CALLS");
}
