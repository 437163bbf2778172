/* SPDX-License-Identifier: BSD-3-Clause */
/* emit.c - what the emitters share. Knows C and the form of generated code, but no file of it. */
#include <stdio.h>
#include <string.h>

#include "emit.h"

#define COLUMNS 100
#define TAB     8

/* Where the next piece ends: at the next '\v' or the end of the line. */
static size_t piece_length(const char *piece)
{
	return strcspn(piece, "\v");
}

static size_t indentation(const char *line)
{
	return strspn(line, "\t") * TAB;
}

/* Behind the last bracket that is open where the line may first be broken; 0: there is none. */
static size_t bracket_end(const char *line)
{
	const size_t length = piece_length(line);
	size_t end = 0;

	for (size_t i = 0; i < length; i++)
		if ((line[i] == '(' || line[i] == '{') && line[i + 1])
			end = i + 1;
	return end;
}

/* Below the bracket if all pieces fit there, else one tab further than the line. */
static size_t continuation_column(const char *line)
{
	const size_t tabs = strspn(line, "\t");
	const size_t column = tabs * TAB + bracket_end(line) - tabs;
	size_t longest = 0;

	if (!bracket_end(line))
		return indentation(line) + TAB;
	for (const char *piece = line + bracket_end(line);; piece++) {
		const size_t length = piece_length(piece);

		longest = length > longest ? length : longest;
		piece += length;
		if (!*piece)
			break;
	}
	return column + longest <= COLUMNS ? column : indentation(line) + TAB;
}

static size_t break_line(struct idl_text *out, size_t continuation)
{
	size_t column = 0;

	idl_text_append(out, "\n", 1);
	for (; column + TAB <= continuation; column += TAB)
		idl_text_append(out, "\t", 1);
	for (; column < continuation; column++)
		idl_text_append(out, " ", 1);
	return column;
}

