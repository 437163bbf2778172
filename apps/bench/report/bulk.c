/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk.c - the table and the JSON object of `firefly bench bulk`.
 *
 * Owns the layout of both. Called once at the end; every figure comes from bench_bulk.c as it was
 * measured, and the lines through them from fit.c.
 */
#include "bench/runs/bulk.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include <json-c/json.h>

#include "text.h"
#include "bench/measure/fit.h"

#define ROWS_MOST 64

enum pairs_state bulk_shown(const struct bulk_row *row)
{
	return bench_main_state((const size_t[]){row->in[PAIRS_NEAR]->moving.kept,
						 row->in[PAIRS_FAR]->moving.kept});
}

/* ---- figures ---- */

static double bytes_per_second(const struct bulk_result *r, double bytes, double ticks)
{
	return ticks > 0 ? bytes * (double)r->machine->platform.tsc_hz / ticks : 0;
}

static double call_rate(const struct bulk_result *r, const struct bulk_row *row,
			const struct bulk_figures *f)
{
	return bytes_per_second(r, (double)f->calls.count * row->bytes, (double)f->calls.ticks);
}

static double floor_rate(const struct bulk_result *r, const struct bulk_figures *f)
{
	return bytes_per_second(r, (double)f->payloads.count, (double)f->payloads.ticks);
}

static double procedure_ticks(const struct bulk_figures *f)
{
	return f->calls.count ? (double)f->procedure_ticks / (double)f->calls.count : 0;
}

static struct fit fit(const struct bulk_result *r, enum bulk_procedure procedure,
		      uint32_t bytes_of_point[ROWS_MOST])
{
	struct fit_point points[ROWS_MOST];
	size_t n = 0;

	for (size_t i = 0; i < r->n_rows && n < ROWS_MOST; i++) {
		const struct bulk_row *row = &r->rows[i];
		const struct histogram *times = &row->in[bulk_shown(row)]->times;

		if (row->procedure != procedure || times->total == 0)
			continue;
		bytes_of_point[n] = row->bytes;
		points[n++] = (struct fit_point){
			.bytes = row->bytes,
			.time = bench_ns(r->machine,
					 histogram_percentile(times, 50, r->machine->step)),
		};
	}
	return fit_line(points, n);
}

/* ---- the table ---- */

/* 8388608 -> "8 MiB": sizes are powers of two, nearly all. */
static const char *size_text(char text[24], uint32_t bytes)
{
	if (bytes >= 1U << 20)
		snprintf(text, 24, "%.3g MiB", bytes / 1048576.0);
	else if (bytes >= 1U << 10)
		snprintf(text, 24, "%.4g KiB", bytes / 1024.0);
	else
		snprintf(text, 24, "%u B  ", bytes);
	return text;
}

/* Bytes per second in at most 5 columns, as GB/s. */
static const char *rate_text(char text[16], double rate)
{
	const double giga = rate / 1e9;

	snprintf(text, 16, "%.*f", giga < 0.0995 ? 4 : giga < 9.995 ? 2 : 1, giga);
	return text;
}

static void print_row(const struct bulk_result *r, const struct bulk_row *row,
		      struct bulk_figures *f, const char *label)
{
	const struct bench_machine *m = r->machine;
	const bool compared = row->bytes >= BULK_RATIO_BYTES;
	char size[24], p50[16], p99[16], rate[16], in_procedure[16], floor[16], ratio[16],
		whole[16];

	if (f->moving.kept == 0) {
		printf("%-9s %10s %8s\n", label, size_text(size, row->bytes), "-");
		return;
	}
	printf("%-9s %10s %8" PRIu64 " %8s %8s %8s %7s %7s %7s %7s\n", label,
	       size_text(size, row->bytes), f->calls.count,
	       bench_us(p50, m, histogram_percentile(&f->times, 50, m->step)),
	       bench_us(p99, m, histogram_percentile(&f->times, 99, m->step)),
	       bench_us(in_procedure, m, procedure_ticks(f)), rate_text(rate, call_rate(r, row, f)),
	       rate_text(floor, floor_rate(r, f)),
	       compared ? bench_ratio(ratio, pairs_judge(&f->moving).ratio) : "-",
	       compared ? bench_ratio(whole, pairs_judge(&f->whole).ratio) : "-");
}

static void print_fit(const struct bulk_result *r, enum bulk_procedure procedure)
{
	uint32_t bytes[ROWS_MOST];
	const struct fit f = fit(r, procedure, bytes);
	char size[24];

	if (isnan(f.alpha))
		return;
	printf("%s: T(n) = alpha + n beta, alpha %.3f us, beta %.4f ns (%.2f GB/s); at most "
	       "%.0f%% off, at %s\n",
	       bulk_names[procedure], f.alpha / 1000, f.beta, 1 / f.beta, 100 * f.worst,
	       size_text(size, bytes[f.worst_point]));
}

static void print_doubts(const struct bulk_result *r)
{
	char size[24], name[64];

	for (size_t i = 0; i < r->n_rows; i++) {
		const struct bulk_row *row = &r->rows[i];

		if (row->bytes < BULK_RATIO_BYTES)
			continue;
		snprintf(name, sizeof name, "%s of %s", bulk_names[row->procedure],
			 size_text(size, row->bytes));
		bench_print_doubt(&row->in[bulk_shown(row)]->moving, name);
	}
}

