/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * calls.c - `firefly bench`: blocks of calls between blocks of bare frames, for half a minute.
 *
 * Owns the command line and the order of the blocks. The two processes are bench_stage.c's; what
 * is inside a block is in bench_calls.c and floor.c, what becomes of the figures in pairs.c and
 * bench_report.c.
 *
 * The order of the blocks
 *
 * The rows of the table (a procedure at a window) take turns of PAIRS_PER_VISIT pairs, round and
 * round until the time is over. So all rows see the same share of whatever the machine is going
 * through. Within a turn blocks alternate, floor, case, floor; a floor in the middle belongs to
 * two pairs. Before and after every block a cache line is sent to the other core and back, to
 * tell which state the machine is in.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <firefly/firefly.h>

#include "calls.h"
#include "firefly/cli.h"
#include "firefly/commands.h"
#include "bench/measure/floor.h"
#include "firefly/test.h"

#define PAIRS_PER_VISIT 8

const struct bench_profile bench_profiles[BENCH_PROCEDURES] = {
	[BENCH_NULL] = {"Null", "null", 74, 74, 0, "2.66 ms", "741/s"},
	[BENCH_MAX_RESULT] = {"MaxResult", "maxresult", 74, 1514, 1440, "6.35 ms", "4.65 Mb/s"},
	[BENCH_MAX_ARG] = {"MaxArg", "maxarg", 1514, 74, 1440, "about 6.35 ms", "about 4.65 Mb/s"},
};

enum {
	KEY_VIEW = BENCH_KEY_OWN,
};

struct bench_options {
	bool wanted[BENCH_PROCEDURES];
	bool any_wanted;
	unsigned window; /* 0: 1 and 64 */
	bool view;
};

struct bench {
	struct bench_options options;
	struct bench_stage stage;
	struct fly_binding *binding;
	struct bench_result result;
	struct histogram *scratch[3]; /* of the floor before, the calls, the floor after */
};

/* ---- the command line ---- */

static const struct argp_option options[] = {
	{"window", 'w', "N", 0, "Calls under way from one thread (default: first 1, then 64)", 0},
	{"view", KEY_VIEW, NULL, 0,
	 "Read the results of MaxResult in the packet, instead of having them copied out", 0},
	{0},
};

static void want(struct bench_options *o, const char *word)
{
	bool known = !strcmp(word, "all");

	for (unsigned p = 0; p < BENCH_PROCEDURES; p++) {
		if (strcmp(word, "all") != 0 && strcmp(word, bench_profiles[p].word) != 0)
			continue;
		o->wanted[p] = true;
		known = true;
	}
	if (!known)
		cli_refuse("bench",
			   "there is null, maxresult, maxarg and all, and bulk, beside, "
			   "conversations, handoff, local, marshal and processors as the first "
			   "word, but not '%s'",
			   word);
	o->any_wanted = true;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct bench *b = state->input;
	struct bench_options *o = &b->options;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &b->stage;
		return 0;
	case 'w':
		o->window = (unsigned)cli_number("bench", "--window", text, 1, BLOCK_WINDOW);
		return 0;
	case KEY_VIEW:
		o->view = true;
		return 0;
	case ARGP_KEY_ARG:
		want(o, text);
		return 0;
	case ARGP_KEY_END:
		if (!o->any_wanted)
			want(o, "all");
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
	.args_doc = "[null|maxresult|maxarg|all]...",
	.doc = "Measure what calls between two processes of this machine cost, and how that "
	       "compares with bare frames over the same link in the same moment."
	       "\vThe server process is started on another core, over a socket in a private "
	       "directory, and ends with this one. Nothing has to be prepared; with hugepages "
	       "it is faster.\n\n"
	       "  firefly bench\n"
	       "  firefly bench maxresult --link memif --window 64 --seconds 5 --json -\n"
	       "  firefly bench --threads 1..8 --help  other measurements: several threads,\n"
	       "  firefly bench processors --help      fewer cores,\n"
	       "  firefly bench local --help           calls without packets,\n"
	       "  firefly bench handoff --help         from thread to thread,\n"
	       "  firefly bench bulk --help            large calls,\n"
	       "  firefly bench beside --help          Null beside large calls,\n"
	       "  firefly bench conversations --help   servers that know many callers,\n"
	       "  firefly bench marshal --help         what marshalling costs\n\n"
	       "The floor is what the same link does with bare frames of the same sizes and no "
	       "calls. At window 1 the ratio compares times (1.00x would be free, lower is "
	       "better), at larger windows calls per second with frames per second (higher is "
	       "better). firefly(1) says how the figures come about.",
};

