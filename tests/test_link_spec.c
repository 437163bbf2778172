/* SPDX-License-Identifier: BSD-3-Clause */
/* test_link_spec.c - link specs: which are accepted, and the sentence about those that are not. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <firefly/status.h>

#include "host/link_spec.h"

static struct fly_link_spec s;

static uint32_t ip(const char *text)
{
	return inet_addr(text);
}

Test(link_spec, fly_link_spec_parse__defaults)
{
	cr_assert(fly_link_spec_parse("vhost:/run/f.sock", &s) == 0);
	cr_expect(s.kind == FLY_LINK_VHOST && strcmp(s.what, "/run/f.sock") == 0);
	cr_expect(!s.server && s.clients == 1 && s.wait_ms == 5000 && s.mtu == 0);
	cr_expect(s.ip == 0 && s.peer_ip == 0 && !s.has_mac);
	cr_expect(s.udp_port == FLY_UDP_PORT_DEFAULT && s.peer_port == FLY_UDP_PORT_DEFAULT);
	cr_expect(s.checksum == FLY_CHECKSUM_DEFAULT);
	cr_expect(strcmp(s.text, "vhost:/run/f.sock") == 0 && s.arguments[0] == '\0');
}

Test(link_spec, fly_link_spec_parse__every_kind)
{
	static const char *const specs[FLY_N_LINK_KINDS] = {
		[FLY_LINK_VHOST] = "vhost:x",
		[FLY_LINK_MEMIF] = "memif:x",
		[FLY_LINK_AF_PACKET] = "af_packet:x",
		[FLY_LINK_AF_XDP] = "af_xdp:x",
		[FLY_LINK_TAP] = "tap:x",
		[FLY_LINK_PCI] = "pci:0000:03:00.0",
		[FLY_LINK_VDEV] = "vdev:x",
		[FLY_LINK_LOCAL] = "local:x",
		[FLY_LINK_UDP] = "udp:10.0.0.1",
	};

	for (unsigned i = 0; i < FLY_N_LINK_KINDS; i++) {
		char name[32];

		cr_expect(fly_link_spec_parse(specs[i], &s) == 0, "%s", specs[i]);
		cr_expect(s.kind == i);
		snprintf(name, sizeof name, "%s:", fly_link_kind_name(s.kind));
		cr_expect(strncmp(specs[i], name, strlen(name)) == 0);
	}
	cr_assert(fly_link_spec_parse("pci:0000:03:00.0,mtu=9000", &s) == 0);
	cr_expect(strcmp(s.what, "0000:03:00.0") == 0 && s.mtu == 9000);
}

Test(link_spec, fly_link_spec_parse__local)
{
	cr_assert(fly_link_spec_parse("local:name", &s) == 0);
	cr_expect(s.kind == FLY_LINK_LOCAL && !s.server && !s.huge && s.uid == FLY_LOCAL_UID_USUAL);
	cr_expect(s.clients == FLY_LOCAL_CLIENTS_DEFAULT && strcmp(s.what, "name") == 0);
	cr_assert(fly_link_spec_parse("local:/run/f,server,clients=4096,huge", &s) == 0);
	cr_expect(s.server && s.huge && s.clients == 4096);
	cr_assert(fly_link_spec_parse("local:name,uid=0,wait=1", &s) == 0);
	cr_expect(s.uid == 0 && s.wait_ms == 1000);
	cr_assert(fly_link_spec_parse("local:name,uid=any", &s) == 0);
	cr_expect(s.uid == FLY_LOCAL_UID_ANY);
}

Test(link_spec, fly_link_spec_parse__udp)
{
	static const char *const addresses[] = {"0.0.0.0", "10.0.0.1", "[::]",
						"::", "[fe80::1%lo]"};
	char text[64];

	for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
		snprintf(text, sizeof text, "udp:%s,mtu=1500", addresses[i]);
		cr_assert(fly_link_spec_parse(text, &s) == 0, "%s: %s", text, fly_error());
		cr_expect(strcmp(s.what, addresses[i]) == 0 && s.mtu == 1500);
		cr_expect(s.udp_port == FLY_UDP_PORT_DEFAULT && s.peer[0] == '\0');
	}
	cr_assert(fly_link_spec_parse("udp:", &s) == 0, "it only calls, from a free port");
	cr_expect(s.kind == FLY_LINK_UDP && s.what[0] == '\0' && s.udp_port == 0);
	cr_expect(s.peer_port == FLY_UDP_PORT_DEFAULT);
	cr_assert(fly_link_spec_parse("udp:,port=5,peer=[::1]:77", &s) == 0);
	cr_expect(s.udp_port == 5 && strcmp(s.peer, "[::1]:77") == 0);
	cr_assert(fly_link_spec_parse("udp:0.0.0.0,port=0,peer=host.example,mtu=65280", &s) == 0);
	cr_expect(s.udp_port == 0 && strcmp(s.peer, "host.example") == 0 && s.mtu == 65280);
}

Test(link_spec, fly_link_spec_parse__what_a_local_link_has_not)
{
	static const char *const specs[] = {
		"local:x,clients=2",
		"local:x,huge",
		"local:x,server,uid=1",
		"local:x,server,clients=0",
		"local:x,ip=10.0.0.1",
		"local:x,mtu=1500",
		"local:x,server,clients=4097",
		"local:x,uid=-1",
		"local:x,uid=",
		"local:x,server,uid=any",
		"local:x,uid=4294967295",
		"vhost:x,huge",
		"vhost:x,uid=0",
		"local:",
	};
	char spec[128] = "local:";

	for (unsigned i = 0; i < sizeof specs / sizeof specs[0]; i++)
		cr_expect(fly_link_spec_parse(specs[i], &s) == -FLY_EINVAL, "%s", specs[i]);
	memset(spec + 6, 'n', 97); /* the longest abstract address */
	cr_expect(fly_link_spec_parse(spec, &s) == -FLY_EINVAL);
	spec[6 + 96] = '\0';
	cr_expect(fly_link_spec_parse(spec, &s) == 0);
}

