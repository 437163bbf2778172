/* SPDX-License-Identifier: BSD-3-Clause */
/* test_records.c - records are opened, found and forgotten: none lost, none forgotten too early. */
#include <criterion/criterion.h>

#include "case.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "pair.h"
#include "slowpath/records.h"

#define RECORDS 200

static struct sim *s;
static struct sim_node *node;
static struct fly_poller *p;
static struct sim_link *l;
static struct sim_link *second;
static struct frame from_peer;

static void begin(void)
{
	const struct fly_header h = frame_call(1, 1, 1, 1);

	sim_eal();
	s = sim_new();
	node = sim_add(s, &(const struct sim_node_config){.conversations = RECORDS});
	p = sim_poller(node);
	l = sim_join_open(s, node);
	second = sim_join_open(s, node);
	frame_make(&from_peer, &h, l->far, l, NULL);
}

static void end(void)
{
	cr_expect(sim_end(s) == 0, "a packet or record is missing");
}

TestSuite(records, .timeout = HANG);

static struct fly_conversation *open_record(const struct sim_link *over, uint64_t activity)
{
	const struct fly_header h = frame_call(1, activity, 1000, 1);

	return fly_conversation_open(p, &over->link, from_peer.data, &h);
}

/* As after a call with a large result. */
static void retain(struct fly_conversation *c)
{
	c->state = FLY_CONVERSATION_DONE;
	c->result = fly_packet_get(&p->cache, 1000);
	p->conversations.n_retained++;
}

Case(records, fly_conversation_open__a_record_for_each_and_then_none)
{
	for (uint64_t i = 1; i <= RECORDS; i++) {
		struct fly_conversation *c = open_record(l, i << 16 | 7);

		cr_assert(c != NULL, "number %lu", i);
		cr_expect(c->activity == (i << 16 | 7) && c->seq == 999);
		cr_expect(c->state == FLY_CONVERSATION_KNOWN && c->result == NULL);
		cr_expect(fly_conversation_is_peer(c, &l->link, from_peer.data));
		cr_expect(fly_conversation_accept(c, 1000) == FLY_RUN);
		c->state = FLY_CONVERSATION_DONE;
	}
	cr_expect(p->conversations.n_free == 0);
	cr_expect(open_record(l, UINT64_C(999) << 16) == NULL);
	cr_expect(fly_conversation_find(&p->conversations, UINT64_C(999) << 16) == NULL,
		  "one that could not be opened is not known either");
	for (uint64_t i = 1; i <= RECORDS; i++)
		cr_expect(fly_conversation_find(&p->conversations, i << 16 | 7)->activity ==
			  (i << 16 | 7));
}

Case(records, fly_conversation_forget__makes_room_and_lets_the_packet_go)
{
	struct fly_conversation *c;

	for (uint64_t i = 1; i <= RECORDS; i++)
		open_record(l, i);
	for (uint64_t i = 1; i <= 10 * RECORDS; i++) {
		c = fly_conversation_find(&p->conversations, i);
		cr_assert(c != NULL);
		retain(c);
		fly_conversation_forget(p, c);
		cr_assert(p->conversations.n_retained == 0 && p->conversations.n_free == 1);
		cr_assert(c->state == FLY_CONVERSATION_FREE && c->activity == 0);
		cr_assert(fly_conversation_find(&p->conversations, i) == NULL);
		cr_assert(open_record(l, i + RECORDS) != NULL);
	}
	cr_expect(sim_count(node, FLY_COUNT_conversations_opened) == 11 * RECORDS);
	cr_expect(sim_count(node, FLY_COUNT_conversations_ended) == 10 * RECORDS);
}

