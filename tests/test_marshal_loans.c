/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_marshal_loans.c - struct fly_loans, and the generated stubs of idl/golden/loans.fly, which
 * lend their long arrays to idl/loopback.c.
 *
 * The loopback ends the program if a stub writes to the place of an array that it lends, or lends
 * one out of order or out of bounds. idl/roundtrip.py does the same with random interfaces.
 */
#include <criterion/criterion.h>

#include <firefly/stub.h>

#include "idl/loopback.h"
#include "loans.h"

#define N_OF(array) (sizeof(array) / sizeof *(array))

/* ---- the procedures: each result follows from the arguments ---- */

static struct fly_binding *binding;
static bool is_nested; /* Send makes another call before it returns */
static bool is_full;   /* Fetch raises Full */
static uint32_t n_fetched = 5000;

static uint32_t sum(const void *bytes, size_t n)
{
	const uint8_t *b = bytes;
	uint32_t s = 1;

	for (size_t i = 0; i < n; i++)
		s = s * 31 + b[i];
	return s;
}

static int send_them(void *context, const uint8_t *image, uint32_t image_count,
		     const struct Loans_Sample *samples, uint32_t samples_count, bool has_name,
		     const char *name, const double table[500], const int16_t *sounds,
		     uint32_t sounds_count, uint32_t n, uint32_t *result,
		     struct Loans_Send_raised *raised)
{
	(void)context;
	(void)samples;
	(void)raised;
	*result = sum(image, image_count) + sum(table, 500 * sizeof *table) +
		  sum(sounds, sounds_count * sizeof *sounds) + samples_count + n +
		  (has_name ? sum(name, strlen(name)) : 0);
	if (is_nested) {
		const struct fly_loans *outer = binding->loans;
		uint64_t numbers[1000];
		char unit[8 + 1];

		cr_assert_eq(Loans_Results(binding, numbers, unit), 0);
		cr_expect_eq(numbers[999], 999);
		cr_expect_eq(binding->loans, outer);
	}
	return 0;
}

static int fetch(void *context, uint32_t n, uint8_t image[5000], uint32_t *image_count,
		 uint32_t *count, int16_t sounds[2000], float result[1000],
		 struct Loans_Fetch_raised *raised)
{
	(void)context;
	if (is_full) {
		raised->as.Full.room = n;
		return Loans_Full_NUMBER;
	}
	*image_count = n_fetched;
	memset(image, (int)n, n_fetched);
	*count = n + 1;
	for (int i = 0; i < 2000; i++)
		sounds[i] = (int16_t)((int)n - i);
	for (int i = 0; i < 1000; i++)
		result[i] = (float)i / 2;
	return 0;
}

static int arguments(void *context, const uint64_t *numbers, uint32_t numbers_count)
{
	(void)context;
	return numbers_count && numbers[0] != 7 ? 1 : 0;
}

static int results(void *context, uint64_t numbers[1000], char unit[8 + 1])
{
	(void)context;
	for (uint32_t i = 0; i < 1000; i++)
		numbers[i] = i;
	strcpy(unit, "mm");
	return 0;
}

static int both(void *context, uint32_t numbers[1000], uint32_t *numbers_count, double table[500])
{
	(void)context;
	for (uint32_t i = 0; i < *numbers_count; i++)
		numbers[i]++;
	for (int i = 0; i < 500; i++)
		table[i] = i;
	return 0;
}

static int reverse(void *context, const uint8_t from[4000], uint8_t to[4000])
{
	(void)context;
	for (int i = 0; i < 4000; i++)
		to[i] = from[3999 - i];
	return 0;
}

static int two_vary(void *context, uint8_t a[4000], uint32_t *a_count, uint8_t b[4000],
		    uint32_t *b_count)
{
	(void)context;
	memset(a, 1, 4000);
	memset(b, 2, 4000);
	*a_count = *b_count = 4000;
	return 0;
}

static int more(void *context, const uint8_t a[2000], const uint8_t b[2000], const uint8_t c[2000],
		const uint8_t d[2000], const uint8_t e[2000], uint8_t f[2000], uint8_t g[2000],
		uint8_t h[2000], uint8_t i[2000], uint8_t j[2000])
{
	(void)context;
	memcpy(f, a, 2000);
	memcpy(g, b, 2000);
	memcpy(h, c, 2000);
	memcpy(i, d, 2000);
	memcpy(j, e, 2000);
	return 0;
}

