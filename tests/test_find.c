/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_find.c - questions to all of a network: who is answered, when, and with how much; what is
 * malformed, too much, or nobody's is dropped. What we ask, and which answers count.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "case.h"
#include "pair.h"
#include "runtime/drain.h"
#include "slowpath/find.h"
#include "slowpath/next_hop.h"
#include "slowpath/sweep.h"

#define NONCE 0x1122334455667788

static struct sim *s;
static struct sim_node *node;
static struct sim_link *l;
static struct sim_link *peer;
static struct frame f;
static struct fly_search search;
static struct fly_finding found[4];

static void begin(void)
{
	sim_eal();
	s = sim_new();
	node = sim_add(s, NULL);
	l = sim_join_open(s, node);
	peer = l->far;
	sim_export(node);
	sim_run(s, 5);
}

static void end(void)
{
	cr_expect(sim_count(node, FLY_COUNT_conversations_opened) == 0,
		  "a question makes a record");
	cr_expect(sim_end(s) == 0, "a packet is missing");
}

TestSuite(find, .timeout = HANG);

/* ---- questions of others ---- */

static struct fly_header header_of(uint64_t nonce)
{
	return (struct fly_header){
		.type = FLY_PACKET_QUESTION,
		.activity = nonce,
		.fragments = 1,
		.hint = FLY_HINT_NONE,
		.length = FLY_FIND_QUESTION_BYTES,
	};
}

static void make(const struct fly_header *h, const char *name, uint32_t version)
{
	const struct fly_address from = sim_address(peer);
	const struct fly_address group = {.mac = FLY_GROUP_MAC,
					  .ip = FLY_GROUP_IP,
					  .port = RTE_BE16(FLY_GROUP_PORT)};
	uint8_t payload[FLY_FIND_QUESTION_BYTES] = {0};

	strcpy((char *)payload, name);
	fly_put_u32(payload + FLY_FIND_NAME, version);
	frame_make(&f, h, peer, l, NULL);
	fly_wire_put_outer(f.data, &from, &group);
	fly_wire_set_lengths(f.data, h->length);
	memcpy(f.data + FLY_PAYLOAD, payload, sizeof payload);
}

static void question(uint64_t nonce)
{
	const struct fly_header h = header_of(nonce);

	make(&h, "Probe", FLY_ANY_VERSION);
}

static void deliver(void)
{
	frame_put(l, &f);
	sim_turn(s);
}

/* The counters that questions change. */
static void expect(uint64_t answered, uint64_t ignored, uint64_t dropped)
{
	sim_run(s, FLY_FIND_WAIT_MS + 2);
	cr_expect(sim_count(node, FLY_COUNT_answers_sent) == answered);
	cr_expect(sim_count(node, FLY_COUNT_questions_ignored) == ignored);
	cr_expect(sim_count(node, FLY_COUNT_drop_question) == dropped, "%lu",
		  sim_count(node, FLY_COUNT_drop_question));
}

static unsigned take_answers(void)
{
	struct fly_header h;
	unsigned n = 0;

	while (frame_take(peer, &f, &h))
		n += h.type == FLY_PACKET_ANSWER;
	return n;
}

Case(find, fly_find_frame__who_asks_for_what_is_exported_is_answered)
{
	const uint32_t version = sim_poller(node)->exports[1].interface->version;
	struct fly_header h;
	unsigned bytes;

	question(NONCE);
	bytes = f.bytes;
	deliver();
	expect(1, 0, 0);
	cr_assert(frame_take(peer, &f, &h));
	cr_expect(h.type == FLY_PACKET_ANSWER && h.activity == NONCE && h.fragments == 1);
	cr_expect(h.length == FLY_FIND_ANSWER_BYTES && f.bytes < bytes, "no amplification");
	cr_expect(fly_get_u64(f.data + FLY_PAYLOAD) == sim_poller(node)->find.instance);
	cr_expect(fly_get_u32(f.data + FLY_PAYLOAD + 8) == version);
	cr_expect(fly_get_u16(f.data + FLY_PAYLOAD + 12) == SIM_PORT);
	cr_expect(memcmp(f.data + FLY_ETHER_DESTINATION, peer->link.mac, 6) == 0);
}

