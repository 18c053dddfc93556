# SPDX-License-Identifier: MIT
"""A request that kills the frontend: its sender waits, the others do not.

The fault is made by ptrace while the request is in hand, so that no bug is
needed to show what one would do.
"""
import contextlib
import signal
import subprocess
import time

import instance
from client import (FRONTEND_EXIT, JSON_HEADERS, SLOW, Connection, Failed,
                    Http, Server, bearer, check, equal, message, within)
from injected import NUMBERS, inject, kit

def another(server, name):
    """A token that is in force."""
    token = instance.TOKEN.search(server.ctl(
        "token", "add", name, "--policy", server.name)).group()
    within("in force", 5, lambda: server.accepts(token))
    return token


@contextlib.contextmanager
def fault(server, call="writev", sig=signal.SIGSEGV):
    """The frontend dies when it next makes this call."""
    pid = server.frontend_pid()
    with subprocess.Popen([kit(), str(pid), str(NUMBERS[call]),
                           str(int(sig))], stdout=subprocess.PIPE,
                          text=True) as p:
        equal(p.stdout.readline(), "waiting\n", "the kit")
        yield pid
        p.wait(20 * SLOW)
    within("it is dead", 5, lambda: server.frontend_pid() != pid)


def post(server, token, body, **more):
    with Connection(server, **more) as conn:
        return conn.request("POST", "/mcp", {**JSON_HEADERS, **bearer(token)},
                            body)


def ping(server, token):
    return post(server, token, message("ping", id=1))


def record(server, n):
    return within("a record", 5, lambda: (
        lambda r: len(r) >= n and r)(server.audit(FRONTEND_EXIT)))[n - 1]


def served(server, token):
    """A new connection, answered soon, and not when a token's wait is over."""
    begin = time.monotonic()
    while True:
        try:
            reply = ping(server, token)
            break
        except (OSError, Failed):
            check(time.monotonic() - begin < 4 * server.slow, "not served")
    check(time.monotonic() - begin < 4 * server.slow, "served late")
    return reply


def test_request():
    """A fault in a request: its token waits, twice as long each time."""
    with Server() as server:
        kit()
        good = another(server, "good")
        bad = another(server, "bad")
        for n, seconds in enumerate((5, 10), 1):
            within("the wait is over", 40, lambda: ping(server, bad).status
                   != 429, 0.5)
            with fault(server), contextlib.suppress(Failed, OSError):
                ping(server, bad)
            reply = served(server, good)
            check(reply.status != 429, reply)
            r = record(server, n)
            check("SEGV" in r["frontend.status"], r)
            equal((r["token.name"], r["penalty.seconds"], r["source.ip"]),
                  ("bad", seconds, "127.0.0.1"), r)
            reply = ping(server, bad)
            equal(reply.status, 429, reply)
            check(0 < int(reply.header("Retry-After")) <= seconds, reply)
            check("this token" in reply.json()["error"]["message"], reply.body)
            check(ping(server, good).status != 429, "the other")


def test_output():
    """A fault in what a command wrote: the token whose run it was waits."""
    with Server() as server:
        kit()
        bad = another(server, "bad")
        with Http(server, token=bad) as c:
            conn = c.begin("until [ -e go ]; do sleep 0.05; done; "
                           "head -c 1000000 /dev/zero")
            within("it runs", 5, lambda: server.audit("run-intent"))
            # what it sends then is credit for more output
            with fault(server, "sendto"), contextlib.suppress(Failed, OSError):
                (server.work / "go").touch()
                conn.reply()
        r = record(server, 1)
        equal((r["token.name"], r["source.ip"]), ("bad", "127.0.0.1"), r)
        equal(ping(server, bad).status, 429, "the run's token")
        check(served(server, server.token).status != 429, "the other")


def test_control():
    """Killed while nothing is in hand: nobody waits."""
    with Server() as server:
        kit()
        check(ping(server, server.token).status != 429, "before")
        with fault(server, "epoll_wait", signal.SIGKILL):
            pass
        r = record(server, 1)
        check("token.name" not in r and "source.ip" not in r, r)
        check(served(server, server.token).status != 429, "afterwards")


def test_before_a_token():
    """A fault in a head: no token was shown, and loopback stands for many."""
    with Server() as server:
        kit()
        with fault(server), contextlib.suppress(Failed, OSError), \
                Connection(server) as conn:
            conn.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            conn.reply()
        r = record(server, 1)
        equal(r.get("source.ip"), "127.0.0.1", r)
        check("token.name" not in r, r)
        check(served(server, server.token).status != 429, "the others")


def test_refused_call_is_named():
    """The record of a call that the filter refused has its name and place."""
    with Server() as server:
        kit()
        pid = server.frontend_pid()
        equal(inject(pid, ("sysinfo", "=" + "00" * 128)), ["killed SYS"], "")
        r = record(server, 1)
        check("system call sysinfo at " in r["frontend.status"], r)
        check(".so" in r["frontend.status"] and "+0x" in r["frontend.status"],
              r)
        check(r["frontend.status"] in server.log(), server.log())
        check(served(server, server.token).status != 429, "the others")
