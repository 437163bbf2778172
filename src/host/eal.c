/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal.c - starts EAL on a thread of its own, the control thread, and keeps EAL's log.
 *
 * Called by fly_start() for the first runtime that has packets. rte_eal_init() pins its calling
 * thread, starts helper threads that inherit the signal mask, and works once per process. So the
 * control thread calls it, with all signals blocked, and then undoes the pinning. The thread that
 * called fly_start() stays as it was. Afterwards the control thread watches the ports: @tick,
 * port_watch.c. If the program has initialised EAL, the control thread only watches.
 */
#include "host/eal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_memory.h>

#include <firefly/status.h>

#include "base/descriptors.h"
#include "base/error.h"
#include "base/signals.h"
#include "base/system_clock.h"
#include "host/eal_check.h"
#include "host/limits.h"

#define ARGUMENTS     48
#define OUR_ARGUMENTS 10 /* of them, at most, and the NULL behind them */
#define REHEARSAL_MS  60000

/* All under start_lock. */
static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static bool started;
static bool failed; /* EAL has failed in this process, and cannot be tried again */
static char extra_used[512];
static _Atomic bool was_tried; /* EAL was started here, or lent; a rehearsal does not count */
static pid_t parent;           /* in a child: the process that has EAL; else 0 */
static struct fly_eal_state state;

/* The arguments of the control thread, and its result. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int argc;
	char *argv[ARGUMENTS];
	void (*tick)(void);
	bool rehearses;
	bool is_final; /* if it failed: EAL cannot be tried again */
	char why[320]; /* if it failed */
	int result;    /* 1: not yet; 0; -1: failed */
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
	static FILE *f;

	if (!f)
		f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_write});
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

/* ---- the rehearsal ---- */

/*
 * The rehearsal
 *
 * rte_eal_init() marks at its beginning that it ran. After most failures the mark stays; where it
 * is taken back, the arguments that were read remain in static variables and a second try refuses
 * ours. A wrong option also prints pages of text to stdout; --help ends the process, and a driver
 * or missing descriptor aborts it. So arguments that nobody has checked are tried in a child
 * process first. If the child fails, nothing has happened here, and what it said is in the message.
 *
 * It doubles the time of the start, some 200 ms. That is why a start with our own arguments, whose
 * needs eal_check.c knows, does without.
 */

/* Our end of what the child has said: its last lines, with the verdict behind them. */
#define SUCCEEDED "\nfirefly: it starts\n"

static _Noreturn void rehearse_in_child(int text)
{
	const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(nowhere, STDOUT_FILENO);
	dup2(text, STDERR_FILENO);
	rte_openlog_stream(stderr);
	rte_log_set_global_level(RTE_LOG_ERR);
	rte_log_set_level(RTE_LOGTYPE_EAL, RTE_LOG_ERR);
	if (rte_eal_init(control.argc, control.argv) >= 0)
		(void)!write(text, SUCCEEDED, sizeof SUCCEEDED - 1);
	_exit(0);
}

/* Wait for the end of the child. The program may have reaped it. */
static void wait_for_child(pid_t child)
{
	const uint64_t end_ms = fly_system_clock_ms() + REHEARSAL_MS;
	const struct timespec pause = {.tv_nsec = 1000000};
	pid_t ended;

	while ((ended = waitpid(child, NULL, WNOHANG)) == 0 || (ended < 0 && kill(child, 0) == 0)) {
		if (fly_system_clock_ms() > end_ms)
			kill(child, SIGKILL);
		nanosleep(&pause, NULL);
	}
}

/* Keep the line that says why: getopt's, or else EAL's first, which is the cause of the others. */
static void take_reason(char *text)
{
	char *const option = strstr(text, "firefly: ");
	char *line = option ? option + sizeof "firefly: " - 1 : text;

	line += strspn(line, "\n");
	if (strncmp(line, "EAL: ", 5) == 0)
		line += 5;
	line[strcspn(line, "\n")] = '\0';
	snprintf(control.why, sizeof control.why, "%.256s",
		 *line ? line : "it ended the process that tried it");
}

