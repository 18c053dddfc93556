# SPDX-License-Identifier: MIT
"""Revisions without sessions: no handshake, no sessions, era before method."""
import base64
import json
import time

import protocol
from client import (COMMAND, INTENT, JSON_HEADERS, NEWEST, SLOW, Connection,
                    RpcError, bearer, check, equal, initialize, mark, message,
                    parse, processes, within)
from modern import META, REVISION, Modern, meta

CAPABILITIES = {"logging": {}, "completions": {},
                "resources": {"subscribe": True, "listChanged": True},
                "tools": {"listChanged": True}}
SERVER = {}
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def refused(reply, status, code, id=1):
    """Data of an error in a reply."""
    equal(reply.status, status, reply)
    answer = reply.json()
    equal(answer.get("id"), id, f"id of {answer}")
    equal(answer["error"]["code"], code, answer)
    check(len(answer["error"]["message"]) > 20, answer)
    return answer["error"].get("data")


def raw(server, body, headers=()):
    """Any body, with the headers of a modern client that are given."""
    with Connection(server) as conn:
        return conn.request("POST", "/mcp", {
            **bearer(server.token), **JSON_HEADERS, **dict(headers)}, body)


def test_discover(server):
    with Modern(server) as c:
        r = c.ask("server/discover")
        equal(set(r["supportedVersions"]), set(protocol.STATELESS), "versions")
        equal(r["capabilities"], CAPABILITIES, "capabilities")
        check(str(server.work) in r["instructions"], r)
        equal((r["cacheScope"], type(r["ttlMs"])), ("private", int), r)
        equal(r["_meta"][META + "serverInfo"]["name"], "mcp-execd", r)
        reply = c.post("server/discover")
        equal(reply.header("mcp-session-id"), None, "a session")


def test_tools(server):
    with Modern(server) as c, server.http() as legacy:
        r = c.ask("tools/list")
        equal(r["tools"], legacy.tools(), "as in the newest with sessions")
        equal((r["cacheScope"], type(r["ttlMs"])), ("private", int), r)
        r = c.sh("echo one; echo two >&2; exit 3")
        check(r.error and "one" in r.text and "two" in r.text, r)
        equal(r.data["exit_code"], 3, r)
        check(META + "serverInfo" in r.raw["_meta"], r.raw)
        r = c.call("cli_command", command="printf %s 'a  b'")
        check("STDOUT: a  b" in r.text and not r.error, r)
        r = c.call("exec_cmd")
        check(r.error and "command is required" in r.text, r)
        equal(r.raw["resultType"], "complete", r.raw)
        for params in ({"name": "nope"}, {"name": 5}, {},
                       {"name": "exec_cmd", "arguments": []}):
            reply = c.post("tools/call", params, headers={"Mcp-Name": "nope"}
                           if not isinstance(params.get("name"), str) else ())
            refused(reply, 200, -32602)
        refused(c.post("tools/list", {"cursor": "x"}), 200, -32602)


def test_record(server):
    """Client, revision and trace in the record; the trace comes back."""
    with Modern(server) as c:
        for given, want in ((TRACE, TRACE), (TRACE.upper(), None),
                            (TRACE[:-1], None), ("00" + "0" * 53, None),
                            (TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736",
                                           "0" * 32), None)):
            m = mark()
            r = c.ask("tools/call", {"name": "exec_cmd", "arguments": {
                "command": f": {m}"}}, traceparent=given)
            equal(r["_meta"].get("traceparent"), want, given)
            found = [i for i in server.audit(INTENT) if m in i[COMMAND]]
            equal(len(found), 1, "intents")
            equal(found[0].get("trace.parent"), want, given)
            equal((found[0]["mcp.client"], found[0]["mcp.revision"]),
                  ("e2e 1", REVISION), found)


def test_unknown_methods(server):
    with Modern(server) as c:
        for method in ("initialize", "ping", "logging/setLevel",
                       "resources/subscribe", "resources/unsubscribe",
                       "prompts/list", "tasks/list", "resources/lists",
                       "", "TOOLS/LIST"):
            refused(c.post(method), 404, -32601)
        equal(len(c.tools()), 2, "control")


