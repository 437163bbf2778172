/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_service.h - the procedures of probe.fly, which count what they run.
 *
 * Each call of a procedure with a number in it, `a` or `seed`, can be told from the others: how
 * often it ran is in runs[number]. Data follows from the number, in both directions.
 */
#ifndef PROBE_SERVICE_H
#define PROBE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe.h"

#define PROBE_NUMBERS 65536

struct probe_service {
	unsigned executions;         /* of all procedures */
	unsigned wrong;              /* executions whose arguments were not what they should be */
	uint8_t runs[PROBE_NUMBERS]; /* by number */
	void (*during)(void *); /* called by Null, inside of the poller's turn; NULL: nothing */
	void *during_context;
};

extern const struct Probe_procedures probe_procedures;

/* probe_fill() - data that depends on the number and on each byte's place. */
void probe_fill(uint8_t *data, size_t bytes, uint32_t number);
bool probe_is(const uint8_t *data, size_t bytes, uint32_t number);

/* probe_sum() - what Sum returns for that number. */
uint32_t probe_sum(uint32_t number);

/* probe_most_runs() - the largest of runs[]: 1, or a call was executed twice. */
unsigned probe_most_runs(const struct probe_service *service);

#endif
