/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/check.c - errors that grammar and names cannot show: duplicates, names that C cannot use,
 * contradictions.
 *
 * Notes as many errors as it finds. Numbers procedures, exceptions and cases. layout.c checks the
 * sizes of messages.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "resolve.h"

/* Suffixes of generated names NAME_PROCEDURE... */
static const char *const procedure_suffixes[] = {
	"_start",
	"_start_from",
	"_finish",
	"_view",
	"_serve",
	"_NUMBER",
	"_ARGUMENT_BYTES",
	"_RESULT_BYTES",
	"_ARGUMENT_BYTES_MAX",
	"_RESULT_BYTES_MAX",
	"_raised",
	"_raise",
	"_values",
	"_run",
	NULL,
};

/* Suffixes of generated names of types and exceptions. */
static const char *const type_suffixes[] = {
	"_put", "_get", "_take", "_check", "_measure", "_is_known", "_NUMBER", NULL,
};

/* NAME_... of the interface as a whole. */
static const char *const fixed_names[] = {
	"import", "export", "export_with", "procedures", "procedure_table", "interface", "VERSION",
};

#define N_OF(array) (sizeof(array) / sizeof *(array))

static void check_name(struct idl_file *file, const struct idl_name *name, const char *what)
{
	const char *meaning = idl_word_reserved(name->text);

	if (meaning)
		idl_error(file, name->span, "'%.64s' cannot be the name of %s: it is %s",
			  name->text, what, meaning);
	if (strlen(name->text) > IDL_NAME_MAX)
		idl_error(file, name->span, "the name of %s is longer than %d characters", what,
			  IDL_NAME_MAX);
}

/* Does a name begin like the generated names of the interface? */
static bool is_of_interface(const struct idl_file *file, const char *name)
{
	const size_t n = file->interface ? strlen(file->interface->name.text) : 0;

	return n && !strncmp(name, file->interface->name.text, n) && name[n] == '_';
}

/* A declaration that becomes a macro or a typedef of exactly this name in C; or NULL. */
static const struct idl_declaration *find_macro(const struct idl_file *file, const char *name)
{
	const struct idl_declaration *d = idl_find(file, name);

	if (d && !d->in_interface && (d->what == IDL_IS_CONST || d->what == IDL_IS_TYPEDEF))
		return d;
	return NULL;
}

/* A name that appears bare in C must differ from all macros and typedefs, also the interface's. */
static void check_bare_name(struct idl_file *file, const struct idl_name *name, const char *what)
{
	const struct idl_declaration *d = find_macro(file, name->text);

	check_name(file, name, what);
	if (d)
		idl_error(file, name->span, "'%.64s' cannot be the name of %s: it is %s",
			  name->text, what, idl_what_name(d));
	if (is_of_interface(file, name->text))
		idl_error(file, name->span,
			  "'%.64s' cannot be the name of %s: names that begin with '%.64s_' are "
			  "those of generated code",
			  name->text, what, file->interface->name.text);
}

/* Length of a UTF-8 sequence that is no bidirectional control; 0: invalid (RFC 3629). */
static size_t utf8_length(const unsigned char *p)
{
	const size_t n = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if (p[0] == 0xe0 && p[1] < 0xa0)
		return 0; /* overlong */
	if (p[0] == 0xed && p[1] >= 0xa0)
		return 0; /* a surrogate */
	if (p[0] == 0xf0 && p[1] < 0x90)
		return 0; /* overlong */
	if (p[0] == 0xf4 && p[1] >= 0x90)
		return 0; /* beyond U+10FFFF */
	if (p[0] == 0xe2 && p[1] == 0x80 && (p[2] >= 0xaa && p[2] <= 0xae))
		return 0; /* U+202A to U+202E */
	if (p[0] == 0xe2 && p[1] == 0x81 && (p[2] >= 0xa6 && p[2] <= 0xa9))
		return 0; /* U+2066 to U+2069 */
	return n;
}

static bool is_plain_text(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		const size_t n = *p < 0x80 ? 1 : utf8_length(p);

		if (!n || (*p < ' ' && *p != '\t') || *p == 0x7f)
			return false;
		p += n;
	}
	return true;
}

