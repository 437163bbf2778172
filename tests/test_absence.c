/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_absence.c - a poller that nobody turned for a while: its calls, their ages and deadlines,
 * its records, and the clock that detects the absence.
 */
#include <criterion/criterion.h>

#include "case.h"
#include "hand.h"
#include "slowpath/records.h"
#include "slowpath/deadline.h"
#include "slowpath/resend.h"
#include "slowpath/refused_filter.h"

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

TestSuite(absence, .timeout = HANG);

static uint64_t ms(void)
{
	return w.sim->now_tsc / SIM_TSC_PER_MS;
}

/* An absence: time passes, and nobody turns anything. */
static void sleep_ms(unsigned n)
{
	w.sim->now_tsc += (uint64_t)n * SIM_TSC_PER_MS;
}

/* ---- a caller that does other things between its calls ---- */

Case(absence, fly_slow_absent__a_call_has_all_its_time_afterwards)
{
	uint64_t start;

	sleep_ms(5000);
	w.at_caller->faults.drop_mask = 0x7;
	start = ms();
	cr_expect(pair_add(&w, 1) == 0);
	cr_expect(ms() - start >= 140 && ms() - start <= 146, "after %lu ms", ms() - start);
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) == 3);
	cr_expect(w.server->service.runs[1] == 1);
}

Case(absence, fly_slow_absent__nothing_is_sent_twice_at_once)
{
	for (uint32_t n = 1; n <= 20; n++) {
		sleep_ms(300 * n);
		cr_expect(pair_add(&w, n) == 0);
		sim_run(w.sim, 3);
	}
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) == 0);
}

/* Was the call sent before the absence? Nobody can tell: its age includes the absence. */
Case(absence, fly_slow_absent__age_is_never_understated)
{
	struct sim_link *to_us = sim_join_open(w.sim, w.caller);
	struct fly_binding *binding = sim_import(w.sim, w.caller, to_us, 0x1000001);
	struct fly_call *call;
	struct fly_header h;
	struct frame f;

	cr_assert(Probe_Null_start(binding, &call) == 0);
	fly_link_flush(&to_us->link); /* sent now */
	cr_assert(frame_take(to_us->far, &f, &h));
	for (unsigned i = 1; i <= 2; i++) {
		sleep_ms(7000);
		sim_run(w.sim, 2);
	}
	sim_run(w.sim, 30);
	cr_assert(frame_take(to_us->far, &f, &h), "it is sent again");
	cr_expect(h.age >= 14000 && h.age <= 14100, "age %u", h.age);
	/* The entry's next call is as young as it says. */
	h.type = FLY_PACKET_RESULT;
	h.flags = 0;
	h.procedure = 0;
	frame_make(&f, &h, to_us->far, to_us, NULL);
	frame_put(to_us, &f);
	cr_assert(sim_until(w.sim, call, 5));
	cr_assert(Probe_Null_finish(call) == 0);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	sim_run(w.sim, 30);
	cr_assert(frame_take(to_us->far, &f, &h) && h.age == 0);
	cr_assert(frame_take(to_us->far, &f, &h));
	cr_expect(h.age >= 20 && h.age <= 22, "age %u", h.age);
}

/* A program that seldom turns its poller is absent before each sweep. It must not wait for ever. */
Case(absence, fly_slow_absent__a_poller_that_is_turned_seldom_resends_and_gives_up)
{
	struct sim_link *to_nobody = sim_join_open(w.sim, w.caller);
	struct fly_binding *binding = sim_import(w.sim, w.caller, to_nobody, 0x1000001);
	struct fly_call *call;

	cr_assert(Probe_Null_start(binding, &call) == 0);
	for (unsigned i = 0; i < 400 && !fly_ready(call); i++) {
		sleep_ms(32);
		sim_turn(w.sim);
	}
	cr_assert(fly_ready(call));
	cr_expect(Probe_Null_finish(call) == -FLY_EPEER);
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) > 2);
}

