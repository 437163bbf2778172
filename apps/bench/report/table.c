/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * table.c - tables and JSON objects out of descriptions of columns.
 *
 * Owns the layout that all runs share: head, rows, legend, rows without a ratio, states, machine.
 * Called once at the end by runs/run.c; every figure is as it was measured.
 */
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

/* ---- values of columns that several tables have ---- */

double table_per_second(const struct rounds *r, const struct block_sum *sum)
{
	return block_rate(sum) * (double)r->stage.machine.platform.tsc_hz;
}

static double percentile_ns(const struct cell *c, const struct histogram *times, double percent)
{
	const struct stage_machine *m = &c->rounds->stage.machine;

	return text_ns(m, histogram_percentile(times, percent, m->step));
}

COLUMN_TEXT(column_label, c->label);
COLUMN_TEXT(column_procedure, calls_profiles[c->row->procedure].name);
COLUMN_TEXT(column_link, c->rounds->stage.options.link);
COLUMN_TEXT(column_state, pairs_state_names[c->state]);
COLUMN_VALUE(column_threads, c->row->threads);
COLUMN_VALUE(column_window, c->row->window);
COLUMN_VALUE(column_bytes, c->row->bytes);
COLUMN_VALUE(column_calls, (double)c->figures->calls.sum.count);
COLUMN_VALUE(column_time, percentile_ns(c, &c->figures->calls.times, with));
COLUMN_VALUE(column_floor_time, percentile_ns(c, &c->figures->floors.times, with));
COLUMN_VALUE(column_rate, table_per_second(c->rounds, &c->figures->calls.sum));
COLUMN_VALUE(column_floor_rate, table_per_second(c->rounds, &c->figures->floors.sum));
COLUMN_VALUE(column_ratio, pairs_judge(&c->figures->pairs).ratio);
COLUMN_VALUE(column_pairs, (double)c->figures->pairs.kept);
COLUMN_VALUE(column_dropped, c->figures->pairs.dropped);

/* ---- the table ---- */

enum pairs_state table_main_state(const struct row *row)
{
	const size_t near = row->in[PAIRS_NEAR]->pairs.kept, far = row->in[PAIRS_FAR]->pairs.kept;

	return near < PAIRS_LEAST && far > near ? PAIRS_FAR : PAIRS_NEAR;
}

/* The one state that a whole table is of: where there is more with a floor. */
static enum pairs_state busiest_state(const struct rounds *r)
{
	unsigned blocks[PAIRS_STATES] = {0};

	for (size_t i = 0; i < r->n_rows; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			if (!r->rows[i].has_no_floor)
				blocks[s] += r->rows[i].in[s]->blocks;
	return blocks[PAIRS_FAR] > blocks[PAIRS_NEAR] ? PAIRS_FAR : PAIRS_NEAR;
}

static double cell_value(const struct column *column, const struct cell *c)
{
	return column->value ? column->value(c, column->with) : NAN;
}

static const char *cell_text(const struct column *column, const struct cell *c,
			     char room[TEXT_ROOM])
{
	const double value = cell_value(column, c);

	switch (column->as) {
	case AS_TEXT:
		return column->text(c, room);
	case AS_US:
		return text_us(room, value);
	case AS_RATE:
		return text_scaled(room, value);
	case AS_GIGABYTES:
		return text_gigabytes(room, value);
	case AS_RATIO:
		return text_ratio(room, value);
	case AS_SIZE:
		return text_size(room, (uint32_t)value);
	case AS_SHARE:
		snprintf(room, TEXT_ROOM, "%.0f%%", 100 * value);
		return room;
	default:
		snprintf(room, TEXT_ROOM, "%.*f", column->as == AS_NS, value);
		return room;
	}
}

/* One line. @c: NULL: the head. */
static void print_line(const struct table *t, const struct cell *c)
{
	const bool is_second = c && c->label != c->row->label;
	char room[TEXT_ROOM];
	const char *blank = "";

	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *column = &t->columns[i];
		const bool none = c && column->as == AS_CALLS && !c->figures->blocks;
		const char *text;

		if (!column->head || (column->width == 0 && is_second))
			continue;
		text = none ? "-" : c ? cell_text(column, c, room) : column->head;
		if (column->width)
			printf("%s%*s", blank, column->width, text);
		else if (*text)
			printf("  %s", text);
		if (none)
			break;
		blank = " ";
	}
	printf("\n");
}

static void print_row(const struct table *t, const struct rounds *r, const struct row *row,
		      enum pairs_state state, const char *label)
{
	const struct cell c = {r, row, row->in[state], state, label};

	print_line(t, &c);
}

/* @shown: is set for each state that some row is shown in. */
static void print_rows(const struct table *t, const struct rounds *r, enum pairs_state one,
		       bool shown[PAIRS_STATES])
{
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *row = &r->rows[i];
		const enum pairs_state state =
			t->states == TABLE_MAIN ? table_main_state(row) : one;
		const enum pairs_state other = state == PAIRS_NEAR ? PAIRS_FAR : PAIRS_NEAR;

		if (t->states == TABLE_BOTH) {
			for (unsigned s = 0; s < PAIRS_STATES; s++)
				if (row->in[s]->blocks)
					print_row(t, r, row, (enum pairs_state)s, row->label);
			continue;
		}
		print_row(t, r, row, state, row->label);
		shown[state] = true;
		if (t->states == TABLE_MAIN && row->in[other]->pairs.kept >= PAIRS_LEAST)
			print_row(t, r, row, other, other == PAIRS_FAR ? "  far" : "  near");
	}
}

