/* SPDX-License-Identifier: BSD-3-Clause */
/* reply.h - replies to calls and probes, but for new results (reply.c). */
#ifndef FLY_REPLY_H
#define FLY_REPLY_H

#include "fastpath/poller.h"

/* fly_reply_refuse() - refuse a call with a status. Takes the packet. */
void fly_reply_refuse(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		      const struct fly_header *h, enum fly_status status);

/*
 * fly_reply_refuse_withdrawn() - refuse a call with FLY_ESTALE, not executed: it has not run, and
 * the export that it is for was withdrawn for ever. Takes the packet.
 */
void fly_reply_refuse_withdrawn(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
				const struct fly_header *h);

/*
 * fly_reply_refuse_for_good() - refuse a new call of @c with FLY_EBUSY: neither it nor a copy of
 * it will run. A call that has run before is refused with FLY_EFORGOTTEN. Takes the packet.
 */
void fly_reply_refuse_for_good(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			       const struct fly_header *h, struct fly_conversation *c);

/*
 * fly_reply_running() - tell the caller that all of its call arrived and is running. Takes the
 * packet.
 */
void fly_reply_running(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		       const struct fly_header *h, const struct fly_conversation *c);

/*
 * fly_reply_result_again() - send the retained result of a DONE call, or a challenge if the caller
 * is unproven and the result is long. Takes the packet.
 */
void fly_reply_result_again(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			    const struct fly_header *h, struct fly_conversation *c);

/*
 * fly_reply_turn_around() - address a packet back to its sender, without payload.
 * Return: its RPC header, which the calling function writes.
 */
uint8_t *fly_reply_turn_around(const struct fly_link *link, struct rte_mbuf *m);

/*
 * fly_reply_refuse_busy() - fly_reply_refuse_for_good(), because too many calls wait for a worker.
 */
void fly_reply_refuse_busy(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			   const struct fly_header *h, struct fly_conversation *c);

/* fly_reply_kept() - send the result that is retained in the record, in packet @m. */
void fly_reply_kept(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_conversation *c, uint8_t flags);

/*
 * fly_reply_challenge() - ask a caller to send its call again with a token. Only the true owner of
 * the address receives the token. Takes the packet.
 */
void fly_reply_challenge(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			 const struct fly_header *h);

#endif
