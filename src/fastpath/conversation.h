/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conversation.h - a server's record of one activity: its newest call and the result of that call.
 *
 * Owned by one poller; no lock. A call carries a hint from an earlier result: the index of its
 * record. The record's activity is compared then. Hints are never trusted: src/slowpath/records.c
 * decides when a record may be forgotten. That file also owns the hash table behind a missed hint.
 */
#ifndef FLY_CONVERSATION_H
#define FLY_CONVERSATION_H

#include <assert.h>
#include <stddef.h>

#include <rte_common.h>

#include "fastpath/call_table.h"
#include "fastpath/link.h"

/* clang-format off */
/*
 * Legal orders of a record's state. Only the functions fly_conversation_to_...() below store it.
 *   FREE -> KNOWN                        a first call opens the record (slow path); seq: one less
 *   any but FREE and RUNNING -> RUNNING  fly_conversation_accept() says FLY_RUN: a later call
 *   RUNNING -> DONE                      the result is retained and sent
 *   RUNNING -> UNKEPT                    the result is sent, not retained: the call may run again
 *   UNKEPT -> RUNNING                    it does
 *   DONE -> GIVEN                        the caller says that it has the result, which is freed
 *   any but FREE and RUNNING -> REFUSED  a later call was refused, or cancelled before it ran
 *   RUNNING -> REFUSED                   the call will not run: its worker had not begun it
 *   RUNNING -> KNOWN                     nobody gets the result; the record is forgotten next
 *   any but RUNNING -> FREE              forgotten (slow path)
 */
/* clang-format on */
enum fly_conversation_state {
	FLY_CONVERSATION_FREE,
	FLY_CONVERSATION_KNOWN,
	FLY_CONVERSATION_RUNNING,
	FLY_CONVERSATION_DONE,
	FLY_CONVERSATION_GIVEN,
	FLY_CONVERSATION_UNKEPT,
	FLY_CONVERSATION_REFUSED,
};

/* Results up to this many bytes are retained in the record, longer ones by their packet. */
#define FLY_RETAIN_BYTES 64

/* No link has this index: no frame comes from the peer of a FREE record. */
#define FLY_NO_LINK UINT8_MAX

struct fly_bulk;
struct fly_work;

struct fly_conversation {
	/* ---- line 0: every call ---- */
	uint64_t activity;     /* 0: FREE */
	uint32_t seq;          /* of the newest call */
	uint32_t peer_ip;      /* network order */
	uint16_t peer_port;    /* network order */
	uint8_t link;          /* index of the link to the caller; FREE: FLY_NO_LINK */
	uint8_t state;         /* enum fly_conversation_state */
	uint16_t executions;   /* how many calls ran; wraps; travels in results */
	uint16_t result_bytes; /* of the retained result */
	int16_t result_status; /* of the retained result: 0 or a negative status */
	bool is_proven;        /* the caller receives at the address that it gave */
	bool is_closing : 1; /* its caller has ended it: forgotten when it does not run any more */
	bool asks_proof : 1; /* the next packet of a call of an address without proof is challenged
			      */
	uint32_t touched_ms; /* poller time of the newest call, new fragment or acknowledgement */
	struct rte_mbuf *result; /* DONE: the retained result packet; NULL: its bytes are in kept */
	uint32_t next_free;      /* FREE: list; FLY_NO_ENTRY ends it */
	uint32_t cancelled_seq;  /* of a call that was cancelled while it ran */
	struct fly_bulk *bulk; /* large arguments or a large result; NULL; or stale: bulk/bulk.h */
	struct fly_work *work; /* RUNNING: on a worker, or waiting for one; else NULL */
	/* ---- line 1: small results with bytes in them ---- */
	uint8_t kept[FLY_RETAIN_BYTES];
} __rte_cache_aligned;

static_assert(offsetof(struct fly_conversation, kept) == 64, "a common call touches one line");
static_assert(sizeof(struct fly_conversation) == 128, "two lines, as promised per idle caller");

struct rte_hash;

struct fly_conversation_table {
	struct fly_conversation *records;
	uint32_t n; /* records */
	uint32_t n_free;
	uint32_t free;          /* first of a list; FLY_NO_ENTRY */
	uint32_t n_retained;    /* packets held in result */
	uint32_t retained_max;  /* at most so many: then large results are refused */
	uint32_t retained_high; /* from here on, callers are told to acknowledge results */
	uint32_t swept;         /* where the next sweep begins */
	uint32_t drawn;         /* where the next draw of results to let go begins */
	struct rte_hash *by_activity;
};

