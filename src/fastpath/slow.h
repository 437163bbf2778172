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

/* fly_slow_frame() - not a packet that we take: ARP, or a drop. @why: negated counter. */
void fly_slow_frame(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m, int why);

/* fly_slow_version() - a packet of another protocol version. */
void fly_slow_version(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		      const struct fly_header *h);

/*
 * fly_slow_hint() - these call packets do not know where their records are: write it into them,
 * where there are records. Keeps none of them. @n: at most FLY_BURST.
 */
void fly_slow_hint(struct fly_poller *p, struct rte_mbuf *const *packets, unsigned n);

/*
 * fly_slow_call() - a call that fly_serve_plain() did not take: of a new caller, repeated, stale,
 * refused; or to be run after all.
 */
void fly_slow_call(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		   const struct fly_header *h);

/* fly_slow_call_fragment(), fly_slow_result_fragment() - one of the packets of a call or result of
 * several.
 */
void fly_slow_call_fragment(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			    const struct fly_header *h);
void fly_slow_result_fragment(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			      const struct fly_header *h);

/* fly_slow_ack() - the peer has received some of them. */
void fly_slow_ack(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		  const struct fly_header *h);

/* fly_slow_result() - a result that no WAITING call waits for: that of a BULK one, or dropped. */
void fly_slow_result(struct fly_poller *p, struct rte_mbuf *m, const struct fly_header *h);

/* fly_slow_probe() - what became of a call, or of a result? Of several packets or not. */
void fly_slow_probe(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_header *h);

/* fly_slow_cancel() - the caller of a call has gone. */
void fly_slow_cancel(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     const struct fly_header *h);

/* fly_slow_challenge() - a call of ours is to be sent again with a token. */
void fly_slow_challenge(struct fly_poller *p, struct rte_mbuf *m, const struct fly_header *h);

/* fly_slow_doubt() - the call of an entry, which is out, ends: its procedure may run all the same.
 */
void fly_slow_doubt(struct fly_call_entry *e);

/* fly_slow_rejected() - a call of ours was refused: it ends with the status that this means. */
void fly_slow_rejected(struct fly_poller *p, struct rte_mbuf *m, const struct fly_header *h);

/*
 * fly_slow_start() - why the Starter of a binding cannot go on, or a fresh entry for it.
 * Return: 0: the binding has an idle entry now; else the negative status of the call.
 */
int fly_slow_start(struct fly_binding *binding, uint32_t argument_bytes);

/* fly_slow_start_bulk() - the Starter, once that is done, for arguments of several packets. */
int fly_slow_start_bulk(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
			struct fly_call **call);

/* fly_slow_send() - the Transporter's first half for them. */
void fly_slow_send(struct fly_call *call);

/* fly_slow_let_go() - free what an entry holds of a call of several packets, if it is one. */
void fly_slow_let_go(struct fly_poller *p, struct fly_call_entry *e);

/*
 * fly_slow_served() - a stub returned @status, which is not 0: count it, and see to its results.
 * @result: what served->results points into; they may be moved to its front. NULL: there is room
 * for FLY_RAISED_BYTES_MAX.
 * Return: the status for the caller, with served->result_bytes of results.
 */
int fly_slow_served(struct fly_poller *p, struct rte_mbuf *result, struct fly_served *served,
		    int status);

/*
 * fly_slow_raised() - a procedure raised what its interface does not declare: its words, which are
 * with the calling thread, become the results. @result: as for fly_slow_served().
 */
void fly_slow_raised(struct rte_mbuf *result, struct fly_served *served);

/* fly_slow_served_by_worker() - fly_slow_served(), behind fly_slow_raised(). */
int fly_slow_served_by_worker(struct fly_poller *p, struct fly_served *served, int status);

/*
 * fly_slow_packet_work_done() - what is not plain about the end of a call that a worker had, or was
 * to have: worker.h. Takes what it holds.
 */
struct fly_packet_work;
void fly_slow_packet_work_done(struct fly_poller *p, struct fly_packet_work *w, int status);

/* fly_slow_sweep() - resend or fail overdue calls, forget old records; a bounded piece at a time.
 */
void fly_slow_sweep(struct fly_poller *p);

/* fly_slow_requests() - another thread asks for something that can be done within a turn. */
void fly_slow_requests(struct fly_poller *p);

/* fly_slow_wake_handoff() - a slot was handed to somebody who sleeps. */
void fly_slow_wake_handoff(struct fly_handoff *handoff);

/* fly_slow_wake_poller() - a poller sleeps, or is about to. @wake_fd: its desk's. Any thread. */
void fly_slow_wake_poller(int wake_fd);

/* fly_slow_attention() - the quiescence point: changes from the control side take effect. */
void fly_slow_attention(struct fly_poller *p);

#endif
