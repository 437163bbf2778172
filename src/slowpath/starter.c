/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * starter.c - fly_slow_start(): gives a binding another call-table entry, or says why it cannot
 * call.
 *
 * Called by the Starter, on the poller's thread, behind slow.h.
 */
#include "base/loans.h"
#include "base/random.h"
#include "fastpath/binding.h"
#include "fastpath/slow.h"
#include "slowpath/bulk/fragments.h"
#include "threads/caller.h"

/*
 * A link that is down comes back in a turn of its poller. An inline caller that only starts calls
 * until one succeeds turns the poller nowhere else. Not for an attached caller, whose call is
 * started within a turn.
 */
static bool is_up_after_turn(struct fly_import *import)
{
	struct fly_loans *loans = fly_loans_hide(&import->head);
	struct fly_poller *p = import->poller;

	if (!p->turning && p->group && import->deliver != fly_attached_deliver)
		fly_poller_turn(p, fly_poller_time(p));
	fly_loans_show(&import->head, loans);
	return import->link->up;
}

int fly_slow_start(struct fly_binding *binding, uint32_t argument_bytes)
{
	struct fly_import *import = fly_import_of(binding);
	struct fly_poller *p = import->poller;
	struct fly_call_entry *e;
	uint32_t first_seq;

	if (p->nested >= FLY_NESTED_MAX)
		return -FLY_ECONFLICT; /* so many procedures wait here for one another */
	if (argument_bytes > import->argument_max &&
	    (argument_bytes > FLY_MESSAGE_MAX ||
	     fly_scatter_fragments(argument_bytes, import->argument_max) > FLY_FRAGMENTS_MAX))
		return -FLY_ETOOBIG;
	if (!import->link->up && !is_up_after_turn(import))
		return -FLY_ELINK;
	if (import->idle != FLY_NO_ENTRY)
		return 0;
	first_seq = fly_random32();
	e = fly_call_table_bind(&p->calls, binding, import->activity, first_seq);
	if (!e)
		return -FLY_ECALLS;
	import->idle = fly_call_table_index(&p->calls, e);
	return 0;
}
