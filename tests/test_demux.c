/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_demux.c - each counter that a peer can move is moved by exactly one kind of frame.
 *
 * A node exports Probe and has one call in flight; the peer is handmade. For each frame, the
 * counter of its row goes up by one, no other counter of a drop or refusal moves, and no packet is
 * lost.
 */
#include <criterion/criterion.h>

#include <rte_ip.h>

#include "case.h"
#include "pair.h"

#define ACTIVITY UINT64_C(0x1234567890ab0000)

static struct sim *s;
static struct sim_node *node;
static struct sim_link *at_node;
static struct sim_link *peer;
static struct fly_binding *binding;
static struct fly_call *call;    /* in flight */
static struct fly_header called; /* header of that call, as it arrived here */
static uint64_t before[FLY_N_COUNTERS];

static void begin(void)
{
	struct frame f;

	sim_eal();
	s = sim_new();
	node = sim_add(s, NULL);
	at_node = sim_join_open(s, node);
	peer = at_node->far;
	sim_export(node);
	binding = sim_import(s, node, at_node, 0x1000001);
	sim_turn(s); /* refusals are allowed after the first sweep */
	cr_assert(Probe_Add_start(binding, 1, 2, &call) == 0);
	sim_turn(s);
	cr_assert(frame_take(peer, &f, &called));
}

static void end(void)
{
	if (call && !fly_ready(call)) /* the call can still be answered */
		cr_expect(fly_call_table_find(&sim_poller(node)->calls, called.activity)->state ==
			  FLY_CALL_TIMED); /* the first one is */
	cr_expect(sim_end(s) == 0, "a packet is missing");
}

TestSuite(demux, .timeout = HANG);

static void note(void)
{
	for (unsigned i = 0; i < FLY_N_COUNTERS; i++)
		before[i] = sim_count(node, (enum fly_counter)i);
}

/* Since note(): @which went up by one, and no other counter of a drop or refusal moved. */
static void expect_only(enum fly_counter which, const char *what)
{
	cr_expect(sim_count(node, which) == before[which] + 1, "%s: %s went from %lu to %lu", what,
		  fly_stats_name(which), before[which], sim_count(node, which));
	for (unsigned i = FLY_COUNT_reject_stale; i < FLY_N_COUNTERS; i++)
		cr_expect(i == which || sim_count(node, (enum fly_counter)i) == before[i],
			  "%s: %s moved as well", what, fly_stats_name((enum fly_counter)i));
}

static void deliver(const struct frame *f, enum fly_counter which, const char *what)
{
	note();
	frame_put(at_node, f);
	sim_turn(s);
	expect_only(which, what);
	cr_expect(sim_count(node, FLY_COUNT_rx_packets) == before[FLY_COUNT_rx_packets] + 1);
}

static struct fly_header good_call(void)
{
	return frame_call(node->export_id, ACTIVITY, 1, Probe_Null_NUMBER);
}

static struct fly_header good_result(void)
{
	struct fly_header h = called;

	h.type = FLY_PACKET_RESULT;
	h.procedure = 0;
	h.length = 8;
	h.hint = 3;
	return h;
}

static struct fly_header good_reject(uint16_t status)
{
	struct fly_header h = called;

	h.type = FLY_PACKET_REJECT;
	h.procedure = status;
	h.length = 0;
	h.hint = 0;
	return h;
}

static const uint8_t sum[8] = {3};

static void deliver_header(struct fly_header h, enum fly_counter which, const char *what)
{
	struct frame f;

	frame_make(&f, &h, peer, at_node, h.length ? sum : NULL);
	deliver(&f, which, what);
}

/* ---- outer headers: a good call with one thing wrong ---- */

