/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * figures.h - what one side of a measurement between two hosts can tell of itself.
 */
#ifndef FIREFLY_BENCH_FIGURES_H
#define FIREFLY_BENCH_FIGURES_H

#include <firefly/firefly.h>

#include "between.h"

/* figures_host() - who we are. */
void figures_host(const struct fly_runtime *runtime, struct Between_Host *host);

/*
 * figures_clean(), figures_clean_text() - what the other side has said of itself goes to a
 * terminal: printable ASCII only.
 */
void figures_clean(struct Between_Host *host);
void figures_clean_text(char *text);

/* figures_now() - what was done so far; busy_ticks and turn_ticks are left 0. */
void figures_now(const struct fly_runtime *runtime, struct Between_Figures *now);

/* figures_add() - what was done from @before to @after. */
void figures_add(struct Between_Figures *sum, const struct Between_Figures *before,
		 const struct Between_Figures *after);

/* figures_cpu(), figures_busy() - shares of the time, 1: one core; NAN: not known. */
double figures_cpu(const struct Between_Figures *sum);
double figures_busy(const struct Between_Figures *sum);

#endif
