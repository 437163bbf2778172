/* SPDX-License-Identifier: BSD-3-Clause */
/* park.h - calls that came while a procedure let its poller attend to the links (park.c). */
#ifndef FLY_PARK_H
#define FLY_PARK_H

#include "fastpath/poller.h"

/* fly_attend_unpark() - handle them, if the turn that they came in is over. */
void fly_attend_unpark(struct fly_poller *p);

/* fly_attend_drop() - a link is gone, and with it those that came over it. */
void fly_attend_drop(struct fly_poller *p, const struct fly_link *link);

#endif
