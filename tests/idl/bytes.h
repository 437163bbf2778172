/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bytes.h - for golden/NAME_calls.c: calls over loopback.c, and the bytes that they carry.
 *
 * Each of these programs has the procedures of golden/NAME.fly and a function make_calls(); what
 * it prints is kept in golden/NAME.bytes.
 */
#ifndef FIREFLY_TESTS_IDL_BYTES_H
#define FIREFLY_TESTS_IDL_BYTES_H

#include <stdio.h>
#include <stdlib.h>

#include "loopback.h"

#define MUST(condition)                                                        \
	do {                                                                   \
		if (!(condition)) {                                            \
			printf("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                               \
		}                                                              \
	} while (0)

/* BIND() - the binding of an interface to the procedures of this program. */
#define BIND(interface, binding)                                 \
	MUST(interface##_export(NULL, &procedures, NULL) == 0 && \
	     interface##_import(NULL, NULL, binding) == 0)

/* SHOW() - make a call; print it, its arguments, and its results or how it ended. */
#define SHOW(call) bytes_show(#call, call)

void bytes_show(const char *call, int status);

/* Of each program. */
void make_calls(void);

#endif
