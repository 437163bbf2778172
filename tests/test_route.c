/* SPDX-License-Identifier: BSD-3-Clause */
/* test_route.c - which of several links leads to a peer. The ports have no devices. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <unistd.h>

#include "host/route.h"

static struct fly_port at[4];
static struct fly_ports ports;

/* A port of a link, whose far end has an address; NULL: it is not known. */
static struct fly_port *add(const char *link, const char *peer)
{
	struct fly_port *port = &at[ports.n];

	cr_assert(fly_link_spec_parse(link, &port->spec) == 0);
	port->peer_ip = peer ? inet_addr(peer) : 0;
	port->link.up = true;
	ports.at[ports.n++] = port;
	return port;
}

static struct fly_port *to(const char *address)
{
	return fly_route_to(&ports, 0, inet_addr(address));
}

static struct fly_port *named(const char *link)
{
	struct fly_link_spec spec;

	cr_assert(fly_link_spec_parse(link, &spec) == 0);
	return fly_route_named(&ports, 0, &spec);
}

Test(route, fly_route_to__the_link_whose_far_end_it_is)
{
	struct fly_port *first = add("memif:/a", "10.0.0.1");
	struct fly_port *second = add("memif:/b", "10.0.0.2");

	cr_expect(to("10.0.0.1") == first && to("10.0.0.2") == second);
	cr_expect(to("10.0.0.3") == first, "nothing is known: the first");
}

Test(route, fly_route_to__a_link_that_is_up)
{
	struct fly_port *first = add("memif:/a", "10.0.0.1");
	struct fly_port *second = add("memif:/b", "10.0.0.1");

	cr_expect(to("10.0.0.1") == first);
	first->link.up = false;
	cr_expect(to("10.0.0.1") == second && to("10.0.0.9") == second);
	second->link.up = false;
	cr_expect(to("10.0.0.1") == first, "none is: it says so");
}

Test(route, fly_route_to__no_link)
{
	cr_expect(to("10.0.0.1") == NULL);
}

Test(route, fly_route_named__by_kind_and_name)
{
	struct fly_port *first = add("memif:/a,server", NULL);
	struct fly_port *second = add("memif:/b", NULL);
	struct fly_port *third = add("vhost:/a", NULL);

	cr_expect(named("memif:/a") == first && named("memif:/b,peer=10.0.0.1,mtu=600") == second);
	cr_expect(named("vhost:/a") == third);
	cr_expect(named("vhost:/b") == NULL && named("memif:/ab") == NULL);
}

Test(route, fly_route_named__of_a_servers_ports_one_that_is_up)
{
	struct fly_port *first = add("memif:/a,server,clients=2", NULL);
	struct fly_port *second = add("memif:/a,server,clients=2", NULL);

	first->link.up = false;
	cr_expect(named("memif:/a") == second);
}

/* A path is the same from wherever it is given. */
Test(route, fly_route_named__paths_are_from_the_root)
{
	struct fly_port *port;

	cr_assert(chdir("/tmp") == 0);
	port = add("vhost:/tmp/firefly-route", NULL);
	cr_expect(named("vhost:firefly-route") == port);
	cr_assert(chdir("/") == 0);
	cr_expect(named("vhost:firefly-route") == NULL);
	cr_expect(named("vhost:tmp/firefly-route") == port);
}
