/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_values.h - values of any type of the interface language, by tables instead of generated
 * code.
 *
 * fly_tables.py writes the tables. A value in C variables is filled from a stream of bytes, or
 * captured into one: its parts depth first, without padding, and of what is not there nothing. So
 * two values are the same if their streams are. The stream is fly_types.py's, and not the wire's,
 * but its numbers are little-endian as well.
 */
#ifndef FIREFLY_TESTS_IDL_FUZZ_VALUES_H
#define FIREFLY_TESTS_IDL_FUZZ_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_kind {
	VALUE_NUMBER, /* bool and enum too: size bytes */
	VALUE_STRING, /* char[most + 1] */
	VALUE_STRUCT, /* n fields */
	VALUE_UNION,  /* a discriminant of switch_bytes, at offset 0; n arms */
};

enum value_array {
	VALUE_ONE,
	VALUE_FIXED,
	VALUE_VARIABLE,
};

struct value_type;

/* A field, an arm or a parameter. at, count_at and has_at are offsets in the struct around it. */
struct value_field {
	const struct value_type *type; /* NULL: a void arm */
	enum value_array array;
	bool optional;
	uint32_t length; /* of the array, or the most that a variable one may have */
	size_t at;
	size_t count_at;
	size_t has_at;
};

struct value_case {
	uint32_t value; /* as stored, in switch_bytes */
	uint32_t arm;
};

#define VALUE_NO_ARM UINT32_MAX

struct value_type {
	enum value_kind kind;
	uint32_t most; /* bytes of a string, without the NUL */
	size_t size;   /* in C */
	uint32_t n;
	const struct value_field *fields; /* or arms */
	uint32_t switch_bytes;
	uint32_t n_cases;
	const struct value_case *cases;
	uint32_t default_arm; /* or VALUE_NO_ARM */
};

extern const struct value_type value_1, value_2, value_4, value_8; /* numbers of that many bytes */

/* Where a parameter is. Pointers that its shape does not need are NULL. */
struct value_place {
	bool *has;
	uint32_t *count;
	void *data;
};

/* Bytes on the heap that grow. Zero-initialised; free(at). */
struct value_stream {
	uint8_t *at;
	size_t length;
	size_t room;
};

/*
 * value_fill() - assign a value. @from: moved behind it; well-formed, but a count may be above its
 * bound, then as many elements follow as the bound, and a string may be one too long, then it
 * gets no NUL.
 */
void value_fill(const struct value_field *field, struct value_place place, const uint8_t **from);

/* Return: false if it breaks its bounds, and nothing sensible is in @to. */
bool value_capture(const struct value_field *field, struct value_place place,
		   struct value_stream *to);

/* Bytes that the data of a parameter may have in C. */
size_t value_room(const struct value_field *field);

void value_append(struct value_stream *to, const void *bytes, size_t n);

#endif
