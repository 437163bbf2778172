/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_shared.c - one port under several pollers: which poller a packet is for, and its way there.
 *
 * Poller i of a process listens on the first poller's UDP port plus i. If the device has a pair of
 * queues for each poller, a poller sends and receives by itself, and passes on packets that came to
 * the wrong queue: the device's steering only matters for speed. If there is one pair of queues,
 * the first poller receives and sends for all.
 *
 * Runs on the pollers' threads. A packet in a ring belongs to the poller that takes it out, and has
 * one reference: fly_packet_put() relies on a driver's reference being on the same thread.
 */
/* The same ring, in C11 atomics: ThreadSanitizer can follow its order. */
#undef RTE_USE_C11_MEM_MODEL
#define RTE_USE_C11_MEM_MODEL 1
#include "fastpath/link_shared.h"

#include <stdlib.h>

#include <rte_arp.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_ring.h>

#include "fastpath/handoff.h"
#include "fastpath/slow.h"

#define ARP_REPLY_BYTES (sizeof(struct rte_ether_hdr) + sizeof(struct rte_arp_hdr))

/* ---- between pollers ---- */

/* Each poller asks by its own link: every poller gets every answer. */
static bool is_arp_reply(const struct rte_mbuf *m)
{
	const uint8_t *frame = fly_packet_frame(m);
	const struct rte_arp_hdr *arp = (const void *)(frame + sizeof(struct rte_ether_hdr));

	return m->data_len >= ARP_REPLY_BYTES && m->nb_segs == 1 &&
	       fly_get_be16(frame + FLY_ETHER_TYPE) == RTE_ETHER_TYPE_ARP &&
	       arp->arp_opcode == rte_cpu_to_be_16(RTE_ARP_OP_REPLY);
}

/* Return: the poller a packet is for; @self if that is unclear: @self counts what is wrong. */
static unsigned whose(const struct fly_shared *s, const struct rte_mbuf *m, unsigned self)
{
	const uint8_t *frame = fly_packet_frame(m);
	uint16_t at;

	if (m->data_len < FLY_RPC || fly_get_be16(frame + FLY_ETHER_TYPE) != RTE_ETHER_TYPE_IPV4 ||
	    frame[FLY_IP_PROTOCOL] != 17)
		return self;
	at = (uint16_t)(fly_get_be16(frame + FLY_UDP_DESTINATION) - s->udp_port);
	return at < s->n ? at : self;
}

/*
 * Wake a poller that has packets in its ring. Only a hint: a poller that falls asleep at this
 * moment finds them when its sleep ends, as it would find packets in a queue of its own.
 */
static void wake(const struct fly_shared *s, unsigned at)
{
	const struct fly_handoff_queue *queue = s->queues[at];

	if (queue && unlikely(atomic_load_explicit(&queue->asleep, memory_order_relaxed)))
		fly_slow_wake_poller(queue->wake_fd);
}

static void pass_on(struct fly_link *link, unsigned to, struct rte_mbuf *m)
{
	if (likely(rte_ring_enqueue(link->shared->in[to], m) == 0)) {
		fly_stats_add(link->stats, FLY_COUNT_passed_on, 1);
		wake(link->shared, to);
		return;
	}
	fly_stats_add(link->stats, FLY_COUNT_drop_ring_full, 1);
	fly_packet_put(link->cache, m);
}

/* A copy of a whole packet of one segment. Return: NULL: there is no packet for it. */
static struct rte_mbuf *copy(struct fly_link *link, const struct rte_mbuf *m)
{
	struct rte_mbuf *other = fly_packet_get(link->cache, m->data_len);

	if (unlikely(!other))
		return NULL;
	memcpy(fly_packet_frame(other), fly_packet_frame(m), m->data_len);
	other->ol_flags = m->ol_flags & ~(RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL);
	other->tx_offload = m->tx_offload; /* for a NIC that computes the checksum */
	fly_packet_expose_all(other);
	return other;
}

static void tell_all(struct fly_link *link, const struct rte_mbuf *m)
{
	for (unsigned i = 0; i < link->shared->n; i++) {
		struct rte_mbuf *other = i == link->sharer ? NULL : copy(link, m);

		if (other)
			pass_on(link, i, other);
	}
}

/* ---- receiving ---- */

/* Pass on packets for other pollers. Return: how many are left, at the front. */
static uint16_t keep_ours(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = packets[i];
		const unsigned to = whose(link->shared, m, link->sharer);

		if (to != link->sharer) {
			pass_on(link, to, m);
			continue;
		}
		if (unlikely(is_arp_reply(m)))
			tell_all(link, m);
		packets[kept++] = m;
	}
	return kept;
}

static uint16_t take_ours(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	return (uint16_t)rte_ring_sc_dequeue_burst(link->shared->in[link->sharer], (void **)packets,
						   n, NULL);
}

