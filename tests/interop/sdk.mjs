/* SPDX-License-Identifier: MIT */
/* sdk: @modelcontextprotocol/sdk 1.x over Streamable HTTP and HTTP+SSE. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from
    '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from
    '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { run } from './cases.mjs';

const transports = {
	http: StreamableHTTPClientTransport,
	sse: SSEClientTransport,
};

for (const [kind, Transport] of Object.entries(transports))
	await run(`sdk-1.32 ${kind}`, async (token, endpoints) => {
		const client = new Client({ name: 'interop', version: '1' });

		await client.connect(new Transport(new URL(endpoints[kind]), {
			requestInit: {
				headers: { Authorization: `Bearer ${token}` },
			},
		}));
		return {
			list: async () => (await client.listTools()).tools,
			call: (name, args, onprogress, signal) => client.callTool(
			    { name, arguments: args }, undefined,
			    { onprogress, signal }),
			resources: async () =>
			    (await client.listResources()).resources,
			read: async (uri) =>
			    (await client.readResource({ uri })).contents,
			close: () => client.close(),
		};
	}, kind === 'sse' ? { resume: 'HTTP+SSE has no event ids' } : {});
process.exit(0);
