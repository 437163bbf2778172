/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * core_claim.h - which cores pollers of other processes spin on (core_claim.c).
 *
 * A file in /dev/shm, which is shared by the processes of a machine, or of a container, has a lock
 * for each core. The kernel drops the locks of a process that dies, and a forked child has none.
 * Who cannot open the file knows nothing of others, and they nothing of it. Any thread.
 */
#ifndef FLY_CORE_CLAIM_H
#define FLY_CORE_CLAIM_H

#include <sys/types.h>

/*
 * fly_core_claim_holder() - the other process that has this core; 0: none is known; -1: one that is
 * not seen here.
 */
pid_t fly_core_claim_holder(unsigned core);

/*
 * fly_core_claim() - this process has a core from now on. Return: 0; or another process
 * that has it, and keeps it, as fly_core_claim_holder() does.
 */
pid_t fly_core_claim(unsigned core);

/* fly_core_claim_drop() - it no longer has it. Does nothing if it had not. */
void fly_core_claim_drop(unsigned core);

#endif
