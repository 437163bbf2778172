/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * find.c - who exports an interface on the network of a link? Questions that go to all, and
 * answers.
 *
 * Runs on the poller's thread. Owns struct fly_finder of the poller. runtime/import_each.c asks,
 * and makes bindings of what was found.
 *
 * Questions of others
 *
 * Anybody on the network can send as many as they like, from any address. So a question makes no
 * record. It is read only if its source is on the link's own network; what is sent there is shorter
 * than what came, and goes out after a random wait, or a thousand exporters would answer at once.
 * Meanwhile it has one of FLY_ASKERS places. FLY_FIND_LOOKS and FLY_FIND_ANSWER bound the rest:
 * what is more is dropped and counted, and the asker asks again.
 */
#include "slowpath/find.h"

#include "base/random.h"
#include "fastpath/link_udp.h"
#include "fastpath/slow.h"
#include "slowpath/frame.h"
#include "slowpath/next_hop.h"

#define SECOND_MS 1000
#define HOPS_AT   (FLY_IP + 8)
#define HOPS      1

static const uint8_t group_mac[6] = FLY_GROUP_MAC;

/* ---- both sides ---- */

/* An address that one machine may have, on the link's own network. */
static bool is_neighbour(const struct fly_link *link, uint32_t ip)
{
	const uint8_t first = ((const uint8_t *)&ip)[0];
	const struct fly_route *route;

	if (first == 0 || first >= 224)
		return false;
	if (!link->routes)
		return true;
	route = fly_route_find(link->routes, ip);
	return route && route->gateway == 0;
}

/* A packet of one of the two types, with @bytes of payload that are to be filled in; NULL: none. */
static struct rte_mbuf *make(struct fly_poller *p, const struct fly_link *link,
			     enum fly_packet_type type, uint64_t nonce,
			     const struct fly_address *to, uint16_t bytes)
{
	struct rte_mbuf *m = fly_packet_get(&p->cache, FLY_PAYLOAD + (uint32_t)bytes);
	struct fly_address self = {.ip = link->ip, .port = link->udp_port};
	const struct fly_header h = {
		.type = (uint8_t)type,
		.activity = nonce,
		.fragments = 1,
		.hint = FLY_HINT_NONE,
		.length = bytes,
	};

	if (!m)
		return NULL;
	memcpy(self.mac, link->mac, 6);
	fly_wire_put_outer(fly_packet_frame(m), &self, to);
	fly_wire_set_lengths(fly_packet_frame(m), bytes);
	fly_wire_encode(fly_packet_frame(m) + FLY_RPC, &h);
	memset(fly_packet_frame(m) + FLY_PAYLOAD, 0, bytes);
	return m;
}

/* ---- questions of others ---- */

/* The lengths, as fly_wire_check_outer() checks them for packets to us. */
static bool has_lengths(const uint8_t *frame, uint32_t bytes, struct fly_header *h)
{
	const uint32_t ip_bytes = fly_get_be16(frame + FLY_IP_LENGTH);

	return ip_bytes + FLY_IP <= bytes && ip_bytes >= FLY_IP_OVERHEAD &&
	       fly_get_be16(frame + FLY_UDP_LENGTH) == ip_bytes - 20 &&
	       fly_wire_decode(frame + FLY_RPC, ip_bytes - 28, h) == 0 &&
	       h->length == FLY_FIND_QUESTION_BYTES;
}

/* Is it a question that may be answered to whoever it says has sent it? */
static bool is_question(const struct fly_link *link, const struct rte_mbuf *m, struct fly_header *h)
{
	const uint8_t *frame = fly_packet_frame(m);
	const uint32_t ip = fly_load_raw32(frame + FLY_IP_SOURCE);

	if (!has_lengths(frame, m->data_len, h) || h->type != FLY_PACKET_QUESTION ||
	    h->fragments != 1 || h->fragment != 0 || fly_link_verify(link, m) != 0)
		return false;
	if (fly_load_raw16(frame + FLY_UDP_SOURCE) == 0 || !is_neighbour(link, ip))
		return false;
	/* The kernel has received it, and knows where its answer goes. */
	if (link->udp)
		return true;
	return memcmp(frame + FLY_ETHER_DESTINATION, group_mac, 6) == 0 &&
	       (frame[FLY_ETHER_SOURCE] & 1) == 0;
}

static bool is_wanted(const struct fly_export *e, const char *name, uint32_t version)
{
	return e->n_procedures != 0 && strcmp(e->interface->name, name) == 0 &&
	       (version == FLY_ANY_VERSION || e->interface->version == version);
}

/* Of several versions the highest. NULL: it is not exported here. */
static const struct fly_export *find_export(const struct fly_poller *p, const uint8_t *payload)
{
	const uint32_t version = fly_get_u32(payload + FLY_FIND_NAME);
	const struct fly_export *best = NULL;
	char name[FLY_FIND_NAME + 1] = {0};

	memcpy(name, payload, FLY_FIND_NAME);
	for (unsigned i = FLY_EXPORT_BINDER + 1; i < FLY_EXPORTS; i++) {
		const struct fly_export *e = &p->exports[i];

		if (is_wanted(e, name, version) &&
		    (!best || e->interface->version > best->interface->version))
			best = e;
	}
	return best;
}

