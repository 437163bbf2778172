/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * marshal/raise.h - an error that no interface declares, on its way from a procedure to its caller.
 *
 * fly_raise() keeps number and text in a record of its thread. The runtime copies them into the
 * result of the call that ends with FLY_ERAISED. On the caller's side the runtime reads them from
 * the result, for fly_raised(). On the wire they are `i32 number; string<55> text`, encoded as two
 * results: docs/encoding.md. No DPDK.
 */
#ifndef FLY_RAISE_H
#define FLY_RAISE_H

#include <stdint.h>

#include <firefly/status.h>

/* Greatest length: number, length, text, NUL. */
#define FLY_RAISED_BYTES_MAX (8 + FLY_RAISED_TEXT_MAX + 1)

/*
 * fly_raised_put() - write the results of a call whose procedure returned @number, with the text of
 * a fly_raise(@number) on this thread, if there was one.
 * @results: room for FLY_RAISED_BYTES_MAX.
 * Return: bytes written.
 */
uint32_t fly_raised_put(uint8_t *results, int32_t number);

/*
 * fly_raised_get() - keep them for fly_raised(), on the caller's thread. @results come from a peer:
 * if they are malformed, number is 0 and text is empty.
 */
void fly_raised_get(const uint8_t *results, uint32_t bytes);

#endif
