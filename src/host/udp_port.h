/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * udp_port.h - the control side of a udp: link: sockets of the kernel in place of a DPDK device.
 */
#ifndef FLY_UDP_PORT_H
#define FLY_UDP_PORT_H

#include "host/peer_address.h"
#include "host/port.h"

/*
 * fly_udp_port_open() - open and bind the socket of each poller, on consecutive UDP ports, and make
 * the links. @port: has spec and group; nothing is open.
 * Return: 0, or a negative status with a sentence; then fly_udp_port_close() is still to come.
 */
int fly_udp_port_open(struct fly_port *port);

/* fly_udp_port_close() - the reverse; nothing on a port of another kind. No poller has the links.
 */
void fly_udp_port_close(struct fly_port *port);

/* fly_udp_port_address() - where the sockets of a udp: port are. */
void fly_udp_port_address(const struct fly_port *port, struct in6_addr *address, uint32_t *scope);

/*
 * fly_udp_port_each() - the addresses from which a question to all of its networks has to be sent,
 * one of each interface: IPv4, network order. Return: how many, at most @most; a port at one
 * address has that one, or none if that is of IPv6.
 */
unsigned fly_udp_port_each(const struct fly_port *port, uint32_t *ips, unsigned most);

/* fly_udp_port_of_v6() - the first port that takes IPv6; NULL: there is none. */
struct fly_port *fly_udp_port_of_v6(const struct fly_ports *ports);

/* fly_udp_port_mtu() - the MTU of a spec that names none. */
unsigned fly_udp_port_mtu(const struct fly_link_spec *spec);

/*
 * fly_udp_port_check_peer() - has this machine a way to a peer, from the port's address? Any
 * thread. Return: 0; or -FLY_EPEER or -FLY_EINVAL with a sentence.
 */
int fly_udp_port_check_peer(const struct fly_port *port, const struct sockaddr_in6 *peer);

#endif
