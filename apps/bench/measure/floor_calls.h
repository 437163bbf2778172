/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor_calls.h - calls of Null made by hand, frame by frame, in the name of as many callers as
 * one likes: what loads a server with less work than calling it takes.
 *
 * Runs on the thread that owns the runtime, instead of its poller; nobody may be in a call
 * meanwhile. Frames go over the runtime's first link to the server of a binding.
 */
#ifndef FIREFLY_BENCH_FLOOR_CALLS_H
#define FIREFLY_BENCH_FLOOR_CALLS_H

#include <stddef.h>
#include <stdint.h>

#include <firefly/firefly.h>

#include "block.h"

#define FLOOR_CALLERS_MOST (1U << 20)

/* Who calls. */
enum floor_callers {
	FLOOR_ONE,          /* always the first */
	FLOOR_ALL,          /* any of them, drawn anew for each call, with the hint it was given */
	FLOOR_ALL_UNHINTED, /* the same without a hint */
};

/* Starts as zeros; ended by floor_calls_free(). */
struct floor_calls {
	struct fly_runtime *runtime;
	const uint8_t *template; /* the headers of a call */
	uint32_t *hints;         /* of each caller */
	uint32_t n;              /* callers */
	uint32_t seq;            /* of the newest call of all: they count together */
	uint32_t known;          /* of them: the server knows those that have called once */
	uint64_t random;         /* state of the drawing */
	uint64_t salt;           /* of their activities */
	uint64_t results;        /* that came, of all calls */
	int status;              /* of the first call that was refused or failed; 0 */
};

/*
 * floor_calls_init() - @n callers, at most FLOOR_CALLERS_MOST, that the server does not know yet.
 * @null: to Test. Return: 0 or -FLY_ENOMEM.
 */
int floor_calls_init(struct floor_calls *f, struct fly_runtime *runtime, struct fly_binding *null,
		     uint32_t n);

void floor_calls_free(struct floor_calls *f);

/*
 * floor_calls_first() - the next @n callers, or those that are left, call for the first time.
 * Return: 0; -FLY_EPACKETS; -FLY_EPEER when no result came for FLOOR_SILENCE_S; the status of a
 * call that was refused.
 */
int floor_calls_first(struct floor_calls *f, uint32_t n);

/* floor_calls_run() - a block of calls. Return: as before. */
int floor_calls_run(struct floor_calls *f, enum floor_callers who, struct block_clock *clock);

/* floor_record_bytes() - what a server keeps of an idle caller. */
size_t floor_record_bytes(void);

#endif
