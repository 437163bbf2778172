/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * commands.h - the subcommands, one file each.
 *
 * Each takes its own command line, argv[0] being its name in full ("firefly bench"), and returns
 * the exit status of the program.
 */
#ifndef FIREFLY_APP_COMMANDS_H
#define FIREFLY_APP_COMMANDS_H

int bench_main(int argc, char **argv);
int bench_server_main(int argc, char **argv);
int call_main(int argc, char **argv);
int find_main(int argc, char **argv);
int ping_main(int argc, char **argv);
int serve_main(int argc, char **argv);
int topology_main(int argc, char **argv);

/* That which bench_main() hands over to; it is linked without DPDK. */
int bench_marshal_main(int argc, char **argv);

#endif
