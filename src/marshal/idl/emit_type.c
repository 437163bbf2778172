/* SPDX-License-Identifier: BSD-3-Clause */
/* idl/emit_type.c - see emit_type.h. emit_value.c writes the statements about single values. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "emit_type.h"
#include "emit_value.h"

/* Note the use of a type and of all types in it. @uses: one entry per declaration. */
static void note_use(unsigned *uses, const struct idl_type *type, unsigned use)
{
	const struct idl_declaration *d;

	if (type->element) {
		note_use(uses, type->element, use);
		return;
	}
	d = type->declared;
	if (!d || (uses[d->ordinal] & use) == use)
		return;
	uses[d->ordinal] |= use;
	if (d->discriminant)
		note_use(uses, d->discriminant->type, use);
	for (const struct idl_field *f = d->fields; f; f = f->next)
		if (f->type)
			note_use(uses, f->type, use);
}

/* The C variable of a field, in a function about *value. */
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

static bool any_field(const struct idl_declaration *d,
		      bool (*is)(const struct idl_type *, enum emit_operation),
		      enum emit_operation operation)
{
	for (const struct idl_field *f = d->fields; f; f = f->next)
		if (f->type && is(f->type, operation))
			return true;
	return false;
}

static bool needs_at(const struct idl_declaration *d, enum emit_operation operation)
{
	/* an optional cannot be an arm */
	return any_field(d, d->what == IDL_IS_UNION ? emit_needs_at_tail : emit_needs_at,
			 operation);
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
		emit_statement(scope, "case %s_%s:", tag->declared->c_name, e->name.text);
	} else if (number > INT32_MAX) {
		emit_statement(scope, "case %lldu:", (long long)number);
	} else if (number == INT32_MIN) {
		emit_statement(scope, "case -2147483647 - 1:");
	} else {
		emit_statement(scope, "case %lld:", (long long)number);
	}
}

/* The tag of a union as an expression for switch: in a check, the variable that it was read into.
 */
static const char *switch_text(char buffer[256], const struct idl_declaration *d, bool is_check)
{
	const struct idl_type *tag = d->discriminant->type;

	if (is_check)
		snprintf(buffer, 256, "number");
	else if (tag->kind == IDL_SCALAR && !tag->any_bits)
		snprintf(buffer, 256, "(int)value->%s", d->discriminant->name.text);
	else
		snprintf(buffer, 256, "value->%s", d->discriminant->name.text);
	return buffer;
}

/* Write a switch over a union's arms; @arm writes the statements of one arm. */
static void emit_arms(struct emit_scope scope, const struct idl_declaration *d, bool is_check,
		      void (*arm)(struct emit_scope, const struct idl_type *, struct emit_variable),
		      const char *otherwise)
{
	const struct idl_type *tag = d->discriminant->type;
	struct field_text text;
	char on[256];
	bool has_default = false;

	emit_statement(scope, "switch (%s) {", switch_text(on, d, is_check));
	for (const struct idl_field *f = d->fields; f; f = f->next) {
		for (const struct idl_label *label = f->labels; label; label = label->next)
			emit_label(scope, tag, &label->value);
		if (f->is_default)
			emit_statement(scope, "default:");
		has_default = has_default || f->is_default;
		if (f->type)
			arm(emit_deeper(scope), f->type, field_variable(&text, d, f));
		emit_statement(emit_deeper(scope), "break;");
	}
	if (!has_default) {
		emit_statement(scope, "default:");
		emit_statement(emit_deeper(scope), "%s", otherwise);
	}
	emit_statement(scope, "}");
}

/* ---- functions of a struct or union ---- */

static void measure_arm(struct emit_scope scope, const struct idl_type *type,
			struct emit_variable v)
{
	emit_statement(scope, "%s += %llu;", scope.bytes, (unsigned long long)type->fixed_bytes);
	emit_measure(scope, type, v);
}

static void emit_measurer(struct idl_text *out, const struct idl_declaration *d)
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

/* The other three operations are alike. */
static void operate(enum emit_operation operation, struct emit_scope scope,
		    const struct idl_type *type, struct emit_variable v, struct emit_place place)
{
	if (operation == EMIT_PUT)
		emit_put(scope, type, v, place);
	else if (operation == EMIT_CHECK)
		emit_check(scope, type, place);
	else
		emit_take(scope, type, v, place);
}

static void check_arm(struct emit_scope scope, const struct idl_type *type, struct emit_variable v)
{
	(void)v;
	emit_check_at_tail(scope, type);
}

