/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_report.c - the table and the JSON object of `firefly bench`.
 *
 * Owns the layout of both: 100 columns, and the names of the keys, which others read. Called once
 * at the end; every figure comes from bench.c as it was measured.
 */
#include "bench.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

static const char *const state_names[PAIRS_STATES] = {"near", "far"};

/* ---- figures ---- */

static double in_ns(const struct bench_result *r, double ticks)
{
	return ticks * 1e9 / (double)r->platform.tsc_hz;
}

static double per_second(const struct bench_result *r, const struct block_sum *sum)
{
	return sum->ticks ? (double)sum->count * (double)r->platform.tsc_hz / (double)sum->ticks
			  : 0;
}

static double payload_bits(const struct bench_result *r, const struct bench_row *row,
			   const struct bench_figures *f)
{
	return per_second(r, &f->calls) * 8 * bench_profiles[row->procedure].payload_bytes;
}

/* The processor's name, as the system has it. */
static void cpu_model(char *name, size_t bytes)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[512];

	snprintf(name, bytes, "unknown CPU");
	while (file && fgets(line, sizeof line, file)) {
		const char *colon = strchr(line, ':');

		if (!colon || strncmp(line, "model name", 10) != 0)
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(name, bytes, "%s", colon + 1 + strspn(colon + 1, " "));
		break;
	}
	if (file)
		fclose(file);
}

/* "22.11.11": DPDK says its name as well. */
static const char *dpdk_version(const struct bench_result *r)
{
	const char *version = r->platform.dpdk;

	return strncmp(version, "DPDK ", 5) == 0 ? version + 5 : version;
}

/* ---- the table ---- */

/* 1234567 -> "1.23 M": three digits, at most 7 columns. */
static const char *scaled(char text[16], double value)
{
	static const char prefixes[] = " kMGT";
	unsigned p = 0;

	while (value >= 999.5 && prefixes[p + 1]) {
		value /= 1000;
		p++;
	}
	snprintf(text, 16, "%.*f%s%.1s",
		 value < 9.995   ? 2
		 : value < 99.95 ? 1
				 : 0,
		 value, p ? " " : "", p ? &prefixes[p] : "");
	return text;
}

/* Microseconds in at most 6 columns. */
static const char *in_us(char text[16], const struct bench_result *r, double ticks)
{
	const double us = in_ns(r, ticks) / 1000;

	snprintf(text, 16, "%.*f", us < 9.9995 ? 3 : us < 99.995 ? 2 : us < 999.95 ? 1 : 0, us);
	return text;
}

static void print_row(const struct bench_result *r, const struct bench_row *row,
		      struct bench_figures *f, const char *label, bool with_1989)
{
	const struct bench_profile *profile = &bench_profiles[row->procedure];
	const struct pairs_verdict verdict = pairs_judge(&f->pairs);
	char p50[16], p99[16], p999[16], rate[16], bits[16], floor_text[16], floor_unit[24];
	char ratio[16] = "-";

	if (f->pairs.kept == 0) {
		printf("%-9s %6u %10s\n", label, row->window, "-");
		return;
	}
	if (!isnan(verdict.ratio))
		snprintf(ratio, sizeof ratio, "%.2fx", verdict.ratio);
	if (row->window == 1)
		snprintf(floor_unit, sizeof floor_unit, "%s us",
			 in_us(floor_text, r, histogram_percentile(&f->floor_times, 50, r->step)));
	else
		snprintf(floor_unit, sizeof floor_unit, "%s/s",
			 scaled(floor_text, per_second(r, &f->floors)));
	printf("%-9s %6u %10" PRIu64 " %6s %6s %6s %7s %7s %9s %6s%s%s\n", label, row->window,
	       f->calls.count, in_us(p50, r, histogram_percentile(&f->call_times, 50, r->step)),
	       in_us(p99, r, histogram_percentile(&f->call_times, 99, r->step)),
	       in_us(p999, r, histogram_percentile(&f->call_times, 99.9, r->step)),
	       scaled(rate, per_second(r, &f->calls)),
	       profile->payload_bytes ? scaled(bits, payload_bits(r, row, f)) : "-", floor_unit,
	       ratio, with_1989 ? "  " : "",
	       !with_1989         ? ""
	       : row->window == 1 ? profile->latency_1989
				  : profile->throughput_1989);
}

