/* SPDX-License-Identifier: BSD-3-Clause */
/* marshal/raise.c - see raise.h. Owns two records per thread: the procedure's, and the caller's. */
#include "marshal/raise.h"

#include <firefly/stub.h>

static _Thread_local struct fly_raised raising; /* number 0: nothing to send */
static _Thread_local struct fly_raised told = {.size = sizeof told};

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
	const char *text = raising.number == number ? raising.text : "";
	const uint8_t *end;

	fly_put_i32(results, number);
	end = fly_put_string(results + 4, results + 8, text, (uint32_t)strlen(text));
	raising.number = 0;
	return (uint32_t)(end - results);
}

void fly_raised_get(const uint8_t *results, uint32_t bytes)
{
	const uint8_t *end = results + bytes;

	told.number = 0;
	if (bytes < 8 ||
	    fly_take_string(results + 4, results + 8, end, FLY_RAISED_TEXT_MAX, told.text) != end) {
		told.text[0] = '\0';
		return;
	}
	told.number = fly_get_i32(results);
}
