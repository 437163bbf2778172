/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * odd.c - packets that are neither a new call nor the awaited result: counted, answered, refused.
 *
 * Runs on the poller's thread, behind slow.h; takes each packet it gets. Rules: every packet that
 * is not delivered is counted under one name; only calls are ever answered with a refusal, and a
 * refusal is no longer than the call and sent within a budget; nothing that a peer sends reaches
 * an assert. The cells of the decision table in docs/protocol.md are these functions.
 */
#include "fastpath/binding.h"
#include "fastpath/slow.h"
#include "slowpath/arp.h"
#include "slowpath/conversations.h"
#include "slowpath/import.h"

static void drop(struct fly_poller *p, struct rte_mbuf *m, enum fly_counter why)
{
	fly_stats_add(&p->stats, why, 1);
	fly_packet_put(&p->cache, m);
}

void fly_slow_frame(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m, int why)
{
	if (why != -(int)FLY_COUNT_drop_segments && fly_arp_frame(p, link, m))
		return;
	drop(p, m, (enum fly_counter) - why);
}

/* Turn a call around into a packet without payload; the caller fills in what it says. */
static uint8_t *turn_around(const struct fly_link *link, struct rte_mbuf *m)
{
	uint8_t *frame = fly_packet_frame(m);

	fly_wire_swap(frame, link->mac);
	fly_wire_set_lengths(frame, 0);
	fly_packet_set_bytes(m, FLY_PAYLOAD);
	m->ol_flags = 0;
	return frame + FLY_RPC;
}

static enum fly_counter reject_counter(enum fly_status status)
{
	switch (status) {
	case FLY_ESTALE:
		return FLY_COUNT_reject_stale;
	case FLY_EVERSION:
		return FLY_COUNT_reject_version;
	case FLY_EFORGOTTEN:
		return FLY_COUNT_reject_forgotten;
	default:
		return FLY_COUNT_reject_full;
	}
}

void fly_slow_reject(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     const struct fly_header *h, enum fly_status status)
{
	fly_stats_add(&p->stats, reject_counter(status), 1);
	if (p->reject_budget == 0) {
		drop(p, m, FLY_COUNT_reject_limited);
		return;
	}
	p->reject_budget--;

	uint8_t *rpc = turn_around(link, m);
	const struct fly_header answer = {
		.type = FLY_PACKET_REJECT,
		.procedure = (uint16_t)status,
		.export_id = h->export_id,
		.activity = h->activity,
		.seq = h->seq,
		.fragments = 1,
		.hint = p->now_ms, /* how long we have been up */
	};

	fly_wire_encode(rpc, &answer);
	fly_link_send(link, m);
}

/*
 * Does a packet answer the call that its entry waits for, from where that call went?
 * Return: 0, or the counter that says why not, negated.
 */
static int mismatch(const struct fly_call_entry *e, const struct rte_mbuf *m,
		    const struct fly_header *h)
{
	const uint8_t *frame = fly_packet_frame(m);

	if (!e || e->activity != h->activity)
		return -(int)FLY_COUNT_drop_activity;
	if (fly_load_raw32(frame + FLY_IP_SOURCE) != fly_entry_peer(e)->ip ||
	    fly_load_raw16(frame + FLY_UDP_SOURCE) != fly_entry_peer(e)->port)
		return -(int)FLY_COUNT_drop_wrong_peer;
	if (e->seq != h->seq || e->state != FLY_CALL_WAITING)
		return -(int)FLY_COUNT_drop_sequence;
	return 0;
}

void fly_slow_result(struct fly_poller *p, const struct fly_link *link, struct rte_mbuf *m,
		     const struct fly_header *h)
{
	const int why = mismatch(fly_call_table_find(&p->calls, h->activity), m, h);

	(void)link;
	drop(p, m, why ? (enum fly_counter) - why : FLY_COUNT_drop_fragments);
}

static void on_reject(struct fly_poller *p, struct rte_mbuf *m, const struct fly_header *h)
{
	struct fly_call_entry *e = fly_call_table_find(&p->calls, h->activity);
	const int why = mismatch(e, m, h);
	int status = -(int)h->procedure;

	if (why) {
		drop(p, m, (enum fly_counter) - why);
		return;
	}
	switch (h->procedure) {
	case FLY_ESTALE:
		/*
		 * The exporter was started before our call was: then this call cannot have gone to
		 * the one before it. Otherwise it may have, and may have run there.
		 * Nor is that said of a call that was sent twice: the earlier copy may have run, and
		 * our clock, which stands still while nobody turns us, is no proof that it did not.
		 */
		if (e->resends || h->hint <= p->now_ms - fly_call_started_ms(e))
			status = -FLY_ESTALE_MAYBE;
		break;
	case FLY_EVERSION:
	case FLY_EBUSY:
	case FLY_EFORGOTTEN:
		break;
	default:
		drop(p, m, FLY_COUNT_drop_type);
		return;
	}
	/* A call that was sent more than once may have run by an earlier copy. */
	if (e->resends && h->procedure == FLY_EBUSY)
		status = -FLY_EFORGOTTEN;
	fly_caller_fail(p, e, status);
	fly_packet_put(&p->cache, m);
}

