/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads.c - the table and the JSON object of `firefly bench --threads`.
 *
 * Owns the layout of both, and what was measured in 1989. Every figure comes from bench_threads.c
 * as it was measured.
 */
#include "bench/runs/threads.h"

#include <math.h>
#include <stdio.h>

#include <json-c/json.h>

#include "text.h"

#define GOAL_FLOOR 0.7 /* of one inline caller, with 2 threads or more */
#define GOAL_FALL  0.9 /* 8 threads, of 2 */

/* Table I: by threads, from 1. */
static const char *const in_1989[BENCH_PROCEDURES][9] = {
	[BENCH_NULL] = {"", "375/s", "595/s", "615/s", "647/s", "662/s", "680/s", "741/s", "732/s"},
	[BENCH_MAX_RESULT] = {"", "1.82 Mb/s", "3.28 Mb/s", "4.25 Mb/s", "4.65 Mb/s", "4.69 Mb/s",
			      "4.70 Mb/s", "4.69 Mb/s", "4.69 Mb/s"},
};

static const char *const server_names[THREADS_SERVERS] = {"poller", "workers"};

static double per_second(const struct threads_result *r, const struct block_sum *sum)
{
	return sum->ticks ? (double)sum->count * (double)r->machine->platform.tsc_hz /
				    (double)sum->ticks
			  : NAN;
}

static double bits(const struct threads_row *row, double calls)
{
	return calls * 8 * bench_profiles[row->procedure].payload_bytes;
}

/* The one state that the whole table is of: where there is more. */
static enum pairs_state shown(const struct threads_result *r)
{
	size_t blocks[PAIRS_STATES] = {0};

	for (size_t i = 0; i < r->n_rows; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			if (r->rows[i].server == THREADS_POLLER)
				blocks[s] += r->rows[i].in[s].blocks;
	return blocks[PAIRS_FAR] > blocks[PAIRS_NEAR] ? PAIRS_FAR : PAIRS_NEAR;
}

static struct threads_row *find(const struct threads_result *r, enum bench_procedure procedure,
				unsigned threads, enum threads_server server, unsigned window)
{
	for (size_t i = 0; i < r->n_rows; i++) {
		struct threads_row *row = &r->rows[i];

		if (row->procedure == procedure && row->threads == threads &&
		    row->server == server && row->window == window)
			return row;
	}
	return NULL;
}

/* ---- the table ---- */

/* Calls or bits per second, and the ratio. */
static void print_cell(const struct threads_result *r, struct threads_row *row,
		       enum pairs_state state, bool with_ratio)
{
	struct threads_figures *f = row ? &row->in[state] : NULL;
	const double calls = f ? per_second(r, &f->calls) : NAN;
	char text[16];

	if (isnan(calls)) {
		printf(" %8s", "-");
	} else {
		printf(" %8s",
		       bench_scaled(text, row->procedure == BENCH_NULL ? calls : bits(row, calls)));
	}
	if (with_ratio)
		printf(" %7s", bench_ratio(text, f ? pairs_judge(&f->pairs).ratio : NAN));
}

/* The floor of all rows of a procedure and a window. */
static void print_inline(const struct threads_result *r, enum bench_procedure procedure,
			 unsigned window, enum pairs_state state)
{
	struct block_sum sum = {0};
	double calls;
	char text[16];

	for (size_t i = 0; i < r->n_rows; i++) {
		const struct threads_row *row = &r->rows[i];

		if (row->procedure != procedure || row->window != window)
			continue;
		sum.count += row->in[state].inline_calls.count;
		sum.ticks += row->in[state].inline_calls.ticks;
	}
	calls = per_second(r, &sum);
	if (isnan(calls))
		printf(" %8s", "-");
	else
		printf(" %8s",
		       bench_scaled(text,
				    procedure == BENCH_NULL
					    ? calls
					    : calls * 8 * bench_profiles[procedure].payload_bytes));
	printf(" %7s", "1");
}

static void print_procedure(const struct threads_result *r, enum bench_procedure procedure,
			    enum pairs_state state)
{
	const char *unit = procedure == BENCH_NULL ? "calls/s" : "bit/s";

	printf("\n%-9s attached, 1 each   attached, %2u each   on workers, 1    %2u each\n",
	       bench_profiles[procedure].name, THREADS_WINDOW, THREADS_WINDOW);
	printf("%9s %8s %7s   %8s %7s %16s %10s   %s\n", "threads", unit, "ratio", unit, "ratio",
	       unit, unit, "in 1989");
	printf("%9s", "inline");
	print_inline(r, procedure, 1, state);
	printf("  ");
	print_inline(r, procedure, THREADS_WINDOW, state);
	printf("\n");
	for (unsigned n = 1; n <= THREADS_MOST; n++) {
		struct threads_row *one = find(r, procedure, n, THREADS_POLLER, 1);

		if (!one)
			continue;
		printf("%9u", n);
		print_cell(r, one, state, true);
		printf("  ");
		print_cell(r, find(r, procedure, n, THREADS_POLLER, THREADS_WINDOW), state, true);
		printf("        ");
		print_cell(r, find(r, procedure, n, THREADS_WORKERS, 1), state, false);
		printf("  ");
		print_cell(r, find(r, procedure, n, THREADS_WORKERS, THREADS_WINDOW), state, false);
		printf("   %s\n", n < 9 ? in_1989[procedure][n] : "");
	}
}

/* What was to be reached, if it was measured. */
static void print_goal(const struct threads_result *r, enum bench_procedure procedure,
		       enum pairs_state state)
{
	double least = NAN, two = NAN, most = NAN;
	unsigned n_most = 0;

