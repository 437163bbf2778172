/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel_port.c - see kernel_port.h. Called by port.c. No DPDK. */
#include "host/kernel_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <firefly/status.h>

#include "base/error.h"
#include "base/random.h"

#define FREE_FIRST 49152 /* "dynamic ports", which nobody is assigned (RFC 6335) */
#define TRIES      100   /* until a row is free */

int fly_kernel_port_open(uint32_t ip, uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = port,
		.sin_addr.s_addr = ip,
	};
	struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)}; /* keep 0 bytes: drop all */
	const struct sock_fprog filter = {.len = 1, .filter = nothing};
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return fly_fail(FLY_ESYSTEM, "socket: %s", strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0 &&
	    bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	error = errno;
	close(fd);
	if (error == EADDRNOTAVAIL)
		return -1;
	if (error == EADDRINUSE)
		return fly_fail(
			FLY_EINUSE,
			"UDP port %u is in use by another program on this machine; choose another "
			"with port=, or any that is free with port=0",
			ntohs(port));
	return fly_fail(FLY_ESYSTEM, "UDP port %u: %s", ntohs(port), strerror(error));
}

/* Bind ports from @port on, in host order. On failure no socket is left. */
static int open_row(uint32_t ip, uint16_t port, unsigned n, int *fds)
{
	for (unsigned i = 0; i < n; i++) {
		const int fd = fly_kernel_port_open(ip, htons((uint16_t)(port + i)));

		if (fd >= -1) {
			fds[i] = fd;
			continue;
		}
		while (i-- > 0) {
			if (fds[i] >= 0)
				close(fds[i]);
			fds[i] = -1;
		}
		return fd;
	}
	return 0;
}

int fly_kernel_port_take(uint32_t ip, unsigned n, uint16_t *port, int *fds)
{
	int status;

	if (*port)
		return open_row(ip, *port, n, fds);
	for (unsigned tries = 0; tries < TRIES; tries++) {
		*port = (uint16_t)(FREE_FIRST + fly_random32() % (65536 - FREE_FIRST - n));
		status = open_row(ip, *port, n, fds);
		if (status != -FLY_EINUSE)
			return status;
	}
	return fly_fail(FLY_EINUSE, "of the UDP ports from %d on no %u in a row are free",
			FREE_FIRST, n);
}

int fly_kernel_port_join(int interface, uint32_t group)
{
	const struct ip_mreqn join = {
		.imr_multiaddr.s_addr = group,
		.imr_ifindex = interface,
	};
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* bound to no port */

	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join) == 0)
		return fd;
	close(fd);
	return -1;
}
