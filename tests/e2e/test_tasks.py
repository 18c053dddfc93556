# SPDX-License-Identifier: MIT
"""Tasks of MCP: those of the core of 2025-11-25, and the extension."""
import json
import re
import threading
import time

import protocol
from client import (REVISIONS, SLOW, Connection, Failed, RpcError, check,
                    crash_frontend, equal, mark, message, parse, processes,
                    request, within)
from modern import META, Modern, meta
from test_jobs import take_jobs_away
from test_streams import SUBSCRIPTION, Events

JOBS = {"at_once": 6, "max_seconds": 60, "keep_seconds": 600, "keep": 4,
        "wait_ms": 400, "output_bytes": 65536}
# What is to be answered as a call is, on a busy machine as well: see hasty().
SERVER = {"policy": {"structured": False,
                     "jobs": {**JOBS, "wait_ms": 20000}}}
CORE = "2025-11-25"
EXTENSION = "io.modelcontextprotocol/tasks"
RELATED = "io.modelcontextprotocol/related-task"
DECLARED = {META + "clientCapabilities": {"extensions": {EXTENSION: {}}}}
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")
NOBODY = "0123456789abcdef" * 2


class Late(Modern):
    """A client that declares the extension in each request."""

    def post(self, method, params=None, id=1, headers=(), conn=None, **more):
        return super().post(method, params, id, headers, conn,
                            **{**DECLARED, **more})

    def ask(self, method, params=None, **more):
        self.ids += 1
        answer = parse(self.post(method, params, self.ids, **more))[-1]
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]


def refused(code, ask, *args):
    """The message of that error, which it must be."""
    try:
        got = ask(*args)
    except RpcError as e:
        equal(e.code, code, str(e))
        return str(e)
    raise Failed(f"no error: {got}")


def hasty(server, name):
    """A token whose calls become tasks soon."""
    server.add_policy("hasty", jobs=JOBS)
    return server.add(name, policy="hasty")


def create(c, command, tool="exec_cmd", ttl=None, **arguments):
    """A task of either kind of client."""
    task = {} if ttl is None else {"ttl": ttl}
    r = c.ask("tools/call", {"name": tool, "task": task, "arguments": {
        "command": command, **arguments}})
    t = r if isinstance(c, Late) else r["task"]
    check(re.fullmatch("[0-9a-f]{32}", t["taskId"]), t)
    check(ISO.fullmatch(t["createdAt"]) and ISO.fullmatch(t["lastUpdatedAt"]),
          t)
    equal(t["status"], "working", t)
    return t


def get(c, task):
    return c.ask("tasks/get", {"taskId": task["taskId"]})


def result(c, task):
    return c.ask("tasks/result", {"taskId": task["taskId"]})


def settled(c, task):
    def look():
        t = get(c, task)
        return t if t["status"] != "working" else None
    return within("the task's end", 10, look)


def has_support(c):
    return any("execution" in t for t in c.ask("tools/list")["tools"])


def text(r):
    return r["content"][0]["text"]


def test_core(server):
    with server.http() as c:
        equal(c.hello["capabilities"]["tasks"],
              {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}},
              "capability")
        support = {t["name"]: t.get("execution") for t in c.tools()}
        equal(support["exec_cmd"], {"taskSupport": "optional"}, "exec_cmd")
        equal(support["job_output"], None, "a job tool")
        t = create(c, "sleep 0.3; echo out", ttl=60000)
        check(60000 <= t["ttl"] <= 61000 + 60000, t)
        check("running for" in t["statusMessage"], t)
        check(get(c, t)["taskId"] == t["taskId"], "it is there at once")
        r = result(c, t)    # waits
        equal((text(r), r["isError"]), ("out\n", False), "result")
        equal(r["_meta"][RELATED], {"taskId": t["taskId"]}, "related")
        done = get(c, t)
        equal(done["status"], "completed", done)
        check(done["lastUpdatedAt"] > done["createdAt"], done)
        check("exited with status 0" in done["statusMessage"], done)
        equal(text(result(c, t)), "out\n", "as often as it is asked for")
        listed = c.ask("tasks/list")
        check(t["taskId"] in [x["taskId"] for x in listed["tasks"]], "list")
        check("nextCursor" not in listed, listed)


