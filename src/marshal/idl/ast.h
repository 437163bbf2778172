/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/ast.h - the syntax tree of an interface file, and the passes of the stub compiler.
 *
 * idl_compile() runs the passes in order: parse (grammar.y, lexer.l), resolve names (resolve.c),
 * check (check.c), layout (layout.c), names (names.c). If there are no errors, the emitters may run
 * in any order; they change nothing. Everything in a struct idl_file is allocated from its arena,
 * and idl_free() frees it. There is no global state: several files may be compiled at once.
 */
#ifndef FIREFLY_IDL_AST_H
#define FIREFLY_IDL_AST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest name in an interface file. */
#define IDL_NAME_MAX 63

/* Procedure numbers are u16 on the wire. */
#define IDL_PROCEDURES_MAX 65536

/* Longer files are refused: byte offsets have 32 bits. */
#define IDL_FILE_MAX (16u << 20)

/* Errors shown; more are only counted. */
#define IDL_ERRORS_MAX 20

/* Nesting of types, and number of files. */
#define IDL_DEPTH_MAX 64
#define IDL_FILES_MAX 64

/* Unused procedure numbers below the highest: each costs a row in a table. */
#define IDL_GAPS_MAX 4096

/* A server stub keeps variables of up to so many bytes on its stack; more go to the heap. */
#define IDL_STACK_MAX 16384

