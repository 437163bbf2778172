/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * xdp.c - see xdp.h. Called by port.c and netdev.c. Owns struct fly_xdp.
 *
 * DPDK's driver of AF_XDP (22.11) puts a program on the interface that takes all that the interface
 * receives, and leaves it there when the process is killed: the machine is then cut off. It can
 * load another program from an object file. It is given one that passes everything to the kernel;
 * when its sockets are open, and in the map of that file, that program is replaced by ours, which
 * is put on the interface by a bpf_link: it goes when the descriptor is closed, however the process
 * ends.
 *
 * Ours are IPv4 packets in one piece to our address and UDP ports. The kernel gets everything else,
 * also when our sockets are gone. It answers ARP, if the address is its own; we get a copy of each
 * ARP frame, as over af_packet, in a ring of the kernel's, since a program cannot give one frame to
 * two.
 *
 * Everything is by bpf(2): the little that is needed is not worth a library.
 */
#include "host/xdp.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <firefly/status.h>

#include "base/clofork.h"
#include "base/error.h"
#include "host/netlink.h"
#include "host/xdp_object.h"

#define NEEDS "af_xdp needs root, or CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF"

static int bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
	return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static uint64_t address_of(const void *p)
{
	return (uintptr_t)p;
}

/* ---- the program ---- */

#define ETHER_TYPE   12
#define IP_HEAD      14 /* version and length */
#define IP_FRAGMENT  20
#define IP_PROTOCOL  23
#define IP_TO        30
#define UDP_TO       36
#define STACK_ARP    (-48)  /* on the program's stack, aligned */
#define MORE_OR_FROM 0x3fff /* more fragments follow, or others come before */

/* Where a jump leads to; the distance is filled in when it is known. */
enum label {
	PASS,
	OURS,
	ARP,
	N_LABELS
};

struct assembly {
	struct bpf_insn *at;
	unsigned n;
	int8_t to[FLY_XDP_INSTRUCTIONS]; /* label of a jump, and 1; 0: it is none */
	unsigned labels[N_LABELS];
};

static void put(struct assembly *a, struct bpf_insn i)
{
	if (a->n < FLY_XDP_INSTRUCTIONS)
		a->at[a->n++] = i;
}

static void label(struct assembly *a, enum label label)
{
	a->labels[label] = a->n;
}

/* r5 = what is so many bytes into the frame, which r2 points to. */
static void load(struct assembly *a, uint8_t size, int16_t at)
{
	put(a, (struct bpf_insn){.code = (uint8_t)(BPF_LDX | BPF_MEM | size),
				 .dst_reg = BPF_REG_5,
				 .src_reg = BPF_REG_2,
				 .off = at});
}

/* Jump if r5 compares so with a number, 32 bits of each. */
static void jump(struct assembly *a, uint8_t comparison, uint32_t with, enum label to)
{
	if (a->n < FLY_XDP_INSTRUCTIONS)
		a->to[a->n] = (int8_t)(to + 1);
	put(a, (struct bpf_insn){.code = (uint8_t)(BPF_JMP32 | comparison | BPF_K),
				 .dst_reg = BPF_REG_5,
				 .imm = (int32_t)with});
}

/* To what registers: one has a field of the program's context (struct xdp_md). */
static void context(struct assembly *a, unsigned to, size_t field)
{
	put(a, (struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_W,

				 .dst_reg = to & 0xf,
				 .src_reg = BPF_REG_1,
				 .off = (int16_t)field});
}

static void set(struct assembly *a, unsigned to, int32_t value)
{
	put(a, (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K,
				 .dst_reg = to & 0xf,
				 .imm = value});
}

/* r1 = a map. */
static void map(struct assembly *a, int fd)
{
	put(a, (struct bpf_insn){.code = BPF_LD | BPF_IMM | BPF_DW,
				 .dst_reg = BPF_REG_1,
				 .src_reg = BPF_PSEUDO_MAP_FD,
				 .imm = fd});
	put(a, (struct bpf_insn){0});
}

static void call(struct assembly *a, int function)
{
	put(a, (struct bpf_insn){.code = BPF_JMP | BPF_CALL, .imm = function});
}

