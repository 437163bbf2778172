# SPDX-License-Identifier: BSD-3-Clause
"""What the end-to-end tests share: real processes, their output, and what they must leave behind.

The first argument of every test is the firefly program. Each test works in a directory of its
own, which must be empty again at the end; whatever it started is dead by then.

No test asserts how fast this machine is: it may have much else to do. A wait that has an end at all
ends after so many seconds, as on a quiet machine, times FLY_PATIENCE (default 3; scripts/test sets it).
"""
import atexit
import itertools
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

SKIP = 77  # meson's exit status for a test that cannot run here
FIREFLY = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "firefly"
PATIENCE = max(1.0, float(os.environ.get("FLY_PATIENCE", 3)))

directory = tempfile.mkdtemp(prefix="firefly-e2e.")
outputs = tempfile.mkdtemp(prefix="firefly-out.")
started = []
numbers = itertools.count()
failures = []


def fail(text):
    """Note a failure and go on: finish() ends the test with it."""
    print("FAIL: " + text, flush=True)
    failures.append(text)


def check(condition, text):
    if not condition:
        fail(text)
    return condition


def wait_until(condition, seconds=20):
    """Wait until it is true. Return: whether it is."""
    end = time.monotonic() + seconds * PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


def skip(why):
    print("skipped: " + why, flush=True)
    clean_up()
    sys.exit(SKIP)


def clean_up():
    for process in started:
        if process.popen.poll() is None:
            process.popen.kill()
            process.popen.wait()
    shutil.rmtree(directory, ignore_errors=True)
    shutil.rmtree(outputs, ignore_errors=True)


atexit.register(clean_up)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # from meson, when the time is over


def finish():
    """The end of every test."""
    left = sorted(os.listdir(directory))
    check(not left, "left behind: %s" % ", ".join(left))
    print("%d failures" % len(failures), flush=True)
    sys.exit(1 if failures else 0)


def path(name):
    return os.path.join(directory, name)


class Process:
    """A program whose output, standard output and error together, is read while it runs."""

    def __init__(self, arguments, environment=None, before=(), program=FIREFLY, is_told=False):
        self.file = os.path.join(outputs, "%d" % next(numbers))
        self.arguments = list(before) + [program] + list(arguments)
        with open(self.file, "wb") as out:
            self.popen = subprocess.Popen(
                self.arguments, stdin=subprocess.PIPE if is_told else subprocess.DEVNULL, stdout=out,
                stderr=out, env=dict(os.environ, **(environment or {})))
        started.append(self)

    def text(self):
        with open(self.file, "r", errors="replace") as f:
            return f.read()

    def wait_for(self, pattern, seconds=10):
        """Wait for a line; its match, or None when the time is over or the program has ended."""
        end = time.monotonic() + seconds * PATIENCE
        while True:
            ended = self.popen.poll() is not None
            found = re.search(pattern, self.text(), re.M)
            if found or ended or time.monotonic() > end:
                return found
            time.sleep(0.005)

    def tell(self):
        """Send a line to a process that is_told."""
        self.popen.stdin.write(b"\n")
        self.popen.stdin.flush()

    def wait(self, seconds=60):
        """Wait for the end. The exit status; None (and it is killed) if it does not come."""
        seconds *= PATIENCE
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.send_signal(signal.SIGABRT)
            try:
                self.popen.wait(5)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
            fail("no end after %d s: %s\n%s" % (seconds, " ".join(self.arguments), self.text()))
            return None

    def stop(self, number=signal.SIGINT, seconds=30):
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.wait(seconds)

    def kill(self):
        self.popen.kill()
        self.popen.wait()

    def ended_well(self, what, status=0):
        """Did it end with this status, and give every packet back?"""
        text = self.text()
        packets = re.search(r"^packets: (\d+) of (\d+) back in the pool$", text, re.M)
        good = self.popen.returncode == status and packets and packets[1] == packets[2]
        return check(good, "%s: exit status %s\n%s" % (what, self.popen.returncode, text))


def serve(link, *options, **how):
    """A server of Test that is up. None, and a failure is noted, if it does not come up."""
    process = Process(["serve", "--check", "--link", link, *options], **how)
    if process.wait_for(r"^serving Test on"):
        return process
    process.kill()
    fail("server does not come up: %s\n%s" % (link, process.text()))
    return None


def patient(link):
    """The link, with a wait for its server that a busy machine needs."""
    if "wait=" in link or link.split(":")[0] not in ("vhost", "memif", "local"):
        return link
    return "%s,wait=%d" % (link, 10 * PATIENCE)


def call(link, *options, **how):
    return Process(["call", "--check", patient(link), *options], **how)


BOOKS = (r"^calls (\d+), returned (\d+), wrong (\d+), failed: executed (\d+), "
         r"not executed (\d+), maybe executed (\d+)$")


class Books:
    """The figures that `firefly call` prints at its end."""

    def __init__(self, text):
        found = re.search(BOOKS, text, re.M)
        self.there = found is not None
        (self.calls, self.returned, self.wrong, self.executed, self.not_executed, self.maybe) = (
            map(int, found.groups()) if found else [0] * 6)
        again = re.search(r"^reconnections: (\d+)$", text, re.M)
        self.reconnections = int(again[1]) if again else 0


def called_well(process, what, calls, seconds=60):
    """Let a caller end; it must have returned `calls` calls without a failure."""
    process.wait(seconds)
    books = Books(process.text())
    return process.ended_well(what) and check(
        books.calls == books.returned == calls and books.wrong == 0,
        "%s: %d calls wanted\n%s" % (what, calls, process.text()))


WORK = (r"^served (\d+) calls in .*: Null (\d+), MaxResult (\d+), MaxArg (\d+), Echo (\d+)$")


def served(process):
    """What a server that ended says it did: calls, Null, MaxResult, MaxArg, Echo."""
    found = re.search(WORK, process.text(), re.M)
    return list(map(int, found.groups())) if found else [0] * 5


def counters(text):
    """The counters of `firefly serve --stats`, the last time that they were printed."""
    return {name: int(value)
            for name, value in re.findall(r"^([a-z_]+) +(\d+)  \S", text, re.M)}


class Tally:
    """The counts of a server in the file of --tally, which outlives it."""

    def __init__(self, name):
        self.path = os.path.join(outputs, name)

    def read(self):
        """Null, MaxResult, MaxArg, Echo, wrong."""
        try:
            with open(self.path, "rb") as f:
                data = f.read(40)
        except FileNotFoundError:
            data = b""
        return struct.unpack("<5Q", data) if len(data) == 40 else (0,) * 5
