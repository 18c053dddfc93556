# SPDX-License-Identifier: MIT
"""Event streams of sessions: GET, ids, cuts and taking up again."""
import json
import os
import pathlib
import random
import re
import time

import instance
from client import (NEWEST, REVISIONS, SLOW, Connection, Gone, RpcError, Server,
                    Skip, Sse, bearer, check, equal, mark, message, one,
                    request, within)
from modern import META, Events, Modern, finish, meta

SERVER = {"config": {"limits": {"replay_bytes": 1 << 20}}}
STREAMABLE = REVISIONS[1:]
NOBODY = "0123456789abcdef"


class Cut(Exception):
    """The connection goes, as a test wanted."""


class Frail(Connection):
    """Vanishes after so many bytes."""

    def __init__(self, server, lives=None):
        super().__init__(server)
        self.lives = lives

    def more(self):
        before = len(self.pending)
        super().more()
        if self.lives is None:
            return
        self.lives -= len(self.pending) - before
        if self.lives <= 0:
            # What came after the cut was never read.
            self.pending = self.pending[:self.lives or None]
            raise Cut


def call(c, command, id=1, token="p", conn=None, **more):
    """A call whose answer is a stream; its connection."""
    conn = conn or Connection(c.server)
    params = {"name": "exec_cmd", "arguments": {"command": command, **more}}
    if token is not None:
        params["_meta"] = {"progressToken": token}
    c.send(message("tools/call", params, id), conn)
    return conn


def get(c, last=None, conn=None, **headers):
    """GET on the endpoint; the connection, nothing is read."""
    conn = conn or Connection(c.server)
    h = {**c.headers(), "Content-Type": None, "Accept": "text/event-stream"}
    if last is not None:
        h["Last-Event-ID"] = last
    conn.send(request("GET", "/mcp", conn.port, {**h, **headers}))
    return conn


def refused(c, last=None, **headers):
    with get(c, last, **headers) as conn:
        reply = conn.reply()
    return reply.status


def text_of(notes):
    return "".join(n["params"]["message"] for n in notes)


# --- GET ---------------------------------------------------------------------

def test_get(server):
    for revision in STREAMABLE:
        with server.http(revision=revision) as c, get(c) as conn:
            events = Events(conn)
            equal(events.status, 200, revision)
            equal(events.headers["x-accel-buffering"], "no", revision)
            equal(c.sh("echo a").text, "a\n", "meanwhile")
            if revision == NEWEST:
                first = conn.chunk()
                check(b"id: " in first and b"retry: " in first, first)
                check(first.endswith(b"data: \n\n"), first)


def test_get_refused(server):
    with server.http() as c:
        equal(refused(c, **{"Mcp-Session-Id": None}), 400, "no session")
        equal(refused(c, **{"Mcp-Session-Id": "0" * 32}), 404, "unknown")
        equal(refused(c, Accept="application/json"), 406, "Accept")
        equal(refused(c, **{"MCP-Protocol-Version": "1999-01-01"}), 400,
              "version")
        equal(refused(c, **{"MCP-Protocol-Version": "2026-07-28"}), 405,
              "stateless")
        equal(refused(c, Authorization=None), 401, "no token")
        other = server.add("getother")
        equal(refused(c, **bearer(other)), 404, "another token")
        c.delete()
        equal(refused(c), 404, "after its end")
    with server.http(revision=REVISIONS[0]) as c, get(c) as conn:
        reply = conn.reply()
        equal((reply.status, reply.header("allow")), (405, "POST, DELETE"),
              "no such stream in 2024-11-05")
    with Sse(server) as old, server.http() as c:
        sid = old.endpoint.partition("=")[2]
        equal(refused(c, **{"Mcp-Session-Id": sid}), 405, "of /sse")


def test_ends_with_the_session(server):
    with server.http() as c:
        with get(c) as conn:
            events = Events(conn)
            equal(c.delete().status, 204, "DELETE")
            equal(list(events), [], "the end")


def test_messages_go_on_one_stream(server):
    """Several are open: the newest has it, the others nothing."""
    with server.http() as c:
        conns = [get(c) for _ in range(6)]
        streams = [Events(conn) for conn in conns]
        # Too many: the first two were closed.
        equal([list(s) for s in streams[:2]], [[], []], "closed")
        token_tools(server, c, ["exec_cmd"])
        equal(next(streams[-1])["method"], "notifications/tools/list_changed",
              "the newest")
        equal(c.delete().status, 204, "DELETE")
        equal([list(s) for s in streams[2:]], [[]] * 4, "nothing else")
        for conn in conns:
            conn.close()
    token_tools(server, None, None)


