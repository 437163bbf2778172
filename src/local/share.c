/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/share.c - see local/share.h. Owns the sums of what clients and users hold.
 *
 * Shares
 *
 * A poller holds at most FLY_LOCAL_HELD_MAX bytes for the long calls of all clients of this
 * machine: its copies of arguments, room for results, and results in far memory, whose pages the
 * poller has made. Pages that a client makes by writing its arguments are the client's own. With
 * the call that asks:
 *   - a user gets no more than it leaves free for others;
 *   - but three quarters of all, if the client that asks has no call under way;
 *   - and all that is free, if the user holds nothing yet.
 * So one client cannot take what its user's other clients need, nor a user, with however many
 * clients, what other users need. A call that gets nothing waits for its turn: local/work.c.
 *
 * Far memory
 *
 * Pages of far memory stay after a long call: the slot's next long call finds them warm. If no call
 * uses them for a second, or if somebody waits for memory, the poller lends the far memory to the
 * clerk, and the clerk gives the pages back to the system. The poller does not do that itself:
 * giving pages back waits for others that work on the same memory, and a client could do so all the
 * time.
 *
 * `far` in the shared head says who may write: the client while it says USED; not the client while
 * it says TAKEN. A client that breaks this rule loses its own arguments. The poller does not rely
 * on `far`: it leaves far memory alone until the clerk is done (far_given). The pages are freed
 * with the binding at the latest.
 */
#include "local/share.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "fastpath/poller.h"
#include "fastpath/slow.h"

#define SPARE_BYTES  (32U << 20)  /* largest block that is kept as spare */
#define AT_ONCE      (1U << 20)   /* a larger block is not freed at once */
#define SHRINK_BYTES (256U << 10) /* of it that are given back in one turn */

/* ---- users ----------------------------------------------------------------------------------- */

int fly_local_share_join(struct fly_poller *p, struct fly_local_client *of)
{
	struct fly_local_user *user;

	LIST_FOREACH(user, &p->local->users, next)
	{
		if (user->uid == of->uid)
			break;
	}
	if (!user) {
		user = calloc(1, sizeof *user);
		if (!user)
			return -FLY_ENOMEM;
		user->uid = of->uid;
		LIST_INSERT_HEAD(&p->local->users, user, next);
	}
	user->n++;
	of->user = user;
	return 0;
}

struct fly_local_user *fly_local_share_keep(struct fly_local_client *of)
{
	of->user->n++;
	return of->user;
}

void fly_local_share_drop(struct fly_local_user *user)
{
	if (--user->n != 0)
		return;
	LIST_REMOVE(user, next);
	free(user);
}

/* Has this client no call under way? What results have left in far memory does not count. */
static bool has_no_call(const struct fly_local_client *of)
{
	uint64_t left = 0;

	for (uint32_t i = 0; i < of->memory.slots; i++)
		left += of->far_held[i];
	return of->held == left;
}

bool fly_local_share_allows(const struct fly_poller *p, const struct fly_local_client *of,
			    uint64_t bytes)
{
	const uint64_t held = p->local->held;
	const uint64_t rest = held < FLY_LOCAL_HELD_MAX ? FLY_LOCAL_HELD_MAX - held : 0;
	const uint64_t with = of->user->held + bytes;

	if (bytes > rest)
		return false;
	return of->user->held == 0 || with <= rest - bytes ||
	       (has_no_call(of) && with <= FLY_LOCAL_HELD_MAX / 4 * 3);
}

void fly_local_share_hold(struct fly_poller *p, struct fly_local_client *of, uint64_t bytes)
{
	p->local->held += bytes;
	of->user->held += bytes;
	of->held += bytes;
}

void fly_local_share_free(struct fly_poller *p, struct fly_local_user *user,
			  struct fly_local_client *of, uint64_t bytes)
{
	p->local->held -= bytes;
	user->held -= bytes;
	if (of)
		of->held -= bytes;
	p->local->has_freed = true;
}

void fly_local_share_leave(struct fly_poller *p, struct fly_local_client *of)
{
	fly_local_share_free(p, of->user, of, of->held);
	fly_local_share_drop(of->user);
	of->user = NULL;
}

/* ---- far memory ------------------------------------------------------------------------------ */

