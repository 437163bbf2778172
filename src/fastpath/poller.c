/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * poller.c - the body of the poll loop.
 *
 * fly_poller_turn() is called by the thread that turns the poller: fly_turn(), fly_serve(), or a
 * waiting caller. Reads no clock.
 */
#include "base/unwind.h"
#include "fastpath/demux.h"

_Thread_local bool fly_poller_is_deepest;

void fly_poller_forked(void)
{
	fly_poller_is_deepest = false;
}

/*
 * An empty queue is polled again at once, so many times, before the turn polls anything else: a
 * packet that comes meanwhile is seen sooner. docs/performance.md, "Window 1".
 */
#define POLLS 4

/*
 * Prefetching records
 *
 * A server with a hundred thousand callers finds no record in its caches. When several packets came
 * at once, a first pass prefetches the record that each call's hint names: all are on their way
 * when the second pass handles the first packet. Calls without a hint are looked up together for
 * the same reason, and get one.
 *
 * The pass costs some 12 instructions a packet. It is left out for few packets, and while there are
 * so few records that they stay in the cache. docs/performance.md, "Many callers".
 */
#define AHEAD_PACKETS 4
#define AHEAD_KNOWN   1024

static __rte_noinline void look_ahead(struct fly_poller *p, const struct fly_link *link,
				      struct rte_mbuf *const *packets, unsigned n)
{
	const struct fly_conversation_table *t = &p->conversations;
	struct rte_mbuf *unhinted[FLY_BURST];
	unsigned n_unhinted = 0;

	for (unsigned i = 0; i < n; i++) {
		const uint8_t *rpc = fly_packet_frame(packets[i]) + FLY_RPC;
		uint32_t hint;

		/* Version, type and flags in one comparison: with other flags it is no hint. */
		if (packets[i]->data_len < FLY_PAYLOAD ||
		    (fly_get_u16(rpc) & ~((uint32_t)FLY_FLAG_RESENT << 8)) !=
			    (FLY_WIRE_VERSION << 4 | FLY_PACKET_CALL))
			continue;
		hint = fly_get_u32(rpc + 24);
		if (likely(hint < t->n))
			__builtin_prefetch(&t->records[hint], 1);
		else if (hint == FLY_HINT_NONE &&
			 fly_load_raw16(fly_packet_frame(packets[i]) + FLY_UDP_CHECKSUM) == 0)
			unhinted[n_unhinted++] = packets[i];
	}
	/* Only without checksums, which are over the packet as it came; some peers send them. */
	if (n_unhinted && link->checksum == FLY_CHECKSUM_NONE)
		fly_slow_hint(p, unhinted, n_unhinted);
}

/* Is this the only packet of its message? */
static inline bool is_whole(const struct rte_mbuf *m)
{
	return m->data_len >= FLY_PAYLOAD && fly_get_u16(fly_packet_frame(m) + FLY_RPC + 22) == 1;
}

/*
 * While messages of several packets are being received most packets are their next fragments. Those
 * of small calls and results go first, and are answered before the others are copied. The next
 * fragment is fetched while this one is copied. docs/performance.md, "Fragments".
 */
static __rte_noinline void take_fragments(struct fly_poller *p, struct fly_link *link,
					  struct rte_mbuf *const *packets, unsigned n)
{
	struct rte_mbuf *fragments[FLY_BURST];
	unsigned n_fragments = 0;

	for (unsigned i = 0; i < n; i++) {
		if (is_whole(packets[i]))
			fly_demux(p, link, packets[i]);
		else
			fragments[n_fragments++] = packets[i];
	}
	if (n_fragments != n)
		fly_link_flush(link);
	for (unsigned i = 0; i < n_fragments; i++) {
		struct rte_mbuf *m = fragments[i];

		if (i + 1 < n_fragments) {
			const uint8_t *next = fly_packet_frame(fragments[i + 1]);
			const uint32_t bytes = fragments[i + 1]->data_len;

			for (uint32_t at = 0; at < bytes; at += RTE_CACHE_LINE_SIZE)
				rte_prefetch0(next + at);
		}
		fly_packet_fence(m);
		if (!fly_slow_next_fragment(p, link, m))
			fly_demux(p, link, m);
	}
}

