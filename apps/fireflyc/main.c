/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c - fireflyc, the stub compiler: its command line, and the files it reads and writes.
 *
 * Everything is generated in memory first. Each file is then written under another name in the
 * same directory, and renamed when all of them are complete: no failure leaves half a file.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ast.h"

#ifndef FIREFLYC_VERSION
#define FIREFLYC_VERSION "0.1.0"
#endif

const char *argp_program_version = "fireflyc " FIREFLYC_VERSION;

enum {
	OPTION_CLIENT = 0x100,
	OPTION_DEPFILE,
	OPTION_HEADER,
	OPTION_SERVER,
};

struct settings {
	const char *input;
	const char *directory;
	const char *depfile; /* NULL: none */
	bool header;
	bool client;
	bool server;
};

/* A file to be written. */
struct output {
	char *path;
	char *temporary; /* NULL: not written */
	struct idl_text text;
};

#define OUTPUTS_MAX 4

static const struct argp_option options[] = {
	{"header", OPTION_HEADER, NULL, 0, "Write NAME.h", 0},
	{"client", OPTION_CLIENT, NULL, 0, "Write NAME_client.c, the stubs of callers", 0},
	{"server", OPTION_SERVER, NULL, 0, "Write NAME_server.c, the stubs of servers", 0},
	{"output", 'o', "DIR", 0, "Write to this directory instead of the current one", 1},
	{"depfile", OPTION_DEPFILE, "FILE", 0,
	 "Write to FILE, for make or ninja, what the output depends on", 1},
	{NULL, 0, NULL, 0, NULL, 0},
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct settings *settings = state->input;

	switch (key) {
	case OPTION_HEADER:
		settings->header = true;
		return 0;
	case OPTION_CLIENT:
		settings->client = true;
		return 0;
	case OPTION_SERVER:
		settings->server = true;
		return 0;
	case OPTION_DEPFILE:
		settings->depfile = arg;
		return 0;
	case 'o':
		settings->directory = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (settings->input)
			argp_error(state, "one interface file at a time");
		settings->input = arg;
		return 0;
	case ARGP_KEY_END:
		if (!settings->input)
			argp_error(state, "which interface file?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "NAME.fly",
	.doc = "Write the stubs of an interface in C: NAME.h, NAME_client.c and NAME_server.c, or "
	       "only those that are asked for.",
};

static void *must(void *memory)
{
	if (!memory) {
		fputs("fireflyc: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

static int complain(const char *path)
{
	fprintf(stderr, "fireflyc: %s: %s\n", path, strerror(errno));
	return 1;
}

static int read_file(const char *path, struct idl_text *text)
{
	char buffer[16384];
	size_t n;
	FILE *f = fopen(path, "rb");
	int status = 0;

	if (!f)
		return complain(path);
	while ((n = fread(buffer, 1, sizeof buffer, f)) > 0 && text->length <= IDL_FILE_MAX)
		idl_text_append(text, buffer, n);
	if (ferror(f))
		status = complain(path);
	fclose(f);
	return status;
}

/*
 * base_name() - "test" of "dir/test.fly", which becomes part of file names and of #include.
 * Return: to be freed; NULL: not a name for an interface file, and the user knows.
 */
static char *base_name(const char *path)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-+.";
	const char *name = strrchr(path, '/');
	char *base = must(strdup(name ? name + 1 : path));
	const size_t length = strlen(base);

	if (length <= 4 || strcmp(base + length - 4, ".fly") != 0) {
		fprintf(stderr, "fireflyc: %s: the name of an interface file ends in .fly\n", path);
	} else {
		base[length - 4] = '\0';
		if (!base[strspn(base, letters)])
			return base;
		fprintf(stderr,
			"fireflyc: %s: the name of an interface file has only letters, digits and "
			"_-+.\n",
			path);
	}
	free(base);
	return NULL;
}

static struct output *add_output(struct output *outputs, unsigned *n, const char *directory,
				 const char *base, const char *suffix)
{
	struct output *output = &outputs[(*n)++];
	const size_t room = strlen(directory) + strlen(base) + strlen(suffix) + 2;
	const size_t end = strlen(directory);

	output->path = must(malloc(room));
	snprintf(output->path, room, "%s%s%s%s", directory,
		 end && directory[end - 1] != '/' ? "/" : "", base, suffix);
	return output;
}

/* A path as make reads it. */
static void append_make_path(struct idl_text *text, const char *path)
{
	for (; *path; path++) {
		if (*path == ' ' || *path == '#')
			idl_text_append(text, "\\", 1);
		if (*path == '$')
			idl_text_append(text, "$", 1);
		idl_text_append(text, path, 1);
	}
}

static int write_temporary(struct output *output, mode_t mode)
{
	const size_t room = strlen(output->path) + sizeof ".XXXXXX";
	bool is_written;
	FILE *f;
	int fd;

	output->temporary = must(malloc(room));
	snprintf(output->temporary, room, "%s.XXXXXX", output->path);
	fd = mkstemp(output->temporary);
	if (fd < 0) {
		free(output->temporary);
		output->temporary = NULL;
		return complain(output->path);
	}
	f = must(fdopen(fd, "wb"));
	is_written = fwrite(output->text.bytes, 1, output->text.length, f) == output->text.length &&
		     !fflush(f) && !fchmod(fd, mode);
	if (!is_written)
		complain(output->path);
	if (fclose(f) && is_written)
		return complain(output->path);
	return !is_written;
}

/* All or nothing, as far as a file system can: only a rename can still fail after another. */
static int write_outputs(struct output *outputs, unsigned n)
{
	const mode_t mask = umask(0);
	int status = 0;

	umask(mask);
	for (unsigned i = 0; i < n && !status; i++)
		status = write_temporary(&outputs[i], 0666 & ~mask);
	for (unsigned i = 0; i < n && !status; i++) {
		if (rename(outputs[i].temporary, outputs[i].path)) {
			status = complain(outputs[i].path);
			break;
		}
		free(outputs[i].temporary);
		outputs[i].temporary = NULL;
	}
	for (unsigned i = 0; i < n; i++)
		if (outputs[i].temporary)
			unlink(outputs[i].temporary);
	return status;
}

static unsigned generate(const struct settings *settings, const struct idl_file *file,
			 const char *base, struct output *outputs)
{
	unsigned n = 0;

	if (settings->header)
		idl_emit_header(file, base,
				&add_output(outputs, &n, settings->directory, base, ".h")->text);
	if (settings->client)
		idl_emit_client(
			file, base,
			&add_output(outputs, &n, settings->directory, base, "_client.c")->text);
	if (settings->server)
		idl_emit_server(
			file, base,
			&add_output(outputs, &n, settings->directory, base, "_server.c")->text);
	if (settings->depfile) {
		struct output *rule = &outputs[n];

		for (unsigned i = 0; i < n; i++) {
			append_make_path(&rule->text, outputs[i].path);
			idl_text_append(&rule->text, i + 1 < n ? " " : ": ", i + 1 < n ? 1 : 2);
		}
		append_make_path(&rule->text, settings->input);
		idl_text_append(&rule->text, "\n", 1);
		rule->path = must(strdup(settings->depfile));
		n++;
	}
	return n;
}

static int compile(const struct settings *settings, const char *base)
{
	struct output outputs[OUTPUTS_MAX] = {0};
	struct idl_text source = {0};
	struct idl_file *file;
	int status = read_file(settings->input, &source);

	if (status) {
		idl_text_free(&source);
		return status;
	}
	file = idl_compile(settings->input, source.bytes ? source.bytes : "", source.length);
	if (file->n_errors) {
		struct idl_text errors = {0};

		idl_print_errors(file, &errors);
		fwrite(errors.bytes, 1, errors.length, stderr);
		idl_text_free(&errors);
		status = 1;
	} else {
		const unsigned n = generate(settings, file, base, outputs);

		status = write_outputs(outputs, n);
		for (unsigned i = 0; i < n; i++) {
			free(outputs[i].path);
			free(outputs[i].temporary);
			idl_text_free(&outputs[i].text);
		}
	}
	idl_free(file);
	idl_text_free(&source);
	return status;
}

int main(int argc, char **argv)
{
	struct settings settings = {.directory = ""};
	char *base;
	int status;

	argp_err_exit_status = 2;
	if (argp_parse(&argp, argc, argv, 0, NULL, &settings))
		return 2;
	if (!settings.header && !settings.client && !settings.server)
		settings.header = settings.client = settings.server = true;
	base = base_name(settings.input);
	if (!base)
		return 1;
	status = compile(&settings, base);
	free(base);
	return status;
}
