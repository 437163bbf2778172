/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_server.c - the server's half of a call: places of results, retained results, repeated calls;
 * nothing runs twice. Callers are handmade and see each frame.
 */
#include <criterion/criterion.h>
#include <rte_ip.h>

#include "case.h"
#include "marshal/raise.h"
#include "pair.h"
#include "slowpath/records.h"

#define ACTIVITY UINT64_C(0xabcdef0123450007)

static struct sim *s;
static struct sim_node *server;
static struct sim_link *at_server;
static struct sim_link *peer; /* the far end: the test's */
static uint8_t arguments[1500];

static void set_up(const struct sim_node_config *config)
{
	s = sim_new();
	server = sim_add(s, config);
	at_server = sim_join_open(s, server);
	peer = at_server->far;
	sim_export(server);
	sim_turn(s); /* refusals are allowed after the first sweep */
}

static void begin(void)
{
	sim_eal();
	set_up(NULL);
}

/* For a test with a poller of another size. */
static void set_up_again(const struct sim_node_config *config)
{
	sim_end(s);
	set_up(config);
}

static void end(void)
{
	cr_expect(sim_end(s) == 0, "something is missing at the end, or was written too late");
}

TestSuite(server, .timeout = HANG);

/* Make a call whose first argument is a number and whose second is data made from it. */
static struct fly_header call_of(uint32_t seq, uint16_t procedure, uint16_t bytes, uint32_t number)
{
	struct fly_header h = frame_call(server->export_id, ACTIVITY, seq, procedure);

	h.length = bytes;
	fly_put_u32(arguments, number);
	if (bytes > 4)
		probe_fill(arguments + 4, bytes - 4U, number);
	return h;
}

/* Send the call. Return: is there a result? */
static bool exchange(const struct fly_header *call, struct frame *result, struct fly_header *h)
{
	struct frame f;

	frame_make(&f, call, peer, at_server, arguments);
	frame_put(at_server, &f);
	sim_turn(s);
	return frame_take(peer, result, h);
}

static const uint8_t *payload(const struct frame *f)
{
	return f->data + FLY_PAYLOAD;
}

Case(server, fly_serve_send__a_result_says_what_it_answers)
{
	const struct fly_header call = call_of(100, Probe_Null_NUMBER, 0, 0);
	struct fly_header h;
	struct frame f;

	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.type == FLY_PACKET_RESULT && h.flags == 0 && h.procedure == 0);
	cr_expect(h.activity == ACTIVITY && h.seq == 100 && h.export_id == server->export_id);
	cr_expect(h.fragments == 1 && h.fragment == 0 && h.length == 0);
	cr_expect(h.age == 1, "which execution it was");
	cr_expect(h.hint < 64, "where the record is");
	cr_expect(f.bytes == FLY_PAYLOAD);
	cr_expect(memcmp(f.data + FLY_ETHER_DESTINATION, peer->link.mac, 6) == 0);
	cr_expect(memcmp(f.data + FLY_ETHER_SOURCE, at_server->link.mac, 6) == 0);
	cr_expect(server->service.executions == 1);
}

Case(server, fly_serve_run__results_over_the_arguments)
{
	const struct fly_header call = call_of(1, Probe_Fill_NUMBER, 4, 77);
	struct fly_header h;
	struct frame f;

	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.length == 1440 && f.bytes == 1514);
	cr_expect(probe_is(payload(&f), 1440, probe_sum(77)));
}

Case(server, fly_serve_run__results_behind_the_arguments)
{
	const struct fly_header call = call_of(1, Probe_Mirror_NUMBER, 504, 77);
	struct fly_header h;
	struct frame f;

	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.length == 500);
	for (unsigned i = 0; i < 500; i++)
		cr_assert(payload(&f)[i] == arguments[4 + 499 - i], "byte %u", i);
	cr_expect(server->service.wrong == 0);
}

Case(server, fly_slow_call__results_in_a_second_packet)
{
	const struct fly_header call = call_of(1, Probe_Swap_NUMBER, 1204, 77);
	struct fly_header h;
	struct frame f;

	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.length == 1200);
	for (unsigned i = 0; i < 1200; i++)
		cr_assert(payload(&f)[i] == arguments[4 + 1199 - i], "byte %u", i);
	cr_expect(server->service.wrong == 0);
}

/* Repeat a call: the same bytes come back except the flag, and nothing runs. */
static void repeat(uint16_t procedure, uint16_t bytes, unsigned retained)
{
	const struct fly_header call = call_of(1, procedure, bytes, 77);
	struct fly_header h;
	struct frame first;
	struct frame again;

	cr_assert(exchange(&call, &first, &h));
	cr_expect(sim_poller(server)->conversations.n_retained == retained);
	for (unsigned i = 1; i <= 3; i++) {
		cr_assert(exchange(&call, &again, &h), "copy %u has no answer", i);
		cr_expect(h.type == fly_wire_result_type(h.procedure) && h.seq == 1 && h.age == 1);
		cr_expect(again.bytes == first.bytes);
		again.data[FLY_RPC + 1] = first.data[FLY_RPC + 1]; /* the flags may differ */
		cr_expect(memcmp(again.data, first.data, first.bytes) == 0, "copy %u differs", i);
		cr_expect(sim_count(server, FLY_COUNT_resent_results) == i);
	}
	cr_expect(server->service.executions == 1, "it ran %u times", server->service.executions);
}

