/* SPDX-License-Identifier: BSD-3-Clause */
/* fragments.c - see fragments.h. Pure. Called by the other files of bulk/, which send and copy. */
#include "slowpath/bulk/fragments.h"

#include <string.h>

#include <firefly/stub.h>

/* ---- rings of bits: fragment I is at bit I mod FLY_SPAN ---- */

static inline bool bit(const uint64_t *ring, uint32_t i)
{
	return ring[i % FLY_SPAN / 64] >> i % 64 & 1;
}

static inline void set(uint64_t *ring, uint32_t i)
{
	ring[i % FLY_SPAN / 64] |= UINT64_C(1) << i % 64;
}

static inline void clear(uint64_t *ring, uint32_t i)
{
	ring[i % FLY_SPAN / 64] &= ~(UINT64_C(1) << i % 64);
}

/* ---- sending ---- */

static void forget_all(struct fly_scatter *s)
{
	memset(s->there, 0, sizeof s->there);
	memset(s->lost, 0, sizeof s->lost);
	memset(s->again, 0, sizeof s->again);
	s->n_flight = 0;
	s->n_lost = 0;
	s->unasked = 0;
	s->oldest = s->orders;
	s->newest = s->orders;
	s->grown = s->orders;
	s->is_plain = true;
}

void fly_scatter_begin(struct fly_scatter *s, uint32_t bytes, uint32_t unit, uint32_t credit)
{
	s->bytes = bytes;
	s->unit = unit;
	s->fragments = fly_scatter_fragments(bytes, unit);
	s->acked = 0;
	s->next = 0;
	s->most = 0;
	s->limit = credit;
	s->orders = 0;
	s->least_tsc = 0;
	forget_all(s);
}

uint32_t fly_scatter_pick(const struct fly_scatter *s)
{
	uint32_t fragment = s->acked;

	if (s->n_lost == 0)
		return s->next;
	for (;;) {
		const uint64_t word = s->lost[fragment % FLY_SPAN / 64] >> fragment % 64;

		if (word != 0)
			return fragment + (uint32_t)__builtin_ctzll(word);
		fragment += 64 - fragment % 64;
	}
}

bool fly_scatter_sent(struct fly_scatter *s, uint32_t fragment, uint64_t now_tsc, uint32_t every,
		      bool is_end)
{
	const bool is_again = fly_scatter_is_again(s, fragment);
	bool asks;

	if (is_again) {
		set(s->again, fragment);
		s->is_plain = false;
	}
	if (fragment == s->next) {
		s->next++;
		if (s->most < s->next)
			s->most = s->next;
	} else {
		clear(s->lost, fragment);
		s->n_lost--;
	}
	s->order[fragment % FLY_SPAN] = (uint16_t)s->orders;
	s->sent[s->orders % FLY_ORDERS].at_tsc = (uint32_t)now_tsc;
	s->sent[s->orders % FLY_ORDERS].fragment = fragment;
	s->orders++;
	s->n_flight++;
	s->unasked++;
	asks = is_again || is_end || s->unasked >= every || !fly_scatter_is_ready(s);
	if (asks)
		s->unasked = 0;
	return asks;
}

/* The number of the last transmission of a fragment. */
static uint32_t last_order(const struct fly_scatter *s, uint32_t fragment)
{
	return s->orders - (uint16_t)(s->orders - s->order[fragment % FLY_SPAN]);
}

/* Record that a fragment in [acked, next) has arrived; its bit in `there` is still clear. */
static void settle(struct fly_scatter *s, const struct fly_ack *ack, uint32_t fragment,
		   uint64_t now_tsc, struct fly_acked *what)
{
	const uint32_t order = last_order(s, fragment);
	const uint32_t age_tsc = (uint32_t)now_tsc - s->sent[order % FLY_ORDERS].at_tsc;
	const bool is_echo = fragment == ack->echo;
	const bool is_again = bit(s->again, fragment);

	if (bit(s->lost, fragment)) {
		clear(s->lost, fragment);
		s->n_lost--;
	} else {
		s->n_flight--;
	}
	set(s->there, fragment);
	what->n_arrived++;
	if (is_echo && !is_again && !ack->echo_again) {
		what->rtt_tsc = age_tsc ? age_tsc : 1;
		if (s->least_tsc == 0 || what->rtt_tsc < s->least_tsc)
			s->least_tsc = what->rtt_tsc;
	}
	/* A fragment that was sent several times: an earlier transmission may have arrived. */
	if (is_again && !(is_echo && ack->echo_again) &&
	    (s->least_tsc == 0 || age_tsc < s->least_tsc))
		return;
	if ((int32_t)(order + 1 - s->newest) > 0)
		s->newest = order + 1;
}

