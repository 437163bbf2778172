/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trial.c - what a program may do with the library that its authors do not expect, by name.
 *
 * trial NAME LINK [NUMBER]. Each trial says on standard error what it saw, in lines that
 * tests/e2e/trials.py compares with what must hold, and ends with 0 if nothing in it went wrong.
 * With MOVES in the environment `rebind` goes to another directory when it has started.
 * Nothing is ever written to standard output. A trial that hangs is ended by SIGALRM.
 */
#include <dlfcn.h>
#include <errno.h>
#include <firefly/firefly.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "trial.h"

#define AT_MOST_S 60

static const char *links[2];
static struct fly_options options = {.size = sizeof options, .links = links};
static struct fly_runtime *runtime;
static struct fly_binding *binding;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void say(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	fprintf(stderr, "%s\n", line); /* in one piece: a child says something, too */
}

static int start(void)
{
	if (fly_start(&options, &runtime) || Trial_import(runtime, NULL, &binding)) {
		say("start: %s", fly_error());
		return 1;
	}
	return 0;
}

static int stop(void)
{
	const int status = fly_stop(runtime);

	say("stopped %d%s%s", status, status ? ": " : "", status ? fly_error() : "");
	return status != 0;
}

/* "STATUS (OUTCOME) after N ms" */
static void say_ended(const char *what, int status, double since_ms)
{
	say("%s: %s (%s) after %.0f ms", what, status ? fly_status_name(status) : "returned",
	    fly_outcome_name(fly_outcome(status)), now_ms() - since_ms);
}

/* Ping for a second. */
static int go_on(const char *who)
{
	const double end = now_ms() + 1000;
	unsigned long calls = 0, wrong = 0, failed = 0;

	while (now_ms() < end) {
		uint32_t answer = 0;
		const uint32_t n = (uint32_t)getpid() + (uint32_t)calls++;

		if (Trial_Ping(binding, n, &answer))
			failed++;
		else if (answer != n + 1)
			wrong++;
	}
	say("%s: %s, %lu wrong, %lu failed", who, calls ? "calls" : "no call", wrong, failed);
	return wrong != 0 || failed != 0;
}

static int wait_for(pid_t child)
{
	int how;

	if (waitpid(child, &how, 0) != child)
		return 1;
	if (WIFSIGNALED(how))
		say("child: died of signal %d", WTERMSIG(how));
	return how != 0;
}

/* ---- fork() --------------------------------------------------------------------------------- */

static int fork_call(int number)
{
	pid_t child;
	int status;

	options.pollers = (unsigned)number;
	options.wait = FLY_WAIT_SLEEP;
	if (start() || go_on("before"))
		return 1;
	child = fork();
	if (child == 0) {
		const double began = now_ms();
		uint32_t answer;

		alarm(AT_MOST_S / 2);
		status = Trial_Ping(binding, 7, &answer);
		say_ended("child", status, began);
		_exit(0);
	}
	status = go_on("parent");
	status |= wait_for(child);
	return stop() | status;
}

static int fork_stop(int number)
{
	pid_t child;
	int status;

	options.pollers = (unsigned)number;
	options.wait = FLY_WAIT_SLEEP;
	if (start())
		return 1;
	child = fork();
	if (child == 0) {
		alarm(AT_MOST_S / 2);
		fly_stop(runtime);
		say("child: fly_stop() has returned");
		_exit(0);
	}
	status = wait_for(child);
	status |= go_on("parent");
	return stop() | status;
}

/* A runtime has run; then parent and child each start one. */
static int fork_start(int number)
{
	pid_t child;
	int status;

	(void)number;
	if (start() || stop())
		return 1;
	child = fork();
	if (child == 0) {
		alarm(AT_MOST_S / 2);
		if (start())
			_exit(0); /* refused, in words */
		status = go_on("child");
		_exit(stop() | status);
	}
	if (start())
		return 1;
	status = go_on("parent");
	status |= wait_for(child);
	return stop() | status;
}

/* ---- starting ------------------------------------------------------------------------------- */

/* With EAL options that cannot be, and then without. */
static int twice(int number)
{
	static const char *const bad[] = {"--nonsense", "-m 99999999"};

	options.eal = bad[number % 2];
	if (fly_start(&options, &runtime) == 0)
		fly_stop(runtime);
	else
		say("refused: %s", fly_error());
	options.eal = NULL;
	if (start())
		return 1;
	return go_on("again") | stop();
}

