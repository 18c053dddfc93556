/* SPDX-License-Identifier: MIT */
import { createMCPClient } from '@ai-sdk/mcp';
import { serve } from './lines.mjs';

serve({
	connect: async (url, token) => {
		const c = await createMCPClient({ transport: { type: 'http', url,
			headers: { Authorization: `Bearer ${token}` } } });

		return { tools: await c.tools() };
	},
	list: (c) => Object.keys(c.tools),
	call: async (c, name, args, signal) => {
		const output = await c.tools[name].execute(args,
		    { toolCallId: '1', messages: [], abortSignal: signal });
		/* for its model */
		const { value } = await c.tools[name].toModelOutput(
		    { toolCallId: '1', input: args, output });

		return {
			text: value.map((p) => p.text ?? '').join(''),
			pictures: value.filter((p) => p.type === 'file').length,
			error: output.isError ?? false,
		};
	},
});
