/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_probe.c - probes, cancels, challenges, and acknowledgements of one packet: each cell of
 * their tables in docs/protocol.md.
 */
#include <criterion/criterion.h>

#include "case.h"
#include "hand.h"
#include "slowpath/records.h"

#define ACTIVITY UINT64_C(0xabcdef0123450007)
#define SEQ      100U

static struct hand w;
static struct frame f;
static struct fly_header answer;
static struct fly_header call; /* the newest call */

static void begin(void)
{
	hand_begin(&w, NULL);
}

static void end(void)
{
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

/* Start afresh, for another row of the same table. */
static void again(void)
{
	end();
	begin();
}

TestSuite(probe, .timeout = HANG);

static uint64_t count(enum fly_counter which)
{
	return sim_count(w.node, which);
}

/* ---- the server: records in each state ---- */

/* Make a call that runs and returns. */
static void ran(uint16_t procedure)
{
	call = hand_call(&w, ACTIVITY, SEQ, procedure, 4, 7);
	if (procedure == Probe_Null_NUMBER)
		call.length = 0;
	cr_assert(hand_ask(&w, &call, &f, &answer) && answer.type == FLY_PACKET_RESULT);
}

static void make_done(void)
{
	ran(Probe_Null_NUMBER);
	cr_assert(hand_record(&w, ACTIVITY)->state == FLY_CONVERSATION_DONE);
}

static void make_done_in_packet(void)
{
	ran(Probe_Fill_NUMBER);
	cr_assert(hand_record(&w, ACTIVITY)->result != NULL);
}

static void make_given(void)
{
	struct fly_header ack;

	ran(Probe_Fill_NUMBER);
	ack = hand_about(&call, FLY_PACKET_ACK, FLY_ABOUT_RESULT);
	ack.fragment = 1;
	cr_assert(!hand_ask(&w, &ack, &f, &answer));
	cr_assert(hand_record(&w, ACTIVITY)->state == FLY_CONVERSATION_GIVEN);
}

static void make_unkept(void)
{
	hand_idempotent(&w, Probe_Fill_NUMBER);
	ran(Probe_Fill_NUMBER);
	cr_assert(hand_record(&w, ACTIVITY)->state == FLY_CONVERSATION_UNKEPT);
}

/* The first fragment of a call opens the record: the newest call is the one before. */
static void make_known(void)
{
	call = hand_call(&w, ACTIVITY, SEQ + 1, Probe_Sum_NUMBER, 1000, 7);
	call.fragments = 2;
	cr_assert(!hand_ask(&w, &call, &f, &answer));
	cr_assert(hand_record(&w, ACTIVITY)->state == FLY_CONVERSATION_KNOWN);
	call.fragments = 1;
	call.seq = SEQ;
}

static void make_refused(void)
{
	struct fly_header cancel;

	ran(Probe_Null_NUMBER);
	call.seq = SEQ + 1;
	cancel = hand_about(&call, FLY_PACKET_CANCEL, FLY_ABOUT_CALL);
	cr_assert(!hand_ask(&w, &cancel, &f, &answer));
	cr_assert(hand_record(&w, ACTIVITY)->state == FLY_CONVERSATION_REFUSED);
}

static void (*const makes[])(void) = {make_done,   make_done_in_packet, make_given,
				      make_unkept, make_known,          make_refused};

/* Send a packet about the call @later calls after the newest one. */
static bool ask(enum fly_packet_type type, uint32_t later)
{
	struct fly_header h = hand_about(&call, type, FLY_ABOUT_CALL);

	h.seq += later;
	return hand_ask(&w, &h, &f, &answer);
}

static void expect_refusal(enum fly_status status)
{
	cr_expect(answer.type == FLY_PACKET_REJECT && answer.procedure == status,
		  "type %u, status %u", answer.type, answer.procedure);
	cr_expect(f.bytes == FLY_PAYLOAD);
}

/* ---- probes of callers ---- */

Case(probe, fly_slow_probe__of_a_call_to_an_earlier_start_is_told_so_whatever_the_record)
{
	make_done();
	call.export_id ^= 0x10000;
	for (uint32_t later = 0; later <= 2; later++) {
		cr_assert(ask(FLY_PACKET_PROBE, later - 1));
		expect_refusal(FLY_ESTALE);
		cr_expect(answer.seq == call.seq + later - 1 && answer.activity == ACTIVITY);
	}
	call.activity += UINT64_C(1) << 32;
	cr_assert(ask(FLY_PACKET_PROBE, 0));
	expect_refusal(FLY_ESTALE);
	cr_expect(count(FLY_COUNT_reject_stale) == 4);
	cr_expect(hand_record(&w, ACTIVITY)->state == FLY_CONVERSATION_DONE);
}

Case(probe, fly_slow_probe__without_a_record_the_call_is_forgotten)
{
	call = hand_call(&w, ACTIVITY, SEQ, Probe_Null_NUMBER, 0, 0);
	cr_assert(ask(FLY_PACKET_PROBE, 0));
	expect_refusal(FLY_EFORGOTTEN);
	cr_expect(hand_record(&w, ACTIVITY) == NULL, "a probe opens none");
	call.activity = 0;
	cr_expect(!ask(FLY_PACKET_PROBE, 0));
	cr_expect(count(FLY_COUNT_drop_activity) == 1);
}

Case(probe, fly_slow_probe__from_another_address_is_not_answered)
{
	for (unsigned i = 0; i < RTE_DIM(makes); i++) {
		if (i > 0)
			again();
		makes[i]();
		w.peer->link.ip ^= 0x01000000;
		for (uint32_t later = 0; later <= 2; later++)
			cr_expect(!ask(FLY_PACKET_PROBE, later - 1));
		cr_expect(count(FLY_COUNT_drop_wrong_peer) == 3);
		w.peer->link.udp_port ^= 0x100;
		w.peer->link.ip ^= 0x01000000;
		cr_expect(!ask(FLY_PACKET_PROBE, 0));
		cr_expect(count(FLY_COUNT_drop_wrong_peer) == 4);
	}
}

Case(probe, fly_slow_probe__of_a_call_that_is_done_gets_the_result)
{
	struct frame first;

	make_done();
	cr_assert(ask(FLY_PACKET_PROBE, 0));
	cr_expect(answer.type == FLY_PACKET_RESULT && answer.procedure == 0 && answer.seq == SEQ);
	cr_expect(answer.flags == FLY_FLAG_RESENT && answer.fragments == 1);
	ran(Probe_Fill_NUMBER); /* the same again: this result, not Fill's */
	cr_expect(answer.length == 0);
	call = hand_call(&w, ACTIVITY, SEQ + 1, Probe_Fill_NUMBER, 4, 7);
	cr_assert(hand_ask(&w, &call, &first, &answer));
	for (unsigned i = 0; i < 3; i++) {
		cr_assert(ask(FLY_PACKET_PROBE, 0));
		cr_expect(answer.type == FLY_PACKET_RESULT && answer.length == 1440);
		cr_expect(f.bytes == first.bytes && memcmp(f.data, first.data, f.bytes) == 0);
	}
	cr_expect(count(FLY_COUNT_resent_results) == 5);
	cr_expect(w.node->service.executions == 2);
}

Case(probe, fly_slow_probe__results_that_are_asked_for_again_are_limited)
{
	unsigned answers = 0;

	make_done();
	sim_run(w.sim, 2);
	w.sim->step_us = 0;
	call = hand_about(&call, FLY_PACKET_PROBE, FLY_ABOUT_CALL);
	for (unsigned i = 0; i < 600; i++) {
		hand_send(&w, &call);
		sim_turn(w.sim);
		answers += frame_take(w.peer, &f, &answer);
	}
	cr_expect(answers == 512, "%u", answers);
	cr_expect(count(FLY_COUNT_reject_limited) == 600 - 512);
	w.sim->step_us = 10;
	sim_run(w.sim, 2);
	cr_expect(hand_ask(&w, &call, &f, &answer));
}

Case(probe, fly_slow_probe__of_a_call_that_was_refused_is_refused)
{
	make_refused();
	cr_assert(ask(FLY_PACKET_PROBE, 0));
	expect_refusal(FLY_EBUSY);
}

/* As fly_drain() and fly_shutdown() do. */
static void withdraw(void)
{
	struct fly_poller *p = sim_poller(w.node);
	const uint32_t at = call.export_id % FLY_EXPORTS;

	p->exports[at] = (struct fly_export){.id = ~at};
	p->withdrawn[at] = call.export_id;
}

Case(probe, fly_slow_probe__of_a_call_whose_export_was_withdrawn)
{
	make_done();
	withdraw();
	cr_assert(ask(FLY_PACKET_PROBE, 0));
	cr_expect(answer.type == FLY_PACKET_RESULT, "it ran: %u", answer.type);
	cr_assert(ask(FLY_PACKET_PROBE, 1));
	expect_refusal(FLY_ESTALE);
	cr_assert(ask(FLY_PACKET_CALL, 0));
	cr_expect(answer.type == FLY_PACKET_RESULT, "as a copy is told: %u", answer.type);
	cr_assert(ask(FLY_PACKET_CALL, 1));
	expect_refusal(FLY_ESTALE);
	cr_expect(answer.hint == UINT32_MAX, "it has not run, and will not");
	call.activity += 0x10000;
	cr_assert(ask(FLY_PACKET_CALL, 0));
	expect_refusal(FLY_ESTALE);
	cr_expect(answer.hint == UINT32_MAX, "nor has one of which there is no record");
}

Case(probe, fly_slow_probe__of_a_result_that_was_not_kept)
{
	make_unkept();
	cr_assert(ask(FLY_PACKET_PROBE, 0));
	expect_refusal(FLY_EFORGOTTEN);
	cr_expect(hand_record(&w, ACTIVITY)->state == FLY_CONVERSATION_UNKEPT);
}

Case(probe, fly_slow_probe__of_a_call_whose_caller_is_done_with_it)
{
	make_given();
	cr_expect(!ask(FLY_PACKET_PROBE, 0));
	cr_expect(count(FLY_COUNT_drop_probe) == 1);
}

Case(probe, fly_slow_probe__of_a_record_of_which_nothing_ran)
{
	make_known();
	cr_expect(!ask(FLY_PACKET_PROBE, 0));
	cr_expect(count(FLY_COUNT_drop_probe) == 1);
	cr_expect(ask(FLY_PACKET_PROBE, 1), "its fragments are arriving: it is not whole");
	expect_refusal(FLY_EFORGOTTEN);
}

Case(probe, fly_slow_probe__of_an_earlier_call_is_dropped_of_a_later_one_forgotten)
{
	for (unsigned i = 0; i < RTE_DIM(makes); i++) {
		if (i > 0)
			again();
		makes[i]();

		const struct fly_conversation before = *hand_record(&w, ACTIVITY);

		cr_expect(!ask(FLY_PACKET_PROBE, -1U));
		cr_expect(!ask(FLY_PACKET_PROBE, -1000U));
		cr_expect(!ask(FLY_PACKET_PROBE, 0x80000000));
		cr_expect(count(FLY_COUNT_drop_probe) == 3);
		for (unsigned later = 1; later <= 0x7fffffff; later += 0x3fffffff) {
			cr_assert(ask(FLY_PACKET_PROBE, later));
			expect_refusal(FLY_EFORGOTTEN);
		}
		cr_expect(memcmp(&before, hand_record(&w, ACTIVITY), sizeof before) == 0,
			  "a probe changes nothing");
	}
}

/* ---- while the procedure runs: it lets its poller attend ---- */

static unsigned answers_inside;
static uint32_t later_inside;
static enum fly_packet_type type_inside;
static bool is_cancelled_inside;

static void ask_inside(void *context)
{
	struct fly_poller *p = context;
	struct fly_header h = hand_about(&call, type_inside, FLY_ABOUT_CALL);

	h.seq += later_inside;
	hand_send(&w, &h);
	fly_slow_turn_parking(p, w.sim->now_tsc);
	answers_inside = frame_take(w.peer, &f, &answer);
	is_cancelled_inside =
		p->running.conversation->cancelled_seq == p->running.conversation->seq;
}

static void run_and_ask(enum fly_packet_type type, uint32_t later)
{
	struct fly_header result;
	struct frame g;

	type_inside = type;
	later_inside = later;
	w.node->service.during = ask_inside;
	w.node->service.during_context = sim_poller(w.node);
	call = hand_call(&w, ACTIVITY, SEQ, Probe_Null_NUMBER, 0, 0);
	cr_assert(hand_ask(&w, &call, &g, &result), "the result comes all the same");
	cr_expect(result.type == FLY_PACKET_RESULT && result.seq == SEQ);
	cr_expect(w.node->service.executions == 1);
	cr_expect(hand_record(&w, ACTIVITY)->state == FLY_CONVERSATION_DONE);
}

Case(probe, fly_slow_probe__of_a_call_that_runs_is_told_so)
{
	run_and_ask(FLY_PACKET_PROBE, 0);
	cr_assert(answers_inside == 1);
	cr_expect(answer.type == FLY_PACKET_ACK && answer.procedure == FLY_ABOUT_CALL);
	cr_expect(answer.fragment == 1 && answer.fragments == 1 && answer.seq == SEQ);
	cr_expect(answer.hint ==
		  hand_record(&w, ACTIVITY) - sim_poller(w.node)->conversations.records);
	cr_expect(f.bytes == FLY_PAYLOAD);
}

Case(probe, fly_slow_probe__of_an_earlier_call_than_the_one_that_runs)
{
	run_and_ask(FLY_PACKET_PROBE, -1U);
	cr_expect(answers_inside == 0 && count(FLY_COUNT_drop_probe) == 1);
}

Case(probe, fly_slow_probe__of_a_later_call_than_the_one_that_runs)
{
	run_and_ask(FLY_PACKET_PROBE, 1);
	cr_assert(answers_inside == 1);
	expect_refusal(FLY_EFORGOTTEN);
}

Case(probe, fly_slow_cancel__of_a_call_that_runs_is_told_to_it)
{
	run_and_ask(FLY_PACKET_CANCEL, 0);
	cr_expect(answers_inside == 0 && is_cancelled_inside);
	cr_expect(count(FLY_COUNT_cancels_received) == 1);
	w.node->service.during = NULL;
	call.seq++;
	cr_expect(hand_ask(&w, &call, &f, &answer), "the next call runs");
	cr_expect(hand_record(&w, ACTIVITY)->cancelled_seq != call.seq, "and is not cancelled");
}

Case(probe, fly_slow_cancel__of_another_call_than_the_one_that_runs)
{
	run_and_ask(FLY_PACKET_CANCEL, -1U);
	cr_expect(!is_cancelled_inside && count(FLY_COUNT_drop_cancel) == 1);
	again();
	run_and_ask(FLY_PACKET_CANCEL, 1);
	cr_expect(!is_cancelled_inside && count(FLY_COUNT_drop_cancel) == 1);
	cr_expect(hand_record(&w, ACTIVITY)->seq == SEQ);
	call.seq++;
	w.node->service.during = NULL;
	cr_expect(hand_ask(&w, &call, &f, &answer) && answer.type == FLY_PACKET_RESULT,
		  "it was not remembered");
}

Case(probe, fly_slow_cancel__of_a_call_that_runs_from_another_address)
{
	w.node->service.during = NULL;
	run_and_ask(FLY_PACKET_CANCEL, 0);
	cr_expect(is_cancelled_inside);
	again();
	/* The frame inside comes from another address than the call. */
	call = hand_call(&w, ACTIVITY, SEQ, Probe_Null_NUMBER, 0, 0);
	w.node->service.during = ask_inside;
	w.node->service.during_context = sim_poller(w.node);
	type_inside = FLY_PACKET_CANCEL;
	later_inside = 0;
	hand_send(&w, &call);
	w.peer->link.ip ^= 0x01000000;
	sim_turn(w.sim);
	cr_expect(!is_cancelled_inside && count(FLY_COUNT_drop_wrong_peer) == 1);
}

/* ---- cancels of calls that do not run ---- */

Case(probe, fly_slow_cancel__without_a_record_is_dropped_and_opens_none)
{
	call = hand_call(&w, ACTIVITY, SEQ, Probe_Null_NUMBER, 0, 0);
	cr_expect(!ask(FLY_PACKET_CANCEL, 0));
	cr_expect(count(FLY_COUNT_drop_activity) == 1);
	call.activity = 0;
	cr_expect(!ask(FLY_PACKET_CANCEL, 0));
	cr_expect(count(FLY_COUNT_drop_activity) == 2);
	cr_expect(count(FLY_COUNT_conversations_opened) == 0);
}

Case(probe, fly_slow_cancel__from_another_address_changes_nothing)
{
	make_done();
	w.peer->link.ip ^= 0x01000000;
	for (uint32_t later = 0; later <= 2; later++)
		cr_expect(!ask(FLY_PACKET_CANCEL, later - 1));
	cr_expect(count(FLY_COUNT_drop_wrong_peer) == 3);
	cr_expect(hand_record(&w, ACTIVITY)->seq == SEQ);
	cr_expect(hand_record(&w, ACTIVITY)->state == FLY_CONVERSATION_DONE);
}

Case(probe, fly_slow_cancel__of_the_newest_or_an_earlier_call_is_dropped)
{
	for (unsigned i = 0; i < RTE_DIM(makes); i++) {
		if (i > 0)
			again();
		makes[i]();

		const struct fly_conversation before = *hand_record(&w, ACTIVITY);
		const uint64_t received = count(FLY_COUNT_cancels_received);

		cr_expect(!ask(FLY_PACKET_CANCEL, 0));
		cr_expect(!ask(FLY_PACKET_CANCEL, -1U));
		cr_expect(!ask(FLY_PACKET_CANCEL, 0x80000000));
		cr_expect(count(FLY_COUNT_drop_cancel) == 3);
		cr_expect(count(FLY_COUNT_cancels_received) == received);
		cr_expect(memcmp(&before, hand_record(&w, ACTIVITY), sizeof before) == 0);
	}
}

Case(probe, fly_slow_cancel__of_a_later_call_is_remembered_and_what_was_kept_goes)
{
	for (unsigned i = 0; i < RTE_DIM(makes); i++) {
		unsigned ran_before;

		if (i > 0)
			again();
		makes[i]();
		ran_before = w.node->service.executions;
		sim_run(w.sim, 5);
		cr_expect(!ask(FLY_PACKET_CANCEL, 3));

		const struct fly_conversation *c = hand_record(&w, ACTIVITY);

		cr_expect(c->state == FLY_CONVERSATION_REFUSED && c->seq == call.seq + 3);
		cr_expect(c->result == NULL && c->bulk == NULL);
		cr_expect(c->touched_ms == sim_poller(w.node)->now_ms);
		cr_expect(sim_poller(w.node)->conversations.n_retained == 0);
		cr_expect(sim_poller(w.node)->bulk.n == 0 && sim_poller(w.node)->bulk.bytes == 0);
		/* The call and each copy come late: refused. Earlier calls: dropped. */
		call = hand_call(&w, ACTIVITY, call.seq + 3, Probe_Null_NUMBER, 0, 0);
		for (unsigned copies = 0; copies < 3; copies++) {
			cr_assert(hand_ask(&w, &call, &f, &answer));
			expect_refusal(FLY_EBUSY);
		}
		call.seq--;
		cr_expect(!hand_ask(&w, &call, &f, &answer));
		cr_expect(w.node->service.executions == ran_before);
		call.seq += 2;
		cr_expect(hand_ask(&w, &call, &f, &answer) && answer.type == FLY_PACKET_RESULT,
			  "the next one runs");
	}
}

/* ---- acknowledgements of results of one packet ---- */

static bool acknowledge(uint16_t fragment, uint16_t fragments)
{
	struct fly_header h = hand_about(&call, FLY_PACKET_ACK, FLY_ABOUT_RESULT);

	h.fragment = fragment;
	h.fragments = fragments;
	return hand_ask(&w, &h, &f, &answer);
}

Case(probe, fly_slow_ack__of_a_result_that_its_packet_retains_lets_it_go)
{
	make_done_in_packet();
	cr_expect(!acknowledge(1, 1));
	cr_expect(count(FLY_COUNT_acks_received) == 1);
	cr_expect(sim_poller(w.node)->conversations.n_retained == 0);
	cr_expect(hand_record(&w, ACTIVITY)->result == NULL);
	cr_expect(!acknowledge(1, 1));
	cr_expect(count(FLY_COUNT_drop_ack) == 1, "once");
	/* A copy still in flight is neither answered nor run. */
	call = hand_call(&w, ACTIVITY, SEQ, Probe_Fill_NUMBER, 4, 7);
	call.flags = FLY_FLAG_RESENT | FLY_FLAG_ACK;
	cr_expect(!hand_ask(&w, &call, &f, &answer));
	cr_expect(count(FLY_COUNT_drop_old_call) == 1 && w.node->service.executions == 1);
	call.seq++;
	cr_expect(hand_ask(&w, &call, &f, &answer) && answer.length == 1440, "the next one runs");
}

Case(probe, fly_slow_ack__that_does_not_fit_changes_nothing)
{
	for (unsigned i = 0; i < RTE_DIM(makes); i++) {
		if (i > 0)
			again();
		makes[i]();

		const struct fly_conversation before = *hand_record(&w, ACTIVITY);
		uint64_t dropped = count(FLY_COUNT_drop_ack);

		call.seq++;
		cr_expect(!acknowledge(1, 1));
		call.seq -= 2;
		cr_expect(!acknowledge(1, 1));
		call.seq++;
		cr_expect(!acknowledge(2, 2));
		cr_expect(count(FLY_COUNT_drop_ack) == dropped + 3);
		if (makes[i] != make_done_in_packet) {
			cr_expect(!acknowledge(1, 1));
			cr_expect(count(FLY_COUNT_drop_ack) == dropped + 4);
		}
		cr_expect(!acknowledge(0, 0));
		cr_expect(!acknowledge(2, 1));
		cr_expect(count(FLY_COUNT_drop_fragments) == 2);
		call.activity += UINT64_C(1) << 32;
		cr_expect(!acknowledge(1, 1));
		call.activity = 0;
		cr_expect(!acknowledge(1, 1));
		cr_expect(count(FLY_COUNT_drop_activity) == 2);
		call.activity = ACTIVITY;
		w.peer->link.ip ^= 0x01000000;
		cr_expect(!acknowledge(1, 1));
		cr_expect(count(FLY_COUNT_drop_wrong_peer) == 1);
		cr_expect(memcmp(&before, hand_record(&w, ACTIVITY), sizeof before) == 0);
	}
}

Case(probe, fly_slow_probe__about_what_does_not_exist_is_dropped)
{
	make_done();
	for (unsigned about = 0; about < 5; about += 4) {
		struct fly_header h = hand_about(&call, FLY_PACKET_PROBE, (enum fly_about)about);

		cr_expect(!hand_ask(&w, &h, &f, &answer));
		h.type = FLY_PACKET_ACK;
		h.fragment = 1;
		cr_expect(!hand_ask(&w, &h, &f, &answer));
	}
	cr_expect(count(FLY_COUNT_drop_type) == 4);
}

/* ---- the caller ---- */

static struct fly_binding *binding;
static struct fly_call *ours;

/* Make a call of the node's to the peer. @call: its header. */
static void call_peer(void)
{
	binding = sim_import(w.sim, w.node, w.at, 0x1000001);
	cr_assert(Probe_Null_start(binding, &ours) == 0);
	sim_turn(w.sim);
	cr_assert(frame_take(w.peer, &f, &call) && call.type == FLY_PACKET_CALL);
}

static struct fly_call_entry *entry(void)
{
	return fly_entry_of(ours);
}

/* Send the peer's packet about that call. */
static bool tell(enum fly_packet_type type, uint16_t procedure, uint32_t hint)
{
	struct fly_header h = hand_about(&call, type, FLY_ABOUT_CALL);

	h.procedure = procedure;
	h.hint = hint;
	h.fragment = type == FLY_PACKET_ACK;
	return hand_ask(&w, &h, &f, &answer);
}

static void answer_it(void)
{
	tell(FLY_PACKET_RESULT, 0, 5);
	cr_assert(fly_ready(ours));
	cr_expect(Probe_Null_finish(ours) == 0);
}

/* No acknowledgement: the result was lost, or is late, and the server is asked for it. */
Case(probe, fly_slow_probe__of_a_server_whose_result_we_wait_for_is_not_answered)
{
	call_peer();
	cr_assert(tell(FLY_PACKET_PROBE, FLY_ABOUT_RESULT, 5));
	cr_expect(answer.type == FLY_PACKET_PROBE && answer.procedure == FLY_ABOUT_CALL);
	cr_expect(answer.activity == call.activity && answer.seq == call.seq);
	cr_expect(count(FLY_COUNT_drop_probe) == 1 && count(FLY_COUNT_probes_sent) == 1);
	answer_it();
}

Case(probe, fly_slow_probe__of_a_server_whose_result_we_have_or_never_waited_for)
{
	call_peer();
	answer_it();
	for (unsigned i = 0; i < 4; i++) {
		cr_assert(tell(FLY_PACKET_PROBE, FLY_ABOUT_RESULT, 5), "kind %u", i);
		cr_expect(answer.type == FLY_PACKET_ACK && answer.procedure == FLY_ABOUT_RESULT);
		cr_expect(answer.fragment == 1 && answer.fragments == 1 && answer.hint == 5);
		cr_expect(answer.activity == call.activity && answer.seq == call.seq);
		cr_expect(f.bytes == FLY_PAYLOAD);
		if (i == 0)
			call.seq--; /* an earlier call */
		if (i == 1)
			call.activity += UINT64_C(1) << 40; /* another life of this entry */
		if (i == 2)
			call.activity = ~0ULL; /* no entry */
	}
}

Case(probe, fly_slow_ack__the_server_has_the_call_and_works_on_it)
{
	unsigned probes = 0;

	call_peer();
	cr_expect(!tell(FLY_PACKET_ACK, FLY_ABOUT_CALL, 9));
	cr_expect(count(FLY_COUNT_acks_received) == 1);
	cr_expect(entry()->retry.is_running && entry()->hint == 9);
	/* The call is not sent again, but probed, for much longer than the time-out. */
	for (unsigned i = 0; i < 300; i++) {
		sim_run(w.sim, 10);
		while (frame_take(w.peer, &f, &answer)) {
			cr_assert(answer.type == FLY_PACKET_PROBE, "type %u", answer.type);
			cr_expect(answer.procedure == FLY_ABOUT_CALL && answer.hint == 9);
			cr_expect(answer.seq == call.seq && answer.activity == call.activity);
			cr_expect(f.bytes == FLY_PAYLOAD && answer.length == 0);
			probes++;
			tell(FLY_PACKET_ACK, FLY_ABOUT_CALL, 9);
		}
	}
	cr_expect(!fly_ready(ours));
	cr_expect(probes >= 6 && probes <= 12, "%u probes in 3 s, ever fewer", probes);
	cr_expect(count(FLY_COUNT_resent_calls) == 0);
	answer_it();
}

/* An earlier call of the entry took long: this call's first probe comes soon all the same. */
Case(probe, fly_slow_ack__the_first_probe_of_each_call_comes_soon)
{
	uint64_t since;

	call_peer();
	for (unsigned i = 0; i < 300; i++) {
		if (i == 0 || frame_take(w.peer, &f, &answer))
			tell(FLY_PACKET_ACK, FLY_ABOUT_CALL, 9);
		sim_run(w.sim, 10);
	}
	answer_it();
	while (frame_take(w.peer, &f, &answer))
		;
	cr_assert(Probe_Null_start(binding, &ours) == 0);
	sim_turn(w.sim);
	cr_assert(frame_take(w.peer, &f, &call));
	tell(FLY_PACKET_ACK, FLY_ABOUT_CALL, 9);
	since = w.sim->now_tsc;
	while (w.peer->n_in == 0 && w.sim->now_tsc - since < 3000 * SIM_TSC_PER_MS)
		sim_turn(w.sim);
	cr_expect(w.sim->now_tsc - since < 50 * SIM_TSC_PER_MS, "after %lu ms",
		  (w.sim->now_tsc - since) / SIM_TSC_PER_MS);
	answer_it();
}

Case(probe, fly_slow_ack__a_server_that_falls_silent_is_given_up)
{
	unsigned probes = 0;

	call_peer();
	tell(FLY_PACKET_ACK, FLY_ABOUT_CALL, 9);
	for (unsigned i = 0; i < 1000 && !fly_ready(ours); i++) {
		sim_run(w.sim, 10);
		while (frame_take(w.peer, &f, &answer))
			probes += answer.type == FLY_PACKET_PROBE;
	}
	cr_expect(probes == FLY_PROBES, "%u", probes);
	cr_expect(Probe_Null_finish(ours) == -FLY_EPEER);
}

/* The call had run, and its result was lost: the probe brings it. */
Case(probe, fly_slow_ack__a_result_after_running_ends_the_call)
{
	call_peer();
	tell(FLY_PACKET_ACK, FLY_ABOUT_CALL, 9);
	sim_run(w.sim, 30);
	cr_assert(frame_take(w.peer, &f, &answer) && answer.type == FLY_PACKET_PROBE);
	answer_it();
	sim_run(w.sim, 100);
	cr_expect(w.peer->n_in == 0, "no more is asked");
}

Case(probe, fly_slow_ack__about_a_call_that_does_not_fit)
{
	call_peer();

	const struct fly_header real = call;

	call.seq++;
	cr_expect(!tell(FLY_PACKET_ACK, FLY_ABOUT_CALL, 9));
	cr_expect(count(FLY_COUNT_drop_sequence) == 1);
	call = real;
	call.activity ^= UINT64_C(1) << 50;
	cr_expect(!tell(FLY_PACKET_ACK, FLY_ABOUT_CALL, 9));
	call.activity = real.activity ^ 1; /* another entry, not bound */
	cr_expect(!tell(FLY_PACKET_ACK, FLY_ABOUT_CALL, 9));
	call.activity = real.activity | 0xffff; /* no entry */
	cr_expect(!tell(FLY_PACKET_ACK, FLY_ABOUT_CALL, 9));
	cr_expect(count(FLY_COUNT_drop_activity) == 3);
	call = real;
	call.fragments = 2;
	cr_expect(!tell(FLY_PACKET_ACK, FLY_ABOUT_CALL, 9));
	cr_expect(count(FLY_COUNT_drop_ack) == 1);
	call = real;
	w.peer->link.ip ^= 0x01000000;
	cr_expect(!tell(FLY_PACKET_ACK, FLY_ABOUT_CALL, 9));
	cr_expect(count(FLY_COUNT_drop_wrong_peer) == 1);
	w.peer->link.ip ^= 0x01000000;
	cr_expect(!entry()->retry.is_running && entry()->resends == 0);
	answer_it();
	cr_expect(!tell(FLY_PACKET_ACK, FLY_ABOUT_CALL, 9));
	cr_expect(count(FLY_COUNT_drop_sequence) == 2, "it is over");
}

/* ---- results that ask for an acknowledgement ---- */

Case(probe, fly_slow_result__that_asks_for_an_acknowledgement_gets_one)
{
	struct fly_header h;

	for (unsigned i = 0; i < 3; i++) {
		if (i == 0)
			call_peer();
		else
			cr_assert(Probe_Null_start(binding, &ours) == 0);
		sim_turn(w.sim);
		if (i > 0)
			cr_assert(frame_take(w.peer, &f, &call));
		h = hand_about(&call, FLY_PACKET_RESULT, 0);
		h.flags = FLY_FLAG_ACK;
		h.hint = 5;
		cr_assert(hand_ask(&w, &h, &f, &answer), "call %u", i);
		cr_expect(answer.type == FLY_PACKET_ACK && answer.procedure == FLY_ABOUT_RESULT);
		cr_expect(answer.fragment == 1 && answer.fragments == 1 && answer.hint == 5);
		cr_expect(answer.seq == call.seq && answer.activity == call.activity);
		cr_expect(fly_ready(ours) && Probe_Null_finish(ours) == 0);
		/* A copy: nobody waits for the answer, and the server sends it again if needed. */
		cr_expect(!hand_ask(&w, &h, &f, &answer));
	}
}

/* ---- challenges ---- */

Case(probe, fly_slow_challenge__the_call_is_sent_again_with_each_token_once)
{
	call_peer();
	for (uint32_t token = 70; token < 73; token++) {
		cr_assert(tell(FLY_PACKET_CHALLENGE, 0, token));
		cr_expect(answer.type == FLY_PACKET_CALL && answer.hint == token);
		cr_expect(answer.flags == (FLY_FLAG_RESENT | FLY_FLAG_TOKEN));
		cr_expect(answer.seq == call.seq && answer.procedure == call.procedure);
		cr_expect(!tell(FLY_PACKET_CHALLENGE, 0, token));
	}
	cr_expect(count(FLY_COUNT_challenges_answered) == 3);
	cr_expect(count(FLY_COUNT_drop_sequence) == 3);
	/* The answer is lost: later copies of the call carry the token, too. */
	sim_run(w.sim, 25);
	cr_assert(frame_take(w.peer, &f, &answer));
	cr_expect(answer.hint == 72);
	cr_expect(answer.flags == (FLY_FLAG_RESENT | FLY_FLAG_TOKEN | FLY_FLAG_ACK));
	answer_it();
	/* The next call has no token. */
	cr_assert(Probe_Null_start(binding, &ours) == 0);
	sim_turn(w.sim);
	cr_assert(frame_take(w.peer, &f, &call));
	cr_expect(call.flags == 0 && call.hint == 5);
	answer_it();
}

Case(probe, fly_slow_challenge__arguments_go_with_it)
{
	uint8_t data[1400];
	uint32_t sum;
	struct frame first;

	probe_fill(data, sizeof data, 3);
	binding = sim_import(w.sim, w.node, w.at, 0x1000001);
	cr_assert(Probe_Sum_start(binding, 3, data, &ours) == 0);
	sim_turn(w.sim);
	cr_assert(frame_take(w.peer, &first, &call));
	cr_assert(tell(FLY_PACKET_CHALLENGE, 0, 70));
	cr_expect(f.bytes == first.bytes && answer.length == 1404);
	cr_expect(memcmp(f.data + FLY_PAYLOAD, first.data + FLY_PAYLOAD, 1404) == 0);

	struct fly_header h = hand_about(&call, FLY_PACKET_RESULT, 0);

	h.length = 4;
	fly_put_u32(w.payload, 1234);
	hand_ask(&w, &h, &f, &answer);
	cr_expect(fly_ready(ours) && Probe_Sum_finish(ours, &sum) == 0 && sum == 1234);
}

/* It ran, and its result was lost, and is too long for an address without proof. */
Case(probe, fly_slow_challenge__of_a_call_that_was_said_to_run)
{
	call_peer();
	sim_run(w.sim, 25);
	cr_assert(frame_take(w.peer, &f, &answer) && (answer.flags & FLY_FLAG_ACK), "a copy");
	cr_expect(!tell(FLY_PACKET_ACK, FLY_ABOUT_CALL, 5), "it runs");
	sim_run(w.sim, 60);
	cr_assert(frame_take(w.peer, &f, &answer) && answer.type == FLY_PACKET_PROBE);
	while (frame_take(w.peer, &f, &answer))
		;
	cr_assert(tell(FLY_PACKET_CHALLENGE, 0, 70));
	cr_expect(answer.type == FLY_PACKET_CALL && answer.hint == 70);
	cr_expect(answer.flags & FLY_FLAG_TOKEN);
	cr_expect(!tell(FLY_PACKET_CHALLENGE, 0, 70), "once");
	answer_it();
}

Case(probe, fly_slow_challenge__of_a_call_that_is_not_under_way)
{
	call_peer();

	const struct fly_header real = call;

	call.seq++;
	cr_expect(!tell(FLY_PACKET_CHALLENGE, 0, 70));
	cr_expect(count(FLY_COUNT_drop_sequence) == 1);
	call = real;
	call.activity ^= UINT64_C(1) << 50;
	cr_expect(!tell(FLY_PACKET_CHALLENGE, 0, 70));
	cr_expect(count(FLY_COUNT_drop_activity) == 1);
	call = real;
	w.peer->link.ip ^= 0x01000000;
	cr_expect(!tell(FLY_PACKET_CHALLENGE, 0, 70));
	cr_expect(count(FLY_COUNT_drop_wrong_peer) == 1);
	w.peer->link.ip ^= 0x01000000;
	answer_it();
	cr_expect(!tell(FLY_PACKET_CHALLENGE, 0, 70));
	cr_expect(count(FLY_COUNT_drop_sequence) == 2);
	cr_expect(count(FLY_COUNT_challenges_answered) == 0);
}

Case(probe, fly_slow_challenge__takes_no_more_packets_than_its_own)
{
	struct fly_packet_cache *cache = &sim_poller(w.node)->cache;
	struct rte_mbuf *all[512];
	struct fly_header h;
	unsigned n = 0;

	call_peer();
	h = hand_about(&call, FLY_PACKET_CHALLENGE, 0);
	h.hint = 70;
	while ((all[n] = fly_packet_get(cache, 0)))
		n++;
	fly_packet_expose_all(all[--n]); /* one packet to receive into */
	rte_pktmbuf_free(all[n]);
	cr_expect(hand_ask(&w, &h, &f, &answer));
	cr_expect(answer.hint == 70 && (answer.flags & FLY_FLAG_TOKEN));
	while (n)
		fly_packet_put(cache, all[--n]);
	answer_it();
}
