/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_layout.c - offsets, and the choice of where results lie, against a model of a call.
 *
 * The model does not compare ranges. It gives every byte of the arguments and of the results a
 * mark of its own, does with them what the stub and the procedure do, byte by byte, and sees
 * whether anybody read a wrong mark. What has no fixed length gets one at random for each call.
 *
 * "Over" must be right at all lengths that are tried. Where it was rejected there must be lengths
 * at which it would have been wrong, with one exception: layout.c takes it that what lies before
 * a byte array may have any length between its least and its greatest. If that grows in steps,
 * as an optional f64 does or an array of u32, it may reject what no lengths would spoil.
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

enum {
	PARAMS_MAX = 6,
	ARGUMENT = 0x10000, /* + offset in the arguments */
	RESULT = 0x20000,   /* + offset in the results */
};

/* How long the variable parts are in one call: of each parameter, and of what is behind ->. */
struct lengths {
	uint32_t sent[PARAMS_MAX];
	uint32_t returned[PARAMS_MAX + 1];
};

/* Where one of them lies. */
struct place {
	uint32_t argument; /* in the arguments */
	uint32_t staged;   /* in the results, while the procedure runs */
	uint32_t result;   /* in the results that are sent */
	uint32_t sent;
	uint32_t returned;
};

/* Two buffers, for arguments and results in different packets; marks instead of bytes. */
struct model {
	const struct idl_procedure *procedure;
	uint32_t memory[2][2 * FLY_PAYLOAD_ROOM];
	uint32_t *arguments;
	uint32_t *results;
	uint32_t argument_bytes;
	uint32_t result_bytes;
	struct place of[PARAMS_MAX + 1]; /* the last: what is behind -> */
};

static bool is_read(const struct idl_field *x)
{
	return x->direction != IDL_OUT;
}

static bool is_written(const struct idl_field *x)
{
	return x->direction != IDL_IN;
}

