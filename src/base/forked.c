/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * forked.c - the kind of binding that a child has inherited: its procedures touch nothing but the
 * binding itself.
 */
#include "base/forked.h"

#include "base/binding_kind.h"
#include "base/error.h"

static pid_t maker; /* the process whose bindings these are */

int fly_forked_fail(const char *function)
{
	return fly_fail(FLY_EFORKED,
			"%s: the binding belongs to process %d, which forked this one; start a "
			"runtime here, after fork() or daemon()",
			function, (int)maker);
}

/* ---- what stubs call ------------------------------------------------------------------------- */

static int starter(struct fly_binding *binding, uint16_t procedure, uint32_t argument_bytes,
		   struct fly_call **call)
{
	(void)binding;
	(void)procedure;
	(void)argument_bytes;
	(void)call;
	return -FLY_EFORKED;
}

/* A call that the parent has started: the parent gets its result. */
static int wait_for_call(struct fly_call *call)
{
	(void)call;
	return -FLY_EFORKED_MAYBE;
}

static void do_nothing(struct fly_call *call)
{
	(void)call;
}

/* ---- the kind of binding --------------------------------------------------------------------- */

static bool ready(struct fly_call *call)
{
	(void)call;
	return true; /* finishing the call does not wait */
}

static int cancel(struct fly_call *call)
{
	(void)call;
	return fly_forked_fail("fly_cancel");
}

static void set_cookie(struct fly_call *call, void *cookie)
{
	(void)call;
	(void)cookie;
}

static void *cookie(const struct fly_call *call)
{
	(void)call;
	return NULL;
}

static struct fly_call *next_ready(struct fly_binding *binding)
{
	(void)binding;
	return NULL;
}

static int set_reconnect(struct fly_binding *binding, bool on)
{
	(void)binding;
	(void)on;
	return -FLY_EFORKED;
}

/* No thread has that number: base/thread.h. */
static uint64_t thread(const struct fly_binding *binding)
{
	(void)binding;
	return UINT64_MAX;
}

static bool is_in_use(const struct fly_binding *binding)
{
	(void)binding;
	return false;
}

static int set_deadline(struct fly_binding *binding, uint32_t us)
{
	(void)binding;
	(void)us;
	return -FLY_EFORKED;
}

static void set_wait(struct fly_binding *binding, enum fly_wait wait)
{
	(void)binding;
	(void)wait;
}

static int rebind(struct fly_binding *binding)
{
	(void)binding;
	return fly_forked_fail("fly_rebind");
}

static void unbind(struct fly_binding *binding)
{
	(void)binding;
}

static int attach(struct fly_binding *binding, struct fly_binding **mine)
{
	(void)binding;
	(void)mine;
	return fly_forked_fail("fly_attach");
}

static int event_fd(struct fly_binding *binding)
{
	(void)binding;
	return fly_forked_fail("fly_event_fd");
}

static const struct fly_binding_kind kind = {
	.ready = ready,
	.cancel = cancel,
	.set_cookie = set_cookie,
	.cookie = cookie,
	.next_ready = next_ready,
	.set_reconnect = set_reconnect,
	.thread = thread,
	.is_in_use = is_in_use,
	.set_deadline = set_deadline,
	.set_wait = set_wait,
	.rebind = rebind,
	.unbind = unbind,
	.attach = attach,
	.event_fd = event_fd,
};

void fly_forked_leave(struct fly_binding *binding, pid_t parent)
{
	const struct fly_binding_kind **its_kind = (void *)(binding + 1);

	maker = parent;
	binding->starter = starter;
	binding->transporter = wait_for_call;
	binding->send = do_nothing;
	binding->wait = wait_for_call;
	binding->ender = do_nothing;
	*its_kind = &kind;
}

bool fly_forked_is(const struct fly_binding *binding)
{
	return fly_binding_kind_of(binding) == &kind;
}