Case(find, fly_find_frame__the_port_is_the_first_pollers)
{
	struct fly_header h;

	sim_poller(node)->number = 3;
	question(NONCE);
	deliver();
	expect(1, 0, 0);
	cr_assert(frame_take(peer, &f, &h));
	cr_expect(fly_get_u16(f.data + FLY_PAYLOAD + 12) == SIM_PORT - 3);
	sim_poller(node)->number = 0;
}

Case(find, fly_find_frame__nothing_is_said_of_what_is_not_exported)
{
	const uint32_t version = sim_poller(node)->exports[1].interface->version;
	const struct fly_header h = header_of(NONCE);

	make(&h, "Probes", FLY_ANY_VERSION);
	deliver();
	make(&h, "Prob", FLY_ANY_VERSION);
	deliver();
	make(&h, "Binder", FLY_ANY_VERSION);
	deliver();
	make(&h, "Probe", version + 1);
	deliver();
	expect(0, 4, 0);
	make(&h, "Probe", version);
	deliver();
	expect(1, 4, 0);
}

Case(find, fly_find_frame__of_several_versions_the_highest)
{
	struct fly_interface newer = *sim_poller(node)->exports[1].interface;
	struct fly_export *e = &sim_poller(node)->exports[2];
	struct fly_header h;

	newer.version += 5;
	*e = sim_poller(node)->exports[1];
	e->interface = &newer;
	e->id = 0x7700 + 2;
	question(NONCE);
	deliver();
	expect(1, 0, 0);
	cr_assert(frame_take(peer, &f, &h));
	cr_expect(fly_get_u32(f.data + FLY_PAYLOAD + 8) == newer.version);
	*e = (struct fly_export){.id = ~2U};
}

Case(find, fly_find_frame__answers_wait_at_random)
{
	unsigned in_ms[FLY_FIND_WAIT_MS + 2];
	unsigned n = 0;
	unsigned busy = 0;

	for (unsigned i = 0; i < FLY_FIND_LOOKS; i++) {
		question(NONCE + i);
		frame_put(l, &f);
	}
	for (unsigned ms = 0; ms < FLY_FIND_WAIT_MS + 2; ms++) {
		sim_run(s, 1);
		in_ms[ms] = take_answers();
		n += in_ms[ms];
		busy += in_ms[ms] != 0;
	}
	cr_expect(n == FLY_FIND_LOOKS, "%u", n);
	cr_expect(busy > 4, "answers in %u different milliseconds", busy);
}

Case(find, fly_find_frame__a_question_that_waits_is_not_answered_twice)
{
	struct fly_poller *p = sim_poller(node);

	question(NONCE);
	deliver();
	cr_assert(p->find.n_askers == 1);
	p->find.askers[0].due_tsc = s->now_tsc + 20 * SIM_TSC_PER_MS;
	deliver();
	expect(1, 1, 0);
	deliver(); /* later it is: the first answer may be lost */
	expect(2, 1, 0);
}

