/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults in memory that another process takes away. Each case is a process of its own. */
#include <criterion/criterion.h>

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fault.h"
#include "patience.h"

#define PAGES 4
#define BYTES (PAGES * 4096UL)

static int fd;

/* Memory of a file of our own, which is then shortened to its first page. */
static volatile uint8_t *shortened(void)
{
	volatile uint8_t *at;

	fd = memfd_create("test_fault", MFD_CLOEXEC);
	cr_assert(fd >= 0 && ftruncate(fd, BYTES) == 0);
	at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert(at != MAP_FAILED);
	at[0] = at[BYTES - 1] = 1;
	cr_assert(ftruncate(fd, 4096) == 0);
	return at;
}

Test(fault, fly_fault_add__what_is_gone_reads_as_zeros, .timeout = HANG)
{
	volatile uint8_t *at = shortened();

	cr_assert(fly_fault_add((void *)at, BYTES, 4096) == 0);
	cr_expect(!fly_fault_has((void *)at) && fly_fault_ever() == 0);
	cr_expect(at[0] == 1 && !fly_fault_has((void *)at));
	cr_expect(at[BYTES - 1] == 0);
	cr_expect(fly_fault_has((void *)at) && fly_fault_ever() == 1);
	at[BYTES - 1] = 2;
	cr_expect(at[BYTES - 1] == 2 && fly_fault_ever() == 1, "the page stays");
	cr_expect(at[4096] == 0 && fly_fault_ever() == 2, "pages go one by one");
}

Test(fault, fly_fault_add__of_unknown_page_size, .timeout = HANG)
{
	volatile uint8_t *at = shortened();

	cr_assert(fly_fault_add((void *)at, BYTES, 0) == 0);
	cr_expect(at[BYTES - 1] == 0 && at[0] == 1);
	cr_expect(fly_fault_has((void *)at));
}

Test(fault, on_fault__other_memory_is_not_ours, .signal = SIGBUS, .timeout = HANG)
{
	volatile uint8_t *at = shortened();

	cr_assert(fly_fault_add((void *)at, 4096, 4096) == 0);
	(void)at[BYTES - 1];
}

Test(fault, fly_fault_remove__from_then_on_it_is_not_ours, .signal = SIGBUS, .timeout = HANG)
{
	volatile uint8_t *at = shortened();

	cr_assert(fly_fault_add((void *)at, BYTES, 4096) == 0);
	(void)at[BYTES - 1];
	fly_fault_remove((void *)at);
	cr_expect(!fly_fault_has((void *)at));
	(void)at[4096];
}

Test(fault, fly_fault_driver_thread__needs_no_row, .timeout = HANG)
{
	volatile uint8_t *at = shortened();

	fly_fault_driver_thread((pid_t)syscall(SYS_gettid));
	cr_expect(at[BYTES - 1] == 0);
	cr_expect(fly_fault_ever() == 1);
}

static void *touch(void *at)
{
	return (void *)(uintptr_t)((volatile uint8_t *)at)[BYTES - 1];
}

Test(fault, fly_fault_driver_thread__other_threads_do, .signal = SIGBUS, .timeout = HANG)
{
	volatile uint8_t *at = shortened();
	pthread_t other;

	fly_fault_driver_thread((pid_t)syscall(SYS_gettid));
	pthread_create(&other, NULL, touch, (void *)at);
	pthread_join(other, NULL);
}

/* The row comes when the thread has already touched the memory, and waits in the handler. */
Test(fault, fly_fault_late_begin__a_row_that_comes_late, .timeout = HANG)
{
	volatile uint8_t *at = shortened();
	pthread_t other;
	void *read = (void *)at;

	fly_fault_late_begin();
	cr_assert(fly_fault_add((void *)at, 4096, 0) == 0); /* the handler is there */
	pthread_create(&other, NULL, touch, (void *)at);
	usleep(10000);
	cr_assert(fly_fault_add((void *)(at + 4096), BYTES - 4096, 0) == 0);
	pthread_join(other, &read);
	cr_expect(read == NULL);
	cr_expect(fly_fault_has((void *)(at + 4096)) && !fly_fault_has((void *)at));
	fly_fault_late_end();
}

Test(fault, fly_fault_late_end__nobody_waits, .signal = SIGBUS, .timeout = HANG)
{
	volatile uint8_t *at = shortened();

	fly_fault_late_begin();
	fly_fault_late_end();
	cr_assert(fly_fault_add((void *)at, 4096, 0) == 0);
	(void)at[BYTES - 1];
}
