# SPDX-License-Identifier: MIT
"""python: the Python package mcp over Streamable HTTP and HTTP+SSE."""
import asyncio
import os
import time

import anyio
import httpx2
from interop_env import (TOKEN, WRONG, bearer, check, ends, failures, frail,
                    intents, mark, within)
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

CASES = {}
PNG = ("printf %s iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
       "YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg== | base64 -d")


def case(test):
    CASES[test.__name__] = test
    return test


def text(result):
    return "".join(getattr(c, "text", "") for c in result.content)


@case
async def list_tools(client):
    tools = (await client.list_tools()).tools
    check(sorted(t.name for t in tools) == ["cli_command", "exec_cmd"], tools)
    for tool in tools:
        check("command" in tool.input_schema["required"], tool.input_schema)
        check(len(tool.description) > 20, "description")


@case
async def exec_cmd(client):
    r = await client.call_tool("exec_cmd",
                               {"command": "echo one two | wc -w; id -u"})
    check(not r.is_error, text(r))
    check(r.structured_content["exit_code"] == 0, r.structured_content)
    check(r.structured_content["stdout"].split()[0] == "2", text(r))


@case
async def cli_command(client):
    r = await client.call_tool("cli_command",
                               {"command": "printf %s 'a  $HOME | b'"})
    check(text(r) == "STDOUT: a  $HOME | b\n\nSTDERR: \nRETURNCODE: 0\n"
          "SUCCESS: True", repr(text(r)))


@case
async def working_directory(client):
    top = await client.call_tool("exec_cmd",
                                 {"command": "mkdir -p sub/dir && pwd"})
    sub = await client.call_tool("exec_cmd", {"command": "pwd",
                                              "working_dir": "sub/dir"})
    cli = await client.call_tool("cli_command", {"command": "pwd",
                                                 "work_dir": "sub"})
    out = await client.call_tool("exec_cmd", {"command": "pwd",
                                              "working_dir": "../.."})
    here = top.structured_content["stdout"].strip()
    check(sub.structured_content["stdout"] == f"{here}/sub/dir\n", text(sub))
    check(cli.structured_content["stdout"] == f"{here}/sub\n", text(cli))
    check(out.is_error, "a directory outside is refused")


@case
async def failing_command(client):
    r = await client.call_tool(
        "exec_cmd", {"command": "echo so far; echo why >&2; exit 3"})
    check(r.is_error, "isError")
    for word in ("execution failed", "so far", "why"):
        check(word in text(r), f"{word!r} in {text(r)!r}")
    check(r.structured_content["exit_code"] == 3, r.structured_content)
    r = await client.call_tool("cli_command", {"command": "ls /no/such"})
    check("RETURNCODE: 2\nSUCCESS: False" in text(r), text(r))


@case
async def time_out(client):
    begin = time.monotonic()
    r = await client.call_tool(
        "exec_cmd", {"command": "echo so far; exec sleep 60",
                     "timeout_ms": 400})
    check(time.monotonic() - begin < 15, "ends in time")
    check(r.is_error and r.structured_content["timed_out"], text(r))
    check("so far" in text(r), text(r))


@case
async def live_output(client):
    seen = []

    async def on_progress(progress, total, message):
        seen.append((time.monotonic(), progress, message))

    r = await client.call_tool(
        "exec_cmd", {"command": "for i in 1 2 3; do echo tick $i; sleep 0.4;"
                     " done"}, progress_callback=on_progress)
    end = time.monotonic()
    check(not r.is_error, text(r))
    check([m for _, _, m in seen] == [f"tick {i}\n" for i in (1, 2, 3)], seen)
    check(seen[0][1] < seen[1][1] < seen[2][1], seen)
    check(end - seen[0][0] > 0.7 and seen[2][0] - seen[0][0] > 0.5,
          "while it runs")


@case
async def cancel(client):
    m = mark()
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            async def stop():
                await within("it runs", lambda: intents(m))
                await asyncio.sleep(0.2)
                scope.cancel()

            tasks.start_soon(stop)
            await client.call_tool("exec_cmd",
                                   {"command": f"echo {m}; sleep 61"})
    check(scope.cancelled_caught, "it was answered")
    end = (await within("its end", lambda: ends(m)))[0]
    check(end["run.state"] == "cancelled", end)


