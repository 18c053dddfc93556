# SPDX-License-Identifier: MIT
"""What power the executor has left, and who has it: proc(5) of the real one."""
import errno
import json
import os
import pathlib
import platform
import pwd
import re
import signal
import subprocess
import tempfile

import instance
from client import (RESULT, ROOT, SLOW, Http, Server, Skip, alive, check,
                    equal, fds, mark, processes, within)

DAC_READ_SEARCH, AUDIT_WRITE = 1 << 2, 1 << 29
LOCKED = "release" in instance.build_dir().name     # others have no filter
# x86-64, as hostile_inject knows no other
OPENAT, SOCKET, KILL, EXECVE = 257, 41, 62, 59
CWD, WRONLY, CREAT = -100, 1, 0o100


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines())


def caps(pid):
    fields = status(pid)
    return {n: int(fields["Cap" + n], 16)
            for n in ("Inh", "Prm", "Eff", "Bnd", "Amb")}


def maps(pid):
    return pathlib.Path(f"/proc/{pid}/maps").read_text()


def locked(pid):
    fields = status(pid)
    equal(fields["NoNewPrivs"], "1", fields)
    equal(fields["Seccomp"], "2" if LOCKED else fields["Seccomp"], fields)


def test_executor():
    """One capability to look with, none in any other set, for good."""
    with Server() as server, Http(server) as c:
        check(not c.sh("true").error, "it works")
        pid = server.process.pid
        left = DAC_READ_SEARCH if ROOT else 0
        equal(caps(pid), {"Inh": 0, "Prm": left, "Eff": left, "Bnd":
                          0 if ROOT else caps(pid)["Bnd"], "Amb": 0}, "caps")
        locked(pid)
        # glibc's loader is not there to map more; others may not look
        if LOCKED and ROOT:
            equal(re.findall(r"^\S+ .wx", maps(pid), re.M), [], "W and X")


def test_audit_alone_adds_one():
    if not ROOT:
        raise Skip("the kernel's audit takes records of root alone")
    with Server({"audit": {"file": "audit.jsonl", "kernel": "on"}}) as server:
        equal(caps(server.process.pid)["Eff"], DAC_READ_SEARCH | AUDIT_WRITE,
              "with audit.kernel")


def test_keeper():
    """The pairs with executor and loader, nothing of the network."""
    with Server() as server:
        pid = server.keeper_pid()
        equal(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes(),
              b"mcp-execd-keeper\0--keeper\0", "in ps")
        if not ROOT:
            raise Skip("descriptors of the keeper: only root may look")
        check(caps(pid)["Eff"] & 1 << 21, "CAP_SYS_ADMIN, to give it on")
        kinds = [t.partition(":")[0] for t in fds(pid).values()]
        equal(kinds.count("socket"), 2, fds(pid))
        check(str(server.audit_file) not in fds(pid).values(), fds(pid))
        for library in ("gnutls", "microhttpd", "yajl", "seccomp"):
            check(library not in maps(pid), library)


def test_after_everything_was_replaced():
    """A reload, another frontend, another launcher: they come, and no power."""
    with Server() as server, Http(server) as c:
        before = caps(server.process.pid)
        server.reload_ends("success", "reload")
        first = server.launcher_pid()
        os.kill(first, signal.SIGKILL)
        within("another", 10,
               lambda: server.launcher_pid() not in (None, first))
        within("a run", 10, lambda: not c.sh("true").error)
        front = server.frontend_pid()
        os.kill(front, signal.SIGKILL)
        within("another", 10,
               lambda: server.frontend_pid() not in (None, front))
        equal(caps(server.process.pid), before, "caps")
        locked(server.process.pid)
        for pid in server.helpers():
            equal(status(pid)["PPid"].strip(), str(server.process.pid), pid)