# --- what a revision has ------------------------------------------------------

def test_ids_by_revision(server):
    for revision in REVISIONS:
        with server.http(revision=revision) as c, call(c, "echo a") as conn:
            events = Events(conn)
            notes, r = finish(events)
            equal(r.data["exit_code"] if r.data else r.text,
                  0 if r.data else "a\n", r)
            want = {REVISIONS[0]: 0, NEWEST: len(notes) + 2}.get(
                revision, len(notes) + 1)
            equal(len(events.ids), want, f"ids in {revision}")
            equal(events.retry is not None, revision == NEWEST, "retry")


def test_a_long_call_becomes_a_stream(server):
    """Without being asked for progress: so that it can be taken up again."""
    with server.http() as c, call(c, "sleep 5; echo a", token=None) as conn:
        begin = time.monotonic()
        events = Events(conn)
        check(0.9 < time.monotonic() - begin < 4.8 * SLOW, "when it begins")
        notes, r = finish(events)
        equal((notes, r.text), ([], "a\n"), "the answer alone")
        equal(len(events.ids), 2, events.ids)
    with server.http() as c:
        conn = Connection(server)
        conn.send(request("POST", "/mcp", conn.port, {
            **c.headers(), "Accept": "application/json"},
            message("tools/call", {"name": "exec_cmd", "arguments": {
                "command": "sleep 2.5; echo a"}}, 1)))
        reply = conn.reply()
        equal(reply.header("content-type"), "application/json", "no stream")
        conn.close()


# --- cuts ----------------------------------------------------------------------

def test_taken_up_again(server):
    for revision in STREAMABLE:
        with server.http(revision=revision) as c:
            conn = call(c, "for i in 1 2 3 4 5 6; do echo $i; sleep .2; done")
            events = Events(conn)
            notes = [next(events), next(events)]
            conn.reset()
            with get(c, events.last) as conn:
                more, r = finish(Events(conn))
            equal(text_of(notes + more), "1\n2\n3\n4\n5\n6\n", revision)
            equal(r.text, "1\n2\n3\n4\n5\n6\n", "answer")


def test_answer_waits(server):
    """The command ends while nobody is there; again and again it is had."""
    with server.http() as c:
        m = mark()
        conn = call(c, f"echo a; sleep 1; echo b; : {m}")
        events = Events(conn)
        next(events)
        conn.reset()
        server.ended(m)
        for _ in range(3):
            with get(c, events.last) as conn:
                notes, r = finish(Events(conn))
                equal((text_of(notes), r.text), ("b\n", "a\nb\n"), "rest")
        with get(c, events.ids[0]) as conn:     # priming event: all of it
            notes, r = finish(Events(conn))
            equal(text_of(notes), "a\nb\n", "everything")
        with get(c, events.ids[0]) as conn:
            again = Events(conn)
            list(again)
        with get(c, again.last) as conn:
            equal(list(Events(conn)), [], "nothing follows the answer")


def test_taken_over(server):
    """A connection that the server holds for alive is let go."""
    with server.http() as c:
        old = call(c, "for i in 1 2 3 4 5; do echo $i; sleep .3; done")
        first = Events(old)
        notes = [next(first)]
        new = get(c, first.last)
        more, r = finish(Events(new))
        equal(text_of(notes + more), "1\n2\n3\n4\n5\n", "together")
        equal(r.data["exit_code"], 0, r)
        list(first)         # ends well, with what was on its way
        old.close()
        new.close()


def test_ids_are_the_sessions(server):
    other = server.add("streamother")
    with server.http() as a, server.http() as b, \
            server.http(token=other) as foreign:
        conn = call(a, "echo secret; sleep 1; echo more")
        events = Events(conn)
        next(events)
        conn.reset()
        last = events.last
        key, line, seq = last.split("-")
        equal(refused(b, last), 400, "another session")
        equal(refused(foreign, last), 400, "another token's session")
        equal(refused(foreign, last, **{"Mcp-Session-Id": a.session}), 404,
              "another token in that session")
        for bad in (f"{key}-{line}-99", f"{key}-99-{seq}", f"{key}-{line}-",
                    f"{key}-{line}", key, f"{NOBODY}-{line}-{seq}", "x", "-",
                    f"{last} ", f"{key}-{line}-{seq}-1", f"{key}-{line}-+1",
                    f"{key}-{line}-99999999999999999999999", last.upper()
                    if last.upper() != last else "X" * 5000):
            if bad.strip() != last:
                equal(refused(a, bad), 400, repr(bad[:80]))
        with get(a, last) as conn:
            notes, r = finish(Events(conn))
            equal((text_of(notes), r.text), ("more\n", "secret\nmore\n"),
                  "control")


