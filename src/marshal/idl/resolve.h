/* SPDX-License-Identifier: BSD-3-Clause */
/* idl/resolve.h - functions of resolve.c for check.c. */
#ifndef FIREFLY_IDL_RESOLVE_H
#define FIREFLY_IDL_RESOLVE_H

#include "ast.h"

/* The kind of a declaration in messages: "a struct". */
const char *idl_what_name(const struct idl_declaration *declaration);

/*
 * idl_constant() - replace the name of a constant by its value.
 * Return: false: there is no such constant, which has been noted.
 */
bool idl_constant(struct idl_file *file, struct idl_value *value);

/* idl_describe_value() - a value as text for messages: "-5", "1.5", "a text", "'true'". */
const char *idl_describe_value(struct idl_file *file, const struct idl_value *value);

/*
 * idl_proposal() - "; did you mean 'X'?" for an unknown name; "" if no name is like it.
 * @what: kinds that are allowed: the sum of 1 << IDL_IS_....
 */
const char *idl_proposal(struct idl_file *file, const char *name, unsigned what);

/*
 * idl_integer() - a value that must be a whole number in a range.
 * @what: for messages, as in "a version". @number: set on success.
 * Return: false: it is not, which has been noted.
 */
bool idl_integer(struct idl_file *file, struct idl_value value, int64_t least, uint64_t most,
		 const char *what, int64_t *number);

/* idl_resolve_field() - find the type of a declarator, or note an error. */
void idl_resolve_field(struct idl_file *file, struct idl_field *field);

#endif
