/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * records.c - opening, finding and forgetting conversation records.
 *
 * Owns the free list, the hash table by activity, the rule by which records are forgotten, and the
 * filter of activities whose records were given back before that: p->gone.
 * Runs on the poller's thread, behind slow.h. The fast path (conversation.h) only follows hints.
 */
#include "slowpath/records.h"

#include "base/random.h"
#include "fastpath/link_udp.h"
#include "fastpath/server.h"
#include "fastpath/slow.h"
#include "slowpath/peers.h"
#include "slowpath/probe.h"
#include "slowpath/refused_filter.h"
#include "slowpath/bulk/bulk.h"

#include <stdio.h>

#include <rte_hash.h>
#include <rte_jhash.h>
#include <rte_malloc.h>

#define SWEEP_RECORDS  64 /* looked at per sweep */
#define PROBE_MS       10 /* age of a result at which its caller is probed, if many are retained */
#define PROBE_AGAIN_MS 64 /* and again; then after twice as long each time */
#define EVICT_LOOK     32 /* records of a peer looked at for one to evict */
#define RESULTS_LOOK   1024 /* records looked at for results to let go */
#define RESULTS_DRAWN  32   /* results among them at most: whoever has most of these has most */
#define RESULTS_SPARED 8    /* let go at a time */

/* rte_jhash() and memcmp(), for keys of 8 bytes only. */
static uint32_t hash_activity(const void *key, uint32_t bytes, uint32_t seed)
{
	uint32_t words[2];

	(void)bytes;
	memcpy(words, key, sizeof words);
	return rte_jhash_2words(words[0], words[1], seed);
}

static int compare_activities(const void *a, const void *b, size_t bytes)
{
	(void)bytes;
	return fly_load_raw64(a) != fly_load_raw64(b);
}

int fly_conversations_init(struct fly_conversation_table *t, uint32_t n, uint32_t retained_max,
			   const char *name, int socket)
{
	char hash_name[RTE_HASH_NAMESIZE];
	uint32_t seed = 0;

	/* Peers choose activities: an unknown seed keeps them from choosing collisions as well. */
	fly_random_fill(&seed, sizeof seed);
	snprintf(hash_name, sizeof hash_name, "%s_conv", name);

	const struct rte_hash_parameters parameters = {
		.name = hash_name,
		.entries = RTE_MAX(n, 8U),
		.key_len = sizeof(uint64_t),
		.hash_func = hash_activity,
		.hash_func_init_val = seed,
		.socket_id = socket,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE, /* never full below @n */
	};

	*t = (struct fly_conversation_table){
		.n = n,
		.n_free = n,
		.retained_max = retained_max,
		.retained_high = retained_max - retained_max / 4,
	};
	t->records = rte_zmalloc_socket("fly_conversations", n * sizeof t->records[0],
					RTE_CACHE_LINE_SIZE, socket);
	if (!t->records)
		return -FLY_ENOMEM;
	t->by_activity = rte_hash_create(&parameters);
	if (!t->by_activity) {
		rte_free(t->records);
		return -FLY_ENOMEM;
	}
	rte_hash_set_cmp_func(t->by_activity, compare_activities);
	for (uint32_t i = 0; i < n; i++) {
		t->records[i].link = FLY_NO_LINK;
		t->records[i].next_free = i + 1 < n ? i + 1 : FLY_NO_ENTRY;
	}
	return 0;
}

void fly_conversations_free(struct fly_poller *p)
{
	struct fly_conversation_table *t = &p->conversations;

	for (uint32_t i = 0; i < t->n; i++) {
		if (t->records[i].activity)
			fly_conversation_forget(p, &t->records[i]);
	}
	rte_hash_free(t->by_activity);
	rte_free(t->records);
	*t = (struct fly_conversation_table){0};
}

struct fly_conversation *fly_conversation_find(const struct fly_conversation_table *t,
					       uint64_t activity)
{
	void *index;

	if (rte_hash_lookup_data(t->by_activity, &activity, &index) < 0)
		return NULL;
	return &t->records[(uintptr_t)index];
}

struct fly_conversation *fly_conversation_lookup(struct fly_poller *p, const struct fly_header *h)
{
	struct fly_conversation *c = fly_conversation_at(&p->conversations, h->hint);

	if (h->activity == 0)
		return NULL;
	if (c && c->activity == h->activity)
		return c;
	c = fly_conversation_find(&p->conversations, h->activity);
	if (c)
		fly_stats_add(&p->stats, FLY_COUNT_hint_misses, 1);
	return c;
}

