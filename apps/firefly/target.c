/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * target.c - see target.h. Called by ping.c and call.c. Owns the links that it has written anew,
 * for the life of the program.
 */
#include "target.h"

#include <stdio.h>
#include <string.h>

#include "cli.h"

/* Links on an interface that several programs use at the same time. */
static const char *const shared_kinds[] = {"af_packet:"};

static char *added[TARGET_LINKS];

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
	if (asprintf(&added[i], "%s,port=0", t->links[i]) < 0)
		cli_refuse(subcommand, "out of memory");
	t->links[i] = added[i];
}

/*
 * udp:ADDRESS[,port=N][,...] as whom to call, made udp:,peer=ADDRESS[:N][,...]: the text with which
 * the server was started does.
 */
static char *udp_peer(const char *subcommand, const char *text)
{
	const char *address = text + strlen("udp:");
	const int bytes = (int)strcspn(address, ",");
	const char *port = strstr(address, ",port=");
	const char *keys = port ? port + strlen(",port=") : address + bytes;
	const int digits = port ? (int)strcspn(keys, ",") : 0;
	const char *colon = memchr(address, ':', (size_t)bytes);
	const bool is_bare = port && *address != '[' && colon;
	char *made;

	if (asprintf(&made, "udp:,peer=%s%.*s%s%s%.*s%.*s%s", is_bare ? "[" : "", bytes, address,
		     is_bare ? "]" : "", port ? ":" : "", digits, keys,
		     port ? (int)(port - address) - bytes : 0, address + bytes, keys + digits) < 0)
		cli_refuse(subcommand, "out of memory");
	return made;
}

/* Without an address, or with a peer=, it is a link as any other. */
static void take_udp_peer(struct target *t, const char *subcommand)
{
	const char *text = t->links[0];

	if (strncmp(text, "udp:", 4) != 0 || text[4] == '\0' || text[4] == ',' ||
	    strstr(text, ",peer="))
		return;
	added[0] = udp_peer(subcommand, text);
	t->links[0] = added[0];
}

void target_complete(struct target *t, const char *subcommand)
{
	if (!t->peer && t->n_links == 0)
		cli_refuse(subcommand, "over which link? For instance vhost:/tmp/f.sock or "
				       "udp:10.0.0.2");
	t->name = t->peer ? t->peer : t->links[0];
	if (t->n_links == 0) {
		target_add_link(t, subcommand, t->peer);
		t->peer = NULL;
		take_udp_peer(t, subcommand);
	}
	for (unsigned i = 0; i < t->n_links; i++)
		take_free_port(t, subcommand, i);
}
