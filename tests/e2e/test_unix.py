# SPDX-License-Identifier: MIT
"""The UNIX socket: who may connect, who that is, and what was left behind."""
import contextlib
import errno
import os
import socket
import stat
import subprocess

import client
import instance
from client import (JSON_HEADERS, ROOT, SLOW, Connection, Gone, Http, Server, Skip,
                    bearer, check, equal, initialize, within)

ME = f"unix:{os.geteuid()}"


class Both(Server):
    """A port, and a UNIX socket in a directory of its own."""

    def fill_listen(self, config):
        super().fill_listen(config)
        self.path = self.dir / "sockets" / "http.sock"
        self.path.parent.mkdir(0o755, exist_ok=True)
        config["listen"].append(f"unix:{self.path}")


class UnixConnection(Connection):
    def __init__(self, server, host="localhost"):
        self.port, self.pending = server.address[1], b""
        self.name = host
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20 * SLOW)
        self.sock.connect(str(server.path))

    def request(self, method, path, headers=(), body=None):
        return super().request(method, path,
                               {"Host": self.name, **dict(headers)}, body)


class UnixHttp(Http):
    def __init__(self, server, **more):
        self.via = server
        super().__init__(server, **more)

    def post(self, body, headers=(), conn=None):
        if not isinstance(self.conn, UnixConnection):
            self.conn.close()
            self.conn = UnixConnection(self.via)
        return super().post(body, {"Host": "localhost", **dict(headers)},
                            conn)


def status(server, token, host="localhost"):
    with UnixConnection(server, host) as c:
        return c.request("POST", "/mcp", {**bearer(token), **JSON_HEADERS},
                         initialize()).status


def as_user(server, uid, groups=()):
    """Status of a request as somebody else; None: may not connect."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20 * SLOW)
        if connect_as(s, str(server.path), uid, groups) == errno.EACCES:
            return None
        s.sendall(b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return int(s.recv(12).split()[1])


def connect_as(s, path, uid, groups):
    """The errno of connecting; the process that connects is the peer."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups(list(groups))
            os.setgid(uid)
            os.setuid(uid)
            os._exit(s.connect_ex(path))
        finally:
            os._exit(255)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_calls():
    with Both() as server:
        with UnixHttp(server) as c:
            equal(c.sh("echo hello").text.strip(), "hello", "output")
        record = server.audit(client.INTENT)[-1]
        equal(record["source.ip"], ME, "source")
        with server.http() as c:
            equal(c.sh("echo too").text.strip(), "too", "the port as well")
        equal(server.audit(client.INTENT)[-1]["source.ip"], "127.0.0.1",
              "its source")
        path = server.path
        equal(stat.S_IMODE(path.stat().st_mode), 0o660, "mode")
        server.stop()
        check(not path.exists(), "the socket stays behind")
        server.process = None


def test_host_and_token():
    with Both(config={"public_url": "https://pub.example/x"}) as server:
        equal(status(server, server.token), 200, "control")
        equal(status(server, server.token, "pub.example"), 200, "public_url")
        equal(status(server, server.token, "evil.example"), 403, "Host")
        equal(status(server, "mxt_" + "A" * 43), 401, "token")


def test_sources():
    with Both() as server:
        mine = server.add("mine", "--from", ME)
        other = server.add("other", "--from", f"unix:{os.geteuid() + 1}")
        anyone = server.add("anyone", "--from", "unix")
        loop = server.add("loop", "--from", "127.0.0.0/8")
        within("in force, the last one too", 5,
               lambda: server.get("/mcp", loop).status != 401)
        equal(status(server, mine), 200, "this user of the socket")
        equal(status(server, anyone), 200, "any user of the socket")
        equal(status(server, other), 401, "another user's")
        equal(status(server, loop), 401, "loopback is not the socket")
        equal(server.get("/mcp", anyone).status, 401, "nor the other way")


def test_mode_and_group():
    if not ROOT:
        raise Skip("other users are needed: for root only")
    uid, gid = 64200, 64201
    with Both(config={"unix_socket": {"mode": "0660", "group": gid}}) as s:
        equal(s.path.stat().st_gid, gid, "group")
        equal(as_user(s, uid), None, "neither owner nor group")
        equal(as_user(s, uid, [gid]), 401, "of the group")
        reason = within("a record", 5, lambda: s.audit(client.AUTH_FAILURE))
        equal(reason[-1]["source.ip"], f"unix:{uid}", "who it was")
    with Both(config={"unix_socket": {"mode": "0666"}}) as s:
        equal(as_user(s, uid), 401, "everybody")


def test_group_without_capability():
    """As the unit has it: root, but without CAP_CHOWN."""
    if not ROOT:
        raise Skip("root is needed, to be without a capability")
    gid = 64201
    server = Both(config={"unix_socket": {"group": gid}})
    server.wrapper = ["setpriv", "--bounding-set=-chown", *server.wrapper]
    with server:
        caps = client.status_of(server.process.pid)["CapEff"]
        equal(int(caps, 16) & 1, 0, "control: CAP_CHOWN")
        equal(server.path.stat().st_gid, gid, "group")
        equal(as_user(server, 64200, [gid]), 401, "of the group")


