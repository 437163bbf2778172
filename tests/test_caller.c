/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_caller.c - the caller's half of a call, through generated stubs: data both ways, many calls
 * at a time, each way in which a call ends, and what an entry remembers.
 */
#include <criterion/criterion.h>

#include "case.h"
#include "marshal/raise.h"
#include "pair.h"

static struct pair w;

static void begin(void)
{
	const struct sim_node_config caller = {.packets = 255, .calls = 32};

	pair_begin(&w, &caller, NULL);
	sim_turn(w.sim);
}

static void end(void)
{
	cr_expect(w.server->service.wrong == 0, "arguments arrived wrong");
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(caller, .timeout = HANG);

static struct fly_call_entry *entry(uint32_t i)
{
	return &sim_poller(w.caller)->calls.entries[i];
}

/* ---- calls that return ---- */

Case(caller, transporter__data_of_every_size_and_layout_arrives)
{
	uint8_t there[1400];
	uint8_t back[1440];
	uint64_t result64;
	uint32_t result32;
	struct fly_call *call;
	bool negated;

	for (uint32_t n = 1; n <= 50; n++) {
		cr_assert(Probe_Null_start(w.binding, &call) == 0);
		cr_assert(sim_until(w.sim, call, 5));
		cr_assert(Probe_Null_finish(call) == 0);

		cr_assert(Probe_Add_start(w.binding, n, UINT64_MAX - 5, &call) == 0);
		cr_assert(sim_until(w.sim, call, 5));
		cr_assert(Probe_Add_finish(call, &result64) == 0 && result64 == n - UINT64_C(6));

		cr_assert(Probe_Fill_start(w.binding, n, &call) == 0);
		cr_assert(sim_until(w.sim, call, 5));
		cr_assert(Probe_Fill_finish(call, back) == 0);
		cr_assert(probe_is(back, 1440, probe_sum(n)));

		probe_fill(there, 1400, n);
		cr_assert(Probe_Sum_start(w.binding, n, there, &call) == 0);
		cr_assert(sim_until(w.sim, call, 5));
		cr_assert(Probe_Sum_finish(call, &result32) == 0 && result32 == probe_sum(n));

		cr_assert(Probe_Mirror_start(w.binding, n, there, &call) == 0);
		cr_assert(sim_until(w.sim, call, 5));
		cr_assert(Probe_Mirror_finish(call, back) == 0);
		for (unsigned i = 0; i < 500; i++)
			cr_assert(back[i] == there[499 - i]);

		cr_assert(Probe_Swap_start(w.binding, n, there, &call) == 0);
		cr_assert(sim_until(w.sim, call, 5));
		cr_assert(Probe_Swap_finish(call, back) == 0);
		for (unsigned i = 0; i < 1200; i++)
			cr_assert(back[i] == there[1199 - i]);

		cr_assert(Probe_Not_start(w.binding, n % 2, &call) == 0);
		cr_assert(sim_until(w.sim, call, 5));
		cr_assert(Probe_Not_finish(call, &negated) == 0 && negated == (n % 2 == 0));
	}
	cr_expect(w.server->service.executions == 350);
	cr_expect(sim_count(w.caller, FLY_COUNT_calls_started) == 350);
	cr_expect(sim_count(w.caller, FLY_COUNT_calls_returned) == 350);
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) == 0);
	cr_expect(sim_poller(w.caller)->calls.n_unbound == 31, "one at a time needs one entry");
}

Case(caller, transporter__the_hint_leads_the_next_call_to_its_record)
{
	for (uint32_t n = 0; n < 10; n++)
		cr_assert(pair_add(&w, n) == 0);
	cr_expect(entry(0)->hint < 64);
	cr_expect(sim_count(w.server, FLY_COUNT_hint_misses) == 0);
	cr_expect(sim_count(w.server, FLY_COUNT_conversations_opened) == 1);
}

Case(caller, starter__each_call_of_an_entry_is_one_later)
{
	uint32_t seq;

	cr_assert(pair_add(&w, 1) == 0);
	seq = entry(0)->seq;
	entry(0)->seq = UINT32_MAX - 2; /* and across the wrap */
	sim_poller(w.server)->conversations.records[entry(0)->hint].seq = UINT32_MAX - 2;
	for (uint32_t n = 0; n < 6; n++)
		cr_assert(pair_add(&w, n) == 0);
	cr_expect(entry(0)->seq == 3);
	cr_expect(w.server->service.executions == 7);
	(void)seq;
}

