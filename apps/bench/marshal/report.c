/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * report.c - the table and the JSON object of `firefly bench marshal`.
 *
 * Owns the layout of both: 100 columns, and the names of the keys, which others read. Called once
 * at the end; every figure comes from pairs.c.
 */
#include <math.h>
#include <stdio.h>

#include <json-c/json.h>

#include "bench/report/text.h"
#include "ways.h"

/* Below this a quotient of two times is noise over noise. */
#define DIVIDE_FROM_NS 1.0

/* How a figure is written; NAN is "-", or null in JSON. */
enum figure_as {
	AS_NS,
	AS_RATIO, /* of marshalling to memcpy */
	AS_TIMES, /* how many times as long as Firefly's marshalling it takes */
	AS_GOAL,  /* a difference that is to be 0 or less; in JSON: is it? */
};

static const struct figure {
	const char *key; /* in JSON; NULL: not there */
	int width;       /* in the table; 0: not there */
	enum figure_as as;
	enum marshal_quantity quantity;
} all_figures[] = {
	{"null_ns", 0, AS_NS, MARSHAL_NULL},
	{"call_ns", 0, AS_NS, MARSHAL_CALL},
	{"marshalling_ns", 7, AS_NS, MARSHAL_FIREFLY},
	{"memcpy_ns", 7, AS_NS, MARSHAL_COPY},
	{NULL, 6, AS_RATIO, MARSHAL_RATIO},
	{NULL, 5, AS_GOAL, MARSHAL_OVER},
	{"protobuf_c_ns", 8, AS_NS, MARSHAL_PROTOBUF},
	{NULL, 4, AS_TIMES, MARSHAL_PROTOBUF},
	{NULL, 5, AS_GOAL, MARSHAL_BEHIND},
	{"xdr_ns", 7, AS_NS, MARSHAL_XDR},
	{NULL, 4, AS_TIMES, MARSHAL_XDR},
	{"beyond_memcpy_goal_ns", 0, AS_NS, MARSHAL_OVER},
	{"beyond_protobuf_c_goal_ns", 0, AS_NS, MARSHAL_BEHIND},
	{"ratio", 0, AS_RATIO, MARSHAL_RATIO},
	{"memcpy_goal_met", 0, AS_GOAL, MARSHAL_OVER},
	{"protobuf_c_goal_met", 0, AS_GOAL, MARSHAL_BEHIND},
};

#define N_FIGURES (sizeof all_figures / sizeof *all_figures)

static const char *direction(const struct marshal_row *row)
{
	return row->is->is_out ? "out" : "in";
}

/* NAN: not to be said. */
static double value_of(const struct figure *figure, const struct marshal_figures *f)
{
	const double median = f->median[figure->quantity], ns = f->median[MARSHAL_FIREFLY];

	if (figure->as == AS_TIMES)
		return ns >= DIVIDE_FROM_NS ? median / ns : NAN;
	if (figure->as != AS_NS && f->doubt != PAIRS_SURE)
		return NAN;
	if (figure->as == AS_RATIO && !(f->median[MARSHAL_COPY] >= DIVIDE_FROM_NS))
		return NAN;
	return median;
}

/* ---- the table ---- */

static void print_figure(const struct figure *figure, const struct marshal_figures *f)
{
	static const char *const formats[] = {
		[AS_NS] = "%.1f", [AS_RATIO] = "%.2fx", [AS_TIMES] = "%.0fx", [AS_GOAL] = "+%.1f"};
	const double value = value_of(figure, f);
	char text[TEXT_ROOM];

	snprintf(text, sizeof text, formats[figure->as], value);
	if (isnan(value))
		snprintf(text, sizeof text, "-");
	else if (figure->as == AS_GOAL && value <= 0)
		snprintf(text, sizeof text, "met");
	printf(" %*s", figure->width, text);
}

