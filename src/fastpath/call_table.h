/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * call_table.h - outstanding calls: one entry, one activity, one call at a time.
 *
 * Owned by one poller; no lock. The low 16 bits of a result's activity are the index of its entry;
 * the whole activity is compared then. A binding gets entries as it needs them, and keeps them
 * until it ends: an entry's activity, sequence number and hint belong together.
 */
#ifndef FLY_CALL_TABLE_H
#define FLY_CALL_TABLE_H

#include <assert.h>
#include <stddef.h>

#include <rte_common.h>

#include "fastpath/packet.h"

/* clang-format off */
/*
 * Legal orders of an entry's state. Only the functions fly_call_to_...() below store it.
 *   UNBOUND -> IDLE              a binding gets the entry
 *   IDLE -> STARTED              Starter
 *   STARTED -> WAITING or TIMED  Transporter sends; TIMED now and then, to measure the round trip
 *   STARTED -> BULK              Transporter sends arguments of several packets
 *   TIMED -> WAITING             not measured after all: sent again, runs, or the poller was absent
 *   WAITING or TIMED -> BULK     the first packet of a result of several came
 *   WAITING or TIMED -> DONE     the result packet came
 *   BULK -> DONE                 the result is whole
 *   WAITING, TIMED or BULK -> FAILED  refused, cancelled, given up, link lost
 *   DONE -> IDLE                 Ender
 *   DONE or FAILED -> IDLE       Transporter returns the status, unless it is an exception
 *   any but UNBOUND -> UNBOUND   the binding ends
 */
/* clang-format on */
enum fly_call_state {
	FLY_CALL_UNBOUND,
	FLY_CALL_IDLE,
	FLY_CALL_STARTED,
	FLY_CALL_WAITING,
	FLY_CALL_TIMED, /* as WAITING; its result goes the slow path, to be measured */
	FLY_CALL_BULK,
	FLY_CALL_DONE,
	FLY_CALL_FAILED,
};

/* Arguments up to this many bytes are kept for resending in the entry: keep() in caller.c. */
#define FLY_KEEP_BYTES 128

/* Later than any time of a poller. */
#define FLY_NEVER UINT64_MAX

/* The resend timer of a call. src/slowpath/retry.h has the policy. */
struct fly_retry {
	uint64_t due_tsc;      /* when to resend or probe */
	uint64_t interval_tsc; /* the wait that ends at due_tsc */
	uint64_t waited_tsc;   /* sum of all waits since something was heard, this one included */
	uint8_t tries;         /* packets sent since something was heard */
	bool is_running;       /* the server has said that the call runs */
};

#define FLY_NO_ENTRY UINT32_MAX

struct fly_bulk;
struct fly_attached_call;

struct fly_call_entry {
	/* ---- line 0: every call ---- */
	struct fly_call head;    /* what the stub sees; binding NULL: UNBOUND */
	uint64_t activity;       /* 48 bits of the binding, 16 bits the entry's index */
	uint32_t seq;            /* of the newest call; first random, then one more per call */
	uint32_t hint;           /* index of the server's record of us; FLY_HINT_NONE */
	struct rte_mbuf *packet; /* STARTED: the call packet. WAITING: the kept call packet, shared
				    or a copy; NULL: its bytes are in kept. DONE: the result packet.
				    NULL in STARTED and DONE: the message is in bulk */
	uint16_t procedure;
	uint16_t argument_bytes; /* UINT16_MAX: more than one packet takes */
	uint8_t state;           /* enum fly_call_state */
	uint8_t resends;         /* of the call in flight, probes included; saturating */
	int16_t status;          /* FAILED: why; DONE: the result's, negative or 0 */
	union {
		uint64_t sent_tsc;  /* once sent: poller time of the first transmission */
		uint32_t next_idle; /* IDLE: the binding's next free entry; FLY_NO_ENTRY */
	};
	/* ---- line 1: seldom ---- */
	struct fly_retry retry; /* in BULK, or resends is not 0; else due one RTO after sent_tsc */
	struct fly_bulk *bulk;  /* of a call of several packets; else NULL, or not made yet */
	uint64_t deadline_tsc;  /* of the call deadline_seq; 0: no call had one yet */
	uint32_t deadline_seq;
	uint32_t doubtful_seq;   /* of a call that has ended and may still run */
	uint32_t challenged_seq; /* of a call whose hint is a token that its server gave out */
	uint16_t early_ms;       /* how much earlier the call early_seq may have been sent */
	uint16_t early_seq;      /* low half of a seq */
	/* ---- line 2 and 3: small arguments ---- */
	uint8_t kept[FLY_KEEP_BYTES] __rte_cache_aligned; /* the arguments, if packet is NULL */
} __rte_cache_aligned;

