/* SPDX-License-Identifier: BSD-3-Clause */
/* binding_kind.c - the public functions on bindings and calls: each leads to the binding's own. */
#include "base/binding_kind.h"

bool fly_ready(const struct fly_call *call)
{
	return call->binding->kind->ready(call);
}

int fly_cancel(struct fly_call *call)
{
	return call->binding->kind->cancel(call);
}

void fly_release(struct fly_call *call)
{
	call->binding->ender(call);
}

void fly_set_deadline(struct fly_binding *binding, uint32_t us)
{
	binding->kind->set_deadline(binding, us);
}

void fly_set_wait(struct fly_binding *binding, enum fly_wait wait)
{
	binding->kind->set_wait(binding, wait);
}

int fly_rebind(struct fly_binding *binding)
{
	return binding->kind->rebind(binding);
}

void fly_unbind(struct fly_binding *binding)
{
	if (binding)
		binding->kind->unbind(binding);
}

int fly_attach(struct fly_binding *binding, struct fly_binding **mine)
{
	return binding->kind->attach(binding, mine);
}

int fly_event_fd(struct fly_binding *binding)
{
	return binding->kind->event_fd(binding);
}
