/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/compare.c - may programs built from an older interface file talk to newer ones?
 *
 * A newer server must accept all arguments of older callers: arguments may only allow more than
 * before. Older callers must accept all results: results may only allow less than before. Older
 * servers may also meet newer callers, so results may not allow less either. Names are not sent and
 * may change, except those of procedures. Names are compared all the same: they show that two
 * fields of the same layout have changed places.
 */
#include <string.h>

#include "resolve.h"

struct comparison {
	struct idl_file *file; /* the newer file, which gets the errors */
	struct idl_span span;  /* of the parameter or the exception */
	const char *name;      /* name of the parameter or exception */
	const char *procedure;
	enum idl_direction direction;
};

static void note(const struct comparison *c, const char *what)
{
	idl_error(c->file, c->span, "'%.200s' of '%.64s' %s", c->name, c->procedure, what);
}

static const char *describe(struct idl_file *file, const struct idl_type *type)
{
	switch (type->kind) {
	case IDL_SCALAR:
		return type->scalar->name;
	case IDL_ENUM:
		return "an enum";
	case IDL_STRUCT:
		return "a struct";
	case IDL_UNION:
		return "a union";
	case IDL_STRING:
		return "a string";
	case IDL_ARRAY:
		return idl_printf(file, "%llu times %s", (unsigned long long)type->bound,
				  describe(file, type->element));
	case IDL_LIST:
		return idl_printf(file, "a variable array of %s", describe(file, type->element));
	default:
		return idl_printf(file, "optional %s", describe(file, type->element));
	}
}

static void note_layout(const struct comparison *c, const struct idl_type *old,
			const struct idl_type *new)
{
	note(c, idl_printf(c->file, "has another layout: where it had %s, it has %s",
			   describe(c->file, old), describe(c->file, new)));
}

static bool has_value(const struct idl_declaration *d, int32_t value)
{
	const struct idl_enumerator *e = d->enumerators;

	while (e && e->value != value)
		e = e->next;
	return e;
}

static const struct idl_enumerator *find_enumerator(const struct idl_declaration *d,
						    const char *name)
{
	const struct idl_enumerator *e = d->enumerators;

	while (e && strcmp(e->name.text, name) != 0)
		e = e->next;
	return e;
}

static void compare_enums(const struct comparison *c, const struct idl_declaration *old,
			  const struct idl_declaration *new)
{
	for (const struct idl_enumerator *e = old->enumerators; e; e = e->next) {
		const struct idl_enumerator *now = find_enumerator(new, e->name.text);

		if (!has_value(new, e->value))
			note(c, idl_printf(c->file, "has lost the value %d ('%.64s')", e->value,
					   e->name.text));
		else if (now && now->value != e->value)
			note(c,
			     idl_printf(c->file, "has another value '%.64s': it was %d and is %d",
					e->name.text, e->value, now->value));
	}
	if (c->direction == IDL_IN)
		return;
	for (const struct idl_enumerator *e = new->enumerators; e; e = e->next)
		if (!has_value(old, e->value))
			note(c,
			     idl_printf(c->file,
					"may return the new value %d ('%.64s'), which old callers "
					"do not know",
					e->value, e->name.text));
}

static void compare_bounds(const struct comparison *c, const struct idl_type *old,
			   const struct idl_type *new)
{
	if (new->bound < old->bound)
		note(c, idl_printf(c->file, "has a narrower bound: %llu, and it was %llu",
				   (unsigned long long)new->bound, (unsigned long long)old->bound));
	else if (new->bound > old->bound && c->direction != IDL_IN)
		note(c,
		     idl_printf(c->file, "has a wider bound, %llu: old callers have room for %llu",
				(unsigned long long)new->bound, (unsigned long long)old->bound));
}

static void compare_types(const struct comparison *c, const struct idl_type *old,
			  const struct idl_type *new);

/* Compare two fields at the same position. @all_old: shows whether fields changed places. */
static void compare_fields(const struct comparison *c, const struct idl_field *all_old,
			   const struct idl_field *old, const struct idl_field *new)
{
	const unsigned n_errors = c->file->n_errors;
	const struct idl_field *o = all_old;

	compare_types(c, old->type, new->type);
	if (c->file->n_errors != n_errors || !strcmp(old->name.text, new->name.text))
		return;
	while (o && strcmp(o->name.text, new->name.text) != 0)
		o = o->next;
	/* of another type: a name used again for something else */
	if (o && o->type->kind == new->type->kind && o->type->scalar == new->type->scalar)
		note(c, idl_printf(c->file, "stands where '%.64s' was", old->name.text));
}

static void compare_structs(const struct comparison *c, const struct idl_type *old,
			    const struct idl_type *new)
{
	const struct idl_field *o = old->declared->fields;
	const struct idl_field *n = new->declared->fields;

	for (; o && n; o = o->next, n = n->next) {
		struct comparison inner = *c;

		inner.name = idl_printf(c->file, "%s.%s", c->name, n->name.text);
		compare_fields(&inner, old->declared->fields, o, n);
	}
	if (o)
		note(c, idl_printf(c->file, "has lost the field '%.64s'", o->name.text));
	else if (n)
		note(c, idl_printf(c->file, "has the new field '%.64s'", n->name.text));
}

