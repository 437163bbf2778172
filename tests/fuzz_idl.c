/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_idl.c - libFuzzer: any bytes as an interface file, through all of the stub compiler.
 *
 * scripts/test builds and runs it; the seeds are in tests/corpus/idl/.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ast.h"

/* Long interfaces teach the emitters nothing new, and instrumented emitters are slow. */
#define EMITTED_BYTES 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void emit_all(const struct idl_file *file)
{
	static void (*const emit[])(const struct idl_file *, const char *,
				    struct idl_text *) = {idl_emit_header, idl_emit_client,
							  idl_emit_server};

	for (size_t i = 0; i < sizeof emit / sizeof *emit; i++) {
		struct idl_text text = {0};

		emit[i](file, "fuzz", &text);
		must(strlen(text.bytes) == text.length);
		idl_text_free(&text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text =
		malloc(size ? size : 1); /* the exact size: reading one byte more is detected */
	struct idl_text errors = {0};
	struct idl_file *file;

	must(text);
	if (size)
		memcpy(text, data, size);
	file = idl_compile("fuzz.fly", text, size, NULL);
	idl_print_errors(file, &errors);
	must((errors.length > 0) == (file->n_errors > 0));
	if (!file->n_errors && size <= EMITTED_BYTES)
		emit_all(file);
	idl_text_free(&errors);
	idl_free(file);
	free(text);
	return 0;
}
