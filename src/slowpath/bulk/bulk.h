/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk.h - calls with arguments or results of several packets: struct fly_bulk, to which a
 * call-table entry or a conversation record points during such a call.
 *
 * bulk.c has what both sides share. bulk/caller.c is called by the Starter, the Transporter, the
 * Ender and the demux; bulk/server.c by the demux and call.c. A struct fly_bulk belongs to its
 * poller, and to one entry or record. fly_bulk_free() clears the owner's pointer to it.
 *
 * At a server its sequence number says what it is:
 *   gathering   later than the record's: arguments are arriving, the call has not run
 *   result      the record's: the call is DONE, and this is its retained result
 *   stale       earlier: a plain call came later; the sweep frees it
 */
#ifndef FLY_BULK_H
#define FLY_BULK_H

#include "fastpath/binding.h"
#include "slowpath/bulk/buffer.h"
#include "slowpath/bulk/fragments.h"
#include "slowpath/bulk/path.h"
#include "slowpath/bulk/spread.h"

/* Arguments without a new fragment for so long are freed: their caller has given up. */
#define FLY_BULK_IDLE_MS 10000

/* Fragments that a receiver takes before its first ACK; credits of all messages together. */
#define FLY_CREDIT_FIRST 32
#define FLY_CREDITS      1024

struct fly_bulk {
	union {
		TAILQ_ENTRY(fly_bulk) all;  /* the poller's list */
		struct fly_bulk *next_idle; /* freed, and kept for the next message */
	};
	TAILQ_ENTRY(fly_bulk) ready;           /* is_ready: the path's list */
	struct fly_call_entry *entry;          /* the owner at a caller; else NULL */
	struct fly_conversation *conversation; /* the owner at a server; else NULL */
	struct fly_path *path;                 /* to the peer */
	struct fly_peer *peer;                 /* whom its memory is counted to */
	struct fly_link *link;                 /* the path's */
	LIST_ENTRY(fly_bulk) due;              /* is_in_wheel: due.c */
	uint64_t due_slot;                     /* is_in_wheel: number of its slot */
	uint64_t due_tsc;                      /* when the silence is handled; FLY_NEVER: not */
	uint32_t progress_ms;                  /* poller time of the last progress */
	uint32_t n_flight;                     /* fragments counted in path->n_flight */
	uint32_t key;                          /* of a result: its acknowledgements carry this */
	uint8_t silent;                        /* times that it was due since the last progress */
	uint8_t stuck;                         /* signs since then that nothing gets through */
	uint64_t heard_tsc; /* caller: time of the turn in which a fragment of the result came last
			     */
	bool is_graced;     /* due_tsc was put off by an absence since the last progress */
	bool is_gathering;  /* counted in the poller's n_gathering */
	bool is_in_wheel;   /* in the list of a slot */
	bool is_ready;      /* in the list path->ready */
	bool is_proven;     /* an acknowledgement has come: the address of the peer is proven */
	int16_t status;     /* caller: the status in the fragments of the result */
	struct fly_buffer out_buffer;
	struct fly_buffer in_buffer;
	struct fly_spread from;   /* the message that is sent: in out_buffer, or lent */
	struct fly_spread to;     /* the message that is received: in in_buffer, or lent */
	struct fly_loans *stores; /* caller: whose arrays are in `to`; NULL: there are none */
	struct fly_header header; /* of sent fragments; each fragment and ACK changes some fields */
	uint8_t expected[FLY_RPC + 30] __rte_aligned(
		8); /* headers that came, but for the age: next.c */
	/* The headers of a fragment. Before the first is sent: the outer headers only. */
	uint8_t front[FLY_PAYLOAD + 6] __rte_aligned(16);
	struct fly_gather in;   /* being received: caller: result; server: arguments */
	struct fly_scatter out; /* being sent; fragments 0: none. Last: it is large */
};

/*
 * fly_bulk_new() - a new struct fly_bulk in the poller's list, without an owner. @ip, @port: the
 * peer's, network order.
 * Return: NULL: no memory.
 */
struct fly_bulk *fly_bulk_new(struct fly_poller *p, struct fly_link *link, uint32_t ip,
			      uint16_t port);

/*
 * fly_bulk_evict() - a peer with less than its share wants memory: free the message that made no
 * progress for longest of the peers that have more than @share bytes. It is one whose arguments are
 * still arriving, which are sent again or refused; or a result, as if it was acknowledged.
 * Return: false: there is none.
 */
