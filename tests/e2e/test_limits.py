# SPDX-License-Identifier: MIT
"""Limits: connections, time, sessions, runs.  Instances of their own."""
import contextlib
import time

from client import (JSON_HEADERS, Connection, Failed, Gone, Http, Server, Sse,
                    bearer, check, descendants, equal, initialize, mark,
                    message, parse, processes, request, status_of, waits,
                    within)


UNTIL_GO = "until [ -e go ]; do sleep 0.05; done"


def limits(**more):
    return {"limits": more}


def test_200_idle_streams():
    """200 idle clients of /sse, while commands run at the same time."""
    with Server() as server:
        with contextlib.ExitStack() as stack:
            streams = []
            for _ in range(200):
                streams.append(stack.enter_context(Sse(server)))
                streams[-1].poster.close()
                streams[-1].poster = None
            c = stack.enter_context(Http(server))
            begin = time.monotonic()
            for i in range(40):
                equal(c.sh(f"echo {i}").text, f"{i}\n", "meanwhile")
            took = time.monotonic() - begin
            check(took < 30 * server.slow, "40 runs took", took)
            for s in streams[::20]:
                equal(s.sh("echo mine").text, "mine\n", "on a stream")
        with Sse(server) as s:
            within("all sessions ended", 5, lambda: len(server.audit(
                "session-end")) >= 200)
            equal(s.ask("ping"), {}, "alive")


def test_connections_per_address():
    """At its limit a source loses its oldest that shows no token."""
    with Server(limits(connections_per_address=8)) as server, \
            Http(server) as known:
        held = [Connection(server) for _ in range(7)]
        for c in held:
            equal(c.request("GET", "/healthz").status, 200, "within")
        # all of 127.0.0.0/8 is this machine: one source
        more = []
        for i in range(4):
            more.append(Connection(server, source=f"127.0.0.{i + 1}"))
            equal(more[-1].request("GET", "/healthz").status, 200,
                  "the newest")
        for c in more:
            equal(c.request("GET", "/healthz").status, 200, "and stays")
        equal([c.closed(3) for c in held[:4]], [True] * 4, "the oldest")
        for c in held[4:]:
            equal(c.request("GET", "/healthz").status, 200, "the others")
        equal(known.ask("ping"), {}, "one with a token")
        for c in held + more:
            c.close()
        within("room again", 5, server.healthy)


def test_token_beside_strangers():
    """Silent connections in all slots: a client with a token finds one."""
    with Server(limits(connections=20, connections_per_address=16)) as server:
        held = []
        for i in range(60):
            with contextlib.suppress(OSError):
                held.append(Connection(server, source=f"127.0.0.{i + 2}"))
                held[-1].send(b"GET / HTTP/1.1\r\nX: ")
        with Http(server) as c:
            equal(c.sh("echo in").text, "in\n", "a good token")
            # and stays, whatever comes
            for i in range(60):
                with contextlib.suppress(OSError):
                    held.append(Connection(server))
            equal(c.sh("echo still").text, "still\n", "on its connection")
        within("most gave way", 5, lambda: sum(
            c.closed(0) for c in held) >= 100)
        for c in held:
            c.close()


def test_told_that_it_gives_way():
    with Server(limits(connections=4, connections_per_address=4)) as server:
        first = Connection(server)
        first.sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n")
        time.sleep(0.2)
        others = [Connection(server) for _ in range(4)]
        status, headers = first.head()
        equal((status, "retry-after" in dict(headers)), (503, True), headers)
        for c in [first, *others]:
            c.close()


def test_places_of_a_token():
    """One token does not have all connections, where there are others."""
    with Server(limits(connections=16, connections_per_address=16)) as server:
        other = server.add("other")
        held, refused = [], 0
        for _ in range(16):
            held.append(Connection(server))
            h = {**bearer(server.token), **JSON_HEADERS}
            r = held[-1].request("POST", "/mcp", h, initialize())
            if r.status == 429:
                check(r.header("retry-after") and b"connections" in r.body, r)
                refused += 1
            else:
                equal(r.status, 200, r)
        check(2 <= refused <= 8, refused, "refused")
        with Http(server, other) as c:
            equal(c.sh("echo in").text, "in\n", "another token")
        for c in held:
            c.close()