/* Doc comments are copied into the generated header: no hidden characters. */
static void check_doc(struct idl_file *file, const struct idl_doc *doc)
{
	for (; doc; doc = doc->next) {
		const size_t length = doc->span.end - doc->span.begin;

		/* a NUL byte in the source ended the copy early */
		if (memchr(idl_written(file, doc->span), '\0', length) || !is_plain_text(doc->text))
			idl_error(file, doc->span,
				  "a doc comment must be UTF-8 without control characters");
	}
}

static int compare_names(const void *a, const void *b)
{
	const struct idl_name *x = *(const struct idl_name *const *)a;
	const struct idl_name *y = *(const struct idl_name *const *)b;
	const int order = strcmp(x->text, y->text);

	if (order)
		return order;
	return x->span.begin < y->span.begin ? -1 : x->span.begin > y->span.begin;
}

static void check_duplicates(struct idl_file *file, const struct idl_name **names, size_t n,
			     const char *what)
{
	qsort(names, n, sizeof *names, compare_names);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(names[i - 1]->text, names[i]->text))
			idl_error(file, names[i]->span, "there is already %s called '%.64s'", what,
				  names[i]->text);
}

/* ---- fields and parameters ---- */

/* A C name derived from a field's name: its count or flag. */
static struct idl_name *new_companion(struct idl_file *file, const struct idl_field *field,
				      const char *before, const char *behind)
{
	struct idl_name *companion = idl_allocate(file, sizeof *companion);
	const struct idl_declaration *macro;

	companion->text = idl_printf(file, "%s%s%s", before, field->name.text, behind);
	companion->span = field->name.span;
	macro = find_macro(file, companion->text);
	if (macro)
		idl_error(file, companion->span, "'%.64s' would make '%.80s', and that is %s",
			  field->name.text, companion->text, idl_what_name(macro));
	return companion;
}

/*
 * Names of fields or parameters must differ from each other, and from derived names: the count of a
 * variable array, the flag of an optional.
 */
static void check_field_names(struct idl_file *file, const struct idl_field *fields,
			      const char *what)
{
	const struct idl_name **names;
	size_t n = 0;

	for (const struct idl_field *f = fields; f; f = f->next)
		n += 3;
	if (n == 0)
		return;
	names = idl_allocate(file, n * sizeof *names);
	n = 0;
	for (const struct idl_field *f = fields; f; f = f->next) {
		if (f->is_void)
			continue;
		names[n++] = &f->name;
		if (!f->type)
			continue;
		if (f->is_optional)
			names[n++] = new_companion(file, f, "has_", "");
		if (f->type->kind == IDL_LIST ||
		    (f->is_optional && f->type->element->kind == IDL_LIST))
			names[n++] = new_companion(file, f, "", "_count");
	}
	check_duplicates(file, names, n, what);
}

/* A declaration outside of the interface cannot use one inside: other interfaces share it. */
static void check_outside(struct idl_file *file, const struct idl_declaration *d,
			  const struct idl_field *field)
{
	const struct idl_name *names[] = {
		&field->type_name,
		&(struct idl_name){field->size.text, field->size.span},
		&(struct idl_name){field->string_max.text, field->string_max.span},
	};

	for (size_t i = 0; i < N_OF(names) && !d->in_interface; i++) {
		const struct idl_declaration *used =
			names[i]->text ? idl_find(file, names[i]->text) : NULL;

		if (used && used->in_interface)
			idl_error(file, names[i]->span,
				  "'%.64s' stands in the interface, and is unknown outside of it",
				  names[i]->text);
	}
}

static void check_fields(struct idl_file *file, const struct idl_declaration *d)
{
	for (const struct idl_field *f = d->fields; f; f = f->next) {
		check_doc(file, f->doc);
		if (f->is_void)
			continue;
		check_bare_name(file, &f->name, "a field");
		check_outside(file, d, f);
	}
	check_field_names(file, d->fields, "a field");
}

static void check_params(struct idl_file *file, struct idl_procedure *procedure)
{
	for (struct idl_field *param = procedure->params; param; param = param->next) {
		check_doc(file, param->doc);
		check_bare_name(file, &param->name, "a parameter");
		if (!param->is_inplace || !param->type)
			continue;
		if (param->direction == IDL_OUT)
			idl_error(file, param->type_name.span,
				  "'inplace' is for what a procedure reads: 'in' and 'inout'");
		else if (!idl_is_direct(param->type))
			idl_error(
				file, param->type_name.span,
				"'inplace' is for arrays of bytes and for strings; everything else "
				"is copied, because packets have no alignment");
	}
	check_field_names(file, procedure->params, "a parameter");
}

