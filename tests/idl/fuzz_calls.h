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
	bool lends_argument; /* the caller's stub lends it, when it is long */
	bool lends_result;
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
	/* As start; NULL: no argument can be lent. */
	int (*start_from)(struct fly_binding *binding, const struct value_place *v,
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

/* ---- what fuzz_calls.c does with them ------------------------------------------------------- */

/* Parameters that are captured together. */
enum call_parameters {
	CALL_ALL_IN,  /* inout too */
	CALL_IN_ONLY, /* not inout */
	CALL_ALL_OUT, /* inout too */
};

/* One variable of a caller, and what it was before the call. */
struct call_variable {
	bool has;
	uint32_t count;
	uint8_t *data; /* of exactly the bytes that the stub may touch */
	size_t bytes;
	uint8_t old_has;
	uint32_t old_count;
	uint8_t *old_data;
};

#define CALL_PARAMETERS_MAX 16

/* All of one call. */
struct call_variables {
	const struct call_procedure *procedure;
	struct call_variable all[CALL_PARAMETERS_MAX];
	struct value_place places[CALL_PARAMETERS_MAX];
	void *raised; /* NULL: the caller does not want to know */
};

/* call_set() - variables for a call with these arguments; call_free() them. */
void call_set(struct call_variables *variables, const struct call_procedure *procedure,
	      const uint8_t *arguments, size_t bytes, bool wants_raised);
void call_free(struct call_variables *variables);

/* call_spoil() - the in variables get other values, but for those that are lent. */
void call_spoil(struct call_variables *variables, bool are_lent);

/* How many arrays a call lends that can. */
uint32_t call_n_lent_arguments(const struct call_variables *variables);
uint32_t call_n_lent_results(const struct call_variables *variables);

/* Each ends the program if it is not so: */
void call_check_unchanged(const struct call_variables *variables);
/* The same of a call that has lent variables: there may be anything in these. */
void call_check_unchanged_but_lent(const struct call_variables *variables);
/* Results that are malformed in the middle may be there up to that place, within their bounds. */
void call_check_bounded(const struct call_variables *variables);
void call_check_not_raised(const struct call_variables *variables);
/* What stands for an optional result that is not there has not been written. */
void call_check_absent(const struct call_variables *variables);
/* In a procedure: counts of out arrays are 0 and out strings "". */
void call_check_defaults(const struct call_procedure *procedure, const struct value_place *v);

/* call_capture() - the values of parameters, one behind the other; @to begins anew. */
void call_capture(const struct call_procedure *procedure, enum call_parameters which,
		  const struct value_place *v, struct value_stream *to);

/* call_capture_raised() - fields of what was raised. Return: which it was. */
const struct call_exception *call_capture_raised(const struct call_variables *variables,
						 struct value_stream *to);

/* In a procedure: assign all results; or the fields of an exception: returns its number. */
void call_fill_results(const struct call_procedure *procedure, const struct value_place *v,
		       const uint8_t *results, size_t bytes);
int call_fill_raised(const struct call_exception *exception, void *raised, const uint8_t *fields);

/* call_bug() - says what is wrong and does not return. Whoever links the tables defines it. */
_Noreturn void call_bug(const char *file, int line, const char *what);

#define CALL_CHECK(condition)                                     \
	do {                                                      \
		if (!(condition))                                 \
			call_bug(__FILE__, __LINE__, #condition); \
	} while (0)

#endif
