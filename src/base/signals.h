/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * signals.h - keeping signals, which are the program's, away from threads of the library
 * (signals.c).
 *
 * A new thread inherits the mask of the one that creates it: so the creator blocks them, creates,
 * and restores its own.
 */
#ifndef FLY_SIGNALS_H
#define FLY_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/* fly_signals_block() - all of them, on the calling thread. @before: for fly_signals_restore(). */
void fly_signals_block(sigset_t *before);

/*
 * fly_signals_block_but_faults() - all but SIGBUS: for threads that touch memory that is shared
 * with another process, where a fault is for the handler of local/fault.c.
 */
void fly_signals_block_but_faults(sigset_t *before);

void fly_signals_restore(const sigset_t *before);

/*
 * A stretch in which writing to a socket whose peer has gone is an error, and no signal to the
 * program. One that the program itself had pending stays.
 */
struct fly_no_sigpipe {
	sigset_t before;
	bool was_pending;
};

void fly_no_sigpipe_begin(struct fly_no_sigpipe *n);
void fly_no_sigpipe_end(const struct fly_no_sigpipe *n);

#endif
