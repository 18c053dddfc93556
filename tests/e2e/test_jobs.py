# SPDX-License-Identifier: MIT
"""Jobs: runs that outlive their call, and calls that run once."""
import json
import os
import re
import time

from client import (REVISIONS, RUN_ID, SLOW, Result, RpcError, Skip, check,
                    crash_frontend, equal, fds, mark, processes, within)
from modern import META, Modern

JOBS = {"at_once": 3, "max_seconds": 60, "keep_seconds": 600, "keep": 8,
        "wait_ms": 400, "output_bytes": 65536}
# What is to be answered as a call is, on a busy machine as well: see hasty().
SERVER = {"policy": {"structured": False, "text": "clean",
                     "jobs": {**JOBS, "wait_ms": 20000}}}
ID = re.compile(r"\b[0-9a-f]{32}\b")
NONE = "there is no such job"


def job_start(c, **arguments):
    return Result(c.ask("tools/call", {"name": "job_start",
                                       "arguments": arguments}))


def start(c, command, **more):
    r = c.call("job_start", command=command, **more)
    check(not r.error, r)
    return ID.search(r.text).group()


def output(c, job, **more):
    r = c.call("job_output", job=job, **more)
    check(not r.error, r)
    return r.text


def first(text):
    return text.split("\n", 1)[0]


def ended(c, job):
    """What job_output says once it is over."""
    def look():
        text = output(c, job, wait_ms=400, until="end")
        return None if " running for " in first(text) else text
    return within("the job's end", 10, look)


def body(text):
    return text.split("\n\n", 1)[1]


def files(server):
    """Those of kept output, that it has open."""
    return [f for f in fds(server.process.pid).values()
            if "/recordings/jobs/" in f]


def take_jobs_away(server):
    """From all policies; what these were."""
    texts = {p: p.read_text() for p in server.dir.glob("policies.d/*.json")}
    for path, text in texts.items():
        keys = json.loads(text)
        keys.pop("jobs", None)
        path.write_text(json.dumps(keys))
    server.reload()
    return texts


def take_key(server, policy):
    """From that policy alone, which has none from now on."""
    path = server.dir / f"policies.d/{policy}.json"
    keys = json.loads(path.read_text())
    keys.pop("jobs")
    path.write_text(json.dumps(keys))
    server.reload()


def other(server, name):
    """Another token of the same policy."""
    return server.http(token=server.add(name))


def hasty(server, name):
    """A token whose calls become jobs soon."""
    server.add_policy("hasty", jobs=JOBS)
    return server.add(name, policy="hasty")


def test_default_is_off(server):
    """A policy without the key offers nothing new, and takes nothing new."""
    server.add_policy("plain", jobs={})
    take_key(server, "plain")
    with server.http(token=server.add("plain", policy="plain")) as c:
        equal([t["name"] for t in c.tools()], ["exec_cmd", "cli_command"],
              "tools")
        check("idempotency_key" not in str(c.tools()), "schemas")
        for name in "job_start", "job_list":
            try:
                c.call(name, command="true")
            except RpcError as e:
                equal(e.code, -32602, name)
            else:
                check(False, name)
        r = c.call("exec_cmd", command="true", idempotency_key="x")
        check(r.error and "idempotency_key" in r.text, r)
        equal(c.sh("sleep 0.6; echo end").text, "end\n", "waits")


def test_start_and_read(server):
    clients = [lambda r=r: server.http(revision=r) for r in REVISIONS]
    for client in clients + [server.sse, lambda: Modern(server)]:
        with client() as c:
            job = start(c, "echo one; sleep 0.2; echo two >&2; exit 3",
                        name="first")
            text = ended(c, job)
            check(f"job {job} (first): exited with status 3" in text, text)
            check("the last there are" in text, text)
            equal(body(text), "one\ntwo\n", "output")
            equal(body(output(c, job, cursor=4)), "two\n", "from a cursor")
            equal(body(output(c, job, cursor=8)), "", "at the end")
            text = output(c, job, cursor=1 << 62)
            check("no output at byte" in text and body(text) == "" and
                  "yet" not in text, "no more comes", text)
            check(job in c.call("job_list").text, "list")


