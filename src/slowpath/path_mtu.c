/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * path_mtu.c - see path_mtu.h. Runs on the poller's thread, behind slow.h. Called by those that
 * send something again and again, by the handlers of probes and acknowledgements, and by the sweep.
 *
 * Owns the lists `narrow` of links. Sends the probes that mtu_search.c decides on, and tells
 * bindings and messages what it has found. Not for links whose ends share memory: there is no path
 * between them. Nor for udp: links: the kernel knows the path, and cuts what is longer.
 */
#include "slowpath/path_mtu.h"

#include <stdlib.h>

#include "base/random.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/payload.h"

#define PATHS     64 /* of a link */
#define FIRST_MS  20 /* a round before a round trip was measured */
#define LEAST_MS  5  /* the shortest one; the next one after a failure takes twice as long */
#define MOST_MS   1000
#define DOUBLINGS 3      /* of the rounds that fail; those without an answer: until MOST_MS */
#define RAISE_MS  600000 /* RFC 8899's PMTU_RAISE_TIMER */

#define NONCE_END 0xffff /* its low bits, where an activity has the index of an entry */

static struct fly_path_mtu *find(const struct fly_link *link, uint32_t ip)
{
	struct fly_path_mtu *m;

	LIST_FOREACH(m, &link->narrow, next)
	{
		if (m->ip == ip)
			break;
	}
	return m;
}

uint32_t fly_path_mtu_limit(const struct fly_link *link, uint32_t ip)
{
	const struct fly_path_mtu *m = find(link, ip);

	return m && m->search.limit < m->search.top ? m->search.limit : UINT32_MAX;
}

void fly_path_mtu_settle(struct fly_import *import, uint32_t agreed)
{
	import->agreed_max = agreed;
	import->argument_max = RTE_MIN(agreed, fly_path_mtu_limit(import->link, import->peer.ip));
}

/* ---- what was found takes effect ---- */

/* Plain results of any peer are as short as all paths take: server.h knows no peers. */
static void narrow_link(struct fly_link *link)
{
	uint32_t least = UINT32_MAX;
	const struct fly_path_mtu *m;

	LIST_FOREACH(m, &link->narrow, next)
	{
		const uint32_t limit = m->search.limit; /* NOLINT(clang-analyzer-unix.Malloc) */

		least = RTE_MIN(least, limit);
	}
	fly_payload_narrow(link, least);
}

static void tell_bindings(struct fly_poller *p, struct fly_link *link, uint32_t ip)
{
	struct fly_import *import;

	LIST_FOREACH(import, &p->imports, next)
	{
		if (import->link == link && import->peer.ip == ip)
			fly_path_mtu_settle(import, import->agreed_max);
	}
	/* Those of the library itself are in no list. */
	for (uint32_t i = 0; i < p->calls.n; i++) {
		struct fly_call_entry *e = &p->calls.entries[i];

		if (!e->head.binding)
			continue;
		import = fly_import_of(e->head.binding);
		if (import->link == link && import->peer.ip == ip)
			fly_path_mtu_settle(import, import->agreed_max);
	}
}

/* What is under way and does not get through begins anew. */
static void restart_messages(struct fly_poller *p, const struct fly_link *link, uint32_t ip,
			     uint32_t limit)
{
	struct fly_bulk *next;

	for (struct fly_bulk *b = TAILQ_FIRST(&p->bulk.all); b; b = next) {
		next = TAILQ_NEXT(b, all);
		if (b->link == link && fly_bulk_peer_ip(b) == ip)
			fly_bulk_shorten(p, b, limit);
	}
	for (uint32_t i = 0; i < p->calls.n; i++) {
		struct fly_call_entry *e = &p->calls.entries[i];

		if (e->head.binding && fly_call_is_small(e) &&
		    fly_import_of(e->head.binding)->link == link && fly_entry_peer(e)->ip == ip)
			fly_bulk_split_call(p, e);
	}
}

static void tell(struct fly_poller *p, struct fly_link *link, uint32_t ip)
{
	narrow_link(link);
	tell_bindings(p, link, ip);
}

static void let_go(struct fly_poller *p, struct fly_link *link, struct fly_path_mtu *m)
{
	const uint32_t ip = m->ip;

	LIST_REMOVE(m, next);
	free(m);
	tell(p, link, ip);
}

/* ---- probes ---- */

