/* SPDX-License-Identifier: MIT */
/*
 * lines: what children.py says to a library, a line of JSON a message.
 * serve({ connect, list, call }): connect(url, token, progress) gives what the
 * other two get first; call(client, name, arguments, signal) gives
 * { text, pictures, error, given }.
 */
import { createInterface } from 'node:readline';

export const progress = (text) => say({ progress: text ?? '' });
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

/* What the blocks of a result show. */
export const shown = (content) => ({
	text: content.map((c) => c.text ?? '').join(''),
	pictures: content.filter((c) => c.type === 'image').length,
});

/* An error with its causes. */
const words = (e) => {
	let text = '';

	for (; e; e = e.cause)
		text += `${e.message ?? e}; `;
	return text;
};

export const serve = ({ connect, list, call }) => {
	const going = new Map();
	let client;
	const verbs = {
		connect: async (m) => {
			client = await connect(m.url, m.token, progress);
			return {};
		},
		list: async () => ({ tools: await list(client) }),
		call: (m, signal) => call(client, m.name, m.arguments, signal),
	};

	/* what a library prints is none of ours */
	console.log = console.info = console.debug = console.error;
	createInterface({ input: process.stdin }).on('line', async (line) => {
		const m = JSON.parse(line);

		if (m.cancel !== undefined)
			return going.get(m.cancel)?.abort();
		going.set(m.id, new AbortController());
		try {
			say({ id: m.id, ...await verbs[m.do](m,
			    going.get(m.id).signal) });
		} catch (e) {
			say({ id: m.id, failed: words(e) });
		}
		going.delete(m.id);
	}).on('close', () => process.exit(0));
	process.on('unhandledRejection', (e) => console.error(e));
};
