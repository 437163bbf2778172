# SPDX-License-Identifier: BSD-3-Clause
"""Networks of network namespaces for the end-to-end tests: hosts, wires, bridges, routers.

    net = networks.Network()            # skips the test where there are no namespaces
    with net:
        a, b = net.two_hosts()          # or bridge(), routed(), ...
        server = e2e.serve("af_packet:fly0", before=b.inside)
        client = e2e.call("af_packet:fly0,peer=" + b.address, before=a.inside)

Every host has its interface "fly0" and an address. Names of namespaces have the process's number, so
tests may run beside each other. What was started in a namespace must have ended, or is killed, at the end.
"""
import os
import shutil
import subprocess

import e2e


def run(*words, **how):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, **how)


class Host:
    """A network namespace."""

    def __init__(self, name):
        self.name = "firefly-%d-%s" % (os.getpid(), name)
        self.inside = ["ip", "netns", "exec", self.name]
        self.address = None

    def run(self, *words):
        """Run a program inside. It must succeed; its output."""
        done = run(*self.inside, *words)
        e2e.check(done.returncode == 0, "%s: %s\n%s" % (self.name, " ".join(words), done.stdout))
        return done.stdout

    def ip(self, *words):
        """ip(8) on this host. It must succeed; its output."""
        done = run("ip", "-n", self.name, *words)
        e2e.check(done.returncode == 0, "%s: ip %s\n%s" % (self.name, " ".join(words), done.stdout))
        return done.stdout

    def give(self, interface, address, mtu=None):
        """Address with prefix length, MTU, up."""
        if mtu:
            self.ip("link", "set", interface, "mtu", str(mtu))
        if address:
            self.ip("addr", "add", address, "dev", interface)
            self.address = self.address or address.split("/")[0]
        self.ip("link", "set", interface, "up")

    def set(self, name, value):
        """A setting of the kernel, as in net/ipv4/ip_forward."""
        self.run("sh", "-c", "echo %s > /proc/sys/%s" % (value, name))

    def mac(self, interface="fly0"):
        return self.run("cat", "/sys/class/net/%s/address" % interface).strip()

    def counters(self):
        """ICMP "unreachable" messages sent, and UDP datagrams without a socket."""
        value = {}
        lines = [line.split() for line in self.run("cat", "/proc/net/snmp").splitlines()]
        for names, numbers in zip(lines[::2], lines[1::2]):
            value.update({names[0] + n: int(v) for n, v in zip(names[1:], numbers[1:])})
        return value["Icmp:OutDestUnreachs"], value["Udp:NoPorts"]


class Network:
    """Hosts and what lies between them."""

    def __init__(self):
        if os.geteuid() != 0 or not shutil.which("ip"):
            e2e.skip("network namespaces need root and ip(8)")
        self.hosts = []
        probe = Host("probe")
        made = run("ip", "netns", "add", probe.name)
        if made.returncode:
            e2e.skip("no network namespaces here: " + made.stdout.strip())
        made = run("ip", "-n", probe.name, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
        self.has_bridge = run("ip", "-n", probe.name, "link", "add", "b0", "type", "bridge").returncode == 0
        self.has_vlan = made.returncode == 0 and run(
            "ip", "-n", probe.name, "link", "add", "link", "v0", "name", "v0.5", "type", "vlan", "id",
            "5").returncode == 0
        self.has_nft = shutil.which("nft") is not None and run(
            *probe.inside, "nft", "add table ip x; add chain ip x y { type filter hook forward priority 0; }; "
            "add rule ip x y numgen inc mod 7 == 0 drop").returncode == 0
        run("ip", "netns", "del", probe.name)
        if made.returncode:
            e2e.skip("no veth pairs here: " + made.stdout.strip())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        for process in e2e.started:
            if process.popen.poll() is None:
                process.kill()
        for host in self.hosts:
            run("ip", "netns", "del", host.name)
        self.hosts = []

    def host(self, name):
        host = Host(name)
        made = run("ip", "netns", "add", host.name)
        e2e.check(made.returncode == 0, made.stdout)
        self.hosts.append(host)
        host.ip("link", "set", "lo", "up")
        return host

    def wire(self, a, at_a, b, at_b):
        """A veth pair between two hosts; both ends are down."""
        made = run("ip", "link", "add", at_a, "netns", a.name, "type", "veth", "peer", "name", at_b,
                   "netns", b.name)
        e2e.check(made.returncode == 0, made.stdout)

    def two_hosts(self, mtu=None):
        """a - b."""
        a, b = self.host("a"), self.host("b")
        self.wire(a, "fly0", b, "fly0")
        a.give("fly0", "10.70.0.1/24", mtu)
        b.give("fly0", "10.70.0.2/24", mtu)
        return a, b

    def bridge(self, n=3, mtu=None):
        """Hosts on a bridge: the bridge's host, and theirs, 10.70.0.1 to 10.70.0.n. None: no bridges."""
        if not self.has_bridge:
            return None, []
        middle = self.host("bridge")
        middle.ip("link", "add", "br0", "type", "bridge")
        middle.ip("link", "set", "br0", "up")
        hosts = []
        for i in range(n):
            host = self.host("h%d" % (i + 1))
            self.wire(host, "fly0", middle, "port%d" % i)
            host.give("fly0", "10.70.0.%d/24" % (i + 1), mtu)
            middle.give("port%d" % i, None, mtu)
            middle.ip("link", "set", "port%d" % i, "master", "br0")
            hosts.append(host)
        return middle, hosts

    def routed(self, mtu=None, middle_mtu=None):
        """a - router - b, and with middle_mtu another router behind the first: (a, b, routers)."""
        a, b = self.host("a"), self.host("b")
        routers = [self.host("r%d" % i) for i in range(2 if middle_mtu else 1)]
        first, last = routers[0], routers[-1]
        for router in routers:
            router.set("net/ipv4/ip_forward", 1)
        self.wire(a, "fly0", first, "west")
        self.wire(b, "fly0", last, "east")
        a.give("fly0", "10.70.1.2/24", mtu)
        b.give("fly0", "10.70.2.2/24", mtu)
        first.give("west", "10.70.1.1/24", mtu)
        last.give("east", "10.70.2.1/24", mtu)
        if middle_mtu:
            self.wire(first, "middle", last, "middle")
            first.give("middle", "10.70.3.1/24", middle_mtu)
            last.give("middle", "10.70.3.2/24", middle_mtu)
            first.ip("route", "add", "10.70.2.0/24", "via", "10.70.3.2")
            last.ip("route", "add", "10.70.1.0/24", "via", "10.70.3.1")
        a.ip("route", "add", "default", "via", "10.70.1.1")
        b.ip("route", "add", "default", "via", "10.70.2.1")
        return a, b, routers

    def drop_every(self, router, n):
        """The router drops each n-th packet that it forwards. False: there is no nft here."""
        if not self.has_nft:
            return False
        router.run("nft", "add table ip firefly")
        router.run("nft", "add chain ip firefly lossy { type filter hook forward priority 0; }")
        router.run("nft", "add rule ip firefly lossy numgen inc mod %d == 0 drop" % n)
        return True
