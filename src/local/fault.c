/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/fault.c - the SIGBUS handler, and its table of mapped memory.
 *
 * The handler reads the table on any thread that faults, while other threads add and remove rows.
 * Therefore a row's start is set last, and cleared first. The handler takes no lock; threads that
 * change rows do. Nobody unmaps memory that a thread still uses: the handler never sees a row whose
 * memory is being unmapped.
 *
 * For a fault in the table the handler calls mmap(2). For any other, it calls the handler that was
 * installed before. A SIGBUS sent by a process is ignored if it was ignored before.
 */
#include "local/fault.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include <firefly/status.h>

#define ROWS (2 * 2 * 4096) /* near and far memory of a runtime's bindings, twice */

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
static bool is_installed; /* under lock */

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

static void on_fault(int number, siginfo_t *info, void *context)
{
	/* A signal sent by a process has no address. */
	struct row *row = info->si_code > 0 ? find((uintptr_t)info->si_addr) : NULL;
	const int was = errno;

	if (row) {
		const size_t bytes = atomic_load_explicit(&row->page, memory_order_relaxed);
		const uintptr_t page = (uintptr_t)info->si_addr & ~(bytes - 1);

		if (mmap((void *)page, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
			 0) != MAP_FAILED) {
			atomic_fetch_add_explicit(&row->faults, 1, memory_order_relaxed);
			atomic_fetch_add_explicit(&ever, 1, memory_order_relaxed);
			errno = was;
			return;
		}
	}
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

static void add(uint8_t *start, size_t bytes, size_t page, struct row *row)
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

int fly_fault_add(const struct fly_astack_memory *m, size_t near_page)
{
	struct row *free_rows[2];
	uint32_t n = 0;

	pthread_mutex_lock(&lock);
	if (!is_installed) {
		struct sigaction action = {
			.sa_sigaction = on_fault,
			.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
		};

		sigemptyset(&action.sa_mask);
		is_installed = sigaction(SIGBUS, &action, &before) == 0;
	}
	for (uint32_t i = 0; i < ROWS && n < 2; i++) {
		if (atomic_load_explicit(&rows[i].start, memory_order_relaxed) == 0)
			free_rows[n++] = &rows[i];
	}
	if (n == 2) {
		add(m->near, m->near_bytes, near_page, free_rows[0]);
		add(m->far, m->far_bytes, FLY_ASTACK_PAGE, free_rows[1]);
	}
	pthread_mutex_unlock(&lock);
	return n == 2 ? 0 : -FLY_ENOMEM;
}

static void remove_row(const uint8_t *start)
{
	struct row *row = start ? find((uintptr_t)start) : NULL;

	if (row)
		atomic_store_explicit(&row->start, 0, memory_order_release);
}

void fly_fault_remove(const struct fly_astack_memory *m)
{
	pthread_mutex_lock(&lock);
	remove_row(m->near);
	remove_row(m->far);
	pthread_mutex_unlock(&lock);
}

void fly_fault_forked(void)
{
	pthread_mutex_init(&lock, NULL); /* a thread of the parent may have held it */
	for (uint32_t i = 0; i < ROWS; i++)
		atomic_store_explicit(&rows[i].start, 0, memory_order_relaxed);
}

uint32_t fly_fault_ever(void)
{
	return atomic_load_explicit(&ever, memory_order_relaxed);
}

static bool has(const uint8_t *start)
{
	const struct row *row = find((uintptr_t)start);

	return row && atomic_load_explicit(&row->faults, memory_order_relaxed) != 0;
}

bool fly_fault_has(const struct fly_astack_memory *m)
{
	return has(m->near) || has(m->far);
}