Case(caller, wait__many_calls_finish_in_any_order)
{
	struct fly_call *calls[32];
	uint64_t result;

	for (uint32_t round = 0; round < 20; round++) {
		for (uint32_t i = 0; i < 32; i++)
			cr_assert(Probe_Add_start(w.binding, i, round, &calls[i]) == 0);
		sim_run(w.sim, 1);
		for (uint32_t k = 0; k < 32; k++) {
			const uint32_t i = (k * 13 + round) % 32;

			cr_assert(fly_ready(calls[i]));
			cr_assert(Probe_Add_finish(calls[i], &result) == 0);
			cr_assert(result == i + round);
		}
	}
	cr_expect(w.server->service.executions == 640);
	cr_expect(sim_poller(w.caller)->calls.n_unbound == 0);
}

Case(caller, Probe_Fill_view__shows_the_result_where_it_lies_until_it_is_released)
{
	const unsigned free_before = rte_mempool_avail_count(w.caller->runtime.group.pool) +
				     sim_poller(w.caller)->cache.n;
	const uint8_t *data;
	struct fly_call *call;

	cr_assert(Probe_Fill_start(w.binding, 9, &call) == 0);
	cr_assert(sim_until(w.sim, call, 5));
	cr_assert(Probe_Fill_view(call, &data) == 0);
	cr_expect(probe_is(data, 1440, probe_sum(9)));
	cr_expect(rte_mempool_avail_count(w.caller->runtime.group.pool) +
			  sim_poller(w.caller)->cache.n ==
		  free_before - 1);
	fly_release(call);
	cr_expect(rte_mempool_avail_count(w.caller->runtime.group.pool) +
			  sim_poller(w.caller)->cache.n ==
		  free_before);
}

/* ---- calls that fail at once: nothing is left to undo ---- */

Case(caller, starter__out_of_entries)
{
	struct fly_call *calls[33];
	uint64_t result;

	for (unsigned i = 0; i < 32; i++)
		cr_assert(Probe_Add_start(w.binding, i, 0, &calls[i]) == 0);
	cr_expect(Probe_Add_start(w.binding, 32, 0, &calls[32]) == -FLY_ECALLS);
	sim_run(w.sim, 1);
	for (unsigned i = 0; i < 32; i++)
		cr_expect(Probe_Add_finish(calls[i], &result) == 0);
	cr_expect(pair_add(&w, 33) == 0);
}

Case(caller, starter__out_of_packets)
{
	struct fly_packet_cache *cache = &sim_poller(w.caller)->cache;
	struct rte_mbuf *all[256];
	struct fly_call *call;
	unsigned n = 0;

	while ((all[n] = fly_packet_get(cache, 0)))
		n++;
	cr_expect(n == 255);
	cr_expect(Probe_Null_start(w.binding, &call) == -FLY_EPACKETS);
	while (n)
		fly_packet_put(cache, all[--n]);
	cr_expect(pair_add(&w, 1) == 0);
	cr_expect(w.server->service.executions == 1);
}

Case(caller, starter__arguments_that_one_packet_of_the_link_does_not_take)
{
	struct fly_binding *narrow;
	struct fly_call *call;
	uint8_t data[1400];
	uint32_t sum;

	probe_fill(data, sizeof data, 1);
	w.at_caller->link.payload_max = 1403;
	narrow = sim_import(w.sim, w.caller, w.at_caller, w.server->export_id);
	cr_assert(Probe_Sum_start(narrow, 1, data, &call) == 0);
	cr_assert(sim_until(w.sim, call, 5));
	cr_expect(Probe_Sum_finish(call, &sum) == 0 && sum == probe_sum(1));
	cr_expect(sim_count(w.caller, FLY_COUNT_fragments_sent) == 2);
	sim_unbind(w.sim, narrow);
}

Case(caller, starter__arguments_that_nothing_takes)
{
	struct fly_binding *narrow;
	struct fly_call *call;

	cr_expect(w.binding->starter(w.binding, 0, FLY_MESSAGE_MAX + 1, &call) == -FLY_ETOOBIG);
	w.at_caller->link.payload_max = 100;
	narrow = sim_import(w.sim, w.caller, w.at_caller, w.server->export_id);
	cr_expect(narrow->starter(narrow, 0, 65535 * 100 + 1, &call) == -FLY_ETOOBIG);
	cr_assert(narrow->starter(narrow, 0, 65535 * 100, &call) == 0, "and is not sent");
	cr_expect(((uintptr_t)call->payload & 15) == 0 && call->length == 65535 * 100);
}

Case(caller, starter__link_down)
{
	struct fly_call *call;

	w.at_caller->link.up = false;
	cr_expect(Probe_Null_start(w.binding, &call) == -FLY_ELINK);
	w.at_caller->link.up = true;
	cr_expect(pair_add(&w, 1) == 0);
}

