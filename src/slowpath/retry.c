/* SPDX-License-Identifier: BSD-3-Clause */
/* retry.c - the policy in retry.h. Called by sweep.c, which does what it decides. */
#include "slowpath/retry.h"

#include "fastpath/call_table.h"

enum fly_retry_action fly_retry_step(uint32_t now_ms, uint32_t due_ms, uint32_t started_ms,
				     unsigned resends, uint32_t timeout_ms, uint32_t *next_ms)
{
	if ((int32_t)(now_ms - due_ms) < 0)
		return FLY_RETRY_WAIT;
	if (resends > 0 && now_ms - started_ms >= timeout_ms)
		return FLY_RETRY_GIVE_UP;

	uint32_t wait_ms = FLY_RESEND_FIRST_MS;

	for (unsigned i = 0; i <= resends && wait_ms < FLY_RESEND_CAP_MS; i++)
		wait_ms *= 2;
	*next_ms = RTE_MIN(wait_ms, (uint32_t)FLY_RESEND_CAP_MS);
	return FLY_RETRY_RESEND;
}
