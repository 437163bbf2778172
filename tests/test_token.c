/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_token.c - callers must prove their address: tokens, and how much may be sent to unproven
 * addresses on a link with several peers at its far end.
 */
#include <criterion/criterion.h>

#include "case.h"
#include "hand.h"
#include "slowpath/arp.h"
#include "slowpath/token.h"

#define RECORDS     64
#define ACTIVITY(i) ((UINT64_C(1) + (i)) << 20)

static struct hand w;
static struct frame f;
static struct fly_header answer;

static void begin(void)
{
	const struct sim_node_config config = {.conversations = RECORDS};

	hand_begin(&w, &config);
	w.at->link.is_private = false;
}

static void end(void)
{
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(token, .timeout = HANG);

static uint64_t count(enum fly_counter which)
{
	return sim_count(w.node, which);
}

/* ---- tokens ---- */

Case(token, fly_token_is_good__for_16_to_33_seconds)
{
	uint8_t key[FLY_TOKEN_KEY_BYTES];

	fly_token_key(key);
	for (uint32_t made = 0; made < 200000; made += 777) {
		const uint32_t token = fly_token_make(key, 1, 2, 3, made);

		cr_expect(fly_token_is_good(key, token, 1, 2, 3, made));
		cr_expect(fly_token_is_good(key, token, 1, 2, 3, made + 16384));
		cr_expect(!fly_token_is_good(key, token, 1, 2, 3, made + 32768));
	}
}

Case(token, fly_token_is_good__for_one_address_port_activity_and_key)
{
	uint8_t key[FLY_TOKEN_KEY_BYTES];
	uint8_t other[FLY_TOKEN_KEY_BYTES];
	uint32_t token;

	fly_token_key(key);
	fly_token_key(other);
	cr_expect(memcmp(key, other, sizeof key) != 0, "each poller has a key of its own");
	token = fly_token_make(key, 1, 2, 3, 1000);
	for (unsigned bit = 0; bit < 32; bit++) {
		cr_expect(!fly_token_is_good(key, token, 1 ^ 1U << bit, 2, 3, 1000));
		cr_expect(!fly_token_is_good(key, token ^ 1U << bit, 1, 2, 3, 1000));
		cr_expect(!fly_token_is_good(key, token, 1, 2, 3 ^ UINT64_C(1) << (2 * bit), 1000));
	}
	for (unsigned bit = 0; bit < 16; bit++)
		cr_expect(!fly_token_is_good(key, token, 1, (uint16_t)(2 ^ 1U << bit), 3, 1000));
	cr_expect(!fly_token_is_good(other, token, 1, 2, 3, 1000));
	cr_expect(fly_token_is_good(key, token, 1, 2, 3, 1000));
}

/* At time 0 no earlier token is good. */
Case(token, fly_token_is_good__at_the_beginning)
{
	uint8_t key[FLY_TOKEN_KEY_BYTES];

	fly_token_key(key);
	cr_expect(!fly_token_is_good(key, fly_token_make(key, 1, 2, 3, UINT32_MAX), 1, 2, 3, 0));
	cr_expect(fly_token_is_good(key, fly_token_make(key, 1, 2, 3, 0), 1, 2, 3, 0));
}

/* ---- who is challenged ---- */

/* Make a call, and answer its challenge with the token. Return: did a result come? */
static bool show_token(struct fly_header *h)
{
	if (answer.type != FLY_PACKET_CHALLENGE)
		return false;
	h->flags = FLY_FLAG_RESENT | FLY_FLAG_TOKEN;
	h->hint = answer.hint;
	return hand_ask(&w, h, &f, &answer) && answer.type == FLY_PACKET_RESULT;
}

Case(token, fly_slow_call__a_small_call_needs_none)
{
	struct fly_header h = hand_call(&w, ACTIVITY(1), 1, Probe_Null_NUMBER, 0, 0);

	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	h = hand_call(&w, ACTIVITY(1), 2, Probe_Add_NUMBER, 16, 7);
	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	h = hand_call(&w, ACTIVITY(2), 2, Probe_Sum_NUMBER, 1404, 7);
	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	cr_expect(!hand_record(&w, ACTIVITY(1))->is_proven);
	cr_expect(count(FLY_COUNT_challenges_sent) == 0);
}

Case(token, fly_slow_call__a_long_result_needs_one_of_each_caller_once)
{
	for (unsigned i = 1; i <= 3; i++) {
		struct fly_header h = hand_call(&w, ACTIVITY(i), 1, Probe_Fill_NUMBER, 4, i);

		if (i == 2) { /* a call that is already known */
			h = hand_call(&w, ACTIVITY(i), 0, Probe_Null_NUMBER, 0, 0);
			cr_assert(hand_ask(&w, &h, &f, &answer));
			h = hand_call(&w, ACTIVITY(i), 1, Probe_Fill_NUMBER, 4, i);
			h.hint = answer.hint;
		}
		cr_assert(hand_ask(&w, &h, &f, &answer));
		cr_expect(answer.type == FLY_PACKET_CHALLENGE && answer.seq == 1);
		cr_expect(answer.activity == h.activity && answer.export_id == h.export_id);
		cr_expect(f.bytes == FLY_PAYLOAD);
		cr_expect((hand_record(&w, ACTIVITY(i)) != NULL) == (i == 2), "nothing is kept");
		cr_assert(show_token(&h));
		cr_expect(answer.length == 1440 && w.node->service.runs[i] == 1);
		h.flags = 0;
		h.hint = answer.hint;
		h.seq++;
		cr_assert(hand_ask(&w, &h, &f, &answer) && answer.length == 1440);
	}
	cr_expect(count(FLY_COUNT_challenges_sent) == 3);
}

Case(token, fly_slow_call__a_wrong_token_is_worth_nothing)
{
	struct fly_header h = hand_call(&w, ACTIVITY(1), 1, Probe_Fill_NUMBER, 4, 7);
	uint32_t token;

	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_CHALLENGE);
	token = answer.hint;
	h.hint = token; /* without the flag */
	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_CHALLENGE);
	h.flags = FLY_FLAG_TOKEN;
	h.hint = token ^ 1;
	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_CHALLENGE);
	h.hint = token;
	h.activity = ACTIVITY(2);
	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_CHALLENGE);
	h.activity = ACTIVITY(1);
	w.peer->link.ip ^= 0x01000000;
	cr_assert(hand_ask(&w, &h, &f, &answer) == false || answer.type == FLY_PACKET_CHALLENGE);
	w.peer->link.ip ^= 0x01000000;
	cr_expect(w.node->service.executions == 0);
	cr_expect(count(FLY_COUNT_conversations_opened) == 0);
	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_RESULT);
}

