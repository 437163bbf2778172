/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text.c - figures as text.
 *
 * Owns the forms that the tables share: three digits, 100 columns at most, and the object
 * "machine" of their JSON, whose keys others read. Measures nothing.
 */
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

double text_ns(const struct stage_machine *m, double ticks)
{
	return ticks * 1e9 / (double)m->platform.tsc_hz;
}

void text_cpu_model(char *name, size_t bytes)
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

const char *text_dpdk_version(const char *version)
{
	return strncmp(version, "DPDK ", 5) == 0 ? version + 5 : version;
}

const char *text_scaled(char text[TEXT_ROOM], double value)
{
	static const char prefixes[] = " kMGT";
	unsigned p = 0;

	while (value >= 999.5 && prefixes[p + 1]) {
		value /= 1000;
		p++;
	}
	snprintf(text, TEXT_ROOM, "%.*f%s%.1s",
		 value < 9.995   ? 2
		 : value < 99.95 ? 1
				 : 0,
		 value, p ? " " : "", p ? &prefixes[p] : "");
	return text;
}

const char *text_us(char text[TEXT_ROOM], double ns)
{
	const double us = ns / 1000;

	snprintf(text, TEXT_ROOM, "%.*f",
		 us < 9.9995   ? 3
		 : us < 99.995 ? 2
		 : us < 999.95 ? 1
			       : 0,
		 us);
	return text;
}

const char *text_ratio(char text[TEXT_ROOM], double ratio)
{
	snprintf(text, TEXT_ROOM, isnan(ratio) ? "-" : "%.2fx", ratio);
	return text;
}

const char *text_gigabytes(char text[TEXT_ROOM], double rate)
{
	const double giga = rate / 1e9;

	if (isnan(rate))
		snprintf(text, TEXT_ROOM, "-");
	else
		snprintf(text, TEXT_ROOM, "%.*f", giga < 0.0995 ? 4 : giga < 9.995 ? 2 : 1, giga);
	return text;
}

const char *text_size(char text[TEXT_ROOM], uint32_t bytes)
{
	if (bytes >= 1U << 20)
		snprintf(text, TEXT_ROOM, "%.3g MiB", bytes / 1048576.0);
	else if (bytes >= 1U << 10)
		snprintf(text, TEXT_ROOM, "%.4g KiB", bytes / 1024.0);
	else
		snprintf(text, TEXT_ROOM, "%u B  ", bytes);
	return text;
}

void text_print_doubt(const char *row, const char *what, struct pairs *p)
{
	switch (pairs_judge(p).doubt) {
	case PAIRS_SURE:
		break;
	case PAIRS_TOO_FEW:
		printf("- %s: no %s from %zu pairs, %d are needed; a larger --seconds gives more\n",
		       row, what, p->kept, PAIRS_LEAST);
		break;
	case PAIRS_TOO_UNEVEN:
		printf("- %s: no %s, %u of %zu pairs were dropped: the machine is not steady\n",
		       row, what, p->dropped, p->kept + p->dropped);
		break;
	}
}

void text_print_machine(const struct stage_machine *m)
{
	char model[128], pages[64] = "ordinary pages, no hugepages";

	text_cpu_model(model, sizeof model);
	if (m->platform.hugepage_bytes)
		snprintf(pages, sizeof pages, "hugepages of %zu MiB",
			 m->platform.hugepage_bytes >> 20);
	printf("%s, client on core %u, server on core %u; %s; DPDK %s\n", model, m->client_core,
	       m->server_core, pages, text_dpdk_version(m->platform.dpdk));
}

/* ---- JSON ---- */

struct json_object *text_number(double value, int decimals)
{
	char text[TEXT_ROOM];

	if (!isfinite(value))
		return NULL;
	snprintf(text, sizeof text, "%.*f", decimals, value);
	return json_object_new_double_s(value, text);
}

struct json_object *text_machine_json(const struct stage_machine *m)
{
	struct json_object *machine = json_object_new_object();
	struct json_object *cores = json_object_new_array();
	struct json_object *distance = json_object_new_object();
	char model[128];

	text_cpu_model(model, sizeof model);
	json_object_array_add(cores, json_object_new_int((int)m->client_core));
	json_object_array_add(cores, json_object_new_int((int)m->server_core));
	for (unsigned s = 0; s < PAIRS_STATES; s++) {
		const struct histogram *h = &m->distance[s];
		const double ns = text_ns(m, histogram_percentile(h, 50, m->step));

		json_object_object_add(distance, pairs_state_names[s],
				       text_number(h->total ? ns : NAN, 1));
	}
	json_object_object_add(machine, "cpu", json_object_new_string(model));
	json_object_object_add(machine, "cores", cores);
	json_object_object_add(machine, "hugepages",
			       json_object_new_boolean(m->platform.hugepage_bytes != 0));
	json_object_object_add(machine, "hugepage_bytes",
			       json_object_new_int64((int64_t)m->platform.hugepage_bytes));
	json_object_object_add(machine, "dpdk",
			       json_object_new_string(text_dpdk_version(m->platform.dpdk)));
	json_object_object_add(machine, "firefly", json_object_new_string(fly_version()));
	json_object_object_add(machine, "cache_line_round_trip_ns", distance);
	return machine;
}

int text_write(struct json_object *all, const char *path)
{
	const int style =
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE;
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	int failed = 0;

	if (!file)
		return -1;
	fprintf(file, "%s\n", json_object_to_json_string_ext(all, style));
	if (fflush(file) || ferror(file))
		failed = -1;
	if (file != stdout && fclose(file))
		failed = -1;
	return failed;
}
