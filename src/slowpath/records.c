/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * records.c - opening, finding and forgetting conversation records.
 *
 * Owns the free list, the hash table by activity, and the rule by which records are forgotten.
 * Runs on the poller's thread, behind slow.h. The fast path (conversation.h) only follows hints.
 */
#include "slowpath/records.h"

#include "base/random.h"
#include "fastpath/server.h"
#include "fastpath/slow.h"
#include "slowpath/probe.h"
#include "slowpath/bulk/bulk.h"

#include <stdio.h>

#include <rte_hash.h>
#include <rte_jhash.h>
#include <rte_malloc.h>

#define SWEEP_RECORDS  64 /* looked at per sweep */
#define PROBE_MS       10 /* age of a result at which its caller is probed, if many are retained */
#define PROBE_AGAIN_MS 64 /* interval of further probes */

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

struct fly_conversation *fly_conversation_open(struct fly_poller *p, const struct fly_link *link,
					       const uint8_t *frame, const struct fly_header *h)
{
	struct fly_conversation_table *t = &p->conversations;
	const uint32_t index = t->free;

	if (index == FLY_NO_ENTRY ||
	    rte_hash_add_key_data(t->by_activity, &h->activity, (void *)(uintptr_t)index) != 0)
		return NULL;

	struct fly_conversation *c = &t->records[index];

	t->free = c->next_free;
	t->n_free--;
	c->activity = h->activity;
	c->seq = h->seq - 1;
	c->peer_ip = fly_load_raw32(frame + FLY_IP_SOURCE);
	c->peer_port = fly_load_raw16(frame + FLY_UDP_SOURCE);
	c->link = link->index;
	fly_conversation_to_known(c);
	c->executions = 0;
	c->result = NULL;
	c->bulk = NULL;
	c->work = NULL;
	c->is_proven = false;
	c->cancelled_seq = c->seq - 1; /* names no call of this activity */
	c->touched_ms = p->now_ms;
	fly_stats_add(&p->stats, FLY_COUNT_conversations_opened, 1);
	return c;
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
	rte_hash_del_key(t->by_activity, &c->activity);
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
	       (before_ms <= PROBE_MS || idle_ms / PROBE_AGAIN_MS != before_ms / PROBE_AGAIN_MS);
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
		else if (should_probe(t, c, p->now_ms - c->touched_ms))
			fly_probe_result(p, c);
	}
}