static void want(struct fly_poller *p, struct fly_path_mtu *m, uint64_t at_tsc)
{
	m->due_tsc = at_tsc;
	p->path_mtu_due_tsc = RTE_MIN(p->path_mtu_due_tsc, at_tsc);
	p->sweep_at_tsc = RTE_MIN(p->sweep_at_tsc, at_tsc);
}

/* The sequence number of a probe says which of its round it is. */
static uint32_t seq_of(const struct fly_path_mtu *m, bool is_big)
{
	return m->round * 2 + is_big;
}

static void send_probe(struct fly_poller *p, struct fly_link *link, const struct fly_path_mtu *m,
		       uint32_t bytes, bool is_big)
{
	struct rte_mbuf *packet = fly_packet_get(&p->cache, FLY_PAYLOAD + bytes);
	const struct fly_header h = {
		.type = FLY_PACKET_PROBE,
		.procedure = FLY_ABOUT_PATH,
		.activity = m->nonce,
		.seq = seq_of(m, is_big),
		.fragments = 1,
		.hint = FLY_HINT_NONE,
		.length = (uint16_t)bytes,
	};
	uint8_t *frame;

	if (!packet)
		return; /* as if lost; the small one is most likely not there either */
	frame = fly_packet_frame(packet);
	memcpy(frame, m->front, FLY_RPC);
	fly_wire_set_lengths(frame, bytes);
	fly_wire_encode(frame + FLY_RPC, &h);
	memset(frame + FLY_PAYLOAD, 0, bytes);
	fly_stats_add(&p->stats, FLY_COUNT_path_probes_sent, 1);
	fly_link_send(link, packet);
}

static void begin_round(struct fly_poller *p, struct fly_link *link, struct fly_path_mtu *m)
{
	const struct fly_mtu_search *s = &m->search;
	/* Once measured, a round trip and a queue are four: a call must outlive the search. */
	const unsigned most = m->rtt_tsc ? 1 : DOUBLINGS;
	const unsigned doublings = RTE_MIN((unsigned)s->fails, most) + s->silent;
	uint64_t wait_tsc = FIRST_MS * p->tsc_per_ms;

	if (m->rtt_tsc != 0)
		wait_tsc = RTE_MAX(4 * m->rtt_tsc, LEAST_MS * p->tsc_per_ms);
	wait_tsc = RTE_MIN(wait_tsc << doublings, MOST_MS * p->tsc_per_ms);
	m->round++;
	m->small_came = false;
	m->is_graced = false;
	m->sent_tsc = p->now_tsc;
	/* The big one first: whatever holds it up for a while holds the small one up, too. */
	send_probe(p, link, m, s->size, true);
	send_probe(p, link, m, 0, false);
	p->clock.turns = 0; /* the clock of this turn may be stale, and a round trip is measured */
	want(p, m, p->now_tsc + wait_tsc);
}

static void end_round(struct fly_poller *p, struct fly_link *link, struct fly_path_mtu *m,
		      bool big_came)
{
	const uint32_t ip = m->ip;

	switch (fly_mtu_round(&m->search, big_came, m->small_came)) {
	case FLY_MTU_SAME:
		break;
	case FLY_MTU_NARROWED:
		fly_stats_add(&p->stats, FLY_COUNT_paths_narrowed, 1);
		tell(p, link, ip);
		restart_messages(p, link, ip, m->search.limit);
		break;
	case FLY_MTU_WIDENED:
		fly_stats_add(&p->stats, FLY_COUNT_paths_widened, 1);
		tell(p, link, ip);
		break;
	case FLY_MTU_OVER:
		if (m->search.phase == FLY_MTU_SEARCHING && m->search.limit == m->search.top)
			fly_stats_add(&p->stats, FLY_COUNT_paths_widened, 1);
		let_go(p, link, m);
		return;
	}
	if (m->search.size != 0)
		begin_round(p, link, m);
	else
		want(p, m, p->now_tsc + RAISE_MS * p->tsc_per_ms);
}

bool fly_path_mtu_answered(struct fly_poller *p, struct fly_link *link, const uint8_t *frame,
			   const struct fly_header *h)
{
	struct fly_path_mtu *m = find(link, fly_load_raw32(frame + FLY_IP_SOURCE));

	if (!m || m->nonce != h->activity || m->search.size == 0 || h->seq / 2 != seq_of(m, 0) / 2)
		return false;
	m->rtt_tsc = RTE_MAX(p->now_tsc - m->sent_tsc, UINT64_C(1));
	if (h->seq == seq_of(m, true))
		end_round(p, link, m, true);
	else
		m->small_came = true;
	return true;
}

