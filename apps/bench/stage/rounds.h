/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rounds.h - rows that take turns until the time is over.
 *
 * A run has rows, and says in a struct rounds_method how a floor and a block of calls are measured
 * for one of them. The order of the blocks, and which of them count, is the same for all runs: it
 * is in rounds.c.
 */
#ifndef FIREFLY_BENCH_ROUNDS_H
#define FIREFLY_BENCH_ROUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/measure/calls.h"
#include "bench/measure/pairs.h"
#include "stage.h"

#define ROUNDS_ROWS_MOST  512
#define ROUNDS_PHASE_NONE UINT32_MAX /* of a row that cannot be measured on this machine */

/* One row in one state: all of it from the pairs that were kept, or from steady blocks. */
struct figures {
	struct pairs pairs; /* of calls to the floor */
	struct pairs whole; /* the same by rounds_method.whole */
	struct sample calls, floors;
	unsigned blocks; /* of calls that are in the sums */
};

/* One row of the table. A run sets what it needs; the rest is 0: calls of Null. */
struct row {
	char label[40];    /* in the table */
	char name[64];     /* where it is said why there is no ratio; "": it is not said */
	const void *is;    /* what the run knows of it beforehand */
	unsigned number;   /* among the run's own tables */
	unsigned phase;    /* in which it is measured; or ROUNDS_PHASE_NONE */
	bool has_no_floor; /* blocks of calls alone */
	enum calls_procedure procedure;
	unsigned threads; /* that call; 1 unless the run says otherwise */
	unsigned window;  /* of each */
	uint32_t bytes;   /* of a large argument or result */
	struct figures *in[PAIRS_STATES];
};

struct rounds;

/* A block. @sample: is empty. Return: 0; or -1 with trouble noted in the stage. */
typedef int rounds_measure(struct rounds *rounds, const struct row *row, struct sample *sample);

/* What a block is judged by. */
typedef double rounds_worth(const struct rounds *rounds, const struct row *row,
			    const struct sample *sample);

/* How the rows of a run are measured. */
struct rounds_method {
	unsigned pairs_per_turn; /* pairs in one turn of a row */
	rounds_measure *floor, *calls;
	rounds_worth *worth;
	rounds_worth *whole; /* NULL, or for a second ratio of each pair */

	/* NULL, or how a floor tells the state of the machine, instead of a ping-pong; a block of
	 * calls, of a row that has no floor. */
	struct stage_distance (*distance)(const struct rounds *rounds, const struct sample *floor);

	/* NULL, or before and after each turn of a row; the server serves calls. */
	int (*enter)(struct rounds *rounds, const struct row *row); /* as rounds_measure */
	void (*leave)(struct rounds *rounds, const struct row *row);
};

struct rounds {
	struct stage stage;
	const struct rounds_method *method;
	char title[192];          /* of the table */
	struct fly_binding *test; /* to Test at the server */
	bool view;                /* results are read where they lie, instead of copied out */
	struct row rows[ROUNDS_ROWS_MOST];
	size_t n_rows;
	unsigned phase;         /* rows of this one are measured */
	const char *phase_name; /* for the progress line; NULL: there is only one phase */
};

/* ---- what several runs measure, and how they judge it ---- */

/* rounds_calls() - of the row's procedure with its window, by this thread. */
rounds_measure rounds_calls;

/* By the median time at window 1, else by round trips per tick; by these; by ticks for each. */
rounds_worth rounds_worth_time, rounds_worth_rate, rounds_worth_cost;

/* rounds_median() - of times, in ticks. */
double rounds_median(const struct rounds *rounds, const struct histogram *times);

/* ---- from start to end ---- */

/* rounds_add() - one more row, with its figures, its label and the same name. */
struct row *rounds_add(struct rounds *rounds, const char *label);

/*
 * rounds_run() - turns of all rows of the phase, until @seconds are over or somebody says stop. A
 * round that would end far behind the time is not begun. Trouble is noted in the stage.
 */
void rounds_run(struct rounds *rounds, double seconds);

/* rounds_free() - the rows. */
void rounds_free(struct rounds *rounds);

/* rounds_zeros() - calloc(), or the end of the program after complaining. @name: subcommand. */
void *rounds_zeros(const char *name, size_t n, size_t bytes);

#endif
