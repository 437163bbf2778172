#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A guest: a virtual machine in QEMU, without KVM, that runs this machine's own programs.

Debian's kernel boots with an initramfs of busybox, which mounts the root of this machine over 9p, read
only, with a tmpfs laid over it: a guest can write anywhere, and nobody else sees it. A shell in there
takes commands over a second serial line. By hand: scripts/guest [OPTION-OF-QEMU]...

Needs the Debian packages qemu-system-x86 and busybox-static, and linux-image-amd64, which is downloaded
and unpacked, not installed: guest.py --prepare does that; scripts/test calls it.
"""
import atexit
import glob
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

QEMU = "qemu-system-x86_64"
BUSYBOX = "/bin/busybox"
CACHE = os.path.abspath(os.environ.get("FLY_GUEST_CACHE", os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "build-guest")))
PATIENCE = max(1.0, float(os.environ.get("FLY_PATIENCE", 3)))

# The drivers of DPDK's that a guest has. It would load all hundred otherwise: 10 s a program.
DRIVERS = "bus_pci bus_vdev mempool_ring net_ring net_virtio net_e1000 net_vmxnet3".split()

# In this order: each needs only what stands before it.
MODULES = """
    virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci
    netfs fscache 9pnet 9pnet_virtio 9p overlay uio uio_pci_generic
    """.split()

INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mkdir -p /proc /dev /host /over /new
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
for m in %(modules)s; do $b insmod /modules/$m.ko || echo "no module $m"; done
$b mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose root /host
$b mount -t tmpfs over /over
$b mkdir /over/upper /over/work
$b mount -t overlay -o lowerdir=/host,upperdir=/over/upper,workdir=/over/work over /new
$b mount -t proc proc /new/proc
$b mount -t sysfs sys /new/sys
$b mount -t devtmpfs dev /new/dev
$b mount -t tmpfs run /new/run
$b mkdir -p /new/dev/hugepages
$b mount -t hugetlbfs huge /new/dev/hugepages
$b stty -F /dev/ttyS1 raw -echo
exec $b chroot /new $b setsid $b sh -c 'exec %(shell)s </dev/%(line)s >/dev/%(line)s 2>&1'
"""


class Missing(Exception):
    """Something that a guest needs is not there."""


def kernel_package():
    """The package that linux-image-amd64 depends on."""
    text = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, universal_newlines=True).stdout
    found = re.search(r"Depends: (linux-image-\S+-amd64)", text)
    if not found:
        raise Missing("apt-cache knows no linux-image-amd64: apt-get update")
    return found[1]


def cached():
    """Kernel and initramfs, if they are there."""
    kernels = sorted(glob.glob(os.path.join(CACHE, "boot", "vmlinuz-*")))
    if not kernels:
        raise Missing("no kernel for guests in %s: scripts/setup --tests gets it" % CACHE)
    return kernels[-1]


def prepare():
    """Download and unpack the kernel, unless it is there."""
    for program, package in (QEMU, "qemu-system-x86"), (BUSYBOX, "busybox-static"):
        if not shutil.which(program):
            raise Missing("no %s: apt-get install %s" % (program, package))
    try:
        return cached()
    except Missing:
        pass
    package = kernel_package()
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        got = subprocess.run(["apt-get", "download", package], cwd=scratch, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, universal_newlines=True)
        files = glob.glob(os.path.join(scratch, "*.deb"))
        if not files:
            raise Missing("apt-get download %s: %s" % (package, got.stdout.strip()))
        to = os.path.join(scratch, "all")
        subprocess.check_call(["dpkg-deb", "-x", files[0], to])
        for name in os.listdir(os.path.join(to, "lib", "modules")):
            shutil.rmtree(os.path.join(CACHE, "modules"), ignore_errors=True)
            os.rename(os.path.join(to, "lib", "modules", name), os.path.join(CACHE, "modules"))
        shutil.rmtree(os.path.join(CACHE, "boot"), ignore_errors=True)
        os.rename(os.path.join(to, "boot"), os.path.join(CACHE, "boot"))
    return cached()


def cpio(files):
    """An archive in the format newc. files: name -> (mode, bytes)."""
    out = bytearray()
    for number, (name, (mode, data)) in enumerate(list(files.items()) + [("TRAILER!!!", (0, b""))]):
        head = "070701" + "".join("%08X" % v for v in (
            number + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0))
        out += head.encode() + name.encode() + b"\0"
        out += b"\0" * (-len(out) % 4)
        out += data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


def initramfs(to, shell, line):
    """Write one, with the modules of the cached kernel."""
    files = {name: (0o40755, b"") for name in ("bin", "modules", "dev")}
    with open(BUSYBOX, "rb") as f:
        files["bin/busybox"] = (0o100755, f.read())
    for module in MODULES:
        found = glob.glob(os.path.join(CACHE, "modules", "kernel", "**", module + ".ko"), recursive=True)
        if not found:
            raise Missing("the kernel in %s has no module %s" % (CACHE, module))
        with open(found[0], "rb") as f:
            files["modules/%s.ko" % module] = (0o100644, f.read())
    text = INIT % {"modules": " ".join(MODULES), "shell": shell, "line": line}
    files["init"] = (0o100755, text.encode())
    with open(to, "wb") as f:
        f.write(cpio(files))


def arguments(initrd, megabytes, processors, hugepages):
    """What every guest is started with. Without KVM: it may run where there is none."""
    return [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-machine", "q35", "-accel", "tcg", "-cpu", "max", "-smp", str(processors),
            # vhost-user: the other end maps the guest's memory.
            "-m", "%d" % megabytes, "-object", "memory-backend-memfd,id=mem,size=%dM,share=on" % megabytes,
            "-numa", "node,memdev=mem",
            "-kernel", cached(), "-initrd", initrd, "-append",
            "console=ttyS0 quiet panic=-1 mitigations=off nokaslr hugepages=%d" % hugepages,
            "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
            "-device", "virtio-9p-pci,fsdev=root,mount_tag=root"]


