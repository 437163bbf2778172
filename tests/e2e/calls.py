#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""calls.py FIREFLY vhost|memif - every call returned, executed once, each byte checked; all packets
back in the pools of both sides, no file left.

One client at windows 1 and 64; eight clients on one server; two servers side by side.
"""
import sys

import e2e

LINK = sys.argv[2]
PROCEDURES = 4  # `firefly call` makes them in turn
SEAL = 1        # a MaxResult: the caller looks whether the server checks


def server_counts(server, what, per_procedure, clients=1):
    """End a server that was called so many times by so many clients."""
    server.stop()
    server.ended_well(what)
    one = per_procedure
    wanted = [one * PROCEDURES + SEAL * clients, one, one + SEAL * clients, one, one]
    e2e.check(e2e.served(server) == wanted,
              "%s: served %s, not %s\n%s" % (what, e2e.served(server), wanted, server.text()))


def one_client():
    link = LINK + ":" + e2e.path("one")
    server = e2e.serve(link + ",server", "--stats")
    total = 0
    for window, calls in (1, 4000), (64, 40000):
        what = "%s, window %d" % (LINK, window)
        e2e.called_well(e2e.call(link, "--calls", str(calls), "--window", str(window)), what,
                        calls)
        total += calls // PROCEDURES
    server_counts(server, LINK, total, clients=2)


def each_procedure():
    link = LINK + ":" + e2e.path("each")
    server = e2e.serve(link + ",server")
    for name in "null", "maxresult", "maxarg", "echo":
        e2e.called_well(e2e.call(link, "--calls", "1000", "--window", "8", "-p", name), name,
                        1000)
    server_counts(server, "one procedure at a time", 1000, clients=4)


def eight_clients():
    link = LINK + ":" + e2e.path("eight")
    server = e2e.serve(link + ",server,clients=8")
    clients = [e2e.call(link + ",wait=%d" % (10 * e2e.PATIENCE), "--calls", "200", "--window", "8", "--shared",
                        "--timeout", "%d" % (10000 * e2e.PATIENCE)) for _ in range(8)]
    for i, client in enumerate(clients):
        e2e.called_well(client, "client %d of 8" % i, 200)
    server_counts(server, "eight clients", 8 * 50, clients=8)


def side_by_side():
    links = [LINK + ":" + e2e.path(name) for name in ("left", "right")]
    servers = [e2e.serve(link + ",server") for link in links]
    clients = [e2e.call(link, "--calls", "2000", "--window", "16") for link in links]
    for client, server in zip(clients, servers):
        e2e.called_well(client, "side by side", 2000)
        server_counts(server, "side by side", 500)


one_client()
each_procedure()
eight_clients()
side_by_side()
e2e.finish()
