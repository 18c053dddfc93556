/* SPDX-License-Identifier: MIT */
/*
 * direct: a page of another origin that speaks to the server itself, as the
 * Inspector does in its direct mode and any web application: in headless
 * Chromium, from an origin that allowed_origins names, and from one that it
 * does not.
 */
import assert from 'node:assert/strict';
import http from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';

const home = mkdtempSync(join(tmpdir(), 'direct-page-'));
const [allowed, foreign] = process.env.PAGE_PORTS.split(' ').map(Number);

/* What runs in the page; it gives back what it saw. */
const session = async (url, token) => {
	const headers = { 'Content-Type': 'application/json',
	    Accept: 'application/json, text/event-stream',
	    Authorization: `Bearer ${token}` };
	const seen = [];
	let id = 0;
	const post = async (method, params) => {
		const r = await fetch(url, { method: 'POST', headers,
		    body: JSON.stringify({ jsonrpc: '2.0', id: ++id, method,
			params }) });
		const text = await r.text();

		return { status: r.status, text,
		    session: r.headers.get('mcp-session-id'),
		    challenge: r.headers.get('www-authenticate') };
	};

	try {
		const hello = await post('initialize', { protocolVersion:
		    '2025-11-25', capabilities: {}, clientInfo: { name: 'page',
			version: '1' } });

		if (hello.status !== 200)
			return hello;
		headers['Mcp-Session-Id'] = hello.session;
		headers['MCP-Protocol-Version'] = '2025-11-25';
		seen.push(await post('tools/list', {}));
		seen.push(await post('tools/call', { name: 'exec_cmd',
		    arguments: { command: 'for i in 1 2; do echo tick $i; ' +
			'sleep 0.3; done' }, _meta: { progressToken: 1 } }));
		const stream = await fetch(url, { headers: { ...headers,
		    Accept: 'text/event-stream' } });

		seen.push({ status: stream.status });
		await stream.body.cancel();
		const end = await fetch(url, { method: 'DELETE', headers });

		seen.push({ status: end.status, text: await end.text() });
		return { status: 200, session: hello.session, seen };
	} catch (e) {
		return { error: String(e) };
	}
};

const servers = [allowed, foreign].map((port) => http.createServer(
    (_, answer) => answer.end('<!doctype html><title>page</title>'))
    .listen(port, '127.0.0.1'));
const browser = await puppeteer.launch({
	executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
	headless: true, userDataDir: join(home, 'profile'),
	args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
	    '--disable-background-networking', '--disable-component-update',
	    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
});
const from = async (port, token) => {
	const page = await browser.newPage();

	await page.goto(`http://127.0.0.1:${port}/`);
	return page.evaluate(session, process.env.MCP_URL, token);
};

const steps = {
	async allowed_origin() {
		const r = await from(allowed, process.env.MCP_TOKEN);

		assert.equal(r.status, 200, JSON.stringify(r));
		assert.ok(r.session, 'its session id can be read');
		const [list, call, stream, end] = r.seen;

		assert.match(list.text, /exec_cmd/);
		assert.match(call.text, /tick 1[^]*tick 2/);
		assert.equal(stream.status, 200, JSON.stringify(r.seen));
		/* Chromium may send it twice, the stream's connection being cut */
		assert.ok([204, 404].includes(end.status), end.text);
	},
	async wrong_token() {
		const r = await from(allowed, `mxt_${'A'.repeat(43)}`);

		assert.equal(r.status, 401, JSON.stringify(r));
		assert.match(JSON.parse(r.text).error.message, /token/);
		assert.match(r.challenge, /Bearer/);
	},
	async foreign_origin() {
		const r = await from(foreign, process.env.MCP_TOKEN);

		assert.match(r.error ?? '', /Failed to fetch/, JSON.stringify(r));
	},
};
let failed = 0, passed = 0;

for (const [name, step] of Object.entries(steps)) {
	try {
		await step();
		console.log(`ok direct ${name}`);
		passed++;
	} catch (e) {
		console.log(`FAIL direct ${name}: ` +
		    String(e?.message ?? e).replace(/\s+/g, ' ').slice(0, 400));
		failed++;
	}
}
await browser.close();
servers.forEach((s) => s.close());
rmSync(home, { recursive: true, force: true, maxRetries: 5 });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