/* A place: byte offsets in all sources, which are numbered one after another; end exclusive. */
struct idl_span {
	uint32_t begin;
	uint32_t end;
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

/* A number, text or name as written. check.c replaces a constant's name by its value. */
enum idl_value_kind {
	IDL_NO_VALUE,
	IDL_INTEGER,
	IDL_REAL,
	IDL_TEXT,
	IDL_TRUTH,
	IDL_NAMED,
};

struct idl_value {
	enum idl_value_kind kind;
	bool negative;
	uint64_t magnitude; /* INTEGER; TRUTH: 0 or 1 */
	const char *text;   /* REAL, NAMED: as written; TEXT: without the quotes */
	struct idl_span span;
};

/* A built-in type. The table of these types is in types.c. */
struct idl_scalar {
	const char *name;   /* in an interface file: "u32" */
	const char *c_name; /* in generated code: "uint32_t" */
	const char *access; /* fly_put_ACCESS, fly_get_ACCESS */
	unsigned bytes;     /* on the wire and in C */
	bool any_bits;      /* every bit pattern is a value; false for bool */
	bool is_integer;
	int64_t least; /* of an integer type */
	uint64_t most;
};

enum idl_kind {
	IDL_SCALAR,
	IDL_ENUM,
	IDL_STRUCT, /* or an exception */
	IDL_UNION,
	IDL_STRING,
	IDL_ARRAY,    /* T x[N] */
	IDL_LIST,     /* T x<MAX> */
	IDL_OPTIONAL, /* has no typedef, and cannot be an element */
};

struct idl_declaration;

/*
 * A type, all names resolved. On the wire a value has fixed_bytes in the fixed part and, unless
 * tail_max is 0, bytes in the variable part: docs/encoding.md.
 */
struct idl_type {
	enum idl_kind kind;
	const struct idl_scalar *scalar;  /* SCALAR; ENUM: i32 */
	struct idl_declaration *declared; /* ENUM, STRUCT, UNION */
	const struct idl_type *element;   /* ARRAY, LIST, OPTIONAL */
	uint64_t bound;                   /* STRING, ARRAY, LIST: MAX or N */
	const char *c_type;               /* of a variable; of an element for an array */
	uint64_t fixed_bytes;
	uint64_t tail_min;
	uint64_t tail_max;
	uint64_t c_bytes; /* approximate size of a C variable */
	bool any_bits;    /* no fixed part is malformed, and there is no variable part */
	unsigned depth;   /* of nesting */
};

enum idl_direction {
	IDL_IN,
	IDL_OUT,
	IDL_INOUT,
};

enum idl_shape {
	IDL_SINGLE,
	IDL_FIXED,   /* [N] */
	IDL_BOUNDED, /* <MAX> */
};

/* A case of a union's arm. */
struct idl_label {
	struct idl_value value;
	struct idl_label *next;
};

/*
 * A declarator: a field, an arm of a union, the target of a typedef, a parameter, or the result
 * behind ->. Offsets count from the first byte of the arguments or results.
 */
struct idl_field {
	struct idl_name name;
	struct idl_name type_name;
	struct idl_value string_max; /* bound of a string; else NO_VALUE */
	enum idl_shape shape;
	struct idl_value size; /* of [] or <> */
	bool is_optional;
	struct idl_doc *doc;
	const struct idl_type *type; /* set by the checks; NULL: unknown, or a void arm */
	struct idl_field *next;
	/* ---- arms ---- */
	struct idl_label *labels;
	bool is_default;
	bool is_void;
	/* ---- parameters ---- */
	enum idl_direction direction;
	bool is_inplace;
	uint32_t argument_offset; /* of the fixed part: in, inout */
	uint32_t result_offset;   /* of the fixed part: out, inout */
	uint32_t staged_at;  /* where the procedure writes it: out, inout; direct and variable */
	bool copied;         /* inout bytes that the server stub copies to the results */
	bool is_loaded;      /* a string that the server stub copies to a variable of its own */
	bool lends_argument; /* the caller's stub lends the array, if it is long then */
	bool lends_result;   /* the caller's stub lends the variable */
	const char *length_name; /* of a string: the stub's variable for its length */
	const char *sent_name;   /* inout and variable: the stub's pointer to it in the arguments */
};

enum idl_what {
	IDL_IS_CONST,
	IDL_IS_ENUM,
	IDL_IS_STRUCT,
	IDL_IS_UNION,
	IDL_IS_TYPEDEF,
	IDL_IS_EXCEPTION,
};

struct idl_enumerator {
	struct idl_name name;
	struct idl_value given; /* NO_VALUE: the previous value plus one */
	int32_t value;
	bool has_value; /* false: an error has been noted */
	struct idl_doc *doc;
	struct idl_enumerator *next;
};

struct idl_declaration {
	enum idl_what what;
	struct idl_name name;
	const char *c_name; /* with the interface's name in front if it is declared in one */
	struct idl_doc *doc;
	struct idl_field *fields;           /* STRUCT, EXCEPTION; UNION: the arms */
	struct idl_field *discriminant;     /* UNION */
	struct idl_field *target;           /* TYPEDEF */
	struct idl_enumerator *enumerators; /* ENUM */
	struct idl_value value;             /* CONST; EXCEPTION: its number, or NO_VALUE */
	struct idl_name scalar_name;        /* CONST: name of its type */
	const struct idl_scalar *scalar;    /* CONST: its type; NULL: text */
	int32_t number;                     /* EXCEPTION */
	struct idl_type *type;              /* ENUM, STRUCT, UNION, EXCEPTION, TYPEDEF */
	const struct idl_source *source;
	bool in_interface;
	unsigned ordinal; /* index in by_name */
	/* compare.c: the older declaration known to match, per direction; or NULL */
	const struct idl_declaration *fits[IDL_INOUT + 1];
	enum {
		IDL_UNSEEN,
		IDL_OPEN,
		IDL_DONE
	} state;                              /* of resolve.c */
	struct idl_declaration *next;         /* in source order */
	struct idl_declaration *next_ordered; /* in an order that C accepts */
};

/* An exception that a procedure raises. */
struct idl_raise {
	struct idl_name name;
	const struct idl_declaration *exception;
	struct idl_raise *next;
};

/* Names of generated variables, chosen to differ from all parameters (names.c). */
struct idl_names {
	const char *arguments;
	const char *at;
	const char *binding;
	const char *bytes;
	const char *call;
	const char *context;
	const char *elements;
	const char *end;
	const char *from;
	const char *index;
	const char *items;
	const char *loans;
	const char *own; /* prefix of the server stub's own variables: "", or "values->" */
	const char *procedures;
	const char *raised;
	const char *rest;
	const char *result;
	const char *results;
	const char *served;
	const char *status;
	const char *tail;
	const char *values;
};

enum idl_layout {
	IDL_RESULTS_OVER,
	IDL_RESULTS_BEHIND,
	IDL_RESULTS_SECOND,
};

enum idl_attribute {
	IDL_IDEMPOTENT = 1,
	IDL_INLINE = 2,
	IDL_WORKER = 4,
	IDL_INPLACE = 8,
};

/* The arguments or the results of a procedure. */
struct idl_message {
	uint32_t fixed_bytes;
	uint32_t max_bytes; /* equal to fixed_bytes if there is no variable part */
};

struct idl_procedure {
	struct idl_name name;
	struct idl_value given; /* the number; NO_VALUE: the previous number plus one */
	uint32_t number;
	struct idl_doc *doc;
	struct idl_field *params; /* in order of declaration */
	struct idl_field *result; /* behind ->; NULL: none */
	struct idl_raise *raises;
	unsigned attributes; /* bits of enum idl_attribute */
	struct idl_names names;
	struct idl_message arguments;
	struct idl_message results;
	uint32_t exception_bytes; /* longest exception including its number; 0: none */
	uint32_t result_offset;   /* IDL_RESULTS_BEHIND only; else 0 */
	enum idl_layout layout;
	uint64_t variable_bytes; /* bytes of C variables in its server stub */
	bool lends_arguments;    /* one of them at least */
	bool lends_results;
	struct idl_procedure *next;
};

struct idl_interface {
	struct idl_name name;
	uint64_t version;
	struct idl_span version_span;
	struct idl_doc *doc;
	struct idl_declaration *declarations;
	struct idl_procedure *procedures;
	uint32_t n_procedures;
};

struct idl_include {
	const char *name;
	struct idl_span span;
	struct idl_include *next;
};

/* A file: the compiled one, or an included one. */
struct idl_source {
	const char *name; /* for messages: as the user or the loader gave it */
	const char *text; /* may hold any byte */
	uint32_t base;    /* offset of the first byte in spans */
	uint32_t length;
	bool is_open; /* true while its includes are read */
	struct idl_include *includes;
	struct idl_declaration *declarations;
	struct idl_interface *interface; /* NULL: none */
	struct idl_source *next;
};

/*
 * Finds included files. @from: name of the including file. @path: set to the name of the file
 * found; the same name for the same file. Return: the bytes, which must outlive the compilation; or
 * NULL with errno.
 */
struct idl_loader {
	const char *(*load)(void *context, const char *from, const char *name, const char **path,
			    size_t *length);
	void *context;
};

struct idl_error {
	struct idl_span span;
	const char *message;
	struct idl_error *next; /* sorted by place */
};

struct idl_chunk;

struct idl_file {
	struct idl_source *sources;      /* the file itself first */
	struct idl_interface *interface; /* NULL: none, or not readable */
	struct idl_declaration *ordered; /* all, each after those that it needs */
	struct idl_declaration **ordered_end;
	struct idl_declaration **by_name; /* sorted */
	size_t n_declarations;
	struct idl_error *errors;
	unsigned n_errors;
	bool has_syntax_errors; /* parts of the file may have been skipped */
	struct idl_chunk *arena;
};

/* ---- ast.c: memory --------------------------------------------------------------------------- */

/* idl_allocate() - zeroed memory from the file's arena. Never NULL: ends the process instead. */
void *idl_allocate(struct idl_file *file, size_t bytes);

/* idl_printf() - a formatted string in the file's arena. */
char *idl_printf(struct idl_file *file, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* idl_string() - a copy in the file's arena, NUL-terminated. */
char *idl_string(struct idl_file *file, const char *text, size_t length);

/* A growing text. Zero-initialised; bytes is NULL or NUL-terminated. */
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

/* Does a value of this type have a variable part? */
static inline bool idl_varies(const struct idl_type *type)
{
	return type->tail_max > 0;
}

/* A one-byte number: the wire holds it exactly as C does. */
static inline bool idl_is_byte(const struct idl_type *type)
{
	return type->kind == IDL_SCALAR && type->scalar->bytes == 1 && type->scalar->any_bits;
}

/*
 * Does the procedure read and write this parameter in the packet? True of byte arrays and strings,
 * which need no alignment and no conversion.
 */
static inline bool idl_is_direct(const struct idl_type *type)
{
	return type->kind == IDL_STRING ||
	       ((type->kind == IDL_ARRAY || type->kind == IDL_LIST) && idl_is_byte(type->element));
}

/* ---- types.c --------------------------------------------------------------------------------- */

/* idl_scalar_find() - the scalar type of that name, or NULL. */
const struct idl_scalar *idl_scalar_find(const char *name);

/* idl_scalar_nearest() - the type that a misspelt name probably means, or NULL. */
const char *idl_scalar_nearest(const char *name);

/*
 * idl_is_nearer() - may @written be a misspelling of @meant, and a closer one than those tried
 * before?
 * @least: errors in the closest so far, UINT_MAX at first; updated.
 */
bool idl_is_nearer(const char *written, const char *meant, unsigned *least);

/* ---- words.c --------------------------------------------------------------------------------- */

/*
 * idl_word_reserved() - may generated code use this name for something of the user's?
 * Return: NULL: yes; else what the name is already, as in "a keyword of C".
 */
const char *idl_word_reserved(const char *name);

/* idl_word_of_stubs() - does generated code have a variable, member or function of that name? */
bool idl_word_of_stubs(const char *name);

/* idl_word_of_language() - has this word a meaning of its own where a type may stand? */
bool idl_word_of_language(const char *name);

/* ---- errors.c -------------------------------------------------------------------------------- */

/* idl_error() - note an error. The message is one line without a full stop. */
void idl_error(struct idl_file *file, struct idl_span span, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* idl_is_shown() - will the next error be shown? If not, its message need not be composed. */
bool idl_is_shown(const struct idl_file *file);

/* idl_print_errors() - print all errors in source order, each with its line and a caret. */
void idl_print_errors(const struct idl_file *file, struct idl_text *out);

/* idl_source_at() - the source that holds a place. */
const struct idl_source *idl_source_at(const struct idl_file *file, uint32_t place);

/* idl_line_at() - the line number of a place, from 1. */
unsigned idl_line_at(const struct idl_file *file, uint32_t place);

/* idl_written() - the text of a span as written; not terminated. */
const char *idl_written(const struct idl_file *file, struct idl_span span);

/* ---- the passes ------------------------------------------------------------------------------ */

/*
 * idl_compile() - compile an interface file.
 * @name: for messages. @text: @length bytes of any kind. Both must outlive the result.
 * @loader: for includes; NULL: no includes.
 * Return: never NULL. Emit only if n_errors is 0. End it by idl_free().
 */
struct idl_file *idl_compile(const char *name, const char *text, size_t length,
			     const struct idl_loader *loader);
void idl_free(struct idl_file *file);

void idl_parse(struct idl_file *file, struct idl_source *source); /* parse.c */
void idl_resolve(struct idl_file *file);                          /* resolve.c */
void idl_check(struct idl_file *file);                            /* check.c */
void idl_layout(struct idl_file *file);                           /* layout.c */
bool idl_is_inplace(const struct idl_procedure *procedure);       /* layout.c */
void idl_choose_names(struct idl_file *file);                     /* names.c */

/* Find a declaration by name; NULL: none. In resolve.c. */
struct idl_declaration *idl_find(const struct idl_file *file, const char *name);

/*
 * idl_compare() - may programs built from @old talk to programs built from @file? Notes
 * incompatibilities as errors of @file. Neither file may have errors before.
 */
void idl_compare(struct idl_file *file, const struct idl_file *old); /* compare.c */

/*
 * The emitters. @base: name of the interface file without ".fly", for #include lines. A file
 * without an interface has only a header.
 */
void idl_emit_header(const struct idl_file *file, const char *base, struct idl_text *out);
void idl_emit_client(const struct idl_file *file, const char *base, struct idl_text *out);
void idl_emit_server(const struct idl_file *file, const char *base, struct idl_text *out);
void idl_emit_skeleton(const struct idl_file *file, const char *base, struct idl_text *out);

#endif
