/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * forked.h - bindings that a forked child has inherited (forked.c).
 *
 * The memory and the sockets behind such a binding belong to the parent, whose calls would get the
 * child's results. So in the child every inherited binding gets other procedures: a call ends at
 * once. Only the child's copy changes, and a call of the parent pays nothing.
 */
#ifndef FLY_FORKED_H
#define FLY_FORKED_H

#include <stdbool.h>
#include <sys/types.h>

struct fly_binding;

/*
 * fly_forked_leave() - in a child: the binding is the parent's. New calls end with FLY_EFORKED,
 * those that were started before the fork with FLY_EFORKED_MAYBE. Nothing of it is freed.
 * @parent: for the sentences of fly_error().
 */
void fly_forked_leave(struct fly_binding *binding, pid_t parent);

/* fly_forked_is() - was this binding left to the parent? */
bool fly_forked_is(const struct fly_binding *binding);

/* fly_forked_fail() - -FLY_EFORKED and its sentence. @function: as the program knows it. */
int fly_forked_fail(const char *function);

#endif
