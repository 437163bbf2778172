/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loans.h - what the call lends whose Starter runs now (struct fly_loans in stub.h).
 *
 * A Starter that waits, for memory, a connection or a poller, may run procedures meanwhile. What
 * they call through the same binding lends something else, or nothing. So a Starter hides the loans
 * of its own call around each wait.
 */
#ifndef FLY_LOANS_H
#define FLY_LOANS_H

#include <firefly/stub.h>

/* fly_loans_of_start() - what the call lends that begins now; NULL: nothing. */
static inline struct fly_loans *fly_loans_of_start(const struct fly_binding *binding)
{
	struct fly_loans *l = binding->loans;

	return l && !l->call ? l : NULL; /* with a call: it waits while another one is made */
}

/* fly_loans_hide() - before a wait. Return: for fly_loans_show(), after it. */
static inline struct fly_loans *fly_loans_hide(struct fly_binding *binding)
{
	struct fly_loans *l = fly_loans_of_start(binding);

	if (l)
		binding->loans = l->outer;
	return l;
}

static inline void fly_loans_show(struct fly_binding *binding, struct fly_loans *l)
{
	if (l)
		binding->loans = l;
}

#endif
