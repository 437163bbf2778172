#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""find.py FIREFLY - who exports an interface on a network, asked without knowing anybody: a bridge of three, over
af_packet and over udp:, several servers on one host, servers that go, and nobody; in network namespaces
(networks.py). And the far end of vhost and memif.
"""
import re
import sys

import e2e
import networks

net = networks.Network()
SLEEPS = ["--wait", "sleep"]
WAIT = ["--wait", "%d" % e2e.PATIENCE]


def find(host, *options, interface="Test"):
    """The addresses that were found, how the program ended, and what it said."""
    process = e2e.Process(["find", interface, *WAIT, *options], before=host.inside)
    process.wait()
    lines = re.findall(r"^([\d.]+:\d+),via=(\S+) version (\d+)$", process.text(), re.M)
    return sorted(where for where, _, _ in lines), process


def finds(what, host, expected, *options):
    """An answer may be too late on a busy machine: ask again."""
    for _ in range(3):
        found, process = find(host, *options)
        if found == sorted(expected):
            break
    e2e.check(found == sorted(expected) and process.popen.returncode == (0 if expected else 1),
              "%s: %s, not %s\n%s" % (what, found, expected, process.text()))
    return process


def serve(host, link, *options):
    return e2e.serve(link, "--stats", *SLEEPS, *options, before=host.inside)


def ended(server, what):
    server.stop()
    server.ended_well(what)
    return e2e.counters(server.text())


def three(link, call_options):
    """Two servers on a bridge, found by the third; one goes."""
    middle, hosts = net.bridge(3)
    if not hosts:
        print("bridges are left out: the kernel has none", flush=True)
        return
    asker, link_of = hosts[0], (lambda i: link if link.startswith("af_packet") else "udp:0.0.0.0")
    servers = [serve(hosts[i], link_of(i)) for i in (1, 2)]
    both = ["10.70.0.2:61989", "10.70.0.3:61989"]
    finds(link + ", two servers", asker, both, "--link", link)
    finds(link + ", of that version", asker, both, "--link", link, "--interface-version", "1")
    finds(link + ", of another version", asker, [], "--link", link, "--interface-version", "7")
    found, process = find(asker, "--link", link, interface="Nonesuch")
    e2e.check(found == [] and process.popen.returncode == 1 and
              "nobody on these networks exports Nonesuch" in process.text(), process.text())
    # What was printed is whom to call.
    call = e2e.Process(["call", "--check", both[1] + ",via=" + link, "--calls", "50", "--link", e2e.patient(link), *call_options],
                       before=asker.inside)
    e2e.called_well(call, link + ", as it was found", 50)
    counts = ended(servers[0], link)
    e2e.check(counts.get("answers_sent", 0) > 0 and counts.get("questions_ignored", 0) > 0 and
              "drop_question" not in counts, servers[0].text())
    finds(link + ", one has gone", asker, both[1:], "--link", link)
    ended(servers[1], link)
    finds(link + ", both have gone", asker, [], "--link", link)


def af_packet():
    with net:
        three("af_packet:fly0", [])


def udp():
    with net:
        three("udp:", SLEEPS)


def across():
    """Links of both kinds on one network find each other; several servers of one host, also with several pollers."""
    with net:
        a, b = net.two_hosts()
        servers = [serve(b, "udp:0.0.0.0"), serve(b, "udp:10.70.0.2,port=7000"),
                   serve(b, "af_packet:fly0,port=8000"), serve(b, "af_packet:fly0,port=9000", "--pollers", "2")]
        every = ["10.70.0.2:%d" % port for port in (61989, 7000, 8000, 9000)]
        finds("by af_packet", a, every, "--link", "af_packet:fly0")
        finds("by udp:", a, every, "--link", "udp:")
        finds("by both at once: each once", a, every, "--link", "udp:", "--link", "af_packet:fly0")
        # On the host itself: af_packet reaches nobody of its own machine, and nobody of there answers.
        finds("the same host, udp:", b, [], "--link", "af_packet:fly0")
        found, process = find(b, "--link", "udp:")
        e2e.check({where.split(":")[1] for where in found} == {"61989", "7000"}, "the same host\n" + process.text())
        for server in servers:
            ended(server, "across")


def one_peer():
    """vhost and memif: the far end is asked, and its answer says by which link."""
    for kind in "vhost", "memif":
        link = kind + ":" + e2e.path(kind)
        server = e2e.serve(link + ",server", "--stats", *SLEEPS)
        found = e2e.Process(["find", "Test", *WAIT, "--link", e2e.patient(link)])
        found.wait()
        e2e.check(found.popen.returncode == 0 and
                  "169.254.70.1:61989,via=%s version 1" % link in found.text().splitlines(), kind + "\n" + found.text())
        ended(server, kind)


def alone():
    """A network with nobody on it, and links that have none."""
    with net:
        a, _ = net.two_hosts()
        for link in "af_packet:fly0", "udp:", "udp:10.70.0.1":
            finds("nobody, " + link, a, [], "--link", link)
        local = e2e.Process(["find", "Test", "--link", "local:nonesuch,server"], before=a.inside)
        local.wait()
        e2e.check(local.popen.returncode == 1 and "local links only, which have no network" in local.text(),
                  local.text())
        for words in [], ["Test", "Other"], ["Test", "--wait", "no"]:
            wrong = e2e.Process(["find", *words], before=a.inside)
            wrong.wait()
            e2e.check(wrong.popen.returncode == 2, "%s\n%s" % (words, wrong.text()))


def behind_a_router():
    """A question does not leave its network."""
    with net:
        a, b, _ = net.routed()
        server = serve(b, "af_packet:fly0")
        for link in "af_packet:fly0", "udp:":
            finds("behind a router, " + link, a, [], "--link", link)
        counts = ended(server, "behind a router")
        e2e.check("answers_sent" not in counts, server.text())


for part in (one_peer, af_packet, udp, across, alone, behind_a_router):
    if sys.argv[2:] and part.__name__ not in sys.argv[2:]:
        continue
    part()
e2e.finish()
