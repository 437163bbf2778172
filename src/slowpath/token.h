/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * token.h - address tokens: a caller that shows one receives packets at the address that it gives
 * as its own (token.c). Nothing is remembered about those who were given one.
 */
#ifndef FLY_TOKEN_H
#define FLY_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#define FLY_TOKEN_KEY_BYTES 16

/* fly_token_key() - draw a key: once for each poller. */
void fly_token_key(uint8_t key[FLY_TOKEN_KEY_BYTES]);

/*
 * fly_token_make() - for an activity that called from @ip and @port, both as they lie in the frame.
 * @now_ms: poller time. Good for 16 seconds at the least, 33 at the most.
 */
uint32_t fly_token_make(const uint8_t key[FLY_TOKEN_KEY_BYTES], uint32_t ip, uint16_t port,
			uint64_t activity, uint32_t now_ms);

bool fly_token_is_good(const uint8_t key[FLY_TOKEN_KEY_BYTES], uint32_t token, uint32_t ip,
		       uint16_t port, uint64_t activity, uint32_t now_ms);

#endif
