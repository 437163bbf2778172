/* SPDX-License-Identifier: BSD-3-Clause */
/* test_check.c - names, types and numbers that are refused, and those that only look strange. */
#include <criterion/criterion.h>

#include "compile.h"

#define LONG_NAME "a23456789012345678901234567890123456789012345678901234567890123" /* 63 */

static void expect_procedure_error(const char *procedures, const char *words)
{
	struct idl_text text = {0};

	idl_text_printf(&text, "interface T version 1 { %s }", procedures);
	expect_error(text.bytes, words);
	idl_text_free(&text);
}

static void expect_good(const char *text)
{
	struct idl_file *file = compile(text);

	cr_expect_eq(file->n_errors, 0, "%s: %s", text, file->errors ? file->errors->message : "");
	discard(file);
}

Test(check, idl_check__versions)
{
	expect_good("interface T version 4294967295 { P(); }");
	expect_error("interface T version 0 { P(); }", "from 1 to 4294967295");
	expect_error("interface T version 4294967296 { P(); }", "from 1 to 4294967295");
	expect_error("interface T version 99999999999999999999999 { P(); }", "no type holds");
}

Test(check, idl_check__length_of_names)
{
	expect_good("interface " LONG_NAME " version 1 { " LONG_NAME "(in u8 " LONG_NAME "); }");
	expect_error("interface " LONG_NAME "x version 1 { P(); }", "longer than 63");
	expect_error("interface T version 1 { " LONG_NAME "x(); }", "longer than 63");
	expect_error("interface T version 1 { P(in u8 " LONG_NAME "x); }", "longer than 63");
}

Test(check, idl_check__an_interface_has_procedures)
{
	expect_error("interface T version 1 { }", "at least one procedure");
}

Test(check, idl_check__names_occur_once)
{
	expect_procedure_error("P(); Q(); P();", "already a procedure called 'P'");
	expect_procedure_error("P(in u8 a, in u8 b, out u8 a);", "already a parameter called 'a'");
	expect_good("interface T version 1 { P(in u8 P); T(in u8 T); }");
}

