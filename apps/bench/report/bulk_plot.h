/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk_plot.h - the picture of `firefly bench bulk --plot`.
 */
#ifndef FIREFLY_BENCH_BULK_PLOT_H
#define FIREFLY_BENCH_BULK_PLOT_H

#include "bench/stage/rounds.h"

/*
 * bulk_plot() - times over sizes, both logarithmic, as SVG. @rounds: number: an enum
 * bulk_procedure. Return: 0, or -1 with errno set.
 */
int bulk_plot(const struct rounds *rounds, const char *path);

#endif