/* The first poller, with the only pair of queues: send what the others have, receive for all. */
static uint16_t rx_for_all(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct fly_shared *s = link->shared;
	uint16_t kept;

	if (s->n_leaving == 0)
		s->n_leaving = (uint16_t)rte_ring_sc_dequeue_burst(s->out, (void **)s->leaving,
								   FLY_BURST, NULL);
	if (s->n_leaving) {
		const uint16_t sent = s->tx(link, s->leaving, s->n_leaving);

		s->n_leaving = (uint16_t)(s->n_leaving - sent);
		memmove(s->leaving, s->leaving + sent, s->n_leaving * sizeof s->leaving[0]);
	}
	kept = keep_ours(link, packets, s->rx(link, packets, n));
	return kept; /* nobody else receives: our own ring is empty */
}

/* A poller with its own pair of queues. */
static uint16_t rx_own(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	const uint16_t kept =
		keep_ours(link, packets, rte_eth_rx_burst(link->port, link->sharer, packets, n));

	return (uint16_t)(kept + take_ours(link, packets + kept, (uint16_t)(n - kept)));
}

/* ---- sending ---- */

static uint16_t tx_own(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	return rte_eth_tx_burst(link->port, link->sharer, packets, n);
}

/* A packet that is retained is copied: the driver drops its reference on another thread. */
static uint16_t tx_by_first(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	uint16_t ready = 0;

	for (; ready < n; ready++) {
		struct rte_mbuf *m = packets[ready];

		if (likely(rte_mbuf_refcnt_read(m) == 1))
			continue;
		packets[ready] = copy(link, m);
		if (unlikely(!packets[ready])) {
			packets[ready] = m;
			break;
		}
		fly_packet_put(link->cache, m);
	}
	ready = (uint16_t)rte_ring_mp_enqueue_burst(link->shared->out, (void *const *)packets,
						    ready, NULL);
	if (ready)
		wake(link->shared, 0);
	return ready;
}

/* ---- joining, loss of the peer, ending ---- */

static unsigned drop(struct rte_ring *ring)
{
	struct rte_mbuf *m;
	unsigned n = 0;

	for (; ring && rte_ring_sc_dequeue(ring, (void **)&m) == 0; n++)
		fly_packet_put_any(m);
	return n;
}

static unsigned drop_leaving(struct fly_shared *s)
{
	const unsigned n = s->n_leaving;

	while (s->n_leaving)
		fly_packet_put_any(s->leaving[--s->n_leaving]);
	return n + drop(s->out);
}

void fly_shared_lost(struct fly_link *link)
{
	unsigned n = drop(link->shared->in[link->sharer]);

	if (link->sharer == 0)
		n += drop_leaving(link->shared);
	fly_stats_add(link->stats, FLY_COUNT_drop_link_down, n);
}

void fly_shared_drain(struct fly_shared *s)
{
	for (unsigned i = 0; i < s->n; i++)
		drop(s->in[i]);
	drop_leaving(s);
}

struct fly_shared *fly_shared_new(unsigned n, uint16_t udp_port, const char *name, int socket)
{
	struct fly_shared *s = calloc(1, sizeof *s);
	char ring[RTE_RING_NAMESIZE];
	bool has_all;

	if (!s)
		return NULL;
	s->n = n;
	s->udp_port = udp_port;
	snprintf(ring, sizeof ring, "%.20s.o", name);
	s->out = rte_ring_create(ring, FLY_SHARED_RING, socket, RING_F_SC_DEQ);
	has_all = s->out != NULL;
	for (unsigned i = 0; i < n; i++) {
		snprintf(ring, sizeof ring, "%.20s.%u", name, i);
		s->in[i] = rte_ring_create(ring, FLY_SHARED_RING, socket, RING_F_SC_DEQ);
		has_all &= s->in[i] != NULL;
	}
	if (has_all)
		return s;
	fly_shared_free(s);
	return NULL;
}

void fly_shared_free(struct fly_shared *s)
{
	if (!s)
		return;
	fly_shared_drain(s);
	for (unsigned i = 0; i < s->n; i++)
		rte_ring_free(s->in[i]);
	rte_ring_free(s->out);
	free(s);
}

void fly_shared_join(struct fly_shared *s, struct fly_link *link, unsigned at, unsigned n_queues)
{
	s->n_queues = n_queues;
	if (at == 0) {
		s->rx = link->rx_burst;
		s->tx = link->tx_burst;
	}
	link->shared = s;
	link->sharer = (uint8_t)at;
	if (n_queues > 1) {
		link->rx_burst = rx_own;
		link->tx_burst = tx_own;
	} else {
		link->rx_burst = at ? take_ours : rx_for_all;
		link->tx_burst = at ? tx_by_first : s->tx;
	}
}
