/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * emit_value.c - see emit_value.h. The encoding is that of docs/encoding.md.
 *
 * A type is fixed, or it varies: then its statements move scope.tail. Arrays of numbers are carried
 * by one call of stub.h each, everything else element by element.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emit_value.h"

#define EXPRESSION 1024 /* two names of 63 letters, a few times over */

static void line(struct emit_scope scope, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void line(struct emit_scope scope, const char *format, ...)
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

static struct emit_scope deeper(struct emit_scope scope)
{
	scope.tabs++;
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
	line(scope, "if (%s)", condition);
	line(deeper(scope), "%s", scope.failure);
}

static void fail_unless_tail(struct emit_scope scope)
{
	line(scope, "if (!%s)", scope.tail);
	line(deeper(scope), "%s", scope.failure);
}

static void emit_loop(struct emit_scope scope, const char *count)
{
	line(scope, "for (uint32_t %s = 0; %s < %s; %s++)", scope.index, scope.index, count,
	     scope.index);
}

/* Is an array of it carried by one call of stub.h? */
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

/* The elements' fixed parts lie behind each other: move the tail behind them. */
static void pass_elements(struct emit_scope scope, const struct idl_type *element,
			  const char *count)
{
	if (element->fixed_bytes == 1)
		line(scope, "%s += %s;", scope.tail, count);
	else
		line(scope, "%s += %llu * (size_t)%s;", scope.tail,
		     (unsigned long long)element->fixed_bytes, count);
}

bool emit_needs_items(const struct idl_type *type, bool is_check)
{
	if (type->kind == IDL_OPTIONAL)
		type = type->element;
	if (type->kind != IDL_LIST)
		return false;
	return idl_varies(type->element) || (is_check && !type->element->any_bits);
}

bool emit_needs_at(const struct idl_type *type, bool is_check)
{
	if (type->kind != IDL_OPTIONAL)
		return false;
	return is_check ? !type->element->any_bits : idl_varies(type->element);
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
	line(scope, "for (uint32_t %s = 0; %s < %s; %s++) {", scope.index, scope.index, count,
	     scope.index);
	emit_measure(deeper(scope), type->element, element);
	line(scope, "}");
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
		line(scope, "if (!%s_measure(%s,\v%s))", type->declared->c_name,
		     address(text, v.value), address(sum, scope.bytes));
		line(deeper(scope), "%s", scope.failure);
		break;
	case IDL_STRING:
		if (v.length) {
			line(scope, "if (%s > %llu)", v.length, (unsigned long long)type->bound);
			line(deeper(scope), "%s", scope.failure);
			line(scope, "%s += %s + 1;", scope.bytes, v.length);
		} else {
			line(scope, "if (fly_length(%s,\v%llu) > %llu)", v.value,
			     (unsigned long long)type->bound, (unsigned long long)type->bound);
			line(deeper(scope), "%s", scope.failure);
			line(scope, "%s += fly_length(%s,\v%llu) + 1;", scope.bytes, v.value,
			     (unsigned long long)type->bound);
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
			line(scope, "%s += %s;", scope.bytes, v.count);
		else
			line(scope, "%s += %llu * %s;", scope.bytes,
			     (unsigned long long)type->element->fixed_bytes, v.count);
		if (idl_varies(type->element))
			measure_elements(scope, type, v, v.count);
		break;
	case IDL_OPTIONAL:
		line(scope, "if (%s) {", v.has);
		line(deeper(scope), "%s += %llu;", scope.bytes,
		     (unsigned long long)type->element->fixed_bytes);
		emit_measure(deeper(scope), type->element, v);
		line(scope, "}");
		break;
	}
}

/* ---- put ---- */

/* The elements of an array whose fixed parts lie at @place; what varies goes to the tail. */
static void put_elements(struct emit_scope scope, const struct idl_type *type,
			 struct emit_variable v, struct emit_place place)
{
	const struct idl_type *element = type->element;
	char count[EXPRESSION];
	char text[EXPRESSION];
	char at[160];

	count_text(count, type, v.count);
	emit_place_text(at, place);
	if (is_in_one_go(element)) {
		if (type->kind == IDL_ARRAY)
			line(scope, "fly_put_%ss(%s,\v%s,\v%s);", emit_access(element), at, v.value,
			     count);
		else
			line(scope, "%s = fly_put_%ss(%s,\v%s,\v%s);", scope.tail,
			     emit_access(element), at, v.value, count);
		return;
	}
	emit_loop(scope, count);
	element_place(text, scope, element, place);
	if (element->kind == IDL_STRING)
		line(deeper(scope),
		     "%s = fly_put_string(%s,\v%s,\v%s[%s],\vfly_length(%s[%s], %llu));",
		     scope.tail, text, scope.tail, v.value, scope.index, v.value, scope.index,
		     (unsigned long long)element->bound);
	else if (element->kind == IDL_ENUM)
		line(deeper(scope), "fly_put_i32(%s,\v(int32_t)%s[%s]);", text, v.value,
		     scope.index);
	else if (idl_varies(element))
		line(deeper(scope), "%s = %s_put(%s,\v%s,\v&%s[%s]);", scope.tail,
		     element->declared->c_name, text, scope.tail, v.value, scope.index);
	else
		line(deeper(scope), "%s_put(%s,\v&%s[%s]);", element->declared->c_name, text,
		     v.value, scope.index);
}

/* A value whose fixed part begins the variable part: of an optional, or of a union's arm. */
static void put_at_tail(struct emit_scope scope, const struct idl_type *type,
			struct emit_variable v)
{
	if (!idl_varies(type)) {
		emit_put(scope, type, v, (struct emit_place){scope.tail, 0});
		line(scope, "%s += %llu;", scope.tail, (unsigned long long)type->fixed_bytes);
		return;
	}
	line(scope, "%s = %s;", scope.at, scope.tail);
	line(scope, "%s += %llu;", scope.tail, (unsigned long long)type->fixed_bytes);
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
		line(scope, "fly_put_%s(%s,\v%s);", emit_access(type), at, v.value);
		break;
	case IDL_ENUM:
		line(scope, "fly_put_i32(%s,\v(int32_t)%s);", at, v.value);
		break;
	case IDL_STRUCT:
	case IDL_UNION:
		if (idl_varies(type))
			line(scope, "%s = %s_put(%s,\v%s,\v%s);", scope.tail,
			     type->declared->c_name, at, scope.tail, address(text, v.value));
		else
			line(scope, "%s_put(%s,\v%s);", type->declared->c_name, at,
			     address(text, v.value));
		break;
	case IDL_STRING:
		if (v.length)
			line(scope, "%s = fly_put_string(%s,\v%s,\v%s,\v%s);", scope.tail, at,
			     scope.tail, v.value, v.length);
		else
			line(scope, "%s = fly_put_string(%s,\v%s,\v%s,\vfly_length(%s, %llu));",
			     scope.tail, at, scope.tail, v.value, v.value,
			     (unsigned long long)type->bound);
		break;
	case IDL_ARRAY:
		put_elements(scope, type, v, place);
		break;
	case IDL_LIST:
		line(scope, "fly_put_u32(%s,\v%s);", at, v.count);
		if (is_in_one_go(type->element)) {
			put_elements(scope, type, v, (struct emit_place){scope.tail, 0});
		} else if (idl_varies(type->element)) {
			line(scope, "%s = %s;", scope.items, scope.tail);
			pass_elements(scope, type->element, v.count);
			put_elements(scope, type, v, (struct emit_place){scope.items, 0});
		} else {
			put_elements(scope, type, v, (struct emit_place){scope.tail, 0});
			pass_elements(scope, type->element, v.count);
		}
		break;
	case IDL_OPTIONAL:
		line(scope, "fly_put_bool(%s,\v%s);", at, v.has);
		line(scope, "if (%s) {", v.has);
		put_at_tail(deeper(scope), type->element, v);
		line(scope, "}");
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
	line(scope, "for (uint32_t %s = 0; %s < %s; %s++) {", index, index, count, index);
	/* The element's place is an expression already; it is not moved any further. */
	emit_check(deeper(scope), element, (struct emit_place){text, 0});
	line(scope, "}");
}

static void check_at_tail(struct emit_scope scope, const struct idl_type *type)
{
	if (!type->any_bits)
		line(scope, "%s = %s;", scope.at, scope.tail);
	line(scope, "%s = fly_check_room(%s,\v%s,\v%llu);", scope.tail, scope.tail, scope.end,
	     (unsigned long long)type->fixed_bytes);
	fail_unless_tail(scope);
	emit_check(scope, type, (struct emit_place){scope.at, 0});
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
		line(scope, "if (!fly_is_bool(%s))", at);
		line(deeper(scope), "%s", scope.failure);
		break;
	case IDL_ENUM:
		line(scope, "if (!%s_is_known(fly_get_i32(%s)))", type->declared->c_name, at);
		line(deeper(scope), "%s", scope.failure);
		break;
	case IDL_STRUCT:
	case IDL_UNION:
		if (idl_varies(type)) {
			line(scope, "%s = %s_check(%s,\v%s,\v%s);", scope.tail,
			     type->declared->c_name, at, scope.tail, scope.end);
			fail_unless_tail(scope);
		} else {
			line(scope, "if (!%s_check(%s))", type->declared->c_name, at);
			line(deeper(scope), "%s", scope.failure);
		}
		break;
	case IDL_STRING:
		line(scope, "%s = fly_check_string(%s,\v%s,\v%s,\v%llu);", scope.tail, at,
		     scope.tail, scope.end, (unsigned long long)type->bound);
		fail_unless_tail(scope);
		break;
	case IDL_ARRAY:
		count_text(text, type, NULL);
		check_elements(scope, type, text, place);
		break;
	case IDL_LIST:
		if (!type->element->any_bits)
			line(scope, "%s = %s;", scope.items, scope.tail);
		line(scope, "%s = fly_check_list(%s,\v%s,\v%s,\v%llu,\v%llu);", scope.tail, at,
		     scope.tail, scope.end, (unsigned long long)type->bound,
		     (unsigned long long)type->element->fixed_bytes);
		fail_unless_tail(scope);
		snprintf(text, sizeof text, "fly_get_u32(%.900s)", at);
		check_elements(scope, type, text, (struct emit_place){scope.items, 0});
		break;
	case IDL_OPTIONAL:
		line(scope, "if (!fly_is_bool(%s))", at);
		line(deeper(scope), "%s", scope.failure);
		line(scope, "if (fly_get_bool(%s)) {", at);
		check_at_tail(deeper(scope), type->element);
		line(scope, "}");
		break;
	}
}

