/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk.h - calls whose arguments or results take several packets: what a call-table entry or a
 * conversation record points to while it has to do with such a one.
 *
 * bulk.c has what both sides share: memory, sending, the list that the sweep looks through.
 * bulk_caller.c is behind the Starter, the Transporter and the Ender; bulk_server.c behind the
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
#include "slowpath/fragments.h"

/* What peers can make a poller allocate: arguments and results under way, results retained. */
#define FLY_BULK_MAX (256U << 20)

/* Arguments of which nothing new has come for so long are let go: their caller has given up. */
#define FLY_BULK_IDLE_MS 10000

/* Contiguous memory for a message, aligned to 16. */
struct fly_buffer {
	uint8_t *bytes;  /* NULL: none */
	uint32_t room;   /* at bytes */
	bool is_counted; /* in the poller's bulk_bytes, which FLY_BULK_MAX limits */
};

struct fly_bulk {
	TAILQ_ENTRY(fly_bulk) all;             /* the poller's list */
	struct fly_call_entry *entry;          /* whose call it is; or NULL, and */
	struct fly_conversation *conversation; /* whose call it is */
	struct fly_link *link;                 /* where the other side is */
	uint32_t progress_ms;                  /* poller time at which something new came last */
	bool is_sending;                       /* counted in the poller's n_sending */
	int16_t status;                        /* entry: what the fragments of the result say */
	struct fly_scatter out;                /* entry: arguments; conversation: results */
	struct fly_buffer out_buffer;
	struct fly_gather in; /* the other way round */
	struct fly_buffer in_buffer;
	struct fly_header header; /* of what goes out; a fragment's and an ACK's differ from it */
	uint8_t outer[FLY_RPC];   /* what goes in front of it, for no payload */
};

/* fly_buffer_get() - @room bytes, not 0. Return: false: no memory, or no more is allowed. */
bool fly_buffer_get(struct fly_poller *p, struct fly_buffer *b, uint32_t room, bool is_counted);

/* fly_buffer_resize() - as realloc; the same. */
bool fly_buffer_resize(struct fly_poller *p, struct fly_buffer *b, uint32_t room);

void fly_buffer_free(struct fly_poller *p, struct fly_buffer *b);

/* fly_bulk_new() - in the list, for nobody yet. Return: NULL: no memory. */
struct fly_bulk *fly_bulk_new(struct fly_poller *p, struct fly_link *link);

/* fly_bulk_free() - clears the pointer of its owner, too. NULL: nothing happens. */
void fly_bulk_free(struct fly_poller *p, struct fly_bulk *b);

/* fly_bulk_send() - begin to send what is in out_buffer. */
void fly_bulk_send(struct fly_poller *p, struct fly_bulk *b, uint32_t bytes, uint32_t unit);

/* fly_bulk_push() - send as much of it as may be sent now. */
void fly_bulk_push(struct fly_poller *p, struct fly_bulk *b);

/* fly_bulk_again() - nothing was heard for too long, or the peer asks: send again. */
void fly_bulk_again(struct fly_poller *p, struct fly_bulk *b);

/* fly_bulk_stop() - nothing of it needs to be sent any more, unless it is asked for again. */
void fly_bulk_stop(struct fly_poller *p, struct fly_bulk *b);

/* fly_bulk_acked() - the peer has the first @n. Return: was that new? More is under way then. */
bool fly_bulk_acked(struct fly_poller *p, struct fly_bulk *b, uint32_t n);

/* fly_bulk_progress() - something new has come: waiting begins anew. */
static inline void fly_bulk_progress(const struct fly_poller *p, struct fly_bulk *b)
{
	b->progress_ms = p->now_ms;
}

/*
 * fly_bulk_take() - a fragment of the message that b->in gathers.
 * @wants_ack: set: the far end is to be told how much is there now: it asks, or a gap was filled
 * that kept it from being told before.
 * Return: NEW: its payload was copied; AGAIN; WRONG, LONG. @frame is not taken.
 */
enum fly_gathered fly_bulk_take(struct fly_poller *p, struct fly_bulk *b, const uint8_t *frame,
				const struct fly_header *h, bool *wants_ack);

/* fly_bulk_ack() - write into @rpc what the far end is told about b->in. */
void fly_bulk_ack(struct fly_poller *p, const struct fly_bulk *b, uint8_t *rpc);

/* fly_bulk_sweep() - end what is stale, go on where there was no packet; a bounded piece. */
void fly_bulk_sweep(struct fly_poller *p);

/* fly_bulk_due() - the poller's bulk.due_tsc has come. */
void fly_bulk_due(struct fly_poller *p);

/* fly_bulk_absent() - the poller was not turned from @before_ms on: see "Absence" in absence.c. */
void fly_bulk_absent(struct fly_poller *p, uint32_t before_ms);

/* ---- the caller's half ---- */

/* fly_bulk_challenged() - the entry's hint is a token now, with which its call is to be sent again.
 */
void fly_bulk_challenged(struct fly_poller *p, struct fly_call_entry *e);

/* fly_bulk_overdue() - nothing was heard about an entry in state BULK for too long: go on. */
void fly_bulk_overdue(struct fly_poller *p, struct fly_call_entry *e);

/* fly_bulk_result() - a plain result for an entry in state BULK; takes it. */
void fly_bulk_result(struct fly_poller *p, struct fly_call_entry *e, struct rte_mbuf *m,
		     const struct fly_header *h);

/* fly_bulk_call_acked() - an acknowledgement for an entry in state BULK. Return: was it new? */
bool fly_bulk_call_acked(struct fly_poller *p, struct fly_call_entry *e,
			 const struct fly_header *h);

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
bool fly_bulk_result_acked(struct fly_poller *p, struct fly_conversation *c,
			   const struct fly_header *h);

/*
 * fly_bulk_serve() - run a new call whose arguments or results are long; takes @m.
 * @b: the arguments, whole; NULL: they are in @m.
 */
void fly_bulk_serve(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		    const struct fly_header *h, const struct fly_export *export,
		    const struct fly_procedure *stub, struct fly_conversation *c,
		    struct fly_bulk *b);

#endif
