# SPDX-License-Identifier: MIT
"""Views: the part of long output that a caller is given."""
import re
import time

from client import (Connection, REVISIONS, Server, check, equal, message,
                    within)
from modern import Modern
from test_jobs import ID, body, ended, first, output, start, take_jobs_away

LIMITS = {"output_bytes": 4096}
JOBS = {"at_once": 4, "max_seconds": 60, "keep_seconds": 600, "keep": 8,
        "wait_ms": 20000, "output_bytes": 4 << 20}
SERVER = {"policy": {"structured": False, "text": "clean", "limits": LIMITS,
                     "jobs": JOBS}}
COUNT = "i=0; while [ $i -lt {} ]; do i=$((i+1)); echo line $i; {} done; true"
LONG = COUNT.format(2000, "[ $i = 900 ] && echo 'x.c:9: error: broken';")
LEFT_OUT = re.compile(r"\[… lines (\d+)-(\d+) \(bytes (\d+)-(\d+)\) left out …\]")


def plain(server, **more):
    """A token whose policy has no jobs."""
    path = server.dir / "policies.d/plain.json"
    if not path.exists():
        server.add_policy("plain", limits=LIMITS)
        path.write_text(re.sub(r', "jobs": \{[^}]*\}', "", path.read_text()))
        check('"jobs"' not in path.read_text(), path.read_text())
        server.reload()
    return server.http(token=server.add("plain" + str(time.monotonic_ns()),
                                        policy="plain"), **more)


def test_short_is_as_it_is(server):
    with server.http() as c, plain(server) as p:
        for d in c, p:
            for more in {}, {"view": "all"}, {"view": "tail"}:
                equal(d.sh("printf 'a\\nb'", **more).text, "a\nb", more)
            text = d.call("cli_command", command="echo a").text
            equal(text, "STDOUT: a\n\n\nSTDERR: \nRETURNCODE: 0\nSUCCESS: "
                  "True", "labelled")


def test_default_shows_failures(server):
    with server.http() as c, plain(server) as p:
        for d in c, p:
            r = d.sh(LONG)
            check(r.text.startswith("line 1\nline 2\n"), r)
            check("line 2000\n" in r.text and "line 901" in r.text, r)
            check("line 900\nx.c:9: error: broken\nline 901\n" in r.text, r)
            check(len(r.text) < 4096 + 400, len(r.text))
            left = sum(map(int, re.findall(r"… (\d+) bytes left out", r.text)))
            shown = sum(len(x) + 1 for x in r.text.split("\n")
                        if x.startswith(("line ", "x.c")))
            whole = sum(len(f"line {i}\n") for i in range(1, 2001)) + 21
            check(abs(whole - left - shown) < 30, whole, left, shown)
            check("VIEW: " in r.text, r)
        text = c.sh(LONG).text
        job = re.search(r'VIEW: .*job_output {"job": "(\w{32})"}', text)[1]
        check("x.c:9: error" in output(c, job, view="grep broken"), "fetched")
        check("job_output" not in p.sh(LONG).text, "no jobs")
        text = p.sh(LONG, view="all").text
        check("broken" not in text, "all is beginning and end")


def test_every_kind(server):
    clients = [lambda r=r: server.http(revision=r) for r in REVISIONS]
    for client in [*clients[-2:], server.sse, lambda: Modern(server),
                   lambda: plain(server)]:
        with client() as c:
            text = c.sh(LONG, view="errors").text
            check("line 900\nx.c:9: error: broken\nline 901\nline 902\n" in
                  text, text)
            check("line 2000\n" in text and "1 of 2001 lines look" in text,
                  text)
            check(len(text) < 600, text)
            text = c.sh(LONG, view="grep -C1 (?i)ERROR:").text
            check("]\nline 900\nx.c:9: error: broken\nline 901\n[" in text,
                  text)
            check("VIEW: grep: 1 of 2001 lines match" in text, text)
            text = c.sh(LONG, view="lines 902-903").text
            check("]\nline 901\nline 902\n[" in text, text)
            text = c.sh(LONG, view="head").text
            check(text.startswith("line 1\n") and "line 2000" not in text,
                  text)
            text = c.sh(LONG, view="tail").text
            check("\nline 2000\n" in text and "line 1\n" not in text, text)
            text = c.sh(LONG, view="summary").text
            check(text.startswith("line 1  [×2000, numbers differ]\n"
                                  "x.c:9: error: broken\n"), text)
            r = c.call("cli_command", view="grep b", command=
                       "sh -c 'echo abc; echo x; echo ABC >&2; exit 3'")
            check("STDOUT: abc\n[… lines 2-2 (bytes 4-5) left out …]" in
                  r.text and "STDERR: [… lines 1-1" in r.text and
                  "RETURNCODE: 3" in r.text, r)
            check("VIEW: stdout: grep: 1 of 2" in r.text, r)


