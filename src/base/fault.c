/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * base/fault.c - the SIGBUS handler, and its table of mapped memory.
 *
 * The handler reads the table on any thread that faults, while other threads add and remove rows.
 * Therefore a row's start is set last, and cleared first. The handler takes no lock; threads that
 * change rows do. Nobody unmaps memory that a thread still uses: the handler never sees a row whose
 * memory is being unmapped.
 *
 * For a fault in the table the handler calls mmap(2). For any other, it calls the handler that was
 * installed before. A SIGBUS sent by a process is ignored if it was ignored before.
 *
 * Drivers map what their peers share on threads of their own, and tell us later. Therefore a fault
 * of such a thread counts as one in the table; and other threads wait a little for a row that may
 * be on its way, if there are drivers that do so.
 */
#include "base/fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <firefly/status.h>

/* Three pieces of memory of each local binding of a runtime, twice; others are some hundred. */
#define ROWS (2 * 3 * 4096)

#define DRIVER_THREADS 4
#define LATE_MS        100 /* for a row to come, after a fault outside of all rows */

struct row {
	_Atomic uintptr_t start; /* 0: free */
	_Atomic size_t bytes;
	_Atomic size_t page;
	_Atomic uint32_t faults;
};

static struct row rows[ROWS];
static _Atomic uint32_t n_rows; /* rows from here on were never used */
static _Atomic uint32_t ever;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;
static bool is_installed;                            /* under lock */
static _Atomic pid_t driver_threads[DRIVER_THREADS]; /* 0: free */
static _Atomic unsigned late;                        /* those who may add rows late */

/* The row that holds an address, or NULL. */
static struct row *find(uintptr_t at)
{
	const uint32_t n = atomic_load_explicit(&n_rows, memory_order_acquire);

	for (uint32_t i = 0; i < n; i++) {
		/* F2: the rest of the row is valid; pairs with F1. */
		const uintptr_t start = atomic_load_explicit(&rows[i].start, memory_order_acquire);
		/* F4: if this is a newer row's, reading start again shows it; pairs with F3. */
		const size_t bytes = atomic_load_explicit(&rows[i].bytes, memory_order_acquire);

		if (start != 0 && at >= start && at - start < bytes &&
		    start == atomic_load_explicit(&rows[i].start, memory_order_relaxed))
			return &rows[i];
	}
	return NULL;
}

/* As find(), but a row may come late. */
static struct row *find_late(uintptr_t at)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	struct row *row = find(at);

	for (unsigned i = 0; !row && i < LATE_MS && atomic_load(&late) != 0; i++) {
		nanosleep(&ms, NULL);
		row = find(at);
	}
	return row;
}

static bool is_driver_thread(void)
{
	const pid_t me = (pid_t)syscall(SYS_gettid);

	for (unsigned i = 0; i < DRIVER_THREADS; i++) {
		if (atomic_load_explicit(&driver_threads[i], memory_order_relaxed) == me)
			return true;
	}
	return false;
}

/* Map zeros over a page of at least so many bytes: the kernel refuses to split a hugepage. */
static bool replace(uintptr_t at, size_t least)
{
	static const size_t pages[] = {4096, 2UL << 20, 1UL << 30};

	for (unsigned i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		if (pages[i] >= least &&
		    mmap((void *)(at & ~(pages[i] - 1)), pages[i], PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
			 0) != MAP_FAILED)
			return true;
	}
	return false;
}

/* Is it a fault that is survived? Then survive it. */
static bool survive(uintptr_t at)
{
	const bool is_driver = is_driver_thread();
	struct row *row = is_driver ? find(at) : find_late(at);

	if (!row && !is_driver)
		return false;
	if (!replace(at, row ? atomic_load_explicit(&row->page, memory_order_relaxed) : 0))
		return false;
	if (row)
		atomic_fetch_add_explicit(&row->faults, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&ever, 1, memory_order_relaxed);
	return true;
}