/* Arrays of bytes and strings, which the procedure reads and writes where they lie. */
static bool is_bytes(const struct idl_field *x)
{
	const struct idl_type *type = x->type;

	if (type->kind == IDL_STRING)
		return true;
	return (type->kind == IDL_ARRAY || type->kind == IDL_LIST) &&
	       type->element->fixed_bytes == 1 && type->element->scalar->is_integer;
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

/* Behind the other results come those of the parameters; the first is number PARAMS_MAX. */
static void place_result(struct model *m, const struct idl_field *x, struct place *place,
			 uint32_t *fixed, uint32_t *most)
{
	const uint32_t fixed_bytes = (uint32_t)x->type->fixed_bytes;
	const bool is_variable = x->type->tail_max > 0;

	cr_assert_eq(x->result_offset, *fixed);
	place->staged = is_variable ? *most : *fixed;
	place->result = is_variable ? m->result_bytes : *fixed;
	if (!is_variable)
		place->returned = fixed_bytes;
	else
		cr_assert_eq(x->staged_at, *most);
	*fixed += fixed_bytes;
	*most += (uint32_t)x->type->tail_max;
	m->result_bytes += is_variable ? place->returned : 0;
}

static void place_all(struct model *m, const struct lengths *lengths)
{
	const struct idl_procedure *p = m->procedure;
	struct place *place = m->of;
	uint32_t arguments = 0;
	uint32_t fixed = 0;
	uint32_t most = p->results.fixed_bytes;

	m->argument_bytes = p->arguments.fixed_bytes;
	m->result_bytes = p->results.fixed_bytes;
	if (p->result) {
		m->of[PARAMS_MAX].returned = lengths->returned[PARAMS_MAX];
		place_result(m, p->result, &m->of[PARAMS_MAX], &fixed, &most);
	}
	for (const struct idl_field *x = p->params; x; x = x->next, place++) {
		place->sent = lengths->sent[place - m->of];
		place->returned = lengths->returned[place - m->of];
		if (is_read(x)) {
			cr_assert_eq(x->argument_offset, arguments);
			place->argument = x->type->tail_max ? m->argument_bytes : arguments;
			arguments += (uint32_t)x->type->fixed_bytes;
			if (x->type->tail_max)
				m->argument_bytes += place->sent;
			else
				place->sent = (uint32_t)x->type->fixed_bytes;
		}
		if (is_written(x))
			place_result(m, x, place, &fixed, &most);
	}
}

/* The procedure: it sees its inputs, writes its results, and sees those inputs that stay. */
static bool procedure_is_content(struct model *m)
{
	const struct idl_procedure *p = m->procedure;
	const struct place *place = m->of;

	for (const struct idl_field *x = p->params; x; x = x->next, place++) {
		if (!is_bytes(x) || !is_read(x))
			continue;
		if (!holds(x->direction == IDL_IN ? m->arguments + place->argument
						  : m->results + place->staged,
			   ARGUMENT + place->argument, place->sent))
			return false;
	}
	place = m->of;
	for (const struct idl_field *x = p->params; x; x = x->next, place++)
		if (is_bytes(x) && is_written(x))
			write_marks(m->results + place->staged, RESULT + place->result,
				    place->returned);
	place = &m->of[PARAMS_MAX];
	if (p->result && is_bytes(p->result))
		write_marks(m->results + place->staged, RESULT + place->result, place->returned);
	place = m->of;
	for (const struct idl_field *x = p->params; x; x = x->next, place++)
		if (is_bytes(x) && x->direction == IDL_IN &&
		    !holds(m->arguments + place->argument, ARGUMENT + place->argument, place->sent))
			return false;
	return true;
}

/* The stub: what the procedure wrote moves to where it is sent, everything else is put there. */
static void store(struct model *m, const struct idl_field *x, const struct place *place)
{
	if (x->type->tail_max || !is_bytes(x))
		write_marks(m->results + x->result_offset, RESULT + x->result_offset,
			    (uint32_t)x->type->fixed_bytes);
	if (is_bytes(x))
		memmove(m->results + place->result, m->results + place->staged,
			place->returned * sizeof *m->results);
	else if (x->type->tail_max)
		write_marks(m->results + place->result, RESULT + place->result, place->returned);
}

/* A whole call. Return: did everybody read what was meant for him? */
static bool call_is_right(const struct idl_procedure *p, const struct lengths *lengths,
			  enum idl_layout layout, uint32_t offset)
{
	static struct model m;
	const struct place *place = m.of;

	memset(&m, 0, sizeof m);
	m.procedure = p;
	m.arguments = m.memory[0];
	m.results = layout == IDL_RESULTS_SECOND ? m.memory[1] : m.memory[0] + offset;
	place_all(&m, lengths);
	write_marks(m.arguments, ARGUMENT, m.argument_bytes);
	/* the stub's variables are loaded now: nothing was written yet, so they are right */
	for (const struct idl_field *x = p->params; x; x = x->next, place++)
		if (is_bytes(x) && x->direction == IDL_INOUT)
			memmove(m.results + place->staged, m.arguments + place->argument,
				place->sent * sizeof *m.results);
	if (!procedure_is_content(&m))
		return false;
	if (p->result)
		store(&m, p->result, &m.of[PARAMS_MAX]);
	place = m.of;
	for (const struct idl_field *x = p->params; x; x = x->next, place++)
		if (is_written(x))
			store(&m, x, place);
	return holds(m.results, RESULT, m.result_bytes);
}

/* ---- random procedures ---- */

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
	const unsigned n = next_random(state) % (PARAMS_MAX + 1);
	const unsigned most = next_random(state) % 4 ? 12 : 600;
	const bool varies = next_random(state) % 2;

	idl_text_printf(text, "P(");
	for (unsigned i = 0; i < n; i++) {
		const char *type = types[next_random(state) % 10];
		const unsigned bound = 1 + next_random(state) % most;

		idl_text_printf(text, "%s%s ", i ? ", " : "", directions[next_random(state) % 3]);
		switch (next_random(state) % (varies ? 8 : 4)) {
		case 0:
			idl_text_printf(text, "%s p%u", type, i);
			break;
		case 4:
			idl_text_printf(text, "string<%u> p%u", bound, i);
			break;
		case 5:
			idl_text_printf(text, "optional %s p%u", type, i);
			break;
		case 6:
		case 7:
			idl_text_printf(text, "%s p%u<%u>", type, i, bound);
			break;
		default:
			idl_text_printf(text, "%s p%u[%u]", type, i, bound);
			break;
		}
	}
	idl_text_printf(text, ")");
	if (varies && !(next_random(state) % 4))
		idl_text_printf(text, " -> string<%u>", 1 + next_random(state) % most);
	else if (!(next_random(state) % 3))
		idl_text_printf(text, " -> %s", types[next_random(state) % 10]);
	idl_text_printf(text, ";");
}