class Line:
    """A socket of QEMU's: what has come over it."""

    def __init__(self, path, seconds=20):
        end = time.monotonic() + seconds * PATIENCE
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.text = ""

    def send(self, text):
        self.socket.sendall(text.encode())

    def until(self, pattern, seconds):
        """Read until a line matches. Return: what came before it, and the match; or None."""
        end = time.monotonic() + seconds * PATIENCE
        while True:
            found = re.search(pattern, self.text, re.M)
            if found:
                before, self.text = self.text[:found.start()], self.text[found.end():]
                return before, found
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            data = self.socket.recv(65536)
            if not data:
                return None
            self.text += data.decode(errors="replace").replace("\r", "")


class Guest:
    """One that is up. devices: options of QEMU's for what it has beyond memory and processors."""

    def __init__(self, devices=(), megabytes=512, processors=2, hugepages=96, seconds=90):
        prepare()
        self.directory = tempfile.mkdtemp(prefix="firefly-guest.")
        atexit.register(self.stop)
        self.lock = threading.Lock()
        initrd = self.path("initrd")
        initramfs(initrd, "/bin/sh", "ttyS1")
        with open(self.path("console"), "wb") as out:
            self.popen = subprocess.Popen(
                arguments(initrd, megabytes, processors, hugepages) + [
                    "-serial", "stdio", "-serial", "unix:%s,server=on,wait=off" % self.path("shell"),
                    "-monitor", "unix:%s,server=on,wait=off" % self.path("monitor"), *devices],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.monitor_line = self.shell = None
        self.numbers = 0
        began = time.monotonic()
        self.shell = Line(self.path("shell"))
        self.monitor_line = Line(self.path("monitor"))
        # What is sent before the shell is there is lost, or a part of it: ask until it answers.
        while True:
            self.shell.send("PS1= PS2=; echo u$PS1$PS2$(stty -F /dev/ttyS1 -echo)p\n")
            if self.shell.until(r"^([#>] )*up$", 1 / PATIENCE):
                break
            if self.popen.poll() is not None or time.monotonic() - began > seconds * PATIENCE:
                raise Missing("the guest does not come up:\n" + self.console()[-3000:])
        self.boot_seconds = time.monotonic() - began
        self.run("true")
        self.shell.text = ""
        self.run("d=$(echo /usr/lib/*/dpdk/pmds-*); mkdir /run/drivers; "
                 "for n in %s; do cp -a $d/librte_$n.so* /run/drivers; done; "
                 "mount --bind /run/drivers $d" % " ".join(DRIVERS))

    def path(self, name):
        return os.path.join(self.directory, name)

    def console(self):
        with open(self.path("console"), errors="replace") as f:
            return f.read()

    def run(self, command, seconds=60):
        """Run it in the guest. Return: its exit status, or None if it did not end; and its output."""
        with self.lock:
            self.numbers += 1
            self.shell.send("{ %s\n} 2>&1; echo \"[ended %d $?]\"\n" % (command, self.numbers))
            got = self.shell.until(r"\[ended %d (\d+)\]\n" % self.numbers, seconds)
        if not got:
            return None, self.shell.text + self.console()[-1000:]
        return int(got[1][1]), got[0]

    def begin(self, name, command):
        """Run it beside: output() reads what it says. Only in the guest's memory."""
        return self.run("{ %s\n} >/run/%s 2>&1 </dev/null & echo $! >/run/%s.pid" % (command, name, name))

    def output(self, name):
        return self.run("cat /run/%s" % name)[1]

    def wait_for(self, name, pattern, seconds=30):
        """Wait for a line in the output of what was begun. Its match, or None."""
        end = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < end:
            found = re.search(pattern, self.output(name), re.M)
            if found:
                return found
            time.sleep(0.2)
        return None

    def end(self, name, signal="INT", seconds=30):
        """Send what was begun a signal, and wait for its end. Return: its output."""
        self.run("p=$(cat /run/%s.pid); kill -%s $p; while kill -0 $p; do sleep 0.1; done 2>&-" % (
            name, signal), seconds)
        return self.output(name)

    def take(self, address):
        """Give a PCI device to programs: what vfio-pci does where there is an IOMMU."""
        return self.run("cd /sys/bus/pci/devices/%s && echo uio_pci_generic >driver_override; "
                        "[ ! -e driver ] || echo %s >driver/unbind; "
                        "echo %s >/sys/bus/pci/drivers_probe; readlink driver | grep -q uio; "
                        "s=$?; cd /; (exit $s)" % (address, address, address))

    def monitor(self, command):
        """A command of QEMU's monitor, as in 'set_link n0 off'."""
        self.monitor_line.until(r"\(qemu\) ", 10)
        self.monitor_line.send(command + "\n")
        got = self.monitor_line.until(r"(?=\(qemu\) )", 10)
        return got[0] if got else ""

    def stop(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def by_hand(options):
    prepare()
    with tempfile.TemporaryDirectory(prefix="firefly-guest.") as directory:
        initrd = os.path.join(directory, "initrd")
        initramfs(initrd, "/bin/sh -i", "ttyS0")
        return subprocess.call(arguments(initrd, 512, 2, 96) + ["-serial", "mon:stdio", *options])


if __name__ == "__main__":
    try:
        if sys.argv[1:] == ["--prepare"]:
            print(prepare())
        else:
            sys.exit(by_hand(sys.argv[1:]))
    except Missing as why:
        print("guest: %s" % why, file=sys.stderr)
        sys.exit(1)
