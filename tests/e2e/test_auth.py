# SPDX-License-Identifier: MIT
"""Tokens: every way to be turned away, and its record."""
import contextlib
import json
import time

from client import (AUTH_FAILURE, JSON_HEADERS, SLOW, Connection, Gone, Http, bearer,
                    check, equal, initialize, mark, processes, message,
                    within)

SERVER = {}
ROUTES = [("POST", "/mcp"), ("GET", "/mcp"), ("DELETE", "/mcp"),
          ("GET", "/sse"), ("POST", "/message?sessionId=x"),
          ("GET", "/nothing"), ("POST", "/healthz/x")]


def status(server, authorization, method="POST", path="/mcp"):
    with Connection(server) as c:
        h = dict(JSON_HEADERS)
        if authorization is not None:
            h["Authorization"] = authorization
        return c.request(method, path, h,
                         initialize() if method == "POST" else None)


def failures(server, reason):
    return sum(r["event.count"] for r in server.audit(AUTH_FAILURE)
               if reason in r["event.reason"])


def refused(server, authorization, reason):
    """401 on every route, told how, and recorded."""
    before = failures(server, reason)
    for method, path in ROUTES:
        r = status(server, authorization, method, path)
        equal(r.status, 401, f"{authorization} {method} {path}")
        challenge = r.header("www-authenticate")
        check(challenge and challenge.startswith("Bearer"), r)
        check("resource_metadata" not in challenge, challenge)
        check(r.header("mcp-session-id") is None, r)
        check(b"mxt_" not in r.body, "the token is echoed", r)
    within(f"{len(ROUTES)} failures recorded as {reason}", 5,
           lambda: failures(server, reason) >= before + len(ROUTES))
    last = server.audit(AUTH_FAILURE)[-1]
    equal(last["source.ip"], "127.0.0.1", "source.ip")
    equal(status(server, f"Bearer {server.token}").status, 200, "control")


def test_none(server):
    refused(server, None, "missing")


def test_malformed(server):
    for value in ("Basic dXNlcjpwYXNz", "Bearer", f"Token {server.token}",
                  server.token):
        refused(server, value, "malformed")


def test_wrong(server):
    refused(server, "Bearer mxt_" + "A" * 43, "unknown")
    flipped = server.token[:-2] + ("A" if server.token[-2] != "A" else "B") \
        + server.token[-1]
    refused(server, "Bearer " + flipped, "unknown")
    refused(server, "Bearer x", "")


def test_scheme_case(server):
    equal(status(server, f"bearer {server.token}").status, 200, "bearer")
    equal(status(server, f"BEARER {server.token}").status, 200, "BEARER")


def test_verifier_and_proof_are_no_token(server):
    for file in (server.dir / "tokens.d").glob("*.json"):
        verifier = json.loads(file.read_text())["verifier"]
        equal(status(server, f"Bearer {verifier}").status, 401, "verifier")
        check(server.token not in file.read_text(), "token in a file")


def test_expired(server):
    token = server.add("soon")
    path = server.dir / "tokens.d" / "soon.json"
    text = json.loads(path.read_text())
    text["expires"] = time.strftime(
        "%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))
    path.write_text(json.dumps(text))
    server.reload()
    with server.http(token=token) as c:
        check(not c.sh("true").error, "before it expires")
        within("expiry", 12, lambda: not server.accepts(token))
        r = c.post(message("ping", id=3))
        equal(r.status, 401, "the session goes with it")
    refused(server, f"Bearer {token}", "expired")
    equal(server.audit(AUTH_FAILURE)[-1].get("token.name"), "soon",
          "the record names it")


def test_source_address(server):
    token = server.add("there", "--from", "127.0.0.2/32")
    within("there", 5, lambda: server.audit("reload-tokens", "reload"))

    def from_there():
        with Connection(server, source="127.0.0.2") as c:
            return c.request("POST", "/mcp", {
                **bearer(token), **JSON_HEADERS}, initialize()).status == 200

    within("the right source", 5, from_there)
    refused(server, f"Bearer {token}", "source")


def test_expired_while_running(server):
    """A run ends when its token expires; a later expiry lets it go on."""
    token = server.add("brief")
    m = mark()
    path = server.dir / server.config["token_dir"] / "brief.json"
    text = json.loads(path.read_text())

    def expire(seconds):
        when = time.time() + seconds
        text["expires"] = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                                        time.gmtime(when))
        path.write_text(json.dumps(text))
        server.reload()

    expire(1000)
    http = server.http(token=token)
    long, stay = (http.begin(f"echo {m}-{w}; exec sleep 1000302")
                  for w in ("long", "stay"))
    other = server.http()
    conn = other.begin(f"sleep 4; echo {m}-other")
    server.running(f"{m}-long")
    server.running(f"{m}-stay")
    begin = time.monotonic()
    expire(3)
    for which in long, stay:
        r = http.finish(which)
        check(r.error and "the token expired" in r.text, r)
    check(time.monotonic() - begin < 12 * SLOW, "at its time")
    for which in "long", "stay":
        r = server.ended(f"{m}-{which}", 4)
        equal(r["run.state"], "cancelled", "state")
        equal(r["event.reason"], "the token expired", "reason")
    equal(processes("1000302"), [], "processes")
    refused(server, f"Bearer {token}", "expired")
    check(f"{m}-other" in other.finish(conn).text, "of the other token")