/* ---- lengths ---- */

/* By how much the variable part of a value grows at a time. */
static uint32_t step_of(const struct idl_type *type)
{
	if (type->kind == IDL_LIST)
		return (uint32_t)type->element->fixed_bytes;
	return type->kind == IDL_OPTIONAL ? (uint32_t)type->tail_max : 1;
}

/* @mode: 0: the least; 1: the greatest; else any. */
static uint32_t length_of(const struct idl_type *type, unsigned mode, uint64_t *state)
{
	const uint32_t slack = (uint32_t)(type->tail_max - type->tail_min);
	const uint32_t step = step_of(type);

	if (mode == 0 || !slack)
		return (uint32_t)type->tail_min;
	if (mode == 1)
		return (uint32_t)type->tail_max;
	return (uint32_t)type->tail_min + next_random(state) % (slack / step + 1) * step;
}

static struct lengths choose_lengths(const struct idl_procedure *p, unsigned sent,
				     unsigned returned, uint64_t *state)
{
	struct lengths lengths = {0};
	unsigned i = 0;

	for (const struct idl_field *x = p->params; x; x = x->next, i++) {
		lengths.sent[i] = length_of(x->type, sent, state);
		lengths.returned[i] = length_of(x->type, returned, state);
	}
	if (p->result)
		lengths.returned[PARAMS_MAX] = length_of(p->result->type, returned, state);
	return lengths;
}

static bool is_right_at_many_lengths(const struct idl_procedure *p, uint64_t *state)
{
	for (unsigned i = 0; i < 25; i++) {
		/* the greatest and the least of both, and then any */
		const unsigned sent = i < 4 ? i & 1 : 2;
		const unsigned returned = i < 4 ? i >> 1 : i & 1 ? 1 : 2;
		const struct lengths lengths = choose_lengths(p, sent, returned, state);

		if (!call_is_right(p, &lengths, p->layout, p->result_offset))
			return false;
	}
	return true;
}

/*
 * The same with one parameter, the reader, and perhaps another, as long as they may be, and with
 * all others before the reader a little longer each time.
 */
static bool is_wrong_for(const struct idl_procedure *p, unsigned reader, unsigned other,
			 uint64_t *state)
{
	struct lengths lengths = choose_lengths(p, 0, 1, state);

	lengths.sent[reader] = (uint32_t)param_at(p, reader)->type->tail_max;
	lengths.sent[other] = (uint32_t)param_at(p, other)->type->tail_max;
	if (!call_is_right(p, &lengths, IDL_RESULTS_OVER, 0))
		return true;
	for (unsigned i = 0; i < reader; i++) {
		while (is_read(param_at(p, i)) &&
		       lengths.sent[i] < param_at(p, i)->type->tail_max) {
			lengths.sent[i]++;
			if (!call_is_right(p, &lengths, IDL_RESULTS_OVER, 0))
				return true;
		}
	}
	return false;
}

