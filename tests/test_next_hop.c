/* SPDX-License-Identifier: BSD-3-Clause */
/* test_next_hop.c - the longest prefix decides, and what no route leads to is not on the link. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>

#include "slowpath/next_hop.h"

static struct fly_route route(const char *to, uint8_t prefix, const char *gateway, uint32_t metric)
{
	return (struct fly_route){
		.to = to ? inet_addr(to) : 0,
		.gateway = gateway ? inet_addr(gateway) : 0,
		.metric = metric,
		.prefix = prefix,
	};
}

Test(next_hop, fly_next_hop__without_routes_every_address_is_on_the_link)
{
	cr_expect(fly_next_hop(NULL, inet_addr("192.0.2.1")) == inet_addr("192.0.2.1"));
}

Test(next_hop, fly_next_hop__the_longest_prefix_counts)
{
	const struct fly_route all[] = {
		route(NULL, 0, "10.0.0.1", 0),          route("10.0.0.0", 24, NULL, 0),
		route("10.0.0.64", 26, "10.0.0.3", 0),  route("10.0.0.77", 32, NULL, 0),
		route("172.16.0.0", 12, "10.0.0.2", 0),
	};
	static const struct {
		const char *ip;
		const char *hop;
	} rows[] = {
		{"10.0.0.5", "10.0.0.5"}, {"10.0.0.70", "10.0.0.3"},    {"10.0.0.77", "10.0.0.77"},
		{"10.0.1.5", "10.0.0.1"}, {"172.31.255.1", "10.0.0.2"}, {"172.32.0.1", "10.0.0.1"},
		{"8.8.8.8", "10.0.0.1"},
	};
	struct fly_routes *routes = fly_routes_make(all, 5);

	cr_assert(routes != NULL);
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_expect(fly_next_hop(routes, inet_addr(rows[i].ip)) == inet_addr(rows[i].hop),
			  "%s", rows[i].ip);
	cr_expect(fly_route_find(routes, inet_addr("10.0.0.70"))->prefix == 26);
	free(routes);
}

Test(next_hop, fly_next_hop__no_route)
{
	const struct fly_route one = route("10.0.0.2", 24, NULL, 0); /* as our address is written */
	struct fly_routes *routes = fly_routes_make(&one, 1);

	cr_expect(fly_next_hop(routes, inet_addr("10.0.0.255")) != 0);
	cr_expect(fly_next_hop(routes, inet_addr("10.0.1.0")) == 0);
	free(routes);
	routes = fly_routes_make(NULL, 0);
	cr_expect(fly_next_hop(routes, inet_addr("10.0.0.1")) == 0);
	free(routes);
}

Test(next_hop, fly_next_hop__of_two_to_the_same_the_smaller_metric_counts)
{
	const struct fly_route two[] = {route(NULL, 0, "10.0.0.1", 600),
					route(NULL, 0, "10.0.0.2", 100)};
	struct fly_routes *routes = fly_routes_make(two, 2);

	cr_expect(fly_next_hop(routes, inet_addr("10.9.9.9")) == inet_addr("10.0.0.2"));
	free(routes);
}

Test(next_hop, fly_is_within__all_bits_and_none)
{
	cr_expect(fly_is_within(inet_addr("10.0.0.1"), inet_addr("192.0.2.1"), 0));
	cr_expect(fly_is_within(inet_addr("10.0.0.1"), inet_addr("10.0.0.1"), 32));
	cr_expect(!fly_is_within(inet_addr("10.0.0.1"), inet_addr("10.0.0.0"), 32));
	cr_expect(fly_is_within(inet_addr("10.0.0.1"), inet_addr("10.0.0.0"), 31));
	cr_expect(!fly_is_within(inet_addr("128.0.0.0"), inet_addr("0.0.0.1"), 1));
}

Test(next_hop, fly_routes_are_equal__in_any_order_of_making)
{
	const struct fly_route some[] = {route("10.0.0.0", 24, NULL, 0),
					 route(NULL, 0, "10.0.0.1", 0)};
	const struct fly_route turned[] = {some[1], some[0]};
	struct fly_routes *a = fly_routes_make(some, 2);
	struct fly_routes *b = fly_routes_make(turned, 2);
	struct fly_routes *less = fly_routes_make(some, 1);

	cr_expect(fly_routes_are_equal(a, b) && fly_routes_are_equal(NULL, NULL));
	cr_expect(!fly_routes_are_equal(a, less) && !fly_routes_are_equal(a, NULL));
	b->at[1].gateway = inet_addr("10.0.0.9");
	cr_expect(!fly_routes_are_equal(a, b));
	free(a);
	free(b);
	free(less);
}