/* First send what was queued since the last turn: results may come in this turn already. */
static __rte_always_inline unsigned turn_link(struct fly_poller *p, struct fly_link *link)
{
	struct rte_mbuf *packets[FLY_BURST];
	unsigned n;

	fly_link_flush(link);
	for (unsigned polls = 0; (n = link->rx_burst(link, packets, FLY_BURST)) == 0;) {
		if (++polls == POLLS)
			return 0;
	}
	if (n >= AHEAD_PACKETS && p->conversations.n - p->conversations.n_free > AHEAD_KNOWN)
		look_ahead(p, link, packets, n);
	if (unlikely(p->gathers)) {
		take_fragments(p, link, packets, n);
	} else {
		for (unsigned i = 0; i < n; i++)
			fly_demux_plain(p, link, packets[i]);
	}
	fly_link_flush(link);
	return n;
}

unsigned fly_poller_handoffs_within(struct fly_poller *p)
{
	const uint16_t nested = p->nested;
	unsigned n = 0;

	p->nested = 0; /* other threads' calls are not nested */
	if (p->n_sources)
		n = fly_handoff_turn(p, &p->handoffs);
	if (atomic_load_explicit(&p->attention, memory_order_relaxed))
		fly_slow_requests(p);
	p->nested = nested;
	return n;
}

/*
 * A procedure that waits for a call of its own turns its poller within the turn. The state of the
 * running call is saved and restored. There is no quiescence point: packets are under way. With
 * FLY_NESTED_MAX waiting procedures no further call begins.
 */
static __rte_noinline unsigned turn_within(struct fly_poller *p)
{
	const struct fly_running outer = p->running;
	unsigned received = 0;
	bool was_deepest;

	FLY_STOPS_UNWINDING();
	if (unlikely(p->nested >= FLY_NESTED_MAX)) {
		fly_slow_turn_parking(p, p->now_tsc);
		return 0;
	}
	p->running = fly_running_nothing;
	was_deepest = fly_poller_deeper(p);
	for (uint32_t i = 0; i < p->n_links; i++)
		received += turn_link(p, p->links[i]);
	fly_stats_add(&p->stats, FLY_COUNT_rx_packets, received);
	if (p->n_sources)
		received += fly_slow_local_turn(p);
	fly_poller_back(p, was_deepest);
	received += fly_poller_handoffs_within(p);
	p->running = outer;
	if (p->now_tsc >= p->sweep_at_tsc)
		fly_slow_sweep(p);
	return received;
}

unsigned fly_poller_handoffs_first(struct fly_poller *p)
{
	const bool was_turning = p->turning;
	unsigned n;

	p->turning = true;
	n = fly_handoff_turn(p, &p->handoffs);
	p->turning = was_turning;
	return n;
}

unsigned fly_poller_turn(struct fly_poller *p, uint64_t now_tsc)
{
	unsigned received = 0;

	FLY_STOPS_UNWINDING();
	p->now_tsc = now_tsc;
	if (unlikely(p->turning))
		return turn_within(p);
	p->turning = true;
	for (uint32_t i = 0; i < p->n_links; i++)
		received += turn_link(p, p->links[i]);
	if (received)
		fly_stats_add(&p->stats, FLY_COUNT_rx_packets, received);
	if (unlikely(p->n_sources != 0)) {
		received += fly_handoff_turn(p, &p->handoffs);
		received += fly_slow_local_turn(p);
	}
	p->turning = false;
	if (unlikely(now_tsc >= p->sweep_at_tsc))
		fly_slow_sweep(p);
	if (unlikely(atomic_load_explicit(&p->attention, memory_order_relaxed)))
		fly_slow_attention(p);
	return received;
}
