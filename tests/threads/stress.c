/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stress.c - stress [--seconds N] [--seed N]: everything that threads and processes can do to each
 * other, at random and at once. Is what callers are told about their calls true?
 *
 * A server, over vhost and the local link, has pollers and workers. Clients of both links have
 * threads that come and go, call in every way, cancel, set deadlines, bind again, and unbind with
 * calls in flight. Meanwhile the first process ends, kills or stops one of the processes now and
 * then, and starts it again. Shared memory holds how often each call ran, and what its caller was
 * told. Not part of each test run: it takes as long as it is told to.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tally.h"
#include "threads.h"

#define NUMBERS (1ull << 28)
#define THREADS 4
#define ENDS_S  60 /* a process that does not end in this time hangs */

static const char *directory;
static struct tally *tally;
static uint64_t random_state;

/* ---- a server, a client ---- */

static _Atomic bool is_over;

static void wait_for_the_end(void)
{
	sigset_t signals;
	int number;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigwait(&signals, &number);
	atomic_store(&is_over, true);
}

static struct fly_runtime *start(const char *const *links, unsigned pollers)
{
	const enum fly_wait waits[] = {FLY_WAIT_YIELD, FLY_WAIT_SLEEP};
	const struct fly_options options = {
		.size = sizeof options,
		.links = links,
		.packets = 8191,
		.calls = 512,
		.call_timeout_ms = 1000,
		.probe_most_ms = 300,
		.probes = 4,
		.eal = "--no-huge -m 256",
		.pollers = pollers,
		.wait = waits[threads_random(&random_state, 2)],
	};
	struct fly_runtime *runtime;
	int status;

	/* A process that was killed may not be gone yet. */
	for (unsigned tries = 0; (status = fly_start(&options, &runtime)) != 0; tries++) {
		threads_must(tries < 20, "%s: %s", links[0], fly_error());
		usleep(500000);
	}
	return runtime;
}

static int serve(void)
{
	char vhost[128];
	char local[128];
	const char *const links[] = {vhost, local, NULL};
	const struct fly_export_options options = {
		.size = sizeof options,
		.workers = 1 + threads_random(&random_state, 5),
		.queue = 1 + threads_random(&random_state, 16),
		.wait = (enum fly_wait)(FLY_WAIT_YIELD + threads_random(&random_state, 2)),
		.a_stacks = 1 + threads_random(&random_state, 32),
	};
	struct fly_runtime *runtime;

	snprintf(vhost, sizeof vhost, "vhost:%s/v,server,clients=2", directory);
	snprintf(local, sizeof local, "local:%s/l,server", directory);
	runtime = start(links, 1 + threads_random(&random_state, 2));
	threads_must(Tally_export_with(runtime, &tally_procedures, tally, &options) == 0, "%s",
		     fly_error());
	wait_for_the_end();
	if (threads_random(&random_state, 2))
		fly_shutdown(runtime);
	threads_stop(runtime);
	return threads_failed();
}

static struct fly_runtime *client;
static struct fly_binding *_Atomic own;

static void pause_ms(unsigned ms)
{
	usleep(ms * 1000);
}

static struct fly_binding *bind(uint64_t *random)
{
	struct fly_binding *binding = NULL;

	if (threads_random(random, 2)) {
		if (fly_attach(atomic_load(&own), &binding))
			return NULL;
	} else if (Tally_import(client, NULL, &binding)) {
		return NULL;
	}
	return binding;
}

static void *call(void *argument)
{
	struct tally_caller c = {
		.tally = tally,
		.random = threads_random_init((unsigned)(uintptr_t)argument),
		.pages = 15,
		.longs = 3,
		.block_us = 10000,
		.stop = &is_over,
	};

	while (!atomic_load(&is_over)) {
		unsigned again = threads_random(&c.random, 5);

		c.binding = bind(&c.random);
		if (!c.binding) {
			pause_ms(20);
			continue;
		}
		c.cancels = threads_random(&c.random, 3) ? 0 : threads_random(&c.random, 30);
		c.blocks = threads_random(&c.random, 3) ? 0 : threads_random(&c.random, 30);
		fly_set_wait(c.binding, (enum fly_wait)threads_random(&c.random, 4));
		fly_set_deadline(c.binding, threads_random(&c.random, 4)
						    ? 0
						    : 1 + threads_random(&c.random, 20000));
		do {
			const unsigned n = 1 + threads_random(&c.random, 2000);
			const unsigned window = threads_random(&c.random, 2) ? 16 : 1;

			tally_call(&c, n, window, !again && threads_random(&c.random, 3) == 0);
			if (again && (c.gave_up || threads_random(&c.random, 10) == 0))
				fly_rebind(c.binding);
		} while (again-- && !atomic_load(&is_over));
		fly_unbind(c.binding);
		if (threads_random(&c.random, 4) == 0)
			pause_ms(threads_random(&c.random, 50));
	}
	return NULL;
}

/* Each thread lives for a short time; then another replaces it. */
static void *call_for_others(void *argument)
{
	const unsigned place = (unsigned)(uintptr_t)argument;

	for (unsigned i = 0; !atomic_load(&is_over); i++)
		call((void *)(uintptr_t)(place + i * THREADS));
	return NULL;
}

/* Keep the binding that threads attach to bound to a running server. */
static void *look_after_own(void *unused)
{
	struct fly_binding *binding = atomic_load(&own);
	uint64_t result;

	(void)unused;
	while (!atomic_load(&is_over)) {
		const uint64_t number = atomic_fetch_add(&tally->next, 1);

		if (Tally_Small(binding, number, &result))
			fly_rebind(binding);
		pause_ms(100);
	}
	fly_unbind(binding);
	return NULL;
}