static int inner_status[2];

static void call_out(void *binding)
{
	struct fly_call *call;

	inner_status[0] = Probe_Null_start(binding, &call);
	sim_poller(w.server)->nested = FLY_NESTED_MAX; /* as if so many procedures were nested */
	inner_status[1] = Probe_Null_start(binding, &call);
	sim_poller(w.server)->nested = 0;
}

Case(caller, starter__a_procedure_calls_through_the_poller_that_runs_it_but_not_for_ever)
{
	struct fly_binding *back;
	struct fly_call *call;

	back = sim_import(w.sim, w.server, w.at_server, 0x5000001);
	w.server->service.during = call_out;
	w.server->service.during_context = back;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	cr_assert(sim_until(w.sim, call, 5));
	cr_expect(Probe_Null_finish(call) == 0);
	cr_expect(inner_status[0] == 0 && inner_status[1] == -FLY_ECONFLICT);
	cr_expect(w.server->service.executions == 1);
}

/* ---- calls that fail later ---- */

Case(caller, Probe_Add_finish__the_status_that_the_server_says)
{
	struct fly_interface more = *sim_poller(w.server)->exports[1].interface;
	uint8_t data[1000];
	struct fly_call *call;
	uint64_t result = 42;

	cr_assert(Probe_Raise_start(w.binding, 5, &call) == 0);
	cr_assert(sim_until(w.sim, call, 5));
	cr_expect(Probe_Raise_finish(call, data) == -FLY_ERAISED);
	sim_poller(w.server)->exports[1].n_procedures = 1;
	cr_assert(Probe_Add_start(w.binding, 1, 2, &call) == 0);
	cr_assert(sim_until(w.sim, call, 5));
	cr_expect(Probe_Add_finish(call, &result) == -FLY_ENOPROC);
	cr_expect(result == 42, "a call that fails assigns nothing");
	sim_poller(w.server)->exports[1].n_procedures = more.n_procedures;
	/* A stub that sends too few arguments: only the server can detect it. */
	cr_assert(w.binding->starter(w.binding, Probe_Add_NUMBER, 15, &call) == 0);
	memset(call->payload, 0, 15);
	w.binding->send(call);
	cr_assert(sim_until(w.sim, call, 5));
	cr_expect(w.binding->wait(call) == -FLY_EMALFORMED);
	cr_expect(pair_add(&w, 1) == 0);
}

static const uint8_t *answered; /* payload that answer() sends; NULL: zeroes */

/* Answer the call in flight by a handmade result packet. */
static void answer(uint16_t status, uint16_t length)
{
	struct fly_header h = {
		.type = status ? FLY_PACKET_EXCEPTION : FLY_PACKET_RESULT,
		.procedure = status,
		.export_id = w.server->export_id,
		.activity = entry(0)->activity,
		.seq = entry(0)->seq,
		.fragments = 1,
		.hint = 0,
		.length = length,
	};
	struct frame f;

	frame_make(&f, &h, w.at_server, w.at_caller,
		   length == 0 ? NULL
		   : answered  ? answered
			       : (const uint8_t[32]){0});
	frame_put(w.at_caller, &f);
}

Case(caller, Probe_Add_finish__results_that_cannot_be_right)
{
	static const uint16_t lengths[] = {0, 7, 9, 16};
	static const uint16_t statuses[] = {FLY_EINVAL, FLY_EPEER, FLY_ESTALE, FLY_ERESULT,
					    FLY_EBUSY,  999,       0xffff};
	struct fly_call *call;
	uint64_t result = 42;

	w.at_caller->faults.drop_percent = 100;
	for (unsigned i = 0; i < RTE_DIM(lengths); i++) {
		cr_assert(Probe_Add_start(w.binding, 1, 2, &call) == 0);
		answer(0, lengths[i]);
		cr_assert(sim_until(w.sim, call, 5));
		cr_expect(Probe_Add_finish(call, &result) == -FLY_ERESULT, "length %u", lengths[i]);
	}
	for (unsigned i = 0; i < RTE_DIM(statuses); i++) {
		cr_assert(Probe_Add_start(w.binding, 1, 2, &call) == 0);
		answer(statuses[i], 8);
		cr_assert(sim_until(w.sim, call, 5));
		cr_expect(Probe_Add_finish(call, &result) == -FLY_ERESULT, "status %u",
			  statuses[i]);
	}
	cr_expect(result == 42);
	w.at_caller->faults.drop_percent = 0;
}

