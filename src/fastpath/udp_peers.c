/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * udp_peers.c - see udp_peers.h. Owned by one link; on its poller's thread. A table of sets: a
 * number may only lie in the set of its low bits, so that it is found with a few comparisons.
 */
#include "fastpath/udp_peers.h"

#include <stdlib.h>
#include <string.h>

#include <sodium/crypto_shorthash.h>

#include <rte_common.h>

#include "fastpath/wire.h"

#define WAYS    8 /* entries of a set */
#define NUMBERS 4 /* tried for one address: its hash, and the next ones */
#define SPARE   256
#define FIRST   0xf0000000U

static_assert(FLY_UDP_PEERS_KEY_BYTES == crypto_shorthash_KEYBYTES, "a key of SipHash");

struct entry {
	struct sockaddr_in6 address; /* port 0 */
	uint32_t number;             /* host order; 0: free */
	uint32_t held;
	uint64_t used; /* when it was looked up by its address, in look-ups */
};

struct fly_udp_peers {
	uint8_t key[FLY_UDP_PEERS_KEY_BYTES];
	uint32_t mask; /* of sets */
	uint64_t lookups;
	struct entry *last; /* looked up last by its address; NULL */
	struct entry entries[];
};

struct fly_udp_peers *fly_udp_peers_new(uint32_t n, const uint8_t key[FLY_UDP_PEERS_KEY_BYTES])
{
	const uint32_t sets = rte_align32pow2((2 * n + SPARE) / WAYS);
	struct fly_udp_peers *t = calloc(1, sizeof *t + (size_t)sets * WAYS * sizeof t->entries[0]);

	if (!t)
		return NULL;
	memcpy(t->key, key, sizeof t->key);
	t->mask = sets - 1;
	return t;
}

void fly_udp_peers_free(struct fly_udp_peers *t)
{
	free(t);
}

static bool is_same(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b)
{
	return memcmp(&a->sin6_addr, &b->sin6_addr, sizeof a->sin6_addr) == 0 &&
	       a->sin6_scope_id == b->sin6_scope_id;
}

static struct entry *set_of(const struct fly_udp_peers *t, uint32_t number)
{
	return (struct entry *)(uintptr_t)&t->entries[(size_t)(number & t->mask) * WAYS];
}

static struct entry *find(const struct fly_udp_peers *t, uint32_t number)
{
	struct entry *set = set_of(t, number);

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].number == number)
			return &set[i];
	}
	return NULL;
}

/* The entry of a set that gives way; NULL: all are held. */
static struct entry *replaceable(const struct fly_udp_peers *t, uint32_t number)
{
	struct entry *set = set_of(t, number);
	struct entry *least = NULL;

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].number == 0)
			return &set[i];
		if (set[i].held == 0 && (!least || set[i].used < least->used))
			least = &set[i];
	}
	return least;
}

static uint32_t hash(const struct fly_udp_peers *t, const struct sockaddr_in6 *address)
{
	uint8_t message[20];
	uint8_t to[crypto_shorthash_BYTES];

	memcpy(message, &address->sin6_addr, 16);
	memcpy(message + 16, &address->sin6_scope_id, 4);
	crypto_shorthash(to, message, sizeof message, t->key);
	return fly_load_raw32(to);
}

/* The number that is @i behind the hash. */
static uint32_t number_at(uint32_t hash, uint32_t i)
{
	return FIRST | (hash + i);
}

/* First look at all numbers that it may have: one that is in use keeps its number. */
static struct entry *enter(struct fly_udp_peers *t, const struct sockaddr_in6 *address)
{
	const uint32_t h = hash(t, address);
	struct entry *e;

	for (uint32_t i = 0; i < NUMBERS; i++) {
		e = find(t, number_at(h, i));
		if (e && is_same(&e->address, address))
			return e;
	}
	for (uint32_t i = 0; i < NUMBERS; i++) {
		const uint32_t number = number_at(h, i);

		e = find(t, number); /* of another address */
		if (!e)
			e = replaceable(t, number);
		else if (e->held)
			e = NULL;
		if (!e)
			continue;
		*e = (struct entry){
			.address =
				{
					.sin6_family = AF_INET6,
					.sin6_addr = address->sin6_addr,
					.sin6_scope_id = address->sin6_scope_id,
				},
			.number = number,
		};
		return e;
	}
	return NULL;
}

uint32_t fly_udp_peers_number(struct fly_udp_peers *t, const struct sockaddr_in6 *address)
{
	struct entry *e = t->last;

	if (!e || !is_same(&e->address, address)) {
		e = enter(t, address);
		if (!e)
			return 0;
		t->last = e;
	}
	e->used = ++t->lookups;
	return rte_cpu_to_be_32(e->number);
}

const struct sockaddr_in6 *fly_udp_peers_find(const struct fly_udp_peers *t, uint32_t number)
{
	const struct entry *e = find(t, rte_be_to_cpu_32(number));

	return e ? &e->address : NULL;
}

void fly_udp_peers_hold(struct fly_udp_peers *t, uint32_t number)
{
	struct entry *e = find(t, rte_be_to_cpu_32(number));

	if (e)
		e->held++;
}

void fly_udp_peers_let_go(struct fly_udp_peers *t, uint32_t number)
{
	struct entry *e = find(t, rte_be_to_cpu_32(number));

	if (e && e->held)
		e->held--;
}
