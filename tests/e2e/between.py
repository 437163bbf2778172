#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""between.py FIREFLY [PART...] - `firefly bench --server` and `--to` between two network namespaces, over af_packet
and udp:, and over vhost: the rows, both ends' figures, a second client, clients and servers that are killed.
`firefly ping --flood` and `firefly call` say how long calls took. How long that was is not judged.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import time

import e2e
import networks

net = networks.Network()
A, B = net.two_hosts()
YIELDS = ["--wait", "yield"]  # there may be fewer cores than ends of a link
SHORT = ["--seconds", "0.1", "--block", "1", "--size", "50k"]
PROCEDURES = ("null", 1), ("null", 64), ("maxresult", 1), ("maxresult", 64), ("maxarg", 1), ("maxarg", 64), \
             ("put", 1), ("get", 1)


def serve(*options, before=()):
    server = e2e.Process(["bench", "--server", *YIELDS, *options], before=before)
    e2e.check(server.wait_for("^measuring with"), server.text())
    return server


def client(*options, before=()):
    return e2e.Process(["bench", "--to", *options, *YIELDS], before=before)


def ended(server, what):
    server.stop()
    server.ended_well(what)


def figures(*options, before=(), what=""):
    """Both ends' figures, as JSON. Standard error may say that there are no hugepages."""
    process = client(*options, *SHORT, "--json", e2e.path("figures"), before=before)
    process.wait(60)
    e2e.check(process.popen.returncode == 0, "%s: exit status %s\n%s" %
              (what, process.popen.returncode, process.text()))
    try:
        with open(e2e.path("figures")) as f:
            all = json.load(f)
        os.unlink(e2e.path("figures"))
        return all, process.text()
    except (OSError, ValueError) as error:
        e2e.fail("%s: %s\n%s" % (what, error, process.text()))
        return None, process.text()


def check_figures(what, all, rows, floor="bare frames", has_floor=True):
    if not all:
        return
    runs = all["runs"]
    e2e.check([(r["procedure"], r["window"]) for r in runs] == list(rows), "%s: rows\n%s" % (what, runs))
    calls = 0
    for r in runs:
        at = "%s: %s" % (what, r)
        is_bulk = r["procedure"] in ("put", "get")
        e2e.check(r["floor"]["what"].startswith("none" if is_bulk or not has_floor else floor), at)
        e2e.check(r["calls"] or (has_floor and not is_bulk), at)  # without a floor each block counts
        if r["calls"]:  # else a busy machine has had no pair of blocks that agree
            e2e.check(0 < r["p50_ns"] <= r["p99_ns"] <= r["p999_ns"] and r["calls_per_s"] > 0, at)
            e2e.check(is_bulk or not has_floor or (r["floor"]["p50_ns"] > 0 and r["floor"]["per_s"] > 0), at)
        e2e.check(r["server"]["calls"] >= r["calls"] and r["server"]["calls"] > 0, at)
        e2e.check(r["server"]["received"] >= r["server"]["calls"], at)
        e2e.check(0 < r["server"]["cpu_share"] <= 4 and 0 < r["client"]["cpu_share"] <= 4, at)
        e2e.check(0 <= r["server"]["busy_share"] <= 1, at)
        calls += r["server"]["calls"]
    for side in all["client"], all["server"]:
        e2e.check(side["firefly"] and side["cpu"] and side["host"] == os.uname()[1][:63] and side["sent"] > 0, side)
        e2e.check(side["calls"] == calls, "%s: %d calls\n%s" % (what, calls, side))
    e2e.check((all["floors"]["blocks"] > 0) == has_floor, all["floors"])
    e2e.check(all["floors"]["spoiled"] < max(1, all["floors"]["blocks"]), "%s: %s" % (what, all["floors"]))


def check_table(what, text):
    for word in "Null ", "MaxResult ", "MaxArg ", "Put ", "Get ":
        e2e.check(re.search("^" + word, text, re.M), "%s: no %s\n%s" % (what, word, text))
    for side, did in ("client", "returned"), ("server", "served"):
        e2e.check(re.search(r"^%s  \S+, .*, firefly \S+, DPDK \S+\n +[1-9]\d* calls %s, \d+%% of a core, "
                            r"[1-9]\d* packets received, [1-9]\d* sent, \d+ dropped, \d+ sent again$" % (side, did),
                            text, re.M), "%s: the %s's figures\n%s" % (what, side, text))


def run(what, server_options, client_options, floor="bare frames", namespaces=True):
    server = serve(*server_options, before=B.inside if namespaces else ())
    before = A.inside if namespaces else ()
    all, text = figures(*client_options, before=before, what=what)
    check_table(what, text)
    check_figures(what, all, PROCEDURES, floor)
    all, _ = figures(*client_options, "null", "--window", "8", before=before, what=what + ", once more")
    check_figures(what, all, [("null", 8)], floor)
    e2e.check(len(re.findall(" has ended: ", server.text())) == 2, server.text())
    ended(server, what)
    return server


def refused():
    """Frames that nobody wants: the kernel's, at the port of the floor."""
    return B.counters()[0]


