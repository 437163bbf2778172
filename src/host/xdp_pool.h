/* SPDX-License-Identifier: BSD-3-Clause */
/* xdp_pool.h - packets that DPDK's driver of AF_XDP receives into, and sends. */
#ifndef FLY_XDP_POOL_H
#define FLY_XDP_POOL_H

#include <rte_mempool.h>

/*
 * fly_xdp_pool_new() - a pool for one queue, in one piece. @node: or anywhere, if that is full.
 * Return: fly_xdp_pool_free() frees it; NULL: there is no memory.
 */
struct rte_mempool *fly_xdp_pool_new(int node);
void fly_xdp_pool_free(struct rte_mempool *pool);

#endif