/* The first call of a millisecond is timed and takes the slow path; the second is not. */
Case(caller, fly_receive_plain__results_with_one_thing_wrong)
{
	struct fly_call *call;
	uint64_t sum;

	cr_assert(pair_add(&w, 1) == 0);
	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Add_start(w.binding, 1, 2, &call) == 0);
	cr_assert(entry(0)->state == FLY_CALL_WAITING);
	w.at_server->link.ip ^= 0x01000000;
	answer(0, 8);
	w.at_server->link.ip ^= 0x01000000;
	w.at_server->link.udp_port ^= 1;
	answer(0, 8);
	w.at_server->link.udp_port ^= 1;
	entry(0)->seq--;
	answer(0, 8);
	entry(0)->seq++;
	entry(0)->activity ^= UINT64_C(1) << 63;
	answer(0, 8);
	entry(0)->activity ^= UINT64_C(1) << 63;
	sim_turn(w.sim);
	sim_turn(w.sim);
	cr_expect(!fly_ready(call));
	cr_expect(sim_count(w.caller, FLY_COUNT_drop_wrong_peer) == 2);
	cr_expect(sim_count(w.caller, FLY_COUNT_drop_sequence) == 1);
	cr_expect(sim_count(w.caller, FLY_COUNT_drop_activity) == 1);
	answer(0, 8);
	cr_assert(sim_until(w.sim, call, 5));
	cr_expect(Probe_Add_finish(call, &sum) == 0);
	w.at_caller->faults.drop_percent = 0;
}

/* ---- how a procedure may have ended ---- */

/* Wait for the call in flight, whose answer is handmade. */
static int waited(uint16_t status, const void *results, uint16_t bytes, struct fly_call **call)
{
	answered = results;
	cr_assert(w.binding->starter(w.binding, Probe_Add_NUMBER, 16, call) == 0);
	memset((*call)->payload, 0, 16);
	w.binding->send(*call);
	answer(status, bytes);
	answered = NULL;
	cr_assert(sim_until(w.sim, *call, 5));
	return w.binding->wait(*call);
}

Case(caller, wait__an_exception_is_read_until_the_ender)
{
	static const uint8_t exception[20] = {9, 0, 0, 0, 1, 2, 3, 4};
	struct fly_call *call;

	w.at_caller->faults.drop_percent = 100;
	cr_assert(waited(FLY_EEXCEPTION, exception, 20, &call) == -FLY_EEXCEPTION);
	cr_expect(call->length == 20 && memcmp(call->payload, exception, 20) == 0);
	cr_expect(entry(0)->state == FLY_CALL_DONE);
	w.binding->ender(call);
	cr_expect(entry(0)->state == FLY_CALL_IDLE);
	/* fly_release() also ends a view. A stub without exceptions ends the call itself. */
	cr_assert(waited(FLY_EEXCEPTION, exception, 20, &call) == -FLY_EEXCEPTION);
	fly_release(call);
	cr_assert(waited(FLY_EEXCEPTION, exception, 20, &call) == -FLY_EEXCEPTION);
	cr_expect(fly_stub_failed(call, -FLY_EEXCEPTION) == -FLY_ERESULT);
	/* Unbinding ends a call that is never ended. */
	cr_assert(waited(FLY_EEXCEPTION, exception, 20, &call) == -FLY_EEXCEPTION);
	w.at_caller->faults.drop_percent = 0;
	cr_expect(pair_add(&w, 1) == 0);
}

Case(caller, wait__an_undeclared_error_is_told_and_the_call_is_over)
{
	uint8_t results[FLY_RAISED_BYTES_MAX];
	struct fly_call *call;
	uint32_t bytes;

	w.at_caller->faults.drop_percent = 100;
	fly_raise(12, "the disk is full");
	bytes = fly_raised_put(results, 12);
	cr_expect(waited(FLY_ERAISED, results, (uint16_t)bytes, &call) == -FLY_ERAISED);
	cr_expect(entry(0)->state == FLY_CALL_IDLE);
	cr_expect(fly_raised()->number == 12);
	cr_expect_str_eq(fly_raised()->text, "the disk is full");
	cr_expect(waited(FLY_ERAISED, results, 5, &call) == -FLY_ERAISED, "no words to be read");
	cr_expect(fly_raised()->number == 0 && fly_raised()->text[0] == '\0');
	cr_expect(waited(FLY_ENOMEM, NULL, 0, &call) == -FLY_ENOMEM);
	cr_expect(entry(0)->state == FLY_CALL_IDLE);
	w.at_caller->faults.drop_percent = 0;
	cr_expect(pair_add(&w, 1) == 0);
}