Test(check, idl_check__reserved_words)
{
	static const struct {
		const char *word;
		const char *is;
	} cases[] = {
		{"int", "a keyword of C"},
		{"restrict", "a keyword of C"},
		{"class", "a keyword of C++"},
		{"xor", "a keyword of C++"},
		{"co_await", "a keyword of C++"},
		{"u8", "a type"},
		{"byte", "a type"},
		{"fly_x", "belongs to Firefly"},
		{"FLY_X", "belongs to Firefly"},
		{"uint32_t", "C library"},
		{"int_fast8_t", "C library"},
		{"INT64_C", "C library"},
		{"SIZE_MAX", "C library"},
		{"memcpy", "C library"},
		{"linux", "C library"},
		{"_x", "begins with '_'"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct idl_text text = {0};

		idl_text_printf(&text, "P(in u16 %s);", cases[i].word);
		expect_procedure_error(text.bytes, cases[i].is);
		text.length = 0;
		idl_text_printf(&text, "%s();", cases[i].word);
		expect_procedure_error(text.bytes, cases[i].is);
		text.length = 0;
		idl_text_printf(&text, "interface %s version 1 { P(); }", cases[i].word);
		expect_error(text.bytes, cases[i].is);
		idl_text_free(&text);
	}
	expect_good("interface T version 1 { P(in u8 flying, in u8 integer, in u8 INTEGER,"
		    " in u8 delta_t, in u8 uint_, in u8 intern_t, in u8 x_, in u8 index); }");
}

Test(check, idl_check__generated_names_do_not_meet)
{
	expect_procedure_error("P(); P_start();", "and so does 'P'");
	expect_procedure_error("P(); P_start_from();", "and so does 'P'");
	expect_procedure_error("P_view(); P();", "and so does 'P_view'");
	expect_procedure_error("P(); P_RESULT_BYTES();", "and so does 'P'");
	expect_procedure_error("import();", "a name of the interface itself");
	expect_procedure_error("VERSION();", "a name of the interface itself");
	expect_procedure_error("P(in u8 T_x);", "begin with 'T_'");
	expect_error("interface int8 version 1 { t(); }",
		     "'int8_t', and that is a name of the C library");
	expect_error("interface fly version 1 { P(); }", "belongs to Firefly");
	expect_good("interface T version 1 { Quick_view(); Quick_start(); start(); }");
}

Test(check, idl_check__a_parameter_may_have_a_name_of_the_stub)
{
	expect_good("interface T version 1 { P(in u8 binding, in u8 call, in u8 context,"
		    " in u8 served, out u8 status, out u8 result, in u8 runtime, in u8 peer,"
		    " in u8 arguments, in u8 results, in u8 procedures, in u8 i) -> u8; }");
}

Test(check, idl_choose_names__underscores_until_it_is_free)
{
	struct idl_file *file = compile_procedures("P(in u8 status, in u8 status_);");
	const struct idl_names *names = &procedure_at(file, 0)->names;

	cr_expect_str_eq(names->status, "status__");
	cr_expect_str_eq(names->call, "call");
	discard(file);
}

Test(check, idl_check__unknown_types_with_a_proposal)
{
	static const struct {
		const char *type;
		const char *words;
	} cases[] = {
		{"uint32_t", "did you mean 'u32'?"},
		{"uint8_t", "did you mean 'u8'?"},
		{"float", "did you mean 'f32'?"},
		{"double", "did you mean 'f64'?"},
		{"int", "did you mean 'i32'?"},
		{"char", "did you mean 'byte'?"},
		{"U32", "did you mean 'u32'?"},
		{"bytes", "did you mean 'byte'?"},
		{"boool", "did you mean 'bool'?"},
		{"String", "nor declared"},
		{"u33", "did you mean"},
		{LONG_NAME, "nor declared"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct idl_text text = {0};

		idl_text_printf(&text, "P(in %s a);", cases[i].type);
		expect_procedure_error(text.bytes, cases[i].words);
		text.length = 0;
		idl_text_printf(&text, "P() -> %s;", cases[i].type);
		expect_procedure_error(text.bytes, cases[i].words);
		idl_text_free(&text);
	}
}

Test(check, idl_check__doc_comments_are_plain_text)
{
	static const char *const bad[] = {
		"/// \x01",
		"/// \x7f",
		"/// \xff",
		"/// \xc3",
		"/// \xc0\x80",
		"/// \xed\xa0\x80",
		"/// \xe2\x80\xae",
		"/// \xe2\x81\xa6",
		"/// \xf4\x90\x80\x80",
		"/// \xe2\x80",
		"/// \xf0\x80\x80\x80",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct idl_text text = {0};

		idl_text_printf(&text, "%s\ninterface T version 1 { P(); }", bad[i]);
		expect_error(text.bytes, "must be UTF-8");
		idl_text_free(&text);
	}
	expect_good("/// \xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\xa5\t\n"
		    "interface T version 1 { P(); }");
}

Test(check, idl_print_errors__line_column_and_caret)
{
	struct idl_file *file = compile("interface T version 1 {\n"
					"\tP(in u8 a,\r\n"
					"\t  /* \xc3\xa4 */ in u9 b);\r\n"
					"}\n");
	struct idl_text printed = {0};

	idl_print_errors(file, &printed);
	cr_expect_str_eq(printed.bytes, "test.fly:3:16: error: unknown type 'u9'; did you mean "
					"'u8'?\n"
					"\t  /* \xc3\xa4 */ in u9 b);\n"
					"\t             ^~\n");
	idl_text_free(&printed);
	discard(file);
}

Test(check, idl_print_errors__control_characters_stay_out_of_the_terminal)
{
	struct idl_file *file = compile("\x1b[31m\n");
	struct idl_text printed = {0};

	idl_print_errors(file, &printed);
	cr_expect_null(strchr(printed.bytes, 0x1b));
	idl_text_free(&printed);
	discard(file);
}

/* ---- declarations ---- */

Test(check, idl_check__names_of_everything)
{
	static const struct {
		const char *before;
		const char *behind;
	} forms[] = {
		{"const u32 ", " = 1;"},
		{"enum ", " { A }"},
		{"enum E { ", " }"},
		{"struct ", " { u8 a; }"},
		{"struct S { u8 ", "; }"},
		{"union ", " switch (u8 t) { case 1: u8 a; }"},
		{"union U switch (u8 ", ") { case 1: u8 a; }"},
		{"union U switch (u8 t) { case 1: u8 ", "; }"},
		{"typedef u32 ", ";"},
		{"exception ", " { }"},
		{"exception E { u8 ", "; }"},
	};
	static const struct {
		const char *name;
		const char *is; /* NULL: nothing, it may be */
	} names[] = {
		{"while", "a keyword of C"},
		{"class", "a keyword of C++"},
		{"i64", "a type"},
		{"fly_x", "belongs to Firefly"},
		{"_x", "begins with '_'"},
		{"UINT32_MAX", "a name of the C library"},
		{LONG_NAME "x", "longer than 63"},
		{LONG_NAME, NULL},
	};

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
			struct idl_text text = {0};
			struct idl_file *file;

			idl_text_printf(&text, "%s%s%s", forms[i].before, names[k].name,
					forms[i].behind);
			file = compile(text.bytes);
			cr_expect_eq(file->n_errors > 0, names[k].is != NULL, "%s", text.bytes);
			if (names[k].is && file->errors)
				cr_expect(strstr(file->errors->message, names[k].is), "%s: %s",
					  text.bytes, file->errors->message);
			discard(file);
			idl_text_free(&text);
		}
	}
}

