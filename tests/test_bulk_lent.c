/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_bulk_lent.c - calls of several packets whose long arrays lie in the program's memory, and
 * the short way of their fragments.
 *
 * What a call lends are pages of their own between pages that cannot be touched. They are unmapped
 * when the call has ended: whatever touches them later ends the test.
 */
#include <criterion/criterion.h>
#include <sys/mman.h>

#include <rte_ip.h>

#include "case.h"
#include "pair.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/bulk/next.h"

#define MOST   (1U << 20)
#define EXPORT (0x7654320u + 2)
#define PAGE   4096U
#define LONG   (60 * PAGE)

static struct pair w;
static struct fly_binding *bulk;
static unsigned runs;
static int ends_with;

enum {
	ECHO, /* returns the arguments, each byte plus one */
	FILL, /* u32 number, u32 bytes -> so many bytes made from the number */
};

static int echo(struct fly_served *served)
{
	runs++;
	for (uint32_t i = 0; i < served->argument_bytes; i++)
		served->results[i] = (uint8_t)(served->arguments[i] + 1);
	served->result_bytes = served->argument_bytes;
	return ends_with;
}

static int fill(struct fly_served *served)
{
	runs++;
	served->result_bytes = fly_get_u32(served->arguments + 4);
	probe_fill(served->results, served->result_bytes, fly_get_u32(served->arguments));
	return ends_with;
}

static const struct fly_procedure procedures[] = {
	[ECHO] = {"Echo", echo, MOST, MOST, 0, FLY_RESULTS_SECOND, 0},
	[FILL] = {"Fill", fill, 8, MOST, 0, FLY_RESULTS_SECOND, 0},
};
static const struct fly_interface interface = {FLY_STUB_VERSION, "Lent", 1, RTE_DIM(procedures),
					       procedures};

static void begin(void)
{
	pair_begin(&w, NULL, NULL);
	sim_poller(w.server)->exports[EXPORT % FLY_EXPORTS] = (struct fly_export){
		.id = EXPORT,
		.n_procedures = RTE_DIM(procedures),
		.stubs = procedures,
		.procedures = procedures,
		.interface = &interface,
	};
	runs = 0;
	ends_with = 0;
	bulk = sim_import(w.sim, w.caller, w.at_caller, EXPORT);
	sim_turn(w.sim);
}