def test_background_is_for_jobs(server):
    """Who puts a command in the background is told what to use."""
    with server.http() as c:
        text = c.sh("sleep 9 & echo started").text
        check("give job_start what has to go on" in text, text)
    server.add_policy("jobless", jobs={})
    take_key(server, "jobless")
    with server.http(token=server.add("jobless", policy="jobless")) as c:
        text = c.sh("sleep 9 & echo started").text
        check("nothing outlives" in text and "job_start" not in text, text)


def test_what_models_are_told(server):
    """How streams are read is said where a command is run, not of each tool."""
    with server.http() as c:
        said = {t["name"]: t["description"] for t in c.tools()}
        for name, text in said.items():
            equal("order is only roughly" in text or "come together" in text,
                  not name.startswith("job_"), text)
        job = start(c, "echo x", input=True)
        ended(c, job)
        r = c.call("job_input", job=job, data="x")
        check(r.error and "job_output" in r.text and "job_start" in r.text, r)


def test_called_by_name(server):
    """Its name, or how its id begins, is enough if it is the only one."""
    with server.http() as c, other(server, "namesake") as d:
        mine, theirs = start(c, "echo mine; sleep 9", name="watch"), start(
            d, "echo theirs; sleep 9", name="watch")
        for word in "watch", mine[:8], mine[:31]:
            check(f"job {mine} (watch)" in first(output(c, word)), word)
        check(theirs in first(output(d, "watch")), "of each token its own")
        for word in "watc", mine[:7], theirs[:8], "watch\n":
            r = c.call("job_output", job=word)
            check(r.error and NONE in r.text, word, r)
        second = start(c, "sleep 9", name="watch")
        r = c.call("job_stop", job="watch")
        check(r.error and f"2 jobs are called so: {second} (running), {mine} "
              "(running); use the id of one" in r.text, r)
        check("running" in first(output(c, second)), "neither was ended")
        check("cancelled" in c.call("job_stop", job=second[:12]).text, "one")
        c.call("job_stop", job=mine)
        d.call("job_stop", job="watch")
        check("cancelled" in output(d, theirs), "by its name")
        text = output(c, mine, view="tail")
        check("bytes 0 to 5 follow, the last there are\n\nmine\n" in text,
              text)


def test_many_are_called_so(server):
    """The newest are named, on one line, in whatever state, and no others."""
    with server.http() as c, other(server, "many") as d:
        jobs = [start(d, f"exit {n}", name="build") for n in range(1, 8)]
        start(c, "true", name="build")
        for job in jobs:
            ended(d, job)
        r = d.call("job_output", job="build")
        named = ", ".join(f"{job} (exited with status {n})"
                          for n, job in reversed(list(enumerate(jobs, 1))[2:]))
        check(r.error and f"7 jobs are called so: {named}, and 2 older, which "
              "job_list shows; use the id of one" in r.text, r)
        equal(r.text.strip().count("\n"), 0, r.text)
        check("exited with status 7" in first(output(d, ID.search(
            r.text).group())), "the first that is named")


def test_names_are_names(server):
    """One that would be a line of its own in a list is refused."""
    with server.http() as c:
        for name in "a\nb", "\x1b[31m", "a\x7f":
            r = c.call("job_start", command="true", name=name)
            check(r.error and "visible characters" in r.text, r)
        job = start(c, "true", name="Bau 日本")
        text = ended(c, job)
        check(f"job {job} (Bau 日本): exited" in text, text)
        text = output(c, job, cursor=7)
        check("no output at byte 7: use a cursor of 0" in text, text)
        job = start(c, "sleep 50")
        text = output(c, job, cursor=7)
        check("no output at byte 7 yet: use a cursor of 0" in text, text)
        c.call("job_stop", job=job)


