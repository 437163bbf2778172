#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""udp.py FIREFLY BULK [PART...] - udp: links, by nobody in an empty user and network namespace: no right, no interface but lo.

This script runs itself again in there, where its own user may change addresses and MTUs. What it starts runs in
one more user namespace, which no user is mapped into: it may do nothing.
"""
import os
import re
import subprocess
import sys
import time

INSIDE = "FLY_E2E_UDP_INSIDE"
NOBODY = 65534


def become_nobody():
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def enter():
    """Run this script again in namespaces of its own; return only if that cannot be."""
    def can(*words):
        return subprocess.run(["unshare", "-Urn", "unshare", "-U", *words], preexec_fn=become_nobody,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)

    pythons = [p for p in (sys.executable, "/usr/bin/python3") if can(p, "-c", "").returncode == 0]
    tried = can(sys.argv[1], "--version")
    if pythons and tried.returncode == 0:
        become_nobody()
        os.environ[INSIDE] = "1"
        os.environ.pop("XDG_RUNTIME_DIR", None)
        os.execvp("unshare", ["unshare", "-Urn", pythons[0]] + sys.argv)
    print("skipped: nobody has no user and network namespaces here, or cannot read this: " + tried.stdout.strip())
    sys.exit(77)


if INSIDE not in os.environ:
    enter()

import e2e  # its directories are nobody's

BULK = sys.argv[2]
NOTHING = ["unshare", "-U"]  # what is started may do nothing
ANSWER = "%d" % (10000 * e2e.PATIENCE)
SLEEPS = ["--wait", "sleep"]  # polling ends of a link take long where there are fewer cores than of them


def ip(*words):
    made = subprocess.run(["ip", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    e2e.check(made.returncode == 0, "ip %s: %s" % (" ".join(words), made.stdout))


def serve(link, *options):
    """A server, and the UDP port that it says."""
    server = e2e.serve(link, "--stats", *(options or SLEEPS), before=NOTHING)
    if not server:
        e2e.finish()
    return server, int(re.search(r" at \S*:(\d+);", server.text())[1])


def call(link, calls, window, *options):
    return e2e.call(link, "--calls", str(calls), "--window", str(window), "--timeout", ANSWER, *SLEEPS,
                    *options, before=NOTHING)


def stop(server, what):
    server.stop()
    server.ended_well(what)
    return e2e.counters(server.text())


def calls(what, link, *peers):
    """A server on a free port, and callers that name it so."""
    server, port = serve(link + ",port=0")
    for peer in peers:
        for window, n in (1, 50), (32, 640):
            e2e.called_well(call("udp:,peer=%s:%d" % (peer, port), n, window),
                            "%s, %s, window %d" % (what, peer, window), n)
    e2e.called_well(call("udp:%s,port=%d" % (peers[0], port), 50, 8), what + ", as the server is named", 50)
    counts = stop(server, what)
    e2e.check(counts.get("calls_served", 0) >= len(peers) * 692, what + "\n" + server.text())
    e2e.check("drop_tx_refused" not in counts and "drop_source" not in counts, what + "\n" + server.text())


def addresses():
    calls("IPv4", "udp:127.0.0.1", "127.0.0.1", "localhost")
    calls("IPv6", "udp:[::1]", "[::1]")
    calls("all addresses of IPv4", "udp:0.0.0.0", "127.0.0.1", "127.0.0.5")  # the reply comes from there
    calls("all addresses", "udp:[::]", "[::1]", "127.0.0.1", "127.0.0.6", "localhost")
    ip("addr", "add", "fe80::7/64", "dev", "lo")
    calls("a link-local address", "udp:[fe80::7%lo]", "[fe80::7%lo]")
    calls("all addresses, called at a link-local one", "udp:[::]", "[fe80::7%lo]")


def usual_port():
    """The port that nobody names, by way of an address or a name as the peer."""
    server = e2e.serve("udp:0.0.0.0", *SLEEPS, before=NOTHING)
    for arguments in (["udp:127.0.0.1"], ["localhost", "--link", "udp:"], ["127.0.0.1", "--link", "udp:"]):
        e2e.called_well(e2e.Process(["call", "--check", "--calls", "100", "--timeout", ANSWER, *SLEEPS, *arguments],
                                    before=NOTHING), " ".join(arguments), 100)
    second = e2e.Process(["serve", "--link", "udp:127.0.0.1"], before=NOTHING)
    second.wait()
    e2e.check(second.popen.returncode == 1 and "UDP port 61989 is in use by another program" in second.text() and
              "port=0" in second.text(), "port in use\n" + second.text())
    server.stop()
    server.ended_well("the usual port")


def two_servers():
    """On one machine, each at a port of its own, called at the same time."""
    servers = [serve("udp:[::],port=0") for _ in range(2)]
    callers = [call("udp:,peer=[::1]:%d" % port, 1000, 8) for _, port in servers]
    e2e.check(servers[0][1] != servers[1][1], "two servers at one port")
    for caller in callers:
        e2e.called_well(caller, "two servers", 1000)
    for server, _ in servers:
        stop(server, "two servers")
        e2e.check(e2e.served(server)[0] == 1001, "two servers\n" + server.text())


def bulk(what, link, peer, unit, server_keys="", client_keys="", is_exact=True):
    """Calls of 1 MiB and back, in packets of `unit` bytes."""
    server = e2e.Process(["serve", "%s,port=7171%s" % (link, server_keys)], program=BULK, before=NOTHING)
    e2e.check(server.wait_for("^up$"), what + "\n" + server.text())
    client = e2e.Process(["call", "udp:,peer=%s:7171%s" % (peer, client_keys), str(1 << 20), "4"], program=BULK,
                         before=NOTHING)
    client.wait(100)
    client.ended_well(what)
    server.stop()
    server.ended_well(what)
    e2e.check("calls 4, wrong 0;" in client.text(), what + "\n" + client.text())
    n = 4 * sum(-(-(bytes + 4) // unit) for bytes in (1 << 20, 4 * ((1 << 20) % 100001)))
    for side in client, server:
        counts = e2e.counters(side.text())
        e2e.check(counts.get("fragments_received") == n and "tx_fragmented" not in counts,
                  "%s: not %d fragments\n%s" % (what, n, side.text()))


def mtu():
    """By the interface's MTU, the smaller one of both ends, and the headers of each family."""
    bulk("bulk", "udp:127.0.0.1", "127.0.0.1", 8940)
    bulk("bulk, IPv6", "udp:[::1]", "[::1]", 8940)
    bulk("bulk, longest", "udp:127.0.0.1", "127.0.0.1", 65220, ",mtu=65280", ",mtu=65280")
    bulk("bulk, server 1500", "udp:127.0.0.1", "127.0.0.1", 1440, ",mtu=1500")
    bulk("bulk, client 600", "udp:127.0.0.1", "127.0.0.1", 540, ",mtu=600", ",mtu=600")
    ip("link", "set", "lo", "mtu", "1500")
    bulk("bulk, lo 1500", "udp:[::]", "127.0.0.1", 1440)
    bulk("bulk, lo 1500, more is said", "udp:127.0.0.1", "127.0.0.1", 1440, ",mtu=9000", ",mtu=9000")
    bulk("bulk, IPv6, lo 1500", "udp:[::]", "[::1]", 1420)
    ip("link", "set", "lo", "mtu", "65536")


