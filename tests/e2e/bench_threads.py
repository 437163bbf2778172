#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""bench_threads.py FIREFLY - `firefly bench --threads` has several threads call at once, and says what came
of it. How fast that was is not judged: the machine is busy with tests.
"""
import json

import e2e


def run(*arguments, status=0):
    process = e2e.Process(["bench", "--block", "1"] + list(arguments))
    e2e.check(process.wait(60) == status, "exit status of %s\n%s" % (arguments, process.text()))
    return process.text()


# Blocks in which somebody else was on one of the two cores do not count: on a busy machine that may be all.
for seconds in "1", "3", "6":
    runs = json.loads(run("--threads", "1..2,5", "--seconds", seconds, "--json", "-"))["runs"]
    seen = {(each["procedure"], each["threads"], each["window"], each["served_by"]) for each in runs}
    if any(served_by == "workers" for _, _, _, served_by in seen):
        break
else:
    print("no block with workers counted: the machine is too busy for that")
callers = {(each["callers"], each["threads"], each["window"]) for each in runs}
for procedure in "Null", "MaxResult":
    for threads in 1, 2, 5:
        for window in 1, 16:
            e2e.check((procedure, threads, window, "poller") in seen, str(seen))
            e2e.check(("elected", threads, window) in callers, str(callers))
for each in runs:
    if each["blocks"]:
        e2e.check(each["calls_per_s"] > 0, str(each))

text = run("--threads", "2", "--seconds", "0.2")
e2e.check("595/s" in text and "3.28 Mb/s" in text, text)
for wrong in "0", "3..2", "65", "", "2,", "two":
    e2e.check(len(run("--threads=" + wrong, status=2).splitlines()) == 1, wrong)
e2e.finish()
