/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * emit.h - what the emitters share: lines, declarations in C, and the names of things.
 *
 * A line is written with '\v' where it may be broken: before the next argument, behind an
 * operator. emit_line() puts a blank there, or a new line if the rest would be too long.
 */
#ifndef FIREFLY_IDL_EMIT_H
#define FIREFLY_IDL_EMIT_H

#include "ast.h"

/* The functions that are made of one procedure. */
enum emit_form {
	EMIT_PLAIN,     /* NAME_PROCEDURE */
	EMIT_START,     /* NAME_PROCEDURE_start */
	EMIT_FINISH,    /* NAME_PROCEDURE_finish */
	EMIT_VIEW,      /* NAME_PROCEDURE_view */
	EMIT_PROCEDURE, /* the server's, behind a pointer in struct NAME_procedures */
	EMIT_SKELETON,  /* the server's, as a function to be filled in */
};

/* emit_line() - a logical line, folded, and a newline; indentation is in the format. */
void emit_line(struct idl_text *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* emit_doc() - the lines of a doc comment, folded, each behind " * ". */
void emit_doc(struct idl_text *out, const struct idl_doc *doc);

/* emit_comment() - a doc comment as a comment of its own, so many tabs to the right. */
void emit_comment(struct idl_text *out, unsigned tabs, const struct idl_doc *doc);

/* emit_banner() - the first lines of a generated file. */
void emit_banner(struct idl_text *out, const char *base);

/*
 * emit_stub_includes() - what a file of stubs includes, and that this is of the stub interface
 * which the stubs are generated for.
 */
void emit_stub_includes(struct idl_text *out, const char *base);

/* emit_text() - a text as a literal of C. */
void emit_text(struct idl_text *out, const char *text);

/* emit_variable() - a field as C declares it, as one to three lines ended by semicolons. */
void emit_variable(struct idl_text *out, unsigned tabs, const struct idl_type *type,
		   const char *name);

/* emit_prototype() - the declarator of a form, folded, and @tail: ";" or "". */
void emit_prototype(struct idl_text *out, const struct idl_interface *interface,
		    const struct idl_procedure *procedure, enum emit_form form, const char *tail);

/* Does a view hand this out where it lies in the packet? */
bool emit_is_viewed(const struct idl_type *type);

/* The struct or union whose elements a view of this type hands out one by one; NULL: none. */
const struct idl_declaration *emit_viewed_struct(const struct idl_type *type);

/* emit_views() - @each of the declarations that emit_viewed_struct() has in results. */
void emit_views(struct idl_text *out, const struct idl_file *file,
		void (*each)(struct idl_text *out, const struct idl_interface *interface,
			     const struct idl_declaration *d));

/* emit_accessor() - the declarator of the function that reads one, and @tail: ";" or "". */
void emit_accessor(struct idl_text *out, const struct idl_interface *interface,
		   const struct idl_declaration *d, const char *tail);

/* Does the procedure have results that a view hands out where they lie in the packet? */
bool emit_has_view(const struct idl_procedure *procedure);

/* The access word of a scalar or an enum: "u32". */
const char *emit_access(const struct idl_type *type);

/* The parameters of a direction in order; results begin with what stands behind ->. */
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
