/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local.c - `firefly bench local`: calls over a local link against a bare cache line.
 *
 * Owns the command line, the order of the blocks, which is that of bench.c, and the report. The
 * floor is one cache line that goes to the server's core and back (line.h); for MaxResult and
 * MaxArg at window 1 it has 1440 bytes with it, copied in on one core and out on the other, as a
 * call copies them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "calls.h"
#include "bench/report/text.h"
#include "firefly/cli.h"
#include "firefly/commands.h"
#include "bench/measure/line.h"
#include "firefly/test.h"

#define NAME            "bench local"
#define PAIRS_PER_VISIT 8
#define WINDOW          64 /* of the rows that have more than one call under way */
#define IDLE            64 /* further clients of one row */
#define CLIENTS         ",clients=80"
#define BLOCK_MS        2

/* What is known of a row before it is measured. */
struct profile {
	enum bench_procedure procedure;
	unsigned window;
	unsigned idle;   /* further clients that are bound and do nothing */
	unsigned copies; /* in the floor */
	double goal;     /* times the floor at the most; 0: none was set */
};

static const struct profile profiles[] = {
	{BENCH_NULL, 1, 0, 0, 1.6},       {BENCH_NULL, 1, IDLE, 0, 2.0},
	{BENCH_MAX_RESULT, 1, 0, 2, 1.0}, {BENCH_MAX_ARG, 1, 0, 2, 1.0},
	{BENCH_NULL, WINDOW, 0, 0, 0},    {BENCH_MAX_RESULT, WINDOW, 0, 0, 0},
	{BENCH_MAX_ARG, WINDOW, 0, 0, 0},
};

#define ROWS (sizeof profiles / sizeof *profiles)

/* One row in one state: all of it from the pairs that were kept. */
struct figures {
	struct pairs pairs;
	struct histogram calls;  /* ticks: of LINE_GROUP calls at window 1 */
	struct histogram floors; /* of LINE_GROUP round trips */
	struct histogram copies; /* of one copy */
	struct block_sum calls_sum, floors_sum;
};

/* What came of a block. */
struct measured {
	struct histogram times;
	struct histogram copies; /* of a floor */
	struct block_sum sum;
};

struct local {
	struct bench_stage stage;
	struct fly_binding *binding;
	struct fly_binding *idle[IDLE];
	struct figures *rows[ROWS][PAIRS_STATES]; /* never NULL */
	struct measured *scratch[3];              /* the floor before, the calls, the floor after */
};

/* The caller's own variables. */
static uint8_t result[1440], argument[1440];

/* ---- the command line ---- */

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct local *l = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &l->stage;
		return 0;
	case ARGP_KEY_ARG:
		cli_refuse(NAME, "'%s' is not expected: all of Test is measured", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&bench_stage_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.children = children,
	.parser = parse,
	.doc = "Measure calls between two processes of this machine over a local link, which has "
	       "no "
	       "packets, and compare them with a bare cache line that goes to the other core and "
	       "back in the same moment."
	       "\v  firefly bench local\n"
	       "  firefly bench --local --seconds 5 --json -\n\n"
	       "The ratio is that of the times at window 1 (lower is better), and of calls to "
	       "round "
	       "trips of the line per second at window 64 (higher is better). --link has no "
	       "meaning here.",
};

/* ---- blocks ---- */

static uint64_t block_ticks(const struct local *l)
{
	return (uint64_t)(l->stage.options.block_s * (double)l->stage.machine.platform.tsc_hz);
}

