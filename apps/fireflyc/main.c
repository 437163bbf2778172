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
	OPTION_CHECK_AGAINST = 0x100,
	OPTION_CLIENT,
	OPTION_DEPFILE,
	OPTION_HEADER,
	OPTION_SERVER,
	OPTION_SKELETON,
};

/* Directories given by -I. */
#define DIRECTORIES_MAX 64

struct settings {
	const char *input;
	const char *directory;
	const char *depfile; /* NULL: none */
	const char *old;     /* an interface file to compare with; NULL: none */
	const char *directories[DIRECTORIES_MAX];
	unsigned n_directories;
	bool header;
	bool client;
	bool server;
	bool skeleton;
};

/* A file that was read. Never read twice: how to find it is not how to know it. */
struct loaded {
	char *path;
	dev_t device;
	ino_t inode;
	struct idl_text text;
	struct loaded *next;
};

struct loading {
	const struct settings *settings;
	struct loaded *files;
};

/* A file to be written. */
struct output {
	char *path;
	char *temporary; /* NULL: not written */
	struct idl_text text;
};

#define OUTPUTS_MAX 5

static const struct argp_option options[] = {
	{"header", OPTION_HEADER, NULL, 0, "Write NAME.h", 0},
	{"client", OPTION_CLIENT, NULL, 0, "Write NAME_client.c, the stubs of callers", 0},
	{"server", OPTION_SERVER, NULL, 0, "Write NAME_server.c, the stubs of servers", 0},
	{"skeleton", OPTION_SKELETON, NULL, 0,
	 "Write NAME_skeleton.c, a server to begin with; not if it exists", 0},
	{"check-against", OPTION_CHECK_AGAINST, "OLD.fly", 0,
	 "Write nothing by itself; tell what keeps programs built from OLD.fly and from NAME.fly "
	 "from talking with each other",
	 1},
	{"include", 'I', "DIR", 0, "Look for included files there too", 1},
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
	case OPTION_SKELETON:
		settings->skeleton = true;
		return 0;
	case OPTION_CHECK_AGAINST:
		settings->old = arg;
		return 0;
	case 'I':
		if (settings->n_directories == DIRECTORIES_MAX)
			argp_error(state, "more than %d directories", DIRECTORIES_MAX);
		settings->directories[settings->n_directories++] = arg;
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

/* Return: the file, read now or earlier; NULL with errno. */
static const struct loaded *load_file(struct loading *loading, const char *path)
{
	struct loaded **end = &loading->files;
	struct loaded *loaded;
	char buffer[16384];
	struct stat st;
	size_t n;
	FILE *f = fopen(path, "rb");
	int error = 0;

	if (!f)
		return NULL;
	if (fstat(fileno(f), &st)) {
		fclose(f);
		return NULL;
	}
	for (; *end; end = &(*end)->next) {
		if ((*end)->device == st.st_dev && (*end)->inode == st.st_ino) {
			fclose(f);
			return *end;
		}
	}
	loaded = must(calloc(1, sizeof *loaded));
	loaded->path = must(strdup(path));
	loaded->device = st.st_dev;
	loaded->inode = st.st_ino;
	while ((n = fread(buffer, 1, sizeof buffer, f)) > 0 && loaded->text.length <= IDL_FILE_MAX)
		idl_text_append(&loaded->text, buffer, n);
	if (ferror(f))
		error = errno;
	fclose(f);
	if (error) {
		free(loaded->path);
		idl_text_free(&loaded->text);
		free(loaded);
		errno = error;
		return NULL;
	}
	*end = loaded;
	return loaded;
}

static void unload(struct loading *loading)
{
	while (loading->files) {
		struct loaded *loaded = loading->files;

		loading->files = loaded->next;
		free(loaded->path);
		idl_text_free(&loaded->text);
		free(loaded);
	}
}

static const struct loaded *load_from(struct loading *loading, const char *directory, size_t length,
				      const char *name)
{
	const struct loaded *loaded;
	struct idl_text path = {0};

	if (name[0] == '/')
		length = 0;
	idl_text_append(&path, directory, length);
	if (length && directory[length - 1] != '/')
		idl_text_append(&path, "/", 1);
	idl_text_append(&path, name, strlen(name));
	loaded = load_file(loading, path.bytes);
	idl_text_free(&path);
	return loaded;
}

/* An included file: beside the one that includes it, or in a directory of -I. */
static const char *load(void *context, const char *from, const char *name, const char **path,
			size_t *length)
{
	struct loading *loading = context;
	const struct settings *settings = loading->settings;
	const char *slash = strrchr(from, '/');
	const struct loaded *loaded =
		load_from(loading, from, slash ? (size_t)(slash - from) + 1 : 0, name);

	for (unsigned i = 0; !loaded && errno == ENOENT && i < settings->n_directories; i++)
		loaded = load_from(loading, settings->directories[i],
				   strlen(settings->directories[i]), name);
	if (!loaded)
		return NULL;
	*path = loaded->path;
	*length = loaded->text.length;
	return loaded->text.bytes ? loaded->text.bytes : "";
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

/* make's rule for what was written, and an empty one for what was included: it may go away. */
static void append_rule(struct idl_text *text, const struct output *outputs, unsigned n,
			const struct loading *loading)
{
	for (unsigned i = 0; i < n; i++) {
		append_make_path(text, outputs[i].path);
		idl_text_append(text, i + 1 < n ? " " : ":", 1);
	}
	for (const struct loaded *f = loading->files; f; f = f->next) {
		idl_text_append(text, " ", 1);
		append_make_path(text, f->path);
	}
	idl_text_append(text, "\n", 1);
	for (const struct loaded *f = loading->files; f; f = f->next) {
		if (f == loading->files)
			continue;
		append_make_path(text, f->path);
		idl_text_append(text, ":\n", 2);
	}
}

static unsigned generate(const struct settings *settings, const struct idl_file *file,
			 const struct loading *loading, const char *base, struct output *outputs)
{
	const struct {
		bool is_wanted;
		const char *suffix;
		void (*emit)(const struct idl_file *, const char *, struct idl_text *);
	} files[] = {
		{settings->header, ".h", idl_emit_header},
		{settings->client, "_client.c", idl_emit_client},
		{settings->server, "_server.c", idl_emit_server},
		{settings->skeleton, "_skeleton.c", idl_emit_skeleton},
	};
	unsigned n = 0;

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (files[i].is_wanted)
			files[i].emit(file, base,
				      &add_output(outputs, &n, settings->directory, base,
						  files[i].suffix)
					       ->text);
	if (settings->depfile && n) {
		append_rule(&outputs[n].text, outputs, n, loading);
		outputs[n++].path = must(strdup(settings->depfile));
	}
	return n;
}

static int report(const struct idl_file *file)
{
	struct idl_text errors = {0};

	idl_print_errors(file, &errors);
	fwrite(errors.bytes, 1, errors.length, stderr);
	idl_text_free(&errors);
	return 1;
}

/* Return: NULL: it could not be read, and the user knows. */
static struct idl_file *compile(struct loading *loading, const char *path)
{
	const struct idl_loader loader = {load, loading};
	const struct loaded *loaded = load_file(loading, path);

	if (!loaded) {
		complain(path);
		return NULL;
	}
	return idl_compile(path, loaded->text.bytes ? loaded->text.bytes : "", loaded->text.length,
			   &loader);
}

/* Return: 0: old and new programs can talk with each other. */
static int compare(const struct settings *settings, struct idl_file *file)
{
	struct loading loading = {.settings = settings};
	struct idl_file *old = compile(&loading, settings->old);
	int status = 1;

	if (old && old->n_errors) {
		report(old);
	} else if (old) {
		idl_compare(file, old);
		if (file->n_errors)
			report(file);
		else
			status = 0;
	}
	if (!status)
		printf("programs built from %s and from %s can talk with each other\n",
		       settings->old, settings->input);
	if (old)
		idl_free(old);
	unload(&loading);
	return status;
}

/* A file that somebody may have worked on is not overwritten. */
static int check_skeleton(const struct settings *settings, const char *base)
{
	struct output output = {0};
	unsigned n = 0;
	int status = 0;

	if (!settings->skeleton)
		return 0;
	add_output(&output, &n, settings->directory, base, "_skeleton.c");
	if (!access(output.path, F_OK)) {
		fprintf(stderr,
			"fireflyc: %s exists, and may have been edited: move it away first\n",
			output.path);
		status = 1;
	}
	free(output.path);
	return status;
}

static int run(const struct settings *given, const char *base)
{
	struct settings settings = *given;
	struct loading loading = {.settings = &settings};
	struct output outputs[OUTPUTS_MAX] = {0};
	struct idl_file *file = compile(&loading, settings.input);
	int status = 1;

	if (!file) {
		unload(&loading);
		return 1;
	}
	if (file->n_errors) {
		report(file);
	} else if (settings.old && compare(&settings, file)) {
		/* it has been said */
	} else if (!file->interface && (given->client || given->server || given->skeleton)) {
		fprintf(stderr, "fireflyc: %s: there is no interface in it, and so only a header\n",
			settings.input);
	} else if (!check_skeleton(&settings, base)) {
		unsigned n;

		if (!settings.old && !settings.header && !settings.client && !settings.server &&
		    !settings.skeleton) {
			settings.header = true;
			settings.client = settings.server = file->interface;
		}
		n = generate(&settings, file, &loading, base, outputs);
		status = write_outputs(outputs, n);
		for (unsigned i = 0; i < n; i++) {
			free(outputs[i].path);
			free(outputs[i].temporary);
			idl_text_free(&outputs[i].text);
		}
	}
	idl_free(file);
	unload(&loading);
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
	base = base_name(settings.input);
	if (!base)
		return 1;
	status = run(&settings, base);
	free(base);
	return status;
}