def test_kept_for_less(server):
    """As long as was asked for, and no longer than the policy says."""
    server.add_policy("short", jobs={**JOBS, "keep_seconds": 10})
    with server.http() as c, \
            server.http(token=server.add("short", policy="short")) as d:
        brief, long = start(c, "echo a", keep=2), start(c, "echo b", keep=500)
        most = start(d, "echo c", keep=9000)
        ended(c, long)
        within("it is kept no longer", 20, lambda: NONE in c.call(
            "job_output", job=brief).text, step=.1)
        check("b\n" in output(c, long), "control")
        within("nor is the policy's", 30, lambda: NONE in d.call(
            "job_output", job=most).text, step=.1)
        check("b\n" in output(c, long), "control")
        for wrong in 0, -1, "5", 1.5:
            r = c.call("job_start", command="true", keep=wrong)
            check(r.error and "keep must be" in r.text, wrong, r)


def test_start_names_what_it_takes(server):
    """Its own arguments as well as those of the command."""
    with server.http() as c:
        for word, meant in (("colums", "columns"), ("ptty", "pty"),
                            ("cwd", "working_dir"), ("qqqq", None)):
            r = job_start(c, command="true", **{word: 1})
            check(r.error and f'job_start has no argument "{word}"' in r.text
                  and ", env, " in r.text and ", pty, columns, " in r.text
                  and "view" not in r.text, r)
            equal(f'did you mean "{meant}"?' in r.text, meant is not None, r)
        r = job_start(c, tool="bash", arguments={"command": "true"})
        check(r.error and "tool is one of exec_cmd, cli_command" in r.text and
              "job_" not in r.text.removeprefix("job_start"), r)
        check(not job_start(c, command="true", columns=90,
                            pty=True).error, "control")


def test_time_that_a_job_has(server):
    """It is not told to ask for less than it had, nor of a shorter time."""
    server.add_policy("brief", jobs={**JOBS, "max_seconds": 3},
                      limits={"timeout_ms": 500, "timeout_max_ms": 2900})
    with server.http(token=server.add("brief", policy="brief")) as c:
        told = [job_start(c, command="sleep 50", **more) for more in (
            {}, {"timeout_ms": 2900}, {"timeout_ms": 2500})]
        for r, ms, said in zip(told, (3000, 2900, 2500), (
                "the longest that policy brief allows (key jobs.max_seconds)",
                "the longest that policy brief allows (key limits.timeout_max",
                "a call may ask for up to 2900 ms with timeout_ms")):
            check("runs on, at most 3 s;" in r.text, r)
            text = ended(c, ID.search(r.text).group())
            check(f"the time limit of {ms} ms was reached" in text
                  and said in text, said, text)


def test_tools_of_a_job(server):
    with server.http() as c:
        r = job_start(c, tool="cli_command", name="cli",
                      arguments={"command": "echo '$HOME  x'"})
        check(not r.error, r)
        equal(body(ended(c, ID.search(r.text).group())), "$HOME  x\n", "cli")
        job = start(c, "cat; env | grep ^CI", stdin="in\n", env={"CI": "7"})
        equal(body(ended(c, job)), "in\nCI=7\n", "arguments of a command")
        for bad in ({"tool": "job_start", "arguments": {}}, {},
                    {"tool": "nope"}, {"command": ""},
                    {"tool": "cli_command", "command": "true"},
                    {"command": "true", "tool": "x"},
                    {"command": "true", "nope": 1},
                    {"command": "true", "input": "yes"},
                    {"command": "true", "timeout_ms": 61000},
                    {"command": "true", "name": "x" * 64},
                    {"command": "true", "env": {"LD_PRELOAD": "x"}}):
            r = job_start(c, **bad)
            check(r.error and len(r.text) > 10, bad, r)
        r = job_start(c, tool="cli_command",
                      arguments={"command": "nosuchprogram"})
        check(r.error and "not found" in r.text, r)
        check("nosuchprogram" not in c.call("job_list").text, "it never ran")