static void leave(struct assembly *a)
{
	put(a, (struct bpf_insn){.code = BPF_JMP | BPF_EXIT});
}

/* r2 = the frame; one that is too short is none of ours. ARP and UDP over IPv4 need as much. */
static void begin(struct assembly *a)
{
	context(a, BPF_REG_2, offsetof(struct xdp_md, data));
	context(a, BPF_REG_3, offsetof(struct xdp_md, data_end));
	put(a, (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_X,
				 .dst_reg = BPF_REG_4,
				 .src_reg = BPF_REG_2});
	put(a, (struct bpf_insn){.code = BPF_ALU64 | BPF_ADD | BPF_K,
				 .dst_reg = BPF_REG_4,
				 .imm = FLY_XDP_ARP});
	if (a->n < FLY_XDP_INSTRUCTIONS)
		a->to[a->n] = PASS + 1;
	put(a, (struct bpf_insn){.code = BPF_JMP | BPF_JGT | BPF_X,
				 .dst_reg = BPF_REG_4,
				 .src_reg = BPF_REG_3});
}

static void choose(struct assembly *a, const struct fly_xdp_target *target)
{
	load(a, BPF_H, ETHER_TYPE);
	jump(a, BPF_JEQ, htons(0x0806), ARP);
	jump(a, BPF_JNE, htons(0x0800), PASS);
	load(a, BPF_B, IP_HEAD);
	jump(a, BPF_JNE, 0x45, PASS); /* without options */
	load(a, BPF_H, IP_FRAGMENT);
	jump(a, BPF_JSET, htons(MORE_OR_FROM), PASS);
	load(a, BPF_B, IP_PROTOCOL);
	jump(a, BPF_JNE, IPPROTO_UDP, PASS);
	load(a, BPF_W, IP_TO);
	jump(a, BPF_JNE, target->ip, PASS);
	load(a, BPF_H, UDP_TO);
	put(a, (struct bpf_insn){.code = BPF_ALU | BPF_END | BPF_TO_BE,
				 .dst_reg = BPF_REG_5,
				 .imm = 16});
	jump(a, BPF_JLT, target->udp_port, PASS);
	jump(a, BPF_JGT, (uint32_t)target->udp_port + target->n_ports - 1, PASS);
}

/* To the socket of the queue by which it came; to the kernel, if there is none. */
static void redirect(struct assembly *a, int map_fd)
{
	context(a, BPF_REG_2, offsetof(struct xdp_md, rx_queue_index));
	map(a, map_fd);
	set(a, BPF_REG_3, XDP_PASS);
	call(a, BPF_FUNC_redirect_map);
	leave(a);
}

/* By way of the stack: not every kernel lets this function read the frame itself. */
static void tell_arp(struct assembly *a, int ring_fd)
{
	for (int16_t at = 0; at < FLY_XDP_ARP; at = (int16_t)(at + 4)) {
		const uint8_t size = at + 4 <= FLY_XDP_ARP ? BPF_W : BPF_H;

		load(a, size, at);
		put(a, (struct bpf_insn){.code = (uint8_t)(BPF_STX | BPF_MEM | size),
					 .dst_reg = BPF_REG_10,
					 .src_reg = BPF_REG_5,
					 .off = (int16_t)(STACK_ARP + at)});
	}
	put(a, (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_X,
				 .dst_reg = BPF_REG_2,
				 .src_reg = BPF_REG_10});
	put(a, (struct bpf_insn){.code = BPF_ALU64 | BPF_ADD | BPF_K,
				 .dst_reg = BPF_REG_2,
				 .imm = STACK_ARP});
	map(a, ring_fd);
	set(a, BPF_REG_3, FLY_XDP_ARP);
	set(a, BPF_REG_4, 0);
	call(a, BPF_FUNC_ringbuf_output);
}

unsigned fly_xdp_program(const struct fly_xdp_target *target, int map_fd, int ring_fd,
			 struct bpf_insn *to)
{
	struct assembly a = {.at = to};

