/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/import.c - binding to an interface at a peer: resolve its MAC, call its binder, make the
 * binding.
 *
 * Runs on the poller's thread, and turns the poller while it waits. Owns struct fly_import;
 * fastpath/caller.c uses the struct.
 */
#include "runtime/import.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <time.h>

#include "binder.h"
#include "fastpath/link_udp.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "threads/request.h"
#include "local/import.h"
#include "runtime/attach.h"
#include "runtime/destination.h"
#include "runtime/process.h"
#include "base/binding_kind.h"
#include "slowpath/behaviour.h"
#include "slowpath/checksum.h"
#include "slowpath/close.h"
#include "slowpath/deadline.h"
#include "base/error.h"
#include "base/random.h"
#include "base/reconnect.h"
#include "base/stub_version.h"
#include "host/link_spec.h"
#include "host/netlink.h"
#include "host/port_address.h"
#include "slowpath/neighbour.h"
#include "slowpath/next_hop.h"
#include "host/peer_address.h"
#include "slowpath/path_mtu.h"
#include "slowpath/payload.h"
#include "slowpath/retry.h"
#include "runtime/runtime.h"

/* Write the headers of a call to this binding's export. */
static void write_template(struct fly_import *import)
{
	const struct fly_address self = {
		.ip = import->link->ip,
		.port = import->link->udp_port,
	};
	const struct fly_header h = {
		.type = FLY_PACKET_CALL,
		.export_id = import->export_id,
		.fragments = 1,
	};

	fly_wire_put_outer(import->template, &self, &import->peer);
	memcpy(import->template + FLY_ETHER_SOURCE, import->link->mac, 6);
	fly_wire_encode(import->template + FLY_RPC, &h);
}

static const struct fly_binding_kind kind;

struct fly_import *fly_import_make(struct fly_poller *p, struct fly_link *link,
				   const struct fly_address *peer, uint32_t export_id,
				   uint64_t activity)
{
	struct fly_import *import =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(sizeof *import));

	if (!import)
		return NULL;
	*import = (struct fly_import){
		.poller = p,
		.link = link,
		.idle = FLY_NO_ENTRY,
		.ended_first = FLY_NO_ENTRY,
		.ended_last = FLY_NO_ENTRY,
		.peer = *peer,
		.activity = activity,
		.export_id = export_id,
		.wait = FLY_WAIT_SPIN,
		.sends_as = FLY_CALL_TIMED,
	};
	fly_path_mtu_settle(import, fly_payload_unsaid(link));
	fly_rtt_init(&import->rtt, &p->waits);
	fly_link_udp_hold(link, peer->ip);
	fly_caller_bind(import);
	import->kind = &kind;
	write_template(import);
	return import;
}

/* End the calls in flight. @unbind: also give the entries back; else the binding keeps them. */
static void end_calls(struct fly_import *import, bool unbind)
{
	struct fly_poller *p = import->poller;

	for (uint32_t i = 0; i < p->calls.n; i++) {
		struct fly_call_entry *e = &p->calls.entries[i];

		if (e->head.binding != &import->head)
			continue;
		if (fly_call_is_out(e))
			fly_caller_fail(p, e, -FLY_EPEER);
		if (!unbind)
			continue;
		fly_close_send(e);
		if (e->packet)
			fly_packet_put(&p->cache, e->packet);
		e->packet = NULL;
		fly_slow_let_go(p, e);
		fly_call_table_unbind(&p->calls, e);
	}
	fly_link_flush(import->link);
}

/* Only a fork on another thread reads the list meanwhile: runtime/process.c. */
static void lock_list(struct fly_poller *p)
{
	if (p->group)
		pthread_mutex_lock(&p->group->owned.lock);
}

static void unlock_list(struct fly_poller *p)
{
	if (p->group)
		pthread_mutex_unlock(&p->group->owned.lock);
}

