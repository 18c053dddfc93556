/* SPDX-License-Identifier: MIT */
/*
 * client: @modelcontextprotocol/client 2.x over both transports, as it comes
 * (legacy handshake), and once asking for the newest revision first ("auto").
 */
import { Client, SSEClientTransport, StreamableHTTPClientTransport } from
    '@modelcontextprotocol/client';
import { endpoints, run } from './cases.mjs';

const variants = [
	['http', StreamableHTTPClientTransport, 'legacy'],
	['http', StreamableHTTPClientTransport, 'auto'],
	['sse', SSEClientTransport, 'legacy'],
];

for (const [kind, Transport, mode] of variants)
	await run(`client-2.4 ${kind} ${mode}`, async (token) => {
		const client = new Client({ name: 'interop', version: '1' },
		    { versionNegotiation: { mode } });

		await client.connect(new Transport(new URL(endpoints[kind]), {
			requestInit: {
				headers: { Authorization: `Bearer ${token}` },
			},
		}));
		return {
			list: async () => (await client.listTools()).tools,
			call: (name, args) =>
			    client.callTool({ name, arguments: args }),
			close: () => client.close(),
		};
	});
process.exit(0);
