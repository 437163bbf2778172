/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control.c - how the two processes of `firefly bench` move in step.
 *
 * Owns the shared page and the waiting on both sides of it. stage.c holds the client's end,
 * server.c the other. Both spin, because the next block is due at once. Both let other threads run
 * after a while, because both processes may have been put on one core.
 */
#include "control.h"

#include <time.h>

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure/pairs.h"
#include "bench/measure/ticks.h"

#define SPINS       4096 /* looks before the core is offered to somebody else */
#define YIELDS      64   /* offers before sleeping: what is waited for is not in a hurry */
#define NAP_NS      100000
#define SERIES      15 /* of a distance measurement */
#define ROUND_TRIPS 10 /* of a series */

int control_open(struct control *control)
{
	*control = (struct control){.fd = memfd_create("firefly-bench", 0)};
	if (control->fd < 0)
		return -1;
	if (ftruncate(control->fd, sizeof *control->page))
		return -1;
	control->page = control_map(control->fd);
	return control->page ? 0 : -1;
}

struct control_page *control_map(int fd)
{
	struct control_page *page =
		mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);

	return page == MAP_FAILED ? NULL : page;
}

/* One more look without success: is it time for other things? True once in SPINS. */
static bool waited(unsigned *spins)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};

	if (++*spins % SPINS)
		return false;
	if (*spins / SPINS < YIELDS)
		sched_yield();
	else
		nanosleep(&nap, NULL);
	return true;
}

/*
 * Is there no sense in waiting any longer? The server has ended, or it has taken too long.
 * @since: 0 the first time; kept by the caller while it waits.
 */
static bool hopeless(struct control *control, double *since)
{
	const bool haste = control->stop && *control->stop;
	struct timespec now;
	double seconds;

	if (control->server > 0 &&
	    waitpid(control->server, &control->exit_status, WNOHANG) == control->server)
		control->server = 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	seconds = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	if (*since == 0)
		*since = seconds;
	return control->server == 0 ||
	       seconds - *since > (haste ? CONTROL_HASTE_S : CONTROL_PATIENCE_S);
}

int control_order(struct control *control, enum control_mode mode, uint32_t argument)
{
	struct control_page *page = control->page;
	/* Plain: only this process writes orders. */
	const uint64_t last = atomic_load_explicit(&page->order, memory_order_relaxed);
	const uint64_t order = ((last >> 32) + 1) << 32 | (uint64_t)argument << 8 | mode;
	unsigned spins = 0;
	double since = 0;

	/* C1: an order; pairs with C2 in control_next(). */
	atomic_store_explicit(&page->order, order, memory_order_release);
	/* C3: pairs with C4 in control_acknowledge(). */
	while (atomic_load_explicit(&page->acknowledged, memory_order_acquire) != order) {
		if (!waited(&spins) || !hopeless(control, &since))
			continue;
		/* It may have ended after the last thing it did, which was to acknowledge. */
		return atomic_load_explicit(&page->acknowledged, memory_order_acquire) == order
			       ? 0
			       : -1;
	}
	return 0;
}

int control_close(struct control *control)
{
	int missing = 0;

	if (control->server > 0) {
		if (!control_order(control, CONTROL_QUIT, 0))
			missing = control->page->missing;
		else if (control->server > 0)
			kill(control->server, SIGKILL);
		if (control->server > 0)
			waitpid(control->server, &control->exit_status, 0);
		control->server = 0;
	}
	if (control->page)
		munmap(control->page, sizeof *control->page);
	if (control->fd >= 0)
		close(control->fd);
	control->page = NULL;
	control->fd = -1;
	return missing;
}

int control_distance(struct control *control, double *ticks)
{
	struct control_page *page = control->page;
	/* Plain: only this process writes pings. */
	uint64_t n = atomic_load_explicit(&page->ping, memory_order_relaxed);
	double series[SERIES];
	unsigned spins = 0;
	double since = 0;

	if (control_order(control, CONTROL_PINGPONG, 0))
		return -1;
	for (unsigned s = 0; s < SERIES; s++) {
		const uint64_t begin = ticks_now();

		for (unsigned i = 0; i < ROUND_TRIPS; i++) {
			/* Nothing is handed over but the number itself: no order is needed. */
			atomic_store_explicit(&page->ping, ++n, memory_order_relaxed);
			while (atomic_load_explicit(&page->pong, memory_order_relaxed) != n)
				if (waited(&spins) && hopeless(control, &since))
					return -1;
		}
		series[s] = (double)(ticks_now() - begin) / ROUND_TRIPS;
	}
	*ticks = pairs_median(series, SERIES);
	return 0;
}

uint64_t control_next(const struct control_page *page, uint64_t done)
{
	unsigned spins = 0;
	uint64_t order;

	/* C2: pairs with C1 in control_order(). */
	while ((order = atomic_load_explicit(&page->order, memory_order_acquire)) == done)
		(void)waited(&spins);
	return order;
}

void control_acknowledge(struct control_page *page, uint64_t order)
{
	/* C4: what was written before it, trouble and missing; pairs with C3 in control_order(). */
	atomic_store_explicit(&page->acknowledged, order, memory_order_release);
}

void control_answer(struct control_page *page, uint64_t order)
{
	uint64_t seen = atomic_load_explicit(&page->pong, memory_order_relaxed);
	unsigned spins = 0;

	while (control_stands(page, order)) {
		const uint64_t n = atomic_load_explicit(&page->ping, memory_order_relaxed);

		if (n == seen) {
			(void)waited(&spins);
			continue;
		}
		atomic_store_explicit(&page->pong, n, memory_order_relaxed);
		seen = n;
	}
}
