/* SPDX-License-Identifier: BSD-3-Clause */
/* call_table.c - makes the call table and lends its entries to bindings. Not called per call. */
#include "fastpath/call_table.h"

#include <rte_malloc.h>

int fly_call_table_init(struct fly_call_table *table, uint32_t n, int socket)
{
	table->entries = rte_zmalloc_socket("fly_calls", n * sizeof table->entries[0],
					    RTE_CACHE_LINE_SIZE, socket);
	table->waiters = rte_zmalloc_socket("fly_waiters", n * sizeof table->waiters[0],
					    RTE_CACHE_LINE_SIZE, socket);
	table->notes = rte_zmalloc_socket("fly_notes", n * sizeof table->notes[0],
					  RTE_CACHE_LINE_SIZE, socket);
	if (!table->entries || !table->waiters || !table->notes) {
		fly_call_table_free(table);
		return -FLY_ENOMEM;
	}
	table->n = n;
	table->n_unbound = n;
	table->unbound = 0;
	for (uint32_t i = 0; i < n; i++)
		table->entries[i].next_idle = i + 1 < n ? i + 1 : FLY_NO_ENTRY;
	return 0;
}

void fly_call_table_free(struct fly_call_table *table)
{
	rte_free(table->entries);
	rte_free(table->waiters);
	rte_free(table->notes);
	table->entries = NULL;
	table->waiters = NULL;
	table->notes = NULL;
	table->n = 0;
}

struct fly_call_entry *fly_call_table_bind(struct fly_call_table *table,
					   struct fly_binding *binding, uint64_t activity,
					   uint32_t first_seq)
{
	if (table->unbound == FLY_NO_ENTRY)
		return NULL;

	const uint32_t index = table->unbound;
	struct fly_call_entry *e = &table->entries[index];

	table->unbound = e->next_idle;
	table->n_unbound--;
	e->head.binding = binding;
	e->activity = activity | index;
	e->seq = first_seq;
	e->hint = FLY_HINT_NONE;
	table->notes[index] = (struct fly_call_note){.next = FLY_NO_ENTRY};
	fly_call_to_idle(e);
	e->next_idle = FLY_NO_ENTRY;
	return e;
}

void fly_call_table_unbind(struct fly_call_table *table, struct fly_call_entry *entry)
{
	entry->head.binding = NULL;
	entry->activity = 0;
	fly_call_to_unbound(entry);
	entry->next_idle = table->unbound;
	table->unbound = fly_call_table_index(table, entry);
	table->n_unbound++;
}
