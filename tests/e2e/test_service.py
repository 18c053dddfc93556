# SPDX-License-Identifier: MIT
"""What a service manager sees: handed-over sockets, READY, RELOADING, WATCHDOG.

The test plays the manager: it holds the listening socket and the socket of
the notifications, and starts mcp-execd as sd_listen_fds(3) describes.
"""
import base64
import hashlib
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import instance
from client import (FRONTEND_EXIT, ROOT, SLOW, Connection, Failed, Http,
                    Server, Skip, check, equal, within)

# Descriptors to their places, the variables, and no further process.
HAND_OVER = """
import os, sys
fds, names, wrong_pid, argv = eval(sys.argv[1])
fds = [os.dup2(fd, 50 + i) for i, fd in enumerate(fds)]
for i, fd in enumerate(fds):
    os.dup2(fd, 3 + i)
os.closerange(3 + len(fds), 100)
os.environ["LISTEN_PID"] = str(1 if wrong_pid else os.getpid())
os.environ["LISTEN_FDS"] = str(len(fds))
if names is not None:
    os.environ["LISTEN_FDNAMES"] = names
os.execv(argv[0], argv)
"""


class Manager(Server):
    """A server started by a service manager, which this is."""

    def __init__(self, config=None, sockets=None, names=None, watchdog=None,
                 wrong_pid=False, **more):
        super().__init__(config, **more)
        self.names, self.wrong_pid = names, wrong_pid
        self.watchdog = watchdog
        self.sockets = sockets if sockets is not None else [self.listener()]
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(self.dir / "notify"))
        self.told = []

    def listener(self):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(self.address)
        s.listen(512)
        return s

    def command(self):
        fds = [s.fileno() for s in self.sockets]
        argv = [*self.wrapper, str(self.build / "mcp-execd"), "-c",
                str(self.config_file)]
        return ([sys.executable, "-c", HAND_OVER,
                 repr((fds, self.names, self.wrong_pid, argv))], fds)

    def spawn(self, **more):
        command, fds = self.command()
        env = {**os.environ, "NOTIFY_SOCKET": str(self.dir / "notify")}
        if self.watchdog is not None:
            env["WATCHDOG_USEC"] = str(int(self.watchdog * 1e6))
        return subprocess.Popen(command, pass_fds=fds, env=env,
                                stdin=subprocess.DEVNULL, **more)

    def start(self):
        with open(self.stderr, "ab") as err:
            self.process = self.spawn(
                stdout=err, stderr=err, start_new_session=True,
                preexec_fn=instance.die_with_parent)
        self.wait_for("READY=1", instance.START_S)

    def hear(self, seconds):
        """Notifications of that time, as they come."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.notify.settimeout(left)
            try:
                text = self.notify.recv(4096).decode()
            except TimeoutError:
                return
            self.told.append(text)
            yield text

    def wait_for(self, word, seconds=5):
        for text in self.hear(seconds * SLOW):
            if word in text.split("\n"):
                return text
        raise Failed(f"no {word} in {seconds} s, but {self.told}; "
                     + self.log())

    def fails(self, *words, status=1):
        p = self.spawn(stderr=subprocess.PIPE, text=True)
        try:
            err = p.communicate(timeout=20 * SLOW)[1]
        finally:
            p.kill()
        check(p.returncode == status, p.returncode, err)
        for word in words:
            check(word in err, word, "not in", err)

    def remove(self):
        for s in [*getattr(self, "sockets", ()),
                  *([self.notify] if hasattr(self, "notify") else ())]:
            s.close()
        super().remove()


class Load(threading.Thread):
    """Connects, asks, hangs up, again and again; notes what goes wrong."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.over = server, False
        self.answered, self.stopping, self.wrong = 0, 0, []
        self.start()

    def run(self):
        while not self.over:
            try:
                with Connection(self.server) as c:
                    status = c.request("GET", "/healthz").status
            except (OSError, Failed) as e:
                self.wrong.append(repr(e))
                continue
            self.answered += status == 200
            self.stopping += status == 503
            if status not in (200, 503):
                self.wrong.append(status)

    def end(self):
        self.over = True
        self.join(30 * SLOW)


