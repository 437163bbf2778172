/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * campaign.c - `sim`: many runs of world.h, one per seed, and a table of their results.
 *
 * The first failure ends the campaign: it prints the seed, the reason, and the command that shows
 * the run. With N jobs there are N processes, each of which runs every N-th seed. They write their
 * results into memory shared with the first process.
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "sim.h"
#include "world.h"

#define JOBS_MAX    64
#define PROGRESS_MS 5000

struct options {
	uint64_t first_seed;
	uint64_t last_seed;
	uint32_t calls;
	const struct mix *mix; /* NULL: chosen by the seed */
	double seconds;        /* 0: no limit */
	unsigned jobs;
	bool trace;
	bool digests;
	bool progress;
	enum sabotage sabotage;
	const char *json;
};

/*
 * The results of a job. Only the job writes them. The first process reads them after the job has
 * ended; it may read `seeds` and `calls` at any time.
 */
struct job {
	_Atomic uint64_t seeds;
	_Atomic uint64_t calls;
	struct tally tallies[MIXES];
	uint64_t failed_seed;
	unsigned failed_mix;
	char failure[400];
};

/* ---- the command line ---- */

enum {
	KEY_SEEDS = 256,
	KEY_CALLS,
	KEY_TRACE,
	KEY_JSON,
	KEY_DIGESTS,
	KEY_PROGRESS,
	KEY_COUNT,
	KEY_SABOTAGE,
};

static const struct argp_option argp_options[] = {
	{"seed", 's', "N", 0, "This seed alone", 0},
	{"seeds", KEY_SEEDS, "FROM-TO", 0, "These seeds (default: from 1 on)", 0},
	{"count", KEY_COUNT, "N", 0, "So many seeds (default: 1 without --seconds)", 0},
	{"seconds", 't', "S", 0, "Begin no more seeds after so long", 0},
	{"calls", KEY_CALLS, "N", 0, "Calls of a run (default 600)", 0},
	{"mix", 'm', "NAME", 0, "Faults: see below (default: by the seed)", 0},
	{"jobs", 'j', "N", 0, "Processes (default 1)", 0},
	{"trace", KEY_TRACE, NULL, 0, "Print what happens, a line for each event", 0},
	{"digests", KEY_DIGESTS, NULL, 0,
	 "Print a number for each seed that stands for all that happened", 0},
	{"json", KEY_JSON, "FILE", 0, "Write the table as JSON; to stdout, and no table, with -",
	 0},
	{"sabotage", KEY_SABOTAGE, "HOW", 0,
	 "Do what no runtime does, and see it found: forget records early, change a retained "
	 "result, or lose a packet (forget, result, packet)",
	 0},
	{"progress", KEY_PROGRESS, NULL, 0, "Say every few seconds how far it is", 0},
	{0},
};

static const char *const sabotages[] = {
	[SABOTAGE_NONE] = "",
	[SABOTAGE_FORGET] = "forget",
	[SABOTAGE_RESULT] = "result",
	[SABOTAGE_PACKET] = "packet",
};

static uint64_t number(struct argp_state *state, const char *what, const char *text, char **end,
		       uint64_t min, uint64_t max)
{
	char *behind;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &behind, 10);
	if (errno || behind == text || *text == '-' || (!end && *behind) || value < min ||
	    value > max)
		argp_error(state, "%s: a number from %ju to %ju is needed, not '%s'", what,
			   (uintmax_t)min, (uintmax_t)max, text);
	if (end)
		*end = behind;
	return value;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *o = state->input;
	char *end;

	switch (key) {
	case 's':
		o->first_seed = o->last_seed = number(state, "--seed", text, NULL, 0, UINT64_MAX);
		return 0;
	case KEY_SEEDS:
		o->first_seed = number(state, "--seeds", text, &end, 0, UINT64_MAX);
		if (*end != '-')
			argp_error(state, "--seeds: FROM-TO is needed, not '%s'", text);
		o->last_seed = number(state, "--seeds", end + 1, NULL, o->first_seed, UINT64_MAX);
		return 0;
	case KEY_COUNT:
		o->last_seed =
			o->first_seed + number(state, "--count", text, NULL, 1, 1ULL << 40) - 1;
		return 0;
	case 't':
		o->seconds = (double)number(state, "--seconds", text, NULL, 1, 10000000);
		return 0;
	case KEY_CALLS:
		o->calls = (uint32_t)number(state, "--calls", text, NULL, 1, CALLS_MAX);
		return 0;
	case 'm':
		o->mix = mix_find(text);
		if (!o->mix)
			argp_error(state, "--mix: there is no '%s'", text);
		return 0;
	case 'j':
		o->jobs = (unsigned)number(state, "--jobs", text, NULL, 1, JOBS_MAX);
		return 0;
	case KEY_TRACE:
		o->trace = true;
		return 0;
	case KEY_DIGESTS:
		o->digests = true;
		return 0;
	case KEY_PROGRESS:
		o->progress = true;
		return 0;
	case KEY_JSON:
		o->json = text;
		return 0;
	case KEY_SABOTAGE:
		for (unsigned i = 1; i < RTE_DIM(sabotages); i++) {
			if (strcmp(text, sabotages[i]) == 0)
				o->sabotage = i;
		}
		if (!o->sabotage)
			argp_error(state, "--sabotage: forget, result or packet, not '%s'", text);
		return 0;
	case ARGP_KEY_END:
		if (o->last_seed == 0)
			o->last_seed = o->seconds > 0 ? UINT64_MAX - JOBS_MAX : o->first_seed;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = argp_options,
	.parser = parse,
	.doc = "Run calls between simulated processes over simulated links, with faults, and hold "
	       "what happened against what the protocol promises."
	       "\vFaults: clean, loss, burst, duplicate, reorder, corrupt, partition, pause, "
	       "crash, "
	       "limits, long (procedures), idle (callers), cancel, unbind; some: any of them, by "
	       "the seed; "
	       "all. With procedures on worker threads: workers; withdrawn (calls that are "
	       "cancelled or too late); stopped (servers that end in order); threads: any fault, "
	       "by the seed. Over the local link: local; lost (processes that end or stand still); "
	       "machine: any fault, by the seed, with workers, too.\n\n"
	       "  sim --seeds 1-2000\n"
	       "  sim --seconds 60 --jobs 2 --mix crash\n"
	       "  sim --seed 7 --trace        what happened in that run\n",
};