/* With so many descriptors, and then with plenty. */
static int few_descriptors(int number)
{
	struct rlimit plenty, few;

	getrlimit(RLIMIT_NOFILE, &plenty);
	few = plenty;
	few.rlim_cur = 3 + (rlim_t)number;
	setrlimit(RLIMIT_NOFILE, &few);
	if (fly_start(&options, &runtime) == 0)
		fly_stop(runtime);
	else
		say("refused: %s", fly_error());
	setrlimit(RLIMIT_NOFILE, &plenty);
	if (start())
		return 1;
	return go_on("again") | stop();
}

static void *all_of_it(void *failed)
{
	*(int *)failed = start() || go_on("thread") || stop();
	return NULL;
}

static int small_stack(int number)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int failed = 1;

	pthread_attr_init(&attributes);
	if (pthread_attr_setstacksize(&attributes, (size_t)number << 10) ||
	    pthread_create(&thread, &attributes, all_of_it, &failed))
		return 2;
	pthread_join(thread, NULL);
	return failed;
}

/* Does anything of DPDK run? */
static int without_dpdk(int number)
{
	char line[512];
	FILE *maps;

	(void)number;
	if (start() || go_on("calls"))
		return 1;
	maps = fopen("/proc/self/maps", "r");
	while (maps && fgets(line, sizeof line, maps))
		if (strstr(line, "rtemap"))
			say("memory of DPDK: %s", line);
	if (maps)
		fclose(maps);
	if (system("cat /proc/$PPID/task/*/comm | grep -E '^(rte|eal)' >&2") == 0)
		say("threads of DPDK");
	return stop();
}

/* A plugin uses the library and is unloaded. NUMBER is not used; PLUGIN says which. */
static int plugin(int number)
{
	void *handle = dlopen(getenv("PLUGIN"), RTLD_NOW | RTLD_LOCAL);
	int (*run)(const char *link);

	(void)number;
	if (!handle) {
		say("dlopen: %s", dlerror());
		return 1;
	}
	*(void **)&run = dlsym(handle, "plugin_run");
	say("plugin: %d", run(links[0]));
	dlclose(handle);
	sleep(1); /* in which a thread of it would run, if there were one */
	say("unloaded");
	return 0;
}

/* ---- threads -------------------------------------------------------------------------------- */

static void *stop_elsewhere(void *unused)
{
	const double began = now_ms();

	(void)unused;
	if (fly_stop(runtime))
		say("refused: %s", fly_error());
	say("thread: %s", now_ms() - began < 5000 ? "at once" : "late");
	return NULL;
}

static int stopped_by_another(int number)
{
	pthread_t thread;
	int failed;

	(void)number;
	if (start() || pthread_create(&thread, NULL, stop_elsewhere, NULL))
		return 1;
	failed = go_on("owner");
	pthread_join(thread, NULL);
	return stop() | failed;
}

static void *bind_and_end(void *unused)
{
	uint32_t answer;

	(void)unused;
	if (Trial_import(runtime, NULL, &binding) || Trial_Ping(binding, 1, &answer))
		say("thread: %s", fly_error());
	return NULL;
}

static int thread_ended(int number)
{
	pthread_t thread;

	(void)number;
	options.pollers = 1;
	options.wait = FLY_WAIT_SLEEP;
	if (fly_start(&options, &runtime) || pthread_create(&thread, NULL, bind_and_end, NULL))
		return 1;
	pthread_join(thread, NULL);
	return stop();
}

/* ---- a server that says nothing ------------------------------------------------------------- */

/* One line on standard input, then one call. */
static void wait_for_line(void)
{
	char line[8];

	say("bound");
	while (!fgets(line, sizeof line, stdin) && errno == EINTR)
		;
}

static int silence(int number)
{
	uint32_t answer;
	double began;
	int status;

	options.call_timeout_ms = (unsigned)number;
	if (start())
		return 1;
	wait_for_line();
	began = now_ms();
	status = Trial_Ping(binding, 1, &answer);
	say_ended("ping", status, began);
	fly_stop(runtime);
	say("stopped");
	return 0;
}

static int long_call_after_line(int number)
{
	static uint8_t data[300000], back[8388608];
	uint32_t back_count;
	double began;
	int status;

	if (start())
		return 1;
	wait_for_line();
	began = now_ms();
	status = Trial_Carry(binding, data, (uint32_t)number, 1, back, &back_count);
	say_ended("long call", status, began);
	return stop();
}

static int slept(int number)
{
	const double began = now_ms();
	uint32_t ms;
	int status;

	if (start())
		return 1;
	say("bound");
	status = Trial_Sleep(binding, (uint32_t)number, &ms);
	say_ended("sleep", status, began);
	return stop();
}

