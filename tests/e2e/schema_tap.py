# SPDX-License-Identifier: MIT
"""A tap on every connection of the tests: each message that the server sends
is checked against the official schema of the revision that was negotiated.

Stricter than the schemas: an object of ours has no key that its definition
lacks, so that nothing of a newer revision goes to an older session.  A finding
fails the test in which it was made, and is kept for the module's last line.
"""
import json
import pathlib
import re

import jsonschema
import protocol

SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "schema"
REVISIONS = protocol.SESSION + protocol.STATELESS
NEWEST = protocol.SESSION[-1]       # with sessions
META = "io.modelcontextprotocol/protocolVersion"
# Definition of the result of each method that the server has.
RESULTS = {
    "initialize": "InitializeResult", "ping": "EmptyResult",
    "logging/setLevel": "EmptyResult", "tools/list": "ListToolsResult",
    "tools/call": "CallToolResult", "resources/list": "ListResourcesResult",
    "resources/templates/list": "ListResourceTemplatesResult",
    "resources/read": "ReadResourceResult",
    "resources/subscribe": "EmptyResult",
    "resources/unsubscribe": "EmptyResult",
    "completion/complete": "CompleteResult",
    "server/discover": "DiscoverResult",
    "subscriptions/listen": "SubscriptionsListenResult",
    "tasks/get": "GetTaskResult", "tasks/list": "ListTasksResult",
    "tasks/cancel": "CancelTaskResult", "tasks/update": "UpdateTaskResult",
    "tasks/result": "CallToolResult",
}
TASKS = "extensions/tasks"      # of the revisions that have no tasks
# What may hold any key: schemas of tools, what tools return, metadata.
OPEN = {"inputSchema", "outputSchema", "structuredContent", "_meta",
        "capabilities"}
TASK_ONLY = re.compile(r"Task|Elicit|Sampling|CreateMessage")


def stateless(name):
    """That revision; for one that is not served, its newest."""
    served = protocol.STATELESS
    return name if name in served else served[-1]


class Wrong(AssertionError):
    """A message that the revision does not have."""


def close(value, key=None):
    """A copy of a schema in which objects have no further keys."""
    if isinstance(value, list):
        return [close(v) for v in value]
    if not isinstance(value, dict) or key in OPEN or (
            key or "").endswith("MetaObject"):
        return value
    out = {k: close(v, k) for k, v in value.items()}
    if isinstance(out.get("properties"), dict) and "allOf" not in out:
        out.setdefault("additionalProperties", False)
    return out


class Schema:
    """The definitions of one revision, with validators made when needed."""

    def __init__(self, revision):
        root = json.loads((SCHEMAS / f"{revision}.json").read_text())
        self.at = "$defs" if "$defs" in root else "definitions"
        self.plain = root[self.at]
        # Not Result: all results are derived from it.
        self.closed = {k: v if k in ("Result", "EmptyResult") or
                       TASK_ONLY.search(k) else close(v, k)
                       for k, v in self.plain.items()}
        self.checks = {}
        self.notifications = {
            d["properties"]["method"]["const"]: name
            for name, d in self.plain.items()
            if name.endswith("Notification")
            and "const" in d.get("properties", {}).get("method", {})}

    def check(self, name, value, closed=True):
        """Raise Wrong unless value is one of `name`."""
        if name not in self.plain:
            raise Wrong(f"there is no {name} in this revision")
        check = self.checks.get((name, closed))
        if check is None:
            schema = {"$ref": f"#/{self.at}/{name}",
                      self.at: self.closed if closed else self.plain}
            kind = getattr(jsonschema, "Draft202012Validator" if
                           self.at == "$defs" else "Draft7Validator",
                           jsonschema.Draft7Validator)
            check = self.checks[name, closed] = kind(schema)
        # the most telling of several: the deepest
        error = max(check.iter_errors(value), default=None,
                    key=lambda e: len(e.absolute_path))
        if error is not None:
            where = "/".join(str(p) for p in error.absolute_path)
            raise Wrong(f"{name}: {where}: {error.message[:300]}")


