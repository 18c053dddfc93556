# SPDX-License-Identifier: MIT
"""TLS: what is spoken, with which certificate, and its renewal under load."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import client
import instance
from client import (JSON_HEADERS, ROOT, SLOW, Connection, Gone, Http, Server,
                    Skip, bearer, check, equal, initialize, message, request,
                    within)

KEYS = {"ec": ("ecdsa", "--curve=secp256r1"), "rsa": ("rsa", "--bits=2048"),
        "ed25519": ("ed25519",), "weak": ("rsa", "--bits=1024")}


def certtool(*args, **more):
    run = subprocess.run(["certtool", *args], capture_output=True, text=True,
                         timeout=60 * SLOW, **more)
    check(run.returncode == 0, run.stderr)
    return run.stdout


def make_key(path, kind="ec"):
    with open(path, "w") as f:
        kind, *more = KEYS[kind]
        f.write(certtool("--generate-privkey", "--no-text",
                         f"--key-type={kind}", *more))
    path.chmod(0o600)


def stamp(days):
    return time.strftime("%Y-%m-%d %H:%M:%S UTC",
                         time.gmtime(time.time() + days * 86400))


def make_certificate(path, key, name="first", days=90, since=-1):
    template = path.with_suffix(".template")
    template.write_text(
        f'cn = "{name}"\ndns_name = "localhost"\nip_address = "127.0.0.1"\n'
        f'activation_date = "{stamp(since)}"\n'
        f'expiration_date = "{stamp(days)}"\ntls_www_server\n')
    path.write_text(certtool(
        "--generate-self-signed", "--no-text", f"--template={template}",
        f"--load-privkey={key}"))


class Tls(Server):
    """A port in plaintext, and one with TLS."""

    def __init__(self, kind="ec", days=90, since=-1, **more):
        self.made = kind, days, since
        super().__init__(**more)

    def fill_listen(self, config):
        super().fill_listen(config)
        self.tls_at = "127.0.0.1", instance.free_port()
        config["listen"].append(f"tls:127.0.0.1:{self.tls_at[1]}")
        folder = self.dir / "tls"
        folder.mkdir(exist_ok=True)
        self.key, self.cert = folder / "key.pem", folder / "cert.pem"
        if not self.key.exists():
            kind, days, since = self.made
            make_key(self.key, kind)
            make_certificate(self.cert, self.key, days=days, since=since)
        config.setdefault("tls", {"certificate": str(self.cert),
                                  "key": str(self.key)})

    def renew(self, name, kind="ec", **more):
        """Replace this pair, as an ACME client does."""
        make_key(self.key.with_suffix(".new"), kind)
        make_certificate(self.cert.with_suffix(".new"),
                         self.key.with_suffix(".new"), name, **more)
        self.key.with_suffix(".new").rename(self.key)
        self.cert.with_suffix(".new").rename(self.cert)

    def subject(self):
        """Common name of the certificate that a new connection gets."""
        with socket.create_connection(self.tls_at, 20 * SLOW) as raw, \
                context().wrap_socket(raw) as s:
            der = s.getpeercert(binary_form=True)
        text = subprocess.run(
            ["openssl", "x509", "-inform", "DER", "-noout", "-subject"],
            input=der, capture_output=True, check=True).stdout.decode()
        return re.search(r"CN ?= ?(\w+)", text)[1]


def context(ca=None):
    c = instance.any_certificate()
    if ca is not None:
        c.load_verify_locations(ca)
        c.verify_mode, c.check_hostname = ssl.CERT_REQUIRED, True
    return c


class Secure(Connection):
    def __init__(self, server, ca=None, source=None):
        self.pending = b""
        self.host, self.port = server.tls_at
        raw = socket.create_connection(server.tls_at, 20 * SLOW)
        self.sock = context(ca).wrap_socket(raw, server_hostname="localhost")


class SecureHttp(Http):
    def __init__(self, server, ca=None):
        self.ca, self.plain = ca, None
        super().__init__(server)

    def post(self, body, headers=(), conn=None):
        if not isinstance(self.conn, Secure):
            self.conn.close()
            self.conn = Secure(self.server, self.ca)
        return super().post(body, headers, conn)


def s_client(server, *args):
    """What openssl says of a connection; its status."""
    run = subprocess.run(
        ["openssl", "s_client", "-connect", "%s:%d" % server.tls_at, *args],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=30 * SLOW)
    return run.returncode, run.stdout + run.stderr


def gnutls_cli(server, *args):
    run = subprocess.run(
        ["gnutls-cli", "--port", str(server.tls_at[1]), *args, "127.0.0.1"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=30 * SLOW)
    return run.returncode, run.stdout + run.stderr


def test_calls():
    """Verified against the certificate, by every kind of key."""
    for kind in "ec", "rsa", "ed25519":
        with Tls(kind) as server:
            with SecureHttp(server, server.cert) as c:
                equal(c.sh("echo hello").text.strip(), "hello", kind)
                big = c.sh("head -c 300000 /dev/zero | tr '\\0' x",
                           timeout_ms=20000)
                equal(big.data["bytes"]["stdout"], 300000, "much output")
            with server.http() as c:
                equal(c.sh("echo too").text.strip(), "too", "plaintext port")


def test_stream_and_large_body():
    with Tls() as server, Secure(server) as c:
        c.send(request("GET", "/sse", c.port, {
            **bearer(server.token), "Accept": "text/event-stream"}))
        equal(c.head()[0], 200, "stream")
        check(b"endpoint" in c.chunk(), "first event")
        with Secure(server) as other:
            body = message("ping", {"x": "y" * 900000}, 1)
            r = other.request("POST", "/mcp",
                              {**bearer(server.token), **JSON_HEADERS}, body)
            check(r.status in (200, 400), r)
            equal(other.request("GET", "/healthz").status, 200, "keep-alive")


def test_versions():
    with Tls() as server:
        for version, good in (("-tls1_3", True), ("-tls1_2", True),
                              ("-tls1_1", False), ("-tls1", False)):
            status, text = s_client(server, version, "-cipher",
                                    "ALL:@SECLEVEL=0")
            equal(status == 0, good, f"{version}: {text[-300:]}")
        for priority, good in (("NORMAL:-VERS-ALL:+VERS-TLS1.3", True),
                               ("NORMAL:-VERS-ALL:+VERS-TLS1.2", True),
                               ("LEGACY:-VERS-ALL:+VERS-TLS1.1", False),
                               ("LEGACY:-VERS-ALL:+VERS-TLS1.0", False)):
            status, text = gnutls_cli(server, "--insecure",
                                      f"--priority={priority}")
            equal(status == 0, good, f"{priority}: {text[-300:]}")


def test_ciphers():
    """Forward secrecy and authenticated encryption, nothing else."""
    for kind, auth in ("ec", "ECDSA"), ("rsa", "RSA"):
        with Tls(kind) as server:
            for cipher in "AES128-GCM-SHA256", "AES256-GCM-SHA384", \
                    "CHACHA20-POLY1305":
                name = f"ECDHE-{auth}-{cipher}"
                status, text = s_client(server, "-tls1_2", "-cipher", name)
                equal(status, 0, f"{name}: {text[-300:]}")
                check(f"Cipher is {name}" in text, text[-300:])
            for cipher in (f"ECDHE-{auth}-AES128-SHA256",
                           f"ECDHE-{auth}-AES256-SHA", "AES128-GCM-SHA256",
                           "DHE-RSA-AES128-GCM-SHA256", "NULL", "aNULL"):
                status, text = s_client(server, "-tls1_2", "-cipher",
                                        cipher + ":@SECLEVEL=0")
                check(status != 0, cipher, text[-300:])
            for suite in "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384":
                status, text = s_client(server, "-tls1_3", "-ciphersuites",
                                        suite)
                check(status == 0 and suite in text, suite, text[-300:])
            status, text = s_client(server, "-tls1_2", "-sigalgs",
                                    f"{auth}+SHA1", "-cipher",
                                    "ALL:@SECLEVEL=0")
            check(status != 0, "signature with SHA-1", text[-300:])
            status, text = s_client(server, "-alpn", "h2,http/1.1")
            check("ALPN protocol: http/1.1" in text, text[-500:])


def test_expired():
    """Served anyway, and said: clients say why they refuse it."""
    with Tls(days=-0.5, since=-9) as server:
        check("certificate expired at" in server.log(), server.log())
        status, text = gnutls_cli(
            server, f"--x509cafile={server.cert}")
        check(status != 0 and "expired" in text.lower(), text[-500:])
        status, text = s_client(server, "-CAfile", str(server.cert),
                                "-verify_return_error")
        check(status != 0 and "certificate has expired" in text, text[-500:])
        # renewed: the same clients are content
        server.renew("fresh")
        server.reload_ends("success", "reload")
        within("the new one", 5, lambda: server.subject() == "fresh")
        status, text = s_client(server, "-CAfile", str(server.cert),
                                "-verify_return_error")
        equal(status, 0, text[-300:])
    with Tls(days=5.5) as server:
        check("is valid for 5 days" in server.log(), server.log())
    with Tls(days=90, since=3) as server:
        check("is not valid before" in server.log(), server.log())
    with Tls() as server:
        check("certificate" not in server.log(), server.log())


def again(server, c, session=None):
    """A request by this context; was the session resumed, and what next."""
    with Secure(server) as conn:
        conn.close()
        conn.sock = c.wrap_socket(socket.create_connection(
            server.tls_at, 20 * SLOW), session=session)
        equal(conn.request("GET", "/healthz").status, 200, "status")
        return conn.sock.session_reused, conn.sock.session


def test_resumption():
    """By ticket, without early data; not over another certificate."""
    with Tls() as server:
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            c = context()
            c.maximum_version = version
            reused, session = again(server, c)
            check(not reused, "the first")
            for _ in range(3):
                reused, session = again(server, c, session)
                check(reused, version, "is not resumed")
        server.renew("second")
        server.reload()
        check(not again(server, c, session)[0], "over another certificate")
        _, text = s_client(server, "-tls1_3")
        check("Max Early Data: 0" in text or "Early data was not sent" in text
              and "Max Early Data" not in text, text)


def test_alerts():
    """A client that cannot be served is told why, not hung up on."""
    with Tls() as server:
        for args, alert in (
                (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "protocol version"),
                (["-tls1_2", "-cipher", "AES128-SHA"], "handshake failure"),
                (["-tls1_2", "-cipher", "AES256-GCM-SHA384"],
                 "handshake failure")):
            status, text = s_client(server, *args)
            check(status != 0 and alert in text, args, text)
        check(s_client(server)[0] == 0, "a good one")


def first_bytes_ms(server, version):
    """From the handshake's end to the answer, of a client with Nagle on."""
    c = context()
    c.maximum_version = version
    with socket.create_connection(server.tls_at, 20 * SLOW) as raw, \
            c.wrap_socket(raw) as s:
        begin = time.monotonic()
        s.sendall(request("GET", "/healthz", server.tls_at[1]))
        check(s.recv(65536).startswith(b"HTTP/1.1 200"), "answer")
        return (time.monotonic() - begin) * 1000