static void print_row(const struct marshal_row *row, const struct marshal_figures *f)
{
	char in_1989[16] = "-";

	printf("%-18s %-3s", row->is->name, direction(row));
	for (size_t i = 0; i < N_FIGURES; i++)
		if (all_figures[i].width)
			print_figure(&all_figures[i], f);
	if (row->is->us_1989)
		snprintf(in_1989, sizeof in_1989, "%u us", row->is->us_1989);
	printf("  %8s\n", in_1989);
}

void marshal_print(const struct marshal_result *r)
{
	size_t least = SIZE_MAX, most = 0;
	unsigned dropped = 0;
	double null = NAN;

	printf("Marshalling on core %u: nanoseconds beyond Null(), both stubs together\n\n",
	       r->core);
	printf("%-18s %-3s %7s %7s %6s %5s %13s %5s %12s  %8s\n", "argument or result", "",
	       "Firefly", "memcpy", "ratio", "goal", "protobuf-c", "goal", "XDR", "in 1989");
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct marshal_figures f = marshal_pairs_judge(&r->rows[i].pairs);

		print_row(&r->rows[i], &f);
		null = fmin(null, f.median[MARSHAL_NULL]);
		least = f.kept < least ? f.kept : least;
		most = f.kept > most ? f.kept : most;
		dropped += f.dropped;
	}
	printf("\nGoals: at most %.1fx memcpy and %.0f ns; at most a fifth of protobuf-c. +: "
	       "missed by "
	       "so many ns.\n",
	       MARSHAL_COPY_TIMES, MARSHAL_COPY_PLUS_NS);
	printf("%zu to %zu pairs a row, %u of all dropped. Null() itself takes %.1f ns. Below %.0f "
	       "ns "
	       "no ratio.\n",
	       least, most, dropped, null, DIVIDE_FROM_NS);
	if (!r->has[MARSHAL_WAY_PROTOBUF])
		printf("Built without protobuf-c.\n");
	if (!r->has[MARSHAL_WAY_XDR])
		printf("Built without XDR.\n");
	for (size_t i = 0; i < r->n_rows; i++) {
		char name[TEXT_ROOM];

		snprintf(name, sizeof name, "%s, %s", r->rows[i].is->name, direction(&r->rows[i]));
		text_print_doubt(name, "verdict", &r->rows[i].pairs.pairs);
	}
}

/* ---- JSON ---- */

static struct json_object *figure_json(const struct figure *figure, const struct marshal_figures *f)
{
	const double value = value_of(figure, f);

	if (figure->as == AS_GOAL && !isnan(value))
		return json_object_new_boolean(value <= 0);
	return text_number(value, 3);
}

static struct json_object *row_json(struct marshal_row *row)
{
	const struct marshal_figures f = marshal_pairs_judge(&row->pairs);
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "case", json_object_new_string(row->is->word));
	json_object_object_add(o, "direction", json_object_new_string(direction(row)));
	json_object_object_add(o, "bytes", json_object_new_int((int)row->is->bytes));
	for (size_t i = 0; i < N_FIGURES; i++)
		if (all_figures[i].key)
			json_object_object_add(o, all_figures[i].key,
					       figure_json(&all_figures[i], &f));
	json_object_object_add(o, "us_in_1989",
			       row->is->us_1989 ? json_object_new_int((int)row->is->us_1989)
						: NULL);
	json_object_object_add(o, "pairs", json_object_new_int64((int64_t)f.kept));
	json_object_object_add(o, "pairs_dropped", json_object_new_int64(f.dropped));
	return o;
}

int marshal_print_json(const struct marshal_result *r)
{
	struct json_object *all = json_object_new_object(), *rows = json_object_new_array();
	int failed;

	for (size_t i = 0; i < r->n_rows; i++)
		json_object_array_add(rows, row_json(&r->rows[i]));
	json_object_object_add(all, "marshalling", rows);
	json_object_object_add(all, "core", json_object_new_int((int)r->core));
	json_object_object_add(all, "calls_in_a_block", json_object_new_int((int)r->calls));
	failed = text_write(all, "-");
	json_object_put(all);
	return failed;
}
