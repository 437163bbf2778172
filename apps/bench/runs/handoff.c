/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handoff.c - `firefly bench handoff`: what it costs that a call changes hands inside a process.
 *
 * Owns the runtime and the report. One process with two threads on two cores: the poller's, with a
 * link that leads back to itself, so that it calls and is called; and either an attached caller or
 * a worker. The floor is a bare cache line between the two cores (line.h). A block of calls is two:
 * calls that the poller's thread makes and serves by itself, and the same with a hand-off in them.
 * What the hand-off adds is set against the line, which also tells the state of the machine.
 */
#include <stdio.h>

#include "bench/measure/line.h"
#include "bench/stage/callers.h"
#include "handoff.h"
#include "run.h"

#define NAME           "bench handoff"
#define LINK           "vdev:net_ring_handoff,ip=10.9.8.7,peer=10.9.8.7"
#define NEAR_LINE_NS   125  /* a round trip of one line below this: near */
#define SHARED_LINE_NS 2500 /* no core is that far away: somebody else has one of ours */

enum {
	ATTACHED, /* attached caller to poller and back */
	WORKER,   /* poller to worker and back */
	PATHS,
};

static const struct {
	const char *name;
	const char *word; /* in JSON */
	const char *goal;
} paths[PATHS] = {
	[ATTACHED] = {"attached caller to poller and back", "attached", "at most 1.3x"},
	[WORKER] = {"poller to worker and back", "worker", "at most 1.5x"},
};

static struct {
	struct fly_binding *binding; /* the poller's thread's own */
	struct callers *caller;      /* the other thread */
	struct line line;
	struct rounds *rounds; /* for the other thread's job */
	struct sample *sample; /* the same */
} own;

/* ---- the other thread ---- */

static int call_on_poller(void *binding)
{
	return Handoff_OnPoller(binding);
}

static int call_on_worker(void *binding)
{
	return Handoff_OnWorker(binding);
}

static int ask(void *context, struct fly_binding *mine, unsigned number)
{
	struct stage *stage = &own.rounds->stage;

	(void)context, (void)mine, (void)number;
	return line_ask(&own.line, stage_block_ticks(stage), stage->machine.platform.tsc_hz,
			&own.sample->times, &own.sample->sum)
		       ? -FLY_EPEER
		       : 0;
}

static int call(void *context, struct fly_binding *mine, unsigned number)
{
	(void)context, (void)number;
	return line_calls(call_on_poller, mine, stage_block_ticks(&own.rounds->stage),
			  &own.sample->times, &own.sample->sum);
}

/* ---- the poller's thread ---- */

static bool is_under_way(void *callers)
{
	return callers_are_busy(callers);
}

static int measure_line(struct rounds *r, const struct row *row, struct sample *sample)
{
	(void)row;
	own.sample = sample;
	callers_give(own.caller, 1, ask, NULL);
	line_answer(&own.line, LINE_BARE, is_under_way, own.caller);
	return stage_failed(&r->stage, "a cache line did not come back",
			    callers_status(own.caller, 1));
}

/* Times without the hand-off are the others. */
static int measure_calls(struct rounds *r, const struct row *row, struct sample *sample)
{
	const uint64_t ticks = stage_block_ticks(&r->stage);

	if (stage_call_failed(&r->stage, line_calls(call_on_poller, own.binding, ticks,
						    &sample->others, &sample->sum)))
		return -1;
	if (row->number == WORKER)
		return stage_failed(&r->stage, "a worker's call failed",
				    line_calls(call_on_worker, own.binding, ticks, &sample->times,
					       &sample->sum));
	own.sample = sample;
	callers_give(own.caller, 1, call, NULL);
	while (callers_are_busy(own.caller))
		fly_serve(r->stage.runtime);
	return stage_failed(&r->stage, "an attached caller's call failed",
			    callers_status(own.caller, 1));
}

/* What a hand-off adds; nothing is taken off a floor: it has no others. */
static double worth(const struct rounds *r, const struct row *row, const struct sample *sample)
{
	(void)row;
	return rounds_median(r, &sample->times) - rounds_median(r, &sample->others);
}

static struct stage_distance distance(const struct rounds *r, const struct sample *floor)
{
	const double ns = text_ns(&r->stage.machine, rounds_median(r, &floor->times) / LINE_GROUP);

	return (struct stage_distance){
		.state = ns < NEAR_LINE_NS ? PAIRS_NEAR : PAIRS_FAR,
		.ours = ns < SHARED_LINE_NS,
	};
}

/* ---- from start to end ---- */

static void prepare(struct rounds *r)
{
	snprintf(r->title, sizeof r->title,
		 "Hand-offs inside a process, calls over a link that leads back to it");
	r->stage.options.calls = 0; /* the default */
	for (unsigned i = 0; i < PATHS; i++) {
		struct row *row = rounds_add(r, paths[i].name);

		row->number = i;
		row->window = 1;
	}
}

