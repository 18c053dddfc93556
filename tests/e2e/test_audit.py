# SPDX-License-Identifier: MIT
"""The audit log: intent before, result after, and nothing without it."""
import contextlib
import datetime
import hashlib
import hmac
import os
import pathlib
import re
import resource
import subprocess
import time

import instance
from client import (COMMAND, INTENT, RESULT, ROOT, Failed, Http, Server,
                    Skip, alive, check, equal, mark, status_of, within)

INTENT_KEYS = ("@timestamp", "event.action", "run.id", "token.name",
               "policy.name", "source.ip", "mcp.session.id", "mcp.client",
               "mcp.revision", "mcp.tool", COMMAND,
               "process.working_directory", "user.name")
RESULT_KEYS = ("@timestamp", "event.action", "run.id", "token.name",
               "event.outcome", "run.state", "event.duration", "process.pid",
               "stdout.bytes", "stderr.bytes", "stdout.sha256")


def seconds(record):
    text = record["@timestamp"].replace("Z", "+00:00")
    return datetime.datetime.fromisoformat(text).timestamp()


def test_intent_before_result_after():
    with Server() as server, Http(server) as c:
        m = mark()
        conn = c.begin(f"date +%s.%N > when; echo {m}; sleep 0.7")
        server.file("when")
        intent, result = server.run_records(m)
        equal(result, None, "a result while it runs")
        check(seconds(intent) <= float(server.file("when")) + 0.01,
              "the intent is younger than the command")
        check(not c.finish(conn).error, "run")
        result = server.ended(m)
        for key in INTENT_KEYS:
            check(intent.get(key) not in (None, ""), key, intent)
        for key in RESULT_KEYS:
            check(key in result, key, result)
        equal((intent["token.name"], intent["source.ip"],
               intent["mcp.tool"], intent["user.name"]),
              (server.name, "127.0.0.1", "exec_cmd",
               str(server.policy["user"])), intent)
        equal((result["run.state"], result["process.exit_code"],
               result["event.outcome"]), ("exited", 0, "success"), result)
        check(7e8 < result["event.duration"] < 5e9 * server.slow, result)
        conn.close()


def test_redacted():
    """Secrets do not reach the disk: not the command, its words, or what it
    starts; stdin and environment never do."""
    rules = [{"name": "keys", "keys": ["SECRET", "--token"]},
             {"name": "card", "pattern": "4[0-9]{15}"}]
    m = mark()
    with Server({"audit": {"file": "audit.jsonl", "redact": rules}},
                policy={"environment": {"allow": ["SECRET"]}}) as server, \
            Http(server) as c:
        reply = c.sh(f": {m}; SECRET=hush1 sh -c 'echo $SECRET; echo \"$1\"' "
                     "x --token=hush2; /bin/echo --token hush3 "
                     "4111111111111111", stdin="hush4",
                     env={"SECRET": "hush5"})
        for secret in ("hush1", "hush2", "hush3", "4111111111111111"):
            check(secret in reply.text, "the command got it", reply)
        c.call("cli_command", command="echo --token 'hush6 hush6' plain")
        c.sh("echo --token hush7", working_dir="/etc")
        server.ended(m)
        intent, _ = server.run_records(m)
        server.stop()
        raw = server.audit_file.read_text()
        # eight digits: five are in one log of a hundred by chance, in digests
        for secret in ("hush", "41111111"):
            check(secret not in raw, secret, "in the log")
        check("SECRET=[redacted:keys] sh -c" in intent[COMMAND], intent)
        fired = [s.split()[:2] for s in intent[COMMAND + ".redacted"]]
        equal(fired, [["keys", "5"], ["keys", "5"], ["keys", "5"],
                      ["card", "16"]], "what was taken")
        key = bytes.fromhex((server.dir / "redact.key").read_text().strip())
        equal(intent[COMMAND + ".redacted"][0].split()[2],
              hmac.new(key, b"hush1", "sha256").hexdigest(), "HMAC")
        equal(intent["stdin.hmac_sha256"],
              hmac.new(key, b"hush4", "sha256").hexdigest(), "stdin")
        words = [r["process.args"] for r in server.audit("process-exec")]
        check(["/bin/echo", "--token", "[redacted:keys]",
               "[redacted:card]"] in words, words)
        check(["echo", "--token", "[redacted:keys]", "plain"] in words, words)
        check((server.dir / "redact.key").stat().st_mode & 0o777 == 0o600,
              "mode of the key")


