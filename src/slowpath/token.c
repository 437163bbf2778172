/* SPDX-License-Identifier: BSD-3-Clause */
/* token.c - see token.h. Called by call.c and reply.c. Pure, but for drawing the key. */
#include "slowpath/token.h"
#include "base/random.h"

#include <assert.h>
#include <string.h>

#include <sodium/crypto_shorthash.h>

#define EPOCH_MS 16384

static_assert(FLY_TOKEN_KEY_BYTES == crypto_shorthash_KEYBYTES, "a key of SipHash");

void fly_token_key(uint8_t key[FLY_TOKEN_KEY_BYTES])
{
	fly_random_fill(key, FLY_TOKEN_KEY_BYTES);
}

/* SipHash-2-4 (Aumasson and Bernstein, 2012), a MAC for short messages. Half of it is sent. */
static uint32_t mac(const uint8_t *key, uint32_t ip, uint16_t port, uint64_t activity,
		    uint32_t epoch)
{
	uint8_t message[18];
	uint8_t hash[crypto_shorthash_BYTES];
	uint32_t token;

	memcpy(message, &ip, 4);
	memcpy(message + 4, &port, 2);
	memcpy(message + 6, &activity, 8);
	memcpy(message + 14, &epoch, 4);
	crypto_shorthash(hash, message, sizeof message, key);
	memcpy(&token, hash, 4);
	return token;
}

uint32_t fly_token_make(const uint8_t key[FLY_TOKEN_KEY_BYTES], uint32_t ip, uint16_t port,
			uint64_t activity, uint32_t now_ms)
{
	return mac(key, ip, port, activity, now_ms / EPOCH_MS);
}

bool fly_token_is_good(const uint8_t key[FLY_TOKEN_KEY_BYTES], uint32_t token, uint32_t ip,
		       uint16_t port, uint64_t activity, uint32_t now_ms)
{
	const uint32_t epoch = now_ms / EPOCH_MS;

	return token == mac(key, ip, port, activity, epoch) ||
	       (epoch > 0 && token == mac(key, ip, port, activity, epoch - 1));
}