static void free_import(struct fly_import *import)
{
	fly_link_udp_let_go(import->link, import->peer.ip);
	free(import);
}

void fly_import_unbind(struct fly_binding *binding)
{
	struct fly_import *import = fly_import_of(binding);

	end_calls(import, true);
	if (import->name) {
		lock_list(import->poller);
		LIST_REMOVE(import, next);
		unlock_list(import->poller);
	}
	free_import(import);
}

/*
 * Turn the poller until the peer's hardware address is known, or that of the gateway to it, for at
 * most @most_tsc. Return: 0, or -FLY_EPEER; the link may be down then.
 */
static int resolve(struct fly_poller *p, struct fly_link *link, uint32_t hop,
		   struct fly_address *peer, uint64_t most_tsc)
{
	struct fly_neighbour *n;
	uint64_t end_tsc;
	uint64_t now_tsc;
	bool is_known;

	p->clock.turns = 0; /* read the TSC now: do not use the cached time */
	end_tsc = fly_poller_time(p) + most_tsc;
	n = fly_neighbour_want(p, link, hop);
	if (!n)
		return -FLY_EPEER;
	while (!n->is_known && link->up && (now_tsc = fly_poller_time(p)) < end_tsc) {
		fly_poller_turn(p, now_tsc);
		if (!n->is_known)
			fly_neighbour_ask(p, n);
	}
	is_known = n->is_known;
	memcpy(peer->mac, n->mac, 6);
	fly_neighbour_give(n);
	return is_known ? 0 : -FLY_EPEER;
}

/* The name of a peer, for messages: its address. */
static void peer_name(const struct fly_link *link, uint32_t ip, char to[FLY_PEER_TEXT_BYTES])
{
	struct sockaddr_in6 address;

	if (link->udp && fly_link_udp_peer(link, ip, 0, &address))
		fly_peer_address_text(&address.sin6_addr, address.sin6_scope_id, to);
	else
		inet_ntop(AF_INET, &ip, to, FLY_PEER_TEXT_BYTES);
}

/* The call of the binder got no answer, or the link is down since. Return: a negative status. */
static int no_binder(const struct fly_link *link, const struct fly_address *peer, const char *name,
		     const char *ip)
{
	if (!link->up)
		return fly_fail(FLY_ELINK, "import %s: the link to %s is down", name, ip);
	if (link->udp) /* is the host there? the kernel does not say */
		return fly_fail(FLY_EPEER,
				"import %s: no Firefly server answers at %s:%u; is the server up, "
				"and are that its address and UDP port?",
				name, ip, ntohs(peer->port));
	return fly_fail(FLY_EPEER,
			"import %s: %s is there, but no Firefly server answers at its port; is the "
			"server up?",
			name, ip);
}

/* Where an interface is exported. */
struct place {
	struct fly_address peer;
	uint32_t export_id;
	uint32_t agreed_max; /* bytes of arguments in one packet: what both ends take */
};

/*
 * Both ends learn how long packets to the other may be, and whether it demands checksums. A peer
 * without Bind says nothing.
 */
static int call_binder(struct fly_import *binder, const uint8_t name[64], uint32_t version,
		       uint32_t *export_id, uint32_t *version_there, uint16_t *udp_port,
		       uint32_t *checksums, uint32_t *answer)
{
	const struct fly_poller *p = binder->poller;
	struct fly_link *link = binder->link;
	const uint16_t own = fly_payload_own(link, binder->peer.ip);
	uint32_t theirs = 0;
	int status;

	*checksums = 0;
	status = Binder_Bind(&binder->head, name, version, own, fly_checksum_say(link), export_id,
			     version_there, udp_port, &theirs, checksums, answer);
	if (status == -FLY_ENOPROC)
		status = Binder_Import(&binder->head, name, version, export_id, version_there,
				       udp_port, answer);
	if (status)
		return status;
	fly_ports_heard(&fly_runtime_of(p)->ports, link, p->number,
			&(struct fly_payload_word){theirs, binder->peer.ip, true, *checksums});
	fly_path_mtu_settle(binder, fly_payload_agree(own, theirs));
	return 0;
}

