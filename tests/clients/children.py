# SPDX-License-Identifier: MIT
"""children: adapters for libraries that are not in Python.

Library speaks with a small program in the library's language, a line of JSON a
message: {"id", "do", ...} is answered by {"id", ...} or {"id", "failed"}, and
{"cancel": id} gives one up.  Bridge speaks MCP with a program that forwards it.
"""
import asyncio
import contextlib
import itertools
import json
import os
import tempfile

LINE_BYTES = 1 << 22


class Failed(Exception):
    pass


class Lines:
    """A program, and who waits for which of its answers."""

    async def start(self, argv, on_other):
        self.errors = tempfile.TemporaryFile()
        self.child = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.PIPE, limit=LINE_BYTES,
            stdout=asyncio.subprocess.PIPE, stderr=self.errors)
        self.ids, self.waiting = itertools.count(1), {}
        self.reader = asyncio.ensure_future(self.read(on_other))

    async def read(self, on_other):
        async for line in self.child.stdout:
            with contextlib.suppress(ValueError):
                m = json.loads(line)
                future = self.waiting.pop(m.get("id"), None)
                if future is None:
                    on_other(m)
                elif not future.done():
                    future.set_result(m)
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(Failed(f"it ended: {self.said()}"))

    def said(self):
        """The end of what it wrote to standard error."""
        end = self.errors.seek(0, os.SEEK_END)
        self.errors.seek(max(0, end - 2000))
        return self.errors.read().decode(errors="replace")

    def send(self, message):
        self.child.stdin.write(json.dumps(message).encode() + b"\n")

    async def ask(self, message, give_up):
        id_ = next(self.ids)
        self.waiting[id_] = asyncio.get_running_loop().create_future()
        self.send({"id": id_, **message})
        try:
            return await self.waiting[id_]
        except asyncio.CancelledError:
            self.send(give_up(id_))
            raise

    async def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.child.kill()
        await self.child.wait()


class Library(Lines):
    def __init__(self, argv):
        self.argv = argv

    async def connect(self, url, token, progress):
        await self.start(self.argv, lambda m: progress(m.get("progress", "")))
        await self.again(url, token)

    async def again(self, url, token):
        """In the same process: its old connection is lost."""
        await self.do("connect", url=url, token=token)

    async def do(self, what, **more):
        m = await self.ask({"do": what, **more}, lambda n: {"cancel": n})
        if "failed" in m:
            raise Failed(m["failed"] + self.said())
        return m

    async def list(self):
        return (await self.do("list"))["tools"]

    async def call(self, name, arguments):
        m = await self.do("call", name=name, arguments=arguments)
        return m["text"], m["pictures"], m["error"], \
            m.get("given"), m.get("wrapping", 0)


class Bridge(Lines):
    def __init__(self, argv):
        self.argv = argv

    async def connect(self, url, token, progress):
        def other(m):
            if m.get("method") == "notifications/progress":
                progress(m["params"].get("message", ""))
        await self.start([w.replace("@URL@", url).replace("@TOKEN@", token)
                          for w in self.argv], other)
        await self.rpc("initialize", {
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "clients", "version": "1"}})
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def rpc(self, method, params):
        m = await self.ask(
            {"jsonrpc": "2.0", "method": method, "params": params},
            lambda n: {"jsonrpc": "2.0", "method": "notifications/cancelled",
                       "params": {"requestId": n}})
        if "error" in m:
            raise Failed(m["error"]["message"] + self.said())
        return m["result"]

    async def list(self):
        return [t["name"] for t in (await self.rpc("tools/list", {}))["tools"]]

    async def call(self, name, arguments):
        r = await self.rpc("tools/call", {
            "name": name, "arguments": arguments,
            "_meta": {"progressToken": next(self.ids)}})
        return ("".join(c.get("text", "") for c in r["content"]),
                sum(c["type"] == "image" for c in r["content"]),
                r.get("isError", False))


def make(kind, argv):
    return (Bridge if kind.startswith("bridge") else Library)(argv)