def test_core_of_a_failure(server):
    with server.http() as c:
        t = create(c, "echo no >&2; exit 3")
        equal(settled(c, t)["status"], "failed", "isError")
        r = result(c, t)
        check(r["isError"] and "exit status 3" in text(r), r)
        equal(settled(c, create(c, "false", "cli_command"))["status"],
              "completed", "as its result says")
        t = create(c, "sleep 20", timeout_ms=2000)      # it has to begin
        equal(settled(c, t)["status"], "failed", "time-out")
        check("timed out" in text(result(c, t)), result(c, t))


def test_what_cannot_be_a_task(server):
    """It is an error, as no result of a call is awaited."""
    with server.http() as c:
        def call(tool="exec_cmd", task={}, **arguments):
            return c.ask("tools/call", {"name": tool, "task": task,
                                        "arguments": arguments})

        before = c.ask("tasks/list")["tasks"]
        check("without params.task" in
              refused(-32601, call, "job_list"), "a job tool")
        for bad in ({"ttl": -1}, {"ttl": "x"}, {"ttl": 1.5}, [], 1, "x"):
            refused(-32602, lambda: call(task=bad, command="true"))
        refused(-32602, lambda: call(comand="true"))
        check("not found" in refused(-32602, lambda: call(
            "cli_command", command="nosuchprogram")), "program")
        refused(-32602, lambda: call(command="true", view="nope"))
        refused(-32602, lambda: call(command="true", timeout_ms=10**9))
        for bad in ({}, {"taskId": 1}, {"taskId": None}, {"taskId": "x" * 65},
                    {"taskId": ""}, {"taskId": NOBODY}):
            for method in "tasks/get", "tasks/result", "tasks/cancel":
                refused(-32602, c.ask, method, bad)
        for cursor in "x", NOBODY, 1:
            check("unknown cursor" in refused(
                -32602, c.ask, "tasks/list", {"cursor": cursor}), cursor)
        equal(c.ask("tasks/list")["tasks"], before, "nothing came of it")
        equal(text(c.ask("tools/call", {
            "name": "exec_cmd", "task": None,
            "arguments": {"command": "echo plain"}})), "plain\n", "null")


def test_core_cancel(server):
    with server.http() as c:
        m = mark()
        t = create(c, f"setsid sh -c 'sleep 60; : {m}' & sleep 61; : {m}")
        server.running(m)
        r = c.ask("tasks/cancel", {"taskId": t["taskId"]})
        equal((r["taskId"], r["status"]), (t["taskId"], "cancelled"), r)
        check("tasks/cancel" in r["statusMessage"], r)
        equal(processes(m), [], "nothing of it is left when that is said")
        check("is over already" in refused(
            -32602, c.ask, "tasks/cancel", {"taskId": t["taskId"]}), "again")
        equal(get(c, t)["status"], "cancelled", "it stays so")
        check("cancelled" in text(result(c, t)), "result")
        within("on record", 5, lambda: [
            r["mcp.tool"] for r in server.audit("job-stop")] == [
                "tasks/cancel"])
        done = create(c, "true")
        settled(c, done)
        refused(-32602, c.ask, "tasks/cancel", {"taskId": done["taskId"]})


def test_who_waits_is_told(server):
    """Of the change first, and then the result."""
    with server.http() as c:
        t = create(c, "sleep 1; echo out")
        with Connection(server) as conn:
            c.send(message("tasks/result", {"taskId": t["taskId"]}, 77), conn)
            told, answer = parse(conn.reply())
        equal(told["method"], "notifications/tasks/status", told)
        equal((told["params"]["taskId"], told["params"]["status"]),
              (t["taskId"], "completed"), told)
        equal(text(answer["result"]), "out\n", answer)


