/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * work.c - calls in packets that wait for a worker or run on one, and do not end in the common
 * way: refused, late, cancelled, of a lost link, or with long results.
 *
 * Runs on the poller's thread, behind slow.h. The record of such a call is RUNNING, so it is not
 * forgotten before the call is done. Must not choose calls or workers: worker.c does.
 */
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "slowpath/work.h"
#include "threads/worker.h"
#include "slowpath/bulk/bulk.h"
#include "slowpath/records.h"
#include "slowpath/reply.h"

static struct fly_packet_work *of_work(struct fly_work *work)
{
	return (struct fly_packet_work *)(void *)((uint8_t *)work -
						  offsetof(struct fly_packet_work, work));
}

static void drop_packets(struct fly_poller *p, struct fly_packet_work *w)
{
	if (w->work.result && w->work.result != w->m)
		fly_packet_put(&p->cache, w->work.result);
	fly_packet_put(&p->cache, w->m);
}

/* The call did not run: no copy of it may run, unless it ran before and is idempotent. */
static void end_record(struct fly_poller *p, struct fly_packet_work *w)
{
	struct fly_conversation *c = w->c;

	fly_conversation_refuse(p, c, c->seq);
	if (w->is_repeat)
		fly_conversation_to_unkept(c);
}

/* Tell the caller that the call was not run. */
static void refuse(struct fly_poller *p, struct fly_packet_work *w)
{
	struct fly_header h;

	if (w->work.result && w->work.result != w->m)
		fly_packet_put(&p->cache, w->work.result);
	fly_wire_read(fly_packet_frame(w->m) + FLY_RPC, &h);
	h.activity = w->c->activity; /* the peer may write to the memory of the packet */
	h.seq = w->c->seq;
	fly_reply_refuse(p, w->link, w->m, &h, w->is_repeat ? FLY_EFORGOTTEN : FLY_EBUSY);
}

void fly_slow_packet_work_done(struct fly_poller *p, struct fly_packet_work *w, int status)
{
	struct fly_conversation *c = w->c;

	if (!w->link) { /* its link is lost: nobody gets the result */
		drop_packets(p, w);
		fly_conversation_to_known(c);
		fly_conversation_forget(p, c);
	} else if (status == -FLY_EBUSY) {
		end_record(p, w);
		refuse(p, w);
	} else if (status == -FLY_EDEADLINE) {
		end_record(p, w);
		drop_packets(p, w);
		fly_stats_add(&p->stats, FLY_COUNT_drop_late, 1);
	} else {
		fly_bulk_served(p, w->link, w->m, w->export_id, c, &w->work.served, status);
	}
}

void fly_work_cancel(struct fly_poller *p, struct fly_conversation *c)
{
	struct fly_packet_work *w = of_work(c->work);

	if (!fly_worker_withdraw(p, c->work))
		return;
	end_record(p, w);
	drop_packets(p, w);
	fly_worker_packet_end(p, w);
}

/*
 * Results of an export that has been withdrawn
 *
 * No later call of their caller will say that the result has arrived. So the server keeps the whole
 * result packet, also of a small result, and of one that could be computed again: the caller is
 * probed for an acknowledgement by the headers of that packet (runtime/drain.c).
 */
static void done_and_kept(struct fly_poller *p, struct fly_work *work, int status)
{
	struct fly_packet_work *w = of_work(work);
	struct rte_mbuf *result = work->result ? work->result : w->m;
	struct fly_conversation *c = w->c;
	struct fly_procedure kept;

	if (!w->link || status == -FLY_EBUSY || status == -FLY_EDEADLINE) {
		fly_worker_packet_done(p, work, status);
		return;
	}
	kept = *work->stub;
	kept.flags &= (uint8_t)~FLY_PROCEDURE_IDEMPOTENT;
	work->stub = &kept;
	fly_packet_share(result); /* before a driver gets it */
	fly_worker_packet_done(p, work, status);
	if (c->result == result)
		return; /* it was long: this reference has become that of the record */
	if (c->state != FLY_CONVERSATION_DONE || fly_conversation_bulk_result(c)) {
		fly_packet_put(&p->cache, result);
		return;
	}
	c->result = result;
	p->conversations.n_retained++;
}

void fly_work_keep_results(struct fly_poller *p)
{
	struct fly_worker_pool *pool;
	struct fly_packet_work *w;

	LIST_FOREACH(pool, &p->pools, next)
	LIST_FOREACH(w, &pool->packets, next)
	w->work.done = done_and_kept;
}

/* A call that came over this lost link. */
static struct fly_packet_work *find(struct fly_poller *p, const struct fly_link *link)
{
	struct fly_worker_pool *pool;
	struct fly_packet_work *w;

	LIST_FOREACH(pool, &p->pools, next)
	LIST_FOREACH(w, &pool->packets, next)
	{
		if (w->link == link)
			return w;
	}
	return NULL;
}

void fly_work_link_lost(struct fly_poller *p, const struct fly_link *link)
{
	struct fly_packet_work *w;

	while ((w = find(p, link)) != NULL) {
		w->link = NULL;
		if (!fly_worker_withdraw(p, &w->work))
			continue; /* it runs: dropped when it is done */
		fly_slow_packet_work_done(p, w, -FLY_EBUSY);
		fly_worker_packet_end(p, w);
	}
}