/* ---- declarations ---- */

static void check_enum(struct idl_file *file, const struct idl_declaration *d)
{
	const struct idl_name **names;
	size_t n = 0;

	for (const struct idl_enumerator *e = d->enumerators; e; e = e->next)
		n++;
	names = idl_allocate(file, (n + 1) * sizeof *names);
	n = 0;
	for (const struct idl_enumerator *e = d->enumerators; e; e = e->next) {
		names[n++] = &e->name;
		check_doc(file, e->doc);
		check_name(file, &e->name, "a value");
	}
	check_duplicates(file, names, n, "a value");
	if (!n && !file->has_syntax_errors)
		idl_error(file, d->name.span, "an enum has at least one value");
}

/* For sorting: duplicates in a large enum are found in O(n log n). */
static int compare_enumerators(const void *a, const void *b)
{
	const struct idl_enumerator *x = *(const struct idl_enumerator *const *)a;
	const struct idl_enumerator *y = *(const struct idl_enumerator *const *)b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return x->name.span.begin < y->name.span.begin ? -1 : 1;
}

static void check_enum_values(struct idl_file *file, const struct idl_declaration *d)
{
	const struct idl_enumerator **all;
	size_t n = 0;

	for (const struct idl_enumerator *e = d->enumerators; e; e = e->next)
		n++;
	all = idl_allocate(file, (n + 1) * sizeof *all);
	n = 0;
	for (const struct idl_enumerator *e = d->enumerators; e; e = e->next)
		if (e->has_value)
			all[n++] = e;
	if (n > 1)
		qsort(all, n, sizeof *all, compare_enumerators);
	for (size_t i = 1; i < n; i++)
		if (all[i - 1]->value == all[i]->value)
			idl_error(file, all[i]->name.span, "'%.64s' has the value of '%.64s', %d",
				  all[i]->name.text, all[i - 1]->name.text, all[i]->value);
}

/* Find the number of a case that names an enum value. Return: false: there is none. */
static bool find_enumerator(struct idl_file *file, const struct idl_declaration *d,
			    const struct idl_value *label, int64_t *number)
{
	const char *nearest = NULL;
	unsigned least = UINT_MAX;

	if (label->kind != IDL_NAMED) {
		idl_error(file, label->span, "expected a value of the enum '%.64s', found %s",
			  d->name.text, idl_describe_value(file, label));
		return false;
	}
	for (const struct idl_enumerator *e = d->enumerators; e; e = e->next) {
		if (!strcmp(e->name.text, label->text)) {
			*number = e->value;
			return e->has_value;
		}
	}
	for (const struct idl_enumerator *e = d->enumerators; e && idl_is_shown(file); e = e->next)
		if (idl_is_nearer(label->text, e->name.text, &least))
			nearest = e->name.text;
	if (nearest)
		idl_error(file, label->span,
			  "'%.64s' is not a value of the enum '%.64s'; did you mean '%.64s'?",
			  label->text, d->name.text, nearest);
	else
		idl_error(file, label->span, "'%.64s' is not a value of the enum '%.64s'",
			  label->text, d->name.text);
	return false;
}

static bool find_truth(struct idl_file *file, struct idl_value label, int64_t *number)
{
	if (!idl_constant(file, &label))
		return false;
	*number = (int64_t)label.magnitude;
	if (label.kind != IDL_TRUTH)
		idl_error(file, label.span, "expected 'true' or 'false', found %s",
			  idl_describe_value(file, &label));
	return label.kind == IDL_TRUTH;
}

/* Number a case. A wrong case loses its value. */
static void check_label(struct idl_file *file, const struct idl_type *tag, struct idl_value *label)
{
	int64_t number = 0;
	bool is_good;

	if (tag->kind == IDL_ENUM)
		is_good = find_enumerator(file, tag->declared, label, &number);
	else if (!tag->scalar->is_integer)
		is_good = find_truth(file, *label, &number);
	else
		is_good = idl_integer(file, *label, tag->scalar->least, tag->scalar->most, "a case",
				      &number);
	label->kind = IDL_NO_VALUE;
	if (!is_good)
		return;
	label->kind = IDL_INTEGER;
	label->negative = number < 0;
	label->magnitude = (uint64_t)(number < 0 ? -number : number);
}

