/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_sweep.c - lost calls and results, silent peers, stuck drivers, lost links, old records.
 * Exact times are in test_resend.c, absences in test_absence.c.
 */
#include <criterion/criterion.h>

#include "case.h"
#include "pair.h"
#include "slowpath/records.h"
#include "slowpath/sweep.h"

static struct pair w;
static uint8_t data[1440];

static void begin(void)
{
	pair_begin(&w, NULL, NULL);
	sim_turn(w.sim);
}

static void end(void)
{
	cr_expect(w.server->service.wrong == 0, "arguments arrived wrong");
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(sweep, .timeout = HANG);

static uint64_t ms(void)
{
	return w.sim->now_tsc / SIM_TSC_PER_MS;
}

/* ---- losses ---- */

Case(sweep, fly_slow_sweep__a_lost_small_call_is_sent_again)
{
	const uint64_t start = ms();

	w.at_caller->faults.drop_mask = 0x1;
	cr_expect(pair_add(&w, 1) == 0);
	cr_expect(ms() - start >= 20 && ms() - start <= 22, "after %lu ms", ms() - start);
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) == 1);
	cr_expect(w.server->service.runs[1] == 1);
}

Case(sweep, fly_slow_sweep__a_lost_large_call_is_sent_again)
{
	struct fly_call *call;
	uint32_t sum;

	w.at_caller->faults.drop_mask = 0x3;
	w.at_caller->faults.holds = 8; /* the driver still holds the first */
	probe_fill(data, 1400, 7);
	cr_assert(Probe_Sum_start(w.binding, 7, data, &call) == 0);
	cr_assert(sim_until(w.sim, call, 100));
	cr_expect(Probe_Sum_finish(call, &sum) == 0 && sum == probe_sum(7));
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) == 2);
	cr_expect(w.server->service.runs[7] == 1);
}

Case(sweep, fly_slow_sweep__a_lost_small_result_is_sent_again)
{
	w.at_server->faults.drop_mask = 0x3;
	cr_expect(pair_add(&w, 1) == 0);
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) == 2);
	cr_expect(sim_count(w.server, FLY_COUNT_resent_results) == 2);
	cr_expect(w.server->service.runs[1] == 1, "it ran %u times", w.server->service.runs[1]);
}

Case(sweep, fly_slow_sweep__a_lost_large_result_is_sent_again)
{
	struct fly_call *call;

	w.at_server->faults.drop_mask = 0x3;
	w.at_server->faults.holds = 8;
	cr_assert(Probe_Fill_start(w.binding, 7, &call) == 0);
	cr_assert(sim_until(w.sim, call, 100));
	cr_expect(Probe_Fill_finish(call, data) == 0);
	cr_expect(probe_is(data, 1440, probe_sum(7)));
	cr_expect(sim_count(w.server, FLY_COUNT_resent_results) == 2);
	cr_expect(w.server->service.runs[7] == 1);
}

Case(sweep, fly_slow_sweep__a_call_that_waits_is_sent_again_at_growing_intervals)
{
	static const unsigned at_ms[] = {20, 60, 140, 300, 620};
	struct fly_call *call;
	const uint64_t start = ms();

	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	for (unsigned i = 0; i < RTE_DIM(at_ms); i++) {
		while (sim_count(w.caller, FLY_COUNT_resent_calls) == i)
			sim_turn(w.sim);
		cr_expect(ms() - start >= at_ms[i] && ms() - start <= at_ms[i] + i + 2,
			  "resend %u after %lu ms", i, ms() - start);
	}
}

Case(sweep, fly_slow_sweep__a_peer_that_never_answers)
{
	struct fly_call *call;
	const uint64_t start = ms();

	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	cr_assert(sim_until(w.sim, call, 10000));
	cr_expect(Probe_Null_finish(call) == -FLY_EPEER);
	cr_expect(ms() - start >= 1000 && ms() - start <= 2100, "after %lu ms", ms() - start);
	cr_expect(sim_count(w.caller, FLY_COUNT_calls_failed) == 1);
	w.at_caller->faults.drop_percent = 0;
	cr_expect(pair_add(&w, 1) == 0, "the next call does not suffer from it");
	cr_expect(w.server->service.executions == 1);
}