def test_what_a_reload_brings():
    """A rule of redaction makes its key, a policy looks at a closed place."""
    with Server() as server:
        key = server.audit_file.parent / "redact.key"
        check(not key.exists(), "no rule yet")
        config = json.loads(server.config_file.read_text())
        config["audit"]["redact"] = [{"name": "it", "pattern": "secret[0-9]+"}]
        server.config_file.write_text(json.dumps(config))
        server.reload()
        check(key.exists(), server.log())
        place = server.dir / "late"
        place.mkdir(mode=0o700)
        if ROOT:
            user = pwd.getpwnam(server.policy["user"])
            os.chown(place, user.pw_uid, user.pw_gid)
        server.add_policy("late", directory=str(place))
        with server.http(token=server.add("late", policy="late")) as c:
            equal(c.sh("pwd; : secret77").text, f"{place}\n", "its directory")
        check("secret77" not in server.audit_file.read_text(), "redacted")


def test_keeper_is_killed():
    """Without it nothing can be started: it stops, and says so."""
    with Server() as server, Http(server) as c:
        m = mark()
        c.begin(f"sleep 60; : {m}")
        server.running(m)
        pids = server.helpers()
        os.kill(server.keeper_pid(), signal.SIGKILL)
        equal(server.process.wait(20 * server.slow), 1, "status")
        check("without it nothing can be started" in server.log(), "said")
        within("all ended", 5, lambda: not [p for p in pids if alive(p)])
        within("the run ended", 5, lambda: not processes(m))
        equal(server.audit(RESULT)[0]["run.state"], "cancelled", "recorded")
        server.start_once()
        with Http(server) as again:
            check(not again.sh("true").error, "it serves again")


class Inside:
    """System calls of the running executor, as of who took it over."""

    def __init__(self, server):
        if platform.machine() != "x86_64" or not ROOT or not LOCKED:
            raise Skip("calls are injected on x86-64, by root, release build")
        self.server = server
        self.tool = instance.build_dir() / "hostile_inject"
        if not self.tool.exists():
            raise instance.Failure("hostile_inject is missing: make tests")

    def call(self, *words, pid=None):
        line = " ".join("=" + w.hex() if isinstance(w, bytes) else str(w)
                        for w in words)
        said = []

        def answered():
            done = subprocess.run(
                [self.tool, str(pid or self.server.process.pid)],
                input=line + "\n", text=True, capture_output=True,
                timeout=20 * SLOW, check=False)
            said[:] = [done.stdout.strip(), done.stderr]
            return done.returncode != 3     # it ran, and waited for nothing
        within("it waits in a system call", 10, answered)
        check(said[0] != "", said)
        return said[0]


def test_taken_over():
    """No file outside its places, no signal, no socket to ask systemd by."""
    with Server() as server, tempfile.TemporaryDirectory() as other, \
            subprocess.Popen(["sleep", "60"]) as foreign:
        inside = Inside(server)
        there = os.fsencode(other) + b"/there\0"
        calls = [
            ((KILL, foreign.pid, 0), errno.EPERM),
            ((SOCKET, 1, 1, 0), errno.EPERM),
            ((OPENAT, CWD, b"/proc/sys/kernel/core_pattern\0", WRONLY, 0),
             errno.EACCES),
            ((OPENAT, CWD, there, WRONLY | CREAT, 0o600), errno.EACCES),
        ]
        try:
            for words, error in calls:
                equal(inside.call(*words), str(-error), words)
                # the control: the same call of a process that is not locked
                got = inside.call(*words, pid=foreign.pid)
                check(int(got) >= 0, "control", words, got)
            own = os.fsencode(server.audit_file.parent) + b"/own\0"
            got = inside.call(OPENAT, CWD, own, WRONLY | CREAT, 0o600)
            check(int(got) >= 0, "its own place", got)
            pathlib.Path(os.fsdecode(own[:-1])).unlink()
            pids = server.helpers()
            equal(inside.call(EXECVE, b"/bin/true\0", 0, 0), "killed SYS",
                  "execve")
            server.process.wait(10 * SLOW)
            within("all ended", 5, lambda: not [p for p in pids if alive(p)])
            server.start_once()
        finally:
            foreign.kill()