class Judge:
    """Messages against schemas, and how many of each revision."""

    def __init__(self):
        self.schemas = {}
        self.count = dict.fromkeys(REVISIONS, 0)

    def schema(self, revision):
        if revision not in self.schemas:
            self.schemas[revision] = Schema(revision)
        return self.schemas[revision]

    def message(self, revision, m, method=None, rejected=False):
        """One message; method: of the request that it answers."""
        s = self.schema(revision)
        self.count[revision] += 1
        if not isinstance(m, dict):
            raise Wrong(f"not an object: {m!r:.100}")
        if rejected and m.get("id", "") is None:
            # Of HTTP and not of the protocol: newer schemas have its form,
            # except for JSON-RPC's null, without which a client drops it.
            self.schema(NEWEST).check(
                "JSONRPCErrorResponse",
                {k: v for k, v in m.items() if k != "id"})
            return
        s.check("JSONRPCMessage", m, closed=False)
        if "method" in m:
            if "id" in m:
                raise Wrong(f"a request: {m['method']}")
            if m["method"] == "notifications/tasks":
                self.of_task(revision, s, m)
                return
            if "taskIds" in m.get("params", {}).get("notifications", {}):
                m = self.without_tasks(m)
            if m["method"] not in s.notifications:
                raise Wrong(f"{m['method']} is none of {revision}")
            name = s.notifications[m["method"]]
            known = s.plain[name]["properties"]
            s.check(name, {k: v for k, v in m.items()
                           if k != "jsonrpc" or k in known},
                    closed=not TASK_ONLY.search(name))
        elif "result" in m:
            if method not in RESULTS:
                raise Wrong(f"a result of {method}")
            if set(m) != {"jsonrpc", "id", "result"}:
                raise Wrong(f"keys of a response: {sorted(m)}")
            self.result(s, revision, method, m["result"])
        elif set(m) != {"jsonrpc", "id", "error"}:
            raise Wrong(f"keys of an error: {sorted(m)}")
        elif m["error"]["code"] == -32021:
            s.check("MissingRequiredClientCapabilityError", m, closed=False)
        elif m["error"]["code"] == -32022:
            s.check("UnsupportedProtocolVersionError", m, closed=False)

    def of_task(self, revision, s, m):
        """Of the extension, with the result as tasks/get has it."""
        if revision not in protocol.STATELESS:
            raise Wrong(f"{m['method']} is none of {revision}")
        self.schema(TASKS).check("TaskStatusNotification", m, closed=False)
        if "result" in m["params"]:
            s.check("CallToolResult", m["params"]["result"])

    def without_tasks(self, m):
        """What the base protocol knows of what is honoured."""
        wants = m["params"]["notifications"]
        self.schema(TASKS).check("TaskSubscriptionAcknowledgedNotifications",
                                 {"taskIds": wants["taskIds"]})
        return {**m, "params": {**m["params"], "notifications": {
            k: v for k, v in wants.items() if k != "taskIds"}}}

    def task(self, revision, method, result):
        """(schema, name) of a result about a task; None: it is not one."""
        late = revision in protocol.STATELESS
        if method == "tools/call" and (
                result.get("resultType") == "task" if late else
                isinstance(result.get("task"), dict)):
            name = "CreateTaskResult"
        elif late and method.startswith("tasks/"):
            name = RESULTS[method]
        else:
            return None
        return self.schema(TASKS if late else revision), name

    def result(self, s, revision, method, result):
        name = RESULTS[method]
        if found := self.task(revision, method, result):
            found[0].check(found[1], result)
            if method == "tasks/get" and "result" in result:
                s.check("CallToolResult", result["result"])
            return
        s.check(name, result)
        allowed = {"_meta"} | ({"resultType"} if revision in protocol.STATELESS
                               else set())
        if name == "EmptyResult" and set(result) - allowed:
            raise Wrong(f"{method} answers {sorted(result)}")

    def batch(self, messages, methods):
        """An array, which 2025-03-26 alone has."""
        if not messages:
            raise Wrong("an empty array")
        self.schema("2025-03-26").check("JSONRPCBatchResponse", messages,
                                        closed=False)
        for m in messages:
            self.message("2025-03-26", m, methods.get(m.get("id")))


JUDGE = Judge()
FINDINGS = []
_revisions = {}         # session id: revision
_methods = {}           # (session id or None, id): method