def test_job_is_recorded(server):
    with server.http() as c:
        m = mark()
        job = start(c, f"echo {m}; sleep 0.1")
        ended(c, job)
    result = server.ended(m)
    intent, _ = server.run_records(m)
    equal(intent[RUN_ID], job, "the handle is the run's id")
    equal(intent["mcp.tool"], "exec_cmd", "tool")
    equal(result["job.detached"], True, "detached")
    begin = [r for r in server.audit("job-begin") if r[RUN_ID] == job]
    equal([r["event.reason"] for r in begin], ["job_start"], "job-begin")


def test_slow_call_becomes_a_job(server):
    token = hasty(server, "slow")
    for tool in "exec_cmd", "cli_command":
        with server.http(token=token) as c:
            go = server.work / mark()
            r = c.call(tool, command=f"sh -c 'echo out; until [ -e {go} ]; do "
                       "sleep 0.1; done; echo late; exit 4'")
            check(not r.error and "runs on" in first(r.text), r)
            job = ID.search(r.text).group()
            # its output may not have come in time
            so_far = r.text.partition("\n\n")[2]
            check(so_far in ("", "out\n"), r)
            cursor = int(re.search(r'"cursor": (\d+)', r.text).group(1))
            equal(cursor, len(so_far), "cursor")
            text = first(r.text)
            wait = re.search(r'"wait_ms": (\d+)', text).group(1)
            equal(int(wait), 400, "as long as calls wait")
            check('"until": "end"' in text, text)
            go.touch()
            text = ended(c, job)
            check("exited with status 4" in first(text), text)
            equal(so_far + body(output(c, job, cursor=cursor)), "out\nlate\n",
                  "the rest")
    with Modern(server, token) as c:
        go = server.work / mark()
        r = c.call("exec_cmd", command=f"until [ -e {go} ]; do sleep 0.1; "
                   "done; echo late")
        go.touch()
        equal(body(ended(c, ID.search(r.text).group())), "late\n", "modern")


def test_clients_that_wait_less(server):
    """They are answered before they give up; what they are told to wait, too."""
    waits = {"Java SDK MCP Client": 15000, "spring-ai-mcp-client - a": 15000,
             "Java SDK MCP Clients": 20000}
    with Modern(server) as c, server.http() as stopper:
        calls = [(c.begin("sleep 50", **{META + "clientInfo": {
            "name": name, "version": "1.0.0"}}), ms)
            for name, ms in waits.items()]
        for conn, ms in calls:
            r = stopper.finish(conn)
            check("runs on" in r.text and f'"wait_ms": {ms}' in r.text, r, ms)
            stopper.call("job_stop", job=ID.search(r.text).group())


def test_slow_call_tells_output_so_far(server):
    """Of a call that waits for as long as any test does for output."""
    server.add_policy("slower", jobs={**JOBS, "wait_ms": max(10000, 5000 * SLOW)})
    with server.http(token=server.add("slower", policy="slower")) as c:
        r = c.call("exec_cmd", command="echo out; sleep 60")
        check(not r.error and "runs on" in first(r.text), r)
        equal(body(r.text), "out\n", "output so far")
        check('"cursor": 4' in first(r.text), r)
        c.call("job_stop", job=ID.search(r.text).group())


def test_other_tokens_have_none_of_it(server):
    with server.http() as c, other(server, "mallory") as m:
        job = start(c, "cat; echo secret", input=True)
        wrong = job[:-1] + ("0" if job[-1] != "0" else "1")
        asked = {"job_output": {}, "job_stop": {}, "job_input": {"data": "x"}}
        for tool, more in asked.items():
            answers = [m.call(tool, job=j, **more)
                       for j in (job, wrong, "", "x" * 32, job[:31],
                                 job + "0", "../" + job)]
            for r in answers:
                check(r.error and (NONE in r.text or "required" in r.text or
                                   "most" in r.text), r)
            equal(answers[0].text, answers[1].text, "the same words")
        check(job not in m.call("job_list").text, "list")
        c.call("job_input", job=job, eof=True)
        equal(body(ended(c, job)), "secret\n", "it went on")


