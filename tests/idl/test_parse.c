/* SPDX-License-Identifier: BSD-3-Clause */
/* test_parse.c - what the lexer and the grammar make of an interface, and of anything else. */
#include <criterion/criterion.h>

#include "compile.h"

Test(parse, idl_parse__a_whole_interface)
{
	struct idl_file *file = compile("/* a comment ** / */ interface Test version 0x10 {\n"
					"// another\n"
					"\tFirst();\n"
					"\tSecond(in u32 a, out byte b[0x20]) -> f64;\n"
					"}\n");
	const struct idl_procedure *p;

	cr_assert_eq(file->n_errors, 0);
	cr_expect_str_eq(file->interface->name.text, "Test");
	cr_expect_eq(file->interface->version, 16);
	cr_assert_eq(file->interface->n_procedures, 2);
	p = procedure_at(file, 0);
	cr_expect_str_eq(p->name.text, "First");
	cr_expect_eq(p->number, 0);
	cr_expect_null(p->params);
	cr_expect_null(p->result);
	p = procedure_at(file, 1);
	cr_expect_eq(p->number, 1);
	cr_expect_str_eq(param_at(p, 0)->type->scalar->name, "u32");
	cr_expect_eq(param_at(p, 0)->direction, IDL_IN);
	cr_expect_eq(param_at(p, 0)->type->kind, IDL_SCALAR);
	cr_expect_eq(param_at(p, 1)->direction, IDL_OUT);
	cr_expect_eq(param_at(p, 1)->type->kind, IDL_ARRAY);
	cr_expect_eq(param_at(p, 1)->type->bound, 32);
	cr_expect_str_eq(p->result->type->scalar->name, "f64");
	discard(file);
}

Test(parse, idl_parse__doc_comments_belong_to_what_follows)
{
	struct idl_file *file = compile("/// one\n///  two \r\n///\n//// not this\n"
					"interface T version 1 {\n"
					"\t/// three\n\tP(\n\t\t/// four\n\t\tin u8 a);\n"
					"}\n");
	const struct idl_doc *doc;

	cr_assert_eq(file->n_errors, 0);
	doc = file->interface->doc;
	cr_expect_str_eq(doc->text, "one");
	cr_expect_str_eq(doc->next->text, " two");
	cr_expect_str_eq(doc->next->next->text, "");
	cr_expect_null(doc->next->next->next);
	cr_expect_str_eq(procedure_at(file, 0)->doc->text, "three");
	cr_expect_str_eq(param_at(procedure_at(file, 0), 0)->doc->text, "four");
	discard(file);
}

Test(parse, idl_parse__version_is_a_name_where_a_name_is_expected)
{
	struct idl_file *file = compile("interface version version 1 { version(in u8 version); }");

	cr_expect_eq(file->n_errors, 0);
	cr_expect_str_eq(file->interface->name.text, "version");
	discard(file);
}

Test(parse, idl_parse__goes_on_behind_an_error)
{
	struct idl_file *file = compile("interface T version 1 {\n" /* 24 bytes */
					"A(u8 a);\n"                /* 9 */
					"B(in u8 a[);\n"            /* 13 */
					"C(in u8 a);\n"
					"}\n");

	cr_expect_eq(file->n_errors, 2);
	cr_expect(has_error(file, 26, "expected 'in', 'out', 'inout' or ')', found 'u8'"));
	cr_expect(has_error(file, 43, "expected a name or a number, found ')'"));
	cr_assert_eq(file->interface->n_procedures, 1);
	cr_expect_str_eq(procedure_at(file, 0)->name.text, "C");
	discard(file);
}

