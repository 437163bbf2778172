/* SPDX-License-Identifier: BSD-3-Clause */
/* test_times.c - what `ping` and `call` print of how long calls took. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "firefly/times.h"

static struct times t;

static void start_empty(void)
{
	memset(&t, 0, sizeof t);
	t.tsc_hz = 1000000000; /* a tick is a nanosecond */
	t.step = 1;
}

TestSuite(times, .init = start_empty);

/* 1 to 1000 us. */
static void add_thousand(void)
{
	for (unsigned i = 1; i <= 1000; i++)
		times_add(&t, 1000 * ((i * 377) % 1000 + 1)); /* in any order */
}

static char *printed(void)
{
	char *text = NULL;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);

	times_print(&t, to);
	fclose(to);
	return text;
}

/* To within what a histogram tells: 1/256, and a value either way. */
static bool is_about(double is, double wanted)
{
	return fabs(is - wanted) <= wanted / 200 + 1;
}

Test(times, times_us__percentiles)
{
	add_thousand();
	cr_expect(is_about(times_us(&t, 50), 500));
	cr_expect(is_about(times_us(&t, 90), 900));
	cr_expect(is_about(times_us(&t, 99), 990));
	cr_expect(is_about(times_us(&t, 99.9), 999));
}

Test(times, times_us__never_beyond_what_was_seen)
{
	times_add(&t, 1000001);
	cr_expect(ieee_ulp_eq(dbl, times_us(&t, 0), 1000.001, 4));
	cr_expect(ieee_ulp_eq(dbl, times_us(&t, 99.9), 1000.001, 4));
}

Test(times, times_mean_us__and_the_deviation)
{
	add_thousand();
	cr_expect(is_about(times_mean_us(&t), 500.5));
	cr_expect(is_about(times_deviation_us(&t), 288.7));
}

Test(times, times_print__two_lines)
{
	char *text;

	times_add(&t, 2000);
	times_add(&t, 4000);
	text = printed();
	cr_expect(eq(str, text,
		     "min/avg/max/stddev 2.00/3.00/4.00/1.00 us\n"
		     "p50/p90/p99/p99.9 2.00/4.00/4.00/4.00 us\n"));
	free(text);
}

Test(times, times_print__nothing_of_no_calls)
{
	char *text = printed();

	cr_expect(eq(str, text, ""));
	free(text);
}

Test(times, times_json__nanoseconds_or_null)
{
	struct json_object *all = json_object_new_object(), *value;

	times_json(&t, all);
	cr_assert(json_object_object_get_ex(all, "p99_ns", &value));
	cr_expect(value == NULL);
	times_add(&t, 2000);
	times_json(&t, all);
	cr_assert(json_object_object_get_ex(all, "p99_ns", &value));
	cr_expect(is_about(json_object_get_double(value), 2000));
	cr_assert(json_object_object_get_ex(all, "max_ns", &value));
	cr_expect(is_about(json_object_get_double(value), 2000));
	json_object_put(all);
}
