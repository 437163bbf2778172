/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/emit_value.h - statements that move one value of any type to the wire and back.
 *
 * There are four operations: measure (the length of the variable part, and its bounds), put (to the
 * wire), take (check, and get from the wire), check (without getting). Each operation is a function
 * that writes statements. Structs and unions have generated functions of their own: emit_type.h.
 */
#ifndef FIREFLY_IDL_EMIT_VALUE_H
#define FIREFLY_IDL_EMIT_VALUE_H

#include "emit.h"

enum emit_operation {
	EMIT_PUT,
	EMIT_TAKE,
	EMIT_CHECK,
};

/* Where statements are written, and the names of their variables. */
struct emit_scope {
	struct idl_text *out;
	unsigned tabs;
	const char *tail;    /* the next byte of the variable part */
	const char *end;     /* end of the message: in take and check */
	const char *at;      /* place of an optional's value or a union's arm */
	const char *items;   /* place of the elements of a variable array */
	const char *index;   /* of a loop */
	const char *bytes;   /* the sum, when measuring */
	const char *loans;   /* of measure: what the array is lent to; NULL: it is copied */
	const char *is_lent; /* of put and take: was it lent, and need not be copied? NULL: no */
	const char *failure; /* the statement for malformed data: not in put */
};

/*
 * Scopes of the two messages in a procedure's functions, on both sides.
 * @failure: as in the struct; NULL: nothing can be malformed.
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

/* A value in C: expressions for the parts of a field or parameter; NULL: no such part. */
struct emit_variable {
	const char *value;
	const char *count;  /* of a variable array */
	const char *has;    /* flag of an optional */
	const char *length; /* of a string, if known; else NULL */
};

/* Buffers for the expressions of emit_param(). */
struct emit_param_text {
	char value[256];
	char count[256];
	char has[256];
};

/*
 * emit_param() - the C variable of a parameter in a generated function.
 * @prefix: of the stub's own variable, "" or "values->"; NULL: a parameter of the function, where
 * structs are pointers. @is_pointer: numbers, counts and flags are pointers.
 */
struct emit_variable emit_param(struct emit_param_text *text, const struct idl_field *param,
				const char *prefix, bool is_pointer);

void emit_measure(struct emit_scope scope, const struct idl_type *type, struct emit_variable v);
void emit_put(struct emit_scope scope, const struct idl_type *type, struct emit_variable v,
	      struct emit_place place);
void emit_check(struct emit_scope scope, const struct idl_type *type, struct emit_place place);
void emit_take(struct emit_scope scope, const struct idl_type *type, struct emit_variable v,
	       struct emit_place place);

/* emit_take_view() - check, and return a pointer into the packet, for a type that is viewed. */
void emit_take_view(struct emit_scope scope, const struct idl_type *type, struct emit_variable v,
		    struct emit_place place);

/* emit_take_count() - take the count of a variable array, and move the tail behind its elements. */
void emit_take_count(struct emit_scope scope, const struct idl_type *type, const char *count,
		     const char *at);

/*
 * emit_lend() - add an array of numbers to scope.loans. @way: "argument" or "result". @at, @bytes:
 * expressions of its place in the message and of its length.
 */
void emit_lend(struct emit_scope scope, const char *way, const struct idl_type *type,
	       const char *value, const char *at, const char *bytes);

/* Do statements about this type need scope.items, or scope.at? */
bool emit_needs_items(const struct idl_type *type, enum emit_operation operation);
bool emit_needs_at(const struct idl_type *type, enum emit_operation operation);

/* The same of the functions below. */
bool emit_needs_at_tail(const struct idl_type *type, enum emit_operation operation);

/* "results", "results + 12". Return: @buffer. */
const char *emit_place_text(char buffer[160], struct emit_place place);

/* As above, for a value whose fixed part is in the variable part. */
void emit_put_at_tail(struct emit_scope scope, const struct idl_type *type, struct emit_variable v);
void emit_check_at_tail(struct emit_scope scope, const struct idl_type *type);
void emit_take_at_tail(struct emit_scope scope, const struct idl_type *type,
		       struct emit_variable v);

/* emit_statement() - write a line, indented as deep as the scope. */
void emit_statement(struct emit_scope scope, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static inline struct emit_scope emit_deeper(struct emit_scope scope)
{
	scope.tabs++;
	return scope;
}

#endif
