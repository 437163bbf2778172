/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_wire.c - libFuzzer on the header decoders: they read no byte beyond the frame; what is
 * decoded can be encoded again; the short check agrees with the full decoder.
 */
#include <stdlib.h>

#include "fastpath/wire.h"

#define OUR_IP   0x0200000aU /* 10.0.0.2, as it lies in memory */
#define OUR_PORT 0x25f2U     /* 61989 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	uint8_t again[FLY_RPC_BYTES];
	struct fly_header h;
	uint8_t *frame;
	bool plain;
	int why;

	if (bytes > 9100)
		return 0;
	frame = malloc(bytes ? bytes
			     : 1); /* the exact size: AddressSanitizer sees reads beyond it */
	if (!frame)
		return 0;
	memcpy(frame, data, bytes);
	plain = fly_wire_is_plain(frame, (uint32_t)bytes, OUR_IP, OUR_PORT);
	why = fly_wire_check_outer(frame, (uint32_t)bytes, OUR_IP, OUR_PORT);
	if (why > 0 || why <= -(int)FLY_N_COUNTERS)
		abort();
	if (!why) {
		why = fly_wire_decode(frame + FLY_RPC, fly_get_be16(frame + FLY_IP_LENGTH) - 28U,
				      &h);
		if (why > 0 || why <= -(int)FLY_N_COUNTERS)
			abort();
		if (!why && (size_t)FLY_PAYLOAD + h.length > bytes)
			abort();
		if (!why) {
			fly_wire_encode(again, &h);
			if (memcmp(again, frame + FLY_RPC, sizeof again) != 0)
				abort();
		}
		/* The short check does not look at the version. */
		if (plain != ((!why || why == -(int)FLY_COUNT_drop_version) && h.fragments == 1 &&
			      h.fragment == 0 && (size_t)FLY_PAYLOAD + h.length <= bytes &&
			      h.length + 60U == fly_get_be16(frame + FLY_IP_LENGTH)))
			abort();
	} else if (plain) {
		abort();
	}
	free(frame);
	return 0;
}
