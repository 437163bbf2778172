/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * destination.c - see destination.h.
 *
 * An address may also be a host's name: fly_destination_look_up().
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
#include "base/mapped_ip.h"
#include "fastpath/link_udp.h"
#include "host/peer_address.h"
#include "host/route.h"
#include "host/udp_port.h"
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

/* The link that is named after "via="; else as the routes say. IPv6 goes over udp: links only. */
static int by_address(const struct fly_runtime *r, unsigned poller, const char *peer,
		      const struct sockaddr_in6 *to, struct fly_port **port)
{
	const char *via = strstr(peer, VIA);
	struct fly_link_spec spec;

	if (via)
		return find_named(r, poller, via + strlen(VIA), &spec, port);
	*port = IN6_IS_ADDR_V4MAPPED(&to->sin6_addr)
			? fly_route_to(&r->ports, poller, fly_mapped_ip(&to->sin6_addr))
			: fly_udp_port_of_v6(&r->ports);
	return *port ? 0
		     : fly_fail(FLY_EINVAL, "no link of this runtime leads to %s%s", peer,
				IN6_IS_ADDR_V4MAPPED(&to->sin6_addr)
					? ""
					: ": IPv6 goes over udp: and udp:[::] links");
}

/* Addresses, and names of hosts, with or without ",via=". */
static int look_up_address(const char *peer, struct fly_peer_addresses *found)
{
	char text[FLY_PEER_NAME_BYTES + sizeof "[]:65535"];
	const char *via = strstr(peer, VIA);
	const size_t bytes = via ? (size_t)(via - peer) : strlen(peer);

	if (bytes >= sizeof text)
		return fly_fail(FLY_EINVAL, "'%.64s...': no address is that long", peer);
	snprintf(text, sizeof text, "%.*s", (int)bytes, peer);
	return fly_peer_address_find(text, 0, found);
}

/* The peer= of a link of this kind, as @spec says, or else as the runtime's link of that name. */
static const char *peer_of(const struct fly_runtime *r, const struct fly_link_spec *spec)
{
	for (unsigned i = 0; i < r->ports.n && !spec->peer[0]; i++) {
		if (fly_port_is_of(r->ports.at[i], spec))
			return r->ports.at[i]->spec.peer;
	}
	return spec->peer;
}

int fly_destination_look_up(const struct fly_runtime *r, const char *peer,
			    struct fly_peer_addresses *found)
{
	struct fly_link_spec spec;
	const char *text;

	*found = (struct fly_peer_addresses){0};
	if (r->ports.n == 0)
		return 0; /* fly_destination_find() says so */
	if (peer && !fly_link_spec_is(peer))
		return look_up_address(peer, found);
	if (!peer)
		text = r->ports.at[0]->spec.peer;
	else if (fly_link_spec_parse(peer, &spec) == 0)
		text = peer_of(r, &spec);
	else
		return 0;
	return *text ? fly_peer_address_find(text, 0, found) : 0;
}

/* The port of the link that @peer names or that leads to @tried. *spec: what @peer says of it. */
static int find_port(const struct fly_runtime *r, unsigned poller, const char *peer,
		     const struct sockaddr_in6 *tried, struct fly_link_spec *spec,
		     struct fly_port **port)
{
	*spec = (struct fly_link_spec){0};
	*port = r->ports.at[0];
	if (!peer)
		return 0;
	return fly_link_spec_is(peer) ? find_named(r, poller, peer, spec, port)
				      : by_address(r, poller, peer, tried, port);
}

/* The address over @port. *ip: 0: it is not said. */
static int over_port(struct fly_port *port, unsigned poller, const struct sockaddr_in6 *tried,
		     uint32_t *ip)
{
	char text[FLY_PEER_TEXT_BYTES];
	int status;

	if (port->spec.kind == FLY_LINK_UDP) {
		status = fly_udp_port_check_peer(port, tried);
		if (status)
			return status;
		*ip = fly_link_udp_number(fly_port_link(port, poller), tried);
		return *ip ? 0 : fly_fail(FLY_EBUSY, "no room for another IPv6 peer");
	}
	*ip = fly_mapped_ip(&tried->sin6_addr);
	if (IN6_IS_ADDR_V4MAPPED(&tried->sin6_addr))
		return 0;
	fly_peer_address_text(&tried->sin6_addr, tried->sin6_scope_id, text);
	return fly_fail(FLY_EINVAL, "link %s: IPv6 addresses, as %s, are for udp: links",
			port->spec.text, text);
}

int fly_destination_find(const struct fly_runtime *r, unsigned poller, const char *peer,
			 const struct sockaddr_in6 *tried, struct fly_link **link,
			 struct fly_address *address)
{
	struct fly_link_spec spec;
	struct fly_port *port;
	uint32_t ip;
	uint16_t udp_port;
	int status;

	if (r->ports.n == 0)
		return fly_fail(FLY_EINVAL,
				"'%s': this runtime has local links only, as in local:NAME",
				peer ? peer : "");
	status = find_port(r, poller, peer, tried, &spec, &port);
	if (status)
		return status;
	ip = spec.peer_ip;
	udp_port = tried ? ntohs(tried->sin6_port) : spec.peer_ip ? spec.peer_port : 0;
	if (tried)
		status = over_port(port, poller, tried, &ip);
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
