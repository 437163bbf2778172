/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads/caller.h - threads that call through a poller which another thread turns.
 *
 * Such a caller marshals into its slot, or into a packet that it was given before, hands the slot
 * to the poller and waits for it. The poller's demux puts the result straight into the slot. There
 * is no queue, lock or wake-up in between, unless the caller has chosen to sleep.
 */
#ifndef FLY_THREADS_CALLER_H
#define FLY_THREADS_CALLER_H

#include "base/binding_kind.h"
#include "base/owned.h"
#include "fastpath/binding.h"
#include "threads/elected.h"
#include "threads/lease.h"

struct fly_attached;

/* Where the result of a call is: slot.kind. */
enum fly_attached_result {
	FLY_ATTACHED_IN_SLOT,
	FLY_ATTACHED_IN_PACKET, /* `result` */
	FLY_ATTACHED_IN_CALL,   /* in several packets: `call` stays until the Ender */
};

/* One call at a time. Each side has its own lines beside the slot's. */
struct fly_attached_call {
	/* ---- line 0: the thread's ---- */
	struct fly_call head; /* what the stub sees */
	struct fly_attached *attached;
	struct fly_attached_call *next_idle;
	uint16_t procedure;
	bool has_begun;        /* begun at the poller for its arguments: it cannot be withdrawn */
	uint32_t returned_seq; /* number of the call that fly_next_ready() returned last */
	void *cookie;          /* of the call cookie_seq */
	uint32_t cookie_seq;   /* its number */
	/* ---- line 1: the thread's. Copied together: the poller may be looking at the slot */
	_Alignas(64) uint8_t line[FLY_SLOT_BYTES];
	/* ---- from line 2 or 3 on: the slot; the poller's; ringing ---- */
	struct fly_handoff handoff;
	/* ---- the poller's, or the thread's while the slot is not CALL ---- */
	struct fly_import *import;
	struct fly_call *call;  /* the call over the link, if it takes several packets; else NULL */
	struct rte_mbuf *spare; /* for arguments too long for the slot; NULL: none */
	struct rte_mbuf *result; /* with results too long for the slot, read or not; to be freed;
				    else NULL */
	LIST_ENTRY(fly_attached_call) next;
	struct fly_attached_call *next_ended; /* is_listed: published by E1 */
	uint64_t began_tsc;                   /* of a call with a deadline, in ticks of the TSC */
	struct fly_loans *loans;              /* variables for the results of the call loans_seq */
	uint32_t loans_seq;                   /* its number */
	_Atomic bool is_listed;               /* in the binding's `ended`, or about to be */
	struct fly_sleeper sleeper;           /* its thread, if the slot is FLY_ASLEEP_TURN */
};

static_assert(offsetof(struct fly_attached_call, cookie_seq) < 64, "the thread's part is one line");

struct fly_attached {
	/* ---- each call, the thread's ---- */
	struct fly_binding head;
	const struct fly_binding_kind *kind;
	struct fly_attached_call *idle; /* first the one used last */
	struct fly_poller *poller;      /* another thread's: for ringing and requests only */
	uint64_t poller_thread;         /* number of the thread that turns it; FLY_ELECTED */
	uint32_t argument_max;          /* bytes in one packet */
	uint32_t deadline_us;           /* of fly_set_deadline(); travels with the call */
	bool looks;                     /* polls its slot at first, and if nothing else is to do */
	uint8_t n_requests;             /* waits of attach.c under way: it must not be ended now */
	enum fly_wait wait;
	enum fly_wait default_wait;    /* of its runtime */
	_Atomic int event_fd;          /* of fly_event_fd(); -1; the poller reads it */
	bool reconnects;               /* fly_set_reconnect() */
	struct fly_election *election; /* of its poller; NULL: that has a thread of its own */
	struct fly_lease *lease;       /* of its poller, which this thread may turn; NULL: never */
	bool turns_to_look;            /* fly_ready() turns the poller if nobody does */
	uint64_t lost_tsc;             /* when rebinding for the next call began; 0: did not */
	uint64_t timeout_us;           /* call_timeout_ms of its runtime */
	bool announces;                /* calls that end are put into `ended` */
	struct fly_attached_call *taken; /* of `ended`, oldest first */
	struct fly_owned owned;
	/* ---- the poller's ---- */
	struct fly_import *import;
	LIST_HEAD(, fly_attached_call) calls;
	/* ---- both ---- */
	_Atomic(struct fly_attached_call *) ended; /* for fly_next_ready(), newest first */
};

FLY_BINDING_HAS_KIND(struct fly_attached);

/* fly_attached_bind() - set the procedure variables. */
void fly_attached_bind(struct fly_attached *attached);

/* fly_attached_act() - send a call that was handed over, on the poller: fly_handoff.act. */
void fly_attached_act(struct fly_poller *p, struct fly_handoff *handoff);

/* fly_attached_act_timed() - the same; the call may have a deadline. */
void fly_attached_act_timed(struct fly_poller *p, struct fly_handoff *handoff);

/*
 * fly_attached_deliver() - hand an ended call back to its attached caller. On the poller; the entry
 * is DONE or FAILED, and IDLE afterwards, unless it holds the result.
 */
void fly_attached_deliver(struct fly_poller *p, struct fly_call_entry *e);

/*
 * Requests of the thread's half to its poller (src/runtime/attach.c): another call at a time; a
 * call with arguments of several packets; the end of a call with such results.
 */
int fly_slow_attached_more(struct fly_attached *attached);
int fly_slow_attached_start(struct fly_attached_call *c, uint16_t procedure, uint32_t bytes);
void fly_slow_attached_end(struct fly_attached_call *c);

/*
 * fly_attached_loans() - the variables that a call at the poller lends for its results; NULL: none.
 * They are its thread's stack: good until the call is handed back.
 */
static inline struct fly_loans *fly_attached_loans(const struct fly_attached_call *c)
{
	return c->loans && c->loans_seq == fly_slot_seq(&c->handoff.slot) ? c->loans : NULL;
}

/* fly_slow_attached_failed() - a call has ended with a status that is not 0. */
void fly_slow_attached_failed(struct fly_attached *a, int status);

/*
 * fly_attached_start() - the plain Starter. fly_attached_send(), fly_attached_call() - the plain
 * Transporter; fly_attached_send_timed(), fly_attached_call_timed() - of a call with a deadline,
 * which counts from now on.
 */
int fly_attached_start(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
		       struct fly_call **call);
void fly_attached_send(struct fly_call *call);
int fly_attached_call(struct fly_call *call);
void fly_attached_send_timed(struct fly_call *call);
int fly_attached_call_timed(struct fly_call *call);

/*
 * fly_attached_call_lent() - Transporter, of calls with a deadline or without, that turns the
 * poller itself if nobody does: so the poller is not woken for the call.
 */
int fly_attached_call_lent(struct fly_call *call);

/* fly_slow_attached_wake() - a call has ended, and its thread sleeps or waits for an event. */
void fly_slow_attached_wake(struct fly_attached_call *c);

/* fly_slow_attached_wait() - wait until the result is there, as the binding waits. */
void fly_slow_attached_wait(struct fly_attached_call *c);

#endif
