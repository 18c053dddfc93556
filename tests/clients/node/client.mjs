/* SPDX-License-Identifier: MIT */
import { Client, StreamableHTTPClientTransport } from
    '@modelcontextprotocol/client';
import { progress, serve, shown } from './lines.mjs';

serve({
	connect: async (url, token) => {
		const c = new Client({ name: 'clients', version: '1' },
		    { versionNegotiation: { mode: 'auto' } });

		await c.connect(new StreamableHTTPClientTransport(new URL(url), {
			requestInit: { headers: { Authorization: `Bearer ${token}` } },
		}));
		return c;
	},
	list: async (c) => (await c.listTools()).tools.map((t) => t.name),
	call: async (c, name, args, signal) => {
		const r = await c.callTool({ name, arguments: args }, { signal,
			onprogress: (p) => progress(p.message) });

		return { ...shown(r.content), error: r.isError ?? false };
	},
});
