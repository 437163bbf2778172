#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""topology.py FIREFLY - what `firefly topology` says is what the system says, in both of its forms; and
cores that this process may not use are not used.
"""
import json
import os
import shutil

import e2e


def topology(*arguments, **how):
    process = e2e.Process(["topology", *arguments], **how)
    status = process.wait(10)
    return status, process.text()


def as_json():
    status, text = topology("--json", "--link", "vhost:/tmp/x,server", "--link", "memif:/tmp/y")
    e2e.check(status == 0, "--json\n" + text)
    found = json.loads(text)
    online = [core for core in found["cores"] if core["online"]]
    allowed = {core["number"] for core in online if core["allowed"]}
    e2e.check(len(online) == os.sysconf("SC_NPROCESSORS_ONLN"), "cores online\n" + text)
    e2e.check(allowed == os.sched_getaffinity(0), "cores allowed\n" + text)
    e2e.check(found["here"] in allowed and len(found["nodes"]) >= 1, "here, nodes\n" + text)
    e2e.check([choice["link"] for choice in found["choices"]] ==
              ["vhost:/tmp/x,server", "memif:/tmp/y"], "links\n" + text)
    for choice in found["choices"]:
        e2e.check(set(choice["poller_cores"]) == allowed, "pollers get any core\n" + text)
        if len(allowed) > 1 and not any(core["polled_by"] for core in online):
            e2e.check(choice["poller_cores"][0] != found["here"], "not ours first\n" + text)


def as_table():
    status, text = topology()
    e2e.check(status == 0 and "core " in text and "node " in text and "pollers" in text and
              "workers" in text, "table\n" + text)
    widths = {len(line) for line in text.splitlines() if line.startswith("core ")}
    e2e.check(len(widths) == 1, "table\n" + text)


def polled():
    """A server that spins: the next one takes another core, or says that there is none."""
    link = "vhost:%s,server" % e2e.path("p")
    server = e2e.serve(link, "--pollers", "1")
    status, text = topology("--json")
    cores = [core["number"] for core in json.loads(text)["cores"] if core["polled_by"] == server.popen.pid]
    e2e.check(len(cores) == 1, "polled\n" + text)
    e2e.check("process %d polls there" % server.popen.pid in topology()[1], "polled\n" + topology()[1])
    other = e2e.serve("vhost:%s,server" % e2e.path("q"), "--pollers", "1", "--cores", str(cores[0]))
    e2e.check("core %d: another Firefly process (%d) polls there as well" % (cores[0], server.popen.pid) in
              other.text(), other.text())
    for process in other, server:
        process.stop()
        process.ended_well("polled")
    e2e.check(e2e.wait_until(lambda: "process %d" % server.popen.pid not in topology()[1]), topology()[1])


def not_allowed():
    """Confined to one core: the others are shown, and refused."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 or not shutil.which("taskset"):
        print("one core only, or no taskset(1): nothing to be refused")
        return
    confined = ["taskset", "-c", str(cores[0])]
    status, text = topology("--json", before=confined)
    choice = json.loads(text)["choices"][0]
    e2e.check(status == 0 and choice["poller_cores"] == [cores[0]], "confined\n" + text)
    status, text = topology(before=confined)
    e2e.check("not for this process" in text, "confined\n" + text)
    link = "vhost:%s,server" % e2e.path("s")
    for arguments, words in ((["--pollers", "1", "--cores", str(cores[1])],
                              "may not run on core %d" % cores[1]),
                             (["--pollers", "2"], "2 pollers that spin need as many cores")):
        server = e2e.Process(["serve", "--link", link] + arguments, before=confined)
        server.wait(10)
        e2e.check(server.popen.returncode == 1 and words in server.text(),
                  " ".join(arguments) + "\n" + server.text())


as_json()
as_table()
polled()
not_allowed()
for wrong in ["--link", "nonsense"], ["nonsense"]:
    code, said = topology(*wrong)
    e2e.check(code in (1, 2) and said.count("\n") == 1, "%s\n%s" % (wrong, said))
e2e.finish()
