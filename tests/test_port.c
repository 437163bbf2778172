/* SPDX-License-Identifier: BSD-3-Clause */
/* test_port.c - how long the packets of each kind of link are. The devices: test_runtime.c, e2e. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fastpath/wire.h"
#include "host/port.h"

static struct fly_link_spec spec(const char *text)
{
	struct fly_link_spec s;

	cr_assert(fly_link_spec_parse(text, &s) == 0);
	fly_port_choose_mtu(&s);
	return s;
}

Test(port, fly_port_choose_mtu__by_the_kind_of_link)
{
	cr_expect(spec("vhost:/x").mtu == 9000 && spec("vhost:/x,server").mtu == 9000);
	cr_expect(spec("memif:/x").mtu == 9000 && spec("memif:/x,server").mtu == 9000);
	cr_expect(spec("local:x").mtu == 0);
	cr_expect(spec("pci:0000:03:00.0,ip=10.0.0.1").mtu == 0, "the device is not there yet");
	cr_expect(spec("vdev:net_ring0,ip=10.0.0.1").mtu == 0);
}

Test(port, fly_port_choose_mtu__what_is_said_stays)
{
	cr_expect(spec("vhost:/x,mtu=1500").mtu == 1500);
	cr_expect(spec("memif:/x,mtu=65280").mtu == 65280);
	cr_expect(spec("af_packet:lo,mtu=1400").mtu == 1400);
}

/* An interface's MTU; that of "lo" is more than we take, mostly. */
Test(port, fly_port_choose_mtu__of_an_interface)
{
	const unsigned mtu = spec("af_packet:lo").mtu;

	cr_expect(mtu >= 1500 && mtu <= FLY_MTU_MOST_OF_WIRES, "%u", mtu);
	cr_expect(spec("af_packet:nonesuch0").mtu == 0);
}

Test(port, fly_port_packet_room__for_the_longest_frame)
{
	const struct fly_link_spec short_one = spec("af_packet:lo,mtu=1500");
	const struct fly_link_spec long_one = spec("af_packet:lo,mtu=9000");
	const struct fly_link_spec shared = spec("vhost:/x,mtu=65280");

	cr_expect(fly_port_packet_room(&shared) == 65280 + FLY_IP);
	cr_expect(fly_port_packet_room(&short_one) == 1500 + FLY_IP);
	/* The driver wants room for all that a frame of its ring may hold: DPDK's af_packet. */
	cr_expect(fly_port_packet_room(&long_one) == 9 * 1024 - 32);
}

/* It stayed relative: after chdir(2) the link came back no more. */
Test(port, fly_port_open__a_relative_path_that_is_too_long_from_the_root)
{
	char directory[256];
	static struct fly_poller_group group = {.n = 1};
	const struct fly_link_spec short_one = spec("vhost:./socket-of-a-test");
	struct fly_port *port;

	snprintf(directory, sizeof directory, "/tmp/firefly-port-%d-%0100d", (int)getpid(), 0);
	cr_assert(mkdir(directory, 0700) == 0 && chdir(directory) == 0);
	cr_expect(fly_port_open(&group, &short_one, 0, &port) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "too long for a socket") != NULL, "%s", fly_error());
	cr_expect(chdir("/") == 0 && rmdir(directory) == 0);
}
