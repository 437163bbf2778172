/* SPDX-License-Identifier: BSD-3-Clause */
/* route.h - which of a runtime's links leads to a peer (route.c). */
#ifndef FLY_ROUTE_H
#define FLY_ROUTE_H

#include "host/port.h"

/*
 * fly_route_to() - the port over which an address is reached: of the networks that the address is
 * in, the smallest. Of several: the first whose link is up; if none is, the first.
 * @poller: number of the calling thread's poller. @ip: network order.
 * Return: NULL: no link leads there. A runtime's only link leads everywhere: whether it does is
 * said when the peer is looked for.
 */
struct fly_port *fly_route_to(const struct fly_ports *ports, unsigned poller, uint32_t ip);

/*
 * fly_route_named() - the port of the link that has the kind and the name of @spec, whatever its
 * keys. Of a server's several ports: the first whose link is up; if none is, the first.
 * Return: NULL: the runtime has no such link.
 */
struct fly_port *fly_route_named(const struct fly_ports *ports, unsigned poller,
				 const struct fly_link_spec *spec);

#endif
