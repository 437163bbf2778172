/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slow.h - the only door from the fast path into src/slowpath/.
 *
 * All that does not fit the common case leaves through here, on the same poller, and may come back
 * the same way. The fast path has changed nothing when it calls one of these: the slow path starts
 * afresh from the packet.
 */
#ifndef FLY_SLOW_H
#define FLY_SLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "fastpath/link.h"
#include "fastpath/wire.h"

struct fly_binding;
struct fly_call;
struct fly_call_entry;
struct fly_conversation;
struct fly_export;
struct fly_handoff;
struct fly_import;
struct fly_packet_work;
struct fly_poller;
struct fly_procedure;
struct fly_served;

/* fly_slow_frame() - a packet for no handler: ARP, a question to all, or a drop. @why: negated
 * counter. */
void fly_slow_frame(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m, int why);

/* fly_slow_version() - a packet of another protocol version. */
void fly_slow_version(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		      const struct fly_header *h);

/*
 * fly_slow_hint() - look up the records of call packets without a hint, and write the hint into
 * those that have a record. Keeps none of the packets. @n: at most FLY_BURST.
 */
void fly_slow_hint(struct fly_poller *p, struct rte_mbuf *const *packets, unsigned n);

/*
 * fly_slow_call() - a call that fly_serve_plain() did not take: of a new caller, repeated, stale,
 * to be refused; or to be run after all.
 */
void fly_slow_call(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		   const struct fly_header *h);

/* fly_slow_call_fragment(), fly_slow_result_fragment() - a packet of a large call or result. */
void fly_slow_call_fragment(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			    const struct fly_header *h);
void fly_slow_result_fragment(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			      const struct fly_header *h);

/*
 * fly_slow_next_fragment() - is this plainly the next fragment of a message that is being received?
 * Called for each packet while there is one; the packet is unchecked.
 * Return: true: the packet is taken; false: nothing has changed.
 */
bool fly_slow_next_fragment(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m);

/* fly_slow_ack() - the peer acknowledges packets of a call or result. */
void fly_slow_ack(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		  const struct fly_header *h);

/* fly_slow_result() - a result for no WAITING call: it is a BULK call's, or dropped. */
void fly_slow_result(struct fly_poller *p, struct rte_mbuf *m, const struct fly_header *h);

/* fly_slow_probe() - the peer wants to know the state of a call or result. */
void fly_slow_probe(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_header *h);

/* fly_slow_cancel() - a caller has cancelled its call. */
void fly_slow_cancel(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     const struct fly_header *h);

/* fly_slow_peer() - whose call is it, as struct fly_work says? For calls that have to wait. */
const void *fly_slow_peer(const struct fly_poller *p, const struct fly_conversation *c);

/* fly_slow_close() - a caller has ended an activity. */
void fly_slow_close(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_header *h);

/* fly_slow_answer() - somebody exports what we have asked all of a network for. */
void fly_slow_answer(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     const struct fly_header *h);

/* fly_slow_challenge() - the server wants a call of ours again, with a token. */
void fly_slow_challenge(struct fly_poller *p, struct rte_mbuf *m, const struct fly_header *h);

/* fly_slow_doubt() - a call that was sent ends here, but its procedure may still run. */
void fly_slow_doubt(struct fly_call_entry *e);

/* fly_slow_rejected() - a call of ours was refused: end it with the status that follows. */
void fly_slow_rejected(struct fly_poller *p, struct rte_mbuf *m, const struct fly_header *h);

/*
 * fly_slow_start() - find out why the plain Starter did not take a call, or get a fresh entry.
 * Return: 0: the binding has an idle entry now; else the negative status of the call.
 */
int fly_slow_start(struct fly_binding *binding, uint32_t argument_bytes);

/* fly_slow_start_bulk() - the Starter for arguments of several packets, after fly_slow_start(). */
int fly_slow_start_bulk(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
			struct fly_call **call);

/* fly_slow_send() - the Transporter's sending half for arguments of several packets. */
void fly_slow_send(struct fly_call *call);

/* fly_slow_set_deadline() - the calls of an import have a deadline from now on. @us: 0: none. */
void fly_slow_set_deadline(struct fly_import *import, uint32_t us);

