/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_import.c - bindings: their template, and finding an interface at a peer. The peer is the
 * runtime itself, over a ring that returns what is sent: one thread is enough.
 */
#include <criterion/criterion.h>

#include "case.h"
#include "base/random.h"
#include "pair.h"

/* ---- over simulated links ---- */

Test(import, fly_import_make__writes_the_headers_of_a_call)
{
	static struct pair w;
	const struct fly_import *import;
	struct fly_header h;

	pair_begin(&w, NULL, NULL);
	import = fly_import_of(w.binding);
	cr_expect(fly_wire_check_outer(import->template, FLY_PAYLOAD, w.at_server->link.ip,
				       w.at_server->link.udp_port) == 0);
	cr_expect(fly_wire_decode(import->template + FLY_RPC, FLY_RPC_BYTES, &h) == 0);
	cr_expect(h.type == FLY_PACKET_CALL && h.export_id == w.server->export_id);
	cr_expect(h.fragment == 0 && h.fragments == 1 && h.flags == 0 && h.age == 0);
	cr_expect(memcmp(import->template + FLY_ETHER_SOURCE, w.at_caller->link.mac, 6) == 0);
	cr_expect(memcmp(import->template, w.at_server->link.mac, 6) == 0);
	cr_expect(import->argument_max == 1440);
	cr_expect(sim_poller(w.caller)->calls.n_unbound == 64, "no entry before the first call");
	cr_expect(sim_end(w.sim) == 0);
}

Test(import, fly_random_activity__leaves_room_for_the_entry_and_is_never_none)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < 1000; i++) {
		const uint64_t activity = fly_random_activity();

		cr_assert(activity != 0 && (activity & 0xffff) == 0);
		all |= activity;
	}
	cr_expect(all == ~UINT64_C(0xffff), "all 48 bits are drawn");
}

Test(import, fly_unbind__of_nothing)
{
	fly_unbind(NULL);
}

/* ---- from itself ---- */

#define SELF "ip=10.9.8.7,peer=10.9.8.7"

static struct fly_runtime *r;
static struct probe_service service;

static void begin(void)
{
	static const char *const links[] = {"vdev:net_ring_self," SELF, NULL};
	const struct fly_options options = {.size = sizeof options,
					    .links = links,
					    .packets = 2047,
					    .call_timeout_ms = 300};

	cr_assert(fly_start(&options, &r) == 0, "%s", fly_error());
}

static void end(void)
{
	cr_expect(fly_stop(r) == 0, "packets are missing");
}

/* fly_import() of an interface without stubs. */
static int import_by_name(struct fly_runtime *from, const char *name, uint32_t version,
			  const char *peer, struct fly_binding **to)
{
	const struct fly_interface interface = {FLY_STUB_VERSION, name, version, 0, NULL};

	return fly_import(from, &interface, peer, to);
}

TestSuite(import, .timeout = HANG);

Case(import, fly_import__and_call)
{
	struct fly_binding *binding;
	uint64_t sum;

	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	for (uint32_t n = 0; n < 1000; n++)
		cr_assert(Probe_Add(binding, n, 1, &sum) == 0 && sum == n + 1);
	cr_expect(service.executions == 1000);
	fly_unbind(binding);
	cr_assert(Probe_import(r, "10.9.8.7:61989", &binding) == 0, "%s", fly_error());
	cr_expect(Probe_Null(binding) == 0);
}

Case(import, fly_import__what_is_not_there)
{
	struct fly_binding *binding = NULL;

	cr_expect(import_by_name(r, "Nonesuch", 1, NULL, &binding) == -FLY_ENOEXPORT);
	cr_expect(strstr(fly_error(), "no interface of that name") != NULL, "%s", fly_error());
	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_expect(import_by_name(r, "Prob", 3, NULL, &binding) == -FLY_ENOEXPORT);
	cr_expect(import_by_name(r, "Probe", 2, NULL, &binding) == -FLY_EVERSION);
	cr_expect(strstr(fly_error(), "version 3 is exported there, 2 is wanted") != NULL, "%s",
		  fly_error());
	cr_expect(import_by_name(r, "Binder", 1, NULL, &binding) == -FLY_ENOEXPORT,
		  "it is known to everybody, and not to be asked for");
	cr_expect(binding == NULL);
	cr_expect(LIST_EMPTY(&r->poller.imports));
	cr_expect(r->poller.calls.n_unbound == r->poller.calls.n, "what it asked with is returned");
}

