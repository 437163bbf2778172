/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * floor_far_echo.h - the far end of the bare-frame floor between two hosts: frames to a UDP port of
 * their own are sent back by the poller's thread, when it looks whether something has come.
 *
 * While it is started the links of the runtime have another rx_burst, which sees what comes before
 * the poller does, takes bare frames out and leaves it the rest. So calls, ARP and timers go on.
 * Otherwise links are as they always are, and pay nothing.
 *
 * For the thread that owns an inline runtime, between its turns or in a procedure.
 */
#ifndef FIREFLY_BENCH_FLOOR_FAR_ECHO_H
#define FIREFLY_BENCH_FLOOR_FAR_ECHO_H

#include <stdbool.h>
#include <stdint.h>

#include <firefly/firefly.h>

/* far_echo_open() - choose a UDP port that is free on all links, the first link's and one if it can
 * be. Return: 0; or -FLY_EINUSE, and there is none. */
int far_echo_open(struct fly_runtime *runtime);

/* far_echo_close() - before fly_stop(). Safe without far_echo_open(). */
void far_echo_close(void);

/* far_echo_port() - which port it is, host order. */
uint16_t far_echo_port(void);

/*
 * far_echo_start() - send frames with this key back, with @bytes each, headers included, or as many
 * as a packet of the link may have. @many: more than one comes at a time. Also while it is started.
 * far_echo_stop() - send nothing back any more. Safe at any time.
 */
void far_echo_start(uint64_t key, unsigned bytes, bool many);
void far_echo_stop(void);

#endif