def test_each_end():
    """State, code and signal of every kind of end."""
    with Server() as server, Http(server) as c:
        for command, more, state, outcome in (
                ("exit 3", {}, "exited", "failure"),
                ("kill -9 $$", {}, "signalled", "failure"),
                ("sleep 30", {"timeout_ms": 200}, "timed_out", "failure")):
            m = mark()
            c.sh(f": {m}; {command}", **more)
            r = server.ended(m)
            equal((r["run.state"], r["event.outcome"]), (state, outcome), r)
        before = len(server.audit(INTENT))
        c.sh("true", working_dir="/etc")
        r = within("run-refused", 5, lambda: server.audit("run-refused"))[-1]
        check("/etc" in r["event.reason"], r)
        equal(len(server.audit(INTENT)), before, "an intent for nothing")


def test_output_digest():
    with Server() as server, Http(server) as c:
        m = mark()
        c.sh(f"echo {m}; seq 1 50000")
        text = m + "\n" + "".join(f"{i}\n" for i in range(1, 50001))
        r = server.ended(m)
        equal(r["stdout.bytes"], len(text), "bytes")
        equal(r["stdout.sha256"], hashlib.sha256(text.encode()).hexdigest(),
              "digest of all that was written")


def test_program_digest():
    """Of what was executed, where that is a file of the system."""
    path = pathlib.Path("/bin/echo").resolve()
    if path.stat().st_dev not in (os.stat("/").st_dev, os.stat("/usr").st_dev):
        raise Skip(f"{path} is on a file system of its own")
    with Server() as server, Http(server) as c:
        m = mark()
        c.sh(f"/bin/echo {m}; cp /bin/echo own; ./own {m}")
        server.ended(m)
        found = {r["process.executable"]: r.get("process.hash.sha256")
                 for r in server.audit("process-exec")
                 if m in r.get("process.args", ())}
        want = hashlib.sha256(path.read_bytes()).hexdigest()
        equal(found.get(str(path)), want, found)
        check(found[str(server.work / "own")] in (want, None), found)


def test_order_and_sequence():
    with Server() as server, Http(server) as c:
        conns = [c.begin(f"echo {i}") for i in range(12)]
        for conn in conns:
            check(not c.finish(conn).error, "run")
            conn.close()
        within("results", 5, lambda: len(server.audit(RESULT)) == 12)
        records = server.audit()
        seen = set()
        for r in records:
            if r["event.action"] == INTENT:
                seen.add(r["run.id"])
            elif r["event.action"] == RESULT:
                check(r["run.id"] in seen, "result before its intent")
        times = [r["@timestamp"] for r in records]
        equal(times, sorted(times), "time goes on")
        numbers = [r["event.sequence"] for r in records]
        equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))),
              "sequence")


def test_mode_and_life():
    with Server() as server:
        equal(server.audit_file.stat().st_mode & 0o7777, 0o600, "mode")
        equal(server.audit()[0]["event.action"], "start", "first record")
        within("frontend-start", 5, lambda: server.audit("frontend-start"))
        server.reload()
        server.stop()
        equal(server.audit()[-1]["event.action"], "stop", "last record")
        server.start()
        numbers = [r["event.sequence"] for r in server.audit()]
        equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))),
              "sequence goes on across a restart")


