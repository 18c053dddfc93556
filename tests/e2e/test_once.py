# SPDX-License-Identifier: MIT
"""At most once: calls with an idempotency key whose streams are cut."""
import random
import re

from client import (LONG, REVISIONS, Connection, check, crash_frontend, equal,
                    message, within)
from modern import Modern
from test_jobs import ID, JOBS, ended, take_jobs_away

SERVER = {"policy": {"structured": False, "text": "clean", "jobs": {
    **JOBS, "at_once": 64}, "limits": {"runs": 64, "runs_per_minute": 6000}}}
KEYS = 500      # of one token, at most 512
CUTS = 1000 if LONG else 100


def clients(server, token):
    return [lambda r=r: server.http(revision=r, token=token)
            for r in REVISIONS] + [lambda: Modern(server, token=token)]


def cut(c, key, command, how):
    """Begin a call and drop its connection, before or after it runs."""
    conn = c.begin(command, **({"arguments": {"idempotency_key": key}}
                               if isinstance(c, Modern) else
                               {"idempotency_key": key}))
    if how == "late":
        within("it runs", 10, lambda: (c.server.work / key).exists())
    conn.reset()


def answer(c, key, command):
    """The call again, until its result is there."""
    def look():
        r = c.call("exec_cmd", command=command, idempotency_key=key)
        return None if "runs on" in r.text else r
    return within("its result", 20, look)


def cut_and_ask(server, token, numbers, made):
    """Each of these calls is cut, and made again in another session."""
    opened = [client() for client in clients(server, token)]
    for i in numbers:
        c, key = opened[i % len(opened)], f"cut-{i}"
        command = f"echo x >> {server.work / key}; echo {i}"
        cut(c, key, command, made.choice(("early", "late")))
        again = opened[made.randrange(len(opened))]
        equal(answer(again, key, command).text, f"{i}\n", key)
        equal((server.work / key).read_text(), "x\n", "runs of " + key)
    for c in opened:
        c.conn.close()


def test_cut_streams(server):
    """Each command runs once, however its stream ends; a file counts."""
    made = random.Random(18)
    for i in range(0, CUTS, KEYS):
        token = server.add(f"cut{i}")
        cut_and_ask(server, token, range(i, min(i + KEYS, CUTS)), made)
    equal(len(list(server.work.glob("cut-*"))), CUTS, "commands")


def calls(server):
    return re.search(r"calls: (\d+)", server.ctl("status"))[1]


def test_cut_calls_take_no_place(server):
    """The frontend forgets a call whose run goes on for nobody."""
    before = len(server.audit("job-begin"))
    with Modern(server) as n:
        for i in range(4):
            cut(n, f"left-{i}", f"touch {server.work}/left-{i}; sleep 50",
                "late")
    within("jobs", 10,
           lambda: len(server.audit("job-begin")) == before + 4)
    within("no call is left", 10, lambda: calls(server) == "0")


def test_both_calls_are_answered(server):
    """The same call as a task ends the wait of the first: the run is a job."""
    server.add_policy("patient", jobs={**JOBS, "wait_ms": 20000})
    token = server.add("patient", policy="patient")
    gate = server.work / "both.gate"
    args = {"command": f"touch {server.work}/both; until [ -e {gate} ]; do "
            "sleep 0.02; done; echo both", "idempotency_key": "both"}
    with server.http(token=token) as c, server.http(token=token) as d:
        conn = c.begin(**args)
        within("it runs", 20, (server.work / "both").exists)
        task = d.ask("tools/call", {"name": "exec_cmd", "task": {},
                                    "arguments": args})["task"]
        r = c.finish(conn)      # before the gate opens
        check("runs on" in r.text and task["taskId"] in r.text, r)
        within("no call is left", 10, lambda: calls(server) == "0")
        gate.touch()
        equal(answer(c, args["idempotency_key"], args["command"]).text,
              "both\n", "its result")


def test_cut_before_it_began(server):
    """The same call at once, while the first waits to be started."""
    with server.http() as c:
        for i in range(10):
            key = f"quick-{i}"
            args = {"command": f"echo x >> {server.work / key}; sleep 0.2",
                    "idempotency_key": key}
            with Connection(server) as conn:
                c.send(message("tools/call", {
                    "name": "job_start", "arguments": args}, 99), conn)
                first = c.call("job_start", **args)
                check(not first.error, first)
            check(ID.search(first.text), first)
            ended(c, ID.search(first.text).group())
            equal((server.work / key).read_text(), "x\n", "runs")


def test_frontend_is_killed(server):
    """Its clients send again what they do not know the end of."""
    calls = {f"kill-{i}": f"echo x >> {server.work}/kill-{i}; sleep 0.{i}; "
             f"echo {i}" for i in range(6)}
    with server.http() as c:
        conns = [c.begin(command, idempotency_key=key)
                 for key, command in calls.items()]
        within("some run", 10, lambda: list(server.work.glob("kill-*")))
    crash_frontend(server)
    for conn in conns:
        conn.close()
    with server.http() as c, Modern(server) as n:
        for i, (key, command) in enumerate(calls.items()):
            equal(answer((c, n)[i % 2], key, command).text, f"{i}\n", key)
            equal((server.work / key).read_text(), "x\n", "runs")


def test_taken_away(server):
    """So that nothing is kept: see test_jobs."""
    take_jobs_away(server)
