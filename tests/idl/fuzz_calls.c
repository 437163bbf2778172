/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_calls.c - see fuzz_calls.h: variables for the parameters of a call, in allocations of
 * exactly their size, and what may and may not have become of them.
 */
#include <stdlib.h>

#include "fuzz_calls.h"

#define FILL 0x5a /* in variables of the caller that have no value */

static bool is_in(const struct call_parameter *p)
{
	return p->direction & CALL_IN;
}

static bool is_out(const struct call_parameter *p)
{
	return p->direction & CALL_OUT;
}

static bool is_by_value(const struct value_field *field)
{
	return field->array == VALUE_ONE && field->type->kind == VALUE_NUMBER;
}

/* Bytes that the stub may read of an in parameter: not one more is there. */
static size_t bytes_of_in(const struct value_field *field, const struct call_variable *v)
{
	if (is_by_value(field))
		return field->type->size;
	if (field->optional && !v->has)
		return 0;
	if (field->array == VALUE_VARIABLE)
		return field->type->size * (v->count < field->length ? v->count : field->length);
	if (field->array == VALUE_ONE && field->type->kind == VALUE_STRING)
		return strlen((const char *)v->data) + 1;
	return value_room(field);
}

static void *copy(const void *from, size_t n)
{
	void *to = malloc(n);

	CALL_CHECK(to);
	if (n)
		memcpy(to, from, n);
	return to;
}

static void set_variable(const struct call_parameter *p, struct call_variable *v,
			 struct value_place *place, const uint8_t **from)
{
	const struct value_field *field = &p->field;
	const size_t room = value_room(field);
	uint8_t *exact;

	memset(&v->has, FILL, 1);
	memset(&v->count, FILL, sizeof v->count);
	v->bytes = room;
	v->data = malloc(room + 1);
	CALL_CHECK(v->data);
	/* What is passed by value is read, even if it is not there. */
	memset(v->data, is_by_value(field) && is_in(p) ? 0 : FILL, room);
	v->data[room] = '\0'; /* behind a string that is too long */
	*place = (struct value_place){&v->has, &v->count, v->data};
	if (is_in(p))
		value_fill(field, *place, from);
	if (!is_out(p))
		v->bytes = bytes_of_in(field, v);
	exact = copy(v->data, v->bytes);
	free(v->data);
	v->data = exact;
	if (!is_out(p) && field->array == VALUE_VARIABLE && !v->bytes &&
	    !(field->optional && !v->has)) {
		free(exact);
		v->data = NULL; /* an array without elements may be NULL */
	}
	place->data = v->data;
	memcpy(&v->old_has, &v->has, 1);
	v->old_count = v->count;
	v->old_data = copy(v->data, v->bytes);
}

void call_set(struct call_variables *variables, const struct call_procedure *procedure,
	      const uint8_t *arguments, size_t bytes, bool wants_raised)
{
	const uint8_t *from = arguments;

	CALL_CHECK(procedure->n_parameters <= CALL_PARAMETERS_MAX);
	variables->procedure = procedure;
	for (uint32_t i = 0; i < procedure->n_parameters; i++)
		set_variable(&procedure->parameters[i], &variables->all[i], &variables->places[i],
			     &from);
	CALL_CHECK((size_t)(from - arguments) == bytes);
	variables->raised = NULL;
	if (procedure->raised_bytes && wants_raised) {
		variables->raised = malloc(procedure->raised_bytes);
		CALL_CHECK(variables->raised);
		memset(variables->raised, FILL, procedure->raised_bytes);
	}
}

void call_free(struct call_variables *variables)
{
	for (uint32_t i = 0; i < variables->procedure->n_parameters; i++) {
		free(variables->all[i].data);
		free(variables->all[i].old_data);
	}
	free(variables->raised);
}

/* Are so many bytes of this array lent? On a big-endian machine only bytes are. */
static bool is_long(const struct value_field *field, size_t n)
{
	const bool is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

	return n * field->type->size >= FLY_LOAN_LEAST && (is_little || field->type->size == 1);
}

static bool argument_is_lent(const struct call_parameter *p, const struct call_variable *v)
{
	return p->lends_argument &&
	       is_long(&p->field,
		       p->field.array == VALUE_VARIABLE ? v->old_count : p->field.length);
}

uint32_t call_n_lent_arguments(const struct call_variables *variables)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < variables->procedure->n_parameters; i++)
		n += argument_is_lent(&variables->procedure->parameters[i], &variables->all[i]);
	return n < FLY_LOANS ? n : FLY_LOANS;
}

static bool result_is_lent(const struct call_parameter *p)
{
	return p->lends_result && is_long(&p->field, p->field.length);
}

uint32_t call_n_lent_results(const struct call_variables *variables)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < variables->procedure->n_parameters; i++)
		n += result_is_lent(&variables->procedure->parameters[i]);
	return n < FLY_LOANS ? n : FLY_LOANS;
}

