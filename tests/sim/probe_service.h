/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_service.h - the procedures of probe.fly, which count their executions.
 *
 * A number, `a` or `seed`, identifies a call: runs[number] is its executions. Data of arguments and
 * results is made from the number.
 */
#ifndef PROBE_SERVICE_H
#define PROBE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe.h"

#define PROBE_NUMBERS 65536

struct probe_service {
	unsigned executions;         /* all procedures */
	unsigned wrong;              /* executions with wrong arguments */
	uint8_t runs[PROBE_NUMBERS]; /* executions by number */
	void (*during)(void *);      /* called by Null inside the poller's turn; or NULL */
	void *during_context;
};

extern const struct Probe_procedures probe_procedures;

/* probe_fill() - write data made from a number. */
void probe_fill(uint8_t *data, size_t bytes, uint32_t number);
bool probe_is(const uint8_t *data, size_t bytes, uint32_t number);

/* probe_sum() - the result of Sum for a number. */
uint32_t probe_sum(uint32_t number);

/* probe_most_runs() - the largest of runs[]; above 1, a call ran twice. */
unsigned probe_most_runs(const struct probe_service *service);

#endif
