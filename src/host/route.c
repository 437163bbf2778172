/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * route.c - see route.h. Called by runtime/destination.c, on a poller's thread. Owns nothing.
 */
#include "host/route.h"

#include "slowpath/next_hop.h"

#define NOWHERE  (-1)
#define ITS_PEER 33 /* better than any network */
#define ANYWHERE 0  /* how large its network is was not said */

/*
 * The bits that tell the network around @ip which this port leads to; or NOWHERE. The routes of a
 * link that is down are the control thread's.
 */
static int bits(struct fly_port *port, unsigned poller, uint32_t ip)
{
	const struct fly_link *link = fly_port_link(port, poller);
	const struct fly_route *route;

	if (ip == port->peer_ip)
		return ITS_PEER;
	if (!link->up || !link->routes)
		return ANYWHERE;
	route = fly_route_find(link->routes, ip);
	return route ? route->prefix : NOWHERE;
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
		const int n = bits(port, poller, ip);

		if (n == NOWHERE || n < most)
			continue;
		if (n > most || is_better(port, best, poller))
			best = port;
		most = n;
	}
	if (!best && ports->n == 1)
		return ports->at[0]; /* whoever asks it is told why not */
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
