/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/attach.c - the slow operations of an attached caller: attaching and unbinding, more calls
 * at a time, calls of several packets, cancelling.
 *
 * Each function is called on the attached thread and does its work on the poller's thread, by
 * fly_request() (threads/request.h). In between, each thread touches only its own half of the
 * shared structs (threads/caller.h).
 */
#include "runtime/attach.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "fastpath/clock.h"
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "threads/request.h"
#include "base/binding_kind.h"
#include "slowpath/deadline.h"
#include "base/error.h"
#include "runtime/import.h"
#include "threads/waiting.h"
#include "base/loans.h"
#include "base/owned.h"
#include "base/reconnect.h"
#include "runtime/runtime.h"

static struct fly_attached *attached_of(struct fly_binding *binding)
{
	return (struct fly_attached *)(void *)binding;
}

static struct fly_attached_call *call_of(struct fly_call *call)
{
	return (struct fly_attached_call *)(void *)call;
}

/* ---- calls at a time ------------------------------------------------------------------------- */

static int add_call(struct fly_poller *p, void *argument)
{
	struct fly_attached *a = argument;
	struct fly_attached_call *c = aligned_alloc(_Alignof(struct fly_attached_call), sizeof *c);

	if (!c)
		return -FLY_ENOMEM;
	*c = (struct fly_attached_call){
		.head.binding = &a->head,
		.attached = a,
		.next_idle = a->idle,
		.import = a->import,
		.handoff =
			{
				.act = fly_attached_act,
				.wanted = FLY_SLOT_CALL,
			},
	};
	if (fly_handoff_add(p, &c->handoff)) {
		free(c);
		return -FLY_ENOMEM;
	}
	/* If there is no packet now, a call with long arguments gets one later. */
	c->spare = fly_packet_get(&p->cache, FLY_PAYLOAD);
	if (c->spare)
		fly_packet_expose_all(c->spare);
	fly_handoff_watch(&p->handoffs, &c->handoff);
	LIST_INSERT_HEAD(&a->calls, c, next);
	a->idle = c;
	return 0;
}

/*
 * A request for the binding. A thread that turns a poller of its own keeps turning it meanwhile: no
 * procedure there may end the binding.
 */
static int request(struct fly_attached *a, int (*function)(struct fly_poller *p, void *argument),
		   void *argument)
{
	struct fly_loans *loans = fly_loans_hide(&a->head);
	int status;

	a->n_requests++;
	status = fly_request_within(a->poller, function, argument);
	a->n_requests--;
	fly_loans_show(&a->head, loans);
	return status;
}

/* A request that was to begin a call has failed. Return: the status of the call. */
static int not_begun(int status)
{
	return status == -FLY_ESTOPPED ? -FLY_ESHUT : status;
}

int fly_slow_attached_more(struct fly_attached *a)
{
	return not_begun(request(a, add_call, a));
}

/* ---- calls of several packets ---------------------------------------------------------------- */

struct start {
	struct fly_attached_call *c;
	struct fly_loans *loans; /* of the call; its thread waits for this request */
	uint16_t procedure;
	uint32_t bytes;
};

static int start(struct fly_poller *p, void *argument)
{
	struct start *s = argument;
	struct fly_attached_call *c = s->c;
	struct fly_import *import = c->import;
	struct fly_call *call;
	int status;

	(void)p;
	if (c->result) {
		fly_packet_put(&p->cache, c->result);
		c->result = NULL;
	}
	fly_slow_set_deadline(import, c->attached->deadline_us);
	import->head.loans = s->loans;
	status = import->head.starter(&import->head, s->procedure, s->bytes, &call);
	import->head.loans = NULL;
	if (status)
		return status;
	c->call = call;
	c->head.payload = call->payload;
	c->head.length = s->bytes;
	return 0;
}