/* Is this the last transmission of a fragment in flight? */
static bool is_open(const struct fly_scatter *s, uint32_t order)
{
	const uint32_t fragment = s->sent[order % FLY_ORDERS].fragment;

	return fragment >= s->acked && fragment < s->next && !bit(s->there, fragment) &&
	       !bit(s->lost, fragment) && last_order(s, fragment) == order;
}

static void lose(struct fly_scatter *s, uint32_t order)
{
	set(s->lost, s->sent[order % FLY_ORDERS].fragment);
	s->is_plain = false;
	s->n_lost++;
	s->n_flight--;
}

/* Mark as lost what was sent well before the latest transmission that has arrived. */
static uint32_t find_lost(struct fly_scatter *s)
{
	const uint32_t newest_tsc = s->sent[(s->newest - 1) % FLY_ORDERS].at_tsc;
	uint32_t n = 0;

	for (; (int32_t)(s->newest - s->oldest) > 0; s->oldest++) {
		const uint32_t before_tsc = newest_tsc - s->sent[s->oldest % FLY_ORDERS].at_tsc;

		if (!is_open(s, s->oldest))
			continue;
		if (s->newest - 1 - s->oldest < FLY_REORDER &&
		    (s->least_tsc == 0 || before_tsc <= s->least_tsc + s->least_tsc / 4))
			break;
		lose(s, s->oldest);
		n++;
	}
	return n;
}

/*
 * Has the receiver forgotten fragments that it had acknowledged? Its ACK must be caused by a
 * transmission that was sent since acked grew last: else the ACK may just be late.
 */
static bool has_forgotten(const struct fly_scatter *s, const struct fly_ack *ack)
{
	uint32_t order;

	if (ack->arrived >= s->acked || ack->echo < s->acked || ack->echo >= s->next)
		return false;
	order = last_order(s, ack->echo);
	return (int32_t)(order - s->grown) >= 0 && ack->echo_again == bit(s->again, ack->echo);
}

/* All up to @arrived is there, and nothing was lost: what settle() and find_lost() come to. */
static void settle_run(struct fly_scatter *s, const struct fly_ack *ack, uint64_t now_tsc,
		       struct fly_acked *what)
{
	const uint32_t first = s->orders - (s->next - s->acked); /* the order of acked */
	const uint32_t n = ack->arrived - s->acked;
	uint32_t age_tsc;

	if (n == 0)
		return;
	if (ack->echo >= s->acked && ack->echo < ack->arrived && !ack->echo_again) {
		age_tsc = (uint32_t)now_tsc -
			  s->sent[(first + (ack->echo - s->acked)) % FLY_ORDERS].at_tsc;
		what->rtt_tsc = age_tsc ? age_tsc : 1;
		if (s->least_tsc == 0 || what->rtt_tsc < s->least_tsc)
			s->least_tsc = what->rtt_tsc;
	}
	what->n_arrived = n;
	s->n_flight -= n;
	s->newest = first + n;
	s->oldest = s->newest;
	s->grown = s->orders;
	s->acked = ack->arrived;
}

static void restart(struct fly_scatter *s, uint32_t at)
{
	s->acked = at;
	s->next = at;
	forget_all(s);
}

bool fly_scatter_acked(struct fly_scatter *s, const struct fly_ack *ack, uint64_t now_tsc,
		       struct fly_acked *what)
{
	uint32_t limit = ack->arrived + ack->credit;
	uint32_t fragment;

	*what = (struct fly_acked){0};
	if (ack->arrived > s->most)
		return false;
	if (has_forgotten(s, ack)) {
		restart(s, ack->arrived);
		s->limit = ack->arrived + (ack->credit ? ack->credit : 1);
		what->is_restart = true;
		return true;
	}
	if (ack->arrived < s->acked)
		return false;         /* a later acknowledgement came first */
	if (ack->arrived > s->next) { /* of fragments that were sent before a restart */
		restart(s, ack->arrived);
		what->n_arrived = 1;
	}
	if (s->is_plain && ack->n_ahead == 0)
		settle_run(s, ack, now_tsc, what);
	for (fragment = s->acked; fragment < ack->arrived; fragment++) {
		if (!bit(s->there, fragment))
			settle(s, ack, fragment, now_tsc, what);
	}
	for (uint32_t i = 0; i < ack->n_ahead * 8; i++) {
		if (ack->ahead[i / 8] == 0) {
			i |= 7;
			continue;
		}
		fragment = ack->arrived + 1 + i;
		if (fragment >= s->next)
			break;
		if ((ack->ahead[i / 8] >> i % 8 & 1) && !bit(s->there, fragment)) {
			settle(s, ack, fragment, now_tsc, what);
			s->is_plain = false;
		}
	}
	if (what->n_arrived == 0 && limit <= s->limit && !ack->is_idle)
		return false;
	if (ack->credit == 0) /* without credit at least one fragment may be sent */
		limit = s->limit > ack->arrived ? s->limit : ack->arrived + 1;
	s->limit = limit;
	what->n_lost = find_lost(s);
	if (ack->arrived > s->acked)
		s->grown = s->orders;
	for (; s->acked < ack->arrived; s->acked++) {
		clear(s->there, s->acked);
		clear(s->again, s->acked);
	}
	if (s->acked == s->next)
		s->is_plain = true;
	return true;
}