Case(server, fly_reply_result_again__a_repeated_call_gets_the_retained_empty_result)
{
	repeat(Probe_Null_NUMBER, 0, 0);
}

Case(server, fly_reply_result_again__a_repeated_call_gets_the_retained_small_result)
{
	repeat(Probe_Sum_NUMBER, 1404, 0);
}

Case(server, fly_reply_result_again__a_repeated_call_gets_the_retained_large_result)
{
	repeat(Probe_Fill_NUMBER, 4, 1);
}

Case(server, fly_reply_result_again__a_repeated_call_gets_the_retained_result_from_behind)
{
	repeat(Probe_Mirror_NUMBER, 504, 1);
}

Case(server, fly_reply_result_again__a_repeated_call_gets_the_retained_second_packet)
{
	repeat(Probe_Swap_NUMBER, 1204, 1);
}

Case(server, fly_reply_result_again__a_repeated_call_gets_the_retained_error)
{
	repeat(Probe_Raise_NUMBER, 4, 0);
}

/* The driver has not given back the sent packet: nobody may write to it. */
Case(server, fly_serve_retain__a_packet_that_a_driver_holds_is_not_written)
{
	static const uint16_t procedures[] = {Probe_Fill_NUMBER, Probe_Mirror_NUMBER,
					      Probe_Swap_NUMBER, Probe_Null_NUMBER};
	static const uint16_t bytes[] = {4, 504, 1204, 0};
	struct fly_header h;
	struct frame f;

	at_server->faults.holds = 40;
	for (uint32_t seq = 1; seq <= 400; seq++) {
		const unsigned which = seq % 4;
		const struct fly_header call = call_of(seq, procedures[which], bytes[which], seq);

		cr_assert(exchange(&call, &f, &h));
		cr_assert(exchange(&call, &f, &h), "the copy of call %u", seq);
	}
	cr_expect(server->service.executions == 400);
	cr_expect(server->service.wrong == 0);
	cr_expect(at_server->overwritten == 0);
}

Case(server, fly_serve_let_go__the_next_call_lets_the_retained_packet_go)
{
	struct fly_header call = call_of(1, Probe_Fill_NUMBER, 4, 1);
	struct fly_header h;
	struct frame f;

	cr_assert(exchange(&call, &f, &h));
	cr_expect(sim_poller(server)->conversations.n_retained == 1);
	call = call_of(2, Probe_Null_NUMBER, 0, 0);
	cr_assert(exchange(&call, &f, &h));
	cr_expect(sim_poller(server)->conversations.n_retained == 0);
	cr_expect(h.age == 2);
}

Case(server, fly_call_admit__an_older_call_is_dropped)
{
	struct fly_header call = call_of(10, Probe_Null_NUMBER, 0, 0);
	struct fly_header h;
	struct frame f;

	cr_assert(exchange(&call, &f, &h));
	call.seq = 9;
	cr_expect(!exchange(&call, &f, &h));
	call.seq = 10u + 0x80000000u;
	cr_expect(!exchange(&call, &f, &h));
	cr_expect(sim_count(server, FLY_COUNT_drop_old_call) == 2);
	cr_expect(server->service.executions == 1);
}

Case(server, fly_conversation_lookup__a_right_hint_needs_no_search_and_a_wrong_one_does_no_harm)
{
	struct fly_header call = call_of(1, Probe_Null_NUMBER, 0, 0);
	struct fly_header h;
	struct frame f;

	cr_assert(exchange(&call, &f, &h));
	call.seq = 2;
	call.hint = h.hint;
	cr_assert(exchange(&call, &f, &h));
	cr_expect(sim_count(server, FLY_COUNT_hint_misses) == 0);
	for (unsigned i = 0; i < 70; i++) {
		call.seq++;
		call.hint = h.hint + 1 + i; /* free records, and indexes beyond the table */
		cr_assert(exchange(&call, &f, &h));
		cr_assert(h.type == FLY_PACKET_RESULT);
	}
	cr_expect(sim_count(server, FLY_COUNT_hint_misses) == 70);
	cr_expect(sim_count(server, FLY_COUNT_conversations_opened) == 1);
	cr_expect(server->service.executions == 72);
}

Case(server, fly_conversation_lookup__a_hint_to_somebody_elses_record_is_not_believed)
{
	struct fly_header mine = call_of(1, Probe_Null_NUMBER, 0, 0);
	struct fly_header other = call_of(1, Probe_Fill_NUMBER, 4, 5);
	struct fly_header h;
	struct frame f;

	other.activity ^= UINT64_C(1) << 40;
	cr_assert(exchange(&other, &f, &h));
	mine.hint = h.hint;
	cr_assert(exchange(&mine, &f, &h));
	cr_expect(h.length == 0 && h.activity == ACTIVITY && h.hint != mine.hint);
	cr_expect(sim_count(server, FLY_COUNT_conversations_opened) == 2);
}

