/* SPDX-License-Identifier: BSD-3-Clause */
/* test_netlink.c - what the kernel says of the interfaces that every machine has. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <firefly/status.h>

#include "host/netlink.h"

static struct fly_netlink_facts f;

Test(netlink, fly_netlink_look__the_loopback_interface)
{
	cr_assert(fly_netlink_look("lo", &f) == 0, "%s", fly_error());
	cr_expect(f.index > 0 && f.is_loopback && f.mtu >= 1500 && f.master == 0);
	cr_expect(memcmp(f.mac, (const uint8_t[6]){0}, 6) == 0);
	for (unsigned i = 0; i < f.n_addresses; i++)
		cr_expect(f.addresses[i].ip != 0 && f.addresses[i].prefix <= 32);
	if (f.n_addresses)
		cr_expect(f.addresses[0].ip == htonl(INADDR_LOOPBACK) &&
			  f.addresses[0].prefix == 8);
	cr_expect(fly_netlink_is_ours(htonl(INADDR_LOOPBACK)) == (f.n_addresses > 0));
	fly_netlink_forget(&f);
}

Test(netlink, fly_netlink_look_at__the_same_by_its_index)
{
	struct fly_netlink_facts again;

	cr_assert(fly_netlink_look("lo", &f) == 0);
	cr_assert(fly_netlink_look_at(f.index, &again) == 0);
	cr_expect(again.index == f.index && again.mtu == f.mtu &&
		  again.n_addresses == f.n_addresses && again.n_routes == f.n_routes);
	fly_netlink_forget(&f);
	fly_netlink_forget(&again);
}

Test(netlink, fly_netlink_look__no_such_interface)
{
	static const char *const names[] = {"nonesuch0", "",
					    "a-name-that-is-too-long-for-any-interface"};

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		cr_expect(fly_netlink_look(names[i], &f) == -FLY_EINVAL, "%s", names[i]);
		cr_expect(f.index == 0 && f.n_addresses == 0);
		fly_netlink_forget(&f);
	}
	cr_expect(fly_netlink_look_at(2000000000, &f) == -FLY_EINVAL);
}

Test(netlink, fly_netlink_neighbour__whom_nobody_knows)
{
	uint8_t mac[6];

	cr_assert(fly_netlink_look("lo", &f) == 0);
	cr_expect(fly_netlink_neighbour(f.index, inet_addr("192.0.2.77"), mac) ==
		  FLY_NETLINK_UNKNOWN);
	cr_expect(!fly_netlink_is_ours(inet_addr("192.0.2.77")));
	fly_netlink_forget(&f);
}

Test(netlink, fly_netlink_watch__nothing_has_changed)
{
	const int fd = fly_netlink_watch();

	cr_assert(fd >= 0, "%s", fly_error());
	fly_netlink_heard(fd); /* something else may have happened just now */
	cr_expect(!fly_netlink_heard(fd));
	close(fd);
}

Test(netlink, fly_netlink_dropped__of_an_interface_that_is_there)
{
	uint64_t n = UINT64_MAX;

	cr_expect(fly_netlink_dropped("lo", &n) && n < UINT64_MAX);
	n = 77;
	cr_expect(!fly_netlink_dropped("nonesuch0", &n) && !fly_netlink_dropped("", &n) && n == 77);
	cr_expect(!fly_netlink_dropped("a-name-that-is-too-long-for-any-interface", &n));
}
