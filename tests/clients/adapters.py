# SPDX-License-Identifier: MIT
"""adapters: each library in Python, as far as `driver` needs it.

An adapter has connect(url, token, progress), list(), call(name, arguments) and
close(); call gives (what the model is given, pictures, whether it is an error).
"""
import asyncio
import contextlib
import json


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def words(content):
    """Text of content blocks, and how many of them are pictures."""
    return ("".join(getattr(c, "text", "") for c in content),
            sum(c.type == "image" for c in content))


class Official:
    async def connect(self, url, token, progress):
        from mcp import Client
        from mcp.client.streamable_http import streamable_http_client
        from mcp.shared._httpx_utils import create_mcp_http_client

        async def told(done, total, message):
            progress(message or "")
        self.told = told
        # with the time-outs that it has by default
        self.client = Client(streamable_http_client(
            url, http_client=create_mcp_http_client(headers=bearer(token))),
            mode="auto")
        await self.client.__aenter__()

    async def list(self):
        return [t.name for t in (await self.client.list_tools()).tools]

    async def call(self, name, arguments):
        r = await self.client.call_tool(name, arguments,
                                        progress_callback=self.told)
        return *words(r.content), r.is_error

    async def close(self):
        await self.client.__aexit__(None, None, None)


class Sse:
    """The official one of 1.x, with the transport of 2024-11-05."""
    async def connect(self, url, token, progress):
        from mcp import ClientSession
        from mcp.client.sse import sse_client

        async def told(done, total, message):
            progress(message or "")
        self.told, self.stack = told, contextlib.AsyncExitStack()
        enter = self.stack.enter_async_context
        streams = await enter(sse_client(url, headers=bearer(token)))
        self.session = await enter(ClientSession(*streams))
        await self.session.initialize()

    async def again(self, url, token):
        await self.close()
        await self.connect(url, token, lambda _: None)

    async def list(self):
        return [t.name for t in (await self.session.list_tools()).tools]

    async def call(self, name, arguments):
        r = await self.session.call_tool(name, arguments,
                                         progress_callback=self.told)
        return *words(r.content), r.isError

    async def close(self):
        with contextlib.suppress(Exception):    # its stream may be gone
            await self.stack.aclose()


class FastMcp:
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


class Strands:
    async def connect(self, url, token, progress):
        from strands.tools.mcp import MCPClient

        def transport():
            try:
                from mcp.client.streamable_http import streamablehttp_client
                return streamablehttp_client(url, headers=bearer(token))
            except ImportError:
                import httpx2
                from mcp.client.streamable_http import streamable_http_client
                return streamable_http_client(
                    url, http_client=httpx2.AsyncClient(
                        headers=bearer(token)))
        self.client = MCPClient(transport)
        await asyncio.to_thread(self.client.start)

    async def list(self):
        return [t.tool_name for t in
                await asyncio.to_thread(self.client.list_tools_sync)]

    async def call(self, name, arguments):
        r = await self.client.call_tool_async("1", name, arguments)
        return ("".join(c.get("text", "") for c in r["content"]),
                sum("image" in c for c in r["content"]),
                r["status"] == "error")

    async def close(self):
        self.client.stop(None, None, None)


class McpUse:
    async def connect(self, url, token, progress):
        from mcp_use import MCPClient
        self.client = MCPClient({"mcpServers": {"ours": {
            "url": url, "headers": bearer(token)}}})
        self.session = await self.client.create_session("ours")

    async def list(self):
        return [t.name for t in await self.session.list_tools()]

    async def call(self, name, arguments):
        r = await self.session.call_tool(name, arguments)
        return *words(r.content), r.isError

    async def close(self):
        await self.client.close_all_sessions()


class GoogleAdk:
    async def connect(self, url, token, progress):
        from google.adk.tools.mcp_tool.mcp_toolset import (
            McpToolset, StreamableHTTPConnectionParams)
        self.set = McpToolset(connection_params=StreamableHTTPConnectionParams(
            url=url, headers=bearer(token)))
        self.tools = {t.name: t for t in await self.set.get_tools()}

    async def list(self):
        return list(self.tools)

    async def call(self, name, arguments):
        from google.adk.tools.tool_context import ToolContext
        from unittest import mock
        context = mock.create_autospec(ToolContext, instance=True)
        r = await self.tools[name]._run_async_impl(
            args=arguments, tool_context=context, credential=None)
        if "content" not in r:
            return json.dumps(r), 0, True
        # the object is its model's, as JSON
        without = {**r, "content": [{**c, "text": ""} if "text" in c else c
                                    for c in r["content"]]}
        return ("".join(c.get("text", "") for c in r["content"]),
                sum(c["type"] == "image" for c in r["content"]),
                r.get("isError", False), json.dumps(r),
                len(json.dumps(without)))

    async def close(self):
        await self.set.close()


class LlamaIndex:
    async def connect(self, url, token, progress):
        from llama_index.tools.mcp import BasicMCPClient, McpToolSpec
        self.client = BasicMCPClient(url, headers=bearer(token))
        self.tools = {t.metadata.name: t for t in await McpToolSpec(
            client=self.client).to_tool_list_async()}

    async def list(self):
        return list(self.tools)

    async def call(self, name, arguments):
        r = await self.tools[name].acall(**arguments)
        raw = r.raw_output
        error = getattr(raw, "isError", None)
        # the object is its model's, as Python writes it
        without = raw.model_copy(update={"content": [
            c.model_copy(update={"text": ""}) if c.type == "text" else c
            for c in raw.content]})
        return (*words(raw.content),
                raw.is_error if error is None else error, r.content,
                len(str(without)))

    async def close(self):
        pass
