/* SPDX-License-Identifier: BSD-3-Clause */
/* notice.c - formats a notice and calls the program's function, if there is one. Any thread. */
#include "base/notice.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/unwind.h"

void fly_notice(const struct fly_notice *notice, const char *format, ...)
{
	char line[384];
	va_list arguments;

	FLY_STOPS_UNWINDING();
	if (!notice->function)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	notice->function(notice->context, line);
}