static int compare_labels(const void *a, const void *b)
{
	const struct idl_value *x = &(*(const struct idl_label *const *)a)->value;
	const struct idl_value *y = &(*(const struct idl_label *const *)b)->value;

	if (x->negative != y->negative)
		return x->negative ? -1 : 1;
	if (x->magnitude != y->magnitude)
		return x->magnitude < y->magnitude ? -1 : 1;
	return x->span.begin < y->span.begin ? -1 : 1;
}

static void check_labels(struct idl_file *file, const struct idl_declaration *d)
{
	const struct idl_type *tag = d->discriminant->type;
	const struct idl_label **all;
	bool has_default = false;
	size_t n = 0;

	for (const struct idl_field *arm = d->fields; arm; arm = arm->next) {
		if (arm->is_default && has_default)
			idl_error(file, arm->name.span, "there is already a default");
		has_default = has_default || arm->is_default;
		for (struct idl_label *label = arm->labels; label; label = label->next, n++)
			check_label(file, tag, &label->value);
	}
	all = idl_allocate(file, (n + 1) * sizeof *all);
	n = 0;
	for (const struct idl_field *arm = d->fields; arm; arm = arm->next)
		for (struct idl_label *label = arm->labels; label; label = label->next)
			if (label->value.kind == IDL_INTEGER)
				all[n++] = label;
	if (n > 1)
		qsort(all, n, sizeof *all, compare_labels);
	for (size_t i = 1; i < n; i++)
		if (all[i - 1]->value.magnitude == all[i]->value.magnitude &&
		    all[i - 1]->value.negative == all[i]->value.negative)
			idl_error(file, all[i]->value.span,
				  "there is already a case of this value");
}

static void check_union(struct idl_file *file, const struct idl_declaration *d)
{
	const struct idl_type *tag = d->discriminant->type;

	check_bare_name(file, &d->discriminant->name, "a discriminant");
	check_outside(file, d, d->discriminant);
	if (!strcmp(d->discriminant->name.text, "as"))
		idl_error(file, d->discriminant->name.span,
			  "'as' cannot be the name of a discriminant: in C the arms are behind it");
	check_fields(file, d);
	for (const struct idl_field *arm = d->fields; arm; arm = arm->next)
		if (arm->is_optional)
			idl_error(file, arm->type_name.span,
				  "an arm cannot be optional: 'void' is what is not there");
	if (!d->fields && !file->has_syntax_errors)
		idl_error(file, d->name.span, "a union has at least one case");
	if (!tag)
		return;
	if (tag->kind != IDL_ENUM && (tag->kind != IDL_SCALAR || tag->scalar->bytes > 4 ||
				      (tag->scalar->any_bits && !tag->scalar->is_integer)))
		idl_error(file, d->discriminant->type_name.span,
			  "a discriminant is an enum, a bool, or an integer of at most 32 bits");
	else
		check_labels(file, d);
}

static void check_type_name(struct idl_file *file, const struct idl_declaration *d)
{
	if (d->what != IDL_IS_CONST && d->what != IDL_IS_EXCEPTION &&
	    idl_word_of_language(d->name.text))
		idl_error(file, d->name.span,
			  "'%s' cannot be the name of %s: it is a word of this language",
			  d->name.text, idl_what_name(d));
}

/* A macro would break a generated variable of that name; a typedef would be hidden by it. */
static void check_variables(struct idl_file *file, const struct idl_declaration *d)
{
	if (!d->in_interface && idl_word_of_stubs(d->name.text))
		idl_error(file, d->name.span,
			  "'%s' cannot be the name of %s outside of an interface: generated code "
			  "has a variable of that name",
			  d->name.text, idl_what_name(d));
}

