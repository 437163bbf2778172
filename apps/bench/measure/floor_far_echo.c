/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor_far_echo.c - see floor_far_echo.h. Called by far_end.c. Owns the UDP ports and sockets of
 * the floor, and the frames that a driver has not taken yet. As measure/floor.c, it looks behind
 * the public headers.
 *
 * Why the poller's turn is not the floor
 *
 * Once a bare frame has come, rx_burst looks for more of them by itself, as the loop of a bare echo
 * would, and returns to the turn only when nothing has come for a while, something else has come,
 * or many bursts have been sent back. So what a turn costs is no part of a round trip.
 */
#include "floor_far_echo.h"

#include <stdlib.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "base/random.h"
#include "block.h"
#include "floor.h"
#include "floor_udp.h"
#include "numbered.h"
#include "host/kernel_port.h"
#include "runtime/runtime.h"

#define LOOKS      64  /* receptions of nothing in a row */
#define LOOKS_UDP  16  /* each is a system call */
#define BURSTS     256 /* sent back before the turn goes on */
#define PORT_TRIES 100
#define FREE_FIRST 49152 /* "dynamic ports" (RFC 6335) */

/* Of one link of the runtime's only poller. */
struct echo_link {
	uint16_t (*rx_burst)(struct fly_link *link, struct rte_mbuf **packets, uint16_t n);
	struct floor_udp *udp; /* NULL: it has frames */
	int claim;             /* of the kernel's UDP port; -1: none is needed */
	uint16_t held;         /* frames to be sent */
	struct rte_mbuf *frame[BLOCK_WINDOW + FLY_BURST];
};

static struct {
	struct fly_runtime *runtime;       /* NULL: not open */
	struct echo_link links[FLY_LINKS]; /* by index */
	uint64_t key;
	unsigned bytes;
	uint16_t port; /* host order */
	bool many;
} echo;

static struct fly_poller *poller(void)
{
	return &echo.runtime->poller;
}

/* ---- frames ---- */

/* What the driver does not take stays for the next time, after the next reception. */
static void offer(struct fly_link *link, struct echo_link *e)
{
	uint16_t taken;

	if (e->held == 0)
		return;
	taken = link->tx_burst(link, e->frame, e->held);
	e->held = (uint16_t)(e->held - taken);
	if (e->held)
		memmove(e->frame, e->frame + taken, e->held * sizeof *e->frame);
}

/* Is it a bare frame? Then it is made the one that goes back. */
static bool turn_around(const struct fly_link *link, struct rte_mbuf *m)
{
	uint8_t *frame = fly_packet_frame(m);
	uint32_t bytes = echo.bytes;
	uint64_t number;

	if (!fly_packet_is_plain(m) ||
	    fly_wire_check_outer(frame, m->data_len, link->ip, htons(echo.port)) ||
	    !numbered_get(frame + FLY_RPC, echo.key, &number))
		return false;
	fly_packet_expose_all(m);
	bytes = RTE_MIN(bytes, FLY_PAYLOAD + fly_link_payload(link));
	bytes = RTE_MIN(bytes, fly_packet_room(m));
	fly_wire_swap(frame, link->mac);
	fly_wire_set_lengths(frame, bytes - FLY_PAYLOAD);
	memset(frame + FLY_PAYLOAD, 'F', bytes - FLY_PAYLOAD);
	fly_packet_set_bytes(m, bytes);
	m->ol_flags = 0;
	return true;
}

static uint16_t echo_frames(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct echo_link *e = &echo.links[link->index];
	uint16_t others = 0;

	for (unsigned looks = 0, bursts = 0; looks < LOOKS && bursts < BURSTS && !others;) {
		const uint16_t got = e->rx_burst(link, packets, n);
		const uint16_t before = e->held;

		for (uint16_t i = 0; i < got; i++) {
			if (e->held < RTE_DIM(e->frame) && turn_around(link, packets[i]))
				e->frame[e->held++] = packets[i];
			else
				packets[others++] = packets[i];
		}
		looks = e->held == before ? looks + 1 : 0;
		bursts += e->held != before;
		offer(link, e);
	}
	return others;
}

