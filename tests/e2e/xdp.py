#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""xdp.py FIREFLY BULK - af_xdp links in network namespaces (networks.py): calls of every kind, beside the
kernel, which keeps all other traffic of the interface; interfaces that come and go; no XDP program stays on an
interface, however a process ends."""
import re
import shutil
import socket
import subprocess
import sys

import e2e
import networks

BULK = sys.argv[2]
net = networks.Network()

ECHO = """
import socket
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("0.0.0.0", 7777))
print("up", flush=True)
while True:
    text, whom = datagrams.recvfrom(2000)
    datagrams.sendto(text, whom)
"""

ASK = """
import socket, sys
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.settimeout(1)
for i in range(%d):
    datagrams.sendto(b"x" * 1000, (sys.argv[1], 7777))
    try:
        print("%%d bytes came back" %% len(datagrams.recv(2000)))
        break
    except OSError:
        pass
"""


def program_on(host):
    """Whether there is an XDP program on its interface."""
    return "prog/xdp" in host.ip("link", "show", "fly0")


def called(what, host, link, *options, calls=400):
    return e2e.called_well(e2e.call(link, "--calls", str(calls), *options, before=host.inside), what, calls)


def pings(what, host, link, count=3):
    process = e2e.Process(["ping", link, "--count", str(count), "--interval", "0.05"], before=host.inside)
    process.wait()
    return e2e.check("%d sent, %d returned, 0 lost" % (count, count) in process.text(),
                     what + "\n" + process.text())


def refused(what, host, link, sentence, before=()):
    process = e2e.Process(["serve", "--link", link], before=[*host.inside, *before])
    process.wait(10)
    text = process.text()
    e2e.check(process.popen.returncode == 1 and sentence in text, "%s: not '%s'\n%s" % (what, sentence, text))


def ended(what, *processes):
    for process in processes:
        process.stop()
        process.ended_well(what)


def calls():
    """Of all kinds, one and many at a time; of kinds of links on both ends; the kernel's own traffic."""
    with net:
        a, b = net.two_hosts()
        server = e2e.serve("af_xdp:fly0", "--stats", before=b.inside)
        if not server:
            return
        e2e.check(program_on(b), "no program on the interface")
        echo = e2e.Process(["-c", ECHO], before=b.inside, program=sys.executable)
        e2e.check(echo.wait_for("^up"), "no echo\n" + echo.text())
        for window in 1, 2, 3, 32:
            called("window %d" % window, a, "af_xdp:fly0,peer=" + b.address, "--window", str(window))
        called("sleeping", a, "af_xdp:fly0,peer=" + b.address, "--wait", "sleep", calls=100)
        called("af_packet and af_xdp", a, "af_packet:fly0,peer=" + b.address)
        called("udp and af_xdp", a, "udp:,peer=" + b.address)
        called("an address of our own", a, "af_xdp:fly0,ip=10.70.0.77/24,peer=" + b.address)
        client = e2e.Process(["ping", "af_xdp:fly0,peer=" + b.address, "--interval", "0.02"], before=a.inside)
        e2e.check(client.wait_for("^seq=2 "), "no calls\n" + client.text())
        asked = subprocess.run([*a.inside, sys.executable, "-c", ASK % 20, b.address], stdout=subprocess.PIPE,
                               universal_newlines=True).stdout
        e2e.check("1000 bytes came back" in asked, "the kernel's datagrams\n" + asked)
        refused("two on an interface", b, "af_xdp:fly0,port=5000", "an interface takes only one")
        e2e.check(program_on(b), "the program of the first is still there")
        client.stop()
        echo.kill()
        ended("calls", server)
        e2e.check(not program_on(a) and not program_on(b), "a program is left behind")
    with net:
        a, b = net.two_hosts()
        server = e2e.serve("af_xdp:fly0,ip=10.70.0.66/24", before=b.inside)
        a.ip("neigh", "flush", "dev", "fly0")
        called("a server's own address", a, "af_xdp:fly0,peer=10.70.0.66")
        ended("a server's own address", server)
        server = e2e.serve("af_xdp:fly0", "--pollers", "2", "--wait", "yield", before=b.inside)
        called("two pollers", a, "af_xdp:fly0,peer=" + b.address, "--window", "8")
        ended("two pollers", server)


def bulk(mtu):
    with net:
        a, b = net.two_hosts()
        for host in a, b:
            host.ip("link", "set", "fly0", "mtu", str(mtu))
        server = e2e.Process(["serve", "af_xdp:fly0"], before=b.inside, program=BULK)
        e2e.check(server.wait_for("^up$"), "bulk: no server\n" + server.text())
        client = e2e.Process(["call", "af_xdp:fly0,peer=" + b.address, str(1 << 20), "4"], before=a.inside,
                             program=BULK)
        client.wait(100)
        client.ended_well("bulk, MTU %d" % mtu)
        e2e.check("calls 4, wrong 0;" in client.text(), "bulk, MTU %d\n%s" % (mtu, client.text()))
        ended("bulk, MTU %d" % mtu, server)


