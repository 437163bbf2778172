/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor.c - the bare-frame floors: rx_burst, tx_burst and nothing else.
 *
 * Owns the frames of one block, from the runtime's own pool, and gives them all back. Called by the
 * runs and by stage/server.c between blocks of calls, on the thread that owns the runtime. As
 * floor_calls.c it looks behind the public interface: it takes the port and the pool of the
 * runtime's first link and touches nothing else of it.
 *
 * Whoever sends a frame with a payload writes all of it each time, as a procedure or a caller does,
 * and whoever receives one that goes one way reads all of it once.
 */
#include "floor.h"

#include <rte_ether.h>

#include "bytes.h"
#include "floor_frames.h"

#define OWN_ETHER_TYPE 0x88b5 /* IEEE: for local experiments; nobody answers it */

/* Make a frame of whatever size one of another. All are one segment: buffers hold any of them. */
static inline void shape(struct rte_mbuf *m, uint16_t bytes)
{
	m->data_len = bytes;
	m->pkt_len = bytes;
	m->ol_flags = 0;
	if (bytes > FLOOR_HEADERS)
		memset(rte_pktmbuf_mtod_offset(m, void *, FLOOR_HEADERS), 'F',
		       (size_t)(bytes - FLOOR_HEADERS));
}

/* A new frame. */
static inline void write_frame(struct rte_mbuf *m, uint16_t bytes)
{
	/* Any address does between two ends of one link; these are "locally administered". */
	static const struct rte_ether_hdr header = {
		.dst_addr.addr_bytes = {0x02, 'f', 'l', 'o', 'o', 'r'},
		.src_addr.addr_bytes = {0x02, 'F', 'L', 'O', 'O', 'R'},
		.ether_type = RTE_BE16(OWN_ETHER_TYPE),
	};

	memset(rte_pktmbuf_mtod(m, void *), 0, FLOOR_HEADERS);
	memcpy(rte_pktmbuf_mtod(m, void *), &header, sizeof header);
	shape(m, bytes);
}

struct bounce {
	struct block_clock *clock;
	uint64_t arrived; /* so far: the number of the next one to arrive */
	uint16_t bytes;
};

/* Frames come back in the order they were sent: the k-th to arrive is the k-th that left. */
FRAMES_INLINE bool bounce_again(void *context, struct rte_mbuf *m)
{
	struct bounce *b = context;

	block_ended(b->clock, b->arrived++);
	if (b->clock->over)
		return false;
	shape(m, b->bytes);
	return true;
}

int floor_bounce(struct fly_runtime *runtime, uint16_t call_bytes, struct block_clock *clock)
{
	struct bounce bounce = {.clock = clock, .bytes = call_bytes};
	struct frames f;

	if (frames_open(&f, runtime, clock->window))
		return -FLY_EPACKETS;
	for (unsigned i = 0; i < f.held; i++)
		write_frame(f.frame[i], call_bytes);
	return frames_exchange(&f, bounce_again, &bounce);
}

void floor_echo(struct fly_runtime *runtime, uint16_t result_bytes, bool (*go_on)(void *context),
		void *context)
{
	struct frames f;

	(void)frames_open(&f, runtime, 0);
	while (go_on(context)) {
		const uint16_t n = frames_receive(&f);

		for (uint16_t i = 0; i < n; i++)
			shape(f.frame[f.held + i], result_bytes);
		f.held = (uint16_t)(f.held + n);
		frames_offer(&f);
		(void)frames_wait(&f, n);
	}
	frames_close(&f);
}

/* ---- one way ---- */

uint16_t floor_full_bytes(const struct fly_runtime *runtime)
{
	return fly_runtime_link(runtime, 0)->payload_max;
}

/* Hold @n more frames. Return: how many; 0 if the pool has not so many. */
static inline uint16_t refill(struct frames *f, uint16_t n, uint16_t bytes)
{
	if (rte_pktmbuf_alloc_bulk(f->link->pool, f->frame + f->held, n))
		return 0;
	for (uint16_t i = 0; i < n; i++)
		write_frame(f->frame[f->held + i], bytes);
	f->held = (uint16_t)(f->held + n);
	return n;
}

/* Read the payload of a frame. */
static inline void read_frame(const struct rte_mbuf *m)
{
	uint64_t sum = 0;

	for (uint16_t skip = FLOOR_HEADERS; m; m = m->next, skip = 0)
		if (m->data_len > skip)
			sum += bytes_sum(rte_pktmbuf_mtod_offset(m, const uint8_t *, skip),
					 (size_t)(m->data_len - skip));
	__asm__ volatile("" : : "r"(sum)); /* it is made, and now */
}

/* Receive a burst, read it and free it. Return: frames. */
static inline uint16_t drain(struct frames *f)
{
	struct rte_mbuf *fresh[FLY_BURST];
	const uint16_t n = rte_eth_rx_burst(f->link->port, 0, fresh, FLY_BURST);

	for (uint16_t i = 0; i < n; i++)
		read_frame(fresh[i]);
	rte_pktmbuf_free_bulk(fresh, n);
	return n;
}

void floor_send(struct fly_runtime *runtime, bool (*go_on)(void *context, unsigned n),
		void *context)
{
	unsigned under_way = 0, arrived = 0;
	struct frames f;

	(void)frames_open(&f, runtime, 0);
	while (go_on(context, arrived)) {
		const uint16_t n = drain(&f);

		arrived = RTE_MIN((unsigned)n * FLOOR_BATCH, under_way);
		under_way -= arrived;
		if (f.held == 0 && under_way + FLOOR_BATCH <= FLOOR_FLOW)
			under_way += refill(&f, FLOOR_BATCH,
					    (uint16_t)(FLOOR_HEADERS + f.link->payload_max));
		else
			(void)frames_wait(&f, n);
		frames_offer(&f);
	}
	frames_close(&f);
}

void floor_receive(struct fly_runtime *runtime, bool (*go_on)(void *context, unsigned n),
		   void *context)
{
	struct frames f;
	unsigned owed = 0;
	uint16_t n = 0;

	(void)frames_open(&f, runtime, 0);
	while (go_on(context, n)) {
		n = drain(&f);
		owed += n;
		if (owed >= FLOOR_BATCH && f.held < FLOOR_FLOW)
			owed -= FLOOR_BATCH * refill(&f, 1, FLOOR_HEADERS);
		else
			(void)frames_wait(&f, n);
		frames_offer(&f);
	}
	frames_close(&f);
}
