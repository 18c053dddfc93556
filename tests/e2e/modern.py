# SPDX-License-Identifier: MIT
"""A client of the newest revision without sessions."""
import base64
import json

import protocol
from client import (JSON_HEADERS, Client, Connection, RpcError, Result, bearer,
                    check, equal, message, one, parse, strict_json)

REVISION = protocol.STATELESS[-1]
META = "io.modelcontextprotocol/"
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri",
         "tasks/get": "taskId", "tasks/update": "taskId",
         "tasks/cancel": "taskId"}


def wrap(value):
    """A header's value as clients send what is not plain ASCII."""
    if value.isascii() and value.isprintable() and value == value.strip():
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def meta(**more):
    return {META + "protocolVersion": REVISION,
            META + "clientCapabilities": {},
            META + "clientInfo": {"name": "e2e", "version": "1"}, **more}


class Modern(Client):
    """Each request on its own; a connection is kept for all but live ones."""

    def __init__(self, server, token=None):
        super().__init__()
        self.server = server
        self.token = token or server.token
        self.conn = Connection(server)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.conn.close()

    def headers(self, method, params):
        h = {**bearer(self.token), **JSON_HEADERS,
             "MCP-Protocol-Version": REVISION, "Mcp-Method": method}
        if isinstance(params.get(NAMED.get(method)), str):
            h["Mcp-Name"] = wrap(params[NAMED[method]])
        return h

    def post(self, method, params=None, id=1, headers=(), conn=None,
             **more):
        """Any request; headers of value None are left out."""
        params = {"_meta": meta(**more), **(params or {})}
        return (conn or self.conn).request(
            "POST", "/mcp", {**self.headers(method, params), **dict(headers)},
            message(method, params, id))

    def exchange(self, body, id):
        m = json.loads(body)
        return one(parse(self.post(m["method"], m.get("params"), id)), id)

    def ask(self, method, params=None, **more):
        self.ids += 1
        answer = one(parse(self.post(method, params, self.ids, **more)),
                     self.ids)
        if "error" in answer:
            raise RpcError(answer["error"])
        equal(answer["result"]["resultType"], "complete", "resultType")
        return answer["result"]

    def begin(self, command, tool="exec_cmd", accept=None, arguments=None,
              **more):
        """Start a call on a connection of its own; that connection."""
        conn = Connection(self.server)
        params = {"_meta": meta(**more), "name": tool,
                  "arguments": {"command": command, **(arguments or {})}}
        h = self.headers("tools/call", params)
        if accept:
            h["Accept"] = accept
        body = message("tools/call", params, 1)
        lines = [f"{k}: {v}" for k, v in
                 {"Host": f"127.0.0.1:{conn.port}",
                  "Content-Length": len(body), **h}.items()]
        conn.send(("POST /mcp HTTP/1.1\r\n" + "\r\n".join(lines)
                   + "\r\n\r\n").encode() + body)
        return conn


class Events:
    """Messages of an event stream, as they come."""

    def __init__(self, conn):
        self.conn = conn
        self.status, headers = conn.head()
        self.headers = dict(headers)
        equal(self.headers["content-type"], "text/event-stream",
              f"type of status {self.status}")
        equal(self.headers.get("transfer-encoding"), "chunked", "framing")
        self.text = bytearray()
        self.comments = 0
        self.last = None        # id of the last event that was whole
        self.ids = []           # of all events, empty ones too
        self.retry = None

    def __iter__(self):
        return self

    def __next__(self):
        while True:
            look = 0
            while (at := self.text.find(b"\n\n", look)) < 0:
                look = max(len(self.text) - 1, 0)
                piece = self.conn.chunk()
                if not piece:
                    equal(bytes(self.text), b"", "half an event at the end")
                    raise StopIteration
                self.text += piece
            block = bytes(self.text[:at])
            del self.text[:at + 2]
            if block.startswith(b":"):
                self.comments += 1
                continue
            if message := self.take(block):
                return message

    def take(self, block):
        """The message of an event; None if it has only an id."""
        fields = {}
        for line in block.split(b"\n"):
            name, colon, value = line.partition(b": ")
            check(colon and name not in fields, f"line {line[:200]!r}")
            fields[name.decode()] = value
        check(set(fields) <= {"id", "event", "data", "retry"}, fields.keys())
        check("data" in fields, f"no data in {block[:200]!r}")
        if "id" in fields:
            self.last = fields["id"].decode("ascii")
            check(self.last not in self.ids, "an id came twice", self.last)
            self.ids.append(self.last)
        if "retry" in fields:
            self.retry = int(fields["retry"])
        if not fields["data"]:
            check("id" in fields, f"an empty event {block[:200]!r}")
            return None
        equal(fields.get("event"), b"message", "type of an event")
        return strict_json(fields["data"])


def finish(events):
    """(notifications, result) of a stream to its end."""
    messages = list(events)
    notes, last = messages[:-1], messages[-1]
    equal([m for m in notes if "method" not in m], [], "answers before it")
    if "error" in last:
        raise RpcError(last["error"])
    return notes, Result(last["result"])
