# SPDX-License-Identifier: MIT
"""MCP: negotiation, sessions, ids, batches, tools, cancellation."""
import json
import time

from client import (NEWEST, REVISIONS, S_RUN_ID, SLOW, Connection, Gone, Http,
                    RpcError, Sse, check, equal, initialize, mark, message,
                    one, parse, processes, within)

CAPABILITIES = {"logging": {}, "completions": {},
                "resources": {"subscribe": True, "listChanged": True},
                "tools": {"listChanged": True}}
SERVER = {}
OLDER = "2024-11-05", "2025-03-26"      # without structuredContent


def raises(code, do, *args, **more):
    try:
        got = do(*args, **more)
    except RpcError as e:
        equal(e.code, code, e.message)
        check(len(e.message) > 10, e)
        return e.message
    raise AssertionError(f"no error {code} but {got}")


def test_negotiation(server):
    for transport in Http, Sse:
        for asked in REVISIONS:
            with transport(server, revision=asked) as c:
                equal(c.revision, asked, transport.__name__)
                check(not c.sh("true").error, asked)
        for asked in ("2026-07-28", "1999-01-01", "2099-12-31", "x", ""):
            with transport(server, revision=asked) as c:
                equal(c.revision, NEWEST, f"{transport.__name__} {asked}")


def test_hello(server):
    for transport in Http, Sse:
        with transport(server, revision=NEWEST) as c:
            check(c.hello["serverInfo"]["name"] == "mcp-execd", c.hello)
            check(c.hello["serverInfo"]["version"], c.hello)
            equal(c.hello["capabilities"], CAPABILITIES, "capabilities")
        with transport(server, revision="2024-11-05") as c:
            equal(c.hello["capabilities"],
                  {"logging": {}, "resources": {"subscribe": True},
                   "tools": {"listChanged": True}}, "2024-11-05")
            text = c.hello["instructions"]
            check(str(server.work) in text, "no directory in", text)
            check("exec_cmd" in text or "command" in text, text)


def test_initialize_badly(server):
    with server.http() as c:
        for params in ({}, {"protocolVersion": 5}, None, []):
            body = message("initialize", params, 1) if params is not None \
                else message("initialize", id=1)
            with Connection(server) as conn:
                h = {k: v for k, v in c.headers().items()
                     if k not in ("Mcp-Session-Id", "MCP-Protocol-Version")}
                r = conn.request("POST", "/mcp", h, body)
                check("error" in r.json(), params, r)
        r = c.post(initialize())
        check("error" in parse(r)[0] or r.header("mcp-session-id")
              not in (None, c.session), "one session, begun twice", r)


def test_session_header(server):
    with server.http() as c, server.http() as d:
        check(len(c.session) >= 22 and c.session.isascii()
              and c.session.isprintable() and " " not in c.session, c.session)
        check(c.session != d.session, "two sessions, one id")
        h = c.headers()
        del h["Mcp-Session-Id"]
        with Connection(server) as conn:
            r = conn.request("POST", "/mcp", h, message("ping", id=1))
            equal(r.status, 400, "no session id")
            for wrong in ("x", "0" * len(c.session), c.session + "0",
                          c.session[:-1]):
                r = conn.request("POST", "/mcp", {
                    **h, "Mcp-Session-Id": wrong}, message("ping", id=1))
                equal(r.status, 404, f"session {wrong}")
        equal(c.ask("ping"), {}, "control")


def test_protocol_version_header(server):
    with server.http(revision="2025-06-18") as c:
        for bad in ("2024-13-99", "x", "2026-07-28"):
            r = c.post(message("ping", id=1), {"MCP-Protocol-Version": bad})
            equal(r.status, 400, bad)
        for good in ("2025-06-18", None):
            r = c.post(message("ping", id=1), {"MCP-Protocol-Version": good})
            equal(r.status, 200, good)


