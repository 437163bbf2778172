/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_bulk.c - calls of several packets: every cell of docs/protocol.md about fragments and their
 * acknowledgements. The interface is made by hand, beside Probe; its stubs count their executions.
 */
#include <criterion/criterion.h>

#include "case.h"
#include "marshal/raise.h"
#include "pair.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/records.h"
#include "slowpath/sweep.h"

#define MOST   (1U << 20)
#define EXPORT (0x7654320u + 2)
#define UNIT   1440U

static struct pair w;
static struct fly_binding *bulk; /* binds w's caller to the export below */
static unsigned runs;
static int ends_with; /* what the stubs return */
static uint8_t data[MOST + 4];

/* ---- the interface ---- */

enum {
	ECHO,  /* returns the arguments, each byte plus one */
	FILL,  /* u32 number, u32 bytes -> so many bytes made from the number */
	SUM,   /* u32 number, bytes made from the number -> u32 */
	OVER,  /* as ECHO; results overlap the arguments */
	BEHIND /* as FILL; results lie behind the arguments */
};

static int more(struct fly_served *served)
{
	runs++;
	for (uint32_t i = 0; i < served->argument_bytes; i++)
		served->results[i] = (uint8_t)(served->arguments[i] + 1);
	served->result_bytes = served->argument_bytes;
	return ends_with;
}

static int fill(struct fly_served *served)
{
	if (served->argument_bytes != 8)
		return -FLY_EMALFORMED;
	runs++;
	served->raised = 77;
	served->result_bytes = fly_get_u32(served->arguments + 4);
	probe_fill(served->results, served->result_bytes, fly_get_u32(served->arguments));
	return ends_with;
}

static int sum(struct fly_served *served)
{
	uint32_t number;

	if (served->argument_bytes < 4)
		return -FLY_EMALFORMED;
	runs++;
	number = fly_get_u32(served->arguments);
	w.server->service.wrong +=
		!probe_is(served->arguments + 4, served->argument_bytes - 4, number);
	fly_put_u32(served->results, probe_sum(number));
	served->result_bytes = 4;
	return ends_with;
}

static const struct fly_procedure procedures[] = {
	[ECHO] = {"Echo", more, MOST, MOST, 0, FLY_RESULTS_SECOND, 0},
	[FILL] = {"Fill", fill, 8, MOST, 0, FLY_RESULTS_SECOND, 0},
	[SUM] = {"Sum", sum, MOST + 4, 4, 0, FLY_RESULTS_SECOND, 0},
	[OVER] = {"Over", more, 1900, 1900, 0, FLY_RESULTS_OVER, 0},
	[BEHIND] = {"Behind", fill, 8, 1900, 8, FLY_RESULTS_BEHIND, 0},
};
static const struct fly_interface interface = {FLY_STUB_VERSION, "Bulk", 1, RTE_DIM(procedures),
					       procedures};

static void export_it(struct sim_node *node)
{
	sim_poller(node)->exports[EXPORT % FLY_EXPORTS] = (struct fly_export){
		.id = EXPORT,
		.n_procedures = RTE_DIM(procedures),
		.stubs = procedures,
		.procedures = procedures,
		.interface = &interface,
	};
	runs = 0;
	ends_with = 0;
}

static void begin_with(const struct sim_node_config *caller, const struct sim_node_config *server)
{
	pair_begin(&w, caller, server);
	export_it(w.server);
	bulk = sim_import(w.sim, w.caller, w.at_caller, EXPORT);
	sim_turn(w.sim);
}

static void begin(void)
{
	begin_with(NULL, NULL);
}

static void end(void)
{
	cr_expect(w.server->service.wrong == 0, "arguments arrived wrong");
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(bulk, .timeout = HANG);

/* ---- calls ---- */

/* Start a call whose arguments are made from a number, as SUM wants them. */
static struct fly_call *start(uint16_t procedure, uint32_t number, uint32_t bytes)
{
	struct fly_call *call;

	cr_assert(bulk->starter(bulk, procedure, bytes, &call) == 0);
	if (procedure == FILL || procedure == BEHIND)
		cr_assert_fail();
	if (bytes >= 4)
		fly_put_u32(call->payload, number);
	probe_fill(call->payload + 4, bytes - 4, number);
	bulk->send(call);
	return call;
}

static struct fly_call *start_fill(uint16_t procedure, uint32_t number, uint32_t bytes)
{
	struct fly_call *call;

	cr_assert(bulk->starter(bulk, procedure, 8, &call) == 0);
	fly_put_u32(call->payload, number);
	fly_put_u32(call->payload + 4, bytes);
	bulk->send(call);
	return call;
}

static bool is_echo(const struct fly_call *call, uint32_t number, uint32_t bytes)
{
	fly_put_u32(data, number);
	probe_fill(data + 4, bytes - 4, number);
	if (call->length != bytes)
		return false;
	for (uint32_t i = 0; i < bytes; i++) {
		if (call->payload[i] != (uint8_t)(data[i] + 1))
			return false;
	}
	return true;
}

static void finish_echo(struct fly_call *call, uint32_t number, uint32_t bytes)
{
	cr_assert(sim_until(w.sim, call, 20000), "it does not end");
	cr_assert(bulk->wait(call) == 0);
	cr_expect(is_echo(call, number, bytes), "call %u: other results", number);
	bulk->ender(call);
}

static void finish_fill(struct fly_call *call, uint32_t number, uint32_t bytes)
{
	cr_assert(sim_until(w.sim, call, 20000), "it does not end");
	cr_assert(bulk->wait(call) == 0);
	cr_expect(call->length == bytes && probe_is(call->payload, bytes, number));
	bulk->ender(call);
}

static void finish_sum(struct fly_call *call, uint32_t number)
{
	cr_assert(sim_until(w.sim, call, 20000), "it does not end");
	cr_assert(bulk->wait(call) == 0);
	cr_expect(call->length == 4 && fly_get_u32(call->payload) == probe_sum(number));
	bulk->ender(call);
}

static struct fly_bulks *bulks(struct sim_node *node)
{
	return &sim_poller(node)->bulk;
}

/* Fragments in flight. */
static unsigned n_flight(struct sim_node *node)
{
	const struct fly_path *path;
	unsigned n = 0;

	TAILQ_FOREACH(path, &bulks(node)->paths, all)
	n += path->n_flight;
	return n;
}

static struct fly_conversation *record(void)
{
	return &sim_poller(w.server)->conversations.records[0];
}

static struct fly_call_entry *entry(void)
{
	return &sim_poller(w.caller)->calls.entries[0];
}

Case(bulk, transporter__a_mebibyte_each_way)
{
	finish_echo(start(ECHO, 5, MOST), 5, MOST);
	cr_expect(runs == 1);
	cr_expect(sim_count(w.caller, FLY_COUNT_fragments_sent) == 729);
	cr_expect(sim_count(w.server, FLY_COUNT_fragments_received) == 729);
	cr_expect(sim_count(w.server, FLY_COUNT_fragments_sent) == 729);
	cr_expect(sim_count(w.caller, FLY_COUNT_fragments_received) == 729);
	cr_expect(sim_count(w.caller, FLY_COUNT_fragments_resent) == 0);
	cr_expect(sim_count(w.server, FLY_COUNT_fragments_resent) == 0);
	cr_expect(sim_count(w.caller, FLY_COUNT_calls_started) == 1);
	cr_expect(sim_count(w.caller, FLY_COUNT_calls_returned) == 1);
	cr_expect(bulks(w.caller)->n == 0 && bulks(w.caller)->bytes == 0);
	sim_turn(w.sim);
	cr_expect(bulks(w.server)->n == 0 && bulks(w.server)->bytes == 0,
		  "what its caller has is not retained");
	cr_expect(sim_poller(w.server)->conversations.n_retained == 0);
}

Case(bulk, transporter__every_length_around_those_of_packets)
{
	uint32_t number = 1;

	for (uint32_t n = 1; n <= 5; n++) {
		for (uint32_t bytes = n * UNIT - 2; bytes <= n * UNIT + 2; bytes++, number++) {
			finish_echo(start(ECHO, number, bytes), number, bytes);
			finish_sum(start(SUM, number, bytes), number);
			finish_fill(start_fill(FILL, number, bytes), number, bytes);
		}
	}
	for (uint32_t bytes = 0; bytes < 140; bytes++, number++)
		finish_fill(start_fill(FILL, number, bytes), number, bytes);
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) == 0);
	cr_expect(sim_count(w.caller, FLY_COUNT_fragments_resent) == 0);
	cr_expect(runs == 25 * 3 + 140);
	cr_expect(sim_count(w.server, FLY_COUNT_conversations_opened) == 1);
	cr_expect(sim_count(w.server, FLY_COUNT_hint_misses) == 0, "hints are learned");
}

Case(bulk, transporter__results_over_and_behind_where_a_link_takes_little)
{
	w.at_caller->link.payload_max = 100;
	w.at_server->link.payload_max = 90;
	sim_unbind(w.sim, bulk);
	bulk = sim_import(w.sim, w.caller, w.at_caller, EXPORT);
	for (uint32_t bytes = 4; bytes <= 1900; bytes += 79) {
		finish_echo(start(OVER, bytes, bytes), bytes, bytes);
		finish_fill(start_fill(BEHIND, bytes, bytes), bytes, bytes);
	}
	cr_expect(sim_count(w.caller, FLY_COUNT_fragments_sent) > 100);
}

