/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads.h - what these programs share. They are plain programs, built for ThreadSanitizer, under
 * which Criterion aborts. A program does its work, prints one line and ends with 0; or it ends with
 * 1 and prints what was wrong.
 */
#ifndef THREADS_H
#define THREADS_H

#include <stdbool.h>
#include <stdint.h>

#include <firefly/runtime.h>

/*
 * threads_begin() - set the program's name, arguments and time limit.
 * @limit_s: after that the program counts as hung, and ends with 1. Arguments: --seed N, --much N
 * (in percent).
 */
void threads_begin(const char *name, int argc, char **argv, unsigned limit_s);

/* threads_many() - @n scaled by --much; at least 1. */
unsigned threads_many(unsigned n);

/* threads_check() - print what is wrong, if it is. The program goes on, and will end with 1. */
void threads_check(bool good, const char *what, ...) __attribute__((format(printf, 2, 3)));

/* threads_must() - as above, but the program ends at once. */
void threads_must(bool good, const char *what, ...) __attribute__((format(printf, 2, 3)));

/* threads_end() - print the line. Return: the exit status for main(). */
int threads_end(const char *line, ...) __attribute__((format(printf, 1, 2)));

/* threads_failed() - has any check failed so far? */
bool threads_failed(void);

/* Random numbers, one state per thread. threads_random_init(): from the seed and a number. */
uint64_t threads_random_init(unsigned number);
uint32_t threads_random(uint64_t *state, uint32_t below);

/* threads_directory() - a directory of this program, removed by threads_end(). */
const char *threads_directory(void);

/*
 * threads_start() - start a runtime with one link. @spec: a format with the directory as its %s.
 * @pollers: THREADS_SHARED: none, a shared runtime.
 */
#define THREADS_SHARED UINT32_MAX
struct fly_runtime *threads_start(const char *spec, unsigned pollers, enum fly_wait wait);

/* threads_stop() - stop a runtime, from a thread that may. No packet or slot may be missing. */
void threads_stop(struct fly_runtime *runtime);

/* threads_counter() - a counter of a runtime, by name. */
uint64_t threads_counter(const struct fly_runtime *runtime, const char *name);

#endif