static void emit_folded(struct idl_text *out, const char *line)
{
	const size_t continuation = continuation_column(line);
	size_t column = indentation(line) - strspn(line, "\t");

	if (column + piece_length(line) > COLUMNS && bracket_end(line)) {
		idl_text_append(out, line, bracket_end(line));
		line += bracket_end(line);
		column = break_line(out, continuation);
	}
	for (;;) {
		const size_t n = piece_length(line);

		idl_text_append(out, line, n);
		column += n;
		if (!line[n])
			break;
		line += n + 1;
		if (column + 1 + piece_length(line) <= COLUMNS) {
			idl_text_append(out, " ", 1);
			column++;
		} else {
			column = break_line(out, continuation);
		}
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

/* A comment must not end early, nor look as if another began in it, nor hold a trigraph. */
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

void emit_doc(struct idl_text *out, const struct idl_doc *doc)
{
	const size_t room = COLUMNS - strlen(" * ");

	for (; doc; doc = doc->next) {
		const char *text = doc->text;
		size_t length = strlen(text);

		if (!length)
			idl_text_printf(out, " *\n");
		while (length) {
			size_t cut = length;

			/* at the last blank that leaves a line short enough; else the next */
			if (cut > room) {
				cut = room;
				while (cut && text[cut] != ' ')
					cut--;
				if (!cut)
					cut = strcspn(text, " ");
			}
			idl_text_printf(out, " * ");
			append_comment(out, text, cut);
			idl_text_append(out, "\n", 1);
			while (cut < length && text[cut] == ' ')
				cut++;
			text += cut;
			length -= cut;
		}
	}
}

const struct idl_param *emit_first_argument(const struct idl_procedure *procedure)
{
	const struct idl_param *param = procedure->params;

	return param && param->direction == IDL_OUT ? emit_next_argument(param) : param;
}

const struct idl_param *emit_next_argument(const struct idl_param *param)
{
	do
		param = param->next;
	while (param && param->direction == IDL_OUT);
	return param;
}

static const struct idl_param *result_from(const struct idl_param *param)
{
	while (param && param->direction == IDL_IN)
		param = param->next;
	return param;
}

const struct idl_param *emit_first_result(const struct idl_procedure *procedure)
{
	return procedure->result ? procedure->result : result_from(procedure->params);
}

const struct idl_param *emit_next_result(const struct idl_procedure *procedure,
					 const struct idl_param *param)
{
	return result_from(param == procedure->result ? procedure->params : param->next);
}

bool emit_has_view(const struct idl_procedure *procedure)
{
	for (const struct idl_param *param = procedure->params; param; param = param->next)
		if (param->direction != IDL_IN && idl_param_is_bytes(param))
			return true;
	return false;
}

/* Does this form take the parameter at all? */
static bool takes(enum emit_form form, const struct idl_param *param)
{
	switch (form) {
	case EMIT_START:
		return param->direction != IDL_OUT;
	case EMIT_FINISH:
	case EMIT_VIEW:
		return param->direction != IDL_IN;
	default:
		return true;
	}
}

static void append_parameter(struct idl_text *line, const struct idl_param *param,
			     enum emit_form form)
{
	const bool is_input = param->direction == IDL_IN || form == EMIT_START;
	const char *type = param->type->c_name;
	const char *name = param->name.text;

	if (form == EMIT_VIEW && idl_param_is_bytes(param))
		idl_text_printf(line, "const %s **%s", type, name);
	else if (param->is_array)
		idl_text_printf(line, "%s%s %s[%u]", is_input ? "const " : "", type, name,
				(unsigned)param->count);
	else
		idl_text_printf(line, "%s %s%s", type, is_input ? "" : "*", name);
}

void emit_prototype(struct idl_text *out, const struct idl_interface *interface,
		    const struct idl_procedure *procedure, enum emit_form form, const char *tail)
{
	static const char *const suffix[] = {
		[EMIT_PLAIN] = "",
		[EMIT_START] = "_start",
		[EMIT_FINISH] = "_finish",
		[EMIT_VIEW] = "_view",
	};
	const struct idl_names *names = &procedure->names;
	const char *name = procedure->name.text;
	struct idl_text line = {0};

	if (form == EMIT_PROCEDURE)
		idl_text_printf(&line, "\tint (*%s)(void *%s", name, names->context);
	else if (form == EMIT_PLAIN || form == EMIT_START)
		idl_text_printf(&line, "int %s_%s%s(struct fly_binding *%s", interface->name.text,
				name, suffix[form], names->binding);
	else
		idl_text_printf(&line, "int %s_%s%s(struct fly_call *%s", interface->name.text,
				name, suffix[form], names->call);
	for (const struct idl_param *param = procedure->params; param; param = param->next) {
		if (!takes(form, param))
			continue;
		idl_text_printf(&line, ",\v");
		append_parameter(&line, param, form);
	}
	if (procedure->result && form != EMIT_START) {
		idl_text_printf(&line, ",\v");
		append_parameter(&line, procedure->result, form);
	}
	if (form == EMIT_START)
		idl_text_printf(&line, ",\vstruct fly_call **%s", names->call);
	idl_text_printf(&line, ")%s", tail);
	emit_folded(out, line.bytes);
	idl_text_free(&line);
}

const char *emit_place(char buffer[128], const char *base, uint32_t offset)
{
	if (offset)
		snprintf(buffer, 128, "%s + %u", base, offset);
	else
		snprintf(buffer, 128, "%s", base);
	return buffer;
}

const char *emit_bytes(char buffer[192], const struct idl_param *param, const char *base,
		       uint32_t offset, bool is_const)
{
	char place[128];

	emit_place(place, base, offset);
	if (!strcmp(param->type->c_name, "uint8_t"))
		snprintf(buffer, 192, "%s", place);
	else
		snprintf(buffer, 192, offset ? "(%s%s *)(%s)" : "(%s%s *)%s",
			 is_const ? "const " : "", param->type->c_name, place);
	return buffer;
}

/* The place of element i of an array: "results + 8 + 2 * i". */
static const char *element_place(char buffer[256], const struct idl_procedure *procedure,
				 const struct idl_param *param, const char *base, uint32_t offset)
{
	char place[128];

	emit_place(place, base, offset);
	if (param->type->bytes == 1)
		snprintf(buffer, 256, "%s + %s", place, procedure->names.index);
	else
		snprintf(buffer, 256, "%s + %u * %s", place, param->type->bytes,
			 procedure->names.index);
	return buffer;
}

static void emit_loop(struct idl_text *out, const struct idl_procedure *procedure,
		      const struct idl_param *param)
{
	const char *i = procedure->names.index;

	emit_line(out, "\tfor (unsigned %s = 0; %s < %u; %s++)", i, i, (unsigned)param->count, i);
}

void emit_put(struct idl_text *out, const struct idl_procedure *procedure,
	      const struct idl_param *param, const char *base, uint32_t offset, bool is_pointer)
{
	const char *name = param->name.text;
	char place[256];

	if (idl_param_is_bytes(param)) {
		emit_line(out, "\tmemcpy(%s,\v%s,\v%u);", emit_place(place, base, offset), name,
			  idl_param_bytes(param));
	} else if (param->is_array) {
		emit_loop(out, procedure, param);
		emit_line(out, "\t\tfly_put_%s(%s,\v%s[%s]);", param->type->access,
			  element_place(place, procedure, param, base, offset), name,
			  procedure->names.index);
	} else {
		emit_line(out, "\tfly_put_%s(%s,\v%s%s);", param->type->access,
			  emit_place(place, base, offset), is_pointer ? "*" : "", name);
	}
}

void emit_get(struct idl_text *out, const struct idl_procedure *procedure,
	      const struct idl_param *param, const char *base, uint32_t offset, bool is_pointer)
{
	const char *name = param->name.text;
	char place[256];

	if (idl_param_is_bytes(param)) {
		emit_line(out, "\tmemcpy(%s,\v%s,\v%u);", name, emit_place(place, base, offset),
			  idl_param_bytes(param));
	} else if (param->is_array) {
		emit_loop(out, procedure, param);
		emit_line(out, "\t\t%s[%s] =\vfly_get_%s(%s);", name, procedure->names.index,
			  param->type->access,
			  element_place(place, procedure, param, base, offset));
	} else {
		emit_line(out, "\t%s%s =\vfly_get_%s(%s);", is_pointer ? "*" : "", name,
			  param->type->access, emit_place(place, base, offset));
	}
}

void emit_bool_check(struct idl_text *out, const struct idl_procedure *procedure,
		     const struct idl_param *param, const char *base, uint32_t offset,
		     const char *otherwise)
{
	char place[256];

	if (param->type->any_bits)
		return;
	if (param->is_array) {
		emit_loop(out, procedure, param);
		emit_line(out, "\t\tif (!fly_is_bool(%s))",
			  element_place(place, procedure, param, base, offset));
		emit_line(out, "\t\t\t%s", otherwise);
	} else {
		emit_line(out, "\tif (!fly_is_bool(%s))", emit_place(place, base, offset));
		emit_line(out, "\t\t%s", otherwise);
	}
}