/* The state that a row is shown in: near, unless only far has enough pairs. */
static enum pairs_state main_state(const struct bench_row *row)
{
	const size_t near = row->in[PAIRS_NEAR]->pairs.kept, far = row->in[PAIRS_FAR]->pairs.kept;

	return near < PAIRS_LEAST && far > near ? PAIRS_FAR : PAIRS_NEAR;
}

static void print_doubt(const struct bench_row *row, struct bench_figures *f)
{
	const char *name = bench_profiles[row->procedure].name;

	switch (pairs_judge(&f->pairs).doubt) {
	case PAIRS_SURE:
		break;
	case PAIRS_TOO_FEW:
		printf("- %s at window %u: no ratio from %zu pairs, %d are needed; a larger "
		       "--seconds gives more\n",
		       name, row->window, f->pairs.kept, PAIRS_LEAST);
		break;
	case PAIRS_TOO_UNEVEN:
		printf("- %s at window %u: no ratio, %u of %zu pairs were dropped: the machine is "
		       "not steady\n",
		       name, row->window, f->pairs.dropped, f->pairs.kept + f->pairs.dropped);
		break;
	}
}

/* Pairs and dropped pairs of all rows in one state: "480 to 488 pairs a row, 0 to 3 dropped". */
static void print_state(const struct bench_result *r, enum pairs_state state)
{
	size_t least = SIZE_MAX, most = 0;
	unsigned dropped_least = UINT32_MAX, dropped_most = 0;
	char distance[16];

	for (size_t i = 0; i < r->n_rows; i++) {
		const struct pairs *p = &r->rows[i].in[state]->pairs;

		least = p->kept < least ? p->kept : least;
		most = p->kept > most ? p->kept : most;
		dropped_least = p->dropped < dropped_least ? p->dropped : dropped_least;
		dropped_most = p->dropped > dropped_most ? p->dropped : dropped_most;
	}
	if (r->distance[state]->total == 0)
		return;
	snprintf(distance, sizeof distance, "%.0f ns",
		 in_ns(r, histogram_percentile(r->distance[state], 50, r->step)));
	printf("%-5s a cache line to the other core and back takes %s; ", state_names[state],
	       distance);
	if (least == most)
		printf("%zu pairs a row, ", most);
	else
		printf("%zu to %zu pairs a row, ", least, most);
	if (dropped_least == dropped_most)
		printf("%u dropped\n", dropped_most);
	else
		printf("%u to %u dropped\n", dropped_least, dropped_most);
}

static void print_machine(const struct bench_result *r)
{
	char model[128], pages[64] = "ordinary pages, no hugepages";

	cpu_model(model, sizeof model);
	if (r->platform.hugepage_bytes)
		snprintf(pages, sizeof pages, "hugepages of %zu MiB",
			 r->platform.hugepage_bytes >> 20);
	printf("%s, client on core %u, server on core %u; %s; DPDK %s\n", model, r->client_core,
	       r->server_core, pages, dpdk_version(r));
}

