/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_worker.c - calls that a poller gives to workers: which worker gets a call, which calls wait
 * or are refused, and what happens to them when the caller or its link goes away. The workers have
 * no threads: the test runs them.
 */
#include <criterion/criterion.h>

#include "case.h"
#include "threads/worker.h"
#include "hand.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/sweep.h"

#define ACTIVITY UINT64_C(0xabcdef0123450007)
#define OTHER(i) (ACTIVITY + ((UINT64_C(1) + (i)) << 32))
#define SEQ      100U
#define WORKERS  2
#define QUEUE    2

static struct hand w;
static struct frame f;
static struct fly_header answer;
static struct fly_worker_pool *pool;

static struct fly_poller *poller(void)
{
	return sim_poller(w.node);
}

static uint64_t count(enum fly_counter which)
{
	return sim_count(w.node, which);
}

/* As fly_export_with(), without threads. */
static void give_workers(struct fly_poller *p, struct fly_export *export, uint32_t workers)
{
	pool = fly_worker_pool_new(p, export, workers, QUEUE, 0);
	cr_assert(pool && fly_worker_pool_open(p, pool) == 0);
	export->pool = pool;
	export->stubs = pool->stubs;
}

static void take_workers(struct fly_poller *p)
{
	fly_worker_pool_close(p, pool);
	for (uint32_t i = 0; i < pool->n; i++) {
		fly_worker_run(&pool->workers[i]); /* runs its call, then quits */
		fly_poller_turn(p, p->now_tsc);
		fly_worker_run(&pool->workers[i]);
		cr_expect(pool->workers[i].is_quitting);
	}
	cr_expect(LIST_EMPTY(&pool->packets) && pool->n_waiting == 0 && p->n_on_workers == 0);
	fly_worker_pool_remove(p, pool);
	fly_worker_pool_free(pool);
	cr_expect(p->n_sources == 0 && LIST_EMPTY(&p->pools));
}

static void begin(void)
{
	const struct sim_node_config config = {.conversations = 64};

	hand_begin(&w, &config);
	give_workers(poller(), &poller()->exports[1], WORKERS);
}

static void end(void)
{
	take_workers(poller());
	cr_expect(count(FLY_COUNT_slots_missed) == 0);
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(worker, .timeout = HANG);

/* Call i: Null, with its own activity. */
static struct fly_header null_call(unsigned i, uint32_t seq)
{
	return frame_call(w.node->export_id, OTHER(i), seq, Probe_Null_NUMBER);
}

static void send(const struct fly_header *h)
{
	hand_send(&w, h);
	sim_turn(w.sim);
}

/* Calls from 0 to n - 1 arrive. */
static void send_nulls(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct fly_header h = null_call(i, SEQ);

		send(&h);
	}
}

/* As a worker that takes long: it has claimed its call. */
static uint32_t claimed_before;

static void begin_by_hand(struct fly_slot *s)
{
	claimed_before = s->claimed;
	cr_expect(fly_slot_claim(s, fly_slot_word(s)));
}

/* run() claims it once more. */
static void let_run(struct fly_slot *s)
{
	s->claimed = claimed_before;
}

static bool run(unsigned worker)
{
	const bool ran = fly_worker_run(&pool->workers[worker]);

	sim_turn(w.sim); /* its result is queued, */
	sim_turn(w.sim); /* and sent */
	return ran;
}

static bool is_free(unsigned worker)
{
	return !fly_slot_is(&pool->workers[worker].handoff.slot, FLY_SLOT_CALL);
}

/* Expect that the next answer is for call i. */
static void expect_answer(unsigned i, enum fly_packet_type type)
{
	cr_assert(frame_take(w.peer, &f, &answer), "nothing came back for %u", i);
	cr_expect(answer.activity == OTHER(i) && answer.type == type, "call %u: type %u", i,
		  answer.type);
}

static void expect_silence(void)
{
	cr_expect(!frame_take(w.peer, &f, &answer), "type %u", answer.type);
}

/* ---- who gets it ---- */

