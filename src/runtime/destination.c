/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * destination.c - see destination.h.
 *
 *   ADDRESS            routes decide which link leads there: host/route.c
 *   ADDRESS,via=LINK   over that link, whatever the routes say
 *   LINK               its far end, or its peer=
 *
 * Called by import.c. Owns nothing.
 */
#include "runtime/destination.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "host/route.h"
#include "runtime/runtime.h"

#define VIA ",via="

/* A port of the link that is named, as "vhost:/tmp/f.sock"; its keys are in @spec. */
static int find_named(const struct fly_runtime *r, unsigned poller, const char *name,
		      struct fly_link_spec *spec, struct fly_port **port)
{
	const int status = fly_link_spec_parse(name, spec);

	if (status)
		return status;
	*port = fly_route_named(&r->ports, poller, spec);
	if (*port)
		return 0;
	return fly_fail(FLY_EINVAL,
			"'%s': this runtime has no link %s:%s; add it to the links that it starts "
			"with",
			name, fly_link_kind_name(spec->kind), spec->what);
}

static int bad_address(const char *peer)
{
	return fly_fail(FLY_EINVAL,
			"'%s' is neither an address, as in 10.0.0.2 or 10.0.0.2:%d, nor a link, as "
			"in vhost:/tmp/f.sock",
			peer, FLY_UDP_PORT_DEFAULT);
}

/* @via: the link's name; NULL: the routes decide. Port 0: none is said. */
static int by_address(const struct fly_runtime *r, unsigned poller, const char *peer,
		      const char *via, struct fly_port **port, uint32_t *ip, uint16_t *udp_port)
{
	char text[INET_ADDRSTRLEN + sizeof ":65535"] = "";
	const size_t bytes = via ? (size_t)(via - peer) : strlen(peer);
	struct fly_link_spec spec;

	if (bytes >= sizeof text)
		return bad_address(peer);
	snprintf(text, sizeof text, "%.*s", (int)bytes, peer);
	if (fly_link_spec_address(text, ip, udp_port))
		return bad_address(peer);
	if (via)
		return find_named(r, poller, via + strlen(VIA), &spec, port);
	*port = fly_route_to(&r->ports, poller, *ip);
	return *port ? 0 : fly_fail(FLY_EINVAL, "no link of this runtime leads to %s", text);
}

static int by_link(const struct fly_runtime *r, unsigned poller, const char *peer,
		   struct fly_port **port, uint32_t *ip, uint16_t *udp_port)
{
	struct fly_link_spec spec;
	const int status = find_named(r, poller, peer, &spec, port);

	if (status)
		return status;
	*ip = spec.peer_ip;
	*udp_port = spec.peer_ip ? spec.peer_port : 0;
	return 0;
}

int fly_destination_find(const struct fly_runtime *r, unsigned poller, const char *peer,
			 struct fly_link **link, struct fly_address *address)
{
	struct fly_port *port;
	uint16_t udp_port = 0;
	uint32_t ip = 0;
	int status = 0;

	if (r->ports.n == 0)
		return fly_fail(FLY_EINVAL,
				"'%s': this runtime has local links only, as in local:NAME",
				peer ? peer : "");
	port = r->ports.at[0];
	if (peer && fly_link_spec_is(peer))
		status = by_link(r, poller, peer, &port, &ip, &udp_port);
	else if (peer)
		status = by_address(r, poller, peer, strstr(peer, VIA), &port, &ip, &udp_port);
	if (status)
		return status;
	*address = (struct fly_address){
		.ip = ip ? ip : port->peer_ip,
		.port = htons(udp_port ? udp_port : port->spec.peer_port),
	};
	*link = fly_port_link(port, poller);
	if (address->ip == 0)
		return fly_fail(
			FLY_EINVAL,
			"link %s: whom to call is not said; add peer=, as in %s,peer=10.0.0.2",
			port->spec.text, port->spec.text);
	return 0;
}
