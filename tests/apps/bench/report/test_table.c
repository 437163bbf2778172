/* SPDX-License-Identifier: BSD-3-Clause */
/* test_table.c - one description of columns makes the table and the JSON. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/report/table.h"

/* What the figures are measured with; table.c uses the names alone. */
const struct calls_profile calls_profiles[CALLS_PROCEDURES] = {{"Null", 74, 74, 0}};

const char *fly_version(void)
{
	return "0";
}

static struct figures near, far;
static struct rounds rounds;

static COLUMN_VALUE(nothing, NAN);

static const struct column columns[] = {
	{NULL, "procedure", -9, AS_TEXT, .text = column_label},
	{"window", "window", 6, .value = column_window},
	{"calls", "calls", 6, AS_CALLS, .value = column_calls},
	{"floor.per_s", "floor", 7, AS_RATE, .value = column_floor_rate},
	{"floor.none", .as = AS_US, .value = nothing},
	{"ratio", "ratio", 6, AS_RATIO, .value = column_ratio},
};

static const struct table table = {columns, sizeof columns / sizeof *columns, TABLE_MAIN,
				   .legend = "The legend."};

/* One row: 50 pairs of 1.5 in the far state. */
static void start(void)
{
	rounds = (struct rounds){.title = "The title", .n_rows = 1};
	rounds.stage.options.link = "local";
	rounds.stage.machine.platform = (struct fly_platform){.tsc_hz = 1000000, .dpdk = "22.11"};
	rounds.rows[0] = (struct row){.label = "a row", .window = 64, .in = {&near, &far}};
	for (unsigned i = 0; i < PAIRS_LEAST; i++)
		cr_assert(pairs_add(&far.pairs, 2, 3, 2, true));
	far.blocks = PAIRS_LEAST;
	far.calls.sum = (struct block_sum){1234, 1000};
	far.floors.sum = (struct block_sum){2000, 1000};
}

static void end(void)
{
	pairs_free(&far.pairs);
}

TestSuite(table, .init = start, .fini = end);

/* Does this text, once, stand in what is printed? */
static bool prints(void (*print)(void), const char *text)
{
	static char all[8192];
	FILE *file = tmpfile();
	const int before = dup(1);
	size_t n;

	fflush(stdout);
	dup2(fileno(file), 1);
	print();
	fflush(stdout);
	dup2(before, 1);
	close(before);
	rewind(file);
	n = fread(all, 1, sizeof all - 1, file);
	all[n] = 0;
	fclose(file);
	return strstr(all, text) && !strstr(strstr(all, text) + 1, text);
}

static void print_table(void)
{
	table_print(&table, &rounds);
}

static void print_json(void)
{
	cr_assert(table_write(&table, &rounds, "-") == 0);
}

Test(table, table_main_state__far_where_near_has_too_few)
{
	cr_expect(table_main_state(&rounds.rows[0]) == PAIRS_FAR);
	near.pairs.kept = PAIRS_LEAST;
	cr_expect(table_main_state(&rounds.rows[0]) == PAIRS_NEAR);
}

Test(table, table_print__a_line_for_the_state_that_counts)
{
	cr_expect(prints(print_table, "procedure window  calls   floor  ratio\n"
				      "a row         64   1234  2.00 M  1.50x\n"
				      "\nThe legend.\n"));
	cr_expect(prints(print_table, "shown are the figures of the far state\n"));
}

Test(table, table_print__nothing_but_a_dash_without_figures)
{
	far.blocks = 0;
	cr_expect(prints(print_table, "a row         64      -\n"));
}

Test(table, table_write__an_object_in_an_object_and_null)
{
	cr_expect(prints(print_json, "\"floor\": {"));
	cr_expect(prints(print_json, "\"per_s\": 2000000,"));
	cr_expect(prints(print_json, "\"none\": null"));
	cr_expect(prints(print_json, "\"ratio\": 1.5000,"));
	cr_expect(prints(print_json, "\"state\": \"far\","));
	cr_expect(prints(print_json, "\"pairs_dropped\": 0"));
}
