# SPDX-License-Identifier: MIT
"""Big and deep requests of every kind: the frontend's filter never ends it.

Behind its seccomp filter a call that libc makes by itself is the process's
end (qsort(3) of 129 members asked sysinfo(2)), so each part of a request is
sent at sizes where a parser may change its ways, on each route.  The same
process answers a ping after each.
"""
import json
import random
import time

from client import (FRONTEND_EXIT, JSON_HEADERS, SLOW, Connection, Gone,
                    bearer, check, equal, initialize, message)
from modern import META, REVISION

SERVER = {"config": {"limits": {"body_bytes": 2 << 20}}}
SECONDS = 10            # of one test; twice what a quiet machine takes
DEEPEST = 32            # JSON_MAX_DEPTH
COUNTS = 127, 128, 129, 1000, 10000
TEXT = 500_000          # bytes of a long string


def repeat(text, size):
    return text * (size // len(text.encode()))


def nest(depth, inside="1", kind="array"):
    opened, closed = ("[", "]") if kind == "array" else ('{"a":', "}")
    return opened * depth + inside + closed * depth


def values():
    """JSON texts, by name, the small ones first."""
    out = {}
    for n in COUNTS:
        # not in order of their names, as it is sorting that matters
        names = [f"N{i * 7919 % n}" for i in range(n)]
        out[f"object of {n}"] = json.dumps(dict.fromkeys(names, "v"))
        out[f"array of {n}"] = json.dumps(names)
    twice = [f'"N{i % 128}":1' for i in range(129)]
    out["a name twice in 129"] = "{" + ",".join(twice) + "}"
    for n in 255, 256, 257, 20000:
        out[f"name of {n}"] = f'{{"{"n" * n}":1}}'
    for n in 28, 29, 30, 31, 32, 33, 1000, 100_000:
        for kind in "array", "object":
            out[f"{kind} nested {n}"] = nest(n, kind=kind)
    out["objects in an array"] = json.dumps(
        [dict.fromkeys((f"N{i}" for i in range(128)), i) for i in range(20)])
    digits = "9" * 300
    for name, text in (("integer", digits), ("negative", "-" + digits),
                       ("fraction", "0." + digits), ("exponent", "1e" + digits),
                       ("tiny", "1e-" + digits), ("huge", "9" * TEXT)):
        out[f"number, {name}"] = text
    for name, text in (
            ("plain", "a"), ("escapes", r"\n\"\\\/\u0041\u00e9"),
            ("surrogates", r"\ud83d\ude00"), ("half", r"\ud83d"),
            ("two bytes", "é"), ("three bytes", "€"), ("four bytes", "😀")):
        out[f"text, {name}"] = f'"{repeat(text, TEXT)}"'
    return out


def put(**members):
    """An object of JSON texts."""
    return "{" + ",".join(f'"{k.replace("__", "/")}":{v}'
                          for k, v in members.items()) + "}"


def places():
    """Where a value may stand: name, (method, function to its params)."""
    ref = '{"type":"ref/resource","uri":"exec://runs/{id}"}'
    tool = {"name": '"exec_cmd"'}
    return {
        "params": ("ping", lambda v: v),
        "_meta": ("ping", lambda v: put(_meta=v)),
        "arguments": ("tools/call", lambda v: put(**tool, arguments=v)),
        "env": ("tools/call", lambda v: put(
            **tool, arguments=put(command='"true"', env=v))),
        "command": ("tools/call", lambda v: put(
            **tool, arguments=put(command=v))),
        "name of a tool": ("tools/call", lambda v: put(name=v)),
        "uri read": ("resources/read", lambda v: put(uri=v)),
        "uri subscribed": ("resources/subscribe", lambda v: put(uri=v)),
        "completed": ("completion/complete", lambda v: put(
            ref=ref, argument=put(name='"id"', value=v))),
        "context": ("completion/complete", lambda v: put(
            ref=ref, argument='{"name":"id","value":""}',
            context=put(arguments=v))),
        "ref": ("completion/complete", lambda v: put(ref=v)),
        "level": ("logging/setLevel", lambda v: put(level=v)),
        "cursor": ("tools/list", lambda v: put(cursor=v)),
        "subscriptions": ("subscriptions/listen", lambda v: put(
            notifications=put(resourceSubscriptions=v))),
        "cancelled": ("notifications/cancelled", lambda v: put(requestId=v)),
        "capabilities": ("initialize", lambda v: put(
            protocolVersion='"2025-11-25"', capabilities=v,
            clientInfo='{"name":"e2e","version":"1"}')),
    }


def request_text(method, params, id="7"):
    return put(jsonrpc='"2.0"', id=id, method=json.dumps(method),
               params=params)


def requests():
    """(what it is, method, text) of every value in every place; mixed, so that
    a test that has to stop early has seen some of all."""
    made = [(f"{value} as {place}", text, place)
            for value, text in values().items()
            for place in (*places(), "id", "method", "all")]
    random.Random(1).shuffle(made)
    for what, text, place in made:
        if place == "id":
            yield what, "ping", request_text("ping", "{}", text)
        elif place == "method":
            yield what, None, put(jsonrpc='"2.0"', id="7", method=text)
        elif place == "all":
            yield what, None, text
        else:
            method, params = places()[place]
            yield what, method, request_text(method, params(text))


class Watch:
    """The same frontend, before and after."""

    def __init__(self, server):
        self.server, self.pid = server, server.frontend_pid()
        self.client = server.http()
        self.late = time.monotonic() + SECONDS * SLOW
        self.count = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.client.close()
        if kind is None:
            equal(self.server.frontend_pid(), self.pid, "the frontend")
            equal(self.server.audit(FRONTEND_EXIT), [], "its record")

    def lives(self, what):
        """It answers, or this is what ended it; false: it is time to stop."""
        try:
            equal(self.client.ask("ping"), {}, what)
        except (Gone, OSError) as e:
            raise AssertionError(
                f"no answer after {what}: {e}; "
                f"{self.server.audit(FRONTEND_EXIT)}") from None
        self.count += 1
        return time.monotonic() < self.late


class Poster:
    """One connection, opened again when the server closed it."""

    def __init__(self, server):
        self.server, self.conn = server, None

    def post(self, path, headers, text, method="POST"):
        """The status; None if the connection was closed without one."""
        body = None if text is None else text.encode()
        if self.conn is None:
            self.conn = Connection(self.server)
        # not through the tap: it asks Python to read each of these
        try:
            self.conn.sock.sendall(
                self.head(method, path, headers, body) + (body or b""))
        except OSError:
            pass                            # the answer came before the end
        try:
            status, got = self.conn.head()
        except Gone:
            self.close()
            return None
        self.conn.close()
        self.conn = None
        check(status < 500 or status == 503, status, got)
        return status

    def leave(self, method, path, headers):
        """Send a head and wait for no answer."""
        with Connection(self.server) as self.conn:
            try:
                self.conn.sock.sendall(self.head(method, path, headers, None))
                time.sleep(0.02)
            except OSError:
                pass
        self.conn = None

    def head(self, method, path, headers, body):
        lines = [f"{method} {path} HTTP/1.1",
                 f"Host: 127.0.0.1:{self.conn.port}"]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{k}: {v}" for k, v in headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def close(self):
        if self.conn is not None:
            self.conn.close()
        self.conn = None


def drive(server, path, headers, wrap=lambda text: text):
    """Every request to a route; how many went out."""
    poster = Poster(server)
    with Watch(server) as watch:
        for what, method, text in requests():
            h = {**bearer(server.token), **JSON_HEADERS, **headers(method)}
            status = poster.post(path, h.items(), wrap(text))
            if not watch.lives(f"{what}: status {status}"):
                break
        check(watch.count > 100, "requests in time:", watch.count)


def test_session(server):
    with server.http() as c:
        drive(server, "/mcp", lambda _: c.headers())


def test_without_session(server):
    drive(server, "/mcp", lambda _: {})


def test_stateless(server):
    def headers(method):
        return {"MCP-Protocol-Version": REVISION, "Mcp-Method": method or "x",
                "Mcp-Name": "exec_cmd"}

    def wrap(text):
        """With what each request of this revision has, where there is room."""
        own = put(**{META + "protocolVersion": f'"{REVISION}"',
                     META + "clientCapabilities": "{}"})
        return text.replace('"params":{', f'"params":{{"_meta":{own},', 1)
    drive(server, "/mcp", headers, wrap)


def test_batch(server):
    with server.http(revision="2025-03-26") as c:
        drive(server, "/mcp", lambda _: c.headers(), lambda t: f"[{t},{t}]")


def test_message(server):
    """HTTP+SSE; nobody reads the stream's answers."""
    with server.sse() as s:
        drive(server, s.endpoint, lambda _: {})


def test_long_batches(server):
    with Watch(server) as watch, server.http(revision="2025-03-26") as c:
        poster = Poster(server)
        for n in COUNTS:
            for one in (message("ping", {}, 1), message("x", {}, 1), b"1",
                        b"[]", message("notifications/initialized")):
                text = "[" + ",".join([one.decode()] * n) + "]"
                status = poster.post("/mcp", c.headers().items(), text)
                watch.lives(f"batch of {n} {one!r:.40}: status {status}")


ROUTES = (("POST", "/mcp"), ("GET", "/mcp"), ("DELETE", "/mcp"),
          ("GET", "/sse"), ("POST", "/message"), ("GET", "/healthz"),
          ("GET", "/nothing"), ("OPTIONS", "/mcp"))


def test_heads(server):
    """Many and long headers, long targets and queries."""
    many = [[(f"X-{i}", "v") for i in range(n)] for n in (100, 128, 129, 1000)]
    many += [[("X-Long", "v" * n)] for n in (4096, 16384, 100_000)]
    many += [[("Cookie", "a=b;" * n)] for n in (128, 1000, 10000)]
    many += [[("Accept", ", ".join(["text/html"] * n))] for n in (128, 1000)]
    many += [[("X-Forwarded-For", ", ".join(["1.2.3.4"] * n))]
             for n in (128, 1000)]
    targets = ["x" * n for n in (1000, 8000, 100_000)]
    targets += ["?" + "&".join(f"n{i}=v" for i in range(n))
                for n in (128, 129)]
    targets += ["?sessionId=" + "s" * n for n in (128, 5000)]
    targets += ["?" + "%41" * n for n in (128, 5000)]
    poster = Poster(server)
    with Watch(server) as watch:
        for method, path in ROUTES:
            body = initialize().decode() if method == "POST" else None
            # always with a token: failures to show one are slowed down
            own = [*bearer(server.token).items(), *JSON_HEADERS.items()]
            for extra in many:
                status = poster.post(path, own + extra, body, method)
                watch.lives(f"{method} {path} {extra[0]!r:.40} and "
                            f"{len(extra)}: status {status}")
            for more in targets:
                status = poster.post(path + more, own, body, method)
                watch.lives(f"{method} {path}{more:.30}: status {status}")
            for n in (300, 1000, 10000):    # answered when its time is over
                poster.leave(method, path + "?" + "&".join(
                    f"n{i}=v" for i in range(n)), own)
                watch.lives(f"{method} {path}, {n} in the query")


def test_limits(server):
    """What is within the limits is answered and not only survived."""
    def answer(text):
        with server.http() as c:
            r = c.post(request_text("ping", put(_meta=text)).encode())
            return r.json()
    for n in COUNTS[:-1]:
        text = json.dumps({f"N{i * 7919 % n}": "v" for i in range(n)})
        equal(answer(text).get("result"), {}, n)
    equal(answer(put(x=f'"{repeat("é", TEXT)}"')).get("result"), {}, "text")
    # the request, its params and _meta are three of the levels
    inside = DEEPEST - 3
    equal(answer(put(x=nest(inside))).get("result"), {}, "as deep as may be")
    check("error" in answer(put(x=nest(inside + 1))), "one deeper")
    check("error" in answer(values()["object of 10000"]), "too many")
    check("error" in answer(values()["a name twice in 129"]), "a name twice")