def words():
    with net:
        a, b = net.two_hosts()
        refused("lo", a, "af_xdp:lo", "af_packet:lo does")
        refused("no such interface", a, "af_xdp:none", "there is no interface none")
        refused("an MTU above the interface's", a, "af_xdp:fly0,mtu=1501", "fly0 has an MTU of 1500")
        refused("an MTU above a page", a, "af_xdp:fly0,mtu=3507", "128 to 3506")
        for host in a, b:
            host.ip("link", "set", "fly0", "mtu", "9000")
        refused("an interface that takes none", a, "af_xdp:fly0", "fly0 does not take an XDP program")
        for host in a, b:
            host.ip("link", "set", "fly0", "mtu", "1500")
        e2e.check(not program_on(a), "a program is left behind")
        if shutil.which("setpriv"):
            for capability, lacking in (
                    ("-net_raw", "CAP_NET_RAW"), ("-bpf,-sys_admin", "CAP_BPF"), ("-net_admin", "CAP_NET_ADMIN")):
                refused(lacking, a, "af_xdp:fly0", "this program lacks " + lacking,
                        before=["setpriv", "--bounding-set", capability, "--inh-caps", capability])


def deleted():
    """The interfaces are deleted and made again, twice."""
    with net:
        a, b = net.two_hosts()
        server = e2e.serve("af_xdp:fly0", before=b.inside)
        client = e2e.Process(["ping", "af_xdp:fly0,peer=" + b.address, "--interval", "0.02", "--timeout", "3000"],
                             before=a.inside)

        def returned():
            return len(re.findall("^seq=.* time=", client.text(), re.M))

        for round in 1, 2:
            n = returned()
            e2e.check(e2e.wait_until(lambda: returned() >= n + 3), "no calls\n" + client.text()[-1500:])
            a.ip("link", "del", "fly0")
            for process in server, client:
                e2e.check(process.wait_for("(?s)(the interface fly0 is gone.*){%d}" % round),
                          "no notice\n" + process.text())
            net.wire(a, "fly0", b, "fly0")
            a.give("fly0", a.address + "/24")
            b.give("fly0", b.address + "/24")
            for process in server, client:
                e2e.check(process.wait_for("(?s)(the interface fly0 is back.*){%d}" % round, 30),
                          "it does not come back\n" + process.text()[-1500:])
        n = returned()
        e2e.check(e2e.wait_until(lambda: returned() >= n + 3), "no calls at the end\n" + client.text()[-1500:])
        b.ip("addr", "add", "10.70.0.22/24", "dev", "fly0")
        b.ip("addr", "del", b.address + "/24", "dev", "fly0")
        if "10.70.0.22" not in b.ip("addr", "show", "fly0"):  # it went with the first
            b.ip("addr", "add", "10.70.0.22/24", "dev", "fly0")
        e2e.check(server.wait_for("our address is now 10.70.0.22/24"), "no notice\n" + server.text())
        client.stop()
        pings("the address that it has now", a, "af_xdp:fly0,peer=10.70.0.22")
        ended("deleted", server)


def killed():
    """However it ends: the program goes, the kernel has its interface, and the next one serves."""
    with net:
        a, b = net.two_hosts()
        for victim in "server", "client", "server":
            server = e2e.serve("af_xdp:fly0", before=b.inside)
            client = e2e.Process(["ping", "af_xdp:fly0,peer=" + b.address, "--interval", "0.01"], before=a.inside)
            e2e.check(client.wait_for("^seq=3 "), "no calls\n" + client.text())
            (server if victim == "server" else client).kill()
            host = b if victim == "server" else a
            e2e.check(e2e.wait_until(lambda: not program_on(host)), "%s: a program is left behind" % victim)
            if victim == "client":
                pings("after a client was killed", a, "af_xdp:fly0,peer=" + b.address)
            for process in server, client:
                if process.popen.poll() is None:
                    process.stop()


def prepare():
    try:
        socket.socket(44, socket.SOCK_RAW, 0).close()
    except OSError as error:
        e2e.skip("no AF_XDP sockets here: %s" % error)
    with net:
        a, _ = net.two_hosts()
        process = e2e.Process(["serve", "--link", "af_xdp:fly0"], before=a.inside)
        if not process.wait_for("^serving") and re.search("lacks CAP_|no AF_XDP", process.text()):
            print(process.text())
            e2e.skip("no XDP here")
        process.stop()


prepare()
calls()
for each in 1500, 3506:
    bulk(each)
words()
deleted()
killed()
e2e.finish()