/* ---- get ---- */

static void get_elements(struct emit_scope scope, const struct idl_type *type,
			 struct emit_variable v, struct emit_place place)
{
	const struct idl_type *element = type->element;
	char count[EXPRESSION];
	char text[EXPRESSION];
	char at[160];

	count_text(count, type, v.count);
	emit_place_text(at, place);
	if (is_in_one_go(element)) {
		if (type->kind == IDL_ARRAY)
			line(scope, "fly_get_%ss(%s,\v%s,\v%s);", emit_access(element), v.value, at,
			     count);
		else
			line(scope, "%s = fly_get_%ss(%s,\v%s,\v%s);", scope.tail,
			     emit_access(element), v.value, at, count);
		return;
	}
	emit_loop(scope, count);
	element_place(text, scope, element, place);
	if (element->kind == IDL_STRING)
		line(deeper(scope), "%s = fly_get_string(%s,\v%s,\v%s[%s]);", scope.tail, text,
		     scope.tail, v.value, scope.index);
	else if (element->kind == IDL_ENUM)
		line(deeper(scope), "%s[%s] =\v(%s)fly_get_i32(%s);", v.value, scope.index,
		     element->c_type, text);
	else if (idl_varies(element))
		line(deeper(scope), "%s = %s_get(%s,\v%s,\v&%s[%s]);", scope.tail,
		     element->declared->c_name, text, scope.tail, v.value, scope.index);
	else
		line(deeper(scope), "%s_get(%s,\v&%s[%s]);", element->declared->c_name, text,
		     v.value, scope.index);
}

