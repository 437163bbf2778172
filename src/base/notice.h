/* SPDX-License-Identifier: BSD-3-Clause */
/* notice.h - lines for a person, about what happens while a program runs (notice.c). */
#ifndef FLY_NOTICE_H
#define FLY_NOTICE_H

/* Who gets them; constant once the runtime has started. function NULL: nobody. */
struct fly_notice {
	void (*function)(void *context, const char *line);
	void *context;
};

/* fly_notice() - one line, without its end. printf-like; any thread. */
void fly_notice(const struct fly_notice *notice, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
