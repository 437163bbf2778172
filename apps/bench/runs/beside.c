/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * beside.c - `firefly bench beside`: how long Null takes while a large transfer between the
 * same two pollers is under way.
 *
 * Owns the command line, the order of the blocks, which is that of bench.c, and the report. One
 * thread does both: it starts a Put or a Get, calls Null over and over, whose waiting moves the
 * transfer as well, and starts the next transfer when one has ended. Only the calls of Null are
 * timed. The floor of each pair is Null alone.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include <firefly/firefly.h>

#include "bench/stage/stage.h"
#include "bench/report/text.h"
#include "bench/measure/block.h"
#include "bench/stage/bulk.h"
#include "bench/stage/bulk_service.h"
#include "firefly/cli.h"
#include "firefly/commands.h"
#include "firefly/pattern.h"
#include "firefly/test.h"
#include "bench/measure/ticks.h"

#define NAME            "bench beside"
#define PAIRS_PER_VISIT 8
#define BYTES_DEFAULT   (8U << 20)
#define BLOCK_MS        20 /* several transfers, and enough calls for a percentile */

enum transfer {
	BESIDE_PUT,
	BESIDE_GET,
	TRANSFERS,
	NO_TRANSFER = TRANSFERS,
};

static const char *const names[TRANSFERS] = {[BESIDE_PUT] = "Put", [BESIDE_GET] = "Get"};

/* One row in one state: all of it from the pairs that were kept. */
struct figures {
	struct pairs pairs;             /* of 99th percentiles */
	struct histogram beside, alone; /* times of Null, in ticks */
	struct block_sum moved;         /* bytes of transfers that ended, and ticks */
};

struct beside {
	struct bench_stage stage;
	uint32_t bytes;
	struct fly_binding *test, *bulk;
	struct figures *rows[TRANSFERS][PAIRS_STATES]; /* never NULL */
	struct histogram *scratch[3];                  /* of alone, beside, alone */
	uint8_t *data;
	uint8_t mark; /* of the last Put, or in the last result of Get */
};

/* ---- the command line ---- */

enum {
	KEY_SIZE = BENCH_KEY_OWN,
};