def test_list_has_pages(server):
    server.add_policy("many", jobs={**JOBS, "at_once": 70})
    with server.http(token=server.add("many", policy="many")) as c:
        made = [create(c, "true")["taskId"] for _ in range(70)]
        got, cursor, pages = [], None, 0
        while pages == 0 or cursor:
            page = c.ask("tasks/list", {"cursor": cursor} if cursor else {})
            got += [t["taskId"] for t in page["tasks"]]
            cursor = page.get("nextCursor")
            pages += 1
        equal(got, made[::-1], "newest first, none twice, none pushed out")
        equal(pages, 2, "pages")


def test_result_as_the_call_would_have_had_it(server):
    with server.http() as c:
        lines = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done"
        for more in ({"view": "tail"}, {"view": "grep 29$"},
                     {"encoding": "base64"}, {}):
            command = "printf '\\001\\377'" if "encoding" in more else lines
            plain = c.call("exec_cmd", command=command, **more)
            r = result(c, create(c, command, **more))
            if more:
                strip = re.compile(r"[0-9a-f]{32}")
                equal(strip.sub("ID", text(r)).split("VIEW")[0],
                      strip.sub("ID", plain.text).split("VIEW")[0], more)
            else:
                check("line 0\n" in text(r) and "line 2999" in text(r), more)
    server.add_policy("typed", structured=True)
    with server.http(token=server.add("typed", policy="typed")) as c:
        r = result(c, create(c, "echo x; exit 2"))
        equal((r["structuredContent"]["stdout"],
               r["structuredContent"]["exit_code"]), ("x\n", 2), "structured")


def test_extension(server):
    with Late(server) as c, Late(server, hasty(server, "extended")) as h:
        told = c.ask("server/discover")["capabilities"]
        equal(told["extensions"], {EXTENSION: {}}, "capability")
        check("tasks" not in told, told)
        check(not has_support(c), "tools/list")
        r = c.ask("tools/call", {"name": "exec_cmd", "task": {"ttl": 1},
                                 "arguments": {"command": "echo quick"}})
        equal((r["resultType"], text(r)), ("complete", "quick\n"), "quick")
        t = create(h, "sleep 2; echo slow")
        equal((t["resultType"], "ttl" in t, "task" in t),
              ("task", False, False), t)
        check(t["ttlMs"] >= 600000 and t["pollIntervalMs"] == 1000, t)
        now = get(h, t)
        equal((now["resultType"], now["status"], "result" in now),
              ("complete", "working", False), now)
        done = settled(h, t)
        equal((done["status"], text(done["result"])), ("completed", "slow\n"),
              done)
        check(RELATED not in str(done), done)
        for method, more in (("tasks/update", {"inputResponses": {"a": {}}}),
                             ("tasks/cancel", {})):
            r = h.ask(method, {"taskId": t["taskId"], **more})
            equal(set(r) - {"_meta"}, {"resultType"}, r)
        t = create(h, "sleep 0.8; exit 4")
        done = settled(h, t)
        equal((done["status"], done["result"]["isError"]),
              ("completed", True), "an error of a tool is a result")
        for method in "tasks/result", "tasks/list":
            refused(-32601, h.ask, method, {"taskId": t["taskId"]})
        for method in "tasks/get", "tasks/cancel":
            refused(-32602, h.ask, method, {"taskId": NOBODY})
        refused(-32602, h.ask, "tasks/update",
                {"taskId": NOBODY, "inputResponses": {}})
        refused(-32602, h.ask, "tasks/update", {"taskId": t["taskId"]})


def test_extension_cancel(server):
    with Late(server, hasty(server, "cancels")) as c:
        m = mark()
        t = create(c, f"sleep 60; : {m}")
        r = c.ask("tasks/cancel", {"taskId": t["taskId"]})
        equal(set(r) - {"_meta"}, {"resultType"}, r)
        done = settled(c, t)
        equal((done["status"], "result" in done, "error" in done),
              ("cancelled", False, False), done)
        equal(processes(m), [], "left over")


