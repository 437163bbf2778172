/* SPDX-License-Identifier: BSD-3-Clause */
/* signals.c - blocking and restoring signals of the calling thread. Any thread. */
#include "base/signals.h"

#include <stddef.h>
#include <time.h>

void fly_signals_block(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

void fly_signals_block_but_faults(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

void fly_signals_restore(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

static void only_sigpipe(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGPIPE);
}

void fly_no_sigpipe_begin(struct fly_no_sigpipe *n)
{
	sigset_t set;

	sigpending(&set);
	n->was_pending = sigismember(&set, SIGPIPE);
	only_sigpipe(&set);
	pthread_sigmask(SIG_BLOCK, &set, &n->before);
}

void fly_no_sigpipe_end(const struct fly_no_sigpipe *n)
{
	const struct timespec at_once = {0};
	sigset_t set;

	only_sigpipe(&set);
	if (!n->was_pending)
		sigtimedwait(&set, NULL, &at_once);
	fly_signals_restore(&n->before);
}