def test_delete(server):
    with server.http() as c:
        m = mark()
        conn = c.begin(f"echo {m}; exec sleep 1000302")
        server.running(m)
        check(c.delete().status in (200, 202, 204), "DELETE")
        equal(server.ended(m)["run.state"], "cancelled", "its run")
        equal(c.post(message("ping", id=1)).status, 404, "afterwards")
        equal(c.delete().status, 404, "DELETE twice")
        conn.close()
    with server.http() as c, Connection(server) as conn:
        h = c.headers()
        del h["Mcp-Session-Id"]
        equal(conn.request("DELETE", "/mcp", h).status, 400, "without id")
        equal(c.ask("ping"), {}, "control")


def test_sessions_are_recorded(server):
    with server.http() as c:
        session = c.session
        begun = within("session-begin", 3, lambda: [
            r for r in server.audit("session-begin")
            if r["mcp.session.id"] == session])[0]
        equal((begun["token.name"], begun["mcp.client"],
               begun["mcp.revision"]), (server.name, "e2e 1", NEWEST), begun)
        c.delete()
        within("session-end", 3, lambda: [
            r for r in server.audit("session-end")
            if r["mcp.session.id"] == session])


RAW_IDS = [b"0", b"-1", b"9007199254740993", b"18446744073709551616",
           b"123456789012345678901234567890123456789", b'"a"', b'""',
           b'"\xc3\xa9 \\" \\\\ \\n"', b'"1"', b'"\\u0001"',
           b'"' + b"i" * 200 + b'"']


def test_ids_exact(server):
    """The id comes back as it was sent: type, digits and all."""
    with server.http() as c, server.sse() as s:
        for raw in RAW_IDS:
            body = b'{"jsonrpc":"2.0","id":' + raw + b',"method":"ping"}'
            want = json.loads(raw)
            r = c.post(body)
            got = parse(r)[0]["id"]
            check(type(got) is type(want) and got == want, raw, got)
            if want != -1 and raw.isdigit():
                check(raw in r.body, "digits", raw, r.body)
            s.post(body)
            got = s.answer()["id"]
            check(type(got) is type(want) and got == want, "sse", raw, got)


def test_ids_refused(server):
    with server.http() as c:
        for raw in (b"1.5", b"1e-3", b"null", b"true", b"[1]",
                    b'{"a":1}', b'"' + b"i" * 70000 + b'"'):
            r = c.post(b'{"jsonrpc":"2.0","id":' + raw + b',"method":"ping"}')
            m = parse(r)[0]
            equal(m["error"]["code"], -32600, raw[:40])
            check("result" not in m, raw)
        equal(c.ask("ping"), {}, "control")


def test_bad_envelopes(server):
    with server.http() as c:
        for body in (b'{"id":1,"method":"ping"}',
                     b'{"jsonrpc":"1.0","id":1,"method":"ping"}',
                     b'{"jsonrpc":2.0,"id":1,"method":"ping"}',
                     b'{"jsonrpc":"2.0","id":1}',
                     b'{"jsonrpc":"2.0","id":1,"method":7}',
                     b'{"jsonrpc":"2.0","id":1,"method":"ping","params":7}',
                     b'{}', b'7', b'"ping"', b'null', b'true'):
            m = parse(c.post(body))[0]
            check(m["error"]["code"] in (-32600, -32602), body, m)
        for body in (b'{"jsonrpc":"2.0","id":1,"result":{}}',
                     b'{"jsonrpc":"2.0","id":1,"error":'
                     b'{"code":1,"message":"x"}}'):
            check(c.post(body).status in (202, 400), "stray response", body)
        equal(c.ask("ping"), {}, "control")


def test_notifications(server):
    with server.http() as c:
        for name in ("notifications/initialized", "notifications/cancelled",
                     "notifications/unknown", "notifications/progress"):
            r = c.post(message(name))
            equal((r.status, r.body), (202, b""), name)
        r = c.post(message("notifications/cancelled", {"requestId": 99999}))
        equal(r.status, 202, "unknown request")


