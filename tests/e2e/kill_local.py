#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill_local.py FIREFLY HOSTILE [TIMES] - clients of this machine bind, call as they like, and are killed at
any moment, one after the other; the server's memory and descriptors are what they were, and another
client's calls all return.
"""
import os
import random
import sys
import time

import e2e

HOSTILE = sys.argv[2]
TIMES = int(sys.argv[3]) if len(sys.argv) > 3 else 200
SEED = random.randrange(1 << 32)
chance = random.Random(SEED)


def memory(process):
    """Resident kB, of it shared, mappings, descriptors."""
    with open("/proc/%d/status" % process.popen.pid) as f:
        status = dict(line.split(":", 1) for line in f)
    with open("/proc/%d/maps" % process.popen.pid) as f:
        maps = len(f.readlines())
    return [int(status[key].split()[0]) for key in ("VmRSS", "RssShmem")] + [
        maps, len(os.listdir("/proc/%d/fd" % process.popen.pid))]


def hostile(i):
    return e2e.Process([name, "3600", str(SEED + i)], program=HOSTILE)


def binding_takes():
    """Seconds from the start of a client until the server has descriptors for it."""
    e2e.check(e2e.wait_until(lambda: memory(server)[3] <= usual), "descriptors are left over")
    began = time.monotonic()
    victim = hostile(TIMES)
    e2e.check(e2e.wait_until(lambda: memory(server)[3] > usual), "a client is not bound")
    victim.kill()
    return time.monotonic() - began


def has_grown():
    last = memory(server)
    return not (last[0] <= first[0] + 2048 and last[1] <= first[1] + 1024 and last[2] <= first[2] + 8 and
                last[3] <= first[3])


print("%d kills, seed %d" % (TIMES, SEED), flush=True)
name = e2e.path("s")
server = e2e.serve("local:" + name + ",server", "--stats")
alone = memory(server)[3]
other = e2e.call("local:" + name, "--shared", "--calls", str(1 << 62), "--window", "4")
e2e.check(e2e.wait_until(lambda: memory(server)[3] > alone), "the other client is not bound")
time.sleep(1)
usual = memory(server)[3]
first = None
began = time.monotonic()
for i in range(TIMES):
    if i % 20 == 0:
        longest = max(0.03, 3 * binding_takes())
    victim = hostile(i)
    time.sleep(chance.uniform(0, longest))
    victim.kill()
    if i == min(20, TIMES // 2):
        time.sleep(0.5)
        first = memory(server)
took = time.monotonic() - began
e2e.check(e2e.wait_until(lambda: not has_grown()), "the server grows")
last = memory(server)
print("server's kB resident, kB shared, mappings, descriptors: %s at first, %s at the end; %.0f s" %
      (first, last, took))
other.stop()
books = e2e.Books(other.text())
other.ended_well("the other client")
e2e.check(books.calls == books.returned > 1000 and books.wrong == 0, "other client\n" + other.text())
server.stop()
counts = e2e.counters(server.text())
e2e.check("back in the pool" in server.text(), server.text())
e2e.check(counts.get("local_bound", 0) > TIMES // 4, "few were bound\n" + server.text())
print("bound %d, ended %d, refused %d; the other client: %d calls, all returned" %
      (counts.get("local_bound", 0), counts.get("local_ended", 0), counts.get("local_refused", 0),
       books.returned))
e2e.finish()
