/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/emit_value.c - see emit_value.h. The encoding is in docs/encoding.md.
 *
 * Statements about a variable type move scope.tail; those about a fixed type do not. One call of
 * stub.h carries an array of numbers; all other arrays go element by element.
 *
 * The other side may change a message while it is read. So no statement reads a count, length,
 * flag, enum or discriminant that another statement has read: "take" reads and checks in one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emit_value.h"

#define EXPRESSION 1024 /* several names of up to 63 letters */

void emit_statement(struct emit_scope scope, const char *format, ...)
{
	struct idl_text text = {0};
	va_list args;

	for (unsigned i = 0; i < scope.tabs; i++)
		idl_text_append(&text, "\t", 1);
	va_start(args, format);
	idl_text_vprintf(&text, format, args);
	va_end(args);
	emit_line(scope.out, "%s", text.bytes);
	idl_text_free(&text);
}

struct emit_scope emit_argument_scope(struct idl_text *out, const struct idl_procedure *procedure,
				      const char *failure)
{
	const struct idl_names *names = &procedure->names;

	return (struct emit_scope){
		.out = out,
		.tabs = 1,
		.tail = names->tail,
		.end = names->end,
		.at = names->at,
		.items = names->items,
		.index = names->index,
		.bytes = names->bytes,
		.failure = failure,
	};
}

struct emit_scope emit_result_scope(struct idl_text *out, const struct idl_procedure *procedure,
				    const char *failure)
{
	struct emit_scope scope = emit_argument_scope(out, procedure, failure);

	/* its own names: a caller's function has both scopes */
	scope.tail = procedure->names.rest;
	scope.at = procedure->names.from;
	scope.items = procedure->names.elements;
	return scope;
}

const char *emit_place_text(char buffer[160], struct emit_place place)
{
	if (place.offset)
		snprintf(buffer, 160, "%s + %llu", place.base, (unsigned long long)place.offset);
	else
		snprintf(buffer, 160, "%s", place.base);
	return buffer;
}

/* The place of element i of an array: "results + 8 + 2 * i". */
static const char *element_place(char buffer[EXPRESSION], struct emit_scope scope,
				 const struct idl_type *element, struct emit_place place)
{
	char start[160];

	emit_place_text(start, place);
	if (element->fixed_bytes == 1)
		snprintf(buffer, EXPRESSION, "%s + %s", start, scope.index);
	else
		snprintf(buffer, EXPRESSION, "%s + %llu * (size_t)%s", start,
			 (unsigned long long)element->fixed_bytes, scope.index);
	return buffer;
}

static const char *address(char buffer[EXPRESSION], const char *value)
{
	if (value[0] == '*')
		snprintf(buffer, EXPRESSION, "%s", value + 1);
	else
		snprintf(buffer, EXPRESSION, "&%s", value);
	return buffer;
}

static void fail_if(struct emit_scope scope, const char *condition)
{
	emit_statement(scope, "if (%s)", condition);
	emit_statement(emit_deeper(scope), "%s", scope.failure);
}

static void fail_unless_tail(struct emit_scope scope)
{
	emit_statement(scope, "if (!%s)", scope.tail);
	emit_statement(emit_deeper(scope), "%s", scope.failure);
}

static void emit_loop(struct emit_scope scope, const char *count)
{
	emit_statement(scope, "for (uint32_t %s = 0; %s < %s; %s++)", scope.index, scope.index,
		       count, scope.index);
}

/* Does one call of stub.h carry an array of this type? */
static bool is_in_one_go(const struct idl_type *element)
{
	return element->kind == IDL_SCALAR;
}

static const char *count_text(char buffer[EXPRESSION], const struct idl_type *type,
			      const char *count)
{
	if (type->kind == IDL_LIST)
		snprintf(buffer, EXPRESSION, "%s", count);
	else
		snprintf(buffer, EXPRESSION, "%llu", (unsigned long long)type->bound);
	return buffer;
}

