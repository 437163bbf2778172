/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_address.c - see port_address.h. Called by netdev.c, and by port.c for links without an
 * interface.
 *
 * An address without a prefix length, on a link of which nobody knows one: every address is on the
 * link. No class of the address is guessed at: there have been none since 1993 (RFC 1519).
 */
#include "host/port_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include <firefly/status.h>

#include "base/error.h"

void fly_port_address_text(uint32_t ip, uint8_t prefix, char text[20])
{
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &ip, address, sizeof address);
	if (prefix)
		snprintf(text, 20, "%s/%u", address, prefix);
	else
		snprintf(text, 20, "%s", address);
}

/* The prefix length of the kernel's network that an address is in; 0: it is in none. */
static uint8_t prefix_of(const struct fly_netlink_facts *facts, uint32_t ip)
{
	uint8_t longest = 0;

	for (unsigned i = 0; facts && i < facts->n_addresses; i++) {
		const struct fly_netlink_address *a = &facts->addresses[i];

		if (a->ip == ip)
			return a->prefix;
		if (a->prefix > longest && fly_is_within(ip, a->ip, a->prefix))
			longest = a->prefix;
	}
	return longest;
}

/* Those of the kernel, unless gateway= says where the rest goes. Return: how many. */
static unsigned add_kernels(const struct fly_link_spec *spec, const struct fly_netlink_facts *facts,
			    struct fly_route *to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < facts->n_addresses; i++) {
		const struct fly_netlink_address *a = &facts->addresses[i];

		if (a->prefix)
			to[n++] = (struct fly_route){.to = a->ip, .prefix = a->prefix};
	}
	for (unsigned i = 0; i < facts->n_routes; i++) {
		const struct fly_netlink_route *r = &facts->routes[i];

		if (r->prefix != 0 || spec->gateway == 0)
			to[n++] = (struct fly_route){r->to, r->gateway, r->metric, r->prefix};
	}
	return n;
}

static int bad_gateway(const struct fly_link_spec *spec, const struct fly_port_address *a)
{
	char gateway[20];
	char own[20];

	fly_port_address_text(spec->gateway, 0, gateway);
	fly_port_address_text(a->ip, a->prefix, own);
	if (a->prefix == 0)
		return fly_fail(FLY_EINVAL,
				"link %s: gateway= needs to know what is on the link: say the "
				"prefix length of our own address, as in ip=%s/24",
				spec->text, own);
	if (spec->gateway == a->ip)
		return fly_fail(FLY_EINVAL, "link %s: the gateway %s is our own address",
				spec->text, gateway);
	return fly_fail(FLY_EINVAL, "link %s: the gateway %s is not on this link (%s)", spec->text,
			gateway, own);
}

static int make_routes(const struct fly_link_spec *spec, const struct fly_netlink_facts *facts,
		       struct fly_port_address *a)
{
	const unsigned most = facts ? facts->n_addresses + facts->n_routes + 2 : 2;
	struct fly_route *routes = malloc(most * sizeof *routes);
	unsigned n = 0;

	if (!routes)
		return fly_fail(FLY_ENOMEM, "link %s: out of memory", spec->text);
	if (facts)
		n = add_kernels(spec, facts, routes);
	routes[n++] = (struct fly_route){.to = a->ip, .prefix = a->prefix};
	if (spec->gateway)
		routes[n++] = (struct fly_route){.gateway = spec->gateway};
	a->routes = fly_routes_make(routes, n);
	free(routes);
	return a->routes ? 0 : fly_fail(FLY_ENOMEM, "link %s: out of memory", spec->text);
}

int fly_port_address(const struct fly_link_spec *spec, const struct fly_netlink_facts *facts,
		     bool has_routes, uint32_t ip, struct fly_port_address *a)
{
	*a = (struct fly_port_address){.ip = ip, .prefix = spec->prefix};
	if (ip == 0)
		return 0;
	if (a->prefix == 0)
		a->prefix = prefix_of(facts, ip);
	if (facts && facts->is_loopback)
		a->prefix = 0;
	if (spec->gateway && (a->prefix == 0 || spec->gateway == a->ip ||
			      !fly_is_within(spec->gateway, a->ip, a->prefix)))
		return bad_gateway(spec, a);
	return a->prefix ? make_routes(spec, has_routes ? facts : NULL, a) : 0;
}
