# SPDX-License-Identifier: MIT
"""The executor against a hijacked frontend: frames by hand.

frontend.path is a program that hands its descriptors 3 and 2 to the test.  Whatever
it does, it gets no command that a presented token does not grant; and when it
breaks the protocol it is killed, recorded and replaced.
"""
import array
import contextlib
import hashlib
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import time

import client
import instance
from client import (INTENT, REFUSED, RESULT, ROOT, TOP, Failed, Server, Skip,
                    alive, check, equal, processes, within)

MESSAGES = {}       # name: [(kind, field, size)], as proto/msgs.def has it
for _m in re.finditer(r"^MSG\((\w+), \w+, (\d+), \w+\)(.*?)^END",
                      (TOP / "proto" / "msgs.def").read_text(),
                      re.M | re.S):
    globals()[_m[1]] = int(_m[2])
    MESSAGES[int(_m[2])] = re.findall(
        r"^\t(U8|U32|U64|I32|FIXED|BYTES)\((\w+)(?:, (\d+))?\)", _m[3], re.M)
VERSION = int(re.search(r"PROTO_VERSION = (\d+)", (
    TOP / "proto" / "proto.h").read_text())[1])
LOCKED = 0x7f
STRING, NUMBER, BOOL = 0, 1, 2
EXITED, SIGNALLED, TIMED_OUT, CANCELLED, REFUSED_STATE, LOST = range(6)
VIOLATION = "frontend-violation"


def data(raw):
    raw = raw.encode() if isinstance(raw, str) else raw
    return struct.pack("<I", len(raw)) + raw


def frame(code, *parts):
    return struct.pack("<HH", code, 0) + b"".join(parts)


def u64(n):
    return struct.pack("<Q", n)


def u32(n):
    return struct.pack("<I", n)


def u8(n):
    return bytes([n])


def call(n, proof, tool="exec_cmd", peer="127.0.0.1", window=1 << 17):
    return frame(CALL, u64(n), proof, data(peer), data("s"), data("hijacked"),
                 data("2025-11-25"), data(""), data(tool), u32(window))


def arg(n, name, value, kind=STRING, more=0):
    return frame(ARG, u64(n), data(name), u8(kind), u8(more), data(value))


def vitals(nonce, n=7):
    return frame(VITALS, u32(nonce), u32(n), u32(n), u32(n), u32(0))


def cpu_ms(pid):
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    user, system = words.split()[11:13]
    return (int(user) + int(system)) * 1000 // os.sysconf("SC_CLK_TCK")


def proof_of(token):
    return hashlib.sha256(b"mcp-execd token proof v1\0"
                          + token.encode()).digest()


class Done:
    def __init__(self, body):
        f = decode(DONE, body)
        self.call, self.state, self.exit = f["call"], f["state"], f[
            "exit_code"]
        self.run, self.message = f["run"].decode(), f["message"].decode()


def decode(code, body):
    """The fields of a frame."""
    out, at = {}, 0
    for kind, field, size in MESSAGES[code]:
        if kind in ("FIXED", "BYTES"):
            n = int(size)
            if kind == "BYTES":
                n = struct.unpack_from("<I", body, at)[0]
                at += 4
            out[field] = body[at:at + n]
            at += n
        else:
            form = {"U8": "<B", "U32": "<I", "U64": "<Q", "I32": "<i"}[kind]
            out[field], = struct.unpack_from(form, body, at)
            at += struct.calcsize(form)
    equal(at, len(body), f"length of frame {code}")
    return out


