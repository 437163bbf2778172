/* SPDX-License-Identifier: BSD-3-Clause */
/* park.h - calls that came while a procedure let its poller attend to the links (park.c). */
#ifndef FLY_PARK_H
#define FLY_PARK_H

#include "fastpath/poller.h"

/* fly_park_resume() - handle them, if the turn that they came in is over. */
void fly_park_resume(struct fly_poller *p);

/* fly_park_drop() - a link is gone, and with it those that came over it. */
void fly_park_drop(struct fly_poller *p, const struct fly_link *link);

#endif
