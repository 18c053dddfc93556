# SPDX-License-Identifier: MIT
"""Floods: one token, or one source, does its worst, and another token works.

Each kind of flood is made by processes of its own, so that what is measured
here is the server and not this interpreter.  The other token's `true` is timed
meanwhile, and compared with what it takes next to an ordinary busy token.  For
`tests/load/run --hostile` and tests/hostile.
"""
import contextlib
import json
import os
import pathlib
import re
import resource
import select
import signal
import socket
import statistics
import sys
import time

import client
from client import (JSON_HEADERS, Connection, Http, Server, bearer, check,
                    equal, initialize, message, request)

CONNECTIONS = 16        # hostile ones of one token
SOURCE = 1000           # of one source
MOST = 3                # times what it takes next to a busy token
FLOOR_S = .2            # less than that is the noise of a busy machine
SOURCE_S = 1            # most that half of the calls take next to 1,000 of it
STUCK_S = 5             # most that anything waits, whatever happens
CONTROL = "\x01" * 8000

# An ordinary set of rules, and words that are dear to find nothing in.
PATTERNS = ["ghp_[A-Za-z0-9]{36}", "AKIA[0-9A-Z]{16}", "glpat-[A-Za-z0-9_-]{20}",
            "xox[baprs]-[A-Za-z0-9-]{10,72}", "sk_live_[0-9a-zA-Z]{24,99}",
            "eyJ[A-Za-z0-9_-]{10,60}\\.[A-Za-z0-9_-]{10,60}\\.[A-Za-z0-9_-]{10,60}",
            "AIza[0-9A-Za-z_-]{35}", "[0-9a-f]{40}", "[A-Za-z0-9+/]{86}==",
            "[a-zA-Z][a-zA-Z0-9+.-]*://[^:/@ ]{1,64}:\\K[^@/ ]{1,128}@",
            "Bearer \\K[A-Za-z0-9._~+/-]{16,200}"]
REDACT = [{"name": "keys", "keys": ["PGPASSWORD", "password", "secret", "token",
                                    "--password", "--token"]},
          *({"name": f"p{i}", "pattern": p} for i, p in enumerate(PATTERNS))]
WORDS = "eyJ" * 300 + "0123456789abcde" * 60 + "a:" * 100

# in one file, which is read at the end
CONFIG = {"audit": {"redact": REDACT, "rotate_bytes": 0},
          "limits": {"runs": 32, "connections": 4096,
                     "connections_per_address": 2048, "sessions": 4096,
                     "sessions_per_token": 4096}}
POLICY = {"limits": {"runs": 32, "runs_per_minute": 0, "timeout_ms": 120000,
                     "timeout_max_ms": 120000}}


# --- what the other token sees ---------------------------------------------------

class Times(list):
    def at(self, part):
        return sorted(self)[min(int(len(self) * part), len(self) - 1)]

    def text(self):
        return (f"{statistics.median(self) * 1000:7.1f} "
                f"{self.at(.99) * 1000:8.1f} {max(self) * 1000:8.1f}")


def watch(server, token, seconds):
    """The other token's `true`, again and again; every one is answered, and
    one is made, however long its session has taken to begin."""
    times = Times()
    with Http(server, token) as c:
        end = time.monotonic() + seconds
        while not times or time.monotonic() < end:
            begin = time.monotonic()
            r = c.sh("true")
            times.append(time.monotonic() - begin)
            equal(r.error, False, f"the other token's true: {r.text}")
            time.sleep(.02)
    return times


def memory(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+) kB", text)[1]) / 1024


def status(server):
    """mcp-execctl status, which must answer soon."""
    begin = time.monotonic()
    out = json.loads(server.ctl("status", "--json"))
    took = time.monotonic() - begin
    check(took < STUCK_S * client.SLOW, "mcp-execctl status took", took)
    return out


# --- the floods; each runs in a process of its own until it is ended ---------------

