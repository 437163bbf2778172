/* SPDX-License-Identifier: BSD-3-Clause */
/* test_port_address.c - which addresses are on a link: by its spec, and by what the kernel knows.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <firefly/status.h>

#include "host/port_address.h"

static struct fly_port_address a;

static uint32_t ip(const char *text)
{
	return inet_addr(text);
}

static int settle(const char *text, const struct fly_netlink_facts *facts, bool has_routes,
		  const char *own)
{
	struct fly_link_spec s;

	cr_assert(fly_link_spec_parse(text, &s) == 0, "%s", fly_error());
	return fly_port_address(&s, facts, has_routes, s.ip ? s.ip : ip(own), &a);
}

static void hop(const char *to, const char *by)
{
	const uint32_t found = fly_next_hop(a.routes, ip(to));

	cr_expect(found == (by ? ip(by) : 0), "%s", to);
}

Test(port_address, fly_port_address__without_a_prefix_everything_is_on_the_link)
{
	cr_assert(settle("vdev:x,ip=10.0.0.2", NULL, false, NULL) == 0);
	cr_expect(a.ip == ip("10.0.0.2") && a.prefix == 0 && a.routes == NULL);
	hop("192.0.2.1", "192.0.2.1");
}

Test(port_address, fly_port_address__prefix_and_gateway_of_the_spec)
{
	cr_assert(settle("vdev:x,ip=10.0.0.2/24", NULL, false, NULL) == 0);
	hop("10.0.0.9", "10.0.0.9");
	hop("10.0.1.9", NULL);
	free(a.routes);
	cr_assert(settle("vdev:x,ip=10.0.0.2/24,gateway=10.0.0.1", NULL, false, NULL) == 0);
	hop("10.0.0.9", "10.0.0.9");
	hop("10.0.1.9", "10.0.0.1");
	free(a.routes);
}

Test(port_address, fly_port_address__a_gateway_that_cannot_be_one)
{
	static const struct {
		const char *spec;
		const char *why;
	} rows[] = {
		{"vdev:x,ip=10.0.0.2,gateway=10.0.0.1", "say the prefix length of our own address"},
		{"vdev:x,ip=10.0.0.2/24,gateway=10.0.1.1",
		 "10.0.1.1 is not on this link (10.0.0.2/24)"},
		{"vdev:x,ip=10.0.0.2/24,gateway=10.0.0.2", "is our own address"},
	};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_expect(settle(rows[i].spec, NULL, false, NULL) == -FLY_EINVAL);
		cr_expect(strstr(fly_error(), rows[i].why) != NULL, "%s", fly_error());
	}
}

/* eth0 with 10.70.0.1/24 and 10.71.0.1/16; a default route, and one to 10.80.0.0/16. */
static struct fly_netlink_facts facts(void)
{
	static struct fly_netlink_route routes[2];

	routes[0] = (struct fly_netlink_route){.gateway = ip("10.70.0.254"), .prefix = 0};
	routes[1] = (struct fly_netlink_route){ip("10.80.0.0"), ip("10.70.0.253"), 0, 16};
	return (struct fly_netlink_facts){
		.index = 3,
		.n_addresses = 2,
		.addresses = {{ip("10.70.0.1"), 24}, {ip("10.71.0.1"), 16}},
		.n_routes = 2,
		.routes = routes,
	};
}

Test(port_address, fly_port_address__all_of_it_from_the_kernel)
{
	const struct fly_netlink_facts f = facts();

	cr_assert(settle("af_packet:x", &f, true, "10.70.0.1") == 0);
	cr_expect(a.prefix == 24);
	hop("10.70.0.9", "10.70.0.9");
	hop("10.71.9.9", "10.71.9.9");
	hop("10.80.0.1", "10.70.0.253");
	hop("192.0.2.1", "10.70.0.254");
	free(a.routes);
}

Test(port_address, fly_port_address__an_address_of_our_own_in_the_kernels_network)
{
	const struct fly_netlink_facts f = facts();

	cr_assert(settle("af_packet:x,ip=10.70.0.77", &f, true, NULL) == 0);
	cr_expect(a.prefix == 24);
	hop("192.0.2.1", "10.70.0.254");
	free(a.routes);
	cr_assert(settle("af_packet:x,ip=192.168.0.7", &f, true, NULL) == 0);
	cr_expect(a.prefix == 0 && a.routes == NULL, "nobody knows");
	cr_assert(settle("af_packet:x,ip=192.168.0.7/24,gateway=192.168.0.1", &f, true, NULL) == 0);
	hop("192.168.0.9", "192.168.0.9");
	hop("10.70.0.9", "10.70.0.9");
	hop("192.0.2.1", "192.168.0.1"); /* and not the kernel's */
	free(a.routes);
}

Test(port_address, fly_port_address__of_a_tap_the_kernels_routes_lead_to_us)
{
	const struct fly_netlink_facts f = facts();

	cr_assert(settle("tap:x,ip=10.70.0.2", &f, false, NULL) == 0);
	cr_expect(a.prefix == 24);
	hop("10.70.0.1", "10.70.0.1");
	hop("192.0.2.1", NULL);
	free(a.routes);
}

Test(port_address, fly_port_address__on_the_loopback_interface_everything_comes_back)
{
	struct fly_netlink_facts f = facts();

	f.is_loopback = true;
	cr_assert(settle("af_packet:lo", &f, true, "10.70.0.1") == 0);
	cr_expect(a.routes == NULL);
}

Test(port_address, fly_port_address__no_address)
{
	cr_assert(settle("vdev:x", NULL, false, "0.0.0.0") == 0);
	cr_expect(a.ip == 0 && a.routes == NULL);
}

Test(port_address, fly_port_address_text__with_and_without_a_prefix)
{
	char text[20];

	fly_port_address_text(ip("255.255.255.255"), 32, text);
	cr_expect_str_eq(text, "255.255.255.255/32");
	fly_port_address_text(ip("10.0.0.2"), 0, text);
	cr_expect_str_eq(text, "10.0.0.2");
}