class Hijacked(Server):
    """An executor whose frontend is ours: .chan is its end of the pair, .err
    its stderr."""

    def __init__(self, **more):
        if not ROOT and not os.access("/usr/bin/python3", os.X_OK):
            raise Skip("needs /usr/bin/python3")
        self.chan = self.door = self.err = None
        super().__init__(**more)
        self.program = self.dir / "hijacked"
        shutil.copy(pathlib.Path(__file__).with_name("hijacked"),
                    self.program)
        self.program.chmod(0o755)
        self.config["frontend"]["path"] = str(self.program)
        self.write()
        path = str(self.dir / "hijack.sock")
        self.door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.door.bind(path)
        os.chmod(path, 0o777)
        self.door.listen(8)
        self.door.settimeout(20 * self.slow)

    def healthy(self):
        """Started: the first frontend came."""
        self.accept()
        return True

    def accept(self):
        """The next frontend of this executor; its process id."""
        if self.chan is not None:
            self.chan.close()
            os.close(self.err)
            self.err = None
        conn, _ = self.door.accept()
        with conn:
            raw, fds, _, _ = socket.recv_fds(conn, 64, 2)
        self.chan = socket.socket(fileno=fds[0])
        self.chan.settimeout(10 * self.slow)
        self.err = fds[1]
        self.frontend = int(raw)
        return self.frontend

    def next(self):
        """The next frame that is not a question whether it is alive."""
        while (got := self.recv()) is not None and got[0] == ASK:
            pass
        return got

    def silent(self, seconds=0.5):
        """Nothing but such questions comes in that time."""
        before, end = self.chan.gettimeout(), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.chan.settimeout(left)
            try:
                raw = self.chan.recv(65536)
            except TimeoutError:
                break
            check(raw and struct.unpack_from("<HH", raw)[0] == ASK,
                  "sent:", raw[:40])
        self.chan.settimeout(before)

    def stop(self):
        """As the real one does when it is told to, ours ends too."""
        if self.process is not None:
            self.process.terminate()
            within("stopping", 5, lambda: "stop" in self.log())
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.frontend, signal.SIGKILL)
        super().stop()

    def remove(self):
        for s in self.chan, self.door:
            if s is not None:
                s.close()
        if self.err is not None:
            os.close(self.err)
            self.err = None
        super().remove()

    def send(self, *frames):
        for f in frames:
            self.chan.send(f)

    def recv(self):
        """(code, body), or None when the executor closed the channel."""
        try:
            raw = self.chan.recv(65536)
        except ConnectionError:
            return None
        except TimeoutError:
            raise Failed("no frame in time") from None
        if not raw:
            return None
        code, zero = struct.unpack_from("<HH", raw)
        equal(zero, 0, "second u16")
        return code, raw[4:]

    def up(self):
        """HELLO to READY; all frames of the configuration."""
        self.send(frame(HELLO, u32(VERSION), u32(LOCKED)))
        frames = []
        while True:
            got = self.recv()
            check(got is not None, "closed at HELLO:", self.log()[-300:])
            frames.append(got)
            if got[0] == COMMIT:
                break
        self.send(frame(READY, got[1]))
        return frames

    def run(self, n, proof, command=None, *more, **fields):
        """A whole call; (Done, output)."""
        if command is not None:
            more = (arg(n, "command", command), *more)
        self.send(call(n, proof, **fields), *more, frame(EXEC, u64(n)))
        out = b""
        while True:
            got = self.recv()
            check(got is not None, "closed:", self.log()[-300:])
            code, body = got
            if code == OUTPUT and decode(code, body)["call"] == n:
                out += decode(code, body)["data"]
                self.send(frame(CREDIT, u64(n), u32(len(body))))
            elif code == DONE and Done(body).call == n:
                return Done(body), out

    def replaced(self, reason=None):
        """This frontend is killed, recorded and replaced; executor lives."""
        old = self.frontend
        with contextlib.suppress(Failed):
            while self.recv() is not None:
                pass
        within("it is dead", 5, lambda: not alive(old))
        record = within("a record", 5, lambda: [
            r for r in self.audit(VIOLATION) if r["process.pid"] == old])[0]
        check(record["event.reason"], record)
        if reason:
            check(reason in record["event.reason"], reason, record)
        check(self.accept() != old, "the same process")
        equal(self.process.poll(), None, "the executor")
        return record


@contextlib.contextmanager
def hijacked(**more):
    server = Hijacked(**more)
    with server:
        yield server
        # whatever happened: no command is left
        within("no process is left", 10, lambda: not runs_of(server))


def runs_of(server):
    """Processes below the executor that are none of its helpers, nor a
    frontend that nobody has accepted yet."""
    return [p for p in client.descendants(server.process.pid)
            if p not in (server.launcher_pid(), server.keeper_pid())
            and not client.waits(p) and client.name_of(p) != "hijacked"]


def test_control():
    """Played by the rules it is a frontend like any other."""
    with hijacked() as s:
        frames = s.up()
        check([c for c, _ in frames][0] == CONFIG, frames)
        done, out = s.run(1, proof_of(s.token), "echo hello; exit 3")
        equal((done.state, done.exit, out), (EXITED, 3, b"hello\n"), done)
        record = within("a result", 5, lambda: s.audit(RESULT))[0]
        equal(record["run.id"], done.run, record)
        done, out = s.run(2, proof_of(s.token), "cat",
                          arg(2, "stdin", "ab", more=1), arg(2, "stdin", "cd"))
        equal(out, b"abcd", "stdin in two pieces")


def test_no_secret_is_told():
    """What the frontend is given grants nothing."""
    with hijacked() as s:
        frames = s.up()
        told = b"".join(body for _, body in frames)
        proof = proof_of(s.token)
        verifier = hashlib.sha256(proof).digest()
        check(verifier in told, "control: the verifier is told")
        check(proof not in told, "the proof is told")
        check(s.token.encode() not in told, "the token is told")
        for path in (s.audit_file, s.dir / "tokens.d"):
            check(str(path).encode() not in told, path)
        # a verifier is not a proof
        done, _ = s.run(1, verifier, "touch stolen")
        equal(done.state, REFUSED_STATE, "a verifier as proof")
        check(not (s.work / "stolen").exists(), "it ran")


