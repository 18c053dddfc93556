# SPDX-License-Identifier: MIT
"""Plans of runs: who makes them, and what becomes of those that others make."""
import hashlib
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess

import instance
from client import RESULT, ROOT, SLOW, Http, Server, check, equal, within
from test_power import CWD, OPENAT, Inside

READ, WRITE, MMAP, SENDMSG, SOCKETPAIR, FCNTL, MEMFD = 0, 1, 9, 46, 53, 72, 319
PLAN, DROP, RUN, COMMIT = 1, 3, 4, 8        # launchmsg.h
HEAD = 208                                  # bytes of struct launchmsg_order
LATE = "has changed since it was loaded"


def kill_launcher(server):
    first = server.launcher_pid()
    os.kill(first, signal.SIGKILL)
    within("another", 10, lambda: server.launcher_pid() not in (None, first))


def policy_file(server, name=None):
    return server.dir / server.config["policy_dir"] / f"{name or server.name}.json"


def rewrite(path, **keys):
    path.write_text(json.dumps({**json.loads(path.read_text()), **keys}))


def name_of(server, plan):
    """What its plan is called, see run/plansend.c: plansend_name."""
    text = policy_file(server).read_bytes()
    directory = text_of(server.policy["directory"])
    at = plan.index(directory)
    rules, rest = plan[:at], plan[at + len(directory):]
    layers, sockets = rest[:48], struct.unpack_from("=Q", rest, 48)[0]
    equal(sockets, 0, "sockets by name")
    size, = struct.unpack_from("=Q", rest, 88)
    return hashlib.sha256(
        hashlib.sha256(server.name.encode() + b"\0" + text + b"\0").digest()
        + rules + layers + rest[56:96 + size + 1 + 8]).digest()


