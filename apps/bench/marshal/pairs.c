/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pairs.c - the arithmetic of `firefly bench marshal`.
 *
 * Owns the values of a row. Called by runs/marshal.c between blocks; measures nothing itself.
 * pairs.h says what is computed and why, measure/pairs.c decides which pairs count.
 */
#include "pairs.h"

#include <math.h>

bool marshal_pairs_add(struct marshal_pairs *p, const struct marshal_pair *pair)
{
	const double null = (pair->null[0] + pair->null[1]) / 2;
	const double copy = (pair->copy[0] + pair->copy[1]) / 2 - null;
	const double firefly = pair->firefly - null;
	const double protobuf = pair->protobuf - null;
	const double values[MARSHAL_QUANTITIES] = {
		[MARSHAL_NULL] = null,
		[MARSHAL_CALL] = pair->firefly,
		[MARSHAL_COPY] = copy,
		[MARSHAL_FIREFLY] = firefly,
		[MARSHAL_PROTOBUF] = protobuf,
		[MARSHAL_XDR] = pair->xdr - null,
		[MARSHAL_RATIO] = copy > 0 ? firefly / copy : INFINITY,
		[MARSHAL_OVER] = firefly - (MARSHAL_COPY_TIMES * copy + MARSHAL_COPY_PLUS_NS),
		[MARSHAL_BEHIND] = firefly - protobuf / MARSHAL_PROTOBUF_TIMES,
	};

	if (!pairs_add(&p->pairs, pair->copy[0], pair->firefly, pair->copy[1],
		       pairs_agree(pair->null[0], pair->null[1])))
		return false;
	for (unsigned q = 0; q < MARSHAL_QUANTITIES; q++)
		(void)pairs_keep(&p->values[q], values[q]);
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
		struct pairs *v = &p->values[q];
		const bool none = v->kept == 0 || isnan(v->ratios[0]);

		figures.median[q] = none ? NAN : pairs_median(v->ratios, v->kept);
	}
	return figures;
}

void marshal_pairs_free(struct marshal_pairs *p)
{
	pairs_free(&p->pairs);
	for (unsigned q = 0; q < MARSHAL_QUANTITIES; q++)
		pairs_free(&p->values[q]);
}
