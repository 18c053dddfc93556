# SPDX-License-Identifier: MIT
"""python_old: mcp 1.0, the first that was released: 2024-11-05, HTTP+SSE."""
import asyncio
import os
import time

from interop_env import (TOKEN, WRONG, bearer, check, ends, failures, intents,
                    mark, records, within)
from mcp import ClientSession, types
from mcp.client.sse import sse_client

LABEL = "python-1.0 sse"


def text(result):
    return "".join(getattr(c, "text", "") for c in result.content)


async def list_tools(session):
    tools = (await session.list_tools()).tools
    check(sorted(t.name for t in tools) == ["cli_command", "exec_cmd"], tools)


async def exec_cmd(session):
    r = await session.call_tool("exec_cmd",
                                {"command": "echo one two | wc -w"})
    check(not r.isError and text(r).strip() == "2", text(r))
    r = await session.call_tool("exec_cmd", {"command": "echo so far; exit 3"})
    check(r.isError and "execution failed" in text(r), text(r))
    check("so far" in text(r), text(r))


async def cli_command(session):
    r = await session.call_tool("cli_command",
                                {"command": "printf %s 'a  $HOME | b'"})
    check(text(r) == "STDOUT: a  $HOME | b\n\nSTDERR: \nRETURNCODE: 0\n"
          "SUCCESS: True", repr(text(r)))


async def live_output(session):
    """This version has no callback: the messages as they come."""
    seen = []

    async def watch():
        async for m in session.incoming_messages:
            n = getattr(m, "root", None)
            if isinstance(n, types.ProgressNotification):
                seen.append((time.monotonic(), n.params.progress))

    watcher = asyncio.create_task(watch())
    params = types.CallToolRequestParams(
        name="exec_cmd", arguments={"command": "for i in 1 2 3; do echo tick;"
                                    " sleep 0.4; done"},
        _meta={"progressToken": 77})
    r = await session.send_request(
        types.ClientRequest(types.CallToolRequest(
            method="tools/call", params=params)), types.CallToolResult)
    end = time.monotonic()
    watcher.cancel()
    check(not r.isError, text(r))
    check(len(seen) == 3 and seen[0][1] < seen[1][1] < seen[2][1], seen)
    check(end - seen[0][0] > 0.7 and seen[2][0] - seen[0][0] > 0.5,
          "while it runs")


async def cancel(session):
    m = mark()
    call = asyncio.create_task(session.call_tool(
        "exec_cmd", {"command": f"echo {m}; sleep 61"}))
    await within("it runs", lambda: intents(m))
    await asyncio.sleep(0.2)
    # This version has no word for it, but can send any message.
    await session._write_stream.send(types.JSONRPCMessage(
        types.JSONRPCNotification(
            jsonrpc="2.0", method="notifications/cancelled",
            params={"requestId": session._request_id - 1,
                    "reason": "no longer wanted"})))
    end = (await within("its end", lambda: ends(m)))[0]
    check(end["run.state"] == "cancelled", end)
    call.cancel()


async def big_output(session):
    r = await session.call_tool("exec_cmd", {"command": "seq 1 200000"})
    check(not r.isError, text(r)[:200])
    got = r.content[0].text
    check(got.startswith("1\n2\n3\n"), got[:50])
    check("\n199999\n200000\nMORE: " in got[-300:], got[-300:])
    check("exec://runs/" in got[-200:], "where the rest is")


async def revision(_):
    spoken = records("run-intent")[-1]["mcp.revision"]
    check(spoken == "2024-11-05", spoken)


async def wrong_token():
    before = failures()
    try:
        async with sse_client(os.environ["MCP_SSE_URL"],
                              headers=bearer(WRONG)) as streams:
            async with ClientSession(*streams) as session:
                await session.initialize()
        raise AssertionError("it was let in")
    except AssertionError:
        raise
    except BaseException:       # how it words it is its own business
        pass
    await within("a record", lambda: failures() > before)


async def one(name, test):
    try:
        await test
        print("ok", LABEL, name, flush=True)
    except Exception as e:
        print(f"FAIL {LABEL} {name}:",
              " ".join(f"{type(e).__name__} {e}".split())[:400], flush=True)


async def main():
    async with sse_client(os.environ["MCP_SSE_URL"],
                          headers=bearer(TOKEN)) as streams:
        async with ClientSession(*streams) as session:
            hello = await session.initialize()
            check(hello.protocolVersion == "2024-11-05", hello)
            for test in (list_tools, exec_cmd, cli_command, big_output,
                         revision, cancel, live_output):
                await one(test.__name__, test(session))
    print(f"none {LABEL} resume: HTTP+SSE has no event ids", flush=True)
    await one("wrong_token", wrong_token())


asyncio.run(asyncio.wait_for(main(), 100))
