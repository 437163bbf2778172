/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handoff.h - where threads of this process hand calls to a poller, and get them from it.
 *
 * A desk belongs to one poller, which looks at it in each turn: at the slots that were used lately,
 * and at the bell, by which the others announce themselves. Any thread may ring; all else is on the
 * poller's thread. Who is behind a slot is not the desk's business: attached.c, worker.c.
 */
#ifndef FLY_HANDOFF_H
#define FLY_HANDOFF_H

#include <sys/queue.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "fastpath/slot.h"

struct fly_poller;

#define FLY_NOT_POLLED UINT32_MAX

/* What `asleep` of a slot at a desk says: how to wake whoever is at its other side. */
enum fly_asleep {
	FLY_AWAKE,
	FLY_ASLEEP_FUTEX, /* it waits on the state word */
	FLY_ASLEEP_EVENT, /* somebody waits for its event_fd */
};

/* A slot between the poller and another thread. */
struct fly_handoff {
	/* ---- line 0: both sides ---- */
	struct fly_slot slot;
	/* ---- line 1: the poller's ---- */
	void (*act)(struct fly_poller *p,
		    struct fly_handoff *handoff); /* the slot is in state `wanted` */
	uint32_t wanted;     /* enum fly_slot_state: the one that the poller is to act on */
	uint32_t polled_at;  /* in the desk's list of those that it looks at; FLY_NOT_POLLED */
	uint64_t acted_turn; /* when it last did; of the desk's turns; or when found_ms was set */
	uint64_t found_ms;   /* by the sweep: in that state, and nobody looks at it, since; 0: no */
	TAILQ_ENTRY(fly_handoff) next;
	int event_fd; /* FLY_ASLEEP_EVENT: written to when the slot is handed over; else -1 */
	/* ---- line 2: whoever rings, then the poller ---- */
	struct fly_handoff *next_rung __rte_cache_aligned; /* plain: published by S5 */
	_Atomic bool is_rung;                              /* it is in the list of those */
} __rte_cache_aligned;

static_assert(offsetof(struct fly_handoff, act) == 64, "the slot has a line to itself");

struct fly_handoff_queue {
	/* ---- line 0: whoever rings ---- */
	_Atomic(struct fly_handoff *) rung; /* those that rang: the newest first */
	_Atomic uint32_t asleep;            /* the poller sleeps, and is to be woken by wake_fd */
	int wake_fd;                        /* an eventfd; -1: nobody ever sleeps here */
	/* ---- line 1: the poller ---- */
	struct fly_handoff **polled __rte_cache_aligned; /* looked at in each turn */
	uint32_t n_polled;
	uint32_t room; /* of polled */
	uint64_t turns;
	TAILQ_HEAD(fly_handoff_list, fly_handoff) all;
};

/* A slot that is not used for so many turns is not looked at any more: some 50 us. */
#define FLY_HANDOFF_PATIENCE 2048

/* fly_handoff_queue_init() - an empty desk. fly_handoff_queue_fini() ends it: no hand is at it any
 * more. */
void fly_handoff_queue_init(struct fly_handoff_queue *queue);
void fly_handoff_queue_fini(struct fly_handoff_queue *queue);

/*
 * fly_handoff_add() - a hand whose slot is FREE or RUNNING, and whose act and wanted are set, is at
 * this desk from now on. Return: 0 or -FLY_ENOMEM. fly_handoff_remove(): it is not, and nobody
 * rings for it.
 */
int fly_handoff_add(struct fly_poller *p, struct fly_handoff *handoff);
void fly_handoff_remove(struct fly_poller *p, struct fly_handoff *handoff);

/* fly_handoff_watch() - look at this one from the next turn on, without being rung for. */
void fly_handoff_watch(struct fly_handoff_queue *queue, struct fly_handoff *handoff);

/* fly_handoff_ring() - this one was handed over, and the poller does not look: any thread. */
void fly_handoff_ring(struct fly_handoff_queue *queue, struct fly_handoff *handoff);

/* fly_handoff_take_rung() - somebody has rung: look at those. For fly_handoff_turn(). */
void fly_handoff_take_rung(struct fly_handoff_queue *queue);

/* fly_handoff_unwatch() - do not look at this one any more, if it was not handed over meanwhile. */
void fly_handoff_unwatch(struct fly_handoff_queue *queue, struct fly_handoff *handoff);

/* fly_handoff_turn() - see to what was handed over. Return: how much. */
static __rte_always_inline unsigned fly_handoff_turn(struct fly_poller *p,
						     struct fly_handoff_queue *queue)
{
	const uint64_t turn = ++queue->turns;
	unsigned n = 0;

	/* Only a hint: what is behind it is read with S6. */
	if (unlikely(atomic_load_explicit(&queue->rung, memory_order_relaxed) != NULL))
		fly_handoff_take_rung(queue);
	/* The other way round: one that leaves has its place taken by the last. */
	for (uint32_t i = queue->n_polled; i-- > 0;) {
		struct fly_handoff *handoff = queue->polled[i];

		if (fly_slot_is(&handoff->slot, (enum fly_slot_state)handoff->wanted)) {
			handoff->acted_turn = turn;
			handoff->act(p, handoff);
			n++;
		} else if (unlikely(turn - handoff->acted_turn > FLY_HANDOFF_PATIENCE)) {
			fly_handoff_unwatch(queue, handoff);
		}
	}
	return n;
}

/*
 * fly_handoff_sweep() - once in a while: is there a slot that was handed over, and nobody looks?
 * There must be none. @now_ms: of the poller. Return: how many were found, and are looked at now.
 */
unsigned fly_handoff_sweep(struct fly_handoff_queue *queue, uint64_t now_ms);

/*
 * fly_handoff_prepare_sleep() - the poller is about to sleep: it looks at nothing any more, and
 * whoever rings is to wake it. Return: false: something was handed over already, it stays awake.
 * fly_handoff_end_sleep(): it is awake.
 */
bool fly_handoff_prepare_sleep(struct fly_handoff_queue *queue);
void fly_handoff_end_sleep(struct fly_handoff_queue *queue);

#endif