def test_no_delayed_acknowledgement():
    """The first answer of a connection does not wait for 40 ms."""
    with Tls() as server:
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            took = sorted(first_bytes_ms(server, version) for _ in range(11))
            # each would wait: a busy machine delays some of them
            check(took[2] < 25 * SLOW, version, took)


def test_plaintext_on_the_secure_port():
    with Tls() as server:
        with socket.create_connection(server.tls_at, 20) as s:
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            data = b""
            with contextlib.suppress(OSError):
                while piece := s.recv(4096):
                    data += piece
            check(data.startswith(b"HTTP/1.1 400 "), data)
            check(b"use https://" in data and b'"ok"' not in data, data)
            length = re.search(rb"Content-Length: (\d+)\r\n", data)[1]
            equal(len(data.partition(b"\r\n\r\n")[2]), int(length), data)
        within("a line", 5, lambda: "without TLS on a listener with it"
               in server.log())
        run = subprocess.run(
            ["curl", "-sS", "-d", "x" * 30000, "http://%s:%d/mcp"
             % server.tls_at], capture_output=True, text=True,
            timeout=60 * SLOW)
        check("use https://" in run.stdout, run.stdout, run.stderr)
        for garbage in os.urandom(4000), b"\x16GET / HTTP/1.1\r\n\r\n"[:9]:
            with socket.create_connection(server.tls_at, 20) as s:
                s.sendall(garbage)
                with contextlib.suppress(OSError):      # it has hung up
                    s.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ConnectionError):
                    check(b"HTTP" not in s.recv(4096), "garbage")
        with SecureHttp(server, server.cert) as c:
            equal(c.sh("echo on").text.strip(), "on", "goes on")


