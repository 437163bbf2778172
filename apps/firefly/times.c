/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * times.c - see times.h. Called by ping.c and call.c. Owns the form of the lines, which others
 * read: the first is that of ping(8).
 */
#include "times.h"

#include <math.h>

#include <json-c/json.h>

static const struct {
	double percent;
	const char *key;
} percentiles[] = {{50, "p50_ns"}, {90, "p90_ns"}, {99, "p99_ns"}, {99.9, "p999_ns"}};

#define PERCENTILES (sizeof percentiles / sizeof *percentiles)

void times_add(struct times *t, uint64_t ticks)
{
	if (t->ticks.total == 0 || ticks < t->min)
		t->min = ticks;
	if (ticks > t->max)
		t->max = ticks;
	t->sum += (double)ticks;
	t->sum_squares += (double)ticks * (double)ticks;
	histogram_add(&t->ticks, ticks);
}

static double us(const struct times *t, double ticks)
{
	return ticks * 1e6 / (double)t->tsc_hz;
}

/* A bucket may reach beyond what was seen. */
double times_us(const struct times *t, double percent)
{
	const double ticks = histogram_percentile(&t->ticks, percent, t->step);

	return us(t, fmin(fmax(ticks, (double)t->min), (double)t->max));
}

double times_mean_us(const struct times *t)
{
	return t->ticks.total ? us(t, t->sum / (double)t->ticks.total) : 0;
}

double times_deviation_us(const struct times *t)
{
	const double n = (double)t->ticks.total;
	const double mean = n > 0 ? t->sum / n : 0;

	return n > 0 ? us(t, sqrt(fmax(0, t->sum_squares / n - mean * mean))) : 0;
}

void times_print(const struct times *t, FILE *to)
{
	if (t->ticks.total == 0)
		return;
	fprintf(to, "min/avg/max/stddev %.2f/%.2f/%.2f/%.2f us\n", us(t, (double)t->min),
		times_mean_us(t), us(t, (double)t->max), times_deviation_us(t));
	fprintf(to, "p50/p90/p99/p99.9");
	for (size_t i = 0; i < PERCENTILES; i++)
		fprintf(to, "%c%.2f", i ? '/' : ' ', times_us(t, percentiles[i].percent));
	fprintf(to, " us\n");
}

static void add(const struct times *t, struct json_object *to, const char *key, double value_us)
{
	char text[32];

	snprintf(text, sizeof text, "%.1f", 1000 * value_us);
	json_object_object_add(to, key,
			       t->ticks.total ? json_object_new_double_s(1000 * value_us, text)
					      : NULL);
}

void times_json(const struct times *t, struct json_object *to)
{
	add(t, to, "min_ns", us(t, (double)t->min));
	add(t, to, "mean_ns", times_mean_us(t));
	add(t, to, "max_ns", us(t, (double)t->max));
	add(t, to, "stddev_ns", times_deviation_us(t));
	for (size_t i = 0; i < PERCENTILES; i++)
		add(t, to, percentiles[i].key, times_us(t, percentiles[i].percent));
}
