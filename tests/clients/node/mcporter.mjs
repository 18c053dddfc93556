/* SPDX-License-Identifier: MIT */
import { createCallResult, createRuntime } from 'mcporter';
import { serve } from './lines.mjs';

serve({
	connect: async (url, token) => {
		const r = await createRuntime({ servers: [{ name: 'ours', command: {
			kind: 'http', url: new URL(url),
			headers: { Authorization: `Bearer ${token}` } } }] });

		await r.connect('ours', { disableOAuth: true });
		return r;
	},
	list: async (r) => (await r.listTools('ours', { disableOAuth: true }))
	    .map((t) => t.name),
	call: async (r, name, args) => {
		const raw = await r.callTool('ours', name, { args,
			disableOAuth: true });
		const result = createCallResult(raw);

		return { text: result.text() ?? '',
			pictures: result.images()?.length ?? 0,
			error: raw.isError ?? false };
	},
});