Test(link_spec, fly_link_spec_parse__every_key)
{
	cr_assert(fly_link_spec_parse("memif:/a,server,clients=8,ip=10.0.0.1,peer=10.0.0.2:777,"
				      "port=888,mac=02:aa:bb:cc:dd:ee,mtu=4000,wait=3,checksum=on",
				      &s) == 0);
	cr_expect(s.server && s.clients == 8);
	cr_expect(s.ip == ip("10.0.0.1") && s.peer_ip == ip("10.0.0.2"));
	cr_expect(s.peer_port == 777 && s.udp_port == 888);
	cr_expect(s.has_mac && memcmp(s.mac, "\x02\xaa\xbb\xcc\xdd\xee", 6) == 0);
	cr_expect(s.mtu == 4000 && s.wait_ms == 3000 && s.checksum == FLY_CHECKSUM_ON);
	cr_assert(fly_link_spec_parse("tap:x,peer=1.2.3.4,checksum=off,wait=0", &s) == 0);
	cr_expect(s.peer_port == FLY_UDP_PORT_DEFAULT && s.checksum == FLY_CHECKSUM_OFF);
	cr_expect(s.wait_ms == 0);
	cr_assert(fly_link_spec_parse("vhost:x,clients=2,server", &s) == 0, "in any order");
	cr_expect(s.queues == 1);
	cr_assert(fly_link_spec_parse("vhost:x,server,queues=16", &s) == 0 && s.queues == 16);
	cr_assert(fly_link_spec_parse("vdev:net_tap1,queues=2", &s) == 0, "a driver's");
	cr_expect(s.queues == 1);
	cr_expect_str_eq(s.arguments, "queues=2");
}

Test(link_spec, fly_link_spec_parse__bounds)
{
	cr_expect(fly_link_spec_parse("vhost:x,server,clients=32,mtu=128,port=1", &s) == 0);
	cr_expect(fly_link_spec_parse("vhost:x,server,clients=1,mtu=65280,port=65535", &s) == 0);
	cr_expect(fly_link_spec_parse("vhost:x,wait=86400", &s) == 0 && s.wait_ms == 86400000);
}

Test(link_spec, fly_link_spec_parse__a_vdev_gets_what_is_not_ours)
{
	cr_assert(fly_link_spec_parse("vdev:net_null0,size=64,ip=10.0.0.1,copy=1,fast", &s) == 0);
	cr_expect(strcmp(s.what, "net_null0") == 0);
	cr_expect(strcmp(s.arguments, "size=64,copy=1,fast") == 0, "%s", s.arguments);
	cr_expect(s.ip == ip("10.0.0.1"));
}

