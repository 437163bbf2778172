/* SPDX-License-Identifier: BSD-3-Clause */
/* idl/parse.c - runs Bison's parser over the text of a file; fills its struct idl_source. */
#include "parse.h"
#include "grammar.h"

void idl_parse(struct idl_file *file, struct idl_source *source)
{
	struct idl_parser parser = {.file = file, .source = source, .offset = source->base};
	void *scanner = idl_scanner_new(source);

	if (!scanner) {
		idl_error(file, (struct idl_span){source->base, source->base}, "out of memory");
		return;
	}
	/* The return value is not needed: each failure has called idl_error(). */
	(void)idl_yyparse(scanner, &parser);
	idl_scanner_free(scanner);
}
