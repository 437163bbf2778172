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
int ping_main(int argc, char **argv);
int serve_main(int argc, char **argv);
int topology_main(int argc, char **argv);

/* Those that bench_main() hands over to. */
int bench_beside_main(int argc, char **argv);
int bench_bulk_main(int argc, char **argv);
int bench_conversations_main(int argc, char **argv);
int bench_handoff_main(int argc, char **argv);
int bench_local_main(int argc, char **argv);
int bench_marshal_main(int argc, char **argv);
int bench_processors_main(int argc, char **argv);
int bench_threads_main(int argc, char **argv);

#endif