Test(link_spec, fly_link_spec_parse__what_is_wrong_is_said)
{
	static const struct {
		const char *spec;
		const char *says; /* part of the sentence */
	} rows[] = {
		{"", "kind of link"},
		{"vhost", "is missing"},
		{"vhost:", "is missing"},
		{"vhost:,server", "is missing"},
		{"vhsot:/x", "'vhsot' is not a kind of link"},
		{"VHOST:/x", "not a kind"},
		{":x", "not a kind"},
		{"vhost:x,", NULL},
		{"vhost:x,sever", "'sever' is not a key"},
		{"vhost:x,server=1", "server takes no value"},
		{"vhost:x,server=", "server takes no value"},
		{"vhost:x,server,clients=0", "clients= takes 1 to 32"},
		{"vhost:x,server,clients=33", "clients= takes 1 to 32"},
		{"vhost:x,server,queues=0", "queues= takes 1 to 16"},
		{"vhost:x,server,queues=17", "queues= takes 1 to 16"},
		{"memif:x,server,queues=2", "queues= takes 1 to 16, on vhost"},
		{"vhost:x,queues=2", "queues= is for the server's end"},
		{"vhost:x,server,clients=-1", "clients= takes 1 to 32"},
		{"vhost:x,server,clients", "clients= takes 1 to 32"},
		{"vhost:x,server,clients=2x", "clients= takes 1 to 32"},
		{"vhost:x,server,clients= 2", "clients= takes 1 to 32"},
		{"vhost:x,clients=2", "clients= is for the server's end"},
		{"tap:x,clients=1", "on vhost and memif"},
		{"tap:x,ip=", "ip= takes an address"},
		{"tap:x,ip", "ip= takes an address"},
		{"tap:x,ip=10.0.0", "ip= takes an address"},
		{"tap:x,ip=10.0.0.256", "ip= takes an address"},
		{"tap:x,ip=0.0.0.0", "ip= takes an address"},
		{"tap:x,ip=10.0.0.1:5", "ip= takes an address"},
		{"tap:x,ip=localhost", "ip= takes an address"},
		{"tap:x,peer=10.0.0.2:0", "peer= takes an address"},
		{"tap:x,peer=10.0.0.2:65536", "peer= takes an address"},
		{"tap:x,peer=10.0.0.2:", "peer= takes an address"},
		{"tap:x,peer=:5", "peer= takes an address"},
		{"tap:x,port=-1", "port= takes a UDP port"},
		{"tap:x,port=", "port= takes a UDP port"},
		{"tap:x,port=65536", "port= takes a UDP port"},
		{"tap:x,port=99999999999999999999", "port= takes a UDP port"},
		{"tap:x,mac=1", "mac= takes a unicast address"},
		{"tap:x,mac=01:00:00:00:00:00", "mac= takes a unicast address"},
		{"tap:x,mac=02:00:00:00:00", "mac= takes a unicast address"},
		{"tap:x,mac=02:00:00:00:00:0g", "mac= takes a unicast address"},
		{"tap:x,mac=02:00:00:00:00:01junk", "mac= takes a unicast address"},
		{"tap:x,mac", "mac= takes a unicast address"},
		{"tap:x,mtu=127", "mtu= takes 128 to 9000"},
		{"tap:x,mtu=9001", "mtu= takes 128 to 9000"},
		{"pci:0000:03:00.0,mtu=9001", "mtu= takes 128 to 9000"},
		{"vhost:x,mtu=127", "mtu= takes 128 to 65280"},
		{"memif:x,mtu=65281", "mtu= takes 128 to 65280"},
		{"tap:x,wait=-1", "wait= takes seconds"},
		{"tap:x,wait=86401", "wait= takes seconds"},
		{"tap:x,checksum", "checksum= takes on or off"},
		{"tap:x,checksum=maybe", "checksum= takes on or off"},
		{"udp", "is missing"},
		{"udp:host", "udp: takes an address of this machine"},
		{"udp:10.0.0.1:5", "a port is said with port="},
		{"udp:[::]:5", "a port is said with port="},
		{"udp:10.0.0", "udp: takes an address of this machine"},
		{"udp:,port=65536", "or 0 for a free one"},
		{"udp:,peer=", "peer= takes an address or a name"},
		{"udp:,checksum=off", "checksum= is not for udp"},
		{"udp:,vlan=5", "the kernel has the interfaces"},
		{"udp:,ip=10.0.0.1", "behind udp:"},
		{"udp:0.0.0.0,server", "server is not for udp"},
		{"udp:,mac=02:00:00:00:00:01", "mac= is for links"},
		{"udp:,mtu=65281", "mtu= takes 128 to 65280"},
		{"udp:,clients=2", "on vhost and memif"},
	};

	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const int status = fly_link_spec_parse(rows[i].spec, &s);

		if (!rows[i].says) {
			cr_expect(status == 0, "'%s': %s", rows[i].spec, fly_error());
			continue;
		}
		cr_expect(status == -FLY_EINVAL, "'%s' is taken", rows[i].spec);
		cr_expect(strstr(fly_error(), rows[i].says) != NULL, "'%s': %s", rows[i].spec,
			  fly_error());
		cr_expect(strchr(fly_error(), '\n') == NULL);
	}
	cr_expect(fly_link_spec_parse(NULL, &s) == -FLY_EINVAL);
}