/* The record of a call outlives a server's absence: copies may wait in the ring meanwhile. */
Case(absence, fly_slow_absent__makes_no_record_older)
{
	cr_assert(pair_add(&w, 1) == 0);
	sim_run(w.sim, 20);
	for (unsigned i = 0; i < 3; i++) {
		sleep_ms(50000);
		sim_run(w.sim, 5);
	}
	cr_expect(sim_poller(w.server)->conversations.n_free == 63);
}

/* ---- calls that were under way ---- */

static struct sim_link *to_us;
static struct fly_binding *binding;
static struct frame f;
static struct fly_header h;

/* Start a call to the test. */
static struct fly_call_entry *call_us(void)
{
	struct fly_call *call;

	if (!to_us) {
		to_us = sim_join_open(w.sim, w.caller);
		binding = sim_import(w.sim, w.caller, to_us, 0x1000001);
	}
	cr_assert(Probe_Null_start(binding, &call) == 0);
	return fly_entry_of(call);
}

static void answer_us(struct fly_call_entry *e)
{
	h = (struct fly_header){.type = FLY_PACKET_RESULT,
				.activity = e->activity,
				.seq = e->seq,
				.fragments = 1};
	frame_make(&f, &h, to_us->far, to_us, NULL);
	frame_put(to_us, &f);
	sim_turn(w.sim);
	cr_assert(fly_ready(&e->head) && Probe_Null_finish(&e->head) == 0);
}

Case(absence, fly_slow_absent__a_call_that_may_have_been_sent_before_is_stamped_anew_once)
{
	struct fly_call_entry *e = call_us();
	struct fly_poller *p = sim_poller(w.caller);
	const uint64_t before_tsc = p->now_tsc;

	cr_assert(e->sent_tsc == before_tsc && e->state == FLY_CALL_TIMED);
	sleep_ms(500);
	fly_slow_absent(p, before_tsc, w.sim->now_tsc);
	cr_expect(e->sent_tsc == w.sim->now_tsc);
	cr_expect(e->state == FLY_CALL_WAITING, "its round trip cannot be told");
	cr_expect(fly_resend_age_ms(p, e) >= 500 - 1);
	fly_poller_turn(p, w.sim->now_tsc);
	cr_expect(fly_resend_age_ms(p, e) >= 500 && fly_resend_age_ms(p, e) <= 501);
	/* From here on the call counts as waiting, not as sending. */
	const uint64_t stamped_tsc = e->sent_tsc;

	sleep_ms(700);
	fly_slow_absent(p, p->now_tsc, w.sim->now_tsc);
	fly_poller_turn(p, w.sim->now_tsc);
	cr_expect(e->sent_tsc == stamped_tsc);
	cr_expect(fly_resend_age_ms(p, e) >= 1200 && fly_resend_age_ms(p, e) <= 1201);
	answer_us(e);
	cr_expect(sim_count(w.caller, FLY_COUNT_round_trips) == 0);
}

Case(absence, fly_slow_absent__a_call_that_was_sent_earlier_keeps_its_time)
{
	struct fly_call_entry *e = call_us();
	const uint64_t sent_tsc = e->sent_tsc;

	sim_run(w.sim, 5);
	sleep_ms(100);
	sim_turn(w.sim);
	cr_expect(e->sent_tsc == sent_tsc);
	cr_expect(fly_resend_age_ms(sim_poller(w.caller), e) >= 104);
	cr_expect(e->resends == 0, "not in the turn in which its answer may come");
	sim_run(w.sim, 2);
	cr_expect(e->resends == 1, "but then");
	answer_us(e);
}

