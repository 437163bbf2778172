/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor.h - bare frames over a runtime's own link: what no call over it can be faster than.
 *
 * Both ends run on the thread that owns the runtime, instead of its poller; nobody may be in a
 * call meanwhile.
 */
#ifndef FIREFLY_APP_FLOOR_H
#define FIREFLY_APP_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

#include <firefly/firefly.h>

#include "block.h"

#define FLOOR_HEADERS 74 /* bytes of a frame before its payload */

/*
 * floor_bounce() - the client's end: keep a window of frames going there and back.
 * @call_bytes: of a frame on its way there, 74 to 1514.
 * @clock: the block; the window is its plan's.
 * Return: 0; -FLY_EPACKETS; -FLY_EPEER when no frame came back for a second.
 */
int floor_bounce(struct fly_runtime *runtime, uint16_t call_bytes, struct block_clock *clock);

/*
 * floor_echo() - the server's end: send each frame back at the size of a result.
 * @go_on: asked after every burst; false ends it, with no frame held back.
 */
void floor_echo(struct fly_runtime *runtime, uint16_t result_bytes, bool (*go_on)(void *context),
		void *context);

#endif