static const struct argp_option options[] = {
	{"size", KEY_SIZE, "BYTES", 0, "Of a transfer (default 8M)", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct beside *b = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &b->stage;
		return 0;
	case KEY_SIZE:
		b->bytes = (uint32_t)cli_bytes(NAME, "--size", text, 1, 64U << 20);
		if (b->bytes > BULK_MOST)
			b->bytes = BULK_MOST;
		return 0;
	case ARGP_KEY_ARG:
		cli_refuse(NAME, "'%s' is not expected; a size is given as --size %s", text, text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&bench_stage_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.children = children,
	.parser = parse,
	.doc = "Measure how long Null takes while a call with large arguments (Put) or large "
	       "results (Get) is under way between the same two processes, and compare it with "
	       "Null alone in the same moment."
	       "\v  firefly bench beside\n"
	       "  firefly bench beside --size 1M --link memif --json -\n\n"
	       "The ratio is that of the 99th percentiles (1.00x would be undisturbed, lower is "
	       "better). Blocks are of 20 ms here, unless --block says otherwise.",
};

/* ---- blocks ---- */

static int start(struct beside *b, enum transfer which, struct fly_call **call)
{
	if (which == BESIDE_GET)
		return Bulk_Get_start(b->bulk, b->bytes, call);
	bulk_mark(b->data, b->bytes, ++b->mark);
	return Bulk_Put_start(b->bulk, b->data, b->bytes, call);
}

/* Status of a call whose data was not as it should be; no call returns it. */
#define WRONG INT32_MIN

static int finish(struct beside *b, enum transfer which, struct fly_call *call)
{
	uint32_t bytes;
	int status;

	if (which == BESIDE_PUT)
		return Bulk_Put_finish(call);
	status = Bulk_Get_finish(call, b->data, &bytes);
	if (status)
		return status;
	if (bytes != b->bytes || !bulk_is_marked(b->data, bytes) || b->data[0] == b->mark)
		return WRONG;
	b->mark = b->data[0];
	return 0;
}

static int complain(struct beside *b, int status)
{
	if (status == WRONG || status == -FLY_ERAISED)
		return bench_stage_give_up(&b->stage, "a call had the wrong data", 0);
	return bench_stage_give_up(&b->stage, "a call failed", status);
}

/* One Null, stamped. */
static int call_null(struct beside *b, struct histogram *times)
{
	const uint64_t begin = ticks_now();
	const int status = Test_Null(b->test);

	histogram_add(times, ticks_now() - begin);
	return status;
}

/* Calls of Null until a transfer has ended. */
static int beside_one(struct beside *b, enum transfer which, struct histogram *times)
{
	struct fly_call *call;
	int status = start(b, which, &call), null_status = 0;

	if (status)
		return status;
	do
		null_status = call_null(b, times);
	while (!null_status && !fly_ready(call));
	status = finish(b, which, call);
	return null_status ? null_status : status;
}

static int measure(struct beside *b, enum transfer which, struct histogram *times,
		   struct block_sum *moved)
{
	const uint64_t block_ticks =
		(uint64_t)(b->stage.options.block_s * (double)b->stage.machine.platform.tsc_hz);
	const uint64_t begin = ticks_now();
	uint64_t now = begin;
	int status = 0;

	*moved = (struct block_sum){0};
	histogram_clear(times);
	if (bench_stage_order(&b->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	while (!status && now - begin < block_ticks) {
		if (which == NO_TRANSFER) {
			status = call_null(b, times);
		} else {
			status = beside_one(b, which, times);
			moved->count += b->bytes;
		}
		now = ticks_now();
	}
	moved->ticks = now - begin;
	return status ? complain(b, status) : 0;
}

static double p99(const struct beside *b, const struct histogram *times)
{
	return histogram_percentile(times, 99, b->stage.machine.step);
}

/* One turn of a row: Null alone, then PAIRS_PER_VISIT times beside and alone. */
static int visit(struct beside *b, enum transfer which)
{
	struct histogram **times = b->scratch;
	struct block_sum moved, none;
	struct bench_sight sights[4];

	if (bench_stage_look(&b->stage, &sights[0]) || measure(b, NO_TRANSFER, times[0], &none) ||
	    bench_stage_look(&b->stage, &sights[1]))
		return -1;
	for (unsigned i = 0; i < PAIRS_PER_VISIT && !bench_stop_wanted; i++) {
		struct figures *f = b->rows[which][sights[1].state];
		struct histogram *spare = times[0];

		if (measure(b, which, times[1], &moved) ||
		    bench_stage_look(&b->stage, &sights[2]) ||
		    measure(b, NO_TRANSFER, times[2], &none) ||
		    bench_stage_look(&b->stage, &sights[3]))
			return -1;
		if (pairs_add(&f->pairs, p99(b, times[0]), p99(b, times[1]), p99(b, times[2]),
			      bench_is_steady(sights))) {
			histogram_merge(&f->beside, times[1]);
			histogram_merge(&f->alone, times[0]);
			histogram_merge(&f->alone, times[2]);
			f->moved.count += moved.count;
			f->moved.ticks += moved.ticks;
		}
		times[0] = times[2];
		times[2] = spare;
		sights[0] = sights[2];
		sights[1] = sights[3];
	}
	return 0;
}

static int round_of_rows(void *context)
{
	struct beside *b = context;
	int failed = 0;

	for (unsigned i = 0; i < TRANSFERS && !failed && !bench_stop_wanted; i++)
		failed = visit(b, (enum transfer)i);
	return failed;
}

static void tell_progress(const void *context, char *line, size_t bytes)
{
	const struct beside *b = context;

	snprintf(line, bytes, "%zu pairs a row",
		 b->rows[TRANSFERS - 1][PAIRS_NEAR]->pairs.kept +
			 b->rows[TRANSFERS - 1][PAIRS_FAR]->pairs.kept);
}

/* ---- the report ---- */

static double rate(const struct beside *b, const struct figures *f)
{
	return f->moved.ticks ? (double)f->moved.count * (double)b->stage.machine.platform.tsc_hz /
					(double)f->moved.ticks
			      : 0;
}

static enum pairs_state shown(const struct beside *b, enum transfer which)
{
	return bench_main_state((const size_t[]){b->rows[which][PAIRS_NEAR]->pairs.kept,
						 b->rows[which][PAIRS_FAR]->pairs.kept});
}

static void print_row(const struct beside *b, struct figures *f, const char *label)
{
	const struct bench_machine *m = &b->stage.machine;
	static const double percents[] = {50, 99, 99.9, 100};
	char text[16];

	if (f->pairs.kept == 0) {
		printf("%-7s %9s\n", label, "-");
		return;
	}
	printf("%-7s %9" PRIu64, label, f->beside.total);
	for (unsigned i = 0; i < 4; i++)
		printf(" %7s",
		       bench_us(text, m, histogram_percentile(&f->beside, percents[i], m->step)));
	printf(" %8.2f  ", rate(b, f) / 1e9);
	for (unsigned i = 0; i < 3; i++)
		printf(" %7s",
		       bench_us(text, m, histogram_percentile(&f->alone, percents[i], m->step)));
	printf(" %7s\n", bench_ratio(text, pairs_judge(&f->pairs).ratio));
}

static void print_table(const struct beside *b)
{
	bool near = false, far = false;

	printf("Null over %s at window 1, beside a transfer of %u bytes\n\n", b->stage.machine.link,
	       b->bytes);
	printf("%-7s %9s %7s %7s %7s %7s %8s   %7s %7s %7s %7s\n", "beside", "calls", "p50", "p99",
	       "p99.9", "most", "GB/s", "alone", "p99", "p99.9", "ratio");
	for (unsigned i = 0; i < TRANSFERS; i++) {
		const enum pairs_state state = shown(b, (enum transfer)i);
		const enum pairs_state other = state == PAIRS_NEAR ? PAIRS_FAR : PAIRS_NEAR;

		print_row(b, b->rows[i][state], names[i]);
		near = near || state == PAIRS_NEAR;
		far = far || state == PAIRS_FAR;
		if (b->rows[i][other]->pairs.kept >= PAIRS_LEAST)
			print_row(b, b->rows[i][other], other == PAIRS_FAR ? "  far" : "  near");
	}
	printf("\nTimes of Null in us; GB/s: of the transfers meanwhile; alone: p50, p99 and p99.9 "
	       "of "
	       "Null without them,\nin the same moments; ratio: of the 99th percentiles (lower is "
	       "better).\n");
	for (unsigned i = 0; i < TRANSFERS; i++)
		bench_print_doubt(&b->rows[i][shown(b, (enum transfer)i)]->pairs, names[i]);
	for (unsigned s = 0; s < PAIRS_STATES; s++) {
		const struct pairs *each[TRANSFERS];

		for (unsigned i = 0; i < TRANSFERS; i++)
			each[i] = &b->rows[i][s]->pairs;
		bench_print_state(&b->stage.machine, (enum pairs_state)s, each, TRANSFERS);
	}
	if (far)
		printf("shown are the figures of the far state%s\n",
		       near ? " where there are too few near pairs" : "");
	bench_print_machine(&b->stage.machine);
	fflush(stdout);
}

static struct json_object *times_json(const struct beside *b, const struct histogram *times)
{
	const struct bench_machine *m = &b->stage.machine;
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "calls", json_object_new_int64((int64_t)times->total));
	json_object_object_add(object, "p50_ns", bench_percentile(m, times, 50));
	json_object_object_add(object, "p99_ns", bench_percentile(m, times, 99));
	json_object_object_add(object, "p999_ns", bench_percentile(m, times, 99.9));
	json_object_object_add(object, "most_ns", bench_percentile(m, times, 100));
	return object;
}

static struct json_object *row_json(const struct beside *b, enum transfer which,
				    enum pairs_state state)
{
	struct figures *f = b->rows[which][state];
	struct json_object *run = json_object_new_object();

	json_object_object_add(run, "procedure", json_object_new_string("Null"));
	json_object_object_add(run, "link", json_object_new_string(b->stage.machine.link));
	json_object_object_add(run, "transfer", json_object_new_string(names[which]));
	json_object_object_add(run, "bytes", json_object_new_int64(b->bytes));
	json_object_object_add(run, "beside", times_json(b, &f->beside));
	json_object_object_add(run, "alone", times_json(b, &f->alone));
	json_object_object_add(run, "bytes_per_s", bench_number(rate(b, f), 0));
	json_object_object_add(run, "ratio", bench_number(pairs_judge(&f->pairs).ratio, 4));
	json_object_object_add(run, "state", json_object_new_string(bench_state_names[state]));
	json_object_object_add(run, "pairs", json_object_new_int64((int64_t)f->pairs.kept));
	json_object_object_add(run, "pairs_dropped", json_object_new_int64(f->pairs.dropped));
	return run;
}

static int write_json(const struct beside *b, const char *path)
{
	struct json_object *all = json_object_new_object(), *runs = json_object_new_array();

	for (unsigned i = 0; i < TRANSFERS; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			if (b->rows[i][s]->pairs.kept || b->rows[i][s]->pairs.dropped)
				json_object_array_add(runs, row_json(b, (enum transfer)i,
								     (enum pairs_state)s));
	json_object_object_add(all, "runs", runs);
	return bench_write(&b->stage.machine, all, path);
}

static int report(const struct beside *b)
{
	const char *json = b->stage.options.json;

	if (!json || strcmp(json, "-") != 0)
		print_table(b);
	if (!json || !write_json(b, json))
		return 0;
	cli_complain(NAME, "%s cannot be written: %s", json, strerror(errno));
	return CLI_FAILED;
}

/* ---- from start to end ---- */

static int measure_all(struct beside *b)
{
	int failed, status = Test_import(b->stage.runtime, NULL, &b->test);

	if (!status)
		status = Bulk_import(b->stage.runtime, NULL, &b->bulk);
	if (status) {
		cli_complain(NAME, "%s", cli_reason(status));
		return CLI_FAILED;
	}
	(void)bench_stage_run(&b->stage, round_of_rows, tell_progress, b);
	failed = bench_stage_complain(&b->stage);
	if (report(b))
		failed = CLI_FAILED;
	return failed;
}

int bench_beside_main(int argc, char **argv)
{
	struct beside b = {.bytes = BYTES_DEFAULT};
	int failed = CLI_FAILED;

	bench_stage_init(&b.stage, NAME);
	b.stage.options.block_s = BLOCK_MS / 1000.0;
	argp_parse(&argp, argc, argv, 0, NULL, &b);
	for (unsigned i = 0; i < TRANSFERS; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			b.rows[i][s] = bench_zeros(NAME, 1, sizeof *b.rows[i][s]);
	for (unsigned i = 0; i < 3; i++)
		b.scratch[i] = bench_zeros(NAME, 1, sizeof *b.scratch[i]);
	b.data = bench_zeros(NAME, b.bytes, 1);
	memset(b.data, PATTERN_PLAIN, b.bytes); /* pages that are there, and data to Put */
	if (!bench_stage_open(&b.stage))
		failed = measure_all(&b);
	/* Bindings end with the runtime. */
	if (bench_stage_close(&b.stage))
		failed = CLI_FAILED;
	for (unsigned i = 0; i < TRANSFERS; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++) {
			pairs_free(&b.rows[i][s]->pairs);
			free(b.rows[i][s]);
		}
	for (unsigned i = 0; i < 3; i++)
		free(b.scratch[i]);
	free(b.data);
	return failed;
}
