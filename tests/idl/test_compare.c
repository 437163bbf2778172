/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_compare.c - each rule about which interface files may follow each other.
 *
 * Every case is tried both ways: what may be added to arguments may not be taken away.
 */
#include <criterion/criterion.h>

#include "compile.h"

/* One file and another, and what is said when one follows the other; NULL: nothing. */
struct change {
	const char *before;
	const char *after;
	const char *forth;
	const char *back;
};

static struct idl_file *compile_whole(const char *text)
{
	struct idl_file *file = compile(text);

	cr_assert_eq(file->n_errors, 0, "%s: %s", text, file->errors ? file->errors->message : "");
	return file;
}

static void expect_said(const char *before, const char *after, const char *words)
{
	struct idl_file *old = compile_whole(before);
	struct idl_file *new = compile_whole(after);

	idl_compare(new, old);
	if (!words) {
		cr_expect_eq(new->n_errors, 0, "%s -> %s: %s", before, after,
			     new->errors ? new->errors->message : "");
	} else {
		cr_expect_eq(new->n_errors, 1, "%s -> %s: %u errors", before, after, new->n_errors);
		if (new->errors)
			cr_expect(strstr(new->errors->message, words), "%s -> %s: %s", before,
				  after, new->errors->message);
	}
	discard(new);
	discard(old);
}

static void try_files(const struct change *change)
{
	expect_said(change->before, change->before, NULL);
	expect_said(change->after, change->after, NULL);
	expect_said(change->before, change->after, change->forth);
	expect_said(change->after, change->before, change->back);
}

/* What stands within an interface, and the same declarations in front of both. */
static void try_within(const char *declarations, const struct change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct idl_text before = {0};
		struct idl_text after = {0};
		struct change change = changes[i];

		idl_text_printf(&before, "%s interface T version 1 { %s }", declarations,
				change.before);
		idl_text_printf(&after, "%s interface T version 1 { %s }", declarations,
				change.after);
		change.before = before.bytes;
		change.after = after.bytes;
		try_files(&change);
		idl_text_free(&before);
		idl_text_free(&after);
	}
}

#define TRY(declarations, ...)                                                       \
	do {                                                                         \
		const struct change changes[] = {__VA_ARGS__};                       \
		try_within(declarations, changes, sizeof changes / sizeof *changes); \
	} while (0)

Test(compare, idl_compare__names_and_versions_of_interfaces)
{
	static const struct change changes[] = {
		{"interface T version 1 { P(); }", "interface U version 1 { P(); }",
		 "the interface was 'T'", "the interface was 'U'"},
		{"interface T version 1 { P(); }", "interface T version 2 { P(); }",
		 "the version was 1", "the version was 2"},
		{"interface T version 1 { P(); }", "struct S { u8 a; }", "no interface",
		 "no interface"},
	};

	for (size_t i = 0; i < 2; i++)
		try_files(&changes[i]);
	expect_said(changes[2].before, changes[2].after, "there is no interface in");
	expect_said(changes[2].after, changes[2].before, "there is no interface in");
}

Test(compare, idl_compare__what_is_not_sent_may_change)
{
	TRY("", {"P(in u8 a, out u8 b);", "/// Words.\nP(in u8 x, out u8 y);", NULL, NULL},
	    {"P(in u8 a);", "P(in inplace byte a[1]);", "another layout", "another layout"},
	    {"P(in byte a[4]);", "P(in inplace byte a[4]) idempotent worker;", NULL, NULL},
	    {"P(in byte a);", "P(in u8 a);", NULL, NULL},
	    {"typedef u32 N; P(in N a);", "P(in u32 a);", NULL, NULL},
	    {"const u32 N = 4; P(in byte a[N]);", "P(in byte a[4]);", NULL, NULL},
	    {"struct A { u8 x; } P(in A a);", "struct B { u8 y; } P(in B a);", NULL, NULL},
	    {"enum A { X } P(in A a);", "enum B { Y } P(in B a);", NULL, NULL});
}

