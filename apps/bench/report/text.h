/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text.h - what the reports of the benchmarks with two processes share: figures in few
 * columns, the lines about the machine, and the same in JSON.
 */
#ifndef FIREFLY_APP_BENCH_TEXT_H
#define FIREFLY_APP_BENCH_TEXT_H

#include <stddef.h>

#include "bench/stage/stage.h"
#include "bench/measure/histogram.h"
#include "bench/measure/pairs.h"

struct json_object;

extern const char *const bench_state_names[PAIRS_STATES];

/* bench_ns() - ticks in nanoseconds. */
double bench_ns(const struct bench_machine *machine, double ticks);

/* bench_scaled() - 1234567 becomes "1.23 M": three digits, at most 7 columns. */
const char *bench_scaled(char text[16], double value);

/* bench_us() - ticks in microseconds, in at most 6 columns below a second. */
const char *bench_us(char text[16], const struct bench_machine *machine, double ticks);

/* bench_ratio() - "1.07x", or "-" for NAN. */
const char *bench_ratio(char text[16], double ratio);

/*
 * bench_main_state() - the state that a row is shown in: near, unless only far has enough pairs.
 * @pairs: kept in each.
 */
enum pairs_state bench_main_state(const size_t kept[PAIRS_STATES]);

/* bench_print_doubt() - a line about why @row has no ratio, unless it has one. */
void bench_print_doubt(struct pairs *p, const char *row);

/* bench_print_state() - the line about a state; @each: the pairs of every row in it. */
void bench_print_state(const struct bench_machine *machine, enum pairs_state state,
		       const struct pairs *const *each, size_t n);

/* bench_print_machine() - the last line of a table. */
void bench_print_machine(const struct bench_machine *machine);

/* bench_number() - of JSON, with a given precision; null for what is not one. */
struct json_object *bench_number(double value, int decimals);

/* bench_percentile() - in nanoseconds, for JSON. */
struct json_object *bench_percentile(const struct bench_machine *machine, const struct histogram *h,
				     double percent);

/*
 * bench_write() - an object, with "machine" added to it; takes it.
 * @path: a file, or "-": stdout.
 * Return: 0, or -1 with errno set.
 */
int bench_write(const struct bench_machine *machine, struct json_object *all, const char *path);

#endif
