/* SPDX-License-Identifier: BSD-3-Clause */
/* local/admit.c - see local/admit.h. Called by the clerk. */
#include "local/admit.h"

#include <firefly/runtime.h>

#include "base/signals.h"
#include "threads/poller_group.h"

bool fly_admit_listed(const struct fly_export *export, const struct ucred *who)
{
	const struct fly_export_rule *rule = export->rule;
	bool is_named;

	if (!rule || rule->n_uids + rule->n_gids == 0)
		return true;
	is_named = false;
	for (unsigned i = 0; i < rule->n_uids; i++)
		is_named |= rule->ids[i] == who->uid;
	for (unsigned i = 0; i < rule->n_gids; i++)
		is_named |= rule->ids[rule->n_uids + i] == who->gid;
	return is_named;
}

static void *ask(void *argument)
{
	struct fly_admit *a = argument;
	const struct fly_caller caller = {
		.size = sizeof caller,
		.uid = a->who.uid,
		.gid = a->who.gid,
		.pid = a->who.pid,
	};

	pthread_setname_np(pthread_self(), "fly-allow");
	a->is_allowed = a->export.rule->allow(a->export.context, &caller);
	/* Only this thread can end the bindings that allow() has left. */
	fly_owned_end_mine(&a->group->owned);
	a->done(a);
	return NULL;
}

int fly_admit_ask(struct fly_admit *a)
{
	sigset_t before;
	int error;

	fly_signals_block_but_faults(&before);
	error = pthread_create(&a->thread, NULL, ask, a);
	fly_signals_restore(&before);
	return error ? -FLY_ESYSTEM : 0;
}

void fly_admit_join(struct fly_admit *a)
{
	pthread_join(a->thread, NULL);
}
