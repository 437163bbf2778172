/* SPDX-License-Identifier: BSD-3-Clause */
/* test_link_xdp.c - the ring by which the kernel gives us copies of ARP frames. */
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <string.h>

#include "fastpath/link_xdp.h"

#define BYTES 256

/* What the kernel maps twice, one behind the other. */
static union {
	uint64_t aligned[2 * BYTES / 8];
	uint8_t bytes[2 * BYTES];
} data;
static _Atomic unsigned long consumed;
static _Atomic unsigned long produced;
static struct fly_xdp_ring ring = {&consumed, &produced, data.bytes, BYTES - 1};
static uint8_t frame[FLY_XDP_ARP];

/* A record of the kernel's; its frame is of one byte all over. */
static void put(uint32_t bytes, uint32_t flags, uint8_t value)
{
	for (unsigned i = 0; i < bytes + 8; i++) {
		const uint32_t head = bytes | flags;
		const unsigned at = (unsigned)(produced + i) & (BYTES - 1);

		data.bytes[at] = i < 4 ? ((const uint8_t *)&head)[i] : value;
		data.bytes[at + BYTES] = data.bytes[at];
	}
	produced += RTE_ALIGN(bytes + 8, 8U);
}

Test(link_xdp, fly_xdp_take_arp__none_without_a_ring)
{
	static struct fly_xdp_ring none;

	cr_expect(!fly_xdp_has_arp(&none) && !fly_xdp_take_arp(&none, frame));
}

Test(link_xdp, fly_xdp_take_arp__in_turn_and_around_the_end)
{
	cr_expect(!fly_xdp_has_arp(&ring));
	for (uint8_t i = 1; i < 40; i++) {
		put(FLY_XDP_ARP, 0, i);
		put(FLY_XDP_ARP, 0, (uint8_t)(100 + i));
		cr_assert(fly_xdp_has_arp(&ring));
		cr_assert(fly_xdp_take_arp(&ring, frame));
		cr_expect(frame[0] == i && frame[FLY_XDP_ARP - 1] == i);
		cr_assert(fly_xdp_take_arp(&ring, frame));
		cr_expect(frame[0] == 100 + i && frame[FLY_XDP_ARP - 1] == 100 + i);
		cr_expect(!fly_xdp_take_arp(&ring, frame) && consumed == produced);
	}
}

Test(link_xdp, fly_xdp_take_arp__not_what_is_being_written)
{
	put(FLY_XDP_ARP, BPF_RINGBUF_BUSY_BIT, 1);
	cr_expect(!fly_xdp_take_arp(&ring, frame) && consumed == 0);
	produced = 0;
	put(FLY_XDP_ARP, 0, 1);
	cr_expect(fly_xdp_take_arp(&ring, frame));
}

Test(link_xdp, fly_xdp_take_arp__over_what_was_given_up)
{
	put(FLY_XDP_ARP, BPF_RINGBUF_DISCARD_BIT, 1);
	put(20, 0, 2);
	put(FLY_XDP_ARP, 0, 3);
	cr_expect(fly_xdp_take_arp(&ring, frame) && frame[0] == 3);
	cr_expect(consumed == produced);
}
