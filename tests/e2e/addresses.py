#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""addresses.py FIREFLY - whom a link reaches: subnets, gateways, bridges, our own host, neighbours that
move, interfaces that come and go. In network namespaces (networks.py)."""
import os
import re
import sys
import time

import e2e
import networks

net = networks.Network()


def ping(link, host, *options, count=3):
    """A ping that has ended."""
    process = e2e.Process(["ping", link, "--count", str(count), "--interval", "0.05", "--timeout", "2000",
                           *options], before=host.inside)
    process.wait()
    return process


def answers(what, link, host, count=3):
    text = ping(link, host, count=count).text()
    return e2e.check("%d sent, %d returned, 0 lost" % (count, count) in text, what + "\n" + text)


def says(what, link, host, sentence):
    process = ping(link, host)
    text = process.text()
    e2e.check(process.popen.returncode == 1 and sentence in text and len(text.splitlines()) == 1,
              "%s: not '%s'\n%s" % (what, sentence, text))


def ended(what, server):
    server.stop()
    e2e.check(server.popen.returncode == 0, what + "\n" + server.text())
    return e2e.counters(server.text())


def subnets():
    """A server behind a router: the kernel's default route, gateway=, and nothing."""
    with net:
        a, b, (router,) = net.routed()
        server = e2e.serve("af_packet:fly0", "--stats", before=b.inside)
        quiet = a.counters(), b.counters()
        answers("by the kernel's default route", "af_packet:fly0,peer=10.70.2.2", a)
        a.ip("route", "del", "default")
        says("no gateway", "af_packet:fly0,peer=10.70.2.2", a,
             "10.70.2.2 is not on this link (10.70.1.2/24), and there is no gateway: add gateway=, or: ip route "
             "add 10.70.2.2 via GATEWAY dev fly0")
        answers("gateway=", "af_packet:fly0,gateway=10.70.1.1,peer=10.70.2.2", a)
        says("no such gateway", "af_packet:fly0,gateway=10.70.1.9,peer=10.70.2.2", a,
             "the gateway 10.70.1.9, by which 10.70.2.2 is reached, does not answer")
        says("a gateway of elsewhere", "af_packet:fly0,gateway=10.70.2.1,peer=10.70.2.2", a,
             "the gateway 10.70.2.1 is not on this link (10.70.1.2/24)")
        answers("an address of our own", "af_packet:fly0,ip=10.70.1.7/24,gateway=10.70.1.1,peer=10.70.2.2", a)
        a.ip("route", "add", "10.70.2.0/24", "via", "10.70.1.1")
        answers("a route to that subnet only", "af_packet:fly0,peer=10.70.2.2", a)
        answers("vdev, which knows what we say", "vdev:net_af_packet7,iface=fly0,ip=10.70.1.8/24,"
                "gateway=10.70.1.1,peer=10.70.2.2,checksum=on", a)
        e2e.check((a.counters(), b.counters()) == quiet, "a kernel answered")
        ended("subnets", server)


def losses():
    """A router drops each seventh packet: every call returns, once."""
    with net:
        a, b, (router,) = net.routed()
        if not net.drop_every(router, 7):
            print("losses are left out: no nftables here", flush=True)
            return
        server = e2e.serve("af_packet:fly0", "--stats", before=b.inside)
        e2e.called_well(e2e.call("af_packet:fly0,peer=10.70.2.2", "--calls", "2000", "--window", "8",
                                 "--timeout", "%d" % (20000 * e2e.PATIENCE), before=a.inside), "losses", 2000)
        counts = ended("losses", server)
        e2e.check(e2e.served(server)[0] == 2001 and counts.get("resent_results", 0) > 0,
                  "losses\n" + server.text())


def own_host():
    """Our own address, over an interface (which says why not), and over lo."""
    with net:
        a, b = net.two_hosts()
        says("our own address", "af_packet:fly0,peer=10.70.0.1", a,
             "10.70.0.1 is this machine's own address, and what is sent to it does not come back")
        server = e2e.serve("af_packet:lo", before=a.inside)
        answers("over lo", "af_packet:lo,port=4000,peer=127.0.0.1", a)
        ended("lo", server)


