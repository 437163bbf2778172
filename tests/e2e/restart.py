#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""restart.py FIREFLY vhost|memif - a server ends, or is killed, and the next one takes its place: what is left of
the first does not stop it, and clients that wait go on with it.
"""
import os
import re
import signal
import sys

import e2e

LINK = sys.argv[2]
link = LINK + ":" + e2e.path("s")


def restart(server, number):
    server.stop(number)
    if number == signal.SIGKILL:
        e2e.check(os.path.exists(e2e.path("s")), "a killed server leaves its socket behind")
    else:
        e2e.check(not os.listdir(e2e.directory), "left behind: %s" % os.listdir(e2e.directory))
    tally = e2e.Tally("tally.%d" % number)
    return e2e.serve(link + ",server,clients=2", "--tally", tally.path), tally


def pings():
    """How many were answered."""
    return len(re.findall(r"^seq=\d+ time=", ping.text(), re.M))


tally = e2e.Tally("tally")
server = e2e.serve(link + ",server,clients=2", "--tally", tally.path)
ping = e2e.Process(["ping", "--interval", "0.02", e2e.patient(link)])
caller = e2e.call(link, "--reconnect", "--shared", "--calls", str(1 << 62), "--window", "4", "-p",
                  "null", "-p", "echo")
e2e.check(e2e.wait_until(lambda: pings() >= 3 and tally.read()[3] > 0),
          "ping and call do not begin\n" + ping.text() + caller.text())
for number in signal.SIGINT, signal.SIGKILL, signal.SIGTERM:
    server, tally = restart(server, number)
    # Both come back. They say so, unless they reach the new server before they have missed the old one.
    e2e.check(e2e.wait_until(lambda: tally.read()[3] > 0), "call does not come back\n" + caller.text())
    before = pings()
    e2e.check(e2e.wait_until(lambda: pings() >= before + 3), "ping does not go on\n" + ping.text())
caller.stop()
books = e2e.Books(caller.text())
caller.ended_well("call")
e2e.check(books.reconnections >= 3 and "server is back" in caller.text() and books.wrong == 0 and
          books.executed == 0, "call: three times a new server\n" + caller.text())
e2e.check(ping.stop() == 0, "ping\n" + ping.text())
e2e.check("executed)" in ping.text() or "still no server" in ping.text(),
          "ping never said that the server was away\n" + ping.text())
server.stop()
server.ended_well("last server")
e2e.finish()
