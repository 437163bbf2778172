/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conversations.c - `firefly bench conversations`: what a call of Null costs a server that
 * knows many callers.
 *
 * Owns the command line, the order of the blocks, which is that of bench.c, and the report. The
 * calls are made by hand in floor_calls.c, by less work than serving them takes; what is compared
 * is what they cost the server: ticks in those turns of its poller that received something. The
 * floor of each pair is the same with one caller.
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
#include "firefly/cli.h"
#include "firefly/commands.h"
#include "bench/measure/floor_calls.h"
#include "firefly/test.h"

#define NAME            "bench conversations"
#define PAIRS_PER_VISIT 8
#define KNOWN_DEFAULT   100000
#define WINDOW_DEFAULT  64
#define GREET_AT_A_TIME 4096 /* between two looks at ^C */
#define SPARE           1024 /* records beyond those of our callers: at least, and a quarter more */

enum who_calls {
	WITH_HINTS,
	WITHOUT_HINTS,
	CASES,
};

static const struct {
	const char *name;
	const char *word; /* in JSON */
	enum floor_callers callers;
} cases[CASES] = {
	[WITH_HINTS] = {"with hints", "hints", FLOOR_ALL},
	[WITHOUT_HINTS] = {"without", "none", FLOOR_ALL_UNHINTED},
};

/* What one block was. */
struct cost {
	double busy;          /* ticks of the server for one call */
	struct block_sum sum; /* calls and ticks, as the caller saw them */
	uint64_t packets, packet_ticks;
};

/* One row in one state: all of it from the pairs that were kept. */
struct figures {
	struct pairs pairs;
	struct cost calls, floors; /* sums */
};

struct many {
	struct bench_stage stage;
	unsigned known, window;
	struct fly_binding *binding;
	struct floor_calls calls;
	struct histogram *times; /* of the block that is being measured; not reported */
	struct figures rows[CASES][PAIRS_STATES];
	uint64_t counted_before; /* executions, before the first call of ours */
};

/* ---- the command line ---- */

enum {
	KEY_KNOWN = BENCH_KEY_OWN,
};

