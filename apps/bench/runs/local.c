/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local.c - `firefly bench local`: calls over a local link against a bare cache line.
 *
 * Owns the rows, the floor and the report. The floor is one cache line that goes to the server's
 * core and back (line.h); for MaxResult and MaxArg at window 1 it has 1440 bytes with it, copied in
 * on one core and out on the other, as a call copies them.
 */
#include <math.h>
#include <stdio.h>

#include "bench/measure/line.h"
#include "run.h"

#define NAME   "bench local"
#define WINDOW 64 /* of the rows that have more than one call under way */
#define IDLE   64 /* further clients of one row */

/* What is known of a row before it is measured. */
struct profile {
	enum calls_procedure procedure;
	unsigned window;
	unsigned idle;   /* further clients that are bound and do nothing */
	unsigned copies; /* in the floor */
	const char *goal;
};

static const struct profile profiles[] = {
	{CALLS_NULL, 1, 0, 0, "at most 1.3x"},       {CALLS_NULL, 1, IDLE, 0, "at most 1.4x"},
	{CALLS_MAX_RESULT, 1, 0, 2, "at most 1.2x"}, {CALLS_MAX_ARG, 1, 0, 2, "at most 1.2x"},
	{CALLS_NULL, WINDOW, 0, 0, "at least 3.0x"}, {CALLS_MAX_RESULT, WINDOW, 0, 0, ""},
	{CALLS_MAX_ARG, WINDOW, 0, 0, ""},
};

/* The caller's own variables, and the bindings of further clients. */
static uint8_t result[1440], argument[1440];
static struct fly_binding *idle[IDLE];

static const struct profile *of(const struct row *row)
{
	return row->is;
}

static void prepare(struct rounds *r)
{
	r->stage.options.link = "local";
	r->stage.options.clients = ",clients=80";
	snprintf(r->title, sizeof r->title, "Calls over a local link, 1 thread");
	for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
		const struct profile *profile = &profiles[i];
		const char *name = calls_profiles[profile->procedure].name;
		struct row *row = rounds_add(r, name);

		row->is = profile;
		row->procedure = profile->procedure;
		row->window = profile->window;
		if (profile->idle)
			snprintf(row->label, sizeof row->label, "%s +%u idle", name, profile->idle);
		snprintf(row->name, sizeof row->name, "%s", row->label);
		if (row->window > 1)
			snprintf(row->name, sizeof row->name, "%s at window %u", name, row->window);
	}
}

/* ---- blocks ---- */

