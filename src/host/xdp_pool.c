/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * xdp_pool.c - see xdp_pool.h. Called by port.c. Owns nothing.
 *
 * The driver registers the pool's memory with the kernel, and takes it for granted that packet lies
 * behind packet in it. The kernel takes nothing that lies in two pages: it counts it as invalid,
 * and the packet is lost. So each packet is a page.
 */
#include "host/xdp_pool.h"

#include <stdatomic.h>
#include <stdio.h>

#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_memzone.h>

#include "host/link_spec.h"
#include "fastpath/wire.h"

/* The driver fills a ring of 2048 packets, keeps up to 2048 that are sent, and holds a few more. */
#define PACKETS 4607
#define CACHE   64
#define PAGE    4096 /* whatever the system's is, a packet lies in one */
#define KERNELS 256  /* bytes that the kernel leaves free in front of a frame */
#define HEADS   (64 + sizeof(struct rte_mbuf)) /* of an object of a pool, and of a packet */

static_assert(HEADS + RTE_PKTMBUF_HEADROOM + KERNELS + FLY_IP + FLY_MTU_MOST_OF_XDP <= PAGE,
	      "the longest frame fits");

static void forget(struct rte_mempool_memhdr *memory, void *zone)
{
	(void)memory;
	rte_memzone_free(zone);
}

static struct rte_mempool *new_on(int node)
{
	static _Atomic unsigned ever;
	struct rte_pktmbuf_pool_private room = {.mbuf_data_room_size = PAGE - HEADS};
	const struct rte_memzone *zone;
	struct rte_mempool *pool;
	char name[24];

	snprintf(name, sizeof name, "flyxdp%u", atomic_fetch_add(&ever, 1));
	pool = rte_mempool_create_empty(name, PACKETS, PAGE - 64, CACHE, sizeof room, node,
					RTE_MEMPOOL_F_NO_SPREAD);
	if (!pool)
		return NULL;
	zone = rte_memzone_reserve_aligned(name, (size_t)PACKETS * PAGE, node, 0, PAGE);
	if (!zone || rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL) != 0) {
		rte_memzone_free(zone);
		rte_mempool_free(pool);
		return NULL;
	}
	rte_pktmbuf_pool_init(pool, &room);
	if (rte_mempool_populate_iova(pool, zone->addr, zone->iova, zone->len, forget,
				      (void *)(uintptr_t)zone) != PACKETS) {
		if (pool->nb_mem_chunks == 0)
			rte_memzone_free(zone);
		rte_mempool_free(pool);
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}

struct rte_mempool *fly_xdp_pool_new(int node)
{
	struct rte_mempool *pool = new_on(node);

	return pool ? pool : new_on(SOCKET_ID_ANY);
}

void fly_xdp_pool_free(struct rte_mempool *pool)
{
	rte_mempool_free(pool);
}
