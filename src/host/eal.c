/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal.c - starts EAL on a thread of its own, the control thread, and keeps EAL's log.
 *
 * Called by fly_start(). rte_eal_init() pins its calling thread, starts helper threads that
 * inherit the signal mask, and works once per process. So the control thread calls it, with all
 * signals blocked, and then undoes the pinning. The thread that called fly_start() stays as it
 * was. Afterwards the control thread watches the ports: @tick, port_watch.c.
 */
#include "host/eal.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include <firefly/status.h>

#include "base/error.h"
#include "base/signals.h"

#define ORDINARY_MB   512 /* memory of the process without hugepages; mapped when touched */
#define SMALLEST_HUGE (2UL << 20)
#define ARGUMENTS     48

static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static bool started;           /* under start_lock */
static _Atomic bool was_tried; /* rte_eal_init() was called in this process */
static pid_t parent;           /* in a child: the process that has DPDK; else 0 */
static char extra_used[512];   /* under start_lock */
static struct fly_eal_state state;

/* The arguments of the control thread, and its result. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int argc;
	char *argv[ARGUMENTS];
	void (*tick)(void);
	int result; /* 1: not yet; else of rte_eal_init(): 0 or -rte_errno */
} control = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .result = 1};

/* ---- DPDK's log: not printed; its last line is appended to our error messages ---- */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_line[256]; /* under log_lock */

static ssize_t log_write(void *cookie, const char *text, size_t bytes)
{
	const size_t keep = bytes < sizeof log_line - 1 ? bytes : sizeof log_line - 1;

	(void)cookie;
	if (getenv("FIREFLY_DPDK_LOG"))
		fwrite(text, 1, bytes, stderr);
	pthread_mutex_lock(&log_lock);
	memcpy(log_line, text, keep);
	log_line[keep] = '\0';
	log_line[strcspn(log_line, "\n")] = '\0';
	pthread_mutex_unlock(&log_lock);
	return (ssize_t)bytes;
}

static void keep_log(void)
{
	FILE *f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_write});

	if (f) {
		setvbuf(f, NULL, _IOLBF, BUFSIZ);
		rte_openlog_stream(f);
	}
}

const char *fly_eal_last_log(void)
{
	static _Thread_local char copy[sizeof log_line + 8];

	pthread_mutex_lock(&log_lock);
	snprintf(copy, sizeof copy, "%s%s%s", log_line[0] ? " (" : "", log_line,
		 log_line[0] ? ")" : "");
	pthread_mutex_unlock(&log_lock);
	return copy;
}

void fly_eal_forget_log(void)
{
	pthread_mutex_lock(&log_lock);
	log_line[0] = '\0';
	pthread_mutex_unlock(&log_lock);
}

/* ---- the control thread ---- */

static void *control_main(void *unused)
{
	const struct timespec pause = {.tv_nsec = FLY_CONTROL_TICK_MS * 1000000L};
	cpu_set_t before;
	int result;

	(void)unused;
	pthread_setname_np(pthread_self(), "fly-control");
	pthread_getaffinity_np(pthread_self(), sizeof before, &before);
	result = rte_eal_init(control.argc, control.argv) < 0 ? -rte_errno : 0;
	pthread_setaffinity_np(pthread_self(), sizeof before, &before);

	pthread_mutex_lock(&control.lock);
	control.result = result;
	pthread_cond_signal(&control.changed);
	pthread_mutex_unlock(&control.lock);
	if (result)
		return NULL;
	for (;;) {
		nanosleep(&pause, NULL);
		control.tick();
	}
	return NULL;
}

/* Start the control thread. All signals are blocked, so EAL's helpers leave them to the program. */
static int run_control(void)
{
	pthread_t thread;
	sigset_t before;
	int error;

	was_tried = true;
	fly_signals_block(&before);
	error = pthread_create(&thread, NULL, control_main, NULL);
	fly_signals_restore(&before);
	if (error)
		return -error;
	pthread_detach(thread);
	pthread_mutex_lock(&control.lock);
	while (control.result == 1)
		pthread_cond_wait(&control.changed, &control.lock);
	pthread_mutex_unlock(&control.lock);
	return control.result;
}

/* ---- arguments ---- */

/* The text of the arguments: EAL reorders the pointers in argv. */
static char argument_text[2048];
static size_t argument_text_bytes;

