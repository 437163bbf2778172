/* SPDX-License-Identifier: BSD-3-Clause */
/* test_kernel_port.c - the socket that claims a port against the kernel's ICMP answers. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
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

/* Which ones are bound by a socket of @fds. */
static uint16_t port_of(int fd)
{
	struct sockaddr_in name;
	socklen_t bytes = sizeof name;

	cr_assert(getsockname(fd, (struct sockaddr *)&name, &bytes) == 0);
	return ntohs(name.sin_port);
}

Test(kernel_port, fly_kernel_port_take__some_in_a_row)
{
	uint16_t first = ntohs(free_port());
	uint16_t again = first;
	int fds[3];
	int more[3];

	if (first > 65533)
		first = again = 65533;
	cr_assert(fly_kernel_port_take(htonl(INADDR_LOOPBACK), 3, &first, fds) == 0, "%s",
		  fly_error());
	for (unsigned i = 0; i < 3; i++)
		cr_expect(port_of(fds[i]) == first + i);
	again -= 2; /* the last of these is taken */
	cr_expect(fly_kernel_port_take(htonl(INADDR_LOOPBACK), 3, &again, more) == -FLY_EINUSE);
	close(fds[0]);
	cr_expect(fly_kernel_port_take(htonl(INADDR_LOOPBACK), 3, &again, more) == 0,
		  "those before it were given back: %s", fly_error());
}

Test(kernel_port, fly_kernel_port_take__any_that_are_free)
{
	uint16_t first[20];
	int fds[20][2];

	for (unsigned i = 0; i < 20; i++) {
		first[i] = 0;
		cr_assert(fly_kernel_port_take(htonl(INADDR_LOOPBACK), 2, &first[i], fds[i]) == 0,
			  "%s", fly_error());
		cr_expect(first[i] >= 49152);
		cr_expect(port_of(fds[i][0]) == first[i] && port_of(fds[i][1]) == first[i] + 1);
	}
}

Test(kernel_port, fly_kernel_port_take__at_an_address_that_is_not_the_kernels)
{
	uint16_t one = 0;
	uint16_t other = 0;
	int fds[2];

	cr_expect(fly_kernel_port_take(inet_addr("192.0.2.77"), 2, &one, fds) == 0);
	cr_expect(fds[0] == -1 && fds[1] == -1 && one >= 49152);
	while (other == 0 || other == one) { /* they are drawn */
		other = 0;
		cr_assert(fly_kernel_port_take(inet_addr("192.0.2.77"), 2, &other, fds) == 0);
	}
}

/* Is a group of 239.255.70.0/24 joined on an interface of this machine? */
static bool is_joined(uint8_t last)
{
	FILE *f = fopen("/proc/net/igmp", "r");
	char line[128];
	char wanted[16];
	bool found = false;

	cr_assert(f);
	snprintf(wanted, sizeof wanted, "%02X46FFEF", last);
	while (fgets(line, sizeof line, f))
		found |= strstr(line, wanted) != NULL;
	fclose(f);
	return found;
}

Test(kernel_port, fly_kernel_port_join__until_it_is_closed)
{
	const int fd = fly_kernel_port_join((int)if_nametoindex("lo"), htonl(0xefff4601));

	cr_assert(fd >= 0);
	cr_expect(is_joined(1));
	close(fd);
	cr_expect(!is_joined(1));
	cr_expect(fly_kernel_port_join(1 << 30, htonl(0xefff4601)) == -1, "no such interface");
	cr_expect(fly_kernel_port_join(1, htonl(0x0a000001)) == -1, "that is no group");
}