static int named(void *context, const uint8_t *loans, uint32_t loans_count, uint8_t loans_[4000],
		 uint32_t *tail, uint32_t *last)
{
	(void)context;
	memset(loans_, loans[loans_count - 1], 4000);
	*tail = loans_count;
	*last = 9;
	return 0;
}

static int longest(void *context, const uint8_t *data, uint32_t data_count, uint8_t back[1969])
{
	(void)context;
	memset(back, data_count ? data[data_count - 1] : 0, 1969);
	return 0;
}

static int short_one(void *context, const uint8_t *data, uint32_t data_count, uint64_t back[246])
{
	(void)context;
	for (int i = 0; i < 246; i++)
		back[i] = sum(data, data_count);
	return 0;
}

static int others(void *context, const bool flags[4000], bool has_data, const uint8_t *data,
		  uint32_t data_count, const struct Loans_Sample *samples, uint32_t samples_count,
		  bool back[4000], uint32_t *back_count)
{
	(void)context;
	(void)samples;
	memcpy(back, flags, 4000);
	*back_count = 4000;
	return has_data && data_count == 4000 && data[0] == 1 && samples_count == 500 ? 0 : 1;
}

static const struct Loans_procedures procedures = {
	.Send = send_them,
	.Fetch = fetch,
	.Arguments = arguments,
	.Results = results,
	.Both = both,
	.Reverse = reverse,
	.TwoVary = two_vary,
	.More = more,
	.Named = named,
	.Longest = longest,
	.Short = short_one,
	.Others = others,
};

/* ---- calls ---- */

/* Of a call around all others, which has begun: the stubs must leave it alone. */
static struct fly_call outer_call;
static struct fly_loans outer = {.call = &outer_call};

static uint8_t image[5000];
static double table[500];
static int16_t sounds[4000];
static const struct Loans_Sample samples[2] = {{1, "one"}, {2, "two"}};

static void begin(void)
{
	cr_assert_eq(Loans_export(NULL, &procedures, NULL), 0);
	cr_assert_eq(Loans_import(NULL, NULL, &binding), 0);
	binding->loans = &outer;
	for (size_t i = 0; i < N_OF(image); i++)
		image[i] = (uint8_t)(i % 251);
	for (size_t i = 0; i < N_OF(table); i++)
		table[i] = (double)i / 3;
	for (size_t i = 0; i < N_OF(sounds); i++)
		sounds[i] = (int16_t)(7 * i);
}

/* All calls are over, and what calls around them lend is lent as before. */
static void finish(void)
{
	cr_expect_eq(loopback.calls, 0);
	cr_expect_eq(binding->loans, &outer);
	cr_expect_eq(outer.call, &outer_call);
	cr_expect_not(outer.is_read);
	cr_expect_not(outer.is_stored);
	cr_expect_null(outer.outer);
	loopback_free();
}

TestSuite(marshal_loans, .init = begin, .fini = finish);

/* Does the library read and store what is lent? In all four ways. */
static void set_way(int way)
{
	loopback_reset();
	loopback.reads_loans = way & 1;
	loopback.stores_loans = way & 2;
}

static int call_send(uint32_t n_image, uint32_t n_samples, bool has_name, uint32_t n_sounds,
		     uint32_t *result)
{
	return Loans_Send(binding, image, n_image, samples, n_samples, has_name, "name", table,
			  sounds, n_sounds, 5, result, NULL);
}

static uint32_t sum_of_send(uint32_t n_image, uint32_t n_samples, bool has_name, uint32_t n_sounds)
{
	return sum(image, n_image) + sum(table, sizeof table) +
	       sum(sounds, n_sounds * sizeof *sounds) + n_samples + 5 +
	       (has_name ? sum("name", 4) : 0);
}

static void expect_loan(const struct fly_loan *loan, uint32_t at, const void *bytes,
			uint32_t length)
{
	cr_expect_eq(loan->at, at);
	cr_expect_eq(loan->bytes, bytes);
	cr_expect_eq(loan->length, length);
}

/* ---- struct fly_loans ---- */

Test(marshal_loans, fly_lend_argument__long_arrays_only)
{
	struct fly_loans l;

	fly_loans_init(&l);
	fly_lend_argument(&l, 0, image, FLY_LOAN_LEAST - 1, 1);
	cr_expect_eq(l.n_arguments, 0);
	fly_lend_argument(&l, 8, image, FLY_LOAN_LEAST, 1);
	cr_assert_eq(l.n_arguments, 1);
	expect_loan(&l.arguments[0], 8, image, FLY_LOAN_LEAST);
	cr_expect_not(fly_is_lent(&l, 8), "the library has not said that it reads it");
	l.is_read = true;
	cr_expect(fly_is_lent(&l, 8));
	cr_expect_not(fly_is_lent(&l, 0));
}