def test_input(server):
    with server.http() as c:
        job = talker = start(c, "while read x; do echo \"got $x\"; done; echo end",
                    input=True)
        r = c.call("job_input", job=job, data="one\n")
        check(not r.error, r)
        text = within("the first", 10, lambda: body(text := output(
            c, job, wait_ms=400)) == "got one\n" and text)
        check("running for" in first(text), text)
        check(not c.call("job_input", job=job, data="two\n", eof=True).error,
              "eof")
        equal(body(ended(c, job)), "got one\ngot two\nend\n", "all")
        r = c.call("job_input", job=job, data="x")
        check(r.error and "does not run" in r.text, r)
        job = start(c, "cat")
        r = c.call("job_input", job=job, data="x")
        check(r.error, "its input was never open", r)
        check(c.call("job_input", job=job).error, "neither data nor eof")
        equal(body(ended(c, job)), "", "cat of nothing")
    within("records", 5, lambda: [
        r["stdin.bytes"] for r in server.audit("job-input")
        if r[RUN_ID] == talker] == [4, 4])


def test_stop_ends_the_tree(server):
    with server.http() as c:
        m = mark()
        job = start(c, f"trap '' TERM; sh -c 'sleep 60; : {m}' & "
                    f"setsid sh -c 'trap \"\" TERM; sleep 61; : {m}' & "
                    "wait; wait; wait")
        within("all of it runs", 5, lambda: processes("sleep\x0060") and
               processes("sleep\x0061"))
        r = c.call("job_stop", job=job)
        check(not r.error and "cancelled" in r.text, r)
        check("ended by job_stop" in r.text, r)
        check(re.search(r"ended with it: \d+ processes \(.*sleep", r.text), r)
        equal(processes(m), [], "left over")
        r = c.call("job_stop", job=job)
        check(not r.error and "cancelled" in r.text, "again", r)
        job = start(c, "trap '' TERM; echo up; while :; do sleep 1; done")
        output(c, job, wait_ms=400)
        r = c.call("job_stop", job=job, signal="KILL")
        check(not r.error and "cancelled" in r.text, r)
        check(c.call("job_stop", job=job, signal="HUP").error, "signal")
        within("what was ended with it", 10, lambda: (
            "timed out after 300 ms; ended with it: " in c.sh(
                "sleep 30; true", timeout_ms=300).text))
        job = start(c, "sleep 30", timeout_ms=1500)
        text = ended(c, job)
        check("timed out after 1500 ms" in text, text)
        check("ended with it: " in text, text)


def test_an_ordinary_run_is_seen_and_ended(server):
    with server.http() as c, server.http() as d:
        conn = c.begin("echo up; sleep 30", timeout_ms=30000)
        job = within("it is listed", 5, lambda: re.search(
            r"^(\w{32})  run, running.*sleep 30", d.call("job_list").text,
            re.M)).group(1)
        r = d.call("job_stop", job=job)
        check(not r.error, r)
        r = c.finish(conn)
        check("ended by job_stop" in r.text or "runs on" in r.text, r)


