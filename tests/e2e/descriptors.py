#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""descriptors.py FIREFLY vhost|memif|local|af_packet - programs that a server or a client starts inherit no
descriptor of it but 0, 1 and 2: neither those that DPDK opened, nor those that came from a peer.
"""
import os
import subprocess
import sys
import time

import e2e

LINK = sys.argv[2]
CLOEXEC = 0o2000000


def inherited(process):
    """The descriptors that a program would inherit, with what they lead to."""
    found = []
    own = "/proc/%d/" % process.popen.pid
    for fd in os.listdir(own + "fd"):
        try:
            with open(own + "fdinfo/" + fd) as f:
                flags = int(dict(line.split(":", 1) for line in f if ":" in line)["flags"], 8)
            if int(fd) > 2 and not flags & CLOEXEC:
                found.append(fd + " " + os.readlink(own + "fd/" + fd))
        except FileNotFoundError:
            pass
    return found


def check(process, what):
    # DPDK's threads may be about to open one, and ours to look at it.
    e2e.check(e2e.wait_until(lambda: not inherited(process), 2), "%s: %s" % (what, inherited(process)))


if LINK == "af_packet":
    if os.geteuid() != 0 or subprocess.call(
            ["ip", "link", "add", "flydesc0", "type", "veth", "peer", "name", "flydesc1"],
            stderr=subprocess.DEVNULL) != 0:
        e2e.skip("no permission to make interfaces")
    for i in "01":
        subprocess.check_call(["ip", "link", "set", "flydesc" + i, "up"])
    links = ["af_packet:flydesc0,ip=10.99.70.1", "af_packet:flydesc1,ip=10.99.70.2,peer=10.99.70.1"]
else:
    links = ["%s:%s,server,clients=2" % (LINK, e2e.path("s")), "%s:%s" % (LINK, e2e.path("s"))]
try:
    tally = e2e.Tally("tally")
    server = e2e.serve(links[0], "--tally", tally.path)
    if server:
        check(server, "a server without clients")
        for i in range(1 if LINK == "af_packet" else 2):
            before = tally.read()[0]
            client = e2e.call(links[1], "--calls", str(1 << 62), "-p", "null", "--shared")
            e2e.check(e2e.wait_until(lambda: tally.read()[0] > before), "no calls\n" + client.text())
            check(client, "client %d" % i)
            check(server, "the server of client %d" % i)
        server.stop()
        server.ended_well("the server")
finally:
    if LINK == "af_packet":
        subprocess.call(["ip", "link", "del", "flydesc0"])
e2e.finish()
