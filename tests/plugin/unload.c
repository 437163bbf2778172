/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * unload.c - a program that knows nothing of Firefly loads a plugin that uses it, and unloads it.
 * Usage: unload PLUGIN [stays]
 *
 * The library's threads and its handler of SIGBUS go on. They must find their code, and must not
 * need the plugin: it is gone from the process, unless it contains the library ("stays").
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../patience.h"

#define MUST(condition)                                                        \
	do {                                                                   \
		if (!(condition)) {                                            \
			printf("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                               \
		}                                                              \
	} while (0)

static void run_plugin(const char *path)
{
	void *const plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	int (*run)(void);

	if (!plugin)
		printf("%s\n", dlerror());
	MUST(plugin);
	run = (int (*)(void))(uintptr_t)dlsym(plugin, "plugin_run");
	MUST(run && run() == 0);
	MUST(dlclose(plugin) == 0);
}

static bool is_mapped(const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	char line[4352];
	bool is_there = false;
	FILE *f = fopen("/proc/self/maps", "r");

	MUST(f);
	while (fgets(line, sizeof line, f))
		is_there |= strstr(line, name) != NULL;
	fclose(f);
	return is_there;
}

/* How often the control thread has slept: once a tick. */
static unsigned long ticks(void)
{
	unsigned long n = 0;
	FILE *f = popen(
		"cat $(grep -l fly-control /proc/$PPID/task/*/comm | sed 's/comm$/status/') | "
		"sed -n 's/^voluntary_ctxt_switches:[[:space:]]*//p'",
		"r");

	MUST(f && fscanf(f, "%lu", &n) == 1);
	pclose(f);
	return n;
}

/* The control thread goes on: it runs the library's code at each tick. */
static void wait_for_ticks(void)
{
	const unsigned long end = ticks() + 5;

	for (unsigned i = 0; i < 100 * patience(2) && ticks() < end; i++)
		usleep(10000);
	MUST(ticks() >= end);
}

/* In a child: memory that is not there. The library's handler is asked, and it is not its memory.
 */
static void expect_sigbus(void)
{
	const int fd = memfd_create("hole", 0);
	const pid_t child = fork();
	int status;

	if (child == 0) {
		volatile char *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

		_exit(*at);
	}
	close(fd);
	MUST(waitpid(child, &status, 0) == child);
	if (IS_UNDER_ASAN) /* which handles it, and exits */
		MUST(WIFEXITED(status) && WEXITSTATUS(status) != 0);
	else
		MUST(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

int main(int argc, char **argv)
{
	MUST(argc >= 2);
	for (unsigned round = 0; round < 2; round++) {
		run_plugin(argv[1]);
		MUST(is_mapped(argv[1]) == (argc > 2));
		wait_for_ticks();
		expect_sigbus();
	}
	return 0;
}