Test(marshal_loans, fly_lend_argument__no_more_than_there_is_room_for)
{
	struct fly_loans l;

	fly_loans_init(&l);
	for (uint32_t i = 0; i <= FLY_LOANS; i++)
		fly_lend_argument(&l, i * 2000, image, 2000, 1);
	l.is_read = true;
	cr_expect_eq(l.n_arguments, FLY_LOANS);
	cr_expect(fly_is_lent(&l, (FLY_LOANS - 1) * 2000));
	cr_expect_not(fly_is_lent(&l, FLY_LOANS * 2000));
}

Test(marshal_loans, fly_lend_result__not_where_an_argument_lies)
{
	struct fly_loans l;

	fly_loans_init(&l);
	fly_lend_argument(&l, 0, image + 2500, 2000, 1);
	fly_lend_result(&l, 0, image, 2501, 1);
	fly_lend_result(&l, 0, image + 2500 + 1999, 2000, 1);
	fly_lend_result(&l, 0, image + 2600, 1980, 1);
	cr_expect_eq(l.n_results, 0);
	fly_lend_result(&l, 0, image, 2500, 1);
	fly_lend_result(&l, 2500, image + 4500, 2000, 1);
	cr_expect_eq(l.n_results, 2, "what is beside it is lent");
}

/* ---- arguments ---- */

Test(marshal_loans, Loans_Send__places_behind_arguments_of_any_length)
{
	const uint32_t fixed = Loans_Send_ARGUMENT_BYTES;
	const uint32_t behind_image = fixed + 3000 + 2 * (6 + 3 + 1) + (4 + 4 + 1);
	uint32_t result;

	cr_assert_eq(call_send(3000, 2, true, 1000, &result), 0);
	cr_assert_eq(loopback.lent.n_arguments, 3);
	cr_expect_eq(loopback.lent.n_results, 0);
	expect_loan(&loopback.lent.arguments[0], 9, table, 4000);
	expect_loan(&loopback.lent.arguments[1], fixed, image, 3000);
	expect_loan(&loopback.lent.arguments[2], behind_image, sounds, 2000);
}

/* With empty arrays in front, places of two arrays are the same. */
Test(marshal_loans, Loans_Send__the_same_bytes_lent_or_copied)
{
	static const struct {
		uint32_t n_image, n_samples;
		bool has_name;
		uint32_t n_sounds, n_lent;
	} cases[] = {
		{5000, 2, true, 4000, 3}, {0, 0, false, 4000, 2},  {5000, 0, false, 0, 2},
		{1968, 1, true, 984, 1},  {1969, 0, true, 985, 3}, {0, 0, false, 0, 1},
	};
	static uint8_t copied[20000];

	for (size_t i = 0; i < N_OF(cases); i++) {
		for (int way = 0; way < 4; way++) {
			uint32_t result = 0;

			set_way(way);
			cr_assert_eq(call_send(cases[i].n_image, cases[i].n_samples,
					       cases[i].has_name, cases[i].n_sounds, &result),
				     0);
			cr_expect_eq(result, sum_of_send(cases[i].n_image, cases[i].n_samples,
							 cases[i].has_name, cases[i].n_sounds));
			cr_expect_eq(loopback.lent.n_arguments, cases[i].n_lent);
			cr_assert_leq(loopback.argument_bytes, sizeof copied);
			if (way == 0)
				memcpy(copied, loopback.arguments, loopback.argument_bytes);
			cr_expect_arr_eq(loopback.arguments, copied, loopback.argument_bytes);
		}
	}
}

Test(marshal_loans, Loans_Send__bounds_are_checked_before_anything_is_lent)
{
	uint32_t result = 1;

	cr_expect_eq(call_send(5001, 0, false, 0, &result), -FLY_EINVAL);
	cr_expect_eq(call_send(0, 0, false, UINT32_MAX, &result), -FLY_EINVAL);
	cr_expect_eq(result, 1);
}

