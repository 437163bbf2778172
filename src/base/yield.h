/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * yield.h - letting other threads have the core, again and again.
 *
 * A scheduler that is fair by virtual deadlines (Linux from 6.6 on) charges each sched_yield() as
 * if the thread had used up its slice, some milliseconds, though it ran for a microsecond. A thread
 * that yields again and again gets so far ahead of the others that it may not run for seconds
 * when one of them begins to spin. Its account is made anew when it sleeps: it does so, for as
 * short as the system can, after each FLY_YIELDS yields.
 */
#ifndef FLY_YIELD_H
#define FLY_YIELD_H

#include <sched.h>
#include <time.h>

#define FLY_YIELDS 512 /* yields between two sleeps */

static inline void fly_yield(void)
{
	static _Thread_local unsigned yields;
	const struct timespec least = {.tv_nsec = 1};

	sched_yield();
	if (++yields % FLY_YIELDS == 0)
		nanosleep(&least, NULL);
}

#endif