/* A resent packet tells the call's age, which decides about "forgotten". */
Case(sweep, fly_slow_sweep__a_resent_call_says_so_and_tells_its_age)
{
	static const unsigned at_ms[] = {20, 60, 140, 300};
	struct sim_link *to_us = sim_join_open(w.sim, w.caller);
	struct fly_binding *binding = sim_import(w.sim, w.caller, to_us, 0x1000001);
	struct fly_call *call;
	struct fly_header h;
	struct frame f;

	probe_fill(data, 1400, 5);
	cr_assert(Probe_Sum_start(binding, 5, data, &call) == 0);
	sim_turn(w.sim);
	cr_assert(frame_take(to_us->far, &f, &h));
	cr_expect(h.flags == 0 && h.age == 0 && h.length == 1404);
	for (unsigned i = 0; i < RTE_DIM(at_ms); i++) {
		struct fly_header again;
		struct frame g;

		while (to_us->far->n_in == 0)
			sim_turn(w.sim);
		cr_assert(frame_take(to_us->far, &g, &again));
		cr_expect(again.flags == (FLY_FLAG_RESENT | FLY_FLAG_ACK));
		cr_expect(again.age >= at_ms[i] && again.age <= at_ms[i] + 4, "age %u", again.age);
		cr_expect(again.seq == h.seq && again.activity == h.activity);
		g.data[FLY_RPC + 1] = 0;
		memcpy(g.data + FLY_RPC + 30, f.data + FLY_RPC + 30, 2);
		cr_expect(g.bytes == f.bytes && memcmp(g.data, f.data, f.bytes) == 0);
	}
}

Case(sweep, fly_slow_sweep__age_saturates)
{
	struct sim_link *to_us = sim_join_open(w.sim, w.caller);
	struct fly_binding *binding = sim_import(w.sim, w.caller, to_us, 0x1000001);
	struct fly_call *call;
	struct fly_header h;
	struct frame f;

	sim_poller(w.caller)->waits.timeout_tsc = UINT64_C(1000000) * SIM_TSC_PER_MS;
	w.sim->step_us = 1000;
	cr_assert(Probe_Null_start(binding, &call) == 0);
	for (unsigned i = 0; i < 70; i++) {
		sim_run(w.sim, 1000);
		while (frame_take(to_us->far, &f, &h))
			;
	}
	cr_expect(h.age == UINT16_MAX, "age %u", h.age);
}

Case(sweep, fly_slow_sweep__every_entry_of_a_large_table_is_looked_at)
{
	enum {
		CALLS = 1000
	};
	const struct sim_node_config config = {.calls = CALLS, .packets = 2047};
	static struct fly_call *calls[CALLS];
	struct sim_node *node = sim_add(w.sim, &config);
	struct sim_link *to_us = sim_join_open(w.sim, node);
	struct fly_binding *binding = sim_import(w.sim, node, to_us, 0x1000001);

	to_us->faults.drop_percent = 100;
	for (unsigned i = 0; i < CALLS; i++) {
		cr_assert(Probe_Null_start(binding, &calls[i]) == 0);
		if (i % 100 == 0)
			sim_turn(w.sim);
	}
	sim_run(w.sim, 30);
	cr_expect(sim_count(node, FLY_COUNT_resent_calls) == CALLS);
	sim_run(w.sim, 3000);
	for (unsigned i = 0; i < CALLS; i++)
		cr_expect(fly_ready(calls[i]) && Probe_Null_finish(calls[i]) == -FLY_EPEER);
}

Case(sweep, fly_slow_sweep__without_packets_it_tries_again_later)
{
	struct fly_packet_cache *cache = &sim_poller(w.caller)->cache;
	struct rte_mbuf *all[512];
	struct fly_call *call;
	unsigned n = 0;

	w.at_caller->faults.drop_mask = 0x1;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	sim_turn(w.sim);
	while ((all[n] = fly_packet_get(cache, 0)))
		n++;
	sim_run(w.sim, 30);
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) == 0);
	while (n)
		fly_packet_put(cache, all[--n]);
	cr_assert(sim_until(w.sim, call, 200));
	cr_expect(Probe_Null_finish(call) == 0);
}

/* ---- conversations ---- */