static int measure_floor(struct local *l, const struct profile *profile, struct measured *m)
{
	const uint64_t ticks = profile->copies ? block_ticks(l) / 2 : block_ticks(l);
	const uint64_t hz = l->stage.machine.platform.tsc_hz;
	struct line *line = &l->stage.control.page->line;

	histogram_clear(&m->times);
	histogram_clear(&m->copies);
	if (bench_stage_order(&l->stage, CONTROL_LINE, LINE_BARE))
		return -1;
	if (line_ask(line, ticks, hz, &m->times, &m->sum))
		return bench_stage_give_up(&l->stage, "a cache line did not come back", 0);
	if (!profile->copies)
		return 0;
	if (bench_stage_order(&l->stage, CONTROL_LINE, LINE_BYTES_TOO))
		return -1;
	if (line_copy(line, ticks, hz, &m->copies))
		return bench_stage_give_up(&l->stage, "a cache line did not come back", 0);
	return 0;
}

static int call_null(void *binding)
{
	return Test_Null(binding);
}

static int call_max_result(void *binding)
{
	return Test_MaxResult(binding, result);
}

static int call_max_arg(void *binding)
{
	return Test_MaxArg(binding, argument);
}

static int call_in_groups(struct fly_binding *binding, enum bench_procedure procedure,
			  uint64_t ticks, struct histogram *times, struct block_sum *sum)
{
	switch (procedure) {
	case BENCH_NULL:
		return line_calls(call_null, binding, ticks, times, sum);
	case BENCH_MAX_RESULT:
		return line_calls(call_max_result, binding, ticks, times, sum);
	case BENCH_MAX_ARG:
		return line_calls(call_max_arg, binding, ticks, times, sum);
	default:
		return -FLY_EINVAL;
	}
}

