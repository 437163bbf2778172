/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bell.h - one descriptor for the eventfds by which a driver's far end tells of packets (bell.c).
 *
 * A driver that can be woken has an eventfd for each queue, in which its far end writes. Mostly it
 * does not say which one that is: so all that it opened are listened to. A write to one of the
 * others wakes for nothing, once.
 */
#ifndef FLY_BELL_H
#define FLY_BELL_H

#include "base/descriptors.h"

/* fly_bell_open() - Return: a descriptor, closed in children; -1: there is none left. */
int fly_bell_open(void);
void fly_bell_close(int bell);

/*
 * fly_bell_add() - listen to this descriptor until it is closed, if it is an eventfd. Nobody reads
 * it. Return: is it one, and listened to? If not, errno is set; EEXIST: it is listened to already.
 *
 * fly_bell_note() - note which descriptors are eventfds. fly_bell_add_new(): listen to all that
 * were none before. By their kind, because any thread may have had the number for something else
 * for a moment. Any thread.
 */
bool fly_bell_add(int bell, int fd);
void fly_bell_note(struct fly_descriptors *before);
void fly_bell_add_new(int bell, const struct fly_descriptors *before);

/* fly_bell_forget() - what was written so far: the bell is readable after the next write only. */
void fly_bell_forget(int bell);

/* fly_bell_again() - if this descriptor was ever written to, and not read: as if it were now. */
void fly_bell_again(int bell, int fd);

#endif
