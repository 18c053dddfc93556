# SPDX-License-Identifier: MIT
"""official: a few calls with the Python package mcp, as its users make them."""
import asyncio
import os

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main():
    http = httpx2.AsyncClient(
        headers={"Authorization": "Bearer " + os.environ["MCP_TOKEN"]},
        timeout=120)
    transport = streamable_http_client(os.environ["MCP_URL"], http_client=http)
    async with Client(transport) as client:
        names = sorted(t.name for t in (await client.list_tools()).tools)
        assert names == ["cli_command", "exec_cmd"], names
        r = await client.call_tool("exec_cmd", {"command": "id -un"})
        user = os.environ.get("MCP_USER", "deploy")
        assert r.structured_content["stdout"] == user + "\n", r
        r = await client.call_tool("exec_cmd", {"command": "false"})
        assert r.is_error, r
        # Which says in words how it ended.
        r = await client.call_tool("cli_command", {"command": "false"})
        assert not r.is_error and "SUCCESS: False" in r.content[0].text, r
        print("ok revision", client.protocol_version)


asyncio.run(main())
