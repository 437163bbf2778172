/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * behaviour.c - which Starter and which Transporter a binding over a link has.
 *
 * A plain binding has those of fastpath/caller.c. Three fields of the binding ask for others: its
 * deadline, its way to wait, and whether it was shut. Only choose() stores these procedures, from
 * all three fields. Runs on the poller's thread.
 */
#include "slowpath/behaviour.h"

#include "slowpath/deadline.h"
#include "threads/poller_group.h"
#include "threads/waiting.h"

/* ---- shut ---- */

static int starter_shut(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
			struct fly_call **call)
{
	(void)binding;
	(void)procedure;
	(void)argument_bytes;
	(void)call;
	return -FLY_ESHUT;
}

/* Ends a call that was started before the binding was shut. */
static void send_shut(struct fly_call *call)
{
	fly_caller_fail(fly_import_of(call->binding)->poller, fly_entry_of(call), -FLY_ESHUT);
}

static int transporter_shut(struct fly_call *call)
{
	send_shut(call);
	return call->binding->wait(call);
}

/* ---- waiting by yield or sleep ---- */

/* Check first whether the call has ended; yield or sleep between turns. */
static int wait_lazily(struct fly_call *call)
{
	const struct fly_call_entry *e = fly_entry_of(call);
	const struct fly_import *import = fly_import_of(call->binding);
	struct fly_poller *p = import->poller;
	struct fly_waiting waiting = {0};

	while (fly_call_is_out(e))
		fly_wait_after_turn(&waiting, p, import->wait,
				    fly_poller_turn(p, fly_poller_time(p)));
	return fly_caller_wait(call);
}

static int transporter_lazily(struct fly_call *call)
{
	call->binding->send(call);
	fly_link_flush(fly_import_of(call->binding)->link);
	return wait_lazily(call);
}

/* ---- the choice ---- */

static void choose(struct fly_import *import)
{
	struct fly_binding *b = &import->head;

	fly_caller_bind(import);
	if (import->deadline_us != 0)
		b->starter = fly_deadline_starter;
	if (import->wait != FLY_WAIT_SPIN) {
		b->transporter = transporter_lazily;
		b->wait = wait_lazily;
	}
	if (import->is_shut) {
		b->starter = starter_shut;
		b->transporter = transporter_shut;
		b->send = send_shut;
	}
}

void fly_slow_set_deadline(struct fly_import *import, uint32_t us)
{
	import->deadline_us = us;
	choose(import);
}

int fly_behaviour_set_deadline(struct fly_binding *binding, uint32_t us)
{
	fly_slow_set_deadline(fly_import_of(binding), us);
	return 0;
}

void fly_behaviour_set_wait(struct fly_binding *binding, enum fly_wait wait)
{
	struct fly_import *import = fly_import_of(binding);
	const struct fly_poller_group *group = import->poller->group;

	if (wait == FLY_WAIT_DEFAULT)
		wait = group ? group->wait : FLY_WAIT_SPIN;
	import->wait = wait;
	choose(import);
}

void fly_behaviour_shut(struct fly_import *import)
{
	struct fly_poller *p = import->poller;

	import->is_shut = true;
	choose(import);
	for (uint32_t i = 0; i < p->calls.n; i++) {
		struct fly_call_entry *e = &p->calls.entries[i];

		if (e->head.binding == &import->head && fly_call_is_out(e))
			fly_deadline_end(p, e, -FLY_ESTOPPED);
	}
}
