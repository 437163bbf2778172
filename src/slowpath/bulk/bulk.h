/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk.h - calls whose arguments or results take several packets: what a call-table entry or a
 * conversation record points to while it has to do with such a one.
 *
 * bulk.c has what both sides share: sending, acknowledging, the list that the sweep looks through.
 * bulk/caller.c is behind the Starter, the Transporter and the Ender; bulk/server.c behind the
 * demux. A struct fly_bulk belongs to its poller, and to one entry or record, whose pointer to it
 * is cleared when it ends.
 *
 * At a server it is in one of two conditions, told apart by its sequence number:
 *   gathering   later than the record's: arguments are arriving, and the call has not run
 *   result      the record's: the call is DONE, and this is its retained result
 * A plain call may have made the record newer than both: then it is stale, and the sweep ends it.
 */
#ifndef FLY_BULK_H
#define FLY_BULK_H

#include "fastpath/binding.h"
#include "slowpath/bulk/buffer.h"
#include "slowpath/bulk/fragments.h"
#include "slowpath/bulk/path.h"

/* Arguments of which nothing new has come for so long are let go: their caller has given up. */
#define FLY_BULK_IDLE_MS 10000

/* Fragments that a receiver takes before it has said so, and that it promises to all in all. */
#define FLY_CREDIT_FIRST 32
#define FLY_CREDITS      1024

struct fly_bulk {
	TAILQ_ENTRY(fly_bulk) all;             /* the poller's list */
	TAILQ_ENTRY(fly_bulk) ready;           /* is_ready: the path's list */
	struct fly_call_entry *entry;          /* whose call it is; or NULL, and */
	struct fly_conversation *conversation; /* whose call it is */
	struct fly_path *path;                 /* to the other side */
	struct fly_link *link;                 /* the path's */
	uint64_t due_tsc;     /* silence until then is to be looked into; UINT64_MAX: none is */
	uint32_t progress_ms; /* poller time at which something new came last */
	uint32_t n_flight;    /* fragments that the path counts as under way */
	uint32_t key;         /* of a result: what acknowledgements of it are to carry */
	uint8_t silent;       /* times that it was due since then */
	bool is_graced;       /* due_tsc was put off because of an absence, since then */
	bool is_sending;      /* counted in the poller's n_sending */
	bool is_gathering;    /* counted in the poller's n_gathering */
	bool is_ready;        /* in the path's list */
	bool is_proven;       /* an acknowledgement has come: the other side is where it says */
	int16_t status;       /* entry: what the fragments of the result say */
	struct fly_buffer out_buffer;
	struct fly_buffer in_buffer;
	const uint8_t *out_bytes; /* where in out_buffer the message begins */
	struct fly_header header; /* of what goes out; a fragment's and an ACK's differ from it */
	/* What goes in front of a fragment; before anything is sent, its outer headers only. */
	uint8_t front[FLY_PAYLOAD + 6] __rte_aligned(16);
	struct fly_gather in;   /* entry: results; conversation: arguments */
	struct fly_scatter out; /* the other way round; fragments 0: none. Last: it is large */
};

/*
 * fly_bulk_new() - in the list, for nobody yet. @ip, @port: the peer's, network order.
 * Return: NULL: no memory.
 */
struct fly_bulk *fly_bulk_new(struct fly_poller *p, struct fly_link *link, uint32_t ip,
			      uint16_t port);

/* fly_bulk_free() - clears the pointer of its owner, too. NULL: nothing happens. */
void fly_bulk_free(struct fly_poller *p, struct fly_bulk *b);

/*
 * fly_bulk_send() - begin to send what is at @bytes, in out_buffer. b->header says what each
 * fragment says, b->front has the outer headers, for no payload.
 */
void fly_bulk_send(struct fly_poller *p, struct fly_bulk *b, const uint8_t *bytes, uint32_t n,
		   uint32_t unit);

/* fly_bulk_learn() - where the server keeps its record. */
void fly_bulk_learn(struct fly_bulk *b, uint32_t hint);

/*
 * fly_bulk_again() - nothing was heard for long, or the peer asks: what was sent long ago is sent
 * again; or, if all has arrived, or nobody has ever answered, one fragment that asks.
 */
void fly_bulk_again(struct fly_poller *p, struct fly_bulk *b);

/* fly_bulk_restart() - the peer has taken none of it: all is sent again, with a token. */
void fly_bulk_restart(struct fly_poller *p, struct fly_bulk *b, uint32_t token);

/* fly_bulk_stop() - nothing of it needs to be sent any more. */
void fly_bulk_stop(struct fly_poller *p, struct fly_bulk *b);

/*
 * fly_bulk_acked() - the peer says what it has. @frame: the acknowledgement.
 * Return: was that new? More is under way then.
 */
bool fly_bulk_acked(struct fly_poller *p, struct fly_bulk *b, const uint8_t *frame,
		    const struct fly_header *h);

/* fly_bulk_progress() - something new has come: waiting begins anew. */
static inline void fly_bulk_progress(const struct fly_poller *p, struct fly_bulk *b)
{
	b->progress_ms = p->now_ms;
	b->silent = 0;
	b->is_graced = false;
}

