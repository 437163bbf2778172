/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults in memory that another process takes away. Each case is a process of its own. */
#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

static void *wait_for_ever(void *result)
{
	char c;
	int pipes[2];

	if (pipe(pipes) == 0 && read(pipes[0], &c, 1) < 0)
		*(_Atomic int *)result = errno;
	return NULL;
}

Test(fault, fly_fault_interrupt__ends_a_system_call, .timeout = HANG)
{
	_Atomic int error = 0;
	pthread_t other;

	pthread_create(&other, NULL, wait_for_ever, (void *)&error);
	while (error == 0) {
		fly_fault_interrupt(other);
		usleep(1000);
	}
	pthread_join(other, NULL);
	cr_expect(error == EINTR && fly_fault_ever() == 0);
}

static _Atomic int others;

static void count(int number)
{
	others += number == SIGBUS;
}

Test(fault, fly_fault_interrupt__not_with_a_handler_of_the_program, .timeout = HANG)
{
	volatile uint8_t *at = shortened();

	cr_assert(fly_fault_add((void *)at, 4096, 0) == 0);
	signal(SIGBUS, count);
	fly_fault_interrupt(pthread_self());
	cr_expect(others == 0);
}

/* Nor is an interruption one for the handler that was there before; a signal that was sent is. */
Test(fault, is_interruption__the_handler_before_does_not_see_it, .timeout = HANG)
{
	signal(SIGBUS, count);
	fly_fault_interrupt(pthread_self());
	cr_expect(others == 0);
	raise(SIGBUS);
	cr_expect(others == 1);
}

static void count_with(int number, siginfo_t *info, void *context)
{
	(void)context;
	others += number == SIGBUS && info->si_signo == SIGBUS;
}

static void handle_with_info(void)
{
	struct sigaction action = {.sa_sigaction = count_with, .sa_flags = SA_SIGINFO};

	cr_assert(sigaction(SIGBUS, &action, NULL) == 0);
}

Test(fault, fly_fault_interrupt__not_with_any_handler_of_the_program, .timeout = HANG)
{
	volatile uint8_t *at = shortened();

	cr_assert(fly_fault_add((void *)at, 4096, 0) == 0);
	handle_with_info();
	fly_fault_interrupt(pthread_self());
	cr_expect(others == 0);
}

/* Both kinds of handlers that may have been there before. */
Test(fault, on_fault__the_handler_before_gets_what_was_sent, .timeout = HANG)
{
	const union sigval value = {.sival_ptr = &others};
	volatile uint8_t *at = shortened();

	handle_with_info();
	cr_assert(fly_fault_add((void *)at, BYTES, 0) == 0);
	raise(SIGBUS);
	cr_expect(others == 1);
	/* Queued, as an interruption is, but not by us. */
	pthread_sigqueue(pthread_self(), SIGBUS, value);
	cr_expect(others == 2);
	cr_expect(at[BYTES - 1] == 0 && others == 2, "a fault of ours is not");
}

/* Such a thread survives every fault: what a process sends is none. */
Test(fault, survive__a_signal_that_was_sent_is_no_fault, .timeout = HANG)
{
	signal(SIGBUS, count);
	fly_fault_driver_thread((pid_t)syscall(SYS_gettid));
	raise(SIGBUS);
	cr_expect(others == 1 && fly_fault_ever() == 0);
}

Test(fault, fly_fault_add__memory_in_the_place_of_another, .timeout = HANG)
{
	volatile uint8_t *at = shortened();

	cr_assert(fly_fault_add((void *)at, BYTES, 0) == 0);
	cr_expect(at[BYTES - 1] == 0 && fly_fault_has((void *)at));
	fly_fault_remove((void *)at);
	cr_assert(fly_fault_add((void *)at, BYTES, 0) == 0);
	cr_expect(!fly_fault_has((void *)at), "that fault was in another's");
	cr_expect(at[4096] == 0 && fly_fault_has((void *)at));
}

/* A byte behind it is not in it. */
Test(fault, find__memory_ends_where_it_ends, .signal = SIGBUS, .timeout = HANG)
{
	volatile uint8_t *at = shortened();

	cr_assert(fly_fault_add((void *)(at + 4096), 4096, 0) == 0);
	cr_expect(at[2 * 4096 - 1] == 0);
	(void)at[2 * 4096];
}

Test(fault, fly_fault_forked__a_child_has_no_memory_of_its_parent, .timeout = HANG)
{
	volatile uint8_t *at = shortened();
	int status;
	pid_t child;

	cr_assert(fly_fault_add((void *)at, BYTES, 0) == 0);
	child = fork();
	if (child == 0) {
		fly_fault_forked();
		_exit(at[BYTES - 1]);
	}
	cr_assert(child > 0 && waitpid(child, &status, 0) == child);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	cr_expect(at[BYTES - 1] == 0);
}
