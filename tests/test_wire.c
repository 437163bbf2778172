/* SPDX-License-Identifier: BSD-3-Clause */
/* test_wire.c - the wire format against handwritten bytes: all truncations, all wrong fields. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>

#include "fastpath/wire.h"

/* A call with four bytes of arguments, from 10.0.0.1:61989 to 10.0.0.2:4660, byte by byte. */
static const uint8_t golden[] = {0x02,
				 0x00,
				 0x00,
				 0x00,
				 0x00,
				 0x02,
				 0x02,
				 0x00,
				 0x00,
				 0x00,
				 0x00,
				 0x01,
				 0x08,
				 0x00,
				 0x45,
				 0x00,
				 0x00,
				 0x40,
				 0x00,
				 0x00,
				 0x40,
				 0x00,
				 0x40,
				 0x11,
				 0x26,
				 0xab,
				 10,
				 0,
				 0,
				 1,
				 10,
				 0,
				 0,
				 2,
				 0xf2,
				 0x25,
				 0x12,
				 0x34,
				 0x00,
				 0x2c,
				 0x00,
				 0x00,
				 /* version 1, call; resent */ 0x11,
				 0x01,
				 /* procedure */ 0x34,
				 0x12,
				 /* export */ 0x78,
				 0x56,
				 0x34,
				 0x12,
				 /* activity */ 0xef,
				 0xcd,
				 0xab,
				 0x89,
				 0x67,
				 0x45,
				 0x23,
				 0x01,
				 /* sequence */ 0x04,
				 0x03,
				 0x02,
				 0x01,
				 /* fragment 0 of 1 */ 0x00,
				 0x00,
				 0x01,
				 0x00,
				 /* hint */ 0xff,
				 0xff,
				 0xff,
				 0xff,
				 /* length, age */ 0x04,
				 0x00,
				 0x2a,
				 0x00,
				 /* arguments */ 0xde,
				 0xad,
				 0xbe,
				 0xef};
static const struct fly_header golden_header = {
	.type = FLY_PACKET_CALL,
	.flags = FLY_FLAG_RESENT,
	.procedure = 0x1234,
	.export_id = 0x12345678,
	.activity = 0x0123456789abcdef,
	.seq = 0x01020304,
	.fragments = 1,
	.hint = FLY_HINT_NONE,
	.length = 4,
	.age = 42,
};

static int check(const uint8_t *frame, uint32_t bytes)
{
	return fly_wire_check_outer(frame, bytes, htonl(0x0a000002), htons(0x1234));
}

static bool same(const struct fly_header *a, const struct fly_header *b)
{
	return a->type == b->type && a->flags == b->flags && a->procedure == b->procedure &&
	       a->export_id == b->export_id && a->activity == b->activity && a->seq == b->seq &&
	       a->fragment == b->fragment && a->fragments == b->fragments && a->hint == b->hint &&
	       a->length == b->length && a->age == b->age;
}