static void print_range(size_t least, size_t most, const char *what)
{
	if (least != most)
		printf("%zu to ", least);
	printf("%zu %s", most, what);
}

/* The line about a state: "480 to 488 pairs a row, 0 to 3 dropped". */
static void print_state(const struct rounds *r, enum pairs_state state)
{
	const struct stage_machine *m = &r->stage.machine;
	size_t least = SIZE_MAX, most = 0, dropped_least = UINT32_MAX, dropped_most = 0;

	if (m->distance[state].total == 0)
		return;
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct pairs *p = &r->rows[i].in[state]->pairs;

		if (r->rows[i].has_no_floor || r->rows[i].phase == ROUNDS_PHASE_NONE)
			continue;
		least = p->kept < least ? p->kept : least;
		most = p->kept > most ? p->kept : most;
		dropped_least = p->dropped < dropped_least ? p->dropped : dropped_least;
		dropped_most = p->dropped > dropped_most ? p->dropped : dropped_most;
	}
	printf("%-5s a cache line to the other core and back takes %.0f ns; ",
	       pairs_state_names[state],
	       text_ns(m, histogram_percentile(&m->distance[state], 50, m->step)));
	print_range(least, most, "pairs a row, ");
	print_range(dropped_least, dropped_most, "dropped\n");
}

static void print_end(const struct table *t, const struct rounds *r, const bool shown[PAIRS_STATES])
{
	if (t->end) {
		t->end(r);
		return;
	}
	for (unsigned s = 0; s < PAIRS_STATES; s++)
		print_state(r, (enum pairs_state)s);
	if (shown[PAIRS_FAR])
		printf("shown are the figures of the far state%s\n",
		       shown[PAIRS_NEAR] ? " where there are too few near pairs" : "");
	text_print_machine(&r->stage.machine);
}

void table_print(const struct table *t, const struct rounds *r)
{
	const enum pairs_state one = busiest_state(r);
	bool shown[PAIRS_STATES] = {false};

	printf("%s\n", r->title);
	if (t->body) {
		t->body(r, one);
		shown[one] = true;
	} else {
		printf("\n");
		print_line(t, NULL);
		print_rows(t, r, one, shown);
	}
	if (t->legend)
		printf("\n%s\n", t->legend);
	if (t->note)
		t->note(r, one);
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *row = &r->rows[i];
		const enum pairs_state state = t->states == TABLE_ONE ? one : table_main_state(row);

		if (*row->name)
			text_print_doubt(row->name, "ratio", &row->in[state]->pairs);
	}
	print_end(t, r, shown);
	fflush(stdout);
}

/* ---- JSON ---- */

static struct json_object *cell_json(const struct column *column, const struct cell *c)
{
	static const int decimals[] = {
		[AS_US] = 1, [AS_NS] = 2, [AS_RATIO] = 4, [AS_SHARE] = 3, [AS_TEXT] = 0,
	};
	char room[TEXT_ROOM];

	switch (column->as) {
	case AS_TEXT:
		return json_object_new_string(column->text(c, room));
	case AS_BOOL:
		return json_object_new_boolean(cell_value(column, c) != 0);
	case AS_COUNT:
	case AS_CALLS:
	case AS_SIZE:
		return json_object_new_int64((int64_t)cell_value(column, c));
	default:
		return text_number(cell_value(column, c), decimals[column->as]);
	}
}

/* "floor.what": into an object "floor" of @run, which is made if it is not there. */
static void add(struct json_object *run, const char *key, struct json_object *value)
{
	const char *dot = strchr(key, '.');
	struct json_object *inner;
	char outer[32];

	if (!dot) {
		json_object_object_add(run, key, value);
		return;
	}
	snprintf(outer, sizeof outer, "%.*s", (int)(dot - key), key);
	if (!json_object_object_get_ex(run, outer, &inner)) {
		inner = json_object_new_object();
		json_object_object_add(run, outer, inner);
	}
	json_object_object_add(inner, dot + 1, value);
}

static struct json_object *row_json(const struct table *t, const struct cell *c)
{
	struct json_object *run = json_object_new_object();

	for (size_t i = 0; i < t->n_columns; i++)
		if (t->columns[i].key)
			add(run, t->columns[i].key, cell_json(&t->columns[i], c));
	if (!t->between_hosts)
		add(run, "state", json_object_new_string(pairs_state_names[c->state]));
	if (t->states == TABLE_ONE)
		add(run, "blocks", json_object_new_int64(c->figures->blocks));
	add(run, "pairs", json_object_new_int64((int64_t)c->figures->pairs.kept));
	add(run, "pairs_dropped", json_object_new_int64(c->figures->pairs.dropped));
	return run;
}

int table_write(const struct table *t, const struct rounds *r, const char *path)
{
	struct json_object *all = json_object_new_object(), *runs = json_object_new_array();
	int failed;

	for (size_t i = 0; i < r->n_rows; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++) {
			const struct row *row = &r->rows[i];
			const struct cell c = {r, row, row->in[s], (enum pairs_state)s, row->label};

			if (c.figures->blocks || c.figures->pairs.dropped ||
			    (row->phase == ROUNDS_PHASE_NONE && s == PAIRS_NEAR))
				json_object_array_add(runs, row_json(t, &c));
		}
	json_object_object_add(all, "runs", runs);
	if (t->more)
		t->more(r, all);
	if (!t->between_hosts)
		json_object_object_add(all, "machine", text_machine_json(&r->stage.machine));
	failed = text_write(all, path);
	json_object_put(all);
	return failed;
}
