/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * clock.h - the only place that reads the TSC.
 *
 * Called by the outermost poll loops (fly_turn(), fly_serve(), a waiting caller) and by the
 * control thread. Everything below a poller's turn gets `now_tsc` as an argument, so that a
 * simulation can drive the same objects on a time of its own.
 */
#ifndef FLY_CLOCK_H
#define FLY_CLOCK_H

#include <stdint.h>

#include <rte_cycles.h>

static inline uint64_t fly_clock_now_tsc(void)
{
	return rte_rdtsc();
}

/* Ticks in a millisecond; DPDK measures the rate when EAL starts. */
static inline uint64_t fly_clock_tsc_per_ms(void)
{
	return rte_get_tsc_hz() / 1000;
}

#endif
