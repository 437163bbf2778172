/* SPDX-License-Identifier: BSD-3-Clause */
/* resident.h - keeping the library's code where it is (resident.c). Any thread. No DPDK. */
#ifndef FLY_RESIDENT_H
#define FLY_RESIDENT_H

/*
 * fly_resident_make() - from now on dlclose() does not unload the object that the library is in.
 * Threads that do not end and a handler of SIGBUS run in it. The shared library says that of itself
 * (-z nodelete); this is for a plugin that has linked libfirefly.a.
 */
void fly_resident_make(void);

#endif
