/* SPDX-License-Identifier: BSD-3-Clause */
/* park.h - calls that arrived while a procedure let its poller receive (park.c). */
#ifndef FLY_PARK_H
#define FLY_PARK_H

#include "fastpath/poller.h"

/* fly_park_resume() - handle the parked calls, unless this is within a turn. */
void fly_park_resume(struct fly_poller *p);

/* fly_park_drop() - free the parked calls of a link that is lost. */
void fly_park_drop(struct fly_poller *p, const struct fly_link *link);

#endif
