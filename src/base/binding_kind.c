/* SPDX-License-Identifier: BSD-3-Clause */
/* binding_kind.c - the public functions on bindings and calls, dispatched by kind of binding. */
#include "base/binding_kind.h"

#include "base/error.h"

bool fly_ready(struct fly_call *call)
{
	return fly_binding_kind_of(call->binding)->ready(call);
}

int fly_cancel(struct fly_call *call)
{
	return fly_binding_kind_of(call->binding)->cancel(call);
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

static int check_thread(const struct fly_binding *binding, const char *function)
{
	if (fly_binding_kind_of(binding)->is_mine(binding))
		return 0;
	return fly_fail(FLY_ECONFLICT, "%s: the binding belongs to another thread", function);
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
	return fly_binding_kind_of(binding)->rebind(binding);
}

void fly_unbind(struct fly_binding *binding)
{
	if (binding)
		fly_binding_kind_of(binding)->unbind(binding);
}

int fly_attach(struct fly_binding *binding, struct fly_binding **mine)
{
	return fly_binding_kind_of(binding)->attach(binding, mine);
}

int fly_event_fd(struct fly_binding *binding)
{
	return fly_binding_kind_of(binding)->event_fd(binding);
}
