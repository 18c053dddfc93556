# SPDX-License-Identifier: MIT
"""Whose jobs they are: in each revision, and when rights change."""
import json
import re

from client import (REVISIONS, RpcError, check, equal, mark, processes,
                    within)
from modern import Modern
from test_jobs import take_jobs_away

JOBS = {"at_once": 4, "max_seconds": 60, "keep_seconds": 60, "wait_ms": 20000}
SERVER = {"policy": {"structured": False, "jobs": JOBS}}
NOBODY = "0123456789abcdef" * 2
NO_JOB = "there is no such job"


def asked(c, tool, **arguments):
    """What a tool says; an error of the protocol as well."""
    try:
        r = c.call(tool, **arguments)
    except RpcError as e:
        return str(e)
    return r.text if r.error else ""


def all_clients(server, **more):
    return [lambda r=r: server.http(revision=r, **more)
            for r in REVISIONS] + [
        lambda: server.sse(**more), lambda: Modern(server, **more)]


def test_every_revision(server):
    """Of another token, guessed or cut: the same words, whatever is spoken."""
    token = server.add("mallory")
    with server.http() as c:
        r = c.call("job_start", command="echo secret; sleep 50")
        id = re.search(r"\b[0-9a-f]{32}\b", r.text).group()
        for client in all_clients(server, token=token):
            with client() as m:
                said = {asked(m, tool, job=x, **more)
                        for x in (id, NOBODY, id[:31])
                        for tool, more in (("job_output", {}),
                                           ("job_stop", {}),
                                           ("job_input", {"data": "x"}))}
                equal(len(said), 1, said)
                check(NO_JOB in said.pop(), "refused")
                check(id not in m.call("job_list").text, "list")
        for client in all_clients(server):
            with client() as own:
                check("secret" in own.call("job_output", job=id).text,
                      "control")
        c.call("job_stop", job=id)


def test_after_expiry_and_revocation(server):
    """A right that ends takes the job's end with it, and what is kept."""
    token = server.add("brief", "--expires", "5s")
    with server.http(token=token) as c, Modern(server, token=token) as n:
        m = mark()
        r = c.call("job_start", command=f"sleep 50; : {m}")
        id = re.search(r"\b[0-9a-f]{32}\b", r.text).group()
        equal(asked(n, "job_output", job=id), "", "control")
        within("its run has ended", 15, lambda: not processes(m))
        for x in c, n:
            equal(x.conn.request("POST", "/mcp", x.headers(
                *([] if x is c else ["ping", {}])), b"{}").status, 401,
                  "the token")
    again = server.add("again")
    with server.http(token=again) as c:
        check(NO_JOB in asked(c, "job_output", job=id), "to others")


def test_narrowed_at_reload(server):
    """A token that gets another policy: what that does not allow is gone."""
    server.add_policy("wide")
    server.add_policy("strict", jobs={**JOBS, "at_once": 1})
    path = server.dir / "policies.d/strict.json"
    token = server.add("narrowed", policy="wide")
    with server.http(token=token) as c:
        m = mark()
        first = re.search(r"\b[0-9a-f]{32}\b", c.call(
            "job_start", command=f"sleep 50; : {m}").text).group()
        check(asked(c, "job_output", job=first) == "", "control")
        file = server.dir / "tokens.d/narrowed.json"
        keys = json.loads(file.read_text())
        keys["policy"] = "strict"
        file.write_text(json.dumps(keys))
        server.reload()
        within("what the wider one began has ended", 10,
               lambda: not processes(m))
        # Its process is gone before its place is given back.
        within("a place for one", 10, lambda: not asked(
            c, "job_start", command="sleep 50"))
        check("jobs.at_once" in asked(c, "job_start", command="true"),
              "but one")
        keys = json.loads(path.read_text())
        keys.pop("jobs")
        path.write_text(json.dumps(keys))
        server.reload()
        within("no job tool is there", 5,
               lambda: "unknown tool" in asked(c, "job_list"))
        equal(c.sh("echo on").text, "on\n", "control")
    for name in "wide", "strict":
        (server.dir / f"policies.d/{name}.json").unlink()


def test_another_source(server):
    """A token that is bound to addresses keeps its jobs to these."""
    token = server.add("bound", "--from", "127.0.0.1")
    with server.http(token=token) as c:
        id = re.search(r"\b[0-9a-f]{32}\b", c.call(
            "job_start", command="echo mine").text).group()
        try:
            with server.http(token=token, source="127.0.0.2") as d:
                check(False, "a session", d.session)
        except AssertionError as e:
            check("initialize" in str(e) or "401" in str(e) or
                  "403" in str(e), e)
        within("control", 5, lambda: "mine" in c.call(
            "job_output", job=id).text)


def test_taken_away(server):
    """So that nothing is kept: see test_jobs."""
    take_jobs_away(server)