/* How a question is spoilt, byte by byte. */
Case(find, fly_find_frame__what_is_malformed_is_dropped)
{
	const struct {
		unsigned at;
		uint8_t value;
	} spoilt[] = {
		{FLY_ETHER_DESTINATION + 2, 0x5f}, /* not the group's hardware address */
		{FLY_ETHER_SOURCE, 0x01},          /* sent by a group */
		{FLY_IP_LENGTH + 1, 0},            /* lengths that disagree */
		{FLY_UDP_LENGTH + 1, 9},
		{FLY_RPC + 28, FLY_FIND_QUESTION_BYTES - 1},
		{FLY_RPC, FLY_WIRE_VERSION << 4 | FLY_PACKET_CALL},
		{FLY_RPC, FLY_WIRE_VERSION << 4 | FLY_PACKET_ANSWER},
		{FLY_RPC, 2 << 4 | FLY_PACKET_QUESTION},
		{FLY_RPC + 20, 1},       /* a fragment */
		{FLY_RPC + 22, 2},       /* of several */
		{FLY_IP_SOURCE, 0},      /* nobody's address */
		{FLY_IP_SOURCE, 224},    /* a group's */
		{FLY_IP_SOURCE, 255},    /* everybody's */
		{FLY_UDP_CHECKSUM, 0x5}, /* a checksum that is wrong */
	};
	const unsigned n = sizeof spoilt / sizeof spoilt[0];

	for (unsigned i = 0; i < n; i++) {
		question(NONCE);
		f.data[spoilt[i].at] = spoilt[i].value;
		deliver();
		cr_expect(sim_count(node, FLY_COUNT_drop_question) == i + 1, "number %u", i);
	}
	question(NONCE);
	memset(f.data + FLY_UDP_SOURCE, 0, 2);
	deliver();
	question(NONCE);
	f.bytes--; /* cut off */
	deliver();
	expect(0, 0, n + 2);
}

Case(find, fly_find_frame__another_group_or_port_is_none)
{
	question(NONCE);
	f.data[FLY_IP_DESTINATION + 3]++;
	deliver();
	question(NONCE);
	f.data[FLY_UDP_DESTINATION + 1]++;
	deliver();
	expect(0, 0, 0);
	cr_expect(sim_count(node, FLY_COUNT_drop_other_address) == 2);
}

Case(find, fly_demux__a_question_to_one_is_dropped)
{
	const struct fly_header h = header_of(NONCE);
	const uint8_t payload[FLY_FIND_QUESTION_BYTES] = "Probe";

	frame_make(&f, &h, peer, l, payload);
	deliver();
	expect(0, 0, 0);
	cr_expect(sim_count(node, FLY_COUNT_drop_type) == 1);
}

Case(find, fly_find_frame__only_neighbours_are_answered)
{
	struct fly_route routes[] = {{.to = 0, .gateway = RTE_BE32(0x0a000001), .prefix = 0},
				     {.to = peer->link.ip, .prefix = 32}};
	struct fly_routes *some = fly_routes_make(routes, 2);
	struct fly_routes *others = fly_routes_make(routes, 1);

	l->link.routes = some;
	question(NONCE);
	deliver();
	expect(1, 0, 0);
	l->link.routes = others; /* now it is behind the gateway */
	deliver();
	expect(1, 0, 1);
	l->link.routes = NULL;
	free(some);
	free(others);
}

Case(find, fly_find_frame__our_own_address_is_not_answered)
{
	question(NONCE);
	memcpy(f.data + FLY_IP_SOURCE, &l->link.ip, 4);
	deliver();
	expect(0, 1, 0);
}

Case(find, fly_find_frame__a_flood_is_bounded)
{
	struct fly_poller *p = sim_poller(node);
	uint64_t nonce = 0;
	unsigned n = 0;

	for (unsigned ms = 0; ms < 3000; ms++) {
		for (unsigned i = 0; i < 100; i++) {
			question(++nonce);
			frame_put(l, &f);
		}
		sim_run(s, 1);
		cr_assert(p->find.n_askers <= FLY_ASKERS && p->find.n_looks <= FLY_FIND_LOOKS);
		n += take_answers();
	}
	cr_expect(n >= 2 * FLY_FIND_ANSWER && n <= 4 * FLY_FIND_ANSWER, "%u answers in 3 s", n);
	cr_expect(sim_count(node, FLY_COUNT_drop_question) > nonce / 2);
	sim_run(s, 1100);
	take_answers();
	n = (unsigned)sim_count(node, FLY_COUNT_answers_sent);
	question(NONCE);
	deliver();
	sim_run(s, FLY_FIND_WAIT_MS + 2);
	cr_expect(sim_count(node, FLY_COUNT_answers_sent) == n + 1, "afterwards all is as before");
}