/* A free record also has activity 0; its peer is any earlier one, or none. */
Case(server, fly_serve_plain__activity_0_finds_no_record)
{
	const struct fly_address us = sim_address(peer);
	struct fly_header call = call_of(1, Probe_Mirror_NUMBER, 504, 1);
	struct fly_header nobody = call;
	struct fly_header h;
	struct frame f;

	nobody.activity = 0;
	nobody.hint = 5;
	peer->link.ip = 0;
	peer->link.udp_port = 0;
	cr_expect(!exchange(&nobody, &f, &h), "of a record that nobody has had");
	peer->link.ip = us.ip;
	peer->link.udp_port = us.port;
	cr_assert(exchange(&call, &f, &h));
	fly_conversations_forget_link(sim_poller(server), &at_server->link);
	nobody.hint = h.hint;
	nobody.seq = 2;
	cr_expect(!exchange(&nobody, &f, &h), "of a record that was ours");
	cr_expect(sim_count(server, FLY_COUNT_drop_activity) == 2);
	cr_expect(server->service.executions == 1);
	cr_expect(sim_poller(server)->conversations.n_retained == 0);
}

Case(server, fly_call_admit__a_known_activity_from_another_address_is_dropped)
{
	const struct fly_header call = call_of(1, Probe_Null_NUMBER, 0, 0);
	struct fly_header next = call_of(2, Probe_Null_NUMBER, 0, 0);
	struct fly_header h;
	struct frame f;

	cr_assert(exchange(&call, &f, &h));
	peer->link.ip ^= 0x01000000;
	cr_expect(!exchange(&next, &f, &h));
	peer->link.ip ^= 0x01000000;
	peer->link.udp_port ^= 1;
	cr_expect(!exchange(&next, &f, &h));
	peer->link.udp_port ^= 1;
	cr_expect(sim_count(server, FLY_COUNT_drop_wrong_peer) == 2);
	cr_expect(server->service.executions == 1);
	cr_expect(exchange(&next, &f, &h), "the right one is served afterwards");
}

Case(server, fly_slow_call__an_unknown_procedure)
{
	struct fly_header h;
	struct frame f;

	for (uint32_t number = 8; number <= 0xffff; number = number * 3 + 1) {
		const struct fly_header call = call_of(number, (uint16_t)number, 0, 0);

		cr_assert(exchange(&call, &f, &h));
		cr_expect(h.type == FLY_PACKET_EXCEPTION && h.procedure == FLY_ENOPROC);
		cr_expect(h.length == 0);
	}
	cr_expect(sim_count(server, FLY_COUNT_calls_no_procedure) > 5);
	cr_expect(sim_count(server, FLY_COUNT_calls_served) == 0);
	cr_expect(server->service.executions == 0);
}

Case(server, fly_slow_served__arguments_that_cannot_be_read)
{
	struct fly_header h;
	struct frame f;

	for (uint16_t bytes = 0; bytes <= 1440; bytes++) {
		const struct fly_header call = call_of(bytes + 1U, Probe_Sum_NUMBER, bytes, 5);

		if (bytes == Probe_Sum_ARGUMENT_BYTES)
			continue;
		cr_assert(exchange(&call, &f, &h));
		cr_assert(h.procedure == FLY_EMALFORMED && h.length == 0, "%u bytes", bytes);
	}
	for (unsigned value = 2; value < 256; value++) {
		const struct fly_header call = call_of(2000 + value, Probe_Not_NUMBER, 1, value);

		cr_assert(exchange(&call, &f, &h));
		cr_assert(h.procedure == FLY_EMALFORMED, "a bool that is %u", value);
	}
	cr_expect(server->service.executions == 0);
	cr_expect(sim_count(server, FLY_COUNT_calls_unreadable) == 1440 + 254);
}

Case(server, fly_slow_served__a_procedure_with_an_error_has_no_results)
{
	const struct fly_header call = call_of(1, Probe_Raise_NUMBER, 4, 3);
	struct fly_header h;
	struct frame f;

	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.procedure == FLY_ERAISED && h.length == 9);
	cr_expect(server->service.runs[3] == 1);
	cr_expect(sim_poller(server)->conversations.n_retained == 0);
}

/* ---- how a procedure may end: stubs made by hand ---- */

static int stub_status; /* returned by the stub */
static uint32_t stub_bytes;
static unsigned stub_runs;

static int ending_stub(struct fly_served *served)
{
	stub_runs++;
	served->raised = -7;
	served->result_bytes = stub_bytes;
	probe_fill(served->results, stub_bytes, 5);
	if (stub_status == -FLY_ERAISED)
		fly_raise(-7, "fifty-five bytes of text are as many as there can be .!");
	return stub_status;
}

