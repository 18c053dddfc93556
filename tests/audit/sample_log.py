# SPDX-License-Identifier: MIT
"""Audit logs for tests, in the form that executor/audit writes."""
import datetime
import hashlib
import json
import random

START = datetime.datetime(2026, 11, 20, 8, 0, 0, tzinfo=datetime.timezone.utc)
COMMANDS = ("make -j2", "git status", "ls -la /srv/app", "python3 -m pytest -q",
            "grep -rn 'TODO' src | sort | uniq -c", "npm ci", "cat README.md",
            "sh deploy.sh --env staging", "df -h", "journalctl -u app -n 50")
# What must reach neither a terminal nor a page as it is.
HOSTILE = ('<script>alert("x")</script>', "\x1b]0;owned\x07\x1b[2J red",
           "rm \u202egpj.exe\u202c & \"quoted\" 'single' \\back",
           "tab\tnew\nline\r\x00nul \u200b\u2066\x9b31m", "</details><img src=x>",
           "日本語のコマンド 😀 " * 3, "A" * 5000)


def hidden(c):
    n = ord(c)
    return (n < 0x20 or 0x7f <= n <= 0x9f or 0x200b <= n <= 0x200f
            or 0x2028 <= n <= 0x202e or 0x2060 <= n <= 0x206f)


def text(value):
    """A string as the log's writer escapes it."""
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t",
             "\b": "\\b", "\f": "\\f"}
    return '"' + "".join(
        short.get(c) or (f"\\u{ord(c):04x}" if hidden(c) else c)
        for c in value) + '"'


def dump(value):
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return "{" + ",".join(text(k) + ":" + dump(v)
                              for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dump(v) for v in value) + "]"
    return json.dumps(value)


class Log:
    """Records one after the other; time passes as they say."""

    def __init__(self, out, seed=1):
        self.out = out
        self.sequence = 0
        self.now = START
        self.mono = 10 ** 12
        self.random = random.Random(seed)
        self.runs = []

    def step(self, seconds):
        self.now += datetime.timedelta(seconds=seconds)
        self.mono += int(seconds * 1e9)

    def put(self, action, **members):
        self.sequence += 1
        record = {"v": 1, "event.sequence": self.sequence,
                  "@timestamp": self.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                  "monotonic_ns": self.mono, "event.action": action}
        record.update((k.replace("__", "."), v) for k, v in members.items())
        self.out.write(dump(record) + "\n")

    def run(self, command, token="alice", policy="deploy", user="app", code=0,
            state="exited", seconds=0.2, size=100, execs=(), denials=()):
        """A whole run; execs are (pid, parent, path, args)."""
        run_id = hashlib.sha256(
            f"{self.sequence} {command}".encode("utf-8", "replace")
        ).hexdigest()[:32]
        self.runs.append(run_id)
        who = {"run.id": run_id, "token.name": token, "policy.name": policy}
        self.put("run-intent", **who, **{
            "source.ip": "10.1.2.3", "mcp.session.id": "s" * 32,
            "mcp.client": "claude-code 2.0", "mcp.revision": "2025-06-18",
            "mcp.tool": "exec_cmd", "process.command_line": command,
            "process.args": ["/bin/sh", "-c", command],
            "process.args_count": 3, "process.working_directory": "/srv/app",
            "user.name": user, "timeout_ms": 50000,
            "posture": {"uid": 1000, "gid": 1000, "groups": [],
                        "no_new_privs": True, "capabilities": "none",
                        "layers": ["mounts", "pids", "seccomp"],
                        "network": "none", "seccomp": "default"}})
        step = seconds / (len(execs) + len(denials) + 1)
        for pid, parent, path, args in execs:
            self.step(step)
            self.put("process-exec", **who, **{
                "event.outcome": "success", "process.namespace_pid": pid,
                "process.asked": path, "process.parent.namespace_pid": parent,
                "process.executable": path, "process.args": args,
                "process.working_directory": "/srv/app",
                "file.device": 1, "file.inode": pid})
        for call, number, path in denials:
            self.step(step)
            self.put("run-denial", **who, **{
                "event.outcome": "failure", "denial.syscall": call,
                "denial.syscall_number": number,
                "denial.args": ["0x2"] + ["0x0"] * 5,
                **({"file.path": path} if path else {}),
                "process.namespace_pid": 2, "process.name": "curl"})
        self.step(step)
        good = state == "exited" and code == 0
        self.put("run-result", **who, **{
            "event.outcome": "success" if good else "failure",
            "run.state": state, **({} if good else {"event.reason":
                                                    f"it {state}"}),
            "event.duration": int(seconds * 1e9), "process.pid": 4711,
            **({"process.exit_code": code} if state == "exited" else {}),
            **({"process.signal": 9} if state == "signalled" else {}),
            "stdout.bytes": size, "stdout.returned_bytes": min(size, 131072),
            "stdout.sha256": "ab" * 32, "stderr.bytes": 0,
            "stderr.returned_bytes": 0, "stderr.sha256": "cd" * 32,
            "rusage.user_us": 1000, "rusage.system_us": 500,
            "rusage.max_rss_kib": 4096, "run.processes_left": 0,
            **({"run.denials": len(denials)} if denials else {})})
        return run_id

    def tree(self):
        return [(2, 1, "/usr/bin/dash", ["/bin/sh", "-c", "make -j2"]),
                (2, 1, "/usr/bin/make", ["make", "-j2"]),
                (3, 2, "/usr/bin/dash", ["/bin/sh", "-c", "cc -c a.c"]),
                (4, 3, "/usr/bin/gcc", ["cc", "-c", "a.c"]),
                (5, 4, "/usr/libexec/cc1", ["cc1", "a.c", "-o", "a.s"]),
                (6, 4, "/usr/bin/as", ["as", "a.s"]),
                (7, 2, "/usr/bin/gcc", ["cc", "-c", "b.c"])]


