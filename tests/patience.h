/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * patience.h - how long to wait for another thread or process before that is a failure.
 *
 * No test asserts how fast this machine is: it may have much else to do. A wait that has an end at
 * all ends after patience(): so many seconds on a quiet machine, times FLY_PATIENCE (default 3).
 * scripts/test sets that; e2e/e2e.py has the same for Python.
 */
#ifndef PATIENCE_H
#define PATIENCE_H

#include <stdlib.h>

/* Seconds. A case of Criterion that takes so long hangs, whatever the machine does. */
#define HANG 600

/* Under AddressSanitizer frames, address space and the handling of faults are not the program's. */
#if defined(__SANITIZE_ADDRESS__)
#define IS_UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_UNDER_ASAN 1
#endif
#endif
#ifndef IS_UNDER_ASAN
#define IS_UNDER_ASAN 0
#endif

static inline unsigned patience(unsigned seconds)
{
	const char *factor = getenv("FLY_PATIENCE");
	const double times = factor ? strtod(factor, NULL) : 3;

	return (unsigned)(seconds * (times > 1 ? times : 1));
}

#endif
