# SPDX-License-Identifier: MIT
"""programs: clients as people run them, with what client-config prints.

`list`: it reads our file and lists the server; `call`, `silent`, `failing`,
`characters`: asked by a model of ours (fakemodel.py), it calls the tool and
gives the model the result; `wrong_token`: it says why it was not let in.
"""
import asyncio
import collections
import json
import os
import pathlib
import re
import subprocess
import tempfile

import children
import fakemodel
import install
import instance

POLICY = {"structured": False, "audit": {"output": "all"}}
PROGRAM_S = 90
PATIENT = 2         # tries: some give up their own start on a busy machine
Line = collections.namedtuple("Line", "verdict name check why")

# file: where client-config's text goes; listed: what it then says of the
# server; ask(place, url): makes it ask our model, and gives its arguments
Program = collections.namedtuple(
    "Program", "package version file list listed ask environment",
    defaults=[{}])


def ask_claude(_, url):
    return (["claude", "-p", "go", "--allowedTools", "mcp__test__exec_cmd"],
            {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "none"})


def ask_codex(_, url):
    provider = {"name": "fake", "base_url": url, "wire_api": "responses"}
    words = ["model=fake", "model_provider=fake", *(
        f"model_providers.fake.{k}={v}" for k, v in provider.items())]
    return (["codex", "exec", "--skip-git-repo-check",
             "--dangerously-bypass-approvals-and-sandbox",
             *(w for word in words for w in ("-c", word)), "go"], {})