struct fly_conversation *fly_conversation_of_peer(struct fly_poller *p, const struct fly_link *link,
						  const struct rte_mbuf *m,
						  const struct fly_header *h, enum fly_counter *why)
{
	struct fly_conversation *c = fly_conversation_lookup(p, h);

	if (c && !fly_conversation_is_peer(c, link, fly_packet_frame(m))) {
		*why = FLY_COUNT_drop_wrong_peer;
		return NULL;
	}
	*why = FLY_COUNT_drop_activity;
	return c;
}

void fly_slow_hint(struct fly_poller *p, struct rte_mbuf *const *packets, unsigned n)
{
	const struct fly_conversation_table *t = &p->conversations;
	uint64_t activities[FLY_BURST], found = 0;
	const void *keys[FLY_BURST];
	void *indices[FLY_BURST];
	unsigned n_found = 0;

	for (unsigned i = 0; i < n; i++) {
		activities[i] = fly_get_u64(fly_packet_frame(packets[i]) + FLY_RPC + 8);
		keys[i] = &activities[i];
	}
	if (rte_hash_lookup_bulk_data(t->by_activity, keys, n, &found, indices) <= 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		if (!(found >> i & 1) || !fly_packet_is_plain(packets[i]))
			continue;
		__builtin_prefetch(&t->records[(uintptr_t)indices[i]], 1);
		fly_put_u32(fly_packet_frame(packets[i]) + FLY_RPC + 24,
			    (uint32_t)(uintptr_t)indices[i]);
		n_found++;
	}
	fly_stats_add(&p->stats, FLY_COUNT_hint_misses, n_found);
}

/* ---- records that are given back early ---- */

/*
 * A record that goes before K has passed leaves its activity in the filter p->gone, which keeps it
 * for as long as the record would have been kept: docs/protocol.md, "Records that are given back".
 * What is in the filter, beside whole activities: of one that was evicted, its newest call, which
 * may have run.
 */
#define CLOSED  0U /* the caller sends nothing more of it */
#define EVICTED 1U /* the caller may go on */

/* The key of a whole activity. Calls have the activity itself: no bits in common. */
static uint64_t whole(uint64_t activity)
{
	return ~activity;
}

/* The last quarter of a generation is for evictions: whoever closes much does not stop those. */
static uint32_t room_to_close(const struct fly_poller *p)
{
	const uint32_t most = FLY_REFUSED_MAX - FLY_REFUSED_MAX / 4;

	return most - RTE_MIN(most, p->gone->n);
}

bool fly_conversation_close(struct fly_poller *p, struct fly_conversation *c)
{
	struct fly_peer *peer = fly_conversation_peer(p, c);
	const uint32_t room = room_to_close(p);

	c->is_closing = true;
	if (c->state == FLY_CONVERSATION_RUNNING)
		return false; /* the sweep tries again */
	/* No peer gets more than twice of what remains free. */
	if (room == 0 || peer->n_gone >= 2 * room ||
	    !fly_refused_add(p->gone, whole(c->activity), CLOSED))
		return false;
	peer->n_gone++;
	fly_conversation_forget(p, c);
	fly_stats_add(&p->stats, FLY_COUNT_conversations_closed, 1);
	return true;
}

static bool evict(struct fly_poller *p, struct fly_conversation *c)
{
	if (p->gone->n + 2 > FLY_REFUSED_MAX)
		return false;
	fly_refused_add(p->gone, whole(c->activity), EVICTED);
	fly_refused_add(p->gone, c->activity, c->seq);
	fly_conversation_forget(p, c);
	fly_stats_add(&p->stats, FLY_COUNT_conversations_evicted, 1);
	return true;
}

enum fly_gone fly_conversation_gone(const struct fly_poller *p, const struct fly_header *h)
{
	const uint64_t key = whole(h->activity);

	if (fly_refused_has(p->gone, key, CLOSED))
		return FLY_GONE_MAYBE;
	if (!fly_refused_has(p->gone, key, EVICTED))
		return FLY_GONE_NOT;
	return fly_refused_has(p->gone, h->activity, h->seq) ? FLY_GONE_MAYBE : FLY_GONE_NOT_RUN;
}

/*
 * Of the records of a peer that were opened first, the one that was used least recently. Those that
 * cannot go are not looked at again soon.
 */
static struct fly_conversation *least_used(struct fly_poller *p, const struct fly_peer *peer)
{
	struct fly_conversation *least = NULL;
	uint32_t next = peer->first;

	for (unsigned i = 0; i < EVICT_LOOK && next != FLY_NO_ENTRY; i++) {
		struct fly_conversation *c = &p->conversations.records[next];
		const uint32_t index = next;

		next = p->peers->owners[index].next;
		if (c->state == FLY_CONVERSATION_RUNNING)
			fly_peers_newest(p->peers, index);
		else if (!least || p->now_ms - c->touched_ms > p->now_ms - least->touched_ms)
			least = c;
	}
	return least;
}