static int measure_floor(struct bench *b, const struct bench_row *row,
			 const struct block_plan *plan, struct histogram *times,
			 struct block_sum *sum)
{
	const struct bench_profile *profile = &bench_profiles[row->procedure];
	struct block_clock clock = block_clock(plan, times);
	int status;

	histogram_clear(times);
	bench_stage_settle(&b->stage);
	if (bench_stage_order(&b->stage, CONTROL_FLOOR, profile->result_bytes))
		return -1;
	status = floor_bounce(b->stage.runtime, profile->call_bytes, &clock);
	*sum = clock.sum;
	return status ? bench_stage_give_up(&b->stage, "a bare frame did not come back", status)
		      : 0;
}

static int measure_calls(struct bench *b, const struct bench_row *row,
			 const struct block_plan *plan, struct histogram *times,
			 struct block_sum *sum)
{
	struct block_clock clock = block_clock(plan, times);
	int status;

	histogram_clear(times);
	if (bench_stage_order(&b->stage, CONTROL_CALLS, 0))
		return -1;
	status = bench_calls(b->binding, row->procedure, b->options.view, &clock);
	*sum = clock.sum;
	return status ? bench_stage_give_up(&b->stage, "a call failed", status) : 0;
}

/* What a block is judged by: the median time at window 1, else round trips per tick. */
static double worth(const struct bench_row *row, double step, const struct histogram *times,
		    const struct block_sum *sum)
{
	if (row->window == 1)
		return histogram_percentile(times, 50, step);
	return sum->ticks ? (double)sum->count / (double)sum->ticks : 0;
}

static void add_sum(struct block_sum *into, const struct block_sum *from)
{
	into->count += from->count;
	into->ticks += from->ticks;
}

/* One turn of a row: floor, then PAIRS_PER_VISIT times calls and floor. */
static int visit(struct bench *b, struct bench_row *row)
{
	const struct block_plan plan =
		block_plan(row->window, (uint64_t)(b->stage.options.block_s *
						   (double)b->stage.machine.platform.tsc_hz));
	const double step = b->stage.machine.step;
	struct histogram **times = b->scratch;
	struct block_sum before, calls, after;
	struct bench_sight sights[4]; /* before and after both floors */

	if (bench_stage_look(&b->stage, &sights[0]) ||
	    measure_floor(b, row, &plan, times[0], &before) ||
	    bench_stage_look(&b->stage, &sights[1]))
		return -1;
	for (unsigned i = 0; i < PAIRS_PER_VISIT && !bench_stop_wanted; i++) {
		struct bench_figures *f = row->in[sights[1].state];

		if (measure_calls(b, row, &plan, times[1], &calls) ||
		    bench_stage_look(&b->stage, &sights[2]) ||
		    measure_floor(b, row, &plan, times[2], &after) ||
		    bench_stage_look(&b->stage, &sights[3]))
			return -1;
		if (pairs_add(&f->pairs, worth(row, step, times[0], &before),
			      worth(row, step, times[1], &calls),
			      worth(row, step, times[2], &after), bench_is_steady(sights))) {
			histogram_merge(&f->call_times, times[1]);
			histogram_merge(&f->floor_times, times[0]);
			histogram_merge(&f->floor_times, times[2]);
			add_sum(&f->calls, &calls);
			add_sum(&f->floors, &before);
			add_sum(&f->floors, &after);
		}

		/* The floor after this block is the floor before the next one. */
		struct histogram *spare = times[0];

		times[0] = times[2];
		times[2] = spare;
		before = after;
		sights[0] = sights[2];
		sights[1] = sights[3];
	}
	return 0;
}

static void tell_progress(const void *context, char *line, size_t bytes)
{
	const struct bench *b = context;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < b->result.n_rows; i++) {
		const struct bench_row *row = &b->result.rows[i];
		const size_t kept =
			row->in[PAIRS_NEAR]->pairs.kept + row->in[PAIRS_FAR]->pairs.kept;

		if (kept < least)
			least = kept;
	}
	snprintf(line, bytes, "%zu pairs a row", least);
}

