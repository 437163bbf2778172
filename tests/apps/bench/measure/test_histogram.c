/* SPDX-License-Identifier: BSD-3-Clause */
/* test_histogram.c - buckets that are as narrow as promised, and percentiles that follow. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/histogram.h"

static struct histogram h, other;

static void start_empty(void)
{
	memset(&h, 0, sizeof h);
	memset(&other, 0, sizeof other);
}

TestSuite(histogram, .init = start_empty);

Test(histogram, histogram_index__grows_with_the_value_and_never_skips)
{
	unsigned last = histogram_index(0);

	cr_expect(eq(uint, last, 0));
	for (uint64_t value = 1; value < 1 << 20; value++) {
		const unsigned index = histogram_index(value);

		cr_assert(index == last || index == last + 1, "value %lu", (unsigned long)value);
		last = index;
	}
}

Test(histogram, histogram_index__stays_inside_for_any_value)
{
	cr_expect(eq(uint, histogram_index((UINT64_C(1) << HISTOGRAM_MAX_BITS) - 1),
		     HISTOGRAM_BUCKETS - 1));
	cr_expect(eq(uint, histogram_index(UINT64_C(1) << HISTOGRAM_MAX_BITS),
		     HISTOGRAM_BUCKETS - 1));
	cr_expect(eq(uint, histogram_index(UINT64_MAX), HISTOGRAM_BUCKETS - 1));
}

Test(histogram, histogram_percentile__of_nothing_is_zero)
{
	cr_expect(histogram_percentile(&h, 50, 1) == 0);
}

Test(histogram, histogram_percentile__of_one_value_is_within_a_256th)
{
	for (uint64_t value = 1; value < UINT64_C(1) << 43; value += 1 + value / 7) {
		double error;

		memset(&h, 0, sizeof h);
		histogram_add(&h, value);
		error = fabs(histogram_percentile(&h, 50, 1) - (double)value) / (double)value;
		cr_assert(error <= 1.0 / 256, "value %lu: error %f", (unsigned long)value, error);
		if (value < 512)
			cr_assert(error == 0, "value %lu is not exact", (unsigned long)value);
	}
}

Test(histogram, histogram_percentile__orders_small_values_exactly)
{
	for (uint64_t value = 100; value >= 1; value--)
		histogram_add(&h, value);
	cr_expect(histogram_percentile(&h, 0, 1) == 1);
	cr_expect(histogram_percentile(&h, 1, 1) == 1);
	cr_expect(histogram_percentile(&h, 50, 1) == 50);
	cr_expect(histogram_percentile(&h, 99, 1) == 99);
	cr_expect(histogram_percentile(&h, 99.9, 1) == 100);
	cr_expect(histogram_percentile(&h, 100, 1) == 100);
}

Test(histogram, histogram_percentile__agrees_with_sorting)
{
	enum {
		PER_PERCENT = 1000,
		VALUES = 100 * PER_PERCENT,
	};
	uint64_t *values = malloc(VALUES * sizeof *values);
	uint64_t state = 1989;

	cr_assert(values != NULL);
	/* Ascending by construction, so that the k-th smallest is values[k - 1]. */
	for (unsigned i = 0; i < VALUES; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		values[i] = (i ? values[i - 1] : 1000) + (state >> 60);
		histogram_add(&h, values[i]);
	}
	for (unsigned p = 1; p <= 100; p++) {
		const double exact = (double)values[PER_PERCENT * p - 1];

		cr_expect(fabs(histogram_percentile(&h, p, 1) - exact) <= exact / 256,
			  "percentile %u", p);
	}
	free(values);
}

Test(histogram, histogram_percentile__never_falls)
{
	double last = 0;

	for (uint64_t value = 1; value < 1 << 20; value = value * 3 / 2 + 1)
		histogram_add(&h, value);
	for (unsigned p = 0; p <= 1000; p++) {
		const double now = histogram_percentile(&h, p / 10.0, 1);

		cr_expect(now >= last);
		last = now;
	}
}

/* What a clock with steps of 26 reads for durations of 930: 910 or 936, in these proportions. */
Test(histogram, histogram_percentile__looks_between_the_steps_of_the_clock)
{
	for (unsigned duration = 910; duration <= 936; duration++) {
		double median;

		memset(&h, 0, sizeof h);
		for (unsigned phase = 0; phase < 26000; phase++)
			histogram_add(&h, UINT64_C(26) * ((phase % 26 + duration) / 26));
		median = histogram_percentile(&h, 50, 26);
		cr_expect(fabs(median - duration) < 3, "%u is read as %f", duration, median);
	}
}

Test(histogram, histogram_percentile__of_one_value_is_within_half_a_step)
{
	for (uint64_t value = 26; value < 1 << 20; value += 26) {
		memset(&h, 0, sizeof h);
		histogram_add(&h, value);
		cr_assert(fabs(histogram_percentile(&h, 50, 26) - (double)value) <=
			  fmax(1, (double)value / 256));
		cr_assert(fabs(histogram_percentile(&h, 100, 26) - (double)value) <=
			  13 + (double)value / 256);
	}
}

Test(histogram, histogram_merge__is_the_same_as_adding_to_one)
{
	struct histogram *both = calloc(1, sizeof *both);

	cr_assert(both != NULL);
	for (uint64_t value = 1; value < 1 << 22; value += 977) {
		histogram_add(value % 2 ? &h : &other, value);
		histogram_add(both, value);
	}
	histogram_merge(&h, &other);
	cr_expect(memcmp(&h, both, sizeof h) == 0);
	free(both);
}