bool fly_bulk_evict(struct fly_poller *p, const struct fly_peer *peer, uint32_t share);

/* fly_bulk_free() - clears the owner's pointer, too. @b may be NULL. */
void fly_bulk_free(struct fly_poller *p, struct fly_bulk *b);

/*
 * fly_bulk_send() - begin to send the @n bytes in b->from. b->header has what is common to all
 * fragments, b->front the outer headers, for no payload.
 */
void fly_bulk_send(struct fly_poller *p, struct fly_bulk *b, uint32_t n, uint32_t unit);

/* fly_bulk_peer_ip() - to whom it is sent, network order; also if its path is that of a link. */
uint32_t fly_bulk_peer_ip(const struct fly_bulk *b);

/*
 * fly_bulk_shorten() - the path takes at most @unit bytes: if the message has longer fragments, and
 * is not known to be there, it is sent once more from the beginning, in more and shorter ones. The
 * receiver begins it anew, too: "Paths that take less" in docs/protocol.md.
 */
void fly_bulk_shorten(struct fly_poller *p, struct fly_bulk *b, uint32_t unit);

/* fly_bulk_learn() - @hint: where the server keeps its record. */
void fly_bulk_learn(struct fly_bulk *b, uint32_t hint);

/*
 * fly_bulk_again() - after a long silence, or a copy of the call: resend what was sent long ago.
 * If all has arrived, or the peer is unproven, one fragment that requests an acknowledgement.
 */
void fly_bulk_again(struct fly_poller *p, struct fly_bulk *b);

/* fly_bulk_restart() - the peer has taken nothing: send all again, with a token. */
void fly_bulk_restart(struct fly_poller *p, struct fly_bulk *b, uint32_t token);

/* fly_bulk_stop() - send nothing more of the message. */
void fly_bulk_stop(struct fly_poller *p, struct fly_bulk *b);

/*
 * fly_bulk_acked() - an acknowledgement has come; sends more. @frame: the packet.
 * Return: did it say anything new?
 */
bool fly_bulk_acked(struct fly_poller *p, struct fly_bulk *b, const uint8_t *frame,
		    const struct fly_header *h);

/* fly_bulk_progress() - something new has come: silence begins anew. */
static inline void fly_bulk_progress(const struct fly_poller *p, struct fly_bulk *b)
{
	b->progress_ms = p->now_ms;
	b->silent = 0;
	b->stuck = 0;
	b->is_graced = false;
}

/*
 * fly_bulk_begin() - begin to receive a message, and get its memory, except for what is lent in
 * b->to. Return: false: no memory.
 */
bool fly_bulk_begin(struct fly_poller *p, struct fly_bulk *b, const struct fly_gather *in);

/*
 * fly_bulk_take() - receive a fragment. Does not take @frame.
 * @wants_ack: set: acknowledge it: the fragment requests that, has a gap in front of it, or fills
 * one.
 * Return: NEW: its payload was copied; AGAIN, WRONG, LONG: it was not.
 */
enum fly_gathered fly_bulk_take(struct fly_poller *p, struct fly_bulk *b, const uint8_t *frame,
				const struct fly_header *h, bool *wants_ack);

/* fly_bulk_gathered() - the message is whole, or no longer wanted: expect nothing more. */
void fly_bulk_gathered(struct fly_poller *p, struct fly_bulk *b);

/*
 * fly_bulk_ack() - make @m an acknowledgement of what was received. Its outer headers are there,
 * for no payload. @h: the fragment that caused it; NULL: none (an idle acknowledgement).
 */
void fly_bulk_ack(struct fly_poller *p, const struct fly_bulk *b, struct rte_mbuf *m,
		  const struct fly_header *h);

/* fly_bulk_wait() - handle the silence if nothing is heard for @patience_tsc. */
void fly_bulk_wait(struct fly_poller *p, struct fly_bulk *b, uint64_t patience_tsc);

/* fly_bulk_due() - p->bulk.due_tsc has come: handle silent messages, resume paths. */
void fly_bulk_due(struct fly_poller *p);

/* fly_bulk_sweep() - free stale messages; a bounded piece. */
void fly_bulk_sweep(struct fly_poller *p);

/*
 * fly_bulk_absent() - the poller was not turned for @absent_tsc, from @before_ms on. See "Absence"
 * in absence.c.
 */
void fly_bulk_absent(struct fly_poller *p, uint32_t before_ms, uint64_t absent_tsc);

