/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * line.c - both sides of the bare cache line.
 *
 * Owns nothing but what it copies to and from. Called by bench_local.c and bench_server.c in two
 * processes, and by bench_handoff.c on two threads of one.
 */
#include "line.h"

#include <string.h>

#include <sched.h>

#include "ticks.h"

#define LOOKS    64        /* before asking whether to go on */
#define PATIENCE (1 << 20) /* looks before the clock is read; about a millisecond */

/* Where each side has the bytes for itself. */
struct own {
	uint8_t bytes[LINE_BYTES];
};

/* So that each copy is made. */
static inline void keep(const struct own *own)
{
	__asm__ volatile("" : : "r"(own->bytes) : "memory");
}

/* Return: whether there was an answer. */
static inline bool ask(struct line *line, enum line_load load, uint64_t question, uint64_t tsc_hz,
		       struct own *own)
{
	uint64_t since = 0;

	if (load == LINE_THERE)
		memcpy(line->bytes, own->bytes, LINE_BYTES);
	/* L1: publishes the bytes; pairs with L2. */
	atomic_store_explicit(&line->word, question, memory_order_release);
	/* L3: pairs with L4. */
	for (unsigned looks = 1;
	     atomic_load_explicit(&line->word, memory_order_acquire) != question + 1; looks++) {
		if (looks % PATIENCE)
			continue;
		sched_yield(); /* both may be on one core */
		if (!since)
			since = ticks_now();
		else if (ticks_now() - since > 2 * tsc_hz)
			return false;
	}
	if (load == LINE_BACK)
		memcpy(own->bytes, line->bytes, LINE_BYTES);
	keep(own);
	return true;
}

int line_ask(struct line *line, enum line_load load, uint64_t block_ticks, uint64_t tsc_hz,
	     struct histogram *times, struct block_sum *sum)
{
	/* Plain: the other side does nothing until it is asked. */
	uint64_t next = atomic_load_explicit(&line->word, memory_order_relaxed) + 1;
	struct own own;
	uint64_t begin, before;

	memset(&own, 'F', sizeof own);
	for (unsigned i = 0; i < LINE_GROUP * LINE_GROUP; i++, next += 2) /* to warm up */
		if (!ask(line, load, next, tsc_hz, &own))
			return -1;
	*sum = (struct block_sum){0};
	begin = before = ticks_now();
	do {
		uint64_t now;

		for (unsigned i = 0; i < LINE_GROUP; i++, next += 2)
			if (!ask(line, load, next, tsc_hz, &own))
				return -1;
		now = ticks_now();
		histogram_add(times, now - before);
		before = now;
		sum->count += LINE_GROUP;
	} while (before - begin < block_ticks);
	sum->ticks = before - begin;
	return 0;
}

void line_answer(struct line *line, enum line_load load, bool (*go_on)(void *context),
		 void *context)
{
	struct own own;

	memset(&own, 'f', sizeof own);
	for (unsigned looks = 0; looks % LOOKS || go_on(context); looks++) {
		/* L2: pairs with L1. */
		const uint64_t question = atomic_load_explicit(&line->word, memory_order_acquire);

		if (question % 2 == 0) {
			if (looks % (PATIENCE / 16) == 1)
				sched_yield();
			continue;
		}
		if (load == LINE_THERE)
			memcpy(own.bytes, line->bytes, LINE_BYTES);
		if (load == LINE_BACK)
			memcpy(line->bytes, own.bytes, LINE_BYTES);
		keep(&own);
		/* L4: publishes the bytes; pairs with L3. */
		atomic_store_explicit(&line->word, question + 1, memory_order_release);
	}
}
