/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * emit_type.h - the functions of generated code that know a type, or all of a message.
 *
 * Each generated file has its own, static, of what it uses: NAME_measure() and NAME_put() of
 * structs and unions that it sends, NAME_check() and NAME_get() of those that it receives,
 * NAME_is_known() of enums that it receives.
 */
#ifndef FIREFLY_IDL_EMIT_TYPE_H
#define FIREFLY_IDL_EMIT_TYPE_H

#include "emit.h"

/* What a file does with a message and the types in it. */
enum emit_use {
	EMIT_USE_SEND = 1,
	EMIT_USE_RECEIVE = 2,
};

/* emit_types() - the functions of all types in arguments, and in results and exceptions. */
void emit_types(struct idl_text *out, const struct idl_file *file, enum emit_use of_arguments,
		enum emit_use of_results);

/* A message of a procedure: what is received on either side. */
enum emit_message {
	EMIT_ARGUMENTS,
	EMIT_RESULTS,
};

/* Is there more to check about it than its length? */
bool emit_has_checks(const struct idl_procedure *procedure, enum emit_message message);

/*
 * emit_soundness() - if so, a function that does: NAME_arguments_are_sound(served), or
 * NAME_results_are_sound(call).
 */
void emit_soundness(struct idl_text *out, const struct idl_interface *interface,
		    const struct idl_procedure *procedure, enum emit_message message);

#endif
