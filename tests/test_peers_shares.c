/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_peers_shares.c - an attacker and an honest client beside each other, at a server with little
 * of everything: the attacker takes all that it can get, and the honest client is served.
 */
#include <criterion/criterion.h>

#include <rte_ip.h>

#include "case.h"
#include "hand.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/peers.h"
#include "slowpath/records.h"
#include "slowpath/refused_filter.h"
#include "slowpath/token.h"
#include "threads/worker.h"

#define RECORDS 64
#define QUEUE   8
#define ME(i)   ((UINT64_C(0x1111) << 32) + ((UINT64_C(1) + (i)) << 16))
#define HIM(i)  ((UINT64_C(0x2222) << 32) + ((UINT64_C(1) + (i)) << 16))

static struct hand w; /* the attacker, by hand */
static struct frame f;
static struct fly_header answer;
static struct sim_node *honest;
static struct sim_link *at_honest;
static struct fly_binding *binding;

static void begin_with(unsigned packets)
{
	hand_begin(&w,
		   &(const struct sim_node_config){.conversations = RECORDS, .packets = packets});
	honest = sim_add(w.sim, NULL);
	at_honest = sim_join(w.sim, honest, w.node);
	binding = sim_import(w.sim, honest, at_honest, w.node->export_id);
}

static void begin(void)
{
	begin_with(0);
}

static void end(void)
{
	cr_expect(w.node->service.wrong == 0);
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(peers_shares, .timeout = HANG);

static uint64_t count(enum fly_counter which)
{
	return sim_count(w.node, which);
}

static void take_all(void)
{
	while (frame_take(w.peer, &f, &answer))
		;
}

/* ---- records ---- */

static void add(unsigned n, int expected)
{
	struct fly_call *call;
	uint64_t sum = 0;

	cr_assert(Probe_Add_start(binding, n, 1, &call) == 0);
	cr_assert(sim_until(w.sim, call, 2000));
	cr_expect(Probe_Add_finish(call, &sum) == expected, "call %u", n);
}

Case(peers_shares, fly_conversation_open__a_flood_of_activities_shuts_nobody_out)
{
	for (unsigned i = 0; i < 3 * RECORDS; i++) {
		const struct fly_header h = hand_call(&w, HIM(i), 1, Probe_Add_NUMBER, 16, i);

		hand_send(&w, &h);
		sim_turn(w.sim);
		take_all();
	}
	cr_expect(sim_poller(w.node)->conversations.n_free == 0);
	for (unsigned i = 0; i < 20; i++) {
		add(i, 0);
		for (unsigned j = 0; j < 5; j++) { /* he goes on, meanwhile */
			const struct fly_header h =
				hand_call(&w, HIM(1000 + 5 * i + j), 1, Probe_Add_NUMBER, 16, i);

			hand_send(&w, &h);
		}
	}
	take_all();
}

/* A call that ran is not said not to have run because its record and then its export are gone. */
Case(peers_shares, fly_conversation_gone__and_its_export_was_withdrawn)
{
	struct fly_poller *p = sim_poller(w.node);
	struct fly_header h;

	for (unsigned i = 0; i < RECORDS; i++) {
		h = hand_call(&w, HIM(i), 1, Probe_Add_NUMBER, 16, i);
		cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	}
	add(5000, 0);
	cr_assert(!hand_record(&w, HIM(0)));
	p->withdrawn[w.node->export_id % FLY_EXPORTS] = w.node->export_id;
	p->exports[w.node->export_id % FLY_EXPORTS].n_procedures = 0;
	p->exports[w.node->export_id % FLY_EXPORTS].id ^= FLY_EXPORTS;
	h = hand_call(&w, HIM(0), 1, Probe_Add_NUMBER, 16, 0);
	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_REJECT);
	cr_expect(answer.procedure == FLY_ESTALE && answer.hint != UINT32_MAX,
		  "it ran: its caller finds that it may have");
	h = hand_call(&w, HIM(0), 2, Probe_Add_NUMBER, 16, 0);
	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_REJECT);
	cr_expect(answer.procedure == FLY_ESTALE && answer.hint == UINT32_MAX, "a later one");
}

