/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * histogram.c - merging histograms and reading percentiles off them.
 *
 * Owns nothing: a histogram belongs to whoever has the memory. Adding is in the header, because
 * it happens between two calls that are being timed; nothing here does.
 */
#include "histogram.h"

#include <math.h>

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	into->total += from->total;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

/* The smallest value of a bucket, and how many different values it holds. */
static void bucket_range(unsigned index, uint64_t *low, uint64_t *width)
{
	unsigned shift = 0;

	if (index >= 2u << HISTOGRAM_SUB_BITS)
		shift = (index >> HISTOGRAM_SUB_BITS) - 1;
	*low = (uint64_t)(index - (shift << HISTOGRAM_SUB_BITS)) << shift;
	*width = UINT64_C(1) << shift;
}

/* The bucket that holds the value of this rank, counted from 1. */
static unsigned bucket_of_rank(const struct histogram *h, double rank)
{
	uint64_t up_to = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		up_to += h->bucket[i];
		if ((double)up_to >= rank)
			return i;
	}
	return HISTOGRAM_BUCKETS - 1;
}

/* How many values lie below @x, when each bucket is spread evenly, over a step at the least. */
static double below(const struct histogram *h, unsigned from, unsigned to, double step, double x)
{
	double sum = 0;

	for (unsigned i = from; i < to; i++) {
		uint64_t low, width;
		double spread, begin;

		if (!h->bucket[i])
			continue;
		bucket_range(i, &low, &width);
		spread = fmax(step, (double)width);
		begin = (double)low + (double)(width - 1) / 2 - spread / 2;
		sum += (double)h->bucket[i] * fmin(1, fmax(0, (x - begin) / spread));
	}
	return sum;
}

double histogram_percentile(const struct histogram *h, double percent, double step)
{
	const double rank = fmax(1, ceil(percent / 100 * (double)h->total));
	double least, most, spread, before = 0;
	unsigned bucket, from, to;
	uint64_t low, width;

	if (h->total == 0)
		return 0;
	bucket = bucket_of_rank(h, rank);
	bucket_range(bucket, &low, &width);
	if (step <= 1 && width == 1)
		return (double)low;

	/* It is within a spread of that bucket, where only buckets within two spreads matter. */
	spread = fmax(step, (double)width);
	least = fmax(0, (double)low - spread);
	most = (double)(low + width) + spread;
	from = histogram_index((uint64_t)fmax(0, least - spread));
	to = histogram_index((uint64_t)(most + spread)) + 1;
	for (unsigned i = 0; i < from; i++)
		before += (double)h->bucket[i];
	for (unsigned i = 0; i < 40; i++) {
		const double middle = (least + most) / 2;

		if (before + below(h, from, to, step, middle) < rank - 0.5)
			least = middle;
		else
			most = middle;
	}
	return (least + most) / 2;
}