def test_body_where_none_belongs():
    """Routes that take none: refused at its head, nothing is kept."""
    with Server() as server:
        before = rss_kib(server)
        conns = [Connection(server) for _ in range(40)]
        for c in conns:
            c.sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                           b"Content-Length: 1048576\r\n\r\n")
            with contextlib.suppress(OSError):
                for _ in range(16):
                    c.sock.sendall(b"x" * 65535)
        grew = rss_kib(server) - before
        check(grew < 4096, f"the frontend grew by {grew} KiB")
        for c in conns:
            c.close()
        for method, path, token in (("GET", "/healthz", None),
                                    ("HEAD", "/healthz", None),
                                    ("GET", "/sse", server.token),
                                    ("DELETE", "/mcp", server.token)):
            r = server.get(path, token, method=method, body=b"{}")
            equal(r.status, 400, f"{method} {path} {r}")
        equal(server.get("/healthz").status, 200, "without")
        equal(server.get("/healthz", body=b"").status, 200, "of no bytes")


def rss_kib(server):
    return int(status_of(server.frontend_pid())["VmRSS"].split()[0])


def test_bodies_of_a_token():
    """Bodies that are on their way have a share, and no more."""
    with Server({"limits": {"body_bytes": 65536}}) as server:
        other = server.add("other")
        held = []
        for _ in range(64):
            held.append(Connection(server))
            held[-1].send(request("POST", "/mcp", held[-1].port, {
                **bearer(server.token), **JSON_HEADERS,
                "Content-Length": 65536}))
        seen = []       # until it is the same for a while
        within("refused", 10, lambda: seen.append(sum(
            c.closed(0) for c in held)) or seen[-1] >= 8 and
            seen[-2:] == [seen[-1]] * 2)
        check(seen[-1] <= 32, seen, "refused")
        with Http(server, other) as c:
            equal(c.sh("echo " + "x" * 60000).text, "x" * 60000 + "\n",
                  "another's")
        for c in held:
            c.close()
        with Http(server) as c:
            equal(c.ask("ping"), {}, "room again")


def test_calls_of_a_token():
    """Calls that are refused do not take the places of others'."""
    with Server(policy={"limits": {"runs": 2, "runs_per_minute": 20}}) as \
            server:
        other = server.add("other", policy=server.name)
        floods = [Http(server) for _ in range(8)]
        for _ in range(20):
            for c in floods:
                c.send(message("tools/call", {
                    "name": "exec_cmd", "arguments": {"command": "true"}}, 1))
        with Http(server, other) as c:
            for i in range(10):
                equal(c.sh(f"echo {i}").text, f"{i}\n", "meanwhile")
        for c in floods:
            c.close()


def test_connections_in_all():
    with Server(limits(connections=10)) as server:
        held = []
        for i in range(14):
            with contextlib.suppress(OSError):
                held.append(Connection(server, timeout=2,
                                       source=f"127.0.0.{i + 2}"))
        served = 0
        for c in held:
            with contextlib.suppress(Failed, OSError):
                served += c.request("GET", "/healthz").status == 200
        check(1 <= served <= 10, served)
        for c in held:
            c.close()
        within("room again", 5, lambda: server.healthy())


def dribble(conn, data, seconds, pause=0.1):
    """A byte at a time until the server ends it; how long that took."""
    begin = time.monotonic()
    conn.sock.settimeout(pause)
    for i in range(int(seconds / pause)):
        try:
            conn.send(data[i:i + 1] or b"x")
            if not conn.sock.recv(65536):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    else:
        return None
    return time.monotonic() - begin


def test_slow_headers_and_bodies():
    with Server(limits(header_timeout_ms=1500, body_timeout_ms=1500,
                       idle_timeout_ms=4000)) as server:
        port = server.address[1]
        head = request("POST", "/mcp", port, {
            **bearer(server.token), **JSON_HEADERS,
            "Content-Length": 1000})
        with Connection(server) as c:
            took = dribble(c, head, 8)
            check(took and took < 7 * server.slow, "slow headers", took)
        with Connection(server) as c:
            c.send(head)
            took = dribble(c, b"{" + b" " * 999, 8)
            check(took and took < 7 * server.slow, "slow body", took)
        with Connection(server) as c:   # nothing at all
            check(c.closed(7), "a silent connection stays")
        with Connection(server) as c:   # idle between requests
            equal(c.request("GET", "/healthz").status, 200, "first")
            time.sleep(0.5)
            equal(c.request("GET", "/healthz").status, 200, "second")
            check(c.closed(7), "an idle connection stays")
        with server.http() as c:        # control: a long call is not idle
            r = c.sh("sleep 5; echo done")
            equal(r.text, "done\n", "a call longer than the time-outs")
        with server.sse() as s:         # nor is an open stream
            time.sleep(5)
            s.poster.close()
            s.poster = None         # that one was idle
            equal(s.sh("echo there").text, "there\n", "a stream")


