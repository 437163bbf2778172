/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wire.h - every byte that goes over a link: the RPC header, and the Ethernet, IPv4 and UDP headers
 * in front of it. docs/protocol.md has the meaning of the fields.
 *
 * Decoders take bytes and a length, fill a plain struct, and return 0 or the counter under which
 * the packet is dropped. They never read past the length. Bytes, not bit-fields: memcpy moves whole
 * integers. Pure functions; any thread.
 */
#ifndef FLY_WIRE_H
#define FLY_WIRE_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <stdbool.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>

#include <firefly/stub.h>

#include "fastpath/stats.h"

/* Offsets in a frame. */
#define FLY_ETHER_DESTINATION 0
#define FLY_ETHER_SOURCE      6
#define FLY_ETHER_TYPE        12
#define FLY_IP                14
#define FLY_IP_LENGTH         16
#define FLY_IP_FRAGMENT       20
#define FLY_IP_PROTOCOL       23
#define FLY_IP_CHECKSUM       24
#define FLY_IP_SOURCE         26
#define FLY_IP_DESTINATION    30
#define FLY_UDP_SOURCE        34
#define FLY_UDP_DESTINATION   36
#define FLY_UDP_LENGTH        38
#define FLY_UDP_CHECKSUM      40
#define FLY_RPC               42
#define FLY_PAYLOAD           74 /* Ethernet 14, IPv4 20, UDP 8, RPC 32 */

#define FLY_RPC_BYTES    32
#define FLY_IP_OVERHEAD  60 /* IPv4, UDP and RPC headers: what an MTU loses before the payload */
#define FLY_WIRE_VERSION 1

/* Packet types, the low nibble of byte 0. */
enum fly_packet_type {
	FLY_PACKET_CALL = 1,
	FLY_PACKET_RESULT = 2,
	FLY_PACKET_REJECT = 3,
	FLY_PACKET_ACK = 4,       /* how much has come; procedure: of what, enum fly_about */
	FLY_PACKET_PROBE = 5,     /* how much has come? procedure: of what, enum fly_about */
	FLY_PACKET_CANCEL = 6,    /* the caller has cancelled a call */
	FLY_PACKET_CHALLENGE = 7, /* send a call again with the token in the hint */
	FLY_PACKET_EXCEPTION = 8, /* a result with a status that is not FLY_OK */
	FLY_PACKET_CLOSE = 9,     /* the caller sends nothing more of an activity */
	FLY_PACKET_QUESTION =
		10,             /* to all of a network: who exports an interface? To us: dropped */
	FLY_PACKET_ANSWER = 11, /* somebody does */
};

/*
 * Where questions go: an address of RFC 2365's organisation-local scope. The port is none of a
 * poller: a socket of the kernel that serves at all addresses would keep others off it.
 */
#define FLY_GROUP_IP   RTE_BE32(239U << 24 | 255U << 16 | 70U << 8 | 89U)
#define FLY_GROUP_PORT 61988
#define FLY_GROUP_MAC                              \
	{                                          \
		0x01, 0x00, 0x5e, 0x7f, 0x46, 0x59 \
	} /* RFC 1112: its last 23 bits */

/* What a packet that is neither call nor result is about: its field `procedure`. */
enum fly_about {
	FLY_ABOUT_CALL = 1,
	FLY_ABOUT_RESULT = 2,
	FLY_ABOUT_PATH = 3, /* a probe of this length arrives: slowpath/path_mtu.h */
};

/* Flags, byte 1. */
#define FLY_FLAG_RESENT   0x01 /* not the first transmission of this packet */
#define FLY_FLAG_ACK      0x02 /* send an acknowledgement */
#define FLY_FLAG_DEADLINE 0x04 /* call: 4 bytes follow the arguments, see FLY_DEADLINE_BYTES */
#define FLY_FLAG_TOKEN    0x08 /* call: the hint is a token that the server gave out */
#define FLY_FLAG_IDLE     0x10 /* acknowledgement: nothing has come for a while, send more */
#define FLY_FLAG_GONE     0x20 /* refusal: no call of this activity runs any more, take another */

