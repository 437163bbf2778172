#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""bench_bulk.py FIREFLY LINK - `firefly bench bulk` makes calls of all sizes with the right data, in
each way of reading results, and says what came of it. How fast that was is not judged: the machine
is busy with tests.
"""
import json
import os
import re
import sys

import e2e

LINK = sys.argv[2]
SIZES = [4 ** i for i in range(13)] + [67108860]
PLOT = os.path.join(e2e.directory, "times.svg")
JSON = os.path.join(e2e.directory, "times.json")


def run(*arguments, status=0):
    process = e2e.Process(["bench", "bulk", "--link", LINK, "--block", "1"] + list(arguments))
    e2e.check(process.wait(120) == status, "exit status of %s\n%s" % (arguments, process.text()))
    return process.text()


def check_widths(lines):
    e2e.check(max(len(line) for line in lines) <= 100, "wide lines:\n%s" % "\n".join(lines))


def check_run(run):
    what = str(run)
    e2e.check(run["link"] == LINK and run["threads"] == 1, what)
    e2e.check(run["pairs"] + run["pairs_dropped"] > 0, what)
    if run["pairs"]:
        e2e.check(run["calls"] > 0 and run["p50_ns"] > 0 and run["bytes_per_s"] > 0, what)
        e2e.check(0 < run["procedure_ns"] < 1e9 * run["bytes"] / run["bytes_per_s"], what)
        e2e.check(run["floor"]["bytes_per_s"] > 0, what)
        e2e.check(("two copies" if LINK == "local" else "bare frames") in run["floor"]["what"], what)
        compared = run["bytes"] >= 65536
        e2e.check((run["floor"]["memcpy_bytes_per_s"] is not None) == compared, what)
        e2e.check((run["memcpy_ratio"] is not None) == compared, what)
    if run["bytes"] < 65536:
        e2e.check(run["ratio"] is None and run["whole_ratio"] is None, what)


def table_of_sizes():
    lines = run("--seconds", "0.1", "--json", JSON, "--plot", PLOT).splitlines()
    check_widths(lines)
    with open(JSON) as file:
        both = json.load(file)
    for procedure in "Put", "Get":
        runs = [run for run in both["runs"] if run["procedure"] == procedure]
        seen = {run["bytes"] for run in runs}
        e2e.check(seen == set(SIZES), "sizes of %s: %s" % (procedure, sorted(seen)))
        # On a busy machine the floors before and after may disagree at each size: then there is no line.
        few = sum(run["pairs"] > 0 for run in runs) < 2
        e2e.check(few or any(line.startswith(procedure + ": T(n) = ") for line in lines),
                  "no line through %s in\n%s" % (procedure, "\n".join(lines)))
    for each in both["runs"]:
        check_run(each)
    e2e.check([fit["procedure"] for fit in both["fits"]] == ["Put", "Get"], str(both["fits"]))
    check_plot({LINK: both["runs"]})


def check_plot(runs_of):
    """@runs_of: what was measured over each link; None: it is not known."""
    with open(PLOT) as plot:
        text = plot.read()
    e2e.check(text.startswith("<svg ") and text.endswith("</svg>\n") and "NaN" not in text.upper(),
              text)
    series = re.findall(r">(\w+), (\w+)<", text)
    e2e.check(len(set(series)) == len(series) == text.count("<g "), text)
    for link, runs in runs_of.items():
        for procedure in "Put", "Get":
            # On a busy machine no pair of a run may be kept: then the picture has no points of it.
            points = {run["bytes"] for run in runs or [] if run["procedure"] == procedure and run["pairs"]}
            found = re.search(">%s, %s<.*?</g>" % (procedure, link), text, re.S)
            count = found[0].count("<circle") if found else 0
            e2e.check(runs is None or count == len(points), "%d points of %s, %s instead of %d in\n%s"
                      % (count, procedure, link, len(points), text))
    os.unlink(PLOT)


def several_links():
    """What earlier runs over other links have written is drawn in the same picture."""
    with open(JSON) as file:
        earlier = json.load(file)
    others = sorted({"vhost", "memif", "local"} - {LINK})
    arguments = []
    for other in others:
        for each in earlier["runs"]:
            each["link"] = other
        arguments += ["--with", e2e.path(other + ".json")]
        with open(arguments[-1], "w") as file:
            json.dump(earlier, file)
    run("--seconds", "0.1", "--plot", PLOT, *arguments)
    check_plot({LINK: None, **{other: earlier["runs"] for other in others}})
    no_file, no_json, no_run = e2e.path("none.json"), e2e.path("text.json"), e2e.path("other.json")
    with open(no_json, "w") as file:
        file.write("{")
    with open(no_run, "w") as file:
        json.dump({"runs": [{"link": "vhost", "procedure": "Null"}]}, file)
    for wrong in no_file, no_json, no_run:
        lines = run("--plot", PLOT, "--with", wrong, status=2).splitlines()
        e2e.check(len(lines) == 1 and wrong in lines[0], "%s: %s" % (wrong, lines))
    for path in [JSON, no_json, no_run] + arguments[1::2]:
        os.unlink(path)


def one_size():
    for view in [], ["--view"]:
        both = json.loads(run("--seconds", "0.1", "--size", "300k", "--json", "-", *view))
        for each in both["runs"]:
            check_run(each)
            e2e.check(each["bytes"] == 300 << 10, str(each))
            e2e.check(each["view"] == (bool(view) and each["procedure"] == "Get"), str(each))
        e2e.check(both["fits"] == [], str(both["fits"]))


def as_table():
    lines = run("--seconds", "0.1", "--size", "1M").splitlines()
    for word in "Put ", "Get ":
        e2e.check(any(line.startswith(word) and "1 MiB" in line for line in lines),
                  "no %s in\n%s" % (word, "\n".join(lines)))
    check_widths(lines)


def mistakes():
    for arguments in ["--size", "0"], ["--size", "65M"], ["--size", "8G"], ["8M"], \
            ["--size", "1M", "--plot", PLOT], ["--with", JSON]:
        lines = run(*arguments, status=2).splitlines()
        e2e.check(len(lines) == 1, "%s: %s" % (arguments, lines))


table_of_sizes()
several_links()
one_size()
as_table()
mistakes()
e2e.finish()