def test_proof_in_no_file():
    with hijacked() as s:
        s.up()
        for n, proof in enumerate((b"\0" * 32, b"\xff" * 32,
                                   os.urandom(32), proof_of("mxt_x")), 1):
            done, _ = s.run(n, proof, f"touch stolen{n}")
            equal((done.state, done.run), (REFUSED_STATE, ""), done.message)
            check("not valid" in done.message, done.message)
        equal(len(within("records", 5, lambda: len(s.audit(REFUSED)) == 4
                         and s.audit(REFUSED))), 4, "records")
        equal(list(s.work.glob("stolen*")), [], "it ran")
        equal(s.audit(INTENT), [], "intents")
        done, _ = s.run(9, proof_of(s.token), "true")
        equal(done.state, EXITED, "control")


def test_revoked_proof():
    """A proof that was presented once is worth nothing once revoked."""
    with hijacked() as s:
        token = instance.TOKEN.search(s.ctl(
            "token", "add", "gone", "--policy", s.name)).group()
        s.up()
        proof = proof_of(token)
        within("it is in force", 5, lambda: s.audit("reload-tokens"))
        equal(s.run(1, proof, "true")[0].state, EXITED, "before")
        s.send(call(2, proof), arg(2, "command", "exec sleep 1000401"),
               frame(EXEC, u64(2)))
        within("it runs", 5, lambda: processes("1000401"))
        s.ctl("token", "revoke", "gone")
        within("its run is killed", 5, lambda: not processes("1000401"))
        done, _ = s.run(3, proof, "touch stolen")
        equal(done.state, REFUSED_STATE, "afterwards")
        check(not (s.work / "stolen").exists(), "it ran")


def test_source_and_expiry():
    with hijacked() as s:
        token = instance.TOKEN.search(s.ctl(
            "token", "add", "far", "--policy", s.name, "--from",
            "10.1.0.0/16")).group()
        within("it is in force", 5, lambda: s.audit("reload-tokens"))
        s.up()
        done, _ = s.run(1, proof_of(token), "touch stolen")
        equal(done.state, REFUSED_STATE, done.message)
        for n, peer in enumerate(("10.2.0.1", "", "unix", "10.1", "::1",
                                  "10.1.0.1.evil"), 2):
            done, _ = s.run(n, proof_of(token), "touch stolen", peer=peer)
            equal(done.state, REFUSED_STATE, peer)
        check(not (s.work / "stolen").exists(), "it ran")
        done, _ = s.run(99, proof_of(token), "true", peer="10.1.2.3")
        equal(done.state, EXITED, "control")


SHOW = {"description": "Shows a word.", "stdin": "text",
        "parameters": {
            "word": {"type": "string", "pattern": "[a-z]+"},
            "n": {"type": "integer", "minimum": 1, "maximum": 9,
                  "default": 5},
            "yes": {"type": "boolean"},
            "text": {"type": "string", "required": False, "maxLength": 9}},
        "argv": ["/usr/bin/printf", "%s:secret-of-the-template:", "{word}",
                 "{n}", {"if": "yes", "words": ["y"]}]}
TOUCH = {"description": "Makes a file.", "argv": ["/usr/bin/touch", "stolen"]}


def test_defined_tools():
    """Of a defined tool a frontend gives values, and nothing else."""
    with hijacked(definitions={"show": SHOW, "touch": TOUCH},
                  policy={"tools": ["show"]}) as s:
        frames = s.up()
        told = b"".join(body for _, body in frames)
        tools = [decode(c, b)["name"] for c, b in frames if c == TOOL]
        equal(tools, [b"show", b"touch"], "tools")
        equal([decode(c, b)["name"] for c, b in frames if c == PARAM],
              [b"word", b"n", b"yes", b"text"], "parameters")
        check(b"secret-of-the-template" not in told, "the template is told")
        proof = proof_of(s.token)
        done, out = s.run(1, proof, None, arg(1, "word", "abc"),
                          arg(1, "yes", "true", BOOL), tool="show")
        equal((done.state, out), (EXITED, b"abc:secret-of-the-template:"
                                  b"5:secret-of-the-template:"
                                  b"y:secret-of-the-template:"), "control")
        bad = (
            [], [("word", "ABC")], [("word", "a b")], [("word", "")],
            [("word", "-n")], [("word", "a\n")], [("word", "a\0b")],
            [("word", b"\xff")], [("word", "a" * 257)],
            [("word", "5", NUMBER)], [("word", "a"), ("word", "b")],
            [("word", "a"), ("n", "0", NUMBER)],
            [("word", "a"), ("n", "10", NUMBER)],
            [("word", "a"), ("n", "5x", NUMBER)],
            [("word", "a"), ("n", "05", NUMBER)],
            [("word", "a"), ("n", "5")],
            [("word", "a"), ("yes", "maybe", BOOL)],
            [("word", "a"), ("text", "x" * 10)],
            [("word", "a"), ("command", "touch stolen")],
            [("word", "a"), ("env", "LD_PRELOAD=/x")],
            [("word", "a"), ("timeout_ms", "1", NUMBER)],
            [("word", "a"), ("work_dir", "/")],
            [("word", "a"), ("", "x")],
        )
        for n, values in enumerate(bad, 2):
            done, out = s.run(n, proof, None, *(
                arg(n, *v) for v in values), tool="show")
            equal((done.state, done.run, out), (REFUSED_STATE, "", b""),
                  values)
            check(len(done.message) > 5, values)
        for n, tool in enumerate(("touch", "exec_cmd", "cli_command", "",
                                  "show/../touch", "SHOW"), 50):
            more = [arg(n, "command", "touch stolen")] if "_" in tool else []
            done, _ = s.run(n, proof, None, *more, tool=tool)
            equal(done.state, REFUSED_STATE, tool)
        check(not (s.work / "stolen").exists(), "it ran")
        equal(len(s.audit(INTENT)), 1, "intents")