/* ---- runs ---- */

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void add(struct tally *into, const struct tally *from)
{
	into->seeds += from->seeds;
	into->calls += from->calls;
	into->returned += from->returned;
	into->raised += from->raised;
	into->not_executed += from->not_executed;
	into->maybe += from->maybe;
	into->gone += from->gone;
	into->frames += from->frames;
	into->lost += from->lost;
	into->resends += from->resends;
	into->faults += from->faults;
	into->failures += from->failures;
	into->virtual_ms += from->virtual_ms;
}

/* Run the seeds of one job. Return: did all hold? */
static bool run_job(const struct options *o, struct job *job, unsigned which)
{
	const double end_s = now_s() + o->seconds;
	struct world *w;
	cpu_set_t cpus;

	/* EAL pins its thread: restore the mask. */
	sched_getaffinity(0, sizeof cpus, &cpus);
	sim_eal();
	sched_setaffinity(0, sizeof cpus, &cpus);
	w = world_new();
	w->sabotage = o->sabotage;
	for (uint64_t seed = o->first_seed + which; seed <= o->last_seed; seed += o->jobs) {
		const struct mix *mix = o->mix ? o->mix : &mixes[seed % MIXES];
		const bool is_right = world_run(w, seed, mix, o->calls, o->trace);

		add(&job->tallies[mix - mixes], &w->tally);
		job->seeds++;
		job->calls += w->tally.calls;
		if (o->digests)
			printf("%ju %s %016jx\n", (uintmax_t)seed, mix->name, (uintmax_t)w->digest);
		if (!is_right) {
			job->failed_seed = seed;
			job->failed_mix = (unsigned)(mix - mixes);
			memcpy(job->failure, w->failure, sizeof job->failure);
			return false;
		}
		if (o->seconds > 0 && now_s() >= end_s)
			break;
	}
	return true;
}

static void progress(const struct options *o, const struct job *jobs, double began_s)
{
	uint64_t seeds = 0;
	uint64_t calls = 0;

	for (unsigned i = 0; i < o->jobs; i++) {
		seeds += jobs[i].seeds;
		calls += jobs[i].calls;
	}
	printf("%6.0f s: %ju seeds, %.2f million calls\n", now_s() - began_s, (uintmax_t)seeds,
	       (double)calls / 1e6);
	fflush(stdout);
}

/* Return: did all hold? If one job fails, the others are ended. */
static bool run_jobs(const struct options *o, struct job *jobs)
{
	const double began_s = now_s();
	pid_t pids[JOBS_MAX];
	unsigned running = o->jobs;
	unsigned waited_ms = 0;
	bool is_right = true;

	fflush(stdout);
	for (unsigned i = 0; i < o->jobs; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			err(2, "fork");
		if (pids[i] == 0) {
			const bool held = run_job(o, &jobs[i], i);

			fflush(stdout);
			_exit(held ? 0 : 1);
		}
	}
	while (running) {
		usleep(20000);
		waited_ms += 20;
		if (o->progress && waited_ms % PROGRESS_MS == 0)
			progress(o, jobs, began_s);
		for (unsigned i = 0; i < o->jobs; i++) {
			int status;

			if (pids[i] == 0 || waitpid(pids[i], &status, WNOHANG) != pids[i])
				continue;
			pids[i] = 0;
			running--;
			if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
				continue;
			if (is_right && !jobs[i].failure[0])
				snprintf(jobs[i].failure, sizeof jobs[i].failure,
					 "the process ended with status %x, some seeds after %ju "
					 "runs of job %u",
					 (unsigned)status, (uintmax_t)jobs[i].seeds, i);
			is_right = false;
			for (unsigned j = 0; j < o->jobs; j++) {
				if (pids[j])
					kill(pids[j], SIGTERM);
			}
		}
	}
	return is_right;
}

