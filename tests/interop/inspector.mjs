/* SPDX-License-Identifier: MIT */
/*
 * inspector: the Inspector's command line, one process a request.  It exits
 * with 5 when a tool says isError; its result is read anyway.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './cases.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const launcher = join(here, 'node_modules/@modelcontextprotocol/inspector',
    'clients/launcher/build/index.js');
const home = mkdtempSync(join(tmpdir(), 'inspector-'));

const inspect = (config, args, signal) => new Promise((resolve, reject) => {
	execFile(process.execPath, [launcher, '--cli', '--config', config,
	    '--server', 'ours', '--format', 'json', ...args],
	    { env: { ...process.env, HOME: home }, timeout: 30000, signal },
	    (error, stdout, stderr) => {
		try {
			resolve(JSON.parse(stdout));
		} catch {
			reject(new Error(`${error?.code}: ${stdout}` +
			    stderr.replace(/^\[mcp-inspector\].*$/gm, '')));
		}
	});
});

const variants = [
	['http', 'legacy', '2025-11-25'],
	['http', 'auto', '2026-07-28'],
	['http', 'modern', '2026-07-28'],
	['sse', 'legacy', '2025-11-25'],
];

/* Each call is a process: all cases with one variant, the matrix with all. */
const columns = ['list', 'exec_cmd', 'live_output', 'cancel', 'big_output'];

for (const [kind, era, expected] of variants)
	await run(`inspector-2.12 ${kind} ${era}`, async (token, endpoints) => {
		const config = join(home,
		    `${kind}-${era}-${token.slice(4, 12)}-` +
		    `${new URL(endpoints.http).port}.json`);

		writeFileSync(config, JSON.stringify({ mcpServers: { ours: {
			type: kind, url: endpoints[kind], protocolEra: era,
			headers: { Authorization: `Bearer ${token}` },
		} } }), { mode: 0o600 });
		return {
			expected,
			list: async () => {
				const r = await inspect(config,
				    ['--method', 'tools/list']);

				return (r.result ?? r).tools;
			},
			call: async (name, args, onprogress, signal) => {
				const r = await inspect(config,
				    ['--method', 'tools/call', '--tool-name', name,
				    ...Object.entries(args).flatMap(([k, v]) =>
					['--tool-arg', `${k}=${v}`])], signal);

				return r.result ?? r;
			},
			close: async () => {},
		};
	}, {
		live_output: 'the command line shows results only',
		...(era === 'legacy' ? { cancel:
		    'the command line sends none, and its end does not cancel' } : {}),
		...(kind === 'sse' ? { resume: 'HTTP+SSE has no event ids' } : {}),
		...(expected === '2026-07-28' ? { resume:
		    'a lost stream is the end of its call in 2026-07-28' } : {}),
	}, (name) => era === 'modern' || columns.includes(name));
rmSync(home, { recursive: true });
process.exit(0);