/* The tag is read once, into a variable. */
static void check_union(struct emit_scope scope, const struct idl_declaration *d)
{
	const struct idl_type *tag = d->discriminant->type;

	if (tag->kind == IDL_ENUM)
		emit_statement(scope, "if (!%s_is_known(number))", tag->declared->c_name);
	else if (!tag->any_bits)
		emit_statement(scope, "if (number > 1)");
	if (!tag->any_bits)
		emit_statement(emit_deeper(scope), "%s", scope.failure);
	emit_arms(scope, d, true, check_arm, scope.failure);
}

static void emit_union_body(struct emit_scope scope, const struct idl_declaration *d,
			    enum emit_operation operation)
{
	const struct idl_type *tag = d->discriminant->type;
	char value[256];
	const struct emit_variable v = {.value = value};

	if (operation == EMIT_CHECK) {
		check_union(scope, d);
		return;
	}
	snprintf(value, sizeof value, "value->%s", d->discriminant->name.text);
	if (operation == EMIT_TAKE && tag->any_bits)
		emit_statement(scope, "%s = fly_take_%s(at);", value, emit_access(tag));
	else
		operate(operation, scope, tag, v, (struct emit_place){"at", 0});
	if (operation == EMIT_TAKE && !d->type->any_bits)
		emit_arms(scope, d, false, emit_take_at_tail, scope.failure);
	else if (operation == EMIT_PUT && idl_varies(d->type))
		emit_arms(scope, d, false, emit_put_at_tail, "break;");
}

static void emit_struct_body(struct emit_scope scope, const struct idl_declaration *d,
			     enum emit_operation operation)
{
	uint64_t offset = 0;

	for (const struct idl_field *f = d->fields; f; f = f->next) {
		struct field_text text;

		operate(operation, scope, f->type, field_variable(&text, d, f),
			(struct emit_place){"at", offset});
		offset += f->type->fixed_bytes;
	}
}

static void emit_take_head(struct idl_text *out, const struct idl_declaration *d)
{
	if (idl_varies(d->type))
		emit_line(out, "/* Where its variable part, which begins at tail, ends; NULL: "
			       "malformed. */");
	else if (!d->type->any_bits)
		emit_line(out, "/* false: malformed. */");
	if (idl_varies(d->type))
		emit_line(out,
			  "static const uint8_t *%s_take(const uint8_t *at,\vconst uint8_t *tail,\v"
			  "const uint8_t *end,\vstruct %s *value)",
			  d->c_name, d->c_name);
	else
		emit_line(out, "static %s %s_%s(const uint8_t *at,\vstruct %s *value)",
			  d->type->any_bits ? "void" : "bool", d->c_name,
			  d->type->any_bits ? "get" : "take", d->c_name);
}

static void emit_head(struct idl_text *out, const struct idl_declaration *d,
		      enum emit_operation operation)
{
	const bool varies = idl_varies(d->type);

	switch (operation) {
	case EMIT_PUT:
		emit_line(out,
			  varies ? "static uint8_t *%s_put(uint8_t *at,\vuint8_t *tail,\v"
				   "const struct %s *value)"
				 : "static void %s_put(uint8_t *at,\vconst struct %s *value)",
			  d->c_name, d->c_name);
		break;
	case EMIT_CHECK:
		emit_line(out, varies ? "/* Where its variable part, which begins at tail, ends; "
					"NULL: malformed. */"
				      : "/* Is it well-formed? */");
		emit_line(out,
			  varies ? "static const uint8_t *%s_check(const uint8_t *at,\v"
				   "const uint8_t *tail,\vconst uint8_t *end)"
				 : "static bool %s_check(const uint8_t *at)",
			  d->c_name);
		break;
	case EMIT_TAKE:
		emit_take_head(out, d);
		break;
	}
}

static void emit_function_locals(struct idl_text *out, const struct idl_declaration *d,
				 enum emit_operation operation)
{
	const char *pointer = operation == EMIT_PUT ? "uint8_t" : "const uint8_t";
	const bool number = d->what == IDL_IS_UNION && operation == EMIT_CHECK;
	const bool at = needs_at(d, operation);
	const bool items = any_field(d, emit_needs_items, operation);

	if (number) {
		const struct idl_type *tag = d->discriminant->type;
		const bool is_bool = tag->kind == IDL_SCALAR && !tag->any_bits;

		emit_line(out, "\tconst %s number = fly_take_%s(at);",
			  is_bool ? "uint8_t" : tag->scalar->c_name,
			  is_bool ? "u8" : emit_access(tag));
	}
	if (at)
		emit_line(out, "\t%s *%s;", pointer, d->what == IDL_IS_UNION ? "arm" : "inner");
	if (items)
		emit_line(out, "\t%s *items;", pointer);
	if (number || at || items)
		emit_line(out, "%s", "");
}