@case
async def big_output(client):
    r = await client.call_tool("exec_cmd", {"command": "seq 1 200000"})
    check(not r.is_error, text(r)[:200])
    check(text(r).startswith("1\n2\n3\n"), text(r)[:50])
    check("\n199999\n200000\nMORE: " in text(r)[-300:], text(r)[-300:])
    check(r.structured_content["truncated"], "truncated")
    check(r.structured_content["bytes"]["stdout"] == 1288895, "bytes")


@case
async def resources(client):
    r = await client.call_tool("exec_cmd", {"command": "seq 1 100000"})
    link = next(c for c in r.content if c.type == "resource_link")
    listed = [str(x.uri) for x in (await client.list_resources()).resources]
    check(listed[:2] == ["exec://policy", "exec://runs"], listed)
    check(str(link.uri) in listed, listed)
    templates = (await client.list_resource_templates()).resource_templates
    check(len(templates) == 1, templates)
    policy = await client.read_resource("exec://policy")
    check("# Policy" in policy.contents[0].text, policy)
    got, uri = "", str(link.uri)
    while uri:
        contents = (await client.read_resource(uri)).contents
        got += contents[0].text
        uri = str(contents[1].uri) if len(contents) > 1 else None
    check(got == "".join(f"{i}\n" for i in range(1, 100001)), len(got))


@case
async def picture(client):
    r = await client.call_tool("exec_cmd", {"command": PNG})
    check(r.content[0].type == "image" and
          r.content[0].mime_type == "image/png", r.content)


async def resume(transport, mode):
    """The connection is cut in the middle of a call; it goes on."""
    m, seen = mark(), []

    async def on_progress(progress, total, message):
        seen.append(message)

    async with frail() as net, \
            Client(transport(TOKEN, net.base), mode=mode) as client:
        r = await client.call_tool(
            "exec_cmd", {"command": "for i in 1 2 3 4 5; do echo tick $i "
                         f"{m}; sleep 0.4; done"},
            progress_callback=on_progress)
    check(net.cuts == 1, "the connection was cut")
    check(not r.is_error, text(r))
    check(r.structured_content["stdout"] == "".join(
        f"tick {i} {m}\n" for i in range(1, 6)), text(r))
    check(len(intents(m)) == 1, "it ran once")
    check(len(set(seen)) == len(seen), seen)


def http(token, base=None):
    url = base + "/mcp" if base else os.environ["MCP_URL"]
    return streamable_http_client(url,
                                  http_client=httpx2.AsyncClient(
                                      headers=bearer(token), timeout=60))


def sse(token):
    return sse_client(os.environ["MCP_SSE_URL"], headers=bearer(token))


def why(error):
    """The first error inside of groups, on one line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return " ".join(f"{type(error).__name__} {error}".split())[:400]


async def one(label, test, client):
    try:
        await test(client)
        print("ok", label, flush=True)
    except Exception as e:
        print(f"FAIL {label}: {why(e)}", flush=True)


async def drive(label, transport, mode, revision):
    try:
        async with Client(transport(TOKEN), mode=mode) as client:
            for name, test in CASES.items():
                await one(f"{label} {name}", test, client)
            got = client.protocol_version
            print("ok" if got == revision else "FAIL", label, "revision",
                  "" if got == revision else f": {got}", flush=True)
    except Exception as e:
        print(f"FAIL {label} connect: {why(e)}", flush=True)
    if transport is sse or revision > "2026":
        print(f"none {label} resume:", "HTTP+SSE has no event ids"
              if transport is sse else
              "a lost stream is the end of its call in 2026-07-28")
    else:
        await one(f"{label} resume", lambda mode: resume(transport, mode),
                  mode)
    before = failures()
    try:
        async with Client(transport(WRONG), mode=mode) as client:
            await client.list_tools()
        print(f"FAIL {label} wrong_token: it was let in", flush=True)
        return
    except Exception as e:
        error = why(e)
    # how a client words it is its own business: the record tells the reason
    for _ in range(50):
        if failures() > before:
            print(f"ok {label} wrong_token", flush=True)
            return
        await asyncio.sleep(0.1)
    print(f"FAIL {label} wrong_token: not recorded ({error})", flush=True)


async def main():
    await drive("python-2.3 http legacy", http, "legacy", "2025-11-25")
    await drive("python-2.3 http auto", http, "auto", "2026-07-28")
    await drive("python-2.3 http modern", http, "2026-07-28", "2026-07-28")
    await drive("python-2.3 sse", sse, "legacy", "2025-11-25")


asyncio.run(main())
