# SPDX-License-Identifier: MIT
"""Started by anything: a shell, runit, s6, a container's entry point."""
import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import time

import client
import instance
import test_tls
from client import (ROOT, SLOW, Http, Server, Skip, check, equal, mark,
                    processes, within)


def by(shell, **more):
    """A server that is started by these words of a shell; @: the program."""
    server = Server(**more)
    server.wrapper = ["sh", "-c", shell.replace("@", '"$@"'), "sh",
                      *server.wrapper]
    return server


def works(server):
    with Http(server) as c:
        r = c.sh("sleep 1000350 & kill -9 $!; wait; umask; exit 3")
        equal(r.data["exit_code"], 3, r)


def test_ways_to_start():
    """No descriptors, any umask, ignored signals: all the same."""
    for shell in ("exec @ <&- >&- 2>&-", "umask 0777; exec @",
                  "umask 0; exec @", "trap '' CHLD; exec @",
                  "trap '' HUP INT TERM QUIT PIPE; exec @",
                  "ulimit -l 0; ulimit -c unlimited; exec @"):
        with by(shell) as server:
            works(server)
            equal(server.audit_file.stat().st_mode & 0o777, 0o600, shell)


def test_signals_to_the_group():
    """Ctrl-C in a terminal: what runs is ended and answered, then all ends."""
    for sig in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        with Server(policy={"limits": {"kill_grace_ms": 5000}}) as server:
            m, frontend = mark(), server.frontend_pid()
            with Http(server) as c:
                conn = c.begin(f"trap 'echo bye; exit' TERM; touch {m}; "
                               "while :; do sleep 0.1; done")
                server.running(m)
                within("its trap", 5, (server.work / m).exists)
                os.killpg(server.process.pid, sig)
                if sig == signal.SIGHUP:        # of one that closes
                    within("a reload", 5, lambda: server.audit("reload"))
                    equal(server.frontend_pid(), frontend, "its frontend")
                    server.process.terminate()
                text = c.finish(conn).text
                check("bye" in text and "is stopping" in text, sig, text)
                conn.close()
            equal(server.process.wait(20 * SLOW), 0, "status")
            equal(len(server.audit("frontend-start")), 1, "frontends")


def test_children_from_before():
    """What a shell started before it became mcp-execd is left alone."""
    with by("sleep 1000351 & exec @") as server:
        check("is left alone" in server.log(), server.log())
        within("its helpers", 5, lambda: all(server.helpers()))
        known = within("it, and no other", 5, lambda: (found := [
            p for p in instance.children(server.process.pid)
            if p not in server.helpers()]) and len(found) == 1 and found)
        try:
            with Http(server) as c:
                # SIGKILL of a guard makes its tree the launcher's for a moment
                conn = c.begin("setsid sleep 1000353")
                within("a run", 5, lambda: processes("sleep\x001000353"))
                for pid in instance.children(server.launcher_pid()):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                within("control: ended", 5,
                       lambda: not processes("sleep\x001000353"))
                conn.close()
            works(server)
            check(known[0] in processes("sleep\x001000351"), "it lives")
        finally:
            os.kill(known[0], signal.SIGKILL)
        # and is reaped when it ends, as all others are
        within("reaped", 5, lambda: set(instance.children(
            server.process.pid)) == set(server.helpers()))
        works(server)


def test_log_without_a_reader():
    """It is lost, and no process ends because of what it logs."""
    server = test_tls.Tls()
    server.wrapper = ["bash", "-c", 'exec "$@" 2> >(exec true)', "sh",
                      *server.wrapper]
    with server:
        first = server.frontend_pid()
        for _ in range(3):      # which the frontend logs
            with socket.create_connection(server.tls_at, 20 * SLOW) as s:
                s.sendall(b"GET / HTTP/1.1\r\n\r\n")
                check(b"400" in s.recv(4096), "an answer")
        works(server)
        server.reload_ends("success", "reload")
        equal(server.frontend_pid(), first, "the frontend")


def start_of(shell):
    """What it says instead of starting."""
    server = by(shell)
    try:
        server.start_once()
        server.stop()
    except instance.Failure as e:
        return str(e)
    finally:
        server.remove()
    return ""


