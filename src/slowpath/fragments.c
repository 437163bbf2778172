/* SPDX-License-Identifier: BSD-3-Clause */
/* fragments.c - see fragments.h. Called by bulk.c and its two halves, which send and copy. */
#include "slowpath/fragments.h"

void fly_scatter_begin(struct fly_scatter *s, uint32_t bytes, uint32_t unit)
{
	*s = (struct fly_scatter){
		.bytes = bytes,
		.unit = unit,
		.fragments = fly_scatter_fragments(bytes, unit),
	};
}

uint32_t fly_scatter_window(uint32_t n_sending)
{
	const uint32_t least = FLY_WINDOW < 2 ? FLY_WINDOW : 2;
	const uint32_t share = n_sending ? FLY_WINDOWS / n_sending : FLY_WINDOW;

	if (share > FLY_WINDOW)
		return FLY_WINDOW;
	return share > least ? share : least;
}

/* Twice in a window, so that the answer comes before the window is used up; at its end; and for
 * the last of all. */
bool fly_scatter_wants_ack(const struct fly_scatter *s, uint32_t window)
{
	const uint32_t half = window > 1 ? window / 2 : 1;

	return !fly_scatter_ready(s, window) || (s->next - s->acked) % half == 0;
}

bool fly_scatter_acked(struct fly_scatter *s, uint32_t n)
{
	if (n <= s->acked || n > s->most)
		return false;
	s->acked = n;
	if (s->next < n)
		s->next = n;
	return true;
}

void fly_scatter_rewind(struct fly_scatter *s)
{
	s->next = s->acked < s->fragments ? s->acked : s->fragments - 1;
}

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
				  uint32_t bytes)
{
	const bool is_last = fragment + 1 == g->fragments;

	if (fragments != g->fragments || fragment >= fragments || bytes == 0 || bytes > g->unit ||
	    (!is_last && bytes != g->unit))
		return FLY_GATHER_WRONG;
	if (fragment < g->arrived)
		return FLY_GATHER_AGAIN;
	if (fragment - g->arrived >= FLY_GATHER_AHEAD)
		return FLY_GATHER_WRONG;
	if (g->ahead >> (fragment - g->arrived) & 1)
		return FLY_GATHER_AGAIN;
	if (is_last && (uint64_t)fragment * g->unit + bytes > g->limit)
		return FLY_GATHER_LONG;
	/* ---- committed ---- */
	if (is_last)
		g->last_bytes = bytes;
	g->ahead |= UINT64_C(1) << (fragment - g->arrived);
	while (g->ahead & 1) {
		g->ahead >>= 1;
		g->arrived++;
	}
	return FLY_GATHER_NEW;
}
