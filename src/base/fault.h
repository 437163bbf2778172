/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/fault.h - surviving faults in memory that is shared with another process (base/fault.c).
 *
 * Another process can take away the memory that it shares with us: it shortens the file, or it
 * punches holes into it. A hole in ordinary shared memory reads as zeros and costs the reader a
 * page. Touching what lies behind the end raises SIGBUS; so does touching a hole if no page is
 * left: no free hugepage, or no memory in the system or the control group.
 * Such a fault must end the use of this memory and not the process: the handler maps a private page
 * of zeros there, and marks the memory.
 */
#ifndef FLY_FAULT_H
#define FLY_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * fly_fault_add() - survive faults in this memory from now on. Any thread.
 * @page: its page size; 0: unknown.
 * Return: 0, or -FLY_ENOMEM: the table is full.
 */
int fly_fault_add(void *start, size_t bytes, size_t page);

/*
 * fly_fault_remove() - before unmapping: no thread uses the memory that starts there any more. Does
 * nothing for memory that was not added. Any thread.
 */
void fly_fault_remove(const void *start);

/* fly_fault_ever() - number of faults in this process; grows. Any thread. */
uint32_t fly_fault_ever(void);

/* fly_fault_has() - has there been a fault in the memory that starts there? Any thread. */
bool fly_fault_has(const void *start);

/*
 * fly_fault_driver_thread() - survive every fault of this thread: outside of the library's memory
 * it touches only what peers of links share. Any thread.
 */
void fly_fault_driver_thread(pid_t thread);

/*
 * fly_fault_late_begin(), fly_fault_late_end() - from now on, and no longer: memory may be touched
 * some moments before fly_fault_add(). Any thread.
 */
void fly_fault_late_begin(void);
void fly_fault_late_end(void);

#endif
