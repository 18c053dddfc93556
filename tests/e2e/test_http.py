# SPDX-License-Identifier: MIT
"""HTTP: status codes, framing, Host and Origin."""
import json
import re
import socket
import time

from client import (JSON_HEADERS, SLOW, Connection, Gone, bearer, check, equal,
                    initialize, message, mark, request, status_of, strict_json,
                    within)

SERVER = {"config": {
    "allowed_hosts": ["mcp.example:8443"],
    "allowed_origins": ["https://app.example"],
    "limits": {"header_bytes": 8192}}}

ROUTES = [("POST", "/mcp"), ("GET", "/mcp"), ("DELETE", "/mcp"),
          ("GET", "/sse"), ("POST", "/message?sessionId=x"), ("GET", "/x")]


def post(server, headers=(), body=initialize(), path="/mcp"):
    with Connection(server) as c:
        return c.request("POST", path, {**bearer(server.token),
                                        **JSON_HEADERS, **dict(headers)}, body)


def test_healthz(server):
    r = server.get("/healthz")
    equal(r.status, 200, "status")
    for secret in (server.token, server.name, "policy", "mcp-execd/"):
        check(secret.encode() not in r.body, secret, "in", r)
    r = server.get("/healthz", method="POST", body=b"")
    equal((r.status, "GET" in (r.header("allow") or "")), (405, True), r)


def test_404_only_with_token(server):
    equal(server.get("/nothing", server.token).status, 404, "with token")
    equal(server.get("/nothing").status, 401, "without")
    for path in ("/.well-known", "/.well-knownx/mcp", "/x.well-known/y"):
        equal(server.get(path).status, 401, path)


def test_slash(server):
    """As frameworks print their addresses; no other spelling is a route."""
    equal(post(server, path="/mcp/").status, 200, "a slash")
    equal(server.get("/healthz/").status, 200, "/healthz/")
    for path in ("/mcp//", "//mcp", "/mcp/.", "/mcp/../mcp", "/MCP", "/mcp%2f",
                 "/mcp/x", "/%6dcp", "/mcp;x", "/"):
        equal(post(server, path=path).status, 404, path)
        equal(server.get(path, method="POST", body=b"{}").status, 401, path)


def test_each_refusal_is_an_error(server):
    """JSON-RPC's, with null for its id: clients show nothing else."""
    big = {"Content-Length": str(1 << 30)}
    rows = [(400, {"Host": None}, "/mcp"), (403, {"Host": "e.example"}, "/mcp"),
            (401, {"Authorization": None}, "/mcp"), (404, {}, "/nowhere"),
            (401, {"Authorization": "Bearer x"}, "/mcp"),
            (405, {}, "/sse"), (406, {"Accept": "text/html"}, "/mcp"),
            (404, {"Mcp-Session-Id": "0" * 32}, "/mcp"),
            (413, big, "/mcp"), (414, {}, "/" + "a" * 1100),
            (415, {"Content-Type": "text/plain"}, "/mcp"),
            (431, {f"X-{i}": "y" for i in range(70)}, "/mcp"),
            (431, {"X": "y" * 9000}, "/mcp")]
    for status, headers, path in rows:
        body = message("ping", id=1) if status == 404 else initialize()
        r = post(server, headers, body, path)
        equal((r.status, r.header("content-type")),
              (status, "application/json"), f"{path} {headers!s:.60}")
        m = r.json()
        equal((sorted(m), m["jsonrpc"], m["id"]),
              (["error", "id", "jsonrpc"], "2.0", None), m)
        check(len(m["error"]["message"]) > 15
              and isinstance(m["error"]["code"], int), m)


