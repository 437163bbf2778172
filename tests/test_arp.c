/* SPDX-License-Identifier: BSD-3-Clause */
/* test_arp.c - ARP frames: we answer requests for our address, and ask; what is malformed is
 * dropped. */
#include <arpa/inet.h>
#include <criterion/criterion.h>

#include "case.h"
#include "pair.h"
#include "slowpath/arp.h"
#include "slowpath/neighbour.h"

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

Case(arp, fly_arp_request__byte_by_byte)
{
	uint8_t asked[2048];

	fly_arp_request(sim_poller(node), &l->link, peer->link.ip);
	cr_assert(sim_link_take(peer, asked) == 60);
	make(1, l->link.mac, l->link.ip, (const uint8_t[6]){0}, peer->link.ip);
	cr_expect(memcmp(asked, f.data, ARP_BYTES) == 0);
}

/* Who says that it has our address, no address, or an impossible one, is not even listened to. */
Case(arp, fly_arp_frame__an_answer_must_make_sense)
{
	static const uint8_t bad[][6] = {{255, 255, 255, 255, 255, 255}, {1, 0, 0, 0, 0, 1}};
	struct fly_neighbour *n = fly_neighbour_want(sim_poller(node), &l->link, peer->link.ip);

	fly_neighbour_ask(sim_poller(node), n);
	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		make(2, bad[i], peer->link.ip, l->link.mac, l->link.ip);
		deliver();
		cr_expect(!n->is_known, "row %u", i);
	}
	make(2, peer->link.mac, peer->link.ip, l->link.mac, htonl(0x0a0000fe));
	deliver(); /* told to somebody else */
	cr_expect(!n->is_known);
	make(2, peer->link.mac, peer->link.ip, l->link.mac, l->link.ip);
	deliver();
	cr_expect(n->is_known);
	cr_expect(sim_count(node, FLY_COUNT_arp_learned) == 1);
	cr_expect(sim_count(node, FLY_COUNT_arp_ignored) == RTE_DIM(bad) + 1);
	fly_neighbour_give(n);
}

Case(arp, fly_arp_request__without_packets_is_a_loss)
{
	struct rte_mbuf *all[512];
	unsigned n = 0;

	while ((all[n] = fly_packet_get(&sim_poller(node)->cache, 0)))
		n++;
	fly_arp_request(sim_poller(node), &l->link, peer->link.ip);
	cr_expect(peer->n_in == 0);
	while (n)
		fly_packet_put(&sim_poller(node)->cache, all[--n]);
}