Case(demux, fly_demux__one_wrong_byte_in_the_outer_headers)
{
	static const struct {
		unsigned at;
		uint8_t value;
		enum fly_counter why;
	} rows[] = {
		{FLY_ETHER_TYPE, 0x86, FLY_COUNT_drop_not_ip},
		{FLY_ETHER_TYPE + 1, 0x06,
		 FLY_COUNT_drop_not_ip}, /* the type of ARP, other contents */
		{FLY_IP, 0x46, FLY_COUNT_drop_ip_options},
		{FLY_IP_FRAGMENT, 0x20, FLY_COUNT_drop_ip_fragment},
		{FLY_IP_FRAGMENT + 1, 0x10, FLY_COUNT_drop_ip_fragment},
		{FLY_IP_PROTOCOL, 1, FLY_COUNT_drop_not_udp},
		{FLY_IP_DESTINATION + 3, 99, FLY_COUNT_drop_other_address},
		{FLY_UDP_DESTINATION, 1, FLY_COUNT_drop_other_port},
		{FLY_ETHER_DESTINATION, 0xff, FLY_COUNT_drop_broadcast},
		{FLY_IP_LENGTH + 1, 61, FLY_COUNT_drop_length},
		{FLY_IP_LENGTH + 1, 59, FLY_COUNT_drop_length},
		{FLY_UDP_LENGTH + 1, 41, FLY_COUNT_drop_length},
		{FLY_RPC + 28, 1, FLY_COUNT_drop_length},
		{FLY_RPC, FLY_WIRE_VERSION << 4 | 0, FLY_COUNT_drop_type},
		{FLY_RPC, FLY_WIRE_VERSION << 4 | 14, FLY_COUNT_drop_type},
		{FLY_RPC, FLY_WIRE_VERSION << 4 | 15, FLY_COUNT_drop_type},
		{FLY_RPC, 2 << 4 | FLY_PACKET_RESULT, FLY_COUNT_drop_version},
		{FLY_RPC, 0 << 4 | 7, FLY_COUNT_drop_version},
	};
	const struct fly_header h = good_call();

	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		struct frame f;
		char what[32];

		frame_make(&f, &h, peer, at_node, NULL);
		f.data[rows[i].at] = rows[i].value;
		snprintf(what, sizeof what, "row %u", i);
		deliver(&f, rows[i].why, what);
	}
	cr_expect(node->service.executions == 0);
	cr_expect(peer->n_in == 0, "none of these has an answer");
}

Case(demux, fly_demux__truncated_at_each_byte)
{
	struct fly_header h = good_call();
	struct frame f;

	h.length = 20;
	frame_make(&f, &h, peer, at_node, (const uint8_t[20]){0});
	for (unsigned bytes = 1; bytes < FLY_PAYLOAD + 20; bytes++) {
		f.bytes = bytes;
		deliver(&f, bytes < FLY_PAYLOAD ? FLY_COUNT_drop_short : FLY_COUNT_drop_length,
			"truncated");
	}
	cr_expect(node->service.executions == 0);
}

Case(demux, fly_demux__packets_in_several_buffers)
{
	const struct fly_header h = good_call();
	struct frame f;
	struct rte_mbuf *m = rte_pktmbuf_alloc(node->runtime.group.pool);
	struct rte_mbuf *tail = rte_pktmbuf_alloc(node->runtime.group.pool);

	cr_assert(m && tail);
	frame_make(&f, &h, peer, at_node, NULL);
	memcpy(rte_pktmbuf_append(m, 60), f.data, 60);
	memcpy(rte_pktmbuf_append(tail, 14), f.data + 60, 14);
	cr_assert(rte_pktmbuf_chain(m, tail) == 0);
	note();
	fly_demux(sim_poller(node), &at_node->link, m);
	expect_only(FLY_COUNT_drop_segments, "a chain");
}

Case(demux, fly_demux__a_card_may_put_a_frame_into_several_buffers)
{
	const struct fly_header h = good_call();
	struct frame f;
	struct rte_mbuf *m = rte_pktmbuf_alloc(node->runtime.group.pool);
	struct rte_mbuf *tail = rte_pktmbuf_alloc(node->runtime.group.pool);

	cr_assert(m && tail);
	frame_make(&f, &h, peer, at_node, NULL);
	memcpy(rte_pktmbuf_append(m, 60), f.data, 60);
	memcpy(rte_pktmbuf_append(tail, (uint16_t)(f.bytes - 60)), f.data + 60, f.bytes - 60);
	cr_assert(rte_pktmbuf_chain(m, tail) == 0);
	at_node->link.comes_in_pieces = true;
	fly_demux(sim_poller(node), &at_node->link, m);
	cr_expect(node->service.executions == 1, "it was not served");
}