static void end(void)
{
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(bulk_lent, .timeout = HANG);

/* LONG bytes between two pages that cannot be touched. */
static uint8_t *pages(void)
{
	uint8_t *at = mmap(NULL, LONG + 2 * PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	cr_assert(at != MAP_FAILED && !mprotect(at + PAGE, LONG, PROT_READ | PROT_WRITE));
	return at + PAGE;
}

/* The program takes its memory away. The place stays taken: nothing else is mapped there. */
static void take_away(uint8_t *array)
{
	cr_assert(mmap(array, LONG, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == array);
}

static struct fly_call_entry *entry(void)
{
	return &sim_poller(w.caller)->calls.entries[0];
}

/* ---- calls, as a stub makes them ---- */

static struct fly_loans loans;

/* Start ECHO of 4 + LONG + 5 bytes, of which the middle is @array. @results: where its own go. */
static struct fly_call *start_echo(uint8_t *array, uint8_t *results)
{
	const uint32_t bytes = 4 + LONG + 5;
	struct fly_call *call;

	fly_loans_init(&loans);
	fly_lend_argument(&loans, 4, array, LONG, 1);
	if (results)
		fly_lend_result(&loans, 4, results, LONG, 1);
	cr_assert(fly_loans_start(&loans, bulk, ECHO, bytes, &call) == 0);
	cr_assert(loans.is_read && fly_is_lent(&loans, 4));
	memcpy(call->payload, "head", 4);
	memcpy(call->payload + 4 + LONG, "tail!", 5);
	bulk->send(call);
	return call;
}

/* Start FILL of @bytes; what is behind @at of them goes to @results, LONG bytes at most. */
static struct fly_call *start_fill(uint32_t bytes, uint32_t at, uint8_t *results)
{
	struct fly_call *call;

	fly_loans_init(&loans);
	fly_lend_result(&loans, at, results, LONG, 1);
	cr_assert(fly_loans_start(&loans, bulk, FILL, 8, &call) == 0);
	fly_put_u32(call->payload, 7);
	fly_put_u32(call->payload + 4, bytes);
	bulk->send(call);
	return call;
}

static int finish(struct fly_call *call)
{
	int status;

	cr_assert(sim_until(w.sim, call, 20000), "it does not end");
	status = bulk->wait(call);
	fly_loans_end(&loans, bulk);
	cr_expect(bulk->loans == NULL);
	return status;
}

/* ---- where the bytes go ---- */

Case(bulk_lent, fly_slow_start_bulk__sends_from_where_the_program_has_it)
{
	uint8_t *array = pages();
	struct fly_call *call;

	probe_fill(array, LONG, 1);
	call = start_echo(array, NULL);
	cr_expect(entry()->bulk->out_buffer.room == 4 + LONG + 5, "the end is behind the array");
	cr_assert(finish(call) == 0 && runs == 1 && !loans.is_stored);
	cr_assert(call->length == 4 + LONG + 5);
	cr_expect(memcmp(call->payload, "ifbe", 4) == 0);
	cr_expect(memcmp(call->payload + 4 + LONG, "ubjm\"", 5) == 0);
	for (uint32_t i = 0; i < LONG; i++)
		cr_assert(call->payload[4 + i] == (uint8_t)(array[i] + 1));
	bulk->ender(call);
}

Case(bulk_lent, fly_slow_start_bulk__needs_no_memory_for_an_array_at_the_end)
{
	uint8_t *array = pages();
	struct fly_call *call;

	fly_loans_init(&loans);
	fly_lend_argument(&loans, 4, array, LONG, 1);
	cr_assert(fly_loans_start(&loans, bulk, ECHO, 4 + LONG, &call) == 0);
	cr_expect(entry()->bulk->out_buffer.room == 4);
	fly_put_u32(call->payload, 0);
	bulk->send(call);
	cr_assert(finish(call) == 0 && call->length == 4 + LONG);
	bulk->ender(call);
}

Case(bulk_lent, begin_result__stores_where_the_program_wants_it)
{
	uint8_t *array = pages();
	uint8_t *results = pages();
	struct fly_call *call;

	probe_fill(array, LONG, 1);
	call = start_echo(array, results);
	cr_assert(finish(call) == 0 && loans.is_stored && call->length == 4 + LONG + 5);
	cr_expect(memcmp(call->payload, "ifbe", 4) == 0);
	cr_expect(memcmp(call->payload + 4 + LONG, "ubjm\"", 5) == 0);
	for (uint32_t i = 0; i < LONG; i++)
		cr_assert(results[i] == (uint8_t)(array[i] + 1));
	bulk->ender(call);
}

/* By its caller's stub it is malformed; until then the array keeps its bounds. */
Case(bulk_lent, begin_result__more_than_there_is_room_for)
{
	uint8_t *results = pages();
	struct fly_call *call = start_fill(4 + LONG + 3000, 4, results);

	cr_assert(finish(call) == 0 && loans.is_stored && call->length == 4 + LONG + 3000);
	bulk->ender(call);
}

Case(bulk_lent, begin_result__fewer_than_there_is_room_for)
{
	uint8_t *results = pages();
	uint8_t *expected = pages();
	struct fly_call *call = start_fill(10000, 0, results);

	probe_fill(expected, 10000, 7);
	cr_assert(finish(call) == 0 && loans.is_stored && call->length == 10000);
	cr_expect(memcmp(results, expected, 10000) == 0 && results[10000] == 0);
	bulk->ender(call);
}

Case(bulk_lent, fly_bulk_result__a_single_packet_is_read_where_it_is)
{
	uint8_t *results = pages();
	struct fly_call *call = start_fill(1000, 0, results);

	cr_assert(finish(call) == 0 && !loans.is_stored && call->length == 1000);
	cr_expect(probe_is(call->payload, 1000, 7) && results[0] == 0);
	bulk->ender(call);
}

/* An exception has another form than results. */
Case(bulk_lent, begin_result__an_exception_goes_nowhere_else)
{
	uint8_t *results = pages();
	struct fly_call *call;

	ends_with = -FLY_EEXCEPTION;
	call = start_fill(50000, 0, results);
	cr_assert(finish(call) == -FLY_EEXCEPTION && !loans.is_stored);
	cr_expect(call->length == 50000 && probe_is(call->payload, 50000, 7));
	cr_expect(results[0] == 0 && memcmp(results, results + 1, LONG - 1) == 0);
	bulk->ender(call);
}

/* A call that waits has lent something; one that is made meanwhile has not. */
Case(bulk_lent, fly_loans_of_start__what_waits_does_not_lend_to_others)
{
	uint8_t *array = pages();
	uint8_t *results = pages();
	struct fly_call *outer;
	struct fly_call *inner;

	outer = start_echo(array, results);
	cr_assert(bulk->starter(bulk, ECHO, 9000, &inner) == 0);
	memset(inner->payload, 4, 9000);
	bulk->send(inner);
	cr_assert(sim_until(w.sim, inner, 20000) && bulk->wait(inner) == 0);
	cr_expect(inner->length == 9000 && inner->payload[8999] == 5);
	bulk->ender(inner);
	cr_assert(finish(outer) == 0 && loans.is_stored && runs == 2);
	bulk->ender(outer);
}

Case(bulk_lent, lent_for_results__of_the_call_that_waits_outside)
{
	uint8_t *results = pages();
	struct fly_loans inner_loans;
	struct fly_call *outer = start_fill(LONG, 0, results);
	uint8_t *array = pages();
	struct fly_call *inner;

	fly_loans_init(&inner_loans);
	fly_lend_argument(&inner_loans, 0, array, LONG, 1);
	cr_assert(fly_loans_start(&inner_loans, bulk, ECHO, LONG, &inner) == 0);
	bulk->send(inner);
	cr_assert(sim_until(w.sim, outer, 20000) && sim_until(w.sim, inner, 20000));
	cr_expect(loans.is_stored && !inner_loans.is_stored);
	cr_assert(bulk->wait(inner) == 0 && inner->payload[LONG - 1] == 1);
	fly_loans_end(&inner_loans, bulk);
	bulk->ender(inner);
	cr_assert(finish(outer) == 0 && probe_is(results, LONG, 7));
	bulk->ender(outer);
}

/* ---- when the call has ended the memory is the program's ---- */

/* So many packets of each side are lost from now on, or until the faults are taken away. */
static void lose_all(void)
{
	w.at_caller->faults.drop_percent = 100;
	w.at_server->faults.drop_percent = 100;
}

static void lose_none(void)
{
	w.at_caller->faults.drop_percent = 0;
	w.at_server->faults.drop_percent = 0;
}

Case(bulk_lent, fly_caller_fail__a_deadline_in_the_middle_of_the_arguments)
{
	uint8_t *array = pages();
	struct fly_call *call;

	cr_assert(fly_set_deadline(bulk, 5000) == 0);
	call = start_echo(array, NULL);
	sim_turn(w.sim);
	sim_turn(w.sim);
	lose_all();
	cr_expect(finish(call) == -FLY_EDEADLINE);
	take_away(array);
	lose_none();
	sim_run(w.sim, 12000);
	cr_expect(runs == 0 && sim_poller(w.caller)->bulk.n == 0);
}

Case(bulk_lent, fly_caller_fail__a_deadline_in_the_middle_of_the_results)
{
	uint8_t *results = pages();
	struct fly_call *call;

	cr_assert(fly_set_deadline(bulk, 5000) == 0);
	call = start_fill(LONG, 0, results);
	while (results[0] == 0)
		sim_turn(w.sim);
	w.at_caller->faults.drop_percent = 100; /* the server gets no acknowledgements */
	cr_expect(finish(call) == -FLY_EDEADLINE && !loans.is_stored);
	take_away(results);
	lose_none();
	sim_run(w.sim, 12000);
	cr_expect(runs == 1 && sim_poller(w.caller)->bulk.n == 0);
}

Case(bulk_lent, fly_cancel__in_the_middle)
{
	uint8_t *array = pages();
	uint8_t *results = pages();
	struct fly_call *call = start_echo(array, results);

	for (unsigned i = 0; i < 3; i++)
		sim_turn(w.sim);
	cr_assert(fly_cancel(call) == 0);
	cr_expect(finish(call) == -FLY_ECANCELLED);
	take_away(array);
	take_away(results);
	sim_run(w.sim, 12000);
	call = start_fill(LONG, 0, results = pages());
	while (results[0] == 0)
		sim_turn(w.sim);
	cr_assert(fly_cancel(call) == 0);
	cr_expect(finish(call) == -FLY_ECANCELLED);
	take_away(results);
	sim_run(w.sim, 12000);
}

/* The result has come, so the server has all arguments, though not all were acknowledged. */
Case(bulk_lent, result_whole__nothing_is_sent_any_more)
{
	uint8_t *array = pages();
	struct fly_call *call = start_echo(array, NULL);

	cr_assert(finish(call) == 0);
	take_away(array);
	sim_run(w.sim, 100);
	bulk->ender(call);
	sim_run(w.sim, 1000);
}

Case(bulk_lent, fly_unbind__in_the_middle)
{
	uint8_t *array = pages();

	start_echo(array, NULL);
	for (unsigned i = 0; i < 3; i++)
		sim_turn(w.sim);
	sim_unbind(w.sim, bulk);
	take_away(array);
	sim_run(w.sim, 12000);
	bulk = sim_import(w.sim, w.caller, w.at_caller, EXPORT);
}

/* ---- the short way ---- */

#define ACTIVITY UINT64_C(0xabcdef0123450007)

static struct sim_link *at_node;
static struct sim_link *peer;
static struct frame f;

static void make(uint16_t fragment, uint8_t flags)
{
	static uint8_t some[1440];
	struct fly_header h = frame_call(EXPORT, ACTIVITY, 1, ECHO);

	h.fragment = fragment;
	h.fragments = 10;
	h.length = fragment == 9 ? 100 : 1000;
	h.flags |= flags;
	memset(some, 'a' + fragment, sizeof some);
	frame_make(&f, &h, peer, at_node, some);
}

/* Return: does the frame take the short way? */
static bool is_taken(void)
{
	struct fly_poller *p = sim_poller(w.server);
	struct rte_mbuf *m = fly_packet_get(&p->cache, f.bytes);
	bool taken;

	cr_assert(m);
	memcpy(fly_packet_frame(m), f.data, f.bytes);
	taken = fly_slow_next_fragment(p, &at_node->link, m);
	if (!taken)
		fly_packet_put(&p->cache, m);
	return taken;
}

static struct fly_bulk *gathering(void)
{
	return TAILQ_FIRST(&sim_poller(w.server)->bulk.all);
}

/* The first fragment goes the long way. */
static void put_first(void)
{
	at_node = sim_join_open(w.sim, w.server);
	peer = at_node->far;
	make(0, 0);
	cr_assert(!is_taken());
	frame_put(at_node, &f);
	sim_turn(w.sim);
	cr_assert(gathering() && gathering()->in.arrived == 1);
}

Case(bulk_lent, fly_slow_next_fragment__takes_those_in_order_until_the_last)
{
	struct fly_header ack;
	struct frame answer;

	put_first();
	make(2, 0);
	cr_expect(!is_taken(), "one is missing");
	for (uint16_t i = 1; i < 9; i++) {
		make(i, i == 5 ? FLY_FLAG_ACK : 0);
		cr_expect(is_taken() && gathering()->in.arrived == i + 1U);
		cr_expect(!is_taken(), "it has arrived");
		if (i == 5) {
			cr_assert(frame_take(peer, &answer, &ack) && ack.type == FLY_PACKET_ACK);
			cr_expect(ack.fragment == 6 && ack.age == 5);
		}
	}
	make(9, 0);
	cr_expect(!is_taken(), "the last one");
	frame_put(at_node, &f);
	sim_turn(w.sim);
	cr_expect(runs == 1);
	make(1, 0);
	cr_expect(!is_taken(), "all is there");
	while (frame_take(peer, &answer, &ack))
		;
}

/* Whatever differs from what went the long way goes the long way. */
Case(bulk_lent, fly_slow_next_fragment__all_headers_count)
{
	put_first();
	for (unsigned i = 0; i < FLY_PAYLOAD; i++) {
		make(1, 0);
		f.data[i] ^= 0x40;
		if (i == FLY_UDP_CHECKSUM || i == FLY_UDP_CHECKSUM + 1 || i >= FLY_RPC + 30)
			continue; /* checked by itself; the age, which does not matter here */
		cr_expect(!is_taken(), "byte %u", i);
	}
	for (unsigned bit = 0; bit < 8; bit++) {
		make(1, 0);
		f.data[FLY_RPC + 1] ^= (uint8_t)(1U << bit);
		if (1U << bit != FLY_FLAG_ACK)
			cr_expect(!is_taken(), "flag %u", bit);
	}
	make(1, 0);
	f.bytes -= 1;
	cr_expect(!is_taken(), "too short");
	f.bytes = FLY_PAYLOAD - 1;
	cr_expect(!is_taken(), "far too short");
	at_node->link.checksum = FLY_CHECKSUM_SOFTWARE;
	at_node->link.demands_checksum = true;
	make(1, 0);
	cr_expect(!is_taken(), "without a checksum");
	at_node->link.demands_checksum = false;
	fly_store_raw16(f.data + FLY_UDP_CHECKSUM,
			rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)(f.data + FLY_IP),
					      f.data + FLY_UDP_SOURCE));
	f.data[FLY_PAYLOAD] ^= 1;
	cr_expect(!is_taken(), "with a wrong one");
	f.data[FLY_PAYLOAD] ^= 1;
	at_node->link.checksum = FLY_CHECKSUM_NONE;
	f.data[FLY_PAYLOAD] ^= 1;
	cr_expect(!is_taken(), "with a wrong one, on a link without");
	f.data[FLY_PAYLOAD] ^= 1;
	cr_expect(is_taken(), "with the right one");
}

/* The last fragment is shorter. When it comes early no other one is taken for as short as it. */
Case(bulk_lent, fly_next_expect__not_by_the_last_fragment)
{
	put_first();
	make(9, 0);
	frame_put(at_node, &f);
	sim_turn(w.sim);
	make(1, 0);
	fly_wire_set_lengths(f.data, 100);
	fly_put_u16(f.data + FLY_RPC + 28, 100);
	cr_expect(!is_taken(), "a short one, in a frame that is long enough");
	make(1, 0);
	cr_expect(!is_taken(), "one behind it has come: the long way");
}

/* The record says whether its caller may still call. */
Case(bulk_lent, fly_slow_next_fragment__of_a_call_that_is_wanted)
{
	struct fly_conversation *c;

	put_first();
	c = gathering()->conversation;
	make(1, 0);
	c->is_closing = true;
	cr_expect(!is_taken());
	c->is_closing = false;
	c->seq += 1; /* a later call came */
	cr_expect(!is_taken());
	c->seq -= 1;
	c->state = FLY_CONVERSATION_RUNNING;
	cr_expect(!is_taken());
	c->state = FLY_CONVERSATION_KNOWN;
	cr_expect(is_taken());
	fly_next_forget(sim_poller(w.server), gathering());
	make(2, 0);
	cr_expect(!is_taken());
}
