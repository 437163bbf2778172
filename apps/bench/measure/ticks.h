/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ticks.h - the processor's time-stamp counter, as the benchmark reads it.
 *
 * One instruction, not serialising, so that stamping every call costs as little as it can. The
 * frequency comes from fly_platform(): it is the same counter that the runtime's clock reads.
 */
#ifndef FIREFLY_BENCH_TICKS_H
#define FIREFLY_BENCH_TICKS_H

#include <stdint.h>

#if defined(__x86_64__)
#include <x86intrin.h>

static inline uint64_t ticks_now(void)
{
	return __rdtsc();
}

/* The same, when all that was to be loaded before has been: for timing what is not waited for. */
static inline uint64_t ticks_done(void)
{
	_mm_lfence();
	return __rdtsc();
}

#elif defined(__aarch64__)

static inline uint64_t ticks_now(void)
{
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
}

static inline uint64_t ticks_done(void)
{
	uint64_t ticks;

	__asm__ volatile("dsb ld; isb; mrs %0, cntvct_el0" : "=r"(ticks)::"memory");
	return ticks;
}

#else
#error "ticks_now() is not written for this processor"
#endif

/*
 * ticks_step() - by how much the counter grows at a time.
 *
 * Many processors count in steps: 26 ticks of 0.385 ns at once, so that a duration of 364 ns is
 * read as 360 or as 370. Takes about 2 ms.
 * Return: 1 if no step was seen.
 */
double ticks_step(void);

#endif