static const struct fly_procedure ending[] = {
	{"Over", ending_stub, 0, 1000, 0, FLY_RESULTS_OVER, 0},
	{"Behind", ending_stub, 1000, 968, 1000, FLY_RESULTS_BEHIND, 0},
	{"Second", ending_stub, 1000, 1000, 0, FLY_RESULTS_SECOND, 0},
	{"Gap", fly_stub_none, 0, 0, 0, FLY_RESULTS_OVER, 0},
	{"LittleRoom", ending_stub, 1400, 4, 1960, FLY_RESULTS_BEHIND, 0},
};

static void export_endings(void)
{
	struct fly_export *e = &sim_poller(server)->exports[1];

	e->stubs = ending;
	e->n_procedures = RTE_DIM(ending);
	stub_runs = 0;
}

/* Send the call twice; the second result is the retained one. */
static void expect_end(uint32_t seq, uint16_t procedure, uint16_t status, unsigned bytes)
{
	const struct fly_header call =
		call_of(seq, procedure, (uint16_t)ending[procedure].argument_bytes, 3);
	struct fly_header h;
	struct frame f;

	stub_runs = 0;
	for (unsigned i = 0; i < 2; i++) {
		cr_assert(exchange(&call, &f, &h));
		cr_expect(h.type == (status ? FLY_PACKET_EXCEPTION : FLY_PACKET_RESULT) &&
				  h.procedure == status,
			  "procedure %u ended with %u, not %u", procedure, h.procedure, status);
		cr_expect(h.length == bytes && f.bytes == FLY_PAYLOAD + bytes);
		if (status == FLY_EEXCEPTION)
			cr_expect(probe_is(payload(&f), bytes, 5));
		if (status == FLY_ERAISED) {
			fly_raised_get(payload(&f), bytes);
			cr_expect(fly_raised()->number == -7);
			cr_expect(strlen(fly_raised()->text) == FLY_RAISED_TEXT_MAX);
		}
	}
	cr_expect(stub_runs == (ending[procedure].stub == ending_stub));
}

Case(server, fly_slow_served__each_status_of_a_stub_in_each_layout)
{
	static const struct {
		int status;
		uint16_t wire;
		uint16_t bytes;
		enum fly_counter counter;
	} rows[] = {
		{-FLY_EEXCEPTION, FLY_EEXCEPTION, 40, FLY_COUNT_calls_excepted},
		{-FLY_EEXCEPTION, FLY_EEXCEPTION, 900, FLY_COUNT_calls_excepted},
		{-FLY_ERAISED, FLY_ERAISED, FLY_RAISED_BYTES_MAX, FLY_COUNT_calls_raised},
		{-FLY_ERESULT, FLY_ERESULT, 0, FLY_COUNT_calls_wrong_results},
		{-FLY_EMALFORMED, FLY_EMALFORMED, 0, FLY_COUNT_calls_unreadable},
		{-FLY_ENOMEM, FLY_ENOMEM, 0, FLY_COUNT_calls_no_memory},
		{-FLY_EPEER, FLY_ERESULT, 0, FLY_COUNT_calls_wrong_results},
		{1, FLY_ERESULT, 0, FLY_COUNT_calls_wrong_results},
		{-70000, FLY_ERESULT, 0, FLY_COUNT_calls_wrong_results},
	};
	uint32_t seq = 1;

	export_endings();
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		const uint64_t before = sim_count(server, rows[i].counter);

		stub_status = rows[i].status;
		stub_bytes = rows[i].status == -FLY_EEXCEPTION ? rows[i].bytes : 700;
		for (uint16_t procedure = 0; procedure < 3; procedure++)
			expect_end(seq++, procedure, rows[i].wire, rows[i].bytes);
		cr_expect(sim_count(server, rows[i].counter) == before + 3);
	}
	cr_expect(sim_count(server, FLY_COUNT_calls_served) == 3 * RTE_DIM(rows));
}

/* The text of an error is longer than the room behind these arguments. */
Case(server, fly_slow_served__an_error_whose_words_do_not_fit_behind_the_arguments)
{
	export_endings();
	stub_status = -FLY_ERAISED;
	stub_bytes = 4;
	expect_end(1, 4, FLY_ERAISED, FLY_RAISED_BYTES_MAX);
	stub_status = 0;
	expect_end(2, 4, 0, 4);
}

Case(server, fly_slow_served__a_number_that_no_procedure_has)
{
	export_endings();
	expect_end(1, 3, FLY_ENOPROC, 0);
	cr_expect(sim_count(server, FLY_COUNT_calls_served) == 0);
	cr_expect(sim_count(server, FLY_COUNT_calls_no_procedure) == 1);
}

Case(server, fly_bulk_serve__a_result_longer_than_the_link_takes_comes_in_two_packets)
{
	const struct fly_header call = call_of(1, Probe_Fill_NUMBER, 4, 3);
	struct fly_header h;
	struct frame f;

	at_server->link.payload_max = 1439;
	cr_expect(!exchange(&call, &f, &h), "in the next turn");
	sim_turn(s);
	cr_assert(frame_take(peer, &f, &h));
	cr_expect(h.type == FLY_PACKET_RESULT && h.fragment == 0 && h.fragments == 2);
	cr_expect(h.length == 1439 && h.age == 1);
	cr_assert(frame_take(peer, &f, &h));
	cr_expect(h.fragment == 1 && h.length == 1 && h.flags == FLY_FLAG_ACK);
	cr_expect(server->service.executions == 1);
}

