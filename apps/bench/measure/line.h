/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * line.h - one cache line that goes to the other core and back: what no call between two cores can
 * be faster than. And what it takes to copy 1440 bytes that the other core has written.
 *
 * One side stores an odd number, the other answers with the next one, and both look at the same
 * line.
 *
 * Round trips are timed LINE_GROUP at a time, as the calls that are compared with them: reading the
 * clock takes as long as a part of one.
 */
#ifndef FIREFLY_BENCH_LINE_H
#define FIREFLY_BENCH_LINE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "block.h"
#include "histogram.h"
#include "ticks.h"

#define LINE_GROUP 16
#define LINE_BYTES 1440

/* What the other side does before it answers. */
enum line_answer {
	LINE_BARE,      /* nothing */
	LINE_BYTES_TOO, /* it writes all of the bytes */
};

/* In memory of both sides. Starts as zeros. */
struct line {
	alignas(128) _Atomic uint64_t word; /* odd: a question; even: its answer */
	alignas(128) uint8_t bytes[LINE_BYTES];
};

/*
 * line_ask() - a block of round trips.
 * @times: of LINE_GROUP round trips together, in ticks, are added. @tsc_hz: ticks in a second.
 * Return: 0; -1 when there was no answer for 20 seconds.
 */
int line_ask(struct line *line, uint64_t block_ticks, uint64_t tsc_hz, struct histogram *times,
	     struct block_sum *sum);

/*
 * line_copy() - a block of the same, with bytes in each answer that are copied away.
 * @times: of each copy alone, without what reading the clock takes, in ticks, are added.
 * Return: as line_ask().
 */
int line_copy(struct line *line, uint64_t block_ticks, uint64_t tsc_hz, struct histogram *times);

/*
 * line_calls() - as line_ask(), with calls instead of a line, one after the other: whatever @call
 * does. Return: 0, or what @call returned that was not. Inlined, with a constant @call.
 */
static inline __attribute__((always_inline)) int line_calls(int (*call)(void *context),
							    void *context, uint64_t block_ticks,
							    struct histogram *times,
							    struct block_sum *sum)
{
	uint64_t begin, before;
	int status = 0;

	*sum = (struct block_sum){0};
	for (unsigned i = 0; i < LINE_GROUP * LINE_GROUP && !status; i++) /* to warm up */
		status = call(context);
	begin = before = ticks_now();
	while (!status && before - begin < block_ticks) {
		uint64_t now;

		for (unsigned i = 0; i < LINE_GROUP && !status; i++)
			status = call(context);
		now = ticks_now();
		histogram_add(times, now - before);
		before = now;
		sum->count += LINE_GROUP;
	}
	sum->ticks = before - begin;
	return status;
}

/* line_answer() - be the other side, until @go_on says no; it is asked now and then. */
void line_answer(struct line *line, enum line_answer what, bool (*go_on)(void *context),
		 void *context);

#endif
