#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""stopped.py FIREFLY vhost|memif - a server that is stopped, or that takes connections and says nothing: a
client that starts is told so when its wait is over, a client that stops ends, and when the server goes
on it serves again.
"""
import os
import signal
import socket
import sys

import e2e

LINK = sys.argv[2]
link = LINK + ":" + e2e.path("s")
WORDS = "does not answer|does not take the connection"


def stands(process):
    """Is each of its threads stopped?"""
    tasks = "/proc/%d/task" % process.popen.pid
    for task in os.listdir(tasks):
        with open(os.path.join(tasks, task, "stat")) as f:
            if f.read().rsplit(")", 1)[1].split()[0] != "T":
                return False
    return True


def start(what, at):
    """A client that starts at a server that does not answer."""
    client = e2e.Process(["ping", "--count", "1", at + ",wait=2"])
    status = client.wait(30)
    e2e.check(status == 1 and client.wait_for(WORDS), "%s: exit status %s\n%s" % (what, status, client.text()))


tally = e2e.Tally("tally")
server = e2e.serve(link + ",server,clients=3", "--tally", tally.path)
if server:
    # By another path than the server's own: a link to its directory.
    os.symlink(os.path.dirname(e2e.path("s")), e2e.path("alias"))
    alias = LINK + ":" + os.path.join(e2e.path("alias"), "s")
    caller = e2e.call(alias, "--calls", str(1 << 62), "-p", "null", "--shared")
    e2e.check(e2e.wait_until(lambda: tally.read()[0] > 0), "no calls\n" + caller.text())
    server.popen.send_signal(signal.SIGSTOP)
    e2e.check(e2e.wait_until(lambda: stands(server)), "the server does not stop")
    for i in range(3):  # more than memif's socket lets wait
        start("start %d" % i, link)
    os.unlink(e2e.path("alias"))
    caller.stop()
    e2e.check("packets: " in caller.text(), "the caller\n" + caller.text())
    server.popen.send_signal(signal.SIGCONT)
    e2e.called_well(e2e.call(link, "--calls", "100", "--shared"), "when the server goes on", 100)
    server.stop()
    server.ended_well("the server")
    if LINK == "vhost":
        silent = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        silent.bind(e2e.path("s"))
        silent.listen(8)
        start("a silent server that is no Firefly", link)
        silent.close()
        os.unlink(e2e.path("s"))
e2e.finish()
