/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_poller.c - links that come and go, and campaigns of calls over links that lose, repeat,
 * delay and corrupt packets: each call that returns ran exactly once; none ran twice.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "case.h"
#include "pair.h"

static struct pair w;

static void begin(void)
{
	const struct sim_node_config config = {.packets = 1023, .timeout_ms = 5000};

	pair_begin(&w, &config, &config);
	sim_turn(w.sim);
}

static void end(void)
{
	cr_expect(w.server->service.wrong == 0, "arguments arrived wrong");
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(poller, .timeout = HANG);

/* ---- turns and links ---- */

Case(poller, fly_poller_turn__says_how_many_packets_it_received)
{
	struct fly_call *calls[40];

	cr_expect(fly_poller_turn(sim_poller(w.server), w.sim->now_tsc) == 0);
	for (unsigned i = 0; i < 40; i++)
		cr_assert(Probe_Null_start(w.binding, &calls[i]) == 0);
	fly_poller_turn(sim_poller(w.caller), w.sim->now_tsc);
	cr_expect(fly_poller_turn(sim_poller(w.server), w.sim->now_tsc) == FLY_BURST);
	cr_expect(fly_poller_turn(sim_poller(w.server), w.sim->now_tsc) == 40 - FLY_BURST);
	cr_expect(sim_count(w.server, FLY_COUNT_rx_packets) == 40);
	sim_run(w.sim, 1);
	for (unsigned i = 0; i < 40; i++)
		cr_expect(Probe_Null_finish(calls[i]) == 0);
}

Case(poller, fly_poller_turn__results_leave_in_the_turn_in_which_their_calls_came)
{
	struct fly_call *call;

	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	fly_poller_turn(sim_poller(w.caller), w.sim->now_tsc);
	fly_poller_turn(sim_poller(w.server), w.sim->now_tsc);
	fly_poller_turn(sim_poller(w.caller), w.sim->now_tsc);
	cr_assert(fly_ready(call));
	cr_expect(Probe_Null_finish(call) == 0);
}

Case(poller, fly_poller_attach__as_many_as_there_is_room_for)
{
	static struct sim_link ends[FLY_LINKS];
	struct fly_poller *p = sim_poller(w.caller);
	unsigned n;

	for (n = 0; n + 1 < FLY_LINKS; n++) {
		cr_assert(fly_poller_attach(p, &ends[n].link) == 0);
		cr_expect(ends[n].link.index == n + 1 && ends[n].link.up);
	}
	cr_expect(fly_poller_attach(p, &ends[n].link) == -FLY_ENOMEM);
	cr_expect(p->n_links == FLY_LINKS);
	while (n)
		fly_poller_detach(p, &ends[--n].link);
	cr_expect(p->n_links == 1);
}

Case(poller, fly_poller_attach__a_link_that_comes_back_takes_a_free_index)
{
	static struct sim_link ends[4];
	struct fly_poller *p = sim_poller(w.caller);

	for (unsigned i = 0; i < 4; i++)
		cr_assert(fly_poller_attach(p, &ends[i].link) == 0);
	fly_poller_detach(p, &ends[1].link);
	fly_poller_detach(p, &w.at_caller->link);
	cr_expect(p->n_links == 3);
	cr_expect(fly_poller_attach(p, &ends[1].link) == 0 && ends[1].link.index == 0);
	cr_expect(fly_poller_attach(p, &w.at_caller->link) == 0 && w.at_caller->link.index == 2);
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned j = 0; j < i; j++)
			cr_expect(ends[i].link.index != ends[j].link.index);
		cr_expect(p->links[i]->index == i, "sorted by index");
	}
	for (unsigned i = 0; i < 4; i++)
		fly_poller_detach(p, &ends[i].link);
	cr_expect(pair_add(&w, 1) == 0);
}

Case(poller, fly_poller_detach__with_calls_outstanding_on_both_sides)
{
	struct fly_call *calls[30];
	uint8_t data[1400];

	w.at_caller->faults.holds = 5;
	w.at_server->faults.holds = 5;
	probe_fill(data, sizeof data, 1);
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 30; i++) {
			if (i % 3 == 0)
				cr_assert(Probe_Sum_start(w.binding, 1, data, &calls[i]) == 0);
			else if (i % 3 == 1)
				cr_assert(Probe_Fill_start(w.binding, 1, &calls[i]) == 0);
			else
				cr_assert(Probe_Null_start(w.binding, &calls[i]) == 0);
			if (i == 10)
				fly_poller_turn(sim_poller(w.caller), w.sim->now_tsc);
			if (i == 20)
				fly_poller_turn(sim_poller(w.server), w.sim->now_tsc);
		}
		fly_poller_detach(sim_poller(w.caller), &w.at_caller->link);
		fly_poller_detach(sim_poller(w.server), &w.at_server->link);
		cr_expect(sim_poller(w.server)->conversations.n_free == 64);
		cr_expect(sim_poller(w.server)->conversations.n_retained == 0);
		for (unsigned i = 0; i < 30; i++) {
			cr_assert(fly_ready(calls[i]));
			cr_expect(w.binding->wait(calls[i]) == -FLY_EPEER);
		}
		fly_poller_attach(sim_poller(w.caller), &w.at_caller->link);
		fly_poller_attach(sim_poller(w.server), &w.at_server->link);
		sim_run(w.sim, 5);
	}
	cr_expect(pair_add(&w, 2) == 0);
}

