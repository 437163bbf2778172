/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fit.c - least squares with relative errors. Pure; called by runs/bulk.c.
 */
#include "fit.h"

#include <math.h>

/*
 * Least sum of (1 - alpha / T - beta * n / T)^2 over all points: the usual equations for two
 * unknowns, with u = 1 / T and v = n / T.
 */
struct fit fit_line(const struct fit_point *points, size_t n)
{
	struct fit fit = {.alpha = NAN, .beta = NAN, .worst = NAN};
	double u = 0, v = 0, uu = 0, uv = 0, vv = 0, determinant;

	for (size_t i = 0; i < n; i++) {
		const double ui = 1 / points[i].time, vi = points[i].bytes / points[i].time;

		u += ui;
		v += vi;
		uu += ui * ui;
		uv += ui * vi;
		vv += vi * vi;
	}
	determinant = uu * vv - uv * uv;
	if (!(determinant > 1e-9 * uu * vv))
		return fit;
	fit.alpha = (u * vv - v * uv) / determinant;
	fit.beta = (v * uu - u * uv) / determinant;
	fit.worst = 0;
	for (size_t i = 0; i < n; i++) {
		const double line = fit.alpha + fit.beta * points[i].bytes;
		const double off = fabs(line - points[i].time) / points[i].time;

		if (off <= fit.worst)
			continue;
		fit.worst = off;
		fit.worst_bytes = points[i].bytes;
	}
	return fit;
}
