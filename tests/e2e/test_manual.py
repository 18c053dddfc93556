# SPDX-License-Identifier: MIT
"""The examples of the manuals and of README.md, as they stand there.

What an example takes for granted is put in its place: accounts, directories,
the certificate, the id of a run.  What needs a machine of its own (systemctl,
useradd, apt) is run by tests/package/guest_readme.py.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess

import client
import instance
import test_tls
from client import ROOT, SLOW, Http, Server, Skip, check, equal, mark, within

TOP = instance.TOP
MANUALS = sorted(p for folder in ("executor", "executor/ctl", "frontend")
                 for p in (TOP / folder).glob("*.[578]"))
KINDS = {"mcp-execd.json.5": "config", "mcp-execd-policy.5": "policy",
         "mcp-execd-token.5": "token", "mcp-execd-tool.5": "tool"}
ID = re.compile(r"\b[0-9a-f]{4,32}\b")
# An account of a machine's own (-i) is what tests/boot sets up.
MINE = re.compile(r"mcp-execctl(?! -i )|jq |grep ")
# Their commands are refused, which is what is to be seen.
REFUSED = ("cat /etc/shadow", "touch hello /usr/hello")


def unescape(text):
    return text.replace("\\&", "").replace("\\-", "-").replace("\\e", "\\")


def displays(manual):
    """Literal displays and one-line ones, as a terminal shows them."""
    text = manual.read_text()
    for m in re.finditer(r"(?ms)^\.Bd -literal.*?\n(.*?)^\.Ed$"
                         r"|^\.Dl (.*?)$", text):
        yield unescape(m[1] or m[2] + "\n")


def fenced():
    """(kind, text) of the README's examples in JSON."""
    for m in re.finditer(r"(?ms)^```json\n(.*?)^```$",
                         (TOP / "README.md").read_text()):
        keys = instance.strip_comments(m[1])
        kind = ("config" if '"listen"' in keys else
                "tool" if '"argv"' in keys else "policy")
        yield kind, m[1]


def examples():
    """(where, kind, text) of every example that is a whole file."""
    found = [(p.name, KINDS[p.name], text) for p in MANUALS if p.name in KINDS
             for text in displays(p) if text.startswith("{\n")]
    return found + [("README.md", kind, text) for kind, text in fenced()]


def commands():
    """(where, command) of every line that an administrator pastes."""
    for p in MANUALS:
        for text in displays(p):
            text = text.replace("\\\n", "")
            one = MINE.match(text) is not None      # no prompt: it is whole
            for line in [text] if one else text.splitlines():
                line = re.sub(r"^[#$] ", "", line)
                if MINE.match(line):
                    yield p.name, line
    for line in re.findall(r"(?m)^    (\S.*)$",
                           (TOP / "README.md").read_text()):
        if MINE.match(line):
            yield "README.md", re.sub(r"\s+# .*", "", line)


class Place:
    """A configuration that an example becomes a part of."""

    def __init__(self):
        self.server = test_tls.Tls()
        self.dir = self.server.dir
        shutil.copy(self.server.key, self.dir / "tls" / "tls.key")
        for name in "app", "diagnose", "build", "build/app":
            (self.dir / "srv" / name).mkdir(parents=True, exist_ok=True)

    def fit(self, text):
        """The example with what there is here."""
        tls = self.dir / "tls"
        for pattern, by in (
                (r'("user": )"[\w-]+"', r'\1"nobody"'),
                (r'("group": )"[\w-]+"', r"\g<1>0"),
                (r'("groups": )\["[\w-]+"\]', r"\1[0]"),
                (r'"/srv/', f'"{self.dir}/srv/'),
                (r'("key": )"/etc/letsencrypt/[^"]*\.pem"',
                 rf'\1"{tls}/key.pem"'),
                (r'"/etc/(ssl|letsencrypt)/[^"]*\.pem"',
                 f'"{tls}/cert.pem"'),
                (r'"/run/mcp-execd/', f'"{self.dir}/'),
                (r'"/sys/fs/cgroup/[^"]*"', '"off"'),
                (r'("policy": )"\w+"', r'\1"test"')):
            text = re.sub(pattern, by, text)
        return text

    def check(self, where, kind, text):
        text = self.fit(text)
        folder = {"policy": "policies.d", "token": "tokens.d",
                  "tool": "tools.d"}.get(kind)
        if folder:
            file = self.dir / folder / "tail_log.json"
        else:
            file = self.server.config_file
            given = json.loads(instance.strip_comments(text))
            rest = {k: v for k, v in self.server.config.items()
                    if k not in given and k != "tls"}
            text = text.replace("{", "{" + "".join(
                f'"{k}": {json.dumps(v)}, ' for k, v in rest.items()), 1)
        file.write_text(text)
        file.chmod(0o600)
        run = subprocess.run(
            [self.server.build / "mcp-execctl", "-c",
             self.server.config_file, "check"], capture_output=True,
            text=True, timeout=60 * SLOW,
            env={**os.environ, "CREDENTIALS_DIRECTORY": str(self.dir / "tls")})
        equal(run.returncode, 0, f"{where}: {text}\n{run.stdout}{run.stderr}")
        file.unlink()
        self.server.write()


