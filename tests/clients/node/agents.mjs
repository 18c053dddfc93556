/* SPDX-License-Identifier: MIT */
import { MCPServerStreamableHttp } from '@openai/agents';
import { serve, shown } from './lines.mjs';

serve({
	connect: async (url, token) => {
		const s = new MCPServerStreamableHttp({ url, name: 'ours',
			requestInit: { headers: { Authorization: `Bearer ${token}` } } });

		await s.connect();
		return s;
	},
	list: async (s) => (await s.listTools()).map((t) => t.name),
	call: async (s, name, args, signal) => {
		const r = await s.callToolResult(name, args, undefined, { signal });

		return { ...shown(r.content), error: r.isError ?? false };
	},
});
