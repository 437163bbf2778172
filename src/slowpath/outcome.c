/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * outcome.c - a procedure returned something else than 0: what is counted, and what its caller
 * gets.
 *
 * Runs on the poller's thread, behind slow.h; fly_slow_raised() on the thread of the procedure.
 */
#include "fastpath/poller.h"
#include "fastpath/slow.h"
#include "marshal/raise.h"

/* In some layouts the results lie too far back in the packet: then they move to its front. */
void fly_slow_raised(struct rte_mbuf *result, struct fly_served *served)
{
	if (result) {
		uint8_t *front = fly_packet_frame(result);

		if (served->results + FLY_RAISED_BYTES_MAX > front + fly_packet_room(result))
			served->results = front + FLY_PAYLOAD;
		fly_packet_expose(result,
				  (uint32_t)(served->results - front) + FLY_RAISED_BYTES_MAX);
	}
	served->result_bytes = fly_raised_put(served->results, served->raised);
}

int fly_slow_served(struct fly_poller *p, struct rte_mbuf *result, struct fly_served *served,
		    int status)
{
	if (status == -FLY_ERAISED)
		fly_slow_raised(result, served);
	return fly_slow_served_by_worker(p, served, status);
}

int fly_slow_served_by_worker(struct fly_poller *p, struct fly_served *served, int status)
{
	enum fly_counter what;

	if (status != -FLY_EEXCEPTION && status != -FLY_ERAISED)
		served->result_bytes = 0;
	switch (status) {
	case -FLY_EEXCEPTION:
		what = FLY_COUNT_calls_excepted;
		break;
	case -FLY_ERAISED:
		what = FLY_COUNT_calls_raised;
		break;
	case -FLY_EMALFORMED:
		what = FLY_COUNT_calls_unreadable;
		break;
	case -FLY_ENOMEM:
		what = FLY_COUNT_calls_no_memory;
		break;
	case -FLY_ENOPROC:
		fly_stats_add(&p->stats, FLY_COUNT_calls_no_procedure, 1);
		return status; /* no stub of an interface ran: not served */
	default:
		status = -FLY_ERESULT;
		what = FLY_COUNT_calls_wrong_results;
	}
	fly_stats_add(&p->stats, what, 1);
	fly_stats_add(&p->stats, FLY_COUNT_calls_served, 1);
	return status;
}