static void check_declaration(struct idl_file *file, struct idl_declaration *d)
{
	check_doc(file, d->doc);
	check_name(file, &d->name, idl_what_name(d));
	check_type_name(file, d);
	switch (d->what) {
	case IDL_IS_CONST:
		if (!d->scalar && d->value.kind == IDL_TEXT && !is_plain_text(d->value.text))
			idl_error(file, d->value.span,
				  "a text must be UTF-8 without control characters");
		check_variables(file, d);
		break;
	case IDL_IS_ENUM:
		check_enum(file, d);
		check_enum_values(file, d);
		break;
	case IDL_IS_STRUCT:
		if (!d->fields && !file->has_syntax_errors)
			idl_error(file, d->name.span, "a struct has at least one field");
		check_fields(file, d);
		break;
	case IDL_IS_EXCEPTION:
		check_fields(file, d);
		break;
	case IDL_IS_UNION:
		check_union(file, d);
		break;
	case IDL_IS_TYPEDEF:
		check_variables(file, d);
		check_outside(file, d, d->target);
		break;
	}
}

/* Exceptions of one scope are numbered from 1; numbers must differ. */
static void number_exceptions(struct idl_file *file, struct idl_declaration *first)
{
	int64_t next = 1;

	for (struct idl_declaration *d = first; d; d = d->next) {
		int64_t number = next;

		if (d->what != IDL_IS_EXCEPTION)
			continue;
		if (d->value.kind != IDL_NO_VALUE &&
		    !idl_integer(file, d->value, 1, INT32_MAX, "the number of an exception",
				 &number))
			continue;
		if (number > INT32_MAX) {
			idl_error(file, d->name.span, "the numbers of exceptions end at %d",
				  INT32_MAX);
			return;
		}
		d->number = (int32_t)number;
		next = number + 1;
		for (const struct idl_declaration *e = first; e != d; e = e->next)
			if (e->what == IDL_IS_EXCEPTION && e->number == d->number) {
				idl_error(file, d->name.span,
					  "'%.64s' has the number of '%.64s', %d", d->name.text,
					  e->name.text, d->number);
				break;
			}
	}
}

/* ---- procedures ---- */

static void check_raises(struct idl_file *file, struct idl_procedure *procedure)
{
	for (struct idl_raise *r = procedure->raises; r; r = r->next) {
		const struct idl_declaration *d = idl_find(file, r->name.text);

		if (!d || d->what != IDL_IS_EXCEPTION) {
			idl_error(file, r->name.span,
				  d ? "'%.64s' is %s, and an exception is expected"
				    : "there is no exception called '%.64s'%s",
				  r->name.text,
				  d ? idl_what_name(d)
				    : idl_proposal(file, r->name.text, 1 << IDL_IS_EXCEPTION));
			continue;
		}
		r->exception = d;
		for (const struct idl_raise *other = procedure->raises; other != r;
		     other = other->next) {
			if (!other->exception)
				continue;
			if (other->exception == d)
				idl_error(file, r->name.span, "'%.64s' has been said already",
					  r->name.text);
			else if (other->exception->number == d->number)
				idl_error(
					file, r->name.span,
					"'%.64s' has the number of '%.64s', %d; one of them needs "
					"another, as in 'exception %.64s = %d'",
					r->name.text, other->name.text, d->number, r->name.text,
					d->number + 1);
			else
				continue;
			break;
		}
	}
}

static int compare_numbers(const void *a, const void *b)
{
	const struct idl_procedure *x = *(const struct idl_procedure *const *)a;
	const struct idl_procedure *y = *(const struct idl_procedure *const *)b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->name.span.begin < y->name.span.begin ? -1 : 1;
}

static void number_procedures(struct idl_file *file)
{
	const struct idl_interface *interface = file->interface;
	const struct idl_procedure **all =
		idl_allocate(file, (interface->n_procedures + 1) * sizeof *all);
	bool is_over = false;
	int64_t next = 0;
	size_t n = 0;

	for (struct idl_procedure *p = interface->procedures; p; p = p->next) {
		int64_t number = next;

		if (p->given.kind != IDL_NO_VALUE &&
		    !idl_integer(file, p->given, 0, IDL_PROCEDURES_MAX - 1,
				 "the number of a procedure", &number))
			continue;
		if (number >= IDL_PROCEDURES_MAX) {
			if (!is_over)
				idl_error(file, p->name.span, "the numbers of procedures end at %d",
					  IDL_PROCEDURES_MAX - 1);
			is_over = true;
			continue;
		}
		p->number = (uint32_t)number;
		next = number + 1;
		all[n++] = p;
	}
	if (n > 1)
		qsort(all, n, sizeof *all, compare_numbers);
	for (size_t i = 1; i < n; i++)
		if (all[i - 1]->number == all[i]->number)
			idl_error(file, all[i]->name.span, "'%.64s' has the number of '%.64s', %u",
				  all[i]->name.text, all[i - 1]->name.text, all[i]->number);
	if (n > 0 && all[n - 1]->number >= n + IDL_GAPS_MAX)
		idl_error(file, all[n - 1]->name.span,
			  "with the number %u, more than %d below it are unused",
			  all[n - 1]->number, IDL_GAPS_MAX);
}