def test_slow_and_silent():
    """A client that does not finish the handshake is closed, and keeps nobody out."""
    with Tls(config={"limits": {"header_timeout_ms": 700,
                                "body_timeout_ms": 700}}) as server:
        silent = [socket.create_connection(server.tls_at, 20)
                  for _ in range(20)]
        half = socket.create_connection(server.tls_at, 20)
        half.sendall(b"\x16\x03\x01\x02\x00\x01")
        with SecureHttp(server, server.cert) as c:
            equal(c.sh("echo in").text.strip(), "in", "others")
        begin = time.monotonic()
        for s in silent + [half]:
            s.settimeout(10 * SLOW)
            data = b""
            with contextlib.suppress(ConnectionError):
                while piece := s.recv(4096):
                    data += piece
            check(b"HTTP" not in data, "plaintext in a TLS port", data)
            s.close()
        check(time.monotonic() - begin < 10 * SLOW, "in time")
        # a body that does not come: told within the session
        with Secure(server) as c:
            c.send(request("POST", "/mcp", c.port, {
                **bearer(server.token), **JSON_HEADERS,
                "Content-Length": 100}, b""))
            equal(c.reply().status, 408, "slow body")
        with Secure(server) as c:
            c.send(request("POST", "/mcp", c.port, {
                **bearer(server.token), **JSON_HEADERS,
                "Content-Length": None, "Transfer-Encoding": "chunked"}))
            piece = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
            with contextlib.suppress(OSError):
                for _ in range(64):
                    c.send(piece)
            with contextlib.suppress(Gone, OSError):
                equal(c.reply().status, 413, "too large")