def test_files():
    """Every file that is shown whole is one that is accepted."""
    if not ROOT:
        raise Skip("policies of other users are for root only")
    found = examples()
    equal(sorted({kind for _, kind, _ in found}),
          ["config", "policy", "token", "tool"], "kinds")
    equal({where for where, _, _ in found}, {*KINDS, "README.md"}, "where")
    place = Place()
    try:
        for example in found:
            place.check(*example)
        try:
            place.check("control", "policy", '{\n  "usr": "x"\n}\n')
        except client.Failed as e:
            check("unknown key" in str(e), e)
        else:
            check(False, "control: a mistake is accepted")
    finally:
        place.server.remove()
    print(f"# {len(found)} files")


class Desk:
    """An administrator's shell, in which mcp-execctl means our instance."""

    def __init__(self, server, session):
        self.server, self.session = server, session
        self.conns, self.key = [], ""
        ctl = server.dir / "bin" / "mcp-execctl"
        ctl.parent.mkdir()
        ctl.write_text(f'#!/bin/sh\nexec "{server.build}/mcp-execctl" -c '
                       f'"{server.config_file}" "$@"\n')
        ctl.chmod(0o755)
        self.env = {**os.environ, "MCP_TOKEN": server.token,
                    "PATH": f"{ctl.parent}:{os.environ['PATH']}"}

    def shell(self, command, given=""):
        return subprocess.run(
            ["sh", "-c", command], cwd=self.server.dir, env=self.env,
            input=given, capture_output=True, text=True, timeout=60 * SLOW)

    def a_run(self, command):
        """The id of a run that has ended, or, to be killed, one that goes."""
        m = mark()
        if "kill " not in command:
            return self.session.sh(f"echo {m}").data["run_id"]
        self.conns.append(self.session.begin(f"echo {m}; exec sleep 1000340"))
        self.server.running(m)
        return self.server.run_records(m)[0]["run.id"]

    def prepare(self, command):
        """What the text before it has made: tokens, runs, the key."""
        m = re.search(r"token (add|revoke) (\w+)|client-config (\w+)", command)
        if m:
            name = m[2] or m[3]
            there = (self.server.dir / f"tokens.d/{name}.json").exists()
            if m[1] == "add" and there:
                self.server.ctl("token", "revoke", name)
            elif m[1] != "add" and not there:
                self.server.ctl("token", "add", name, "--policy", "test")
        if re.search(r"audit (show|replay)|kill|run\.id", command):
            command = ID.sub(self.a_run(command)[:32], command)
        if "--key-file KEY" in command:
            (self.server.dir / "KEY").write_text(self.key)
        return command.replace("/var/log/mcp-execd", str(
            self.server.audit_file.parent)).replace(
                "/srv/", f"{self.server.dir}/srv/").replace(
                    "~/try/mcp-execd.json", str(self.server.config_file))

    def paste(self, where, command):
        asked = self.prepare(command)
        run = self.shell(asked, self.key if "--key-file -" in asked else "")
        text = f"{where}: {asked}\n{run.stdout}{run.stderr}"
        check("usage:" not in text and "not understood" not in text, text)
        if command.startswith("mcp-execctl doctor"):
            check(run.stdout, text)             # its status is the machine's
        elif command.endswith(REFUSED):
            check(run.returncode != 0, text)
        elif "seal-init" in command and self.key:
            check("already" in run.stderr, text)
        else:
            equal(run.returncode, 0, text)
        found = re.search(r"(?m)^\s*([A-Z0-9]{4}(-[A-Z0-9]{4}){9,})\s*$",
                          run.stdout)
        if found:
            self.key = found[1]
            self.server.stop()
            self.server.start_once()
            self.session.close()
            self.session = self.server.http()
        return run.stdout