def test_few_descriptors():
    if "valgrind" in os.environ.get("MCP_EXECD_WRAPPER", ""):
        raise Skip("valgrind takes descriptors itself")
    for n in 16, 64, 100:
        said = start_of(f"ulimit -n {n}; exec @")
        check(f"only {n} files may be open: raise it" in said, n, said)
    with by("ulimit -n 256; exec @") as server:
        check("256 files may be open, and" in server.log(), server.log())
        works(server)
    with by("ulimit -S -n 64; exec @") as server:
        check("files may be open" not in server.log(), server.log())
        works(server)


# Descriptors on their way, until the kernel refuses; then it waits.
ON_THEIR_WAY = """
import array, errno, os, socket, sys, time
fd, n, why, kept = array.array("i", [0] * 250), 0, 0, []
while not why:
    a, b = socket.socketpair()
    a.setblocking(False)
    kept += a, b
    try:
        while True:
            a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fd)])
            n += 250
    except BlockingIOError:
        pass
    except OSError as e:
        why = e.errno
print(n, errno.errorcode[why], flush=True)
time.sleep(600)
"""


def test_descriptors_on_their_way():
    """Of which a user has as many as the limit of who sends: a run of the user that
    mcp-execd has may not keep it from sending its own, which each start needs."""
    if "valgrind" in os.environ.get("MCP_EXECD_WRAPPER", ""):
        raise Skip("valgrind takes descriptors itself")
    if not ROOT and resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 6000:
        raise Skip("needs a hard limit of 6000 descriptors")
    with by("ulimit -n 6000; ulimit -S -n 2000; exec @", user=str(os.geteuid()),
            policy={"limits": {"open_files": 3000}}) as server:
        other = server.add("other")
        (server.work / "hoard.py").write_text(ON_THEIR_WAY)
        (server.work / "told").touch(0o666)
        with Http(server) as c, Http(server, token=other) as d:
            conn = c.begin("python3 hoard.py >>told 2>&1")
            told = within("the kernel refuses", 20 * SLOW, lambda: (
                server.work / "told").read_text())
            n, why = told.split()
            equal(why, "ETOOMANYREFS", "control")
            check(3000 <= int(n) < 6000, "control", told)
            equal(d.sh("echo on").text, "on\n", "another token's")
            server.reload_ends("success", "plans are loaded")
            works(server)
            conn.reset()
        server.policy["limits"]["open_files"] = 3001
        server.write()
        r = server.reload()
        check(r["event.outcome"] == "failure" and
              "above 3000, half of what" in r["event.reason"], r)


def test_limits_that_cannot_be_raised():
    """Refused when the policy is loaded, not at each run."""
    drop = "setpriv --bounding-set=-sys_resource " if ROOT else ""
    with by(f"exec prlimit --core=0:500 {drop}@") as server:
        works(server)
        server.policy["limits"] = {"core_bytes": 500}
        server.write()
        server.reload_ends("success", "control")
        server.policy["limits"] = {"core_bytes": 501}
        server.write()
        r = server.reload()
        check(r["event.outcome"] == "failure" and
              "own limit of 500" in r["event.reason"], r)


def test_no_core_on_a_hardened_machine():
    """Whose hard limit is 0: the examples' core_bytes, 0, can be had."""
    drop = "setpriv --bounding-set=-sys_resource " if ROOT else ""
    for limit, said in ("0:0", "core_bytes: 0 (no file; a core handler"), (
            "0:1", "core_bytes: 1 (no file, and no core handler"):
        with by(f"exec prlimit --core={limit} {drop}@") as server:
            server.policy["limits"] = {"core_bytes": 0}
            server.write()
            server.reload_ends("success", limit)
            works(server)
            with server.http() as c:
                equal(c.sh("ulimit -H -c").text, "0\n", limit)
            r = subprocess.run(
                ["prlimit", f"--core={limit}", *drop.split(),
                 server.build / "mcp-execctl", "-c", server.dir /
                 "mcp-execd.json", "policy", "explain", server.name],
                capture_output=True, text=True, check=True)
            check(said in " ".join(r.stdout.split()), limit, r.stdout)


