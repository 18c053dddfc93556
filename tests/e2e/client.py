# SPDX-License-Identifier: MIT
"""What the end-to-end tests share: raw HTTP, an MCP client, instances.

Nothing here is lenient: replies are parsed strictly, so that a test sees
exactly what went over the wire.  Python's standard library only.
"""
import contextlib
import functools
import hashlib
import json
import os
import pathlib
import re
import signal
import socket
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests"))
import instance  # noqa: E402
import protocol  # noqa: E402
import records  # noqa: E402
import schema_tap  # noqa: E402

ROOT = os.geteuid() == 0
REVISIONS = protocol.SESSION
NEWEST = REVISIONS[-1]
SLOW = instance.MACHINE * (
    instance.SLOW if os.environ.get("MCP_EXECD_WRAPPER")
    or "asan" in os.environ.get("MCP_EXECD_BUILD", "")
    else 2 if instance.TLS else 1)
LONG = bool(os.environ.get("MCP_EXECD_LONG"))   # make jobs-long

# Names in audit records and in structuredContent, in one place.
ACTION = "event.action"
INTENT, RESULT, REFUSED = "run-intent", "run-result", "run-refused"
AUTH_FAILURE = "auth-failure"
FRONTEND_EXIT = "frontend-exit"
RUN_ID = "run.id"
STATE = "run.state"
COMMAND = "process.command_line"
S_RUN_ID = "run_id"

# Both forms of a result and every byte of it; tests of what a policy gives
# without these keys are in test_answers.
POLICY = {
    "structured": True, "text": "raw",
    "environment": {"set": {"LANG": "C.UTF-8", "FIXED": "yes"},
                    "allow": ["CI", "ANSWER"]},
    "limits": {"runs": 16, "runs_per_minute": 0, "kill_grace_ms": 400},
}


class Failed(AssertionError):
    """A test found what it must not."""


class Skip(Exception):
    """A test cannot be done here; the text says why."""


def check(condition, *what):
    if not condition:
        raise Failed(" ".join(str(w) for w in what)[:600] or "check failed")


def equal(got, want, what=""):
    if got != want:
        raise Failed(f"{what}: got {got!r:.300}, not {want!r:.300}")


def within(what, seconds, test, step=0.02):
    """Wait until test() is true, and return that; Failed after `seconds`."""
    end = time.monotonic() + seconds * SLOW
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(step)


def token_served(server):
    """A request that was in hand when a frontend ended makes its token wait."""
    try:
        Http(server).close()
    except Failed:
        return False
    return True


def crash_frontend(server):
    """Until the next one serves the token, which may have been in hand."""
    before = server.frontend_pid()
    os.kill(before, signal.SIGKILL)
    within("another frontend", 10, lambda: server.frontend_pid() not in (
        None, before) and server.healthy())
    within("its token is served", 30, lambda: token_served(server), .5)


# --- HTTP ------------------------------------------------------------------

class Gone(Failed):
    """The server closed the connection instead of answering."""


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers      # (lower-case name, value) in order
        self.body = body

    def header(self, name):
        found = [v for n, v in self.headers if n == name.lower()]
        check(len(found) < 2, "header", name, "is there twice")
        return found[0] if found else None

    def json(self):
        try:
            return strict_json(self.body)
        except ValueError as e:
            raise Failed(f"status {self.status}, no JSON ({e}): "
                         f"{self.body[:200]!r}") from None

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:200]!r}>"


def strict_json(raw):
    """JSON of valid UTF-8 without surrogates and duplicate keys."""
    def pairs(items):
        out = dict(items)
        if len(out) != len(items):
            raise ValueError("duplicate key")
        return out

    text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
    value = json.loads(text, object_pairs_hook=pairs,
                       parse_constant=lambda c: 1 / 0)
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def told_torn(line, after):
    """The next executor ends it, and then writes its digest."""
    return strict_json(after).get(
        "log.torn_sha256") == hashlib.sha256(line).hexdigest()


