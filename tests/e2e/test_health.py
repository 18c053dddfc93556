# SPDX-License-Identifier: MIT
"""/healthz: what a load balancer asks, and no more.

That the audit log cannot be written: test_audit.
"""
import contextlib
import signal
import time

from client import (SLOW, Connection, Server, check, equal, mark, request,
                    within)


def health(conn, method="GET"):
    r = conn.request(method, "/healthz")
    return r.status, r.body


def test_ok():
    with Server() as server, Connection(server) as c:
        equal(health(c), (200, b'{"status":"ok"}\n'), "GET")
        equal(health(c, "HEAD"), (200, b""), "HEAD")
        equal(c.request("POST", "/healthz", {"Content-Length": "0"}).status, 405,
              "POST")
        for word in server.name, server.token, "0.1", "execd":
            check(word not in str(c.request("GET", "/healthz")), word)


def test_draining():
    """A connected client is told that the server stops, and gets no new work."""
    with Server(config={"stop_grace_ms": 3000}, limits={
            "kill_grace_ms": 3000}) as server:
        m = mark()
        with server.http() as c:
            conn = c.begin(f"trap '' TERM; echo on >{m}; "
                           "while :; do sleep 0.1; done")
            server.file(m)
            with Connection(server) as kept:
                equal(health(kept)[0], 200, "control")
                server.process.send_signal(signal.SIGTERM)
                status = within("draining", 3 * SLOW, lambda: (
                    lambda s: s if s[0] != 200 else None)(health(kept)))
                equal(status, (503, b'{"status":"draining"}\n'), "told")
                kept.send(request("POST", "/mcp", kept.port, c.headers(),
                                  b"{}"))
                equal(kept.reply().status, 503, "no new work")
            conn.close()


def test_refused_source():
    """Asked by an address that is refused otherwise, it answers."""
    with Server(config={"penalties": {"failure_ms": 60000,
                                      "threshold_ms": 1000,
                                      "max_ms": 60000, "delay_ms": 0}}) as s:
        with Connection(s) as c:
            bad = {"Authorization": "Bearer x"}
            equal(c.request("GET", "/mcp", bad).status, 401, "failure")
            equal(c.request("GET", "/mcp", bad).status, 429, "control")
            equal(health(c)[0], 200, "health")


def test_executor_is_silent():
    """An executor that stands still: 503, and 200 when it goes on."""
    with Server() as server, contextlib.ExitStack() as stack:
        within("asked once", 8, lambda: server.ctl("status"))
        time.sleep(6)
        c = stack.enter_context(Connection(server, timeout=60))
        equal(health(c)[0], 200, "before")
        server.process.send_signal(signal.SIGSTOP)
        try:
            within("503", 25, lambda: health(c)[0] == 503, 0.5)
        finally:
            server.process.send_signal(signal.SIGCONT)
        within("200 again", 10, lambda: health(c)[0] == 200, 0.5)
