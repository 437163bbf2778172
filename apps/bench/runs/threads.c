/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads.c - `firefly bench --threads`: Table I of 1989, calls by several threads at once.
 *
 * Owns the command line and the order of the blocks. Each thread is an attached caller of the
 * client's poller (bench_crew.c). The floor is one inline caller with the window that each of the
 * threads has, in the same runtime, to the same server: blocks alternate, inline, threads, inline.
 *
 * Workers have no floor: idle ones would take their share of the server's core from it. They are
 * measured in the end, with another server process, and their figures are calls per second.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/stage/crew.h"
#include "threads.h"
#include "firefly/cli.h"
#include "firefly/commands.h"
#include "firefly/test.h"

#define NAME            "bench --threads"
#define PAIRS_PER_VISIT 4
#define BLOCK_MS        10 /* so that every thread has had many turns */
#define SECONDS_DEFAULT 96
#define POLLER_PART     0.75 /* of the time; the rest is for workers */

struct threads {
	struct bench_stage stage;
	bool wanted[THREADS_MOST + 1]; /* numbers of threads */
	bool with_workers;
	enum threads_server server; /* of now */
	struct fly_binding *binding;
	struct crew *crew;
	unsigned cores[THREADS_MOST]; /* where the callers are */
	struct threads_result result;
	struct histogram *scratch; /* of an inline caller; not used otherwise */
};

/* ---- the command line ---- */

enum {
	KEY_THREADS = BENCH_KEY_OWN,
	KEY_NO_WORKERS,
};

static const struct argp_option options[] = {
	{"threads", KEY_THREADS, "LIST", 0, "How many call, for instance 1..8 or 1,2,4 or both", 0},
	{"no-workers", KEY_NO_WORKERS, NULL, 0, "Only procedures that run on the server's poller",
	 0},
	{0},
};

/* "1,2,4..8". */
static void want(struct threads *t, const char *text)
{
	char *list = strdup(text), *rest = list, *word;

	while (list && (word = strsep(&rest, ","))) {
		char *dots = strstr(word, "..");
		unsigned first, last;

		if (dots)
			*dots = 0;
		first = last = (unsigned)cli_number(NAME, "--threads", word, 1, THREADS_MOST);
		if (dots)
			last = (unsigned)cli_number(NAME, "--threads", dots + 2, first,
						    THREADS_MOST);
		for (unsigned n = first; n <= last; n++)
			t->wanted[n] = true;
		t->result.most = last > t->result.most ? last : t->result.most;
	}
	free(list);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct threads *t = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &t->stage;
		return 0;
	case KEY_THREADS:
		want(t, text);
		return 0;
	case KEY_NO_WORKERS:
		t->with_workers = false;
		return 0;
	case ARGP_KEY_ARG:
		cli_refuse(NAME, "'%s' is not expected: Null and MaxResult are measured", text);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&bench_stage_argp, 0, NULL, 0}, {0}};

static const struct argp argp = {
	.options = options,
	.children = children,
	.parser = parse,
	.doc = "Measure calls by several threads at once, as Table I of the paper of 1989 has "
	       "them, beside what was measured then."
	       "\v  firefly bench --threads 1..8\n"
	       "  firefly bench --threads 1,2,8 --seconds 30 --json -\n\n"
	       "Each thread is an attached caller: it hands its calls to the one poller of the "
	       "client, with one call under way and with 16. The ratio is of calls per second "
	       "of all threads to those of one inline caller with as many under way (higher is "
	       "better). Where there are fewer cores than threads, threads that wait yield.",
};

/* ---- who runs where ---- */

/*
 * Cores that neither poller has: the first half of them for the callers, the others for workers.
 * Without them each shares the core of its poller.
 */
static void choose_places(struct threads *t)
{
	struct threads_result *r = &t->result;
	struct bench_stage_options *o = &t->stage.options;
	unsigned spare[CPU_SETSIZE], n = 0, callers;
	size_t length = 0;
	cpu_set_t allowed;

	CPU_ZERO(&allowed);
	(void)sched_getaffinity(0, sizeof allowed, &allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET((size_t)cpu, &allowed) && cpu != o->client_core &&
		    cpu != o->server_core)
			spare[n++] = (unsigned)cpu;
	callers = n - n / 2;
	for (unsigned i = 0; i < r->most; i++)
		t->cores[i] = callers ? spare[i % callers] : (unsigned)o->client_core;
	for (unsigned i = callers; i < n && length < sizeof o->worker_cores - 8; i++)
		length +=
			(size_t)snprintf(o->worker_cores + length, sizeof o->worker_cores - length,
					 "%s%u", length ? "," : "", spare[i]);
	r->caller_cores = callers;
	r->worker_cores = n - callers;
	r->wait = r->most > callers ? FLY_WAIT_YIELD : FLY_WAIT_SPIN;
	o->wait = r->wait;
}

