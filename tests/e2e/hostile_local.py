#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""hostile_local.py FIREFLY HOSTILE [SECONDS [SEED]] - a client of this machine does what it likes to a
server's memory and socket; another client's calls go on without one failure, and the server ends well.
"""
import random
import sys

import e2e

HOSTILE = sys.argv[2]
SECONDS = int(sys.argv[3]) if len(sys.argv) > 3 else 8
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 32)

print("%d s, seed %d" % (SECONDS, SEED), flush=True)
name = e2e.path("s")
server = e2e.serve("local:" + name + ",server", "--stats")
if server:
    other = e2e.call("local:" + name, "--shared", "--calls", str(1 << 62), "--window", "4")
    hostiles = [e2e.Process([name, str(SECONDS), str(SEED + i)], program=HOSTILE) for i in range(2)]
    for hostile in hostiles:
        e2e.check(hostile.wait(SECONDS + 60) == 0, "hostile\n" + hostile.text())
        print(hostile.text().strip(), flush=True)
    other.stop()
    books = e2e.Books(other.text())
    other.ended_well("the other client")
    e2e.check(books.calls == books.returned > 1000 and books.wrong == 0,
              "the other client: %d calls, %d returned, %d wrong\n%s" %
              (books.calls, books.returned, books.wrong, other.text()))
    server.stop()
    text = server.text()
    # Arguments that are changed during the call are the only thing that --check may complain of.
    e2e.check(server.popen.returncode in (0, 1) and "back in the pool" in text, "server\n" + text)
    counts = e2e.counters(text)
    e2e.check(counts.get("drop_local_header", 0) > 0 and counts.get("local_refused", 0) > 0,
              "nothing was refused\n" + text)
    print("the other client: %d calls, none failed; bound %d, ended %d, refused %d, revoked %d, impossible "
          "headers %d, faults %d" %
          (books.returned, counts.get("local_bound", 0), counts.get("local_ended", 0),
           counts.get("local_refused", 0), counts.get("local_revoked", 0),
           counts.get("drop_local_header", 0), counts.get("local_faults", 0)), flush=True)
e2e.finish()
