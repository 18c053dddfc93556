# SPDX-License-Identifier: MIT
"""What one token does too much of: it waits, is counted and said; others go on."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time

from client import ROOT, SLOW, Server, Skip, alive, check, equal, mark, within

CONTROL = "\x01" * 8000


def others(server):
    """A token of a policy of its own, with the same rights."""
    server.add_policy("other")
    return server.add("other", policy="other")


def status(server):
    return json.loads(server.ctl("status", "--json"))


def together(n, do):
    """n at the same time; what they returned."""
    got = []
    threads = [threading.Thread(target=lambda: got.append(do()))
               for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60 * SLOW)
    equal(len(got), n, "all came back")
    return got


def test_refused_calls():
    """Answers wait, then records are left out, and that is said."""
    with Server(limits={"runs_per_minute": 0}) as server:
        other = others(server)

        def refuse():
            with server.http() as c:
                return [c.sh(CONTROL, working_dir="/nowhere").text
                        for _ in range(12)]

        texts = sum(together(8, refuse), [])
        check(all("/nowhere" in t for t in texts), "the reason", texts[0])
        waited = [t for t in texts if "answers wait" in t]
        check(waited, "nobody is told to wait", texts[-1])
        begin = time.monotonic()
        with server.http(token=other) as c:
            equal(c.sh("echo a").text, "a\n", "another token")
        check(time.monotonic() - begin < 5 * SLOW, "another token waited")
        b = status(server)["budgets"]
        check(b["answers_slowed"] > 0, b)
        count = len(server.audit("run-refused"))
        check(0 < count < 96, "records", count)
        # and perhaps that a session has ended, of the eight
        out = b["records_suppressed"]
        check(96 - count <= out <= 96 - count + 8, "left out", out, count)
        within("that is said", 25, lambda: 96 - count <= sum(
            r["records"] for r in server.audit("records-suppressed")))
        said = server.audit("records-suppressed")
        equal({r["token.name"] for r in said}, {server.name}, said)
        check("run-refused" in said[0]["records.kinds"], said)


def test_programs():
    """A run that starts too many waits; each is on record, and it is told."""
    audit = {"bytes_per_second": 16384}
    with Server({"audit": audit}, limits={"runs_per_minute": 0}) as server:
        other = others(server)
        words = "w" * 1500
        command = ("i=0; while [ $i -lt 330 ]; do /bin/true " + words
                   + "; i=$((i+1)); done")
        took = []
        with server.http() as c:
            got = []
            t = threading.Thread(target=lambda: got.append(
                c.sh(command, timeout_ms=50000)))
            t.start()
            with server.http(token=other) as o:
                while t.is_alive():
                    begin = time.monotonic()
                    equal(o.sh("echo a").data["stdout"], "a\n",
                          "another token")
                    took.append(time.monotonic() - begin)
            t.join()
        check(sorted(took)[len(took) // 2] < 2 * SLOW, "another token", took)
        r = got[0]
        equal((r.data["exit_code"], r.error), (0, False), r)
        check("was slowed" in " ".join(r.data["notes"]), r.data)
        run = r.data["run_id"]
        result, = within("its record", 5, lambda: [
            x for x in server.audit("run-result") if x["run.id"] == run])
        execs = [x for x in server.audit("process-exec")
                 if x["run.id"] == run and x["process.executable"].endswith(
                     "/true")]
        equal(len(execs), 330, "programs on record")
        check(result["run.slowed_ms"] > 0, result)
        slowed = [x["run.id"] for x in server.audit("run-slowed")
                  if x["token.name"] == server.name]
        equal(slowed, [run], "run-slowed")
        equal(server.audit("records-lost"), [], "lost")


def test_slowed_run_ends_in_time():
    """A limit of time is kept by a run whose records wait."""
    audit = {"bytes_per_second": 4096}
    with Server({"audit": audit}) as server, server.http() as c:
        begin = time.monotonic()
        r = c.sh("while :; do /bin/true " + "w" * 1900 + "; done",
                 timeout_ms=8000)      # time enough to be slowed at all
        took = time.monotonic() - begin
        check(r.data["timed_out"], r)
        check(8 <= took < 13 * SLOW, "took", took)
        result, = within("its record", 10, lambda: server.audit("run-result"))
        check(result.get("run.slowed_ms", 0) > 0, result)


def test_places():
    """No policy gives one token all places of the server."""
    with Server({"limits": {"runs": 8}}, limits={
            "runs": 8, "runs_per_minute": 0}) as server:
        other = others(server)
        conns = []
        with contextlib.ExitStack() as stack:
            for _ in range(6):
                c = stack.enter_context(server.http())
                conns.append((c, c.begin("sleep 20")))
            within("six run", 5, lambda: status(server)["runs"]["now"] == 6)
            with server.http() as c:
                r = c.sh("true")
                check(r.error and "last places are for other tokens (2)" in r.text,
                      r)
            with server.http(token=other) as c:
                equal(c.sh("echo a").text, "a\n", "another token")
            for c, conn in conns:
                conn.close()


@contextlib.contextmanager
def small_disk(mib):
    if not ROOT:
        raise Skip("mounts a file system")
    with tempfile.TemporaryDirectory() as d:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o",
                               f"size={mib}m,mode=0700", "tmpfs", d],
                              check=False, capture_output=True)
        if done.returncode != 0:
            raise Skip("tmpfs cannot be mounted here")
        try:
            yield pathlib.Path(d)
        finally:
            subprocess.run(["umount", "-l", d], check=False)


def fill(path):
    with open(path, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(bytes(4096))


def test_full_disk():
    """On the reserve others go on; the token that wrote most waits for room."""
    with small_disk(24) as disk:
        log = disk / "audit.jsonl"
        with Server({"audit": {"file": str(log), "bytes_per_second": 1 << 20,
                               "reserve_bytes": 4 << 20}},
                    limits={"runs_per_minute": 0}) as server:
            other = others(server)
            reserve = disk / "reserve.audit.jsonl"
            equal(reserve.stat().st_blocks * 512, 4 << 20, "reserve")
            with server.http() as c:
                for _ in range(10):
                    equal(c.sh("true " + CONTROL).error, False, "before")
                fill(disk / "ballast")
                for _ in range(30):
                    r = c.sh("true " + CONTROL)
                    if r.error:
                        break
                check(r.error and "wrote most of it" in r.text, r)
            with server.http(token=other) as c:
                for _ in range(20):
                    equal(c.sh("echo a").text, "a\n", "another token")
            check(status(server)["audit"]["on_reserve"], status(server))
            check("ITS DISK IS FULL" in server.ctl("status"), "status")
            equal(reserve.stat().st_blocks, 0, "it was given up")
            (disk / "ballast").unlink()
            with server.http() as c:
                within("room again", 20 * SLOW, lambda: not c.sh(
                    "true").error, step=.5)
            check(not status(server)["audit"]["on_reserve"], "still")
            within("record", 5, lambda: [
                (x["event.outcome"], x["log.reserve_bytes"])
                for x in server.audit("log-reserve")] ==
                [("failure", 4 << 20), ("success", 4 << 20)])
            equal(reserve.stat().st_blocks * 512, 4 << 20, "reserve")
            equal(server.audit("records-lost"), [], "lost")


BARE = {"syscalls": {"profile": "none"}, "network": "host",
        "disable": ["mounts", "pids", "ipc", "network", "user", "landlock",
                    "seccomp"]}


def test_stopped_guard():
    """A guard that its run stops keeps the time limit, and goes at the end."""
    policy = {**BARE, **({"user": "root"} if ROOT else {})}
    with Server(policy=policy) as server:
        word = mark()
        with server.http() as c:
            begin = time.monotonic()
            r = c.sh(f"kill -STOP $PPID; sleep 60; : {word}", timeout_ms=1000)
            check(r.data["timed_out"], r)
            check(time.monotonic() - begin < 8 * SLOW, "the limit of time")
            conn = c.begin(f"echo $PPID >guard; kill -STOP $PPID; sleep 60")
            pid = int(server.file("guard"))
            within("it is stopped", 5, lambda: "T" in pathlib.Path(
                f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0])
            os.kill(server.process.pid, signal.SIGKILL)
            within("the guard is gone", 10, lambda: not alive(pid))
            conn.close()
        server.process.wait()
        server.start()
