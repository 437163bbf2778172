/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_address.h - our address on a link, and which addresses are on it: by the link's spec and
 * what the kernel knows of its interface. Pure, but for memory and fly_error(). No DPDK.
 */
#ifndef FLY_PORT_ADDRESS_H
#define FLY_PORT_ADDRESS_H

#include "host/link_spec.h"
#include "host/netlink.h"
#include "slowpath/next_hop.h"

struct fly_port_address {
	uint32_t ip;               /* ours, network order; 0: not known */
	uint8_t prefix;            /* 0: not known */
	struct fly_routes *routes; /* free(3); NULL: every address is on the link */
};

/*
 * fly_port_address() - settle it. The prefix length is that of the spec, else that of the kernel's
 * network that the address is in, else unknown.
 * @facts: of the interface; NULL: there is none. @has_routes: its routes are ours; else the kernel
 * is at the far end, and only the prefix is the same. @ip: our address; 0: not known, nor is
 * anything else.
 * Return: 0, or a negative status with a message.
 */
int fly_port_address(const struct fly_link_spec *spec, const struct fly_netlink_facts *facts,
		     bool has_routes, uint32_t ip, struct fly_port_address *to);

/* fly_port_address_text() - "10.0.0.2/24". */
void fly_port_address_text(uint32_t ip, uint8_t prefix, char text[20]);

#endif
