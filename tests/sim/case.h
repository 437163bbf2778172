/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * case.h - a test between its file's begin() and end().
 *
 * TestSuite's .init and .fini would not do: Criterion counts a test as passed if its .fini fails an
 * assertion or exits. What end() finds missing would go unnoticed.
 */
#ifndef CASE_H
#define CASE_H

#include <criterion/criterion.h>

#include "../patience.h"

#define Case(suite, name)                        \
	static void case_##suite##_##name(void); \
	Test(suite, name)                        \
	{                                        \
		begin();                         \
		case_##suite##_##name();         \
		end();                           \
	}                                        \
	static void case_##suite##_##name(void)

#endif
