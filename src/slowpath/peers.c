/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peers.c - see peers.h. On the poller's thread, behind slow.h. Called by records.c, close.c and
 * bulk/. Owns the counts; decides nothing.
 *
 * The peer that has most records is found without a search: peers with equally many records are in
 * a list, and a count changes by one at a time.
 */
#include "slowpath/peers.h"

#include "base/random.h"

#include <rte_jhash.h>
#include <rte_malloc.h>

#define MORE 256 /* peers beyond one for each record: those of large messages, and of links */

static void *zeros(uint32_t n, size_t bytes, int socket)
{
	return rte_zmalloc_socket("fly_peers", n * bytes, RTE_CACHE_LINE_SIZE, socket);
}

struct fly_peers *fly_peers_new(uint32_t records, int socket)
{
	struct fly_peers *t = zeros(1, sizeof *t, socket);

	if (!t)
		return NULL;
	t->n = records + MORE;
	t->mask = rte_align32pow2(t->n) - 1;
	t->seed = fly_random32();
	t->peers = zeros(t->n, sizeof t->peers[0], socket);
	t->owners = zeros(RTE_MAX(records, 1U), sizeof t->owners[0], socket);
	t->hash = zeros(t->mask + 1, sizeof t->hash[0], socket);
	t->by_records = zeros(records + 1, sizeof t->by_records[0], socket);
	if (!t->peers || !t->owners || !t->hash || !t->by_records) {
		fly_peers_free(t);
		return NULL;
	}
	memset(t->hash, 0xff, (t->mask + 1) * sizeof t->hash[0]); /* FLY_NO_ENTRY */
	memset(t->by_records, 0xff, (records + 1) * sizeof t->by_records[0]);
	for (uint32_t i = 0; i < t->n; i++)
		t->peers[i].chain = i + 1 < t->n ? i + 1 : FLY_NO_ENTRY;
	t->n_free = t->n;
	return t;
}

void fly_peers_free(struct fly_peers *t)
{
	if (!t)
		return;
	rte_free(t->peers);
	rte_free(t->owners);
	rte_free(t->hash);
	rte_free(t->by_records);
	rte_free(t);
}

static uint32_t index_of(const struct fly_peers *t, const struct fly_peer *peer)
{
	return (uint32_t)(peer - t->peers);
}

static uint32_t *chain_of(const struct fly_peers *t, uint8_t link, uint32_t ip)
{
	return &t->hash[rte_jhash_2words(ip, link, t->seed) & t->mask];
}

struct fly_peer *fly_peers_get(struct fly_peers *t, uint8_t link, uint32_t ip)
{
	uint32_t *head = chain_of(t, link, ip);
	struct fly_peer *peer;
	uint32_t index;

	for (index = *head; index != FLY_NO_ENTRY; index = t->peers[index].chain) {
		peer = &t->peers[index];
		if (peer->ip == ip && peer->link == link)
			return peer;
	}
	/* The last ones are kept for the links, which so always have one. */
	if (t->n_free <= FLY_LINKS && ip != 0)
		return fly_peers_get(t, link, 0);
	index = t->free;
	peer = &t->peers[index];
	t->free = peer->chain;
	t->n_free--;
	*peer = (struct fly_peer){
		.ip = ip,
		.link = link,
		.chain = *head,
		.first = FLY_NO_ENTRY,
		.last = FLY_NO_ENTRY,
	};
	*head = index;
	return peer;
}

void fly_peers_put(struct fly_peers *t, struct fly_peer *peer)
{
	const uint32_t index = index_of(t, peer);
	uint32_t *at;

	if (peer->n_records || peer->n_gone || peer->n_bulk || peer->bulk_bytes)
		return;
	for (at = chain_of(t, peer->link, peer->ip); *at != index; at = &t->peers[*at].chain)
		;
	*at = peer->chain;
	peer->chain = t->free;
	t->free = index;
	t->n_free++;
}

/* ---- records ---- */

static void enter(struct fly_peers *t, struct fly_peer *peer)
{
	uint32_t *head = &t->by_records[peer->n_records];
	const uint32_t index = index_of(t, peer);

	peer->prev = FLY_NO_ENTRY;
	peer->next = *head;
	if (*head != FLY_NO_ENTRY)
		t->peers[*head].prev = index;
	*head = index;
}

static void leave(struct fly_peers *t, const struct fly_peer *peer)
{
	if (peer->prev != FLY_NO_ENTRY)
		t->peers[peer->prev].next = peer->next;
	else
		t->by_records[peer->n_records] = peer->next;
	if (peer->next != FLY_NO_ENTRY)
		t->peers[peer->next].prev = peer->prev;
}

static void append(struct fly_peers *t, struct fly_peer *peer, uint32_t record)
{
	struct fly_record_owner *owner = &t->owners[record];

	owner->peer = index_of(t, peer);
	owner->next = FLY_NO_ENTRY;
	owner->prev = peer->last;
	if (peer->last != FLY_NO_ENTRY)
		t->owners[peer->last].next = record;
	else
		peer->first = record;
	peer->last = record;
}

static void cut_out(struct fly_peers *t, struct fly_peer *peer, uint32_t record)
{
	const struct fly_record_owner *owner = &t->owners[record];

	if (owner->prev != FLY_NO_ENTRY)
		t->owners[owner->prev].next = owner->next;
	else
		peer->first = owner->next;
	if (owner->next != FLY_NO_ENTRY)
		t->owners[owner->next].prev = owner->prev;
	else
		peer->last = owner->prev;
}

void fly_peers_add_record(struct fly_peers *t, struct fly_peer *peer, uint32_t record)
{
	if (peer->n_records)
		leave(t, peer);
	else
		t->n_with_records++;
	peer->n_records++;
	enter(t, peer);
	t->most = RTE_MAX(t->most, peer->n_records);
	append(t, peer, record);
}

void fly_peers_remove_record(struct fly_peers *t, uint32_t record)
{
	struct fly_peer *peer = fly_peers_of_record(t, record);

	cut_out(t, peer, record);
	leave(t, peer);
	if (t->most == peer->n_records && t->by_records[t->most] == FLY_NO_ENTRY)
		t->most--;
	peer->n_records--;
	if (peer->n_records)
		enter(t, peer);
	else
		t->n_with_records--;
	fly_peers_put(t, peer);
}

struct fly_peer *fly_peers_most_records(const struct fly_peers *t)
{
	return t->most ? &t->peers[t->by_records[t->most]] : NULL;
}

void fly_peers_newest(struct fly_peers *t, uint32_t record)
{
	struct fly_peer *peer = fly_peers_of_record(t, record);

	cut_out(t, peer, record);
	append(t, peer, record);
}

/* ---- other counts ---- */

void fly_peers_count_bulk(struct fly_peers *t, struct fly_peer *peer, uint32_t before, uint32_t now)
{
	const bool had = peer->bulk_bytes != 0;

	peer->bulk_bytes += now - before;
	t->n_with_bulk += (uint32_t)(peer->bulk_bytes != 0) - (uint32_t)had;
}

void fly_peers_generation(struct fly_peers *t)
{
	for (uint32_t i = 0; i <= t->mask; i++) {
		uint32_t index = t->hash[i];

		while (index != FLY_NO_ENTRY) {
			struct fly_peer *peer = &t->peers[index];

			index = peer->chain;
			peer->n_gone = 0;
			fly_peers_put(t, peer);
		}
	}
}