	for (unsigned n = 2; n <= 8; n++) {
		struct threads_row *row = find(r, procedure, n, THREADS_POLLER, THREADS_WINDOW);
		const double ratio = row ? pairs_judge(&row->in[state].pairs).ratio : NAN;

		if (isnan(ratio))
			continue;
		least = fmin(least, ratio);
		if (n == 2)
			two = ratio;
		most = ratio;
		n_most = n;
	}
	if (isnan(least))
		return;
	printf("%s, %u each, 2 threads and more: %.2fx of one inline caller at the least (goal "
	       "%.1fx)",
	       bench_profiles[procedure].name, THREADS_WINDOW, least, GOAL_FLOOR);
	if (!isnan(two) && n_most > 2)
		printf("; %u threads %.2fx of 2 (goal %.1fx)", n_most, most / two, GOAL_FALL);
	printf("\n");
}

static void print_wait(const struct threads_result *r)
{
	if (r->wait != FLY_WAIT_YIELD && r->worker_cores >= r->most) {
		printf("every thread has a core of its own\n");
		return;
	}
	printf("fewer cores than threads: who shares a core yields while it waits; ");
	if (r->caller_cores)
		printf("%u cores for the callers", r->caller_cores);
	else
		printf("the callers share their poller's core");
	if (r->worker_cores)
		printf(", %u for the workers\n", r->worker_cores);
	else
		printf(", the workers theirs\n");
}

void threads_print(const struct threads_result *r)
{
	const enum pairs_state state = shown(r);

	printf("Calls over %s by several threads of one program (Table I, 1989)\n",
	       r->machine->link);
	print_procedure(r, BENCH_NULL, state);
	print_procedure(r, BENCH_MAX_RESULT, state);
	printf("\nOf all threads together. Ratio: to one inline caller with as many calls under "
	       "way as each thread,\nin the same moments (higher is better). On workers: the "
	       "same callers, as many workers at the server.\n");
	print_wait(r);
	print_goal(r, BENCH_NULL, state);
	print_goal(r, BENCH_MAX_RESULT, state);
	for (unsigned s = 0; s < PAIRS_STATES; s++) {
		const struct pairs *each[THREADS_MOST * 4];
		size_t n = 0;

		for (size_t i = 0; i < r->n_rows; i++)
			if (r->rows[i].server == THREADS_POLLER)
				each[n++] = &r->rows[i].in[s].pairs;
		bench_print_state(r->machine, (enum pairs_state)s, each, n);
	}
	if (state == PAIRS_FAR)
		printf("shown are the figures of the far state\n");
	bench_print_machine(r->machine);
	fflush(stdout);
}

/* ---- JSON ---- */

static struct json_object *run_json(const struct threads_result *r, struct threads_row *row,
				    enum pairs_state state)
{
	struct threads_figures *f = &row->in[state];
	struct json_object *run = json_object_new_object();
	const double calls = per_second(r, &f->calls);

	json_object_object_add(run, "procedure",
			       json_object_new_string(bench_profiles[row->procedure].name));
	json_object_object_add(run, "link", json_object_new_string(r->machine->link));
	json_object_object_add(run, "callers", json_object_new_string("attached"));
	json_object_object_add(run, "threads", json_object_new_int((int)row->threads));
	json_object_object_add(run, "window", json_object_new_int((int)row->window));
	json_object_object_add(run, "served_by", json_object_new_string(server_names[row->server]));
	json_object_object_add(run, "wait",
			       json_object_new_string(r->wait == FLY_WAIT_YIELD ? "yield"
										: "spin"));
	json_object_object_add(run, "calls_per_s", bench_number(calls, 0));
	json_object_object_add(run, "payload_bits_per_s", bench_number(bits(row, calls), 0));
	json_object_object_add(run, "inline_calls_per_s",
			       bench_number(per_second(r, &f->inline_calls), 0));
	json_object_object_add(run, "ratio", bench_number(pairs_judge(&f->pairs).ratio, 4));
	json_object_object_add(run, "state", json_object_new_string(bench_state_names[state]));
	json_object_object_add(run, "blocks", json_object_new_int64(f->blocks));
	json_object_object_add(run, "pairs", json_object_new_int64((int64_t)f->pairs.kept));
	json_object_object_add(run, "pairs_dropped", json_object_new_int64(f->pairs.dropped));
	return run;
}

int threads_write_json(const struct threads_result *r, const char *path)
{
	struct json_object *all = json_object_new_object(), *runs = json_object_new_array();

	for (size_t i = 0; i < r->n_rows; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			if (r->rows[i].in[s].blocks || r->rows[i].in[s].pairs.dropped)
				json_object_array_add(runs, run_json(r, &r->rows[i],
								     (enum pairs_state)s));
	json_object_object_add(all, "runs", runs);
	return bench_write(r->machine, all, path);
}