	begin(&a);
	choose(&a, target);
	label(&a, OURS);
	redirect(&a, map_fd);
	label(&a, ARP);
	tell_arp(&a, ring_fd);
	label(&a, PASS);
	set(&a, BPF_REG_0, XDP_PASS);
	leave(&a);
	for (unsigned i = 0; i < a.n; i++) {
		if (a.to[i])
			to[i].off = (int16_t)(a.labels[a.to[i] - 1] - i - 1);
	}
	return a.n;
}

/* Return: a descriptor; -1 and errno. */
static int load_program(const struct bpf_insn *instructions, unsigned n)
{
	union bpf_attr a;

	memset(&a, 0, sizeof a);
	a.prog_type = BPF_PROG_TYPE_XDP;
	a.insns = address_of(instructions);
	a.insn_cnt = n;
	a.license = address_of("BSD");
	memcpy(a.prog_name, "firefly", sizeof "firefly");
	return bpf(BPF_PROG_LOAD, &a);
}

/* ---- on the interface ---- */

static int no_program(const char *link)
{
	if (errno == EPERM) /* EACCES: the kernel has read the program, and finds fault with it */
		return fly_fail(FLY_EPERM, "link %s: " NEEDS ": this program lacks CAP_BPF", link);
	return fly_fail(FLY_ESYSTEM, "link %s: the kernel does not take its XDP program: %s", link,
			strerror(errno));
}

static int no_net_admin(const char *link)
{
	return fly_fail(FLY_EPERM, "link %s: " NEEDS ": this program lacks CAP_NET_ADMIN", link);
}

/* Asked for: with CAP_SYS_ADMIN instead our program is taken, and the driver's is not. */
static bool may_set_up_interfaces(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct has[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return syscall(SYS_capget, &head, has) == 0 && (has[0].effective >> CAP_NET_ADMIN & 1) != 0;
}

/* Native if the interface's driver can, else generic: as DPDK's driver does. */
static int put_on(const char *link, const char *what, int index, int program_fd)
{
	union bpf_attr a;
	int fd;

	memset(&a, 0, sizeof a);
	a.link_create.prog_fd = (uint32_t)program_fd;
	a.link_create.target_ifindex = (uint32_t)index;
	a.link_create.attach_type = BPF_XDP;
	fd = bpf(BPF_LINK_CREATE, &a);
	if (fd >= 0)
		return fly_clofork_add(fd);
	if (errno == EPERM || errno == EACCES)
		return no_net_admin(link);
	if (errno == EBUSY || errno == EEXIST)
		return fly_fail(FLY_EINUSE,
				"link %s: another program has an XDP program on %s, and an "
				"interface takes only one; 'ip link show %s' shows it, and 'ip "
				"link set dev %s xdp off' ends what a dead program has left",
				link, what, what, what);
	if (errno != EINVAL && errno != ERANGE && errno != EOPNOTSUPP)
		return fly_fail(FLY_ESYSTEM, "link %s: %s does not take an XDP program: %s", link,
				what, strerror(errno));
	return fly_fail(FLY_EINVAL,
			"link %s: %s does not take an XDP program as it is set up: %s; many "
			"interfaces take none with an MTU over 3400 or so, or with too few queues",
			link, what, strerror(errno));
}

static int check_socket(const char *link)
{
	const int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno == EPERM || errno == EACCES)
		return fly_fail(FLY_EPERM, "link %s: " NEEDS ": this program lacks CAP_NET_RAW",
				link);
	if (errno == EAFNOSUPPORT)
		return fly_fail(FLY_ESYSTEM, "link %s: this kernel has no AF_XDP sockets", link);
	return fly_fail(FLY_ESYSTEM, "link %s: an AF_XDP socket: %s", link, strerror(errno));
}

int fly_xdp_check(const char *link, const char *what, int index)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int status = check_socket(link);
	int program_fd;
	int link_fd;

	if (status)
		return status;
	if (!may_set_up_interfaces())
		return no_net_admin(link);
	program_fd = load_program(pass, 2);
	if (program_fd < 0)
		return no_program(link);
	link_fd = put_on(link, what, index, program_fd);
	close(program_fd);
	if (link_fd < 0)
		return link_fd;
	fly_clofork_close(link_fd);
	return 0;
}