def test_commands():
    """Every command that is shown is one that works."""
    if not ROOT:
        raise Skip("policies of other users are for root only")
    with Server(policy={"audit": {"output": "all"}}) as server:
        for name in "diagnose", "deploy", "build", "web":
            server.add_policy(name)
        (server.dir / "tools.d" / "tail_log.json").write_text(
            [t for _, kind, t in examples() if kind == "tool"][0].replace(
                "/var/log/nginx", str(server.dir)))
        (server.dir / "error.log").write_text("a line\n")
        (server.dir / "error.log").chmod(0o644)
        build = server.dir / "srv" / "build"
        (build / "app").mkdir(parents=True)
        for folder in build / "app", server.work:
            (folder / "Makefile").write_text("all:\n\t@echo built\n")
        server.add_policy("build", directory=str(build))
        server.add_policy("web", tools=["exec_cmd", "tail_log"],
                          files={"read": ["@system", str(server.dir)]})
        desk, count = Desk(server, Http(server)), 0
        for where, command in commands():
            desk.paste(where, command)
            count += 1
        check(count > 30, "found", count)
        for conn in desk.conns:
            conn.close()
        desk.session.close()
    print(f"# {count} commands")


def test_shown_output():
    """The table of `runs` in mcp-execctl(8) has the columns of the real one."""
    with Server() as server, Http(server) as c:
        m = mark()
        conn = c.begin(f"echo {m}; exec sleep 1000341")
        within("a run", 5, lambda: m in server.ctl("runs"))
        head = server.ctl("runs").splitlines()[0].split()
        shown = re.search(r"(?m)^RUN .*$", (
            TOP / "executor/ctl/mcp-execctl.8").read_text())[0].split()
        equal(shown, head, "columns")
        conn.close()


def transcript():
    """(command, the lines that the README shows for it)."""
    for block in re.findall(r"(?ms)^```console\n(.*?)^```$",
                            (TOP / "README.md").read_text()):
        for part in re.split(r"(?m)^[$#] ", block)[1:]:
            command, *lines = part.splitlines()
            yield command, lines


def shape(line):
    """A line without what differs from one run to the next."""
    line = re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8}\b", "RUN", line)
    line = re.sub(r"\d{4}-(\d\d-\d\d [\d:]+)", r"\1", line)
    line = re.sub(r"/usr/bin/(da|ba)?sh", "SHELL", re.sub(r"\d+", "N", line))
    return " ".join(re.sub(r"N(\.N)? m?s\b", "TIME", line).split())


def test_transcript():
    """What README.md shows first is what the programs answer."""
    if not ROOT:
        raise Skip("policies of other users are for root only")
    if shutil.which("curl") is None:
        raise Skip("curl is not installed")
    with Server() as server:
        server.add_policy("diagnose")
        token = server.add("alice", policy="diagnose")
        with Http(server, token=token) as c:
            shown = list(transcript())
            equal(len(shown), 4, "commands")
            for command, lines in shown:
                if command.startswith("./call "):
                    said = c.sh(command.split("'")[1])
                    answer = said.text.splitlines()
                    run = said.data["run_id"]
                else:
                    command = command.replace("0de75dec", run).replace(
                        "mcp-execctl", f"{server.build}/mcp-execctl -c "
                        f"{server.config_file}", 1)
                    answer = subprocess.run(
                        ["sh", "-c", command], capture_output=True, text=True,
                        env={**os.environ, "COLUMNS": "100"},
                        timeout=60 * SLOW).stdout.splitlines()
                if "uptime" in command:
                    equal([len(answer), "load average" in answer[0]],
                          [len(lines), True], command)
                    continue
                equal([shape(x) for x in answer if "session-begin" not in x],
                      list(map(shape, lines)), command)
