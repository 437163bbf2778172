/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * histogram.h - how often each duration was seen, to within 1 part in 256.
 *
 * Log-linear: values below 512 have a bucket each; from there on every power of two is cut into
 * 256 buckets of the same width. Units are the caller's: the benchmark counts ticks.
 */
#ifndef FIREFLY_BENCH_HISTOGRAM_H
#define FIREFLY_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS 8  /* 256 buckets to a power of two */
#define HISTOGRAM_MAX_BITS 44 /* values from 2^44 on (hours of ticks) count as 2^44 - 1 */
#define HISTOGRAM_BUCKETS  ((HISTOGRAM_MAX_BITS - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS)

/* Starts as zeros. */
struct histogram {
	uint64_t total; /* values added */
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

/* histogram_merge() - add everything that is in @from to @into. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/*
 * histogram_percentile() - the value that @percent of all values do not exceed.
 * @percent: 0 to 100; 0 gives the smallest value, 100 the largest.
 * @step: of the clock that the values were read from, in their unit; 1: none.
 *
 * A clock with a step of 10 ns says 360 or 370 for a duration of 364, the more often 370 the
 * longer it is. So each value stands for all within half a step of it, and the percentile is
 * found between them: without that, a median would jump from one step to the next.
 * Return: at most 1/256 and half a step away from a value that was added; 0 when the histogram
 * is empty.
 */
double histogram_percentile(const struct histogram *h, double percent, double step);

/* The bucket of a value. Here, because histogram_add() is in the timed loops. */
static inline unsigned histogram_index(uint64_t value)
{
	unsigned shift;

	if (value < 2u << HISTOGRAM_SUB_BITS)
		return (unsigned)value;
	if (value >> HISTOGRAM_MAX_BITS)
		return HISTOGRAM_BUCKETS - 1;
	shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS;
	return (shift << HISTOGRAM_SUB_BITS) + (unsigned)(value >> shift);
}

/* histogram_add() - count one value. */
static inline void histogram_add(struct histogram *h, uint64_t value)
{
	h->total++;
	h->bucket[histogram_index(value)]++;
}

#endif