Test(marshal_loans, Loans_Send_start_from__arguments_are_read_until_it_is_finished)
{
	struct fly_call *call;
	uint32_t result;

	set_way(1);
	cr_assert_eq(Loans_Send_start_from(binding, image, 3000, samples, 1, true, "name", table,
					   sounds, 10, 5, &call),
		     0);
	cr_expect_eq(loopback.lent.n_arguments, 2);
	cr_expect_eq(binding->loans, &outer, "withdrawn when it returns");
	image[0] ^= 1;
	table[1] += 1;
	cr_assert_eq(Loans_Send_finish(call, &result, NULL), 0);
	cr_expect_eq(result, sum_of_send(3000, 1, true, 10));
}

Test(marshal_loans, Loans_Send_start_from__copies_if_the_library_does_not_read)
{
	struct fly_call *call;
	uint32_t before;
	uint32_t result;

	set_way(0);
	before = sum_of_send(3000, 1, true, 10);
	cr_assert_eq(Loans_Send_start_from(binding, image, 3000, samples, 1, true, "name", table,
					   sounds, 10, 5, &call),
		     0);
	image[0] ^= 1;
	cr_assert_eq(Loans_Send_finish(call, &result, NULL), 0);
	cr_expect_eq(result, before);
}

Test(marshal_loans, Loans_Send_start__copies)
{
	struct fly_call *call;
	uint32_t before;
	uint32_t result;

	set_way(3);
	before = sum_of_send(5000, 1, true, 4000);
	cr_assert_eq(Loans_Send_start(binding, image, 5000, samples, 1, true, "name", table, sounds,
				      4000, 5, &call),
		     0);
	cr_expect_eq(loopback.lent.n_arguments, 0);
	image[0] ^= 1;
	table[1] += 1;
	sounds[2]++;
	cr_assert_eq(Loans_Send_finish(call, &result, NULL), 0);
	cr_expect_eq(result, before);
}

/* ---- results ---- */

Test(marshal_loans, Loans_Fetch__variables_of_the_fixed_part_and_the_only_variable_one)
{
	static uint8_t got[5000];
	static int16_t heard[2000];
	static float wave[1000];

	for (int i = 0; i < 4; i++) {
		uint32_t n;
		uint32_t count;

		n_fetched = i < 2 ? 5000 : 3; /* the longest is lent, however long it is */
		memset(got, 0xee, sizeof got);
		memset(heard, 0xee, sizeof heard);
		memset(wave, 0xee, sizeof wave);
		set_way(i % 2 ? 2 : 0);
		cr_assert_eq(Loans_Fetch(binding, 42, got, &n, &count, heard, wave, NULL), 0);
		cr_expect_eq(n, n_fetched);
		cr_expect_eq(count, 43);
		cr_expect_eq(got[0], 42);
		cr_expect_eq(got[n - 1], 42);
		cr_expect_eq(n == 5000 || got[n] == 0xee, true);
		cr_expect_eq(heard[1999], 42 - 1999);
		cr_expect_eq(wave[999], 499.5f);
		cr_expect_eq(loopback.lent.n_arguments, 0);
		cr_assert_eq(loopback.lent.n_results, 3);
		expect_loan(&loopback.lent.results[0], 0, wave, 4000);
		expect_loan(&loopback.lent.results[1], 4000 + 4 + 4, heard, 4000);
		expect_loan(&loopback.lent.results[2], Loans_Fetch_RESULT_BYTES, got, 5000);
	}
}

Test(marshal_loans, Loans_TwoVary__no_place_is_certain)
{
	static uint8_t a[4000];
	static uint8_t b[4000];
	uint32_t n_a;
	uint32_t n_b;

	set_way(3);
	cr_assert_eq(Loans_TwoVary(binding, a, &n_a, b, &n_b), 0);
	cr_expect_eq(loopback.lent.n_results, 0);
	cr_expect_eq(a[3999] + b[3999], 3);
}

/* The fields that are not lent are as they were, whatever becomes of those that are. */
Test(marshal_loans, Loans_Fetch__a_failed_call_leaves_all_else)
{
	static const int statuses[] = {-FLY_ETIMEOUT, -FLY_EPEER, -FLY_EEXCEPTION};
	static uint8_t got[5000];
	static int16_t heard[2000];
	static float wave[1000];

	for (size_t i = 0; i < N_OF(statuses); i++) {
		struct Loans_Fetch_raised raised = {.number = 99};
		uint32_t n = 77;
		uint32_t count = 78;

		set_way(3);
		is_full = statuses[i] == -FLY_EEXCEPTION;
		loopback.transport_status = is_full ? 0 : statuses[i];
		cr_expect_eq(Loans_Fetch(binding, 42, got, &n, &count, heard, wave, &raised),
			     statuses[i]);
		cr_expect_eq(n, 77);
		cr_expect_eq(count, 78);
		cr_expect_eq(raised.number, is_full ? Loans_Full_NUMBER : 99u);
		cr_expect(!is_full || raised.as.Full.room == 42);
		cr_expect_eq(binding->loans, &outer);
	}
}