def test_cancelled_while_cut(server):
    with server.http() as c:
        m = mark()
        conn = call(c, f"echo a; sleep 30; : {m}", id=77)
        events = Events(conn)
        next(events)
        conn.reset()
        server.running(m)
        equal(c.notify("notifications/cancelled", {"requestId": 77}).status,
              202, "cancelled")
        equal(server.ended(m)["run.state"], "cancelled", "state")
        with get(c, events.last) as conn:
            equal(list(Events(conn)), [], "ends without an answer")


def test_many_random_cuts(server):
    """Whatever is cut where: nothing is lost, nothing comes twice."""
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    lines = 300
    command = (f"i=0; while [ $i -lt {lines} ]; do i=$((i+1)); "
               "echo line $i; echo err $i >&2; "
               "[ $((i % 10)) = 0 ] && sleep .05; done; exit 3")
    cuts = 0
    for revision in STREAMABLE:
        with server.http(revision=revision) as c:
            notes, last, ids, before = [], None, [], cuts
            conn = Frail(server, rng.randrange(600, 3000))
            call(c, command, conn=conn)
            while True:
                events = None
                try:
                    events = Events(conn)
                    for m in events:
                        notes.append(m)
                    break
                except (Cut, Gone):
                    cuts += 1
                finally:
                    if events is not None:
                        ids += events.ids
                        last = events.last or last
                    (conn.reset if rng.random() < .7 else conn.close)()
                check(last is not None, "cut before the first event", seed)
                if rng.random() < .3:
                    time.sleep(rng.random() * .2)
                conn = Frail(server, rng.randrange(
                    300, 2000 if cuts < before + 12 else 60000))
                get(c, last, conn)
            r = notes.pop()
            check("result" in r, seed, r)
            got = text_of(notes).split("\n")
            equal([x for x in got if x.startswith("line")],
                  [f"line {i}" for i in range(1, lines + 1)], f"seed {seed}")
            equal([x for x in got if x.startswith("err")],
                  [f"err {i}" for i in range(1, lines + 1)], f"seed {seed}")
            steps = [n["params"]["progress"] for n in notes]
            check(all(a < b for a, b in zip(steps, steps[1:])), seed, steps)
    print(f"# {cuts} cuts, seed {seed}")
    check(cuts >= 36, "only", cuts, "cuts")


def test_closed_by_the_server(_):
    """limits.stream_ms: the client comes back, of its own accord."""
    with Server({"limits": {"stream_ms": 700}}) as server:
        with server.http() as c:
            conn = call(c, "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep .4;"
                           " done")
            notes, last, rounds = [], None, 0
            while True:
                events = Events(conn)
                notes += list(events)
                conn.close()
                last = events.last or last
                if notes and "result" in notes[-1]:
                    break
                rounds += 1
                check(events.retry, "no retry")
                conn = get(c, last)
            check(rounds >= 2, "rounds", rounds)
            equal(text_of(notes[:-1]), "1\n2\n3\n4\n5\n6\n7\n8\n", "output")
            with get(c) as conn:
                equal(list(Events(conn)), [], "the general stream as well")
        # Who does not know of it is not cut off.
        with server.http(revision="2025-06-18") as c:
            notes, r = finish(Events(call(c, "echo 1; sleep 3; echo 2")))
            equal((text_of(notes), r.text), ("1\n2\n", "1\n2\n"), "older")


def test_too_large_to_keep(_):
    with Server({"limits": {"replay_bytes": 20000}}) as server, \
            server.http() as c:
        m = mark()
        conn = call(c, f"echo a; sleep .3; head -c 100000 /dev/zero | "
                       f"tr '\\0' x; : {m}", id="big")
        events = Events(conn)
        next(events)
        conn.reset()
        server.ended(m)
        with get(c, events.last) as conn:
            again = Events(conn)
            answer = list(again)[-1]
        equal(answer["id"], "big", answer)
        check("replay_bytes" in answer["error"]["message"], answer)
        with get(c, again.last) as conn:
            equal(list(Events(conn)), [], "told once")
        # It is there for who stays, and small ones still are kept.
        _, r = finish(Events(call(c, "head -c 100000 /dev/zero | tr '\\0' x")))
        equal(len(r.text), 100000, "control")
        conn = call(c, "for i in $(seq 15); do seq 1000 1500; sleep .12;"
                       " done; echo x >written; sleep 60")
        events = Events(conn)
        next(events)
        conn.reset()
        server.file("written", 30)
        time.sleep(.5 * SLOW)
        with get(c, events.last) as conn:
            got = next(Events(conn))
        equal(got["method"], "notifications/message", got)
        equal(got["params"]["level"], "warning", got)
        check("no longer kept" in got["params"]["data"], got)


