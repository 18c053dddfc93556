# SPDX-License-Identifier: MIT
"""ground: what the Python drivers share: records, and a frail network.

Python's standard library only: two versions of the client use it.
"""
import asyncio
import contextlib
import json
import os
import secrets
from urllib.parse import urlsplit

TOKEN = os.environ["MCP_TOKEN"]
WRONG = "mxt_" + "A" * 43
CUT_S = 0.9


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def mark():
    return "m" + secrets.token_hex(6)


def records(action):
    with open(os.environ["MCP_AUDIT"]) as f:
        found = [json.loads(line) for line in f if line.endswith("\n")]
    return [r for r in found if r["event.action"] == action]


def intents(m):
    return [r for r in records("run-intent")
            if m in r["process.command_line"]]


def ends(m):
    runs = {r["run.id"] for r in intents(m)}
    return [r for r in records("run-result") if r["run.id"] in runs]


def failures():
    """Failed authentications with an unknown token, as recorded."""
    return sum(r["event.count"] for r in records("auth-failure")
               if "unknown" in r["event.reason"])


async def within(what, test):
    for _ in range(100):
        if value := test():
            return value
        await asyncio.sleep(0.1)
    raise AssertionError(f"not within 10 s: {what}")


class Frail:
    """A network that fails once: it cuts all connections CUT_S after a
    tools/call has gone by."""

    def __init__(self):
        self.cuts, self.armed, self.open = 0, False, set()
        self.tasks = set()

    async def pipe(self, reader, writer, watch):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if watch and not self.armed and b'"tools/call"' in data:
                    self.armed = True
                    asyncio.get_running_loop().call_later(CUT_S, self.cut)
                writer.write(data)
                await writer.drain()
        writer.close()

    def cut(self):
        self.cuts += 1
        for writer in list(self.open):
            writer.transport.abort()

    async def serve(self, reader, writer):
        up = urlsplit(os.environ["MCP_URL"])
        far_reader, far = await asyncio.open_connection(up.hostname, up.port)
        self.open |= {writer, far}
        try:
            await asyncio.gather(self.pipe(reader, far, True),
                                 self.pipe(far_reader, writer, False))
        finally:
            self.open -= {writer, far}


@contextlib.asynccontextmanager
async def frail():
    net = Frail()
    server = await asyncio.start_server(net.serve, "127.0.0.1", 0)
    net.base = "http://127.0.0.1:%d" % server.sockets[0].getsockname()[1]
    try:
        yield net
    finally:
        server.close()
        for writer in list(net.open):
            writer.transport.abort()