Case(bulk, transporter__no_more_than_a_window_is_under_way)
{
	struct fly_call *call = start(ECHO, 5, 200 * UNIT);
	unsigned most = 0;

	while (!fly_ready(call)) {
		/* Turn one side at a time, to see what the other has sent. */
		fly_poller_turn(sim_poller(w.caller), w.sim->now_tsc += 10);
		most = RTE_MAX(most, w.at_server->n_in);
		fly_poller_turn(sim_poller(w.server), w.sim->now_tsc += 10);
		most = RTE_MAX(most, w.at_caller->n_in);
	}
	cr_expect(most >= FLY_RING / 2 && most <= FLY_RING + 2, "%u", most);
	finish_echo(call, 5, 200 * UNIT);
}

Case(bulk, transporter__a_null_beside_bulk_is_not_held_up)
{
	struct fly_call *large[8];
	struct fly_call *small;

	for (uint32_t i = 0; i < 8; i++)
		large[i] = start(ECHO, i, MOST);
	while (!fly_ready(large[0])) {
		const uint64_t begun = w.sim->now_tsc;

		cr_assert(Probe_Null_start(w.binding, &small) == 0);
		cr_assert(sim_until(w.sim, small, 5));
		cr_assert(w.sim->now_tsc - begun <= (uint64_t)4 * w.sim->step_us, "%lu us",
			  w.sim->now_tsc - begun);
		cr_assert(Probe_Null_finish(small) == 0);
		cr_assert(w.at_server->n_in <= FLY_RING + 10, "%u", w.at_server->n_in);
	}
	for (uint32_t i = 0; i < 8; i++)
		finish_echo(large[i], i, MOST);
	cr_expect(runs == 8);
}

Case(bulk, transporter__many_at_a_time)
{
	struct fly_call *calls[40];

	for (unsigned round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 40; i++)
			calls[i] =
				i % 2 ? start(ECHO, i, 100000 + i) : start_fill(FILL, i, 70000 + i);
		for (uint32_t i = 0; i < 40; i++) {
			if (i % 2)
				finish_echo(calls[i], i, 100000 + i);
			else
				finish_fill(calls[i], i, 70000 + i);
		}
	}
	cr_expect(runs == 120);
	cr_expect(n_flight(w.caller) == 0);
}

Case(bulk, starter__sequence_numbers_wrap)
{
	finish_echo(start(ECHO, 1, 5000), 1, 5000);
	entry()->seq = UINT32_MAX - 3;
	record()->seq = UINT32_MAX - 3;
	for (uint32_t i = 0; i < 8; i++)
		finish_echo(start(ECHO, i, 5000), i, 5000);
	cr_expect(runs == 9);
}

/* ---- losses ---- */

/* Calls with one fault each, at each position of what one side sends. */
static void fault_at_each_position(struct sim_link *at, uint64_t *mask)
{
	for (unsigned i = 0; i < 60; i++) {
		const uint32_t bytes =
			40 * UNIT - 5; /* some 50 packets including acknowledgements */

		at->sent = 0;
		*mask = UINT64_C(1) << i;
		runs = 0;
		finish_echo(start(ECHO, i, bytes), i, bytes);
		cr_expect(runs == 1, "position %u: it ran %u times", i, runs);
		*mask = 0;
		sim_run(w.sim, 2);
	}
}

Case(bulk, fly_bulk_resend__each_packet_of_the_caller_is_lost_once)
{
	fault_at_each_position(w.at_caller, &w.at_caller->faults.drop_mask);
	cr_expect(sim_count(w.caller, FLY_COUNT_fragments_resent) >= 40);
}

Case(bulk, fly_bulk_resend__each_packet_of_the_server_is_lost_once)
{
	fault_at_each_position(w.at_server, &w.at_server->faults.drop_mask);
	cr_expect(sim_count(w.server, FLY_COUNT_fragments_resent) >= 40);
}

Case(bulk, gather__each_packet_of_the_caller_comes_twice)
{
	fault_at_each_position(w.at_caller, &w.at_caller->faults.duplicate_mask);
	cr_expect(sim_count(w.server, FLY_COUNT_drop_fragment_again) >= 38);
}

Case(bulk, gather__each_packet_of_the_server_comes_twice)
{
	fault_at_each_position(w.at_server, &w.at_server->faults.duplicate_mask);
	cr_expect(sim_count(w.caller, FLY_COUNT_drop_fragment_again) >= 38);
}

Case(bulk, gather__each_packet_comes_late)
{
	w.at_caller->faults.delay_us = w.at_server->faults.delay_us = 300;
	fault_at_each_position(w.at_caller, &w.at_caller->faults.delay_mask);
	fault_at_each_position(w.at_server, &w.at_server->faults.delay_mask);
	cr_expect(sim_count(w.caller, FLY_COUNT_fragments_resent) <= 2 * 120,
		  "what overtakes another one is kept; sent again is what is late, and what asks");
}

Case(bulk, fly_bulk_resend__a_small_call_whose_large_result_is_lost)
{
	for (unsigned i = 0; i < 24; i++) {
		w.at_server->sent = 0;
		w.at_server->faults.drop_mask = UINT64_C(3) << i;
		finish_fill(start_fill(FILL, i, 20 * UNIT), i, 20 * UNIT);
		cr_expect(runs == i + 1);
	}
}

Case(bulk, transporter__bad_links)
{
	const struct sim_faults bad = {
		.drop_percent = 3,
		.duplicate_percent = 3,
		.delay_percent = 10,
		.delay_us = 40000,
		.holds = 20,
		.takes = 5,
	};
	struct fly_call *calls[8];

	w.at_caller->faults = bad;
	w.at_server->faults = bad;
	w.sim->step_us = 50;
	sim_poller(w.caller)->waits.timeout_tsc = SIM_TSC_PER_MS * 20000;
	for (uint32_t round = 0; round < 30; round++) {
		for (uint32_t i = 0; i < 8; i++) {
			const uint32_t bytes = 4 + (round * 8 + i) * 311;

			calls[i] = i % 4 == 3   ? start_fill(FILL, i, bytes)
				   : i % 4 == 2 ? start(SUM, i, bytes)
						: start(ECHO, i, bytes);
		}
		for (uint32_t i = 0; i < 8; i++) {
			const uint32_t bytes = 4 + (round * 8 + i) * 311;

			if (i % 4 == 3)
				finish_fill(calls[i], i, bytes);
			else if (i % 4 == 2)
				finish_sum(calls[i], i);
			else
				finish_echo(calls[i], i, bytes);
		}
	}
	cr_expect(runs == 240, "%u calls ran, not 240", runs);
	w.at_caller->faults = w.at_server->faults = (struct sim_faults){0};
	sim_run(w.sim, 100);
}

Test(bulk, push__with_few_packets)
{
	struct sim_node_config few = {.packets = 300};
	struct fly_call *calls[40];

	begin_with(&few, &few);
	sim_poller(w.caller)->waits.timeout_tsc = SIM_TSC_PER_MS * 20000;
	for (uint32_t i = 0; i < 40; i++)
		calls[i] = start(ECHO, i, 100 * UNIT);
	for (uint32_t i = 0; i < 40; i++)
		finish_echo(calls[i], i, 100 * UNIT);
	cr_expect(runs == 40);
	end();
}

Case(bulk, push__a_driver_that_takes_nothing_for_a_while)
{
	struct fly_call *call = start(ECHO, 1, 100 * UNIT);

	sim_run(w.sim, 1);
	w.at_caller->faults.stuck = true;
	sim_run(w.sim, 50);
	cr_expect(w.at_caller->link.n_queued <= FLY_BURST + FLY_RING);
	w.at_caller->faults.stuck = false;
	finish_echo(call, 1, 100 * UNIT);
}

static uint64_t sent_again(void)
{
	return sim_count(w.caller, FLY_COUNT_fragments_resent);
}

/* Nothing arrives: first one fragment asks, then all are taken for lost. */
Case(bulk, handle_silent_arguments__first_one_and_then_all)
{
	struct fly_call *call;
	unsigned at_first;

	w.at_caller->faults.drop_percent = 100;
	call = start(SUM, 3, 8 * UNIT);
	sim_turn(w.sim);
	at_first = n_flight(w.caller);
	cr_assert(at_first > 4, "%u", at_first);
	for (unsigned i = 0; i < 100000 && sent_again() == 0; i++)
		sim_turn(w.sim);
	cr_expect(n_flight(w.caller) == at_first, "the others may have arrived: %u of %u",
		  n_flight(w.caller), at_first);
	for (unsigned i = 0; i < 100000 && sent_again() == 1; i++)
		sim_turn(w.sim);
	cr_expect(n_flight(w.caller) < at_first, "%u", n_flight(w.caller));
	w.at_caller->faults.drop_percent = 0;
	finish_sum(call, 3);
}

Case(bulk, fly_bulk_resend__a_server_that_is_gone)
{
	struct fly_call *call;
	uint64_t begun;

	for (unsigned when = 0; when < 3; when++) {
		call = start(ECHO, 1, 100 * UNIT);
		for (unsigned i = 0; i < when * 4; i++)
			sim_turn(w.sim);
		cr_assert(!fly_ready(call));
		w.at_caller->faults.drop_percent = 100;
		begun = w.sim->now_tsc;
		cr_assert(sim_until(w.sim, call, 10000));
		cr_expect(w.sim->now_tsc - begun >= UINT64_C(1000) * SIM_TSC_PER_MS);
		cr_expect(w.sim->now_tsc - begun <= UINT64_C(2200) * SIM_TSC_PER_MS);
		cr_expect(bulk->wait(call) == -FLY_EPEER);
		cr_expect(bulks(w.caller)->n == 0);
		w.at_caller->faults.drop_percent = 0;
		runs = 0;
		finish_echo(start(ECHO, 2, 100 * UNIT), 2, 100 * UNIT);
		cr_expect(runs == 1);
	}
}