static bool is_label(const struct idl_field *arm, const struct idl_value *value)
{
	const struct idl_label *label = arm->labels;

	while (label && (label->value.magnitude != value->magnitude ||
			 label->value.negative != value->negative))
		label = label->next;
	return label;
}

/* The arm for a value; NULL: none. @value NULL: the default arm. */
static const struct idl_field *find_arm(const struct idl_declaration *d,
					const struct idl_value *value)
{
	const struct idl_field *otherwise = NULL;

	for (const struct idl_field *arm = d->fields; arm; arm = arm->next) {
		if (value && is_label(arm, value))
			return arm;
		if (arm->is_default)
			otherwise = arm;
	}
	return otherwise;
}

static bool has_label(const struct idl_declaration *d, const struct idl_value *value)
{
	const struct idl_field *arm = d->fields;

	while (arm && !is_label(arm, value))
		arm = arm->next;
	return arm;
}

static struct idl_value enumerator_value(const struct idl_enumerator *e)
{
	return (struct idl_value){
		.kind = IDL_INTEGER,
		.negative = e->value < 0,
		.magnitude = (uint64_t)(e->value < 0 ? -(int64_t)e->value : e->value),
	};
}

/* Compare the arms for a value. @value NULL: for values that are a case of neither union. */
static void compare_arms(const struct comparison *c, const struct idl_declaration *old,
			 const struct idl_declaration *new, const struct idl_value *value)
{
	const struct idl_field *o = find_arm(old, value);
	const struct idl_field *n = find_arm(new, value);
	const char *which =
		value ? idl_printf(c->file, "case %s", idl_describe_value(c->file, value))
		      : "default";

	if (o && !n)
		note(c, idl_printf(c->file, "has lost the %s of its union", which));
	else if (!o && n && c->direction != IDL_IN)
		note(c, idl_printf(c->file, "may return the new %s of its union", which));
	else if (o && n && !o->type != !n->type)
		note(c, idl_printf(c->file, "has another type in the %s of its union", which));
	else if (o && n && o->type)
		compare_types(c, o->type, n->type);
}

/* Can the tag have a value that is a case of neither union, although there is a default? */
static bool has_other_values(const struct idl_declaration *old, const struct idl_declaration *new)
{
	const struct idl_type *tag = old->discriminant->type;
	struct idl_value value = {.kind = IDL_INTEGER};

	if (tag->kind == IDL_ENUM) {
		for (const struct idl_enumerator *e = tag->declared->enumerators; e; e = e->next) {
			value = enumerator_value(e);
			if (!has_label(old, &value) && !has_label(new, &value))
				return true;
		}
		return false;
	}
	if (tag->scalar->is_integer)
		return true;
	for (; value.magnitude < 2; value.magnitude++)
		if (!has_label(old, &value) && !has_label(new, &value))
			return true;
	return false;
}

/* Was this a value of the old tag? If not, compare_enums() reports it. */
static bool was_value(const struct idl_declaration *old, const struct idl_value *value)
{
	const struct idl_type *tag = old->discriminant->type;

	return tag->kind != IDL_ENUM ||
	       has_value(tag->declared, (int32_t)(value->negative ? -(int64_t)value->magnitude
								  : (int64_t)value->magnitude));
}

static void compare_unions(const struct comparison *c, const struct idl_declaration *old,
			   const struct idl_declaration *new)
{
	compare_types(c, old->discriminant->type, new->discriminant->type);
	for (const struct idl_field *arm = old->fields; arm; arm = arm->next)
		for (const struct idl_label *label = arm->labels; label; label = label->next)
			compare_arms(c, old, new, &label->value);
	for (const struct idl_field *arm = new->fields; arm; arm = arm->next)
		for (const struct idl_label *label = arm->labels; label; label = label->next)
			if (!has_label(old, &label->value) && was_value(old, &label->value))
				compare_arms(c, old, new, &label->value);
	if (has_other_values(old, new))
		compare_arms(c, old, new, NULL);
}

/*
 * Compare declarations once per direction: without the note in `fits`, 40 nested structs with two
 * fields each would take 2^40 comparisons.
 */
static void compare_declared(const struct comparison *c, const struct idl_type *old,
			     const struct idl_type *new)
{
	const struct idl_declaration **fits = &new->declared->fits[c->direction];
	const unsigned n_errors = c->file->n_errors;

	if (*fits == old->declared || !idl_is_shown(c->file))
		return;
	if (old->kind == IDL_STRUCT)
		compare_structs(c, old, new);
	else
		compare_unions(c, old->declared, new->declared);
	if (c->file->n_errors == n_errors)
		*fits = old->declared;
}

