/* SPDX-License-Identifier: BSD-3-Clause */
/* idl/types.c - the table of types. A new one needs a row, and fly_put_, fly_get_ in stub.h. */
#include <ctype.h>
#include <string.h>

#include "ast.h"

/* clang-format off */
static const struct idl_scalar types[] = {
	/* name, C name, access, bytes, any bits, integer, least, most */
	{"bool", "bool",     "bool", 1, false, false, 0,         0},
	{"byte", "uint8_t",  "u8",   1, true,  true,  0,         UINT8_MAX},
	{"i8",   "int8_t",   "i8",   1, true,  true,  INT8_MIN,  INT8_MAX},
	{"i16",  "int16_t",  "i16",  2, true,  true,  INT16_MIN, INT16_MAX},
	{"i32",  "int32_t",  "i32",  4, true,  true,  INT32_MIN, INT32_MAX},
	{"i64",  "int64_t",  "i64",  8, true,  true,  INT64_MIN, INT64_MAX},
	{"u8",   "uint8_t",  "u8",   1, true,  true,  0,         UINT8_MAX},
	{"u16",  "uint16_t", "u16",  2, true,  true,  0,         UINT16_MAX},
	{"u32",  "uint32_t", "u32",  4, true,  true,  0,         UINT32_MAX},
	{"u64",  "uint64_t", "u64",  8, true,  true,  0,         UINT64_MAX},
	{"f32",  "float",    "f32",  4, true,  false, 0,         0},
	{"f64",  "double",   "f64",  8, true,  false, 0,         0},
};
/* clang-format on */

#define N_TYPES (sizeof types / sizeof *types)

/* Type names of other languages. The C names are in the table above. */
static const struct {
	const char *written;
	const char *meant;
} habits[] = {
	{"char", "byte"},    {"short", "i16"},   {"int", "i32"},     {"long", "i64"},
	{"unsigned", "u32"}, {"uint", "u32"},    {"float32", "f32"}, {"float64", "f64"},
	{"int8", "i8"},      {"int16", "i16"},   {"int32", "i32"},   {"int64", "i64"},
	{"uint8", "u8"},     {"uint16", "u16"},  {"uint32", "u32"},  {"uint64", "u64"},
	{"boolean", "bool"}, {"_Bool", "bool"},  {"octet", "byte"},  {"real", "f64"},
	{"size_t", "u64"},   {"ssize_t", "i64"},
};

#define N_HABITS (sizeof habits / sizeof *habits)

const struct idl_scalar *idl_scalar_find(const char *name)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return NULL;
}

/*
 * Insertions, removals and substitutions between a and b, ignoring case (Levenshtein 1966). b: no
 * longer than IDL_NAME_MAX.
 */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[IDL_NAME_MAX + 1];
	const size_t n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (unsigned i = 1; *a; i++, a++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			const bool differs =
				tolower((unsigned char)*a) != tolower((unsigned char)b[j - 1]);
			unsigned best = diagonal + differs;

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

const char *idl_scalar_nearest(const char *name)
{
	const char *nearest = NULL;
	unsigned least = 2; /* two errors in a short word make another word */

	for (size_t i = 0; i < N_HABITS; i++)
		if (!strcmp(habits[i].written, name))
			return habits[i].meant;
	/* backwards: u8 before byte, because uint8_t means a number */
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

bool idl_is_nearer(const char *written, const char *meant, unsigned *least)
{
	const size_t n = strlen(meant);
	unsigned d;

	if (strlen(written) > IDL_NAME_MAX || n > IDL_NAME_MAX)
		return false;
	d = distance(written, meant);
	if (d >= *least || d > (n < 3 ? 0 : (n + 2) / 3))
		return false;
	*least = d;
	return true;
}
