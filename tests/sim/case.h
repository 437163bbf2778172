/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * case.h - a test between its file's begin() and end().
 *
 * Not by TestSuite's .init and .fini: Criterion counts a test as passed whose .fini fails an
 * assertion or exits, so that what end() finds missing would be missed.
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
