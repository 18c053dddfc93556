/* SPDX-License-Identifier: MIT */
/*
 * page: the Inspector's web page in headless Chromium, as a person uses it:
 * connect with a token, see the tools, run a command and see its output while
 * it runs, stop one.  Screenshots go to build/inspector.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from
    'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';

const here = dirname(fileURLToPath(import.meta.url));
const launcher = join(here, 'node_modules/@modelcontextprotocol/inspector',
    'clients/launcher/build/index.js');
const shots = join(here, '..', 'inspector');
const home = mkdtempSync(join(tmpdir(), 'inspector-page-'));
const PATIENCE_MS = 30000;
const START_MS = 120000; /* of the Inspector, where everything else runs too */

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/* Wait for what test() gives to be true, and give it back. */
const until = async (what, test, ms = PATIENCE_MS) => {
	const end = Date.now() + ms;

	for (;;) {
		const value = await test();

		if (value)
			return value;
		if (Date.now() > end)
			assert.fail(`not within ${ms} ms: ${what}`);
		await pause(50);
	}
};

const freePort = () => new Promise((done) => {
	const s = net.createServer().listen(0, '127.0.0.1', () => {
		const { port } = s.address();

		s.close(() => done(port));
	});
});

/* The Inspector's server, with one of ours for each token; its address. */
const inspector = async () => {
	const config = join(home, 'config.json');
	const server = (token) => ({ type: 'http', url: process.env.MCP_URL,
	    headers: { Authorization: `Bearer ${token}` } });
	let said = '';

	writeFileSync(config, JSON.stringify({ mcpServers: {
		ours: server(process.env.MCP_TOKEN),
		stranger: server(`mxt_${'A'.repeat(43)}`),
	} }), { mode: 0o600 });
	const child = spawn(process.execPath, [launcher, '--web', '--config',
	    config], { env: { PATH: process.env.PATH, HOME: home,
		CLIENT_PORT: String(await freePort()), BROWSER: '/bin/false',
		MCP_SANDBOX_PORT: String(await freePort()),
		MCP_APP_ORIGIN_PORT: String(await freePort()),
		MCP_INSPECTOR_SECRET_STORE: 'memory',
		MCP_AUTO_OPEN_ENABLED: 'false' } });

	child.stdout.on('data', (d) => { said += d; });
	child.stderr.on('data', (d) => { said += d; });
	const url = await until('the Inspector listens', () => {
		assert.equal(child.exitCode, null, said);
		return said.match(/http:\/\/127\.0\.0\.1:\S+(?=\s)/)?.[0];
	}, START_MS).catch((e) => {
		child.kill();
		throw new Error(`${e.message}; it said: ${said}`);
	});

	return { child, url };
};

const browse = () => puppeteer.launch({
	executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
	headless: true, userDataDir: join(home, 'profile'),
	/* it runs as the user who runs the tests, and reaches this machine only */
	args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
	    '--disable-background-networking', '--disable-component-update',
	    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
});

const { child, url } = await inspector();
const browser = await browse();
const page = await browser.newPage();

const shot = (name) => page.screenshot({ path: join(shots, `${name}.png`) });
const words = () => page.evaluate(() => document.body.innerText);
/* Click what carries exactly these words, or has them as its label. */
const click = (text) => until(`"${text}" can be clicked`, () =>
    page.evaluate((t) => {
	const found = [...document.querySelectorAll(
	    'button, label, input, [role=tab]')].find((e) => !e.disabled &&
	    (e.innerText?.trim() === t || e.getAttribute('aria-label') === t));

	found?.click();
	return found !== undefined;
}, text));
const field = (name) => page.evaluateHandle((n) => {
	let e = document.querySelector(`button[aria-label="Enlarge ${n}"]`);

	while (e && !e.querySelector('input, textarea'))
		e = e.parentElement;
	return e?.querySelector('input, textarea');
}, name);
const records = () => readFileSync(process.env.MCP_AUDIT, 'utf8').split('\n')
    .slice(0, -1).map((line) => JSON.parse(line));

/* Choose exec_cmd and let it run this. */
const execute = async (command) => {
	await until('exec_cmd is listed', () => page.evaluate(() => {
		const found = [...document.querySelectorAll('button')]
		    .find((e) => e.innerText.includes('exec_cmd'));

		found?.click();
		return found !== undefined;
	}));
	await until('its form', async () =>
		(await words()).includes('command *'));
	await until('the form holds the command', async () => {
		const input = await field('command');

		/* not by three clicks: a slow machine takes them for one each */
		await input.evaluate((e) => {
			e.focus();
			e.select();
		});
		await input.type(command);
		return input.evaluate((e, c) => e.value === c, command);
	});
	await click('Execute Tool');
};

const steps = {
	async stranger_refused() {
		await page.setViewport({ width: 1400, height: 900 });
		await page.goto(url, { waitUntil: 'load', timeout: PATIENCE_MS });
		await click('Connect or disconnect "stranger"');
		await until('a record', () => records().some((r) =>
			r['event.action'] === 'auth-failure'));
		await pause(500);
		await shot('0-refused');
		assert.doesNotMatch(await words(), /MCP 20\d\d-/, 'it was let in');
	},
	async connected() {
		await page.goto(url, { waitUntil: 'load', timeout: PATIENCE_MS });
		await click('Connect or disconnect "ours"');
		await until('it says so', async () =>
			/Connected[^]*MCP 20\d\d-/.test(await words()));
		await shot('1-connected');
	},
	async tools_listed() {
		await click('Tools');
		await until('both tools', async () => {
			const text = await words();

			return text.includes('exec_cmd') &&
			    text.includes('cli_command');
		});
		await shot('2-tools');
	},
	async live_output() {
		const seen = [];

		await execute('for i in 1 2 3 4; do echo live $i; sleep 1; done');
		await until('the result', async () => {
			const text = await words();
			const line = text.match(/Tool progress\s+(live \d)/)?.[1];

			if (line && !seen.some((s) => s.line === line)) {
				seen.push({ line, at: Date.now() });
				await shot(`3-${line.replace(' ', '-')}`);
			}
			return text.includes('"exit_code": 0');
		});
		const end = Date.now();

		await shot('4-result');
		assert.ok(seen.length >= 3, JSON.stringify(seen));
		assert.ok(end - seen[0].at > 1500, 'while it runs');
		assert.match(await words(), /live 1\nlive 2\nlive 3\nlive 4/);
	},
	async cancelled() {
		await click('Close results');
		await execute('echo page-cancel; sleep 62');
		await until('it runs', () => records().some((r) =>
			r['event.action'] === 'run-intent' &&
			r['process.command_line'].includes('page-cancel')));
		await click('Cancel');
		const run = records().find((r) =>
			r['process.command_line']?.includes('page-cancel'))['run.id'];
		const end = await until('its end', () => records().find((r) =>
			r['event.action'] === 'run-result' &&
			r['run.id'] === run));

		assert.equal(end['run.state'], 'cancelled');
		await shot('5-cancelled');
	},
};

rmSync(shots, { recursive: true, force: true });
mkdirSync(shots, { recursive: true });
let failed = 0, passed = 0;

for (const [name, step] of Object.entries(steps)) {
	try {
		await step();
		console.log(`ok page ${name}`);
		passed++;
	} catch (e) {
		await shot(`failed-${name}`).catch(() => {});
		console.log(`FAIL page ${name}: ` +
		    String(e?.message ?? e).replace(/\s+/g, ' ').slice(0, 400));
		failed++;
		break; /* each stands on the one before */
	}
}
await browser.close();
child.kill();
rmSync(home, { recursive: true, force: true, maxRetries: 5 });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
