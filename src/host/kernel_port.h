/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel_port.h - keep the kernel quiet about our UDP port on an interface that is its as well. */
#ifndef FLY_KERNEL_PORT_H
#define FLY_KERNEL_PORT_H

#include <stdint.h>

/*
 * fly_kernel_port_open() - claim a UDP port in the kernel, with a socket that takes nothing.
 *
 * On an af_packet link the kernel gets a copy of each frame. If the address is the kernel's, it
 * would answer each call with "port unreachable". A bound socket whose filter drops everything
 * stops that, and keeps other programs off the port.
 * @ip, @port: network order.
 * Return: a file descriptor; -1: the address is not the kernel's, so that it needs no guard; or
 * -FLY_EINUSE or -FLY_ESYSTEM (both below -1) with a sentence.
 */
int fly_kernel_port_open(uint32_t ip, uint16_t port);

/*
 * fly_kernel_port_address() - an interface's first IPv4 address and its MTU.
 * Return: 0 (*ip may be 0: it has none), or -FLY_EINVAL: no such interface.
 */
int fly_kernel_port_address(const char *interface, uint32_t *ip, unsigned *mtu);

#endif
