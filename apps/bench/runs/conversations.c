/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conversations.c - `firefly bench conversations`: what a call of Null costs a server that knows
 * many callers.
 *
 * Owns the command line, the callers and the report. The calls are made by hand in
 * measure/floor_calls.c, by less work than serving them takes. What is compared is what they cost
 * the server: ticks in those turns of its poller that received something. The floor of each pair is
 * the same with one caller.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "bench/measure/floor_calls.h"
#include "run.h"

#define NAME            "bench conversations"
#define FIRST_AT_A_TIME 4096 /* between two looks at ^C */
#define SPARE           1024 /* records beyond those of our callers: at least, and a quarter more */

static const struct {
	const char *name;
	const char *word; /* in JSON */
	enum floor_callers callers;
} cases[] = {
	{"with hints", "hints", FLOOR_ALL},
	{"without", "none", FLOOR_ALL_UNHINTED},
};

static struct {
	unsigned known, window;
	struct floor_calls calls;
	uint64_t counted_before; /* executions, before the first call of ours */
} own = {.known = 100000, .window = 64};

/* ---- the command line ---- */

enum {
	KEY_KNOWN = STAGE_KEY_OWN,
};

static const struct argp_option options[] = {
	{"known", KEY_KNOWN, "N", 0, "Callers that the server knows (default 100000)", 0},
	{"window", 'w', "N", 0, "Calls under way at a time (default 64)", 0},
	{0},
};

static error_t option(struct rounds *r, int key, char *text)
{
	(void)r;
	if (key == KEY_KNOWN)
		own.known = (unsigned)cli_number(NAME, "--known", text, 1, FLOOR_CALLERS_MOST);
	else if (key == 'w')
		own.window = (unsigned)cli_number(NAME, "--window", text, 2, BLOCK_WINDOW);
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static void prepare(struct rounds *r)
{
	snprintf(r->title, sizeof r->title,
		 "Null over %s at window %u, a server that knows %u callers", r->stage.options.link,
		 own.window, own.known);
	r->stage.options.server.conversations = own.known + own.known / 4 + SPARE;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct row *row = rounds_add(r, cases[i].name);

		row->number = i;
		row->window = own.window;
	}
}

/* ---- before and after ---- */