/* Behind the arguments of a call with a deadline: us left when it was first sent. */
#define FLY_DEADLINE_BYTES 4

/* The hint of a caller that does not know the index of its record. */
#define FLY_HINT_NONE UINT32_MAX

/* The RPC header, decoded. In front: byte offsets within its 32 bytes. */
struct fly_header {
	uint8_t type;       /*  0  low nibble; the high nibble is the version */
	uint8_t flags;      /*  1 */
	uint16_t procedure; /*  2  in a call; in a result or reject: an enum fly_status */
	uint32_t export_id; /*  4  in a result of several, and acks of it: a key drawn for it */
	uint64_t activity;  /*  8  48 random bits, 16 bits call-table entry */
	uint32_t seq;       /* 16  compare with fly_seq_after() */
	uint16_t fragment;  /* 20  index, from 0; in an ack: how many have come, without a gap */
	uint16_t fragments; /* 22  of the whole call or result */
	uint32_t hint;      /* 24  in a reject: the exporter's uptime in ms, saturating */
	uint16_t length;    /* 28  payload bytes */
	uint16_t age; /* 30  call: ms since first sent, saturating; result: number of the execution;
			 ack with a payload: the fragment that caused it */
};

/* Big-endian fields of the outer headers are compared as they lie in memory. */
static inline uint16_t fly_load_raw16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint32_t fly_load_raw32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint64_t fly_load_raw64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline void fly_store_raw16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline void fly_store_raw32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline void fly_store_raw64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline uint16_t fly_get_be16(const uint8_t *p)
{
	return rte_be_to_cpu_16(fly_load_raw16(p));
}

static inline void fly_put_be16(uint8_t *p, uint16_t v)
{
	fly_store_raw16(p, rte_cpu_to_be_16(v));
}

/* Serial-number comparison (RFC 1982): is @a later than @b? */
static inline int fly_seq_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/*
 * fly_wire_check_outer() - is this frame a UDP packet for us, with lengths that agree?
 * @frame, @bytes: one contiguous buffer.
 * @ip, @port: ours, in network order.
 * Return: 0: bytes up to FLY_PAYLOAD are there, and the UDP payload ends within the frame. Else the
 * negated counter of the failed check. ARP is drop_not_ip here: the slow path checks again.
 */
static inline int fly_wire_check_outer(const uint8_t *frame, uint32_t bytes, uint32_t ip,
				       uint16_t port)
{
	if (bytes < FLY_PAYLOAD)
		return -(int)FLY_COUNT_drop_short;
	if (fly_get_be16(frame + FLY_ETHER_TYPE) != 0x0800)
		return -(int)FLY_COUNT_drop_not_ip;
	if (frame[FLY_IP] != 0x45)
		return -(int)FLY_COUNT_drop_ip_options;
	if ((fly_get_be16(frame + FLY_IP_FRAGMENT) & 0x3fff) !=
	    0) /* more fragments, or an offset */
		return -(int)FLY_COUNT_drop_ip_fragment;
	if (frame[FLY_IP_PROTOCOL] != 17)
		return -(int)FLY_COUNT_drop_not_udp;
	if (fly_load_raw32(frame + FLY_IP_DESTINATION) != ip)
		return -(int)FLY_COUNT_drop_other_address;
	if (fly_load_raw16(frame + FLY_UDP_DESTINATION) != port)
		return -(int)FLY_COUNT_drop_other_port;
	if (frame[FLY_ETHER_DESTINATION] & 1)
		return -(int)FLY_COUNT_drop_broadcast;

	const uint32_t ip_bytes = fly_get_be16(frame + FLY_IP_LENGTH);

	if (ip_bytes + FLY_IP > bytes || ip_bytes < FLY_IP_OVERHEAD ||
	    fly_get_be16(frame + FLY_UDP_LENGTH) != ip_bytes - 20)
		return -(int)FLY_COUNT_drop_length;
	return 0;
}

