/* SPDX-License-Identifier: BSD-3-Clause */
/* reply.h - what result.c and call.c share: counted drops and refusals. */
#ifndef FLY_REPLY_H
#define FLY_REPLY_H

#include "fastpath/poller.h"

/* fly_frame_drop() - count a packet under @why and free it. */
void fly_frame_drop(struct fly_poller *p, struct rte_mbuf *m, enum fly_counter why);

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

/* fly_conversation_lookup() - a caller's record: by the hint or through the hash table; NULL. */
struct fly_conversation *fly_conversation_lookup(struct fly_poller *p, const struct fly_header *h);

/*
 * fly_result_mismatch() - does a packet answer the call that its entry has sent, from where that
 * call went?
 * Return: 0, or the counter that says why not, negated.
 */
int fly_result_mismatch(const struct fly_call_entry *e, const struct rte_mbuf *m,
			const struct fly_header *h);

/* fly_result_status() - what the header of a result or exception says: 0 or a negative status. */
int fly_result_status(const struct fly_header *h);

/*
 * fly_reply_turn_around() - turn a packet around into one without payload, back to its sender.
 * Return: its RPC header, which the caller of this writes.
 */
uint8_t *fly_reply_turn_around(const struct fly_link *link, struct rte_mbuf *m);

/*
 * fly_call_admit() - the checks of docs/protocol.md up to "is this call new?", for a call of one
 * packet or a part of one of several.
 * Return: the record of a call that is new, or may run again, and *export; NULL: the packet is
 * gone.
 */
struct fly_conversation *fly_call_admit(struct fly_poller *p, struct fly_link *link,
					struct rte_mbuf *m, const struct fly_header *h,
					const struct fly_export **export);

/* fly_work_cancel() - the caller of a call that a worker has, or is to have, has gone. */
void fly_work_cancel(struct fly_poller *p, struct fly_conversation *c);

/* fly_work_link_lost() - nobody gets the results of calls that came over this link. */
void fly_work_link_lost(struct fly_poller *p, const struct fly_link *link);

/* fly_reply_refuse_busy() - fly_reply_refuse_for_good(): no worker is idle, and too many calls
 * wait. */
void fly_reply_refuse_busy(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			   const struct fly_header *h, struct fly_conversation *c);

/* What runs for a number that no procedure of the export has. */
extern const struct fly_procedure fly_call_no_procedure;

/* fly_reply_kept() - send the result whose bytes are in the record, in @m, which came in. */
void fly_reply_kept(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_conversation *c, uint8_t flags);

#endif