def test_half_open():
    """A handshake that does not end has its place, and its time, as others;
    it gives way to those who come later."""
    with Tls(config={"limits": {"header_timeout_ms": 1500,
                                "connections_per_address": 3}}) as server:
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        held = [socket.create_connection(server.tls_at, 20) for _ in range(3)]
        begin = time.monotonic()
        with Secure(server) as c:
            equal(c.request("GET", "/healthz").status, 200, "a fourth")
        equal(held.pop(0).recv(1), b"", "the oldest gave way")
        left = list(held)
        for i in range(200 * SLOW):     # a byte at a time does not help
            time.sleep(0.05)
            for s in list(left):
                try:
                    s.sendall(hello[i:i + 1] or b"x")
                except OSError:
                    left.remove(s)
            if not left:
                break
        took = time.monotonic() - begin
        check(1 < took < 6 * SLOW, "their time is over", took)
        for s in held:
            s.close()


def records(message):
    return b"".join(
        b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece
        for piece in (message[i:i + 16000]
                      for i in range(0, len(message), 16000)))


def padded_hello(padding):
    """What a client says first, with that much of an unknown extension more."""
    to, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context().wrap_bio(to, out, server_hostname="localhost").do_handshake()
    body = out.read()[9:]
    at = 34                                     # version and random
    at += 1 + body[at]                          # a session
    at += 2 + int.from_bytes(body[at:at + 2], "big")    # ciphers
    at += 1 + body[at]                          # compression
    more = body[at + 2:] + b"\xfa\xfa" + padding.to_bytes(2, "big") + bytes(padding)
    body = body[:at] + len(more).to_bytes(2, "big") + more
    return records(b"\x01" + len(body).to_bytes(3, "big") + body)


def endless(server):
    """A first message that says that it has 16 MiB: bytes taken.  Of a later one
    GnuTLS itself refuses kind or length."""
    piece = records(bytes(16000))
    sent = 0
    with socket.create_connection(server.tls_at, 20 * SLOW) as s:
        try:
            s.sendall(records(b"\x01\xff\xff\xff"))
            while sent < 16 << 20:
                s.sendall(piece)
                sent += len(piece)
        except ConnectionError:
            pass
    return sent


def test_endless_handshake():
    """A library keeps what is not whole yet; so nobody may send it that much."""
    with Tls() as server:
        for padding in 0, 40000:
            with socket.create_connection(server.tls_at, 20 * SLOW) as s:
                s.sendall(padded_hello(padding))
                equal(s.recv(1), b"\x16", f"control: {padding} more")
        most = client.status_of(server.frontend_pid())["VmHWM"]
        sent = endless(server)
        check(sent < 8 << 20, "it goes on", sent)   # what sockets hold
        now = client.status_of(server.frontend_pid())["VmHWM"]
        check(int(now.split()[0]) < int(most.split()[0]) + 1024,
              "kept", most, now)
        with SecureHttp(server, server.cert) as c:
            equal(c.sh("echo on").text.strip(), "on", "goes on")


