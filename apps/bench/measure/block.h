/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * block.h - a short block of round trips that is timed: the same clockwork for calls and frames.
 *
 * Round trips are numbered from 0 in the order in which they start, and end in that order. With
 * a window of W, number k + W starts when number k has ended. Every stamp_every-th is stamped
 * when it starts and when it ends: each one at window 1, where the end of one is the start of the
 * next, so that there is one reading of the counter to a round trip; at larger windows one in 64,
 * or in W where that is more, so that one stamp is under way at a time.
 *
 * The first warm_up round trips count for nothing. The block runs from the first stamp after
 * them to the first stamp after block_ticks more, with a full window all the time.
 */
#ifndef FIREFLY_BENCH_BLOCK_H
#define FIREFLY_BENCH_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"
#include "ticks.h"

#define BLOCK_WINDOW      1024 /* round trips under way at most */
#define BLOCK_STAMP_EVERY 64   /* at windows above 1 */

/* What came of a block. Starts as zeros. */
struct block_sum {
	uint64_t count; /* round trips in it */
	uint64_t ticks; /* what they took together */
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

/* Of one block, or of many of one kind. Starts as zeros; a run says what it counts in it. */
struct sample {
	struct histogram times;  /* in ticks */
	struct histogram others; /* of something else in the same block */
	struct block_sum sum;    /* of the block, as its caller saw it */
	struct block_sum work;   /* what the server counted meanwhile */
	bool is_floor;           /* of one block */
};

struct block_clock {
	unsigned window;         /* 1 to BLOCK_WINDOW */
	unsigned warm_up;        /* round trips before the block begins */
	unsigned stamp_every;    /* 1 at window 1; else at least the window */
	uint64_t block_ticks;    /* how long it is to be */
	struct histogram *times; /* stamped round trips are added, in ticks */
	uint64_t stamped;        /* number of the next round trip with a stamp */
	uint64_t stamp;          /* when it started */
	uint64_t begin;          /* when the block began; 0: still warming up */
	uint64_t began_at;       /* number of the round trip whose end that was */
	struct block_sum sum;
	bool over; /* start no more */
};

static inline struct block_clock block_clock(unsigned window, uint64_t block_ticks,
					     struct histogram *times)
{
	const unsigned most = window < BLOCK_STAMP_EVERY ? BLOCK_STAMP_EVERY : window;
	const unsigned every = window == 1 ? 1 : most;

	return (struct block_clock){
		.window = window,
		.warm_up = window == 1 ? 256 : 4 * window + 1024,
		.stamp_every = every,
		.block_ticks = block_ticks,
		.times = times,
		.stamped = every,
	};
}

/* block_ended() - round trip @number has ended, and number + window starts next. */
static inline void block_ended(struct block_clock *c, uint64_t number)
{
	uint64_t now = 0;

	if (number == c->stamped) {
		now = ticks_now();
		c->stamped += c->stamp_every;
		if (c->begin) {
			histogram_add(c->times, now - c->stamp);
			c->sum.count = number - c->began_at;
			c->sum.ticks = now - c->begin;
			c->over = c->sum.ticks >= c->block_ticks;
		} else if (number >= c->warm_up) {
			c->begin = now;
			c->began_at = number;
		}
	}
	if (number + c->window == c->stamped)
		c->stamp = now ? now : ticks_now();
}

#endif