def smaller_way():
    """The way gets a smaller MTU under long calls: their packets are cut, and no call fails."""
    server = e2e.Process(["serve", "udp:127.0.0.1,port=7272"], program=BULK, before=NOTHING)
    server.wait_for("^up$")
    client = e2e.Process(["call", "udp:,peer=127.0.0.1:7272", str(1 << 20), "12"], program=BULK, before=NOTHING)

    def received():
        with open("/proc/net/snmp") as f:
            return int([line.split() for line in f if line.startswith("Udp:")][1][1])

    before = received()
    e2e.check(e2e.wait_until(lambda: received() > before + 100), "no packets")
    ip("link", "set", "lo", "mtu", "1500")
    client.wait(200)
    client.ended_well("a smaller way")
    server.stop()
    server.ended_well("a smaller way")
    e2e.check("calls 12, wrong 0;" in client.text(), client.text())
    counts = e2e.counters(client.text()), e2e.counters(server.text())
    e2e.check(sum(c.get("tx_fragmented", 0) for c in counts) > 0, "nothing was cut\n" + client.text() + server.text())
    ip("link", "set", "lo", "mtu", "65536")


def pollers():
    """Each has a socket and a port of its own: nothing is passed on."""
    server, port = serve("udp:[::],port=0", "--pollers", "2", "--wait", "yield")
    for window in 1, 8, 1, 8:
        e2e.called_well(call("udp:,peer=[::1]:%d" % port, 400, window, "--shared"), "pollers", 400)
    counts = stop(server, "pollers")
    e2e.check("passed_on" not in counts and counts.get("calls_served", 0) >= 1604, server.text())


