/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor.c - the bare-frame floors: rx_burst, tx_burst and nothing else.
 *
 * Owns the frames of one block, from the runtime's own pool, and gives them all back. Called by
 * bench.c and bench_server.c between blocks of calls, on the thread that owns the runtime. This
 * is the only file of the program that looks behind the public interface: it takes the port and
 * the pool of the runtime's first link and touches nothing else of it.
 *
 * What is received is sent again as it is, so that the loop adds no pool traffic to the driver's
 * own. Whoever sends a frame with a payload writes all of it each time, as a procedure or a
 * caller does.
 */
#include "floor.h"

#include <string.h>

#include <sched.h>

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "fastpath/link.h"
#include "slowpath/runtime.h"

#define IDLE_POLLS     16384  /* empty receptions before others may run */
#define OWN_ETHER_TYPE 0x88b5 /* IEEE: for local experiments; nobody answers it */

/* Frames that are to be sent and that the driver has not taken yet. */
struct outbox {
	uint16_t port;
	uint16_t held;
	struct rte_mbuf *frames[BLOCK_WINDOW + FLY_BURST];
};

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

/*
 * Offer the outbox to the driver once. What it does not take stays for the next time, after the
 * next reception: a full ring empties only when its other side gets to send as well.
 */
static inline void offer(struct outbox *out)
{
	uint16_t taken;

	if (out->held == 0)
		return;
	taken = rte_eth_tx_burst(out->port, 0, out->frames, out->held);
	out->held = (uint16_t)(out->held - taken);
	if (out->held)
		memmove(out->frames, out->frames + taken, out->held * sizeof *out->frames);
}

/* Receive behind what is held already. Return: frames received. */
static inline uint16_t receive(struct outbox *out)
{
	const unsigned room = (unsigned)RTE_DIM(out->frames) - out->held;

	return rte_eth_rx_burst(out->port, 0, out->frames + out->held,
				(uint16_t)RTE_MIN(room, (unsigned)FLY_BURST));
}

static void address(struct rte_mbuf *m)
{
	/* Any address does between two ends of one link; these are "locally administered". */
	static const struct rte_ether_hdr header = {
		.dst_addr.addr_bytes = {0x02, 'f', 'l', 'o', 'o', 'r'},
		.src_addr.addr_bytes = {0x02, 'F', 'L', 'O', 'O', 'R'},
		.ether_type = RTE_BE16(OWN_ETHER_TYPE),
	};

	memset(rte_pktmbuf_mtod(m, void *), 0, FLOOR_HEADERS);
	memcpy(rte_pktmbuf_mtod(m, void *), &header, sizeof header);
}

/* Frames come back in the order they were sent: the k-th to arrive is the k-th that left. */
int floor_bounce(struct fly_runtime *runtime, uint16_t call_bytes, struct block_clock *clock)
{
	const struct fly_link *link = fly_runtime_link(runtime, 0);
	const unsigned window = clock->window;
	struct outbox out = {.port = link->port};
	uint64_t arrived = 0;       /* so far: the number of the next one to arrive */
	unsigned to_come = window;  /* frames under way or held */
	uint64_t waiting_since = 0; /* when nothing had arrived for IDLE_POLLS; 0: it had */
	unsigned idle = 0;
	struct fly_platform platform;

	fly_platform(runtime, &platform);
	if (rte_pktmbuf_alloc_bulk(link->pool, out.frames, window))
		return -FLY_EPACKETS;
	out.held = (uint16_t)window;
	for (unsigned i = 0; i < window; i++) {
		address(out.frames[i]);
		shape(out.frames[i], call_bytes);
	}
	offer(&out);

	while (to_come) {
		struct rte_mbuf **fresh = out.frames + out.held;
		const uint16_t n = receive(&out);

		for (uint16_t i = 0; i < n; i++) {
			block_ended(clock, arrived++);
			if (clock->over) {
				rte_pktmbuf_free(fresh[i]);
				to_come--;
				continue;
			}
			shape(fresh[i], call_bytes);
			out.frames[out.held++] = fresh[i];
		}
		offer(&out);
		if (n) {
			idle = 0;
			waiting_since = 0;
		} else if (++idle % IDLE_POLLS == 0) {
			if (!waiting_since)
				waiting_since = ticks_now();
			else if (ticks_now() - waiting_since > platform.tsc_hz)
				break;
			sched_yield();
		}
	}
	rte_pktmbuf_free_bulk(out.frames, out.held);
	return to_come ? -FLY_EPEER : 0;
}

