/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * find.c - `firefly find`: ask the networks of some links who exports an interface, and list them.
 *
 * Owns the command line and the list; the question is the runtime's.
 */
#include <argp.h>
#include <stdio.h>

#include <firefly/firefly.h>

#include "cli.h"
#include "commands.h"
#include "target.h"

enum {
	KEY_VERSION = CLI_KEY_OWN,
};

struct find_options {
	struct target target; /* its peer is the interface */
	uint32_t version;
	uint32_t wait_ms;
	const char *eal;
};

static const struct argp_option options[] = {
	{"link", CLI_KEY_LINK, "LINK", 0,
	 "On its network; may be given several times (default udp:)", 0},
	{"interface-version", KEY_VERSION, "N", 0, "This version of it only (default any)", 0},
	{"wait", CLI_KEY_WAIT, "SECONDS", 0, "How long to wait for answers (default 1)", 0},
	{"eal", CLI_KEY_EAL, "ARGUMENTS", 0, "Further DPDK EAL arguments, separated by blanks", 1},
	{0},
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct find_options *o = state->input;

	switch (key) {
	case CLI_KEY_LINK:
		target_add_link(&o->target, "find", text);
		return 0;
	case KEY_VERSION:
		o->version =
			(uint32_t)cli_number("find", "--interface-version", text, 1, UINT32_MAX);
		return 0;
	case CLI_KEY_WAIT:
		o->wait_ms = (uint32_t)(cli_seconds("find", "--wait", text, 0.001, 3600) * 1000);
		return 0;
	case CLI_KEY_EAL:
		o->eal = text;
		return 0;
	case ARGP_KEY_ARG:
		if (o->target.peer)
			cli_refuse("find", "one interface at a time: %s or %s", o->target.peer,
				   text);
		target_set_peer(&o->target, "find", text);
		return 0;
	case ARGP_KEY_END:
		if (!o->target.peer)
			cli_refuse("find", "which interface? For instance Test");
		if (o->target.n_links == 0)
			target_add_link(&o->target, "find", "udp:");
		target_complete(&o->target, "find");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.args_doc = "INTERFACE",
	.doc = "Ask all on the networks of some links who exports an interface, and print a line "
	       "for "
	       "each: whom to call, and the version."
	       "\vNothing has to be known beforehand, and nothing registers:\n\n"
	       "  firefly find Test                        (over the kernel's own sockets)\n"
	       "  firefly find Test --link af_packet:eth1\n\n"
	       "What is printed first is a PEER for `firefly ping` and `firefly call` with the "
	       "same "
	       "--link. A question reaches no further than the network of its link: not behind a "
	       "router. Exit status 0 if anybody was found.",
};

static void print(void *unused, const struct fly_found *found)
{
	(void)unused;
	printf("%s version %u\n", found->peer, found->version);
}

int find_main(int argc, char **argv)
{
	struct find_options o = {.version = FLY_ANY_VERSION};
	struct fly_options start = {
		.size = sizeof start,
		.notice = cli_notice,
		.notice_context = (char *)"find",
	};
	struct fly_runtime *runtime;
	int n;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	start.links = o.target.links;
	start.eal = o.eal;
	if (cli_start("find", &start, &runtime))
		return CLI_FAILED;
	n = fly_find(runtime, o.target.peer, o.version, NULL, o.wait_ms, print, NULL);
	if (n < 0)
		cli_complain("find", "%s", cli_reason(n));
	else if (n == 0)
		cli_complain("find", "nobody on these networks exports %s", o.target.peer);
	fly_stop(runtime);
	return n > 0 ? 0 : CLI_FAILED;
}
