/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tally.h - calls that are counted at both ends: what the caller was told about each call, and how
 * often the call ran. All processes of a program share the counts.
 */
#ifndef TALLY_H
#define TALLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <firefly/firefly.h>

#include "tallied.h"

#define TALLY_STATUSES 32

struct tally {
	uint64_t room;         /* numbers available */
	_Atomic uint64_t next; /* number of the next call */
	_Atomic uint64_t twice;
	_Atomic uint64_t wrong_arguments;
	_Atomic uint64_t wrong_results;
	_Atomic uint64_t ended[TALLY_STATUSES]; /* calls, by status */
	_Atomic uint64_t left;                  /* calls whose callers were told nothing */
	_Atomic uint8_t at[]; /* by number: TALLY_RAN, and what the caller was told */
};

#define TALLY_RAN           1
#define TALLY_SAID          2 /* and the outcome, two bits above */
#define TALLY_OUTCOME_SHIFT 2

/* tally_open() - a tally of @room calls. @path: a shared file; NULL: this process only. */
struct tally *tally_open(const char *path, uint64_t room);

/* The procedures. Their context is the tally. */
extern const struct Tally_procedures tally_procedures;

/* A calling thread. */
struct tally_caller {
	struct tally *tally;
	struct fly_binding *binding; /* this thread's */
	uint64_t random;
	/* in percent of the calls */
	unsigned cancels;
	unsigned pages;
	unsigned longs;
	unsigned blocks;
	uint32_t block_us;  /* longest data */
	uint64_t calls;     /* that ended */
	_Atomic bool *stop; /* NULL, or: when set, begin no more calls */
	bool gave_up;       /* the newest call ended in a way that needs another binding */
};

/*
 * tally_call() - make random calls through the binding, @window at a time. @leave: leave the last
 * ones in flight. Stops early when calls say that the peer has gone or is another.
 */
void tally_call(struct tally_caller *c, unsigned n, unsigned window, bool leave);

/* tally_call_as_ready() - the same, but calls are finished as fly_next_ready() returns them. */
void tally_call_as_ready(struct tally_caller *c, unsigned n, unsigned window);

/*
 * tally_verify() - check that all callers were told the truth. Nobody calls, and no server runs any
 * more. @expected: a bit per status that calls may have ended with. Prints what is wrong.
 */
void tally_verify(const struct tally *tally, uint64_t expected);

/* tally_print() - "N calls: 10 ok, 2 FLY_EBUSY, ...". @bytes: size of @line. */
void tally_print(const struct tally *tally, char *line, unsigned bytes);

#endif
