/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/emit.h - what the emitters share: lines, declarations in C, and names.
 *
 * A '\v' in a line marks a place where the line may be broken: before an argument, or behind an
 * operator. emit_line() writes a blank there, or a new line if the rest would be too long.
 */
#ifndef FIREFLY_IDL_EMIT_H
#define FIREFLY_IDL_EMIT_H

#include "ast.h"

/* Functions generated for a procedure. */
enum emit_form {
	EMIT_PLAIN,      /* NAME_PROCEDURE */
	EMIT_START,      /* NAME_PROCEDURE_start */
	EMIT_START_FROM, /* NAME_PROCEDURE_start_from: lends its arguments */
	EMIT_FINISH,     /* NAME_PROCEDURE_finish */
	EMIT_VIEW,       /* NAME_PROCEDURE_view */
	EMIT_PROCEDURE,  /* the server's: a member of struct NAME_procedures */
	EMIT_SKELETON,   /* the server's: a function to fill in */
};

/* Does a function of this form begin an asynchronous call? */
static inline bool emit_is_start(enum emit_form form)
{
	return form == EMIT_START || form == EMIT_START_FROM;
}

/* emit_line() - write a logical line, folded, and a newline. The format holds the indentation. */
void emit_line(struct idl_text *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* emit_doc() - write the lines of a doc comment, folded, each behind " * ". */
void emit_doc(struct idl_text *out, const struct idl_doc *doc);

/* emit_comment() - write a doc comment as a comment of its own, @tabs to the right. */
void emit_comment(struct idl_text *out, unsigned tabs, const struct idl_doc *doc);

/* emit_banner() - write the first lines of a generated file. */
void emit_banner(struct idl_text *out, const char *base);

/* emit_stub_includes() - write a stub file's includes and the check of its stub version. */
void emit_stub_includes(struct idl_text *out, const char *base);

/* emit_text() - write a text as a C string literal. */
void emit_text(struct idl_text *out, const char *text);

/* emit_variable() - write a field as a C declaration: one to three lines ended by semicolons. */
void emit_variable(struct idl_text *out, unsigned tabs, const struct idl_type *type,
		   const char *name);

/* emit_prototype() - write the declarator of a form, folded, and @tail: ";" or "". */
void emit_prototype(struct idl_text *out, const struct idl_interface *interface,
		    const struct idl_procedure *procedure, enum emit_form form, const char *tail);

/* Does a view return this type by a pointer into the packet? */
bool emit_is_viewed(const struct idl_type *type);

/* The struct or union whose elements a view of this type reads one by one; NULL: none. */
const struct idl_declaration *emit_viewed_struct(const struct idl_type *type);

/* emit_views() - call @each for every declaration that emit_viewed_struct() returns for results. */
void emit_views(struct idl_text *out, const struct idl_file *file,
		void (*each)(struct idl_text *out, const struct idl_interface *interface,
			     const struct idl_declaration *d));

/* emit_accessor() - write the declarator of the reader of one element, and @tail: ";" or "". */
void emit_accessor(struct idl_text *out, const struct idl_interface *interface,
		   const struct idl_declaration *d, const char *tail);

/* Has the procedure results that a view returns by pointers into the packet? */
bool emit_has_view(const struct idl_procedure *procedure);

/* The access word of a scalar or enum: "u32". */
const char *emit_access(const struct idl_type *type);

/* Parameters of one direction in order; the result behind -> is the first result. */
const struct idl_field *emit_first_argument(const struct idl_procedure *procedure);
const struct idl_field *emit_next_argument(const struct idl_field *param);
const struct idl_field *emit_first_result(const struct idl_procedure *procedure);
const struct idl_field *emit_next_result(const struct idl_procedure *procedure,
					 const struct idl_field *param);

/* Does a message have a variable part? */
static inline bool emit_varies(const struct idl_message *message)
{
	return message->max_bytes != message->fixed_bytes;
}

#endif
