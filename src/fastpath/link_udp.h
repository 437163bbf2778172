/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * link_udp.h - make a link move packets over a UDP socket of the kernel.
 *
 * A datagram is what follows the UDP header of a packet: the RPC header and the payload. The 42
 * bytes in front are never sent. What is received gets them, so that the rest of the library sees
 * packets as on every other link:
 *   - The source IP is the peer's IPv4 address, or the number of its IPv6 address (udp_peers.h).
 *   - The source MAC is our own address that the datagram was sent to, if the socket serves at all
 *     of our addresses; else 0. A reply's destination MAC says from which address it has to come.
 *   - The other fields are those of a packet for us. The IPv4 checksum is not right; the kernel has
 *     checked what came.
 */
#ifndef FLY_LINK_UDP_H
#define FLY_LINK_UDP_H

#include <netinet/in.h>

#include "fastpath/link.h"
#include "fastpath/udp_peers.h"

struct fly_poller;

#define FLY_UDP_SEGMENTS 64    /* datagrams that the kernel takes as one, at most */
#define FLY_UDP_SEND     65000 /* and their bytes */

/* The socket of a link, opened by host/udp_port.c. */
struct fly_udp_socket {
	int fd;            /* non-blocking */
	bool is_v6;        /* AF_INET6; IPv4 peers then have mapped addresses */
	bool tells_where;  /* serves at all addresses: IP_PKTINFO, IPV6_RECVPKTINFO are set */
	bool has_segments; /* the kernel takes several datagrams as one */
	struct fly_udp_peers *peers; /* is_v6: the link's own; else NULL */
};

/*
 * fly_link_udp() - @socket: copied; socket and peers are the link's now. @link: has its ip and
 * udp_port. Return: 0, or -FLY_ENOMEM: they are still the caller's.
 */
int fly_link_udp(struct fly_link *link, const struct fly_udp_socket *socket);

/*
 * fly_link_udp_join() - questions to all of a network come to a second socket: @fd, non-blocking.
 * fly_link_udp_leave() - no poller has the link. Return: that socket, which the caller closes; -1.
 *
 * fly_link_udp_group() - hand what has come to it to fly_demux(). On the poller's thread, now and
 * then: each look at an empty socket is a system call.
 */
void fly_link_udp_join(struct fly_link *link, int fd);
int fly_link_udp_leave(struct fly_link *link);
void fly_link_udp_group(struct fly_poller *p, struct fly_link *link);

/*
 * fly_link_udp_from() - the hardware address by which a packet is sent from one of our addresses,
 * and to a group over its interface. @ip: IPv4, network order; 0: the kernel chooses.
 */
void fly_link_udp_from(uint32_t ip, uint8_t mac[6]);

/*
 * fly_link_udp_end() - free what the link has for its socket. No poller has the link.
 * Return: the socket, which the caller closes; -1: it had none.
 */
int fly_link_udp_end(struct fly_link *link);

/* fly_link_udp_peer() - the address to send to for a peer. Return: false: its number is unknown. */
bool fly_link_udp_peer(const struct fly_link *link, uint32_t ip, uint16_t port,
		       struct sockaddr_in6 *address);

/*
 * fly_link_udp_payload() - bytes of payload in one packet to a peer that goes there whole, by what
 * the kernel knows of the way; UINT16_MAX: it does not say. On the poller's thread; the answer is
 * kept for a while.
 */
uint32_t fly_link_udp_payload(const struct fly_link *link, uint32_t ip);

/* fly_link_udp_number() - the ip of an address, mapped or not; 0: there is no place for it. */
uint32_t fly_link_udp_number(struct fly_link *link, const struct sockaddr_in6 *address);

/*
 * fly_link_udp_hold(), _let_go() - somebody keeps the ip of a peer, or does so no more: a number
 * that is kept stays that peer's. On any link, for any ip: mostly there is nothing to do.
 */
void fly_link_udp_hold_number(struct fly_link *link, uint32_t ip, bool keep);

static inline void fly_link_udp_hold(struct fly_link *link, uint32_t ip)
{
	if (unlikely(fly_udp_peers_is_number(ip)))
		fly_link_udp_hold_number(link, ip, true);
}

static inline void fly_link_udp_let_go(struct fly_link *link, uint32_t ip)
{
	if (unlikely(fly_udp_peers_is_number(ip)))
		fly_link_udp_hold_number(link, ip, false);
}

#endif