static int measure_calls(struct local *l, const struct profile *profile, struct measured *m)
{
	int status;

	histogram_clear(&m->times);
	if (bench_stage_order(&l->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	if (profile->window == 1) {
		status = call_in_groups(l->binding, profile->procedure, block_ticks(l), &m->times,
					&m->sum);
	} else {
		const struct block_plan plan = block_plan(profile->window, block_ticks(l));
		struct block_clock clock = block_clock(&plan, &m->times);

		status = bench_calls(l->binding, profile->procedure, false, &clock);
		m->sum = clock.sum;
	}
	return status ? bench_stage_give_up(&l->stage, "a call failed", status) : 0;
}

/* Ticks of a floor that was measured, or of all that were. */
static double floor_ticks(const struct local *l, const struct profile *profile,
			  const struct histogram *lines, const struct histogram *copies)
{
	const double step = l->stage.machine.step;

	return histogram_percentile(lines, 50, step) / LINE_GROUP +
	       profile->copies * histogram_percentile(copies, 50, step);
}

static double per_tick(const struct block_sum *sum)
{
	return sum->ticks ? (double)sum->count / (double)sum->ticks : 0;
}

/* What blocks are judged by: the median time at window 1, else round trips per tick. */
static double worth_of_floor(const struct local *l, const struct profile *profile,
			     const struct measured *m)
{
	return profile->window == 1 ? floor_ticks(l, profile, &m->times, &m->copies)
				    : per_tick(&m->sum);
}

static double worth_of_calls(const struct local *l, const struct profile *profile,
			     const struct measured *m)
{
	return profile->window == 1
		       ? histogram_percentile(&m->times, 50, l->stage.machine.step) / LINE_GROUP
		       : per_tick(&m->sum);
}

static void add(struct block_sum *into, const struct block_sum *from)
{
	into->count += from->count;
	into->ticks += from->ticks;
}

/* Further clients come, call once, and do nothing from then on. */
static int bind_idle(struct local *l, unsigned n)
{
	if (bench_stage_order(&l->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	for (unsigned i = 0; i < n; i++) {
		int status = Test_import(l->stage.runtime, NULL, &l->idle[i]);

		if (!status)
			status = Test_Null(l->idle[i]);
		if (status)
			return bench_stage_give_up(&l->stage, "a further client", status);
	}
	return 0;
}

static int unbind_idle(struct local *l)
{
	if (bench_stage_order(&l->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	for (unsigned i = 0; i < IDLE; i++) {
		if (l->idle[i])
			fly_unbind(l->idle[i]);
		l->idle[i] = NULL;
	}
	return 0;
}

static void keep(struct figures *f, const struct measured *before, const struct measured *calls,
		 const struct measured *after)
{
	histogram_merge(&f->calls, &calls->times);
	histogram_merge(&f->floors, &before->times);
	histogram_merge(&f->floors, &after->times);
	histogram_merge(&f->copies, &before->copies);
	histogram_merge(&f->copies, &after->copies);
	add(&f->calls_sum, &calls->sum);
	add(&f->floors_sum, &before->sum);
	add(&f->floors_sum, &after->sum);
}

/* Floor, then PAIRS_PER_VISIT times calls and floor. */
static int alternate(struct local *l, unsigned number)
{
	const struct profile *profile = &profiles[number];
	struct measured **m = l->scratch;
	struct bench_sight sights[4]; /* before and after both floors */

	if (bench_stage_look(&l->stage, &sights[0]) || measure_floor(l, profile, m[0]) ||
	    bench_stage_look(&l->stage, &sights[1]))
		return -1;
	for (unsigned i = 0; i < PAIRS_PER_VISIT && !bench_stop_wanted; i++) {
		struct figures *f = l->rows[number][sights[1].state];
		struct measured *spare = m[0];

		if (measure_calls(l, profile, m[1]) || bench_stage_look(&l->stage, &sights[2]) ||
		    measure_floor(l, profile, m[2]) || bench_stage_look(&l->stage, &sights[3]))
			return -1;
		if (pairs_add(&f->pairs, worth_of_floor(l, profile, m[0]),
			      worth_of_calls(l, profile, m[1]), worth_of_floor(l, profile, m[2]),
			      bench_is_steady(sights)))
			keep(f, m[0], m[1], m[2]);
		m[0] = m[2];
		m[2] = spare;
		sights[0] = sights[2];
		sights[1] = sights[3];
	}
	return 0;
}

static int visit(struct local *l, unsigned number)
{
	if (bind_idle(l, profiles[number].idle) || alternate(l, number))
		return -1;
	return profiles[number].idle ? unbind_idle(l) : 0;
}

static int round_of_rows(void *context)
{
	struct local *l = context;
	int failed = 0;

	for (unsigned i = 0; i < ROWS && !failed && !bench_stop_wanted; i++)
		failed = visit(l, i);
	return failed;
}

static void tell_progress(const void *context, char *line, size_t bytes)
{
	const struct local *l = context;

	snprintf(line, bytes, "%zu pairs a row",
		 l->rows[ROWS - 1][PAIRS_NEAR]->pairs.kept +
			 l->rows[ROWS - 1][PAIRS_FAR]->pairs.kept);
}

/* ---- the report ---- */

static double per_second(const struct local *l, const struct block_sum *sum)
{
	return sum->ticks ? (double)sum->count * (double)l->stage.machine.platform.tsc_hz /
				    (double)sum->ticks
			  : 0;
}

/* Ticks of one call or round trip. */
static double percentile(const struct local *l, const struct profile *profile,
			 const struct histogram *times, double percent)
{
	return histogram_percentile(times, percent, l->stage.machine.step) /
	       (profile->window == 1 ? LINE_GROUP : 1);
}

static enum pairs_state shown(const struct local *l, unsigned number)
{
	return bench_main_state((const size_t[]){l->rows[number][PAIRS_NEAR]->pairs.kept,
						 l->rows[number][PAIRS_FAR]->pairs.kept});
}

static const char *name_of(char text[32], const struct profile *profile)
{
	if (profile->idle)
		snprintf(text, 32, "%s +%u idle", bench_profiles[profile->procedure].name,
			 profile->idle);
	else
		snprintf(text, 32, "%s", bench_profiles[profile->procedure].name);
	return text;
}

static const char *doubtful(char text[32], const struct profile *profile)
{
	if (profile->window == 1)
		return name_of(text, profile);
	snprintf(text, 32, "%s at window %u", bench_profiles[profile->procedure].name,
		 profile->window);
	return text;
}

static void print_row(const struct local *l, unsigned number, enum pairs_state state,
		      const char *label, bool with_goal)
{
	const struct profile *profile = &profiles[number];
	const struct bench_machine *m = &l->stage.machine;
	struct figures *f = l->rows[number][state];
	char p50[16], p99[16], rate[16], line[16], ratio[16], goal[24] = "";

	if (f->pairs.kept == 0) {
		printf("%-14s %6u %10s\n", label, profile->window, "-");
		return;
	}
	if (with_goal && profile->goal > 0)
		snprintf(goal, sizeof goal, "at most %.1fx", profile->goal);
	printf("%-14s %6u %10" PRIu64 " %6s %6s %8s %9s %7s  %s\n", label, profile->window,
	       f->calls_sum.count, bench_us(p50, m, percentile(l, profile, &f->calls, 50)),
	       bench_us(p99, m, percentile(l, profile, &f->calls, 99)),
	       bench_scaled(rate, per_second(l, &f->calls_sum)),
	       bench_us(line, m, floor_ticks(l, profile, &f->floors, &f->copies)),
	       bench_ratio(ratio, pairs_judge(&f->pairs).ratio), goal);
}

static void print_table(const struct local *l)
{
	bool near = false, far = false;
	char name[32];

	printf("Calls over a local link, 1 thread\n\n");
	printf("%-14s %6s %10s %6s %6s %8s %9s %7s  %s\n", "procedure", "window", "calls", "p50",
	       "p99", "calls/s", "floor", "ratio", "goal");
	for (unsigned i = 0; i < ROWS; i++) {
		const enum pairs_state state = shown(l, i);
		const enum pairs_state other = state == PAIRS_NEAR ? PAIRS_FAR : PAIRS_NEAR;

		print_row(l, i, state, name_of(name, &profiles[i]), true);
		near = near || state == PAIRS_NEAR;
		far = far || state == PAIRS_FAR;
		if (l->rows[i][other]->pairs.kept >= PAIRS_LEAST)
			print_row(l, i, other, other == PAIRS_FAR ? "  far" : "  near", false);
	}
	printf("\nTimes in us, at window 1 of %u calls in a row, divided by %u. Floor: one cache "
	       "line to the other core and\nback; for MaxResult and MaxArg at window 1 also twice "
	       "a "
	       "memcpy of 1440 bytes that the other core wrote.\nRatio: of times at window 1 "
	       "(lower "
	       "is better), of calls to bare round trips per second above (higher).\n",
	       LINE_GROUP, LINE_GROUP);
	for (unsigned i = 0; i < ROWS; i++)
		bench_print_doubt(&l->rows[i][shown(l, i)]->pairs, doubtful(name, &profiles[i]));
	for (unsigned s = 0; s < PAIRS_STATES; s++) {
		const struct pairs *each[ROWS];

		for (unsigned i = 0; i < ROWS; i++)
			each[i] = &l->rows[i][s]->pairs;
		bench_print_state(&l->stage.machine, (enum pairs_state)s, each, ROWS);
	}
	if (far)
		printf("shown are the figures of the far state%s\n",
		       near ? " where there are too few near pairs" : "");
	bench_print_machine(&l->stage.machine);
	fflush(stdout);
}

static struct json_object *row_json(const struct local *l, unsigned number, enum pairs_state state)
{
	const struct profile *profile = &profiles[number];
	const struct bench_machine *m = &l->stage.machine;
	struct figures *f = l->rows[number][state];
	struct json_object *run = json_object_new_object(), *under = json_object_new_object();

	json_object_object_add(
		under, "what",
		json_object_new_string(
			profile->copies
				? "a cache line there and back, and two copies of 1440 bytes"
				: "a cache line there and back"));
	json_object_object_add(
		under, "p50_ns",
		bench_number(bench_ns(m, floor_ticks(l, profile, &f->floors, &f->copies)), 1));
	json_object_object_add(under, "copy_p50_ns",
			       profile->copies ? bench_percentile(m, &f->copies, 50) : NULL);
	json_object_object_add(under, "per_s", bench_number(per_second(l, &f->floors_sum), 0));

	json_object_object_add(run, "procedure",
			       json_object_new_string(bench_profiles[profile->procedure].name));
	json_object_object_add(run, "link", json_object_new_string("local"));
	json_object_object_add(run, "threads", json_object_new_int(1));
	json_object_object_add(run, "window", json_object_new_int((int)profile->window));
	json_object_object_add(run, "idle_clients", json_object_new_int((int)profile->idle));
	json_object_object_add(run, "calls", json_object_new_int64((int64_t)f->calls_sum.count));
	json_object_object_add(run, "p50_ns",
			       bench_number(bench_ns(m, percentile(l, profile, &f->calls, 50)), 1));
	json_object_object_add(run, "p99_ns",
			       bench_number(bench_ns(m, percentile(l, profile, &f->calls, 99)), 1));
	json_object_object_add(run, "calls_per_s", bench_number(per_second(l, &f->calls_sum), 0));
	json_object_object_add(run, "floor", under);
	json_object_object_add(run, "ratio", bench_number(pairs_judge(&f->pairs).ratio, 4));
	json_object_object_add(run, "state", json_object_new_string(bench_state_names[state]));
	json_object_object_add(run, "pairs", json_object_new_int64((int64_t)f->pairs.kept));
	json_object_object_add(run, "pairs_dropped", json_object_new_int64(f->pairs.dropped));
	return run;
}

static int write_json(const struct local *l, const char *path)
{
	struct json_object *all = json_object_new_object(), *runs = json_object_new_array();

	for (unsigned i = 0; i < ROWS; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			if (l->rows[i][s]->pairs.kept || l->rows[i][s]->pairs.dropped)
				json_object_array_add(runs, row_json(l, i, (enum pairs_state)s));
	json_object_object_add(all, "runs", runs);
	return bench_write(&l->stage.machine, all, path);
}

static int report(const struct local *l)
{
	const char *json = l->stage.options.json;

	if (!json || strcmp(json, "-") != 0)
		print_table(l);
	if (!json || !write_json(l, json))
		return 0;
	cli_complain(NAME, "%s cannot be written: %s", json, strerror(errno));
	return CLI_FAILED;
}

/* ---- from start to end ---- */

static int measure_all(struct local *l)
{
	const int status = Test_import(l->stage.runtime, NULL, &l->binding);
	int failed;

	if (status) {
		cli_complain(NAME, "%s", cli_reason(status));
		return CLI_FAILED;
	}
	(void)bench_stage_run(&l->stage, round_of_rows, tell_progress, l);
	failed = bench_stage_complain(&l->stage);
	return report(l) ? CLI_FAILED : failed;
}

int bench_local_main(int argc, char **argv)
{
	struct local l = {.binding = NULL};
	int failed = CLI_FAILED;

	bench_stage_init(&l.stage, NAME);
	l.stage.options.block_s = BLOCK_MS / 1000.0;
	argp_parse(&argp, argc, argv, 0, NULL, &l);
	l.stage.options.link = "local";
	l.stage.options.clients = CLIENTS;
	for (unsigned i = 0; i < ROWS; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			l.rows[i][s] = bench_zeros(NAME, 1, sizeof *l.rows[i][s]);
	for (unsigned i = 0; i < 3; i++)
		l.scratch[i] = bench_zeros(NAME, 1, sizeof *l.scratch[i]);
	if (!bench_stage_open(&l.stage))
		failed = measure_all(&l);
	/* Bindings end with the runtime. */
	if (bench_stage_close(&l.stage))
		failed = CLI_FAILED;
	for (unsigned i = 0; i < ROWS; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++) {
			pairs_free(&l.rows[i][s]->pairs);
			free(l.rows[i][s]);
		}
	for (unsigned i = 0; i < 3; i++)
		free(l.scratch[i]);
	return failed;
}