/* RFC 1071 over a whole IPv4 header, computed otherwise than in wire.c. Return: 0 if it holds. */
static uint16_t header_sum(const uint8_t *frame)
{
	uint64_t sum = 0;

	for (unsigned i = FLY_IP; i < FLY_IP + 20; i += 4)
		sum += (uint32_t)frame[i] << 24 | (uint32_t)frame[i + 1] << 16 |
		       (uint32_t)frame[i + 2] << 8 | frame[i + 3];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint64_t random_state = 1989;

static uint64_t draw(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return random_state ^ random_state >> 29;
}

Test(wire, fly_wire_check_outer__takes_the_golden_frame)
{
	cr_expect(check(golden, sizeof golden) == 0);
	cr_expect(header_sum(golden) == 0, "the golden frame itself is wrong");
}

Test(wire, fly_wire_check_outer__no_truncation_passes_and_none_is_read_beyond)
{
	for (uint32_t bytes = 0; bytes < sizeof golden; bytes++) {
		uint8_t *exact = malloc(bytes ? bytes : 1);

		memcpy(exact, golden, bytes);
		cr_expect(check(exact, bytes) == -(bytes < FLY_PAYLOAD
							   ? (int)FLY_COUNT_drop_short
							   : (int)FLY_COUNT_drop_length),
			  "%u bytes", bytes);
		free(exact);
	}
}

Test(wire, fly_wire_check_outer__padding_behind_the_datagram_is_nobodys)
{
	uint8_t padded[sizeof golden + 40] = {0};

	memcpy(padded, golden, sizeof golden);
	cr_expect(check(padded, sizeof padded) == 0);
}

Test(wire, fly_wire_check_outer__says_which_field_is_wrong)
{
	static const struct {
		unsigned at;
		uint8_t value;
		enum fly_counter why;
	} rows[] = {
		{FLY_ETHER_TYPE, 0x86, FLY_COUNT_drop_not_ip},
		{FLY_ETHER_TYPE + 1, 0x06, FLY_COUNT_drop_not_ip},
		{FLY_IP, 0x65, FLY_COUNT_drop_ip_options},
		{FLY_IP, 0x46, FLY_COUNT_drop_ip_options},
		{FLY_IP, 0x44, FLY_COUNT_drop_ip_options},
		{FLY_IP_FRAGMENT, 0x20, FLY_COUNT_drop_ip_fragment},     /* more fragments */
		{FLY_IP_FRAGMENT + 1, 0x01, FLY_COUNT_drop_ip_fragment}, /* an offset */
		{FLY_IP_FRAGMENT, 0x1f, FLY_COUNT_drop_ip_fragment},
		{FLY_IP_PROTOCOL, 6, FLY_COUNT_drop_not_udp},
		{FLY_IP_DESTINATION, 11, FLY_COUNT_drop_other_address},
		{FLY_IP_DESTINATION + 3, 3, FLY_COUNT_drop_other_address},
		{FLY_UDP_DESTINATION, 0x13, FLY_COUNT_drop_other_port},
		{FLY_UDP_DESTINATION + 1, 0x35, FLY_COUNT_drop_other_port},
		{FLY_ETHER_DESTINATION, 0xff, FLY_COUNT_drop_broadcast},
		{FLY_ETHER_DESTINATION, 0x01, FLY_COUNT_drop_broadcast},
		{FLY_IP_LENGTH, 0xff, FLY_COUNT_drop_length},
		{FLY_UDP_LENGTH, 0x01, FLY_COUNT_drop_length},
	};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t frame[sizeof golden];

		memcpy(frame, golden, sizeof frame);
		frame[rows[i].at] = rows[i].value;
		cr_expect(check(frame, sizeof frame) == -(int)rows[i].why, "row %u: %s", i,
			  fly_stats_name(rows[i].why));
	}
}

Test(wire, fly_wire_check_outer__do_not_fragment_may_be_set_or_not)
{
	uint8_t frame[sizeof golden];

	memcpy(frame, golden, sizeof frame);
	frame[FLY_IP_FRAGMENT] = 0;
	cr_expect(check(frame, sizeof frame) == 0);
}

Test(wire, fly_wire_check_outer__of_all_ip_lengths_only_those_that_can_be)
{
	uint8_t frame[sizeof golden];

	memcpy(frame, golden, sizeof frame);
	for (uint32_t ip = 0; ip <= 0xffff; ip++) {
		const bool fits = ip >= FLY_IP_OVERHEAD && ip + 14 <= sizeof golden;

		fly_put_be16(frame + FLY_IP_LENGTH, (uint16_t)ip);
		fly_put_be16(frame + FLY_UDP_LENGTH, (uint16_t)(ip - 20));
		if ((check(frame, sizeof frame) == 0) != fits)
			cr_assert_fail("IPv4 length %u", ip);
	}
}

