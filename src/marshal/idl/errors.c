/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/errors.c - collecting and printing errors, at their places in the source.
 *
 * Passes note errors as they find them; idl_print_errors() prints them in source order. Lines and
 * columns are computed here from byte offsets; other files keep only offsets.
 */
#include <stdio.h>

#include "ast.h"

/* Longer lines, and empty ones, are not shown. */
#define SHOWN_BYTES 200

void idl_error(struct idl_file *file, struct idl_span span, const char *format, ...)
{
	struct idl_error **place = &file->errors;
	struct idl_error *error;
	char message[512];
	va_list args;

	if (file->n_errors++ >= IDL_ERRORS_MAX)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	error = idl_allocate(file, sizeof *error);
	error->span = span;
	error->message = idl_printf(file, "%s", message);
	while (*place && (*place)->span.begin <= span.begin)
		place = &(*place)->next;
	error->next = *place;
	*place = error;
}

bool idl_is_shown(const struct idl_file *file)
{
	return file->n_errors < IDL_ERRORS_MAX;
}

const struct idl_source *idl_source_at(const struct idl_file *file, uint32_t place)
{
	const struct idl_source *source = file->sources;

	/* the end of a source is a place of its own: a gap of one byte follows */
	while (source->next && place > source->base + source->length)
		source = source->next;
	return source;
}

unsigned idl_line_at(const struct idl_file *file, uint32_t place)
{
	const struct idl_source *source = idl_source_at(file, place);
	unsigned line = 1;

	for (uint32_t at = 0; at < place - source->base && at < source->length; at++)
		line += source->text[at] == '\n';
	return line;
}

const char *idl_written(const struct idl_file *file, struct idl_span span)
{
	const struct idl_source *source = idl_source_at(file, span.begin);

	return source->text + (span.begin - source->base);
}

/* Print the line with a caret below the first byte, and tildes to the end of the span. */
static void print_source(const struct idl_source *source, struct idl_span span, uint32_t begin,
			 struct idl_text *out)
{
	uint32_t end = begin;
	struct idl_text marks = {0};

	while (end < source->length && source->text[end] != '\n')
		end++;
	if (end == begin || end - begin > SHOWN_BYTES)
		return;
	for (uint32_t at = begin; at < end; at++) {
		const unsigned char c = (unsigned char)source->text[at];
		const char shown = (char)(c == '\t' || (c >= ' ' && c != 0x7f) ? c : '?');

		if (c == '\r' && at + 1 == end)
			break;
		idl_text_append(out, &shown, 1);
	}
	for (uint32_t at = begin; at < end && at < span.end; at++) {
		const unsigned char c = (unsigned char)source->text[at];

		if ((c & 0xc0) == 0x80)
			continue; /* bytes that continue a UTF-8 sequence take no column */
		if (at < span.begin)
			idl_text_append(&marks, c == '\t' ? "\t" : " ", 1);
		else if (at > span.begin)
			idl_text_append(&marks, "~", 1);
		else
			idl_text_append(&marks, "^", 1);
	}
	if (span.begin >= end)
		idl_text_append(&marks, "^", 1);
	idl_text_printf(out, "\n%s\n", marks.bytes ? marks.bytes : "^");
	idl_text_free(&marks);
}

void idl_print_errors(const struct idl_file *file, struct idl_text *out)
{
	const struct idl_source *source = NULL;
	unsigned line = 1;
	uint32_t line_begin = 0;
	uint32_t at = 0;

	for (const struct idl_error *error = file->errors; error; error = error->next) {
		const struct idl_source *its = idl_source_at(file, error->span.begin);
		const struct idl_span span = {error->span.begin - its->base,
					      error->span.end - its->base};

		if (its != source) {
			source = its;
			line = 1;
			line_begin = at = 0;
		}
		for (; at < span.begin && at < source->length; at++) {
			if (source->text[at] != '\n')
				continue;
			line++;
			line_begin = at + 1;
		}
		idl_text_printf(out, "%s:%u:%u: error: %s\n", source->name, line,
				span.begin - line_begin + 1, error->message);
		print_source(source, span, line_begin, out);
	}
	if (file->n_errors > IDL_ERRORS_MAX)
		idl_text_printf(out, "%s: error: %u more errors are not shown\n",
				file->sources->name, file->n_errors - IDL_ERRORS_MAX);
}
