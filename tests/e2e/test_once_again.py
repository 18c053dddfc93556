# SPDX-License-Identifier: MIT
"""At most once, across restarts and crashes of the executor."""
import os

from client import REVISIONS, Server, check, equal, within
from modern import Modern
from test_jobs import JOBS, ended, start

POLICY = {"structured": False, "text": "clean",
          "jobs": {**JOBS, "wait_ms": 20000}}
ONCE = "It was not run again"


def restart(server):
    server.stop()
    server.start()


def crash(server):
    server.kill()
    server.start()


def clients(server):
    return [lambda r=r: server.http(revision=r) for r in REVISIONS] + [
        lambda: Modern(server)]


def test_after_a_restart():
    """What ended is answered as before, what was cut off with what there is of
    it, and neither runs."""
    with Server(policy=POLICY) as server:
        for n, again in enumerate((restart, crash)):
            counter = server.work / f"count-{n}"
            done = {"command": f"echo x >> {counter}; exit 3",
                    "idempotency_key": f"done-{n}"}
            cut = {"command": f"echo x >> {counter}; sleep 50",
                   "idempotency_key": f"cut-{n}"}
            with server.http() as c:
                check("exit status 3" in c.call("exec_cmd", **done).text, n)
                start(c, **cut)
                within("both ran", 5,
                       lambda: counter.read_text() == "x\nx\n")
            again(server)
            for client in clients(server):
                with client() as c:
                    r = c.call("exec_cmd", **done)
                    check(r.error and "exit status 3" in r.text, r)
                    r = c.call("job_start", **cut)
                    check(r.error, r)
                    check(("cancelled" if again is restart else
                           "restarted while it ran") in r.text, r)
                    check(again is restart or ONCE in r.text, r)
                    r = c.call("exec_cmd", **{**done, "command": "true"})
                    check(r.error and "another call" in r.text, r)
            equal(counter.read_text(), "x\nx\n", "runs")
            with server.http(token=server.add(f"other{n}")) as c:
                c.call("exec_cmd", **done)
                equal(counter.read_text(), "x\nx\nx\n",
                      "another token's key is its own")
            with server.http() as c:
                r = c.call("exec_cmd", **{**done, "idempotency_key": f"new-{n}"})
                check("exit status 3" in r.text, "control: a new key", r)
                equal(len(counter.read_text()), 8, "runs")


def test_what_never_ran_may_run():
    """A refused call is forgotten, also across a restart; so is an old one."""
    with Server(policy=POLICY) as server:
        late = server.work / "late"
        args = {"command": f"./late {server.work}", "idempotency_key": "k"}
        with server.http() as c:
            check(c.call("cli_command", **args).error, "there is none")
        restart(server)
        late.write_text("#!/bin/sh\necho ran\n")
        late.chmod(0o755)
        with server.http() as c:
            check("ran" in c.call("cli_command", **args).text, "now it is")


def forget(server):
    """The runs themselves, so that only the book knows them."""
    for path in server.dir.glob("recordings/jobs/*"):
        path.unlink()


def test_damaged_book():
    """A record that was cut, or is not one of ours, harms nothing."""
    with Server(policy=POLICY) as server:
        args = {"command": f"echo x >> {server.work}/n; echo on",
                "idempotency_key": "k"}
        with server.http() as c:
            ended(c, start(c, "true", idempotency_key="first"))
            equal(c.call("exec_cmd", **args).text, "on\n", "first")
        server.kill()
        forget(server)
        book = next(server.dir.glob("recordings/keys"))
        equal(book.stat().st_mode & 0o777, 0o600, "mode")
        check(b"first" not in book.read_bytes(), "no key is in it")
        size = book.stat().st_size
        with book.open("ab") as f:
            f.write(os.urandom(1000))
        server.start()
        with server.http() as c:
            check(ONCE in c.call("exec_cmd", **args).text, "still known")
            equal(c.sh("echo new", idempotency_key="new").text, "new\n", "new")
        server.kill()
        forget(server)
        os.truncate(book, size - 10)
        server.start()
        with server.http() as c:
            equal(c.call("exec_cmd", **args).text, "on\n",
                  "control: it was that record")
