/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_result.c - refusals, and what they let a caller say about its call. test_demux.c has the
 * counter of each malformed packet; test_server.c has repeated calls.
 */
#include <criterion/criterion.h>

#include "case.h"
#include "pair.h"

static struct pair w;

static void begin(void)
{
	pair_begin(&w, NULL, NULL);
	sim_turn(w.sim);
}

static void end(void)
{
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(result, .timeout = HANG);

/* A server restarted at the same address: its refusals say how long it has been up. */
static void restart(unsigned up_ms)
{
	sim_poller(w.server)->exports[1].id ^= 0x10000;
	sim_poller(w.server)->began_tsc = w.sim->now_tsc - (uint64_t)up_ms * SIM_TSC_PER_MS;
	sim_poller(w.server)->now_ms = up_ms;
	sim_poller(w.server)->sweep_at_tsc = w.sim->now_tsc;
}

Case(result, fly_slow_rejected__a_call_begun_after_the_restart_was_not_executed)
{
	cr_assert(pair_add(&w, 1) == 0);
	restart(50);
	cr_expect(pair_add(&w, 2) == -FLY_ESTALE);
	cr_expect(w.server->service.runs[2] == 0);
}

Case(result, fly_slow_rejected__a_call_begun_before_the_restart_may_have_been)
{
	struct fly_call *call;

	w.at_server->faults.drop_percent = 100; /* the call runs, and its result is lost */
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	sim_run(w.sim, 10);
	cr_expect(w.server->service.executions == 1);
	w.at_server->faults.drop_percent = 0;
	restart(5);
	cr_assert(sim_until(w.sim, call, 100));
	cr_expect(Probe_Null_finish(call) == -FLY_ESTALE_MAYBE);
}

/* As above, with the caller's poller absent: its clock must not stand still. */
Case(result, fly_slow_rejected__a_caller_that_was_away_does_not_take_its_call_for_a_new_one)
{
	struct fly_call *call;

	w.at_server->faults.drop_percent = 100;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	sim_run(w.sim, 10);
	cr_expect(w.server->service.executions == 1);
	w.at_server->faults.drop_percent = 0;
	/* The copy waits in the link; the server restarts; the caller's poller is absent. */
	while (sim_count(w.caller, FLY_COUNT_resent_calls) == 0)
		fly_poller_turn(sim_poller(w.caller), w.sim->now_tsc += 100);
	fly_poller_turn(sim_poller(w.caller), w.sim->now_tsc += 100);
	w.sim->now_tsc += UINT64_C(3000) * SIM_TSC_PER_MS;
	restart(2000);
	fly_poller_turn(sim_poller(w.server), w.sim->now_tsc);
	cr_assert(sim_until(w.sim, call, 100));
	cr_expect(Probe_Null_finish(call) == -FLY_ESTALE_MAYBE, "an executed call was denied");
}

Case(result, fly_slow_rejected__refused_for_lack_of_room_is_not_executed_however_often_it_was_sent)
{
	struct fly_call *call;
	struct frame f;
	struct fly_header h;
	struct sim_link *to_us = sim_join_open(w.sim, w.caller);
	struct fly_binding *binding = sim_import(w.sim, w.caller, to_us, 0x1000001);

	for (unsigned resends = 0; resends < 2; resends++) {
		cr_assert(Probe_Null_start(binding, &call) == 0);
		for (unsigned i = 0; i <= resends; i++) {
			while (to_us->far->n_in == 0)
				sim_turn(w.sim);
			cr_assert(frame_take(to_us->far, &f, &h));
		}
		h.type = FLY_PACKET_REJECT;
		h.procedure = FLY_EBUSY;
		frame_make(&f, &h, to_us->far, to_us, NULL);
		frame_put(to_us, &f);
		cr_assert(sim_until(w.sim, call, 5));
		cr_expect(Probe_Null_finish(call) == -FLY_EBUSY);
	}
}

Case(result, fly_reply_refuse__is_no_longer_than_the_call_and_goes_back_to_where_it_came_from)
{
	struct sim_link *to_us = sim_join_open(w.sim, w.server);
	struct fly_header h = frame_call(0x7000001, 0x10000, 77, 3);
	struct fly_header answer;
	struct frame f;

	for (uint16_t bytes = 0; bytes <= 1440; bytes += 160) {
		h.length = bytes;
		h.seq++;
		frame_make(&f, &h, to_us->far, to_us, (const uint8_t[1440]){0});
		frame_put(to_us, &f);
		sim_turn(w.sim);
		cr_assert(frame_take(to_us->far, &f, &answer));
		cr_expect(f.bytes == FLY_PAYLOAD && answer.length == 0);
		cr_expect(answer.type == FLY_PACKET_REJECT && answer.seq == h.seq);
		cr_expect(memcmp(f.data, to_us->far->link.mac, 6) == 0);
	}
}

Case(result, fly_reply_refuse__before_the_first_sweep_nothing_is_refused_aloud)
{
	struct sim_node *fresh = sim_add(w.sim, NULL);
	struct sim_link *to_us = sim_join_open(w.sim, fresh);
	const struct fly_header h = frame_call(0x7000001, 0x10000, 77, 3);
	struct frame f;

	frame_make(&f, &h, to_us->far, to_us, NULL);
	frame_put(to_us, &f);
	sim_turn(w.sim);
	cr_expect(to_us->far->n_in == 0);
	cr_expect(sim_count(fresh, FLY_COUNT_reject_limited) == 1);
}

/* Refused by a server of another version: the call ends at once, since copies cannot help. */
Case(result, fly_slow_version__another_version_is_a_status)
{
	struct sim_link *to_us = sim_join_open(w.sim, w.caller);
	struct fly_binding *binding = sim_import(w.sim, w.caller, to_us, 0x1000001);
	struct fly_call *call;
	struct fly_header h;
	struct frame f;

	cr_assert(Probe_Null_start(binding, &call) == 0);
	sim_turn(w.sim);
	cr_assert(frame_take(to_us->far, &f, &h));
	h.type = FLY_PACKET_REJECT;
	h.procedure = FLY_EVERSION;
	frame_make(&f, &h, to_us->far, to_us, NULL);
	f.data[FLY_RPC] = 9 << 4 | FLY_PACKET_REJECT;
	frame_put(to_us, &f);
	cr_assert(sim_until(w.sim, call, 5));
	cr_expect(Probe_Null_finish(call) == -FLY_EVERSION);
	cr_expect(fly_outcome(-FLY_EVERSION) == FLY_NOT_EXECUTED);
}

Case(result, fly_slow_start__entries_stay_with_their_binding)
{
	struct fly_binding *second = sim_import(w.sim, w.caller, w.at_caller, w.server->export_id);
	struct fly_call *call;

	for (uint32_t n = 0; n < 5; n++) {
		cr_assert(pair_add(&w, n) == 0);
		cr_assert(Probe_Null_start(second, &call) == 0);
		cr_assert(sim_until(w.sim, call, 5));
		cr_assert(Probe_Null_finish(call) == 0);
	}
	cr_expect(sim_poller(w.caller)->calls.n_unbound == 62);
	cr_expect(sim_count(w.server, FLY_COUNT_conversations_opened) == 2);
	sim_unbind(w.sim, second);
	cr_expect(sim_poller(w.caller)->calls.n_unbound == 63);
}
