/* SPDX-License-Identifier: BSD-3-Clause */
/* local/sweep.h - what a poller does about its local clients once in a while (local/sweep.c). */
#ifndef FLY_LOCAL_SWEEP_H
#define FLY_LOCAL_SWEEP_H

#include "fastpath/poller.h"

/* fly_astacks_sweep() - once a millisecond: a bounded piece of work. */
void fly_astacks_sweep(struct fly_poller *p);

/* fly_astacks_fini() - for assemble.c. No client is left. */
void fly_astacks_fini(struct fly_poller *p);

#endif
