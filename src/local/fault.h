/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/fault.h - surviving faults in memory that is shared with another process (local/fault.c).
 *
 * The memory is sealed: neither side can shrink it. But each side can punch holes into it. A hole
 * in ordinary shared memory reads as zeros and costs the reader a page. Touching a hole raises
 * SIGBUS if no page is left: no free hugepage, or no memory in the system or the control group.
 * Such a fault must end the binding and not the process: the handler maps a private page of zeros
 * there, and marks the binding.
 */
#ifndef FLY_FAULT_H
#define FLY_FAULT_H

#include "local/astack.h"

/*
 * fly_fault_add() - survive faults in this memory from now on. Any thread.
 * @near_page: page size of the near memory; far memory has ordinary pages.
 * Return: 0, or -FLY_ENOMEM: the table is full.
 */
int fly_fault_add(const struct fly_astack_memory *m, size_t near_page);

/* fly_fault_remove() - before unmapping: no thread uses this memory any more. Any thread. */
void fly_fault_remove(const struct fly_astack_memory *m);

/* fly_fault_ever() - number of faults in this process; grows. Any thread. */
uint32_t fly_fault_ever(void);

/* fly_fault_has() - has there been a fault in this memory? Any thread. */
bool fly_fault_has(const struct fly_astack_memory *m);

/* fly_fault_forked() - in a child: the memory of the parent's local links is not mapped here. */
void fly_fault_forked(void);

#endif
