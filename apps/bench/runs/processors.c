/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * processors.c - `firefly bench processors`: Table X of 1989, calls of Null by one thread with
 * fewer and fewer processors.
 *
 * Owns the rows with their places, and the report. In 1989 caller and server were machines, whose
 * processors were taken away; here they are two processes, whose threads are confined to fewer
 * cores. A caller with two cores has a thread that calls and a poller, one each; a server with two
 * has a poller and a worker. Where two threads share a core, whoever waits yields.
 *
 * The floor of every row is an inline caller on a core of its own, at a server on a core of its own
 * whose poller runs the procedure. It alternates with rows that have the same server. Rows with a
 * worker are measured after them, with another server process, and are set against the floor's
 * mean.
 */
#include <math.h>
#include <stdio.h>

#include "bench/stage/callers.h"
#include "run.h"

#define NAME        "bench processors"
#define POLLER_PART 0.6 /* of the time; the rest is for rows with a worker */

/* Server processes that rows need; a phase of the run for each. */
enum {
	SERVER_POLLER, /* no worker */
	SERVER_SHARED, /* a worker on the poller's core */
	SERVER_OWN,    /* a worker on its own */
	SERVERS,
};

/* What is known of a row before it is measured. */
struct profile {
	bool attached; /* an attached caller; else the caller turns the poller itself */
	bool worker;   /* the procedure runs on a worker; else on the server's poller */
	unsigned caller_cores;
	unsigned server_cores; /* 0: the caller's */
	const char *in_1989;   /* for 1000 calls with so many processors each; "" */
};

static const struct profile profiles[] = {
	{true, true, 5, 5, "2.69 s"}, {true, true, 4, 5, "2.73 s"}, {true, true, 3, 5, "2.85 s"},
	{true, true, 2, 5, "2.98 s"}, {true, true, 1, 5, "3.96 s"}, {true, true, 2, 2, ""},
	{true, true, 1, 1, "4.81 s"}, {true, false, 2, 1, ""},      {true, false, 1, 1, ""},
	{false, false, 1, 1, ""},     {false, false, 1, 0, ""},     {true, false, 1, 0, ""},
	{true, true, 1, 0, ""},
};

#define ROWS  (sizeof profiles / sizeof *profiles)
#define FLOOR 9 /* the row that all are compared with */

static struct {
	unsigned spare[CPU_SETSIZE]; /* cores that neither poller has */
	unsigned n_spare;
	struct callers *callers; /* one, where the row has an attached one; else NULL */
} own;

static const struct profile *of(const struct row *row)
{
	return row->is;
}

static const char *caller_of(const struct profile *profile)
{
	return profile->attached ? "attached" : "inline";
}

static const char *cores_of(const struct profile *profile, char room[TEXT_ROOM])
{
	if (profile->server_cores)
		snprintf(room, TEXT_ROOM, "%u x %u", profile->caller_cores, profile->server_cores);
	else
		snprintf(room, TEXT_ROOM, "%u together", profile->caller_cores);
	return room;
}

/* ---- who runs where ---- */

/*
 * As many cores as the row says: in 1989 no more than that were there either. Threads of a row
 * beyond the two pollers have a core of their own if their side has two; with more there is nobody
 * to use them.
 */
static unsigned server_for(const struct profile *profile)
{
	const unsigned all = profile->caller_cores + profile->server_cores;
	const unsigned extra = (unsigned)(profile->caller_cores > 1) + (profile->server_cores > 1);

	if (all > own.n_spare + 2 || extra > own.n_spare)
		return ROUNDS_PHASE_NONE;
	if (!profile->worker)
		return SERVER_POLLER;
	return profile->server_cores > 1 ? SERVER_OWN : SERVER_SHARED;
}

static void prepare(struct rounds *r)
{
	snprintf(r->title, sizeof r->title,
		 "1000 calls of Null over %s by one thread, with fewer cores (Table X, 1989)",
		 r->stage.options.link);
	own.n_spare = stage_spare_cores(&r->stage, own.spare);
	r->stage.options.wait = FLY_WAIT_YIELD;
	for (unsigned i = 0; i < ROWS; i++) {
		const struct profile *profile = &profiles[i];
		char cores[TEXT_ROOM];
		struct row *row = rounds_add(r, cores_of(profile, cores));

		row->is = profile;
		row->window = 1;
		row->phase = server_for(profile);
		row->has_no_floor = profile->worker;
		row->name[0] = 0;
		if (row->phase == SERVER_POLLER)
			snprintf(row->name, sizeof row->name, "%s caller, %.30s",
				 caller_of(profile), cores);
	}
}

static bool is_needed(const struct rounds *r, unsigned server)
{
	for (unsigned i = 0; i < ROWS; i++)
		if (r->rows[i].phase == server)
			return true;
	return false;
}

static double phase(struct rounds *r, unsigned server)
{
	struct control_server *is = &r->stage.options.server;

	r->phase_name = server == SERVER_POLLER ? "rows without a worker" : "rows with one";
	if (server == SERVER_POLLER)
		return POLLER_PART;
	is->workers = 1;
	is->yields = server == SERVER_SHARED;
	if (server == SERVER_OWN)
		snprintf(is->worker_cores, sizeof is->worker_cores, "%u", own.spare[0]);
	return is_needed(r, server) ? (1 - POLLER_PART) * (is_needed(r, SERVER_OWN) ? 0.5 : 1) : 0;
}