Case(server, fly_call_admit__when_the_table_is_full_a_new_caller_is_refused)
{
	const struct sim_node_config config = {.conversations = 8};
	struct fly_header call;
	struct fly_header h;
	struct frame f;

	set_up_again(&config);
	call = call_of(1, Probe_Null_NUMBER, 0, 0);
	for (unsigned i = 0; i < 12; i++) {
		call.activity = ACTIVITY + ((uint64_t)i << 20);
		cr_assert(exchange(&call, &f, &h));
		cr_expect(h.type == (i < 8 ? FLY_PACKET_RESULT : FLY_PACKET_REJECT));
		cr_expect(h.procedure == (i < 8 ? 0 : FLY_EBUSY));
	}
	cr_expect(sim_count(server, FLY_COUNT_reject_full) == 4);
	cr_expect(server->service.executions == 8);
	call.activity = ACTIVITY;
	call.seq = 2;
	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.type == FLY_PACKET_RESULT, "those that are known are served");
}

Case(server, fly_serve_has_room__retained_packets_are_limited_to_half_of_what_the_poller_leaves)
{
	const struct sim_node_config config = {.packets = 703, .conversations = 512};
	struct fly_header call;
	struct fly_header h;
	struct frame f;
	unsigned served = 0;

	set_up_again(&config);
	call = call_of(1, Probe_Fill_NUMBER, 4, 3);
	for (unsigned i = 0; i < 300; i++) {
		if (i % 50 == 0)
			sim_run(s, 1); /* the budget for refusals grows with time */
		call.activity = ACTIVITY + ((uint64_t)i << 20);
		cr_assert(exchange(&call, &f, &h));
		served += h.type == FLY_PACKET_RESULT;
	}
	cr_expect(served == (703 - FLY_PACKET_CACHE) / 2, "%u were served", served);
	cr_expect(server->service.executions == served);
	cr_expect(sim_count(server, FLY_COUNT_reject_full) == 300 - served);
	cr_expect(sim_poller(server)->conversations.n_retained == served);
	call.activity = ACTIVITY; /* retains one packet and frees one */
	call.seq = 2;
	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.type == FLY_PACKET_RESULT);
}

/* No packet is left for a second buffer. An executed call's result is sent again all the same. */
Case(server, fly_reply_refuse_for_good__without_a_second_buffer_a_new_call_and_no_copy)
{
	const struct sim_node_config config = {.packets = 63};
	struct rte_mbuf *all[63];
	unsigned n = 0;
	struct fly_header call;
	struct fly_header h;
	struct frame f;

	set_up_again(&config);
	call = call_of(1, Probe_Swap_NUMBER, 1204, 77);
	cr_assert(exchange(&call, &f, &h));
	cr_assert(h.type == FLY_PACKET_RESULT);
	while ((all[n] = fly_packet_get(&sim_poller(server)->cache, 0)))
		n++;
	/* Give one back: the driver receives into it. */
	fly_packet_expose_all(all[--n]);
	rte_pktmbuf_free(all[n]);
	cr_expect(exchange(&call, &f, &h));
	cr_expect(h.type == FLY_PACKET_RESULT,
		  "a copy of a call that ran was refused as not executed: status %u", h.procedure);

	fly_packet_drain(&sim_poller(server)->cache);
	call = call_of(2, Probe_Swap_NUMBER, 1204, 78);
	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.type == FLY_PACKET_REJECT && h.procedure == FLY_EBUSY);
	cr_expect(server->service.executions == 1);
	while (n)
		fly_packet_put(&sim_poller(server)->cache, all[--n]);
}

/* As above at the limit of retained packets: an executed call must not become "refused". */
Case(server, fly_reply_refuse_for_good__at_the_limit_a_copy_of_a_call_that_ran_is_not_refused)
{
	struct fly_header call = call_of(1, Probe_Raise_NUMBER, 4, 3);
	struct fly_header h;
	struct frame f;

	cr_assert(exchange(&call, &f, &h));
	cr_assert(h.procedure == FLY_ERAISED);
	sim_poller(server)->conversations.retained_max = 0;
	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.type == FLY_PACKET_EXCEPTION && h.procedure == FLY_ERAISED,
		  "a copy of a call that ran was refused as not executed");
	call.seq = 2;
	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.type == FLY_PACKET_REJECT && h.procedure == FLY_EBUSY);
	cr_expect(server->service.executions == 1);
}

Case(server, fly_call_admit__a_call_without_record_that_is_too_old_is_forgotten)
{
	struct fly_header call = call_of(1, Probe_Null_NUMBER, 0, 0);
	struct fly_header h;
	struct frame f;

	call.age = 50000;
	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.type == FLY_PACKET_REJECT && h.procedure == FLY_EFORGOTTEN);
	call.age = UINT16_MAX;
	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.procedure == FLY_EFORGOTTEN);
	cr_expect(sim_count(server, FLY_COUNT_reject_forgotten) == 2);
	cr_expect(server->service.executions == 0);
	call.age = 49999;
	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.type == FLY_PACKET_RESULT);
	call.age = UINT16_MAX; /* for a call with a record, age does not matter */
	call.seq = 2;
	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.type == FLY_PACKET_RESULT);
}

