/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trial_service.c - the procedures of trial.fly. They run inside a poller's turn and report to the
 * oracle. See world.h.
 */
#include "world.h"

static bool is_data(const uint8_t *data, uint32_t bytes, uint32_t number)
{
	return memcmp(data, oracle_data(number, 0), bytes) == 0;
}

static uint32_t bytes_of(struct node *node, uint32_t number, bool results)
{
	const struct call *c = oracle_call(node->world, number);

	return !c ? UINT32_MAX : results ? c->bytes_out : c->bytes_in;
}

/* Some calls of several packets take long, too. */
static void take_time(struct node *node, uint32_t number)
{
	const struct call *c = oracle_call(node->world, number);

	if (c && c->us)
		world_work(node, c->us * US);
}

static int null(void *context)
{
	struct node *node = context;

	trace_line(node->world, "%s runs Null", node->name);
	node->world->null_runs++;
	return 0;
}

static int add(void *context, uint32_t number, uint64_t a, uint64_t b, uint64_t *result)
{
	oracle_ran(context, number, TRIAL_ADD, b == ~a);
	*result = TRIAL_SUM_OF(number);
	return 0;
}

static int fill(void *context, uint32_t number, uint8_t data[1440])
{
	oracle_ran(context, number, TRIAL_FILL, true);
	memcpy(data, oracle_data(number, 1), 1440);
	return 0;
}

static int sum(void *context, uint32_t number, const uint8_t data[1400], uint64_t *result)
{
	oracle_ran(context, number, TRIAL_SUM, is_data(data, 1400, number));
	*result = TRIAL_SUM_OF(number);
	return 0;
}

static int mirror(void *context, uint32_t number, const uint8_t data[500], uint8_t back[500])
{
	oracle_ran(context, number, TRIAL_MIRROR, is_data(data, 500, number));
	memcpy(back, oracle_data(number, 1), 500);
	return 0;
}

static int swap(void *context, uint32_t number, const uint8_t data[1200], uint8_t back[1200])
{
	oracle_ran(context, number, TRIAL_SWAP, is_data(data, 1200, number));
	memcpy(back, oracle_data(number, 1), 1200);
	return 0;
}

static int store(void *context, uint32_t number, const uint8_t *data, uint32_t data_count,
		 uint64_t *result)
{
	oracle_ran(context, number, TRIAL_STORE,
		   data_count == bytes_of(context, number, false) &&
			   is_data(data, data_count, number));
	take_time(context, number);
	*result = TRIAL_SUM_OF(number);
	return 0;
}

static int fetch(void *context, uint32_t number, uint32_t bytes, uint8_t data[BYTES_MAX],
		 uint32_t *data_count)
{
	oracle_ran(context, number, TRIAL_FETCH, bytes == bytes_of(context, number, true));
	take_time(context, number);
	*data_count = RTE_MIN(bytes, (uint32_t)BYTES_MAX);
	memcpy(data, oracle_data(number, 1), *data_count);
	return 0;
}

static int exchange(void *context, uint32_t number, const uint8_t *data, uint32_t data_count,
		    uint8_t back[BYTES_MAX], uint32_t *back_count)
{
	const uint32_t bytes = bytes_of(context, number, true);

	oracle_ran(context, number, TRIAL_EXCHANGE,
		   data_count == bytes_of(context, number, false) &&
			   is_data(data, data_count, number));
	take_time(context, number);
	*back_count = RTE_MIN(bytes, (uint32_t)BYTES_MAX);
	memcpy(back, oracle_data(number, 1), *back_count);
	return 0;
}

static int look(void *context, uint32_t number, uint32_t bytes, uint8_t data[1400],
		uint32_t *data_count)
{
	oracle_ran(context, number, TRIAL_LOOK, bytes == bytes_of(context, number, true));
	*data_count = RTE_MIN(bytes, 1400U);
	memcpy(data, oracle_data(number, 1), *data_count);
	return 0;
}

static int scan(void *context, uint32_t number, uint32_t bytes, uint8_t data[BYTES_MAX],
		uint32_t *data_count)
{
	oracle_ran(context, number, TRIAL_SCAN, bytes == bytes_of(context, number, true));
	*data_count = RTE_MIN(bytes, (uint32_t)BYTES_MAX);
	memcpy(data, oracle_data(number, 1), *data_count);
	return 0;
}

static int refuse(void *context, uint32_t number, uint32_t bytes,
		  struct Trial_Refuse_raised *raised)
{
	oracle_ran(context, number, TRIAL_REFUSE, bytes == bytes_of(context, number, true));
	raised->as.Refused.number = number;
	raised->as.Refused.why_count = RTE_MIN(bytes, 1000U);
	memcpy(raised->as.Refused.why, oracle_data(number, 1), raised->as.Refused.why_count);
	return Trial_Refused_NUMBER;
}

static int fail(void *context, uint32_t number, uint8_t data[1000])
{
	oracle_ran(context, number, TRIAL_FAIL, true);
	memset(data, 0, 1000); /* nobody receives it */
	return fly_raise((int)(number % 1000) + 1, "so it is");
}

static int negate(void *context, bool value, bool *result)
{
	(void)context;
	*result = !value;
	return 0;
}

static int work(void *context, uint32_t number, uint32_t us, uint64_t *result)
{
	struct node *node = context;
	const struct call *c = oracle_call(node->world, number);

	oracle_ran(node, number, TRIAL_WORK, c && c->us == us);
	world_work(node, us * US);
	*result = TRIAL_SUM_OF(number);
	return 0;
}

const struct Trial_procedures trial_procedures = {
	.Null = null,
	.Add = add,
	.Fill = fill,
	.Sum = sum,
	.Mirror = mirror,
	.Swap = swap,
	.Store = store,
	.Fetch = fetch,
	.Exchange = exchange,
	.Look = look,
	.Scan = scan,
	.Refuse = refuse,
	.Fail = fail,
	.Not = negate,
	.Work = work,
};