def test_batch(server):
    batch = b"[" + b",".join([
        message("ping", id=1), message("notifications/unknown"),
        message("tools/list", id="two"),
        message("tools/call", {"name": "exec_cmd", "arguments": {
            "command": "echo batch"}}, 3)]) + b"]"
    with server.http(revision="2025-03-26") as c:
        r = c.post(batch)
        equal(r.status, 200, r)
        got = parse(r)
        equal(sorted(str(m["id"]) for m in got), ["1", "3", "two"], "ids")
        equal(one(got, 3)["result"]["content"][0]["text"], "batch\n", "call")
        equal(c.post(b"[" + message("notifications/unknown") + b"]").status,
              202, "notifications only")
        r = c.post(b"[]")
        equal((r.status, r.json()["error"]["code"]), (400, -32600), "empty")
        r = c.post(b"[" + initialize() + b"]")
        check("error" in parse(r)[0], "initialize in a batch", r)
        r = c.post(b"[" + b",".join([message("ping", id=1)] * 5000) + b"]")
        check(r.status in (200, 400), "5000 in a batch", r.status)
        equal(c.ask("ping"), {}, "goes on")
    for revision in ("2024-11-05", "2025-06-18", NEWEST):
        with server.http(revision=revision) as c:
            r = c.post(batch)
            equal((r.status, r.json()["error"]["code"]), (400, -32600),
                  revision)


def test_unknown(server):
    for transport in Http, Sse:
        with transport(server) as c:
            for method in ("nope", "resources/lists", "prompts/list",
                           "completions/complete",
                           "tools/lists", "tasks/list", "server/discover"):
                raises(-32601, c.ask, method)
            for name in ("nope", "", "exec_cmd ", "EXEC_CMD"):
                raises(-32602, c.call, name, command="true")
            raises(-32602, c.ask, "tools/call", {"arguments": {}})
            raises(-32602, c.ask, "tools/call", {"name": 5})
            raises(-32602, c.ask, "tools/call",
                   {"name": "exec_cmd", "arguments": "true"})
            equal(c.ask("ping"), {}, "control")
    with server.http() as c:
        said = raises(-32602, c.call, "bash", command="true")
        for tool in c.tools():
            check(tool["name"] in said, "the model is told what there is", said)


def test_arguments(server):
    """Bad arguments are the tool's error, in words that name them."""
    bad = [({}, "command"), ({"command": ""}, "command"),
           ({"command": 5}, "command"), ({"command": None}, "command"),
           ({"command": ["ls"]}, "command"), ({"command": {}}, "command"),
           ({"command": "true", "nope": 1}, "nope"),
           ({"command": "true", "timeout_ms": "5"}, "timeout_ms"),
           ({"command": "true", "timeout_ms": 0}, "timeout_ms"),
           ({"command": "true", "timeout_ms": -1}, "timeout_ms"),
           ({"command": "true", "timeout_ms": 1.5}, "timeout_ms"),
           ({"command": "true", "timeout_ms": 10 ** 30}, "timeout_ms"),
           ({"command": "true", "timeout_ms": 10 ** 9}, "timeout_ms"),
           ({"command": "true", "stdin": 5}, "stdin"),
           ({"command": "true", "env": ["A=b"]}, "env"),
           ({"command": "true", "env": {"CI": 5}}, "env"),
           ({"command": "true", "env": {"A=B": "c"}}, "env")]
    before = len(server.audit("run-intent"))
    with server.http() as c:
        for tool in "exec_cmd", "cli_command":
            for arguments, word in bad:
                r = c.call(tool, **arguments)
                check(r.error and word in r.text, tool, arguments, r)
        wrong = c.call("exec_cmd", command="true", work_dir=".")
        check(wrong.error and "work_dir" in wrong.text, wrong)
        for tool in "exec_cmd", "cli_command":
            wrong = c.call(tool, cmd="true")
            check(wrong.error and 'did you mean "command"?' in wrong.text,
                  "not that command is missing", wrong)
    equal(len(server.audit("run-intent")), before, "nothing was run")


def test_first_tool_is_harmless(server):
    with server.http() as c:
        first = c.tools()[0]["name"]
        r = c.ask("tools/call", {"name": first})
        equal(r["isError"], True, r)
        r = c.ask("tools/call", {"name": first, "arguments": {}})
        equal(r["isError"], True, r)


