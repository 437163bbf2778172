#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""bulk.py FIREFLY BULK vhost|memif|local - calls of one byte to almost 64 MiB, each byte checked, executed once; and
peers that are killed in the middle of one.
"""
import re
import sys
import time

import e2e

BULK, LINK = sys.argv[2], sys.argv[3]


def bulk(*arguments):
    return e2e.Process(arguments, program=BULK)


def serve(name):
    server = bulk("serve", LINK + ":" + e2e.path(name) + ",server")
    e2e.check(server.wait_for("^up$"), server.text())
    return server


def call_well(link, size, calls):
    client = bulk("call", e2e.patient(link), str(size), str(calls))
    client.wait(100)
    client.ended_well("%d bytes" % size)
    found = re.search(r"^calls %d, wrong 0; (.*)$" % calls, client.text(), re.M)
    if e2e.check(found, client.text()):
        print("%s: %d bytes: %s" % (LINK, size, found[1]), flush=True)


def each_size():
    link = LINK + ":" + e2e.path("each")
    server = serve("each")
    total = 0
    for size, calls in ((1, 100), (1436, 200), (1437, 200), (8936, 200), (8937, 200), (100000, 100), (1 << 20, 50),
                        (67108000, 2)):
        call_well(link, size, calls)
        total += calls
    server.stop()
    server.ended_well("server")
    e2e.check("served %d\n" % (2 * total) in server.text(), server.text())


def killed():
    """The server goes on without a client that was killed, and then the other way round."""
    link = LINK + ":" + e2e.path("killed")
    server = serve("killed")
    for pause in 0.02, 0.05, 0.1:
        client = bulk("call", e2e.patient(link), str(16 << 20), "10000")
        e2e.check(client.wait_for("^calling$"), client.text())
        time.sleep(pause)
        client.kill()
        call_well(link, 1 << 20, 3)
    client = bulk("call", e2e.patient(link), str(16 << 20), "10000")
    e2e.check(client.wait_for("^calling$"), client.text())
    time.sleep(0.1)
    server.kill()
    client.wait(30)
    client.ended_well("client", status=1)
    e2e.check(re.search(r"^call \d+: (no answer from the peer|the link is down)$",
                        client.text(), re.M), client.text())
    serve("killed").stop()  # takes over what the killed one has left behind


each_size()
killed()
e2e.finish()
