/* SPDX-License-Identifier: BSD-3-Clause */
/* test_kernel_port.c - the socket that claims a port against the kernel's ICMP answers. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <firefly/status.h>

#include "host/kernel_port.h"

static struct sockaddr_in address = {.sin_family = AF_INET};

/* A UDP port of the loopback interface that is free now. */
static uint16_t free_port(void)
{
	socklen_t bytes = sizeof address;
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = 0;
	cr_assert(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
	cr_assert(getsockname(fd, (struct sockaddr *)&address, &bytes) == 0);
	close(fd);
	return address.sin_port;
}

/* Send to the port. Return: 0, or ECONNREFUSED because of an ICMP answer. */
static int send_there(void)
{
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int error = 0;

	cr_assert(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
	for (unsigned i = 0; i < 3 && !error; i++) {
		if (send(fd, "x", 1, 0) < 0)
			error = errno;
		usleep(2000);
	}
	close(fd);
	return error;
}

Test(kernel_port, fly_kernel_port_open__the_kernel_answers_no_more)
{
	const uint16_t port = free_port();
	char byte;
	int fd;

	cr_expect(send_there() == ECONNREFUSED, "without a guard it does");
	fd = fly_kernel_port_open(htonl(INADDR_LOOPBACK), port);
	cr_assert(fd >= 0, "%s", fly_error());
	cr_expect(send_there() == 0);
	cr_expect(recv(fd, &byte, 1, MSG_DONTWAIT) < 0, "and it keeps nothing");
	close(fd);
}

Test(kernel_port, fly_kernel_port_open__a_port_that_is_taken)
{
	const uint16_t port = free_port();
	const int fd = fly_kernel_port_open(htonl(INADDR_LOOPBACK), port);

	cr_assert(fd >= 0);
	cr_expect(fly_kernel_port_open(htonl(INADDR_LOOPBACK), port) == -FLY_EINUSE);
	cr_expect(strstr(fly_error(), "is in use by another program") != NULL, "%s", fly_error());
	close(fd);
}

Test(kernel_port, fly_kernel_port_open__an_address_that_is_not_the_kernels_needs_none)
{
	cr_expect(fly_kernel_port_open(inet_addr("192.0.2.77"), htons(61989)) == -1);
}
