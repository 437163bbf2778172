#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""network.py FIREFLY BULK - beside a kernel's stack: af_packet, vdev and tap, in network namespaces.

The kernel at each end sees every frame, too. Where it owns our address it must not answer with
"port unreachable", which is what its own counters say; where it does not we answer ARP.
"""
import os
import signal
import subprocess
import sys

import e2e
import networks

BULK = sys.argv[2]
net = networks.Network()
A, B = net.two_hosts()


def calls(what, server_link, client_link, server_address=None):
    """Serve in B, call from A; counts, packets, and that the kernels kept quiet."""
    before = A.counters(), B.counters()
    server = e2e.serve(server_link, "--stats", before=B.inside)
    if not server:
        return
    for window, n in (1, 400), (32, 4000):
        e2e.called_well(e2e.call(client_link, "--calls", str(n), "--window", str(window),
                                 before=A.inside), "%s, window %d" % (what, window), n)
    server.stop()
    server.ended_well(what)
    counts = e2e.served(server)
    e2e.check(counts == [4402, 1100, 1102, 1100, 1100],
              "%s: served %s\n%s" % (what, counts, server.text()))
    e2e.check((A.counters(), B.counters()) == before,
              "%s: the kernel answered: (unreachable, no port) %s then %s" %
              (what, before, (A.counters(), B.counters())))


def af_packet():
    calls("af_packet, addresses of the kernel", "af_packet:fly0", "af_packet:fly0,peer=10.70.0.2")
    calls("af_packet, our own server address", "af_packet:fly0,ip=10.70.0.77",
          "af_packet:fly0,peer=10.70.0.77")
    calls("af_packet, our own addresses", "af_packet:fly0,ip=10.70.0.77,port=4000",
          "af_packet:fly0,ip=10.70.0.76,peer=10.70.0.77:4000")
    nobody = e2e.call("af_packet:fly0,peer=10.70.0.99", "--timeout", "500", before=A.inside)
    nobody.wait()
    e2e.check(nobody.popen.returncode == 1 and "nobody answers for 10.70.0.99" in nobody.text(),
              "no such peer\n" + nobody.text())


def dropped():
    """More datagrams than the ring takes come while nobody empties it: counted, and calls go on afterwards."""
    server = e2e.serve("af_packet:fly0", "--stats=all", before=B.inside)
    if not server:
        return
    e2e.called_well(e2e.call("af_packet:fly0,peer=10.70.0.2", "--calls", "10", before=A.inside), "before a flood", 10)
    os.kill(server.popen.pid, signal.SIGSTOP)
    flood = ("import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
             "for i in range(20000): s.sendto(b'%s', ('10.70.0.2', 61989))" % ("x" * 100))
    subprocess.check_call(A.inside + [sys.executable, "-c", flood])
    os.kill(server.popen.pid, signal.SIGCONT)
    e2e.called_well(e2e.call("af_packet:fly0,peer=10.70.0.2", "--calls", "10", before=A.inside), "after a flood", 10)
    server.stop()
    server.ended_well("a flood")
    counts = e2e.counters(server.text())
    e2e.check(0 < counts.get("device_missed", 0) < 21000 and "interface_dropped" in counts, "a flood\n" + server.text())


def mtu(bytes):
    for host in A, B:
        host.ip("link", "set", "fly0", "mtu", "%d" % bytes)


def bulk(client_keys, server_keys, unit):
    """Calls of 1 MiB and back. Return: fragments that came to the client, without those that came again."""
    what = "af_packet, bulk, client %s, server %s" % (client_keys, server_keys)
    server = e2e.Process(["serve", "af_packet:fly0" + server_keys], before=B.inside, program=BULK)
    e2e.check(server.wait_for("^up$"), what + "\n" + server.text())
    client = e2e.Process(["call", e2e.patient("af_packet:fly0,peer=10.70.0.2" + client_keys),
                          str(1 << 20), "4"], before=A.inside, program=BULK)
    client.wait(100)
    client.ended_well(what)
    server.stop()
    server.ended_well(what)
    e2e.check("calls 4, wrong 0;" in client.text(), what + "\n" + client.text())
    for side in client, server:
        counts = e2e.counters(side.text())
        n = 4 * sum(-(-(bytes + 4) // unit) for bytes in (1 << 20, 4 * ((1 << 20) % 100001)))
        e2e.check(counts.get("fragments_received") == n and "drop_segments" not in counts,
                  "%s: not %d fragments\n%s" % (what, n, side.text()))


def jumbo():
    """The MTU is the interface's. What the kernel does not know of is refused, and nothing of it changed."""
    long = e2e.call("af_packet:fly0,peer=10.70.0.2,mtu=9000", before=A.inside)
    long.wait()
    e2e.check(long.popen.returncode == 1 and "fly0 has an MTU of 1500; say mtu=1500" in long.text()
              and len(long.text().splitlines()) == 1, "mtu=9000 of 1500\n" + long.text())
    bulk("", "", 1440)
    bulk(",mtu=600", ",mtu=600", 540)
    e2e.check("mtu 1500" in A.ip("link", "show", "fly0"), "mtu=600 is not the kernel's")
    mtu(9000)
    bulk("", "", 8940)
    bulk(",mtu=4000", ",mtu=4000", 3940)
    bulk(",mtu=1500", "", 1440)  # not every peer of a link has the same
    bulk("", ",mtu=1500", 1440)
    calls("af_packet, jumbo frames", "af_packet:fly0", "af_packet:fly0,peer=10.70.0.2")
    mtu(1500)