Case(server, fly_call_admit__an_export_of_an_earlier_start_is_stale)
{
	struct fly_header call = call_of(1, Probe_Null_NUMBER, 0, 0);
	struct fly_header h;
	struct frame f;

	sim_run(s, 1234);
	for (unsigned i = 0; i < FLY_EXPORTS; i++) {
		call.export_id = (server->export_id ^ 0x10000) - 1 + i;
		if (i % 64 == 0)
			sim_run(s, 2);
		cr_assert(exchange(&call, &f, &h));
		cr_expect(h.type == FLY_PACKET_REJECT && h.procedure == FLY_ESTALE);
		cr_expect(h.export_id == call.export_id && h.seq == 1 && h.activity == ACTIVITY);
		cr_expect(h.hint >= 1230 && h.hint <= 1250, "uptime %u", h.hint);
	}
	cr_expect(sim_count(server, FLY_COUNT_reject_stale) == FLY_EXPORTS);
	cr_expect(sim_count(server, FLY_COUNT_conversations_opened) == 0);
}

/*
 * The poller was absent for longer than records are kept. The record of a call that comes in the
 * next turn must stay; otherwise a copy of the call would run again.
 */
Case(server, fly_conversations_absent__a_record_outlives_the_servers_own_absence)
{
	const struct fly_header call = call_of(1, Probe_Null_NUMBER, 0, 0);
	struct fly_header h;
	struct frame f;

	sim_turn(s);
	s->now_tsc += UINT64_C(100000) * SIM_TSC_PER_MS;
	cr_assert(exchange(&call, &f, &h));
	sim_run(s, 10);
	cr_assert(exchange(&call, &f, &h));
	cr_expect(h.type == FLY_PACKET_RESULT && h.age == 1);
	cr_expect(server->service.executions == 1, "it ran %u times", server->service.executions);
}

/* ---- many callers ---- */

#define MANY  1100 /* so many that the poller prefetches */
#define BURST 32

static uint32_t hints[MANY];
static bool has_checksums; /* calls */

/* A call of Null by one caller arrives at the server. */
static void put_call(uint32_t caller, uint32_t seq, uint32_t hint)
{
	struct fly_header call =
		frame_call(server->export_id, (caller + UINT64_C(1)) << 16, seq, Probe_Null_NUMBER);
	struct frame f;

	call.hint = hint;
	frame_make(&f, &call, peer, at_server, NULL);
	if (has_checksums)
		fly_store_raw16(f.data + FLY_UDP_CHECKSUM,
				rte_ipv4_udptcp_cksum((void *)(f.data + FLY_IP),
						      f.data + FLY_UDP_SOURCE));
	frame_put(at_server, &f);
}

/* The next result: is it for this call, from the record that the caller has always had? */
static void expect_result(uint32_t caller, uint32_t seq, uint16_t execution)
{
	struct fly_header h;
	struct frame f;

	cr_assert(frame_take(peer, &f, &h), "none for %u", caller);
	cr_expect(h.type == FLY_PACKET_RESULT && h.procedure == 0);
	cr_expect(h.activity == (caller + UINT64_C(1)) << 16 && h.seq == seq, "not %u's", caller);
	cr_expect(h.hint == hints[caller] && h.age == execution, "caller %u", caller);
}

static void know_many(void)
{
	struct fly_header h;
	struct frame f;

	for (uint32_t i = 0; i < MANY; i++) {
		put_call(i, 10, FLY_HINT_NONE);
		sim_turn(s);
		cr_assert(frame_take(peer, &f, &h));
		hints[i] = h.hint;
	}
}

/* Every fourth has its own hint, no hint, another's hint, or a hint of no record. */
static void burst_of_all_kinds(void)
{
	for (uint32_t i = 0; i < BURST; i++) {
		const uint32_t kinds[] = {hints[9 * i], FLY_HINT_NONE, hints[9 * i + 1], 1U << 30};

		put_call(9 * i, 11, kinds[i % 4]);
	}
	sim_turn(s);
	for (uint32_t i = 0; i < BURST; i++)
		expect_result(9 * i, 11, 2);
}

Case(server, fly_poller_turn__many_callers_with_and_without_hints)
{
	set_up_again(&(const struct sim_node_config){.conversations = MANY + 10});
	know_many();
	cr_expect(sim_count(server, FLY_COUNT_hint_misses) == 0);
	burst_of_all_kinds();
	cr_expect(sim_count(server, FLY_COUNT_hint_misses) == BURST * 3 / 4);
	cr_expect(server->service.executions == MANY + BURST);
}