def ticks(pid):
    """Processor time, in hundredths of a second."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    return sum(int(n) for n in fields.split()[11:13])


def test_waiting_costs_nothing():
    """libmicrohttpd polls without end while a handshake waits."""
    with Tls() as server:
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        with contextlib.ExitStack() as stack:
            for n in range(12):
                s = stack.enter_context(
                    socket.create_connection(server.tls_at, 20))
                s.sendall(hello[:n])
            with SecureHttp(server, server.cert) as c:
                equal(c.sh("echo in").text.strip(), "in", "control: others")
                before = ticks(server.frontend_pid())
                time.sleep(2)
                spent = ticks(server.frontend_pid()) - before
                check(spent < 20 * SLOW, "it is busy", spent)
                big = c.sh("head -c 3000000 /dev/zero | tr '\\0' x",
                           timeout_ms=20000)
                equal(big.data["bytes"]["stdout"], 3000000, "much output")


class Load(threading.Thread):
    """Requests one after another, half of them on connections that stay."""

    def __init__(self, server, stay):
        super().__init__(daemon=True)
        self.server, self.stay = server, stay
        self.done, self.wrong, self.end = 0, [], False
        self.names = set()

    def one(self, c):
        r = c.request("POST", "/mcp", {
            **bearer(self.server.token), **JSON_HEADERS}, initialize())
        if r.status != 200:
            self.wrong.append(repr(r))
        self.done += 1

    def run(self):
        kept = Secure(self.server) if self.stay else None
        while not self.end:
            try:
                if kept is not None:
                    self.one(kept)
                else:
                    with Secure(self.server) as c:
                        self.one(c)
            except (OSError, client.Failed) as e:
                self.wrong.append(repr(e))
                return


def test_reload_under_load():
    """Not one request fails, while the certificate changes six times."""
    with Tls() as server:
        with Secure(server) as old:
            before = old.sock.getpeercert(True)
            equal(old.request("GET", "/healthz").status, 200, "control")
            loads = [Load(server, i % 2 == 0) for i in range(4)]
            for t in loads:
                t.start()
            for i in range(6):
                server.renew(f"n{i}", ("ec", "rsa")[i % 2])
                server.reload_ends("success", "reload")
                within("the new one", 5, lambda: server.subject() == f"n{i}")
            for t in loads:
                t.end = True
            for t in loads:
                t.join(20 * SLOW)
            for t in loads:
                equal(t.wrong, [], "failed requests")
                check(t.done > 10, "control: under load", t.done)
            equal(old.request("GET", "/healthz").status, 200, "the old one")
            equal(old.sock.getpeercert(True), before, "its certificate")
        print(f"# {sum(t.done for t in loads)} requests, 6 reloads")


def test_bad_reload():
    """What does not fit together stays out; the old pair goes on."""
    with Tls() as server:
        good = server.key.read_text(), server.cert.read_text()

        def refused(words):
            r = server.reload()
            equal(r["event.outcome"], "failure", words)
            check(words in r["event.reason"], words, r)
            equal(server.subject(), "first", "the old one")

        make_key(server.key)
        refused("not that of the certificate")
        server.key.write_text("")
        refused("PEM")
        server.key.write_text(good[0])
        server.cert.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n"
                               "-----END CERTIFICATE-----\n")
        refused("certificate")
        server.cert.write_text("x" * 70000)
        refused("too large")
        server.cert.unlink()
        refused("cert.pem")
        server.cert.write_text(good[1])
        server.key.chmod(0o644)
        refused("this key is readable by everybody")
        server.key.chmod(0o620)
        refused("can be written by others")
        server.key.chmod(0o600)
        make_key(server.key, "weak")
        refused("too weak")
        server.key.write_text(certtool(
            "--generate-privkey", "--key-type=rsa", "--bits=2048", "--no-text",
            "--pkcs8", "--password=secret", "--pkcs-cipher=aes-256"))
        refused("passphrase")
        server.key.write_text(good[0])
        server.reload_ends("success", "control")
        equal(server.subject(), "first", "control")


def openssl(*args, **more):
    run = subprocess.run(["openssl", *args], capture_output=True, text=True,
                         timeout=60 * SLOW, **more)
    check(run.returncode == 0, run.stderr)
    return run.stdout


def issue(folder, name, issuer, *extensions):
    """A pair NAME.crt and NAME.key; issued by itself if that is NAME."""
    (folder / "ext").write_text("\n".join(extensions) + "\n")
    key, asked = folder / f"{name}.key", folder / f"{name}.csr"
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", asked,
            "-subj", f"/CN={name}")
    by = (["-signkey", key] if issuer == name else
          ["-CA", folder / f"{issuer}.crt", "-CAkey",
           folder / f"{issuer}.key", "-CAcreateserial"])
    openssl("x509", "-req", "-in", asked, "-days", "60", "-extfile",
            folder / "ext", "-out", folder / f"{name}.crt", *by)
    return (folder / f"{name}.crt").read_text(), key.read_text()


def said(server):
    """What `mcp-execctl check` says; its status."""
    run = subprocess.run(
        [server.build / "mcp-execctl", "-c", server.config_file, "check"],
        capture_output=True, text=True, timeout=60 * SLOW)
    return run.returncode, run.stdout + run.stderr


def test_remarks():
    """What clients will not like: said by check, doctor and the log."""
    server = Tls()
    tls = server.cert.parent
    ca = "basicConstraints=critical,CA:true"
    root, _ = issue(tls, "root", "root", ca)
    middle, _ = issue(tls, "middle", "root", ca)
    at = ("authorityInfoAccess=OCSP;URI:http://x.example/o,"
          "caIssuers;URI:http://x.example/i")
    names = "subjectAltName=DNS:build.example.org,IP:192.0.2.7"

    def expect(chain, key, words, **keys):
        server.cert.write_text(chain)
        server.key.write_text(key)
        server.config_file.write_text(json.dumps({**server.config, **keys}))
        status, text = said(server)
        equal(status, 0, text)
        if words is None:
            check("note:" not in text, text)
        else:
            check("note:" in text and words in text, words, text)
            check("warn" in str(doctor(server)) and
                  words in str(doctor(server)), words, doctor(server))

    try:
        leaf, key = issue(tls, "leaf", "middle", names, at)
        url = "https://build.example.org:8443/x"
        expect(leaf + middle, key, None)
        expect(leaf + middle, key, None, public_url=url,
               allowed_hosts=["BUILD.example.org", "192.0.2.7:99"])
        expect(leaf + middle, key, "not valid for www.example.org, so",
               public_url="https://www.example.org",
               allowed_hosts=["build.example.org", "www.example.org"])
        expect(leaf + middle, key, "it is valid for build.example.org, 192.0.2.7",
               allowed_hosts=["192.0.2.8"])
        expect(leaf + middle, key, "not valid for 2001:db8::1,",
               allowed_hosts=["[2001:db8::1]:8443"])
        expect(leaf + middle, key, None, public_url="https://proxy.example",
               trusted_proxies=["192.0.2.1"])
        expect(leaf, key, "fullchain.pem of certbot")
        expect(leaf + root, key, "none of the certificates after it")
        expect(leaf + root + middle, key, None)         # sorted when sent
        leaf, key = issue(tls, "none", "middle", "keyUsage=digitalSignature")
        expect(leaf + middle, key, "no subject alternative name")
        leaf, key = issue(tls, "client", "middle", names,
                          "extendedKeyUsage=clientAuth")
        expect(leaf + middle, key, "not valid for servers")
        server.start_once()
        check("tls: the certificate: it is not valid for servers" in server.log(),
              server.log())
        server.stop()
        here = f"tls:0.0.0.0:{instance.free_port()}"
        server.config_file.write_text(json.dumps(
            {**server.config, "listen": [here]}))
        words = f"elsewhere can connect to {here}"
        check(words in said(server)[1] and words in server_doctor(server),
              "names")
        server.config_file.write_text(json.dumps(
            {**server.config, "listen": [here.removeprefix("tls:")],
             "tls": None, "insecure_plaintext": True}).replace(
                 '"tls": null, ', ""))
        check("unencrypted" in said(server)[1] and
              "unencrypted" in server_doctor(server), "plaintext")
    finally:
        server.remove()


def test_unusable():
    """Each mistake has its words."""
    server = Tls()
    cert, key = server.cert.read_text(), server.key.read_text()
    der = openssl("pkey", "-in", server.key, "-pubout")     # control: runs
    check("PUBLIC KEY" in der, der)

    def expect(words, c=cert, k=key, mode=0o600):
        server.cert.write_bytes(c if isinstance(c, bytes) else c.encode())
        server.key.write_bytes(k if isinstance(k, bytes) else k.encode())
        server.key.chmod(0o600)
        server.cert.chmod(mode)
        status, text = said(server)
        equal(status, 1 if words else 0, text)
        check((words or "is good") in text, words, text)

    def binary(kind):
        return subprocess.run(
            ["openssl", kind, "-outform", "DER"], check=True,
            input=(cert if kind == "x509" else key).encode(),
            capture_output=True).stdout

    try:
        expect(None)
        expect(None, cert.replace("\n", "\r\n"), key.replace("\n", "\r\n"))
        expect("openssl x509 -inform DER", binary("x509"))
        expect("openssl pkey -inform DER", k=binary("pkey"))
        expect("holds a key: are the two swapped?", key)
        expect("holds a certificate only", cert, cert)
        expect("holds a key: ", cert + key, mode=0o644)
        expect(None, cert + key)
        expect("-----BEGIN CERTIFICATE-----", "")
        expect("-----BEGIN PRIVATE KEY-----", k="")
        expect("is its file whole?", cert[:300])
        expect("more than 16 certificates", cert * 17)
        expect(None, cert * 16)
        expect("holds a certificate request", openssl(
            "req", "-new", "-key", server.key, "-subj", "/CN=x"))
        dsa = openssl("genpkey", "-paramfile", "/dev/stdin", input=openssl(
            "genpkey", "-genparam", "-algorithm", "DSA", "-quiet", "-pkeyopt",
            "dsa_paramgen_bits:2048"))
        expect("a key of kind DSA", openssl(
            "req", "-new", "-x509", "-key", "/dev/stdin", "-subj", "/CN=x",
            input=dsa), dsa)
    finally:
        server.remove()


def test_links():
    """As certbot keeps them: links into another directory."""
    with Tls() as server:
        live, archive = server.dir / "live", server.dir / "archive"
        live.mkdir(0o755)
        archive.mkdir(0o755)
        for n, file in ("key1.pem", server.key), ("cert1.pem", server.cert):
            shutil.copy2(file, archive / n)
        (live / "key.pem").symlink_to("../archive/key1.pem")
        (live / "cert.pem").symlink_to("../archive/cert1.pem")
        server.config["tls"] = {"certificate": str(live / "cert.pem"),
                                "key": str(live / "key.pem")}
        server.write()
        server.reload_ends("success", "links")
        for folder in live, archive:
            folder.chmod(0o777)
            r = server.reload()
            check(r["event.outcome"] == "failure" and
                  "its directory can be written" in r["event.reason"], r)
            folder.chmod(0o755)
        if ROOT:
            os.chown(live / "key.pem", 64200, 64200, follow_symlinks=False)
            r = server.reload()
            check("the link belongs to uid 64200" in r["event.reason"], r)
            os.chown(live / "key.pem", 0, 0, follow_symlinks=False)
        (live / "key.pem").unlink()
        (live / "key.pem").symlink_to("key.pem")
        check("too many links" in server.reload()["event.reason"], "a loop")


def test_credential():
    """"credential:NAME" is what systemd's LoadCredential= gives."""
    server = Tls()
    try:
        given = server.dir / "credentials"
        given.mkdir(0o700)
        server.key.rename(given / "tls.key")
        server.config["tls"]["key"] = "credential:tls.key"
        server.write()
        try:
            server.start_once()
            check(False, "started without the credential")
        except instance.Failure as e:
            check("LoadCredential=tls.key" in str(e), e)
        check("note:" in server.ctl("check"), "check cannot see it")
        for name in "", "../tls.key", "a/b":
            server.config["tls"]["key"] = "credential:" + name
            server.write()
            try:
                server.ctl("check")
                check(False, "taken:", name)
            except instance.Failure as e:
                check("name a credential" in str(e), e)
        server.config["tls"]["key"] = "credential:tls.key"
        server.write()
        os.environ["CREDENTIALS_DIRECTORY"] = str(given)
        try:
            server.start_once()
            check("note: credential" not in server.ctl("check"), "sees it")
        finally:
            del os.environ["CREDENTIALS_DIRECTORY"]
        equal(server.subject(), "first", "served")
        # renewed by an ACME client, while the key is that of the start
        make_key(server.key.with_suffix(".new"))
        make_certificate(server.cert, server.key.with_suffix(".new"), "n")
        reason = server.reload()["event.reason"]
        check("credentials at a restart" in reason, reason)
        server.stop()
    finally:
        server.remove()


