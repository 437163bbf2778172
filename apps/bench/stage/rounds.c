/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rounds.c - the order of the blocks, and what becomes of each pair.
 *
 * Owns the rows, their figures and the samples of the blocks that are being measured. Called by
 * runs/run.c; what is inside a block is in the functions of a run.
 *
 * The order of the blocks
 *
 * The rows take turns of pairs_per_turn pairs, round and round until the time is over. So all
 * rows see the same share of whatever the machine is going through. Within a turn blocks
 * alternate, floor, calls, floor; a floor in the middle belongs to two pairs. Before and after
 * every block a cache line is sent to the other core and back, to tell which state the machine is
 * in. A row without a floor is blocks of calls alone, and those count that were in one state.
 */
#include "rounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

/* A floor, and what was seen of the machine before and after it. */
struct floor_block {
	struct sample sample;
	struct stage_distance distances[2];
};

/* What is being measured: a block of calls, and the floors around it. */
static struct sample calls;
static struct floor_block floors[2];

void *rounds_zeros(const char *name, size_t n, size_t bytes)
{
	void *memory = calloc(n, bytes);

	if (!memory) {
		cli_complain(name, "out of memory");
		exit(CLI_FAILED);
	}
	return memory;
}

struct row *rounds_add(struct rounds *r, const char *label)
{
	struct row *row = &r->rows[r->n_rows++];

	snprintf(row->label, sizeof row->label, "%s", label);
	snprintf(row->name, sizeof row->name, "%s", label);
	row->threads = 1;
	for (unsigned s = 0; s < PAIRS_STATES; s++)
		row->in[s] = rounds_zeros(r->stage.name, 1, sizeof *row->in[s]);
	return row;
}

void rounds_free(struct rounds *r)
{
	for (size_t i = 0; i < r->n_rows; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++) {
			pairs_free(&r->rows[i].in[s]->pairs);
			pairs_free(&r->rows[i].in[s]->whole);
			free(r->rows[i].in[s]);
		}
	r->n_rows = 0;
}

/* ---- what several runs measure, and how they judge it ---- */

