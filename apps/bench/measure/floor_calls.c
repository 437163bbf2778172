/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor_calls.c - call frames made by hand, and the results that answer them.
 *
 * Owns the frames of one block, from the runtime's own pool, and gives them all back. As floor.c,
 * it looks behind the public interface: it takes the port and the pool of the runtime's first
 * link, and the template of a binding's call headers. A result is made into the next call where it
 * lies, so that a call costs its sender one copy of 74 bytes and a draw.
 */
#include "floor_calls.h"

#include <stdlib.h>

#include "fastpath/binding.h"
#include "floor_frames.h"

#define INDEX_BITS   20 /* of an activity: which caller it is */
#define FIRST_WINDOW 64 /* of the first calls */
#define CALL_SEED    UINT64_C(0x9e3779b97f4a7c15)

static_assert(FLOOR_CALLERS_MOST == 1U << INDEX_BITS, "an activity tells whose it is");

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* As those of a server's callers: any numbers, but for the index. Never 0. */
static inline uint64_t activity_of(const struct floor_calls *f, uint32_t caller)
{
	const uint64_t any = mix(f->salt + caller) | UINT64_C(1) << 63;

	return (any & ~(uint64_t)(FLOOR_CALLERS_MOST - 1)) | caller;
}

/* Any of @n, each as likely as the others. */
static inline uint32_t draw(struct floor_calls *f)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return (uint32_t)((f->random >> 32) * f->n >> 32);
}

static inline void write_call(struct floor_calls *f, struct rte_mbuf *m, uint32_t caller,
			      uint32_t hint)
{
	uint8_t *frame = fly_packet_frame(m), *rpc = frame + FLY_RPC;

	memcpy(frame, f->template, FLY_PAYLOAD);
	fly_put_u64(rpc + 8, activity_of(f, caller));
	fly_put_u32(rpc + 16, ++f->seq);
	fly_put_u32(rpc + 24, hint);
	fly_packet_set_bytes(m, FLY_PAYLOAD);
	m->ol_flags = 0;
}

static inline void write_next(struct floor_calls *f, struct rte_mbuf *m, enum floor_callers who)
{
	const uint32_t caller = who == FLOOR_ONE ? 0 : draw(f);

	write_call(f, m, caller, who == FLOOR_ALL_UNHINTED ? FLY_HINT_NONE : f->hints[caller]);
}

/* Is this the result of a Null? Otherwise the status of the call is noted, if it is the first. */
static inline bool is_result(struct floor_calls *f, const struct rte_mbuf *m)
{
	const uint8_t *rpc = fly_packet_frame(m) + FLY_RPC;

	if (likely(m->data_len >= FLY_PAYLOAD &&
		   fly_get_u32(rpc) == (FLY_WIRE_VERSION << 4 | FLY_PACKET_RESULT))) {
		f->results++;
		return true;
	}
	if (f->status == 0)
		f->status = m->data_len >= FLY_PAYLOAD &&
					    rpc[0] == (FLY_WIRE_VERSION << 4 | FLY_PACKET_REJECT)
				    ? -(int)fly_get_u16(rpc + 2)
				    : -FLY_EMALFORMED;
	return false;
}

int floor_calls_init(struct floor_calls *f, struct fly_runtime *runtime, struct fly_binding *null,
		     uint32_t n)
{
	*f = (struct floor_calls){
		.runtime = runtime,
		.template = fly_import_of(null)->template,
		.hints = malloc(n * sizeof *f->hints),
		.n = n,
		.salt = ticks_now() * CALL_SEED,
		.random = CALL_SEED,
	};
	return f->hints ? 0 : -FLY_ENOMEM;
}

void floor_calls_free(struct floor_calls *f)
{
	free(f->hints);
	f->hints = NULL;
}

/* ---- the first call of each ---- */

struct first {
	struct floor_calls *calls;
	uint32_t next, last;
};

FRAMES_INLINE bool first_again(void *context, struct rte_mbuf *m)
{
	const uint8_t *rpc = fly_packet_frame(m) + FLY_RPC;
	struct first *first = context;
	struct floor_calls *f = first->calls;

	if (is_result(f, m)) {
		f->hints[fly_get_u64(rpc + 8) % FLOOR_CALLERS_MOST % f->n] = fly_get_u32(rpc + 24);
		f->known++;
	}
	if (first->next == first->last || f->status)
		return false;
	write_call(f, m, first->next++, FLY_HINT_NONE);
	return true;
}

int floor_calls_first(struct floor_calls *f, uint32_t n)
{
	struct first first = {f, f->known, f->known + RTE_MIN(n, f->n - f->known)};
	struct frames frames;
	int status;

	if (first.next == first.last)
		return 0;
	if (frames_open(&frames, f->runtime,
			RTE_MIN((uint32_t)FIRST_WINDOW, first.last - first.next)))
		return -FLY_EPACKETS;
	for (uint16_t i = 0; i < frames.held; i++)
		write_call(f, frames.frame[i], first.next++, FLY_HINT_NONE);
	status = frames_exchange(&frames, first_again, &first);
	return f->status ? f->status : status;
}

/* ---- a block ---- */

struct block {
	struct floor_calls *calls;
	struct block_clock *clock;
	uint64_t ended;
	enum floor_callers who;
};

FRAMES_INLINE bool block_again(void *context, struct rte_mbuf *m)
{
	struct block *block = context;
	const bool good = is_result(block->calls, m);

	block_ended(block->clock, block->ended++);
	block->clock->over = block->clock->over || !good;
	if (block->clock->over)
		return false;
	write_next(block->calls, m, block->who);
	return true;
}

FRAMES_INLINE int run(struct floor_calls *f, enum floor_callers who, struct block_clock *clock)
{
	struct block block = {f, clock, 0, who};
	struct frames frames;
	int status;

	if (frames_open(&frames, f->runtime, clock->window))
		return -FLY_EPACKETS;
	for (uint16_t i = 0; i < frames.held; i++)
		write_next(f, frames.frame[i], who);
	status = frames_exchange(&frames, block_again, &block);
	return f->status ? f->status : status;
}

int floor_calls_run(struct floor_calls *f, enum floor_callers who, struct block_clock *clock)
{
	switch (who) {
	case FLOOR_ONE:
		return run(f, FLOOR_ONE, clock);
	case FLOOR_ALL:
		return run(f, FLOOR_ALL, clock);
	default:
		return run(f, FLOOR_ALL_UNHINTED, clock);
	}
}

size_t floor_record_bytes(void)
{
	return sizeof(struct fly_conversation);
}
