/* SPDX-License-Identifier: BSD-3-Clause */
/* test_thread.c - numbers of threads, and whether they have ended. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "base/thread.h"

static void *take_number(void *number)
{
	*(uint64_t *)number = fly_thread_number();
	return NULL;
}

Test(thread, fly_thread_number__is_used_once)
{
	const uint64_t mine = fly_thread_number();
	uint64_t last = mine;
	pthread_t first;
	pthread_t thread;
	unsigned n_reused = 0;

	cr_expect(mine != 0 && fly_thread_number() == mine && fly_thread_is_here(mine));
	for (unsigned i = 0; i < 100; i++) {
		uint64_t number = 0;

		cr_assert(pthread_create(&thread, NULL, take_number, &number) == 0);
		pthread_join(thread, NULL);
		cr_expect(number > last && !fly_thread_is_here(number));
		last = number;
		if (i == 0)
			first = thread;
		else
			n_reused += pthread_equal(first, thread) != 0;
	}
	cr_expect(n_reused > 0,
		  "what pthread_self() returned was used again, or this shows nothing");
}

/* The first use of a thread's own number costs nothing: a thread without one is nobody's owner. */
Test(thread, fly_thread_is_here__without_a_number)
{
	cr_expect(!fly_thread_is_here(1) && !fly_thread_is_here(UINT64_MAX));
}

/* ---- the end of a thread ---- */

static pthread_key_t key;
static uint64_t number;
static bool had_ended;

static void look(void *unused)
{
	(void)unused;
	had_ended = fly_thread_has_ended(number);
}

static void *use_key(void *unused)
{
	(void)unused;
	number = fly_thread_number();
	pthread_setspecific(key,
			    &key); /* its destructor runs after that of the number, or before */
	return NULL;
}

Test(thread, fly_thread_has_ended__once_its_destructors_have_run)
{
	pthread_t thread;

	cr_expect(!fly_thread_has_ended(fly_thread_number()));
	had_ended = true;
	cr_assert(pthread_key_create(&key, look) == 0);
	cr_assert(pthread_create(&thread, NULL, use_key, NULL) == 0);
	pthread_join(thread, NULL);
	cr_expect(!had_ended, "a destructor of the program may still end a binding");
	cr_expect(fly_thread_has_ended(number));
	cr_expect(!fly_thread_has_ended(fly_thread_number()));
}

static void *wait_on(void *argument)
{
	pthread_barrier_t *at = argument;

	number = fly_thread_number();
	pthread_barrier_wait(at);
	pthread_barrier_wait(at);
	return NULL;
}

Test(thread, fly_thread_forked__leaves_the_calling_thread)
{
	const uint64_t mine = fly_thread_number();
	pthread_barrier_t at;
	pthread_t thread;

	pthread_barrier_init(&at, NULL, 2);
	cr_assert(pthread_create(&thread, NULL, wait_on, &at) == 0);
	pthread_barrier_wait(&at);
	cr_expect(!fly_thread_has_ended(number));
	fly_thread_fork_lock();
	fly_thread_fork_unlock();
	cr_expect(!fly_thread_has_ended(number), "as in the parent");
	pthread_barrier_wait(&at);
	pthread_join(thread, NULL);
	fly_thread_fork_lock();
	fly_thread_forked();
	cr_expect(fly_thread_has_ended(number), "as in a child");
	cr_expect(!fly_thread_has_ended(mine) && fly_thread_is_here(mine));
}
