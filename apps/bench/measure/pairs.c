/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pairs.c - the arithmetic behind every ratio that `firefly bench` prints.
 *
 * Owns the list of ratios of a row. Called by stage/rounds.c between blocks; measures nothing
 * itself and knows neither calls nor frames. pairs.h says why it is done in this way.
 */
#include "pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const pairs_state_names[PAIRS_STATES] = {"near", "far"};

bool pairs_agree(double floor_before, double floor_after)
{
	if (!(floor_before > 0) || !(floor_after > 0))
		return false;
	return fmax(floor_before, floor_after) <=
	       PAIRS_FLOORS_AGREE * fmin(floor_before, floor_after);
}

bool pairs_keep(struct pairs *p, double value)
{
	if (p->kept == p->room) {
		const size_t room = p->room ? 2 * p->room : 64;
		double *ratios = realloc(p->ratios, room * sizeof *ratios);

		if (!ratios)
			return false;
		p->ratios = ratios;
		p->room = room;
	}
	p->ratios[p->kept++] = value;
	return true;
}

bool pairs_add(struct pairs *p, double floor_before, double value, double floor_after, bool steady)
{
	if (steady && pairs_agree(floor_before, floor_after) &&
	    pairs_keep(p, value / ((floor_before + floor_after) / 2)))
		return true;
	p->dropped++;
	return false;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double pairs_median(double *values, size_t n)
{
	if (n == 0)
		return NAN;
	qsort(values, n, sizeof *values, compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

struct pairs_verdict pairs_judge(struct pairs *p)
{
	struct pairs_verdict verdict = {.ratio = NAN, .doubt = PAIRS_SURE};
	const double dropped = p->dropped, all = dropped + (double)p->kept;

	if (dropped > PAIRS_DROPPED_MOST * all)
		verdict.doubt = PAIRS_TOO_UNEVEN;
	else if (p->kept < PAIRS_LEAST)
		verdict.doubt = PAIRS_TOO_FEW;
	else
		verdict.ratio = pairs_median(p->ratios, p->kept);
	return verdict;
}

void pairs_free(struct pairs *p)
{
	free(p->ratios);
	memset(p, 0, sizeof *p);
}
