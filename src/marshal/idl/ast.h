/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ast.h - an interface file as the stub compiler sees it, and the compiler's passes over it.
 *
 * idl_compile() runs the passes in their order: parse (grammar.y, lexer.l), resolve what names
 * mean (resolve.c), check (check.c), layout (layout.c), names (names.c). If there were no errors,
 * the emitters may run, any of them, in any order, without changing anything. Everything that hangs
 * on a struct idl_file is allocated from its arena and goes with idl_free(). No global state:
 * several files may be compiled at once.
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

/* How deep types may be nested, and how many files may be included. */
#define IDL_DEPTH_MAX 64
#define IDL_FILES_MAX 64

/* Procedure numbers below the highest that may be unused: each is a row in a table. */
#define IDL_GAPS_MAX 4096

/* A server stub keeps variables of up to so many bytes on its stack, more on the heap. */
#define IDL_STACK_MAX 16384

/* Where something stands: byte offsets in all sources, one behind the other; end exclusive. */
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

/* A number, a text or a name, as it is written; check.c makes a constant's name its value. */
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

/* A type that stands by itself. The table of all of them is in types.c. */
struct idl_scalar {
	const char *name;   /* in an interface file: "u32" */
	const char *c_name; /* in generated code: "uint32_t" */
	const char *access; /* fly_put_ACCESS, fly_get_ACCESS */
	unsigned bytes;     /* on the wire, and in C */
	bool any_bits;      /* every bit pattern is a value of the type; false for bool */
	bool is_integer;
	int64_t least; /* of an integer type */
	uint64_t most;
};

enum idl_kind {
	IDL_SCALAR,
	IDL_ENUM,
	IDL_STRUCT, /* an exception too */
	IDL_UNION,
	IDL_STRING,
	IDL_ARRAY,    /* T x[N] */
	IDL_LIST,     /* T x<MAX> */
	IDL_OPTIONAL, /* has no typedef, and is no element */
};

struct idl_declaration;

/*
 * A type with all names resolved. On the wire a value has a fixed part of fixed_bytes, and, unless
 * tail_max is 0, something in the variable part: docs/encoding.md.
 */
struct idl_type {
	enum idl_kind kind;
	const struct idl_scalar *scalar;  /* SCALAR; ENUM: i32 */
	struct idl_declaration *declared; /* ENUM, STRUCT, UNION */
	const struct idl_type *element;   /* ARRAY, LIST, OPTIONAL */
	uint64_t bound;                   /* STRING, ARRAY, LIST: MAX or N */
	const char *c_type;               /* of a variable; of an element, if it is an array */
	uint64_t fixed_bytes;
	uint64_t tail_min;
	uint64_t tail_max;
	uint64_t c_bytes; /* about as many as a variable of it takes in C */
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
 * A declarator: a field, an arm of a union, what a typedef names, a parameter, or what stands
 * behind ->. Offsets count from the first byte of the arguments and of the results.
 */
struct idl_field {
	struct idl_name name;
	struct idl_name type_name;
	struct idl_value string_max; /* of a string; else NO_VALUE */
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
	uint32_t argument_offset; /* in, inout: of the fixed part */
	uint32_t result_offset;   /* out, inout: of the fixed part */
	uint32_t staged_at;       /* out, inout, direct and variable: where the procedure writes */
	bool copied;              /* inout bytes that the server stub carries to the results */
	const char *length_name;  /* of a string: the stubs' variable for its length */
	const char *sent_name;    /* inout and variable: where it lies in the arguments */
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
	struct idl_value given; /* NO_VALUE: one more than the one before it */
	int32_t value;
	bool has_value; /* false: that is wrong, and has been noted */
	struct idl_doc *doc;
	struct idl_enumerator *next;
};

struct idl_declaration {
	enum idl_what what;
	struct idl_name name;
	const char *c_name; /* with the interface's name in front, if it stands in one */
	struct idl_doc *doc;
	struct idl_field *fields;           /* STRUCT, EXCEPTION; UNION: the arms */
	struct idl_field *discriminant;     /* UNION */
	struct idl_field *target;           /* TYPEDEF */
	struct idl_enumerator *enumerators; /* ENUM */
	struct idl_value value;             /* CONST; EXCEPTION: its number, or NO_VALUE */
	struct idl_name scalar_name;        /* CONST: of its type */
	const struct idl_scalar *scalar;    /* CONST: NULL: text */
	int32_t number;                     /* EXCEPTION */
	struct idl_type *type;              /* ENUM, STRUCT, UNION, EXCEPTION, TYPEDEF */
	const struct idl_source *source;
	bool in_interface;
	unsigned ordinal; /* in by_name */
	/* compare.c: an older one that this has been found to fit, for each direction; or NULL */
	const struct idl_declaration *fits[IDL_INOUT + 1];
	enum {
		IDL_UNSEEN,
		IDL_OPEN,
		IDL_DONE
	} state;                              /* of the checks */
	struct idl_declaration *next;         /* in order of the source */
	struct idl_declaration *next_ordered; /* in an order in which C can declare them */
};

/* An exception that a procedure raises. */
struct idl_raise {
	struct idl_name name;
	const struct idl_declaration *exception;
	struct idl_raise *next;
};

/* What generated code calls things of its own where a parameter might have that name too. */
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
	const char *own; /* in front of the server stub's own variables: "", or "values->" */
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
	uint32_t max_bytes; /* the longest; equal to fixed_bytes if there is no variable part */
};