def test_extension_is_declared(server):
    """Who does not is given no task, and is told what to declare."""
    token = hasty(server, "declares")
    with Late(server, token) as c, Modern(server, token) as plain:
        t = create(c, "sleep 1; echo late")
        for method in "tasks/get", "tasks/update", "tasks/cancel":
            reply = plain.post(method, {"taskId": t["taskId"],
                                        "inputResponses": {}})
            error = parse(reply)[0]["error"]
            equal((reply.status, error["code"]), (400, -32021), method)
            equal(error["data"]["requiredCapabilities"],
                  {"extensions": {EXTENSION: {}}}, method)
        r = plain.sh("sleep 0.8; echo late")
        check("runs on" in r.text, "a job", r)
        for caps in {"extensions": {}}, {"tasks": {}}, {"extensions": []}:
            r = plain.ask("tools/call", {
                "name": "exec_cmd", "task": {},
                "arguments": {"command": "sleep 0.8"},
                "_meta": meta(**{META + "clientCapabilities": caps})})
            check("runs on" in text(r), caps, r)
        reply = plain.post("tasks/get", {"taskId": t["taskId"]},
                           headers={"Mcp-Name": NOBODY}.items())
        equal(parse(reply)[0]["error"]["code"], -32020, "another Mcp-Name")


def test_other_tokens_have_none_of_it(server):
    token = server.add("mallory")
    with server.http() as c, server.http(token=token) as m, \
            Late(server, token=token) as n:
        t = create(c, "cat; sleep 1; echo secret")
        own = create(m, "echo own")
        for other in m, n:
            methods = {"tasks/get", "tasks/cancel"} | (
                {"tasks/result"} if other is m else {"tasks/update"})
            for method in methods:
                told = [refused(-32602, other.ask, method,
                                {"taskId": id, "inputResponses": {}})
                        for id in (t["taskId"], NOBODY, t["taskId"][:31],
                                   t["taskId"] + "0")]
                equal(len(set(told)), 1, method)
            equal(settled(other, own)["status"], "completed", "control")
        equal([x["taskId"] for x in m.ask("tasks/list")["tasks"]],
              [own["taskId"]], "list")
        refused(-32602, m.ask, "tasks/list", {"cursor": t["taskId"]})
        equal(text(result(c, t)), "secret\n", "it went on")


def test_revisions_without(server):
    """Unknown methods as ever, and `task` is passed over."""
    without = set(protocol.SESSION) - {CORE}
    for client in [lambda r=r: server.http(revision=r) for r in without] + [
            lambda: server.sse(revision="2024-11-05")]:
        with client() as c:
            for method in ("tasks/get", "tasks/result", "tasks/list",
                           "tasks/cancel", "tasks/update"):
                why = refused(-32601, c.ask, method, {"taskId": NOBODY})
                check("tasks/" not in why, why)
            check(not has_support(c), "tools/list")
            r = c.ask("tools/call", {"name": "exec_cmd", "task": {"ttl": 1},
                                     "arguments": {"command": "echo x"}})
            equal(text(r), "x\n", "an ordinary call")


def listen(c, ids, id=1, declared=True):
    """A stream on which the ends of these are told."""
    conn = Connection(c.server)
    params = {"_meta": {**meta(), **(DECLARED if declared else {})},
              "notifications": {"taskIds": ids}}
    conn.send(request("POST", "/mcp", conn.port,
                      c.headers("subscriptions/listen", params),
                      message("subscriptions/listen", params, id)))
    return conn