def pollers():
    """Two pollers with a pair of queues each: which packets come to which is the kernel's choice."""
    before = A.counters(), B.counters()
    server = e2e.serve("af_packet:fly0", "--stats", "--pollers", "2", "--wait", "yield",
                       before=B.inside)
    if not server:
        return
    for i in range(4):
        pair = [e2e.call("af_packet:fly0,peer=10.70.0.2,port=%d" % (5000 + 10 * i + j),
                         "--calls", "400", "--window", "8", "--shared", "--timeout",
                         "%d" % (10000 * e2e.PATIENCE),
                         before=A.inside) for j in range(2)]
        for client in pair:
            e2e.called_well(client, "af_packet, two pollers", 400)
    server.stop()
    server.ended_well("af_packet, two pollers")
    counts = e2e.counters(server.text())
    print("af_packet, two pollers: %d of %d packets passed on" %
          (counts.get("passed_on", 0), counts.get("rx_packets", 0)), flush=True)
    e2e.check(e2e.served(server)[0] == 8 * 401 and "drop_ring_full" not in counts,
              "af_packet, two pollers\n" + server.text())
    e2e.check((A.counters(), B.counters()) == before, "two pollers: the kernel answered")


def side_by_side():
    """Two servers and three clients at the same time, at one address on one interface each."""
    servers = [e2e.serve("af_packet:fly0" + port, "--wait", "sleep", "--pollers", "1", before=B.inside)
               for port in ("", ",port=7000")]
    clients = [e2e.call(peer, "--link", "af_packet:fly0", "--calls", "200", "--shared", "--wait", "yield",
                        before=A.inside) for peer in ("10.70.0.2", "10.70.0.2:7000", "10.70.0.2")]
    for client in clients:
        e2e.called_well(client, "side by side", 200)
    for server, n in zip(servers, (2, 1)):
        server.stop()
        server.ended_well("side by side")
        e2e.check(e2e.served(server)[0] >= n * 200, "side by side\n" + server.text())


def port_in_use():
    holder = e2e.Process(
        ["-c", "import socket, time\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
               "s.bind(('10.70.0.2', 61989))\nprint('held', flush=True)\ntime.sleep(3600)"],
        before=B.inside, program=sys.executable)
    holder.wait_for("held")
    server = e2e.Process(["serve", "--link", "af_packet:fly0"], before=B.inside)
    server.wait()
    e2e.check(server.popen.returncode == 1 and "UDP port 61989 is in use by another" in
              server.text(), "port in use\n" + server.text())
    holder.kill()


def vdev():
    """The same driver under its own name: nothing is known of the interface but what we say."""
    calls("vdev:net_af_packet", "vdev:net_af_packet9,iface=fly0,ip=10.70.0.77,checksum=on",
          "vdev:net_af_packet8,iface=fly0,ip=10.70.0.76,peer=10.70.0.77,checksum=on")


def tap():
    """The kernel is the peer: it asks for our address, and we answer."""
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        print("tap is left out: there is no /dev/net/tun")
        return
    server = e2e.serve("tap:flytap,ip=10.71.0.2", "--stats", before=B.inside)
    if not server:
        return
    B.ip("addr", "add", "10.71.0.1/24", "dev", "flytap")
    B.ip("link", "set", "flytap", "up")
    subprocess.run(B.inside + [sys.executable, "-c", """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(3):
    s.sendto(b"not a call", ("10.71.0.2", 61989))
"""], check=True)

    def known():
        return B.ip("neigh", "show", "10.71.0.2")

    e2e.check(e2e.wait_until(lambda: "lladdr" in known(), 5),
              "tap: the kernel does not learn our address: " + known())
    server.stop()
    server.ended_well("tap")
    counts = e2e.counters(server.text())
    e2e.check(counts.get("arp_answered", 0) >= 1 and counts.get("drop_short", 0) >= 1,
              "tap: ARP answered, and what is no call dropped\n" + server.text())
    e2e.check("flytap" not in B.ip("link"), "tap: the interface is still there")


with net:
    af_packet()
    jumbo()
    pollers()
    side_by_side()
    port_in_use()
    vdev()
    tap()
    dropped()
e2e.finish()
