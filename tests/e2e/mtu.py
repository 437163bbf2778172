#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""mtu.py FIREFLY BULK vhost|memif - how long packets are: long calls between ends of the same and of different MTU,
every byte checked. Each end sends fragments that the other takes in one buffer: as many as follow from the smaller MTU,
and no fewer.
"""
import re
import sys

import e2e

BULK, LINK = sys.argv[2], sys.argv[3]
SIZE, CALLS = 1 << 20, 4
WORDS = SIZE % 100001
HEADERS = 60  # IPv4, UDP, RPC
COUNT = 4  # of an array, in front of it


def bulk(*arguments):
    return e2e.Process(arguments, program=BULK)


def with_mtu(mtu):
    return ",mtu=%d" % mtu if mtu else ""


def fragments(mtu):
    """Of the arguments of all calls, or of their results, which are as long."""
    unit = mtu - HEADERS
    return CALLS * sum(-(-(bytes + COUNT) // unit) for bytes in (SIZE, 4 * WORDS))


def check_counts(what, process, mtu):
    counts = e2e.counters(process.text())
    e2e.check(counts.get("fragments_received") == fragments(mtu) and
              not any(name in counts for name in ("drop_segments", "drop_length", "drop_short")),
              "%s: not %d fragments\n%s" % (what, fragments(mtu), process.text()))


def call(link, what, client_mtu, agreed):
    client = bulk("call", e2e.patient(link + with_mtu(client_mtu)), str(SIZE), str(CALLS))
    client.wait(100)
    client.ended_well(what)
    e2e.check(re.search(r"^calls %d, wrong 0;" % CALLS, client.text(), re.M), client.text())
    check_counts(what + ", client", client, agreed)


def serve(name, mtu):
    server = bulk("serve", LINK + ":" + e2e.path(name) + ",server" + with_mtu(mtu))
    e2e.check(server.wait_for("^up$"), server.text())
    return server


def both(server_mtu, client_mtu, agreed):
    what = "%s, server %s, client %s" % (LINK, server_mtu or "as it is", client_mtu or "as it is")
    server = serve("both", server_mtu)
    call(LINK + ":" + e2e.path("both"), what, client_mtu, agreed)
    server.stop()
    server.ended_well(what)
    check_counts(what + ", server", server, agreed)


def another_client():
    """The clients of one server come with other packets than those before: more, less, more."""
    server = serve("another", None)
    for mtu in None, 1500, None, 300:
        call(LINK + ":" + e2e.path("another"), "another client", mtu, mtu or 9000)
    server.stop()
    server.ended_well("another client")
    counts = e2e.counters(server.text())
    expected = 2 * fragments(9000) + fragments(1500) + fragments(300)
    e2e.check(counts.get("fragments_received") == expected and "drop_segments" not in counts,
              "not %d fragments\n%s" % (expected, server.text()))


both(None, None, 9000)
both(1500, None, 1500)
both(None, 1500, 1500)
both(1500, 1500, 1500)
both(16000, None, 9000)
both(65280, 65280, 65280)
another_client()
e2e.finish()
