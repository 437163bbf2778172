#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""several.py FIREFLY SEVERAL vhost|memif - one runtime with one poller calls eight servers, each over a link of its
own, and a ninth over a local link; one of them dies, and comes back.
"""
import re
import sys

import e2e

SEVERAL, LINK = sys.argv[2], sys.argv[3]
CALLS = 200
paths = [LINK + ":" + e2e.path("s%d" % i) for i in range(8)]
local = "local:" + e2e.path("l")


def serve(link):
    return e2e.serve(link + ",server", "--wait", "sleep", "--pollers", "1", "--packets", "1023")


def booked(calls, failed):
    """Each peer has returned so many calls; those that are named have failed ones."""
    text = client.text()
    for peer in peers:
        found = re.findall(r"^%s: returned (\d+), failed (\d+)(?:: (\w+))?$" % re.escape(peer), text, re.M)
        e2e.check(found and int(found[-1][0]) == calls[peer] and (int(found[-1][1]) > 0) == (peer in failed),
                  "%s: %s, not %s returned\n%s" % (peer, found, calls[peer], text))


def rounds(n):
    """Wait for the end of the n-th round."""
    return e2e.wait_until(lambda: len(re.findall(r"^%s: " % re.escape(peers[-1]), client.text(), re.M)) >= n or
                          client.popen.poll() is not None, 60)


servers = {link: serve(link) for link in paths + [local]}
peers = paths + [local]
client = e2e.Process([str(CALLS)] + [e2e.patient(link) for link in paths] + ["--"] + peers, program=SEVERAL,
                     is_told=True)
e2e.check(rounds(1), client.text())
done = {peer: CALLS for peer in peers}
booked(done, [])

# One dies: its calls fail, those of the others do not notice.
dead = paths[3]
servers[dead].kill()
client.tell()
e2e.check(rounds(2), client.text())
done = {peer: n + (CALLS if peer != dead else 0) for peer, n in done.items()}
booked(done, [dead])

servers[dead] = serve(dead)
client.tell()
e2e.check(rounds(3), client.text())
text = client.text().splitlines()[-len(peers):]
e2e.check(all(": returned %d," % (3 * CALLS) in line for line in text if not line.startswith(dead)),
          "the others\n" + client.text())
e2e.check(any(line.startswith(dead) and int(re.search(r"returned (\d+)", line)[1]) > done[dead] for line in text),
          "it does not come back\n" + client.text())

client.popen.stdin.close()
e2e.check(client.wait() == 0 and "stopped" in client.text(), client.text())

# What the runtime has no link for, and what no link leads to.
for peer, what in (LINK + ":/nonesuch", "this runtime has no link %s:/nonesuch" % LINK), ("x", "neither an address"):
    call = e2e.Process(["call", peer, "--link", e2e.patient(paths[0])])
    e2e.check(call.wait() == 1 and what in call.text(), call.text())
call = e2e.call(paths[1], "--link", e2e.patient(paths[0]), "--link", e2e.patient(paths[1]), "--calls", "40")
e2e.called_well(call, "call of the second of two links", 40)

for link, server in servers.items():
    server.stop()
    server.ended_well(link)
    nulls = e2e.served(server)[1]
    e2e.check(link == dead or nulls == 3 * CALLS + (10 if link == paths[1] else 0), "%s: %d" % (link, nulls))
e2e.finish()
