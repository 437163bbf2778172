/* SPDX-License-Identifier: BSD-3-Clause */
/* eal.h - DPDK's EAL, started once per process, or lent by the program (eal.c). */
#ifndef FLY_EAL_H
#define FLY_EAL_H

#include <stdbool.h>
#include <stddef.h>

struct fly_eal_state {
	size_t hugepage_bytes;   /* page size of packet memory; 0: ordinary pages */
	const char *why_no_huge; /* if hugepage_bytes is 0: a message that says how to get some */
	bool is_lent;            /* the program has initialised DPDK; it is used as it is */
};

/*
 * fly_eal_start() - initialise EAL if neither this process nor the library has done so. Any
 * thread; serialised.
 * @extra: further EAL arguments separated by blanks, or NULL. A later call may only repeat those
 * of the first call, or have none. NULL or "" if the program has initialised EAL.
 * @need_bytes: memory that the first runtime needs: decides whether there are enough hugepages.
 * @tick: from then on called every FLY_CONTROL_TICK_MS on the control thread.
 * Return: 0, or a negative status with a message: EINVAL, ECONFLICT, ENOMEM, ESYSTEM. Nearly
 * always the next call may succeed; if not, the message says that this process cannot.
 */
int fly_eal_start(const char *extra, size_t need_bytes, void (*tick)(void));

#define FLY_CONTROL_TICK_MS 10

/* fly_eal_state() - only after fly_eal_start() has succeeded. */
const struct fly_eal_state *fly_eal_state(void);

/*
 * fly_eal_last_log() - the last line of DPDK's log, for the end of an error message.
 * Return: a thread-local copy; "" if nothing was logged since fly_eal_forget_log().
 */
const char *fly_eal_last_log(void);
void fly_eal_forget_log(void);

#endif
