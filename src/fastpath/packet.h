/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * packet.h - packet buffers: a poller's own stack of free ones in front of the pool.
 *
 * A packet buffer is a DPDK mbuf. Only the poller that owns the cache calls these. The stack hands
 * out the buffer that was freed last, which is warm, without a look-up of the mempool's cache in
 * thread-local storage.
 *
 * A packet with a reference count above 1 is never written: a driver may be reading it. A packet
 * that was passed to fly_packet_put() or to a link is no longer the caller's.
 *
 * Under AddressSanitizer a free packet's data room is poisoned, and the tail behind the data of a
 * received packet. Drivers and the pool only get unpoisoned buffers.
 */
#ifndef FLY_PACKET_H
#define FLY_PACKET_H

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include <sanitizer/asan_interface.h>

#include "fastpath/wire.h"

#define FLY_PACKET_CACHE  256 /* buffers in a poller's stack at most */
#define FLY_PACKET_REFILL 32  /* moved between stack and pool at a time */

struct fly_packet_cache {
	struct rte_mempool *pool; /* not owned; NULL: local links only, there are no packets */
	unsigned n;               /* free buffers in stack */
	unsigned most; /* limit of n, at most FLY_PACKET_CACHE: drivers need buffers, too */
	struct rte_mbuf *stack[FLY_PACKET_CACHE];
};

/* fly_packet_refill() - move buffers from the pool to the empty stack. Return: how many. */
unsigned fly_packet_refill(struct fly_packet_cache *cache);

/* fly_packet_spill() - give the older half of a full stack back to the pool. */
void fly_packet_spill(struct fly_packet_cache *cache);

/* fly_packet_put_any() - free a packet of any kind: shared, chained, or of another pool. */
void fly_packet_put_any(struct rte_mbuf *m);

/* fly_packet_drain() - give all buffers back to the pool, before the poller ends. */
void fly_packet_drain(struct fly_packet_cache *cache);

static inline uint8_t *fly_packet_frame(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, uint8_t *);
}

/* fly_packet_expose() - unpoison @bytes from the frame's start. */
static inline void fly_packet_expose(struct rte_mbuf *m, uint32_t bytes)
{
	ASAN_UNPOISON_MEMORY_REGION(fly_packet_frame(m), bytes);
}

/* fly_packet_expose_all() - unpoison the buffer, before the packet goes to a driver. */
static inline void fly_packet_expose_all(struct rte_mbuf *m)
{
	ASAN_UNPOISON_MEMORY_REGION(m->buf_addr, m->buf_len);
}

/* fly_packet_fence() - poison the buffer behind the data of a received packet. */
static inline void fly_packet_fence(struct rte_mbuf *m)
{
	ASAN_POISON_MEMORY_REGION(fly_packet_frame(m) + m->data_len,
				  (size_t)m->buf_len - m->data_off - m->data_len);
}

/* Bytes from the frame's start to the end of the buffer. */
static inline uint32_t fly_packet_room(const struct rte_mbuf *m)
{
	return (uint32_t)m->buf_len - m->data_off;
}

static inline void fly_packet_set_bytes(struct rte_mbuf *m, uint32_t bytes)
{
	m->data_len = (uint16_t)bytes;
	m->pkt_len = bytes;
}

/* fly_packet_take() - fly_packet_get() from a stack that is known not to be empty. */
static inline struct rte_mbuf *fly_packet_take(struct fly_packet_cache *cache, uint32_t bytes)
{
	struct rte_mbuf *m = cache->stack[--cache->n];

	m->data_off = RTE_PKTMBUF_HEADROOM;
	m->ol_flags = 0;
	fly_packet_set_bytes(m, bytes);
	fly_packet_expose(m, bytes);
	return m;
}

/*
 * fly_packet_get() - a free buffer, @bytes long, contents undefined.
 * Return: owned by the caller; NULL: the pool is empty.
 */
static inline struct rte_mbuf *fly_packet_get(struct fly_packet_cache *cache, uint32_t bytes)
{
	if (unlikely(cache->n == 0) && fly_packet_refill(cache) == 0)
		return NULL;
	return fly_packet_take(cache, bytes);
}

/* fly_packet_is_plain() - one segment, one reference, its own buffer. */
static inline bool fly_packet_is_plain(const struct rte_mbuf *m)
{
	static_assert(offsetof(struct rte_mbuf, nb_segs) == offsetof(struct rte_mbuf, refcnt) + 2,
		      "both are compared at once");
	return fly_load_raw32((const uint8_t *)&m->refcnt) == (1U | 1U << 16) && RTE_MBUF_DIRECT(m);
}

/*
 * fly_packet_join() - bring a packet that came in several buffers into its first one, if it fits.
 * Only what cards put there: what a process shares with us may change while it is copied.
 */
static inline void fly_packet_join(struct rte_mbuf *m)
{
	if (m->nb_segs > 1 && rte_mbuf_refcnt_read(m) == 1)
		(void)rte_pktmbuf_linearize(
			m); /* else it is no plain packet, and is dropped as that */
}

/*
 * fly_packet_put() - free a packet. Of a shared packet only our reference goes. The other one is a
 * driver's, which runs on this thread only: a plain store gives ours up.
 */
static inline void fly_packet_put(struct fly_packet_cache *cache, struct rte_mbuf *m)
{
	if (unlikely(!fly_packet_is_plain(m))) {
		if (fly_load_raw32((const uint8_t *)&m->refcnt) == (2U | 1U << 16))
			rte_mbuf_refcnt_set(m, 1);
		else
			fly_packet_put_any(m);
		return;
	}
	ASAN_POISON_MEMORY_REGION(m->buf_addr, m->buf_len);
	if (unlikely(cache->n >= cache->most))
		fly_packet_spill(cache);
	cache->stack[cache->n++] = m;
}

/*
 * fly_packet_share() - take a second reference, to send the packet again: before it goes to a
 * driver. The packet has one reference.
 */
static inline void fly_packet_share(struct rte_mbuf *m)
{
	rte_mbuf_refcnt_set(m, 2); /* plain store: nobody else has it yet */
}

#endif
