/* SPDX-License-Identifier: BSD-3-Clause */
/* test_marshal_pairs.c - what marshalling costs, out of whole calls. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

#include "bench/marshal/pairs.h"

static struct marshal_pairs p;

static void start_empty(void)
{
	p = (struct marshal_pairs){0};
}

static void end(void)
{
	marshal_pairs_free(&p);
}

TestSuite(marshal_pairs, .init = start_empty, .fini = end);

/* Null 10 ns, memcpy 4 ns more, marshalling @firefly ns more, and the others as given. */
static struct marshal_pair pair_of(double firefly, double protobuf, double xdr)
{
	return (struct marshal_pair){
		.null = {9, 11},
		.copy = {13, 15},
		.firefly = 10 + firefly,
		.protobuf = 10 + protobuf,
		.xdr = 10 + xdr,
	};
}

static void add_many(unsigned n, double firefly, double protobuf, double xdr)
{
	const struct marshal_pair pair = pair_of(firefly, protobuf, xdr);

	while (n--)
		cr_assert(marshal_pairs_add(&p, &pair));
}

static bool is_about(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

Test(marshal_pairs, marshal_pairs_add__is_what_a_call_takes_beyond_null)
{
	struct marshal_figures f;

	add_many(PAIRS_LEAST, 6, 100, 40);
	f = marshal_pairs_judge(&p);
	cr_expect(eq(int, f.doubt, PAIRS_SURE));
	cr_expect(eq(sz, f.kept, PAIRS_LEAST));
	cr_expect(is_about(f.median[MARSHAL_NULL], 10));
	cr_expect(is_about(f.median[MARSHAL_CALL], 16));
	cr_expect(is_about(f.median[MARSHAL_COPY], 4));
	cr_expect(is_about(f.median[MARSHAL_FIREFLY], 6));
	cr_expect(is_about(f.median[MARSHAL_PROTOBUF], 100));
	cr_expect(is_about(f.median[MARSHAL_XDR], 40));
	cr_expect(is_about(f.median[MARSHAL_RATIO], 1.5));
}

Test(marshal_pairs, marshal_pairs_judge__goals)
{
	struct marshal_figures f;

	add_many(PAIRS_LEAST, 11, 55, 40); /* as much as is allowed: 1.5 * 4 + 5, and 55 / 5 */
	f = marshal_pairs_judge(&p);
	cr_expect(is_about(f.median[MARSHAL_OVER], 0));
	cr_expect(is_about(f.median[MARSHAL_BEHIND], 0));
	marshal_pairs_free(&p);
	add_many(PAIRS_LEAST, 12, 50, 40);
	f = marshal_pairs_judge(&p);
	cr_expect(is_about(f.median[MARSHAL_OVER], 1));
	cr_expect(is_about(f.median[MARSHAL_BEHIND], 2));
}

Test(marshal_pairs, marshal_pairs_judge__what_is_not_built_is_not_a_number)
{
	struct marshal_figures f;

	add_many(PAIRS_LEAST, 6, NAN, NAN);
	f = marshal_pairs_judge(&p);
	cr_expect(isnan(f.median[MARSHAL_PROTOBUF]));
	cr_expect(isnan(f.median[MARSHAL_XDR]));
	cr_expect(isnan(f.median[MARSHAL_BEHIND]));
	cr_expect(is_about(f.median[MARSHAL_OVER], -5));
}

Test(marshal_pairs, marshal_pairs_add__drops_floors_and_nulls_that_disagree)
{
	struct marshal_pair floors = pair_of(6, 100, 40), nulls = floors;

	floors.copy[1] = 1.5 * floors.copy[0];
	nulls.null[1] = 1.5 * nulls.null[0];
	cr_expect(not(marshal_pairs_add(&p, &floors)));
	cr_expect(not(marshal_pairs_add(&p, &nulls)));
	cr_expect(eq(sz, marshal_pairs_judge(&p).kept, 0));
	cr_expect(eq(uint, marshal_pairs_judge(&p).dropped, 2));
	cr_expect(isnan(marshal_pairs_judge(&p).median[MARSHAL_FIREFLY]));
}

Test(marshal_pairs, marshal_pairs_judge__outliers_do_not_move_the_median)
{
	struct marshal_figures f;

	add_many(20, 90, 100, 40);
	add_many(60, 6, 100, 40);
	add_many(20, 0.1, 100, 40);
	f = marshal_pairs_judge(&p);
	cr_expect(is_about(f.median[MARSHAL_FIREFLY], 6));
	cr_expect(eq(sz, f.kept, 100));
}

Test(marshal_pairs, marshal_pairs_add__a_copy_that_costs_nothing_has_no_ratio)
{
	struct marshal_pair pair = pair_of(6, 100, 40);

	pair.copy[0] = 9;
	pair.copy[1] = 11;
	cr_expect(marshal_pairs_add(&p, &pair));
	cr_expect(isinf(marshal_pairs_judge(&p).median[MARSHAL_RATIO]));
}
