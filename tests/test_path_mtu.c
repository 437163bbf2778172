/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_path_mtu.c - paths that take less than both of their ends: calls and results of all lengths
 * get through, once each, and the peers find out how long packets may be.
 */
#include <criterion/criterion.h>

#include "case.h"
#include "pair.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/path_mtu.h"
#include "slowpath/payload.h"
#include "slowpath/readdress.h"

#define MOST   (1U << 18)
#define EXPORT (0x7654320u + 2)
#define WIDE   (FLY_PAYLOAD + 1440U)

static struct pair w;
static struct fly_binding *bulk;
static unsigned runs;

enum {
	ECHO,  /* results as long as the arguments */
	PLAIN, /* the same, in a packet; kept by it */
	AGAIN, /* the same; may run twice, and is not kept */
};

static int echo(struct fly_served *served)
{
	runs++;
	memmove(served->results, served->arguments, served->argument_bytes);
	served->result_bytes = served->argument_bytes;
	return 0;
}

static const struct fly_procedure procedures[] = {
	[ECHO] = {"Echo", echo, MOST, MOST, 0, FLY_RESULTS_SECOND, 0},
	[PLAIN] = {"Plain", echo, 1440, 1440, 0, FLY_RESULTS_OVER, 0},
	[AGAIN] = {"Again", echo, 1440, 1440, 0, FLY_RESULTS_OVER, FLY_PROCEDURE_IDEMPOTENT},
};
static const struct fly_interface interface = {FLY_STUB_VERSION, "Bulk", 1, RTE_DIM(procedures),
					       procedures};

static void many_peers(struct sim_link *l)
{
	l->link.has_one_peer = false;
	l->link.is_private = false;
	l->faults.latency_us = 50;
}

static void begin(void)
{
	pair_begin(&w, NULL, NULL);
	many_peers(w.at_caller);
	many_peers(w.at_server);
	sim_poller(w.server)->exports[EXPORT % FLY_EXPORTS] = (struct fly_export){
		.id = EXPORT,
		.n_procedures = RTE_DIM(procedures),
		.stubs = procedures,
		.procedures = procedures,
		.interface = &interface,
	};
	runs = 0;
	bulk = sim_import(w.sim, w.caller, w.at_caller, EXPORT);
	sim_turn(w.sim);
}

