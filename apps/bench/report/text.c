/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text.c - figures as text, for the reports of bench.c, bench_bulk.c, bench_beside.c and
 * bench_conversations.c.
 *
 * Owns the forms that they share: three digits, 100 columns at most, and the object "machine" of
 * their JSON, whose keys others read. Measures nothing.
 */
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

const char *const bench_state_names[PAIRS_STATES] = {"near", "far"};

double bench_ns(const struct bench_machine *m, double ticks)
{
	return ticks * 1e9 / (double)m->platform.tsc_hz;
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
static const char *dpdk_version(const struct bench_machine *m)
{
	const char *version = m->platform.dpdk;

	return strncmp(version, "DPDK ", 5) == 0 ? version + 5 : version;
}

/* 1234567 -> "1.23 M": three digits, at most 7 columns. */
const char *bench_scaled(char text[16], double value)
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
const char *bench_us(char text[16], const struct bench_machine *m, double ticks)
{
	const double us = bench_ns(m, ticks) / 1000;

	snprintf(text, 16, "%.*f", us < 9.9995 ? 3 : us < 99.995 ? 2 : us < 999.95 ? 1 : 0, us);
	return text;
}

const char *bench_ratio(char text[16], double ratio)
{
	snprintf(text, 16, isnan(ratio) ? "-" : "%.2fx", ratio);
	return text;
}

enum pairs_state bench_main_state(const size_t kept[PAIRS_STATES])
{
	const size_t near = kept[PAIRS_NEAR], far = kept[PAIRS_FAR];

	return near < PAIRS_LEAST && far > near ? PAIRS_FAR : PAIRS_NEAR;
}

void bench_print_doubt(struct pairs *p, const char *row)
{
	switch (pairs_judge(p).doubt) {
	case PAIRS_SURE:
		break;
	case PAIRS_TOO_FEW:
		printf("- %s: no ratio from %zu pairs, %d are needed; a larger --seconds gives "
		       "more\n",
		       row, p->kept, PAIRS_LEAST);
		break;
	case PAIRS_TOO_UNEVEN:
		printf("- %s: no ratio, %u of %zu pairs were dropped: the machine is not "
		       "steady\n",
		       row, p->dropped, p->kept + p->dropped);
		break;
	}
}

/* Pairs and dropped pairs of all rows in one state: "480 to 488 pairs a row, 0 to 3 dropped". */
void bench_print_state(const struct bench_machine *m, enum pairs_state state,
		       const struct pairs *const *each, size_t n)
{
	size_t least = SIZE_MAX, most = 0;
	unsigned dropped_least = UINT32_MAX, dropped_most = 0;
	char distance[16];

	for (size_t i = 0; i < n; i++) {
		const struct pairs *p = each[i];

		least = p->kept < least ? p->kept : least;
		most = p->kept > most ? p->kept : most;
		dropped_least = p->dropped < dropped_least ? p->dropped : dropped_least;
		dropped_most = p->dropped > dropped_most ? p->dropped : dropped_most;
	}
	if (m->distance[state]->total == 0)
		return;
	snprintf(distance, sizeof distance, "%.0f ns",
		 bench_ns(m, histogram_percentile(m->distance[state], 50, m->step)));
	printf("%-5s a cache line to the other core and back takes %s; ", bench_state_names[state],
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

void bench_print_machine(const struct bench_machine *m)
{
	char model[128], pages[64] = "ordinary pages, no hugepages";

	cpu_model(model, sizeof model);
	if (m->platform.hugepage_bytes)
		snprintf(pages, sizeof pages, "hugepages of %zu MiB",
			 m->platform.hugepage_bytes >> 20);
	printf("%s, client on core %u, server on core %u; %s; DPDK %s\n", model, m->client_core,
	       m->server_core, pages, dpdk_version(m));
}

/* ---- JSON ---- */

/* A number with a given precision; null for what is not one. */
struct json_object *bench_number(double value, int decimals)
{
	char text[64];

	if (!isfinite(value))
		return NULL;
	snprintf(text, sizeof text, "%.*f", decimals, value);
	return json_object_new_double_s(value, text);
}

struct json_object *bench_percentile(const struct bench_machine *m, const struct histogram *h,
				     double percent)
{
	return bench_number(bench_ns(m, histogram_percentile(h, percent, m->step)), 1);
}

static struct json_object *machine_json(const struct bench_machine *m)
{
	struct json_object *machine = json_object_new_object();
	struct json_object *cores = json_object_new_array();
	struct json_object *distance = json_object_new_object();
	char model[128];

	cpu_model(model, sizeof model);
	json_object_array_add(cores, json_object_new_int((int)m->client_core));
	json_object_array_add(cores, json_object_new_int((int)m->server_core));
	for (unsigned s = 0; s < PAIRS_STATES; s++)
		json_object_object_add(distance, bench_state_names[s],
				       m->distance[s]->total
					       ? bench_percentile(m, m->distance[s], 50)
					       : NULL);
	json_object_object_add(machine, "cpu", json_object_new_string(model));
	json_object_object_add(machine, "cores", cores);
	json_object_object_add(machine, "hugepages",
			       json_object_new_boolean(m->platform.hugepage_bytes != 0));
	json_object_object_add(machine, "hugepage_bytes",
			       json_object_new_int64((int64_t)m->platform.hugepage_bytes));
	json_object_object_add(machine, "dpdk", json_object_new_string(dpdk_version(m)));
	json_object_object_add(machine, "firefly", json_object_new_string(fly_version()));
	json_object_object_add(machine, "cache_line_round_trip_ns", distance);
	return machine;
}

int bench_write(const struct bench_machine *m, struct json_object *all, const char *path)
{
	const int style =
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE;
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	int failed = 0;

	json_object_object_add(all, "machine", machine_json(m));
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
