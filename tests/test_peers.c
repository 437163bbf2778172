/* SPDX-License-Identifier: BSD-3-Clause */
/* test_peers.c - counts for each peer, held against a plain count of the same. */
#include <criterion/criterion.h>

#include "case.h"
#include "sim.h"
#include "slowpath/peers.h"

#define RECORDS 64
#define PEERS   9

static struct fly_peers *t;

static void begin(void)
{
	static bool is_up;

	if (!is_up)
		sim_eal();
	is_up = true;
	t = fly_peers_new(RECORDS, SOCKET_ID_ANY);
	cr_assert(t != NULL);
}

static void end(void)
{
	cr_expect(t->n_free == t->n && t->n_with_records == 0 && t->n_with_bulk == 0);
	fly_peers_free(t);
}

TestSuite(peers, .timeout = HANG);

Case(peers, fly_peers_get__by_link_and_address)
{
	struct fly_peer *a = fly_peers_get(t, 0, 7);

	a->n_bulk = 1;
	cr_expect(fly_peers_get(t, 0, 7) == a);
	cr_expect(fly_peers_get(t, 1, 7) != a && fly_peers_get(t, 0, 8) != a);
	fly_peers_put(t, fly_peers_get(t, 1, 7));
	fly_peers_put(t, fly_peers_get(t, 0, 8));
	fly_peers_put(t, a);
	cr_expect(fly_peers_get(t, 0, 7) == a && t->n_free == t->n - 1, "it has something");
	a->n_bulk = 0;
	fly_peers_put(t, a);
	fly_peers_free(NULL);
}

Case(peers, fly_peers_get__without_a_free_one_it_is_the_links)
{
	struct fly_peer *links[2];
	uint32_t n = 0;

	for (uint32_t ip = 1; t->n_free > FLY_LINKS; ip++, n++)
		fly_peers_get(t, 0, ip)->n_bulk = 1;
	for (uint8_t i = 0; i < 2; i++) {
		links[i] = fly_peers_get(t, i, 1000000);
		links[i]->n_bulk = 1;
		cr_expect(links[i]->ip == 0 && links[i]->link == i);
	}
	for (uint32_t ip = 1; ip <= n; ip++) {
		struct fly_peer *peer = fly_peers_get(t, 0, ip);

		cr_assert(peer->ip == ip);
		peer->n_bulk = 0;
		fly_peers_put(t, peer);
	}
	for (uint8_t i = 0; i < 2; i++) {
		links[i]->n_bulk = 0;
		fly_peers_put(t, links[i]);
	}
}

static void check(const uint32_t *owner)
{
	uint32_t n[PEERS + 1] = {0};
	uint32_t most = 0, with = 0;

	for (uint32_t i = 0; i < RECORDS; i++)
		n[owner[i]]++;
	for (uint32_t i = 1; i <= PEERS; i++) {
		most = RTE_MAX(most, n[i]);
		with += n[i] != 0;
		if (n[i])
			cr_assert(fly_peers_get(t, 0, i)->n_records == n[i]);
	}
	cr_assert(t->n_with_records == with && t->most == most);
	if (most)
		cr_assert(fly_peers_most_records(t)->n_records == most);
	else
		cr_assert(fly_peers_most_records(t) == NULL);
}

/* Each list has all records of its peer, the oldest first. */
static void check_order(const uint32_t *owner, const uint32_t *since)
{
	for (uint32_t peer = 1; peer <= PEERS; peer++) {
		uint32_t n = 0, before = 0, in = 0;
		struct fly_peer *of;

		for (uint32_t i = 0; i < RECORDS; i++)
			in += owner[i] == peer;
		if (in == 0)
			continue;
		of = fly_peers_get(t, 0, peer);
		for (uint32_t i = of->first; i != FLY_NO_ENTRY; i = t->owners[i].next, n++) {
			cr_assert(owner[i] == peer && since[i] > before);
			cr_assert(fly_peers_of_record(t, i) == of);
			before = since[i];
		}
		cr_assert(n == in);
	}
}

Case(peers, fly_peers_add_record__the_one_with_most_is_known_at_any_time)
{
	uint32_t owner[RECORDS] = {0}, since[RECORDS] = {0};
	uint64_t random = 11;

	for (uint32_t i = 1; i < 20000; i++) {
		const uint64_t r = sim_random(&random);
		const uint32_t record = r % RECORDS;

		if (owner[record] && (r >> 32) % 3 == 0) {
			fly_peers_newest(t, record);
			since[record] = i;
		} else if (owner[record]) {
			fly_peers_remove_record(t, record);
			owner[record] = 0;
		} else {
			owner[record] = 1 + (uint32_t)((r >> 16) % PEERS % (1 + (r >> 24) % PEERS));
			since[record] = i;
			fly_peers_add_record(t, fly_peers_get(t, 0, owner[record]), record);
		}
		check(owner);
		if (i % 100 == 0)
			check_order(owner, since);
	}
	for (uint32_t i = 0; i < RECORDS; i++) {
		if (owner[i])
			fly_peers_remove_record(t, i);
	}
}

Case(peers, fly_peers_generation__forgets_who_has_only_closed)
{
	struct fly_peer *a = fly_peers_get(t, 0, 1);
	struct fly_peer *b = fly_peers_get(t, 0, 2);

	a->n_gone = 3;
	b->n_gone = 4;
	fly_peers_count_bulk(t, b, 0, 100);
	cr_expect(t->n_with_bulk == 1);
	fly_peers_put(t, a);
	cr_expect(t->n_free == t->n - 2);
	fly_peers_generation(t);
	cr_expect(t->n_free == t->n - 1 && b->n_gone == 0 && b->bulk_bytes == 100);
	fly_peers_count_bulk(t, b, 100, 0);
	fly_peers_put(t, b);
}