def test_at_once_and_keep(server):
    with server.http() as c, other(server, "neighbour") as n:
        jobs = [start(c, "sleep 55") for _ in range(3)]
        for _ in range(20):
            r = c.call("job_start", command="true")
            check(r.error and "jobs.at_once" in r.text, r)
        equal(c.sh("echo still").text, "still\n", "calls go on")
        equal(body(ended(n, start(n, "echo other"))), "other\n", "others too")
        for i in range(70):     # more than a list shows
            c.sh("true", idempotency_key=f"list {i}")
        text = c.call("job_list").text
        check(all(job in text for job in jobs), "what runs is listed", text)
        check("left out" in text, text)
        for job in jobs:
            c.call("job_stop", job=job)
        kept = []
        for i in range(10):
            kept.append(start(c, f"echo {i}"))
            ended(c, kept[-1])
        r = c.call("job_output", job=jobs[0])
        check(r.error and NONE in r.text, "the oldest gave way", r)
        equal(body(output(c, kept[-1])), "9\n", "the newest")
        for i in range(12):
            c.sh(f"echo call {i}")
        equal(body(output(c, kept[-1])), "9\n", "calls push out no job")


def test_at_once_and_slow(server):
    with server.http(token=hasty(server, "busy")) as c:
        jobs = [start(c, "sleep 55") for _ in range(3)]
        begin = time.monotonic()
        output(c, jobs[0], wait_ms=1 << 40)
        check(time.monotonic() - begin < 5 * SLOW,
              "waits no longer than calls do")
        # no place: a slow call waits instead
        equal(c.sh("sleep 0.7; echo slow").text, "slow\n", "no job")
        for job in jobs:
            c.call("job_stop", job=job)


def test_output_is_bounded(server):
    with server.http() as c:
        job = start(c, "i=0; while [ $i -lt 20000 ]; do "
                    "echo line $i; i=$((i+1)); done")
        whole = sum(len(f"line {i}\n") for i in range(20000))
        text = ended(c, job)
        check(f"{whole} bytes of output in all" in first(text), first(text))
        check(f"{whole - 65536} of the bytes are not kept" in text, text[:400])
        got, cursor = "", whole - 65536
        while cursor < whole:
            text = output(c, job, cursor=cursor)
            check(len(text) < 200000, "bounded")
            got += body(text)
            cursor = int(re.search(r"bytes \d+ to (\d+)", text).group(1))
        lines = "".join(f"line {i}\n" for i in range(20000))
        equal(got, lines[-65536:], "no byte is lost or twice")


def test_utf8_is_not_cut(server):
    server.add_policy("small", limits={"output_bytes": 1024})
    with server.http(token=server.add("small", policy="small")) as c:
        job = start(c, "i=0; while [ $i -lt 900 ]; do printf é€; "
                    "i=$((i+1)); done")
        ended(c, job)
        got, cursor = "", 0
        while cursor < 4500:
            text = output(c, job, cursor=cursor)
            got += body(text)
            cursor = int(re.search(r"bytes \d+ to (\d+)", text).group(1))
        equal(got, "é€" * 900, "text")


def test_survives_frontend_and_client(server):
    with server.http() as c:
        m = mark()
        job = start(c, f"echo begin; sleep 1.2; echo end; : {m}")
        plain = c.begin(f"sleep 600; : {m}x")
        server.running(m + "x")
    crash_frontend(server)
    plain.close()
    with server.http() as c:
        check(job in c.call("job_list").text, "found again")
        equal(body(ended(c, job)), "begin\nend\n", "all of it")
    result = server.ended(m + "x", 15)
    equal(result["run.state"], "cancelled", "a run that is not a job")


def test_revoked(server):
    token = server.add("leaver")
    with server.http(token=token) as c:
        m = mark()
        start(c, f"sleep 50; : {m}")
        server.running(m)
        server.ctl("token", "revoke", "leaver")
        result = server.ended(m)
        check("revoked" in result["event.reason"], result)
        within("nothing is left", 5, lambda: not processes(m))


def test_policy_taken_away(server):
    path = server.add_policy("going")
    with server.http(token=server.add("going", policy="going")) as c:
        m = mark()
        start(c, f"sleep 50; : {m}")
        server.running(m)
        path.write_text(re.sub(r', "jobs": \{[^}]*\}', "", path.read_text()))
        check("jobs" not in path.read_text(), path.read_text())
        server.reload()
        result = server.ended(m)
        check("does not allow jobs" in result["event.reason"], result)


