# SPDX-License-Identifier: MIT
"""adapters: each library of clients, as far as `driver` needs it.

An adapter has connect(url, token, progress), list(), call(name, arguments) and
close(); call gives (what the model is given, pictures, whether it is an error).
"""
import contextlib
import json


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def words(content):
    """Text of content blocks, and how many of them are pictures."""
    return ("".join(getattr(c, "text", "") for c in content),
            sum(c.type == "image" for c in content))


class FastMcp:
    package = "fastmcp"

    async def connect(self, url, token, progress):
        from fastmcp import Client
        from fastmcp.client.transports import StreamableHttpTransport

        async def told(done, total, message):
            progress(message or "")
        self.client = Client(StreamableHttpTransport(
            url, headers=bearer(token)), progress_handler=told)
        await self.client.__aenter__()

    async def list(self):
        return [t.name for t in await self.client.list_tools()]

    async def call(self, name, arguments):
        r = await self.client.call_tool(name, arguments, raise_on_error=False)
        return *words(r.content), r.is_error

    async def close(self):
        await self.client.__aexit__(None, None, None)


class LangChain:
    package = "langchain-mcp-adapters"

    async def connect(self, url, token, progress):
        from langchain_mcp_adapters.client import MultiServerMCPClient
        self.client = MultiServerMCPClient({"ours": {
            "transport": "streamable_http", "url": url,
            "headers": bearer(token)}})
        self.tools = {t.name: t for t in await self.client.get_tools()}

    async def list(self):
        return list(self.tools)

    async def call(self, name, arguments):
        try:
            r = await self.tools[name].ainvoke({
                "name": name, "args": arguments, "id": "1",
                "type": "tool_call"})
        except Exception as e:      # its way of telling of isError
            return str(e), 0, True
        content = r.content if isinstance(r.content, list) else [
            {"type": "text", "text": r.content}]
        return ("".join(c.get("text", "") for c in content),
                sum(c["type"] == "image" for c in content),
                r.status == "error")

    async def close(self):
        pass


class OpenAiAgents:
    package = "openai-agents"

    async def connect(self, url, token, progress):
        from agents.mcp import MCPServerStreamableHttp
        self.server = MCPServerStreamableHttp(
            params={"url": url, "headers": bearer(token)},
            client_session_timeout_seconds=30)
        await self.server.connect()

    async def list(self):
        return [t.name for t in await self.server.list_tools()]

    async def call(self, name, arguments):
        r = await self.server.call_tool(name, arguments)
        error = getattr(r, "isError", None)
        return *words(r.content), r.is_error if error is None else error

    async def close(self):
        await self.server.cleanup()


class PydanticAi:
    package = "pydantic-ai-slim[mcp]"

    async def connect(self, url, token, progress):
        from pydantic_ai.mcp import MCPToolset

        async def told(done, total, message):
            progress(message or "")
        self.server = MCPToolset(url, headers=bearer(token),
                                 progress_handler=told)
        await self.server.__aenter__()

    async def list(self):
        return [t.name for t in await self.server.list_tools()]

    async def call(self, name, arguments):
        from pydantic_ai import BinaryContent, ModelRetry
        try:
            r = await self.server.direct_call_tool(name, arguments)
        except ModelRetry as e:     # its way of telling of isError
            return e.message, 0, True
        parts = r if isinstance(r, list) else [r]
        return ("".join(p if isinstance(p, str) else
                        "" if isinstance(p, BinaryContent) else json.dumps(p)
                        for p in parts),
                sum(isinstance(p, BinaryContent) for p in parts), False)

    async def close(self):
        with contextlib.suppress(Exception):
            await self.server.__aexit__(None, None, None)


ADAPTERS = {c.package.partition("[")[0]: c for c in (
    FastMcp, LangChain, OpenAiAgents, PydanticAi)}
