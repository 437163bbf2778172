/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_service.c - what a server does when Null, MaxResult, MaxArg, Echo and Count are called.
 *
 * Owns the sets of procedures: the plain one does what the paper's did and no more, because it is
 * in the time that is measured; that for workers does not even count; the checking one looks at
 * every byte. Used by serve.c and bench/stage/server.c; they run on the threads that turn pollers,
 * or on workers.
 */
#include "test_service.h"

#include <string.h>

#include "pattern.h"

/* One more of something. Where one thread counts this costs what a plain increment costs. */
static inline uint64_t count(const struct test_service *service, _Atomic uint64_t *counter)
{
	uint64_t before;

	if (service->is_shared)
		return atomic_fetch_add_explicit(counter, 1, memory_order_relaxed) + 1;
	before = atomic_load_explicit(counter, memory_order_relaxed);
	atomic_store_explicit(counter, before + 1, memory_order_relaxed);
	return before + 1;
}

static int do_null(void *context)
{
	struct test_service *service = context;

	count(service, &service->nulls);
	return 0;
}

static int plain_max_result(void *context, uint8_t buffer[1440])
{
	struct test_service *service = context;

	count(service, &service->max_results);
	memset(buffer, PATTERN_PLAIN, 1440);
	return 0;
}

static int plain_max_arg(void *context, const uint8_t buffer[1440])
{
	struct test_service *service = context;

	(void)buffer;
	count(service, &service->max_args);
	return 0;
}

/* The number that seals the result is that of the execution: no two results are equal. */
static int checked_max_result(void *context, uint8_t buffer[1440])
{
	struct test_service *service = context;

	pattern_seal(buffer, 1440, count(service, &service->max_results));
	return 0;
}

static int checked_max_arg(void *context, const uint8_t buffer[1440])
{
	struct test_service *service = context;
	uint64_t number;

	count(service, &service->max_args);
	if (pattern_is_sealed(buffer, 1440, &number))
		return 0;
	count(service, &service->wrong);
	return 1;
}

static int plain_echo(void *context, uint64_t number, const uint8_t data[512],
		      uint64_t *number_again, uint8_t data_again[512])
{
	struct test_service *service = context;
	const uint64_t again = pattern_again(number);

	count(service, &service->echoes);
	for (size_t i = 0; i < 512; i++)
		data_again[i] = data[i] ^ (uint8_t)(again >> 8 * (i % 8));
	*number_again = again;
	return 0;
}

static int checked_echo(void *context, uint64_t number, const uint8_t data[512],
			uint64_t *number_again, uint8_t data_again[512])
{
	struct test_service *service = context;

	if (pattern_is(data, 512, number))
		return plain_echo(context, number, data, number_again, data_again);
	count(service, &service->echoes);
	count(service, &service->wrong);
	return 1;
}

static int do_count(void *context, uint64_t *executions)
{
	*executions = test_service_executions(context);
	return 0;
}

/* ---- of workers: nothing is shared between two of them ---- */

static int uncounted_null(void *context)
{
	(void)context;
	return 0;
}

static int uncounted_max_result(void *context, uint8_t buffer[1440])
{
	(void)context;
	memset(buffer, PATTERN_PLAIN, 1440);
	return 0;
}

static int uncounted_max_arg(void *context, const uint8_t buffer[1440])
{
	(void)context;
	(void)buffer;
	return 0;
}

static int uncounted_echo(void *context, uint64_t number, const uint8_t data[512],
			  uint64_t *number_again, uint8_t data_again[512])
{
	struct test_service own = {0};

	(void)context;
	return plain_echo(&own, number, data, number_again, data_again);
}

static int count_nothing(void *context, uint64_t *executions)
{
	(void)context;
	*executions = 0;
	return 0;
}

static const struct Test_procedures uncounted = {
	.Null = uncounted_null,
	.MaxResult = uncounted_max_result,
	.MaxArg = uncounted_max_arg,
	.Echo = uncounted_echo,
	.Count = count_nothing,
};

static const struct Test_procedures plain = {
	.Null = do_null,
	.MaxResult = plain_max_result,
	.MaxArg = plain_max_arg,
	.Echo = plain_echo,
	.Count = do_count,
};

static const struct Test_procedures checked = {
	.Null = do_null,
	.MaxResult = checked_max_result,
	.MaxArg = checked_max_arg,
	.Echo = checked_echo,
	.Count = do_count,
};

int test_service_export(struct fly_runtime *runtime, struct test_service *service, bool checking)
{
	return Test_export(runtime, checking ? &checked : &plain, service);
}

int test_service_export_with(struct fly_runtime *runtime, struct test_service *service,
			     const struct fly_export_options *options)
{
	return Test_export_with(runtime, options->workers ? &uncounted : &plain, service, options);
}

uint64_t test_service_executions(const struct test_service *service)
{
	return service->nulls + service->max_results + service->max_args + service->echoes;
}