/* Only links with many peers send no checksums to whoever demands them, if told so. */
static int agree_on_checksums(const struct fly_link *link, uint32_t theirs, const char *name,
			      const char *ip)
{
	switch (fly_checksum_agree(fly_checksum_say(link), theirs)) {
	case FLY_CHECKSUM_THEY_SEND_NONE:
		return fly_fail(FLY_EINVAL,
				"import %s from %s: its link sends no UDP checksums (checksum=off "
				"there), and this one demands them (checksum=on); leave one out",
				name, ip);
	case FLY_CHECKSUM_WE_SEND_NONE:
		return fly_fail(FLY_EINVAL,
				"import %s from %s: its link demands UDP checksums (checksum=on "
				"there), and this one sends none (checksum=off); leave one out",
				name, ip);
	default:
		return 0;
	}
}

/*
 * Call the peer's binder, for at most @most_tsc. @place: its peer is the binder, and becomes that
 * of the calls. Return: 0; or a negative status with a sentence.
 */
static int ask_binder(struct fly_poller *p, struct fly_link *link, struct place *place,
		      const char *name, uint32_t version, uint64_t most_tsc)
{
	struct fly_import *binder =
		fly_import_make(p, link, &place->peer, FLY_EXPORT_BINDER, fly_random_activity());
	uint8_t padded[64] = {0};
	uint32_t answer = 0;
	uint32_t version_there = 0;
	uint32_t checksums;
	uint16_t udp_port = 0;
	char ip[FLY_PEER_TEXT_BYTES];
	int status;

	if (!binder)
		return fly_fail(FLY_ENOMEM, "import %s: out of memory", name);
	memcpy(padded, name, strnlen(name, sizeof padded - 1));
	if (most_tsc < p->waits.timeout_tsc)
		fly_slow_set_deadline(binder, (uint32_t)(most_tsc * 1000 / p->tsc_per_ms) + 1);
	status = call_binder(binder, padded, version, &place->export_id, &version_there, &udp_port,
			     &checksums, &answer);
	place->agreed_max = binder->agreed_max;
	end_calls(binder, true);
	peer_name(link, place->peer.ip, ip);
	free_import(binder);
	if (status == -FLY_EVERSION)
		return fly_fail(
			FLY_EVERSION,
			"import %s: %s speaks another version of the Firefly protocol; this is "
			"version %d: run the same release on both sides",
			name, ip, FLY_WIRE_VERSION);
	if (status == -FLY_EPEER || status == -FLY_EDEADLINE || status == -FLY_ELINK)
		return no_binder(link, &place->peer, name, ip);
	if (status)
		return fly_fail(-status, "import %s from %s: %s", name, ip, fly_strerror(status));
	switch (answer) {
	case FLY_OK:
		place->peer.port = htons(udp_port);
		return agree_on_checksums(link, checksums, name, ip);
	case FLY_EVERSION:
		return fly_fail(FLY_EVERSION,
				"import %s from %s: version %u is exported there, %u is wanted",
				name, ip, version_there, version);
	default:
		return fly_fail(FLY_ENOEXPORT,
				"import %s from %s: no interface of that name is exported there",
				name, ip);
	}
}

/* Why there is no way to an address over a link. */
static int no_route(const struct fly_poller *p, const struct fly_link *link, const char *name,
		    const char *ip)
{
	const struct fly_port *port = fly_ports_of(&fly_runtime_of(p)->ports, link, p->number);
	char own[20];

	fly_port_address_text(link->ip, link->prefix, own);
	if (link->interface)
		return fly_fail(FLY_EPEER,
				"import %s: %s is not on this link (%s), and there is no gateway: "
				"add gateway=, or: ip route add %s via GATEWAY dev %s",
				name, ip, own, ip, port ? port->spec.what : "INTERFACE");
	return fly_fail(FLY_EPEER,
			"import %s: %s is not on this link (%s), and there is no gateway: add "
			"gateway=",
			name, ip, own);
}

