/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/sweep.c - what the fast path of the local link leaves to others: waking clients, memory
 * for long calls, and once in a while a look at each client.
 *
 * Runs on the poller's thread.
 *
 * Far memory
 *
 * What was written for a long call stays in far memory when the call is over, since the next one of
 * that slot finds it warm. When no call has used it for a second it is given back: by the clerk,
 * since that waits for whoever else works on the same memory, and a client can do so all the time.
 * Who may write to it is said by `far` in the shared page: the client has it while it says USED,
 * and leaves it alone while it says TAKEN, until the clerk says FREE. A client that does not keep
 * to that loses its own arguments. What the poller goes by is its own: until the clerk has done it
 * refuses long calls of that slot. The pages are freed with the binding at the latest.
 */
#include "local/sweep.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "fastpath/slow.h"
#include "local/fault.h"
#include "threads/waiting.h"

#define SWEEP_MS    1000        /* each client is looked at once in so long */
#define SPARE_BYTES (32U << 20) /* of memory for long calls are kept while they are used */

void fly_local_client_wake(struct fly_local_client *of, struct fly_slot *slot)
{
	const char byte = 0;

	/* A hint: who sleeps has said so before it looked at the state. */
	if (atomic_load_explicit(&slot->asleep, memory_order_relaxed) == FLY_ASLEEP_FUTEX)
		fly_wait_wake_slot(slot, true);
	else /* if there is no room it has enough to read */
		(void)!send(of->socket, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void fly_local_client_disconnect(struct fly_local_client *of)
{
	shutdown(of->socket, SHUT_RDWR);
}

/* ---- memory for long calls ----------------------------------------------------------------------
 */

uint8_t *fly_local_block_get(struct fly_poller *p, size_t *bytes)
{
	struct fly_astack_desk *d = &p->astacks;
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
	struct fly_astack_desk *d = &p->astacks;

	/* The larger one stays. */
	if (bytes > SPARE_BYTES || (d->spare && d->spare_bytes >= bytes)) {
		free(block);
		return;
	}
	free(d->spare);
	d->spare = block;
	d->spare_bytes = bytes;
}

/* What the clerk has given back since. */
static void take_stock(struct fly_poller *p, struct fly_local_client *of)
{
	/* G2: the memory is ours again; pairs with G1 in local/clerk.c. */
	uint64_t done = of->far_lent & ~atomic_load_explicit(&of->far_given, memory_order_acquire);

	of->far_lent &= ~done;
	for (; done != 0; done &= done - 1) {
		const unsigned i = (unsigned)__builtin_ctzll(done);

		p->local->far_written -= of->far_written[i];
		of->far_written[i] = 0;
	}
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
	/* To each client twice as much as it leaves to the others. */
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

/* ---- once a second ------------------------------------------------------------------------------
 */

/*
 * A call that was there a second ago, and is, and nobody looks: there must be none. A poller that
 * has stood still since has not looked at any bell.
 */
static void look_for_missed(struct fly_poller *p, struct fly_local_client *of)
{
	const struct fly_astack_desk *d = &p->astacks;
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

/* Far memory that nobody has used for long is lent to the clerk. */
static void lend_idle(struct fly_poller *p, struct fly_local_client *of)
{
	const uint64_t kept = of->far_used | of->busy;
	uint64_t idle = 0;

	take_stock(p, of);
	for (uint32_t i = 0; i < of->memory.slots; i++) {
		uint8_t expected = FLY_FAR_FREE;

		if (of->far_written[i] == 0 || ((kept | of->far_lent) >> i & 1))
			continue;
		/* Else a call has it, or one whose result is still being read. */
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
	/* G3: nothing of ours is done to it any more; pairs with G4. */
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

/* Memory for long calls that none has needed since the last time. */
static void drop_spare(struct fly_astack_desk *d)
{
	if (!d->spare_used && d->spare) {
		free(d->spare);
		d->spare = NULL;
	}
	d->spare_used = false;
}

static void look_for_faults(struct fly_poller *p)
{
	struct fly_astack_desk *d = &p->astacks;
	const uint32_t ever = fly_fault_ever();

	if (likely(ever == d->faults))
		return;
	d->faults = ever;
	for (uint32_t k = 0; k < d->n; k++) {
		struct fly_local_client *of = d->clients[k];

		if (of->ending || !fly_fault_has(&of->memory))
			continue;
		fly_stats_add(&p->stats, FLY_COUNT_local_faults, 1);
		fly_local_client_end(p, of);
	}
}

void fly_astacks_sweep(struct fly_poller *p)
{
	struct fly_astack_desk *d = &p->astacks;
	uint64_t due;

	look_for_faults(p);
	fly_local_work_cancel(p);
	if (d->n == 0)
		return;
	/* As many as it takes to see each once in SWEEP_MS. */
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

void fly_astacks_fini(struct fly_poller *p)
{
	free(p->local->spare);
	free(p->local->clients);
}
