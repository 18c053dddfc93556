/* SPDX-License-Identifier: MIT */
/*
 * cases: what every client is asked to do.  connect(token, endpoints) gives
 * { list(), call(name, arguments, onprogress, signal), close() }; results are
 * as the client hands them out.  { expected } is the revision that it is to
 * speak.  `none` of run() names cases that the client or its revision does not
 * have, each with the reason: a cell of the matrix that is filled with it.
 * `only` chooses among the cases, where each costs much.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import net from 'node:net';

const env = (name) => {
	const value = process.env[name];

	if (!value)
		throw new Error(`${name} is not set: run this by tests/interop/run`);
	return value;
};

export const endpoints = {
	http: env('MCP_URL'),
	sse: env('MCP_SSE_URL'),
};
const TOKEN = env('MCP_TOKEN');
const WRONG = `mxt_${'A'.repeat(43)}`;

const records = () => readFileSync(env('MCP_AUDIT'), 'utf8').split('\n')
    .filter((line) => line !== '').map((line) => JSON.parse(line));

/* The revision of the last command, as recorded. */
const spoken = () => records()
    .findLast((r) => r['event.action'] === 'run-intent')['mcp.revision'];

/* Failed authentications with an unknown token, as recorded. */
const failures = () => records()
    .filter((r) => r['event.action'] === 'auth-failure' &&
	r['event.reason'].includes('unknown'))
    .reduce((sum, r) => sum + r['event.count'], 0);

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/* Wait for it to be true, and give it back. */
const within = async (what, test) => {
	for (let i = 0; i < 100; i++) {
		const value = test();

		if (value)
			return value;
		await pause(100);
	}
	assert.fail(`not within 10 s: ${what}`);
};

const mark = () => `m${randomBytes(6).toString('hex')}`;
const intents = (m) => records().filter((r) =>
	r['event.action'] === 'run-intent' &&
	r['process.command_line'].includes(m));
const ends = (m) => records().filter((r) =>
	r['event.action'] === 'run-result' &&
	intents(m).some((i) => i['run.id'] === r['run.id']));

/*
 * A network that fails once: what stands in front of the server, and cuts all
 * connections CUT_MS after a tools/call has gone by.
 */
const CUT_MS = 900;
const frail = async () => {
	const target = new URL(endpoints.http);
	const open = new Set();
	const state = { cuts: 0 };
	let armed = false;
	const server = net.createServer((client) => {
		const upstream = net.connect(target.port, target.hostname);
		const both = [client, upstream];

		both.forEach((s) => {
			open.add(s);
			s.on('error', () => {});
			s.on('close', () => {
				open.delete(s);
				both.forEach((other) => other.destroy());
			});
		});
		client.on('data', (data) => {
			if (armed || !data.includes('"tools/call"'))
				return;
			armed = true;
			setTimeout(() => {
				state.cuts++;
				open.forEach((s) => s.destroy());
			}, CUT_MS);
		});
		client.pipe(upstream);
		upstream.pipe(client);
	});

	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	const base = `http://127.0.0.1:${server.address().port}`;

	state.endpoints = { http: `${base}/mcp`, sse: `${base}/sse` };
	state.close = () => {
		server.close();
		open.forEach((s) => s.destroy());
	};
	return state;
};

const text = (result) => result.content.map((c) => c.text ?? '').join('');

const cases = {
	async list(c) {
		const tools = await c.list();
		const names = tools.map((t) => t.name).sort();

		assert.deepEqual(names, ['cli_command', 'exec_cmd']);
		for (const tool of tools) {
			assert.ok(tool.description.length > 20, 'description');
			assert.ok(tool.inputSchema.required.includes('command'));
		}
	},
	async exec_cmd(c) {
		const r = await c.call('exec_cmd',
		    { command: 'printf "a b\\nc\\n" | wc -l; id -u' });

		assert.ok(!r.isError, text(r));
		assert.match(text(r), /^\s*2\n\d+\n/);
		assert.equal(r.structuredContent.exit_code, 0);
		assert.match(r.structuredContent.stdout, /^\s*2\n\d+\n$/);
	},
	async cli_command(c) {
		const r = await c.call('cli_command',
		    { command: 'printf %s "a  $HOME | b"' });

		assert.ok(!r.isError, text(r));
		assert.equal(text(r), 'STDOUT: a  $HOME | b\n\n' +
		    'STDERR: \nRETURNCODE: 0\nSUCCESS: True');
	},
	async working_directory(c) {
		const top = await c.call('exec_cmd',
		    { command: 'mkdir -p sub/dir && pwd' });
		const sub = await c.call('exec_cmd',
		    { command: 'pwd', working_dir: 'sub/dir' });
		const cli = await c.call('cli_command',
		    { command: 'pwd', work_dir: 'sub' });
		const out = await c.call('exec_cmd',
		    { command: 'pwd', working_dir: '../..' });
		const here = top.structuredContent.stdout.trim();

		assert.equal(sub.structuredContent.stdout, `${here}/sub/dir\n`);
		assert.equal(cli.structuredContent.stdout, `${here}/sub\n`);
		assert.ok(out.isError, 'a directory outside is refused');
	},
	async failing_command(c) {
		const shell = await c.call('exec_cmd',
		    { command: 'echo so far; echo why >&2; exit 3' });
		const cli = await c.call('cli_command',
		    { command: 'ls /does/not/exist' });

		assert.equal(shell.isError, true);
		assert.match(text(shell), /execution failed/);
		assert.match(text(shell), /so far/);
		assert.match(text(shell), /why/);
		assert.equal(shell.structuredContent.exit_code, 3);
		assert.match(text(cli), /RETURNCODE: 2\nSUCCESS: False/);
		assert.match(text(cli), /No such file/);
	},
	async time_out(c) {
		const begin = Date.now();
		const r = await c.call('exec_cmd',
		    { command: 'echo so far; exec sleep 60', timeout_ms: 400 });

		assert.ok(Date.now() - begin < 15000, 'ends in time');
		assert.equal(r.isError, true);
		assert.equal(r.structuredContent.timed_out, true);
		assert.match(text(r), /so far/);
	},
	async live_output(c) {
		const seen = [];
		const r = await c.call('exec_cmd', {
			command: 'for i in 1 2 3; do echo tick $i; sleep 0.4; done',
		}, (p) => seen.push({ at: Date.now(), ...p }));
		const end = Date.now();

		assert.ok(!r.isError, text(r));
		assert.equal(seen.length, 3, JSON.stringify(seen));
		seen.forEach((p, i) => {
			assert.ok(i === 0 || p.progress > seen[i - 1].progress);
			if (c.messages ?? true)
				assert.equal(p.message, `tick ${i + 1}\n`);
		});
		assert.ok(end - seen[0].at > 700, 'while it runs');
		assert.ok(seen[2].at - seen[0].at > 500, 'as it comes');
	},
	async cancel(c) {
		const m = mark();
		const stop = new AbortController();
		const call = c.call('exec_cmd',
		    { command: `echo ${m}; sleep 61` }, undefined, stop.signal);
		const outcome = call.then(() => 'answered', () => 'ended');

		await within('it runs', () => intents(m).length === 1);
		await pause(200);
		stop.abort(new Error('no longer wanted'));
		assert.equal(await outcome, 'ended');
		const end = await within('its end', () => ends(m)[0]);

		assert.equal(end['run.state'], 'cancelled');
	},
	async big_output(c) {
		const r = await c.call('exec_cmd', { command: 'seq 1 200000' });

		assert.ok(!r.isError, text(r).slice(0, 200));
		assert.match(text(r), /^1\n2\n3\n/);
		assert.match(text(r), /\n199999\n200000\nMORE: [^\n]*\n$/);
		assert.equal(r.structuredContent.truncated, true);
		assert.equal(r.structuredContent.bytes.stdout, 1288895);
	},
};

