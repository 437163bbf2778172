/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * limits.h - is there room for descriptors and threads? Asked before DPDK is: it aborts the process
 * when it has no descriptor, or cannot be started a second time (limits.c). Any thread. No DPDK.
 */
#ifndef FLY_LIMITS_H
#define FLY_LIMITS_H

/*
 * fly_limits_descriptors() - could @n more descriptors be opened? Opens and closes them.
 * @what: who needs them, for the sentence. Return: 0, or -FLY_ESYSTEM with a sentence.
 */
int fly_limits_descriptors(unsigned n, const char *what);

/* fly_limits_threads() - the same for @n threads. Starts and ends them. */
int fly_limits_threads(unsigned n, const char *what);

/* fly_limits_no_thread() - why pthread_create() has failed: which limit, if it was one. */
const char *fly_limits_no_thread(int error);

#endif
