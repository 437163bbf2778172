/* SPDX-License-Identifier: BSD-3-Clause */
/* xdp_object.h - the object file from which DPDK's driver of AF_XDP loads a program. No DPDK. */
#ifndef FLY_XDP_OBJECT_H
#define FLY_XDP_OBJECT_H

#include <stddef.h>

/* Names in it, by which what the driver has loaded is known again. */
#define FLY_XDP_OBJECT_MAP     "xsks_map" /* the driver asks for this one */
#define FLY_XDP_OBJECT_PROGRAM "fly_pass"

/* fly_xdp_object_file() - the file: static storage, *bytes long. */
const void *fly_xdp_object_file(size_t *bytes);

/* fly_xdp_object_types() - its description of types (BTF), which the kernel gets, too. */
const void *fly_xdp_object_types(size_t *bytes);

#endif
