/* SPDX-License-Identifier: BSD-3-Clause */
/* test_peer_address.c - addresses as people write them, and the sentence about what is none. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <firefly/status.h>

#include "host/peer_address.h"

static struct fly_peer_addresses found;

/* The first address found, with its port, as text. */
static const char *first(const char *text)
{
	static char to[FLY_PEER_TEXT_BYTES + 8];
	const int status = fly_peer_address_find(text, 61989, &found);

	if (status)
		return fly_error();
	fly_peer_address_text(&found.at[0].sin6_addr, found.at[0].sin6_scope_id, to);
	snprintf(to + strlen(to), 8, ":%u", ntohs(found.at[0].sin6_port));
	return to;
}

Test(peer_address, fly_peer_address_find__numbers)
{
	static const struct {
		const char *text;
		const char *is;
	} rows[] = {
		{"10.0.0.2", "10.0.0.2:61989"},
		{"10.0.0.2:7", "10.0.0.2:7"},
		{"[::1]", "[::1]:61989"},
		{"[::1]:65535", "[::1]:65535"},
		{"::1", "[::1]:61989"},
		{"2001:db8::7", "[2001:db8::7]:61989"},
		{"[fe80::1%lo]:9", "[fe80::1%lo]:9"},
		{"fe80::1%lo", "[fe80::1%lo]:61989"},
		{"fe80::1%1", "[fe80::1%lo]:61989"},
		{"[::ffff:10.0.0.2]:8", "10.0.0.2:8"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_expect_str_eq(first(rows[i].text), rows[i].is, "%s: %s", rows[i].text,
				 first(rows[i].text));
		cr_expect(found.n == 1);
	}
}

Test(peer_address, fly_peer_address_find__what_is_none)
{
	static const char *const texts[] = {
		"",
		"10.0.0.2:",
		"10.0.0.2:0",
		"10.0.0.2:65536",
		"10.0.0.2:7x",
		"10.0.0.2:-1",
		"[::1",
		"[::1]7",
		"[::1]:",
		"[]",
		"[10.0.0.2]:7",
		"fe80::1%",
		"fe80::1%nonesuch0",
		"::1::2",
		":7",
		"[::1]:99999",
		"1:2:3:4:5:6",
		"[::g]",
		"a:b:c",
		"10.9.8",
		"10.9.8:5",
		"7",
		"10.0.0.256",
		"host.7",
	};
	static char longest[400];

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		cr_expect(fly_peer_address_find(texts[i], 1, &found) == -FLY_EINVAL,
			  "'%s' is taken", texts[i]);
		cr_expect(strstr(fly_error(), texts[i]) && !strchr(fly_error(), '\n'), "%s",
			  fly_error());
	}
	memset(longest, 'a', sizeof longest - 1);
	cr_expect(fly_peer_address_find(longest, 1, &found) == -FLY_EINVAL);
}

Test(peer_address, fly_peer_address_find__names)
{
	bool is_loopback = false;

	cr_assert(fly_peer_address_find("localhost:77", 1, &found) == 0, "%s", fly_error());
	for (unsigned i = 0; i < found.n; i++) {
		is_loopback |= IN6_IS_ADDR_LOOPBACK(&found.at[i].sin6_addr) ||
			       found.at[i].sin6_addr.s6_addr[12] == 127;
		cr_expect(ntohs(found.at[i].sin6_port) == 77);
	}
	cr_expect(is_loopback);
	cr_expect(fly_peer_address_find("nonesuch.invalid", 1, &found) < 0);
	cr_expect(strstr(fly_error(), "nonesuch.invalid") != NULL);
}

Test(peer_address, fly_peer_address_parse__looks_up_no_names)
{
	struct in6_addr address;
	uint32_t scope;
	uint16_t port = 5;

	cr_expect(fly_peer_address_parse("localhost", &address, &scope, &port) == -FLY_EINVAL);
	cr_expect(fly_peer_address_parse("[::]", &address, &scope, &port) == 0 && port == 5);
	cr_expect(IN6_IS_ADDR_UNSPECIFIED(&address) && scope == 0);
	cr_expect(fly_peer_address_parse("0.0.0.0:6", &address, &scope, &port) == 0 && port == 6);
	cr_expect(IN6_IS_ADDR_V4MAPPED(&address));
}
