# SPDX-License-Identifier: MIT
"""Secrets of clients that are gone: in no process's memory any more.

After each kind of request, whatever its outcome, the memory of executor and
frontend is searched for the token, for its proof and for pieces of both.
"""
import contextlib
import hashlib
import os
import pathlib
import re
import secrets
import signal
import socket
import ssl
import time

import client
from client import (JSON_HEADERS, ROOT, SLOW, Connection, Failed, Http, Server,
                    Skip, Sse, bearer, check, equal, initialize, message,
                    request, within)
from test_streams import Events, cut_off, finish, get
from test_tls import Secure, SecureHttp, Tls, context
from test_unix import Both, UnixConnection, UnixHttp

PIECE = 16              # bytes of a secret that are as good as found


def proof_of(token):
    return hashlib.sha256(b"mcp-execd token proof v1\0"
                          + token.encode()).digest()


def pieces(secret):
    last = len(secret) - PIECE
    return [secret[i:i + PIECE] for i in {*range(0, last, PIECE), last}]


def needles(token, *more):
    """{what: bytes to look for}"""
    found = {}
    for name, secret in (("token", token.encode().removeprefix(b"mxt_")),
                         ("proof", proof_of(token)), *more):
        for n, piece in enumerate(pieces(secret)):
            found[f"{name}[{n}]"] = piece
    return found


def memory(pid):
    """What the process can write: pieces of bytes, and where they are."""
    with open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text().split("\n"):
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw\S* \S+ \S+ \S+ *(.*)",
                         line)
            if m:
                start, end = int(m[1], 16), int(m[2], 16)
                with contextlib.suppress(OSError):
                    mem.seek(start)
                    yield mem.read(end - start), m[3], start


def search(server, wanted):
    """Where any of these is: ["frontend [heap] token[1] ..."]."""
    out = []
    for who, pid in (("executor", server.process.pid),
                     ("frontend", server.frontend_pid())):
        for data, where, start in memory(pid):
            for name, needle in wanted.items():
                at = data.find(needle)
                if at >= 0:
                    out.append(f"{who} {where or 'anonymous'} {name} at "
                               f"{start + at:x}")
    return out


def connections(server):
    """That the frontend holds."""
    return sum(1 for target in client.fds(server.frontend_pid()).values()
               if target.startswith("socket:"))


def need_root():
    if not ROOT:
        raise Skip("only root reads other processes' memory")
    if client.instance.build_dir().name != "release":
        raise Skip("a checker's allocator keeps what is freed")


def swallow(conn, seconds=1):
    """Whatever comes until the end, or for so long."""
    conn.sock.settimeout(seconds)
    with contextlib.suppress(Failed, OSError):
        conn.rest()


def send(server, token, head=(), body=initialize(), method="POST",
         path="/mcp", status=None):
    with Connection(server) as c:
        r = c.request(method, path, {**bearer(token), **JSON_HEADERS,
                                     **dict(head)}, body)
        if status:
            equal(r.status, status, f"{method} {path} {r}")


def raw(server, data, seconds=1):
    with Connection(server) as c:
        c.send(data)
        swallow(c, seconds)


def head_of(server, token, *lines):
    return (f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
            f"{token}\r\n" + "".join(f"{x}\r\n" for x in lines)).encode()


def streamable(server, token):
    with Http(server, token) as c:
        equal(c.sh("echo x").text, "x\n", "a run")


def deleted_session(server, token):
    with Http(server, token) as c:
        c.conn.request("DELETE", "/mcp", c.headers())


def old_transport(server, token):
    with Sse(server, token) as c:
        equal(c.sh("echo x").text, "x\n", "a run")


def general_stream(server, token):
    with Http(server, token) as c, Connection(server) as s:
        s.send(request("GET", "/mcp", s.port, {
            **c.headers(), "Accept": "text/event-stream"}))
        equal(s.head()[0], 200, "stream")


def cancelled(server, token):
    with Http(server, token) as c:
        conn = c.begin("sleep 20", id=77)
        time.sleep(0.3)
        c.post(message("notifications/cancelled", {"requestId": 77}))
        swallow(conn)
        conn.close()


def hung_up(server, token):
    with Http(server, token) as c:
        conn = c.begin("sleep 20")
        time.sleep(0.3)
        conn.reset()


def timed_out(server, token):
    with Http(server, token) as c:
        check(c.sh("sleep 20", timeout_ms=300).error, "time over")


def resumed(server, token):
    with Http(server, token) as c:
        last = cut_off(c, "echo one; sleep .5; echo two")
        with get(c, last) as conn:
            _, r = finish(Events(conn))
        equal(r.text, "one\ntwo\n", "resumed")


def stateless(server, token):
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "x",
                                                   "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {}}
    send(server, token, {"MCP-Protocol-Version": "2026-07-28",
                         "Mcp-Method": "tools/list"},
         message("tools/list", {"_meta": meta}, 1), status=200)


