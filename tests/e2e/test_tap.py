# SPDX-License-Identifier: MIT
"""The tap itself: right messages pass, wrong ones are found."""
import copy
import json
import socket
import threading

import schema_tap
from client import SLOW, Connection, bearer, check, equal, message, request

OLD, BATCH, JUNE, NOVEMBER, STATELESS = schema_tap.REVISIONS[:5]
TOOL = {"name": "a", "inputSchema": {"type": "object"}}
CALL = {"content": [{"type": "text", "text": "a"}]}
SERVER_INFO = {"name": "a", "version": "1"}


def answer(result):
    return {"jsonrpc": "2.0", "id": 1, "result": result}


def note(method, **params):
    return {"jsonrpc": "2.0", "method": method, "params": params}


def hello(revision, **more):
    return answer({"protocolVersion": revision, "capabilities": {},
                   "serverInfo": {**SERVER_INFO, **more}})


def error(**more):
    return {"jsonrpc": "2.0", "error": {"code": -32600, "message": "x"},
            **more}


# revision, method that is answered, message
RIGHT = [
    (OLD, "initialize", hello(OLD)),
    (NOVEMBER, "initialize", hello(NOVEMBER, title="A")),
    (OLD, "tools/list", answer({"tools": [TOOL]})),
    (JUNE, "tools/call", answer({**CALL, "structuredContent": {"x": 1}})),
    (STATELESS, "tools/call", answer({**CALL, "resultType": "complete"})),
    (OLD, "ping", answer({})),
    (OLD, None, note("notifications/progress", progressToken=1, progress=1)),
    (BATCH, None, note("notifications/progress", progressToken=1, progress=1,
                       message="a")),
    (OLD, None, note("notifications/message", level="info", data="a")),
    (OLD, "tools/call", error(id="x")),
]
WRONG = {
    "a title for an old client": (OLD, "initialize", hello(OLD, title="A")),
    "a newer key in a tool": (OLD, "tools/list", answer(
        {"tools": [{**TOOL, "annotations": {"title": "x"}}]})),
    "structured content too early": (BATCH, "tools/call", answer(
        {**CALL, "structuredContent": {}})),
    "a message of progress too early": (OLD, None, note(
        "notifications/progress", progressToken=1, progress=1, message="a")),
    "no content": (NOVEMBER, "tools/call", answer({})),
    "content of no type": (NOVEMBER, "tools/call", answer(
        {"content": [{"text": "a"}]})),
    "no resultType": (STATELESS, "tools/call", answer(CALL)),
    "a resultType too early": (NOVEMBER, "tools/call", answer(
        {**CALL, "resultType": "complete"})),
    "no ttlMs": (STATELESS, "tools/list", answer(
        {"tools": [TOOL], "resultType": "complete", "cacheScope": "private"})),
    "a null cursor": (NOVEMBER, "tools/list", answer(
        {"tools": [TOOL], "nextCursor": None})),
    "no such level": (OLD, None, note("notifications/message", level="loud",
                                      data="a")),
    "no such notification": (NOVEMBER, None, note(
        "notifications/subscriptions/acknowledged", notifications={})),
    "no progress": (OLD, None, note("notifications/progress",
                                    progressToken=1)),
    "a null id": (NOVEMBER, "ping", {**answer({}), "id": None}),
    "an id that is a fraction": (NOVEMBER, "ping", {**answer({}), "id": 1.5}),
    "result and error": (NOVEMBER, "ping", {**answer({}), **error()}),
    "an error without its id": (OLD, "ping", error()),
    "a code that is text": (NOVEMBER, "ping", error(id=1, error={
        "code": "x", "message": "x"})),
    "a request": (NOVEMBER, None, {**note("ping"), "id": 1}),
    "no version": (NOVEMBER, "ping", {"id": 1, "result": {}}),
    "something for a ping": (NOVEMBER, "ping", answer({"x": 1})),
    "an answer to nothing": (NOVEMBER, None, answer({})),
    "an array": (NOVEMBER, None, []),
}


def found(revision, method, m):
    """What the judge has against a message, or None."""
    try:
        schema_tap.Judge().message(revision, copy.deepcopy(m), method)
    except schema_tap.Wrong as e:
        return str(e)
    return None


def test_right():
    for row in RIGHT:
        equal(found(*row), None, row)
    # Refused by HTTP, in any revision, before its id was looked at.
    for revision in schema_tap.REVISIONS:
        schema_tap.Judge().message(
            revision, {**error(), "id": None}, rejected=True)


def test_wrong():
    for name, row in WRONG.items():
        check(found(*row), "was not found:", name)


def serve_once(listener, head, body):
    conn, _ = listener.accept()
    with conn:
        conn.recv(65536)
        conn.sendall(head + body)


def through(kind, body, chunked=False):
    """What a connection of the tests makes of these bytes; the findings."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if chunked:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
            framing = b"Transfer-Encoding: chunked"
        else:
            framing = b"Content-Length: %d" % len(body)
        head = (b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\n"
                + framing + b"\r\n\r\n")
        thread = threading.Thread(target=serve_once,
                                  args=(listener, head, body))
        thread.start()

        class Here:
            address = listener.getsockname()
        try:
            with Connection(Here) as conn:
                conn.send(request("POST", "/mcp", conn.port, bearer("x"),
                                  message("ping", id=1)))
                conn.reply()
        except schema_tap.Wrong:
            return True
        finally:
            thread.join(10 * SLOW)
        return False


def test_on_the_wire():
    """The same by a socket, as JSON and as an event stream."""
    for wrong, m in (False, answer({})), (True, answer({"x": 1})):
        body = json.dumps(m).encode()
        before = len(schema_tap.FINDINGS)
        equal(through(b"application/json", body), wrong, "JSON")
        equal(through(b"text/event-stream", b"id: x\nevent: message\ndata: "
                      + body + b"\n\n", True), wrong, "stream")
        equal(len(schema_tap.FINDINGS) - before, 2 if wrong else 0, "kept")
