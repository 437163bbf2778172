/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * receiver.h - a result packet finds the call that waits for it.
 *
 * Owns the transition WAITING -> DONE of a call-table entry. Runs on the poller's thread; inlined
 * into the poll loop, for the reason given in server.h.
 */
#ifndef FLY_RECEIVER_H
#define FLY_RECEIVER_H

#include <rte_prefetch.h>

#include "fastpath/binding.h"
#include "fastpath/slow.h"

/* What a result's status field may say; anything else is a peer's mistake, and the call did run. */
static inline int fly_receive_status(uint16_t wire)
{
	if (likely(wire == FLY_OK))
		return 0;
	switch (wire) {
	case FLY_EEXCEPTION:
	case FLY_ERAISED:
	case FLY_EMALFORMED:
	case FLY_ENOMEM:
	case FLY_ENOPROC:
		return -(int)wire;
	default:
		return -FLY_ERESULT;
	}
}

/*
 * fly_receive_plain() - give a result to the call that waits for it.
 * @m: a whole result packet of one fragment.
 * Return: true: the packet is taken; false: nobody waits for it, and nothing has changed.
 */
static __rte_always_inline bool fly_receive_plain(struct fly_poller *p, const struct fly_link *link,
						  struct rte_mbuf *m)
{
	uint8_t *frame = fly_packet_frame(m);
	const uint8_t *rpc = frame + FLY_RPC;
	const uint64_t activity = fly_get_u64(rpc + 8);
	struct fly_call_entry *e = fly_call_table_find(&p->calls, activity);

	if (unlikely(!e || e->activity != activity || e->seq != fly_get_u32(rpc + 16) ||
		     e->state != FLY_CALL_WAITING ||
		     fly_load_raw32(frame + FLY_IP_SOURCE) != fly_entry_peer(e)->ip ||
		     fly_load_raw16(frame + FLY_UDP_SOURCE) != fly_entry_peer(e)->port))
		return false;
	/* ---- committed: nothing below can fail ---- */
	if (link->zero_copy) {
		/* What the far end's core wrote is on its way while the caller wakes up: MaxResult
		 * at window 1, cores far apart, 1.08x instead of 1.17x. */
		for (uint32_t at = RTE_CACHE_LINE_SIZE; at < m->data_len; at += RTE_CACHE_LINE_SIZE)
			rte_prefetch0(frame + at);
	}
	if (unlikely(e->packet != NULL))
		fly_packet_put(&p->cache, e->packet);
	e->packet = m;
	e->hint = fly_get_u32(rpc + 24);
	e->head.payload = frame + FLY_PAYLOAD;
	e->head.length = fly_get_u16(rpc + 28);
	e->status = (int16_t)fly_receive_status(fly_get_u16(rpc + 2));
	e->state = FLY_CALL_DONE;
	fly_stats_add(&p->stats, FLY_COUNT_calls_returned, 1);
	return true;
}

#endif