/* No record is free: the peer that has most gives one to @peer, if that has less than its share. */
static void make_room(struct fly_poller *p, const struct fly_peer *peer)
{
	const uint32_t peers = p->peers->n_with_records + (peer->n_records == 0);
	const struct fly_peer *most = fly_peers_most_records(p->peers);
	struct fly_conversation *c;

	if (!most || most == peer || most->n_records <= peer->n_records + 1 ||
	    peer->n_records >= RTE_MAX(p->conversations.n / peers, 1U))
		return;
	c = least_used(p, most);
	if (c)
		evict(p, c);
}

/* The record keeps the address of its caller. @keep: false: it does so no more. */
static void hold_address(struct fly_poller *p, const struct fly_conversation *c, bool keep)
{
	for (uint32_t i = 0; fly_udp_peers_is_number(c->peer_ip) && i < p->n_links; i++) {
		if (p->links[i]->index == c->link)
			fly_link_udp_hold_number(p->links[i], c->peer_ip, keep);
	}
}

struct fly_conversation *fly_conversation_open(struct fly_poller *p, const struct fly_link *link,
					       const uint8_t *frame, const struct fly_header *h,
					       bool is_proven)
{
	struct fly_conversation_table *t = &p->conversations;
	const uint32_t ip = fly_load_raw32(frame + FLY_IP_SOURCE);
	struct fly_peer *peer =
		fly_peers_get(p->peers, link->index, fly_peers_ip(link, ip, is_proven));
	uint32_t index;

	if (t->free == FLY_NO_ENTRY)
		make_room(p, peer);
	index = t->free;
	if (index == FLY_NO_ENTRY ||
	    rte_hash_add_key_data(t->by_activity, &h->activity, (void *)(uintptr_t)index) != 0) {
		fly_peers_put(p->peers, peer);
		return NULL;
	}

	struct fly_conversation *c = &t->records[index];

	fly_peers_add_record(p->peers, peer, index);
	t->free = c->next_free;
	t->n_free--;
	c->activity = h->activity;
	c->seq = h->seq - 1;
	c->peer_ip = ip;
	c->peer_port = fly_load_raw16(frame + FLY_UDP_SOURCE);
	c->link = link->index;
	hold_address(p, c, true);
	fly_conversation_to_known(c);
	c->executions = 0;
	c->result = NULL;
	c->bulk = NULL;
	c->work = NULL;
	c->is_proven = is_proven;
	c->is_closing = false;
	c->asks_proof = false;
	c->cancelled_seq = c->seq - 1; /* names no call of this activity */
	c->touched_ms = p->now_ms;
	fly_stats_add(&p->stats, FLY_COUNT_conversations_opened, 1);
	return c;
}

void fly_conversation_prove(struct fly_poller *p, struct fly_conversation *c)
{
	const uint32_t index = (uint32_t)(c - p->conversations.records);

	c->is_proven = true;
	fly_peers_remove_record(p->peers, index);
	fly_peers_add_record(p->peers, fly_peers_get(p->peers, c->link, c->peer_ip), index);
}

struct fly_peer *fly_conversation_peer(const struct fly_poller *p, const struct fly_conversation *c)
{
	return fly_peers_of_record(p->peers, (uint32_t)(c - p->conversations.records));
}

void fly_conversation_refuse(struct fly_poller *p, struct fly_conversation *c, uint32_t seq)
{
	fly_conversation_bulk_end(p, c);
	fly_serve_let_go(p, c);
	fly_conversation_to_refused(c, seq);
	c->touched_ms = p->now_ms;
}

void fly_conversation_forget(struct fly_poller *p, struct fly_conversation *c)
{
	struct fly_conversation_table *t = &p->conversations;

	fly_bulk_free(p, c->bulk);
	if (c->result) {
		fly_packet_put(&p->cache, c->result);
		t->n_retained--;
	}
	hold_address(p, c, false);
	rte_hash_del_key(t->by_activity, &c->activity);
	fly_peers_remove_record(p->peers, (uint32_t)(c - t->records));
	c->activity = 0;
	c->link = FLY_NO_LINK;
	c->result = NULL;
	fly_conversation_to_free(c);
	c->next_free = t->free;
	t->free = (uint32_t)(c - t->records);
	t->n_free++;
	fly_stats_add(&p->stats, FLY_COUNT_conversations_ended, 1);
}

void fly_conversations_forget_link(struct fly_poller *p, const struct fly_link *link)
{
	struct fly_conversation_table *t = &p->conversations;

	for (uint32_t i = 0; i < t->n && t->n_free < t->n; i++) {
		struct fly_conversation *c = &t->records[i];

		if (c->activity && c->link == link->index && c->state != FLY_CONVERSATION_RUNNING)
			fly_conversation_forget(p, c);
	}
}