def varied(out, count=400):
    """A few days of several tokens, with all that can go wrong."""
    log = Log(out)
    r = log.random
    log.put("start", process__pid=1, user__id=0, service__version="0.1.0",
            config__path="/etc/mcp-execd/mcp-execd.json", token__count=3,
            policy__count=2)
    for i in range(count):
        log.step(r.expovariate(1 / 600))
        token, policy, user = r.choice(
            (("alice", "deploy", "app"), ("alice", "deploy", "app"),
             ("ci-runner", "build", "builder"), ("bob", "diagnose", "nobody")))
        fate = r.random()
        more = {"code": 0}
        if fate < 0.08:
            more = {"code": r.choice((1, 2, 127))}
        elif fate < 0.1:
            more = {"state": "timed_out", "seconds": 50}
        elif fate < 0.11:
            more = {"state": "signalled"}
        if i % 9 == 0:
            more["execs"] = log.tree()
        if i % 40 == 7:
            more["denials"] = [("socket", 41, ""), ("mount", 165, "/mnt")]
        more.setdefault("seconds", r.lognormvariate(-1, 1.5))
        log.run(r.choice(COMMANDS), token, policy, user,
                size=int(r.lognormvariate(6, 3)), **more)
        if i % 50 == 3:
            log.put("auth-failure", source__ip="203.0.113.9",
                    event__outcome="failure",
                    event__reason="no such token", event__count=r.randrange(9))
        if i % 100 == 20:
            log.put("run-refused", token__name=token, policy__name=policy,
                    process__command_line="make", event__outcome="failure",
                    event__reason="too many runs at a time for this token")
    for bad in HOSTILE:
        log.step(30)
        log.run(bad, token="mallory", code=1,
                execs=[(2, 1, "/tmp/" + bad[:60], [bad[:200], bad[:100]])],
                denials=[("mount", 165, bad[:100])])
    return log
