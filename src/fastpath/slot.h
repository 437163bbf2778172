/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * slot.h - a slot: passes a call between a poller and another thread or process.
 *
 * One side is always a poller. The other side calls (an attached caller; a client in another
 * process of this machine) or is called (a worker). All transitions are here; each says which side
 * makes it. Nothing here waits, rings or makes a system call.
 *
 * A call goes there and its result comes back in one cache line, the call line: two transfers, the
 * least possible. What only one side says is in lines of its own, which the other side reads
 * seldom, or which are written seldom: these stay where they are. docs/performance.md, "Hand-off".
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
 *   RESULT -> CALL       it has read the result of the call before, and written the next one
 *   CALL -> FREE         the calling side has withdrawn it: it has not run and will not
 *   CALL -> RESULT       the answering side, which had claimed it, has written the result
 *   FREE -> RESULT       the calling side ends a call itself that it has withdrawn
 * In memory that is shared with another process the other side may write anything at any time. A
 * side that breaks the rules harms itself only.
 */
enum fly_slot_state {
	FLY_SLOT_FREE,
	FLY_SLOT_CALL,
	FLY_SLOT_RESULT,
};

/* The state word: the number of the call, which grows by one per call of this slot, and the state.
 */
#define FLY_SLOT_STATE_BITS 2
#define FLY_SLOT_STATE_MASK ((1u << FLY_SLOT_STATE_BITS) - 1)

/*
 * Claiming
 *
 * The answering side claims a call before it reads it, and the calling side may withdraw it until
 * then. Both write the number of the call, and what they want, to `claimed`, by comparing and
 * swapping: whoever comes second sees that, and the call is the other one's. Numbers only grow
 * there. `claimed` is not in the call line, which the calling side looks at all the time: it stays
 * with the answering side unless a call is withdrawn.
 */
enum fly_slot_claim {
	FLY_SLOT_WITHDRAWN,
	FLY_SLOT_CLAIMED,
};

#define FLY_SLOT_BYTES 40 /* of arguments or results that need no other line */

/*
 * Polling and ringing
 *
 * In each turn a poller polls the slots that were used lately (`polled`), and other slots only when
 * rung for. The side that hands a slot over must know whether to ring. The poller that stops
 * polling must know that no slot was handed over without a ring. Each stores, then loads what the
 * other one stores (Dekker). Release and acquire do not order that, not even on x86, where a store
 * waits in a buffer while the load behind it is made. Between the two there is a fence, or the
 * store is an exchange and both are sequentially consistent: one of the two sides sees the other.
 * The same holds for a side that goes to sleep (`asleep`) and the poller that must wake it.
 * tests/model/handoff.pml has the proof.
 *
 * The state is published by a plain store, right behind the stores of what it publishes: they
 * reach the line together, before the side that looks at it can take it away. An exchange of the
 * state would wait for them first, and the line would be taken away in between: one more transfer
 * there and back. docs/performance.md, "Hand-off".
 */
struct fly_slot {
	/* ---- line 0, the call line: one side after the other ---- */
	_Atomic uint32_t state; /* the number of the call and enum fly_slot_state */
	uint32_t length;        /* bytes of arguments, then of results */
	uint32_t left_us;       /* of a call: until its deadline; 0: none */
	uint16_t procedure;
	int16_t status; /* of a result: 0 or negative */
	uint8_t kind;   /* what `bytes` hold, as the two sides have agreed */
	_Alignas(8) uint8_t bytes[FLY_SLOT_BYTES];
	/* ---- line 2 (line 1 stays empty: processors fetch lines in pairs): both; see above ----
	 */
	_Alignas(128) _Atomic uint32_t claimed; /* the number of a call and enum fly_slot_claim */
	/* ---- line 3: read for each call, written seldom ---- */
	_Alignas(64) _Atomic uint8_t polled; /* by the poller: it polls this slot in each turn */
	_Atomic uint8_t asleep;              /* by the other side: it sleeps, wake it */
	_Atomic uint8_t gone; /* by the calling side, of a claimed call: nobody reads the result */
};

static_assert(offsetof(struct fly_slot, bytes) + FLY_SLOT_BYTES == 64, "the call line is one line");
static_assert(offsetof(struct fly_slot, bytes) % 8 == 0, "which may hold pointers");
static_assert(sizeof(struct fly_slot) == 256, "two pairs of lines");

static inline uint32_t fly_slot_number(uint32_t word)
{
	return word >> FLY_SLOT_STATE_BITS;
}

/* fly_slot_seq() - the number of the slot's call, for the side that has the slot. */
static inline uint32_t fly_slot_seq(const struct fly_slot *s)
{
	return fly_slot_number(atomic_load_explicit(&s->state, memory_order_relaxed));
}

/* The state word of the next call, or of the result of the call that was claimed. */
static inline uint32_t fly_slot_next(const struct fly_slot *s, enum fly_slot_state state)
{
	const uint32_t seq = state == FLY_SLOT_CALL
				     ? fly_slot_seq(s) + 1
				     : atomic_load_explicit(&s->claimed, memory_order_relaxed) >> 1;

	return seq << FLY_SLOT_STATE_BITS | state;
}

/*
 * fly_slot_to_poller() - the other side hands its slot to the poller.
 * @state: CALL from the calling side, whose slot was FREE or RESULT; RESULT from the answering
 * side, which has claimed the call. Return: true: the poller does not poll the slot: ring. S1:
 * publishes what the slot holds; pairs with S2. D1, D2: store, then load; against D3, D4.
 */
static inline bool fly_slot_to_poller(struct fly_slot *s, enum fly_slot_state state)
{
	atomic_store_explicit(&s->state, fly_slot_next(s, state), memory_order_release); /* S1 */
	atomic_thread_fence(memory_order_seq_cst);                                       /* D1 */
	return !atomic_load_explicit(&s->polled, memory_order_relaxed);                  /* D2 */
}

