/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slot.h - a slot: passes a call between a poller and another thread or process.
 *
 * One side is always a poller. The other side calls (an attached caller; a client in another
 * process of this machine) or is called (a worker). All transitions are here; each says which side
 * makes it. Nothing here waits, rings or makes a system call.
 *
 * Both sides write to the same cache line, and a call with small arguments and results needs no
 * other: two transfers of one line, the least possible. docs/performance.md, "Hand-off".
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
 *   FREE -> CALL         the calling side has written the call
 *   CALL -> RUNNING      the answering side has claimed it: the procedure is about to run
 *   RUNNING -> CALL      the answering side puts it back: it has not run, but will later
 *   CALL -> FREE         the calling side has withdrawn it: it has not run and will not
 *   RUNNING -> RESULT    the answering side has written the result
 *   RESULT -> FREE       the calling side has read it
 *   FREE -> RESULT       the calling side ends a call itself that it has withdrawn
 * In memory that is shared with another process the other side may write anything at any time. Each
 * transition names the state that it expects. A side that stores another state harms itself only.
 */
enum fly_slot_state {
	FLY_SLOT_FREE,
	FLY_SLOT_CALL,
	FLY_SLOT_RUNNING,
	FLY_SLOT_RESULT,
};

#define FLY_SLOT_BYTES 40 /* of arguments or results that need no other line */

/*
 * Polling and ringing
 *
 * In each turn a poller polls the slots that were used lately (`polled`), and other slots only when
 * rung for. The side that hands a slot over must know whether to ring. The poller that stops
 * polling must know that no slot was handed over without a ring. Each stores, then loads what the
 * other one stores (Dekker). Release and acquire do not order that, not even on x86, where a store
 * waits in a buffer while the load behind it is made. Both stores and both loads are sequentially
 * consistent: one of the two sides sees the other. The same holds for a side that goes to sleep
 * (`asleep`) and the poller that must wake it. tests/model/handoff.pml has the proof.
 */
struct fly_slot {
	_Atomic uint32_t state; /* enum fly_slot_state */
	_Atomic uint8_t polled; /* by the poller: it polls this slot in each turn */
	_Atomic uint8_t asleep; /* by the other side: it sleeps, wake it */
	_Atomic uint8_t gone;   /* by the calling side, while RUNNING: nobody reads the result */
	uint8_t kind;           /* what `bytes` hold, as the two sides have agreed */
	uint16_t procedure;
	int16_t status;   /* of a result: 0 or negative */
	uint32_t length;  /* bytes of arguments, then of results */
	uint32_t left_us; /* of a call: until its deadline; 0: none */
	uint32_t seq;     /* of a call; grows by one per call of this slot; for traces */
	uint8_t bytes[FLY_SLOT_BYTES];
};

static_assert(sizeof(struct fly_slot) == 64, "one cache line");
static_assert(offsetof(struct fly_slot, bytes) == 24, "which may hold pointers");

/*
 * fly_slot_to_poller() - the other side hands its slot to the poller.
 * @state: CALL from the calling side, whose slot was FREE; RESULT from the answering side: RUNNING.
 * Return: true: the poller does not poll the slot: ring. S1: publishes what the slot holds; pairs
 * with S2, S4. D1, D2: store, then load; against D3, D4.
 */
static inline bool fly_slot_to_poller(struct fly_slot *s, enum fly_slot_state state)
{
	atomic_exchange_explicit(&s->state, state, memory_order_seq_cst); /* S1, D1 */
	return !atomic_load_explicit(&s->polled, memory_order_seq_cst);   /* D2 */
}

/*
 * fly_slot_stop_polling() - the poller stops polling this slot until it is rung for.
 * @wanted: the state that the poller acts on.
 * Return: false: the slot is in that state already, the poller keeps polling.
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
 * fly_slot_from_poller() - the poller hands a slot to the other side.
 * @state: RESULT, to the calling side; CALL, to a worker.
 * Return: true: the other side sleeps: wake it. S3: publishes what the slot holds; pairs with S2,
 * S4. D5, D6: against D7, D8.
 */
static inline bool fly_slot_from_poller(struct fly_slot *s, enum fly_slot_state state)
{
	atomic_exchange_explicit(&s->state, state, memory_order_seq_cst);   /* S3, D5 */
	return atomic_load_explicit(&s->asleep, memory_order_seq_cst) != 0; /* D6 */
}

/*
 * fly_slot_go_asleep() - the other side is about to sleep until the slot is handed to it.
 * @how: for `asleep`; not 0. @while_state: the state not waited for.
 * Return: false: the slot has changed already, do not sleep.
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
 * fly_slot_claim() - the answering side takes the call, unless it was withdrawn. S4: what was
 * published with CALL may be read now; pairs with S1, S3.
 */
static inline bool fly_slot_claim(struct fly_slot *s)
{
	uint32_t expected = FLY_SLOT_CALL;

	return atomic_compare_exchange_strong_explicit(&s->state, &expected, FLY_SLOT_RUNNING,
						       memory_order_acquire, memory_order_relaxed);
}

/*
 * fly_slot_put_back() - the answering side puts a call back that it has claimed, but not begun. If
 * the other side has stored another state, nothing happens. Relaxed: it has written nothing.
 */
static inline void fly_slot_put_back(struct fly_slot *s)
{
	uint32_t expected = FLY_SLOT_RUNNING;

	atomic_compare_exchange_strong_explicit(&s->state, &expected, FLY_SLOT_CALL,
						memory_order_relaxed, memory_order_relaxed);
}

/*
 * fly_slot_withdraw() - the calling side takes the call back, unless it was claimed. Relaxed:
 * nothing that the other side wrote is read.
 */
static inline bool fly_slot_withdraw(struct fly_slot *s)
{
	uint32_t expected = FLY_SLOT_CALL;

	return atomic_compare_exchange_strong_explicit(&s->state, &expected, FLY_SLOT_FREE,
						       memory_order_relaxed, memory_order_relaxed);
}

/*
 * fly_slot_answer_own() - the calling side ends a call that it has withdrawn: the result is read
 * like any other. The other side does not see it.
 */
static inline void fly_slot_answer_own(struct fly_slot *s, int status)
{
	s->status = (int16_t)status;
	s->length = 0;
	atomic_store_explicit(&s->state, FLY_SLOT_RESULT, memory_order_relaxed);
}

/* fly_slot_release() - the calling side has read the result. Relaxed: nobody acts on FREE. */
static inline void fly_slot_release(struct fly_slot *s)
{
	atomic_store_explicit(&s->state, FLY_SLOT_FREE, memory_order_relaxed);
}

#endif
