/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * xdp.h - the XDP program of an af_xdp link: of what an interface receives it gives our UDP packets
 * to the sockets of DPDK's driver, and a copy of each ARP frame to us; the kernel gets all the
 * rest. No DPDK. The thread that opens the port, and the control thread.
 */
#ifndef FLY_XDP_H
#define FLY_XDP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/descriptors.h"
#include "fastpath/link_xdp.h"

#define FLY_XDP_QUEUES 16 /* of an interface, at most */

/* What is ours; in network order, but for the numbers of ports. */
struct fly_xdp_target {
	uint32_t ip;
	uint16_t udp_port; /* the first one */
	uint16_t n_ports;
};

struct fly_xdp {
	struct fly_xdp_frames frames; /* that the link takes */
	struct fly_xdp_target target;
	int index;      /* of the interface */
	int object_fd;  /* of the file from which the driver loads its program; -1: none */
	int map_fd;     /* the driver's: its socket of each queue; -1: none */
	int program_fd; /* the driver's, which ours takes the place of; -1: none */
	int ring_fd;    /* copies of ARP frames; -1: none */
	int link_fd;    /* our program on the interface, which it leaves when this is closed */
	int wake_fd;    /* readable when there is something to receive; -1: not known */
};

/* fly_xdp_init() - nothing is open yet. */
void fly_xdp_init(struct fly_xdp *x);

/*
 * fly_xdp_check() - before the device is opened: may we, does the interface take a program of its
 * driver's mode, and has it none yet? @what, @index: the interface. @link: the spec, for messages.
 * Return: 0 or a negative status with a message.
 */
int fly_xdp_check(const char *link, const char *what, int index);

/*
 * fly_xdp_object() - make the file that the driver loads its program from: one that passes all to
 * the kernel, for ours takes its place. Return: 0, and x->object_fd; or as fly_xdp_check().
 */
int fly_xdp_object(struct fly_xdp *x, const char *link);

/*
 * fly_xdp_queues() - pairs of queues of an interface that may receive; 1: it does not say.
 * fly_xdp_is_card() - is there hardware behind it?
 */
unsigned fly_xdp_queues(const char *what);
bool fly_xdp_is_card(const char *what);

/*
 * fly_xdp_take() - after the driver has opened its sockets: take over what it has left open.
 * @before: descriptors that were open then. Return: as fly_xdp_check().
 */
int fly_xdp_take(struct fly_xdp *x, const char *link, const struct fly_descriptors *before);

/*
 * fly_xdp_aim() - from now on this is ours: put the program on the interface, or another one in the
 * place of the one that is there. Return: as fly_xdp_check().
 */
int fly_xdp_aim(struct fly_xdp *x, const char *link, const char *what, int index,
		const struct fly_xdp_target *target);

/*
 * fly_xdp_take_off() - before the driver closes its sockets: the kernel gets everything again.
 * fly_xdp_end() - after it has.
 */
void fly_xdp_take_off(struct fly_xdp *x);
void fly_xdp_end(struct fly_xdp *x);

/* For the tests: the program, at most so many instructions. Return: how many there are. */
struct bpf_insn;
#define FLY_XDP_INSTRUCTIONS 80
unsigned fly_xdp_program(const struct fly_xdp_target *target, int map_fd, int ring_fd,
			 struct bpf_insn *to);

#endif