/*
 * fly_wire_is_plain() - is this a whole call or result for us, of one packet, in the common form?
 * Does the checks of fly_wire_check_outer() and fly_wire_decode(), and a fragment count of 1, in as
 * few comparisons as possible. A frame that fails goes through those two, which say why.
 */
static inline bool fly_wire_is_plain(const uint8_t *frame, uint32_t bytes, uint32_t ip,
				     uint16_t port)
{
	if (unlikely(bytes < FLY_PAYLOAD))
		return false;

	/* EtherType, IP version and header length, without the type of service in the last byte. */
	const uint32_t kind = fly_load_raw32(frame + FLY_ETHER_TYPE);
	/* Fragment offset and "more fragments", hop limit (any), protocol. */
	const uint32_t fragment = fly_load_raw32(frame + FLY_IP_FRAGMENT);
	const uint32_t ip_bytes = fly_get_be16(frame + FLY_IP_LENGTH);
	const uint32_t length = fly_get_u16(frame + FLY_RPC + 28);

	return likely((kind & RTE_BE32(0xffffff00)) == RTE_BE32(0x08004500) &&
		      (fragment & RTE_BE32(0x3fff00ff)) == RTE_BE32(17) &&
		      fly_load_raw32(frame + FLY_IP_DESTINATION) == ip &&
		      fly_load_raw16(frame + FLY_UDP_DESTINATION) == port &&
		      (frame[FLY_ETHER_DESTINATION] & 1) == 0 && ip_bytes + FLY_IP <= bytes &&
		      ip_bytes == length + FLY_IP_OVERHEAD &&
		      fly_get_be16(frame + FLY_UDP_LENGTH) == ip_bytes - 20 &&
		      fly_get_u32(frame + FLY_RPC + 20) == 1U << 16);
}

/* fly_wire_read() - the fields of an RPC header, unchecked. @rpc: 32 bytes at least. */
static inline void fly_wire_read(const uint8_t *rpc, struct fly_header *h)
{
	h->type = rpc[0] & 0x0f;
	h->flags = rpc[1];
	h->procedure = fly_get_u16(rpc + 2);
	h->export_id = fly_get_u32(rpc + 4);
	h->activity = fly_get_u64(rpc + 8);
	h->seq = fly_get_u32(rpc + 16);
	h->fragment = fly_get_u16(rpc + 20);
	h->fragments = fly_get_u16(rpc + 22);
	h->hint = fly_get_u32(rpc + 24);
	h->length = fly_get_u16(rpc + 28);
	h->age = fly_get_u16(rpc + 30);
}

/*
 * fly_wire_decode() - read the RPC header of a frame that passed fly_wire_check_outer().
 * @rpc: 32 bytes at least. @udp_payload_bytes: from the IPv4 header, at least 32.
 * Return: 0, or a negated counter: drop_length, or drop_version (do not trust h->type then; all
 * other fields are at the same offsets in every version).
 */
static inline int fly_wire_decode(const uint8_t *rpc, uint32_t udp_payload_bytes,
				  struct fly_header *h)
{
	fly_wire_read(rpc, h);
	if ((rpc[0] >> 4) != FLY_WIRE_VERSION)
		return -(int)FLY_COUNT_drop_version;
	if ((uint32_t)h->length + FLY_RPC_BYTES != udp_payload_bytes)
		return -(int)FLY_COUNT_drop_length;
	return 0;
}

/* fly_wire_encode() - write the RPC header. The inverse of fly_wire_decode(). */
static inline void fly_wire_encode(uint8_t *rpc, const struct fly_header *h)
{
	rpc[0] = (uint8_t)(FLY_WIRE_VERSION << 4 | h->type);
	rpc[1] = h->flags;
	fly_put_u16(rpc + 2, h->procedure);
	fly_put_u32(rpc + 4, h->export_id);
	fly_put_u64(rpc + 8, h->activity);
	fly_put_u32(rpc + 16, h->seq);
	fly_put_u16(rpc + 20, h->fragment);
	fly_put_u16(rpc + 22, h->fragments);
	fly_put_u32(rpc + 24, h->hint);
	fly_put_u16(rpc + 28, h->length);
	fly_put_u16(rpc + 30, h->age);
}

