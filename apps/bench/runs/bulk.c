/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk.c - `firefly bench bulk`: large arguments and results between blocks of bare frames
 * that go one way.
 *
 * Owns the command line, the caller's data and the order of the blocks, which is that of bench.c.
 * The frames are in floor.c, the procedures in bulk_service.c, the report in bench_bulk_report.c.
 * Uses nothing but what fireflyc generates from bulk.fly.
 *
 * Before anything is measured each row makes a call whose every byte is checked on the side that
 * gets it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <firefly/firefly.h>

#include "bulk.h"
#include "bench/stage/bulk.h"
#include "bench/stage/bulk_service.h"
#include "firefly/cli.h"
#include "firefly/commands.h"
#include "bench/measure/floor.h"
#include "firefly/pattern.h"
#include "bench/measure/ticks.h"

#define NAME            "bench bulk"
#define PAIRS_PER_VISIT 4
#define FLOOR_WARM_UP   1024 /* frames before a block of them begins */
#define LOOKS_PER_CLOCK                                                          \
	65536 /* idle rounds of a floor's loop between two readings of the clock \
	       */
#define TABLE_SECONDS   60
#define SIZES           14 /* 1 byte to 64 MiB, each 4 times the one before */
#define FLOOR_SILENCE_S 1

const char *const bulk_names[BULK_PROCEDURES] = {[BULK_PUT] = "Put", [BULK_GET] = "Get"};

struct bulk_options {
	uint32_t bytes; /* 0: a table of sizes */
	bool view;
	const char *plot; /* NULL: none */
};

struct bulk {
	struct bulk_options options;
	struct bench_stage stage;
	struct fly_binding *binding;
	struct bulk_result result;
	struct histogram *times; /* of the block that is being measured */
	uint8_t *data;           /* the caller's: BULK_MOST bytes */
	uint8_t mark;            /* of the last Put, or in the last result of Get */
	uint64_t sum;            /* of what was read in views */
};

/* ---- the command line ---- */

enum {
	KEY_SIZE = BENCH_KEY_OWN,
	KEY_VIEW,
	KEY_PLOT,
};

