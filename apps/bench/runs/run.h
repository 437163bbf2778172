/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run.h - what a word of `firefly bench` is: a command line, rows, how they are measured, and how
 * they are reported. What a word does not say is the same for all, and is in run.c.
 */
#ifndef FIREFLY_BENCH_RUN_H
#define FIREFLY_BENCH_RUN_H

#include <argp.h>

#include "bench/report/table.h"
#include "bench/stage/rounds.h"

struct run_word {
	const char *name; /* of the subcommand, in complaints */

	/* ---- the command line, besides the options of the stage ---- */
	const struct argp_option *options;                             /* NULL: none */
	error_t (*option)(struct rounds *rounds, int key, char *text); /* NULL: none */
	const char *unexpected; /* said behind "'X' is not expected" */
	const char *args_doc;   /* NULL: no arguments */
	const char *doc;
	double seconds;    /* unless the user says otherwise */
	double block_s;    /* the same; 0: the stage's default */
	bool may_be_local; /* --link local is one more link */
	bool may_be_udp;   /* the same of --link udp */
	bool has_no_stage; /* options() has those of the stage, too: there is one process here */

	/* Settle options that the user left open (seconds: 0), add rows. The cores are chosen. */
	void (*prepare)(struct rounds *rounds);

	/* ---- measuring ---- */
	struct rounds_method method;
	unsigned n_phases; /* 0 counts as 1 */
	/*
	 * NULL: one phase. Settle the options of the stage for this one.
	 * Return: its part of the time; 0: leave it out.
	 */
	double (*phase)(struct rounds *rounds, unsigned phase);
	/* NULL, or start what is measured, instead of a server process; 0 or CLI_FAILED. */
	int (*start)(struct rounds *rounds);
	int (*stop)(struct rounds *rounds);
	/* NULL, or import more than Test. Return: 0; a status; or -1 with trouble noted. */
	int (*open)(struct rounds *rounds);
	/* NULL, or after the last round. Return: 0, or CLI_FAILED after complaining. */
	int (*close)(struct rounds *rounds);

	/* ---- the report ---- */
	struct table table;
	/* NULL, or writes further files. Return: NULL, or which cannot be written; errno says why.
	 */
	const char *(*also)(const struct rounds *rounds);
};

extern const struct run_word run_beside, run_between, run_bulk, run_calls, run_conversations,
	run_handoff, run_local, run_processors, run_threads;

#endif
