/* SPDX-License-Identifier: BSD-3-Clause */
/* limits.c - see limits.h. What is asked for is really taken for a moment: no limit is missed. */
#include "host/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <firefly/status.h>

#include "base/error.h"
#include "base/signals.h"

#define MOST        32 /* asked for at once */
#define STACK_BYTES (64UL << 10)

static int no_descriptors(unsigned n, const char *what, int error)
{
	struct rlimit limit = {0};

	if (error == ENFILE)
		return fly_fail(FLY_ESYSTEM,
				"%s needs %u file descriptors, and the system has no more of them; "
				"raise fs.file-max with sysctl",
				what, n);
	if (error != EMFILE)
		return fly_fail(FLY_ESYSTEM, "%s needs %u file descriptors: %s", what, n,
				strerror(error));
	getrlimit(RLIMIT_NOFILE, &limit);
	return fly_fail(FLY_ESYSTEM,
			"%s needs %u more file descriptors than this process may open; raise its "
			"limit of open files, which is %lu (ulimit -n, LimitNOFILE=)",
			what, n, (unsigned long)limit.rlim_cur);
}

int fly_limits_descriptors(unsigned n, const char *what)
{
	int fds[MOST];
	unsigned got = 0;
	int error = 0;

	if (n > MOST)
		n = MOST;
	while (got < n && !error) {
		fds[got] = open("/", O_PATH | O_CLOEXEC);
		if (fds[got] < 0)
			error = errno;
		else
			got++;
	}
	for (unsigned i = 0; i < got; i++)
		close(fds[i]);
	return error ? no_descriptors(n - got, what, error) : 0;
}

static void *wait_for_end(void *end)
{
	while (sem_wait(end) != 0)
		; /* a signal interrupted it */
	return NULL;
}

int fly_limits_threads(unsigned n, const char *what)
{
	pthread_t threads[MOST];
	pthread_attr_t small;
	sigset_t before;
	unsigned got = 0;
	int error = 0;
	sem_t end;

	if (n > MOST)
		n = MOST;
	sem_init(&end, 0, 0);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK_BYTES);
	fly_signals_block(&before);
	while (got < n && !error) {
		error = pthread_create(&threads[got], &small, wait_for_end, &end);
		got += !error;
	}
	fly_signals_restore(&before);
	pthread_attr_destroy(&small);
	for (unsigned i = 0; i < got; i++)
		sem_post(&end);
	for (unsigned i = 0; i < got; i++)
		pthread_join(threads[i], NULL);
	sem_destroy(&end);
	return error ? fly_fail(FLY_ESYSTEM, "%s needs %u threads: %s", what, n,
				fly_limits_no_thread(error))
		     : 0;
}

const char *fly_limits_no_thread(int error)
{
	if (error != EAGAIN && error != EPERM)
		return strerror(error);
	return "no more threads may be started; raise the user's limit of processes (ulimit -u, "
	       "LimitNPROC=) or that of the control group (pids.max, TasksMax=)";
}
