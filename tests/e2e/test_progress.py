# SPDX-License-Identifier: MIT
"""Live output: notifications/progress while a command runs."""
import json
import time

from client import (REVISIONS, SLOW, Connection, Sse, check, equal, mark,
                    message, status_of)
from modern import Events, Modern, finish

SERVER = {}
TICKS = "for i in 1 2 3 4; do echo tick $i; sleep 0.3; done"


def begin_legacy(c, command, token="p", **more):
    """The same of a client with a session; its connection."""
    conn = Connection(c.server)
    c.send(message("tools/call", {
        "name": "exec_cmd", "arguments": {"command": command, **more},
        "_meta": {"progressToken": token}}, 1), conn)
    return conn


def check_notes(notes, token, text=None, message=True):
    """Strictly increasing, our token; together they are the output."""
    last = 0
    for n in notes:
        equal(n["method"], "notifications/progress", n)
        equal(n["params"]["progressToken"], token, n)
        check(n["params"]["progress"] > last, notes)
        equal("message" in n["params"], message, n)
        last = n["params"]["progress"]
    if text is not None and message:
        equal("".join(n["params"]["message"] for n in notes), text, "output")
    if text is not None:
        equal(last, len(text.encode()), "progress is bytes")


def timed(events):
    """(seconds since the beginning, message) of each."""
    begin = time.monotonic()
    return [(time.monotonic() - begin, m) for m in events]


def check_live(events, token):
    """The ticks came while the command ran, each line by itself."""
    got = timed(events)
    notes = [m for _, m in got[:-1]]
    check_notes(notes, token, "tick 1\ntick 2\ntick 3\ntick 4\n")
    equal(len(notes), 4, [m["params"] for m in notes])
    check(got[-1][0] - got[0][0] > 0.9, "not as they came", got)
    check("result" in got[-1][1], got[-1])


def test_live_modern(server):
    with Modern(server) as c:
        for token in ("p", 7, "ü\"\\", ""):
            conn = c.begin(TICKS if token == "p" else "echo a",
                           progressToken=token)
            events = Events(conn)
            equal(events.status, 200, "status")
            equal(events.headers["x-accel-buffering"], "no", "for proxies")
            if token == "p":
                check_live(events, token)
            else:
                notes, r = finish(events)
                check_notes(notes, token, "a\n")
                equal(r.data["exit_code"], 0, r)
            conn.close()


def test_live_with_sessions(server):
    for revision in REVISIONS:
        with server.http(revision=revision) as c:
            conn = begin_legacy(c, TICKS if revision == REVISIONS[-1]
                                else "echo a; echo b >&2")
            events = Events(conn)
            if revision == REVISIONS[-1]:
                check_live(events, "p")
            else:
                notes, r = finish(events)
                check_notes(notes, "p", None, revision > REVISIONS[0])
                check(notes and not r.error, notes, r)
            conn.close()


def test_live_on_the_old_transport(server):
    for revision in REVISIONS:
        with Sse(server, revision=revision) as c:
            c.post(message("tools/call", {
                "name": "exec_cmd", "arguments": {"command": TICKS},
                "_meta": {"progressToken": 3}}, 9))
            got = [(time.monotonic(), c.answer())]
            while "method" in got[-1][1]:
                got.append((time.monotonic(), c.answer()))
            notes = [m for _, m in got[:-1]]
            check_notes(notes, 3, "tick 1\ntick 2\ntick 3\ntick 4\n",
                        revision > REVISIONS[0])
            equal(len(notes), 4, notes)
            check(got[-1][0] - got[0][0] > 0.9, "not as they came")
            equal(got[-1][1]["id"], 9, got[-1])


def test_without_asking(server):
    """No token, no stream in Accept, a batch: JSON, and no notification."""
    with Modern(server) as c:
        conn = c.begin("echo a")
        equal(conn.reply().header("content-type"), "application/json", "JSON")
        conn.close()
        for accept in ("application/json", "application/json;q=1, text/html"):
            conn = c.begin("echo a", accept=accept, progressToken=1)
            equal(conn.reply().header("content-type"), "application/json",
                  accept)
            conn.close()
        r = c.post("tools/list", progressToken=1)
        equal(r.header("content-type"), "application/json", "tools/list")
        r = c.post("tools/call", {"name": "exec_cmd", "arguments": {}},
                   progressToken=1)
        equal(r.header("content-type"), "application/json", "refused")
    with server.http(revision="2025-03-26") as c:
        call = json.loads(message("tools/call", {
            "name": "exec_cmd", "arguments": {"command": "echo a"},
            "_meta": {"progressToken": 1}}, 1))
        r = c.post(json.dumps([call, {**call, "id": 2}]).encode())
        equal(len(r.json()), 2, "answers of a batch")


def test_pace(server):
    """Many small writes are put together, ten a second at most."""
    with Modern(server) as c:
        conn = c.begin("for i in $(seq 40); do echo $i; sleep 0.05; done",
                       progressToken=1)
        begin = time.monotonic()
        notes, r = finish(Events(conn))
        took = time.monotonic() - begin
        check_notes(notes, 1, "".join(f"{i}\n" for i in range(1, 41)))
        check(5 <= len(notes) <= took * 10 + 3, len(notes), took)
        conn.close()