Case(caller, Probe_Fill_view__a_wrong_result_leaves_nothing_behind)
{
	const uint8_t *data;
	struct fly_call *call;

	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Fill_start(w.binding, 1, &call) == 0);
	answer(0, 32);
	cr_assert(sim_until(w.sim, call, 5));
	cr_expect(Probe_Fill_view(call, &data) == -FLY_ERESULT);
	w.at_caller->faults.drop_percent = 0;
	cr_expect(pair_add(&w, 1) == 0);
}

/* ---- a binding that ends ---- */

Case(caller, fly_unbind__with_a_call_in_every_state)
{
	struct fly_binding *other = sim_import(w.sim, w.caller, w.at_caller, w.server->export_id);
	uint8_t data[1400] = {0};
	struct fly_call *call;

	probe_fill(data, sizeof data, 1);
	/* IDLE */
	cr_assert(Probe_Null_start(other, &call) == 0);
	cr_assert(sim_until(w.sim, call, 5));
	cr_assert(Probe_Null_finish(call) == 0);
	/* DONE, with its result packet */
	cr_assert(Probe_Fill_start(other, 3, &call) == 0);
	cr_assert(sim_until(w.sim, call, 5));
	/* FAILED */
	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Null_start(other, &call) == 0);
	cr_assert(sim_until(w.sim, call, 5000));
	/* WAITING: small, and large with a retained packet; one of them still queued */
	cr_assert(Probe_Add_start(other, 1, 1, &call) == 0);
	cr_assert(Probe_Sum_start(other, 1, data, &call) == 0);
	sim_turn(w.sim);
	cr_assert(Probe_Sum_start(other, 1, data, &call) == 0);
	/* STARTED, not sent */
	cr_assert(other->starter(other, Probe_Add_NUMBER, 16, &call) == 0);
	cr_expect(sim_poller(w.caller)->calls.n_unbound == 26);
	sim_unbind(w.sim, other);
	cr_expect(sim_poller(w.caller)->calls.n_unbound == 32);
	w.at_caller->faults.drop_percent = 0;
	cr_expect(pair_add(&w, 1) == 0, "the entries serve others");
}

Case(caller, fly_unbind__a_late_result_finds_nobody)
{
	struct fly_call *call;

	w.at_server->faults.delay_mask = 1;
	w.at_server->faults.delay_us = 5000;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	sim_turn(w.sim);
	sim_turn(w.sim);
	sim_unbind(w.sim, w.binding);
	w.binding = sim_import(w.sim, w.caller, w.at_caller, w.server->export_id);
	cr_assert(Probe_Null_start(w.binding, &call) == 0, "the entry has a new owner");
	sim_run(w.sim, 10);
	cr_assert(fly_ready(call));
	cr_expect(Probe_Null_finish(call) == 0);
	cr_expect(sim_count(w.caller, FLY_COUNT_drop_activity) == 1);
}

/* ---- what the next call has to do with one that failed ---- */

/* An Add that gets a handmade refusal, or no answer. Return: its status. */
static int add_refused(enum fly_status refusal)
{
	struct fly_header h = {.type = FLY_PACKET_REJECT, .procedure = refusal, .fragments = 1};
	struct fly_call *call;
	struct frame f;
	uint64_t sum;

	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Add_start(w.binding, 1, 2, &call) == 0);
	h.activity = entry(0)->activity;
	h.seq = entry(0)->seq;
	frame_make(&f, &h, w.at_server, w.at_caller, NULL);
	if (refusal != FLY_OK)
		frame_put(w.at_caller, &f);
	cr_assert(sim_until(w.sim, call, 5000));
	w.at_caller->faults.drop_percent = 0;
	return Probe_Add_finish(call, &sum);
}

Case(caller, fly_caller_fail__in_doubt_a_refusal_of_the_next_call_proves_nothing)
{
	uint64_t activity;

	cr_assert(pair_add(&w, 1) == 0);
	activity = entry(0)->activity;
	cr_expect(add_refused(FLY_EBUSY) == -FLY_EBUSY);
	cr_expect(add_refused(FLY_EBUSY) == -FLY_EBUSY, "no copy of the one before will ever run");
	cr_expect(add_refused(FLY_OK) == -FLY_EPEER);
	/* A late copy of that call could open a record, and a copy of this call could then run. */
	cr_expect(add_refused(FLY_EBUSY) == -FLY_EFORGOTTEN);
	cr_expect(add_refused(FLY_EBUSY) == -FLY_EFORGOTTEN, "nor is it known of that one");
	cr_expect(pair_add(&w, 2) == 0);
	cr_expect(add_refused(FLY_EBUSY) == -FLY_EBUSY, "there is a record now");
	cr_expect(entry(0)->activity == activity, "no server said that it was busy with it");
}
