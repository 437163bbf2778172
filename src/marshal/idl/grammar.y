/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * grammar.y - the interface language, for Bison. docs/language.md has the same grammar in prose.
 *
 * Builds the tree of ast.h and judges nothing but syntax: types are names here, and numbers are
 * of any size. After an error it goes on behind the next semicolon.
 */
%define api.pure full
%define api.prefix {idl_yy}
%define api.token.prefix {IDL_}
%define api.location.type {struct idl_span}
%define parse.error custom
%define parse.lac full
%locations
%param {void *scanner} {struct idl_parser *parser}
%expect 0

%code requires {
#include "parse.h"
}

%union {
	const char *text;
	uint64_t number;
	enum idl_direction direction;
	struct idl_name name;
	struct idl_doc *doc;
	struct idl_param *param;
	struct idl_procedure *procedure;
	struct {
		struct idl_procedure *first;
		struct idl_procedure **end;
		uint32_t count;
	} procedures;
	struct {
		struct idl_param *first;
		struct idl_param **end;
	} params;
	struct {
		struct idl_doc *first;
		struct idl_doc **end;
	} docs;
}

%token INTERFACE "'interface'"
%token <text> VERSION "'version'"
%token IN_WORD "'in'"
%token OUT_WORD "'out'"
%token INOUT_WORD "'inout'"
%token ARROW "'->'"
%token <text> NAME "a name"
%token <number> NUMBER "a number"
%token <text> DOC "a doc comment"
%token '{' "'{'"
%token '}' "'}'"
%token '(' "'('"
%token ')' "')'"
%token '[' "'['"
%token ']' "']'"
%token ',' "','"
%token ';' "';'"
%token YYEOF 0 "the end of the file"

%type <docs> docs
%type <name> name
%type <procedures> procedures
%type <procedure> procedure
%type <params> parameters parameter_list
%type <param> parameter result
%type <direction> direction

%code {
int idl_yylex(union IDL_YYSTYPE *value, struct idl_span *span, void *scanner,
	      struct idl_parser *parser);

#define YYLLOC_DEFAULT(current, rhs, n)                                                            \
	do {                                                                                       \
		(current).begin = (n) ? YYRHSLOC(rhs, 1).begin : YYRHSLOC(rhs, 0).end;             \
		(current).end = YYRHSLOC(rhs, (n)).end;                                            \
	} while (0)

/* Out of memory, or deeper than Bison's stack: neither happens with left-recursive lists. */
static void idl_yyerror(const struct idl_span *span, void *scanner, struct idl_parser *parser,
			const char *message)
{
	(void)scanner;
	idl_error(parser->file, *span, "%s", message);
}
}

%initial-action {
	@$ = (struct idl_span){0};
}

%%

file:
	interface
	;

interface:
	docs "'interface'" name "'version'" NUMBER '{' procedures closing
	{
		struct idl_interface *interface = idl_allocate(parser->file, sizeof *interface);

		interface->doc = $docs.first;
		interface->name = $name;
		interface->version = $NUMBER;
		interface->version_span = @NUMBER;
		interface->procedures = $procedures.first;
		interface->n_procedures = $procedures.count;
		parser->file->interface = interface;
	}
	;

closing:
	'}'
	| error '}'
	{
		yyerrok;
	}
	;

procedures:
	%empty
	{
		$$.first = NULL;
		$$.end = NULL;
		$$.count = 0;
	}
	| procedures procedure
	{
		$$ = $1;
		$procedure->number = $$.count++;
		if ($$.end)
			*$$.end = $procedure;
		else
			$$.first = $procedure;
		$$.end = &$procedure->next;
	}
	| procedures error ';'
	{
		$$ = $1;
		yyerrok;
	}
	;

procedure:
	docs name '(' parameters ')' result ';'
	{
		$$ = idl_allocate(parser->file, sizeof *$$);
		$$->doc = $docs.first;
		$$->name = $name;
		$$->params = $parameters.first;
		$$->result = $result;
	}
	;

parameters:
	%empty
	{
		$$.first = NULL;
		$$.end = NULL;
	}
	| parameter_list
	;