Test(wire, fly_wire_check_outer__of_all_udp_lengths_only_the_one_that_agrees)
{
	uint8_t frame[sizeof golden];

	memcpy(frame, golden, sizeof frame);
	for (uint32_t udp = 0; udp <= 0xffff; udp++) {
		fly_put_be16(frame + FLY_UDP_LENGTH, (uint16_t)udp);
		if ((check(frame, sizeof frame) == 0) != (udp == 0x2c))
			cr_assert_fail("UDP length %u", udp);
	}
}

Test(wire, fly_wire_decode__reads_the_golden_header)
{
	struct fly_header h;

	cr_assert(fly_wire_decode(golden + FLY_RPC, 36, &h) == 0);
	cr_expect(same(&h, &golden_header));
}

Test(wire, fly_wire_decode__of_all_lengths_only_the_one_that_agrees)
{
	uint8_t rpc[FLY_RPC_BYTES];
	struct fly_header h;

	memcpy(rpc, golden + FLY_RPC, sizeof rpc);
	for (uint32_t length = 0; length <= 0xffff; length++) {
		fly_put_u16(rpc + 28, (uint16_t)length);
		if (fly_wire_decode(rpc, 36, &h) != (length == 4 ? 0 : -(int)FLY_COUNT_drop_length))
			cr_assert_fail("length %u", length);
	}
}

Test(wire, fly_wire_decode__another_version_still_tells_the_rest)
{
	uint8_t rpc[FLY_RPC_BYTES];
	struct fly_header h;

	memcpy(rpc, golden + FLY_RPC, sizeof rpc);
	for (unsigned version = 0; version < 16; version++) {
		rpc[0] = (uint8_t)(version << 4 | FLY_PACKET_CALL);
		cr_expect(fly_wire_decode(rpc, 36, &h) ==
			  (version == FLY_WIRE_VERSION ? 0 : -(int)FLY_COUNT_drop_version));
		cr_expect(same(&h, &golden_header), "version %u", version);
	}
}

Test(wire, fly_wire_decode__never_reads_beyond_the_header)
{
	uint8_t *exact = malloc(FLY_RPC_BYTES);
	struct fly_header h;

	memcpy(exact, golden + FLY_RPC, FLY_RPC_BYTES);
	cr_expect(fly_wire_decode(exact, 36, &h) == 0);
	free(exact);
}

Test(wire, fly_wire_encode__writes_the_golden_header)
{
	uint8_t rpc[FLY_RPC_BYTES];

	memset(rpc, 0xee, sizeof rpc);
	fly_wire_encode(rpc, &golden_header);
	cr_expect(memcmp(rpc, golden + FLY_RPC, sizeof rpc) == 0);
}

Test(wire, fly_wire_encode__is_undone_by_decode)
{
	for (unsigned i = 0; i < 10000; i++) {
		const struct fly_header h = {
			.type = draw() & 0x0f,
			.flags = (uint8_t)draw(),
			.procedure = (uint16_t)draw(),
			.export_id = (uint32_t)draw(),
			.activity = draw(),
			.seq = (uint32_t)draw(),
			.fragment = (uint16_t)draw(),
			.fragments = (uint16_t)draw(),
			.hint = (uint32_t)draw(),
			.length = (uint16_t)draw(),
			.age = (uint16_t)draw(),
		};
		struct fly_header back;
		uint8_t rpc[FLY_RPC_BYTES];

		fly_wire_encode(rpc, &h);
		if (fly_wire_decode(rpc, h.length + 32U, &back) != 0 || !same(&h, &back))
			cr_assert_fail("header %u", i);
	}
}