Case(absence, fly_slow_absent__the_longest_there_is)
{
	struct fly_call_entry *e = call_us();
	struct fly_poller *p = sim_poller(w.caller);

	sleep_ms(100000);
	sim_turn(w.sim);
	cr_expect(fly_resend_age_ms(p, e) == UINT16_MAX);
	sim_run(w.sim, 25);
	cr_assert(frame_take(to_us->far, &f, &h) && frame_take(to_us->far, &f, &h));
	cr_expect(h.age == UINT16_MAX && (h.flags & FLY_FLAG_RESENT));
	answer_us(e);
	/* The entry's next call is young. So is the call 65,536 calls later. */
	e = call_us();
	sim_turn(w.sim);
	cr_expect(fly_resend_age_ms(p, e) == 0);
	answer_us(e);
}

Case(absence, fly_slow_absent__deadlines_count_from_the_return)
{
	struct fly_call_entry *e;
	uint64_t back_tsc;

	to_us = sim_join_open(w.sim, w.caller);
	binding = sim_import(w.sim, w.caller, to_us, 0x1000001);
	fly_set_deadline(binding, 30000);
	e = call_us();
	sleep_ms(3000);
	back_tsc = w.sim->now_tsc;
	sim_until(w.sim, &e->head, 100);
	cr_expect(w.sim->now_tsc - back_tsc >= 30000 && w.sim->now_tsc - back_tsc <= 30100, "%lu",
		  w.sim->now_tsc - back_tsc);
	cr_expect(Probe_Null_finish(&e->head) == -FLY_EDEADLINE);
	/* A second absence changes nothing. */
	e = call_us();
	sleep_ms(3000);
	sim_run(w.sim, 1);
	sleep_ms(3000);
	sim_run(w.sim, 2);
	cr_expect(fly_ready(&e->head) && Probe_Null_finish(&e->head) == -FLY_EDEADLINE);
}

/* The answers wait in our rings: the poller sees them before it sends anything again. */
Case(absence, fly_slow_absent__an_hour_with_64_calls_whose_results_wait)
{
	enum {
		CALLS = 64
	};
	struct fly_call *calls[CALLS];
	uint64_t sum;

	for (uint32_t i = 0; i < CALLS; i++)
		cr_assert(Probe_Add_start(w.binding, i, 1, &calls[i]) == 0);
	fly_poller_turn(sim_poller(w.caller), w.sim->now_tsc);
	for (unsigned i = 0; i < 20; i++)
		fly_poller_turn(sim_poller(w.server), w.sim->now_tsc += 10);
	cr_assert(w.server->service.executions == CALLS);
	cr_assert(w.at_caller->n_in == CALLS);
	for (unsigned i = 0; i < 3600; i++) {
		sleep_ms(1000);
		fly_poller_turn(sim_poller(w.server), w.sim->now_tsc);
	}
	sim_run(w.sim, 5);
	for (uint32_t i = 0; i < CALLS; i++) {
		cr_assert(fly_ready(calls[i]));
		cr_expect(Probe_Add_finish(calls[i], &sum) == 0 && sum == i + 1);
	}
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) == 0);
	cr_expect(sim_count(w.caller, FLY_COUNT_tx_packets) == CALLS);
	cr_expect(sim_count(w.server, FLY_COUNT_rx_packets) == CALLS);
}

/* As above, but no answers: each call is sent again once, not once per missed time-out. */
Case(absence, fly_slow_absent__an_hour_with_64_calls_that_were_lost)
{
	enum {
		CALLS = 64
	};
	struct fly_call *calls[CALLS];
	uint64_t sum;

	w.at_caller->faults.drop_mask = ~0ULL;
	for (uint32_t i = 0; i < CALLS; i++)
		cr_assert(Probe_Add_start(w.binding, i, 1, &calls[i]) == 0);
	sim_run(w.sim, 5);
	sleep_ms(3600000);
	sim_run(w.sim, 30);
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) == CALLS);
	for (uint32_t i = 0; i < CALLS; i++) {
		cr_assert(fly_ready(calls[i]));
		/* So old: a server without a record cannot tell whether they ran. */
		cr_expect(Probe_Add_finish(calls[i], &sum) == -FLY_EFORGOTTEN);
	}
	cr_expect(w.server->service.executions == 0);
}

