/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * behaviour.c - which Starter and which Transporter a binding over a link has.
 *
 * A plain binding has those of fastpath/caller.c. Some fields of the binding ask for others: its
 * deadline, its way to wait, whether it reconnects, and whether it was shut. Only choose() stores
 * these procedures, from all of these fields. Runs on the poller's thread.
 */
#include "slowpath/behaviour.h"

#include "base/loans.h"
#include "base/reconnect.h"
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

/* ---- reconnecting ---- */

/* The time that it takes to rebind is part of the call's deadline. */
static int starter_lost(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
			struct fly_call **call)
{
	struct fly_import *import = fly_import_of(binding);
	struct fly_poller *p = import->poller;
	const uint64_t timeout_us = p->waits.timeout_tsc * 1000 / p->tsc_per_ms;
	const uint32_t deadline_us = import->deadline_us;
	struct fly_loans *loans = fly_loans_hide(binding);
	uint64_t began_tsc;
	uint64_t gone_us;
	int status;

	p->clock.turns = 0; /* read the TSC now: do not use the cached time */
	began_tsc = fly_poller_time(p);
	status = import->reconnect(import, deadline_us ? deadline_us : timeout_us);
	fly_loans_show(binding, loans);
	if (status)
		return status;
	gone_us = (fly_poller_time(p) - began_tsc) * 1000 / p->tsc_per_ms;
	if (deadline_us)
		import->deadline_us = gone_us < deadline_us ? deadline_us - (uint32_t)gone_us : 1;
	status = binding->starter(binding, procedure, argument_bytes, call);
	import->deadline_us = deadline_us;
	return status;
}

/* Its Transporter without reconnecting. */
static int transporter_once(struct fly_call *call)
{
	const struct fly_import *import = fly_import_of(call->binding);

	if (import->wait != FLY_WAIT_SPIN)
		return transporter_lazily(call);
	call->binding->send(call);
	fly_link_flush(import->link);
	return fly_caller_wait(call);
}

static int transporter_again(struct fly_call *call)
{
	const struct fly_call_entry *e = fly_entry_of(call);
	const bool has_deadline = fly_deadline_of(e) != FLY_NEVER;
	const uint32_t bytes = call->length - (has_deadline ? FLY_DEADLINE_BYTES : 0);

	return e->packet ? fly_reconnect_call(call, transporter_once, e->procedure, bytes)
			 : transporter_once(call);
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
	if (import->reconnect) {
		b->transporter = transporter_again;
		if (import->is_lost)
			b->starter = starter_lost;
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

void fly_behaviour_reconnect(struct fly_import *import,
			     int (*reconnect)(struct fly_import *import, uint64_t most_us))
{
	import->reconnect = reconnect;
	import->is_lost = reconnect && !import->link->up;
	choose(import);
}

void fly_behaviour_lost(struct fly_import *import)
{
	if (!import->reconnect)
		return;
	import->is_lost = true;
	choose(import);
}

void fly_behaviour_found(struct fly_import *import)
{
	if (!import->is_lost)
		return;
	import->is_lost = false;
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
