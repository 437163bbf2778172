/* SPDX-License-Identifier: BSD-3-Clause */
/* test_status.c - each status has one outcome, name and line; sentences belong to their thread. */
#include <criterion/criterion.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <firefly/status.h>

#include "base/error.h"

static const struct {
	const char *name;
	int value;
	enum fly_outcome outcome;
	const char *text;
} rows[] = {
#define ROW(name, value, outcome, text) {"FLY_" #name, value, outcome, text},
	FLY_STATUSES(ROW)
#undef ROW
};

Test(status, fly_outcome__is_that_of_the_table_for_each_status)
{
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const int status = -rows[i].value;

		cr_expect(fly_outcome(status) == rows[i].outcome, "%s", rows[i].name);
		cr_expect(strcmp(fly_strerror(status), rows[i].text) == 0, "%s", rows[i].name);
		cr_expect(strcmp(fly_status_name(status), rows[i].name) == 0, "%s", rows[i].name);
	}
	cr_expect(fly_outcome(0) == FLY_EXECUTED);
	cr_expect(strcmp(fly_status_name(0), "FLY_OK") == 0);
	cr_expect(strcmp(fly_strerror(0), "success") == 0);
}

Test(status, fly_outcome__nothing_is_promised_for_a_value_that_is_none)
{
	static const int values[] = {1, 5, 1000, -1000, -99, INT_MAX, INT_MIN, INT_MIN + 1};

	for (unsigned i = 0; i < sizeof values / sizeof values[0]; i++) {
		cr_expect(fly_outcome(values[i]) == FLY_MAYBE_EXECUTED, "%d", values[i]);
		cr_expect(strcmp(fly_strerror(values[i]), "unknown status") == 0);
		cr_expect(strcmp(fly_status_name(values[i]), "FLY_UNKNOWN") == 0);
	}
}

Test(status, fly_outcome__a_lost_peer_is_never_said_to_have_done_nothing)
{
	cr_expect(fly_outcome(-FLY_EPEER) == FLY_MAYBE_EXECUTED);
	cr_expect(fly_outcome(-FLY_ESTALE_MAYBE) == FLY_MAYBE_EXECUTED);
	cr_expect(fly_outcome(-FLY_EFORGOTTEN) == FLY_MAYBE_EXECUTED);
	cr_expect(fly_outcome(-FLY_ERAISED) == FLY_EXECUTED);
}

Test(status, fly_outcome_name__one_phrase_each)
{
	cr_expect(strcmp(fly_outcome_name(FLY_EXECUTED), "executed") == 0);
	cr_expect(strcmp(fly_outcome_name(FLY_NOT_EXECUTED), "not executed") == 0);
	cr_expect(strcmp(fly_outcome_name(FLY_MAYBE_EXECUTED), "maybe executed") == 0);
}

static void *other_thread(void *was_empty)
{
	*(bool *)was_empty = strcmp(fly_error(), "") == 0;
	(void)fly_fail(FLY_EINVAL, "of the other thread");
	return NULL;
}

Test(status, fly_error__is_of_this_thread_and_of_the_newest_failure)
{
	bool was_empty = false;
	pthread_t thread;

	cr_expect(strcmp(fly_error(), "") == 0);
	cr_expect(fly_fail(FLY_EINUSE, "first %d", 1) == -FLY_EINUSE);
	cr_expect(fly_fail(FLY_EPERM, "second %s", "one") == -FLY_EPERM);
	pthread_create(&thread, NULL, other_thread, &was_empty);
	pthread_join(thread, NULL);
	cr_expect(was_empty);
	cr_expect(strcmp(fly_error(), "second one") == 0);
}

Test(status, fly_fail__a_sentence_that_is_too_long_is_cut)
{
	char much[2000];

	memset(much, 'x', sizeof much - 1);
	much[sizeof much - 1] = '\0';
	(void)fly_fail(FLY_EINVAL, "%s", much);
	cr_expect(strlen(fly_error()) == 511);
}
