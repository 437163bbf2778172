/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * processors.c - `firefly bench processors`: Table X of 1989, calls of Null by one thread
 * with fewer and fewer processors.
 *
 * Owns the command line, the rows with their places, and the report. In 1989 caller and server were
 * machines, whose processors were taken away; here they are two processes, whose threads are
 * confined to fewer cores. A caller with two cores has a thread that calls and a poller, one each;
 * a server with two has a poller and a worker. Where two threads share a core, whoever waits
 * yields.
 *
 * The floor of every row is an inline caller on a core of its own, at a server on a core of its own
 * whose poller runs the procedure. It alternates with rows that have the same server; those with a
 * worker are measured after them, with another server process, and are set against the floor's
 * median.
 */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "bench/stage/crew.h"
#include "bench/report/text.h"
#include "firefly/cli.h"
#include "firefly/commands.h"
#include "firefly/test.h"

#define NAME            "bench processors"
#define PAIRS_PER_VISIT 4
#define BLOCK_MS        10
#define SECONDS_DEFAULT 40
#define POLLER_PART     0.6 /* of the time; the rest is for rows with a worker */

/* Server processes that rows need. */
enum server {
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
	const char *in_1989;   /* seconds for 1000 calls with so many processors each; NULL */
};

static const struct profile profiles[] = {
	{true, true, 5, 5, "2.69"}, {true, true, 4, 5, "2.73"}, {true, true, 3, 5, "2.85"},
	{true, true, 2, 5, "2.98"}, {true, true, 1, 5, "3.96"}, {true, true, 2, 2, NULL},
	{true, true, 1, 1, "4.81"}, {true, false, 2, 1, NULL},  {true, false, 1, 1, NULL},
	{false, false, 1, 1, NULL}, {false, false, 1, 0, NULL}, {true, false, 1, 0, NULL},
	{true, true, 1, 0, NULL},
};

#define ROWS  (sizeof profiles / sizeof *profiles)
#define FLOOR 9 /* the row that all are compared with */

/* One row in one state. */
struct figures {
	struct pairs pairs;     /* of times, to the floor's; none with a worker */
	struct block_sum calls; /* in blocks that were steady */
	unsigned blocks;
};

struct row {
	bool is_possible; /* there are so many cores */
	struct figures in[PAIRS_STATES];
};

struct processors {
	struct bench_stage stage;
	unsigned spare[CPU_SETSIZE]; /* cores that neither poller has */
	unsigned n_spare;
	enum server server; /* what there is now */
	struct fly_binding *binding;
	struct row rows[ROWS];
	struct histogram *scratch;
};

/* ---- the command line ---- */

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct processors *x = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &x->stage;
		return 0;
	case ARGP_KEY_ARG:
		cli_refuse(NAME, "'%s' is not expected: Null is measured", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&bench_stage_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.children = children,
	.parser = parse,
	.doc = "Measure Null by one thread with caller and server confined to fewer and fewer "
	       "cores, "
	       "as Table X of the paper of 1989 has it, beside what was measured then."
	       "\v  firefly bench processors\n"
	       "  firefly bench processors --seconds 20 --json -\n\n"
	       "What needs more cores than this process may use is said to be unmeasured.",
};

/* ---- who runs where ---- */

/*
 * Threads of a row beyond the two pollers have a core of their own if their side has two; with more
 * there is nobody to use them.
 */
static unsigned extra_cores(const struct profile *profile)
{
	return (unsigned)(profile->caller_cores > 1) + (unsigned)(profile->server_cores > 1);
}

static enum server server_for(const struct profile *profile)
{
	if (!profile->worker)
		return SERVER_POLLER;
	return profile->server_cores > 1 ? SERVER_OWN : SERVER_SHARED;
}

/* As many as the row says: in 1989 no more than that were there either. */
static unsigned cores_of(const struct profile *profile)
{
	return profile->caller_cores + profile->server_cores;
}

static void choose_places(struct processors *x)
{
	const struct bench_stage_options *o = &x->stage.options;
	cpu_set_t allowed;

	CPU_ZERO(&allowed);
	(void)sched_getaffinity(0, sizeof allowed, &allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET((size_t)cpu, &allowed) && cpu != o->client_core &&
		    cpu != o->server_core)
			x->spare[x->n_spare++] = (unsigned)cpu;
	for (unsigned i = 0; i < ROWS; i++)
		x->rows[i].is_possible = cores_of(&profiles[i]) <= x->n_spare + 2 &&
					 extra_cores(&profiles[i]) <= x->n_spare;
}

/* The attached caller's core: the last spare one, the poller's, or the server's. */
static unsigned caller_core(const struct processors *x, const struct profile *profile)
{
	if (profile->server_cores == 0)
		return x->stage.machine.server_core;
	return profile->caller_cores > 1 ? x->spare[x->n_spare - 1] : x->stage.machine.client_core;
}

