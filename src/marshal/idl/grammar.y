/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * idl/grammar.y - the interface language, for Bison. docs/language.md has the same grammar in
 * prose.
 *
 * Builds the tree of ast.h and checks syntax only: types and constants are still names, and numbers
 * may have any size. After an error, parsing resumes behind the next semicolon or closing brace.
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
#include <string.h>

#include "parse.h"
}

%union {
	const char *text;
	struct idl_value value;
	enum idl_direction direction;
	unsigned attributes;
	bool flag;
	struct idl_name name;
	struct idl_doc *doc;
	struct idl_field *field;
	struct idl_label *label;
	struct idl_enumerator *enumerator;
	struct idl_declaration *declaration;
	struct idl_procedure *procedure;
	struct idl_raise *raise;
	struct {
		struct idl_declaration *first;
		struct idl_declaration **end;
		struct idl_procedure *first_procedure;
		struct idl_procedure **procedure_end;
		uint32_t n_procedures;
	} body;
	struct {
		struct idl_field *first;
		struct idl_field **end;
	} fields;
	struct {
		struct idl_enumerator *first;
		struct idl_enumerator **end;
	} enumerators;
	struct {
		struct idl_label *first;
		struct idl_label **end;
	} labels;
	struct {
		struct idl_raise *first;
		struct idl_raise **end;
	} raises;
	struct {
		struct idl_doc *first;
		struct idl_doc **end;
	} docs;
	struct {
		unsigned attributes;
		struct idl_raise *first;
		struct idl_raise **end;
	} manner;
}

%token INTERFACE "'interface'"
%token CONST_WORD "'const'"
%token ENUM_WORD "'enum'"
%token STRUCT_WORD "'struct'"
%token UNION_WORD "'union'"
%token SWITCH "'switch'"
%token CASE "'case'"
%token DEFAULT "'default'"
%token VOID "'void'"
%token TYPEDEF "'typedef'"
%token INLINE_WORD "'inline'"
%token TRUE "'true'"
%token FALSE "'false'"
%token IN_WORD "'in'"
%token OUT_WORD "'out'"
%token INOUT_WORD "'inout'"
%token <text> VERSION "'version'"
%token <text> INCLUDE "'include'"
%token <text> STRING_WORD "'string'"
%token <text> OPTIONAL_WORD "'optional'"
%token <text> EXCEPTION "'exception'"
%token <text> RAISES "'raises'"
%token <text> IDEMPOTENT_WORD "'idempotent'"
%token <text> WORKER_WORD "'worker'"
%token <text> INPLACE_WORD "'inplace'"
%token ARROW "'->'"
%token <text> NAME "a name"
%token <value> NUMBER "a number"
%token <value> REAL_NUMBER "a real number"
%token <value> QUOTED "a text in quotes"
%token <text> DOC "a doc comment"
%token '{' "'{'"
%token '}' "'}'"
%token '(' "'('"
%token ')' "')'"
%token '[' "'['"
%token ']' "']'"
%token '<' "'<'"
%token '>' "'>'"
%token ',' "','"
%token ';' "';'"
%token ':' "':'"
%token '=' "'='"
%token '-' "'-'"
%token YYEOF 0 "the end of the file"

%type <docs> docs
%type <name> name
%type <value> value given size
%type <body> body
%type <procedure> procedure
%type <manner> manner
%type <attributes> attribute
%type <raises> raise_list
%type <declaration> declaration const enum struct union typedef exception
%type <fields> fields parameters parameter_list arms
%type <field> declarator type shape parameter result arm
%type <labels> labels
%type <flag> inplace
%type <direction> direction
%type <enumerators> enumerators
%type <enumerator> enumerator