Case(find, fly_find_sweep__who_has_withdrawn_it_says_nothing)
{
	struct fly_poller *p = sim_poller(node);

	question(NONCE);
	deliver();
	if (p->find.n_askers)
		p->find.askers[0].due_tsc = s->now_tsc + 20 * SIM_TSC_PER_MS;
	fly_drain_withdraw(p, FLY_EXPORT_BINDER + 1);
	expect(0, 0, 0);
	cr_expect(p->find.n_askers == 0);
}

Case(find, fly_find_forget__nobody_is_answered_over_a_link_that_is_lost)
{
	struct fly_poller *p = sim_poller(node);

	question(NONCE);
	deliver();
	cr_assert(p->find.n_askers == 1);
	fly_link_lost(p, &l->link);
	cr_expect(p->find.n_askers == 0);
	l->link.up = true;
	expect(0, 0, 0);
}

/* ---- our questions ---- */

static void begin_search(unsigned ms)
{
	search = (struct fly_search){
		.name = "Probe",
		.version = FLY_ANY_VERSION,
		.n_ways = 1,
		.ways = {{&l->link, 0}},
		.end_tsc = s->now_tsc + (uint64_t)ms * SIM_TSC_PER_MS,
		.most = 4,
		.found = found,
	};
	fly_search_begin(sim_poller(node), &search);
}

/* Until the search is over. Return: how many ms it took. */
static unsigned run_search(void)
{
	const uint64_t began_tsc = s->now_tsc;

	while (!fly_search_step(sim_poller(node), &search))
		sim_turn(s);
	fly_search_end(&search);
	return (unsigned)((s->now_tsc - began_tsc) / SIM_TSC_PER_MS);
}

static uint16_t sum_of_header(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 20; i += 2)
		sum += fly_get_be16(ip + i);
	return (uint16_t)(sum + (sum >> 16));
}

Case(find, fly_search_step__asks_three_times_with_growing_pauses)
{
	static const uint8_t mac[6] = FLY_GROUP_MAC;
	unsigned at_ms[FLY_FIND_ASKS + 1];
	unsigned n = 0;

	begin_search(2000);
	for (unsigned ms = 0; ms < 2000; ms++) {
		fly_search_step(sim_poller(node), &search);
		sim_run(s, 1);
		if (!sim_link_take(peer, f.data))
			continue;
		cr_assert(n < FLY_FIND_ASKS);
		at_ms[n++] = ms;
		cr_expect(memcmp(f.data, mac, 6) == 0);
		cr_expect(fly_load_raw32(f.data + FLY_IP_DESTINATION) == FLY_GROUP_IP);
		cr_expect(f.data[FLY_IP + 8] == 1, "it stays on the network");
		cr_expect(sum_of_header(f.data + FLY_IP) == 0xffff);
		cr_expect(strcmp((char *)f.data + FLY_PAYLOAD, "Probe") == 0);
	}
	cr_assert(n == FLY_FIND_ASKS);
	cr_expect(at_ms[1] - at_ms[0] >= FLY_FIND_PAUSE_MS - 1);
	cr_expect(at_ms[2] - at_ms[1] >= 2 * FLY_FIND_PAUSE_MS - 1);
	cr_expect(sim_count(node, FLY_COUNT_questions_sent) == FLY_FIND_ASKS);
	run_search();
}

