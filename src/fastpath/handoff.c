/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handoff.c - the bell of a desk, and what its poller looks at.
 *
 * The bell is a list that any thread puts a hand on, and that the poller takes as a whole. Runs on
 * the poller's thread, but for fly_desk_ring().
 */
#include "fastpath/handoff.h"

#include <stdlib.h>

#include <firefly/status.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"

#define FOUND_MS 1000 /* so long a slot may lie there before the sweep says that it was missed */

void fly_desk_init(struct fly_desk *desk)
{
	*desk = (struct fly_desk){.wake_fd = -1};
	TAILQ_INIT(&desk->all);
}

void fly_desk_fini(struct fly_desk *desk)
{
	free(desk->polled);
	desk->polled = NULL;
}

int fly_desk_add(struct fly_poller *p, struct fly_hand *hand)
{
	struct fly_desk *desk = &p->desk;
	struct fly_hand *there;
	uint32_t n = 1;

	TAILQ_FOREACH(there, &desk->all, next)
	n++;
	if (n > desk->room) {
		const uint32_t room = RTE_MAX(2 * desk->room, 64U);
		struct fly_hand **polled = realloc(desk->polled, room * sizeof *polled);

		if (!polled)
			return -FLY_ENOMEM;
		desk->polled = polled;
		desk->room = room;
	}
	hand->place = FLY_NO_PLACE;
	TAILQ_INSERT_TAIL(&desk->all, hand, next);
	p->n_doors++;
	return 0;
}

static void take_from_list(struct fly_desk *desk, struct fly_hand *hand)
{
	struct fly_hand *last = desk->polled[--desk->n_polled];

	desk->polled[hand->place] = last;
	last->place = hand->place;
	hand->place = FLY_NO_PLACE;
}

void fly_desk_remove(struct fly_poller *p, struct fly_hand *hand)
{
	struct fly_desk *desk = &p->desk;

	fly_desk_answer(desk); /* it may be among those that rang */
	if (hand->place != FLY_NO_PLACE)
		take_from_list(desk, hand);
	TAILQ_REMOVE(&desk->all, hand, next);
	p->n_doors--;
}

void fly_desk_watch(struct fly_desk *desk, struct fly_hand *hand)
{
	hand->acted_turn = desk->turns;
	hand->found_ms = 0;
	if (hand->place != FLY_NO_PLACE)
		return;
	hand->place = desk->n_polled;
	desk->polled[desk->n_polled++] = hand;
	/* A hint: whoever reads the old value rings once too often. */
	atomic_store_explicit(&hand->slot.polled, 1, memory_order_relaxed);
}

void fly_desk_leave(struct fly_desk *desk, struct fly_hand *hand)
{
	if (fly_slot_stop_polling(&hand->slot, (enum fly_slot_state)hand->wanted))
		take_from_list(desk, hand);
	else
		hand->acted_turn = desk->turns;
}

void fly_desk_ring(struct fly_desk *desk, struct fly_hand *hand)
{
	struct fly_hand *before = atomic_load_explicit(&desk->rung, memory_order_relaxed);

	/* R1: whoever finds it set is behind S5 of the one who set it, and before R2: pairs with
	 * R2. */
	if (atomic_exchange_explicit(&hand->is_rung, true, memory_order_seq_cst))
		return;
	/* S5: publishes next_rung; pairs with S6. D9, D10: store, then load; against D11, D12. */
	do {
		hand->next_rung = before;
	} while (!atomic_compare_exchange_weak_explicit(&desk->rung, &before, hand,
							memory_order_seq_cst, /* S5, D9 */
							memory_order_relaxed));
	if (atomic_load_explicit(&desk->asleep, memory_order_seq_cst)) /* D10 */
		fly_slow_wake_poller(desk->wake_fd);
}

void fly_desk_answer(struct fly_desk *desk)
{
	/* S6: pairs with S5, of each that is in the list. */
	struct fly_hand *hand = atomic_exchange_explicit(&desk->rung, NULL, memory_order_seq_cst);

	while (hand) {
		struct fly_hand *next = hand->next_rung;

		/*
		 * R2: from here on it may ring again, and next_rung is the ringer's. Whoever found
		 * it rung before this handed its slot over before: the slot is looked at from
		 * now on, and that is seen. Pairs with R1.
		 */
		atomic_exchange_explicit(&hand->is_rung, false, memory_order_seq_cst);
		fly_desk_watch(desk, hand);
		hand = next;
	}
}

unsigned fly_desk_sweep(struct fly_desk *desk, uint64_t now_ms)
{
	struct fly_hand *hand;
	unsigned found = 0;

	TAILQ_FOREACH(hand, &desk->all, next)
	{
		if (hand->place != FLY_NO_PLACE ||
		    !fly_slot_is(&hand->slot, (enum fly_slot_state)hand->wanted)) {
			hand->found_ms = 0;
		} else if (hand->found_ms == 0) {
			hand->found_ms = now_ms + 1;
			hand->acted_turn = desk->turns; /* of no other use now */
		} else if (now_ms >= hand->found_ms + FOUND_MS &&
			   desk->turns - hand->acted_turn > 1) { /* it has not stood still since */
			fly_desk_watch(desk, hand);
			found++;
		}
	}
	return found;
}

bool fly_desk_close_eyes(struct fly_desk *desk)
{
	for (uint32_t i = desk->n_polled; i-- > 0;)
		fly_desk_leave(desk, desk->polled[i]);
	if (desk->n_polled)
		return false;
	atomic_exchange_explicit(&desk->asleep, 1, memory_order_seq_cst); /* D11 */
	if (!atomic_load_explicit(&desk->rung, memory_order_seq_cst))     /* D12 */
		return true;
	fly_desk_open_eyes(desk);
	return false;
}

void fly_desk_open_eyes(struct fly_desk *desk)
{
	atomic_store_explicit(&desk->asleep, 0, memory_order_relaxed);
}
