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

/*
 * fly_drain_linger() - nothing runs any more: wait until the results of calls that ran on workers
 * after their export was withdrawn have arrived, for a second at most. Any thread; turns an inline
 * poller, any other poller's thread must be turning it.
 */
void fly_drain_linger(struct fly_poller *p);

#endif