def test_restart_refuses_nobody():
    """Clients connect all the time while the service is restarted, twice."""
    with Manager(names="mcp-execd.socket") as server:
        with Http(server) as c:
            equal(c.sh("echo one").text, "one\n", "before")
        loads = [Load(server) for _ in range(4)]
        try:
            for _ in range(3):
                for load in loads:
                    within("answers", 5, lambda x=load, n=load.answered:
                           x.answered > n + 20)
                server.stop()
                time.sleep(0.3)     # they wait in the socket meanwhile
                server.start()
            for load in loads:
                within("answers", 5, lambda x=load, n=load.answered:
                       x.answered > n + 20)
        finally:
            for load in loads:
                load.end()
        for load in loads:
            equal(load.wrong, [], f"of {load.answered} answers")
        with Http(server) as c:
            equal(c.sh("echo two").text, "two\n", "after")
        equal(len(server.audit("start")), 4, "starts")


def test_restart_without_activation_refuses():
    """The control of the test above: a socket of its own is gone."""
    with Server() as server:
        load = Load(server)
        try:
            within("answers", 5, lambda: load.answered > 20)
            server.stop()
            within("somebody is refused", 10, lambda: load.wrong)
            server.start_once()
        finally:
            load.end()


def test_some_handed_over_some_bound():
    port = instance.free_port()
    with Manager() as server:
        server.stop()
        server.config["listen"].append(f"127.0.0.1:{port}")
        server.write()
        server.start()
        with socket.create_connection(("127.0.0.1", port), 5):
            pass
        equal(server.get("/healthz").status, 200, "the one handed over")


def test_wrong_sockets():
    """What is handed over and was not meant is refused, with what to do."""
    with socket.socket() as other, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, \
            socket.socket() as deaf:
        other.bind(("127.0.0.1", 0))
        other.listen()
        deaf.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        for sockets, names, words in (
                ([other], None, (f"127.0.0.1:{port}", "ListenStream=")),
                ([datagrams], None, ("not a listening stream socket",)),
                ([deaf], None, ("not a listening stream socket",)),
                ([other], "a:b", ("LISTEN_FDNAMES",)),
                ([other], "a b", ("FileDescriptorName=",)),
                ([other] * 9, None, ("LISTEN_FDS",))):
            server = Manager(sockets=sockets, names=names)
            try:
                server.fails(*words)
            finally:
                server.sockets = []
                server.remove()


def test_refused_turns_away():
    """A client that waits at a socket of systemd's would have it start what is refused
    again and again: they are hung up on, and the socket is quiet."""
    server = Manager()
    odd = server.dir / "policies.d" / "odd.json"
    odd.write_text('{ "colour": "red" }')
    odd.chmod(0o600)
    try:
        with socket.create_connection(server.address, 5) as first, \
                socket.create_connection(server.address, 5) as second:
            check(select.select(server.sockets, [], [], 5 * SLOW)[0],
                  "control")
            server.fails("odd.json", "colour", status=78)
            equal([c.recv(1) for c in (first, second)], [b"", b""], "hung up")
        equal(select.select(server.sockets, [], [], 0)[0], [], "who waits")
    finally:
        server.remove()


def test_root_without_power():
    """An ordinary user in all but its number: the frontend would be root."""
    if not ROOT:
        raise Skip("of root")
    server = Manager()
    try:
        config = json.loads(server.config_file.read_text())
        config["frontend"] = {"path": config["frontend"]["path"]} \
            if "path" in config.get("frontend", {}) else {}
        server.config_file.write_text(json.dumps(config))
        server.wrapper = [shutil.which("setpriv"), "--bounding-set=-all",
                          "--inh-caps=-all"]
        server.fails("CAP_SETUID", status=78)     # EX_CONFIG
    finally:
        server.sockets = []
        server.remove()


def test_not_for_us():
    """Another process's LISTEN_PID: the sockets are not ours to take."""
    server = Manager(sockets=[], wrong_pid=True)
    with server:
        equal(server.get("/healthz").status, 200, "bound by itself")
        if ROOT:        # who else may not look into it
            env = pathlib.Path(f"/proc/{server.process.pid}/environ")
            check(b"LISTEN_PID" in env.read_bytes(), "control: it was set")
        with Http(server) as c:
            equal(c.sh("env | grep LISTEN; true").text, "(no output)",
                  "of a command")


