/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * call_table.h - outstanding calls: one entry, one activity, one call at a time.
 *
 * Owned by one poller; no lock. A result finds its entry by the low 16 bits of its activity: an
 * index, then a comparison. Entries are handed to bindings as they need them and stay with them
 * until the binding ends, so that an entry's activity, sequence number and hint belong together.
 */
#ifndef FLY_CALL_TABLE_H
#define FLY_CALL_TABLE_H

#include <assert.h>
#include <stddef.h>

#include <rte_common.h>

#include "fastpath/packet.h"

/* clang-format off */
/*
 * Legal orders of an entry's state. Nobody but the functions fly_call_to_...() below stores it.
 *   UNBOUND -> IDLE              the entry is handed to a binding
 *   IDLE -> STARTED              Starter
 *   STARTED -> WAITING or TIMED  Transporter sends; TIMED now and then, to measure the round trip
 *   STARTED -> BULK              Transporter sends arguments of several packets
 *   TIMED -> WAITING             it cannot be measured any more: it was sent again, or who knows when
 *   WAITING or TIMED -> BULK     the first packet of a result of several came
 *   WAITING or TIMED -> DONE     the result packet came
 *   BULK -> DONE                 the result is whole
 *   WAITING, TIMED or BULK -> FAILED  refused, cancelled, given up, link lost
 *   DONE -> IDLE                 Ender
 *   DONE or FAILED -> IDLE       Transporter returns the status, unless that is an exception
 *   any but UNBOUND -> UNBOUND   the binding ends
 */
/* clang-format on */
enum fly_call_state {
	FLY_CALL_UNBOUND,
	FLY_CALL_IDLE,
	FLY_CALL_STARTED,
	FLY_CALL_WAITING,
	FLY_CALL_TIMED, /* as WAITING, but its result goes the slow way, which takes the time */
	FLY_CALL_BULK,
	FLY_CALL_DONE,
	FLY_CALL_FAILED,
};

/* Arguments up to this many bytes are kept for resending in the entry itself: keep(), caller.c. */
#define FLY_KEEP_BYTES 128

/* Later than any time of a poller. */
#define FLY_NEVER UINT64_MAX

/* Waiting for an answer: how it goes on when none comes. src/slowpath/retry.h has the policy. */
struct fly_retry {
	uint64_t due_tsc;      /* when something is to be done */
	uint64_t interval_tsc; /* the wait that ends then */
	uint64_t waited_tsc;   /* all waits since something was heard, that one included */
	uint8_t tries;         /* what was sent since something was heard, and not answered */
	bool is_running;       /* the server has said that it works on the call */
};

#define FLY_NO_ENTRY UINT32_MAX

struct fly_bulk;
struct fly_attached_call;

struct fly_call_entry {
	/* ---- line 0: every call ---- */
	struct fly_call head;    /* what the stub sees; binding NULL: UNBOUND */
	uint64_t activity;       /* 48 bits of the binding, 16 bits our index */
	uint32_t seq;            /* of the newest call; random at first, grows by one per call */
	uint32_t hint;           /* where the server keeps our record; FLY_HINT_NONE */
	struct rte_mbuf *packet; /* STARTED: the call packet. WAITING: what is kept of it, shared or
				  * a copy, or NULL if its bytes are in kept. DONE: the result
				  * packet. NULL in STARTED and DONE: the message is in bulk */
	uint16_t procedure;
	uint16_t argument_bytes; /* UINT16_MAX: more than one packet takes */
	uint8_t state;           /* enum fly_call_state */
	uint8_t resends;         /* of the call in flight, probes included; saturating */
	int16_t status;          /* FAILED: why; DONE: the result's, negative or 0 */
	union {
		uint64_t sent_tsc; /* out: poller time of the first transmission */
		uint32_t
			next_idle; /* IDLE: the binding's next free entry; FLY_NO_ENTRY: the last */
	};
	/* ---- line 1: seldom ---- */
	struct fly_retry retry; /* BULK, or resends is not 0. Else due one RTO after sent_tsc */
	struct fly_bulk *bulk;  /* of a call of several packets; NULL: it is none, or not yet */
	uint64_t deadline_tsc;  /* of the call that deadline_seq names; 0: none ever had one */
	uint32_t deadline_seq;
	uint32_t doubtful_seq;   /* that call ended, and may still run */
	uint32_t challenged_seq; /* the hint of that call is a token that its server gave out */
	uint16_t early_ms;  /* how much earlier the call that early_seq names may have been sent */
	uint16_t early_seq; /* low half of a seq */
	/* ---- line 2 and 3: small arguments ---- */
	uint8_t kept[FLY_KEEP_BYTES] __rte_cache_aligned; /* out: the arguments, if packet is NULL
							   */
} __rte_cache_aligned;

