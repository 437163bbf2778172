#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""path_mtu.py FIREFLY BULK - a smaller MTU in the middle of a path, of which nobody tells the ends: calls and results
of all lengths get through, once each. A router drops what is too long, and its ICMP messages reach nobody.
"""
import re
import sys
import time

import e2e
import networks

BULK = sys.argv[2]
net = networks.Network()
TIMEOUT = ["--timeout", "%d" % (20000 * e2e.PATIENCE)]
PEER = "af_packet:fly0,peer=10.70.2.2"


def silence(routers):
    """No router tells anybody. Without nft they do, and nobody here listens."""
    for router in routers if net.has_nft else []:
        router.run("nft", "add table ip quiet")
        router.run("nft", "add chain ip quiet out { type filter hook output priority 0; }")
        router.run("nft", "add rule ip quiet out icmp type destination-unreachable drop")


def middle(routers, mtu):
    for router in routers:
        router.ip("link", "set", "middle", "mtu", str(mtu))


def small_calls(what, a, b, calls=400):
    """Calls and results of one packet, as long as the ends take: of 1440 bytes with an MTU of 1500."""
    server = e2e.serve("af_packet:fly0", "--stats", before=b.inside)
    for window in 1, 16:
        client = e2e.call(PEER, "--calls", str(calls), "--window", str(window), "--stats", *TIMEOUT, before=a.inside)
        e2e.called_well(client, "%s, window %d" % (what, window), calls)
    server.stop()
    server.ended_well(what)
    return e2e.counters(client.text()), e2e.counters(server.text())


def long_calls(what, a, b, sizes, calls=2):
    """Calls of several packets, with results of as many bytes. Every byte is checked."""
    server = e2e.Process(["serve", "af_packet:fly0"], before=b.inside, program=BULK)
    e2e.check(server.wait_for("^up$"), what + "\n" + server.text())
    counts = {}
    for size in sizes:
        client = e2e.Process(["call", PEER, str(size), str(calls)], before=a.inside, program=BULK)
        client.wait(100)
        client.ended_well("%s, %d bytes" % (what, size))
        e2e.check(re.search(r"^calls %d, wrong 0;" % calls, client.text(), re.M), what + "\n" + client.text())
        counts = e2e.counters(client.text())
    server.stop()
    server.ended_well(what)
    return counts, e2e.counters(server.text())


def narrowed(what, *sides):
    for counts in sides:
        e2e.check(counts.get("paths_narrowed", 0) > 0 and counts.get("path_probes_sent", 0) > 0,
                  "%s: not found out: %s" % (what, counts))


def smaller(mtu, middle_mtu):
    what = "%d in the middle of %d" % (middle_mtu, mtu)
    with net:
        a, b, routers = net.routed(mtu, middle_mtu)
        silence(routers)
        if mtu == 1500:
            narrowed(what, *small_calls(what, a, b))
        unit = middle_mtu - 60
        narrowed(what, *long_calls(what, a, b, (unit, unit + 1, 2 * unit, mtu - 60, mtu - 59, 3 * mtu, 1 << 20)))


def wide():
    """The same with no smaller one: nothing is found out, since nothing is suspected."""
    with net:
        a, b, routers = net.routed(1500, 1500)
        for counts in small_calls("the same everywhere", a, b) + long_calls("the same everywhere", a, b, (1 << 20,)):
            e2e.check("paths_narrowed" not in counts, "the same everywhere: %s" % counts)


def shrinks():
    """The MTU in the middle shrinks while calls are under way, twice, and grows again."""
    with net:
        a, b, routers = net.routed(1500, 1500)
        silence(routers)
        server = e2e.serve("af_packet:fly0", "--stats", before=b.inside)
        client = e2e.call(PEER, "--calls", "40000", "--window", "8", "--stats", *TIMEOUT, before=a.inside)
        for mtu in 1400, 1000, 1500:
            time.sleep(0.3)  # some calls between two changes; how many does not matter
            middle(routers, mtu)
        e2e.called_well(client, "a path that shrinks", 40000)
        server.stop()
        server.ended_well("a path that shrinks")


def losses():
    """A router that loses packets of all lengths is no path that takes less."""
    if not net.has_nft:
        print("losses are left out: no nftables here", flush=True)
        return
    with net:
        a, b, (router,) = net.routed(1500)
        router.run("nft", "add table ip firefly")
        router.run("nft", "add chain ip firefly lossy { type filter hook forward priority 0; }")
        router.run("nft", "add rule ip firefly lossy numgen random mod 10 == 0 drop")
        sides = small_calls("losses", a, b, 1000) + long_calls("losses", a, b, (1 << 20,))
        for counts in sides:
            e2e.check("paths_narrowed" not in counts, "losses: %s" % counts)
        e2e.check(any(counts.get("path_probes_sent") for counts in sides), "nothing was suspected")


smaller(1500, 1400)
smaller(9000, 1500)
wide()
shrinks()
losses()
e2e.finish()
