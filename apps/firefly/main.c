/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c - `firefly`: hands the command line to a subcommand.
 *
 * Owns the list of subcommands and their one-line descriptions, nothing else. What a subcommand
 * does is in the file of its name.
 */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include <firefly/firefly.h>

#include "cli.h"
#include "commands.h"

static const struct {
	const char *name;
	const char *full_name; /* what argp calls the program */
	const char *about;     /* NULL: not listed; the program starts it itself */
	int (*run)(int argc, char **argv);
} commands[] = {
	{"bench", "firefly bench", "measure Null, MaxResult and MaxArg against bare frames",
	 bench_main},
	{"serve", "firefly serve", "export the Test interface, so that others can call it",
	 serve_main},
	{"ping", "firefly ping", "call a server once a second and say how long it took", ping_main},
	{"call", "firefly call", "make many calls and check every byte of them", call_main},
	{"find", "firefly find", "list who exports an interface on a network", find_main},
	{"topology", "firefly topology", "print the cores and NUMA nodes, and what it would choose",
	 topology_main},
	{"bench-server", "firefly bench-server", NULL, bench_server_main},
};

static const size_t n_commands = sizeof commands / sizeof *commands;

static void print_version(FILE *to, struct argp_state *state)
{
	(void)state;
	fprintf(to, "firefly %s\n", fly_version());
}

static void print_help(void)
{
	puts("Usage: firefly SUBCOMMAND [ARGUMENT...]\n"
	     "Remote procedure calls between polling cores, over whatever links DPDK drives.\n");
	for (size_t i = 0; i < n_commands; i++)
		if (commands[i].about)
			printf("  %-8s  %s\n", commands[i].name, commands[i].about);
	puts("\n"
	     "  firefly SUBCOMMAND --help   what a subcommand takes\n"
	     "  firefly --version           the version of the runtime\n"
	     "\n"
	     "To begin with: `firefly bench`. It needs nothing but two cores.\n"
	     "More: firefly(1), firefly(7).");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	argp_program_version_hook = print_version;
	argp_err_exit_status = CLI_USAGE;

	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		print_help();
		return 0;
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		print_version(stdout, NULL);
		return 0;
	}
	for (size_t i = 0; i < n_commands; i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		argv[1] = (char *)commands[i].full_name;
		return commands[i].run(argc - 1, argv + 1);
	}
	if (!*name)
		fprintf(stderr, "firefly: which subcommand? `firefly --help` lists them\n");
	else
		fprintf(stderr,
			"firefly: there is no subcommand '%s'; `firefly --help` lists them\n",
			name);
	return CLI_USAGE;
}