/* ---- datagrams ---- */

static uint16_t echo_datagrams(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct echo_link *e = &echo.links[link->index];

	for (unsigned looks = 0, bursts = 0; looks < LOOKS_UDP && bursts < BURSTS;) {
		if (floor_udp_echo_some(e->udp, echo.key, echo.bytes, echo.many)) {
			looks = 0;
			bursts++;
		} else {
			looks++;
		}
	}
	return e->rx_burst(link, packets, n);
}

/* ---- start and stop ---- */

void far_echo_start(uint64_t key, unsigned bytes, bool many)
{
	struct fly_poller *p = poller();

	echo.key = key;
	echo.bytes = RTE_MAX(bytes, (unsigned)FLOOR_HEADERS);
	echo.many = many;
	for (uint32_t i = 0; i < p->n_links; i++) {
		struct fly_link *link = p->links[i];
		struct echo_link *e = &echo.links[link->index];

		if (link->rx_burst == echo_frames || link->rx_burst == echo_datagrams)
			continue;
		e->rx_burst = link->rx_burst;
		link->rx_burst = e->udp ? echo_datagrams : echo_frames;
	}
}

void far_echo_stop(void)
{
	struct fly_poller *p = poller();

	for (uint32_t i = 0; echo.runtime && i < p->n_links; i++) {
		struct fly_link *link = p->links[i];
		struct echo_link *e = &echo.links[link->index];

		rte_pktmbuf_free_bulk(e->frame, e->held);
		e->held = 0;
		/* A link that was opened anew meanwhile has its own already. */
		if (link->rx_burst == echo_frames || link->rx_burst == echo_datagrams)
			link->rx_burst = e->rx_burst;
	}
}

/* ---- the port ---- */

static void give_back(void)
{
	for (unsigned i = 0; i < FLY_LINKS; i++) {
		struct echo_link *e = &echo.links[i];

		floor_udp_close(e->udp);
		if (e->claim >= 0)
			close(e->claim);
		*e = (struct echo_link){.claim = -1};
	}
}

/* Have the floor of one link at echo.port. Return: 0 or -FLY_EINUSE. */
static int take(const struct fly_link *link)
{
	const struct fly_port *port = fly_ports_of(&echo.runtime->ports, link, 0);
	struct echo_link *e = &echo.links[link->index];
	char address[FLY_ADDRESS_BYTES];

	if (!link->udp) {
		e->claim = fly_kernel_port_open(link->ip, htons(echo.port));
		return e->claim < -1 ? -FLY_EINUSE : 0;
	}
	if (port && !fly_address(echo.runtime, port->number, address))
		e->udp = floor_udp_open(address, echo.port);
	return e->udp ? 0 : -FLY_EINUSE;
}

static int take_all(uint16_t port)
{
	const struct fly_poller *p = poller();
	int status = port ? 0 : -FLY_EINUSE;

	echo.port = port;
	for (uint32_t i = 0; i < p->n_links && !status; i++)
		status = take(p->links[i]);
	if (status)
		give_back();
	return status;
}

int far_echo_open(struct fly_runtime *runtime)
{
	int status;

	echo.runtime = runtime;
	for (unsigned i = 0; i < FLY_LINKS; i++)
		echo.links[i].claim = -1;
	status = take_all((uint16_t)(ntohs(poller()->links[0]->udp_port) + 1));
	for (unsigned i = 0; i < PORT_TRIES && status; i++)
		status = take_all((uint16_t)(FREE_FIRST + fly_random32() % (65536 - FREE_FIRST)));
	return status;
}

void far_echo_close(void)
{
	if (!echo.runtime)
		return;
	far_echo_stop();
	give_back();
	echo.runtime = NULL;
}

uint16_t far_echo_port(void)
{
	return echo.port;
}
