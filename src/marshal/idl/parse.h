/* SPDX-License-Identifier: BSD-3-Clause */
/* idl/parse.h - what lexer.l and grammar.y share. Only they and parse.c include it. */
#ifndef FIREFLY_IDL_PARSE_H
#define FIREFLY_IDL_PARSE_H

#include "ast.h"

/* One run of the parser over one file. */
struct idl_parser {
	struct idl_file *file;
	struct idl_source *source;
	struct idl_declaration **declarations_end; /* end of the list in source; NULL: empty */
	uint32_t offset;                           /* of the next byte to read */
	uint32_t comment_begin;                    /* of the comment being read */
};

/* In lexer.l: a scanner over a copy of the file's text. NULL: out of memory. */
void *idl_scanner_new(const struct idl_source *source);
void idl_scanner_free(void *scanner);

#endif
