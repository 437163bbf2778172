/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attached.h - threads that call through a poller which another thread turns.
 *
 * Such a caller marshals by itself, into a slot or a packet that it has got before, hands that to
 * the poller and waits for its own slot; the poller's demux puts the result straight into it. There
 * is no queue, lock or wake-up in between, unless the caller has chosen to sleep.
 */
#ifndef FLY_ATTACHED_H
#define FLY_ATTACHED_H

#include <pthread.h>

#include "base/binding_kind.h"
#include "base/owned.h"
#include "fastpath/binding.h"

struct fly_attached;

/* Where the result of a call is: slot.kind. */
enum fly_attached_result {
	FLY_ATTACHED_IN_SLOT,
	FLY_ATTACHED_IN_PACKET, /* `result` */
	FLY_ATTACHED_IN_CALL,   /* several packets: `call` stays as it is until its end is asked for
				 */
};

/* One call at a time. Each side has lines of its own beside the slot's: they stay with their core.
 */
struct fly_attached_call {
	/* ---- line 0: the thread's ---- */
	struct fly_call head; /* what the stub sees */
	struct fly_attached *attached;
	struct fly_attached_call *next_idle;
	bool has_begun; /* at the poller, for its arguments: it cannot be taken back */
	/* ---- lines 1 to 3: the slot; the poller's; the bell ---- */
	struct fly_handoff handoff;
	/* ---- line 4: the poller's, unless the slot says that it is the thread's turn ---- */
	struct fly_import *import;
	struct fly_call *call;   /* the poller's call, if it takes several packets; else NULL */
	struct rte_mbuf *spare;  /* for arguments that are too long for the slot; NULL: none */
	struct rte_mbuf *result; /* with results that are too long for the slot; read, if the slot
				  * is FREE, and to be freed; else NULL */
	LIST_ENTRY(fly_attached_call) next;
};

struct fly_attached {
	/* ---- each call, the thread's ---- */
	struct fly_binding head;
	const struct fly_binding_kind *kind;
	struct fly_attached_call *idle; /* the one that was used last comes first */
	struct fly_poller *poller;      /* ours to ring and to ask, and no more */
	pthread_t poller_thread;        /* who turns it */
	uint32_t argument_max;          /* bytes in one packet */
	uint32_t deadline_us;           /* as fly_set_deadline() said: they travel with the call */
	bool looks;                     /* while it waits it does nothing else */
	enum fly_wait wait;
	enum fly_wait default_wait; /* of its runtime */
	int event_fd;               /* of fly_event_fd(); -1 */
	struct fly_owned owned;
	struct fly_poller *mine; /* that this thread turns itself; NULL: none */
	/* ---- the poller's ---- */
	struct fly_import *import;
	LIST_HEAD(, fly_attached_call) calls;
};

FLY_BINDING_HAS_KIND(struct fly_attached);

/* fly_attached_bind() - fill in the procedure variables. */
void fly_attached_bind(struct fly_attached *attached);

/* fly_attached_act() - what the poller does with a call that was handed over: fly_handoff.act. */
void fly_attached_act(struct fly_poller *p, struct fly_handoff *handoff);

/*
 * fly_attached_deliver() - a call that an attached caller made has ended: hand it back.
 * On the poller; the entry is DONE or FAILED, and idle afterwards, unless it holds the result.
 */
void fly_attached_deliver(struct fly_poller *p, struct fly_call_entry *e);

/*
 * What the thread's half asks of its poller (src/runtime/attach.c): another call of this binding;
 * a call with arguments of several packets; the end of one with such results.
 */
int fly_slow_attached_more(struct fly_attached *attached);
int fly_slow_attached_start(struct fly_attached_call *c, uint16_t procedure, uint32_t bytes);
void fly_slow_attached_end(struct fly_attached_call *c);

/* fly_slow_attached_wait() - wait for a while, or for the result, in another way than by looking.
 */
void fly_slow_attached_wait(struct fly_attached_call *c);

#endif
