/* SPDX-License-Identifier: BSD-3-Clause */
/* test_call_table.c - entries are bound and come back; an activity leads to its entry. */
#include <criterion/criterion.h>

#include "case.h"
#include "fastpath/call_table.h"
#include "sim.h"

#define ENTRIES 100

static struct fly_call_table t;
static struct fly_binding binding;

static void begin(void)
{
	sim_eal();
	cr_assert(fly_call_table_init(&t, ENTRIES, SOCKET_ID_ANY) == 0);
}

static void end(void)
{
	cr_expect(t.n_unbound == ENTRIES, "an entry did not come back");
	fly_call_table_free(&t);
	cr_expect(t.entries == NULL && t.n == 0);
}

TestSuite(call_table, .timeout = HANG);

Case(call_table, fly_call_table_bind__each_entry_once_and_then_none)
{
	bool seen[ENTRIES] = {false};
	struct fly_call_entry *all[ENTRIES];

	for (unsigned i = 0; i < ENTRIES; i++) {
		struct fly_call_entry *e = fly_call_table_bind(&t, &binding, 0xabc0000, 77 + i);
		uint32_t index;

		cr_assert(e != NULL);
		index = fly_call_table_index(&t, e);
		cr_assert(index < ENTRIES && !seen[index]);
		seen[index] = true;
		all[i] = e;
		cr_expect(e->head.binding == &binding);
		cr_expect(e->activity == (0xabc0000 | index));
		cr_expect(e->seq == 77 + i && e->hint == FLY_HINT_NONE);
		cr_expect(e->state == FLY_CALL_IDLE && e->next_idle == FLY_NO_ENTRY);
		cr_expect(fly_call_table_find(&t, e->activity) == e);
	}
	cr_expect(t.n_unbound == 0);
	cr_expect(fly_call_table_bind(&t, &binding, 0, 0) == NULL);
	for (unsigned i = 0; i < ENTRIES; i++) {
		fly_call_table_unbind(&t, all[i]);
		cr_expect(all[i]->state == FLY_CALL_UNBOUND && all[i]->activity == 0);
		cr_expect(all[i]->head.binding == NULL);
	}
}

Case(call_table, fly_call_table_unbind__the_entry_can_be_lent_again)
{
	struct fly_call_entry *e = fly_call_table_bind(&t, &binding, 0x10000, 1);

	for (unsigned i = 0; i < 3 * ENTRIES; i++) {
		fly_call_table_unbind(&t, e);
		e = fly_call_table_bind(&t, &binding, (uint64_t)i << 16, i);
		cr_assert(e != NULL && t.n_unbound == ENTRIES - 1);
		cr_assert(e->activity >> 16 == i);
	}
	fly_call_table_unbind(&t, e);
}

Case(call_table, fly_call_table_find__never_outside_of_the_table)
{
	for (uint32_t low = 0; low <= 0xffff; low++) {
		const struct fly_call_entry *e = fly_call_table_find(&t, 0xffffffffffff0000 | low);

		cr_assert(e == (low < ENTRIES ? &t.entries[low] : NULL));
	}
}

Case(call_table, fly_call_is_out__between_sending_and_the_end)
{
	static const struct {
		enum fly_call_state state;
		bool out, small;
	} rows[] = {
		{FLY_CALL_UNBOUND, false, false}, {FLY_CALL_IDLE, false, false},
		{FLY_CALL_STARTED, false, false}, {FLY_CALL_WAITING, true, true},
		{FLY_CALL_TIMED, true, true},     {FLY_CALL_BULK, true, false},
		{FLY_CALL_DONE, false, false},    {FLY_CALL_FAILED, false, false},
	};

	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		const struct fly_call_entry e = {.state = (uint8_t)rows[i].state};

		cr_expect(fly_call_is_out(&e) == rows[i].out, "state %u", i);
		cr_expect(fly_call_is_small(&e) == rows[i].small, "state %u", i);
	}
}
