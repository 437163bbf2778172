/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk_plot.c - `firefly bench bulk --plot`: times over sizes as an SVG picture.
 *
 * Owns the picture and its points: those of the rows, and those of earlier runs, which are read
 * from their JSON. Both axes are logarithmic, with a grid line for each power of ten and of 32. A
 * link has a colour, a procedure a shape, and there is nothing that a browser would have to fetch.
 * Called while the command line is read, and once at the end.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "bench/stage/bulk_calls.h"
#include "table.h"

#define WIDTH  720.0
#define HEIGHT 440.0
#define LEFT   70.0
#define RIGHT  20.0
#define TOP    40.0
#define BOTTOM 50.0

#define BYTES_BITS 26.0 /* the axis: 1 byte to 64 MiB */

#define POINTS_MOST 1024

static const struct {
	const char *link, *colour;
} links[] = {{"vhost", "#1f5fa8"}, {"memif", "#2f8f4e"}, {"local", "#c2571a"}};

#define LINKS (sizeof links / sizeof *links)

/* A median time. */
struct point {
	size_t link; /* of links */
	enum bulk_procedure procedure;
	double bytes, ns;
	size_t pairs; /* that it is from */
	bool is_near;
};

static struct {
	struct point at[POINTS_MOST];
	size_t n;
} points;

/* The axis of times, in powers of ten of nanoseconds. */
struct range {
	double least, most;
};

/* ---- the points ---- */

/* Return: LINKS: there is none of this name. */
static size_t find_link(const char *name)
{
	size_t i = 0;

	while (i < LINKS && strcmp(links[i].link, name) != 0)
		i++;
	return i;
}

/* One point for each link, procedure and size: near, unless only far has enough pairs. */
static void add_point(const struct point *new)
{
	for (size_t i = 0; i < points.n; i++) {
		struct point *p = &points.at[i];
		const bool is_same = p->link == new->link && p->procedure == new->procedure &&
				     p->bytes == new->bytes;
		const struct point *near = p->is_near ? p : new, *far = p->is_near ? new : p;

		if (!is_same)
			continue;
		if (p->is_near != new->is_near)
			*p = near->pairs < PAIRS_LEAST && far->pairs > near->pairs ? *far : *near;
		else
			*p = *new; /* the same link again: the latest run */
		return;
	}
	if (points.n < POINTS_MOST)
		points.at[points.n++] = *new;
}

static void add_rounds(const struct rounds *r)
{
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct row *row = &r->rows[i];
		const enum pairs_state state = table_main_state(row);
		const struct figures *f = row->in[state];
		const struct point point = {
			.link = find_link(r->stage.options.link),
			.procedure = (enum bulk_procedure)row->number,
			.bytes = row->bytes,
			.ns = text_ns(&r->stage.machine, rounds_median(r, &f->calls.times)),
			.pairs = f->pairs.kept,
			.is_near = state == PAIRS_NEAR,
		};

		if (point.link < LINKS && point.ns > 0)
			add_point(&point);
	}
}

static const char *text_of(struct json_object *run, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(run, key, &value) && value ? json_object_get_string(value)
								    : "";
}

static double number_of(struct json_object *run, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(run, key, &value) ? json_object_get_double(value) : 0;
}

/* A row of JSON. Return: false: it is none of this program. */
static bool add_run(struct json_object *run)
{
	struct point point = {
		.link = find_link(text_of(run, "link")),
		.bytes = number_of(run, "bytes"),
		.ns = number_of(run, "p50_ns"),
		.is_near = strcmp(text_of(run, "state"), pairs_state_names[PAIRS_NEAR]) == 0,
	};
	const double pairs = number_of(run, "pairs");
	const char *procedure = text_of(run, "procedure");

	while (point.procedure < BULK_PROCEDURES &&
	       strcmp(bulk_names[point.procedure], procedure) != 0)
		point.procedure++;
	if (point.link == LINKS || point.procedure == BULK_PROCEDURES ||
	    !(point.bytes >= 1 && point.bytes <= BULK_MOST) || !(pairs >= 0 && pairs < 1e9))
		return false;
	point.pairs = (size_t)pairs;
	if (point.ns > 0)
		add_point(&point);
	return true;
}

const char *bulk_plot_add(const char *path)
{
	struct json_object *all = json_object_from_file(path), *runs;
	bool good = json_object_object_get_ex(all, "runs", &runs) &&
		    json_object_is_type(runs, json_type_array);

	for (size_t i = 0; good && i < json_object_array_length(runs); i++)
		good = add_run(json_object_array_get_idx(runs, i));
	if (!all)
		return "it cannot be read, or is no JSON";
	json_object_put(all);
	return good ? NULL : "it is not what `firefly bench bulk --json` writes";
}

/* ---- the picture ---- */

static double x_of(double bytes)
{
	return LEFT + log2(bytes) / BYTES_BITS * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct range *range, double ns)
{
	return HEIGHT - BOTTOM -
	       (log10(ns) - range->least) / (range->most - range->least) * (HEIGHT - TOP - BOTTOM);
}

static struct range find_range(void)
{
	struct range range = {.least = INFINITY, .most = -INFINITY};

	for (size_t i = 0; i < points.n; i++) {
		range.least = fmin(range.least, floor(log10(points.at[i].ns)));
		range.most = fmax(range.most, ceil(log10(points.at[i].ns)));
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

/* Put is a disc, Get a ring. */
static void draw_point(FILE *file, const struct point *p, double x, double y)
{
	fprintf(file, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\"%s/>\n", x, y,
		p->procedure == BULK_PUT ? "" : " fill=\"none\"");
}

/* The points of a link and a procedure, if there are any. @line: of the legend; grows. */
static void draw_series(FILE *file, const struct range *range, size_t link,
			enum bulk_procedure procedure, unsigned *line)
{
	const double y = TOP + 18 + 18 * (double)*line;
	bool is_begun = false;

	for (size_t i = 0; i < points.n; i++) {
		const struct point *p = &points.at[i];

		if (p->link != link || p->procedure != procedure)
			continue;
		if (!is_begun) {
			fprintf(file, "<g fill=\"%s\" stroke=\"%s\">\n", links[link].colour,
				links[link].colour);
			draw_point(file, p, LEFT + 16, y);
			fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" stroke=\"none\">%s, %s</text>\n",
				LEFT + 28, y + 4, bulk_names[procedure], links[link].link);
		}
		is_begun = true;
		draw_point(file, p, x_of(p->bytes), y_of(range, p->ns));
	}
	if (!is_begun)
		return;
	fprintf(file, "</g>\n");
	++*line;
}

int bulk_plot(const struct rounds *r, const char *path)
{
	FILE *file = fopen(path, "we");
	unsigned line = 0;
	struct range range;
	int failed;

	if (!file)
		return -1;
	add_rounds(r);
	range = find_range();
	fprintf(file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
		"<text x=\"%.1f\" y=\"22\" font-size=\"15\">Time of one call, by the size of its "
		"data</text>\n",
		WIDTH, HEIGHT, LEFT);
	draw_grid(file, &range);
	for (size_t link = 0; link < LINKS; link++)
		for (unsigned p = 0; p < BULK_PROCEDURES; p++)
			draw_series(file, &range, link, (enum bulk_procedure)p, &line);
	fprintf(file, "</svg>\n");
	failed = ferror(file);
	return fclose(file) || failed ? -1 : 0;
}