int rounds_calls(struct rounds *r, const struct row *row, struct sample *sample)
{
	if (stage_order(&r->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
		return -1;
	return stage_call_failed(&r->stage,
				 calls_block(r->test, row->procedure, row->window, r->view,
					     stage_block_ticks(&r->stage), sample));
}

double rounds_median(const struct rounds *r, const struct histogram *times)
{
	return histogram_percentile(times, 50, r->stage.machine.step);
}

double rounds_worth_time(const struct rounds *r, const struct row *row, const struct sample *sample)
{
	return row->window == 1 ? rounds_median(r, &sample->times) : block_rate(&sample->sum);
}

double rounds_worth_rate(const struct rounds *r, const struct row *row, const struct sample *sample)
{
	(void)r, (void)row;
	return block_rate(&sample->sum);
}

double rounds_worth_cost(const struct rounds *r, const struct row *row, const struct sample *sample)
{
	(void)r, (void)row;
	return block_cost(&sample->sum);
}

/* ---- one block ---- */

static void add_sum(struct block_sum *into, const struct block_sum *from)
{
	into->count += from->count;
	into->ticks += from->ticks;
}

/* A histogram that nobody uses stays memory that nobody has touched. */
static void add_sample(struct sample *into, const struct sample *from)
{
	if (from->times.total)
		histogram_merge(&into->times, &from->times);
	if (from->others.total)
		histogram_merge(&into->others, &from->others);
	add_sum(&into->sum, &from->sum);
	add_sum(&into->work, &from->work);
}

/* The look after a block is an order: the server has written down what it counted. */
static int look(struct rounds *r, struct stage_distance *distance, struct sample *sample)
{
	if (stage_measure_distance(&r->stage, distance))
		return -1;
	sample->work = r->stage.control.page->counted;
	return 0;
}

static int measure_floor(struct rounds *r, const struct row *row, struct floor_block *floor)
{
	const struct rounds_method *method = r->method;

	if (!method->distance && look(r, &floor->distances[0], &calls))
		return -1;
	stage_settle(&r->stage);
	memset(&floor->sample, 0, sizeof floor->sample);
	floor->sample.is_floor = true;
	if (method->floor(r, row, &floor->sample))
		return -1;
	if (!method->distance)
		return look(r, &floor->distances[1], &floor->sample);
	floor->distances[0] = floor->distances[1] = method->distance(r, &floor->sample);
	return 0;
}

static int measure_calls(struct rounds *r, const struct row *row)
{
	stage_settle(&r->stage);
	memset(&calls, 0, sizeof calls);
	return r->method->calls(r, row, &calls);
}

/* ---- pairs ---- */

static bool is_steady(const struct stage_distance b[2], const struct stage_distance a[2])
{
	return b[0].ours && b[1].ours && a[0].ours && a[1].ours && b[0].state == b[1].state &&
	       b[0].state == a[0].state && b[0].state == a[1].state;
}

/* Take the newest block of calls and the two floors around it in, or drop them. */
static void add_pair(struct rounds *r, const struct row *row, const struct floor_block *before,
		     const struct floor_block *after)
{
	const struct rounds_method *method = r->method;
	const struct sample *b = &before->sample, *a = &after->sample;
	struct figures *f = row->in[before->distances[1].state];
	const bool steady = is_steady(before->distances, after->distances);

	if (method->whole)
		(void)pairs_add(&f->whole, method->whole(r, row, b), method->whole(r, row, &calls),
				method->whole(r, row, a), steady);
	if (!pairs_add(&f->pairs, method->worth(r, row, b), method->worth(r, row, &calls),
		       method->worth(r, row, a), steady))
		return;
	add_sample(&f->calls, &calls);
	add_sample(&f->floors, b);
	add_sample(&f->floors, a);
	f->blocks++;
}

/* Floor, then several times calls and floor. A floor after a block is before the next one. */
static int alternate(struct rounds *r, const struct row *row)
{
	unsigned newest = 0;

	if (measure_floor(r, row, &floors[newest]))
		return -1;
	for (unsigned i = 0; i < r->method->pairs_per_turn && !stage_stop_wanted; i++) {
		newest = !newest;
		if (measure_calls(r, row) || measure_floor(r, row, &floors[newest]))
			return -1;
		add_pair(r, row, &floors[!newest], &floors[newest]);
	}
	return 0;
}

/* Calls alone, where nobody looks at the state of the machine. */
static int repeat_blindly(struct rounds *r, const struct row *row)
{
	for (unsigned i = 0; i < r->method->pairs_per_turn && !stage_stop_wanted; i++) {
		struct figures *f;

		if (measure_calls(r, row))
			return -1;
		f = row->in[r->method->distance(r, &calls).state];
		add_sample(&f->calls, &calls);
		f->blocks++;
	}
	return 0;
}

/* Calls alone. */
static int repeat(struct rounds *r, const struct row *row)
{
	struct stage_distance before, after;

	if (r->method->distance)
		return repeat_blindly(r, row);
	if (stage_measure_distance(&r->stage, &before))
		return -1;
	for (unsigned i = 0; i < r->method->pairs_per_turn && !stage_stop_wanted; i++) {
		struct figures *f = row->in[before.state];

		if (measure_calls(r, row) || look(r, &after, &calls))
			return -1;
		if (before.ours && after.ours && before.state == after.state) {
			add_sample(&f->calls, &calls);
			f->blocks++;
		}
		before = after;
	}
	return 0;
}

/* ---- rounds ---- */

static int turn(struct rounds *r, const struct row *row)
{
	const struct rounds_method *method = r->method;

	if (method->enter &&
	    (stage_order(&r->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN) || method->enter(r, row)))
		return -1;
	if (row->has_no_floor ? repeat(r, row) : alternate(r, row))
		return -1;
	if (method->leave) {
		if (stage_order(&r->stage, CONTROL_CALLS, CONTROL_CALLS_PLAIN))
			return -1;
		method->leave(r, row);
	}
	stage_settle(&r->stage);
	return 0;
}

static int round_of_rows(struct rounds *r)
{
	int failed = 0;

	for (size_t i = 0; i < r->n_rows && !failed && !stage_stop_wanted; i++)
		if (r->rows[i].phase == r->phase)
			failed = turn(r, &r->rows[i]);
	return failed;
}

static void print_progress(const struct rounds *r, double elapsed, double seconds)
{
	unsigned least = UINT32_MAX;

	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *row = &r->rows[i];
		const unsigned blocks = row->in[PAIRS_NEAR]->blocks + row->in[PAIRS_FAR]->blocks;

		if (row->phase == r->phase && blocks < least)
			least = blocks;
	}
	fprintf(stderr, "\r%.0f of %.0f s, %s%s%u %s a row\033[K", elapsed, seconds,
		r->phase_name ? r->phase_name : "", r->phase_name ? ", " : "", least,
		r->phase_name ? "blocks" : "pairs");
}

void rounds_run(struct rounds *r, double seconds)
{
	const bool on_terminal = isatty(STDERR_FILENO);
	const double began = cli_seconds_now();
	double elapsed = 0, last = 0;

	while (!stage_stop_wanted && elapsed + last / 2 < seconds && !round_of_rows(r)) {
		last = cli_seconds_now() - began - elapsed;
		elapsed += last;
		if (on_terminal)
			print_progress(r, elapsed, seconds);
	}
	if (on_terminal)
		fprintf(stderr, "\r\033[K");
}