static void add_argument(const char *argument)
{
	const size_t bytes = strlen(argument) + 1;

	if (control.argc == ARGUMENTS - 1 || argument_text_bytes + bytes > sizeof argument_text)
		return;
	control.argv[control.argc++] = memcpy(argument_text + argument_text_bytes, argument, bytes);
	argument_text_bytes += bytes;
}

/* Free hugepages of 2 MiB, in bytes. */
static size_t free_hugepages(void)
{
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	unsigned long pages = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%lu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * SMALLEST_HUGE;
}

static int first_cpu(void)
{
	cpu_set_t set;

	if (pthread_getaffinity_np(pthread_self(), sizeof set, &set) == 0) {
		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
			if (CPU_ISSET(cpu, &set))
				return cpu;
		}
	}
	return 0;
}

static void build_arguments(const char *extra, size_t need_bytes)
{
	char words[sizeof extra_used];
	char lcore[24];
	char *rest = NULL;
	bool huge = free_hugepages() >= need_bytes && !(extra && strstr(extra, "--no-huge"));

	control.argc = 0; /* an earlier start may have failed */
	control.result = 1;
	argument_text_bytes = 0;
	snprintf(lcore, sizeof lcore, "--lcores=0@%d", first_cpu());
	add_argument("firefly");
	add_argument(lcore);
	add_argument("--file-prefix=firefly"); /* no files are left under it */
	add_argument("--no-telemetry");
	add_argument("-a"); /* no PCI device but those that links name */
	add_argument("ffff:ff:1f.7");
	if (huge) {
		add_argument("--in-memory");
		add_argument("--single-file-segments"); /* vhost-user shares at most 8 regions */
	} else {
		char mb[16];

		if (!(extra && strstr(extra, "--no-huge")))
			add_argument("--no-huge");
		add_argument("--no-shconf");
		if (!(extra && strstr(extra, "-m "))) {
			snprintf(mb, sizeof mb, "-m%d", ORDINARY_MB);
			add_argument(mb);
		}
	}
	snprintf(words, sizeof words, "%s", extra ? extra : "");
	for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		add_argument(w);
	state.hugepage_bytes = huge ? SMALLEST_HUGE : 0;
	state.why_no_huge =
		huge ? NULL
		     : "no hugepages: running on ordinary pages, which is slower; as root, "
		       "'echo 512 > /proc/sys/vm/nr_hugepages' reserves some";
}

int fly_eal_start(const char *extra, size_t need_bytes, void (*tick)(void))
{
	int status = 0;

	pthread_mutex_lock(&start_lock);
	if (parent) {
		status = fly_fail(FLY_EFORKED,
				  "fly_start: DPDK runs in process %d, which forked this one, and "
				  "cannot be started again here; a program that forks starts links "
				  "other than local: in the child only, or executes itself",
				  (int)parent);
		goto out;
	}
	if (started) {
		if (extra && *extra && strcmp(extra, extra_used) != 0)
			status = fly_fail(FLY_ECONFLICT,
					  "--eal \"%s\": this process runs with \"%s\" already, "
					  "and DPDK can be "
					  "initialised only once",
					  extra, extra_used);
		goto out;
	}
	if (extra && strlen(extra) >= sizeof extra_used) {
		status = fly_fail(FLY_EINVAL, "--eal: more than %zu characters",
				  sizeof extra_used - 1);
		goto out;
	}
	keep_log();
	build_arguments(extra, need_bytes);
	control.tick = tick;
	status = run_control();
	if (status) {
		status = fly_fail(FLY_ESYSTEM, "DPDK does not start: %s%s", strerror(-status),
				  fly_eal_last_log());
		goto out;
	}
	snprintf(extra_used, sizeof extra_used, "%s", extra ? extra : "");
	started = true;
out:
	pthread_mutex_unlock(&start_lock);
	return status;
}

/* The child has one thread: nobody holds these locks, whatever their copies say. */
void fly_eal_forked(pid_t forked_by)
{
	pthread_mutex_init(&start_lock, NULL);
	pthread_mutex_init(&control.lock, NULL);
	pthread_mutex_init(&log_lock, NULL);
	if (was_tried && !parent)
		parent = forked_by;
}

const struct fly_eal_state *fly_eal_state(void)
{
	return &state;
}
