# SPDX-License-Identifier: MIT
"""Copies of audit records: the real journal, rsyslog, and Linux audit.

journald and rsyslogd run for the test alone, on sockets of its own; the
kernel's audit is switched on for as long as its records are listened to.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time

import instance
from records import Like, differences
from client import ROOT, SLOW, Http, Server, Skip, check, equal, mark, within

JOURNALD = "/lib/systemd/systemd-journald"
# It must not take the kernel's messages or audit from their owner.
JOURNALD_CONF = """[Journal]
Storage=volatile
ReadKMsg=no
ForwardToSyslog=no
RateLimitIntervalSec=0
Audit=no
"""
# Through a directory of the host's, as /proc/PID/root is not for the executor,
# which may not look into processes that have more power than it.
SCENE = ('mount --bind "$0" /run && '
         "mkdir -p /run/systemd/journal /run/systemd/journald.conf.d && "
         "cat >/run/systemd/journald.conf.d/test.conf && "
         f"exec {JOURNALD}")


def receiving(**keys):
    return {"audit": {"file": "audit.jsonl", **keys}}


def end(process):
    process.terminate()
    try:
        process.wait(10 * SLOW)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Journal:
    """journald in a /run of its own."""

    def __init__(self):
        if not ROOT:
            raise Skip("journald needs root")
        if not os.path.exists(JOURNALD):
            raise instance.Failure("journald is missing: run tests/deps")

    def __enter__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="mcp-execd-run."))
        self.root.chmod(0o755)
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", SCENE, self.root], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=instance.die_with_parent)
        self.process.stdin.write(JOURNALD_CONF)
        self.process.stdin.close()
        self.socket = str(self.root / "systemd/journal/socket")
        within("journald listens", 10, lambda: os.path.exists(self.socket)
               and os.path.exists(self.root / "log/journal"))
        return self

    def __exit__(self, *_):
        end(self.process)
        shutil.rmtree(self.root, ignore_errors=True)

    def records(self):
        out = subprocess.run(
            ["journalctl", "-D", self.root / "log/journal", "-o", "json",
             "-a", "--no-pager", "SYSLOG_IDENTIFIER=mcp-execd"], text=True,
            capture_output=True, timeout=30 * SLOW).stdout
        return [json.loads(line) for line in out.splitlines()]

    def with_command(self, m):
        return [r for r in self.records()
                if m in (r.get("MCP_PROCESS_COMMAND_LINE") or "")]


def lines(server):
    return server.audit_file.read_text().splitlines()


def message_id(action):
    raw = bytearray(hashlib.sha256(b"mcp-execd message v1\0" +
                                   action.encode()).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return raw.hex()


def test_journal():
    with Journal() as journal, Server(receiving(
            journal="on", journal_socket=journal.socket)) as server, \
            Http(server) as c:
        m = mark()
        c.sh(f"echo {m} 'two\nlines \x1b[31m'")
        server.ended(m)
        found = within("the intent in the journal", 5,
                       lambda: journal.with_command(m))[0]
        equal(found["MESSAGE_ID"], message_id("run-intent"), "MESSAGE_ID")
        equal(found["MCP_EVENT_ACTION"], "run-intent", "action")
        equal(found["MCP_TOKEN_NAME"], server.name, "token")
        equal(found["PRIORITY"], "5", "notice")
        check("run-intent" in found["MESSAGE"], found["MESSAGE"])
        check("\x1b" not in found["MCP_PROCESS_COMMAND_LINE"], "escaped")
        check(found["MCP_RECORD"] in lines(server), "the line as it is")
        # More than a datagram holds: it goes as a file.
        big = mark()
        c.call("cli_command", command=f"true {big} " + " ".join(
            ["\x02" * 2000] * 60))
        server.ended(big)
        intent, _ = server.run_records(big)
        check(len(json.dumps(intent)) > 60000, "not large")
        found = within("the large one in the journal", 5,
                       lambda: journal.with_command(big))[0]
        check(found["MCP_RECORD"] in lines(server), "the large line")


def test_all_and_in_order():
    """What waits while the journal is away comes when it is back."""
    with Journal() as journal:
        path = "/tmp/" + mark() + ".socket"
        try:
            with Server(receiving(journal="on", journal_socket=path)) as \
                    server, Http(server) as c:
                check(not c.sh("echo away").error, "runs go on")
                failure = within("the failure is recorded", 5, lambda:
                                 server.audit("receiver-failure"))[0]
                os.symlink(journal.socket, path)
                m = mark()
                c.sh(f": {m}")
                back = within("it is back", 5, lambda:
                              server.audit("receiver-success"))[0]
                for r, why in (failure, {"event.reason": Like(
                        f".*{path}.*: No such file or directory")}), (back, {}):
                    wrong = differences(r, {
                        "event.action": r["event.action"], **why,
                        "receiver.name": "journal", "records": 0})
                    check(not wrong, wrong)
                within("all is there", 10, lambda: [
                    r["MCP_RECORD"] for r in journal.records()
                    if "MCP_RECORD" in r] == lines(server))
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


RSYSLOG_CONF = """
global(workDirectory="{dir}")
module(load="imuxsock" SysSock.Use="off")
module(load="mmjsonparse")
input(type="imuxsock" Socket="{dir}/log" CreatePath="off")
template(name="parsed" type="string"
  string="%syslogfacility-text%.%syslogseverity-text% %programname% \
%$!event.action% %$!run.id% %msg%\\n")
action(type="mmjsonparse")
action(type="omfile" file="{dir}/out" template="parsed" asyncWriting="off")
"""


class Rsyslog:
    def __enter__(self):
        if shutil.which("rsyslogd", path="/usr/sbin:/usr/bin") is None:
            raise instance.Failure("rsyslogd is missing: run tests/deps")
        self.dir = pathlib.Path("/tmp") / mark()
        self.dir.mkdir()
        (self.dir / "conf").write_text(RSYSLOG_CONF.format(dir=self.dir))
        self.socket = str(self.dir / "log")
        self.start()
        return self

    def start(self):
        self.process = subprocess.Popen(
            ["/usr/sbin/rsyslogd", "-n", "-f", self.dir / "conf",
             "-i", self.dir / "pid"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=instance.die_with_parent)
        within("rsyslogd listens", 10, lambda: os.path.exists(self.socket))

    def stop(self):
        end(self.process)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir)

    def lines(self):
        try:
            return (self.dir / "out").read_text().splitlines()
        except FileNotFoundError:
            return []


def test_syslog():
    with Rsyslog() as syslog, Server(receiving(
            syslog="on", syslog_socket=syslog.socket)) as server, \
            Http(server) as c:
        m = mark()
        c.sh(f": {m}")
        result = server.ended(m)
        # mmjsonparse took the record apart.
        want = f"authpriv.notice mcp-execd run-result {result['run.id']} "
        within("the result in rsyslog", 5, lambda: [
            line for line in syslog.lines() if line.startswith(want)])
        big = mark()
        c.sh(f": {big} " + "x" * 20000)
        line = within("the large one", 5, lambda: [
            line for line in syslog.lines()
            if big in line and "is in the audit log only" in line])[0]
        check(len(line) < 8192, "cut by us, not by rsyslog")
        c.call("exec_cmd", command="true", working_dir="/etc")
        within("a refusal", 5, lambda: [
            line for line in syslog.lines()
            if line.startswith("authpriv.warning mcp-execd run-refused")])


def test_required():
    """Nothing runs while a required receiver takes nothing; then it does."""
    with Rsyslog() as syslog, Server(receiving(
            syslog="required", syslog_socket=syslog.socket)) as server, \
            Http(server) as c:
        check(not c.sh("true").error, "as it is")
        syslog.stop()
        m = mark()
        reply = c.sh(f"echo {m} >refused-{m}")
        check(reply.error and "audit" in reply.text, reply)
        check(not (server.work / f"refused-{m}").exists(), "it ran")
        within("the administrator is told", 5, lambda:
               "receiver syslog is required" in server.stderr.read_text())
        syslog.start()
        within("runs again", 10, lambda: not c.sh("true").error)
        within("the one refused", 5, lambda: any(
            m in line for line in syslog.lines()))


# --- Linux audit ---------------------------------------------------------------

AUDIT_GET, AUDIT_SET, USER_CMD, LOGIN = 1000, 1001, 1123, 1006
ENABLED = 1


def netlink(groups=0):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)
    s.bind((0, groups))
    s.settimeout(0.2)
    return s


def ask(s, kind, data=b""):
    s.send(struct.pack("=IHHII", 16 + len(data), kind, 5, 1, 0) + data)
    while True:
        answer = s.recv(65536)
        length, got = struct.unpack_from("=IH", answer)
        if got == 2:
            error, = struct.unpack_from("=i", answer, 16)
            if error:
                raise Skip(f"Linux audit: {os.strerror(-error)}")
            if kind != AUDIT_GET:
                return None
        elif got == kind:
            return answer[16:length]


def set_enabled(s, value):
    ask(s, AUDIT_SET, struct.pack("=10I", ENABLED, value, *[0] * 8))


@contextlib.contextmanager
def listening():
    """A socket that hears all records of the kernel's audit."""
    if not ROOT:
        raise Skip("Linux audit needs root")
    try:
        control, ears = netlink(), netlink(1)
    except OSError as e:
        raise Skip(f"Linux audit: {e.strerror}") from None
    with control, ears:
        before, = struct.unpack_from("=I", ask(control, AUDIT_GET), 4)
        ears.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        set_enabled(control, 1)
        try:
            yield ears
        finally:
            set_enabled(control, before)