def requests_of(body):
    """(id, method, params) of what a body asks."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return []
    found = value if isinstance(value, list) else [value]
    return [(m["id"], m["method"], m.get("params")) for m in found
            if isinstance(m, dict) and isinstance(m.get("method"), str)
            and is_id(m.get("id"))]


def is_id(value):
    """A string, or what JSON Schema counts as an integer: 1.0 is 1."""
    return isinstance(value, (str, int)) or \
        isinstance(value, float) and value.is_integer()


class Tap:
    """Of one connection: what was asked on it, and what comes back."""

    def __init__(self):
        self.path = self.session = self.revision = None
        self.methods = {}
        self.status = self.kind = None
        self.text = bytearray()

    def sent(self, data):
        """Bytes that go out: requests that are whole count."""
        fresh = True
        while data:
            head, blank, data = data.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            words = lines[0].split(" ")
            if not blank or len(words) != 3 or words[2][:5] != "HTTP/":
                return
            fields = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                fields[name.strip().lower()] = value.strip()
            n = fields.get("content-length", "0")
            n = int(n) if n.isdecimal() else 0
            if fresh:       # several at once are answered one by one
                self.methods = {}
            fresh = False
            self.asked(words[1], fields, data[:n])
            data = data[n:]

    def asked(self, target, fields, body):
        self.path, _, query = target.partition("?")
        if self.path.endswith("/message"):
            self.session = query.partition("=")[2]
        elif not self.path.endswith("/sse"):
            self.session = fields.get("mcp-session-id")
        asked = requests_of(body)
        self.methods.update({id: method for id, method, _ in asked})
        self.revision = self.claimed(fields, asked)
        if self.revision is None:
            for id, method, _ in asked:
                _methods[self.session, id] = method

    def claimed(self, fields, asked):
        """What the request says; None: what its session has."""
        for _, _, params in asked:
            meta = params.get("_meta") if isinstance(params, dict) else None
            if isinstance(meta, dict) and META in meta:
                return stateless(meta[META])
        header = fields.get("mcp-protocol-version", "")
        return stateless(header) if header >= protocol.STATELESS[0] else None

    def began(self, status, headers):
        self.status = status
        self.kind = headers.get("content-type", "").partition(";")[0]
        self.text = bytearray()
        if "mcp-session-id" in headers:
            self.opened = headers["mcp-session-id"]
        else:
            self.opened = None

    def negotiated(self, m):
        """The revision that a message is in."""
        if self.revision is not None:
            return self.revision
        version = (m.get("result") or {}).get("protocolVersion") if isinstance(
            m, dict) and isinstance(m.get("result"), dict) else None
        if version in REVISIONS:
            _revisions[self.opened or self.session] = version
            return version
        return _revisions.get(self.session, NEWEST)

    def method_of(self, m):
        if not isinstance(m, dict):
            return None
        id = m.get("id")
        if not isinstance(id, (str, int)):
            return None
        return self.methods.get(id) or _methods.get((self.session, id))

    def take(self, value):
        try:
            if isinstance(value, list):
                JUDGE.batch(value, self.methods)
            else:
                JUDGE.message(self.negotiated(value), value,
                              self.method_of(value), self.status >= 400)
        except Wrong as e:
            FINDINGS.append(f"{e} in {json.dumps(value)[:300]}")
            raise

    def body(self, data):
        """The body of an answer that was not a stream."""
        if self.kind != "application/json" or not data:
            return
        value = json.loads(data)
        if isinstance(value, dict) and self.path.rstrip("/") == "/healthz" and \
                "jsonrpc" not in value:
            return
        self.take(value)

    def piece(self, data):
        """A piece of an event stream."""
        if self.kind != "text/event-stream":
            return
        look = max(len(self.text) - 1, 0)
        self.text += data
        while (at := self.text.find(b"\n\n", look)) >= 0:
            block, look = bytes(self.text[:at]), 0
            del self.text[:at + 2]
            fields = dict(line.partition(b": ")[::2]
                          for line in block.split(b"\n"))
            if fields.get(b"event") == b"endpoint":
                self.session = fields[b"data"].decode().partition("=")[2]
            elif fields.get(b"data"):
                self.take(json.loads(fields[b"data"]))


def summary():
    """One line for tests/e2e/run, which adds them up."""
    return "# validated " + " ".join(f"{r}={n}" for r, n in
                                     JUDGE.count.items())
