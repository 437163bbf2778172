/* SPDX-License-Identifier: BSD-3-Clause */
/* notice.h - one-line messages for a person about events at run time (notice.c). */
#ifndef FLY_NOTICE_H
#define FLY_NOTICE_H

/* The receiver of notices; constant once the runtime has started. function NULL: none. */
struct fly_notice {
	void (*function)(void *context, const char *line);
	void *context;
};

/* fly_notice() - send one line, without a newline. printf-like; any thread. */
void fly_notice(const struct fly_notice *notice, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
