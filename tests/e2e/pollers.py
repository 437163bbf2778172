#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""pollers.py FIREFLY vhost|memif - a server with several pollers, of which one receives for all: callers
are shared out among them, each call runs once, all packets are back. network.py has af_packet.
"""
import signal
import sys

import e2e

LINK = sys.argv[2]
POLLERS = ["--pollers", "2", "--wait", "yield", "--stats"]
CALLS = 400


def shared_out(server, what, calls, least):
    """End a server; `least` packets at least were passed on between its pollers."""
    server.stop()
    server.ended_well(what)
    counts = e2e.counters(server.text())
    e2e.check(counts.get("calls_served", 0) >= calls, "%s: too few calls\n%s" % (what, server.text()))
    e2e.check(counts.get("passed_on", 0) >= least, "%s: passed on %d, not %d\n%s" %
              (what, counts.get("passed_on", 0), least, server.text()))
    e2e.check("drop_ring_full" not in counts and "drop_other_port" not in counts,
              "%s: drops\n%s" % (what, server.text()))


def more_calls(tally, before=None, seconds=10):
    """Wait until the server has run more than it had."""
    before = sum(tally.read()) if before is None else before
    e2e.check(e2e.wait_until(lambda: sum(tally.read()) > before, seconds), "no calls come")


def one_after_the_other():
    """Each client is a new peer on the server's link: the one before was lost."""
    link = LINK + ":" + e2e.path("one")
    server = e2e.serve(link + ",server", *POLLERS)
    for i in range(4):
        e2e.called_well(e2e.call(link, "--calls", str(CALLS), "--window", str(1 + 15 * (i % 2))),
                        "client %d" % i, CALLS)
    # Two of the four were at the second poller.
    shared_out(server, "one after the other", 4 * CALLS, 2 * CALLS)


def killed():
    """A client dies in the midst of calls, and the next one finds both pollers well."""
    link = LINK + ":" + e2e.path("killed")
    tally = e2e.Tally("killed")
    server = e2e.serve(link + ",server", "--tally", tally.path, *POLLERS)
    for _ in range(4):
        before = sum(tally.read())
        client = e2e.call(link, "--calls", str(1 << 40), "--window", "16", "--shared")
        more_calls(tally, before + 100)
        client.kill()
    for i in range(2):
        e2e.called_well(e2e.call(link, "--calls", str(CALLS), "--window", "4"),
                        "after deaths, client %d" % i, CALLS)
    shared_out(server, "after deaths", 2 * CALLS, CALLS)


def restart():
    """A server with another number of pollers takes the place of the one before."""
    link = LINK + ":" + e2e.path("restart")
    tally = e2e.Tally("restart.0")
    server = e2e.serve(link + ",server", "--tally", tally.path, *POLLERS)
    caller = e2e.call(link, "--reconnect", "--shared", "--calls", str(1 << 40), "--window", "4",
                      "-p", "null")
    for i, pollers in enumerate((1, 3)):
        more_calls(tally, 100)
        server.stop(signal.SIGKILL if i else signal.SIGINT)
        tally = e2e.Tally("restart.%d" % pollers)
        server = e2e.serve(link + ",server", "--tally", tally.path, "--pollers", str(pollers),
                           "--wait", "yield")
    more_calls(tally, 100)
    caller.stop()
    books = e2e.Books(caller.text())
    caller.ended_well("caller")
    e2e.check(books.reconnections >= 2 and books.wrong == 0,
              "caller: two new servers\n" + caller.text())
    server.stop()
    server.ended_well("third server")


def errors():
    for arguments, words in (
            (["--pollers", "2", "--cores", "0"], "2 pollers that spin need as many cores"),
            (["--pollers", "1", "--cores", "1023"], "there is no core 1023"),
            (["--pollers", "1", "--cores", "one"], "a list is wanted"),
            (["--cores", "0"], "how many"),
            (["--pollers", "17"], "--pollers"),
            (["--pollers", "1", "--wait", "idle"], "--wait")):
        link = "%s:%s,server" % (LINK, e2e.path("wrong"))
        server = e2e.Process(["serve", "--link", link] + arguments)
        server.wait(10)
        text = server.text()
        e2e.check(server.popen.returncode in (1, 2) and words in text and text.count("\n") == 1,
                  "%s\n%s" % (" ".join(arguments), text))


one_after_the_other()
killed()
restart()
errors()
e2e.finish()