def refuses(server, words):
    try:
        server.start_once()
    except instance.Failure as e:
        check(words in str(e), e)
    else:
        check(False, "it started")


def test_stale():
    """What a killed process leaves is replaced, what lives is not."""
    with Both() as server:
        server.process.kill()
        server.process.wait()
        server.process = None
        check(server.path.is_socket(), "control: it is left behind")
        within("the frontend is gone", 10, lambda: not answers(server.path))
        server.start_once()
        equal(status(server, server.token), 200, "started again")
        inode = server.path.stat().st_ino
        second = Both()
        second.config["listen"] = ["unix:" + str(server.path)]
        second.write()
        try:
            refuses(second, "another program uses this socket")
        finally:
            second.remove()
        equal(server.path.stat().st_ino, inode, "untouched")
        equal(status(server, server.token), 200, "still there")


def answers(path):
    with socket.socket(socket.AF_UNIX) as s, contextlib.suppress(OSError):
        s.connect(str(path))
        return True
    return False


def test_no_socket_there():
    server = Both()
    try:
        server.path.write_text("precious")
        refuses(server, "not a socket")
        equal(server.path.read_text(), "precious", "untouched")
        server.path.unlink()
        server.path.symlink_to(server.dir / "elsewhere")
        refuses(server, "not a socket")
        server.path.unlink()
        server.path.parent.chmod(0o777)
        refuses(server, "others can write")
        server.path.parent.chmod(0o755)
        # where the directory itself could be replaced
        above = server.dir / "above"
        (above / "ours").mkdir(parents=True, mode=0o755)
        server.path = above / "ours" / "http.sock"
        server.config["listen"][1] = f"unix:{server.path}"
        server.write()
        above.chmod(0o777)
        refuses(server, f"others can write in {above}:")
        above.chmod(0o1777 if ROOT else 0o755)      # sticky: only its own
        server.start_once()
        equal(status(server, server.token), 200, "control")
        server.stop()
    finally:
        server.remove()


def test_connections_per_user():
    """A user who holds all that is permitted does not keep others out."""
    with Both(config={"limits": {"connections_per_address": 3}}) as server:
        held = [UnixConnection(server) for _ in range(3)]
        for c in held:
            equal(c.request("GET", "/healthz").status, 200, "held")
        with UnixConnection(server) as c:
            equal(c.request("GET", "/healthz").status, 200, "a fourth")
            check(held.pop(0).closed(5), "the first of this user is closed")
        if ROOT:
            server.path.chmod(0o666)
            equal(as_user(server, 64200), 401, "another user")
        with server.http() as c:
            equal(c.sh("echo in").text.strip(), "in", "the port")
        held.pop().close()
        within("room again", 5, lambda: has_room(server))
        for c in held:
            c.close()


def has_room(server):
    with contextlib.suppress(Gone, OSError):
        return status(server, server.token) == 200


def test_doctor():
    with Both() as server:
        name = f"socket unix:{server.path}"
        check("in use, and an mcp-execd is running" in line(server, name),
              line(server, name))
    server = Both()
    try:
        check("free" in line(server, name_of(server)), "not running")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(server.path))
            s.listen(1)
            check("no mcp-execd" in line(server, name_of(server)), "other")
    finally:
        server.remove()


def name_of(server):
    return f"socket unix:{server.path}"


def line(server, name):
    """What doctor says of this; its status is that of the machine."""
    run = subprocess.run(
        [server.build / "mcp-execctl", "-c", server.config_file, "doctor",
         "--json"], capture_output=True, text=True, timeout=60 * SLOW)
    found = [c for c in client.strict_json(run.stdout)["checks"]
             if c["check"] == name]
    equal(len(found), 1, f"{name} in {run.stdout[-300:]}")
    return str(found[0])


def test_addresses_that_cannot_be():
    """Each refusal says what to do."""
    server = Both()
    try:
        for listen, words in (
                (f"unix:{server.dir}/control.sock", "control socket"),
                (f"unix:{server.dir}/nope/s", "make it, or let systemd"),
                ("unix:" + "/x" * 60, "at most 107 bytes"),
                ("192.0.2.1:8001", "no interface of this machine")):
            server.config["listen"] = [listen]
            server.config["insecure_plaintext"] = True
            server.write()
            refuses(server, words)
        server.config["listen"] = ["127.0.0.1:1"]
        server.write()
        if ROOT:
            server.wrapper = ["setpriv", "--bounding-set=-net_bind_service"]
        limit = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
        with open(limit, encoding="ascii") as f:
            if int(f.read()) > 1:
                refuses(server, "CAP_NET_BIND_SERVICE")
    finally:
        server.remove()
