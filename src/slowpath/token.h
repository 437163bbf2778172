/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * token.h - address tokens (token.c). A caller that sends the right token receives packets at its
 * claimed address. The server remembers nothing about the tokens that it made.
 */
#ifndef FLY_TOKEN_H
#define FLY_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#define FLY_TOKEN_KEY_BYTES 16

/* fly_token_key() - draw a random key, once for each poller. */
void fly_token_key(uint8_t key[FLY_TOKEN_KEY_BYTES]);

/*
 * fly_token_make() - a token for an activity at @ip and @port, both in network order.
 * @now_ms: poller time. The token is valid for at least 16 seconds, at most 33.
 */
uint32_t fly_token_make(const uint8_t key[FLY_TOKEN_KEY_BYTES], uint32_t ip, uint16_t port,
			uint64_t activity, uint32_t now_ms);

bool fly_token_is_good(const uint8_t key[FLY_TOKEN_KEY_BYTES], uint32_t token, uint32_t ip,
		       uint16_t port, uint64_t activity, uint32_t now_ms);

#endif