static void get_at_tail(struct emit_scope scope, const struct idl_type *type,
			struct emit_variable v)
{
	if (!idl_varies(type)) {
		emit_get(scope, type, v, (struct emit_place){scope.tail, 0});
		line(scope, "%s += %llu;", scope.tail, (unsigned long long)type->fixed_bytes);
		return;
	}
	line(scope, "%s = %s;", scope.at, scope.tail);
	line(scope, "%s += %llu;", scope.tail, (unsigned long long)type->fixed_bytes);
	emit_get(scope, type, v, (struct emit_place){scope.at, 0});
}

void emit_get(struct emit_scope scope, const struct idl_type *type, struct emit_variable v,
	      struct emit_place place)
{
	char text[EXPRESSION];
	char at[160];

	emit_place_text(at, place);
	switch (type->kind) {
	case IDL_SCALAR:
		line(scope, "%s =\vfly_get_%s(%s);", v.value, emit_access(type), at);
		break;
	case IDL_ENUM:
		line(scope, "%s =\v(%s)fly_get_i32(%s);", v.value, type->c_type, at);
		break;
	case IDL_STRUCT:
	case IDL_UNION:
		if (idl_varies(type))
			line(scope, "%s = %s_get(%s,\v%s,\v%s);", scope.tail,
			     type->declared->c_name, at, scope.tail, address(text, v.value));
		else
			line(scope, "%s_get(%s,\v%s);", type->declared->c_name, at,
			     address(text, v.value));
		break;
	case IDL_STRING:
		line(scope, "%s = fly_get_string(%s,\v%s,\v%s);", scope.tail, at, scope.tail,
		     v.value);
		break;
	case IDL_ARRAY:
		get_elements(scope, type, v, place);
		break;
	case IDL_LIST:
		line(scope, "%s =\vfly_get_u32(%s);", v.count, at);
		if (is_in_one_go(type->element)) {
			get_elements(scope, type, v, (struct emit_place){scope.tail, 0});
		} else if (idl_varies(type->element)) {
			line(scope, "%s = %s;", scope.items, scope.tail);
			pass_elements(scope, type->element, v.count);
			get_elements(scope, type, v, (struct emit_place){scope.items, 0});
		} else {
			get_elements(scope, type, v, (struct emit_place){scope.tail, 0});
			pass_elements(scope, type->element, v.count);
		}
		break;
	case IDL_OPTIONAL:
		line(scope, "%s =\vfly_get_bool(%s);", v.has, at);
		line(scope, "if (%s) {", v.has);
		get_at_tail(deeper(scope), type->element, v);
		line(scope, "}");
		break;
	}
}

