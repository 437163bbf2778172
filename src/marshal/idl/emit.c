/* SPDX-License-Identifier: BSD-3-Clause */
/* idl/emit.c - what the emitters share: lines, comments, C declarations. Knows no emitter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <firefly/stub.h>

#include "emit.h"

#define COLUMNS        100
#define TAB            8
#define FOLD_DEPTH_MAX 8

/* Length of the next piece: up to the next '\v' or the end. */
static size_t piece_length(const char *piece)
{
	return strcspn(piece, "\v");
}

static size_t indentation(const char *line)
{
	return strspn(line, "\t") * TAB;
}

/* Offset behind the last open bracket before the first possible break; 0: none. */
static size_t bracket_end(const char *line)
{
	const size_t length = piece_length(line);
	size_t end = 0;

	for (size_t i = 0; i < length; i++)
		if ((line[i] == '(' || line[i] == '{') && line[i + 1])
			end = i + 1;
	return end;
}

/* The state of folding one line. */
struct fold {
	struct idl_text *out;
	size_t column;
	size_t tab; /* one tab more than the line's indentation */
	unsigned depth;
	size_t opened[FOLD_DEPTH_MAX];    /* columns behind open brackets */
	size_t continued[FOLD_DEPTH_MAX]; /* columns of lines continued within them; 0: none yet */
};

static void append_piece(struct fold *fold, const char *piece, size_t length)
{
	idl_text_append(fold->out, piece, length);
	for (size_t i = 0; i < length; i++) {
		fold->column += piece[i] == '\t' ? TAB : 1;
		if (piece[i] == '(' || piece[i] == '{') {
			if (fold->depth < FOLD_DEPTH_MAX) {
				fold->opened[fold->depth] = fold->column;
				fold->continued[fold->depth] = 0;
			}
			fold->depth++;
		} else if ((piece[i] == ')' || piece[i] == '}') && fold->depth) {
			fold->depth--;
		}
	}
}

/* The column below the innermost bracket if all pieces that follow fit there; else one tab more. */
static size_t continuation_column(struct fold *fold, const char *piece)
{
	const unsigned depth = fold->depth;
	size_t longest = 0;

	if (depth == 0 || depth > FOLD_DEPTH_MAX)
		return fold->tab;
	if (fold->continued[depth - 1])
		return fold->continued[depth - 1];
	for (;; piece++) {
		const size_t length = piece_length(piece);

		longest = length > longest ? length : longest;
		piece += length;
		if (!*piece)
			break;
	}
	if (fold->opened[depth - 1] + longest <= COLUMNS)
		fold->continued[depth - 1] = fold->opened[depth - 1];
	else
		fold->continued[depth - 1] = fold->tab;
	return fold->continued[depth - 1];
}

static void break_line(struct fold *fold, const char *piece)
{
	const size_t continuation = continuation_column(fold, piece);

	idl_text_append(fold->out, "\n", 1);
	for (fold->column = 0; fold->column + TAB <= continuation; fold->column += TAB)
		idl_text_append(fold->out, "\t", 1);
	for (; fold->column < continuation; fold->column++)
		idl_text_append(fold->out, " ", 1);
}

static void emit_folded(struct idl_text *out, const char *line)
{
	struct fold fold = {.out = out, .tab = indentation(line) + TAB};

	if (indentation(line) - strspn(line, "\t") + piece_length(line) > COLUMNS &&
	    bracket_end(line)) {
		const size_t n = bracket_end(line);

		append_piece(&fold, line, n);
		line += n;
		break_line(&fold, line);
	}
	for (;;) {
		const size_t n = piece_length(line);

		append_piece(&fold, line, n);
		if (!line[n])
			break;
		line += n + 1;
		if (fold.column + 1 + piece_length(line) <= COLUMNS)
			append_piece(&fold, " ", 1);
		else
			break_line(&fold, line);
	}
	idl_text_append(out, "\n", 1);
}

void emit_line(struct idl_text *out, const char *format, ...)
{
	struct idl_text line = {0};
	va_list args;

	va_start(args, format);
	idl_text_vprintf(&line, format, args);
	va_end(args);
	emit_folded(out, line.bytes);
	idl_text_free(&line);
}

