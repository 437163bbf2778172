/* SPDX-License-Identifier: BSD-3-Clause */
/* work.h - calls in packets that workers have, and that do not end plainly (work.c). */
#ifndef FLY_WORK_H
#define FLY_WORK_H

#include "fastpath/poller.h"

/* fly_work_cancel() - the caller of a call that a worker has, or is to have, has gone. */
void fly_work_cancel(struct fly_poller *p, struct fly_conversation *c);

/* fly_work_link_lost() - nobody gets the results of calls that came over this link. */
void fly_work_link_lost(struct fly_poller *p, const struct fly_link *link);

#endif
