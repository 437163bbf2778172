/* SPDX-License-Identifier: BSD-3-Clause */
/* runtime/drain.h - withdrawing exports, and what follows before they end (drain.c). */
#ifndef FLY_RUNTIME_DRAIN_H
#define FLY_RUNTIME_DRAIN_H

#include "fastpath/poller.h"

/*
 * fly_drain_withdraw() - on the poller's thread, between turns: no export takes new calls, for
 * ever. Calls that wait for workers or run on them go on. @first: index of the first export.
 */
void fly_drain_withdraw(struct fly_poller *p, uint32_t first);

/* Waiting for the last results of a poller. */
struct fly_linger {
	uint64_t end_tsc;   /* not longer */
	uint64_t probe_tsc; /* when callers are asked for their results, the next time */
	uint64_t wait_tsc;  /* and how long after that once more */
	bool is_again;      /* they have been asked */
};

/*
 * fly_linger_begin() - on the poller's thread, between turns: no call runs or waits any more.
 * fly_linger_step() - ask callers whether they have their results, if that is due. Return: false:
 * all have, or have had the time; true: turn the poller, and call this again.
 */
struct fly_linger fly_linger_begin(const struct fly_poller *p, uint64_t now_tsc);
bool fly_linger_step(struct fly_poller *p, struct fly_linger *l, uint64_t now_tsc);

/*
 * fly_drain_linger() - nothing runs any more: wait until the results have arrived of calls that ran
 * on workers after their export was withdrawn, and all large ones, for a second at most. Any
 * thread; turns an inline poller, any other poller's thread must be turning it.
 */
void fly_drain_linger(struct fly_poller *p);

#endif
