/* SPDX-License-Identifier: BSD-3-Clause */
/* sweep.h - what becomes of a link that is gone (sweep.c has the periodic part behind slow.h). */
#ifndef FLY_SLOWPATH_SWEEP_H
#define FLY_SLOWPATH_SWEEP_H

#include "fastpath/poller.h"

/*
 * fly_link_lost() - the peer behind a link is gone: the link is down, what was queued is dropped,
 * outstanding calls over it end with FLY_EPEER, conversations that came over it are forgotten.
 * On the poller's thread, at its quiescence point or between turns.
 */
void fly_link_lost(struct fly_poller *p, struct fly_link *link);

#endif
