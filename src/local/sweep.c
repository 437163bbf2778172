/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/sweep.c - the slow part of the server's local link: waking clients, memory for long calls,
 * and the sweep, which checks each client about once a second.
 *
 * Runs on the poller's thread; called through fastpath/slow.h and local/server.h.
 *
 * Far memory
 *
 * Pages of far memory stay after a long call: the slot's next long call finds them warm. If no call
 * uses them for a second, the poller lends the memory to the clerk, and the clerk gives the pages
 * back to the system. The poller does not do that itself: giving pages back waits for others that
 * work on the same memory, and a client could do so all the time.
 *
 * `far` in the shared head says who may write: the client while it says USED; not the client while
 * it says TAKEN. A client that breaks this rule loses its own arguments. The poller does not rely
 * on `far`: it refuses long calls of a slot until the clerk is done (far_given). The pages are
 * freed with the binding at the latest.
 */
#include "local/server.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "base/fault.h"
#include "local/life.h"
#include "local/map.h"
#include "threads/waiting.h"

#define SWEEP_MS    1000        /* each client is checked once in so long */
#define SPARE_BYTES (32U << 20) /* largest block that is kept as spare */

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

/* ---- memory for long calls ------------------------------------------------------------------- */

uint8_t *fly_local_block_get(struct fly_poller *p, size_t *bytes)
{
	struct fly_local_server *d = p->local;
	uint8_t *block = d->spare;

	d->spare_used = true;
	if (block && d->spare_bytes >= *bytes) {
		*bytes = d->spare_bytes;
		d->spare = NULL;
		return block;
	}
	*bytes = RTE_CACHE_LINE_ROUNDUP(*bytes);
	return aligned_alloc(RTE_CACHE_LINE_SIZE, *bytes);
}

void fly_local_block_put(struct fly_poller *p, uint8_t *block, size_t bytes)
{
	struct fly_local_server *d = p->local;

	/* Keep the larger block. */
	if (bytes > SPARE_BYTES || (d->spare && d->spare_bytes >= bytes)) {
		free(block);
		return;
	}
	free(d->spare);
	d->spare = block;
	d->spare_bytes = bytes;
}

/* Account for what the clerk has given back. */
static void take_stock(struct fly_poller *p, struct fly_local_client *of)
{
	/* M2: the memory is the poller's again; pairs with M1 in local/clerk.c. */
	uint64_t done = of->far_lent & ~atomic_load_explicit(&of->far_given, memory_order_acquire);

	of->far_lent &= ~done;
	for (; done != 0; done &= done - 1) {
		const unsigned i = (unsigned)__builtin_ctzll(done);

		p->local->far_written -= of->far_written[i];
		of->far_written[i] = 0;
	}
}

bool fly_local_far_is_away(struct fly_poller *p, struct fly_local_client *of, uint32_t i)
{
	take_stock(p, of);
	return (of->far_lent >> i & 1) && p->now_tsc - of->far_lent_tsc < p->waits.timeout_tsc;
}

bool fly_local_far_may(struct fly_poller *p, struct fly_local_client *of, uint32_t i,
		       uint32_t bytes)
{
	uint64_t own = of->far_reserved;
	uint64_t free_bytes = 0;
	uint64_t all;

	take_stock(p, of);
	if (of->far_lent >> i & 1)
		return false;
	all = p->local->far_written + p->local->far_reserved;
	if (all < FLY_LOCAL_FAR_MAX)
		free_bytes = FLY_LOCAL_FAR_MAX - all;
	if (bytes <= of->far_written[i])
		return true;
	for (uint32_t k = 0; k < of->memory.slots; k++)
		own += of->far_written[k];
	own -= of->far_written[i];
	free_bytes += of->far_written[i];
	/* A client may have twice as much as it leaves to the others. */
	return bytes <= free_bytes && own + bytes <= 2 * free_bytes;
}

void fly_local_far_written(struct fly_poller *p, struct fly_local_client *of, uint32_t i,
			   uint32_t bytes)
{
	of->far_used |= UINT64_C(1) << i;
	if (bytes > of->far_written[i]) {
		p->local->far_written += bytes - of->far_written[i];
		of->far_written[i] = bytes;
	}
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
		uint32_t seq;

		if ((polled & bit) || !fly_slot_is(slot, FLY_SLOT_CALL))
			continue;
		seq = FLY_ASTACK_READ(slot->seq);
		if ((of->lying & bit) && of->lying_seq[i] == seq) {
			fly_stats_add(&p->stats, FLY_COUNT_slots_missed, 1);
			fly_local_client_watch(p, of, i);
			continue;
		}
		lying |= bit;
		of->lying_seq[i] = seq;
	}
	of->lying = lying;
	of->lying_turn = d->turn;
}

/* Lend far memory that no call has used since the last sweep to the clerk. */
static void lend_idle(struct fly_poller *p, struct fly_local_client *of)
{
	const uint64_t kept = of->far_used | of->busy;
	uint64_t idle = 0;

	take_stock(p, of);
	for (uint32_t i = 0; i < of->memory.slots; i++) {
		uint8_t expected = FLY_FAR_FREE;

		if (of->far_written[i] == 0 || ((kept | of->far_lent) >> i & 1))
			continue;
		/* Otherwise a call owns it, or its result is still being read. */
		if (atomic_compare_exchange_strong_explicit(&fly_astack_head(&of->memory)->far[i],
							    &expected, FLY_FAR_TAKEN,
							    memory_order_acquire,
							    memory_order_relaxed))
			idle |= UINT64_C(1) << i;
	}
	of->far_used = 0;
	if (idle == 0)
		return;
	of->far_lent |= idle;
	of->far_lent_tsc = p->now_tsc;
	/* M3: the poller does not use this memory any more; pairs with M4. */
	atomic_fetch_or_explicit(&of->far_given, idle, memory_order_release);
	fly_slow_wake_poller(of->clerk_fd);
}

static void look_at(struct fly_poller *p, struct fly_local_client *of)
{
	if (of->ending)
		return;
	look_for_missed(p, of);
	lend_idle(p, of);
}

/* Free the spare block if no call has used it since last time. */
static void drop_spare(struct fly_local_server *d)
{
	if (!d->spare_used && d->spare) {
		free(d->spare);
		d->spare = NULL;
	}
	d->spare_used = false;
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
	fly_local_work_cancel(p);
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
			drop_spare(d);
		}
		look_at(p, d->clients[d->sweep_at++]);
	}
}

int fly_local_server_init(struct fly_poller *p)
{
	p->local = calloc(1, sizeof *p->local);
	return p->local ? 0 : -FLY_ENOMEM;
}

void fly_local_server_fini(struct fly_poller *p)
{
	free(p->local->spare);
	free(p->local->clients);
	free(p->local);
}