parameter_list:
	parameter
	{
		$$.first = $1;
		$$.end = &$1->next;
	}
	| parameter_list ',' parameter
	{
		$$.first = $1.first;
		*$1.end = $3;
		$$.end = &$3->next;
	}
	;

parameter:
	docs direction NAME[type] name
	{
		$$ = idl_allocate(parser->file, sizeof *$$);
		$$->doc = $docs.first;
		$$->direction = $direction;
		$$->type_name = (struct idl_name){$type, @type};
		$$->name = $name;
		$$->count = 1;
	}
	| docs direction NAME[type] name '[' NUMBER ']'
	{
		$$ = idl_allocate(parser->file, sizeof *$$);
		$$->doc = $docs.first;
		$$->direction = $direction;
		$$->type_name = (struct idl_name){$type, @type};
		$$->name = $name;
		$$->is_array = true;
		$$->count = $NUMBER;
		$$->count_span = @NUMBER;
	}
	;

direction:
	"'in'"
	{
		$$ = IDL_IN;
	}
	| "'out'"
	{
		$$ = IDL_OUT;
	}
	| "'inout'"
	{
		$$ = IDL_INOUT;
	}
	;

result:
	%empty
	{
		$$ = NULL;
	}
	| "'->'" NAME[type]
	{
		$$ = idl_allocate(parser->file, sizeof *$$);
		$$->direction = IDL_OUT;
		$$->type_name = (struct idl_name){$type, @type};
		$$->count = 1;
	}
	;

/* 'version' is a keyword only where a version is expected. */
name:
	NAME
	{
		$$ = (struct idl_name){$1, @1};
	}
	| "'version'"
	{
		$$ = (struct idl_name){$1, @1};
	}
	;

docs:
	%empty
	{
		$$.first = NULL;
		$$.end = NULL;
	}
	| docs DOC
	{
		struct idl_doc *doc = idl_allocate(parser->file, sizeof *doc);

		doc->text = $DOC;
		doc->span = @DOC;
		$$ = $1;
		if ($$.end)
			*$$.end = doc;
		else
			$$.first = doc;
		$$.end = &doc->next;
	}
	;

%%

/* "expected A, B or C, found X": tokens by their names, what was found as it is written. */
static int yyreport_syntax_error(const yypcontext_t *context, void *scanner,
				 struct idl_parser *parser)
{
	enum { EXPECTED_MAX = 16 };
	yysymbol_kind_t expected[EXPECTED_MAX];
	const yysymbol_kind_t token = yypcontext_token(context);
	const struct idl_span *span = yypcontext_location(context);
	const int n_found = yypcontext_expected_tokens(context, expected, EXPECTED_MAX);
	struct idl_text message = {0};
	int n = 0;

	(void)scanner;
	if (n_found < 0)
		return n_found;
	/* A doc comment may stand before many things; saying so each time helps nobody. A keyword
	   that serves as a name is one. */
	for (int i = 0; i < n_found; i++)
		if (expected[i] != YYSYMBOL_DOC &&
		    (expected[i] != YYSYMBOL_VERSION || n_found == 1))
			expected[n++] = expected[i];
	idl_text_printf(&message, "expected ");
	for (int i = 0; i < n; i++) {
		if (i)
			idl_text_printf(&message, i + 1 < n ? ", " : " or ");
		idl_text_printf(&message, "%s", yysymbol_name(expected[i]));
		if (expected[i] == YYSYMBOL_YYEOF)
			idl_text_printf(&message, " (a file holds one interface)");
	}
	if (token == YYSYMBOL_YYEMPTY)
		idl_error(parser->file, *span, "%s", message.bytes);
	else if (token == YYSYMBOL_YYEOF || token == YYSYMBOL_DOC)
		idl_error(parser->file, *span, "%s, found %s", message.bytes, yysymbol_name(token));
	else
		idl_error(parser->file, *span, "%s, found '%.*s'", message.bytes,
			  (int)(span->end - span->begin > 64 ? 64 : span->end - span->begin),
			  parser->file->text + span->begin);
	idl_text_free(&message);
	return 0;
}