/* Return: false: the interface does not answer that. */
static bool ask_interface(const char *what, void *question)
{
	struct ifreq request = {.ifr_data = question};
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool answers;

	snprintf(request.ifr_name, sizeof request.ifr_name, "%.15s", what);
	answers = fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0;
	if (fd >= 0)
		close(fd);
	return answers;
}

unsigned fly_xdp_queues(const char *what)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	if (!ask_interface(what, &channels))
		return 1;
	return RTE_MAX(channels.combined_count + channels.rx_count,
		       1U); /* of some cards: rx_count */
}

bool fly_xdp_is_card(const char *what)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};

	return ask_interface(what, &driver) && driver.bus_info[0];
}

/* ---- what the driver opens ---- */

void fly_xdp_init(struct fly_xdp *x)
{
	*x = (struct fly_xdp){
		.object_fd = -1,
		.map_fd = -1,
		.program_fd = -1,
		.ring_fd = -1,
		.link_fd = -1,
		.wake_fd = -1,
	};
}

int fly_xdp_object(struct fly_xdp *x, const char *link)
{
	size_t bytes;
	const void *file = fly_xdp_object_file(&bytes);

	x->object_fd = memfd_create("firefly-xdp", MFD_CLOEXEC);
	if (x->object_fd < 0 || write(x->object_fd, file, bytes) != (ssize_t)bytes)
		return fly_fail(FLY_ESYSTEM, "link %s: a file in memory: %s", link,
				strerror(errno));
	return 0;
}

struct found {
	struct fly_xdp *xdp;
	int types_fd;
};

static bool has_name(int fd, const char *name)
{
	char path[32];
	char target[64] = "";

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof target - 1) > 0 && strcmp(target, name) == 0;
}

static bool tell(int fd, void *info, uint32_t bytes)
{
	union bpf_attr a;

	memset(&a, 0, sizeof a);
	a.info.bpf_fd = (uint32_t)fd;
	a.info.info_len = bytes;
	a.info.info = address_of(info);
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &a) == 0;
}

static bool is_map(int fd)
{
	struct bpf_map_info info;

	memset(&info, 0, sizeof info);
	return has_name(fd, "anon_inode:bpf-map") && tell(fd, &info, sizeof info) &&
	       info.type == BPF_MAP_TYPE_XSKMAP && strcmp(info.name, FLY_XDP_OBJECT_MAP) == 0;
}

static bool is_program(int fd)
{
	struct bpf_prog_info info;

	memset(&info, 0, sizeof info);
	return has_name(fd, "anon_inode:bpf-prog") && tell(fd, &info, sizeof info) &&
	       strcmp(info.name, FLY_XDP_OBJECT_PROGRAM) == 0;
}

static bool is_types(int fd)
{
	uint8_t bytes[1024] = {0};
	struct bpf_btf_info info;
	size_t n;
	const void *ours = fly_xdp_object_types(&n);

	memset(&info, 0, sizeof info);
	info.btf = address_of(bytes);
	info.btf_size = sizeof bytes;
	return has_name(fd, "anon_inode:btf") && tell(fd, &info, sizeof info) &&
	       info.btf_size == n && memcmp(bytes, ours, n) == 0;
}

static bool is_socket(int fd)
{
	int domain = 0;
	socklen_t bytes = sizeof domain;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 && domain == AF_XDP;
}

