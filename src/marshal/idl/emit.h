/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * emit.h - what the emitters share: declarations, assignments, and lines folded at 100 columns.
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
};

/* emit_line() - a logical line, folded, and a newline; indentation is in the format. */
void emit_line(struct idl_text *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* emit_doc() - the lines of a doc comment, folded, each behind " * ". */
void emit_doc(struct idl_text *out, const struct idl_doc *doc);

/* emit_prototype() - the declarator of a form, folded, and @tail: ";" or "". */
void emit_prototype(struct idl_text *out, const struct idl_interface *interface,
		    const struct idl_procedure *procedure, enum emit_form form, const char *tail);

/* Does the procedure have results that a view hands out where they lie in the packet? */
bool emit_has_view(const struct idl_procedure *procedure);

/* emit_place() - "results" or "results + 12". */
const char *emit_place(char buffer[128], const char *base, uint32_t offset);

/* emit_bytes() - that place as a pointer to the elements of a byte array. */
const char *emit_bytes(char buffer[192], const struct idl_param *param, const char *base,
		       uint32_t offset, bool is_const);

/* In assignments, a scalar is "x", or "*x" where the function has a pointer to it. */

/* emit_put() - assign a parameter to the wire at base + offset. */
void emit_put(struct idl_text *out, const struct idl_procedure *procedure,
	      const struct idl_param *param, const char *base, uint32_t offset, bool is_pointer);

/* emit_get() - assign a parameter from the wire at base + offset. */
void emit_get(struct idl_text *out, const struct idl_procedure *procedure,
	      const struct idl_param *param, const char *base, uint32_t offset, bool is_pointer);

/* emit_bool_check() - if a bool at base + offset is neither 0 nor 1: @otherwise, a statement. */
void emit_bool_check(struct idl_text *out, const struct idl_procedure *procedure,
		     const struct idl_param *param, const char *base, uint32_t offset,
		     const char *otherwise);

/* The parameters of a direction in order; results begin with what stands behind ->. */
const struct idl_param *emit_first_argument(const struct idl_procedure *procedure);
const struct idl_param *emit_next_argument(const struct idl_param *param);
const struct idl_param *emit_first_result(const struct idl_procedure *procedure);
const struct idl_param *emit_next_result(const struct idl_procedure *procedure,
					 const struct idl_param *param);

#endif
