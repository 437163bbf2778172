/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_layout.c - offsets, and the choice of where results lie, against a model of a call.
 *
 * The model does not compare ranges. It gives every byte of the arguments and of the results a
 * mark of its own, does with them what the stub and the procedure do, byte by byte, and sees
 * whether anybody read a wrong mark.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

#include <firefly/stub.h>

#include "compile.h"

static void expect_layout(const char *procedure, enum idl_layout layout, unsigned offset)
{
	struct idl_file *file = compile_procedures(procedure);

	cr_assert_eq(file->n_errors, 0, "%s", procedure);
	cr_expect_eq(procedure_at(file, 0)->layout, layout, "%s", procedure);
	cr_expect_eq(procedure_at(file, 0)->result_offset, offset, "%s", procedure);
	discard(file);
}

Test(layout, idl_layout__offsets_follow_the_order_of_declaration)
{
	struct idl_file *file = compile_procedures(
		"P(in u8 a, out u64 b, inout i16 c[3], in bool d, out f32 e) -> u32;");
	const struct idl_procedure *p = procedure_at(file, 0);

	cr_assert_eq(file->n_errors, 0);
	cr_expect_eq(p->arguments.max_bytes, 1 + 6 + 1);
	cr_expect_eq(p->results.max_bytes, 4 + 8 + 6 + 4);
	cr_expect_eq(p->result->result_offset, 0);
	cr_expect_eq(param_at(p, 0)->argument_offset, 0);
	cr_expect_eq(param_at(p, 1)->result_offset, 4);
	cr_expect_eq(param_at(p, 2)->argument_offset, 1);
	cr_expect_eq(param_at(p, 2)->result_offset, 12);
	cr_expect_eq(param_at(p, 3)->argument_offset, 7);
	cr_expect_eq(param_at(p, 4)->result_offset, 18);
	discard(file);
}

Test(layout, idl_layout__what_the_stub_loads_may_be_overwritten)
{
	expect_layout("P();", IDL_RESULTS_OVER, 0);
	expect_layout("P(in u64 a) -> u64;", IDL_RESULTS_OVER, 0);
	expect_layout("P(in u64 a[8], out byte b[64]);", IDL_RESULTS_OVER, 0);
	expect_layout("P(in bool a[8], out byte b[8]);", IDL_RESULTS_OVER, 0);
	expect_layout("P(in byte a[8]) -> u64;", IDL_RESULTS_OVER, 0);
	expect_layout("P(in byte a[8], out u64 b[100]);", IDL_RESULTS_OVER, 0);
}

Test(layout, idl_layout__bytes_read_by_the_procedure_are_kept)
{
	expect_layout("P(in byte a[8], out byte b[8]);", IDL_RESULTS_BEHIND, 8);
	expect_layout("P(in byte a[9], out byte b[8]);", IDL_RESULTS_BEHIND, 16);
	expect_layout("P(in u64 x, in byte a[8], out byte b[8]);", IDL_RESULTS_OVER, 0);
	expect_layout("P(in u64 x, in byte a[8], out byte b[9]);", IDL_RESULTS_BEHIND, 16);
	expect_layout("P(in i8 a[8], out u64 x, out u8 b[9]);", IDL_RESULTS_OVER, 0);
}

Test(layout, idl_layout__a_second_buffer_where_both_do_not_fit)
{
	expect_layout("P(in byte a[984], out byte b[984]);", IDL_RESULTS_BEHIND, 984);
	expect_layout("P(in byte a[984], out byte b[985]);", IDL_RESULTS_SECOND, 0);
	expect_layout("P(in byte a[985], out byte b[976]);", IDL_RESULTS_BEHIND, 992);
	expect_layout("P(in byte a[985], out byte b[977]);", IDL_RESULTS_SECOND, 0);
	expect_layout("P(in byte a[1968], out byte b[1968]);", IDL_RESULTS_SECOND, 0);
}