Test(link_spec, fly_link_spec_parse__lengths)
{
	char text[600];

	/* The longest path of a UNIX socket, and one byte more. */
	strcpy(text, "memif:");
	memset(text + 6, 'p', 107);
	text[6 + 107] = '\0';
	cr_expect(fly_link_spec_parse(text, &s) == 0 && strlen(s.what) == 107);
	strcat(text, "p");
	cr_expect(fly_link_spec_parse(text, &s) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "longer than 107") != NULL);
	/* Valid specs, cut at every length around the limit. */
	for (unsigned n = 200; n < 300; n++) {
		int status;

		strcpy(text, "vdev:d,");
		memset(text + 7, 'a', n);
		text[n] = '\0';
		status = fly_link_spec_parse(text, &s);
		cr_expect((status == 0) == (n <= 255), "%u characters", n);
	}
}

Test(link_spec, fly_link_spec_address__with_and_without_a_port)
{
	uint32_t address;
	uint16_t port = 99;

	cr_expect(fly_link_spec_address("10.1.2.3", &address, &port) == 0);
	cr_expect(address == ip("10.1.2.3") && port == 99);
	cr_expect(fly_link_spec_address("255.255.255.255:65535", &address, &port) == 0);
	cr_expect(port == 65535);
	cr_expect(fly_link_spec_address("", &address, &port) == -FLY_EINVAL);
	cr_expect(fly_link_spec_address("10.0.0.1:1:1", &address, &port) == -FLY_EINVAL);
	cr_expect(fly_link_spec_address("1000.1000.1000.1000:1", &address, &port) == -FLY_EINVAL);
	cr_expect(fly_link_spec_address(" 10.0.0.1", &address, &port) == -FLY_EINVAL);
}

Test(link_spec, read_mode__of_servers_with_a_socket)
{
	static const char *const wrong[] = {
		"vhost:/s,server,mode",
		"vhost:/s,server,mode=",
		"vhost:/s,server,mode=66",
		"vhost:/s,server,mode=688",
		"vhost:/s,server,mode=1777",
		"vhost:/s,server,mode=06600",
		"vhost:/s,server,mode=-66",
		"vhost:/s,mode=660",
		"tap:x,mode=660",
		"local:x,server,mode=660",
		"vhost:/s,owner=root",
		"memif:/s,group=root",
		"memif:/s,server,owner=",
		"memif:/s,server,group",
		"local:x,server,owner=root",
		"af_packet:eth0,group=root",
		"memif:/s,server,owner=a23456789012345678901234567890123",
	};

	cr_assert(fly_link_spec_parse("vhost:/s,server", &s) == 0);
	cr_expect(s.mode == -1 && s.owner[0] == '\0' && s.group[0] == '\0');
	cr_assert(fly_link_spec_parse("vhost:/s,server,mode=660,owner=ada,group=42", &s) == 0);
	cr_expect(s.mode == 0660 && !strcmp(s.owner, "ada") && !strcmp(s.group, "42"));
	cr_assert(fly_link_spec_parse("memif:/s,server,mode=0600", &s) == 0);
	cr_expect(s.mode == 0600);
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		cr_expect(fly_link_spec_parse(wrong[i], &s) == -FLY_EINVAL, "%s", wrong[i]);
	cr_expect(fly_link_spec_parse("local:x,server,mode=660", &s) == -FLY_EINVAL);
	cr_expect(strstr(fly_error(), "said with each export") != NULL, "%s", fly_error());
}

Test(link_spec, set__a_vdevs_keys_are_its_drivers)
{
	cr_assert(fly_link_spec_parse("vdev:net_bonding0,mode=1,owner=x,group,ip=10.0.0.1", &s) ==
		  0);
	cr_expect(strcmp(s.arguments, "mode=1,owner=x,group") == 0, "%s", s.arguments);
	cr_expect(s.mode == -1 && s.owner[0] == '\0');
}

