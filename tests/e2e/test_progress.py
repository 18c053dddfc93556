# SPDX-License-Identifier: MIT
"""Live output: notifications/progress while a command runs."""
import contextlib
import json
import time

from client import (INTENT, RESULT, REVISIONS, SLOW, Connection, Server, Sse,
                    check, equal, mark, message, status_of, within)
from modern import Events, Modern, finish

SERVER = {}
TICKS = "for i in 1 2 3 4; do echo tick $i; sleep 0.6; done"


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
            live = revision == REVISIONS[0]
            text = TICKS if live else "echo tick 1"
            c.post(message("tools/call", {
                "name": "exec_cmd", "arguments": {"command": text},
                "_meta": {"progressToken": 3}}, 9))
            got = [(time.monotonic(), c.answer())]
            while "method" in got[-1][1]:
                got.append((time.monotonic(), c.answer()))
            notes = [m for _, m in got[:-1]]
            check_notes(notes, 3, None if live else "tick 1\n", not live)
            if live:
                equal((len(notes), notes[-1]["params"]["progress"]), (4, 28),
                      notes)
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


class ByUnix(Server):
    """Its clients come through a UNIX socket, which holds little of what
    they do not read."""

    def fill_listen(self, config):
        super().fill_listen(config)
        self.socket_path = self.dir / "sockets" / "http.sock"
        self.socket_path.parent.mkdir(0o755, exist_ok=True)
        config["listen"].append(f"unix:{self.socket_path}")


def begin_old(c, command):
    c.post(message("tools/call", {
        "name": "exec_cmd", "arguments": {"command": command},
        "_meta": {"progressToken": "p"}}, 9))
    return c


def read_old(c):
    got = [c.answer()]
    while "method" in got[-1]:
        got.append(c.answer())
    return got[:-1], got[-1]["result"]["structuredContent"]


def read_new(conn):
    notes, r = finish(Events(conn))
    conn.close()
    return notes, r.data


def settle(server, action, least):
    """Until there are so many records of that kind, and no more come."""
    seen = []
    within(f"{least} of {action}, and no more", 10, lambda: seen.append(
        len(server.audit(action))) or seen[-1] >= least and
        seen[-10:] == [seen[-1]] * 10)


def rss(server):
    return int(status_of(server.frontend_pid())["VmRSS"].split()[0])


def check_whole(notes, data, size):
    equal((len(data["stdout"]), data["bytes"]["stdout"]), (size, size), "bytes")
    text = "".join(n["params"]["message"] for n in notes)
    check(text == data["stdout"], f"of {size} bytes not all came: {len(text)}")
    check_notes(notes, "p")


def test_slow_reader(_):
    """A client that does not read slows the command, costs bounded memory, loses nothing
    and ends no session."""
    size = 4000000
    with contextlib.ExitStack() as stack:
        s = stack.enter_context(ByUnix(limits={"output_bytes": 5 << 20}))
        modern = stack.enter_context(Modern(s))
        old = stack.enter_context(s.sse(revision="2025-11-25"))
        before, m = rss(s), mark()
        command = (f": {m}; yes 0123456789 | head -c {size}; "
                   f"echo end > $(mktemp {m}.XXX)")
        calls = [(read_new, modern.begin(command, progressToken="p")),
                 (read_old, begin_old(old, command))]
        settle(s, INTENT, 2)
        time.sleep(0.5)
        equal(list(s.work.glob(m + "*")), [], "not slowed")
        check(rss(s) - before < 12000 * SLOW, f"{before} to {rss(s)} KiB")
        for read, conn in calls:
            check_whole(*read(conn), size)
        equal(len(list(s.work.glob(m + "*"))), 2, "both went on")
        check(not old.sh("true").error, "the session goes on")


def test_end_without_room(_):
    """Commands end while nobody reads: their last output comes anyway.

    One of these sizes ends with a part that waits, whatever the socket holds.
    """
    with contextlib.ExitStack() as stack:
        s = stack.enter_context(ByUnix(limits={"output_bytes": 2 << 20}))
        modern, calls = stack.enter_context(Modern(s)), []
        for size in (420000, 500000):
            command = f"yes {mark()} | head -c {size}"
            legacy = stack.enter_context(s.http())
            old = stack.enter_context(s.sse(revision="2025-11-25"))
            calls += [
                (size, read_new, modern.begin(command, progressToken="p")),
                (size, read_new, begin_legacy(legacy, command)),
                (size, read_old, begin_old(old, command))]
        settle(s, RESULT, 1)
        for size, read, conn in calls:
            check_whole(*read(conn), size)


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
                       arguments={"timeout_ms": 1500})
        notes, r = finish(Events(conn))
        check_notes(notes, 1, "so far\n")
        check(r.data["timed_out"] and "so far" in r.text, r)
        conn.close()