def af_packet():
    before = refused()
    server = run("af_packet", ["--link", "af_packet:fly0"], ["10.70.0.2", "--link", "af_packet:fly0"])
    e2e.check("bare frames at UDP port 61990" in server.text(), server.text())
    e2e.check(refused() == before, "the kernel answers bare frames")
    run("af_packet, an address of its own", ["--link", "af_packet:fly0,ip=10.70.0.77"],
        ["af_packet:fly0,peer=10.70.0.77"])


def udp():
    run("udp", [], ["10.70.0.2"], "bare datagrams")
    run("udp, IPv6", ["--link", "udp:[::]"], ["[fd00:70::2]"], "bare datagrams")


def small_packets():
    """No bare frame is longer than the way allows."""
    server = serve("--link", "af_packet:fly0,mtu=600", before=B.inside)
    all, _ = figures("10.70.0.2", "--link", "af_packet:fly0,mtu=600", "maxarg", before=A.inside, what="mtu=600")
    check_figures("mtu=600", all, [("maxarg", 1), ("maxarg", 64)], "bare frames, 614 bytes there and 74 back")
    ended(server, "mtu=600")


def vhost():
    link = "vhost:" + e2e.path("b")
    run("vhost", ["--link", link + ",server"], [e2e.patient(link)], namespaces=False)


def sleeping():
    """A server that sleeps between its clients: what it takes of a core is told instead."""
    server = e2e.Process(["bench", "--server", "--wait", "sleep"], before=B.inside)
    e2e.check(server.wait_for("^measuring with"), server.text())
    all, _ = figures("10.70.0.2", "null", "get", before=A.inside, what="sleeping")
    if e2e.check(all, "sleeping"):
        e2e.check(all["server"]["calls"] > 0 and 0 < all["server"]["cpu_share"] <= 4 and
                  all["server"]["busy_share"] is None, all["server"])
    ended(server, "sleeping")


def second_client():
    """One at a time: the second is told who, and how long; afterwards it may."""
    server = serve(before=B.inside)
    first = client("10.70.0.2", "null", "--seconds", "600", before=A.inside)
    e2e.check(server.wait_for(" measures; firefly"), server.text() + first.text())
    second = client("10.70.0.2", "null", *SHORT, before=A.inside)
    second.wait(60)
    e2e.check(second.popen.returncode == 1 and
              re.search(r"^firefly bench --to: the server has been measuring with %s for \d+ s, and with one client at a "
                        r"time; try again later$" % re.escape(os.uname()[1][:63]), second.text(), re.M),
              second.text())
    first.stop()
    e2e.check(first.wait(60) == 0 and "calls served" in first.text(), "interrupted\n" + first.text())
    all, _ = figures("10.70.0.2", "null", before=A.inside, what="third")
    check_figures("third", all, PROCEDURES[:2], "bare datagrams")
    ended(server, "second client")


def killed_client():
    """In the midst of bare frames, or of calls: the server is soon ready for others."""
    for link, options in ("udp:0.0.0.0", ["10.70.0.2"]), ("af_packet:fly0", ["10.70.0.2", "--link", "af_packet:fly0"]):
        server = serve("--link", link, before=B.inside)

        def measures(*how):
            return client(*options, "null", *(how or SHORT), before=A.inside)

        for i in range(2):
            victim = measures("maxarg", "--seconds", "600", "--block", "50")
            e2e.check(e2e.wait_until(lambda: len(re.findall(" measures; firefly", server.text())) == 2 * i + 1, 30),
                      server.text() + victim.text())
            time.sleep(0.1 + 0.07 * i)
            victim.kill()
            e2e.check(e2e.wait_until(lambda: measures().wait(60) == 0, 30), "nobody is let in\n" + server.text())
            e2e.check(len(re.findall("has gone without a word", server.text())) == i + 1 and
                      len(re.findall("has ended", server.text())) == i + 1, server.text())
        ended(server, "killed clients, " + link)


def killed_server():
    """The client says so, with what it has measured."""
    for link, options in ("udp:0.0.0.0", ["10.70.0.2"]), ("af_packet:fly0", ["10.70.0.2", "--link", "af_packet:fly0"]):
        server = serve("--link", link, before=B.inside)
        widow = client(*options, "null", "--seconds", "600", before=A.inside)
        e2e.check(server.wait_for(" measures; firefly"), server.text())
        server.kill()
        widow.wait(60)
        e2e.check(widow.popen.returncode == 1 and "the server has gone: no answer from the peer" in widow.text() and
                  "Null " in widow.text(), widow.text())


def no_server():
    """Nobody, and somebody who only serves."""
    nobody = client("10.70.0.2", "null", before=A.inside)
    e2e.check(nobody.wait(60) == 1 and "no Firefly server answers at 10.70.0.2" in nobody.text(), nobody.text())
    other = e2e.serve("udp:0.0.0.0", *YIELDS, before=B.inside)
    told = client("10.70.0.2", "null", before=A.inside)
    e2e.check(told.wait(60) == 1 and "it is no `firefly bench --server`" in told.text(), told.text())
    ended(other, "firefly serve")


