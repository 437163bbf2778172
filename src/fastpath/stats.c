/* SPDX-License-Identifier: BSD-3-Clause */
/* stats.c - the names of the counters in stats.h. */
#include "fastpath/stats.h"

static const char *const names[FLY_N_COUNTERS] = {
#define FLY_COUNTER_NAME(name, about) #name,
	FLY_COUNTERS(FLY_COUNTER_NAME)
#undef FLY_COUNTER_NAME
};

static const char *const abouts[FLY_N_COUNTERS] = {
#define FLY_COUNTER_ABOUT(name, about) about,
	FLY_COUNTERS(FLY_COUNTER_ABOUT)
#undef FLY_COUNTER_ABOUT
};

const char *fly_stats_name(enum fly_counter which)
{
	return names[which];
}

const char *fly_stats_about(enum fly_counter which)
{
	return abouts[which];
}