/* Move the tail behind the elements' fixed parts. */
static void pass_elements(struct emit_scope scope, const struct idl_type *element,
			  const char *count)
{
	if (element->fixed_bytes == 1)
		emit_statement(scope, "%s += %s;", scope.tail, count);
	else
		emit_statement(scope, "%s += %llu * (size_t)%s;", scope.tail,
			       (unsigned long long)element->fixed_bytes, count);
}

bool emit_needs_items(const struct idl_type *type, enum emit_operation operation)
{
	if (type->kind == IDL_OPTIONAL)
		type = type->element;
	if (type->kind != IDL_LIST)
		return false;
	if (operation == EMIT_PUT)
		return idl_varies(type->element);
	return operation == EMIT_TAKE || !type->element->any_bits;
}

bool emit_needs_at(const struct idl_type *type, enum emit_operation operation)
{
	return type->kind == IDL_OPTIONAL && emit_needs_at_tail(type->element, operation);
}

bool emit_needs_at_tail(const struct idl_type *type, enum emit_operation operation)
{
	if (operation == EMIT_PUT)
		return idl_varies(type);
	return operation == EMIT_TAKE || !type->any_bits;
}

struct emit_variable emit_param(struct emit_param_text *text, const struct idl_field *param,
				const char *prefix, bool is_pointer)
{
	const struct idl_type *type = param->type;
	const char *star = is_pointer ? "*" : "";
	const char *own = prefix ? prefix : "";
	const char *name = param->name.text;
	const char *value_star = "";

	if (type->kind == IDL_OPTIONAL)
		type = type->element;
	if (type->kind == IDL_STRUCT || type->kind == IDL_UNION)
		value_star = prefix ? "" : "*";
	else if (type->kind == IDL_SCALAR || type->kind == IDL_ENUM)
		value_star = star;
	snprintf(text->value, sizeof text->value, "%s%s%s", value_star, own, name);
	snprintf(text->count, sizeof text->count, "%s%s%s_count", star, own, name);
	snprintf(text->has, sizeof text->has, "%s%shas_%s", star, own, name);
	return (struct emit_variable){
		.value = text->value,
		.count = text->count,
		.has = text->has,
		.length = type->kind == IDL_STRING ? param->length_name : NULL,
	};
}

/* ---- measure ---- */

static void measure_elements(struct emit_scope scope, const struct idl_type *type,
			     struct emit_variable v, const char *count)
{
	char value[EXPRESSION];
	struct emit_variable element = {.value = value};

	snprintf(value, sizeof value, "%s[%s]", v.value, scope.index);
	emit_statement(scope, "for (uint32_t %s = 0; %s < %s; %s++) {", scope.index, scope.index,
		       count, scope.index);
	emit_measure(emit_deeper(scope), type->element, element);
	emit_statement(scope, "}");
}

void emit_lend(struct emit_scope scope, const char *way, const struct idl_type *type,
	       const char *value, const char *at, const char *bytes)
{
	emit_statement(scope, "fly_lend_%s(&%s,\v%s,\v%s,\v%s,\v%llu);", way, scope.loans, at,
		       value, bytes, (unsigned long long)type->element->fixed_bytes);
}