static const struct argp_option options[] = {
	{"known", KEY_KNOWN, "N", 0, "Callers that the server knows (default 100000)", 0},
	{"window", 'w', "N", 0, "Calls under way at a time (default 64)", 0},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct many *b = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &b->stage;
		return 0;
	case KEY_KNOWN:
		b->known = (unsigned)cli_number(NAME, "--known", text, 1, FLOOR_CALLERS_MOST);
		return 0;
	case 'w':
		b->window = (unsigned)cli_number(NAME, "--window", text, 2, BLOCK_WINDOW);
		return 0;
	case ARGP_KEY_ARG:
		cli_refuse(NAME, "'%s' is not expected", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&bench_stage_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.children = children,
	.parser = parse,
	.doc = "Measure what a call of Null costs a server that knows many callers, any of which "
	       "may be the next, and compare it with the calls of one caller in the same moment."
	       "\v  firefly bench conversations\n"
	       "  firefly bench conversations --known 1000 --link memif --seconds 10 --json -\n\n"
	       "The ratio is that of the server's time per call (1.00x would be free, lower is "
	       "better). firefly(1) says how it comes about.",
};

/* ---- blocks ---- */

static int complain(struct many *b, int status)
{
	return bench_stage_give_up(&b->stage, "a call failed", status);
}

static int measure(struct many *b, enum floor_callers who, struct cost *cost)
{
	const struct block_plan plan =
		block_plan(b->window, (uint64_t)(b->stage.options.block_s *
						 (double)b->stage.machine.platform.tsc_hz));
	struct block_clock clock = block_clock(&plan, b->times);
	int status;

	*cost = (struct cost){0};
	if (bench_stage_order(&b->stage, CONTROL_CALLS, CONTROL_CALLS_BUSY))
		return -1;
	status = floor_calls_run(&b->calls, who, &clock);
	if (status)
		return complain(b, status);
	/* Any order makes the server write down what it has counted. */
	if (bench_stage_order(&b->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	cost->sum = clock.sum;
	cost->packets = b->stage.control.page->counted;
	cost->packet_ticks = b->stage.control.page->counted_ticks;
	cost->busy = cost->packets ? (double)cost->packet_ticks / (double)cost->packets : 0;
	return 0;
}

static void add_cost(struct cost *into, const struct cost *from)
{
	into->sum.count += from->sum.count;
	into->sum.ticks += from->sum.ticks;
	into->packets += from->packets;
	into->packet_ticks += from->packet_ticks;
}

/* One turn of a row: one caller, then PAIRS_PER_VISIT times all of them and one. */
static int visit(struct many *b, enum who_calls row)
{
	struct cost before, calls, after;
	struct bench_sight sights[4];

	if (bench_stage_look(&b->stage, &sights[0]) || measure(b, FLOOR_ONE, &before) ||
	    bench_stage_look(&b->stage, &sights[1]))
		return -1;
	for (unsigned i = 0; i < PAIRS_PER_VISIT && !bench_stop_wanted; i++) {
		struct figures *f = &b->rows[row][sights[1].state];

		if (measure(b, cases[row].callers, &calls) ||
		    bench_stage_look(&b->stage, &sights[2]) || measure(b, FLOOR_ONE, &after) ||
		    bench_stage_look(&b->stage, &sights[3]))
			return -1;
		if (pairs_add(&f->pairs, before.busy, calls.busy, after.busy,
			      bench_is_steady(sights))) {
			add_cost(&f->calls, &calls);
			add_cost(&f->floors, &before);
			add_cost(&f->floors, &after);
		}
		before = after;
		sights[0] = sights[2];
		sights[1] = sights[3];
	}
	return 0;
}

static int round_of_rows(void *context)
{
	struct many *b = context;
	int failed = 0;

	for (unsigned i = 0; i < CASES && !failed && !bench_stop_wanted; i++)
		failed = visit(b, (enum who_calls)i);
	return failed;
}

static void tell_progress(const void *context, char *line, size_t bytes)
{
	const struct many *b = context;

	snprintf(line, bytes, "%zu pairs a row",
		 b->rows[CASES - 1][PAIRS_NEAR].pairs.kept +
			 b->rows[CASES - 1][PAIRS_FAR].pairs.kept);
}

/* ---- the report ---- */

static double busy_ns(const struct many *b, const struct cost *cost)
{
	return cost->packets ? bench_ns(&b->stage.machine,
					(double)cost->packet_ticks / (double)cost->packets)
			     : 0;
}

static double per_second(const struct many *b, const struct cost *cost)
{
	return cost->sum.ticks
		       ? (double)cost->sum.count * (double)b->stage.machine.platform.tsc_hz /
				 (double)cost->sum.ticks
		       : 0;
}

/* How much of the time the server had something to do: all of it, if it is what limits. */
static double busy_share(const struct many *b, const struct cost *cost)
{
	const double share = busy_ns(b, cost) * per_second(b, cost) / 1e9;

	return share < 1 ? share : 1;
}

static enum pairs_state shown(const struct many *b, enum who_calls row)
{
	return bench_main_state((const size_t[]){b->rows[row][PAIRS_NEAR].pairs.kept,
						 b->rows[row][PAIRS_FAR].pairs.kept});
}

static void print_row(const struct many *b, struct figures *f, const char *label)
{
	char rate[16], floor_rate[16], ratio[16];

	if (f->pairs.kept == 0) {
		printf("%-10s %11s\n", label, "-");
		return;
	}
	printf("%-10s %11" PRIu64 " %8.1f %5.0f%% %8s %12.1f %5.0f%% %8s %7s\n", label,
	       f->calls.sum.count, busy_ns(b, &f->calls), 100 * busy_share(b, &f->calls),
	       bench_scaled(rate, per_second(b, &f->calls)), busy_ns(b, &f->floors),
	       100 * busy_share(b, &f->floors), bench_scaled(floor_rate, per_second(b, &f->floors)),
	       bench_ratio(ratio, pairs_judge(&f->pairs).ratio));
}

static void print_table(struct many *b)
{
	bool near = false, far = false;

	printf("Null over %s at window %u, a server that knows %u callers\n\n",
	       b->stage.machine.link, b->window, b->known);
	printf("%-10s %11s %8s %6s %8s %12s %6s %8s %7s\n", "", "calls", "server", "busy",
	       "calls/s", "one caller", "busy", "calls/s", "ratio");
	for (unsigned i = 0; i < CASES; i++) {
		const enum pairs_state state = shown(b, (enum who_calls)i);
		const enum pairs_state other = state == PAIRS_NEAR ? PAIRS_FAR : PAIRS_NEAR;

		print_row(b, &b->rows[i][state], cases[i].name);
		near = near || state == PAIRS_NEAR;
		far = far || state == PAIRS_FAR;
		if (b->rows[i][other].pairs.kept >= PAIRS_LEAST)
			print_row(b, &b->rows[i][other], other == PAIRS_FAR ? "  far" : "  near");
	}
	printf("\nServer: ns that a call costs it; one caller: the same when it is always the same "
	       "one, with its hint,\nin the same moments; ratio: of these two (lower is better). "
	       "Busy: how much of the time the server\nhad something to do. A record takes %zu "
	       "bytes.\n",
	       floor_record_bytes());
	for (unsigned i = 0; i < CASES; i++)
		bench_print_doubt(&b->rows[i][shown(b, (enum who_calls)i)].pairs, cases[i].name);
	for (unsigned s = 0; s < PAIRS_STATES; s++) {
		const struct pairs *each[CASES];

		for (unsigned i = 0; i < CASES; i++)
			each[i] = &b->rows[i][s].pairs;
		bench_print_state(&b->stage.machine, (enum pairs_state)s, each, CASES);
	}
	if (far)
		printf("shown are the figures of the far state%s\n",
		       near ? " where there are too few near pairs" : "");
	bench_print_machine(&b->stage.machine);
	fflush(stdout);
}

static struct json_object *cost_json(const struct many *b, const struct cost *cost)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "calls", json_object_new_int64((int64_t)cost->sum.count));
	json_object_object_add(object, "server_ns", bench_number(busy_ns(b, cost), 2));
	json_object_object_add(object, "server_busy", bench_number(busy_share(b, cost), 3));
	json_object_object_add(object, "calls_per_s", bench_number(per_second(b, cost), 0));
	return object;
}

static struct json_object *row_json(struct many *b, enum who_calls row, enum pairs_state state)
{
	struct figures *f = &b->rows[row][state];
	struct json_object *run = json_object_new_object();

	json_object_object_add(run, "procedure", json_object_new_string("Null"));
	json_object_object_add(run, "link", json_object_new_string(b->stage.machine.link));
	json_object_object_add(run, "window", json_object_new_int((int)b->window));
	json_object_object_add(run, "known", json_object_new_int64(b->known));
	json_object_object_add(run, "hints", json_object_new_string(cases[row].word));
	json_object_object_add(run, "all", cost_json(b, &f->calls));
	json_object_object_add(run, "one", cost_json(b, &f->floors));
	json_object_object_add(run, "ratio", bench_number(pairs_judge(&f->pairs).ratio, 4));
	json_object_object_add(run, "record_bytes",
			       json_object_new_int64((int64_t)floor_record_bytes()));
	json_object_object_add(run, "state", json_object_new_string(bench_state_names[state]));
	json_object_object_add(run, "pairs", json_object_new_int64((int64_t)f->pairs.kept));
	json_object_object_add(run, "pairs_dropped", json_object_new_int64(f->pairs.dropped));
	return run;
}

static int write_json(struct many *b, const char *path)
{
	struct json_object *all = json_object_new_object(), *runs = json_object_new_array();

	for (unsigned i = 0; i < CASES; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			if (b->rows[i][s].pairs.kept || b->rows[i][s].pairs.dropped)
				json_object_array_add(runs, row_json(b, (enum who_calls)i,
								     (enum pairs_state)s));
	json_object_object_add(all, "runs", runs);
	return bench_write(&b->stage.machine, all, path);
}

static int report(struct many *b)
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

/* Every caller calls once, so that the server knows it. */
static int greet(struct many *b)
{
	int status = 0;

	if (bench_stage_order(&b->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	while (!status && b->calls.greeted < b->known && !bench_stop_wanted)
		status = floor_calls_greet(&b->calls, GREET_AT_A_TIME);
	return status ? complain(b, status) : 0;
}

/* Did the server run each call, and nothing else? */
static int check_count(struct many *b)
{
	uint64_t counted;
	int status;

	bench_stage_settle(&b->stage);
	status = bench_stage_order(&b->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN);
	if (status)
		return status;
	status = Test_Count(b->binding, &counted);
	if (status)
		return complain(b, status);
	if (counted - b->counted_before == b->calls.results)
		return 0;
	cli_complain(NAME, "%" PRIu64 " results came of %" PRIu64 " executions", b->calls.results,
		     counted - b->counted_before);
	return CLI_FAILED;
}

static int measure_all(struct many *b)
{
	int failed, status = Test_import(b->stage.runtime, NULL, &b->binding);

	if (!status)
		status = Test_Count(b->binding, &b->counted_before);
	if (!status)
		status = floor_calls_init(&b->calls, b->stage.runtime, b->binding, b->known);
	if (status) {
		cli_complain(NAME, "%s", cli_reason(status));
		return CLI_FAILED;
	}
	if (!greet(b))
		(void)bench_stage_run(&b->stage, round_of_rows, tell_progress, b);
	failed = b->stage.trouble ? CLI_FAILED : check_count(b);
	if (bench_stage_complain(&b->stage))
		failed = CLI_FAILED;
	if (report(b))
		failed = CLI_FAILED;
	floor_calls_free(&b->calls);
	fly_unbind(b->binding);
	return failed;
}

int bench_conversations_main(int argc, char **argv)
{
	struct many b = {.known = KNOWN_DEFAULT, .window = WINDOW_DEFAULT};
	int failed = CLI_FAILED;

	bench_stage_init(&b.stage, NAME);
	argp_parse(&argp, argc, argv, 0, NULL, &b);
	b.stage.options.conversations = b.known + b.known / 4 + SPARE;
	b.times = bench_zeros(NAME, 1, sizeof *b.times);
	if (!bench_stage_open(&b.stage))
		failed = measure_all(&b);
	if (bench_stage_close(&b.stage))
		failed = CLI_FAILED;
	for (unsigned i = 0; i < CASES; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			pairs_free(&b.rows[i][s].pairs);
	free(b.times);
	return failed;
}