def sleeping():
    """A server that sleeps is woken by each packet, and so is a client."""
    server, port = serve("udp:127.0.0.1,port=0", "--wait", "sleep")
    client = e2e.Process(["ping", "--interval", "0.1", "--count", "20", "--wait", "sleep", "--timeout", ANSWER,
                          "udp:127.0.0.1:%d" % port], before=NOTHING)
    client.wait(60)
    e2e.check("20 sent, 20 returned" in client.text(), client.text())
    counts = stop(server, "sleeping")
    e2e.check(counts.get("sleeps_ended", 0) >= 10, "not woken\n" + server.text())


def pings(client, pattern, more=1):
    """Wait for more lines of a ping that runs."""
    n = len(re.findall(pattern, client.text(), re.M)) + more
    return e2e.check(e2e.wait_until(lambda: len(re.findall(pattern, client.text(), re.M)) >= n, 30),
                     "no '%s' any more\n%s" % (pattern, client.text()[-2000:]))


def comings_and_goings():
    """An address that vanishes, an interface that goes down: calls fail, and work again afterwards."""
    ip("addr", "add", "10.50.0.1/32", "dev", "lo")
    server, port = serve("udp:0.0.0.0,port=0")
    client = e2e.Process(["ping", "--interval", "0.05", *SLEEPS, "--timeout", "%d" % (300 * e2e.PATIENCE),
                          "udp:,peer=10.50.0.1:%d" % port], before=NOTHING)
    pings(client, "time=", 3)
    ip("addr", "del", "10.50.0.1/32", "dev", "lo")
    pings(client, "EPEER|still no server")
    ip("addr", "add", "10.50.0.1/32", "dev", "lo")
    pings(client, "time=", 3)
    ip("link", "set", "lo", "down")
    pings(client, "EPEER|still no server")
    ip("link", "set", "lo", "up")
    pings(client, "time=", 3)
    client.stop()
    stop(server, "comings and goings")


def refusals():
    for link, says in (("udp:10.9.9.9,peer=127.0.0.1", "10.9.9.9 is no address of this machine"),
                       ("udp:,peer=10.9.9.9", "no way to 10.9.9.9 from here"),
                       ("udp:,peer=[2001:db8::1]:5", "no way to [2001:db8::1] from here"),
                       ("udp:127.0.0.1,port=0,peer=[::1]", "of IPv6; use udp: or udp:[::]"),
                       ("udp:,peer=nonesuch.invalid", "nor is it a host's name"),
                       ("udp:", "whom to call is not said")):
        process = e2e.Process(["call", link, "--timeout", "500"], before=NOTHING)
        process.wait()
        e2e.check(process.popen.returncode == 1 and says in process.text() and
                  len([line for line in process.text().splitlines() if line.startswith("firefly")]) <= 2,
                  "%s: not '%s'\n%s" % (link, says, process.text()))
    silent = e2e.Process(["call", "udp:127.0.0.1:9", "--timeout", "500"], before=NOTHING)
    silent.wait()
    e2e.check(silent.popen.returncode == 1 and "no Firefly server answers at 127.0.0.1:9" in silent.text(), silent.text())


def killed():
    """A caller dies in the midst of calls: the others go on, and its place is soon another's."""
    server, port = serve("udp:[::],port=0")
    other = call("udp:,peer=[::1]:%d" % port, 1500, 4, "--shared")
    for _ in range(5):
        victim = call("udp:,peer=[::1]:%d" % port, 1 << 40, 16, "--shared")
        victim.wait_for("never", 0.2 / e2e.PATIENCE)
        victim.kill()
    e2e.called_well(other, "beside callers that die", 1500)
    stop(server, "callers that die")


ip("link", "set", "lo", "up")
for part in (addresses, usual_port, two_servers, mtu, smaller_way, pollers, sleeping, comings_and_goings, refusals, killed):
    if sys.argv[3:] and part.__name__ not in sys.argv[3:]:
        continue
    began = time.monotonic()
    part()
    print("%s: %.1f s" % (part.__name__, time.monotonic() - began), flush=True)
e2e.finish()
