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
#include <string.h>

#include <sched.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "fastpath/binding.h"
#include "slowpath/runtime.h"

#define IDLE_POLLS 16384 /* empty receptions before others may run */
#define INDEX_BITS 20    /* of an activity: which caller it is */
#define GREET_PLAN 64    /* window of the first calls */
#define CALL_SEED  UINT64_C(0x9e3779b97f4a7c15)

static_assert(FLOOR_CALLERS_MOST == 1U << INDEX_BITS, "an activity tells whose it is");

/* What is under way or to be sent. */
struct exchange {
	const struct fly_link *link;
	struct rte_mbuf *frames[BLOCK_WINDOW + FLY_BURST];
	uint16_t held;    /* in frames: the driver has not taken them yet */
	unsigned to_come; /* results */
};

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

static inline void offer(struct exchange *x)
{
	uint16_t taken;

	if (x->held == 0)
		return;
	taken = rte_eth_tx_burst(x->link->port, 0, x->frames, x->held);
	x->held = (uint16_t)(x->held - taken);
	if (x->held)
		memmove(x->frames, x->frames + taken, x->held * sizeof *x->frames);
}

static inline uint16_t receive(struct exchange *x)
{
	const unsigned room = (unsigned)RTE_DIM(x->frames) - x->held;

	return rte_eth_rx_burst(x->link->port, 0, x->frames + x->held,
				(uint16_t)RTE_MIN(room, (unsigned)FLY_BURST));
}

/* Nothing came. Return: is it time to give up? @since: 0 at first, and after anything came. */
static bool silence(unsigned *idle, uint64_t *since, uint64_t tsc_hz)
{
	if (++*idle % IDLE_POLLS != 0)
		return false;
	sched_yield();
	if (!*since)
		*since = ticks_now();
	return ticks_now() - *since > tsc_hz;
}

static int begin(struct floor_calls *f, struct exchange *x, unsigned window)
{
	x->link = fly_runtime_link(f->runtime, 0);
	x->held = 0;
	if (rte_pktmbuf_alloc_bulk(x->link->pool, x->frames, window))
		return -FLY_EPACKETS;
	x->held = (uint16_t)window;
	x->to_come = window;
	return 0;
}

static int end(struct floor_calls *f, struct exchange *x)
{
	rte_pktmbuf_free_bulk(x->frames, x->held);
	return f->status ? f->status : x->to_come ? -FLY_EPEER : 0;
}

static uint64_t tsc_hz(const struct floor_calls *f)
{
	struct fly_platform platform;

	fly_platform(f->runtime, &platform);
	return platform.tsc_hz;
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

int floor_calls_greet(struct floor_calls *f, uint32_t n)
{
	const uint32_t last = f->greeted + RTE_MIN(n, f->n - f->greeted);
	const uint64_t patience = tsc_hz(f);
	uint32_t next = f->greeted;
	struct exchange x;
	uint64_t since = 0;
	unsigned idle = 0;

	if (next == last)
		return 0;
	if (begin(f, &x, RTE_MIN((uint32_t)GREET_PLAN, last - next)))
		return -FLY_EPACKETS;
	for (uint16_t i = 0; i < x.held; i++)
		write_call(f, x.frames[i], next++, FLY_HINT_NONE);
	while (x.to_come) {
		struct rte_mbuf **fresh = x.frames + x.held;
		const uint16_t got = receive(&x);

		for (uint16_t i = 0; i < got; i++) {
			const uint8_t *rpc = fly_packet_frame(fresh[i]) + FLY_RPC;

			if (is_result(f, fresh[i])) {
				f->hints[fly_get_u64(rpc + 8) % FLOOR_CALLERS_MOST % f->n] =
					fly_get_u32(rpc + 24);
				f->greeted++;
			}
			if (next == last || f->status) {
				rte_pktmbuf_free(fresh[i]);
				x.to_come--;
				continue;
			}
			write_call(f, fresh[i], next++, FLY_HINT_NONE);
			x.frames[x.held++] = fresh[i];
		}
		offer(&x);
		if (got)
			since = 0;
		else if (silence(&idle, &since, patience))
			break;
	}
	return end(f, &x);
}

static inline __attribute__((always_inline)) int run(struct floor_calls *f, enum floor_callers who,
						     struct block_clock *clock)
{
	const uint64_t patience = tsc_hz(f);
	uint64_t ended = 0, since = 0;
	struct exchange x;
	unsigned idle = 0;

	if (begin(f, &x, clock->window))
		return -FLY_EPACKETS;
	for (uint16_t i = 0; i < x.held; i++)
		write_next(f, x.frames[i], who);
	while (x.to_come) {
		struct rte_mbuf **fresh = x.frames + x.held;
		const uint16_t got = receive(&x);

		for (uint16_t i = 0; i < got; i++) {
			const bool good = is_result(f, fresh[i]);

			block_ended(clock, ended++);
			if (clock->over || !good) {
				rte_pktmbuf_free(fresh[i]);
				x.to_come--;
				clock->over = true;
				continue;
			}
			write_next(f, fresh[i], who);
			x.frames[x.held++] = fresh[i];
		}
		offer(&x);
		if (got)
			since = 0;
		else if (silence(&idle, &since, patience))
			break;
	}
	return end(f, &x);
}

int floor_calls_run(struct floor_calls *f, enum floor_callers who, struct block_clock *clock)
{
	switch (who) {
	case FLOOR_ONE:
		return run(f, FLOOR_ONE, clock);
	case FLOOR_ALL:
		return run(f, FLOOR_ALL, clock);
	case FLOOR_ALL_UNHINTED:
		return run(f, FLOOR_ALL_UNHINTED, clock);
	}
	return -FLY_EINVAL;
}

size_t floor_record_bytes(void)
{
	return sizeof(struct fly_conversation);
}
