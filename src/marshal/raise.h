/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * raise.h - an error that no interface declares, on its way from a procedure to its caller.
 *
 * fly_raise() leaves number and words with the thread; the runtime puts them into the result of
 * the call that ends with FLY_ERAISED, and takes them out again for fly_raised(). On the wire they
 * are `i32 number; string<55> text`, encoded as any two results are: docs/encoding.md. No DPDK.
 */
#ifndef FLY_RAISE_H
#define FLY_RAISE_H

#include <stdint.h>

#include <firefly/status.h>

/* The longest: number, length, text, NUL. */
#define FLY_RAISED_BYTES_MAX (8 + FLY_RAISED_TEXT_MAX + 1)

/*
 * fly_raised_put() - the results of a call whose procedure returned @number, with the words that
 * fly_raise() was given for it on this thread, if it was.
 * @results: room for FLY_RAISED_BYTES_MAX.
 * Return: bytes written.
 */
uint32_t fly_raised_put(uint8_t *results, int32_t number);

/*
 * fly_raised_get() - take them in for fly_raised(), on the thread of the caller. @results come from
 * a peer: what cannot be read leaves number 0 and no words.
 */
void fly_raised_get(const uint8_t *results, uint32_t bytes);

#endif
