/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runtime/process.h - the runtimes of this process, and what becomes of them in a child that it
 * forks (runtime/process.c).
 */
#ifndef FLY_PROCESS_H
#define FLY_PROCESS_H

struct fly_runtime;

/* fly_process_begin() - a runtime is being started: from now on forks are handled. Any thread. */
void fly_process_begin(void);

/*
 * fly_process_add() - a runtime is in use. fly_process_remove(): it is being stopped, and its
 * bindings that belong to threads have ended, those of its workers as well. Any thread.
 */
void fly_process_add(struct fly_runtime *runtime);
void fly_process_remove(struct fly_runtime *runtime);

/*
 * fly_process_check() - may this process use the runtime?
 * @function: for the sentence, as the program knows it.
 * Return: 0; -FLY_EFORKED: the runtime is the parent's, fly_error() is set.
 */
int fly_process_check(const struct fly_runtime *runtime, const char *function);

/* fly_process_end_mine() - end the calling thread's bindings of all runtimes: the thread ends. */
void fly_process_end_mine(void);

#endif