Case(server, fly_poller_turn__many_callers_over_a_link_with_checksums)
{
	set_up_again(&(const struct sim_node_config){.conversations = MANY + 10});
	know_many();
	at_server->link.checksum = FLY_CHECKSUM_SOFTWARE;
	has_checksums = true;
	burst_of_all_kinds();
	has_checksums = false;
	cr_expect(sim_count(server, FLY_COUNT_hint_misses) == BURST * 3 / 4);
	cr_expect(sim_count(server, FLY_COUNT_drop_checksum) == 0);
}

/* A hint that is looked up beforehand is written into the packet: not where a checksum covers it.
 */
Case(server, fly_poller_turn__many_callers_with_checksums_over_a_link_that_has_none)
{
	set_up_again(&(const struct sim_node_config){.conversations = MANY + 10});
	know_many();
	has_checksums = true;
	burst_of_all_kinds();
	has_checksums = false;
	cr_expect(sim_count(server, FLY_COUNT_hint_misses) == BURST * 3 / 4);
	cr_expect(sim_count(server, FLY_COUNT_drop_checksum) == 0);
}

Case(server, fly_poller_turn__a_hint_that_is_looked_up_changes_no_decision)
{
	struct fly_header stranger = frame_call(server->export_id, 0, 1, Probe_Null_NUMBER), h;
	struct frame f;

	set_up_again(&(const struct sim_node_config){.conversations = MANY + 10});
	stranger.export_id = server->export_id;
	know_many();
	put_call(0, 11, FLY_HINT_NONE);
	put_call(1, 10, FLY_HINT_NONE); /* a copy */
	put_call(2, 9, FLY_HINT_NONE);  /* an earlier call */
	put_call(0, 12, FLY_HINT_NONE);
	put_call(MANY, 1, FLY_HINT_NONE); /* a new caller */
	stranger.hint = FLY_HINT_NONE;    /* no caller has activity 0 */
	frame_make(&f, &stranger, peer, at_server, NULL);
	frame_put(at_server, &f);
	sim_turn(s);

	expect_result(0, 11, 2);
	expect_result(1, 10, 1);
	expect_result(0, 12, 3);
	cr_assert(frame_take(peer, &f, &h));
	cr_expect(h.activity == (MANY + UINT64_C(1)) << 16 && h.age == 1);
	cr_expect(!frame_take(peer, &f, &h));
	cr_expect(server->service.executions == MANY + 3);
	cr_expect(sim_count(server, FLY_COUNT_resent_results) == 1);
	cr_expect(sim_count(server, FLY_COUNT_drop_old_call) == 1);
	cr_expect(sim_count(server, FLY_COUNT_drop_activity) == 1);
	cr_expect(sim_count(server, FLY_COUNT_conversations_opened) == MANY + 1);
}

/* ---- procedures that may run twice ---- */

/* Copy the export's stubs, and mark one. */
static void make_idempotent(uint16_t procedure)
{
	static struct fly_procedure stubs[16];
	struct fly_export *export = &sim_poller(server)->exports[1];

	for (uint32_t i = 0; i < export->n_procedures; i++)
		stubs[i] = export->stubs[i];
	stubs[procedure].flags |= FLY_PROCEDURE_IDEMPOTENT;
	export->stubs = stubs;
}

Case(server, fly_serve_retain__long_results_of_idempotent_procedures_are_made_again)
{
	static const uint16_t kinds[][2] = {{Probe_Fill_NUMBER, 4},
					    {Probe_Mirror_NUMBER, 504},
					    {Probe_Swap_NUMBER, 1204}};

	for (unsigned i = 0; i < RTE_DIM(kinds); i++) {
		struct fly_header call = call_of(10 * i, kinds[i][0], kinds[i][1], i + 1);
		struct fly_header h;
		struct frame first;
		struct frame again;

		make_idempotent(kinds[i][0]);
		if (i > 0)
			call.hint = 0; /* the hint of its record: the plain path */
		cr_assert(exchange(&call, &first, &h) && h.type == FLY_PACKET_RESULT);
		cr_expect(sim_poller(server)->conversations.n_retained == 0, "no packet is kept");
		cr_expect(sim_poller(server)->conversations.records[0].state ==
			  FLY_CONVERSATION_UNKEPT);
		for (unsigned copies = 1; copies <= 3; copies++) {
			call.flags = FLY_FLAG_RESENT | FLY_FLAG_ACK;
			cr_assert(exchange(&call, &again, &h));
			cr_expect(again.bytes == first.bytes);
			cr_expect(memcmp(payload(&again), payload(&first),
					 again.bytes - FLY_PAYLOAD) == 0);
			cr_expect(server->service.runs[i + 1] == copies + 1);
		}
		/* Earlier calls are not. */
		call.seq--;
		cr_expect(!exchange(&call, &again, &h));
	}
	cr_expect(sim_count(server, FLY_COUNT_drop_old_call) == 3);
	cr_expect(sim_count(server, FLY_COUNT_resent_results) == 0);
	cr_expect(server->service.wrong == 0);
}

