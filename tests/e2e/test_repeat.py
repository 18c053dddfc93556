# SPDX-License-Identifier: MIT
"""jobs.repeat_window_ms: the same call again after a broken stream, without a
key of the client's."""
import json
import os
import re
import signal
import threading

from client import REVISIONS, check, crash_frontend, equal, within
from modern import Events, Modern, finish
from test_jobs import ID, JOBS, start, take_jobs_away
from test_streams import call, get

WINDOW = {**JOBS, "at_once": 32, "keep": 64, "wait_ms": 20000,
          "repeat_window_ms": 600000}
POLICY = {"structured": False, "text": "clean", "jobs": WINDOW,
          "environment": {"allow": ["A"]},
          # what defies SIGTERM is there until its gate lets it go
          "limits": {"runs": 32, "runs_per_minute": 6000,
                     "kill_grace_ms": 60000}}
SERVER = {"policy": POLICY}
NOTE = re.compile(r"NOTE: the same call was made at 20\d\d-.*Z and not "
                  "answered: this is its result, and nothing was run again")
GOES_ON = re.compile(NOTE.pattern.replace("this is its result",
                                          "it goes on as this job"))


def clients(server):
    return [lambda r=r: server.http(revision=r) for r in REVISIONS] + [
        lambda: Modern(server)]


class Gated:
    """A command that counts its runs and waits for a gate."""

    def __init__(self, server, name):
        self.server = server
        self.name = name
        self.count = server.work / f"{name}.count"
        self.gate = server.work / f"{name}.gate"
        self.command = (f"echo x >> {self.count}; while [ ! -e {self.gate} ]; "
                        f"do sleep 0.02; done; echo {name} done")
        self.args = {"command": self.command}

    def runs(self):
        return self.count.read_text().count("x") if self.count.exists() else 0

    def listed(self, what):
        """Is there a row of it in job_list that says so?"""
        with self.server.http() as c:
            return [row for row in c.call("job_list").text.splitlines()
                    if f"/{self.name}.count" in row and what in row]

    def cut(self, c):
        """Call it, and vanish while it runs: the server has seen it."""
        conn = c.begin(self.command)
        within("it runs", 20, self.runs)
        conn.reset()
        within("its client is gone", 20,
               lambda: self.listed("its call was not answered"))

    def end(self):
        self.gate.touch()
        within("its end", 20, lambda: self.listed("exited with status 0"))

    def attached(self, r, runs=1):
        check(not r.error and f"{self.name} done" in r.text
              and NOTE.search(r.text), r)
        equal(self.runs(), runs, "runs")

    def anew(self, r, runs):
        check(f"{self.name} done" in r.text and "NOTE:" not in r.text, r)
        equal(self.runs(), runs, "runs")


def joins(server):
    return [r for r in server.audit("job-join")]


def test_after_its_end(server):
    """Of each revision, sent again by another; answered once, it is over."""
    made = clients(server)
    for i, client in enumerate(made):
        g = Gated(server, f"ended{i}")
        with client() as c, made[(i + 1) % len(made)]() as again:
            g.cut(c)
            g.end()
            before = len(joins(server))
            g.attached(again.call("exec_cmd", **g.args))
            join, = within("on record", 5, lambda: joins(server)[before:])
            equal(join["event.reason"], "jobs.repeat_window_ms", "reason")
            g.anew(again.call("exec_cmd", **g.args), 2)
            g.anew(c.call("exec_cmd", **g.args), 3)


def test_while_it_runs(server):
    """It waits for the end of the first."""
    made = clients(server)
    for i, client in enumerate(made):
        g = Gated(server, f"runs{i}")
        before = len(joins(server))

        def opens(g=g, before=before):
            within("joined", 20, lambda: len(joins(server)) > before)
            g.gate.touch()
        with client() as c, made[(i + 2) % len(made)]() as again:
            g.cut(c)
            t = threading.Thread(target=opens)
            t.start()
            r = again.call("exec_cmd", **g.args)
            t.join()
            g.attached(r)
            g.anew(again.call("exec_cmd", **g.args), 2)


def test_answered_calls_run(server):
    """Polling is not a repeated call, neither is a job that was told of."""
    count = server.work / "polls"
    for client in clients(server):
        count.unlink(missing_ok=True)
        with client() as c:
            for n in range(1, 6):
                r = c.call("exec_cmd", command=f"echo x >> {count}; "
                           f"wc -l < {count}")
                equal(r.text.strip(), str(n), "its own answer")
            check(start(c, "sleep 50") != start(c, "sleep 50"), "two jobs")


def test_other_calls(server):
    """Only the same token and the same arguments are the same call."""
    g = Gated(server, "others")
    other = server.add("another")
    (server.work / "sub").mkdir(exist_ok=True)
    with server.http() as c, server.http(token=other) as o:
        g.cut(c)
        g.end()
        g.anew(o.call("exec_cmd", **g.args), 2)
        for n, more in enumerate((
                {"timeout_ms": 30000}, {"env": {"A": "1"}},
                {"working_dir": "sub"}, {"stdin": "x"},
                {"command": g.command + " "}), 3):
            g.anew(c.call("exec_cmd", **{**g.args, **more}), n)
        r = c.call("job_start", **g.args)
        check("NOTE:" not in r.text, r)
        within("the job", 10, lambda: g.runs() == 8)
        r = c.call("exec_cmd", **g.args, idempotency_key="own")
        g.anew(r, 9)
        g.attached(c.call("exec_cmd", **g.args), 9)     # control


