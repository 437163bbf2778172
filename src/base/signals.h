/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * signals.h - blocking signals in threads of the library: signals belong to the program
 * (signals.c).
 *
 * A new thread inherits its creator's signal mask. The creator blocks all signals, creates the
 * thread, and restores its own mask.
 */
#ifndef FLY_SIGNALS_H
#define FLY_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/* fly_signals_block() - block all signals of this thread. @before: for fly_signals_restore(). */
void fly_signals_block(sigset_t *before);

/*
 * fly_signals_block_but_faults() - block all signals but SIGBUS: for threads that touch memory
 * shared with another process. base/fault.c handles their faults.
 */
void fly_signals_block_but_faults(sigset_t *before);

void fly_signals_restore(const sigset_t *before);

/*
 * Between begin and end, writing to a socket whose peer has gone is an error and raises no SIGPIPE.
 * A SIGPIPE that was pending before stays pending.
 */
struct fly_no_sigpipe {
	sigset_t before;
	bool was_pending;
};

void fly_no_sigpipe_begin(struct fly_no_sigpipe *n);
void fly_no_sigpipe_end(const struct fly_no_sigpipe *n);

#endif