/* ---- blocks ---- */

static uint64_t block_ticks(const struct threads *t)
{
	return (uint64_t)(t->stage.options.block_s * (double)t->stage.machine.platform.tsc_hz);
}

static int measure_inline(struct threads *t, const struct threads_row *row, struct block_sum *sum)
{
	const struct block_plan plan = block_plan(row->window, block_ticks(t));
	struct block_clock clock = block_clock(&plan, t->scratch);
	const int status = bench_calls(t->binding, row->procedure, false, &clock);

	*sum = clock.sum;
	return status ? bench_stage_give_up(&t->stage, "a call failed", status) : 0;
}

static int measure_threads(struct threads *t, const struct threads_row *row, struct block_sum *sum)
{
	const int status =
		crew_call(t->crew, row->threads, row->procedure, row->window, block_ticks(t), sum);

	return status ? bench_stage_give_up(&t->stage, "a thread's call failed", status) : 0;
}

static int serve_calls(struct threads *t)
{
	return bench_stage_order(&t->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN);
}

static double rate(const struct block_sum *sum)
{
	return sum->ticks ? (double)sum->count / (double)sum->ticks : 0;
}

static void add(struct block_sum *into, const struct block_sum *from)
{
	into->count += from->count;
	into->ticks += from->ticks;
}

/* One turn of a row: inline, then several times threads and inline. */
static int visit(struct threads *t, struct threads_row *row)
{
	struct block_sum before, calls, after;
	struct bench_sight sights[4]; /* before and after both floors */

	if (bench_stage_look(&t->stage, &sights[0]) || serve_calls(t) ||
	    measure_inline(t, row, &before) || bench_stage_look(&t->stage, &sights[1]))
		return -1;
	for (unsigned i = 0; i < PAIRS_PER_VISIT && !bench_stop_wanted; i++) {
		struct threads_figures *f = &row->in[sights[1].state];

		if (serve_calls(t) || measure_threads(t, row, &calls) ||
		    bench_stage_look(&t->stage, &sights[2]) || serve_calls(t) ||
		    measure_inline(t, row, &after) || bench_stage_look(&t->stage, &sights[3]))
			return -1;
		if (pairs_add(&f->pairs, rate(&before), rate(&calls), rate(&after),
			      bench_is_steady(sights))) {
			add(&f->calls, &calls);
			add(&f->inline_calls, &before);
			add(&f->inline_calls, &after);
			f->blocks++;
		}
		before = after;
		sights[0] = sights[2];
		sights[1] = sights[3];
	}
	return 0;
}

/* The same with workers, without a floor. */
static int visit_workers(struct threads *t, struct threads_row *row)
{
	struct bench_sight before, after;
	struct block_sum calls;

	if (bench_stage_look(&t->stage, &before))
		return -1;
	for (unsigned i = 0; i < PAIRS_PER_VISIT && !bench_stop_wanted; i++) {
		struct threads_figures *f = &row->in[before.state];

		if (serve_calls(t) || measure_threads(t, row, &calls) ||
		    bench_stage_look(&t->stage, &after))
			return -1;
		if (before.ours && after.ours && before.state == after.state) {
			add(&f->calls, &calls);
			f->blocks++;
		}
		before = after;
	}
	return 0;
}

static int round_of_rows(void *context)
{
	struct threads *t = context;
	int failed = 0;

	for (size_t i = 0; i < t->result.n_rows && !failed && !bench_stop_wanted; i++) {
		struct threads_row *row = &t->result.rows[i];

		if (row->server == t->server)
			failed =
				t->server == THREADS_POLLER ? visit(t, row) : visit_workers(t, row);
	}
	return failed;
}

