/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local/share.h - memory for long calls over the local link, and each client's share of it
 * (local/share.c). On the poller's thread.
 */
#ifndef FLY_LOCAL_SHARE_H
#define FLY_LOCAL_SHARE_H

#include "local/server.h"

/*
 * fly_local_share_join() - a client comes: find its user. Return: 0 or -FLY_ENOMEM.
 * fly_local_share_leave() - it goes, after its calls: what it held is free.
 */
int fly_local_share_join(struct fly_poller *p, struct fly_local_client *of);
void fly_local_share_leave(struct fly_poller *p, struct fly_local_client *of);

/* fly_local_share_allows() - may this client hold so many bytes more? "Shares" in share.c. */
bool fly_local_share_allows(const struct fly_poller *p, const struct fly_local_client *of,
			    uint64_t bytes);

/*
 * fly_local_share_hold() - account for bytes that are held from now on.
 * fly_local_share_free() - they are not any more. @of: NULL: the client has gone.
 * fly_local_share_keep() - a work points to the user, also when the client has gone. End it by
 * fly_local_share_drop().
 */
void fly_local_share_hold(struct fly_poller *p, struct fly_local_client *of, uint64_t bytes);
void fly_local_share_free(struct fly_poller *p, struct fly_local_user *user,
			  struct fly_local_client *of, uint64_t bytes);
struct fly_local_user *fly_local_share_keep(struct fly_local_client *of);
void fly_local_share_drop(struct fly_local_user *user);

/* ---- far memory ---- */

/* fly_local_far_is_lent() - has the clerk the far memory of this slot? */
bool fly_local_far_is_lent(struct fly_poller *p, struct fly_local_client *of, uint32_t i);

/* fly_local_far_read() - the client has written so many bytes of a slot's far memory. */
void fly_local_far_read(struct fly_local_client *of, uint32_t i, uint32_t bytes);

/* fly_local_far_write() - we write so many bytes of it: they are held until they are given back. */
void fly_local_far_write(struct fly_poller *p, struct fly_local_client *of, uint32_t i,
			 uint32_t bytes);

/* fly_local_far_lend() - lend idle far memory to the clerk. @kept: a bit per slot to leave. */
void fly_local_far_lend(struct fly_poller *p, struct fly_local_client *of, uint64_t kept);

/* ---- blocks ---- */

/*
 * fly_local_block_get() - memory for a call with long arguments or results. @bytes: wanted; set to
 * the block's size, which the others want back. Return: NULL: none.
 *
 * fly_local_block_put() - keep it as the spare block, or free it; the larger one is kept. Return:
 * false: freeing so much at once takes too long: first fly_local_block_shrink() what is in *block
 * and *bytes then.
 *
 * fly_local_block_shrink() - give some pages back, from the end. Only for blocks that are not freed
 * at once: they have all their pages for themselves. Return: bytes that are left.
 *
 * fly_local_block_take_spare() - take the spare block, if no call has used it since last time.
 * Return: NULL: there is none to take, or it was freed at once; the others: it is to be freed as
 * what fly_local_block_put() has not freed. @bytes: its size.
 */
uint8_t *fly_local_block_get(struct fly_poller *p, size_t *bytes);
bool fly_local_block_put(struct fly_poller *p, uint8_t **block, size_t *bytes);
size_t fly_local_block_shrink(uint8_t *block, size_t bytes);
uint8_t *fly_local_block_take_spare(struct fly_poller *p, size_t *bytes);

#endif
