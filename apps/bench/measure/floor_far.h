/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor_far.h - the client's end of the bare-frame floor between two hosts: frames that go over the
 * link of a binding, by the headers of its calls, to a UDP port of their own at its server.
 *
 * Over a udp: link datagrams do, over a socket of its own: floor_udp.h. The other end is
 * floor_far_echo.h. Runs on the thread that owns the runtime, instead of its poller; nobody may be
 * in a call meanwhile.
 */
#ifndef FIREFLY_BENCH_FLOOR_FAR_H
#define FIREFLY_BENCH_FLOOR_FAR_H

#include <stdbool.h>
#include <stdint.h>

#include <firefly/firefly.h>

#include "block.h"

struct floor_udp;

/* Starts as zeros; ended by floor_far_close(). */
struct floor_far {
	struct fly_binding *binding;
	struct floor_udp *udp; /* NULL: frames */
	uint64_t tsc_hz;
	bool yields; /* there may be more of us than cores; set after floor_far_open() */
};

/* What the far end has said of the next block. */
struct floor_far_block {
	uint64_t key;
	uint16_t port;  /* host order */
	unsigned bytes; /* of a frame on its way there, headers included */
};

/* floor_far_open() - to the server of @binding, over a link. Return: 0, or -FLY_ESYSTEM. */
int floor_far_open(struct floor_far *far, struct fly_runtime *runtime, struct fly_binding *binding);
void floor_far_close(struct floor_far *far);

/* floor_far_most() - bytes of the longest frame that goes there whole. */
unsigned floor_far_most(const struct floor_far *far);

/* floor_far_is_udp() - datagrams are the floor. */
bool floor_far_is_udp(const struct floor_far *far);

/*
 * floor_far_bounce() - keep a window of frames going there and back. What else comes is handled.
 * @clock: the block. It has no figures if a frame was lost.
 * Return: 0; -FLY_EPACKETS; -FLY_ESYSTEM; -FLY_EPEER: the way there is not known any more.
 */
int floor_far_bounce(struct floor_far *far, const struct floor_far_block *block,
		     struct block_clock *clock);

#endif
