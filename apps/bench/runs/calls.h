/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * calls.h - what `firefly bench` measures, between the files that measure, time and report.
 */
#ifndef FIREFLY_APP_BENCH_H
#define FIREFLY_APP_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <firefly/firefly.h>

#include "bench/stage/stage.h"
#include "bench/measure/block.h"
#include "bench/measure/histogram.h"
#include "bench/measure/pairs.h"

enum bench_procedure {
	BENCH_NULL,
	BENCH_MAX_RESULT,
	BENCH_MAX_ARG,
	BENCH_PROCEDURES,
};

/* What is known of a procedure before it is measured. */
struct bench_profile {
	const char *name;    /* as in the interface */
	const char *word;    /* as on the command line */
	uint16_t call_bytes; /* of the frames; 74 of them are headers */
	uint16_t result_bytes;
	unsigned payload_bytes;      /* that a call carries, whichever way */
	const char *latency_1989;    /* one call by one thread */
	const char *throughput_1989; /* the best there was, with several */
};

extern const struct bench_profile bench_profiles[BENCH_PROCEDURES];

/* One row of the table in one state: all of it from the pairs that were kept. */
struct bench_figures {
	struct pairs pairs;
	struct histogram call_times, floor_times; /* ticks, of what was stamped */
	struct block_sum calls, floors;
};

struct bench_row {
	enum bench_procedure procedure;
	unsigned window;
	struct bench_figures *in[PAIRS_STATES]; /* never NULL */
};

/* All that a report needs. */
struct bench_result {
	const struct bench_machine *machine;
	bool view; /* results were read where they lay in the packet */
	struct bench_row *rows;
	size_t n_rows;
	double seconds;
};

/*
 * bench_calls() - a block of calls. In bench_calls.c.
 * @binding: to a Test; no call is under way before and after.
 * @view: MaxResult hands out the result in the packet instead of copying it.
 * Return: 0, or the status of the first call that failed.
 */
int bench_calls(struct fly_binding *binding, enum bench_procedure procedure, bool view,
		struct block_clock *clock);

/* bench_print_table() - for people, on stdout. In bench_report.c. */
void bench_print_table(const struct bench_result *result);

/*
 * bench_write_json() - for programs. In bench_report.c.
 * @path: a file, or "-": stdout.
 * Return: 0, or -1 with errno set.
 */
int bench_write_json(const struct bench_result *result, const char *path);

#endif
