/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slot.h - a slot: how a call changes hands between a poller and another thread or process.
 *
 * One side is always a poller. The other is a thread that calls (an attached caller; a client on
 * this machine, in its own process) or one that is called (a worker). All transitions are here; who
 * may make them is said at each. Nothing in here waits, rings or calls the system.
 *
 * Both sides write to the same cache line, and a call with small arguments and results needs no
 * other: it is two transfers of one line, as few as there can be. docs/performance.md, "Hand-off".
 */
#ifndef FLY_SLOT_H
#define FLY_SLOT_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Legal orders of a slot's state:
 *   FREE -> CALL         whoever calls has written what the slot holds
 *   CALL -> RUNNING      whoever answers has claimed it: the procedure is about to run
 *   CALL -> FREE         whoever calls has taken it back; it has not run and will not
 *   RUNNING -> RESULT    whoever answers has written the result
 *   RESULT -> FREE       whoever calls has read it
 *   FREE -> RESULT       whoever calls answers a call itself that it has taken back
 * In memory that is shared with another process the other side may write anything at any time: each
 * transition names what it expects, and what is found instead is the other side's loss.
 */
enum fly_slot_state {
	FLY_SLOT_FREE,
	FLY_SLOT_CALL,
	FLY_SLOT_RUNNING,
	FLY_SLOT_RESULT,
};

#define FLY_SLOT_BYTES 40 /* of arguments or results that need no other line */

/*
 * Looking and ringing
 *
 * A poller looks at a slot that was used lately in each turn (`polled`), and at others only when
 * somebody rings. Whoever hands a slot over must know whether to ring, and the poller that stops
 * looking must know that nobody handed it over without ringing: each stores, then loads what
 * the other one stores (Dekker). Release and acquire do not order that, not even on x86, where a
 * store waits in a buffer while the load behind it is made: so both stores and both loads are
 * sequentially consistent, and one of the two sides sees the other. The same holds for a side that
 * goes to sleep (`asleep`) and the poller that must wake it. tests/model/handoff.pml has the proof,
 * with store buffers.
 */
struct fly_slot {
	_Atomic uint32_t state; /* enum fly_slot_state */
	_Atomic uint8_t polled; /* written by the poller: it looks at this slot in each turn */
	_Atomic uint8_t
		asleep;       /* written by the other side: it does not look, and is to be woken */
	_Atomic uint8_t gone; /* written by whoever calls, while RUNNING: nobody reads the result */
	uint8_t kind;         /* what `bytes` hold, as both sides have agreed */
	uint16_t procedure;
	int16_t status;   /* of a result: 0 or negative */
	uint32_t length;  /* bytes of arguments, then of results */
	uint32_t left_us; /* of a call: until its deadline; 0: it has none */
	uint32_t seq;     /* of a call; grows by one per call of this slot, for whoever traces it */
	uint8_t bytes[FLY_SLOT_BYTES];
};

static_assert(sizeof(struct fly_slot) == 64, "one cache line");
static_assert(offsetof(struct fly_slot, bytes) == 24, "which may hold pointers");

/*
 * fly_slot_to_poller() - the other side hands its slot over.
 * @state: CALL, if it calls: the slot was FREE; RESULT, if it was called: the slot was RUNNING.
 * Return: the poller does not look at it: it is to be rung for.
 * S1: publishes what the slot holds; pairs with S2, S4. D1, D2: store, then load; against D3, D4.
 */
static inline bool fly_slot_to_poller(struct fly_slot *s, enum fly_slot_state state)
{
	atomic_exchange_explicit(&s->state, state, memory_order_seq_cst); /* S1, D1 */
	return !atomic_load_explicit(&s->polled, memory_order_seq_cst);   /* D2 */
}

/*
 * fly_slot_stop_polling() - the poller does not look at this slot any more, until it is rung for.
 * @wanted: the state that the poller acts on.
 * Return: false: it is in that state already, and the poller goes on looking.
 */
static inline bool fly_slot_stop_polling(struct fly_slot *s, enum fly_slot_state wanted)
{
	atomic_exchange_explicit(&s->polled, 0, memory_order_seq_cst);                 /* D3 */
	if (atomic_load_explicit(&s->state, memory_order_seq_cst) != (uint32_t)wanted) /* D4 */
		return true;
	atomic_store_explicit(&s->polled, 1, memory_order_relaxed); /* a hint: it may be late */
	return false;
}

/*
 * fly_slot_from_poller() - the poller hands a slot over to the other side.
 * @state: RESULT, to one that calls; CALL, to a worker.
 * Return: the other side sleeps, it is to be woken.
 * S3: publishes what the slot holds; pairs with S2, S4. D5, D6: against D7, D8.
 */
static inline bool fly_slot_from_poller(struct fly_slot *s, enum fly_slot_state state)
{
	atomic_exchange_explicit(&s->state, state, memory_order_seq_cst);   /* S3, D5 */
	return atomic_load_explicit(&s->asleep, memory_order_seq_cst) != 0; /* D6 */
}

/*
 * fly_slot_go_asleep() - the other side is about to sleep until the slot is handed to it.
 * @how: not 0; what `asleep` is to say. @while_state: the state that it does not wait for.
 * Return: false: there is no need to, the slot has changed already.
 */
static inline bool fly_slot_go_asleep(struct fly_slot *s, uint8_t how,
				      enum fly_slot_state while_state)
{
	atomic_exchange_explicit(&s->asleep, how, memory_order_seq_cst);                    /* D7 */
	if (atomic_load_explicit(&s->state, memory_order_seq_cst) == (uint32_t)while_state) /* D8 */
		return true;
	atomic_store_explicit(&s->asleep, 0, memory_order_relaxed);
	return false;
}

/* fly_slot_is() - S2: what was published with this state may be read now; pairs with S1, S3. */
static inline bool fly_slot_is(const struct fly_slot *s, enum fly_slot_state state)
{
	return atomic_load_explicit(&s->state, memory_order_acquire) == (uint32_t)state;
}

/*
 * fly_slot_claim() - whoever answers takes the call, unless whoever calls has taken it back.
 * S4: what was published with CALL may be read now; pairs with S1, S3.
 */
static inline bool fly_slot_claim(struct fly_slot *s)
{
	uint32_t expected = FLY_SLOT_CALL;

	return atomic_compare_exchange_strong_explicit(&s->state, &expected, FLY_SLOT_RUNNING,
						       memory_order_acquire, memory_order_relaxed);
}

/*
 * fly_slot_withdraw() - whoever calls takes the call back, unless it was claimed. No order is
 * needed: it reads nothing that the other side wrote.
 */
static inline bool fly_slot_withdraw(struct fly_slot *s)
{
	uint32_t expected = FLY_SLOT_CALL;

	return atomic_compare_exchange_strong_explicit(&s->state, &expected, FLY_SLOT_FREE,
						       memory_order_relaxed, memory_order_relaxed);
}

/*
 * fly_slot_answer_own() - whoever calls answers a call itself that it has withdrawn: its result is
 * read as any other. Nobody else sees it.
 */
static inline void fly_slot_answer_own(struct fly_slot *s, int status)
{
	s->status = (int16_t)status;
	s->length = 0;
	atomic_store_explicit(&s->state, FLY_SLOT_RESULT, memory_order_relaxed);
}

/* fly_slot_release() - whoever calls has read the result. Its own: nobody acts on FREE. */
static inline void fly_slot_release(struct fly_slot *s)
{
	atomic_store_explicit(&s->state, FLY_SLOT_FREE, memory_order_relaxed);
}

#endif