void emit_measure(struct emit_scope scope, const struct idl_type *type, struct emit_variable v)
{
	char text[EXPRESSION];
	char sum[EXPRESSION];

	if (!idl_varies(type))
		return;
	switch (type->kind) {
	case IDL_SCALAR:
	case IDL_ENUM:
		break;
	case IDL_STRUCT:
	case IDL_UNION:
		emit_statement(scope, "if (!%s_measure(%s,\v%s))", type->declared->c_name,
			       address(text, v.value), address(sum, scope.bytes));
		emit_statement(emit_deeper(scope), "%s", scope.failure);
		break;
	case IDL_STRING:
		if (v.length) {
			emit_statement(scope, "if (%s > %llu)", v.length,
				       (unsigned long long)type->bound);
			emit_statement(emit_deeper(scope), "%s", scope.failure);
			emit_statement(scope, "%s += %s + 1;", scope.bytes, v.length);
		} else {
			emit_statement(scope, "if (fly_length(%s,\v%llu) > %llu)", v.value,
				       (unsigned long long)type->bound,
				       (unsigned long long)type->bound);
			emit_statement(emit_deeper(scope), "%s", scope.failure);
			emit_statement(scope, "%s += fly_length(%s,\v%llu) + 1;", scope.bytes,
				       v.value, (unsigned long long)type->bound);
		}
		break;
	case IDL_ARRAY:
		count_text(text, type, NULL);
		measure_elements(scope, type, v, text);
		break;
	case IDL_LIST:
		snprintf(text, sizeof text, "%s > %llu", v.count, (unsigned long long)type->bound);
		fail_if(scope, text);
		if (type->element->fixed_bytes == 1)
			snprintf(text, sizeof text, "%s", v.count);
		else
			snprintf(text, sizeof text, "%llu * %s",
				 (unsigned long long)type->element->fixed_bytes, v.count);
		if (scope.loans)
			emit_lend(scope, "argument", type, v.value, scope.bytes, text);
		emit_statement(scope, "%s += %s;", scope.bytes, text);
		if (idl_varies(type->element))
			measure_elements(scope, type, v, v.count);
		break;
	case IDL_OPTIONAL:
		emit_statement(scope, "if (%s) {", v.has);
		emit_statement(emit_deeper(scope), "%s += %llu;", scope.bytes,
			       (unsigned long long)type->element->fixed_bytes);
		emit_measure(emit_deeper(scope), type->element, v);
		emit_statement(scope, "}");
		break;
	}
}

/* ---- put ---- */

/* Write an array of numbers, unless the library reads it where it is. */
static void put_numbers(struct emit_scope scope, const struct idl_type *type,
			struct emit_variable v, const char *at)
{
	const struct emit_scope inner = scope.is_lent ? emit_deeper(scope) : scope;
	const char *access = emit_access(type->element);
	char count[EXPRESSION];

	count_text(count, type, v.count);
	if (type->kind == IDL_ARRAY) {
		if (scope.is_lent)
			emit_statement(scope, "if (!%s)", scope.is_lent);
		emit_statement(inner, "fly_put_%ss(%s,\v%s,\v%s);", access, at, v.value, count);
		return;
	}
	if (scope.is_lent) {
		emit_statement(scope, "if (%s)", scope.is_lent);
		pass_elements(inner, type->element, count);
		emit_statement(scope, "else");
	}
	emit_statement(inner, "%s = fly_put_%ss(%s,\v%s,\v%s);", scope.tail, access, at, v.value,
		       count);
}

/* Write the elements of an array: fixed parts at @place, variable parts at the tail. */
static void put_elements(struct emit_scope scope, const struct idl_type *type,
			 struct emit_variable v, struct emit_place place)
{
	const struct idl_type *element = type->element;
	char count[EXPRESSION];
	char text[EXPRESSION];
	char at[160];

	emit_place_text(at, place);
	if (is_in_one_go(element)) {
		put_numbers(scope, type, v, at);
		return;
	}
	count_text(count, type, v.count);
	emit_loop(scope, count);
	element_place(text, scope, element, place);
	if (element->kind == IDL_STRING)
		emit_statement(emit_deeper(scope),
			       "%s = fly_put_string(%s,\v%s,\v%s[%s],\vfly_length(%s[%s], %llu));",
			       scope.tail, text, scope.tail, v.value, scope.index, v.value,
			       scope.index, (unsigned long long)element->bound);
	else if (element->kind == IDL_ENUM)
		emit_statement(emit_deeper(scope), "fly_put_i32(%s,\v(int32_t)%s[%s]);", text,
			       v.value, scope.index);
	else if (idl_varies(element))
		emit_statement(emit_deeper(scope), "%s = %s_put(%s,\v%s,\v&%s[%s]);", scope.tail,
			       element->declared->c_name, text, scope.tail, v.value, scope.index);
	else
		emit_statement(emit_deeper(scope), "%s_put(%s,\v&%s[%s]);",
			       element->declared->c_name, text, v.value, scope.index);
}

