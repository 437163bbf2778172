/* SPDX-License-Identifier: BSD-3-Clause */
/* reply.h - everything that a server answers to a call or a probe, but for new results (reply.c).
 */
#ifndef FLY_REPLY_H
#define FLY_REPLY_H

#include "fastpath/poller.h"

/* fly_reply_refuse() - refuse a call with a status; takes the packet, which becomes the refusal. */
void fly_reply_refuse(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		      const struct fly_header *h, enum fly_status status);

/*
 * fly_reply_refuse_for_good() - refuse a new call of @c with FLY_EBUSY: neither it nor a copy of it
 * will run; or one that may run again with FLY_EFORGOTTEN. Takes the packet.
 */
void fly_reply_refuse_for_good(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			       const struct fly_header *h, struct fly_conversation *c);

/* fly_reply_running() - a call is all here, and its procedure runs. Takes the packet. */
void fly_reply_running(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		       const struct fly_header *h, const struct fly_conversation *c);

/*
 * fly_reply_result_again() - send the retained result of a DONE call, or a challenge to who has
 * proven nothing and asks for much. Takes the packet.
 */
void fly_reply_result_again(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			    const struct fly_header *h, struct fly_conversation *c);

/*
 * fly_reply_turn_around() - turn a packet around into one without payload, back to its sender.
 * Return: its RPC header, which the caller of this writes.
 */
uint8_t *fly_reply_turn_around(const struct fly_link *link, struct rte_mbuf *m);

/* fly_reply_refuse_busy() - fly_reply_refuse_for_good(): no worker is idle, and too many calls
 * wait. */
void fly_reply_refuse_busy(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			   const struct fly_header *h, struct fly_conversation *c);

/* fly_reply_kept() - send the result whose bytes are in the record, in @m, which came in. */
void fly_reply_kept(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_conversation *c, uint8_t flags);

/*
 * fly_reply_challenge() - ask a caller to send its call again with a token, which only reaches it
 * at its own address. Takes the packet.
 */
void fly_reply_challenge(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			 const struct fly_header *h);

#endif
