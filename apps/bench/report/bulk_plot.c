/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk_plot.c - `firefly bench bulk --plot`: times over sizes as an SVG picture.
 *
 * Owns the picture: both axes logarithmic, a grid line for each power of ten and of 32, the points
 * as they were measured, one colour for each procedure, and nothing that a browser would have to
 * fetch. Called once at the end.
 */
#include <math.h>
#include <stdio.h>

#include "bench/stage/bulk_calls.h"
#include "table.h"

#define WIDTH  720.0
#define HEIGHT 440.0
#define LEFT   70.0
#define RIGHT  20.0
#define TOP    40.0
#define BOTTOM 50.0

#define BYTES_BITS 26.0 /* the axis: 1 byte to 64 MiB */

static const char *const colours[BULK_PROCEDURES] = {"#1f5fa8", "#c2571a"};

/* The axis of times, in powers of ten of nanoseconds. */
struct range {
	double least, most;
};

static double x_of(double bytes)
{
	return LEFT + log2(bytes) / BYTES_BITS * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct range *range, double ns)
{
	return HEIGHT - BOTTOM -
	       (log10(ns) - range->least) / (range->most - range->least) * (HEIGHT - TOP - BOTTOM);
}

/* The median time of a row in nanoseconds; 0: there is none. */
static double median(const struct rounds *r, const struct row *row)
{
	const struct figures *f = row->in[table_main_state(row)];

	return text_ns(&r->stage.machine, rounds_median(r, &f->calls.times));
}

static struct range find_range(const struct rounds *r)
{
	struct range range = {.least = INFINITY, .most = -INFINITY};

	for (size_t i = 0; i < r->n_rows; i++) {
		const double ns = median(r, &r->rows[i]);

		if (ns <= 0)
			continue;
		range.least = fmin(range.least, floor(log10(ns)));
		range.most = fmax(range.most, ceil(log10(ns)));
	}
	if (!isfinite(range.least))
		return (struct range){2, 3};
	if (range.most == range.least)
		range.most++;
	return range;
}

static void draw_grid(FILE *file, const struct range *range)
{
	static const char *const sizes[] = {"1 B", "32 B", "1 KiB", "32 KiB", "1 MiB", "32 MiB"};
	static const char *const times[] = {"1 ns",   "10 ns", "100 ns", "1 us",   "10 us",
					    "100 us", "1 ms",  "10 ms",  "100 ms", "1 s"};

	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		const double x = x_of(exp2(5 * i));

		fprintf(file,
			"<path d=\"M%.1f %.1fV%.1f\" stroke=\"#ddd\"/>"
			"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
			x, TOP, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 18, sizes[i]);
	}
	for (int i = (int)range->least; i <= (int)range->most; i++) {
		const double y = y_of(range, pow(10, i));

		fprintf(file,
			"<path d=\"M%.1f %.1fH%.1f\" stroke=\"#ddd\"/>"
			"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
			LEFT, y, WIDTH - RIGHT, LEFT - 6, y + 4, i >= 0 && i < 10 ? times[i] : "");
	}
}

static void draw_points(FILE *file, const struct rounds *r, const struct range *range,
			enum bulk_procedure procedure)
{
	const double y = TOP + 18 + 18 * (double)procedure;

	fprintf(file,
		"<g fill=\"%s\">\n<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>"
		"<text x=\"%.1f\" y=\"%.1f\">%s</text>\n",
		colours[procedure], LEFT + 16, y, LEFT + 28, y + 4, bulk_names[procedure]);
	for (size_t i = 0; i < r->n_rows; i++) {
		const double ns = median(r, &r->rows[i]);

		if (r->rows[i].number == procedure && ns > 0)
			fprintf(file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n",
				x_of(r->rows[i].bytes), y_of(range, ns));
	}
	fprintf(file, "</g>\n");
}

int bulk_plot(const struct rounds *r, const char *path)
{
	const struct range range = find_range(r);
	FILE *file = fopen(path, "we");
	int failed;

	if (!file)
		return -1;
	fprintf(file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
		"<text x=\"%.1f\" y=\"22\" font-size=\"15\">Time of one call over %s, by the size "
		"of its data</text>\n",
		WIDTH, HEIGHT, LEFT, r->stage.options.link);
	draw_grid(file, &range);
	for (unsigned p = 0; p < BULK_PROCEDURES; p++)
		draw_points(file, r, &range, (enum bulk_procedure)p);
	fprintf(file, "</svg>\n");
	failed = ferror(file);
	return fclose(file) || failed ? -1 : 0;
}