/* Write a value whose fixed part is in the variable part: of an optional, or of a union's arm. */
void emit_put_at_tail(struct emit_scope scope, const struct idl_type *type, struct emit_variable v)
{
	if (!idl_varies(type)) {
		emit_put(scope, type, v, (struct emit_place){scope.tail, 0});
		emit_statement(scope, "%s += %llu;", scope.tail,
			       (unsigned long long)type->fixed_bytes);
		return;
	}
	emit_statement(scope, "%s = %s;", scope.at, scope.tail);
	emit_statement(scope, "%s += %llu;", scope.tail, (unsigned long long)type->fixed_bytes);
	emit_put(scope, type, v, (struct emit_place){scope.at, 0});
}

void emit_put(struct emit_scope scope, const struct idl_type *type, struct emit_variable v,
	      struct emit_place place)
{
	char text[EXPRESSION];
	char at[160];

	emit_place_text(at, place);
	switch (type->kind) {
	case IDL_SCALAR:
		emit_statement(scope, "fly_put_%s(%s,\v%s);", emit_access(type), at, v.value);
		break;
	case IDL_ENUM:
		emit_statement(scope, "fly_put_i32(%s,\v(int32_t)%s);", at, v.value);
		break;
	case IDL_STRUCT:
	case IDL_UNION:
		if (idl_varies(type))
			emit_statement(scope, "%s = %s_put(%s,\v%s,\v%s);", scope.tail,
				       type->declared->c_name, at, scope.tail,
				       address(text, v.value));
		else
			emit_statement(scope, "%s_put(%s,\v%s);", type->declared->c_name, at,
				       address(text, v.value));
		break;
	case IDL_STRING:
		if (v.length)
			emit_statement(scope, "%s = fly_put_string(%s,\v%s,\v%s,\v%s);", scope.tail,
				       at, scope.tail, v.value, v.length);
		else
			emit_statement(scope,
				       "%s = fly_put_string(%s,\v%s,\v%s,\vfly_length(%s, %llu));",
				       scope.tail, at, scope.tail, v.value, v.value,
				       (unsigned long long)type->bound);
		break;
	case IDL_ARRAY:
		put_elements(scope, type, v, place);
		break;
	case IDL_LIST:
		emit_statement(scope, "fly_put_u32(%s,\v%s);", at, v.count);
		if (is_in_one_go(type->element)) {
			put_elements(scope, type, v, (struct emit_place){scope.tail, 0});
		} else if (idl_varies(type->element)) {
			emit_statement(scope, "%s = %s;", scope.items, scope.tail);
			pass_elements(scope, type->element, v.count);
			put_elements(scope, type, v, (struct emit_place){scope.items, 0});
		} else {
			put_elements(scope, type, v, (struct emit_place){scope.tail, 0});
			pass_elements(scope, type->element, v.count);
		}
		break;
	case IDL_OPTIONAL:
		emit_statement(scope, "fly_put_bool(%s,\v%s);", at, v.has);
		emit_statement(scope, "if (%s) {", v.has);
		emit_put_at_tail(emit_deeper(scope), type->element, v);
		emit_statement(scope, "}");
		break;
	}
}

/* ---- check ---- */

static void check_elements(struct emit_scope scope, const struct idl_type *type, const char *count,
			   struct emit_place place)
{
	const struct idl_type *element = type->element;
	const char *index = scope.index;
	char text[EXPRESSION];