Test(wire, fly_wire_put_outer__writes_the_golden_frame)
{
	const struct fly_address from = {{2, 0, 0, 0, 0, 1}, htons(61989), htonl(0x0a000001)};
	const struct fly_address to = {{2, 0, 0, 0, 0, 2}, htons(0x1234), htonl(0x0a000002)};
	uint8_t frame[FLY_RPC];

	memset(frame, 0xee, sizeof frame);
	fly_wire_put_outer(frame, &from, &to);
	cr_expect(header_sum(frame) == 0);
	cr_expect(fly_get_be16(frame + FLY_IP_LENGTH) == FLY_IP_OVERHEAD);
	fly_wire_set_lengths(frame, 4);
	cr_expect(memcmp(frame, golden, sizeof frame) == 0);
}

Test(wire, fly_wire_put_outer__its_checksum_holds_for_any_address)
{
	for (unsigned i = 0; i < 100000; i++) {
		const struct fly_address from = {{0}, 1, (uint32_t)draw()};
		const struct fly_address to = {{0}, 1, (uint32_t)(draw() >> 13)};
		uint8_t frame[FLY_RPC];

		fly_wire_put_outer(frame, &from, &to);
		if (header_sum(frame) != 0)
			cr_assert_fail("%08x to %08x", from.ip, to.ip);
	}
}

Test(wire, fly_wire_set_lengths__updates_as_if_summed_from_scratch)
{
	for (unsigned i = 0; i < 100; i++) {
		const struct fly_address from = {{0}, 1, (uint32_t)draw()};
		const struct fly_address to = {{0}, 1, (uint32_t)(draw() >> 13)};
		uint8_t frame[FLY_RPC];

		fly_wire_put_outer(frame, &from, &to);
		for (uint32_t n = 0; n <= 8940; n++) {
			const uint32_t payload = (n * 7919) % 8941; /* up and down */

			fly_wire_set_lengths(frame, payload);
			if (header_sum(frame) != 0 ||
			    fly_get_be16(frame + FLY_IP_LENGTH) != payload + 60 ||
			    fly_get_be16(frame + FLY_UDP_LENGTH) != payload + 40 ||
			    fly_load_raw16(frame + FLY_UDP_CHECKSUM) != 0)
				cr_assert_fail("payload %u", payload);
		}
	}
}

Test(wire, fly_wire_swap__turns_each_address_around_and_the_checksum_holds)
{
	static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 9};
	uint8_t frame[sizeof golden];

	memcpy(frame, golden, sizeof frame);
	fly_wire_swap(frame, our_mac);
	cr_expect(memcmp(frame + FLY_ETHER_DESTINATION, golden + FLY_ETHER_SOURCE, 6) == 0);
	cr_expect(memcmp(frame + FLY_ETHER_SOURCE, our_mac, 6) == 0);
	cr_expect(memcmp(frame + FLY_IP_SOURCE, golden + FLY_IP_DESTINATION, 4) == 0);
	cr_expect(memcmp(frame + FLY_IP_DESTINATION, golden + FLY_IP_SOURCE, 4) == 0);
	cr_expect(memcmp(frame + FLY_UDP_SOURCE, golden + FLY_UDP_DESTINATION, 2) == 0);
	cr_expect(memcmp(frame + FLY_UDP_DESTINATION, golden + FLY_UDP_SOURCE, 2) == 0);
	cr_expect(memcmp(frame + FLY_UDP_LENGTH, golden + FLY_UDP_LENGTH,
			 sizeof golden - FLY_UDP_LENGTH) == 0);
	cr_expect(header_sum(frame) == 0);
}

Test(wire, fly_seq_after__goes_around_as_rfc_1982_says)
{
	static const uint32_t bases[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

	for (unsigned i = 0; i < sizeof bases / sizeof bases[0]; i++) {
		const uint32_t b = bases[i];

		cr_expect(!fly_seq_after(b, b));
		cr_expect(fly_seq_after(b + 1, b));
		cr_expect(!fly_seq_after(b - 1, b));
		cr_expect(fly_seq_after(b + 0x7fffffff, b));
		cr_expect(!fly_seq_after(b + 0x80000001, b));
		cr_expect(!fly_seq_after(b, b + 1));
	}
}
