/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * system_clock.h - CLOCK_MONOTONIC, for code that waits for the system: sockets, threads, drivers.
 * Poll loops read the TSC instead, through fastpath/clock.h.
 */
#ifndef FLY_SYSTEM_CLOCK_H
#define FLY_SYSTEM_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t fly_system_clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static inline uint64_t fly_system_clock_ms(void)
{
	return fly_system_clock_us() / 1000;
}

#endif
