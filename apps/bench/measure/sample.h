/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sample.h - what came of one block, or of many of one kind.
 */
#ifndef FIREFLY_BENCH_SAMPLE_H
#define FIREFLY_BENCH_SAMPLE_H

#include "block.h"
#include "histogram.h"

/* Starts as zeros. A run uses what it measures, and says what it counts. */
struct sample {
	struct histogram times;  /* in ticks */
	struct histogram others; /* of something else in the same block */
	struct block_sum sum;    /* of the block, as its caller saw it */
	struct block_sum work;   /* what the server counted meanwhile */
};

/* block_rate() - per tick; 0 if there was nothing. */
static inline double block_rate(const struct block_sum *sum)
{
	return sum->ticks ? (double)sum->count / (double)sum->ticks : 0;
}

/* block_cost() - ticks for each; 0 if there was nothing. */
static inline double block_cost(const struct block_sum *sum)
{
	return sum->count ? (double)sum->ticks / (double)sum->count : 0;
}

#endif
