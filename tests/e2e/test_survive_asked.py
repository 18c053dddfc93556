# SPDX-License-Identifier: MIT
"""Who finds a job that outlived its executor, and which ones do not."""
import json
import re

from client import RESULT, Connection, Server, check, equal, message, processes, within
from test_control import doctor
from test_jobs import body, ended, output, start
from test_survive import POLICY, crash, of, result_of, server_of
from test_tasks import Late, create, get, result, settled, text


def waits(go, n):
    return f"until [ -e {go} ]; do sleep 0.02; done; echo out {n}; exit {n}"


def test_same_key_waits():
    """The call again is the run that goes on, and gets its result."""
    with server_of(jobs={"wait_ms": 20000}) as server:
        go, counter = server.work / "go", server.work / "count"
        args = {"command": f"echo x >> {counter}; " + waits(go, 4),
                "idempotency_key": "once"}
        with server.http() as c:
            job = start(c, **args)
            server.file(counter.name)
        for _ in range(2):
            crash(server, set())
        with server.http() as c, Connection(server) as conn:
            equal(start(c, **args), job, "the same job")
            r = c.call("job_start", **{**args, "command": "true"})
            check(r.error and "another call" in r.text, r)
            c.send(message("tools/call", {
                "name": "job_output", "arguments": {
                    "job": job, "until": "end", "wait_ms": 20000}}, 7), conn)
            go.touch()
            check("exited with status 4" in ended(c, job), "its end")
            equal(body(output(c, job, cursor=0)), "out 4\n", "its output")
            check("exited with status 4" in c.finish(conn).text, "who waited")
        equal(counter.read_text(), "x\n", "it ran once")
        equal(result_of(server, job)["process.exit_code"], 4, "status")


def test_call_by_key_waits():
    """An ordinary call that became a job: the same call gets what it printed."""
    with server_of(jobs={"wait_ms": 300}) as server:
        go, counter = server.work / "go", server.work / "count"
        args = {"command": f"echo x >> {counter}; " + waits(go, 6),
                "idempotency_key": "call"}
        with server.http() as c:
            r = c.call("exec_cmd", **args)
            job, = re.findall(r"\b[0-9a-f]{32}\b", r.text)[:1]
        crash(server, set())
        with server.http() as c:
            r = c.call("exec_cmd", **args)
            check("runs on" in r.text and job in r.text, r)
            go.touch()
            ended(c, job)
            r = c.call("exec_cmd", **args)
            check("exit status 6" in r.text and "out 6" in r.text, r)
        equal(counter.read_text(), "x\n", "it ran once")


def test_task_goes_on():
    with server_of() as server:
        go = server.work / "go"
        with server.http() as c:
            core = create(c, waits(go, 0))
        within("on record", 5,
               lambda: of(server, "job-begin", core["taskId"]))
        crash(server, set())
        with server.http() as c, Late(server) as late:
            for each in c, late:
                equal(get(each, core)["status"], "working", "it goes on")
            go.touch()
            equal(settled(c, core)["status"], "completed", "its end")
            equal(text(result(c, core)), "out 0\n", "its result")
            equal(get(late, core)["status"], "completed", "for either client")


def test_policy_gone_meanwhile():
    """Its file is removed with its tokens', while nobody is there."""
    with server_of() as server:
        with server.http() as c:
            job = start(c, "sleep 1000781")
            within("it runs", 5, lambda: processes("1000781"))
        folder = server.dir / "policies.d"
        own = folder / f"{server.name}.json"
        server.kill()
        check(processes("1000781"), "it goes on alone")
        own.rename(folder / "another.json")
        for path in (server.dir / "tokens.d").glob("*.json"):
            keys = json.loads(path.read_text())
            path.write_text(json.dumps({**keys, "policy": "another"}))
        server.start()
        within("it is ended", 10, lambda: not processes("1000781"))
        end = result_of(server, job)
        equal(end["run.state"], "lost", end)
        check("is not there any more" in end["event.reason"], end)
        check(not of(server, "run-adopted", job), "nobody went on with it")
        server.ctl("audit", "verify")


def test_recorded_tail_does_not_survive():
    """It is in memory, and the policy explains that."""
    recorded = {**POLICY, "audit": {"output": "tail"}}
    for policy, lives in (recorded, False), (POLICY, True):
        with Server(policy=policy) as server:
            with server.http() as c:
                job = start(c, "sleep 1000782")
                within("it runs", 5, lambda: processes("1000782"))
            said = server.ctl("policy", "explain", server.name)
            equal("although jobs.survive is true" in said, not lives, said)
            told, _ = doctor(server, "survive")
            equal(told["status"], "ok" if lives else "warn", told)
            equal("is recorded" in json.dumps(told), not lives, told)
            crash(server, set())
            within("it lives, or not", 10,
                   lambda n=lives: bool(processes("1000782")) == n)
            equal(len(of(server, "run-adopted", job)), int(lives), policy)
            equal(len(of(server, RESULT, job)), int(not lives), policy)
            with server.http() as c:
                said = output(c, job)
                equal("restarted while it ran, which ended it (jobs.survive "
                      "does not hold for it: the tail of its output was "
                      "recorded" in said, not lives, said)