/* Copy text into a comment: no end of comment, no start of another, no trigraph. */
static void append_comment(struct idl_text *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		const char before = i ? text[i - 1] : ' ';

		if ((before == '*' && text[i] == '/') || (before == '/' && text[i] == '*') ||
		    (before == '?' && text[i] == '?'))
			idl_text_append(out, " ", 1);
		idl_text_append(out, &text[i], 1);
	}
}

/* Each line behind @margin. */
static void emit_lines(struct idl_text *out, const char *margin, size_t room,
		       const struct idl_doc *doc)
{
	for (; doc; doc = doc->next) {
		const char *text = doc->text;
		size_t length = strlen(text);

		if (!length)
			idl_text_printf(out, "%.*s\n", (int)strlen(margin) - 1, margin);
		while (length) {
			size_t cut = length;

			/* break at the last blank that fits; if none fits, at the next */
			if (cut > room) {
				cut = room;
				while (cut && text[cut] != ' ')
					cut--;
				if (!cut)
					cut = strcspn(text, " ");
			}
			idl_text_printf(out, "%s", margin);
			append_comment(out, text, cut);
			idl_text_append(out, "\n", 1);
			while (cut < length && text[cut] == ' ')
				cut++;
			text += cut;
			length -= cut;
		}
	}
}

void emit_doc(struct idl_text *out, const struct idl_doc *doc)
{
	emit_lines(out, " * ", COLUMNS - strlen(" * "), doc);
}

static const char *indent(unsigned tabs)
{
	static const char all[] = "\t\t\t\t\t\t\t\t";

	return all + (sizeof all - 1 - tabs);
}

void emit_comment(struct idl_text *out, unsigned tabs, const struct idl_doc *doc)
{
	char margin[16];

	if (!doc)
		return;
	if (!doc->next && strlen(doc->text) + TAB * (size_t)tabs + strlen("/*  */") <= COLUMNS) {
		idl_text_printf(out, "%s/* ", indent(tabs));
		append_comment(out, doc->text, strlen(doc->text));
		idl_text_printf(out, " */\n");
		return;
	}
	snprintf(margin, sizeof margin, "%s * ", indent(tabs));
	idl_text_printf(out, "%s/*\n", indent(tabs));
	emit_lines(out, margin, COLUMNS - TAB * (size_t)tabs - strlen(" * "), doc);
	idl_text_printf(out, "%s */\n", indent(tabs));
}

void emit_banner(struct idl_text *out, const char *base)
{
	idl_text_printf(out, "/* Generated by fireflyc from %s.fly. Do not edit. */\n", base);
}

void emit_stub_includes(struct idl_text *out, const char *base)
{
	idl_text_printf(out, "#include <firefly/stub.h>\n\n#include \"%s.h\"\n\n", base);
	idl_text_printf(out,
			"#if FLY_STUB_VERSION != %u\n"
			"#error \"generated for stub interface %u, which is not that of "
			"<firefly/stub.h>: run fireflyc again\"\n"
			"#endif\n\n",
			FLY_STUB_VERSION, FLY_STUB_VERSION);
}

void emit_text(struct idl_text *out, const char *text)
{
	idl_text_append(out, "\"", 1);
	for (; *text; text++) {
		/* no trigraph */
		if (text[0] == '?' && text[1] == '?')
			idl_text_append(out, "?\" \"", 4);
		else
			idl_text_append(out, text, 1);
	}
	idl_text_append(out, "\"", 1);
}

const char *emit_access(const struct idl_type *type)
{
	return type->scalar->access;
}

const struct idl_field *emit_first_argument(const struct idl_procedure *procedure)
{
	const struct idl_field *param = procedure->params;

	return param && param->direction == IDL_OUT ? emit_next_argument(param) : param;
}

const struct idl_field *emit_next_argument(const struct idl_field *param)
{
	do
		param = param->next;
	while (param && param->direction == IDL_OUT);
	return param;
}

static const struct idl_field *result_from(const struct idl_field *param)
{
	while (param && param->direction == IDL_IN)
		param = param->next;
	return param;
}

const struct idl_field *emit_first_result(const struct idl_procedure *procedure)
{
	return procedure->result ? procedure->result : result_from(procedure->params);
}

