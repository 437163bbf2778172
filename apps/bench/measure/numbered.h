/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * numbered.h - bare round trips between two hosts, where frames may be lost on the way.
 *
 * Each frame carries a key and its number, from 0 in the order in which they leave. The key is
 * drawn by the far end for each block and known to nobody else: what is left of another block, or
 * is somebody else's, counts for nothing, and the far end sends nothing back to it. A number that
 * comes out of order means a loss: the block is spoiled, no more frames start, and it has no
 * figures. Its pairs are then dropped, as those of floors that do not agree are.
 */
#ifndef FIREFLY_BENCH_NUMBERED_H
#define FIREFLY_BENCH_NUMBERED_H

#include <endian.h>
#include <string.h>

#include "block.h"

#define NUMBERED_BYTES      24                           /* of a frame, behind its UDP header */
#define NUMBERED_MAGIC      UINT64_C(0x62657477656e001f) /* type 15: no packet of ours */
#define NUMBERED_IDLE_POLLS 1024 /* receptions of nothing before the clock is read */
#define NUMBERED_YIELD      64   /* and before others may run, if they may so soon; else: */
#define NUMBERED_YIELD_LATE 16384
#define NUMBERED_SILENCE_MS 200 /* then what is under way is lost */

struct numbered {
	struct block_clock *clock;
	uint64_t key;
	uint64_t expected; /* number of the next one to come back */
	unsigned under_way;
	bool spoiled;
	bool yields; /* others may run as soon as nothing comes: there may be more of us than cores
		      */
	unsigned idle;  /* receptions of nothing in a row */
	uint64_t since; /* ticks: nothing has come since then; 0: something has */
};

/* numbered_put(), numbered_get() - @at: NUMBERED_BYTES. Return: false: no frame of that key. */
static inline void numbered_put(uint8_t *at, uint64_t key, uint64_t number)
{
	const uint64_t words[] = {htole64(NUMBERED_MAGIC), htole64(key), htole64(number)};

	memcpy(at, words, sizeof words);
}

static inline bool numbered_get(const uint8_t *at, uint64_t key, uint64_t *number)
{
	uint64_t words[3];

	memcpy(words, at, sizeof words);
	*number = le64toh(words[2]);
	return words[0] == htole64(NUMBERED_MAGIC) && words[1] == htole64(key);
}

/* numbered_begin() - a full window has left, numbered from 0. */
static inline struct numbered numbered_begin(struct block_clock *clock, uint64_t key, bool yields)
{
	return (struct numbered){
		.clock = clock,
		.key = key,
		.under_way = clock->window,
		.yields = yields,
	};
}

/* numbered_may_yield() - after a reception of nothing. */
static inline bool numbered_may_yield(const struct numbered *n)
{
	return (n->idle + 1) % (n->yields ? NUMBERED_YIELD : NUMBERED_YIELD_LATE) == 0;
}

/*
 * numbered_came() - a frame of this block came back.
 * Return: whether frame @number + window, *next, is to leave now. What came twice is as nothing.
 */
static inline bool numbered_came(struct numbered *n, uint64_t number, uint64_t *next)
{
	if (number < n->expected || number >= n->expected + n->clock->window)
		return false;
	if (n->under_way == 0) /* spoiled: one of these came twice */
		return false;
	n->under_way--;
	n->spoiled = n->spoiled || number != n->expected;
	if (n->spoiled)
		return false;
	n->expected++;
	block_ended(n->clock, number);
	if (n->clock->over)
		return false;
	n->under_way++;
	*next = number + n->clock->window;
	return true;
}

/* numbered_is_over() - after each reception. @got: frames of the block that came. */
static inline bool numbered_is_over(struct numbered *n, unsigned got, uint64_t tsc_hz)
{
	if (got) {
		n->idle = 0;
		n->since = 0;
		return n->under_way == 0;
	}
	if (++n->idle % NUMBERED_IDLE_POLLS != 0)
		return n->under_way == 0;
	if (!n->since)
		n->since = ticks_now();
	if (ticks_now() - n->since > tsc_hz / 1000 * NUMBERED_SILENCE_MS)
		n->spoiled = true;
	return n->under_way == 0 || n->spoiled;
}

/* numbered_end() - Return: whether the block has figures; else its sum is 0. */
static inline bool numbered_end(struct numbered *n)
{
	if (!n->spoiled && n->under_way == 0)
		return true;
	n->clock->sum = (struct block_sum){0};
	return false;
}

#endif
