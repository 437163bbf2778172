/* SPDX-License-Identifier: BSD-3-Clause */
/* test_records.c - records are opened, found and forgotten: none lost, none forgotten too early. */
#include <criterion/criterion.h>

#include <arpa/inet.h>

#include "case.h"
#include "fastpath/link_udp.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "pair.h"
#include "slowpath/peers.h"
#include "slowpath/records.h"
#include "slowpath/refused_filter.h"

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

	return fly_conversation_open(p, &over->link, from_peer.data, &h, true);
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

/* ---- shares ---- */

static struct fly_conversation *open_from(uint32_t ip, uint64_t activity, bool is_proven)
{
	const struct fly_header h = frame_call(1, activity, 1000, 1);

	fly_store_raw32(from_peer.data + FLY_IP_SOURCE, ip);
	return fly_conversation_open(p, &l->link, from_peer.data, &h, is_proven);
}

/* Return: of @n new records, how many were had. */
static unsigned open_many(uint32_t ip, uint64_t from, unsigned n)
{
	unsigned had = 0;

	for (uint64_t i = 0; i < n; i++)
		had += open_from(ip, (from + i) << 16, true) != NULL;
	return had;
}

Case(records, fly_conversation_open__whoever_has_more_than_its_share_gives_way)
{
	l->link.is_private = false;
	cr_expect(open_many(1, 1000, RECORDS + 50) == RECORDS, "all, while nobody else wants any");
	cr_expect(open_many(2, 3000, RECORDS) == RECORDS / 2, "a half, although the table is full");
	cr_expect(open_many(3, 5000, RECORDS) == RECORDS / 3);
	cr_expect(open_many(1, 7000, 50) == 0, "whoever has most gets no more");
	cr_expect(sim_count(node, FLY_COUNT_conversations_evicted) == RECORDS / 2 + RECORDS / 3);
	cr_expect(p->conversations.n_free == 0);
	for (uint32_t ip = 1; ip <= 3; ip++) {
		unsigned n = 0;

		for (uint32_t i = 0; i < RECORDS; i++)
			n += p->conversations.records[i].peer_ip == ip;
		cr_expect(n >= RECORDS / 3 && n <= RECORDS / 3 + 2, "%u has %u", ip, n);
	}
}

/* What others leave of their shares stays with who has it. */
Case(records, fly_conversation_open__nobody_takes_more_than_its_share)
{
	l->link.is_private = false;
	cr_expect(open_many(1, 1000, RECORDS) == RECORDS);
	cr_expect(open_many(3, 3000, 1) == 1);
	cr_expect(open_many(2, 5000, RECORDS) == RECORDS / 3,
		  "a third, although the first has more");
	cr_expect(open_many(3, 7000, 1) == 1, "who has less than its share gets more");
}

Case(records, fly_conversation_open__an_address_without_proof_is_none)
{
	unsigned had = 0;

	l->link.is_private = false;
	cr_expect(open_many(9, 1000, RECORDS) == RECORDS);
	for (uint32_t ip = 100; ip < 100 + 2 * RECORDS; ip++) /* forged: all are one peer */
		had += open_from(ip, UINT64_C(1) << 40 | ip, false) != NULL;
	cr_expect(had == RECORDS / 2, "%u", had);
	had = 0;
	for (uint32_t ip = 1; ip <= 20; ip++) /* proven: each is one */
		had += open_many(ip * 1000, (UINT64_C(1) << 32) + ip * 100, 2);
	cr_expect(had == 40, "%u", had);
}

Case(records, fly_conversation_open__behind_a_private_link_all_are_one)
{
	cr_expect(open_many(1, 1000, RECORDS) == RECORDS);
	for (uint32_t ip = 100; ip < 120; ip++)
		cr_expect(open_many(ip, ip * 1000, 1) == 0);
	for (uint64_t i = 1; i <= RECORDS / 2; i++)
		cr_expect(open_record(second, i) != NULL, "the peer of another link");
	cr_expect(open_record(second, 9999) == NULL);
}

