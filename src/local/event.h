/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/event.h - the descriptor that a local binding gives to an event loop: fly_event_fd().
 * Used by the thread that owns the binding; fly_local_event_tell() by any (local/event.c).
 */
#ifndef FLY_LOCAL_EVENT_H
#define FLY_LOCAL_EVENT_H

#include <linux/aio_abi.h>
#include <stdbool.h>
#include <stdint.h>

struct fly_local;

struct fly_local_event {
	int fd;                 /* the eventfd that the program waits for */
	int timer;              /* a timerfd */
	aio_context_t context;  /* polls the socket and the timer for us, and then writes to fd */
	uint32_t generation;    /* of the socket: completions of an earlier one are ignored */
	bool is_socket_watched; /* a poll of it is under way */
	bool is_timer_watched;
	uint64_t due_tsc; /* what the timer is set to; FLY_NEVER: not set */
};

/*
 * fly_local_event_open() - make the descriptors. Return: 0; with a sentence: ENOMEM, ESYSTEM.
 * fly_local_event_close() - nobody tells any more. NULL: nothing happens.
 */
int fly_local_event_open(const struct fly_local *l, struct fly_local_event **event);
void fly_local_event_close(struct fly_local_event *e);

/* fly_local_event_moved() - the binding has this event now, or another socket and other memory. */
void fly_local_event_moved(struct fly_local *l);

/* fly_local_event_started() - a call begins that ends by @deadline_tsc, or FLY_NEVER. */
void fly_local_event_started(struct fly_local *l, uint64_t deadline_tsc);

/*
 * fly_local_event_look() - before the program looks for calls that have ended: end those whose time
 * is over, and watch for what comes next.
 */
void fly_local_event_look(struct fly_local *l);

/* fly_local_event_tell() - calls have ended, or must end, without a byte of the server. */
void fly_local_event_tell(const struct fly_local_event *e);

#endif