void bench_print_table(const struct bench_result *r)
{
	bool near = false, far = false;

	printf("Calls over %s, 1 thread%s\n\n", r->link,
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
		print_doubt(&r->rows[i], r->rows[i].in[main_state(&r->rows[i])]);
	for (unsigned s = 0; s < PAIRS_STATES; s++)
		print_state(r, (enum pairs_state)s);
	if (far)
		printf("shown are the figures of the far state%s\n",
		       near ? " where there are too few near pairs" : "");
	print_machine(r);
	fflush(stdout);
}

/* ---- JSON ---- */

/* A number with a given precision; null for what is not one. */
static struct json_object *number(double value, int decimals)
{
	char text[64];

	if (!isfinite(value))
		return NULL;
	snprintf(text, sizeof text, "%.*f", decimals, value);
	return json_object_new_double_s(value, text);
}

static struct json_object *ns(const struct bench_result *r, const struct histogram *h,
			      double percent)
{
	return number(in_ns(r, histogram_percentile(h, percent, r->step)), 1);
}

static struct json_object *floor_json(const struct bench_result *r, const struct bench_row *row,
				      const struct bench_figures *f)
{
	const struct bench_profile *profile = &bench_profiles[row->procedure];
	struct json_object *floor_object = json_object_new_object();
	char what[64];

	snprintf(what, sizeof what, "bare frames, %u bytes there and %u back", profile->call_bytes,
		 profile->result_bytes);
	json_object_object_add(floor_object, "what", json_object_new_string(what));
	json_object_object_add(floor_object, "p50_ns", ns(r, &f->floor_times, 50));
	json_object_object_add(floor_object, "per_s", number(per_second(r, &f->floors), 0));
	return floor_object;
}

static struct json_object *run_json(const struct bench_result *r, const struct bench_row *row,
				    enum pairs_state state)
{
	struct bench_figures *f = row->in[state];
	struct json_object *run = json_object_new_object();

	json_object_object_add(run, "procedure",
			       json_object_new_string(bench_profiles[row->procedure].name));
	json_object_object_add(run, "link", json_object_new_string(r->link));
	json_object_object_add(run, "threads", json_object_new_int(1));
	json_object_object_add(run, "window", json_object_new_int((int)row->window));
	json_object_object_add(run, "calls", json_object_new_int64((int64_t)f->calls.count));
	json_object_object_add(run, "p50_ns", ns(r, &f->call_times, 50));
	json_object_object_add(run, "p99_ns", ns(r, &f->call_times, 99));
	json_object_object_add(run, "p999_ns", ns(r, &f->call_times, 99.9));
	json_object_object_add(run, "calls_per_s", number(per_second(r, &f->calls), 0));
	json_object_object_add(run, "payload_bits_per_s", number(payload_bits(r, row, f), 0));
	json_object_object_add(run, "floor", floor_json(r, row, f));
	json_object_object_add(run, "ratio", number(pairs_judge(&f->pairs).ratio, 4));
	json_object_object_add(run, "state", json_object_new_string(state_names[state]));
	json_object_object_add(run, "pairs", json_object_new_int64((int64_t)f->pairs.kept));
	json_object_object_add(run, "pairs_dropped", json_object_new_int64(f->pairs.dropped));
	return run;
}

static struct json_object *machine_json(const struct bench_result *r)
{
	struct json_object *machine = json_object_new_object();
	struct json_object *cores = json_object_new_array();
	struct json_object *distance = json_object_new_object();
	char model[128];

	cpu_model(model, sizeof model);
	json_object_array_add(cores, json_object_new_int((int)r->client_core));
	json_object_array_add(cores, json_object_new_int((int)r->server_core));
	for (unsigned s = 0; s < PAIRS_STATES; s++)
		json_object_object_add(distance, state_names[s],
				       r->distance[s]->total ? ns(r, r->distance[s], 50) : NULL);
	json_object_object_add(machine, "cpu", json_object_new_string(model));
	json_object_object_add(machine, "cores", cores);
	json_object_object_add(machine, "hugepages",
			       json_object_new_boolean(r->platform.hugepage_bytes != 0));
	json_object_object_add(machine, "hugepage_bytes",
			       json_object_new_int64((int64_t)r->platform.hugepage_bytes));
	json_object_object_add(machine, "dpdk", json_object_new_string(dpdk_version(r)));
	json_object_object_add(machine, "firefly", json_object_new_string(fly_version()));
	json_object_object_add(machine, "cache_line_round_trip_ns", distance);
	return machine;
}

int bench_write_json(const struct bench_result *r, const char *path)
{
	const int style =
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE;
	struct json_object *all = json_object_new_object(), *runs = json_object_new_array();
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	int failed = 0;

	for (size_t i = 0; i < r->n_rows; i++)
		for (unsigned s = 0; s < PAIRS_STATES; s++)
			if (r->rows[i].in[s]->pairs.kept || r->rows[i].in[s]->pairs.dropped)
				json_object_array_add(runs, run_json(r, &r->rows[i],
								     (enum pairs_state)s));
	json_object_object_add(all, "runs", runs);
	json_object_object_add(all, "machine", machine_json(r));
	if (!file)
		failed = -1;
	else
		fprintf(file, "%s\n", json_object_to_json_string_ext(all, style));
	if (file && (fflush(file) || ferror(file)))
		failed = -1;
	if (file && file != stdout && fclose(file))
		failed = -1;
	json_object_put(all);
	return failed;
}
