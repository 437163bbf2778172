/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * neighbour.c - see neighbour.h. Runs on the poller's thread. Owns the poller's table of
 * neighbours, and peer.mac of its bindings once they are made. Frames are arp.c's.
 *
 * Neighbours
 *
 * A binding has its peer's hardware address, or that of the gateway to it, in the headers that it
 * sends: a plain call looks nothing up. The table is for those that are being looked for, and the
 * last that were found.
 *
 * Whom nobody answers for is asked for after 10 ms, 20, 40 and so on, up to a second: whoever waits
 * for the same address shares the questions, also if one gives up and the next begins. A link over
 * an interface of the kernel asks the kernel first, which may know.
 *
 * An address may move to another machine, or a gateway to its spare. Nobody need tell us: what is
 * known is a call that is not answered. When it is sent for the third time the address is asked
 * for, and again each time it is resent, five times a second at most. The answer that differs goes
 * into all bindings, and calls under way are resent at once. A frame that says unasked that an
 * address has moved is not believed, or anybody could take calls away; it is a reason to ask.
 */
#include "slowpath/neighbour.h"

#include "fastpath/slow.h"
#include "slowpath/arp.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/next_hop.h"

static uint64_t ms(const struct fly_poller *p, uint64_t n)
{
	return n * p->tsc_per_ms;
}

static struct fly_neighbour *find(struct fly_poller *p, const struct fly_link *link, uint32_t ip)
{
	for (unsigned i = 0; i < FLY_NEIGHBOURS; i++) {
		if (p->neighbours[i].link == link && p->neighbours[i].ip == ip)
			return &p->neighbours[i];
	}
	return NULL;
}

/* The place of the one that was asked for longest ago, and that nobody waits for. */
static struct fly_neighbour *place(struct fly_poller *p)
{
	struct fly_neighbour *oldest = NULL;

	for (unsigned i = 0; i < FLY_NEIGHBOURS; i++) {
		struct fly_neighbour *n = &p->neighbours[i];

		if (!n->link)
			return n;
		if (n->users == 0 && (!oldest || n->used_tsc < oldest->used_tsc))
			oldest = n;
	}
	return oldest;
}

static struct fly_neighbour *get(struct fly_poller *p, struct fly_link *link, uint32_t ip)
{
	struct fly_neighbour *n = find(p, link, ip);

	if (!n) {
		n = place(p);
		if (!n)
			return NULL;
		*n = (struct fly_neighbour){.link = link, .ip = ip};
	}
	n->used_tsc = p->now_tsc;
	return n;
}

/* ---- what is known ---- */

/* Resend a call now that waits for its next resend; one that was sent just now soon follows. */
static void hurry(struct fly_poller *p, struct fly_call_entry *e)
{
	struct fly_retry *r = &e->retry;

	if ((e->resends == 0 && e->state != FLY_CALL_BULK) || r->due_tsc <= p->now_tsc)
		return;
	/* What it has not waited does not count towards the time-out. */
	r->waited_tsc -= RTE_MIN(r->waited_tsc, r->due_tsc - p->now_tsc);
	r->due_tsc = p->now_tsc;
	r->interval_tsc = RTE_MIN(r->interval_tsc, fly_import_of(e->head.binding)->rtt.rto_tsc);
	p->pass.due_tsc = p->now_tsc;
	p->sweep_at_tsc = 0;
}

static bool is_behind(const struct fly_import *import, const struct fly_neighbour *n)
{
	return import->link == n->link && fly_next_hop(n->link->routes, import->peer.ip) == n->ip;
}

static void redirect(struct fly_import *import, const uint8_t mac[6])
{
	memcpy(import->peer.mac, mac, 6);
	memcpy(import->template + FLY_ETHER_DESTINATION, mac, 6);
}

static bool has_moved(const struct fly_import *import, const struct fly_neighbour *n)
{
	return is_behind(import, n) && memcmp(import->peer.mac, n->mac, 6) != 0;
}

/* Calls under way to another hardware address. Return: are there any? */
static bool move_calls(struct fly_poller *p, const struct fly_neighbour *n)
{
	bool any = false;

	for (uint32_t i = 0; i < p->calls.n && p->calls.n_unbound < p->calls.n; i++) {
		struct fly_call_entry *e = &p->calls.entries[i];

		if (!e->head.binding || !has_moved(fly_import_of(e->head.binding), n))
			continue;
		any = true;
		if (e->bulk)
			memcpy(e->bulk->front + FLY_ETHER_DESTINATION, n->mac, 6);
		if (fly_call_is_out(e))
			hurry(p, e);
	}
	return any;
}

