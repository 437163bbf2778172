/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sample.c - clearing and adding samples, between blocks. Owns nothing.
 */
#include "sample.h"

#include <string.h>

void sample_clear(struct sample *sample)
{
	memset(sample, 0, sizeof *sample);
}

static void add(struct block_sum *into, const struct block_sum *from)
{
	into->count += from->count;
	into->ticks += from->ticks;
}

/* A histogram that nobody uses stays memory that nobody has touched. */
void sample_add(struct sample *into, const struct sample *from)
{
	if (from->times.total)
		histogram_merge(&into->times, &from->times);
	if (from->others.total)
		histogram_merge(&into->others, &from->others);
	add(&into->sum, &from->sum);
	add(&into->work, &from->work);
}