def test_gaps_are_fetched(server):
    """Numbers in a view are those with which the rest is read."""
    with server.http() as c:
        job = start(c, LONG)
        ended(c, job)
        text = output(c, job, view="errors")
        check("of bytes 0 to " in text and "the last there are" in text, text)
        whole, at = "", 0
        for line in body(text).splitlines(keepends=True):
            gap = LEFT_OUT.match(line)
            if gap is None:
                whole += line
                continue
            lo, hi = int(gap[3]), int(gap[4])
            equal(lo, len(whole), "bytes")
            while lo <= hi:
                part = body(output(c, job, cursor=lo))[:hi + 1 - lo]
                whole += part
                lo += len(part)
        want = "".join(f"line {i}\n" + ("x.c:9: error: broken\n" * (i == 900))
                       for i in range(1, 2001))
        equal(whole, want, "put together")
        text = output(c, job)
        check("x.c:9: error" in text and "line 2000\n" in text, text[:300])
        check(len(text) < 5000, "the default is brief too")
        check("x.c" not in output(c, job, cursor=0), "bytes from a cursor")
        text = output(c, job, cursor=len(want) - 10, view="tail")
        equal(body(text), want[-10:], "from a cursor")
        text = output(c, job, view={"lines": {"from": 901, "to": 901}})
        check("]\nx.c:9: error: broken\n[" in text, text)
        text = output(c, job, view={"grep": {"pattern": "broken",
                                             "context": 1}})
        check("]\nline 900\nx.c:9: error: broken\nline 901\n[" in text, text)


def test_both_streams_count_together(server):
    """A gap's numbers are its stream's; those of job_output count both."""
    line = "seq 1 900 >&2; sleep 0.3; seq 1000 3000"
    with server.http() as c:
        def told(command):
            text = c.call("cli_command", view="lines 1-2",
                          command=f"sh -c '{command}'").text
            return (re.search(r"; all (\d+ bytes[a-z ,]*), by view or cursor: "
                              r'job_output {"job": "(\w{32})"}', text).groups()
                    + tuple(LEFT_OUT.findall(text)[0][2:]))
        said, job, first, last = told(line)
        equal((said, first, last), (
            "13497 bytes of both streams, counted together", "10", "10004"),
            "two")
        # positive control of what is said: the number is not the cursor
        check(not body(output(c, job, cursor=10)).startswith("1002\n"), job)
        for one in "seq 1 900 >&2", "seq 1000 3000":
            said, job, first, _ = told(one)
            check(re.fullmatch(r"\d+ bytes", said), said)
            want = "3\n" if "900" in one else "1002\n"
            check(body(output(c, job, cursor=int(first))).startswith(want),
                  one)


def test_of_what_is_kept(server):
    """Where the first bytes are gone, lines are those that are there."""
    server.add_policy("little", jobs={**JOBS, "output_bytes": 65536})
    with server.http(token=server.add("little", policy="little")) as c:
        job = start(c, "seq 1 100000")
        ended(c, job)
        size = sum(len(str(i)) + 1 for i in range(1, 100001))
        for view in "tail", "lines 2-2", "errors":
            text = output(c, job, view=view)
            check(f"{size - 65536} of the bytes are not kept (any more), and "
                  "lines are counted without them\n" in text, text)
        check("\n100000\n" in output(c, job, view="tail"), "tail")
        at = output(c, job, cursor=0)
        check(f"bytes before byte {size - 65536} are not kept" in at, at[:300])
        second = body(at).split("\n")[1]
        check(f"]\n{second}\n[" in output(c, job, view="lines 2-2"), second)


def test_what_is_refused(server):
    with server.http() as c, plain(server) as p:
        for bad in ("", "nope", "head 3", "lines 5-1", "lines 0-1", "grep",
                    "grep (", "grep -C99 x", "grep " + "x" * 2000, 7, True, [],
                    {}, {"grep": 7}, {"lines": "x"}, {"a": 1, "b": 2},
                    {"lines": {"from": -1}}, "grep (a{1,200}){1,9}",
                    "grep \0"):
            for d in c, p:
                r = d.sh("touch never", view=bad)
                check(r.error and "view" in r.text and len(r.text) < 700, r)
            r = c.call("job_output", job="0" * 32, view=bad)
            check(r.error, r)
        check(not (server.work / "never").exists(), "nothing ran")
        equal(c.sh("echo a", view=None).text, "a\n", "null is none")
        r = c.call("job_start", command="true", view="errors")
        check(r.error and "job_output" in r.text, r)


