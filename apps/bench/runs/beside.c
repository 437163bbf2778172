/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * beside.c - `firefly bench beside`: how long Null takes while a large transfer between the same
 * two pollers is under way.
 *
 * Owns the size of the transfers and the report. One thread does both: it starts a Put or a Get,
 * calls Null over and over, whose waiting moves the transfer as well, and starts the next transfer
 * when one has ended. Only the calls of Null are timed. The floor of each pair is Null alone.
 */
#include <stdio.h>
#include <string.h>

#include "bench/stage/bulk_calls.h"
#include "firefly/pattern.h"
#include "run.h"

#define NAME "bench beside"

static uint32_t bytes = 8U << 20; /* of a transfer */
static struct bulk_caller bulk;

/* ---- the command line ---- */

enum {
	KEY_SIZE = STAGE_KEY_OWN,
};

static const struct argp_option options[] = {
	{"size", KEY_SIZE, "BYTES", 0, "Of a transfer (default 8M)", 0},
	{0},
};

static error_t option(struct rounds *r, int key, char *text)
{
	(void)r;
	if (key == ARGP_KEY_ARG)
		cli_refuse(NAME, "'%s' is not expected; a size is given as --size %s", text, text);
	if (key != KEY_SIZE)
		return ARGP_ERR_UNKNOWN;
	bytes = (uint32_t)cli_bytes(NAME, "--size", text, 1, 64U << 20);
	if (bytes > BULK_MOST)
		bytes = BULK_MOST;
	return 0;
}

static void prepare(struct rounds *r)
{
	snprintf(r->title, sizeof r->title,
		 "Null over %s at window 1, beside a transfer of %u bytes", r->stage.options.link,
		 bytes);
	for (unsigned i = 0; i < BULK_PROCEDURES; i++) {
		struct row *row = rounds_add(r, bulk_names[i]);

		row->number = i;
		row->bytes = bytes;
	}
	bulk.data = rounds_zeros(NAME, bytes, 1);
	memset(bulk.data, PATTERN_PLAIN, bytes); /* pages that are there, and data to Put */
}

static int open_bulk(struct rounds *r)
{
	return Bulk_import(r->stage.runtime, NULL, &bulk.binding);
}

/* ---- blocks ---- */

/* One Null, stamped. */
static int call_null(struct rounds *r, struct histogram *times)
{
	const uint64_t begin = ticks_now();
	const int status = Test_Null(r->test);

	histogram_add(times, ticks_now() - begin);
	return status;
}

static int measure_alone(struct rounds *r, const struct row *row, struct sample *sample)
{
	const uint64_t begin = ticks_now(), block_ticks = stage_block_ticks(&r->stage);
	int status = 0;

	(void)row;
	if (stage_order(&r->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	while (!status && ticks_now() - begin < block_ticks)
		status = call_null(r, &sample->times);
	return stage_call_failed(&r->stage, status);
}

/* Calls of Null until a transfer has ended. */
static int beside_one(struct rounds *r, enum bulk_procedure which, struct histogram *times)
{
	struct fly_call *call;
	int status = bulk_start(&bulk, which, bytes, &call), null_status;

	if (status)
		return status;
	do
		null_status = call_null(r, times);
	while (!null_status && !fly_ready(call));
	status = bulk_finish(&bulk, which, bytes, false, call);
	return null_status ? null_status : status;
}

static int measure_beside(struct rounds *r, const struct row *row, struct sample *sample)
{
	const uint64_t begin = ticks_now(), block_ticks = stage_block_ticks(&r->stage);
	int status = 0;

	if (stage_order(&r->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	while (!status && sample->sum.ticks < block_ticks) {
		status = beside_one(r, (enum bulk_procedure)row->number, &sample->times);
		sample->sum.count += bytes;
		sample->sum.ticks = ticks_now() - begin;
	}
	return bulk_failed(&r->stage, status);
}

static double worth(const struct rounds *r, const struct row *row, const struct sample *sample)
{
	(void)row;
	return histogram_percentile(&sample->times, 99, r->stage.machine.step);
}

/* ---- the report ---- */

static COLUMN_TEXT(transfer, bulk_names[c->row->number]);
static COLUMN_VALUE(calls, (double)c->figures->calls.times.total);
static COLUMN_VALUE(alone_calls, (double)c->figures->floors.times.total);

static const struct column columns[] = {
	{NULL, "beside", -7, AS_TEXT, .text = column_label},
	{"procedure", .as = AS_TEXT, .text = column_procedure},
	{"link", .as = AS_TEXT, .text = column_link},
	{"transfer", .as = AS_TEXT, .text = transfer},
	{"bytes", .value = column_bytes},
	{"beside.calls", "calls", 9, AS_CALLS, .value = calls},
	{"beside.p50_ns", "p50", 7, AS_US, .value = column_time, .with = 50},
	{"beside.p99_ns", "p99", 7, AS_US, .value = column_time, .with = 99},
	{"beside.p999_ns", "p99.9", 7, AS_US, .value = column_time, .with = 99.9},
	{"beside.most_ns", "most", 7, AS_US, .value = column_time, .with = 100},
	{NULL, "GB/s", 8, AS_GIGABYTES, .value = column_rate},
	{"alone.calls", .value = alone_calls},
	{"alone.p50_ns", "alone", 9, AS_US, .value = column_floor_time, .with = 50},
	{"alone.p99_ns", "p99", 7, AS_US, .value = column_floor_time, .with = 99},
	{"alone.p999_ns", "p99.9", 7, AS_US, .value = column_floor_time, .with = 99.9},
	{"alone.most_ns", .as = AS_US, .value = column_floor_time, .with = 100},
	{"bytes_per_s", .as = AS_RATE, .value = column_rate},
	{"ratio", "ratio", 7, AS_RATIO, .value = column_ratio},
};

const struct run_word run_beside = {
	.name = NAME,
	.options = options,
	.option = option,
	.doc = "Measure how long Null takes while a call with large arguments (Put) or large "
	       "results (Get) is under way between the same two processes, and compare it with "
	       "Null alone in the same moment."
	       "\v  firefly bench beside\n"
	       "  firefly bench beside --size 1M --link memif --json -\n\n"
	       "The ratio is that of the 99th percentiles (1.00x would be undisturbed, lower is "
	       "better). Blocks are of 20 ms here, unless --block says otherwise.",
	.seconds = 24,
	.block_s = 0.020, /* several transfers, and enough calls for a percentile */
	.prepare = prepare,
	.method = {8, measure_alone, measure_beside, .worth = worth},
	.open = open_bulk,
	.table = {columns, sizeof columns / sizeof *columns, TABLE_MAIN,
		  .legend = "Times of Null in us; GB/s: of the transfers meanwhile; alone: p50, "
			    "p99 and p99.9 of Null without them,\nin the same moments; ratio: of "
			    "the 99th percentiles (lower is better)."},
};
