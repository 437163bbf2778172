/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_service.h - the procedures of the Test interface, and how often each one ran.
 */
#ifndef FIREFLY_APP_TEST_SERVICE_H
#define FIREFLY_APP_TEST_SERVICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "test.h"

/* The context of an exported Test. Starts as zeros. Any thread may read it. */
struct test_service {
	_Atomic uint64_t nulls; /* executions of each procedure */
	_Atomic uint64_t max_results;
	_Atomic uint64_t max_args;
	_Atomic uint64_t echoes;
	_Atomic uint64_t wrong; /* arguments that were not their pattern; only when checking */
	bool is_shared;         /* set before the export: several threads run the procedures */
};

/*
 * test_service_export() - export Test.
 * @checking: arguments have to be patterns (pattern.h) and results are; else MaxArg looks at
 * nothing and MaxResult fills its buffer with one byte. Echo does the same in both cases.
 * @service: must outlive the runtime.
 * Return: as fly_export().
 */
int test_service_export(struct fly_runtime *runtime, struct test_service *service, bool checking);

/*
 * test_service_export_with() - the same, not checking. On workers several threads run the
 * procedures at a time, and they do not count: Count returns 0. Return: as fly_export_with().
 */
int test_service_export_with(struct fly_runtime *runtime, struct test_service *service,
			     const struct fly_export_options *options);

/* test_service_executions() - of everything but Count, as Count reports it. */
uint64_t test_service_executions(const struct test_service *service);

#endif
