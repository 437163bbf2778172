/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * times.h - how long calls took, as `ping` and `call` print it.
 */
#ifndef FIREFLY_APP_TIMES_H
#define FIREFLY_APP_TIMES_H

#include <stdint.h>
#include <stdio.h>

#include "bench/measure/histogram.h"

struct json_object;

/* Starts as zeros, but for the clock. */
struct times {
	uint64_t tsc_hz; /* ticks in a second */
	double step;     /* of the clock, in ticks: ticks_step() */
	uint64_t min, max;
	double sum, sum_squares;
	struct histogram ticks;
};

/* times_add() - one call. */
void times_add(struct times *times, uint64_t ticks);

/* times_us() - the time that @percent of all calls did not exceed; 0 if there were none. */
double times_us(const struct times *times, double percent);

/* times_mean_us(), times_deviation_us() - of all of them, and the standard deviation. */
double times_mean_us(const struct times *times);
double times_deviation_us(const struct times *times);

/* times_print() - two lines, with the extremes and with percentiles; none if there were no calls.
 */
void times_print(const struct times *times, FILE *to);

/* times_json() - add "min_ns", "mean_ns", "max_ns", "p50_ns" and so on; null if there were none. */
void times_json(const struct times *times, struct json_object *to);

#endif