Test(check, idl_check__everything_is_declared_once)
{
	expect_error("struct A { u8 a; } enum A { X }", "already a struct called 'A'");
	expect_error("const u32 A = 1; interface I version 1 { exception A { } P(); }",
		     "already a constant called 'A'");
	expect_error("enum E { A, B, A }", "already a value called 'A'");
	expect_error("enum E { A = 1, B = 1 }", "'B' has the value of 'A', 1");
	expect_error("struct S { u8 a; u16 a; }", "already a field called 'a'");
	expect_error("struct S { u8 a<4>; u32 a_count; }", "already a field called 'a_count'");
	expect_error("struct S { bool has_a; optional u8 a; }", "already a field called 'has_a'");
	expect_error("union U switch (u8 t) { case 1: u8 a; case 2: u8 a; }",
		     "already a field called 'a'");
	expect_error("union U switch (u8 t) { case 1: u8 a; case 1: u8 b; }", "already a case");
	expect_error("union U switch (u8 t) { case 1, 0x1: u8 a; }", "already a case");
	expect_error("union U switch (i8 t) { case 0: u8 a; case -0: u8 b; }", "already a case");
	expect_error("union U switch (u8 t) { default: u8 a; default: void; }",
		     "already a default");
	expect_procedure_error("P(in byte a<4>, in u32 a_count);", "parameter called 'a_count'");
	expect_procedure_error("struct S { u8 a; } S();", "already a struct called 'S'");
	/* void arms have no names, and a value may have the name of something else */
	expect_good("union U switch (u8 t) { case 1: void; case 2: void; case 3: u8 t; }");
	expect_good("enum A { A, B } enum B { A, B } struct C { u8 C; }");
}

