/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads.c - see threads.h.
 *
 * ThreadSanitizer sees only code that was built with it; DPDK was not. Packets that go from one
 * thread to another through the pool would look like data races. Therefore the pools use operations
 * defined here, a stack with a mutex, which ThreadSanitizer sees. Between two runtimes the driver
 * copies packets, unseen, and that is harmless.
 */
#include "../patience.h"
#include "threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_mempool.h>

#include <firefly/status.h>

static const char *program;
static char directory[64];
static unsigned seed = 1;
static unsigned percent = 100;
static _Atomic bool has_failed;

static void too_late(int signal)
{
	static const char what[] = ": it hangs\n";

	(void)signal;
	(void)!write(2, program, strlen(program));
	(void)!write(2, what, sizeof what - 1);
	abort();
}

void threads_begin(const char *name, int argc, char **argv, unsigned limit_s)
{
	program = name;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seed") == 0)
			seed = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--much") == 0)
			percent = (unsigned)strtoul(argv[i + 1], NULL, 10);
	}
	signal(SIGALRM, too_late);
	alarm(patience(limit_s));
}

unsigned threads_many(unsigned n)
{
	const uint64_t many = (uint64_t)n * percent / 100;

	return many ? (unsigned)many : 1;
}

static void say(const char *what, va_list arguments)
{
	fprintf(stderr, "%s: ", program);
	vfprintf(stderr, what, arguments);
	fputc('\n', stderr);
	atomic_store(&has_failed, true);
}

void threads_check(bool good, const char *what, ...)
{
	va_list arguments;

	if (good)
		return;
	va_start(arguments, what);
	say(what, arguments);
	va_end(arguments);
}

void threads_must(bool good, const char *what, ...)
{
	va_list arguments;

	if (good)
		return;
	va_start(arguments, what);
	say(what, arguments);
	va_end(arguments);
	_exit(1);
}

bool threads_failed(void)
{
	return atomic_load(&has_failed);
}

int threads_end(const char *line, ...)
{
	char command[128];
	va_list arguments;

	va_start(arguments, line);
	printf("%s: ", program);
	vprintf(line, arguments);
	putchar('\n');
	va_end(arguments);
	if (directory[0]) {
		snprintf(command, sizeof command, "rm -r %s", directory);
		threads_check(system(command) == 0, "%s stays", directory);
	}
	return threads_failed();
}

uint64_t threads_random_init(unsigned number)
{
	return ((uint64_t)seed << 32 | number) * 0x9e3779b97f4a7c15 | 1;
}

uint32_t threads_random(uint64_t *state, uint32_t below)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return (uint32_t)((x >> 32) * below >> 32);
}

/* ---- runtimes ---- */

struct stack {
	pthread_mutex_t lock;
	unsigned n;
	void *objects[];
};

static int stack_alloc(struct rte_mempool *pool)
{
	struct stack *stack = malloc(sizeof *stack + pool->size * sizeof(void *));

	if (!stack)
		return -ENOMEM;
	pthread_mutex_init(&stack->lock, NULL);
	stack->n = 0;
	pool->pool_data = stack;
	return 0;
}

static void stack_free(struct rte_mempool *pool)
{
	free(pool->pool_data);
}

static int stack_put(struct rte_mempool *pool, void *const *objects, unsigned n)
{
	struct stack *stack = pool->pool_data;

	pthread_mutex_lock(&stack->lock);
	memcpy(stack->objects + stack->n, objects, n * sizeof *objects);
	stack->n += n;
	pthread_mutex_unlock(&stack->lock);
	return 0;
}

static int stack_take(struct rte_mempool *pool, void **objects, unsigned n)
{
	struct stack *stack = pool->pool_data;
	int status = -ENOBUFS;

	pthread_mutex_lock(&stack->lock);
	if (n <= stack->n) {
		stack->n -= n;
		memcpy(objects, stack->objects + stack->n, n * sizeof *objects);
		status = 0;
	}
	pthread_mutex_unlock(&stack->lock);
	return status;
}

static unsigned stack_count(const struct rte_mempool *pool)
{
	struct stack *stack = pool->pool_data;
	unsigned n;

	pthread_mutex_lock(&stack->lock);
	n = stack->n;
	pthread_mutex_unlock(&stack->lock);
	return n;
}

static const struct rte_mempool_ops stack_ops = {
	.name = "seen_stack",
	.alloc = stack_alloc,
	.free = stack_free,
	.enqueue = stack_put,
	.dequeue = stack_take,
	.get_count = stack_count,
};
RTE_MEMPOOL_REGISTER_OPS(stack_ops)

#define EAL "--no-huge -m 256 --mbuf-pool-ops-name seen_stack"

const char *threads_directory(void)
{
	if (!directory[0]) {
		strcpy(directory, "/tmp/firefly-threads-XXXXXX");
		threads_must(mkdtemp(directory) != NULL, "no directory");
		setenv("RUNTIME_DIRECTORY", directory, 1);
	}
	return directory;
}

struct fly_runtime *threads_start(const char *spec, unsigned pollers, enum fly_wait wait)
{
	char link[160];
	const char *const links[] = {link, NULL};
	const struct fly_options options = {
		.size = sizeof options,
		.links = links,
		.packets = 4095,
		.calls = 256,
		.call_timeout_ms = 10000, /* the machine may be busy */
		.eal = EAL,
		.pollers = pollers == THREADS_SHARED ? 0 : pollers,
		.wait = wait,
		.shared = pollers == THREADS_SHARED,
	};
	struct fly_runtime *runtime;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(link, sizeof link, spec, threads_directory());
#pragma GCC diagnostic pop
	threads_must(fly_start(&options, &runtime) == 0, "%s: %s", link, fly_error());
	return runtime;
}

struct counter {
	const char *name;
	uint64_t value;
};

static void note(void *context, const char *name, const char *about, uint64_t value)
{
	struct counter *counter = context;

	(void)about;
	if (strcmp(name, counter->name) == 0)
		counter->value = value;
}

uint64_t threads_counter(const struct fly_runtime *runtime, const char *name)
{
	struct counter counter = {.name = name, .value = UINT64_MAX};

	fly_counters(runtime, note, &counter);
	threads_must(counter.value != UINT64_MAX, "there is no counter %s", name);
	return counter.value;
}

void threads_stop(struct fly_runtime *runtime)
{
	const uint64_t missed = threads_counter(runtime, "slots_missed");

	threads_check(missed == 0, "%lu slots were missed", (unsigned long)missed);
	threads_check(fly_stop(runtime) == 0, "%s", fly_error());
}