int fly_slow_attached_start(struct fly_attached_call *c, uint16_t procedure, uint32_t bytes)
{
	struct start s = {
		.c = c,
		.loans = fly_loans_of_start(&c->attached->head),
		.procedure = procedure,
		.bytes = bytes,
	};

	return not_begun(request(c->attached, start, &s));
}

static int end_call(struct fly_poller *p, void *argument)
{
	struct fly_attached_call *c = argument;
	struct fly_call *call = c->call;

	(void)p;
	c->call = NULL;
	call->binding->ender(call);
	return 0;
}

void fly_slow_attached_end(struct fly_attached_call *c)
{
	request(c->attached, end_call, c);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/*
 * Its own thread does not turn the poller: this thread does, for a while. One that sleeps does so
 * once: for what takes longer, the poller's thread is there.
 */
static bool turn_instead(struct fly_attached *a, struct fly_slot *s, unsigned *n_turned)
{
	if (!a->lease || (a->wait == FLY_WAIT_SLEEP && *n_turned) || !fly_lease_take(a->lease))
		return false;
	++*n_turned;
	fly_lease_turn_for(a->lease, s, a->wait);
	return true;
}

void fly_slow_attached_wait(struct fly_attached_call *c)
{
	struct fly_slot *s = &c->handoff.slot;
	struct fly_poller *mine = fly_poller_mine();
	struct fly_waiting waiting = {0};
	unsigned n_turned = 0;

	if (c->attached->election) {
		fly_elected_wait(c->attached->election, s, &c->sleeper, c->attached->wait, mine);
		return;
	}
	/* A thread that turns pollers keeps turning them: the call may lead back to them. */
	if (fly_poller_has_ours(mine)) {
		while (!fly_slot_is(s, FLY_SLOT_RESULT))
			fly_poller_turn_ours(mine);
	}
	while (!fly_slot_is(s, FLY_SLOT_RESULT)) {
		const uint32_t word = fly_slot_word(s);

		if (c->attached->looks)
			rte_pause();
		else if (!fly_slot_says(word, FLY_SLOT_RESULT) &&
			 !turn_instead(c->attached, s, &n_turned))
			fly_wait_for_slot(&waiting, s, word, c->attached->wait, false);
	}
	if (c->attached->event_fd >= 0)
		return;
	atomic_store_explicit(&s->asleep, FLY_AWAKE, memory_order_relaxed);
}

/* ---- the kind of binding --------------------------------------------------------------------- */

/* Nobody turns the poller of a shared runtime while all threads only look: who looks does. */
static void turn_to_look(const struct fly_attached *a)
{
	if (a->turns_to_look)
		fly_elected_turn(a->election);
}

static bool ready(struct fly_call *call)
{
	const struct fly_slot *s = &call_of(call)->handoff.slot;

	if (fly_slot_is(s, FLY_SLOT_RESULT))
		return true;
	turn_to_look(call_of(call)->attached);
	return fly_slot_is(s, FLY_SLOT_RESULT);
}

/*
 * Calls that have ended
 *
 * The poller pushes each call that ends onto `ended`, and then writes to the descriptor. The thread
 * takes the whole list. A call that is finished may stay in the list, and its slot may have another
 * call by then: what is taken is returned only if it has ended, and once.
 * E1: publishes next_ended; pairs with E2. D13, D14: list, then load; against D15, D16.
 * E3: a poller that finds is_listed set has handed the slot back before E4, which clears it: the
 * thread looks at the slot after that, and sees it. Pairs with E4.
 */
static void list_ended(struct fly_attached_call *c)
{
	_Atomic(struct fly_attached_call *) *ended = &c->attached->ended;
	struct fly_attached_call *before = atomic_load_explicit(ended, memory_order_relaxed);

	if (atomic_exchange_explicit(&c->is_listed, true, memory_order_seq_cst)) /* E3 */
		return;
	do {
		c->next_ended = before;
	} while (!atomic_compare_exchange_weak_explicit(ended, &before, c,
							memory_order_seq_cst, /* E1, D13 */
							memory_order_relaxed));
}

/* Tell the event loop that this call has ended. */
static void tell(struct fly_attached_call *c)
{
	int event_fd;

	list_ended(c);
	event_fd = atomic_load_explicit(&c->attached->event_fd, memory_order_seq_cst); /* D14 */
	if (event_fd >= 0)
		eventfd_write(event_fd, 1);
}

void fly_slow_attached_wake(struct fly_attached_call *c)
{
	/* A hint: a thread that sleeps on the futex set `asleep` before it checked the state. */
	switch (atomic_load_explicit(&c->handoff.slot.asleep, memory_order_relaxed)) {
	case FLY_ASLEEP_EVENT:
		tell(c);
		break;
	case FLY_ASLEEP_TURN:
		fly_elected_wake(&c->sleeper);
		break;
	default:
		fly_wait_wake_slot(&c->handoff.slot, false);
	}
}

/* From now on calls that end are listed; also those that are under way, or have ended. */
static void announce(struct fly_attached *a)
{
	struct fly_attached_call *c;

	if (a->announces)
		return;
	a->announces = true;
	LIST_FOREACH(c, &a->calls, next)
	{
		struct fly_slot *s = &c->handoff.slot;
		const uint32_t word = fly_slot_word(s);

		if (fly_slot_says(word, FLY_SLOT_RESULT) ||
		    (fly_slot_says(word, FLY_SLOT_CALL) &&
		     !fly_slot_go_asleep(s, FLY_ASLEEP_EVENT, word)))
			tell(c);
	}
}

/* Take the list of ended calls. Return: the oldest. */
static struct fly_attached_call *take_ended(struct fly_attached *a)
{
	/* E2: pairs with E1 of each call in the list. D16: against D14. */
	struct fly_attached_call *c =
		atomic_exchange_explicit(&a->ended, NULL, memory_order_seq_cst);
	struct fly_attached_call *oldest = NULL;

	while (c) {
		struct fly_attached_call *next = c->next_ended;

		c->next_ended = oldest;
		oldest = c;
		c = next;
	}
	return oldest;
}

static struct fly_call *next_ready(struct fly_binding *binding)
{
	struct fly_attached *a = attached_of(binding);

	announce(a);
	if (!a->taken)
		turn_to_look(a);
	for (;;) {
		struct fly_attached_call *c = a->taken ? a->taken : take_ended(a);

		if (!c)
			return NULL;
		a->taken = c->next_ended;
		/* E4: from here on the poller may list it again; pairs with E3. */
		atomic_exchange_explicit(&c->is_listed, false, memory_order_seq_cst);
		if (!fly_slot_is(&c->handoff.slot, FLY_SLOT_RESULT) ||
		    c->returned_seq == fly_slot_seq(&c->handoff.slot))
			continue;
		c->returned_seq = fly_slot_seq(&c->handoff.slot);
		return &c->head;
	}
}

static void set_cookie(struct fly_call *call, void *cookie)
{
	struct fly_attached_call *c = call_of(call);

	c->cookie = cookie;
	c->cookie_seq = fly_slot_seq(&c->handoff.slot);
}

static void *cookie(const struct fly_call *call)
{
	const struct fly_attached_call *c = (const struct fly_attached_call *)(const void *)call;

	return c->cookie_seq == fly_slot_seq(&c->handoff.slot) ? c->cookie : NULL;
}

static struct fly_call_entry *entry_of_waiter(struct fly_poller *p,
					      const struct fly_attached_call *c)
{
	for (uint32_t i = 0; i < p->calls.n; i++) {
		if (p->calls.waiters[i] == c)
			return &p->calls.entries[i];
	}
	return NULL;
}

static int cancel_on_poller(struct fly_poller *p, void *argument)
{
	struct fly_attached_call *c = argument;
	struct fly_call_entry *e = entry_of_waiter(p, c);

	if (!e && c->has_begun && c->call && fly_slot_withdraw(&c->handoff.slot)) {
		/* Handed over, but not yet taken by the poller: do not send the call. */
		c->call->binding->ender(c->call);
		c->call = NULL;
		c->has_begun = false;
		return -FLY_EWITHDRAWN;
	}
	if (!e || !fly_call_is_out(e))
		return -FLY_EINVAL;
	fly_deadline_end(p, e, -FLY_ECANCELLED);
	return 0;
}

static int cancel(struct fly_call *call)
{
	struct fly_attached_call *c = call_of(call);
	struct fly_slot *s = &c->handoff.slot;
	int status = -FLY_EWITHDRAWN;

	if (!fly_slot_is(s, FLY_SLOT_CALL))
		return -FLY_EINVAL;
	if (c->has_begun || !fly_slot_withdraw(s))
		status = request(c->attached, cancel_on_poller, c);
	if (status != -FLY_EWITHDRAWN)
		return status;
	s->kind = FLY_ATTACHED_IN_SLOT;
	fly_slot_answer_own(s, status);
	if (c->attached->announces)
		tell(c);
	return 0;
}

static const struct fly_attached *attached_of_const(const struct fly_binding *binding)
{
	return (const struct fly_attached *)(const void *)binding;
}

static uint64_t thread(const struct fly_binding *binding)
{
	return attached_of_const(binding)->owned.thread;
}

/* As of a binding of an inline caller: import.c. The list of calls changes by our requests only. */
static bool is_in_use(const struct fly_binding *binding)
{
	const struct fly_attached *a = attached_of_const(binding);
	const struct fly_attached_call *c;
	int n_used = 0;

	if (a->n_requests)
		return true;
	if (!fly_poller_is_in_procedure()) /* of any poller, perhaps not that of the binding */
		return false;
	LIST_FOREACH(c, &a->calls, next)
	n_used++;
	for (c = a->idle; c; c = c->next_idle)
		n_used--;
	return n_used != 0;
}

struct again {
	struct fly_attached *a;
	uint64_t most_us;
};

static int rebind_once_on_poller(struct fly_poller *p, void *argument)
{
	struct again *again = argument;
	struct fly_import *import = again->a->import;
	const int status = fly_import_rebind_within(import, again->most_us);

	(void)p;
	again->a->argument_max = import->agreed_max;
	return status;
}

static int rebind_once(struct fly_binding *binding, uint64_t most_us)
{
	struct again again = {.a = attached_of(binding), .most_us = most_us};
	int status;

	again.a->n_requests++;
	status = fly_request(again.a->poller, rebind_once_on_poller, &again);
	again.a->n_requests--;
	return status;
}

/* The poller goes on by itself. */
static void pause_a_while(struct fly_binding *binding)
{
	const struct timespec nap = {.tv_nsec = 1000000};

	(void)binding;
	fly_poller_turn_ours(fly_poller_mine());
	nanosleep(&nap, NULL);
}

/* The Starter of a binding that is lost. */
static int starter_lost(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
			struct fly_call **call)
{
	static const struct fly_reconnect how = {.rebind = rebind_once, .pause = pause_a_while};
	struct fly_attached *a = attached_of(binding);
	const uint64_t began_tsc = fly_clock_now_tsc();
	struct fly_loans *loans = fly_loans_hide(binding);
	int status;

	a->n_requests++; /* also between two tries: procedures must not end it */
	status = fly_reconnect(binding, &how, a->deadline_us ? a->deadline_us : a->timeout_us);
	a->n_requests--;
	fly_loans_show(binding, loans);
	if (status)
		return status;
	a->lost_tsc = a->deadline_us ? began_tsc : 0;
	a->head.starter = fly_attached_start;
	return binding->starter(binding, procedure, argument_bytes, call);
}

void fly_slow_attached_failed(struct fly_attached *a, int status)
{
	if (fly_reconnect_is_due(status))
		a->head.starter = starter_lost;
}

static int (*transporter_once(const struct fly_attached *a))(struct fly_call *call)
{
	if (a->lease)
		return fly_attached_call_lent;
	return a->deadline_us != 0 ? fly_attached_call_timed : fly_attached_call;
}

static int transporter_again(struct fly_call *call)
{
	const struct fly_attached_call *c = call_of(call);
	int (*const once)(struct fly_call * call) = transporter_once(c->attached);

	return c->has_begun ? once(call)
			    : fly_reconnect_call(call, once, c->procedure, call->length);
}

/* Which Transporter: by its deadline, and whether it reconnects. */
static void choose(struct fly_attached *a)
{
	a->head.send = a->deadline_us != 0 ? fly_attached_send_timed : fly_attached_send;
	a->head.transporter = a->reconnects ? transporter_again : transporter_once(a);
}

static int set_deadline(struct fly_binding *binding, uint32_t us)
{
	struct fly_attached *a = attached_of(binding);
	struct fly_attached_call *c;

	a->deadline_us = us; /* goes with each call to the poller */
	choose(a);
	LIST_FOREACH(c, &a->calls, next)
	{
		/* Calls at the poller stay as they are: they may have a deadline. */
		if (!fly_slot_is(&c->handoff.slot, FLY_SLOT_CALL))
			atomic_store_explicit(&c->handoff.act, fly_attached_act,
					      memory_order_relaxed);
	}
	return 0;
}

static void set_wait(struct fly_binding *binding, enum fly_wait wait)
{
	struct fly_attached *a = attached_of(binding);

	a->wait = wait != FLY_WAIT_DEFAULT ? wait : a->default_wait;
	a->looks = a->wait == FLY_WAIT_SPIN && !a->turns_to_look && !a->lease;
}

static int set_reconnect(struct fly_binding *binding, bool on)
{
	attached_of(binding)->reconnects = on;
	binding->starter = fly_attached_start;
	choose(attached_of(binding));
	return 0;
}

static int rebind_on_poller(struct fly_poller *p, void *argument)
{
	struct fly_attached *a = argument;
	const int status = fly_import_rebind(&a->import->head);

	(void)p;
	a->argument_max = a->import->agreed_max;
	return status;
}

static int rebind(struct fly_binding *binding)
{
	struct fly_attached *a = attached_of(binding);
	int status;

	a->n_requests++;
	status = fly_request(a->poller, rebind_on_poller, a);
	a->n_requests--;
	if (status == 0) /* also if it was lost, and reconnects */
		a->head.starter = fly_attached_start;
	return status;
}

/* ---- attaching and unbinding ----------------------------------------------------------------- */

static int unbind_on_poller(struct fly_poller *p, void *argument)
{
	struct fly_attached *a = argument;
	struct fly_attached_call *c;

	/* Nobody reads these results any more. */
	for (uint32_t i = 0; i < p->calls.n; i++) {
		if (p->calls.entries[i].head.binding == &a->import->head)
			p->calls.waiters[i] = NULL;
	}
	while ((c = LIST_FIRST(&a->calls)) != NULL) {
		LIST_REMOVE(c, next);
		fly_handoff_remove(p, &c->handoff);
		if (c->spare)
			fly_packet_put(&p->cache, c->spare);
		if (c->result)
			fly_packet_put(&p->cache, c->result);
		free(c);
	}
	fly_import_unbind(&a->import->head);
	return 0;
}

static void unbind(struct fly_binding *binding)
{
	struct fly_attached *a = attached_of(binding);

	a->n_requests++;
	fly_request_last(a->poller, unbind_on_poller, a);
	fly_owned_remove(&a->owned);
	if (a->event_fd >= 0)
		close(a->event_fd);
	free(a);
}

static int event_fd(struct fly_binding *binding)
{
	struct fly_attached *a = attached_of(binding);
	int fd = atomic_load_explicit(&a->event_fd, memory_order_relaxed);

	if (fd >= 0)
		return fd;
	if (a->turns_to_look) {
		const int status = fly_standby_start(fly_runtime_of(a->poller));

		if (status)
			return status;
	}
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		return fly_fail(FLY_ESYSTEM, "eventfd: no descriptor is left");
	/* D15, D16: store, then take the list; against D13, D14. */
	atomic_store_explicit(&a->event_fd, fd, memory_order_seq_cst); /* D15 */
	if (a->announces) /* calls may have been listed without an event */
		eventfd_write(fd, 1);
	announce(a);
	return fd;
}

static int attach(struct fly_binding *binding, struct fly_binding **mine)
{
	return fly_attach_import(&attached_of(binding)->import->head, mine);
}

static const struct fly_binding_kind kind = {
	.ready = ready,
	.cancel = cancel,
	.thread = thread,
	.is_in_use = is_in_use,
	.set_cookie = set_cookie,
	.cookie = cookie,
	.next_ready = next_ready,
	.set_deadline = set_deadline,
	.set_wait = set_wait,
	.set_reconnect = set_reconnect,
	.rebind = rebind,
	.unbind = unbind,
	.attach = attach,
	.event_fd = event_fd,
};

struct make {
	struct fly_attached *a;
	const struct fly_import *like; /* to make another import of; NULL: `import` is set */
};

static int make_on_poller(struct fly_poller *p, void *argument)
{
	struct make *m = argument;
	struct fly_attached *a = m->a;
	int status;

	if (m->like && p->is_shut)
		return -FLY_ESTOPPED;
	if (m->like)
		a->import = fly_import_again(p, m->like);
	if (!a->import)
		return -FLY_ENOMEM;
	a->import->deliver = fly_attached_deliver;
	a->argument_max = a->import->agreed_max;
	status = add_call(p, a);
	if (status)
		fly_import_unbind(&a->import->head);
	return status;
}

static int make(struct fly_runtime *runtime, struct fly_poller *p, struct fly_import *import,
		const struct fly_import *like, struct fly_binding **mine)
{
	struct fly_attached *a = calloc(1, sizeof *a);
	struct make m = {.a = a, .like = like};
	int status;

	if (!a)
		return fly_fail(FLY_ENOMEM, "attach: out of memory");
	a->kind = &kind;
	a->poller = p;
	a->poller_thread = p->election ? FLY_ELECTED : fly_poller_thread(p);
	a->election = p->election;
	a->lease = p->lease;
	fly_attached_bind(a);
	choose(a);
	a->turns_to_look = runtime->group.is_shared;
	a->import = import;
	a->event_fd = -1;
	a->timeout_us = p->waits.timeout_tsc * 1000 / p->tsc_per_ms;
	a->default_wait = runtime->group.wait;
	set_wait(&a->head, FLY_WAIT_DEFAULT);
	LIST_INIT(&a->calls);
	status = fly_request_within(p, make_on_poller, &m);
	if (status) {
		free(a);
		return fly_fail(-status, "attach: %s",
				status == -FLY_ESTOPPED
					? "the runtime was shut down, or the thread that turned "
					  "it has ended"
					: fly_strerror(status));
	}
	fly_owned_add(&runtime->group.owned, &a->owned, &a->head,
		      fly_poller_group_has_thread(&runtime->group));
	*mine = &a->head;
	return 0;
}

int fly_attach_make(struct fly_runtime *runtime, struct fly_import *import,
		    struct fly_binding **mine)
{
	return make(runtime, import->poller, import, NULL, mine);
}

int fly_attach_import(struct fly_binding *binding, struct fly_binding **mine)
{
	const struct fly_import *like = fly_import_of(binding);

	if (fly_poller_is_here(like->poller))
		return fly_fail(
			FLY_ECONFLICT,
			"attach: this thread turns the poller itself, and calls through the "
			"binding that it has");
	return make(fly_runtime_of(like->poller), like->poller, NULL, like, mine);
}