def test_ready_reload_stop():
    with Manager() as server:
        check("STATUS=1 token, 1 policy," in server.told[-1], server.told)
        before = time.clock_gettime(time.CLOCK_MONOTONIC)
        server.process.send_signal(signal.SIGHUP)
        text = server.wait_for("RELOADING=1")
        at = int(dict(line.split("=", 1) for line in text.split("\n"))[
            "MONOTONIC_USEC"]) / 1e6
        check(before <= at <= time.clock_gettime(time.CLOCK_MONOTONIC), at)
        server.wait_for("READY=1")
        server.config_file.write_text("{")      # a bad one ends with READY too
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("RELOADING=1")
        server.wait_for("READY=1")
        server.write()
        server.process.terminate()
        server.wait_for("STOPPING=1")
        equal(server.process.wait(20 * SLOW), 0, server.log())
        server.process = None


def test_watchdog_needs_both():
    with Manager(watchdog=0.9) as server:
        server.wait_for("WATCHDOG=1")
        server.wait_for("WATCHDOG=1")
        pid = server.frontend_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            list(server.hear(0.5))      # what was on its way
            told = list(server.hear(1.5))
            equal([t for t in told if "WATCHDOG" in t], [],
                  "with a frontend that hangs")
        finally:
            os.kill(pid, signal.SIGCONT)
        server.wait_for("WATCHDOG=1")
        equal(server.audit(FRONTEND_EXIT), [], "it was not replaced yet")


def test_no_watchdog():
    """Nobody waits for it: nothing is sent."""
    with Manager() as server:
        equal([t for t in server.hear(2) if "WATCHDOG" in t], [], "sent")


def test_pause_of_both():
    """After a pause of the machine the frontend is not taken for dead."""
    with Manager(watchdog=3) as server, Http(server) as c:
        pids = server.process.pid, server.frontend_pid()
        time.sleep(1.2)     # an answer is owed at some moment of it
        for _ in range(3):
            for pid in pids[::-1]:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(1.5)
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
            time.sleep(0.3)
        equal(c.sh("echo on").text, "on\n", "the same session")
        equal(server.frontend_pid(), pids[1], "the same frontend")


def test_hung_frontend_is_replaced():
    with Manager(watchdog=3) as server:
        pid = server.frontend_pid()
        os.kill(pid, signal.SIGSTOP)
        record = within("replaced", 30, lambda:
                        server.audit("frontend-violation"))[0]
        equal(record["event.reason"], "frontend does not answer", record)
        equal(record["process.pid"], pid, record)
        within("service again", 10, server.healthy)
        server.wait_for("WATCHDOG=1")


def write_tokens(server, count):
    """So many tokens, as large as they get; their texts."""
    texts = []
    for i in range(count):
        text = "mxt_" + base64.urlsafe_b64encode(
            os.urandom(32)).decode().rstrip("=")
        proof = hashlib.sha256(b"mcp-execd token proof v1\0"
                               + text.encode()).digest()
        path = server.dir / "tokens.d" / f"{i:04}{'n' * 59}.json"
        path.write_text(json.dumps({
            "verifier": hashlib.sha256(proof).hexdigest(),
            "policy": server.name, "created": "2026-11-22T10:00:00Z",
            "sources": ["127.0.0.0/8"] + [
                f"fd00:1111:2222:3333:4444:5555:{n:x}666:7777/128"
                for n in range(15)]}))
        path.chmod(0o600)
        texts.append(text)
    return texts


def test_reload_of_many_tokens():
    """1,023 more, 5 MB of frames: none is lost, at start and at reloads."""
    server = Server(policy={"description": "d" * 250})
    deep = server.work.joinpath(*["d" * 250] * 14)
    deep.mkdir(parents=True)
    server.policy["directory"] = str(deep)
    for d in (deep, *deep.parents):
        if d == server.dir:
            break
        d.chmod(0o755)
    server.write()
    texts = write_tokens(server, 1023)
    with server:
        pid = server.frontend_pid()
        for round in range(4):
            for text in texts[0], texts[500], texts[-1], server.token:
                check(server.accepts(text), "refused in round", round)
            equal(server.reload()["token.count"], 1024, "tokens")
        server.process.send_signal(signal.SIGHUP)   # one while one is sent
        server.reload_ends("success", "the last")
        with Http(server, texts[-1]) as c:
            size = len(c.hello["instructions"])
            check(size > 4000, "not the largest:", size)
            equal(c.sh("echo on").text, "on\n", "runs")
        gone = next((server.dir / "tokens.d").glob("1022n*.json"))
        gone.unlink()
        within("revoked", 5, lambda: not server.accepts(texts[-1]))
        check(server.accepts(texts[0]), "the others stay")
        equal(server.frontend_pid(), pid, "the frontend lived on")
        equal(server.audit(FRONTEND_EXIT, "frontend-violation"), [], "records")