/* Its evicted activities do not run again, and the answers are true. */
Case(peers_shares, fly_conversation_gone__is_answered_with_what_is_true)
{
	struct fly_header h;

	for (unsigned i = 0; i < RECORDS; i++) {
		h = hand_call(&w, HIM(i), 1, Probe_Add_NUMBER, 16, i);
		cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_RESULT);
	}
	add(5000, 0);
	cr_expect(count(FLY_COUNT_conversations_evicted) == 1 && !hand_record(&w, HIM(0)));
	h = hand_call(&w, HIM(0), 1, Probe_Add_NUMBER, 16, 0);
	cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_REJECT);
	cr_expect(answer.procedure == FLY_EFORGOTTEN && answer.flags == FLY_FLAG_GONE);
	h = hand_call(&w, HIM(0), 2, Probe_Add_NUMBER, 16, 0);
	for (unsigned i = 0; i < 2; i++) {
		cr_assert(hand_ask(&w, &h, &f, &answer) && answer.type == FLY_PACKET_REJECT);
		cr_expect(answer.procedure == FLY_EBUSY);
	}
	cr_expect(w.node->service.runs[0] == 1);
}

/* A record of a call from any address, without a packet. NULL: none. */
static struct fly_conversation *open_record(unsigned i, uint32_t ip, bool is_proven)
{
	const struct fly_header h = {.activity = HIM(i), .seq = 1};
	uint8_t frame[FLY_PAYLOAD] = {0};

	fly_store_raw32(frame + FLY_IP_SOURCE, ip);
	return fly_conversation_open(sim_poller(w.node), &w.at->link, frame, &h, is_proven);
}

static void forget_records(void)
{
	struct fly_conversation_table *t = &sim_poller(w.node)->conversations;

	for (uint32_t i = 0; i < t->n; i++) {
		if (!t->records[i].activity)
			continue;
		if (t->records[i].state == FLY_CONVERSATION_RUNNING)
			fly_conversation_to_known(&t->records[i]);
		fly_conversation_forget(sim_poller(w.node), &t->records[i]);
	}
	cr_expect(t->n_free == t->n);
}

Case(peers_shares, fly_conversation_open__nobody_loses_its_only_record)
{
	w.at->link.is_private = false;
	forget_records();
	for (unsigned i = 0; i < RECORDS; i++)
		cr_assert(open_record(i, 100 + i, true) != NULL);
	cr_expect(open_record(RECORDS, 99, true) == NULL);
	cr_expect(count(FLY_COUNT_conversations_evicted) == 0);
	/* Of one that has two, it gets one. */
	fly_conversation_forget(sim_poller(w.node), hand_record(&w, HIM(3)));
	cr_assert(open_record(RECORDS + 1, 100, true) != NULL);
	cr_expect(open_record(RECORDS + 2, 100, true) == NULL, "who has most gives it to others");
	cr_expect(open_record(RECORDS, 99, true) != NULL);
	cr_expect(count(FLY_COUNT_conversations_evicted) == 1 && !hand_record(&w, HIM(0)));
	forget_records();
}

Case(peers_shares, fly_conversation_open__never_that_of_a_call_that_runs)
{
	unsigned n_running = 0;

	w.at->link.is_private = false;
	forget_records();
	for (unsigned i = 0; i < RECORDS; i++) {
		struct fly_conversation *c = open_record(i, 100, true);

		cr_assert(c != NULL);
		if (i != RECORDS - 3)
			fly_conversation_to_running(c, 1);
	}
	/* So many are looked at each time. */
	for (unsigned i = 0; i < 4 && !open_record(RECORDS, 99, true); i++)
		;
	cr_expect(hand_record(&w, HIM(RECORDS)) && !hand_record(&w, HIM(RECORDS - 3)));
	for (unsigned i = 0; i < 4; i++)
		cr_expect(open_record(RECORDS + 1, 98, true) == NULL);
	for (unsigned i = 0; i < RECORDS; i++)
		n_running += hand_record(&w, HIM(i)) &&
			     hand_record(&w, HIM(i))->state == FLY_CONVERSATION_RUNNING;
	cr_expect(n_running == RECORDS - 1);
	forget_records();
}

/* Nobody would remember what became of its calls. */
Case(peers_shares, fly_conversation_open__not_if_nobody_would_remember)
{
	struct fly_poller *p = sim_poller(w.node);
	const uint32_t n = p->gone->n;

	w.at->link.is_private = false;
	forget_records();
	for (unsigned i = 0; i < RECORDS; i++)
		cr_assert(open_record(i, 100, true) != NULL);
	p->gone->n = FLY_REFUSED_MAX - 1;
	cr_expect(open_record(RECORDS, 99, true) == NULL);
	cr_expect(count(FLY_COUNT_conversations_evicted) == 0);
	p->gone->n = n;
	cr_expect(open_record(RECORDS, 99, true) != NULL);
	forget_records();
}

