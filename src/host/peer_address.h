/* SPDX-License-Identifier: BSD-3-Clause */
/* peer_address.h - addresses as people write them: numbers or names, with a port or without. */
#ifndef FLY_PEER_ADDRESS_H
#define FLY_PEER_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define FLY_PEER_ADDRESSES  8   /* of one name that are tried, at most */
#define FLY_PEER_NAME_BYTES 256 /* of a host's name (RFC 1035), and its end */
#define FLY_PEER_TEXT_BYTES \
	72 /* of an address as text: 46 of IPv6, "%", 16 of an interface, "[]" */

/* Where a peer may be. IPv4 addresses are mapped (RFC 4291, 2.5.5.2); ports are set. */
struct fly_peer_addresses {
	unsigned n;
	struct sockaddr_in6 at[FLY_PEER_ADDRESSES];
};

/*
 * fly_peer_address_find() - A.B.C.D, an IPv6 address or a host's name, each with or without :PORT.
 * An IPv6 address in front of a port stands in brackets: [fe80::1%eth0]:61989. Names are looked up
 * by getaddrinfo(3), which may wait: not on a poller that others need.
 * @port: host order; of a text that names none.
 * Return: 0; or -FLY_EINVAL or -FLY_ESYSTEM with a sentence.
 */
int fly_peer_address_find(const char *text, uint16_t port, struct fly_peer_addresses *found);

/*
 * fly_peer_address_parse() - the same for numbers only. Return: 0; -FLY_EINVAL without a sentence.
 * @port: host order; unchanged if the text names none.
 */
int fly_peer_address_parse(const char *text, struct in6_addr *address, uint32_t *scope,
			   uint16_t *port);

/* fly_peer_address_text() - "10.0.0.2" or "[fe80::1%eth0]". */
void fly_peer_address_text(const struct in6_addr *address, uint32_t scope,
			   char to[FLY_PEER_TEXT_BYTES]);

#endif
