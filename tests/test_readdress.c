/* SPDX-License-Identifier: BSD-3-Clause */
/* test_readdress.c - a link gets another address, MTU or route while bindings use it. */
#include <arpa/inet.h>
#include <criterion/criterion.h>

#include "case.h"
#include "hand.h"
#include "slowpath/payload.h"
#include "slowpath/readdress.h"

static struct pair w;
static struct fly_link *l;
static struct fly_link_settings settings;

static void begin(void)
{
	pair_begin(&w, NULL, NULL);
	l = &w.at_caller->link;
	settings = (struct fly_link_settings){
		.ip = l->ip,
		.answers_arp = true,
		.payload = l->payload_own,
	};
	memcpy(settings.mac, l->mac, 6);
}

static void end(void)
{
	cr_expect(sim_end(w.sim) == 0, "something is missing at the end");
}

TestSuite(readdress, .timeout = HANG);

static void readdress(void)
{
	fly_link_readdress(sim_poller(w.caller), l, &settings);
}

/* The old activity would be another address's at the server, which would drop its calls. */
Case(readdress, fly_link_readdress__a_binding_calls_from_the_new_address)
{
	cr_assert(pair_add(&w, 1) == 0);
	settings.ip = htonl(0x0a000063);
	readdress();
	cr_expect(pair_add(&w, 2) == 0);
	cr_expect(l->ip == settings.ip && sim_count(w.server, FLY_COUNT_drop_wrong_peer) == 0);
	cr_expect(sim_count(w.caller, FLY_COUNT_links_changed) == 1);
}

Case(readdress, fly_link_readdress__calls_under_way_end)
{
	struct fly_call *call;

	w.at_caller->faults.latency_us = 1000;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	sim_turn(w.sim);
	settings.ip = htonl(0x0a000063);
	readdress();
	cr_expect(fly_ready(call));
	cr_expect(Probe_Null_finish(call) == -FLY_EPEER);
	w.at_caller->faults.latency_us = 0;
	sim_run(w.sim, 20); /* the result comes to the old address */
	cr_expect(pair_add(&w, 2) == 0);
}

/* Which costs a call under way nothing but a resend. */
Case(readdress, fly_link_readdress__another_hardware_address)
{
	static const uint8_t other[6] = {2, 8, 8, 8, 8, 8};
	struct fly_call *call;

	w.at_caller->faults.latency_us = 1000;
	cr_assert(Probe_Null_start(w.binding, &call) == 0);
	sim_turn(w.sim);
	memcpy(settings.mac, other, 6);
	readdress();
	cr_assert(!fly_ready(call));
	cr_assert(sim_until(w.sim, call, 500));
	cr_expect(Probe_Null_finish(call) == 0);
	cr_expect(memcmp(fly_import_of(w.binding)->template + FLY_ETHER_SOURCE, other, 6) == 0);
}

Case(readdress, fly_link_readdress__a_smaller_mtu)
{
	cr_assert(pair_add(&w, 1) == 0);
	settings.payload = 500;
	readdress();
	cr_expect(l->payload_own == 500 && fly_link_payload(l) == 500);
	cr_expect(fly_import_of(w.binding)->argument_max == 500);
	cr_expect(pair_add(&w, 2) == 0);
}
