/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pairs.c - the arithmetic of `firefly bench marshal`.
 *
 * Owns the values of a row. Called by runs/marshal.c between blocks; measures nothing itself.
 * pairs.h says what is computed and why, measure/pairs.c decides which pairs count.
 */
#include "pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool grow(struct marshal_pairs *p)
{
	const size_t room = p->room ? 2 * p->room : 64;

	for (unsigned q = 0; q < MARSHAL_QUANTITIES; q++) {
		double *values = realloc(p->values[q], room * sizeof *values);

		if (!values)
			return false;
		p->values[q] = values;
	}
	p->room = room;
	return true;
}

bool marshal_pairs_add(struct marshal_pairs *p, const struct marshal_pair *pair)
{
	const double null = (pair->null[0] + pair->null[1]) / 2;
	const double copy = (pair->copy[0] + pair->copy[1]) / 2 - null;
	const double firefly = pair->firefly - null;
	const double protobuf = pair->protobuf - null;
	const size_t i = p->pairs.kept;
	const bool room = i < p->room || grow(p);

	if (!pairs_add(&p->pairs, pair->copy[0], pair->firefly, pair->copy[1],
		       room && pairs_agree(pair->null[0], pair->null[1])))
		return false;
	p->values[MARSHAL_NULL][i] = null;
	p->values[MARSHAL_CALL][i] = pair->firefly;
	p->values[MARSHAL_COPY][i] = copy;
	p->values[MARSHAL_FIREFLY][i] = firefly;
	p->values[MARSHAL_PROTOBUF][i] = protobuf;
	p->values[MARSHAL_XDR][i] = pair->xdr - null;
	p->values[MARSHAL_RATIO][i] = copy > 0 ? firefly / copy : INFINITY;
	p->values[MARSHAL_OVER][i] = firefly - (MARSHAL_COPY_TIMES * copy + MARSHAL_COPY_PLUS_NS);
	p->values[MARSHAL_BEHIND][i] = firefly - protobuf / MARSHAL_PROTOBUF_TIMES;
	return true;
}

struct marshal_figures marshal_pairs_judge(struct marshal_pairs *p)
{
	struct marshal_figures figures = {
		.kept = p->pairs.kept,
		.dropped = p->pairs.dropped,
		.doubt = pairs_judge(&p->pairs).doubt,
	};

	for (unsigned q = 0; q < MARSHAL_QUANTITIES; q++) {
		const bool none = figures.kept == 0 || isnan(p->values[q][0]);

		figures.median[q] = none ? NAN : pairs_median(p->values[q], figures.kept);
	}
	return figures;
}

void marshal_pairs_free(struct marshal_pairs *p)
{
	pairs_free(&p->pairs);
	for (unsigned q = 0; q < MARSHAL_QUANTITIES; q++)
		free(p->values[q]);
	memset(p, 0, sizeof *p);
}
