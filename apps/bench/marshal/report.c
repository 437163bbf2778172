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

static const char *direction(const struct marshal_row *row)
{
	return row->is->is_out ? "out" : "in";
}

/* ---- figures ---- */

/* How many times as long as marshalling another way takes; NAN: not to be said. */
static double times(const struct marshal_figures *f, enum marshal_quantity other)
{
	const double ns = f->median[MARSHAL_FIREFLY];

	return ns >= DIVIDE_FROM_NS ? f->median[other] / ns : NAN;
}

/* Marshalling over memcpy; NAN: not to be said. */
static double ratio(const struct marshal_figures *f)
{
	return f->doubt == PAIRS_SURE && f->median[MARSHAL_COPY] >= DIVIDE_FROM_NS
		       ? f->median[MARSHAL_RATIO]
		       : NAN;
}

/* A goal: a difference that is to be 0 or less. NAN if it was not measured. */
static bool is_missed(const struct marshal_figures *f, enum marshal_quantity difference)
{
	return f->median[difference] > 0;
}

/* ---- the table ---- */

static const char *number(char text[16], int decimals, double value, const char *unit)
{
	if (isnan(value))
		return "-";
	snprintf(text, 16, "%.*f%s", decimals, value, unit);
	return text;
}

/* "met", or by how many ns it is missed. */
static const char *goal(char text[16], const struct marshal_figures *f,
			enum marshal_quantity difference)
{
	if (f->doubt != PAIRS_SURE || isnan(f->median[difference]))
		return "-";
	if (!is_missed(f, difference))
		return "met";
	snprintf(text, 16, "+%.1f", f->median[difference]);
	return text;
}

static void print_row(const struct marshal_row *row, const struct marshal_figures *f)
{
	char copy[16], firefly[16], over[16], copy_goal[16];
	char protobuf[16], protobuf_times[16], protobuf_goal[16], xdr[16], xdr_times[16];
	char in_1989[16] = "-";

	if (row->is->us_1989)
		snprintf(in_1989, sizeof in_1989, "%u us", row->is->us_1989);
	printf("%-18s %-3s %7s %7s %6s %5s %8s %4s %5s %7s %4s  %8s\n", row->is->name,
	       direction(row), number(firefly, 1, f->median[MARSHAL_FIREFLY], ""),
	       number(copy, 1, f->median[MARSHAL_COPY], ""), number(over, 2, ratio(f), "x"),
	       goal(copy_goal, f, MARSHAL_OVER),
	       number(protobuf, 1, f->median[MARSHAL_PROTOBUF], ""),
	       number(protobuf_times, 0, times(f, MARSHAL_PROTOBUF), "x"),
	       goal(protobuf_goal, f, MARSHAL_BEHIND), number(xdr, 1, f->median[MARSHAL_XDR], ""),
	       number(xdr_times, 0, times(f, MARSHAL_XDR), "x"), in_1989);
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

static struct json_object *json_goal(const struct marshal_figures *f,
				     enum marshal_quantity difference)
{
	if (f->doubt != PAIRS_SURE || isnan(f->median[difference]))
		return NULL;
	return json_object_new_boolean(!is_missed(f, difference));
}

static struct json_object *row_json(const struct marshal_row *row)
{
	static const struct {
		const char *key;
		enum marshal_quantity quantity;
	} medians[] = {
		{"null_ns", MARSHAL_NULL},
		{"call_ns", MARSHAL_CALL},
		{"marshalling_ns", MARSHAL_FIREFLY},
		{"memcpy_ns", MARSHAL_COPY},
		{"protobuf_c_ns", MARSHAL_PROTOBUF},
		{"xdr_ns", MARSHAL_XDR},
		{"beyond_memcpy_goal_ns", MARSHAL_OVER},
		{"beyond_protobuf_c_goal_ns", MARSHAL_BEHIND},
	};
	const struct marshal_figures f = marshal_pairs_judge((struct marshal_pairs *)&row->pairs);
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "case", json_object_new_string(row->is->word));
	json_object_object_add(o, "direction", json_object_new_string(direction(row)));
	json_object_object_add(o, "bytes", json_object_new_int((int)row->is->bytes));
	for (size_t i = 0; i < sizeof medians / sizeof *medians; i++)
		json_object_object_add(o, medians[i].key,
				       text_number(f.median[medians[i].quantity], 3));
	json_object_object_add(o, "ratio", text_number(ratio(&f), 3));
	json_object_object_add(o, "memcpy_goal_met", json_goal(&f, MARSHAL_OVER));
	json_object_object_add(o, "protobuf_c_goal_met", json_goal(&f, MARSHAL_BEHIND));
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
