/* SPDX-License-Identifier: MIT */
/*
 * remote: the bridge mcp-remote, which speaks stdio with its client and HTTP
 * with us, as desktop clients start it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from
    '@modelcontextprotocol/sdk/client/stdio.js';
import { run } from './cases.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const bridge = join(here, 'node_modules/mcp-remote/dist/proxy.js');
const home = mkdtempSync(join(tmpdir(), 'mcp-remote-'));

for (const kind of ['http', 'sse'])
	await run(`mcp-remote-0.15 ${kind}`, async (token, endpoints) => {
		const client = new Client({ name: 'interop', version: '1' });

		await client.connect(new StdioClientTransport({
			command: process.execPath,
			args: [bridge, endpoints[kind], '--transport',
			    `${kind}-only`, '--header',
			    'Authorization:${AUTH_HEADER}'],
			env: { PATH: process.env.PATH, HOME: home,
			    MCP_REMOTE_CONFIG_DIR: home, BROWSER: '/bin/false',
			    AUTH_HEADER: `Bearer ${token}` },
			stderr: 'ignore',
		}), { timeout: 15000 });
		return {
			list: async () => (await client.listTools()).tools,
			call: (name, args, onprogress, signal) => client.callTool(
			    { name, arguments: args }, undefined,
			    { onprogress, signal }),
			close: () => client.close(),
		};
	}, kind === 'sse' ? { resume: 'HTTP+SSE has no event ids' } : {});
rmSync(home, { recursive: true, force: true });
process.exit(0);
