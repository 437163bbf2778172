/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stage.h - two processes on two cores with a link between them, for the benchmarks that
 * compare something with bare frames: `firefly bench`, `bench bulk`, `bench beside` and `bench
 * conversations`.
 *
 * The one that measures is the client. It starts the other, `firefly bench-server`, and the two
 * move in step through a control page.
 */
#ifndef FIREFLY_APP_BENCH_STAGE_H
#define FIREFLY_APP_BENCH_STAGE_H

#include <argp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>

#include <firefly/firefly.h>

#include "firefly/cli.h"
#include "control.h"
#include "bench/measure/histogram.h"
#include "bench/measure/pairs.h"

/* Keys of a benchmark's own options start here: those before are of the stage's. */
#define BENCH_KEY_OWN (CLI_KEY_OWN + 16)

/* What the user may say about the stage: options that the benchmarks have in common. */
struct bench_stage_options {
	const char *link;    /* "vhost", "memif" or "local" */
	const char *clients; /* NULL: the default; else ",clients=N", of the server's link */
	double seconds;
	double block_s;
	const char *json;             /* NULL: a table */
	int client_core, server_core; /* -1: choose */
	const char *eal;
	unsigned packets;       /* 0: the default */
	unsigned calls;         /* entries of the client's call table */
	unsigned conversations; /* of the server; 0: the default */
	enum fly_wait wait;     /* of the client's runtime */
	bool server_yields;     /* and its workers: they share its core */
	unsigned workers;       /* of the server, for Test; 0: its procedures run on its poller */
	char worker_cores[64];  /* where those run; "": where the server does */
};

/* What a figure was measured on. */
struct bench_machine {
	const char *link; /* "vhost", "memif" or "local" */
	struct fly_platform platform;
	unsigned client_core, server_core;
	double step;                              /* of the counter, in ticks */
	struct histogram *distance[PAIRS_STATES]; /* of the ping-pongs, in ticks; never NULL */
};

struct bench_stage {
	const char *name; /* of the subcommand, for complaints */
	struct bench_stage_options options;
	struct bench_machine machine;
	cpu_set_t allowed;    /* cores that we were started with */
	char directory[4096]; /* ""; or ours, to be removed */
	struct control control;
	struct fly_runtime *runtime; /* the client's */
	const char *trouble;         /* what ended the run early; NULL: nothing */
	int trouble_status;          /* with it; 0: none */
};

/* What bench_stage_look() found. */
struct bench_sight {
	enum pairs_state state;
	bool ours; /* both cores were, and not somebody else's in between */
};

/* Non-zero once the user wants it to end. */
extern volatile sig_atomic_t bench_stop_wanted;

/* The common options; its input is a struct bench_stage, whose name is set. */
extern const struct argp bench_stage_argp;

/* bench_stage_init() - an empty stage with the default options. @name: static. */
void bench_stage_init(struct bench_stage *stage, const char *name);

/*
 * bench_stage_choose_cores() - settle options.client_core and server_core, for those who have to
 * know before it is opened. Return: 0, or CLI_FAILED after complaining.
 */
int bench_stage_choose_cores(struct bench_stage *stage);

/*
 * bench_stage_open() - choose the cores, start the server process and our runtime. From now on ^C
 * asks for an early end.
 * Return: 0; or CLI_FAILED after complaining. bench_stage_close() ends it in both cases.
 */
int bench_stage_open(struct bench_stage *stage);

/*
 * bench_stage_begin_alone() - the same for a measurement inside of one process: choose the cores,
 * and no more. bench_stage_end_alone() ends it.
 */
int bench_stage_begin_alone(struct bench_stage *stage);
void bench_stage_end_alone(struct bench_stage *stage);

/*
 * bench_stage_again() - end both processes and start them with the options as they are now. Return:
 * as bench_stage_open().
 */
int bench_stage_again(struct bench_stage *stage);

/*
 * bench_stage_close() - end both processes, remove the directory.
 * Return: 0; or CLI_FAILED after complaining: packet buffers are missing.
 */
int bench_stage_close(struct bench_stage *stage);

/* bench_stage_give_up() - note why the run ends early. Return: -1. */
int bench_stage_give_up(struct bench_stage *stage, const char *trouble, int status);

/* bench_stage_complain() - say what was noted, if anything was. Return: 0, or CLI_FAILED. */
int bench_stage_complain(const struct bench_stage *stage);

/* bench_stage_order() - control_order(). Return: 0, or -1 with trouble noted. */
int bench_stage_order(struct bench_stage *stage, enum control_mode mode, uint32_t argument);

/*
 * bench_stage_settle() - handle what is left of the calls so far, so that nothing of it turns up
 * among the frames of a floor.
 */
void bench_stage_settle(struct bench_stage *stage);

/* bench_stage_look() - how far apart are the cores right now? Return: as bench_stage_order(). */
int bench_stage_look(struct bench_stage *stage, struct bench_sight *sight);

/* bench_is_steady() - was the machine ours, and in one state, before and after two floors? */
bool bench_is_steady(const struct bench_sight sights[4]);

/*
 * bench_stage_run() - rounds until the time is over, or somebody says stop. A round that would
 * end far behind the time is not begun.
 * @round: one turn of every row; returns 0, or -1 with trouble noted.
 * @progress: how far it is, one line without a newline, for a terminal.
 * Return: seconds that it took.
 */
double bench_stage_run(struct bench_stage *stage, int (*round)(void *context),
		       void (*progress)(const void *context, char *line, size_t bytes),
		       void *context);

/* bench_zeros() - calloc(), or the end of the program after complaining. */
void *bench_zeros(const char *name, size_t n, size_t bytes);

#endif