Case(token, fly_slow_call__a_token_from_long_ago_is_worth_nothing)
{
	struct fly_header h = hand_call(&w, ACTIVITY(1), 1, Probe_Fill_NUMBER, 4, 7);

	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_CHALLENGE);
	h.hint = answer.hint;
	h.flags = FLY_FLAG_TOKEN;
	w.sim->step_us = 500;
	sim_run(w.sim, 33000);
	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_CHALLENGE);
}

Case(token, fly_slow_call__of_several_packets_needs_one)
{
	struct fly_header h = hand_call(&w, ACTIVITY(1), 1, Probe_Sum_NUMBER, 1000, 7);

	h.fragments = 2;
	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_CHALLENGE);
	cr_expect(sim_poller(w.node)->bulk.bytes == 0 && hand_record(&w, ACTIVITY(1)) == NULL);
	h.flags = FLY_FLAG_TOKEN;
	h.hint = answer.hint;
	cr_expect(!hand_ask(&w, &h, &f, &answer));
	cr_expect(sim_poller(w.node)->bulk.bytes != 0 && hand_record(&w, ACTIVITY(1))->is_proven);
}

/* A call as long as its result needs no token, and runs though it is not small. */
Case(token, fly_slow_call__a_result_as_long_as_its_call_needs_none)
{
	const struct fly_header h = hand_call(&w, ACTIVITY(1), 1, Probe_Mirror_NUMBER, 504, 7);

	cr_assert(hand_ask(&w, &h, &f, &answer));
	cr_expect(answer.type == FLY_PACKET_RESULT && answer.length == 500);
	cr_expect(count(FLY_COUNT_challenges_sent) == 0);
}