/* The time-out limits silence: a transfer may take longer. */
Case(bulk, fly_bulk_resend__a_slow_transfer_is_not_given_up)
{
	struct fly_call *call;

	w.at_server->faults.delay_percent = 100;
	w.at_server->faults.delay_us = 200000;
	w.sim->step_us = 1000;
	call = start(ECHO, 1, 60 * UNIT);
	finish_echo(call, 1, 60 * UNIT);
	cr_expect(w.sim->now_tsc > UINT64_C(6000) * SIM_TSC_PER_MS);
	cr_expect(runs == 1);
}

/* The thread did not turn its poller between its calls: the clock stood still. */
Case(bulk, fly_bulk_absent__an_absence_before_the_call_is_no_loss)
{
	for (uint32_t i = 0; i < 5; i++) {
		w.sim->now_tsc += UINT64_C(3000) * SIM_TSC_PER_MS;
		finish_echo(start(ECHO, i, 50 * UNIT), i, 50 * UNIT);
	}
	cr_expect(sim_count(w.caller, FLY_COUNT_fragments_resent) == 0);
	cr_expect(runs == 5);
}

Case(bulk, fly_bulk_absent__a_poller_that_is_seldom_turned_gives_up_all_the_same)
{
	struct fly_call *call = start(ECHO, 1, 50 * UNIT);

	w.at_caller->faults.drop_percent = 100;
	w.sim->step_us = 15000;
	cr_assert(sim_until(w.sim, call, 10000));
	cr_expect(bulk->wait(call) == -FLY_EPEER);
	cr_expect(sim_count(w.caller, FLY_COUNT_fragments_resent) > 2, "nor does it wait for ever");
}

/* ---- how a call ends ---- */

Case(bulk, fly_slow_served__a_large_exception)
{
	struct fly_call *call;

	for (unsigned i = 0; i < 2; i++) {
		ends_with = -FLY_EEXCEPTION;
		call = start_fill(FILL, 3, i ? 50000 : 100);
		cr_assert(sim_until(w.sim, call, 100));
		cr_assert(bulk->wait(call) == -FLY_EEXCEPTION);
		cr_expect(call->length == (i ? 50000 : 100));
		cr_expect(probe_is(call->payload, call->length, 3));
		if (i)
			bulk->ender(call);
		else
			cr_expect(fly_stub_failed(call, -FLY_EEXCEPTION) == -FLY_ERESULT);
		cr_expect(bulks(w.caller)->n == 0);
	}
}

Case(bulk, fly_slow_served__an_error_and_the_other_ends)
{
	static const int statuses[] = {-FLY_ERAISED, -FLY_ERESULT, -FLY_ENOMEM, -FLY_EMALFORMED};
	struct fly_call *call;

	for (unsigned i = 0; i < RTE_DIM(statuses); i++) {
		ends_with = statuses[i];
		call = start_fill(FILL, 3, 50000);
		cr_assert(sim_until(w.sim, call, 100));
		cr_expect(bulk->wait(call) == statuses[i]);
		call = start(SUM, 3, 50000);
		cr_assert(sim_until(w.sim, call, 100));
		cr_expect(bulk->wait(call) == statuses[i]);
		cr_expect(bulks(w.caller)->n == 0 && bulks(w.server)->n == 0);
	}
	ends_with = -FLY_ERAISED;
	call = start_fill(FILL, 3, 50000);
	cr_assert(sim_until(w.sim, call, 100));
	cr_expect(bulk->wait(call) == -FLY_ERAISED && fly_raised()->number == 77);
}

Case(bulk, gather__more_than_the_procedure_takes)
{
	struct fly_call *call = start(OVER, 1, 1901);

	cr_assert(sim_until(w.sim, call, 100));
	cr_expect(bulk->wait(call) == -FLY_EMALFORMED, "by the last fragment");
	call = start(OVER, 1, 100000);
	cr_assert(sim_until(w.sim, call, 100));
	cr_expect(bulk->wait(call) == -FLY_EMALFORMED, "by the first");
	call = start(99, 1, 100000);
	cr_assert(sim_until(w.sim, call, 100));
	cr_expect(bulk->wait(call) == -FLY_ENOPROC);
	cr_expect(runs == 0 && bulks(w.server)->n == 0);
}

/* ---- links and bindings that end midway ---- */

Case(bulk, fly_link_lost__midway)
{
	struct fly_call *call;

	for (unsigned turns = 0; turns < 40; turns += 3) {
		runs = 0;
		call = start(ECHO, 1, MOST);
		for (unsigned i = 0; i < turns; i++)
			sim_turn(w.sim);
		fly_link_lost(sim_poller(turns % 2 ? w.caller : w.server),
			      &(turns % 2 ? w.at_caller : w.at_server)->link);
		if (turns % 2) {
			cr_assert(fly_ready(call));
			cr_expect(bulk->wait(call) == -FLY_EPEER);
			cr_expect(bulks(w.caller)->n == 0);
		} else {
			cr_expect(bulks(w.server)->n == 0 && bulks(w.server)->bytes == 0);
		}
		w.at_caller->link.up = w.at_server->link.up = true;
		if (turns % 2 == 0) {
			cr_assert(sim_until(w.sim, call, 5000));
			if (bulk->wait(call) == 0)
				bulk->ender(call);
		}
		cr_expect(runs <= 1);
		sim_run(w.sim, 30);
	}
}

Case(bulk, fly_unbind__midway)
{
	struct fly_call *call;

	for (unsigned turns = 0; turns < 40; turns++) {
		call = turns % 2 ? start(ECHO, 1, 100 * UNIT) : start_fill(FILL, 1, 100 * UNIT);
		for (unsigned i = 0; i < turns; i++)
			sim_turn(w.sim);
		if (turns == 39)
			cr_assert(sim_until(w.sim, call, 100), "with a result that is not ended");
		sim_unbind(w.sim, bulk);
		cr_expect(bulks(w.caller)->n == 0 && bulks(w.caller)->bytes == 0);
		bulk = sim_import(w.sim, w.caller, w.at_caller, EXPORT);
	}
	cr_assert(bulk->starter(bulk, ECHO, 100000, &call) == 0);
	sim_unbind(w.sim, bulk);
	cr_expect(bulks(w.caller)->n == 0, "started and not sent");
	bulk = sim_import(w.sim, w.caller, w.at_caller, EXPORT);
	finish_echo(start(ECHO, 2, 50000), 2, 50000);
}

Case(bulk, fly_bulk_fini__with_calls_in_every_state)
{
	struct fly_call *call;

	for (unsigned i = 0; i < 5; i++) {
		start(ECHO, 1, 100 * UNIT);
		start_fill(FILL, 1, 100 * UNIT);
		for (unsigned turns = 0; turns < 9; turns++)
			sim_turn(w.sim);
	}
	start(ECHO, 1, 100 * UNIT);
	cr_assert(bulk->starter(bulk, ECHO, 100000, &call) == 0);
	cr_expect(bulks(w.server)->n > 0 && bulks(w.caller)->n > 0);
}

/* ---- memory ---- */

Case(bulk, fly_bulk_begin__over_the_limit_a_new_call_is_refused_and_does_not_run)
{
	struct fly_call *calls[5];
	int status;
	unsigned refused = 0;

	bulks(w.server)->max = 3 * 100 * UNIT + 1000; /* two calls' arguments, and a third free */
	for (uint32_t i = 0; i < 5; i++)
		calls[i] = start(SUM, i, 100 * UNIT);
	for (uint32_t i = 0; i < 5; i++) {
		cr_assert(sim_until(w.sim, calls[i], 1000));
		status = bulk->wait(calls[i]);
		cr_expect(status == 0 || status == -FLY_EBUSY);
		refused += status != 0;
		if (status == 0)
			bulk->ender(calls[i]);
	}
	cr_expect(refused == 3 && runs == 2, "%u refused, %u ran", refused, runs);
	calls[0] = start(ECHO, 1, 100 * UNIT);
	cr_assert(sim_until(w.sim, calls[0], 1000));
	cr_expect(bulk->wait(calls[0]) == -FLY_EBUSY, "no room for results of a mebibyte");
	calls[0] = start_fill(FILL, 1, 10);
	cr_assert(sim_until(w.sim, calls[0], 1000));
	cr_expect(bulk->wait(calls[0]) == -FLY_EBUSY);
	cr_expect(runs == 2);
	sim_run(w.sim, 11000);
	cr_expect(bulks(w.server)->n == 0 && bulks(w.server)->bytes == 0);
	finish_sum(start(SUM, 9, 100 * UNIT), 9);
}

Case(bulk, begin_result__over_the_callers_limit_it_is_asked_for_again)
{
	struct fly_call *call = start_fill(FILL, 1, 100 * UNIT);

	bulks(w.caller)->max = 50 * UNIT;
	sim_run(w.sim, 200);
	cr_expect(!fly_ready(call));
	cr_expect(sim_count(w.caller, FLY_COUNT_drop_no_memory) > 0);
	bulks(w.caller)->max = FLY_BULK_MAX;
	finish_fill(call, 1, 100 * UNIT);
	cr_expect(runs == 1);
}

Case(bulk, fly_bulk_sweep__arguments_that_nobody_completes_are_forgotten)
{
	struct fly_call *call = start(SUM, 1, 100 * UNIT);

	sim_turn(w.sim);
	sim_turn(w.sim);
	w.at_caller->faults.drop_percent = 100; /* the server does not learn that it has ended */
	sim_unbind(w.sim, bulk);
	w.at_caller->faults.drop_percent = 0;
	sim_run(w.sim, FLY_BULK_IDLE_MS - 100);
	cr_expect(bulks(w.server)->n == 1);
	sim_run(w.sim, 200);
	cr_expect(bulks(w.server)->n == 0 && bulks(w.server)->bytes == 0);
	cr_expect(record()->state == FLY_CONVERSATION_KNOWN && runs == 0);
	(void)call;
	bulk = sim_import(w.sim, w.caller, w.at_caller, EXPORT);
}

