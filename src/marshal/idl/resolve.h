/* SPDX-License-Identifier: BSD-3-Clause */
/* resolve.h - what the checks ask of resolve.c. */
#ifndef FIREFLY_IDL_RESOLVE_H
#define FIREFLY_IDL_RESOLVE_H

#include "ast.h"

/* What a declaration is called in messages: "a struct". */
const char *idl_what_name(const struct idl_declaration *declaration);

/*
 * idl_constant() - the value behind a value: of a constant, if it names one.
 * Return: false: it names none, which has been noted.
 */
bool idl_constant(struct idl_file *file, struct idl_value *value);

/* idl_describe_value() - a value in a message: "-5", "1.5", "a text", "'true'". */
const char *idl_describe_value(struct idl_file *file, const struct idl_value *value);

/*
 * idl_proposal() - "; did you mean 'X'?", for a name that is not known; "" if none is like it.
 * @what: the sum of 1 << IDL_IS_... of the declarations that it may be.
 */
const char *idl_proposal(struct idl_file *file, const char *name, unsigned what);

/*
 * idl_integer() - a value that must be a whole number of a range.
 * @what: for messages, as in "a version". @number: set on success.
 * Return: false: it is not, which has been noted.
 */
bool idl_integer(struct idl_file *file, struct idl_value value, int64_t least, uint64_t most,
		 const char *what, int64_t *number);

/* idl_resolve_field() - find the type of a declarator, or note what is wrong with it. */
void idl_resolve_field(struct idl_file *file, struct idl_field *field);

#endif