static void end(void)
{
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(path_mtu, .timeout = HANG);

static struct fly_call *start(uint16_t procedure, uint32_t bytes)
{
	struct fly_call *call;

	cr_assert(bulk->starter(bulk, procedure, bytes, &call) == 0);
	probe_fill(call->payload, bytes, bytes);
	bulk->send(call);
	return call;
}

static void finish(struct fly_call *call, uint32_t bytes)
{
	cr_assert(sim_until(w.sim, call, 20000), "%u bytes: it does not end", bytes);
	cr_assert(bulk->wait(call) == 0, "%u bytes", bytes);
	cr_expect(call->length == bytes && probe_is(call->payload, bytes, bytes), "%u bytes",
		  bytes);
	bulk->ender(call);
}

static void call(uint16_t procedure, uint32_t bytes)
{
	finish(start(procedure, bytes), bytes);
}

static uint32_t to_server(void)
{
	return fly_path_mtu_limit(&w.at_caller->link, w.at_server->link.ip);
}

static uint32_t to_caller(void)
{
	return fly_path_mtu_limit(&w.at_server->link, w.at_caller->link.ip);
}

static bool is_nearly(uint32_t limit, uint32_t longest)
{
	const uint32_t takes = longest - FLY_PAYLOAD;

	return limit <= takes && limit + FLY_MTU_STEP >= takes;
}

Case(path_mtu, fly_bulk_split_call__arguments_of_one_packet)
{
	w.at_caller->faults.longest = WIDE - 100;
	call(PLAIN, 1440);
	cr_expect(runs == 1 && sim_count(w.caller, FLY_COUNT_paths_narrowed) == 1);
	sim_run(w.sim, 2000);
	cr_expect(is_nearly(to_server(), WIDE - 100), "%u", to_server());
	cr_expect(to_caller() == UINT32_MAX, "results have the other way");
	runs = 0;
	const uint64_t resent = sim_count(w.caller, FLY_COUNT_resent_calls);

	for (uint32_t bytes = 1300; bytes <= 1440; bytes++)
		call(PLAIN, bytes);
	cr_expect(runs == 141 && sim_count(w.caller, FLY_COUNT_resent_calls) == resent,
		  "known from now on");
}

Case(path_mtu, fly_bulk_split_call__arguments_that_may_be_kept_as_bytes)
{
	w.at_caller->faults.longest = WIDE - 900;
	call(AGAIN, 1440);
	call(AGAIN, 600);
	sim_run(w.sim, 2000);
	cr_expect(is_nearly(to_server(), WIDE - 900), "%u", to_server());
}

Case(path_mtu, fly_bulk_split_call__with_a_deadline)
{
	w.at_caller->faults.longest = WIDE - 100;
	fly_slow_set_deadline(fly_import_of(bulk), 5000000);
	call(PLAIN, 1400);
	cr_expect(runs == 1);
	call(PLAIN, 1400);
	cr_expect(runs == 2);
}

Case(path_mtu, fly_bulk_shorten__arguments_of_several)
{
	w.at_caller->faults.longest = WIDE - 200;
	call(ECHO, MOST);
	cr_expect(runs == 1 && sim_count(w.caller, FLY_COUNT_paths_narrowed) == 1);
	for (uint32_t bytes = 1440; bytes < 6000; bytes += 77)
		call(ECHO, bytes);
	sim_run(w.sim, 2000);
	cr_expect(is_nearly(to_server(), WIDE - 200), "%u", to_server());
}

Case(path_mtu, fly_bulk_split_result__results_of_one_packet)
{
	w.at_server->faults.longest = WIDE - 100;
	call(PLAIN, 1440);
	cr_expect(runs == 1, "it ran once");
	sim_run(w.sim, 2000);
	cr_expect(is_nearly(to_caller(), WIDE - 100), "%u", to_caller());
	cr_expect(to_server() == UINT32_MAX);
	const uint64_t resent = sim_count(w.caller, FLY_COUNT_resent_calls);

	for (uint32_t bytes = 1300; bytes <= 1440; bytes++)
		call(PLAIN, bytes);
	cr_expect(runs == 142 && sim_count(w.caller, FLY_COUNT_resent_calls) == resent);
}

Case(path_mtu, fly_path_mtu_suspect_repeat__results_that_are_not_kept)
{
	w.at_server->faults.longest = WIDE - 100;
	call(AGAIN, 1440);
	sim_run(w.sim, 2000);
	cr_expect(is_nearly(to_caller(), WIDE - 100), "%u", to_caller());
	runs = 0;
	for (uint32_t bytes = 1300; bytes <= 1440; bytes++)
		call(AGAIN, bytes);
	cr_expect(runs == 141, "none is lost any more");
}

Case(path_mtu, fly_bulk_shorten__results_of_several)
{
	w.at_server->faults.longest = WIDE - 200;
	call(ECHO, MOST);
	cr_expect(runs == 1 && sim_count(w.server, FLY_COUNT_paths_narrowed) == 1);
	sim_run(w.sim, 2000);
	cr_expect(is_nearly(to_caller(), WIDE - 200), "%u", to_caller());
	cr_expect(to_server() == UINT32_MAX);
}

Case(path_mtu, fly_path_mtu_limit__each_way_has_its_own)
{
	w.at_caller->faults.longest = WIDE - 350;
	w.at_server->faults.longest = WIDE - 70;
	call(PLAIN, 1440);
	call(ECHO, MOST);
	sim_run(w.sim, 2000);
	cr_expect(is_nearly(to_server(), WIDE - 350), "%u", to_server());
	cr_expect(is_nearly(to_caller(), WIDE - 70), "%u", to_caller());
	cr_expect(runs == 2);
}

/* Half of the message is there, in fragments that do not fit any more. */
Case(path_mtu, fly_bulk_shorten__arguments_under_way)
{
	for (uint32_t cut = 0; cut < 12; cut++) {
		struct fly_call *one = start(ECHO, MOST);
		const uint64_t sent = sim_count(w.caller, FLY_COUNT_fragments_sent) + 10 * cut;

		while (sim_count(w.caller, FLY_COUNT_fragments_sent) < sent)
			sim_turn(w.sim);
		w.at_caller->faults.longest = WIDE - 90 * (1 + cut % 4);
		finish(one, MOST);
	}
	cr_expect(runs == 12);
	cr_expect(sim_count(w.caller, FLY_COUNT_paths_narrowed) > 1);
}

Case(path_mtu, fly_bulk_shorten__results_under_way)
{
	for (uint32_t cut = 0; cut < 12; cut++) {
		struct fly_call *one = start(ECHO, MOST);
		const uint64_t sent = sim_count(w.server, FLY_COUNT_fragments_sent) + 10 * cut + 1;

		while (sim_count(w.server, FLY_COUNT_fragments_sent) < sent)
			sim_turn(w.sim);
		w.at_server->faults.longest = WIDE - 90 * (1 + cut % 4);
		finish(one, MOST);
	}
	cr_expect(runs == 12);
	cr_expect(sim_count(w.server, FLY_COUNT_paths_narrowed) > 1);
}

/*
 * A message of two fragments becomes one of three, though two shorter ones would do: the receiver
 * may have the first one, of the old length.
 */
Case(path_mtu, fly_bulk_shorten__more_fragments_in_any_case)
{
	struct fly_call *one = start(ECHO, 1500);
	struct fly_call_entry *e = fly_entry_of(one);

	sim_turn(w.sim);
	sim_turn(w.sim);
	fly_bulk_shorten(sim_poller(w.caller), e->bulk, 1400);
	cr_expect(e->bulk->out.fragments == 3);
	finish(one, 1500);
	cr_expect(runs == 1);
}

Case(path_mtu, fly_path_mtu_suspect__loss_is_no_reason_to_shrink)
{
	w.at_caller->faults.drop_percent = 15;
	w.at_server->faults.drop_percent = 15;
	for (unsigned i = 0; i < 20; i++) {
		call(PLAIN, 1440);
		call(ECHO, 30000);
	}
	w.at_caller->faults.drop_percent = 0;
	w.at_server->faults.drop_percent = 0;
	sim_run(w.sim, 20000);
	cr_expect(runs == 40);
	cr_expect(to_server() == UINT32_MAX && to_caller() == UINT32_MAX);
}

Case(path_mtu, fly_path_mtu_suspect__an_outage_is_no_reason_to_shrink)
{
	struct fly_call *one = start(ECHO, MOST);

	sim_turn(w.sim);
	w.at_caller->faults.drop_percent = 100;
	sim_run(w.sim, 500);
	cr_expect(sim_count(w.caller, FLY_COUNT_path_probes_sent) > 0, "it was asked");
	w.at_caller->faults.drop_percent = 0;
	finish(one, MOST);
	cr_expect(sim_count(w.caller, FLY_COUNT_paths_narrowed) == 0);
	sim_run(w.sim, 20000);
	cr_expect(LIST_EMPTY(&w.at_caller->link.narrow), "nothing is remembered of it");
}

Case(path_mtu, fly_path_mtu_due__a_path_that_grows)
{
	const struct fly_import *import = fly_import_of(bulk);

	w.at_caller->faults.longest = WIDE - 400;
	call(PLAIN, 1440);
	sim_run(w.sim, 2000);
	cr_expect(import->argument_max == to_server() && import->agreed_max == 1440);
	w.at_caller->faults.longest = 0;
	sim_run(w.sim, 500000);
	cr_expect(import->argument_max < 1440, "not all the time");
	w.sim->step_us = 1000;
	sim_run(w.sim, 110000);
	cr_expect(import->argument_max == 1440 && to_server() == UINT32_MAX);
	cr_expect(LIST_EMPTY(&w.at_caller->link.narrow));
	cr_expect(sim_count(w.caller, FLY_COUNT_paths_widened) >= 1);
}

/* Plain results of one packet are as short as all paths of the link take. */
Case(path_mtu, fly_payload_to__one_of_several_peers)
{
	w.at_server->faults.longest = WIDE - 100;
	call(PLAIN, 1440);
	sim_run(w.sim, 2000);
	cr_expect(fly_link_payload(&w.at_server->link) == to_caller());
	cr_expect(fly_payload_to(&w.at_server->link, w.at_caller->link.ip) == to_caller());
	cr_expect(fly_payload_to(&w.at_server->link, 7) == 1440, "another one");
	fly_path_mtu_forget(sim_poller(w.server), &w.at_server->link);
	cr_expect(fly_link_payload(&w.at_server->link) == 1440 && to_caller() == UINT32_MAX);
}

Case(path_mtu, fly_path_mtu_suspect__not_where_there_is_no_path)
{
	w.at_caller->link.has_one_peer = true;
	fly_path_mtu_suspect(sim_poller(w.caller), &w.at_caller->link,
			     fly_import_of(bulk)->template, 1440);
	cr_expect(LIST_EMPTY(&w.at_caller->link.narrow));
	w.at_caller->link.has_one_peer = false;
	fly_path_mtu_suspect(sim_poller(w.caller), &w.at_caller->link,
			     fly_import_of(bulk)->template, FLY_MTU_FLOOR);
	cr_expect(LIST_EMPTY(&w.at_caller->link.narrow), "so few bytes get through anywhere");
}

/* An address without proof is sent no probes: they are longer than what came from it. */
Case(path_mtu, fly_path_mtu_suspect_caller__proof_first)
{
	struct fly_call *one = start(PLAIN, 1440);

	w.at_server->faults.longest = WIDE - 100;
	while (sim_count(w.server, FLY_COUNT_resent_results) == 0)
		sim_turn(w.sim);
	cr_expect(sim_count(w.server, FLY_COUNT_path_probes_sent) == 0);
	finish(one, 1440);
	cr_expect(runs == 1 && sim_count(w.server, FLY_COUNT_challenges_sent) == 1);
	cr_expect(sim_poller(w.server)->conversations.records[0].is_proven);
}

/* Whoever does not know the number of the probe says nothing. */
Case(path_mtu, fly_path_mtu_answered__only_by_who_was_asked)
{
	struct fly_poller *p = sim_poller(w.caller);
	struct fly_path_mtu *m;
	struct frame f;
	struct fly_header h = {.type = FLY_PACKET_ACK,
			       .procedure = FLY_ABOUT_PATH,
			       .fragment = 1,
			       .fragments = 1};

	w.at_caller->faults.longest = FLY_PAYLOAD;
	fly_path_mtu_suspect(p, &w.at_caller->link, fly_import_of(bulk)->template, 1440);
	m = LIST_FIRST(&w.at_caller->link.narrow);
	h.activity = m->nonce + 1;
	h.seq = m->round * 2 + 1;
	frame_make(&f, &h, w.at_server, w.at_caller, NULL);
	frame_put(w.at_caller, &f);
	sim_turn(w.sim);
	cr_expect(!LIST_EMPTY(&w.at_caller->link.narrow));
	cr_expect(sim_count(w.caller, FLY_COUNT_drop_ack) == 1);
	h.activity = m->nonce;
	frame_make(&f, &h, w.at_server, w.at_caller, NULL);
	frame_put(w.at_caller, &f);
	sim_turn(w.sim);
	cr_expect(LIST_EMPTY(&w.at_caller->link.narrow), "a false alarm");
}

/* Of many paths the one that was looked at longest ago gives way. */
Case(path_mtu, fly_path_mtu_suspect__more_paths_than_places)
{
	uint8_t front[FLY_RPC];
	const struct fly_path_mtu *m;
	unsigned n = 0;

	memcpy(front, fly_import_of(bulk)->template, FLY_RPC);
	for (uint32_t ip = 1; ip <= 100; ip++) {
		fly_store_raw32(front + FLY_IP_DESTINATION, ip);
		fly_path_mtu_suspect(sim_poller(w.caller), &w.at_caller->link, front, 1440);
		sim_turn(w.sim);
	}
	LIST_FOREACH(m, &w.at_caller->link.narrow, next)
	{
		cr_expect(m->ip > 36);
		n++;
	}
	cr_expect(n == 64);
}
