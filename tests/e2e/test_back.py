# SPDX-License-Identifier: MIT
"""Sessions of earlier revisions, after a restart or a crash of either part."""
from client import (JSON_HEADERS, REVISIONS, Connection, Server, bearer,
                    check, crash_frontend, equal, message, parse, request,
                    within)


def restart(server):
    server.stop()
    server.start()


def crash(server):
    server.kill()
    server.start()


WAYS = restart, crash, crash_frontend


def again(server, old, **headers):
    """A request of that session on a new connection."""
    with Connection(server) as c:
        return c.request("POST", "/mcp", {**old.headers(), **headers},
                         message("tools/list", {}, 7))


def test_session_lives_on():
    with Server() as server:
        clients = {r: server.http(revision=r) for r in REVISIONS}
        for way in WAYS:
            way(server)
            for revision, c in clients.items():
                with Connection(server) as conn:
                    reply = c.post(message("tools/call", {
                        "name": "exec_cmd", "arguments": {
                            "command": f"echo {way.__name__}"}}, 5), conn=conn)
                answer = parse(reply)[0]
                check(way.__name__ in answer["result"]["content"][0]["text"],
                      revision, answer)
                end = server.audit("run-intent")[-1]
                equal((end["mcp.session.id"], end["mcp.revision"],
                       end["mcp.client"]), (c.session, revision, "e2e 1"), end)
        # and what a session is for: its streams
        c = clients["2025-11-25"]
        with Connection(server) as conn:
            conn.send(request("GET", "/mcp", conn.port, {
                **c.headers(), "Accept": "text/event-stream"}))
            equal(conn.head()[0], 200, "a stream")
        with Connection(server) as conn:
            equal(conn.request("DELETE", "/mcp", c.headers()).status, 204,
                  "its end")
        equal(again(server, c).status, 404, "for good")


def test_no_other_way():
    """Bits, tokens, processes: what is not ours is as any unknown id."""
    with Server() as server:
        c, over = server.http(), server.http()
        other = server.add("other")
        within("in force", 5, lambda: server.accepts(other))
        equal(over.delete().status, 204, "ended before")
        equal(again(server, over).status, 404, "replayed in the same life")
        restart(server)
        equal(again(server, c, **bearer(other)).status, 404, "another token")
        for at in range(0, len(c.session), 5):
            digit = "A" if c.session[at] != "A" else "B"
            forged = c.session[:at] + digit + c.session[at + 1:]
            r = again(server, c, **{"Mcp-Session-Id": forged})
            check(r.status == 404, at, r)
        for forged in (c.session + "A", c.session[:-1], c.session[1:],
                       c.session.upper(), c.session + "=", "A" * 127, "A" * 200,
                       "-" * 82):
            r = again(server, c, **{"Mcp-Session-Id": forged})
            check(r.status == 404, forged, r)
        equal(again(server, c).status, 200, "control")
        with Connection(server) as conn:    # the old transport's way in
            r = conn.request("POST", f"/message?sessionId={c.session}", {
                **bearer(server.token), **JSON_HEADERS},
                message("ping", id=1))
            equal(r.status, 404, "no stream")
        # ended here, in a process that did not begin it
        with Connection(server) as conn:
            equal(conn.request("DELETE", "/mcp", c.headers()).status, 204, "")
        equal(again(server, c).status, 404, "replayed")
        # without its key it is nothing
        key = server.audit_file.parent / f"sessions.{server.audit_file.name}"
        equal(key.stat().st_mode & 0o777, 0o600, "mode")
        d = server.http()
        server.stop()
        key.unlink()
        server.start()
        equal(again(server, d).status, 404, "another key")
        e = server.http()
        server.stop()
        key.write_bytes(b"x")
        server.start()
        equal(again(server, e).status, 404, "a key that is not one")
        check("cannot be used" in server.log(), server.log())


def test_key_is_replaced():
    """After a week, at a start; the one before it opens what it sealed."""
    with Server() as server:
        key = server.audit_file.parent / f"sessions.{server.audit_file.name}"
        c = server.http()
        for status in 200, 404:
            server.stop()
            old = key.read_bytes()
            made = int.from_bytes(old[:8], "little") - 8 * 24 * 3600
            key.write_bytes(made.to_bytes(8, "little") + old[8:])
            server.start()
            equal(key.read_bytes()[40:], old[8:40], "is the one before")
            equal(again(server, c).status, status, "a key later")


def test_revoked():
    with Server() as server:
        token = server.add("gone")
        within("in force", 5, lambda: server.accepts(token))
        c = server.http(token=token)
        restart(server)
        equal(again(server, c).status, 200, "control")
        server.ctl("token", "revoke", "gone")
        within("revoked", 5, lambda: again(server, c).status == 401)


def test_lost_answer_is_said():
    """A stream that is taken up again where nothing follows any more."""
    with Server() as server:
        c = server.http()
        with Connection(server) as conn:
            c.send(message("tools/call", {
                "name": "exec_cmd", "arguments": {"command": "sleep 30"},
                "_meta": {"progressToken": "p"}}, 41), conn=conn)
            status, headers = conn.head()
            text = conn.chunk()
            check(status == 200 and b"id: " in text, text)
            last = text.split(b"id: ")[1].split(b"\n")[0].decode()
            crash_frontend(server)
        for event, want in ((last, b'"id":41,"error"'),
                            (last.replace(".41", ""), b"are lost")):
            with Connection(server) as conn:
                conn.send(request("GET", "/mcp", conn.port, {
                    **c.headers(), "Accept": "text/event-stream",
                    "Last-Event-ID": event}))
                equal(conn.head()[0], 200, event)
                text = b""
                while want not in text:
                    text += conn.chunk()
                check(b"was restarted" in text and b"look at what" in text,
                      text)
        equal(again(server, c).status, 200, "the session goes on")


def sse(server, last=None):
    """A stream of the old transport: (connection, target, first event)."""
    conn = Connection(server)
    conn.send(request("GET", "/sse", conn.port, {
        **bearer(server.token), "Accept": "text/event-stream",
        **({"Last-Event-ID": last} if last else {})}))
    equal(conn.head()[0], 200, "a stream")
    text = conn.chunk().decode()
    check("retry: 500\n\n" in text and text.startswith("event: endpoint\n"),
          text)
    return conn, text.split("data: ")[1].split("\n")[0]


def post(server, target, body):
    with Connection(server) as c:
        equal(c.request("POST", target, {
            **bearer(server.token), **JSON_HEADERS}, body).status, 202, target)


def test_sse_comes_back():
    """As an EventSource does: with the last id, and no second initialize."""
    with Server() as server:
        conn, target = sse(server)
        post(server, target, message("initialize", {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "old", "version": "2"}}, 0))
        first = conn.chunk().decode()
        check(first.startswith("id: "), first)
        last = first[4:].split("\n")[0]
        for way in (lambda _: None, *WAYS):
            way(server)
            conn.close()
            conn, target = sse(server, last)
            post(server, target, message("tools/call", {
                "name": "exec_cmd", "arguments": {"command": "echo back"}}, 3))
            text = b""
            while b'"id":3' not in text:
                text += conn.chunk()
            check(b"back" in text, text)
            end = server.audit("run-intent")[-1]
            equal((end["mcp.revision"], end["mcp.client"]),
                  ("2025-06-18", "old 2"), end)
        conn.close()
        # an id that is not one, or of the other transport: a new session
        for odd in "1", last[:-1], server.http().session:
            conn, target = sse(server, odd)
            post(server, target, message("tools/list", {}, 4))
            check(b"initialize" in conn.chunk(), odd)
            conn.close()