def test_policy_holds():
    """A valid proof is no way around its policy."""
    with hijacked(policy={"tools": ["exec_cmd"]}) as s:
        s.up()
        proof = proof_of(s.token)
        n = 0

        def refused(what, *more, command="touch stolen", **fields):
            nonlocal n
            n += 1
            done, _ = s.run(n, proof, command, *more, **fields)
            equal(done.state, REFUSED_STATE, what)
            check(len(done.message) > 5, what)
            check(not (s.work / "stolen").exists(), "it ran:", what)

        refused("tool not offered", tool="cli_command")
        refused("no such tool", tool="root_cmd")
        for d in ("/etc", "..", "/proc/self/fd/3", "a/../../.."):
            refused(d, arg(n + 1, "working_dir", d))
        for pair in ("LD_PRELOAD=/x", "PATH=/x", "NOPE=1", "=x", "CI", "",
                     "FIXED=no", "CI\0=x"):
            refused(pair, arg(n + 1, "env", pair))
        for t in ("0", "-1", "99999999999", "x", "", "1e3",
                  "18446744073709551617"):
            refused("timeout " + t, arg(n + 1, "timeout_ms", t, NUMBER))
        refused("wrong kind", arg(n + 1, "timeout_ms", "5"))
        refused("unknown argument", arg(n + 1, "user", "root"))
        refused("command twice", arg(n + 1, "command", "true"))
        refused("NUL", command="touch stolen\0")
        refused("no command", command=None)
        refused("empty", command="")
        done, _ = s.run(n + 1, proof, "true", arg(n + 1, "env", "CI=1"))
        equal(done.state, EXITED, "control")


def violations(proof):
    """name: (frames, sent before HELLO?)."""
    good = call(5, proof)
    return {
        "garbage": [os.urandom(200)],
        "short": [b"\1"],
        "unknown code": [frame(99)],
        "second u16": [struct.pack("<HH", EXEC, 1) + u64(5)],
        "trailing bytes": [frame(CANCEL, u64(1), u8(0), data(""), b"x")],
        "length beyond the frame": [frame(CANCEL, u64(1), u8(0), u32(9))],
        "length over the maximum": [frame(CANCEL, u64(1), u8(0),
                                          data("x" * 257))],
        "huge length": [frame(CANCEL, u64(1), u8(0), u32(0xffffffff), b"x")],
        "too large": [frame(ARG, b"x" * 60000)],
        "HELLO twice": [frame(HELLO, u32(VERSION), u32(LOCKED))],
        "READY of the future": [frame(READY, u32(77))],
        "READY twice": [frame(READY, u32(1))],
        "EXEC without CALL": [frame(EXEC, u64(5))],
        "ARG without CALL": [arg(5, "command", "true")],
        "CALL in a CALL": [good, call(6, proof)],
        "ARG of another call": [good, arg(6, "command", "true")],
        "EXEC of another call": [good, frame(EXEC, u64(6))],
        "EXEC before the last piece": [
            good, arg(5, "command", "true", more=1), frame(EXEC, u64(5))],
        "another name inside a piece": [
            good, arg(5, "command", "true", more=1), arg(5, "stdin", "x")],
        "unknown kind": [good, arg(5, "command", "true", kind=9)],
        "more is not a bool": [good, arg(5, "command", "true", more=2)],
        "NUL in a name": [good, arg(5, "comm\0and", "true")],
        "NUL in the tool": [call(5, proof, tool="exec\0cmd")],
        "cancel in a CALL": [good, frame(CANCEL, u64(5), u8(0), data(""))],
        "unknown reason": [frame(CANCEL, u64(5), u8(9), data(""))],
        "PRESENCE of neither": [frame(PRESENCE, u64(5), u8(2))],
        "PRESENCE in a CALL": [good, frame(PRESENCE, u64(5), u8(1))],
        "AUTHFAIL for nothing": [frame(AUTHFAIL, data("x"), u8(99), u32(1),
                                       data(""))],
        "PENALTY of neither": [frame(PENALTY, data("p"), u8(2), u32(1), u32(1),
                                     u32(1))],
        "PENALTY in a CALL": [good, frame(PENALTY, data("p"), u8(1), u32(1),
                                          u32(1), u32(1))],
        "HEALTH from below": [frame(HEALTH, u8(1))],
        "TLS from below": [frame(TLS, u8(0), u8(0), data("x"))],
        "SESSION of neither": [frame(SESSION, b"\0" * 32, u8(2), data("s"),
                                     data("p"), data("c"), data("r"))],
        "a frame of the executor": [frame(DRAIN, u32(0))],
        "VITALS that nobody asked for": [vitals(0)],
        "VITALS of the future": [vitals(1)],
        "VITALS in a CALL": [good, vitals(0)],
        "TOOL from below": [frame(TOOL, data("x"), data(""), data("d"),
                                  u8(0), u8(0), data(""))],
        "PARAM from below": [frame(PARAM, data("x"), u8(0), u8(0), u32(0),
                                   u32(9), u64(0), u64(0), data(""),
                                   data(""), data(""), data(""))],
        "SCHEMA from below": [frame(SCHEMA, u8(0), data("{}"))],
        "TOKEN from below": [frame(TOKEN, b"\0" * 32, data("n"), data("p"),
                                   u64(0), data(""), data("exec_cmd"),
                                   data(""))],
        "too many arguments": [good] + [arg(5, "env", f"CI={i}")
                                        for i in range(200)],
        "too many bytes": [good] + [arg(5, "stdin", "x" * 16384, more=1)
                                    for _ in range(120)],
    }


