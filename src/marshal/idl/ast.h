/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ast.h - an interface file as the stub compiler sees it, and the compiler's passes over it.
 *
 * idl_compile() runs the passes in their order: parse (grammar.y, lexer.l), check (check.c),
 * layout (layout.c), names (names.c). If there were no errors, the emitters may run, any of them,
 * in any order, without changing anything. Everything that hangs on a struct idl_file is
 * allocated from its arena and goes with idl_free(). No global state: several files may be
 * compiled at once.
 */
#ifndef FIREFLY_IDL_AST_H
#define FIREFLY_IDL_AST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest name of anything in an interface file. */
#define IDL_NAME_MAX 63

/* Procedure numbers are u16 on the wire. */
#define IDL_PROCEDURES_MAX 65536

/* A longer file is refused: byte offsets are 32 bits wide. */
#define IDL_FILE_MAX (16u << 20)

/* After so many errors the rest is only counted. */
#define IDL_ERRORS_MAX 20

/* Where something stands in the source: byte offsets, end exclusive. */
struct idl_span {
	uint32_t begin;
	uint32_t end;
};

/* A type that stands by itself. The table of all of them is in types.c. */
struct idl_type {
	const char *name;   /* in an interface file: "u32" */
	const char *c_name; /* in generated code: "uint32_t" */
	const char *access; /* fly_put_ACCESS, fly_get_ACCESS */
	unsigned bytes;     /* on the wire, and in C */
	bool any_bits;      /* every bit pattern is a value of the type; false for bool */
};

enum idl_direction {
	IDL_IN,
	IDL_OUT,
	IDL_INOUT,
};

/* One line of a doc comment, without the slashes. */
struct idl_doc {
	const char *text;
	struct idl_span span;
	struct idl_doc *next;
};

struct idl_name {
	const char *text;
	struct idl_span span;
};

/*
 * A place in the arguments or the results: a parameter, or what stands behind ->.
 * Offsets count from the first byte of the arguments and of the results, respectively.
 */
struct idl_param {
	struct idl_name name;
	struct idl_name type_name;
	const struct idl_type *type; /* set by the checks; NULL: unknown */
	enum idl_direction direction;
	bool is_array;
	uint64_t count; /* elements of an array; 1 for a scalar */
	struct idl_span count_span;
	struct idl_doc *doc;
	uint32_t argument_offset; /* in, inout */
	uint32_t result_offset;   /* out, inout */
	bool copied;              /* inout bytes that the server stub carries to the results */
	struct idl_param *next;
};

/* What generated code calls things of its own where a parameter might have that name too. */
struct idl_names {
	const char *arguments;
	const char *binding;
	const char *call;
	const char *context;
	const char *index;
	const char *procedures;
	const char *result;
	const char *results;
	const char *served;
	const char *status;
};

enum idl_layout {
	IDL_RESULTS_OVER,
	IDL_RESULTS_BEHIND,
	IDL_RESULTS_SECOND,
};

struct idl_procedure {
	struct idl_name name;
	uint32_t number;
	struct idl_doc *doc;
	struct idl_param *params; /* in order of declaration */
	struct idl_param *result; /* behind ->; NULL: none */
	struct idl_names names;
	uint32_t argument_bytes;
	uint32_t result_bytes;
	uint32_t result_offset; /* IDL_RESULTS_BEHIND only; else 0 */
	enum idl_layout layout;
	struct idl_procedure *next;
};

struct idl_interface {
	struct idl_name name;
	uint64_t version;
	struct idl_span version_span;
	struct idl_doc *doc;
	struct idl_procedure *procedures;
	uint32_t n_procedures;
};

struct idl_error {
	struct idl_span span;
	const char *message;
	struct idl_error *next; /* sorted by place */
};

struct idl_chunk;

struct idl_file {
	const char *name; /* as given by the user, for messages */
	const char *text; /* the caller's; may hold any byte */
	uint32_t length;
	struct idl_interface *interface; /* NULL: there is none that could be read */
	struct idl_error *errors;
	unsigned n_errors;
	struct idl_chunk *arena;
};

/* ---- ast.c: memory ----------------------------------------------------------------------------
 */

/* idl_allocate() - zeroed memory that lives as long as the file. Never NULL: ends the process. */
void *idl_allocate(struct idl_file *file, size_t bytes);

/* idl_printf() - a formatted string that lives as long as the file. */
char *idl_printf(struct idl_file *file, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* idl_string() - a copy, ended by NUL. */
char *idl_string(struct idl_file *file, const char *text, size_t length);

/* Text that grows. Zero-initialised; bytes is NULL or ended by NUL. */
struct idl_text {
	char *bytes;
	size_t length;
	size_t room;
};

void idl_text_append(struct idl_text *text, const char *bytes, size_t length);
void idl_text_printf(struct idl_text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void idl_text_vprintf(struct idl_text *text, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
void idl_text_free(struct idl_text *text);

/* Which bytes of the results or arguments a parameter takes. */
static inline uint32_t idl_param_bytes(const struct idl_param *param)
{
	return param->type->bytes * (uint32_t)param->count;
}

/* Does the wire hold this array exactly as C does, wherever it lies? */
static inline bool idl_param_is_bytes(const struct idl_param *param)
{
	return param->is_array && param->type->bytes == 1 && param->type->any_bits;
}

/* ---- types.c ----------------------------------------------------------------------------------
 */

/* idl_type_find() - the type of that name, or NULL. */
const struct idl_type *idl_type_find(const char *name);

/* idl_type_nearest() - what somebody who wrote this name may have meant, or NULL. */
const char *idl_type_nearest(const char *name);

/* ---- words.c ----------------------------------------------------------------------------------
 */

/*
 * idl_word_reserved() - may generated code use this name for something of the user's?
 * Return: NULL: it may; else what the name is already, as in "a keyword of C".
 */
const char *idl_word_reserved(const char *name);

/* ---- errors.c ---------------------------------------------------------------------------------
 */

/* idl_error() - note an error; the format makes one line without a full stop. */
void idl_error(struct idl_file *file, struct idl_span span, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* idl_print_errors() - all errors in the order of the source, each with its line and a caret. */
void idl_print_errors(const struct idl_file *file, struct idl_text *out);

/* ---- the passes -------------------------------------------------------------------------------
 */

/*
 * idl_compile() - read an interface and decide everything about it.
 * @name: for messages. @text: length bytes of any kind; both must outlive the result.
 * Return: never NULL; n_errors says whether it may be given to an emitter. End it by idl_free().
 */
struct idl_file *idl_compile(const char *name, const char *text, size_t length);
void idl_free(struct idl_file *file);

void idl_parse(struct idl_file *file);        /* parse.c */
void idl_check(struct idl_file *file);        /* check.c */
void idl_layout(struct idl_file *file);       /* layout.c */
void idl_choose_names(struct idl_file *file); /* names.c */

/*
 * The emitters. @base: the name of the interface file without ".fly", as it stands in the
 * #include of the generated header.
 */
void idl_emit_header(const struct idl_file *file, const char *base, struct idl_text *out);
void idl_emit_client(const struct idl_file *file, const char *base, struct idl_text *out);
void idl_emit_server(const struct idl_file *file, const char *base, struct idl_text *out);

#endif