Case(import, fly_import__bad_arguments)
{
	static const char *const peers[] = {"", "x", "10.9.8", "10.9.8.7:0", "10.9.8.7:x", ":1"};
	struct fly_binding *binding;
	char name[65];

	memset(name, 'n', 64);
	name[64] = '\0';
	cr_expect(import_by_name(r, NULL, 1, NULL, &binding) == -FLY_EINVAL);
	cr_expect(fly_import(r, NULL, NULL, &binding) == -FLY_EINVAL);
	cr_expect(import_by_name(r, "Probe", 1, NULL, NULL) == -FLY_EINVAL);
	cr_expect(import_by_name(r, name, 1, NULL, &binding) == -FLY_EINVAL);
	name[63] = '\0';
	cr_expect(import_by_name(r, name, 1, NULL, &binding) == -FLY_ENOEXPORT);
	for (unsigned i = 0; i < RTE_DIM(peers); i++) {
		cr_expect(import_by_name(r, "Probe", 1, peers[i], &binding) == -FLY_EINVAL, "'%s'",
			  peers[i]);
		cr_expect(strstr(fly_error(), "is not an address") != NULL, "%s", fly_error());
	}
}

/* Of another stub version only the number and the name may be read. */
Case(import, fly_import__and_fly_export_of_stubs_of_another_release)
{
	static const struct {
		uint32_t number;
		const char *name;
	} old = {FLY_STUB_VERSION - 1, "Old"}, new = {FLY_STUB_VERSION + 1, "New"};
	const struct fly_interface *interface = (const void *)&old;
	struct fly_binding *binding = NULL;

	cr_expect(fly_import(r, interface, NULL, &binding) == -FLY_EVERSION);
	cr_expect_str_eq(fly_error(), "Old was generated for stub interface 0, this library has 1: "
				      "run fireflyc again");
	cr_expect(fly_import(r, interface, "local:nobody,wait=0", &binding) == -FLY_EVERSION);
	cr_expect(fly_export(r, interface, &probe_procedures, NULL) == -FLY_EVERSION);
	interface = (const void *)&new;
	cr_expect(fly_export(r, interface, &probe_procedures, NULL) == -FLY_EVERSION);
	cr_expect(strstr(fly_error(), "New was generated for stub interface 2, this library has 1, "
				      "which is older") != NULL,
		  "%s", fly_error());
	cr_expect(fly_import(r, interface, NULL, &binding) == -FLY_EVERSION && binding == NULL);
}

Case(import, fly_import__nobody_there)
{
	struct fly_binding *binding;

	cr_expect(import_by_name(r, "Probe", 3, "10.9.8.6", &binding) == -FLY_EPEER);
	cr_expect(strstr(fly_error(), "nobody answers for 10.9.8.6") != NULL, "%s", fly_error());
	/* The host answers, but nobody listens at that port. */
	cr_expect(import_by_name(r, "Probe", 3, "10.9.8.7:99", &binding) == -FLY_EPEER);
	cr_expect(strstr(fly_error(), "no answer from the peer") != NULL, "%s",
		  fly_error());
	cr_expect(r->poller.arp_query == NULL);
}

Case(import, fly_import__over_a_link_that_is_down)
{
	struct fly_binding *binding;

	r->ports.at[0]->link.up = false;
	cr_expect(import_by_name(r, "Probe", 3, NULL, &binding) == -FLY_ELINK);
	cr_expect(strstr(fly_error(), "is down") != NULL, "%s", fly_error());
	r->ports.at[0]->link.up = true;
}

Case(import, fly_rebind__after_the_export_changed)
{
	struct fly_binding *binding;
	struct fly_call *call;

	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_assert(Probe_import(r, NULL, &binding) == 0);
	cr_expect(Probe_Null(binding) == 0);
	r->poller.exports[1].id ^= 0x100000;
	r->poller.began_tsc -= r->poller.tsc_per_ms * 1000; /* as if up for longer than the call */
	fly_turn(r);
	while (r->poller.now_ms < 1000)
		fly_turn(r);
	cr_expect(Probe_Null(binding) == -FLY_ESTALE);
	cr_assert(Probe_Null_start(binding, &call) == 0);
	cr_expect(fly_rebind(binding) == 0, "%s", fly_error());
	cr_expect(fly_ready(call) && Probe_Null_finish(call) == -FLY_EPEER,
		  "it went to the old export");
	cr_expect(Probe_Null(binding) == 0);
	r->poller.exports[1].n_procedures = 0;
	cr_expect(fly_rebind(binding) == -FLY_ENOEXPORT);
	cr_expect(service.executions == 2);
}
