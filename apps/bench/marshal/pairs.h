/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pairs.h - what marshalling costs, out of blocks of calls that marshal and blocks of
 * calls that do not.
 *
 * Why it is a difference
 *
 * Marshalling is not a thing apart: the processor stores arguments while it still branches to the
 * Starter. So each case is measured as a whole call, client stub and server stub, and so is its
 * floor, the same call by stubs that copy the same bytes and do nothing else. What either of them
 * takes beyond a call without arguments, measured in the same millisecond, is its cost.
 *
 * Blocks alternate: Null, floor, case, Null, floor, case, ... measure/pairs.h says why, and which
 * pairs count: here the two floors and the two Nulls around a case have to agree. All that is asked
 * (the goals too) is computed from each pair by itself, and the answer is the median.
 */
#ifndef FIREFLY_BENCH_MARSHAL_PAIRS_H
#define FIREFLY_BENCH_MARSHAL_PAIRS_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/measure/pairs.h"

#define MARSHAL_COPY_TIMES     1.5 /* the goal: at most so many times memcpy ... */
#define MARSHAL_COPY_PLUS_NS   5.0 /* ... and so many ns */
#define MARSHAL_PROTOBUF_TIMES 5.0 /* and so many times as fast as protobuf-c */

/* One pair: nanoseconds of one call, each the mean over a block. */
struct marshal_pair {
	double null[2]; /* before and after */
	double copy[2]; /* the floor, before and after */
	double firefly;
	double protobuf, xdr; /* NAN: not built */
};

/* What becomes of a pair: nanoseconds, but for the ratio. */
enum marshal_quantity {
	MARSHAL_NULL,     /* a call without arguments */
	MARSHAL_CALL,     /* the call of this case */
	MARSHAL_COPY,     /* memcpy: the floor beyond Null */
	MARSHAL_FIREFLY,  /* marshalling: the call beyond Null */
	MARSHAL_PROTOBUF, /* the same with protobuf-c ... */
	MARSHAL_XDR,      /* ... and with XDR */
	MARSHAL_RATIO,    /* MARSHAL_FIREFLY over MARSHAL_COPY */
	MARSHAL_OVER,     /* marshalling beyond what the goal allows; met at 0 or less */
	MARSHAL_BEHIND,   /* marshalling beyond a fifth of protobuf-c's; met at 0 or less */
	MARSHAL_QUANTITIES,
};

/* All pairs of one case. Starts as zeros; ended by marshal_pairs_free(). */
struct marshal_pairs {
	struct pairs pairs;                      /* of whole calls: call over floor */
	struct pairs values[MARSHAL_QUANTITIES]; /* not ratios: what came of each pair kept */
};

struct marshal_figures {
	double median[MARSHAL_QUANTITIES]; /* NAN: nobody measured that, or no pair was kept */
	size_t kept;
	unsigned dropped;
	enum pairs_doubt doubt; /* whether the medians are good for a verdict */
};

/* marshal_pairs_add() - take in one pair, or drop and count it. Return: true if it was kept. */
bool marshal_pairs_add(struct marshal_pairs *p, const struct marshal_pair *pair);

/* marshal_pairs_judge() - the medians; sorts the values. */
struct marshal_figures marshal_pairs_judge(struct marshal_pairs *p);

/* marshal_pairs_free() - give the memory back; @p may be used again from the start. */
void marshal_pairs_free(struct marshal_pairs *p);

#endif
