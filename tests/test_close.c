/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_close.c - activities that have ended: their records are given back, and no call of theirs
 * runs any more.
 */
#include <criterion/criterion.h>

#include "case.h"
#include "hand.h"
#include "slowpath/close.h"
#include "slowpath/records.h"

#define ACTIVITY UINT64_C(0x770000)
#define RECORDS  16

static struct hand w;
static struct frame f;
static struct fly_header call;
static struct fly_header answer;

static void begin(void)
{
	hand_begin(&w, &(const struct sim_node_config){.conversations = RECORDS});
	call = hand_call(&w, ACTIVITY, 5, Probe_Add_NUMBER, 16, 1);
}

static void end(void)
{
	cr_expect(w.node->service.wrong == 0);
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(close, .timeout = HANG);

static uint64_t count(enum fly_counter which)
{
	return sim_count(w.node, which);
}

static void end_activity(uint64_t activity, uint32_t seq)
{
	struct fly_header h = hand_about(&call, FLY_PACKET_CLOSE, FLY_ABOUT_CALL);

	h.activity = activity;
	h.seq = seq;
	hand_send(&w, &h);
	sim_turn(w.sim);
	cr_expect(!frame_take(w.peer, &f, &answer), "it is not answered");
}

Case(close, fly_slow_close__gives_the_record_back_at_once_and_no_copy_runs)
{
	cr_assert(hand_ask(&w, &call, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	end_activity(ACTIVITY, 5);
	cr_expect(!hand_record(&w, ACTIVITY) && count(FLY_COUNT_conversations_closed) == 1);
	cr_expect(count(FLY_COUNT_closes_received) == 1);
	cr_assert(hand_ask(&w, &call, &f, &answer), "a late copy");
	cr_expect(answer.type == FLY_PACKET_REJECT && answer.procedure == FLY_EFORGOTTEN);
	cr_expect(answer.flags == FLY_FLAG_GONE);
	call.seq = 6; /* sent before, delayed */
	cr_assert(hand_ask(&w, &call, &f, &answer));
	cr_expect(answer.procedure == FLY_EFORGOTTEN);
	cr_expect(!hand_record(&w, ACTIVITY) && w.node->service.executions == 1);
	end_activity(ACTIVITY, 5);
	cr_expect(count(FLY_COUNT_drop_close) == 1, "it has ended already");
}

/* For as long as the record would have been kept. */
Case(close, fly_slow_close__no_copy_runs_that_is_young_enough_to)
{
	cr_assert(hand_ask(&w, &call, &f, &answer));
	w.sim->step_us = 1000;
	sim_run(w.sim, 3000); /* somewhere in a generation of the filter */
	end_activity(ACTIVITY, 5);
	for (unsigned s = 0; s < FLY_RECORD_KEEP_MS / 1000; s++) {
		cr_assert(hand_ask(&w, &call, &f, &answer) && answer.procedure == FLY_EFORGOTTEN,
			  "after %u s", s);
		sim_run(w.sim, 1000);
	}
	cr_expect(w.node->service.executions == 1);
	sim_run(w.sim, 2 * (FLY_RECORD_KEEP_MS + FLY_ABSENCE_MS));
	cr_assert(hand_ask(&w, &call, &f, &answer));
	cr_expect(answer.type == FLY_PACKET_RESULT, "then it is forgotten altogether");
}

Case(close, fly_slow_close__overtakes_its_last_call)
{
	cr_assert(hand_ask(&w, &call, &f, &answer));
	end_activity(ACTIVITY, 6);
	cr_expect(!hand_record(&w, ACTIVITY));
	call.seq = 6;
	cr_assert(hand_ask(&w, &call, &f, &answer) && answer.procedure == FLY_EFORGOTTEN);
	cr_expect(w.node->service.executions == 1);
}

Case(close, fly_slow_close__of_what_goes_on_or_is_not_there)
{
	call.seq = 7;
	cr_assert(hand_ask(&w, &call, &f, &answer));
	end_activity(ACTIVITY, 6); /* of an earlier call: a packet that is no peer's */
	end_activity(ACTIVITY + 0x10000, 7);
	end_activity(0, 7);
	cr_expect(count(FLY_COUNT_drop_close) == 3);
	call.seq = 8;
	cr_assert(hand_ask(&w, &call, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	cr_expect(w.node->service.executions == 2);
}

Case(close, fly_slow_close__from_another_address_changes_nothing)
{
	cr_assert(hand_ask(&w, &call, &f, &answer));
	w.peer->link.udp_port ^= 1;
	end_activity(ACTIVITY, 5);
	w.peer->link.udp_port ^= 1;
	cr_expect(hand_record(&w, ACTIVITY) && count(FLY_COUNT_drop_wrong_peer) == 1);
}

/* While its procedure runs. */
static void close_it(void *context)
{
	struct fly_header h = hand_about(&call, FLY_PACKET_CLOSE, FLY_ABOUT_CALL);

	(void)context;
	hand_send(&w, &h);
	fly_slow_turn_parking(sim_poller(w.node), w.sim->now_tsc);
	cr_expect(hand_record(&w, ACTIVITY)->state == FLY_CONVERSATION_RUNNING);
	cr_expect(hand_record(&w, ACTIVITY)->cancelled_seq == call.seq, "and nobody waits for it");
}

Case(close, fly_slow_close__of_a_call_that_runs_waits_for_its_end)
{
	w.node->service.during = close_it;
	call.procedure = Probe_Null_NUMBER;
	call.length = 0;
	hand_send(&w, &call);
	sim_turn(w.sim);
	cr_expect(w.node->service.executions == 1);
	w.node->service.during = NULL;
	sim_run(w.sim, 5);
	cr_expect(!hand_record(&w, ACTIVITY) && count(FLY_COUNT_conversations_closed) == 1);
	while (frame_take(w.peer, &f, &answer))
		;
	cr_assert(hand_ask(&w, &call, &f, &answer) && answer.procedure == FLY_EFORGOTTEN);
	cr_expect(w.node->service.executions == 1);
}

/* ---- by programs ---- */

/* More bindings than there are records, one after the other, in much less than 60 s. */
Case(close, fly_close_send__by_each_binding_that_ends)
{
	struct sim_node *caller = sim_add(w.sim, NULL);
	struct sim_link *at_caller = sim_join(w.sim, caller, w.node);

	for (unsigned i = 0; i < 20 * RECORDS; i++) {
		struct fly_binding *b = sim_import(w.sim, caller, at_caller, w.node->export_id);
		struct fly_call *calls[2];
		uint64_t sum = 0;

		for (unsigned j = 0; j < 2; j++)
			cr_assert(Probe_Add_start(b, i, j, &calls[j]) == 0);
		for (unsigned j = 0; j < 2; j++) {
			cr_assert(sim_until(w.sim, calls[j], 100));
			cr_assert(Probe_Add_finish(calls[j], &sum) == 0 && sum == i + j,
				  "binding %u", i);
		}
		sim_unbind(w.sim, b);
	}
	sim_run(w.sim, 1);
	cr_expect(sim_count(caller, FLY_COUNT_closes_sent) == 40 * RECORDS);
	cr_expect(count(FLY_COUNT_conversations_closed) == 40 * RECORDS);
	cr_expect(sim_poller(w.node)->conversations.n_free == RECORDS);
}

/* A caller whose record was given back early is told so, and goes on as another one. */
Case(close, fly_slow_rejected__takes_another_activity)
{
	struct sim_node *caller = sim_add(w.sim, NULL);
	struct sim_link *at_caller = sim_join(w.sim, caller, w.node);
	struct fly_binding *b = sim_import(w.sim, caller, at_caller, w.node->export_id);
	struct fly_call *c;
	uint64_t before, sum;

	cr_assert(Probe_Add_start(b, 1, 1, &c) == 0 && sim_until(w.sim, c, 100));
	before = fly_entry_of(c)->activity;
	cr_assert(Probe_Add_finish(c, &sum) == 0);
	cr_assert(fly_conversation_close(sim_poller(w.node), hand_record(&w, before)));
	cr_assert(Probe_Add_start(b, 1, 1, &c) == 0 && sim_until(w.sim, c, 100));
	cr_expect(fly_entry_of(c)->activity != before);
	cr_expect((fly_entry_of(c)->activity & 0xffff) == (before & 0xffff));
	cr_expect(Probe_Add_finish(c, &sum) == -FLY_EFORGOTTEN);
	cr_assert(Probe_Add_start(b, 1, 1, &c) == 0 && sim_until(w.sim, c, 100));
	cr_expect(Probe_Add_finish(c, &sum) == 0 && sum == 2);
}
