/* SPDX-License-Identifier: BSD-3-Clause */
/* wire.c - the part of the wire format that is written once per binding, not per packet. */
#include "fastpath/wire.h"

/* RFC 1071's sum over the 20 bytes of an IPv4 header whose checksum field is 0. */
static uint16_t ip_checksum(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += fly_get_be16(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void fly_wire_put_outer(uint8_t *frame, const struct fly_address *from,
			const struct fly_address *to)
{
	static const uint8_t fixed[] = {
		0x08, 0x00,                        /* EtherType IPv4 */
		0x45, 0x00, 0x00, FLY_IP_OVERHEAD, /* version, length */
		0x00, 0x00, 0x40, 0x00,            /* no identification, do not fragment */
		64,   17,   0x00, 0x00,            /* hop limit, UDP, checksum */
	};

	memcpy(frame + FLY_ETHER_DESTINATION, to->mac, 6);
	memcpy(frame + FLY_ETHER_SOURCE, from->mac, 6);
	memcpy(frame + FLY_ETHER_TYPE, fixed, sizeof fixed);
	fly_store_raw32(frame + FLY_IP_SOURCE, from->ip);
	fly_store_raw32(frame + FLY_IP_DESTINATION, to->ip);
	fly_put_be16(frame + FLY_IP_CHECKSUM, ip_checksum(frame + FLY_IP));
	fly_store_raw16(frame + FLY_UDP_SOURCE, from->port);
	fly_store_raw16(frame + FLY_UDP_DESTINATION, to->port);
	fly_put_be16(frame + FLY_UDP_LENGTH, FLY_IP_OVERHEAD - 20);
	fly_store_raw16(frame + FLY_UDP_CHECKSUM, 0);
}