const struct idl_field *emit_next_result(const struct idl_procedure *procedure,
					 const struct idl_field *param)
{
	return result_from(param == procedure->result ? procedure->params : param->next);
}

bool emit_is_viewed(const struct idl_type *type)
{
	if (type->kind == IDL_STRING)
		return true;
	return (type->kind == IDL_ARRAY || type->kind == IDL_LIST) && !idl_varies(type->element);
}

const struct idl_declaration *emit_viewed_struct(const struct idl_type *type)
{
	if (!emit_is_viewed(type) || type->kind == IDL_STRING ||
	    type->element->kind == IDL_SCALAR || type->element->kind == IDL_ENUM)
		return NULL;
	return type->element->declared;
}

bool emit_has_view(const struct idl_procedure *procedure)
{
	for (const struct idl_field *r = emit_first_result(procedure); r;
	     r = emit_next_result(procedure, r))
		if (emit_is_viewed(r->type))
			return true;
	return false;
}

/* Append what follows an array's or string's name in C: "[64]", "[16 + 1]", "[4][16 + 1]". */
static void append_bounds(struct idl_text *line, const struct idl_type *type, bool is_open)
{
	if (type->kind == IDL_STRING) {
		idl_text_printf(line, "[%u + 1]", (unsigned)type->bound);
	} else if (type->kind == IDL_ARRAY || type->kind == IDL_LIST) {
		if (is_open)
			idl_text_printf(line, "[]");
		else
			idl_text_printf(line, "[%u]", (unsigned)type->bound);
		if (type->element->kind == IDL_STRING)
			append_bounds(line, type->element, false);
	}
}

void emit_variable(struct idl_text *out, unsigned tabs, const struct idl_type *type,
		   const char *name)
{
	if (type->kind == IDL_OPTIONAL) {
		idl_text_printf(out, "%sbool has_%s;\n", indent(tabs), name);
		type = type->element;
	}
	if (type->kind == IDL_LIST)
		idl_text_printf(out, "%suint32_t %s_count;\n", indent(tabs), name);
	idl_text_printf(out, "%s%s %s", indent(tabs), type->c_type, name);
	append_bounds(out, type, false);
	idl_text_printf(out, ";\n");
}

/* Has this form the parameter? */
static bool takes(enum emit_form form, const struct idl_field *param)
{
	switch (form) {
	case EMIT_START:
	case EMIT_START_FROM:
		return param->direction != IDL_OUT;
	case EMIT_FINISH:
	case EMIT_VIEW:
		return param->direction != IDL_IN;
	default:
		return true;
	}
}

static void append_viewed(struct idl_text *line, const struct idl_interface *interface,
			  const struct idl_type *type, const char *name)
{
	const struct idl_declaration *d = emit_viewed_struct(type);

	if (d) {
		idl_text_printf(line, "struct %s_%s_view *%s", interface->name.text, d->name.text,
				name);
		return;
	}
	if (!idl_is_direct(type)) {
		idl_text_printf(line, "struct fly_%s_view *%s", emit_access(type->element), name);
		return;
	}
	idl_text_printf(line, "const %s **%s", type->c_type, name);
	if (type->kind == IDL_LIST)
		idl_text_printf(line, ",\vuint32_t *%s_count", name);
}

static void append_input(struct idl_text *line, const struct idl_type *type, const char *name)
{
	switch (type->kind) {
	case IDL_SCALAR:
	case IDL_ENUM:
		idl_text_printf(line, "%s %s", type->c_type, name);
		break;
	case IDL_STRUCT:
	case IDL_UNION:
	case IDL_STRING:
		idl_text_printf(line, "const %s *%s", type->c_type, name);
		break;
	case IDL_ARRAY:
		idl_text_printf(line, "const %s %s", type->c_type, name);
		append_bounds(line, type, false);
		break;
	case IDL_LIST:
		if (type->element->kind == IDL_STRING) {
			idl_text_printf(line, "const char %s", name);
			append_bounds(line, type, true);
		} else {
			idl_text_printf(line, "const %s *%s", type->c_type, name);
		}
		idl_text_printf(line, ",\vuint32_t %s_count", name);
		break;
	case IDL_OPTIONAL:
		idl_text_printf(line, "bool has_%s,\v", name);
		append_input(line, type->element, name);
		break;
	}
}