/* An attached caller runs on the last spare core, the poller's, or the server's. */
static int enter(struct rounds *r, const struct row *row)
{
	const struct stage_machine *m = &r->stage.machine;
	const bool alone = of(row)->caller_cores > 1;
	const unsigned core = of(row)->server_cores == 0 ? m->server_core
			      : alone                    ? own.spare[own.n_spare - 1]
							 : m->client_core;
	int status = 0;

	own.callers = NULL;
	if (of(row)->attached)
		own.callers = callers_open(r->stage.runtime, r->test, 1, &core,
					   alone ? FLY_WAIT_SPIN : FLY_WAIT_YIELD, false, &status);
	return stage_failed(&r->stage, "no attached caller", status);
}

static void leave(struct rounds *r, const struct row *row)
{
	(void)r, (void)row;
	callers_close(own.callers);
}

/* ---- blocks ---- */

static int measure_floor(struct rounds *r, const struct row *row, struct sample *sample)
{
	fly_set_wait(r->test, FLY_WAIT_SPIN);
	return rounds_calls(r, row, sample);
}

/* A block of the row, with the threads where they are to be. */
static int measure_row(struct rounds *r, const struct row *row, struct sample *sample)
{
	const struct stage_machine *m = &r->stage.machine;
	const uint64_t block_ticks = stage_block_ticks(&r->stage);
	const bool one_core = of(row)->server_cores == 0;
	int status;

	if (stage_order(&r->stage, CONTROL_CALLS,
			one_core ? CONTROL_CALLS_YIELD : CONTROL_CALLS_PLAIN))
		return -1;
	if (one_core && cli_pin(NAME, m->server_core))
		return stage_give_up(&r->stage, "the caller cannot move", 0);
	fly_set_wait(r->test, one_core ? FLY_WAIT_YIELD : FLY_WAIT_SPIN);
	if (own.callers)
		status = callers_block(own.callers, 1, CALLS_NULL, 1, block_ticks, &sample->sum);
	else
		status = calls_block(r->test, CALLS_NULL, 1, false, block_ticks, sample);
	if (one_core && cli_pin(NAME, m->client_core))
		return stage_give_up(&r->stage, "the caller cannot move", 0);
	return stage_call_failed(&r->stage, status);
}

/* ---- the report ---- */

static double per_call(const struct cell *c, double with)
{
	const struct block_sum *calls = &c->figures->calls.sum;

	(void)with;
	return calls->count ? text_ns(&c->rounds->stage.machine, block_cost(calls)) : NAN;
}

static double ratio(const struct cell *c, double with)
{
	struct cell floor = *c;

	if (!of(c->row)->worker)
		return column_ratio(c, with);
	floor.figures = c->rounds->rows[FLOOR].in[c->state];
	return per_call(c, with) / per_call(&floor, with);
}

static COLUMN_TEXT(caller_text, caller_of(of(c->row)));
static COLUMN_TEXT(server_text, of(c->row)->worker ? "worker" : "poller");
static COLUMN_TEXT(in_1989, of(c->row)->in_1989);
static COLUMN_VALUE(caller_cores, of(c->row)->caller_cores);
static COLUMN_VALUE(server_cores, of(c->row)->server_cores);
static COLUMN_VALUE(is_measured, c->row->phase != ROUNDS_PHASE_NONE);

/* In milliseconds for a thousand calls, with the ratio, and * where it is to the floor's mean. */
static const char *time_and_ratio(const struct cell *c, char room[TEXT_ROOM])
{
	const struct profile *profile = of(c->row);
	const double ns = per_call(c, 0);
	char text[TEXT_ROOM], time[24];

	snprintf(time, sizeof time, "%.3f ms", ns / 1000);
	if (c->row->phase == ROUNDS_PHASE_NONE)
		snprintf(room, TEXT_ROOM, "unmeasured, needs %u cores",
			 profile->caller_cores + profile->server_cores);
	else if (isnan(ns))
		snprintf(room, TEXT_ROOM, "%10s %8s", "-", "-");
	else
		snprintf(room, TEXT_ROOM, "%10s %8.12s%s", time, text_ratio(text, ratio(c, 0)),
			 profile->worker ? "*" : "");
	return room;
}

static const struct column columns[] = {
	{NULL, "cores", -12, AS_TEXT, .text = column_label},
	{"procedure", .as = AS_TEXT, .text = column_procedure},
	{"link", .as = AS_TEXT, .text = column_link},
	{"callers", "caller", -10, AS_TEXT, .text = caller_text},
	{"served_by", "runs on", -8, AS_TEXT, .text = server_text},
	{"caller_cores", .value = caller_cores},
	{"server_cores", .value = server_cores},
	{"measured", .as = AS_BOOL, .value = is_measured},
	{"ns_per_call", .as = AS_US, .value = per_call},
	{"ratio", .as = AS_RATIO, .value = ratio},
	{NULL, "      time    ratio", -28, AS_TEXT, .text = time_and_ratio},
	{NULL, "in 1989, about", 0, AS_TEXT, .text = in_1989},
};

const struct run_word run_processors = {
	.name = NAME,
	.unexpected = ": Null is measured",
	.doc = "Measure Null by one thread with caller and server confined to fewer and fewer "
	       "cores, as Table X of the paper of 1989 has it, beside what was measured then."
	       "\v  firefly bench processors\n"
	       "  firefly bench processors --seconds 20 --json -\n\n"
	       "What needs more cores than this process may use is said to be unmeasured.",
	.seconds = 40,
	.block_s = 0.010,
	.prepare = prepare,
	.method = {4, measure_floor, measure_row, .worth = rounds_worth_cost, .enter = enter,
		   .leave = leave},
	.n_phases = SERVERS,
	.phase = phase,
	.table = {columns, sizeof columns / sizeof *columns, TABLE_ONE,
		  .legend = "Cores: of the caller x of the server. A caller with two has one for "
			    "its poller, a server with two one for\nits worker; who shares a core "
			    "yields. Ratio: to an inline caller at a server without workers, on a "
			    "core\neach (lower is better); in the same moments, but for *."},
};
