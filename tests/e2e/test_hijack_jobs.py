# SPDX-License-Identifier: MIT
"""The executor against a hijacked frontend that asks for others' jobs."""
import hashlib
import os
import re

from client import check, equal, within
from test_hijack import (BOOL, DONE, EXEC, EXITED, OUTPUT, REFUSED_STATE, TASK,
                         Done, Hijacked, arg, call, decode, frame, hijacked,
                         proof_of, u64)

JOBS = {"at_once": 4, "max_seconds": 60, "keep_seconds": 60, "wait_ms": 20000}
RUNNING = 6
NOBODY = "0123456789abcdef" * 2
NO_JOB, NO_TASK = "there is no such job", "there is no such task"


class Asker:
    """Calls by hand, with an id each; what came back."""

    def __init__(self, server):
        self.server, self.n = server, 0

    def __call__(self, proof, tool, *args, **fields):
        self.n += 1
        self.server.send(call(self.n, proof, tool=tool, **fields), *(
            arg(self.n, *a) for a in args), frame(EXEC, u64(self.n)))
        out, tasks = b"", []
        while True:
            got = self.server.recv()
            check(got is not None, "closed:", self.server.log()[-300:])
            code, body = got
            if code == OUTPUT:
                out += decode(code, body)["data"]
            elif code == TASK:
                tasks.append(decode(code, body))
            elif code == DONE and Done(body).call == self.n:
                return Done(body), out.decode(), tasks


def questions(id):
    """Each way to ask about a run; the words that refuse it."""
    return ([(tool, [("job", id), *more], NO_JOB) for tool, more in (
                ("job_output", []), ("job_output", [("cursor", "0")]),
                ("job_stop", []), ("job_stop", [("signal", "KILL")]),
                ("job_input", [("data", "x")]))] +
            [(tool, [("task.id", id), *more], NO_TASK) for tool, more in (
                ("tasks/get", []), ("tasks/cancel", []),
                ("tasks/get", [("task.output", "true", BOOL)]),
                ("tasks/result", [("task.output", "true", BOOL)]),
                ("tasks/cancel", [("task.wait", "true", BOOL)]))] +
            [("tasks/list", [("task.after", id)], "unknown cursor: ")])


def start(ask, proof, command):
    """A job that is a task."""
    done, _, tasks = ask(proof, "exec_cmd", ("command", command),
                         ("job.task", "now"))
    equal((done.state, tasks[0]["run"].decode()), (RUNNING, done.run), done)
    return done.run


def shut(ask, proof, id, state=REFUSED_STATE, **fields):
    """Nothing is told of it by any question, nor done to it."""
    for tool, args, why in questions(id):
        done, out, tasks = ask(proof, tool, *args, **fields)
        equal((done.state, out), (state, ""), (tool, done.message))
        check(all(t["run"] == b"" for t in tasks), tool, tasks)
        yield tool, why, done.message


def test_hijacked_frontend():
    """Every question of the table, with each wrong right, and a right one."""
    server, tokens = Hijacked(policy={"jobs": JOBS}), {}
    for name, more in (("other", ()), ("far", ("--from", "10.1.0.0/16"))):
        tokens[name] = proof_of(re.search(r"\S{40,}", server.ctl(
            "token", "add", name, "--policy", server.name, *more)).group())
    with server as s:
        s.up()
        ask, mine = Asker(s), proof_of(s.token)
        id = start(ask, mine, "echo secret; cat; sleep 50")
        own = start(ask, tokens["other"], "true")
        within("it has ended", 10, lambda: " running for " not in ask(
            tokens["other"], "job_output", ("job", own))[1])
        for wrong in (id, id[:8], id[:7], id + "0", id.upper(), "", NOBODY,
                      id[:31] + ("0" if id[31] != "0" else "1")):
            proof = tokens["other"] if wrong in (id, id[:8]) else mine
            if wrong != id.upper() or id.isdigit():
                for tool, why, said in shut(ask, proof, wrong):
                    check(why in said or "required" in said, tool, said)
        for proof in os.urandom(32), bytes(32), hashlib.sha256(mine).digest():
            for tool, _, said in shut(ask, proof, id):
                check("not valid" in said, tool, said)
        for _, _, said in shut(ask, tokens["far"], id, peer="10.1.2.3"):
            check("no such" in said or "unknown cursor" in said, said)
        for _, _, said in shut(ask, tokens["far"], id):
            check("this address" in said, said)
        # controls: the questions are answered to whom it belongs
        for proof, run, told in (mine, id, "running"), (
                tokens["other"], own, "exited with status 0"):
            done, out, _ = ask(proof, "job_output", ("job", run))
            equal(done.state, EXITED, done.message)
            check(told in out, out)
            done, _, tasks = ask(proof, "tasks/list")
            equal([t["run"].decode() for t in tasks], [run], "its own alone")
            check(run in ask(proof, "job_list")[1], "list")
        check("secret" in ask(mine, "job_output", ("job", id))[1], "output")
        done, out, tasks = ask(mine, "tasks/cancel", ("task.id", id),
                               ("task.wait", "true", BOOL))
        equal((done.state, tasks[0]["state"]), (RUNNING, 3), "it was ended")


def test_hijacked_frontend_says_nonsense():
    """What no frontend of ours sends is refused, and begins nothing."""
    with hijacked(policy={"jobs": JOBS}) as s:
        s.up()
        ask, mine = Asker(s), proof_of(s.token)
        for tool, *args in (
                ("exec_cmd", ("command", "touch stolen"),
                 ("job.task", "soon")),
                ("exec_cmd", ("command", "touch stolen"),
                 ("job.task", "now"), ("job.ttl", "-1")),
                ("exec_cmd", ("command", "touch stolen"),
                 ("job.task", "now"), ("job.base64", "2")),
                ("exec_cmd", ("command", "touch stolen"),
                 ("job.task", "now"), ("view", "nope")),
                ("exec_cmd", ("command", "touch stolen"),
                 ("task.id", NOBODY)),
                ("job_start", ("job.tool", "exec_cmd"),
                 ("command", "touch stolen"), ("job.task", "now")),
                ("job_start", ("job.tool", "tasks/list")),
                ("tasks/start", ("command", "touch stolen")),
                ("tasks/get",), ("tasks/list", ("command", "x"))):
            done, out, _ = ask(mine, tool, *args)
            equal((done.state, out), (REFUSED_STATE, ""), tool)
        equal(ask(mine, "job_list")[1][:7], "no runs", "nothing began")
        check(not (s.work / "stolen").exists(), "it ran")
        equal(ask(mine, "exec_cmd", ("command", "echo on"))[1], "on\n",
              "control")


def test_hijacked_frontend_without_jobs():
    with hijacked() as s:
        s.up()
        ask, mine = Asker(s), proof_of(s.token)
        for tool, args, _ in questions(NOBODY):
            equal(ask(mine, tool, *args)[0].state, REFUSED_STATE, tool)
        done, _, tasks = ask(mine, "exec_cmd", ("command", "touch stolen"),
                             ("job.task", "now"))
        equal((done.state, tasks), (REFUSED_STATE, []), "a task")
        check(not (s.work / "stolen").exists(), "it ran")