class Connection:
    """One TCP connection, every byte of it under control."""

    def __init__(self, server, timeout=20, source=None):
        self.host, self.port = server.address
        self.pending = b""
        path = getattr(server, "socket_path", None)
        if path:            # what the kernel holds for it is known, and little
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(timeout * SLOW)
            self.sock.connect(str(path))
            return
        self.sock = socket.create_connection(
            server.address, timeout * SLOW,
            source_address=(source, 0) if source else None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if getattr(server, "secure", False):
            self.sock = instance.any_certificate().wrap_socket(
                self.sock, suppress_ragged_eofs=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @functools.cached_property
    def wire(self):
        """Checks every message; also of classes that connect differently."""
        return schema_tap.Tap()

    def close(self):
        self.sock.close()

    def reset(self):
        """Vanish: RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def send(self, data):
        self.wire.sent(data)
        self.sock.sendall(data)

    def more(self):
        try:
            data = self.sock.recv(65536)
        except TimeoutError:
            raise Failed("no answer in time; so far "
                         f"{self.pending[:200]!r}") from None
        except ConnectionError:
            data = b""
        if not data:
            raise Gone(f"closed after {self.pending[:200]!r}")
        self.pending += data

    def until(self, mark):
        while mark not in self.pending:
            self.more()
        head, _, self.pending = self.pending.partition(mark)
        return head

    def exactly(self, n):
        while len(self.pending) < n:
            self.more()
        data, self.pending = self.pending[:n], self.pending[n:]
        return data

    def head(self):
        """Status line and headers: (status, headers)."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        m = re.fullmatch(r"HTTP/1\.[01] (\d{3}) ?[^\r\n]*", lines[0])
        check(m, "no status line:", lines[0])
        headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            check(colon and re.fullmatch(r"[!-9;-~]+", name), "header", line)
            headers.append((name.lower(), value.strip()))
        self.wire.began(int(m[1]), dict(headers))
        return int(m[1]), headers

    def chunk(self):
        n = int(self.until(b"\r\n").split(b";")[0], 16)
        data = self.exactly(n)
        equal(self.exactly(2), b"\r\n", "end of chunk")
        self.wire.piece(data)
        return data

    def rest(self):
        """Everything up to the end of the connection."""
        with contextlib.suppress(Gone):
            while True:
                self.more()
        data, self.pending = self.pending, b""
        return data

    def reply(self, method="POST"):
        status, headers = self.head()
        if status == 100:
            status, headers = self.head()
        names = dict(headers)
        if method == "HEAD" or status in (204, 304):
            body = b""
        elif names.get("transfer-encoding") == "chunked":
            body = b""
            while piece := self.chunk():
                body += piece
        elif "content-length" in names:
            body = self.exactly(int(names["content-length"]))
        else:
            body = self.rest()
        self.wire.body(body)
        return Reply(status, headers, body)

    def closed(self, seconds=5):
        """true if the server ends the connection within that time; with 0, if
        it has done so."""
        end = time.monotonic() + seconds * SLOW
        before = self.sock.gettimeout()
        try:
            while True:
                self.sock.settimeout(max(end - time.monotonic(), 0.01))
                if not self.sock.recv(65536):
                    return True
                if time.monotonic() >= end:
                    return False
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        finally:
            self.sock.settimeout(before)

    def request(self, method, path, headers=(), body=None):
        self.send(request(method, path, self.port, headers, body))
        return self.reply(method)


def request(method, path, port, headers=(), body=None):
    """The bytes of a request; a header of value None is left out."""
    fields = {"Host": f"127.0.0.1:{port}"}
    if body is not None:
        fields["Content-Length"] = len(body)
    fields.update(headers)
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [f"{k}: {v}" for k, v in fields.items() if v is not None]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


JSON_HEADERS = {"Content-Type": "application/json",
                "Accept": "application/json, text/event-stream"}


def message(method, params=None, id=None):
    m = {"jsonrpc": "2.0", "method": method}
    if id is not None:
        m["id"] = id
    if params is not None:
        m["params"] = params
    return json.dumps(m).encode()


def initialize(revision=NEWEST, id=0):
    return message("initialize", {
        "protocolVersion": revision, "capabilities": {},
        "clientInfo": {"name": "e2e", "version": "1"}}, id)


# --- MCP -------------------------------------------------------------------

class RpcError(Failed):
    def __init__(self, error):
        super().__init__(f"JSON-RPC error {error}")
        self.code = error["code"]
        self.message = error["message"]
        self.data = error.get("data")


class Result:
    """Of tools/call."""

    def __init__(self, result):
        self.raw = result
        self.error = result.get("isError", False)
        self.text = "".join(c["text"] for c in result["content"]
                            if c["type"] == "text")
        self.data = result.get("structuredContent")

    def __repr__(self):
        return f"<error={self.error} {self.text[:300]!r} {self.data!r:.300}>"


class Client:
    """What both transports share."""

    def __init__(self):
        self.ids = 0

    def next_id(self):
        self.ids += 1
        return self.ids

    def ask(self, method, params=None):
        answer = self.exchange(message(method, params, self.next_id()),
                               self.ids)
        equal(answer.get("id"), self.ids, "id")
        equal(answer.get("jsonrpc"), "2.0", "jsonrpc")
        if "error" in answer:
            check("result" not in answer, "error and result")
            raise RpcError(answer["error"])
        return answer["result"]

    def call(self, tool, **arguments):
        return Result(self.ask("tools/call", {"name": tool,
                                              "arguments": arguments}))

    def sh(self, command, **arguments):
        return self.call("exec_cmd", command=command, **arguments)

    def tools(self):
        return self.ask("tools/list")["tools"]


class Http(Client):
    """Streamable HTTP, one connection; replies may be JSON or a stream."""

    def __init__(self, server, token=None, revision=NEWEST, path="/mcp",
                 source=None):
        super().__init__()
        self.server, self.path = server, path
        self.token = token or server.token
        self.session = None
        self.revision = None
        self.conn = Connection(server, source=source)
        reply = self.post(initialize(revision))
        check(reply.status == 200, "initialize:", reply)
        self.session = reply.header("mcp-session-id")
        self.hello = parse(reply)[0]["result"]
        self.revision = self.hello["protocolVersion"]
        equal(self.post(message("notifications/initialized")).status, 202,
              "initialized")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.conn.close()

    def headers(self):
        h = {**bearer(self.token), **JSON_HEADERS}
        if self.session:
            h["Mcp-Session-Id"] = self.session
        if self.revision and self.revision >= "2025-06-18":
            h["MCP-Protocol-Version"] = self.revision
        return h

    def post(self, body, headers=(), conn=None):
        return (conn or self.conn).request(
            "POST", self.path, {**self.headers(), **dict(headers)}, body)

    def send(self, body, conn=None):
        """Send only; the reply is read by the caller."""
        conn = conn or self.conn
        conn.send(request("POST", self.path, conn.port, self.headers(), body))

    def exchange(self, body, id):
        return one(parse(self.post(body)), id)

    def begin(self, command, id=None, tool="exec_cmd", **arguments):
        """Start a call on a connection of its own; that connection."""
        conn = Connection(self.server)
        self.send(message("tools/call", {
            "name": tool, "arguments": {"command": command, **arguments}},
            self.next_id() if id is None else id), conn)
        return conn

    def finish(self, conn):
        answer = parse(conn.reply())[-1]
        if "error" in answer:
            raise RpcError(answer["error"])
        return Result(answer["result"])

    def notify(self, method, params=None):
        with Connection(self.server) as conn:
            return self.post(message(method, params), conn=conn)

    def delete(self):
        with Connection(self.server) as conn:
            return conn.request("DELETE", self.path, self.headers())


class Sse(Client):
    """HTTP+SSE of 2024-11-05: one stream for answers, one to post."""

    def __init__(self, server, token=None, revision="2024-11-05", open=True,
                 source=None):
        super().__init__()
        self.server = server
        self.token = token or server.token
        self.stream = Connection(server, source=source)
        self.stream.send(request("GET", "/sse", self.stream.port, {
            **bearer(self.token), "Accept": "text/event-stream"}))
        status, headers = self.stream.head()
        check(status == 200, "GET /sse:", status, headers)
        names = dict(headers)
        check(names["content-type"].startswith("text/event-stream"), names)
        equal(names.get("transfer-encoding"), "chunked", "framing")
        self.text = bytearray()
        event, self.endpoint = self.event()
        equal(event, "endpoint", "first event")
        self.poster = None
        if open:
            self.hello = self.exchange(initialize(revision), 0)["result"]
            self.revision = self.hello["protocolVersion"]
            self.post(message("notifications/initialized"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()
        if self.poster:
            self.poster.close()

    def ended(self):
        raise Gone("end of the stream")

    def event(self):
        """The next event: (type, data); comments are passed over."""
        while True:
            look = 0
            while (at := self.text.find(b"\n\n", look)) < 0:
                look = max(len(self.text) - 1, 0)
                self.text += self.stream.chunk() or self.ended()
            block = bytes(self.text[:at])
            del self.text[:at + 2]
            kind, data = "message", []
            for line in block.decode("utf-8").split("\n"):
                field, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if field == "event":
                    kind = value
                elif field == "data":
                    data.append(value)
            if data:
                return kind, "\n".join(data)

    def post(self, body):
        if self.poster is None:
            self.poster = Connection(self.server)
        reply = self.poster.request("POST", self.endpoint, {
            **bearer(self.token), "Content-Type": "application/json"}, body)
        equal(reply.status, 202, f"POST {self.endpoint}: {reply}")
        return reply

    def answer(self):
        kind, data = self.event()
        equal(kind, "message", "event type")
        return strict_json(data)

    def exchange(self, body, id):
        self.post(body)
        return one([self.answer()], id)

    def begin(self, command, id=None, tool="exec_cmd", **arguments):
        self.post(message("tools/call", {
            "name": tool, "arguments": {"command": command, **arguments}},
            self.next_id() if id is None else id))


def parse(reply):
    """The JSON-RPC messages of a reply, JSON or event stream."""
    kind = (reply.header("content-type") or "").partition(";")[0]
    if kind == "text/event-stream":
        return [strict_json(d) for d in re.findall(
            r"^data: ?(\{.*)$", reply.body.decode(), re.M)]
    equal(kind, "application/json", f"type of {reply}")
    value = reply.json()
    return value if isinstance(value, list) else [value]


def one(messages, id):
    found = [m for m in messages if m.get("id") == id and "method" not in m]
    equal(len(found), 1, f"answers to {id} in {messages}")
    return found[0]


# --- instances -------------------------------------------------------------

class Server(instance.Instance):
    """An instance with what tests ask of it."""

    def __init__(self, config=None, policy=None, limits=None, **more):
        merged = {**POLICY, **(policy or {})}
        merged["limits"] = {**POLICY["limits"], **merged.get("limits", {}),
                            **(limits or {})}
        super().__init__(config, merged, **more)

    @property
    def address(self):
        host, _, port = self.config["listen"][0].removeprefix(
            "tls:").rpartition(":")
        return host, int(port)

    @property
    def work(self):
        return pathlib.Path(self.policy["directory"])

    @property
    def audit_file(self):
        return self.dir / self.config["audit"]["file"]

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, kind, value, _):
        try:
            self.stop()
            wrong = records.problems(self.audit_file)
            check(not wrong, "records not as in their schema:", *wrong[:3])
            told = [f.name for f in self.logs() if self.token[4:].encode()
                    in f.read_bytes()]
            check(not told, "the token's secret stands in", *told)
        except (instance.Failure, Failed):
            if kind is None:
                raise
        finally:
            self.remove()

    def logs(self):
        """What is written of a test: the log, its older files, stderr."""
        return [self.stderr, *self.audit_file.parent.glob(
            self.audit_file.stem + "*")]

    def http(self, **more):
        return Http(self, **more)

    def sse(self, **more):
        return Sse(self, **more)

    def add(self, name, *args, policy=None):
        """A further token."""
        out = self.ctl("token", "add", name, "--policy", policy or self.name,
                       *args)
        token = instance.TOKEN.search(out).group()
        within(f"token {name} in force", 5,
               lambda: self.accepts(token) or "--from" in args)
        return token

    def accepts(self, token):
        return self.get("/mcp", token).status != 401

    def get(self, path, token=None, headers=(), method="GET", body=None):
        with Connection(self) as conn:
            h = bearer(token) if token else {}
            return conn.request(method, path, {**h, **dict(headers)}, body)

    def add_policy(self, name, **keys):
        path = self.dir / self.config["policy_dir"] / f"{name}.json"
        text = {**self.policy, **keys}
        text["limits"] = {**self.policy.get("limits", {}),
                          **keys.get("limits", {})}
        path.write_text(json.dumps(text))
        path.chmod(0o600)
        self.reload()
        return path

    def reload(self):
        """SIGHUP, and wait until it is recorded; that record."""
        before = self.audit_bytes()
        self.process.send_signal(signal.SIGHUP)
        return within("a reload record", 30,
                      lambda: self.audit("reload", since=before))[-1]

    def reload_ends(self, outcome, what):
        """A reload with this outcome; if another, its record says why."""
        said = self.reload()
        equal(said["event.outcome"], outcome, f"{what}: {said}")

    def audit_bytes(self):
        """So many there are: a long log is not read again and again."""
        try:
            return self.audit_file.stat().st_size
        except FileNotFoundError:
            return 0

    def audit(self, *actions, since=0):
        """Records, all or of these actions; every line must be whole, except
        for one that a crash tore, as the record after it says."""
        try:
            with self.audit_file.open("rb") as f:
                # what is shorter is a new file
                begin = since if since <= self.audit_bytes() else 0
                f.seek(max(begin - 1, 0))
                raw = f.read()
        except FileNotFoundError:
            return []
        if begin > 0:   # a write that crosses a page is seen in two steps
            raw = raw.partition(b"\n")[2]
        lines = raw.split(b"\n")[:-1]
        records = []
        for line, after in zip(lines, [*lines[1:], b"{}"]):
            try:
                records.append(strict_json(line))
            except ValueError as e:
                check(told_torn(line, after), e, line[:300])
        return [r for r in records if not actions or r[ACTION] in actions]

    def run_records(self, mark):
        """(intent, result or None) of the run whose command holds mark."""
        intents = [r for r in self.audit(INTENT) if mark in r[COMMAND]]
        equal(len(intents), 1, f"intents with {mark}")
        results = [r for r in self.audit(RESULT)
                   if r[RUN_ID] == intents[0][RUN_ID]]
        check(len(results) < 2, "two results of one run")
        return intents[0], results[0] if results else None

    def running(self, mark):
        """Wait until the run with that mark was recorded as begun."""
        within(f"{mark} begun", 5, lambda: [
            r for r in self.audit(INTENT) if mark in r[COMMAND]])

    def ended(self, mark, seconds=5):
        """Wait for the result record of that run, and return it."""
        return within(f"a result of {mark}", seconds,
                      lambda: self.run_records(mark)[1])

    def file(self, name, seconds=5):
        """Wait until a command wrote that file; its text."""
        path = self.work / name
        return within(f"{name} is written", seconds, lambda:
                      path.exists() and path.read_text())


def is_of_another(pid):
    """Does it run below a server that is not this test's?  What escaped from
    one is anybody's, and a service belongs to none."""
    server = False
    while pid > 1 and pid != os.getpid():
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        name, _, rest = stat.partition("(")[2].rpartition(")")
        pid = int(rest.split()[1])
        server = server or (name == "mcp-execd" and pid > 1)
    return server and pid != os.getpid()


def processes(mark):
    """Pids whose command line holds mark, but not those of other tests."""
    found = []
    for d in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (d / "cmdline").read_bytes() and \
                    not is_of_another(int(d.name)):
                found.append(int(d.name))
        except OSError:
            continue
    return found


def alive(pid):
    """A process that runs; a zombie does not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def name_of(pid):
    """As the kernel has it, 15 bytes; "" if it is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def status_of(pid):
    """/proc/PID/status as a dictionary."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines()
                if ":\t" in line)


def fds(pid):
    """{number: target} of a process's descriptors."""
    out = {}
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            out[int(link.name)] = os.readlink(link)
    return out


def guards(server):
    """By their name: the launcher has children that make roots, too."""
    return [p for p in instance.children(server.launcher_pid())
            if name_of(p) == "mcp-execd-guard"]


def waits(pid):
    """A guard without a run, which waits for the next one."""
    return name_of(pid) == "mcp-execd-guard" and not instance.children(pid)


def descendants(pid):
    """By one look, which takes long enough where a processor is emulated."""
    parents = instance.parents()

    def below(pid):
        out = []
        for child in sorted(p for p in parents if parents[p] == pid):
            out += [child, *below(child)]
        return out
    return below(pid)


_marks = 0


def mark():
    """A word that no other command line of this machine holds."""
    global _marks
    _marks += 1
    return f"mark{os.getpid()}x{_marks}z"