def test_once(server):
    """The same call with the same key runs once."""
    with server.http() as c:
        counter = server.work / "count"
        args = {"command": f"echo x >> {counter}; echo done",
                "idempotency_key": "key 1"}
        equal(c.call("exec_cmd", **args).text, "done\n", "first")
        for _ in range(3):
            equal(c.call("exec_cmd", **args).text, "done\n", "again")
        equal(counter.read_text(), "x\n", "runs")
        r = c.call("exec_cmd", command="echo other", idempotency_key="key 1")
        check(r.error and "another call" in r.text, r)
        r = c.call("cli_command", **args)
        check(r.error and "another call" in r.text, "another tool", r)
        with other(server, "twin") as d:
            d.call("exec_cmd", **args)
        equal(counter.read_text(), "x\nx\n", "another token's key is its own")
        within("recorded", 5, lambda: len(server.audit("job-join")) == 3)
        for bad in "", "x" * 256:
            check(c.call("exec_cmd", command="true",
                         idempotency_key=bad).error, "key", len(bad))
        r = c.ask("tools/call", {
            "name": "exec_cmd", "_meta": {"mcp-execd/idempotency-key": "key 1"},
            "arguments": {"command": args["command"]}})
        equal(r["content"][0]["text"], "done\n", "by _meta")


def test_once_with_a_broken_stream(server):
    with server.http() as c:
        counter = server.work / "broken"
        args = {"command": f"echo x >> {counter}; sleep 0.3; "
                "echo out; echo err >&2; exit 5", "idempotency_key": "b"}
        conn = c.begin(**args)
        server.file(counter.name)
        conn.reset()
        r = c.call("exec_cmd", **args)
        if "runs on" in r.text:
            ended(c, ID.search(r.text).group())
            r = c.call("exec_cmd", **args)
        check(r.error and "exit status 5" in r.text, r)
        check(r.text.endswith("out\nerr\n"), r)
        crash_frontend(server)
    with server.http() as c:
        check("exit status 5" in c.call("exec_cmd", **args).text, "still")
        equal(counter.read_text(), "x\n", "runs")
        args["command"] = "nosuchprogram"
        args["idempotency_key"] = "refused"
        for _ in range(2):      # what never ran may be asked for again
            check(c.call("cli_command", **args).error, "not found")


def test_once_of_a_job(server):
    with server.http() as c:
        counter = server.work / "jobs"
        args = {"command": f"echo x >> {counter}; sleep 1",
                "idempotency_key": "j"}
        job = start(c, **args)
        equal(start(c, **args), job, "the same job")
        ended(c, job)
        r = c.call("job_start", **args)
        check(job in r.text or not r.error, r)
        equal(counter.read_text(), "x\n", "runs")
        # with the same command, and yet not the same
        for kind in ({"pty": True}, {"pty": True, "columns": 100},
                     {"input": True}):
            r = c.call("job_start", **args, **kind)
            check(r.error and "used for another call" in r.text, kind, r)
            key = {**args, "idempotency_key": f"of {kind}"}
            job = start(c, **key, **kind)
            equal(start(c, **key, **kind), job, "the same job")
            r = c.call("job_start", **key)
            check(r.error and "used for another call" in r.text, kind, r)
            c.call("job_input", job=job, eof=True)
            ended(c, job)
        equal(counter.read_text(), 4 * "x\n", "one each")


def test_taken_away_from_all(server):
    """Without the key nothing is kept, nor is a file of it."""
    if os.geteuid():
        raise Skip("only root sees the descriptors of the executor")
    with server.http() as c:
        start(c, "echo kept; sleep 50")
        within("control", 5, lambda: files(server))
        take_jobs_away(server)
        within("its tools are gone", 5, lambda: len(c.tools()) == 2)
        within("no file is open", 5, lambda: not files(server))
