/* SPDX-License-Identifier: BSD-3-Clause */
/* test_arp.c - we answer requests for our address, and learn nothing from unwanted answers. */
#include <arpa/inet.h>
#include <criterion/criterion.h>

#include "case.h"
#include "pair.h"
#include "slowpath/arp.h"

#define ARP_BYTES 42

static struct sim *s;
static struct sim_node *node;
static struct sim_link *l;
static struct sim_link *peer;
static struct frame f;

static void begin(void)
{
	sim_eal();
	s = sim_new();
	node = sim_add(s, NULL);
	l = sim_join_open(s, node);
	peer = l->far;
	sim_turn(s);
}

static void end(void)
{
	cr_expect(sim_end(s) == 0, "a packet is missing");
}

TestSuite(arp, .timeout = HANG);

/* RFC 826, byte by byte. */
static void make(uint8_t opcode, const uint8_t from[6], uint32_t from_ip, const uint8_t to[6],
		 uint32_t to_ip)
{
	static const uint8_t fixed[] = {0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0};

	memset(&f, 0, sizeof f);
	memcpy(f.data, opcode == 1 ? (const uint8_t[]){255, 255, 255, 255, 255, 255} : to, 6);
	memcpy(f.data + 6, from, 6);
	memcpy(f.data + 12, fixed, sizeof fixed);
	f.data[21] = opcode;
	memcpy(f.data + 22, from, 6);
	memcpy(f.data + 28, &from_ip, 4);
	memcpy(f.data + 32, to, 6);
	memcpy(f.data + 38, &to_ip, 4);
	f.bytes = ARP_BYTES;
}

static void request(uint32_t ip)
{
	make(1, peer->link.mac, peer->link.ip, (const uint8_t[6]){0}, ip);
}

static void deliver(void)
{
	frame_put(l, &f);
	sim_turn(s);
}

Case(arp, fly_arp_frame__answers_a_request_for_our_address)
{
	uint8_t answer[2048];

	request(l->link.ip);
	f.bytes = 60; /* padded, as NICs do */
	deliver();
	cr_expect(sim_count(node, FLY_COUNT_arp_answered) == 1);
	cr_assert(sim_link_take(peer, answer) == 60);
	make(2, l->link.mac, l->link.ip, peer->link.mac, peer->link.ip);
	cr_expect(memcmp(answer, f.data, ARP_BYTES) == 0);
}

Case(arp, fly_arp_frame__answers_nobody_elses)
{
	request(htonl(0x0a0000fe));
	deliver();
	cr_expect(peer->n_in == 0);
	l->link.answers_arp = false; /* the kernel answers */
	request(l->link.ip);
	deliver();
	cr_expect(peer->n_in == 0);
	cr_expect(sim_count(node, FLY_COUNT_arp_answered) == 0);
}

Case(arp, fly_arp_frame__answers_only_so_many)
{
	request(l->link.ip);
	s->step_us = 0;
	for (unsigned i = 0; i < 100; i++)
		deliver();
	cr_expect(sim_count(node, FLY_COUNT_arp_answered) == 64);
	cr_expect(peer->n_in == 64);
}

Case(arp, fly_arp_frame__what_is_not_well_formed_is_dropped)
{
	static const struct {
		unsigned at;
		uint8_t value;
	} rows[] = {{14, 1}, {15, 2}, {16, 9}, {17, 6}, {18, 8}, {19, 16}};
	unsigned dropped = 0;

	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		request(l->link.ip);
		f.bytes = 80;
		f.data[rows[i].at] = rows[i].value;
		deliver();
		cr_expect(sim_count(node, FLY_COUNT_drop_not_ip) == ++dropped, "row %u", i);
	}
	for (unsigned bytes = 14; bytes < ARP_BYTES; bytes++) {
		request(l->link.ip);
		f.bytes = bytes;
		deliver();
	}
	cr_expect(sim_count(node, FLY_COUNT_drop_short) == ARP_BYTES - 14);
	cr_expect(peer->n_in == 0);
}

