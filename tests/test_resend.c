/* SPDX-License-Identifier: BSD-3-Clause */
/* test_resend.c - when unanswered calls are sent again, probed and given up, in virtual time. */
#include <criterion/criterion.h>

#include "case.h"
#include "hand.h"
#include "slowpath/resend.h"

#define PASS_US 16 /* greatest delay of a due call, plus a turn */

static struct pair w;

static void begin(void)
{
	pair_begin(&w, NULL, NULL);
	w.sim->step_us = 1;
}

static void end(void)
{
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(resend, .timeout = HANG);

static struct fly_poller *poller(void)
{
	return sim_poller(w.caller);
}

static uint64_t count(enum fly_counter which)
{
	return sim_count(w.caller, which);
}

static struct fly_rtt *rtt(void)
{
	return &fly_import_of(w.binding)->rtt;
}

static void call_once(void)
{
	struct fly_call *call;

	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	cr_assert(sim_until(w.sim, call, 1000));
	cr_assert(Probe_Null_finish(call) == 0);
}

/* Calls one after the other for @ms, over a path with this round trip. */
static void measure(unsigned round_trip_us, unsigned ms)
{
	const uint64_t end_tsc = w.sim->now_tsc + (uint64_t)ms * SIM_TSC_PER_MS;

	w.at_caller->faults.latency_us = round_trip_us / 2;
	w.at_server->faults.latency_us = round_trip_us / 2;
	while (w.sim->now_tsc < end_tsc)
		call_once();
}

/* Time from the first transmission to the last of @n copies. */
static uint64_t copies_us(const struct fly_call_entry *e, uint64_t sent_tsc, unsigned copies)
{
	const uint64_t before = count(FLY_COUNT_resent_calls);

	while (count(FLY_COUNT_resent_calls) < before + copies && fly_call_is_out(e))
		sim_turn(w.sim);
	return poller()->now_tsc - sent_tsc;
}

/* ---- round trips ---- */

Case(resend, fly_resend_pass__a_loss_is_made_good_after_the_measured_time)
{
	struct fly_call *call;
	uint64_t us;

	cr_expect(rtt()->rto_tsc == 20000);
	measure(10, 20);
	cr_expect(rtt()->srtt_tsc >= 10 && rtt()->srtt_tsc <= 13, "%lu", rtt()->srtt_tsc);
	cr_expect(rtt()->rto_tsc == 1000, "not less: %lu", rtt()->rto_tsc);
	for (unsigned i = 0; i < 20; i++) {
		w.at_caller->faults.drop_percent = 100;
		cr_assert(Probe_Null_start(w.binding, &call) == 0);
		us = copies_us(fly_entry_of(call), fly_entry_of(call)->sent_tsc, 1);
		cr_expect(us >= 1000 && us <= 1000 + PASS_US + 1, "after %lu us", us);
		w.at_caller->faults.drop_percent = 0;
		cr_assert(sim_until(w.sim, call, 10));
		cr_assert(Probe_Null_finish(call) == 0);
		sim_run(w.sim, 1);
		for (unsigned k = 0; k < 37 * i; k++)
			sim_turn(w.sim);
	}
}

Case(resend, fly_resend_pass__a_longer_path_is_waited_for)
{
	struct fly_call *call;
	uint64_t us;
	uint64_t rto_us;

	measure(5000, 300);
	cr_expect(count(FLY_COUNT_resent_calls) == 0, "%lu sent again for nothing",
		  count(FLY_COUNT_resent_calls));
	cr_expect(rtt()->srtt_tsc >= 5000 && rtt()->srtt_tsc <= 5020, "%lu", rtt()->srtt_tsc);
	rto_us = rtt()->rto_tsc;
	cr_expect(rto_us >= 5000 && rto_us < 8000, "%lu", rto_us);
	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	us = copies_us(fly_entry_of(call), fly_entry_of(call)->sent_tsc, 1);
	cr_expect(us >= rto_us && us <= rto_us + PASS_US + 1, "after %lu us", us);
}

/* The path gets longer than the RTO: each call is sent twice until one has been timed. */
Case(resend, fly_resend_pass__a_path_that_becomes_longer)
{
	measure(10, 20);
	measure(15000, 2000);
	cr_expect(count(FLY_COUNT_resent_calls) > 0);
	cr_expect(w.server->service.executions == count(FLY_COUNT_calls_returned));
}

Case(resend, fly_slow_result__one_round_trip_in_a_millisecond_is_measured)
{
	const uint64_t before = count(FLY_COUNT_round_trips);
	uint64_t measured;

	measure(10, 100);
	measured = count(FLY_COUNT_round_trips) - before;
	cr_expect(measured >= 95 && measured <= 102, "%lu in 100 ms", measured);
	cr_expect(count(FLY_COUNT_calls_returned) > 5000);
}

Case(resend, fly_slow_result__what_was_sent_twice_is_not_measured)
{
	const struct fly_rtt *r = rtt();
	uint64_t measured;
	uint64_t srtt_tsc;
	struct fly_call *call;

	measure(10, 20);
	measured = count(FLY_COUNT_round_trips);
	srtt_tsc = r->srtt_tsc;
	for (unsigned i = 0; i < 10; i++) {
		const uint64_t before = count(FLY_COUNT_round_trips);

		sim_run(w.sim, 2);
		w.at_caller->faults.drop_percent = 100;
		cr_assert(Probe_Null_start(w.binding, &call) == 0);
		cr_assert(fly_entry_of(call)->state == FLY_CALL_TIMED);
		copies_us(fly_entry_of(call), w.sim->now_tsc, 1);
		cr_expect(fly_entry_of(call)->state == FLY_CALL_WAITING);
		w.at_caller->faults.drop_percent = 0;
		cr_assert(sim_until(w.sim, call, 10));
		cr_assert(Probe_Null_finish(call) == 0);
		cr_expect(count(FLY_COUNT_round_trips) == before);
	}
	cr_expect(r->srtt_tsc == srtt_tsc && r->rto_tsc == 1000);
	cr_expect(count(FLY_COUNT_round_trips) == measured);
}

Case(resend, fly_slow_result__an_exception_is_measured_as_well)
{
	struct fly_call *call;
	uint8_t data[1000];

	sim_run(w.sim, 2);
	cr_assert(Probe_Raise_start(w.binding, 1, &call) == 0);
	cr_assert(sim_until(w.sim, call, 10));
	cr_expect(Probe_Raise_finish(call, data) == -FLY_ERAISED);
	cr_expect(count(FLY_COUNT_round_trips) == 1 && rtt()->srtt_tsc > 0);
}

/* ---- waits ---- */

Case(resend, fly_resend_pass__each_wait_is_twice_the_one_before)
{
	static const unsigned at_us[] = {1000, 3000, 7000, 15000, 31000, 63000, 127000, 255000};
	struct fly_call *call;
	uint64_t sent_tsc;

	measure(10, 20);
	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	sent_tsc = fly_entry_of(call)->sent_tsc;
	for (unsigned i = 0; i < RTE_DIM(at_us); i++) {
		const uint64_t us = copies_us(fly_entry_of(call), sent_tsc, 1);

		cr_expect(us >= at_us[i] && us <= at_us[i] + (i + 1) * (PASS_US + 1),
			  "copy %u after %lu us", i, us);
	}
}

/* Calls at all moments of a millisecond: no call waits for another call's pass. */
Case(resend, fly_resend_pass__is_precise_whenever_a_call_was_sent)
{
	enum {
		CALLS = 60
	};
	struct fly_call *calls[CALLS];
	uint64_t sent_tsc[CALLS];
	bool was_sent[CALLS] = {false};
	unsigned n = 0;
	unsigned seen = 0;

	measure(10, 20);
	w.at_caller->faults.drop_percent = 100;
	for (unsigned us = 0; us < 6000 && seen < CALLS; us++) {
		if (us % 37 == 0 && n < CALLS) {
			cr_assert(Probe_Null_start(w.binding, &calls[n]) == 0);
			sent_tsc[n] = fly_entry_of(calls[n])->sent_tsc;
			n++;
		}
		sim_turn(w.sim);
		for (unsigned i = 0; i < n; i++) {
			const uint64_t after = poller()->now_tsc - sent_tsc[i];

			if (was_sent[i] || fly_entry_of(calls[i])->resends == 0)
				continue;
			was_sent[i] = true;
			seen++;
			cr_expect(after >= 1000 && after <= 1000 + PASS_US + 1, "call %u: %lu us",
				  i, after);
		}
	}
	cr_expect(seen == CALLS, "%u", seen);
}

Case(resend, fly_resend_pass__however_many_copies_were_sent)
{
	struct fly_call *call;

	poller()->waits.most_tsc = 1000;
	poller()->waits.timeout_tsc = 1000000;
	rtt()->rto_tsc = 1000;
	w.sim->step_us = 10;
	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	sim_run(w.sim, 400);
	cr_expect(fly_entry_of(call)->resends == UINT8_MAX);
	cr_expect(count(FLY_COUNT_resent_calls) > 350);
	w.at_caller->faults.drop_percent = 0;
	cr_assert(sim_until(w.sim, call, 10));
	cr_expect(Probe_Null_finish(call) == 0);
}

Case(resend, fly_resend_pass__given_up_when_all_waits_together_are_the_time_out)
{
	struct fly_call *call;
	uint64_t sent_tsc;

	measure(10, 20);
	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	sent_tsc = fly_entry_of(call)->sent_tsc;
	cr_assert(sim_until(w.sim, call, 1100));
	cr_expect(w.sim->now_tsc - sent_tsc >= 1000000 && w.sim->now_tsc - sent_tsc <= 1000300,
		  "%lu us", w.sim->now_tsc - sent_tsc);
	cr_expect(Probe_Null_finish(call) == -FLY_EPEER);
	cr_expect(count(FLY_COUNT_cancels_sent) == 0, "nobody is there to be told");
}

/* ---- what a pass costs ---- */

Case(resend, fly_resend_pass__nothing_is_looked_at_before_it_is_due)
{
	struct fly_pass before;
	struct fly_call *call;

	measure(10, 5);
	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	sim_run(w.sim, 2); /* sent again now; the next copy after 2 ms more */
	before = poller()->pass;
	cr_assert(before.due_tsc > w.sim->now_tsc && before.at == 0);
	for (unsigned i = 0; i < 100; i++)
		fly_resend_pass(poller());
	cr_expect(memcmp(&before, &poller()->pass, sizeof before) == 0);
	cr_expect(poller()->sweep_at_tsc > poller()->now_tsc, "nor is a sweep wanted");
}

/* Passes per second of a poller whose calls are all answered: one per least RTO. */
Case(resend, fly_resend_pass__calls_that_are_answered_are_not_looked_at_more_often)
{
	unsigned passes = 0;
	uint64_t due_tsc = 0;
	struct fly_call *call;

	for (unsigned i = 0; i < 3000; i++) {
		cr_assert(Probe_Null_start(w.binding, &call) == 0);
		cr_assert(sim_until(w.sim, call, 10));
		cr_assert(Probe_Null_finish(call) == 0);
		for (unsigned turn = 0; turn < 10; turn++) {
			sim_turn(w.sim);
			passes += poller()->pass.due_tsc != due_tsc;
			due_tsc = poller()->pass.due_tsc;
		}
	}
	cr_expect(passes <= (w.sim->now_tsc / 1000 - 5000) + 2, "%u passes in %lu ms", passes,
		  w.sim->now_tsc / 1000 - 5000);
}

/* ---- large tables ---- */

Case(resend, fly_resend_pass__looks_at_a_table_of_65536_calls_in_pieces)
{
	enum {
		CALLS = 65536
	};
	const struct sim_node_config config = {.calls = CALLS};
	static struct fly_call *calls[CALLS];
	struct sim_node *node = sim_add(w.sim, &config);
	struct sim_link *to_us = sim_join_open(w.sim, node);
	struct fly_binding *binding = sim_import(w.sim, node, to_us, 0x1000001);
	uint64_t resent = 0;
	unsigned turns = 0;

	to_us->faults.drop_percent = 100;
	for (unsigned i = 0; i < CALLS; i++) {
		cr_assert(Probe_Null_start(binding, &calls[i]) == 0);
		if (i % 100 == 99)
			fly_link_flush(&to_us->link);
	}
	w.sim->step_us = 10;
	while (resent < CALLS && turns++ < 4000) {
		const uint64_t before = resent;

		sim_turn(w.sim);
		resent = sim_count(node, FLY_COUNT_resent_calls);
		cr_expect(resent - before <= 256, "%lu in one turn", resent - before);
	}
	cr_expect(resent == CALLS, "%lu", resent);
	/* 20 ms until they are due, then 256 turns of 10 us for each of two passes */
	cr_expect(turns <= 2000 + 2 * 256 + 20, "%u turns", turns);
	for (unsigned i = 0; i < CALLS; i += 1009)
		cr_expect(fly_entry_of(calls[i])->resends == 1);
}

/* ---- links, packets ---- */

Case(resend, fly_resend_pass__a_link_that_is_down_ends_calls_with_the_next_pass)
{
	struct fly_call *call;

	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	sim_turn(w.sim);
	w.at_caller->link.up = false;
	cr_assert(sim_until(w.sim, call, 3));
	cr_expect(Probe_Null_finish(call) == -FLY_EPEER);
	w.at_caller->link.up = true;
}

/* Probes without a free packet: the call goes on when there are packets again. */
Case(resend, fly_resend_packet__probes_without_a_packet)
{
	struct fly_packet_cache *cache = &poller()->cache;
	struct sim_link *to_us = sim_join_open(w.sim, w.caller);
	struct fly_binding *binding = sim_import(w.sim, w.caller, to_us, 0x1000001);
	struct rte_mbuf *all[512];
	struct fly_header h;
	struct fly_call *call;
	struct frame f;
	unsigned n = 0;

	cr_assert(Probe_Null_start(binding, &call) == 0);
	sim_turn(w.sim);
	cr_assert(frame_take(to_us->far, &f, &h));
	h = hand_about(&h, FLY_PACKET_ACK, FLY_ABOUT_CALL);
	h.fragment = 1;
	frame_make(&f, &h, to_us->far, to_us, NULL);
	frame_put(to_us, &f);
	sim_turn(w.sim);
	cr_assert(fly_entry_of(call)->retry.is_running);
	while ((all[n] = fly_packet_get(cache, 0)))
		n++;
	sim_run(w.sim, 200);
	cr_expect(count(FLY_COUNT_probes_sent) == 0 && !fly_ready(call));
	while (n)
		fly_packet_put(cache, all[--n]);
	while (to_us->far->n_in == 0 && !fly_ready(call))
		sim_turn(w.sim);
	cr_assert(frame_take(to_us->far, &f, &h));
	cr_expect(h.type == FLY_PACKET_PROBE);
	h.type = FLY_PACKET_RESULT;
	h.procedure = 0;
	frame_make(&f, &h, to_us->far, to_us, NULL);
	frame_put(to_us, &f);
	cr_assert(sim_until(w.sim, call, 5));
	cr_expect(Probe_Null_finish(call) == 0);
}

/* ---- a call that ends while its caller waits within the turn ---- */

static struct fly_call *within;

static void fail_inside(void *context)
{
	(void)context;
	/* Meanwhile the procedure's own poller gives up a call of its own. */
	for (unsigned i = 0; i < 20000; i++) {
		w.sim->now_tsc += 100;
		fly_slow_turn_parking(sim_poller(w.server), w.sim->now_tsc);
	}
}

Case(resend, fly_caller_fail__from_within_a_turn)
{
	struct sim_link *to_nobody = sim_join_open(w.sim, w.server);
	struct fly_binding *binding = sim_import(w.sim, w.server, to_nobody, 0x1000001);
	struct fly_call *call;

	cr_assert(Probe_Null_start(binding, &within) == 0);
	w.server->service.during = fail_inside;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	cr_assert(sim_until(w.sim, call, 10000));
	cr_expect(Probe_Null_finish(call) == 0);
	cr_assert(fly_ready(within));
	cr_expect(Probe_Null_finish(within) == -FLY_EPEER);
	w.server->service.during = NULL;
	cr_assert(Probe_Null_start(binding, &within) == 0, "its entry is free again");
}