/* Of fly_fault_interrupt(): it has ended a system call, and that is all. */
static bool is_interruption(const siginfo_t *info)
{
	return info->si_code == SI_QUEUE && info->si_pid == getpid() &&
	       info->si_value.sival_ptr == rows;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	const int was = errno;
	/* A signal sent by a process has no address. */
	const bool survived = info->si_code > 0 && survive((uintptr_t)info->si_addr);

	errno = was;
	if (survived || is_interruption(info))
		return;
	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(number, info, context);
	} else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(number);
	} else if (info->si_code > 0 || before.sa_handler == SIG_DFL) {
		/* Default action: the access, or the signal, then ends the process. */
		struct sigaction plain = {.sa_handler = SIG_DFL};

		sigaction(SIGBUS, &plain, NULL);
		if (info->si_code <= 0)
			raise(SIGBUS);
	}
}

static void add(void *start, size_t bytes, size_t page, struct row *row)
{
	/* F3: a reader that sees these sees that the old row was cleared; pairs with F4. */
	atomic_store_explicit(&row->bytes, bytes, memory_order_release);
	atomic_store_explicit(&row->page, page, memory_order_relaxed);
	atomic_store_explicit(&row->faults, 0, memory_order_relaxed);
	/* F1: publishes the row; pairs with F2. */
	atomic_store_explicit(&row->start, (uintptr_t)start, memory_order_release);
	if (row >= &rows[atomic_load_explicit(&n_rows, memory_order_relaxed)])
		atomic_store_explicit(&n_rows, (uint32_t)(row - rows) + 1, memory_order_release);
}

/* Under lock. */
static void install(void)
{
	struct sigaction action = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};

	sigemptyset(&action.sa_mask);
	if (!is_installed)
		is_installed = sigaction(SIGBUS, &action, &before) == 0;
}

int fly_fault_add(void *start, size_t bytes, size_t page)
{
	struct row *row = NULL;

	pthread_mutex_lock(&lock);
	install();
	for (uint32_t i = 0; i < ROWS && !row; i++) {
		if (atomic_load_explicit(&rows[i].start, memory_order_relaxed) == 0)
			row = &rows[i];
	}
	if (row)
		add(start, bytes, page, row);
	pthread_mutex_unlock(&lock);
	return row ? 0 : -FLY_ENOMEM;
}

void fly_fault_remove(const void *start)
{
	struct row *row;

	pthread_mutex_lock(&lock);
	row = start ? find((uintptr_t)start) : NULL;
	if (row)
		atomic_store_explicit(&row->start, 0, memory_order_release);
	pthread_mutex_unlock(&lock);
}

uint32_t fly_fault_ever(void)
{
	return atomic_load_explicit(&ever, memory_order_relaxed);
}

void fly_fault_forked(void)
{
	pthread_mutex_init(&lock, NULL); /* a thread of the parent may have held it */
	for (uint32_t i = 0; i < ROWS; i++)
		atomic_store_explicit(&rows[i].start, 0, memory_order_relaxed);
}

bool fly_fault_has(const void *start)
{
	const struct row *row = find((uintptr_t)start);

	return row && atomic_load_explicit(&row->faults, memory_order_relaxed) != 0;
}

void fly_fault_driver_thread(pid_t thread)
{
	unsigned i = 0;

	pthread_mutex_lock(&lock);
	install();
	while (i < DRIVER_THREADS && driver_threads[i] != 0 && driver_threads[i] != thread)
		i++;
	if (i < DRIVER_THREADS)
		driver_threads[i] = thread;
	pthread_mutex_unlock(&lock);
}

void fly_fault_late_begin(void)
{
	atomic_fetch_add(&late, 1);
}

void fly_fault_late_end(void)
{
	atomic_fetch_sub(&late, 1);
}

void fly_fault_interrupt(pthread_t thread)
{
	const union sigval mark = {.sival_ptr = rows};
	struct sigaction now;

	pthread_mutex_lock(&lock);
	install();
	/* A handler that the program has installed later knows no interruptions. */
	if (sigaction(SIGBUS, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) &&
	    now.sa_sigaction == on_fault)
		pthread_sigqueue(thread, SIGBUS, mark);
	pthread_mutex_unlock(&lock);
}
