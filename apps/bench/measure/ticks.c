/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ticks.c - how coarse the time-stamp counter is.
 *
 * Owns nothing. Called once by stage/stage.c before anything is measured.
 */
#include "ticks.h"

#include <stdbool.h>

#define READINGS 8000
#define LONGEST  2048 /* differences from here on are left out */
#define APART    3    /* differences closer than this belong to one step: rounding */
#define FEWEST   8    /* steps that make a pattern */

double ticks_step(void)
{
	bool seen[LONGEST] = {false};
	unsigned first = 0, newest = 0, last = 0; /* the first and the newest step; the last seen */
	unsigned steps = 0;

	for (unsigned i = 0; i < READINGS; i++) {
		const uint64_t begin = ticks_now();
		uint64_t difference;

		/* Durations of all lengths; where the loop itself has a step it is a small one. */
		for (volatile unsigned delay = 0; delay < i % 1999; delay++)
			;
		difference = ticks_now() - begin;
		if (difference < LONGEST)
			seen[difference] = true;
	}
	for (unsigned d = 2 * APART; d < LONGEST; d++) {
		if (!seen[d])
			continue;
		if (!first) {
			first = d;
			newest = d;
		} else if (d - last >= APART) {
			newest = d;
			steps++;
		}
		last = d;
	}
	return steps < FEWEST ? 1 : (double)(newest - first) / steps;
}
