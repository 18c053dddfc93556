# SPDX-License-Identifier: MIT
"""Peer of tests/bench/run: the Python SDK, which hands a string to `sh -c`."""
import asyncio
import sys

from mcp.server import MCPServer

server = MCPServer("bench", log_level="ERROR")


@server.tool()
async def exec_cmd(command: str) -> str:
    process = await asyncio.create_subprocess_shell(
        command, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(output.decode(errors="replace"))
    return output.decode(errors="replace")


server.run({"http": "streamable-http"}.get(sys.argv[1], sys.argv[1]),
           host="127.0.0.1", port=int(sys.argv[2]))