/* An address is known for certain. A binding that is in no list is found by its calls. */
static void take(struct fly_poller *p, struct fly_neighbour *n)
{
	struct fly_import *import;
	bool any = move_calls(p, n);

	n->is_known = true;
	n->known_tsc = p->now_tsc;
	for (uint32_t i = 0; i < p->calls.n && any; i++) {
		struct fly_call_entry *e = &p->calls.entries[i];

		if (e->head.binding && has_moved(fly_import_of(e->head.binding), n))
			redirect(fly_import_of(e->head.binding), n->mac);
	}
	LIST_FOREACH(import, &p->imports, next)
	{
		if (!has_moved(import, n))
			continue;
		redirect(import, n->mac);
		any = true;
	}
	if (any)
		fly_stats_add(&p->stats, FLY_COUNT_peers_moved, 1);
}

/* ---- looking for one ---- */

/* What the kernel knows. Return: true: all that there is to know. */
static bool ask_kernel(struct fly_poller *p, struct fly_neighbour *n, bool is_doubted)
{
	struct fly_link *link = n->link;
	uint8_t mac[6];
	enum fly_link_neighbour how;

	if (!link->neighbour)
		return false;
	how = link->neighbour(link, n->ip, mac);
	if (how == FLY_LINK_UNKNOWN || (how == FLY_LINK_SEEN && is_doubted))
		return false;
	memcpy(n->mac, mac, sizeof n->mac);
	take(p, n);
	return true;
}

static bool is_fresh(const struct fly_poller *p, const struct fly_neighbour *n)
{
	return n->is_known && p->now_tsc - n->known_tsc < ms(p, FLY_KNOWN_MS);
}

struct fly_neighbour *fly_neighbour_want(struct fly_poller *p, struct fly_link *link, uint32_t ip)
{
	struct fly_neighbour *n = get(p, link, ip);

	if (!n)
		return NULL;
	n->users++;
	if (!is_fresh(p, n)) {
		n->is_known = false;
		ask_kernel(p, n, false);
	}
	return n;
}

void fly_neighbour_give(struct fly_neighbour *n)
{
	n->users--;
}

void fly_neighbour_ask(struct fly_poller *p, struct fly_neighbour *n)
{
	if (p->now_tsc < n->ask_at_tsc)
		return;
	if (p->now_tsc - n->ask_at_tsc > ms(p, FLY_ASK_CALM_MS))
		n->interval_tsc = 0;
	n->interval_tsc = n->interval_tsc ? RTE_MIN(2 * n->interval_tsc, ms(p, FLY_ASK_MOST_MS))
					  : ms(p, FLY_ASK_FIRST_MS);
	n->asked_tsc = p->now_tsc;
	n->ask_at_tsc = p->now_tsc + n->interval_tsc;
	n->is_asked = true;
	fly_stats_add(&p->stats, FLY_COUNT_arp_asked, 1);
	fly_arp_request(p, n->link, n->ip);
}

bool fly_neighbour_answer(struct fly_poller *p, struct fly_link *link, uint32_t ip,
			  const uint8_t mac[6])
{
	struct fly_neighbour *n = find(p, link, ip);

	if (!n || !n->is_asked || p->now_tsc - n->asked_tsc > ms(p, FLY_ASK_LATE_MS))
		return false;
	n->is_asked = false;
	n->interval_tsc = 0;
	n->ask_at_tsc = p->now_tsc + ms(p, FLY_ASK_AGAIN_MS);
	memcpy(n->mac, mac, sizeof n->mac);
	take(p, n);
	return true;
}

/* ---- whom we know may have moved ---- */

void fly_neighbour_rumour(struct fly_poller *p, struct fly_link *link, uint32_t ip,
			  const uint8_t mac[6])
{
	struct fly_neighbour *n = find(p, link, ip);

	if (n && n->is_known && link->peers_move && memcmp(n->mac, mac, 6) != 0)
		fly_neighbour_ask(p, n);
}

void fly_neighbour_silent(struct fly_poller *p, struct fly_import *import)
{
	struct fly_link *link = import->link;
	const uint32_t ip = fly_next_hop(link->routes, import->peer.ip);
	struct fly_neighbour *n;

	if (ip == 0)
		return; /* the route has gone: where it led before is as good a guess */
	n = get(p, link, ip);
	if (!n || p->now_tsc < n->ask_at_tsc)
		return;
	if (!n->is_known)
		memcpy(n->mac, import->peer.mac, sizeof n->mac);
	if (ask_kernel(p, n, true))
		n->ask_at_tsc = p->now_tsc + ms(p, FLY_ASK_AGAIN_MS);
	else
		fly_neighbour_ask(p, n);
}

void fly_neighbours_forget(struct fly_poller *p, const struct fly_link *link)
{
	for (unsigned i = 0; i < FLY_NEIGHBOURS; i++) {
		struct fly_neighbour *n = &p->neighbours[i];

		if (n->link != link)
			continue;
		n->is_known = n->is_asked = false;
		n->ask_at_tsc = n->interval_tsc = 0;
		if (n->users == 0)
			n->link = NULL;
	}
}