%code {
int idl_yylex(union IDL_YYSTYPE *value, struct idl_span *span, void *scanner,
	      struct idl_parser *parser);

/* Append to a list whose first node and end are known. */
#define APPEND(list, node)                                                                         \
	do {                                                                                       \
		if ((list).end)                                                                    \
			*(list).end = (node);                                                      \
		else                                                                               \
			(list).first = (node);                                                     \
		(list).end = &(node)->next;                                                        \
	} while (0)

#define EMPTY(list)                                                                                \
	do {                                                                                       \
		(list).first = NULL;                                                               \
		(list).end = NULL;                                                                 \
	} while (0)

#define YYLLOC_DEFAULT(current, rhs, n)                                                            \
	do {                                                                                       \
		(current).begin = (n) ? YYRHSLOC(rhs, 1).begin : YYRHSLOC(rhs, 0).end;             \
		(current).end = YYRHSLOC(rhs, (n)).end;                                            \
	} while (0)

/* Out of memory, or deeper than Bison's stack: left-recursive lists cause neither. */
static void idl_yyerror(const struct idl_span *span, void *scanner, struct idl_parser *parser,
			const char *message)
{
	(void)scanner;
	idl_error(parser->file, *span, "%s", message);
}

static struct idl_declaration *declare(struct idl_parser *parser, enum idl_what what,
				       struct idl_name name)
{
	struct idl_declaration *declaration = idl_allocate(parser->file, sizeof *declaration);

	declaration->what = what;
	declaration->name = name;
	declaration->source = parser->source;
	return declaration;
}
}

%initial-action {
	@$ = (struct idl_span){parser->offset, parser->offset};
}

%%

file:
	%empty
	| file "'include'" QUOTED ';'
	{
		struct idl_include *include = idl_allocate(parser->file, sizeof *include);
		struct idl_include **place = &parser->source->includes;

		include->name = $QUOTED.text;
		include->span = @QUOTED;
		while (*place)
			place = &(*place)->next;
		/* a text with an error in it is also empty */
		if (*$QUOTED.text)
			*place = include;
		else if (@QUOTED.end - @QUOTED.begin == 2)
			idl_error(parser->file, @QUOTED, "expected the name of a file, found \"\"");
	}
	| file docs[words] declaration
	{
		struct idl_declaration **place = parser->declarations_end;

		if ($declaration) {
			$declaration->doc = $words.first;
			if (!place)
				place = &parser->source->declarations;
			*place = $declaration;
			parser->declarations_end = &$declaration->next;
		}
	}
	| file docs[words] interface
	{
		if (parser->source->interface)
			parser->source->interface->doc = $words.first;
	}
	| file ';'
	| file error ';'
	{
		yyerrok;
	}
	;

interface:
	"'interface'" name "'version'" NUMBER '{' body closing
	{
		struct idl_interface *interface = idl_allocate(parser->file, sizeof *interface);

		if (parser->source->interface)
			idl_error(parser->file, $name.span,
				  "a file holds one interface, and this one has '%.64s' already",
				  parser->source->interface->name.text);
		interface->name = $name;
		interface->version = $NUMBER.magnitude;
		interface->version_span = @NUMBER;
		interface->declarations = $body.first;
		interface->procedures = $body.first_procedure;
		interface->n_procedures = $body.n_procedures;
		parser->source->interface = interface;
	}
	| "'interface'" error '{' body closing
	;

closing:
	'}'
	| error '}'
	{
		yyerrok;
	}
	;

body:
	%empty
	{
		memset(&$$, 0, sizeof $$);
	}
	| body docs[words] procedure
	{
		$$ = $1;
		$$.n_procedures++;
		$procedure->doc = $words.first;
		if ($$.procedure_end)
			*$$.procedure_end = $procedure;
		else
			$$.first_procedure = $procedure;
		$$.procedure_end = &$procedure->next;
	}
	| body docs[words] declaration
	{
		$$ = $1;
		if ($declaration) {
			$declaration->doc = $words.first;
			$declaration->in_interface = true;
			APPEND($$, $declaration);
		}
	}
	| body ';'
	| body error ';'
	{
		$$ = $1;
		yyerrok;
	}
	;

declaration:
	const
	| enum
	| struct
	| union
	| typedef
	| exception
	| headless
	{
		$$ = NULL;
	}
	;

/* An error before the brace must not hide what is inside. */
headless:
	"'struct'" error '{' fields closing
	| "'exception'" error '{' fields closing
	| "'union'" error '{' arms closing
	| "'enum'" error '}'
	| "'struct'" error ';'
	| "'exception'" error ';'
	| "'union'" error ';'
	| "'enum'" error ';'
	;

const:
	"'const'" NAME[type] name '=' value ';'
	{
		$$ = declare(parser, IDL_IS_CONST, $name);
		$$->scalar_name = (struct idl_name){$type, @type};
		$$->value = $value;
	}
	| "'const'" "'string'" name '=' value ';'
	{
		$$ = declare(parser, IDL_IS_CONST, $name);
		$$->scalar_name = (struct idl_name){NULL, @2};
		$$->value = $value;
	}
	;

