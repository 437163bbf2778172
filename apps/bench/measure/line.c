/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * line.c - both sides of the bare cache line.
 *
 * Owns nothing but what it copies to and from. Called by runs/local.c and stage/server.c in two
 * processes, and by runs/handoff.c on two threads of one.
 */
#include "line.h"

#include <string.h>

#include <sched.h>

#define LOOKS     64        /* before asking whether to go on */
#define PATIENCE  (1 << 20) /* looks before the clock is read; about a millisecond */
#define GIVE_UP_S 20        /* without an answer; the other side may have to wait for its core */
#define CLOCKS    64        /* readings that tell what reading the clock takes */

/* What is asked next. */
struct question {
	struct line *line;
	uint64_t number; /* odd */
	uint64_t tsc_hz;
};

/* Plain: the other side does nothing until it is asked. */
static struct question first_question(struct line *line, uint64_t tsc_hz)
{
	const uint64_t answer = atomic_load_explicit(&line->word, memory_order_relaxed);

	return (struct question){line, answer + 1, tsc_hz};
}

/* Return: 0; -1: there was no answer. */
static inline __attribute__((always_inline)) int ask(void *context)
{
	struct question *q = context;
	uint64_t since = 0;

	/* L1: nothing but the number; pairs with L2. */
	atomic_store_explicit(&q->line->word, q->number, memory_order_release);
	/* L3: the bytes, if there are any; pairs with L4. */
	for (unsigned looks = 1;
	     atomic_load_explicit(&q->line->word, memory_order_acquire) != q->number + 1; looks++) {
		if (looks % PATIENCE)
			continue;
		sched_yield(); /* both may be on one core */
		if (!since)
			since = ticks_now();
		else if (ticks_now() - since > GIVE_UP_S * q->tsc_hz)
			return -1;
	}
	q->number += 2;
	return 0;
}

int line_ask(struct line *line, uint64_t block_ticks, uint64_t tsc_hz, struct histogram *times,
	     struct block_sum *sum)
{
	struct question q = first_question(line, tsc_hz);

	return line_calls(ask, &q, block_ticks, times, sum);
}

/* What lies between two readings of the clock with nothing in between: the least there was. */
static uint64_t clock_ticks(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < CLOCKS; i++) {
		const uint64_t begin = ticks_done(), ticks = ticks_done() - begin;

		least = ticks < least ? ticks : least;
	}
	return least;
}

int line_copy(struct line *line, uint64_t block_ticks, uint64_t tsc_hz, struct histogram *times)
{
	const uint64_t clock = clock_ticks(), begin = ticks_now();
	struct question q = first_question(line, tsc_hz);
	uint64_t before, now;
	uint8_t own[LINE_BYTES];

	do {
		if (ask(&q))
			return -1;
		before = ticks_done();
		memcpy(own, line->bytes, LINE_BYTES);
		__asm__ volatile("" : : "r"(own) : "memory"); /* it is made, and now */
		now = ticks_done();
		histogram_add(times, now - before > clock ? now - before - clock : 0);
	} while (now - begin < block_ticks);
	return 0;
}

void line_answer(struct line *line, enum line_answer what, bool (*go_on)(void *context),
		 void *context)
{
	uint8_t own[LINE_BYTES];

	memset(own, 'f', sizeof own);
	for (unsigned looks = 0; looks % LOOKS || go_on(context); looks++) {
		/* L2: pairs with L1. */
		const uint64_t question = atomic_load_explicit(&line->word, memory_order_acquire);

		if (question % 2 == 0) {
			if (looks % (PATIENCE / 16) == 1)
				sched_yield();
			continue;
		}
		if (what == LINE_BYTES_TOO)
			memcpy(line->bytes, own, LINE_BYTES);
		/* L4: publishes the bytes; pairs with L3. */
		atomic_store_explicit(&line->word, question + 1, memory_order_release);
	}
}