def ask_gemini(place, url):
    file = place / "home/.gemini/settings.json"
    file.write_text(json.dumps({
        **json.loads(file.read_text()),
        "security": {"auth": {"selectedType": "gemini-api-key"}}}))
    return (["gemini", "-y", "-m", "gemini-2.5-flash", "-p", "go"],
            {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": "none"})


def ask_opencode(_, url):
    more = {"model": "fake/m", "small_model": "fake/m", "provider": {"fake": {
        "npm": "@ai-sdk/openai-compatible", "name": "fake",
        "options": {"baseURL": url, "apiKey": "none"},
        "models": {"m": {"name": "m", "tool_call": True}}}}}
    return (["opencode", "run", "go"],
            {"OPENCODE_CONFIG_CONTENT": json.dumps(more)})


PROGRAMS = {
    "claude-code": Program(
        "@anthropic-ai/claude-code", "2.1.197", "home/.claude.json",
        ["claude", "mcp", "list"], "Connected", ask_claude,
        {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
         "DISABLE_AUTOUPDATER": "1"}),
    "codex": Program(
        "@openai/codex", "0.171.0", "home/.codex/config.toml",
        ["codex", "mcp", "list"], "enabled", ask_codex),
    "gemini": Program(
        "@google/gemini-cli", "0.61.0", "home/.gemini/settings.json",
        ["gemini", "mcp", "list"], "Connected", ask_gemini,
        {"GEMINI_CLI_TRUST_WORKSPACE": "true"}),
    "opencode": Program(
        "opencode-ai", "1.18.33", "work/opencode.json",
        ["opencode", "mcp", "list"], "connected", ask_opencode,
        {"OPENCODE_DISABLE_MODELS_FETCH": "1",
         "OPENCODE_DISABLE_AUTOUPDATE": "1"}),
    # without a model
    "inspector": Program(
        "@modelcontextprotocol/inspector", "2.12.0", None, None, "exec_cmd",
        None),
    "mcp-scanner": Program(     # of PyPI
        "cisco-ai-mcp-scanner", "4.8.7", None, None, r"(?i)^unsafe\b.*: 0$",
        None),
    "claude-desktop": Program(      # what it starts: it is not in a registry
        "mcp-remote", "0.15.1", None, None, "exec_cmd", None),
    "curl": Program(None, None, None, None, "Linux", None),
}

BY_NODE = set(PROGRAMS) - {"mcp-scanner", "curl"}


class Place:
    """A home and a folder for one program, and the server's instance."""

    def __init__(self, name):
        self.name, self.row = name, PROGRAMS[name]
        # a directory of /tmp is an attack to a scanner
        self.server = instance.Instance({"penalties": {"exempt": []}}, {
            **POLICY, **({"directory": "/opt"} if name == "mcp-scanner"
                         else {})})
        self.top = None

    def __enter__(self):
        self.server.start()
        self.tmp = tempfile.TemporaryDirectory(
            dir=install.ROOT, ignore_cleanup_errors=True)
        self.top = pathlib.Path(self.tmp.name)
        for folder in "home", "work":
            (self.top / folder).mkdir()
        self.bin = (install.node(self.row.package, self.row.version)
                    / "node_modules/.bin" if self.name in BY_NODE
                    else self.top / "work")
        return self

    def __exit__(self, *_):
        self.server.stop()
        self.server.remove()
        self.tmp.cleanup()

    def npx(self, program, skipped):
        """One that fetches nothing: it runs what is installed here."""
        npx = self.top / "work" / "npx"
        npx.write_text(f'#!/bin/sh\nshift {skipped}\nexec {program} "$@"\n')
        npx.chmod(0o755)
        return str(npx)

    def config(self):
        return self.server.ctl("client-config", self.server.name, "--client",
                               self.name)

    def write_config(self):
        file = self.top / self.row.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.config())

    def run(self, argv, token=None, **more):
        """What it says; it gets no further than this machine."""
        done = subprocess.run(
            argv, cwd=self.top / "work", text=True, check=False,
            timeout=PROGRAM_S, stdin=subprocess.DEVNULL,
            capture_output=True, env={
                "PATH": f"{self.bin}:{install.node_path()}",
                "HOME": f"{self.top}/home", "TERM": "dumb",
                "MCP_TOKEN": token or self.server.token,
                "HTTPS_PROXY": "http://127.0.0.1:9",
                "NO_PROXY": "127.0.0.1,localhost",
                "npm_config_offline": "true",
                **self.row.environment, **more})
        return done.stdout + done.stderr


def check_list(p):
    for last in (False, True):
        said = p.run(p.row.list)
        if p.server.name in said and p.row.listed in said or last:
            break
    assert p.server.name in said and p.row.listed in said, said[-300:]


def asked(p, command, token=None):
    """What the model was given for a command; what the program said."""
    for _ in range(PATIENT):
        with fakemodel.Model(command) as model:
            argv, env = p.row.ask(p.top, model.url)
            said = p.run(argv, token, **env)
        if model.given is not None or token:
            break
    return model, said


def check_call(p):
    model, said = asked(p, "echo hello; echo over there >&2")
    assert model.given and "hello\nover there\n" in model.given, (
        model.tool, model.given, said[-300:])


def check_failing(p):
    model, said = asked(p, "echo so far; echo why >&2; exit 3")
    given = model.given or ""
    assert all(w in given for w in ("so far", "why", "3")), (given,
                                                             said[-300:])


def check_characters(p, found):
    """The text once, whole; a program's own words around it are counted."""
    for command in "true", "ls -la /etc":
        out = subprocess.run(["sh", "-c", command], text=True, check=True,
                             capture_output=True).stdout
        model, _ = asked(p, command)
        ours = out or "(no output)"
        given = model.given or ""
        # its end: the date of .. is the sandbox's
        assert given.count(ours.strip()[-400:]) == 1, (command, given[-300:])
        own = len(given) - len(ours)
        found.append(f"{json.dumps(command)} {len(out)} {len(given)}"
                     + (f" ({own} of it its own)" if own > 0 else ""))
        assert len(given) <= 1.05 * len(out) + 60, found


def check_wrong_token(p):
    """It says so, or at least goes on without the server's tools."""
    wrong = "mxt_" + "A" * 43
    said = p.run(p.row.list, token=wrong)
    model, more = asked(p, "true", wrong)
    assert model.given is None and model.tool is None, model.given
    assert re.search("token|auth|401|fail|✗|error|disconnect", said + more,
                     re.I), (said + more)[-300:]


def run_text(p, **more):
    """What client-config printed, by a shell."""
    p.npx("mcp-inspector", 1)
    return p.run(["sh", "-c", f'PATH="$PWD:$PATH"\n{p.config()}'], **more)


def check_text(p):
    said = run_text(p)
    assert p.row.listed in said, said[-300:]


def check_text_wrong(p):
    said = run_text(p, token="mxt_" + "A" * 43)
    assert re.search("token|auth_required", said), said[-300:]


def check_scanner(p, kind):
    """It judges by words, of rules that come with it.  The instructions name
    the shell by its path, which a model needs: that one finding is known."""
    scanner = install.python(p.row.package, p.row.version) / "mcp-scanner"
    said = p.run([scanner, "--analyzers", "yara", "--format", "summary", kind,
                  "--server-url", f"{p.server.base}/mcp", "--bearer-token",
                  p.server.token])
    wanted = r"(?s)Unsafe: 1$.*Findings: 1$" \
        if kind == "instructions" else p.row.listed
    assert re.search(wanted, said, re.M), said[-300:]


async def ask_desktop(p, token):
    """The tools, by the program that our file has it start."""
    entry = json.loads(p.config())["mcpServers"][p.server.name]
    value = f"Bearer {token}"
    words = [w.replace("${AUTH_HEADER}", value) for w in entry["args"]]
    bridge = children.Bridge([p.npx("mcp-remote", 2), *words])
    try:
        await bridge.connect("", "", lambda _: None)
        return await bridge.list()
    finally:
        await bridge.close()


def check_desktop(p):
    os.environ["PATH"] = f"{p.bin}:{install.node_path()}"
    os.environ["HOME"] = f"{p.top}/home"
    tools = asyncio.run(asyncio.wait_for(
        ask_desktop(p, p.server.token), PROGRAM_S))
    assert p.row.listed in tools, tools


def check_desktop_wrong(p):
    """It is told why, and what it tries by itself locks nobody out."""
    try:
        asyncio.run(asyncio.wait_for(
            ask_desktop(p, "mxt_" + "A" * 43), PROGRAM_S))
    except children.Failed as e:
        assert "token" in str(e), str(e)[-300:]
    else:
        raise AssertionError("it was let in")
    check_desktop(p)


def test(name, check, function, *args):
    try:
        function(*args)
        return Line("ok", name, check, "")
    except (AssertionError, TimeoutError, children.Failed,
            subprocess.TimeoutExpired) as e:
        return Line("FAIL", name, check, " ".join(str(e).split())[-300:])


def drive(name):
    with Place(name) as p:
        if name == "claude-desktop":
            yield test(name, "list", check_desktop, p)
            yield test(name, "wrong_token", check_desktop_wrong, p)
            return
        if name == "mcp-scanner":
            for kind in "remote", "instructions", "resources":
                yield test(name, f"scan_{kind}", check_scanner, p, kind)
            return
        if p.row.ask is None:
            yield test(name, "list", check_text, p)
            yield test(name, "wrong_token", check_text_wrong, p)
            return
        p.write_config()
        found = []
        yield test(name, "list", check_list, p)
        yield test(name, "call", check_call, p)
        yield test(name, "failing", check_failing, p)
        line = test(name, "characters", check_characters, p, found)
        yield from (Line("chars", name, text, "") for text in found)
        yield line
        yield test(name, "wrong_token", check_wrong_token, p)
