/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * next_hop.c - see next_hop.h. Pure. Called when a peer is looked for; host/port_address.c makes
 * the routes.
 */
#include "slowpath/next_hop.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

bool fly_is_within(uint32_t ip, uint32_t network, uint8_t prefix)
{
	return prefix == 0 || (ntohl(ip ^ network) >> (32 - prefix)) == 0;
}

static int longer_first(const void *a, const void *b)
{
	const struct fly_route *left = a;
	const struct fly_route *right = b;

	if (left->prefix != right->prefix)
		return left->prefix > right->prefix ? -1 : 1;
	return (left->metric > right->metric) - (left->metric < right->metric);
}

struct fly_routes *fly_routes_make(const struct fly_route *routes, unsigned n)
{
	struct fly_routes *made = malloc(sizeof *made + n * sizeof made->at[0]);

	if (!made)
		return NULL;
	made->n = n;
	if (n) {
		memcpy(made->at, routes, n * sizeof made->at[0]);
		qsort(made->at, n, sizeof made->at[0], longer_first);
	}
	return made;
}

bool fly_routes_are_equal(const struct fly_routes *a, const struct fly_routes *b)
{
	if (!a || !b)
		return a == b;
	if (a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++) {
		if (a->at[i].to != b->at[i].to || a->at[i].prefix != b->at[i].prefix ||
		    a->at[i].gateway != b->at[i].gateway)
			return false;
	}
	return true;
}

const struct fly_route *fly_route_find(const struct fly_routes *routes, uint32_t ip)
{
	for (unsigned i = 0; i < routes->n; i++) {
		if (fly_is_within(ip, routes->at[i].to, routes->at[i].prefix))
			return &routes->at[i];
	}
	return NULL;
}

uint32_t fly_next_hop(const struct fly_routes *routes, uint32_t ip)
{
	const struct fly_route *route;

	if (!routes)
		return ip;
	route = fly_route_find(routes, ip);
	if (!route)
		return 0;
	return route->gateway ? route->gateway : ip;
}