def bridge():
    """Three on a bridge; and taps of the bridge's host as its ports, whose ends have addresses of their own."""
    with net:
        middle, hosts = net.bridge(3)
        if not hosts:
            print("bridges are left out: the kernel has none", flush=True)
            return
        servers = [e2e.serve("af_packet:fly0", before=host.inside) for host in hosts[1:]]
        for i in 2, 3:
            answers("bridge of three, to %d" % i, "af_packet:fly0,peer=10.70.0.%d" % i, hosts[0])
        for server in servers:
            ended("bridge of three", server)
        if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
            print("taps are left out: there is no /dev/net/tun", flush=True)
            return
        tap = e2e.serve("tap:flytap,ip=10.70.0.50/24", "--stats", before=middle.inside)
        middle.ip("link", "set", "flytap", "master", "br0")
        middle.ip("link", "set", "flytap", "up")
        answers("a tap in a bridge", "af_packet:fly0,peer=10.70.0.50", hosts[0])
        middle.give("br0", "10.70.0.100/24")
        e2e.check("flytap" in middle.ip("link", "show", "master", "br0"), "flytap is a port of the bridge")
        ended("tap in a bridge", tap)


class Server:
    """One that serves until the end, and a client that calls it all the time, reconnecting."""

    def __init__(self, a, b, *options):
        self.server = e2e.serve("af_packet:fly0", "--stats", *options, before=b.inside)
        self.client = e2e.Process(["ping", "af_packet:fly0,peer=" + b.address, "--interval", "0.02", "--timeout",
                                   "3000"], before=a.inside)
        e2e.check(self.client.wait_for("^seq=3 "), "no calls\n" + self.client.text())

    def goes_on(self, what, seconds=20):
        """More calls return from now on."""
        n = len(re.findall("^seq=.* time=", self.client.text(), re.M))
        e2e.check(e2e.wait_until(lambda: len(re.findall("^seq=.* time=", self.client.text(), re.M)) >= n + 5,
                                 seconds),
                  "%s: calls do not go on\n%s\n%s" % (what, self.client.text()[-1500:],
                                                      self.server.text()[-1500:]))

    def end(self, what):
        self.client.stop()
        return ended(what, self.server)


def moved():
    """A peer, and a gateway, get another hardware address while they are called."""
    with net:
        a, b = net.two_hosts()
        run = Server(a, b)
        began = time.monotonic()
        b.ip("link", "set", "fly0", "address", "02:00:00:00:00:99")
        run.goes_on("another hardware address")
        print("a peer that moved: calls go on after %.2f s" % (time.monotonic() - began), flush=True)
        e2e.check("another hardware address" in run.server.text(), "no notice\n" + run.server.text())
        e2e.check(run.end("moved").get("calls_served", 0) > 5, "moved")
    with net:
        a, b, (router,) = net.routed()
        run = Server(a, b)
        for side in "west", "east":
            router.ip("link", "set", side, "address", "02:00:00:00:01:0%d" % (side == "east"))
        run.goes_on("a gateway that moved")
        run.end("a gateway that moved")


def absent():
    """How often an absent host is asked for."""
    with net:
        a, b = net.two_hosts()
        client = e2e.call("af_packet:fly0,peer=10.70.0.99", "--timeout", "3000", "--stats", before=a.inside)
        client.wait()
        asked = e2e.counters(client.text()).get("arp_asked")
        if asked is not None:
            e2e.check(4 <= asked <= 12, "an absent host was asked for %s times in 3 s" % asked)
        before = int(b.run("cat", "/sys/class/net/fly0/statistics/rx_packets"))
        ping("af_packet:fly0,peer=10.70.0.99", a)
        n = int(b.run("cat", "/sys/class/net/fly0/statistics/rx_packets")) - before
        e2e.check(3 <= n <= 15, "an absent host was asked for with %d frames in 2 s" % n)


def kernel_knows():
    """A neighbour that is written down, and answers nobody: the kernel's table is asked first."""
    with net:
        a, b = net.two_hosts()
        server = e2e.serve("af_packet:fly0", before=b.inside)
        b.ip("link", "set", "fly0", "arp", "off")
        says("ARP is off", "af_packet:fly0,peer=10.70.0.2", a, "nobody answers for 10.70.0.2")
        a.ip("neigh", "replace", "10.70.0.2", "lladdr", b.mac(), "dev", "fly0", "nud", "permanent")
        answers("written down", "af_packet:fly0,peer=10.70.0.2", a)
        e2e.check("PERMANENT" in a.ip("neigh", "show", "10.70.0.2"), "we have wiped the kernel's table")
        ended("kernel_knows", server)


def readdressed():
    """Our own address changes while we call."""
    with net:
        a, b = net.two_hosts()
        run = Server(a, b)
        a.ip("addr", "add", "10.70.0.11/24", "dev", "fly0")
        run.goes_on("a second address")
        a.ip("addr", "del", "10.70.0.1/24", "dev", "fly0")
        if "10.70.0.11" not in a.ip("addr", "show", "fly0"):  # it went with the first
            a.ip("addr", "add", "10.70.0.11/24", "dev", "fly0")
        e2e.check(run.client.wait_for("our address is now 10.70.0.11/24, no longer 10.70.0.1/24"),
                  "no notice\n" + run.client.text())
        run.goes_on("another address")
        run.end("readdressed")