/* Return: does EAL start with control.argv? If not, control.why says why. */
static bool rehearse(void)
{
	char text[1024] = "";
	const int fd = memfd_create("firefly-rehearsal", MFD_CLOEXEC);
	ssize_t n = 0;
	pid_t child;

	child = fd < 0 ? -1 : fork();
	if (child == 0)
		rehearse_in_child(fd);
	if (child < 0) {
		snprintf(control.why, sizeof control.why, "no process to try its options in: %s",
			 strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	wait_for_child(child);
	n = pread(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	if (strstr(text, SUCCEEDED))
		return true;
	take_reason(text);
	return false;
}

/* ---- the control thread ---- */

/* Return: 0; -1: control.why and control.is_final say more. */
static int initialise(void)
{
	struct fly_descriptors descriptors;
	cpu_set_t before;
	int result;

	if (control.rehearses && !rehearse())
		return -1;
	was_tried = true;
	pthread_getaffinity_np(pthread_self(), sizeof before, &before);
	fly_descriptors_note(&descriptors);
	rte_errno = 0; /* not all failures set it */
	result = rte_eal_init(control.argc, control.argv) < 0 ? -1 : 0;
	if (result) {
		snprintf(control.why, sizeof control.why, "%s%s%s",
			 rte_errno > 0 ? strerror(rte_errno) : "no reason is given",
			 fly_eal_last_log(),
			 "; it cannot be tried again in this process: mend this and start the "
			 "program anew");
		control.is_final = true;
	}
	fly_descriptors_close_on_exec(&descriptors);
	pthread_setaffinity_np(pthread_self(), sizeof before, &before);
	return result;
}

static void *control_main(void *unused)
{
	const struct timespec pause = {.tv_nsec = FLY_CONTROL_TICK_MS * 1000000L};
	int result;

	(void)unused;
	pthread_setname_np(pthread_self(), "fly-control");
	if (state.is_lent)
		was_tried = true;
	result = state.is_lent ? 0 : initialise();
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

/*
 * Start the control thread. Signals are blocked, so EAL's helpers leave them to the program, but
 * for those of faults in memory that a peer shares (base/fault.h).
 */
static int run_control(void)
{
	pthread_t thread;
	sigset_t before;
	int error;

	control.result = 1;
	control.is_final = false;
	fly_signals_block_but_faults(&before);
	error = pthread_create(&thread, NULL, control_main, NULL);
	fly_signals_restore(&before);
	if (error)
		return fly_fail(FLY_ESYSTEM, "DPDK does not start: %s",
				fly_limits_no_thread(error));
	pthread_detach(thread);
	pthread_mutex_lock(&control.lock);
	while (control.result == 1)
		pthread_cond_wait(&control.changed, &control.lock);
	pthread_mutex_unlock(&control.lock);
	return control.result ? fly_fail(FLY_ESYSTEM, "DPDK does not start: %s", control.why) : 0;
}

/* ---- arguments ---- */

/* The text of the arguments: EAL reorders the pointers in argv. */
static char argument_text[2048];
static size_t argument_text_bytes;

/* Return: false: it is one too many. */
static bool add_argument(const char *argument)
{
	const size_t bytes = strlen(argument) + 1;

	if (control.argc == ARGUMENTS - 1 || argument_text_bytes + bytes > sizeof argument_text)
		return false;
	control.argv[control.argc++] = memcpy(argument_text + argument_text_bytes, argument, bytes);
	argument_text_bytes += bytes;
	return true;
}

/* Return: 0, or a negative status with a sentence. */
static int build_arguments(const char *extra, const struct fly_eal_plan *plan)
{
	char words[sizeof extra_used];
	char text[24];
	char *rest = NULL;

	control.argc = 0; /* an earlier start may have failed */
	argument_text_bytes = 0;
	snprintf(text, sizeof text, "--lcores=0@%u", plan->cpu);
	add_argument("firefly");
	add_argument(text);
	add_argument("--file-prefix=firefly"); /* no files are left under it */
	add_argument("--no-telemetry");
	add_argument("-a"); /* no PCI device but those that links name */
	add_argument("ffff:ff:1f.7");
	if (plan->is_huge) {
		add_argument("--in-memory");
		add_argument("--single-file-segments"); /* vhost-user shares at most 8 regions */
	} else {
		if (!plan->says_no_huge)
			add_argument("--no-huge");
		add_argument("--no-shconf");
		if (!plan->mb) {
			snprintf(text, sizeof text, "-m%d", FLY_EAL_ORDINARY_MB);
			add_argument(text);
		}
	}
	snprintf(words, sizeof words, "%s", extra ? extra : "");
	for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		if (!add_argument(w))
			return fly_fail(FLY_EINVAL, "--eal: more words than the %d that fit",
					ARGUMENTS - OUR_ARGUMENTS);
	return 0;
}

/* ---- a program that has initialised EAL ---- */

/* EAL measures the TSC when it starts, and not before. */
static bool is_initialised(void)
{
	return rte_get_tsc_hz() != 0;
}

static int take_page_size(const struct rte_memseg_list *list, void *page_bytes)
{
	if (!list->external)
		*(size_t *)page_bytes = list->page_sz;
	return 0;
}

static int borrow(const char *extra)
{
	size_t page_bytes = 0;

	if (extra && *extra)
		return fly_fail(FLY_ECONFLICT,
				"--eal \"%s\": this program has initialised DPDK itself, and its "
				"own options stay; leave these out",
				extra);
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return fly_fail(FLY_ECONFLICT,
				"this program has initialised DPDK as a secondary process, which "
				"cannot open links; make it the primary one");
	rte_memseg_list_walk(take_page_size, &page_bytes);
	state.is_lent = true;
	state.hugepage_bytes = rte_eal_has_hugepages() ? page_bytes : 0;
	state.why_no_huge = rte_eal_has_hugepages()
				    ? NULL
				    : "no hugepages: this program has initialised DPDK without";
	return 0;
}

/* ---- starting ---- */

static int start(const char *extra, size_t need_bytes)
{
	struct fly_eal_plan plan;
	int status = fly_eal_plan(extra, need_bytes, &plan);

	if (status)
		return status;
	keep_log();
	status = build_arguments(extra, &plan);
	if (status)
		return status;
	control.rehearses = plan.says_more;
	state.hugepage_bytes = plan.is_huge ? FLY_EAL_HUGE_BYTES : 0;
	state.why_no_huge = plan.why_no_huge;
	status = run_control();
	failed = status && control.is_final;
	return status;
}

int fly_eal_start(const char *extra, size_t need_bytes, void (*tick)(void))
{
	int status = 0;

	pthread_mutex_lock(&start_lock);
	if (!started)
		control.tick = tick;
	if (parent)
		status = fly_fail(
			FLY_EFORKED,
			"fly_start: DPDK was started in process %d, which forked this one, and "
			"cannot be started again here; a program that forks starts links "
			"other than local: in the child only, or executes itself",
			(int)parent);
	else if (started && (!extra || !*extra || strcmp(extra, extra_used) == 0))
		status = 0;
	else if (started && !state.is_lent)
		status = fly_fail(FLY_ECONFLICT,
				  "--eal \"%s\": this process runs with \"%s\" already, and DPDK "
				  "can be initialised only once",
				  extra, extra_used);
	else if (extra && strlen(extra) >= sizeof extra_used)
		status = fly_fail(FLY_EINVAL, "--eal: more than %zu characters",
				  sizeof extra_used - 1);
	else if (failed)
		status = fly_fail(FLY_ESYSTEM, "DPDK has not started before: %s", control.why);
	else if (is_initialised() && (status = borrow(extra)) == 0)
		status = run_control();
	else if (!status)
		status = start(extra, need_bytes);
	if (!status && !started) {
		snprintf(extra_used, sizeof extra_used, "%s", extra ? extra : "");
		started = true;
	}
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