static void tell_progress(const void *context, char *line, size_t bytes)
{
	const struct threads *t = context;
	unsigned least = UINT32_MAX;

	for (size_t i = 0; i < t->result.n_rows; i++) {
		const struct threads_row *row = &t->result.rows[i];
		const unsigned blocks = row->in[PAIRS_NEAR].blocks + row->in[PAIRS_FAR].blocks;

		if (row->server == t->server && blocks < least)
			least = blocks;
	}
	snprintf(line, bytes, "%s, %u blocks a row",
		 t->server == THREADS_POLLER ? "procedures on the poller" : "on workers", least);
}

/* ---- from start to end ---- */

static void make_rows(struct threads *t)
{
	static const enum bench_procedure procedures[] = {BENCH_NULL, BENCH_MAX_RESULT};
	struct threads_result *r = &t->result;

	r->rows = bench_zeros(NAME, (size_t)THREADS_MOST * 8, sizeof *r->rows);
	for (unsigned p = 0; p < 2; p++)
		for (unsigned n = 1; n <= THREADS_MOST; n++)
			for (unsigned s = 0; t->wanted[n] && s < (t->with_workers ? 2 : 1); s++)
				for (unsigned w = 0; w < 2; w++)
					r->rows[r->n_rows++] = (struct threads_row){
						.procedure = procedures[p],
						.threads = n,
						.window = w ? THREADS_WINDOW : 1,
						.server = (enum threads_server)s,
					};
}

/* All rows of one kind of server, which is up. */
static int measure(struct threads *t, double seconds)
{
	const struct crew_places places = {
		.n = t->result.most,
		.core = t->cores,
		.wait = t->result.wait,
	};
	int status = Test_import(t->stage.runtime, NULL, &t->binding);

	if (!status) {
		fly_set_wait(t->binding, FLY_WAIT_SPIN); /* the floor is as fast as it can be */
		t->crew = crew_open(t->stage.runtime, t->binding, &places, &status);
	}
	if (status) {
		cli_complain(NAME, "%s", cli_reason(status));
		return CLI_FAILED;
	}
	t->stage.options.seconds = seconds;
	t->result.seconds += bench_stage_run(&t->stage, round_of_rows, tell_progress, t);
	crew_close(t->crew);
	fly_unbind(t->binding);
	return bench_stage_complain(&t->stage);
}

static int measure_all(struct threads *t)
{
	const double seconds = t->stage.options.seconds;
	int failed = measure(t, t->with_workers ? POLLER_PART * seconds : seconds);

	if (failed || !t->with_workers || bench_stop_wanted)
		return failed;
	t->server = THREADS_WORKERS;
	t->stage.options.workers = t->result.most;
	t->stage.options.server_yields = t->result.most > t->result.worker_cores;
	return bench_stage_again(&t->stage) || measure(t, (1 - POLLER_PART) * seconds) ? CLI_FAILED
										       : 0;
}

static int report(const struct threads *t)
{
	const char *json = t->stage.options.json;

	if (!json || strcmp(json, "-") != 0)
		threads_print(&t->result);
	if (!json || !threads_write_json(&t->result, json))
		return 0;
	cli_complain(NAME, "%s cannot be written: %s", json, strerror(errno));
	return CLI_FAILED;
}

int bench_threads_main(int argc, char **argv)
{
	struct threads t = {.with_workers = true};
	int failed;

	bench_stage_init(&t.stage, NAME);
	t.stage.options.seconds = SECONDS_DEFAULT;
	t.stage.options.block_s = BLOCK_MS / 1000.0;
	argp_parse(&argp, argc, argv, 0, NULL, &t);
	if (!t.result.most)
		cli_refuse(NAME, "how many threads? For instance --threads 1..8");
	t.stage.options.calls = t.result.most * THREADS_WINDOW + 64;
	make_rows(&t);
	t.scratch = bench_zeros(NAME, 1, sizeof *t.scratch);
	t.result.machine = &t.stage.machine;
	failed = bench_stage_choose_cores(&t.stage);
	if (!failed) {
		choose_places(&t);
		failed = bench_stage_open(&t.stage);
		if (!failed) {
			failed = measure_all(&t);
			if (report(&t))
				failed = CLI_FAILED;
		}
		if (bench_stage_close(&t.stage))
			failed = CLI_FAILED;
	}
	for (size_t i = 0; i < t.result.n_rows; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			pairs_free(&t.result.rows[i].in[s].pairs);
	free(t.result.rows);
	free(t.scratch);
	return failed;
}