/* Where a packet goes, or came from. MAC in wire order; ip and port in network order. */
struct fly_address {
	uint8_t mac[6];
	uint16_t port;
	uint32_t ip;
};

/*
 * fly_wire_put_outer() - write the 42 bytes in front of the RPC header, with lengths for no
 * payload.
 * @frame: FLY_RPC bytes at least.
 */
void fly_wire_put_outer(uint8_t *frame, const struct fly_address *from,
			const struct fly_address *to);

/*
 * fly_wire_set_lengths() - set IPv4 and UDP length for a payload, and the IPv4 checksum.
 *
 * The checksum is updated by equation 3 of RFC 1624 from the old length and checksum, which must
 * agree. The UDP checksum becomes 0, "none": a link that needs one computes it when it sends.
 */
static inline void fly_wire_set_lengths(uint8_t *frame, uint32_t payload_bytes)
{
	const uint32_t old_bytes = fly_get_be16(frame + FLY_IP_LENGTH);
	const uint32_t new_bytes = payload_bytes + FLY_IP_OVERHEAD;
	uint32_t sum = (uint16_t)~fly_get_be16(frame + FLY_IP_CHECKSUM);

	sum += (uint16_t)~old_bytes + new_bytes;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	fly_put_be16(frame + FLY_IP_CHECKSUM, (uint16_t)~sum);
	fly_put_be16(frame + FLY_IP_LENGTH, (uint16_t)new_bytes);
	fly_put_be16(frame + FLY_UDP_LENGTH, (uint16_t)(new_bytes - 20));
	fly_store_raw16(frame + FLY_UDP_CHECKSUM, 0);
}

/*
 * fly_wire_swap() - turn a frame around: MACs, IPs and ports change places. The IPv4 checksum stays
 * right.
 * @mac: our own address, the new source.
 */
static inline void fly_wire_swap(uint8_t *frame, const uint8_t mac[6])
{
	const uint64_t ips = fly_load_raw64(frame + FLY_IP_SOURCE);
	const uint32_t ports = fly_load_raw32(frame + FLY_UDP_SOURCE);

	memcpy(frame + FLY_ETHER_DESTINATION, frame + FLY_ETHER_SOURCE, 6);
	memcpy(frame + FLY_ETHER_SOURCE, mac, 6);
	fly_store_raw64(frame + FLY_IP_SOURCE, ips << 32 | ips >> 32);
	fly_store_raw32(frame + FLY_UDP_SOURCE, ports << 16 | ports >> 16);
}

/* fly_wire_result_type() - a result with a status is an exception. */
static inline uint32_t fly_wire_result_type(uint16_t status)
{
	return status == FLY_OK ? FLY_PACKET_RESULT : FLY_PACKET_EXCEPTION;
}

/*
 * fly_wire_make_result() - turn the RPC header of a call into that of its result. The outer headers
 * are done. The UDP checksum becomes 0; activity, sequence and fragments stay.
 * @hint: the index of the record. @execution: which run of a procedure for this caller it was.
 */
static inline void fly_wire_make_result(uint8_t *frame, uint16_t status, uint32_t hint,
					uint16_t length, uint16_t execution)
{
	uint8_t *rpc = frame + FLY_RPC;

	fly_store_raw16(frame + FLY_UDP_CHECKSUM, 0);
	fly_put_u32(rpc,
		    FLY_WIRE_VERSION << 4 | fly_wire_result_type(status) | (uint32_t)status << 16);
	fly_put_u64(rpc + 24, hint | (uint64_t)length << 32 | (uint64_t)execution << 48);
}

static_assert(FLY_PAYLOAD == FLY_RPC + FLY_RPC_BYTES,
	      "the RPC header ends where the payload begins");
static_assert(FLY_PAYLOAD == FLY_IP + FLY_IP_OVERHEAD,
	      "the MTU's loss is all but the Ethernet header");

#endif