static void *import_own(void *unused)
{
	struct fly_binding *binding = NULL;

	(void)unused;
	while (Tally_import(client, NULL, &binding) && !atomic_load(&is_over))
		pause_ms(50);
	if (!binding)
		return NULL;
	atomic_store(&own, binding);
	return look_after_own(NULL);
}

static int be_client(const char *kind)
{
	char link[128];
	const char *const links[] = {link, NULL};
	pthread_t threads[THREADS];
	pthread_t keeper;

	snprintf(link, sizeof link,
		 strcmp(kind, "local") == 0 ? "local:%s/l,wait=20" : "vhost:%s/v,wait=20",
		 directory);
	client = start(links, 1 + threads_random(&random_state, 2));
	pthread_create(&keeper, NULL, import_own, NULL);
	while (!atomic_load(&own))
		pause_ms(10);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, call_for_others, (void *)(uintptr_t)i);
	wait_for_the_end();
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_join(keeper, NULL);
	threads_stop(client);
	return threads_failed();
}

/* ---- the first process ---- */

static struct child {
	const char *role;
	pid_t pid;
	unsigned lives;
} children[] = {
	{.role = "server"}, {.role = "vhost"}, {.role = "vhost"},
	{.role = "local"},  {.role = "local"},
};

#define CHILDREN (sizeof children / sizeof *children)

static unsigned n_started;
static unsigned n_ended;
static unsigned n_killed;
static unsigned n_halted;
static char *self;

static void begin_life(struct child *child)
{
	char seed[16];

	snprintf(seed, sizeof seed, "%u", 1 + threads_random(&random_state, 1u << 30));
	child->lives++;
	n_started++;
	fflush(NULL);
	child->pid = fork();
	threads_must(child->pid >= 0, "fork");
	if (child->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(self, self, child->role, directory, "--seed", seed, (char *)NULL);
		_exit(127);
	}
}

static uint64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

/* End a process. @number: the signal. */
static void end_life(struct child *child, int number)
{
	const uint64_t began = now_s();
	int status = 0;

	kill(child->pid, number);
	while (waitpid(child->pid, &status, WNOHANG) == 0) {
		if (now_s() > began + ENDS_S) {
			char command[160];

			snprintf(command, sizeof command,
				 "gdb -p %d -batch -ex 'thread apply all bt 12' >&2 2>/dev/null",
				 (int)child->pid);
			fprintf(stderr, "%s, process %d, hangs:\n", child->role, (int)child->pid);
			(void)!system(command);
			threads_check(false, "a %s does not end", child->role);
			kill(child->pid, SIGKILL);
			waitpid(child->pid, &status, 0);
			return;
		}
		usleep(10000);
	}
	if (number == SIGTERM)
		threads_check(WIFEXITED(status) && WEXITSTATUS(status) == 0,
			      "a %s ends with status %x", child->role, (unsigned)status);
}

/* No process may end without being told to. */
static void look_after_children(void)
{
	int status;

	for (unsigned i = 0; i < CHILDREN; i++) {
		if (waitpid(children[i].pid, &status, WNOHANG) != children[i].pid)
			continue;
		threads_check(false, "a %s has ended by itself, with status %x", children[i].role,
			      (unsigned)status);
		begin_life(&children[i]);
	}
}

static void disturb(void)
{
	struct child *child = &children[threads_random(&random_state, CHILDREN)];

	switch (threads_random(&random_state, 4)) {
	case 0:
		n_halted++;
		kill(child->pid, SIGSTOP);
		usleep(1000 * threads_random(&random_state, 2500));
		kill(child->pid, SIGCONT);
		return;
	case 1:
		n_ended++;
		end_life(child, SIGTERM);
		break;
	default:
		n_killed++;
		end_life(child, SIGKILL);
		break;
	}
	begin_life(child);
}

static int supervise(unsigned seconds)
{
	const uint64_t until = now_s() + seconds;
	uint64_t calls = 0;
	char line[512];

	begin_life(&children[0]);
	sleep(1);
	for (unsigned i = 1; i < CHILDREN; i++)
		begin_life(&children[i]);
	sleep(3);
	while (now_s() < until) {
		usleep(1000 * (100 + threads_random(&random_state, 1500)));
		look_after_children();
		disturb();
	}
	sleep(3);
	calls = atomic_load(&tally->next);
	sleep(3);
	threads_check(atomic_load(&tally->next) > calls, "nobody calls any more");
	for (unsigned i = CHILDREN; i-- > 0;)
		end_life(&children[i], SIGTERM);
	tally_verify(tally, UINT64_MAX);
	tally_print(tally, line, sizeof line);
	return threads_end("%u s, %u processes: %u ended, %u killed, %u halted; %s", seconds,
			   n_started, n_ended, n_killed, n_halted, line);
}

int main(int argc, char **argv)
{
	const bool is_child = argc > 2 && argv[1][0] != '-';
	unsigned seconds = 20;
	sigset_t signals;
	char path[96];

	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "--seconds") == 0)
			seconds = (unsigned)strtoul(argv[i + 1], NULL, 10);
	}
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	if (is_child) {
		pthread_sigmask(SIG_BLOCK, &signals, NULL);
		directory = argv[2];
		setenv("RUNTIME_DIRECTORY", directory, 1);
		threads_begin(argv[1], argc - 2, argv + 2, 0);
	} else {
		threads_begin("stress", argc, argv, 0);
		directory = threads_directory();
		self = realpath("/proc/self/exe", NULL);
	}
	random_state = threads_random_init(UINT32_MAX);
	snprintf(path, sizeof path, "%s/tally", directory);
	tally = tally_open(path, NUMBERS);
	if (!is_child)
		return supervise(seconds);
	return strcmp(argv[1], "server") == 0 ? serve() : be_client(argv[1]);
}