def cut_off(c, command):
    """A call whose client vanishes after the first event; the id of that."""
    m = mark()
    conn = call(c, f"{command}; : {m}")
    events = Events(conn)
    next(events)
    conn.reset()
    c.server.ended(m)
    return events.last


def test_hunger_of_a_token(_):
    """One token's many sessions push out their own, and nobody else's."""
    with Server({"limits": {"replay_bytes": 65536,
                            "replay_total_bytes": 160000}}) as server, \
            server.http() as modest:
        last = cut_off(modest, "echo 1; sleep .3; seq 2 9")
        token = server.add("hungry")
        hungry = [server.http(token=token) for _ in range(8)]
        lasts = [cut_off(c, "echo 1; sleep .3; head -c 20000 /dev/zero | "
                            "tr '\\0' x") for c in hungry]
        with get(modest, last) as conn:
            _, r = finish(Events(conn))
        equal(r.text, "".join(f"{i}\n" for i in range(1, 10)), "the modest")
        with get(hungry[0], lasts[0]) as conn:
            answer = list(Events(conn))[-1]
        check("replay_total_bytes" in answer["error"]["message"], answer)
        with get(hungry[-1], lasts[-1]) as conn:
            _, r = finish(Events(conn))
        equal(len(r.text), 20002, "the newest of the hungry")
        for c in hungry:
            c.close()


def test_nothing_kept(_):
    """replay_bytes 0: no ids, so that nobody asks."""
    with Server({"limits": {"replay_bytes": 0}}) as server, \
            server.http() as c:
        events = Events(call(c, "echo a"))
        notes, r = finish(events)
        equal((events.ids, events.retry, r.text), ([], None, "a\n"), "plain")
        equal(refused(c, f"{NOBODY}-1-1"), 400, "Last-Event-ID")
        with get(c) as conn:
            equal(Events(conn).status, 200, "GET")


# --- the server speaks first -----------------------------------------------------

def token_tools(server, c, tools):
    """Change what the token is offered; None: as it was."""
    path = server.dir / server.config["policy_dir"] / f"{server.name}.json"
    policy = dict(server.policy)
    if tools is not None:
        policy["tools"] = tools
    path.write_text(json.dumps(policy))
    server.reload_ends("success", "reload")


CHANGED = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}


def test_tools_changed(server):
    clients = [server.http(revision=r) for r in STREAMABLE]
    conns = [get(c) for c in clients]
    streams = [Events(conn) for conn in conns]
    late = server.http()
    old = Sse(server)
    try:
        equal(len(clients[0].tools()), 2, "tools before")
        server.reload_ends("success", "no change")
        token_tools(server, None, ["exec_cmd"])
        for s in streams:
            equal(next(s), CHANGED, "on a GET stream")
        equal(old.answer(), CHANGED, "on the old transport")
        equal([t["name"] for t in clients[0].tools()], ["exec_cmd"], "after")
        with get(late) as conn:
            equal(next(Events(conn)), CHANGED, "as soon as it is open")
        # While it is cut it waits.
        conns[2].reset()
        token_tools(server, None, None)
        with get(clients[2], streams[2].last) as conn:
            equal(next(Events(conn)), CHANGED, "after a cut")
        equal(next(streams[0]), CHANGED, "the second time")
        equal(clients[0].hello["capabilities"]["tools"],
              {"listChanged": True}, "capability")
    finally:
        token_tools(server, None, None)
        for x in (*clients, *conns, late, old):
            x.close()


# --- logging ---------------------------------------------------------------------

def logs(messages):
    return [(m["params"]["level"], m["params"]["logger"], m["params"]["data"])
            for m in messages if m["method"] == "notifications/message"]


BOTH = "echo one; sleep .3; echo two >&2; sleep .3; echo three"


