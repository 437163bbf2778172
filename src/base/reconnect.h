/* SPDX-License-Identifier: BSD-3-Clause */
/* reconnect.h - rebinding before a call, and calling again (reconnect.c). */
#ifndef FLY_RECONNECT_H
#define FLY_RECONNECT_H

#include <firefly/stub.h>

/* How a kind of binding does it. */
struct fly_reconnect {
	/* One try, for at most about @most_us. Return: as fly_rebind(). */
	int (*rebind)(struct fly_binding *binding, uint64_t most_us);
	/* Wait for about a millisecond. */
	void (*pause)(struct fly_binding *binding);
};

/* fly_reconnect_is_due() - a call ended with @status: must its binding be bound again? */
bool fly_reconnect_is_due(int status);

/*
 * fly_reconnect() - rebind for a call that is about to start, until that succeeds or the time is
 * over. Return: 0, or a negative status that says "not executed".
 */
int fly_reconnect(struct fly_binding *binding, const struct fly_reconnect *how, uint64_t most_us);

/*
 * fly_reconnect_call() - the Transporter of a binding that reconnects: if the call ends because its
 * server is another one by now, and has not run, it is started again, once.
 * @transporter: the Transporter otherwise. @bytes: of arguments, at call->payload.
 */
int fly_reconnect_call(struct fly_call *call, int (*transporter)(struct fly_call *call),
		       uint16_t procedure, uint32_t bytes);

#endif