def peer_of(inode):
    """The other socket of a pair, by sock_diag(7)."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as s:
        s.send(struct.pack("=IHHII", 40, 20, 1, 1, 0) + struct.pack(
            "=BBHIIIII", 1, 0, 0, 2**32 - 1, inode, 4, 2**32 - 1, 2**32 - 1))
        said = s.recv(4096)
    at = 32
    while at + 8 <= len(said):
        size, kind = struct.unpack_from("=HH", said, at)
        if kind == 2:
            return struct.unpack_from("=I", said, at + 4)[0]
        at += (size + 3) & ~3
    raise instance.Failure(f"socket {inode} has no peer: {said}")


def plans_of(launcher):
    """The bytes of each plan that it has."""
    found = []
    for line in pathlib.Path(f"/proc/{launcher}/maps").read_text().split("\n"):
        if "memfd:mcp-execd-launch" in line:
            place = line.partition(" ")[0]
            low = int(place.partition("-")[0], 16)
            size = os.stat(f"/proc/{launcher}/map_files/{place}").st_size
            with open(f"/proc/{launcher}/mem", "rb", 0) as mem:
                mem.seek(low)
                found.append(mem.read(size))
    return found


def as_root(plan):
    """The same, as root, which may write what is not its own."""
    groups, = struct.unpack_from("=Q", plan, 24)
    kept = 32 + 8 * groups
    return (plan[:8] + bytes(16) + plan[24:kept] + struct.pack("=Q", 1 << 1) +
            plan[kept + 8:])


def text_of(s):
    return struct.pack("=Q", len(s)) + s.encode() + b"\0"


def order_of(cwd, words):
    """What run/launchblob.c: launchblob_order writes."""
    return (struct.pack("=QQQQ", 0x4d584f52, 2**32 - 1, 0, 0) + text_of(cwd) +
            text_of(".") + struct.pack("=QQQ", 1, len(words), 0) +
            text_of(words[0]) + b"".join(map(text_of, words)))


class Attacker(Inside):
    """It says to the launcher what the executor could."""

    def __init__(self, server):
        super().__init__(server)
        self.pid = server.process.pid
        self.room = int(self.call(MMAP, 0, 1 << 20, 3, 0x22, -1, 0))
        ours = os.stat(f"/proc/{server.launcher_pid()}/fd/3").st_ino
        name = f"socket:[{peer_of(ours)}]"
        self.pair, = [int(p.name) for p in
                      pathlib.Path(f"/proc/{self.pid}/fd").iterdir()
                      if os.readlink(p) == name]

    def put(self, at, data):
        with open(f"/proc/{self.pid}/mem", "r+b", 0) as mem:
            mem.seek(self.room + at)
            mem.write(data)

    def made(self, *words):
        fd = int(self.call(*words))
        check(fd >= 0, words, fd)
        return fd

    def open(self, path, flags):
        return self.made(OPENAT, CWD, os.fsencode(path) + b"\0", flags, 0)

    def sealed(self, data):
        fd = self.made(MEMFD, b"x\0", 2)
        self.put(4096, data)
        equal(self.made(WRITE, fd, self.room + 4096, len(data)), len(data),
              "written")
        equal(self.made(FCNTL, fd, 1033, 15), 0, "sealed")
        return fd

    def socketpair(self):
        equal(self.made(SOCKETPAIR, 1, 5, 0, self.room), 0, "socketpair")
        with open(f"/proc/{self.pid}/mem", "rb", 0) as mem:
            mem.seek(self.room)
            return struct.unpack("=ii", mem.read(8))

    def say(self, kind, digest, fds=(), size=0, held=0, more=b""):
        head = struct.pack("=IIQ32s32sII", kind, 0, 1 << 40, digest, digest,
                           size, held)
        data = head.ljust(HEAD, b"\0") + more
        cmsg = struct.pack(f"=QII{len(fds)}i", 16 + 4 * len(fds), 1, 1, *fds)
        self.put(4096, data)
        self.put(512, cmsg)
        self.put(256, struct.pack("=QQ", self.room + 4096, len(data)))
        self.put(128, struct.pack(
            "=QQQQQQQ", 0, 0, self.room + 256, 1,
            self.room + 512 if fds else 0, (len(cmsg) + 7) & ~7 if fds else 0,
            0))
        equal(self.made(SENDMSG, self.pair, self.room + 128, 0), len(data),
              "sent")

    def run(self, name, words, cwd):
        """A run by the plan of that name, and the word for it to begin."""
        ours, theirs = self.socketpair()
        null = self.open("/dev/null", os.O_WRONLY)
        self.say(RUN, name, (theirs, null, null),
                 more=order_of(cwd, words))
        self.made(WRITE, ours, b"G", 1)


def test_no_plan_of_the_executors():
    """One that was taken over sends a plan as root: there is no run by it."""
    with Server() as server, Http(server) as c:
        check(not c.sh("true").error, "a run, so that plans are there")
        attacker = Attacker(server)
        real, = plans_of(server.launcher_pid())
        uid, = struct.unpack_from("=Q", real, 8)
        check(uid != 0, "a user's")
        forged = as_root(real)
        digest = hashlib.sha256(forged).digest()
        there = attacker.open("/", os.O_PATH)
        attacker.say(PLAN, digest,
                     [attacker.sealed(forged)] + 8 * [there], len(forged), 8)
        attacker.say(COMMIT, digest, size=1)
        no, yes = server.work / "no", server.work / "yes"
        cwd = server.policy["directory"]
        attacker.run(digest, ["/bin/sh", "-c", f": > {no}"], cwd)
        # the control: the same by the plan that the loader gave
        attacker.run(name_of(server, real), ["/bin/sh", "-c", f": > {yes}"], cwd)
        within("a run by the real plan", 10, yes.exists)
        equal(yes.stat().st_uid, uid, "its user")
        check(not no.exists(), "a run by the forged plan")
        attacker.say(DROP, name_of(server, real))
        within("read", 10, lambda: server.log().count("loader alone") == 2)
        equal(server.log().count("plans come from the loader alone"), 2,
              server.log())
        equal(server.log().count("it is of no known kind"), 1, server.log())
        check(not c.sh("true").error, "honest runs go on")


def test_file_changed_between_loads():
    """What is in force and what the file says differ: refused, and mended."""
    with Server() as server, Http(server) as c:
        before = c.sh("umask").text
        rewrite(policy_file(server), umask="0027")
        equal(c.sh("umask").text, before, "nobody asked for a reload")
        kill_launcher(server)
        said = []

        def refused():
            said.append(c.sh("umask"))
            return LATE in said[-1].text
        check(within("refused", 10, refused), said)
        within("loaded again", 10, lambda: server.audit("reload"))
        within("by the new one", 10, lambda: c.sh("umask").text == "0027\n")
        equal(len(server.audit("reload")), 1, "once")
        check("loading everything again" in server.log(), server.log())


def test_machine_changed_between_loads():
    """A place that is another one by now: the new plan is in force at once."""
    with Server() as server, Http(server) as c:
        place = server.work / "place"
        place.mkdir()
        (place / "first").touch()
        server.add_policy("placed", files={
            **server.policy.get("files", {}), "write": [str(place)]})
        with server.http(token=server.add("placed", policy="placed")) as other:
            equal(other.sh(f"ls {place}").text, "first\n", "as it was")
            place.rename(server.work / "moved")
            place.mkdir()
            (place / "second").touch()
            check("another one" in other.sh("true").text, "it is noticed")
            before = len(server.audit("reload"))
            kill_launcher(server)
            equal(other.sh(f"ls {place}").text, "second\n", "as it is")
        check(not c.sh("true").error, "the other policy")
        check(LATE not in str(server.audit(RESULT)), "at once")
        equal(len(server.audit("reload")), before, "nothing loaded again")


def test_broken_policy_keeps_the_old():
    """Also if the launcher ends: what has no finding runs."""
    with Server() as server, Http(server) as c:
        server.add_policy("other", umask="0027")    # a plan of its own
        with server.http(token=server.add("other", policy="other")) as other:
            check(not other.sh("true").error, "both run")
            policy_file(server, "other").write_text("{ broken")
            server.reload_ends("failure", "refused")
            for client in c, other:
                check(not client.sh("true").error, "the old is in force")
            kill_launcher(server)
            check(not c.sh("true").error, "the good one")
            check(LATE in other.sh("true").text, "the broken one")
            policy_file(server, "other").write_text(json.dumps(server.policy))
            server.reload()
            # perhaps not by this one, but by one that was under way
            within("mended", 10, lambda: not other.sh("true").error)


def test_narrowed_token():
    """A token's own directory is a plan of its own, there with the token."""
    with Server() as server, Http(server) as c:
        check(not c.sh("true").error, "the policy's")
        within_it = server.work / "part"
        within_it.mkdir()
        if ROOT:
            os.chown(within_it, server.work.stat().st_uid, -1)
        token = server.add("narrow", "--directory", str(within_it))
        with server.http(token=token) as narrow:
            equal(narrow.sh("pwd").text, f"{within_it}\n", "its directory")
            kill_launcher(server)
            equal(narrow.sh("pwd").text, f"{within_it}\n", "once more")
        check(LATE not in str(server.audit(RESULT)), "at once")
        equal(server.audit("reload"), [], "nothing was loaded again")


def test_runs_during_reloads():
    """No run is refused, whatever is loaded meanwhile."""
    with Server() as server, Http(server) as c:
        equal(c.sh("echo on").text, "on\n", "what it begins with is loaded")
        for n in range(8):
            rewrite(policy_file(server), description=f"number {n}",
                    umask="0077" if n % 2 else "0022")
            before = server.audit_bytes()
            server.process.send_signal(signal.SIGHUP)
            for _ in range(5):
                r = c.sh("true")
                check(not r.error, "a run", n, r.text)
            # a file that changes while it is loaded is another test's
            within("it is loaded", 30, lambda: server.audit(
                "reload", since=before))
        equal(c.sh("umask").text, "0077\n", "the last one")
        check("loading everything again" not in server.log(), server.log())


def test_by_hand():
    """Nobody else has the pair or the facts of the start."""
    with Server() as server:
        r = subprocess.run(
            [server.build / "mcp-execd", "--plans", "-c", server.config_file],
            capture_output=True, text=True, timeout=60 * SLOW, check=False)
        equal(r.returncode, 2, r)
        check("it is started by mcp-execd" in r.stderr, r.stderr)
