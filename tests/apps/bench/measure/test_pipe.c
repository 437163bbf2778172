/* SPDX-License-Identifier: BSD-3-Clause */
/* test_pipe.c - both sides of the pipe, on two threads, and the sum that reads what came. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "bench/measure/bytes.h"
#include "bench/measure/pipe.h"

#define MESSAGES 5

struct side {
	struct pipe *pipe;
	enum pipe_side side;
	uint8_t *data;
	uint64_t most, moved; /* bytes */
};

static bool go_on(void *context, unsigned n)
{
	struct side *s = context;

	s->moved += n;
	return s->moved < s->most;
}

static void *be(void *context)
{
	struct side *s = context;

	pipe_move(s->pipe, s->side, s->data, go_on, s);
	return NULL;
}

static void move_all(uint32_t bytes)
{
	struct pipe *pipe = aligned_alloc(4096, sizeof *pipe);
	struct side gives = {pipe, PIPE_GIVES, malloc(bytes), (uint64_t)MESSAGES * bytes, 0};
	struct side takes = {pipe, PIPE_TAKES, calloc(bytes, 1), (uint64_t)MESSAGES * bytes, 0};
	pthread_t other;

	for (uint32_t i = 0; i < bytes; i++)
		gives.data[i] = (uint8_t)(i * 7 + i / 251);
	pipe_open(pipe, bytes);
	pthread_create(&other, NULL, be, &gives);
	be(&takes);
	pthread_join(other, NULL);
	cr_expect_eq(gives.moved, takes.moved);
	cr_expect_eq(takes.moved, (uint64_t)MESSAGES * bytes);
	cr_expect_eq(memcmp(gives.data, takes.data, bytes), 0, "%u bytes", bytes);
	/* the next use begins anew */
	pipe_open(pipe, 1);
	cr_expect_eq(atomic_load(&pipe->written), 0);
	cr_expect_eq(atomic_load(&pipe->read), 0);
	free(gives.data);
	free(takes.data);
	free(pipe);
}

Test(pipe, pipe_move__each_byte_arrives)
{
	move_all(1);
	move_all(PIPE_CHUNK);
	move_all(PIPE_CHUNK + 1);
	move_all(3 * PIPE_CHUNKS * PIPE_CHUNK - 5);
}

Test(pipe, bytes_sum__depends_on_each_byte)
{
	uint8_t data[200] = {0};

	for (size_t length = 1; length <= sizeof data; length++)
		for (size_t i = 0; i < length; i++) {
			data[i] = 1;
			cr_expect_neq(bytes_sum(data, length), 0, "byte %zu of %zu", i, length);
			data[i] = 0;
		}
	data[100] = 1;
	cr_expect_eq(bytes_sum(data, 100), 0, "and on no other");
}
