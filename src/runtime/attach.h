/* SPDX-License-Identifier: BSD-3-Clause */
/* attach.h - bindings for threads that do not turn a poller (attach.c). */
#ifndef FLY_ATTACH_H
#define FLY_ATTACH_H

#include "threads/attached.h"

struct fly_runtime;

/*
 * fly_attach_make() - a binding for the calling thread, over an import that is its own from now on.
 * @import: made on the poller's thread, which the calling thread is not.
 * Return: 0 and *mine, or a negative status with a sentence: the import is ended then.
 */
int fly_attach_make(struct fly_runtime *runtime, struct fly_import *import,
		    struct fly_binding **mine);

/* fly_attach_import() - fly_attach() of an inline caller's binding: another import, the same
 * export. */
int fly_attach_import(struct fly_binding *binding, struct fly_binding **mine);

#endif
