#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""trials.py FIREFLY TRIAL SERVER PLUGIN [NAME...] - what a new user does, or an attacker, and what must
come of it: see tests/trials. Without names: all trials.
"""
import glob
import os
import re
import signal
import sys

import e2e

TRIAL, SERVER, PLUGIN = map(os.path.abspath, sys.argv[2:5])
NAMES = sys.argv[5:]


def link(kind, name="s"):
    return "%s:%s" % (kind, e2e.path(name))


def patient(where):
    return "%s,wait=%d" % (where, 10 * e2e.PATIENCE)


def serve(where, *numbers, **how):
    clients = ",server,clients=4" if where.split(":")[0] in ("vhost", "local") else ",server"
    server = e2e.Process([where + clients, *map(str, numbers)], program=SERVER, **how)
    e2e.check(server.wait_for("^up$"), "server does not come up\n" + server.text())
    return server


def begin(name, where, number=0, environment=None):
    return e2e.Process([name, where, str(number)], program=TRIAL, environment=environment)


def ends(process, *patterns, status=0, seconds=30):
    """It ends with this status, having said all this."""
    process.wait(seconds)
    for pattern in patterns:
        e2e.check(process.wait_for(pattern, 0), "not said: %s\n%s" % (pattern, process.text()))
    e2e.check(process.popen.returncode == status,
              "exit status %s\n%s" % (process.popen.returncode, process.text()))
    # what DPDK prints of its own options
    e2e.check("--file-prefix" not in process.text(), "the usage of DPDK is printed")


def stops(server):
    server.stop(signal.SIGTERM)
    e2e.check(server.popen.returncode == 0 and "stopped 0" in server.text(),
              "server does not end well: %s\n%s" % (server.popen.returncode, server.text()))


def plain(name, kind, number=0, patterns=("^stopped 0$",), workers=0, pollers=0, environment=None):
    """A server, one trial, and both end well."""
    server = serve(link(kind), workers, pollers)
    ends(begin(name, patient(link(kind)), number, environment), *patterns)
    stops(server)


# ---- process life --------------------------------------------------------------------------------


def fork_call(kind, pollers=0):
    # the child's call ends at once; nothing of it has run, and the parent's results are its own
    plain("fork_call", kind, pollers, [r"^child: \S+ \(not executed\) after \d{1,3} ms$",
                                       "^parent: calls, 0 wrong, 0 failed$", "^stopped 0$"])


def daemonized():
    """A server that calls daemon() after fly_start() says so, instead of serving nobody."""
    server = e2e.Process([link("local") + ",server", "0", "0", "daemon"], program=SERVER)
    # Its first process ends in daemon(), the second one speaks.
    said = e2e.wait_until(lambda: re.search(r"^(serve|export): .", server.text(), re.M))
    e2e.check(said, "a daemonized server says nothing\n" + server.text())


def unbound_within():
    """A procedure unbinds what its own thread waits in: refused, or the call ends. No crash."""
    backend = serve(link("vhost", "backend"))
    server = serve(link("vhost", "front"), environment={"BACKEND": patient(link("vhost", "backend"))})
    caller = begin("deed", patient(link("vhost", "front")), 2)
    caller.wait()
    e2e.check(server.wait_for("^backend: "), "the server's own call does not end\n" + server.text())
    stops(server)
    stops(backend)


def child_left(kind):
    """A procedure leaves a child that lives on; its server dies; the next one has the path at once."""
    server = serve(link(kind))
    ends(begin("deed", patient(link(kind)), 3), "^deed: returned")
    child = server.wait_for(r"^child (\d+)$")
    server.kill()
    server = serve(link(kind))
    ends(begin("pings", patient(link(kind))), "^ping: calls, 0 wrong, 0 failed$")
    stops(server)
    if e2e.check(child, "no child is left"):
        os.kill(int(child[1]), signal.SIGKILL)


# ---- links and time-outs -------------------------------------------------------------------------


def silence(kind):
    server = serve(link(kind))
    caller = e2e.Process(["silence", patient(link(kind)), "1000"], program=TRIAL, is_told=True)
    tell(caller, lambda: server.popen.send_signal(signal.SIGSTOP))
    ends(caller, r"^ping: \S+ \((not|maybe) executed\) after (9\d\d|[1-9]\d{3}) ms$", "^stopped$",
         seconds=20)
    server.popen.send_signal(signal.SIGCONT)
    stops(server)


def tell(caller, deed):
    """Do it when the trial has bound, and tell it."""
    e2e.check(caller.wait_for("^bound$", 20), "does not bind\n" + caller.text())
    deed()
    caller.tell()


def busy_after_stop():
    server = serve(link("local"))
    caller = e2e.Process(["long_call_after_line", patient(link("local")), "200000"], program=TRIAL,
                         is_told=True)

    def pause():
        server.popen.send_signal(signal.SIGSTOP)
        e2e.wait_until(lambda: False, 1.5 / e2e.PATIENCE)
        server.popen.send_signal(signal.SIGCONT)

    tell(caller, pause)
    ends(caller, "^long call: returned", "^stopped 0$")
    stops(server)


def rebound(where, **how):
    servers = [serve(where, **how)]
    caller = e2e.Process(["rebind", patient(where)], program=TRIAL, is_told=True, **how)

    def replace():
        servers[0].kill()
        servers.append(serve(where, **how))

    tell(caller, replace)
    ends(caller, "^rebound: calls$", "^stopped 0$")
    stops(servers[1])


def moved(kind):
    """Relative paths, and both sides change their directory when they have started."""
    rebound(kind + ":s", before=["env", "-C", e2e.directory], environment={"MOVES": "1"})
    e2e.check(not os.listdir(e2e.directory), "left behind: %s" % os.listdir(e2e.directory))


def neighbours():
    """A stopped server of one runtime holds up no other runtime of the process."""
    first, second = serve(link("vhost")), serve(link("vhost", "other"))
    caller = e2e.Process(["neighbours", patient(link("vhost"))], program=TRIAL, is_told=True,
                         environment={"OTHER": patient(link("vhost", "other"))})
    servers = []

    def replace():
        first.kill()
        servers.append(serve(link("vhost")))
        servers[0].popen.send_signal(signal.SIGSTOP)
        second.kill()
        servers.append(serve(link("vhost", "other")))

    tell(caller, replace)
    ends(caller, "^rebound: calls$", "^third: came and went$", "^stopped 0$")
    servers[0].kill()
    stops(servers[1])


def stopped_while_working(kind):
    """A procedure runs on a worker when its server is told to stop: its result arrives."""
    server = serve(link(kind), 2)
    caller = begin("slept", patient(link(kind)), 1000)
    e2e.check(server.wait_for("^sleeping$"), caller.text())
    stops(server)
    ends(caller, "^sleep: returned", "^stopped 0$")


def one_stuck(kind):
    """A procedure that never returns keeps its own poller busy, and no other."""
    server = serve(link(kind), 0, 3)
    stuck = begin("deed", patient(link(kind)), 1)
    stuck.wait()
    # of nine clients on three pollers, not all are on the one that is stuck
    others = [begin("pings", patient(link(kind))) for _ in range(4)]
    done = e2e.wait_until(lambda: any("ping: calls, 0 wrong, 0 failed" in o.text() for o in others), 15)
    e2e.check(done, "nobody gets in\n" + "".join(o.text() for o in others))
    for o in others:
        o.kill()
    server.kill()


TRIALS = {
    "fork_call_vhost": lambda: fork_call("vhost"),
    "fork_call_local": lambda: fork_call("local"),
    "fork_call_local_pollers": lambda: fork_call("local", 1),
    "fork_stop_vhost": lambda: plain("fork_stop", "vhost", 0, ["^parent: calls, 0 wrong, 0 failed$"]),
    "fork_stop_local": lambda: plain("fork_stop", "local", 1, ["^parent: calls, 0 wrong, 0 failed$"]),
    "fork_start_local": lambda: plain("fork_start", "local", 0, ["^parent: calls, 0 wrong, 0 failed$"]),
    "daemonized": daemonized,
    "twice_nonsense": lambda: plain("twice", "vhost", 0, ["^again: calls, 0 wrong, 0 failed$"]),
    "twice_memory": lambda: plain("twice", "vhost", 1, ["^again: calls, 0 wrong, 0 failed$"]),
    "descriptors_5": lambda: plain("few_descriptors", "vhost", 5, ["^again: calls"]),
    "descriptors_15": lambda: plain("few_descriptors", "vhost", 15, ["^again: calls"]),
    "descriptors_local": lambda: plain("few_descriptors", "local", 6, ["^again: calls"]),
    "without_dpdk": lambda: plain("without_dpdk", "local", 0, [r"\Acalls: .*\nstopped 0\n\Z"]),
    "plugin": lambda: plain("plugin", "vhost", 0, ["^plugin: 0$", "^unloaded$"],
                             environment={"PLUGIN": PLUGIN}),
    "unbound_within": unbound_within,
    "stopped_by_another": lambda: plain("stopped_by_another", "vhost", 0,
                                         ["^refused: ", "^thread: at once", "^stopped 0$"]),
    "thread_ended": lambda: plain("thread_ended", "local"),
    "small_stack_vhost": lambda: plain("small_stack", "vhost", 64),
    "small_stack_local": lambda: plain("small_stack", "local", 64),
    "silence_vhost": lambda: silence("vhost"),
    "silence_local": lambda: silence("local"),
    "event_local": lambda: plain("event", "local", 3000,
                                  ["^woken in time$", r"^sleep: \S+ \(maybe executed\)"], workers=1),
    "event_vhost": lambda: plain("event", "vhost", 3000,
                                  ["^woken in time$", r"^sleep: \S+ \(maybe executed\)"], workers=1),
    "rebound_vhost": lambda: rebound(link("vhost")),
    "rebound_local": lambda: rebound(link("local")),
    "stopped_while_working_vhost": lambda: stopped_while_working("vhost"),
    "stopped_while_working_local": lambda: stopped_while_working("local"),
    "one_stuck_local": lambda: one_stuck("local"),
    "busy_after_stop": busy_after_stop,
    "child_left_vhost": lambda: child_left("vhost"),
    "child_left_local": lambda: child_left("local"),
    "moved_vhost": lambda: moved("vhost"),
    "moved_memif": lambda: moved("memif"),
    "moved_local": lambda: moved("local"),
    "neighbours": neighbours,
    # ---- attackers and neighbours; hostile servers are in tests/idl/rereads.py
    "increased_vhost": lambda: plain("increased", "vhost", 0, ["^increased$", "^stopped 0$"]),
    "increased_local": lambda: plain("increased", "local", 0, ["^increased$", "^stopped 0$"]),
}


def run(name, deed):
    """What it started ends, and what that leaves goes."""
    before = len(e2e.failures)
    deed()
    for process in e2e.started:
        if process.popen.poll() is None:
            process.popen.send_signal(signal.SIGCONT)
            process.kill()
    for left in glob.glob(os.path.join(e2e.directory, "*")):
        os.unlink(left)
    good = len(e2e.failures) == before
    print("%s %s" % ("ok    " if good else "FAILED", name), flush=True)


for name, deed in TRIALS.items():
    if not NAMES or name in NAMES:
        run(name, deed)
e2e.finish()