void call_spoil(struct call_variables *variables, bool are_lent)
{
	for (uint32_t i = 0; i < variables->procedure->n_parameters; i++) {
		const struct call_variable *v = &variables->all[i];

		const struct call_parameter *p = &variables->procedure->parameters[i];

		if (!is_out(p) && v->bytes && !(are_lent && argument_is_lent(p, v)))
			memset(v->data, 0xee, v->bytes);
	}
}

static bool data_is_unchanged(const struct call_variable *v)
{
	return !v->bytes || !memcmp(v->data, v->old_data, v->bytes);
}

static void check_unchanged(const struct call_variables *variables, bool are_lent)
{
	for (uint32_t i = 0; i < variables->procedure->n_parameters; i++) {
		const struct call_parameter *p = &variables->procedure->parameters[i];
		const struct call_variable *v = &variables->all[i];

		CALL_CHECK(!memcmp(&v->has, &v->old_has, 1));
		CALL_CHECK(v->count == v->old_count);
		if (is_out(p) && !(are_lent && result_is_lent(p)))
			CALL_CHECK(data_is_unchanged(v));
	}
}

void call_check_unchanged(const struct call_variables *variables)
{
	check_unchanged(variables, false);
}

void call_check_unchanged_but_lent(const struct call_variables *variables)
{
	check_unchanged(variables, true);
}

void call_check_bounded(const struct call_variables *variables)
{
	for (uint32_t i = 0; i < variables->procedure->n_parameters; i++) {
		const struct value_field *field = &variables->procedure->parameters[i].field;
		const struct call_variable *v = &variables->all[i];
		uint8_t has;

		if (!is_out(&variables->procedure->parameters[i]))
			continue;
		memcpy(&has, &v->has, 1);
		CALL_CHECK(has == v->old_has || has <= 1);
		CALL_CHECK(v->count == v->old_count || v->count <= field->length);
		if (field->array == VALUE_ONE && field->type->kind == VALUE_STRING)
			CALL_CHECK(data_is_unchanged(v) || memchr(v->data, '\0', v->bytes));
	}
}

void call_check_not_raised(const struct call_variables *variables)
{
	const uint8_t *raised = variables->raised;

	for (size_t i = 0; raised && i < sizeof(uint32_t); i++)
		CALL_CHECK(raised[i] == FILL);
}

void call_check_absent(const struct call_variables *variables)
{
	for (uint32_t i = 0; i < variables->procedure->n_parameters; i++) {
		const struct call_parameter *p = &variables->procedure->parameters[i];

		if (is_out(p) && p->field.optional && !variables->all[i].has)
			CALL_CHECK(data_is_unchanged(&variables->all[i]));
	}
}

void call_check_defaults(const struct call_procedure *procedure, const struct value_place *v)
{
	for (uint32_t i = 0; i < procedure->n_parameters; i++) {
		const struct value_field *field = &procedure->parameters[i].field;

		if (procedure->parameters[i].direction != CALL_OUT)
			continue;
		if (field->array == VALUE_VARIABLE)
			CALL_CHECK(*v[i].count == 0);
		if (field->array == VALUE_ONE && field->type->kind == VALUE_STRING)
			CALL_CHECK(*(const char *)v[i].data == '\0');
	}
}

void call_capture(const struct call_procedure *procedure, enum call_parameters which,
		  const struct value_place *v, struct value_stream *to)
{
	to->length = 0;
	for (uint32_t i = 0; i < procedure->n_parameters; i++) {
		const enum call_direction direction = procedure->parameters[i].direction;

		if (which == CALL_IN_ONLY  ? direction != CALL_IN
		    : which == CALL_ALL_IN ? direction == CALL_OUT
					   : direction == CALL_IN)
			continue;
		CALL_CHECK(value_capture(&procedure->parameters[i].field, v[i], to));
	}
}

const struct call_exception *call_capture_raised(const struct call_variables *variables,
						 struct value_stream *to)
{
	const struct call_procedure *p = variables->procedure;
	const struct call_exception *e = p->exceptions;
	uint32_t number;

	memcpy(&number, variables->raised, sizeof number);
	while (e != p->exceptions + p->n_exceptions && e->number != number)
		e++;
	CALL_CHECK(e != p->exceptions + p->n_exceptions);
	to->length = 0;
	if (e->field.type) {
		struct value_place place = {.data = (uint8_t *)variables->raised + e->field.at};

		CALL_CHECK(value_capture(&e->field, place, to));
	}
	return e;
}

void call_fill_results(const struct call_procedure *procedure, const struct value_place *v,
		       const uint8_t *results, size_t bytes)
{
	const uint8_t *from = results;

	for (uint32_t i = 0; i < procedure->n_parameters; i++)
		if (is_out(&procedure->parameters[i]))
			value_fill(&procedure->parameters[i].field, v[i], &from);
	CALL_CHECK((size_t)(from - results) == bytes);
}

int call_fill_raised(const struct call_exception *exception, void *raised, const uint8_t *fields)
{
	struct value_place place = {.data = (uint8_t *)raised + exception->field.at};

	if (exception->field.type)
		value_fill(&exception->field, place, &fields);
	return (int)exception->number;
}
