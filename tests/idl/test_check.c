/* SPDX-License-Identifier: BSD-3-Clause */
/* test_check.c - names, types and numbers that are refused, and those that only look strange. */
#include <criterion/criterion.h>

#include "compile.h"

#define LONG_NAME "a23456789012345678901234567890123456789012345678901234567890123" /* 63 */

static void expect_error(const char *text, const char *words)
{
	struct idl_file *file = compile(text);

	cr_expect_eq(file->n_errors, 1, "%u errors: %s", file->n_errors, text);
	if (file->errors)
		cr_expect(strstr(file->errors->message, words), "%s: %s", text,
			  file->errors->message);
	discard(file);
}

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
		    " in u8 delta_t, in u8 uint, in u8 intern_t, in u8 x_, in u8 index); }");
}

Test(check, idl_check__generated_names_do_not_meet)
{
	expect_procedure_error("P(); P_start();", "and so does 'P'");
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
