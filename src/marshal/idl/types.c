/* SPDX-License-Identifier: BSD-3-Clause */
/* types.c - the table of types. A new scalar type is a row here and fly_put_, fly_get_ in stub.h.
 */
#include <ctype.h>
#include <string.h>

#include "ast.h"

static const struct idl_type types[] = {
	/* name, C name, access, bytes, any bits */
	{"bool", "bool", "bool", 1, false},  {"byte", "uint8_t", "u8", 1, true},
	{"i8", "int8_t", "i8", 1, true},     {"i16", "int16_t", "i16", 2, true},
	{"i32", "int32_t", "i32", 4, true},  {"i64", "int64_t", "i64", 8, true},
	{"u8", "uint8_t", "u8", 1, true},    {"u16", "uint16_t", "u16", 2, true},
	{"u32", "uint32_t", "u32", 4, true}, {"u64", "uint64_t", "u64", 8, true},
	{"f32", "float", "f32", 4, true},    {"f64", "double", "f64", 8, true},
};

#define N_TYPES (sizeof types / sizeof *types)

/* What programmers of other languages write; the C names themselves are in the table above. */
static const struct {
	const char *written;
	const char *meant;
} habits[] = {
	{"char", "byte"},    {"short", "i16"},  {"int", "i32"},     {"long", "i64"},
	{"unsigned", "u32"}, {"uint", "u32"},   {"float32", "f32"}, {"float64", "f64"},
	{"int8", "i8"},      {"int16", "i16"},  {"int32", "i32"},   {"int64", "i64"},
	{"uint8", "u8"},     {"uint16", "u16"}, {"uint32", "u32"},  {"uint64", "u64"},
	{"boolean", "bool"}, {"_Bool", "bool"}, {"octet", "byte"},  {"real", "f64"},
};

#define N_HABITS (sizeof habits / sizeof *habits)

const struct idl_type *idl_type_find(const char *name)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return NULL;
}

/*
 * Insertions, removals and substitutions that make b of a, whatever the case of a's letters
 * (Levenshtein 1966). Both shorter than 16.
 */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[16];
	const size_t n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (unsigned i = 1; *a; i++, a++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			unsigned best = diagonal + (tolower((unsigned char)*a) != b[j - 1]);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[n];
}

const char *idl_type_nearest(const char *name)
{
	const char *nearest = NULL;
	unsigned least = 2; /* two errors in so short a word is another word */

	for (size_t i = 0; i < N_HABITS; i++)
		if (!strcmp(habits[i].written, name))
			return habits[i].meant;
	/* u8 before byte: whoever writes uint8_t thinks of a number */
	for (size_t i = N_TYPES; i-- > 0;)
		if (!strcmp(types[i].c_name, name))
			return types[i].name;
	if (strlen(name) >= 16)
		return NULL;
	for (size_t i = 0; i < N_TYPES; i++) {
		const unsigned d = distance(name, types[i].name);

		if (d < least) {
			least = d;
			nearest = types[i].name;
		}
	}
	return nearest;
}
