/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/emit_type.h - generated functions about one type, or about a whole message.
 *
 * Each generated file has static functions for the types that it uses. Of structs and unions that
 * it sends: NAME_measure(), NAME_put(). Of those that it receives: NAME_take(), which checks and
 * gets, or NAME_get() if there is nothing to check; and NAME_check() where nothing is got: in a
 * view, and of an exception that its caller does not want. Of enums that it receives:
 * NAME_is_known(), NAME_take().
 */
#ifndef FIREFLY_IDL_EMIT_TYPE_H
#define FIREFLY_IDL_EMIT_TYPE_H

#include "emit.h"

/* What a file does with a message and the types in it. */
enum emit_use {
	EMIT_USE_SEND = 1,
	EMIT_USE_RECEIVE = 2,
	EMIT_USE_CHECK = 4,
};

/* emit_types() - write the functions of all types in arguments, results and exceptions. */
void emit_types(struct idl_text *out, const struct idl_file *file, enum emit_use of_arguments,
		enum emit_use of_results);

/* A message that one side receives. */
enum emit_message {
	EMIT_ARGUMENTS,
	EMIT_RESULTS,
};

/* Does the message need checks beyond its length? */
bool emit_has_checks(const struct idl_procedure *procedure, enum emit_message message);

#endif
