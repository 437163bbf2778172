/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/ast.c - the memory of a compiled file, and idl_compile(), which runs the passes in order.
 *
 * Nodes, names and messages come from an arena of chunks that is freed as a whole. The parser
 * therefore needs no destructors: half-built nodes of a broken input are freed with the rest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ast.h"

#define CHUNK_BYTES 8192

struct idl_chunk {
	struct idl_chunk *next;
	size_t used;
	size_t room;
	max_align_t bytes[];
};

/* Out of memory ends the compiler. */
static void *must(void *memory)
{
	if (!memory) {
		fputs("fireflyc: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

void *idl_allocate(struct idl_file *file, size_t bytes)
{
	struct idl_chunk *chunk = file->arena;
	const size_t need = (bytes + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	void *memory;

	if (!chunk || chunk->room - chunk->used < need) {
		const size_t room = need > CHUNK_BYTES ? need : CHUNK_BYTES;

		chunk = must(calloc(1, sizeof *chunk + room));
		chunk->room = room;
		chunk->next = file->arena;
		file->arena = chunk;
	}
	memory = (char *)chunk->bytes + chunk->used;
	chunk->used += need;
	return memory;
}

char *idl_string(struct idl_file *file, const char *text, size_t length)
{
	char *copy = idl_allocate(file, length + 1);

	memcpy(copy, text, length);
	return copy;
}

char *idl_printf(struct idl_file *file, const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = idl_allocate(file, (size_t)length + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}

static char *text_reserve(struct idl_text *text, size_t more)
{
	const size_t need = text->length + more + 1;

	if (need > text->room) {
		text->room = need > 2 * text->room ? need : 2 * text->room;
		text->bytes = must(realloc(text->bytes, text->room));
	}
	return text->bytes + text->length;
}

void idl_text_append(struct idl_text *text, const char *bytes, size_t length)
{
	char *end = text_reserve(text, length);

	memcpy(end, bytes, length);
	end[length] = '\0';
	text->length += length;
}

void idl_text_vprintf(struct idl_text *text, const char *format, va_list args)
{
	va_list again;
	int length;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	vsnprintf(text_reserve(text, (size_t)length), (size_t)length + 1, format, again);
	va_end(again);
	text->length += (size_t)length;
}

void idl_text_printf(struct idl_text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	idl_text_vprintf(text, format, args);
	va_end(args);
}

void idl_text_free(struct idl_text *text)
{
	free(text->bytes);
	*text = (struct idl_text){0};
}

/* A gap of one byte separates sources: the end of each source is a place of its own. */
static struct idl_source *add_source(struct idl_file *file, const char *name, const char *text,
				     size_t length)
{
	struct idl_source **place = &file->sources;
	struct idl_source *source = idl_allocate(file, sizeof *source);

	for (; *place; place = &(*place)->next)
		source->base = (*place)->base + (*place)->length + 1;
	source->name = name;
	source->text = text;
	*place = source;
	if (length > IDL_FILE_MAX)
		idl_error(file, (struct idl_span){source->base, source->base},
			  "the file is longer than %u bytes", IDL_FILE_MAX);
	else
		source->length = (uint32_t)length;
	return source;
}

static struct idl_source *find_source(struct idl_file *file, const char *path, unsigned *n)
{
	struct idl_source *source = file->sources;

	for (*n = 0; source && strcmp(source->name, path) != 0; source = source->next)
		++*n;
	return source;
}

/* Read a source's includes, recursively; each file once. */
static void read_source(struct idl_file *file, struct idl_source *source,
			const struct idl_loader *loader)
{
	source->is_open = true;
	idl_parse(file, source);
	for (const struct idl_include *i = source->includes; i; i = i->next) {
		const char *path = i->name;
		const char *text = NULL;
		struct idl_source *there;
		size_t length = 0;
		unsigned n;

		errno = ENOENT;
		if (loader)
			text = loader->load(loader->context, source->name, i->name, &path, &length);
		if (!text) {
			idl_error(file, i->span, "cannot read '%.200s': %s", i->name,
				  strerror(errno));
			continue;
		}
		there = find_source(file, path, &n);
		if (there && there->is_open)
			idl_error(file, i->span, "'%.200s' is included by itself", i->name);
		else if (!there && n == IDL_FILES_MAX)
			idl_error(file, i->span, "more than %d files are included", IDL_FILES_MAX);
		else if (!there)
			read_source(file, add_source(file, path, text, length), loader);
	}
	source->is_open = false;
}

struct idl_file *idl_compile(const char *name, const char *text, size_t length,
			     const struct idl_loader *loader)
{
	struct idl_file *file = must(calloc(1, sizeof *file));
	struct idl_source *source = add_source(file, name, text, length);

	if (file->n_errors)
		return file;
	read_source(file, source, loader);
	file->interface = source->interface;
	file->has_syntax_errors = file->n_errors > 0;
	idl_resolve(file);
	idl_check(file);
	if (!file->interface)
		return file;
	idl_layout(file);
	if (!file->n_errors)
		idl_choose_names(file);
	return file;
}

void idl_free(struct idl_file *file)
{
	while (file->arena) {
		struct idl_chunk *chunk = file->arena;

		file->arena = chunk->next;
		free(chunk);
	}
	free(file);
}
