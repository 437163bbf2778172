/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slow.h - the only door from the fast path into src/slowpath/.
 *
 * Whatever does not fit the common case leaves through here, on the same poller, and may come
 * back the same way. Nothing has been changed when the fast path calls one of these: the slow
 * path starts afresh from the packet.
 */
#ifndef FLY_SLOW_H
#define FLY_SLOW_H

#include "fastpath/poller.h"

/* fly_slow_frame() - no UDP packet for us: ARP, or a counted drop. @why: negated counter. */
void fly_slow_frame(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m, int why);

/* fly_slow_packet() - a packet of ours that is neither a plain call nor a plain result. */
void fly_slow_packet(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     const struct fly_header *h, int why);

/*
 * fly_slow_conversation() - the record of a call whose hint did not lead to it: looked up, or
 * opened for a new activity.
 * Return: the record; NULL: the call was refused or dropped, and the packet is gone.
 */
struct fly_conversation *fly_slow_conversation(struct fly_poller *p, struct fly_link *link,
					       struct rte_mbuf *m, const struct fly_header *h);

/* fly_slow_repeat() - a call that is not new (@accept); takes the packet. */
void fly_slow_repeat(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     struct fly_conversation *c, enum fly_accept accept);

/* fly_slow_reject() - refuse a call with a status; takes the packet, which becomes the refusal. */
void fly_slow_reject(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     const struct fly_header *h, enum fly_status status);

/*
 * fly_slow_no_room() - there is no room for a call's result: refuse it, unless it is a copy of one
 * that ran. Takes the packet.
 */
void fly_slow_no_room(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		      struct fly_conversation *c, const struct fly_header *h);

/* fly_slow_result() - a result that does not fit its entry: counted and freed. */
void fly_slow_result(struct fly_poller *p, const struct fly_link *link, struct rte_mbuf *m,
		     const struct fly_header *h);

/*
 * fly_slow_start() - why the Starter of a binding cannot go on, or a fresh entry for it.
 * Return: 0: the binding has an idle entry now; else the negative status of the call.
 */
int fly_slow_start(struct fly_binding *binding, uint32_t argument_bytes);

/* fly_slow_sweep() - resend or fail overdue calls, forget old records; a bounded piece at a time.
 */
void fly_slow_sweep(struct fly_poller *p);

/* fly_slow_attention() - the quiescence point: changes from the control side take effect. */
void fly_slow_attention(struct fly_poller *p);

#endif
