# SPDX-License-Identifier: MIT
"""What client-config prints is what the clients' own parsers read."""
import json
import re
import subprocess
import tomllib

import instance
from client import Server, check, equal

CLIENTS = {"claude-code": json, "claude-desktop": json, "codex": tomllib,
           "curl": None, "cursor": json, "gemini": json, "go": "text",
           "goose": "yaml",
           "inspector": None, "kit": "yaml", "mcphost": json,
           "opencode": json, "python": "python", "vscode": json}
NO_SSE = "codex", "go", "goose", "python"


def yaml(text):
    """As much of YAML as our files use: mappings, lists of strings."""
    lines = [(len(ln) - len(ln.lstrip()), ln.strip())
             for ln in text.splitlines()]

    def scalar(word):
        return json.loads(word) if word[:1] in "\"[" else word

    def block(depth):
        found = None
        while lines and lines[0][0] == depth:
            _, line = lines.pop(0)
            if line.startswith("- "):
                found = found or []
                found.append(scalar(line[2:]))
                continue
            key, _, value = line.partition(": ")
            found = found or {}
            found[scalar(key.removesuffix(":"))] = scalar(value) if value \
                else block(lines[0][0])
        return found
    return block(0)


def parsed(client, text):
    how = CLIENTS[client]
    if how is None:
        subprocess.run(["sh", "-n"], input=text, text=True, check=True)
        return text
    if how == "python":
        compile(text, client, "exec")
    if how in ("python", "text"):
        return text
    return yaml(text) if how == "yaml" else how.loads(text)


def strings(value):
    if isinstance(value, dict):
        for v in value.values():
            yield from strings(v)
    elif isinstance(value, list):
        for v in value:
            yield from strings(v)
    elif isinstance(value, str):
        yield value


def test_all_parse(server):
    said = " ".join(server.ctl("client-config", "--help").split())
    equal(re.search("one of: ([^;]*);", said)[1].split(", "), sorted(CLIENTS),
          "clients")
    for client in CLIENTS:
        for sse in [], ["--sse"]:
            try:
                text = server.ctl("client-config", server.name, "--client",
                                  client, *sse)
            except instance.Failure as e:
                check(sse and client in NO_SSE and "leave --sse out" in str(e),
                      client, e)
                continue
            check(not (sse and client in NO_SSE), client)
            url = f"{server.base}/{'sse' if sse else 'mcp'}"
            check(any(url in s for s in strings(parsed(client, text)))
                  or client in ("curl", "inspector") and url in text,
                  client, text)
            check("mxt_" not in text and "@" not in text.replace(
                "@modelcontextprotocol", "").replace("@- ", ""), client, text)


def test_literal(server):
    """With the token in it: the same parsers, and one place for the token."""
    for client in CLIENTS:
        run = subprocess.run(
            [server.build / "mcp-execctl", "-c", server.config_file,
             "client-config", server.name, "--client", client,
             "--token-stdin"], input=server.token, text=True,
            capture_output=True, check=True)
        how = json if client == "inspector" else CLIENTS[client]
        equal(run.stdout.count(server.token), 1, client)
        if how is json:
            json.loads(run.stdout)
        else:
            parsed(client, run.stdout)


def test_added(_):
    with Server() as server:
        (server.dir / "clients.d").mkdir(mode=0o755)
        (server.dir / "clients.d" / "ours").write_text(
            "%% advice\nPaste it.\n%% http\n@NAME@ at @URL@\n")
        equal(server.ctl("client-config", server.name, "--client", "ours"),
              f"{server.name} at {server.base}/mcp\n", "its text")
        check("ours" in server.ctl("client-config", "--help"), "listed")


SERVER = {}
