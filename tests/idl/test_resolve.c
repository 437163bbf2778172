/* SPDX-License-Identifier: BSD-3-Clause */
/* test_resolve.c - what names mean: constants, types with their lengths, and where they come from.
 */
#include <criterion/criterion.h>

#include <firefly/stub.h>

#include "compile.h"

static struct idl_file *compile_good(const char *text)
{
	struct idl_file *file = compile(text);

	cr_assert_eq(file->n_errors, 0, "%s: %s", text, file->errors ? file->errors->message : "");
	return file;
}

static const struct idl_declaration *declaration(const struct idl_file *file, const char *name)
{
	const struct idl_declaration *d = idl_find(file, name);

	cr_assert(d, "%s", name);
	return d;
}

/* ---- constants ---- */

Test(resolve, idl_resolve__constants_in_any_order)
{
	struct idl_file *file = compile_good("const u32 A = B; const u8 B = C; const i64 C = 0xff;"
					     "const string S = T; const string T = \"t\";"
					     "interface I version 1 { const u32 D = A;"
					     " P(in byte x[D], in string<B> y); }");
	const struct idl_procedure *p = procedure_at(file, 0);

	cr_expect_eq(declaration(file, "A")->value.magnitude, 255);
	cr_expect_str_eq(declaration(file, "S")->value.text, "t");
	cr_expect_str_eq(declaration(file, "A")->c_name, "A");
	cr_expect_str_eq(declaration(file, "D")->c_name, "I_D");
	cr_expect_eq(param_at(p, 0)->type->bound, 255);
	cr_expect_eq(param_at(p, 1)->type->bound, 255);
	discard(file);
}

