# SPDX-License-Identifier: MIT
"""Listeners that somebody did something to: they are mended, or noticed.

The filter of a frontend forbids it, so it is done in the executor, which holds
the same open files.
"""
import os
import struct
import time

from client import SLOW, Connection, Server, check, equal, within
from injected import ONE, TCP, blob, inject, kit, listens, serves

VIOLATION = "frontend-violation"


def impatient():
    """A server that looks every second, as a short watchdog would have it."""
    server = Server()
    server.environ["WATCHDOG_USEC"] = "3000000"
    return server


def listener_of(server):
    """The executor's descriptor of what the frontend has as its fourth."""
    want = os.readlink(f"/proc/{server.frontend_pid()}/fd/4")
    pid = server.process.pid
    for fd in os.listdir(f"/proc/{pid}/fd"):
        if os.readlink(f"/proc/{pid}/fd/{fd}") == want:
            return int(fd)
    return None


def mended(call, *words):
    with impatient() as server:
        kit()
        first = server.frontend_pid()
        fd = listener_of(server)
        check(fd is not None, "no listener")
        got = inject(server.process.pid, *call(fd))
        check(all(isinstance(v, int) and v >= 0 for v in got), got)
        r = within("a record", 8, lambda: server.audit(VIOLATION))[0]
        check(all(w in r["event.reason"] for w in words), r)
        within("another frontend", 5,
               lambda: server.frontend_pid() not in (None, first))
        serves(server)
        time.sleep(2.5)
        equal(len(server.audit(VIOLATION)), 1, "once")
        serves(server)


def test_shut_down():
    mended(lambda fd: [("shutdown", fd, 0)], "listener 0", "shut down")


def test_file_flags():
    mended(lambda fd: [("fcntl", fd, 4, 0)], "listener 0", "file flags")


def test_options():
    mended(lambda fd: [("setsockopt", fd, TCP, 9, ONE, 4)],
           "listener 0", "TCP_DEFER_ACCEPT")


def test_connections_inherit():
    """What connections would inherit is put back too."""
    mended(lambda fd: [("setsockopt", fd, 1, 18,
                        blob(struct.pack("<i", 777)), 4)],
           "listener 0", "SO_RCVLOWAT")


def test_nobody_accepts():
    """A frontend that answers the executor and accepts nothing is replaced."""
    with impatient() as server:
        kit()
        first = server.frontend_pid()
        equal(inject(first, ("close", 4)), [0], "its listener is closed")
        with Connection(server) as conn:
            conn.send(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            r = within("a record", 12, lambda: server.audit(VIOLATION))[0]
            check("nobody accepts" in r["event.reason"], r)
            equal(conn.reply().status, 200, "who waited is served")
        check(server.frontend_pid() != first, "the same frontend")
        serves(server)


def test_control():
    """Left alone nothing is mended, and idle or busy nobody is replaced."""
    with impatient() as server:
        first = server.frontend_pid()
        end = time.monotonic() + 6 * SLOW
        while time.monotonic() < end:
            check(server.healthy(), "healthz")
        equal((server.frontend_pid(), server.audit(VIOLATION)), (first, []),
              "replaced")
        check(listens(server), "it listens")