/* ---- blocks ---- */

static uint64_t block_ticks(const struct processors *x)
{
	return (uint64_t)(x->stage.options.block_s * (double)x->stage.machine.platform.tsc_hz);
}

static int call_inline(struct processors *x, struct block_sum *sum)
{
	const struct block_plan plan = block_plan(1, block_ticks(x));
	struct block_clock clock = block_clock(&plan, x->scratch);
	const int status = bench_calls(x->binding, BENCH_NULL, false, &clock);

	*sum = clock.sum;
	return status ? bench_stage_give_up(&x->stage, "a call failed", status) : 0;
}

static int measure_floor(struct processors *x, struct block_sum *sum)
{
	fly_set_wait(x->binding, FLY_WAIT_SPIN);
	if (bench_stage_order(&x->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	return call_inline(x, sum);
}

/* A block of the row, with the threads where they are to be. */
static int measure_row(struct processors *x, const struct profile *profile, struct crew *crew,
		       struct block_sum *sum)
{
	const struct bench_machine *m = &x->stage.machine;
	const bool one_core = profile->server_cores == 0;
	int failed;

	*sum = (struct block_sum){0};
	if (bench_stage_order(&x->stage, CONTROL_CALLS,
			      one_core ? CONTROL_CALLS_YIELD : CONTROL_CALLS_PLAIN))
		return -1;
	if (one_core && cli_pin(NAME, m->server_core))
		return bench_stage_give_up(&x->stage, "the caller cannot move", 0);
	if (crew) {
		const int status = crew_call(crew, 1, BENCH_NULL, 1, block_ticks(x), sum);

		failed = status ? bench_stage_give_up(&x->stage, "a call failed", status) : 0;
	} else {
		fly_set_wait(x->binding, one_core ? FLY_WAIT_YIELD : FLY_WAIT_SPIN);
		failed = call_inline(x, sum);
	}
	if (one_core && cli_pin(NAME, m->client_core))
		return bench_stage_give_up(&x->stage, "the caller cannot move", 0);
	return failed;
}

/* Ticks for a call. */
static double cost(const struct block_sum *sum)
{
	return sum->count ? (double)sum->ticks / (double)sum->count : 0;
}

static void add(struct figures *f, const struct block_sum *sum)
{
	f->calls.count += sum->count;
	f->calls.ticks += sum->ticks;
	f->blocks++;
}

/* Floor, then several times the row and the floor. */
static int alternate(struct processors *x, unsigned number, struct crew *crew)
{
	struct row *row = &x->rows[number];
	struct block_sum before, calls, after;
	struct bench_sight sights[4];

	if (bench_stage_look(&x->stage, &sights[0]) || measure_floor(x, &before) ||
	    bench_stage_look(&x->stage, &sights[1]))
		return -1;
	for (unsigned i = 0; i < PAIRS_PER_VISIT && !bench_stop_wanted; i++) {
		const enum pairs_state state = sights[1].state;

		if (measure_row(x, &profiles[number], crew, &calls) ||
		    bench_stage_look(&x->stage, &sights[2]) || measure_floor(x, &after) ||
		    bench_stage_look(&x->stage, &sights[3]))
			return -1;
		if (pairs_add(&row->in[state].pairs, cost(&before), cost(&calls), cost(&after),
			      bench_is_steady(sights)))
			add(&row->in[state], &calls);
		before = after;
		sights[0] = sights[2];
		sights[1] = sights[3];
	}
	return 0;
}

/* The row alone. */
static int repeat(struct processors *x, unsigned number, struct crew *crew)
{
	struct bench_sight before, after;
	struct block_sum calls;

	if (bench_stage_look(&x->stage, &before))
		return -1;
	for (unsigned i = 0; i < PAIRS_PER_VISIT && !bench_stop_wanted; i++) {
		if (measure_row(x, &profiles[number], crew, &calls) ||
		    bench_stage_look(&x->stage, &after))
			return -1;
		if (before.ours && after.ours && before.state == after.state)
			add(&x->rows[number].in[before.state], &calls);
		before = after;
	}
	return 0;
}

static int visit(struct processors *x, unsigned number)
{
	const struct profile *profile = &profiles[number];
	unsigned core = caller_core(x, profile);
	const struct crew_places places = {
		.n = 1,
		.core = &core,
		.wait = profile->caller_cores > 1 ? FLY_WAIT_SPIN : FLY_WAIT_YIELD,
	};
	struct crew *crew = NULL;
	int status = 0, failed;

	if (bench_stage_order(&x->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	if (profile->attached)
		crew = crew_open(x->stage.runtime, x->binding, &places, &status);
	if (status)
		return bench_stage_give_up(&x->stage, "no attached caller", status);
	failed = profile->worker ? repeat(x, number, crew) : alternate(x, number, crew);
	if (failed)
		return failed;
	if (bench_stage_order(&x->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	crew_close(crew);
	return 0;
}

static int round_of_rows(void *context)
{
	struct processors *x = context;
	int failed = 0;

	for (unsigned i = 0; i < ROWS && !failed && !bench_stop_wanted; i++)
		if (x->rows[i].is_possible && server_for(&profiles[i]) == x->server)
			failed = visit(x, i);
	return failed;
}

static void tell_progress(const void *context, char *line, size_t bytes)
{
	const struct processors *x = context;

	snprintf(line, bytes,
		 x->server == SERVER_POLLER ? "rows without a worker" : "rows with one");
}

/* ---- the report ---- */

static double per_call(const struct processors *x, unsigned number, enum pairs_state state)
{
	const struct figures *f = &x->rows[number].in[state];

	return f->calls.count ? bench_ns(&x->stage.machine, cost(&f->calls)) : NAN;
}

static double ratio(struct processors *x, unsigned number, enum pairs_state state)
{
	if (!profiles[number].worker)
		return pairs_judge(&x->rows[number].in[state].pairs).ratio;
	return per_call(x, number, state) / per_call(x, FLOOR, state);
}

static enum pairs_state shown(const struct processors *x)
{
	const struct row *row = &x->rows[FLOOR];

	return row->in[PAIRS_FAR].blocks > row->in[PAIRS_NEAR].blocks ? PAIRS_FAR : PAIRS_NEAR;
}

static const char *caller_of(const struct profile *profile)
{
	return profile->attached ? "attached" : "inline";
}

static const char *server_of(const struct profile *profile)
{
	return profile->worker ? "worker" : "poller";
}

static const char *cores_as_text(char text[24], const struct profile *profile)
{
	if (profile->server_cores)
		snprintf(text, 24, "%u x %u", profile->caller_cores, profile->server_cores);
	else
		snprintf(text, 24, "%u together", profile->caller_cores);
	return text;
}

static void print_row(struct processors *x, unsigned number, enum pairs_state state)
{
	const struct profile *profile = &profiles[number];
	char cores[24], time[16] = "", text[16];
	const double ns = per_call(x, number, state);

	printf("%-12s %-10s %-8s ", cores_as_text(cores, profile), caller_of(profile),
	       server_of(profile));
	if (!x->rows[number].is_possible) {
		snprintf(text, sizeof text, "%u cores", cores_of(profile));
		printf("unmeasured, needs %-10s", text);
	} else if (isnan(ns)) {
		printf("%10s %8s%9s", "-", "-", "");
	} else {
		/* Nanoseconds for one are microseconds for a thousand. */
		snprintf(time, sizeof time, "%.3f ms", ns / 1000);
		printf("%10s %8s%s", time, bench_ratio(text, ratio(x, number, state)),
		       profile->worker ? "*        " : "         ");
	}
	printf("  %s%s\n", profile->in_1989 ? profile->in_1989 : "", profile->in_1989 ? " s" : "");
}

static void print_table(struct processors *x)
{
	const enum pairs_state state = shown(x);
	const struct pairs *each[ROWS];
	size_t n = 0;

	printf("1000 calls of Null over %s by one thread, with fewer cores (Table X, 1989)\n\n",
	       x->stage.machine.link);
	printf("%-12s %-10s %-8s %10s %8s%9s  %s\n", "cores", "caller", "runs on", "time", "ratio",
	       "", "in 1989, about");
	for (unsigned i = 0; i < ROWS; i++)
		print_row(x, i, state);
	printf("\nCores: of the caller x of the server. A caller with two has one for its poller, "
	       "a "
	       "server with two one for\nits worker; who shares a core yields. Ratio: to an "
	       "inline caller at a server without workers, on a core\neach (lower is better); in "
	       "the same moments, but for *.\n");
	for (unsigned i = 0; i < ROWS; i++)
		if (x->rows[i].is_possible && !profiles[i].worker) {
			char name[64], cores[24];

			snprintf(name, sizeof name, "%s caller, %s", caller_of(&profiles[i]),
				 cores_as_text(cores, &profiles[i]));
			bench_print_doubt(&x->rows[i].in[state].pairs, name);
		}
	for (unsigned s = 0; s < PAIRS_STATES; s++) {
		n = 0;
		for (unsigned i = 0; i < ROWS; i++)
			if (x->rows[i].is_possible && !profiles[i].worker)
				each[n++] = &x->rows[i].in[s].pairs;
		bench_print_state(&x->stage.machine, (enum pairs_state)s, each, n);
	}
	if (state == PAIRS_FAR)
		printf("shown are the figures of the far state\n");
	bench_print_machine(&x->stage.machine);
	fflush(stdout);
}

static struct json_object *row_json(struct processors *x, unsigned number, enum pairs_state state)
{
	const struct profile *profile = &profiles[number];
	const struct figures *f = &x->rows[number].in[state];
	struct json_object *run = json_object_new_object();

	json_object_object_add(run, "procedure", json_object_new_string("Null"));
	json_object_object_add(run, "link", json_object_new_string(x->stage.machine.link));
	json_object_object_add(run, "callers", json_object_new_string(caller_of(profile)));
	json_object_object_add(run, "served_by", json_object_new_string(server_of(profile)));
	json_object_object_add(run, "caller_cores",
			       json_object_new_int((int)profile->caller_cores));
	json_object_object_add(run, "server_cores",
			       json_object_new_int((int)profile->server_cores));
	json_object_object_add(run, "measured",
			       json_object_new_boolean(x->rows[number].is_possible));
	json_object_object_add(run, "ns_per_call", bench_number(per_call(x, number, state), 1));
	json_object_object_add(run, "ratio", bench_number(ratio(x, number, state), 4));
	json_object_object_add(run, "state", json_object_new_string(bench_state_names[state]));
	json_object_object_add(run, "blocks", json_object_new_int64(f->blocks));
	json_object_object_add(run, "pairs", json_object_new_int64((int64_t)f->pairs.kept));
	json_object_object_add(run, "pairs_dropped", json_object_new_int64(f->pairs.dropped));
	return run;
}

static int write_json(struct processors *x, const char *path)
{
	struct json_object *all = json_object_new_object(), *runs = json_object_new_array();

	for (unsigned i = 0; i < ROWS; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			if (x->rows[i].in[s].blocks || x->rows[i].in[s].pairs.dropped ||
			    (!x->rows[i].is_possible && s == PAIRS_NEAR))
				json_object_array_add(runs, row_json(x, i, (enum pairs_state)s));
	json_object_object_add(all, "runs", runs);
	return bench_write(&x->stage.machine, all, path);
}

static int report(struct processors *x)
{
	const char *json = x->stage.options.json;

	if (!json || strcmp(json, "-") != 0)
		print_table(x);
	if (!json || !write_json(x, json))
		return 0;
	cli_complain(NAME, "%s cannot be written: %s", json, strerror(errno));
	return CLI_FAILED;
}

/* ---- from start to end ---- */

static int measure(struct processors *x, double seconds)
{
	const int status = Test_import(x->stage.runtime, NULL, &x->binding);

	if (status) {
		cli_complain(NAME, "%s", cli_reason(status));
		return CLI_FAILED;
	}
	x->stage.options.seconds = seconds;
	(void)bench_stage_run(&x->stage, round_of_rows, tell_progress, x);
	return bench_stage_complain(&x->stage);
}

static bool is_needed(const struct processors *x, enum server server)
{
	for (unsigned i = 0; i < ROWS; i++)
		if (x->rows[i].is_possible && server_for(&profiles[i]) == server)
			return true;
	return false;
}

static int measure_all(struct processors *x)
{
	struct bench_stage_options *o = &x->stage.options;
	const double seconds = o->seconds;
	int failed = measure(x, POLLER_PART * seconds);

	for (unsigned s = SERVER_SHARED; s < SERVERS && !failed && !bench_stop_wanted; s++) {
		x->server = (enum server)s;
		if (!is_needed(x, x->server))
			continue;
		o->workers = 1;
		o->server_yields = x->server == SERVER_SHARED;
		if (x->server == SERVER_OWN)
			snprintf(o->worker_cores, sizeof o->worker_cores, "%u", x->spare[0]);
		failed = bench_stage_again(&x->stage) ||
			 measure(x, (1 - POLLER_PART) * seconds *
					    (is_needed(x, SERVER_OWN) ? 0.5 : 1));
	}
	return failed ? CLI_FAILED : 0;
}

int bench_processors_main(int argc, char **argv)
{
	static struct processors x;
	int failed;

	bench_stage_init(&x.stage, NAME);
	x.stage.options.seconds = SECONDS_DEFAULT;
	x.stage.options.block_s = BLOCK_MS / 1000.0;
	x.stage.options.wait = FLY_WAIT_YIELD;
	argp_parse(&argp, argc, argv, 0, NULL, &x);
	x.scratch = bench_zeros(NAME, 1, sizeof *x.scratch);
	failed = bench_stage_choose_cores(&x.stage);
	if (!failed) {
		choose_places(&x);
		failed = bench_stage_open(&x.stage);
		if (!failed) {
			failed = measure_all(&x);
			if (report(&x))
				failed = CLI_FAILED;
		}
		if (bench_stage_close(&x.stage))
			failed = CLI_FAILED;
	}
	for (unsigned i = 0; i < ROWS; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			pairs_free(&x.rows[i].in[s].pairs);
	free(x.scratch);
	return failed;
}