def conform(value, schema, where="$"):
    """The part of JSON Schema that our schemas use, strictly."""
    known = {"type", "properties", "required", "items", "enum", "description",
             "additionalProperties", "minimum", "title", "default"}
    check(set(schema) <= known, where, "keywords", set(schema) - known)
    types = {"object": dict, "array": list, "string": str, "boolean": bool,
             "null": type(None), "integer": int, "number": (int, float)}
    want = schema.get("type")
    want = [want] if isinstance(want, str) else want
    check(any(isinstance(value, types[t]) and not (
        isinstance(value, bool) and t in ("integer", "number"))
        for t in want), where, value, "is not", want)
    check("enum" not in schema or value in schema["enum"], where, value)
    check(not isinstance(value, int) or value >= schema.get(
        "minimum", value), where, value)
    if isinstance(value, dict):
        for key in schema.get("required", []):
            check(key in value, where, "has no", key)
        for key, v in value.items():
            if key in schema.get("properties", {}):
                conform(v, schema["properties"][key], f"{where}.{key}")
    if isinstance(value, list):
        for v in value:
            conform(v, schema.get("items", {}), where + "[]")


def test_tools_list(server):
    for transport in Http, Sse:
        for revision in REVISIONS:
            with transport(server, revision=revision) as c:
                tools = c.tools()
                equal([t["name"] for t in tools], ["exec_cmd", "cli_command"],
                      "names")
                for t in tools:
                    equal(t["inputSchema"]["type"], "object", "inputSchema")
                    equal(t["inputSchema"]["required"], ["command"], "needs")
                    check(len(t["description"]) > 40, "description")
                    new = revision not in OLDER
                    equal(("outputSchema" in t, "title" in t), (new, new),
                          revision)
                    equal("annotations" in t, revision != "2024-11-05",
                          revision)
                    if "annotations" in t:
                        equal((t["annotations"]["readOnlyHint"],
                               t["annotations"]["destructiveHint"]),
                              (False, True), "annotations")
    with server.http() as c:
        raises(-32602, c.ask, "tools/list", {"cursor": "x"})


def test_structured_content(server):
    for revision in REVISIONS:
        with server.http(revision=revision) as c:
            schemas = {t["name"]: t.get("outputSchema") for t in c.tools()}
            for tool in schemas:
                for command, more in (
                        ("true", {}), ("false", {}), ("printf 'a\\tb'", {}),
                        ("sleep 20", {"timeout_ms": 100}),
                        ("sh -c 'kill -9 $$'", {}), ("nosuchprogram", {}),
                        ("true", {"timeout_ms": 0}),
                        ("cat", {"stdin": "x\0y"})):
                    r = c.call(tool, command=command, **more)
                    if revision in OLDER:
                        equal(r.data, None, f"{revision} {command}")
                    elif r.data is not None:
                        conform(r.data, schemas[tool])
                    else:
                        check(r.error, "nothing structured", r)


def test_offered_tools(server):
    for tools in ["cli_command"], ["exec_cmd"]:
        name = tools[0].replace("_", "")
        server.add_policy(name, tools=tools)
        token = server.add(name, policy=name)
        with server.http(token=token) as c:
            equal([t["name"] for t in c.tools()], tools, "listed")
            check(not c.call(tools[0], command="true").error, "control")
            other = "exec_cmd" if tools == ["cli_command"] else "cli_command"
            raises(-32602, c.call, other, command="touch offered")
    check(not (server.work / "offered").exists(), "it ran")


def test_no_shell(server):
    server.add_policy("noshell", tools=["cli_command"], shell=None)
    with server.http(token=server.add("noshell", policy="noshell")) as c:
        r = c.call("cli_command", command="echo $HOME; id")
        check("STDOUT: $HOME; id\n" in r.text, r)


def test_cancelled_http(server):
    with server.http() as c:
        m = mark()
        conn = c.begin(f"echo {m}; exec sleep 1000303", id=77)
        server.running(m)
        begin = time.monotonic()
        for wrong in ("77", 78, None, 77.5):
            c.notify("notifications/cancelled", {"requestId": wrong})
        time.sleep(0.3)
        equal(server.run_records(m)[1], None, "another id cancels it")
        equal(c.notify("notifications/cancelled", {
            "requestId": 77, "reason": "no\nlonger"}).status, 202, "accepted")
        r = server.ended(m)
        equal(r["run.state"], "cancelled", "state")
        check(time.monotonic() - begin < 6 * SLOW, "at once")
        equal(processes("1000303"), [], "processes")
        conn.sock.settimeout(10 * SLOW)
        try:
            reply = conn.reply()
            check(b"result" not in reply.body, "an answer came", reply)
        except Gone:
            pass
        conn.close()
        equal(c.ask("ping"), {}, "the session goes on")