def test_of_a_call_that_becomes_a_job(server):
    server.add_policy("slow", limits=LIMITS, jobs=dict(JOBS, wait_ms=1000))
    with server.http(token=server.add("slow", policy="slow")) as c:
        r = c.sh(LONG + "; sleep 3; echo 'late error'", view="errors")
        check("runs on" in first(r.text) and "x.c:9: error" in r.text, r)
        check(len(r.text) < 1200, r)
        job = ID.search(r.text).group()
        check("late error" in ended(c, job), "at the end")
        equal(c.sh("echo on").text, "on\n", "the server goes on")


def test_the_same_key(server):
    """A call that is sent again is shown as the first was."""
    with server.http() as c:
        args = {"command": LONG, "view": "errors", "idempotency_key": "v"}
        a, b = c.call("exec_cmd", **args), c.call("exec_cmd", **args)
        equal(a.text.split("VIEW")[0], b.text.split("VIEW")[0], "again")
        check("VIEW: errors: 1 of 2001" in b.text, b)


def test_structured(server):
    server.add_policy("formed", structured=True, limits=LIMITS)
    with server.http(token=server.add("formed", policy="formed")) as c:
        r = c.sh(LONG, view="grep broken")
        check("x.c:9" in r.data["stdout"] and r.data["truncated"], r)
        check(r.data["view"].startswith("grep: 1 of 2001"), r.data)
        check("view" not in c.sh("echo a").data, "none")
        r = c.sh("printf '\\211PNG\\r\\n\\032\\n'; seq 3000", view="head",
                 encoding="base64")
        check("encoding" not in r.data, "a part is not coded as a whole")


def test_hostile_output(server):
    """What a command may write: the answer is bounded, and comes."""
    with server.http() as c, plain(server) as p:
        for command in ("head -c 16777216 /dev/zero",
                        "head -c 4000000 /dev/urandom",
                        "yes 'error: x' | head -c 4000000",
                        "head -c 4000000 /dev/zero | tr '\\0' '\\r'",
                        "yes | head -c 4000000"):
            for view in "errors", "summary", "grep x", "tail":
                for d in c, p:
                    r = d.sh(command, view=view)
                    check(not r.error and len(r.text) < 4096 * 10, view,
                          command, len(r.text))
        r = p.sh("echo '[… lines 1-9 (bytes 0-9) left out …]'; seq 9000",
                 view="tail")
        check(re.search(r"\nVIEW: tail: 9001 lines", r.text), r)


def test_others_do_not_wait(server):
    """A view of much output does not stop the server meanwhile."""
    with server.http() as c, server.http() as d:
        job = start(c, "yes 'some line of text' | head -c 4194304")
        ended(c, job)
        conn = Connection(server)
        c.send(message("tools/call", {"name": "job_output", "arguments": {
            "job": job, "view": "grep ([a-z ]*x){9}"}}, c.next_id()), conn)
        for _ in range(5):
            equal(d.sh("echo quick").text, "quick\n", "meanwhile")
        r = c.finish(conn)
        check("grep: 0 of 233017 " in r.text, r)


def test_taken_away_from_all(server):
    """Without jobs no output is kept, nor is a file of it."""
    with server.http() as c:
        take_jobs_away(server)
        within("its tools are gone", 5, lambda: len(c.tools()) == 2)


def test_beginning_not_kept(_):
    """Nobody is told that all can be read where the end alone is kept."""
    total = sum(len(f"{i}\n") for i in range(1, 300001))
    for most, kept in (4 << 20, f"all {total}"), (
            1 << 20, f"the last {1 << 20} of {total}"):
        with Server(policy={**SERVER["policy"], "jobs": {
                **JOBS, "output_bytes": most}}) as server, server.http() as c:
            text = c.sh("seq 1 300000", view="grep ^300000$").text
            check(f"; {kept} bytes, by view or cursor: job_output" in text,
                  text)
            job = re.search(r'job_output {"job": "(\w{32})"}', text)[1]
            text = output(c, job, view="lines 1-2")
            check("lines 1-0 " not in text and "[… lines 3-" in text, text)
            equal(f"[… bytes 0-{total - (1 << 20) - 1} left out …]\n" in text,
                  most < total, text)
