/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * binding_kind.h - the operations of runtime.h on a binding, other than calls: one table of
 * functions for each kind of binding. The procedures of a call are in struct fly_binding itself.
 *
 *   over a link, inline    fastpath/caller.c and import.c
 *   over a link, attached  threads/caller.c and attach.c
 *   on this machine        local/caller.c
 */
#ifndef FLY_BINDING_KIND_H
#define FLY_BINDING_KIND_H

#include <assert.h>
#include <stddef.h>

#include <firefly/stub.h>

struct fly_binding_kind {
	bool (*ready)(struct fly_call *call);
	int (*cancel)(struct fly_call *call);
	void (*set_cookie)(struct fly_call *call, void *cookie);
	void *(*cookie)(const struct fly_call *call); /* NULL: none was set */
	/* a call that has ended, and was not returned before; NULL: none */
	struct fly_call *(*next_ready)(struct fly_binding *binding);
	/* does the binding belong to the calling thread? */
	bool (*is_mine)(const struct fly_binding *binding);
	int (*set_deadline)(struct fly_binding *binding, uint32_t us); /* on its thread */
	/* On its thread. Cannot fail: @wait was checked. */
	void (*set_wait)(struct fly_binding *binding, enum fly_wait wait);
	int (*set_reconnect)(struct fly_binding *binding, bool on); /* on its thread */
	int (*rebind)(struct fly_binding *binding);
	void (*unbind)(struct fly_binding *binding);
	int (*attach)(struct fly_binding *binding, struct fly_binding **mine);
	int (*event_fd)(struct fly_binding *binding); /* negative: a status; fly_error() is set */
};

/*
 * The struct of each kind begins with `struct fly_binding head`, which stubs see. Behind the head
 * is `const struct fly_binding_kind *kind`, which stubs do not see.
 */
#define FLY_BINDING_HAS_KIND(type)                                                \
	static_assert(offsetof(type, head) == 0 &&                                \
			      offsetof(type, kind) == sizeof(struct fly_binding), \
		      "fly_binding_kind_of() looks for it there")

static inline const struct fly_binding_kind *fly_binding_kind_of(const struct fly_binding *binding)
{
	return *(const struct fly_binding_kind *const *)(const void *)(binding + 1);
}

#endif
