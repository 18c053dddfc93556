# SPDX-License-Identifier: MIT
"""Whole records: each field has its value, and there is no other field.

What is expected comes from somewhere else than the log: from what the command
saw of itself, from /proc, from the files, from what was sent.  Lint `fields`
fails when a field of audit.schema.json is in no test with a value.
"""
import array
import contextlib
import ctypes
import datetime
import fcntl
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import termios
import time

from client import (ROOT, Server, Skip, check, equal, guards, mark,
                    processes, within)
from instance import children
from modern import REVISION, Modern
from records import Between, Like, differences
from test_budget import small_disk

LOG_ONLY = bool(os.environ.get("MCP_EXECD_LOG_ONLY"))
DIGEST = "[0-9a-f]{64}"
RLIMITS = {"open_files": ("Max open files", 512),
           "file_size_bytes": ("Max file size", 8 << 20),
           "processes": ("Max processes", 500),
           "memory_bytes": ("Max address space", 4 << 30),
           "cpu_seconds": ("Max cpu time", 60),
           "core_bytes": ("Max core file size", 4096),
           "stack_bytes": ("Max stack size", 4 << 20),
           "locked_bytes": ("Max locked memory", 65536)}
SERVER = {"name": "whole",
          "config": {"audit": {
              "file": "audit.jsonl", "redact": [
                  {"name": "keys", "keys": ["SECRET"]}]}},
          "policy": {
              "environment": {"allow": ["CI", "TERM"]},
              "limits": {k: v for k, (_, v) in RLIMITS.items()}}}
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def sha256(text):
    return hashlib.sha256(text if isinstance(text, bytes)
                          else text.encode()).hexdigest()


def whole(record, want):
    """The record is exactly that."""
    wrong = differences(record, want)
    check(not wrong, record["event.action"], wrong)


def keyed(server, text):
    key = bytes.fromhex((server.dir / "redact.key").read_text().strip())
    return hmac.new(key, text if isinstance(text, bytes) else text.encode(),
                    "sha256").hexdigest()


def caller(c, tool="exec_cmd"):
    return {"source.ip": "127.0.0.1", "mcp.session.id": c.session,
            "mcp.client": "e2e 1", "mcp.revision": c.revision,
            "mcp.tool": tool}


def owner(server, run=None):
    found = {"token.name": server.name, "policy.name": server.name}
    return {**found, "run.id": run} if run else found


def of_run(server, action, run, count=1):
    found = within(f"{action} of {run}", 5, lambda: [r for r in server.audit(
        action) if r["run.id"] == run][count - 1:])
    return found[0]


def landlock_abi():
    """landlock_create_ruleset(2): 444 everywhere."""
    return max(0, ctypes.CDLL(None, use_errno=True).syscall(444, 0, 0, 1))


def test_order(server):
    """What every record has: its place, and the time."""
    with server.http() as c:
        wall, mono = time.time(), time.monotonic_ns()
        run = c.sh("true").data["run_id"]
        result = of_run(server, "run-result", run)
        intent = of_run(server, "run-intent", run)
    every = server.audit()
    for before, record in zip(every, every[1:]):
        equal(record["v"], 1, "version")
        equal(record["event.sequence"], before["event.sequence"] + 1, record)
        check(record["monotonic_ns"] >= before["monotonic_ns"], record)
    for r in intent, result:
        at = datetime.datetime.fromisoformat(
            r["@timestamp"].replace("Z", "+00:00")).timestamp()
        check(wall - 0.001 <= at <= time.time(), "@timestamp", at, wall)
        check(mono <= r["monotonic_ns"] <= time.monotonic_ns(), r, mono)


def posture_digest(intent):
    return intent["posture"]["seccomp.sha256"]


def posture_of(server, said):
    """From what the command saw: id, its limits, its status, its mounts."""
    ids, _, rest = said.partition("Limit ")
    uid, gid, groups = ids.split("\n")[:3]
    limits = {k: int(re.search(rf"^{name} +(\d+)", rest, re.M)[1])
              for k, (name, _) in RLIMITS.items()}
    equal(limits, {k: v for k, (_, v) in RLIMITS.items()}, "limits in force")
    status = dict(line.split(":\t", 1) for line in rest.splitlines()
                  if ":\t" in line)
    equal((status["CapEff"], status["CapPrm"], status["NoNewPrivs"]),
          ("0" * 16, "0" * 16, "1"), "rights")
    return {"uid": int(uid), "gid": int(gid),
            "groups": [int(g) for g in groups.split() if g != gid],
            "no_new_privs": status["NoNewPrivs"] == "1",
            "capabilities": "none", **limits}


