/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fit.h - the time of a message as a straight line of its length: T(n) = alpha + n * beta.
 */
#ifndef FIREFLY_BENCH_FIT_H
#define FIREFLY_BENCH_FIT_H

#include <stddef.h>

struct fit_point {
	double bytes;
	double time; /* in any unit; above 0 */
};

struct fit {
	double alpha;       /* in the unit of the times; NAN: there is no line */
	double beta;        /* in that unit per byte */
	double worst;       /* largest deviation of a time from the line, as a part of that time */
	double worst_bytes; /* of the message whose time that is */
};

/*
 * fit_line() - the line whose relative errors have the least sum of squares, so that the small
 * messages, whose times are a thousandth of the large ones', count as much as these.
 * @n: two points of different lengths at least, or alpha is NAN.
 */
struct fit fit_line(const struct fit_point *points, size_t n);

#endif
