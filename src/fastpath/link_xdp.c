/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_xdp.c - see link_xdp.h. Called by the poller through struct fly_link. src/host/port.c opens
 * the port, src/host/xdp.c the ring.
 *
 * The kernel writes into memory that was registered with the driver's sockets, whose frames are a
 * page each; those that it has when the port is closed do not come back. So each queue has a pool
 * of its own (host/xdp_pool.c), and a packet is copied from it. The driver copies what is sent, for
 * the same reason.
 */
#include "fastpath/link_xdp.h"

#include <linux/bpf.h>
#include <rte_ethdev.h>

/* ---- copies of ARP frames ---- */

bool fly_xdp_has_arp(const struct fly_xdp_ring *ring)
{
	/* Acquire: what the kernel has written in front of it; pairs with its release. */
	return ring->data && atomic_load_explicit(ring->produced, memory_order_acquire) !=
				     atomic_load_explicit(ring->consumed, memory_order_relaxed);
}

bool fly_xdp_take_arp(struct fly_xdp_ring *ring, uint8_t *to)
{
	while (fly_xdp_has_arp(ring)) {
		const unsigned long at = atomic_load_explicit(ring->consumed, memory_order_relaxed);
		const uint8_t *record = ring->data + (at & ring->mask);
		/* Acquire: the frame is complete when its record is not busy any more. */
		const uint32_t head =
			atomic_load_explicit((const _Atomic uint32_t *)(const void *)record,
					     memory_order_acquire);
		const uint32_t bytes = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		const bool is_frame = !(head & BPF_RINGBUF_DISCARD_BIT) && bytes == FLY_XDP_ARP;

		if (head & BPF_RINGBUF_BUSY_BIT)
			return false;
		if (is_frame)
			memcpy(to, record + BPF_RINGBUF_HDR_SZ, FLY_XDP_ARP);
		/* Release: the kernel may write there when we have read it. */
		atomic_store_explicit(ring->consumed,
				      at + RTE_ALIGN(bytes + BPF_RINGBUF_HDR_SZ, 8U),
				      memory_order_release);
		if (is_frame)
			return true;
	}
	return false;
}

/* ---- bursts ---- */

/* Return: NULL: there is no packet, or the frame is longer than our MTU. */
static struct rte_mbuf *copy(struct fly_link *link, const void *frame, uint32_t bytes)
{
	struct rte_mbuf *m = fly_packet_get(link->cache, 0);

	if (!m)
		return NULL;
	if (bytes > fly_packet_room(m)) {
		fly_packet_put(link->cache, m);
		return NULL;
	}
	fly_packet_set_bytes(m, bytes);
	fly_packet_expose(m, bytes);
	memcpy(fly_packet_frame(m), frame, bytes);
	return m;
}

static uint16_t take_queue(struct fly_link *link, uint8_t queue, struct rte_mbuf **packets,
			   uint16_t n)
{
	struct rte_mbuf *frames[FLY_BURST];
	uint16_t kept = 0;

	n = rte_eth_rx_burst(link->port, queue, frames, n < FLY_BURST ? n : FLY_BURST);
	for (uint16_t i = 0; i < n; i++) {
		packets[kept] =
			copy(link, rte_pktmbuf_mtod(frames[i], void *), frames[i]->data_len);
		kept = (uint16_t)(kept + (packets[kept] != NULL));
	}
	rte_pktmbuf_free_bulk(frames, n);
	return kept;
}

static uint16_t take_ring(struct fly_link *link, struct fly_xdp_ring *ring,
			  struct rte_mbuf **packets, uint16_t n)
{
	uint8_t frame[FLY_XDP_ARP];
	uint16_t got = 0;

	while (got < n && fly_xdp_take_arp(ring, frame)) {
		packets[got] = copy(link, frame, sizeof frame);
		if (!packets[got])
			break;
		got++;
	}
	return got;
}

static uint16_t xdp_rx_burst(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct fly_xdp_frames *f = link->xdp;
	uint16_t got = 0;

	if (unlikely(fly_xdp_has_arp(&f->ring)))
		got = take_ring(link, &f->ring, packets, n);
	for (unsigned i = 0; i < f->n_queues && got < n; i++) {
		got = (uint16_t)(got +
				 take_queue(link, f->next, packets + got, (uint16_t)(n - got)));
		f->next = (uint8_t)(f->next + 1 < f->n_queues ? f->next + 1 : 0);
	}
	return got;
}

void fly_link_xdp(struct fly_link *link, struct fly_xdp_frames *frames)
{
	link->xdp = frames;
	link->rx_burst = xdp_rx_burst;
}