def heard(ears, seconds, *wanted):
    """For each (kind, text...) the record that has it, in whatever order they
    come: other servers' are between them."""
    until = time.monotonic() + seconds
    found = [None] * len(wanted)
    while time.monotonic() < until and None in found:
        with contextlib.suppress(TimeoutError):
            data = ears.recv(65536)
            kind = struct.unpack_from("=H", data, 4)[0]
            text = data[16:].decode(errors="replace")
            for i, (of_kind, *parts) in enumerate(wanted):
                if of_kind == kind and all(p in text for p in parts):
                    found[i] = found[i] or text
    check(None not in found, f"not heard within {seconds} s:", *(
        w for w, text in zip(wanted, found) if text is None))
    return found


def test_kernel():
    """USER_CMD for the intent, LOGIN for the login uid, by the kernel."""
    with listening() as ears, Server(receiving(kernel="on")) as server, \
            Http(server) as c:
        m = mark()
        command = f"echo 'a \"{m}\"' >/dev/null"
        c.sh(command)
        result = server.ended(m)
        intent, _ = server.run_records(m)
        text, _ = heard(
            ears, 10, (USER_CMD, command.encode().hex().upper()),
            (LOGIN, f" auid={intent['user.audit.id']} ",
             f" ses={result['auditd.session']} "))
        for part in (f"acct={server.name}", "res=success", "addr=127.0.0.1",
                     f"run={intent['run.id']}"):
            check(part in text, part, text)
        c.sh("true", working_dir="/etc")
        heard(ears, 10, (USER_CMD, "res=failed", f"acct={server.name}"))


def test_message_ids_in_the_manual():
    manual = (instance.TOP / "executor/mcp-execd-audit.5").read_text()
    pairs = re.findall(r"^\.It Li ([0-9a-f]{32})\n(.*)$", manual, re.M)
    headings = [name.strip() for line in re.findall(
        r"^\.Ss ([a-z].*)$", manual, re.M) for name in line.split(",")]
    for name in set(headings) - {name for _, name in pairs}:
        raise instance.Failure(f"mcp-execd-audit(5), RECEIVERS: add .It Li "
                               f"{message_id(name)} for {name}")
    equal(len(pairs), len(headings), "names that are not a record's")
    for found, name in pairs:
        equal(found, message_id(name), name)


def test_modes_are_checked():
    with Server() as server:
        server.config["audit"].update(journal="yes", syslog_socket="log")
        server.config_file.write_text(json.dumps(server.config))
        try:
            server.ctl("check")
            raise instance.Failure("taken")
        except instance.Failure as e:
            check('"required"' in str(e) and "absolute" in str(e), e)