/* fly_bulk_link_lost() - forget what was learned about the peers of a link. */
void fly_bulk_link_lost(struct fly_poller *p, const struct fly_link *link);

void fly_bulk_init(struct fly_poller *p);
void fly_bulk_fini(struct fly_poller *p);

/* ---- the caller's side ---- */

/* fly_bulk_challenged() - the entry's hint is a token now: send its call again with it. */
void fly_bulk_challenged(struct fly_poller *p, struct fly_call_entry *e);

/*
 * fly_bulk_split_call() - a call of one packet that its path does not take becomes one of several.
 * Return: false: it does not, for it is short enough, or there is no memory.
 */
bool fly_bulk_split_call(struct fly_poller *p, struct fly_call_entry *e);

/* fly_bulk_resend() - an entry in state BULK is due: resend or acknowledge. */
void fly_bulk_resend(struct fly_poller *p, struct fly_call_entry *e);

/* fly_bulk_result() - a result of one packet for an entry in state BULK. Takes the packet. */
void fly_bulk_result(struct fly_poller *p, struct fly_call_entry *e, struct rte_mbuf *m,
		     const struct fly_header *h);

/*
 * fly_bulk_call_acked() - an acknowledgement for an entry in state BULK.
 * Return: as fly_bulk_acked().
 */
bool fly_bulk_call_acked(struct fly_poller *p, struct fly_call_entry *e, const uint8_t *frame,
			 const struct fly_header *h);

/* fly_bulk_heard() - a fragment of a result has come: the waits begin anew, once a turn. */
void fly_bulk_heard(struct fly_poller *p, struct fly_bulk *b);

/*
 * fly_bulk_ack_result() - tell the server how much of the result has arrived. @m: becomes the
 * acknowledgement. @h: the fragment that caused it: its number and flags; NULL: none.
 */
void fly_bulk_ack_result(struct fly_poller *p, const struct fly_bulk *b, struct rte_mbuf *m,
			 const struct fly_header *h);

/* fly_bulk_probe() - a result stays incomplete: send an idle acknowledgement. */
void fly_bulk_probe(struct fly_poller *p, struct fly_bulk *b);

/* ---- the server's side ---- */

/* fly_conversation_bulk_result() - is c->bulk the retained result of the record's newest call? */
static inline bool fly_conversation_bulk_result(const struct fly_conversation *c)
{
	return c->bulk && c->bulk->header.seq == c->seq && c->bulk->out.fragments != 0;
}

/*
 * fly_conversation_bulk_end() - free c->bulk, if there is one. If it is the result of the newest
 * call the record becomes GIVEN.
 */
static inline void fly_conversation_bulk_end(struct fly_poller *p, struct fly_conversation *c)
{
	if (fly_conversation_bulk_result(c) && c->state == FLY_CONVERSATION_DONE)
		fly_conversation_to_given(c);
	fly_bulk_free(p, c->bulk);
}

/* fly_bulk_ack_call() - acknowledge a fragment of a call. @m: the fragment; becomes the ACK. */
void fly_bulk_ack_call(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		       const struct fly_bulk *b, const struct fly_header *h);

/*
 * fly_bulk_result_acked() - an acknowledgement from the peer of a record. Frees the result when it
 * is complete.
 * Return: as fly_bulk_acked().
 */
bool fly_bulk_result_acked(struct fly_poller *p, struct fly_conversation *c, const uint8_t *frame,
			   const struct fly_header *h);

/* fly_bulk_draw_key() - the random key of a result. Only the receiver of the result learns it. */
uint32_t fly_bulk_draw_key(struct fly_poller *p);

/*
 * fly_bulk_split_result() - a retained result of one packet that its path does not take becomes one
 * of several. Return: false: it does not, as above.
 */
bool fly_bulk_split_result(struct fly_poller *p, struct fly_link *link, struct fly_conversation *c);

/*
 * fly_bulk_serve() - run a new call with long arguments or results. Takes @m.
 * @b: has the arguments; NULL: they are in @m.
 */
void fly_bulk_serve(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_header *h, const struct fly_export *export,
		    const struct fly_procedure *stub, struct fly_conversation *c,
		    struct fly_bulk *b, uint32_t argument_bytes);

/*
 * fly_bulk_served() - the procedure has returned, here or on a worker. Takes the call's packet,
 * @m.
 * @served: its results lie in memory of c->bulk. @status: for the caller.
 */
void fly_bulk_served(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     uint32_t export_id, struct fly_conversation *c, struct fly_served *served,
		     int status);

#endif