void bench_bulk_print(const struct bulk_result *r)
{
	bool near = false, far = false;

	printf("Large calls over %s, 1 thread, results %s\n\n", r->machine->link,
	       r->view ? "read where they lie" : "copied to the caller");
	printf("%-9s %10s %8s %8s %8s %8s %7s %7s %7s %7s\n", "procedure", "size", "calls", "p50",
	       "p99", "of it", "GB/s", "floor", "ratio", "whole");
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct bulk_row *row = &r->rows[i];
		const enum pairs_state state = bulk_shown(row);
		const enum pairs_state other = state == PAIRS_NEAR ? PAIRS_FAR : PAIRS_NEAR;

		print_row(r, row, row->in[state], bulk_names[row->procedure]);
		near = near || state == PAIRS_NEAR;
		far = far || state == PAIRS_FAR;
		if (row->in[other]->moving.kept >= PAIRS_LEAST)
			print_row(r, row, row->in[other], other == PAIRS_FAR ? "  far" : "  near");
	}
	printf("\nTimes in us; \"of it\": in the server's procedure, which reads or writes the "
	       "data.\n"
	       "Floor: GB/s of payload in bare frames of %u + 74 bytes, one way, in the same "
	       "moments.\n"
	       "Ratio: of bytes per second, without the time in the procedure; whole: with it; "
	       "higher is better.\n",
	       r->floor_bytes);
	for (unsigned p = 0; r->table && p < BULK_PROCEDURES; p++)
		print_fit(r, (enum bulk_procedure)p);
	print_doubts(r);
	for (unsigned s = 0; s < PAIRS_STATES; s++) {
		const struct pairs *each[ROWS_MOST];

		for (size_t i = 0; i < r->n_rows; i++)
			each[i] = &r->rows[i].in[s]->moving;
		bench_print_state(r->machine, (enum pairs_state)s, each, r->n_rows);
	}
	if (far)
		printf("shown are the figures of the far state%s\n",
		       near ? " where there are too few near pairs" : "");
	bench_print_machine(r->machine);
	fflush(stdout);
}

/* ---- JSON ---- */

static struct json_object *row_json(const struct bulk_result *r, const struct bulk_row *row,
				    enum pairs_state state)
{
	const struct bench_machine *m = r->machine;
	struct bulk_figures *f = row->in[state];
	struct json_object *run = json_object_new_object(), *floor = json_object_new_object();
	const bool compared = row->bytes >= BULK_RATIO_BYTES;
	char what[64];

	snprintf(what, sizeof what, "bare frames of %u + 74 bytes, one way", r->floor_bytes);
	json_object_object_add(floor, "what", json_object_new_string(what));
	json_object_object_add(floor, "bytes_per_s", bench_number(floor_rate(r, f), 0));

	json_object_object_add(run, "procedure",
			       json_object_new_string(bulk_names[row->procedure]));
	json_object_object_add(run, "link", json_object_new_string(m->link));
	json_object_object_add(run, "threads", json_object_new_int(1));
	json_object_object_add(run, "bytes", json_object_new_int64(row->bytes));
	json_object_object_add(run, "view",
			       json_object_new_boolean(r->view && row->procedure == BULK_GET));
	json_object_object_add(run, "calls", json_object_new_int64((int64_t)f->calls.count));
	json_object_object_add(run, "p50_ns", bench_percentile(m, &f->times, 50));
	json_object_object_add(run, "p99_ns", bench_percentile(m, &f->times, 99));
	json_object_object_add(run, "procedure_ns",
			       bench_number(bench_ns(m, procedure_ticks(f)), 1));
	json_object_object_add(run, "bytes_per_s", bench_number(call_rate(r, row, f), 0));
	json_object_object_add(run, "floor", floor);
	json_object_object_add(run, "ratio",
			       compared ? bench_number(pairs_judge(&f->moving).ratio, 4) : NULL);
	json_object_object_add(run, "whole_ratio",
			       compared ? bench_number(pairs_judge(&f->whole).ratio, 4) : NULL);
	json_object_object_add(run, "state", json_object_new_string(bench_state_names[state]));
	json_object_object_add(run, "pairs", json_object_new_int64((int64_t)f->moving.kept));
	json_object_object_add(run, "pairs_dropped", json_object_new_int64(f->moving.dropped));
	return run;
}

static struct json_object *fit_json(const struct bulk_result *r, enum bulk_procedure procedure)
{
	uint32_t bytes[ROWS_MOST];
	const struct fit f = fit(r, procedure, bytes);
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "procedure", json_object_new_string(bulk_names[procedure]));
	json_object_object_add(object, "alpha_ns", bench_number(f.alpha, 1));
	json_object_object_add(object, "beta_ns_per_byte", bench_number(f.beta, 5));
	json_object_object_add(object, "worst_deviation", bench_number(f.worst, 4));
	json_object_object_add(object, "worst_bytes",
			       isnan(f.worst) ? NULL : json_object_new_int64(bytes[f.worst_point]));
	return object;
}

int bench_bulk_write(const struct bulk_result *r, const char *path)
{
	struct json_object *all = json_object_new_object(), *runs = json_object_new_array();
	struct json_object *fits = json_object_new_array();

	for (size_t i = 0; i < r->n_rows; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			if (r->rows[i].in[s]->moving.kept || r->rows[i].in[s]->moving.dropped)
				json_object_array_add(runs, row_json(r, &r->rows[i],
								     (enum pairs_state)s));
	for (unsigned p = 0; r->table && p < BULK_PROCEDURES; p++)
		json_object_array_add(fits, fit_json(r, (enum bulk_procedure)p));
	json_object_object_add(all, "runs", runs);
	json_object_object_add(all, "fits", fits);
	return bench_write(r->machine, all, path);
}
