/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_refused_filter.c - calls that are refused for want of a record: the server remembers them,
 * and "not executed" stays true when there is room again.
 */
#include <criterion/criterion.h>

#include "case.h"
#include "hand.h"
#include "slowpath/records.h"
#include "slowpath/refused_filter.h"

#define RECORDS     8
#define ACTIVITY(i) ((UINT64_C(1) + (i)) << 20)

static struct hand w;
static struct frame f;
static struct fly_header answer;

static void begin(void)
{
	const struct sim_node_config config = {.conversations = RECORDS};

	hand_begin(&w, &config);
}

static void end(void)
{
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(refused_filter, .timeout = HANG);

static struct fly_refused *filter(void)
{
	return sim_poller(w.node)->refused;
}

/* ---- the filter ---- */

Case(refused_filter, fly_refused_has__what_was_added_and_hardly_anything_else)
{
	struct fly_refused *r = filter();
	unsigned wrong = 0;

	cr_expect(!fly_refused_has(r, 1, 1) && !fly_refused_has(r, 0, 0));
	for (uint32_t i = 0; i < FLY_REFUSED_MAX; i++)
		cr_assert(fly_refused_add(r, i / 7 * UINT64_C(0x123456789), i % 7));
	cr_expect(!fly_refused_add(r, 1, 1), "it is full");
	cr_expect(!fly_refused_has(r, 1, 1), "what was not taken is not there");
	for (uint32_t i = 0; i < FLY_REFUSED_MAX; i++)
		cr_assert(fly_refused_has(r, i / 7 * UINT64_C(0x123456789), i % 7), "%u", i);
	for (uint32_t i = 0; i < 100000; i++)
		wrong += fly_refused_has(r, i * UINT64_C(0x987654321), 100 + i % 5);
	cr_expect(wrong < 100000 / 300, "%u of 100,000 others are taken for one of them", wrong);
}

/* Neighbours, as callers make them: the next sequence numbers of the same activity. */
Case(refused_filter, fly_refused_has__neither_the_call_before_nor_the_next_one)
{
	unsigned wrong = 0;

	for (uint32_t i = 0; i < 10000; i++)
		cr_assert(fly_refused_add(filter(), ACTIVITY(i), 2 * i));
	for (uint32_t i = 0; i < 10000; i++) {
		wrong += fly_refused_has(filter(), ACTIVITY(i), 2 * i + 1);
		wrong += fly_refused_has(filter(), ACTIVITY(i), 2 * i - 1);
		wrong += fly_refused_has(filter(), ACTIVITY(i) + 1, 2 * i);
	}
	cr_expect(wrong < 10, "%u", wrong);
}

Case(refused_filter, fly_refused_sweep__each_is_remembered_for_its_time_and_then_goes)
{
	struct fly_refused *r = filter();
	const uint32_t life = FLY_RECORD_KEEP_MS + FLY_ABSENCE_MS;

	r->rotated_ms = 0xffff0000; /* across the wrap after 49 days */
	cr_assert(fly_refused_add(r, ACTIVITY(1), 1));
	fly_refused_sweep(r, 0xffff0000 + life);
	cr_assert(fly_refused_add(r, ACTIVITY(2), 1));
	cr_expect(r->n == 2);
	fly_refused_sweep(r, 0xffff0000 + life + 1); /* the second refusal is recent */
	cr_expect(r->n == 0);
	cr_expect(fly_refused_has(r, ACTIVITY(1), 1) && fly_refused_has(r, ACTIVITY(2), 1));
	cr_assert(fly_refused_add(r, ACTIVITY(3), 1));
	fly_refused_sweep(r, 0xffff0000 + 2 * life + 1);
	cr_expect(fly_refused_has(r, ACTIVITY(2), 1), "until it is as old as promised");
	fly_refused_sweep(r, 0xffff0000 + 2 * life + 2);
	cr_expect(!fly_refused_has(r, ACTIVITY(1), 1) && !fly_refused_has(r, ACTIVITY(2), 1));
	cr_expect(fly_refused_has(r, ACTIVITY(3), 1));
	fly_refused_sweep(r, 0xffff0000 + 3 * life + 3);
	cr_expect(!fly_refused_has(r, ACTIVITY(3), 1));
}

Case(refused_filter, fly_refused_new__two_pollers_do_not_hash_alike)
{
	struct sim_node *second = sim_add(w.sim, NULL);

	cr_expect(sim_poller(second)->refused->seed != filter()->seed);
	fly_refused_free(NULL);
}

/* ---- a server whose table is full ---- */

static void fill_table(void)
{
	for (unsigned i = 0; i < RECORDS; i++) {
		const struct fly_header h = hand_call(&w, ACTIVITY(i), 1, Probe_Null_NUMBER, 0, 0);

		cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	}
	cr_assert(sim_poller(w.node)->conversations.n_free == 0);
}

static bool is_refused(const struct fly_header *h)
{
	return hand_ask(&w, h, &f, &answer) && answer.type == FLY_PACKET_REJECT &&
	       answer.procedure == FLY_EBUSY && answer.seq == h->seq;
}

/* As if their link had gone: frees records at once. */
static void make_room(void)
{
	struct fly_poller *p = sim_poller(w.node);

	for (unsigned i = 0; i < RECORDS; i++)
		fly_conversation_forget(p, hand_record(&w, ACTIVITY(i)));
}

Case(refused_filter, fly_slow_call__a_copy_is_refused_too_when_there_is_room_again)
{
	struct fly_header h = hand_call(&w, ACTIVITY(100), 7, Probe_Null_NUMBER, 0, 0);

	fill_table();
	cr_expect(is_refused(&h));
	cr_expect(is_refused(&h), "and for as long as there is none");
	make_room();
	h.flags = FLY_FLAG_RESENT | FLY_FLAG_ACK;
	for (uint16_t age = 1; age < FLY_RECORD_KEEP_MS - FLY_PACKET_LIFE_MS; age += 9000) {
		h.age = age;
		cr_expect(is_refused(&h), "%u ms old", age);
		cr_expect(hand_record(&w, h.activity) == NULL);
	}
	cr_expect(w.node->service.executions == RECORDS);
	/* The caller's next call runs; from then on its record remembers. */
	h.age = 0;
	h.seq++;
	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	h.seq--;
	cr_expect(!hand_ask(&w, &h, &f, &answer));
	cr_expect(w.node->service.executions == RECORDS + 1);
}

Case(refused_filter, fly_slow_call__remembered_until_its_copies_are_dead)
{
	struct fly_header h = hand_call(&w, ACTIVITY(100), 7, Probe_Null_NUMBER, 0, 0);

	w.sim->step_us = 500;
	sim_run(w.sim, FLY_RECORD_KEEP_MS + FLY_ABSENCE_MS - 10);
	fill_table();
	cr_expect(is_refused(&h));
	make_room();
	/* A generation ends meanwhile. */
	sim_run(w.sim, FLY_RECORD_KEEP_MS);
	cr_expect(is_refused(&h));
	sim_run(w.sim, 2 * (FLY_RECORD_KEEP_MS + FLY_ABSENCE_MS));
	cr_expect(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_RESULT,
		  "nobody can remember for ever: by now that is another call");
}

Case(refused_filter, fly_slow_absent__does_not_make_the_filter_older)
{
	struct fly_header h = hand_call(&w, ACTIVITY(100), 7, Probe_Null_NUMBER, 0, 0);

	fill_table();
	cr_expect(is_refused(&h));
	make_room();
	for (unsigned i = 0; i < 5; i++) {
		w.sim->now_tsc += UINT64_C(50000) * SIM_TSC_PER_MS;
		sim_run(w.sim, 5);
	}
	cr_expect(is_refused(&h));
}

/* A refusal that cannot be remembered is not answered: the answer would be a promise. */
Case(refused_filter, fly_slow_call__what_cannot_be_remembered_is_not_answered)
{
	const struct fly_header h = hand_call(&w, ACTIVITY(100), 7, Probe_Null_NUMBER, 0, 0);

	fill_table();
	filter()->n = FLY_REFUSED_MAX;
	cr_expect(!hand_ask(&w, &h, &f, &answer));
	cr_expect(sim_count(w.node, FLY_COUNT_reject_limited) == 1);
	make_room();
	cr_expect(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_RESULT);
}

/* The budget for refusals is used up: no answer, but the call is refused all the same. */
Case(refused_filter, fly_slow_call__remembered_though_nothing_could_be_said)
{
	struct fly_header h = hand_call(&w, ACTIVITY(100), 7, Probe_Null_NUMBER, 0, 0);

	fill_table();
	sim_poller(w.node)->reject_budget = 0;
	cr_expect(!hand_ask(&w, &h, &f, &answer));
	make_room();
	sim_run(w.sim, 2);
	cr_expect(is_refused(&h));
}

/* ---- records that refuse ---- */

Case(refused_filter, fly_reply_refuse_for_good__no_room_for_a_result)
{
	struct fly_conversation_table *t = &sim_poller(w.node)->conversations;
	struct fly_header h = hand_call(&w, ACTIVITY(1), 7, Probe_Fill_NUMBER, 4, 7);
	const uint32_t max = t->retained_max;

	t->retained_max = 0;
	cr_expect(is_refused(&h));
	cr_expect(hand_record(&w, ACTIVITY(1))->state == FLY_CONVERSATION_REFUSED);
	t->retained_max = max;
	h.flags = FLY_FLAG_RESENT | FLY_FLAG_ACK;
	cr_expect(is_refused(&h), "there is room now, but it was said that it does not run");
	cr_expect(w.node->service.executions == 0);
	h.seq++;
	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	cr_expect(answer.length == 1440 && w.node->service.runs[7] == 1);
	cr_expect(hand_record(&w, ACTIVITY(1))->state == FLY_CONVERSATION_DONE);
	/* The reverse: the refusal of a later call frees the retained result. */
	h = hand_call(&w, ACTIVITY(1), 9, Probe_Fill_NUMBER, 4, 8);
	t->retained_max = 0;
	cr_expect(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_RESULT,
		  "its place is the one of the result before");
	h.seq++;
	cr_expect(hand_ask(&w, &h, &f, &answer));
	t->retained_max = max;
}

/* A result that is not kept is made again; without room, the call may have run. */
Case(refused_filter, fly_reply_refuse_for_good__a_call_that_may_run_again_and_did_run)
{
	struct fly_conversation_table *t = &sim_poller(w.node)->conversations;
	struct fly_header h = hand_call(&w, ACTIVITY(1), 7, Probe_Fill_NUMBER, 4, 7);

	hand_idempotent(&w, Probe_Fill_NUMBER);
	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.length == 1440);
	t->retained_max = 0;
	h.flags = FLY_FLAG_RESENT | FLY_FLAG_ACK;
	cr_assert(hand_ask(&w, &h, &f, &answer));
	cr_expect(answer.type == FLY_PACKET_REJECT && answer.procedure == FLY_EFORGOTTEN,
		  "status %u for a call that ran", answer.procedure);
	t->retained_max = 100;
	cr_assert(hand_ask(&w, &h, &f, &answer));
	cr_expect(answer.type == FLY_PACKET_RESULT && answer.length == 1440);
	cr_expect(w.node->service.runs[7] == 2);
}

Case(refused_filter, fly_slow_call__earlier_ones_than_a_refused_one_do_not_run)
{
	struct fly_header h = hand_call(&w, ACTIVITY(1), 7, Probe_Fill_NUMBER, 4, 7);
	struct fly_conversation_table *t = &sim_poller(w.node)->conversations;
	const uint32_t max = t->retained_max;

	t->retained_max = 0;
	cr_expect(is_refused(&h));
	t->retained_max = max;
	for (uint32_t earlier = 1; earlier < 5; earlier++) {
		h.seq = 7 - earlier;
		cr_expect(!hand_ask(&w, &h, &f, &answer));
	}
	cr_expect(sim_count(w.node, FLY_COUNT_drop_old_call) == 4);
	cr_expect(w.node->service.executions == 0);
}