Case(arp, fly_arp_request__and_the_answer_is_believed_once)
{
	struct fly_arp_query question = {.link = &l->link, .ip = peer->link.ip};
	uint8_t asked[2048];

	fly_arp_wait(sim_poller(node), &question);
	fly_arp_request(sim_poller(node), &l->link, &question);
	cr_assert(sim_link_take(peer, asked) == 60);
	make(1, l->link.mac, l->link.ip, (const uint8_t[6]){0}, peer->link.ip);
	cr_expect(memcmp(asked, f.data, ARP_BYTES) == 0);
	cr_expect(!question.answered);

	make(2, peer->link.mac, peer->link.ip, l->link.mac, l->link.ip);
	deliver();
	cr_expect(question.answered && memcmp(question.mac, peer->link.mac, 6) == 0);
	cr_expect(sim_count(node, FLY_COUNT_arp_learned) == 1);
	make(2, (const uint8_t[6]){2, 9, 9, 9, 9, 9}, peer->link.ip, l->link.mac, l->link.ip);
	deliver();
	cr_expect(memcmp(question.mac, peer->link.mac, 6) == 0, "a second answer changes nothing");
	fly_arp_end(&question);
}

Case(arp, fly_arp_frame__an_answer_to_another_question_teaches_nothing)
{
	struct sim_link *second = sim_join_open(s, node);
	struct fly_arp_query question = {.link = &second->link, .ip = peer->link.ip};

	make(2, peer->link.mac, peer->link.ip, l->link.mac, l->link.ip);
	deliver(); /* no request was made */
	fly_arp_wait(sim_poller(node), &question);
	deliver(); /* on another link */
	question.link = &l->link;
	question.ip ^= 0x01000000;
	deliver(); /* for another address */
	cr_expect(!question.answered);
	cr_expect(sim_count(node, FLY_COUNT_arp_learned) == 0);
	fly_arp_end(&question);
}

Case(arp, fly_arp_request__without_packets_is_a_loss)
{
	struct fly_arp_query question = {.link = &l->link, .ip = peer->link.ip};
	struct rte_mbuf *all[512];
	unsigned n = 0;

	while ((all[n] = fly_packet_get(&sim_poller(node)->cache, 0)))
		n++;
	fly_arp_wait(sim_poller(node), &question);
	fly_arp_request(sim_poller(node), &l->link, &question);
	cr_expect(peer->n_in == 0);
	fly_arp_end(&question);
	while (n)
		fly_packet_put(&sim_poller(node)->cache, all[--n]);
}

Case(arp, fly_arp_wait__several_at_once_and_each_is_answered_by_its_own)
{
	struct fly_arp_query outer = {.link = &l->link, .ip = peer->link.ip};
	struct fly_arp_query same = outer;
	struct fly_arp_query other = {.link = &l->link, .ip = peer->link.ip ^ 0x01000000};

	fly_arp_wait(sim_poller(node), &outer);
	fly_arp_wait(sim_poller(node), &other);
	fly_arp_wait(sim_poller(node), &same);
	make(2, (const uint8_t[6]){2, 9, 9, 9, 9, 9}, other.ip, l->link.mac, l->link.ip);
	deliver();
	cr_expect(other.answered && !outer.answered && !same.answered);
	fly_arp_end(&other);
	make(2, peer->link.mac, peer->link.ip, l->link.mac, l->link.ip);
	deliver();
	cr_expect(outer.answered && memcmp(outer.mac, peer->link.mac, 6) == 0);
	cr_expect(same.answered && memcmp(same.mac, peer->link.mac, 6) == 0);
	fly_arp_end(&same);
	fly_arp_end(&outer);
	cr_expect(LIST_EMPTY(&sim_poller(node)->arp_queries));
}