def violate(part, parts):
    """Each one ends that frontend, and only that."""
    with hijacked() as s:
        s.up()
        names = list(violations(b"\0" * 32))[part::parts]
        for name in names:
            try:
                with contextlib.suppress(OSError):
                    s.send(*violations(proof_of(s.token))[name])
                s.replaced()
                s.up()
            except Failed as e:
                raise Failed(f"{name}: {e}") from None
            done, out = s.run(1, proof_of(s.token), "echo on")
            equal((done.state, out), (EXITED, b"on\n"), f"after {name}")
        equal(len(s.audit("start")), 1, "the executor lived on")
        equal(len(s.audit(VIOLATION)), len(names), "records")


# A few at a time: restarts are spaced out while frontends fail quickly.
for _part in range(8):
    globals()[f"test_violations_{_part}"] = (
        lambda part=_part: violate(part, 8))


def test_before_hello():
    with hijacked() as s:
        for frames in ([frame(READY, u32(1))], [call(1, proof_of(s.token))],
                       [frame(HELLO, u32(99), u32(LOCKED))],
                       [frame(HELLO, u32(VERSION), u32(0))]):
            s.send(*frames)
            s.replaced()
        s.up()
        equal(s.run(1, proof_of(s.token), "true")[0].state, EXITED, "control")


def test_session_of_nobody():
    """A proof that no token has: recorded as what it is, in its schema."""
    with hijacked() as s:
        s.up()
        s.send(frame(SESSION, b"\0" * 32, u8(1), data("5" * 32),
                     data("192.0.2.9"), data("c"), data("2025-11-25")))
        within("a record", 5, lambda: s.audit("auth-failure"))
        r = s.audit("auth-failure")[0]
        equal((r["source.ip"], r["event.count"], r["mcp.session.id"]),
              ("192.0.2.9", 1, "5" * 32), "record")
        equal(s.audit("session-begin"), [], "no session")
        s.send(frame(SESSION, proof_of(s.token), u8(1), data("6" * 32),
                     data("192.0.2.9"), data("c"), data("2025-11-25")))
        within("control", 5, lambda: s.audit("session-begin"))


def test_old_call_id():
    with hijacked() as s:
        s.up()
        s.run(7, proof_of(s.token), "true")
        s.send(call(7, proof_of(s.token)))
        s.replaced()
        s.up()


def test_descriptor():
    """A descriptor sent along is not taken, and is a violation."""
    with hijacked() as s:
        s.up()
        before = len(client.fds(s.process.pid)) if ROOT else 0
        with open("/etc/passwd", "rb") as f:
            s.chan.sendmsg([frame(CANCEL, u64(1), u8(0), data(""))],
                           [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                             array.array("i", [f.fileno()]))])
        s.replaced()
        s.up()
        if ROOT:
            # fewer, if the loader of the start was still at work before
            within("no more descriptors than before", 5, lambda: len(
                client.fds(s.process.pid)) <= before)
            check("/etc/passwd" not in client.fds(s.process.pid).values(),
                  client.fds(s.process.pid))