/*
 * fly_bulk_begin() - b->in was begun, and gets its memory. Return: false: there is none.
 */
bool fly_bulk_begin(struct fly_poller *p, struct fly_bulk *b, const struct fly_gather *in);

/*
 * fly_bulk_take() - a fragment of the message that b->in gathers.
 * @wants_ack: set: the far end is to be told what is there now: it asks, or the fragment shows a
 * gap, or fills one.
 * Return: NEW: its payload was copied; AGAIN; WRONG, LONG. @frame is not taken.
 */
enum fly_gathered fly_bulk_take(struct fly_poller *p, struct fly_bulk *b, const uint8_t *frame,
				const struct fly_header *h, bool *wants_ack);

/* fly_bulk_gathered() - b->in is whole, or of no use: nothing more is expected. */
void fly_bulk_gathered(struct fly_poller *p, struct fly_bulk *b);

/*
 * fly_bulk_ack() - make @m what the far end is told about b->in; its outer headers are there, for
 * no payload. @h: the fragment that has caused it; NULL: none has, for a while.
 */
void fly_bulk_ack(struct fly_poller *p, const struct fly_bulk *b, struct rte_mbuf *m,
		  const struct fly_header *h);

/* fly_bulk_wait() - b is due when nothing was heard for @patience_tsc. */
void fly_bulk_wait(struct fly_poller *p, struct fly_bulk *b, uint64_t patience_tsc);

/* fly_bulk_due() - p->bulk.due_tsc has come: look after those from which nothing is heard. */
void fly_bulk_due(struct fly_poller *p);

/* fly_bulk_sweep() - end what is stale; a bounded piece. */
void fly_bulk_sweep(struct fly_poller *p);

/*
 * fly_bulk_absent() - the poller was not turned for @absent_tsc, from @before_ms on: see "Absence"
 * in absence.c.
 */
void fly_bulk_absent(struct fly_poller *p, uint32_t before_ms, uint64_t absent_tsc);

/* fly_bulk_link_lost() - what was learned about the peers of a link is worth nothing. */
void fly_bulk_link_lost(struct fly_poller *p, const struct fly_link *link);

void fly_bulk_init(struct fly_poller *p);
void fly_bulk_fini(struct fly_poller *p);

/* ---- the caller's half ---- */

/* fly_bulk_challenged() - the entry's hint is a token now, with which its call is to be sent again.
 */
void fly_bulk_challenged(struct fly_poller *p, struct fly_call_entry *e);

/* fly_bulk_resend() - nothing was heard about an entry in state BULK for too long: go on. */
void fly_bulk_resend(struct fly_poller *p, struct fly_call_entry *e);

/* fly_bulk_result() - a plain result for an entry in state BULK; takes it. */
void fly_bulk_result(struct fly_poller *p, struct fly_call_entry *e, struct rte_mbuf *m,
		     const struct fly_header *h);

/* fly_bulk_call_acked() - an acknowledgement for an entry in state BULK. Return: was it new? */
bool fly_bulk_call_acked(struct fly_poller *p, struct fly_call_entry *e, const uint8_t *frame,
			 const struct fly_header *h);

/* fly_bulk_ask() - nothing more of a result comes: tell its server what is there. */
void fly_bulk_ask(struct fly_poller *p, struct fly_bulk *b);

/* ---- the server's half ---- */

/* fly_conversation_bulk_result() - is c->bulk the retained result of the record's newest call? */
static inline bool fly_conversation_bulk_result(const struct fly_conversation *c)
{
	return c->bulk && c->bulk->header.seq == c->seq && c->bulk->out.fragments != 0;
}

/*
 * fly_conversation_bulk_end() - let go of what c->bulk is, if there is one. If it was the result
 * of the record's newest call, that call has no result any more: its caller has it.
 */
static inline void fly_conversation_bulk_end(struct fly_poller *p, struct fly_conversation *c)
{
	if (fly_conversation_bulk_result(c) && c->state == FLY_CONVERSATION_DONE)
		c->state = FLY_CONVERSATION_GIVEN;
	fly_bulk_free(p, c->bulk);
}

/*
 * fly_bulk_result_acked() - an acknowledgement from the peer of a record.
 * Return: was it new? When it is complete, the result is let go.
 */
bool fly_bulk_result_acked(struct fly_poller *p, struct fly_conversation *c, const uint8_t *frame,
			   const struct fly_header *h);

/*
 * fly_bulk_serve() - run a new call whose arguments or results are long; takes @m.
 * @b: has the arguments, so many; NULL: they are in @m.
 */
void fly_bulk_serve(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_header *h, const struct fly_export *export,
		    const struct fly_procedure *stub, struct fly_conversation *c,
		    struct fly_bulk *b, uint32_t argument_bytes);

/*
 * fly_bulk_served() - its procedure has returned, here or on a worker; takes @m, which came.
 * @served: the results lie in memory of c->bulk. @status: for the caller.
 */
void fly_bulk_served(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     uint32_t export_id, struct fly_conversation *c, struct fly_served *served,
		     int status);

#endif
