/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * histogram.c - merging histograms and reading percentiles off them.
 *
 * Owns nothing: a histogram belongs to whoever has the memory. Adding is in the header, because
 * it happens between two calls that are being timed; nothing here does.
 */
#include "histogram.h"

#include <math.h>
#include <string.h>

void histogram_clear(struct histogram *h)
{
	memset(h, 0, sizeof *h);
}

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

double histogram_percentile(const struct histogram *h, double percent)
{
	double rank = ceil(percent / 100 * (double)h->total);
	uint64_t before = 0;

	if (h->total == 0)
		return 0;
	if (rank < 1)
		rank = 1;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		const uint64_t here = h->bucket[i];
		uint64_t low, width;

		if ((double)(before + here) < rank) {
			before += here;
			continue;
		}
		bucket_range(i, &low, &width);
		return (double)low +
		       (double)(width - 1) * (rank - (double)before - 0.5) / (double)here;
	}
	return 0; /* not reached: rank is at most total */
}