/* Both ends are real pollers: the caller answers the challenge, and its program notices nothing. */
Case(token, fly_slow_challenge__between_two_pollers)
{
	struct sim_node *caller = sim_add(w.sim, NULL);
	struct sim_link *there = sim_join(w.sim, caller, w.node);
	struct fly_binding *binding;
	uint8_t data[1440];

	there->far->link.is_private = false;
	binding = sim_import(w.sim, caller, there, w.node->export_id);
	for (uint32_t n = 1; n <= 5; n++) {
		struct fly_call *call;

		cr_assert(Probe_Fill_start(binding, n, &call) == 0);
		cr_assert(sim_until(w.sim, call, 5));
		cr_expect(Probe_Fill_finish(call, data) == 0);
		cr_expect(probe_is(data, 1440, probe_sum(n)) && w.node->service.runs[n] == 1);
	}
	cr_expect(sim_count(caller, FLY_COUNT_challenges_answered) == 1);
	cr_expect(count(FLY_COUNT_challenges_sent) == 1);
}

/* The challenge is lost, or its answer, or the result. */
Case(token, fly_slow_challenge__with_losses)
{
	for (unsigned lost = 0; lost < 8; lost++) {
		struct sim_node *caller;
		struct sim_link *there;
		struct fly_call *call;
		uint8_t data[1440];

		if (lost > 0) {
			end();
			begin();
		}
		caller = sim_add(w.sim, NULL);
		there = sim_join(w.sim, caller, w.node);
		there->far->link.is_private = false;
		there->faults.drop_mask = lost & 3;
		there->far->faults.drop_mask = lost >> 1;
		cr_assert(Probe_Fill_start(sim_import(w.sim, caller, there, w.node->export_id), 7,
					   &call) == 0);
		cr_assert(sim_until(w.sim, call, 900), "losses %u", lost);
		cr_expect(Probe_Fill_finish(call, data) == 0);
		cr_expect(w.node->service.runs[7] == 1);
	}
}

/* ---- a flood of strangers, with addresses of their choice ---- */

static void forge(unsigned i)
{
	w.peer->link.ip = rte_cpu_to_be_32(0x0a010000 + i);
	w.peer->link.udp_port = (uint16_t)(1024 + i % 1000);
}