def test_all_revisions_are_named(server):
    """Who asks for one that is not there is told of each that is."""
    with server.http() as c:
        reply = c.post(message("ping", {}, 1),
                       {"MCP-Protocol-Version": "1999-01-01"})
        refused(reply, 400, -32000, None)
        text = reply.json()["error"]["message"]
        check(f"there are {NEWEST}, " in text
              and text.endswith(f", and without a session {REVISION}"), text)


def test_headers(server):
    """Headers say what the body says, or -32020."""
    with Modern(server) as c:
        call = {"name": "exec_cmd", "arguments": {"command": "true"}}
        name = base64.b64encode(b"exec_cmd").decode()
        for bad in ({"MCP-Protocol-Version": None},
                    {"MCP-Protocol-Version": NEWEST},
                    {"MCP-Protocol-Version": "2027-01-01"},
                    {"Mcp-Method": None}, {"Mcp-Method": "tools/list"},
                    {"Mcp-Method": "Tools/Call"}, {"Mcp-Name": None},
                    {"Mcp-Name": "cli_command"}, {"Mcp-Name": "EXEC_CMD"},
                    {"Mcp-Name": f"=?base64?{name[:-1]}?="},
                    {"Mcp-Name": f"=?base64?{name.replace('=', '.')}?="},
                    {"Mcp-Name": f"=?base64?{name}"},
                    {"Mcp-Name": f"=?BASE64?{name}?="},
                    {"Mcp-Name": "=?base64??="}):
            refused(c.post("tools/call", call, 7, bad), 400, -32020, 7)
        for good in ({}, {"Mcp-Name": f"=?base64?{name}?="},
                     {"Mcp-Name": "  exec_cmd "}, {"mcp-NAME": "exec_cmd",
                                                  "Mcp-Name": None},
                     {"Mcp-Session-Id": "nonsense"},
                     {"Last-Event-ID": "1-2"}, {"Mcp-Param-X": "y"}):
            equal(c.post("tools/call", call, headers=good).status, 200, good)
        reply = c.post("tools/call", call, headers={"Mcp-Session-Id": "x"})
        equal(reply.header("mcp-session-id"), None, "a session")


def test_envelope(server):
    full = meta()
    h = {"MCP-Protocol-Version": REVISION, "Mcp-Method": "tools/list"}

    def body(_meta, id=5):
        return message("tools/list", {"_meta": _meta}, id)

    without = {k: v for k, v in full.items() if "Capabilities" not in k}
    for bad in (without, {**full, META + "clientCapabilities": None},
                {**full, META + "clientCapabilities": []},
                {**full, META + "protocolVersion": None},
                {**full, META + "protocolVersion": 20260728},
                {**full, META + "clientInfo": "me"},
                {**full, "progressToken": 1.5},
                {**full, "progressToken": None}, {}, None, 5, []):
        refused(raw(server, body(bad), h), 400, -32602, 5)
    for params in ({}, None):
        refused(raw(server, message("tools/list", params, 5), h), 400,
                -32602, 5)
    refused(raw(server, initialize(id=5), {
        **h, "Mcp-Method": "initialize"}), 400, -32020, 5)
    for asked in ("v999.0.0", "2099-01-01", NEWEST, ""):
        claim = {**full, META + "protocolVersion": asked}
        data = refused(raw(server, body(claim), {
            **h, "MCP-Protocol-Version": asked}), 400, -32022, 5)
        equal(data, {"supported": [REVISION], "requested": asked}, asked)
    del full[META + "clientInfo"]
    equal(raw(server, body(full), h).status, 200, "without clientInfo")


def test_shape(server):
    h = {"MCP-Protocol-Version": REVISION, "Mcp-Method": "tools/list"}
    one = json.loads(message("tools/list", {"_meta": meta()}, 1))
    for body in ([one], [one, one]):
        for headers in (h, {}):
            refused(raw(server, json.dumps(body).encode(), headers), 400,
                    -32600, None)
    refused(raw(server, b'{"jsonrpc":"2.0","id":4,"result":{}}', h), 400,
            -32600, 4)
    refused(raw(server, b"{", h), 400, -32700, None)
    for id in (None, 1.5, {}, True):
        reply = raw(server, json.dumps({**one, "id": id}).encode(), h)
        refused(reply, 400, -32600, None)
    for method in ("notifications/cancelled", "notifications/initialized",
                   "x"):
        for headers in (h, {}):
            reply = raw(server, message(method, {"_meta": meta(),
                                                 "requestId": 1}), headers)
            equal((reply.status, reply.body), (202, b""), method)


