/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli.h - what the subcommands share: how they complain, read numbers, start and stop a runtime.
 *
 * Exit status: 0, CLI_FAILED when something went wrong, CLI_USAGE when the command line is at
 * fault. Whatever is wrong is said in one line on stderr, with what to do about it.
 */
#ifndef FIREFLY_APP_CLI_H
#define FIREFLY_APP_CLI_H

#include <stdbool.h>
#include <stdint.h>

#include <firefly/firefly.h>

#define CLI_FAILED 1
#define CLI_USAGE  2

/* Keys of options that have no letter; those of one subcommand start behind these. */
enum cli_key {
	CLI_KEY_CORE = 0x100,
	CLI_KEY_EAL,
	CLI_KEY_LINK,
	CLI_KEY_PACKETS,
	CLI_KEY_WAIT,
	CLI_KEY_OWN,
};

/* cli_complain() - "firefly SUBCOMMAND: ..." and a newline on stderr. */
__attribute__((format(printf, 2, 3))) void cli_complain(const char *subcommand, const char *format,
							...);

/* cli_refuse() - the same about the command line, and exit(CLI_USAGE). */
__attribute__((noreturn, format(printf, 2, 3))) void cli_refuse(const char *subcommand,
								const char *format, ...);

/* cli_number() - a whole number from @least to @most, or cli_refuse() naming @option. */
uint64_t cli_number(const char *subcommand, const char *option, const char *text, uint64_t least,
		    uint64_t most);

/*
 * cli_bytes() - a number of bytes from @least to @most, which may end with k or M (times 1024, once
 * or twice), or cli_refuse() naming @option.
 */
uint64_t cli_bytes(const char *subcommand, const char *option, const char *text, uint64_t least,
		   uint64_t most);

/* cli_seconds() - seconds with a fraction, from @least to @most, or cli_refuse(). */
double cli_seconds(const char *subcommand, const char *option, const char *text, double least,
		   double most);

/* cli_wait() - "spin", "yield" or "sleep", or cli_refuse(). */
enum fly_wait cli_wait(const char *subcommand, const char *text);

/* cli_pin() - put the calling thread on one core. Return: 0, or CLI_FAILED after complaining. */
int cli_pin(const char *subcommand, unsigned core);

/* cli_notice() - for fly_options.notice: the runtime's remarks on stderr; context: subcommand. */
void cli_notice(void *subcommand, const char *line);

/* cli_reason() - why a set-up function returned @status: the runtime's sentence if it has one. */
const char *cli_reason(int status);

/*
 * cli_start() - fly_start(), with the runtime's sentence on stderr if it fails.
 * Return: 0, or CLI_FAILED.
 */
int cli_start(const char *subcommand, const struct fly_options *options,
	      struct fly_runtime **runtime);

/*
 * cli_stop() - fly_stop(), and "packets: N of N back in the pool" on stdout.
 * Return: 0, or CLI_FAILED if some are missing.
 */
int cli_stop(struct fly_runtime *runtime);

/* cli_is_about_peer() - did a call fail because of its server, so that fly_rebind() may help? */
bool cli_is_about_peer(int status);

/* cli_seconds_now() - a clock that only goes forward. */
double cli_seconds_now(void);

#endif