def test_logging(server):
    for revision in REVISIONS:
        with server.http(revision=revision) as c:
            equal(c.hello["capabilities"]["logging"], {}, "capability")
            equal(c.ask("logging/setLevel", {"level": "info"}), {}, "set")
            notes, r = finish(Events(call(c, BOTH, token=None)))
            equal(logs(notes), [("info", "stdout", "one"),
                                ("warning", "stderr", "two"),
                                ("info", "stdout", "three")], revision)
            equal(len(notes), 3, "no progress, nobody asked")
            notes, r = finish(Events(call(c, BOTH, token="p")))
            equal(len(logs(notes)), 3, notes)
            equal(len(notes), 6, "and progress")
            equal(c.ask("logging/setLevel", {"level": "warning"}), {}, "set")
            notes, r = finish(Events(call(c, BOTH, token=None)))
            equal(logs(notes), [("warning", "stderr", "two")], revision)
            equal(c.ask("logging/setLevel", {"level": "error"}), {}, "set")
            with call(c, BOTH, token=None) as conn:
                equal(conn.reply().header("content-type"),
                      "application/json", "nothing to say")


def test_logging_on_the_old_transport(server):
    with Sse(server) as c:
        equal(c.ask("logging/setLevel", {"level": "debug"}), {}, "set")
        c.begin(BOTH, 9)
        got = [c.answer()]
        while "method" in got[-1]:
            got.append(c.answer())
        equal([x[2] for x in logs(got[:-1])], ["one", "two", "three"], got)
        equal(got[-1]["id"], 9, got)


def test_logging_levels(server):
    with server.http() as c:
        for level in ("debug", "notice", "critical", "alert", "emergency"):
            equal(c.ask("logging/setLevel", {"level": level}), {}, level)
        for params in ({"level": "loud"}, {"level": 3}, {"level": None}, {},
                       None, {"level": "INFO"}, {"level": ""}):
            try:
                c.ask("logging/setLevel", params)
            except RpcError as e:
                equal(e.code, -32602, params)
                check("emergency" in e.message, e.message)
                continue
            check(False, params, "was taken")


def test_logging_is_paced(server):
    """Many changes between the streams: bounded, and nothing is lost."""
    with server.http() as c:
        c.ask("logging/setLevel", {"level": "debug"})
        # one writer for both, so that the order is known
        begin = time.monotonic()
        notes, r = finish(Events(call(
            c, "for i in $(seq 400); do echo $i; echo $i >&2; done",
            token=None)))
        took = time.monotonic() - begin
        for stream in "stdout", "stderr":
            text = "\n".join(d for _, s, d in logs(notes) if s == stream)
            equal(text.split("\n"), [str(i) for i in range(1, 401)], stream)
        check(len(notes) < 900 and took < 30 * SLOW, len(notes), took)


def test_logging_stateless(server):
    with Modern(server) as c:
        equal(c.ask("server/discover")["capabilities"]["logging"], {}, "has")
        conn = c.begin(BOTH, **{META + "logLevel": "info"})
        notes, r = finish(Events(conn))
        equal([x[2] for x in logs(notes)], ["one", "two", "three"], notes)
        conn.close()
        conn = c.begin(BOTH)            # of that request only
        equal(conn.reply().header("content-type"), "application/json", "none")
        conn.close()
        for bad in ("loud", 3, None, ""):
            reply = c.post("tools/list", **{META + "logLevel": bad})
            equal((reply.status, reply.json()["error"]["code"]),
                  (400, -32602), bad)
        reply = c.post("logging/setLevel", {"level": "info"})
        equal((reply.status, reply.json()["error"]["code"]), (404, -32601),
              "not in this revision")


# --- subscriptions of the revision without sessions ------------------------------

SUBSCRIPTION = META + "subscriptionId"


def listen(c, wants, id=1, **more):
    """subscriptions/listen on a connection of its own; its events."""
    conn = Connection(c.server)
    params = {"_meta": meta(), "notifications": wants}
    conn.send(request("POST", "/mcp", conn.port, {
        **c.headers("subscriptions/listen", params), **more},
        message("subscriptions/listen", params, id)))
    return conn