def test_refused_at_load():
    """Tokens do not cross a network in clear text by accident."""
    server = Tls()
    port = instance.free_port()

    def findings(listen, **keys):
        text = {**server.config, "listen": listen, **keys}
        if keys.get("tls", 1) is None:
            del text["tls"]
        server.config_file.write_text(json.dumps(text))
        run = subprocess.run(
            [server.build / "mcp-execd", "-n", "-c", server.config_file],
            capture_output=True, text=True, timeout=60 * SLOW)
        return run.stderr if run.returncode else ""

    try:
        tls = f"tls:127.0.0.1:{port}"
        equal(findings([tls]), "", "control")
        for address in "0.0.0.0", "192.0.2.1", "[::]", "[2001:db8::1]":
            there = f"{address}:{port}"
            check("clear text" in findings([tls, there]), there)
            equal(findings([tls, "tls:" + there]), "", there)
            equal(findings([tls, there], insecure_plaintext=True), "", there)
        for there in f"127.0.0.2:{port}", f"[::1]:{port}", "unix:/run/x/s":
            equal(findings([tls, there]), "", there)
        check("needs \"tls\"" in findings([tls], tls=None), "no certificate")
        check("no listener speaks it" in findings([f"127.0.0.1:{port}"]),
              "unused")
        check("needs \"certificate\" and \"key\"" in findings(
            [tls], tls={"key": str(server.key)}), "half of it")
        check("true or false" in findings([tls], insecure_plaintext=1), "1")
    finally:
        server.remove()


