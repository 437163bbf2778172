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