def many_errors(server, token):
    with Http(server, token) as c:
        for i in range(30):
            c.post(message("no/such", id=i))
            c.post(message("tools/call", {"name": "none"}, 1000 + i))
        c.post(message("resources/read", {"uri": "exec://none"}, 5))


def too_slow(server, token):
    """The head, then the body, do not arrive in time."""
    for data in (head_of(server, token),
                 head_of(server, token, "Content-Type: application/json",
                         "Content-Length: 50") + b"\r\n{"):
        with Connection(server) as c:
            c.send(data)
            check(c.closed(8), "closed")


OUTCOMES = {
    "200 streamable": streamable,
    "200 stateless": stateless,
    "200 event stream": old_transport,
    "200 general stream": general_stream,
    "200 resumed": resumed,
    "200 session deleted": deleted_session,
    "200 healthz": lambda s, t: send(s, t, method="GET", path="/healthz",
                                     body=None, status=200),
    "202 notification": lambda s, t: send(
        s, t, body=message("notifications/initialized")),
    "400 no JSON": lambda s, t: send(s, t, body=b"{", status=400),
    "400 two lengths": lambda s, t: raw(s, head_of(
        s, t, "Content-Length: 1", "Content-Length: 2") + b"\r\nx"),
    "400 target": lambda s, t: raw(s, head_of(s, t).replace(
        b"/mcp", b"http://x/mcp", 1) + b"\r\n"),
    "400 method": lambda s, t: raw(s, head_of(s, t).replace(
        b"POST", b"P\0ST", 1) + b"\r\n"),
    "401 unknown": lambda s, t: send(s, t, status=401),
    "401 malformed": lambda s, t: send(
        s, t, {"Authorization": f"Basic {t}"}, status=401),
    "401 no space": lambda s, t: send(
        s, t, {"Authorization": f"Bearer{t}"}, status=401),
    "401 in the target": lambda s, t: send(
        s, t, {"Authorization": None}, path=f"/mcp?token={t}", status=401),
    "401 in another header": lambda s, t: send(
        s, t, {"Authorization": None, "X-Api-Key": t}, status=401),
    "401 in a cookie": lambda s, t: send(
        s, t, {"Authorization": None, "Cookie": f"a=1; token={t}"},
        status=401),
    "401 in the body": lambda s, t: send(
        s, t, {"Authorization": None}, message(t, {"token": t}, 1),
        status=401),
    "403 host": lambda s, t: send(s, t, {"Host": "evil.example"}, status=403),
    "403 origin": lambda s, t: send(s, t, {"Origin": "https://evil.example"},
                                    status=403),
    "404 path": lambda s, t: send(s, t, path="/none", status=404),
    "404 session": lambda s, t: send(
        s, t, {"Mcp-Session-Id": "0" * 32}, message("ping", id=1),
        status=404),
    "405 method": lambda s, t: send(s, t, method="PUT", status=405),
    "406 accept": lambda s, t: send(s, t, {"Accept": "text/html"},
                                    status=406),
    "408 slow": too_slow,
    "411 chunked": lambda s, t: raw(s, head_of(
        s, t, "Content-Type: application/json",
        "Transfer-Encoding: chunked") + b"\r\n5\r\nhello\r\nx"),
    "413 length": lambda s, t: send(s, t, {"Content-Length": 100 << 20},
                                    status=413),
    "413 chunks": lambda s, t: raw(s, head_of(
        s, t, "Content-Type: application/json",
        "Transfer-Encoding: chunked") + b"\r\n" + b"10000\r\n%b\r\n"
        % (t.encode() * 2000)[:65536] * 40),
    "415 type": lambda s, t: send(s, t, {"Content-Type": "text/plain"},
                                  status=415),
    "417 expect": lambda s, t: send(s, t, {"Expect": "100-continue"}),
    "431 head": lambda s, t: send(s, t, {"X-Long": "y" * 40000}),
    "431 many": lambda s, t: send(s, t, {f"X-{i}": t for i in range(100)}),
    "414 target": lambda s, t: send(s, t, path="/mcp?" + "x" * 2000,
                                    status=414),
    "505 version": lambda s, t: raw(s, head_of(s, t).replace(
        b"1.1", b"2.0", 1) + b"\r\n"),
    "unfinished head": lambda s, t: raw(s, head_of(s, t), 0.3),
    "unfinished name": lambda s, t: raw(
        s, head_of(s, t) + b"X" * 3000, 0.3),
    "bare LF": lambda s, t: raw(s, head_of(s, t).replace(
        b"\r\n", b"\n") + b"\n"),
    "cancelled": cancelled,
    "hung up": hung_up,
    "timed out": timed_out,
    "errors": many_errors,
}


def examine(server, name, outcome, token, more=()):
    before = connections(server)
    outcome(server, token)
    within(f"{name}: connections are gone", 10,
           lambda: connections(server) <= before)
    wanted, end = needles(token, *more), time.monotonic() + 2 * SLOW
    while (found := search(server, wanted)) and time.monotonic() < end:
        time.sleep(0.05)        # what ends a connection wipes it after that
    return [f"{name}: {where}" for where in found]