def test_frontend_restart():
    """Another frontend gets the certificate too."""
    with Tls() as server:
        first = server.frontend_pid()
        os.kill(first, signal.SIGKILL)
        within("another", 20, lambda: server.frontend_pid() not in
               (None, first) and server.healthy())
        equal(server.subject(), "first", "certificate")


def test_key_stays():
    """No process of a run inherits it, and the frontend opened no file."""
    if not ROOT:
        raise Skip("memory of other processes is for root to read")
    if (os.environ.get("MCP_EXECD_WRAPPER")
            or "asan" in os.environ.get("MCP_EXECD_BUILD", "")):
        raise Skip("under a checker a process has too much memory to read")
    with Tls() as server:
        secret = server.key.read_text().split("\n")[2].encode()
        with server.http() as c:
            conn = c.begin("exec sleep 1000777")
            within("a run", 10, lambda: client.processes("sleep\x001000777"))
            pids = [p for p in client.descendants(server.process.pid)
                    if p not in server.helpers()]
            check(len(pids) > 1, "control: a guard and its command", pids)
            looked = 0
            for pid in pids:
                with contextlib.suppress(       # over by now
                        FileNotFoundError, ProcessLookupError):
                    check(secret not in memory(pid), f"{pid} has the key")
                    looked += 1
            check(looked > 0, "control: one was looked at")
            check(secret in memory(server.process.pid), "control: it is held")
            conn.close()
        files = [t for t in client.fds(server.frontend_pid()).values()
                 if t.startswith("/") and not t.startswith("/dev/null")
                 and str(server.stderr) not in t]
        equal(files, [], "files of the frontend")


