/* SPDX-License-Identifier: BSD-3-Clause */
/* error.h - setting the text of fly_error(), for set-up functions (status.c). */
#ifndef FLY_ERROR_H
#define FLY_ERROR_H

/* fly_set_sentence() - leave a sentence for fly_error() on this thread. printf-like. */
void fly_set_sentence(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * fly_fail() - leave a sentence, and end with a status: a set-up function returns what this gives.
 * @status: positive; evaluated once. A macro, and not a function: the compiler then sees that it is
 * not 0.
 */
#define fly_fail(status, ...) (fly_set_sentence(__VA_ARGS__), -(int)(status))

#endif