Test(layout, idl_layout__inout_bytes_are_copied_only_when_they_move)
{
	static const struct {
		const char *procedure;
		enum idl_layout layout;
		bool copied;
	} cases[] = {
		{"P(inout byte a[8]);", IDL_RESULTS_OVER, false},
		{"P(inout byte a[8], in byte b[8]);", IDL_RESULTS_OVER, false},
		{"P(inout byte a[8]) -> u32;", IDL_RESULTS_OVER, true},
		{"P(inout byte a[8], in byte b[8]) -> u32;", IDL_RESULTS_BEHIND, true},
		{"P(inout byte a[8], in byte b[8], out byte c[8]);", IDL_RESULTS_BEHIND, true},
		/* copied to the left one after the other: neither spoils the next */
		{"P(inout byte a[8], inout byte b[8], in u32 x[2]);", IDL_RESULTS_OVER, false},
		/* to the right: the first copy would overwrite the source of the second */
		{"P(inout byte a[8], inout byte b[8]) -> u32;", IDL_RESULTS_BEHIND, true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct idl_file *file = compile_procedures(cases[i].procedure);

		cr_assert_eq(file->n_errors, 0);
		cr_expect_eq(procedure_at(file, 0)->layout, cases[i].layout, "%s",
			     cases[i].procedure);
		cr_expect_eq(param_at(procedure_at(file, 0), 0)->copied, cases[i].copied, "%s",
			     cases[i].procedure);
		discard(file);
	}
}

Test(layout, idl_layout__a_message_holds_so_much_and_no_more)
{
	static const char *const fits[] = {
		"P(in byte a[67108864]);",
		"P(out byte a<67108860>);",
		"P(in string<67108859> a);",
		"P(in u64 a[8388608], out u64 b[8388607]) -> u64;",
	};
	static const char *const too_long[] = {
		"P(in byte a[67108865]);",
		"P(out byte a[67108864]) -> bool;",
		"P(out byte a<67108861>);",
		"P(in string<67108860> a);",
		"P(in u64 a[8388608], in bool b);",
		"P(in u64 a[0x2000000000000001]);", /* times 8 is 8 in 64 bits */
		"P(in byte a[18446744073709551615], in byte b);",
	};

	for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
		struct idl_file *file = compile_procedures(fits[i]);

		cr_expect_eq(file->n_errors, 0, "%s", fits[i]);
		cr_expect_eq(procedure_at(file, 0)->layout, IDL_RESULTS_SECOND, "%s", fits[i]);
		discard(file);
	}
	for (size_t i = 0; i < sizeof too_long / sizeof *too_long; i++) {
		struct idl_file *file = compile_procedures(too_long[i]);

		cr_expect_eq(file->n_errors, 1, "%s", too_long[i]);
		cr_expect(strstr(file->errors->message, "67108864"), "%s", too_long[i]);
		discard(file);
	}
}

/* Where one packet is not enough for the longest, results never lie in the packet of the call. */
Test(layout, idl_layout__long_messages_have_a_second_buffer)
{
	static const struct {
		const char *procedure;
		enum idl_layout layout;
	} cases[] = {
		{"P(in byte a[1968]);", IDL_RESULTS_OVER},
		{"P(in byte a[1969]);", IDL_RESULTS_SECOND},
		{"P(out byte a<1964>);", IDL_RESULTS_OVER},
		{"P(out byte a<1965>);", IDL_RESULTS_SECOND},
		{"P(in string<255> key, out byte value<1024>);", IDL_RESULTS_BEHIND},
		/* the words of fly_raise() must have room too */
		{"P(in byte a[1904], out byte b[8]);", IDL_RESULTS_BEHIND},
		{"P(in byte a[1912], out byte b[8]);", IDL_RESULTS_SECOND},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct idl_file *file = compile_procedures(cases[i].procedure);

		cr_assert_eq(file->n_errors, 0);
		cr_expect_eq(procedure_at(file, 0)->layout, cases[i].layout, "%s",
			     cases[i].procedure);
		discard(file);
	}
}

/* ---- the model ---------------------------------------------------------------------------- */

/* Two buffers, for arguments and results in different packets; marks instead of bytes. */
struct model {
	uint32_t memory[2][2 * FLY_PAYLOAD_ROOM];
	uint32_t *arguments;
	uint32_t *results;
};

enum {
	ARGUMENT = 0x10000, /* + offset in the arguments */
	RESULT = 0x20000,   /* + offset in the results */
};

static bool is_bytes(const struct idl_field *param)
{
	return param->type->kind == IDL_ARRAY && param->type->element->fixed_bytes == 1 &&
	       param->type->element->scalar->is_integer;
}

static bool holds(const uint32_t *marks, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (marks[i] != first + i)
			return false;
	return true;
}

static void write_marks(uint32_t *marks, uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		marks[i] = first + i;
}

static uint32_t bytes_of(const struct idl_field *param)
{
	return (uint32_t)param->type->fixed_bytes;
}

/* The procedure: it sees its inputs, writes its results, and sees those inputs that stay. */
static bool procedure_is_content(struct model *m, const struct idl_procedure *p)
{
	for (const struct idl_field *x = p->params; x; x = x->next) {
		if (!is_bytes(x) || x->direction == IDL_OUT)
			continue;
		if (!holds(x->direction == IDL_IN ? m->arguments + x->argument_offset
						  : m->results + x->result_offset,
			   ARGUMENT + x->argument_offset, bytes_of(x)))
			return false;
	}
	for (const struct idl_field *x = p->params; x; x = x->next)
		if (is_bytes(x) && x->direction != IDL_IN)
			write_marks(m->results + x->result_offset, RESULT + x->result_offset,
				    bytes_of(x));
	for (const struct idl_field *x = p->params; x; x = x->next)
		if (is_bytes(x) && x->direction == IDL_IN &&
		    !holds(m->arguments + x->argument_offset, ARGUMENT + x->argument_offset,
			   bytes_of(x)))
			return false;
	return true;
}

