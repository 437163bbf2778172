/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_calls.h - the procedures of an interface by tables: what they take, and how to call them.
 *
 * fly_tables.py writes a struct call_interface per interface, with functions that spread an array
 * of places over the parameters of the generated ones. The places are in the order of the
 * parameters, with that of the result last.
 */
#ifndef FIREFLY_TESTS_IDL_FUZZ_CALLS_H
#define FIREFLY_TESTS_IDL_FUZZ_CALLS_H

#include <firefly/stub.h>

#include "fuzz_values.h"

enum call_direction {
	CALL_IN = 1,
	CALL_OUT = 2,
	CALL_INOUT = 3,
};

struct call_parameter {
	enum call_direction direction;
	struct value_field field;
};

struct call_exception {
	const char *name;
	uint32_t number;
	struct value_field field; /* at: in struct PROCEDURE_raised; type NULL: it has no fields */
};

struct call_procedure {
	const char *name;
	uint32_t number;
	uint32_t argument_bytes; /* at the very most */
	uint32_t result_bytes;   /* of results or exception, at the very most */
	uint8_t flags;
	uint32_t n_parameters;
	const struct call_parameter *parameters;
	uint32_t n_exceptions;
	const struct call_exception *exceptions;
	size_t raised_bytes; /* of struct PROCEDURE_raised; 0: the procedure declares none */

	int (*plain)(struct fly_binding *binding, const struct value_place *v, void *raised);
	int (*start)(struct fly_binding *binding, const struct value_place *v,
		     struct fly_call **call);
	int (*finish)(struct fly_call *call, const struct value_place *v, void *raised);
	/* Copies what the view leads to; the call is still to be released. NULL: has none. */
	int (*view)(struct fly_call *call, const struct value_place *v, void *raised);
};

struct call_interface {
	const char *name;
	uint32_t version;
	uint32_t n_procedures;
	const struct call_procedure *procedures;
	const void *table; /* the struct of function pointers */
	size_t table_bytes;
	int (*export_it)(const void *table, void *context);
	int (*import_it)(struct fly_binding **binding);
	bool (*constants_are_right)(void);
};

/*
 * call_serve() - each procedure of the server comes here. Whoever links the tables defines it.
 * Return: what the procedure returns.
 */
int call_serve(const struct call_procedure *procedure, void *context, const struct value_place *v,
	       void *raised);

/* call_bug() - a view that changed a variable of its caller though it failed. */
void call_bug(const char *file, int line, const char *what);

#define CALL_CHECK(condition)                                     \
	do {                                                      \
		if (!(condition))                                 \
			call_bug(__FILE__, __LINE__, #condition); \
	} while (0)

#endif
