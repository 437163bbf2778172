/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tally.h - calls that are counted at both ends: what became of each one, as its caller was told,
 * and how often it ran. Where that is counted is shared by all processes of a program.
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
	uint64_t room;         /* numbers that there are */
	_Atomic uint64_t next; /* the number of the next call */
	_Atomic uint64_t twice;
	_Atomic uint64_t wrong_arguments;
	_Atomic uint64_t wrong_results;
	_Atomic uint64_t ended[TALLY_STATUSES]; /* calls, by status */
	_Atomic uint64_t left;                  /* calls that nobody was told about */
	_Atomic uint8_t at[];                   /* by number: TALLY_RAN and what was said */
};

#define TALLY_RAN           1
#define TALLY_SAID          2 /* and what: the outcome, two bits above */
#define TALLY_OUTCOME_SHIFT 2

/* tally_open() - with room for so many calls. @path: in a file; NULL: in this process only. */
struct tally *tally_open(const char *path, uint64_t room);

/* The procedures; their context is the tally. */
extern const struct Tally_procedures tally_procedures;

/* One thread that calls. */
struct tally_caller {
	struct tally *tally;
	struct fly_binding *binding; /* this thread's */
	uint64_t random;
	/* In percent of the calls. */
	unsigned cancels;
	unsigned pages;
	unsigned longs;
	unsigned blocks;
	uint32_t block_us;  /* at most */
	uint64_t calls;     /* that ended */
	_Atomic bool *stop; /* when it is set, no further calls are begun; or NULL */
	bool gave_up;       /* the newest one ended so that another binding is needed */
};

/*
 * tally_call() - some calls at random through the binding, @window of them at a time. @leave: the
 * last ones are left under way. Stops early when calls say that the peer is gone or another.
 */
void tally_call(struct tally_caller *c, unsigned n, unsigned window, bool leave);

/*
 * tally_verify() - when nobody calls, and no server runs any more: is all that was said true?
 * @expected: a bit per status that calls may have ended with. Says what is wrong.
 */
void tally_verify(const struct tally *tally, uint64_t expected);

/* tally_print() - "N calls: 10 ok, 2 FLY_EBUSY, ..." @line: of so many bytes. */
void tally_print(const struct tally *tally, char *line, unsigned bytes);

#endif
