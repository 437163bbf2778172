/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk_calls.c - Put and Get: what a server does, and what a caller does.
 *
 * Owns the marks in the data. Used by server.c on its poller's thread, and by runs/bulk.c and
 * runs/beside.c at the caller's side.
 */
#include "bulk_calls.h"

#include <string.h>

#include "bench/measure/bytes.h"
#include "bench/measure/ticks.h"
#include "firefly/pattern.h"

#define MARKS 16

/* Marks of Put and of Get differ: what Put left in the caller's data is not taken for results. */
#define OF_GET 0x80

const char *const bulk_names[BULK_PROCEDURES] = {[BULK_PUT] = "Put", [BULK_GET] = "Get"};

/* ---- the data ---- */

/* The number of the pattern (pattern.h) of a checked call. @is_result: of Get. */
static uint64_t pattern_of(size_t bytes, bool is_result)
{
	return is_result ? ~(uint64_t)bytes : bytes;
}

static size_t place(size_t bytes, unsigned i)
{
	return (bytes - 1) * i / (MARKS - 1);
}

/* Write @mark in 16 places, first and last byte among them. */
static void write_marks(uint8_t *data, size_t bytes, uint8_t mark)
{
	for (unsigned i = 0; i < MARKS; i++)
		data[place(bytes, i)] = mark;
}

/* Is it the same byte in all of these places? */
static bool is_marked(const uint8_t *data, size_t bytes)
{
	uint8_t wrong = 0;

	for (unsigned i = 0; i < MARKS; i++)
		wrong |= data[0] ^ data[place(bytes, i)];
	return wrong == 0;
}

/* ---- the server's side ---- */

static int put(void *context, const uint8_t *data, uint32_t bytes)
{
	struct bulk_service *service = context;
	const uint64_t begin = ticks_now();
	bool good;

	if (bytes == 0)
		return 0;
	if (service->checking) {
		good = pattern_is(data, bytes, pattern_of(bytes, false));
	} else {
		service->sum += bytes_sum(data, bytes);
		good = is_marked(data, bytes);
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
		pattern_write(data, n, pattern_of(n, true));
	else
		memset(data, OF_GET | ++service->mark, n);
	service->calls++;
	service->ticks += ticks_now() - begin;
	return 0;
}

const struct Bulk_procedures bulk_procedures = {.Put = put, .Get = get};

/* ---- the caller's side ---- */

/* Of the next Put. */
static uint8_t next_mark(struct bulk_caller *b)
{
	b->mark = (uint8_t)(b->mark + 1) & ~OF_GET;
	return b->mark;
}

int bulk_start(struct bulk_caller *b, enum bulk_procedure procedure, uint32_t bytes,
	       struct fly_call **call)
{
	if (procedure == BULK_GET)
		return Bulk_Get_start(b->binding, bytes, call);
	write_marks(b->data, bytes, next_mark(b));
	return Bulk_Put_start(b->binding, b->data, bytes, call);
}

/* Are these the results of a call for @bytes, and not those of the last one? */
static int judge(struct bulk_caller *b, uint32_t bytes, const uint8_t *data, uint32_t got)
{
	const bool good = got == bytes && is_marked(data, got) && data[0] != b->mark;

	b->mark = data[0];
	return good ? 0 : BULK_WRONG;
}

int bulk_finish(struct bulk_caller *b, enum bulk_procedure procedure, uint32_t bytes, bool view,
		struct fly_call *call)
{
	const uint8_t *data = b->data;
	uint32_t got;
	int status;

	if (procedure == BULK_PUT)
		return Bulk_Put_finish(call);
	status = view ? Bulk_Get_view(call, &data, &got) : Bulk_Get_finish(call, b->data, &got);
	if (status)
		return status;
	if (view)
		b->sum += bytes_sum(data, got);
	status = judge(b, bytes, data, got);
	if (view)
		fly_release(call);
	return status;
}

int bulk_call(struct bulk_caller *b, enum bulk_procedure procedure, uint32_t bytes, bool view)
{
	struct fly_call *call;
	uint32_t got;
	int status;

	if (procedure == BULK_PUT) {
		write_marks(b->data, bytes, next_mark(b));
		return Bulk_Put(b->binding, b->data, bytes);
	}
	if (view) {
		status = bulk_start(b, procedure, bytes, &call);
		return status ? status : bulk_finish(b, procedure, bytes, true, call);
	}
	status = Bulk_Get(b->binding, bytes, b->data, &got);
	return status ? status : judge(b, bytes, b->data, got);
}

int bulk_check(struct bulk_caller *b, enum bulk_procedure procedure, uint32_t bytes)
{
	const uint64_t pattern = pattern_of(bytes, procedure == BULK_GET);
	uint32_t got;
	int status;

	if (procedure == BULK_PUT) {
		pattern_write(b->data, bytes, pattern);
		return Bulk_Put(b->binding, b->data, bytes);
	}
	memset(b->data, 0, bytes);
	status = Bulk_Get(b->binding, bytes, b->data, &got);
	if (status)
		return status;
	return got == bytes && pattern_is(b->data, got, pattern) ? 0 : BULK_WRONG;
}

int bulk_failed(struct stage *stage, int status)
{
	if (status == BULK_WRONG || status == -FLY_ERAISED)
		return stage_give_up(stage, "a call had the wrong data", 0);
	return stage_call_failed(stage, status);
}
