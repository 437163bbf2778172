/* SPDX-License-Identifier: BSD-3-Clause */
/* stub_version.h - does generated code fit this library? (stub_version.c) */
#ifndef FLY_STUB_VERSION_H
#define FLY_STUB_VERSION_H

#include <firefly/stub.h>

/*
 * fly_stub_version_check() - was an interface generated for the stub interface of this library?
 * Only its first two fields may be read before.
 * Return: 0, or -FLY_EVERSION, fly_error() is set.
 */
int fly_stub_version_check(const struct fly_interface *interface);

#endif
