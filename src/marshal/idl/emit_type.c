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

static bool any_field(const struct idl_declaration *d, bool (*is)(const struct idl_type *, bool),
		      bool argument)
{
	for (const struct idl_field *f = d->fields; f; f = f->next)
		if (f->type && is(f->type, argument))
			return true;
	return false;
}

/* In a union, arms that need scope.at; an optional cannot be an arm. */
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
		emit_statement(scope, "case %s_%s:", tag->declared->c_name, e->name.text);
	} else if (number > INT32_MAX) {
		emit_statement(scope, "case %lldu:", (long long)number);
	} else if (number == INT32_MIN) {
		emit_statement(scope, "case -2147483647 - 1:");
	} else {
		emit_statement(scope, "case %lld:", (long long)number);
	}
}

/* The tag of a union as an expression for switch. */
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

/* Write a switch over a union's arms; @arm writes the statements of one arm. */
static void emit_arms(struct emit_scope scope, const struct idl_declaration *d, bool is_wire,
		      void (*arm)(struct emit_scope, const struct idl_type *, struct emit_variable),
		      const char *otherwise)
{
	const struct idl_type *tag = d->discriminant->type;
	struct field_text text;
	char on[256];
	bool has_default = false;

	emit_statement(scope, "switch (%s) {", switch_text(on, d, is_wire));
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
enum operation {
	PUT,
	CHECK,
	GET,
};

static void operate(enum operation operation, struct emit_scope scope, const struct idl_type *type,
		    struct emit_variable v, struct emit_place place)
{
	if (operation == PUT)
		emit_put(scope, type, v, place);
	else if (operation == CHECK)
		emit_check(scope, type, place);
	else
		emit_get(scope, type, v, place);
}

static void check_arm(struct emit_scope scope, const struct idl_type *type, struct emit_variable v)
{
	(void)v;
	emit_check_at_tail(scope, type);
}

static void emit_union_body(struct emit_scope scope, const struct idl_declaration *d,
			    enum operation operation)
{
	char tag[256];
	const struct emit_variable v = {.value = tag};

	snprintf(tag, sizeof tag, "value->%s", d->discriminant->name.text);
	operate(operation, scope, d->discriminant->type, v, (struct emit_place){"at", 0});
	if (operation == CHECK)
		emit_arms(scope, d, true, check_arm, scope.failure);
	else if (idl_varies(d->type))
		emit_arms(scope, d, false, operation == PUT ? emit_put_at_tail : emit_get_at_tail,
			  "break;");
}

static void emit_struct_body(struct emit_scope scope, const struct idl_declaration *d,
			     enum operation operation)
{
	uint64_t offset = 0;

	for (const struct idl_field *f = d->fields; f; f = f->next) {
		struct field_text text;

		operate(operation, scope, f->type, field_variable(&text, d, f),
			(struct emit_place){"at", offset});
		offset += f->type->fixed_bytes;
	}
}

static void emit_head(struct idl_text *out, const struct idl_declaration *d,
		      enum operation operation)
{
	const bool varies = idl_varies(d->type);

	switch (operation) {
	case PUT:
		emit_line(out,
			  varies ? "static uint8_t *%s_put(uint8_t *at,\vuint8_t *tail,\v"
				   "const struct %s *value)"
				 : "static void %s_put(uint8_t *at,\vconst struct %s *value)",
			  d->c_name, d->c_name);
		break;
	case CHECK:
		emit_line(out, varies ? "/* Where its variable part, which begins at tail, ends; "
					"NULL: malformed. */"
				      : "/* Is it well-formed? */");
		emit_line(out,
			  varies ? "static const uint8_t *%s_check(const uint8_t *at,\v"
				   "const uint8_t *tail,\vconst uint8_t *end)"
				 : "static bool %s_check(const uint8_t *at)",
			  d->c_name);
		break;
	case GET:
		emit_line(out,
			  varies ? "static const uint8_t *%s_get(const uint8_t *at,\v"
				   "const uint8_t *tail,\vstruct %s *value)"
				 : "static void %s_get(const uint8_t *at,\vstruct %s *value)",
			  d->c_name, d->c_name);
		break;
	}
}

static void emit_function(struct idl_text *out, const struct idl_declaration *d,
			  enum operation operation)
{
	const bool is_union = d->what == IDL_IS_UNION;
	const bool varies = idl_varies(d->type);
	const bool at = needs_at(d, operation == CHECK);
	const bool items = any_field(d, emit_needs_items, operation == CHECK);
	const char *pointer = operation == PUT ? "uint8_t" : "const uint8_t";
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
	if (at)
		emit_line(out, "\t%s *%s;", pointer, scope.at);
	if (items)
		emit_line(out, "\t%s *items;", pointer);
	if (at || items)
		emit_line(out, "%s", "");
	if (is_union)
		emit_union_body(scope, d, operation);
	else
		emit_struct_body(scope, d, operation);
	if (varies)
		emit_line(out, "\treturn tail;");
	else if (operation == CHECK)
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

/* ---- all functions of a file ---- */

static void emit_functions(struct idl_text *out, const struct idl_declaration *d, unsigned use)
{
	if (d->what == IDL_IS_ENUM) {
		emit_enum_check(out, d);
		return;
	}
	if (use & EMIT_USE_SEND) {
		emit_measurer(out, d);
		emit_function(out, d, PUT);
	}
	if (use & EMIT_USE_RECEIVE) {
		if (!d->type->any_bits)
			emit_function(out, d, CHECK);
		emit_function(out, d, GET);
	}
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
		     r = emit_next_result(p, r))
			note_use(uses, r->type, of_results);
		for (const struct idl_raise *r = p->raises; r; r = r->next)
			if (r->exception->fields)
				note_use(uses, r->exception->type, of_results);
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

void emit_soundness(struct idl_text *out, const struct idl_interface *interface,
		    const struct idl_procedure *p, enum emit_message message)
{
	/* The message, and its name, in the generated function. */
	static const struct {
		const char *parameter;
		const char *name;
		const char *at;
		const char *length;
		const char *constant;
	} sides[] = {
		[EMIT_ARGUMENTS] = {"const struct fly_served *served", "arguments",
				    "served->arguments", "served->argument_bytes",
				    "ARGUMENT_BYTES"},
		[EMIT_RESULTS] = {"const struct fly_call *call", "results", "call->payload",
				  "call->length", "RESULT_BYTES"},
	};
	const char *name = sides[message].name;
	const char *length = sides[message].length;
	const bool varies = emit_varies(message == EMIT_ARGUMENTS ? &p->arguments : &p->results);
	const struct emit_scope scope = {
		.out = out,
		.tabs = 1,
		.tail = "tail",
		.end = "end",
		.at = "inner",
		.items = "items",
		.index = "i",
		.failure = "return false;",
	};
	bool at = false;
	bool items = false;

	if (!emit_has_checks(p, message))
		return;
	for (const struct idl_field *f = first(p, message); f; f = next(p, message, f)) {
		at = at || emit_needs_at(f->type, true);
		items = items || emit_needs_items(f->type, true);
	}
	emit_line(out, "/* Are the %s complete, and within their bounds? */", name);
	emit_line(out, "static bool %s_%s_%s_are_sound(%s)\n{", interface->name.text, p->name.text,
		  name, sides[message].parameter);
	emit_line(out, "\tconst uint8_t *%s = %s;", name, sides[message].at);
	if (varies) {
		emit_line(out, "\tconst uint8_t *end = %s + %s;", name, length);
		emit_line(out, "\tconst uint8_t *tail;");
	}
	if (at)
		emit_line(out, "\tconst uint8_t *inner;");
	if (items)
		emit_line(out, "\tconst uint8_t *items;");
	emit_line(out, "%s", "");
	emit_line(out, "\tif (%s %s\v%s_%s_%s)", length, varies ? "<" : "!=", interface->name.text,
		  p->name.text, sides[message].constant);
	emit_line(out, "\t\treturn false;");
	if (varies)
		emit_line(out, "\ttail = %s +\v%s_%s_%s;", name, interface->name.text, p->name.text,
			  sides[message].constant);
	for (const struct idl_field *f = first(p, message); f; f = next(p, message, f))
		emit_check(scope, f->type,
			   (struct emit_place){name, message == EMIT_ARGUMENTS ? f->argument_offset
									       : f->result_offset});
	emit_line(out, "\treturn %s;\n}\n", varies ? "tail == end" : "true");
}