/* fly_slow_let_go() - free what an entry holds of a call of several packets, if anything. */
void fly_slow_let_go(struct fly_poller *p, struct fly_call_entry *e);

/*
 * fly_slow_served() - a stub returned @status, which is not 0: count it, and put its results in
 * order.
 * @result: the packet that served->results points into; results may be moved to its front. NULL:
 * there is room for FLY_RAISED_BYTES_MAX.
 * Return: the status for the caller, with served->result_bytes of results.
 */
int fly_slow_served(struct fly_poller *p, struct rte_mbuf *result, struct fly_served *served,
		    int status);

/*
 * fly_slow_raised() - a procedure raised an error that its interface does not declare: the text,
 * which the calling thread has kept, becomes the results. @result: as for fly_slow_served().
 */
void fly_slow_raised(struct rte_mbuf *result, struct fly_served *served);

/* fly_slow_served_by_worker() - fly_slow_served(), after fly_slow_raised() on the worker. */
int fly_slow_served_by_worker(struct fly_poller *p, struct fly_served *served, int status);

/*
 * fly_slow_serve_worker() - the rest of fly_serve_plain(), for a procedure of a worker. Does not
 * take a procedure with its results in a second packet.
 */
bool fly_slow_serve_worker(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
			   uint32_t argument_bytes, const struct fly_export *export,
			   const struct fly_procedure *stub, struct fly_conversation *c);

/*
 * fly_slow_packet_work_done() - end a call on a worker that did not end plainly, or did not begin:
 * see worker.h. Takes what @w holds.
 */
void fly_slow_packet_work_done(struct fly_poller *p, struct fly_packet_work *w, int status);

/* fly_slow_sweep() - resend or fail due calls, forget old records; a bounded piece at a time. */
void fly_slow_sweep(struct fly_poller *p);

/*
 * fly_slow_local_turn() - poll the lately used slots of clients of this machine, and the next
 * bells; run the procedures. Return: how many ran.
 */
unsigned fly_slow_local_turn(struct fly_poller *p);

/* fly_slow_local_sweep() - check the same clients, once a millisecond, in bounded time. */
void fly_slow_local_sweep(struct fly_poller *p);

/*
 * fly_slow_local_move() - in each sweep: copy a piece of a long call of theirs, and run its
 * procedure when all is there. @may_run: not within a procedure that only receives. Return: true:
 * there is more at once.
 */
bool fly_slow_local_move(struct fly_poller *p, bool may_run);

/*
 * fly_slow_local_prepare_sleep() - stop polling their slots; a ringing client wakes the poller by
 * its socket.
 * Return: false: there is something to do, the poller stays awake.
 *
 * fly_slow_local_end_sleep() - the poller is awake.
 */
bool fly_slow_local_prepare_sleep(struct fly_poller *p);
void fly_slow_local_end_sleep(struct fly_poller *p);

/*
 * fly_slow_absent() - nobody turned this poller from @before_tsc to @now_tsc: "Absence" in
 * absence.c. For the loop that owns its clock, before the turn at @now_tsc, if that is
 * FLY_ABSENT_US or more.
 */
void fly_slow_absent(struct fly_poller *p, uint64_t before_tsc, uint64_t now_tsc);

#define FLY_ABSENT_US 250

/*
 * fly_slow_turn_parking() - a turn within a turn, from a procedure that takes long: receive and
 * send, but park new calls until the outer turn is over.
 */
void fly_slow_turn_parking(struct fly_poller *p, uint64_t now_tsc);

/* fly_slow_requests() - serve other threads' requests that may be served within a turn. */
void fly_slow_requests(struct fly_poller *p);

/* fly_slow_wake_handoff() - wake the other side of a slot that was handed to it. */
void fly_slow_wake_handoff(struct fly_handoff *handoff);

/*
 * fly_slow_wake_poller() - wake a poller that sleeps or is about to. @wake_fd: of its handoff
 * queue; any thread.
 */
void fly_slow_wake_poller(int wake_fd);

/* fly_slow_attention() - the quiescence point: requests of other threads take effect. */
void fly_slow_attention(struct fly_poller *p);

#endif