/* A server works on the call: one probe follows the absence, not one per missed time-out. */
Case(absence, fly_slow_absent__probes_that_were_missed_are_not_made_up_for)
{
	struct fly_call_entry *e = call_us();
	unsigned probes = 0;

	sim_turn(w.sim);
	cr_assert(frame_take(to_us->far, &f, &h));
	h = hand_about(&h, FLY_PACKET_ACK, FLY_ABOUT_CALL);
	h.fragment = 1;
	frame_make(&f, &h, to_us->far, to_us, NULL);
	frame_put(to_us, &f);
	sim_run(w.sim, 5);
	for (unsigned i = 0; i < 7; i++) {
		sleep_ms(600000);
		sim_run(w.sim, 3);
		while (frame_take(to_us->far, &f, &h))
			probes += h.type == FLY_PACKET_PROBE;
	}
	cr_expect(probes >= 7 && probes <= 8, "%u", probes);
	cr_expect(!fly_ready(&e->head));
	answer_us(e);
}

/* ---- records ---- */

/* A copy that waited in the server's ring longer than any record is kept does not run. */
Case(absence, fly_conversations_absent__a_copy_that_waited_does_not_run)
{
	struct fly_call *call;

	w.at_server->faults.drop_mask = 1;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	while (sim_count(w.caller, FLY_COUNT_resent_calls) == 0) {
		fly_poller_turn(sim_poller(w.caller), w.sim->now_tsc += 100);
		if (w.server->service.executions == 0)
			fly_poller_turn(sim_poller(w.server), w.sim->now_tsc);
	}
	fly_poller_turn(sim_poller(w.caller), w.sim->now_tsc += 100);
	cr_assert(w.at_server->n_in == 1, "the copy waits");
	sleep_ms(200000);
	sim_run(w.sim, 100);
	cr_expect(w.server->service.executions == 1, "%u", w.server->service.executions);
	cr_expect(fly_ready(call) && Probe_Null_finish(call) == 0);
}

Case(absence, fly_conversations_absent__a_short_one_counts)
{
	cr_assert(pair_add(&w, 1) == 0);
	for (unsigned i = 0; i < 16; i++) {
		sleep_ms(4500);
		sim_turn(w.sim);
	}
	sim_run(w.sim, 3);
	cr_expect(sim_poller(w.server)->conversations.n_free == 64, "72 s later it is forgotten");
}

/* ---- the clock ---- */

Case(absence, fly_clock_read__a_counter_that_is_set_back_stands_for_an_hour)
{
	const uint64_t hour_tsc = 3600 * fly_clock_hz();
	struct fly_clock clock = {0};
	uint64_t last_tsc = fly_clock_now_tsc() + 1000 * fly_clock_hz(); /* read before the hour */
	uint64_t now_tsc = fly_clock_read(&clock, last_tsc);

	cr_expect(now_tsc >= last_tsc + hour_tsc);
	cr_expect(now_tsc < last_tsc + hour_tsc + fly_clock_hz());
	for (unsigned i = 0; i < 1000; i++) {
		last_tsc = now_tsc;
		now_tsc = fly_clock_read(&clock, last_tsc);
		cr_assert(now_tsc >= last_tsc && now_tsc - last_tsc < hour_tsc, "once only");
	}
	cr_expect(clock.now_tsc == now_tsc);
	/* A second jump. */
	last_tsc = now_tsc + 1000 * fly_clock_hz(); /* later than this machine stalls */
	now_tsc = fly_clock_read(&clock, last_tsc);
	cr_expect(now_tsc >= last_tsc + hour_tsc);
}