Case(peers_shares, fly_conversation_prove__from_then_on_it_is_its_address)
{
	struct fly_poller *p = sim_poller(w.node);
	struct fly_conversation *c;
	struct fly_conversation *other;

	w.at->link.is_private = false;
	forget_records();
	c = open_record(0, 100, false);
	other = open_record(1, 101, false);
	cr_expect(fly_conversation_peer(p, c) == fly_conversation_peer(p, other), "strangers");
	cr_expect(fly_conversation_peer(p, c)->n_records == 2);
	fly_conversation_prove(p, c);
	cr_expect(c->is_proven && fly_conversation_peer(p, c)->ip == 100);
	cr_expect(fly_conversation_peer(p, c)->n_records == 1);
	cr_expect(fly_conversation_peer(p, other)->n_records == 1);
	cr_expect(open_record(2, 100, true) && fly_conversation_peer(p, c)->n_records == 2,
		  "it is the same one");
	forget_records();
}

/* ---- retained results ---- */

Case(peers_shares, fly_conversations_spare_results__of_a_client_that_never_acknowledges)
{
	struct fly_conversation_table *t = &sim_poller(w.node)->conversations;
	uint8_t data[1440];
	struct fly_call *call;

	t->retained_max = 30;
	t->retained_high = 20;
	for (unsigned i = 0; i < 32; i++) {
		struct fly_header h = hand_call(&w, HIM(i), 1, Probe_Fill_NUMBER, 4, i);

		hand_send(&w, &h);
		sim_turn(w.sim);
		take_all();
	}
	cr_expect(t->n_retained == 30 && count(FLY_COUNT_reject_full) == 2);
	for (unsigned i = 0; i < 10; i++) {
		cr_assert(Probe_Fill_start(binding, i, &call) == 0);
		cr_assert(sim_until(w.sim, call, 2000));
		cr_expect(Probe_Fill_finish(call, data) == 0, "call %u", i);
	}
	cr_expect(count(FLY_COUNT_results_evicted) >= 1);
	/* To let a result go is to take it for acknowledged: no copy of its call runs. */
	for (unsigned i = 0; i < 30; i++) {
		const struct fly_conversation *c = hand_record(&w, HIM(i));

		cr_expect(c && (c->state == FLY_CONVERSATION_DONE) == (c->result != NULL));
	}
	w.sim->step_us = 500;
	sim_run(w.sim, 60000);
	cr_expect(count(FLY_COUNT_probes_sent) <= 12 * 32, "%lu probes in a minute",
		  count(FLY_COUNT_probes_sent));
	take_all();
}

/* ---- workers ---- */

static struct fly_worker_pool *pool;

static void give_workers(void)
{
	struct fly_poller *p = sim_poller(w.node);
	struct fly_export *export = &p->exports[1];

	pool = fly_worker_pool_new(p, export, 1, QUEUE, 0);
	cr_assert(pool && fly_worker_pool_open(p, pool) == 0);
	export->pool = pool;
	export->stubs = pool->stubs;
}

static void take_workers(void)
{
	struct fly_poller *p = sim_poller(w.node);

	fly_worker_pool_close(p, pool);
	for (unsigned i = 0; i < 2; i++) {
		fly_worker_run(&pool->workers[0]);
		sim_turn(w.sim);
	}
	cr_expect(LIST_EMPTY(&pool->packets) && pool->n_waiting == 0 && p->n_on_workers == 0);
	fly_worker_pool_remove(p, pool);
	fly_worker_pool_free(pool);
}

