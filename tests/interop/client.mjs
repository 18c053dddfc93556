/* SPDX-License-Identifier: MIT */
/*
 * client: @modelcontextprotocol/client 2.x over both transports, as it comes
 * (legacy handshake), asking for the newest revision first ("auto"), and
 * taking nothing else ("modern").
 */
import { Client, SSEClientTransport, StreamableHTTPClientTransport } from
    '@modelcontextprotocol/client';
import { run } from './cases.mjs';

const modern = '2026-07-28';
const variants = [
	['http', StreamableHTTPClientTransport, 'legacy', '2025-11-25'],
	['http', StreamableHTTPClientTransport, 'auto', modern],
	['http', StreamableHTTPClientTransport, 'modern', modern],
	['sse', SSEClientTransport, 'legacy', '2025-11-25'],
];

for (const [kind, Transport, mode, expected] of variants)
	await run(`client-2.4 ${kind} ${mode}`, async (token, endpoints) => {
		const client = new Client({ name: 'interop', version: '1' }, {
			versionNegotiation: {
				mode: mode === 'modern' ? { pin: modern } : mode,
			},
		});

		await client.connect(new Transport(new URL(endpoints[kind]), {
			requestInit: {
				headers: { Authorization: `Bearer ${token}` },
			},
		}));
		return {
			expected,
			list: async () => (await client.listTools()).tools,
			call: (name, args, onprogress, signal) => client.callTool(
			    { name, arguments: args }, { onprogress, signal }),
			resources: async () =>
			    (await client.listResources()).resources,
			read: async (uri) =>
			    (await client.readResource({ uri })).contents,
			close: () => client.close(),
		};
	}, kind === 'sse' ? { resume: 'HTTP+SSE has no event ids' } :
	    expected === modern ? { resume: 'a lost stream is the end of its ' +
		'call in 2026-07-28' } : {});
process.exit(0);