def test_subscription(server):
    """Told once, with what tasks/get says, however it ended; of none else."""
    with Late(server, hasty(server, "listens")) as c, \
            Late(server, hasty(server, "stranger")) as other:
        slow = create(c, f"until [ -e {server.work}/go ]; do sleep 0.02; done;"
                      " echo slow; exit 3")
        ended = create(c, "sleep 0.6; echo gone")
        settled(c, ended)
        stopped, foreign = create(c, "sleep 50"), create(other, "sleep 1.2")
        ids = [t["taskId"] for t in (slow, ended, stopped, foreign)]
        conn = listen(c, [*ids, ids[0], NOBODY], "s")
        events = Events(conn)
        first = next(events)["params"]
        equal(sorted(first["notifications"]["taskIds"]),
              sorted([*ids, NOBODY]), first)
        told = {}

        def take(task, status):
            m = next(events)
            equal(m["method"], "notifications/tasks", m)
            p = m["params"]
            equal((p.pop("_meta"), p["taskId"], p["status"]),
                  ({SUBSCRIPTION: "s"}, task["taskId"], status), m)
            now = get(c, task)
            now.pop("_meta", None), now.pop("resultType")
            equal(p, now, "as tasks/get has it")
            told[task["taskId"]] = p
        take(ended, "completed")
        equal(text(told[ended["taskId"]]["result"]), "gone\n", told)
        c.ask("tasks/cancel", {"taskId": stopped["taskId"]})
        take(stopped, "cancelled")
        settled(other, foreign)
        (server.work / "go").touch()
        take(slow, "completed")
        check(told[slow["taskId"]]["result"]["isError"], told)
        server.ctl("token", "revoke", "stranger")
        conn.close()
    with Late(server) as c:
        equal(c.ask("tools/call", {"name": "exec_cmd", "arguments": {
            "command": "echo on"}})["content"][0]["text"], "on\n", "after")


def test_subscription_is_left(server):
    """Nobody waits for the task any more, which goes on."""
    with Late(server, hasty(server, "leaves")) as c:
        m = mark()
        t = create(c, f"sleep 50; : {m}")
        for _ in range(100):
            with listen(c, [t["taskId"]]) as conn:
                next(Events(conn))
        check(processes(m), "it runs")
        c.ask("tasks/cancel", {"taskId": t["taskId"]})
        equal(settled(c, t)["status"], "cancelled", "its end")


def test_subscription_refused(server):
    with Late(server) as c:
        for ids in ("x", [1], [""], ["x" * 65], [f"{i:032x}"
                                                 for i in range(17)]):
            with listen(c, ids) as conn:
                reply = conn.reply()
            equal((reply.status, reply.json()["error"]["code"]),
                  (200, -32602), ids)
        with listen(c, [NOBODY], declared=False) as conn:
            reply = conn.reply()
        equal((reply.status, reply.json()["error"]["code"]), (400, -32021),
              "not declared")


def test_policies_without(server):
    server.add_policy("plain", jobs={})
    path = server.dir / "policies.d/plain.json"
    keys = json.loads(path.read_text())
    keys.pop("jobs")
    path.write_text(json.dumps(keys))
    server.reload()
    token = server.add("plain", policy="plain")
    with server.http(token=token) as c, Late(server, token=token) as n:
        check("tasks" not in c.hello["capabilities"], c.hello)
        check(not has_support(c), "tools/list")
        check("extensions" not in n.ask("server/discover")["capabilities"],
              "capability")
        for method in "tasks/get", "tasks/list", "tasks/result":
            refused(-32601, c.ask, method, {"taskId": NOBODY})
        for method in "tasks/get", "tasks/cancel", "tasks/update":
            refused(-32601, n.ask, method, {"taskId": NOBODY})
        for x in c, n:
            equal(text(x.ask("tools/call", {
                "name": "exec_cmd", "task": {},
                "arguments": {"command": "sleep 0.5; echo x"}})), "x\n",
                "an ordinary call")


