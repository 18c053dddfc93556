#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""make demo: a throwaway mcp-execd to try with any MCP client.

Listens on 127.0.0.1:8001 (DEMO_PORT picks another port), prints how to
connect, then every command as it goes through the audit log, until Ctrl-C.
"""
import json
import os
import pathlib
import signal
import socket
import sys
import textwrap
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import instance  # noqa: E402

POLL_S = 0.2

INSTRUCTIONS = """\
mcp-execd runs commands for MCP clients of this machine, as user {user},
in {directory}.  This instance and its token go away at the end.

  URL      {url}      (HTTP+SSE of 2024-11-05: {sse})
  token    {token}

Claude Code:
  claude mcp add --transport http execd-demo {url} \\
      --header "Authorization: Bearer {token}"

VS Code, in .vscode/mcp.json:
  {vscode}

MCP Inspector (Node 22.19 or later):
  npx @modelcontextprotocol/inspector@2.12.0 --cli --server-url {url} \\
      --transport http --header "Authorization: Bearer {token}" \\
      --method tools/call --tool-name exec_cmd --tool-arg 'command=id'

curl (paste all of it into a shell):
{curl}

Commands are shown here as the audit log records them.  Ctrl-C ends the demo.
"""

CURL = """\
  mcp() {{ curl -sS {url} -H 'Authorization: Bearer {token}' \\
      -H 'Content-Type: application/json' \\
      -H 'Accept: application/json, text/event-stream' "$@"; }}
  session=$(mcp -D - -o /dev/null -d '{initialize}' |
      sed -n 's/^mcp-session-id: *//Ip' | tr -d '\\r')
  mcp -H "Mcp-Session-Id: $session" -d '{initialized}'
  mcp -H "Mcp-Session-Id: $session" -d '{call}'; echo"""

INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-11-25", "capabilities": {},
    "clientInfo": {"name": "curl", "version": "1"}}}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
CALL = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
    "name": "exec_cmd", "arguments": {"command": "whoami; pwd; head -1 /etc/os-release"}}}


def demo_port():
    text = os.environ.get("DEMO_PORT", "8001")
    if not text.isdigit() or not 0 < int(text) < 65536:
        sys.exit(f"demo: DEMO_PORT={text} is not a port: use 1 to 65535")
    port = int(text)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError as e:
            sys.exit(f"demo: cannot listen on 127.0.0.1:{port}: {e.strerror}."
                     "\n  Stop what listens there, or choose another port:"
                     "  make demo DEMO_PORT=8002")
    return port


def describe(server):
    env = server.environment()
    facts = {"url": env["MCP_URL"], "sse": env["MCP_SSE_URL"],
             "token": server.token, "user": server.policy["user"],
             "directory": server.policy["directory"]}
    vscode = {"servers": {"execd-demo": {
        "type": "http", "url": facts["url"],
        "headers": {"Authorization": "Bearer " + server.token}}}}
    curl = CURL.format(**facts, initialize=json.dumps(INITIALIZE),
                       initialized=json.dumps(INITIALIZED),
                       call=json.dumps(CALL))
    return INSTRUCTIONS.format(**facts, vscode=json.dumps(vscode), curl=curl)


def printable(value):
    """Text of a record for a terminal: no control character gets through."""
    text = value if isinstance(value, str) else json.dumps(value)
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def show(line):
    """One audit record: a line of when and what, then its members."""
    try:
        record = json.loads(line)
    except ValueError:
        print("?", printable(line), flush=True)
        return
    when = record.pop("@timestamp", "")[11:19]
    action = record.pop("event.action", "?")
    for key in "v", "event.sequence", "monotonic_ns":
        record.pop(key, None)
    members = "  ".join(f"{k}={printable(v)}" for k, v in record.items())
    print(f"{when} {action}")
    print(textwrap.fill(members, 100, initial_indent="         ",
                        subsequent_indent="         ",
                        break_long_words=False, break_on_hyphens=False),
          flush=True)


def follow(server):
    with open(server.environment()["MCP_AUDIT"], encoding="utf-8",
              errors="replace") as log:
        rest = ""
        while server.process.poll() is None:
            rest += log.read()
            *lines, rest = rest.split("\n")
            for line in lines:
                show(line)
            time.sleep(POLL_S)
    raise instance.Failure("mcp-execd ended by itself:\n" + server.log())


def interrupted(*_):
    raise KeyboardInterrupt


def prepare(server):
    """Something to look at, and a directory below for working_dir."""
    place = pathlib.Path(server.policy["directory"])
    (place / "project").mkdir(exist_ok=True)
    (place / "project" / "hello.txt").write_text("Hello from mcp-execd.\n")
    if os.geteuid() == 0:
        ids = instance.user_ids(server.policy["user"])
        for path in place / "project", place / "project" / "hello.txt":
            os.chown(path, *ids)


def main():
    port = demo_port()
    for sig in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(sig, interrupted)
    server = None
    try:
        server = instance.Instance(
            policy={"description": "Demo: look around, nothing is kept."},
            port=port, name="demo")
        prepare(server)
        server.start()
        print(describe(server), flush=True)
        follow(server)
    except KeyboardInterrupt:
        print("\ndemo: stopping", flush=True)
    except instance.Failure as e:
        print(f"demo: {e}", file=sys.stderr)
        return 1
    finally:
        # A second Ctrl-C must not leave anything behind.
        for sig in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            signal.signal(sig, signal.SIG_IGN)
        if server is not None:
            server.stop()
            server.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
