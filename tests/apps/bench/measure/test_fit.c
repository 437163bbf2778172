/* SPDX-License-Identifier: BSD-3-Clause */
/* test_fit.c - a line through times of messages, each counting by its relative error. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <math.h>

#include "bench/measure/fit.h"

Test(fit, fit_line__finds_a_line_that_is_one)
{
	struct fit_point points[14];

	for (unsigned i = 0; i < 14; i++) {
		points[i].bytes = (double)(1UL << 2 * i);
		points[i].time = 2.5 + 0.0001 * points[i].bytes;
	}
	const struct fit fit = fit_line(points, 14);

	cr_expect(lt(dbl, fabs(fit.alpha - 2.5), 1e-6));
	cr_expect(lt(dbl, fabs(fit.beta - 0.0001), 1e-10));
	cr_expect(lt(dbl, fit.worst, 1e-6));
}

/* With absolute errors the last point would decide: alpha would be 1000 times as large. */
Test(fit, fit_line__small_messages_count_as_much_as_large_ones)
{
	const struct fit_point points[] = {{1, 1}, {2, 1}, {4, 1}, {1e6, 1000}, {2e6, 2200}};
	const struct fit fit = fit_line(points, 5);

	cr_expect(lt(dbl, fabs(fit.alpha - 1), 0.01));
	cr_expect(lt(dbl, fabs(fit.beta - 1.045e-3), 0.01e-3));
	cr_expect(lt(dbl, fit.worst, 0.06));
	cr_expect(ge(dbl, fit.worst_bytes, 1e6));
}

Test(fit, fit_line__none_through_one_point)
{
	const struct fit_point points[] = {{8, 1}, {8, 2}};

	cr_expect(isnan(fit_line(points, 1).alpha));
	cr_expect(isnan(fit_line(points, 2).alpha));
	cr_expect(isnan(fit_line(points, 0).alpha));
}
