/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/resolve.c - the meaning of names: constants get their values, declarators their types.
 *
 * Declarations may stand in any order. Each is resolved when first needed; one that is needed while
 * it is being resolved contains itself. The order in which they are completed is an order that C
 * accepts. A name that cannot be resolved is noted, and its type stays NULL.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <firefly/stub.h>

#include "resolve.h"

/* Sums and products of sizes stop here: larger than any message. */
#define SIZE_CAP (UINT64_C(1) << 40)

static uint64_t add(uint64_t a, uint64_t b)
{
	return a + b < SIZE_CAP ? a + b : SIZE_CAP;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
	return a != 0 && b > SIZE_CAP / a ? SIZE_CAP : a * b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

const char *idl_what_name(const struct idl_declaration *declaration)
{
	static const char *const names[] = {
		[IDL_IS_CONST] = "a constant",  [IDL_IS_ENUM] = "an enum",
		[IDL_IS_STRUCT] = "a struct",   [IDL_IS_UNION] = "a union",
		[IDL_IS_TYPEDEF] = "a typedef", [IDL_IS_EXCEPTION] = "an exception",
	};

	return names[declaration->what];
}

/* ---- names ---- */

static int compare_declarations(const void *a, const void *b)
{
	const struct idl_declaration *x = *(struct idl_declaration *const *)a;
	const struct idl_declaration *y = *(struct idl_declaration *const *)b;
	const int order = strcmp(x->name.text, y->name.text);

	if (order)
		return order;
	/* the file's own declarations come before those of its includes */
	if (!x->source->base != !y->source->base)
		return x->source->base ? -1 : 1;
	return x->name.span.begin < y->name.span.begin ? -1 : 1;
}

struct idl_declaration *idl_find(const struct idl_file *file, const char *name)
{
	size_t low = 0;
	size_t high = file->n_declarations;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (strcmp(file->by_name[middle]->name.text, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == file->n_declarations || strcmp(file->by_name[low]->name.text, name) != 0)
		return NULL;
	return file->by_name[low];
}

/* Collect declarations outside of interfaces, and those of the first file's interface. */
static void collect(struct idl_file *file, bool is_counting)
{
	size_t n = 0;

	for (const struct idl_source *s = file->sources; s; s = s->next) {
		for (struct idl_declaration *d = s->declarations; d; d = d->next, n++)
			if (!is_counting)
				file->by_name[n] = d;
		if (s != file->sources || !s->interface)
			continue;
		for (struct idl_declaration *d = s->interface->declarations; d; d = d->next, n++)
			if (!is_counting)
				file->by_name[n] = d;
	}
	file->n_declarations = n;
}

static void collect_names(struct idl_file *file)
{
	collect(file, true);
	file->by_name = idl_allocate(file, (file->n_declarations + 1) * sizeof *file->by_name);
	collect(file, false);
	if (file->n_declarations > 1)
		qsort(file->by_name, file->n_declarations, sizeof *file->by_name,
		      compare_declarations);
	for (size_t i = 0; i < file->n_declarations; i++) {
		struct idl_declaration *d = file->by_name[i];

		d->ordinal = (unsigned)i;
		d->c_name = d->name.text;
		if (d->in_interface)
			d->c_name =
				idl_printf(file, "%s_%s", file->interface->name.text, d->name.text);
		if (i > 0 && !strcmp(file->by_name[i - 1]->name.text, d->name.text)) {
			const struct idl_declaration *other = file->by_name[i - 1];

			idl_error(file, d->name.span,
				  "there is already %s called '%.64s', at %s:%u",
				  idl_what_name(other), d->name.text, other->source->name,
				  idl_is_shown(file) ? idl_line_at(file, other->name.span.begin)
						     : 0);
		}
	}
}

const char *idl_proposal(struct idl_file *file, const char *name, unsigned what)
{
	const struct idl_declaration *nearest = NULL;
	unsigned least = UINT_MAX;

	for (size_t i = 0; i < file->n_declarations && idl_is_shown(file); i++)
		if ((what >> file->by_name[i]->what & 1) &&
		    idl_is_nearer(name, file->by_name[i]->name.text, &least))
			nearest = file->by_name[i];
	return nearest ? idl_printf(file, "; did you mean '%.64s'?", nearest->name.text) : "";
}

/* ---- values ---- */

const char *idl_describe_value(struct idl_file *file, const struct idl_value *value)
{
	const char *sign = value->negative ? "-" : "";

	switch (value->kind) {
	case IDL_INTEGER:
		return idl_printf(file, "%s%llu", sign, (unsigned long long)value->magnitude);
	case IDL_REAL:
		return idl_printf(file, "%s%.40s", sign, value->text);
	case IDL_TRUTH:
		return value->magnitude ? "'true'" : "'false'";
	default:
		return "a text";
	}
}

bool idl_constant(struct idl_file *file, struct idl_value *value)
{
	const struct idl_declaration *earlier = NULL;
	const struct idl_span span = value->span;

	for (unsigned steps = 0; value->kind == IDL_NAMED; steps++) {
		const struct idl_declaration *d = idl_find(file, value->text);

		if (!d) {
			idl_error(file, span, "there is no constant called '%.64s'%s", value->text,
				  idl_proposal(file, value->text, 1 << IDL_IS_CONST));
			return false;
		}
		if (d->what != IDL_IS_CONST) {
			idl_error(file, span, "'%.64s' is %s, and a constant is expected",
				  value->text, idl_what_name(d));
			return false;
		}
		if (d == earlier) {
			idl_error(file, span, "the constant '%.64s' is its own value", value->text);
			return false;
		}
		if (steps == IDL_DEPTH_MAX) {
			idl_error(file, span, "the value is more than %d constants away",
				  IDL_DEPTH_MAX);
			return false;
		}
		if (!(steps & (steps - 1)))
			earlier = d; /* reaches every cycle in the end (Brent 1980) */
		*value = d->value;
	}
	value->span = span;
	return true;
}

bool idl_integer(struct idl_file *file, struct idl_value value, int64_t least, uint64_t most,
		 const char *what, int64_t *number)
{
	/* magnitude of the lower bound */
	const uint64_t depth = least < 0 ? (uint64_t)0 - (uint64_t)least : 0;

	if (!idl_constant(file, &value))
		return false;
	if (value.kind != IDL_INTEGER) {
		idl_error(file, value.span, "%s is a whole number, not %s", what,
			  idl_describe_value(file, &value));
		return false;
	}
	if (value.negative && value.magnitude == 0)
		value.negative = false;
	if (value.negative
		    ? value.magnitude > depth
		    : value.magnitude > most || (least > 0 && value.magnitude < (uint64_t)least)) {
		idl_error(file, value.span, "%s is a number from %lld to %llu, not %s", what,
			  (long long)least, (unsigned long long)most,
			  idl_describe_value(file, &value));
		return false;
	}
	*number = (int64_t)(value.negative ? (uint64_t)0 - value.magnitude : value.magnitude);
	return true;
}

/* Is this a number of the type? C would turn others into infinity or zero. */
static bool is_real_of(const struct idl_scalar *scalar, const char *text)
{
	const double number = scalar->bytes == 4 ? (double)strtof(text, NULL) : strtod(text, NULL);
	const char *end = text + strspn(text, "0.");

	return !isinf(number) && (number > 0 || !*end || *end == 'e' || *end == 'E');
}

static void resolve_constant(struct idl_file *file, struct idl_declaration *d)
{
	struct idl_value value = d->value;
	int64_t ignored;

	if (d->scalar_name.text) {
		d->scalar = idl_scalar_find(d->scalar_name.text);
		if (!d->scalar && idl_scalar_nearest(d->scalar_name.text)) {
			idl_error(file, d->scalar_name.span,
				  "'%.64s' is not a type of constants; did you mean '%s'?",
				  d->scalar_name.text, idl_scalar_nearest(d->scalar_name.text));
			return;
		}
		if (!d->scalar) {
			idl_error(file, d->scalar_name.span,
				  "'%.64s' is not a type of constants: these are bool, string, "
				  "and the types of numbers",
				  d->scalar_name.text);
			return;
		}
	}
	if (!idl_constant(file, &value))
		return;
	if (!d->scalar) {
		if (value.kind != IDL_TEXT)
			idl_error(file, value.span, "expected a text in quotes, found %s",
				  idl_describe_value(file, &value));
	} else if (d->scalar->is_integer) {
		if (!idl_integer(file, value, d->scalar->least, d->scalar->most,
				 idl_printf(file, "a constant of type %s", d->scalar->name),
				 &ignored))
			return;
	} else if (!d->scalar->any_bits) {
		if (value.kind != IDL_TRUTH)
			idl_error(file, value.span, "expected 'true' or 'false', found %s",
				  idl_describe_value(file, &value));
	} else if (value.kind != IDL_REAL && value.kind != IDL_INTEGER) {
		idl_error(file, value.span, "expected a number, found %s",
			  idl_describe_value(file, &value));
	} else if (value.kind == IDL_REAL && !is_real_of(d->scalar, value.text)) {
		idl_error(file, value.span, "no %s is as large or as small as %s", d->scalar->name,
			  idl_describe_value(file, &value));
	}
	d->value = value;
}

static void resolve_enum(struct idl_file *file, struct idl_declaration *d)
{
	bool is_known = true; /* is the next value known? */
	int64_t next = 0;

	for (struct idl_enumerator *e = d->enumerators; e; e = e->next) {
		if (e->given.kind != IDL_NO_VALUE)
			is_known = idl_integer(file, e->given, INT32_MIN, INT32_MAX,
					       "the value of an enum", &next);
		if (is_known && next > INT32_MAX) {
			idl_error(file, e->name.span, "the values of an enum end at %d", INT32_MAX);
			is_known = false;
		}
		e->has_value = is_known;
		e->value = is_known ? (int32_t)next++ : 0;
	}
}

/* ---- types ---- */

static struct idl_type *new_type(struct idl_file *file, enum idl_kind kind)
{
	struct idl_type *type = idl_allocate(file, sizeof *type);

	type->kind = kind;
	return type;
}

static const struct idl_type *scalar_type(struct idl_file *file, const struct idl_scalar *scalar)
{
	struct idl_type *type = new_type(file, IDL_SCALAR);

	type->scalar = scalar;
	type->c_type = scalar->c_name;
	type->fixed_bytes = type->c_bytes = scalar->bytes;
	type->any_bits = scalar->any_bits;
	return type;
}

static const struct idl_type *string_type(struct idl_file *file, const struct idl_field *field)
{
	struct idl_type *type;
	int64_t most;

	if (!idl_integer(file, field->string_max, 1, FLY_MESSAGE_MAX, "the length of a string",
			 &most))
		return NULL;
	type = new_type(file, IDL_STRING);
	type->c_type = "char";
	type->bound = (uint64_t)most;
	type->fixed_bytes = 4;
	type->tail_min = 1;
	type->tail_max = type->c_bytes = type->bound + 1;
	return type;
}

static void resolve_declaration(struct idl_file *file, struct idl_declaration *d, unsigned depth);

static void unknown_type(struct idl_file *file, const struct idl_name *name)
{
	const char *scalar = idl_scalar_nearest(name->text);
	const char *proposal =
		scalar ? idl_printf(file, "; did you mean '%s'?", scalar)
		       : idl_proposal(file, name->text,
				      1 << IDL_IS_ENUM | 1 << IDL_IS_STRUCT | 1 << IDL_IS_UNION |
					      1 << IDL_IS_TYPEDEF);

	if (*proposal)
		idl_error(file, name->span, "unknown type '%.64s'%s", name->text, proposal);
	else
		idl_error(file, name->span,
			  "unknown type '%.64s': neither one of bool, byte, i8 to i64, u8 to u64, "
			  "f32, f64 and string, nor declared",
			  name->text);
}

static const struct idl_type *named_type(struct idl_file *file, const struct idl_name *name,
					 unsigned depth)
{
	const struct idl_scalar *scalar = idl_scalar_find(name->text);
	struct idl_declaration *d;

	if (scalar)
		return scalar_type(file, scalar);
	d = idl_find(file, name->text);
	if (!d) {
		unknown_type(file, name);
		return NULL;
	}
	if (d->what == IDL_IS_CONST || d->what == IDL_IS_EXCEPTION) {
		idl_error(file, name->span, "'%.64s' is %s, and a type is expected", name->text,
			  idl_what_name(d));
		return NULL;
	}
	if (d->state == IDL_OPEN) {
		idl_error(file, name->span, "'%.64s' contains itself", name->text);
		return NULL;
	}
	if (depth > IDL_DEPTH_MAX) {
		idl_error(file, name->span, "types are nested more than %d deep", IDL_DEPTH_MAX);
		return NULL;
	}
	resolve_declaration(file, d, depth + 1);
	return d->type;
}

static const struct idl_type *array_type(struct idl_file *file, const struct idl_field *field,
					 const struct idl_type *element)
{
	const bool is_fixed = field->shape == IDL_FIXED;
	struct idl_type *type;
	int64_t n;

	if (!idl_integer(file, field->size, 1, FLY_MESSAGE_MAX, "the length of an array", &n))
		return NULL;
	if (element->kind == IDL_ARRAY || element->kind == IDL_LIST) {
		idl_error(file, field->type_name.span,
			  "'%.64s' is an array, and arrays have no arrays as elements; "
			  "a struct with one in it can be an element",
			  field->type_name.text);
		return NULL;
	}
	type = new_type(file, is_fixed ? IDL_ARRAY : IDL_LIST);
	type->element = element;
	type->c_type = element->c_type;
	type->bound = (uint64_t)n;
	type->c_bytes = multiply(type->bound, element->c_bytes);
	type->depth = element->depth + 1;
	if (is_fixed) {
		type->any_bits = element->any_bits;
		type->fixed_bytes = multiply(type->bound, element->fixed_bytes);
		type->tail_min = multiply(type->bound, element->tail_min);
		type->tail_max = multiply(type->bound, element->tail_max);
	} else {
		type->fixed_bytes = 4;
		type->c_bytes = add(type->c_bytes, 4);
		type->tail_max =
			multiply(type->bound, add(element->fixed_bytes, element->tail_max));
	}
	return type;
}

static const struct idl_type *optional_type(struct idl_file *file, const struct idl_type *inner)
{
	struct idl_type *type = new_type(file, IDL_OPTIONAL);

	type->element = inner;
	type->c_type = inner->c_type;
	type->fixed_bytes = 1;
	type->tail_max = add(inner->fixed_bytes, inner->tail_max);
	type->c_bytes = add(inner->c_bytes, 8);
	type->depth = inner->depth + 1;
	return type;
}

static void resolve_field(struct idl_file *file, struct idl_field *field, unsigned depth)
{
	const struct idl_type *type;

	if (field->string_max.kind != IDL_NO_VALUE)
		type = string_type(file, field);
	else
		type = named_type(file, &field->type_name, depth);
	if (type && field->shape != IDL_SINGLE)
		type = array_type(file, field, type);
	if (type && field->is_optional)
		type = optional_type(file, type);
	if (type && add(type->fixed_bytes, type->tail_max) > FLY_MESSAGE_MAX) {
		idl_error(file, field->type_name.span,
			  "this may take %llu bytes, and the largest message has %u",
			  (unsigned long long)add(type->fixed_bytes, type->tail_max),
			  FLY_MESSAGE_MAX);
		type = NULL;
	}
	if (type && type->depth > IDL_DEPTH_MAX) {
		idl_error(file, field->type_name.span, "types are nested more than %d deep",
			  IDL_DEPTH_MAX);
		type = NULL;
	}
	field->type = type;
}

void idl_resolve_field(struct idl_file *file, struct idl_field *field)
{
	resolve_field(file, field, 0);
}

static void resolve_struct(struct idl_file *file, struct idl_declaration *d, unsigned depth)
{
	struct idl_type *type = new_type(file, IDL_STRUCT);
	bool is_whole = true;

	type->declared = d;
	type->c_type = idl_printf(file, "struct %s", d->c_name);
	type->any_bits = true;
	for (struct idl_field *field = d->fields; field; field = field->next) {
		resolve_field(file, field, depth);
		if (!field->type) {
			is_whole = false;
			continue;
		}
		type->fixed_bytes = add(type->fixed_bytes, field->type->fixed_bytes);
		type->tail_min = add(type->tail_min, field->type->tail_min);
		type->tail_max = add(type->tail_max, field->type->tail_max);
		type->c_bytes = add(type->c_bytes, add(field->type->c_bytes, 7) & ~UINT64_C(7));
		type->depth = (unsigned)larger(type->depth, field->type->depth + 1);
		type->any_bits = type->any_bits && field->type->any_bits;
	}
	if (is_whole)
		d->type = type;
}

static void resolve_union(struct idl_file *file, struct idl_declaration *d, unsigned depth)
{
	struct idl_type *type = new_type(file, IDL_UNION);
	bool is_whole;

	resolve_field(file, d->discriminant, depth);
	is_whole = d->discriminant->type != NULL;
	type->declared = d;
	type->c_type = idl_printf(file, "struct %s", d->c_name);
	if (is_whole)
		type->fixed_bytes = d->discriminant->type->fixed_bytes;
	for (struct idl_field *arm = d->fields; arm; arm = arm->next) {
		if (arm->is_void)
			continue;
		resolve_field(file, arm, depth);
		if (!arm->type) {
			is_whole = false;
			continue;
		}
		type->tail_max =
			larger(type->tail_max, add(arm->type->fixed_bytes, arm->type->tail_max));
		type->c_bytes = larger(type->c_bytes, arm->type->c_bytes);
		type->depth = (unsigned)larger(type->depth, arm->type->depth + 1);
	}
	type->c_bytes = add(type->c_bytes, 8);
	if (is_whole)
		d->type = type;
}

static void resolve_typedef(struct idl_file *file, struct idl_declaration *d, unsigned depth)
{
	struct idl_type *type;

	if (d->target->is_optional)
		idl_error(file, d->target->type_name.span,
			  "a typedef cannot be optional: that belongs to a field or a parameter");
	d->target->is_optional = false;
	resolve_field(file, d->target, depth);
	if (!d->target->type)
		return;
	type = new_type(file, IDL_SCALAR);
	*type = *d->target->type;
	if (type->kind == IDL_SCALAR || type->kind == IDL_ENUM || type->kind == IDL_STRUCT ||
	    type->kind == IDL_UNION)
		type->c_type = d->c_name;
	d->type = type;
}

static void resolve_declaration(struct idl_file *file, struct idl_declaration *d, unsigned depth)
{
	if (d->state != IDL_UNSEEN)
		return;
	d->state = IDL_OPEN;
	switch (d->what) {
	case IDL_IS_CONST:
		resolve_constant(file, d);
		break;
	case IDL_IS_ENUM:
		resolve_enum(file, d);
		d->type = new_type(file, IDL_ENUM);
		d->type->scalar = idl_scalar_find("i32");
		d->type->declared = d;
		d->type->c_type = idl_printf(file, "enum %s", d->c_name);
		d->type->fixed_bytes = d->type->c_bytes = 4;
		break;
	case IDL_IS_STRUCT:
	case IDL_IS_EXCEPTION:
		resolve_struct(file, d, depth);
		break;
	case IDL_IS_UNION:
		resolve_union(file, d, depth);
		break;
	case IDL_IS_TYPEDEF:
		resolve_typedef(file, d, depth);
		break;
	}
	d->state = IDL_DONE;
	d->next_ordered = NULL;
	*file->ordered_end = d;
	file->ordered_end = &d->next_ordered;
}

void idl_resolve(struct idl_file *file)
{
	collect_names(file);
	file->ordered_end = &file->ordered;
	for (const struct idl_source *s = file->sources; s; s = s->next)
		for (struct idl_declaration *d = s->declarations; d; d = d->next)
			resolve_declaration(file, d, 0);
	if (!file->interface)
		return;
	for (struct idl_declaration *d = file->interface->declarations; d; d = d->next)
		resolve_declaration(file, d, 0);
	for (struct idl_procedure *p = file->interface->procedures; p; p = p->next) {
		for (struct idl_field *param = p->params; param; param = param->next)
			resolve_field(file, param, 0);
		if (p->result)
			resolve_field(file, p->result, 0);
	}
}