/* Nobody has said who has the address @hop. */
static int no_neighbour(const struct fly_poller *p, const struct fly_link *link,
			const struct fly_address *peer, uint32_t hop, const char *name,
			uint64_t most_tsc)
{
	const unsigned ms = (unsigned)(most_tsc / p->tsc_per_ms);
	char ip[INET_ADDRSTRLEN];
	char gateway[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &peer->ip, ip, sizeof ip);
	inet_ntop(AF_INET, &hop, gateway, sizeof gateway);
	if (hop != peer->ip)
		return fly_fail(
			FLY_EPEER,
			"import %s: the gateway %s, by which %s is reached, does not answer "
			"on this link within %u ms",
			name, gateway, ip, ms);
	if (link->interface && fly_netlink_is_ours(peer->ip))
		return fly_fail(
			FLY_EPEER,
			"import %s: %s is this machine's own address, and what is sent to it "
			"does not come back over an interface; over af_packet:lo it does, "
			"and local: needs no address",
			name, ip);
	return fly_fail(
		FLY_EPEER,
		"import %s: nobody answers for %s on this link within %u ms; is the server up, and "
		"is that its address (peer=)?",
		name, ip, ms);
}

/* Find out to which hardware address packets for the peer go. Return: 0, also if the link is down.
 */
static int find_way(struct fly_poller *p, struct fly_link *link, struct fly_address *peer,
		    const char *name, const char *ip, uint64_t most_tsc)
{
	const uint32_t hop = fly_next_hop(link->routes, peer->ip);

	if (hop == 0)
		return no_route(p, link, name, ip);
	if (resolve(p, link, hop, peer, most_tsc) && link->up)
		return no_neighbour(p, link, peer, hop, name, most_tsc);
	return 0;
}

/*
 * From the address of a binder to the place of the calls. A link that is down is attached again in
 * a turn of its poller: if nobody else turns an inline caller's poller, this has to. @most_tsc: for
 * each of two questions. Return: 0 or a negative status with a sentence.
 */
static int locate(struct fly_poller *p, struct fly_link *link, struct place *place,
		  const char *name, uint32_t version, uint64_t most_tsc)
{
	char ip[FLY_PEER_TEXT_BYTES];
	int status = 0;

	peer_name(link, place->peer.ip, ip);
	/* The deadline of the binder's call counts from the last turn, which may be long ago. */
	p->clock.turns = 0;
	fly_poller_turn(p, fly_poller_time(p));
	if (link->up && !link->udp) /* else the routes are the control thread's */
		status = find_way(p, link, &place->peer, name, ip, most_tsc);
	if (status)
		return status;
	if (!link->up)
		return fly_fail(FLY_ELINK, "import %s: the link to %s is down", name, ip);
	return ask_binder(p, link, place, name, version, most_tsc);
}

/* Make the binding that fly_import() returns: the poller's list of imports has it. */
static struct fly_import *keep(struct fly_poller *p, struct fly_link *link,
			       const struct place *place, uint16_t binder_port, const char *name,
			       uint32_t version)
{
	struct fly_import *import =
		fly_import_make(p, link, &place->peer, place->export_id, fly_random_activity());

	if (!import)
		return NULL;
	fly_path_mtu_settle(import, place->agreed_max);
	import->binder_port = binder_port;
	import->name = name;
	import->version = version;
	lock_list(p);
	LIST_INSERT_HEAD(&p->imports, import, next);
	unlock_list(p);
	return import;
}

struct fly_import *fly_import_again(struct fly_poller *p, const struct fly_import *like)
{
	const struct place place = {like->peer, like->export_id, like->agreed_max};