/* ---- what it came to ---- */

static const struct {
	const char *title;
	size_t offset;
} columns[] = {
	{"seeds", offsetof(struct tally, seeds)},
	{"calls", offsetof(struct tally, calls)},
	{"returned", offsetof(struct tally, returned)},
	{"raised", offsetof(struct tally, raised)},
	{"not exec.", offsetof(struct tally, not_executed)},
	{"maybe", offsetof(struct tally, maybe)},
	{"gone", offsetof(struct tally, gone)},
	{"packets", offsetof(struct tally, frames)},
	{"lost", offsetof(struct tally, lost)},
	{"resends", offsetof(struct tally, resends)},
	{"faults", offsetof(struct tally, faults)},
	{"failures", offsetof(struct tally, failures)},
};

static uint64_t cell(const struct tally *t, unsigned column)
{
	return *(const uint64_t *)(const void *)((const char *)t + columns[column].offset);
}

static void print_row(const char *name, const struct tally *t)
{
	printf("%-10s", name);
	for (unsigned i = 0; i < RTE_DIM(columns); i++)
		printf(" %10ju", (uintmax_t)cell(t, i));
	putchar('\n');
}

static void print_table(const struct tally *tallies, const struct tally *sum, double took_s)
{
	printf("%-10s", "mix");
	for (unsigned i = 0; i < RTE_DIM(columns); i++)
		printf(" %10s", columns[i].title);
	putchar('\n');
	for (unsigned i = 0; i < MIXES; i++) {
		if (tallies[i].seeds)
			print_row(mixes[i].name, &tallies[i]);
	}
	print_row("together", sum);
	printf("%.1f s, %.0f calls/s, %.1f h of virtual time\n", took_s,
	       (double)sum->calls / took_s, (double)sum->virtual_ms / 3.6e6);
}

static struct json_object *json_row(const struct tally *t)
{
	struct json_object *row = json_object_new_object();

	for (unsigned i = 0; i < RTE_DIM(columns); i++)
		json_object_object_add(row, columns[i].title, json_object_new_uint64(cell(t, i)));
	return row;
}

static void write_json(const char *file, const struct tally *tallies, const struct tally *sum,
		       double took_s)
{
	struct json_object *all = json_object_new_object();
	struct json_object *rows = json_object_new_object();

	for (unsigned i = 0; i < MIXES; i++) {
		if (tallies[i].seeds)
			json_object_object_add(rows, mixes[i].name, json_row(&tallies[i]));
	}
	json_object_object_add(all, "mixes", rows);
	json_object_object_add(all, "together", json_row(sum));
	json_object_object_add(all, "seconds", json_object_new_double(took_s));
	if (strcmp(file, "-") == 0)
		puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY));
	else if (json_object_to_file_ext(file, all, JSON_C_TO_STRING_PRETTY))
		errx(2, "%s: %s", file, json_util_get_last_err());
	json_object_put(all);
}

static void print_failure(const struct options *o, const struct job *job)
{
	printf("FAILED: seed %ju, mix %s: %s\n", (uintmax_t)job->failed_seed,
	       mixes[job->failed_mix].name, job->failure);
	printf("what happened: sim --seed %ju --mix %s --calls %u%s%s --trace\n",
	       (uintmax_t)job->failed_seed, mixes[job->failed_mix].name, o->calls,
	       o->sabotage ? " --sabotage " : "", sabotages[o->sabotage]);
}

int main(int argc, char **argv)
{
	struct options o = {.first_seed = 1, .calls = 600, .jobs = 1};
	struct tally tallies[MIXES] = {0};
	struct tally sum = {0};
	struct job *jobs;
	bool is_right;
	double began_s;
	double took_s;

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	jobs = mmap(NULL, o.jobs * sizeof *jobs, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	if (jobs == MAP_FAILED)
		err(2, "mmap");
	began_s = now_s();
	is_right = o.jobs == 1 && !o.progress ? run_job(&o, &jobs[0], 0) : run_jobs(&o, jobs);
	took_s = now_s() - began_s;
	for (unsigned i = 0; i < o.jobs; i++) {
		for (unsigned j = 0; j < MIXES; j++) {
			add(&tallies[j], &jobs[i].tallies[j]);
			add(&sum, &jobs[i].tallies[j]);
		}
	}
	if (o.json)
		write_json(o.json, tallies, &sum, took_s);
	if (!o.trace && (!o.json || strcmp(o.json, "-") != 0))
		print_table(tallies, &sum, took_s);
	for (unsigned i = 0; i < o.jobs; i++) {
		if (jobs[i].failure[0])
			print_failure(&o, &jobs[i]);
	}
	return is_right ? 0 : 1;
}
