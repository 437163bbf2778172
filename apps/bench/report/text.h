/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * text.h - figures in few columns, and in JSON.
 */
#ifndef FIREFLY_BENCH_TEXT_H
#define FIREFLY_BENCH_TEXT_H

#include "bench/stage/stage.h"

struct json_object;

#define TEXT_ROOM 64

/* text_ns() - ticks in nanoseconds. */
double text_ns(const struct stage_machine *machine, double ticks);

/* text_scaled() - 1234567 becomes "1.23 M": three digits, at most 7 columns. */
const char *text_scaled(char text[TEXT_ROOM], double value);

/* text_us() - nanoseconds as microseconds, in at most 6 columns below a second. */
const char *text_us(char text[TEXT_ROOM], double ns);

/* text_ratio() - "1.07x", or "-" for NAN. */
const char *text_ratio(char text[TEXT_ROOM], double ratio);

/* text_gigabytes() - bytes per second in at most 5 columns, as GB/s; "-" for NAN. */
const char *text_gigabytes(char text[TEXT_ROOM], double rate);

/* text_size() - 8388608 becomes "8 MiB": sizes are powers of two, nearly all. */
const char *text_size(char text[TEXT_ROOM], uint32_t bytes);

/* text_print_doubt() - why @row has no @what ("ratio", "verdict"), unless it has one. */
void text_print_doubt(const char *row, const char *what, struct pairs *pairs);

/* text_cpu_model() - the processor's name, as the system has it. */
void text_cpu_model(char *name, size_t bytes);

/* text_dpdk_version() - "22.11.11": DPDK says its name as well. */
const char *text_dpdk_version(const char *version);

/* text_print_machine() - the last line of a table. */
void text_print_machine(const struct stage_machine *machine);

/* text_machine_json() - the object "machine". */
struct json_object *text_machine_json(const struct stage_machine *machine);

/* text_number() - of JSON, with a given precision; NULL (null) for what is not a number. */
struct json_object *text_number(double value, int decimals);

/* text_write() - @all to a file, or to stdout for "-". Return: 0, or -1 with errno set. */
int text_write(struct json_object *all, const char *path);

#endif