/* All rows in turn. */
static int round_of_rows(void *context)
{
	struct bench *b = context;
	int failed = 0;

	for (size_t i = 0; i < b->result.n_rows && !failed && !bench_stop_wanted; i++)
		failed = visit(b, &b->result.rows[i]);
	return failed;
}

/* ---- from start to end ---- */

static void make_rows(struct bench *b)
{
	const struct bench_options *o = &b->options;
	struct bench_result *r = &b->result;

	r->rows = bench_zeros("bench", (size_t)BENCH_PROCEDURES * 2, sizeof *r->rows);
	for (unsigned p = 0; p < BENCH_PROCEDURES; p++) {
		if (!o->wanted[p])
			continue;
		for (unsigned w = 0; w < (o->window ? 1 : 2); w++) {
			struct bench_row *row = &r->rows[r->n_rows++];

			row->procedure = (enum bench_procedure)p;
			row->window = o->window ? o->window : w ? 64 : 1;
			for (unsigned s = 0; s < PAIRS_STATES; s++)
				row->in[s] = bench_zeros("bench", 1, sizeof *row->in[s]);
		}
	}
	for (unsigned i = 0; i < 3; i++)
		b->scratch[i] = bench_zeros("bench", 1, sizeof *b->scratch[i]);
}

static void free_rows(struct bench *b)
{
	struct bench_result *r = &b->result;

	for (size_t i = 0; i < r->n_rows; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++) {
			pairs_free(&r->rows[i].in[s]->pairs);
			free(r->rows[i].in[s]);
		}
	free(r->rows);
	for (unsigned i = 0; i < 3; i++)
		free(b->scratch[i]);
}

static int report(const struct bench *b)
{
	const char *json = b->stage.options.json;

	if (!json || strcmp(json, "-") != 0)
		bench_print_table(&b->result);
	if (json && bench_write_json(&b->result, json)) {
		cli_complain("bench", "%s cannot be written: %s", json, strerror(errno));
		return CLI_FAILED;
	}
	return 0;
}

/* The first word of the command line may name another measurement. */
static const struct {
	const char *word;
	const char *name; /* what argp calls the program */
	int (*run)(int argc, char **argv);
} others[] = {
	{"beside", "firefly bench beside", bench_beside_main},
	{"bulk", "firefly bench bulk", bench_bulk_main},
	{"conversations", "firefly bench conversations", bench_conversations_main},
	{"handoff", "firefly bench handoff", bench_handoff_main},
	{"local", "firefly bench local", bench_local_main},
	{"--local", "firefly bench local", bench_local_main},
	{"marshal", "firefly bench marshal", bench_marshal_main},
	{"processors", "firefly bench processors", bench_processors_main},
};

int bench_main(int argc, char **argv)
{
	struct bench b = {.options.window = 0};
	int failed = CLI_FAILED, status;

	for (size_t i = 0; argc > 1 && i < sizeof others / sizeof *others; i++) {
		if (strcmp(argv[1], others[i].word) != 0)
			continue;
		argv[1] = (char *)others[i].name;
		return others[i].run(argc - 1, argv + 1);
	}
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--threads", 9) == 0)
			return bench_threads_main(argc, argv);
	bench_stage_init(&b.stage, "bench");
	argp_parse(&argp, argc, argv, 0, NULL, &b);
	make_rows(&b);
	b.result.machine = &b.stage.machine;
	b.result.view = b.options.view;
	if (bench_stage_open(&b.stage))
		goto out;
	status = Test_import(b.stage.runtime, NULL, &b.binding);
	if (status) {
		cli_complain("bench", "%s", cli_reason(status));
		goto out;
	}
	b.result.seconds = bench_stage_run(&b.stage, round_of_rows, tell_progress, &b);
	failed = bench_stage_complain(&b.stage);
	if (report(&b))
		failed = CLI_FAILED;
	fly_unbind(b.binding);
out:
	if (bench_stage_close(&b.stage))
		failed = CLI_FAILED;
	free_rows(&b);
	return failed;
}
