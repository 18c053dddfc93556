# SPDX-License-Identifier: MIT
"""Pages of other origins: what a browser is told, and who is told nothing."""
from client import (JSON_HEADERS, Connection, Server, bearer, check, equal,
                    initialize, parse)

APP, OTHER = "https://app.example", "http://10.0.0.7:6274"
SERVER = {"config": {"allowed_origins": [APP, OTHER]}}
CLIENTS = ("authorization", "content-type", "accept", "mcp-session-id",
           "mcp-protocol-version", "mcp-method", "mcp-name", "last-event-id")
EXPOSED = ("mcp-session-id", "mcp-protocol-version", "retry-after",
           "www-authenticate")
# No list of origins has these, however near they are to one that is there.
STRANGERS = ("null", "https://app.example.evil.example", "http://app.example",
             "https://app.example:8443", "https://xapp.example",
             "https://app.example/", "https://app.example@evil.example",
             "app.example", "https://app.exampl", "*", "http://10.0.0.7",
             "https://app.example https://evil.example", "file://", "")


def words(reply, name):
    return [w.strip().lower() for w in (reply.header(name) or "").split(",")]


def told(reply):
    return [n for n, _ in reply.headers if n.startswith("access-control-")]


def preflight(server, origin, path="/mcp", more=()):
    return server.get(path, None, {
        "Origin": origin, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": ", ".join(CLIENTS), **dict(more)},
        "OPTIONS")


def post(server, origin, token=None, body=initialize(), **more):
    with Connection(server) as c:
        return c.request("POST", "/mcp", {
            **JSON_HEADERS, **bearer(token or server.token),
            "Origin": origin, **more}, body)


def test_preflight(server):
    for origin in APP, OTHER:
        for path in "/mcp", "/mcp/", "/sse", "/message?sessionId=x", \
                "/.well-known/oauth-protected-resource":
            r = preflight(server, origin, path)
            equal((r.status, r.body), (204, b""), path)
            equal(r.header("access-control-allow-origin"), origin, path)
            equal(r.header("vary"), "Origin", path)
            check(set(CLIENTS) <= set(words(
                r, "access-control-allow-headers")), r)
            check({"get", "post", "delete"} <= set(words(
                r, "access-control-allow-methods")), r)
            check("access-control-allow-credentials" not in told(r), r)
            check("access-control-allow-private-network" not in told(r), r)
    r = preflight(server, APP, more={
        "Access-Control-Request-Private-Network": "true"})
    equal(r.header("access-control-allow-private-network"), "true", r)
    equal(server.audit("auth-failure"), [], "a preflight is not a failure")


def test_answers(server):
    """All of them, refusals as well: a page that cannot read says nothing."""
    r = post(server, APP)
    session = r.header("mcp-session-id")
    check(r.status == 200 and session, r)
    for reply, status in (
            (r, 200), (post(server, APP, "mxt_" + "B" * 43), 401),
            (post(server, APP, Accept="text/html"), 406),
            (server.get("/.well-known/x", None, {"Origin": APP}), 404),
            (server.get("/healthz", None, {"Origin": APP}), 200)):
        equal(reply.status, status, reply)
        equal(reply.header("access-control-allow-origin"), APP, reply)
        equal(reply.header("vary"), "Origin", reply)
        check(set(EXPOSED) <= set(words(
            reply, "access-control-expose-headers")), reply)
        check("access-control-allow-credentials" not in told(reply), reply)
    with Connection(server) as c:   # a stream
        answer = c.request("POST", "/mcp", {
            **JSON_HEADERS, **bearer(server.token), "Origin": OTHER,
            "Mcp-Session-Id": session},
            b'{"jsonrpc":"2.0","id":7,"method":"tools/list"}')
        equal((answer.status, answer.header("access-control-allow-origin")),
              (200, OTHER), "another page of the list")
        check("tools" in parse(answer)[0]["result"], answer)
    check(told(server.get("/healthz")) == [], "without an Origin")


def test_strangers(server):
    """Exactly those origins: nobody else learns a thing, preflight or not."""
    for origin in STRANGERS:
        for r in preflight(server, origin), post(server, origin):
            equal((r.status, told(r)), (403, []), f"{origin} {r}")
    equal(post(server, APP).status, 200, "control")


def test_this_machine(server):
    """Pages of the loopback interface may send; to read they must be named."""
    for origin in "http://localhost:6274", "http://127.0.0.1:8080":
        r = preflight(server, origin)
        equal((r.status, told(r)), (403, []), r)
        check("allowed_origins" in r.json()["error"]["message"], r)
        r = post(server, origin)
        equal((r.status, told(r)), (200, []), r)
    with Server(config={"allowed_origins": ["http://localhost:6274"]}) as s:
        equal(preflight(s, "http://localhost:6274").status, 204, "named")
        equal(preflight(s, "http://localhost:6275").status, 403, "its port")


def test_two_origins(server):
    """One header more than there may be."""
    with Connection(server) as c:
        c.send(b"OPTIONS /mcp HTTP/1.1\r\nHost: localhost\r\nOrigin: "
               + APP.encode() + b"\r\nOrigin: https://evil.example\r\n"
               b"Access-Control-Request-Method: POST\r\n\r\n")
        r = c.reply()
        equal((r.status, told(r)), (400, []), r)


def test_options_without_a_question(server):
    """Not a preflight: a method as any other."""
    equal(server.get("/mcp", None, method="OPTIONS").status, 401, "no token")
    r = server.get("/mcp", server.token, {"Origin": APP}, "OPTIONS")
    equal((r.status, r.header("allow")), (405, "GET, POST, DELETE"), r)


def test_port_of_public_url(_):
    """Proxies that pass the name on leave the port out, or write another."""
    for url, hosts in (
            ("https://p.example:8443/x",
             ("p.example", "p.example:8443", "P.example:80")),
            ("https://[fd00::1]:8443", ("[fd00::1]", "[fd00::1]:1"))):
        with Server(config={"public_url": url}) as server:
            for host, status in [*((h, 200) for h in hosts),
                                 ("q.example", 403), ("[fd00::2]", 403)]:
                r = server.get("/healthz", None, {"Host": host})
                equal(r.status, status, host)
            r = server.get("/mcp", server.token, {"Host": "q.example"})
            check('"q.example"' in r.json()["error"]["message"], r)


def test_path_of_public_url(_):
    """Behind a proxy below a path: with it, and without it."""
    with Server(config={"public_url": "https://p.example/tools/x/"}) as server:
        for path in "/sse", "/tools/x/sse", "/tools/x/sse/":
            with Connection(server) as c:
                c.send(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: p.exam"
                       b"ple\r\nAuthorization: Bearer "
                       + server.token.encode() + b"\r\n\r\n")
                status, _ = c.head()
                equal(status, 200, path)
                first = c.pending
                while b"\n\n" not in first:
                    first += c.sock.recv(4096)
                check(b"data: /tools/x/message?sessionId=" in first, first)
        for path, status in (("/tools/x/mcp", 200), ("/mcp", 200),
                             ("/tools/mcp", 404), ("/tools/xmcp", 404),
                             ("/tools/x/tools/x/mcp", 404)):
            with Connection(server) as c:
                r = c.request("POST", path, {**bearer(server.token),
                                             **JSON_HEADERS}, initialize())
                equal(r.status, status, path)
        with server.sse() as c:
            equal(c.sh("echo in").text.strip(), "in", "the old transport")