static_assert(offsetof(struct fly_call_entry, retry) == 64, "a common call touches one line");
static_assert(offsetof(struct fly_call_entry, kept) == 128, "and small arguments one or two more");
static_assert(sizeof(struct fly_call_entry) == 256, "four lines");

/* What only event loops use of an entry: not in the entry, lines 0 and 1 are full. */
struct fly_call_note {
	void *cookie; /* of the call cookie_seq */
	uint32_t cookie_seq;
	uint32_t next; /* in its binding's list of ended calls; FLY_NO_ENTRY */
	bool is_listed;
};

struct fly_call_table {
	struct fly_call_entry *entries;
	struct fly_call_note *notes; /* by entry */
	/*
	 * By entry: the call of another thread that gets the result; NULL: none. Not in the entry:
	 * lines 0 and 1 are full.
	 */
	struct fly_attached_call **waiters;
	uint32_t n;         /* entries, at most 65,536 */
	uint32_t n_unbound; /* of them, UNBOUND */
	uint32_t unbound;   /* first UNBOUND entry, linked by next_idle; FLY_NO_ENTRY */
};

/* ---- the arrows of the diagram: the caller has done all that belongs to an arrow ---- */

/* UNBOUND, DONE or FAILED -> IDLE */
static inline void fly_call_to_idle(struct fly_call_entry *e)
{
	e->state = FLY_CALL_IDLE;
}

/* IDLE -> STARTED: the next call of this entry */
static inline void fly_call_to_started(struct fly_call_entry *e)
{
	e->state = FLY_CALL_STARTED;
}

/* STARTED -> WAITING or TIMED. @as: the new state. */
static inline void fly_call_to_sent(struct fly_call_entry *e, enum fly_call_state as)
{
	e->state = (uint8_t)as;
}

/* WAITING or TIMED -> WAITING: its round trip is not to be measured. */
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
 * fly_call_table_bind() - give an entry to a binding. @activity: the binding's upper 48 bits.
 * Return: an IDLE entry, in no list; NULL: all are in use.
 */
struct fly_call_entry *fly_call_table_bind(struct fly_call_table *table,
					   struct fly_binding *binding, uint64_t activity,
					   uint32_t first_seq);

/* fly_call_table_unbind() - take an entry back. The entry holds no packet. */
void fly_call_table_unbind(struct fly_call_table *table, struct fly_call_entry *entry);

static inline uint32_t fly_call_table_index(const struct fly_call_table *table,
					    const struct fly_call_entry *entry)
{
	return (uint32_t)(entry - table->entries);
}

/* fly_call_is_out() - the call was sent, and has not ended. */
static inline bool fly_call_is_out(const struct fly_call_entry *e)
{
	static_assert(FLY_CALL_TIMED == FLY_CALL_WAITING + 1 &&
			      FLY_CALL_BULK == FLY_CALL_WAITING + 2,
		      "the states of a call that is out lie side by side");
	return e->state >= FLY_CALL_WAITING && e->state <= FLY_CALL_BULK;
}

/* fly_call_is_small() - the call is out, and takes one packet each way so far. */
static inline bool fly_call_is_small(const struct fly_call_entry *e)
{
	return e->state == FLY_CALL_WAITING || e->state == FLY_CALL_TIMED;
}

/* fly_call_table_find() - the entry at an activity's index, whatever its activity; NULL: none. */
static inline struct fly_call_entry *fly_call_table_find(const struct fly_call_table *table,
							 uint64_t activity)
{
	const uint32_t index = activity & 0xffff;

	return likely(index < table->n) ? &table->entries[index] : NULL;
}

#endif
