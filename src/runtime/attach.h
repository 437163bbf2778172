/* SPDX-License-Identifier: BSD-3-Clause */
/* runtime/attach.h - bindings for threads that do not turn a poller (runtime/attach.c). */
#ifndef FLY_ATTACH_H
#define FLY_ATTACH_H

#include "threads/caller.h"

struct fly_runtime;

/*
 * fly_attach_make() - make a binding for the calling thread. The binding takes over @import.
 * @import: made on its poller's thread, which is not the calling thread.
 * Return: 0 and *mine; or a negative status with a sentence: @import has been ended.
 */
int fly_attach_make(struct fly_runtime *runtime, struct fly_import *import,
		    struct fly_binding **mine);

/* fly_attach_import() - fly_attach() of an inline caller's binding: imports the export again. */
int fly_attach_import(struct fly_binding *binding, struct fly_binding **mine);

#endif