INSIDE = """
set -e
mount -t proc proc /proc
mount -o remount,bind,ro /sys/fs/cgroup 2>/dev/null || true
"$1" -c "$2" &
pid=$!
for i in $(seq 200); do     # until its frontend has answered
    "$3" -c "$2" status >/dev/null 2>&1 && break
    sleep 0.1
done
"$3" -c "$2" status --json
kill $pid
wait $pid
echo "status $?"
"""


def test_container():
    """A pid and mount namespace, control groups that are read-only."""
    if not ROOT:
        raise Skip("namespaces of the whole service are for root only")
    if os.environ.get("MCP_EXECD_WRAPPER"):
        raise Skip("the checker's own processes are not there")
    for pid1 in False, True:
        server = Server(policy={"disable": ["cgroup"]})
        try:
            ns = ["unshare", "--pid", "--mount", "--fork", "--kill-child"]
            program = [server.build / "mcp-execd", "-c", server.config_file]
            if pid1:
                run = subprocess.Popen(
                    [*ns, "--mount-proc", *program],
                    stderr=open(server.stderr, "ab"))
                within("it is up", 20, server.healthy)
                works(server)
                me = within("process 1", 5, lambda: instance.children(run.pid))
                os.kill(me[0], signal.SIGTERM)
                equal(run.wait(20 * SLOW), 0, server.log())
            else:
                out = subprocess.run(
                    [*ns, "sh", "-c", INSIDE, "sh", program[0], program[2],
                     server.build / "mcp-execctl"], capture_output=True,
                    text=True, timeout=60 * SLOW)
                check("status 0" in out.stdout, out)
                s = json.loads(out.stdout.splitlines()[0])
                check(s["frontend"]["answers"], s)
            equal(len(server.audit("stop")), 1, "a clean stop")
        finally:
            server.remove()


def test_places_that_are_missing():
    """A container without /proc, with another's, without /dev/null."""
    if not ROOT:
        raise Skip("mount namespaces of the whole service are for root only")
    for setup, words in (
            ("mount -t tmpfs x /proc", "mount -t proc proc /proc"),
            ("true", "that of another pid namespace"),
            ("mount -t proc proc /proc; mount -t tmpfs x /dev",
             "cannot be given /dev/null")):
        server = Server()
        with open(server.stderr, "ab") as err, subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child",
                 "sh", "-c", f'{setup}; exec "$@"', "sh",
                 server.build / "mcp-execd", "-c", server.config_file],
                stderr=err) as p:
            try:
                within(words, 10, lambda: words in server.log())
            finally:
                p.kill()
                server.remove()


def test_file_size():
    """No file may grow: said where it can be, and never a core."""
    started = time.monotonic()
    server = by("(ulimit -f 0; exec @) 2>&1 | cat")
    try:
        server.start_once()
    except instance.Failure as e:
        check("no file may have more than 0 bytes" in str(e), e)
    else:
        check(False, "it started")
        server.stop()
    finally:
        server.remove()
    check(time.monotonic() - started < client.instance.START_S * SLOW, "time")


def test_stack():
    """One of 64 KiB is raised; where it may not be, that is said."""
    with by("ulimit -S -s 64; exec @") as server, Http(server) as c:
        equal(c.sh("ulimit -S -s").text, "512\n", "of a run")
    server = by("(ulimit -s 64; exec @) 2>&1 | cat")
    words = "the stack may have no more than 65536 bytes, and 524288 are needed"
    try:
        server.start_once()
    except instance.Failure as e:
        check(words in str(e), e)
    else:
        check(False, "it started")
        server.stop()
    finally:
        server.remove()


def test_stack_of_tools():
    """As of the executor: what is checked and shown needs more."""
    with Server() as server:
        for limit, status in (("-S -s 64", 0), ("-s 64", 1)):
            r = subprocess.run(
                ["sh", "-c", f'ulimit {limit}; exec "$@"', "sh",
                 server.build / "mcp-execctl", "-c", server.config_file,
                 "token", "list"], capture_output=True, text=True,
                timeout=60 * SLOW, check=False)
            equal(r.returncode, status, r)
            check(("the stack may have no more than 65536" in r.stderr)
                  == (status == 1), r)