void emit_skip(struct emit_scope scope, const struct idl_type *type, struct emit_place place)
{
	char at[160];

	if (!idl_varies(type))
		return;
	emit_place_text(at, place);
	if (type->kind == IDL_STRING)
		line(scope, "%s += fly_get_u32(%s) + 1;", scope.tail, at);
	else if (type->element->fixed_bytes == 1)
		line(scope, "%s += fly_get_u32(%s);", scope.tail, at);
	else
		line(scope, "%s += %llu * (size_t)fly_get_u32(%s);", scope.tail,
		     (unsigned long long)type->element->fixed_bytes, at);
}

void emit_get_view(struct emit_scope scope, const struct idl_type *type, struct emit_variable v,
		   struct emit_place place)
{
	char at[160];
	char count[200];
	const char *pointer = scope.tail;

	emit_place_text(at, place);
	if (type->kind == IDL_ARRAY) {
		pointer = at;
		snprintf(count, sizeof count, "%llu", (unsigned long long)type->bound);
	} else {
		snprintf(count, sizeof count, "fly_get_u32(%s)", at);
	}
	if (!idl_is_direct(type)) {
		line(scope, "%s->at = %s;", v.value, pointer);
		line(scope, "%s->count =\v%s;", v.value, count);
	} else if (!strcmp(type->c_type, "uint8_t")) {
		line(scope, "*%s =\v%s;", v.value, pointer);
	} else if (pointer == at && place.offset) {
		line(scope, "*%s =\v(const %s *)(%s);", v.value, type->c_type, pointer);
	} else {
		line(scope, "*%s =\v(const %s *)%s;", v.value, type->c_type, pointer);
	}
	if (idl_is_direct(type) && type->kind == IDL_LIST)
		line(scope, "%s =\v%s;", v.count, count);
	emit_skip(scope, type, place);
}

/* ---- the functions of types ---- */

void emit_use(unsigned *uses, const struct idl_type *type, unsigned use)
{
	const struct idl_declaration *d;

	if (type->element) {
		emit_use(uses, type->element, use);
		return;
	}
	d = type->declared;
	if (!d || (uses[d->ordinal] & use) == use)
		return;
	uses[d->ordinal] |= use;
	if (d->discriminant)
		emit_use(uses, d->discriminant->type, use);
	for (const struct idl_field *f = d->fields; f; f = f->next)
		if (f->type)
			emit_use(uses, f->type, use);
}

