/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * absence.c - what happens after nobody turned a poller for a while.
 *
 * Called by the outermost poll loops before the first turn after an absence; the loops own the
 * clock. Must not send, resend or fail calls.
 *
 * Absence. A poller's clock stands still while nobody turns the poller: its thread does other work
 * between calls, or the machine is suspended. A call that is sent in that time is stamped with the
 * time of the last turn.
 * The call's waits are counted from now: it was most likely sent just now. Its age is counted from
 * the beginning of the absence: it may have been sent then, and the server uses the age to decide
 * whether it may have forgotten the call.
 * Nothing is resent or failed before the packets that wait in the rings were received. Otherwise
 * a long absence would end in a burst of copies.
 * A long absence does not count towards the lifetime of conversation records: copies of their
 * calls may have waited in the rings all the time.
 */
#include "fastpath/binding.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/records.h"
#include "slowpath/deadline.h"
#include "slowpath/path_mtu.h"
#include "slowpath/refused_filter.h"
#include "slowpath/retry.h"

static void restamp(struct fly_poller *p, struct fly_call_entry *e, uint64_t before_tsc,
		    uint64_t now_tsc)
{
	const uint64_t absent_ms = (now_tsc - before_tsc) / p->tsc_per_ms + 1;

	/* Only once per call: a poller that is turned rarely is absent before each turn. */
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
		fly_call_to_waiting(e); /* no round-trip sample: the time of sending is unknown */
}

void fly_slow_absent(struct fly_poller *p, uint64_t before_tsc, uint64_t now_tsc)
{
	const uint32_t before_ms = p->now_ms;
	uint32_t bound = p->calls.n - p->calls.n_unbound;

	for (uint32_t i = 0; bound > 0 && i < p->calls.n; i++) {
		bound -= p->calls.entries[i].state != FLY_CALL_UNBOUND;
		restamp(p, &p->calls.entries[i], before_tsc, now_tsc);
	}
	/* Only once, as above. */
	if (!p->pass.is_graced) {
		p->pass.due_tsc = RTE_MAX(p->pass.due_tsc, now_tsc + p->waits.least_tsc);
		p->pass.is_graced = true;
	}
	p->now_ms = (uint32_t)((now_tsc - p->began_tsc) / p->tsc_per_ms);
	fly_bulk_absent(p, before_ms, now_tsc - before_tsc);
	fly_path_mtu_absent(p, now_tsc - before_tsc);
	fly_conversations_absent(p, p->now_ms - before_ms);
	if (p->refused && p->now_ms - before_ms > FLY_ABSENCE_MS) { /* NULL: no packets */
		p->refused->rotated_ms += p->now_ms - before_ms;
		p->gone->rotated_ms += p->now_ms - before_ms;
	}
}