Case(worker, fly_worker_serve__a_worker_has_it_until_it_hands_it_back)
{
	struct fly_header h;

	send_nulls(1);
	expect_silence();
	cr_expect(w.node->service.executions == 0 && !is_free(0) && is_free(1));
	cr_expect(hand_record(&w, OTHER(0))->state == FLY_CONVERSATION_RUNNING);
	cr_expect(fly_worker_here() == NULL);
	cr_expect(run(0));
	expect_answer(0, FLY_PACKET_RESULT);
	cr_expect(answer.procedure == 0 && w.node->service.executions == 1 && is_free(0));
	cr_expect(hand_record(&w, OTHER(0))->state == FLY_CONVERSATION_DONE);
	cr_expect(count(FLY_COUNT_calls_on_workers) == 1 && count(FLY_COUNT_calls_served) == 1);

	h = null_call(0, SEQ + 1); /* the next call takes the short path */
	h.hint = answer.hint;
	send(&h);
	cr_expect(run(0) && w.node->service.executions == 2);
	expect_answer(0, FLY_PACKET_RESULT);
}

static void know_where_it_runs(void *context)
{
	*(struct fly_worker **)context = fly_worker_here();
}

Case(worker, fly_worker_take__the_one_that_was_used_last_is_used_next)
{
	struct fly_worker *here = NULL;

	w.node->service.during = know_where_it_runs;
	w.node->service.during_context = &here;
	send_nulls(2);
	cr_expect(run(1) && here == &pool->workers[1]);
	cr_expect(run(0) && here == &pool->workers[0]);
	cr_expect(fly_worker_here() == NULL);
	for (uint32_t seq = SEQ + 1; seq < SEQ + 4; seq++) {
		const struct fly_header h = null_call(0, seq);

		send(&h);
		cr_expect(!run(1) && run(0));
	}
}

Case(worker, fly_worker_take__calls_wait_in_the_order_in_which_they_came)
{
	send_nulls(WORKERS + QUEUE);
	cr_expect(count(FLY_COUNT_calls_queued) == QUEUE && w.node->service.executions == 0);
	cr_expect(run(1));
	expect_answer(1, FLY_PACKET_RESULT);
	cr_expect(run(1), "the first of those that waited");
	expect_answer(2, FLY_PACKET_RESULT);
	cr_expect(run(0) && run(1));
	expect_answer(0, FLY_PACKET_RESULT);
	expect_answer(3, FLY_PACKET_RESULT);
	cr_expect(w.node->service.executions == 4 && pool->n_waiting == 0);
}