/* The same bytes would mean something else. */
Test(compare, idl_compare__names_do_not_change_places)
{
	TRY("",
	    {"P(in u8 a, in u8 b, in u8 c);", "P(in u8 x, in u8 a, in u8 y);",
	     "'a' of 'P' stands where 'b' was", "'a' of 'P' stands where 'x' was"},
	    {"struct S { u8 a; u8 b; } P(in S s);", "struct S { u8 b; u8 x; } P(in S s);",
	     "'s.b' of 'P' stands where 'a' was", "'s.b' of 'P' stands where 'x' was"},
	    {"enum E { A, B, C } P(in E e);", "enum E { X, A, C } P(in E e);",
	     "'e' of 'P' has another value 'A': it was 0 and is 1",
	     "'e' of 'P' has another value 'A': it was 1 and is 0"},
	    {"exception A { } exception B { } P() raises (A, B);",
	     "exception C { } exception A { } P() raises (A, C);",
	     "'A' of 'P' has another number: it was 1 and is 2",
	     "'A' of 'P' has another number: it was 2 and is 1"});
}

/* A default is for nothing, if there is a case for every value. */
Test(compare, idl_compare__unions_with_a_case_for_each_value)
{
	TRY("enum E { A, B = -5 }",
	    {"union U switch (bool t) { case true: u8 a; case false: void; } P(inout U u);",
	     "union U switch (bool t) { case true: u8 a; default: void; } P(inout U u);", NULL,
	     NULL},
	    {"union U switch (E t) { case A: u8 a; case B: void; } P(inout U u);",
	     "union U switch (E t) { case A: u8 a; default: void; } P(inout U u);", NULL, NULL},
	    {"union U switch (u8 t) { case 0: u8 a; case 1: void; } P(in U u);",
	     "union U switch (u8 t) { case 0: u8 a; default: void; } P(in U u);", NULL,
	     "has lost the default"});
	expect_said("interface T version 1 { enum E { A, B } P(in U u); "
		    "union U switch (E t) { case A: u8 a; default: void; } }",
		    "interface T version 1 { enum E { A, B, C } P(in U u); "
		    "union U switch (E t) { case A: u8 a; case C: u16 c; default: void; } }",
		    NULL);
}

Test(compare, idl_compare__procedures)
{
	TRY("", {"P();", "P(); Q();", NULL, "the procedure 'Q' is gone"},
	    {"P() = 1; Q() = 2;", "Q() = 2; P() = 1;", NULL, NULL},
	    {"P() = 1;", "P() = 2;", "the number of 'P' was 1 and is 2",
	     "the number of 'P' was 2 and is 1"},
	    {"P();", "R();", "the procedure 'P' is gone", "the procedure 'R' is gone"});
}

Test(compare, idl_compare__parameters_and_results)
{
	TRY("",
	    {"P(in u8 a);", "P(in u8 a, in u8 b);", "'b' is a new parameter of 'P'",
	     "'P' has lost the parameter 'b'"},
	    {"P(in u8 a);", "P(out u8 a);", "another direction", "another direction"},
	    {"P(in u8 a);", "P(inout u8 a);", "another direction", "another direction"},
	    {"P();", "P() -> u8;", "'P' now has a result", "'P' no longer has a result"},
	    {"P() -> u8;", "P() -> i8;", "where it had u8, it has i8",
	     "where it had i8, it has u8"},
	    {"P() -> bool;", "P() -> u8;", "where it had bool", "where it had u8"},
	    {"P(in u16 a);", "P(in i16 a);", "where it had u16, it has i16", "it has u16"},
	    {"P(in u32 a);", "P(in f32 a);", "it has f32", "it has u32"},
	    {"P(in u8 a[3]);", "P(in u8 a[4]);", "where it had 3 times u8, it has 4 times u8",
	     "it has 3 times u8"},
	    {"P(in u8 a[3]);", "P(in i8 a[3]);", "another layout", "another layout"},
	    {"P(in u8 a[3]);", "P(in u8 a<3>);", "a variable array of u8", "3 times u8"},
	    {"P(in u8 a);", "P(in optional u8 a);", "it has optional u8", "it has u8"},
	    {"P(in optional u8 a);", "P(in optional u16 a);", "another layout", "another layout"},
	    {"P(in string<4> a);", "P(in byte a<4>);", "where it had a string", "it has a string"});
}

