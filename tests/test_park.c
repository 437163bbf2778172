/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_park.c - a procedure that turns its poller: which packets are answered meanwhile, which
 * calls are parked, and in which order they run afterwards.
 */
#include <criterion/criterion.h>

#include "case.h"
#include "hand.h"
#include "slowpath/sweep.h"

#define ACTIVITY UINT64_C(0xabcdef0123450007)
#define OTHER(i) (ACTIVITY + ((UINT64_C(1) + (i)) << 32))
#define SEQ      100U

static struct hand w;
static struct frame f;
static struct fly_header answer;
static struct fly_header call; /* the call that runs, and turns its poller */

static void begin(void)
{
	const struct sim_node_config config = {.conversations = 256};

	hand_begin(&w, &config);
	call = frame_call(w.node->export_id, ACTIVITY, SEQ, Probe_Null_NUMBER);
}

static void end(void)
{
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(park, .timeout = HANG);

static uint64_t count(enum fly_counter which)
{
	return sim_count(w.node, which);
}

static struct fly_poller *poller(void)
{
	return sim_poller(w.node);
}

/* The first Null turns its poller after this function; later ones do nothing. */
static void (*inside)(void);
static unsigned nulls;

static void during(void *context)
{
	(void)context;
	if (nulls++ == 0)
		inside();
}

static void attend(void)
{
	fly_slow_turn_parking(poller(), w.sim->now_tsc);
}

/* Run the call with @what inside. Its own result comes last. */
static void run(void (*what)(void))
{
	inside = what;
	nulls = 0;
	w.node->service.during = during;
	hand_send(&w, &call);
	sim_turn(w.sim);
}

static struct fly_header add_call(unsigned i)
{
	struct fly_header h = frame_call(w.node->export_id, OTHER(i), 1, Probe_Add_NUMBER);

	h.length = 16;
	memset(w.payload, 0, 16);
	fly_put_u32(w.payload, i);
	return h;
}

/* ---- so deep and no deeper ---- */

static uint16_t depth;

static void turn_at_depth(void)
{
	const struct fly_header h = add_call(0);
	const uint16_t was = poller()->nested;

	poller()->nested = depth; /* as if so many procedures were nested */
	hand_send(&w, &h);
	fly_poller_turn(poller(), w.sim->now_tsc);
	poller()->nested = was;
	cr_expect(poller()->n_parked == (depth == FLY_NESTED_MAX), "%u deep", depth);
}

Case(park, fly_poller_turn__within_parks_calls_from_the_deepest_on)
{
	depth = FLY_NESTED_MAX;
	run(turn_at_depth);
	cr_expect(count(FLY_COUNT_calls_parked) == 1 && w.node->service.executions == 2);
}

Case(park, fly_poller_turn__within_runs_calls_above_the_deepest)
{
	depth = FLY_NESTED_MAX - 1;
	run(turn_at_depth);
	cr_expect(count(FLY_COUNT_calls_parked) == 0 && w.node->service.executions == 2);
}

/* ---- copies of the call that runs ---- */

static uint8_t flags_of_copy;

static void copy_inside(void)
{
	struct fly_header h = call;

	h.flags = flags_of_copy;
	hand_send(&w, &h);
	attend();
}

Case(park, fly_slow_turn_parking__a_copy_that_asks_is_told_that_the_call_runs)
{
	flags_of_copy = FLY_FLAG_RESENT | FLY_FLAG_ACK;
	run(copy_inside);
	cr_assert(frame_take(w.peer, &f, &answer), "before its result");
	cr_expect(answer.type == FLY_PACKET_ACK && answer.procedure == FLY_ABOUT_CALL);
	cr_expect(answer.fragment == 1 && answer.fragments == 1 && answer.seq == SEQ);
	cr_assert(frame_take(w.peer, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	cr_expect(count(FLY_COUNT_calls_parked) == 0 && w.node->service.executions == 1);
}

Case(park, fly_slow_turn_parking__a_copy_that_does_not_ask_is_dropped)
{
	flags_of_copy = FLY_FLAG_RESENT;
	run(copy_inside);
	cr_assert(frame_take(w.peer, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	cr_expect(!frame_take(w.peer, &f, &answer));
	cr_expect(count(FLY_COUNT_drop_old_call) == 1 && w.node->service.executions == 1);
}

static void odd_inside(void)
{
	struct fly_header h = hand_about(&call, FLY_PACKET_RESULT, 0);
	struct frame g;

	hand_send(&w, &h);
	h.type = 15;
	hand_send(&w, &h);
	frame_make(&g, &h, w.peer, w.at, NULL);
	for (g.bytes = 0; g.bytes < FLY_PAYLOAD; g.bytes += 7)
		frame_put(w.at, &g);
	attend();
}

Case(park, fly_slow_turn_parking__what_is_no_call_is_not_parked)
{
	run(odd_inside);
	cr_expect(count(FLY_COUNT_calls_parked) == 0);
	cr_expect(count(FLY_COUNT_drop_type) == 1 && count(FLY_COUNT_drop_short) == 11);
}

/* ---- other calls ---- */

static unsigned n_inside;
static unsigned ran_inside;

static void others_inside(void)
{
	for (unsigned i = 0; i < n_inside; i++) {
		const struct fly_header h = add_call(i);

		hand_send(&w, &h);
		attend();
	}
	for (unsigned i = 0; i < 8; i++)
		attend();
	ran_inside = w.node->service.executions - 1;
}

/* Expect the results of @n calls, in order of arrival. */
static void expect_results(unsigned n)
{
	cr_assert(frame_take(w.peer, &f, &answer) && answer.activity == ACTIVITY);
	for (unsigned i = 0; i < n; i++) {
		cr_assert(frame_take(w.peer, &f, &answer), "number %u", i);
		cr_expect(answer.type == FLY_PACKET_RESULT && answer.activity == OTHER(i));
		cr_expect(answer.length == 8 && fly_get_u32(f.data + FLY_PAYLOAD) == i);
		cr_expect(w.node->service.runs[i] == 1);
	}
	cr_expect(!frame_take(w.peer, &f, &answer));
}

Case(park, fly_slow_turn_parking__other_calls_wait_and_run_in_the_turn_that_they_came_in)
{
	n_inside = 20;
	run(others_inside);
	cr_expect(ran_inside == 0, "a procedure does not run inside of another");
	cr_expect(w.node->service.executions == 21, "when the turn is over they have run");
	cr_expect(count(FLY_COUNT_calls_parked) == 20 && poller()->n_parked == 0);
	sim_turn(w.sim);
	expect_results(20);
	/* Parked callers are known afterwards, as all others are. */
	call = add_call(3);
	call.seq++;
	cr_expect(hand_ask(&w, &call, &f, &answer) && answer.seq == 2);
}

Case(park, fly_slow_turn_parking__those_that_do_not_fit_are_dropped_and_their_copies_run)
{
	n_inside = FLY_PARKED + 10;
	run(others_inside);
	cr_expect(count(FLY_COUNT_calls_parked) == FLY_PARKED);
	cr_expect(count(FLY_COUNT_drop_parked) == 10);
	cr_expect(w.node->service.executions == 1 + FLY_PARKED);
	for (unsigned i = 0; i < 10; i++) {
		const struct fly_header h = add_call(FLY_PARKED + i);

		hand_send(&w, &h);
	}
	sim_turn(w.sim);
	sim_turn(w.sim);
	expect_results(FLY_PARKED + 10);
}

/* Copies of a parked call: it runs once. */
static void copies_inside(void)
{
	for (unsigned i = 0; i < 5; i++) {
		const struct fly_header h = add_call(0);

		hand_send(&w, &h);
		attend();
	}
}

Case(park, fly_slow_turn_parking__copies_of_a_call_that_waits)
{
	run(copies_inside);
	sim_turn(w.sim);
	cr_expect(count(FLY_COUNT_calls_parked) == 5);
	cr_expect(w.node->service.runs[0] == 1 && count(FLY_COUNT_resent_results) == 4);
}

/* A cancel is not parked: its call has no record yet, or is remembered as refused. */
static void cancelled_inside(void)
{
	const struct fly_header h = add_call(0);
	const struct fly_header cancel = hand_about(&h, FLY_PACKET_CANCEL, FLY_ABOUT_CALL);

	hand_send(&w, &h);
	hand_send(&w, &cancel);
	attend();
}

Case(park, fly_slow_turn_parking__a_call_that_waits_and_is_cancelled_does_not_run)
{
	struct fly_header h = add_call(0);

	h.seq--;
	cr_assert(hand_ask(&w, &h, &f, &answer), "its caller is known");
	run(cancelled_inside);
	sim_turn(w.sim);
	cr_expect(count(FLY_COUNT_cancels_received) == 1);
	cr_expect(w.node->service.runs[0] == 1, "that was the one before");
	cr_expect(count(FLY_COUNT_reject_full) == 1, "refused like every copy of it");
}

/* The caller's next call while the earlier one runs: the caller has given that call up. */
static void next_inside(void)
{
	struct fly_header h = call;

	h.seq++;
	hand_send(&w, &h);
	attend();
}

Case(park, fly_slow_turn_parking__the_next_call_of_the_same_caller_waits_as_well)
{
	run(next_inside);
	sim_turn(w.sim);
	cr_expect(count(FLY_COUNT_calls_parked) == 1 && w.node->service.executions == 2);
	cr_expect(hand_record(&w, ACTIVITY)->seq == SEQ + 1);
}

/* ---- deadlines of those that wait ---- */

static void late_inside(void)
{
	struct fly_header h = add_call(0);

	h.flags = FLY_FLAG_DEADLINE;
	fly_put_u32(w.payload + h.length, 3000);
	h.length += FLY_DEADLINE_BYTES;
	hand_send(&w, &h);
	attend();
	w.sim->now_tsc += 5000;
	attend();
}

/* Time spent parked counts towards the caller's deadline. */
Case(park, fly_park_resume__a_call_whose_deadline_passed_while_it_waited_does_not_run)
{
	run(late_inside);
	sim_turn(w.sim);
	cr_expect(w.node->service.runs[0] == 0);
	cr_expect(count(FLY_COUNT_drop_late) == 1);
	cr_expect(frame_take(w.peer, &f, &answer) && !frame_take(w.peer, &f, &answer));
}

static void in_time_inside(void)
{
	struct fly_header h = add_call(0);

	h.flags = FLY_FLAG_DEADLINE;
	fly_put_u32(w.payload + h.length, 9000);
	h.length += FLY_DEADLINE_BYTES;
	hand_send(&w, &h);
	attend();
	w.sim->now_tsc += 5000;
	attend();
}

Case(park, fly_park_resume__the_deadline_of_a_call_that_waits_is_stripped)
{
	run(in_time_inside);
	sim_turn(w.sim);
	cr_expect(w.node->service.runs[0] == 1);
	cr_expect(frame_take(w.peer, &f, &answer) && frame_take(w.peer, &f, &answer));
	cr_expect(answer.type == FLY_PACKET_RESULT && answer.length == 8);
}

/* ---- links ---- */

static struct sim_link *second;

static void lost_inside(void)
{
	n_inside = 10;
	others_inside();
	for (unsigned i = 0; i < 5; i++) {
		const struct fly_header h = add_call(100 + i);
		struct frame g;

		frame_make(&g, &h, second->far, second, w.payload);
		frame_put(second, &g);
	}
	attend();
	fly_poller_detach(poller(), &second->link);
}

Case(park, fly_park_drop__those_that_came_over_a_lost_link_go_with_it)
{
	second = sim_join_open(w.sim, w.node);
	run(lost_inside);
	sim_turn(w.sim);
	cr_expect(count(FLY_COUNT_calls_parked) == 15);
	cr_expect(w.node->service.executions == 11);
	expect_results(10);
	cr_expect(second->far->n_in == 0);
}

Case(park, fly_poller_fini__with_calls_that_wait)
{
	poller()->turning = true;
	n_inside = 30;
	others_inside();
	poller()->turning = false;
	cr_expect(poller()->n_parked == 30);
	/* end() checks all packets. */
}

/* ---- procedures that attend or turn within what came of attending ---- */

static void each_attends(void *context)
{
	(void)context;
	nulls++;
	if (nulls <= 3) {
		/* Two more calls for each of the first three. */
		for (unsigned i = 0; i < 2; i++) {
			const struct fly_header h =
				frame_call(w.node->export_id, OTHER(10 * nulls + i), 1,
					   Probe_Null_NUMBER);

			hand_send(&w, &h);
		}
		attend();
		attend();
	}
}

Case(park, fly_park_resume__a_call_that_waited_may_attend_as_well)
{
	nulls = 0;
	w.node->service.during = each_attends;
	hand_send(&w, &call);
	sim_turn(w.sim);
	for (unsigned i = 0; i < 3; i++)
		sim_turn(w.sim); /* without the sweep of the next millisecond */
	cr_expect(w.node->service.executions == 7, "%u", w.node->service.executions);
	cr_expect(count(FLY_COUNT_calls_parked) == 6 && poller()->n_parked == 0);
}

static const struct fly_conversation *serving_inside;
static const struct fly_conversation *serving_after;

static void turn_inside(void)
{
	const struct fly_header h = add_call(0);

	serving_inside = poller()->running.conversation;
	hand_send(&w, &h);
	fly_poller_turn(poller(), w.sim->now_tsc);
	serving_after = poller()->running.conversation;
	ran_inside = w.node->service.executions - 1;
	n_inside = 2;
	others_inside();
}

Case(park, fly_poller_turn__within_a_procedure_leaves_it_where_it_was)
{
	run(turn_inside);
	cr_expect(serving_inside == hand_record(&w, ACTIVITY));
	cr_expect(serving_after == serving_inside);
	cr_expect(w.node->service.executions == 3, "Null, Add 0 within the turn, Add 1 after it");
	cr_expect(count(FLY_COUNT_resent_results) == 1, "the copy of Add 0");
	cr_expect(!poller()->turning && poller()->n_parked == 0);
}

/* A procedure's arguments stay in their packet, whatever arrives meanwhile. */
static uint32_t number_inside;

static void busy_inside(void)
{
	for (unsigned i = 0; i < 40; i++) {
		struct fly_header h = hand_call(&w, OTHER(i), 1, Probe_Mirror_NUMBER, 504, i);

		hand_send(&w, &h);
		h = call;
		h.flags = FLY_FLAG_ACK | FLY_FLAG_RESENT;
		hand_send(&w, &h);
		attend();
	}
	number_inside = 1;
}

Case(park, fly_slow_turn_parking__packets_stay_whole)
{
	unsigned results = 0;

	w.at->faults.holds = 16;
	run(busy_inside);
	sim_turn(w.sim);
	while (frame_take(w.peer, &f, &answer)) {
		if (answer.type != FLY_PACKET_RESULT || answer.activity == ACTIVITY)
			continue;
		cr_expect(answer.activity == OTHER(results) && answer.length == 500);
		for (unsigned i = 0; i < 500; i++) {
			uint8_t data[500];

			probe_fill(data, 500, results);
			cr_assert(f.data[FLY_PAYLOAD + 499 - i] == data[i]);
		}
		results++;
	}
	cr_expect(results == 40 && w.node->service.wrong == 0);
	cr_expect(number_inside == 1);
}

/* ---- our own calls go on meanwhile ---- */

static struct fly_call *ours;

static void wait_inside(void)
{
	struct fly_header h;

	while (!frame_take(w.peer, &f, &h))
		attend();
	cr_expect(h.type == FLY_PACKET_CALL);
	h.type = FLY_PACKET_RESULT;
	hand_send(&w, &h);
	attend();
	cr_expect(fly_ready(ours));
}

Case(park, fly_slow_turn_parking__results_of_our_own_calls_arrive)
{
	struct fly_binding *binding = sim_import(w.sim, w.node, w.at, 0x1000001);

	cr_assert(Probe_Null_start(binding, &ours) == 0);
	run(wait_inside);
	cr_expect(fly_ready(ours) && Probe_Null_finish(ours) == 0);
}

static void sleep_inside(void)
{
	for (unsigned i = 0; i < 3000; i++) {
		w.sim->now_tsc += 10;
		attend();
	}
}

Case(park, fly_slow_turn_parking__our_own_calls_are_sent_again)
{
	struct fly_binding *binding = sim_import(w.sim, w.node, w.at, 0x1000001);

	cr_assert(Probe_Null_start(binding, &ours) == 0);
	run(sleep_inside);
	cr_expect(count(FLY_COUNT_resent_calls) == 1, "30 ms have passed");
	cr_expect(hand_record(&w, ACTIVITY)->touched_ms + 31 > poller()->now_ms);
}
