/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * absence.c - what it means that nobody turned a poller for a while.
 *
 * Called by the outermost poll loops, which have the clock, before the first turn afterwards.
 *
 * Absence. A poller's clock stands still while nobody turns it: between the calls of a thread that
 * does other things meanwhile, say, or while its machine is suspended. What is stamped meanwhile is
 * stamped with the time before. For such a call, its waits count from now on, as it was most likely
 * sent just now; but its age, by which a server tells whether it may have forgotten it, counts from
 * the beginning of the absence, since it may have been sent then. Answers may be waiting in our
 * rings: nothing is overdue before they have been received, so that an hour's absence does not
 * end in a storm of copies. And a long absence does not count for the keeping of conversation
 * records: copies of their calls may have waited for us all the time.
 */
#include "fastpath/binding.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/records.h"
#include "slowpath/deadline.h"
#include "slowpath/refused.h"
#include "slowpath/retry.h"

static void restamp(struct fly_poller *p, struct fly_call_entry *e, uint64_t before_tsc,
		    uint64_t now_tsc)
{
	const uint64_t absent_ms = (now_tsc - before_tsc) / p->tsc_per_ms + 1;

	/* Once only: a poller that is turned now and then is absent before each turn. */
	if (!fly_call_is_out(e) || e->resends > 0 || e->early_seq == (uint16_t)e->seq ||
	    e->sent_tsc != before_tsc)
		return;
	e->sent_tsc = now_tsc;
	e->early_ms = (uint16_t)RTE_MIN(absent_ms, (uint64_t)UINT16_MAX);
	e->early_seq = (uint16_t)e->seq;
	if (fly_deadline_of(e) != FLY_NEVER)
		e->deadline_tsc += now_tsc - before_tsc;
	if (e->state == FLY_CALL_BULK)
		fly_retry_begin(&e->retry, fly_import_of(e->head.binding)->rtt.rto_tsc, now_tsc);
	else
		e->state = FLY_CALL_WAITING; /* not to be measured: nobody knows when it was sent */
}

void fly_slow_absent(struct fly_poller *p, uint64_t before_tsc, uint64_t now_tsc)
{
	const uint32_t before_ms = p->now_ms;
	uint32_t bound = p->calls.n - p->calls.n_unbound;

	for (uint32_t i = 0; bound > 0 && i < p->calls.n; i++) {
		bound -= p->calls.entries[i].state != FLY_CALL_UNBOUND;
		restamp(p, &p->calls.entries[i], before_tsc, now_tsc);
	}
	/* Once only, likewise. */
	if (!p->pass.is_graced) {
		p->pass.due_tsc = RTE_MAX(p->pass.due_tsc, now_tsc + p->waits.least_tsc);
		p->pass.is_graced = true;
	}
	p->now_ms = (uint32_t)((now_tsc - p->began_tsc) / p->tsc_per_ms);
	fly_bulk_absent(p, before_ms, now_tsc - before_tsc);
	fly_conversations_absent(p, p->now_ms - before_ms);
	if (p->now_ms - before_ms > FLY_ABSENCE_MS)
		p->refused->rotated_ms += p->now_ms - before_ms;
}
