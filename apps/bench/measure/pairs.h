/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pairs.h - ratios of blocks of calls to the blocks of bare frames before and after them.
 *
 * Why a ratio is taken pair by pair
 *
 * The same code runs several times slower a second later: a virtual machine's processors move
 * apart, a clock changes, a neighbour wakes. Averages over a run mix those times. So short blocks
 * alternate, floor, case, floor, case, and each case is compared with the mean of the two floors
 * around it, which were measured milliseconds away. Where the two floors differ by more than
 * PAIRS_FLOORS_AGREE the machine changed in between and the pair is dropped, and counted; so it
 * is when the state (near or far) changed. The result is the median of the ratios that are left,
 * for each state by itself. There is none with fewer than PAIRS_LEAST pairs or with more than a
 * quarter dropped.
 */
#ifndef FIREFLY_BENCH_PAIRS_H
#define FIREFLY_BENCH_PAIRS_H

#include <stdbool.h>
#include <stddef.h>

#define PAIRS_FLOORS_AGREE 1.4  /* larger floor over smaller floor */
#define PAIRS_LEAST        50   /* pairs that a verdict needs */
#define PAIRS_DROPPED_MOST 0.25 /* of all pairs; with more there is no verdict */

/* How far apart the two cores are, as a cache-line ping-pong between them tells. */
enum pairs_state {
	PAIRS_NEAR,
	PAIRS_FAR,
	PAIRS_STATES,
};

extern const char *const pairs_state_names[PAIRS_STATES];

/* Why there is no verdict. */
enum pairs_doubt {
	PAIRS_SURE,       /* there is one */
	PAIRS_TOO_FEW,    /* fewer than PAIRS_LEAST */
	PAIRS_TOO_UNEVEN, /* more than PAIRS_DROPPED_MOST were dropped */
};

/* The ratios of one row of the table in one state. Starts as zeros; ended by pairs_free(). */
struct pairs {
	double *ratios;   /* of the pairs that were kept */
	size_t kept;      /* ratios that are set */
	size_t room;      /* ratios that fit */
	unsigned dropped; /* pairs that were not kept */
};

struct pairs_verdict {
	double ratio; /* the median; NAN unless doubt is PAIRS_SURE */
	enum pairs_doubt doubt;
};

/*
 * pairs_agree() - are these two floors close enough to compare the block between them with?
 * @floor_before, @floor_after: in the same unit, whichever; 0 or less agrees with nothing.
 */
bool pairs_agree(double floor_before, double floor_after);

/*
 * pairs_add() - take in one pair, or drop and count it.
 * @steady: false if the state changed between the two floors.
 * Return: true if it was kept.
 */
bool pairs_add(struct pairs *p, double floor_before, double value, double floor_after, bool steady);

/* pairs_keep() - one more of the values that are kept. Return: false if there is no memory. */
bool pairs_keep(struct pairs *p, double value);

/* pairs_judge() - the median ratio, or why there is none; sorts the ratios. */
struct pairs_verdict pairs_judge(struct pairs *p);

/* pairs_median() - the middle of @n values, the mean of the middle two if n is even; sorts them. */
double pairs_median(double *values, size_t n);

/* pairs_free() - give the memory back; @p may be used again from the start. */
void pairs_free(struct pairs *p);

#endif
