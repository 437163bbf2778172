/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handoff.h - the handoff queue, through which a poller and threads of this process pass calls.
 *
 * A queue belongs to one poller. In each turn the poller polls the slots that were used lately, and
 * the list of those that were rung for. Any thread may ring; all else is on the poller's thread.
 * threads/caller.c and threads/worker.c know what is behind a slot.
 */
#ifndef FLY_HANDOFF_H
#define FLY_HANDOFF_H

#include <sys/queue.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_pause.h>

#include "fastpath/slot.h"

struct fly_poller;

#define FLY_NOT_POLLED UINT32_MAX

/* `asleep` of a handoff's slot: how to wake its other side. */
enum fly_asleep {
	FLY_AWAKE,
	FLY_ASLEEP_FUTEX, /* the other side waits on the state word */
	FLY_ASLEEP_EVENT, /* an event loop is told: threads/caller.h, local/caller.h */
	FLY_ASLEEP_TURN, /* the other side waits for the poller's turn as well: threads/elected.h */
};

struct fly_handoff;
typedef void fly_handoff_act(struct fly_poller *p, struct fly_handoff *handoff);

/* A slot between the poller and another thread. */
struct fly_handoff {
	/* ---- lines 0 to 3: both sides ---- */
	struct fly_slot slot;
	/* ---- line 4: the poller's ---- */
	_Atomic(fly_handoff_act *) act; /* the slot is in state `wanted`, its word is `acted`;
					   relaxed: the poller may read it late, of a call that was
					   withdrawn */
	uint32_t wanted;                /* enum fly_slot_state that the poller acts on */
	uint32_t polled_at;             /* index in the queue's `polled`; FLY_NOT_POLLED */
	uint32_t acted;                 /* the state word that it acted on last */
	uint64_t acted_turn; /* queue turn of the last act; or of the sweep that set found_ms */
	uint64_t found_ms;   /* 1 + when the sweep found it `wanted` and not polled; 0: not found */
	TAILQ_ENTRY(fly_handoff) next;
	/* ---- line 5: the ringing thread's, then the poller's ---- */
	struct fly_handoff *next_rung __rte_cache_aligned; /* plain: published by S5 */
	_Atomic bool is_rung;                              /* in the rung list */
} __rte_cache_aligned;

static_assert(offsetof(struct fly_handoff, act) == 256, "the slot has its lines to itself");

struct fly_handoff_queue {
	/* ---- line 0: ringing threads ---- */
	_Atomic(struct fly_handoff *) rung; /* rung handoffs, the newest first */
	_Atomic uint32_t asleep;            /* the poller sleeps: wake it by wake_fd */
	int wake_fd;                        /* an eventfd; -1: this poller never sleeps */
	_Atomic int core; /* by the poller: where it yielded last, to threads of that core; -1 */
	/* ---- line 1: the poller ---- */
	struct fly_handoff **polled __rte_cache_aligned; /* polled in each turn */
	uint32_t n_polled;
	uint32_t room; /* of polled */
	uint64_t turns;
	TAILQ_HEAD(fly_handoff_list, fly_handoff) all;
};

/* The poller stops polling a slot that is not used for so many turns: some 50 us. */
#define FLY_HANDOFF_PATIENCE 2048

/* fly_handoff_queue_init() - an empty queue. fly_handoff_queue_fini(): all handoffs are removed. */
void fly_handoff_queue_init(struct fly_handoff_queue *queue);
void fly_handoff_queue_fini(struct fly_handoff_queue *queue);

/*
 * fly_handoff_add() - add a handoff, whose slot is FREE, and whose act and wanted are set.
 * Return: 0 or -FLY_ENOMEM.
 *
 * fly_handoff_remove() - remove a handoff. Nobody rings for it any more.
 */
int fly_handoff_add(struct fly_poller *p, struct fly_handoff *handoff);
void fly_handoff_remove(struct fly_poller *p, struct fly_handoff *handoff);

/* fly_handoff_watch() - poll this slot from the next turn on, without being rung for. */
void fly_handoff_watch(struct fly_handoff_queue *queue, struct fly_handoff *handoff);

/* fly_handoff_ring() - the slot was handed over, and the poller does not poll it: any thread. */
void fly_handoff_ring(struct fly_handoff_queue *queue, struct fly_handoff *handoff);

/* fly_handoff_take_rung() - poll the slots in the rung list. For fly_handoff_turn(). */
void fly_handoff_take_rung(struct fly_handoff_queue *queue);

/* fly_handoff_unwatch() - stop polling this slot, unless it was handed over meanwhile. */
void fly_handoff_unwatch(struct fly_handoff_queue *queue, struct fly_handoff *handoff);

/* fly_handoff_turn() - act on the slots that were handed over. Return: how many. */
static __rte_always_inline unsigned fly_handoff_turn(struct fly_poller *p,
						     struct fly_handoff_queue *queue)
{
	const uint64_t turn = ++queue->turns;
	unsigned n = 0;

	/* Only a hint: S6 reads the list itself. */
	if (unlikely(atomic_load_explicit(&queue->rung, memory_order_relaxed) != NULL))
		fly_handoff_take_rung(queue);
	/* Backwards: the last one takes the index of one that is removed. */
	for (uint32_t i = queue->n_polled; i-- > 0;) {
		struct fly_handoff *handoff = queue->polled[i];
		const uint32_t word = fly_slot_word(&handoff->slot);

		if (word != handoff->acted &&
		    fly_slot_says(word, (enum fly_slot_state)handoff->wanted)) {
			handoff->acted = word;
			handoff->acted_turn = turn;
			atomic_load_explicit(&handoff->act, memory_order_relaxed)(p, handoff);
			n++;
		} else if (unlikely(turn - handoff->acted_turn > FLY_HANDOFF_PATIENCE)) {
			fly_handoff_unwatch(queue, handoff);
		}
	}
	if (n == 0 && queue->n_polled != 0)
		rte_pause(); /* and leave the lines alone for a moment */
	return n;
}

/*
 * fly_handoff_sweep() - find slots that were handed over and are not polled, once in a while. There
 * must be none. @now_ms: of the poller.
 * Return: how many were found; they are polled now.
 */
unsigned fly_handoff_sweep(struct fly_handoff_queue *queue, uint64_t now_ms);

/*
 * fly_handoff_prepare_sleep() - stop polling, and let ringing threads wake the poller.
 * Return: false: something was handed over already, the poller stays awake.
 *
 * fly_handoff_end_sleep() - the poller is awake.
 */
bool fly_handoff_prepare_sleep(struct fly_handoff_queue *queue);
void fly_handoff_end_sleep(struct fly_handoff_queue *queue);

#endif
