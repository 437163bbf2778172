/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/listener.h - the socket that a runtime listens at for clients of this machine
 * (local/listener.c).
 */
#ifndef FLY_LISTENER_H
#define FLY_LISTENER_H

struct fly_link_spec;

/*
 * fly_listener_open() - listen at local:NAME,server. A socket that a dead server has left behind is
 * no server: its path is taken over.
 * Return: 0 and *socket; or EINUSE, EPERM, ESYSTEM with a sentence.
 */
int fly_listener_open(const struct fly_link_spec *spec, int *socket);

/* fly_listener_close() - listen no more, and remove the path. */
void fly_listener_close(const struct fly_link_spec *spec, int socket);

#endif