enum:
	"'enum'" name '{' enumerators '}'
	{
		$$ = declare(parser, IDL_IS_ENUM, $name);
		$$->enumerators = $enumerators.first;
	}
	| "'enum'" name '{' enumerators ',' '}'
	{
		$$ = declare(parser, IDL_IS_ENUM, $name);
		$$->enumerators = $enumerators.first;
	}
	| "'enum'" name '{' error '}'
	{
		$$ = declare(parser, IDL_IS_ENUM, $name);
		yyerrok;
	}
	;

enumerators:
	enumerator
	{
		EMPTY($$);
		APPEND($$, $enumerator);
	}
	| enumerators ',' enumerator
	{
		$$ = $1;
		APPEND($$, $enumerator);
	}
	;

enumerator:
	docs name given
	{
		$$ = idl_allocate(parser->file, sizeof *$$);
		$$->doc = $docs.first;
		$$->name = $name;
		$$->given = $given;
	}
	;

/* An explicit number. */
given:
	%empty
	{
		memset(&$$, 0, sizeof $$);
	}
	| '=' value
	{
		$$ = $value;
	}
	;

struct:
	"'struct'" name '{' fields closing
	{
		$$ = declare(parser, IDL_IS_STRUCT, $name);
		$$->fields = $fields.first;
	}
	;

exception:
	"'exception'" name given '{' fields closing
	{
		$$ = declare(parser, IDL_IS_EXCEPTION, $name);
		$$->value = $given;
		$$->fields = $fields.first;
	}
	;

fields:
	%empty
	{
		EMPTY($$);
	}
	| fields docs[words] declarator ';'
	{
		$$ = $1;
		$declarator->doc = $words.first;
		APPEND($$, $declarator);
	}
	| fields error ';'
	{
		$$ = $1;
		yyerrok;
	}
	;

union:
	"'union'" name[itself] "'switch'" '(' type name[tag] ')' '{' arms closing
	{
		$$ = declare(parser, IDL_IS_UNION, $itself);
		$$->discriminant = $type;
		$$->discriminant->name = $tag;
		$$->fields = $arms.first;
	}
	;

arms:
	%empty
	{
		EMPTY($$);
	}
	| arms docs[words] arm ';'
	{
		$$ = $1;
		$arm->doc = $words.first;
		APPEND($$, $arm);
	}
	| arms error ';'
	{
		$$ = $1;
		yyerrok;
	}
	;

arm:
	"'case'" labels ':' declarator
	{
		$$ = $declarator;
		$$->labels = $labels.first;
	}
	| "'case'" labels ':' "'void'"
	{
		$$ = idl_allocate(parser->file, sizeof *$$);
		$$->name.span = @4;
		$$->is_void = true;
		$$->labels = $labels.first;
	}
	| "'default'" ':' declarator
	{
		$$ = $declarator;
		$$->is_default = true;
	}
	| "'default'" ':' "'void'"
	{
		$$ = idl_allocate(parser->file, sizeof *$$);
		$$->name.span = @1;
		$$->is_void = true;
		$$->is_default = true;
	}
	;

labels:
	value
	{
		struct idl_label *label = idl_allocate(parser->file, sizeof *label);

		label->value = $value;
		EMPTY($$);
		APPEND($$, label);
	}
	| labels ',' value
	{
		struct idl_label *label = idl_allocate(parser->file, sizeof *label);

		label->value = $value;
		$$ = $1;
		APPEND($$, label);
	}
	;

typedef:
	"'typedef'" declarator ';'
	{
		$$ = declare(parser, IDL_IS_TYPEDEF, $declarator->name);
		$$->target = $declarator;
	}
	;

declarator:
	type name shape
	{
		$$ = $type;
		$$->name = $name;
		$$->shape = $shape->shape;
		$$->size = $shape->size;
	}
	| "'optional'" type name shape
	{
		$$ = $type;
		$$->name = $name;
		$$->shape = $shape->shape;
		$$->size = $shape->size;
		$$->is_optional = true;
	}
	;

type:
	NAME
	{
		$$ = idl_allocate(parser->file, sizeof *$$);
		$$->type_name = (struct idl_name){$NAME, @NAME};
	}
	| "'string'" '<' size '>'
	{
		$$ = idl_allocate(parser->file, sizeof *$$);
		$$->type_name = (struct idl_name){"string", @1};
		$$->string_max = $size;
	}
	;