static bool is_waiting(const struct fly_finder *f, const struct fly_asker *like)
{
	for (unsigned i = 0; i < f->n_askers; i++) {
		if (f->askers[i].nonce == like->nonce && f->askers[i].to.ip == like->to.ip &&
		    f->askers[i].to.port == like->to.port)
			return true;
	}
	return false;
}

/* Is there an answer left in this second? */
static bool may_answer(struct fly_poller *p)
{
	struct fly_finder *f = &p->find;

	if (p->now_ms - f->second_ms >= SECOND_MS) {
		f->second_ms = p->now_ms;
		f->n_answers = 0;
	}
	return f->n_answers < FLY_FIND_ANSWER;
}

/* Return: the counter for a question of which nothing follows; -1: its answer waits. */
static int take_question(struct fly_poller *p, struct fly_link *link, const struct rte_mbuf *m)
{
	const uint8_t *frame = fly_packet_frame(m);
	struct fly_finder *f = &p->find;
	struct fly_asker a = {.link = link};
	const struct fly_export *e;
	struct fly_header h;

	if (f->n_looks >= FLY_FIND_LOOKS)
		return FLY_COUNT_drop_question;
	f->n_looks++;
	if (!is_question(link, m, &h))
		return FLY_COUNT_drop_question;
	e = find_export(p, frame + FLY_PAYLOAD);
	a.nonce = h.activity;
	a.to.ip = fly_load_raw32(frame + FLY_IP_SOURCE);
	a.to.port = fly_load_raw16(frame + FLY_UDP_SOURCE);
	/* One of this machine's cannot call us over its own interface. */
	if (!e || is_waiting(f, &a) || (a.to.ip == link->ip && !link->udp))
		return FLY_COUNT_questions_ignored;
	if (f->n_askers == FLY_ASKERS || !may_answer(p))
		return FLY_COUNT_drop_question;
	memcpy(a.to.mac, frame + FLY_ETHER_SOURCE, 6);
	a.export_id = e->id;
	a.due_tsc = p->now_tsc + fly_random32() % FLY_FIND_WAIT_MS * p->tsc_per_ms;
	f->n_answers++;
	f->askers[f->n_askers++] = a;
	return -1;
}

bool fly_find_frame(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m)
{
	const uint8_t *frame = fly_packet_frame(m);
	int why;

	if (fly_load_raw32(frame + FLY_IP_DESTINATION) != FLY_GROUP_IP ||
	    fly_load_raw16(frame + FLY_UDP_DESTINATION) != RTE_BE16(FLY_GROUP_PORT))
		return false;
	why = take_question(p, link, m);
	if (why >= 0)
		fly_frame_drop(p, m, (enum fly_counter)why);
	else
		fly_packet_put(&p->cache, m);
	return true;
}

/* The binder is asked at the first poller's port. Who has withdrawn the export says nothing. */
static void answer(struct fly_poller *p, const struct fly_asker *a)
{
	const struct fly_export *e = fly_export_find(p->exports, a->export_id);
	uint8_t *payload;
	struct rte_mbuf *m;

	if (!e || e->n_procedures == 0 || !a->link->up)
		return;
	m = make(p, a->link, FLY_PACKET_ANSWER, a->nonce, &a->to, FLY_FIND_ANSWER_BYTES);
	if (!m)
		return;
	payload = fly_packet_frame(m) + FLY_PAYLOAD;
	fly_put_u64(payload, p->find.instance);
	fly_put_u32(payload + 8, e->interface->version);
	fly_put_u16(payload + 12, (uint16_t)(rte_be_to_cpu_16(a->link->udp_port) - p->number));
	fly_stats_add(&p->stats, FLY_COUNT_answers_sent, 1);
	fly_link_send(a->link, m);
	fly_link_flush(a->link);
}

void fly_find_sweep(struct fly_poller *p)
{
	struct fly_finder *f = &p->find;
	unsigned i = 0;

	f->n_looks = 0;
	for (uint32_t k = 0; k < p->n_links; k++) {
		if (p->links[k]->udp)
			fly_link_udp_group(p, p->links[k]);
	}
	while (i < f->n_askers) {
		if (f->askers[i].due_tsc > p->now_tsc) {
			i++;
			continue;
		}
		answer(p, &f->askers[i]);
		f->askers[i] = f->askers[--f->n_askers];
	}
}

void fly_find_forget(struct fly_poller *p, const struct fly_link *link)
{
	struct fly_finder *f = &p->find;
	unsigned i = 0;

	while (i < f->n_askers) {
		if (f->askers[i].link == link)
			f->askers[i] = f->askers[--f->n_askers];
		else
			i++;
	}
}