static void wake_by(struct fly_xdp *x, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (x->wake_fd >= 0 && epoll_ctl(x->wake_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
		fly_clofork_close(x->wake_fd); /* one that is not complete would sleep through */
		x->wake_fd = -1;
	}
}

static void sort(int fd, void *context)
{
	struct found *found = context;

	if (is_socket(fd))
		wake_by(found->xdp, fd);
	else if (is_map(fd))
		found->xdp->map_fd = fd;
	else if (is_program(fd))
		found->xdp->program_fd = fd;
	else if (is_types(fd))
		found->types_fd = fd;
}

static int open_ring(struct fly_xdp *x)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	union bpf_attr a;
	uint8_t *ours;
	uint8_t *kernels;

	memset(&a, 0, sizeof a);
	a.map_type = BPF_MAP_TYPE_RINGBUF;
	a.max_entries = (uint32_t)page;
	x->ring_fd = bpf(BPF_MAP_CREATE, &a);
	if (x->ring_fd < 0)
		return -1;
	fly_clofork_add(x->ring_fd);
	ours = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, x->ring_fd, 0);
	if (ours == MAP_FAILED)
		return -1;
	kernels = mmap(NULL, 3 * page, PROT_READ, MAP_SHARED, x->ring_fd, (off_t)page);
	if (kernels == MAP_FAILED) {
		munmap(ours, page);
		return -1;
	}
	x->frames.ring = (struct fly_xdp_ring){
		.consumed = (_Atomic unsigned long *)(void *)ours,
		.produced = (const _Atomic unsigned long *)(const void *)kernels,
		.data = kernels + page,
		.mask = page - 1,
	};
	wake_by(x, x->ring_fd);
	return 0;
}

int fly_xdp_take(struct fly_xdp *x, const char *link, const struct fly_descriptors *before)
{
	struct found found = {.xdp = x, .types_fd = -1};
	int status = 0;

	x->wake_fd = fly_clofork_add(epoll_create1(EPOLL_CLOEXEC));
	fly_descriptors_each_new(before, sort, &found);
	if (x->map_fd < 0)
		status =
			fly_fail(FLY_ESYSTEM,
				 "link %s: the sockets of DPDK's driver are not to be found", link);
	else if (open_ring(x) != 0)
		status =
			fly_fail(FLY_ESYSTEM, "link %s: a ring for ARP: %s", link, strerror(errno));
	/* The driver never closes what it has loaded, nor uses it again. */
	if (found.types_fd >= 0)
		close(found.types_fd);
	return status;
}

/* ---- our program ---- */

int fly_xdp_aim(struct fly_xdp *x, const char *link, const char *what, int index,
		const struct fly_xdp_target *target)
{
	struct bpf_insn instructions[FLY_XDP_INSTRUCTIONS] = {{0}};
	union bpf_attr a;
	int program_fd;
	int status = 0;

	if (x->link_fd >= 0 && memcmp(&x->target, target, sizeof *target) == 0)
		return 0;
	program_fd = load_program(instructions,
				  fly_xdp_program(target, x->map_fd, x->ring_fd, instructions));
	if (program_fd < 0)
		return no_program(link);
	if (x->link_fd >= 0) {
		memset(&a, 0, sizeof a);
		a.link_update.link_fd = (uint32_t)x->link_fd;
		a.link_update.new_prog_fd = (uint32_t)program_fd;
		if (bpf(BPF_LINK_UPDATE, &a) != 0)
			status = fly_fail(FLY_ESYSTEM, "link %s: another XDP program on %s: %s",
					  link, what, strerror(errno));
	} else {
		fly_netlink_take_program_off(index, x->program_fd);
		x->link_fd = put_on(link, what, index, program_fd);
		status = x->link_fd < 0 ? x->link_fd : 0;
	}
	close(program_fd);
	if (status == 0)
		x->target = *target;
	return status;
}

/* The driver takes off what is on the interface then: nothing. */
void fly_xdp_take_off(struct fly_xdp *x)
{
	if (x->link_fd >= 0)
		fly_clofork_close(x->link_fd);
	x->link_fd = -1;
}

void fly_xdp_end(struct fly_xdp *x)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const struct fly_xdp_ring *ring = &x->frames.ring;

	fly_xdp_take_off(x);
	if (ring->data) {
		munmap((void *)ring->consumed, page);
		munmap((void *)(uintptr_t)(ring->data - page), 3 * page);
	}
	if (x->ring_fd >= 0)
		fly_clofork_close(x->ring_fd);
	if (x->wake_fd >= 0)
		fly_clofork_close(x->wake_fd);
	if (x->map_fd >= 0)
		close(x->map_fd);
	if (x->program_fd >= 0)
		close(x->program_fd);
	if (x->object_fd >= 0)
		close(x->object_fd);
	fly_xdp_init(x);
}