/* A whole call. Return: did everybody read what was meant for him? */
static bool call_is_right(const struct idl_procedure *p, enum idl_layout layout, uint32_t offset)
{
	static struct model m;

	memset(&m, 0, sizeof m);
	m.arguments = m.memory[0];
	m.results = layout == IDL_RESULTS_SECOND ? m.memory[1] : m.memory[0] + offset;
	write_marks(m.arguments, ARGUMENT, p->arguments.max_bytes);
	/* the stub's variables are loaded now: nothing was written yet, so they are right */
	for (const struct idl_field *x = p->params; x; x = x->next)
		if (is_bytes(x) && x->direction == IDL_INOUT)
			memmove(m.results + x->result_offset, m.arguments + x->argument_offset,
				bytes_of(x) * sizeof *m.results);
	if (!procedure_is_content(&m, p))
		return false;
	for (const struct idl_field *x = p->params; x; x = x->next)
		if (!is_bytes(x) && x->direction != IDL_IN)
			write_marks(m.results + x->result_offset, RESULT + x->result_offset,
				    bytes_of(x));
	if (p->result)
		write_marks(m.results, RESULT, (uint32_t)p->result->type->fixed_bytes);
	return holds(m.results, RESULT, p->results.max_bytes);
}

static uint32_t next_random(uint64_t *state)
{
	*state ^= *state << 13; /* xorshift64 (Marsaglia 2003) */
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

static void print_random_procedure(struct idl_text *text, uint64_t *state)
{
	static const char *const types[] = {"byte", "i8",  "u8",  "byte", "bool",
					    "u16",  "i32", "f64", "u64",  "byte"};
	static const char *const directions[] = {"in", "out", "inout"};
	const unsigned n = next_random(state) % 6;
	const unsigned most = next_random(state) % 4 ? 12 : 600;

	idl_text_printf(text, "P(");
	for (unsigned i = 0; i < n; i++) {
		idl_text_printf(text, "%s%s %s p%u", i ? ", " : "",
				directions[next_random(state) % 3], types[next_random(state) % 10],
				i);
		if (next_random(state) % 4)
			idl_text_printf(text, "[%u]", 1 + next_random(state) % most);
	}
	idl_text_printf(text, ")");
	if (!(next_random(state) % 3))
		idl_text_printf(text, " -> %s", types[next_random(state) % 10]);
	idl_text_printf(text, ";");
}

/* Right with the layout that was chosen, and wrong with the one that was rejected. */
Test(layout, idl_layout__agrees_with_the_model)
{
	const uint64_t seed = (uint64_t)time(NULL);
	uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
	unsigned seen[3] = {0};

	printf("idl_layout__agrees_with_the_model: seed %llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < 40000; i++) {
		struct idl_text text = {0};
		struct idl_file *file;
		const struct idl_procedure *p;

		print_random_procedure(&text, &state);
		file = compile_procedures(text.bytes);
		p = procedure_at(file, 0);
		cr_assert_eq(file->n_errors, 0, "%s", text.bytes);
		/* the model is of one packet */
		if (p->arguments.max_bytes <= FLY_PAYLOAD_ROOM &&
		    p->results.max_bytes <= FLY_PAYLOAD_ROOM) {
			seen[p->layout]++;
			cr_expect(call_is_right(p, p->layout, p->result_offset), "%s", text.bytes);
			if (p->layout != IDL_RESULTS_OVER)
				cr_expect_not(call_is_right(p, IDL_RESULTS_OVER, 0), "%s",
					      text.bytes);
			if (p->layout == IDL_RESULTS_BEHIND)
				cr_expect(p->result_offset >= p->arguments.max_bytes &&
						  p->result_offset % 8 == 0 &&
						  p->result_offset + p->results.max_bytes <=
							  FLY_PAYLOAD_ROOM,
					  "%s", text.bytes);
			if (p->layout == IDL_RESULTS_SECOND)
				cr_expect((p->arguments.max_bytes + 7) / 8 * 8 +
							  (p->results.max_bytes > 64
								   ? p->results.max_bytes
								   : 64) >
						  FLY_PAYLOAD_ROOM,
					  "%s", text.bytes);
		}
		discard(file);
		idl_text_free(&text);
	}
	for (unsigned i = 0; i < 3; i++)
		cr_expect_gt(seen[i], 100, "layout %u was hardly tried", i);
}
