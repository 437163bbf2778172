/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handoff.c - a poller's handoff queue: its list of rung handoffs, and the handoffs that it polls.
 *
 * Any thread may ring: it pushes its handoff onto a list, which the poller takes as a whole. All
 * but fly_handoff_ring() runs on the poller's thread.
 */
#include "fastpath/handoff.h"

#include <stdlib.h>

#include <firefly/status.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"

#define FOUND_MS 1000 /* not polled for so long after it was handed over: a slot was missed */

void fly_handoff_queue_init(struct fly_handoff_queue *queue)
{
	*queue = (struct fly_handoff_queue){.wake_fd = -1, .core = -1};
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

	fly_handoff_take_rung(queue); /* the handoff may be in the rung list */
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
	/* A hint: the other side rings once more if it reads the old value. */
	atomic_store_explicit(&handoff->slot.polled, 1, memory_order_relaxed);
}

void fly_handoff_unwatch(struct fly_handoff_queue *queue, struct fly_handoff *handoff)
{
	if (fly_slot_stop_polling(&handoff->slot, (enum fly_slot_state)handoff->wanted,
				  handoff->acted))
		take_from_list(queue, handoff);
	else
		handoff->acted_turn = queue->turns;
}

void fly_handoff_ring(struct fly_handoff_queue *queue, struct fly_handoff *handoff)
{
	struct fly_handoff *before = atomic_load_explicit(&queue->rung, memory_order_relaxed);

	/*
	 * R1: a thread that finds is_rung set comes after S5 of the thread that set it, before R2.
	 * Pairs with R2.
	 */
	if (atomic_exchange_explicit(&handoff->is_rung, true, memory_order_seq_cst))
		return;
	/* S5: publishes next_rung; pairs with S6. D9, D10: store, then load; against D11, D12. */
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
	/* S6: pairs with S5 of each handoff in the list. */
	struct fly_handoff *handoff =
		atomic_exchange_explicit(&queue->rung, NULL, memory_order_seq_cst);

	while (handoff) {
		struct fly_handoff *next = handoff->next_rung;

		/*
		 * R2: from here on the handoff may ring again, and next_rung is the ringer's. A
		 * thread that found is_rung set handed its slot over before R2: the poller polls
		 * the slot from now on, and sees it. Pairs with R1.
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
		const uint32_t word = fly_slot_word(&handoff->slot);

		if (handoff->polled_at != FLY_NOT_POLLED || word == handoff->acted ||
		    !fly_slot_says(word, (enum fly_slot_state)handoff->wanted)) {
			handoff->found_ms = 0;
		} else if (handoff->found_ms == 0) {
			handoff->found_ms = now_ms + 1;
			handoff->acted_turn = queue->turns; /* when found */
		} else if (now_ms >= handoff->found_ms + FOUND_MS &&
			   queue->turns - handoff->acted_turn > 1) { /* took turns since */
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
