/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * due.c - see due.h. Called by bulk.c, on the poller's thread. Must not handle what is due.
 *
 * Slot number N is for times from N times a width on. Those too far ahead are put into the last
 * slot, and move on from there.
 */
#include "slowpath/bulk/due.h"

#define SLOTS_PER_MS 8

static_assert(FLY_DUE_SLOTS == 64, "one bit each");

static uint64_t width(const struct fly_poller *p)
{
	return RTE_MAX(p->tsc_per_ms / SLOTS_PER_MS, UINT64_C(1));
}

void fly_due_init(struct fly_poller *p)
{
	for (unsigned i = 0; i < FLY_DUE_SLOTS; i++)
		LIST_INIT(&p->bulk.due[i]);
	p->bulk.due_bits = 0;
	p->bulk.due_slot = 0;
}

static void take_out(struct fly_poller *p, struct fly_bulk *b)
{
	const unsigned i = b->due_slot % FLY_DUE_SLOTS;

	LIST_REMOVE(b, due);
	b->is_in_wheel = false;
	if (LIST_EMPTY(&p->bulk.due[i]))
		p->bulk.due_bits &= ~(UINT64_C(1) << i);
}

static void put_in(struct fly_poller *p, struct fly_bulk *b)
{
	const uint64_t first = p->bulk.due_slot;
	uint64_t slot = b->due_tsc / width(p);

	slot = RTE_MIN(RTE_MAX(slot, first), first + FLY_DUE_SLOTS - 1);
	b->due_slot = slot;
	b->is_in_wheel = true;
	LIST_INSERT_HEAD(&p->bulk.due[slot % FLY_DUE_SLOTS], b, due);
	p->bulk.due_bits |= UINT64_C(1) << slot % FLY_DUE_SLOTS;
}

void fly_due_set(struct fly_poller *p, struct fly_bulk *b, uint64_t at_tsc)
{
	b->due_tsc = at_tsc;
	if (at_tsc == FLY_NEVER)
		return; /* taken out when the time of its slot comes */
	if (b->is_in_wheel && at_tsc / width(p) >= b->due_slot)
		return;
	if (b->is_in_wheel)
		take_out(p, b);
	if (p->bulk.due_bits == 0)
		p->bulk.due_slot = p->now_tsc / width(p);
	put_in(p, b);
}

void fly_due_forget(struct fly_poller *p, struct fly_bulk *b)
{
	if (b->is_in_wheel)
		take_out(p, b);
}

/* The number of the first slot that is not empty. There is one. */
static uint64_t first_slot(const struct fly_poller *p)
{
	const unsigned at = p->bulk.due_slot % FLY_DUE_SLOTS;
	const uint64_t bits = p->bulk.due_bits;
	const uint64_t ahead = at ? bits >> at | bits << (FLY_DUE_SLOTS - at) : bits;

	return p->bulk.due_slot + (unsigned)__builtin_ctzll(ahead);
}

/*
 * The time of all slots has passed: after an absence, which has put off what they hold. One by one
 * the slots would be passed for each width of that time.
 */
static void put_in_again(struct fly_poller *p, uint64_t now)
{
	LIST_HEAD(, fly_bulk) all = LIST_HEAD_INITIALIZER(all);
	struct fly_bulk *b;

	while (p->bulk.due_bits != 0) {
		b = LIST_FIRST(&p->bulk.due[__builtin_ctzll(p->bulk.due_bits)]);
		take_out(p, b);
		LIST_INSERT_HEAD(&all, b, due);
	}
	p->bulk.due_slot = now;
	while ((b = LIST_FIRST(&all)) != NULL) {
		LIST_REMOVE(b, due);
		if (b->due_tsc != FLY_NEVER)
			put_in(p, b);
	}
}

struct fly_bulk *fly_due_take(struct fly_poller *p)
{
	const uint64_t now = p->now_tsc / width(p);

	if (p->bulk.due_bits != 0 && now >= p->bulk.due_slot + FLY_DUE_SLOTS)
		put_in_again(p, now);
	while (p->bulk.due_bits != 0) {
		const uint64_t slot = first_slot(p);
		struct fly_bulk *next;
		struct fly_bulk *b;

		if (slot > now)
			break;
		p->bulk.due_slot = slot;
		for (b = LIST_FIRST(&p->bulk.due[slot % FLY_DUE_SLOTS]); b; b = next) {
			next = LIST_NEXT(b, due);
			if (b->due_tsc <= p->now_tsc) {
				take_out(p, b);
				b->due_tsc = FLY_NEVER;
				return b;
			}
			if (b->due_tsc / width(p) == slot)
				continue; /* later in this slot */
			take_out(p, b);
			if (b->due_tsc != FLY_NEVER)
				put_in(p, b);
		}
		if (slot == now)
			break;
		p->bulk.due_slot = slot + 1; /* which is empty now */
	}
	if (p->bulk.due_slot < now)
		p->bulk.due_slot = now;
	return NULL;
}

uint64_t fly_due_next(const struct fly_poller *p)
{
	const struct fly_bulk *b;
	uint64_t next;
	uint64_t slot;

	if (p->bulk.due_bits == 0)
		return FLY_NEVER;
	slot = first_slot(p);
	if (slot > p->now_tsc / width(p))
		return slot * width(p);
	next = (slot + 1) * width(p); /* for those that were put off, and for other slots */
	LIST_FOREACH(b, &p->bulk.due[slot % FLY_DUE_SLOTS], due)
	next = RTE_MIN(next, b->due_tsc);
	return next;
}