/* The variable that a field is, in a function about *value. */
struct field_text {
	char value[256];
	char count[256];
	char has[256];
};

static struct emit_variable field_variable(struct field_text *text, const struct idl_declaration *d,
					   const struct idl_field *field)
{
	const char *name = field->name.text;

	if (d->what != IDL_IS_UNION) {
		snprintf(text->value, sizeof text->value, "value->%s", name);
		snprintf(text->count, sizeof text->count, "value->%s_count", name);
		snprintf(text->has, sizeof text->has, "value->has_%s", name);
	} else if (field->type && field->type->kind == IDL_LIST) {
		snprintf(text->value, sizeof text->value, "value->as.%s.%s", name, name);
		snprintf(text->count, sizeof text->count, "value->as.%s.%s_count", name, name);
	} else {
		snprintf(text->value, sizeof text->value, "value->as.%s", name);
	}
	return (struct emit_variable){.value = text->value, .count = text->count, .has = text->has};
}

static bool any_field(const struct idl_declaration *d, bool (*is)(const struct idl_type *, bool),
		      bool argument)
{
	for (const struct idl_field *f = d->fields; f; f = f->next)
		if (f->type && is(f->type, argument))
			return true;
	return false;
}

/* In a union it is the arm's value that needs scope.at, not an optional one. */
static bool arm_needs_at(const struct idl_type *type, bool is_check)
{
	return is_check ? !type->any_bits : idl_varies(type);
}

static bool needs_at(const struct idl_declaration *d, bool is_check)
{
	return any_field(d, d->what == IDL_IS_UNION ? arm_needs_at : emit_needs_at, is_check);
}

static void emit_label(struct emit_scope scope, const struct idl_type *tag,
		       const struct idl_value *label)
{
	const int64_t number =
		label->negative ? -(int64_t)label->magnitude : (int64_t)label->magnitude;

	if (tag->kind == IDL_ENUM) {
		const struct idl_enumerator *e = tag->declared->enumerators;

		while (e->value != number)
			e = e->next;
		line(scope, "case %s_%s:", tag->declared->c_name, e->name.text);
	} else if (number > INT32_MAX) {
		line(scope, "case %lldu:", (long long)number);
	} else if (number == INT32_MIN) {
		line(scope, "case -2147483647 - 1:");
	} else {
		line(scope, "case %lld:", (long long)number);
	}
}

/* The tag of a union as something that C can switch on. */
static const char *switch_text(char buffer[256], const struct idl_declaration *d, bool is_wire)
{
	const struct idl_type *tag = d->discriminant->type;

	if (is_wire)
		snprintf(buffer, 256, "%sfly_get_%s(at)",
			 tag->any_bits || tag->kind == IDL_ENUM ? "" : "(int)", emit_access(tag));
	else if (tag->kind == IDL_SCALAR && !tag->any_bits)
		snprintf(buffer, 256, "(int)value->%s", d->discriminant->name.text);
	else
		snprintf(buffer, 256, "value->%s", d->discriminant->name.text);
	return buffer;
}

/* A union's arms as a switch; @arm writes what is done in each. */
static void emit_arms(struct emit_scope scope, const struct idl_declaration *d, bool is_wire,
		      void (*arm)(struct emit_scope, const struct idl_type *, struct emit_variable),
		      const char *otherwise)
{
	const struct idl_type *tag = d->discriminant->type;
	struct field_text text;
	char on[256];
	bool has_default = false;

	line(scope, "switch (%s) {", switch_text(on, d, is_wire));
	for (const struct idl_field *f = d->fields; f; f = f->next) {
		for (const struct idl_label *label = f->labels; label; label = label->next)
			emit_label(scope, tag, &label->value);
		if (f->is_default)
			line(scope, "default:");
		has_default = has_default || f->is_default;
		if (f->type)
			arm(deeper(scope), f->type, field_variable(&text, d, f));
		line(deeper(scope), "break;");
	}
	if (!has_default) {
		line(scope, "default:");
		line(deeper(scope), "%s", otherwise);
	}
	line(scope, "}");
}

static void measure_arm(struct emit_scope scope, const struct idl_type *type,
			struct emit_variable v)
{
	line(scope, "%s += %llu;", scope.bytes, (unsigned long long)type->fixed_bytes);
	emit_measure(scope, type, v);
}

