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
    return e2e.serve(link + ",server,clients=2")


server = e2e.serve(link + ",server,clients=2")
ping = e2e.Process(["ping", "--interval", "0.02", link])
caller = e2e.call(link, "--reconnect", "--shared", "--calls", str(1 << 62), "--window", "4", "-p",
                  "null", "-p", "echo")
ping.wait_for("^seq=3 time=")
for i, number in enumerate((signal.SIGINT, signal.SIGKILL, signal.SIGTERM)):
    server = restart(server, number)
    # Both notice, and both come back.
    for client, name in (ping, "ping"), (caller, "call"):
        again = r"(?s)" + r".*server is back" * (i + 1)
        e2e.check(client.wait_for(again), "%s does not come back\n%s" % (name, client.text()))
    seq = max(map(int, re.findall(r"^seq=(\d+)", ping.text(), re.M)))
    e2e.check(ping.wait_for(r"^seq=%d time=" % (seq + 3)), "ping does not go on\n" + ping.text())
caller.stop()
books = e2e.Books(caller.text())
caller.ended_well("call")
e2e.check(books.reconnections == 3 and books.wrong == 0 and books.executed == 0,
          "call: three times a new server\n" + caller.text())
e2e.check(ping.stop() == 0, "ping\n" + ping.text())
e2e.check("maybe executed" in ping.text() or "still no server" in ping.text(),
          "ping never said that the server was away\n" + ping.text())
server.stop()
server.ended_well("last server")
e2e.finish()
