/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/work.h - calls over the local link that do not end in the turn which finds them: long ones,
 * and those on workers (local/work.c). On the poller's thread.
 */
#ifndef FLY_LOCAL_WORK_H
#define FLY_LOCAL_WORK_H

#include "local/server.h"

/*
 * fly_local_work_begin() - a call that was claimed: its arguments or results may be in far memory,
 * or its procedure runs on a worker. @said: checked against @stub, a row of the client's export.
 * Return: 1, or 0: it was refused.
 */
unsigned fly_local_work_begin(struct fly_poller *p, struct fly_local_client *of, uint32_t i,
			      const struct fly_local_said *said, const struct fly_procedure *stub);

/* fly_local_works_forget() - the client goes: its calls end, those that workers run later. */
void fly_local_works_forget(struct fly_poller *p, struct fly_local_client *of);

/* fly_local_works_check() - in the sweep: calls that nobody waits for, or that waited too long. */
void fly_local_works_check(struct fly_poller *p);

/*
 * fly_local_works_resume() - go on with the calls whose clients have written more arguments by now.
 * Return: there are such calls.
 */
bool fly_local_works_resume(struct fly_poller *p);

/* fly_local_work_free_spare() - free the spare block if it was not used lately, piece by piece. */
void fly_local_work_free_spare(struct fly_poller *p);

/* fly_local_works_free() - the poller ends: free what is left. No client is there. */
void fly_local_works_free(struct fly_poller *p);

#endif