/* An outer struct may become NAME_STRUCT_view, the name of NAME_PROCEDURE_view(). */
static void check_other_meaning(struct idl_file *file, const struct idl_procedure *p)
{
	const struct idl_declaration *d = idl_find(file, p->name.text);

	if (d && (d->in_interface || d->what == IDL_IS_STRUCT || d->what == IDL_IS_UNION))
		idl_error(file, p->name.span, "there is already %s called '%.64s'",
			  idl_what_name(d), p->name.text);
}

static void check_procedures(struct idl_file *file)
{
	const struct idl_interface *interface = file->interface;
	const size_t n = interface->n_procedures;
	const struct idl_name **names = idl_allocate(file, (n + 1) * sizeof *names);
	size_t i = 0;

	for (struct idl_procedure *p = interface->procedures; p; p = p->next) {
		names[i++] = &p->name;
		check_doc(file, p->doc);
		check_bare_name(file, &p->name, "a procedure");
		check_other_meaning(file, p);
		check_params(file, p);
		check_raises(file, p);
		if ((p->attributes & IDL_INLINE) && (p->attributes & IDL_WORKER))
			idl_error(file, p->name.span,
				  "'%.64s' cannot run on the poller and on a worker", p->name.text);
	}
	check_duplicates(file, names, n, "a procedure");
	number_procedures(file);
}

/* ---- names of generated code ---- */

/* A name that generated code declares, and its owner in the interface. */
struct made {
	const char *text;
	const struct idl_name *owner; /* NULL: the interface as a whole */
};

struct made_list {
	struct made *items;
	size_t n;
};

static void make(struct idl_file *file, struct made_list *list, const struct idl_name *owner,
		 const char *stem, const char *suffix)
{
	if (list->items)
		list->items[list->n] = (struct made){idl_printf(file, "%s%s", stem, suffix), owner};
	list->n++;
}

static void make_all(struct idl_file *file, struct made_list *list, const struct idl_name *owner,
		     const char *stem, const char *const *suffixes)
{
	make(file, list, owner, stem, "");
	for (; *suffixes; suffixes++)
		make(file, list, owner, stem, *suffixes);
}

static void make_declaration(struct idl_file *file, struct made_list *list,
			     const struct idl_declaration *d)
{
	if (d->what == IDL_IS_CONST || d->what == IDL_IS_TYPEDEF)
		make(file, list, &d->name, d->c_name, "");
	else
		make_all(file, list, &d->name, d->c_name, type_suffixes);
	for (const struct idl_enumerator *e = d->enumerators; e; e = e->next)
		make(file, list, &e->name, idl_printf(file, "%s_", d->c_name), e->name.text);
	if (file->interface && (d->what == IDL_IS_STRUCT || d->what == IDL_IS_UNION)) {
		const char *stem =
			idl_printf(file, "%s_%s", file->interface->name.text, d->name.text);

		make(file, list, &d->name, stem, "_view");
		make(file, list, &d->name, stem, "_at");
	}
}

static void make_names(struct idl_file *file, struct made_list *list)
{
	const struct idl_interface *interface = file->interface;

	list->n = 0;
	for (size_t i = 0; i < file->n_declarations; i++)
		make_declaration(file, list, file->by_name[i]);
	if (!interface)
		return;
	for (size_t i = 0; i < N_OF(fixed_names); i++)
		make(file, list, NULL, idl_printf(file, "%s_", interface->name.text),
		     fixed_names[i]);
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next)
		make_all(file, list, &p->name,
			 idl_printf(file, "%s_%s", interface->name.text, p->name.text),
			 procedure_suffixes);
}

