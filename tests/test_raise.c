/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_raise.c - errors that no interface declares, encoded and decoded. A plain program, because
 * big_endian.sh runs it where there is no Criterion; prints failures.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "marshal/raise.h"

static unsigned failures;

#define EXPECT(condition)                                                      \
	do {                                                                   \
		if (!(condition)) {                                            \
			printf("test_raise.c:%d: %s\n", __LINE__, #condition); \
			failures++;                                            \
		}                                                              \
	} while (0)

#define WORDS55 "0123456789012345678901234567890123456789012345678901234"

/* Expect these bytes, and no byte written behind them. */
static void expect_put(int32_t number, const uint8_t *wire, uint32_t bytes)
{
	uint8_t results[FLY_RAISED_BYTES_MAX + 1];

	memset(results, 0xa5, sizeof results);
	EXPECT(fly_raised_put(results, number) == bytes);
	EXPECT(memcmp(results, wire, bytes) == 0);
	EXPECT(results[bytes] == 0xa5);
}

static void fly_raise__number_and_words_go_to_the_wire(void)
{
	static const uint8_t wire[] = {0x04, 0x03, 0x02, 0x01, 5,   0,   0,
				       0,    'w',  'o',  'r',  'd', 's', 0};

	EXPECT(fly_raise(0x01020304, "words") == 0x01020304);
	expect_put(0x01020304, wire, sizeof wire);
}

static void fly_raise__words_are_used_once_and_for_their_number(void)
{
	static const uint8_t minus[] = {0xfe, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0};
	static const uint8_t five[] = {5, 0, 0, 0, 0, 0, 0, 0, 0};

	fly_raise(-2, "of another number");
	expect_put(5, five, sizeof five);
	/* a number that was raised and not returned is forgotten, too */
	expect_put(-2, minus, sizeof minus);
	fly_raise(-2, NULL);
	expect_put(-2, minus, sizeof minus);
	fly_raise(5, "once");
	fly_raise(5, "");
	expect_put(5, five, sizeof five);
}

static void fly_raise__long_words_are_cut(void)
{
	uint8_t results[FLY_RAISED_BYTES_MAX];

	fly_raise(1, WORDS55);
	EXPECT(fly_raised_put(results, 1) == FLY_RAISED_BYTES_MAX);
	fly_raise(1, WORDS55 "5 and more");
	EXPECT(fly_raised_put(results, 1) == FLY_RAISED_BYTES_MAX);
	EXPECT(memcmp(results + 8, WORDS55, 56) == 0);
	EXPECT(FLY_RAISED_BYTES_MAX == 64);
}

static void fly_raised_get__takes_what_was_put(void)
{
	uint8_t results[FLY_RAISED_BYTES_MAX];
	uint32_t bytes;

	fly_raise(-1000, WORDS55);
	bytes = fly_raised_put(results, -1000);
	fly_raised_get(results, bytes);
	EXPECT(fly_raised()->number == -1000);
	EXPECT(strcmp(fly_raised()->text, WORDS55) == 0);
	bytes = fly_raised_put(results, 7);
	fly_raised_get(results, bytes);
	EXPECT(fly_raised()->number == 7);
	EXPECT(fly_raised()->text[0] == '\0');
}

static void fly_raised_get__what_cannot_be_read_is_nothing(void)
{
	static const uint8_t good[] = {1, 0, 0, 0, 2, 0, 0, 0, 'o', 'k', 0};
	static const struct {
		uint8_t wire[12];
		uint32_t bytes;
	} bad[] = {
		{{0}, 0},
		{{1, 0, 0, 0}, 4},
		{{1, 0, 0, 0, 0, 0, 0, 0}, 8},
		{{1, 0, 0, 0, 2, 0, 0, 0, 'o', 'k', 0}, 10},    /* truncated */
		{{1, 0, 0, 0, 2, 0, 0, 0, 'o', 'k', 0, 0}, 12}, /* a byte too many */
		{{1, 0, 0, 0, 1, 0, 0, 0, 'o', 'k'}, 10},       /* no NUL */
		{{1, 0, 0, 0, 2, 0, 0, 0, 0, 'k', 0}, 11},      /* NUL within */
		{{1, 0, 0, 0, 0, 0, 0, 2, 'o', 'k', 0}, 11}, /* a length of the other byte order */
		{{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0}, 9},
		{{1, 0, 0, 0, 0xf7, 0xff, 0xff, 0xff, 0}, 0},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		fly_raised_get(good, sizeof good);
		EXPECT(fly_raised()->number == 1 && strcmp(fly_raised()->text, "ok") == 0);
		fly_raised_get(bad[i].wire, bad[i].bytes);
		EXPECT(fly_raised()->number == 0 && fly_raised()->text[0] == '\0');
	}
}

/* A text of 56 bytes is too long, even with a NUL behind it. */
static void fly_raised_get__words_have_room(void)
{
	uint8_t wire[8 + 56 + 1] = {1, 0, 0, 0, 56};

	memset(wire + 8, 'x', 56);
	fly_raised_get(wire, sizeof wire);
	EXPECT(fly_raised()->number == 0);
	wire[4] = 55;
	wire[8 + 55] = '\0';
	fly_raised_get(wire, sizeof wire - 1);
	EXPECT(fly_raised()->number == 1 && strlen(fly_raised()->text) == 55);
}

static void *on_another_thread(void *result)
{
	static const uint8_t wire[] = {9, 0, 0, 0, 0, 0, 0, 0, 0};

	EXPECT(fly_raised()->number == 0);
	expect_put(9, wire, sizeof wire);
	fly_raise(3, "its own");
	return result;
}

static void fly_raise__each_thread_has_its_own(void)
{
	static const uint8_t wire[] = {9, 0, 0, 0, 4, 0, 0, 0, 'm', 'i', 'n', 'e', 0};
	static const uint8_t told[] = {1, 0, 0, 0, 0, 0, 0, 0, 0};
	pthread_t thread;

	fly_raised_get(told, sizeof told);
	fly_raise(9, "mine");
	EXPECT(pthread_create(&thread, NULL, on_another_thread, NULL) == 0);
	EXPECT(pthread_join(thread, NULL) == 0);
	EXPECT(fly_raised()->number == 1);
	expect_put(9, wire, sizeof wire);
}

int main(void)
{
	fly_raise__number_and_words_go_to_the_wire();
	fly_raise__words_are_used_once_and_for_their_number();
	fly_raise__long_words_are_cut();
	fly_raised_get__takes_what_was_put();
	fly_raised_get__what_cannot_be_read_is_nothing();
	fly_raised_get__words_have_room();
	fly_raise__each_thread_has_its_own();
	return failures != 0;
}
