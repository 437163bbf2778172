/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * clock.c - how fast the TSC runs.
 *
 * Any thread. DPDK measures the rate too, but only when EAL starts, and takes 100 ms for it. A
 * runtime with local links only has no EAL.
 */
#include "fastpath/clock.h"

#include <stdatomic.h>
#include <time.h>

#define MEASURE_NS 5000000 /* a reading is good to some 30 ns: six parts in a million */
#define READINGS   8

struct reading {
	uint64_t tsc;
	int64_t ns;
};

/* Both clocks at once: of several readings the one in which the least time passed. */
static struct reading read_both(void)
{
	struct reading best = {0};
	uint64_t least_tsc = UINT64_MAX;

	for (unsigned i = 0; i < READINGS; i++) {
		struct timespec t;
		const uint64_t before_tsc = fly_clock_now_tsc();

		clock_gettime(CLOCK_MONOTONIC_RAW, &t);
		const uint64_t took_tsc = fly_clock_now_tsc() - before_tsc;

		if (took_tsc >= least_tsc)
			continue;
		least_tsc = took_tsc;
		best.tsc = before_tsc + took_tsc / 2;
		best.ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
	}
	return best;
}

static uint64_t measure_hz(void)
{
	const struct timespec pause = {.tv_nsec = MEASURE_NS};
	const struct reading begin = read_both();
	struct reading end;

	do { /* a signal may cut the pause short */
		nanosleep(&pause, NULL);
		end = read_both();
	} while (end.ns - begin.ns < MEASURE_NS);
	return (uint64_t)((double)(end.tsc - begin.tsc) * 1e9 / (double)(end.ns - begin.ns));
}

uint64_t fly_clock_hz(void)
{
	static _Atomic uint64_t measured; /* 0: not yet. All threads must see the same rate. */
	uint64_t hz = atomic_load_explicit(&measured, memory_order_relaxed);
	uint64_t none = 0;

	if (hz)
		return hz;
	hz = measure_hz();
	if (!atomic_compare_exchange_strong_explicit(&measured, &none, hz, memory_order_relaxed,
						     memory_order_relaxed))
		hz = none;
	return hz;
}