static const struct argp_option options[] = {
	{"size", KEY_SIZE, "BYTES", 0,
	 "Only this size, for instance 8M, 64k or 1 (default: a table from 1 byte to 64 MiB, and a "
	 "line through its times)",
	 0},
	{"view", KEY_VIEW, NULL, 0,
	 "Read the results of Get where they lie, instead of having them copied out", 0},
	{"plot", KEY_PLOT, "FILE", 0, "Draw times over sizes, as SVG", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct bulk *b = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &b->stage;
		return 0;
	case KEY_SIZE:
		b->options.bytes = (uint32_t)cli_bytes(NAME, "--size", text, 1, 64U << 20);
		if (b->options.bytes > BULK_MOST)
			b->options.bytes = BULK_MOST;
		return 0;
	case KEY_VIEW:
		b->options.view = true;
		return 0;
	case KEY_PLOT:
		b->options.plot = text;
		return 0;
	case ARGP_KEY_ARG:
		cli_refuse(NAME, "'%s' is not expected; a size is given as --size %s", text, text);
	case ARGP_KEY_END:
		if (b->options.plot && b->options.bytes)
			cli_refuse(NAME, "--plot draws the table of sizes: not with --size");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&bench_stage_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.children = children,
	.parser = parse,
	.doc = "Measure calls with large arguments (Put) and with large results (Get) between two "
	       "processes of this machine, and compare them with bare frames of full size that go "
	       "one way over the same link in the same moment."
	       "\v  firefly bench bulk --size 8M\n"
	       "  firefly bench bulk --link memif --plot times.svg --json -\n\n"
	       "The ratio is that of bytes per second (1.00x would be free, higher is better), "
	       "without the time that the server's procedure takes to read or write the data; "
	       "`whole` is the ratio with it. The table of sizes takes 60 s unless --seconds says "
	       "otherwise. firefly(1) says what is counted.",
};

/* ---- blocks of bare frames ---- */

struct flow {
	uint64_t block_ticks, patience_ticks;
	uint64_t seen;     /* frames so far */
	uint64_t begin;    /* when the block began; 0: still warming up */
	uint64_t began_at; /* frames that had been seen then */
	uint64_t last;     /* when one was seen; 0: not yet */
	uint32_t idle;
	bool lost; /* nothing came any more */
	struct block_sum sum;
};

static bool flow_goes_on(void *context, unsigned n)
{
	struct flow *f = context;
	uint64_t now;

	if (n == 0 && ++f->idle % LOOKS_PER_CLOCK != 0)
		return true;
	now = ticks_now();
	if (n == 0) {
		if (f->last == 0)
			f->last = now;
		f->lost = now - f->last > f->patience_ticks;
		return !f->lost;
	}
	f->last = now;
	f->seen += n;
	if (!f->begin) {
		if (f->seen >= FLOOR_WARM_UP) {
			f->begin = now;
			f->began_at = f->seen;
		}
		return true;
	}
	f->sum.count = f->seen - f->began_at;
	f->sum.ticks = now - f->begin;
	return f->sum.ticks < f->block_ticks;
}

/* @sum: bytes of payload, and the ticks they took. Return: 0, or -1 with trouble noted. */
static int measure_floor(struct bulk *b, enum bulk_procedure procedure, struct block_sum *sum)
{
	const double hz = (double)b->stage.machine.platform.tsc_hz;
	struct flow flow = {
		.block_ticks = (uint64_t)(b->stage.options.block_s * hz),
		.patience_ticks = (uint64_t)(FLOOR_SILENCE_S * hz),
	};

	bench_stage_settle(&b->stage);
	if (bench_stage_order(&b->stage, procedure == BULK_PUT ? CONTROL_RECEIVE : CONTROL_SEND, 0))
		return -1;
	if (procedure == BULK_PUT)
		floor_send(b->stage.runtime, flow_goes_on, &flow);
	else
		floor_receive(b->stage.runtime, flow_goes_on, &flow);
	*sum = flow.sum;
	sum->count *= b->result.floor_bytes;
	return flow.lost ? bench_stage_give_up(&b->stage, "bare frames were lost", 0) : 0;
}

/* ---- blocks of calls ---- */

/* Status of a call whose data was not as it should be; no call returns it. */
#define WRONG INT32_MIN

static int judge(const struct bulk_row *row, uint32_t bytes, bool good)
{
	return bytes == row->bytes && good ? 0 : WRONG;
}

static int get_view(struct bulk *b, const struct bulk_row *row)
{
	const uint8_t *data;
	struct fly_call *call;
	uint32_t bytes;
	int status = Bulk_Get_start(b->binding, row->bytes, &call);

	if (!status)
		status = Bulk_Get_view(call, &data, &bytes);
	if (status)
		return status;
	b->sum += bulk_read(data, bytes);
	status = judge(row, bytes, bulk_is_marked(data, bytes) && data[0] != b->mark);
	b->mark = data[0];
	fly_release(call);
	return status;
}

/* One call as it is measured. Return: 0, its status, or WRONG. */
static int call(struct bulk *b, const struct bulk_row *row)
{
	uint32_t bytes;
	int status;

	if (row->procedure == BULK_PUT) {
		bulk_mark(b->data, row->bytes, ++b->mark);
		return Bulk_Put(b->binding, b->data, row->bytes);
	}
	if (b->options.view)
		return get_view(b, row);
	status = Bulk_Get(b->binding, row->bytes, b->data, &bytes);
	if (status)
		return status;
	status = judge(row, bytes, bulk_is_marked(b->data, bytes) && b->data[0] != b->mark);
	b->mark = b->data[0];
	return status;
}

/* One call whose every byte is looked at. */
static int checked_call(struct bulk *b, const struct bulk_row *row)
{
	const uint64_t pattern = bulk_pattern(row->bytes, row->procedure == BULK_GET);
	uint32_t bytes;
	int status;

	if (row->procedure == BULK_PUT) {
		pattern_write(b->data, row->bytes, pattern);
		return Bulk_Put(b->binding, b->data, row->bytes);
	}
	memset(b->data, 0, row->bytes);
	status = Bulk_Get(b->binding, row->bytes, b->data, &bytes);
	return status ? status : judge(row, bytes, pattern_is(b->data, bytes, pattern));
}

static int complain(struct bulk *b, int status)
{
	if (status == WRONG || status == -FLY_ERAISED)
		return bench_stage_give_up(&b->stage, "a call had the wrong data", 0);
	return bench_stage_give_up(&b->stage, "a call failed", status);
}

static int check_row(struct bulk *b, const struct bulk_row *row)
{
	int status;

	if (bench_stage_order(&b->stage, CONTROL_CALLS, CONTROL_CALLS_CHECKED))
		return -1;
	status = checked_call(b, row);
	return status ? complain(b, status) : 0;
}

/* One call to warm up, then at least one. */
static int measure_calls(struct bulk *b, const struct bulk_row *row, struct block_sum *sum)
{
	const uint64_t block_ticks =
		(uint64_t)(b->stage.options.block_s * (double)b->stage.machine.platform.tsc_hz);
	uint64_t begin, last, now;
	int status;

	*sum = (struct block_sum){0};
	histogram_clear(b->times);
	if (bench_stage_order(&b->stage, CONTROL_CALLS, CONTROL_CALLS_WORK))
		return -1;
	status = call(b, row);
	bench_stage_settle(&b->stage);
	/* The same order again: the server counts from here on. */
	if (!status && bench_stage_order(&b->stage, CONTROL_CALLS, CONTROL_CALLS_WORK))
		return -1;
	begin = last = ticks_now();
	while (!status && last - begin < block_ticks) {
		status = call(b, row);
		now = ticks_now();
		histogram_add(b->times, now - last);
		last = now;
		sum->count++;
	}
	sum->ticks = last - begin;
	return status ? complain(b, status) : 0;
}

/* ---- pairs ---- */

static double rate(const struct block_sum *payloads)
{
	return payloads->ticks ? (double)payloads->count / (double)payloads->ticks : 0;
}

static void add_sum(struct block_sum *into, const struct block_sum *from)
{
	into->count += from->count;
	into->ticks += from->ticks;
}

/* The block of calls between two floors; @procedure_ticks: of the server, in that block. */
static void add_pair(struct bulk *b, const struct bulk_row *row, const struct block_sum *before,
		     const struct block_sum *calls, uint64_t procedure_ticks,
		     const struct block_sum *after, const struct bench_sight sights[4])
{
	struct bulk_figures *f = row->in[sights[1].state];
	const bool steady = bench_is_steady(sights);
	struct block_sum whole = {calls->count * row->bytes, calls->ticks}, moving = whole;

	moving.ticks -= procedure_ticks < moving.ticks ? procedure_ticks : 0;
	(void)pairs_add(&f->whole, rate(before), rate(&whole), rate(after), steady);
	if (!pairs_add(&f->moving, rate(before), rate(&moving), rate(after), steady))
		return;
	histogram_merge(&f->times, b->times);
	add_sum(&f->calls, calls);
	f->procedure_ticks += procedure_ticks;
	add_sum(&f->payloads, before);
	add_sum(&f->payloads, after);
}

/* One turn of a row: floor, then PAIRS_PER_VISIT times calls and floor. */
static int visit(struct bulk *b, struct bulk_row *row)
{
	struct block_sum before, calls, after;
	struct bench_sight sights[4];

	if (bench_stage_look(&b->stage, &sights[0]) || measure_floor(b, row->procedure, &before) ||
	    bench_stage_look(&b->stage, &sights[1]))
		return -1;
	for (unsigned i = 0; i < PAIRS_PER_VISIT && !bench_stop_wanted; i++) {
		uint64_t procedure_ticks;

		bench_stage_settle(&b->stage); /* what the server sent until it saw the order */
		if (measure_calls(b, row, &calls) || bench_stage_look(&b->stage, &sights[2]))
			return -1;
		procedure_ticks = b->stage.control.page->counted_ticks;
		if (measure_floor(b, row->procedure, &after) ||
		    bench_stage_look(&b->stage, &sights[3]))
			return -1;
		add_pair(b, row, &before, &calls, procedure_ticks, &after, sights);
		before = after;
		sights[0] = sights[2];
		sights[1] = sights[3];
	}
	bench_stage_settle(&b->stage);
	return 0;
}

static void tell_progress(const void *context, char *line, size_t bytes)
{
	const struct bulk *b = context;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < b->result.n_rows; i++) {
		const struct bulk_row *row = &b->result.rows[i];
		const size_t kept =
			row->in[PAIRS_NEAR]->moving.kept + row->in[PAIRS_FAR]->moving.kept;

		least = kept < least ? kept : least;
	}
	snprintf(line, bytes, "%zu pairs a row", least);
}