static int sum_after_turning(struct fly_served *served)
{
	for (unsigned i = 0; i < 10; i++)
		fly_poller_turn(sim_poller(w.server), w.sim->now_tsc += 2 * SIM_TSC_PER_MS);
	return sum(served);
}

/* A procedure may turn its poller, by fly_turn() or fly_import(): its arguments must stay. */
Case(bulk, fly_bulk_sweep__what_a_procedure_is_reading_stays)
{
	static const struct fly_procedure turning[] = {
		[SUM] = {"Sum", sum_after_turning, MOST + 4, 4, 0, FLY_RESULTS_SECOND, 0},
	};

	sim_poller(w.server)->exports[EXPORT % FLY_EXPORTS].stubs = turning;
	finish_sum(start(SUM, 1, 50 * UNIT), 1);
	cr_expect(runs == 1);
}

Case(bulk, fly_conversations_sweep__an_unacknowledged_result_goes_with_its_record)
{
	struct fly_call *call = start_fill(FILL, 1, 100 * UNIT);

	while (runs == 0)
		sim_turn(w.sim);
	w.at_server->faults.drop_percent = 100;
	w.at_caller->faults.drop_percent = 100;
	sim_unbind(w.sim, bulk);
	w.sim->step_us = 1000;
	sim_run(w.sim, FLY_RECORD_KEEP_MS - 1000);
	cr_expect(bulks(w.server)->n == 1 && n_flight(w.server) == 0);
	cr_expect(bulks(w.server)->bytes == 100 * UNIT, "as long as it is, not as it might be");
	sim_run(w.sim, 10000);
	cr_expect(bulks(w.server)->n == 0);
	(void)call;
	w.at_caller->faults.drop_percent = 0;
	bulk = sim_import(w.sim, w.caller, w.at_caller, EXPORT);
}

/* ---- packets by hand: to a server ---- */

#define ACTIVITY UINT64_C(0xabcdef0123450007)

static struct sim_link *at_node;
static struct sim_link *peer;

static void by_hand(void)
{
	at_node = sim_join_open(w.sim, w.server);
	peer = at_node->far;
	probe_fill(data, sizeof data, 1);
}

static struct fly_header part_of(uint32_t seq, uint16_t procedure, uint16_t fragment,
				 uint16_t fragments, uint16_t bytes)
{
	struct fly_header h = frame_call(EXPORT, ACTIVITY, seq, procedure);

	h.fragment = fragment;
	h.fragments = fragments;
	h.length = bytes;
	return h;
}

/* The acknowledgement that all arguments have arrived, which may precede the result. */
static bool is_all_there(const struct fly_header *h)
{
	return h->type == FLY_PACKET_ACK && h->procedure == FLY_PACKET_CALL &&
	       h->fragment == h->fragments;
}

/* Send a packet with `data`. Return: was there an answer? Then *f and *answer are the first. */
static bool put_frame(struct fly_header h, struct frame *f, struct fly_header *answer)
{
	bool is_one;

	frame_make(f, &h, peer, at_node, data);
	frame_put(at_node, f);
	sim_turn(w.sim);
	sim_turn(w.sim); /* memory of large messages is freed in the next turn */
	while ((is_one = frame_take(peer, f, answer)) && is_all_there(answer))
		;
	return is_one;
}

static bool put(struct fly_header h, struct fly_header *answer)
{
	struct frame f;

	return put_frame(h, &f, answer);
}

static void forget_answers(void)
{
	uint8_t frame[2048];

	while (sim_link_take(peer, frame))
		;
}

static void expect_drop(struct fly_header h, enum fly_counter why, const char *what)
{
	const uint64_t before = sim_count(w.server, why);
	struct fly_header answer;

	cr_expect(!put(h, &answer), "%s: there is an answer, of type %u", what, answer.type);
	cr_expect(sim_count(w.server, why) == before + 1, "%s: not counted as %s", what,
		  fly_stats_name(why));
}

Case(bulk, fly_slow_call_fragment__is_acknowledged_when_it_asks)
{
	struct fly_header answer;
	struct fly_header h;
	struct frame f;

	by_hand();
	cr_expect(!put(part_of(1, ECHO, 0, 5, 100), &answer));
	cr_expect(!put(part_of(1, ECHO, 1, 5, 100), &answer));
	cr_assert(put(part_of(1, ECHO, 3, 5, 100), &answer), "there is a gap");
	cr_expect(answer.fragment == 2 && answer.fragments == 5 && answer.age == 3);
	h = part_of(1, ECHO, 3, 5, 100);
	h.flags = FLY_FLAG_ACK | FLY_FLAG_RESENT;
	cr_assert(put_frame(h, &f, &answer), "also to what was there");
	cr_expect(answer.type == FLY_PACKET_ACK && answer.procedure == FLY_PACKET_CALL);
	cr_expect(answer.fragment == 2 && answer.fragments == 5 && answer.length == 3);
	cr_expect(answer.activity == ACTIVITY && answer.seq == 1 && answer.export_id == EXPORT);
	cr_expect(answer.hint == 0, "where the record is");
	cr_expect(answer.age == 3 && answer.flags == FLY_FLAG_RESENT, "what it answers");
	cr_expect(fly_get_u16(f.data + FLY_PAYLOAD) == FLY_SPAN, "the credit of a single one");
	cr_expect(f.data[FLY_PAYLOAD + 2] == 1, "behind the first gap there is the next one");
	h = part_of(1, ECHO, 2, 5, 100);
	cr_assert(put(h, &answer) && answer.fragment == 4, "a gap is filled");
	cr_expect(runs == 0, "it is not whole");
	h.fragment = 4;
	h.length = 7;
	frame_make(&f, &h, peer, at_node, data);
	frame_put(at_node, &f);
	sim_turn(w.sim);
	sim_turn(w.sim);
	cr_assert(frame_take(peer, &f, &answer), "whole, asked or not");
	cr_expect(answer.type == FLY_PACKET_ACK && answer.fragment == 5 && answer.length == 2);
	cr_assert(frame_take(peer, &f, &answer));
	cr_expect(answer.type == FLY_PACKET_RESULT && runs == 1 && answer.length == 407);
}

Case(bulk, credit__is_shared_by_all_that_are_gathered)
{
	const uint32_t most = 16;
	struct fly_header answer;
	struct fly_header h;
	struct frame f;

	by_hand();
	for (uint32_t i = 1; i <= most; i++) {
		h = part_of(1, ECHO, 0, 5, 100);
		h.activity += (uint64_t)i << 32;
		h.flags = FLY_FLAG_ACK;
		cr_assert(put_frame(h, &f, &answer) && answer.type == FLY_PACKET_ACK);
		cr_expect(fly_get_u16(f.data + FLY_PAYLOAD) ==
			  RTE_MIN((uint32_t)FLY_SPAN, FLY_CREDITS / i));
	}
	sim_run(w.sim, FLY_BULK_IDLE_MS + 5000);
	cr_expect(bulks(w.server)->n_gathering == 0);
	h = part_of(2, ECHO, 0, 5, 100);
	h.flags = FLY_FLAG_ACK;
	forget_answers();
	cr_assert(put_frame(h, &f, &answer) && answer.type == FLY_PACKET_ACK);
	cr_expect(fly_get_u16(f.data + FLY_PAYLOAD) == FLY_SPAN, "and is one's own again");
}

Case(bulk, fly_slow_call_fragment__what_does_not_fit_to_the_others)
{
	struct fly_header answer;
	struct fly_header h;

	by_hand();
	expect_drop(part_of(1, ECHO, 3, 4, 100), FLY_COUNT_drop_fragments, "the last one first");
	expect_drop(part_of(1, ECHO, 0, 4, 0), FLY_COUNT_drop_fragments, "an empty one first");
	cr_expect(bulks(w.server)->n == 0);
	cr_expect(!put(part_of(1, ECHO, 0, 4, 100), &answer));
	expect_drop(part_of(1, ECHO, 1, 5, 100), FLY_COUNT_drop_fragments, "another count");
	expect_drop(part_of(1, ECHO, 1, 4, 99), FLY_COUNT_drop_fragments, "shorter");
	expect_drop(part_of(1, ECHO, 1, 4, 101), FLY_COUNT_drop_fragments, "longer");
	expect_drop(part_of(1, ECHO, 3, 4, 101), FLY_COUNT_drop_fragments, "a longer last one");
	expect_drop(part_of(1, ECHO, 3, 4, 0), FLY_COUNT_drop_fragments, "an empty last one");
	expect_drop(part_of(1, ECHO, 4, 4, 100), FLY_COUNT_drop_fragments, "behind the last");
	expect_drop(part_of(1, SUM, 1, 4, 100), FLY_COUNT_drop_fragments, "another procedure");
	expect_drop(part_of(1, ECHO, 0, 4, 100), FLY_COUNT_drop_fragment_again, "again");
	h = part_of(1, ECHO, 1, 4, 100);
	peer->link.udp_port ^= 1;
	expect_drop(h, FLY_COUNT_drop_wrong_peer, "from somebody else");
	peer->link.udp_port ^= 1;
	cr_expect(!put(part_of(1, ECHO, 1, 4, 100), &answer));
	cr_expect(!put(part_of(1, ECHO, 2, 4, 100), &answer));
	cr_expect(put(part_of(1, ECHO, 3, 4, 100), &answer) && answer.type == FLY_PACKET_RESULT);
	cr_expect(runs == 1);
}

