/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * figures.c - see figures.h. Called by both sides, between two blocks. Owns nothing: the counters
 * are the runtime's, the processor's time is the system's.
 */
#include "figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/report/text.h"

void figures_host(const struct fly_runtime *runtime, struct Between_Host *host)
{
	struct fly_platform platform = {.size = sizeof platform};

	memset(host, 0, sizeof *host);
	fly_platform(runtime, &platform);
	if (gethostname(host->name, sizeof host->name - 1) || !*host->name)
		snprintf(host->name, sizeof host->name, "localhost");
	text_cpu_model(host->cpu, sizeof host->cpu);
	snprintf(host->firefly, sizeof host->firefly, "%s", fly_version());
	snprintf(host->dpdk, sizeof host->dpdk, "%s", text_dpdk_version(platform.dpdk));
}

void figures_clean_text(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void figures_clean(struct Between_Host *host)
{
	figures_clean_text(host->name);
	figures_clean_text(host->cpu);
	figures_clean_text(host->firefly);
	figures_clean_text(host->dpdk);
}

static uint64_t nanoseconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Frames that are no business of ours: an interface of the kernel shows us those of others, too. */
static bool is_of_others(const char *name)
{
	static const char *const of_others[] = {"drop_not_", "drop_other_", "drop_broadcast",
						"drop_ip_"};

	for (size_t i = 0; i < sizeof of_others / sizeof *of_others; i++)
		if (strncmp(name, of_others[i], strlen(of_others[i])) == 0)
			return true;
	return false;
}

static void each(void *context, const char *name, const char *about, uint64_t value)
{
	struct Between_Figures *f = context;

	(void)about;
	if (strncmp(name, "drop_", 5) == 0)
		f->drops += is_of_others(name) ? 0 : value;
	else if (strcmp(name, "resent_calls") == 0 || strcmp(name, "resent_results") == 0 ||
		 strcmp(name, "fragments_resent") == 0)
		f->resent += value;
	else if (strcmp(name, "calls_served") == 0 || strcmp(name, "calls_returned") == 0)
		f->calls += value;
	else if (strcmp(name, "rx_packets") == 0)
		f->received = value;
	else if (strcmp(name, "tx_packets") == 0)
		f->sent = value;
}

void figures_now(const struct fly_runtime *runtime, struct Between_Figures *now)
{
	*now = (struct Between_Figures){
		.time_ns = nanoseconds(CLOCK_MONOTONIC),
		.cpu_ns = nanoseconds(CLOCK_PROCESS_CPUTIME_ID),
	};
	fly_counters(runtime, each, now);
}

void figures_add(struct Between_Figures *sum, const struct Between_Figures *before,
		 const struct Between_Figures *after)
{
	sum->time_ns += after->time_ns - before->time_ns;
	sum->cpu_ns += after->cpu_ns - before->cpu_ns;
	sum->busy_ticks += after->busy_ticks - before->busy_ticks;
	sum->turn_ticks += after->turn_ticks - before->turn_ticks;
	sum->calls += after->calls - before->calls;
	sum->received += after->received - before->received;
	sum->sent += after->sent - before->sent;
	sum->drops += after->drops - before->drops;
	sum->resent += after->resent - before->resent;
}

double figures_cpu(const struct Between_Figures *sum)
{
	return sum->time_ns ? (double)sum->cpu_ns / (double)sum->time_ns : NAN;
}

double figures_busy(const struct Between_Figures *sum)
{
	return sum->turn_ticks ? (double)sum->busy_ticks / (double)sum->turn_ticks : NAN;
}