Case(token, fly_slow_call__strangers_get_half_of_the_records_and_who_shows_a_token_the_rest)
{
	const uint32_t ip = w.peer->link.ip;
	const uint16_t port = w.peer->link.udp_port;
	const struct fly_conversation_table *t = &sim_poller(w.node)->conversations;
	struct fly_header honest;
	uint32_t token;

	for (unsigned i = 0; i < 3000; i++) {
		const struct fly_header h =
			hand_call(&w, ACTIVITY(1000 + i), 1, Probe_Null_NUMBER, 0, 0);

		forge(i);
		hand_send(&w, &h);
		sim_turn(w.sim);
		while (sim_link_take(w.peer, f.data))
			;
		cr_assert(t->n_free >= t->n / 2, "after %u", i);
	}
	cr_expect(w.node->service.executions == RECORDS / 2);
	cr_expect(count(FLY_COUNT_challenges_sent) == 3000 - RECORDS / 2);
	/* During the flood, a caller whose address is real. */
	w.peer->link.ip = ip;
	w.peer->link.udp_port = port;
	sim_run(w.sim, 2);
	honest = hand_call(&w, ACTIVITY(1), 1, Probe_Null_NUMBER, 0, 0);
	cr_assert(hand_ask(&w, &honest, &f, &answer) && answer.type == FLY_PACKET_CHALLENGE);
	token = answer.hint;
	cr_assert(show_token(&honest), "let in");
	cr_expect(hand_record(&w, ACTIVITY(1))->is_proven);
	/* Others cannot use its token. */
	honest.activity = ACTIVITY(2);
	honest.hint = token;
	cr_assert(hand_ask(&w, &honest, &f, &answer) && answer.type == FLY_PACKET_CHALLENGE);
	/* Known callers go on, proven or not. */
	forge(3);
	honest = hand_call(&w, ACTIVITY(1003), 2, Probe_Null_NUMBER, 0, 0);
	hand_send(&w, &honest);
	sim_turn(w.sim);
	cr_expect(hand_record(&w, ACTIVITY(1003))->seq == 2);
	cr_expect(hand_record(&w, ACTIVITY(1003))->state == FLY_CONVERSATION_DONE);
	forge(0);
	w.peer->link.ip = ip;
	w.peer->link.udp_port = port;
}

/* The same flood, so fast that challenges run out; the honest caller is a real poller. */
Case(token, fly_slow_call__an_honest_caller_gets_in_during_a_flood)
{
	struct sim_node *caller = sim_add(w.sim, NULL);
	struct sim_link *there = sim_join(w.sim, caller, w.node);
	const uint32_t ip = w.peer->link.ip;
	struct fly_binding *binding;
	struct fly_call *call = NULL;
	unsigned i = 0;

	there->far->link.is_private = false;
	binding = sim_import(w.sim, caller, there, w.node->export_id);
	for (unsigned turn = 0; turn < 3000; turn++) {
		for (unsigned n = 0; n < 3; n++, i++) {
			const struct fly_header h =
				hand_call(&w, ACTIVITY(1000 + i), 1, Probe_Null_NUMBER, 0, 0);

			forge(i);
			hand_send(&w, &h);
		}
		if (turn == 500)
			cr_assert(Probe_Null_start(binding, &call) == 0);
		sim_turn(w.sim);
		while (sim_link_take(w.peer, f.data))
			;
		if (call && fly_ready(call))
			break;
	}
	cr_assert(call && fly_ready(call));
	cr_expect(Probe_Null_finish(call) == 0);
	cr_expect(sim_count(caller, FLY_COUNT_challenges_answered) >= 1);
	cr_expect(count(FLY_COUNT_reject_limited) > 100, "the flood was a flood");
	w.peer->link.ip = ip;
}

/* ---- what an address that nobody has proven is sent ---- */

static uint64_t bytes_in;
static uint64_t bytes_out;

/* Send one packet; measure all that comes back for it, now and later. */
static void measure(const struct frame *g, const char *what, unsigned which)
{
	unsigned bytes;
	uint64_t out = 0;

	frame_put(w.at, g);
	for (unsigned turns = 0; turns < 3; turns++) {
		sim_turn(w.sim);
		while ((bytes = sim_link_take(w.peer, f.data)))
			out += bytes;
	}
	cr_expect(out <= 3 * g->bytes, "%s %u: %lu bytes for %u", what, which, out, g->bytes);
	bytes_in += g->bytes;
	bytes_out += out;
}

static void measure_header(const struct fly_header *h, const char *what, unsigned which)
{
	struct frame g;

	frame_make(&g, h, w.peer, w.at, w.payload);
	measure(&g, what, which);
}

static const struct {
	uint16_t procedure;
	uint16_t bytes;
} lets[] = {{Probe_Null_NUMBER, 0},   {Probe_Add_NUMBER, 16},     {Probe_Fill_NUMBER, 4},
	    {Probe_Sum_NUMBER, 1404}, {Probe_Mirror_NUMBER, 504}, {Probe_Swap_NUMBER, 1204},
	    {Probe_Not_NUMBER, 1},    {Probe_Raise_NUMBER, 4},    {99, 0}};

