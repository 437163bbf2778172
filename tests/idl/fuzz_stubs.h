/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_stubs.h - what fuzz_stubs.py writes for fuzz_stubs.c: an interface, and values for it. */
#ifndef FIREFLY_TESTS_IDL_FUZZ_STUBS_H
#define FIREFLY_TESTS_IDL_FUZZ_STUBS_H

#include "fuzz_calls.h"

/* Streams, see fuzz_values.h. */
struct fuzz_sample {
	const uint8_t *arguments;
	size_t argument_bytes;
	const uint8_t *results;
	size_t result_bytes;
};

struct fuzz_samples {
	const struct fuzz_sample *all;
	size_t n; /* at least 1 */
};

extern const struct call_interface *const fuzz_interface;
extern const struct fuzz_samples fuzz_samples[]; /* of each procedure of the interface */

#endif
