/* SPDX-License-Identifier: BSD-3-Clause */
/* test_due.c - the wheel: each message is due once, at its time, however it was put off. */
#include <criterion/criterion.h>

#include "case.h"
#include "pair.h"
#include "slowpath/bulk/due.h"

#define MESSAGES 100

static struct pair w;
static struct fly_poller *p;
static struct fly_bulk *all[MESSAGES];
static uint64_t due[MESSAGES]; /* what all[I] was set to last; FLY_NEVER: not, or taken */

static void begin(void)
{
	pair_begin(&w, NULL, NULL);
	p = sim_poller(w.caller);
	for (unsigned i = 0; i < MESSAGES; i++) {
		all[i] = fly_bulk_new(p, &w.at_caller->link, 1, 1);
		due[i] = FLY_NEVER;
		cr_assert(all[i]);
	}
}

static void end(void)
{
	for (unsigned i = 0; i < MESSAGES; i++)
		fly_bulk_free(p, all[i]);
	cr_expect(p->bulk.due_bits == 0);
	cr_expect(sim_end(w.sim) == 0);
}

TestSuite(due, .timeout = HANG);

static unsigned index_of(const struct fly_bulk *b)
{
	unsigned i = 0;

	while (all[i] != b)
		i++;
	return i;
}

static uint64_t earliest(void)
{
	uint64_t at = FLY_NEVER;

	for (unsigned i = 0; i < MESSAGES; i++)
		at = RTE_MIN(at, due[i]);
	return at;
}

/* Take all that are due. Return: how many. */
static unsigned take(void)
{
	struct fly_bulk *b;
	unsigned n = 0;

	while ((b = fly_due_take(p)) != NULL) {
		const unsigned i = index_of(b);

		cr_assert(due[i] <= p->now_tsc, "at %ju, but due at %ju", (uintmax_t)p->now_tsc,
			  (uintmax_t)due[i]);
		cr_assert(b->due_tsc == FLY_NEVER);
		due[i] = FLY_NEVER;
		n++;
	}
	cr_assert(earliest() > p->now_tsc, "one is due, and was not taken");
	return n;
}

Case(due, fly_due_take__each_at_its_time)
{
	static const uint64_t far[] = {1, 10, 100, 1000, 10000, 100000};
	uint64_t random = 5;
	unsigned taken = 0;

	for (unsigned round = 0; round < 100000; round++) {
		const unsigned i = (unsigned)(sim_random(&random) % MESSAGES);
		uint64_t next;

		due[i] = FLY_NEVER;
		if (sim_random(&random) % 8)
			due[i] = p->now_tsc +
				 sim_random(&random) % far[sim_random(&random) % RTE_DIM(far)];
		fly_due_set(p, all[i], due[i]);
		if (sim_random(&random) % 4)
			continue;
		next = fly_due_next(p);
		cr_assert(next <= earliest(), "too late");
		switch (sim_random(&random) % 3) {
		case 0: /* as the poller does: when it is told to */
			if (next != FLY_NEVER)
				p->now_tsc = RTE_MAX(p->now_tsc, next);
			break;
		case 1:
			p->now_tsc += sim_random(&random) % 50;
			break;
		default: /* it was away for a while */
			p->now_tsc += sim_random(&random) % 20000;
			break;
		}
		taken += take();
	}
	cr_expect(taken > 10000, "%u", taken);
}

/* While the poller was away for an hour all were put off, as fly_bulk_absent() does. */
Case(due, fly_due_take__after_a_long_absence)
{
	const uint64_t hour = 3600 * 1000 * p->tsc_per_ms;

	for (unsigned i = 0; i < MESSAGES; i++)
		fly_due_set(p, all[i], due[i] = p->now_tsc + 1000 * (i + 1));
	p->now_tsc += hour;
	for (unsigned i = 0; i < MESSAGES; i++)
		fly_due_set(p, all[i], due[i] += hour);
	fly_due_set(p, all[7], due[7] = FLY_NEVER);
	cr_expect(take() == 0 && fly_due_next(p) <= earliest());
	p->now_tsc += 3000;
	cr_expect(take() == 3);
	p->now_tsc += 1000 * MESSAGES;
	cr_expect(take() == MESSAGES - 4 && p->bulk.due_bits == 0);
}

/* What is put off again and again is looked at once in a while, not each time. */
Case(due, fly_due_set__putting_off_leaves_it_where_it_is)
{
	uint64_t slot;

	fly_due_set(p, all[0], p->now_tsc + 1000);
	slot = all[0]->due_slot;
	for (unsigned i = 0; i < 100; i++) {
		fly_due_set(p, all[0], p->now_tsc + 1000 + i);
		cr_assert(all[0]->due_slot == slot);
	}
	fly_due_set(p, all[0], p->now_tsc + 1);
	cr_expect(all[0]->due_slot < slot, "earlier than it was: now");
	p->now_tsc += 1;
	cr_expect(fly_due_take(p) == all[0] && fly_due_take(p) == NULL);
}