static int compare_made(const void *a, const void *b)
{
	const struct made *x = a;
	const struct made *y = b;
	const int order = strcmp(x->text, y->text);

	if (order || x->owner == y->owner)
		return order;
	if (!x->owner || !y->owner)
		return x->owner ? 1 : -1;
	return x->owner->span.begin < y->owner->span.begin ? -1 : 1;
}

static int compare_with_made(const void *name, const void *made)
{
	return strcmp(name, ((const struct made *)made)->text);
}

/*
 * A parameter must not hide a function or value of a type that generated code uses in its scope.
 * check_bare_name() refuses such names of the interface; here are those of types outside of it.
 */
static void check_hidden_names(struct idl_file *file, const struct made_list *list)
{
	const struct idl_procedure *p = file->interface ? file->interface->procedures : NULL;

	for (; p; p = p->next) {
		for (const struct idl_field *param = p->params; param; param = param->next) {
			const struct made *m = bsearch(param->name.text, list->items, list->n,
						       sizeof *m, compare_with_made);

			/* hiding a bare struct name is harmless */
			if (m && m->owner && !is_of_interface(file, m->text) &&
			    strcmp(m->text, m->owner->text) != 0)
				idl_error(file, param->name.span,
					  "'%.64s' cannot be the name of a parameter: generated "
					  "code makes it of '%.64s'",
					  param->name.text, m->owner->text);
		}
	}
}

/* Two procedures Add and Add_start would both generate NAME_Add_start(). */
static void check_made_names(struct idl_file *file)
{
	struct made_list list = {0};
	/* two owners that share one name often share many: report them once */
	const struct idl_name *said = NULL;
	const struct idl_name *said_before = NULL;

	make_names(file, &list);
	list.items = idl_allocate(file, (list.n + 1) * sizeof *list.items);
	make_names(file, &list);
	if (list.n > 1)
		qsort(list.items, list.n, sizeof *list.items, compare_made);
	for (size_t i = 0; i < list.n; i++) {
		const struct made *m = &list.items[i];
		const struct made *before = i > 0 ? &list.items[i - 1] : NULL;

		if (m->owner && idl_word_reserved(m->text) && !idl_word_reserved(m->owner->text) &&
		    !(file->interface && idl_word_reserved(file->interface->name.text)))
			idl_error(file, m->owner->span,
				  "'%.64s' would make '%.128s', and that is %s", m->owner->text,
				  m->text, idl_word_reserved(m->text));
		if (!before || strcmp(before->text, m->text) != 0 || !m->owner)
			continue;
		if (!before->owner)
			idl_error(
				file, m->owner->span,
				"'%.64s' would make '%.128s', and that is a name of the interface "
				"itself",
				m->owner->text, m->text);
		else if (strcmp(before->owner->text, m->owner->text) != 0 &&
			 (m->owner != said || before->owner != said_before)) {
			idl_error(file, m->owner->span,
				  "'%.64s' would make '%.128s', and so does '%.64s'",
				  m->owner->text, m->text, before->owner->text);
			said = m->owner;
			said_before = before->owner;
		}
	}
	check_hidden_names(file, &list);
}

void idl_check(struct idl_file *file)
{
	const struct idl_interface *interface = file->interface;

	for (size_t i = 0; i < file->n_declarations; i++)
		check_declaration(file, file->by_name[i]);
	for (struct idl_source *s = file->sources; s; s = s->next)
		number_exceptions(file, s->declarations);
	if (!interface) {
		if (!file->n_declarations && !file->n_errors)
			idl_error(file, (struct idl_span){0},
				  "there is neither an interface nor anything else in this file");
		if (!file->n_errors)
			check_made_names(file);
		return;
	}
	check_doc(file, interface->doc);
	check_name(file, &interface->name, "an interface");
	number_exceptions(file, interface->declarations);
	if (interface->version < 1 || interface->version > UINT32_MAX)
		idl_error(file, interface->version_span, "a version is a number from 1 to %u",
			  UINT32_MAX);
	if (interface->n_procedures > IDL_PROCEDURES_MAX)
		idl_error(file, interface->name.span, "an interface has at most %d procedures",
			  IDL_PROCEDURES_MAX);
	if (!interface->n_procedures && !file->has_syntax_errors)
		idl_error(file, interface->name.span, "an interface has at least one procedure");
	check_procedures(file);
	check_made_names(file);
}