/* Of clients that read resources: { resources(), read(uri) }. */
const readers = {
	async resources(c) {
		const r = await c.call('exec_cmd', { command: 'seq 1 100000' });
		const link = r.content.find((b) => b.type === 'resource_link');
		const uris = (await c.resources()).map((x) => x.uri);
		let got = '';

		assert.deepEqual(uris.slice(0, 2),
		    ['exec://policy', 'exec://runs']);
		assert.ok(uris.includes(link.uri), 'listed');
		assert.match((await c.read('exec://policy'))[0].text,
		    /^# Policy/);
		for (let uri = link.uri; uri !== undefined;) {
			const contents = await c.read(uri);

			got += contents[0].text;
			uri = contents[1]?.uri;
		}
		assert.equal(got, Array.from({ length: 100000 },
		    (_, i) => `${i + 1}\n`).join(''));
	},
};

/* The connection is cut in the middle of a call; it goes on anyway. */
const resume = async (connect) => {
	const net = await frail();
	const m = mark();
	const seen = [];

	try {
		const c = await connect(TOKEN, net.endpoints);
		const r = await c.call('exec_cmd', { command: 'for i in 1 2 3 4 5; ' +
		    `do echo tick $i ${m}; sleep 0.4; done` },
		    (p) => seen.push(p.message ?? ''));

		assert.equal(net.cuts, 1, 'the connection was cut');
		assert.ok(!r.isError, text(r));
		assert.equal(r.structuredContent.stdout, [1, 2, 3, 4, 5]
		    .map((i) => `tick ${i} ${m}\n`).join(''));
		assert.equal(intents(m).length, 1, 'it ran once');
		assert.equal(new Set(seen).size, seen.length, 'nothing twice');
		await c.close();
	} finally {
		net.close();
	}
};

const report = async (name, test) => {
	try {
		await test();
		console.log(`ok ${name}`);
	} catch (e) {
		const why = String(e?.message ?? e).replace(/\s+/g, ' ');

		console.log(`FAIL ${name}: ${why.slice(0, 400)}`);
	}
};

/* Every case over one connection, then a wrong token over another. */
export const run = async (label, connect, none = {}, only = () => true) => {
	const client = await connect(TOKEN, endpoints).catch((e) => {
		console.log(`FAIL ${label} connect: ${e?.message}`);
	});

	for (const [name, test] of Object.entries(
	    client?.read ? { ...cases, ...readers } : cases)) {
		if (!only(name))
			continue;
		if (name in none) {
			console.log(`none ${label} ${name}: ${none[name]}`);
			continue;
		}
		await report(`${label} ${name}`, async () => {
			assert.ok(client, 'no connection');
			await test(client);
		});
	}
	if (client?.expected !== undefined)
		await report(`${label} revision`, () =>
			assert.equal(spoken(), client.expected));
	if ('resume' in none)
		console.log(`none ${label} resume: ${none.resume}`);
	else
		await report(`${label} resume`, () => resume(connect));
	await report(`${label} wrong_token`, async () => {
		const before = failures();

		await assert.rejects(async () => {
			const c = await connect(WRONG, endpoints);

			await c.list();
		});
		/* clients name the reason as they like: the record tells it */
		for (let i = 0; i < 50 && failures() === before; i++)
			await new Promise((done) => setTimeout(done, 100));
		assert.ok(failures() > before, 'no failure was recorded');
	});
	await client?.close();
};
