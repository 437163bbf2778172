/* SPDX-License-Identifier: BSD-3-Clause */
/* error.h - the sentence behind fly_error(), for set-up functions (status.c). */
#ifndef FLY_ERROR_H
#define FLY_ERROR_H

/*
 * fly_fail() - leave a sentence for fly_error() on this thread.
 * @status: positive. Return: -@status, so that a set-up function can end with it.
 */
int fly_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
