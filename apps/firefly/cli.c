/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli.c - the manners of the program, the same in every subcommand.
 *
 * Owns the wording of complaints about options and of the packet count at the end. Called by the
 * subcommands; knows none of them.
 */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE_BYTES 1024 /* longer complaints are cut */

static void say(const char *subcommand, const char *line)
{
	fprintf(stderr, "firefly %s: %s\n", subcommand, line);
}

void cli_complain(const char *subcommand, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	say(subcommand, line);
}

void cli_refuse(const char *subcommand, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	say(subcommand, line);
	exit(CLI_USAGE);
}

uint64_t cli_number(const char *subcommand, const char *option, const char *text, uint64_t least,
		    uint64_t most)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (end == text || *end || errno || text[0] == '-' || number < least || number > most)
		cli_refuse(subcommand,
			   "%s takes a whole number from %" PRIu64 " to %" PRIu64 ", not '%s'",
			   option, least, most, text);
	return number;
}

uint64_t cli_bytes(const char *subcommand, const char *option, const char *text, uint64_t least,
		   uint64_t most)
{
	unsigned long long number;
	unsigned shift = 0;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (end != text && (*end == 'k' || *end == 'M'))
		shift = *end++ == 'k' ? 10 : 20;
	if (end == text || *end || errno || text[0] == '-' || number > UINT64_MAX >> shift ||
	    number << shift < least || number << shift > most)
		cli_refuse(subcommand,
			   "%s takes a number of bytes from %" PRIu64 " to %" PRIu64
			   ", which may end with k or M, not '%s'",
			   option, least, most, text);
	return number << shift;
}

double cli_seconds(const char *subcommand, const char *option, const char *text, double least,
		   double most)
{
	double seconds;
	char *end;

	seconds = strtod(text, &end);
	if (end == text || *end || !isfinite(seconds) || seconds < least || seconds > most)
		cli_refuse(subcommand, "%s takes seconds from %g to %g, not '%s'", option, least,
			   most, text);
	return seconds;
}

enum fly_wait cli_wait(const char *subcommand, const char *text)
{
	if (!strcmp(text, "spin"))
		return FLY_WAIT_SPIN;
	if (!strcmp(text, "yield"))
		return FLY_WAIT_YIELD;
	if (!strcmp(text, "sleep"))
		return FLY_WAIT_SLEEP;
	cli_refuse(subcommand, "--wait: '%s' is neither spin, yield nor sleep", text);
}

int cli_pin(const char *subcommand, unsigned core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	if (core < CPU_SETSIZE && sched_setaffinity(0, sizeof set, &set) == 0)
		return 0;
	cli_complain(subcommand,
		     "this process may not run on core %u; `taskset -cp $$` says where it may",
		     core);
	return CLI_FAILED;
}

void cli_notice(void *subcommand, const char *line)
{
	say(subcommand, line);
}

const char *cli_reason(int status)
{
	return *fly_error() ? fly_error() : fly_strerror(status);
}

int cli_start(const char *subcommand, const struct fly_options *options,
	      struct fly_runtime **runtime)
{
	const int status = fly_start(options, runtime);

	if (!status)
		return 0;
	cli_complain(subcommand, "%s", cli_reason(status));
	return CLI_FAILED;
}

int cli_stop(struct fly_runtime *runtime)
{
	struct fly_packet_census census = {.size = sizeof census};

	fly_packets(runtime, &census); /* only how many there are: it is stopped all the same */
	if (fly_stop(runtime)) {
		printf("packets: %s\n", fly_error());
		return CLI_FAILED;
	}
	printf("packets: %u of %u back in the pool\n", census.total, census.total);
	return 0;
}

bool cli_is_about_peer(int status)
{
	return status == -FLY_ESTALE || status == -FLY_ESTALE_MAYBE || status == -FLY_EPEER ||
	       status == -FLY_ELINK || status == -FLY_EFORGOTTEN;
}

double cli_seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