void fly_conversations_absent(struct fly_poller *p, uint32_t absent_ms)
{
	struct fly_conversation_table *t = &p->conversations;
	uint32_t known = t->n - t->n_free;

	if (absent_ms <= FLY_ABSENCE_MS)
		return;
	for (uint32_t i = 0; known > 0 && i < t->n; i++) {
		struct fly_conversation *c = &t->records[i];

		known -= c->activity != 0;
		if (c->activity)
			c->touched_ms += absent_ms;
	}
}

/*
 * Should the caller be probed for an acknowledgement of its result? Most likely it has the result.
 * Callers that have not proven their address are not probed: an address is not sent more than came
 * from there.
 */
static bool should_probe(const struct fly_conversation_table *t, const struct fly_conversation *c,
			 uint32_t idle_ms)
{
	/* Idle time when the sweep last looked at this record. */
	const uint32_t before_ms = idle_ms - RTE_MIN(idle_ms, RTE_MAX(t->n / SWEEP_RECORDS, 1U));

	return c->result && t->n_retained >= t->retained_high && c->is_proven &&
	       idle_ms > PROBE_MS &&
	       (before_ms <= PROBE_MS ||
		rte_fls_u32(idle_ms / PROBE_AGAIN_MS) != rte_fls_u32(before_ms / PROBE_AGAIN_MS));
}

/* Results that were drawn, and how many of them each peer has. */
struct draw {
	unsigned n;
	struct {
		struct fly_conversation *c;
		const struct fly_peer *peer;
		unsigned of_peer; /* this one, and those of its peer that were drawn before */
	} at[RESULTS_DRAWN];
};

static void draw(struct fly_poller *p, struct draw *d)
{
	struct fly_conversation_table *t = &p->conversations;

	d->n = 0;
	for (uint32_t i = 0; i < RTE_MIN(t->n, (uint32_t)RESULTS_LOOK) && d->n < RESULTS_DRAWN;
	     i++) {
		struct fly_conversation *c = &t->records[t->drawn];
		const unsigned n = d->n;

		t->drawn = t->drawn + 1 < t->n ? t->drawn + 1 : 0;
		if (!c->result || c->state != FLY_CONVERSATION_DONE)
			continue;
		d->at[n].c = c;
		d->at[n].peer = fly_conversation_peer(p, c);
		d->at[n].of_peer = 1;
		for (unsigned j = 0; j < n; j++) {
			if (d->at[j].peer == d->at[n].peer)
				d->at[n].of_peer = d->at[j].of_peer + 1;
		}
		d->n++;
	}
}

/*
 * The fast path counts retained results, but not by peer. Who has most of them is found by drawing
 * some, from where the last draw ended. To let a result go is to take it for acknowledged: a caller
 * that has not got it yet ends its call with FLY_EPEER, maybe executed.
 */
bool fly_conversations_spare_results(struct fly_poller *p, const struct fly_conversation *c)
{
	const struct fly_peer *ours = fly_conversation_peer(p, c);
	const struct fly_peer *most = NULL;
	unsigned n_most = 0, n_ours = 0, n_spared = 0;
	struct draw d;

	draw(p, &d);
	for (unsigned i = 0; i < d.n; i++) {
		if (d.at[i].peer == ours)
			n_ours = d.at[i].of_peer;
		if (d.at[i].of_peer > n_most) {
			n_most = d.at[i].of_peer;
			most = d.at[i].peer;
		}
	}
	if (!most || most == ours || n_most <= n_ours)
		return false;
	for (unsigned i = 0; i < d.n && n_spared < RESULTS_SPARED; i++) {
		if (d.at[i].peer != most)
			continue;
		fly_serve_let_go(p, d.at[i].c);
		fly_conversation_to_given(d.at[i].c);
		n_spared++;
	}
	fly_stats_add(&p->stats, FLY_COUNT_results_evicted, n_spared);
	return true;
}

void fly_conversations_sweep(struct fly_poller *p)
{
	struct fly_conversation_table *t = &p->conversations;

	if (t->n_free == t->n)
		return;
	for (uint32_t i = 0; i < RTE_MIN(t->n, (uint32_t)SWEEP_RECORDS); i++) {
		struct fly_conversation *c = &t->records[t->swept];

		t->swept = t->swept + 1 < t->n ? t->swept + 1 : 0;
		if (!c->activity || c->state == FLY_CONVERSATION_RUNNING)
			continue;
		if (p->now_ms - c->touched_ms > FLY_RECORD_KEEP_MS + FLY_ABSENCE_MS)
			fly_conversation_forget(p, c);
		else if (c->is_closing && fly_conversation_close(p, c))
			continue;
		else if (should_probe(t, c, p->now_ms - c->touched_ms))
			fly_probe_result(p, c);
	}
}
