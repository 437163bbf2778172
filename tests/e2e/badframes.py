#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""badframes.py FIREFLY BADFRAMES vhost|memif [COUNT] - one client sends 100,000 bad frames, the other works.

Each frame is counted under the name of its kind, none is missing, and the working client notices
nothing. Then the peers that answer as no server of ours does.
"""
import os
import random
import re
import sys

import e2e

BADFRAMES, LINK = sys.argv[2], sys.argv[3]
COUNT = sys.argv[4] if len(sys.argv) > 4 else "100000"


def counted():
    path = e2e.path("s")
    tally = e2e.Tally("tally")
    # With buffers of 2 KiB, so that there are frames that do not fit into one.
    server = e2e.serve(LINK + ":" + path + ",server,clients=2,mtu=1500", "--stats=all", "--tally", tally.path)
    # In place 0; both are at work all the time.
    caller = e2e.call(LINK + ":" + path, "--calls", str(1 << 62), "--window", "8", "--shared",
                      "--stats=all")
    e2e.check(e2e.wait_until(lambda: sum(tally.read()) > 1000), caller.text())
    seed = random.randrange(1 << 32)
    print("%s: %s frames, seed %d" % (LINK, COUNT, seed), flush=True)
    bad = e2e.Process(["send", LINK, path, "1", COUNT, str(seed)], program=BADFRAMES)
    sent_all = e2e.check(bad.wait(120) == 0, "badframes ended with %s\n%s" %
                         (bad.popen.returncode, bad.text()))
    caller.stop()
    books = e2e.Books(caller.text())
    caller.ended_well("the working client")
    e2e.check(books.calls == books.returned > 0 and books.wrong == 0, caller.text())
    server.stop()
    server.ended_well("server")
    counts = e2e.counters(server.text())
    if not sent_all:
        print(server.text())
        return

    wanted = {}
    total = 0
    for name, n, names in re.findall(r"^(\w+) (\d+) ([\w+]+)$", bad.text(), re.M):
        e2e.check(int(n) > 0, "none of the kind " + name)
        total += int(n)
        wanted[names] = wanted.get(names, 0) + int(n)
    e2e.check(total == int(COUNT), "frames are missing: " + bad.text())
    # Of the flood, those that got a record called what is not there, the others were refused.
    wanted["calls_no_procedure+reject_full"] += wanted.pop("calls_no_procedure")
    # On a machine this busy the working client may ask again, too.
    slack = {"resent_results": e2e.counters(caller.text())["resent_calls"]}
    for names, n in sorted(wanted.items()):
        got = sum(counts[name] for name in names.split("+"))
        print("%-32s %7d" % (names, got))
        e2e.check(n <= got <= n + slack.get(names, 0),
                  "%s: %d sent, %d counted" % (names, n, got))
    e2e.check(counts["reject_full"] > 0, "the flood never filled the table")
    refused = sum(n for name, n in counts.items()
                  if name in ("reject_stale", "reject_version", "reject_full", "reject_forgotten"))
    print("refusals: %d, of these not sent %d; the working client: %d calls" %
          (refused, counts["reject_limited"], books.returned))
    for name in "drop_checksum", "drop_tx_full", "drop_sequence":
        e2e.check(counts[name] == 0, "%s %d" % (name, counts[name]))


def fake(answer, line):
    path = e2e.path("fake")
    server = e2e.Process(["fake", LINK, path, answer], program=BADFRAMES)
    server.wait_for("^up")
    ping = e2e.Process(["ping", "--count", "1", e2e.patient(LINK + ":" + path)])
    e2e.check(ping.wait() == 1 and re.search(line, ping.text()),
              "%s: wanted /%s/\n%s" % (answer, line, ping.text()))
    server.kill()
    os.unlink(path)


counted()
fake("protocol", r"^firefly ping: import Test: 169.254.70.1 speaks another version of the Firefly "
                 r"protocol; this is version 1: run the same release on both sides$")
fake("version", r"^firefly ping: import Test from 169.254.70.1: version 7 is exported there, 1 is "
                r"wanted$")
fake("absent", r"^firefly ping: import Test from 169.254.70.1: no interface of that name is "
               r"exported there$")
e2e.finish()