/* Account for what the clerk has given back. */
static void take_stock(struct fly_poller *p, struct fly_local_client *of)
{
	/* M2: the memory is the poller's again; pairs with M1 in local/clerk.c. */
	uint64_t done = of->far_lent & ~atomic_load_explicit(&of->far_given, memory_order_acquire);

	of->far_lent &= ~done;
	for (; done != 0; done &= done - 1) {
		const unsigned i = (unsigned)__builtin_ctzll(done);

		fly_local_share_free(p, of->user, of, of->far_held[i]);
		of->far_written[i] = 0;
		of->far_held[i] = 0;
	}
}

bool fly_local_far_is_lent(struct fly_poller *p, struct fly_local_client *of, uint32_t i)
{
	if (of->far_lent != 0)
		take_stock(p, of);
	return (of->far_lent >> i & 1) != 0;
}

void fly_local_far_read(struct fly_local_client *of, uint32_t i, uint32_t bytes)
{
	of->far_used |= UINT64_C(1) << i;
	of->far_written[i] = RTE_MAX(of->far_written[i], bytes);
}

void fly_local_far_write(struct fly_poller *p, struct fly_local_client *of, uint32_t i,
			 uint32_t bytes)
{
	fly_local_far_read(of, i, bytes);
	if (bytes <= of->far_held[i])
		return;
	fly_local_share_hold(p, of, bytes - of->far_held[i]);
	of->far_held[i] = bytes;
}

void fly_local_far_lend(struct fly_poller *p, struct fly_local_client *of, uint64_t kept)
{
	uint64_t idle = 0;

	take_stock(p, of);
	kept |= of->busy | of->far_lent;
	for (uint32_t i = 0; i < of->memory.slots; i++) {
		uint8_t expected = FLY_FAR_FREE;

		if (of->far_written[i] == 0 || (kept >> i & 1))
			continue;
		/* Otherwise a call owns it, or its result is still being read. */
		if (atomic_compare_exchange_strong_explicit(&fly_astack_head(&of->memory)->far[i],
							    &expected, FLY_FAR_TAKEN,
							    memory_order_acquire,
							    memory_order_relaxed))
			idle |= UINT64_C(1) << i;
	}
	if (idle == 0)
		return;
	of->far_lent |= idle;
	/* M3: the poller does not use this memory any more; pairs with M4. */
	atomic_fetch_or_explicit(&of->far_given, idle, memory_order_release);
	fly_slow_wake_poller(of->clerk_fd);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

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
	*bytes = RTE_ALIGN_CEIL(*bytes, (size_t)(*bytes > AT_ONCE ? FLY_ASTACK_PAGE : 64));
	return aligned_alloc(*bytes > AT_ONCE ? FLY_ASTACK_PAGE : 64, *bytes);
}

bool fly_local_block_put(struct fly_poller *p, uint8_t **block, size_t *bytes)
{
	struct fly_local_server *d = p->local;

	if (*bytes <= SPARE_BYTES && (!d->spare || d->spare_bytes < *bytes)) {
		uint8_t *const smaller = d->spare;
		const size_t its_bytes = d->spare_bytes;

		d->spare = *block;
		d->spare_bytes = *bytes;
		*block = smaller;
		*bytes = its_bytes;
		if (!smaller)
			return true;
	}
	if (*bytes > AT_ONCE)
		return false;
	free(*block);
	return true;
}

size_t fly_local_block_shrink(uint8_t *block, size_t bytes)
{
	const size_t left = bytes > SHRINK_BYTES ? RTE_ALIGN_FLOOR(bytes - SHRINK_BYTES, 4096) : 0;

	madvise(block + left, bytes - left, MADV_DONTNEED);
	return left;
}

uint8_t *fly_local_block_take_spare(struct fly_poller *p, size_t *bytes)
{
	struct fly_local_server *d = p->local;
	uint8_t *block = d->spare_used ? NULL : d->spare;

	d->spare_used = false;
	if (!block)
		return NULL;
	*bytes = d->spare_bytes;
	d->spare = NULL;
	if (*bytes > AT_ONCE)
		return block;
	/* It takes no time. And it shares its last page: fly_local_block_shrink() is not for it. */
	free(block);
	return NULL;
}
