/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * run.c - a word of `firefly bench` from start to end.
 *
 * Owns the list of words, and the rounds of the one that runs. What differs between words is in
 * their files.
 */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/stage/far_end.h"
#include "firefly/commands.h"

struct input {
	const struct run_word *word;
	struct rounds *rounds;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	const struct input *input = state->input;
	const struct run_word *word = input->word;
	error_t known = ARGP_ERR_UNKNOWN;

	if (key == ARGP_KEY_INIT) {
		if (!word->has_no_stage)
			state->child_inputs[0] = &input->rounds->stage;
		return 0;
	}
	if (word->option)
		known = word->option(input->rounds, key, text);
	if (key == ARGP_KEY_ARG && known == ARGP_ERR_UNKNOWN)
		cli_refuse(word->name, "'%s' is not expected%s", text, word->unexpected);
	return known;
}

static void parse_all(const struct run_word *word, struct rounds *r, int argc, char **argv)
{
	static const struct argp_child children[] = {{&stage_argp, 0, NULL, 0}, {0}};
	const struct argp argp = {
		.options = word->options,
		.children = word->has_no_stage ? NULL : children,
		.parser = parse,
		.args_doc = word->args_doc,
		.doc = word->doc,
	};
	struct input input = {word, r};

	argp_parse(&argp, argc, argv, 0, NULL, &input);
}

static int report(const struct run_word *word, const struct rounds *r)
{
	const char *json = r->stage.options.json, *failed = NULL;

	if (!json || strcmp(json, "-") != 0)
		table_print(&word->table, r);
	if (json && table_write(&word->table, r, json))
		failed = json;
	else if (word->also)
		failed = word->also(r);
	if (!failed)
		return 0;
	cli_complain(word->name, "%s cannot be written: %s", failed, strerror(errno));
	return CLI_FAILED;
}

static int stop(const struct run_word *word, struct rounds *r)
{
	return word->stop ? word->stop(r) : stage_close(&r->stage);
}

/* One phase, with the server as it has to be. @is_measured: is set once there are figures. */
static int measure(const struct run_word *word, struct rounds *r, double seconds, bool *is_measured)
{
	int failed, status;

	status = word->start ? 0 : Test_import(r->stage.runtime, NULL, &r->test);
	if (!status && word->open)
		status = word->open(r);
	if (status && !r->stage.trouble) {
		cli_complain(word->name, "%s", cli_reason(status));
		return CLI_FAILED;
	}
	*is_measured = true;
	if (!status)
		rounds_run(r, seconds);
	failed = word->close ? word->close(r) : 0;
	return stage_complain(&r->stage) ? CLI_FAILED : failed;
}

/* All phases. A server process is started for each. */
static int measure_all(const struct run_word *word, struct rounds *r)
{
	const double seconds = r->stage.options.seconds;
	bool is_open = false, is_measured = false;
	int failed = 0;

	for (unsigned p = 0; p == 0 || (p < word->n_phases && !failed && !stage_stop_wanted); p++) {
		const double part = word->phase ? word->phase(r, p) : 1;

		if (part <= 0)
			continue;
		if (is_open)
			failed = stop(word, r);
		is_open = true;
		r->phase = p;
		failed = failed || (word->start ? word->start(r) : stage_open(&r->stage)) ||
			 measure(word, r, part * seconds, &is_measured);
	}
	if (is_measured && report(word, r))
		failed = CLI_FAILED;
	if (is_open && stop(word, r))
		failed = CLI_FAILED;
	return failed ? CLI_FAILED : 0;
}

static int run(const struct run_word *word, int argc, char **argv)
{
	static struct rounds rounds;
	int failed;

	stage_init(&rounds.stage, word->name);
	rounds.method = &word->method;
	if (word->block_s > 0)
		rounds.stage.options.block_s = word->block_s;
	rounds.stage.options.may_be_local = word->may_be_local;
	rounds.stage.options.may_be_udp = word->may_be_udp;
	parse_all(word, &rounds, argc, argv);
	failed = word->has_no_stage ? stage_choose_none(&rounds.stage)
				    : stage_choose_cores(&rounds.stage);
	if (!failed) {
		word->prepare(&rounds);
		if (rounds.stage.options.seconds <= 0)
			rounds.stage.options.seconds = word->seconds;
		failed = measure_all(word, &rounds);
	}
	rounds_free(&rounds);
	return failed;
}

/* The first word of the command line may name another measurement. */
static const struct {
	const char *first;
	const struct run_word *word; /* NULL: marshal, which needs no processes */
} words[] = {
	{"beside", &run_beside},
	{"bulk", &run_bulk},
	{"conversations", &run_conversations},
	{"handoff", &run_handoff},
	{"local", &run_local},
	{"--local", &run_local},
	{"marshal", NULL},
	{"processors", &run_processors},
};

int bench_main(int argc, char **argv)
{
	static char name[64]; /* what argp calls the program */

	for (size_t i = 0; argc > 1 && i < sizeof words / sizeof *words; i++) {
		if (strcmp(argv[1], words[i].first) != 0)
			continue;
		snprintf(name, sizeof name, "firefly %s",
			 words[i].word ? words[i].word->name : "bench marshal");
		argv[1] = name;
		return words[i].word ? run(words[i].word, argc - 1, argv + 1)
				     : bench_marshal_main(argc - 1, argv + 1);
	}
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--threads", 9) == 0)
			return run(&run_threads, argc, argv);
		if (strcmp(argv[i], "--server") == 0)
			return far_end_main(argc, argv);
		if (strcmp(argv[i], "--to") == 0 || strncmp(argv[i], "--to=", 5) == 0)
			return run(&run_between, argc, argv);
	}
	return run(&run_calls, argc, argv);
}
