/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_neighbour.c - who is asked for and how often, whose answer is believed, and calls that
 * follow a peer to another hardware address. In virtual time.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>

#include "case.h"
#include "hand.h"
#include "slowpath/arp.h"
#include "slowpath/neighbour.h"
#include "slowpath/next_hop.h"

static const uint8_t elsewhere[6] = {2, 9, 9, 9, 9, 9};

static struct pair w;
static struct fly_link *l;
static struct fly_poller *p;

static void begin(void)
{
	pair_begin(&w, NULL, NULL);
	w.sim->step_us = 100;
	l = &w.at_caller->link;
	p = sim_poller(w.caller);
	l->peers_move = true;
	w.at_server->filters = true;
}

static void end(void)
{
	l->routes = NULL;
	l->neighbour = NULL;
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(neighbour, .timeout = HANG);

static uint64_t count(enum fly_counter which)
{
	return sim_count(w.caller, which);
}

static uint32_t absent(void)
{
	return htonl(0x0a0000fe);
}

/* Wait for somebody as an import does. */
static void wait_for(struct fly_neighbour *n, unsigned ms)
{
	const uint64_t end_tsc = w.sim->now_tsc + (uint64_t)ms * SIM_TSC_PER_MS;

	while (!n->is_known && w.sim->now_tsc < end_tsc) {
		sim_turn(w.sim);
		if (!n->is_known)
			fly_neighbour_ask(p, n);
	}
}

/* An absent host was asked for 50 times a second. */
Case(neighbour, fly_neighbour_ask__the_absent_less_and_less_often)
{
	struct fly_neighbour *n = fly_neighbour_want(p, l, absent());

	cr_assert(n && !n->is_known);
	wait_for(n, 100); /* at 0, 10, 30, 70 ms */
	cr_expect(count(FLY_COUNT_arp_asked) == 4, "%u", (unsigned)count(FLY_COUNT_arp_asked));
	wait_for(n, 4900); /* 150, 310, 630, 1270, and then each second */
	cr_expect(count(FLY_COUNT_arp_asked) == 11, "%u", (unsigned)count(FLY_COUNT_arp_asked));
	fly_neighbour_give(n);
}

Case(neighbour, fly_neighbour_ask__all_who_wait_share_the_questions)
{
	struct fly_neighbour *n = fly_neighbour_want(p, l, absent());
	struct fly_neighbour *again;

	cr_expect(fly_neighbour_want(p, l, absent()) == n);
	wait_for(n, 700);
	cr_expect(count(FLY_COUNT_arp_asked) == 7);
	fly_neighbour_give(n);
	fly_neighbour_give(n);
	again = fly_neighbour_want(p, l, absent()); /* the next try of a client */
	wait_for(again, 500);
	cr_expect(count(FLY_COUNT_arp_asked) == 7, "it is not asked for again so soon");
	fly_neighbour_give(again);
	sim_run(w.sim, FLY_ASK_CALM_MS + 1000);
	again = fly_neighbour_want(p, l, absent());
	wait_for(again, 100);
	cr_expect(count(FLY_COUNT_arp_asked) == 11, "it is asked for quickly again");
	fly_neighbour_give(again);
}

Case(neighbour, fly_neighbour_answer__of_whom_was_asked_for_and_once)
{
	struct fly_neighbour *n;

	cr_expect(!fly_neighbour_answer(p, l, absent(), elsewhere), "nobody asked");
	n = fly_neighbour_want(p, l, absent());
	cr_expect(!fly_neighbour_answer(p, l, absent(), elsewhere), "not yet");
	fly_neighbour_ask(p, n);
	cr_expect(!fly_neighbour_answer(p, l, absent() ^ 0x01000000, elsewhere));
	cr_expect(!fly_neighbour_answer(p, &w.at_server->link, absent(), elsewhere));
	cr_expect(!n->is_known);
	cr_expect(fly_neighbour_answer(p, l, absent(), elsewhere));
	cr_expect(n->is_known && memcmp(n->mac, elsewhere, 6) == 0);
	cr_expect(!fly_neighbour_answer(p, l, absent(), w.at_server->link.mac));
	cr_expect(memcmp(n->mac, elsewhere, 6) == 0, "a second answer changes nothing");
	fly_neighbour_give(n);
}

Case(neighbour, fly_neighbour_answer__not_of_long_ago)
{
	struct fly_neighbour *n = fly_neighbour_want(p, l, absent());

	fly_neighbour_ask(p, n);
	sim_run(w.sim, FLY_ASK_LATE_MS + 1);
	cr_expect(!fly_neighbour_answer(p, l, absent(), elsewhere));
	fly_neighbour_give(n);
}

Case(neighbour, fly_neighbour_want__an_answer_is_good_for_a_while)
{
	struct fly_neighbour *n = fly_neighbour_want(p, l, w.at_server->link.ip);

	wait_for(n, 100);
	cr_assert(n->is_known && memcmp(n->mac, w.at_server->link.mac, 6) == 0);
	fly_neighbour_give(n);
	n = fly_neighbour_want(p, l, w.at_server->link.ip);
	cr_expect(n->is_known);
	fly_neighbour_give(n);
	sim_run(w.sim, FLY_KNOWN_MS + 1);
	n = fly_neighbour_want(p, l, w.at_server->link.ip);
	cr_expect(!n->is_known);
	wait_for(n, 100);
	cr_expect(n->is_known && count(FLY_COUNT_arp_asked) == 2);
	fly_neighbour_give(n);
}

/* Those that are waited for keep their places. */
Case(neighbour, fly_neighbour_want__more_than_there_are_places)
{
	struct fly_neighbour *held = fly_neighbour_want(p, l, absent());
	struct fly_neighbour *all[FLY_NEIGHBOURS];
	unsigned n = 0;

	for (unsigned i = 0; i < 1000; i++) {
		struct fly_neighbour *other = fly_neighbour_want(p, l, htonl(0x0a010000 + i));

		cr_assert(other && other != held);
		fly_neighbour_give(other);
	}
	cr_expect(held->ip == absent());
	while (n < FLY_NEIGHBOURS &&
	       (all[n] = fly_neighbour_want(p, l, htonl(0x0a020000 + n))) != NULL)
		n++;
	cr_expect(n == FLY_NEIGHBOURS - 1);
	cr_expect(fly_neighbour_want(p, l, htonl(0x0a030000)) == NULL);
	while (n)
		fly_neighbour_give(all[--n]);
	fly_neighbour_give(held);
}

/* ---- peers that move ---- */

static void move_server(void)
{
	memcpy(w.at_server->link.mac, elsewhere, 6);
}

/* Calls went to the old address until the binding was made anew. */
Case(neighbour, fly_neighbour_silent__a_peer_that_moved_is_found_within_a_second)
{
	struct fly_call *call;

	cr_assert(pair_add(&w, 1) == 0);
	move_server();
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	cr_assert(sim_until(w.sim, call, 1000));
	cr_expect(Probe_Null_finish(call) == 0);
	cr_expect(count(FLY_COUNT_peers_moved) == 1);
	cr_expect(memcmp(fly_import_of(w.binding)->peer.mac, elsewhere, 6) == 0);
	cr_expect(pair_add(&w, 2) == 0, "and the next one goes there at once");
	cr_expect(count(FLY_COUNT_peers_moved) == 1);
}

/* Also if the call has been waiting for long, and is resent once a second. */
Case(neighbour, fly_neighbour_answer__a_call_under_way_is_resent_at_once)
{
	const uint32_t ip = w.at_server->link.ip;
	struct fly_call *call;
	uint64_t began_tsc;

	cr_assert(pair_add(&w, 1) == 0);
	w.at_server->link.answers_arp = false;
	move_server();
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	cr_assert(!sim_until(w.sim, call, 700));
	began_tsc = w.sim->now_tsc;
	fly_neighbour_ask(p, fly_neighbour_want(p, l, ip));
	cr_assert(fly_neighbour_answer(p, l, ip, elsewhere) || count(FLY_COUNT_arp_asked) > 1);
	cr_assert(sim_until(w.sim, call, 5));
	cr_expect(w.sim->now_tsc - began_tsc < 5 * SIM_TSC_PER_MS);
	cr_expect(Probe_Null_finish(call) == 0);
}

Case(neighbour, fly_neighbour_silent__once_or_twice_lost_is_no_reason)
{
	struct fly_call *call;

	w.at_caller->faults.drop_mask = 1ULL << w.at_caller->sent;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	cr_assert(sim_until(w.sim, call, 1000));
	cr_expect(Probe_Null_finish(call) == 0);
	cr_expect(count(FLY_COUNT_resent_calls) == 1 && count(FLY_COUNT_arp_asked) == 0);
}

/* A server that is stopped: it is asked for while calls to it are resent, and not too often. */
Case(neighbour, fly_neighbour_silent__an_absent_peer_is_not_asked_for_too_often)
{
	struct fly_call *call;

	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	cr_assert(sim_until(w.sim, call, 5000));
	cr_expect(Probe_Null_finish(call) == -FLY_EPEER);
	cr_expect(count(FLY_COUNT_arp_asked) > 0 && count(FLY_COUNT_arp_asked) < 8, "%u",
		  (unsigned)count(FLY_COUNT_arp_asked));
	w.at_caller->faults.drop_percent = 0;
}

Case(neighbour, fly_neighbour_silent__not_where_peers_cannot_move)
{
	struct fly_call *call;

	l->peers_move = false;
	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	cr_assert(sim_until(w.sim, call, 5000));
	cr_expect(Probe_Null_finish(call) == -FLY_EPEER);
	cr_expect(count(FLY_COUNT_arp_asked) == 0);
	w.at_caller->faults.drop_percent = 0;
}

/* Anybody can say so. The peer, which is still there, answers the question that it leads to. */
Case(neighbour, fly_neighbour_rumour__is_a_reason_to_ask_and_no_more)
{
	const uint32_t ip = w.at_server->link.ip;
	struct fly_neighbour *n = fly_neighbour_want(p, l, ip);

	wait_for(n, 100);
	fly_neighbour_give(n);
	sim_run(w.sim, FLY_ASK_AGAIN_MS + 1);
	fly_neighbour_rumour(p, l, absent(), elsewhere);
	cr_expect(count(FLY_COUNT_arp_asked) == 1, "we know nothing of that one");
	fly_neighbour_rumour(p, l, ip, w.at_server->link.mac);
	cr_expect(count(FLY_COUNT_arp_asked) == 1, "we know that");
	for (unsigned i = 0; i < 100; i++)
		fly_neighbour_rumour(p, l, ip, elsewhere);
	cr_expect(count(FLY_COUNT_arp_asked) == 2);
	cr_expect(memcmp(fly_import_of(w.binding)->peer.mac, w.at_server->link.mac, 6) == 0);
	sim_run(w.sim, 10);
	cr_expect(count(FLY_COUNT_peers_moved) == 0);
	cr_expect(pair_add(&w, 3) == 0);
}

/* A server that has moved says so, as those do that take over an address. */
Case(neighbour, fly_neighbour_rumour__of_a_peer_that_moved_finds_it_before_a_call_does)
{
	const uint32_t ip = w.at_server->link.ip;
	struct fly_neighbour *n = fly_neighbour_want(p, l, ip);

	wait_for(n, 100);
	fly_neighbour_give(n);
	cr_assert(pair_add(&w, 1) == 0);
	sim_run(w.sim, FLY_ASK_AGAIN_MS + 1);
	move_server();
	fly_neighbour_rumour(p, l, ip, elsewhere);
	sim_run(w.sim, 10);
	cr_expect(count(FLY_COUNT_peers_moved) == 1);
	cr_expect(pair_add(&w, 3) == 0);
	cr_expect(count(FLY_COUNT_resent_calls) == 0);
}

/* The peer is behind a gateway, whose place another one takes. */
Case(neighbour, fly_neighbour_silent__a_gateway_that_moved)
{
	const struct fly_route route = {.gateway = absent()};
	struct fly_routes *routes = fly_routes_make(&route, 1);
	struct fly_call *call;

	l->routes = routes;
	move_server(); /* which stands for what is behind the gateway */
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	cr_assert(!sim_until(w.sim, call, 300));
	cr_expect(count(FLY_COUNT_arp_asked) > 0);
	cr_expect(!fly_neighbour_answer(p, l, w.at_server->link.ip, elsewhere), "not asked for");
	cr_assert(fly_neighbour_answer(p, l, absent(), elsewhere));
	cr_assert(sim_until(w.sim, call, 100));
	cr_expect(Probe_Null_finish(call) == 0);
	l->routes = NULL;
	free(routes);
}

/* ---- what the kernel knows ---- */

static enum fly_link_neighbour knows;

static enum fly_link_neighbour kernel(struct fly_link *link, uint32_t ip, uint8_t mac[6])
{
	(void)link;
	(void)ip;
	memcpy(mac, elsewhere, 6);
	return knows;
}

Case(neighbour, fly_neighbour_want__the_kernel_is_asked_first)
{
	struct fly_neighbour *n;

	l->neighbour = kernel;
	knows = FLY_LINK_UNKNOWN;
	n = fly_neighbour_want(p, l, absent());
	cr_expect(!n->is_known);
	fly_neighbour_give(n);
	knows = FLY_LINK_SEEN;
	n = fly_neighbour_want(p, l, absent());
	cr_expect(n->is_known && memcmp(n->mac, elsewhere, 6) == 0);
	cr_expect(count(FLY_COUNT_arp_asked) == 0);
	fly_neighbour_give(n);
}

/* What the kernel has seen may be as old as what we have; what is written down is the truth. */
Case(neighbour, fly_neighbour_silent__the_kernel_is_doubted_but_for_what_is_written_down)
{
	struct fly_call *call;

	l->neighbour = kernel;
	knows = FLY_LINK_SEEN;
	w.at_caller->faults.drop_percent = 100;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	sim_until(w.sim, call, 200);
	cr_expect(count(FLY_COUNT_arp_asked) > 0);
	cr_expect(memcmp(fly_import_of(w.binding)->peer.mac, w.at_server->link.mac, 6) == 0);
	w.at_caller->faults.drop_percent = 0;
	knows = FLY_LINK_FIXED;
	move_server();
	cr_assert(sim_until(w.sim, call, 1000));
	cr_expect(Probe_Null_finish(call) == 0);
	cr_expect(memcmp(fly_import_of(w.binding)->peer.mac, elsewhere, 6) == 0);
}
