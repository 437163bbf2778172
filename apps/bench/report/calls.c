/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * calls.c - the table and the JSON object of `firefly bench`.
 *
 * Owns the layout of both: 100 columns, and the names of the keys, which others read. Called once
 * at the end; every figure comes from bench.c as it was measured.
 */
#include "bench/runs/calls.h"

#include <inttypes.h>
#include <stdio.h>

#include <json-c/json.h>

#include "text.h"

/* ---- figures ---- */

static double per_second(const struct bench_result *r, const struct block_sum *sum)
{
	return sum->ticks ? (double)sum->count * (double)r->machine->platform.tsc_hz /
				    (double)sum->ticks
			  : 0;
}

static double payload_bits(const struct bench_result *r, const struct bench_row *row,
			   const struct bench_figures *f)
{
	return per_second(r, &f->calls) * 8 * bench_profiles[row->procedure].payload_bytes;
}

/* ---- the table ---- */

static void print_row(const struct bench_result *r, const struct bench_row *row,
		      struct bench_figures *f, const char *label, bool with_1989)
{
	const struct bench_machine *m = r->machine;
	const struct bench_profile *profile = &bench_profiles[row->procedure];
	const struct pairs_verdict verdict = pairs_judge(&f->pairs);
	char p50[16], p99[16], p999[16], rate[16], bits[16], floor_text[16], floor_unit[24];
	char ratio[16];

	if (f->pairs.kept == 0) {
		printf("%-9s %6u %10s\n", label, row->window, "-");
		return;
	}
	if (row->window == 1)
		snprintf(floor_unit, sizeof floor_unit, "%s us",
			 bench_us(floor_text, m,
				  histogram_percentile(&f->floor_times, 50, m->step)));
	else
		snprintf(floor_unit, sizeof floor_unit, "%s/s",
			 bench_scaled(floor_text, per_second(r, &f->floors)));
	printf("%-9s %6u %10" PRIu64 " %6s %6s %6s %7s %7s %9s %6s%s%s\n", label, row->window,
	       f->calls.count, bench_us(p50, m, histogram_percentile(&f->call_times, 50, m->step)),
	       bench_us(p99, m, histogram_percentile(&f->call_times, 99, m->step)),
	       bench_us(p999, m, histogram_percentile(&f->call_times, 99.9, m->step)),
	       bench_scaled(rate, per_second(r, &f->calls)),
	       profile->payload_bytes ? bench_scaled(bits, payload_bits(r, row, f)) : "-",
	       floor_unit, bench_ratio(ratio, verdict.ratio), with_1989 ? "  " : "",
	       !with_1989         ? ""
	       : row->window == 1 ? profile->latency_1989
				  : profile->throughput_1989);
}

static enum pairs_state main_state(const struct bench_row *row)
{
	return bench_main_state(
		(const size_t[]){row->in[PAIRS_NEAR]->pairs.kept, row->in[PAIRS_FAR]->pairs.kept});
}

static void print_doubt(const struct bench_row *row)
{
	char name[64];

	snprintf(name, sizeof name, "%s at window %u", bench_profiles[row->procedure].name,
		 row->window);
	bench_print_doubt(&row->in[main_state(row)]->pairs, name);
}

