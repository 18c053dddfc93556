/* SPDX-License-Identifier: MIT */
import { MultiServerMCPClient } from '@langchain/mcp-adapters';
import { progress, serve } from './lines.mjs';

serve({
	connect: async (url, token) => {
		const c = new MultiServerMCPClient({
			onProgress: (p) => progress(p.message),
			mcpServers: { ours: { transport: 'http', url,
				headers: { Authorization: `Bearer ${token}` } } },
		});
		const tools = await c.getTools();

		return Object.fromEntries(tools.map((t) => [t.name, t]));
	},
	list: (tools) => Object.keys(tools),
	call: async (tools, name, args, signal) => {
		let r;

		try {
			r = await tools[name].invoke({ name, args, id: '1',
				type: 'tool_call' }, { signal });
		} catch (e) {	/* its way of telling of isError */
			if (e.name !== 'ToolException' || signal.aborted)
				throw e;
			return { text: e.message, pictures: 0, error: true };
		}
		const blocks = typeof r.content === 'string' ?
		    [{ type: 'text', text: r.content }] : r.content;

		return {
			text: blocks.map((b) => b.text ?? '').join(''),
			pictures: blocks.filter((b) => b.type.startsWith('image'))
			    .length,
			error: r.status === 'error',
		};
	},
});