	return keep(p, like->link, &place, like->binder_port, like->name, like->version);
}

int fly_import_at(struct fly_poller *p, struct fly_link *link, const struct fly_address *at,
		  const char *name, uint32_t version, struct fly_import **import)
{
	struct place place = {.peer = *at};
	const int status = locate(p, link, &place, name, version, p->waits.timeout_tsc);

	if (status)
		return status;
	*import = keep(p, link, &place, at->port, name, version);
	return *import ? 0 : fly_fail(FLY_ENOMEM, "import %s: out of memory", name);
}

struct wish {
	struct fly_runtime *runtime;
	const char *name;
	uint32_t version;
	const char *peer;
	const struct sockaddr_in6 *address; /* that is tried; NULL: the link has its own */
	struct fly_import *import;
};

static int import_on_poller(struct fly_poller *p, void *argument)
{
	struct wish *w = argument;
	struct fly_address peer = {0};
	struct fly_link *link = NULL;
	int status;

	if (p->is_shut)
		return fly_fail(FLY_ESTOPPED, "import %s: the runtime was shut down", w->name);
	status = fly_destination_find(w->runtime, p->number, w->peer, w->address, &link, &peer);
	return status ? status : fly_import_at(p, link, &peer, w->name, w->version, &w->import);
}

/*
 * A name may have several addresses: the first that answers is taken. They are looked up on the
 * calling thread, since that may wait.
 */
static int import_from_any(struct fly_poller *p, struct wish *w)
{
	struct fly_peer_addresses found;
	int status = fly_destination_look_up(w->runtime, w->peer, &found);

	if (status || found.n == 0)
		return status ? status : fly_request(p, import_on_poller, w);
	for (unsigned i = 0; i < found.n; i++) {
		w->address = &found.at[i];
		status = fly_request(p, import_on_poller, w);
		if (status != -FLY_EPEER && status != -FLY_EINVAL)
			break;
	}
	return status;
}

/* The poller for a new binding: that of the calling procedure, or else the next one in turn. */
struct fly_poller *fly_import_poller(struct fly_runtime *runtime)
{
	struct fly_poller *here = fly_poller_group_here();
	const struct fly_poller_group *group = &runtime->group;
	unsigned n;

	if (here && here->group == group)
		return here;
	n = atomic_fetch_add_explicit(&runtime->imported, 1, memory_order_relaxed);
	return group->pollers[n % group->n];
}

int fly_import_for_here(struct fly_runtime *runtime, struct fly_poller *p,
			struct fly_import *import, struct fly_binding **binding)
{
	if (!fly_poller_is_here(p))
		return fly_attach_make(runtime, import, binding);
	fly_behaviour_set_wait(&import->head, FLY_WAIT_DEFAULT);
	*binding = &import->head;
	return 0;
}

int fly_import(struct fly_runtime *runtime, const struct fly_interface *interface, const char *peer,
	       struct fly_binding **binding)
{
	struct wish w = {.runtime = runtime, .peer = peer};
	struct fly_poller *p;
	int status;

	if (interface && fly_stub_version_check(interface))
		return -FLY_EVERSION;
	if (!interface || !binding || !interface->name || strlen(interface->name) > 63)
		return fly_fail(FLY_EINVAL, "import: a name of at most 63 characters is needed");
	status = fly_process_check(runtime, "import");
	if (status)
		return status;
	w.name = interface->name;
	w.version = interface->version;
	if (peer ? fly_local_is(peer) : runtime->local != NULL)
		return fly_local_import(&runtime->group, w.name, w.version, peer, runtime->local,
					binding);
	p = fly_import_poller(runtime);
	status = import_from_any(p, &w);
	return status ? status : fly_import_for_here(runtime, p, w.import, binding);
}