Case(peers_shares, fly_worker_make_room__a_peer_that_fills_the_queue_gives_way)
{
	struct fly_call *calls[QUEUE + 1];
	uint64_t sum = 0;
	unsigned n_busy = 0;

	give_workers();
	for (unsigned i = 0; i < 2 * QUEUE; i++) {
		const struct fly_header h =
			hand_call(&w, HIM(i), 1, Probe_Add_NUMBER, 16, 9000 + i);

		hand_send(&w, &h);
		sim_turn(w.sim);
	}
	cr_expect(pool->n_waiting == QUEUE && count(FLY_COUNT_reject_busy) == QUEUE - 1);
	take_all();
	for (unsigned i = 0; i <= QUEUE; i++)
		cr_assert(Probe_Add_start(binding, 100 + i, 1, &calls[i]) == 0);
	sim_run(w.sim, 1);
	cr_expect(pool->n_waiting == QUEUE && count(FLY_COUNT_calls_evicted) == QUEUE / 2);
	while (frame_take(w.peer, &f, &answer)) {
		cr_expect(answer.type == FLY_PACKET_REJECT && answer.procedure == FLY_EBUSY);
		cr_expect(answer.activity >= HIM(QUEUE / 2 + 1), "the newest ones give way");
		n_busy++;
	}
	cr_expect(n_busy == QUEUE / 2);
	/* In turn: of the first five calls that run, two are the honest client's. */
	for (unsigned i = 0; i < 5; i++) {
		cr_expect(fly_worker_run(&pool->workers[0]));
		sim_run(w.sim, 1);
	}
	cr_expect(fly_ready(calls[0]) && fly_ready(calls[1]) && !fly_ready(calls[2]));
	for (unsigned i = 0; i < QUEUE; i++) {
		fly_worker_run(&pool->workers[0]);
		sim_run(w.sim, 1);
	}
	for (unsigned i = 0; i <= QUEUE; i++) {
		const int status = Probe_Add_finish(calls[i], &sum);

		cr_expect(status == (i < QUEUE / 2 ? 0 : -FLY_EBUSY), "call %u: %d", i, status);
		cr_expect(status || sum == 101 + i);
	}
	for (unsigned i = QUEUE / 2 + 1; i < 2 * QUEUE; i++)
		cr_expect(w.node->service.runs[9000 + i] == 0, "%u was refused", i);
	take_all();
	take_workers();
}

/* ---- memory of large calls ---- */

#define MESSAGE (60000U)

static int swallow(struct fly_served *served)
{
	served->result_bytes = 0;
	return 0;
}

static const struct fly_procedure large[] = {
	{"Swallow", swallow, MESSAGE, 0, 0, FLY_RESULTS_SECOND, 0},
};
static const struct fly_interface large_interface = {FLY_STUB_VERSION, "Large", 1, 1, large};

#define LARGE (0x1234560U + 3)

/* Call i begins: the first fragment of its arguments arrives, from a port of its own. */
static void first_fragment(unsigned i, uint32_t ip)
{
	const struct fly_address self = sim_address(w.at);
	struct fly_address peer = sim_address(w.peer);
	struct fly_header h = {
		.type = FLY_PACKET_CALL,
		.export_id = LARGE,
		.activity = HIM(i),
		.seq = 1,
		.fragments = MESSAGE / 1440,
		.hint = FLY_HINT_NONE,
		.length = 1440,
	};

	peer.port = (uint16_t)(peer.port + i);
	peer.ip = ip;
	if (!w.at->link.is_private) {
		h.flags = FLY_FLAG_TOKEN;
		h.hint = fly_token_make(sim_poller(w.node)->token_key, peer.ip, peer.port,
					h.activity, sim_poller(w.node)->now_ms);
	}
	memset(&f, 0, sizeof f);
	fly_wire_put_outer(f.data, &peer, &self);
	fly_wire_set_lengths(f.data, h.length);
	fly_wire_encode(f.data + FLY_RPC, &h);
	memset(f.data + FLY_PAYLOAD, 0, h.length);
	fly_store_raw16(f.data + FLY_UDP_CHECKSUM,
			rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)(f.data + FLY_IP),
					      f.data + FLY_IP + 20));
	f.bytes = FLY_PAYLOAD + (unsigned)h.length;
	frame_put(w.at, &f);
	sim_turn(w.sim);
	take_all();
}

static void export_large(void)
{
	sim_poller(w.node)->exports[LARGE % FLY_EXPORTS] = (struct fly_export){
		.id = LARGE,
		.n_procedures = 1,
		.stubs = large,
		.procedures = large,
		.interface = &large_interface,
	};
}

/* Return: the status of an honest call of so many bytes. */
static int swallow_call(struct fly_binding *b, uint32_t bytes)
{
	struct fly_call *call;
	int status = b->starter(b, 0, bytes, &call);

	if (status)
		return status;
	memset(call->payload, 1, bytes);
	b->send(call);
	cr_assert(sim_until(w.sim, call, 20000));
	return b->wait(call);
}

/* 20 ports of one address: together they are one peer. */
Case(peers_shares, fly_bulk_evict__first_fragments_from_many_ports)
{
	struct fly_poller *p = sim_poller(w.node);
	struct fly_binding *b = sim_import(w.sim, honest, at_honest, LARGE);

	export_large();
	p->bulk.max = 10 * MESSAGE;
	w.at->link.is_private = false;
	w.at->link.checksum = FLY_CHECKSUM_SOFTWARE;
	for (unsigned i = 0; i < 20; i++)
		first_fragment(i, w.peer->link.ip);
	cr_expect(p->bulk.bytes <= p->bulk.max * 2 / 3 && p->bulk.n > 4);
	cr_expect(swallow_call(b, MESSAGE) == 0);
	cr_expect(count(FLY_COUNT_bulk_evicted) == 0, "there was room");
}

