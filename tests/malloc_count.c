/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * malloc_count.c - counts what the first thread of a program, which polls, allocates and frees.
 *
 * A library for LD_PRELOAD. scripts/fastpath-audit builds it and compares runs of different
 * lengths. At exit it prints one line to standard error. The control thread and DPDK's threads are
 * not counted. DPDK's heap has a count of its own.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

/* glibc's own names of the replaced functions. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *memory);

void *malloc(size_t bytes);
void *calloc(size_t n, size_t bytes);
void *realloc(void *old, size_t bytes);
void *aligned_alloc(size_t alignment, size_t bytes);
void free(void *memory);
void *rte_malloc_socket(const char *type, size_t bytes, unsigned align, int socket);
void *rte_zmalloc_socket(const char *type, size_t bytes, unsigned align, int socket);
void rte_free(void *memory);

static unsigned long libc_calls, dpdk_calls; /* of the first thread */

static bool is_first_thread(void)
{
	static _Thread_local pid_t here;

	if (here == 0)
		here = gettid();
	return here == getpid();
}

static void count(unsigned long *which)
{
	if (is_first_thread())
		++*which;
}

void *malloc(size_t bytes)
{
	count(&libc_calls);
	return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
	count(&libc_calls);
	return __libc_calloc(n, bytes);
}

void *realloc(void *old, size_t bytes)
{
	count(&libc_calls);
	return __libc_realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
	count(&libc_calls);
	return __libc_memalign(alignment, bytes);
}

void free(void *memory)
{
	if (memory)
		count(&libc_calls);
	__libc_free(memory);
}

typedef void *dpdk_malloc(const char *, size_t, unsigned, int);

void *rte_malloc_socket(const char *type, size_t bytes, unsigned align, int socket)
{
	static dpdk_malloc *real;

	if (!real)
		real = (dpdk_malloc *)dlsym(RTLD_NEXT, "rte_malloc_socket");
	count(&dpdk_calls);
	return real(type, bytes, align, socket);
}

void *rte_zmalloc_socket(const char *type, size_t bytes, unsigned align, int socket)
{
	static dpdk_malloc *real;

	if (!real)
		real = (dpdk_malloc *)dlsym(RTLD_NEXT, "rte_zmalloc_socket");
	count(&dpdk_calls);
	return real(type, bytes, align, socket);
}

void rte_free(void *memory)
{
	static void (*real)(void *);

	if (!real)
		real = (void (*)(void *))dlsym(RTLD_NEXT, "rte_free");
	if (memory)
		count(&dpdk_calls);
	real(memory);
}

static __attribute__((destructor)) void report(void)
{
	dprintf(STDERR_FILENO, "malloc_count: libc %lu, DPDK %lu\n", libc_calls, dpdk_calls);
}