def test_another_policy(server):
    """What a token was told under one policy does not answer under another."""
    server.add_policy("stricter", **{**server.policy, "environment": {}})
    path = server.dir / f"tokens.d/{server.name}.json"
    before = path.read_text()
    g = Gated(server, "moved")
    with server.http() as c:
        g.cut(c)
        g.end()
        path.write_text(json.dumps({**json.loads(before),
                                    "policy": "stricter"}))
        server.reload_ends("success", "another policy")
        try:
            g.anew(c.call("exec_cmd", **g.args), 2)
        finally:
            path.write_text(before)
            server.reload_ends("success", "the first again")
        g.attached(c.call("exec_cmd", **g.args), 2)     # control


def test_cancelled(server):
    """What its client ended on purpose is not owed to it, also while it does
    not end at once."""
    g = Gated(server, "cancelled")
    g.command = "trap '' TERM; " + g.command
    g.args = {"command": g.command}
    with server.http() as c:
        conn = c.begin(g.command, 77)
        within("it runs", 20, g.runs)
        c.notify("notifications/cancelled", {"requestId": 77})
        conn.close()
        with c.begin(g.command) as conn:
            within("it runs again", 20, lambda: g.runs() == 2)
            within("both", 10, lambda: len(g.listed("running")) == 2)
            g.gate.touch()
            g.anew(c.finish(conn), 2)
    g = Gated(server, "stopped")
    with server.http() as c, Modern(server) as n:
        g.cut(n)
        job = ID.search(g.listed("running")[0]).group()
        c.call("job_stop", job=job)
        g.gate.touch()
        g.anew(c.call("exec_cmd", **g.args), 2)


def test_job_start(server):
    """A job whose id its client never got is told of when it asks again."""
    g = Gated(server, "started")
    launcher = server.launcher_pid()
    with server.http() as c, Modern(server) as n:
        os.kill(launcher, signal.SIGSTOP)
        try:
            cut = (n.begin(g.command, tool="job_start"),
                   c.begin(g.command, tool="job_start", name="other"))
            within("two calls", 20, lambda: len(g.listed("waiting")) == 2)
            for conn in cut:
                conn.reset()
            within("their clients are gone", 20, lambda: len(
                g.listed("its call was not answered")) == 2)
            before = len(joins(server))
            conn = c.begin(g.command, tool="job_start")
            within("joined", 20, lambda: len(joins(server)) > before)
        finally:
            os.kill(launcher, signal.SIGCONT)
        r = c.finish(conn)
        check(GOES_ON.search(r.text) and "runs on" in r.text, r)
        within("both run", 20, lambda: g.runs() == 2)
        first = ID.search(r.text).group()
        check(start(c, g.command) != first, "control: it was told")
        within("it runs", 20, lambda: g.runs() == 3)
        g.gate.touch()


def test_old_transport(server):
    """Its answers have nowhere to go once its one stream is gone."""
    g = Gated(server, "sse")
    c = server.sse()
    c.begin(g.command)
    within("it runs", 20, g.runs)
    c.stream.reset()
    c.poster.close()
    within("its client is gone", 20,
           lambda: g.listed("its call was not answered"))
    g.end()
    with server.sse() as again:
        g.attached(again.call("exec_cmd", **g.args))
        g.anew(again.call("exec_cmd", **g.args), 2)


def test_client_comes_back(server):
    """One that takes its stream up again is answered, and owed nothing."""
    g = Gated(server, "back")
    command = "echo begun; " + g.command
    with server.http() as c:
        conn = call(c, command)
        events = Events(conn)
        next(events)
        within("it runs", 20, g.runs)
        conn.reset()
        within("its client is gone", 20,
               lambda: g.listed("its call was not answered"))
        with get(c, events.last) as conn:
            within("it is back", 20, lambda: not g.listed(
                "its call was not answered") and g.listed("running"))
            g.gate.touch()
            _, r = finish(Events(conn))
        g.anew(r, 1)
        g.anew(c.call("exec_cmd", command=command), 2)


def test_flood(server):
    """Calls that are left behind and never asked for: no more than a policy's
    jobs go on, and nothing is held against others."""
    flood = server.add("flood", policy=server.name)
    with Modern(server, token=flood) as n:
        conns = [n.begin(f"sleep 100 # {i}") for i in range(60)]
        within("they run", 20, lambda: len(
            [x for x in n.call("job_list").text.splitlines()
             if "running" in x]) == 32)
        for conn in conns:
            conn.reset()
        g = Gated(server, "others2")
        g.gate.touch()
        with server.http() as c:
            g.anew(c.call("exec_cmd", **g.args), 1)
    server.ctl("token", "revoke", "flood")
    within("their end", 20, lambda: not [
        r for r in server.ctl("runs").splitlines() if "flood" in r])


def test_frontend_is_killed(server):
    """Clients that were not answered ask again."""
    all = [Gated(server, f"front{i}") for i in range(4)]
    with server.http() as c:
        conns = [c.begin(g.command) for g in all]
        within("they run", 20, lambda: all[-1].runs() and all[0].runs()
               and all[1].runs() and all[2].runs())
    crash_frontend(server)
    for conn in conns:
        conn.close()
    for g in all[:2]:
        g.end()
    with server.http() as c, Modern(server) as n:
        for i, g in enumerate(all):
            g.gate.touch()
            g.attached((c, n)[i % 2].call("exec_cmd", **g.args))
            g.anew((c, n)[i % 2].call("exec_cmd", **g.args), 2)


def test_taken_away(server):
    """So that nothing is kept: see test_jobs."""
    take_jobs_away(server)