static void check_arm(struct emit_scope scope, const struct idl_type *type, struct emit_variable v)
{
	(void)v;
	check_at_tail(scope, type);
}

static void emit_type_measure(struct idl_text *out, const struct idl_declaration *d)
{
	const struct emit_scope scope = {
		.out = out,
		.tabs = 1,
		.bytes = "*bytes",
		.index = "i",
		.failure = "return false;",
	};

	if (!idl_varies(d->type))
		return;
	emit_line(out, "/* Adds what it has in the variable part; false: it breaks a bound. */");
	emit_line(out, "static bool %s_measure(const struct %s *value,\vuint32_t *bytes)",
		  d->c_name, d->c_name);
	emit_line(out, "{");
	if (d->what == IDL_IS_UNION) {
		emit_arms(scope, d, false, measure_arm, "break;");
	} else {
		for (const struct idl_field *f = d->fields; f; f = f->next) {
			struct field_text text;

			emit_measure(scope, f->type, field_variable(&text, d, f));
		}
	}
	emit_line(out, "\treturn true;\n}\n");
}

static void emit_type_put(struct idl_text *out, const struct idl_declaration *d)
{
	const bool is_union = d->what == IDL_IS_UNION;
	const bool varies = idl_varies(d->type);
	const struct emit_scope scope = {
		.out = out,
		.tabs = 1,
		.tail = "tail",
		.at = is_union ? "arm" : "inner",
		.items = "items",
		.index = "i",
	};
	uint64_t offset = 0;

	if (varies)
		emit_line(out,
			  "static uint8_t *%s_put(uint8_t *at,\vuint8_t *tail,\vconst struct %s "
			  "*value)",
			  d->c_name, d->c_name);
	else
		emit_line(out, "static void %s_put(uint8_t *at,\vconst struct %s *value)",
			  d->c_name, d->c_name);
	emit_line(out, "{");
	if (needs_at(d, false))
		emit_line(out, "\tuint8_t *%s;", scope.at);
	if (any_field(d, emit_needs_items, false))
		emit_line(out, "\tuint8_t *items;");
	if (needs_at(d, false) || any_field(d, emit_needs_items, false))
		emit_line(out, "%s", "");
	if (is_union) {
		char tag[256];
		const struct emit_variable v = {.value = tag};

		snprintf(tag, sizeof tag, "value->%s", d->discriminant->name.text);
		emit_put(scope, d->discriminant->type, v, (struct emit_place){"at", 0});
		if (varies)
			emit_arms(scope, d, false, put_at_tail, "break;");
	} else {
		for (const struct idl_field *f = d->fields; f; f = f->next) {
			struct field_text text;

			emit_put(scope, f->type, field_variable(&text, d, f),
				 (struct emit_place){"at", offset});
			offset += f->type->fixed_bytes;
		}
	}
	if (varies)
		emit_line(out, "\treturn tail;");
	emit_line(out, "}\n");
}

static void emit_type_check(struct idl_text *out, const struct idl_declaration *d)
{
	const bool is_union = d->what == IDL_IS_UNION;
	const bool varies = idl_varies(d->type);
	const struct emit_scope scope = {
		.out = out,
		.tabs = 1,
		.tail = "tail",
		.end = "end",
		.at = is_union ? "arm" : "inner",
		.items = "items",
		.index = "i",
		.failure = varies ? "return NULL;" : "return false;",
	};
	uint64_t offset = 0;

	if (d->type->any_bits)
		return;
	emit_line(out, varies ? "/* Where its variable part, which begins at tail, ends; NULL: "
				"malformed. */"
			      : "/* Is it well-formed? */");
	if (varies)
		emit_line(
			out,
			"static const uint8_t *%s_check(const uint8_t *at,\vconst uint8_t *tail,\v"
			"const uint8_t *end)",
			d->c_name);
	else
		emit_line(out, "static bool %s_check(const uint8_t *at)", d->c_name);
	emit_line(out, "{");
	if (needs_at(d, true))
		emit_line(out, "\tconst uint8_t *%s;", scope.at);
	if (any_field(d, emit_needs_items, true))
		emit_line(out, "\tconst uint8_t *items;");
	if (needs_at(d, true) || any_field(d, emit_needs_items, true))
		emit_line(out, "%s", "");
	if (is_union) {
		emit_check(scope, d->discriminant->type, (struct emit_place){"at", 0});
		emit_arms(scope, d, true, check_arm, scope.failure);
	} else {
		for (const struct idl_field *f = d->fields; f; f = f->next) {
			emit_check(scope, f->type, (struct emit_place){"at", offset});
			offset += f->type->fixed_bytes;
		}
	}
	emit_line(out, "\treturn %s;\n}\n", varies ? "tail" : "true");
}