shape:
	%empty
	{
		$$ = idl_allocate(parser->file, sizeof *$$);
	}
	| '[' size ']'
	{
		$$ = idl_allocate(parser->file, sizeof *$$);
		$$->shape = IDL_FIXED;
		$$->size = $size;
	}
	| '<' size '>'
	{
		$$ = idl_allocate(parser->file, sizeof *$$);
		$$->shape = IDL_BOUNDED;
		$$->size = $size;
	}
	;

size:
	NUMBER
	| name
	{
		$$ = (struct idl_value){.kind = IDL_NAMED, .text = $name.text, .span = @name};
	}
	;

value:
	size
	| '-' NUMBER
	{
		$$ = $NUMBER;
		$$.negative = true;
		$$.span = @$;
	}
	| REAL_NUMBER
	| '-' REAL_NUMBER
	{
		$$ = $REAL_NUMBER;
		$$.negative = true;
		$$.span = @$;
	}
	| QUOTED
	| "'true'"
	{
		$$ = (struct idl_value){.kind = IDL_TRUTH, .magnitude = 1, .span = @1};
	}
	| "'false'"
	{
		$$ = (struct idl_value){.kind = IDL_TRUTH, .span = @1};
	}
	;

procedure:
	name '(' parameters ')' result manner given ';'
	{
		$$ = idl_allocate(parser->file, sizeof *$$);
		$$->name = $name;
		$$->params = $parameters.first;
		$$->result = $result;
		$$->raises = $manner.first;
		$$->attributes = $manner.attributes;
		$$->given = $given;
	}
	;

parameters:
	%empty
	{
		EMPTY($$);
	}
	| parameter_list
	;

parameter_list:
	parameter
	{
		EMPTY($$);
		APPEND($$, $parameter);
	}
	| parameter_list ',' parameter
	{
		$$ = $1;
		APPEND($$, $parameter);
	}
	;