def test_killed_with_its_runs():
    """A violation ends what was running for it, with records."""
    with hijacked() as s:
        s.up()
        s.send(call(1, proof_of(s.token)),
               arg(1, "command", "exec sleep 1000402"), frame(EXEC, u64(1)))
        within("it runs", 5, lambda: processes("1000402"))
        s.send(b"garbage")
        s.replaced()
        within("it ended", 5, lambda: not processes("1000402"))
        within("its record", 5, lambda: s.audit(RESULT))
        s.up()


def test_no_credit():
    """Without credit nothing is buffered without bound; it times out."""
    with hijacked(policy={"limits": {"output_bytes": 1 << 20}}) as s:
        s.up()
        s.send(call(1, proof_of(s.token), window=100),
               arg(1, "command", "yes"), arg(1, "timeout_ms", "1000", NUMBER),
               frame(EXEC, u64(1)))
        equal(s.next()[0], STARTED, "STARTED")
        within("it has begun", 5, lambda: s.audit(INTENT))
        within("it has ended", 10, lambda: not runs_of(s))
        code, body = s.next()
        equal((code, len(decode(code, body)["data"])), (OUTPUT, 100),
              "output as far as there was credit")
        s.silent()
        s.send(frame(CREDIT, u64(1), u32(2 << 20)))
        while code != DONE:
            code, body = s.next()
        equal(Done(body).state, TIMED_OUT, "state")


def test_credit_beyond_reason():
    with hijacked() as s:
        s.up()
        s.send(call(1, proof_of(s.token), window=1),
               arg(1, "command", "echo x; sleep 5"), frame(EXEC, u64(1)))
        equal(s.next()[0], STARTED, "STARTED")
        with contextlib.suppress(OSError):
            s.send(*[frame(CREDIT, u64(1), u32(0xffffffff))] * 3)
        s.replaced()
        s.up()


def test_vitals():
    """Each ASK is answered once, with its number."""
    with hijacked() as s:
        s.up()
        while (got := s.recv())[0] != ASK:
            pass
        nonce = decode(*got)["nonce"]
        s.send(vitals(nonce))
        done, out = s.run(1, proof_of(s.token), "echo on")
        equal((done.state, out), (EXITED, b"on\n"), "control")
        s.send(vitals(nonce))
        s.replaced("not asked for")


POLICY, RUNS, IDS, KEPT = range(4)      # enum proto_fetch
FOUND, ABSENT, NOT_KEPT, DENIED = range(4)


def cancel(n):
    return frame(CANCEL, u64(n), u8(0), data(""))


def fetch(n, proof, what=KEPT, run="", stream=None, offset=0, length=4096,
          window=1 << 16, peer="127.0.0.1"):
    stream = int(what == KEPT) if stream is None else stream
    return frame(FETCH, u64(n), proof, data(peer), u8(what), data(run),
                 u8(stream), u64(offset), u32(length), u32(window))


def fetched(s, n):
    """(how it ended, its bytes)."""
    out = b""
    while True:
        got = s.recv()
        check(got is not None, "closed:", s.log()[-300:])
        code, body = got
        if code == PART and decode(code, body)["fetch"] == n:
            out += decode(code, body)["data"]
        elif code == FETCHED and decode(code, body)["fetch"] == n:
            return decode(code, body), out


RECORDED = {"audit": {"output": "all"}}


def test_reading_is_bound_to_the_token():
    """No output, list, completion or policy without the proof of its token."""
    with hijacked(policy=RECORDED) as s:
        other = s.ctl("token", "add", "other", "--policy", s.name)
        other = re.search(r"\S{40,}", other).group()
        within("it is in force", 5, lambda: s.audit("reload-tokens"))
        s.up()
        mine, theirs = proof_of(s.token), proof_of(other)
        done, _ = s.run(1, mine, "echo secret")
        s.send(fetch(2, mine, run=done.run))
        how, out = fetched(s, 2)
        equal((how["state"], out), (FOUND, b"secret\n"), "control")
        s.send(fetch(3, theirs, run=done.run))
        how, out = fetched(s, 3)
        equal((how["state"], out), (ABSENT, b""), how)
        s.send(fetch(4, theirs, run="0" * 32))
        equal(fetched(s, 4)[0]["message"], how["message"], "they differ")
        for n, what in ((5, RUNS), (7, IDS)):
            s.send(fetch(n, theirs, what))
            how, out = fetched(s, n)
            equal((how["state"], out), (FOUND, b""), what)
            s.send(fetch(n + 1, mine, what))
            check(done.run.encode() in fetched(s, n + 1)[1], "control")
        n = 20
        for proof in (os.urandom(32), bytes(32),
                      hashlib.sha256(mine).digest()):
            for what in POLICY, RUNS, KEPT:
                s.send(fetch(n, proof, what, run=done.run))
                how, out = fetched(s, n)
                equal((how["state"], out), (DENIED, b""), n)
                n += 1
        for run in "zz", done.run.upper(), done.run[:-1] + "\n", done.run[:8]:
            s.send(fetch(n, os.urandom(32), KEPT, run=run))
            equal(fetched(s, n)[0]["state"], DENIED, run)
            n += 1
        refused = within("the refusals are recorded", 5, lambda: len(
            r := s.audit("recording-refused")) == n - 20 and r)
        equal({r.get("run.id") for r in refused},
              {None, done.run, done.run[:8]}, "only what can be an id")
        within("the read is recorded", 5,
               lambda: [r for r in s.audit("recording-read")
                        if r["run.id"] == done.run])