Case(bulk, fly_slow_call_fragment__a_hostile_count_allocates_nothing)
{
	struct fly_header answer;

	by_hand();
	cr_assert(put(part_of(1, FILL, 0, 65535, 1440), &answer));
	cr_expect(answer.type == FLY_PACKET_EXCEPTION && answer.procedure == FLY_EMALFORMED);
	cr_expect(answer.fragments == 1 && answer.fragment == 0);
	cr_assert(put(part_of(2, ECHO, 0, 65535, 1440), &answer));
	cr_expect(answer.procedure == FLY_EMALFORMED);
	cr_expect(!put(part_of(3, ECHO, 0, 65535, 16), &answer), "that is a mebibyte at most");
	cr_expect(bulks(w.server)->bytes == 65535 * 16);
	cr_expect(!put(part_of(4, OVER, 0, 2, 1440), &answer));
	cr_expect(bulks(w.server)->bytes == 1900 && bulks(w.server)->n == 1);
	cr_assert(put(part_of(4, OVER, 1, 2, 461), &answer));
	cr_expect(answer.procedure == FLY_EMALFORMED && answer.seq == 4);
	cr_assert(put(part_of(5, 77, 5, 9, 100), &answer));
	cr_expect(answer.procedure == FLY_ENOPROC && answer.fragments == 1);
	cr_expect(runs == 0 && bulks(w.server)->n == 0 && bulks(w.server)->bytes == 0);
	/* The call is over: further fragments get the same answer, if they ask for one. */
	expect_drop(part_of(5, 77, 0, 9, 100), FLY_COUNT_drop_old_call, "another fragment");
	struct fly_header h = part_of(5, 77, 8, 9, 100);
	h.flags = FLY_FLAG_ACK;
	cr_assert(put(h, &answer));
	cr_expect(answer.procedure == FLY_ENOPROC && answer.flags == FLY_FLAG_RESENT);
	cr_expect(answer.fragments == 1 && answer.fragment == 0);
}

Case(bulk, fly_slow_call_fragment__is_refused_as_a_whole_call_is)
{
	struct fly_header answer;
	struct fly_header h = part_of(1, ECHO, 0, 4, 100);

	by_hand();
	h.export_id ^= 0x100000;
	cr_assert(put(h, &answer));
	cr_expect(answer.type == FLY_PACKET_REJECT && answer.procedure == FLY_ESTALE);
	cr_expect(answer.fragments == 1);
	h = part_of(1, ECHO, 0, 4, 100);
	h.age = 60000;
	cr_assert(put(h, &answer));
	cr_expect(answer.type == FLY_PACKET_REJECT && answer.procedure == FLY_EFORGOTTEN);
	h.age = 0;
	h.activity = 0;
	expect_drop(h, FLY_COUNT_drop_activity, "no activity");
	bulks(w.server)->max = 100;
	cr_assert(put(part_of(1, ECHO, 0, 4, 100), &answer));
	cr_expect(answer.type == FLY_PACKET_REJECT && answer.procedure == FLY_EBUSY);
	bulks(w.server)->max = FLY_BULK_MAX;
	cr_expect(bulks(w.server)->n == 0);
	w.sim->step_us = 1;
	for (unsigned i = 1; i <= 64; i++) {
		h = part_of(1, ECHO, 0, 4, 100);
		h.activity += (uint64_t)i << 20;
		if (put(h, &answer))
			cr_expect(i == 64 && answer.procedure == FLY_EBUSY, "the table is full");
	}
}

Case(bulk, fly_slow_call_fragment__a_later_call_ends_what_is_gathered)
{
	struct fly_header answer;
	struct fly_header h;

	by_hand();
	/* A later call ends the gathering: a fragment. */
	cr_expect(!put(part_of(5, ECHO, 0, 4, 100), &answer));
	cr_expect(!put(part_of(7, ECHO, 0, 8, 100), &answer));
	cr_expect(bulks(w.server)->n == 1 && bulks(w.server)->bytes == 800);
	expect_drop(part_of(5, ECHO, 1, 4, 100), FLY_COUNT_drop_old_call, "an older fragment");
	expect_drop(part_of(6, ECHO, 0, 4, 100), FLY_COUNT_drop_old_call, "older than gathered");
	h = frame_call(w.server->export_id, ACTIVITY, 6, Probe_Null_NUMBER);
	expect_drop(h, FLY_COUNT_drop_old_call, "a plain one, older than gathered");
	/* A later plain call does so, too: first with an unknown hint, then with a known one. */
	cr_assert(put(part_of(8, SUM, 0, 1, 100), &answer) || true);
	cr_expect(answer.type == FLY_PACKET_RESULT && answer.seq == 8);
	sim_run(w.sim, 5);
	cr_expect(bulks(w.server)->n == 0);
	expect_drop(part_of(7, ECHO, 1, 8, 100), FLY_COUNT_drop_old_call, "of the older one");
	cr_expect(!put(part_of(9, ECHO, 0, 4, 100), &answer));
	h = frame_call(w.server->export_id, ACTIVITY, 10, Probe_Null_NUMBER);
	h.hint = 0;
	cr_assert(put(h, &answer));
	cr_expect(answer.seq == 10 && answer.procedure == 0);
	sim_run(w.sim, 5);
	cr_expect(bulks(w.server)->n == 0 && bulks(w.server)->bytes == 0);
	w.server->service.wrong = 0;
	forget_answers();
}

/* Its hint leads past the check. The call never ran, and the one being gathered is later still. */
Case(bulk, fly_serve_plain__earlier_than_what_is_gathered)
{
	struct fly_header answer;
	struct fly_header h;

	by_hand();
	cr_expect(!put(part_of(7, ECHO, 0, 4, 100), &answer));
	h = frame_call(w.server->export_id, ACTIVITY, 6, Probe_Null_NUMBER);
	h.hint = 0;
	cr_expect(!put(h, &answer), "the record is before 7, whose fragment opened it");
	cr_expect(!put(part_of(9, ECHO, 0, 2, 100), &answer));
	h.seq = 8;
	for (unsigned i = 0; i < 3; i++) {
		cr_assert(put(h, &answer) && answer.seq == 8);
		cr_expect(answer.flags == (i ? FLY_FLAG_RESENT : 0) && answer.age == 1);
	}
	cr_assert(put(part_of(9, ECHO, 1, 2, 100), &answer));
	cr_expect(answer.seq == 9 && answer.length == 200 && answer.age == 2);
	expect_drop(h, FLY_COUNT_drop_old_call, "it is the older one now");
	forget_answers();
}

Case(bulk, fly_slow_call_fragment__until_it_runs_the_last_result_stays)
{
	struct fly_header answer;
	struct fly_header h;

	by_hand();
	fly_put_u32(data, 1);
	h = part_of(1, SUM, 0, 1, 4);
	cr_assert(put(h, &answer) && answer.length == 4);
	cr_expect(!put(part_of(2, ECHO, 0, 4, 100), &answer));
	cr_assert(put(h, &answer), "a copy of the call before");
	cr_expect(answer.seq == 1 && answer.length == 4 && answer.flags == FLY_FLAG_RESENT);
	cr_expect(runs == 1);
}

/* An acknowledgement of a handmade call's result, with a credit of 100, and bytes of bits. */
static struct fly_header ack_of(struct fly_header result, uint16_t arrived, uint16_t bytes_ahead)
{
	result.type = FLY_PACKET_ACK;
	result.procedure = FLY_PACKET_RESULT;
	result.flags = 0;
	result.fragment = arrived;
	result.length = (uint16_t)(2 + bytes_ahead);
	result.age = FLY_ECHO_NONE;
	memset(data, 0, 2 + FLY_SPAN / 8);
	fly_put_u16(data, 100);
	return result;
}

/* Make a call whose result has @n fragments. Return: the header of the first one. */
static struct fly_header call_for_result(struct fly_header call, unsigned n)
{
	struct fly_header answer;

	fly_put_u32(data, 9);
	fly_put_u32(data + 4, n * UNIT);
	cr_assert(put(call, &answer));
	return answer;
}

