/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk.c - bulk serve LINK, bulk call LINK BYTES CALLS: calls of many packets between processes.
 *
 * Uses the stubs of bulk.fly. The caller checks each byte. Both sides end by printing the packets
 * missing from their pools.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bulk.h"

#define WORDS_MAX  100000
#define BYTES_MAX  67108000
#define WORDS_GOOD 50000

static struct fly_runtime *runtime;
static unsigned long served_calls;

static int echo(void *context, const uint8_t *data, uint32_t data_count, uint8_t back[BYTES_MAX],
		uint32_t *back_count)
{
	(void)context;
	served_calls++;
	for (uint32_t i = 0; i < data_count; i++)
		back[i] = (uint8_t)(data[i] + 1);
	*back_count = data_count;
	return 0;
}

static int turn(void *context, const uint32_t *words, uint32_t words_count,
		uint32_t back[WORDS_MAX], uint32_t *back_count, struct Bulk_Turn_raised *raised)
{
	uint32_t *to = back;

	(void)context;
	served_calls++;
	*back_count = words_count;
	if (words_count > WORDS_GOOD) {
		raised->as.TooMany.count = words_count;
		raised->as.TooMany.words_count = words_count;
		to = raised->as.TooMany.words;
	}
	for (uint32_t i = 0; i < words_count; i++)
		to[i] = words[words_count - 1 - i];
	return words_count > WORDS_GOOD ? Bulk_TooMany_NUMBER : 0;
}

static const struct Bulk_procedures procedures = {.Echo = echo, .Turn = turn};

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
	const struct fly_options options = {.size = sizeof options, .links = links};

	if (fly_start(&options, &runtime))
		errx(1, "%s", fly_error());
}

static int stop(void)
{
	struct fly_packet_census census = {.size = sizeof census};

	fly_counters(runtime, print, NULL);
	fly_packets(runtime, &census);
	if (fly_stop(runtime))
		errx(1, "%s", fly_error());
	printf("packets: %u of %u back in the pool\n", census.total, census.total);
	return 0;
}

static int serve(const char *link)
{
	start(link);
	if (Bulk_export(runtime, &procedures, NULL))
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

/* The other procedure, with its results or its exception. */
static int turn_words(struct fly_binding *binding, uint32_t count, unsigned long *wrong)
{
	static uint32_t words[WORDS_MAX];
	static uint32_t back[WORDS_MAX];
	static struct Bulk_Turn_raised raised;
	const uint32_t *turned = back;
	uint32_t n = 0;
	int status;

	for (uint32_t i = 0; i < count; i++)
		words[i] = i * 2654435761U;
	status = Bulk_Turn(binding, words, count, back, &n, &raised);
	if (status == -FLY_EEXCEPTION && count > WORDS_GOOD) {
		*wrong += raised.number != Bulk_TooMany_NUMBER || raised.as.TooMany.count != count;
		turned = raised.as.TooMany.words;
		n = raised.as.TooMany.words_count;
	} else if (status) {
		return status;
	} else {
		*wrong += count > WORDS_GOOD;
	}
	*wrong += n != count;
	for (uint32_t i = 0; i < n; i++)
		*wrong += turned[i] != words[count - 1 - i];
	return 0;
}

static int call_many(const char *link, uint32_t bytes, unsigned long calls)
{
	struct fly_binding *binding;
	unsigned long wrong = 0;
	double under_way = 0;
	uint8_t *data = malloc(bytes);
	uint8_t *back = malloc(BYTES_MAX);

	if (!data || !back)
		errx(1, "out of memory");
	start(link);
	if (Bulk_import(runtime, NULL, &binding))
		errx(1, "%s", fly_error());
	printf("calling\n");
	fflush(stdout);
	for (unsigned long n = 0; n < calls; n++) {
		uint32_t got = 0;
		double begun;
		int status;

		for (uint32_t i = 0; i < bytes; i++)
			data[i] = byte_of(i, n);
		begun = now();
		status = Bulk_Echo(binding, data, bytes, back, &got);
		under_way += now() - begun;
		if (status == 0)
			status = turn_words(binding, bytes % (WORDS_MAX + 1), &wrong);
		if (status) {
			printf("call %lu: %s\n", n, fly_strerror(status));
			free(data);
			free(back);
			stop();
			return 1;
		}
		wrong += got != bytes;
		for (uint32_t i = 0; i < got; i++)
			wrong += back[i] != (uint8_t)(byte_of(i, n) + 1);
	}
	printf("calls %lu, wrong %lu; %.0f MB/s\n", calls, wrong,
	       2e-6 * bytes * (double)calls / under_way);
	free(data);
	free(back);
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
