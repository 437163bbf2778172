/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_import.c - bindings: their template, and finding an interface at a peer. The peer is the
 * runtime itself, over a ring that returns what is sent: one thread is enough.
 */
#include <criterion/criterion.h>

#include "case.h"
#include "base/random.h"
#include "fastpath/clock.h"
#include "pair.h"
#include "slowpath/behaviour.h"

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
	fly_unbind(binding);
	cr_assert(Probe_import(r, "vdev:net_ring_self", &binding) == 0, "%s", fly_error());
	cr_expect(Probe_Null(binding) == 0);
	fly_unbind(binding);
	cr_assert(Probe_import(r, "10.9.8.7,via=vdev:net_ring_self", &binding) == 0, "%s",
		  fly_error());
	cr_expect(Probe_Null(binding) == 0);
}

Case(import, fly_import__by_the_name_of_a_link)
{
	struct fly_binding *binding;

	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_expect(Probe_import(r, "vdev:net_ring_self,peer=10.9.8.7:99", &binding) == -FLY_EPEER,
		  "that peer of it, at that port");
	cr_expect(Probe_import(r, "vdev:net_ring_other", &binding) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "this runtime has no link vdev:net_ring_other") != NULL, "%s",
		  fly_error());
	cr_expect(Probe_import(r, "10.9.8.7,via=memif:/none", &binding) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "no link memif:/none") != NULL, "%s", fly_error());
	cr_expect(Probe_import(r, "10.9.8.7,via=", &binding) == -FLY_EINVAL);
	cr_expect(Probe_import(r, "10.9.8.7,via", &binding) == -FLY_EINVAL);
	cr_expect(Probe_import(r, "memif:", &binding) == -FLY_EINVAL);
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
		cr_expect(strstr(fly_error(), "is neither an address") != NULL, "%s", fly_error());
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
	cr_expect_str_eq(fly_error(), "Old was generated for stub interface 1, this library has 2: "
				      "run fireflyc again");
	cr_expect(fly_import(r, interface, "local:nobody,wait=0", &binding) == -FLY_EVERSION);
	cr_expect(fly_export(r, interface, &probe_procedures, NULL) == -FLY_EVERSION);
	interface = (const void *)&new;
	cr_expect(fly_export(r, interface, &probe_procedures, NULL) == -FLY_EVERSION);
	cr_expect(strstr(fly_error(), "New was generated for stub interface 3, this library has 2, "
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
	cr_expect(strstr(fly_error(), "10.9.8.7 is there, but no Firefly server answers") != NULL,
		  "%s", fly_error());
	cr_expect(LIST_EMPTY(&r->poller.arp_queries));
}

Case(import, fly_import__over_a_link_that_is_down)
{
	struct fly_binding *binding;

	r->ports.at[0]->link.up = false;
	cr_expect(import_by_name(r, "Probe", 3, NULL, &binding) == -FLY_ELINK);
	cr_expect(strstr(fly_error(), "is down") != NULL, "%s", fly_error());
	r->ports.at[0]->link.up = true;
}

/* The control thread's request to the poller of the inline runtime. */
static void request(enum fly_port_request what)
{
	atomic_store(&r->ports.at[0]->request[0], what);
	atomic_store(&r->poller.attention, 1);
}

/* Nobody but these functions turns the poller of an inline caller that does nothing else. */
Case(import, fly_rebind__and_fly_import_turn_the_poller_while_the_link_is_down)
{
	struct fly_binding *binding;
	struct fly_binding *other;

	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	request(FLY_PORT_DETACH);
	cr_expect(fly_rebind(binding) == -FLY_ELINK, "it goes meanwhile: %s", fly_error());
	cr_expect(atomic_load(&r->ports.at[0]->request[0]) == FLY_PORT_NONE, "it was carried out");
	cr_expect(fly_rebind(binding) == -FLY_ELINK);
	request(FLY_PORT_ATTACH);
	cr_expect(fly_rebind(binding) == 0, "%s", fly_error());
	cr_expect(Probe_Null(binding) == 0);
	request(FLY_PORT_DETACH);
	fly_turn(r);
	request(FLY_PORT_ATTACH);
	cr_expect(Probe_import(r, NULL, &other) == 0, "%s", fly_error());
	cr_expect(Probe_Null(other) == 0 && Probe_Null(binding) == 0);
}

Case(import, fly_slow_start__turns_the_poller_while_the_link_is_down)
{
	struct fly_binding *binding;

	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	request(FLY_PORT_DETACH);
	fly_turn(r);
	cr_expect(Probe_Null(binding) == -FLY_ELINK);
	request(FLY_PORT_ATTACH);
	cr_expect(Probe_Null(binding) == 0);
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

/* ---- calls that have ended ---- */

#define AT_ONCE 20

static void turn_until_ready(struct fly_call *const *calls, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		while (!fly_ready(calls[i]))
			fly_turn(r);
	}
}

Case(import, fly_next_ready__each_ended_call_once)
{
	struct fly_call *calls[AT_ONCE];
	unsigned seen[AT_ONCE] = {0};
	struct fly_binding *binding;
	struct fly_call *call;
	uint64_t sum;
	unsigned n = 0;

	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	for (unsigned round = 0; round < 3; round++) {
		n = 0;
		for (unsigned i = 0; i < AT_ONCE; i++) {
			cr_assert(Probe_Add_start(binding, i, 1, &calls[i]) == 0);
			cr_expect(fly_cookie(calls[i]) == NULL, "that of an earlier call is gone");
			fly_set_cookie(calls[i], &seen[i]);
		}
		cr_expect(Probe_Add(binding, 1, 1, &sum) == 0, "it is finished, and not returned");
		turn_until_ready(calls, AT_ONCE);
		/* A call that is finished first is not returned. */
		cr_expect(Probe_Add_finish(calls[3], &sum) == 0 && sum == 4);
		while ((call = fly_next_ready(binding)) != NULL) {
			unsigned *at = fly_cookie(call);

			cr_assert(at >= seen && at < seen + AT_ONCE);
			cr_expect(call == calls[at - seen]);
			++*at;
			n++;
			if (n % 2) /* others are finished later, and not returned again */
				cr_expect(Probe_Add_finish(call, &sum) == 0 &&
					  sum == (uint64_t)(at - seen) + 1);
			else
				calls[n / 2] = call;
		}
		cr_expect(n == AT_ONCE - 1 && seen[3] == 0, "%u", n);
		for (unsigned i = 1; i <= n / 2; i++)
			cr_expect(Probe_Add_finish(calls[i], &sum) == 0);
		cr_expect(fly_next_ready(binding) == NULL);
	}
	for (unsigned i = 0; i < AT_ONCE; i++)
		cr_expect(seen[i] == (i == 3 ? 0 : 3), "%u: %u", i, seen[i]);
}

Case(import, fly_next_ready__calls_that_ended_before_or_failed)
{
	struct fly_binding *binding;
	struct fly_call *calls[2];

	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	cr_expect(fly_next_ready(binding) == NULL);
	cr_assert(Probe_Null_start(binding, &calls[0]) == 0);
	cr_expect(fly_next_ready(binding) == NULL, "it has not ended");
	cr_expect(fly_cancel(calls[0]) == 0);
	cr_expect(fly_next_ready(binding) == calls[0] && fly_next_ready(binding) == NULL);
	cr_expect(Probe_Null_finish(calls[0]) == -FLY_ECANCELLED);
	fly_unbind(binding);

	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	cr_assert(Probe_Null_start(binding, &calls[0]) == 0);
	cr_assert(Probe_Null_start(binding, &calls[1]) == 0);
	turn_until_ready(calls, 2);
	cr_expect(fly_next_ready(binding) != NULL && fly_next_ready(binding) != NULL);
	cr_expect(fly_next_ready(binding) == NULL);
	cr_expect(Probe_Null_finish(calls[0]) == 0 && Probe_Null_finish(calls[1]) == 0);
}

/* ---- reconnecting ---- */

/* The export has another identifier, as after a restart; the exporter has been up for a second. */
static void restart(void)
{
	r->poller.exports[1].id ^= 0x100000;
	r->poller.began_tsc -= r->poller.tsc_per_ms * 1000;
	r->poller.exports_since_ms = 0;
	for (unsigned i = 0; i < 3; i++) {
		r->poller.sweep_ms_at_tsc = 0;
		r->poller.sweep_at_tsc = 0;
		fly_turn(r);
	}
}

Case(import, fly_set_reconnect__a_call_finds_the_next_server_by_itself)
{
	struct fly_binding *binding;
	struct fly_call *call;
	uint8_t data[1440];
	uint32_t total;
	uint64_t sum;

	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_assert(Probe_import(r, NULL, &binding) == 0);
	restart();
	cr_expect(Probe_Add(binding, 1, 2, &sum) == -FLY_ESTALE, "not by default");
	cr_expect(Probe_Add(binding, 1, 2, &sum) == -FLY_ESTALE);
	cr_expect(fly_set_reconnect(binding, true) == 0);
	cr_expect(Probe_Add(binding, 1, 2, &sum) == 0 && sum == 3, "it is started again");
	restart();
	probe_fill(data, 1400, 7);
	cr_expect(Probe_Sum(binding, 7, data, &total) == 0 && total == probe_sum(7));
	restart();
	fly_set_deadline(binding, 1000000 * patience(5));
	cr_expect(Probe_Add(binding, 2, 2, &sum) == 0 && sum == 4);
	fly_set_deadline(binding, 0);
	restart();
	cr_assert(Probe_Add_start(binding, 3, 3, &call) == 0);
	cr_expect(Probe_Add_finish(call, &sum) == -FLY_ESTALE, "the program has the handle");
	cr_assert(Probe_Add_start(binding, 3, 3, &call) == 0, "this one rebinds first");
	cr_expect(Probe_Add_finish(call, &sum) == 0 && sum == 6);
	cr_expect(service.executions == 4 && service.wrong == 0);
	fly_set_reconnect(binding, false);
	restart();
	cr_expect(Probe_Add(binding, 1, 2, &sum) == -FLY_ESTALE);
}

Case(import, fly_set_reconnect__a_call_that_may_have_run_is_not_started_again)
{
	struct fly_binding *binding;
	unsigned before;
	int status;

	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_assert(Probe_import(r, NULL, &binding) == 0);
	cr_expect(fly_set_reconnect(binding, true) == 0);
	/* Some tries: the next exporter may seem to have been up before the call. */
	do {
		before = service.executions;
		restart();
		r->poller.exports_since_ms = r->poller.now_ms;
		status = Probe_Null(binding);
		cr_assert(status == 0 || status == -FLY_ESTALE_MAYBE, "%s",
			  fly_status_name(status));
	} while (status == 0);
	cr_expect(service.executions == before);
	cr_expect(Probe_Null(binding) == 0, "the next one rebinds");
	cr_expect(service.executions == before + 1);
}

Case(import, fly_set_reconnect__for_as_long_as_the_call_may_take)
{
	struct fly_binding *binding;
	struct fly_call *call;
	uint64_t began_tsc;

	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_assert(Probe_import(r, NULL, &binding) == 0);
	cr_expect(fly_set_reconnect(binding, true) == 0);
	request(FLY_PORT_DETACH);
	fly_turn(r);
	fly_set_deadline(binding, 20000);
	began_tsc = fly_clock_now_tsc();
	cr_expect(Probe_Null(binding) == -FLY_ELINK);
	cr_expect(fly_outcome(-FLY_ELINK) == FLY_NOT_EXECUTED);
	cr_expect(fly_clock_now_tsc() - began_tsc >= 19 * r->poller.tsc_per_ms);
	cr_expect(Probe_Null_start(binding, &call) == -FLY_ELINK);
	fly_set_deadline(binding, 0);
	request(FLY_PORT_ATTACH);
	cr_expect(Probe_Null(binding) == 0, "the link is back");
	/* Its timeout is 300 ms. */
	restart();
	r->poller.exports[1].n_procedures = 0;
	cr_expect(Probe_Null(binding) == -FLY_ENOEXPORT);
	cr_expect(service.executions == 1);
}

/*
 * A procedure that runs again and again, and each time tries to end the binding that its thread
 * waits in.
 */
#define CALLS_INSIDE 16

static struct fly_binding *waits;
static struct fly_binding *others;
static struct fly_call *inside[CALLS_INSIDE];
static unsigned n_inside;
static unsigned n_refused;

static void unbind_inside(void *context)
{
	struct fly_call **next = &inside[++n_inside % CALLS_INSIDE];

	(void)context;
	if (waits && fly_unbind(waits) == 0)
		waits = NULL;
	n_refused += waits != NULL;
	if (*next)
		cr_expect(Probe_Null_finish(*next) == 0);
	*next = NULL;
	cr_assert(Probe_Null_start(others, next) == 0);
}

Case(import, fly_set_reconnect__no_procedure_ends_a_binding_that_reconnects)
{
	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_assert(Probe_import(r, NULL, &others) == 0 && Probe_import(r, NULL, &waits) == 0);
	cr_expect(fly_set_reconnect(waits, true) == 0);
	fly_set_deadline(waits, 20000);
	/* No server comes that has this interface. */
	fly_import_of(waits)->name = "Nothing";
	fly_behaviour_lost(fly_import_of(waits));
	service.during = unbind_inside;
	cr_assert(Probe_Null_start(others, &inside[0]) == 0);
	cr_expect(Probe_Null(waits) == -FLY_ENOEXPORT);
	service.during = NULL;
	cr_assert(waits != NULL, "it was ended by a procedure");
	cr_expect(n_refused > 10, "%u times", n_refused);
	for (unsigned i = 0; i < CALLS_INSIDE; i++)
		cr_expect(!inside[i] || Probe_Null_finish(inside[i]) == 0);
	cr_expect(fly_unbind(waits) == 0);
}

/* In a procedure that runs while its poller's owner imports. */
static int status_inside = 1;
static struct fly_binding *made_inside;

static void import_inside(void *context)
{
	(void)context;
	status_inside = Probe_import(r, NULL, &made_inside);
}

Case(import, fly_import__within_another_of_the_same_poller)
{
	struct fly_binding *binding;
	struct fly_binding *second;
	struct fly_call *call;

	cr_assert(Probe_export(r, &probe_procedures, &service) == 0);
	cr_assert(Probe_import(r, NULL, &binding) == 0, "%s", fly_error());
	service.during = import_inside;
	cr_assert(Probe_Null_start(binding, &call) == 0);
	cr_expect(Probe_import(r, NULL, &second) == 0, "%s", fly_error());
	cr_expect(status_inside == 0 && service.executions == 1, "it imported meanwhile");
	service.during = NULL;
	cr_expect(Probe_Null_finish(call) == 0);
	cr_expect(Probe_Null(second) == 0 && Probe_Null(made_inside) == 0);
	cr_expect(LIST_EMPTY(&r->poller.arp_queries));
}