def test_tls_to_the_wrong_port(server):
    """A word in the log, and an alert, which is what its sender can read."""
    with Connection(server) as c:
        if hasattr(c.sock, "context"):
            return      # tests/e2e/run --tls: there it is right
        c.sock.sendall(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03")
        equal(c.rest(), b"\x15\x03\x01\x00\x02\x02\x46", "an alert")
    within("a word in the log", 5, lambda: "does not speak TLS"
           in server.stderr.read_text())
    with Connection(server) as c:   # control: anything else is told in HTTP
        c.sock.sendall(b"\x17\x03\x01\x00\x05")
        check(c.rest().startswith(b"HTTP/1.1 400 "), "no handshake")


def test_405_allow(server):
    for method, path, allow in (
            ("PUT", "/mcp", "POST"), ("PATCH", "/mcp", "POST"),
            ("POST", "/sse", "GET"), ("DELETE", "/sse", "GET"),
            ("GET", "/message?sessionId=x", "POST"),
            ("TRACE", "/mcp", "POST")):
        r = server.get(path, server.token, method=method,
                       body=b"" if method == "POST" else None)
        equal(r.status, 405, f"{method} {path} {r}")
        check(allow in r.header("allow"), "Allow:", r)


def test_get_mcp_is_stream_or_405(server):
    with Connection(server) as c:
        c.send(request("GET", "/mcp", c.port, {
            **bearer(server.token), "Accept": "text/event-stream"}))
        status, headers = c.head()
    check(status in (200, 400, 405), status)
    if status == 405:
        check("POST" in dict(headers)["allow"], headers)


def test_406(server):
    for accept in ("text/html", "image/*", "application/xml"):
        equal(post(server, {"Accept": accept}).status, 406, accept)
    for accept in (None, "*/*", "application/json", "application/*",
                   "text/event-stream, application/json;q=0.5"):
        equal(post(server, {"Accept": accept}).status, 200, accept)


def test_415(server):
    for kind in ("text/plain", "application/jsonx", "multipart/form-data",
                 "application/json; charset=utf-16", None, ""):
        r = post(server, {"Content-Type": kind})
        equal(r.status, 415, f"{kind} {r}")
    for kind in ("application/json; charset=utf-8", "Application/JSON"):
        equal(post(server, {"Content-Type": kind}).status, 200, kind)


def test_compressed(server):
    """No coding is taken; the answer says so, in words and in a header."""
    for coding in "gzip", "br", "deflate, gzip", "x":
        r = post(server, {"Content-Encoding": coding}, b"\x1f\x8b\x08\0")
        equal((r.status, r.header("accept-encoding")), (415, "identity"), r)
        check(b"Content-Encoding" in r.body, r)
    equal(post(server, {"Content-Encoding": "identity"}).status, 200, "as is")


def test_id(server):
    """What is wrong with it, and the limit as it is."""
    def refused(id):
        body = json.dumps({"jsonrpc": "2.0", "id": id, "method": "ping"},
                          ensure_ascii=False).encode()
        r = post(server, body=body)
        return r.json()["error"]["message"]

    for id in None, 1.5, True, [], {}, 1e300:
        check("whole number" in refused(id), id, refused(id))
    for id in "x" * 254, "\u00e4" * 127, int("1" * 256), "\n" * 127:
        check("255 bytes" in refused(id), id, refused(id))
    for id in "x" * 253, "\u00e4" * 126, int("1" * 255), "\n" * 126, -1, 0:
        check("session" in refused(id).lower(), id, refused(id))


def test_403_host(server):
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil",
                 "evil.example:8001", "localhost@evil.example", "mcp.example",
                 "[::1"):
        for method, path in (("POST", "/mcp"), ("GET", "/sse"),
                             ("GET", "/healthz")):
            r = server.get(path, server.token, {"Host": host}, method,
                           initialize() if method == "POST" else None)
            check(r.status in (400, 403), host, method, path, r)
    for host in ("localhost", f"localhost:{server.address[1]}", "127.0.0.1",
                 "[::1]:8001", "mcp.example:8443"):
        equal(post(server, {"Host": host}).status, 200, host)