Test(check, idl_check__exceptions_and_their_numbers)
{
	static const struct {
		const char *text;
		int32_t numbers[3];
	} cases[] = {
		{"exception A { } exception B { } exception C { }", {1, 2, 3}},
		{"exception A = 7 { } exception B { } exception C = 2 { }", {7, 8, 2}},
		{"const u8 N = 9; exception A = N { } exception B = 0x10 { } exception C { }",
		 {9, 16, 17}},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct idl_file *file = compile(cases[i].text);

		cr_assert_eq(file->n_errors, 0, "%s", cases[i].text);
		cr_expect_eq(idl_find(file, "A")->number, cases[i].numbers[0]);
		cr_expect_eq(idl_find(file, "B")->number, cases[i].numbers[1]);
		cr_expect_eq(idl_find(file, "C")->number, cases[i].numbers[2]);
		discard(file);
	}
	expect_error("exception A = 2 { } exception B = 1 { } exception C { }",
		     "'C' has the number of 'A', 2");
	expect_error("exception A = 0 { }", "from 1 to 2147483647, not 0");
	expect_error("exception A = 2147483647 { } exception B { }", "end at 2147483647");
	/* inside and outside they are counted apart: only who raises both needs different ones */
	expect_good("exception A { } interface I version 1 { exception B { } P() raises (A);"
		    " Q() raises (B); }");
	expect_error("exception A { } interface I version 1 { exception B { } P() raises (A, B); }",
		     "one of them needs another, as in 'exception B = 2'");
	expect_procedure_error("exception A { } P() raises (A, A);", "'A' has been said already");
	expect_procedure_error("P() raises (A);", "no exception called 'A'");
	expect_procedure_error("exception Broken { } P() raises (Broke);",
			       "did you mean 'Broken'?");
	expect_procedure_error("struct S { u8 a; } P() raises (S);", "'S' is a struct, and an");
	expect_procedure_error("exception A { } P(in A a);", "'A' is an exception, and a type");
}

