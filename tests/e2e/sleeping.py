# SPDX-License-Identifier: BSD-3-Clause
"""sleeping.py FIREFLY vhost|memif - a server that sleeps is woken by packets, and only when it sleeps.

The server counts the sleeps that a packet ended: without being woken it would find packets when its naps
are over, and end none. So does a second client, and one whose server was killed: the descriptors by
which a peer is woken come and go with it. That a side which does not sleep costs its peer nothing is seen
in the kernel's count of the peer's writes.
"""
import re
import signal
import sys
import time

import e2e

kind = sys.argv[2]
link = "%s:%s" % (kind, e2e.path("wake"))
CALLS = 20


def ping(*options):
    return e2e.Process(["ping", "--interval", "0.1", *options, e2e.patient(link)])


def woken(server):
    """The sleeps that packets have ended, by a running server."""
    time.sleep(0.05)  # the printed counters are read again each time
    seen = len(re.findall(r"^rx_packets", server.text(), re.M))
    server.popen.send_signal(signal.SIGUSR1)
    # The counter comes after that one, and counters that are zero do not come.
    e2e.wait_until(lambda: len(re.findall(r"^rx_packets", server.text(), re.M)) > seen and
                   re.search(r"^drop_link_down", server.text().rsplit("rx_packets", 1)[1], re.M))
    return e2e.counters(server.text()).get("sleeps_ended", 0)


def writes(process):
    """How often it has called write(2) and its like."""
    with open("/proc/%d/io" % process.popen.pid) as f:
        return int(re.search(r"^syscw: (\d+)", f.read(), re.M)[1])


def wakes_for(server, what, *options):
    before = woken(server)
    client = ping("--count", str(CALLS), *options)
    client.wait(60)
    e2e.check(re.search(r"^%d sent, %d returned" % (CALLS, CALLS), client.text(), re.M),
              "%s\n%s" % (what, client.text()))
    # On a busy machine a call may come before the server has gone to sleep again.
    n = woken(server) - before
    e2e.check(n >= CALLS // 2, "%s: %d sleeps were ended by packets" % (what, n))


def serve():
    return e2e.serve(link + ",server", "--wait", "sleep", "--stats=all")


server = serve()
wakes_for(server, "a client that spins")
wakes_for(server, "one that sleeps", "--wait", "sleep")
e2e.check(e2e.counters(server.text())["slots_missed"] == 0, "slots missed")

# A client is killed while it sleeps as well, and the next one wakes the server.
victim = ping("--wait", "sleep")
victim.wait_for(r"^seq=3 ")
victim.kill()
wakes_for(server, "the next client")

# The server is killed; the client goes on with the next server, and wakes that.
client = ping("--wait", "sleep")
client.wait_for(r"^seq=3 ")
server.kill()
server = serve()
e2e.check(e2e.wait_until(lambda: woken(server) >= 5, 60), "the next server is not woken\n" + client.text())
client.stop()

# One call after the other: whoever calls writes to an eventfd only when the server has slept.
client = ping("--flood", "--count", "1000000000")
def served():
    woken(server)
    return e2e.counters(server.text())["calls_served"]


e2e.wait_until(lambda: served() > 1000)
sleeps, calls, wrote = woken(server), e2e.counters(server.text())["calls_served"], writes(client)
e2e.wait_until(lambda: served() > calls + 20000, 60)
wrote = writes(client) - wrote
sleeps = woken(server) - sleeps
calls = e2e.counters(server.text())["calls_served"] - calls
e2e.check(calls >= 20000, "%d calls" % calls)
e2e.check(wrote <= 2 * sleeps + 100, "%d writes for %d sleeps, %d calls" % (wrote, sleeps, calls))
client.stop()

server.stop()
server.ended_well("the server")
e2e.finish()