def firewall():
    """Calls pass, bare frames do not: the client says so, and calls can be measured alone."""
    if not shutil.which("nft"):
        print("firewall is left out: there is no nft(8)")
        return
    rules = "add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in udp dport 61990 drop"
    made = subprocess.run(B.inside + ["nft", rules], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode:
        print("firewall is left out: %s" % made.stdout)
        return
    server = serve(before=B.inside)
    blocked = client("10.70.0.2", "null", "--seconds", "600", before=A.inside)
    e2e.check(blocked.wait(60) == 1 and "no bare frame comes back from UDP port 61990" in blocked.text(), blocked.text())
    all, _ = figures("10.70.0.2", "null", "--no-floor", before=A.inside, what="no floor")
    check_figures("no floor", all, PROCEDURES[:2], has_floor=False)
    ended(server, "firewall")
    subprocess.run(B.inside + ["nft", "delete table ip t"])


def words():
    for arguments, says in ((["--to", "local:x"], "a local link leads to no other host"),
                            (["--to", "10.0.0.1", "nonesuch"], "but not 'nonesuch'"),
                            (["--to", "10.0.0.1", "--to", "10.0.0.2"], "one peer at a time"),
                            (["--to", "10.0.0.1", "--window", "0"], "--window takes"),
                            (["--server", "--link", "local:x,server"], "a local link leads to no other host"),
                            (["--server", "null"], "'null' is not expected")):
        process = e2e.Process(["bench", *arguments])
        e2e.check(process.wait() == 2 and says in process.text() and len(process.text().splitlines()) == 1,
                  "%s\n%s" % (arguments, process.text()))


NUMBER = r"(\d+\.\d\d)"
TIMES = (r"^min/avg/max/stddev {0}/{0}/{0}/{0} us\np50/p90/p99/p99.9 {0}/{0}/{0}/{0} us$".format(NUMBER))


def check_times(what, text):
    found = re.search(TIMES, text, re.M)
    if e2e.check(found, "%s\n%s" % (what, text)):
        least, mean, most, _, *percentiles = map(float, found.groups())
        e2e.check(0 < least <= mean <= most and sorted(percentiles) == percentiles and
                  least <= percentiles[0] and percentiles[-1] <= most, "%s\n%s" % (what, text))


def ping_and_call():
    server = e2e.serve("udp:0.0.0.0", *YIELDS, before=B.inside)
    link = "udp:10.70.0.2"
    flood = e2e.Process(["ping", "--flood", "--count", "500", *YIELDS, link], before=A.inside)
    e2e.check(flood.wait(60) == 0 and "500 sent, 500 returned, 0 lost\n" in flood.text() and
              re.search(r"^[1-9]\d* calls/s for \d+\.\d\d s$", flood.text(), re.M), flood.text())
    check_times("ping --flood", flood.text())
    endless = e2e.Process(["ping", "--flood", *YIELDS, link], before=A.inside)
    e2e.check(endless.wait_for("calling Test.Null"), endless.text())
    time.sleep(0.2)
    endless.stop()
    e2e.check(endless.wait(60) == 0 and re.search(r"^\d+ sent, \d+ returned, 0 lost$", endless.text(), re.M), endless.text())
    check_times("ping --flood, interrupted", endless.text())
    for options, sent in (["--flood", "--count", "300"], 300), (["--interval", "0.01", "--count", "3"], 3):
        pings = e2e.Process(["ping", *options, *YIELDS, "--json", e2e.path("ping"), link], before=A.inside)
        if e2e.check(pings.wait(60) == 0, pings.text()):
            with open(e2e.path("ping")) as f:
                all = json.load(f)
            os.unlink(e2e.path("ping"))
            e2e.check(all["sent"] == all["returned"] == sent and all["lost"] == 0 and all["calls_per_s"] > 0 and
                      all["flood"] == (sent == 300), all)
            e2e.check(0 < all["min_ns"] <= all["p50_ns"] <= all["p90_ns"] <= all["p99_ns"] <= all["p999_ns"] <=
                      all["max_ns"], all)
    for n, window in (1, 1), (640, 32):
        caller = e2e.call(link, "--calls", str(n), "--window", str(window), *YIELDS, before=A.inside)
        e2e.called_well(caller, "call", n)
        e2e.check(re.search(r"^[1-9]\d* calls/s for \d+\.\d\d s$", caller.text(), re.M), caller.text())
        check_times("call", caller.text())
    ended(server, "ping and call")
    gone = e2e.Process(["ping", "--count", "1", "--timeout", "300", *YIELDS, link], before=A.inside)
    e2e.check(gone.wait(60) == 1, gone.text())


with net:
    for host, last in (A, 1), (B, 2):
        host.ip("addr", "add", "fd00:70::%d/64" % last, "dev", "fly0", "nodad")
    for part in (words, af_packet, udp, small_packets, vhost, sleeping, second_client, killed_client, killed_server,
                 no_server, firewall, ping_and_call):
        if sys.argv[2:] and part.__name__ not in sys.argv[2:]:
            continue
        began = time.monotonic()
        part()
        print("%s: %.1f s" % (part.__name__, time.monotonic() - began), flush=True)
e2e.finish()
