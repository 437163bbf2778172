/* SPDX-License-Identifier: BSD-3-Clause */
/* sweep.h - what happens when a link is lost (sweep.c; its periodic part is behind slow.h). */
#ifndef FLY_SWEEP_H
#define FLY_SWEEP_H

#include "fastpath/poller.h"

/*
 * fly_link_lost() - the peer of a link is gone. The link is down, its queued packets are freed,
 * outstanding calls over it end with FLY_EPEER, and its conversation records are forgotten. On the
 * poller's thread, at its quiescence point or between turns.
 */
void fly_link_lost(struct fly_poller *p, struct fly_link *link);

#endif
