/* SPDX-License-Identifier: BSD-3-Clause */
/* error.h - setting the text of fly_error(), for set-up functions (status.c). */
#ifndef FLY_ERROR_H
#define FLY_ERROR_H

/*
 * fly_fail() - set the text of fly_error() on this thread.
 * @status: positive.
 * Return: -@status: a set-up function can end with `return fly_fail(...)`.
 */
int fly_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