/* Arguments may get longer; results must stay as they are. */
Test(compare, idl_compare__bounds)
{
	TRY("", {"P(in byte a<4>);", "P(in byte a<5>);", NULL, "narrower bound: 4, and it was 5"},
	    {"P(in string<4> a);", "P(in string<5> a);", NULL, "narrower bound"},
	    {"P(out byte a<4>);", "P(out byte a<5>);",
	     "wider bound, 5: old callers have room for 4", "narrower bound"},
	    {"P(inout string<4> a);", "P(inout string<5> a);", "wider bound", "narrower bound"},
	    {"P() -> string<4>;", "P() -> string<5>;", "'the result' of 'P' has a wider bound",
	     "narrower bound"},
	    {"P(in string<4> a<2>);", "P(in string<5> a<2>);", NULL, "narrower bound"},
	    {"P(in optional byte a<4>);", "P(in optional byte a<5>);", NULL, "narrower bound"},
	    {"struct S { string<4> x[2]; } P(in S a[2]);",
	     "struct S { string<5> x[2]; } P(in S a[2]);", NULL, "narrower bound"});
}

Test(compare, idl_compare__enums)
{
	TRY("",
	    {"enum E { A } P(in E a);", "enum E { A, B } P(in E a);", NULL,
	     "has lost the value 1 ('B')"},
	    {"enum E { A } P(out E a);", "enum E { A, B } P(out E a);",
	     "may return the new value 1 ('B')", "has lost the value 1 ('B')"},
	    {"enum E { A } P(inout E a);", "enum E { A, B } P(inout E a);", "may return",
	     "has lost"},
	    {"enum E { A, B } P(out E a);", "enum E { B = 1, A = 0 } P(out E a);", NULL, NULL},
	    {"enum E { A, B } P(in E a);", "enum E { B = 1, Z = 0 } P(in E a);", NULL, NULL},
	    {"enum E { A } P(in E a);", "P(in i32 a);", "where it had an enum, it has i32",
	     "where it had i32, it has an enum"},
	    {"enum E { A } P() -> E;", "enum E { A, B } P() -> E;", "may return", "has lost"},
	    {"enum E { A } P(in E a<2>);", "enum E { A, B } P(in E a<2>);", NULL, "has lost"});
}

Test(compare, idl_compare__structs)
{
	TRY("",
	    {"struct S { u8 x; } P(in S a);", "struct S { u8 x; u8 y; } P(in S a);",
	     "has the new field 'y'", "has lost the field 'y'"},
	    {"struct S { u8 x; u16 y; } P(in S a);", "struct S { u8 y; u16 x; } P(in S a);", NULL,
	     NULL},
	    {"struct S { u8 x; } P(out S a);", "struct S { u16 x; } P(out S a);",
	     "'a.x' of 'P' has another layout", "another layout"},
	    {"struct S { u8 x; } P(in S a);", "P(in u8 a);", "where it had a struct, it has u8",
	     "where it had u8, it has a struct"},
	    {"struct R { u8 x; } struct S { R r; } P(in S a<4>);",
	     "struct R { i8 x; } struct S { R r; } P(in S a<4>);", "another layout",
	     "another layout"});
}

#define UNION(arms) "union U switch (u8 tag) { " arms " } "