def test_lines(server):
    """Whole lines while more comes; the rest of one after a while."""
    with Modern(server) as c:
        conn = c.begin("printf ab; sleep 0.3; printf 'c\\nxy'; sleep 1.6; "
                       "printf 'z\\303'; sleep 0.2; printf '\\251\\n'",
                       progressToken=1)
        notes, _ = finish(Events(conn))
        texts = [n["params"]["message"] for n in notes]
        check_notes(notes, 1, "abc\nxyzé\n")
        equal(texts[:2], ["abc\n", "xy"], texts)
        conn.close()


def test_much(server):
    """What is left out is told; head and tail come, and the same result."""
    with Modern(server) as c:
        conn = c.begin("seq 200000", progressToken=1)
        notes, r = finish(Events(conn))
        text = "".join(n["params"]["message"] for n in notes)
        equal(text, r.data["stdout"], "all messages together")
        check("bytes left out" in text and r.data["truncated"], text[:200])
        check_notes(notes, 1)
        conn.close()


def test_any_bytes(server):
    with Modern(server) as c:
        conn = c.begin("head -c 30000 /dev/urandom; printf '\\000\\033[1m'",
                       progressToken=1)
        notes, r = finish(Events(conn))
        check_notes(notes, 1)
        check(not r.error, r)
        conn.close()


def test_slow_reader(server):
    """Who does not read slows the command, and costs bounded memory."""
    server.add_policy("much", limits={"output_bytes": 16 << 20,
                                      "timeout_ms": 60000})
    token = server.add("much", policy="much")
    with Modern(server, token) as c:
        before = int(status_of(server.frontend_pid())["VmRSS"].split()[0])
        m = mark()
        conn = c.begin(f": {m}; yes 0123456789 | head -c 8000000; "
                       f"echo end > {m}.txt", progressToken=1)
        events = Events(conn)
        server.running(m)
        time.sleep(2)
        check(not (server.work / f"{m}.txt").exists(), "was not slowed")
        after = int(status_of(server.frontend_pid())["VmRSS"].split()[0])
        check(after - before < 24000 * SLOW, f"{before} to {after} KiB")
        notes, r = finish(events)
        server.file(f"{m}.txt")
        equal(r.data["bytes"]["stdout"], 8000000, "bytes")
        equal("".join(n["params"]["message"] for n in notes),
              r.data["stdout"], "nothing is lost")
        check_notes(notes, 1)
        conn.close()


def test_slow_reader_on_the_old_transport(server):
    """A stream that nobody reads slows its command, and ends no session."""
    server.add_policy("lots", limits={"output_bytes": 16 << 20,
                                      "timeout_ms": 60000})
    with Sse(server, server.add("lots", policy="lots"),
             revision="2025-11-25") as c:
        m = mark()
        c.post(message("tools/call", {
            "name": "exec_cmd", "arguments": {"command":
                f": {m}; yes 0123456789 | head -c 8000000; "
                f"echo end > {m}.txt"},
            "_meta": {"progressToken": "s"}}, 9))
        server.running(m)
        time.sleep(1.5)
        check(not (server.work / f"{m}.txt").exists(), "was not slowed")
        got = [c.answer()]
        while "method" in got[-1]:
            got.append(c.answer())
        check_notes(got[:-1], "s")
        equal("".join(n["params"]["message"] for n in got[:-1]),
              got[-1]["result"]["structuredContent"]["stdout"], "all of it")
        check(not c.sh("true").error, "the session goes on")


def test_disconnect(server):
    """Of a modern stream: the command ends; of an older one: it goes on."""
    with Modern(server) as c:
        m = mark()
        conn = c.begin(f": {m}; while :; do echo x; sleep 0.05; done",
                       progressToken=1)
        events = Events(conn)
        next(events)
        conn.reset()
        equal(server.ended(m)["run.state"], "cancelled", "its state")
    with server.http() as c:
        m = mark()
        conn = begin_legacy(c, f": {m}; for i in 1 2 3 4 5 6; do seq 9999; "
                            f"sleep 0.1; done; echo end > {m}.txt")
        next(Events(conn))
        conn.reset()
        server.file(f"{m}.txt")
        equal(server.ended(m)["run.state"], "exited", "its state")


def test_cancel(server):
    """notifications/cancelled ends a live stream without an answer."""
    with server.http() as c:
        m = mark()
        conn = begin_legacy(c, f": {m}; echo x; exec sleep 1000402")
        events = Events(conn)
        equal(next(events)["params"]["message"], "x\n", "first")
        equal(c.notify("notifications/cancelled",
                       {"requestId": 1}).status, 202, "cancelled")
        equal(list(events), [], "what follows")
        equal(server.ended(m)["run.state"], "cancelled", "its state")
        conn.close()


def test_time_out(server):
    with Modern(server) as c:
        conn = c.begin("echo so far; exec sleep 60", progressToken=1,
                       arguments={"timeout_ms": 400})
        notes, r = finish(Events(conn))
        check_notes(notes, 1, "so far\n")
        check(r.data["timed_out"] and "so far" in r.text, r)
        conn.close()
