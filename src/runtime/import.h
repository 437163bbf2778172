/* SPDX-License-Identifier: BSD-3-Clause */
/* runtime/import.h - making and ending bindings; the public part is in firefly/runtime.h. */
#ifndef FLY_RUNTIME_IMPORT_H
#define FLY_RUNTIME_IMPORT_H

#include "fastpath/binding.h"

struct fly_runtime;

/*
 * fly_import_make() - bind to an export whose identifier is known. Sends no packet.
 * @peer: complete, with MAC. @activity: fly_random_activity(): the upper 48 bits, not 0.
 * Return: to be ended by fly_unbind(); NULL: out of memory.
 */
struct fly_import *fly_import_make(struct fly_poller *p, struct fly_link *link,
				   const struct fly_address *peer, uint32_t export_id,
				   uint64_t activity);

/*
 * fly_import_at() - make the binding that fly_import() returns, of a server whose place is known.
 * @at: of its binder: ip and port; the MAC is looked for. @name: outlives the binding.
 * Return: 0 and *import; or a negative status with a sentence.
 */
int fly_import_at(struct fly_poller *p, struct fly_link *link, const struct fly_address *at,
		  const char *name, uint32_t version, struct fly_import **import);

/*
 * fly_import_for_here() - a binding for the calling thread, of what was just made at poller @p.
 * Return: 0 and *binding; or a negative status with a sentence: @import has been ended.
 */
int fly_import_for_here(struct fly_runtime *runtime, struct fly_poller *p,
			struct fly_import *import, struct fly_binding **binding);

/* fly_import_poller() - the poller for a new binding of the calling thread. */
struct fly_poller *fly_import_poller(struct fly_runtime *runtime);

/*
 * fly_import_again() - make another binding like @like. It ends with the poller at the latest.
 * Return: NULL: out of memory.
 */
struct fly_import *fly_import_again(struct fly_poller *p, const struct fly_import *like);

/* fly_import_unbind(), fly_import_rebind() - as the public ones, on the poller's thread. */
void fly_import_unbind(struct fly_binding *binding);
int fly_import_rebind(struct fly_binding *binding);

/* fly_import_rebind_within() - fly_import_rebind(), for at most about @most_us. */
int fly_import_rebind_within(struct fly_import *import, uint64_t most_us);

#endif
