# SPDX-License-Identifier: MIT
"""The ends of jobs: nothing of them is left, and nobody starves meanwhile."""
import json
import os
import re
import time

from client import (SLOW, Http, RpcError, Server, check, descendants, equal,
                    mark, message, name_of, processes, within)
from test_jobs import ID, ended, files, start, take_jobs_away
from test_tasks import create, get, settled

JOBS = {"at_once": 8, "max_seconds": 60, "keep_seconds": 60, "wait_ms": 20000}
SERVER = {"policy": {"structured": False, "jobs": JOBS,
                     "limits": {"runs": 16, "runs_per_minute": 6000}}}
PER_MINUTE = 1200


def kept(server):
    """What the executor holds of runs: how many, and bytes on disk."""
    status = json.loads(server.ctl("status", "--json"))
    return status["runs"]["kept"], status["runs"]["kept_bytes"]


def test_tight_loop(server):
    """Who asks without end is told how long to wait, and no other waits."""
    with server.http(token=server.add("eager")) as c, \
            server.http(token=server.add("patient")) as other:
        job = start(c, "sleep 50")
        begin = time.monotonic()
        for n in range(8 * PER_MINUTE):     # and more are allowed meanwhile
            r = c.call("job_output", job=job)
            if r.error:
                break
        most = PER_MINUTE * (1.1 + (time.monotonic() - begin) / 60)
        check(PER_MINUTE <= n <= most, "calls", n, "of", most)
        found = re.search(r"wait (\d+) ms.*wait_ms", r.text)
        check(found, r)
        begin = time.monotonic()
        its = start(other, "echo on; sleep 50")
        within("others are answered", 5, lambda: "on\n" in other.call(
            "job_output", job=its).text)
        check(time.monotonic() - begin < 10 * SLOW, "at once")
        equal(c.sh("echo mine").text, "mine\n", "a run is not a question")
        time.sleep(int(found.group(1)) / 1000)
        check(not c.call("job_output", job=job).error, "after that time")
        equal(server.audit("penalty-begin"), [], "its address pays nothing")
        for x, id in (c, job), (other, its):
            time.sleep(0.2)
            x.call("job_stop", job=id)


def test_stop_while_all_wait(server):
    """As many calls wait as may: what they wait for can still be ended."""
    with server.sse(token=server.add("waiting")) as c:
        job = start(c, "sleep 50")
        asks = [c.next_id() for _ in range(65)]
        for id in asks:
            c.post(message("tools/call", {"name": "job_output", "arguments": {
                "job": job, "wait_ms": 20000}}, id))
        first = c.answer()
        equal(first["id"], asks[64], "who is refused")
        check("64 of them of this token" in
              first["result"]["content"][0]["text"], first)
        c.post(message("tools/call", {
            "name": "job_stop", "arguments": {"job": job}}, "stop"))
        answers = {a["id"]: a["result"] for a in (
            c.answer() for _ in range(65))}
        equal(set(answers), {"stop", *asks[:64]}, "all are answered")
        for id, result in answers.items():
            check(not result.get("isError"), id, result)


def test_wait_is_kept(server):
    """job_output waits as it was told: for output, and else for that time."""
    with server.http() as c:
        job = start(c, "sleep 50")
        begin = time.monotonic()
        c.call("job_output", job=job, wait_ms=250)
        took = time.monotonic() - begin
        check(0.2 < took < 10 * SLOW, "it waited", took)
        c.call("job_stop", job=job)


def test_expiry_frees_all(server):
    """After its time there is no file, no byte and no entry of it."""
    with server.http(token=server.add("brief")) as c:
        before = kept(server)
        t = create(c, "head -c 300000 /dev/zero | tr '\\0' x", ttl=2000)
        settled(c, t)
        check(kept(server)[1] >= before[1] + 300000, "control", kept(server))
        with_file = len(files(server)) if os.geteuid() == 0 else 0
        # what earlier tests left may expire meanwhile
        within("all of it is gone", 10, lambda: all(
            now <= then for now, then in zip(kept(server), before)))
        if with_file:
            within("its file is gone", 5,
                   lambda: len(files(server)) < with_file)
        try:
            get(c, t)
        except RpcError as e:
            equal(e.code, -32602, "code")
        else:
            check(False, "it is still told of")


def test_stop_finds_daemons(server):
    """Double forks, sessions of their own, closed descriptors, no parent."""
    with server.http() as c:
        m = mark()
        job = start(c, "( ( setsid sh -c 'exec <&- >&- 2>&-; trap \"\" TERM "
                    f"HUP; sleep 60; : {m}' & ) & ); sh -c 'nohup sh -c "
                    f"\"sleep 61; : {m}\" >/dev/null 2>&1 &'; "
                    f"echo up; sleep 62; : {m}")
        within("all of it runs", 5, lambda: len(processes(m)) >= 3)
        within("each has become its sleep", 5, lambda: [
            name_of(p) for p in descendants(server.process.pid)].count(
                "sleep") >= 3)
        r = c.call("job_stop", job=job)
        check(not r.error and "ended by job_stop" in r.text, r)
        equal(processes(m), [], "left over")
        told = re.search(r"ended with it: (\d+) processes \((.*)\)", r.text)
        check(told and int(told.group(1)) >= 3 and "sleep" in told.group(2),
              "what was ended", r)
        # a daemon that is left when its command ends is ended as well
        job = start(c, f"( ( setsid sh -c 'sleep 60; : {m}x' & ) & ); true")
        within("over", 5, lambda: "exited with" in c.call(
            "job_output", job=job, wait_ms=300, until="end").text)
        equal(processes(m + "x"), [], "left over")


def test_shorter_than_a_call(_):
    """What becomes a job has a job's time, also where a call may take more."""
    policy = {"structured": False, "limits": {"timeout_ms": 60000},
              "jobs": {**JOBS, "max_seconds": 2}}
    with Server(policy=policy) as other, Http(other) as c:
        r = c.sh("sleep 1000")
        text = ended(c, ID.search(r.text).group())
        check("timed out after 2000 ms" in text, text)


def test_taken_away(server):
    """So that nothing is kept: see test_jobs."""
    take_jobs_away(server)