void fly_slow_packet(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     const struct fly_header *h, int why)
{
	/* Calls and refusals look the same in every version: docs/protocol.md, "Versions". */
	if (h->type == FLY_PACKET_REJECT && (why == 0 || why == -(int)FLY_COUNT_drop_version))
		on_reject(p, m, h);
	else if (h->type == FLY_PACKET_CALL && why == -(int)FLY_COUNT_drop_version)
		fly_slow_reject(p, link, m, h, FLY_EVERSION);
	else
		drop(p, m, (enum fly_counter) - why);
}

struct fly_conversation *fly_slow_conversation(struct fly_poller *p, struct fly_link *link,
					       struct rte_mbuf *m, const struct fly_header *h)
{
	struct fly_conversation *c;

	if (h->activity == 0) {
		drop(p, m, FLY_COUNT_drop_activity);
		return NULL;
	}
	c = fly_conversation_find(&p->conversations, h->activity);
	if (c) {
		fly_stats_add(&p->stats, FLY_COUNT_hint_misses, 1);
		return c;
	}
	if (h->age + FLY_PACKET_LIFE_MS >= FLY_RECORD_KEEP_MS) {
		fly_slow_reject(p, link, m, h, FLY_EFORGOTTEN);
		return NULL;
	}
	c = fly_conversation_open(p, link, fly_packet_frame(m), h);
	if (!c)
		fly_slow_reject(p, link, m, h, FLY_EBUSY);
	return c;
}

void fly_slow_repeat(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     struct fly_conversation *c, enum fly_accept accept)
{
	if (accept != FLY_RESEND) {
		drop(p, m, FLY_COUNT_drop_old_call);
		return;
	}
	fly_stats_add(&p->stats, FLY_COUNT_resent_results, 1);
	if (c->result) {
		/* The same bytes again; a driver that still holds them only reads. */
		rte_mbuf_refcnt_update(c->result, 1);
		fly_link_send(link, c->result);
		fly_packet_put(&p->cache, m);
		return;
	}

	uint8_t *frame = turn_around(link, m) - FLY_RPC;
	uint8_t *rpc = frame + FLY_RPC;

	fly_packet_expose(m, FLY_PAYLOAD + (uint32_t)c->result_bytes);
	fly_packet_set_bytes(m, FLY_PAYLOAD + (uint32_t)c->result_bytes);
	fly_wire_set_lengths(frame, c->result_bytes);
	rpc[0] = FLY_WIRE_VERSION << 4 | FLY_PACKET_RESULT;
	rpc[1] = FLY_FLAG_RESENT;
	fly_put_u16(rpc + 2, (uint16_t)-c->result_status);
	fly_put_u32(rpc + 24, (uint32_t)(c - p->conversations.records));
	fly_put_u16(rpc + 28, c->result_bytes);
	fly_put_u16(rpc + 30, c->executions);
	memcpy(frame + FLY_PAYLOAD, c->kept, c->result_bytes);
	fly_link_send(link, m);
}

void fly_slow_no_room(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		      struct fly_conversation *c, const struct fly_header *h)
{
	/* "Refused" means "not executed": that may be said of a call that is new, and of no copy.
	 */
	if (fly_seq_after(h->seq, c->seq))
		fly_slow_reject(p, link, m, h, FLY_EBUSY);
	else
		fly_slow_repeat(p, link, m, c, fly_conversation_accept(c, h->seq));
}

int fly_slow_start(struct fly_binding *binding, uint32_t argument_bytes)
{
	struct fly_import *import = fly_import_of(binding);
	struct fly_poller *p = import->poller;
	struct fly_call_entry *e;
	uint32_t first_seq;

	if (p->turning)
		return -FLY_ECONFLICT; /* a procedure on this poller must not wait for this poller
					*/
	if (argument_bytes > import->argument_max)
		return -FLY_ETOOBIG;
	if (!import->link->up)
		return -FLY_ELINK;
	if (import->idle != FLY_NO_ENTRY)
		return 0;
	first_seq = fly_import_random32();
	e = fly_call_table_bind(&p->calls, binding, import->activity, first_seq);
	if (!e)
		return -FLY_ECALLS;
	import->idle = fly_call_table_index(&p->calls, e);
	return 0;
}
