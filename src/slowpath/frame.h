/* SPDX-License-Identifier: BSD-3-Clause */
/* frame.h - counting and freeing packets that are not delivered (frame.c). */
#ifndef FLY_FRAME_H
#define FLY_FRAME_H

#include "fastpath/poller.h"

/* fly_frame_drop() - count a packet under @why and free it. */
void fly_frame_drop(struct fly_poller *p, struct rte_mbuf *m, enum fly_counter why);

#endif
