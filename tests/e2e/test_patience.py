# SPDX-License-Identifier: MIT
"""Clients that lose patience: what goes on, and what the next is told."""
import time

from client import (REVISIONS, SLOW, Connection, Server, check, equal, mark,
                    message, within)

RUNS = {"limits": {"runs": 2}}


def begin_live(c, m):
    """A call with live output, which is a stream; its connection."""
    conn = Connection(c.server)
    c.send(message("tools/call", {
        "name": "exec_cmd", "arguments": {"command": f"echo {m}; sleep 60"},
        "_meta": {"progressToken": 1}}, 7), conn)
    equal(conn.head()[0], 200, "a stream")
    return conn


def run_of(server, m):
    return within("it runs", 10, lambda: [
        r["run.id"] for r in server.audit("run-intent")
        if m in r["process.command_line"]])[0]


def result_of(server, run):
    return [r for r in server.audit("run-result") if r["run.id"] == run]


def drop(server, c, live):
    """A call whose connection is cut; its run."""
    m = mark()
    conn = begin_live(c, m) if live else c.begin(f"echo {m}; sleep 60", id=7)
    run = run_of(server, m)
    conn.close()
    return run


def test_ends():
    """on_disconnect: end."""
    with Server(policy={"on_disconnect": "end"}) as server:
        for revision in REVISIONS[1:]:
            with server.http(revision=revision) as c:
                for live in True, False:
                    run = drop(server, c, live)
                    end = within(f"{revision} {live}: it ends", 10,
                                 lambda: result_of(server, run))[0]
                    equal(end["run.state"], "cancelled", end)
        with server.http() as c:
            equal(c.sh("sleep 2.2; echo done").text, "done\n", "control")


def test_goes_on():
    """The default: it runs on, until it is cancelled."""
    with Server() as server, server.http() as c:
        for live in True, False:
            run = drop(server, c, live)
            time.sleep(1)
            equal(result_of(server, run), [], "it runs on")
            c.notify("notifications/cancelled", {"requestId": 7})
            within("it ends", 10, lambda: result_of(server, run))


def test_polled_stream():
    """Connections that we close, so that the client comes back, end nothing."""
    with Server({"limits": {"stream_ms": 1000}},
                {"on_disconnect": "end"}) as server, \
            server.http(revision="2025-11-25") as c:
        m = mark()
        conn = begin_live(c, m)
        conn.sock.settimeout(10 * SLOW)
        got = b""
        while not got.endswith(b"0\r\n\r\n"):    # until we end the stream
            got += conn.sock.recv(65536) or b"0\r\n\r\n"
        run = run_of(server, m)
        equal(result_of(server, run), [], "it runs on")
        conn.close()
        c.notify("notifications/cancelled", {"requestId": 7})
        within("it ends", 10, lambda: result_of(server, run))


def test_busy_says_what_runs():
    with Server(policy=RUNS) as server, server.http() as c:
        m = mark()
        conns = [c.begin(f"sleep 6{i} # {m}") for i in range(2)]
        found = within("both run", 10, lambda: (f := [
            r for r in server.audit("run-intent")
            if m in r["process.command_line"]])[1:] and f)
        runs = [r["run.id"] for r in found]
        r = c.sh("true")
        check(r.error, r)
        for record in found:    # the two may have begun in either order
            words = record["process.command_line"].partition(" #")[0]
            check(f"{record['run.id'][:8]} ({words}" in r.text, r.text)
        for words in ") for ", "exec://runs", "cancel", "mcp-execctl kill":
            check(words in r.text, words, r.text)
        for conn in conns:
            conn.close()
        server.ctl("kill", runs[0][:8])
        within("one is ended", 10, lambda: result_of(server, runs[0]))
        equal(c.sh("echo on").text, "on\n", "there is a place")


def test_busy_hides_secrets():
    """What the log does not show, the refusal does not either."""
    rules = [{"name": "gh", "pattern": "ghp_[A-Za-z0-9]{36}"}]
    with Server({"audit": {"file": "audit.jsonl", "redact": rules}},
                {"limits": {"runs": 1}}) as server, server.http() as c:
        secret = "ghp_" + "A1b2C3d4" * 5
        conn = c.begin(f"true {secret}; sleep 60")
        within("it runs", 10, lambda: server.audit("run-intent"))
        r = c.sh("true")
        check(r.error and "(true " in r.text and secret[:12] not in r.text, r)
        conn.close()