Case(demux, fly_demux__a_packet_that_somebody_else_holds_is_not_served)
{
	const struct fly_header h = good_call();
	struct frame f;
	struct rte_mbuf *m = rte_pktmbuf_alloc(node->runtime.group.pool);

	cr_assert(m != NULL);
	frame_make(&f, &h, peer, at_node, NULL);
	memcpy(rte_pktmbuf_append(m, (uint16_t)f.bytes), f.data, f.bytes);
	rte_mbuf_refcnt_set(m, 2);
	note();
	fly_demux(sim_poller(node), &at_node->link, m);
	expect_only(FLY_COUNT_drop_segments, "shared");
	cr_expect(rte_mbuf_refcnt_read(m) == 1);
	cr_expect(memcmp(rte_pktmbuf_mtod(m, uint8_t *), f.data, f.bytes) == 0, "it was written");
	rte_pktmbuf_free(m);
}

Case(demux, fly_demux__a_checksum_that_is_there_is_verified)
{
	const struct fly_header h = good_call();
	struct frame f;

	frame_make(&f, &h, peer, at_node, NULL);
	f.data[FLY_UDP_CHECKSUM] = 0x12;
	deliver(&f, FLY_COUNT_drop_checksum, "a wrong one, on a link without");
	at_node->link.checksum = FLY_CHECKSUM_SOFTWARE;
	deliver(&f, FLY_COUNT_drop_checksum, "a wrong one");
	fly_store_raw16(f.data + FLY_UDP_CHECKSUM, 0);
	at_node->link.demands_checksum = true;
	deliver(&f, FLY_COUNT_drop_no_checksum, "none");
	cr_expect(node->service.executions == 0);
	at_node->link.demands_checksum = false;
	frame_put(at_node, &f);
	sim_turn(s);
	cr_expect(node->service.executions == 1, "none need be there");
}

