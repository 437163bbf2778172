/* SPDX-License-Identifier: BSD-3-Clause */
/* target.h - whom `ping` and `call` call, and over which links. */
#ifndef FIREFLY_APP_TARGET_H
#define FIREFLY_APP_TARGET_H

#define TARGET_LINKS 32

/* What the command line says: PEER, and --link as often as it is given. */
struct target {
	const char *peer; /* for fly_import(); NULL: the far end of the first link */
	const char *links[TARGET_LINKS + 1]; /* ended by NULL */
	unsigned n_links;
	const char *name; /* of the peer, for a person */
};

/* target_add_link(), target_set_peer() - take an argument of @subcommand, or cli_refuse() it. */
void target_add_link(struct target *target, const char *subcommand, const char *text);
void target_set_peer(struct target *target, const char *subcommand, const char *text);

/*
 * target_complete() - the command line has ended. Without --link the peer is a link; behind udp: is
 * then who is called, as the server was started: udp:10.0.0.2 means udp:,peer=10.0.0.2. Clients
 * take any free UDP port on interfaces that they share with other programs.
 */
void target_complete(struct target *target, const char *subcommand);

#endif