Case(sweep, fly_slow_sweep__a_record_is_kept_for_as_long_as_promised_and_then_goes)
{
	w.sim->step_us = 500;
	cr_assert(pair_add(&w, 1) == 0);
	cr_expect(sim_poller(w.server)->conversations.n_free == 63);
	sim_run(w.sim, FLY_RECORD_KEEP_MS + FLY_ABSENCE_MS - 100);
	cr_expect(sim_poller(w.server)->conversations.n_free == 63);
	sim_run(w.sim, 300);
	cr_expect(sim_poller(w.server)->conversations.n_free == 64);
	cr_expect(sim_count(w.server, FLY_COUNT_conversations_ended) == 1);
	cr_expect(pair_add(&w, 2) == 0, "a caller that was forgotten is welcome again");
	cr_expect(sim_count(w.server, FLY_COUNT_conversations_opened) == 2);
}

/* ---- drivers and links ---- */

Case(sweep, fly_slow_sweep__a_driver_that_takes_nothing_loses_its_queue_but_not_for_a_while)
{
	struct fly_call *call;

	w.at_caller->faults.stuck = true;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	sim_run(w.sim, 50);
	w.at_caller->faults.stuck = false;
	cr_assert(sim_until(w.sim, call, 5), "what waited is sent");
	cr_expect(Probe_Null_finish(call) == 0);
	cr_expect(sim_count(w.caller, FLY_COUNT_drop_tx_full) == 0);

	w.at_caller->faults.stuck = true;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	sim_run(w.sim, 115);
	cr_expect(w.at_caller->link.n_queued == 0);
	cr_expect(sim_count(w.caller, FLY_COUNT_drop_tx_full) > 0);
	w.at_caller->faults.stuck = false;
	cr_assert(sim_until(w.sim, call, 1000));
	cr_expect(Probe_Null_finish(call) == 0);
	cr_expect(w.server->service.executions == 2);
}

Case(sweep, fly_link_lost__ends_calls_and_conversations_of_that_link_and_of_no_other)
{
	struct sim_link *second = sim_join(w.sim, w.caller, w.server);
	struct fly_binding *by_second = sim_import(w.sim, w.caller, second, w.server->export_id);
	struct fly_call *lost;
	struct fly_call *kept;
	struct fly_call *queued;

	cr_assert(pair_add(&w, 1) == 0);
	cr_assert(Probe_Null_start(by_second, &kept) == 0);
	cr_assert(sim_until(w.sim, kept, 5));
	cr_assert(Probe_Null_finish(kept) == 0);

	w.at_caller->faults.drop_percent = 100;
	second->faults.drop_mask = 0x2;
	cr_assert(Probe_Null_start(w.binding, &lost) == 0);
	cr_assert(Probe_Null_start(by_second, &kept) == 0);
	sim_turn(w.sim);
	cr_assert(Probe_Null_start(w.binding, &queued) == 0);
	fly_link_lost(sim_poller(w.caller), &w.at_caller->link);
	fly_link_lost(sim_poller(w.server), &w.at_server->link);
	cr_expect(fly_ready(lost) && Probe_Null_finish(lost) == -FLY_EPEER);
	cr_expect(fly_ready(queued) && Probe_Null_finish(queued) == -FLY_EPEER);
	cr_expect(!fly_ready(kept));
	cr_expect(sim_count(w.caller, FLY_COUNT_drop_link_down) == 1);
	cr_expect(sim_count(w.caller, FLY_COUNT_links_lost) == 1);
	cr_expect(sim_poller(w.server)->conversations.n_free == 63, "the other link's stays");
	cr_expect(Probe_Null_start(w.binding, &lost) == -FLY_ELINK);
	cr_assert(sim_until(w.sim, kept, 100));
	cr_expect(Probe_Null_finish(kept) == 0);
}

/* ---- round trips ---- */

Case(sweep, fly_slow_result__of_a_call_that_was_sent_again_is_no_round_trip)
{
	const struct fly_rtt *rtt = &fly_import_of(w.binding)->rtt;

	w.at_caller->faults.drop_mask = 0x1;
	cr_expect(pair_add(&w, 1) == 0);
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) == 1);
	cr_expect(sim_count(w.caller, FLY_COUNT_round_trips) == 0, "of which copy?");
	cr_expect(rtt->srtt_tsc == 0);
	sim_run(w.sim, 2);
	cr_expect(pair_add(&w, 2) == 0);
	cr_expect(sim_count(w.caller, FLY_COUNT_round_trips) == 1);
	cr_expect(rtt->srtt_tsc > 0 && rtt->srtt_tsc < SIM_TSC_PER_MS);
}