/* After one call of each kind: everything that could make the server send it again, or more. */
Case(token, fly_demux__an_unproven_address_is_sent_at_most_three_times_what_came_from_it)
{
	for (unsigned i = 0; i < RTE_DIM(lets); i++) {
		struct fly_header h =
			hand_call(&w, ACTIVITY(i), 1, lets[i].procedure, lets[i].bytes, i);
		struct frame g;

		h.flags = FLY_FLAG_ACK;
		measure_header(&h, "call", i);
		measure_header(&h, "copy", i);
		for (unsigned type = 0; type < 16; type++) {
			for (unsigned about = 0; about < 3; about++) {
				struct fly_header k = hand_about(&h, (enum fly_packet_type)type,
								 (enum fly_about)about);

				k.fragment = type == FLY_PACKET_ACK;
				measure_header(&k, "type", type);
				k.activity ^= UINT64_C(1) << 60;
				measure_header(&k, "type, unknown activity", type);
				k.export_id ^= 0x10000;
				measure_header(&k, "type, unknown export", type);
			}
		}
		/* Copies shorter than the admitted call, of each procedure. */
		for (unsigned k = 0; k < RTE_DIM(lets); k++) {
			h.procedure = lets[k].procedure;
			h.length = 0;
			measure_header(&h, "short copy", k);
			h.flags = 0;
			h.hint = 0;
			measure_header(&h, "short copy without a flag", k);
			h.flags = FLY_FLAG_ACK;
			h.fragments = 2;
			measure_header(&h, "fragment", k);
			h.fragments = 1;
		}
		h.length = 0;
		frame_make(&g, &h, w.peer, w.at, NULL);
		g.data[FLY_RPC] = 7 << 4 | FLY_PACKET_CALL;
		measure(&g, "version", i);
		sim_run(w.sim, 2); /* renews the budgets */
		while (sim_link_take(w.peer, f.data))
			;
	}
	cr_expect(w.node->service.executions >= 5, "most of the calls ran");
	cr_expect(bytes_out <= 2 * bytes_in, "%lu for %lu", bytes_out, bytes_in);
}

/* An honest caller whose result was lost sends a probe: it gets the result. */
Case(token, fly_slow_probe__a_long_result_after_a_challenge)
{
	struct fly_header h = hand_call(&w, ACTIVITY(1), 1, Probe_Mirror_NUMBER, 504, 7);
	struct fly_header probe = hand_about(&h, FLY_PACKET_PROBE, FLY_ABOUT_CALL);

	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.length == 500);
	cr_assert(hand_ask(&w, &probe, &f, &answer));
	cr_expect(answer.type == FLY_PACKET_CHALLENGE);
	cr_assert(show_token(&h));
	cr_expect(answer.length == 500 && w.node->service.runs[7] == 1);
}

/* Under memory pressure callers are asked about their results; unproven ones are not. */
Case(token, fly_conversations_sweep__asks_only_who_has_proven_its_address)
{
	struct fly_conversation_table *t = &sim_poller(w.node)->conversations;
	unsigned asked = 0;

	t->retained_high = 1;
	for (unsigned i = 0; i < 10; i++) {
		struct fly_header h = hand_call(&w, ACTIVITY(i), 1, Probe_Mirror_NUMBER, 504, i);

		cr_assert(hand_ask(&w, &h, &f, &answer) && answer.length == 500);
		if (i == 4)
			hand_record(&w, ACTIVITY(i))->is_proven = true;
	}
	sim_run(w.sim, 1000);
	while (frame_take(w.peer, &f, &answer)) {
		cr_expect(answer.type == FLY_PACKET_PROBE && answer.activity == ACTIVITY(4));
		asked++;
	}
	cr_expect(asked >= 4 && asked <= 6, "%u times in a second: less and less often", asked);
}