def calling(server, token, arguments):
    """Calls with these arguments for ever, each in an id of its own."""
    while True:
        with contextlib.suppress(client.Failed, OSError), \
                Http(server, token) as c:
            while True:
                c.call("exec_cmd", **arguments())


def refused(server, token):
    calling(server, token, lambda: {"command": CONTROL,
                                    "working_dir": "/nowhere"})


def commands(server, token):
    calling(server, token, lambda: {"command": "true " + CONTROL})


def secrets(server, token):
    calling(server, token, lambda: {"command": "true " + WORDS * 8})


def programs(server, token):
    calling(server, token, lambda: {
        "command": f"w='{WORDS}'; while :; do /bin/true $w; done",
        "timeout_ms": 8000})


def output(server, token):
    calling(server, token, lambda: {"command": "yes 0123456789",
                                    "timeout_ms": 4000})


def places(server, token):
    """All the places that the server has for runs, and more."""
    calling(server, token, lambda: {"command": "sleep 3"})


def sessions(server, token):
    """Sessions that are begun and ended."""
    h = {**bearer(token), **JSON_HEADERS}
    while True:
        with contextlib.suppress(client.Failed, OSError), \
                Connection(server) as conn:
            while True:
                r = conn.request("POST", "/mcp", h, initialize())
                sid = r.header("mcp-session-id")
                conn.request("DELETE", "/mcp", {
                    **bearer(token), "Mcp-Session-Id": sid or "x"})


def ordinary(server, token):
    """The busy token that is not an attack."""
    calling(server, token, lambda: {"command": "echo busy; ls / >/dev/null"})


def from_source(server, token, head):
    """SOURCE connections of one source that say this again and again."""
    conns = []

    def fill():
        while len(conns) < SOURCE:
            s = socket.socket()
            s.settimeout(2)
            try:
                s.bind(("127.0.0.9", 0))
                s.connect(server.address)
                s.setblocking(False)
            except OSError:
                s.close()
                return
            conns.append(s)

    while True:
        fill()
        if not conns:
            time.sleep(.05)
        for s in list(conns):
            try:
                s.send(head)
                while s.recv(65536):
                    pass
                raise ConnectionError
            except BlockingIOError:
                continue
            except OSError:
                s.close()
                conns.remove(s)
        time.sleep(.01)


def strangers(server, token):
    """Calls with tokens that nobody has."""
    from_source(server, token, request(
        "POST", "/mcp", server.address[1],
        {**bearer("mcpx_" + "A" * 43), **JSON_HEADERS}, initialize()))


def anonymous(server, token):
    from_source(server, token, request(
        "POST", "/mcp", server.address[1], JSON_HEADERS, initialize()))


def silent(server, token):
    """They connect, and say half a line."""
    from_source(server, token, b"P")


# name, what makes it, how many processes
FLOODS = {
    "refused": (refused, CONNECTIONS),
    "sessions": (sessions, CONNECTIONS),
    "commands": (commands, CONNECTIONS),
    "secrets": (secrets, CONNECTIONS),
    "programs": (programs, CONNECTIONS),
    "output": (output, CONNECTIONS),
    "places": (places, 3 * CONNECTIONS),
    "strangers": (strangers, 1),
    "anonymous": (anonymous, 1),
    "silent": (silent, 1),
}


@contextlib.contextmanager
def flood(make, n, server, token):
    pids = []
    try:
        for _ in range(n):
            pid = os.fork()
            if pid == 0:
                with contextlib.suppress(BaseException):
                    os.nice(0)
                    make(server, token)
                os._exit(1)
            pids.append(pid)
        time.sleep(1)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)


# --- one kind after another -----------------------------------------------------------

def log_size(server):
    return sum(p.stat().st_size
               for p in server.audit_file.parent.glob("audit.jsonl*"))