/* ---- the arrows of the diagram: the caller has done all that belongs to an arrow ---- */

/* FREE -> KNOWN, or RUNNING -> KNOWN */
static inline void fly_conversation_to_known(struct fly_conversation *c)
{
	c->state = FLY_CONVERSATION_KNOWN;
}

/* any but FREE and RUNNING -> RUNNING. @seq: of the call that runs. */
static inline void fly_conversation_to_running(struct fly_conversation *c, uint32_t seq)
{
	c->seq = seq;
	c->state = FLY_CONVERSATION_RUNNING;
}

/* RUNNING -> DONE */
static inline void fly_conversation_to_done(struct fly_conversation *c)
{
	c->state = FLY_CONVERSATION_DONE;
}

/* RUNNING -> UNKEPT */
static inline void fly_conversation_to_unkept(struct fly_conversation *c)
{
	c->state = FLY_CONVERSATION_UNKEPT;
}

/* DONE -> GIVEN */
static inline void fly_conversation_to_given(struct fly_conversation *c)
{
	c->state = FLY_CONVERSATION_GIVEN;
}

/* any but FREE -> REFUSED; RUNNING only if not begun. @seq: of the call that does not run. */
static inline void fly_conversation_to_refused(struct fly_conversation *c, uint32_t seq)
{
	c->seq = seq;
	c->state = FLY_CONVERSATION_REFUSED;
}

/* any but RUNNING -> FREE */
static inline void fly_conversation_to_free(struct fly_conversation *c)
{
	c->state = FLY_CONVERSATION_FREE;
}

/* ---- what a call means ---- */

enum fly_accept {
	FLY_RUN,    /* new: the record is RUNNING now, the caller frees its retained result */
	FLY_RESEND, /* done already: send the retained result */
	FLY_REPEAT, /* done already, the result is not kept: run it again */
	FLY_BUSY,   /* running: reply so */
	FLY_REFUSE, /* refused: refuse again */
	FLY_OLD,    /* older than the newest, or its caller has the result already: drop */
};

/*
 * fly_conversation_accept_next() - is this call plainly the next one?
 * Return: true: the record is RUNNING, and the caller frees its retained result; false: unchanged.
 */
static inline bool fly_conversation_accept_next(struct fly_conversation *c, uint32_t seq)
{
	if (unlikely(!fly_seq_after(seq, c->seq) || c->state == FLY_CONVERSATION_RUNNING))
		return false;
	fly_conversation_to_running(c, seq);
	return true;
}

/*
 * fly_conversation_accept() - decide what a call means to its conversation. All of at-most-once for
 * a known caller is here. An activity has one outstanding call: a later call acknowledges the
 * result of the one before, and an earlier call can only be a copy.
 * Return: the record has changed only if FLY_RUN.
 */
static inline enum fly_accept fly_conversation_accept(struct fly_conversation *c, uint32_t seq)
{
	if (fly_conversation_accept_next(c, seq))
		return FLY_RUN;
	if (seq != c->seq)
		return FLY_OLD;
	switch (c->state) {
	case FLY_CONVERSATION_DONE:
		return FLY_RESEND;
	case FLY_CONVERSATION_UNKEPT:
		return FLY_REPEAT;
	case FLY_CONVERSATION_RUNNING:
		return FLY_BUSY;
	case FLY_CONVERSATION_REFUSED:
		return FLY_REFUSE;
	default:
		return FLY_OLD;
	}
}

/* fly_conversation_at() - the record that a hint names, whatever its activity; NULL: none. */
static inline struct fly_conversation *
fly_conversation_at(const struct fly_conversation_table *table, uint32_t hint)
{
	return likely(hint < table->n) ? &table->records[hint] : NULL;
}

/* fly_conversation_is_peer() - is this frame from the record's caller, over its link? */
static inline bool fly_conversation_is_peer(const struct fly_conversation *c,
					    const struct fly_link *link, const uint8_t *frame)
{
	return fly_load_raw32(frame + FLY_IP_SOURCE) == c->peer_ip &&
	       fly_load_raw16(frame + FLY_UDP_SOURCE) == c->peer_port && link->index == c->link;
}

#endif