Case(records, fly_conversation_open__what_runs_does_not_give_way)
{
	l->link.is_private = false;
	cr_expect(open_many(1, 1000, RECORDS) == RECORDS);
	for (uint32_t i = 0; i < RECORDS; i++)
		p->conversations.records[i].state = FLY_CONVERSATION_RUNNING;
	cr_expect(open_many(2, 2000, 20) == 0);
	p->conversations.records[77].state = FLY_CONVERSATION_DONE;
	cr_expect(open_many(2, 3000, 20) == 1, "it is found after those that run");
	for (uint32_t i = 0; i < RECORDS; i++)
		p->conversations.records[i].state = FLY_CONVERSATION_DONE;
}

Case(records, fly_conversation_open__the_one_used_least_goes_first)
{
	l->link.is_private = false;
	for (uint64_t i = 0; i < RECORDS; i++)
		open_from(1, (1 + i) << 16, true)->touched_ms =
			i == 5 ? p->now_ms - 100 : p->now_ms;
	cr_assert(open_from(2, UINT64_C(7) << 40, true) != NULL);
	cr_expect(fly_conversation_find(&p->conversations, UINT64_C(6) << 16) == NULL);
}

/* What the filter says of an evicted activity: its newest call may have run, a later one has not.
 */
Case(records, fly_conversation_gone__knows_what_may_have_run)
{
	struct fly_header h = frame_call(1, UINT64_C(1) << 16, 1000, 1);

	l->link.is_private = false;
	cr_expect(fly_conversation_gone(p, &h) == FLY_GONE_NOT);
	for (uint64_t i = 0; i < RECORDS; i++) {
		struct fly_conversation *c = open_from(1, (1 + i) << 16, true);

		fly_conversation_to_running(c, 1000);
		fly_conversation_to_done(c);
	}
	cr_assert(open_from(2, UINT64_C(7) << 40, true) != NULL);
	cr_expect(fly_conversation_gone(p, &h) == FLY_GONE_MAYBE);
	h.seq = 1001;
	cr_expect(fly_conversation_gone(p, &h) == FLY_GONE_NOT_RUN);
	h.activity = UINT64_C(2) << 16;
	cr_expect(fly_conversation_gone(p, &h) == FLY_GONE_NOT);
	cr_expect(fly_conversation_close(p, fly_conversation_find(&p->conversations, h.activity)));
	cr_expect(fly_conversation_gone(p, &h) == FLY_GONE_MAYBE,
		  "closed: nobody waits for an answer");
}

Case(records, fly_conversation_open__without_room_in_the_filter_nobody_gives_way)
{
	l->link.is_private = false;
	cr_expect(open_many(1, 1000, RECORDS) == RECORDS);
	p->gone->n = FLY_REFUSED_MAX - 3;
	cr_expect(open_many(2, 2000, 20) == 1, "one takes two entries");
	p->gone->n = 0;
}

Case(records, fly_conversation_close__a_peer_that_closes_much_leaves_room_for_others)
{
	unsigned closed[3] = {0};
	const unsigned most = FLY_REFUSED_MAX - FLY_REFUSED_MAX / 4;

	l->link.is_private = false;
	for (uint32_t ip = 1; ip <= 2; ip++) {
		struct fly_conversation *c;

		for (uint64_t i = 1;; i++, closed[ip]++) {
			c = open_from(ip, i << 20 | ip, true);
			if (!fly_conversation_close(p, c))
				break;
		}
		cr_expect(c->activity && c->is_closing, "it goes by its age");
	}
	cr_expect(closed[1] == most / 3 * 2, "%u", closed[1]);
	cr_expect(closed[2] >= most / 9 * 2 - 2, "%u", closed[2]);
	cr_expect(p->conversations.n_free == RECORDS - 2);
	p->now_ms += FLY_RECORD_KEEP_MS + FLY_ABSENCE_MS + 1;
	for (unsigned i = 0; i < RECORDS; i++)
		fly_conversations_sweep(p);
	cr_expect(p->conversations.n_free == RECORDS);
}

