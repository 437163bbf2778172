/* SPDX-License-Identifier: BSD-3-Clause */
/* target.c - see target.h. Called by ping.c and call.c. */
#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* Links on an interface that several programs use at the same time. */
static const char *const shared_kinds[] = {"af_packet:"};

void target_add_link(struct target *t, const char *subcommand, const char *text)
{
	if (t->n_links == TARGET_LINKS)
		cli_refuse(subcommand, "at most %d links", TARGET_LINKS);
	t->links[t->n_links++] = text;
}

void target_set_peer(struct target *t, const char *subcommand, const char *text)
{
	if (t->peer)
		cli_refuse(subcommand, "one peer at a time: %s or %s", t->peer, text);
	t->peer = text;
}

static bool is_shared(const char *link)
{
	for (size_t i = 0; i < sizeof shared_kinds / sizeof shared_kinds[0]; i++) {
		if (strncmp(link, shared_kinds[i], strlen(shared_kinds[i])) == 0)
			return true;
	}
	return false;
}

static void take_free_port(struct target *t, const char *subcommand, unsigned i)
{
	if (!is_shared(t->links[i]) || strstr(t->links[i], ",port="))
		return;
	if (asprintf(&t->added[i], "%s,port=0", t->links[i]) < 0)
		cli_refuse(subcommand, "out of memory");
	t->links[i] = t->added[i];
}

void target_complete(struct target *t, const char *subcommand)
{
	if (!t->peer && t->n_links == 0)
		cli_refuse(subcommand, "over which link? For instance vhost:/tmp/f.sock");
	t->name = t->peer ? t->peer : t->links[0];
	if (t->n_links == 0) {
		target_add_link(t, subcommand, t->peer);
		t->peer = NULL;
	}
	for (unsigned i = 0; i < t->n_links; i++)
		take_free_port(t, subcommand, i);
}

void target_free(struct target *t)
{
	for (unsigned i = 0; i < t->n_links; i++)
		free(t->added[i]);
}
