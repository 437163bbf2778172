/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/words.c - names that an interface cannot use: they have a meaning in generated code or in the
 * language.
 *
 * The keywords of C up to C23, of C++ up to C++20, and of GNU; types and macros of the headers that
 * generated files include; predefined macros of gcc and clang.
 */
#include <string.h>

#include "ast.h"

static const char *const c_words[] = {
	"alignas",       "alignof",      "asm",      "auto",          "bool",
	"break",         "case",         "char",     "const",         "constexpr",
	"continue",      "default",      "do",       "double",        "else",
	"enum",          "extern",       "false",    "float",         "for",
	"goto",          "if",           "inline",   "int",           "long",
	"nullptr",       "register",     "restrict", "return",        "short",
	"signed",        "sizeof",       "static",   "static_assert", "struct",
	"switch",        "thread_local", "true",     "typedef",       "typeof",
	"typeof_unqual", "union",        "unsigned", "void",          "volatile",
	"while",         NULL,
};

static const char *const cpp_words[] = {
	"and",       "and_eq",       "bitand",     "bitor",     "catch",     "char16_t",
	"char32_t",  "char8_t",      "class",      "co_await",  "co_return", "co_yield",
	"compl",     "concept",      "const_cast", "consteval", "constinit", "decltype",
	"delete",    "dynamic_cast", "explicit",   "export",    "friend",    "mutable",
	"namespace", "new",          "noexcept",   "not",       "not_eq",    "operator",
	"or",        "or_eq",        "private",    "protected", "public",    "reinterpret_cast",
	"requires",  "static_cast",  "template",   "this",      "throw",     "try",
	"typeid",    "typename",     "using",      "virtual",   "wchar_t",   "xor",
	"xor_eq",    NULL,
};

/* Macros, types, and functions that generated code calls; the skeleton includes more headers. */
static const char *const library_words[] = {
	"NULL",       "EOF",          "offsetof",     "assert",       "errno",       "stdin",
	"stdout",     "stderr",       "linux",        "unix",         "i386",        "memcpy",
	"memmove",    "memset",       "size_t",       "ptrdiff_t",    "max_align_t", "nullptr_t",
	"intptr_t",   "uintptr_t",    "intmax_t",     "uintmax_t",    "locale_t",    "SIZE_MAX",
	"SIZE_WIDTH", "alloca",       "BUFSIZ",       "RAND_MAX",     "SEEK_CUR",    "SEEK_END",
	"SEEK_SET",   "SIGABRT",      "SIGFPE",       "SIGILL",       "SIGINT",      "SIGSEGV",
	"SIGTERM",    "SIG_DFL",      "SIG_ERR",      "SIG_IGN",      "TMP_MAX",     "L_tmpnam",
	"FOPEN_MAX",  "EXIT_FAILURE", "EXIT_SUCCESS", "FILENAME_MAX", "MB_CUR_MAX",  NULL,
};

/* Types of <sys/types.h> and <stdio.h>, which <stdlib.h> and skeletons include. */
static const char *const system_types[] = {
	"FILE",        "blkcnt_t", "blksize_t", "caddr_t", "clock_t",    "clockid_t", "daddr_t",
	"dev_t",       "div_t",    "fd_mask",   "fd_set",  "fpos_t",     "fsid_t",    "gid_t",
	"id_t",        "ino_t",    "key_t",     "ldiv_t",  "lldiv_t",    "loff_t",    "mode_t",
	"nlink_t",     "off_t",    "pid_t",     "quad_t",  "register_t", "sigset_t",  "ssize_t",
	"suseconds_t", "time_t",   "timer_t",   "u_char",  "u_int",      "u_long",    "u_quad_t",
	"u_short",     "uid_t",    "uint",      "ulong",   "useconds_t", "ushort",    "va_list",
	"wint_t",      NULL,
};

/* Variables, members and functions of generated code: a macro of that name would break them. */
static const char *const variables[] = {
	"argc",        "argument_bytes", "arguments",    "argv",    "arm",       "as",
	"at",          "binding",        "bytes",        "call",    "context",   "count",
	"end",         "ender",          "fprintf",      "free",    "i",         "inner",
	"items",       "length",         "links",        "main",    "malformed", "malloc",
	"number",      "options",        "payload",      "peer",    "printf",    "procedures",
	"raised",      "result",         "result_bytes", "results", "runtime",   "send",
	"served",      "signal",         "starter",      "status",  "stop",      "tail",
	"transporter", "value",          "values",       "view",    "wait",      NULL,
};

/* Words with a meaning where a type may stand, or beside it. */
static const char *const type_words[] = {
	"version", "include",    "string", "optional", "exception",
	"raises",  "idempotent", "worker", "inplace",  NULL,
};

static bool is_one_of(const char *name, const char *const *words)
{
	for (; *words; words++)
		if (**words == *name && !strcmp(*words, name))
			return true;
	return false;
}

static bool begins(const char *name, const char *with)
{
	return !strncmp(name, with, strlen(with));
}

static bool ends(const char *name, const char *with)
{
	const size_t n = strlen(name);
	const size_t m = strlen(with);

	return n >= m && !strcmp(name + n - m, with);
}

/* uint32_t, int_fast8_t, UINT32_MAX, INTPTR_MIN, PTRDIFF_WIDTH, UINT64_C, ...: <stdint.h> */
static bool is_of_stdint(const char *name)
{
	static const char *const macros[] = {"INT",         "UINT",   "SIZE_", "PTRDIFF_",
					     "SIG_ATOMIC_", "WCHAR_", "WINT_"};

	if (begins(name, "int") || begins(name, "uint")) {
		name += name[0] == 'u' ? 4 : 3;
		return ends(name, "_t") && (begins(name, "_fast") || begins(name, "_least") ||
					    (*name >= '0' && *name <= '9'));
	}
	for (size_t i = 0; i < sizeof macros / sizeof *macros; i++)
		if (begins(name, macros[i]))
			return ends(name, "_MAX") || ends(name, "_MIN") || ends(name, "_C") ||
			       ends(name, "_WIDTH");
	return false;
}

const char *idl_word_reserved(const char *name)
{
	if (idl_scalar_find(name))
		return "a type";
	if (is_one_of(name, c_words))
		return "a keyword of C";
	if (is_one_of(name, cpp_words))
		return "a keyword of C++";
	if (is_one_of(name, library_words) || is_one_of(name, system_types) || is_of_stdint(name))
		return "a name of the C library or of the compiler";
	if (begins(name, "fly_") || begins(name, "FLY_") || !strcmp(name, "fly") ||
	    !strcmp(name, "FLY") || ends(name, "_FLY_H"))
		return "a name that belongs to Firefly";
	if (name[0] == '_')
		return "a name that belongs to the compiler, because it begins with '_'";
	return NULL;
}

bool idl_word_of_stubs(const char *name)
{
	return is_one_of(name, variables);
}

bool idl_word_of_language(const char *name)
{
	return is_one_of(name, type_words);
}
