/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * check.c - what the grammar cannot see: types exist, names are free, numbers are in range.
 *
 * Notes as many errors as it finds, and resolves the types. Whether everything fits into a packet
 * is left to layout.c.
 */
#include <stdlib.h>
#include <string.h>

#include "ast.h"

/* What generated code makes of a procedure's name, beside NAME_PROCEDURE itself. */
static const char *const suffixes[] = {
	"_start",  "_finish",         "_view",         "_serve",
	"_NUMBER", "_ARGUMENT_BYTES", "_RESULT_BYTES", "_results_are_sound",
};

/* NAME_... that belong to the interface as a whole. */
static const char *const fixed_names[] = {
	"import", "export", "procedures", "procedure_table", "interface", "VERSION",
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

static void resolve_type(struct idl_file *file, struct idl_param *param)
{
	const char *nearest;

	param->type = idl_type_find(param->type_name.text);
	if (param->type)
		return;
	nearest = idl_type_nearest(param->type_name.text);
	if (nearest)
		idl_error(file, param->type_name.span, "unknown type '%.64s'; did you mean '%s'?",
			  param->type_name.text, nearest);
	else
		idl_error(file, param->type_name.span,
			  "unknown type '%.64s'; the types are bool, byte, i8 to i64, u8 to u64, "
			  "f32 and f64",
			  param->type_name.text);
}

/* The length of a UTF-8 sequence without bidirectional controls; 0: none (RFC 3629). */
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

/* Doc comments go into the generated header as they are: nothing in them may hide there. */
static void check_doc(struct idl_file *file, const struct idl_doc *doc)
{
	for (; doc; doc = doc->next) {
		const size_t length = doc->span.end - doc->span.begin;

		/* a NUL byte in the source would have ended the copy early */
		if (memchr(file->text + doc->span.begin, '\0', length) || !is_plain_text(doc->text))
			idl_error(file, doc->span,
				  "a doc comment must be UTF-8 without control characters");
	}
}

static void check_params(struct idl_file *file, const struct idl_procedure *procedure)
{
	const char *interface = file->interface->name.text;
	const size_t n = strlen(interface);

	for (struct idl_param *param = procedure->params; param; param = param->next) {
		check_doc(file, param->doc);
		check_name(file, &param->name, "a parameter");
		resolve_type(file, param);
		if (!param->count)
			idl_error(file, param->count_span, "an array has at least one element");
		if (!strncmp(param->name.text, interface, n) && param->name.text[n] == '_')
			idl_error(
				file, param->name.span,
				"'%.64s' cannot be the name of a parameter: names that begin with "
				"'%.64s_' are those of generated code",
				param->name.text, interface);
	}
	if (procedure->result)
		resolve_type(file, procedure->result);
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

static void check_param_duplicates(struct idl_file *file, const struct idl_procedure *procedure)
{
	const struct idl_name **names;
	size_t n = 0;

	for (const struct idl_param *param = procedure->params; param; param = param->next)
		n++;
	if (n < 2)
		return;
	names = idl_allocate(file, n * sizeof *names);
	n = 0;
	for (const struct idl_param *param = procedure->params; param; param = param->next)
		names[n++] = &param->name;
	check_duplicates(file, names, n, "a parameter");
}

/* Two procedures Add and Add_start would both make a function NAME_Add_start(). */
static void check_generated_names(struct idl_file *file, const struct idl_name *name,
				  const struct idl_name *const *names, size_t n)
{
	const char *interface = file->interface->name.text;
	const char *generated = idl_printf(file, "%s_%s", interface, name->text);

	for (size_t i = 0; i < N_OF(fixed_names); i++)
		if (!strcmp(name->text, fixed_names[i]))
			idl_error(file, name->span,
				  "'%s' cannot be the name of a procedure: '%.64s' is a name of "
				  "generated code",
				  name->text, generated);
	if (!idl_word_reserved(interface) && idl_word_reserved(generated))
		idl_error(file, name->span,
			  "'%.64s' cannot be the name of a procedure: '%.128s' is %s", name->text,
			  generated, idl_word_reserved(generated));
	for (size_t i = 0; i < N_OF(suffixes); i++) {
		const size_t length = strlen(name->text);
		const size_t cut = strlen(suffixes[i]);
		struct idl_name stem = {.span = {UINT32_MAX, 0}};
		const struct idl_name *key = &stem;
		size_t low = 0;
		size_t high = n;

		if (length <= cut || strcmp(name->text + length - cut, suffixes[i]) != 0)
			continue;
		stem.text = idl_string(file, name->text, length - cut);
		while (low < high) {
			const size_t middle = low + (high - low) / 2;

			if (compare_names(&names[middle], &key) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		/* spans of equal names all come before the key's */
		if (low > 0 && !strcmp(names[low - 1]->text, stem.text))
			idl_error(file, name->span,
				  "'%.64s' cannot be the name of a procedure: generated code for "
				  "'%.64s' has it already",
				  name->text, stem.text);
	}
}

static void check_procedures(struct idl_file *file)
{
	const struct idl_interface *interface = file->interface;
	const size_t n = interface->n_procedures;
	const struct idl_name **names = idl_allocate(file, (n + 1) * sizeof *names);
	size_t i = 0;

	for (const struct idl_procedure *p = interface->procedures; p; p = p->next) {
		names[i++] = &p->name;
		check_doc(file, p->doc);
		check_name(file, &p->name, "a procedure");
		check_params(file, p);
		check_param_duplicates(file, p);
	}
	check_duplicates(file, names, n, "a procedure");
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next)
		check_generated_names(file, &p->name, names, n);
}

void idl_check(struct idl_file *file)
{
	const struct idl_interface *interface = file->interface;

	check_doc(file, interface->doc);
	check_name(file, &interface->name, "an interface");
	if (interface->version < 1 || interface->version > UINT32_MAX)
		idl_error(file, interface->version_span, "a version is a number from 1 to %u",
			  UINT32_MAX);
	if (interface->n_procedures > IDL_PROCEDURES_MAX)
		idl_error(file, interface->name.span, "an interface has at most %d procedures",
			  IDL_PROCEDURES_MAX);
	if (!interface->n_procedures && !file->n_errors)
		idl_error(file, interface->name.span, "an interface has at least one procedure");
	check_procedures(file);
}
