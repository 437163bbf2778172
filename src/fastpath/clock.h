/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * clock.h - reading the TSC.
 *
 * Poll loops read it through fly_poller_time(): fly_turn(), fly_serve(), a waiting caller. A
 * poller's turn, and all it calls, get `now_tsc` as an argument: a simulation drives the same
 * objects on virtual time. fly_clock_now_tsc() is for code without a poller: a worker, a caller
 * over the local link, a start.
 */
#ifndef FLY_CLOCK_H
#define FLY_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>

/* fly_clock_hz() - TSC ticks in a second. The first call takes some milliseconds to measure it. */
uint64_t fly_clock_hz(void);

static inline uint64_t fly_clock_now_tsc(void)
{
	return rte_rdtsc();
}

/*
 * A poll loop's view of the clock. Reading the TSC takes longer than polling an empty queue, and
 * nothing in a turn needs the time to better than a millisecond. The clock is read once in
 * FLY_CLOCK_TURNS turns. Measured in docs/performance.md, "Reading the clock".
 */
#define FLY_CLOCK_TURNS 32

struct fly_clock {
	uint64_t now_tsc;
	uint64_t offset_tsc; /* now_tsc minus the counter: 0, unless that was ever set back */
	uint32_t turns;      /* since now_tsc was read */
};

static inline bool fly_clock_is_due(struct fly_clock *clock)
{
	return clock->turns++ % FLY_CLOCK_TURNS == 0;
}

/*
 * fly_clock_read() - the time now, never before @last_tsc. A counter that was set back (the machine
 * was suspended, or moved) does not tell for how long. An hour is assumed: every call under way is
 * then too old to be run by a server that has forgotten its caller.
 */
static inline uint64_t fly_clock_read(struct fly_clock *clock, uint64_t last_tsc)
{
	const uint64_t raw_tsc = fly_clock_now_tsc();

	if (unlikely(raw_tsc + clock->offset_tsc < last_tsc))
		clock->offset_tsc = last_tsc - raw_tsc + 3600 * fly_clock_hz();
	clock->now_tsc = raw_tsc + clock->offset_tsc;
	return clock->now_tsc;
}

static inline uint64_t fly_clock_tsc_per_ms(void)
{
	return fly_clock_hz() / 1000;
}

#endif