static int round_of_rows(void *context)
{
	struct bulk *b = context;
	int failed = 0;

	for (size_t i = 0; i < b->result.n_rows && !failed && !bench_stop_wanted; i++)
		failed = visit(b, &b->result.rows[i]);
	return failed;
}

/* ---- from start to end ---- */

static void make_rows(struct bulk *b)
{
	struct bulk_result *r = &b->result;
	const unsigned sizes = b->options.bytes ? 1 : SIZES;

	r->rows = bench_zeros(NAME, (size_t)sizes * BULK_PROCEDURES, sizeof *r->rows);
	for (unsigned i = 0; i < sizes; i++)
		for (unsigned p = 0; p < BULK_PROCEDURES; p++) {
			struct bulk_row *row = &r->rows[r->n_rows++];
			const uint32_t bytes = 1U << 2 * i;

			row->procedure = (enum bulk_procedure)p;
			row->bytes = b->options.bytes    ? b->options.bytes
				     : bytes < BULK_MOST ? bytes
							 : BULK_MOST;
			for (unsigned s = 0; s < PAIRS_STATES; s++)
				row->in[s] = bench_zeros(NAME, 1, sizeof *row->in[s]);
		}
	b->times = bench_zeros(NAME, 1, sizeof *b->times);
	b->data = bench_zeros(NAME, BULK_MOST, 1);
	memset(b->data, PATTERN_PLAIN, BULK_MOST); /* pages that are there */
}

