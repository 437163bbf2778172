#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""bench_processors.py FIREFLY - `firefly bench processors` and `firefly bench handoff` call from and on fewer
and fewer cores, and say what came of it. How fast that was is not judged: the machine is busy with tests.
"""
import json
import os

import e2e


def run(*arguments, status=0):
    process = e2e.Process(["bench"] + list(arguments))
    e2e.check(process.wait(60) == status, "exit status of %s\n%s" % (arguments, process.text()))
    return process.text()


runs = json.loads(run("processors", "--block", "1", "--seconds", "1", "--json", "-"))["runs"]
rows = {}
for each in runs:
    key = each["caller_cores"], each["server_cores"], each["callers"], each["served_by"]
    rows[key] = rows.get(key, False) or each["measured"]
    if each["ns_per_call"] is not None:
        e2e.check(each["ns_per_call"] > 0, str(each))
for key in (1, 1, "inline", "poller"), (1, 1, "attached", "poller"), (1, 0, "inline", "poller"):
    e2e.check(rows.get(key) is True, "%s was not measured: %s" % (key, rows))
if len(os.sched_getaffinity(0)) < 10:
    e2e.check(rows.get((5, 5, "attached", "worker")) is False, "five cores on each side")
text = run("processors", "--block", "1", "--seconds", "0.2")
for word in "4.81 s", "1 together":
    e2e.check(word in text, text)

runs = json.loads(run("handoff", "--block", "1", "--seconds", "0.5", "--json", "-"))["runs"]
e2e.check({each["handoff"] for each in runs} == {"attached", "worker"}, str(runs))
for each in runs:
    if each["pairs"]:
        e2e.check(min(each["without_p50_ns"], each["with_p50_ns"], each["floor"]["p50_ns"]) > 0, str(each))
e2e.check("needs three cores" in run("handoff", "--seconds", "0.1"), "what is not measured")
e2e.finish()
