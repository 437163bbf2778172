/* SPDX-License-Identifier: BSD-3-Clause */
/* compile.h - for tests: compile a string, look at what came of it. */
#ifndef FIREFLY_TESTS_IDL_COMPILE_H
#define FIREFLY_TESTS_IDL_COMPILE_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "ast.h"

/* From memory of exactly that length, so that a sanitizer sees a read behind the end. */
static inline struct idl_file *compile_bytes(const char *text, size_t length)
{
	char *copy = malloc(length ? length : 1);

	memcpy(copy, text, length);
	return idl_compile("test.fly", copy, length, NULL);
}

static inline struct idl_file *compile(const char *text)
{
	return compile_bytes(text, strlen(text));
}

/* Compile an interface T with these procedures. */
static inline struct idl_file *compile_procedures(const char *procedures)
{
	struct idl_text text = {0};
	struct idl_file *file;

	idl_text_printf(&text, "interface T version 1 {\n%s\n}\n", procedures);
	file = compile(text.bytes);
	idl_text_free(&text);
	return file;
}

static inline void discard(struct idl_file *file)
{
	free((char *)(uintptr_t)file->sources->text);
	idl_free(file);
}

/* Is there an error at this byte of the source whose message has these words in it? */
static inline bool has_error(const struct idl_file *file, uint32_t begin, const char *words)
{
	for (const struct idl_error *error = file->errors; error; error = error->next)
		if (error->span.begin == begin && strstr(error->message, words))
			return true;
	return false;
}

static inline const struct idl_procedure *procedure_at(const struct idl_file *file, unsigned n)
{
	const struct idl_procedure *procedure = file->interface->procedures;

	while (n--)
		procedure = procedure->next;
	return procedure;
}

static inline const struct idl_field *param_at(const struct idl_procedure *procedure, unsigned n)
{
	const struct idl_field *param = procedure->params;

	while (n--)
		param = param->next;
	return param;
}

/* Exactly one error, whose message has these words in it. */
static inline void expect_error(const char *text, const char *words)
{
	struct idl_file *file = compile(text);

	cr_expect_eq(file->n_errors, 1, "%u errors: %s", file->n_errors, text);
	if (file->errors)
		cr_expect(strstr(file->errors->message, words), "%s: %s", text,
			  file->errors->message);
	discard(file);
}

#endif
