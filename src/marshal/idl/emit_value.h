/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * emit_value.h - statements that carry one value of any type to the wire and back.
 *
 * Four things are done to a value: it is measured (how long is its variable part, and does it keep
 * its bounds?), put on the wire, checked on the wire, and got from there. Each is a function that
 * writes statements; structs and unions have functions of their own in generated code:
 * emit_type.h.
 */
#ifndef FIREFLY_IDL_EMIT_VALUE_H
#define FIREFLY_IDL_EMIT_VALUE_H

#include "emit.h"

/* Where statements go, and what they call their variables. */
struct emit_scope {
	struct idl_text *out;
	unsigned tabs;
	const char *tail;    /* the next byte of the variable part */
	const char *end;     /* behind the last one: in checks */
	const char *at;      /* of an optional's value or a union's arm */
	const char *items;   /* of the elements of a variable array */
	const char *index;   /* of a loop */
	const char *bytes;   /* the sum, when measuring */
	const char *failure; /* a statement for what is wrong: in checks and when measuring */
};

/*
 * The scopes of the two messages in the functions of a procedure, on both sides.
 * @failure: see there; NULL: nothing can be wrong.
 */
struct emit_scope emit_argument_scope(struct idl_text *out, const struct idl_procedure *procedure,
				      const char *failure);
struct emit_scope emit_result_scope(struct idl_text *out, const struct idl_procedure *procedure,
				    const char *failure);

/* A place on the wire: base + offset. */
struct emit_place {
	const char *base;
	uint64_t offset;
};

/* A value in C: expressions for what a field or a parameter consists of; NULL: it has none. */
struct emit_variable {
	const char *value;
	const char *count;  /* of a variable array */
	const char *has;    /* of an optional */
	const char *length; /* of a string, if it is known; else NULL */
};

/* Where emit_param() writes its expressions. */
struct emit_param_text {
	char value[256];
	char count[256];
	char has[256];
};

/*
 * emit_param() - the variable that a parameter is in a generated function.
 * @prefix: of a variable of its own, "" or "values->"; NULL: it is a parameter, and structs are
 * pointers. @is_pointer: numbers, counts and flags are pointers.
 */
struct emit_variable emit_param(struct emit_param_text *text, const struct idl_field *param,
				const char *prefix, bool is_pointer);

void emit_measure(struct emit_scope scope, const struct idl_type *type, struct emit_variable v);
void emit_put(struct emit_scope scope, const struct idl_type *type, struct emit_variable v,
	      struct emit_place place);
void emit_check(struct emit_scope scope, const struct idl_type *type, struct emit_place place);
void emit_get(struct emit_scope scope, const struct idl_type *type, struct emit_variable v,
	      struct emit_place place);

/* emit_get_view() - hand out where it lies what emit_is_viewed(). */
void emit_get_view(struct emit_scope scope, const struct idl_type *type, struct emit_variable v,
		   struct emit_place place);

/* emit_skip() - step over the variable part of what is not got. */
void emit_skip(struct emit_scope scope, const struct idl_type *type, struct emit_place place);

/* Do statements about a value of this type need scope.items, or scope.at? */
bool emit_needs_items(const struct idl_type *type, bool is_check);
bool emit_needs_at(const struct idl_type *type, bool is_check);

/* "results", "results + 12"; the buffer is the result. */
const char *emit_place_text(char buffer[160], struct emit_place place);

/*
 * The same for a value whose fixed part begins the variable part: an optional's, or a union's arm.
 */
void emit_put_at_tail(struct emit_scope scope, const struct idl_type *type, struct emit_variable v);
void emit_check_at_tail(struct emit_scope scope, const struct idl_type *type);
void emit_get_at_tail(struct emit_scope scope, const struct idl_type *type, struct emit_variable v);

/* emit_statement() - a line of its own, as deep as the scope. */
void emit_statement(struct emit_scope scope, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static inline struct emit_scope emit_deeper(struct emit_scope scope)
{
	scope.tabs++;
	return scope;
}

#endif
