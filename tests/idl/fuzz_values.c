/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_values.c - see fuzz_values.h. Knows nothing of calls. */
#include <stdlib.h>
#include <string.h>

#include "fuzz_values.h"

#define NUMBER(n)                               \
	{                                       \
		.kind = VALUE_NUMBER, .size = n \
	}
const struct value_type value_1 = NUMBER(1);
const struct value_type value_2 = NUMBER(2);
const struct value_type value_4 = NUMBER(4);
const struct value_type value_8 = NUMBER(8);

static void take(void *to, const uint8_t **from, size_t n)
{
	if (n)
		memcpy(to, *from, n);
	*from += n;
}

/* Numbers between C and the stream, in both directions: where C is big-endian, turn their bytes. */
static void turn(void *numbers, size_t n, size_t size)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	uint8_t *at = numbers;

	for (; n--; at += size)
		for (size_t i = 0; i < size / 2; i++) {
			const uint8_t byte = at[i];

			at[i] = at[size - 1 - i];
			at[size - 1 - i] = byte;
		}
#else
	(void)numbers;
	(void)n;
	(void)size;
#endif
}

static void take_numbers(void *to, const uint8_t **from, size_t n, size_t size)
{
	take(to, from, n * size);
	turn(to, n, size);
}

static void append_numbers(struct value_stream *to, const void *numbers, size_t n, size_t size)
{
	value_append(to, numbers, n * size);
	if (n)
		turn(to->at + to->length - n * size, n, size);
}

static uint32_t take_u32(const uint8_t **from)
{
	uint32_t n;

	take_numbers(&n, from, 1, sizeof n);
	return n;
}

/* A number of 1, 2 or 4 bytes, as C has it. */
static uint32_t number_at(const uint8_t *data, size_t size)
{
	uint8_t bytes[4] = {0};

	memcpy(bytes, data, size);
	turn(bytes, 1, size);
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

/* Where a field of a struct is. */
static struct value_place place_in(uint8_t *base, const struct value_field *field)
{
	return (struct value_place){
		.has = (bool *)(base + field->has_at),
		.count = (uint32_t *)(base + field->count_at),
		.data = base + field->at,
	};
}

static void fill_type(const struct value_type *type, uint8_t *data, const uint8_t **from)
{
	uint32_t n;

	switch (type->kind) {
	case VALUE_NUMBER:
		take_numbers(data, from, 1, type->size);
		break;
	case VALUE_STRING:
		n = take_u32(from);
		take(data, from, n);
		if (n <= type->most)
			data[n] = '\0';
		break;
	case VALUE_STRUCT:
		for (uint32_t i = 0; i < type->n; i++)
			value_fill(&type->fields[i], place_in(data, &type->fields[i]), from);
		break;
	case VALUE_UNION:
		take_numbers(data, from, 1, type->switch_bytes);
		n = take_u32(from);
		if (n != VALUE_NO_ARM && type->fields[n].type)
			value_fill(&type->fields[n], place_in(data, &type->fields[n]), from);
		break;
	}
}

void value_fill(const struct value_field *field, struct value_place place, const uint8_t **from)
{
	uint32_t n = field->array == VALUE_FIXED ? field->length : 1;

	if (field->optional) {
		take(place.has, from, 1);
		if (!*place.has)
			return;
	}
	if (field->array == VALUE_VARIABLE) {
		n = *place.count = take_u32(from);
		if (n > field->length)
			n = field->length;
	}
	if (field->type->kind == VALUE_NUMBER) {
		take_numbers(place.data, from, n, field->type->size);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		fill_type(field->type, (uint8_t *)place.data + i * field->type->size, from);
}

void value_append(struct value_stream *to, const void *bytes, size_t n)
{
	if (to->room - to->length < n) {
		to->room = 2 * to->room + n + 64;
		to->at = realloc(to->at, to->room);
		if (!to->at)
			abort();
	}
	if (n)
		memcpy(to->at + to->length, bytes, n);
	to->length += n;
}

static uint32_t arm_of(const struct value_type *type, uint32_t value)
{
	for (uint32_t i = 0; i < type->n_cases; i++)
		if (type->cases[i].value == value)
			return type->cases[i].arm;
	return type->default_arm;
}

static bool capture_type(const struct value_type *type, uint8_t *data, struct value_stream *to)
{
	uint32_t n = 0;

	switch (type->kind) {
	case VALUE_NUMBER:
		append_numbers(to, data, 1, type->size);
		break;
	case VALUE_STRING:
		n = (uint32_t)strnlen((const char *)data, type->most + 1);
		if (n > type->most)
			return false;
		append_numbers(to, &n, 1, sizeof n);
		value_append(to, data, n);
		break;
	case VALUE_STRUCT:
		for (uint32_t i = 0; i < type->n; i++)
			if (!value_capture(&type->fields[i], place_in(data, &type->fields[i]), to))
				return false;
		break;
	case VALUE_UNION:
		append_numbers(to, data, 1, type->switch_bytes);
		n = arm_of(type, number_at(data, type->switch_bytes));
		append_numbers(to, &n, 1, sizeof n);
		if (n == VALUE_NO_ARM)
			return false;
		if (type->fields[n].type)
			return value_capture(&type->fields[n], place_in(data, &type->fields[n]),
					     to);
		break;
	}
	return true;
}

bool value_capture(const struct value_field *field, struct value_place place,
		   struct value_stream *to)
{
	uint32_t n = field->array == VALUE_FIXED ? field->length : 1;

	if (field->optional) {
		value_append(to, place.has, 1);
		if (!*place.has)
			return true;
	}
	if (field->array == VALUE_VARIABLE) {
		n = *place.count;
		append_numbers(to, &n, 1, sizeof n);
		if (n > field->length)
			return false;
	}
	if (field->type->kind == VALUE_NUMBER) {
		append_numbers(to, place.data, n, field->type->size);
		return true;
	}
	for (uint32_t i = 0; i < n; i++)
		if (!capture_type(field->type, (uint8_t *)place.data + i * field->type->size, to))
			return false;
	return true;
}

size_t value_room(const struct value_field *field)
{
	return field->type->size * (field->array == VALUE_ONE ? 1 : field->length);
}
