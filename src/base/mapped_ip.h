/* SPDX-License-Identifier: BSD-3-Clause */
/* mapped_ip.h - an IPv4 address as an IPv6 one (RFC 4291, 2.5.5.2), and back. IPs: network order.
 */
#ifndef FLY_MAPPED_IP_H
#define FLY_MAPPED_IP_H

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

static inline void fly_map_ip(struct in6_addr *to, uint32_t ip)
{
	memset(to->s6_addr, 0, 10);
	memset(to->s6_addr + 10, 0xff, 2);
	memcpy(to->s6_addr + 12, &ip, sizeof ip);
}

/* fly_mapped_ip() - of an address that is IN6_IS_ADDR_V4MAPPED(). */
static inline uint32_t fly_mapped_ip(const struct in6_addr *address)
{
	uint32_t ip;

	memcpy(&ip, address->s6_addr + 12, sizeof ip);
	return ip;
}

#endif