	if (element->any_bits)
		return;
	element_place(text, scope, element, place);
	emit_statement(scope, "for (uint32_t %s = 0; %s < %s; %s++) {", index, index, count, index);
	/* the place is an expression with the index already */
	emit_check(emit_deeper(scope), element, (struct emit_place){text, 0});
	emit_statement(scope, "}");
}

void emit_check_at_tail(struct emit_scope scope, const struct idl_type *type)
{
	if (!type->any_bits)
		emit_statement(scope, "%s = %s;", scope.at, scope.tail);
	emit_statement(scope, "%s = fly_check_room(%s,\v%s,\v%llu);", scope.tail, scope.tail,
		       scope.end, (unsigned long long)type->fixed_bytes);
	fail_unless_tail(scope);
	emit_check(scope, type, (struct emit_place){scope.at, 0});
}

/* An array whose elements are checked too: its count, read once, is a variable. */
static void check_list(struct emit_scope scope, const struct idl_type *type, const char *at)
{
	const struct emit_scope inner = emit_deeper(scope);

	emit_statement(scope, "{");
	emit_statement(inner, "uint32_t count;\n");
	emit_statement(inner, "%s = %s;", scope.items, scope.tail);
	emit_statement(inner, "%s = fly_take_list(%s,\v%s,\v%s,\v%llu,\v%llu,\v&count);",
		       scope.tail, at, scope.tail, scope.end, (unsigned long long)type->bound,
		       (unsigned long long)type->element->fixed_bytes);
	fail_unless_tail(inner);
	check_elements(inner, type, "count", (struct emit_place){scope.items, 0});
	emit_statement(scope, "}");
}

static void check_optional(struct emit_scope scope, const struct idl_type *type, const char *at)
{
	const struct emit_scope inner = emit_deeper(scope);

	emit_statement(scope, "{");
	emit_statement(inner, "const uint8_t number = fly_take_u8(%s);\n", at);
	fail_if(inner, "number > 1");
	emit_statement(inner, "if (number) {");
	emit_check_at_tail(emit_deeper(inner), type->element);
	emit_statement(inner, "}");
	emit_statement(scope, "}");
}

void emit_check(struct emit_scope scope, const struct idl_type *type, struct emit_place place)
{
	char text[EXPRESSION];
	char at[EXPRESSION];

	if (type->any_bits)
		return;
	if (place.offset)
		snprintf(at, sizeof at, "%s + %llu", place.base, (unsigned long long)place.offset);
	else
		snprintf(at, sizeof at, "%s", place.base);
	switch (type->kind) {
	case IDL_SCALAR:
		emit_statement(scope, "if (!fly_is_bool(%s))", at);
		emit_statement(emit_deeper(scope), "%s", scope.failure);
		break;
	case IDL_ENUM:
		emit_statement(scope, "if (!%s_is_known(fly_take_i32(%s)))", type->declared->c_name,
			       at);
		emit_statement(emit_deeper(scope), "%s", scope.failure);
		break;
	case IDL_STRUCT:
	case IDL_UNION:
		if (idl_varies(type)) {
			emit_statement(scope, "%s = %s_check(%s,\v%s,\v%s);", scope.tail,
				       type->declared->c_name, at, scope.tail, scope.end);
			fail_unless_tail(scope);
		} else {
			emit_statement(scope, "if (!%s_check(%s))", type->declared->c_name, at);
			emit_statement(emit_deeper(scope), "%s", scope.failure);
		}
		break;
	case IDL_STRING:
		emit_statement(scope, "%s = fly_check_string(%s,\v%s,\v%s,\v%llu);", scope.tail, at,
			       scope.tail, scope.end, (unsigned long long)type->bound);
		fail_unless_tail(scope);
		break;
	case IDL_ARRAY:
		count_text(text, type, NULL);
		check_elements(scope, type, text, place);
		break;
	case IDL_LIST:
		if (!type->element->any_bits) {
			check_list(scope, type, at);
			break;
		}
		emit_statement(scope, "%s = fly_check_list(%s,\v%s,\v%s,\v%llu,\v%llu);",
			       scope.tail, at, scope.tail, scope.end,
			       (unsigned long long)type->bound,
			       (unsigned long long)type->element->fixed_bytes);
		fail_unless_tail(scope);
		break;
	case IDL_OPTIONAL:
		check_optional(scope, type, at);
		break;
	}
}

