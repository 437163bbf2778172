/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pattern.h - data that tells which call it belongs to, for checks of every byte.
 *
 * Buffers of MaxArg and MaxResult are self-describing: the first 8 bytes are a number, the rest
 * is the pattern of that number. So no further argument is needed, and a byte of another call,
 * of an earlier use of the packet, or from another offset does not pass.
 */
#ifndef FIREFLY_APP_PATTERN_H
#define FIREFLY_APP_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_PLAIN 'F' /* what unchecked buffers are filled with */

/* pattern_write() - @bytes bytes of the pattern of @number. */
void pattern_write(uint8_t *to, size_t bytes, uint64_t number);

/* pattern_is() - are these @bytes bytes, all of them, the pattern of @number? */
bool pattern_is(const uint8_t *from, size_t bytes, uint64_t number);

/* pattern_seal() - @number, then its pattern: @bytes bytes in all, 8 at the least. */
void pattern_seal(uint8_t *to, size_t bytes, uint64_t number);

/* pattern_is_sealed() - is it a number with its pattern? @number is set in any case. */
bool pattern_is_sealed(const uint8_t *from, size_t bytes, uint64_t *number);

/* pattern_again() - what Echo makes of its number; never the number itself. */
uint64_t pattern_again(uint64_t number);

#endif
