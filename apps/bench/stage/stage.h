/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stage.h - two processes on two cores with a link between them.
 *
 * The one that measures is the client. It starts the other, `firefly bench-server`, and the two
 * move in step through a control page.
 */
#ifndef FIREFLY_BENCH_STAGE_H
#define FIREFLY_BENCH_STAGE_H

#include <argp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>

#include <firefly/firefly.h>

#include "bench/measure/histogram.h"
#include "bench/measure/pairs.h"
#include "control.h"
#include "firefly/cli.h"

/* Keys of a run's own options start here: those before are of the stage's. */
#define STAGE_KEY_OWN (CLI_KEY_OWN + 16)

/* What the user may say about the stage, and what a run decides. */
struct stage_options {
	const char *link;    /* "vhost", "memif", "udp" or "local" */
	bool may_be_local;   /* the user may say so: there is a floor for it */
	bool may_be_udp;     /* the same */
	const char *clients; /* "", or ",clients=N": of the server's link */
	double seconds;      /* to measure; 0: as the run has it */
	double block_s;
	const char *json;             /* NULL: a table */
	int client_core, server_core; /* -1: choose */
	const char *eal;
	unsigned packets;             /* in each pool; 0: the default */
	unsigned calls;               /* entries of the client's call table */
	enum fly_wait wait;           /* of the client's runtime */
	struct control_server server; /* link, core and packets are filled in from the above */
};

/* What a figure was measured on. */
struct stage_machine {
	struct fly_platform platform;
	unsigned client_core, server_core;
	double step;                             /* of the counter, in ticks */
	struct histogram distance[PAIRS_STATES]; /* of the ping-pongs, in ticks */
};

struct stage {
	const char *name; /* of the subcommand, for complaints */
	struct stage_options options;
	struct stage_machine machine;
	cpu_set_t allowed;    /* cores that we were started with */
	char directory[4096]; /* ""; or ours, to be removed */
	struct control control;
	struct fly_runtime *runtime; /* the client's; NULL: not started */
	const char *trouble;         /* what ended the run early; NULL: nothing */
	int trouble_status;          /* with it; 0: none */
};

/* What stage_measure_distance() found. */
struct stage_distance {
	enum pairs_state state;
	bool ours; /* both cores were, and not somebody else's in between */
};

/* Non-zero once the user wants it to end. */
extern volatile sig_atomic_t stage_stop_wanted;

/* The common options; its input is a struct stage. */
extern const struct argp stage_argp;

/* stage_init() - an empty stage with the default options. @name: static. */
void stage_init(struct stage *stage, const char *name);

/*
 * stage_choose_cores() - settle options.client_core and server_core. From now on ^C asks for an
 * early end. Return: 0, or CLI_FAILED after complaining.
 */
int stage_choose_cores(struct stage *stage);

/* stage_choose_none() - the same, but for the cores: of a run with one process. Return: 0. */
int stage_choose_none(struct stage *stage);

/* stage_spare_cores() - those that neither process has. Return: how many. */
unsigned stage_spare_cores(const struct stage *stage, unsigned cores[CPU_SETSIZE]);

/*
 * stage_open() - start the server process and our runtime, on cores that are chosen.
 * Return: 0; or CLI_FAILED after complaining. stage_close() ends it in both cases.
 */
int stage_open(struct stage *stage);

/*
 * stage_close() - end both processes, remove the directory. It may be opened again, with other
 * options.
 * Return: 0; or CLI_FAILED after complaining: packet buffers are missing.
 */
int stage_close(struct stage *stage);

/*
 * stage_start() - the part of stage_open() that starts our runtime, by itself.
 * @core: this thread's from now on. @link: its specification.
 * Return: 0; or CLI_FAILED after complaining.
 */
int stage_start(struct stage *stage, unsigned core, const char *link);

/* stage_give_up() - note why the run ends early. @status: with it; 0: none. Return: -1. */
int stage_give_up(struct stage *stage, const char *trouble, int status);

/* stage_failed() - stage_give_up(), if @status is not 0. Return: 0, or -1. */
int stage_failed(struct stage *stage, const char *trouble, int status);

/* stage_call_failed() - the same about a call. */
int stage_call_failed(struct stage *stage, int status);

/* stage_complain() - say what was noted, if anything was. Return: 0, or CLI_FAILED. */
int stage_complain(const struct stage *stage);

/* stage_order() - control_order(). Return: 0, or -1 with trouble noted. */
int stage_order(struct stage *stage, enum control_mode mode, uint32_t argument);

/*
 * stage_settle() - handle what is left of the block so far, so that nothing of it turns up among
 * the frames of the next one.
 */
void stage_settle(struct stage *stage);

/* stage_measure_distance() - how far apart are the cores right now? Return: as stage_order(). */
int stage_measure_distance(struct stage *stage, struct stage_distance *distance);

/* stage_block_ticks() - how long a block is to be. */
uint64_t stage_block_ticks(const struct stage *stage);

#endif