static void compare_types(const struct comparison *c, const struct idl_type *old,
			  const struct idl_type *new)
{
	if (old->kind != new->kind) {
		note_layout(c, old, new);
		return;
	}
	switch (old->kind) {
	case IDL_SCALAR:
		if (strcmp(old->scalar->access, new->scalar->access) != 0)
			note_layout(c, old, new);
		break;
	case IDL_ENUM:
		compare_enums(c, old->declared, new->declared);
		break;
	case IDL_STRUCT:
	case IDL_UNION:
		compare_declared(c, old, new);
		break;
	case IDL_STRING:
		compare_bounds(c, old, new);
		break;
	case IDL_ARRAY:
		if (old->bound != new->bound)
			note_layout(c, old, new);
		else
			compare_types(c, old->element, new->element);
		break;
	case IDL_LIST:
		compare_bounds(c, old, new);
		compare_types(c, old->element, new->element);
		break;
	case IDL_OPTIONAL:
		compare_types(c, old->element, new->element);
		break;
	}
}

static void compare_params(struct comparison *c, const struct idl_procedure *old,
			   const struct idl_procedure *new)
{
	const struct idl_field *o = old->params;
	const struct idl_field *n = new->params;

	for (; o && n; o = o->next, n = n->next) {
		c->span = n->name.span;
		c->name = n->name.text;
		c->direction = n->direction;
		if (o->direction == n->direction)
			compare_fields(c, old->params, o, n);
		else
			note(c, "has another direction");
	}
	if (o)
		idl_error(c->file, new->name.span, "'%.64s' has lost the parameter '%.64s'",
			  new->name.text, o->name.text);
	else if (n)
		idl_error(c->file, n->name.span, "'%.64s' is a new parameter of '%.64s'",
			  n->name.text, new->name.text);
}

static void compare_results(struct comparison *c, const struct idl_procedure *old,
			    const struct idl_procedure *new)
{
	if (!old->result != !new->result) {
		idl_error(c->file, new->name.span, "'%.64s' %s a result", new->name.text,
			  old->result ? "no longer has" : "now has");
	} else if (old->result) {
		c->span = new->result->type_name.span;
		c->name = "the result";
		c->direction = IDL_OUT;
		compare_types(c, old->result->type, new->result->type);
	}
}

static const struct idl_raise *find_raise(const struct idl_procedure *procedure, int32_t number)
{
	const struct idl_raise *r = procedure->raises;

	while (r && r->exception->number != number)
		r = r->next;
	return r;
}

static const struct idl_raise *find_raise_of(const struct idl_procedure *procedure,
					     const char *name)
{
	const struct idl_raise *r = procedure->raises;

	while (r && strcmp(r->name.text, name) != 0)
		r = r->next;
	return r;
}

/* Callers must know every exception that a procedure may raise. */
static void compare_raises(struct comparison *c, const struct idl_procedure *old,
			   const struct idl_procedure *new)
{
	for (const struct idl_raise *r = new->raises; r; r = r->next) {
		const struct idl_raise *o = find_raise(old, r->exception->number);
		const struct idl_raise *namesake = find_raise_of(old, r->name.text);

		c->span = r->name.span;
		c->name = r->name.text;
		c->direction = IDL_OUT;
		if (o && namesake && namesake != o)
			note(c, idl_printf(c->file, "has another number: it was %d and is %d",
					   namesake->exception->number, r->exception->number));
		else if (o)
			compare_types(c, o->exception->type, r->exception->type);
		else
			note(c, "is an exception that old callers do not know");
	}
	for (const struct idl_raise *o = old->raises; o; o = o->next)
		if (!find_raise(new, o->exception->number))
			idl_error(c->file, new->name.span,
				  "'%.64s' no longer raises '%.64s' (%d), and old servers do",
				  new->name.text, o->name.text, o->exception->number);
}

static const struct idl_procedure *find_procedure(const struct idl_file *file, const char *name)
{
	const struct idl_procedure *p = file->interface->procedures;

	while (p && strcmp(p->name.text, name) != 0)
		p = p->next;
	return p;
}

void idl_compare(struct idl_file *file, const struct idl_file *old)
{
	struct idl_interface *interface = file->interface;

	if (!interface || !old->interface) {
		idl_error(file, (struct idl_span){0}, "there is no interface in %s",
			  interface ? old->sources->name : file->sources->name);
		return;
	}
	if (strcmp(interface->name.text, old->interface->name.text) != 0)
		idl_error(file, interface->name.span,
			  "the interface was '%.64s': no caller finds it",
			  old->interface->name.text);
	if (interface->version != old->interface->version)
		idl_error(file, interface->version_span,
			  "the version was %llu: callers of one are not bound to servers of the "
			  "other",
			  (unsigned long long)old->interface->version);
	for (const struct idl_procedure *o = old->interface->procedures; o; o = o->next) {
		const struct idl_procedure *n = find_procedure(file, o->name.text);
		struct comparison c = {.file = file, .procedure = o->name.text};

		if (!n) {
			idl_error(file, interface->name.span, "the procedure '%.64s' is gone",
				  o->name.text);
			continue;
		}
		if (n->number != o->number)
			idl_error(file, n->name.span, "the number of '%.64s' was %u and is %u",
				  n->name.text, o->number, n->number);
		compare_params(&c, o, n);
		compare_results(&c, o, n);
		compare_raises(&c, o, n);
	}
}
