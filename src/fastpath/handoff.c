/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handoff.c - the bell of a desk, and what its poller looks at.
 *
 * The bell is a list that any thread puts a hand on, and that the poller takes as a whole. Runs on
 * the poller's thread, but for fly_handoff_ring().
 */
#include "fastpath/handoff.h"

#include <stdlib.h>

#include <firefly/status.h>

#include "fastpath/slow.h"

#define FOUND_MS 1000 /* so long a slot may lie there before the sweep says that it was missed */

void fly_handoff_queue_init(struct fly_handoff_queue *queue)
{
	*queue = (struct fly_handoff_queue){.wake_fd = -1};
	TAILQ_INIT(&queue->all);
}

void fly_handoff_queue_fini(struct fly_handoff_queue *queue)
{
	free(queue->polled);
	queue->polled = NULL;
}

int fly_handoff_add(struct fly_poller *p, struct fly_handoff *handoff)
{
	struct fly_handoff_queue *queue = &p->handoffs;
	struct fly_handoff *there;
	uint32_t n = 1;

	TAILQ_FOREACH(there, &queue->all, next)
	n++;
	if (n > queue->room) {
		const uint32_t room = RTE_MAX(2 * queue->room, 64U);
		struct fly_handoff **polled = realloc(queue->polled, room * sizeof *polled);

		if (!polled)
			return -FLY_ENOMEM;
		queue->polled = polled;
		queue->room = room;
	}
	handoff->polled_at = FLY_NOT_POLLED;
	TAILQ_INSERT_TAIL(&queue->all, handoff, next);
	p->n_sources++;
	return 0;
}

static void take_from_list(struct fly_handoff_queue *queue, struct fly_handoff *handoff)
{
	struct fly_handoff *last = queue->polled[--queue->n_polled];

	queue->polled[handoff->polled_at] = last;
	last->polled_at = handoff->polled_at;
	handoff->polled_at = FLY_NOT_POLLED;
}

void fly_handoff_remove(struct fly_poller *p, struct fly_handoff *handoff)
{
	struct fly_handoff_queue *queue = &p->handoffs;

	fly_handoff_take_rung(queue); /* it may be among those that rang */
	if (handoff->polled_at != FLY_NOT_POLLED)
		take_from_list(queue, handoff);
	TAILQ_REMOVE(&queue->all, handoff, next);
	p->n_sources--;
}

void fly_handoff_watch(struct fly_handoff_queue *queue, struct fly_handoff *handoff)
{
	handoff->acted_turn = queue->turns;
	handoff->found_ms = 0;
	if (handoff->polled_at != FLY_NOT_POLLED)
		return;
	handoff->polled_at = queue->n_polled;
	queue->polled[queue->n_polled++] = handoff;
	/* A hint: whoever reads the old value rings once too often. */
	atomic_store_explicit(&handoff->slot.polled, 1, memory_order_relaxed);
}

void fly_handoff_unwatch(struct fly_handoff_queue *queue, struct fly_handoff *handoff)
{
	if (fly_slot_stop_polling(&handoff->slot, (enum fly_slot_state)handoff->wanted))
		take_from_list(queue, handoff);
	else
		handoff->acted_turn = queue->turns;
}

void fly_handoff_ring(struct fly_handoff_queue *queue, struct fly_handoff *handoff)
{
	struct fly_handoff *before = atomic_load_explicit(&queue->rung, memory_order_relaxed);

	/* R1: whoever finds it set is behind S5 of the one who set it, and before R2: pairs with
	 * R2. */
	if (atomic_exchange_explicit(&handoff->is_rung, true, memory_order_seq_cst))
		return;
	do {
		handoff->next_rung = before;
	} while (!atomic_compare_exchange_weak_explicit(&queue->rung, &before, handoff,
							memory_order_seq_cst, /* S5, D9 */
							memory_order_relaxed));
	if (atomic_load_explicit(&queue->asleep, memory_order_seq_cst)) /* D10 */
		fly_slow_wake_poller(queue->wake_fd);
}

void fly_handoff_take_rung(struct fly_handoff_queue *queue)
{
	/* S6: pairs with S5, of each that is in the list. */
	struct fly_handoff *handoff =
		atomic_exchange_explicit(&queue->rung, NULL, memory_order_seq_cst);

	while (handoff) {
		struct fly_handoff *next = handoff->next_rung;

		/*
		 * R2: from here on it may ring again, and next_rung is the ringer's. Whoever found
		 * it rung before this handed its slot over before: the slot is looked at from
		 * now on, and that is seen. Pairs with R1.
		 */
		atomic_exchange_explicit(&handoff->is_rung, false, memory_order_seq_cst);
		fly_handoff_watch(queue, handoff);
		handoff = next;
	}
}

unsigned fly_handoff_sweep(struct fly_handoff_queue *queue, uint64_t now_ms)
{
	struct fly_handoff *handoff;
	unsigned found = 0;

	TAILQ_FOREACH(handoff, &queue->all, next)
	{
		if (handoff->polled_at != FLY_NOT_POLLED ||
		    !fly_slot_is(&handoff->slot, (enum fly_slot_state)handoff->wanted)) {
			handoff->found_ms = 0;
		} else if (handoff->found_ms == 0) {
			handoff->found_ms = now_ms + 1;
			handoff->acted_turn = queue->turns; /* of no other use now */
		} else if (now_ms >= handoff->found_ms + FOUND_MS &&
			   queue->turns - handoff->acted_turn >
				   1) { /* it has not stood still since */
			fly_handoff_watch(queue, handoff);
			found++;
		}
	}
	return found;
}

bool fly_handoff_prepare_sleep(struct fly_handoff_queue *queue)
{
	for (uint32_t i = queue->n_polled; i-- > 0;)
		fly_handoff_unwatch(queue, queue->polled[i]);
	if (queue->n_polled)
		return false;
	atomic_exchange_explicit(&queue->asleep, 1, memory_order_seq_cst); /* D11 */
	if (!atomic_load_explicit(&queue->rung, memory_order_seq_cst))     /* D12 */
		return true;
	fly_handoff_end_sleep(queue);
	return false;
}

void fly_handoff_end_sleep(struct fly_handoff_queue *queue)
{
	atomic_store_explicit(&queue->asleep, 0, memory_order_relaxed);
}