Case(records, fly_slow_hint__into_the_packets_whose_callers_are_known)
{
	struct rte_mbuf *packets[FLY_BURST];

	for (uint64_t i = 1; i <= RECORDS; i++)
		open_record(l, i << 40);
	for (uint64_t i = 0; i < FLY_BURST; i++) {
		packets[i] = fly_packet_get(&p->cache, FLY_PAYLOAD);
		fly_put_u64(fly_packet_frame(packets[i]) + FLY_RPC + 8,
			    (i % 2 ? RECORDS + 1 + i : 1 + i) << 40);
		fly_put_u32(fly_packet_frame(packets[i]) + FLY_RPC + 24, FLY_HINT_NONE);
	}
	fly_packet_share(packets[2]); /* a driver may be reading it */
	fly_slow_hint(p, packets, FLY_BURST);
	for (uint64_t i = 0; i < FLY_BURST; i++) {
		const uint32_t hint = fly_get_u32(fly_packet_frame(packets[i]) + FLY_RPC + 24);

		if (i % 2 || i == 2)
			cr_expect(hint == FLY_HINT_NONE, "packet %lu", i);
		else
			cr_expect(&p->conversations.records[hint] ==
					  fly_conversation_find(&p->conversations, (1 + i) << 40),
				  "packet %lu", i);
	}
	cr_expect(sim_count(node, FLY_COUNT_hint_misses) == FLY_BURST / 2 - 1);
	rte_mbuf_refcnt_set(packets[2], 1);
	for (unsigned i = 0; i < FLY_BURST; i++)
		fly_packet_put(&p->cache, packets[i]);
}

Case(records, fly_conversations_forget_link__that_links_and_no_others)
{
	for (uint64_t i = 1; i <= 20; i++)
		retain(open_record(i % 2 ? l : second, i));
	fly_conversations_forget_link(p, &l->link);
	cr_expect(p->conversations.n_retained == 10);
	for (uint64_t i = 1; i <= 20; i++)
		cr_expect((fly_conversation_find(&p->conversations, i) == NULL) == (i % 2 == 1));
}

Case(records, fly_conversations_sweep__forgets_what_is_older_than_promised_and_nothing_else)
{
	struct fly_conversation *old = open_record(l, 1);
	struct fly_conversation *young;
	struct fly_conversation *running;

	running = open_record(l, 2);
	running->state = FLY_CONVERSATION_RUNNING;
	retain(old);
	p->now_ms += 1;
	young = open_record(l, 3);
	p->now_ms += FLY_RECORD_KEEP_MS + FLY_ABSENCE_MS - 1;
	for (unsigned i = 0; i < RECORDS; i++)
		fly_conversations_sweep(p);
	cr_expect(old->activity == 1, "kept for exactly as long as promised");
	p->now_ms += 1;
	for (unsigned i = 0; i < RECORDS / 64 + 1; i++)
		fly_conversations_sweep(p);
	cr_expect(old->activity == 0 && p->conversations.n_retained == 0);
	cr_expect(young->activity == 3);
	cr_expect(running->activity == 2, "a record with a running call is never forgotten");
	running->state = FLY_CONVERSATION_DONE;
}

Case(records, fly_conversations_sweep__time_may_wrap)
{
	struct fly_conversation *c;

	p->now_ms = UINT32_MAX - 10;
	c = open_record(l, 1);
	p->now_ms += FLY_RECORD_KEEP_MS + FLY_ABSENCE_MS;
	for (unsigned i = 0; i < RECORDS; i++)
		fly_conversations_sweep(p);
	cr_expect(c->activity == 1);
	p->now_ms += 1;
	for (unsigned i = 0; i < RECORDS; i++)
		fly_conversations_sweep(p);
	cr_expect(c->activity == 0);
}

/* The rule in records.h as arithmetic: a copy of a call that may have run does not run again. */
Case(records, fly_conversations_sweep__the_rule_of_forgetting_leaves_no_gap)
{
	cr_expect(FLY_RECORD_KEEP_MS >= 2 * FLY_PACKET_LIFE_MS);
	cr_expect(FLY_RECORD_KEEP_MS - FLY_PACKET_LIFE_MS <= UINT16_MAX,
		  "the age that is refused must fit into its field");
}