def test_reading_beyond_reason():
    """FETCH and its like, malformed or out of order: each ends a frontend."""
    bad = (
        ("old id", lambda p: (fetch(5, p, POLICY), fetch(5, p, POLICY))),
        ("old id", lambda p: (fetch(0, p, POLICY),)),
        ("old id", lambda p: (fetch(5, p, POLICY), call(5, p))),
        ("beyond reason", lambda p: (fetch(1, p, 9),)),
        ("no stream", lambda p: (fetch(1, p, stream=0),)),
        ("no stream", lambda p: (fetch(1, p, stream=3),)),
        ("no stream", lambda p: (fetch(1, p, RUNS, stream=1),)),
        ("beyond reason", lambda p: (fetch(1, p, length=(1 << 20) + 1),)),
        ("beyond reason", lambda p: (fetch(1, p, window=(1 << 20) + 1),)),
        ("beyond reason", lambda p: (fetch(1, p, offset=1 << 63),)),
        ("beyond reason", lambda p: (fetch(1, p, POLICY, window=1), frame(
            CREDIT, u64(1), u32((1 << 20) + 1)))),
        ("not permitted", lambda p: (call(1, p), fetch(1, p, POLICY))),
        ("run", lambda p: (fetch(1, p, run="0" * 33),)),
    )
    for few in bad[:6], bad[6:]:        # each time, the next waits longer
        with hijacked(policy=RECORDED) as s:
            for why, make in few:
                s.up()
                s.send(*make(proof_of(s.token)))
                s.replaced(why)
    with hijacked(policy=RECORDED) as s:
        s.up()
        s.send(frame(CREDIT, u64(77), u32(5)), cancel(77))
        s.send(fetch(1, proof_of(s.token), POLICY))
        check(b"# Policy" in fetched(s, 1)[1], "control")


def test_reading_under_credit():
    """No byte without credit; a stop, a flood and odd ids are survived."""
    with hijacked(policy=RECORDED) as s:
        s.up()
        proof = proof_of(s.token)
        done, _ = s.run(1, proof, "seq 1 100000")
        s.send(fetch(2, proof, run=done.run, length=1 << 20, window=1000))
        code, body = s.next()
        equal((code, len(decode(code, body)["data"])), (PART, 1000), "window")
        s.silent()
        s.send(frame(CREDIT, u64(2), u32(10)))
        equal(len(decode(PART, s.next()[1])["data"]), 10, "credit")
        s.send(cancel(2))
        equal(fetched(s, 2)[0]["state"], DENIED, "stopped")
        # more at once than there is room for
        s.send(*(fetch(n, proof, run=done.run, window=0)
                 for n in range(3, 51)))
        refused = 0
        for _ in range(48 - 32):
            code, body = s.next()
            equal((code, decode(code, body)["state"]), (FETCHED, DENIED))
            refused += 1
        equal(refused, 16, "refused")
        s.send(*(cancel(n) for n in range(3, 51)))
        for _ in range(32):
            equal(s.next()[0], FETCHED, "stopped")
        for n, run in enumerate(("", "../../etc/passwd", "x" * 32, "0" * 31,
                                 "\0" * 32, done.run[:31] + "\n"), 100):
            s.send(fetch(n, proof, run=run))
            equal(fetched(s, n)[0]["state"], ABSENT, run)
        s.send(fetch(200, proof, run=done.run, offset=100000, length=20))
        equal(len(fetched(s, 200)[1]), 20, "control")


def test_reading_ends_with_its_token():
    """What is being read when the token is revoked is read no further."""
    with hijacked(policy=RECORDED) as s:
        token = instance.TOKEN.search(s.ctl(
            "token", "add", "gone", "--policy", s.name)).group()
        within("it is in force", 5, lambda: s.audit("reload-tokens"))
        s.up()
        proof = proof_of(token)
        done, _ = s.run(1, proof, "seq 1 10000")
        s.send(fetch(2, proof, run=done.run, window=1000))
        equal(s.next()[0], PART, "control: it is being read")
        s.ctl("token", "revoke", "gone")
        how, out = fetched(s, 2)
        equal((how["state"], out), (DENIED, b""), how)
        check(b"revoked" in how["message"], how)
        s.send(frame(CREDIT, u64(2), u32(1000)),
               fetch(3, proof, run=done.run, window=1000))
        equal(fetched(s, 3)[0]["state"], DENIED, "afterwards")