Test(parse, idl_parse__numbers)
{
	static const struct {
		const char *procedure;
		const char *words; /* NULL: no error */
	} cases[] = {
		{"P(in u8 a[16]);", NULL},
		{"P(in u8 a[0X1f]);", NULL},
		{"P(in u8 a[0x]);", "'0x' is not a number"},
		{"P(in u8 a[12k]);", "'12k' is not a number"},
		{"P(in u8 a[0x1g]);", "'0x1g' is not a number"},
		{"P(in u8 a[010]);", "does not begin with 0"},
		{"P(in u8 a[0]);", "the length of an array is a number from 1 to 67108864"},
		{"P(in u8 a[0x0]);", "the length of an array is a number from 1 to 67108864"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct idl_file *file = compile_procedures(cases[i].procedure);

		if (cases[i].words)
			cr_expect(has_error(file, 34, cases[i].words), "%s", cases[i].procedure);
		cr_expect_eq(file->n_errors, cases[i].words ? 1 : 0, "%s", cases[i].procedure);
		discard(file);
	}
}

Test(parse, idl_parse__any_byte_may_come)
{
	char text[256 + 64] = "interface T version 1 { P(); }";
	struct idl_file *file;

	for (unsigned i = 0; i < 256; i++)
		text[32 + i] = (char)i;
	for (size_t length = 0; length <= sizeof text; length++) {
		file = compile_bytes(text, length);
		/* complete, and nothing behind it */
		cr_expect_eq(file->n_errors == 0, length == 30, "%zu bytes", length);
		discard(file);
	}
	file = compile_bytes("interface T\0version 1 { P(); }", 30);
	cr_expect_eq(file->n_errors, 1);
	cr_expect(has_error(file, 11, "byte 0x00 has no meaning"));
	discard(file);
}

Test(parse, idl_parse__a_comment_without_end)
{
	struct idl_file *file = compile("interface T version 1 { P(); } /* * / \n");

	cr_expect_eq(file->n_errors, 1);
	cr_expect(has_error(file, 31, "no end"));
	discard(file);
}

Test(parse, idl_parse__many_errors_are_counted)
{
	struct idl_text text = {0};
	struct idl_text printed = {0};
	struct idl_file *file;

	for (int i = 0; i < 100; i++)
		idl_text_printf(&text, "P%d(in foo a);\n", i);
	file = compile_procedures(text.bytes);
	cr_expect_eq(file->n_errors, 100);
	idl_print_errors(file, &printed);
	cr_expect(strstr(printed.bytes, "test.fly: error: 80 more errors are not shown\n"));
	discard(file);
	idl_text_free(&text);
	idl_text_free(&printed);
}

Test(parse, idl_compile__two_files_at_once)
{
	struct idl_file *a = compile_procedures("P(in u8 a);");
	struct idl_file *b = compile_procedures("Q(in u8 b, oops);");

	cr_expect_eq(a->n_errors, 0);
	cr_expect_eq(b->n_errors, 1);
	cr_expect_str_eq(procedure_at(a, 0)->name.text, "P");
	discard(a);
	discard(b);
}

/* ---- declarations ---- */

Test(parse, idl_parse__words_that_are_names_elsewhere)
{
	struct idl_file *file = compile("const u32 include = 3;"
					"struct S { u8 version; u8 string; u8 optional[include]; }"
					"exception raises { u8 exception; }"
					"enum E { idempotent, inplace }"
					"interface string version 1 {"
					" optional(in S worker, in E raises) raises (raises);"
					" worker(in optional S optional) worker; }");

	cr_expect_eq(file->n_errors, 0, "%s", file->errors ? file->errors->message : "");
	discard(file);
}

Test(parse, idl_parse__declarations)
{
	struct idl_file *file =
		compile("/// c\nconst i8 C = -5;"
			"enum E { A, B = 0x10, }"
			"struct S { /// f\nu8 a[3]; optional string<4> b; };"
			"union U switch (E e) { case A, B: u8 x<2>; default: void; }"
			"typedef u8 T[2];"
			"exception X = 4 { S s; }");
	const struct idl_declaration *d = file->sources->declarations;

	cr_assert_eq(file->n_errors, 0, "%s", file->errors ? file->errors->message : "");
	cr_expect_eq(d->what, IDL_IS_CONST);
	cr_expect_str_eq(d->doc->text, "c");
	cr_expect(d->value.negative);
	cr_expect_eq(d->value.magnitude, 5);
	d = d->next;
	cr_expect_eq(d->what, IDL_IS_ENUM);
	cr_expect_eq(d->enumerators->next->value, 16);
	d = d->next;
	cr_expect_eq(d->what, IDL_IS_STRUCT);
	cr_expect_str_eq(d->fields->doc->text, "f");
	cr_expect_eq(d->fields->shape, IDL_FIXED);
	cr_expect(d->fields->next->is_optional);
	cr_expect_null(d->fields->next->next);
	d = d->next;
	cr_expect_eq(d->what, IDL_IS_UNION);
	cr_expect_str_eq(d->discriminant->name.text, "e");
	cr_expect(d->fields->labels->next);
	cr_expect_eq(d->fields->shape, IDL_BOUNDED);
	cr_expect(d->fields->next->is_default);
	cr_expect(d->fields->next->is_void);
	d = d->next;
	cr_expect_eq(d->what, IDL_IS_TYPEDEF);
	cr_expect_str_eq(d->target->name.text, "T");
	d = d->next;
	cr_expect_eq(d->what, IDL_IS_EXCEPTION);
	cr_expect_eq(d->number, 4);
	cr_expect_null(d->next);
	discard(file);
}

Test(parse, idl_parse__values)
{
	static const struct {
		const char *constant;
		const char *words; /* NULL: no error */
	} cases[] = {
		{"const f64 C = 1.5e-10;", NULL},
		{"const f64 C = -0.0;", NULL},
		{"const f64 C = 1.0E+5;", NULL},
		{"const f64 C = 1.;", "'.' has no meaning here"},
		{"const f64 C = 1e5;", "'1e5' is not a number"},
		{"const i32 C = - 5;", NULL},
		{"const i32 C = --5;", "found '-'"},
		{"const i32 C = +5;", "'+' has no meaning here"},
		{"const string C = \"\";", NULL},
		{"const string C = \"\xc3\xa4 // /* \";", NULL},
		{"const string C = \"a\\n\";", "no '\\' and no control characters"},
		{"const string C = \"a\tb\";", "no '\\' and no control characters"},
		{"const string C = \"open;\n", "this text has no end on its line"},
		{"const string C = \"open\n;", "this text has no end on its line"},
		{"const string C = 'a';", "''' has no meaning here"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct idl_file *file = compile(cases[i].constant);

		cr_expect_eq(file->n_errors > 0, cases[i].words != NULL, "%s", cases[i].constant);
		if (cases[i].words && file->errors)
			cr_expect(strstr(file->errors->message, cases[i].words), "%s: %s",
				  cases[i].constant, file->errors->message);
		discard(file);
	}
}

/* What is wrong with one declaration is said once, and those behind it are read. */
Test(parse, idl_parse__goes_on_behind_a_declaration)
{
	static const char *const wrong[] = {
		"struct { u8 a; }",
		"struct 5 { u8 a; }",
		"struct S;",
		"struct S { u8 a }",
		"struct S { u8; u8 b; }",
		"union N { case 1: u8 a; }",
		"union N switch (u8) { case 1: u8 a; default: void; }",
		"union N switch u8 t { case 1: u8 a; }",
		"union N switch (u8 t) { u8 a; }",
		"union N;",
		"enum { A, B }",
		"enum E;",
		"enum E { A B }",
		"exception { u8 a; }",
		"exception E = { u8 a; }",
		"exception E;",
		"typedef u8;",
		"const u8 = 5;",
		"const u8 C 5;",
		"include \"x\" ;",
		"P(u8 a);",
		"P(in u8 a;",
		"P() raises A;",
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct idl_text text = {0};
		struct idl_file *file;

		idl_text_printf(&text,
				"interface T version 1 {\n%s\nQ(in Later a); }\n"
				"struct Later { u8 x; }",
				wrong[i]);
		file = compile(text.bytes);
		cr_expect_eq(file->n_errors, 1, "%u errors: %s", file->n_errors, wrong[i]);
		cr_expect(idl_find(file, "Later"), "%s", wrong[i]);
		cr_expect(file->interface && file->interface->n_procedures, "%s", wrong[i]);
		if (file->interface && file->interface->n_procedures)
			cr_expect_str_eq(procedure_at(file, 0)->name.text, "Q", "%s", wrong[i]);
		discard(file);
		idl_text_free(&text);
	}
}

Test(parse, idl_parse__includes)
{
	struct idl_file *file = compile("include \"a.fly\"; include \"b c.fly\";"
					"interface T version 1 { P(); } include \"d.fly\";");
	const struct idl_include *include = file->sources->includes;

	/* there is no loader, so none is found */
	cr_expect_eq(file->n_errors, 3);
	cr_expect_str_eq(include->name, "a.fly");
	cr_expect_str_eq(include->next->name, "b c.fly");
	cr_expect_str_eq(include->next->next->name, "d.fly");
	cr_expect(has_error(file, 8, "cannot read 'a.fly'"));
	discard(file);
	file = compile("include \"\"; struct S { u8 a; }");
	cr_expect_eq(file->n_errors, 1);
	cr_expect(has_error(file, 8, "expected the name of a file"));
	discard(file);
}