Case(poller, fly_poller_turn__serves_several_links_and_several_callers)
{
	struct sim_node *others[2];
	struct fly_binding *bindings[2];
	struct fly_call *calls[2];
	uint64_t result;

	for (unsigned i = 0; i < 2; i++) {
		others[i] = sim_add(w.sim, NULL);
		bindings[i] = sim_import(w.sim, others[i], sim_join(w.sim, others[i], w.server),
					 w.server->export_id);
	}
	for (uint32_t n = 0; n < 100; n++) {
		for (unsigned i = 0; i < 2; i++)
			cr_assert(Probe_Add_start(bindings[i], 3 * n + i, i, &calls[i]) == 0);
		cr_assert(pair_add(&w, 3 * n + 2) == 0);
		for (unsigned i = 0; i < 2; i++) {
			cr_assert(sim_until(w.sim, calls[i], 10));
			cr_assert(Probe_Add_finish(calls[i], &result) == 0);
			cr_assert(result == 3 * n + 2 * i);
		}
	}
	cr_expect(w.server->service.executions == 300);
	cr_expect(probe_most_runs(&w.server->service) == 1);
}

/* ---- campaigns ---- */

enum kind {
	ADD,
	FILL,
	SUM,
	MIRROR,
	SWAP,
	KINDS
};

struct one {
	struct fly_call *call;
	uint32_t number;
	enum kind kind;
};

static int start_one(struct one *o, uint32_t number, enum kind kind)
{
	uint8_t data[1400];

	o->number = number;
	o->kind = kind;
	probe_fill(data, sizeof data, number);
	switch (kind) {
	case ADD:
		return Probe_Add_start(w.binding, number, 5, &o->call);
	case FILL:
		return Probe_Fill_start(w.binding, number, &o->call);
	case SUM:
		return Probe_Sum_start(w.binding, number, data, &o->call);
	case MIRROR:
		return Probe_Mirror_start(w.binding, number, data, &o->call);
	default:
		return Probe_Swap_start(w.binding, number, data, &o->call);
	}
}

static bool reversed(const uint8_t *back, unsigned bytes, uint32_t number)
{
	uint8_t data[1200];

	probe_fill(data, bytes, number);
	for (unsigned i = 0; i < bytes; i++) {
		if (back[i] != data[bytes - 1 - i])
			return false;
	}
	return true;
}

/* Return: the status. A wrong result fails the test. */
static int finish_one(const struct one *o)
{
	uint8_t data[1440];
	uint64_t result64;
	uint32_t result32;
	bool right = true;
	int status;

	switch (o->kind) {
	case ADD:
		status = Probe_Add_finish(o->call, &result64);
		right = status || result64 == o->number + UINT64_C(5);
		break;
	case FILL:
		status = Probe_Fill_finish(o->call, data);
		right = status || probe_is(data, 1440, probe_sum(o->number));
		break;
	case SUM:
		status = Probe_Sum_finish(o->call, &result32);
		right = status || result32 == probe_sum(o->number);
		break;
	case MIRROR:
		status = Probe_Mirror_finish(o->call, data);
		right = status || reversed(data, 500, o->number);
		break;
	default:
		status = Probe_Swap_finish(o->call, data);
		right = status || reversed(data, 1200, o->number);
	}
	cr_expect(right, "call %u of kind %d: not its result", o->number, o->kind);
	return status;
}

/* Calls of all kinds, a window at a time. Checks each result, and how often each call ran. */
static void campaign(unsigned calls, uint64_t seed)
{
	enum {
		WINDOW = 48
	};
	struct one window[WINDOW];
	unsigned started = 0;
	unsigned open = 0;
	unsigned failed = 0;

	while (started < calls || open) {
		while (open < WINDOW && started < calls) {
			const enum kind kind = (enum kind)(sim_random(&seed) % KINDS);

			if (start_one(&window[open], started, kind))
				break;
			started++;
			open++;
		}
		sim_turn(w.sim);
		for (unsigned i = 0; i < open;) {
			int status;
			unsigned runs;

			if (!fly_ready(window[i].call)) {
				i++;
				continue;
			}
			status = finish_one(&window[i]);
			runs = w.server->service.runs[window[i].number];
			failed += status != 0;
			cr_assert(status || runs == 1, "call %u returned and ran %u times",
				  window[i].number, runs);
			cr_assert(fly_outcome(status) != FLY_NOT_EXECUTED || runs == 0,
				  "call %u ran, and %s said that it did not", window[i].number,
				  fly_status_name(status));
			window[i] = window[--open];
		}
	}
	sim_run(w.sim, 100); /* let delayed packets arrive */
	cr_expect(probe_most_runs(&w.server->service) == 1, "a call ran %u times",
		  probe_most_runs(&w.server->service));
	cr_expect(failed == 0, "%u of %u calls failed", failed, calls);
	cr_expect(sim_count(w.caller, FLY_COUNT_calls_returned) +
			  sim_count(w.caller, FLY_COUNT_calls_failed) ==
		  sim_count(w.caller, FLY_COUNT_calls_started));
}