/* ---- suspicion ---- */

/* Of the paths that are known, the one whose limit was looked at longest ago gives way. */
static void make_room(struct fly_poller *p, struct fly_link *link)
{
	struct fly_path_mtu *oldest = NULL;
	struct fly_path_mtu *m;
	unsigned n = 0;

	LIST_FOREACH(m, &link->narrow, next)
	{
		n++;
		if (!oldest || m->sent_tsc < oldest->sent_tsc)
			oldest = m;
	}
	if (n >= PATHS)
		let_go(p, link, oldest);
}

void fly_path_mtu_suspect(struct fly_poller *p, struct fly_link *link, const uint8_t *front,
			  uint32_t bytes)
{
	const uint32_t ip = fly_load_raw32(front + FLY_IP_DESTINATION);
	struct fly_path_mtu *m = find(link, ip);

	if (link->has_one_peer || link->udp || !link->up || bytes <= FLY_MTU_FLOOR)
		return;
	if (m && (bytes > m->search.limit || !fly_mtu_suspect(&m->search)))
		return; /* the next copy is shorter; or a search is under way */
	if (!m) {
		make_room(p, link);
		m = calloc(1, sizeof *m);
		if (!m)
			return;
		m->ip = ip;
		m->nonce = fly_random_activity() | NONCE_END;
		fly_mtu_begin(&m->search, RTE_MAX(bytes, fly_payload_agreed_to(link, ip)));
		LIST_INSERT_HEAD(&link->narrow, m, next);
	}
	memcpy(m->front, front, FLY_RPC); /* where packets to the peer go may have changed */
	begin_round(p, link, m);
}

void fly_path_mtu_suspect_caller(struct fly_poller *p, struct fly_link *link,
				 struct fly_conversation *c, const uint8_t *front, uint32_t bytes)
{
	if (bytes <= FLY_MTU_FLOOR || link->has_one_peer || link->udp)
		return;
	if (c->is_proven || link->is_private || (c->bulk && c->bulk->is_proven))
		fly_path_mtu_suspect(p, link, front, bytes);
	else
		c->asks_proof = true;
}

void fly_path_mtu_suspect_repeat(struct fly_poller *p, struct fly_link *link,
				 const struct rte_mbuf *m, struct fly_conversation *c)
{
	uint8_t front[FLY_RPC];

	memcpy(front, fly_packet_frame(m), FLY_RPC);
	fly_wire_swap(front, link->mac);
	fly_path_mtu_suspect_caller(p, link, c, front, c->result_bytes);
}

/* ---- time ---- */

static uint64_t link_due(struct fly_poller *p, struct fly_link *link)
{
	uint64_t due_tsc = FLY_NEVER;
	struct fly_path_mtu *m;
	struct fly_path_mtu *next;

	for (m = LIST_FIRST(&link->narrow); m; m = next) {
		next = LIST_NEXT(m, next);
		if (m->due_tsc > p->now_tsc) {
			due_tsc = RTE_MIN(due_tsc, m->due_tsc);
		} else if (m->search.size != 0) {
			end_round(p, link, m, false);
		} else {
			fly_mtu_raise(&m->search);
			begin_round(p, link, m);
		}
	}
	return due_tsc;
}

void fly_path_mtu_due(struct fly_poller *p)
{
	uint64_t due_tsc = FLY_NEVER;

	p->path_mtu_due_tsc = FLY_NEVER; /* what begins now is noted there */
	for (uint32_t i = 0; i < p->n_links; i++)
		due_tsc = RTE_MIN(due_tsc, link_due(p, p->links[i]));
	p->path_mtu_due_tsc = RTE_MIN(p->path_mtu_due_tsc, due_tsc);
}

void fly_path_mtu_absent(struct fly_poller *p, uint64_t absent_tsc)
{
	struct fly_path_mtu *m;

	if (p->path_mtu_due_tsc == FLY_NEVER)
		return;
	for (uint32_t i = 0; i < p->n_links; i++) {
		LIST_FOREACH(m, &p->links[i]->narrow, next)
		{
			/* Only once per round: a rarely turned poller is absent before each turn.
			 */
			m->due_tsc += m->is_graced ? 0 : absent_tsc;
			m->is_graced = true;
		}
	}
}

void fly_path_mtu_forget(struct fly_poller *p, struct fly_link *link)
{
	while (!LIST_EMPTY(&link->narrow))
		let_go(p, link, LIST_FIRST(&link->narrow));
}
