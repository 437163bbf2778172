#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""hostile_memory.py FIREFLY vhost [TIMES] - a client takes away the memory that it shares with a server: it
shortens the files. The server lives and disconnects it, another client is served on, and the next one is
served in the place of the hostile one.

The hostile client is an ordinary one that is stopped; its files are shortened from outside, as it could do.
Then a client that speaks vhost-user by itself shares memory that is not there from the beginning, and
replaces good memory by such memory while the server uses it.
"""
import array
import mmap
import os
import signal
import socket
import struct
import sys
import time

import e2e

LINK = sys.argv[2]
TIMES = int(sys.argv[3]) if len(sys.argv) > 3 else 5
link = LINK + ":" + e2e.path("s")


def stands(process):
    """Is each of its threads stopped?"""
    tasks = "/proc/%d/task" % process.popen.pid
    for task in os.listdir(tasks):
        with open(os.path.join(tasks, task, "stat")) as f:
            if f.read().rsplit(")", 1)[1].split()[0] != "T":
                return False
    return True


def shorten(process):
    """Shorten all memory files of a process. Return: how many there were."""
    n = 0
    directory = "/proc/%d/fd" % process.popen.pid
    for fd in os.listdir(directory):
        try:
            if os.readlink(os.path.join(directory, fd)).startswith("/memfd:"):
                os.truncate(os.path.join(directory, fd), 0)
                n += 1
        except OSError:
            pass
    return n


class Speaker:
    """Just enough of vhost-user to be taken for a client. Its rings are split, of 256 descriptors."""

    BYTES = 1 << 20

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(10 * e2e.PATIENCE)
        self.socket.connect(path)
        self.files = []
        self.say(3)                                    # SET_OWNER
        self.say(1)                                    # GET_FEATURES
        self.socket.recv(20)
        self.say(2, struct.pack("<Q", 1 << 32))        # SET_FEATURES: version 1

    def say(self, request, payload=b"", fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([struct.pack("<III", request, 1, len(payload)) + payload], rights)

    def share(self, sizes):
        """Share files that claim to have BYTES each and have these sizes."""
        regions = b""
        files = [os.memfd_create("speaker") for size in sizes]
        for i, size in enumerate(sizes):
            os.truncate(files[i], size)
            regions += struct.pack("<4Q", i * self.BYTES, self.BYTES, i * self.BYTES, 0)
        self.say(5, struct.pack("<II", len(sizes), 0) + regions, files)
        self.files += files

    def begin(self):
        """Both rings: desc, avail and used at 0, 4096 and 8192 of a quarter each of the first region."""
        for ring in range(2):
            at = ring * 65536
            self.say(8, struct.pack("<II", ring, 256))
            self.say(10, struct.pack("<II", ring, 0))
            self.say(9, struct.pack("<IIQQQQ", ring, 0, at, at + 8192, at + 4096, 0))
            for request in 13, 12:                     # SET_VRING_CALL, SET_VRING_KICK
                event = os.eventfd(0)
                self.files.append(event)
                self.say(request, struct.pack("<Q", ring), [event])

    def is_heard(self):
        """Has the server handled all that was said, and is it there? It hangs up on bad clients."""
        try:
            self.say(1)
            return len(self.socket.recv(20)) == 20
        except OSError:
            return False

    def end(self):
        self.socket.close()
        for file in self.files:
            os.close(file)


def next_speaker():
    """The server hangs up on a client that comes before it has seen that the last one has gone."""
    end = time.monotonic() + 5 * e2e.PATIENCE
    while True:
        try:
            return Speaker(e2e.path("s.1"))
        except (BrokenPipeError, ConnectionResetError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def speak(text, act):
    """A client that speaks by itself: the server lives, whatever it says of it."""
    speaker = next_speaker()
    try:
        act(speaker)
        speaker.is_heard()
    except OSError:
        pass  # it hung up
    speaker.end()
    return e2e.check(server.popen.poll() is None, "%s: the server died\n%s" % (text, server.text()))


def nothing_there(speaker):
    speaker.share([0, 0])
    speaker.begin()


def buffers_not_there(speaker):
    """The rings are there; a descriptor leads to memory that is not."""
    speaker.share([Speaker.BYTES, 0])
    ring = mmap.mmap(speaker.files[0], Speaker.BYTES)
    at = 65536  # the second ring is the one that the server receives from
    ring[at:at + 16] = struct.pack("<QIHH", Speaker.BYTES, 1024, 0, 0)
    ring[at + 4096:at + 4102] = struct.pack("<HHH", 0, 1, 0)
    speaker.begin()
    e2e.wait_until(lambda: not speaker.is_heard())


def replaced(speaker):
    speaker.share([Speaker.BYTES])
    speaker.begin()
    speaker.is_heard()
    speaker.share([])
    speaker.share([0])
    speaker.is_heard()
    time.sleep(0.05)


def taken():
    return server.text().count("it took away memory")


def calling(process, tally, before):
    return e2e.wait_until(lambda: tally.read()[0] > before or process.popen.poll() is not None) and (
        process.popen.poll() is None)


tally = e2e.Tally("tally")
server = e2e.serve(link + ",server,clients=2", "--stats", "--tally", tally.path)
if server:
    other = e2e.call(link, "--calls", str(1 << 62), "--window", "4", "-p", "echo", "--shared")
    e2e.check(e2e.wait_until(lambda: tally.read()[3] > 0), "the other client does not begin\n" + other.text())
    for i in range(TIMES):
        hostile = e2e.call(link, "--calls", str(1 << 62), "--window", "16", "-p", "null", "--shared")
        if not e2e.check(calling(hostile, tally, tally.read()[0]), "client %d\n%s" % (i, hostile.text())):
            break
        hostile.popen.send_signal(signal.SIGSTOP)
        e2e.check(e2e.wait_until(lambda: stands(hostile)), "a client does not stop")
        if i % 2:
            time.sleep(0.05)  # the server is idle there, and only looks whether there is a call
        e2e.check(shorten(hostile) > 0, "the client shares no file")
        e2e.check(e2e.wait_until(lambda: taken() >= i + 1 or server.popen.poll() is not None),
                  "the server does not notice\n" + server.text())
        hostile.kill()
        if not e2e.check(server.popen.poll() is None, "the server died\n" + server.text()):
            break
    robbed = TIMES
    for i in range(TIMES):
        if server.popen.poll() is None:
            speak("no memory", nothing_there)
        if server.popen.poll() is None and speak("no memory for buffers", buffers_not_there):
            robbed += 1
        if server.popen.poll() is None:
            speak("memory that is replaced", replaced)
    if server.popen.poll() is None:
        e2e.called_well(e2e.call(link, "--calls", "1000", "--shared"), "the next client", 1000)
        before = tally.read()[3]
        e2e.check(e2e.wait_until(lambda: tally.read()[3] > before), "the other client stands still")
    other.stop()
    books = e2e.Books(other.text())
    other.ended_well("the other client")
    e2e.check(books.calls == books.returned > 0 and books.wrong == 0, "the other client\n" + other.text())
    server.stop()
    server.ended_well("the server")
    counts = e2e.counters(server.text())
    e2e.check(counts.get("links_robbed", 0) >= robbed, "counted: %s" % counts)
    print("%d times; the other client: %d calls, none failed" % (TIMES, books.returned), flush=True)
e2e.finish()