/* A large result is sent until it is acknowledged; until then a copy of the call asks for it. */
Case(bulk, fly_bulk_again__a_large_result)
{
	struct fly_header call = part_of(1, FILL, 0, 1, 8);
	struct fly_header answer;
	struct fly_header first;
	struct fly_header ack;
	struct frame f;
	unsigned n = 1;

	by_hand();
	first = call_for_result(call, 40);
	cr_expect(first.fragment == 0 && first.fragments == 40 && first.flags == 0);
	while (frame_take(peer, &f, &answer)) {
		cr_expect(answer.fragment == n && answer.length == UNIT && answer.age == 1);
		cr_expect(answer.flags == (n % 8 == 7 ? FLY_FLAG_ACK : 0));
		cr_expect(answer.export_id == first.export_id, "the key");
		n++;
	}
	cr_expect(n == 16, "more than a window comes only for acknowledgements");
	ack = ack_of(first, 8, 0);
	ack.export_id ^= 1;
	expect_drop(ack, FLY_COUNT_drop_ack, "a wrong key");
	ack.export_id = EXPORT;
	expect_drop(ack, FLY_COUNT_drop_ack, "no key");
	ack.export_id = first.export_id;
	cr_assert(put(ack, &answer) && answer.fragment == 16);
	forget_answers();
	expect_drop(ack, FLY_COUNT_drop_ack, "the same again");
	ack.fragment = 33;
	expect_drop(ack, FLY_COUNT_drop_ack, "what was not sent");
	ack.fragments = 41;
	ack.fragment = 10;
	expect_drop(ack, FLY_COUNT_drop_ack, "another count");
	ack.fragments = 40;
	ack.seq = 2;
	expect_drop(ack, FLY_COUNT_drop_ack, "another call");
	ack.seq = 1;
	ack.activity ^= 1;
	expect_drop(ack, FLY_COUNT_drop_activity, "nobody");
	ack.activity = 0;
	expect_drop(ack, FLY_COUNT_drop_activity, "no activity");
	ack.activity = ACTIVITY;
	ack.procedure = 4;
	expect_drop(ack, FLY_COUNT_drop_type, "of what?");
	ack.procedure = FLY_ABOUT_RESULT;
	peer->link.udp_port ^= 1;
	expect_drop(ack, FLY_COUNT_drop_wrong_peer, "somebody else");
	peer->link.udp_port ^= 1;
	ack.fragment = 0;
	expect_drop(ack, FLY_COUNT_drop_ack, "none at all");
	/* The call again: everything is still in flight. */
	cr_expect(!put(call, &answer));
	sim_run(w.sim, 10);
	cr_assert(frame_take(peer, &f, &answer), "the server asks");
	cr_expect(answer.type == FLY_PACKET_PROBE && answer.procedure == FLY_ABOUT_RESULT);
	cr_expect(answer.fragments == 40 && answer.export_id == first.export_id);
	cr_expect(answer.seq == 1 && answer.length == 0 && answer.flags == 0);
	cr_expect(n_flight(w.server) == 0, "and waits");
	forget_answers();
	/* The call again: the result from the first fragment that is not acknowledged. */
	cr_assert(put(call, &answer));
	cr_expect(answer.fragment == 8 && answer.flags == (FLY_FLAG_RESENT | FLY_FLAG_ACK));
	forget_answers();
	for (uint16_t i = 24; i <= 40; i += 8) {
		put(ack_of(first, i, 0), &answer);
		forget_answers();
	}
	cr_expect(bulks(w.server)->n == 0, "it is there: nothing is retained");
	expect_drop(call, FLY_COUNT_drop_old_call, "a copy of a call whose result has arrived");
	expect_drop(ack_of(first, 40, 0), FLY_COUNT_drop_ack, "the acknowledgement again");
	cr_expect(runs == 1);
	call.seq = 2;
	call_for_result(call, 40);
	forget_answers();
	call.seq = 3;
	cr_expect(call_for_result(call, 40).seq == 3, "which lets go of the one before");
	cr_expect(bulks(w.server)->n == 1 && runs == 3);
	forget_answers();
}

/* Only missing fragments are sent again, as soon as three later ones have arrived. */
Case(bulk, fly_bulk_acked__only_the_holes_are_sent_again)
{
	struct fly_header first;
	struct fly_header answer;
	struct fly_header ack;
	struct frame f;

	by_hand();
	first = call_for_result(part_of(1, FILL, 0, 1, 8), 16);
	forget_answers();
	ack = ack_of(first, 3, 1);
	data[2] = 0x03; /* 4 and 5 */
	cr_expect(!put(ack, &answer), "it may come yet");
	ack = ack_of(first, 3, 1);
	data[2] = 0x37; /* 4, 5, 6; 8, 9 */
	cr_assert(put(ack, &answer));
	cr_expect(answer.fragment == 3 && answer.flags == (FLY_FLAG_RESENT | FLY_FLAG_ACK));
	cr_expect(!frame_take(peer, &f, &answer), "one, and one only");
	/* The copy has arrived; 7, sent well before, has not: 7 and the rest are lost. */
	ack = ack_of(first, 7, 1);
	ack.age = 3;
	ack.flags = FLY_FLAG_RESENT;
	data[2] = 0x03;
	cr_assert(put(ack, &answer) && answer.fragment == 7);
	forget_answers();
	cr_expect(!put(ack_of(first, 16, 0), &answer));
	cr_expect(bulks(w.server)->n == 0);
	cr_expect(sim_count(w.server, FLY_COUNT_fragments_resent) >= 2);
}

/* Bits behind the end, too many bits, a credit of 0, no payload, half a payload. */
Case(bulk, decode_ack__anything)
{
	uint64_t random = 7;
	struct fly_header first;
	struct fly_header answer;
	struct fly_header ack;

	by_hand();
	for (uint32_t round = 1; round <= 300; round++) {
		first = call_for_result(part_of(round, FILL, 0, 1, 8), 40);
		forget_answers();
		for (unsigned i = 0; i < 20; i++) {
			ack = ack_of(first, 0, 0);
			ack.fragment = (uint16_t)(sim_random(&random) % 41);
			ack.length = (uint16_t)(sim_random(&random) % 200);
			ack.age = (uint16_t)(sim_random(&random) % 45);
			ack.flags = (uint8_t)sim_random(&random);
			for (unsigned j = 0; j < 200; j++)
				data[j] = (uint8_t)(sim_random(&random) & sim_random(&random));
			put(ack, &answer);
			forget_answers();
			const struct fly_bulk *b = record()->bulk;
			if (!b || b->out.fragments == 0)
				break;
			cr_assert(b->out.acked <= b->out.next && b->out.next <= b->out.most);
			cr_assert(b->out.n_flight + b->out.n_lost <= b->out.next - b->out.acked);
			cr_assert(b->path->n_flight == b->out.n_flight);
		}
	}
	cr_expect(runs == 300);
}

/* A caller that never proves to be a receiver: one fragment per copy of the call. */
Case(bulk, fly_bulk_again__a_window_goes_once_to_who_never_answers)
{
	struct fly_header call = part_of(1, FILL, 0, 1, 8);
	struct fly_header answer;
	struct frame f;

	by_hand();
	call_for_result(call, 40);
	forget_answers();
	sim_run(w.sim, 5);
	forget_answers();
	for (unsigned i = 0; i < 5; i++) {
		fly_put_u32(data, 9);
		fly_put_u32(data + 4, 40 * UNIT);
		cr_assert(put(call, &answer));
		cr_expect(answer.fragment == 0);
		cr_expect(answer.flags == (FLY_FLAG_RESENT | FLY_FLAG_ACK));
		cr_expect(!frame_take(peer, &f, &answer));
	}
	cr_expect(runs == 1);
}

/* A result that has arrived, and whose last acknowledgement was lost, is not kept for long. */
Case(bulk, handle_silent_result__the_last_acknowledgement_is_lost)
{
	struct fly_call *call;

	for (unsigned i = 0; i < 8; i++) {
		call = start_fill(FILL, i, 3 * UNIT);
		while (!fly_ready(call)) {
			fly_poller_turn(sim_poller(w.server), w.sim->now_tsc += 10);
			fly_poller_turn(sim_poller(w.caller), w.sim->now_tsc += 10);
		}
		while (sim_link_take(w.at_server, data)) /* lost */
			;
		finish_fill(call, i, 3 * UNIT);
		sim_run(w.sim, 10);
		cr_expect(bulks(w.server)->n == 0 && bulks(w.server)->bytes == 0, "round %u", i);
	}
	cr_expect(runs == 8);
}

/* A length between the limits of records and of packets. */
Case(bulk, fly_reply_result_again__a_result_of_one_packet_that_might_have_been_longer)
{
	struct fly_header call = part_of(1, FILL, 0, 1, 8);
	struct fly_header answer;

	by_hand();
	fly_put_u32(data + 4, 1000);
	for (unsigned i = 0; i < 3; i++) {
		cr_assert(put(call, &answer));
		cr_expect(answer.fragments == 1 && answer.length == 1000 && answer.age == 1);
		cr_expect(bulks(w.server)->n == 0 && bulks(w.server)->bytes == 0,
			  "retained in its packet, as if it could not have been longer");
		cr_expect(sim_poller(w.server)->conversations.n_retained == 1);
	}
	call.type = FLY_PACKET_ACK;
	call.procedure = FLY_PACKET_RESULT;
	call.length = 0;
	call.fragment = 1;
	cr_expect(!put(call, &answer) && sim_poller(w.server)->conversations.n_retained == 0,
		  "its caller has it");
	expect_drop(call, FLY_COUNT_drop_ack, "again");
	call = part_of(1, FILL, 0, 1, 8);
	expect_drop(call, FLY_COUNT_drop_old_call, "a late copy");
	cr_expect(runs == 1);
}

/* ---- packets by hand: to a caller ---- */

static struct fly_binding *ours;
static struct fly_call *outstanding;
static struct fly_header called;

static void by_hand_as_server(uint32_t bytes)
{
	struct frame f;

	at_node = sim_join_open(w.sim, w.caller);
	peer = at_node->far;
	probe_fill(data, sizeof data, 1);
	ours = sim_import(w.sim, w.caller, at_node, EXPORT);
	cr_assert(ours->starter(ours, ECHO, bytes, &outstanding) == 0);
	memset(outstanding->payload, 0, bytes);
	ours->send(outstanding);
	sim_turn(w.sim);
	sim_turn(w.sim);
	cr_assert(frame_take(peer, &f, &called));
	forget_answers();
}

static struct fly_header answer_of(uint8_t type, uint16_t fragment, uint16_t fragments,
				   uint16_t bytes)
{
	struct fly_header h = called;

	h.type = type;
	h.flags = 0;
	h.procedure = type == FLY_PACKET_ACK ? FLY_PACKET_CALL : 0;
	h.fragment = fragment;
	h.fragments = fragments;
	h.length = bytes;
	return h;
}

static void expect_caller_drop(struct fly_header h, enum fly_counter why, const char *what)
{
	const uint64_t before = sim_count(w.caller, why);
	struct fly_header answer;

	cr_expect(!put(h, &answer), "%s: there is an answer, of type %u", what, answer.type);
	cr_expect(sim_count(w.caller, why) == before + 1, "%s: not counted as %s", what,
		  fly_stats_name(why));
}