def test_survives(server):
    """Another session, another revision and another frontend find it."""
    go = server.work / "through"
    with server.http() as c:
        t = create(c, f"until [ -e {go} ]; do sleep 0.05; done; echo through")
        c.delete()
    crash_frontend(server)
    with server.http() as c, Late(server) as n:
        equal(get(c, t)["status"], "working", "found again")
        go.touch()
        equal(text(result(c, t)), "through\n", "result")
        equal(text(get(n, t)["result"]), "through\n", "by the other kind")


def test_end_of_who_waits(server):
    """A client that hangs up, or cancels its question, ends no task."""
    with server.http() as c:
        t = create(c, "sleep 1; echo on")
        with Connection(server) as conn:
            c.send(message("tasks/result", {"taskId": t["taskId"]}, 5), conn)
            equal(c.notify("notifications/cancelled", {"requestId": 5}).status,
                  202, "cancelled")
        with Connection(server) as conn:
            c.send(message("tasks/result", {"taskId": t["taskId"]}, 6), conn)
            conn.reset()
        equal(text(result(c, t)), "on\n", "it went on")


def test_idempotency(server):
    """The same call with the same key is the same task, however it is sent."""
    with server.http() as c, Late(server) as n:
        counter = server.work / "tasks"
        args = {"command": f"echo x >> {counter}; sleep 0.9; echo once",
                "idempotency_key": "k"}
        t = create(c, **args)
        equal(create(c, **args)["taskId"], t["taskId"], "while it runs")
        r = n.ask("tools/call", {"name": "exec_cmd", "arguments": args})
        check(r.get("taskId") == t["taskId"] or text(r) == "once\n", r)
        equal(text(result(c, t)), "once\n", "result")
        again = c.ask("tools/call", {"name": "exec_cmd", "task": {},
                                     "arguments": args})["task"]
        equal((again["taskId"], again["status"]), (t["taskId"], "completed"),
              "afterwards")
        equal(c.call("exec_cmd", **args).text, "once\n", "as a plain call")
        equal(counter.read_text(), "x\n", "runs")


def test_expiry(server):
    """After its time it is not there, nor is anything of it."""
    with server.http(token=server.add("brief")) as c:
        t = create(c, "true", ttl=1500)
        settled(c, t)
        within("it is gone", 10, lambda: "no such task" in gone(c, t))
        equal(c.ask("tasks/list")["tasks"], [], "list")


def gone(c, task):
    try:
        get(c, task)
    except RpcError as e:
        equal(e.code, -32602, "code")
        return str(e)
    return ""


def test_revoked(server):
    with server.http(token=server.add("leaver")) as c:
        m = mark()
        t = create(c, f"sleep 50; : {m}")
        server.running(m)
        with Connection(server) as conn:
            c.send(message("tasks/result", {"taskId": t["taskId"]}, 5), conn)
            server.ctl("token", "revoke", "leaver")
            server.ended(m)
        within("nothing is left", 5, lambda: not processes(m))


def test_many_who_wait(server):
    """Under load each gets its own result."""
    with server.http() as c:
        made = [create(c, f"sleep 0.{i}; echo {i}") for i in range(6)]
        got = {}

        def wait(i):
            with server.http() as mine:
                got[i] = text(result(mine, made[i % 6]))

        threads = [threading.Thread(target=wait, args=(i,))
                   for i in range(24)]
        begin = time.monotonic()
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        check(time.monotonic() - begin < 20 * SLOW,
              "they waited at the same time")
        equal(got, {i: f"{i % 6}\n" for i in range(24)}, "results")


def test_every_revision_is_of_a_kind(server):
    with_tasks = {r for r in REVISIONS
                  if "tasks/get" in protocol.METHODS.get(r, ())}
    equal(with_tasks - {CORE, *protocol.STATELESS}, set(), "others")


def test_taken_away(server):
    """Without the key of the policy there are no tasks, and none is kept."""
    with server.http() as c:
        t = create(c, "sleep 50")
        take_jobs_away(server)
        within("they are gone", 5, lambda: not has_support(c))
        refused(-32601, c.ask, "tasks/get", t)
