/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * loopback.h - a runtime without packets: a call goes through the server stub of this process.
 *
 * It honours what the generated tables say about layout, in buffers of exactly the size they ask
 * for and at odd addresses, so that a sanitizer sees every byte too much. The knobs spoil a call
 * on its way.
 */
#ifndef FIREFLY_TESTS_IDL_LOOPBACK_H
#define FIREFLY_TESTS_IDL_LOOPBACK_H

#include <firefly/stub.h>

struct loopback {
	/* set by export */
	const struct fly_interface *interface;
	const void *procedures;
	void *context;

	/* knobs; loopback_reset() sets them to do nothing */
	int more_arguments; /* bytes added to the arguments, or, negative, taken away */
	int more_results;
	int spoilt_argument; /* offset of a byte that becomes 2; -1: none */
	int spoilt_result;

	/* what was seen */
	unsigned executed;                   /* stubs that returned 0 or FLY_ERAISED */
	unsigned calls;                      /* handed out by the Starter and not yet ended */
	uint8_t arguments[FLY_PAYLOAD_ROOM]; /* of the newest call, as sent */
	uint32_t argument_bytes;
	uint8_t results[FLY_PAYLOAD_ROOM]; /* of the newest call, as the stub left them */
	uint32_t result_bytes;
};

extern struct loopback loopback;

void loopback_reset(void);

#endif