Case(absence, fly_clock_read__as_it_is_otherwise)
{
	struct fly_clock clock = {0};
	const uint64_t before_tsc = fly_clock_now_tsc();
	const uint64_t now_tsc = fly_clock_read(&clock, before_tsc);

	cr_expect(now_tsc >= before_tsc && now_tsc <= fly_clock_now_tsc());
	cr_expect(clock.offset_tsc == 0);
	for (unsigned i = 0; i < 4 * FLY_CLOCK_TURNS; i++)
		cr_expect(fly_clock_is_due(&clock) == (i % FLY_CLOCK_TURNS == 0));
	clock.turns = UINT32_MAX;
	cr_expect(!fly_clock_is_due(&clock) && fly_clock_is_due(&clock), "across the wrap");
}

/* A poller that reads the real clock. */
static struct fly_poller *on_the_clock(void)
{
	struct fly_poller *p = sim_poller(w.caller);

	p->tsc_per_ms = fly_clock_tsc_per_ms();
	p->absent_tsc = FLY_ABSENT_US * p->tsc_per_ms / 1000;
	p->began_tsc = fly_clock_now_tsc();
	p->now_tsc = p->began_tsc;
	p->now_ms = 0;
	p->clock = (struct fly_clock){0};
	p->pass = (struct fly_pass){0};
	return p;
}

Case(absence, fly_poller_time__notices_an_absence)
{
	struct fly_poller *p = on_the_clock();
	uint64_t now_tsc = fly_poller_time(p);

	p->pass.is_graced = false;
	p->now_tsc = now_tsc;
	for (unsigned i = 0; i < FLY_CLOCK_TURNS - 1; i++)
		cr_assert(fly_poller_time(p) == now_tsc, "it is read once in so many");
	cr_expect(!p->pass.is_graced);
	p->now_tsc = now_tsc - 7000 * p->tsc_per_ms; /* last turned seven seconds ago */
	p->began_tsc = p->now_tsc;
	now_tsc = fly_poller_time(p);
	cr_expect(p->pass.is_graced);
	cr_expect(p->now_ms >= 7000 && p->now_ms < 8000, "%u", p->now_ms);
	cr_expect(p->refused->rotated_ms == p->now_ms, "what is remembered is not older for it");
	cr_expect(p->pass.due_tsc >= now_tsc + p->waits.least_tsc);
}

Case(absence, fly_poller_time__a_counter_that_is_set_back_is_an_absence_of_an_hour)
{
	struct fly_poller *p = on_the_clock();

	p->now_tsc += 50000 * p->tsc_per_ms;
	fly_poller_time(p);
	cr_expect(p->pass.is_graced);
	cr_expect(p->now_ms >= 3600000 && p->now_ms < 3700000, "%u", p->now_ms);
}

/* 49 days: the poller's milliseconds wrap, and no age changes. */
Case(absence, fly_poller_time__milliseconds_wrap)
{
	const uint64_t wrap_tsc = (UINT64_C(1) << 32) * SIM_TSC_PER_MS;

	for (unsigned i = 0; i < 2; i++) {
		struct fly_poller *p = sim_poller(w.sim->nodes[i]);

		p->began_tsc = w.sim->now_tsc - wrap_tsc + 20000 * SIM_TSC_PER_MS;
		p->now_ms = UINT32_MAX - 19999;
		p->refused->rotated_ms = p->now_ms;
	}
	w.sim->step_us = 500;
	cr_assert(pair_add(&w, 1) == 0);
	sim_run(w.sim, 19000);
	cr_expect(sim_poller(w.server)->now_ms > UINT32_MAX - 2000);
	cr_expect(sim_poller(w.server)->conversations.n_free == 63);
	sim_run(w.sim, FLY_RECORD_KEEP_MS + FLY_ABSENCE_MS - 20000);
	cr_expect(sim_poller(w.server)->now_ms < 60000);
	cr_expect(sim_poller(w.server)->conversations.n_free == 63);
	sim_run(w.sim, 2000);
	cr_expect(sim_poller(w.server)->conversations.n_free == 64);
	cr_assert(pair_add(&w, 2) == 0);
	cr_expect(w.server->service.runs[1] == 1 && w.server->service.runs[2] == 1);
}
