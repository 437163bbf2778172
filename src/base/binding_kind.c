/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * binding_kind.c - the public functions on bindings and calls, dispatched by kind of binding. Those
 * that are not a call's own check the calling thread first.
 */
#include "base/binding_kind.h"

#include "base/error.h"
#include "base/forked.h"
#include "base/thread.h"

static const char another_thread[] = "%s: the binding belongs to another thread";

/* May the calling thread use the binding? Return: 0, or a negative status with a sentence. */
static int check_thread(const struct fly_binding *binding, const char *function)
{
	if (fly_thread_is_here(fly_binding_kind_of(binding)->thread(binding)))
		return 0;
	if (fly_forked_is(binding))
		return fly_forked_fail(function);
	return fly_fail(FLY_ECONFLICT, another_thread, function);
}

/* May the binding be ended or bound again here and now? Return: as check_thread(). */
static int check_use(const struct fly_binding *binding, const char *function)
{
	const int status = check_thread(binding, function);

	if (status)
		return status;
	if (fly_binding_kind_of(binding)->is_in_use(binding))
		return fly_fail(FLY_ECONFLICT,
				"%s: not from within a procedure that this thread runs while it "
				"waits in the binding, or while calls of the binding are not "
				"finished",
				function);
	return 0;
}

bool fly_ready(struct fly_call *call)
{
	return fly_binding_kind_of(call->binding)->ready(call);
}

int fly_cancel(struct fly_call *call)
{
	const int status = check_thread(call->binding, "fly_cancel");

	return status ? status : fly_binding_kind_of(call->binding)->cancel(call);
}

void fly_set_cookie(struct fly_call *call, void *cookie)
{
	fly_binding_kind_of(call->binding)->set_cookie(call, cookie);
}

void *fly_cookie(const struct fly_call *call)
{
	return fly_binding_kind_of(call->binding)->cookie(call);
}

struct fly_call *fly_next_ready(struct fly_binding *binding)
{
	return fly_binding_kind_of(binding)->next_ready(binding);
}

void fly_release(struct fly_call *call)
{
	call->binding->ender(call);
}

int fly_set_deadline(struct fly_binding *binding, uint32_t us)
{
	int status = check_thread(binding, "fly_set_deadline");

	if (status)
		return status;
	status = fly_binding_kind_of(binding)->set_deadline(binding, us);
	return status ? fly_fail(-status, "fly_set_deadline: %s", fly_strerror(status)) : 0;
}

int fly_set_wait(struct fly_binding *binding, enum fly_wait wait)
{
	const int status = check_thread(binding, "fly_set_wait");

	if (status)
		return status;
	if ((unsigned)wait > FLY_WAIT_SLEEP)
		return fly_fail(FLY_EINVAL, "fly_set_wait: there is no way %d to wait", (int)wait);
	fly_binding_kind_of(binding)->set_wait(binding, wait);
	return 0;
}

int fly_set_reconnect(struct fly_binding *binding, bool on)
{
	const int status = check_thread(binding, "fly_set_reconnect");

	return status ? status : fly_binding_kind_of(binding)->set_reconnect(binding, on);
}

int fly_rebind(struct fly_binding *binding)
{
	const int status = check_use(binding, "fly_rebind");

	return status ? status : fly_binding_kind_of(binding)->rebind(binding);
}

int fly_unbind(struct fly_binding *binding)
{
	int status;

	if (!binding)
		return 0;
	status = check_use(binding, "fly_unbind");
	/* Nobody else can end the binding of a thread that has ended. */
	if (status == -FLY_ECONFLICT &&
	    fly_thread_has_ended(fly_binding_kind_of(binding)->thread(binding)))
		status = 0;
	if (!status)
		fly_binding_kind_of(binding)->unbind(binding);
	return status;
}

int fly_attach(struct fly_binding *binding, struct fly_binding **mine)
{
	return fly_binding_kind_of(binding)->attach(binding, mine);
}

int fly_event_fd(struct fly_binding *binding)
{
	const int status = check_thread(binding, "fly_event_fd");

	return status ? status : fly_binding_kind_of(binding)->event_fd(binding);
}
