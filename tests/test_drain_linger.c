/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_drain_linger.c - for which results a poller waits before it ends, on virtual time.
 */
#include <criterion/criterion.h>

#include "patience.h"
#include "pair.h"
#include "runtime/drain.h"

#define SMALL_PACKETS 200 /* bytes: a result of Fill takes several */

static struct pair w;

TestSuite(drain_linger, .timeout = HANG);

static void begin(uint16_t payload_max)
{
	const struct sim_node_config patient = {.timeout_ms = 5000};

	pair_begin(&w, &patient, NULL);
	w.at_server->link.payload_max = payload_max;
	sim_run(w.sim, 1);
}

static bool lingers(struct fly_linger *l)
{
	return fly_linger_step(sim_poller(w.server), l, w.sim->now_tsc);
}

static struct fly_linger withdraw(void)
{
	fly_drain_withdraw(sim_poller(w.server), FLY_EXPORT_BINDER + 1);
	return fly_linger_begin(sim_poller(w.server), w.sim->now_tsc);
}

/* Fill has run, and nothing of its result arrives. */
static struct fly_call *run_fill(void)
{
	struct fly_call *call;

	w.at_server->faults.drop_percent = 100;
	cr_assert(Probe_Fill_start(w.binding, 1, &call) == 0);
	sim_run(w.sim, 5); /* milliseconds: before the end in any case */
	cr_assert(w.server->service.runs[1] == 1 && !fly_ready(call));
	w.at_server->faults.drop_percent = 0;
	return call;
}

Test(drain_linger, fly_linger_step__a_large_result_of_before_the_end_is_waited_for)
{
	uint8_t data[1440];
	struct fly_linger l;
	struct fly_call *call;
	int status;

	begin(SMALL_PACKETS);
	call = run_fill();
	l = withdraw();
	for (unsigned i = 0; i < 100000 && lingers(&l); i++)
		sim_turn(w.sim);
	cr_expect(fly_ready(call), "it has arrived");
	status = Probe_Fill_finish(call, data);
	cr_expect(status == 0 && data[7] != data[8], "%s", fly_status_name(status));
	cr_expect(sim_end(w.sim) == 0);
}

Test(drain_linger, fly_linger_step__a_small_one_of_before_the_end_is_not)
{
	struct fly_linger l;
	struct fly_call *call;

	begin(1500 - FLY_IP_OVERHEAD);
	call = run_fill();
	l = withdraw();
	cr_expect(!lingers(&l), "it is sent when the caller asks");
	cr_expect(fly_cancel(call) == 0);
	cr_expect(Probe_Fill_finish(call, (uint8_t[1440]){0}) == -FLY_ECANCELLED);
	cr_expect(sim_end(w.sim) == 0);
}

Test(drain_linger, fly_linger_step__for_a_second_at_most)
{
	struct fly_linger l;
	struct fly_call *call;
	uint64_t began_tsc;

	begin(SMALL_PACKETS);
	call = run_fill();
	w.at_server->faults.drop_percent = 100;
	l = withdraw();
	began_tsc = w.sim->now_tsc;
	while (lingers(&l))
		sim_turn(w.sim);
	cr_expect(w.sim->now_tsc - began_tsc == 1000 * SIM_TSC_PER_MS, "%ju",
		  (uintmax_t)(w.sim->now_tsc - began_tsc));
	cr_expect(fly_cancel(call) == 0);
	cr_expect(Probe_Fill_finish(call, (uint8_t[1440]){0}) == -FLY_ECANCELLED);
	w.at_server->faults.drop_percent = 0;
	sim_run(w.sim, 100);
	cr_expect(sim_end(w.sim) == 0);
}

Test(drain_linger, fly_drain_withdraw__what_is_free_is_found_by_no_identifier)
{
	const struct fly_poller *p;
	const struct fly_export *e;

	begin(1500 - FLY_IP_OVERHEAD);
	p = sim_poller(w.server);
	fly_drain_withdraw(sim_poller(w.server), FLY_EXPORT_BINDER + 1);
	for (uint32_t i = FLY_EXPORT_BINDER + 1; i < FLY_EXPORTS; i++) {
		e = &p->exports[i];
		cr_expect(e->n_procedures == 0);
		cr_expect(e->id % FLY_EXPORTS != i, "%u is found as export %u", e->id, i);
	}
	cr_expect(sim_end(w.sim) == 0);
}
