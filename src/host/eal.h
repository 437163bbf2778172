/* SPDX-License-Identifier: BSD-3-Clause */
/* eal.h - DPDK's environment, brought up once per process, out of sight (eal.c). */
#ifndef FLY_EAL_H
#define FLY_EAL_H

#include <stdbool.h>
#include <stddef.h>

struct fly_eal_state {
	size_t hugepage_bytes;   /* page size of packet memory; 0: ordinary pages */
	const char *why_no_huge; /* one sentence with the mend, if hugepage_bytes is 0 */
};

/*
 * fly_eal_start() - initialise EAL if this process has not done so.
 * @extra: further EAL arguments separated by blanks, or NULL. A later call may only repeat what
 * the first one said, or say nothing.
 * @need_bytes: memory that the first runtime will want: decides whether hugepages suffice.
 * @tick: called every FLY_CONTROL_TICK_MS on the control thread, from then on.
 * Return: 0, or a negative status with a sentence: ECONFLICT, ESYSTEM. Any thread; serialised.
 */
int fly_eal_start(const char *extra, size_t need_bytes, void (*tick)(void));

#define FLY_CONTROL_TICK_MS 10

/* fly_eal_state() - only after fly_eal_start() has succeeded. */
const struct fly_eal_state *fly_eal_state(void);

/*
 * fly_eal_last_log() - what DPDK said last, in its own words, for the end of a sentence.
 * Return: thread-local copy, "" if it said nothing since fly_eal_forget_log().
 */
const char *fly_eal_last_log(void);
void fly_eal_forget_log(void);

#endif
