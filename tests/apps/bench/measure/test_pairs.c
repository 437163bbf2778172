/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pairs.c - which pairs count, and when there is a verdict. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

#include "bench/measure/pairs.h"

static struct pairs p;

static void start_empty(void)
{
	p = (struct pairs){0};
}

static void end(void)
{
	pairs_free(&p);
}

TestSuite(pairs, .init = start_empty, .fini = end);

static void add_many(unsigned n, double ratio)
{
	while (n--)
		cr_assert(pairs_add(&p, 100, 100 * ratio, 100, true));
}

static void drop_many(unsigned n)
{
	while (n--)
		cr_assert(not(pairs_add(&p, 100, 100, 1000, true)));
}

Test(pairs, pairs_agree__up_to_the_limit_in_both_directions)
{
	cr_expect(pairs_agree(100, 100));
	cr_expect(pairs_agree(100, 139.9));
	cr_expect(pairs_agree(139.9, 100));
	cr_expect(not(pairs_agree(100, 140.1)));
	cr_expect(not(pairs_agree(140.1, 100)));
}

Test(pairs, pairs_agree__no_floor_agrees_with_nothing)
{
	cr_expect(not(pairs_agree(0, 0)));
	cr_expect(not(pairs_agree(0, 100)));
	cr_expect(not(pairs_agree(100, NAN)));
}

Test(pairs, pairs_add__compares_with_the_mean_of_both_floors)
{
	cr_expect(pairs_add(&p, 100, 110, 120, true));
	cr_assert(eq(sz, p.kept, 1));
	cr_expect(ieee_ulp_eq(dbl, p.ratios[0], 1.0, 2));
}

Test(pairs, pairs_add__drops_and_counts_floors_that_disagree)
{
	cr_expect(not(pairs_add(&p, 100, 100, 150, true)));
	cr_expect(eq(sz, p.kept, 0));
	cr_expect(eq(uint, p.dropped, 1));
}

Test(pairs, pairs_add__drops_and_counts_a_change_of_state)
{
	cr_expect(not(pairs_add(&p, 100, 100, 100, false)));
	cr_expect(eq(sz, p.kept, 0));
	cr_expect(eq(uint, p.dropped, 1));
}

Test(pairs, pairs_judge__nothing_from_nothing)
{
	const struct pairs_verdict v = pairs_judge(&p);

	cr_expect(isnan(v.ratio));
	cr_expect(eq(int, v.doubt, PAIRS_TOO_FEW));
}

Test(pairs, pairs_judge__fifty_pairs_are_enough)
{
	add_many(PAIRS_LEAST - 1, 1.5);
	cr_expect(eq(int, pairs_judge(&p).doubt, PAIRS_TOO_FEW));
	add_many(1, 1.5);
	cr_expect(eq(int, pairs_judge(&p).doubt, PAIRS_SURE));
	cr_expect(ieee_ulp_eq(dbl, pairs_judge(&p).ratio, 1.5, 2));
}

Test(pairs, pairs_judge__a_quarter_may_be_dropped_and_no_more)
{
	add_many(75, 1.1);
	drop_many(25);
	cr_expect(eq(int, pairs_judge(&p).doubt, PAIRS_SURE));
	drop_many(1);
	cr_expect(eq(int, pairs_judge(&p).doubt, PAIRS_TOO_UNEVEN));
	cr_expect(isnan(pairs_judge(&p).ratio));
}

Test(pairs, pairs_judge__outliers_do_not_move_the_median)
{
	add_many(20, 9);
	add_many(60, 1.2);
	add_many(20, 0.1);
	cr_expect(ieee_ulp_eq(dbl, pairs_judge(&p).ratio, 1.2, 2));
}

Test(pairs, pairs_judge__may_be_asked_in_between)
{
	add_many(60, 2);
	cr_expect(ieee_ulp_eq(dbl, pairs_judge(&p).ratio, 2, 2));
	add_many(100, 1);
	cr_expect(ieee_ulp_eq(dbl, pairs_judge(&p).ratio, 1, 2));
	cr_expect(eq(sz, p.kept, 160));
}

Test(pairs, pairs_median__of_odd_even_and_none)
{
	double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2};

	cr_expect(pairs_median(odd, 3) == 2);
	cr_expect(pairs_median(even, 4) == 2.5);
	cr_expect(isnan(pairs_median(NULL, 0)));
}