parameter:
	docs direction inplace declarator
	{
		$$ = $declarator;
		$$->doc = $docs.first;
		$$->direction = $direction;
		$$->is_inplace = $inplace;
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

inplace:
	%empty
	{
		$$ = false;
	}
	| "'inplace'"
	{
		$$ = true;
	}
	;

result:
	%empty
	{
		$$ = NULL;
	}
	| "'->'" type
	{
		$$ = $type;
		$$->direction = IDL_OUT;
	}
	;

/* How a procedure is run, and what it raises. */
manner:
	%empty
	{
		memset(&$$, 0, sizeof $$);
	}
	| manner attribute
	{
		$$ = $1;
		if ($$.attributes & $attribute)
			idl_error(parser->file, @attribute, "'%.*s' has been said already",
				  (int)(@attribute.end - @attribute.begin),
				  idl_written(parser->file, @attribute));
		$$.attributes |= $attribute;
	}
	| manner "'raises'" '(' raise_list ')'
	{
		$$ = $1;
		if ($$.end)
			*$$.end = $raise_list.first;
		else
			$$.first = $raise_list.first;
		$$.end = $raise_list.end;
	}
	;

attribute:
	"'idempotent'"
	{
		$$ = IDL_IDEMPOTENT;
	}
	| "'inline'"
	{
		$$ = IDL_INLINE;
	}
	| "'worker'"
	{
		$$ = IDL_WORKER;
	}
	| "'inplace'"
	{
		$$ = IDL_INPLACE;
	}
	;

raise_list:
	name
	{
		struct idl_raise *raise = idl_allocate(parser->file, sizeof *raise);

		raise->name = $name;
		EMPTY($$);
		APPEND($$, raise);
	}
	| raise_list ',' name
	{
		struct idl_raise *raise = idl_allocate(parser->file, sizeof *raise);

		raise->name = $name;
		$$ = $1;
		APPEND($$, raise);
	}
	;

/* Words with a meaning in certain places; names elsewhere. */
name:
	NAME
	{
		$$ = (struct idl_name){$1, @1};
	}
	| "'version'"
	{
		$$ = (struct idl_name){$1, @1};
	}
	| "'include'"
	{
		$$ = (struct idl_name){$1, @1};
	}
	| "'string'"
	{
		$$ = (struct idl_name){$1, @1};
	}
	| "'optional'"
	{
		$$ = (struct idl_name){$1, @1};
	}
	| "'exception'"
	{
		$$ = (struct idl_name){$1, @1};
	}
	| "'raises'"
	{
		$$ = (struct idl_name){$1, @1};
	}
	| "'idempotent'"
	{
		$$ = (struct idl_name){$1, @1};
	}
	| "'worker'"
	{
		$$ = (struct idl_name){$1, @1};
	}
	| "'inplace'"
	{
		$$ = (struct idl_name){$1, @1};
	}
	;

docs:
	%empty
	{
		EMPTY($$);
	}
	| docs DOC
	{
		struct idl_doc *doc = idl_allocate(parser->file, sizeof *doc);

		doc->text = $DOC;
		doc->span = @DOC;
		$$ = $1;
		APPEND($$, doc);
	}
	;

%%

/* A keyword that may also be a name. */
static bool is_soft(yysymbol_kind_t symbol)
{
	switch (symbol) {
	case YYSYMBOL_VERSION:
	case YYSYMBOL_INCLUDE:
	case YYSYMBOL_STRING_WORD:
	case YYSYMBOL_OPTIONAL_WORD:
	case YYSYMBOL_EXCEPTION:
	case YYSYMBOL_RAISES:
	case YYSYMBOL_IDEMPOTENT_WORD:
	case YYSYMBOL_WORKER_WORD:
	case YYSYMBOL_INPLACE_WORD:
		return true;
	default:
		return false;
	}
}

/* A common word for similar tokens in a list of expected tokens; NULL: the token's own name. */
static const char *family(yysymbol_kind_t symbol)
{
	switch (symbol) {
	case YYSYMBOL_CONST_WORD:
	case YYSYMBOL_ENUM_WORD:
	case YYSYMBOL_STRUCT_WORD:
	case YYSYMBOL_UNION_WORD:
	case YYSYMBOL_TYPEDEF:
	case YYSYMBOL_EXCEPTION:
		return "a declaration";
	case YYSYMBOL_RAISES:
	case YYSYMBOL_IDEMPOTENT_WORD:
	case YYSYMBOL_INLINE_WORD:
	case YYSYMBOL_WORKER_WORD:
	case YYSYMBOL_INPLACE_WORD:
		return "an attribute";
	default:
		return NULL;
	}
}

/* "expected A, B or C, found X": tokens by name, the found text as written. */
static int yyreport_syntax_error(const yypcontext_t *context, void *scanner,
				 struct idl_parser *parser)
{
	enum { EXPECTED_MAX = 40 };
	yysymbol_kind_t expected[EXPECTED_MAX];
	const yysymbol_kind_t token = yypcontext_token(context);
	const struct idl_span *span = yypcontext_location(context);
	const int n_found = yypcontext_expected_tokens(context, expected, EXPECTED_MAX);
	struct idl_text message = {0};
	const char *words[EXPECTED_MAX];
	bool has_name = false;
	bool has_declaration = false;
	int n = 0;

	(void)scanner;
	if (n_found < 0)
		return n_found;
	for (int i = 0; i < n_found; i++) {
		has_name = has_name || expected[i] == YYSYMBOL_NAME;
		has_declaration = has_declaration || expected[i] == YYSYMBOL_CONST_WORD;
	}
	for (int i = 0; i < n_found; i++) {
		const char *word = family(expected[i]);
		bool is_said = false;

		/*
		 * A doc comment is allowed before many things, and an extra semicolon behind them:
		 * listing these each time helps nobody.
		 */
		if (expected[i] == YYSYMBOL_DOC || (has_name && is_soft(expected[i])) ||
		    (has_declaration && !strcmp(yysymbol_name(expected[i]), "';'")))
			continue;
		if (!word)
			word = yysymbol_name(expected[i]);
		for (int j = 0; j < n; j++)
			is_said = is_said || !strcmp(words[j], word);
		if (!is_said)
			words[n++] = word;
	}
	idl_text_printf(&message, "expected ");
	for (int i = 0; i < n; i++) {
		if (i)
			idl_text_printf(&message, i + 1 < n ? ", " : " or ");
		idl_text_printf(&message, "%s", words[i]);
	}
	if (token == YYSYMBOL_YYEMPTY)
		idl_error(parser->file, *span, "%s", message.bytes);
	else if (token == YYSYMBOL_YYEOF || token == YYSYMBOL_DOC)
		idl_error(parser->file, *span, "%s, found %s", message.bytes, yysymbol_name(token));
	else
		idl_error(parser->file, *span, "%s, found '%.*s'", message.bytes,
			  (int)(span->end - span->begin > 64 ? 64 : span->end - span->begin),
			  idl_written(parser->file, *span));
	idl_text_free(&message);
	return 0;
}