Case(find, fly_search_step__finds_an_exporter_once)
{
	struct sim_node *other = sim_add(s, NULL);
	struct sim_link *to = sim_join(s, node, other);

	sim_export(other);
	begin_search(900);
	search.ways[0].link = &to->link;
	cr_expect(run_search() >= 899);
	cr_assert(search.n == 1);
	cr_expect(found[0].link == &to->link && found[0].ip == to->far->link.ip);
	cr_expect(found[0].port == RTE_BE16(SIM_PORT));
	cr_expect(found[0].instance == sim_poller(other)->find.instance);
	cr_expect(sim_count(node, FLY_COUNT_answers_received) == FLY_FIND_ASKS);
	cr_expect(sim_count(node, FLY_COUNT_drop_answer) == 0);
}

Case(find, fly_search_step__nobody_there)
{
	begin_search(300);
	cr_expect(run_search() >= 299 && search.n == 0);
	while (sim_link_take(peer, f.data))
		;
}

static void answer(uint64_t nonce, uint64_t instance, uint32_t version, uint16_t port,
		   uint16_t bytes)
{
	const struct fly_header h = {
		.type = FLY_PACKET_ANSWER,
		.activity = nonce,
		.fragments = 1,
		.length = bytes,
	};
	uint8_t payload[64] = {0};

	fly_put_u64(payload, instance);
	fly_put_u32(payload + 8, version);
	fly_put_u16(payload + 12, port);
	frame_make(&f, &h, peer, l, payload);
}

static void expect_found(unsigned n, uint64_t received, uint64_t dropped)
{
	deliver();
	cr_expect(search.n == n, "%u", search.n);
	cr_expect(sim_count(node, FLY_COUNT_answers_received) == received);
	cr_expect(sim_count(node, FLY_COUNT_drop_answer) == dropped);
}

Case(find, fly_slow_answer__what_nobody_asked_for_is_dropped)
{
	const uint16_t bytes = FLY_FIND_ANSWER_BYTES;
	uint64_t nonce;

	answer(NONCE, 1, 7, 100, bytes);
	expect_found(0, 0, 1); /* no question at all */
	begin_search(900);
	search.version = 7;
	nonce = search.nonce;
	answer(nonce + 1, 1, 7, 100, bytes);
	expect_found(0, 0, 2);
	answer(nonce, 1, 8, 100, bytes); /* another version */
	expect_found(0, 0, 3);
	answer(nonce, 1, 7, 0, bytes); /* no port */
	expect_found(0, 0, 4);
	answer(nonce, 1, 7, 100, bytes - 1);
	expect_found(0, 0, 5);
	answer(nonce, 1, 7, 100, bytes + 1);
	expect_found(0, 0, 6);
	answer(nonce, 1, 7, 100, bytes);
	f.data[FLY_IP_SOURCE] = 224;
	expect_found(0, 0, 7);
	search.ways[0].link = NULL; /* asked elsewhere */
	answer(nonce, 1, 7, 100, bytes);
	expect_found(0, 0, 8);
	search.ways[0].link = &l->link;
	answer(nonce, 1, 7, 100, bytes);
	expect_found(1, 1, 8);
	fly_search_end(&search);
	answer(nonce, 2, 7, 100, bytes);
	expect_found(1, 1, 9); /* it is over */
}

Case(find, fly_slow_answer__duplicates_and_our_own_are_ignored_and_more_than_there_is_room_for)
{
	const uint16_t bytes = FLY_FIND_ANSWER_BYTES;

	begin_search(900);
	answer(search.nonce, sim_poller(node)->find.instance, 1, 100, bytes);
	expect_found(0, 1, 0);
	for (unsigned i = 1; i <= 4; i++) {
		answer(search.nonce, i, 1, (uint16_t)(100 + i), bytes);
		expect_found(i, 2 * i, 0);
		answer(search.nonce, i, 1, (uint16_t)(200 + i), bytes);
		expect_found(i, 2 * i + 1, 0);
		cr_expect(found[i - 1].port == rte_cpu_to_be_16((uint16_t)(100 + i)));
	}
	answer(search.nonce, 5, 1, 105, bytes);
	expect_found(4, 9, 1);
	fly_search_end(&search);
}
