/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * route.c - see route.h. Called by runtime/destination.c, on a poller's thread. Owns nothing.
 */
#include "host/route.h"

#define NOWHERE  (-1)
#define ITS_PEER 33 /* better than any network */
#define ANYWHERE 0  /* how large its network is was not said */

/* The bits that tell the network around @ip which this port leads to; or NOWHERE. */
static int bits(const struct fly_port *port, uint32_t ip)
{
	return ip == port->peer_ip ? ITS_PEER : ANYWHERE;
}

/* Is @port better than @best, with as good a network? */
static bool is_better(struct fly_port *port, struct fly_port *best, unsigned poller)
{
	return !best || (!fly_port_link(best, poller)->up && fly_port_link(port, poller)->up);
}

struct fly_port *fly_route_to(const struct fly_ports *ports, unsigned poller, uint32_t ip)
{
	struct fly_port *best = NULL;
	int most = NOWHERE;

	for (unsigned i = 0; i < ports->n; i++) {
		struct fly_port *port = ports->at[i];
		const int n = bits(port, ip);

		if (n == NOWHERE || n < most)
			continue;
		if (n > most || is_better(port, best, poller))
			best = port;
		most = n;
	}
	return best;
}

struct fly_port *fly_route_named(const struct fly_ports *ports, unsigned poller,
				 const struct fly_link_spec *spec)
{
	struct fly_port *best = NULL;

	for (unsigned i = 0; i < ports->n; i++) {
		if (fly_port_is_of(ports->at[i], spec) && is_better(ports->at[i], best, poller))
			best = ports->at[i];
	}
	return best;
}