static void faults(struct sim_link *l, unsigned drop, unsigned duplicate, unsigned delay)
{
	l->faults = (struct sim_faults){
		.drop_percent = drop,
		.duplicate_percent = duplicate,
		.delay_percent = delay,
		.delay_us = 30000,
		.holds = 20,
	};
}

Case(poller, campaign__of_calls_without_faults)
{
	campaign(5000, 1);
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) == 0);
}

Case(poller, campaign__of_losses)
{
	faults(w.at_caller, 10, 0, 0);
	faults(w.at_server, 10, 0, 0);
	campaign(4000, 2);
	cr_expect(sim_count(w.caller, FLY_COUNT_resent_calls) > 400);
	cr_expect(sim_count(w.server, FLY_COUNT_resent_results) > 200);
}

Case(poller, campaign__of_duplicates)
{
	faults(w.at_caller, 0, 30, 0);
	faults(w.at_server, 0, 30, 0);
	campaign(4000, 3);
	cr_expect(sim_count(w.server, FLY_COUNT_resent_results) > 400);
	cr_expect(sim_count(w.caller, FLY_COUNT_drop_sequence) > 400);
}

Case(poller, campaign__of_everything_at_once)
{
	faults(w.at_caller, 7, 10, 20);
	faults(w.at_server, 7, 10, 20);
	w.at_caller->faults.takes = 9;
	w.at_server->faults.takes = 9;
	campaign(5000, 4);
	cr_expect(sim_count(w.server, FLY_COUNT_drop_old_call) > 0, "copies came late");
}

Case(poller, campaign__of_corruption_where_the_link_has_checksums)
{
	fly_link_set_checksum(&w.at_caller->link, FLY_CHECKSUM_SOFTWARE);
	fly_link_set_checksum(&w.at_server->link, FLY_CHECKSUM_SOFTWARE);
	w.at_caller->faults.corrupt_mask = 0xf0f0f0f0f0f0f0f0;
	w.at_server->faults.corrupt_mask = 0x1111111111111111;
	w.at_caller->faults.corrupt_at = FLY_PAYLOAD - 2;
	w.at_server->faults.corrupt_at = FLY_PAYLOAD - 15;
	w.at_caller->faults.holds = 20;
	w.at_server->faults.holds = 20;
	campaign(1000, 5);
	cr_expect(sim_count(w.server, FLY_COUNT_drop_checksum) == 32);
	cr_expect(sim_count(w.caller, FLY_COUNT_drop_checksum) == 16);
}

Case(poller, fly_poller_turn__with_too_few_packets_on_the_server)
{
	struct rte_mbuf *taken[1023];
	unsigned n = 0;

	/* The server's pool is almost empty: it drops, refuses second buffers, and recovers. */
	while (n < 1023 - 30)
		taken[n++] = fly_packet_get(&sim_poller(w.server)->cache, 0);
	sim_poller(w.server)->conversations.retained_max = 20;
	for (unsigned i = 0; i < 10; i++) {
		uint8_t back[1200];
		uint8_t data[1200];
		struct fly_call *calls[40];
		unsigned started = 0;

		for (uint32_t k = 0; k < 40; k++) {
			const uint32_t number = 40 * i + k;

			probe_fill(data, sizeof data, number);
			cr_assert(Probe_Swap_start(w.binding, number, data, &calls[k]) == 0);
			started++;
		}
		for (uint32_t k = 0; k < started; k++) {
			const uint32_t number = 40 * i + k;
			int status;

			cr_assert(sim_until(w.sim, calls[k], 10000));
			status = Probe_Swap_finish(calls[k], back);
			cr_expect(status || reversed(back, 1200, number));
			cr_expect(status || w.server->service.runs[number] == 1);
			cr_expect(fly_outcome(status) != FLY_NOT_EXECUTED ||
					  w.server->service.runs[number] == 0,
				  "call %u ran, and %s said that it did not", number,
				  fly_status_name(status));
		}
	}
	cr_expect(probe_most_runs(&w.server->service) == 1);
	while (n)
		fly_packet_put(&sim_poller(w.server)->cache, taken[--n]);
	sim_poller(w.server)->conversations.retained_max = 500;
	cr_expect(pair_add(&w, 60000) == 0);
}