/* Are there lengths at which results over the arguments are wrong? */
static bool is_wrong_at_some_lengths(const struct idl_procedure *p, uint64_t *state)
{
	const struct lengths all = choose_lengths(p, 1, 1, state);
	const struct idl_field *x = p->params;

	if (!call_is_right(p, &all, IDL_RESULTS_OVER, 0))
		return true;
	for (unsigned reader = 0; x; x = x->next, reader++)
		for (unsigned other = 0; is_bytes(x) && other <= reader; other++)
			if (is_wrong_for(p, reader, other, state))
				return true;
	return false;
}

/* Does something that grows in steps lie before something else? Then see at the top of the file. */
static bool has_steps(const struct idl_procedure *p)
{
	for (const struct idl_field *x = p->params; x; x = x->next)
		if (is_read(x) && x->type->tail_max && step_of(x->type) > 1)
			return true;
	return false;
}

/* @lent: a letter for each parameter that is lent: a(rgument), r(esult), or else '-'. */
static void expect_lent(const char *procedure, const char *lent)
{
	struct idl_file *file = compile_procedures(procedure);
	const struct idl_procedure *p = procedure_at(file, 0);

	cr_assert_eq(file->n_errors, 0, "%s", procedure);
	for (unsigned i = 0; lent[i]; i++) {
		cr_expect_eq(param_at(p, i)->lends_argument, lent[i] == 'a', "%s", procedure);
		cr_expect_eq(param_at(p, i)->lends_result, lent[i] == 'r', "%s", procedure);
	}
	cr_expect_eq(p->lends_arguments, strchr(lent, 'a') != NULL, "%s", procedure);
	cr_expect_eq(p->lends_results, strchr(lent, 'r') != NULL, "%s", procedure);
	discard(file);
}

Test(layout, idl_layout__long_arrays_of_numbers_are_lent)
{
	expect_lent("P(in byte a<1969>, in byte b<1968>);", "a-");
	expect_lent("P(in u16 a[985], in u16 b[984], in f64 c<247>, in f64 d<246>);", "a-a-");
	expect_lent("P(in bool a[5000], in string<5000> b, in optional byte c[5000]);", "---");
	expect_lent("P(out bool a[5000], out string<5000> b, out optional byte c[5000]);", "---");
	expect_lent("P(in string<9> a<900>, in byte b);", "--");
}

Test(layout, idl_layout__results_are_lent_where_nothing_else_can_lie)
{
	expect_lent("P(out byte a[5000], out u32 b, out f32 c[5000]);", "r-r");
	expect_lent("P(out byte a<5000>, out u32 b, out f32 c[5000]);", "r-r");
	expect_lent("P(out byte a<5000>, out byte b<5000>);", "--");
	expect_lent("P(out byte a<5000>, out byte b[5000], out string<1> c);", "-r-");
	expect_lent("P(out byte a<5000>, out optional u8 b);", "--");
	expect_lent("P(out byte a<5000>, in string<9> b);", "r-");
	expect_lent("P(out byte a<5000>, inout byte b<1>);", "--");
	expect_lent("P(inout byte a<5000>, inout u64 b[900]);", "aa");
}

/* Right with the layout that was chosen, and wrong with the one that was rejected. */
Test(layout, idl_layout__agrees_with_the_model)
{
	const uint64_t seed = (uint64_t)time(NULL);
	uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
	unsigned seen[3] = {0};
	unsigned varied[3] = {0};

	printf("idl_layout__agrees_with_the_model: seed %llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < 20000; i++) {
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
			varied[p->layout] += p->arguments.max_bytes != p->arguments.fixed_bytes &&
					     p->results.max_bytes != p->results.fixed_bytes;
			cr_expect(is_right_at_many_lengths(p, &state), "%s", text.bytes);
			if (p->layout != IDL_RESULTS_OVER && !has_steps(p))
				cr_expect(is_wrong_at_some_lengths(p, &state), "%s", text.bytes);
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
	for (unsigned i = 0; i < 3; i++) {
		cr_expect_gt(seen[i], 100, "layout %u was hardly tried", i);
		cr_expect_gt(varied[i], 20, "layout %u was hardly tried with variable parts", i);
	}
}
