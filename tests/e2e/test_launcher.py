# SPDX-License-Identifier: MIT
"""The launcher: what it is, and what happens when it ends."""
import os
import pathlib
import signal
import subprocess

import instance
from client import (RESULT, ROOT, SLOW, Http, Server, Skip, alive, check,
                    equal, fds, guards, mark, name_of, processes, within)

EXIT = "launcher-exit"


def words_of(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def test_what_it_is():
    """A child of the executor's, two pairs and nothing of the network."""
    with Server() as server, Http(server) as c:
        check(not c.sh("true").error, "a run, so that it has a plan")
        pid = server.launcher_pid()
        place = f"{server.dir}/control.sock.jobs".encode()
        equal(words_of(pid), [b"mcp-execd-launcher", b"--hold", b"60000",
                              place, b""], "in ps")
        environ = pathlib.Path(f"/proc/{pid}/environ")
        check(not ROOT or environ.read_bytes() == b"", "its environment")
        if not ROOT:
            raise Skip("descriptors of the launcher: only root may look")
        within("two sockets, and no other", 5, lambda: [
            t.partition(":")[0] for t in fds(pid).values()].count(
                "socket") == 2)
        check(str(server.audit_file) not in fds(pid).values(), fds(pid))
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
        for library in ("gnutls", "microhttpd", "yajl", "seccomp"):
            check(library not in maps, library)


def test_guard_by_name():
    with Server() as server, Http(server) as c:
        m = mark()
        conn = c.begin(f"sleep 60; : {m}")
        server.running(m)
        within("a guard by its name", 5, lambda: [
            name_of(p) for p in instance.children(server.launcher_pid())] == [
                "mcp-execd-guard"])
        conn.close()


def test_killed_during_a_run():
    """The run goes on, its end is told, and the next one has another."""
    with Server() as server, Http(server) as c:
        m, go = mark(), server.work / "go"
        conn = c.begin(f"echo {m} > up; until [ -e {go} ]; do sleep 0.05; "
                       f"done; (setsid sleep 1000641 &) ; echo {m} over")
        server.file("up")       # not only asked for
        first = server.launcher_pid()
        os.kill(first, signal.SIGKILL)
        record = within("a record", 5, lambda: server.audit(EXIT))[0]
        equal(record["process.pid"], first, record)
        check("9" in record["launcher.status"], record)
        within("another", 5,
               lambda: server.launcher_pid() not in (None, first))
        equal(c.sh("echo again").text, "again\n", "a further run")
        check(not server.audit(RESULT)[:-1], "the first goes on")
        go.touch()
        end = within("its result", 5, lambda: server.audit(RESULT)[1:])[0]
        equal((end["run.state"], end["process.exit_code"]), ("exited", 0), end)
        within("nothing is left", 5, lambda: not processes("1000641"))
        equal(len(server.audit(EXIT)), 1, "one record")
        conn.close()


def test_killed_twice_during_a_run():
    """A run whose launcher is gone already outlives the next one, too."""
    with Server() as server, Http(server) as c:
        m, go = mark(), server.work / "go"
        conn = c.begin(f"echo {m} > up; until [ -e {go} ]; do sleep 0.05; "
                       f"done; echo {m} over")
        server.file("up")
        for n in 1, 2, 3:
            dead = server.launcher_pid()
            os.kill(dead, signal.SIGKILL)
            within("a record", 5, lambda n=n: len(server.audit(EXIT)) == n)
            within("another", 15, lambda d=dead: server.launcher_pid()
                   not in (None, d))
            # so that the one which is killed next has said that it is there
            equal(c.sh("echo again").text, "again\n", "a further run")
        go.touch()
        reply = c.finish(conn)
        equal(reply.text, f"{m} over\n", "the first")
        end = server.ended(m)
        equal((end["run.state"], end["process.exit_code"]), ("exited", 0), end)
        conn.close()


def test_deaf_to_signals():
    """None that somebody sends ends launcher, keeper or guard, or the run."""
    with Server() as server, Http(server) as c:
        m, go = mark(), server.work / "go"
        conn = c.begin(f"echo {m} > up; until [ -e {go} ]; do sleep 0.05; "
                       f"done; echo {m} over")
        server.file("up")
        guard, = within("its guard", 5, lambda: guards(server))
        pids = server.launcher_pid(), server.keeper_pid(), guard
        for pid in pids:
            for name in "HUP", "INT", "QUIT", "PIPE", "ALRM", "USR1", "USR2":
                os.kill(pid, getattr(signal, "SIG" + name))
        equal(c.sh("echo again").text, "again\n", "a further run")
        go.touch()
        equal(c.finish(conn).text, f"{m} over\n", "the run")
        equal((server.launcher_pid(), server.keeper_pid()), pids[:2], "they")
        equal(server.audit(EXIT), [], "no end")
        conn.close()


def own_programs(server, *programs):
    """Copies of these are the server's, which can be exchanged."""
    place = server.dir / "bin"
    place.mkdir()
    place.chmod(0o755)
    for program in programs:
        (place / program).write_bytes((server.build / program).read_bytes())
        (place / program).chmod(0o755)
    server.config["frontend"]["path"] = str(place / "mcp-execd-frontend")
    server.write()
    return place / "mcp-execd-launcher"


def test_ends_before_its_hello():
    """On record too, with why; the one that starts has no such record."""
    server = Server()
    program = own_programs(server, "mcp-execd-frontend", "mcp-execd-launcher")
    bad = server.dir / "bad"
    bad.write_text("#!/bin/sh\nexit 3\n")
    bad.chmod(0o755)
    good = server.dir / "good"
    good.write_bytes(program.read_bytes())
    good.chmod(0o755)
    with server, Http(server) as c:
        equal(c.sh("echo good").text, "good\n", "control: a run")
        equal(server.audit(EXIT), [], "control: no record")
        first = server.launcher_pid()
        bad.rename(program)
        os.kill(first, signal.SIGKILL)
        began, failed = within("two records", 10, lambda: server.audit(
            EXIT)[1:] and server.audit(EXIT)[:2])
        equal(began["process.pid"], first, began)
        check("event.reason" not in began, began)
        check(failed["process.pid"] not in (0, first), failed)
        equal(failed["launcher.status"], "exit status 3", failed)
        check("mcp-execd-launcher does not start" in failed["event.reason"],
              failed)
        good.rename(program)
        within("another", 30, server.launcher_pid)
        within("a further run", 30,
               lambda: c.sh("echo again").text == "again\n")


def test_guard_killed_without_its_launcher():
    """What it leaves behind is ended by the executor then."""
    with Server(policy={"disable": ["pids"], "require": [],
                        "posture": "kernel"}) as server, Http(server) as c:
        m = mark()
        conn = c.begin(f"(setsid sleep 1000642 &) ; sleep 60; : {m}")
        server.running(m)
        within("they are there", 5, lambda: processes("1000642"))
        guard, = within("its guard", 5, lambda: guards(server))
        os.kill(server.launcher_pid(), signal.SIGKILL)
        within("recorded", 5, lambda: server.audit(EXIT))
        os.kill(guard, signal.SIGKILL)
        within("nothing is left", 5, lambda: not processes("1000642"))
        equal(within("a result", 5, lambda: server.audit(RESULT))[0]
              ["run.state"], "lost", "its state")
        equal(c.sh("echo again").text, "again\n", "a further run")
        conn.close()


def test_ends_with_the_executor():
    """Also while somebody else holds the pair open."""
    with Server() as server, Http(server) as c:
        m = mark()
        c.begin(f"sleep 60; : {m}")
        server.running(m)
        pids = within("a launcher and a guard", 5, lambda: (found := [
            server.launcher_pid(), *guards(server)])[1:] and found)
        equal(len(pids), 2, pids)
        server.process.kill()
        server.process.wait()
        within("they ended", 5, lambda: not [p for p in pids if alive(p)])


def test_missing():
    """Said before anything starts, and by the check."""
    server = Server()
    own_programs(server, "mcp-execd", "mcp-execd-frontend")
    script = server.dir / "bin"
    try:
        r = subprocess.run([script / "mcp-execd", "-n", "-c",
                            server.config_file], capture_output=True,
                           text=True, timeout=60 * SLOW, check=False)
        equal(r.returncode, 1, r)
        check("mcp-execd-launcher" in r.stderr, r.stderr)
        check("install it next to the frontend" in r.stderr, r.stderr)
    finally:
        server.remove()


def test_started_by_hand():
    program = instance.build_dir() / "mcp-execd-launcher"
    r = subprocess.run([program], capture_output=True, text=True,
                       timeout=60 * SLOW, check=False)
    equal((r.returncode, r.stdout), (2, ""), r)
    check("started by mcp-execd" in r.stderr, r.stderr)