def one_kind(server, name, hostile, other, seconds):
    """(times of the other token, line of the table)"""
    make, n = FLOODS[name] if name in FLOODS else (ordinary, 2)
    before, size = status(server), log_size(server)
    records = before["audit"]["sequence"]
    with flood(make, n, server, hostile):
        times = watch(server, other, seconds)
        now = status(server)
    s, b = now["budgets"], before["budgets"]
    check(now["frontend"]["answers"] or client.SLOW > 1, "frontend", now)
    equal(now["frontend"]["restarts"], before["frontend"]["restarts"],
          "restarts")
    equal(now["audit"]["lost"], 0, "records lost")
    line = (f"{name:10} {len(times):5} {times.text()} "
            f"{now['audit']['sequence'] - records:8} "
            f"{(log_size(server) - size) / 1e6:7.1f} "
            f"{s['records_suppressed'] - b['records_suppressed']:10} "
            f"{s['answers_slowed'] - b['answers_slowed']:7} "
            f"{s['run_waits'] - b['run_waits']:6} "
            f"{s['longest_turn_us'] / 1000:7.1f} "
            f"{memory(server.process.pid):6.1f} "
            f"{memory(server.frontend_pid()):6.1f}")
    return times, line


HEAD = (f"{'flood':10} {'calls':>5} {'p50 ms':>7} {'p99 ms':>8} {'max ms':>8} "
        f"{'records':>8} {'log MB':>7} {'suppressed':>10} {'slowed':>7} "
        f"{'waits':>6} {'turn ms':>7} {'exe MB':>6} {'fe MB':>6}")


def settle(server):
    """Until what a flood left behind is gone."""
    client.within("no runs", 30, lambda: status(server)["runs"]["now"] == 0)
    time.sleep(.5)


def compare(name, times, base):
    """Of a source, which costs the frontend a connection each time, only that
    calls are answered soon is asked; of a token, MOST."""
    most = max(base.at(.5) * MOST, FLOOR_S) * client.SLOW
    if FLOODS[name][1] == 1:
        most = SOURCE_S * client.SLOW
    check(times.at(.5) <= most,
          f"{name}: the other token's true takes {times.at(.5) * 1000:.0f} "
          f"ms, next to an ordinary busy token {base.at(.5) * 1000:.0f} ms")
    check(max(times) < STUCK_S * client.SLOW, name, "stuck for", max(times))


def nothing_lost(server):
    """Every run that began has its result; nothing was given up."""
    equal(server.audit("records-lost"), [], "records lost")
    intents = {r["run.id"] for r in server.audit("run-intent")}
    results = {r["run.id"] for r in server.audit("run-result")}
    equal(intents ^ results, set(), "intents and results")
    told = sum(r["records"] for r in server.audit("records-suppressed"))
    return told


def run_all(seconds, names=tuple(FLOODS), say=print):
    """Every kind of flood; [(name, what is wrong or "")]."""
    found, soft = [], resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, soft))
    with Server(CONFIG, POLICY) as server:
        server.add_policy("other")
        other = server.add("other", policy="other")
        hostile = server.token
        say("# " + HEAD)
        alone = watch(server, other, min(seconds, 10))
        say(f"# {'alone':10} {len(alone):5} {alone.text()}")
        base, line = one_kind(server, "busy", hostile, other, seconds)
        say("# " + line)
        for name in names:
            settle(server)
            try:
                times, line = one_kind(server, name, hostile, other, seconds)
                say("# " + line)
                compare(name, times, base)
                found.append((name, ""))
            except client.Failed as e:
                found.append((name, str(e)))
        settle(server)
        suppressed = status(server)["budgets"]["records_suppressed"]
        client.within("all that was left out is said", 15,
                      lambda: nothing_lost(server) == suppressed)
        found.append(("nothing_lost", ""))
    return found


def main(seconds):
    failed = 0
    for name, wrong in run_all(seconds, say=lambda x: print(x, flush=True)):
        failed += bool(wrong)
        print(f"FAIL hostile.{name}: {wrong}" if wrong
              else f"ok hostile.{name}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(8) > 0)