/* Every caller calls once, so that the server knows it. */
static int make_first_calls(struct rounds *r)
{
	int status = Test_Count(r->test, &own.counted_before);

	if (!status)
		status = floor_calls_init(&own.calls, r->stage.runtime, r->test, own.known);
	if (status)
		return status;
	if (stage_order(&r->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	while (!status && own.calls.known < own.known && !stage_stop_wanted)
		status = floor_calls_first(&own.calls, FIRST_AT_A_TIME);
	return stage_call_failed(&r->stage, status);
}

/* Did the server run each call, and nothing else? */
static int check_count(struct rounds *r)
{
	uint64_t counted;

	stage_settle(&r->stage);
	if (r->stage.trouble || stage_order(&r->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN) ||
	    stage_call_failed(&r->stage, Test_Count(r->test, &counted)))
		return CLI_FAILED;
	floor_calls_free(&own.calls);
	if (counted - own.counted_before == own.calls.results)
		return 0;
	cli_complain(NAME, "%" PRIu64 " results came of %" PRIu64 " executions", own.calls.results,
		     counted - own.counted_before);
	return CLI_FAILED;
}

/* ---- blocks ---- */

static int measure(struct rounds *r, enum floor_callers who, struct sample *sample)
{
	struct block_clock clock =
		block_clock(own.window, stage_block_ticks(&r->stage), &sample->times);
	int status;

	if (stage_order(&r->stage, CONTROL_CALLS, CONTROL_CALLS_BUSY))
		return -1;
	status = floor_calls_run(&own.calls, who, &clock);
	sample->sum = clock.sum;
	return stage_call_failed(&r->stage, status);
}

static int measure_one(struct rounds *r, const struct row *row, struct sample *sample)
{
	(void)row;
	return measure(r, FLOOR_ONE, sample);
}

static int measure_all(struct rounds *r, const struct row *row, struct sample *sample)
{
	return measure(r, cases[row->number].callers, sample);
}

/* Ticks of the server for one call. */
static double worth(const struct rounds *r, const struct row *row, const struct sample *sample)
{
	(void)r, (void)row;
	return block_cost(&sample->work);
}

/* ---- the report ---- */

static double busy_ns(const struct cell *c, const struct sample *sample)
{
	return text_ns(&c->rounds->stage.machine, block_cost(&sample->work));
}

/* How much of the time the server had something to do: all of it, if it is what limits. */
static double busy_share(const struct cell *c, const struct sample *sample)
{
	return fmin(1, busy_ns(c, sample) * table_per_second(c->rounds, &sample->sum) / 1e9);
}

static COLUMN_TEXT(hints, cases[c->row->number].word);
static COLUMN_VALUE(known, own.known);
static COLUMN_VALUE(all_ns, busy_ns(c, &c->figures->calls));
static COLUMN_VALUE(all_busy, busy_share(c, &c->figures->calls));
static COLUMN_VALUE(one_calls, (double)c->figures->floors.sum.count);
static COLUMN_VALUE(one_ns, busy_ns(c, &c->figures->floors));
static COLUMN_VALUE(one_busy, busy_share(c, &c->figures->floors));
static COLUMN_VALUE(record_bytes, (double)floor_record_bytes());

static const struct column columns[] = {
	{NULL, "", -10, AS_TEXT, .text = column_label},
	{"procedure", .as = AS_TEXT, .text = column_procedure},
	{"link", .as = AS_TEXT, .text = column_link},
	{"window", .value = column_window},
	{"known", .value = known},
	{"hints", .as = AS_TEXT, .text = hints},
	{"all.calls", "calls", 11, AS_CALLS, .value = column_calls},
	{"all.server_ns", "server", 8, AS_NS, .value = all_ns},
	{"all.server_busy", "busy", 6, AS_SHARE, .value = all_busy},
	{"all.calls_per_s", "calls/s", 8, AS_RATE, .value = column_rate},
	{"one.calls", .value = one_calls},
	{"one.server_ns", "one caller", 12, AS_NS, .value = one_ns},
	{"one.server_busy", "busy", 6, AS_SHARE, .value = one_busy},
	{"one.calls_per_s", "calls/s", 8, AS_RATE, .value = column_floor_rate},
	{"ratio", "ratio", 7, AS_RATIO, .value = column_ratio},
	{"record_bytes", .value = record_bytes},
};

static void note(const struct rounds *r, enum pairs_state state)
{
	(void)r, (void)state;
	printf("\nServer: ns that a call costs it; one caller: the same when it is always the same "
	       "one, with its hint,\nin the same moments; ratio: of these two (lower is better). "
	       "Busy: how much of the time the server\nhad something to do. A record takes %zu "
	       "bytes.\n",
	       floor_record_bytes());
}

const struct run_word run_conversations = {
	.name = NAME,
	.options = options,
	.option = option,
	.unexpected = "",
	.doc = "Measure what a call of Null costs a server that knows many callers, any of which "
	       "may be the next, and compare it with the calls of one caller in the same moment."
	       "\v  firefly bench conversations\n"
	       "  firefly bench conversations --known 1000 --link memif --seconds 10 --json -\n\n"
	       "The ratio is that of the server's time per call (1.00x would be free, lower is "
	       "better). firefly(1) says how it comes about.",
	.seconds = 24,
	.prepare = prepare,
	.method = {8, measure_one, measure_all, .worth = worth},
	.open = make_first_calls,
	.close = check_count,
	.table = {columns, sizeof columns / sizeof *columns, TABLE_MAIN, .note = note},
};
