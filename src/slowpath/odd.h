/* SPDX-License-Identifier: BSD-3-Clause */
/* odd.h - what odd.c and odd_call.c share: counted drops and refusals. */
#ifndef FLY_ODD_H
#define FLY_ODD_H

#include "fastpath/poller.h"

/* fly_odd_drop() - count a packet under @why and free it. */
void fly_odd_drop(struct fly_poller *p, struct rte_mbuf *m, enum fly_counter why);

/* fly_odd_refuse() - refuse a call with a status; takes the packet, which becomes the refusal. */
void fly_odd_refuse(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_header *h, enum fly_status status);

#endif
