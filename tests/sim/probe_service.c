/* SPDX-License-Identifier: BSD-3-Clause */
/* probe_service.c - see probe_service.h. Runs inside a poller's turn. */
#include "probe_service.h"

#define DIRECTION 0x5bd1e995 /* makes results differ from arguments */

void probe_fill(uint8_t *data, size_t bytes, uint32_t number)
{
	for (size_t i = 0; i < bytes; i++)
		data[i] = (uint8_t)((number * 2654435761u >> 24) + number + i * 7);
}

bool probe_is(const uint8_t *data, size_t bytes, uint32_t number)
{
	for (size_t i = 0; i < bytes; i++) {
		if (data[i] != (uint8_t)((number * 2654435761u >> 24) + number + i * 7))
			return false;
	}
	return true;
}

uint32_t probe_sum(uint32_t number)
{
	return number ^ DIRECTION;
}

unsigned probe_most_runs(const struct probe_service *service)
{
	unsigned most = 0;

	for (size_t i = 0; i < PROBE_NUMBERS; i++) {
		if (service->runs[i] > most)
			most = service->runs[i];
	}
	return most;
}

static void ran(struct probe_service *service, uint32_t number)
{
	service->executions++;
	service->runs[number % PROBE_NUMBERS]++;
}

static int null(void *context)
{
	struct probe_service *service = context;

	service->executions++;
	if (service->during)
		service->during(service->during_context);
	return 0;
}

static int add(void *context, uint64_t a, uint64_t b, uint64_t *result)
{
	ran(context, (uint32_t)a);
	*result = a + b;
	return 0;
}

static int fill(void *context, uint32_t seed, uint8_t data[1440])
{
	ran(context, seed);
	probe_fill(data, 1440, seed ^ DIRECTION);
	return 0;
}

static int sum(void *context, uint32_t seed, const uint8_t data[1400], uint32_t *result)
{
	struct probe_service *service = context;

	ran(service, seed);
	service->wrong += !probe_is(data, 1400, seed);
	*result = probe_sum(seed);
	return 0;
}

static int mirror(void *context, uint32_t seed, const uint8_t data[500], uint8_t back[500])
{
	struct probe_service *service = context;

	ran(service, seed);
	service->wrong += !probe_is(data, 500, seed);
	for (int i = 0; i < 500; i++)
		back[499 - i] = data[i];
	return 0;
}

static int swap(void *context, uint32_t seed, const uint8_t data[1200], uint8_t back[1200])
{
	struct probe_service *service = context;

	ran(service, seed);
	service->wrong += !probe_is(data, 1200, seed);
	for (int i = 0; i < 1200; i++)
		back[1199 - i] = data[i];
	return 0;
}

static int negate(void *context, bool value, bool *result)
{
	struct probe_service *service = context;

	service->executions++;
	*result = !value;
	return 0;
}

static int raise_error(void *context, uint32_t seed, uint8_t data[1000])
{
	ran(context, seed);
	probe_fill(data, 1000, seed);
	return 1;
}

const struct Probe_procedures probe_procedures = {
	.Null = null,
	.Add = add,
	.Fill = fill,
	.Sum = sum,
	.Mirror = mirror,
	.Swap = swap,
	.Not = negate,
	.Raise = raise_error,
};
