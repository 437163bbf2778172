/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/fault.h - memory that is shared with another process and is not there (local/fault.c).
 *
 * Neither side can shrink the memory: it is sealed. But each can punch holes into it. In
 * ordinary shared memory a hole reads as zeros, and costs whoever touches it a page; in a hugepage
 * touching it is a SIGBUS when no hugepage is free, and so it is in ordinary memory when the system
 * or the control group has none left. That is to end the binding, and not the process: the
 * handler puts a page of zeros there that nobody else has, and marks the binding.
 */
#ifndef FLY_FAULT_H
#define FLY_FAULT_H

#include "local/astack.h"

/*
 * fly_fault_add() - from now on a fault in this memory is survived. Any thread.
 * @near_page: of the near memory; the far one has ordinary pages.
 * Return: 0 or -FLY_ENOMEM: there are too many.
 */
int fly_fault_add(const struct fly_astack_memory *m, size_t near_page);

/* fly_fault_remove() - it is about to be unmapped: nobody touches it any more. Any thread. */
void fly_fault_remove(const struct fly_astack_memory *m);

/* fly_fault_ever() - how many faults there were in all; grows. Any thread. */
uint32_t fly_fault_ever(void);

/* fly_fault_has() - was there one in this memory? Any thread. */
bool fly_fault_has(const struct fly_astack_memory *m);

#endif
