/* SPDX-License-Identifier: BSD-3-Clause */
/* work.h - calls in packets for workers that do not end in the common way (work.c). */
#ifndef FLY_WORK_H
#define FLY_WORK_H

#include "fastpath/poller.h"

/* fly_work_cancel() - the caller has abandoned a call that waits for a worker or runs on one. */
void fly_work_cancel(struct fly_poller *p, struct fly_conversation *c);

/*
 * fly_work_keep_results() - no later call will acknowledge the results of the calls that wait for
 * workers or run on them: retain each in its packet.
 */
void fly_work_keep_results(struct fly_poller *p);

/*
 * fly_work_link_lost() - drop the calls of a lost link that wait, and the results of those that
 * run.
 */
void fly_work_link_lost(struct fly_poller *p, const struct fly_link *link);

#endif
