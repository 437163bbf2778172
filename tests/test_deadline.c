/* SPDX-License-Identifier: BSD-3-Clause */
/* test_deadline.c - deadlines and cancelled calls, on both sides; of one packet. */
#include <criterion/criterion.h>

#include <firefly/runtime.h>

#include "case.h"
#include "hand.h"
#include "slowpath/records.h"
#include "slowpath/deadline.h"

#define ACTIVITY UINT64_C(0xabcdef0123450007)
#define SEQ      100U

static struct hand w;
static struct frame f;
static struct fly_header answer;
static struct fly_header call;

static void begin(void)
{
	hand_begin(&w, NULL);
}

static void end(void)
{
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(deadline, .timeout = HANG);

static uint64_t count(enum fly_counter which)
{
	return sim_count(w.node, which);
}

static struct fly_poller *poller(void)
{
	return sim_poller(w.node);
}

/* ---- the server's side ---- */

/* Make a call with arguments of @bytes and a deadline. */
static void make_call(uint32_t seq, uint16_t procedure, uint16_t bytes, uint32_t us)
{
	call = hand_call(&w, ACTIVITY, seq, procedure, bytes, 7);
	fly_put_u32(w.payload + bytes, us);
	call.length = (uint16_t)(bytes + FLY_DEADLINE_BYTES);
	call.flags = FLY_FLAG_DEADLINE;
}

static uint64_t seen_tsc;

static void look(void *context)
{
	const struct fly_poller *p = context;

	seen_tsc = p->running.deadline_tsc;
}

Case(deadline, fly_deadline_strip__the_procedure_knows_what_is_left)
{
	w.node->service.during = look;
	w.node->service.during_context = poller();
	make_call(SEQ, Probe_Null_NUMBER, 0, 5000);
	cr_assert(hand_ask(&w, &call, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	cr_expect(seen_tsc == w.sim->now_tsc - 10 + 5000);
	/* A copy sent 3 ms later; the first one was lost. */
	make_call(SEQ + 1, Probe_Null_NUMBER, 0, 5000);
	call.flags |= FLY_FLAG_RESENT;
	call.age = 3;
	cr_assert(hand_ask(&w, &call, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	cr_expect(seen_tsc == w.sim->now_tsc - 10 + 2000);
	/* The longest deadline. */
	make_call(SEQ + 2, Probe_Null_NUMBER, 0, UINT32_MAX);
	cr_assert(hand_ask(&w, &call, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	cr_expect(seen_tsc == w.sim->now_tsc - 10 + UINT32_MAX);
	/* No deadline. */
	call = hand_call(&w, ACTIVITY, SEQ + 3, Probe_Null_NUMBER, 0, 7);
	cr_assert(hand_ask(&w, &call, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	cr_expect(seen_tsc == FLY_NEVER);
	cr_expect(w.node->service.executions == 4);
}

/* Also by the hint: a known caller's call with a deadline is not plain. */
Case(deadline, fly_deadline_strip__the_deadline_is_no_part_of_the_arguments)
{
	for (uint32_t n = 0; n < 5; n++) {
		make_call(SEQ + n, Probe_Sum_NUMBER, 1404, 5000);
		if (n > 1)
			call.hint = answer.hint;
		cr_assert(hand_ask(&w, &call, &f, &answer), "call %u", n);
		cr_expect(answer.type == FLY_PACKET_RESULT && answer.procedure == 0, "call %u", n);
		cr_expect(answer.length == 4 && fly_get_u32(f.data + FLY_PAYLOAD) == probe_sum(7));
	}
	for (uint32_t n = 0; n < 3; n++) {
		make_call(SEQ + 9 + n, Probe_Mirror_NUMBER, 504, 5000);
		call.hint = answer.hint;
		cr_assert(hand_ask(&w, &call, &f, &answer));
		cr_expect(answer.type == FLY_PACKET_RESULT && answer.length == 500);
		cr_expect(f.bytes == FLY_PAYLOAD + 500);
	}
	cr_expect(w.node->service.executions == 8 && w.node->service.wrong == 0);
	cr_expect(poller()->running.deadline_tsc == FLY_NEVER);
}

Case(deadline, fly_deadline_strip__a_call_that_is_late_is_not_begun_and_no_copy_of_it_is)
{
	static const struct {
		uint32_t us;
		uint16_t age;
	} late[] = {{0, 0}, {999, 1}, {1000, 1}, {5000, 5}, {65535000, UINT16_MAX}};
	const struct fly_conversation *c;

	for (unsigned i = 0; i < RTE_DIM(late); i++) {
		make_call(SEQ + i, Probe_Null_NUMBER, 0, late[i].us);
		call.age = late[i].age;
		if (i == RTE_DIM(late) - 1)
			make_call(SEQ - 1 + i, Probe_Null_NUMBER, 0, 0); /* a copy of a late one */
		cr_expect(hand_ask(&w, &call, &f, &answer) == (i == RTE_DIM(late) - 1));
	}
	cr_expect(answer.type == FLY_PACKET_REJECT && answer.procedure == FLY_EBUSY);
	cr_expect(count(FLY_COUNT_drop_late) == RTE_DIM(late) - 1);
	c = hand_record(&w, ACTIVITY);
	cr_assert(c && c->state == FLY_CONVERSATION_REFUSED && c->seq == call.seq);
	/* Its own deadline has not passed; but it is a copy of a late call. */
	make_call(call.seq, Probe_Null_NUMBER, 0, 5000);
	cr_assert(hand_ask(&w, &call, &f, &answer));
	cr_expect(answer.type == FLY_PACKET_REJECT && answer.procedure == FLY_EBUSY);
	cr_expect(w.node->service.executions == 0);
	make_call(call.seq + 1, Probe_Null_NUMBER, 0, 5000);
	cr_assert(hand_ask(&w, &call, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	cr_expect(w.node->service.executions == 1);
}

Case(deadline, fly_deadline_strip__what_was_done_in_time_is_not_late_afterwards)
{
	make_call(SEQ, Probe_Fill_NUMBER, 4, 5000);
	cr_assert(hand_ask(&w, &call, &f, &answer) && answer.length == 1440);
	call.flags |= FLY_FLAG_RESENT | FLY_FLAG_ACK;
	call.age = 20;
	cr_assert(hand_ask(&w, &call, &f, &answer));
	cr_expect(answer.type == FLY_PACKET_RESULT && answer.length == 1440);
	cr_expect(w.node->service.executions == 1);
}

/* A result that was not kept: the call ran, and no answer may say that it did not. */
Case(deadline, fly_deadline_strip__a_late_copy_of_a_call_that_ran_is_only_dropped)
{
	hand_idempotent(&w, Probe_Fill_NUMBER);
	make_call(SEQ, Probe_Fill_NUMBER, 4, 5000);
	cr_assert(hand_ask(&w, &call, &f, &answer) && answer.length == 1440);
	call.flags |= FLY_FLAG_RESENT | FLY_FLAG_ACK;
	call.age = 20;
	cr_expect(!hand_ask(&w, &call, &f, &answer));
	cr_expect(count(FLY_COUNT_drop_late) == 1);
	cr_expect(hand_record(&w, ACTIVITY)->state == FLY_CONVERSATION_UNKEPT);
	call.age = 4;
	cr_assert(hand_ask(&w, &call, &f, &answer));
	cr_expect(answer.type == FLY_PACKET_RESULT, "it is called not executed");
}

Case(deadline, fly_deadline_strip__where_there_is_none_behind_the_flag)
{
	call = hand_call(&w, ACTIVITY, SEQ, Probe_Sum_NUMBER, 3, 7);
	call.flags = FLY_FLAG_DEADLINE;
	cr_assert(hand_ask(&w, &call, &f, &answer));
	cr_expect(answer.type == FLY_PACKET_EXCEPTION && answer.procedure == FLY_EMALFORMED);
	cr_expect(w.node->service.executions == 0);
}

/* ---- a procedure that turns its poller: the call inside has no deadline, the call outside has one
 */

static unsigned depth;
static uint64_t inside_tsc;

static void nest(void *context)
{
	struct fly_poller *p = context;
	struct fly_header h;

	if (depth++ > 0) {
		inside_tsc = p->running.deadline_tsc;
		return;
	}
	h = frame_call(w.node->export_id, ACTIVITY + (UINT64_C(1) << 32), 1, Probe_Null_NUMBER);
	hand_send(&w, &h);
	fly_poller_turn(p, w.sim->now_tsc);
	seen_tsc = p->running.deadline_tsc;
}

Case(deadline, fly_slow_call__a_call_within_a_procedure_has_a_deadline_of_its_own)
{
	w.node->service.during = nest;
	w.node->service.during_context = poller();
	make_call(SEQ, Probe_Null_NUMBER, 0, 5000);
	hand_send(&w, &call);
	sim_turn(w.sim);
	cr_assert(depth == 2);
	cr_expect(inside_tsc == FLY_NEVER, "that of the procedure around it");
	cr_expect(seen_tsc == w.sim->now_tsc - 10 + 5000, "forgotten when the other one ended");
	cr_expect(poller()->running.deadline_tsc == FLY_NEVER);
}

/* ---- the caller's side ---- */

static struct fly_binding *binding;
static struct fly_call *ours;

static void bind(uint32_t us)
{
	binding = sim_import(w.sim, w.node, w.at, 0x1000001);
	fly_set_deadline(binding, us);
}

static struct fly_call_entry *entry(void)
{
	return fly_entry_of(ours);
}

static void start(void)
{
	while (frame_take(w.peer, &f, &call))
		; /* packets of earlier calls */
	cr_assert(Probe_Null_start(binding, &ours) == 0);
	sim_turn(w.sim);
	cr_assert(frame_take(w.peer, &f, &call));
}

static void answer_it(void)
{
	struct fly_header h = hand_about(&call, FLY_PACKET_RESULT, 0);

	h.hint = 5;
	hand_ask(&w, &h, &f, &answer);
	cr_assert(fly_ready(ours));
	cr_expect(Probe_Null_finish(ours) == 0);
}

Case(deadline, fly_set_deadline__travels_behind_the_arguments)
{
	uint8_t data[1400];
	struct fly_call *small;

	bind(777777);
	start();
	cr_expect(call.flags == FLY_FLAG_DEADLINE && call.length == 4);
	cr_expect(fly_get_u32(f.data + FLY_PAYLOAD) == 777777);
	answer_it();
	probe_fill(data, 1400, 7);
	cr_assert(Probe_Sum_start(binding, 7, data, &small) == 0);
	sim_turn(w.sim);
	cr_assert(frame_take(w.peer, &f, &call));
	cr_expect(call.flags == FLY_FLAG_DEADLINE && call.length == 1408);
	cr_expect(probe_is(f.data + FLY_PAYLOAD + 4, 1400, 7));
	cr_expect(fly_get_u32(f.data + FLY_PAYLOAD + 1404) == 777777);
	/* A copy has the same deadline and flag; its age says how much of it has passed. */
	sim_run(w.sim, 25);
	cr_assert(frame_take(w.peer, &f, &answer));
	cr_expect(answer.flags == (FLY_FLAG_DEADLINE | FLY_FLAG_RESENT | FLY_FLAG_ACK));
	cr_expect(answer.length == 1408 && answer.age == 1, "age %u", answer.age);
	cr_expect(probe_is(f.data + FLY_PAYLOAD + 4, 1400, 7));
	cr_expect(fly_get_u32(f.data + FLY_PAYLOAD + 1404) == 777777);
}

Case(deadline, fly_set_deadline__twice_and_none)
{
	bind(1000);
	fly_set_deadline(binding, 2000);
	start();
	cr_expect(fly_get_u32(f.data + FLY_PAYLOAD) == 2000 && call.length == 4);
	answer_it();
	fly_set_deadline(binding, 0);
	start();
	cr_expect(call.flags == 0 && call.length == 0);
	sim_run(w.sim, 5);
	cr_expect(!fly_ready(ours), "what an earlier call of the entry had does not end this one");
	answer_it();
	fly_set_deadline(binding, 0);
	start();
	answer_it();
	fly_set_deadline(binding, 3000);
	start();
	cr_expect(fly_get_u32(f.data + FLY_PAYLOAD) == 3000 && call.length == 4);
	/* The deadline of later calls. */
	fly_set_deadline(binding, 0);
	sim_run(w.sim, 4);
	cr_expect(fly_ready(ours) && Probe_Null_finish(ours) == -FLY_EDEADLINE);
}

Case(deadline, fly_set_deadline__the_longest)
{
	uint64_t start_tsc;

	bind(UINT32_MAX);
	start_tsc = poller()->now_tsc;
	start();
	cr_expect(entry()->deadline_tsc == start_tsc + UINT32_MAX);
	sim_run(w.sim, 10);
	cr_expect(!fly_ready(ours));
	answer_it();
}

/* The longest deadline is right at 5 GHz, too. */
Case(deadline, fly_set_deadline__the_longest_on_a_fast_clock)
{
	const uint64_t before = poller()->tsc_per_ms;

	bind(UINT32_MAX);
	poller()->tsc_per_ms = 5000000;
	cr_assert(Probe_Null_start(binding, &ours) == 0);
	cr_expect(entry()->deadline_tsc == poller()->now_tsc + UINT64_C(5000) * UINT32_MAX);
	poller()->tsc_per_ms = before;
	sim_turn(w.sim);
	cr_assert(frame_take(w.peer, &f, &call));
	answer_it();
}

Case(deadline, fly_deadline_end__at_the_time_and_the_server_is_told_once)
{
	static const unsigned us[] = {1, 50, 300, 999, 1000, 1500, 20000, 70000};
	struct fly_header first;

	bind(1);
	w.sim->step_us = 1;
	for (unsigned i = 0; i < RTE_DIM(us); i++) {
		uint64_t start_tsc;
		unsigned cancels = 0;

		fly_set_deadline(binding, us[i]);
		sim_run(w.sim, 1);
		start_tsc = poller()->now_tsc;
		start();
		first = call;
		while (!fly_ready(ours))
			sim_turn(w.sim);
		cr_expect(poller()->now_tsc - start_tsc >= us[i], "%u us: after %lu", us[i],
			  poller()->now_tsc - start_tsc);
		cr_expect(poller()->now_tsc - start_tsc <= us[i] + 20, "%u us: after %lu", us[i],
			  poller()->now_tsc - start_tsc);
		cr_expect(fly_outcome(Probe_Null_finish(ours)) == FLY_MAYBE_EXECUTED);
		sim_run(w.sim, 2);
		while (frame_take(w.peer, &f, &answer)) {
			if (answer.type == FLY_PACKET_CALL)
				continue;
			cancels++;
			cr_expect(answer.type == FLY_PACKET_CANCEL && answer.length == 0);
			cr_expect(answer.procedure == FLY_ABOUT_CALL && answer.fragments == 1);
			cr_expect(answer.activity == first.activity && answer.seq == first.seq);
			cr_expect(answer.export_id == first.export_id);
		}
		cr_expect(cancels == 1, "%u us: %u cancels", us[i], cancels);
	}
	cr_expect(count(FLY_COUNT_cancels_sent) == RTE_DIM(us));
}

/* The server may still run the call: the next call must not depend on it. */
/* A server that runs a call takes no other of its activity: the next call uses another activity. */
static void expect_activity(bool is_running)
{
	struct fly_header late;
	struct fly_header ack;

	bind(1000);
	start();
	late = hand_about(&call, FLY_PACKET_RESULT, 0);
	ack = hand_about(&call, FLY_PACKET_ACK, FLY_ABOUT_CALL);
	ack.fragment = 1;
	if (is_running)
		cr_expect(!hand_ask(&w, &ack, &f, &answer));
	sim_run(w.sim, 2);
	cr_assert(fly_ready(ours) && Probe_Null_finish(ours) == -FLY_EDEADLINE);
	while (frame_take(w.peer, &f, &answer))
		;
	fly_set_deadline(binding, 0);
	start();
	cr_expect((call.activity & 0xffff) == (late.activity & 0xffff), "the same entry");
	cr_expect((call.activity == late.activity) == !is_running);
	if (is_running)
		cr_expect(call.hint == FLY_HINT_NONE);
	cr_expect(!hand_ask(&w, &late, &f, &answer));
	cr_expect(count(is_running ? FLY_COUNT_drop_activity : FLY_COUNT_drop_sequence) == 1);
	cr_expect(!fly_ready(ours));
	answer_it();
}

Case(deadline, fly_slow_doubt__the_entry_is_somebody_else_after_a_call_that_runs)
{
	expect_activity(true);
}

Case(deadline, fly_slow_doubt__the_entry_is_the_same_after_a_call_of_which_nothing_was_heard)
{
	expect_activity(false);
}

/* Without a record a late copy of the earlier call may open one, which knows of no refusal. */
Case(deadline, fly_slow_doubt__a_refusal_after_a_doubtful_call_says_maybe)
{
	struct fly_header refusal;

	bind(1000);
	start();
	sim_run(w.sim, 2);
	cr_assert(fly_ready(ours) && Probe_Null_finish(ours) == -FLY_EDEADLINE);
	while (frame_take(w.peer, &f, &answer))
		;
	fly_set_deadline(binding, 0);
	for (unsigned i = 0; i < 2; i++) { /* the second is in doubt because the first is */
		start();
		refusal = hand_about(&call, FLY_PACKET_REJECT, 0);
		refusal.procedure = FLY_EBUSY;
		cr_expect(!hand_ask(&w, &refusal, &f, &answer));
		cr_assert(fly_ready(ours) && Probe_Null_finish(ours) == -FLY_EFORGOTTEN);
	}
	start();
	answer_it();
	start();
	refusal = hand_about(&call, FLY_PACKET_REJECT, 0);
	refusal.procedure = FLY_EBUSY;
	cr_expect(!hand_ask(&w, &refusal, &f, &answer));
	cr_expect(fly_ready(ours) && Probe_Null_finish(ours) == -FLY_EBUSY);
}

Case(deadline, fly_deadline_end__however_long_the_server_works_on_it)
{
	struct fly_header ack;

	bind(100000);
	start();
	ack = hand_about(&call, FLY_PACKET_ACK, FLY_ABOUT_CALL);
	ack.fragment = 1;
	cr_expect(!hand_ask(&w, &ack, &f, &answer));
	sim_run(w.sim, 98);
	cr_expect(!fly_ready(ours));
	sim_run(w.sim, 3);
	cr_expect(fly_ready(ours) && Probe_Null_finish(ours) == -FLY_EDEADLINE);
}

Case(deadline, fly_deadline_end__among_many_calls_with_and_without)
{
	enum {
		CALLS = 50
	};
	struct fly_binding *plain = sim_import(w.sim, w.node, w.at, 0x1000001);
	struct fly_call *with[CALLS];
	struct fly_call *without;
	unsigned ended = 0;
	uint64_t start_tsc;

	w.sim->step_us = 1;
	bind(1000);
	cr_assert(Probe_Null_start(plain, &without) == 0);
	start_tsc = poller()->now_tsc;
	for (unsigned i = 0; i < CALLS; i++) {
		fly_set_deadline(binding, 5000 - 100 * i);
		cr_assert(Probe_Null_start(binding, &with[i]) == 0);
	}
	while (ended < CALLS) {
		sim_turn(w.sim);
		if (!fly_ready(with[CALLS - 1 - ended]))
			continue;
		cr_expect(poller()->now_tsc - start_tsc >= 100 + 100 * ended);
		cr_expect(poller()->now_tsc - start_tsc <= 100 + 100 * ended + 25,
			  "%lu us instead of %u", poller()->now_tsc - start_tsc, 100 + 100 * ended);
		cr_expect(Probe_Null_finish(with[CALLS - 1 - ended]) == -FLY_EDEADLINE);
		ended++;
	}
	cr_expect(!fly_ready(without));
}

/* A pass over a large table takes many turns: it must not miss a deadline that comes meanwhile. */
Case(deadline, fly_deadline_end__while_a_pass_over_a_large_table_is_under_way)
{
	const struct sim_node_config config = {.calls = 8192};
	uint64_t start_tsc;

	cr_expect(sim_end(w.sim) == 0);
	hand_begin(&w, &config);
	bind(100000);
	start();
	answer_it();
	while (poller()->pass.at == 0)
		sim_turn(w.sim);
	fly_set_deadline(binding, 400);
	start_tsc = poller()->now_tsc;
	cr_assert(Probe_Null_start(binding, &ours) == 0);
	while (!fly_ready(ours))
		sim_turn(w.sim);
	/* 32 turns per pass. */
	cr_expect(poller()->now_tsc - start_tsc >= 400);
	cr_expect(poller()->now_tsc - start_tsc <= 400 + 20 + 32 * 10, "%lu us",
		  poller()->now_tsc - start_tsc);
	cr_expect(Probe_Null_finish(ours) == -FLY_EDEADLINE);
}

Case(deadline, fly_deadline_of__an_absence_of_the_caller_does_not_count)
{
	uint64_t start_tsc;

	bind(10000);
	w.sim->now_tsc += UINT64_C(3000) * SIM_TSC_PER_MS;
	cr_assert(Probe_Null_start(binding, &ours) == 0); /* stamped with the time before that */
	start_tsc = w.sim->now_tsc;
	sim_run(w.sim, 9);
	cr_expect(!fly_ready(ours));
	sim_run(w.sim, 2);
	cr_expect(fly_ready(ours) && Probe_Null_finish(ours) == -FLY_EDEADLINE);
	cr_expect(w.sim->now_tsc - start_tsc <= 12000);
}

/* ---- fly_cancel() ---- */

Case(deadline, fly_cancel__ends_the_call_and_tells_the_server_at_once)
{
	bind(0);
	start();
	cr_expect(fly_cancel(ours) == 0);
	cr_expect(fly_ready(ours));
	cr_assert(frame_take(w.peer, &f, &answer), "not even a turn later");
	cr_expect(answer.type == FLY_PACKET_CANCEL && answer.activity == call.activity &&
		  answer.seq == call.seq && answer.procedure == FLY_ABOUT_CALL);
	cr_expect(fly_cancel(ours) == -FLY_EINVAL, "once");
	cr_expect(Probe_Null_finish(ours) == -FLY_ECANCELLED);
	cr_expect(fly_outcome(-FLY_ECANCELLED) == FLY_MAYBE_EXECUTED);
	cr_expect(count(FLY_COUNT_cancels_sent) == 1);
	sim_run(w.sim, 100);
	cr_expect(w.peer->n_in == 0);
}

Case(deadline, fly_cancel__of_a_call_that_has_ended)
{
	struct fly_header h;

	bind(0);
	start();
	h = hand_about(&call, FLY_PACKET_RESULT, 0);
	hand_ask(&w, &h, &f, &answer);
	cr_assert(fly_ready(ours));
	cr_expect(fly_cancel(ours) == -FLY_EINVAL);
	cr_expect(Probe_Null_finish(ours) == 0);
	cr_expect(count(FLY_COUNT_cancels_sent) == 0);
}

Case(deadline, fly_cancel__of_a_call_with_arguments_that_its_packet_keeps)
{
	uint8_t data[1400];
	uint32_t sum;

	bind(0);
	w.at->faults.holds = 4; /* the driver still holds them */
	probe_fill(data, 1400, 7);
	cr_assert(Probe_Sum_start(binding, 7, data, &ours) == 0);
	sim_turn(w.sim);
	cr_expect(fly_cancel(ours) == 0);
	cr_expect(Probe_Sum_finish(ours, &sum) == -FLY_ECANCELLED);
}

/* Without a packet the server is not told; the call ends all the same. */
Case(deadline, fly_cancel__without_a_packet)
{
	struct fly_packet_cache *cache = &poller()->cache;
	struct rte_mbuf *all[512];
	unsigned n = 0;

	bind(0);
	start();
	while ((all[n] = fly_packet_get(cache, 0)))
		n++;
	cr_expect(fly_cancel(ours) == 0);
	cr_expect(Probe_Null_finish(ours) == -FLY_ECANCELLED);
	cr_expect(count(FLY_COUNT_cancels_sent) == 0);
	while (n)
		fly_packet_put(cache, all[--n]);
	sim_turn(w.sim);
	cr_expect(w.peer->n_in == 0);
}

/* A cancel that overtakes its call: the call never runs at the server. */
Case(deadline, fly_cancel__before_the_call_arrives)
{
	struct sim_node *server = sim_add(w.sim, NULL);
	struct sim_link *to_server = sim_join(w.sim, w.node, server);
	struct fly_call *c;

	sim_export(server);
	sim_run(w.sim, 2);
	binding = sim_import(w.sim, w.node, to_server, server->export_id);
	cr_assert(Probe_Null_start(binding, &c) == 0);
	cr_assert(sim_until(w.sim, c, 5) && Probe_Null_finish(c) == 0);
	to_server->faults.delay_mask = 2;
	to_server->faults.delay_us = 5000;
	cr_assert(Probe_Null_start(binding, &c) == 0);
	sim_turn(w.sim);
	cr_expect(fly_cancel(c) == 0 && Probe_Null_finish(c) == -FLY_ECANCELLED);
	sim_run(w.sim, 10);
	cr_expect(sim_count(server, FLY_COUNT_cancels_received) == 1);
	cr_expect(sim_count(server, FLY_COUNT_reject_full) == 1, "the call came, and was refused");
	cr_expect(server->service.executions == 1);
	cr_assert(Probe_Null_start(binding, &c) == 0);
	cr_assert(sim_until(w.sim, c, 5) && Probe_Null_finish(c) == 0);
	cr_expect(server->service.executions == 2);
}

/* Sum of a frame's IPv4 header: 0xffff if the checksum is right. */
static uint32_t ip_sum(const struct frame *g)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 20; i += 2)
		sum += fly_get_be16(g->data + FLY_IP + i);
	return (sum & 0xffff) + (sum >> 16);
}

Case(deadline, fly_cancel__of_a_call_of_several_packets_is_a_packet_as_it_should_be)
{
	bind(0);
	cr_assert(binding->starter(binding, 0, 5000, &ours) == 0);
	memset(ours->payload, 0, 5000);
	binding->send(ours);
	sim_turn(w.sim);
	while (frame_take(w.peer, &f, &answer))
		cr_expect(ip_sum(&f) == 0xffff);
	cr_expect(fly_cancel(ours) == 0);
	cr_assert(frame_take(w.peer, &f, &answer));
	cr_expect(answer.type == FLY_PACKET_CANCEL && f.bytes == FLY_PAYLOAD);
	cr_expect(ip_sum(&f) == 0xffff, "sum %04x", ip_sum(&f));
	cr_expect(binding->wait(ours) == -FLY_ECANCELLED);
}