/* Over a link without checksums, from a peer that sends them: the short way is not taken. */
Case(demux, fly_demux__a_right_checksum_is_taken_where_none_is_sent)
{
	const struct fly_header h = good_call();
	struct fly_header answer;
	struct frame f;

	frame_make(&f, &h, peer, at_node, NULL);
	fly_store_raw16(f.data + FLY_UDP_CHECKSUM,
			rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)(f.data + FLY_IP),
					      f.data + FLY_UDP_SOURCE));
	frame_put(at_node, &f);
	sim_turn(s);
	cr_expect(node->service.executions == 1);
	cr_assert(frame_take(peer, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	cr_expect(fly_load_raw16(f.data + FLY_UDP_CHECKSUM) == 0, "the call's is not kept");
}

/* An unbound entry has activity 0: no answer may reach it. */
Case(demux, fly_demux__answers_to_nobody_reach_no_entry)
{
	struct fly_header h = good_call();

	h.activity = 0;
	h.type = FLY_PACKET_RESULT;
	h.procedure = 0;
	deliver_header(h, FLY_COUNT_drop_activity, "a result");
	h.type = FLY_PACKET_REJECT;
	h.procedure = FLY_ESTALE;
	deliver_header(h, FLY_COUNT_drop_activity, "a refusal");
}

/* ---- calls ---- */

Case(demux, fly_demux__calls_that_are_not_served)
{
	struct fly_header h = good_call();

	h.export_id ^= 0x10000;
	deliver_header(h, FLY_COUNT_reject_stale, "an earlier start's export");
	h = good_call();
	h.activity = 0;
	deliver_header(h, FLY_COUNT_drop_activity, "no activity");
	h = good_call();
	h.fragments = 0;
	deliver_header(h, FLY_COUNT_drop_fragments, "no fragment");
	h.fragment = 1;
	h.fragments = 1;
	deliver_header(h, FLY_COUNT_drop_fragments, "the second of one");
	h.fragment = 2;
	h.fragments = 2;
	deliver_header(h, FLY_COUNT_drop_fragments, "the third of two");
	h = good_call();
	h.age = 60000;
	deliver_header(h, FLY_COUNT_reject_forgotten, "an old stranger");
	cr_expect(node->service.executions == 0);
}

Case(demux, fly_demux__a_call_of_another_version_is_told_so)
{
	struct fly_header h = good_call();
	struct frame f;

	frame_make(&f, &h, peer, at_node, NULL);
	f.data[FLY_RPC] = 2 << 4 | FLY_PACKET_CALL;
	deliver(&f, FLY_COUNT_reject_version, "version 2");
	cr_assert(frame_take(peer, &f, &h));
	cr_expect(h.type == FLY_PACKET_REJECT && h.procedure == FLY_EVERSION);
	cr_expect(h.activity == ACTIVITY && h.seq == 1);
	cr_expect(node->service.executions == 0);
}

Case(demux, fly_demux__calls_that_are_served_move_their_own_counters)
{
	struct fly_header h = good_call();

	deliver_header(h, FLY_COUNT_conversations_opened, "a new caller");
	cr_expect(sim_count(node, FLY_COUNT_calls_served) == 1);
	deliver_header(h, FLY_COUNT_resent_results, "again");
	h.seq = 0;
	deliver_header(h, FLY_COUNT_drop_old_call, "an older one");
	h.seq = 2;
	deliver_header(h, FLY_COUNT_hint_misses, "without a hint");
	h.seq = 3;
	h.procedure = 100;
	deliver_header(h, FLY_COUNT_calls_no_procedure, "procedure 100");
	h.seq = 4;
	h.procedure = Probe_Add_NUMBER;
	deliver_header(h, FLY_COUNT_calls_unreadable, "no arguments");
	h.seq = 5;
	h.procedure = Probe_Null_NUMBER;
	peer->link.udp_port ^= 1;
	deliver_header(h, FLY_COUNT_drop_wrong_peer, "from another port");
	peer->link.udp_port ^= 1;
	cr_expect(node->service.executions == 2);
}

Case(demux, fly_demux__refusals_are_limited)
{
	struct fly_header h = good_call();
	struct frame f;

	h.export_id ^= 0x10000;
	frame_make(&f, &h, peer, at_node, NULL);
	s->step_us = 0;
	for (unsigned i = 0; i < 100; i++)
		frame_put(at_node, &f);
	for (unsigned i = 0; i < 10; i++)
		sim_turn(s);
	cr_expect(sim_count(node, FLY_COUNT_reject_stale) == 100);
	cr_expect(peer->n_in == 64, "%u were answered", peer->n_in);
	cr_expect(sim_count(node, FLY_COUNT_reject_limited) == 36);
	s->step_us = 10;
	sim_run(s, 2);
	deliver_header(h, FLY_COUNT_reject_stale, "later there are new ones");
	cr_expect(peer->n_in == 65);
}

/* ---- results and refusals: for the call that is outstanding, with one thing wrong ------------ */

static void spoilt_answers(struct fly_header good)
{
	struct fly_header h = good;

	h.activity += 1;
	deliver_header(h, FLY_COUNT_drop_activity, "an entry that made no call");
	h = good;
	h.activity |= 0xffff;
	deliver_header(h, FLY_COUNT_drop_activity, "an entry outside of the table");
	h = good;
	h.activity ^= UINT64_C(1) << 63;
	deliver_header(h, FLY_COUNT_drop_activity, "the entry of another binding");
	h = good;
	h.activity = 0;
	deliver_header(h, FLY_COUNT_drop_activity, "no activity");
	h = good;
	h.seq--;
	deliver_header(h, FLY_COUNT_drop_sequence, "the call before");
	h.seq = good.seq + 1;
	deliver_header(h, FLY_COUNT_drop_sequence, "the call after");
	h = good;
	peer->link.ip ^= 0x01000000;
	deliver_header(h, FLY_COUNT_drop_wrong_peer, "another address");
	peer->link.ip ^= 0x01000000;
	peer->link.udp_port ^= 0x0100;
	deliver_header(h, FLY_COUNT_drop_wrong_peer, "another port");
	peer->link.udp_port ^= 0x0100;
	cr_expect(!fly_ready(call));
	cr_expect(peer->n_in == 0, "answers are never answered");
}

Case(demux, fly_demux__results_that_do_not_fit)
{
	struct fly_header h = good_result();
	uint64_t result = 0;

	spoilt_answers(h);
	h.fragment = 1;
	h.fragments = 2;
	deliver_header(h, FLY_COUNT_drop_fragments, "the last fragment first");
	h.length = 0;
	h.fragment = 0;
	deliver_header(h, FLY_COUNT_drop_fragments, "a fragment without payload");
	deliver_header(good_result(), FLY_COUNT_calls_returned, "the right one");
	deliver_header(good_result(), FLY_COUNT_drop_sequence, "the right one again");
	cr_assert(fly_ready(call));
	cr_expect(Probe_Add_finish(call, &result) == 0 && result == 3);
	call = NULL;
	deliver_header(good_result(), FLY_COUNT_drop_sequence, "after the call is over");
}

Case(demux, fly_demux__refusals_that_do_not_fit)
{
	struct fly_header h = good_reject(FLY_EBUSY);
	uint64_t result;

	spoilt_answers(h);
	for (uint16_t status = 0; status < 200; status++) {
		if (status == FLY_ESTALE || status == FLY_EVERSION || status == FLY_EBUSY ||
		    status == FLY_EFORGOTTEN)
			continue;
		h.procedure = status;
		deliver_header(h, FLY_COUNT_drop_type, "no status for a refusal");
	}
	h.procedure = FLY_EBUSY;
	h.fragments = 2;
	deliver_header(h, FLY_COUNT_drop_fragments, "part of a refusal");
	cr_expect(!fly_ready(call));
	deliver_header(good_reject(FLY_EBUSY), FLY_COUNT_calls_failed, "the right one");
	deliver_header(good_reject(FLY_EBUSY), FLY_COUNT_drop_sequence, "the right one again");
	cr_assert(fly_ready(call));
	cr_expect(Probe_Add_finish(call, &result) == -FLY_EBUSY);
	call = NULL;
}

Case(demux, fly_demux__a_refusal_of_another_version_is_understood)
{
	const struct fly_header h = good_reject(FLY_EVERSION);
	struct frame f;
	uint64_t result;

	frame_make(&f, &h, peer, at_node, NULL);
	f.data[FLY_RPC] = 7 << 4 | FLY_PACKET_REJECT;
	deliver(&f, FLY_COUNT_calls_failed, "version 7");
	cr_assert(fly_ready(call));
	cr_expect(Probe_Add_finish(call, &result) == -FLY_EVERSION);
	call = NULL;
}

/* ---- whatever comes ---- */

Case(demux, fly_demux__random_frames_are_each_counted_once)
{
	uint64_t random = 7;

	for (unsigned i = 0; i < 20000; i++) {
		const uint64_t kind = sim_random(&random);
		struct fly_header h = kind % 3 == 0   ? good_call()
				      : kind % 3 == 1 ? good_result()
						      : good_reject(FLY_ESTALE);
		struct frame f;
		const unsigned changes = 1 + kind / 3 % 4;

		h.seq += kind >> 32 & 1;
		frame_make(&f, &h, peer, at_node, h.length ? sum : NULL);
		for (unsigned j = 0; j < changes; j++) {
			const uint64_t r = sim_random(&random);

			/* Mostly in the RPC header: damaged outer headers end a frame early. */
			f.data[r % 4 ? FLY_RPC + (r >> 8) % 40 : (r >> 8) % 80] ^=
				(uint8_t)(1u << (r >> 16) % 8);
		}
		frame_put(at_node, &f);
		if (i % 16 == 0)
			sim_turn(s);
		while (sim_link_take(peer, f.data))
			;
	}
	sim_run(s, 5);

	uint64_t counted = 0;
	static const enum fly_counter ends[] = {
		FLY_COUNT_calls_returned, FLY_COUNT_calls_served, FLY_COUNT_calls_no_procedure,
		FLY_COUNT_resent_results, FLY_COUNT_arp_answered, FLY_COUNT_closes_received,
	};

	for (unsigned i = 0; i < RTE_DIM(ends); i++)
		counted += sim_count(node, ends[i]);
	for (unsigned i = FLY_COUNT_reject_stale; i < FLY_N_COUNTERS; i++)
		counted += i == FLY_COUNT_reject_limited ? 0 : sim_count(node, (enum fly_counter)i);
	/* A refusal that ends the call counts as its failure. */
	counted += sim_count(node, FLY_COUNT_calls_failed);
	cr_expect(counted == 20000, "%lu", counted);
	cr_expect(sim_count(node, FLY_COUNT_rx_packets) == 20000);
	call = NULL;
}