def test_sessions_per_token():
    with Server(limits(sessions_per_token=3)) as server:
        held = [Sse(server) for _ in range(3)]
        with Connection(server) as c:
            h = {**bearer(server.token), **JSON_HEADERS}
            r = c.request("POST", "/mcp", h, initialize())
            equal(r.status, 429, r)
            check(b"session" in r.body, r)
            r = c.request("GET", "/sse", {**h, "Accept": "text/event-stream"})
            equal(r.status, 429, "on /sse")
        other = server.add("other")
        Http(server, other).close()     # control: another token may
        for c in held:
            equal(c.ask("ping"), {}, "those before")
        held.pop().close()
        c = within("room again", 5, lambda: accepted(server))
        # one that is idle makes room for the next
        with Http(server) as d:
            equal(d.ask("ping"), {}, "the newest")
            equal(c.post(message("ping", id=1)).status, 404, "the oldest")
        for c in held:
            equal(c.ask("ping"), {}, "those in use stay")


def accepted(server):
    try:
        return Http(server)
    except Failed:
        return None


def test_sessions_of_a_token():
    """The last places are for other tokens, however many one may have."""
    with Server(limits(sessions=16)) as server:
        other = server.add("other")
        with contextlib.ExitStack() as stack:
            opened = 0
            for _ in range(16):
                with contextlib.suppress(Failed):
                    stack.enter_context(Sse(server))
                    opened += 1
            check(10 <= opened <= 13, opened, "sessions of one token")
            for _ in range(2):
                s = stack.enter_context(Sse(server, other))
                equal(s.sh("echo in").text, "in\n", "another token")


def test_sessions_in_all():
    with Server(limits(sessions=3)) as server:
        other = server.add("other")
        held = [Sse(server) for _ in range(3)]
        with Connection(server) as c:
            r = c.request("POST", "/mcp", {
                **bearer(other), **JSON_HEADERS}, initialize())
            equal(r.status, 503, r)
        held.pop().close()
        within("room again", 5, lambda: accepted(server))


def test_session_idle():
    with Server(limits(session_idle_ms=1500)) as server:
        with Http(server) as c, Http(server) as busy:
            m = mark()
            conn = busy.begin(f"sleep 4; echo {m}")
            time.sleep(3)
            equal(c.post(message("ping", id=1)).status, 404, "idle")
            check(m in busy.finish(conn).text, "a running call is not idle")
            conn.close()


def test_runs_per_token():
    with Server(limits={"runs": 2}) as server:
        with Http(server) as c, Http(server) as d:
            conns = [c.begin(f"echo {m}; {UNTIL_GO}; echo on") for m in "ab"]
            within("both run", 5, lambda: len(server.audit("run-intent")) > 1)
            r = d.sh("touch third")
            check(r.error and "2" in r.text, r)
            check(not (server.work / "third").exists(), "it ran")
            refused = within("a record", 5,
                             lambda: server.audit("run-refused"))[-1]
            equal(refused["process.command_line"], "touch third", refused)
            other = server.add("other")
            with Http(server, other) as o:
                check(not o.sh("true").error, "another token may")
            (server.work / "go").touch()
            for conn in conns:
                check("on" in c.finish(conn).text, "those before")
                conn.close()
            check(not d.sh("true").error, "room again")


def test_runs_in_all():
    with Server(limits(runs=2)) as server:
        with Http(server) as c:
            conns = [c.begin(f"{UNTIL_GO}; echo on") for _ in "ab"]
            within("both run", 5, lambda: len(server.audit("run-intent")) > 1)
            r = c.sh("true")
            check(r.error and len(r.text) > 10, r)
            (server.work / "go").touch()
            for conn in conns:
                check("on" in c.finish(conn).text, "those before")
                conn.close()
            check(not c.sh("true").error, "room again")


def test_runs_per_minute():
    with Server(limits={"runs_per_minute": 5}) as server:
        with Http(server) as c:
            results = [c.sh("echo x >> count") for _ in range(9)]
        ran = (server.work / "count").read_text().count("x")
        equal(ran, 5, "commands that ran")
        equal([r.error for r in results], [False] * 5 + [True] * 4, "results")
        check("minute" in results[-1].text, results[-1])


