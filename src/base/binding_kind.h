/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * binding_kind.h - what runtime.h lets a program do to a binding besides calling: one row of
 * functions for each kind of binding. The common part of a call is in struct fly_binding itself.
 *
 *   over a link, inline    fastpath/caller.c and import.c
 *   over a link, attached  threads/attached.c and attach.c
 *   on this machine        local/caller.c
 */
#ifndef FLY_BINDING_KIND_H
#define FLY_BINDING_KIND_H

#include <firefly/stub.h>

struct fly_binding_kind {
	bool (*ready)(const struct fly_call *call);
	int (*cancel)(struct fly_call *call);
	/* Is it the calling thread's? */
	bool (*is_mine)(const struct fly_binding *binding);
	int (*set_deadline)(struct fly_binding *binding, uint32_t us); /* on its thread */
	/* On its thread; @wait is one of the enum, so this cannot fail. */
	void (*set_wait)(struct fly_binding *binding, enum fly_wait wait);
	int (*rebind)(struct fly_binding *binding);
	void (*unbind)(struct fly_binding *binding);
	int (*attach)(struct fly_binding *binding, struct fly_binding **mine);
	int (*event_fd)(struct fly_binding *binding); /* negative: a status, with a sentence */
};

#endif