/* fly_import_rebind(), for at most @most_tsc for each of two questions. */
static int rebind_within(struct fly_import *import, uint64_t most_tsc)
{
	const bool was_rebinding = import->is_rebinding; /* reconnect() is */
	struct place place = {.peer = import->peer};
	int status;

	end_calls(import, false);
	place.peer.port =
		import->binder_port; /* the new server may distribute callers differently */
	import->is_rebinding = true;
	status = locate(import->poller, import->link, &place, import->name, import->version,
			most_tsc);
	import->is_rebinding = was_rebinding;
	if (status)
		return status;
	import->peer = place.peer;
	import->export_id = place.export_id;
	fly_path_mtu_settle(import, place.agreed_max);
	write_template(import);
	fly_behaviour_found(import);
	return 0;
}

int fly_import_rebind_within(struct fly_import *import, uint64_t most_us)
{
	const struct fly_poller *p = import->poller;

	return rebind_within(import, RTE_MIN(most_us * p->tsc_per_ms / 1000, p->waits.timeout_tsc));
}

int fly_import_rebind(struct fly_binding *binding)
{
	struct fly_import *import = fly_import_of(binding);

	return rebind_within(import, import->poller->waits.timeout_tsc);
}

/* ---- the kind of binding --------------------------------------------------------------------- */

static const struct fly_import *import_of(const struct fly_binding *binding)
{
	return (const struct fly_import *)(const void *)binding;
}

/* An inline caller's binding belongs to the thread that turns the poller. */
static uint64_t thread(const struct fly_binding *binding)
{
	return fly_poller_thread(import_of(binding)->poller);
}

/*
 * Is there a wait in this binding below a procedure of its poller? A call that the program has
 * started and not finished looks the same: a wait leaves no mark, which would cost each call.
 */
static bool is_in_use(const struct fly_binding *binding)
{
	const struct fly_import *import = import_of(binding);
	const struct fly_call_table *calls = &import->poller->calls;

	if (import->is_rebinding)
		return true;
	for (uint32_t i = 0; import->poller->turning && i < calls->n; i++) {
		if (calls->entries[i].head.binding == binding &&
		    calls->entries[i].state != FLY_CALL_IDLE)
			return true;
	}
	return false;
}

static bool ready(struct fly_call *call)
{
	const struct fly_call_entry *e = fly_entry_of(call);

	return e->state == FLY_CALL_DONE || e->state == FLY_CALL_FAILED;
}

static int rebind_once(struct fly_binding *binding, uint64_t most_us)
{
	return fly_import_rebind_within(fly_import_of(binding), most_us);
}

/* Turn the poller meanwhile; share the core if the binding does. */
static void pause_a_while(struct fly_binding *binding)
{
	const struct fly_import *import = fly_import_of(binding);
	const struct timespec nap = {.tv_nsec = 500000};
	struct fly_poller *p = import->poller;
	const uint64_t end_tsc = fly_poller_time(p) + p->tsc_per_ms;
	uint64_t now_tsc;

	if (import->wait != FLY_WAIT_SPIN)
		nanosleep(&nap, NULL);
	p->clock.turns = 0;
	while ((now_tsc = fly_poller_time(p)) < end_tsc)
		fly_poller_turn(p, now_tsc);
}

static int reconnect(struct fly_import *import, uint64_t most_us)
{
	static const struct fly_reconnect how = {.rebind = rebind_once, .pause = pause_a_while};
	const bool was_rebinding = import->is_rebinding;
	int status;

	import->is_rebinding = true; /* also between two tries: procedures must not end it */
	status = fly_reconnect(&import->head, &how, most_us);
	import->is_rebinding = was_rebinding;
	return status;
}

static int set_reconnect(struct fly_binding *binding, bool on)
{
	fly_behaviour_reconnect(fly_import_of(binding), on ? reconnect : NULL);
	return 0;
}