def test_large_values():
    """A long command is cut in its record, with length and digest kept."""
    with Server() as server, Http(server) as c:
        m = mark()
        command = f"echo {m} " + "x" * 100000
        c.sh(command)
        intent, _ = server.run_records(m)
        check(len(intent[COMMAND]) < 20000, len(intent[COMMAND]))
        equal(intent[COMMAND + ".length"], len(f"echo {m} ") + 100000,
              "length")
        equal(intent["process.command_line.sha256"],
              hashlib.sha256(command.encode()).hexdigest(), "digest")


def test_torn_tail():
    """A log whose last line was cut by a power failure is gone on with."""
    with Server() as server:
        server.stop()
        with server.audit_file.open("ab") as f:
            f.write(b'{"event.action":"run-int')
        server.start()
        with Http(server) as c:
            m = mark()
            c.sh(f"echo {m}")
        lines = server.audit_file.read_bytes().split(b"\n")
        whole = [x for x in lines if m.encode() in x]
        check(len(whole) >= 1 and whole[0].startswith(b"{"), whole)


def refused_and_recovers(server, c, recover):
    """While the log cannot be written, nothing runs; then it does again."""
    r = c.sh("touch unrecorded")
    check(r.error and "audit" in r.text, r)
    check("/" not in r.text.replace("\n", ""), "the log's path is told", r)
    time.sleep(0.3)
    check(not (server.work / "unrecorded").exists(), "it ran unrecorded")
    within("/healthz says it", 5,
           lambda: server.get("/healthz").status == 503)
    equal(server.get("/healthz").json(), {"status": "unavailable"}, "no more")
    r = c.sh("touch unrecorded")
    check(r.error, "still refused", r)
    recover()
    within("/healthz again", 5,
           lambda: server.get("/healthz").status == 200)
    m = mark()

    def again():
        return not c.sh(f"echo {m} > {m}").error
    within("runs again", 10, again, 0.3)
    check((server.work / m).exists(), "it ran")
    check(not (server.work / "unrecorded").exists(), "ran later")
    for line in server.audit_file.read_bytes().split(b"\n")[:-1]:
        check(line.startswith(b"{") and line.endswith(b"}"), "torn", line)


def test_full_disk():
    if not ROOT:
        raise Skip("only root may mount a small file system")
    server = Server()
    log = server.audit_file.parent
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k,mode=700",
                           "tmpfs", log], capture_output=True, text=True)
    try:
        if made.returncode != 0:
            raise Skip("mount is not permitted here: " + made.stderr)
        server.start()
        with Http(server) as c:
            check(not c.sh("true").error, "control")
            filler = log / "filler"
            with contextlib.suppress(OSError), filler.open("wb",
                                                           0) as f:
                while f.write(b"x" * 512):
                    pass
            # what is left of the last page
            for _ in range(200):
                if c.sh("true").error:
                    break
            refused_and_recovers(server, c, filler.unlink)
        server.stop()
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
        subprocess.run(["umount", "-l", log], capture_output=True)
        server.remove()


def test_read_only():
    """The file system of the log becomes read-only, as after an error of its
    disk, and writable again."""
    if not ROOT:
        raise Skip("only root may remount a file system")
    server = Server()
    log = server.audit_file.parent

    def mount(*options):
        return subprocess.run(["mount", "-t", "tmpfs", "-o",
                               ",".join(("size=4m", "mode=700", *options)),
                               "tmpfs", log], capture_output=True, text=True)

    def remount(how):
        done = subprocess.run(["mount", "-o", f"remount,{how}", log],
                              capture_output=True, text=True)
        check(done.returncode == 0, done.stderr)

    try:
        made = mount()
        if made.returncode != 0:
            raise Skip("mount is not permitted here: " + made.stderr)
        server.start()
        with Http(server) as c:
            check(not c.sh("true").error, "control")
            # A file that is open for writing keeps it from that (EBUSY): it
            # is the log's own, so the kernel is asked to do it anyway.
            done = subprocess.run(["mount", "-o", "remount,ro", log],
                                  capture_output=True, text=True)
            equal(done.returncode != 0, True, "no file was open")
            server.stop()
            remount("ro")
            try:
                server.start()
                raise Failed("it started without a log")
            except instance.Failure as e:
                check("Read-only file system" in str(e), e)
            remount("rw")
            server.start()
        with Http(server) as c:
            check(not c.sh("true").error, "runs again")
        server.stop()
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
        subprocess.run(["umount", "-l", log], capture_output=True)
        server.remove()