def test_intent(server):
    with server.http() as c:
        m = mark()
        command = f": {m} SECRET=hush; id -u; id -g; id -G; " \
                  "cat /proc/self/limits /proc/self/status"
        r = c.ask("tools/call", {"name": "exec_cmd", "arguments": {
            "command": command, "stdin": "hush2", "chatInput": "LOW",
            "env": {"CI": "7", "TERM": "dumb"}, "timeout_ms": 7654}})
        run, said = (r["structuredContent"][k] for k in ("run_id", "stdout"))
        intent = of_run(server, "run-intent", run)
        clean = command.replace("hush", "[redacted:keys]")
        taken = [f"keys 4 {keyed(server, 'hush')}"]
        layers = intent["posture"]["layers"]
        whole(intent, {
            "event.action": "run-intent", **owner(server, run), **caller(c),
            "process.command_line": clean,
            "process.command_line.redacted": taken,
            "process.args": ["/bin/sh", "-c", clean],
            "process.args.redacted": taken, "process.args_count": 3,
            "process.env_names": ["CI", "TERM"],
            "process.working_directory": str(server.work),
            "user.name": str(server.policy["user"]), "timeout_ms": 7654,
            "stdin.bytes": 5, "stdin.hmac_sha256": keyed(server, "hush2"),
            "mcp.ignored_arguments": ["chatInput"],
            "posture": intent["posture"],
            **({"user.audit.id": Between(1, 2**32 - 2)}
               if "loginuid" in layers else {})})
        # of two runs of one policy, and of another's, in the same words
        again = of_run(server, "run-intent", c.sh("true").data["run_id"])
    equal(again["posture"], intent["posture"], "the same policy's")
    server.add_policy("logging", syscalls={"log_only": True})
    with server.http(token=server.add("log", policy="logging")) as c:
        other = of_run(server, "run-intent",
                       c.sh("true").data["run_id"])["posture"]
    equal((other["seccomp.log_only"], other["execs"]), (True, "off"), other)
    check(other["seccomp.sha256"] != posture_digest(intent) or LOG_ONLY,
          "another filter")
    differ = differences(intent["posture"], {
        **posture_of(server, said), "directory": str(server.work),
        "network": "none", "processes.seen": "own", "seccomp": "default",
        **kernel_posture(intent["posture"])})
    check(not differ, differ)


def kernel_posture(p):
    """What depends on the kernel, from what the kernel itself says."""
    abi = landlock_abi()
    every = ["mounts", "pids", "ipc", "network", "landlock", "seccomp",
             "loginuid"]
    missing = [x for x in every if x not in p["layers"]]
    check(not {"mounts", "pids", "network", "seccomp"} & {*missing}, p)
    equal("landlock" in missing, abi == 0, p)
    return {"layers": [x for x in p["layers"] if x in ("user", "cgroup")
                       or x not in missing],
            "landlock.abi": abi,
            "level": "kernel" if {"landlock"} & {*missing} else "strict",
            "execs": p["execs"], "seccomp.sha256": Like(DIGEST),
            **({"seccomp.log_only": True} if LOG_ONLY else {}),
            **{k: p[k] for k in ("missing", "landlock.lacks") if k in p}}


def test_caller_without_a_session(server):
    with Modern(server) as c:
        r = c.ask("tools/call", {"name": "exec_cmd", "arguments": {
            "command": "true"}}, traceparent=TRACE)
        run = r["structuredContent"]["run_id"]
    intent = of_run(server, "run-intent", run)
    equal({k: v for k, v in intent.items()
           if k.startswith(("source.", "mcp.", "trace."))},
          {"source.ip": "127.0.0.1", "mcp.session.id": "",
           "mcp.client": "e2e 1", "mcp.revision": REVISION,
           "mcp.tool": "exec_cmd", "trace.parent": TRACE,
           "trace.id": TRACE[3:35]}, "caller")


