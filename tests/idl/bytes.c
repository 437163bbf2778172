/* SPDX-License-Identifier: BSD-3-Clause */
/* bytes.c - see bytes.h. */
#include "bytes.h"

/* Of a longer message only the beginning is printed: a sum stands for the rest. */
#define PRINTED_MAX 192
#define BEGINNING   48
#define PER_LINE    16

static void print_bytes(const char *what, const uint8_t *bytes, uint32_t n)
{
	const uint32_t shown = n <= PRINTED_MAX ? n : BEGINNING;
	uint32_t sum = 2166136261; /* FNV-1a */

	printf("    %s, %u byte%s\n", what, n, n == 1 ? "" : "s");
	for (uint32_t i = 0; i < shown; i++)
		printf("%s%02x%s", i % PER_LINE ? " " : "        ", bytes[i],
		       i % PER_LINE == PER_LINE - 1 || i + 1 == shown ? "\n" : "");
	if (shown == n)
		return;
	for (uint32_t i = shown; i < n; i++)
		sum = (sum ^ bytes[i]) * 16777619;
	printf("        and %u more, FNV-1a %08x\n", n - shown, sum);
}

static const char *status_name(int status)
{
	switch (status) {
	case -FLY_EINVAL:
		return "EINVAL";
	case -FLY_EEXCEPTION:
		return "EEXCEPTION";
	case -FLY_ERAISED:
		return "ERAISED";
	case -FLY_ERESULT:
		return "ERESULT";
	default:
		return "another status";
	}
}

void bytes_show(const char *call, int status)
{
	printf("%s\n", call);
	if (status != -FLY_EINVAL)
		print_bytes("arguments", loopback.arguments, loopback.argument_bytes);
	if (status)
		printf("    ends with %s\n", status_name(status));
	if (status == 0 || status == -FLY_EEXCEPTION || status == -FLY_ERAISED)
		print_bytes("results", loopback.results, loopback.result_bytes);
}

int main(void)
{
	make_calls();
	MUST(loopback.calls == 0);
	loopback_free();
	return 0;
}
