/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bulk_service.h - the procedures of the Bulk interface, and what both sides do with the data.
 *
 * As a program would, Put's procedure reads each byte once, and Get's writes each byte once. So
 * that a byte of another call is found out without a measurable cost, data that is measured with
 * is marked: the same byte in 16 places, a new one for each call. In a warm-up every byte is
 * checked.
 */
#ifndef FIREFLY_APP_BULK_SERVICE_H
#define FIREFLY_APP_BULK_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <firefly/firefly.h>

#define BULK_MOST 67108860U /* bytes in one call, by bulk.fly */

/* The context of an exported Bulk. Starts as zeros; read and written between two turns. */
struct bulk_service {
	bool checking;  /* data has to be, and will be, a pattern: bulk_pattern() */
	uint64_t calls; /* executions of both procedures */
	uint64_t ticks; /* that they took */
	uint64_t sum;   /* of what was read */
	uint8_t mark;   /* of the last Get */
};

/* bulk_service_export() - as fly_export(). @service: must outlive the runtime. */
int bulk_service_export(struct fly_runtime *runtime, struct bulk_service *service);

/* bulk_pattern() - the number of the pattern (pattern.h) of a checked call. @is_result: of Get. */
uint64_t bulk_pattern(size_t bytes, bool is_result);

/* bulk_mark() - write @mark in 16 places, first and last byte among them. */
void bulk_mark(uint8_t *data, size_t bytes, uint8_t mark);

/* bulk_is_marked() - is it the same byte in all of these places? */
bool bulk_is_marked(const uint8_t *data, size_t bytes);

/* bulk_read() - look at each byte once. Return: a sum that depends on all of them. */
uint64_t bulk_read(const uint8_t *data, size_t bytes);

#endif