Case(peers_shares, fly_bulk_evict__the_oldest_of_another_that_has_more_than_its_share)
{
	struct fly_poller *p = sim_poller(w.node);
	struct fly_peer *a;
	struct fly_peer *b;

	export_large();
	w.at->link.is_private = false;
	w.at->link.checksum = FLY_CHECKSUM_SOFTWARE;
	for (unsigned i = 0; i < 4; i++) { /* in turn, one older than the other */
		first_fragment(i, w.peer->link.ip + (i % 2 << 24));
		sim_run(w.sim, 10);
	}
	a = hand_record(&w, HIM(0))->bulk->peer;
	b = hand_record(&w, HIM(1))->bulk->peer;
	cr_assert(p->bulk.n == 4 && a != b);
	cr_expect(!fly_bulk_evict(p, NULL, a->bulk_bytes), "nobody has more");
	cr_expect(fly_bulk_evict(p, a, 0) && !hand_record(&w, HIM(1))->bulk, "its own stay");
	cr_expect(fly_bulk_evict(p, NULL, b->bulk_bytes) && !hand_record(&w, HIM(0))->bulk);
	/* What a procedure works on stays. */
	fly_conversation_to_running(hand_record(&w, HIM(2)), 1);
	cr_expect(fly_bulk_evict(p, NULL, 0) && !hand_record(&w, HIM(3))->bulk);
	cr_expect(!fly_bulk_evict(p, NULL, 0) && hand_record(&w, HIM(2))->bulk);
	fly_conversation_to_known(hand_record(&w, HIM(2)));
	cr_expect(!fly_bulk_evict(p, a, 0), "the only one is its own");
	cr_expect(fly_bulk_evict(p, b, 0) && p->bulk.n == 0);
	cr_expect(count(FLY_COUNT_bulk_evicted) == 4);
}

/* Many proven addresses fill all: the one that comes last still gets its share. */
Case(peers_shares, fly_bulk_evict__first_fragments_from_many_addresses)
{
	struct fly_poller *p = sim_poller(w.node);
	struct fly_binding *b = sim_import(w.sim, honest, at_honest, LARGE);

	export_large();
	p->bulk.max = 10 * MESSAGE;
	w.at->link.is_private = false;
	w.at->link.checksum = FLY_CHECKSUM_SOFTWARE;
	for (unsigned i = 0; i < 30; i++)
		first_fragment(i, w.peer->link.ip + (i / 10 << 24));
	cr_expect(p->peers->n_with_bulk == 3 && p->bulk.bytes >= 9 * MESSAGE);
	for (unsigned i = 0; i < 5; i++)
		cr_expect(swallow_call(b, MESSAGE) == 0, "call %u", i);
	cr_expect(count(FLY_COUNT_bulk_evicted) > 0);
	for (unsigned i = 30; i < 50; i++)
		first_fragment(i, w.peer->link.ip);
	cr_expect(swallow_call(b, MESSAGE) == 0);
}

/* Also if another peer has waited longer. */
Case(peers_shares, fly_worker_make_room__the_peer_with_most_gives_way_and_not_the_first)
{
	struct fly_call *calls[2];
	uint64_t sum = 0;

	give_workers();
	for (unsigned i = 0; i <= QUEUE; i++) {
		const struct fly_header h =
			hand_call(&w, HIM(i), 1, Probe_Add_NUMBER, 16, 9000 + i);

		if (i == 1) {
			cr_assert(Probe_Add_start(binding, 100, 1, &calls[0]) == 0);
			sim_run(w.sim, 1);
			cr_assert(pool->n_waiting == 1, "behind his first");
		}
		hand_send(&w, &h);
		sim_turn(w.sim);
	}
	cr_expect(pool->n_waiting == QUEUE && count(FLY_COUNT_reject_busy) == 1);
	cr_assert(Probe_Add_start(binding, 101, 1, &calls[1]) == 0);
	sim_run(w.sim, 1);
	cr_expect(pool->n_waiting == QUEUE && count(FLY_COUNT_calls_evicted) == 1);
	for (unsigned i = 0; i <= QUEUE; i++) {
		fly_worker_run(&pool->workers[0]);
		sim_run(w.sim, 1);
	}
	for (unsigned i = 0; i < 2; i++) {
		cr_expect(Probe_Add_finish(calls[i], &sum) == 0, "call %u", i);
		cr_expect(sum == 101 + i);
	}
	take_all();
	take_workers();
}