Case(server, fly_serve_retain__short_results_of_idempotent_procedures_are_kept)
{
	const struct fly_header call = call_of(1, Probe_Add_NUMBER, 16, 7);
	struct fly_header h;
	struct frame f;

	make_idempotent(Probe_Add_NUMBER);
	cr_assert(exchange(&call, &f, &h));
	cr_assert(exchange(&call, &f, &h) && h.flags == FLY_FLAG_RESENT);
	cr_expect(server->service.executions == 1);
}

/* ---- when memory is short ---- */

Case(server, fly_serve_retain__from_three_quarters_on_results_ask_for_an_acknowledgement)
{
	const struct fly_conversation_table *t = &sim_poller(server)->conversations;
	const uint32_t n = t->retained_high + 4;
	struct fly_header h;
	struct frame f;

	cr_assert(t->retained_high == t->retained_max - t->retained_max / 4);
	cr_assert(t->retained_high > 10 && n < t->retained_max);
	if (n > t->n)
		sim_poller(server)->conversations.retained_high = 10;
	for (uint32_t i = 0; i < t->retained_high + 4; i++) {
		struct fly_header call = call_of(1, Probe_Fill_NUMBER, 4, i);

		call.activity = ACTIVITY + ((uint64_t)i << 32);
		cr_assert(exchange(&call, &f, &h), "number %u", i);
		cr_expect(h.flags == (i < t->retained_high ? 0 : FLY_FLAG_ACK), "number %u", i);
		cr_expect(t->n_retained == i + 1);
	}
	/* A small result holds no packet, and requests nothing. */
	h = call_of(1, Probe_Null_NUMBER, 0, 0);
	h.activity = 7;
	cr_assert(exchange(&h, &f, &h) && h.flags == 0);
}

/* Real callers that are idle: asked, they say that they have their results. */
Case(server, fly_conversations_sweep__callers_are_asked_and_results_let_go)
{
	enum {
		CALLERS = 40
	};
	struct fly_conversation_table *t = &sim_poller(server)->conversations;
	struct sim_node *caller = sim_add(s, NULL);
	struct sim_link *there = sim_join(s, caller, server);
	uint8_t data[1440];

	for (uint32_t i = 0; i < CALLERS; i++) {
		struct fly_binding *b = sim_import(s, caller, there, server->export_id);
		struct fly_call *call;

		cr_assert(Probe_Fill_start(b, i, &call) == 0);
		cr_assert(sim_until(s, call, 5));
		cr_assert(Probe_Fill_finish(call, data) == 0);
	}
	cr_expect(t->n_retained == CALLERS);
	sim_run(s, 100);
	cr_expect(t->n_retained == CALLERS, "there is room: nobody is asked");
	cr_expect(sim_count(server, FLY_COUNT_probes_sent) == 0);
	t->retained_high = 10;
	sim_run(s, 200);
	cr_expect(t->n_retained < 10, "%u are held", t->n_retained);
	cr_expect(sim_count(server, FLY_COUNT_acks_received) == CALLERS - t->n_retained);
	cr_expect(sim_count(server, FLY_COUNT_probes_sent) <= 2 * CALLERS);
	cr_expect(server->service.executions == CALLERS);
}

/* ---- how long a record is kept ---- */

Case(server, fly_serve_run__a_record_is_as_young_as_its_newest_call)
{
	struct fly_header call = call_of(1, Probe_Add_NUMBER, 16, 1);
	struct fly_header h;
	struct frame f;

	s->step_us = 1000;
	cr_assert(exchange(&call, &f, &h) && h.type == FLY_PACKET_RESULT);
	sim_run(s, FLY_RECORD_KEEP_MS);
	call.seq = 2;
	cr_assert(exchange(&call, &f, &h) && h.type == FLY_PACKET_RESULT);
	sim_run(s, FLY_RECORD_KEEP_MS); /* longer than that since the first call */
	cr_assert(exchange(&call, &f, &h) && h.type == FLY_PACKET_RESULT);
	cr_expect(h.flags == FLY_FLAG_RESENT && server->service.executions == 2);
}

Case(server, fly_reply_refuse_for_good__a_record_is_as_young_as_its_newest_refusal)
{
	struct fly_header call = call_of(1, Probe_Null_NUMBER, 0, 0);
	const uint32_t retained_max = sim_poller(server)->conversations.retained_max;
	struct fly_header h;
	struct frame f;

	s->step_us = 1000;
	cr_assert(exchange(&call, &f, &h) && h.type == FLY_PACKET_RESULT);
	sim_run(s, FLY_RECORD_KEEP_MS);
	call = call_of(2, Probe_Fill_NUMBER, 4, 1);
	sim_poller(server)->conversations.retained_max = 0;
	cr_assert(exchange(&call, &f, &h) && h.type == FLY_PACKET_REJECT);
	cr_expect(h.procedure == FLY_EBUSY);
	sim_poller(server)->conversations.retained_max = retained_max;
	sim_run(s, FLY_RECORD_KEEP_MS);
	cr_assert(exchange(&call, &f, &h) && h.type == FLY_PACKET_REJECT);
	cr_expect(h.procedure == FLY_EBUSY && server->service.executions == 1);
}