def memory(pid):
    out = b""
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    with open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            where, access = line.split()[:2]
            begin, end = (int(x, 16) for x in where.split("-"))
            if not access.startswith("rw") or end - begin > 1 << 28:
                continue
            with contextlib.suppress(OSError, ValueError, OverflowError):
                mem.seek(begin)
                out += mem.read(end - begin)
    return out


def test_doctor():
    for days, since, verdict, words in (
            (90.5, -1, "ok", "is valid for 90 days"),
            (3.5, -1, "warn", "is valid for 3 days"),
            (-1, -9, "fail", "expired at")):
        server = Tls(days=days, since=since)
        try:
            found = doctor(server)
            check(words in str(found), found)
            check(verdict in str(found), found)
        finally:
            server.remove()


def test_status():
    """It describes the certificate in force, not the file."""
    with Tls(days=5.5) as server:
        said = "is valid for 5 days"
        check(said in server.ctl("status") and "renew it, then" in
              server.ctl("status"), server.ctl("status"))
        server.renew("later", days=60.5)
        check(said in server.ctl("status"), "the file alone changes nothing")
        server.ctl("reload")
        text = server.ctl("status")
        check("is valid for 60 days" in text and "renew" not in text, text)


def server_doctor(server):
    return subprocess.run(
        [server.build / "mcp-execctl", "-c", server.config_file, "doctor",
         "--json"], capture_output=True, text=True, timeout=60 * SLOW).stdout


def doctor(server):
    return [c for c in client.strict_json(server_doctor(server))["checks"]
            if c["check"] == "certificate"]


def test_renegotiation():
    """A client cannot have the handshake done again and again."""
    with Tls() as server, subprocess.Popen(
            ["openssl", "s_client", "-connect", "%s:%d" % server.tls_at,
             "-tls1_2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT) as p:
        late = threading.Timer(30 * SLOW, p.kill)
        late.start()
        out = b""
        while b"Cipher is ECDHE" not in out and (
                piece := p.stdout.read1(65536)):
            out += piece
        check(b"Cipher is ECDHE" in out, "control", out[-300:])
        p.stdin.write(b"R\n")
        p.stdin.flush()
        out += p.stdout.read()  # at an end of its input it would leave by itself
        late.cancel()
        after = out.partition(b"RENEGOTIATING\n")[2]
        equal(after, b"closed\n", "instead of a second handshake")
        with SecureHttp(server, server.cert) as c:
            equal(c.sh("echo on").text.strip(), "on", "goes on")


def test_ipv6():
    if not has_ipv6():
        raise Skip("no IPv6 loopback address here")
    server = Tls()
    try:
        port = instance.free_port()
        server.config["listen"].append(f"tls:[::1]:{port}")
        server.write()
        server.start_once()
        server.tls_at = "::1", port
        with SecureHttp(server, server.cert) as c:
            equal(c.sh("echo six").text.strip(), "six", "a call")
        equal(server.audit(client.INTENT)[-1]["source.ip"], "::1", "source")
        server.stop()
    finally:
        server.remove()


def has_ipv6():
    with socket.socket(socket.AF_INET6) as s:
        try:
            s.bind(("::1", 0))
        except OSError:
            return False
    return True