Test(compare, idl_compare__unions)
{
	TRY("",
	    /* cases of arguments may be added; those of results may not */
	    {UNION("case 1: u8 x;") "P(in U a);", UNION("case 1: u8 x; case 2: void;") "P(in U a);",
	     NULL, "has lost the case 2"},
	    {UNION("case 1: u8 x;") "P(out U a);",
	     UNION("case 1: u8 x; case 2: void;") "P(out U a);", "may return the new case 2",
	     "has lost the case 2"},
	    {UNION("case 1: u8 x;") "P(in U a);", UNION("case 1: i8 x;") "P(in U a);",
	     "another layout", "another layout"},
	    {UNION("case 1: u8 x;") "P(in U a);", UNION("case 1: void;") "P(in U a);",
	     "another type in the case 1", "another type in the case 1"},
	    /* the order of arms, and which arm has a case, is nothing that is sent */
	    {UNION("case 1, 2: u8 x;") "P(in U a);",
	     UNION("case 2: u8 y; case 1: u8 z;") "P(in U a);", NULL, NULL},
	    {UNION("case 1: u8 x; default: void;") "P(in U a);",
	     UNION("case 1: u8 x; case 2: void; default: void;") "P(in U a);", NULL, NULL},
	    /* a case that had been the default's */
	    {UNION("case 1: u8 x; default: u16 y;") "P(in U a);",
	     UNION("case 1: u8 x; case 2: i16 z; default: u16 y;") "P(in U a);", "another layout",
	     "another layout"},
	    {UNION("case 1: u8 x;") "P(in U a);",
	     UNION("case 1: u8 x; default: void;") "P(in U a);", NULL, "has lost the default"},
	    {UNION("case 1: u8 x;") "P(out U a);",
	     UNION("case 1: u8 x; default: void;") "P(out U a);", "may return the new default",
	     "has lost the default"},
	    {"union U switch (i8 t) { case 1: void; } P(in U a);",
	     "union U switch (u8 t) { case 1: void; } P(in U a);", "where it had i8, it has u8",
	     "where it had u8, it has i8"});
}

Test(compare, idl_compare__exceptions)
{
	TRY("exception A = 1 { } exception B = 2 { u8 x; }",
	    {"P() raises (A);", "P() raises (A, B);", "'B' of 'P' is an exception that old callers",
	     "'P' no longer raises 'B' (2)"},
	    {"P();", "P() raises (A);", "is an exception that old callers do not know",
	     "no longer raises 'A'"},
	    {"P() raises (A, B);", "P() raises (B) raises (A);", NULL, NULL},
	    {"exception C = 2 { u8 y; } P() raises (C);", "P() raises (B);", NULL, NULL},
	    {"exception C = 3 { u8 y; } P() raises (C);",
	     "exception C = 3 { u16 y; } P() raises (C);", "'C.y' of 'P' has another layout",
	     "another layout"},
	    {"exception C = 3 { string<4> y; } P() raises (C);",
	     "exception C = 3 { string<5> y; } P() raises (C);", "wider bound", "narrower bound"});
}

/* Procedures are called by number: two that have changed places are told by their names. */
Test(compare, idl_compare__procedures_that_have_changed_places)
{
	struct idl_file *old = compile_whole("interface T version 1 { P(); Q(); }");
	struct idl_file *new = compile_whole("interface T version 1 { Q(); P(); }");

	idl_compare(new, old);
	cr_expect_eq(new->n_errors, 2);
	cr_expect(has_error(new, 24, "the number of 'Q' was 1 and is 0"));
	cr_expect(has_error(new, 29, "the number of 'P' was 0 and is 1"));
	discard(new);
	discard(old);
}

/* All at once, each where it stands in the newer file. */
Test(compare, idl_compare__goes_on_behind_what_it_finds)
{
	struct idl_file *old = compile_whole("interface T version 1 { P(in u8 a, in byte b<4>); }");
	struct idl_file *new =
		compile_whole("interface T version 2 { P(in u16 a, in byte b<3>); }");

	idl_compare(new, old);
	cr_expect_eq(new->n_errors, 3);
	cr_expect(has_error(new, 20, "the version was 1"));
	cr_expect(has_error(new, 33, "'a' of 'P' has another layout"));
	cr_expect(has_error(new, 44, "'b' of 'P' has a narrower bound"));
	discard(new);
	discard(old);
}

/* Two fields of the next deeper type at each depth: 2^40 ways down. */
Test(compare, idl_compare__no_type_is_compared_twice, .timeout = 600)
{
	struct idl_text text = {0};

	idl_text_printf(&text, "interface T version 1 { union U0 switch (u8 t) { case 0: u8 x; } ");
	for (int i = 1; i < 40; i++)
		idl_text_printf(&text, "union U%d switch (u8 t) { case 0: U%d x; case 1: U%d y; } ",
				i, i - 1, i - 1);
	idl_text_printf(&text, "P(inout U39 u); }");
	expect_said(text.bytes, text.bytes, NULL);
	idl_text_free(&text);
}