static void emit_type_get(struct idl_text *out, const struct idl_declaration *d)
{
	const bool is_union = d->what == IDL_IS_UNION;
	const bool varies = idl_varies(d->type);
	const struct emit_scope scope = {
		.out = out,
		.tabs = 1,
		.tail = "tail",
		.at = is_union ? "arm" : "inner",
		.items = "items",
		.index = "i",
	};
	uint64_t offset = 0;

	if (varies)
		emit_line(out,
			  "static const uint8_t *%s_get(const uint8_t *at,\vconst uint8_t *tail,\v"
			  "struct %s *value)",
			  d->c_name, d->c_name);
	else
		emit_line(out, "static void %s_get(const uint8_t *at,\vstruct %s *value)",
			  d->c_name, d->c_name);
	emit_line(out, "{");
	if (needs_at(d, false))
		emit_line(out, "\tconst uint8_t *%s;", scope.at);
	if (any_field(d, emit_needs_items, false))
		emit_line(out, "\tconst uint8_t *items;");
	if (needs_at(d, false) || any_field(d, emit_needs_items, false))
		emit_line(out, "%s", "");
	if (is_union) {
		char tag[256];
		const struct emit_variable v = {.value = tag};

		snprintf(tag, sizeof tag, "value->%s", d->discriminant->name.text);
		emit_get(scope, d->discriminant->type, v, (struct emit_place){"at", 0});
		if (varies)
			emit_arms(scope, d, false, get_at_tail, "break;");
	} else {
		for (const struct idl_field *f = d->fields; f; f = f->next) {
			struct field_text text;

			emit_get(scope, f->type, field_variable(&text, d, f),
				 (struct emit_place){"at", offset});
			offset += f->type->fixed_bytes;
		}
	}
	if (varies)
		emit_line(out, "\treturn tail;");
	emit_line(out, "}\n");
}

/* A range, if the values have no gaps; else one by one. */
static void emit_enum_check(struct idl_text *out, const struct idl_declaration *d)
{
	const struct idl_enumerator *least = d->enumerators;
	const struct idl_enumerator *most = d->enumerators;
	int64_t n = 0;

	for (const struct idl_enumerator *e = d->enumerators; e; e = e->next, n++) {
		least = e->value < least->value ? e : least;
		most = e->value > most->value ? e : most;
	}
	emit_line(out, "static bool %s_is_known(int32_t number)\n{", d->c_name);
	if ((int64_t)most->value - least->value + 1 == n && least->value > INT32_MIN &&
	    most->value < INT32_MAX) {
		emit_line(out,
			  "\treturn number >= (int32_t)%s_%s &&\vnumber <= (int32_t)%s_%s;\n}\n",
			  d->c_name, least->name.text, d->c_name, most->name.text);
		return;
	}
	emit_line(out, "\tswitch (number) {");
	for (const struct idl_enumerator *e = d->enumerators; e; e = e->next)
		emit_line(out, "\tcase %s_%s:", d->c_name, e->name.text);
	emit_line(out, "\t\treturn true;\n\tdefault:\n\t\treturn false;\n\t}\n}\n");
}

void emit_type_functions(struct idl_text *out, const struct idl_file *file, const unsigned *uses)
{
	bool is_first = true;

	for (const struct idl_declaration *d = file->ordered; d; d = d->next_ordered) {
		const unsigned use = uses[d->ordinal];

		if (!use || (d->what == IDL_IS_ENUM && !(use & EMIT_USE_GET)))
			continue;
		if (is_first)
			idl_text_printf(out, "/* ---- types ---- */\n\n");
		is_first = false;
		if (d->what == IDL_IS_ENUM) {
			emit_enum_check(out, d);
			continue;
		}
		if (use & EMIT_USE_PUT) {
			emit_type_measure(out, d);
			emit_type_put(out, d);
		}
		if (use & EMIT_USE_GET) {
			emit_type_check(out, d);
			emit_type_get(out, d);
		}
	}
}
