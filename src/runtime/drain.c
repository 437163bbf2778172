/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/drain.c - the last calls of an export: no new ones, what runs or waits ends, and its
 * results arrive.
 *
 * Called by fly_drain(), fly_shutdown() and fly_stop(). Withdraws the exports of pollers. Must not
 * end calls: runtime/worker_threads.c does, for fly_stop().
 *
 * Results that are lost
 *
 * A result that is lost is sent again when its caller asks. The caller of a long call asks seldom,
 * and this process may be about to end. So, after the last call, the poller probes the callers of
 * the results that were sent last. A caller that has its result acknowledges it; one that has not
 * asks for it at once. Large results are acknowledged in any case (slowpath/bulk/).
 */
#include "runtime/drain.h"

#include <time.h>

#include "base/error.h"
#include "base/system_clock.h"
#include "local/server.h"
#include "runtime/runtime.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/probe.h"
#include "slowpath/work.h"
#include "threads/request.h"
#include "threads/waiting.h"

#define LINGER_MS      1000    /* for the results of a poller to arrive, at most */
#define PROBED_AT_ONCE 128     /* results, at most */
#define LOOK_NS        1000000 /* between two looks at pollers that other threads turn */
#define NO_LIMIT_MS    0
#define FLUSH_TURNS    2

/* ---- withdrawing ----------------------------------------------------------------------------- */

void fly_drain_withdraw(struct fly_poller *p, uint32_t first)
{
	bool is_any = false;

	for (uint32_t i = first; i < FLY_EXPORTS; i++) {
		if (p->exports[i].n_procedures) {
			p->withdrawn[i] = p->exports[i].id;
			is_any = true;
		}
		p->exports[i] = (struct fly_export){.id = ~i};
	}
	if (!is_any)
		return;
	p->exports_since_ms = p->now_ms;
	fly_work_keep_results(p);
}

/* The binder stays: it says that the exports are not here. */
static int withdraw_on_poller(struct fly_poller *p, void *unused)
{
	(void)unused;
	fly_drain_withdraw(p, FLY_EXPORT_BINDER + 1);
	return 0;
}

/* ---- what runs or waits ---------------------------------------------------------------------- */

static int count_on_poller(struct fly_poller *p, void *argument)
{
	unsigned *n = argument;

	*n += p->n_on_workers + p->n_parked + fly_local_works(p);
	return 0;
}

static unsigned count(struct fly_runtime *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->group.n; i++)
		fly_request(r->group.pollers[i], count_on_poller, &n);
	return n;
}

/* ---- the last results ------------------------------------------------------------------------ */

/*
 * Is the caller's acknowledgement of this result waited for? A large result is kept until it is
 * acknowledged, whenever its procedure returned. A small one of before the end was sent long ago.
 */
static bool is_awaited(const struct fly_poller *p, const struct fly_conversation *c)
{
	if (c->state != FLY_CONVERSATION_DONE)
		return false;
	return fly_conversation_bulk_result(c) ||
	       (c->result && (int32_t)(c->touched_ms - p->exports_since_ms) >= 0);
}

static bool is_any_awaited(const struct fly_poller *p)
{
	const struct fly_conversation_table *t = &p->conversations;

	for (uint32_t i = 0; i < t->n && t->n_free < t->n; i++) {
		if (is_awaited(p, &t->records[i]))
			return true;
	}
	return false;
}

/*
 * Probe the callers of awaited results. @again: not the first time: an address without proof is not
 * sent more than came from there.
 */
static void probe(struct fly_poller *p, bool again)
{
	const struct fly_conversation_table *t = &p->conversations;
	unsigned n = 0;

	for (uint32_t i = 0; i < t->n && n < PROBED_AT_ONCE; i++) {
		const struct fly_conversation *c = &t->records[i];

		if (!is_awaited(p, c) || !c->result || (again && !c->is_proven))
			continue;
		fly_probe_result(p, c);
		n++;
	}
}

struct fly_linger fly_linger_begin(const struct fly_poller *p, uint64_t now_tsc)
{
	return (struct fly_linger){
		.end_tsc = now_tsc + RTE_MIN(LINGER_MS * p->tsc_per_ms, p->waits.timeout_tsc),
		.probe_tsc = now_tsc,
		.wait_tsc = p->waits.least_tsc,
	};
}

bool fly_linger_step(struct fly_poller *p, struct fly_linger *l, uint64_t now_tsc)
{
	if (now_tsc >= l->end_tsc || !is_any_awaited(p))
		return false;
	if (now_tsc >= l->probe_tsc) {
		probe(p, l->is_again);
		l->is_again = true;
		l->probe_tsc = now_tsc + l->wait_tsc;
		l->wait_tsc *= 2;
	}
	return true;
}

static int linger_on_poller(struct fly_poller *p, void *unused)
{
	struct fly_linger linger;
	uint64_t now_tsc;

	(void)unused;
	if (p->turning)
		return -FLY_ECONFLICT;
	/* The last results may be queued still. */
	for (unsigned turns = 0; turns < FLUSH_TURNS; turns++)
		fly_poller_turn(p, fly_poller_time(p));
	p->clock.turns = 0; /* read the TSC now: do not use the cached time */
	now_tsc = fly_poller_time(p);
	linger = fly_linger_begin(p, now_tsc);
	while (fly_linger_step(p, &linger, now_tsc)) {
		fly_poller_turn(p, now_tsc);
		now_tsc = fly_poller_time(p);
	}
	return 0;
}

void fly_drain_linger(struct fly_poller *p)
{
	fly_request(p, linger_on_poller, NULL);
}

/* ---- fly_drain() ----------------------------------------------------------------------------- */

/* Wait until nothing runs. Return: number of calls that do, when the time is over. */
static unsigned wait_for_calls(struct fly_runtime *r, uint32_t most_ms)
{
	const uint64_t end_ms = fly_system_clock_ms() + most_ms;
	const struct timespec look = {.tv_nsec = LOOK_NS};
	struct fly_waiting waiting = {0};
	unsigned n;

	while ((n = count(r)) != 0) {
		if ((most_ms != NO_LIMIT_MS && fly_system_clock_ms() >= end_ms) ||
		    fly_runtime_is_quitting(r))
			return n;
		if (r->group.is_shared)
			fly_turn(r);
		if (fly_runtime_is_anybodys(r))
			nanosleep(&look, NULL);
		else
			fly_wait_after_turn(&waiting, &r->poller, r->group.wait, fly_turn(r));
	}
	return 0;
}

int fly_drain(struct fly_runtime *r, uint32_t most_ms)
{
	int status = 0;
	unsigned n;

	if (!r)
		return fly_fail(FLY_EINVAL, "drain: there is no runtime");
	status = fly_runtime_check(r, "drain");
	if (status)
		return status;
	pthread_mutex_lock(&r->lock);
	memset(&r->exports[FLY_EXPORT_BINDER + 1], 0,
	       sizeof r->exports - (FLY_EXPORT_BINDER + 1) * sizeof r->exports[0]);
	pthread_mutex_unlock(&r->lock);
	for (unsigned i = 0; i < r->group.n && !status; i++)
		status = fly_request(r->group.pollers[i], withdraw_on_poller, NULL);
	if (status)
		return status;
	n = wait_for_calls(r, most_ms);
	for (unsigned i = 0; i < r->group.n; i++)
		fly_drain_linger(r->group.pollers[i]);
	if (n)
		return fly_fail(FLY_ETIMEOUT,
				"drain: %u call(s) still run or wait after %u ms, or at fly_quit()",
				n, most_ms);
	return 0;
}