/*
 * fly_slot_stop_polling() - the poller stops polling this slot until it is rung for.
 * @wanted: the state that the poller acts on. @acted: the state word that it acted on last.
 * Return: false: there is something to act on already, the poller keeps polling.
 */
static inline bool fly_slot_stop_polling(struct fly_slot *s, enum fly_slot_state wanted,
					 uint32_t acted)
{
	uint32_t word;

	atomic_exchange_explicit(&s->polled, 0, memory_order_seq_cst); /* D3 */
	word = atomic_load_explicit(&s->state, memory_order_seq_cst);  /* D4 */
	if ((word & FLY_SLOT_STATE_MASK) != (uint32_t)wanted || word == acted)
		return true;
	atomic_store_explicit(&s->polled, 1, memory_order_relaxed); /* a hint: it may be late */
	return false;
}

/*
 * fly_slot_from_poller() - the poller hands a slot to the other side.
 * @state: RESULT, to the calling side; CALL, to a worker.
 * Return: true: the other side sleeps: wake it. S3: publishes what the slot holds; pairs with S2.
 * D5, D6: store, then load; against D7, D8.
 */
static inline bool fly_slot_from_poller(struct fly_slot *s, enum fly_slot_state state)
{
	atomic_store_explicit(&s->state, fly_slot_next(s, state), memory_order_release); /* S3 */
	atomic_thread_fence(memory_order_seq_cst);                                       /* D5 */
	return atomic_load_explicit(&s->asleep, memory_order_relaxed) != 0;              /* D6 */
}

/*
 * fly_slot_go_asleep() - the other side is about to sleep until the slot is handed to it.
 * @how: for `asleep`; not 0. @word: the state word as it was seen.
 * Return: false: the slot has changed already, do not sleep.
 */
static inline bool fly_slot_go_asleep(struct fly_slot *s, uint8_t how, uint32_t word)
{
	atomic_exchange_explicit(&s->asleep, how, memory_order_seq_cst);   /* D7 */
	if (atomic_load_explicit(&s->state, memory_order_seq_cst) == word) /* D8 */
		return true;
	atomic_store_explicit(&s->asleep, 0, memory_order_relaxed);
	return false;
}

/* fly_slot_word() - S2: what was published with this word may be read now; pairs with S1, S3. */
static inline uint32_t fly_slot_word(const struct fly_slot *s)
{
	return atomic_load_explicit(&s->state, memory_order_acquire);
}

/* Does a state word say so? */
static inline bool fly_slot_says(uint32_t word, enum fly_slot_state state)
{
	return (word & FLY_SLOT_STATE_MASK) == (uint32_t)state;
}

/* fly_slot_is() - is the slot in this state? As fly_slot_word(). */
static inline bool fly_slot_is(const struct fly_slot *s, enum fly_slot_state state)
{
	return fly_slot_says(fly_slot_word(s), state);
}

/*
 * fly_slot_claim() - the answering side takes a call. @word: as seen by fly_slot_word(); CALL.
 * Return: false: it was withdrawn, or has been claimed. C1: against C2. What is newer stays: the
 * word may be one that its writer has replaced long since.
 */
static inline bool fly_slot_claim(struct fly_slot *s, uint32_t word)
{
	const uint32_t seq = fly_slot_number(word);
	uint32_t was = atomic_load_explicit(&s->claimed, memory_order_relaxed);

	return (int32_t)((seq - (was >> 1)) << FLY_SLOT_STATE_BITS) > 0 && /* RFC 1982 */
	       atomic_compare_exchange_strong_explicit(&s->claimed, &was,
						       seq << 1 | FLY_SLOT_CLAIMED,
						       memory_order_seq_cst, /* C1 */
						       memory_order_relaxed);
}

/* fly_slot_is_claimed() - was this call claimed? For the answering side. */
static inline bool fly_slot_is_claimed(const struct fly_slot *s, uint32_t word)
{
	return atomic_load_explicit(&s->claimed, memory_order_relaxed) ==
	       (fly_slot_number(word) << 1 | FLY_SLOT_CLAIMED);
}

/*
 * fly_slot_withdraw() - the calling side takes the call back, unless it was claimed. Nothing that
 * the other side wrote is read. C2: against C1. Another process that changes `claimed` again and
 * again has claimed the call.
 */
static inline bool fly_slot_withdraw(struct fly_slot *s)
{
	const uint32_t word = atomic_load_explicit(&s->state, memory_order_relaxed);
	const uint32_t seq = fly_slot_number(word);
	uint32_t was = atomic_load_explicit(&s->claimed, memory_order_relaxed);

	if (!fly_slot_says(word, FLY_SLOT_CALL) || was == (seq << 1 | FLY_SLOT_CLAIMED) ||
	    !atomic_compare_exchange_strong_explicit(&s->claimed, &was,
						     seq << 1 | FLY_SLOT_WITHDRAWN,
						     memory_order_seq_cst, /* C2 */
						     memory_order_relaxed))
		return false;
	atomic_store_explicit(&s->state, seq << FLY_SLOT_STATE_BITS | FLY_SLOT_FREE,
			      memory_order_relaxed);
	return true;
}

/*
 * fly_slot_answer_own() - the calling side ends a call that it has withdrawn: the result is read
 * like any other. The other side does not see it.
 */
static inline void fly_slot_answer_own(struct fly_slot *s, int status)
{
	s->status = (int16_t)status;
	s->length = 0;
	atomic_store_explicit(&s->state, fly_slot_seq(s) << FLY_SLOT_STATE_BITS | FLY_SLOT_RESULT,
			      memory_order_relaxed);
}

#endif
