/* SPDX-License-Identifier: BSD-3-Clause */
/* mtu_search.c - see mtu_search.h. Pure. Called by path_mtu.c, which sends the probes. */
#include "slowpath/mtu_search.h"

#define COMMON 1440 /* over an MTU of 1500: what longer paths often have in between */

void fly_mtu_begin(struct fly_mtu_search *s, uint32_t top)
{
	*s = (struct fly_mtu_search){
		.top = top,
		.limit = top,
		.high = top + 1,
		.size = top,
		.phase = FLY_MTU_CONFIRM,
	};
}

bool fly_mtu_suspect(struct fly_mtu_search *s)
{
	if (s->phase < FLY_MTU_SEARCHING || s->limit <= FLY_MTU_FLOOR)
		return false;
	s->phase = FLY_MTU_CONFIRM;
	s->size = s->limit;
	s->fails = 0;
	s->silent = 0;
	return true;
}

void fly_mtu_raise(struct fly_mtu_search *s)
{
	s->phase = FLY_MTU_SEARCHING;
	s->is_raise = true;
	s->high = s->top + 1;
	s->size = s->top;
	s->fails = 0;
	s->silent = 0;
}

static void done(struct fly_mtu_search *s)
{
	s->phase = FLY_MTU_DONE;
	s->size = 0;
	s->is_raise = false;
}

/* The next size between what arrives and what does not. */
static void next(struct fly_mtu_search *s)
{
	if (s->high - s->low <= FLY_MTU_STEP)
		done(s);
	else if (s->low < COMMON && COMMON < s->high)
		s->size = COMMON;
	else
		s->size = s->low + (s->high - s->low) / 2;
}

static enum fly_mtu_news narrow(struct fly_mtu_search *s, uint32_t to)
{
	s->limit = to;
	s->low = to;
	s->phase = FLY_MTU_SEARCHING;
	next(s);
	return FLY_MTU_NARROWED;
}

static enum fly_mtu_news arrived(struct fly_mtu_search *s)
{
	s->fails = 0;
	switch (s->phase) {
	case FLY_MTU_CONFIRM:
		if (s->limit == s->top)
			return FLY_MTU_OVER;
		s->phase = FLY_MTU_SEARCHING; /* as far as it had not come to its end */
		next(s);
		return FLY_MTU_SAME;
	case FLY_MTU_BASING:
		return narrow(s, s->size);
	default:
		s->low = s->limit = s->size;
		if (s->size == s->top)
			return FLY_MTU_OVER;
		next(s);
		return FLY_MTU_WIDENED;
	}
}

static enum fly_mtu_news failed(struct fly_mtu_search *s)
{
	const uint8_t most = s->phase == FLY_MTU_CONFIRM ? FLY_MTU_CONFIRMS : FLY_MTU_PROBES;

	if (++s->fails < most)
		return FLY_MTU_SAME;
	s->fails = 0;
	s->high = s->size;
	if (s->phase == FLY_MTU_SEARCHING) {
		next(s);
		return FLY_MTU_SAME;
	}
	if (s->phase == FLY_MTU_BASING || s->high <= FLY_MTU_BASE)
		return narrow(s, FLY_MTU_FLOOR);
	s->phase = FLY_MTU_BASING;
	s->size = FLY_MTU_BASE;
	return FLY_MTU_SAME;
}

/* What was found stays for those that are there again soon; but it is not kept for the gone. */
static enum fly_mtu_news unheard(struct fly_mtu_search *s)
{
	if (++s->silent < FLY_MTU_SILENT)
		return FLY_MTU_SAME;
	if (s->limit == s->top || s->is_raise)
		return FLY_MTU_OVER;
	done(s);
	return FLY_MTU_SAME;
}

enum fly_mtu_news fly_mtu_round(struct fly_mtu_search *s, bool big, bool small)
{
	if (!big && !small)
		return unheard(s);
	s->silent = 0;
	return big ? arrived(s) : failed(s);
}