def test_revoked_while_running(server):
    """Runs end, sessions end, on both transports, at once."""
    token = server.add("gone")
    m = mark()
    stay = server.http()
    other = stay.begin(f"sleep 4; echo {m}-other")
    http, sse = server.http(token=token), server.sse(token=token)
    conn = http.begin(f"echo {m}-http; exec sleep 1000300")
    sse.begin(f"echo {m}-sse; exec sleep 1000301", id="mine")
    server.running(f"{m}-http")
    server.running(f"{m}-sse")
    begin = time.monotonic()
    server.ctl("token", "revoke", "gone")
    for which in "http", "sse":
        r = server.ended(f"{m}-{which}", 4)
        equal(r["run.state"], "cancelled", "state")
        check("revoked" in r["event.reason"], r)
    check(time.monotonic() - begin < 6 * SLOW, "at once")
    equal(http.post(message("ping", id=9)).status, 401, "its session")
    check("the token was revoked" in http.finish(conn).text, "http is told")
    a = sse.answer()
    check(a["id"] == "mine" and "the token was revoked" in a["error"][
        "message"], "sse is told", a)
    try:
        sse.event()
        check(False, "the stream goes on")
    except Gone:
        pass
    equal(processes("1000300") + processes("1000301"), [], "processes")
    refused(server, f"Bearer {token}", "unknown")
    # the other token's run went on
    check(f"{m}-other" in stay.finish(other).text, "other runs live")
    for c in conn, http, sse, other, stay:
        c.close()


def test_session_of_another_token(server):
    token = server.add("second")
    with server.http() as mine, Http(server, token) as theirs:
        body = message("tools/call", {"name": "exec_cmd", "arguments": {
            "command": "touch stolen"}}, 5)
        headers = {**mine.headers(), **bearer(token)}
        with Connection(server) as c:
            r = c.request("POST", "/mcp", headers, body)
            equal(r.status, 404, "their token, my session")
            r = c.request("DELETE", "/mcp", headers)
            equal(r.status, 404, "their token deletes my session")
        check(not (server.work / "stolen").exists(), "it ran")
        check(not mine.sh("true").error, "my session lives")
        check(not theirs.sh("true").error, "control")
    with server.sse() as mine:
        with Connection(server) as c:
            r = c.request("POST", mine.endpoint, {
                **bearer(token), **JSON_HEADERS}, body)
            equal(r.status, 404, "their token, my stream")
            r = c.request("POST", mine.endpoint, JSON_HEADERS, body)
            equal(r.status, 401, "no token, my stream")
        check(not (server.work / "stolen").exists(), "it ran")
        check(not mine.sh("true").error, "my stream lives")


def test_session_is_no_authentication(server):
    with server.http() as c:
        h = {k: v for k, v in c.headers().items() if k != "Authorization"}
        with Connection(server) as conn:
            r = conn.request("POST", "/mcp", h, message("ping", id=1))
            equal(r.status, 401, "session without token")


def test_token_is_nowhere(server):
    """Not in logs, records, files, arguments nor environments."""
    with server.http() as c:
        c.sh("true")
    for file in server.dir.rglob("*"):
        with contextlib.suppress(FileNotFoundError):    # one of the moment
            if file.is_file():
                check(server.token.encode() not in file.read_bytes(), file)
    equal(processes(server.token), [], "command lines")