/* Counts and lengths are checked as ever: they come from a peer. */
Test(marshal_loans, Loans_Fetch__malformed_results_that_are_stored)
{
	static const uint8_t too_many[] = {0x89, 0x13, 0, 0}; /* 5001 */
	static const uint8_t fewer[] = {0x87, 0x13, 0, 0};
	static uint8_t got[5000];
	static int16_t heard[2000];
	static float wave[1000];
	const uint32_t fixed = Loans_Fetch_RESULT_BYTES;
	const struct loopback_edit edits[] = {
		{fixed + 5000, 4000, 4, too_many}, {fixed + 5001, 4000, 4, too_many},
		{fixed + 5000, 4000, 4, fewer},    {fixed + 4999, 0, 0, NULL},
		{fixed - 1, 0, 0, NULL},           {0, 0, 0, NULL},
	};

	for (size_t i = 0; i < N_OF(edits); i++) {
		uint32_t n;
		uint32_t count;

		set_way(2);
		loopback.result_edit = &edits[i];
		cr_expect_eq(Loans_Fetch(binding, 1, got, &n, &count, heard, wave, NULL),
			     -FLY_ERESULT, "edit %zu", i);
		cr_expect_eq(loopback.calls, 0);
		cr_expect_eq(binding->loans, &outer);
	}
}

Test(marshal_loans, Loans_Fetch_finish__is_not_lent_variables)
{
	static uint8_t got[5000];
	static int16_t heard[2000];
	static float wave[1000];
	struct fly_call *call;
	uint32_t n;
	uint32_t count;

	set_way(3);
	cr_assert_eq(Loans_Fetch_start(binding, 42, &call), 0);
	cr_assert_eq(Loans_Fetch_finish(call, got, &n, &count, heard, wave, NULL), 0);
	cr_expect_eq(loopback.lent.n_results, 0);
	cr_expect_eq(got[4999], 42);
}

/* ---- both ---- */

/* The arguments may be sent once more when results have begun to arrive. */
Test(marshal_loans, Loans_Both__inout_is_lent_as_an_argument_only)
{
	static const uint32_t counts[] = {1000, 3};
	static uint32_t numbers[1000];
	static double doubles[500];

	for (int way = 0; way < 4; way++) {
		for (size_t i = 0; i < N_OF(counts); i++) {
			uint32_t n = counts[i];

			memset(numbers, 0, sizeof numbers);
			set_way(way);
			cr_assert_eq(Loans_Both(binding, numbers, &n, doubles), 0);
			cr_expect_eq(n, counts[i]);
			cr_expect_eq(numbers[0], 1);
			cr_expect_eq(numbers[n - 1], 1);
			cr_expect_eq(doubles[499], 499);
			cr_expect_eq(loopback.lent.n_arguments, i == 0);
			cr_assert_eq(loopback.lent.n_results, 1);
			expect_loan(&loopback.lent.results[0], 4, doubles, 4000);
		}
	}
}

Test(marshal_loans, Loans_Both__inout_is_as_it_was_when_the_call_has_failed)
{
	static uint32_t numbers[1000];
	static double doubles[500];
	uint32_t n = 1000;

	memset(numbers, 5, sizeof numbers);
	set_way(3);
	loopback.transport_status = -FLY_ETIMEOUT;
	cr_expect_eq(Loans_Both(binding, numbers, &n, doubles), -FLY_ETIMEOUT);
	cr_expect_eq(n, 1000);
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(numbers[i], 0x05050505);
}

Test(marshal_loans, Loans_Reverse__one_variable_for_both)
{
	for (int way = 0; way < 4; way++) {
		uint8_t bytes[4000];

		memcpy(bytes, image, sizeof bytes);
		set_way(way);
		cr_assert_eq(Loans_Reverse(binding, bytes, bytes), 0);
		cr_expect_eq(loopback.lent.n_arguments, 1);
		cr_expect_eq(loopback.lent.n_results, 0);
		cr_expect_eq(bytes[0], image[3999]);
		cr_expect_eq(bytes[3999], image[0]);
	}
}

