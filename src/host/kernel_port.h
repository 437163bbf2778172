/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel_port.h - keeps the kernel from answering at our UDP port of an af_packet link. */
#ifndef FLY_KERNEL_PORT_H
#define FLY_KERNEL_PORT_H

#include <stdint.h>

/*
 * fly_kernel_port_open() - bind a UDP port in the kernel, with a socket that drops everything.
 *
 * On an af_packet link the kernel gets a copy of each frame. If the address is the kernel's it
 * answers each call with "port unreachable", unless a socket is bound to the port. The bound
 * socket also keeps other programs off the port.
 * @ip, @port: network order.
 * Return: a file descriptor; -1: the address is not the kernel's, so no socket is needed; or
 * -FLY_EINUSE or -FLY_ESYSTEM (both below -1) with a message.
 */
int fly_kernel_port_open(uint32_t ip, uint16_t port);

/*
 * fly_kernel_port_take() - bind @n UDP ports in a row, as fly_kernel_port_open() does.
 * @ip: network order. @port: the first one, in host order; 0: any that are free, and *port is set.
 * At an address that is not the kernel's nobody knows which ones are: they are drawn at random.
 * @fds: @n sockets; -1: none is needed.
 * Return: 0; or -FLY_EINUSE or -FLY_ESYSTEM with a message, and no socket is left.
 */
int fly_kernel_port_take(uint32_t ip, unsigned n, uint16_t *port, int *fds);

/*
 * fly_kernel_port_join() - have an interface take what is sent to a group, and switches that listen
 * to IGMP pass it on, until the descriptor is closed. The socket itself receives nothing.
 * @interface: index. @group: IPv4, network order.
 * Return: a file descriptor; -1: the kernel does not do it.
 */
int fly_kernel_port_join(int interface, uint32_t group);

#endif
