/* SPDX-License-Identifier: BSD-3-Clause */
/* stub_version.h - generated code and the library that it meets (stub_version.c). */
#ifndef FLY_STUB_VERSION_H
#define FLY_STUB_VERSION_H

#include <firefly/stub.h>

/*
 * fly_stub_version_check() - was an interface generated for the stub interface of this library?
 * Nothing but its first two fields may be read before.
 * Return: 0, or -FLY_EVERSION with a sentence.
 */
int fly_stub_version_check(const struct fly_interface *interface);

#endif
