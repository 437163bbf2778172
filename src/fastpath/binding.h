/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * binding.h - a binding over a link: the exporter's address, and a header ready to be sent.
 *
 * Owned by the poller of its runtime. src/runtime/import.c makes and ends it; caller.c puts the
 * Starter, Transporter and Ender into its head.
 */
#ifndef FLY_BINDING_H
#define FLY_BINDING_H

#include "base/binding_kind.h"
#include "fastpath/poller.h"

/* Round trip time to a peer, in ticks (RFC 6298): src/slowpath/retry.c. */
struct fly_rtt {
	uint64_t srtt_tsc; /* smoothed; 0: not measured yet */
	uint64_t rttvar_tsc;
	uint64_t rto_tsc; /* how long to wait for a result, within the poller's bounds */
};

struct fly_import {
	/* ---- each call ---- */
	struct fly_binding head; /* what stubs see: the procedure variables */
	const struct fly_binding_kind *kind;
	struct fly_poller *poller;
	struct fly_link *link;
	uint32_t idle;         /* first of this binding's free entries; FLY_NO_ENTRY */
	uint32_t argument_max; /* bytes of payload in one packet to the peer */
	uint8_t sends_as;      /* state of a sent call: TIMED until a round trip was measured */
	uint8_t template[FLY_PAYLOAD + 6] __rte_aligned(
		16); /* headers of a call without arguments */
	/* ---- each result ---- */
	struct fly_address peer;
	uint16_t binder_port; /* of the peer's binder, for rebinding; network order, as in peer */
	/* hands an ended call back to the thread that made it; NULL: calls of this thread only */
	void (*deliver)(struct fly_poller *p, struct fly_call_entry *e);
	/* ---- seldom ---- */
	struct fly_rtt rtt;
	uint32_t ended_first; /* calls that have ended since fly_next_ready(); FLY_NO_ENTRY */
	uint32_t ended_last;
	/* Set by src/slowpath/behaviour.c. */
	uint32_t deadline_us; /* of its calls; 0: none */
	enum fly_wait wait;   /* how an inline caller waits */
	bool is_shut;         /* fly_shutdown(): its calls end with FLY_ESTOPPED */
	bool is_rebinding;    /* rebinding turns the poller: it must not be ended now */
	bool is_lost;         /* with `reconnect`: the next call rebinds first */
	/* Rebinds for a call that is about to start: 0, or its status. NULL: nobody wants that. */
	int (*reconnect)(struct fly_import *import, uint64_t most_us);
	uint64_t activity;   /* the upper 48 bits */
	uint32_t agreed_max; /* what both ends take; argument_max may be less: path_mtu.h */
	uint32_t export_id;
	const char *name; /* of the interface; static */
	uint32_t version;
	LIST_ENTRY(fly_import) next; /* in its poller's list, if a program has this binding */
};

FLY_BINDING_HAS_KIND(struct fly_import);

/* The binding of a stub's handle: the head is its first member. */
static inline struct fly_import *fly_import_of(struct fly_binding *binding)
{
	return (struct fly_import *)(void *)binding;
}

static inline struct fly_call_entry *fly_entry_of(struct fly_call *call)
{
	return (struct fly_call_entry *)(void *)call;
}

static inline const struct fly_address *fly_entry_peer(const struct fly_call_entry *e)
{
	return &((const struct fly_import *)(const void *)e->head.binding)->peer;
}

/* fly_deliver() - a call has ended: if another thread made it, hand it to that thread. */
static inline void fly_deliver(struct fly_poller *p, struct fly_call_entry *e)
{
	struct fly_import *import = (struct fly_import *)(void *)e->head.binding;

	if (unlikely(import->deliver != NULL))
		import->deliver(p, e);
}

/* fly_caller_bind() - put the plain procedures into a binding over a link. */
void fly_caller_bind(struct fly_import *import);

/* fly_caller_start(), fly_caller_wait() - the plain Starter; the Transporter's waiting half. */
int fly_caller_start(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
		     struct fly_call **call);
int fly_caller_wait(struct fly_call *call);

/*
 * fly_caller_write() - headers of an entry's call packet, from the binding's template.
 * @frame: FLY_PAYLOAD bytes. Used for the first transmission and for each later one.
 */
static inline void fly_caller_write(uint8_t *frame, const struct fly_import *import,
				    const struct fly_call_entry *e)
{
	const uint32_t seq = e->seq;
	const uint32_t hint = e->hint;
	const uint32_t bytes = e->argument_bytes;
	const uint16_t procedure = e->procedure;
	const uint64_t activity = e->activity;
	uint8_t *rpc = frame + FLY_RPC;

	memcpy(frame, import->template, FLY_PAYLOAD);
	if (bytes != 0)
		fly_wire_set_lengths(frame, bytes);
	fly_put_u16(rpc + 2, procedure);
	fly_put_u64(rpc + 8, activity);
	fly_put_u32(rpc + 16, seq);
	fly_put_u64(rpc + 24, hint | (uint64_t)bytes << 32); /* age 0 */
}

/* fly_caller_fail() - end a call without a result, after it was sent. @status: negative. */
void fly_caller_fail(struct fly_poller *p, struct fly_call_entry *e, int status);

#endif