void floor_echo(struct fly_runtime *runtime, uint16_t result_bytes, bool (*go_on)(void *context),
		void *context)
{
	struct outbox out = {.port = fly_runtime_link(runtime, 0)->port};
	unsigned idle = 0;

	while (go_on(context)) {
		const uint16_t n = receive(&out);

		for (uint16_t i = 0; i < n; i++)
			shape(out.frames[out.held + i], result_bytes);
		out.held = (uint16_t)(out.held + n);
		offer(&out);
		if (n == 0 && ++idle % IDLE_POLLS == 0)
			sched_yield();
	}
	rte_pktmbuf_free_bulk(out.frames, out.held);
}

/* ---- one way ---- */

uint16_t floor_full_bytes(const struct fly_runtime *runtime)
{
	return fly_runtime_link(runtime, 0)->payload_max;
}

/* Fill an empty outbox. Return: frames; 0 if the pool has not so many. */
static inline uint16_t refill(struct outbox *out, struct rte_mempool *pool, uint16_t n,
			      uint16_t bytes)
{
	if (rte_pktmbuf_alloc_bulk(pool, out->frames + out->held, n))
		return 0;
	for (uint16_t i = 0; i < n; i++) {
		address(out->frames[out->held + i]);
		shape(out->frames[out->held + i], bytes);
	}
	out->held = (uint16_t)(out->held + n);
	return n;
}

void floor_send(struct fly_runtime *runtime, bool (*go_on)(void *context, unsigned n),
		void *context)
{
	const struct fly_link *link = fly_runtime_link(runtime, 0);
	const uint16_t bytes = (uint16_t)(FLOOR_HEADERS + link->payload_max);
	struct outbox out = {.port = link->port};
	struct rte_mbuf *receipts[FLY_BURST];
	unsigned under_way = 0, arrived = 0, idle = 0;

	while (go_on(context, arrived)) {
		const uint16_t n = rte_eth_rx_burst(link->port, 0, receipts, FLY_BURST);

		rte_pktmbuf_free_bulk(receipts, n);
		arrived = RTE_MIN((unsigned)n * FLOOR_BATCH, under_way);
		under_way -= arrived;
		if (out.held == 0 && under_way + FLOOR_BATCH <= FLOOR_FLOW)
			under_way += refill(&out, link->pool, FLOOR_BATCH, bytes);
		else if (n == 0 && ++idle % IDLE_POLLS == 0)
			sched_yield();
		offer(&out);
	}
	rte_pktmbuf_free_bulk(out.frames, out.held);
}

void floor_receive(struct fly_runtime *runtime, bool (*go_on)(void *context, unsigned n),
		   void *context)
{
	const struct fly_link *link = fly_runtime_link(runtime, 0);
	struct outbox out = {.port = link->port};
	struct rte_mbuf *frames[FLY_BURST];
	unsigned owed = 0, idle = 0;
	uint16_t n = 0;

	while (go_on(context, n)) {
		n = rte_eth_rx_burst(link->port, 0, frames, FLY_BURST);
		rte_pktmbuf_free_bulk(frames, n);
		owed += n;
		if (owed >= FLOOR_BATCH && out.held < FLOOR_FLOW)
			owed -= FLOOR_BATCH * refill(&out, link->pool, 1, FLOOR_HEADERS);
		else if (n == 0 && ++idle % IDLE_POLLS == 0)
			sched_yield();
		offer(&out);
	}
	rte_pktmbuf_free_bulk(out.frames, out.held);
}