def test_403_origin(server):
    for origin in ("https://evil.example", "null", "http://localhost.evil",
                   "https://app.example.evil", "http://app.example",
                   "file://", "https://app.example:8443"):
        for method, path in (("POST", "/mcp"), ("GET", "/sse"),
                             ("GET", "/healthz"), ("OPTIONS", "/mcp")):
            r = server.get(path, server.token, {"Origin": origin}, method,
                           initialize() if method == "POST" else None)
            equal(r.status, 403, f"{origin} {method} {path}")
    for origin in ("https://app.example", "http://localhost:3000",
                   "http://127.0.0.1:8001"):
        equal(post(server, {"Origin": origin}).status, 200, origin)


def test_400_json(server):
    bad = {
        "empty": b"", "text": b"hello", "cut": b'{"jsonrpc":"2.0",',
        "trailing": message("ping", id=1) + b" x",
        "two": message("ping", id=1) + message("ping", id=2),
        "utf8_c0af": b'{"jsonrpc":"2.0","id":1,"method":"\xc0\xaf"}',
        "utf8_surrogate": b'{"jsonrpc":"2.0","id":1,"method":"\xed\xa0\x80"}',
        "utf8_cut": b'{"jsonrpc":"2.0","id":1,"method":"\xe2\x82"}',
        "lone_surrogate": b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}',
        "duplicate": b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
        "duplicate_escaped":
            b'{"jsonrpc":"2.0","id":1,"\\u0069d":2,"method":"ping"}',
        "control": b'{"jsonrpc":"2.0","id":1,"method":"a\nb"}',
        "comment": b'{"jsonrpc":"2.0",/**/"id":1,"method":"ping"}',
        "depth": b'{"jsonrpc":"2.0","id":1,"method":"ping","params":'
                 + b"[" * 100000 + b"]" * 100000 + b"}",
        "depth_open": b"[" * 100000,
        "bom_utf16": "{}".encode("utf-16"),
    }
    for name, body in bad.items():
        r = post(server, body=body)
        equal(r.status, 400, f"{name} {r}")
        code = r.json()["error"]["code"]
        check(code in (-32700, -32600), name, r)
        check("result" not in r.json(), name, r)
        check(len(r.json()["error"]["message"]) > 8, name, r)
    equal(post(server).status, 200, "a good one")


def test_nul_in_strings(server):
    with server.http() as c:
        body = json.dumps({"jsonrpc": "2.0", "id": 5, "method": "tools/call",
                           "params": {"name": "exec_cmd", "arguments": {
                               "command": "echo a\0b"}}}).encode()
        r = c.post(body)
        check(r.status == 400 or "error" in r.json() or
              r.json()["result"]["isError"], r)
        check(not c.sh("echo ab").error, "a good one")


def test_413(server):
    with Connection(server) as c:
        c.send(request("POST", "/mcp", c.port, {
            **bearer(server.token), **JSON_HEADERS,
            "Content-Length": 100 << 20}))
        r = c.reply()       # before a byte of the body
        equal(r.status, 413, r)
        check(b"body" in r.body or b"byte" in r.body, r)
    with Connection(server) as c:
        r = c.request("POST", "/mcp", {
            **bearer(server.token), **JSON_HEADERS,
            "Content-Length": 100 << 20, "Expect": "100-continue"})
        equal(r.status, 413, r)
    good = message("ping", {"x": "y" * ((1 << 20) - 200)}, 1)
    with server.http() as c:
        equal(c.post(good).status, 200, "just under the limit")
        equal(c.post(b" " * (1 << 20) + good).status, 413, "over the limit")


def peak_kib(server):
    return int(status_of(server.frontend_pid())["VmHWM"].split()[0])