/* ---- take ---- */

static void take_number(struct emit_scope scope, const struct idl_type *type, const char *value,
			const char *at)
{
	char text[EXPRESSION];

	address(text, value);
	if (type->kind == IDL_ENUM)
		emit_statement(scope, "if (!%s_take(%s,\v%s))", type->declared->c_name, at, text);
	else
		emit_statement(scope, "if (!fly_take_bool(%s,\v%s))", at, text);
	emit_statement(emit_deeper(scope), "%s", scope.failure);
}

static void take_struct(struct emit_scope scope, const struct idl_type *type, const char *value,
			const char *at)
{
	const char *name = type->declared->c_name;
	char text[EXPRESSION];

	address(text, value);
	if (idl_varies(type)) {
		emit_statement(scope, "%s = %s_take(%s,\v%s,\v%s,\v%s);", scope.tail, name, at,
			       scope.tail, scope.end, text);
		fail_unless_tail(scope);
	} else if (!type->any_bits) {
		emit_statement(scope, "if (!%s_take(%s,\v%s))", name, at, text);
		emit_statement(emit_deeper(scope), "%s", scope.failure);
	} else {
		emit_statement(scope, "%s_get(%s,\v%s);", name, at, text);
	}
}

static void take_string(struct emit_scope scope, const struct idl_type *type, const char *value,
			const char *at)
{
	emit_statement(scope, "%s = fly_take_string(%s,\v%s,\v%s,\v%llu,\v%s);", scope.tail, at,
		       scope.tail, scope.end, (unsigned long long)type->bound, value);
	fail_unless_tail(scope);
}

/* Read the elements of an array: fixed parts at @place, variable parts at the tail. */
static void take_elements(struct emit_scope scope, const struct idl_type *type,
			  struct emit_variable v, struct emit_place place)
{
	const struct idl_type *element = type->element;
	const struct emit_scope inner = emit_deeper(scope);
	char count[EXPRESSION];
	char value[EXPRESSION];
	char text[EXPRESSION];
	char at[160];

	count_text(count, type, v.count);
	emit_place_text(at, place);
	if (is_in_one_go(element) && element->any_bits) {
		if (scope.is_lent)
			emit_statement(scope, "if (!%s)", scope.is_lent);
		emit_statement(scope.is_lent ? inner : scope, "fly_get_%ss(%s,\v%s,\v%s);",
			       emit_access(element), v.value, at, count);
		return;
	}
	if (is_in_one_go(element)) {
		emit_statement(scope, "if (!fly_take_bools(%s,\v%s,\v%s))", v.value, at, count);
		emit_statement(inner, "%s", scope.failure);
		return;
	}
	element_place(text, scope, element, place);
	snprintf(value, sizeof value, "%s[%s]", v.value, scope.index);
	if (element->any_bits) {
		emit_loop(scope, count);
		take_struct(inner, element, value, text);
		return;
	}
	emit_statement(scope, "for (uint32_t %s = 0; %s < %s; %s++) {", scope.index, scope.index,
		       count, scope.index);
	if (element->kind == IDL_STRING)
		take_string(inner, element, value, text);
	else if (element->kind == IDL_ENUM)
		take_number(inner, element, value, text);
	else
		take_struct(inner, element, value, text);
	emit_statement(scope, "}");
}

void emit_take_at_tail(struct emit_scope scope, const struct idl_type *type, struct emit_variable v)
{
	emit_statement(scope, "%s = %s;", scope.at, scope.tail);
	emit_statement(scope, "%s = fly_check_room(%s,\v%s,\v%llu);", scope.tail, scope.tail,
		       scope.end, (unsigned long long)type->fixed_bytes);
	fail_unless_tail(scope);
	emit_take(scope, type, v, (struct emit_place){scope.at, 0});
}