Case(bulk, pump__messages_of_a_path_take_turns)
{
	struct fly_header h = {0};
	struct fly_call *other;
	struct frame f;
	uint64_t last = 0;
	unsigned in_a_row = 0;
	unsigned of_other = 0;
	unsigned n = 0;

	by_hand_as_server(100 * UNIT); /* has sent 16 fragments: the first window */
	cr_assert(ours->starter(ours, ECHO, 100 * UNIT, &other) == 0);
	memset(other->payload, 0, 100 * UNIT);
	ours->send(other);
	sim_turn(w.sim);
	forget_answers();
	h = answer_of(FLY_PACKET_ACK, 16, 100, 0);
	frame_make(&f, &h, peer, at_node, data);
	frame_put(at_node, &f);
	sim_turn(w.sim);
	while (frame_take(peer, &f, &h)) {
		in_a_row = h.activity == last ? in_a_row + 1 : 1;
		cr_expect(in_a_row <= 4, "fragment %u", h.fragment);
		of_other += h.activity != called.activity;
		last = h.activity;
		n++;
	}
	cr_expect(n >= 16 && of_other >= n / 2 - 2 && of_other <= n / 2 + 2, "%u of %u", of_other,
		  n);
}

Case(bulk, fly_slow_ack__of_a_call)
{
	struct fly_header answer;
	struct fly_header h;

	by_hand_as_server(40 * UNIT);
	cr_expect(called.fragment == 0 && called.fragments == 40 && called.length == UNIT);
	expect_caller_drop(answer_of(FLY_PACKET_ACK, 17, 40, 0), FLY_COUNT_drop_ack, "not sent");
	expect_caller_drop(answer_of(FLY_PACKET_ACK, 8, 39, 0), FLY_COUNT_drop_ack, "a count");
	expect_caller_drop(answer_of(FLY_PACKET_ACK, 41, 40, 0), FLY_COUNT_drop_fragments, "> all");
	h = answer_of(FLY_PACKET_ACK, 8, 40, 0);
	h.seq--;
	expect_caller_drop(h, FLY_COUNT_drop_sequence, "another call");
	h = answer_of(FLY_PACKET_ACK, 8, 40, 0);
	h.activity ^= UINT64_C(1) << 50;
	expect_caller_drop(h, FLY_COUNT_drop_activity, "another binding");
	h = answer_of(FLY_PACKET_ACK, 8, 40, 0);
	peer->link.ip ^= 1;
	expect_caller_drop(h, FLY_COUNT_drop_wrong_peer, "somebody else");
	peer->link.ip ^= 1;
	h.hint = 33;
	cr_assert(put(h, &answer));
	cr_expect(answer.fragment == 16 && answer.hint == 33);
	forget_answers();
	expect_caller_drop(h, FLY_COUNT_drop_ack, "again");
	/* No answer: the first unacknowledged fragment goes again, at growing intervals. */
	struct frame f;
	uint64_t last_tsc = w.sim->now_tsc;
	for (unsigned i = 0; i < 4; i++) {
		while (peer->n_in == 0)
			sim_turn(w.sim);
		cr_assert(frame_take(peer, &f, &answer));
		cr_expect(answer.fragment == 8);
		cr_expect(answer.flags == (FLY_FLAG_RESENT | FLY_FLAG_ACK));
		cr_expect(w.sim->now_tsc - last_tsc >= (UINT64_C(80) << i));
		last_tsc = w.sim->now_tsc;
		cr_expect(!frame_take(peer, &f, &answer), "only that one");
	}
	/* A refusal ends the call, however often it was sent. */
	h = answer_of(FLY_PACKET_REJECT, 0, 1, 0);
	h.procedure = FLY_EBUSY;
	put(h, &answer);
	cr_assert(fly_ready(outstanding));
	cr_expect(ours->wait(outstanding) == -FLY_EBUSY);
	expect_caller_drop(answer_of(FLY_PACKET_ACK, 24, 40, 0), FLY_COUNT_drop_sequence, "over");
	cr_expect(bulks(w.caller)->n == 0);
}

/* The caller probes a running call more and more seldom, and waits as long as it is answered. */
Case(bulk, fly_bulk_call_acked__a_call_that_runs_is_probed_and_not_given_up)
{
	const uint64_t end_tsc = w.sim->now_tsc + UINT64_C(60000) * SIM_TSC_PER_MS;
	struct fly_header answer;
	unsigned probes = 0;
	struct fly_header h;

	by_hand_as_server(10 * UNIT);
	forget_answers();
	put(answer_of(FLY_PACKET_ACK, 10, 10, 0), &answer);
	h = answer_of(FLY_PACKET_ACK, 1, 1, 0); /* as probes are answered */
	while (w.sim->now_tsc < end_tsc) {
		struct frame f;

		sim_run(w.sim, 1);
		while (frame_take(peer, &f, &answer)) {
			cr_assert(answer.type == FLY_PACKET_PROBE, "type %u", answer.type);
			cr_assert(answer.procedure == FLY_ABOUT_CALL && answer.length == 0);
			probes++;
			frame_make(&f, &h, peer, peer->far, NULL);
			frame_put(peer->far, &f);
		}
		cr_assert(!fly_ready(outstanding));
	}
	cr_expect(probes > 5 && probes < 30, "%u probes in a minute", probes);
	/* Probes are answered no more: the call is given up. */
	cr_assert(sim_until(w.sim, outstanding, 200000));
	forget_answers();
	cr_expect(ours->wait(outstanding) == -FLY_EPEER);
	cr_expect(sim_count(w.caller, FLY_COUNT_acks_received) == 1 + probes);
}

static void expect_refused(uint16_t status)
{
	struct fly_header answer;
	struct fly_header h;

	by_hand_as_server(40 * UNIT);
	h = answer_of(FLY_PACKET_REJECT, 0, 1, 0);
	h.procedure = status;
	h.hint = 100000; /* as if up for longer than the call */
	cr_expect(!put(h, &answer));
	cr_assert(fly_ready(outstanding));
	cr_expect(ours->wait(outstanding) == -(int)status);
	cr_expect(bulks(w.caller)->n == 0);
}

Case(bulk, fly_slow_rejected__while_fragments_are_under_way)
{
	expect_refused(FLY_EBUSY);
	expect_refused(FLY_EVERSION);
}

Case(bulk, fly_slow_rejected__while_fragments_are_under_way_by_one_that_was_restarted)
{
	expect_refused(FLY_EFORGOTTEN);
	expect_refused(FLY_ESTALE);
}

/* Part of the result is here: the call has run, whatever a refusal says of another copy. */
Case(bulk, fly_slow_rejected__once_the_result_has_begun)
{
	static const struct {
		uint16_t refusal;
		int status;
	} ends[] = {
		{FLY_EBUSY, -FLY_EFORGOTTEN},
		{FLY_EVERSION, -FLY_EFORGOTTEN},
		{FLY_ESTALE, -FLY_ESTALE_MAYBE},
	};
	struct fly_header answer;
	struct fly_header h;

	by_hand_as_server(8);
	for (unsigned i = 0; i < RTE_DIM(ends); i++) {
		struct frame f;

		cr_expect(!put(answer_of(FLY_PACKET_RESULT, 0, 3, 100), &answer));
		h = answer_of(FLY_PACKET_REJECT, 0, 1, 0);
		h.procedure = ends[i].refusal;
		h.hint = 100000; /* as if up for longer than the call */
		put(h, &answer);
		cr_assert(fly_ready(outstanding));
		cr_expect(ours->wait(outstanding) == ends[i].status);
		cr_expect(bulks(w.caller)->n == 0);
		cr_assert(ours->starter(ours, FILL, 8, &outstanding) == 0);
		memset(outstanding->payload, 0, 8);
		ours->send(outstanding);
		sim_turn(w.sim);
		sim_turn(w.sim);
		cr_assert(frame_take(peer, &f, &called));
	}
}