def test_vanished_sse():
    """RST and FIN on a stream end its runs at once."""
    with Server() as server:
        for how in "reset", "close":
            s = Sse(server)
            m = mark()
            s.begin(f"echo {m}; exec sleep 1000311")
            server.running(m)
            begin = time.monotonic()
            getattr(s.stream, how)()
            r = server.ended(m, 6)
            equal(r["run.state"], "cancelled", how)
            check(time.monotonic() - begin < 8 * server.slow, "at once")
            check("connect" in r["event.reason"] or
                  "client" in r["event.reason"] or
                  "session" in r["event.reason"], r)
            equal(processes("1000311"), [], "processes")
            s.close()


def test_vanished_http():
    """On /mcp a lost connection does not cancel (2025-03-26, transports)."""
    with Server() as server:
        with Http(server) as c:
            m = mark()
            conn = c.begin(f"echo {m}; sleep 1; echo on > kept")
            server.running(m)
            conn.reset()
            r = server.ended(m, 6)
            check(r["run.state"] in ("exited", "cancelled"), r)
            equal(c.ask("ping"), {}, "the session lives")
            equal(c.sh("echo next").text, "next\n", "goes on")


def test_vanished_while_output_flows():
    with Server() as server:
        def begun(n):       # what was not read yet is lost by a reset
            within("it begins", 5,
                   lambda: len(server.audit("run-intent")) == n)
            time.sleep(0.1)

        for i in range(3):
            with Http(server) as c:
                conn = c.begin("yes", timeout_ms=1500)
                begun(2 * i + 1)
                conn.reset()
            with Sse(server) as s:
                s.begin("yes", timeout_ms=1500)
                begun(2 * i + 2)
                s.stream.reset()
        within("all ended", 10, lambda: len(server.audit("run-result")) == 6)
        within("no process is left", 5, lambda: not [
            p for p in descendants(server.process.pid)
            if p not in server.helpers() and not waits(p)])


def test_slow_reader():
    """A client that does not read its answer hurts no other."""
    with Server(policy={"limits": {"output_bytes": 4 << 20}}) as server:
        with Http(server) as c:
            slow = [c.begin("head -c 3500000 /dev/zero | tr '\\0' x")
                    for _ in range(4)]
            for i in range(20):
                equal(c.sh(f"echo {i}").text, f"{i}\n", "meanwhile")
            for conn in slow:
                equal(len(c.finish(conn).text), 3500000, "all of it, later")
                conn.close()


def test_slow_stream_reader():
    with Server(policy={"limits": {"output_bytes": 4 << 20}}) as server:
        with Sse(server) as s, Http(server) as c:
            for i in range(4):
                s.begin("head -c 3500000 /dev/zero | tr '\\0' x", id=i)
            time.sleep(1)
            equal(c.sh("echo next").text, "next\n", "meanwhile")
            got = sorted(s.answer()["id"] for _ in range(4))
            equal(got, [0, 1, 2, 3], "answers, later")


def test_body_limit():
    with Server(limits(body_bytes=4096, header_bytes=2048)) as server:
        with Http(server) as c:
            equal(c.post(message("ping", {"x": "y" * 3900}, 1)).status, 200,
                  "below")
            equal(c.post(message("ping", {"x": "y" * 4100}, 1)).status, 413,
                  "above")
        with Connection(server) as c:
            r = c.request("POST", "/mcp", {
                **bearer(server.token), **JSON_HEADERS, "X": "y" * 4096},
                initialize())
            equal(r.status, 431, r)


def test_default_body_limit_and_1_mib_command():
    """With the default limits the body itself is too large: 413."""
    with Server() as server:
        with Http(server) as c:
            r = c.post(message("tools/call", {
                "name": "exec_cmd", "arguments": {
                    "command": "true " + "x" * (1 << 20)}}, 1))
            equal(r.status, 413, r)
            check(b"1048576" in r.body, "says the limit", r)
        with Http(server) as c:
            equal(parse(c.post(message("ping", id=1)))[0]["result"], {},
                  "alive")


def test_many_sessions_leave_nothing():
    with Server() as server:
        for _ in range(300):
            with Http(server) as c:
                c.delete()
        for event in "session-begin", "session-end":
            within(event, 10, lambda: len(server.audit(event)) >= 300)
            equal(len(server.audit(event)), 300, event)