def test_unread_frames():
    """A frontend that does not read does not fill the executor's memory."""
    with hijacked(limits={"runs": 8}) as s:
        s.up()
        for n in range(1, 5):
            s.send(call(n, proof_of(s.token), window=0xffffffff),
                   arg(n, "command", "yes"),
                   arg(n, "timeout_ms", "1500", NUMBER),
                   frame(EXEC, u64(n)))
        within("all ended", 15, lambda: len(s.audit(RESULT)) == 4)
        rss = int(next(line for line in pathlib.Path(
            f"/proc/{s.process.pid}/status").read_text().splitlines()
            if line.startswith("VmHWM")).split()[1])
        check(rss < 65536 * s.slow, f"the executor has {rss} KiB")


def test_flood_of_calls():
    """Calls beyond every limit are refused, not queued."""
    with hijacked(limits={"runs": 3}) as s:
        s.up()
        proof = proof_of(s.token)
        for n in range(1, 41):
            s.send(call(n, proof), arg(
                n, "command", "until [ -e go ]; do sleep 0.05; done"),
                   frame(EXEC, u64(n)))
        states = []
        while len(states) < 40:
            if len(states) == 37:
                (s.work / "go").touch()
            code, body = s.recv()
            if code == DONE:
                states.append(Done(body).state)
        equal((states.count(EXITED), states.count(REFUSED_STATE)), (3, 37),
              "states")


def forged_in(log):
    """Lines whose name or priority the frontend may not have."""
    return [line for line in log.splitlines() if "forged" in line
            and not re.match(r"<[3-7]>frontend: ", line)]


def test_forged_journal_lines():
    """What a frontend writes is logged as the frontend's, whatever it is."""
    with hijacked() as s:
        s.up()
        check(os.get_blocking(s.err) is False, "its stderr blocks")
        for text in (b"<0>executor: forged", b"<3>executor: forged",
                     b"executor: forged", b"<0><0>executor: forged",
                     b"a\0<0>executor: forged", b"x\r<0>executor: forged",
                     b"\x1b[2K<0>executor: forged", b"",
                     "\u2028<0>executor: forged \u202e".encode(),
                     b"x" * 1100 + b"<0>executor: forged",
                     b"<0>executor: forged\n<1>executor: forged\n\n\r\n"
                     b"<2>executor: forged", b"<6>frontend: ordinary"):
            os.write(s.err, text + b"\n")
        within("the last", 5, lambda: "<6>frontend: ordinary\n" in s.log())
        log = s.log()
        equal(forged_in(log), [], "forged")
        equal(log.count("forged"), 11, "forged lines")
        check("\0" not in log and "\x1b" not in log and "\r" not in log, log)
        check("x...\n" in log and log.isascii(), "a long line")
        os.write(s.err, b"<5>frontend: last wor")
        os.write(s.err, b"ds, without an end")
        os.kill(s.frontend, signal.SIGKILL)
        s.accept()
        within("both", 5, lambda: re.search(
            r"<5>frontend: last words, without an end\n"
            r"<3>executor: supervise: frontend ended: ", s.log()))
        s.up()
        equal(s.run(1, proof_of(s.token), "echo on")[1], b"on\n", "a run")


def test_flood_of_journal_lines():
    """300 in half a minute, by all frontends; nobody waits for them."""
    with hijacked() as s:
        s.up()
        before = cpu_ms(s.process.pid)
        sent, full, end = 0, 0, time.monotonic() + 3
        while time.monotonic() < end:
            try:
                os.write(s.err, b"<0>executor: forged\n" * 100)
                sent += 100
            except BlockingIOError:
                full += 1
                time.sleep(0.001)
        used = cpu_ms(s.process.pid) - before
        check(full > 0 and sent > 3000, sent, full)
        check(used < 1500 * s.slow, f"the executor used {used} ms")
        equal(s.run(1, proof_of(s.token), "echo on")[1], b"on\n", "a run")
        os.kill(s.frontend, signal.SIGKILL)
        s.accept()
        os.write(s.err, b"<0>executor: forged\n" * 10)
        s.up()
        equal(s.run(1, proof_of(s.token), "echo on")[1], b"on\n", "a run")
        log = s.log()
        equal(forged_in(log), [], "forged")
        equal(log.count("forged"), 300, "lines")
        equal(int(re.search(r"<4>executor: relay: dropped (\d+) lines of the"
                            r" frontend", log)[1]), sent - 300, "dropped")


def test_silent_frontend_is_not_waited_for():
    """SIGTERM ends an executor whose frontend does not answer."""
    with Hijacked(config={"stop_grace_ms": 500}) as s:
        s.up()
        s.process.terminate()
        equal(s.process.wait(30 * s.slow), 0, s.log())
        within("the frontend ends", 5, lambda: not alive(s.frontend))
        s.process = None


def test_real_frontend_after_all():
    """Control: the same instance with the real program serves."""
    with Server() as server:
        check((TOP / "proto" / "msgs.def").exists(), "tree")
        with server.http() as c:
            check(not c.sh("true").error, "runs")
