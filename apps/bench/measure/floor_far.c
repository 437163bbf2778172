/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor_far.c - see floor_far.h. Called by runs/between.c between blocks of calls. Owns the frames
 * of one block, from the runtime's pool, and gives them all back. As floor.c, it looks behind the
 * public headers: at the binding, for the headers of its calls.
 *
 * Whoever sends a frame with a payload writes all of it each time, and its headers, as a caller
 * does.
 */
#include "floor_far.h"

#include <arpa/inet.h>

#include <rte_mbuf.h>

#include "base/yield.h"
#include "fastpath/binding.h"
#include "fastpath/link_udp.h"
#include "floor_udp.h"
#include "numbered.h"

static struct fly_import *import_of(const struct floor_far *far)
{
	return fly_import_of(far->binding);
}

static struct sockaddr_in6 peer_of(const struct floor_far *far, uint16_t port, bool *is_known)
{
	const struct fly_import *import = import_of(far);
	struct sockaddr_in6 to = {0};

	*is_known = fly_link_udp_peer(import->link, import->peer.ip, htons(port), &to);
	return to;
}

int floor_far_open(struct floor_far *far, struct fly_runtime *runtime, struct fly_binding *binding)
{
	struct fly_platform platform = {.size = sizeof platform};
	struct sockaddr_in6 to;
	bool is_known;

	fly_platform(runtime, &platform);
	*far = (struct floor_far){.binding = binding, .tsc_hz = platform.tsc_hz};
	if (!floor_far_is_udp(far))
		return 0;
	to = peer_of(far, 0, &is_known);
	far->udp = floor_udp_open(IN6_IS_ADDR_V4MAPPED(&to.sin6_addr) ? "0.0.0.0:" : "[::]:", 0);
	return far->udp ? 0 : -FLY_ESYSTEM;
}

void floor_far_close(struct floor_far *far)
{
	floor_udp_close(far->udp);
	far->udp = NULL;
}

unsigned floor_far_most(const struct floor_far *far)
{
	return FLY_PAYLOAD + import_of(far)->argument_max;
}

bool floor_far_is_udp(const struct floor_far *far)
{
	return import_of(far)->link->udp != NULL;
}

/* ---- frames ---- */

struct frames {
	struct fly_import *import;
	const struct floor_far_block *block;
	uint8_t header[FLY_PAYLOAD]; /* of each frame, but for its number */
	uint16_t held;               /* to be sent */
	struct rte_mbuf *frame[BLOCK_WINDOW];
};

/* The way there is what calls take now: a peer may have moved. */
static void begin(struct frames *f, struct fly_import *import, const struct floor_far_block *block)
{
	f->import = import;
	f->block = block;
	f->held = 0;
	memcpy(f->header, import->template, FLY_PAYLOAD);
	memset(f->header + FLY_RPC, 0, FLY_RPC_BYTES);
	fly_put_be16(f->header + FLY_UDP_DESTINATION, block->port);
	fly_wire_set_lengths(f->header, block->bytes - FLY_PAYLOAD);
}

static void hold(struct frames *f, struct rte_mbuf *m, uint64_t number)
{
	const uint32_t bytes = f->block->bytes;
	uint8_t *frame = fly_packet_frame(m);

	fly_packet_expose_all(m);
	memcpy(frame, f->header, FLY_PAYLOAD);
	numbered_put(frame + FLY_RPC, f->block->key, number);
	memset(frame + FLY_PAYLOAD, 'F', bytes - FLY_PAYLOAD);
	fly_packet_set_bytes(m, bytes);
	m->ol_flags = 0;
	f->frame[f->held++] = m;
}

static void offer(struct frames *f)
{
	struct fly_link *link = f->import->link;
	uint16_t taken;

	if (f->held == 0)
		return;
	taken = link->tx_burst(link, f->frame, f->held);
	f->held = (uint16_t)(f->held - taken);
	if (f->held)
		memmove(f->frame, f->frame + taken, f->held * sizeof *f->frame);
}

/* Is this a frame of the block that comes back? */
static bool is_ours(const struct frames *f, const struct rte_mbuf *m, uint64_t *number)
{
	const struct fly_link *link = f->import->link;
	const uint8_t *frame = fly_packet_frame(m);

	return fly_packet_is_plain(m) &&
	       !fly_wire_check_outer(frame, m->data_len, link->ip, link->udp_port) &&
	       fly_get_be16(frame + FLY_UDP_SOURCE) == f->block->port &&
	       numbered_get(frame + FLY_RPC, f->block->key, number);
}

/* Receive a burst; what is not ours is the poller's. Return: frames of the block. */
static unsigned receive(struct frames *f, struct numbered *numbered)
{
	struct fly_link *link = f->import->link;
	struct rte_mbuf *fresh[FLY_BURST];
	const uint16_t n = link->rx_burst(link, fresh, FLY_BURST);
	unsigned ours = 0;

	for (uint16_t i = 0; i < n; i++) {
		uint64_t number, next;

		if (!is_ours(f, fresh[i], &number)) {
			fly_demux(f->import->poller, link, fresh[i]);
			continue;
		}
		ours++;
		if (numbered_came(numbered, number, &next))
			hold(f, fresh[i], next);
		else
			rte_pktmbuf_free(fresh[i]);
	}
	return ours;
}

static int bounce_frames(const struct floor_far *far, const struct floor_far_block *block,
			 struct block_clock *clock)
{
	struct fly_import *import = import_of(far);
	struct numbered numbered = numbered_begin(clock, block->key, far->yields);
	struct rte_mbuf *fresh[BLOCK_WINDOW];
	struct frames f;
	unsigned n;

	if (rte_pktmbuf_alloc_bulk(import->link->pool, fresh, clock->window))
		return -FLY_EPACKETS;
	begin(&f, import, block);
	for (unsigned i = 0; i < clock->window; i++)
		hold(&f, fresh[i], i);
	do {
		offer(&f);
		n = receive(&f, &numbered);
		if (!n && numbered_may_yield(&numbered))
			fly_yield();
	} while (!numbered_is_over(&numbered, n, far->tsc_hz));
	rte_pktmbuf_free_bulk(f.frame, f.held);
	fly_link_flush(import->link);
	(void)numbered_end(&numbered);
	return 0;
}

int floor_far_bounce(struct floor_far *far, const struct floor_far_block *block,
		     struct block_clock *clock)
{
	struct numbered numbered = numbered_begin(clock, block->key, far->yields);
	struct sockaddr_in6 to;
	bool is_known;

	if (!far->udp)
		return bounce_frames(far, block, clock);
	to = peer_of(far, block->port, &is_known);
	if (!is_known)
		return -FLY_EPEER;
	return floor_udp_far_bounce(far->udp, &to, block->bytes, &numbered, far->tsc_hz);
}
