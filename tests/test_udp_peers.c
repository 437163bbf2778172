/* SPDX-License-Identifier: BSD-3-Clause */
/* test_udp_peers.c - numbers of IPv6 peers: the same again, one each, and held ones stay. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fastpath/udp_peers.h"

static const uint8_t key[FLY_UDP_PEERS_KEY_BYTES] = "any sixteen byte";

static struct sockaddr_in6 peer(uint32_t n)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6};

	inet_pton(AF_INET6, "2001:db8::", &a.sin6_addr);
	n = htonl(n);
	memcpy(a.sin6_addr.s6_addr + 12, &n, 4);
	return a;
}

Test(udp_peers, fly_udp_peers_number__the_same_address_the_same_number)
{
	struct fly_udp_peers *t = fly_udp_peers_new(16, key);
	struct fly_udp_peers *other = fly_udp_peers_new(16, key);
	const struct sockaddr_in6 a = peer(1);
	struct sockaddr_in6 b = peer(1);
	const uint32_t number = fly_udp_peers_number(t, &a);

	cr_expect(fly_udp_peers_is_number(number));
	b.sin6_port = htons(9); /* the port does not matter */
	cr_expect(fly_udp_peers_number(t, &b) == number);
	cr_expect(fly_udp_peers_number(other, &a) == number, "another link of the port");
	cr_expect(memcmp(&fly_udp_peers_find(t, number)->sin6_addr, &a.sin6_addr, 16) == 0);
	cr_expect(fly_udp_peers_find(t, number)->sin6_port == 0);
	b.sin6_scope_id = 2; /* the scope does */
	cr_expect(fly_udp_peers_number(t, &b) != number);
	cr_expect(fly_udp_peers_find(t, number ^ htonl(1)) == NULL);
	fly_udp_peers_free(t);
	fly_udp_peers_free(other);
}

Test(udp_peers, fly_udp_peers_number__forged_sources_push_out_nobody_who_is_held)
{
	enum {
		HELD = 64
	};

	struct fly_udp_peers *t = fly_udp_peers_new(HELD, key);
	uint32_t numbers[HELD];
	struct sockaddr_in6 a;

	for (uint32_t i = 0; i < HELD; i++) {
		a = peer(i);
		numbers[i] = fly_udp_peers_number(t, &a);
		cr_assert(numbers[i] != 0);
		fly_udp_peers_hold(t, numbers[i]);
	}
	for (uint32_t i = 0; i < 100000; i++) {
		a = peer(1000 + i);
		cr_expect(fly_udp_peers_number(t, &a) != 0, "there is always room for one");
	}
	for (uint32_t i = 0; i < HELD; i++) {
		a = peer(i);
		cr_assert(fly_udp_peers_find(t, numbers[i]) != NULL);
		cr_expect(memcmp(&fly_udp_peers_find(t, numbers[i])->sin6_addr, &a.sin6_addr, 16) ==
			  0);
		cr_expect(fly_udp_peers_number(t, &a) == numbers[i]);
	}
	fly_udp_peers_free(t);
}

Test(udp_peers, fly_udp_peers_number__after_it_was_replaced_it_is_the_same_again)
{
	struct fly_udp_peers *t = fly_udp_peers_new(1, key);
	struct sockaddr_in6 a = peer(7);
	const uint32_t number = fly_udp_peers_number(t, &a);

	fly_udp_peers_hold(t, number);
	fly_udp_peers_let_go(t, number);
	fly_udp_peers_let_go(t, number); /* once too often: nothing */
	for (uint32_t i = 100; fly_udp_peers_find(t, number); i++) {
		a = peer(i);
		fly_udp_peers_number(t, &a);
		cr_assert(i < 1000000, "it is replaced at last");
	}
	a = peer(7);
	cr_expect(fly_udp_peers_number(t, &a) == number);
	fly_udp_peers_free(t);
}

Test(udp_peers, fly_udp_peers_number__all_held_is_full)
{
	struct fly_udp_peers *t = fly_udp_peers_new(1, key);
	struct sockaddr_in6 a;
	uint32_t n = 0;
	uint32_t last = 0;

	for (uint32_t i = 0; i < 1000000 && n < 4; i++) {
		uint32_t number;

		a = peer(i);
		number = fly_udp_peers_number(t, &a);
		if (number == 0) {
			n++;
			continue;
		}
		last = i;
		cr_assert(last < 100000, "a bounded table");
		fly_udp_peers_hold(t, number);
	}
	cr_expect(n == 4);
	fly_udp_peers_hold(t, htonl(0xf0000001)); /* no such entry, mostly: nothing happens */
	fly_udp_peers_free(t);
}

Test(udp_peers, fly_udp_peers_is_number__class_e)
{
	cr_expect(fly_udp_peers_is_number(inet_addr("240.0.0.0")));
	cr_expect(fly_udp_peers_is_number(inet_addr("255.255.255.255")));
	cr_expect(!fly_udp_peers_is_number(inet_addr("239.255.255.255")));
	cr_expect(!fly_udp_peers_is_number(inet_addr("10.0.0.240")));
	cr_expect(!fly_udp_peers_is_number(0));
}
