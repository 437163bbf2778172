/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/procedure.c - what a procedure can ask about its own call. On a poller, the call's
 * conversation or slot and its deadline answer; on a worker, the worker's slot.
 */
#include <firefly/runtime.h>

#include "fastpath/clock.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "threads/worker.h"
#include "runtime/runtime.h"

static uint64_t left_us(uint64_t deadline_tsc, uint64_t now_tsc, uint64_t tsc_per_ms)
{
	return now_tsc >= deadline_tsc ? 0 : (deadline_tsc - now_tsc) * 1000 / tsc_per_ms;
}

uint64_t fly_remaining(void)
{
	const struct fly_poller *p = fly_runtime_serving_here();
	const struct fly_worker *w = fly_worker_here();
	/* A copy: the poller must still notice how long this procedure takes. */
	struct fly_clock clock;

	if (p) {
		clock = p->clock;
		return p->running.deadline_tsc == FLY_NEVER
			       ? UINT64_MAX
			       : left_us(p->running.deadline_tsc,
					 fly_clock_read(&clock, p->now_tsc), p->tsc_per_ms);
	}
	if (!w || w->deadline_tsc == FLY_NEVER)
		return UINT64_MAX;
	return left_us(w->deadline_tsc, fly_clock_now_tsc(), w->tsc_per_ms);
}

/* On a poller, this also receives and sends packets; new calls are parked meanwhile. */
static bool is_cancelled_here(struct fly_poller *p)
{
	const uint64_t before_tsc = p->now_tsc;
	const uint64_t now_tsc = fly_clock_read(&p->clock, before_tsc);

	if (now_tsc - before_tsc >= p->absent_tsc)
		fly_slow_absent(p, before_tsc, now_tsc);
	fly_slow_turn_parking(p, now_tsc);
	if (now_tsc >= p->running.deadline_tsc)
		return true;
	if (!p->running.conversation) /* a local call */
		return atomic_load_explicit(&p->running.slot->gone, memory_order_relaxed) != 0;
	return p->running.conversation->cancelled_seq == p->running.conversation->seq;
}

bool fly_cancelled(void)
{
	struct fly_poller *p = fly_runtime_serving_here();
	const struct fly_worker *w = fly_worker_here();

	if (p)
		return is_cancelled_here(p);
	/* A hint: no data of the poller is read because of it. */
	return w && (atomic_load_explicit(&w->handoff.slot.gone, memory_order_relaxed) ||
		     (w->deadline_tsc != FLY_NEVER && fly_clock_now_tsc() >= w->deadline_tsc));
}
