/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * readdress.c - see readdress.h. Called by host/port_watch.c on the poller's thread, and by
 * host/netdev.c while no poller has the link. Owns address, routes and own payload of a link
 * while it is attached.
 *
 * To a server an activity belongs to one address: "other address" in docs/protocol.md. So a binding
 * whose own address changes gets other activities with it; the server forgets the old ones by their
 * age.
 */
#include "slowpath/readdress.h"

#include "base/random.h"
#include "fastpath/binding.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/neighbour.h"
#include "slowpath/path_mtu.h"
#include "slowpath/payload.h"

void fly_link_settle(struct fly_link *link, const struct fly_link_settings *s)
{
	link->ip = s->ip;
	link->prefix = s->prefix;
	memcpy(link->mac, s->mac, sizeof link->mac);
	link->interface = s->interface;
	link->answers_arp = s->answers_arp;
	link->routes = s->routes;
}

/* The headers of a binding's calls, but for the RPC header, which stays. */
static void write_outer(struct fly_import *import)
{
	const struct fly_address self = {
		.ip = import->link->ip,
		.port = import->link->udp_port,
	};

	fly_wire_put_outer(import->template, &self, &import->peer);
	memcpy(import->template + FLY_ETHER_SOURCE, import->link->mac, 6);
	fly_path_mtu_settle(import,
			    RTE_MIN(import->agreed_max, (uint32_t)import->link->payload_own));
}

/* The entry's next call is the first of another activity, from another address. */
static void restart(struct fly_poller *p, struct fly_call_entry *e)
{
	if (fly_call_is_out(e))
		fly_caller_fail(p, e, -FLY_EPEER);
	e->activity = fly_random_activity() | (e->activity & 0xffff);
	e->hint = FLY_HINT_NONE;
}

void fly_link_readdress(struct fly_poller *p, struct fly_link *link,
			const struct fly_link_settings *s)
{
	const bool has_moved = link->ip != s->ip;
	struct fly_import *import;

	fly_link_settle(link, s);
	if (link->payload_own != s->payload)
		fly_payload_init(link, s->payload);
	fly_path_mtu_forget(p, link);
	fly_neighbours_forget(p, link);
	LIST_FOREACH(import, &p->imports, next)
	{
		if (import->link == link && has_moved)
			import->activity = fly_random_activity();
	}
	for (uint32_t i = 0; i < p->calls.n; i++) {
		struct fly_call_entry *e = &p->calls.entries[i];

		if (!e->head.binding || fly_import_of(e->head.binding)->link != link)
			continue;
		if (has_moved)
			restart(p, e);
		if (e->bulk)
			memcpy(e->bulk->front + FLY_ETHER_SOURCE, link->mac, 6);
		write_outer(fly_import_of(e->head.binding));
	}
	LIST_FOREACH(import, &p->imports, next)
	{
		if (import->link == link)
			write_outer(import);
	}
	fly_stats_add(&p->stats, FLY_COUNT_links_changed, 1);
}