/* ---- our questions ---- */

/* Packets to the group do not leave the network: their hop limit is 1. */
static void set_hops(uint8_t *frame)
{
	const uint16_t old = fly_get_be16(frame + HOPS_AT);
	const uint16_t new = (uint16_t)(HOPS << 8 | (old & 0xff));
	uint32_t sum = (uint16_t)~fly_get_be16(frame + FLY_IP_CHECKSUM);

	sum += (uint16_t)~old + (uint32_t) new; /* RFC 1624 */
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	fly_put_be16(frame + FLY_IP_CHECKSUM, (uint16_t)~sum);
	fly_put_be16(frame + HOPS_AT, new);
}

static void ask(struct fly_poller *p, const struct fly_search *s, const struct fly_find_way *way)
{
	struct fly_address group = {.ip = FLY_GROUP_IP, .port = RTE_BE16(FLY_GROUP_PORT)};
	struct rte_mbuf *m;

	if (!way->link->up)
		return;
	if (way->link->udp)
		fly_link_udp_from(way->from, group.mac);
	else
		memcpy(group.mac, group_mac, 6);
	m = make(p, way->link, FLY_PACKET_QUESTION, s->nonce, &group, FLY_FIND_QUESTION_BYTES);
	if (!m)
		return;
	set_hops(fly_packet_frame(m));
	memcpy(fly_packet_frame(m) + FLY_PAYLOAD, s->name, FLY_FIND_NAME);
	fly_put_u32(fly_packet_frame(m) + FLY_PAYLOAD + FLY_FIND_NAME, s->version);
	fly_stats_add(&p->stats, FLY_COUNT_questions_sent, 1);
	fly_link_send(way->link, m);
	fly_link_flush(way->link);
}

void fly_search_begin(struct fly_poller *p, struct fly_search *s)
{
	fly_random_fill(&s->nonce, sizeof s->nonce);
	s->n = 0;
	s->asks = 0;
	s->ask_at_tsc = 0;
	LIST_INSERT_HEAD(&p->find.searches, s, next);
}

bool fly_search_step(struct fly_poller *p, struct fly_search *s)
{
	if (p->now_tsc >= s->end_tsc)
		return true;
	if (s->asks == FLY_FIND_ASKS || p->now_tsc < s->ask_at_tsc)
		return false;
	for (unsigned i = 0; i < s->n_ways; i++)
		ask(p, s, &s->ways[i]);
	s->ask_at_tsc = p->now_tsc + (FLY_FIND_PAUSE_MS * p->tsc_per_ms << s->asks);
	s->asks++;
	return false;
}

void fly_search_end(struct fly_search *s)
{
	LIST_REMOVE(s, next);
}

static struct fly_search *search_of(const struct fly_poller *p, const struct fly_link *link,
				    uint64_t nonce)
{
	struct fly_search *s;

	LIST_FOREACH(s, &p->find.searches, next)
	{
		for (unsigned i = 0; s->nonce == nonce && i < s->n_ways; i++) {
			if (s->ways[i].link == link)
				return s;
		}
	}
	return NULL;
}

/* One runtime is found once, by whichever of its addresses and links its first answer came. */
static bool is_known(const struct fly_search *s, uint64_t instance)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (s->found[i].instance == instance)
			return true;
	}
	return false;
}

static unsigned count_of(const struct fly_search *s, uint32_t ip)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += s->found[i].ip == ip;
	return n;
}

/* Return: is it an answer to a question of ours? */
static bool take_answer(struct fly_poller *p, struct fly_link *link, const uint8_t *frame,
			const struct fly_header *h)
{
	struct fly_search *s = search_of(p, link, h->activity);
	struct fly_finding new = {.link = link};
	const uint8_t *payload = frame + FLY_PAYLOAD;

	if (!s || h->length != FLY_FIND_ANSWER_BYTES)
		return false;
	new.ip = fly_load_raw32(frame + FLY_IP_SOURCE);
	new.instance = fly_get_u64(payload);
	new.version = fly_get_u32(payload + 8);
	new.port = rte_cpu_to_be_16(fly_get_u16(payload + 12));
	if (new.port == 0 || !is_neighbour(link, new.ip) ||
	    (s->version != FLY_ANY_VERSION && s->version != new.version))
		return false;
	if (new.instance == p->find.instance || is_known(s, new.instance))
		return true;
	if (s->n == s->most || count_of(s, new.ip) == FLY_FIND_PER_ADDRESS)
		return false;
	s->found[s->n++] = new;
	return true;
}

void fly_slow_answer(struct fly_poller *p, struct fly_link *link, struct rte_mbuf *m,
		     const struct fly_header *h)
{
	if (!take_answer(p, link, fly_packet_frame(m), h)) {
		fly_frame_drop(p, m, FLY_COUNT_drop_answer);
		return;
	}
	fly_stats_add(&p->stats, FLY_COUNT_answers_received, 1);
	fly_packet_put(&p->cache, m);
}