def down_and_up():
    """The interface is set down and up, of the server and of the client."""
    with net:
        a, b = net.two_hosts()
        run = Server(a, b)
        for host, process in (b, run.server), (a, run.client):
            host.ip("link", "set", "fly0", "down")
            e2e.check(process.wait_for("the interface fly0 is down"), "no notice\n" + process.text())
            host.ip("link", "set", "fly0", "up")
            e2e.check(process.wait_for("the interface fly0 is up$"), "no notice\n" + process.text())
            run.goes_on("down and up")
        run.end("down and up")


def deleted(*options):
    """The pair of interfaces is deleted and made again."""
    with net:
        a, b = net.two_hosts()
        run = Server(a, b, *options)
        for round in 1, 2:
            a.ip("link", "del", "fly0")
            for process in run.server, run.client:
                e2e.check(process.wait_for("(?s)(the interface fly0 is gone.*){%d}" % round),
                          "no notice\n" + process.text())
            if round == 2:
                e2e.check(e2e.wait_until(lambda: "the link to 10.70.0.2 is down" in run.client.text(), 10),
                          "callers are told\n" + run.client.text())
            net.wire(a, "fly0", b, "fly0")
            a.give("fly0", "10.70.0.1/24")
            b.ip("link", "set", "fly0", "up")
            if round == 2:
                e2e.check(run.server.wait_for("fly0 is there again, without an IPv4 address"),
                          "why it does not come back\n" + run.server.text())
            b.give("fly0", "10.70.0.2/24")
            for process in run.server, run.client:
                e2e.check(process.wait_for("(?s)(the interface fly0 is back.*){%d}" % round),
                          "no notice\n" + process.text())
            run.goes_on("deleted and made again")
        counts = run.end("deleted")
        e2e.check(counts.get("links_returned", 0) >= 2, "deleted: %s" % counts)


def deleted_of_several_pollers():
    deleted("--pollers", "2", "--wait", "sleep")


def mtu():
    """The interface's MTU becomes smaller, and larger again: packets are as long as it takes."""
    with net:
        a, b = net.two_hosts()
        server = e2e.serve("af_packet:fly0", "--stats", before=b.inside)
        for bytes in 1500, 1000, 1500:
            b.ip("link", "set", "fly0", "mtu", "%d" % bytes)
            if bytes == 1000:
                e2e.check(server.wait_for("packets have an MTU of 1000 now"), "no notice\n" + server.text())
            e2e.called_well(e2e.call("af_packet:fly0,peer=10.70.0.2", "--calls", "100", before=a.inside),
                            "an MTU of %d" % bytes, 100)
        e2e.check("packets have an MTU of 1500 now" in server.text(), "no notice\n" + server.text())
        e2e.check(ended("another MTU", server).get("links_changed") == 2, server.text())


def vlan():
    """Both ends put the tag in; and the kernel at one end, where it can."""
    with net:
        a, b = net.two_hosts()
        server = e2e.serve("af_packet:fly0,ip=10.70.5.2/24,vlan=5", "--stats", before=b.inside)
        for mtu in "", ",mtu=600":
            e2e.called_well(e2e.call("af_packet:fly0,ip=10.70.5.1/24,vlan=5,peer=10.70.5.2" + mtu, "--calls", "400",
                                     before=a.inside), "vlan=5" + mtu, 400)
        says("another VLAN", "af_packet:fly0,ip=10.70.5.1/24,vlan=6,peer=10.70.5.2", a, "nobody answers for")
        says("no VLAN", "af_packet:fly0,ip=10.70.5.1/24,peer=10.70.5.2", a, "nobody answers for")
        if net.has_vlan:
            a.ip("link", "add", "link", "fly0", "name", "fly0.5", "type", "vlan", "id", "5")
            a.give("fly0.5", "10.70.5.3/24")
            answers("the kernel's VLAN", "af_packet:fly0.5,peer=10.70.5.2", a)
        else:
            print("the kernel's VLAN is skipped: it has no 8021q", flush=True)
        counts = ended("vlan", server)
        e2e.check(counts.get("drop_other_vlan", 0) > 0, "vlan: %s" % counts)


parts = [subnets, losses, own_host, bridge, moved, absent, kernel_knows, readdressed, down_and_up, deleted,
         deleted_of_several_pollers, mtu, vlan]
for part in parts:
    if len(sys.argv) < 3 or part.__name__ in sys.argv[2:]:
        print(part.__name__, flush=True)
        part()
e2e.finish()