Case(worker, fly_worker_serve__too_many_are_refused_for_good)
{
	struct fly_header h = null_call(WORKERS + QUEUE, SEQ);

	send_nulls(WORKERS + QUEUE);
	expect_silence();
	send(&h);
	expect_answer(WORKERS + QUEUE, FLY_PACKET_REJECT);
	cr_expect(answer.procedure == FLY_EBUSY && count(FLY_COUNT_reject_busy) == 1);
	for (unsigned i = 0; i < 2 * WORKERS; i++)
		run(i % WORKERS);
	cr_expect(w.node->service.executions == WORKERS + QUEUE);
	for (unsigned i = 0; i < WORKERS + QUEUE; i++)
		cr_assert(frame_take(w.peer, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	h.flags = FLY_FLAG_RESENT | FLY_FLAG_ACK;
	send(&h);
	expect_answer(WORKERS + QUEUE, FLY_PACKET_REJECT);
	cr_expect(!run(0) && !run(1), "nor does a copy run, though there is room now");
	h = null_call(WORKERS + QUEUE, SEQ + 1);
	send(&h);
	cr_expect(run(0) || run(1), "the next call does");
	expect_answer(WORKERS + QUEUE, FLY_PACKET_RESULT);
}

/* Workers hold packets; drivers need some, too. */
Case(worker, fly_worker_has_packet_room__not_more_than_may_be_retained)
{
	poller()->conversations.retained_max = 1;
	send_nulls(2);
	expect_answer(1, FLY_PACKET_REJECT);
	cr_expect(answer.procedure == FLY_EBUSY && is_free(1));
	cr_expect(run(0));
	expect_answer(0, FLY_PACKET_RESULT);
}

Case(worker, fly_worker_pool_new__what_is_marked_inline_stays_on_the_poller)
{
	cr_expect(fly_procedure_is_on_worker(&pool->stubs[Probe_Null_NUMBER]));
	pool->stubs[Probe_Null_NUMBER].layout &= (uint8_t)~FLY_LAYOUT_ON_WORKER;
	send_nulls(1);
	expect_answer(0, FLY_PACKET_RESULT);
	cr_expect(count(FLY_COUNT_calls_on_workers) == 0 && w.node->service.executions == 1);
}

static const struct fly_procedure marked[] = {
	{"Any", fly_stub_none, 0, 4, 0, FLY_RESULTS_OVER, 0},
	{"Inline", fly_stub_none, 0, 4, 0, FLY_RESULTS_OVER, FLY_PROCEDURE_INLINE},
	{"", fly_stub_none, 0, 0, 0, FLY_RESULTS_OVER, 0},
};

Case(worker, fly_worker_pool_new__takes_what_has_a_name_and_is_not_inline)
{
	static const struct fly_interface interface = {FLY_STUB_VERSION, "Marked", 1, 3, marked};
	const struct fly_export export = {
		.n_procedures = 3,
		.stubs = marked,
		.interface = &interface,
	};
	struct fly_worker_pool *another = fly_worker_pool_new(poller(), &export, 1, 1, 0);

	cr_assert(another != NULL);
	cr_expect(fly_procedure_is_on_worker(&another->stubs[0]));
	cr_expect(!fly_procedure_is_on_worker(&another->stubs[1]));
	cr_expect(!fly_procedure_is_on_worker(&another->stubs[2]));
	fly_worker_pool_free(another);
}

/* "Strangers" in docs/protocol.md: not on a worker either. */
Case(worker, fly_slow_serve_worker__a_stranger_gets_no_long_result)
{
	struct fly_header h;

	w.at->link.is_private = false;
	send_nulls(1);
	cr_expect(run(0));
	expect_answer(0, FLY_PACKET_RESULT);
	cr_expect(!hand_record(&w, OTHER(0))->is_proven);
	h = hand_call(&w, OTHER(0), SEQ + 1, Probe_Fill_NUMBER, 4, 1);
	h.hint = answer.hint;
	send(&h);
	expect_answer(0, FLY_PACKET_CHALLENGE);
	cr_expect(!run(0) && !run(1) && w.node->service.executions == 1);
	hand_record(&w, OTHER(0))->is_proven = true; /* and now it is none any more */
	send(&h);
	cr_expect(run(0) && w.node->service.executions == 2);
	expect_answer(0, FLY_PACKET_RESULT);
}

/* ---- calls that may run again ---- */

/* Fill has run, its result was not retained, and a copy of it waits behind the calls that run. */
static struct fly_header wait_to_run_again(void)
{
	struct fly_header h;

	pool->stubs[Probe_Fill_NUMBER].flags |= FLY_PROCEDURE_IDEMPOTENT;
	h = hand_call(&w, OTHER(9), SEQ, Probe_Fill_NUMBER, 4, 1);
	send(&h);
	cr_expect(run(0));
	expect_answer(9, FLY_PACKET_RESULT);
	cr_assert(hand_record(&w, OTHER(9))->state == FLY_CONVERSATION_UNKEPT);
	send_nulls(2);
	h = hand_call(&w, OTHER(9), SEQ, Probe_Fill_NUMBER, 4, 1);
	h.flags = FLY_FLAG_RESENT;
	send(&h);
	cr_assert(pool->n_waiting == 1);
	return h;
}

Case(worker, fly_slow_packet_work_done__what_ran_before_is_not_called_not_executed)
{
	struct fly_header h = wait_to_run_again();

	fly_worker_pool_close(poller(), pool);
	sim_turn(w.sim);
	expect_answer(9, FLY_PACKET_REJECT);
	cr_expect(answer.procedure == FLY_EFORGOTTEN, "%s", fly_status_name(-answer.procedure));
	cr_expect(fly_outcome(-answer.procedure) == FLY_MAYBE_EXECUTED);
	h.flags = FLY_FLAG_RESENT | FLY_FLAG_ACK;
	send(&h);
	cr_expect(frame_take(w.peer, &f, &answer) && answer.type == FLY_PACKET_REJECT);
	cr_expect(fly_outcome(-answer.procedure) == FLY_MAYBE_EXECUTED, "nor is a copy told so");
}

Case(worker, fly_work_cancel__what_ran_before_may_run_again)
{
	struct fly_header h = wait_to_run_again();

	h = hand_about(&h, FLY_PACKET_CANCEL, FLY_ABOUT_CALL);
	send(&h);
	cr_expect(pool->n_waiting == 0);
	cr_expect(hand_record(&w, OTHER(9))->state == FLY_CONVERSATION_UNKEPT);
	cr_expect(run(0) && run(1) && w.node->service.executions == 3);
}

/* ---- those who ask ---- */

Case(worker, fly_worker_serve__copies_and_probes_are_told_that_it_runs)
{
	send_nulls(3);
	for (unsigned i = 0; i < 3; i += 2) { /* one runs, one waits */
		struct fly_header h = null_call(i, SEQ);

		h.flags = FLY_FLAG_RESENT | FLY_FLAG_ACK;
		send(&h);
		expect_answer(i, FLY_PACKET_ACK);
		h = hand_about(&h, FLY_PACKET_PROBE, FLY_ABOUT_CALL);
		send(&h);
		expect_answer(i, FLY_PACKET_ACK);
	}
	cr_expect(run(0) && run(1) && run(0));
	cr_expect(w.node->service.executions == 3);
	for (unsigned i = 0; i < 3; i++)
		cr_assert(frame_take(w.peer, &f, &answer) && answer.type == FLY_PACKET_RESULT);
}

Case(worker, fly_conversations_sweep__a_record_is_not_forgotten_while_its_call_runs)
{
	send_nulls(3);
	sim_run(w.sim, 70000); /* far longer than a record is kept */
	cr_expect(hand_record(&w, OTHER(0)) && hand_record(&w, OTHER(2)));
	cr_expect(run(0) && run(1) && run(0));
	cr_expect(w.node->service.executions == 3);
	for (unsigned i = 0; i < 3; i++)
		cr_assert(frame_take(w.peer, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	sim_run(w.sim, 70000);
	cr_expect(!hand_record(&w, OTHER(0)) && !hand_record(&w, OTHER(2)));
}

/* ---- callers that go away ---- */

static void cancel(unsigned i)
{
	const struct fly_header call = null_call(i, SEQ);
	const struct fly_header h = hand_about(&call, FLY_PACKET_CANCEL, FLY_ABOUT_CALL);

	send(&h);
}

static void expect_never(unsigned i)
{
	struct fly_header h = null_call(i, SEQ);

	expect_silence();
	h.flags = FLY_FLAG_RESENT | FLY_FLAG_ACK;
	send(&h);
	expect_answer(i, FLY_PACKET_REJECT);
}

Case(worker, fly_worker_withdraw__a_call_that_waits_is_not_run)
{
	send_nulls(3);
	cancel(2);
	cr_expect(pool->n_waiting == 0 && count(FLY_COUNT_cancels_received) == 1);
	expect_never(2);
	cr_expect(run(0) && run(1) && !run(0) && !run(1));
	cr_expect(w.node->service.executions == 2);
}

Case(worker, fly_worker_withdraw__nor_one_that_its_worker_has_not_looked_at)
{
	send_nulls(3);
	cancel(0);
	expect_never(0);
	cr_expect(pool->n_waiting == 0, "its worker has the next one");
	cr_expect(run(0) && run(1) && !run(0) && w.node->service.executions == 2);
}

static bool was_gone;
static bool is_gone;

static void cancel_inside(void *context)
{
	(void)context;
	was_gone = fly_cancelled();
	cancel(0);
	is_gone = fly_cancelled();
}

Case(worker, fly_cancelled__tells_a_procedure_on_a_worker)
{
	w.node->service.during = cancel_inside;
	send_nulls(1);
	cr_expect(run(0));
	cr_expect(!was_gone && is_gone && !fly_cancelled());
	expect_answer(0, FLY_PACKET_RESULT); /* the procedure ignores the cancel */
	w.node->service.during = know_where_it_runs;
	w.node->service.during_context = &pool->workers[1].next_idle;
	{
		const struct fly_header h = null_call(0, SEQ + 1);

		send(&h);
		cr_expect(pool->workers[0].handoff.slot.gone == 0, "the next one is not cancelled");
		w.node->service.during = NULL;
		cr_expect(run(0));
	}
}

/* ---- deadlines ---- */

static struct fly_header call_with_deadline(unsigned i, uint32_t us)
{
	struct fly_header h = null_call(i, SEQ);

	h.flags = FLY_FLAG_DEADLINE;
	h.length = 4;
	fly_put_u32(w.payload, us);
	return h;
}

Case(worker, fly_worker_take__one_that_waits_beyond_its_deadline_does_not_begin)
{
	struct fly_header h;

	send_nulls(2);
	h = call_with_deadline(2, 5000);
	send(&h);
	h = call_with_deadline(3, 500000);
	send(&h);
	sim_run(w.sim, 10);
	cr_expect(pool->n_waiting == 2 && run(0));
	cr_expect(count(FLY_COUNT_drop_late) == 1 && pool->n_waiting == 0);
	cr_expect(run(0) && run(1) && !run(0) && w.node->service.executions == 3);
	expect_answer(0, FLY_PACKET_RESULT);
	expect_answer(3, FLY_PACKET_RESULT);
	expect_answer(1, FLY_PACKET_RESULT);
	expect_never(2);
}

static uint64_t deadline_tsc;

static void note_deadline(void *context)
{
	(void)context;
	deadline_tsc = fly_worker_here()->deadline_tsc;
}

Case(worker, fly_worker_run__knows_the_deadline)
{
	const struct fly_header h = call_with_deadline(0, 7000);
	const uint64_t before_tsc = w.sim->now_tsc;

	w.node->service.during = note_deadline;
	send(&h);
	cr_expect(run(0));
	cr_expect(deadline_tsc > before_tsc && deadline_tsc != FLY_NEVER &&
		  deadline_tsc <= w.sim->now_tsc + 7 * poller()->tsc_per_ms);
	send_nulls(2);
	cr_expect(run(0) || run(1));
	cr_expect(deadline_tsc == FLY_NEVER);
}

/* ---- links that go away ---- */

Case(worker, fly_work_link_lost__results_are_dropped_and_packets_come_back)
{
	send_nulls(4);
	begin_by_hand(&pool->workers[0].handoff.slot);
	fly_link_lost(poller(), poller()->links[0]);
	poller()->links[0]->up = true;
	cr_expect(pool->n_waiting == 0 && poller()->n_on_workers == 1);
	cr_expect(hand_record(&w, OTHER(0)) && !hand_record(&w, OTHER(1)) &&
		  !hand_record(&w, OTHER(3)));
	cr_expect(pool->workers[0].handoff.slot.gone == 1);
	let_run(&pool->workers[0].handoff.slot);
	cr_expect(run(0) && !run(1) && !hand_record(&w, OTHER(0)));
	expect_silence();
	cr_expect(poller()->n_on_workers == 0 && w.node->service.executions == 1);
	send_nulls(1); /* the pool still works */
	cr_expect(run(0) || run(1));
	expect_answer(0, FLY_PACKET_RESULT);
}

/* ---- the end of an export ---- */

Case(worker, fly_worker_pool_close__those_that_wait_are_refused_those_that_run_have_results)
{
	send_nulls(4);
	fly_worker_pool_close(poller(), pool);
	sim_turn(w.sim);
	expect_answer(2, FLY_PACKET_REJECT);
	cr_expect(answer.procedure == FLY_EBUSY && answer.seq == SEQ);
	expect_answer(3, FLY_PACKET_REJECT);
	cr_expect(pool->workers[0].handoff.slot.gone && pool->workers[1].handoff.slot.gone);
	cr_expect(run(0));
	expect_answer(0, FLY_PACKET_RESULT);
	{
		const struct fly_header h = null_call(5, SEQ);

		send(&h);
		expect_answer(5, FLY_PACKET_REJECT);
	}
	expect_never(2);
}

/* ---- every way in which arguments and results can lie ---- */

/* A caller and a server with simulated links, and the server's workers without threads. */
static struct pair v;
static bool through;

static bool until(struct fly_call *call)
{
	for (unsigned i = 0; i < 200 && !fly_ready(call); i++) {
		sim_turn(v.sim);
		for (uint32_t k = 0; k < pool->n; k++)
			through = fly_worker_run(&pool->workers[k]) || through;
	}
	return fly_ready(call);
}

static void begin_pair(void)
{
	pair_begin(&v, NULL, NULL);
	give_workers(sim_poller(v.server), &sim_poller(v.server)->exports[1], 1);
}

static void end_pair(void)
{
	cr_expect(through && v.server->service.wrong == 0);
	cr_expect(sim_count(v.server, FLY_COUNT_calls_on_workers) ==
		  sim_count(v.server, FLY_COUNT_calls_served));
	take_workers(sim_poller(v.server));
	cr_expect(sim_end(v.sim) == 0, "something is missing at the end");
}

Test(worker, fly_worker_serve__all_layouts)
{
	uint8_t in[1440];
	uint8_t out[1440];
	struct fly_call *call;
	uint32_t sum;
	bool not ;

	begin_pair();
	for (uint32_t i = 1; i <= 20; i++) {
		cr_assert(Probe_Fill_start(v.binding, i, &call) == 0 && until(call));
		cr_expect(Probe_Fill_finish(call, out) == 0);
		cr_expect(out[7] != out[8]);
		probe_fill(in, sizeof in, i);
		cr_assert(Probe_Sum_start(v.binding, i, in, &call) == 0 && until(call));
		cr_expect(Probe_Sum_finish(call, &sum) == 0 && sum == probe_sum(i));
		cr_assert(Probe_Mirror_start(v.binding, i, in, &call) == 0 && until(call));
		cr_expect(Probe_Mirror_finish(call, out) == 0);
		cr_assert(Probe_Swap_start(v.binding, i, in, &call) == 0 && until(call));
		cr_expect(Probe_Swap_finish(call, out) == 0);
		cr_assert(Probe_Not_start(v.binding, true, &call) == 0 && until(call));
		cr_expect(Probe_Not_finish(call, &not ) == 0 && !not );
	}
	end_pair();
}

/* ---- several packets, and errors with words ---- */

enum {
	SUM,
	FILL,
	FAIL,
	PROCEDURES
};

#define EXPORT 0x1234502u
#define LONG   50000u

static int sum(struct fly_served *served)
{
	const uint32_t number = fly_get_u32(served->arguments);

	v.server->service.wrong +=
		!probe_is(served->arguments + 4, served->argument_bytes - 4, number);
	fly_put_u32(served->results, probe_sum(number));
	served->result_bytes = 4;
	return 0;
}

static int fill(struct fly_served *served)
{
	served->result_bytes = LONG;
	probe_fill(served->results, LONG, fly_get_u32(served->arguments));
	return 0;
}

static int fail(struct fly_served *served)
{
	served->raised = fly_raise(4711, "said on a worker");
	return -FLY_ERAISED;
}

static const struct fly_procedure procedures[] = {
	[SUM] = {"Sum", sum, LONG, 4, 0, FLY_RESULTS_SECOND, 0},
	[FILL] = {"Fill", fill, 4, LONG, 0, FLY_RESULTS_SECOND, 0},
	[FAIL] = {"Fail", fail, 4, 8, 0, FLY_RESULTS_OVER, 0},
};
static const struct fly_interface interface = {FLY_STUB_VERSION, "Long", 1, PROCEDURES, procedures};
static struct fly_binding *binding;

static void begin_long(void)
{
	struct fly_export *export;

	pair_begin(&v, NULL, NULL);
	export = &sim_poller(v.server)->exports[EXPORT % FLY_EXPORTS];
	*export = (struct fly_export){
		.id = EXPORT,
		.n_procedures = PROCEDURES,
		.stubs = procedures,
		.procedures = procedures,
		.interface = &interface,
	};
	give_workers(sim_poller(v.server), export, 1);
	binding = sim_import(v.sim, v.caller, v.at_caller, EXPORT);
	sim_turn(v.sim);
}

static struct fly_call *start(uint16_t procedure, uint32_t number, uint32_t bytes)
{
	struct fly_call *call;

	cr_assert(binding->starter(binding, procedure, bytes, &call) == 0);
	fly_put_u32(call->payload, number);
	probe_fill(call->payload + 4, bytes - 4, number);
	binding->send(call);
	return call;
}

Test(worker, fly_worker_serve_bulk__long_arguments_and_results)
{
	struct fly_call *call;

	begin_long();
	for (uint32_t i = 1; i < 5; i++) {
		call = start(SUM, i, LONG);
		cr_assert(until(call) && binding->wait(call) == 0);
		cr_expect(fly_get_u32(call->payload) == probe_sum(i));
		binding->ender(call);
		call = start(FILL, i, 4);
		cr_assert(until(call) && binding->wait(call) == 0);
		cr_expect(call->length == LONG && probe_is(call->payload, LONG, i));
		binding->ender(call);
	}
	end_pair();
}

/* Turn until the server's worker has the call, without running it. */
static void until_handed(struct fly_call *call)
{
	for (unsigned i = 0; i < 200 && sim_poller(v.server)->n_on_workers == 0; i++)
		sim_turn(v.sim);
	cr_assert(sim_poller(v.server)->n_on_workers == 1 && !fly_ready(call));
}

Test(worker, fly_worker_serve_bulk__cancelled_before_it_runs)
{
	struct fly_call *call;

	begin_long();
	call = start(SUM, 1, LONG);
	until_handed(call);
	cr_expect(fly_cancel(call) == 0 && binding->wait(call) == -FLY_ECANCELLED);
	sim_run(v.sim, 5);
	cr_expect(!fly_worker_run(&pool->workers[0]) && sim_poller(v.server)->n_on_workers == 0);
	sim_run(v.sim, 100);
	cr_expect(sim_poller(v.server)->bulk.n == 0, "the arguments are let go");
	through = true;
	end_pair();
}

Test(worker, fly_worker_serve_bulk__its_link_goes_away_while_it_runs)
{
	struct fly_call *call;

	begin_long();
	call = start(SUM, 1, LONG);
	until_handed(call);
	begin_by_hand(&pool->workers[0].handoff.slot);
	fly_link_lost(sim_poller(v.server), &v.at_server->link);
	v.at_server->link.up = true;
	cr_expect(sim_poller(v.server)->n_on_workers == 1);
	let_run(&pool->workers[0].handoff.slot);
	cr_expect(fly_worker_run(&pool->workers[0]));
	sim_turn(v.sim);
	cr_expect(sim_poller(v.server)->n_on_workers == 0 && sim_poller(v.server)->bulk.n == 0);
	through = true;
	fly_cancel(call);
	binding->wait(call);
	end_pair();
}

Test(worker, fly_worker_run__words_of_an_error_come_from_the_worker)
{
	struct fly_call *call;

	begin_long();
	for (uint32_t i = 1; i <= 3; i++) {
		call = start(FAIL, i, 4);
		cr_assert(until(call) && binding->wait(call) == -FLY_ERAISED);
		cr_expect(fly_raised()->number == 4711);
		cr_expect_str_eq(fly_raised()->text, "said on a worker");
	}
	cr_expect(sim_count(v.server, FLY_COUNT_calls_raised) == 3);
	end_pair();
}