Test(check, idl_check__cases_are_values_of_the_discriminant)
{
	static const struct {
		const char *tag;
		const char *label;
		const char *words; /* NULL: right */
	} cases[] = {
		{"u8", "255", NULL},
		{"u8", "256", "a number from 0 to 255, not 256"},
		{"i8", "-128", NULL},
		{"i8", "128", "a number from -128 to 127, not 128"},
		{"i32", "-2147483648", NULL},
		{"u32", "4294967295", NULL},
		{"byte", "N", NULL},
		{"u16", "1.0", "a whole number, not 1.0"},
		{"u16", "RED", "no constant called 'RED'"},
		{"bool", "true", NULL},
		{"bool", "1", "expected 'true' or 'false', found 1"},
		{"bool", "YES", NULL},
		{"bool", "N", "expected 'true' or 'false', found 3"},
		{"Color", "RED", NULL},
		{"Hue", "GREEN", NULL},
		{"Color", "0", "expected a value of the enum 'Color', found 0"},
		{"Color", "N", "'N' is not a value of the enum 'Color'"},
		{"Color", "GREN", "did you mean 'GREEN'?"},
		{"u64", "1", "an integer of at most 32 bits"},
		{"i64", "1", "an integer of at most 32 bits"},
		{"f32", "1", "an integer of at most 32 bits"},
		{"Point", "1", "an integer of at most 32 bits"},
		{"Bytes", "1", "an integer of at most 32 bits"},
		{"string<4>", "1", "an integer of at most 32 bits"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct idl_text text = {0};

		idl_text_printf(&text,
				"const u8 N = 3; const bool YES = true; enum Color { RED, GREEN }"
				"typedef Color Hue; struct Point { u8 x; } typedef byte Bytes[4];"
				"union U switch (%s tag) { case %s: u8 a; }",
				cases[i].tag, cases[i].label);
		if (cases[i].words)
			expect_error(text.bytes, cases[i].words);
		else
			expect_good(text.bytes);
		idl_text_free(&text);
	}
	expect_error("union U switch (u8 as) { case 1: u8 a; }", "'as' cannot be the name");
	expect_error("union U switch (u8 t) { case 1: optional u8 a; }", "cannot be optional");
}

Test(check, idl_check__nothing_is_empty)
{
	expect_error("struct S { }", "at least one field");
	expect_error("union U switch (u8 t) { }", "at least one case");
	expect_error("", "neither an interface nor anything else");
	expect_error("typedef optional u8 T;", "a typedef cannot be optional");
	expect_good("exception E { }");
	expect_good("union U switch (u8 t) { default: void; }");
}

Test(check, idl_check__numbers_of_procedures)
{
	struct idl_file *file = compile_procedures("const u8 N = 2; A() = 4; B(); C() = 0; D();"
						   " E() = N;");
	static const uint32_t numbers[] = {4, 5, 0, 1, 2};

	cr_assert_eq(file->n_errors, 0);
	for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
		cr_expect_eq(procedure_at(file, i)->number, numbers[i]);
	discard(file);
	expect_procedure_error("A(); B() = 0;", "'B' has the number of 'A', 0");
	expect_procedure_error("A() = 1; B() = 0; C();", "'C' has the number of 'A', 1");
	expect_procedure_error("A() = 65536;", "from 0 to 65535, not 65536");
	expect_procedure_error("A() = -1;", "not -1");
	expect_good("interface T version 1 { A() = 4096; }");
	expect_procedure_error("A() = 4097;", "more than 4096 below it are unused");
	expect_good("interface T version 1 { A(); B() = 4097; }");
}

Test(check, idl_check__attributes)
{
	struct idl_file *file =
		compile_procedures("P(in inplace byte a[4], in byte b[4]) worker idempotent;"
				   "Q() inline inplace;");

	cr_assert_eq(file->n_errors, 0);
	cr_expect_eq(procedure_at(file, 0)->attributes, IDL_WORKER | IDL_IDEMPOTENT);
	cr_expect(param_at(procedure_at(file, 0), 0)->is_inplace);
	cr_expect_not(param_at(procedure_at(file, 0), 1)->is_inplace);
	cr_expect_eq(procedure_at(file, 1)->attributes, IDL_INLINE | IDL_INPLACE);
	discard(file);
	expect_procedure_error("P() inline worker;", "cannot run on the poller and on a worker");
	expect_procedure_error("P() worker worker;", "'worker' has been said already");
	expect_procedure_error("P(out inplace byte a[4]);", "what a procedure reads");
	expect_procedure_error("P(in inplace u16 a[4]);", "for arrays of bytes and for strings");
	expect_good("interface T version 1 { P(inout inplace string<4> a, in inplace i8 b<4>); }");
}

Test(check, idl_check__names_of_types)
{
	static const char *const words[] = {"version", "include", "string",     "optional",
					    "raises",  "worker",  "idempotent", "inplace"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct idl_text text = {0};

		idl_text_printf(&text, "struct %s { u8 a; }", words[i]);
		expect_error(text.bytes, "a word of this language");
		text.length = 0;
		idl_text_printf(&text, "typedef u8 %s;", words[i]);
		expect_error(text.bytes, "a word of this language");
		text.length = 0;
		idl_text_printf(&text, "const u8 %s = 1;", words[i]);
		expect_good(text.bytes);
		idl_text_free(&text);
	}
}

/* What is called the same in C though it is two things in the interface. */
Test(check, idl_check__made_names_of_types)
{
	expect_error("struct T_A { u8 x; } interface T version 1 { struct A { u8 x; } P(); }",
		     "so does");
	expect_procedure_error("struct A { u8 x; } A_view(in u8 x);",
			       "'T_A_view', and so does 'A'");
	expect_procedure_error("exception E { } E_NUMBER();", "so does 'E'");
	expect_procedure_error("const u32 VERSION = 1; P();", "a name of the interface itself");
	expect_procedure_error("typedef u32 procedures; P();", "a name of the interface itself");
	/* a constant outside is a macro: it must not be a name within */
	expect_error("const u32 x = 1; struct S { u8 x; }", "'x' cannot be the name of a field");
	expect_error("typedef u8 x; interface T version 1 { P(in u8 x); }",
		     "'x' cannot be the name of a parameter: it is a typedef");
	expect_error("const u32 status = 1;", "generated code has a variable of that name");
}