static void append_output(struct idl_text *line, const struct idl_type *type, const char *name)
{
	if (type->kind == IDL_OPTIONAL) {
		idl_text_printf(line, "bool *has_%s,\v", name);
		type = type->element;
	}
	if (type->kind == IDL_STRING || type->kind == IDL_ARRAY || type->kind == IDL_LIST) {
		idl_text_printf(line, "%s %s", type->c_type, name);
		append_bounds(line, type, false);
	} else {
		idl_text_printf(line, "%s *%s", type->c_type, name);
	}
	if (type->kind == IDL_LIST)
		idl_text_printf(line, ",\vuint32_t *%s_count", name);
}

static void append_parameter(struct idl_text *line, const struct idl_interface *interface,
			     const struct idl_field *param, enum emit_form form)
{
	idl_text_printf(line, ",\v");
	if (param->direction == IDL_IN || emit_is_start(form))
		append_input(line, param->type, param->name.text);
	else if (form == EMIT_VIEW && emit_is_viewed(param->type))
		append_viewed(line, interface, param->type, param->name.text);
	else
		append_output(line, param->type, param->name.text);
}

void emit_prototype(struct idl_text *out, const struct idl_interface *interface,
		    const struct idl_procedure *procedure, enum emit_form form, const char *tail)
{
	static const char *const suffix[] = {
		[EMIT_PLAIN] = "",
		[EMIT_START] = "_start",
		[EMIT_START_FROM] = "_start_from",
		[EMIT_FINISH] = "_finish",
		[EMIT_VIEW] = "_view",
	};
	const struct idl_names *names = &procedure->names;
	const char *name = procedure->name.text;
	struct idl_text line = {0};

	if (form == EMIT_PROCEDURE)
		idl_text_printf(&line, "\tint (*%s)(void *%s", name, names->context);
	else if (form == EMIT_SKELETON)
		idl_text_printf(&line, "static int serve_%s(void *%s", name, names->context);
	else if (form == EMIT_PLAIN || emit_is_start(form))
		idl_text_printf(&line, "int %s_%s%s(struct fly_binding *%s", interface->name.text,
				name, suffix[form], names->binding);
	else
		idl_text_printf(&line, "int %s_%s%s(struct fly_call *%s", interface->name.text,
				name, suffix[form], names->call);
	for (const struct idl_field *param = procedure->params; param; param = param->next)
		if (takes(form, param))
			append_parameter(&line, interface, param, form);
	if (procedure->result && !emit_is_start(form))
		append_parameter(&line, interface, procedure->result, form);
	if (procedure->raises && !emit_is_start(form))
		idl_text_printf(&line, ",\vstruct %s_%s_raised *%s", interface->name.text, name,
				names->raised);
	if (emit_is_start(form))
		idl_text_printf(&line, ",\vstruct fly_call **%s", names->call);
	idl_text_printf(&line, ")%s", tail);
	emit_folded(out, line.bytes);
	idl_text_free(&line);
}

void emit_views(struct idl_text *out, const struct idl_file *file,
		void (*each)(struct idl_text *out, const struct idl_interface *interface,
			     const struct idl_declaration *d))
{
	const struct idl_interface *interface = file->interface;
	bool *viewed = calloc(file->n_declarations + 1, sizeof *viewed);

	if (!viewed)
		abort();
	for (const struct idl_procedure *p = interface->procedures; p; p = p->next)
		for (const struct idl_field *r = emit_first_result(p); r;
		     r = emit_next_result(p, r))
			if (emit_viewed_struct(r->type))
				viewed[emit_viewed_struct(r->type)->ordinal] = true;
	for (const struct idl_declaration *d = file->ordered; d; d = d->next_ordered)
		if (viewed[d->ordinal])
			each(out, interface, d);
	free(viewed);
}

void emit_accessor(struct idl_text *out, const struct idl_interface *interface,
		   const struct idl_declaration *d, const char *tail)
{
	emit_line(out, "void %s_%s_at(struct %s_%s_view view,\vuint32_t i,\vstruct %s *value)%s",
		  interface->name.text, d->name.text, interface->name.text, d->name.text, d->c_name,
		  tail);
}