/* A deadline of 200 ms, seen through the descriptor for event loops. */
static int event(int number)
{
	struct fly_call *call;
	struct pollfd p = {.events = POLLIN};
	uint32_t ms;
	double began;
	int status;

	options.pollers = 1;
	options.wait = FLY_WAIT_SLEEP;
	if (start())
		return 1;
	p.fd = fly_event_fd(binding);
	fly_set_deadline(binding, 200000);
	began = now_ms();
	if (Trial_Sleep_start(binding, (uint32_t)number, &call))
		return 1;
	while (!fly_ready(call) && now_ms() - began < 20000) {
		uint64_t woken;

		if (poll(&p, 1, 20000) == 1 && read(p.fd, &woken, sizeof woken) < 0)
			break;
	}
	say("woken %s", now_ms() - began < (double)number / 2 ? "in time" : "late");
	status = Trial_Sleep_finish(call, &ms);
	say_ended("sleep", status, began);
	fly_unbind(binding);
	return stop();
}

/* The loop that every program has. */
static void bind_again(struct fly_binding *to)
{
	const double began = now_ms();
	uint32_t answer;

	while (fly_rebind(to) && now_ms() - began < 20000)
		usleep(20000);
	say("rebound: %s", Trial_Ping(to, 1, &answer) == 0 ? "calls" : fly_error());
}

static int rebind(int number)
{
	(void)number;
	options.call_timeout_ms = 1000;
	if (start() || (getenv("MOVES") && chdir("/")))
		return 1;
	wait_for_line();
	bind_again(binding);
	return stop();
}

/*
 * Two runtimes. While the server of the first is stopped, that of the second, OTHER in the
 * environment, is replaced, and a third runtime comes and goes.
 */
static int neighbours(int number)
{
	const char *other[] = {getenv("OTHER"), NULL};
	struct fly_runtime *second;
	struct fly_runtime *third;
	struct fly_binding *to;

	(void)number;
	options.call_timeout_ms = 1000;
	if (start())
		return 1;
	options.links = other;
	if (fly_start(&options, &second) || Trial_import(second, NULL, &to)) {
		say("second: %s", fly_error());
		return 1;
	}
	wait_for_line();
	bind_again(to);
	say("third: %s",
	    fly_start(&options, &third) || fly_stop(third) ? fly_error() : "came and went");
	return fly_stop(second) | stop();
}

/* ---- the rest ------------------------------------------------------------------------------- */

static int deed(int number)
{
	const double began = now_ms();
	int status;

	if (start())
		return 1;
	fly_set_deadline(binding, 300000);
	status = Trial_Do(binding, (enum Trial_Deed)number);
	say_ended("deed", status, began);
	fly_stop(runtime);
	return 0;
}

static int pings(int number)
{
	(void)number;
	if (start())
		return 1;
	return go_on("ping") | stop();
}

static int increased(int number)
{
	uint8_t block[16];
	int status;

	(void)number;
	if (start())
		return 1;
	for (unsigned n = 0; n < 100; n++) {
		memset(block, (int)n, sizeof block);
		status = Trial_Increase(binding, block);
		if (status) {
			say("increase: %s", fly_status_name(status));
			return 1;
		}
		for (unsigned i = 0; i < sizeof block; i++) {
			if (block[i] != n + 1) {
				say("byte %u: %u instead of %u", i, block[i], n + 1);
				return 1;
			}
		}
	}
	say("increased");
	return stop();
}

static const struct {
	const char *name;
	int (*run)(int number);
} trials[] = {
	{"fork_call", fork_call},
	{"fork_stop", fork_stop},
	{"fork_start", fork_start},
	{"twice", twice},
	{"few_descriptors", few_descriptors},
	{"small_stack", small_stack},
	{"without_dpdk", without_dpdk},
	{"plugin", plugin},
	{"stopped_by_another", stopped_by_another},
	{"thread_ended", thread_ended},
	{"silence", silence},
	{"long_call_after_line", long_call_after_line},
	{"slept", slept},
	{"event", event},
	{"rebind", rebind},
	{"neighbours", neighbours},
	{"deed", deed},
	{"pings", pings},
	{"increased", increased},
};

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	links[0] = argv[2];
	alarm(AT_MOST_S);
	for (size_t i = 0; i < sizeof trials / sizeof *trials; i++)
		if (!strcmp(trials[i].name, argv[1]))
			return trials[i].run(argc > 3 ? atoi(argv[3]) : 0);
	return 2;
}
