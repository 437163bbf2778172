/* SPDX-License-Identifier: BSD-3-Clause */
/* probe.h - probing a result (probe.c). */
#ifndef FLY_PROBE_H
#define FLY_PROBE_H

#include "fastpath/poller.h"

/* fly_probe_result() - ask a caller whether it has its result, which @c retains in a packet. */
void fly_probe_result(struct fly_poller *p, const struct fly_conversation *c);

#endif