uint32_t fly_scatter_lost_all(struct fly_scatter *s, uint64_t now_tsc, uint64_t age_tsc)
{
	uint32_t n = 0;

	for (; s->oldest != s->orders; s->oldest++) {
		const uint32_t age = (uint32_t)now_tsc - s->sent[s->oldest % FLY_ORDERS].at_tsc;

		if (!is_open(s, s->oldest))
			continue;
		if (age < age_tsc)
			break;
		lose(s, s->oldest);
		n++;
	}
	return n;
}

bool fly_scatter_probe(struct fly_scatter *s)
{
	for (; s->oldest != s->orders; s->oldest++) {
		if (!is_open(s, s->oldest))
			continue;
		lose(s, s->oldest++);
		return true;
	}
	return false;
}

void fly_scatter_shift(struct fly_scatter *s, uint64_t tsc)
{
	if (s->fragments == 0)
		return;
	for (uint32_t order = s->oldest; order != s->orders; order++)
		s->sent[order % FLY_ORDERS].at_tsc += (uint32_t)tsc;
}

void fly_scatter_stop(struct fly_scatter *s)
{
	s->acked = s->fragments;
	s->next = s->fragments;
	s->most = s->fragments;
	forget_all(s);
}

/* ---- receiving ---- */

enum fly_gathered fly_gather_begin(struct fly_gather *g, uint32_t fragment, uint32_t fragments,
				   uint32_t bytes, uint32_t limit)
{
	if (fragment + 1 >= fragments || bytes == 0)
		return FLY_GATHER_WRONG;
	if ((uint64_t)(fragments - 1) * bytes >= limit)
		return FLY_GATHER_LONG;
	*g = (struct fly_gather){.fragments = fragments, .unit = bytes, .limit = limit};
	return FLY_GATHER_NEW;
}

enum fly_gathered fly_gather_take(struct fly_gather *g, uint32_t fragment, uint32_t fragments,
				  uint32_t bytes, bool *gap_changed)
{
	const bool is_last = fragment + 1 == g->fragments;
	const uint32_t before = g->arrived;

	if (fragments != g->fragments || fragment >= fragments || bytes == 0 || bytes > g->unit ||
	    (!is_last && bytes != g->unit))
		return FLY_GATHER_WRONG;
	if (fragment < g->arrived)
		return FLY_GATHER_AGAIN;
	if (fragment - g->arrived >= FLY_SPAN)
		return FLY_GATHER_WRONG;
	if (bit(g->ahead, fragment))
		return FLY_GATHER_AGAIN;
	if (is_last && (uint64_t)fragment * g->unit + bytes > g->limit)
		return FLY_GATHER_LONG;
	/* ---- committed ---- */
	if (is_last)
		g->last_bytes = bytes;
	*gap_changed = fragment > g->top;
	if (fragment >= g->top)
		g->top = fragment + 1;
	if (fragment != g->arrived) {
		set(g->ahead, fragment);
		return FLY_GATHER_NEW;
	}
	g->arrived++;
	while (bit(g->ahead, g->arrived)) {
		clear(g->ahead, g->arrived);
		g->arrived++;
	}
	*gap_changed |= g->arrived > before + 1;
	return FLY_GATHER_NEW;
}

uint32_t fly_gather_ahead(const struct fly_gather *g, uint8_t *bytes)
{
	const uint32_t from = g->arrived + 1;
	const uint32_t bits = g->top > from ? g->top - from : 0;

	for (uint32_t i = 0; i < bits; i += 64) {
		const uint32_t at = (from + i) % FLY_SPAN;
		uint64_t word = g->ahead[at / 64] >> at % 64;

		if (at % 64 != 0)
			word |= g->ahead[(at / 64 + 1) % (FLY_SPAN / 64)] << (64 - at % 64);
		fly_put_u64(bytes + i / 8, word);
	}
	return (bits + 7) / 8;
}