Case(bulk, fly_slow_result_fragment__what_does_not_fit)
{
	struct fly_header answer;
	struct fly_header h;

	by_hand_as_server(8);
	expect_caller_drop(answer_of(FLY_PACKET_RESULT, 2, 3, 100), FLY_COUNT_drop_fragments,
			   "the last one first");
	expect_caller_drop(answer_of(FLY_PACKET_RESULT, 0, 65535, 1440), FLY_COUNT_drop_too_long,
			   "longer than any result");
	expect_caller_drop(answer_of(FLY_PACKET_ACK, 1, 2, 0), FLY_COUNT_drop_ack,
			   "of a call of one packet");
	cr_expect(entry()->state != FLY_CALL_BULK && bulks(w.caller)->n == 0);
	h = answer_of(FLY_PACKET_RESULT, 0, 3, 100);
	h.flags = FLY_FLAG_ACK;
	h.hint = 12;
	cr_assert(put(h, &answer));
	cr_expect(answer.type == FLY_PACKET_ACK && answer.procedure == FLY_PACKET_RESULT);
	cr_expect(answer.fragment == 1 && answer.fragments == 3 && answer.seq == called.seq);
	expect_caller_drop(answer_of(FLY_PACKET_RESULT, 1, 4, 100), FLY_COUNT_drop_fragments,
			   "count");
	expect_caller_drop(answer_of(FLY_PACKET_RESULT, 1, 3, 101), FLY_COUNT_drop_fragments,
			   "length");
	expect_caller_drop(answer_of(FLY_PACKET_RESULT, 0, 3, 100), FLY_COUNT_drop_fragment_again,
			   "again");
	h = answer_of(FLY_PACKET_RESULT, 1, 3, 100);
	h.procedure = FLY_EEXCEPTION;
	expect_caller_drop(h, FLY_COUNT_drop_fragments, "another status");
	h = answer_of(FLY_PACKET_RESULT, 1, 3, 100);
	h.seq++;
	expect_caller_drop(h, FLY_COUNT_drop_sequence, "another call");
	expect_caller_drop(answer_of(FLY_PACKET_RESULT, 0, 1, 8), FLY_COUNT_drop_fragments,
			   "a result of one packet in the midst of a longer one");
	/* Nothing more comes: the caller acknowledges, and later sends the call again. */
	struct frame f;
	unsigned told = 0;
	for (;; told++) {
		while (!frame_take(peer, &f, &answer))
			sim_turn(w.sim);
		if (answer.type == FLY_PACKET_CALL)
			break;
		cr_assert(answer.type == FLY_PACKET_ACK && answer.fragment == 1);
		cr_assert(answer.flags == FLY_FLAG_IDLE && answer.age == FLY_ECHO_NONE);
	}
	cr_expect(told > 2 && answer.length == 8);
	forget_answers();
	cr_expect(!put(answer_of(FLY_PACKET_RESULT, 1, 3, 100), &answer));
	h = answer_of(FLY_PACKET_RESULT, 2, 3, 1);
	cr_assert(put(h, &answer), "the end is acknowledged, asked or not");
	cr_expect(answer.fragment == 3 && answer.fragments == 3);
	cr_assert(fly_ready(outstanding));
	cr_expect(ours->wait(outstanding) == 0 && outstanding->length == 201);
	expect_caller_drop(h, FLY_COUNT_drop_sequence, "it is over");
	fly_release(outstanding);
	cr_expect(bulks(w.caller)->n == 0);
}

Case(bulk, fly_bulk_result__one_packet_for_a_call_of_many)
{
	struct fly_header answer;

	by_hand_as_server(40 * UNIT);
	cr_expect(!put(answer_of(FLY_PACKET_RESULT, 0, 1, 100), &answer));
	cr_assert(fly_ready(outstanding));
	cr_expect(ours->wait(outstanding) == 0 && outstanding->length == 100);
	cr_expect(bulks(w.caller)->n == 0, "its arguments are not kept");
	ours->ender(outstanding);
}

/* The call was not sent completely. The result counts all the same, and no more is sent. */
Case(bulk, fly_slow_result_fragment__before_the_call_is_whole)
{
	struct fly_header answer;

	by_hand_as_server(40 * UNIT);
	cr_expect(!put(answer_of(FLY_PACKET_RESULT, 0, 2, 100), &answer));
	expect_caller_drop(answer_of(FLY_PACKET_ACK, 8, 40, 0), FLY_COUNT_drop_ack, "too late");
	cr_assert(put(answer_of(FLY_PACKET_RESULT, 1, 2, 100), &answer));
	cr_assert(fly_ready(outstanding));
	cr_expect(ours->wait(outstanding) == 0 && outstanding->length == 200);
	ours->ender(outstanding);
}

/* A procedure that may run twice: two executions may have different results. */
Case(bulk, fly_slow_result_fragment__of_two_executions)
{
	struct fly_header h;
	struct fly_header answer;

	by_hand_as_server(8);
	h = answer_of(FLY_PACKET_RESULT, 0, 3, 100);
	h.export_id = 1111;
	cr_expect(!put(h, &answer));
	h.fragment = 1;
	h.export_id = 2222;
	expect_caller_drop(h, FLY_COUNT_drop_fragments, "of the other one");
	h.export_id = 1111;
	cr_expect(!put(h, &answer));
	h.fragment = 2;
	cr_assert(put(h, &answer) && fly_ready(outstanding));
	cr_expect(ours->wait(outstanding) == 0 && outstanding->length == 300);
	ours->ender(outstanding);
}

Case(bulk, run_whole__a_call_whose_deadline_has_passed_does_not_run)
{
	struct fly_header h;
	struct fly_header answer;

	by_hand();
	memset(data, 0, sizeof data); /* the deadline had passed when the call was first sent */
	for (unsigned copy = 0; copy < 2; copy++) {
		h = part_of(1, SUM, 0, 2, 100);
		h.flags = FLY_FLAG_DEADLINE;
		put(h, &answer);
		h.fragment = 1;
		put(h, &answer);
		forget_answers();
	}
	cr_expect(runs == 0 && sim_count(w.server, FLY_COUNT_drop_late) == 1);
	cr_expect(record()->state == FLY_CONVERSATION_REFUSED && bulks(w.server)->n == 0);
}

/* ---- a network: 25 Gb/s, 10 us there and back, in nanoseconds ---- */

#define NS_PER_MS   1000000
#define FRAME_NS    486 /* one frame of 1518 bytes plus preamble and gap, at 25 Gb/s */
#define ONE_WAY_NS  5000
#define LOSSY_CALLS 60

static unsigned lost_of_1000;
static uint64_t free_at[2]; /* when the wire of each end is free again */

/* Send a burst as a network does: frame by frame, with some losses. */
static uint16_t wire_tx(struct fly_link *link, struct rte_mbuf **packets, uint16_t n)
{
	struct sim_link *l = (struct sim_link *)(void *)link;
	uint64_t *const at = &free_at[l == w.at_server];

	for (uint16_t i = 0; i < n; i++) {
		const unsigned bytes = packets[i]->data_len;
		struct sim_frame *f;

		*at = RTE_MAX(*at, *l->now_tsc) + FRAME_NS * (bytes + 24U) / 1542;
		if (sim_random(&l->random) % 1000 >= lost_of_1000) {
			sim_link_put(l->far, fly_packet_frame(packets[i]), bytes);
			f = l->far->in[l->far->n_in - 1];
			f->due_tsc = *at + ONE_WAY_NS;
		}
		rte_pktmbuf_free(packets[i]);
	}
	return n;
}

static void make_network(struct sim_node *node, struct sim_link *l)
{
	struct fly_poller *p = sim_poller(node);
	struct fly_waits *t = &p->waits;

	l->link.tx_burst = wire_tx;
	fly_link_set_checksum(&l->link, FLY_CHECKSUM_SOFTWARE);
	p->tsc_per_ms = NS_PER_MS;
	p->absent_tsc = FLY_ABSENT_US * 1000;
	t->first_tsc *= 1000;
	t->least_tsc *= 1000;
	t->most_tsc *= 1000;
	t->timeout_tsc *= 1000;
	t->probe_again_tsc *= 1000;
	t->probe_most_tsc *= 1000;
}

static void begin_network(void)
{
	const struct sim_node_config config = {.packets = 2047};

	begin_with(&config, &config);
	make_network(w.caller, w.at_caller);
	make_network(w.server, w.at_server);
	w.sim->step_us = 200; /* ticks are nanoseconds here */
	free_at[0] = free_at[1] = 0;
}

/* Make calls one after the other. Return: nanoseconds taken. */
static uint64_t calls_take(bool with_results, unsigned loss)
{
	const uint64_t begun = w.sim->now_tsc;

	lost_of_1000 = loss;
	for (uint32_t i = 0; i < LOSSY_CALLS; i++) {
		if (with_results)
			finish_fill(start_fill(FILL, i, MOST), i, MOST);
		else
			finish_sum(start(SUM, i, MOST), i);
	}
	lost_of_1000 = 0;
	return w.sim->now_tsc - begun;
}

static void one_percent_of_loss(bool with_results)
{
	uint64_t lossless;
	uint64_t lossy;

	begin_network();
	calls_take(with_results, 0);
	lossless = calls_take(with_results, 0);
	lossy = calls_take(with_results, 10);
	lossless = (uint64_t)LOSSY_CALLS * (MOST / UNIT + 1) * FRAME_NS * 100 / lossless;
	lossy = (uint64_t)LOSSY_CALLS * (MOST / UNIT + 1) * FRAME_NS * 100 / lossy;
	printf("%s of 1 MiB, 25 Gb/s, 10 us: %lu %% of the wire; with 1 %% of loss %lu %%\n",
	       with_results ? "results" : "arguments", lossless, lossy);
	cr_expect(lossless >= 90, "%lu %%", lossless);
	cr_expect(lossy * 10 >= lossless * 8, "%lu %% instead of %lu %%", lossy, lossless);
	end();
}

Test(bulk, fly_scatter_acked__one_percent_of_loss_costs_little_of_arguments)
{
	one_percent_of_loss(false);
}

Test(bulk, fly_scatter_acked__one_percent_of_loss_costs_little_of_results)
{
	one_percent_of_loss(true);
}

/* A Null beside a transfer waits for the queue, which the target delay bounds. */
Test(bulk, fly_path_room__a_null_beside_a_long_transfer)
{
	struct fly_call *large;
	struct fly_call *small;
	uint64_t longest[2] = {0, 0};

	begin_network();
	for (unsigned busy = 0; busy < 2; busy++) {
		large = busy ? start(ECHO, 1, MOST) : NULL;
		for (unsigned i = 0; i < 30; i++) {
			const uint64_t begun = w.sim->now_tsc;

			cr_assert(Probe_Null_start(w.binding, &small) == 0);
			cr_assert(sim_until(w.sim, small, 100000));
			cr_assert(Probe_Null_finish(small) == 0);
			longest[busy] = RTE_MAX(longest[busy], w.sim->now_tsc - begun);
		}
		if (busy)
			finish_echo(large, 1, MOST);
	}
	printf("Null alone %lu ns, beside bulk %lu ns\n", longest[0], longest[1]);
	cr_expect(longest[1] < 4 * longest[0], "%lu ns, %lu ns", longest[0], longest[1]);
	end();
}
