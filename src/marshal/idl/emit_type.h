/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/emit_type.h - generated functions about one type, or about a whole message.
 *
 * Each generated file has static functions for the types that it uses: NAME_measure() and
 * NAME_put() of structs and unions that it sends, NAME_check() and NAME_get() of those that it
 * receives, NAME_is_known() of enums that it receives.
 */
#ifndef FIREFLY_IDL_EMIT_TYPE_H
#define FIREFLY_IDL_EMIT_TYPE_H

#include "emit.h"

/* What a file does with a message and the types in it. */
enum emit_use {
	EMIT_USE_SEND = 1,
	EMIT_USE_RECEIVE = 2,
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

/*
 * emit_soundness() - write the function with these checks, if any: NAME_arguments_are_sound(served)
 * or NAME_results_are_sound(call).
 */
void emit_soundness(struct idl_text *out, const struct idl_interface *interface,
		    const struct idl_procedure *procedure, enum emit_message message);

#endif
