/* SPDX-License-Identifier: BSD-3-Clause */
/* raise.c - see raise.h. Owns two records per thread: what it raises, and what it was told. */
#include "marshal/raise.h"

#include <firefly/stub.h>

static _Thread_local struct fly_raised raising; /* number 0: nothing is on its way */
static _Thread_local struct fly_raised told;

int fly_raise(int number, const char *text)
{
	const size_t length = text ? strnlen(text, FLY_RAISED_TEXT_MAX) : 0;

	raising.number = number;
	if (length != 0)
		memcpy(raising.text, text, length);
	raising.text[length] = '\0';
	return number;
}

const struct fly_raised *fly_raised(void)
{
	return &told;
}

uint32_t fly_raised_put(uint8_t *results, int32_t number)
{
	const bool has_text = raising.number == number;
	const uint32_t length = has_text ? (uint32_t)strlen(raising.text) : 0;

	fly_put_i32(results, number);
	fly_put_u32(results + 4, length);
	if (has_text)
		memcpy(results + 8, raising.text, length);
	results[8 + length] = '\0';
	raising.number = 0;
	return 8 + length + 1;
}

void fly_raised_get(const uint8_t *results, uint32_t bytes)
{
	uint32_t length;

	told.number = 0;
	told.text[0] = '\0';
	if (bytes < 9)
		return;
	length = fly_get_u32(results + 4);
	if (length > FLY_RAISED_TEXT_MAX || bytes != 9 + length || results[8 + length] != '\0' ||
	    memchr(results + 8, '\0', length))
		return;
	told.number = fly_get_i32(results);
	memcpy(told.text, results + 8, length + 1);
}
