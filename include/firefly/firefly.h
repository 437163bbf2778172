/* SPDX-License-Identifier: BSD-3-Clause */
/* firefly.h - all that a program includes. Generated headers include it. */
#ifndef FIREFLY_FIREFLY_H
#define FIREFLY_FIREFLY_H

#include <firefly/runtime.h>
#include <firefly/status.h>
#include <firefly/topology.h>
#include <firefly/view.h>

#endif
