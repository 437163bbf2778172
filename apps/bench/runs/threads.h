/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads.h - what `firefly bench --threads` measures, between the file that measures and the
 * one that reports.
 */
#ifndef FIREFLY_APP_BENCH_THREADS_H
#define FIREFLY_APP_BENCH_THREADS_H

#include "calls.h"

#define THREADS_WINDOW \
	16 /* calls under way from each thread, in the rows that have more than one */
#define THREADS_MOST 64

/* Who runs the procedures. */
enum threads_server {
	THREADS_POLLER,
	THREADS_WORKERS,
	THREADS_SERVERS,
};

/* One row in one state: all of it from the pairs that were kept; with workers, from steady blocks.
 */
struct threads_figures {
	struct pairs pairs;     /* of calls per second, to one inline caller; none with workers */
	struct block_sum calls; /* of all threads */
	struct block_sum inline_calls; /* of the inline caller, before and after */
	unsigned blocks;               /* of calls that are in the sums */
};

struct threads_row {
	enum bench_procedure procedure; /* Null or MaxResult */
	unsigned threads;
	unsigned window; /* of each thread */
	enum threads_server server;
	struct threads_figures in[PAIRS_STATES];
};

struct threads_result {
	const struct bench_machine *machine;
	struct threads_row *rows; /* by procedure, threads, server, window */
	size_t n_rows;
	enum fly_wait wait;    /* of the callers and the client's poller */
	unsigned caller_cores; /* that the callers have to themselves; 0: they share the poller's */
	unsigned worker_cores; /* the same, of workers */
	unsigned most;         /* threads */
	double seconds;
};

/* threads_print() - the table. In bench_threads_report.c, as the next one. */
void threads_print(const struct threads_result *result);

/* threads_write_json() - @path: a file, or "-". Return: 0, or -1 with errno set. */
int threads_write_json(const struct threads_result *result, const char *path);

#endif