static int nothing(void *context)
{
	(void)context;
	return 0;
}

static const struct Handoff_procedures procedures = {.OnPoller = nothing, .OnWorker = nothing};

/*
 * The worker sleeps while it has nothing to do for a while: the other thread is on the same core.
 * Return: 0, or CLI_FAILED after complaining.
 */
static int start(struct rounds *r)
{
	const unsigned other = r->stage.machine.client_core;
	char core[16];
	const struct fly_export_options of_export = {
		.size = sizeof of_export,
		.workers = 1,
		.worker_cores = core,
		.wait = FLY_WAIT_SLEEP,
	};
	int status;

	snprintf(core, sizeof core, "%u", other);
	if (stage_start(&r->stage, r->stage.machine.server_core, LINK))
		return CLI_FAILED;
	status = Handoff_export_with(r->stage.runtime, &procedures, NULL, &of_export);
	if (!status)
		status = Handoff_import(r->stage.runtime, NULL, &own.binding);
	if (!status)
		own.caller = callers_open(r->stage.runtime, own.binding, 1, &other, FLY_WAIT_SPIN,
					  false, &status);
	own.rounds = r;
	if (!status)
		return 0;
	cli_complain(NAME, "%s", cli_reason(status));
	return CLI_FAILED;
}

static int stop(struct rounds *r)
{
	callers_close(own.caller);
	if (!r->stage.runtime || !fly_stop(r->stage.runtime))
		return 0;
	cli_complain(NAME, "%s", fly_error());
	return CLI_FAILED;
}

/* ---- the report ---- */

static double per_call_ns(const struct cell *c, const struct histogram *times)
{
	return text_ns(&c->rounds->stage.machine, rounds_median(c->rounds, times)) / LINE_GROUP;
}

static COLUMN_TEXT(handoff, paths[c->row->number].word);
static COLUMN_TEXT(floor_what, "a cache line there and back");
static COLUMN_TEXT(goal, paths[c->row->number].goal);
static COLUMN_VALUE(without, per_call_ns(c, &c->figures->calls.others));
static COLUMN_VALUE(through, per_call_ns(c, &c->figures->calls.times));
static COLUMN_VALUE(line, per_call_ns(c, &c->figures->floors.times));

static const struct column columns[] = {
	{NULL, "", -36, AS_TEXT, .text = column_label},
	{NULL, "state", -5, AS_TEXT, .text = column_state},
	{NULL, "pairs", 6, .value = column_pairs},
	{NULL, "dropped", 8, .value = column_dropped},
	{"handoff", .as = AS_TEXT, .text = handoff},
	{"without_p50_ns", "without", 8, AS_US, .value = without},
	{"with_p50_ns", "with", 8, AS_US, .value = through},
	{"floor.what", .as = AS_TEXT, .text = floor_what},
	{"floor.p50_ns", "floor", 8, AS_US, .value = line},
	{"ratio", "ratio", 8, AS_RATIO, .value = column_ratio},
	{NULL, "goal", 0, AS_TEXT, .text = goal},
};

static void note(const struct rounds *r, enum pairs_state state)
{
	(void)r, (void)state;
	printf("%-36s unmeasured: it needs three cores, and this uses two\n"
	       "\nMedian times of a call in us, without and with the hand-off; of %u calls in a "
	       "row, divided by %u.\nFloor: one cache line to the other core and back. Ratio: "
	       "what the hand-off adds, in floors (lower is better).\n",
	       "attached caller, poller, worker", LINE_GROUP, LINE_GROUP);
}

static void end(const struct rounds *r)
{
	printf("the poller is on core %u, the other thread on core %u\n",
	       r->stage.machine.server_core, r->stage.machine.client_core);
}

const struct run_word run_handoff = {
	.name = NAME,
	.unexpected = "",
	.doc = "Measure what it costs that a call changes hands inside a process: from an attached "
	       "caller to the poller and back, and from the poller to a worker and back."
	       "\v  firefly bench handoff\n"
	       "  firefly bench handoff --seconds 5 --json -\n\n"
	       "The ratio is that of the time which a hand-off adds to a call, to that of a bare "
	       "cache line that goes to the other core and back (lower is better). There is no "
	       "server process: of --cores the poller has the second, and --link has no meaning.",
	.seconds = 12,
	.block_s = 0.002,
	.prepare = prepare,
	.method = {8, measure_line, measure_calls, .worth = worth, .distance = distance},
	.start = start,
	.stop = stop,
	.table = {columns, sizeof columns / sizeof *columns, TABLE_BOTH, .note = note, .end = end},
};