struct idl_procedure {
	struct idl_name name;
	struct idl_value given; /* the number; NO_VALUE: one more than the one before it */
	uint32_t number;
	struct idl_doc *doc;
	struct idl_field *params; /* in order of declaration */
	struct idl_field *result; /* behind ->; NULL: none */
	struct idl_raise *raises;
	unsigned attributes; /* of enum idl_attribute */
	struct idl_names names;
	struct idl_message arguments;
	struct idl_message results;
	uint32_t exception_bytes; /* the longest exception with its number; 0: none */
	uint32_t result_offset;   /* IDL_RESULTS_BEHIND only; else 0 */
	enum idl_layout layout;
	uint64_t variable_bytes; /* what its server stub keeps in variables, in C */
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

/* A file: the one that is compiled, or one that it includes. */
struct idl_source {
	const char *name; /* as given by the user or found by the loader, for messages */
	const char *text; /* may hold any byte */
	uint32_t base;    /* the first byte's place in all spans */
	uint32_t length;
	bool is_open; /* its includes are being read */
	struct idl_include *includes;
	struct idl_declaration *declarations;
	struct idl_interface *interface; /* NULL: none */
	struct idl_source *next;
};

/*
 * Finds included files. @from: name of the including file. @path: set to the name of the one that
 * was found, the same for the same file. Return: its bytes, which must outlive the compilation; or
 * NULL, with errno.
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
	struct idl_source *sources;      /* the file itself, then what it includes */
	struct idl_interface *interface; /* NULL: none, or none that could be read */
	struct idl_declaration *ordered; /* all, each behind those it needs */
	struct idl_declaration **ordered_end;
	struct idl_declaration **by_name; /* sorted */
	size_t n_declarations;
	struct idl_error *errors;
	unsigned n_errors;
	bool has_syntax_errors; /* something that is there may have been skipped */
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

/* Does a value of this type have a variable part? */
static inline bool idl_varies(const struct idl_type *type)
{
	return type->tail_max > 0;
}

/* Numbers of one byte, which the wire holds exactly as C does. */
static inline bool idl_is_byte(const struct idl_type *type)
{
	return type->kind == IDL_SCALAR && type->scalar->bytes == 1 && type->scalar->any_bits;
}

/*
 * Is this parameter read and written by the procedure where it lies in the packet? Arrays of bytes
 * and strings, which need no alignment and no conversion.
 */
static inline bool idl_is_direct(const struct idl_type *type)
{
	return type->kind == IDL_STRING ||
	       ((type->kind == IDL_ARRAY || type->kind == IDL_LIST) && idl_is_byte(type->element));
}

/* ---- types.c ----------------------------------------------------------------------------------
 */

/* idl_scalar_find() - the scalar type of that name, or NULL. */
const struct idl_scalar *idl_scalar_find(const char *name);

/* idl_scalar_nearest() - what somebody who wrote this name may have meant, or NULL. */
const char *idl_scalar_nearest(const char *name);

/*
 * idl_is_nearer() - may the one name be a slip of the hand for the other, and sooner than for what
 * was tried before?
 * @least: errors in the best of these, UINT_MAX at first; updated.
 */
bool idl_is_nearer(const char *written, const char *meant, unsigned *least);

/* ---- words.c ----------------------------------------------------------------------------------
 */

/*
 * idl_word_reserved() - may generated code use this name for something of the user's?
 * Return: NULL: it may; else what the name is already, as in "a keyword of C".
 */
const char *idl_word_reserved(const char *name);

/* idl_word_of_stubs() - has generated code a variable, member or function of that name? */
bool idl_word_of_stubs(const char *name);

/* idl_word_of_language() - does it mean something of its own where a type may stand? */
bool idl_word_of_language(const char *name);

/* ---- errors.c ---------------------------------------------------------------------------------
 */

/* idl_error() - note an error; the format makes one line without a full stop. */
void idl_error(struct idl_file *file, struct idl_span span, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* idl_is_shown() - will one more error be shown? Else nobody has to think of good words for it. */
bool idl_is_shown(const struct idl_file *file);

/* idl_print_errors() - all errors in the order of the source, each with its line and a caret. */
void idl_print_errors(const struct idl_file *file, struct idl_text *out);

/* idl_source_at() - the source that a place is in. */
const struct idl_source *idl_source_at(const struct idl_file *file, uint32_t place);

/* idl_line_at() - the number of the line that a place is in, from 1. */
unsigned idl_line_at(const struct idl_file *file, uint32_t place);

/* idl_written() - the text of a span, as it is in its source; idl_span_bytes() long. */
const char *idl_written(const struct idl_file *file, struct idl_span span);

/* ---- the passes -------------------------------------------------------------------------------
 */

/*
 * idl_compile() - read an interface and decide everything about it.
 * @name: for messages. @text: length bytes of any kind; both must outlive the result.
 * @loader: for includes; NULL: none is found.
 * Return: never NULL; n_errors says whether it may be given to an emitter. End it by idl_free().
 */
struct idl_file *idl_compile(const char *name, const char *text, size_t length,
			     const struct idl_loader *loader);
void idl_free(struct idl_file *file);

void idl_parse(struct idl_file *file, struct idl_source *source); /* parse.c */
void idl_resolve(struct idl_file *file);                          /* resolve.c */
void idl_check(struct idl_file *file);                            /* check.c */
void idl_layout(struct idl_file *file);                           /* layout.c */
void idl_choose_names(struct idl_file *file);                     /* names.c */

/* Of resolve.c, for its users: the declaration of that name, or NULL. */
struct idl_declaration *idl_find(const struct idl_file *file, const char *name);

/*
 * idl_compare() - may programs built from @old talk with programs built from @file? What stands
 * against it is noted as errors of @file. Both are free of errors.
 */
void idl_compare(struct idl_file *file, const struct idl_file *old); /* compare.c */

/*
 * The emitters. @base: the name of the interface file without ".fly", as it stands in the
 * #include of the generated header. A file without an interface has a header only.
 */
void idl_emit_header(const struct idl_file *file, const char *base, struct idl_text *out);
void idl_emit_client(const struct idl_file *file, const char *base, struct idl_text *out);
void idl_emit_server(const struct idl_file *file, const char *base, struct idl_text *out);
void idl_emit_skeleton(const struct idl_file *file, const char *base, struct idl_text *out);

#endif