Test(resolve, idl_resolve__constants_have_the_range_of_their_type)
{
	static const struct {
		const char *type;
		const char *least; /* NULL: less than it cannot be written */
		const char *below;
		const char *most;
		const char *above;
	} cases[] = {
		{"byte", "0", "-1", "255", "256"},
		{"u8", "0", "-1", "255", "256"},
		{"u16", "0", "-1", "65535", "65536"},
		{"u32", "0", "-1", "4294967295", "4294967296"},
		{"u64", "-0", "-1", "18446744073709551615", "18446744073709551616"},
		{"i8", "-128", "-129", "127", "128"},
		{"i16", "-32768", "-32769", "32767", "32768"},
		{"i32", "-2147483648", "-2147483649", "2147483647", "2147483648"},
		{"i64", "-9223372036854775808", "-9223372036854775809", "9223372036854775807",
		 "9223372036854775808"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *values[] = {cases[i].least, cases[i].most, cases[i].below,
					cases[i].above};

		for (unsigned k = 0; k < 4; k++) {
			struct idl_text text = {0};
			struct idl_file *file;

			idl_text_printf(&text, "const %s C = %s;", cases[i].type, values[k]);
			file = compile(text.bytes);
			cr_expect_eq(file->n_errors, k / 2, "%s", text.bytes);
			discard(file);
			idl_text_free(&text);
		}
	}
}

Test(resolve, idl_resolve__constants_of_the_wrong_kind)
{
	expect_error("const u32 C = \"a\";", "a whole number, not a text");
	expect_error("const u32 C = 1.5;", "a whole number, not 1.5");
	expect_error("const u32 C = true;", "a whole number, not 'true'");
	expect_error("const bool C = -1;", "expected 'true' or 'false', found -1");
	expect_error("const string C = 7;", "expected a text in quotes, found 7");
	expect_error("const f64 C = false;", "expected a number, found 'false'");
	expect_error("const f64 A = 0.5; const u32 C = A;", "a whole number, not 0.5");
	expect_error("struct A { u8 x; } const u32 C = A;", "'A' is a struct, and a constant");
	expect_error("const u32 C = D;", "there is no constant called 'D'");
	expect_error("const u32 C = C;", "the constant 'C' is its own value");
	expect_error("const foo C = 1;", "'foo' is not a type of constants: these are");
	expect_error("const int C = 1;", "did you mean 'i32'?");
}

/* ---- enums ---- */

/* Each of n constants is the next one, and the last is 1; they stand in that order. */
static unsigned errors_of_chain(int n)
{
	struct idl_text text = {0};
	struct idl_file *file;
	unsigned n_errors;

	for (int i = 1; i < n; i++)
		idl_text_printf(&text, "const u8 A%d = A%d; ", i, i + 1);
	idl_text_printf(&text, "const u8 A%d = 1;", n);
	file = compile(text.bytes);
	n_errors = file->n_errors;
	discard(file);
	idl_text_free(&text);
	return n_errors;
}

Test(resolve, idl_constant__is_so_many_constants_away)
{
	cr_expect_eq(errors_of_chain(IDL_DEPTH_MAX + 1), 0);
	cr_expect_eq(errors_of_chain(IDL_DEPTH_MAX + 2), 1);
}

Test(resolve, idl_resolve__values_of_enums_count_on)
{
	struct idl_file *file = compile_good("const i32 N = -3;"
					     "enum E { A, B = 7, C, D = N, E, F = 0x7fffffff }");
	static const int32_t values[] = {0, 7, 8, -3, -2, INT32_MAX};
	const struct idl_enumerator *e = declaration(file, "E")->enumerators;

	for (size_t i = 0; i < sizeof values / sizeof *values; i++, e = e->next)
		cr_expect_eq(e->value, values[i], "%s", e->name.text);
	discard(file);
	expect_error("enum E { A = 2147483647, B, C }", "the values of an enum end at 2147483647");
	/* what follows a wrong value is not wrong as well */
	expect_error("enum E { A = 1.5, B, C = 0, D }", "a whole number, not 1.5");
}

/* ---- types ---- */

Test(resolve, idl_resolve__lengths_of_types)
{
	static const struct {
		const char *param;
		uint64_t fixed;
		uint64_t least;
		uint64_t most;
		bool any_bits;
	} cases[] = {
		{"u8 x", 1, 0, 0, true},
		{"bool x", 1, 0, 0, false},
		{"f64 x", 8, 0, 0, true},
		{"E x", 4, 0, 0, false},
		{"u16 x[3]", 6, 0, 0, true},
		{"u16 x<3>", 4, 0, 6, false},
		{"string<5> x", 4, 1, 6, false},
		{"string<5> x[2]", 8, 2, 12, false},
		{"string<5> x<2>", 4, 0, 20, false},
		{"optional u32 x", 1, 0, 4, false},
		{"optional u32 x<3>", 1, 0, 16, false},
		{"optional string<5> x", 1, 0, 10, false},
		{"Flat x", 5, 0, 0, true},
		{"Flat x[2]", 10, 0, 0, true},
		{"Flat x<2>", 4, 0, 10, false},
		{"Long x", 13, 2, 20, false},
		{"Long x<3>", 4, 0, 99, false},
		{"Choice x", 1, 0, 33, false},
		{"Silent x", 4, 0, 0, false},
		{"Alias x", 5, 0, 0, true},
		{"Block x", 16, 0, 0, true},
		{"optional Block x", 1, 0, 16, false},
	};
	static const char before[] =
		"enum E { A }"
		"struct Flat { u8 a; u32 b; }"
		"struct Long { Flat flat; string<9> text; string<9> name; }"
		"union Choice switch (u8 t) { case 1: Flat f; case 2: Long l; default: void; }"
		"union Silent switch (E e) { case A: void; }"
		"typedef Flat Alias; typedef byte Block[16];";

	/* Long: 5 + 4 + 4 fixed; 1 + 1 to 10 + 10 behind */
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct idl_text text = {0};
		struct idl_file *file;
		const struct idl_type *type;

		idl_text_printf(&text, "%s interface T version 1 { P(in %s); }", before,
				cases[i].param);
		file = compile_good(text.bytes);
		type = param_at(procedure_at(file, 0), 0)->type;
		cr_expect_eq(type->fixed_bytes, cases[i].fixed, "%s", cases[i].param);
		cr_expect_eq(type->tail_min, cases[i].least, "%s: %u", cases[i].param,
			     (unsigned)type->tail_min);
		cr_expect_eq(type->tail_max, cases[i].most, "%s: %u", cases[i].param,
			     (unsigned)type->tail_max);
		cr_expect_eq(type->any_bits, cases[i].any_bits, "%s", cases[i].param);
		discard(file);
		idl_text_free(&text);
	}
}