static int measure_floor(struct rounds *r, const struct row *row, struct sample *sample)
{
	const unsigned copies = of(row)->copies;
	const uint64_t ticks = stage_block_ticks(&r->stage) / (copies ? 2 : 1);
	const uint64_t hz = r->stage.machine.platform.tsc_hz;
	struct line *line = &r->stage.control.page->line;
	int lost;

	if (stage_order(&r->stage, CONTROL_LINE, LINE_BARE))
		return -1;
	lost = line_ask(line, ticks, hz, &sample->times, &sample->sum);
	if (!lost && copies) {
		if (stage_order(&r->stage, CONTROL_LINE, LINE_BYTES_TOO))
			return -1;
		lost = line_copy(line, ticks, hz, &sample->others);
	}
	return lost ? stage_give_up(&r->stage, "a cache line did not come back", 0) : 0;
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

/* At window 1 calls are timed in groups, as the line is. */
static int measure_calls(struct rounds *r, const struct row *row, struct sample *s)
{
	const uint64_t ticks = stage_block_ticks(&r->stage);
	int status;

	if (row->window > 1)
		return rounds_calls(r, row, s);
	if (stage_order(&r->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	if (row->procedure == CALLS_NULL)
		status = line_calls(call_null, r->test, ticks, &s->times, &s->sum);
	else if (row->procedure == CALLS_MAX_RESULT)
		status = line_calls(call_max_result, r->test, ticks, &s->times, &s->sum);
	else
		status = line_calls(call_max_arg, r->test, ticks, &s->times, &s->sum);
	return stage_call_failed(&r->stage, status);
}

/* Ticks of one round trip or call at window 1, with the copies that a floor has. */
static double one_ticks(const struct rounds *r, const struct row *row, const struct sample *sample)
{
	return rounds_median(r, &sample->times) / LINE_GROUP +
	       of(row)->copies * rounds_median(r, &sample->others);
}

static double worth(const struct rounds *r, const struct row *row, const struct sample *sample)
{
	return row->window == 1 ? one_ticks(r, row, sample) : block_rate(&sample->sum);
}

/* Further clients come, call once, and do nothing from then on. */
static int bind_idle(struct rounds *r, const struct row *row)
{
	for (unsigned i = 0; i < of(row)->idle; i++) {
		int status = Test_import(r->stage.runtime, NULL, &idle[i]);

		if (!status)
			status = Test_Null(idle[i]);
		if (status)
			return stage_give_up(&r->stage, "a further client", status);
	}
	return 0;
}

static void unbind_idle(struct rounds *r, const struct row *row)
{
	(void)r;
	for (unsigned i = 0; i < of(row)->idle; i++)
		fly_unbind(idle[i]);
}

/* ---- the report ---- */

static COLUMN_VALUE(time, column_time(c, with) / (c->row->window == 1 ? LINE_GROUP : 1));
static COLUMN_VALUE(floor_time, text_ns(&c->rounds->stage.machine,
					one_ticks(c->rounds, c->row, &c->figures->floors)));
static COLUMN_VALUE(copy_time,
		    of(c->row)->copies
			    ? text_ns(&c->rounds->stage.machine,
				      rounds_median(c->rounds, &c->figures->floors.others))
			    : NAN);
static COLUMN_VALUE(n_idle, of(c->row)->idle);
static COLUMN_TEXT(goal, of(c->row)->goal);
static COLUMN_TEXT(floor_what, of(c->row)->copies
				       ? "a cache line there and back, and two copies of 1440 bytes"
				       : "a cache line there and back");

static const struct column columns[] = {
	{NULL, "procedure", -14, AS_TEXT, .text = column_label},
	{"procedure", .as = AS_TEXT, .text = column_procedure},
	{"link", .as = AS_TEXT, .text = column_link},
	{"threads", .value = column_threads},
	{"window", "window", 6, .value = column_window},
	{"idle_clients", .value = n_idle},
	{"calls", "calls", 10, AS_CALLS, .value = column_calls},
	{"p50_ns", "p50", 6, AS_US, .value = time, .with = 50},
	{"p99_ns", "p99", 6, AS_US, .value = time, .with = 99},
	{"calls_per_s", "calls/s", 8, AS_RATE, .value = column_rate},
	{"floor.what", .as = AS_TEXT, .text = floor_what},
	{"floor.p50_ns", "floor", 9, AS_US, .value = floor_time},
	{"floor.copy_p50_ns", .as = AS_US, .value = copy_time},
	{"floor.per_s", .as = AS_RATE, .value = column_floor_rate},
	{"ratio", "ratio", 7, AS_RATIO, .value = column_ratio},
	{NULL, "goal", 0, AS_TEXT, .text = goal},
};

_Static_assert(LINE_GROUP == 16, "the legend says so");

const struct run_word run_local = {
	.name = NAME,
	.unexpected = ": all of Test is measured",
	.doc = "Measure calls between two processes of this machine over a local link, which has "
	       "no packets, and compare them with a bare cache line that goes to the other core "
	       "and back in the same moment."
	       "\v  firefly bench local\n"
	       "  firefly bench --local --seconds 5 --json -\n\n"
	       "The ratio is that of the times at window 1 (lower is better), and of calls to "
	       "round trips of the line per second at window 64 (higher is better). --link has no "
	       "meaning here.",
	.seconds = 24,
	.block_s = 0.002,
	.prepare = prepare,
	.method = {8, measure_floor, measure_calls, .worth = worth, .enter = bind_idle,
		   .leave = unbind_idle},
	.table = {columns, sizeof columns / sizeof *columns, TABLE_MAIN,
		  .legend = "Times in us, at window 1 of 16 calls in a row, divided by 16. Floor: "
			    "one cache line to the other core and\nback; for MaxResult and MaxArg "
			    "at window 1 also twice a memcpy of 1440 bytes that the other core "
			    "wrote.\nRatio: of times at window 1 (lower is better), of calls to "
			    "bare round trips per second above (higher)."},
};