static_assert(offsetof(struct fly_call_entry, retry) == 64, "a common call touches one line");
static_assert(offsetof(struct fly_call_entry, kept) == 128, "and small arguments one or two more");
static_assert(sizeof(struct fly_call_entry) == 256, "four lines");

struct fly_call_table {
	struct fly_call_entry *entries;
	struct fly_attached_call *
		*waiters;   /* by entry: who gets its result, on another thread; NULL:
			     * nobody. Beside them, as lines 0 and 1 are full */
	uint32_t n;         /* entries, at most 65,536 */
	uint32_t n_unbound; /* of them, not handed to a binding */
	uint32_t unbound;   /* first of a list linked by next_idle; FLY_NO_ENTRY */
};

/* ---- the arrows of the diagram: who takes one has seen to everything else of it ---- */

/* UNBOUND, DONE or FAILED -> IDLE */
static inline void fly_call_to_idle(struct fly_call_entry *e)
{
	e->state = FLY_CALL_IDLE;
}

/* IDLE -> STARTED: the next call of this entry. */
static inline void fly_call_to_started(struct fly_call_entry *e)
{
	e->state = FLY_CALL_STARTED;
}

/* STARTED -> WAITING or TIMED. @as: that one of them. */
static inline void fly_call_to_sent(struct fly_call_entry *e, enum fly_call_state as)
{
	e->state = (uint8_t)as;
}

/* WAITING or TIMED -> WAITING: it is not to be measured any more. */
static inline void fly_call_to_waiting(struct fly_call_entry *e)
{
	e->state = FLY_CALL_WAITING;
}

/* STARTED, WAITING or TIMED -> BULK */
static inline void fly_call_to_bulk(struct fly_call_entry *e)
{
	e->state = FLY_CALL_BULK;
}

/* WAITING, TIMED or BULK -> DONE. @status: the result's. */
static inline void fly_call_to_done(struct fly_call_entry *e, int status)
{
	e->status = (int16_t)status;
	e->state = FLY_CALL_DONE;
}

/* WAITING, TIMED or BULK -> FAILED. @status: negative. */
static inline void fly_call_to_failed(struct fly_call_entry *e, int status)
{
	e->status = (int16_t)status;
	e->state = FLY_CALL_FAILED;
}

/* any -> UNBOUND */
static inline void fly_call_to_unbound(struct fly_call_entry *e)
{
	e->state = FLY_CALL_UNBOUND;
}

/* ---- the table ---- */

/*
 * fly_call_table_init() - @n entries on NUMA node @socket, all UNBOUND.
 * Return: 0 or -FLY_ENOMEM. fly_call_table_free() ends it; the entries hold no packets then.
 */
int fly_call_table_init(struct fly_call_table *table, uint32_t n, int socket);
void fly_call_table_free(struct fly_call_table *table);

/*
 * fly_call_table_bind() - hand an entry to a binding. @activity: the binding's upper 48 bits.
 * Return: IDLE and in no list; NULL: all are in use.
 */
struct fly_call_entry *fly_call_table_bind(struct fly_call_table *table,
					   struct fly_binding *binding, uint64_t activity,
					   uint32_t first_seq);

/* fly_call_table_unbind() - take an entry back; it holds no packet. */
void fly_call_table_unbind(struct fly_call_table *table, struct fly_call_entry *entry);

static inline uint32_t fly_call_table_index(const struct fly_call_table *table,
					    const struct fly_call_entry *entry)
{
	return (uint32_t)(entry - table->entries);
}

/* fly_call_is_out() - it was sent, and has not ended. */
static inline bool fly_call_is_out(const struct fly_call_entry *e)
{
	static_assert(FLY_CALL_TIMED == FLY_CALL_WAITING + 1 &&
			      FLY_CALL_BULK == FLY_CALL_WAITING + 2,
		      "the states of a call that is out lie side by side");
	return e->state >= FLY_CALL_WAITING && e->state <= FLY_CALL_BULK;
}

/* fly_call_is_small() - out, and neither its arguments nor what has come of its result is long. */
static inline bool fly_call_is_small(const struct fly_call_entry *e)
{
	return e->state == FLY_CALL_WAITING || e->state == FLY_CALL_TIMED;
}

/* fly_call_table_find() - the entry an activity names, whoever it belongs to; NULL: none. */
static inline struct fly_call_entry *fly_call_table_find(const struct fly_call_table *table,
							 uint64_t activity)
{
	const uint32_t index = activity & 0xffff;

	return likely(index < table->n) ? &table->entries[index] : NULL;
}

#endif
