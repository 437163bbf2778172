/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk.h - what `firefly bench bulk` measures, between the file that measures and its report.
 */
#ifndef FIREFLY_APP_BENCH_BULK_H
#define FIREFLY_APP_BENCH_BULK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/stage/stage.h"
#include "bench/measure/block.h"
#include "bench/measure/histogram.h"
#include "bench/measure/pairs.h"

enum bulk_procedure {
	BULK_PUT,
	BULK_GET,
	BULK_PROCEDURES,
};

extern const char *const bulk_names[BULK_PROCEDURES];

/* From this size on the ratio to a stream of bare frames means something. */
#define BULK_RATIO_BYTES (64U << 10)

/* One row of the table in one state: all of it from the pairs that were kept. */
struct bulk_figures {
	struct pairs moving;       /* without the time in the server's procedure */
	struct pairs whole;        /* with it */
	struct histogram times;    /* of calls, in ticks */
	struct block_sum calls;    /* and their ticks */
	uint64_t procedure_ticks;  /* of them, in the server's procedure */
	struct block_sum payloads; /* of bare frames, in bytes, and their ticks */
};

struct bulk_row {
	enum bulk_procedure procedure;
	uint32_t bytes;
	struct bulk_figures *in[PAIRS_STATES]; /* never NULL */
};

/* All that a report needs. */
struct bulk_result {
	const struct bench_machine *machine;
	bool view;             /* results of Get were read where they lay */
	bool table;            /* of sizes: there is a line to be laid through them */
	uint16_t floor_bytes;  /* payload of a bare frame */
	struct bulk_row *rows; /* of one size after the other */
	size_t n_rows;
};

/* bench_bulk_print() - for people, on stdout. In bench_bulk_report.c. */
void bench_bulk_print(const struct bulk_result *result);

/* bench_bulk_write() - as bench_write(). In bench_bulk_report.c. */
int bench_bulk_write(const struct bulk_result *result, const char *path);

/*
 * bench_bulk_plot() - times over sizes, both logarithmic, as SVG. In bench_bulk_plot.c.
 * Return: 0, or -1 with errno set.
 */
int bench_bulk_plot(const struct bulk_result *result, const char *path);

/* bulk_shown() - the state that a row is shown in. In bench_bulk_report.c. */
enum pairs_state bulk_shown(const struct bulk_row *row);

#endif