def test_body_of_100_mib(server):
    """Sent in full, with a length and in chunks: no memory is spent."""
    before = peak_kib(server)
    block = b"x" * (1 << 20)
    for chunked in (False, True):
        headers = {"Transfer-Encoding": "chunked"} if chunked else {
            "Content-Length": 100 << 20}
        with Connection(server) as c:
            c.send(request("POST", "/mcp", c.port, {
                **bearer(server.token), **JSON_HEADERS, **headers}))
            sent = 0
            try:
                while sent < 100:
                    c.send(b"100000\r\n" + block + b"\r\n" if chunked
                           else block)
                    sent += 1
            except OSError:
                pass        # closed on us: as good as an answer
            try:
                equal(c.reply().status, 413, "status")
            except (Gone, OSError):
                check(sent < 100, "all was read, and no 413")
    grew = peak_kib(server) - before
    check(grew < 16384, f"the frontend grew by {grew} KiB")
    equal(post(server).status, 200, "a good one")


def test_431(server):
    r = post(server, {"X-Long": "y" * 32768})
    equal(r.status, 431, r)
    r = post(server, {f"X-{i}": "y" for i in range(500)})
    equal(r.status, 431, r)
    r = server.get("/mcp?" + "x" * 32768, server.token)
    check(r.status in (414, 431), r)
    equal(post(server, {"X-Fine": "y" * 2000}).status, 200, "a good one")


def test_414(server):
    """At once, however the target came to be long."""
    for query in ("&" * 65, "a&" * 450, "&".join(f"a{i}=1" for i in range(300)),
                  "x" * 2000):
        begin = time.monotonic()
        r = server.get("/mcp?" + query, server.token)
        equal(r.status, 414, query[:20])
        check(time.monotonic() - begin < 5 * SLOW, "waited for", query[:20])
    equal(server.get("/healthz?" + "&" * 64).status, 200, "as many as may be")
    for count, status in (64, 200), (400, 431):
        equal(post(server, {"Cookie": "; ".join(["a=b"] * count)}).status,
              status, count)


def smuggle(server, head, body):
    """Send raw bytes; all that comes back until the connection ends."""
    with Connection(server) as c:
        c.sock.settimeout(2 * SLOW)
        c.send(head + body)
        try:
            return c.rest()
        except Exception:
            return c.pending


