// SPDX-License-Identifier: MIT

// Peer of tests/bench/run: the TypeScript SDK, which hands a string to "sh -c".
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";

// The libraries are below the current directory, not next to this file.
const require = createRequire(process.cwd() + "/");
const { McpServer } = require("@modelcontextprotocol/sdk/server/mcp.js");
const { StreamableHTTPServerTransport } =
  require("@modelcontextprotocol/sdk/server/streamableHttp.js");
const { z } = require("zod");

const sessions = new Map();

function run({ command }) {
  return new Promise((resolve) => {
    execFile("sh", ["-c", command], (error, stdout, stderr) => resolve({
      content: [{ type: "text", text: stdout + stderr }],
      isError: error !== null,
    }));
  });
}

async function open() {
  const server = new McpServer({ name: "bench", version: "1.0.0" });
  server.registerTool("exec_cmd", { inputSchema: { command: z.string() } }, run);
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, transport),
  });
  await server.connect(transport);
  return transport;
}

createServer(async (request, response) => {
  const transport = sessions.get(request.headers["mcp-session-id"]) ?? await open();
  await transport.handleRequest(request, response);
}).listen(Number(process.argv[3]), "127.0.0.1");