static void free_rows(struct bulk *b)
{
	for (size_t i = 0; i < b->result.n_rows; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++) {
			pairs_free(&b->result.rows[i].in[s]->moving);
			pairs_free(&b->result.rows[i].in[s]->whole);
			free(b->result.rows[i].in[s]);
		}
	free(b->result.rows);
	free(b->times);
	free(b->data);
}

static int report(const struct bulk *b)
{
	const char *json = b->stage.options.json, *path = json;
	int failed = 0;

	if (!json || strcmp(json, "-") != 0)
		bench_bulk_print(&b->result);
	if (json)
		failed = bench_bulk_write(&b->result, json);
	if (!failed && b->options.plot) {
		path = b->options.plot;
		failed = bench_bulk_plot(&b->result, path);
	}
	if (failed)
		cli_complain(NAME, "%s cannot be written: %s", path, strerror(errno));
	return failed;
}

static int measure(struct bulk *b)
{
	int failed, status = Bulk_import(b->stage.runtime, NULL, &b->binding);

	if (status) {
		cli_complain(NAME, "%s", cli_reason(status));
		return CLI_FAILED;
	}
	b->result.floor_bytes = floor_full_bytes(b->stage.runtime);
	failed = 0;
	for (size_t i = 0; i < b->result.n_rows && !failed && !bench_stop_wanted; i++)
		failed = check_row(b, &b->result.rows[i]);
	if (!failed)
		(void)bench_stage_run(&b->stage, round_of_rows, tell_progress, b);
	failed = bench_stage_complain(&b->stage);
	if (report(b))
		failed = CLI_FAILED;
	fly_unbind(b->binding);
	return failed;
}

int bench_bulk_main(int argc, char **argv)
{
	struct bulk b = {.options.bytes = 0};
	double one_size_seconds;
	int failed = CLI_FAILED;

	bench_stage_init(&b.stage, NAME);
	one_size_seconds = b.stage.options.seconds;
	b.stage.options.seconds = 0;
	argp_parse(&argp, argc, argv, 0, NULL, &b);
	if (b.stage.options.seconds == 0)
		b.stage.options.seconds = b.options.bytes ? one_size_seconds : TABLE_SECONDS;
	make_rows(&b);
	b.result.machine = &b.stage.machine;
	b.result.view = b.options.view;
	b.result.table = b.options.bytes == 0;
	if (!bench_stage_open(&b.stage))
		failed = measure(&b);
	if (bench_stage_close(&b.stage))
		failed = CLI_FAILED;
	free_rows(&b);
	return failed;
}