Case(records, fly_conversation_prove__from_then_on_it_is_its_own)
{
	struct fly_conversation *c;

	l->link.is_private = false;
	c = open_from(5, 1 << 16, false);
	open_from(6, 2 << 16, false);
	cr_expect(fly_conversation_peer(p, c)->ip == 0 &&
		  fly_conversation_peer(p, c)->n_records == 2);
	fly_conversation_prove(p, c);
	cr_expect(c->is_proven && fly_conversation_peer(p, c)->ip == 5);
	cr_expect(fly_conversation_peer(p, c)->n_records == 1);
	cr_expect(p->peers->n_with_records == 2);
}

Case(records, fly_conversations_spare_results__of_the_peer_that_keeps_most)
{
	struct fly_conversation *ours;
	unsigned n = 0;

	for (uint64_t i = 1; i <= 40; i++)
		retain(open_record(l, i));
	ours = open_record(second, 1000);
	retain(open_record(second, 1001));
	cr_expect(fly_conversations_spare_results(p, ours));
	n = 41 - p->conversations.n_retained;
	cr_expect(n >= 1 && n <= 8, "%u", n);
	cr_expect(sim_count(node, FLY_COUNT_results_evicted) == n);
	for (uint64_t i = 1; i <= 40; i++) {
		const struct fly_conversation *c = fly_conversation_find(&p->conversations, i);

		cr_expect(c->state == (c->result ? FLY_CONVERSATION_DONE : FLY_CONVERSATION_GIVEN));
		cr_expect(fly_conversation_accept(fly_conversation_find(&p->conversations, i),
						  c->seq) != FLY_RUN);
	}
	cr_expect(!fly_conversations_spare_results(p, fly_conversation_find(&p->conversations, 1)),
		  "whoever has most gets no more");
}

/* Wherever in the table it is: all of a small one is looked at. */
Case(records, fly_conversations_spare_results__the_only_result_is_found)
{
	struct fly_conversation *ours = open_record(second, 1000);

	cr_assert(p->conversations.n < 1000, "some for a look");
	for (uint64_t i = 1; i <= 40; i++) {
		retain(open_record(l, i));
		cr_expect(fly_conversations_spare_results(p, ours), "result %lu", (unsigned long)i);
		cr_expect(p->conversations.n_retained == 0);
	}
}

/* Look up so many other IPv6 peers. Return: has the number still its address? */
static bool stays(uint32_t number, uint32_t others)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr.s6_addr = {0x20, 1}};

	for (uint32_t i = 0; i < others; i++) {
		memcpy(a.sin6_addr.s6_addr + 12, &i, sizeof i);
		fly_link_udp_number(&l->link, &a);
	}
	return fly_link_udp_peer(&l->link, number, 1, &a);
}

/* A record keeps the number of its caller: forged sources do not push it out. */
Case(records, fly_conversation_open__the_number_of_an_ipv6_peer_stays)
{
	const uint8_t key[FLY_UDP_PEERS_KEY_BYTES] = {7};
	const struct fly_udp_socket none = {
		.fd = -1,
		.is_v6 = true,
		.peers = fly_udp_peers_new(1, key),
	};
	const struct fly_link before = l->link;
	struct sockaddr_in6 peer = {.sin6_family = AF_INET6, .sin6_addr.s6_addr = {0xfd, 1}};
	struct fly_conversation *c;
	uint32_t number;

	cr_assert(none.peers && fly_link_udp(&l->link, &none) == 0);
	l->link.rx_burst = before.rx_burst;
	l->link.tx_burst = before.tx_burst;
	l->link.arm = before.arm;
	number = fly_link_udp_number(&l->link, &peer);
	fly_store_raw32(from_peer.data + FLY_IP_SOURCE, number);
	c = open_record(l, 1 << 16);
	cr_assert(c);
	cr_expect(stays(number, 50000));
	fly_conversation_forget(p, c);
	cr_expect(!stays(number, 50000), "it gives way once nobody keeps it");
	cr_expect(fly_link_udp_end(&l->link) == -1);
}
