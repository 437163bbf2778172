/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * thread.c - numbers threads, and notices when a thread with a number ends.
 *
 * Owns the list of threads that live. A thread is in the list from its first number until the
 * destructor of its thread-specific data.
 */
#include "base/thread.h"

#include <limits.h>
#include <pthread.h>
#include <sys/queue.h>

/* A thread that lives; in its own thread-local memory. */
struct living {
	uint64_t number;
	int rounds; /* of destructors that have run */
	LIST_ENTRY(living) next;
};

_Thread_local uint64_t fly_thread_mine;
static _Thread_local struct living me;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, living) living = LIST_HEAD_INITIALIZER(living); /* under lock */
static uint64_t last_number;                                       /* under lock */
static bool has_key;                                               /* set once */
static bool is_blind; /* under lock: some thread's end is not noticed */

/* Rounds of destructors until a thread counts as ended: the last one is for sanitizers' own. */
#define ROUNDS (PTHREAD_DESTRUCTOR_ITERATIONS - 1)

/*
 * Runs once in each round of destructors. Other destructors of the thread may still end bindings:
 * so the thread counts as ended late.
 */
static void end(void *argument)
{
	struct living *l = argument;

	if (++l->rounds < ROUNDS && pthread_setspecific(key, l) == 0)
		return;
	pthread_mutex_lock(&lock);
	LIST_REMOVE(l, next);
	pthread_mutex_unlock(&lock);
}

static void make_key(void)
{
	has_key = pthread_key_create(&key, end) == 0;
}

uint64_t fly_thread_number(void)
{
	bool is_noticed;

	if (fly_thread_mine != 0)
		return fly_thread_mine;
	pthread_once(&once, make_key);
	is_noticed = has_key && pthread_setspecific(key, &me) == 0;
	pthread_mutex_lock(&lock);
	fly_thread_mine = ++last_number;
	me.number = fly_thread_mine;
	if (is_noticed)
		LIST_INSERT_HEAD(&living, &me, next);
	else
		is_blind = true;
	pthread_mutex_unlock(&lock);
	return fly_thread_mine;
}

bool fly_thread_has_ended(uint64_t number)
{
	const struct living *l;
	bool has_ended;

	pthread_mutex_lock(&lock);
	has_ended = !is_blind;
	LIST_FOREACH(l, &living, next)
	{
		if (l->number == number)
			has_ended = false;
	}
	pthread_mutex_unlock(&lock);
	return has_ended;
}

void fly_thread_fork_lock(void)
{
	pthread_mutex_lock(&lock);
}

void fly_thread_fork_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

void fly_thread_forked(void)
{
	/* The memory of the other threads is not theirs any more. */
	LIST_INIT(&living);
	if (fly_thread_mine != 0)
		LIST_INSERT_HEAD(&living, &me, next);
	pthread_mutex_unlock(&lock);
}