static void emit_function(struct idl_text *out, const struct idl_declaration *d,
			  enum emit_operation operation)
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

	emit_head(out, d, operation);
	emit_line(out, "{");
	emit_function_locals(out, d, operation);
	if (is_union)
		emit_union_body(scope, d, operation);
	else
		emit_struct_body(scope, d, operation);
	if (varies)
		emit_line(out, "\treturn tail;");
	else if (operation != EMIT_PUT && !d->type->any_bits)
		emit_line(out, "\treturn true;");
	emit_line(out, "}\n");
}

/* ---- functions of an enum ---- */

/* One range if the values have no gaps; else each value. */
static void emit_enum_check(struct idl_text *out, const struct idl_declaration *d)
{
	const struct idl_enumerator *least = d->enumerators;
	const struct idl_enumerator *most = d->enumerators;
	int64_t n = 1;

	assert(least); /* check.c refuses an enum without values */
	for (const struct idl_enumerator *e = least->next; e; e = e->next, n++) {
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

static void emit_enum_take(struct idl_text *out, const struct idl_declaration *d)
{
	emit_line(out, "/* false: there is no such value. */");
	emit_line(out, "static bool %s_take(const uint8_t *at,\venum %s *value)\n{", d->c_name,
		  d->c_name);
	emit_line(out, "\tconst int32_t number = fly_take_i32(at);\n");
	emit_line(out, "\tif (!%s_is_known(number))\n\t\treturn false;", d->c_name);
	emit_line(out, "\t*value = (enum %s)number;\n\treturn true;\n}\n", d->c_name);
}

/* ---- all functions of a file ---- */

static void emit_functions(struct idl_text *out, const struct idl_declaration *d, unsigned use)
{
	if (d->what == IDL_IS_ENUM) {
		emit_enum_check(out, d);
		emit_enum_take(out, d);
		return;
	}
	if (use & EMIT_USE_SEND) {
		emit_measurer(out, d);
		emit_function(out, d, EMIT_PUT);
	}
	if ((use & EMIT_USE_CHECK) && !d->type->any_bits)
		emit_function(out, d, EMIT_CHECK);
	if (use & EMIT_USE_RECEIVE)
		emit_function(out, d, EMIT_TAKE);
}

void emit_types(struct idl_text *out, const struct idl_file *file, enum emit_use of_arguments,
		enum emit_use of_results)
{
	unsigned *uses = calloc(file->n_declarations + 1, sizeof *uses);
	bool is_first = true;

	if (!uses)
		abort();
	for (const struct idl_procedure *p = file->interface->procedures; p; p = p->next) {
		for (const struct idl_field *a = emit_first_argument(p); a;
		     a = emit_next_argument(a))
			note_use(uses, a->type, of_arguments);
		for (const struct idl_field *r = emit_first_result(p); r;
		     r = emit_next_result(p, r)) {
			note_use(uses, r->type, of_results);
			/* _view */
			if (of_results == EMIT_USE_RECEIVE && emit_viewed_struct(r->type))
				note_use(uses, r->type->element, EMIT_USE_CHECK);
		}
		/* a caller that passes no variable for an exception */
		for (const struct idl_raise *r = p->raises; r; r = r->next)
			if (r->exception->fields)
				note_use(uses, r->exception->type,
					 of_results == EMIT_USE_RECEIVE
						 ? EMIT_USE_RECEIVE | EMIT_USE_CHECK
						 : of_results);
	}
	for (const struct idl_declaration *d = file->ordered; d; d = d->next_ordered) {
		const unsigned use = uses[d->ordinal];

		if (!use || (d->what == IDL_IS_ENUM && !(use & EMIT_USE_RECEIVE)))
			continue;
		if (is_first)
			idl_text_printf(out, "/* ---- types ---- */\n\n");
		is_first = false;
		emit_functions(out, d, use);
	}
	free(uses);
}

/* ---- a whole message ---- */

static const struct idl_field *first(const struct idl_procedure *p, enum emit_message message)
{
	return message == EMIT_ARGUMENTS ? emit_first_argument(p) : emit_first_result(p);
}

static const struct idl_field *next(const struct idl_procedure *p, enum emit_message message,
				    const struct idl_field *f)
{
	return message == EMIT_ARGUMENTS ? emit_next_argument(f) : emit_next_result(p, f);
}

bool emit_has_checks(const struct idl_procedure *p, enum emit_message message)
{
	for (const struct idl_field *f = first(p, message); f; f = next(p, message, f))
		if (!f->type->any_bits)
			return true;
	return false;
}