def test_methods_of_http(server):
    for method in "GET", "DELETE":
        for session in None, "0" * 32:
            reply = server.get("/mcp", server.token, method=method, headers={
                "Accept": "text/event-stream", "Mcp-Session-Id": session,
                "MCP-Protocol-Version": REVISION})
            equal(reply.status, 405, method)
            check("POST" in reply.header("allow"), reply)
    equal(server.get("/mcp", method="DELETE", headers={
        "MCP-Protocol-Version": REVISION}).status, 401, "without a token")


def test_era_before_method(server):
    """A modern body in a legacy session is modern, and the other way round."""
    with server.http() as c:
        params = {"_meta": meta()}
        reply = c.post(message("ping", params, 1), {
            "MCP-Protocol-Version": REVISION, "Mcp-Method": "ping"})
        refused(reply, 404, -32601)
        equal(c.ask("ping"), {}, "control")
        reply = c.post(message("ping", {}, 1),
                       {"MCP-Protocol-Version": REVISION})
        refused(reply, 400, -32602)
        # what is not there is told first: its sender cannot add _meta
        for method, status, code in (("ping", 404, -32601),
                                     ("logging/setLevel", 404, -32601),
                                     ("tools/list", 400, -32602)):
            reply = c.post(message(method, {}, 1), {
                "MCP-Protocol-Version": REVISION, "Mcp-Session-Id": None})
            refused(reply, status, code)
        # fields of the newer revision never go to an older session
        for answer in (c.ask("tools/list"), c.sh("true").raw):
            for key in "resultType", "ttlMs", "cacheScope", "_meta":
                check(key not in answer, key, answer)
        reply = c.post(initialize(REVISION), {"Mcp-Session-Id": None})
        equal(parse(reply)[0]["result"]["protocolVersion"], NEWEST,
              "the handshake")


def test_disconnect_cancels(server):
    with Modern(server) as c:
        for more in ({}, {"progressToken": "p"}):
            m = mark()
            conn = c.begin(f": {m}; exec sleep 1000401", **more)
            server.running(m)
            begin = time.monotonic()
            conn.close()
            record = server.ended(m)
            equal(record["run.state"], "cancelled", record)
            check(time.monotonic() - begin < 6 * SLOW, "not at once")
            equal(record.get("run.cancelled_by", "disconnect"), "disconnect",
                  record)
            within("its processes are gone", 4,
                   lambda: not processes("sleep 1000401"))
        equal(len(c.tools()), 2, "control")


def test_disconnect_is_no_cancel_in_sessions(server):
    with server.http() as c:
        m = mark()
        conn = c.begin(f": {m}; sleep 0.7; echo done > {m}.txt")
        server.running(m)
        conn.close()
        server.file(f"{m}.txt")
        equal(server.ended(m)["run.state"], "exited", "its state")


def test_same_ids_at_once(server):
    """Ids of different requests may collide; answers do not cross."""
    with Modern(server) as c:
        conns = [c.begin(f"sleep 0.{5 - i}; echo it is {i}")
                 for i in range(4)]
        for i, conn in enumerate(conns):
            answer = parse(conn.reply())[0]
            equal(answer["id"], 1, answer)
            check(f"it is {i}\n" in answer["result"]["content"][0]["text"],
                  answer)
            conn.close()


def test_offered_tools(server):
    server.add_policy("words", tools=["cli_command"])
    token = server.add("words", policy="words")
    with Modern(server, token) as c:
        equal([t["name"] for t in c.tools()], ["cli_command"], "tools")
        try:
            c.sh("true")
            raise AssertionError("a tool that is not offered ran")
        except RpcError as e:
            equal(e.code, -32602, e)


def test_unauthorized(server):
    with Modern(server, "mxt_" + "A" * 43) as c:
        for method in "server/discover", "tools/list", "nope":
            reply = c.post(method)
            equal(reply.status, 401, method)
            check("Bearer" in reply.header("www-authenticate"), reply)