void bench_print_table(const struct bench_result *r)
{
	bool near = false, far = false;

	printf("Calls over %s, 1 thread%s\n\n", r->machine->link,
	       r->view ? ", results of MaxResult read in the packet" : "");
	printf("%-9s %6s %10s %6s %6s %6s %7s %7s %9s %6s  %s\n", "procedure", "window", "calls",
	       "p50", "p99", "p99.9", "calls/s", "bit/s", "floor", "ratio", "in 1989");
	for (size_t i = 0; i < r->n_rows; i++) {
		const struct bench_row *row = &r->rows[i];
		const enum pairs_state state = main_state(row);
		const enum pairs_state other = state == PAIRS_NEAR ? PAIRS_FAR : PAIRS_NEAR;

		print_row(r, row, row->in[state], bench_profiles[row->procedure].name, true);
		near = near || state == PAIRS_NEAR;
		far = far || state == PAIRS_FAR;
		if (row->in[other]->pairs.kept < PAIRS_LEAST)
			continue;
		print_row(r, row, row->in[other], other == PAIRS_FAR ? "  far" : "  near", false);
	}
	printf("\nTimes in us. Floor: bare frames of the same sizes over the same link, in the "
	       "same "
	       "moments;\nratio: of times at window 1 (lower is better), of calls to frames per "
	       "second above (higher).\n");
	for (size_t i = 0; i < r->n_rows; i++)
		print_doubt(&r->rows[i]);
	for (unsigned s = 0; s < PAIRS_STATES; s++) {
		const struct pairs *each[2 * BENCH_PROCEDURES];

		for (size_t i = 0; i < r->n_rows; i++)
			each[i] = &r->rows[i].in[s]->pairs;
		bench_print_state(r->machine, (enum pairs_state)s, each, r->n_rows);
	}
	if (far)
		printf("shown are the figures of the far state%s\n",
		       near ? " where there are too few near pairs" : "");
	bench_print_machine(r->machine);
	fflush(stdout);
}

/* ---- JSON ---- */

static struct json_object *floor_json(const struct bench_result *r, const struct bench_row *row,
				      const struct bench_figures *f)
{
	const struct bench_profile *profile = &bench_profiles[row->procedure];
	struct json_object *floor_object = json_object_new_object();
	char what[64];

	snprintf(what, sizeof what, "bare frames, %u bytes there and %u back", profile->call_bytes,
		 profile->result_bytes);
	json_object_object_add(floor_object, "what", json_object_new_string(what));
	json_object_object_add(floor_object, "p50_ns",
			       bench_percentile(r->machine, &f->floor_times, 50));
	json_object_object_add(floor_object, "per_s", bench_number(per_second(r, &f->floors), 0));
	return floor_object;
}

static struct json_object *run_json(const struct bench_result *r, const struct bench_row *row,
				    enum pairs_state state)
{
	struct bench_figures *f = row->in[state];
	struct json_object *run = json_object_new_object();

	json_object_object_add(run, "procedure",
			       json_object_new_string(bench_profiles[row->procedure].name));
	json_object_object_add(run, "link", json_object_new_string(r->machine->link));
	json_object_object_add(run, "threads", json_object_new_int(1));
	json_object_object_add(run, "window", json_object_new_int((int)row->window));
	json_object_object_add(run, "calls", json_object_new_int64((int64_t)f->calls.count));
	json_object_object_add(run, "p50_ns", bench_percentile(r->machine, &f->call_times, 50));
	json_object_object_add(run, "p99_ns", bench_percentile(r->machine, &f->call_times, 99));
	json_object_object_add(run, "p999_ns", bench_percentile(r->machine, &f->call_times, 99.9));
	json_object_object_add(run, "calls_per_s", bench_number(per_second(r, &f->calls), 0));
	json_object_object_add(run, "payload_bits_per_s", bench_number(payload_bits(r, row, f), 0));
	json_object_object_add(run, "floor", floor_json(r, row, f));
	json_object_object_add(run, "ratio", bench_number(pairs_judge(&f->pairs).ratio, 4));
	json_object_object_add(run, "state", json_object_new_string(bench_state_names[state]));
	json_object_object_add(run, "pairs", json_object_new_int64((int64_t)f->pairs.kept));
	json_object_object_add(run, "pairs_dropped", json_object_new_int64(f->pairs.dropped));
	return run;
}

int bench_write_json(const struct bench_result *r, const char *path)
{
	struct json_object *all = json_object_new_object(), *runs = json_object_new_array();

	for (size_t i = 0; i < r->n_rows; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			if (r->rows[i].in[s]->pairs.kept || r->rows[i].in[s]->pairs.dropped)
				json_object_array_add(runs, run_json(r, &r->rows[i],
								     (enum pairs_state)s));
	json_object_object_add(all, "runs", runs);
	return bench_write(r->machine, all, path);
}