def test_subscription(server):
    wants = {"toolsListChanged": True, "resourceSubscriptions": ["exec://x"],
             "promptsListChanged": True, "resourcesListChanged": False}
    try:
        with Modern(server) as c:
            for id in (7, "seven", "ü\"", 9007199254740993):
                conn = listen(c, wants, id)
                events = Events(conn)
                first = next(events)
                equal(first, {
                    "jsonrpc": "2.0",
                    "method": "notifications/subscriptions/acknowledged",
                    "params": {"_meta": {SUBSCRIPTION: id}, "notifications": {
                        "toolsListChanged": True,
                        "resourceSubscriptions": ["exec://x"]}}}, "first")
                equal(events.ids, [], "no ids here")
                conn.close()
            conn, other = listen(c, wants, 5), listen(c, {}, 6)
            events, silent = Events(conn), Events(other)
            next(events), next(silent)
            server.reload_ends("success", "no change")
            token_tools(server, None, ["exec_cmd"])
            changed = {**CHANGED, "params": {"_meta": {SUBSCRIPTION: 5}}}
            equal(next(events), changed, "changed")
            token_tools(server, None, None)
            equal(next(events), changed, "and back")
            conn.close()
            other.close()
    finally:
        token_tools(server, None, None)


def test_subscription_ends_with_the_token(server):
    token = server.add("subscriber")
    with Modern(server, token) as c:
        conn, other = listen(c, {"toolsListChanged": True}, "x"), listen(c, {})
        events, silent = Events(conn), Events(other)
        next(events), next(silent)
        server.ctl("token", "revoke", "subscriber")
        for e, id in (events, "x"), (silent, 1):
            last = one(list(e), id)
            equal(last["result"]["resultType"], "complete", last)
            equal(last["result"]["_meta"][SUBSCRIPTION], id, last)
        conn.close()
        other.close()


def test_subscription_refused(server):
    with Modern(server) as c:
        for wants in (None, [], 5, {"toolsListChanged": 1},
                      {"resourceSubscriptions": "exec://x"},
                      {"resourceSubscriptions": [5]},
                      {"resourceSubscriptions": [""]},
                      {"resourceSubscriptions": ["x" * 2000]},
                      {"resourceSubscriptions":
                       [f"exec://{i}" for i in range(200)]}):
            with listen(c, wants) as conn:
                reply = conn.reply()
            equal((reply.status, reply.json()["error"]["code"]),
                  (200, -32602), wants)
        with listen(c, {}, Accept="application/json") as conn:
            equal(conn.reply().status, 406, "no stream")
    with server.http() as c:
        try:
            c.ask("subscriptions/listen", {"notifications": {}})
        except RpcError as e:
            equal(e.code, -32601, "not in a session")
        else:
            check(False, "was taken")


def test_subscriptions_are_bounded(_):
    with Server({"limits": {"sessions_per_token": 3}}) as server, \
            Modern(server) as c:
        conns = [listen(c, {}, i) for i in range(5)]
        heads = [conn.head()[0] for conn in conns]
        equal(sorted(heads), [200, 200, 200, 429, 429], "at most three")
        conns[heads.index(200)].close()

        def again():
            with listen(c, {}) as conn:
                return conn.head()[0] == 200
        within("room again", 5, again)
        for conn in conns:
            conn.close()


def test_subscription_ends_with_the_server(_):
    with Server() as server, Modern(server) as c:
        conn = listen(c, {"toolsListChanged": True}, 4)
        events = Events(conn)
        next(events)
        server.process.terminate()
        last = one(list(events), 4)
        equal(last["result"]["_meta"][SUBSCRIPTION], 4, last)
        server.process.wait(20 * SLOW)
        conn.close()


# --- memory -------------------------------------------------------------------

IDLE, IDLE_KIB, CLOSED_KIB = 200, 14, 5     # streams, most that each costs


def own_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", text)[1])


def idle_stream(server):
    conn = Connection(server)
    conn.send(request("GET", "/sse", conn.port, {
        **bearer(server.token), "Accept": "text/event-stream"}))
    while b"event: endpoint" not in conn.pending:
        conn.more()
    return conn


def test_memory_is_given_back(_):
    """Of streams on which nothing happens, and of those that are gone."""
    if (os.environ.get("MCP_EXECD_WRAPPER") or instance.TLS
            or "asan" in os.environ.get("MCP_EXECD_BUILD", "")
            or os.sysconf("SC_PAGESIZE") > 4096):
        raise Skip("a checker, TLS or large pages have figures of their own")
    with Server() as server:
        pid = server.frontend_pid()
        before = own_kib(pid)
        streams = [idle_stream(server) for _ in range(IDLE)]
        within("idle streams cost little", 60,
               lambda: own_kib(pid) < before + IDLE * IDLE_KIB)
        for conn in streams:
            conn.close()
        within("closed ones cost nearly nothing", 60,
               lambda: own_kib(pid) < before + IDLE * CLOSED_KIB)
        with server.http() as c:
            equal(c.sh("echo a").text, "a\n", "it goes on")