Test(link_spec, fly_link_spec_parse__how_long_a_path_of_vhost_is)
{
	char text[160] = "vhost:/";

	while (strlen(text) < strlen("vhost:") + FLY_VHOST_PATH_MAX)
		strcat(text, "x");
	cr_expect(fly_link_spec_parse(text, &s) == 0);
	for (unsigned i = 105; i < 110; i++) {
		strcat(text, "x");
		cr_expect(fly_link_spec_parse(text, &s) == -FLY_EINVAL);
		cr_expect(strstr(fly_error(), i < 108 ? "104 characters" : "longer than 107") !=
				  NULL,
			  "%s", fly_error());
	}
}

Test(link_spec, fly_link_spec_parse__prefix_length_and_gateway)
{
	cr_assert(fly_link_spec_parse("af_packet:x", &s) == 0);
	cr_expect(s.ip == 0 && s.prefix == 0 && s.gateway == 0);
	cr_assert(fly_link_spec_parse("af_packet:x,ip=10.0.0.2/24,gateway=10.0.0.1", &s) == 0);
	cr_expect(s.ip == ip("10.0.0.2") && s.prefix == 24 && s.gateway == ip("10.0.0.1"));
	cr_assert(fly_link_spec_parse("vhost:x,ip=255.255.255.254/32", &s) == 0);
	cr_expect(s.prefix == 32);
}

Test(link_spec, fly_link_spec_parse__prefix_lengths_and_gateways_that_are_none)
{
	static const char *const specs[] = {
		"af_packet:x,ip=10.0.0.2/",      "af_packet:x,ip=10.0.0.2/0",
		"af_packet:x,ip=10.0.0.2/33",    "af_packet:x,ip=10.0.0.2/24x",
		"af_packet:x,ip=10.0.0.2/-1",    "af_packet:x,ip=/24",
		"af_packet:x,ip=10.0.0.2:80/24", "af_packet:x,ip=1000000000000000000000/24",
		"af_packet:x,peer=10.0.0.2/24",  "af_packet:x,gateway",
		"af_packet:x,gateway=",          "af_packet:x,gateway=10.0.0.1/24",
		"af_packet:x,gateway=0.0.0.0",   "local:x,gateway=10.0.0.1",
	};

	for (unsigned i = 0; i < sizeof specs / sizeof specs[0]; i++)
		cr_expect(fly_link_spec_parse(specs[i], &s) == -FLY_EINVAL, "%s", specs[i]);
}

Test(link_spec, fly_link_spec_parse__af_xdp)
{
	static const struct {
		const char *spec;
		const char *why;
	} bad[] = {
		{"af_xdp:x,mtu=3507", "3506"},
		{"af_xdp:x,ip=10.0.0.1/24,vlan=5", "af_xdp:eth0.5"},
		{"af_xdp:x,mac=02:00:00:00:00:01", "the interface's"},
	};

	cr_assert(fly_link_spec_parse("af_xdp:x,ip=10.0.0.1/24,gateway=10.0.0.9,mtu=3506", &s) ==
		  0);
	cr_expect(s.mtu == 3506 && s.ip == ip("10.0.0.1") && s.gateway == ip("10.0.0.9"));
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		cr_expect(fly_link_spec_parse(bad[i].spec, &s) == -FLY_EINVAL);
		cr_expect(strstr(fly_error(), bad[i].why) != NULL, "%s", fly_error());
	}
}

Test(link_spec, fly_link_spec_parse__vlan)
{
	static const char *const bad[] = {
		"af_packet:x,ip=10.0.0.1,vlan=0",
		"af_packet:x,ip=10.0.0.1,vlan=4095",
		"af_packet:x,ip=10.0.0.1,vlan",
		"af_packet:x,vlan=5",
		"vhost:x,ip=10.0.0.1,vlan=5",
		"memif:x,ip=10.0.0.1,vlan=5",
		"local:x,vlan=5",
	};

	cr_assert(fly_link_spec_parse("af_packet:x,ip=10.0.0.1/24,vlan=4094", &s) == 0);
	cr_expect(s.vlan == 4094);
	cr_assert(fly_link_spec_parse("pci:0000:03:00.0,ip=10.0.0.1,vlan=1", &s) == 0);
	cr_expect(s.vlan == 1);
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_expect(fly_link_spec_parse(bad[i], &s) == -FLY_EINVAL, "%s", bad[i]);
}
