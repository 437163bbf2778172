/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk_calls.h - the procedures of the Bulk interface, and what both sides do with the data.
 *
 * As a program would, Put's procedure reads each byte once, and Get's writes each byte once. So
 * that a byte of another call is found out without a measurable cost, data that is measured with
 * is marked: the same byte in 16 places, a new one for each call. In a warm-up every byte is
 * checked.
 */
#ifndef FIREFLY_BENCH_BULK_CALLS_H
#define FIREFLY_BENCH_BULK_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include <firefly/firefly.h>

#include "bulk.h"
#include "stage.h"

#define BULK_MOST 67108860U /* bytes in one call, by bulk.fly */

/* The context of an exported Bulk. Starts as zeros; read and written between two turns. */
struct bulk_service {
	bool checking;  /* data has to be, and will be, a pattern (pattern.h) */
	uint64_t calls; /* executions of both procedures */
	uint64_t ticks; /* that they took */
	uint64_t sum;   /* of what was read */
	uint8_t mark;   /* of the last Get */
};

/* Their context is a struct bulk_service. */
extern const struct Bulk_procedures bulk_procedures;

/* ---- the caller's side ---- */

enum bulk_procedure {
	BULK_PUT,
	BULK_GET,
	BULK_PROCEDURES,
};

extern const char *const bulk_names[BULK_PROCEDURES];

/* Status of a call whose data was not as it should be; no call returns it. */
#define BULK_WRONG INT32_MIN

struct bulk_caller {
	struct fly_binding *binding; /* to Bulk */
	uint8_t *data;               /* BULK_MOST bytes */
	uint8_t mark;                /* of the last Put, or in the last result of Get */
	uint64_t sum;                /* of what was read in views */
};

/* bulk_start() - of @bytes, which are marked or will be. Return: a status. */
int bulk_start(struct bulk_caller *caller, enum bulk_procedure procedure, uint32_t bytes,
	       struct fly_call **call);

/*
 * bulk_finish() - and check the marks.
 * @view: results of Get are read where they lie, instead of being copied out.
 * Return: a status, or BULK_WRONG.
 */
int bulk_finish(struct bulk_caller *caller, enum bulk_procedure procedure, uint32_t bytes,
		bool view, struct fly_call *call);

/* bulk_call() - the plain call, or for a view the two above. Return: as bulk_finish(). */
int bulk_call(struct bulk_caller *caller, enum bulk_procedure procedure, uint32_t bytes, bool view);

/* bulk_check() - a call whose every byte is looked at, by both sides. Return: the same. */
int bulk_check(struct bulk_caller *caller, enum bulk_procedure procedure, uint32_t bytes);

/* bulk_failed() - stage_call_failed(), or that the data was wrong. Return: 0, or -1. */
int bulk_failed(struct stage *stage, int status);

#endif