Test(resolve, idl_resolve__each_type_behind_those_it_needs)
{
	struct idl_file *file =
		compile_good("struct A { B b; C c<2>; } typedef D B; enum C { X }"
			     "union D switch (C c) { case X: E e; }"
			     "struct E { u8 x; }"
			     "interface I version 1 { P(in F f); struct F { A a; } }");
	static const char *const order[] = {"C", "E", "D", "B", "A", "F"};
	const struct idl_declaration *d = file->ordered;

	for (size_t i = 0; i < sizeof order / sizeof *order; i++, d = d->next_ordered) {
		cr_assert(d);
		cr_expect_str_eq(d->name.text, order[i]);
	}
	cr_expect_null(d);
	cr_expect_str_eq(declaration(file, "F")->type->c_type, "struct I_F");
	cr_expect_str_eq(declaration(file, "B")->type->c_type, "B");
	discard(file);
}

Test(resolve, idl_resolve__nothing_contains_itself)
{
	expect_error("struct A { A a; }", "'A' contains itself");
	expect_error("struct A { A a<1>; }", "'A' contains itself");
	expect_error("struct A { optional A a; }", "'A' contains itself");
	expect_error("struct A { B b; } struct B { A a[2]; }", "'A' contains itself");
	expect_error("union A switch (u8 t) { case 1: A a; }", "'A' contains itself");
	expect_error("typedef A B; typedef B A;", "contains itself");
	expect_error("exception X { A a; } struct A { A a; }", "'A' contains itself");
}

/* The fields of a struct may be IDL_DEPTH_MAX deep. */
Test(resolve, idl_resolve__types_are_not_nested_too_deep)
{
	for (unsigned depth = 60; depth <= 70; depth++) {
		struct idl_text text = {0};
		struct idl_file *file;

		idl_text_printf(&text, "struct S0 { u8 x; }");
		for (unsigned i = 1; i < depth; i++)
			idl_text_printf(&text, " struct S%u { S%u x; }", i, i - 1);
		file = compile(text.bytes);
		cr_expect_eq(file->n_errors > 0, depth > IDL_DEPTH_MAX + 1, "%u deep", depth);
		discard(file);
		/* the other way round, each is needed before it was seen */
		text.length = 0;
		for (unsigned i = depth; i-- > 1;)
			idl_text_printf(&text, " struct S%u { S%u x; }", i, i - 1);
		idl_text_printf(&text, "struct S0 { u8 x; }");
		file = compile(text.bytes);
		cr_expect_eq(file->n_errors > 0, depth > IDL_DEPTH_MAX + 1, "%u deep", depth);
		discard(file);
		idl_text_free(&text);
	}
}

Test(resolve, idl_resolve__arrays_of_arrays)
{
	expect_error("typedef byte A[4]; struct S { A a[2]; }", "arrays have no arrays");
	expect_error("typedef byte A<4>; struct S { A a<2>; }", "arrays have no arrays");
	expect_error("typedef byte A[4]; typedef A B; struct S { B a<2>; }", "'B' is an array");
	discard(compile_good("typedef string<4> A; struct S { A a[2]; }"));
	discard(compile_good(
		"typedef byte A[4]; struct R { A a; } struct S { R r[2]; optional A b; }"));
}

/* However large the numbers are, sums and products of them do not overflow. */
Test(resolve, idl_resolve__sizes_beyond_any_message)
{
	struct idl_text text = {0};
	struct idl_file *file;

	idl_text_printf(&text, "struct S0 { byte x[67108864]; }");
	for (unsigned i = 1; i < 8; i++)
		idl_text_printf(&text, " struct S%u { S%u x[67108864]; }", i, i - 1);
	file = compile(text.bytes);
	cr_expect_eq(file->n_errors, 1, "%u errors", file->n_errors);
	cr_expect(strstr(file->errors->message, "the largest message has 67108864"));
	discard(file);
	idl_text_free(&text);
	expect_error("struct A { string<67108864> x; }", "may take 67108869 bytes");
	expect_error("struct A { u64 x<8388608>; }", "may take 67108868 bytes");
}

