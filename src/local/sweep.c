/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/sweep.c - the slow part of the server's local link: waking clients, and the sweep, which
 * checks each client about once a second.
 *
 * Runs on the poller's thread; called through fastpath/slow.h and local/server.h.
 */
#include "local/server.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "base/fault.h"
#include "local/life.h"
#include "local/map.h"
#include "local/share.h"
#include "local/work.h"
#include "threads/waiting.h"

#define SWEEP_MS 1000 /* each client is checked once in so long */

void fly_local_client_wake(struct fly_local_client *of, struct fly_slot *slot)
{
	const char byte = 0;

	/* A hint: a sleeper sets `asleep` before it looks at the state. */
	if (atomic_load_explicit(&slot->asleep, memory_order_relaxed) == FLY_ASLEEP_FUTEX)
		fly_wait_wake_slot(slot, true);
	else /* if the socket is full, the client has bytes to read */
		(void)!send(of->socket, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void fly_local_client_disconnect(struct fly_local_client *of)
{
	shutdown(of->socket, SHUT_RDWR);
}

/* ---- once a second --------------------------------------------------------------------------- */

/*
 * A call that nobody polled for a second: a lost wakeup, which must not happen. Skipped if the
 * poller has not turned often enough since then to check all bells.
 */
static void look_for_missed(struct fly_poller *p, struct fly_local_client *of)
{
	const struct fly_local_server *d = p->local;
	uint64_t polled = of->busy;
	uint64_t lying = 0;

	if (of->lying && d->turn - of->lying_turn <= d->n)
		return;
	for (uint32_t k = 0; k < d->n_polled; k++) {
		if (d->polled[k].of == of)
			polled |= UINT64_C(1) << d->polled[k].index;
	}
	for (uint32_t i = 0; i < of->memory.slots; i++) {
		struct fly_slot *slot = fly_astack_slot(of->memory.near, i);
		const uint64_t bit = UINT64_C(1) << i;
		const uint32_t word = fly_slot_word(slot);

		if ((polled & bit) || !fly_slot_says(word, FLY_SLOT_CALL))
			continue;
		if ((of->lying & bit) && of->lying_word[i] == word) {
			fly_stats_add(&p->stats, FLY_COUNT_slots_missed, 1);
			fly_local_client_watch(p, of, i, 0);
			continue;
		}
		lying |= bit;
		of->lying_word[i] = word;
	}
	of->lying = lying;
	of->lying_turn = d->turn;
}

static void look_at(struct fly_poller *p, struct fly_local_client *of)
{
	if (of->ending)
		return;
	look_for_missed(p, of);
	fly_local_far_lend(p, of, of->far_used);
	of->far_used = 0;
}

static void look_for_faults(struct fly_poller *p)
{
	struct fly_local_server *d = p->local;
	const uint32_t ever = fly_fault_ever();

	if (likely(ever == d->faults))
		return;
	d->faults = ever;
	for (uint32_t k = 0; k < d->n; k++) {
		struct fly_local_client *of = d->clients[k];

		if (of->ending || !fly_astack_has_fault(&of->memory))
			continue;
		fly_stats_add(&p->stats, FLY_COUNT_local_faults, 1);
		fly_local_client_end(p, of);
	}
}

void fly_slow_local_sweep(struct fly_poller *p)
{
	struct fly_local_server *d = p->local;
	uint64_t due;

	look_for_faults(p);
	fly_local_works_check(p);
	if (d->n == 0)
		return;
	if (d->life)
		fly_life_beat(d->life);
	/* Enough clients to check each once in SWEEP_MS. */
	due = (p->now_tsc - d->sweep_tsc) * d->n / (SWEEP_MS * p->tsc_per_ms);
	if (due == 0)
		return;
	d->sweep_tsc = p->now_tsc;
	for (due = RTE_MIN(due, (uint64_t)d->n); due-- > 0;) {
		if (d->sweep_at >= d->n) {
			d->sweep_at = 0;
			fly_local_work_free_spare(p);
		}
		look_at(p, d->clients[d->sweep_at++]);
	}
}

int fly_local_server_init(struct fly_poller *p)
{
	p->local = calloc(1, sizeof *p->local);
	if (!p->local)
		return -FLY_ENOMEM;
	TAILQ_INIT(&p->local->waiting);
	TAILQ_INIT(&p->local->moving);
	TAILQ_INIT(&p->local->stalled);
	return 0;
}

void fly_local_server_fini(struct fly_poller *p)
{
	fly_local_works_free(p);
	free(p->local->spare);
	free(p->local->clients);
	free(p->local);
}