Test(marshal_loans, Loans_More__what_there_is_no_room_for_is_copied)
{
	for (int way = 0; way < 4; way++) {
		uint8_t out[5][2000] = {{0}};

		set_way(way);
		cr_assert_eq(Loans_More(binding, image, image + 1, image + 2, image + 3, image + 4,
					out[0], out[1], out[2], out[3], out[4]),
			     0);
		cr_expect_eq(loopback.lent.n_arguments, FLY_LOANS);
		cr_expect_eq(loopback.lent.n_results, FLY_LOANS);
		for (int i = 0; i < 5; i++)
			cr_expect_arr_eq(out[i], image + i, 2000);
	}
}

Test(marshal_loans, Loans_Named__parameters_called_loans)
{
	uint8_t back[4000];
	uint32_t tail;
	uint32_t last;

	set_way(3);
	cr_assert_eq(Loans_Named(binding, image, 4000, back, &tail, &last), 0);
	cr_expect_eq(loopback.lent.n_arguments, 1);
	cr_expect_eq(back[3999], image[3999]);
	cr_expect_eq(tail, 4000);
}

/* ---- what is not lent ---- */

Test(marshal_loans, Loans_Longest__a_byte_more_than_a_packet_holds)
{
	uint8_t back[1969];

	set_way(3);
	cr_assert_eq(Loans_Longest(binding, image, 1969, back), 0);
	cr_expect_eq(loopback.lent.n_arguments, 1);
	cr_expect_eq(loopback.lent.n_results, 1);
	cr_assert_eq(Loans_Longest(binding, image, 1968, back), 0);
	cr_expect_eq(loopback.lent.n_arguments, 0);
	cr_expect_eq(loopback.lent.n_results, 1);
}

Test(marshal_loans, Loans_Short__is_not_lent)
{
	uint64_t back[246];

	set_way(3);
	cr_assert_eq(Loans_Short(binding, image, 1968, back), 0);
	cr_expect_eq(loopback.lent.n_arguments, 0);
	cr_expect_eq(loopback.lent.n_results, 0);
	cr_expect_eq(back[245], sum(image, 1968));
}

Test(marshal_loans, Loans_Others__what_is_checked_and_what_is_optional_is_not_lent)
{
	static struct Loans_Sample many[500];
	static bool flags[4000];
	static bool back[4000];
	uint32_t n;

	flags[3999] = true;
	image[0] = 1;
	set_way(3);
	cr_assert_eq(Loans_Others(binding, flags, true, image, 4000, many, 500, back, &n), 0);
	cr_expect_eq(loopback.lent.n_arguments, 0);
	cr_expect_eq(loopback.lent.n_results, 0);
	cr_expect(back[3999]);
}

/* ---- what is lent is withdrawn ---- */

/* Calls that lend arguments, and such that lend variables, end so. */
static void expect_withdrawn(int status)
{
	static uint64_t numbers[1000] = {7};
	uint64_t got[1000];
	char unit[8 + 1];

	cr_expect_eq(Loans_Arguments(binding, numbers, 1000), status);
	cr_expect_eq(binding->loans, &outer, "status %d", status);
	cr_expect_eq(Loans_Results(binding, got, unit), status);
	cr_expect_eq(binding->loans, &outer, "status %d", status);
}

Test(marshal_loans, fly_loans_start__withdrawn_when_the_starter_fails)
{
	static uint64_t numbers[1000];
	struct fly_call *call;

	loopback.starter_status = -FLY_EPACKETS;
	expect_withdrawn(-FLY_EPACKETS);
	cr_expect_eq(Loans_Arguments_start_from(binding, numbers, 1000, &call), -FLY_EPACKETS);
	cr_expect_eq(binding->loans, &outer);
}

Test(marshal_loans, fly_loans_end__withdrawn_however_the_call_ends)
{
	static const uint8_t exception[8] = {1};

	set_way(3);
	expect_withdrawn(0);
	loopback.transport_status = -FLY_ETIMEOUT;
	expect_withdrawn(-FLY_ETIMEOUT);
	set_way(3);
	loopback.answer = exception; /* that they do not declare */
	loopback.answer_bytes = sizeof exception;
	loopback.answer_status = -FLY_EEXCEPTION;
	expect_withdrawn(-FLY_ERESULT);
}

Test(marshal_loans, fly_loans_end__a_call_within_a_call)
{
	for (int way = 0; way < 4; way++) {
		uint32_t result;

		set_way(way);
		is_nested = true;
		cr_assert_eq(call_send(5000, 2, true, 4000, &result), 0);
		cr_expect_eq(result, sum_of_send(5000, 2, true, 4000));
		cr_expect_eq(binding->loans, &outer);
	}
}