Test(resolve, idl_proposal__the_nearest_of_what_it_may_be)
{
	expect_error("struct Address { u8 x; } struct S { Adress a; }", "did you mean 'Address'?");
	expect_error("struct Address { u8 x; } struct S { address a; }", "did you mean 'Address'?");
	expect_error("struct Cat { u8 x; } struct Car { u8 x; } struct S { Cart a; }",
		     "did you mean 'Car'?");
	/* constants and exceptions are no types */
	expect_error("const u32 LIMIT = 1; exception Limit { } struct S { Limits a; }",
		     "nor declared");
	expect_error("const u32 LIMIT = 1; struct S { u8 a[LIMITS]; }", "did you mean 'LIMIT'?");
	expect_error("struct Cat { u8 x; } struct S { Horse a; }", "nor declared");
}

/* ---- includes ---- */

struct files {
	const char *names[4];
	const char *texts[4];
};

static const char *load(void *context, const char *from, const char *name, const char **path,
			size_t *length)
{
	const struct files *files = context;

	(void)from;
	for (unsigned i = 0; i < 4 && files->names[i]; i++) {
		if (strcmp(files->names[i], name) != 0)
			continue;
		*path = files->names[i];
		*length = strlen(files->texts[i]);
		return files->texts[i];
	}
	return NULL;
}

/* What is wrong with main.fly, which includes what @files has; "" if nothing is. */
static void expect_included(const char *text, struct files files, const char *words)
{
	const struct idl_loader loader = {load, &files};
	struct idl_file *file = idl_compile("main.fly", text, strlen(text), &loader);
	struct idl_text printed = {0};

	idl_print_errors(file, &printed);
	if (*words)
		cr_expect(printed.bytes && strstr(printed.bytes, words), "%s", printed.bytes);
	else
		cr_expect_eq(file->n_errors, 0, "%s", printed.bytes);
	idl_text_free(&printed);
	idl_free(file);
}

Test(resolve, idl_compile__includes)
{
	static const char user[] = "include \"a\"; interface I version 1 { P(in A a); }";

	expect_included(user, (struct files){{"a"}, {"struct A { u8 x; }"}}, "");
	/* by way of another file, and twice: read once */
	expect_included(
		"include \"a\"; include \"b\"; interface I version 1 { P(in A a, in B b); }",
		(struct files){{"a", "b"},
			       {"include \"b\"; struct A { B b; }", "struct B { u8 x; }"}},
		"");
	/* of an interface that is included only what stands outside of it is known */
	expect_included(user,
			(struct files){{"a"},
				       {"struct A { u8 x; } interface J version 1 { Q(); }"}},
			"");
	expect_included(user,
			(struct files){{"a"},
				       {"interface J version 1 { struct A { u8 x; } Q(); }"}},
			"main.fly:1:43: error: unknown type 'A'");
	expect_included(user, (struct files){{"b"}, {""}}, "main.fly:1:9: error: cannot read 'a'");
	expect_included(user, (struct files){{"a"}, {"include \"a\";"}},
			"a:1:9: error: 'a' is included by itself");
	expect_included(user, (struct files){{"a"}, {"struct A { u8 x }"}},
			"a:1:17: error: expected");
	expect_included("struct A { u8 y; } include \"a\"; interface I version 1 { P(in A a); }",
			(struct files){{"a"}, {"\n\nstruct A { u8 x; }"}},
			"main.fly:1:8: error: there is already a struct called 'A', at a:3");
}

Test(resolve, idl_line_at__counts_from_1_in_each_source)
{
	struct files files = {{"a"}, {"\nstruct A { u8 x; }\n"}};
	const struct idl_loader loader = {load, &files};
	static const char text[] = "include \"a\";\n\nstruct B { A a; }";
	struct idl_file *file = idl_compile("main.fly", text, strlen(text), &loader);

	cr_expect_eq(file->n_errors, 0);
	cr_expect_eq(idl_line_at(file, 0), 1);
	cr_expect_eq(idl_line_at(file, idl_find(file, "B")->name.span.begin), 3);
	cr_expect_eq(idl_line_at(file, idl_find(file, "A")->name.span.begin), 2);
	idl_free(file);
}