void emit_take_count(struct emit_scope scope, const struct idl_type *type, const char *count,
		     const char *at)
{
	char text[EXPRESSION];

	emit_statement(scope, "%s = fly_take_list(%s,\v%s,\v%s,\v%llu,\v%llu,\v%s);", scope.tail,
		       at, scope.tail, scope.end, (unsigned long long)type->bound,
		       (unsigned long long)type->element->fixed_bytes, address(text, count));
	fail_unless_tail(scope);
}

void emit_take(struct emit_scope scope, const struct idl_type *type, struct emit_variable v,
	       struct emit_place place)
{
	char at[160];

	emit_place_text(at, place);
	switch (type->kind) {
	case IDL_SCALAR:
		if (type->any_bits)
			emit_statement(scope, "%s =\vfly_get_%s(%s);", v.value, emit_access(type),
				       at);
		else
			take_number(scope, type, v.value, at);
		break;
	case IDL_ENUM:
		take_number(scope, type, v.value, at);
		break;
	case IDL_STRUCT:
	case IDL_UNION:
		take_struct(scope, type, v.value, at);
		break;
	case IDL_STRING:
		take_string(scope, type, v.value, at);
		break;
	case IDL_ARRAY:
		take_elements(scope, type, v, place);
		break;
	case IDL_LIST:
		emit_statement(scope, "%s = %s;", scope.items, scope.tail);
		emit_take_count(scope, type, v.count, at);
		take_elements(scope, type, v, (struct emit_place){scope.items, 0});
		break;
	case IDL_OPTIONAL:
		emit_statement(scope, "if (!fly_take_bool(%s,\v%s%s))", at,
			       v.has[0] == '*' ? "" : "&", v.has[0] == '*' ? v.has + 1 : v.has);
		emit_statement(emit_deeper(scope), "%s", scope.failure);
		emit_statement(scope, "if (%s) {", v.has);
		emit_take_at_tail(emit_deeper(scope), type->element, v);
		emit_statement(scope, "}");
		break;
	}
}

/* Numbers wider than a byte, enums, structs: a struct with the place and the count. */
static void take_wide_view(struct emit_scope scope, const struct idl_type *type, const char *value,
			   const char *at)
{
	char first[EXPRESSION];
	char count[EXPRESSION];

	snprintf(first, sizeof first, "%s->at", value);
	snprintf(count, sizeof count, "%s->count", value);
	if (type->kind == IDL_LIST) {
		emit_statement(scope, "%s = %s;", first, scope.tail);
		emit_take_count(scope, type, count, at);
	} else {
		emit_statement(scope, "%s = %s;", first, at);
		emit_statement(scope, "%s = %llu;", count, (unsigned long long)type->bound);
	}
	check_elements(scope, type, count, (struct emit_place){first, 0});
}

void emit_take_view(struct emit_scope scope, const struct idl_type *type, struct emit_variable v,
		    struct emit_place place)
{
	const char *pointer = scope.tail;
	char at[160];

	emit_place_text(at, place);
	if (!idl_is_direct(type)) {
		take_wide_view(scope, type, v.value, at);
		return;
	}
	if (type->kind == IDL_ARRAY)
		pointer = at;
	if (!strcmp(type->c_type, "uint8_t"))
		emit_statement(scope, "*%s =\v%s;", v.value, pointer);
	else if (pointer == at && place.offset)
		emit_statement(scope, "*%s =\v(const %s *)(%s);", v.value, type->c_type, pointer);
	else
		emit_statement(scope, "*%s =\v(const %s *)%s;", v.value, type->c_type, pointer);
	if (type->kind == IDL_LIST)
		emit_take_count(scope, type, v.count, at);
	else if (type->kind == IDL_STRING)
		emit_check(scope, type, place);
}
