/* SPDX-License-Identifier: BSD-3-Clause */
/* status.c - the texts of statuses, and each thread's text for fly_error(). */
#include <firefly/status.h>

#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

static _Thread_local char sentence[512];

enum fly_outcome fly_outcome(int status)
{
	switch (-(unsigned)status) {
	case FLY_OK:
		return FLY_EXECUTED;
#define FLY_STATUS_OUTCOME(name, value, outcome, text) \
	case FLY_##name:                               \
		return outcome;
		FLY_STATUSES(FLY_STATUS_OUTCOME)
#undef FLY_STATUS_OUTCOME
	default:
		return FLY_MAYBE_EXECUTED;
	}
}

const char *fly_outcome_name(enum fly_outcome outcome)
{
	switch (outcome) {
	case FLY_EXECUTED:
		return "executed";
	case FLY_NOT_EXECUTED:
		return "not executed";
	default:
		return "maybe executed";
	}
}

const char *fly_strerror(int status)
{
	switch (-(unsigned)status) {
	case FLY_OK:
		return "success";
#define FLY_STATUS_TEXT(name, value, outcome, text) \
	case FLY_##name:                            \
		return text;
		FLY_STATUSES(FLY_STATUS_TEXT)
#undef FLY_STATUS_TEXT
	default:
		return "unknown status";
	}
}

const char *fly_status_name(int status)
{
	switch (-(unsigned)status) {
	case FLY_OK:
		return "FLY_OK";
#define FLY_STATUS_NAME(name, value, outcome, text) \
	case FLY_##name:                            \
		return "FLY_" #name;
		FLY_STATUSES(FLY_STATUS_NAME)
#undef FLY_STATUS_NAME
	default:
		return "FLY_UNKNOWN";
	}
}

const char *fly_error(void)
{
	return sentence;
}

void fly_set_sentence(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof sentence, format, arguments);
	va_end(arguments);
}
