/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor.h - bare frames over a runtime's own link: what no call over it can be faster than.
 *
 * Both ends run on the thread that owns the runtime, instead of its poller; nobody may be in a
 * call meanwhile.
 */
#ifndef FIREFLY_BENCH_FLOOR_H
#define FIREFLY_BENCH_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

#include <firefly/firefly.h>

#include "block.h"

#define FLOOR_HEADERS   74 /* bytes of a frame before its payload */
#define FLOOR_SILENCE_S 10 /* frames are lost; before, the other side may wait for its core */

/*
 * floor_bounce() - the client's end: keep a window of frames going there and back.
 * @call_bytes: of a frame on its way there, 74 to 1514.
 * @clock: the block.
 * Return: 0; -FLY_EPACKETS; -FLY_EPEER when no frame came back for FLOOR_SILENCE_S.
 */
int floor_bounce(struct fly_runtime *runtime, uint16_t call_bytes, struct block_clock *clock);

/*
 * floor_echo() - the server's end: send each frame back at the size of a result.
 * @go_on: asked after every burst; false ends it, with no frame held back.
 */
void floor_echo(struct fly_runtime *runtime, uint16_t result_bytes, bool (*go_on)(void *context),
		void *context);

/*
 * One way
 *
 * Frames of full size one way, and a small one back for each FLOOR_BATCH of them, so that the
 * sender never has more than FLOOR_FLOW under way and none is lost. Both ends call
 * @go_on(context, n) in every round of their loop: n more frames have arrived, as far as this end
 * knows, mostly 0; false ends it. What is in the rings then has to be received by somebody.
 */
#define FLOOR_BATCH 32
#define FLOOR_FLOW  256

/* floor_full_bytes() - the payload of a frame of full size: what one packet takes on this link. */
uint16_t floor_full_bytes(const struct fly_runtime *runtime);

/* floor_send() - write the payload of each frame, and send it. */
void floor_send(struct fly_runtime *runtime, bool (*go_on)(void *context, unsigned n),
		void *context);

/* floor_receive() - receive, read the payload of each frame once, and free. */
void floor_receive(struct fly_runtime *runtime, bool (*go_on)(void *context, unsigned n),
		   void *context);

#endif