def test_smuggling(server):
    """Ambiguous framing is refused, and what hides behind does not run."""
    with server.http() as session:
        m = mark()
        inner = message("tools/call", {"name": "exec_cmd", "arguments": {
            "command": f"touch {m}"}}, 7)
        port = server.address[1]
        hidden = request("POST", "/mcp", port, session.headers(), inner)
        auth = (f"Authorization: Bearer {server.token}\r\nContent-Type: "
                "application/json\r\nAccept: application/json\r\n"
                f"Mcp-Session-Id: {session.session}\r\n").encode()
        host = f"Host: 127.0.0.1:{port}\r\n".encode()
        start = b"POST /mcp HTTP/1.1\r\n"
        n = b"%d" % len(hidden)
        shapes = {
            "two lengths": start + host + auth + b"Content-Length: 0\r\n"
            b"Content-Length: " + n + b"\r\n\r\n",
            "length list": start + host + auth + b"Content-Length: 0, " + n
            + b"\r\n\r\n",
            "signed length": start + host + auth + b"Content-Length: +0\r\n"
            b"\r\n",
            "length and chunked": start + host + auth + b"Content-Length: "
            + n + b"\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "chunked twice": start + host + auth + b"Transfer-Encoding: "
            b"chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
            "chunked, x": start + host + auth + b"Transfer-Encoding: "
            b"xchunked\r\n\r\n0\r\n\r\n",
            "obs-fold": start + host + auth + b"Content-Length:\r\n " + n
            + b"\r\nX: y\r\n\r\n",
            "space before colon": start + host + auth + b"Content-Length : "
            + n + b"\r\n\r\n",
            "two hosts": start + host + b"Host: evil.example\r\n" + auth
            + b"Content-Length: 0\r\n\r\n",
            "no host": start + auth + b"Content-Length: 0\r\n\r\n",
            "absolute form": b"POST http://evil.example/mcp HTTP/1.1\r\n"
            + host + auth + b"Content-Length: 0\r\n\r\n",
            "bare CR": start + host + auth + b"X: a\rTransfer-Encoding: "
            b"chunked\r\nContent-Length: 0\r\n\r\n",
            "chunked in 1.0": b"POST /mcp HTTP/1.0\r\n" + host + auth
            + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "chunk size overflow": start + host + auth + b"Transfer-Encoding:"
            b" chunked\r\n\r\n10000000000000000\r\n\r\n",
            "chunk size sign": start + host + auth + b"Transfer-Encoding:"
            b" chunked\r\n\r\n-1\r\n\r\n",
            "folded host": start + b"Host:\r\n evil.example\r\n" + host + auth
            + b"Content-Length: 0\r\n\r\n",
            "not HTTP": b"\1\2 garbage\r\n\r\n",
            "HTTP/0.9": b"GET /healthz\r\n\r\n",
            "no length": start + host + auth + b"\r\n",
            "same length twice": start + host + auth + b"Content-Length: 0"
            b"\r\nContent-Length: 0\r\n\r\n",
            "zeros before a length": start + host + auth
            + b"Content-Length: 00\r\n\r\n",
            "chunked, chunked": start + host + auth + b"Transfer-Encoding: "
            b"chunked, chunked\r\n\r\n0\r\n\r\n",
            "LF hides a length": start + host + auth + b"X: a\n"
            b"Content-Length: 0\r\n\r\n",
            "LF hides a coding": start + host + auth + b"X: a\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "LF ends the head": start + host + auth
            + b"Content-Length: 0\r\n\n",
            "NUL hides the rest": start + host + auth
            + b"X: a\0\r\nContent-Length: 0\r\n\r\n",
            "NUL in a length": start + host + auth
            + b"Content-Length: 0\0" + n + b"\r\n\r\n",
            "NUL in a coding": start + host + auth + b"Transfer-Encoding: "
            b"chunked\0x\r\n\r\n0\r\n\r\n",
            "NUL in the target": b"POST /mcp\0 HTTP/1.1\r\n" + host + auth
            + b"Content-Length: 0\r\n\r\n",
            "chunk size, LF": start + host + auth + b"Transfer-Encoding: "
            b"chunked\r\n\r\n0\n\n",
            "chunk extension, LF": start + host + auth + b"Transfer-Encoding"
            b": chunked\r\n\r\n0;x\n\r\n",
            "chunk data, LF": start + host + auth + b"Transfer-Encoding: "
            b"chunked\r\n\r\n2\r\n{}\n0\r\n\r\n",
            "chunk too long": start + host + auth + b"Transfer-Encoding: "
            b"chunked\r\n\r\n2\r\n{}xx0\r\n\r\n",
            "trailer": start + host + auth + b"Transfer-Encoding: chunked"
            b"\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
            "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        }
        bad = []
        for name, head in shapes.items():
            answer = smuggle(server, head, hidden)
            if (server.work / m).exists():
                bad.append(f"{name}: the hidden request ran")
                (server.work / m).unlink()
            elif not re.match(rb"HTTP/1.1 (4|505)|$", answer) or \
                    b"HTTP/1.1 2" in answer:
                bad.append(f"{name}: {answer[:120]!r}")
        check(not bad, "; ".join(bad))
        with Connection(server) as c:   # control: not hidden, it runs
            c.send(hidden)
            equal(c.reply().status, 200, "control")
        check((server.work / m).exists(), "control")


def test_blanks_of_framing(server):
    """Before its value there may be some.  After it the library has them as a
    part of that: what is "chunked" is a body without end then."""
    body = initialize()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    framings = {"Content-Length": (str(len(body)), body),
                "Transfer-Encoding": ("chunked", chunked)}
    for name, (value, sent) in framings.items():
        for before, after in (" ", ""), (" \t ", ""), ("", " "), ("", "\t"):
            head = request("POST", "/mcp", server.address[1],
                           {**bearer(server.token), **JSON_HEADERS})
            head = head[:-2] + f"{name}:{before}{value}{after}\r\n\r\n".encode()
            with Connection(server) as c:
                c.send(head + sent)
                equal(c.reply().status, 400 if after else 200,
                      f"{name}:{before!r} {after!r}")
                if after:
                    equal(c.rest(), b"", "one answer, and the end")


def test_control_characters(server):
    """NUL and bare CR or LF, wherever they are in a head: 400, and closed."""
    body = initialize()
    head = request("POST", "/mcp", server.address[1], {
        **bearer(server.token), **JSON_HEADERS,
        "Content-Length": len(body)})
    for text in (b"X: a\0b", b"X\0Y: b", b"Content-Length\0: 5", b"X: a\rb",
                 b"X: a\nY: b", b"X: a\n", b"X: \x01", b"X: \x7f",
                 b"X: a\r\n b", b": x", b"X", b"X : a"):
        answer = smuggle(server, head.replace(
            b"\r\n\r\n", b"\r\n" + text + b"\r\n\r\n", 1), body)
        check(re.match(rb"HTTP/1.1 400 ", answer), text, answer)
        equal(answer.count(b"HTTP/1.1 "), 1, f"answers to {text}")
        check(len(answer.split(b'"message":"')[1]) > 20, answer)
    equal(smuggle(server, head.replace(b"\r\n", b"\n"), body)[:12],
          b"HTTP/1.1 400", "bare LF")
    with Connection(server) as c:   # control
        c.send(head.replace(b"\r\n\r\n", b"\r\nX: \xc3\xa4\t\r\n\r\n", 1)
               + body)
        equal(c.reply().status, 200, "a good one")


def statuses(server, *pieces):
    """Of all answers to what is sent, until the connection ends."""
    with Connection(server) as c:
        for data in pieces:
            c.sock.sendall(data)
            time.sleep(0.02)
        return [int(n) for n in re.findall(rb"HTTP/1.1 (\d+)", c.rest())]


def test_bad_after_good(server):
    """Requests that came before the malformed one have their answers."""
    good = request("GET", "/healthz", server.address[1])
    bad = b"GET / HTTP/1.1\r\nX: a\nHost: a"
    equal(statuses(server, good + good + bad + good), [200, 200, 400], "once")
    equal(statuses(server, *(bytes([b]) for b in good + bad[:-7])),
          [200, 400], "in bits")
    with server.http() as c:        # one that takes its time, and more behind
        slow = request("POST", "/mcp", c.conn.port, c.headers(), message(
            "tools/call", {"name": "exec_cmd", "arguments": {
                "command": "sleep .3"}}, 5))
        for more in ([bad], [good + bad], [good, bad], [bad[:20], bad[20:]],
                     [slow.replace(b"Content-Length", b"X: y\r\n"
                                   b"Transfer-Encoding: chunked\r\nX"), b"zz"]):
            got = statuses(server, slow, *more)
            equal(got, [200] * (1 + (more[0][:len(good)] == good)) + [400],
                  f"behind a call: {more}")
    equal(statuses(server, good.replace(b"\r\n\r\n", b"\r\nConnection: close"
                                        b"\r\n\r\n")), [200], "control")


def test_411(server):
    """A POST of which nobody can say how long it is."""
    with Connection(server) as c:
        r = c.request("POST", "/mcp", {**bearer(server.token),
                                       **JSON_HEADERS})
        equal((r.status, r.header("connection")), (411, "close"), r)
    # refused for another reason: what follows is not a request anyway
    inner = request("GET", "/healthz", server.address[1])
    for path, key, status in (("/mcp", "mxt_" + "A" * 43, 401),
                              ("/nowhere", server.token, 404),
                              ("/healthz", server.token, 405)):
        with Connection(server) as c:
            c.send(request("POST", path, server.address[1], {
                **bearer(key), **JSON_HEADERS}) + inner)
            r = c.reply()
            equal((r.status, r.header("connection")), (status, "close"), r)


def test_token_only_in_its_header(server):
    for path in (f"/mcp?token={server.token}",
                 f"/mcp?access_token={server.token}"):
        r = server.get(path, None, JSON_HEADERS, "POST", initialize())
        equal(r.status, 401, path)


def test_two_authorizations(server):
    head = request("POST", "/mcp", server.address[1], {
        **bearer("mxt_" + "A" * 43), **JSON_HEADERS}, initialize())
    head = head.replace(b"\r\n\r\n", b"\r\n" + b"Authorization: Bearer "
                        + server.token.encode() + b"\r\n\r\n", 1)
    with Connection(server) as c:
        c.send(head)
        check(c.reply().status in (400, 401), "two tokens")


def test_pipelining(server):
    with server.http() as c:
        equal(len(c.ask("ping")), 0, "ping")
        one = [request("POST", "/mcp", c.conn.port, c.headers(),
                       message("ping", id=100 + i)) for i in range(20)]
        c.conn.send(b"".join(one))
        got = [c.conn.reply().json()["id"] for _ in one]
        equal(got, list(range(100, 120)), "order of answers")
        check(not c.sh("true").error, "goes on")


def test_10000_requests(server):
    with server.http() as c:
        h = c.headers()
        for i in range(0, 10000, 50):
            c.conn.send(b"".join(request(
                "POST", "/mcp", c.conn.port, h, message("ping", id=i + k))
                for k in range(50)))
            for k in range(50):
                equal(c.conn.reply().json()["id"], i + k, "id")
        equal(c.sh("echo there").text.strip(), "there", "goes on")


def test_keep_alive_and_close(server):
    with Connection(server) as c:
        for _ in range(3):
            equal(c.request("GET", "/healthz").status, 200, "keep-alive")
        equal(c.request("GET", "/healthz", {"Connection": "close"}).status,
              200, "close")
        check(c.closed(), "Connection: close")
    with Connection(server) as c:
        r = c.request("HEAD", "/healthz")
        check(r.status in (200, 405), r)


def test_expect_and_bits(server):
    """A body byte by byte, chunked, and after 100-continue."""
    body = initialize()
    with Connection(server) as c:
        c.send(request("POST", "/mcp", c.port, {
            **bearer(server.token), **JSON_HEADERS,
            "Content-Length": len(body), "Expect": "100-continue"}))
        equal(c.head()[0], 100, "100-continue")
        for b in body:
            c.send(bytes([b]))
        equal(c.reply().status, 200, "byte by byte")
        c.send(request("POST", "/mcp", c.port, {
            **bearer(server.token), **JSON_HEADERS,
            "Transfer-Encoding": "chunked"}) + b"".join(
                b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:7], body[7:]))
            + b"0\r\n\r\n")
        equal(c.reply().status, 200, "chunked")


def test_half_closed(server):
    """shutdown(SHUT_WR) after a request: answered or ended, no harm."""
    with Connection(server) as c:
        c.send(request("GET", "/healthz", c.port))
        c.sock.shutdown(socket.SHUT_WR)
        try:
            equal(c.reply().status, 200, "status")
        except Gone:
            pass
        check(c.closed(), "the connection ends")
    equal(server.get("/healthz").status, 200, "alive")


def test_answers_say_no_more_than_needed(server):
    for r in (server.get("/mcp"), server.get("/healthz"), post(server)):
        equal([v for n, v in r.headers if n in ("server", "x-powered-by")],
              [], "version headers")
        check("access-control-allow-origin" not in dict(r.headers), r)
    strict_json(post(server).body)
