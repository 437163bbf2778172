/* SPDX-License-Identifier: BSD-3-Clause */
/* test_xdp.c - which frames our XDP program takes: the kernel runs it, as it does for an interface.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/xdp.h"

#define OURS     0x0a460002 /* 10.70.0.2 */
#define UDP_PORT 61989

static const struct fly_xdp_target target_2 = {.udp_port = UDP_PORT, .n_ports = 2};
static uint8_t frame[64];
static int program_fd;
static const uint8_t
	*ring; /* of the kernel's: how much it has written, and behind that page what */

static int bpf(enum bpf_cmd command, union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, command, a, sizeof *a);
}

static int new_map(uint32_t type, uint32_t field, uint32_t entries)
{
	union bpf_attr a;

	memset(&a, 0, sizeof a);
	a.map_type = type;
	a.key_size = a.value_size = field;
	a.max_entries = entries;
	return bpf(BPF_MAP_CREATE, &a);
}

/* A map of devices stands for that of sockets: what the program takes is redirected to lo. */
static void load(void)
{
	const long page = sysconf(_SC_PAGESIZE);
	struct fly_xdp_target target = target_2;
	struct bpf_insn instructions[FLY_XDP_INSTRUCTIONS] = {{0}};
	char log[4096] = "";
	uint32_t key = 0;
	uint32_t lo = if_nametoindex("lo");
	const int ring_fd = new_map(BPF_MAP_TYPE_RINGBUF, 0, (uint32_t)page);
	const int map_fd = new_map(BPF_MAP_TYPE_DEVMAP, 4, 1);
	union bpf_attr a;

	if (ring_fd < 0 || map_fd < 0)
		cr_skip_test("no bpf(2) here");
	ring = mmap(NULL, 3 * (size_t)page, PROT_READ, MAP_SHARED, ring_fd, page);
	cr_assert(ring != MAP_FAILED);
	memset(&a, 0, sizeof a);
	a.map_fd = (uint32_t)map_fd;
	a.key = (uintptr_t)&key;
	a.value = (uintptr_t)&lo;
	cr_assert(bpf(BPF_MAP_UPDATE_ELEM, &a) == 0);
	target.ip = htonl(OURS);
	memset(&a, 0, sizeof a);
	a.prog_type = BPF_PROG_TYPE_XDP;
	a.insns = (uintptr_t)instructions;
	a.insn_cnt = fly_xdp_program(&target, map_fd, ring_fd, instructions);
	a.license = (uintptr_t) "BSD";
	a.log_buf = (uintptr_t)log;
	a.log_size = sizeof log;
	a.log_level = 1;
	program_fd = bpf(BPF_PROG_LOAD, &a);
	if (program_fd < 0 && errno == EPERM)
		cr_skip_test("no bpf(2) here");
	cr_assert(program_fd >= 0, "%s", log);
}

/* What becomes of a frame of so many bytes. */
static uint32_t fate_of(uint32_t bytes)
{
	union bpf_attr a;

	memset(&a, 0, sizeof a);
	a.test.prog_fd = (uint32_t)program_fd;
	a.test.data_in = (uintptr_t)frame;
	a.test.data_size_in = bytes;
	cr_assert(bpf(BPF_PROG_TEST_RUN, &a) == 0, "%s", strerror(errno));
	return a.test.retval;
}

static bool is_taken(void)
{
	return fate_of(sizeof frame) == XDP_REDIRECT;
}

static void put16(unsigned at, uint16_t value)
{
	frame[at] = (uint8_t)(value >> 8);
	frame[at + 1] = (uint8_t)value;
}

/* One that is ours. */
static void begin(void)
{
	load();
	put16(12, 0x0800);
	frame[14] = 0x45;
	frame[23] = IPPROTO_UDP;
	put16(30, OURS >> 16);
	put16(32, OURS & 0xffff);
	put16(36, UDP_PORT);
}

TestSuite(xdp, .init = begin);

Test(xdp, fly_xdp_program__takes_ours)
{
	cr_expect(is_taken());
	put16(20, 0x4000);
	cr_expect(is_taken(), "not to be fragmented");
	put16(36, UDP_PORT + 1);
	cr_expect(is_taken(), "the second poller's");
	cr_expect(fate_of(42) == XDP_REDIRECT, "nothing behind the headers");
}

Test(xdp, fly_xdp_program__leaves_other_ports_to_the_kernel)
{
	put16(36, UDP_PORT - 1);
	cr_expect(!is_taken());
	put16(36, UDP_PORT + 2);
	cr_expect(!is_taken());
	put16(36, 22);
	cr_expect(!is_taken());
}

Test(xdp, fly_xdp_program__leaves_other_addresses_to_the_kernel)
{
	frame[33]++;
	cr_expect(!is_taken());
	frame[33]--;
	frame[30]++;
	cr_expect(!is_taken());
}

Test(xdp, fly_xdp_program__leaves_other_protocols_to_the_kernel)
{
	frame[23] = IPPROTO_TCP;
	cr_expect(!is_taken());
	frame[23] = IPPROTO_UDP;
	put16(12, 0x86dd);
	cr_expect(!is_taken());
	put16(12, 0x8100);
	cr_expect(!is_taken());
}

Test(xdp, fly_xdp_program__leaves_what_is_odd_to_the_kernel)
{
	cr_expect(fate_of(41) == XDP_PASS);
	frame[14] = 0x46;
	cr_expect(!is_taken(), "options");
	frame[14] = 0x45;
	put16(20, 0x2000);
	cr_expect(!is_taken(), "the first fragment");
	put16(20, 0x0001);
	cr_expect(!is_taken(), "the last fragment");
}

Test(xdp, fly_xdp_program__copies_arp)
{
	const long page = sysconf(_SC_PAGESIZE);

	for (unsigned i = 0; i < sizeof frame; i++)
		frame[i] = (uint8_t)(i + 1);
	put16(12, 0x0806);
	cr_expect(!is_taken(), "the kernel gets it, too");
	cr_assert(*(const unsigned long *)(const void *)ring == 56);
	cr_expect(memcmp(ring + page + BPF_RINGBUF_HDR_SZ, frame, FLY_XDP_ARP) == 0);
	put16(12, 0x0800);
	fate_of(sizeof frame);
	cr_expect(*(const unsigned long *)(const void *)ring == 56, "nothing else is copied");
}