def test_file_size_limit():
    """Every write fails with EFBIG, and half of the first one is there."""
    with Server() as server, Http(server) as c:
        check(not c.sh("true").error, "control")
        size = server.audit_file.stat().st_size
        soft, hard = resource.prlimit(server.process.pid,
                                      resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE,
                         (size + 100, hard))
        refused_and_recovers(server, c, lambda: resource.prlimit(
            server.process.pid, resource.RLIMIT_FSIZE, (soft, hard)))
        equal(server.process.poll(), None, "the executor died")


def test_log_taken_away():
    """An unlinked or replaced log is noticed: never a run without record."""
    with Server() as server, Http(server) as c:
        check(not c.sh("true").error, "control")
        server.audit_file.rename(server.audit_file.with_suffix(".old"))
        m = mark()
        r = c.sh(f"echo {m}")
        held = [p for p in server.audit_file.parent.iterdir()
                if m.encode() in p.read_bytes()]
        check(r.error or held, "it ran, and no file holds its record")


def test_run_is_not_faster_than_its_record():
    """fdatasync before execve: seen from outside by strace if there is."""
    strace = next((p for p in ("/usr/bin/strace",) if os.path.exists(p)),
                  None)
    if not strace or not ROOT:
        raise Skip("needs strace and root")
    with Server() as server, Http(server) as c:
        out = server.dir / "trace"
        with subprocess.Popen(
                [strace, "-f", "-qq", "-e", "trace=fdatasync,fsync,execve",
                 "-o", out, "-p", str(server.process.pid),
                 "-p", str(server.launcher_pid())],
                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p:
            for pid in server.process.pid, server.launcher_pid():
                within("it is traced", 10, lambda pid=pid: int(
                    status_of(pid)["TracerPid"]))
            c.call("cli_command", command="true")
            within("the program is seen", 10, lambda: "execve(" in
                   out.read_text())
            p.terminate()
        text = pathlib.Path(out).read_text()
        # all of it is ready by then, and begins when the disk has answered
        synced = re.search(r"sync(\(| resumed>).*\) += 0", text)
        check("true" in text and synced is not None
              and synced.end() < text.index("execve("), text[-800:])


def test_ready_is_not_begun():
    """Killed while the disk is slow: what was made ready never begins."""
    strace = "/usr/bin/strace"
    if not os.path.exists(strace) or not ROOT:
        raise Skip("needs strace and root")
    with Server() as server, Http(server) as c:
        m = mark()
        c.sh(f"echo control >control; : {m}")
        check((server.work / "control").exists(), "it runs otherwise")
        server.ended(m)
        server.ctl("status")        # its record is synced, with those before
        with subprocess.Popen(
                [strace, "-qq", "-e", "trace=fdatasync", "-e",
                 "inject=fdatasync:delay_enter=30000000", "-o", "/dev/null",
                 "-p", str(server.process.pid)],
                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p, \
                contextlib.ExitStack() as stack:
            stack.callback(p.kill)      # also if a check below fails
            within("it is traced", 10, lambda: int(status_of(
                server.process.pid)["TracerPid"]))
            conn = c.begin("echo began >began")
            guard = within("a guard", 10, lambda: instance.children(
                server.launcher_pid()))[0]
            ready = within("its child", 10, lambda: instance.children(
                guard))[0]
            check(not (server.work / "began").exists(), "it began")
            server.process.kill()
            p.kill()            # else it holds the dead until the delay ends
            server.process.wait()
            within("both are gone", 10, lambda: not (
                alive(guard) or alive(ready)))
        check(not (server.work / "began").exists(), "it began after all")
        conn.close()
        server.start()
        equal(Http(server).sh("echo on").text, "on\n", "a further run")