def fresh(server, name):
    """A token of its own; nobody's where it is to be unknown."""
    if name == "401 unknown":
        return "mxt_" + secrets.token_urlsafe(32)
    return server.add("t" + secrets.token_hex(6))


LIMITS = {"limits": {"header_timeout_ms": 1500, "body_timeout_ms": 1500},
          "penalties": {"failure_ms": 0, "missing_ms": 0}}


def test_after_each_outcome():
    need_root()
    with Server(LIMITS) as server:
        wrong = []
        for name, outcome in OUTCOMES.items():
            wrong += examine(server, name, outcome, fresh(server, name))
        check(not wrong, f"{len(wrong)}:", "; ".join(wrong[:12]))
        check(found_while_open(server), "control: nothing is ever found")


def found_while_open(server):
    """A head that is not complete: its token is in the frontend's memory."""
    token = server.add("control")
    with Connection(server) as c:
        c.send(head_of(server, token))
        return within("control: nothing is ever found", 5,
                      lambda: search(server, needles(token)))


def test_after_a_penalty():
    """A source that is refused: what it sends is not kept either."""
    need_root()
    config = {"trusted_proxies": ["127.0.0.1"],
              "penalties": {"failure_ms": 60000, "threshold_ms": 60000,
                            "delay_ms": 0}}
    with Server(config) as server:
        source = {"X-Forwarded-For": "203.0.113.9"}
        token = fresh(server, "401 unknown")
        send(server, token, source, status=401)
        wrong = examine(server, "429", lambda s, t: send(
            s, t, source, status=429), fresh(server, "401 unknown"))
        wrong += search(server, needles(token))
        check(not wrong, *wrong)


def stopped(server, token):
    """The executor stands still: frames with proofs are queued."""
    conns = []
    with Http(server, token) as c:
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            for i in range(40):
                conns.append(c.begin("true", id=i, stdin="y" * 100000))
            within("control: a proof in the queue", 5, lambda: any(
                "proof" in f for f in search(server, needles(token))))
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        for conn in conns:
            conn.reply()
            conn.close()


def test_after_a_full_queue():
    need_root()
    with Server() as server:
        wrong = examine(server, "queued", stopped, server.add("queued"))
        check(not wrong, *wrong)


def test_unix():
    need_root()
    def run(server, token):
        with UnixHttp(server, token=token) as c:
            equal(c.sh("echo x").text, "x\n", "a run")

    def half(server, token):
        with UnixConnection(server) as c:
            c.send(head_of(server, token))
            swallow(c, 0.3)

    with Both() as server:
        wrong = examine(server, "unix", run, server.add("one"))
        wrong += examine(server, "unix, half", half, server.add("two"))
        check(not wrong, *wrong)


def key_log(path):
    """Every secret that a key log (SSLKEYLOGFILE) names, by its label."""
    out = []
    for line in path.read_text().splitlines():
        if not line.startswith("#"):
            label, _, secret = line.split()
            out.append((label, bytes.fromhex(secret)))
    check(out, "no keys were logged")
    return out


class Logged(Secure):
    """A connection whose keys are known to the test."""

    def __init__(self, server, version=None):
        super().__init__(server)
        self.close()
        c = context()
        c.keylog_filename = str(server.dir / "keys")
        if version is not None:
            c.maximum_version = version
        self.sock = c.wrap_socket(socket.create_connection(
            server.tls_at, 20), server_hostname="localhost")


def test_tls():
    """Neither token nor proof nor a key of the connection."""
    need_root()
    def call(version):
        def outcome(server, token):
            with Logged(server, version) as c:
                r = c.request("POST", "/mcp", {
                    **bearer(token), **JSON_HEADERS}, initialize())
                equal(r.status, 200, r)
        return outcome

    def half(server, token):
        with Logged(server) as c:
            c.send(head_of(server, token))
            swallow(c, 0.3)

    def wrong_port(server, token):
        with Connection(server) as c:
            c.sock.close()
            c.sock = socket.create_connection(server.tls_at, 20)
            c.send(head_of(server, token) + b"\r\n")
            swallow(c)

    with Tls() as server:
        wrong = []
        for name, outcome in (
                ("TLS 1.3", call(ssl.TLSVersion.TLSv1_3)),
                ("TLS 1.2", call(ssl.TLSVersion.TLSv1_2)),
                ("half a head", half), ("wrong port", wrong_port)):
            wrong += examine(server, name, outcome, server.add(
                "t" + secrets.token_hex(6)))
            keys = {f"{name} {label}[{n}]": piece
                    for label, secret in key_log(server.dir / "keys")
                    for n, piece in enumerate(pieces(secret))}
            wrong += search(server, keys)
        check(not wrong, f"{len(wrong)}:", "; ".join(wrong[:12]))
        with Logged(server) as c:
            c.send(head_of(server, server.token))
            within("control: token", 5,
                   lambda: search(server, needles(server.token)))
            keys = {label: secret for label, secret in
                    key_log(server.dir / "keys")[-5:]}
            check(search(server, keys), "control: no key is ever found")
