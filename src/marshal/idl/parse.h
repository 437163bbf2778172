/* SPDX-License-Identifier: BSD-3-Clause */
/* parse.h - what the lexer and the grammar share; nobody else includes it. */
#ifndef FIREFLY_IDL_PARSE_H
#define FIREFLY_IDL_PARSE_H

#include "ast.h"

/* One run of the parser over one file. */
struct idl_parser {
	struct idl_file *file;
	struct idl_source *source;
	struct idl_declaration **declarations_end; /* of the list in source; NULL: it is empty */
	uint32_t offset;                           /* place of the next byte to be read */
	uint32_t comment_begin;                    /* of the comment that is being read */
};

/* In lexer.l: a scanner over the text of the file, which it copies. NULL: out of memory. */
void *idl_scanner_new(const struct idl_source *source);
void idl_scanner_free(void *scanner);

#endif
