# SPDX-License-Identifier: MIT
"""jobs.repeat_window_ms: when it is over, and across crashes of the executor."""
import json
import os
import shutil
import signal
import subprocess

from client import SLOW, Server, Skip, check, equal, status_of, within
from modern import Modern
from test_jobs import ID, JOBS, ended, start
from test_repeat import GOES_ON, NOTE, POLICY, WINDOW, Gated, joins


def test_window():
    """When it is over, the call is a new one; so is any without the key."""
    for jobs in ({**WINDOW, "repeat_window_ms": 1},
                 {**JOBS, "at_once": 32, "abandoned": "continue"}):
        with Server(policy={**POLICY, "jobs": jobs}) as server:
            g = Gated(server, "late")
            with Modern(server) as c, server.http() as again:
                conn = c.begin(g.command)
                within("it runs", 20, g.runs)
                conn.reset()
                within("a job", 20, lambda: server.audit("job-begin"))
                g.end()
                g.anew(again.call("exec_cmd", **g.args), 2)
                equal(joins(server), [], "records")


def test_told_while_it_goes_on():
    """It is a job then, and its output so far is not called its result."""
    with Server(policy=POLICY) as server:
        made = [Gated(server, f"goes{i}") for i in range(2)]
        with server.http() as c, Modern(server) as n:
            for g, client in zip(made, (c, n)):
                g.cut(client)
            path, = server.dir.glob("policies.d/*.json")
            policy = json.loads(path.read_text())
            policy["jobs"]["wait_ms"] = 500
            path.write_text(json.dumps(policy))
            server.reload_ends("success", "a call waits for less")
            for g, client in zip(made, (n, c)):
                r = client.call("exec_cmd", **g.args)
                check(GOES_ON.search(r.text), r)
                check("its result" not in r.text and "runs on" in r.text, r)
                job = ID.search(r.text).group()
                g.gate.touch()
                check("exited with status 0" in ended(c, job), job)
                equal(g.runs(), 1, "runs")
                g.anew(c.call("exec_cmd", **g.args), 2)


def test_no_room_for_it():
    """One that could not go on was ended; that is told, and then it runs."""
    with Server(policy={**POLICY, "jobs": {**WINDOW, "at_once": 1}}) as server:
        g = Gated(server, "ended")
        with Modern(server) as n, server.http() as c:
            start(c, "sleep 50")
            g.cut(n)
            within("its end", 20, lambda: g.listed("cancelled after"))
            r = c.call("exec_cmd", **g.args)
            check(r.error and "cancelled" in r.text and NOTE.search(r.text), r)
            equal(g.runs(), 1, "runs")
            g.gate.touch()
            g.anew(c.call("exec_cmd", **g.args), 2)


def test_executor_is_killed():
    """What had ended is answered, what was cut off is told, and each once."""
    with Server(policy=POLICY) as server:
        done, cut, lost = (Gated(server, n) for n in ("done", "cut", "lost"))
        with server.http() as c, Modern(server) as n:
            done.cut(c)
            done.end()
            cut.cut(n)
            lost.cut(c)
        server.kill()
        for path in server.dir.glob("recordings/jobs/*"):
            if b"/lost.count" in path.read_bytes():
                path.unlink()
        server.start()
        with Modern(server) as n, server.http() as c:
            done.attached(n.call("exec_cmd", **done.args))
            r = c.call("exec_cmd", **cut.args)
            check("restarted while it ran" in r.text and NOTE.search(r.text)
                  and "idempotency_key" not in r.text, r)
            r = c.call("exec_cmd", **lost.args)
            check(r.error and "cut off" in r.text
                  and "call once more" in r.text, r)
            equal((cut.runs(), lost.runs()), (1, 1), "runs")
            for g in done, cut, lost:
                g.gate.touch()
                g.anew(c.call("exec_cmd", **g.args), 2)
        server.stop()
        server.start()
        with server.http() as c:
            done.anew(c.call("exec_cmd", **done.args), 3)


def test_outlives_the_executor():
    """One that goes on is not run twice at a time: the same call waits for it."""
    with Server(policy={**POLICY, "jobs": {**WINDOW, "survive": True}}) as s:
        g = Gated(s, "lives")
        with Modern(s) as n:
            g.cut(n)
            within("a job", 10, lambda: s.audit("job-begin"))
            g.listed("")            # the launcher holds it after the record
        s.kill()
        s.start()
        with Modern(s) as n, s.http() as c:
            conn = c.begin(g.command)
            within("joined", 20, lambda: joins(s))
            g.gate.touch()
            g.attached(c.finish(conn))
            g.anew(n.call("exec_cmd", **g.args), 2)


def kill_at(server, call, act):
    """SIGKILL for the executor as it makes that system call, because of act."""
    pid = server.process.pid
    with subprocess.Popen(
            ["strace", "-qq", "-o", "/dev/null", "-p", str(pid), "-e",
             f"trace={call}", "-e", f"inject={call}:signal=KILL:when=1"],
            stderr=subprocess.PIPE) as tracer:
        within("it is traced", 20, lambda: status_of(pid)["TracerPid"] != "0"
               or tracer.poll() is not None)
        check(tracer.poll() is None, tracer.poll())
        act()
        equal(server.process.wait(20 * SLOW), -signal.SIGKILL, "its end")


def test_killed_before_it_is_held():
    """It is in the book of keys, and nobody keeps it up: it ran once, is lost, and
    that is told."""
    if shutil.which("strace") is None or os.geteuid() != 0:
        raise Skip("no strace, or not root")
    for key in {}, {"idempotency_key": "between"}:
        with Server(policy={**POLICY, "jobs": {**WINDOW, "survive": True}}) as s:
            g = Gated(s, "between")
            g.args.update(key)
            with Modern(s) as n:
                conn = n.begin(g.command, arguments=key)
                within("it runs", 20, g.runs)
                kill_at(s, "memfd_create", conn.reset)
            s.start()
            with Modern(s) as n, s.http() as c:
                for client in (n, c) if key else (n,):
                    r = client.call("exec_cmd", **g.args)
                    check(r.error and "restarted while it ran" in r.text, r)
                    equal(g.runs(), 1, "runs")
                equal(s.audit("run-adopted"), [], "nobody held it")
                g.gate.touch()
                if not key:
                    g.anew(c.call("exec_cmd", **g.args), 2)


def test_killed_before_its_record_is_synced():
    """The launcher holds it: it goes on, and is joined, not run again."""
    if shutil.which("strace") is None or os.geteuid() != 0:
        raise Skip("no strace, or not root")
    for key in {}, {"idempotency_key": "held"}:
        # what its command starts is not on record: nothing else is synced
        policy = {**POLICY, "jobs": {**WINDOW, "survive": True},
                  "audit": {"exec": False}}
        with Server(policy=policy) as s:
            g = Gated(s, "held")
            g.args.update(key)
            with Modern(s) as n:
                conn = n.begin(g.command, arguments=key)
                within("it runs", 20, g.runs)
                kill_at(s, "fdatasync", conn.reset)
            s.start()
            with Modern(s) as n, s.http() as c:
                conn = c.begin(g.command, **key)
                within("joined", 20, lambda: joins(s))
                equal(len(s.audit("run-adopted")), 1, "it goes on")
                g.gate.touch()
                r = c.finish(conn)
                check(not r.error and "held done" in r.text, r)
                equal(g.runs(), 1, "runs")
                if not key:
                    g.anew(n.call("exec_cmd", **g.args), 2)
