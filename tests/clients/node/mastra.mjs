/* SPDX-License-Identifier: MIT */
import { MCPClient } from '@mastra/mcp';
import { progress, serve, shown } from './lines.mjs';

serve({
	connect: async (url, token) => {
		const c = new MCPClient({ servers: { ours: { url: new URL(url),
			enableProgressTracking: true, requestInit: {
				headers: { Authorization: `Bearer ${token}` } } } } });
		const { tools, errors } = await c.listToolsWithErrors();

		if (Object.keys(errors ?? {}).length)
			throw new Error(JSON.stringify(errors));
		await c.progress.onUpdate('ours', (p) => progress(p.message));
		return tools;
	},
	list: (tools) => Object.keys(tools)
	    .map((name) => name.replace(/^ours_/, '')),
	call: async (tools, name, args, signal) => {
		let r;

		try {
			r = await tools[`ours_${name}`].execute(args,
			    { abortSignal: signal });
		} catch (e) {	/* its way of telling of isError */
			if (!/output|failed|signal|ended|stopped/i.test(e.message))
				throw e;
			return { text: e.message, pictures: 0, error: true };
		}
		/* the object is its model's, as JSON */
		const without = { ...r, content: r.content.map((b) =>
			({ ...b, ...b.text && { text: '' } })) };

		return { ...shown(r.content), error: r.isError ?? false,
			given: JSON.stringify(r),
			wrapping: JSON.stringify(without).length };
	},
});
