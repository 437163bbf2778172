/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_address.c - see peer_address.h. Called by link_spec.c, udp_port.c and fly_import(). No DPDK.
 */
#include "host/peer_address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <firefly/status.h>

#include "base/error.h"
#include "base/mapped_ip.h"

/* Decimal digits, nothing else. Return: -1: no port. */
static int read_port(const char *text, uint16_t *port)
{
	const size_t n = strspn(text, "0123456789");
	const unsigned long value = strtoul(text, NULL, 10);

	if (n == 0 || n > 5 || text[n] != '\0' || value == 0 || value > UINT16_MAX)
		return -1;
	*port = (uint16_t)value;
	return 0;
}

/*
 * Cut a text into its host and its port. A text with two colons and without brackets is an IPv6
 * address. Return: -1: neither.
 */
static int cut(const char *text, char host[FLY_PEER_NAME_BYTES], uint16_t *port, bool *in_brackets)
{
	const char *end = strchr(text, ':');
	size_t n;

	*in_brackets = *text == '[';
	if (*in_brackets) {
		end = strchr(++text, ']');
		if (!end || (end[1] != '\0' && end[1] != ':') ||
		    (end[1] == ':' && read_port(end + 2, port)))
			return -1;
	} else if (end && !strchr(end + 1, ':')) {
		if (read_port(end + 1, port))
			return -1;
	} else {
		end = text + strlen(text);
	}
	n = (size_t)(end - text);
	if (n == 0 || n >= FLY_PEER_NAME_BYTES)
		return -1;
	memcpy(host, text, n);
	host[n] = '\0';
	return 0;
}

/* An IPv6 address, with "%SCOPE" or without. Return: -1: it is none. */
static int read_v6(char *host, struct in6_addr *address, uint32_t *scope)
{
	char *percent = strchr(host, '%');
	int status;

	*scope = 0;
	if (percent) {
		*percent = '\0';
		*scope = if_nametoindex(percent + 1);
		if (*scope == 0)
			*scope = (uint32_t)strtoul(percent + 1, NULL, 10);
	}
	status = inet_pton(AF_INET6, host, address) == 1 && (!percent || *scope) ? 0 : -1;
	if (percent)
		*percent = '%';
	return status;
}

int fly_peer_address_parse(const char *text, struct in6_addr *address, uint32_t *scope,
			   uint16_t *port)
{
	char host[FLY_PEER_NAME_BYTES];
	bool in_brackets;
	uint16_t named = *port;
	struct in_addr v4;

	if (cut(text, host, &named, &in_brackets))
		return -FLY_EINVAL;
	*scope = 0;
	if (!in_brackets && inet_pton(AF_INET, host, &v4) == 1)
		fly_map_ip(address, v4.s_addr);
	else if (read_v6(host, address, scope))
		return -FLY_EINVAL;
	*port = named;
	return 0;
}

/* getaddrinfo(3) takes 10.8 for 10.0.0.8: whoever writes that has forgotten two numbers. */
static bool is_number(const char *host)
{
	const char *dot = strrchr(host, '.');
	const char *last = dot ? dot + 1 : host;

	return last[strspn(last, "0123456789")] == '\0';
}

static bool is_there(const struct fly_peer_addresses *found, const struct sockaddr_in6 *a)
{
	for (unsigned i = 0; i < found->n; i++) {
		if (memcmp(&found->at[i], a, sizeof *a) == 0)
			return true;
	}
	return false;
}

static void add(struct fly_peer_addresses *found, const struct sockaddr *address, uint16_t port)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (address->sa_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, address, sizeof v4);
		fly_map_ip(&a.sin6_addr, v4.sin_addr.s_addr);
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, address, sizeof v6);
		a.sin6_addr = v6.sin6_addr;
		a.sin6_scope_id = v6.sin6_scope_id;
	} else {
		return;
	}
	if (found->n < FLY_PEER_ADDRESSES && !is_there(found, &a))
		found->at[found->n++] = a;
}

/* In the system's order: RFC 6724. */
static int look_up(const char *text, const char *host, uint16_t port,
		   struct fly_peer_addresses *found)
{
	const struct addrinfo wish = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *list = NULL;
	const int error = getaddrinfo(host, NULL, &wish, &list);

	if (error == EAI_SYSTEM)
		return fly_fail(FLY_ESYSTEM, "'%s': the host's name cannot be looked up: %m", text);
	if (error)
		return fly_fail(error == EAI_NONAME ? FLY_EINVAL : FLY_ESYSTEM,
				"'%s' is neither an address, as in 10.0.0.2 or 10.0.0.2:61989, nor "
				"a link, as in vhost:/tmp/f.sock; nor is it a host's name: %s",
				text, gai_strerror(error));
	for (const struct addrinfo *a = list; a; a = a->ai_next)
		add(found, a->ai_addr, port);
	freeaddrinfo(list);
	return found->n ? 0 : fly_fail(FLY_EINVAL, "'%s': the host has no address", text);
}

int fly_peer_address_find(const char *text, uint16_t port, struct fly_peer_addresses *found)
{
	char host[FLY_PEER_NAME_BYTES];
	struct sockaddr_in6 a = {.sin6_family = AF_INET6};
	bool in_brackets;

	*found = (struct fly_peer_addresses){0};
	if (fly_peer_address_parse(text, &a.sin6_addr, &a.sin6_scope_id, &port) == 0) {
		a.sin6_port = htons(port);
		found->at[found->n++] = a;
		return 0;
	}
	if (cut(text, host, &port, &in_brackets) || in_brackets || strchr(host, ':') ||
	    is_number(host))
		return fly_fail(FLY_EINVAL,
				"'%s' is neither an address, as in 10.0.0.2, 10.0.0.2:61989 or "
				"[fe80::1%%eth0]:61989, nor a link, as in vhost:/tmp/f.sock, nor a "
				"host's name",
				text);
	return look_up(text, host, port, found);
}

void fly_peer_address_text(const struct in6_addr *address, uint32_t scope,
			   char to[FLY_PEER_TEXT_BYTES])
{
	char text[INET6_ADDRSTRLEN];
	char name[IF_NAMESIZE];

	if (IN6_IS_ADDR_V4MAPPED(address)) {
		inet_ntop(AF_INET, address->s6_addr + 12, to, FLY_PEER_TEXT_BYTES);
		return;
	}
	inet_ntop(AF_INET6, address, text, sizeof text);
	if (scope && if_indextoname(scope, name))
		snprintf(to, FLY_PEER_TEXT_BYTES, "[%s%%%s]", text, name);
	else if (scope)
		snprintf(to, FLY_PEER_TEXT_BYTES, "[%s%%%u]", text, scope);
	else
		snprintf(to, FLY_PEER_TEXT_BYTES, "[%s]", text);
}
