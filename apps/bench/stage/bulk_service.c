/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk_service.c - what a server does when Put and Get are called, and the data of both.
 *
 * Owns the marks in the data. Used by bench_server.c on its poller's thread, and by the caller's
 * side, bench_bulk.c and bench_beside.c, for the data alone.
 */
#include "bulk_service.h"

#include <string.h>

#include "bulk.h"
#include "firefly/pattern.h"
#include "bench/measure/ticks.h"

#define MARKS 16

uint64_t bulk_pattern(size_t bytes, bool is_result)
{
	return is_result ? ~(uint64_t)bytes : bytes;
}

static size_t place(size_t bytes, unsigned i)
{
	return (bytes - 1) * i / (MARKS - 1);
}

void bulk_mark(uint8_t *data, size_t bytes, uint8_t mark)
{
	for (unsigned i = 0; i < MARKS; i++)
		data[place(bytes, i)] = mark;
}

bool bulk_is_marked(const uint8_t *data, size_t bytes)
{
	uint8_t wrong = 0;

	for (unsigned i = 0; i < MARKS; i++)
		wrong |= data[0] ^ data[place(bytes, i)];
	return wrong == 0;
}

uint64_t bulk_read(const uint8_t *data, size_t bytes)
{
	uint64_t sums[4] = {0}, words[4];
	size_t at = 0;

	for (; at + sizeof words <= bytes; at += sizeof words) {
		memcpy(words, data + at, sizeof words);
		for (unsigned i = 0; i < 4; i++)
			sums[i] += words[i];
	}
	for (; at < bytes; at++)
		sums[0] += data[at];
	return sums[0] + sums[1] + sums[2] + sums[3];
}

static int put(void *context, const uint8_t *data, uint32_t bytes)
{
	struct bulk_service *service = context;
	const uint64_t begin = ticks_now();
	bool good;

	if (bytes == 0)
		return 0;
	if (service->checking) {
		good = pattern_is(data, bytes, bulk_pattern(bytes, false));
	} else {
		service->sum += bulk_read(data, bytes);
		good = bulk_is_marked(data, bytes);
	}
	service->calls++;
	service->ticks += ticks_now() - begin;
	return good ? 0 : 1;
}

static int get(void *context, uint32_t n, uint8_t data[BULK_MOST], uint32_t *bytes)
{
	struct bulk_service *service = context;
	const uint64_t begin = ticks_now();

	if (n > BULK_MOST)
		return 1;
	*bytes = n;
	if (service->checking)
		pattern_write(data, n, bulk_pattern(n, true));
	else
		memset(data, ++service->mark, n);
	service->calls++;
	service->ticks += ticks_now() - begin;
	return 0;
}

static const struct Bulk_procedures procedures = {.Put = put, .Get = get};

int bulk_service_export(struct fly_runtime *runtime, struct bulk_service *service)
{
	return Bulk_export(runtime, &procedures, service);
}