def test_cancelled_sse(server):
    with server.sse() as c:
        m = mark()
        c.begin(f"echo {m}; exec sleep 1000304", id="me")
        server.running(m)
        c.post(message("notifications/cancelled", {"requestId": "me"}))
        equal(server.ended(m)["run.state"], "cancelled", "state")
        equal(c.ask("ping"), {}, "next answer is ping's")


def test_cancel_of_another_session(server):
    """The same id in another session is another request."""
    with server.http() as c, server.http() as d:
        m = mark()
        conn = c.begin(f"sleep 1; echo {m}", id=5)
        server.running(m)
        d.notify("notifications/cancelled", {"requestId": 5})
        check(m in c.finish(conn).text, "it was cancelled")
        conn.close()


def test_same_id_twice(server):
    with server.http() as c:
        m, go = mark(), server.work / "go-twice"
        conn = c.begin(f"until [ -e {go} ]; do sleep 0.02; done; echo {m}",
                       id=5)
        server.running(m)
        body = message("tools/call", {"name": "exec_cmd", "arguments": {
            "command": "echo two"}}, 5)
        got = parse(c.post(body))[0]
        equal(got["error"]["code"], -32600, got)
        go.touch()
        check(m in c.finish(conn).text, "the first one")
        conn.close()
        equal(parse(c.post(body))[0]["id"], 5, "free again")


def test_parallel_calls(server):
    """Answers go to whom asked, whatever the order of their end."""
    with server.http() as c, server.sse() as s:
        begin = time.monotonic()
        conns = [c.begin(f"sleep 1.{9 - i}; echo n{i}") for i in range(8)]
        for i, conn in enumerate(conns):
            equal(c.finish(conn).text, f"n{i}\n", "answer")
            conn.close()
        check(time.monotonic() - begin < 10 * SLOW,
              "they ran one after another")
        for i in range(8):
            s.begin(f"sleep 0.{9 - i}; echo n{i}", id=f"id{i}")
        got = [s.answer() for _ in range(8)]
        for m in got:
            equal(m["result"]["content"][0]["text"], f"n{m['id'][2:]}\n",
                  "answer")


def test_run_id_binds_result_and_records(server):
    with server.http() as c:
        m = mark()
        r = c.sh(f"echo {m}")
        intent, result = server.run_records(m)
        equal(r.data[S_RUN_ID], intent["run.id"], "run id")
        equal(intent["mcp.session.id"], c.session, "session")
        equal(intent["mcp.client"], "e2e 1", "client")
        equal(intent["mcp.tool"], "exec_cmd", "tool")


def test_sse_post_before_initialize(server):
    with server.sse(open=False) as c:
        raises(-32600, c.ask, "tools/list")
        raises(-32600, c.call, "exec_cmd", command="touch early")
        check(not (server.work / "early").exists(), "it ran")


def test_sse_endpoint(server):
    with server.sse() as c, server.sse() as d:
        check(c.endpoint.startswith("/message?"), c.endpoint)
        check(c.endpoint != d.endpoint, "two streams, one endpoint")
        endpoint = c.endpoint
        d.endpoint = "/message?sessionId=nope"
        r = d.poster.request("POST", d.endpoint, {
            "Authorization": f"Bearer {server.token}",
            "Content-Type": "application/json"}, message("ping", id=1))
        equal(r.status, 404, "unknown session")
        r = d.poster.request("POST", "/message", {
            "Authorization": f"Bearer {server.token}",
            "Content-Type": "application/json"}, message("ping", id=1))
        check(r.status in (400, 404), "no session", r)
    with server.sse() as d:
        def gone():
            return d.poster.request("POST", endpoint, {
                "Authorization": f"Bearer {server.token}",
                "Content-Type": "application/json"},
                message("ping", id=1)).status == 404
        within("the session ends with its stream", 5, gone)