static struct fly_call_note *note_of(const struct fly_call *call)
{
	const struct fly_call_entry *e = (const struct fly_call_entry *)(const void *)call;
	const struct fly_call_table *t = &fly_import_of(call->binding)->poller->calls;

	return &t->notes[fly_call_table_index(t, e)];
}

static void set_cookie(struct fly_call *call, void *cookie)
{
	struct fly_call_note *note = note_of(call);

	note->cookie = cookie;
	note->cookie_seq = fly_entry_of(call)->seq;
}

static void *cookie(const struct fly_call *call)
{
	const struct fly_call_entry *e = (const struct fly_call_entry *)(const void *)call;
	const struct fly_call_note *note = note_of(call);

	return note->cookie_seq == e->seq ? note->cookie : NULL;
}

/*
 * Calls that have ended
 *
 * From the first fly_next_ready() on, each call that ends is put into its binding's list, by
 * fly_import.deliver: other bindings pay nothing. A call that is finished stays in the list. Its
 * entry may get another call meanwhile: what is taken from the list is returned only if it has
 * ended. An entry that is in the list is not put there again.
 */
static void list_ended(struct fly_poller *p, struct fly_call_entry *e)
{
	struct fly_import *import = fly_import_of(e->head.binding);
	struct fly_call_note *notes = p->calls.notes;
	const uint32_t index = fly_call_table_index(&p->calls, e);

	if (notes[index].is_listed)
		return;
	notes[index].is_listed = true;
	notes[index].next = FLY_NO_ENTRY;
	if (import->ended_last == FLY_NO_ENTRY)
		import->ended_first = index;
	else
		notes[import->ended_last].next = index;
	import->ended_last = index;
}

static void begin_listing(struct fly_import *import)
{
	struct fly_poller *p = import->poller;

	import->deliver = list_ended;
	for (uint32_t i = 0; i < p->calls.n; i++) {
		struct fly_call_entry *e = &p->calls.entries[i];

		if (e->head.binding == &import->head && ready(&e->head))
			list_ended(p, e);
	}
}

static struct fly_call *next_ready(struct fly_binding *binding)
{
	struct fly_import *import = fly_import_of(binding);
	struct fly_call_table *t = &import->poller->calls;

	if (!import->deliver)
		begin_listing(import);
	while (import->ended_first != FLY_NO_ENTRY) {
		struct fly_call_note *note = &t->notes[import->ended_first];
		struct fly_call *call = &t->entries[import->ended_first].head;

		note->is_listed = false;
		import->ended_first = note->next;
		if (import->ended_first == FLY_NO_ENTRY)
			import->ended_last = FLY_NO_ENTRY;
		if (ready(call))
			return call;
	}
	return NULL;
}

static int event_fd(struct fly_binding *binding)
{
	(void)binding;
	return fly_fail(FLY_EINVAL,
			"event_fd: this thread has to turn its poller to get results; start the "
			"runtime with pollers, or attach to one that another thread turns");
}

static int unbind_on_poller(struct fly_poller *p, void *argument)
{
	(void)p;
	fly_import_unbind(argument);
	return 0;
}

/* Of a shared runtime: a thread that finds the turn free has not got it. */
static void unbind(struct fly_binding *binding)
{
	struct fly_poller *p = import_of(binding)->poller;

	if (p->election)
		fly_request_last(p, unbind_on_poller, binding);
	else
		fly_import_unbind(binding);
}

static const struct fly_binding_kind kind = {
	.ready = ready,
	.cancel = fly_deadline_cancel,
	.thread = thread,
	.is_in_use = is_in_use,
	.set_cookie = set_cookie,
	.cookie = cookie,
	.next_ready = next_ready,
	.set_deadline = fly_behaviour_set_deadline,
	.set_wait = fly_behaviour_set_wait,
	.set_reconnect = set_reconnect,
	.rebind = fly_import_rebind,
	.unbind = unbind,
	.attach = fly_attach_import,
	.event_fd = event_fd,
};
