/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_udp_port.c - runtimes with udp: links only: where they serve, several pollers on ports in a
 * row, a port that is taken, a forked child that keeps none.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <firefly/firefly.h>

#include "patience.h"
#include "fastpath/link_udp.h"
#include "host/udp_port.h"
#include "runtime/runtime.h"

TestSuite(udp_port, .timeout = HANG);

static char address[FLY_ADDRESS_BYTES];

static struct fly_runtime *start(const char *spec, unsigned pollers)
{
	const char *const links[] = {spec, NULL};
	const struct fly_options o = {
		.size = sizeof o,
		.links = links,
		.pollers = pollers,
		.packets = 1023,
		.wait = pollers ? FLY_WAIT_SLEEP : FLY_WAIT_SPIN,
	};
	struct fly_runtime *r = NULL;

	address[0] = '\0';
	if (fly_start(&o, &r) == 0)
		cr_expect(fly_address(r, 0, address) == 0);
	return r;
}

static unsigned udp_port(void)
{
	return (unsigned)atoi(strrchr(address, ':') + 1);
}

Test(udp_port, fly_udp_port_open__says_where_it_serves)
{
	struct fly_runtime *r = start("udp:127.0.0.1,port=0", 0);

	cr_assert(r, "%s", fly_error());
	cr_expect(strncmp(address, "127.0.0.1:", 10) == 0 && udp_port() != 0, "%s", address);
	cr_expect(fly_address(r, 1, address) == -FLY_EINVAL);
	cr_expect(fly_stop(r) == 0);
	r = start("udp:[::],port=0", 0);
	cr_assert(r, "%s", fly_error());
	cr_expect(strncmp(address, "[::]:", 5) == 0 && udp_port() != 0, "%s", address);
	cr_expect(fly_stop(r) == 0);
	r = start("udp:", 0);
	cr_assert(r, "%s", fly_error());
	cr_expect(udp_port() != 0);
	cr_expect(fly_stop(r) == 0);
}

Test(udp_port, fly_udp_port_open__pollers_on_ports_in_a_row)
{
	struct fly_runtime *r = start("udp:127.0.0.1,port=0", 3);

	cr_assert(r, "%s", fly_error());
	for (unsigned i = 0; i < 3; i++) {
		const struct fly_link *link = fly_port_link(r->ports.at[0], i);

		cr_expect(ntohs(link->udp_port) == udp_port() + i);
		cr_expect(link->shared == NULL && link->udp != NULL);
	}
	cr_expect(fly_stop(r) == 0);
}

/* A port that no other test is given while it is free. */
static void own_spec(char spec[64])
{
	snprintf(spec, 64, "udp:127.0.0.1,port=%d", 20000 + (int)getpid() % 12000);
}

Test(udp_port, fly_udp_port_open__a_port_that_is_taken)
{
	struct fly_runtime *r;
	char spec[64];

	own_spec(spec);
	r = start(spec, 0);
	cr_assert(r, "%s", fly_error());
	cr_expect(start(spec, 0) == NULL);
	cr_expect(strstr(fly_error(), "is in use by another program"), "%s", fly_error());
	cr_expect(fly_stop(r) == 0);
	r = start(spec, 0);
	cr_expect(r, "it is free again: %s", fly_error());
	cr_expect(fly_stop(r) == 0);
	cr_expect(start("udp:127.0.0.1,port=65535", 2) == NULL, "there is no 65536");
}

Test(udp_port, fly_udp_port_open__no_address_of_ours)
{
	cr_expect(start("udp:192.0.2.199", 0) == NULL);
	cr_expect(strstr(fly_error(), "no address of this machine"), "%s", fly_error());
}

/* The parent's port is free once the parent has ended it, though a child lives. */
Test(udp_port, fly_udp_port_open__a_child_keeps_no_socket)
{
	struct fly_runtime *r;
	char spec[64];
	pid_t child;
	int pipes[2];
	int up[2];
	char byte;

	own_spec(spec);
	r = start(spec, 0);
	cr_assert(r && pipe(pipes) == 0 && pipe(up) == 0, "%s", fly_error());
	child = fork();
	if (child == 0) {
		close(pipes[1]);
		_exit(write(up[1], "", 1) < 0 || read(pipes[0], &byte, 1) < 0);
	}
	cr_assert(read(up[0], &byte, 1) == 1, "it has closed its copies");
	cr_expect(fly_stop(r) == 0);
	r = start(spec, 0);
	cr_expect(r, "%s", fly_error());
	cr_expect(fly_stop(r) == 0);
	close(pipes[1]);
	cr_expect(waitpid(child, NULL, 0) == child);
}

Test(udp_port, fly_udp_port_check_peer__families)
{
	struct fly_runtime *r = start("udp:127.0.0.1,port=0", 0);
	struct fly_peer_addresses found;

	cr_assert(r, "%s", fly_error());
	cr_assert(fly_peer_address_find("[::1]:5", 0, &found) == 0);
	cr_expect(fly_udp_port_check_peer(r->ports.at[0], &found.at[0]) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "of IPv6"), "%s", fly_error());
	cr_assert(fly_peer_address_find("127.0.0.9:5", 0, &found) == 0);
	cr_expect(fly_udp_port_check_peer(r->ports.at[0], &found.at[0]) == 0);
	cr_expect(fly_udp_port_of_v6(&r->ports) == NULL);
	cr_expect(fly_stop(r) == 0);
}

Test(udp_port, fly_udp_port_mtu__of_the_interfaces)
{
	struct fly_link_spec s;

	cr_assert(fly_link_spec_parse("udp:127.0.0.1", &s) == 0);
	cr_expect(fly_udp_port_mtu(&s) >= 1500 && fly_udp_port_mtu(&s) <= 9000);
	cr_assert(fly_link_spec_parse("udp:", &s) == 0);
	cr_expect(fly_udp_port_mtu(&s) >= 1500 && fly_udp_port_mtu(&s) <= 9000);
}
