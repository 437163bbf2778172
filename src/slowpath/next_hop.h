/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * next_hop.h - whom a packet to an address is handed to on a link: to the address itself if it is
 * on the link, else to a gateway. Pure: no DPDK.
 */
#ifndef FLY_NEXT_HOP_H
#define FLY_NEXT_HOP_H

#include <stdbool.h>
#include <stdint.h>

/* Addresses are in network order. */
struct fly_route {
	uint32_t to;
	uint32_t gateway; /* 0: these addresses are on the link */
	uint32_t metric;  /* of two with the same prefix length the smaller one counts */
	uint8_t prefix;   /* bits of `to` that count: 0 to 32 */
};

/* The routes of a link; constant. First those with the longest prefix. */
struct fly_routes {
	unsigned n;
	struct fly_route at[];
};

/*
 * fly_routes_make() - sort a copy. Return: NULL: no memory. free(3) frees it.
 * fly_routes_are_equal() - @a, @b: may be NULL.
 */
struct fly_routes *fly_routes_make(const struct fly_route *routes, unsigned n);
bool fly_routes_are_equal(const struct fly_routes *a, const struct fly_routes *b);

/*
 * fly_route_find() - the route to an address. @routes: not NULL.
 * Return: NULL: there is none.
 */
const struct fly_route *fly_route_find(const struct fly_routes *routes, uint32_t ip);

/*
 * fly_next_hop() - whom to hand packets to @ip to. @routes: NULL: every address is on the link.
 * Return: an address on the link, network order; 0: @ip cannot be reached over it.
 */
uint32_t fly_next_hop(const struct fly_routes *routes, uint32_t ip);

/* fly_is_within() - are the first @prefix bits of both addresses equal? */
bool fly_is_within(uint32_t ip, uint32_t network, uint8_t prefix);

#endif