def test_long_words(server):
    """What is too long is cut; its length and its digest are of all of it."""
    word = "w" * 100000
    with server.http() as c:
        run = c.call("cli_command",
                     command="/bin/true " + word).data["run_id"]
        line = ("/bin/true " + word).encode()
        words = b"/bin/true\0" + word.encode() + b"\0"
        intent = of_run(server, "run-intent", run)
        equal({k: v for k, v in intent.items() if "command_line." in k},
              {"process.command_line.length": len(line),
               "process.command_line.hmac_sha256": keyed(server, line)},
              "command")
        check(intent["process.command_line"] == line.decode()[
            :len(intent["process.command_line"])], "its beginning")
        exec_ = of_run(server, "process-exec", run)
    equal({k: exec_.get(k) for k in (
        "process.args_cut", "process.args_bytes", "process.args_hmac_sha256")},
        {"process.args_cut": True, "process.args_bytes": len(words),
         "process.args_hmac_sha256": keyed(
             server, hashlib.sha256(words).digest())}, "words")


def test_result(server):
    with server.http() as c:
        begin = time.monotonic_ns()
        r = c.sh("echo out; echo error >&2; exit 3")
        run = r.data["run_id"]
        result = of_run(server, "run-result", run)
        most = time.monotonic_ns() - begin
        check("audit_session" not in result, result)
        whole(result, {
            "event.action": "run-result", **owner(server, run),
            "event.outcome": "failure", "run.state": "exited",
            "event.duration": Between(r.data["duration_ms"] * 10**6, most),
            "process.pid": Between(2, 2**22), "process.exit_code": 3,
            "stdout.bytes": 4, "stdout.returned_bytes": 4,
            "stdout.sha256": sha256("out\n"),
            "stderr.bytes": 6, "stderr.returned_bytes": 6,
            "stderr.sha256": sha256("error\n"),
            "rusage.user_us": Between(0, most // 1000),
            "rusage.system_us": Between(0, most // 1000),
            "rusage.max_rss_kib": Between(500, 200000),
            "run.processes_left": 0, "run.execs": 1, **session_of(result)})


def session_of(result):
    """Where a login uid is set, each run has a session of its own."""
    return {"auditd.session": Between(1, 2**32 - 2)} \
        if "auditd.session" in result else {}


def test_usage(server):
    """Of processor and memory, as much as was used."""
    with server.http() as c:
        run = c.sh("python3 -c 'import time; x = b\"x\" * (64 << 20)\n"
                   "while time.process_time() < .2: pass' "
                   "|| exit 1; kill -USR1 $$").data["run_id"]
        r = of_run(server, "run-result", run)
    equal((r["run.state"], r["process.signal"]), ("signalled", 10), r)
    check(150000 <= r["rusage.user_us"] + r["rusage.system_us"] < 10**7, r)
    check(60 << 10 <= r["rusage.max_rss_kib"] < 200 << 10, r)


def test_what_was_ended(server):
    with server.http() as c:
        run = c.sh("sleep 61 >/dev/null 2>&1 & sleep 62 >/dev/null 2>&1 & "
                   "/nonexistent/x; true").data["run_id"]
        r = of_run(server, "run-result", run)
    equal((r["run.processes_ended"], r["run.processes_left"]), (2, 0), r)


def test_denial(server):
    """What the filter refused, of which process, with which arguments."""
    code = "import ctypes; ctypes.CDLL(None).syscall(103, 3, 5, 7, 8, 9, 10)"
    with server.http() as c:
        r = c.sh(f"python3 -c '{code}' || true")
        run = r.data["run_id"]
        denial = of_run(server, "run-denial", run)
        result = of_run(server, "run-result", run)
    if os.uname().machine == "x86_64":
        equal(denial["denial.syscall_number"], 103, "syslog(2)")
        equal(denial["denial.args"],
              ["0x3", "0x5", "0x7", "0x8", "0x9", "0xa"], "its arguments")
    whole(denial, {
        "event.action": "run-denial", **owner(server, run),
        "event.outcome": "failure", "denial.rule": "filter",
        "denial.syscall": "syslog",
        "denial.syscall_number": denial["denial.syscall_number"],
        "denial.args": denial["denial.args"],
        "process.namespace_pid": Between(2, 20), "process.name": "python3"})
    equal(result["run.denials"], 1, "count")
    equal(result["run.explained"], "\n".join(r.data["denials"]), "told")


def test_told_is_shown(server):
    """Why was that refused?  What the caller read is in audit show."""
    with server.http() as c:
        r = c.sh("touch /usr/x; unshare -U true")
        told = r.data["denials"]    # one where filters only log
        check(told, r)
        shown = server.ctl("audit", "show", r.data["run_id"])
        check(re.search("\n  told +" + "\n +".join(map(re.escape, told))
                        + "\n", shown), shown)
        shown = server.ctl("audit", "show", c.sh("true").data["run_id"])
        check("  told " not in shown, shown)


def test_denied_capability(server):
    """A call that the kernel refuses, as no capability for it is kept."""
    if not ROOT:
        raise Skip("in a user namespace of its own these are other errors")
    with server.http() as c:
        run = c.sh("python3 -c 'import os; os.setresuid(0, 4, 0)' "
                   "2>/dev/null; true").data["run_id"]
        denial = of_run(server, "run-denial", run)
        result = of_run(server, "run-result", run)
    if os.uname().machine == "x86_64":
        equal(denial["denial.syscall_number"], 117, "setresuid(2)")
    equal(denial["denial.args"][:3], ["0x0", "0x4", "0x0"], "its arguments")
    whole(denial, {
        "event.action": "run-denial", **owner(server, run),
        "event.outcome": "failure", "denial.rule": "capability",
        "denial.syscall": "setresuid",
        "denial.syscall_number": denial["denial.syscall_number"],
        "denial.args": denial["denial.args"],
        "process.namespace_pid": Between(2, 20), "process.name": "python3"})
    equal(result["run.denials"], 1, "count")


def test_denied_path(server):
    place = server.work / "others.sock"
    with socket.socket(socket.AF_UNIX) as s, server.http() as c:
        s.bind(str(place))
        place.chmod(0o777)
        s.listen()
        run = c.sh("python3 -c 'import socket; socket.socket(1).connect("
                   f"\"{place}\")' 2>/dev/null").data["run_id"]
        denial = of_run(server, "run-denial", run)
    equal((denial["denial.rule"], denial["denial.syscall"],
           denial["file.path"]), ("socket", "connect", str(place)), denial)
    shown = " ".join(server.ctl("audit", "show", run).split())
    refused = shown.partition("Refused (1)")[2].partition("Result")[0]
    check("key unix_sockets" in refused and "key syscalls" not in refused and
          f"the local socket {place} is of others" in refused and
          "; by python3" in refused and "; path" not in refused, refused)


def test_programs(server):
    """Each that starts, and how many do not."""
    path = os.path.realpath("/bin/cat")
    stat = os.stat(path)
    with server.http() as c:
        run = c.sh("cd /usr; ./bin/cat /proc/self/stat; echo '#!/none' "
                   f">{server.work}/bad; chmod +x {server.work}/bad; "
                   f"{server.work}/bad; true").data
        result = of_run(server, "run-result", run["run_id"])
    cat, = [r for r in server.audit("process-exec")
            if r["run.id"] == run["run_id"]
            and r["process.asked"] == "./bin/cat"]
    pid, _, _, parent = run["stdout"].split()[:4]
    whole(cat, {
        "event.action": "process-exec", **owner(server, run["run_id"]),
        "event.outcome": "success", "process.namespace_pid": int(pid),
        "process.parent.namespace_pid": int(parent),
        "process.asked": "./bin/cat", "process.executable": path,
        "process.args": ["./bin/cat", "/proc/self/stat"],
        "process.working_directory": "/usr",
        "file.device": stat.st_dev, "file.inode": stat.st_ino,
        "process.hash.sha256": sha256(open(path, "rb").read())})
    equal((result["run.execs"], result["run.execs_failed"]), (3, 1), result)


TRACER = """
import ctypes, os
c = ctypes.CDLL(None)
pid = os.fork()
if pid == 0:
    c.ptrace(0, 0, 0, 0)
    os.execv("/bin/true", ["true", "traced"])
while not os.WIFEXITED(os.waitpid(pid, 0)[1]):
    c.ptrace(7, pid, 0, 0)
if c.unshare(0x10020000):   # CLONE_NEWUSER, CLONE_NEWNS
    print("no namespaces")
os.execv("/bin/true", ["true", "alone"])
"""


def test_programs_beside_the_guard(server):
    """One that another traces, and one with mounts of its own."""
    server.add_policy("free", syscalls={
        "allow": ["@debug", "@namespace", "@mount"]})
    with server.http(token=server.add("free", policy="free")) as c:
        r = c.sh("cat > x; python3 x", stdin=TRACER)
        of_run(server, "run-result", r.data["run_id"])
    if "no namespaces" in r.text:
        raise Skip("this kernel gives nobody namespaces")
    for word, *want in ("traced", True, True, None), \
            ("alone", None, None, True), ("x", None, None, None):
        found, = [x for x in server.audit("process-exec")
                  if x["run.id"] == r.data["run_id"]
                  and x["process.args"][1:] == [word]]
        equal([found.get("process.unconfirmed"), found.get("process.traced"),
               found.get("process.own_mounts")], want, word)


def test_session(server):
    with server.http() as c:
        c.delete()
        begin = within("its begin", 5, lambda: [
            r for r in server.audit("session-begin")
            if r["mcp.session.id"] == c.session])[0]
        end = within("its end", 5, lambda: [
            r for r in server.audit("session-end")
            if r["mcp.session.id"] == c.session])[0]
        want = {"source.ip": "127.0.0.1", "mcp.session.id": c.session,
                "mcp.client": "e2e 1", "mcp.revision": c.revision}
        whole(begin, {"event.action": "session-begin", **owner(server),
                      **want})
        whole(end, {"event.action": "session-end", **want})


def test_refused(server):
    with server.http() as c:
        r = c.sh("echo SECRET=hush", working_dir="/etc")
        refused = within("a record", 5, lambda: server.audit(
            "run-refused"))[-1]
        check(refused["event.reason"] in r.text, refused, r)
        whole(refused, {
            "event.action": "run-refused", **owner(server), **caller(c),
            "process.command_line": "echo SECRET=[redacted:keys]",
            "process.command_line.redacted": [
                f"keys 4 {keyed(server, 'hush')}"],
            "event.outcome": "failure",
            "event.reason": Like(".*/etc.*")})


def test_authentication(server):
    for _ in range(3):
        server.get("/mcp", "mxt_" + "A" * 43)
    within("three failures", 5, lambda: sum(
        r["event.count"] for r in server.audit("auth-failure")) == 3)
    for r in server.audit("auth-failure"):
        whole(r, {"event.action": "auth-failure", "source.ip": "127.0.0.1",
                  "event.outcome": "failure", "event.reason": "unknown",
                  "event.count": Between(1, 3)})


def test_administrator(server):
    """Who asked, and what."""
    with server.http() as c:
        m = mark()
        conn = c.begin(f"sleep 63; : {m}")
        server.running(m)
        run = server.run_records(m)[0]["run.id"]
        server.ctl("kill", run)
        server.ctl("audit", "search", "--token", "nobody")
        c.finish(conn)
        conn.close()
    who = {"event.outcome": "success", "user.id": os.geteuid(),
           "process.pid": Between(2, 2**22), "process.name": "mcp-execctl"}
    killed = within("kill", 5, lambda: [
        r for r in server.audit("control")
        if r["control.verb"] == "kill"])[-1]
    read = within("audit-read", 5, lambda: server.audit("audit-read"))[-1]
    for r in killed, read:
        if "user.audit.id" in r:    # of this test's own login
            who["user.audit.id"] = int(open("/proc/self/loginuid").read())
    whole(killed, {"event.action": "control", "control.verb": "kill",
                   "run.id": run, **who})
    whole(read, {"event.action": "audit-read", "control.verb": "search",
                 "control.arguments": "--token nobody", **who})


def test_reload(_):
    """How much is in force; and of what does not fit, all findings."""
    with Server(name="whole") as server:
        path = server.add_policy("second")
        texts = server.audit("reload")[-1]["policy.sha256"]
        check(texts != server.audit("start")[-1]["policy.sha256"], texts)
        whole(server.audit("reload")[-1], {
            "event.action": "reload", "event.outcome": "success",
            "token.count": 1, "policy.count": 2, "policy.sha256": Like(DIGEST),
            "policy.added": ["second"]})
        server.add("second", policy="second")
        within("the token", 5, lambda: server.audit("reload-tokens"))
        whole(server.audit("reload-tokens")[-1], {
            "event.action": "reload-tokens", "event.outcome": "success",
            "token.count": 2, "policy.count": 2, "policy.sha256": texts})
        path.write_text(json.dumps({
            **server.policy, **{f"{'k' * 200}{i}": 1 for i in range(400)}}))
        r = server.reload()
        reason = r["event.reason"]
        check(f"{path}:" in reason and "unknown key" in reason, reason)
        whole(r, {
            "event.action": "reload", "event.outcome": "failure",
            "event.reason": reason,
            "event.reason.length": Between(len(reason) + 1, 1 << 20),
            "event.reason.sha256": Like(DIGEST),
            "token.count": 2, "policy.count": 2, "policy.sha256": texts})


def test_changed_policies(_):
    """Who asks what changed since last week finds it by name."""
    common = {"event.action": "reload", "event.outcome": "success",
              "token.count": 1, "policy.sha256": Like(DIGEST)}
    tool = {"description": "Says a word.", "argv": ["/bin/echo", "a"]}
    with Server(name="whole", definitions={"say": tool}) as server:
        path = server.add_policy("first", tools=["say"])
        server.add_policy("second")
        before = server.audit("reload")[-1]["policy.sha256"]

        def changes(count, **found):
            whole(server.reload(), {**common, "policy.count": count, **{
                f"policy.{k}": v for k, v in found.items()}})

        changes(3)
        equal(server.audit("reload")[-1]["policy.sha256"], before, "the same")
        server.add_policy("second", description="another")
        whole(server.audit("reload")[-1], {
            **common, "policy.count": 3, "policy.changed": ["second"]})
        file = server.dir / server.config["tool_dir"] / "say.json"
        file.write_text(json.dumps({**tool, "argv": ["/bin/echo", "b"]}))
        changes(3, changed=["first"])
        path.rename(path.with_name("third.json"))
        other = path.with_name("fourth.json")
        other.write_text(json.dumps(server.policy))
        changes(4, added=["fourth", "third"], removed=["first"])
        out = server.ctl("audit", "search", "--event", "reload", "-n", "1")
        check('1 token, 4 policies, added ["fourth","third"], removed '
              '["first"]' in out, out)
        (server.dir / server.config["policy_dir"] / "second.json").write_text(
            json.dumps(server.policy))
        path.with_name("third.json").unlink()
        other.unlink()
        whole(server.reload(), {
            **common, "policy.count": 2, "policy.changed": ["second"],
            "policy.removed": ["fourth", "third"]})


JOBS = {"jobs": {"at_once": 2, "max_seconds": 60, "keep_seconds": 60,
                 "keep": 8, "wait_ms": 300, "output_bytes": 65536},
        "structured": False}


def unread_by(pids):
    """Bytes in the pipe that is the first one's standard input."""
    count = array.array("i", [0])
    with contextlib.suppress(OSError, IndexError), \
            open(f"/proc/{pids[0]}/fd/0", "rb", 0) as f:
        fcntl.ioctl(f, termios.FIONREAD, count)
    return count[0]


def test_adopted(_):
    """Also what was typed, and would not fit into the pipe that nobody reads."""
    policy = {**JOBS, "jobs": {**JOBS["jobs"], "survive": True}}
    with Server(policy=policy, name="whole") as server:
        with server.http() as c:
            r = c.call("job_start", command="sleep 64", input=True)
            job = re.search(r"\b[0-9a-f]{32}\b", r.text).group()
            for _ in range(2):
                c.call("job_input", job=job, data="x" * 50000)
            guard, = within("its guard", 5, lambda: guards(server))
            within("it is typed, which is after the answer", 20,
                   lambda: unread_by(children(guard)) >= 61440)
            # the turn that typed it is over, and what is left noted
            c.call("job_output", job=job)
        server.kill()
        server.start()
        whole(of_run(server, "run-adopted", job), {
            "event.action": "run-adopted", **owner(server, job),
            "guard.pid": guard, "stdin.lost_bytes":
            Between(100000 - 65536, 100000 - 61440)})
        begin = server.audit("start")[-1]
        equal((begin["run.adopted"], begin["run.lost"]), (1, 0), begin)


def test_jobs(_):
    with Server(policy=JOBS, name="whole") as server, server.http() as c:
        r = c.call("job_start", command="cat; seq 1 30000; sleep 64",
                   input=True, timeout_ms=50000)
        job = re.search(r"\b[0-9a-f]{32}\b", r.text).group()
        c.call("job_input", job=job, data="one\n", eof=True)
        within("its output", 10, lambda: "30000" in c.call(
            "job_output", job=job).text)
        within("it sleeps", 5, lambda: processes("sleep\0" + "64"))
        check(not c.call("job_stop", job=job, signal="KILL").error, "stop")
        result = of_run(server, "run-result", job)
        by = {k: v for k, v in caller(c).items() if k != "mcp.revision"}
        mine = owner(server, job)
        whole(of_run(server, "job-begin", job), {
            "event.action": "job-begin", **mine, "event.reason": "job_start",
            "timeout_ms": 50000})
        whole(of_run(server, "job-input", job), {
            "event.action": "job-input", **mine, **by,
            "mcp.tool": "job_input", "stdin.bytes": 4,
            "stdin.sha256": sha256("one\n")})
        whole(of_run(server, "job-stop", job), {
            "event.action": "job-stop", **mine, **by, "mcp.tool": "job_stop",
            "job.signal": "KILL"})
        size = 4 + sum(len(f"{i}\n") for i in range(1, 30001))
        equal((result["job.detached"], result["stdout.bytes"]), (True, size),
              result)
        equal(result["run.state"], "cancelled", result)
        equal(result["job.ended"], Like(r"\d+ process.*sleep.*"), result)
        # a call that is asked twice under one key runs once
        for _ in range(2):
            r = c.call("exec_cmd", command="echo once", idempotency_key="k")
            check("once" in r.text, r)
        join, = within("job-join", 5, lambda: server.audit("job-join"))
        once, = [x for x in server.audit("run-intent")
                 if x["process.command_line"] == "echo once"]
        whole(join, {"event.action": "job-join",
                     **owner(server, once["run.id"]), **by})


def test_output_that_cannot_be_kept(_):
    """Its disk is full: so many bytes of a job's output are lost."""
    jobs = {**JOBS["jobs"], "output_bytes": 8 << 20}
    with small_disk(1) as disk, Server(
            {"recordings": {"directory": str(disk / "kept")}},
            {**JOBS, "jobs": jobs}, name="whole") as server, \
            server.http() as c:
        r = c.call("job_start", command="head -c 4000000 /dev/zero")
        job = re.search(r"\b[0-9a-f]{32}\b", r.text).group()
        result = of_run(server, "run-result", job)
    equal((result["stdout.bytes"], result["job.output_lost_bytes"]),
          (4000000, Between(4000000 - (1 << 20), 3900000)), result)


def test_recordings(_):
    policy = {"audit": {"output": "all"}}
    with Server(policy=policy, name="whole") as server, server.http() as c:
        run = c.sh("seq 1 50000").data["run_id"]
        intent = of_run(server, "run-intent", run)
        equal(intent["recording.output"], "all", "intent")
        result = of_run(server, "run-result", run)
        raw = (server.dir / "recordings" / f"{run}.cast").read_bytes()
        equal((result["recording.bytes"], result["recording.sha256"]),
              (len(raw), sha256(raw)), "file")
        c.ask("resources/read",
              {"uri": f"exec://runs/{run}/stdout?offset=7&length=99"})
        whole(of_run(server, "recording-read", run), {
            "event.action": "recording-read", **owner(server, run),
            "source.ip": "127.0.0.1", "recording.stream": "stdout",
            "recording.offset": 7, "recording.length": 99})


def service(server, action, pid=None):
    """The fields of start and stop."""
    return {"event.action": action, "process.pid": pid or server.process.pid,
            "user.id": os.geteuid(), "service.version": server.version,
            "config.path": str(server.config_file),
            "token.count": 1, "policy.count": 1, "policy.sha256": Like(DIGEST)}


TORN = b'{"event.action":"run-int'


def after_a_tear(server, *actions):
    """The records behind what is not a record, one of each."""
    lines = server.audit_file.read_bytes().split(b"\n")[:-1]
    torn = [i for i, line in enumerate(lines) if line.startswith(TORN)][0]
    found = {r["event.action"]: r for r in map(
        json.loads, [x for x in lines[torn:] if x.endswith(b"}")])}
    return [found[a] for a in actions]


def test_life(_):
    """Start, a killed executor, the next start: what it says of the first."""
    with Server(name="whole") as server, server.http() as c:
        server.version = server.ctl("--version").split()[1]
        whole(server.audit("start")[0], service(server, "start"))
        whole(within("a frontend", 5, lambda: server.audit(
            "frontend-start"))[0], {
            "event.action": "frontend-start",
            # the last bit is the filter's, which sanitizers do without
            "frontend.lockdown": Between(0x26, 0x7f) if not ROOT
            else 0x3f if "asan" in server.build.name else 0x7f})
        m = mark()
        conn = c.begin(f"sleep 65; : {m}")
        server.running(m)
        run = server.run_records(m)[0]["run.id"]
        server.kill()
        conn.close()
        with server.audit_file.open("ab") as f:
            f.write(TORN)
        last = json.loads(server.audit_file.read_bytes().split(b"\n")[-2])
        server.start()
        start, torn = after_a_tear(server, "start", "log-torn")
        whole(start, {
            **service(server, "start"), "run.lost": 1,
            "log.last.sequence": last["event.sequence"],
            "log.last.timestamp": last["@timestamp"],
            "log.last.action": last["event.action"]})
        whole(torn, {
            "event.action": "log-torn", "log.torn_bytes": len(TORN),
            "log.torn_sha256": sha256(TORN)})
        whole(*after_a_tear(server, "run-result"), {
            "event.action": "run-result", **owner(server, run),
            "event.outcome": "failure", "run.state": "lost",
            "event.reason": "executor ended"})
        pid = server.process.pid
        server.stop()
        whole(*after_a_tear(server, "stop"), service(server, "stop", pid))


def test_helpers_that_die(_):
    """With a run at hand: how, which one, and how many runs there were."""
    with Server(name="whole") as server, server.http() as c:
        m = mark()
        conn = c.begin(f"echo x > {m}; sleep 66")
        # an intent is not a run: without its launcher it would not begin
        server.file(m)
        for pid, action, status in (
                (server.launcher_pid(), "launcher-exit", "launcher.status"),
                (server.frontend_pid(), "frontend-exit", "frontend.status")):
            os.kill(pid, signal.SIGTERM if action[0] == "x"
                    else signal.SIGKILL)
            r = within(action, 5, lambda a=action: server.audit(a))[0]
            whole(r, {"event.action": action, "process.pid": pid,
                      status: "killed by signal 9 (KILL)", "run.count": 1})
        conn.close()


def test_chain_of_the_log(_):
    """Its seal and its files: each begins where the one before it ended."""
    config = {"audit": {"file": "audit.jsonl", "keep": 1}}
    with Server(config, name="whole") as server:
        server.stop()
        server.ctl("audit", "seal-init")
        raw = server.audit_file.read_bytes()
        before = server.audit()[-1]
        server.start()
        begin, = server.audit("seal-begin")
        whole(begin, {
            "event.action": "seal-begin",
            "log.previous.sequence": before["event.sequence"],
            "log.previous.seal": Like(DIGEST), "seal.chain": Like("[0-9a-f]{32}"),
            "seal.index": 0, "log.previous.bytes": len(raw),
            "log.previous.sha256": sha256(raw)})
        for _ in range(3):
            server.ctl("audit", "rotate")
        older, = [f for f in server.logs() if f.name != server.stderr.name
                  and f != server.audit_file]
        end = [json.loads(x) for x in older.read_bytes().splitlines()]
        chain = {"seal.chain": begin["seal.chain"]}
        for r, sealed, count in ((end[-1], end[-2], len(end) - 1),
                                 (server.audit()[0], end[-1], len(end))):
            rotated = r["event.action"] == "log-continue"
            whole(r, {
                "event.action": "log-continue" if rotated else "log-rotate",
                **({"event.reason": "rotated"} if rotated else {}), **chain,
                "log.previous.sequence": sealed["event.sequence"],
                "log.previous.seal": sealed["seal"],
                "seal.index": sealed["event.sequence"]
                - before["event.sequence"]})
        whole(server.audit("log-prune")[-1], {
            "event.action": "log-prune", "log.files": 1,
            "log.last.sequence": end[0]["log.previous.sequence"]})
