/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * thread.h - numbers of threads (thread.c). A number is never used again, unlike a pthread_t, which
 * the next thread may get when its thread has ended.
 */
#ifndef FLY_THREAD_H
#define FLY_THREAD_H

#include <stdbool.h>
#include <stdint.h>

/* The calling thread's number; 0: it has asked for none. Only thread.c stores it. */
extern _Thread_local uint64_t fly_thread_mine
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* fly_thread_number() - the calling thread's number, not 0. */
uint64_t fly_thread_number(void);

/* fly_thread_is_here() - is this the calling thread's number? @number: not 0. */
static inline bool fly_thread_is_here(uint64_t number)
{
	return number == fly_thread_mine;
}

/*
 * fly_thread_has_ended() - has the thread with this number ended? Its destructors of
 * thread-specific data have run, or run for the last time. False if that cannot be known.
 */
bool fly_thread_has_ended(uint64_t number);

/*
 * A fork: fly_thread_fork_lock() before it, and fly_thread_fork_unlock() after it in the parent. In
 * the child fly_thread_forked(): of all threads only the calling one is left.
 */
void fly_thread_fork_lock(void);
void fly_thread_fork_unlock(void);
void fly_thread_forked(void);

#endif
